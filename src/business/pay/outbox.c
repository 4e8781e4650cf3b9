/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is to be said to providers. A row is claimed (so that no two say it at once), said, and removed in the transaction that takes in the answer; between claim and answer nothing of
 * ours is written, and whoever is killed there says it again under the same key. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "business/pay/room.h"

static const char *const op_names[] = {"", "create", "capture", "cancel", "refund", "ask", "ask_refund", "sweep"};
const char *op_name(enum op_kind kind) { return op_names[kind]; }

int64_t retry_us(int64_t attempts) {
    int64_t wait = 1;
    for (int64_t i = 1; i < attempts && wait < RETRY_MAX_S; i++) wait *= 2;
    return (wait < RETRY_MAX_S ? wait : RETRY_MAX_S) * 1000000;
}

/* --- taking what is due --- */

struct claim_work {
    struct pay *p;
    struct arena *arena;
    bool is_local;
    size_t limit;
    struct db_rows rows;
};
static struct err claim_fn(struct db_tx *tx, void *arg) {
    struct claim_work *w = arg;
    int64_t now = now_us(w->p), claim = id_next(w->p->o.ids), until = now + CLAIM_S * INT64_C(1000000), changed = 0;
    struct err e = DB_CHANGE(tx, &changed, &pay_outbox_claim, DB_INT("now_us", now), DB_INT("until_us", until), DB_INT("far_us", now + 2 * RETRY_MAX_S * INT64_C(1000000)), DB_INT("claim", claim),
                             DB_BOOL("is_local", w->is_local), DB_INT("limit", (int64_t)w->limit));
    w->rows = (struct db_rows){0};
    return e.kind || !changed ? e : DB_QUERY(tx, w->arena, &w->rows, &pay_outbox_claimed, DB_INT("until_us", until), DB_INT("claim", claim));
}

static struct slice or_empty(struct slice s) { return s.ptr ? s : SLICE(""); }

static struct op op_at(struct pay *p, struct arena *arena, const struct db_rows *rows, size_t i) {
    uint16_t currency = (uint16_t)db_int(rows, i, "currency");
    struct op op = {.id = db_int(rows, i, "id"), .org_id = db_int(rows, i, "org_id"), .provider = (enum pay_provider)db_int(rows, i, "provider"), .kind = (enum op_kind)db_int(rows, i, "kind"),
                    .payment_id = db_int(rows, i, "payment_id"), .refund_id = db_int(rows, i, "refund_id"), .attempts = (int)db_int(rows, i, "attempts"), .first_us = db_int(rows, i, "first_us"),
                    .amount = MONEY(db_int(rows, i, "amount"), currency), .refund_amount = MONEY(db_int(rows, i, "refund_amount"), currency), .ref = or_empty(db_text(rows, i, "provider_ref")),
                    .refund_ref = or_empty(db_text(rows, i, "refund_ref")), .token = or_empty(db_text(rows, i, "token")), .what = or_empty(db_text(rows, i, "what")),
                    .return_url = or_empty(db_text(rows, i, "return_url")), .household_id = db_int(rows, i, "household_id"), .created_us = db_int(rows, i, "created_us"),
                    .expires_us = db_int(rows, i, "expires_us"), .is_off_session = db_int(rows, i, "is_off_session") != 0, .keeps_method = db_int(rows, i, "keeps_method") != 0,
                    .now_us = now_us(p), .customer = SLICE(""), .cursor = SLICE(""), .notify_url = SLICE("")};
    public_id_parse(db_text(rows, i, "public_id"), &op.public_id);
    if (op.kind == OP_SWEEP) op.since_us = op.refund_id; /* reconcile.c puts it there */
    if (p->o.site_url) op.notify_url = arena_printf(arena, "%s/api/v1/pay/webhooks/%s", p->o.site_url, pay_provider_id(op.provider));
    return op;
}

/* --- taking in an answer --- */

struct answering {
    struct pay *p;
    struct arena *arena;
    const struct op *op;
    const struct provider_answer *answer;
    struct word_effects effects;
};

