/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An order's life, bought and given back, while memory runs out or the disk refuses at one point after the other. Whoever asked asks again under the same key, as a page
 * does; in the end he has bought once and got back once, and money, entitlements and vouchers agree. Every point in the long form, else so many of them, beginning
 * at a place that changes. */
#include <stdlib.h>

#include "base/fault.h"
#include "base/rng.h"
#include "fixture.h"
#include "sqlite_faults.h"

enum { TRIES = 8, CLAIM_OVER_S = 121 };

/* What may be answered while something fails; that nobody knows (db.in_doubt) is among it. */
static struct err expected(struct err e) {
    if (e.kind && e.kind != ERR_LIMIT && e.kind != ERR_IO) assert_ok(e);
    return e;
}
/* Asked again and again, as by requests of their own. */
#define UNTIL_DONE(s, call)                                  \
    for (int tries_ = 0;; tries_++) {                        \
        arena_reset((s)->arena);                             \
        struct err e_ = expected(call);                      \
        if (!e_.kind) break;                                 \
        if (tries_ == TRIES) assert_ok(e_);                  \
    }

static size_t held(struct shop *s, int64_t household, int film) {
    struct order_held found[ORDER_HELD_MAX];
    int64_t next_s = ORDER_ENDLESS;
    return order_entitlement(s->order, s->org, household, (int64_t[3]){s->film_ids[film], 0, 0}, now(s), found, &next_s);
}

/* Until the order is as wanted. What was taken from the outbox by somebody who failed is free again after two minutes. */
static void run_until(struct shop *s, const struct public_id *order, enum order_state wanted) {
    for (int i = 0; i < TRIES; i++) {
        struct order_item item;
        arena_reset(s->arena);
        (void)expected(box_run(s));
        struct err e = order_get(s->order, s->arena, s->org, 0, public_id_slice(order), SLICE("en"), &item);
        if (!expected(e).kind && item.state == wanted) return;
        clock_manual_advance(s->clock, CLAIM_OVER_S * NS_PER_S);
    }
    fault_disarm_all();
    expect_state(s, order, wanted);
}

/* True if the fault came. */
static bool live(struct shop *s, int64_t household, enum fault_point point, uint64_t nth) {
    int film = (int)(household % SHOP_FILMS);
    struct order_item item;
    struct pay_info payment;
    struct order_refund back;
    struct order_refund_wish whole = {.reason = SLICE("not as expected")};
    struct order_key key = {.key = SLICE("back"), .owner_id = household};
    if (point == FAULT_READ) sqlite_caches_drop();
    fault_arm(point, nth, false);
    UNTIL_DONE(s, box_order(s, household, SHOP_PURCHASE, film, "order", &item));
    UNTIL_DONE(s, box_pay(s, household, &item.public_id, GOOD, "pay", &payment));
    run_until(s, &item.public_id, ORDER_PAID);
    (void)expected(box_run(s)); /* where memory ran out when it was followed: the thread looks again */
    assert_int_equal(held(s, household, film), 1);
    UNTIL_DONE(s, order_refund(s->order, s->arena, s->org, public_id_slice(&item.public_id), &whole, &key, &back));
    run_until(s, &item.public_id, ORDER_REFUNDED);
    (void)expected(box_run(s));
    bool has_fired = fault_fired(point);
    fault_disarm_all();
    run(s);
    assert_int_equal(held(s, household, film), 0);
    struct order_item after = get(s, &item.public_id);
    assert_int_equal(after.refunded.minor, after.q.total.minor);
    arena_reset(s->arena);
    return has_fired;
}

static void whatever_fails_it_is_bought_once_and_given_back_once(void **state) {
    static const struct {
        enum fault_point point;
        uint64_t stride; /* in the short form */
    } walks[] = {{FAULT_ALLOC, 53}, {FAULT_WRITE, 7}, {FAULT_SYNC, 2}, {FAULT_READ, 2}};
    struct shop s = begin(state);
    uint64_t seed;
    int64_t household = 5000;
    rng_secure(&seed, sizeof seed);
    if (getenv("GRANDSTAND_TEST_SEED")) seed = strtoull(getenv("GRANDSTAND_TEST_SEED"), NULL, 10);
    print_message("# seed %llu\n", (unsigned long long)seed);
    struct rng rng = rng_seeded(seed);
    live(&s, household++, FAULT_ALLOC, 0); /* statements are prepared by then */
    for (size_t i = 0; i < ARRAY_LEN(walks); i++) {
        uint64_t stride = getenv("GRANDSTAND_TEST_LONG") ? 1 : walks[i].stride, nth = 1 + rng_below(&rng, stride);
        int lives = 0;
        while (live(&s, household++, walks[i].point, nth)) {
            nth += stride;
            if (++lives % 8 == 0) lawful(&s);
        }
        lawful(&s);
        print_message("# point %d: %d failed\n", (int)walks[i].point, lives);
        assert_true(lives > 0);
    }
    struct pay_stats stats = pay_stats(s.pay);
    assert_int_equal(stats.parked, 0);
    struct order_stats counted; /* each once, however often its transaction was undone and run again */
    order_stats(s.order, &counted);
    assert_int_equal(counted.paid, household - 5000);
    assert_int_equal(counted.sent_back, 0);
    struct db_stats undone = db_stats(s.db);
    assert_true(undone.reruns > 0 && undone.commits_failed > 0); /* or nothing was proved */
    end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {ON_SQLITE(whatever_fails_it_is_bought_once_and_given_back_once)};
    return cmocka_run_group_tests(tests, layer_put_in, NULL);
}
