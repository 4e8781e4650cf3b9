/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Webhooks: stored as they came, judged afterwards. Who sends gets his answer when the bytes are on disk: whatever becomes of them, they can be judged again. */
#include <string.h>

#include "base/log.h"
#include "base/step.h"
#include "base/utf8.h"
#include "business/pay/room.h"

enum {
    HEADER_BYTES_MAX = 8 * 1024,
    WAITS_MAX = 9, /* 1 + 2 + ... + 256 s */
    LARGE_BATCH = 8,
    JUDGING_BYTES_MAX = 8 * LARGE_BATCH * PAY_WEBHOOK_BYTES_MAX,
};

const char *const pay_webhook_headers[] = {"stripe-signature", "grandstand-sandbox-signature"};
const size_t pay_webhook_header_count = ARRAY_LEN(pay_webhook_headers);

/* --- storing --- */

struct err webhooks_store(struct pay *p, struct db_tx *tx, const struct webhook_new *list, size_t count) {
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < count; i++)
        e = DB_RUN(tx, &pay_webhook_insert, DB_INT("id", id_next(p->o.ids)), DB_INT("org_id", list[i].org_id), DB_INT("provider", list[i].provider), DB_INT("now_us", now_us(p)),
                   DB_TEXT("headers", list[i].headers), DB_BLOB("body", list[i].body));
    return e;
}

struct store_work {
    struct pay *p;
    struct webhook_new new;
};
static struct err store_fn(struct db_tx *tx, void *arg) {
    struct store_work *w = arg;
    return webhooks_store(w->p, tx, &w->new, 1);
}

struct err pay_webhook_in(struct pay *p, int64_t org_id, struct slice provider, const struct pay_header *headers, size_t count, struct slice body, struct slice *answer) {
    enum pay_provider which;
    if (!pay_provider_of(provider, &which)) return err_make(ERR_NOT_FOUND, "pay.provider", "There is no such way to pay.");
    if (body.len > PAY_WEBHOOK_BYTES_MAX) return err_make(ERR_LIMIT, "pay.webhook_large", "This is larger than anything a provider says.");
    struct buf text = BUF(HEADER_BYTES_MAX);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < pay_webhook_header_count; k++) {
            bool is_fine = slice_eq(headers[i].name, slice_cstr(pay_webhook_headers[k])) && headers[i].value.len < 4000 && utf8_is_valid(headers[i].value) &&
                           slice_find_byte(headers[i].value, '\n') == SLICE_NPOS && slice_find_byte(headers[i].value, 0) == SLICE_NPOS;
            if (is_fine) buf_printf(&text, "%s: %.*s\n", pay_webhook_headers[k], SLICE_ARG(headers[i].value));
        }
    struct err e = text.has_failed ? err_make(ERR_LIMIT, "pay.webhook_large", "This is larger than anything a provider says.") : ERR_OK;
    struct store_work w = {p, {org_id, which, text.len ? buf_slice(&text) : SLICE(""), body.len ? body : SLICE("")}};
    if (!e.kind) e = db_write(p->o.db, store_fn, &w);
    buf_free(&text);
    if (e.kind) return e;
    count_add(p, COUNT_WEBHOOKS);
    STEP(pay_webhook_stored);
    pay_wake(p);
    *answer = slice_cstr(provider_at(which)->webhook_answer);
    return ERR_OK;
}

/* --- judging --- */

struct judging {
    struct pay *p;
    struct arena *arena;
    int64_t id, org_id, received_us, attempts;
    enum pay_provider provider;
    struct slice headers, body;
    struct provider_event event;
    struct word_effects effects;
    enum judgement result;
};

static struct err judged(struct judging *j, struct db_tx *tx, enum judgement judgement, struct slice event_id, struct slice trouble, int64_t payment_id) {
    j->result = judgement;
    return DB_RUN(tx, &pay_webhook_judged, DB_INT("id", j->id), DB_INT("judgement", judgement), DB_TEXT_OR_NULL("event_id", event_id), DB_TEXT_OR_NULL("kind", j->event.kind),
                  DB_TEXT_OR_NULL("trouble", trouble), DB_INT("payment_id", payment_id));
}

/* Of several words the weightiest judgement counts for the webhook. */
static enum judgement heavier(enum judgement a, enum judgement b) {
    static const int weight[] = {[0] = 0, [JUDGED_IGNORED] = 1, [JUDGED_DUPLICATE] = 2, [JUDGED_LATE] = 3, [JUDGED_APPLIED] = 4, [JUDGED_PARKED] = 5, [JUDGED_WAIT] = 6, [JUDGED_REFUSED] = 7};
    return weight[a] >= weight[b] ? a : b;
}

