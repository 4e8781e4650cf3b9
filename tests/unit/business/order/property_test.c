/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Random lives of a few households against a simple model of what they have: buy, rent, subscribe, cancel, resume, switch, vouchers, refunds, charge-backs, time. After each
 * step everybody may watch exactly what the model says; now and then, and at the end, the ledger is replayed and compared with orders and figures. */
#include <time.h>

#include "base/rng.h"
#include "fixture.h"

enum { HOMES = 3, BOUGHT_MAX = 400, LOTS_MAX = 200, FILMS = 4 };

struct bought {
    int home, film; /* film -1: a plan's period */
    enum shop_offer which;
    struct public_id id;
    int64_t total, refunded, paid_s, lost_at_s; /* lost_at_s 0: never */
    bool by_voucher, voucher_is_back, is_lost;
    int64_t lot_end_s;
};
struct life {
    bool has_plan, is_cancelled;
    enum shop_offer plan, next; /* next SHOP_OFFERS: none */
    int64_t anchor_s, from_s, to_s;
    int months;
    int period; /* place of the order that pays for it, in `bought` */
};
struct lot {
    int home, count, given_by;
    int64_t ends_s;
};
struct world {
    struct shop s;
    struct rng rng;
    struct life lives[HOMES];
    struct bought bought[BOUGHT_MAX];
    int bought_count;
    struct lot lots[LOTS_MAX];
    int lot_count;
};

static int64_t home_id(int home) { return 700 + home; }

/* The C library's calendar, with the day clamped: another way to the same end. */
static int64_t end_of(int64_t anchor_s, int months) {
    time_t t = (time_t)anchor_s;
    struct tm tm;
    gmtime_r(&t, &tm);
    int day = tm.tm_mday;
    tm.tm_mon += months;
    struct tm last = tm;
    last.tm_mon++;
    last.tm_mday = 0;
    timegm(&last);
    tm.tm_mday = day < last.tm_mday ? day : last.tm_mday;
    return (int64_t)timegm(&tm);
}
static int months_of(enum shop_offer plan) { return plan == SHOP_YEAR ? 12 : 1; }
static int64_t price_of(enum shop_offer plan) { return plan == SHOP_YEAR ? 11999 : plan == SHOP_MONTH ? 1299 : 799; }

/* --- the model --- */

static void period_begins(struct world *w, int home, int64_t from_s, bool is_anchor, const struct public_id *order) {
    struct life *l = &w->lives[home];
    if (is_anchor) {
        l->anchor_s = from_s;
        l->months = 0;
    }
    l->months += months_of(l->plan);
    l->from_s = from_s;
    l->to_s = end_of(l->anchor_s, l->months);
    l->period = w->bought_count;
    assert_true(w->bought_count < BOUGHT_MAX && w->lot_count < LOTS_MAX);
    w->bought[w->bought_count++] = (struct bought){.home = home, .film = -1, .which = l->plan, .total = price_of(l->plan), .paid_s = from_s, .id = *order};
    w->lots[w->lot_count++] = (struct lot){.home = home, .count = l->plan == SHOP_YEAR ? 24 : 2, .ends_s = l->to_s, .given_by = l->period};
}

static struct public_id newest_renewal(struct world *w, int home) {
    struct order_list list;
    assert_ok(order_list(w->s.order, w->s.arena, w->s.org, &(struct order_filter){.household_id = home_id(home), .limit = 1}, &list));
    assert_int_equal(list.count, 1);
    assert_true(list.items[0].is_renewal);
    return list.items[0].public_id;
}

static void plan_is_lost(struct world *w, int which) {
    for (int h = 0; h < HOMES; h++)
        if (w->lives[h].has_plan && w->lives[h].period == which) w->lives[h].has_plan = false;
    for (int i = 0; i < w->lot_count; i++)
        if (w->lots[i].given_by == which) w->lots[i].count = 0;
}

