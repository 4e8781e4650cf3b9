/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Payments, refunds and methods as rows: made, wished away, and read. What a provider's word does to them is word.c's. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/step.h"
#include "base/utf8.h"
#include "business/pay/room.h"

static const struct {
    const char *name;
} state_names[] = {{""}, {"created"}, {"requires_action"}, {"processing"}, {"captured"}, {"failed"}, {"cancelled"}, {"refunded"}, {"part_refunded"}, {"charged_back"}};

const char *pay_state_name(enum pay_state s) {
    assert(s > 0 && (size_t)s < ARRAY_LEN(state_names));
    return state_names[s].name;
}
bool pay_state_of(struct slice name, enum pay_state *out) {
    for (size_t i = 1; i < ARRAY_LEN(state_names); i++)
        if (slice_eq(name, slice_cstr(state_names[i].name))) {
            *out = (enum pay_state)i;
            return true;
        }
    return false;
}
const char *pay_refund_state_name(enum pay_refund_state s) { return s == PAY_REFUND_PENDING ? "pending" : s == PAY_REFUND_DONE ? "done" : "failed"; }
const char *pay_chargeback_state_name(enum pay_chargeback_state s) { return s == PAY_CHARGEBACK_OPEN ? "open" : s == PAY_CHARGEBACK_WON ? "won" : "lost"; }

/* --- rows --- */

static struct slice text_or_empty(const struct db_rows *rows, size_t row, const char *column) {
    struct slice s = db_text(rows, row, column);
    return s.ptr ? s : SLICE("");
}

bool payment_at(const struct db_rows *rows, size_t row, struct payment *out) {
    if (row >= rows->count) return false;
    uint16_t currency = (uint16_t)db_int(rows, row, "currency");
    struct pay_info info = {
        .id = db_int(rows, row, "id"), .org_id = db_int(rows, row, "org_id"), .household_id = db_int(rows, row, "household_id"), .order_id = db_int(rows, row, "order_id"),
        .provider = (enum pay_provider)db_int(rows, row, "provider"), .state = (enum pay_state)db_int(rows, row, "state"), .amount = MONEY(db_int(rows, row, "amount"), currency),
        .refunded = MONEY(db_int(rows, row, "refunded"), currency), .refund_pending = MONEY(db_int(rows, row, "refund_pending"), currency),
        .charged_back = MONEY(db_int(rows, row, "charged_back"), currency), .action = (enum pay_action)db_int(rows, row, "action"), .url = text_or_empty(rows, row, "url"),
        .client_secret = text_or_empty(rows, row, "client_secret"), .publishable_key = SLICE(""), .code = text_or_empty(rows, row, "code"), .label = text_or_empty(rows, row, "label"),
        .provider_ref = text_or_empty(rows, row, "provider_ref"), .method_id = db_int(rows, row, "method_id"), .is_off_session = db_int(rows, row, "is_off_session") != 0,
        .is_parked = db_int(rows, row, "is_parked") != 0, .created_us = db_int(rows, row, "created_us"), .captured_us = db_int(rows, row, "captured_us"),
    };
    if (!public_id_parse(db_text(rows, row, "public_id"), &info.public_id)) return false;
    *out = (struct payment){.info = info, .token = text_or_empty(rows, row, "token"), .what = text_or_empty(rows, row, "what"), .return_url = text_or_empty(rows, row, "return_url"),
                            .keeps_method = db_int(rows, row, "keeps_method") != 0, .wants_cancel = db_int(rows, row, "wants_cancel") != 0, .expires_us = db_int(rows, row, "expires_us"),
                            .capture_transfer_id = db_int(rows, row, "capture_transfer_id"), .ask_us = db_int(rows, row, "ask_us"), .asks = db_int(rows, row, "asks")};
    return true;
}

void info_fill(struct pay *p, struct db_tx *tx, struct arena *arena, struct pay_info *info) {
    if (info->action != PAY_ACTION_STRIPE || info->state != PAY_REQUIRES_ACTION) return;
    struct provider_config config;
    if (config_of(p, tx, arena, info->org_id, info->provider, &config).kind) return;
    for (size_t i = 0; i < stripe_provider.field_count; i++)
        if (!strcmp(stripe_provider.fields[i].name, "publishable_key")) info->publishable_key = config.values[i];
}

