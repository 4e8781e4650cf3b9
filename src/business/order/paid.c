/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An order becomes paid: in one transaction its money leaves "order in progress", everything that was bought is handed out, and the invoice has its number. And what
 * becomes of money that comes when nobody waits for it:
 *
 *   the order        the money
 *   waits            buys it; unless the subscription that it is about has changed meanwhile: sent back
 *   has expired      buys it, if credit, vouchers and coupon can be had again and the subscription is as it was: he has paid and wants it. Else: sent back
 *   was cancelled    sent back: he has said that he does not want it
 *   is paid already  sent back: he pays once */
#include "base/log.h"
#include "base/step.h"
#include "business/order/order_sql.h"
#include "business/order/room.h"

/* --- what the money does --- */

static struct err money_in(struct order_room *r, struct db_tx *tx, const struct head *h) {
    struct moves m = moves_begin(r, tx, h->org_id, h->currency, h->id);
    int64_t gift = 0;
    for (size_t i = 0; i < h->count; i++)
        if (h->lines[i].kind == OFFER_GIFT_CARD) gift += h->lines[i].total; /* a debt until it is redeemed and spent: no revenue, no tax */
    moves_hold_end(&m, h->hold_id, true);
    moves_add(&m, LEDGER_CODE_CREDIT, h->household_id, LEDGER_CODE_ORDER, h->id, proration_of(h), ORDER_MOVE_CREDIT_USED);
    moves_add(&m, LEDGER_CODE_ORDER, h->id, LEDGER_CODE_REVENUE, 0, h->total - h->tax - gift, ORDER_MOVE_SALE);
    moves_add(&m, LEDGER_CODE_ORDER, h->id, LEDGER_CODE_TAX, 0, h->tax, ORDER_MOVE_TAX);
    moves_add(&m, LEDGER_CODE_ORDER, h->id, LEDGER_CODE_GIFT_CARDS, 0, gift, ORDER_MOVE_GIFT_SOLD);
    return moves_run(&m);
}

/* --- what is handed out --- */

static struct err gift_cards(struct order_room *r, struct db_tx *tx, const struct head *h, const struct line *l, int64_t now_s) {
    int64_t ids[OFFER_QUANTITY_MAX];
    if (l->quantity > OFFER_QUANTITY_MAX) return err_make(ERR_BUG, "order.quantity", "An order has more gift cards than one can have.");
    for (int64_t i = 0; i < l->quantity; i++) ids[i] = id_next(r->o.ids);
    return offer_gift_cards_make_in(r->o.offers, tx, h->org_id, ids, (size_t)l->quantity, money_of(h, l->unit_price), h->id, now_s);
}

static struct err hand_out(struct order_room *r, struct db_tx *tx, struct arena *arena, struct head *h, const struct line *l, const struct pay_info *payment, int64_t now_s) {
    switch (l->kind) {
    case OFFER_SUBSCRIPTION: return sub_paid(r, tx, arena, h, l, payment, now_s);
    case OFFER_GIFT_CARD: return gift_cards(r, tx, h, l, now_s);
    default: break;
    }
    int64_t ends_s = ORDER_ENDLESS, watch_s = 0;
    if (l->kind == OFFER_RENTAL) {
        ends_s = now_s + l->t.start_within_days * DAY_S;
        watch_s = l->t.watch_hours * INT64_C(3600);
    }
    if (!l->t.scope_count) return held_add(r, tx, h, l, 0, now_s, ends_s, watch_s, false, NULL); /* what the offer contains, now and later */
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < l->t.scope_count; i++) e = held_add(r, tx, h, l, l->t.scope[i], now_s, ends_s, watch_s, false, NULL);
    return e;
}

static struct err invoice_number(struct order_room *r, struct db_tx *tx, struct arena *arena, struct head *h, int64_t now_s) {
    if (!h->total) return ERR_OK; /* nothing was sold for money: no invoice, and no gap */
    int64_t n = 0;
    int year = 0;
    struct offer_settings settings;
    struct err e = number_next(tx, arena, h->org_id, year_of(now_s), NUMBER_INVOICE, &n, &year);
    if (!e.kind) e = offer_settings_get(r->o.offers, arena, h->org_id, &settings);
    if (e.kind) return e;
    h->invoice = arena_printf(arena, "%.*s%d-%06lld", SLICE_ARG(settings.invoice_prefix), year, (long long)n);
    return h->invoice.ptr ? ERR_OK : err_memory();
}

static struct err tell(struct order_room *r, struct db_tx *tx, struct arena *arena, const struct head *h) {
    const struct line *first = &h->lines[0];
    struct letter l = {.code = h->flags & HEAD_RENEWAL ? "mail.plan_renewed" : first->kind == OFFER_SUBSCRIPTION ? "mail.plan_begun" : "mail.order_paid", .org_id = h->org_id,
                       .household_id = h->household_id, .user_id = h->user_id, .lang = h->lang, .what = name_in(first->title_names.len ? first->title_names : first->names, h->lang),
                       .order = arena_printf(arena, "%lld", (long long)h->number), .path = first->kind == OFFER_SUBSCRIPTION ? "/account/plan" : "/account/orders",
                       .amount = money_of(h, h->total)};
    return letter_send(r, tx, arena, &l);
}

