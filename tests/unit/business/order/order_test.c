/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "fixture.h"

/* --- buying --- */

static void somebody_buys_a_film(void **state) {
    struct shop s = begin(state);
    struct order_item item;
    struct pay_info payment;
    struct order_held held[ORDER_HELD_MAX];
    assert_ok(box_order(&s, HOME, SHOP_PURCHASE, 0, "k1", &item));
    assert_int_equal(item.state, ORDER_AWAITING_PAYMENT);
    assert_int_equal(item.number, 1);
    assert_int_equal(item.q.total.minor, 999);
    assert_int_equal(item.q.tax.minor, 160); /* 999 * 19 / 119 = 159.5 */
    assert_int_equal(item.expires_s, START_S + ORDER_EXPIRES_S);
    assert_false(has(&s, HOME, 0));
    assert_ok(box_pay(&s, HOME, &item.public_id, GOOD, "k2", &payment));
    run(&s);
    item = get(&s, &item.public_id);
    assert_int_equal(item.state, ORDER_PAID);
    assert_true(slice_eq(item.invoice, SLICE("GF-2026-000001")));
    assert_int_equal(item.payment->state, PAY_CAPTURED);
    assert_int_equal(held_for(&s, HOME, s.film_ids[0], held), 1);
    assert_int_equal(held[0].kind, OFFER_PURCHASE);
    assert_int_equal(held[0].medium, RIGHTS_PURCHASE);
    assert_true(held[0].ends_s == ORDER_ENDLESS);
    assert_false(has(&s, HOME, 1));
    assert_false(has(&s, OTHER, 0));
    assert_int_equal(balance(&s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), -999);
    assert_int_equal(balance(&s, CURRENCY_EUR, LEDGER_CODE_REVENUE, 0), 839);
    assert_int_equal(balance(&s, CURRENCY_EUR, LEDGER_CODE_TAX, 0), 160);
    end(&s);
}


/* A payment that this room knows nothing of: as when an attempt that was given up is paid all the same. */
struct straight {
    struct shop *s;
    const struct order_item *item;
    const char *card;
    struct pay_info out;
};
static struct err straight_fn(struct db_tx *tx, void *arg) {
    struct straight *w = arg;
    struct pay_card card = {.number = slice_cstr(w->card), .expires = SLICE("12/39"), .cvc = SLICE("123")};
    return pay_create_in(w->s->pay, tx, w->s->arena, &(struct pay_new){.org_id = w->s->org, .household_id = w->item->household_id, .order_id = w->item->id, .provider = PAY_SANDBOX,
                                                                        .amount = w->item->q.due, .what = SLICE("Order"), .card = &card}, &w->out);
}
static void money_comes(struct shop *s, const struct order_item *item) {
    struct straight w = {.s = s, .item = item, .card = GOOD};
    assert_ok(db_write(s->db, straight_fn, &w));
    run(s);
}

static void the_same_key_gives_the_first_answer(void **state) {
    struct shop s = begin(state);
    struct order_item one, two;
    struct pay_info first, again;
    assert_ok(box_order(&s, HOME, SHOP_RENTAL, 1, "once", &one));
    assert_ok(box_order(&s, HOME, SHOP_RENTAL, 1, "once", &two));
    assert_string_equal(one.public_id.text, two.public_id.text);
    assert_ok(box_pay(&s, HOME, &one.public_id, GOOD, "pay", &first));
    assert_ok(box_pay(&s, HOME, &one.public_id, GOOD, "pay", &again));
    assert_string_equal(first.public_id.text, again.public_id.text);
    run(&s);
    assert_ok(box_order(&s, HOME, SHOP_RENTAL, 1, "once", &two)); /* also when it is paid, and could not be ordered again */
    assert_int_equal(two.state, ORDER_PAID);
    assert_ok(box_pay(&s, HOME, &one.public_id, GOOD, "pay", &again));
    assert_int_equal(again.state, PAY_CAPTURED);
    struct order_buyer b = box_buyer(&s, HOME, "DE");
    struct order_key other = {.key = SLICE("once"), .owner_id = HOME, .body = {1}};
    struct order_wish wish = {.offer = public_id_slice(&s.offers_made[SHOP_PURCHASE]), .title = public_id_slice(&s.films[0]), .quantity = 1};
    struct order_cart cart = {.lines = &wish, .count = 1};
    assert_error(order_create(s.order, s.arena, &b, &cart, &other, &two), "idempotency.mismatch");
    other.key = SLICE("no blanks");
    assert_error(order_create(s.order, s.arena, &b, &cart, &other, &two), "idempotency.key");
    assert_ok(box_order(&s, OTHER, SHOP_RENTAL, 1, "once", &two)); /* another household's key is its own */
    assert_string_not_equal(one.public_id.text, two.public_id.text);
    pass(&s, ORDER_KEY_KEPT_S + 1);
    other.key = SLICE("once");
    assert_ok(order_create(s.order, s.arena, &b, &cart, &other, &two)); /* forgotten */
    end(&s);
}

static void it_takes_as_many_attempts_as_it_takes(void **state) {
    struct shop s = begin(state);
    struct order_item item;
    struct pay_info p;
    assert_ok(box_order(&s, HOME, SHOP_PURCHASE, 0, NULL, &item));
    assert_ok(box_pay(&s, HOME, &item.public_id, DECLINED, NULL, &p));
    run(&s);
    item = get(&s, &item.public_id);
    assert_int_equal(item.state, ORDER_AWAITING_PAYMENT);
    assert_int_equal(item.payment->state, PAY_FAILED);
    assert_ok(box_pay(&s, HOME, &item.public_id, STEP_CARD, NULL, &p));
    run(&s);
    struct public_id step = get(&s, &item.public_id).payment->public_id;
    assert_int_equal(get(&s, &item.public_id).payment->state, PAY_REQUIRES_ACTION);
    assert_ok(pay_sandbox_confirm(s.pay, s.arena, s.org, HOME, public_id_slice(&step), true, &p));
    run(&s);
    expect_state(&s, &item.public_id, ORDER_PAID);
    assert_error(box_pay(&s, HOME, &item.public_id, GOOD, NULL, &p), "order.settled");
    end(&s);
}