/* What the clock did. */
static void model_time(struct world *w) {
    int64_t now_s = now(&w->s);
    for (int i = 0; i < w->bought_count; i++) {
        struct bought *b = &w->bought[i];
        if (b->lost_at_s && !b->is_lost && now_s >= b->lost_at_s && b->refunded < b->total) { /* what went back whole, no bank can take */
            b->is_lost = true;
            if (b->film < 0) plan_is_lost(w, i);
        }
    }
    for (int h = 0; h < HOMES; h++) {
        struct life *l = &w->lives[h];
        if (!l->has_plan || now_s < l->to_s) continue;
        if (l->is_cancelled) {
            l->has_plan = false;
            continue;
        }
        if (l->next != SHOP_OFFERS) l->plan = l->next;
        l->next = SHOP_OFFERS;
        struct public_id id = newest_renewal(w, h);
        period_begins(w, h, l->to_s, false, &id);
    }
    for (int i = 0; i < w->lot_count; i++)
        if (w->lots[i].ends_s <= now_s) w->lots[i].count = 0;
}

static bool model_has(const struct world *w, int home, int film, int64_t now_s) {
    if (w->lives[home].has_plan) return true;
    for (int i = 0; i < w->bought_count; i++) {
        const struct bought *b = &w->bought[i];
        bool is_gone = b->is_lost || (b->by_voucher ? b->voucher_is_back : b->refunded == b->total);
        if (b->home == home && b->film == film && !is_gone && (b->which == SHOP_PURCHASE || now_s < b->paid_s + 30 * DAY_S)) return true;
    }
    return false;
}
static bool model_owns(const struct world *w, int home, int film, enum shop_offer which, int64_t now_s) {
    for (int i = 0; i < w->bought_count; i++) {
        const struct bought *b = &w->bought[i];
        bool is_gone = b->is_lost || (b->by_voucher ? b->voucher_is_back : b->refunded == b->total);
        if (b->home == home && b->film == film && b->which == which && !is_gone && (which == SHOP_PURCHASE || now_s < b->paid_s + 30 * DAY_S)) return true;
    }
    return false;
}
static int model_vouchers(const struct world *w, int home) {
    int sum = 0;
    for (int i = 0; i < w->lot_count; i++)
        if (w->lots[i].home == home) sum += w->lots[i].count;
    return sum;
}

static void compare(struct world *w) {
    int64_t now_s = now(&w->s);
    for (int h = 0; h < HOMES; h++) {
        for (int f = 0; f < FILMS; f++)
            if (has(&w->s, home_id(h), f) != model_has(w, h, f, now_s)) fail_msg("household %d, film %d: %s, and should %sbe", h, f, has(&w->s, home_id(h), f) ? "open" : "closed", has(&w->s, home_id(h), f) ? "not " : "");
        struct order_plan plan = plan_of(&w->s, home_id(h));
        assert_int_equal(plan.vouchers, model_vouchers(w, h));
        bool runs = plan.has_subscription && plan.subscription.state != ORDER_SUB_ENDED;
        assert_int_equal(runs, w->lives[h].has_plan);
        if (runs) assert_int_equal(plan.subscription.to_s, w->lives[h].to_s);
    }
}

/* --- what they do --- */

static void do_buy(struct world *w, int home, enum shop_offer which, int film) {
    struct order_item item;
    if (model_owns(w, home, film, which, now(&w->s))) {
        assert_error(box_order(&w->s, home_id(home), which, film, NULL, &item), "order.owned");
        return;
    }
    bool is_lost = rng_below(&w->rng, 6) == 0;
    item = buy_with(&w->s, home_id(home), which, film, is_lost ? CHARGED_BACK : GOOD);
    assert_int_equal(item.state, ORDER_PAID);
    assert_true(w->bought_count < BOUGHT_MAX);
    w->bought[w->bought_count++] = (struct bought){.home = home, .film = film, .which = which, .id = item.public_id, .total = item.q.total.minor, .paid_s = item.paid_s,
                                                   .lost_at_s = is_lost ? item.paid_s + 60 : 0};
}

