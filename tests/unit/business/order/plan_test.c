/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "fixture.h"

static struct order_subscription sub_of(struct shop *s, int64_t household) {
    struct order_plan plan = plan_of(s, household);
    assert_true(plan.has_subscription);
    return plan.subscription;
}
#define expect_sub(s, state_wanted) assert_string_equal(order_sub_state_name(sub_of((s), HOME).state), state_wanted)
static void expect_at(int64_t at_s, const char *when) {
    struct buf text = BUF(64);
    utc_format(&text, utc_from_seconds(at_s), 0);
    if (!slice_eq(buf_slice(&text), slice_cstr(when))) fail_msg("%.*s instead of %s", SLICE_ARG(buf_slice(&text)), when);
    buf_free(&text);
}
static int64_t at(const char *text) {
    struct utc_time t;
    assert_true(utc_parse(slice_cstr(text), &t));
    return utc_seconds(t);
}
static uint64_t renewals(struct shop *s) {
    struct order_stats stats;
    order_stats(s->order, &stats);
    return stats.renewals;
}
static void price_set(struct shop *s, enum shop_offer which, int64_t cents) {
    struct offer_report report;
    struct offer_price_new price = {MONEY(cents, CURRENCY_EUR), SLICE("DE")};
    assert_ok(offer_change(s->offers, s->arena, s->org, public_id_slice(&s->offers_made[which]), &(struct offer_change){.has_prices = true, .prices = &price, .price_count = 1}, &report));
}
static size_t letters_of(struct shop *s) { /* nobody of these households has an address: what is counted is what was decided, by orders */
    struct order_list list;
    assert_ok(order_list(s->order, s->arena, s->org, &(struct order_filter){.household_id = HOME, .limit = 200}, &list));
    return list.count;
}
static int64_t paid_cents(struct shop *s) {
    struct order_list list;
    int64_t sum = 0;
    assert_ok(order_list(s->order, s->arena, s->org, &(struct order_filter){.household_id = HOME, .limit = 200}, &list));
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i].state == ORDER_PAID) sum += list.items[i].q.total.minor;
    return sum;
}

/* --- periods --- */

static void a_month_is_renewed_on_its_day(void **state) {
    struct shop s = begin_at(state, at("2027-01-31T10:00:00Z"));
    struct order_item item = buy(&s, HOME, SHOP_MONTH, -1);
    assert_true(item.q.renews);
    assert_true(has(&s, HOME, 0));
    assert_true(order_has_plan(s.order, s.org, HOME, now(&s)));
    struct order_subscription sub = sub_of(&s, HOME);
    assert_true(slice_eq(sub.method, SLICE("Visa 4242")));
    expect_at(sub.to_s, "2027-02-28T10:00:00Z");
    static const char *const ends[] = {"2027-03-31T10:00:00Z", "2027-04-30T10:00:00Z", "2027-05-31T10:00:00Z"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        turn_to(&s, sub_of(&s, HOME).to_s - 1);
        assert_int_equal(renewals(&s), i);
        pass(&s, 1);
        assert_int_equal(renewals(&s), i + 1);
        expect_at(sub_of(&s, HOME).to_s, ends[i]);
        assert_true(has(&s, HOME, 0));
    }
    assert_int_equal(paid_cents(&s), 4 * 1299);
    expect_sub(&s, "active");
    end(&s);
}

static void a_leap_day_and_the_clock_going_back(void **state) {
    struct shop s = begin_at(state, at("2028-02-29T12:00:00Z"));
    buy(&s, HOME, SHOP_YEAR, -1);
    expect_at(sub_of(&s, HOME).to_s, "2029-02-28T12:00:00Z");
    turn_to(&s, at("2029-02-28T12:00:00Z"));
    expect_at(sub_of(&s, HOME).to_s, "2030-02-28T12:00:00Z");
    clock_manual_set_utc(s.clock, utc_from_seconds(at("2029-02-01T00:00:00Z"))); /* before what was just paid */
    run(&s);
    turn_to(&s, at("2029-02-28T12:00:00Z"));
    run(&s);
    assert_int_equal(renewals(&s), 1);
    turn_to(&s, at("2030-02-28T12:00:00Z"));
    turn_to(&s, at("2031-02-28T12:00:00Z"));
    expect_at(sub_of(&s, HOME).to_s, "2032-02-29T12:00:00Z");
    end(&s);
}