static void who_pays_twice_gets_it_back(void **state) {
    struct shop s = begin(state);
    struct order_item item = buy(&s, HOME, SHOP_PURCHASE, 0);
    money_comes(&s, &item);
    struct order_stats stats;
    order_stats(s.order, &stats);
    assert_int_equal(stats.sent_back, 1);
    expect_state(&s, &item.public_id, ORDER_PAID);
    assert_int_equal(balance(&s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), -999);
    assert_int_equal(balance(&s, CURRENCY_EUR, LEDGER_CODE_ORDER, item.id), 0);
    end(&s);
}

static void late_money_buys_or_goes_back(void **state) {
    struct shop s = begin(state);
    struct order_item late, cancelled;
    struct pay_info p;
    assert_ok(box_order(&s, HOME, SHOP_PURCHASE, 0, NULL, &late));
    assert_ok(box_order(&s, HOME, SHOP_PURCHASE, 1, NULL, &cancelled));
    struct order_buyer b = box_buyer(&s, HOME, "DE");
    assert_ok(order_cancel(s.order, s.arena, &b, public_id_slice(&cancelled.public_id), &cancelled));
    assert_ok(order_cancel(s.order, s.arena, &b, public_id_slice(&cancelled.public_id), &cancelled)); /* twice is fine */
    assert_int_equal(cancelled.state, ORDER_CANCELLED);
    pass(&s, ORDER_EXPIRES_S - 1);
    expect_state(&s, &late.public_id, ORDER_AWAITING_PAYMENT);
    pass(&s, 1);
    expect_state(&s, &late.public_id, ORDER_EXPIRED);
    assert_error(box_pay(&s, HOME, &late.public_id, GOOD, NULL, &p), "order.settled");
    assert_error(order_cancel(s.order, s.arena, &b, public_id_slice(&late.public_id), &late), "order.settled");
    money_comes(&s, &late);
    expect_state(&s, &late.public_id, ORDER_PAID);
    assert_true(has(&s, HOME, 0));
    money_comes(&s, &cancelled);
    expect_state(&s, &cancelled.public_id, ORDER_CANCELLED);
    assert_false(has(&s, HOME, 1));
    assert_int_equal(balance(&s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), -999);
    end(&s);
}

/* --- gift cards and credit --- */

static struct money redeem(struct shop *s, int64_t household, const char *code) {
    struct money redeemed;
    struct order_buyer b = box_buyer(s, household, "DE");
    assert_ok(order_gift_card_redeem(s->order, &b, slice_cstr(code), NULL, &redeemed));
    return redeemed;
}
static struct order_item order_with(struct shop *s, int64_t household, enum shop_offer which, int film, bool credit, bool voucher, const char *coupon, const char *error) {
    struct order_buyer b = box_buyer(s, household, "DE");
    struct order_wish wish = {.offer = public_id_slice(&s->offers_made[which]), .title = film < 0 ? SLICE_NONE : public_id_slice(&s->films[film]), .quantity = 1};
    struct order_cart cart = {.lines = &wish, .count = 1, .uses_credit = credit, .uses_voucher = voucher, .coupon = slice_cstr(coupon)};
    struct order_item item = {0};
    if (error) assert_error(order_create(s->order, s->arena, &b, &cart, NULL, &item), error);
    else assert_ok(order_create(s->order, s->arena, &b, &cart, NULL, &item));
    return item;
}

static void a_gift_card_becomes_credit_once(void **state) {
    struct shop s = begin(state);
    struct order_item item = buy(&s, HOME, SHOP_GIFT, -1);
    char (*codes)[OFFER_GIFT_CODE_LEN + 1];
    size_t count;
    struct money redeemed;
    assert_ok(order_gift_codes(s.order, s.arena, s.org, HOME, public_id_slice(&item.public_id), &codes, &count));
    assert_int_equal(count, 1);
    assert_error(order_gift_codes(s.order, s.arena, s.org, OTHER, public_id_slice(&item.public_id), &codes, &count), "order.not_found");
    assert_int_equal(balance(&s, CURRENCY_EUR, LEDGER_CODE_GIFT_CARDS, 0), 2500);
    assert_int_equal(balance(&s, CURRENCY_EUR, LEDGER_CODE_REVENUE, 0), 0); /* a debt, not yet earned */
    assert_int_equal(redeem(&s, OTHER, codes[0]).minor, 2500);
    struct order_buyer b = box_buyer(&s, HOME, "DE");
    assert_error(order_gift_card_redeem(s.order, &b, slice_cstr(codes[0]), NULL, &redeemed), "gift_card.redeemed");
    assert_error(order_gift_card_redeem(s.order, &b, SLICE("0000-0000-0000-0000"), NULL, &redeemed), "gift_card.unknown");
    assert_int_equal(credit_of(&s, OTHER), 2500);
    /* 25.00 pay for 9.99 and 9.99 whole, and for a part of the third */
    assert_int_equal(order_with(&s, OTHER, SHOP_PURCHASE, 0, true, false, NULL, NULL).state, ORDER_PAID);
    struct order_item second = order_with(&s, OTHER, SHOP_PURCHASE, 1, true, false, NULL, NULL);
    assert_int_equal(second.q.due.minor, 0);
    assert_true(has(&s, OTHER, 1));
    struct order_item third = order_with(&s, OTHER, SHOP_PURCHASE, 2, true, false, NULL, NULL);
    assert_int_equal(third.q.credit.minor, 2500 - 2 * 999);
    assert_int_equal(third.q.due.minor, 999 - 502);
    assert_int_equal(credit_of(&s, OTHER), 0); /* set aside: nobody can spend it twice */
    order_with(&s, OTHER, SHOP_PURCHASE, 3, true, false, NULL, NULL);
    pass(&s, ORDER_EXPIRES_S);
    assert_int_equal(credit_of(&s, OTHER), 502); /* and it came back */
    assert_int_equal(order_with(&s, OTHER, SHOP_RENTAL, 4, true, false, NULL, NULL).state, ORDER_PAID); /* spends it elsewhere */
    money_comes(&s, &third);                                  /* too late: the credit is not there any more */
    expect_state(&s, &third.public_id, ORDER_EXPIRED);
    assert_false(has(&s, OTHER, 2));
    /* a refund of what was paid by credit becomes credit */
    struct order_refund back = refund(&s, &second.public_id, 0);
    assert_int_equal(back.state, ORDER_REFUND_DONE);
    assert_int_equal(back.to_credit.minor, 999);
    assert_int_equal(credit_of(&s, OTHER), 103 + 999);
    /* the card has been redeemed: its order cannot be given back */
    struct order_refund_wish wish = {.reason = SLICE("late")};
    assert_error(order_refund(s.order, s.arena, s.org, public_id_slice(&item.public_id), &wish, NULL, &back), "refund.gift_card");
    end(&s);
}

