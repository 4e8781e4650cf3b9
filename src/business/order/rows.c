/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Orders as they are stored, and as they are shown. A line keeps the names, prices and terms of the moment in which it was quoted: nothing here looks into the
 * offers. */
#include <string.h>

#include "business/order/order_sql.h"
#include "business/order/room.h"

static const char *const state_names[ORDER_STATES] = {"awaiting_payment", "paid", "cancelled", "expired", "part_refunded", "refunded", "charged_back"};
const char *order_state_name(enum order_state s) { return state_names[s]; }
bool order_state_parse(struct slice text, enum order_state *out) {
    for (int i = 0; i < ORDER_STATES; i++)
        if (slice_eq(text, slice_cstr(state_names[i]))) {
            *out = (enum order_state)i;
            return true;
        }
    return false;
}

enum order_state state_of(const struct head *h) {
    if (h->state != HEAD_PAID) return h->state == HEAD_WAITS ? ORDER_AWAITING_PAYMENT : h->state == HEAD_CANCELLED ? ORDER_CANCELLED : ORDER_EXPIRED;
    if (h->lost) return ORDER_CHARGED_BACK;
    bool is_whole = h->refunded == h->total;
    for (size_t i = 0; i < h->count; i++) is_whole &= h->lines[i].refunded_vouchers == h->lines[i].vouchers;
    bool is_some = h->refunded > 0;
    for (size_t i = 0; i < h->count; i++) is_some |= h->lines[i].refunded_vouchers > 0;
    return !is_some ? ORDER_PAID : is_whole ? ORDER_REFUNDED : ORDER_PART_REFUNDED;
}

void public_id_take(struct slice text, struct public_id *out) {
    if (!public_id_parse(text, out)) *out = (struct public_id){{0}};
}

const struct line *head_plan(const struct head *h) {
    for (size_t i = 0; i < h->count; i++)
        if (h->lines[i].kind == OFFER_SUBSCRIPTION) return &h->lines[i];
    return NULL;
}

/* --- names: one a language, with LF between --- */

struct slice names_join(struct arena *arena, const struct slice names[TEXT_LANGUAGE_COUNT]) {
    struct buf all = BUF(16 << 10);
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) {
        if (i) buf_cstr(&all, "\n");
        for (size_t k = 0; k < names[i].len; k++) buf_bytes(&all, names[i].ptr[k] == '\n' ? " " : &names[i].ptr[k], 1);
    }
    struct slice copy = all.has_failed ? SLICE_NONE : arena_copy(arena, buf_slice(&all));
    buf_free(&all);
    return copy;
}

struct slice name_in(struct slice names, struct slice lang) {
    struct slice rest = names, part, found = SLICE_NONE, any = SLICE_NONE;
    for (int i = 0; i < TEXT_LANGUAGE_COUNT && slice_next(&rest, '\n', &part); i++) {
        if (!part.len) continue;
        if (slice_eq(text_languages[i].code, lang)) return part;
        if (i == 0) found = part;
        if (!any.len) any = part;
    }
    return found.len ? found : any;
}

/* --- terms: numbers with blanks between, the scope behind them --- */

static struct slice terms_text(struct arena *arena, const struct terms *t) {
    struct buf text = BUF(16 << 10);
    buf_printf(&text, "%d %d %d %d %d %d %d %d %d", t->unit, t->period, t->trial_days, t->grace_days, t->vouchers, t->start_within_days, t->watch_hours, t->is_trial, t->medium);
    for (size_t i = 0; i < t->scope_count; i++) buf_printf(&text, " %lld", (long long)t->scope[i]);
    struct slice copy = text.has_failed ? SLICE_NONE : arena_copy(arena, buf_slice(&text));
    buf_free(&text);
    return copy;
}

static struct terms terms_of(struct slice text) {
    struct terms t = {0};
    int *const fields[] = {&t.unit, &t.period, &t.trial_days, &t.grace_days, &t.vouchers, &t.start_within_days, &t.watch_hours, NULL, &t.medium};
    struct slice part;
    int64_t n;
    for (size_t i = 0; slice_next(&text, ' ', &part) && slice_to_i64(part, &n); i++) {
        if (i >= ARRAY_LEN(fields)) {
            if (t.scope_count < SCOPE_MAX) t.scope[t.scope_count++] = n;
        } else if (fields[i]) {
            *fields[i] = (int)n;
        } else {
            t.is_trial = n != 0;
        }
    }
    return t;
}

/* --- from rows --- */