static void the_server_was_down_and_nobody_pays_for_that(void **state) {
    struct shop s = begin_at(state, at("2027-01-10T00:00:00Z"));
    buy(&s, HOME, SHOP_MONTH, -1);
    /* half a day late: the period goes on where it ended */
    clock_manual_advance(s.clock, (31 * DAY_S + DAY_S / 2) * NS_PER_S);
    run(&s);
    expect_at(sub_of(&s, HOME).to_s, "2027-03-10T00:00:00Z");
    assert_int_equal(renewals(&s), 1);
    /* three weeks late: it begins now, once, and the days between are nobody's */
    clock_manual_set_utc(s.clock, utc_from_seconds(at("2027-04-01T08:00:00Z")));
    assert_false(has(&s, HOME, 0));
    run(&s);
    assert_int_equal(renewals(&s), 2);
    expect_at(sub_of(&s, HOME).from_s, "2027-04-01T08:00:00Z");
    expect_at(sub_of(&s, HOME).to_s, "2027-05-01T08:00:00Z");
    assert_true(has(&s, HOME, 0));
    run(&s);
    assert_int_equal(renewals(&s), 2);
    /* longer than a period: it ends, and nobody is charged */
    clock_manual_set_utc(s.clock, utc_from_seconds(at("2027-07-01T00:00:00Z")));
    run(&s);
    expect_sub(&s, "ended");
    assert_int_equal(paid_cents(&s), 3 * 1299);
    assert_false(has(&s, HOME, 0));
    end(&s);
}


/* --- trial, grace --- */

static void a_trial_is_given_once(void **state) {
    struct shop s = begin(state);
    struct order_buyer b = box_buyer(&s, HOME, "DE");
    struct order_item item;
    bool had;
    assert_ok(box_order(&s, HOME, SHOP_TRIAL, -1, NULL, &item));
    assert_int_equal(item.state, ORDER_PAID); /* nothing due */
    assert_int_equal(item.invoice.len, 0);
    assert_int_equal(item.q.renews_price.minor, 1499);
    expect_sub(&s, "trial");
    assert_ok(order_had_trial(s.order, s.org, HOME, &s.offer_ids[SHOP_TRIAL], 1, &had));
    assert_true(had);
    assert_true(has(&s, HOME, 0));
    assert_int_equal(plan_of(&s, HOME).vouchers, 0);
    /* at its end nothing is kept to be charged: the household is asked, and watches on meanwhile */
    pass(&s, 14 * DAY_S);
    expect_sub(&s, "grace");
    assert_true(has(&s, HOME, 0));
    struct public_id open = sub_of(&s, HOME).open_order;
    struct pay_info p;
    pass(&s, 3 * DAY_S);
    assert_ok(box_pay(&s, HOME, &open, GOOD, NULL, &p));
    run(&s);
    expect_sub(&s, "active");
    assert_int_equal(sub_of(&s, HOME).from_s, START_S + 14 * DAY_S); /* from the old end: it was watched */
    assert_int_equal(plan_of(&s, HOME).vouchers, 2);
    /* cancelled, over, begun anew: without a trial */
    assert_ok(order_plan_cancel(s.order, &b));
    turn_to(&s, sub_of(&s, HOME).to_s);
    expect_sub(&s, "ended");
    assert_ok(box_order(&s, HOME, SHOP_TRIAL, -1, NULL, &item));
    assert_int_equal(item.q.due.minor, 1499);
    end(&s);
}