static void gift_cards_are_made_by_hand_once_a_key(void **state) {
    struct shop s = begin(state);
    char first[3][OFFER_GIFT_CODE_LEN + 1], again[3][OFFER_GIFT_CODE_LEN + 1];
    struct order_key key = {.key = SLICE("made"), .owner_id = 7};
    assert_ok(order_gift_cards_make(s.order, s.org, 7, MONEY(1000, CURRENCY_EUR), 3, &key, first));
    assert_ok(order_gift_cards_make(s.order, s.org, 7, MONEY(1000, CURRENCY_EUR), 3, &key, again));
    for (int i = 0; i < 3; i++) assert_string_equal(first[i], again[i]);
    assert_int_equal(balance(&s, CURRENCY_EUR, LEDGER_CODE_GIFT_CARDS, 0), 3000);
    assert_int_equal(redeem(&s, HOME, first[1]).minor, 1000);
    assert_error(order_gift_cards_make(s.order, s.org, 7, MONEY(1000, CURRENCY_EUR), 101, &key, first), "order.quantity");
    end(&s);
}

/* --- rentals --- */

static void a_rental_starts_when_it_is_first_watched(void **state) {
    struct shop s = begin(state);
    struct order_held held[ORDER_HELD_MAX], started;
    buy(&s, HOME, SHOP_RENTAL, 0);
    assert_int_equal(held_for(&s, HOME, s.film_ids[0], held), 1);
    assert_int_equal(held[0].ends_s, START_S + 30 * DAY_S);
    assert_int_equal(held[0].watch_s, 48 * 3600);
    assert_int_equal(held[0].started_s, 0);
    order_with(&s, HOME, SHOP_RENTAL, 0, false, false, NULL, "order.owned");
    pass(&s, 3 * DAY_S);
    assert_error(order_started(s.order, s.org, OTHER, held[0].entitlement_id, &started), "order.entitlement");
    assert_ok(order_started(s.order, s.org, HOME, held[0].entitlement_id, &started));
    int64_t ends_s = START_S + 3 * DAY_S + 48 * 3600;
    assert_int_equal(started.ends_s, ends_s);
    pass(&s, 3600);
    assert_ok(order_started(s.order, s.org, HOME, held[0].entitlement_id, &started)); /* a second play begins nothing anew */
    assert_int_equal(started.ends_s, ends_s);
    assert_int_equal(held_for(&s, HOME, s.film_ids[0], held), 1);
    assert_int_equal(held[0].ends_s, ends_s);
    turn_to(&s, ends_s - 1);
    assert_true(has(&s, HOME, 0));
    turn_to(&s, ends_s);
    assert_false(has(&s, HOME, 0));
    assert_error(order_started(s.order, s.org, HOME, held[0].entitlement_id, &started), "order.rental_over");
    end(&s);
}

struct starter {
    struct shop *s;
    int64_t id;
    struct order_held held;
};
static void start_run(void *arg) {
    struct starter *w = arg;
    struct err e = order_started(w->s->order, w->s->org, HOME, w->id, &w->held);
    if (e.kind) w->held.ends_s = -1;
}
static void many_begin_it_at_once_and_it_begins_once(void **state) {
    struct shop s = begin(state);
    struct order_held held[ORDER_HELD_MAX];
    buy(&s, HOME, SHOP_RENTAL, 0);
    held_for(&s, HOME, s.film_ids[0], held);
    struct starter starters[4];
    struct thread *threads[4];
    for (int i = 0; i < 4; i++) {
        starters[i] = (struct starter){.s = &s, .id = held[0].entitlement_id};
        assert_ok(thread_start(&threads[i], "starter", start_run, &starters[i]));
    }
    for (int i = 0; i < 4; i++) thread_join(&threads[i]);
    for (int i = 0; i < 4; i++) assert_int_equal(starters[i].held.ends_s, START_S + 48 * 3600);
    end(&s);
}

/* --- what is contained --- */

static void passes_and_bundles_open_what_they_hold(void **state) {
    struct shop s = begin(state);
    struct order_held held[ORDER_HELD_MAX];
    int64_t next_s = ORDER_ENDLESS;
    buy(&s, HOME, SHOP_BUNDLE, -1);
    for (int i = 0; i < SHOP_FILMS; i++) assert_int_equal(has(&s, HOME, i), i < 4);
    buy(&s, HOME, SHOP_PASS, -1);
    assert_int_equal(order_entitlement(s.order, s.org, HOME, (int64_t[3]){s.episode_id, 0, s.series_id}, START_S, held, &next_s), 1);
    assert_int_equal(held[0].kind, OFFER_SEASON_PASS);
    assert_int_equal(order_entitlement(s.order, s.org + 1, HOME, (int64_t[3]){s.episode_id, 0, s.series_id}, START_S, held, &next_s), 0);
    order_with(&s, HOME, SHOP_BUNDLE, -1, false, false, NULL, "order.owned");
    order_with(&s, HOME, SHOP_PURCHASE, 0, false, false, NULL, "order.owned");
    /* another process over the same store, and the same one after a restart, know the same */
    struct order_room *again;
    struct pay *pay;
    assert_ok(pay_open(&pay, &(struct pay_options){.db = s.db, .clock = s.clock, .ids = s.ids, .keys = s.keys, .ledger = s.ledger}));
    assert_ok(order_open(&again, &(struct order_options){.db = s.db, .clock = s.clock, .ids = s.ids, .account = s.account, .catalog = s.catalog, .mail = s.mail, .ledger = s.ledger, .pay = pay,
                                                         .offers = s.offers}));
    assert_int_equal(order_entitlement(again, s.org, HOME, (int64_t[3]){s.film_ids[3], 0, 0}, START_S, held, &next_s), 1);
    struct order_item fifth = buy(&s, HOME, SHOP_PURCHASE, 5);
    assert_int_equal(order_entitlement(again, s.org, HOME, (int64_t[3]){s.film_ids[5], 0, 0}, START_S, held, &next_s), 0);
    assert_ok(order_tick(again)); /* looks at what others changed */
    assert_int_equal(order_entitlement(again, s.org, HOME, (int64_t[3]){s.film_ids[5], 0, 0}, START_S, held, &next_s), 1);
    refund(&s, &fifth.public_id, 0);
    assert_ok(order_tick(again));
    assert_int_equal(order_entitlement(again, s.org, HOME, (int64_t[3]){s.film_ids[5], 0, 0}, START_S, held, &next_s), 0);
    pay_close(&pay);
    order_close(&again);
    end(&s);
}