static struct err op_drop(struct answering *w, struct db_tx *tx) { return DB_RUN(tx, &pay_outbox_delete, DB_INT("id", w->op->id)); }
static struct err op_again(struct answering *w, struct db_tx *tx) {
    return DB_RUN(tx, &pay_outbox_later, DB_INT("id", w->op->id), DB_INT("due_us", now_us(w->p) + retry_us(w->op->attempts)));
}

static struct err refused_in(struct answering *w, struct db_tx *tx) {
    const struct op *op = w->op;
    const char *code = w->answer->code ? w->answer->code : "pay.refused";
    struct slice message = w->answer->message;
    if (op->kind == OP_CREATE || op->kind == OP_CAPTURE) return payment_fail(w->p, tx, w->arena, op->org_id, op->payment_id, code, message, &w->effects);
    if (op->kind == OP_REFUND) return refund_fail(w->p, tx, w->arena, op->org_id, op->refund_id, code, message, &w->effects);
    if (op->kind == OP_SWEEP) return ERR_OK;
    struct err e = event_add(w->p, tx, op->org_id, op->payment_id, SOURCE_ANSWER, JUDGED_REFUSED, slice_cstr(op->kind == OP_CANCEL ? "cancel.refused" : "ask.refused"), message, 0);
    /* Who does not let go of it may have taken the money meanwhile. */
    if (!e.kind && op->kind == OP_CANCEL) e = outbox_add(w->p, tx, op->org_id, op->provider, OP_ASK, op->payment_id, 0);
    return e;
}

/* The provider has never heard of it. */
static struct err unknown_in(struct answering *w, struct db_tx *tx) {
    const struct op *op = w->op;
    struct word_context context = {.org_id = op->org_id, .provider = op->provider, .source = SOURCE_QUERY, .kind = SLICE("")};
    enum judgement judgement;
    if (op->kind == OP_CANCEL || (op->kind == OP_ASK && op->now_us > op->expires_us)) {
        struct word word = {.about = WORD_PAYMENT, .public_id = public_id_slice(&op->public_id), .state = PAY_CANCELLED};
        return word_apply(w->p, tx, w->arena, &context, &word, &w->effects, &judgement, NULL);
    }
    /* Not there although we have asked for it: said once more, under the same key. */
    if (op->kind == OP_ASK_REFUND) return outbox_add(w->p, tx, op->org_id, op->provider, OP_REFUND, op->payment_id, op->refund_id);
    if (op->kind == OP_REFUND) return refund_fail(w->p, tx, w->arena, op->org_id, op->refund_id, "pay.refused", w->answer->message, &w->effects);
    return ERR_OK;
}

static struct err answer_in(struct answering *w, struct db_tx *tx) {
    const struct op *op = w->op;
    w->effects = (struct word_effects){0};
    if (w->answer->outcome == ANSWER_LATER) return op_again(w, tx);
    struct err e = w->answer->outcome == ANSWER_GO_ON ? ERR_OK : op_drop(w, tx); /* a page of a list: the rest is still to come */
    if (!e.kind && w->answer->outcome == ANSWER_REFUSED) e = refused_in(w, tx);
    if (!e.kind && w->answer->outcome == ANSWER_UNKNOWN) e = unknown_in(w, tx);
    bool was_asked = op->kind == OP_ASK || op->kind == OP_ASK_REFUND || op->kind == OP_SWEEP;
    struct word_context context = {.org_id = op->org_id, .provider = op->provider, .source = was_asked ? SOURCE_QUERY : SOURCE_ANSWER, .kind = SLICE("")};
    for (size_t i = 0; !e.kind && i < w->answer->count; i++) {
        enum judgement judgement;
        e = word_apply(w->p, tx, w->arena, &context, &w->answer->words[i], &w->effects, &judgement, NULL);
    }
    STEP(pay_answer_inside);
    return e;
}

struct answer_batch {
    struct answering *items;
    size_t count;
};
static struct err answers_fn(struct db_tx *tx, void *arg) {
    struct answer_batch *b = arg;
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < b->count; i++) e = answer_in(&b->items[i], tx);
    return e;
}
static struct err again_fn(struct db_tx *tx, void *arg) { return op_again(arg, tx); }

