/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Money goes back: because finance says so, because a dearer plan takes the place of another, because it came for nothing, or because a bank took it.
 *
 * What is given back of a line is kept in the line, so that two refunds at once see each other: they are two transactions of one writer. The tax of a refund is
 * the difference of two cumulative roundings: tax given back after it (the line's tax * given back / total, half up) less tax given back before. So whatever the
 * parts, when a line is given back whole its whole tax is. */
#include <stdio.h>

#include "base/log.h"
#include "base/step.h"
#include "base/utf8.h"
#include "business/order/order_sql.h"
#include "business/order/room.h"

enum { REASON_MAX = 200, LIST_USUAL = 50 }; /* characters; rows */

static const char *const refund_state_names[] = {"pending", "done", "failed"};
const char *order_refund_state_name(enum order_refund_state s) { return refund_state_names[s]; }
bool order_refund_state_parse(struct slice text, enum order_refund_state *out) {
    for (size_t i = 0; i < ARRAY_LEN(refund_state_names); i++)
        if (slice_eq(text, slice_cstr(refund_state_names[i]))) {
            *out = (enum order_refund_state)i;
            return true;
        }
    return false;
}
const char *order_refund_kind_name(enum order_refund_kind k) {
    static const char *const names[] = {"finance", "unused", "sent_back"}; /* their places are stored */
    return names[k];
}

/* What is given back of each line. */
struct part {
    int64_t amount, tax, vouchers;
    bool is_named; /* the line as such is given back, not just money */
    bool revokes;  /* nothing of it is left */
};
struct parts {
    struct part list[ORDER_LINES_MAX];
    int64_t amount, tax, gift, vouchers;
};

static int64_t left_of(const struct line *l) { return l->total - l->refunded; }

/* --- how much of which line --- */

static struct err too_much(void) { return err_make(ERR_CONFLICT, "refund.too_much", "So much is not left to give back."); }

static struct err tax_of(const struct head *h, const struct line *l, int64_t amount, int64_t *tax) {
    if (!l->total) return *tax = 0, ERR_OK;
    struct money after;
    struct err e = money_multiply(money_of(h, l->tax), l->refunded + amount, l->total, MONEY_HALF_UP, &after);
    if (!e.kind) *tax = after.minor - l->refunded_tax;
    return e;
}

static struct err parts_finish(const struct head *h, struct parts *p) {
    p->amount = p->tax = p->gift = p->vouchers = 0;
    for (size_t i = 0; i < h->count; i++) {
        const struct line *l = &h->lines[i];
        struct part *part = &p->list[i];
        struct err e = tax_of(h, l, part->amount, &part->tax);
        if (e.kind) return e;
        if (part->is_named) part->vouchers = l->vouchers - l->refunded_vouchers;
        bool was_whole = l->refunded == l->total && l->refunded_vouchers == l->vouchers && (l->total || l->vouchers);
        part->revokes = !was_whole && (part->is_named || part->amount) && left_of(l) == part->amount && l->vouchers - l->refunded_vouchers == part->vouchers;
        p->amount += part->amount; /* no sum is above the order's total */
        p->tax += part->tax;
        p->vouchers += part->vouchers;
        if (l->kind == OFFER_GIFT_CARD) p->gift += part->amount;
    }
    return p->amount || p->vouchers ? ERR_OK : too_much();
}

static struct err parts_of_amount(const struct head *h, int64_t amount, struct parts *p) {
    int64_t weights[ORDER_LINES_MAX] = {0}, shares[ORDER_LINES_MAX], left = 0, gifts = 0;
    for (size_t i = 0; i < h->count; i++) { /* gift cards go back whole, by their line */
        if (h->lines[i].kind == OFFER_GIFT_CARD) gifts += left_of(&h->lines[i]);
        else left += weights[i] = left_of(&h->lines[i]);
    }
    if (amount <= 0) return err_make(ERR_INPUT, "refund.amount", "What is given back is more than nothing.");
    if (amount > left) return gifts && amount <= left + gifts ? err_make(ERR_CONFLICT, "refund.gift_card", "Gift cards are given back by their line, as a whole.") : too_much();
    struct err e = money_split(money_of(h, amount), weights, h->count, shares);
    for (size_t i = 0; !e.kind && i < h->count; i++) p->list[i].amount = shares[i];
    return e;
}

static struct err parts_of(const struct head *h, const struct order_refund_wish *w, struct parts *p) {
    *p = (struct parts){0};
    if (h->state != HEAD_PAID) return err_make(ERR_CONFLICT, "refund.unpaid", "This order was not paid: there is nothing to give back.");
    if (h->lost) return err_make(ERR_CONFLICT, "refund.charged_back", "The bank has taken this money back already.");
    struct err e = ERR_OK;
    if (w->has_amount) e = parts_of_amount(h, w->amount_minor, p);
    for (size_t i = 0; !e.kind && w->line_count && i < w->line_count; i++) {
        if (w->line_count > ORDER_LINES_MAX || w->lines[i] >= h->count || p->list[w->lines[i]].is_named || w->has_amount)
            return err_make(ERR_INPUT, "refund.lines", "A refund is of an amount, or names lines of the order, each once.");
        p->list[w->lines[i]].is_named = true;
    }
    for (size_t i = 0; !w->has_amount && i < h->count; i++) {
        if (!w->line_count) p->list[i].is_named = true;
        if (p->list[i].is_named) p->list[i].amount = left_of(&h->lines[i]);
    }
    return e.kind ? e : parts_finish(h, p);
}

/* --- written --- */

struct refund_new {
    enum order_refund_kind kind;
    struct slice reason;
    int64_t by_user_id, now_s;
    bool only_credit; /* all of it becomes credit */
};

static struct err refund_insert_row(struct db_tx *tx, const struct head *h, const struct order_refund *f, int64_t payment_id, const struct refund_new *n) {
    return DB_RUN(tx, &order_refund_insert, DB_INT("id", f->id), DB_INT("org_id", h->org_id), DB_TEXT("public_id", public_id_slice(&f->public_id)), DB_INT("order_id", h->id),
                  DB_INT("payment_id", payment_id), DB_INT("kind", n->kind), DB_INT("state", f->state), DB_INT("amount", f->amount.minor), DB_INT("tax", f->tax.minor),
                  DB_INT("to_credit", f->to_credit.minor), DB_INT("vouchers", f->vouchers), DB_INT("currency", h->currency), DB_TEXT("reason", n->reason), DB_TEXT_OR_NULL("note", f->note),
                  DB_INT("by_user_id", n->by_user_id), DB_INT("created_s", n->now_s), DB_INT_IF("settled_s", f->state != ORDER_REFUND_PENDING, n->now_s));
}

static struct err note_number(struct order_room *r, struct db_tx *tx, struct arena *arena, const struct head *h, int64_t now_s, struct slice *out) {
    *out = SLICE_NONE;
    if (!h->invoice.ptr) return ERR_OK; /* nothing was invoiced */
    int64_t n = 0;
    int year = 0;
    struct offer_settings settings;
    struct err e = number_next(tx, arena, h->org_id, year_of(now_s), NUMBER_NOTE, &n, &year);
    if (!e.kind) e = offer_settings_get(r->o.offers, arena, h->org_id, &settings);
    if (e.kind) return e;
    *out = arena_printf(arena, "%.*s%d-C%05lld", SLICE_ARG(settings.invoice_prefix), year, (long long)n);
    return out->ptr ? ERR_OK : err_memory();
}

static struct err gift_cards_cancel(struct order_room *r, struct db_tx *tx, struct arena *arena, const struct head *h, const struct line *l, int64_t *cancelled) {
    struct offer_gift_card *cards = NULL;
    size_t count = 0;
    int64_t wanted = l->quantity;
    struct err e = offer_gift_cards_of_in(r->o.offers, tx, arena, h->org_id, h->id, &cards, &count);
    for (size_t i = 0; !e.kind && i < count && wanted; i++) {
        if (cards[i].state == OFFER_GIFT_CANCELLED || cards[i].amount.minor != l->unit_price) continue;
        if (cards[i].state == OFFER_GIFT_REDEEMED) {
            if (!cancelled) return err_make(ERR_CONFLICT, "refund.gift_card", "A gift card of this order has been redeemed.");
            continue;
        }
        e = offer_gift_card_cancel_in(r->o.offers, tx, h->org_id, cards[i].id);
        wanted--;
        if (cancelled) *cancelled += cards[i].amount.minor;
    }
    return e;
}

static struct err line_give(struct order_room *r, struct db_tx *tx, struct arena *arena, struct head *h, size_t i, const struct part *part, const struct refund_new *n, int64_t refund_id) {
    struct line *l = &h->lines[i];
    bool is_gift = l->kind == OFFER_GIFT_CARD;
    l->refunded += part->amount;
    l->refunded_tax += part->tax;
    l->refunded_vouchers += part->vouchers;
    struct err e = DB_RUN(tx, &order_line_refunds, DB_INT("order_id", h->id), DB_INT("n", l->n), DB_INT("refunded", l->refunded), DB_INT("refunded_tax", l->refunded_tax),
                          DB_INT("refunded_vouchers", l->refunded_vouchers));
    if (!e.kind)
        e = DB_RUN(tx, &order_refund_line_insert, DB_INT("refund_id", refund_id), DB_INT("n", l->n), DB_INT("amount", part->amount), DB_INT("tax", part->tax), DB_INT("vouchers", part->vouchers),
                   DB_BOOL("revoked", part->revokes));
    if (!e.kind && part->amount && !is_gift) e = revenue_note(r, tx, h, l, n->now_s, 0, -part->tax, part->amount, 0, 0);
    if (!e.kind && part->vouchers) e = vouchers_return(r, tx, arena, h, l->n, n->now_s);
    if (e.kind || !part->revokes || n->kind == ORDER_REFUND_UNUSED) return e;
    if (is_gift) return gift_cards_cancel(r, tx, arena, h, l, NULL);
    e = helds_of_order(tx, arena, h->id, l->n, true, n->now_s);
    return e.kind || l->kind != OFFER_SUBSCRIPTION ? e : sub_lost(r, tx, arena, h, SUB_WHY_REFUNDED, n->now_s);
}

/* The order's account gets what is given back from where it went, and gives it on: to the household's credit here, to the provider in pay. */
static struct err refund_write(struct order_room *r, struct db_tx *tx, struct arena *arena, struct head *h, const struct parts *p, const struct refund_new *n, struct order_refund *out) {
    int64_t card_left = h->due - (h->refunded - h->refunded_credit), card = n->only_credit || !h->payment_id ? 0 : p->amount < card_left ? p->amount : card_left;
    struct order_refund f = {.id = id_next(r->o.ids), .order_id = h->id, .public_id = public_id_random(), .state = card ? ORDER_REFUND_PENDING : ORDER_REFUND_DONE, .amount = money_of(h, p->amount),
                             .tax = money_of(h, p->tax), .to_credit = money_of(h, p->amount - card), .vouchers = p->vouchers, .reason = n->reason, .kind = n->kind, .by_user_id = n->by_user_id, .created_s = n->now_s};
    struct moves m = moves_begin(r, tx, h->org_id, h->currency, h->id);
    moves_add(&m, LEDGER_CODE_REFUNDED, 0, LEDGER_CODE_ORDER, h->id, p->amount - p->tax - p->gift, ORDER_MOVE_REFUND);
    moves_add(&m, LEDGER_CODE_TAX, 0, LEDGER_CODE_ORDER, h->id, p->tax, ORDER_MOVE_REFUND_TAX);
    moves_add(&m, LEDGER_CODE_GIFT_CARDS, 0, LEDGER_CODE_ORDER, h->id, p->gift, ORDER_MOVE_REFUND_GIFT);
    moves_add(&m, LEDGER_CODE_ORDER, h->id, LEDGER_CODE_CREDIT, h->household_id, p->amount - card, ORDER_MOVE_TO_CREDIT);
    struct err e = moves_run(&m);
    if (!e.kind && card) e = pay_refund_in(r->o.pay, tx, h->org_id, h->payment_id, f.id, money_of(h, card));
    if (!e.kind && p->amount) e = note_number(r, tx, arena, h, n->now_s, &f.note);
    if (!e.kind) e = refund_insert_row(tx, h, &f, card ? h->payment_id : 0, n);
    for (size_t i = 0; !e.kind && i < h->count; i++)
        if (p->list[i].amount || p->list[i].vouchers || p->list[i].revokes) e = line_give(r, tx, arena, h, i, &p->list[i], n, f.id);
    h->refunded += p->amount;
    h->refunded_credit += p->amount - card;
    if (!e.kind)
        e = DB_RUN(tx, &order_head_refunds, DB_INT("id", h->id), DB_INT("org_id", h->org_id), DB_INT("refunded", h->refunded), DB_INT("refunded_credit", h->refunded_credit), DB_INT("lost", h->lost));
    if (!e.kind && out) *out = f;
    return e;
}

/* --- asked for by finance --- */

struct refund_work {
    struct order_room *r;
    struct arena *arena;
    const struct order_refund_wish *wish;
    const struct order_key *key;
    struct slice order;
    int64_t org_id, now_s;
    struct order_refund out;
    struct money left;
    size_t *ends, end_count;
    bool is_new;
};

static struct err no_refund(void) { return err_make(ERR_NOT_FOUND, "order.refund", "There is no such refund."); }

static void refund_take(const struct db_rows *rows, size_t i, struct order_refund *out) {
    uint16_t currency = (uint16_t)db_int(rows, i, "currency");
    *out = (struct order_refund){.id = db_int(rows, i, "id"), .order_id = db_int(rows, i, "order_id"), .state = (enum order_refund_state)db_int(rows, i, "state"),
                                 .amount = MONEY(db_int(rows, i, "amount"), currency), .tax = MONEY(db_int(rows, i, "tax"), currency), .to_credit = MONEY(db_int(rows, i, "to_credit"), currency),
                                 .vouchers = db_int(rows, i, "vouchers"), .reason = db_text(rows, i, "reason"), .note = db_text(rows, i, "note"), .created_s = db_int(rows, i, "created_s"),
                                 .kind = (enum order_refund_kind)db_int(rows, i, "kind"), .by_user_id = db_int(rows, i, "by_user_id"), .settled_s = db_int(rows, i, "settled_s")};
    public_id_take(db_text(rows, i, "public_id"), &out->public_id);
}

static struct err refund_read(struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t id, enum order_refund_kind *kind, struct order_refund *out) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &order_refund_by_id, DB_INT("id", id), DB_INT("org_id", org_id));
    if (!e.kind && !rows.count) e = no_refund();
    if (e.kind) return e;
    refund_take(&rows, 0, out);
    if (kind) *kind = (enum order_refund_kind)db_int(&rows, 0, "kind");
    return ERR_OK;
}