static void a_failed_renewal_is_tried_again_and_then_ends(void **state) {
    struct shop s = begin(state);
    buy_with(&s, HOME, SHOP_MONTH, -1, RENEWAL_FAILS);
    int64_t end_s = sub_of(&s, HOME).to_s;
    turn_to(&s, end_s);
    expect_sub(&s, "grace");
    struct public_id open_id = sub_of(&s, HOME).open_order;
    struct order_item open = get(&s, &open_id);
    assert_int_equal(open.state, ORDER_AWAITING_PAYMENT);
    struct order_held held[ORDER_HELD_MAX];
    held_for(&s, HOME, s.film_ids[0], held);
    assert_int_equal(held[0].ends_s, end_s + 7 * DAY_S);
    for (int day = 1; day < 7; day++) turn_to(&s, end_s + day * DAY_S);
    struct pay_list tries;
    assert_ok(pay_payments(s.pay, s.arena, s.org, &(struct pay_filter){.limit = 100}, &tries));
    assert_int_equal(tries.count, 1 + ORDER_TRIES_MAX);
    assert_true(has(&s, HOME, 0));
    turn_to(&s, end_s + 7 * DAY_S);
    expect_sub(&s, "ended");
    assert_false(has(&s, HOME, 0));
    expect_state(&s, &open.public_id, ORDER_EXPIRED);
    assert_int_equal(paid_cents(&s), 1299);
    end(&s);
}

static void who_pays_within_grace_goes_on(void **state) {
    struct shop s = begin(state);
    buy_with(&s, HOME, SHOP_MONTH, -1, RENEWAL_FAILS);
    int64_t end_s = sub_of(&s, HOME).to_s;
    turn_to(&s, end_s);
    turn_to(&s, end_s + 2 * DAY_S);
    struct public_id open = sub_of(&s, HOME).open_order;
    struct pay_info p;
    struct order_buyer b = box_buyer(&s, HOME, "DE");
    struct order_item item;
    assert_error(order_cancel(s.order, s.arena, &b, public_id_slice(&open), &item), "order.renewal");
    assert_ok(box_pay(&s, HOME, &open, GOOD, NULL, &p));
    run(&s);
    expect_sub(&s, "active");
    assert_int_equal(sub_of(&s, HOME).from_s, end_s);
    assert_true(slice_eq(sub_of(&s, HOME).method, SLICE("Visa 4242"))); /* and by this card from now on */
    turn_to(&s, sub_of(&s, HOME).to_s);
    assert_int_equal(renewals(&s), 2);
    end(&s);
}

/* --- cancel, resume --- */

static void cancelling_takes_effect_at_the_periods_end(void **state) {
    struct shop s = begin(state);
    struct order_buyer b = box_buyer(&s, HOME, "DE");
    struct order_held held[ORDER_HELD_MAX];
    buy(&s, HOME, SHOP_MONTH, -1);
    int64_t end_s = sub_of(&s, HOME).to_s;
    assert_error(order_plan_resume(s.order, &b), "subscription.not_cancelled");
    assert_ok(order_plan_cancel(s.order, &b));
    assert_ok(order_plan_cancel(s.order, &b));
    expect_sub(&s, "cancelled");
    assert_int_equal(sub_of(&s, HOME).renews_s, 0);
    held_for(&s, HOME, s.film_ids[0], held);
    assert_true(held[0].ends_s == end_s && !held[0].renews); /* no grace for who does not go on */
    turn_to(&s, end_s - 1);
    assert_true(has(&s, HOME, 0));
    assert_ok(order_plan_resume(s.order, &b));
    held_for(&s, HOME, s.film_ids[0], held);
    assert_true(held[0].renews);
    turn_to(&s, end_s);
    expect_sub(&s, "active");
    assert_int_equal(renewals(&s), 1);
    assert_ok(order_plan_cancel(s.order, &b));
    turn_to(&s, sub_of(&s, HOME).to_s);
    expect_sub(&s, "ended");
    assert_false(has(&s, HOME, 0));
    assert_error(order_plan_resume(s.order, &b), "subscription.none");
    assert_error(order_plan_cancel(s.order, &b), "subscription.none");
    buy(&s, HOME, SHOP_MONTH, -1); /* and may begin anew */
    expect_sub(&s, "active");
    end(&s);
}

/* --- another plan --- */