struct err outbox_add(struct pay *p, struct db_tx *tx, int64_t org_id, enum pay_provider provider, enum op_kind kind, int64_t payment_id, int64_t refund_id) {
    return DB_RUN(tx, &pay_outbox_insert, DB_INT("id", id_next(p->o.ids)), DB_INT("org_id", org_id), DB_INT("provider", provider), DB_INT("kind", kind), DB_INT("payment_id", payment_id),
                  DB_INT("refund_id", refund_id), DB_INT("now_us", now_us(p)));
}

struct err event_add(struct pay *p, struct db_tx *tx, int64_t org_id, int64_t payment_id, enum event_source source, enum judgement judgement, struct slice kind, struct slice message, int64_t webhook_id) {
    return DB_RUN(tx, &pay_event_insert, DB_INT("id", id_next(p->o.ids)), DB_INT("org_id", org_id), DB_INT("payment_id", payment_id), DB_INT("now_us", now_us(p)), DB_INT("source", source),
                  DB_INT("judgement", judgement), DB_TEXT("kind", kind.ptr ? kind : SLICE("")), DB_TEXT("message", message.ptr ? slice_sub(message, 0, 500) : SLICE("")), DB_INT("webhook_id", webhook_id));
}

/* --- making one --- */

static struct err payment_by_id(struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t id, struct payment *out) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &pay_by_id, DB_INT("id", id), DB_INT("org_id", org_id));
    if (e.kind) return e;
    return payment_at(&rows, 0, out) ? ERR_OK : err_make(ERR_NOT_FOUND, "pay.payment", "There is no such payment.");
}

struct method {
    int64_t id;
    struct slice token, label;
};
static struct err method_find(struct db_tx *tx, struct arena *arena, const struct pay_new *n, struct method *out) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &pay_method_by_id, DB_INT("id", n->method_id), DB_INT("org_id", n->org_id), DB_INT("household_id", n->household_id));
    if (e.kind) return e;
    if (!rows.count || db_int(&rows, 0, "provider") != (int64_t)n->provider) return err_make(ERR_NOT_FOUND, "pay.method", "There is no such saved way to pay.");
    *out = (struct method){n->method_id, db_text(&rows, 0, "token"), db_text(&rows, 0, "label")};
    return ERR_OK;
}

/* Where a buyer is sent back to: not just anywhere. */
static bool return_url_is_fine(const struct pay *p, const struct pay_new *n) {
    if (!n->return_url.len || n->provider == PAY_SANDBOX) return true;
    struct slice site = slice_cstr(p->o.site_url), rest = slice_sub(n->return_url, site.len, n->return_url.len);
    for (size_t i = 0; i < n->return_url.len; i++)
        if ((unsigned char)n->return_url.ptr[i] <= ' ' || (unsigned char)n->return_url.ptr[i] >= 0x7f) return false;
    bool is_ours = site.len && slice_starts_with(n->return_url, site) && (slice_ends_with(site, SLICE("/")) || slice_starts_with(rest, SLICE("/")));
    return n->return_url.len <= 2000 && (is_ours || !base_url_check(n->return_url).kind);
}

static struct err new_check(const struct pay *p, const struct pay_new *n, const struct provider_config *config) {
    if (!config->is_enabled) return err_make(ERR_INPUT, "pay.provider", "This way to pay is not offered here.");
    if (n->amount.minor <= 0) return err_make(ERR_INPUT, "pay.amount", "An amount to be paid is more than nothing.");
    if (!currency_of(n->amount.currency) || !provider_at(n->provider)->takes(config, n->amount))
        return err_make(ERR_INPUT, "pay.currency", "This way to pay does not take this currency or amount. Choose another one.");
    if (!return_url_is_fine(p, n)) return err_make(ERR_INPUT, "pay.return_url", "The address to come back to is not one of this site.");
    if (n->is_off_session && !n->method_id) return err_make(ERR_NOT_FOUND, "pay.method", "There is no saved way to pay.");
    if (n->card && n->provider != PAY_SANDBOX) return err_make(ERR_INPUT, "card.number", "This server takes no card numbers: the provider's own form does.");
    return ERR_OK;
}