static struct err refund_fn(struct db_tx *tx, void *arg) {
    struct refund_work *w = arg;
    struct head h;
    struct parts p;
    int64_t before = 0;
    w->is_new = false;
    struct err e = key_look(w->r, tx, w->org_id, w->key, w->now_s, &before);
    if (!e.kind && before) return refund_read(tx, w->arena, w->org_id, before, NULL, &w->out);
    if (!e.kind) e = head_find(tx, w->arena, w->org_id, 0, w->order, &h);
    if (!e.kind) e = parts_of(&h, w->wish, &p);
    if (e.kind) return e;
    struct refund_new n = {.kind = ORDER_REFUND_BY_FINANCE, .reason = slice_trim(w->wish->reason), .by_user_id = w->wish->by_user_id, .now_s = w->now_s};
    e = refund_write(w->r, tx, w->arena, &h, &p, &n, &w->out);
    if (!e.kind) e = key_keep(tx, w->org_id, w->key, w->now_s, w->out.id);
    struct letter l = {.code = "mail.refunded", .org_id = h.org_id, .household_id = h.household_id, .user_id = h.user_id, .lang = h.lang, .what = name_in(h.lines[0].names, h.lang),
                       .order = arena_printf(w->arena, "%lld", (long long)h.number), .path = "/account/orders", .amount = w->out.amount};
    if (!e.kind) e = letter_send(w->r, tx, w->arena, &l);
    w->is_new = !e.kind;
    STEP(refund_inside);
    return e;
}