static void do_voucher(struct world *w, int home, int film) {
    struct order_buyer b = box_buyer(&w->s, home_id(home), "DE");
    struct order_wish wish = {.offer = public_id_slice(&w->s.offers_made[SHOP_RENTAL]), .title = public_id_slice(&w->s.films[film]), .quantity = 1};
    struct order_cart cart = {.lines = &wish, .count = 1, .uses_voucher = true};
    struct order_item item;
    struct err e = order_create(w->s.order, w->s.arena, &b, &cart, NULL, &item);
    if (!model_vouchers(w, home)) {
        assert_error(e, "voucher.none");
        return;
    }
    if (model_owns(w, home, film, SHOP_RENTAL, now(&w->s))) {
        assert_error(e, "order.owned");
        return;
    }
    assert_ok(e);
    struct lot *first = NULL;
    for (int i = 0; i < w->lot_count; i++)
        if (w->lots[i].home == home && w->lots[i].count && (!first || w->lots[i].ends_s < first->ends_s)) first = &w->lots[i];
    assert_non_null(first);
    first->count--;
    w->bought[w->bought_count++] = (struct bought){.home = home, .film = film, .which = SHOP_RENTAL, .id = item.public_id, .paid_s = item.paid_s, .by_voucher = true, .lot_end_s = first->ends_s};
}

static void do_subscribe(struct world *w, int home) {
    static const enum shop_offer plans[] = {SHOP_MONTH, SHOP_CHEAP, SHOP_YEAR};
    enum shop_offer plan = plans[rng_below(&w->rng, 3)];
    struct order_item item;
    struct life *l = &w->lives[home];
    if (l->has_plan) {
        assert_error(box_order(&w->s, home_id(home), plan, -1, NULL, &item), "order.subscribed");
        return;
    }
    item = buy(&w->s, home_id(home), plan, -1);
    *l = (struct life){.has_plan = true, .plan = plan, .next = SHOP_OFFERS};
    period_begins(w, home, item.paid_s, true, &item.public_id);
}

static void do_cancel(struct world *w, int home, bool resumes) {
    struct order_buyer b = box_buyer(&w->s, home_id(home), "DE");
    struct life *l = &w->lives[home];
    struct err e = resumes ? order_plan_resume(w->s.order, &b) : order_plan_cancel(w->s.order, &b);
    if (!l->has_plan) assert_error(e, "subscription.none");
    else if (resumes && !l->is_cancelled) assert_error(e, "subscription.not_cancelled");
    else {
        assert_ok(e);
        l->is_cancelled = !resumes;
        if (!resumes) l->next = SHOP_OFFERS;
    }
}

static void do_switch(struct world *w, int home) {
    static const enum shop_offer plans[] = {SHOP_MONTH, SHOP_CHEAP, SHOP_YEAR};
    enum shop_offer plan = plans[rng_below(&w->rng, 3)];
    struct order_buyer b = box_buyer(&w->s, home_id(home), "DE");
    struct life *l = &w->lives[home];
    struct order_switch made;
    struct err e = order_plan_switch(w->s.order, w->s.arena, &b, public_id_slice(&w->s.offers_made[plan]), false, NULL, &made);
    if (!l->has_plan) return assert_error(e, "subscription.none");
    if (plan == l->plan && l->next == SHOP_OFFERS) return assert_error(e, "subscription.same");
    assert_ok(e);
    if (!made.is_now) {
        assert_true(plan == l->plan || price_of(plan) < price_of(l->plan));
        l->next = plan == l->plan ? SHOP_OFFERS : plan;
        l->is_cancelled = false;
        return;
    }
    struct pay_info p;
    struct bought *old = &w->bought[l->period];
    /* what is left, by the second, half even */
    __int128 product = (__int128)(old->total - old->refunded) * (l->to_s - now(&w->s)), whole = l->to_s - l->from_s;
    int64_t unused = (int64_t)(product / whole);
    __int128 rest = product % whole * 2;
    unused += rest > whole || (rest == whole && unused % 2);
    assert_int_equal(made.order.q.proration.minor, unused);
    assert_ok(box_pay(&w->s, home_id(home), &made.order.public_id, GOOD, NULL, &p));
    run(&w->s);
    expect_state(&w->s, &made.order.public_id, ORDER_PAID);
    old->refunded += unused;
    l->plan = plan;
    l->next = SHOP_OFFERS;
    l->is_cancelled = false;
    period_begins(w, home, now(&w->s), true, &made.order.public_id);
}