struct err pay_create_in(struct pay *p, struct db_tx *tx, struct arena *arena, const struct pay_new *n, struct pay_info *out) {
    struct payment payment;
    if (n->id) { /* a step that is run again */
        struct err e = payment_by_id(tx, arena, n->org_id, n->id, &payment);
        if (!e.kind) {
            if (payment.info.order_id != n->order_id || !money_eq(payment.info.amount, n->amount)) return err_make(ERR_CONFLICT, "pay.id", "This payment belongs to something else.");
            info_fill(p, tx, arena, &payment.info);
            *out = payment.info;
            return ERR_OK;
        }
        if (e.kind != ERR_NOT_FOUND) return e;
    }
    struct provider_config config;
    struct err e = n->provider >= PAY_SANDBOX && n->provider <= PAY_ALIPAY ? config_of(p, tx, arena, n->org_id, n->provider, &config) : err_make(ERR_INPUT, "pay.provider", "There is no such way to pay.");
    if (!e.kind) e = new_check(p, n, &config);
    if (e.kind) return e;
    struct method method = {0};
    if (n->method_id) e = method_find(tx, arena, n, &method);
    else if (n->provider == PAY_SANDBOX) e = n->card ? sandbox_card(n->card, now_us(p), &method.token, &method.label) : err_make(ERR_INPUT, "card.number", "Type one of the test cards.");
    if (e.kind) return e;

    int64_t id = n->id ? n->id : id_next(p->o.ids), now = now_us(p);
    struct public_id public_id = public_id_near(id);
    struct slice what = n->what.len && utf8_is_display_text(n->what, 120) ? n->what : SLICE("Grandstand");
    e = DB_RUN(tx, &pay_insert, DB_INT("id", id), DB_INT("org_id", n->org_id), DB_TEXT("public_id", public_id_slice(&public_id)), DB_INT("household_id", n->household_id),
               DB_INT("order_id", n->order_id), DB_INT("provider", n->provider), DB_INT("currency", n->amount.currency), DB_INT("amount", n->amount.minor), DB_TEXT_OR_NULL("label", method.label),
               DB_TEXT_OR_NULL("token", method.token), DB_INT("method_id", method.id), DB_BOOL("is_off_session", n->is_off_session), DB_BOOL("keeps_method", n->keeps_method), DB_INT("now_us", now),
               DB_INT("expires_us", n->expires_us ? n->expires_us : now + EXPIRES_DEFAULT_S * INT64_C(1000000)), DB_TEXT("what", what),
               DB_TEXT_OR_NULL("return_url", n->return_url.len && n->provider != PAY_SANDBOX ? n->return_url : SLICE_NONE), DB_INT("capture_transfer_id", id_next(p->o.ids)),
               DB_INT("ask_us", now + provider_at(n->provider)->ask_first_s * 1000000));
    if (!e.kind) e = outbox_add(p, tx, n->org_id, n->provider, OP_CREATE, id, 0);
    if (e.kind) return e;
    *out = (struct pay_info){.id = id, .org_id = n->org_id, .household_id = n->household_id, .order_id = n->order_id, .public_id = public_id, .provider = n->provider, .state = PAY_CREATED,
                             .amount = n->amount, .refunded = MONEY(0, n->amount.currency), .refund_pending = MONEY(0, n->amount.currency), .charged_back = MONEY(0, n->amount.currency),
                             .url = SLICE(""), .client_secret = SLICE(""), .publishable_key = SLICE(""), .code = SLICE(""), .label = method.label.ptr ? method.label : SLICE(""),
                             .provider_ref = SLICE(""), .method_id = method.id, .is_off_session = n->is_off_session, .created_us = now};
    return ERR_OK;
}