struct err order_refund(struct order_room *r, struct arena *arena, int64_t org_id, struct slice order, const struct order_refund_wish *wish, const struct order_key *key,
                        struct order_refund *out) {
    struct slice reason = slice_trim(wish->reason);
    if (!utf8_is_display_text(reason, REASON_MAX))
        return err_make(ERR_INPUT, "refund.reason", "Say why, in 1 to 200 characters.");
    struct refund_work w = {.r = r, .arena = arena, .wish = wish, .key = key, .order = order, .org_id = org_id, .now_s = now_of(r)};
    struct err e = db_write(r->o.db, refund_fn, &w);
    if (e.kind) return e;
    STEP(refund_stored);
    if (w.is_new) {
        atomic_fetch_add(&r->refunds, 1);
        pay_wake(r->o.pay);
        mail_wake(r->o.mail);
        e = helds_follow(r);
    }
    if (!e.kind) *out = w.out;
    return e;
}

static struct err preview_fn(struct db_tx *tx, void *arg) {
    struct refund_work *w = arg;
    struct head h;
    struct parts p;
    struct err e = head_find(tx, w->arena, w->org_id, 0, w->order, &h);
    if (!e.kind) e = parts_of(&h, w->wish, &p);
    if (e.kind) return e;
    int64_t card_left = h.due - (h.refunded - h.refunded_credit), card = !h.payment_id ? 0 : p.amount < card_left ? p.amount : card_left;
    w->out = (struct order_refund){.order_id = h.id, .amount = money_of(&h, p.amount), .tax = money_of(&h, p.tax), .to_credit = money_of(&h, p.amount - card), .vouchers = p.vouchers,
                                   .state = card ? ORDER_REFUND_PENDING : ORDER_REFUND_DONE};
    w->left = money_of(&h, h.total - h.refunded - p.amount);
    w->end_count = 0;
    for (size_t i = 0; i < h.count; i++)
        if (p.list[i].revokes) w->ends[w->end_count++] = i;
    return ERR_OK;
}