struct err paid_in(struct order_room *r, struct db_tx *tx, struct arena *arena, struct head *h, const struct pay_info *payment, int64_t now_s) {
    struct err e = ERR_OK;
    if (h->switch_of && h->unused) { /* what is left of the plan that gives way becomes credit first, and part of it pays */
        struct sub sub;
        struct head old;
        bool has = false;
        e = sub_get(tx, arena, h->org_id, h->switch_of, &has, &sub);
        if (!e.kind && !has) e = err_make(ERR_BUG, "order.switch", "The subscription that gives way is not there.");
        if (!e.kind) e = head_get(tx, arena, h->org_id, sub.order_id, &old);
        if (!e.kind) e = refund_unused(r, tx, arena, &old, h->unused, now_s);
    }
    if (!e.kind) e = money_in(r, tx, h);
    if (!e.kind) e = vouchers_settle(r, tx, arena, h, true);
    STEP(order_paid_inside);
    h->state = HEAD_PAID;
    h->paid_s = now_s;
    for (size_t i = 0; !e.kind && i < h->count; i++) e = hand_out(r, tx, arena, h, &h->lines[i], payment, now_s);
    if (!e.kind) e = invoice_number(r, tx, arena, h, now_s);
    if (!e.kind)
        e = DB_RUN(tx, &order_head_paid, DB_INT("id", h->id), DB_INT("org_id", h->org_id), DB_INT("paid_s", now_s), DB_INT("payment_id", payment ? payment->id : 0), DB_INT("hold_id", h->hold_id),
                   DB_TEXT_OR_NULL("invoice", h->invoice), DB_INT_IF("sub_id", h->sub_id != 0, h->sub_id), DB_INT("period_no", h->period_no));
    for (size_t i = 0; !e.kind && i < h->count; i++) {
        const struct line *l = &h->lines[i];
        bool is_gift = l->kind == OFFER_GIFT_CARD;
        e = revenue_note(r, tx, h, l, now_s, is_gift ? 0 : l->total, is_gift ? 0 : l->tax, 0, 0, l->quantity);
    }
    if (!e.kind) e = tell(r, tx, arena, h);
    STEP(order_entitled_inside);
    if (!e.kind) r->of_request.paid++;
    return e;
}

/* --- what pay says --- */

static struct err decide(struct order_room *r, struct db_tx *tx, struct arena *arena, struct head *h, const struct pay_info *p, int64_t now_s) {
    bool is_wanted = (h->state == HEAD_WAITS || h->state == HEAD_EXPIRED) && money_eq(p->amount, money_of(h, h->due));
    struct err e = ERR_OK;
    if (is_wanted) e = sub_fits(tx, arena, h, &is_wanted);
    if (!e.kind && is_wanted && h->state == HEAD_EXPIRED) e = set_aside_again(r, tx, arena, h, now_s, &is_wanted);
    if (e.kind) return e;
    return is_wanted ? paid_in(r, tx, arena, h, p, now_s) : send_back(r, tx, arena, h, p, now_s);
}

static struct err captured(void *room, struct db_tx *tx, const struct pay_info *p) {
    struct order_room *r = room;
    struct arena *arena = arena_create(ARENA_BYTES);
    struct head h;
    struct err e = arena ? head_get(tx, arena, p->org_id, p->order_id, &h) : err_memory();
    if (!e.kind) e = decide(r, tx, arena, &h, p, now_of(r));
    arena_destroy(&arena);
    return e;
}

static struct err failed(void *room, struct db_tx *tx, const struct pay_info *p) {
    struct order_room *r = room;
    struct arena *arena = arena_create(ARENA_BYTES);
    struct head h;
    struct err e = arena ? head_get(tx, arena, p->org_id, p->order_id, &h) : err_memory();
    if (!e.kind && h.state == HEAD_WAITS && (h.flags & HEAD_RENEWAL) && p->is_off_session) e = sub_charge_failed(r, tx, arena, &h, now_of(r));
    arena_destroy(&arena);
    return e;
}

static void committed(void *room) {
    struct order_room *r = room;
    STEP(order_paid);
    struct err e = helds_follow(r);
    if (e.kind) log_warn("order", "entitlements not followed", LOG_ERR(e)); /* the thread looks again */
    mail_wake(r->o.mail);
}

void paid_listen(struct order_room *r) {
    static struct pay_listener listener; /* pay copies it */
    listener = (struct pay_listener){.user = r, .captured = captured, .failed = failed, .refund_done = refund_done, .refund_failed = refund_failed, .charged_back = charged_back,
                                     .chargeback_won = chargeback_won, .committed = committed};
    pay_listen(r->o.pay, &listener);
}