struct err pay_cancel_in(struct pay *p, struct db_tx *tx, int64_t org_id, int64_t payment_id) {
    struct arena *arena = arena_create(1 << 20);
    if (!arena) return err_memory();
    struct payment payment;
    struct err e = payment_by_id(tx, arena, org_id, payment_id, &payment);
    if (!e.kind && pay_state_is_open(payment.info.state) && !payment.wants_cancel) {
        int64_t dropped = 0;
        e = DB_CHANGE(tx, &dropped, &pay_outbox_drop_create, DB_INT("payment_id", payment_id));
        if (!e.kind && dropped) { /* nobody outside has heard of it */
            e = DB_RUN(tx, &pay_update, DB_INT("id", payment_id), DB_INT("state", PAY_CANCELLED), DB_INT("refunded", 0), DB_INT("refund_pending", 0), DB_INT("charged_back", 0), DB_TEXT("ref", SLICE("")),
                       DB_INT("action", 0), DB_TEXT_OR_NULL("url", SLICE_NONE), DB_TEXT_OR_NULL("client_secret", SLICE_NONE), DB_TEXT_OR_NULL("code", SLICE_NONE), DB_TEXT("label", payment.info.label),
                       DB_TEXT("token", payment.token), DB_INT("method_id", payment.info.method_id), DB_INT("captured_us", 0), DB_INT_IF("ask_us", false, 0));
            if (!e.kind) e = event_add(p, tx, org_id, payment_id, SOURCE_US, JUDGED_APPLIED, SLICE("payment.cancelled"), SLICE_NONE, 0);
        } else if (!e.kind) {
            e = DB_RUN(tx, &pay_set_cancel, DB_INT("id", payment_id));
            if (!e.kind) e = outbox_add(p, tx, org_id, payment.info.provider, OP_CANCEL, payment_id, 0);
            if (!e.kind) e = event_add(p, tx, org_id, payment_id, SOURCE_US, JUDGED_APPLIED, SLICE("cancel.asked"), SLICE_NONE, 0);
        }
    }
    arena_destroy(&arena);
    return e;
}

/* --- reading --- */

struct err pay_find_in(struct pay *p, struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t payment_id, struct pay_info *out) {
    struct payment payment;
    struct err e = payment_by_id(tx, arena, org_id, payment_id, &payment);
    if (e.kind) return e;
    info_fill(p, tx, arena, &payment.info);
    *out = payment.info;
    return ERR_OK;
}

static struct err infos_of(struct pay *p, struct db_tx *tx, struct arena *arena, const struct db_rows *rows, size_t limit, struct pay_list *out) {
    size_t count = rows->count < limit ? rows->count : limit;
    struct pay_info *items = arena_alloc_array(arena, count + 1, sizeof *items);
    if (!items) return err_memory();
    for (size_t i = 0; i < count; i++) {
        struct payment payment;
        if (!payment_at(rows, i, &payment)) return err_make(ERR_IO, "pay.row", "A payment in the database has no proper name.");
        info_fill(p, tx, arena, &payment.info);
        items[i] = payment.info;
    }
    *out = (struct pay_list){items, count, rows->count > limit ? items[count - 1].id : 0};
    return ERR_OK;
}

struct err pay_of_order_in(struct pay *p, struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t order_id, struct pay_list *out) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &pay_by_order, DB_INT("org_id", org_id), DB_INT("order_id", order_id));
    return e.kind ? e : infos_of(p, tx, arena, &rows, rows.count, out);
}

struct read_work {
    struct pay *p;
    struct arena *arena;
    int64_t org_id, after;
    struct slice text;
    size_t limit;
    const struct pay_filter *filter;
    bool only_open;
    void *out;
};

static struct err find_fn(struct db_tx *tx, void *arg) {
    struct read_work *w = arg;
    struct db_rows rows;
    struct payment payment;
    struct err e = DB_QUERY(tx, w->arena, &rows, &pay_by_public_id, DB_TEXT("public_id", w->text), DB_INT("org_id", w->org_id));
    if (e.kind) return e;
    if (!payment_at(&rows, 0, &payment)) return err_make(ERR_NOT_FOUND, "pay.payment", "There is no such payment.");
    info_fill(w->p, tx, w->arena, &payment.info);
    *(struct pay_info *)w->out = payment.info;
    return ERR_OK;
}

struct err pay_find(struct pay *p, struct arena *arena, int64_t org_id, struct slice public_id, struct pay_info *out) {
    struct public_id parsed;
    if (!public_id_parse(public_id, &parsed)) return err_make(ERR_NOT_FOUND, "pay.payment", "There is no such payment.");
    struct read_work w = {.p = p, .arena = arena, .org_id = org_id, .text = public_id_slice(&parsed), .out = out};
    return db_read(p->o.db, find_fn, &w);
}