void head_take(const struct db_rows *rows, size_t i, struct head *out) {
    *out = (struct head){
        .id = db_int(rows, i, "id"), .org_id = db_int(rows, i, "org_id"), .household_id = db_int(rows, i, "household_id"), .user_id = db_int(rows, i, "user_id"),
        .number = db_int(rows, i, "number"), .state = (int)db_int(rows, i, "state"), .flags = (int)db_int(rows, i, "flags"), .created_s = db_int(rows, i, "created_s"),
        .expires_s = db_int(rows, i, "expires_s"), .paid_s = db_int(rows, i, "paid_s"), .lang = db_text(rows, i, "lang"), .country = db_text(rows, i, "country"),
        .area = db_text(rows, i, "area"), .currency = (uint16_t)db_int(rows, i, "currency"), .subtotal = db_int(rows, i, "subtotal"), .discount = db_int(rows, i, "discount"),
        .tax = db_int(rows, i, "tax"), .total = db_int(rows, i, "total"), .unused = db_int(rows, i, "unused"), .credit = db_int(rows, i, "credit"), .due = db_int(rows, i, "due"),
        .vouchers = db_int(rows, i, "vouchers"), .refunded = db_int(rows, i, "refunded"), .refunded_credit = db_int(rows, i, "refunded_credit"), .lost = db_int(rows, i, "lost"),
        .coupon_id = db_int(rows, i, "coupon_id"), .coupon = db_text(rows, i, "coupon"), .sub_id = db_int(rows, i, "sub_id"), .switch_of = db_int(rows, i, "switch_of"),
        .period_no = db_int(rows, i, "period_no"), .payment_id = db_int(rows, i, "payment_id"), .hold_id = db_int(rows, i, "hold_id"), .invoice = db_text(rows, i, "invoice"),
        .renews_s = db_int(rows, i, "renews_s"), .renews_price = db_int(rows, i, "renews_price"),
    };
    if (db_is_null(rows, i, "invoice")) out->invoice = SLICE_NONE;
    public_id_take(db_text(rows, i, "public_id"), &out->public_id);
}

static void line_take(const struct db_rows *rows, size_t i, struct line *out) {
    *out = (struct line){
        .n = (int)db_int(rows, i, "n"), .offer_id = db_int(rows, i, "offer_id"), .title_id = db_int(rows, i, "title_id"), .quantity = db_int(rows, i, "quantity"),
        .unit_price = db_int(rows, i, "unit_price"), .discount = db_int(rows, i, "discount"), .tax = db_int(rows, i, "tax"), .total = db_int(rows, i, "total"),
        .vouchers = db_int(rows, i, "vouchers"), .refunded = db_int(rows, i, "refunded"), .refunded_tax = db_int(rows, i, "refunded_tax"),
        .refunded_vouchers = db_int(rows, i, "refunded_vouchers"), .kind = (enum offer_kind)db_int(rows, i, "kind"), .names = db_text(rows, i, "names"),
        .title_names = db_text(rows, i, "title_names"), .rate_ppm = (uint32_t)db_int(rows, i, "rate_ppm"), .is_included = db_int(rows, i, "is_included") != 0,
        .t = terms_of(db_text(rows, i, "terms")),
    };
    public_id_take(db_text(rows, i, "offer"), &out->offer);
    public_id_take(db_text(rows, i, "title"), &out->title);
}

struct err lines_read(struct db_tx *tx, struct arena *arena, struct head *h) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &order_line_of_order, DB_INT("order_id", h->id));
    struct line *lines = e.kind ? NULL : arena_alloc_array(arena, rows.count + 1, sizeof *lines);
    if (!lines) return e.kind ? e : err_memory();
    for (size_t i = 0; i < rows.count; i++) line_take(&rows, i, &lines[i]);
    h->lines = lines;
    h->count = rows.count;
    return ERR_OK;
}

static struct err not_found(void) { return err_make(ERR_NOT_FOUND, "order.not_found", "There is no such order."); }

struct err head_find_bare(struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t household_id, struct slice public_id, struct head *out) {
    struct public_id id;
    struct db_rows rows;
    if (!public_id_parse(public_id, &id)) return not_found();
    struct err e = DB_QUERY(tx, arena, &rows, &order_head_by_public_id, DB_INT("org_id", org_id), DB_TEXT("public_id", public_id));
    if (e.kind) return e;
    if (!rows.count || (household_id && db_int(&rows, 0, "household_id") != household_id)) return not_found();
    head_take(&rows, 0, out);
    return ERR_OK;
}

struct err head_find(struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t household_id, struct slice public_id, struct head *out) {
    struct err e = head_find_bare(tx, arena, org_id, household_id, public_id, out);
    return e.kind ? e : lines_read(tx, arena, out);
}

struct err head_get(struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t id, struct head *out) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &order_head_by_id, DB_INT("org_id", org_id), DB_INT("id", id));
    if (e.kind) return e;
    if (!rows.count) return not_found();
    head_take(&rows, 0, out);
    return lines_read(tx, arena, out);
}