static struct order_switch switched_to(struct shop *s, enum shop_offer which, bool is_dry, const char *key) {
    struct order_buyer b = box_buyer(s, HOME, "DE");
    struct order_key k = {.key = slice_cstr(key), .owner_id = HOME};
    struct order_switch out;
    assert_ok(order_plan_switch(s->order, s->arena, &b, public_id_slice(&s->offers_made[which]), is_dry, &k, &out));
    return out;
}

static void a_dearer_plan_begins_now_and_what_is_unused_pays_for_it(void **state) {
    struct shop s = begin_at(state, at("2027-04-01T00:00:00Z"));
    struct order_item first = buy(&s, HOME, SHOP_MONTH, -1);
    pass(&s, 10 * DAY_S); /* 20 of 30 days are left: 12.99 * 20 / 30 = 8.66 */
    struct order_switch dry = switched_to(&s, SHOP_YEAR, true, NULL);
    assert_true(dry.is_now && !dry.has_order);
    assert_int_equal(dry.quote.proration.minor, 866);
    assert_int_equal(dry.quote.due.minor, 11999 - 866);
    struct order_switch made = switched_to(&s, SHOP_YEAR, false, "sw");
    struct order_switch again = switched_to(&s, SHOP_YEAR, false, "sw");
    assert_string_equal(made.order.public_id.text, again.order.public_id.text);
    assert_true(slice_eq(sub_of(&s, HOME).offer_name, SLICE("Month"))); /* not before it is paid */
    struct pay_info p;
    assert_ok(box_pay(&s, HOME, &made.order.public_id, GOOD, NULL, &p));
    run(&s);
    struct order_subscription sub = sub_of(&s, HOME);
    assert_true(slice_eq(sub.offer_name, SLICE("Year")));
    expect_at(sub.to_s, "2028-04-11T00:00:00Z");
    assert_int_equal(get(&s, &first.public_id).refunded.minor, 866);
    assert_int_equal(credit_of(&s, HOME), 0);
    assert_int_equal(plan_of(&s, HOME).vouchers, 2 + 24);
    struct order_held held[ORDER_HELD_MAX];
    held_for(&s, HOME, s.film_ids[0], held);
    assert_int_equal(held[0].offer_id, s.offer_ids[SHOP_YEAR]);
    /* the month's old end passes, and nothing is charged there */
    turn_to(&s, at("2027-05-02T00:00:00Z"));
    assert_int_equal(renewals(&s), 0);
    end(&s);
}

static void a_cheaper_plan_begins_at_the_periods_end(void **state) {
    struct shop s = begin(state);
    struct order_buyer b = box_buyer(&s, HOME, "DE");
    struct order_switch out;
    buy(&s, HOME, SHOP_MONTH, -1);
    struct order_switch made = switched_to(&s, SHOP_CHEAP, false, NULL);
    assert_true(!made.is_now && !made.has_order);
    assert_string_equal(sub_of(&s, HOME).next_offer.text, s.offers_made[SHOP_CHEAP].text);
    assert_error(order_plan_switch(s.order, s.arena, &b, public_id_slice(&s.offers_made[SHOP_RENTAL]), false, NULL, &out), "subscription.offer");
    made = switched_to(&s, SHOP_MONTH, false, NULL); /* stays after all */
    assert_string_equal(sub_of(&s, HOME).next_offer.text, "");
    assert_error(order_plan_switch(s.order, s.arena, &b, public_id_slice(&s.offers_made[SHOP_MONTH]), false, NULL, &out), "subscription.same");
    switched_to(&s, SHOP_CHEAP, false, NULL);
    turn_to(&s, sub_of(&s, HOME).to_s);
    assert_true(slice_eq(sub_of(&s, HOME).offer_name, SLICE("Small month")));
    assert_int_equal(paid_cents(&s), 1299 + 799);
    assert_true(has(&s, HOME, 0));
    turn_to(&s, sub_of(&s, HOME).to_s);
    assert_int_equal(paid_cents(&s), 1299 + 799 + 799);
    end(&s);
}