struct err order_refund_preview(struct order_room *r, struct arena *arena, int64_t org_id, struct slice order, const struct order_refund_wish *wish, struct order_refund *out, struct money *left,
                                size_t ends[ORDER_LINES_MAX], size_t *end_count) {
    struct refund_work w = {.r = r, .arena = arena, .wish = wish, .order = order, .org_id = org_id, .now_s = now_of(r), .ends = ends};
    struct err e = db_read(r->o.db, preview_fn, &w);
    if (e.kind) return e;
    *out = w.out;
    *left = w.left;
    *end_count = w.end_count;
    return ERR_OK;
}

struct list_work {
    struct arena *arena;
    int64_t org_id, order_id;
    struct db_rows rows;
};
static struct err list_fn(struct db_tx *tx, void *arg) {
    struct list_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &order_refund_of_order, DB_INT("order_id", w->order_id), DB_INT("org_id", w->org_id));
}
struct err order_refunds(struct order_room *r, struct arena *arena, int64_t org_id, int64_t order_id, struct order_refund **out, size_t *count) {
    struct list_work w = {.arena = arena, .org_id = org_id, .order_id = order_id};
    struct err e = db_read(r->o.db, list_fn, &w);
    struct order_refund *list = e.kind ? NULL : arena_alloc_array(arena, w.rows.count + 1, sizeof *list);
    if (!list) return e.kind ? e : err_memory();
    for (size_t i = 0; i < w.rows.count; i++) refund_take(&w.rows, i, &list[i]);
    *out = list;
    *count = w.rows.count;
    return ERR_OK;
}