static struct err judge_in(struct judging *j, struct db_tx *tx) {
    const struct provider_event *event = &j->event;
    j->effects = (struct word_effects){0};
    if (event->verdict == EVENT_FORGED) return judged(j, tx, JUDGED_REFUSED, SLICE_NONE, slice_cstr(event->why), 0);
    if (event->id.len) {
        int64_t same = DB_GET_INT(tx, 0, &pay_webhook_of_event, DB_INT("org_id", j->org_id), DB_INT("provider", j->provider), DB_TEXT("event_id", event->id));
        if (same && same != j->id) return judged(j, tx, JUDGED_DUPLICATE, SLICE_NONE, event->id, 0);
    }
    if (event->verdict == EVENT_IGNORED) return judged(j, tx, JUDGED_IGNORED, event->id, SLICE_NONE, 0);
    struct word_context context = {.org_id = j->org_id, .provider = j->provider, .source = SOURCE_WEBHOOK, .webhook_id = j->id, .kind = event->kind};
    enum judgement all = JUDGED_IGNORED;
    int64_t payment_id = 0;
    for (size_t i = 0; i < event->count; i++) {
        enum judgement one = JUDGED_IGNORED;
        struct err e = word_apply(j->p, tx, j->arena, &context, &event->words[i], &j->effects, &one, &payment_id);
        if (e.kind) return e;
        all = heavier(all, one);
    }
    STEP(pay_webhook_judged_inside);
    if (all == JUDGED_WAIT && j->attempts < WAITS_MAX) {
        j->result = JUDGED_WAIT;
        return DB_RUN(tx, &pay_webhook_later, DB_INT("id", j->id), DB_INT("due_us", now_us(j->p) + retry_us(j->attempts + 1)), DB_TEXT_OR_NULL("trouble", SLICE_NONE));
    }
    return judged(j, tx, all == JUDGED_WAIT ? JUDGED_IGNORED : all, event->id, SLICE_NONE, payment_id);
}

struct judging_batch {
    struct judging *items;
    size_t count;
};
static struct err judge_fn(struct db_tx *tx, void *arg) {
    struct judging_batch *b = arg;
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < b->count; i++) e = judge_in(&b->items[i], tx);
    return e;
}

struct later_work {
    struct pay *p;
    const struct judging *j;
    const char *code;
};
static struct err later_fn(struct db_tx *tx, void *arg) {
    struct later_work *w = arg;
    return DB_RUN(tx, &pay_webhook_later, DB_INT("id", w->j->id), DB_INT("due_us", now_us(w->p) + retry_us(w->j->attempts + 1)), DB_CSTR("trouble", w->code));
}

static bool is_store_trouble(struct err e) { return e.kind == ERR_IO || e.kind == ERR_BUSY || e.kind == ERR_LIMIT; }

static void judgement_count(struct pay *p, const struct judging *j) {
    effects_count(p, &j->effects);
    if (j->result == JUDGED_REFUSED) {
        count_add(p, COUNT_FORGED);
        log_warn("pay", "webhook refused", LOG_TEXT("provider", pay_provider_id(j->provider)), LOG_TEXT("why", j->event.why), LOG_INT("webhook", j->id));
    } else if (j->result == JUDGED_DUPLICATE) count_add(p, COUNT_DUPLICATE);
    else if (j->result == JUDGED_APPLIED) count_add(p, COUNT_APPLIED);
    if (j->effects.parked) log_warn("pay", "parked", LOG_TEXT("provider", pay_provider_id(j->provider)), LOG_INT("webhook", j->id));
}

struct due_work {
    struct pay *p;
    struct arena *arena;
    size_t limit;
    struct db_rows rows;
};
static struct err due_fn(struct db_tx *tx, void *arg) {
    struct due_work *w = arg;
    int64_t now = now_us(w->p);
    return DB_QUERY(tx, w->arena, &w->rows, &pay_webhook_due, DB_INT("now_us", now), DB_INT("far_us", now + 2 * RETRY_MAX_S * INT64_C(1000000)), DB_INT("limit", (int64_t)w->limit));
}

static struct err event_read(struct judging *j) {
    struct provider_config config;
    struct err e = config_of(j->p, NULL, j->arena, j->org_id, j->provider, &config);
    struct pay_header *headers = e.kind ? NULL : arena_alloc_array(j->arena, 16, sizeof *headers);
    if (!e.kind && !headers) e = err_memory();
    if (e.kind) return e;
    size_t count = 0;
    struct slice rest = j->headers, line;
    while (count < 16 && slice_next(&rest, '\n', &line)) {
        size_t colon = slice_find(line, SLICE(": "));
        if (colon != SLICE_NPOS) headers[count++] = (struct pay_header){slice_sub(line, 0, colon), slice_sub(line, colon + 2, line.len)};
    }
    j->event = (struct provider_event){0};
    return provider_at(j->provider)->webhook(&config, j->received_us, headers, count, j->body, j->arena, &j->event);
}