static int64_t before_of(int64_t after) { return after ? after : INT64_MAX; }
static size_t limit_of(size_t limit) { return limit && limit <= 200 ? limit : 200; }

static struct err page_query(struct db_tx *tx, struct read_work *w, enum pay_provider provider, struct db_rows *rows) {
    const struct pay_filter *f = w->filter;
#define PAGE DB_INT("org_id", w->org_id), DB_INT("provider", provider), DB_INT("before_id", before_of(f->after)), DB_INT("limit", (int64_t)w->limit + 1)
    if (f->is_parked) return DB_QUERY(tx, w->arena, rows, &pay_page_parked, PAGE);
    if (!f->state) return DB_QUERY(tx, w->arena, rows, &pay_page, PAGE);
    if (f->state == PAY_CAPTURED) return DB_QUERY(tx, w->arena, rows, &pay_page_captured, PAGE);
    return DB_QUERY(tx, w->arena, rows, &pay_page_other, DB_INT("state", f->state), PAGE);
#undef PAGE
}

static int newest_first(const void *a, const void *b) {
    int64_t x = ((const struct pay_info *)a)->id, y = ((const struct pay_info *)b)->id;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* A page of each provider asked for; of these the newest. */
static struct err payments_fn(struct db_tx *tx, void *arg) {
    struct read_work *w = arg;
    struct pay_list *out = w->out;
    struct pay_info *all = arena_alloc_array(w->arena, PROVIDERS * w->limit + 1, sizeof *all);
    size_t count = 0;
    bool has_more = false;
    struct err e = all ? ERR_OK : err_memory();
    for (enum pay_provider provider = PAY_SANDBOX; !e.kind && provider <= PAY_ALIPAY; provider++) {
        struct db_rows rows;
        struct pay_list page;
        if (w->filter->provider && w->filter->provider != provider) continue;
        e = page_query(tx, w, provider, &rows);
        if (!e.kind) e = infos_of(w->p, tx, w->arena, &rows, w->limit, &page);
        for (size_t i = 0; !e.kind && i < page.count; i++) all[count++] = page.items[i];
        has_more = has_more || (!e.kind && page.next);
    }
    if (e.kind) return e;
    qsort(all, count, sizeof *all, newest_first);
    has_more = has_more || count > w->limit;
    if (count > w->limit) count = w->limit;
    *out = (struct pay_list){all, count, has_more && count ? all[count - 1].id : 0};
    return ERR_OK;
}
struct err pay_payments(struct pay *p, struct arena *arena, int64_t org_id, const struct pay_filter *filter, struct pay_list *out) {
    struct read_work w = {.p = p, .arena = arena, .org_id = org_id, .filter = filter, .limit = limit_of(filter->limit), .out = out};
    return db_read(p->o.db, payments_fn, &w);
}

struct err pay_events_in(struct pay *p, struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t payment_id, struct pay_event_list *out) {
    static const char *const sources[] = {"us", "us", "answer", "webhook", "query"};
    static const char *const judgements[] = {"applied", "applied", "duplicate", "late", "parked", "refused", "ignored", "late"};
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &pay_event_list, DB_INT("payment_id", payment_id), DB_INT("org_id", org_id));
    if (e.kind) return e;
    struct pay_event *items = arena_alloc_array(arena, rows.count + 1, sizeof *items);
    if (!items) return err_memory();
    for (size_t i = 0; i < rows.count; i++) {
        size_t source = (size_t)db_int(&rows, i, "source"), judgement = (size_t)db_int(&rows, i, "judgement");
        items[i] = (struct pay_event){.id = db_int(&rows, i, "id"), .at_us = db_int(&rows, i, "at_us"), .source = sources[source < ARRAY_LEN(sources) ? source : 0],
                                      .judgement = judgements[judgement < ARRAY_LEN(judgements) ? judgement : 0], .kind = text_or_empty(&rows, i, "kind"),
                                      .message = text_or_empty(&rows, i, "message"), .webhook_id = db_int(&rows, i, "webhook_id")};
    }
    *out = (struct pay_event_list){items, rows.count};
    return ERR_OK;
}