struct refund_list_work {
    struct order_room *r;
    struct arena *arena;
    int64_t org_id;
    const struct order_refund_filter *filter;
    struct order_refund_list *out;
};

static struct err refund_list_fn(struct db_tx *tx, void *arg) {
    struct refund_list_work *w = arg;
    const struct order_refund_filter *f = w->filter;
    int64_t before_id = INT64_MAX;
    size_t limit = f->limit ? f->limit : LIST_USUAL;
    struct db_rows rows;
    if (limit > ORDER_LIST_MAX) limit = ORDER_LIST_MAX;
    if (f->after.len) {
        before_id = DB_GET_INT(tx, 0, &order_refund_by_public_id, DB_INT("org_id", w->org_id), DB_TEXT("public_id", f->after));
        struct err e = db_tx_error(tx);
        if (e.kind || !before_id) return e.kind ? e : no_refund();
    }
#define BOUNDS DB_INT("org_id", w->org_id), DB_INT("before_id", before_id), DB_INT("limit", (int64_t)limit + 1)
    struct err e = !f->has_state                     ? DB_QUERY(tx, w->arena, &rows, &order_refund_newest, BOUNDS)
                   : f->state == ORDER_REFUND_DONE ? DB_QUERY(tx, w->arena, &rows, &order_refund_newest_done, BOUNDS)
                                                   : DB_QUERY(tx, w->arena, &rows, &order_refund_newest_other, DB_INT("state", f->state), BOUNDS);
#undef BOUNDS
    struct order_refund *items = e.kind ? NULL : arena_alloc_array(w->arena, rows.count + 1, sizeof *items);
    if (!items) return e.kind ? e : err_memory();
    *w->out = (struct order_refund_list){.items = items, .count = rows.count < limit ? rows.count : limit, .has_more = rows.count > limit};
    for (size_t i = 0; i < w->out->count; i++) {
        struct pay_refund theirs;
        refund_take(&rows, i, &items[i]);
        if (items[i].state != ORDER_REFUND_FAILED) continue;
        e = pay_refund_find_in(w->r->o.pay, tx, w->arena, w->org_id, items[i].id, &theirs);
        if (!e.kind) items[i].code = theirs.code;
        else if (e.kind != ERR_NOT_FOUND) return e;
    }
    return ERR_OK;
}