static struct err batch_judge(struct pay *p, struct arena *arena, size_t limit, size_t *did) {
    struct due_work w = {.p = p, .arena = arena, .limit = limit};
    struct err e = db_read(p->o.db, due_fn, &w);
    if (e.kind || !w.rows.count) return e;
    struct judging_batch batch = {.items = arena_alloc_array(arena, w.rows.count, sizeof *batch.items), .count = w.rows.count};
    if (!batch.items) return err_memory();
    for (size_t i = 0; !e.kind && i < batch.count; i++) {
        batch.items[i] = (struct judging){.p = p, .arena = arena, .id = db_int(&w.rows, i, "id"), .org_id = db_int(&w.rows, i, "org_id"), .received_us = db_int(&w.rows, i, "received_us"),
                                          .attempts = db_int(&w.rows, i, "attempts"), .provider = (enum pay_provider)db_int(&w.rows, i, "provider"),
                                          .headers = db_text(&w.rows, i, "headers"), .body = db_blob(&w.rows, i, "body")};
        e = event_read(&batch.items[i]);
    }
    if (e.kind) return e;
    e = db_write(p->o.db, judge_fn, &batch);
    if (!e.kind) {
        for (size_t i = 0; i < batch.count; i++) judgement_count(p, &batch.items[i]);
    } else if (is_store_trouble(e)) {
        return e;
    } else { /* one of them is refused by whoever listens: each for itself, so that the others need not wait for it */
        e = ERR_OK;
        for (size_t i = 0; !e.kind && i < batch.count; i++) {
            struct judging_batch one = {&batch.items[i], 1};
            struct err refused = db_write(p->o.db, judge_fn, &one);
            if (!refused.kind) judgement_count(p, &batch.items[i]);
            else if (is_store_trouble(refused)) e = refused;
            else {
                log_error("pay", "webhook not applied", LOG_INT("webhook", batch.items[i].id), LOG_ERR(refused));
                struct later_work later = {p, &batch.items[i], refused.code};
                e = db_write(p->o.db, later_fn, &later);
            }
        }
    }
    if (e.kind) return e;
    *did += batch.count;
    STEP(pay_webhook_judged);
    for (size_t i = 0; i < batch.count; i++)
        if (batch.items[i].effects.told && p->listener.committed) {
            p->listener.committed(p->listener.user);
            break;
        }
    return ERR_OK;
}

/* Providers' messages are some kilobytes. Strangers may send large ones, which must not keep the others out: then a few at a time. */
struct err webhooks_judge(struct pay *p, size_t *did) {
    struct arena *arena = arena_create(JUDGING_BYTES_MAX);
    if (!arena) return err_memory();
    struct err e = batch_judge(p, arena, BATCH_MAX, did);
    if (e.kind == ERR_LIMIT) {
        arena_reset(arena);
        e = batch_judge(p, arena, LARGE_BATCH, did);
    }
    arena_destroy(&arena);
    return e;
}

/* --- looking at them --- */

struct raw_work {
    struct arena *arena;
    int64_t org_id, id;
    struct slice body;
};
static struct err raw_fn(struct db_tx *tx, void *arg) {
    struct raw_work *w = arg;
    struct db_rows rows;
    struct err e = DB_QUERY(tx, w->arena, &rows, &pay_webhook_body, DB_INT("id", w->id), DB_INT("org_id", w->org_id));
    if (e.kind) return e;
    if (!rows.count) return err_make(ERR_NOT_FOUND, "pay.webhook", "There is no such message, or it is too old to be kept.");
    w->body = db_blob(&rows, 0, "body");
    return ERR_OK;
}
struct err pay_webhook_raw(struct pay *p, struct arena *arena, int64_t org_id, int64_t webhook_id, struct slice *body) {
    struct raw_work w = {arena, org_id, webhook_id, SLICE_NONE};
    struct err e = db_read(p->o.db, raw_fn, &w);
    if (!e.kind) *body = w.body;
    return e;
}

enum { PRUNED_AT_ONCE = 1000, FORGED_KEPT = 1000 };
#define DAY_US (INT64_C(24) * 3600 * 1000000)
struct prune_work {
    int64_t now_us, pruned;
};
static struct err prune_fn(struct db_tx *tx, void *arg) {
    struct prune_work *w = arg;
    struct err e = DB_CHANGE(tx, &w->pruned, &pay_webhook_prune, DB_INT("applied_before_us", w->now_us - 90 * DAY_US), DB_INT("others_before_us", w->now_us - 7 * DAY_US), DB_INT("limit", PRUNED_AT_ONCE));
    return e.kind ? e : DB_RUN(tx, &pay_webhook_prune_forged, DB_INT("kept", FORGED_KEPT));
}
struct err pay_tick(struct pay *p) {
    struct prune_work w = {.now_us = now_us(p), .pruned = PRUNED_AT_ONCE};
    struct err e = ERR_OK;
    for (int i = 0; !e.kind && w.pruned == PRUNED_AT_ONCE && i < 100; i++) e = db_write(p->o.db, prune_fn, &w);
    return e;
}