static void do_refund(struct world *w) {
    if (!w->bought_count) return;
    int at = (int)rng_below(&w->rng, (uint64_t)w->bought_count);
    struct bought *b = &w->bought[at];
    bool is_whole = rng_below(&w->rng, 2) || b->by_voucher;
    struct order_refund_wish wish = {.has_amount = !is_whole, .amount_minor = 1 + (int64_t)rng_below(&w->rng, 900), .reason = SLICE("by chance")};
    struct order_refund out;
    struct err e = order_refund(w->s.order, w->s.arena, w->s.org, public_id_slice(&b->id), &wish, NULL, &out);
    int64_t left = b->total - b->refunded;
    if (b->is_lost) return assert_error(e, "refund.charged_back");
    if (b->by_voucher ? b->voucher_is_back : is_whole ? left == 0 : wish.amount_minor > left) return assert_error(e, "refund.too_much");
    assert_ok(e);
    run(&w->s);
    if (b->by_voucher) {
        b->voucher_is_back = true;
        for (int i = 0; i < w->lot_count; i++) /* it comes back if its lot has not ended; its place among equals does not matter */
            if (w->lots[i].home == b->home && w->lots[i].ends_s == b->lot_end_s && b->lot_end_s > now(&w->s)) {
                w->lots[i].count++;
                break;
            }
        return;
    }
    b->refunded += is_whole ? left : wish.amount_minor;
    if (b->refunded == b->total && b->film < 0) plan_is_lost(w, at);
}

static void step(struct world *w) {
    int home = (int)rng_below(&w->rng, HOMES), film = (int)rng_below(&w->rng, FILMS);
    switch (rng_below(&w->rng, 13)) {
    case 0: do_buy(w, home, SHOP_PURCHASE, film); break;
    case 1: do_buy(w, home, SHOP_RENTAL, film); break;
    case 2:
    case 3: do_subscribe(w, home); break;
    case 4: do_cancel(w, home, false); break;
    case 5: do_cancel(w, home, true); break;
    case 6: do_switch(w, home); break;
    case 7: do_voucher(w, home, film); break;
    case 8:
    case 9: do_refund(w); break;
    default: /* time, never past more than one end at once */
        for (uint64_t days = 1 + rng_below(&w->rng, 12); days; days--) {
            pass(&w->s, DAY_S - 1);
            model_time(w);
        }
    }
    run(&w->s);
    model_time(w);
}

static void lives_go_as_the_model_says(void **state) {
    struct world w = {.s = begin(state)};
    uint64_t seed;
    rng_secure(&seed, sizeof seed);
    if (getenv("GRANDSTAND_TEST_SEED")) seed = strtoull(getenv("GRANDSTAND_TEST_SEED"), NULL, 10);
    print_message("seed %llu\n", (unsigned long long)seed);
    w.rng = rng_seeded(seed);
    int steps = getenv("GRANDSTAND_TEST_LONG") ? 350 : test_store_of(state)->engine == DB_SQLITE ? 60 : 25;
    for (int i = 0; i < steps && w.bought_count < BOUGHT_MAX - 40 && w.lot_count < LOTS_MAX - 40; i++) {
        step(&w);
        compare(&w);
        if (i % 20 == 19) lawful(&w.s);
    }
    end(&w.s);
}

int main(void) {
    const struct CMUnitTest tests[] = {ON_BOTH(lives_go_as_the_model_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