static void a_switch_that_is_paid_too_late_goes_back(void **state) {
    struct shop s = begin(state);
    buy(&s, HOME, SHOP_MONTH, -1);
    struct order_switch made = switched_to(&s, SHOP_YEAR, false, NULL);
    struct order_buyer b = box_buyer(&s, HOME, "DE");
    struct pay_info p;
    assert_ok(box_pay(&s, HOME, &made.order.public_id, STEP_CARD, NULL, &p));
    run(&s);
    struct order_refund none;
    struct order_refund_wish wish = {.reason = SLICE("gone")};
    struct order_item first = get(&s, &made.order.public_id);
    struct order_list list;
    assert_ok(order_list(s.order, s.arena, s.org, &(struct order_filter){.household_id = HOME, .has_state = true, .state = ORDER_PAID}, &list));
    assert_ok(order_refund(s.order, s.arena, s.org, public_id_slice(&list.items[0].public_id), &wish, NULL, &none)); /* ends the subscription */
    run(&s);
    expect_sub(&s, "ended");
    struct public_id step = first.payment->public_id;
    assert_ok(pay_sandbox_confirm(s.pay, s.arena, s.org, HOME, public_id_slice(&step), true, &p));
    run(&s);
    struct order_stats stats;
    order_stats(s.order, &stats);
    assert_int_equal(stats.sent_back, 1);
    assert_int_equal(balance(&s, CURRENCY_EUR, LEDGER_CODE_CLEARING, PAY_SANDBOX), 0);
    assert_error(order_plan_cancel(s.order, &b), "subscription.none");
    end(&s);
}

/* --- prices --- */

static void a_higher_price_holds_when_it_has_been_told(void **state) {
    struct shop s = begin_at(state, at("2027-03-01T00:00:00Z"));
    buy(&s, HOME, SHOP_MONTH, -1);
    /* told in time: 15 days before the end */
    pass(&s, 5 * DAY_S);
    price_set(&s, SHOP_MONTH, 1599);
    turn_to(&s, at("2027-03-17T00:00:01Z"));
    assert_int_equal(sub_of(&s, HOME).price.minor, 1599);
    turn_to(&s, at("2027-04-01T00:00:00Z"));
    assert_int_equal(paid_cents(&s), 1299 + 1599);
    /* changed too late: the old one holds for this renewal, the new one for the next */
    turn_to(&s, at("2027-04-25T00:00:00Z"));
    price_set(&s, SHOP_MONTH, 1999);
    turn_to(&s, at("2027-05-01T00:00:00Z"));
    assert_int_equal(paid_cents(&s), 1299 + 1599 + 1599);
    turn_to(&s, at("2027-05-17T12:00:00Z"));
    turn_to(&s, at("2027-06-01T00:00:00Z"));
    assert_int_equal(paid_cents(&s), 1299 + 1599 + 1599 + 1999);
    /* lower: at once */
    price_set(&s, SHOP_MONTH, 999);
    turn_to(&s, at("2027-07-01T00:00:00Z"));
    assert_int_equal(paid_cents(&s), 1299 + 1599 + 1599 + 1999 + 999);
    assert_int_equal(letters_of(&s), 5);
    end(&s);
}

/* --- vouchers --- */

static struct order_item by_voucher(struct shop *s, int64_t household, enum shop_offer which, int film, const char *error) {
    struct order_buyer b = box_buyer(s, household, "DE");
    struct order_wish wish = {.offer = public_id_slice(&s->offers_made[which]), .title = public_id_slice(&s->films[film]), .quantity = 1};
    struct order_cart cart = {.lines = &wish, .count = 1, .uses_voucher = true};
    struct order_item item = {0};
    if (error) assert_error(order_create(s->order, s->arena, &b, &cart, NULL, &item), error);
    else assert_ok(order_create(s->order, s->arena, &b, &cart, NULL, &item));
    return item;
}