/* --- refunds --- */

static void refunds_add_up_to_what_was_paid(void **state) {
    struct shop s = begin(state);
    struct order_item item = buy(&s, HOME, SHOP_PURCHASE, 0); /* 9.99, 1.60 of it tax */
    int64_t tax = 0;
    const int64_t parts[] = {1, 332, 333};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct order_refund back = refund(&s, &item.public_id, parts[i]);
        assert_int_equal(back.amount.minor, parts[i]);
        assert_int_equal(back.state, ORDER_REFUND_PENDING);
        tax += back.tax.minor;
        assert_true(has(&s, HOME, 0)); /* money came back, the film stays */
    }
    expect_state(&s, &item.public_id, ORDER_PART_REFUNDED);
    struct order_refund none;
    struct order_refund_wish wish = {.has_amount = true, .amount_minor = 334, .reason = SLICE("more")};
    assert_error(order_refund(s.order, s.arena, s.org, public_id_slice(&item.public_id), &wish, NULL, &none), "refund.too_much");
    wish.amount_minor = 0;
    assert_error(order_refund(s.order, s.arena, s.org, public_id_slice(&item.public_id), &wish, NULL, &none), "refund.amount");
    wish.amount_minor = -5;
    assert_error(order_refund(s.order, s.arena, s.org, public_id_slice(&item.public_id), &wish, NULL, &none), "refund.amount");
    wish = (struct order_refund_wish){.reason = SLICE("  ")};
    assert_error(order_refund(s.order, s.arena, s.org, public_id_slice(&item.public_id), &wish, NULL, &none), "refund.reason");
    wish = (struct order_refund_wish){.lines = (size_t[]){3}, .line_count = 1, .reason = SLICE("x")};
    assert_error(order_refund(s.order, s.arena, s.org, public_id_slice(&item.public_id), &wish, NULL, &none), "refund.lines");
    struct money left;
    size_t ends[ORDER_LINES_MAX], end_count;
    wish = (struct order_refund_wish){.reason = SLICE("rest")};
    assert_ok(order_refund_preview(s.order, s.arena, s.org, public_id_slice(&item.public_id), &wish, &none, &left, ends, &end_count));
    assert_int_equal(none.amount.minor, 333);
    assert_int_equal(left.minor, 0);
    assert_int_equal(end_count, 1);
    struct order_refund rest = refund(&s, &item.public_id, 0);
    assert_int_equal(rest.amount.minor, 333);
    assert_int_equal(tax + rest.tax.minor, 160); /* the tax went back to the last cent */
    expect_state(&s, &item.public_id, ORDER_REFUNDED);
    assert_false(has(&s, HOME, 0));
    assert_int_equal(balance(&s, CURRENCY_EUR, LEDGER_CODE_TAX, 0), 0);
    assert_int_equal(balance(&s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), 0);
    struct order_refund *list;
    size_t count;
    assert_ok(order_refunds(s.order, s.arena, s.org, item.id, &list, &count));
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++) assert_int_equal(list[i].state, ORDER_REFUND_DONE);
    assert_true(slice_eq(list[3].note, SLICE("GF-2026-C00004")));
    end(&s);
}

static void what_the_bank_cannot_pay_back_becomes_credit(void **state) {
    struct shop s = begin(state);
    struct order_item item = buy_with(&s, HOME, SHOP_PURCHASE, 0, REFUND_FAILS);
    assert_int_equal(item.state, ORDER_PAID);
    refund(&s, &item.public_id, 0);
    struct order_refund *list;
    size_t count;
    assert_ok(order_refunds(s.order, s.arena, s.org, item.id, &list, &count));
    assert_int_equal(list[0].state, ORDER_REFUND_FAILED);
    assert_int_equal(list[0].to_credit.minor, 999);
    assert_int_equal(credit_of(&s, HOME), 999);
    assert_false(has(&s, HOME, 0));
    end(&s);
}

struct refunder {
    struct shop *s;
    const struct order_item *item;
    struct arena *arena;
    int done, refused;
};
static void refund_run(void *arg) {
    struct refunder *w = arg;
    for (int i = 0; i < 10; i++) {
        struct order_refund out;
        struct order_refund_wish wish = {.has_amount = true, .amount_minor = 70, .reason = SLICE("at once")};
        struct err e = order_refund(w->s->order, w->arena, w->s->org, public_id_slice(&w->item->public_id), &wish, NULL, &out);
        if (!e.kind) w->done++;
        else w->refused += !strcmp(e.code, "refund.too_much");
    }
}
static void two_give_back_at_once_and_never_too_much(void **state) {
    struct shop s = begin(state);
    struct order_item item = buy(&s, HOME, SHOP_PURCHASE, 0);
    struct refunder two[2];
    struct thread *threads[2];
    for (int i = 0; i < 2; i++) {
        two[i] = (struct refunder){.s = &s, .item = &item, .arena = arena_create(16 << 20)};
        assert_ok(thread_start(&threads[i], "refunder", refund_run, &two[i]));
    }
    for (int i = 0; i < 2; i++) thread_join(&threads[i]);
    assert_int_equal(two[0].done + two[1].done, 14); /* 14 * 0.70 = 9.80 */
    assert_int_equal(two[0].refused + two[1].refused, 6);
    for (int i = 0; i < 2; i++) arena_destroy(&two[i].arena);
    run(&s);
    assert_int_equal(get(&s, &item.public_id).refunded.minor, 980);
    end(&s);
}