/* --- refunds --- */

static struct pay_refund refund_at(const struct db_rows *rows, size_t i) {
    return (struct pay_refund){.id = db_int(rows, i, "id"), .org_id = db_int(rows, i, "org_id"), .payment_id = db_int(rows, i, "payment_id"), .order_id = db_int(rows, i, "order_id"),
                               .amount = MONEY(db_int(rows, i, "amount"), (uint16_t)db_int(rows, i, "currency")), .state = (enum pay_refund_state)db_int(rows, i, "state"),
                               .code = text_or_empty(rows, i, "code"), .created_us = db_int(rows, i, "created_us"), .settled_us = db_int(rows, i, "settled_us")};
}

static struct err refunds_of(struct arena *arena, const struct db_rows *rows, struct pay_refund_list *out) {
    struct pay_refund *items = arena_alloc_array(arena, rows->count + 1, sizeof *items);
    if (!items) return err_memory();
    for (size_t i = 0; i < rows->count; i++) items[i] = refund_at(rows, i);
    *out = (struct pay_refund_list){items, rows->count};
    return ERR_OK;
}

static struct err refund_make(struct pay *p, struct db_tx *tx, const struct payment *payment, int64_t refund_id, struct money amount) {
    const struct pay_info *i = &payment->info;
    int64_t hold_id = id_next(p->o.ids), now = now_us(p);
    struct err e = DB_RUN(tx, &pay_refund_insert, DB_INT("id", refund_id), DB_INT("org_id", i->org_id), DB_INT("payment_id", i->id), DB_INT("order_id", i->order_id), DB_INT("currency", amount.currency),
                          DB_INT("amount", amount.minor), DB_INT("hold_id", hold_id), DB_INT("settle_id", id_next(p->o.ids)), DB_INT("back_id", id_next(p->o.ids)), DB_INT("now_us", now),
                          DB_INT("ask_us", now + provider_at(i->provider)->ask_first_s * 1000000));
    if (!e.kind) e = book_refund_hold(p, tx, i, refund_id, hold_id, amount.minor);
    if (!e.kind)
        e = DB_RUN(tx, &pay_update, DB_INT("id", i->id), DB_INT("state", i->state), DB_INT("refunded", i->refunded.minor), DB_INT("refund_pending", i->refund_pending.minor + amount.minor),
                   DB_INT("charged_back", i->charged_back.minor), DB_TEXT("ref", i->provider_ref), DB_INT("action", i->action), DB_TEXT("url", i->url), DB_TEXT("client_secret", i->client_secret),
                   DB_TEXT("code", i->code), DB_TEXT("label", i->label), DB_TEXT("token", payment->token), DB_INT("method_id", i->method_id), DB_INT("captured_us", i->captured_us),
                   DB_INT_IF("ask_us", payment->ask_us != 0, payment->ask_us));
    if (!e.kind) e = outbox_add(p, tx, i->org_id, i->provider, OP_REFUND, i->id, refund_id);
    return e.kind ? e : event_add(p, tx, i->org_id, i->id, SOURCE_US, JUDGED_APPLIED, SLICE("refund.asked"), SLICE_NONE, 0);
}

struct err pay_refund_in(struct pay *p, struct db_tx *tx, int64_t org_id, int64_t payment_id, int64_t refund_id, struct money amount) {
    struct arena *arena = arena_create(1 << 20);
    if (!arena) return err_memory();
    struct payment payment;
    struct db_rows rows;
    struct err e = payment_by_id(tx, arena, org_id, payment_id, &payment);
    if (!e.kind) e = DB_QUERY(tx, arena, &rows, &pay_refund_by_id, DB_INT("id", refund_id), DB_INT("org_id", org_id));
    if (!e.kind && rows.count) {
        struct pay_refund same = refund_at(&rows, 0);
        if (same.payment_id != payment_id || !money_eq(same.amount, amount)) e = err_make(ERR_CONFLICT, "refund.id", "This refund is of another payment or amount.");
    } else if (!e.kind) {
        const struct pay_info *i = &payment.info;
        int64_t left = i->amount.minor - i->refunded.minor - i->refund_pending.minor - i->charged_back.minor;
        if (!i->captured_us) e = err_make(ERR_CONFLICT, "refund.state", "Nothing was paid that could be given back.");
        else if (amount.currency != i->amount.currency || amount.minor <= 0 || amount.minor > left)
            e = err_make(ERR_CONFLICT, "refund.too_much", "More cannot be given back than was paid and is still there.");
        else e = refund_make(p, tx, &payment, refund_id, amount);
    }
    arena_destroy(&arena);
    return e;
}