static void vouchers_come_with_a_period_and_end_with_it(void **state) {
    struct shop s = begin(state);
    buy(&s, HOME, SHOP_MONTH, -1);
    assert_int_equal(plan_of(&s, HOME).vouchers, 2);
    struct order_item rental = by_voucher(&s, HOME, SHOP_RENTAL, 0, NULL);
    assert_int_equal(rental.state, ORDER_PAID);
    assert_int_equal(rental.q.vouchers, 1);
    assert_int_equal(rental.q.total.minor, 0);
    by_voucher(&s, OTHER, SHOP_RENTAL, 0, "voucher.none");  /* another's */
    by_voucher(&s, HOME, SHOP_PURCHASE, 1, "voucher.none"); /* not for this */
    assert_int_equal(plan_of(&s, HOME).vouchers, 1);
    struct order_refund back = refund(&s, &rental.public_id, 0); /* given back: it comes back too */
    assert_int_equal(back.vouchers, 1);
    assert_int_equal(plan_of(&s, HOME).vouchers, 2);
    expect_state(&s, &rental.public_id, ORDER_REFUNDED);
    struct order_held held[ORDER_HELD_MAX];
    size_t count = held_for(&s, HOME, s.film_ids[0], held);
    for (size_t i = 0; i < count; i++) assert_int_equal(held[i].kind, OFFER_SUBSCRIPTION);
    by_voucher(&s, HOME, SHOP_RENTAL, 1, NULL);
    by_voucher(&s, HOME, SHOP_RENTAL, 2, NULL);
    by_voucher(&s, HOME, SHOP_RENTAL, 3, "voucher.none");
    turn_to(&s, sub_of(&s, HOME).to_s);
    assert_int_equal(plan_of(&s, HOME).vouchers, 2); /* those of the new period */
    by_voucher(&s, HOME, SHOP_RENTAL, 3, NULL);
    turn_to(&s, sub_of(&s, HOME).to_s);
    assert_int_equal(plan_of(&s, HOME).vouchers, 2); /* one was not used and ended */
    assert_int_equal(balance(&s, LEDGER_VOUCHERS, LEDGER_CODE_VOUCHERS_EXPIRED, 0), 1);
    assert_int_equal(balance(&s, LEDGER_VOUCHERS, LEDGER_CODE_VOUCHERS_USED, 0), 3);
    end(&s);
}

/* --- what takes it away --- */

static void giving_a_period_back_ends_the_subscription(void **state) {
    struct shop s = begin(state);
    struct order_item first = buy(&s, HOME, SHOP_MONTH, -1);
    turn_to(&s, sub_of(&s, HOME).to_s);
    refund(&s, &first.public_id, 0); /* the period before: what runs now was paid for itself */
    expect_sub(&s, "active");
    assert_true(has(&s, HOME, 0));
    struct order_list list;
    assert_ok(order_list(s.order, s.arena, s.org, &(struct order_filter){.household_id = HOME, .has_state = true, .state = ORDER_PAID}, &list));
    assert_true(list.items[0].is_renewal);
    refund(&s, &list.items[0].public_id, 100);
    expect_sub(&s, "active");
    refund(&s, &list.items[0].public_id, 0);
    expect_sub(&s, "ended");
    assert_false(has(&s, HOME, 0));
    assert_int_equal(plan_of(&s, HOME).vouchers, 0); /* unused ones went too */
    pass(&s, 60 * DAY_S);
    assert_int_equal(renewals(&s), 1);
    end(&s);
}

static void a_charge_back_of_a_subscription(void **state) {
    struct shop s = begin(state);
    buy_with(&s, HOME, SHOP_MONTH, -1, CHARGED_BACK_WON);
    assert_true(has(&s, HOME, 0));
    pass(&s, 61);
    expect_sub(&s, "ended");
    assert_false(has(&s, HOME, 0));
    assert_int_equal(plan_of(&s, HOME).vouchers, 0);
    pass(&s, 8 * DAY_S);
    expect_sub(&s, "cancelled"); /* back until its end, and not charged again unless he wants it */
    assert_true(has(&s, HOME, 0));
    assert_int_equal(plan_of(&s, HOME).vouchers, 2);
    turn_to(&s, sub_of(&s, HOME).to_s);
    expect_sub(&s, "ended");
    assert_int_equal(renewals(&s), 0);
    end(&s);
}