struct err order_refund_list(struct order_room *r, struct arena *arena, int64_t org_id, const struct order_refund_filter *filter, struct order_refund_list *out) {
    struct order_refund_list made;
    struct err e = db_read(r->o.db, refund_list_fn, &((struct refund_list_work){r, arena, org_id, filter, &made}));
    if (!e.kind) *out = made;
    return e;
}

/* --- by itself --- */

struct err refund_unused(struct order_room *r, struct db_tx *tx, struct arena *arena, struct head *of, int64_t amount, int64_t now_s) {
    struct parts p = {0};
    size_t i = 0;
    while (i < of->count && of->lines[i].kind != OFFER_SUBSCRIPTION) i++;
    if (i == of->count || left_of(&of->lines[i]) < amount) return err_make(ERR_BUG, "order.unused", "More of a plan is unused than was paid for it.");
    p.list[i].amount = amount;
    struct err e = parts_finish(of, &p);
    struct refund_new n = {.kind = ORDER_REFUND_UNUSED, .reason = SLICE("switch"), .now_s = now_s, .only_credit = true};
    return e.kind ? e : refund_write(r, tx, arena, of, &p, &n, NULL);
}

struct err send_back(struct order_room *r, struct db_tx *tx, struct arena *arena, const struct head *h, const struct pay_info *p, int64_t now_s) {
    struct order_refund f = {.id = id_next(r->o.ids), .public_id = public_id_random(), .state = ORDER_REFUND_PENDING, .amount = p->amount, .tax = money_of(h, 0), .to_credit = money_of(h, 0)};
    struct refund_new n = {.kind = ORDER_REFUND_SENT_BACK, .reason = h->state == HEAD_PAID ? SLICE("paid twice") : h->state == HEAD_CANCELLED ? SLICE("cancelled") : SLICE("too late"), .now_s = now_s};
    struct err e = pay_refund_in(r->o.pay, tx, h->org_id, p->id, f.id, p->amount);
    if (!e.kind) e = refund_insert_row(tx, h, &f, p->id, &n);
    struct letter l = {.code = "mail.sent_back", .org_id = h->org_id, .household_id = h->household_id, .user_id = h->user_id, .lang = h->lang,
                       .order = arena_printf(arena, "%lld", (long long)h->number), .path = "/account/orders", .amount = p->amount};
    if (!e.kind) e = letter_send(r, tx, arena, &l);
    if (!e.kind) r->of_request.sent_back++;
    if (!e.kind) log_info("order", "money sent back", LOG_INT("order", h->id), LOG_SLICE("reason", n.reason));
    return e;
}

/* --- what pay says --- */

static struct err settle(struct db_tx *tx, int64_t org_id, const struct order_refund *f, enum order_refund_state state, int64_t to_credit, int64_t now_s) {
    return DB_RUN(tx, &order_refund_settle, DB_INT("id", f->id), DB_INT("org_id", org_id), DB_INT("state", state), DB_INT("settled_s", now_s), DB_INT("to_credit", to_credit));
}