struct err head_write(struct db_tx *tx, struct arena *arena, const struct head *h) {
    struct err e = DB_RUN(tx, &order_head_insert, DB_INT("id", h->id), DB_INT("org_id", h->org_id), DB_TEXT("public_id", public_id_slice(&h->public_id)), DB_INT("household_id", h->household_id),
                          DB_INT("user_id", h->user_id), DB_INT("number", h->number), DB_INT("flags", h->flags), DB_INT("created_s", h->created_s), DB_INT("expires_s", h->expires_s),
                          DB_TEXT("lang", h->lang), DB_TEXT("country", h->country), DB_TEXT("area", h->area), DB_INT("currency", h->currency), DB_INT("subtotal", h->subtotal),
                          DB_INT("discount", h->discount), DB_INT("tax", h->tax), DB_INT("total", h->total), DB_INT("unused", h->unused), DB_INT("credit", h->credit), DB_INT("due", h->due),
                          DB_INT("vouchers", h->vouchers), DB_INT("coupon_id", h->coupon_id), DB_TEXT("coupon", h->coupon), DB_INT_IF("sub_id", h->sub_id != 0, h->sub_id),
                          DB_INT("switch_of", h->switch_of), DB_INT("period_no", h->period_no), DB_INT("hold_id", h->hold_id), DB_INT("renews_s", h->renews_s),
                          DB_INT("renews_price", h->renews_price));
    for (size_t i = 0; !e.kind && i < h->count; i++) {
        const struct line *l = &h->lines[i];
        struct slice terms = terms_text(arena, &l->t);
        if (!terms.ptr) return err_memory();
        e = DB_RUN(tx, &order_line_insert, DB_INT("order_id", h->id), DB_INT("n", l->n), DB_INT("org_id", h->org_id), DB_INT("offer_id", l->offer_id),
                   DB_TEXT("offer", public_id_slice(&l->offer)), DB_INT("kind", l->kind), DB_INT("title_id", l->title_id), DB_TEXT("title", slice_cstr(l->title.text)), DB_TEXT("names", l->names),
                   DB_TEXT("title_names", l->title_names), DB_INT("quantity", l->quantity), DB_INT("unit_price", l->unit_price), DB_INT("discount", l->discount), DB_INT("tax", l->tax),
                   DB_INT("rate_ppm", l->rate_ppm), DB_BOOL("is_included", l->is_included), DB_INT("total", l->total), DB_INT("vouchers", l->vouchers), DB_TEXT("terms", terms));
    }
    return e;
}

/* --- as shown --- */

void quote_of_head(struct arena *arena, const struct head *h, struct slice lang, struct order_quote *out) {
    struct order_line *lines = arena_alloc_array(arena, h->count + 1, sizeof *lines);
    *out = (struct order_quote){
        .lines = lines, .count = lines ? h->count : 0, .subtotal = money_of(h, h->subtotal), .discount = money_of(h, h->discount), .tax = money_of(h, h->tax), .total = money_of(h, h->total),
        .proration = money_of(h, proration_of(h)), .credit = money_of(h, h->credit), .due = money_of(h, h->due), .vouchers = h->vouchers, .renews = h->renews_s != 0, .renews_s = h->renews_s,
        .renews_price = money_of(h, h->renews_price), .coupon = h->coupon};
    if (h->country.len == 2) memcpy(out->country, h->country.ptr, 2);
    for (size_t i = 0; lines && i < h->count; i++) {
        const struct line *l = &h->lines[i];
        lines[i] = (struct order_line){
            .offer_id = l->offer_id, .title_id = l->title_id, .offer = l->offer, .title = l->title, .kind = l->kind, .name = name_in(l->names, lang), .title_name = name_in(l->title_names, lang),
            .quantity = l->quantity, .unit_price = money_of(h, l->unit_price), .discount = money_of(h, l->discount), .tax = money_of(h, l->tax), .total = money_of(h, l->total),
            .rate_ppm = l->rate_ppm, .is_tax_included = l->is_included, .vouchers = l->vouchers, .refunded = money_of(h, l->refunded), .start_within_days = l->t.start_within_days,
            .watch_hours = l->t.watch_hours, .is_trial = l->t.is_trial};
    }
}

struct err item_of(struct order_room *r, struct db_tx *tx, struct arena *arena, const struct head *h, struct slice lang, struct order_item *out) {
    *out = (struct order_item){.id = h->id, .org_id = h->org_id, .household_id = h->household_id, .public_id = h->public_id, .number = h->number, .state = state_of(h),
                               .is_renewal = (h->flags & HEAD_RENEWAL) != 0, .is_switch = (h->flags & HEAD_SWITCH) != 0, .created_s = h->created_s, .expires_s = h->expires_s,
                               .paid_s = h->paid_s, .refunded = money_of(h, h->refunded), .invoice = h->invoice};
    quote_of_head(arena, h, lang, &out->q);
    if (!h->payment_id) return ERR_OK;
    struct pay_info *payment = ARENA_NEW(arena, struct pay_info);
    if (!payment) return err_memory();
    struct err e = pay_find_in(r->o.pay, tx, arena, h->org_id, h->payment_id, payment);
    if (!e.kind) out->payment = payment;
    return e;
}