struct err pay_refund_find_in(struct pay *p, struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t refund_id, struct pay_refund *out) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &pay_refund_by_id, DB_INT("id", refund_id), DB_INT("org_id", org_id));
    if (e.kind) return e;
    if (!rows.count) return err_make(ERR_NOT_FOUND, "pay.refund", "There is no such refund.");
    *out = refund_at(&rows, 0);
    return ERR_OK;
}

struct err pay_refunds_of_order_in(struct pay *p, struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t order_id, struct pay_refund_list *out) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &pay_refund_by_order, DB_INT("org_id", org_id), DB_INT("order_id", order_id));
    return e.kind ? e : refunds_of(arena, &rows, out);
}

/* --- charge-backs --- */

static struct err chargebacks_fn(struct db_tx *tx, void *arg) {
    struct read_work *w = arg;
    struct db_rows rows;
    struct err e = DB_QUERY(tx, w->arena, &rows, &pay_chargeback_list, DB_INT("org_id", w->org_id), DB_INT("before_id", before_of(w->after)), DB_INT("limit", (int64_t)w->limit + 1));
    if (e.kind) return e;
    size_t count = rows.count < w->limit ? rows.count : w->limit;
    struct pay_chargeback *items = arena_alloc_array(w->arena, count + 1, sizeof *items);
    if (!items) return err_memory();
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct pay_chargeback){.id = db_int(&rows, i, "id"), .org_id = w->org_id, .payment_id = db_int(&rows, i, "payment_id"), .order_id = db_int(&rows, i, "order_id"),
                                           .household_id = db_int(&rows, i, "household_id"), .provider = (enum pay_provider)db_int(&rows, i, "provider"),
                                           .amount = MONEY(db_int(&rows, i, "amount"), (uint16_t)db_int(&rows, i, "currency")), .state = (enum pay_chargeback_state)db_int(&rows, i, "state"),
                                           .reason = text_or_empty(&rows, i, "reason"), .at_us = db_int(&rows, i, "at_us"), .settled_us = db_int(&rows, i, "settled_us"),
                                           .due_us = db_int(&rows, i, "due_us")};
        if (!public_id_parse(db_text(&rows, i, "public_id"), &items[i].payment)) return err_make(ERR_IO, "pay.row", "A payment in the database has no proper name.");
    }
    *(struct pay_chargeback_list *)w->out = (struct pay_chargeback_list){items, count, rows.count > w->limit ? items[count - 1].id : 0};
    return ERR_OK;
}
struct err pay_chargebacks(struct pay *p, struct arena *arena, int64_t org_id, int64_t after, size_t limit, struct pay_chargeback_list *out) {
    struct read_work w = {.p = p, .arena = arena, .org_id = org_id, .after = after, .limit = limit_of(limit), .out = out};
    return db_read(p->o.db, chargebacks_fn, &w);
}

/* --- methods --- */

struct err pay_methods_in(struct pay *p, struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t household_id, struct pay_method_list *out) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &pay_method_list, DB_INT("org_id", org_id), DB_INT("household_id", household_id));
    if (e.kind) return e;
    struct pay_method *items = arena_alloc_array(arena, rows.count + 1, sizeof *items);
    if (!items) return err_memory();
    for (size_t i = 0; i < rows.count; i++)
        items[i] = (struct pay_method){.id = db_int(&rows, i, "id"), .household_id = household_id, .provider = (enum pay_provider)db_int(&rows, i, "provider"), .label = text_or_empty(&rows, i, "label"),
                                       .created_us = db_int(&rows, i, "created_us")};
    *out = (struct pay_method_list){items, rows.count};
    return ERR_OK;
}