static void answer_count(struct pay *p, const struct answering *w) {
    count_add(p, COUNT_CALLS);
    if (w->answer->outcome == ANSWER_LATER) count_add(p, COUNT_CALLS_RETRIED);
    if (w->answer->outcome == ANSWER_REFUSED) count_add(p, COUNT_CALLS_FAILED);
    effects_count(p, &w->effects);
    if (w->effects.parked) log_warn("pay", "parked", LOG_TEXT("provider", pay_provider_id(w->op->provider)), LOG_SLICE("payment", public_id_slice(&w->op->public_id)));
}

/* All in one transaction; if one is refused by whoever listens, each in its own. */
static struct err answers_apply(struct pay *p, struct answer_batch batch) {
    struct err e = db_write(p->o.db, answers_fn, &batch);
    bool was_told = false;
    if (e.kind == ERR_IO || e.kind == ERR_BUSY || e.kind == ERR_LIMIT) return e; /* the claim ends by itself */
    if (!e.kind) {
        for (size_t i = 0; i < batch.count; i++) answer_count(p, &batch.items[i]), was_told |= batch.items[i].effects.told;
    } else {
        e = ERR_OK;
        for (size_t i = 0; !e.kind && i < batch.count; i++) {
            struct answer_batch one = {&batch.items[i], 1};
            struct err refused = db_write(p->o.db, answers_fn, &one);
            if (!refused.kind) {
                answer_count(p, &batch.items[i]);
                was_told |= batch.items[i].effects.told;
                continue;
            }
            log_error("pay", "answer not applied", LOG_TEXT("call", op_name(batch.items[i].op->kind)), LOG_ERR(refused));
            e = db_write(p->o.db, again_fn, &batch.items[i]);
        }
    }
    STEP(pay_answer_stored);
    if (was_told && p->listener.committed) p->listener.committed(p->listener.user);
    return e;
}

struct err answer_apply(struct pay *p, const struct op *op, const struct provider_answer *answer, struct arena *arena) {
    struct answering one = {.p = p, .arena = arena, .op = op, .answer = answer};
    return answers_apply(p, (struct answer_batch){&one, 1});
}

/* --- the sandbox: at once, many in one transaction --- */

struct perform_work {
    struct pay *p;
    struct arena *arena;
    struct op *ops;
    struct provider_answer **answers;
    size_t count;
};
static struct err perform_fn(struct db_tx *tx, void *arg) {
    struct perform_work *w = arg;
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < w->count; i++) {
        *w->answers[i] = (struct provider_answer){.words = w->answers[i]->words, .words_max = w->answers[i]->words_max};
        e = sandbox_perform(w->p, tx, w->arena, &w->ops[i], w->answers[i]);
    }
    return e;
}

static struct err local_work(struct pay *p, struct arena *arena, const struct db_rows *rows) {
    size_t count = rows->count;
    if (!count) return ERR_OK;
    struct op *ops = arena_alloc_array(arena, count, sizeof *ops);
    struct provider_answer **answers = arena_alloc_array(arena, count, sizeof *answers);
    struct answering *items = arena_alloc_array(arena, count, sizeof *items);
    if (!ops || !answers || !items) return err_memory();
    for (size_t i = 0; i < count; i++) {
        ops[i] = op_at(p, arena, rows, i);
        answers[i] = answer_make(arena, 1);
        if (!answers[i]) return err_memory();
        items[i] = (struct answering){.p = p, .arena = arena, .op = &ops[i], .answer = answers[i]};
    }
    struct perform_work w = {p, arena, ops, answers, count};
    struct err e = db_write(p->o.db, perform_fn, &w);
    STEP(pay_called);
    return e.kind ? e : answers_apply(p, (struct answer_batch){items, count});
}

/* --- the others: by calls --- */

enum { PAGES_MAX = 2000 };
struct pending { /* a call on its way: its op, in an arena of its own; what one of its requests and answers needs is in `scratch` */
    struct arena *arena, *scratch;
    struct op op;
    struct provider_config config;
    int pages;
};

static struct slice arena_keep(struct arena *arena, struct slice s) { return s.len ? arena_copy(arena, s) : SLICE(""); }