static void a_charge_back_takes_it_away_and_winning_brings_it_back(void **state) {
    struct shop s = begin(state);
    struct order_item lost = buy_with(&s, HOME, SHOP_PURCHASE, 0, CHARGED_BACK), won = buy_with(&s, HOME, SHOP_PURCHASE, 1, CHARGED_BACK_WON);
    assert_true(has(&s, HOME, 0) && has(&s, HOME, 1));
    pass(&s, 61);
    expect_state(&s, &lost.public_id, ORDER_CHARGED_BACK);
    expect_state(&s, &won.public_id, ORDER_CHARGED_BACK);
    assert_false(has(&s, HOME, 0) || has(&s, HOME, 1));
    struct order_refund none;
    struct order_refund_wish wish = {.reason = SLICE("too")};
    assert_error(order_refund(s.order, s.arena, s.org, public_id_slice(&lost.public_id), &wish, NULL, &none), "refund.charged_back");
    assert_int_equal(balance(&s, CURRENCY_EUR, LEDGER_CODE_CHARGED_BACK, 0), -2 * 999);
    pass(&s, 8 * DAY_S);
    expect_state(&s, &lost.public_id, ORDER_CHARGED_BACK);
    expect_state(&s, &won.public_id, ORDER_PAID);
    assert_false(has(&s, HOME, 0));
    assert_true(has(&s, HOME, 1));
    assert_int_equal(balance(&s, CURRENCY_EUR, LEDGER_CODE_CHARGED_BACK, 0), -999);
    end(&s);
}

/* --- what strangers try --- */

static void what_is_anothers_is_not_there(void **state) {
    struct shop s = begin(state);
    struct order_item item, out;
    struct pay_info p;
    struct buf pdf = BUF(1 << 20);
    assert_ok(box_order(&s, HOME, SHOP_PURCHASE, 0, NULL, &item));
    struct order_buyer thief = box_buyer(&s, OTHER, "DE");
    assert_error(box_pay(&s, OTHER, &item.public_id, GOOD, NULL, &p), "order.not_found");
    assert_error(order_cancel(s.order, s.arena, &thief, public_id_slice(&item.public_id), &out), "order.not_found");
    assert_error(order_get(s.order, s.arena, s.org, OTHER, public_id_slice(&item.public_id), SLICE("en"), &out), "order.not_found");
    assert_error(order_get(s.order, s.arena, s.org + 1, 0, public_id_slice(&item.public_id), SLICE("en"), &out), "order.not_found");
    assert_error(order_get(s.order, s.arena, s.org, HOME, SLICE("../../etc/passwd"), SLICE("en"), &out), "order.not_found");
    assert_error(order_invoice_pdf(s.order, s.org, OTHER, public_id_slice(&item.public_id), SLICE_NONE, &pdf), "order.not_found");
    assert_error(order_invoice_pdf(s.order, s.org, HOME, public_id_slice(&item.public_id), SLICE_NONE, &pdf), "order.invoice");
    assert_error(order_plan_cancel(s.order, &thief), "subscription.none");
    /* quantities */
    const int64_t absurd[] = {-1, 0, 2, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < ARRAY_LEN(absurd); i++) {
        struct order_wish wish = {.offer = public_id_slice(&s.offers_made[SHOP_PURCHASE]), .title = public_id_slice(&s.films[1]), .quantity = absurd[i]};
        assert_error(order_create(s.order, s.arena, &thief, &(struct order_cart){.lines = &wish, .count = 1}, NULL, &out), "offer.quantity");
    }
    struct order_wish many[ORDER_LINES_MAX + 1] = {{0}};
    assert_error(order_create(s.order, s.arena, &thief, &(struct order_cart){.lines = many, .count = ORDER_LINES_MAX + 1}, NULL, &out), "offer.lines");
    assert_error(order_create(s.order, s.arena, &thief, &(struct order_cart){.lines = many, .count = 0}, NULL, &out), "offer.lines");
    /* a voucher that one does not have */
    order_with(&s, OTHER, SHOP_RENTAL, 0, false, true, NULL, "voucher.none");
    /* hoarding */
    for (int i = 0; i < 20; i++) order_with(&s, OTHER, SHOP_PURCHASE, 1, false, false, NULL, NULL);
    order_with(&s, OTHER, SHOP_PURCHASE, 1, false, false, NULL, "order.many");
    end(&s);
}

static void a_coupon_is_used_as_often_as_it_may(void **state) {
    struct shop s = begin(state);
    struct public_id id;
    assert_ok(offer_coupon_create(s.offers, s.org, &(struct offer_coupon_new){.code = SLICE("HALF"), .percent = 50, .starts_s = 0, .ends_s = OFFER_ENDLESS, .uses_max = 2, .per_household_max = 1}, &id));
    struct order_item first = order_with(&s, HOME, SHOP_PURCHASE, 0, false, false, "half", NULL);
    assert_int_equal(first.q.discount.minor, 499); /* 50 % of 9.99, rounded down */
    assert_int_equal(first.q.due.minor, 500);
    order_with(&s, HOME, SHOP_PURCHASE, 1, false, false, "HALF", "coupon.used_by_you");
    struct order_item second = order_with(&s, OTHER, SHOP_PURCHASE, 1, false, false, "HALF", NULL);
    order_with(&s, 503, SHOP_PURCHASE, 1, false, false, "HALF", "coupon.used");
    order_with(&s, 503, SHOP_PURCHASE, 1, false, false, "NOSUCH", "coupon.unknown");
    struct order_buyer b = box_buyer(&s, HOME, "DE");
    assert_ok(order_cancel(s.order, s.arena, &b, public_id_slice(&first.public_id), &first)); /* gives its use back */
    order_with(&s, 503, SHOP_PURCHASE, 1, false, false, "HALF", NULL);
    pass(&s, ORDER_EXPIRES_S);
    order_with(&s, 504, SHOP_PURCHASE, 1, false, false, "HALF", NULL);
    order_with(&s, 505, SHOP_PURCHASE, 1, false, false, "HALF", NULL);
    money_comes(&s, &second); /* its use is gone to somebody else */
    expect_state(&s, &second.public_id, ORDER_EXPIRED);
    end(&s);
}