static void one_subscription_at_a_time(void **state) {
    struct shop s = begin(state);
    struct order_item one, two;
    struct pay_info p;
    assert_ok(box_order(&s, HOME, SHOP_MONTH, -1, NULL, &one));
    assert_ok(box_order(&s, HOME, SHOP_YEAR, -1, NULL, &two)); /* both wait; only one can begin */
    assert_ok(box_pay(&s, HOME, &one.public_id, GOOD, NULL, &p));
    run(&s);
    assert_ok(box_pay(&s, HOME, &two.public_id, GOOD, NULL, &p));
    run(&s);
    expect_state(&s, &one.public_id, ORDER_PAID);
    expect_state(&s, &two.public_id, ORDER_AWAITING_PAYMENT);
    struct order_stats stats;
    order_stats(s.order, &stats);
    assert_int_equal(stats.sent_back, 1);
    assert_error(box_order(&s, HOME, SHOP_CHEAP, -1, NULL, &two), "order.subscribed");
    end(&s);
}

/* --- at once --- */

static void tick_run(void *arg) {
    struct shop *s = arg;
    struct err e = order_tick(s->order);
    if (e.kind) fprintf(stderr, "%s\n", e.code);
}
static void many_tick_at_once_and_a_period_is_charged_once(void **state) {
    struct shop s = begin(state);
    for (int i = 0; i < 5; i++) buy(&s, HOME + i * 10, SHOP_MONTH, -1);
    clock_manual_set_utc(s.clock, utc_from_seconds(sub_of(&s, HOME).to_s + 5));
    struct thread *threads[4];
    for (int i = 0; i < 4; i++) assert_ok(thread_start(&threads[i], "ticker", tick_run, &s));
    for (int i = 0; i < 4; i++) thread_join(&threads[i]);
    run(&s);
    assert_int_equal(renewals(&s), 5);
    struct pay_list payments;
    assert_ok(pay_payments(s.pay, s.arena, s.org, &(struct pay_filter){.limit = 100}, &payments));
    assert_int_equal(payments.count, 10);
    end(&s);
}

/* Here and not in order_test, which runs under ThreadSanitizer: Pango and fontconfig are not built for that. */
static void there_is_paper_for_it(void **state) {
    struct shop s = begin(state);
    struct buf pdf = BUF(4 << 20);
    struct order_item item = buy(&s, HOME, SHOP_PURCHASE, 0);
    assert_ok(order_invoice_pdf(s.order, s.org, HOME, public_id_slice(&item.public_id), SLICE_NONE, &pdf));
    assert_true(slice_starts_with(buf_slice(&pdf), SLICE("%PDF-")));
    struct order_refund back = refund(&s, &item.public_id, 123);
    buf_clear(&pdf);
    assert_ok(order_invoice_pdf(s.order, s.org, HOME, public_id_slice(&item.public_id), back.note, &pdf));
    assert_true(slice_starts_with(buf_slice(&pdf), SLICE("%PDF-")));
    assert_error(order_invoice_pdf(s.order, s.org, HOME, public_id_slice(&item.public_id), SLICE("GF-2026-C00099"), &pdf), "order.invoice");
    buf_free(&pdf);
    end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_month_is_renewed_on_its_day),
        ON_SQLITE(a_leap_day_and_the_clock_going_back),
        ON_SQLITE(the_server_was_down_and_nobody_pays_for_that),
        ON_BOTH(a_trial_is_given_once),
        ON_SQLITE(a_failed_renewal_is_tried_again_and_then_ends),
        ON_SQLITE(who_pays_within_grace_goes_on),
        ON_SQLITE(cancelling_takes_effect_at_the_periods_end),
        ON_SQLITE(a_dearer_plan_begins_now_and_what_is_unused_pays_for_it),
        ON_SQLITE(a_cheaper_plan_begins_at_the_periods_end),
        ON_SQLITE(a_switch_that_is_paid_too_late_goes_back),
        ON_SQLITE(a_higher_price_holds_when_it_has_been_told),
        ON_BOTH(vouchers_come_with_a_period_and_end_with_it),
        ON_SQLITE(giving_a_period_back_ends_the_subscription),
        ON_SQLITE(a_charge_back_of_a_subscription),
        ON_SQLITE(one_subscription_at_a_time),
        ON_SQLITE(there_is_paper_for_it),
        ON_BOTH(many_tick_at_once_and_a_period_is_charged_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