static void pending_free(struct pending *own) {
    struct arena *arena = own->arena;
    arena_destroy(&own->scratch);
    arena_destroy(&arena);
}

static struct err pending_make(struct pay *p, const struct op *op, struct pending **out) {
    struct arena *arena = arena_create(1 << 20), *scratch = arena_create(16 << 20);
    struct pending *own = arena && scratch ? ARENA_NEW(arena, struct pending) : NULL;
    if (!own) {
        arena_destroy(&scratch);
        arena_destroy(&arena);
        return err_memory();
    }
    *own = (struct pending){.arena = arena, .scratch = scratch, .op = *op};
    struct slice *texts[] = {&own->op.ref, &own->op.refund_ref, &own->op.token, &own->op.customer, &own->op.what, &own->op.return_url, &own->op.notify_url, &own->op.cursor};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) *texts[i] = arena_keep(arena, *texts[i]);
    struct err e = config_of(p, NULL, arena, op->org_id, op->provider, &own->config);
    if (!e.kind && arena_overflowed(arena)) e = err_memory();
    if (e.kind) pending_free(own);
    else *out = own;
    return e;
}

void outbox_pending_free(void *pending) { pending_free(pending); }

/* Begins the call, or the next one of the same op. Takes `own`. */
static struct err pending_start(struct pay *p, struct pending *own) {
    const struct provider *provider = provider_at(own->op.provider);
    struct provider_request request = {0};
    arena_reset(own->scratch);
    struct provider_answer *answer = answer_make(own->scratch, WORDS_MAX);
    struct err e = answer ? provider->request(&own->config, &own->op, own->scratch, &request) : err_memory();
    if (e.kind == ERR_INPUT) { /* the settings do not do */
        log_error("pay", "not called", LOG_TEXT("provider", provider->id), LOG_TEXT("call", op_name(own->op.kind)), LOG_ERR(e));
        bool has_buyer = own->op.kind == OP_CREATE;
        answer->outcome = has_buyer ? ANSWER_REFUSED : ANSWER_LATER, answer->code = "pay.settings", answer->message = slice_cstr(e.code);
        e = answer_apply(p, &own->op, answer, own->scratch);
        pending_free(own);
        return e;
    }
    if (!e.kind && request.is_local) {
        e = provider->answer(&own->config, &own->op, own->scratch, 0, SLICE(""), answer);
        if (!e.kind) e = answer_apply(p, &own->op, answer, own->scratch);
        pending_free(own);
        return e;
    }
    if (!e.kind) e = calls_start(p->calls, &request, own);
    if (e.kind) pending_free(own);
    return e;
}

struct err outbox_work(struct pay *p, struct arena *arena, size_t *did) {
    struct claim_work w = {.p = p, .arena = arena, .is_local = true, .limit = BATCH_MAX};
    struct err e = db_write(p->o.db, claim_fn, &w);
    if (e.kind) return e;
    STEP(pay_outbox_taken);
    *did += w.rows.count;
    e = local_work(p, arena, &w.rows);
    size_t slots = calls_free_slots(p->calls);
    if (e.kind || !slots) return e;
    w.is_local = false;
    w.limit = slots;
    e = db_write(p->o.db, claim_fn, &w);
    if (e.kind) return e;
    STEP(pay_outbox_taken);
    *did += w.rows.count;
    for (size_t i = 0; !e.kind && i < w.rows.count; i++) {
        struct op op = op_at(p, arena, &w.rows, i);
        struct pending *own = NULL;
        e = pending_make(p, &op, &own);
        if (!e.kind) e = pending_start(p, own);
    }
    return e;
}