static void the_price_of_the_quote_holds(void **state) {
    struct shop s = begin(state);
    struct order_item item;
    struct pay_info p;
    struct offer_report report;
    assert_ok(box_order(&s, HOME, SHOP_PURCHASE, 0, NULL, &item));
    struct offer_price_new dearer = {MONEY(5000, CURRENCY_EUR), SLICE("DE")};
    assert_ok(offer_change(s.offers, s.arena, s.org, public_id_slice(&s.offers_made[SHOP_PURCHASE]), &(struct offer_change){.has_prices = true, .prices = &dearer, .price_count = 1, .has_is_on_sale = true}, &report));
    assert_ok(box_pay(&s, HOME, &item.public_id, GOOD, NULL, &p)); /* dearer, and not even on sale any more */
    run(&s);
    item = get(&s, &item.public_id);
    assert_int_equal(item.state, ORDER_PAID);
    assert_int_equal(item.payment->amount.minor, 999);
    end(&s);
}

static void a_currency_without_decimals_is_as_good(void **state) {
    struct shop s = begin(state);
    struct order_buyer b = box_buyer(&s, HOME, "JP");
    struct order_wish wish = {.offer = public_id_slice(&s.offers_made[SHOP_PURCHASE]), .title = public_id_slice(&s.films[0]), .quantity = 1};
    struct order_item item;
    struct pay_info p;
    assert_ok(order_create(s.order, s.arena, &b, &(struct order_cart){.lines = &wish, .count = 1}, NULL, &item));
    assert_int_equal(item.q.total.minor, 99900); /* yen, not sen */
    assert_int_equal(item.q.total.currency, CURRENCY_JPY);
    assert_ok(box_pay(&s, HOME, &item.public_id, GOOD, NULL, &p));
    run(&s);
    expect_state(&s, &item.public_id, ORDER_PAID);
    assert_int_equal(refund(&s, &item.public_id, 33333).tax.minor, 3030); /* 9082 * 33333 / 99900 = 3030.2 */
    end(&s);
}

/* --- lists, figures, letters --- */

static void orders_are_listed_page_by_page(void **state) {
    struct shop s = begin(state);
    struct order_list list;
    struct public_id ids[6];
    for (int i = 0; i < 6; i++) {
        ids[i] = i < 5 ? buy(&s, i % 2 ? HOME : OTHER, SHOP_PURCHASE, i).public_id : order_with(&s, HOME, SHOP_PURCHASE, 6, false, false, NULL, NULL).public_id;
        clock_manual_set_utc(s.clock, utc_from_seconds(START_S + (i == 2 ? -50 : i * 10))); /* once the clock goes back */
    }
    struct order_filter filter = {.limit = 2, .lang = SLICE("en")};
    size_t seen = 0;
    int64_t before = INT64_MAX;
    do {
        assert_ok(order_list(s.order, s.arena, s.org, &filter, &list));
        for (size_t i = 0; i < list.count; i++, seen++) {
            assert_true(list.items[i].created_s <= before);
            before = list.items[i].created_s;
            assert_int_equal(list.items[i].q.count, 1);
        }
        filter.before_id = list.next;
    } while (list.next);
    assert_int_equal(seen, 6);
    assert_ok(order_list(s.order, s.arena, s.org, &(struct order_filter){.household_id = HOME}, &list));
    assert_int_equal(list.count, 3);
    assert_ok(order_list(s.order, s.arena, s.org, &(struct order_filter){.has_state = true, .state = ORDER_AWAITING_PAYMENT}, &list));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].public_id.text, ids[5].text);
    refund(&s, &ids[0], 100);
    refund(&s, &ids[1], 0);
    assert_ok(order_list(s.order, s.arena, s.org, &(struct order_filter){.has_state = true, .state = ORDER_PART_REFUNDED}, &list));
    assert_int_equal(list.count, 1);
    assert_ok(order_list(s.order, s.arena, s.org, &(struct order_filter){.has_state = true, .state = ORDER_REFUNDED}, &list));
    assert_int_equal(list.count, 1);
    assert_ok(order_list(s.order, s.arena, s.org, &(struct order_filter){.has_state = true, .state = ORDER_PAID}, &list));
    assert_int_equal(list.count, 3);
    assert_ok(order_list(s.order, s.arena, s.org, &(struct order_filter){.query = SLICE(" 3 ")}, &list));
    assert_int_equal(list.count, 1);
    assert_ok(order_list(s.order, s.arena, s.org, &(struct order_filter){.query = SLICE("GF-2026-000002")}, &list));
    assert_int_equal(list.count, 1);
    assert_ok(order_list(s.order, s.arena, s.org, &(struct order_filter){.query = public_id_slice(&ids[4])}, &list));
    assert_int_equal(list.count, 1);
    assert_ok(order_list(s.order, s.arena, s.org, &(struct order_filter){.query = SLICE("' OR 1=1 --")}, &list));
    assert_int_equal(list.count, 0);
    end(&s);
}