struct err refund_done(void *room, struct db_tx *tx, const struct pay_info *p, const struct pay_refund *back) {
    struct order_room *r = room;
    struct arena *arena = arena_create(ARENA_BYTES);
    struct order_refund f;
    struct err e = arena ? refund_read(tx, arena, p->org_id, back->id, NULL, &f) : err_memory();
    if (!e.kind) e = settle(tx, p->org_id, &f, ORDER_REFUND_DONE, f.to_credit.minor, now_of(r));
    STEP(refund_done_inside);
    arena_destroy(&arena);
    return e;
}

/* The provider cannot pay it back (a card that is closed). It is the household's all the same: it becomes credit. */
static struct err to_credit(struct order_room *r, struct db_tx *tx, struct arena *arena, const struct pay_info *p, const struct pay_refund *back) {
    struct order_refund f;
    enum order_refund_kind kind;
    struct head h;
    struct err e = refund_read(tx, arena, p->org_id, back->id, &kind, &f);
    if (!e.kind) e = head_get(tx, arena, p->org_id, f.order_id, &h);
    if (e.kind) return e;
    struct moves m = moves_begin(r, tx, h.org_id, h.currency, h.id);
    moves_add(&m, LEDGER_CODE_ORDER, h.id, LEDGER_CODE_CREDIT, h.household_id, back->amount.minor, ORDER_MOVE_TO_CREDIT);
    e = moves_run(&m);
    if (!e.kind) e = settle(tx, p->org_id, &f, ORDER_REFUND_FAILED, f.to_credit.minor + back->amount.minor, now_of(r));
    if (!e.kind && kind != ORDER_REFUND_SENT_BACK)
        e = DB_RUN(tx, &order_head_refunds, DB_INT("id", h.id), DB_INT("org_id", h.org_id), DB_INT("refunded", h.refunded), DB_INT("refunded_credit", h.refunded_credit + back->amount.minor),
                   DB_INT("lost", h.lost));
    struct letter l = {.code = "mail.refund_credit", .org_id = h.org_id, .household_id = h.household_id, .user_id = h.user_id, .lang = h.lang,
                       .order = arena_printf(arena, "%lld", (long long)h.number), .path = "/account/plan", .amount = back->amount};
    return e.kind ? e : letter_send(r, tx, arena, &l);
}

struct err refund_failed(void *room, struct db_tx *tx, const struct pay_info *p, const struct pay_refund *back, bool was_done) {
    struct arena *arena = arena_create(ARENA_BYTES);
    struct err e = arena ? to_credit(room, tx, arena, p, back) : err_memory();
    arena_destroy(&arena);
    return e;
}

/* --- charge-backs --- */

/* Spread over the lines as they were paid, for the figures. */
static struct err lost_note(struct order_room *r, struct db_tx *tx, const struct head *h, int64_t amount, int64_t now_s) {
    int64_t weights[ORDER_LINES_MAX], shares[ORDER_LINES_MAX];
    for (size_t i = 0; i < h->count; i++) weights[i] = h->lines[i].total;
    struct err e = h->total ? money_split(money_of(h, amount), weights, h->count, shares) : ERR_OK;
    for (size_t i = 0; !e.kind && h->total && i < h->count; i++)
        if (shares[i] && h->lines[i].kind != OFFER_GIFT_CARD) e = revenue_note(r, tx, h, &h->lines[i], now_s, 0, 0, 0, shares[i], 0);
    return e;
}

static struct err lost_in(struct order_room *r, struct db_tx *tx, struct arena *arena, struct head *h, int64_t amount, int64_t now_s) {
    h->lost += amount;
    struct err e = DB_RUN(tx, &order_head_refunds, DB_INT("id", h->id), DB_INT("org_id", h->org_id), DB_INT("refunded", h->refunded), DB_INT("refunded_credit", h->refunded_credit),
                          DB_INT("lost", h->lost));
    if (!e.kind) e = lost_note(r, tx, h, amount, now_s);
    if (!e.kind) e = helds_of_order(tx, arena, h->id, -1, true, now_s);
    if (!e.kind) e = sub_lost(r, tx, arena, h, SUB_WHY_CHARGED_BACK, now_s);
    for (size_t i = 0; !e.kind && i < h->count; i++) {
        int64_t cancelled = 0; /* a card that nobody has redeemed is worth nothing any more, and lessens the loss */
        if (h->lines[i].kind != OFFER_GIFT_CARD) continue;
        e = gift_cards_cancel(r, tx, arena, h, &h->lines[i], &cancelled);
        struct moves m = moves_begin(r, tx, h->org_id, h->currency, h->id);
        moves_add(&m, LEDGER_CODE_GIFT_CARDS, 0, LEDGER_CODE_CHARGED_BACK, 0, cancelled, ORDER_MOVE_REFUND_GIFT);
        if (!e.kind) e = moves_run(&m);
    }
    struct letter l = {.code = "mail.charged_back", .org_id = h->org_id, .household_id = h->household_id, .user_id = h->user_id, .lang = h->lang, .what = name_in(h->lines[0].names, h->lang),
                       .order = arena_printf(arena, "%lld", (long long)h->number), .path = "/account/orders", .amount = money_of(h, amount)};
    return e.kind ? e : letter_send(r, tx, arena, &l);
}