struct err outbox_answers(struct pay *p, struct arena *arena, size_t *did) {
    void *user;
    int status;
    struct slice body;
    const char *trouble;
    while (calls_take(p->calls, &user, &status, &body, &trouble)) {
        struct pending *own = user;
        const struct provider *provider = provider_at(own->op.provider);
        struct provider_answer *answer = answer_make(own->scratch, WORDS_MAX);
        struct err e = answer ? ERR_OK : err_memory();
        (*did)++;
        STEP(pay_called);
        if (!e.kind && status == 0) answer->outcome = ANSWER_LATER, answer->message = slice_cstr(trouble);
        else if (!e.kind) e = provider->answer(&own->config, &own->op, own->scratch, status, body, answer);
        calls_give(p->calls); /* what it says lives in the arena: the next call of the same op may take its place */
        if (!e.kind && answer->outcome == ANSWER_LATER)
            log_warn("pay", "not now", LOG_TEXT("provider", provider->id), LOG_TEXT("call", op_name(own->op.kind)), LOG_INT("status", status), LOG_INT("attempt", own->op.attempts),
                     LOG_TEXT("trouble", trouble ? trouble : ""));
        bool goes_on = !e.kind && answer->outcome == ANSWER_GO_ON && (answer->customer.len || answer->cursor.len) && ++own->pages < PAGES_MAX;
        if (!e.kind && answer->outcome == ANSWER_GO_ON && !goes_on) answer->outcome = own->pages >= PAGES_MAX ? ANSWER_DONE : ANSWER_LATER;
        if (!e.kind && goes_on) {
            if (answer->count) { /* a page of a list */
                struct answering one = {.p = p, .arena = own->scratch, .op = &own->op, .answer = answer};
                e = answers_apply(p, (struct answer_batch){&one, 1});
            }
            if (answer->customer.len) own->op.customer = arena_keep(own->arena, answer->customer);
            own->op.cursor = arena_keep(own->arena, answer->cursor);
            if (!e.kind && arena_overflowed(own->arena)) e = err_memory();
            if (!e.kind) e = pending_start(p, own);
            else pending_free(own);
        } else {
            if (!e.kind) e = answer_apply(p, &own->op, answer, own->scratch);
            pending_free(own);
        }
        if (e.kind) return e;
    }
    return ERR_OK;
}

/* Whoever was killed had rows in hand: what was said is said again under the same key. Ids of transfers that are promised in rows of ours are in no table of the ledger yet: over a start with a
 * clock that stands still or went back they must not be made a second time. */
static const struct db_statement outbox_claims = {"pay.outbox_claims", "SELECT COUNT(*) FROM pay_outbox WHERE claim <> 0"};
static const struct db_statement outbox_release = {"pay.outbox_release", "UPDATE pay_outbox SET due_us = :now_us, claim = 0 WHERE claim <> 0"};
static const struct db_statement newest_id = {
    "pay.newest_id", "SELECT MAX(id) FROM (SELECT MAX(capture_transfer_id) AS id FROM (SELECT capture_transfer_id FROM pay_payment ORDER BY id DESC LIMIT 1000) AS a UNION ALL "
                     "SELECT MAX(back_transfer_id) FROM (SELECT back_transfer_id FROM pay_refund ORDER BY id DESC LIMIT 1000) AS b UNION ALL "
                     "SELECT MAX(settle_transfer_id) FROM (SELECT settle_transfer_id FROM pay_refund ORDER BY id DESC LIMIT 1000) AS c UNION ALL "
                     "SELECT MAX(back_transfer_id) FROM (SELECT back_transfer_id FROM pay_chargeback ORDER BY id DESC LIMIT 1000) AS d UNION ALL SELECT MAX(id) FROM pay_event UNION ALL "
                     "SELECT MAX(id) FROM pay_webhook UNION ALL SELECT MAX(id) FROM pay_outbox UNION ALL SELECT MAX(id) FROM sandbox_send) AS newest"};
struct begin_work {
    int64_t newest, claims;
};
static struct err begin_fn(struct db_tx *tx, void *arg) {
    struct begin_work *w = arg;
    w->newest = DB_GET_INT(tx, 0, &newest_id);
    w->claims = DB_GET_INT(tx, 0, &outbox_claims);
    return db_tx_error(tx);
}
static struct err release_fn(struct db_tx *tx, void *arg) { return DB_RUN(tx, &outbox_release, DB_INT("now_us", now_us(arg))); }
struct err outbox_begin(struct pay *p) {
    struct begin_work w = {0};
    struct err e = db_read(p->o.db, begin_fn, &w);
    if (e.kind) return e;
    if (w.newest) id_maker_begin_after(p->o.ids, w.newest);
    return w.claims ? db_write(p->o.db, release_fn, p) : ERR_OK;
}