static void figures_are_what_was_sold(void **state) {
    struct shop s = begin(state);
    struct order_revenue by;
    struct order_item item = buy(&s, HOME, SHOP_PURCHASE, 0);
    buy(&s, HOME, SHOP_RENTAL, 0);
    buy(&s, OTHER, SHOP_PURCHASE, 1);
    pass(&s, DAY_S);
    refund(&s, &item.public_id, 500);
    buy_with(&s, OTHER, SHOP_RENTAL, 2, CHARGED_BACK);
    pass(&s, 61);
    assert_ok(order_revenue(s.order, s.arena, s.org, START_S, START_S + 2 * DAY_S, ORDER_BY_DAY, CURRENCY_EUR, &by));
    assert_int_equal(by.count, 2);
    assert_int_equal(by.rows[0].gross.minor, 999 + 399 + 999);
    assert_int_equal(by.rows[0].tax.minor, 160 + 64 + 160);
    assert_int_equal(by.rows[0].orders, 3);
    assert_int_equal(by.rows[1].refunded.minor, 500);
    assert_int_equal(by.rows[1].lost.minor, 399);
    assert_int_equal(by.currency_count, 1);
    assert_int_equal(by.currencies[0].minor, by.rows[0].net.minor + by.rows[1].net.minor);
    assert_ok(order_revenue(s.order, s.arena, s.org, START_S, START_S + 2 * DAY_S, ORDER_BY_TITLE, 0, &by));
    assert_int_equal(by.count, 3);
    assert_int_equal(by.rows[0].id, s.film_ids[1]); /* the most net */
    assert_ok(order_revenue(s.order, s.arena, s.org, START_S, START_S + 2 * DAY_S, ORDER_BY_TERRITORY, 0, &by));
    assert_int_equal(by.count, 1);
    assert_string_equal(by.rows[0].country, "DE");
    assert_ok(order_revenue(s.order, s.arena, s.org, START_S, START_S + 2 * DAY_S, ORDER_BY_OFFER, 0, &by));
    assert_int_equal(by.count, 2);
    int64_t sold[2];
    assert_ok(order_sold(s.order, s.org, (int64_t[]){s.offer_ids[SHOP_PURCHASE], s.offer_ids[SHOP_YEAR]}, 2, sold));
    assert_int_equal(sold[0], 2);
    assert_int_equal(sold[1], 0);
    end(&s);
}

/* The same figures, whether a month was added up or not; and asked from any day to any other. */
static void figures_same(struct shop *s, int64_t from_s, int64_t to_s, const int64_t net[4]) {
    for (enum order_revenue_by by = ORDER_BY_DAY; by <= ORDER_BY_OFFER; by++) {
        struct order_revenue got;
        int64_t sum = 0;
        assert_ok(order_revenue(s->order, s->arena, s->org, from_s, to_s, by, CURRENCY_EUR, &got));
        for (size_t i = 0; i < got.count; i++) sum += got.rows[i].net.minor;
        assert_int_equal(sum, net[by]);
        assert_int_equal(got.currency_count ? got.currencies[0].minor : 0, net[by]);
    }
}
static void months_that_are_over_are_added_up(void **state) {
    enum { FILM = 999 - 160, RENT = 399 - 64 };
    struct shop s = begin(state); /* 22 November */
    const int64_t november = START_S - 21 * DAY_S, december = START_S + 9 * DAY_S, january = december + 31 * DAY_S;
    struct order_item item = buy(&s, HOME, SHOP_PURCHASE, 0);
    buy(&s, OTHER, SHOP_RENTAL, 1);
    turn_to(&s, december + DAY_S);
    buy(&s, OTHER, SHOP_PURCHASE, 2);
    int64_t both[4] = {2 * FILM + RENT, 2 * FILM + RENT, 2 * FILM + RENT, 2 * FILM + RENT}, first[4] = {FILM + RENT, FILM + RENT, FILM + RENT, FILM + RENT}, last[4] = {FILM, FILM, FILM, FILM}, none[4] = {0};
    figures_same(&s, november, january, both); /* November is not added up yet */
    turn_to(&s, december + 3 * DAY_S);
    for (int round = 0; round < 2; round++) { /* now it is, and then December as well */
        figures_same(&s, november, january, both);
        figures_same(&s, november - 400 * DAY_S, january + 400 * DAY_S, both);
        figures_same(&s, november, december, first);
        figures_same(&s, START_S, december, first);
        figures_same(&s, START_S + DAY_S, december, none);
        figures_same(&s, START_S, START_S + DAY_S, first);
        figures_same(&s, december, january, last);
        figures_same(&s, START_S + DAY_S, december + 2 * DAY_S, last);
        int64_t sold[2];
        assert_ok(order_sold(s.order, s.org, (int64_t[]){s.offer_ids[SHOP_PURCHASE], s.offer_ids[SHOP_RENTAL]}, 2, sold));
        assert_int_equal(sold[0], 2);
        assert_int_equal(sold[1], 1);
        turn_to(&s, january + 3 * DAY_S);
    }
    struct order_revenue by; /* a title of November, from its month's sums */
    assert_ok(order_revenue(s.order, s.arena, s.org, november, december, ORDER_BY_TITLE, 0, &by));
    assert_int_equal(by.count, 2);
    assert_int_equal(by.rows[0].id, s.film_ids[0]);
    assert_int_equal(by.rows[0].gross.minor, 999);
    assert_int_equal(by.rows[0].orders, 1);
    assert_ok(order_revenue(s.order, s.arena, s.org, november, december, ORDER_BY_DAY, 0, &by));
    assert_int_equal(by.count, 1);
    assert_int_equal(by.rows[0].day_s, START_S);

    /* The clock goes back into December: what is noted there is not lost, and neither is what goes back later. */
    clock_manual_set_utc(s.clock, utc_from_seconds(december + 5 * DAY_S));
    buy(&s, HOME, SHOP_PURCHASE, 3);
    for (int i = 0; i < 4; i++) last[i] += FILM;
    figures_same(&s, december, january, last);
    turn_to(&s, january + 3 * DAY_S);
    figures_same(&s, december, january, last);
    figures_same(&s, november, december, first);
    refund(&s, &item.public_id, 0);
    run(&s);
    int64_t given[4] = {-FILM, -FILM, -FILM, -FILM};
    figures_same(&s, january, january + 31 * DAY_S, given);
    figures_same(&s, november, december, first);
    end(&s);
}