static struct err won_in(struct order_room *r, struct db_tx *tx, struct arena *arena, struct head *h, int64_t amount, int64_t now_s) {
    if (!h->lost) return ERR_OK;
    amount = amount < h->lost ? amount : h->lost;
    h->lost -= amount;
    struct err e = DB_RUN(tx, &order_head_refunds, DB_INT("id", h->id), DB_INT("org_id", h->org_id), DB_INT("refunded", h->refunded), DB_INT("refunded_credit", h->refunded_credit),
                          DB_INT("lost", h->lost));
    if (!e.kind) e = lost_note(r, tx, h, -amount, now_s);
    for (size_t i = 0; !e.kind && !h->lost && i < h->count; i++) {
        const struct line *l = &h->lines[i];
        bool is_given_back = (l->total || l->vouchers) && l->refunded == l->total && l->refunded_vouchers == l->vouchers;
        if (l->kind == OFFER_GIFT_CARD) { /* the old codes stay dead: new ones take the place of those that were cancelled then */
            struct offer_gift_card *cards = NULL;
            size_t count = 0;
            int64_t ids[OFFER_QUANTITY_MAX], missing = is_given_back ? 0 : l->quantity;
            e = offer_gift_cards_of_in(r->o.offers, tx, arena, h->org_id, h->id, &cards, &count);
            for (size_t k = 0; !e.kind && k < count; k++) missing -= cards[k].state != OFFER_GIFT_CANCELLED && cards[k].amount.minor == l->unit_price && missing > 0;
            for (int64_t k = 0; k < missing; k++) ids[k] = id_next(r->o.ids);
            if (!e.kind && missing) e = offer_gift_cards_make_in(r->o.offers, tx, h->org_id, ids, (size_t)missing, money_of(h, l->unit_price), h->id, now_s);
            struct moves m = moves_begin(r, tx, h->org_id, h->currency, h->id);
            moves_add(&m, LEDGER_CODE_CHARGED_BACK, 0, LEDGER_CODE_GIFT_CARDS, 0, missing * l->unit_price, ORDER_MOVE_GIFT_SOLD);
            if (!e.kind) e = moves_run(&m);
        } else if (!is_given_back) {
            e = helds_of_order(tx, arena, h->id, l->n, false, now_s);
        }
    }
    if (!e.kind && !h->lost) e = sub_won(r, tx, arena, h, now_s);
    return e;
}

static struct err charge_back(struct order_room *r, struct db_tx *tx, const struct pay_info *p, const struct pay_chargeback *b, bool is_won) {
    struct arena *arena = arena_create(ARENA_BYTES);
    struct head h;
    struct err e = arena ? head_get(tx, arena, p->org_id, p->order_id, &h) : err_memory();
    /* Of money that had not bought it, only the ledger is concerned. */
    if (!e.kind && h.state == HEAD_PAID && h.payment_id == p->id)
        e = is_won ? won_in(r, tx, arena, &h, b->amount.minor, now_of(r)) : lost_in(r, tx, arena, &h, b->amount.minor, now_of(r));
    STEP(charge_back_inside);
    arena_destroy(&arena);
    return e;
}
struct err charged_back(void *room, struct db_tx *tx, const struct pay_info *p, const struct pay_chargeback *b) { return charge_back(room, tx, p, b, false); }
struct err chargeback_won(void *room, struct db_tx *tx, const struct pay_info *p, const struct pay_chargeback *b) { return charge_back(room, tx, p, b, true); }