struct err pay_method_forget_in(struct pay *p, struct db_tx *tx, int64_t org_id, int64_t household_id, int64_t method_id) {
    return DB_RUN(tx, &pay_method_remove, DB_INT("org_id", org_id), DB_INT("household_id", household_id), DB_INT("id", method_id));
}

/* --- parked --- */

static struct err parked_fn(struct db_tx *tx, void *arg) {
    struct read_work *w = arg;
    struct db_rows rows;
    struct err e = DB_QUERY(tx, w->arena, &rows, w->only_open ? &pay_parked_open : &pay_parked_list, DB_INT("org_id", w->org_id), DB_INT("before_id", before_of(w->after)),
                            DB_INT("limit", (int64_t)w->limit + 1));
    if (e.kind) return e;
    size_t count = rows.count < w->limit ? rows.count : w->limit;
    struct pay_parked *items = arena_alloc_array(w->arena, count + 1, sizeof *items);
    if (!items) return err_memory();
    for (size_t i = 0; i < count; i++)
        items[i] = (struct pay_parked){.id = db_int(&rows, i, "id"), .at_us = db_int(&rows, i, "at_us"), .payment_id = db_int(&rows, i, "payment_id"), .webhook_id = db_int(&rows, i, "webhook_id"),
                                       .provider = (enum pay_provider)db_int(&rows, i, "provider"), .code = text_or_empty(&rows, i, "code"), .ref = text_or_empty(&rows, i, "ref"),
                                       .ours = MONEY(db_int(&rows, i, "amount"), (uint16_t)db_int(&rows, i, "currency")),
                                       .theirs = MONEY(db_int(&rows, i, "their_amount"), (uint16_t)db_int(&rows, i, "their_currency")), .settled_us = db_int(&rows, i, "settled_us"),
                                       .note = text_or_empty(&rows, i, "note")};
    *(struct pay_parked_list *)w->out = (struct pay_parked_list){items, count, rows.count > w->limit ? items[count - 1].id : 0};
    return ERR_OK;
}
struct err pay_parked(struct pay *p, struct arena *arena, int64_t org_id, bool only_open, int64_t after, size_t limit, struct pay_parked_list *out) {
    struct read_work w = {.p = p, .arena = arena, .org_id = org_id, .only_open = only_open, .after = after, .limit = limit_of(limit), .out = out};
    return db_read(p->o.db, parked_fn, &w);
}

struct settle_work {
    struct pay *p;
    int64_t org_id, parked_id, user_id;
    struct slice note;
};
static struct err settle_fn(struct db_tx *tx, void *arg) {
    struct settle_work *w = arg;
    int64_t payment_id = DB_GET_INT(tx, -1, &pay_parked_find, DB_INT("id", w->parked_id), DB_INT("org_id", w->org_id)), changed = 0;
    struct err e = db_tx_error(tx);
    if (!e.kind && payment_id < 0) return err_make(ERR_NOT_FOUND, "pay.parked", "There is nothing like that put aside.");
    if (!e.kind) e = DB_CHANGE(tx, &changed, &pay_parked_settle_one, DB_INT("id", w->parked_id), DB_INT("org_id", w->org_id), DB_INT("now_us", now_us(w->p)), DB_INT("user_id", w->user_id), DB_TEXT("note", w->note));
    if (e.kind || !changed || !payment_id) return e;
    if (!DB_GET_INT(tx, 1, &pay_parked_open_of, DB_INT("org_id", w->org_id), DB_INT("payment_id", payment_id))) e = DB_RUN(tx, &pay_clear_parked, DB_INT("id", payment_id));
    return e.kind ? e : event_add(w->p, tx, w->org_id, payment_id, SOURCE_US, JUDGED_APPLIED, SLICE("parked.settled"), w->note, 0);
}
struct err pay_parked_settle(struct pay *p, int64_t org_id, int64_t parked_id, int64_t user_id, struct slice note) {
    struct settle_work w = {p, org_id, parked_id, user_id, note.ptr && utf8_is_valid(note) ? slice_sub(note, 0, 500) : SLICE("")};
    if (!utf8_is_valid(w.note)) w.note = SLICE("");
    return db_write(p->o.db, settle_fn, &w);
}