/* Whichever way they went, page by page, by state, with who made them. */
static void refunds_are_listed(void **state) {
    struct shop s = begin(state);
    struct order_refund_list list;
    struct order_item paid = buy(&s, HOME, SHOP_PURCHASE, 0), other = buy_with(&s, OTHER, SHOP_PURCHASE, 1, REFUND_FAILS);
    for (int64_t amount = 100; amount <= 300; amount += 100) {
        struct order_refund made;
        struct order_refund_wish wish = {.has_amount = true, .amount_minor = amount, .reason = SLICE("Sound missing"), .by_user_id = 77};
        assert_ok(order_refund(s.order, s.arena, s.org, public_id_slice(&paid.public_id), &wish, NULL, &made));
        assert_int_equal(made.by_user_id, 77);
    }
    assert_ok(order_refund_list(s.order, s.arena, s.org, &(struct order_refund_filter){.has_state = true, .state = ORDER_REFUND_PENDING}, &list));
    assert_int_equal(list.count, 3);
    refund(&s, &other.public_id, 0);
    run(&s);
    assert_ok(order_refund_list(s.order, s.arena, s.org, &(struct order_refund_filter){.limit = 2}, &list));
    assert_int_equal(list.count, 2);
    assert_true(list.has_more);
    assert_int_equal(list.items[0].order_id, other.id);
    assert_int_equal(list.items[0].state, ORDER_REFUND_FAILED);
    assert_true(list.items[0].code.len > 0);
    assert_int_equal(list.items[1].amount.minor, 300);
    struct order_refund_filter next = {.limit = 2, .after = public_id_slice(&list.items[1].public_id)};
    assert_ok(order_refund_list(s.order, s.arena, s.org, &next, &list));
    assert_int_equal(list.count, 2);
    assert_false(list.has_more);
    assert_int_equal(list.items[0].amount.minor, 200);
    assert_int_equal(list.items[1].by_user_id, 77);
    assert_int_equal(list.items[1].kind, ORDER_REFUND_BY_FINANCE);
    assert_true(list.items[1].settled_s > 0);
    assert_ok(order_refund_list(s.order, s.arena, s.org, &(struct order_refund_filter){.has_state = true, .state = ORDER_REFUND_DONE}, &list));
    assert_int_equal(list.count, 3);
    assert_ok(order_refund_list(s.order, s.arena, s.org, &(struct order_refund_filter){.has_state = true, .state = ORDER_REFUND_PENDING}, &list));
    assert_int_equal(list.count, 0);
    assert_ok(order_refund_list(s.order, s.arena, s.org + 1, &(struct order_refund_filter){0}, &list));
    assert_int_equal(list.count, 0);
    assert_error(order_refund_list(s.order, s.arena, s.org + 1, &next, &list), "order.refund");
    end(&s);
}

static void the_household_is_told(void **state) {
    struct shop s = begin(state);
    struct mail_list letters;
    struct account_entry entry;
    struct account_from from = {.peer = SLICE("192.0.2.1"), .agent = SLICE("Firefox"), .origin = SLICE("http://localhost:8080"), .lang = SLICE("de")};
    assert_ok(account_sign_up(s.account, s.org, &(struct account_sign_up){.email = SLICE("ana@example.org"), .password = SLICE("correct horse battery"), .name = SLICE("Ana"), .country = SLICE("DE"), .lang = SLICE("de")}, &from));
    assert_ok(mail_list(s.mail, s.arena, s.org, 0, 10, &letters));
    size_t at = slice_find(letters.items[0].text, SLICE("#code="));
    assert_ok(account_confirm(s.account, s.org, slice_sub(letters.items[0].text, at + 6, at + 6 + ACCOUNT_SECRET_LEN), &from, &entry));
    struct order_buyer b = box_buyer(&s, entry.who.household_id, "DE");
    b.user_id = entry.who.user_id;
    b.lang = SLICE("de");
    struct order_wish wish = {.offer = public_id_slice(&s.offers_made[SHOP_PURCHASE]), .title = public_id_slice(&s.films[0]), .quantity = 1};
    struct order_item item;
    struct pay_info p;
    assert_ok(order_create(s.order, s.arena, &b, &(struct order_cart){.lines = &wish, .count = 1}, NULL, &item));
    assert_ok(box_pay(&s, entry.who.household_id, &item.public_id, GOOD, NULL, &p));
    run(&s);
    assert_ok(mail_list(s.mail, s.arena, s.org, 0, 10, &letters));
    assert_true(slice_eq(letters.items[0].to, SLICE("ana@example.org")));
    assert_true(slice_find(letters.items[0].text, SLICE("9,99")) != SLICE_NPOS);
    assert_true(slice_find(letters.items[0].text, SLICE("Film 0")) != SLICE_NPOS);
    assert_true(slice_find(letters.items[0].text, SLICE("/account/orders")) != SLICE_NPOS);
    end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_SQLITE(somebody_buys_a_film),
        ON_SQLITE(the_same_key_gives_the_first_answer),
        ON_SQLITE(it_takes_as_many_attempts_as_it_takes),
        ON_SQLITE(who_pays_twice_gets_it_back),
        ON_BOTH(late_money_buys_or_goes_back),
        ON_BOTH(a_gift_card_becomes_credit_once),
        ON_SQLITE(gift_cards_are_made_by_hand_once_a_key),
        ON_SQLITE(a_rental_starts_when_it_is_first_watched),
        ON_SQLITE(many_begin_it_at_once_and_it_begins_once),
        ON_SQLITE(passes_and_bundles_open_what_they_hold),
        ON_BOTH(refunds_add_up_to_what_was_paid),
        ON_SQLITE(what_the_bank_cannot_pay_back_becomes_credit),
        ON_SQLITE(two_give_back_at_once_and_never_too_much),
        ON_SQLITE(a_charge_back_takes_it_away_and_winning_brings_it_back),
        ON_SQLITE(what_is_anothers_is_not_there),
        ON_SQLITE(a_coupon_is_used_as_often_as_it_may),
        ON_SQLITE(the_price_of_the_quote_holds),
        ON_SQLITE(a_currency_without_decimals_is_as_good),
        ON_BOTH(orders_are_listed_page_by_page),
        ON_BOTH(figures_are_what_was_sold),
        ON_BOTH(months_that_are_over_are_added_up),
        ON_BOTH(refunds_are_listed),
        ON_SQLITE(the_household_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
