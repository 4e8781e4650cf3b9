/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the tests of order share: the box office over a store of their own, with a clock turned by hand. */
#ifndef TESTS_ORDER_FIXTURE_H
#define TESTS_ORDER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "box_office.h"
#include "store.h"

#define START_S INT64_C(1795305600) /* 2026-11-22T00:00:00Z */
#define DAY_S INT64_C(86400)
#define GOOD "4242424242424242"
#define DECLINED "4000000000000002"
#define STEP_CARD "4000000000003220"
#define CHARGED_BACK "4000000000000259"
#define CHARGED_BACK_WON "4000000000002685"
#define REFUND_FAILS "4000000000005126"
#define RENEWAL_FAILS "4000000000000341"
enum { HOME = 501, OTHER = 502 };

static inline struct shop begin_at(void **state, int64_t start_s) {
    struct test_store *store = test_store_of(state);
    struct shop s;
    assert_ok(box_open(&s, test_store_open(store, box_schemas, SHOP_SCHEMAS), clock_manual_create(utc_from_seconds(start_s)), 0, store->folder));
    assert_ok(box_stock(&s));
    return s;
}
static inline struct shop begin(void **state) { return begin_at(state, START_S); }

static inline void lawful(struct shop *s) {
    struct slice trouble;
    assert_ok(box_check(s, s->arena, &trouble));
    if (trouble.len) fail_msg("%.*s", SLICE_ARG(trouble));
}
static inline void end(struct shop *s) {
    lawful(s);
    struct db *db = s->db;
    struct clock *clock = s->clock;
    box_close(s);
    db_close(&db);
    clock_manual_destroy(&clock);
}

static inline int64_t now(struct shop *s) { return utc_seconds(clock_utc(s->clock)); }
static inline void run(struct shop *s) { assert_ok(box_run(s)); }
static inline void pass(struct shop *s, int64_t seconds) {
    clock_manual_advance(s->clock, seconds * NS_PER_S);
    run(s);
}
static inline void turn_to(struct shop *s, int64_t at_s) { pass(s, at_s - now(s)); }

static inline struct order_item get(struct shop *s, const struct public_id *order) {
    struct order_item item;
    assert_ok(order_get(s->order, s->arena, s->org, 0, public_id_slice(order), SLICE("en"), &item));
    return item;
}
static inline void expect_state(struct shop *s, const struct public_id *order, enum order_state state) {
    struct order_item item = get(s, order);
    if (item.state != state) fail_msg("order is %s instead of %s", order_state_name(item.state), order_state_name(state));
}
/* Ordered, paid by that card, and everything answered. */
static inline struct order_item buy_with(struct shop *s, int64_t household, enum shop_offer which, int film, const char *card) {
    struct order_item item;
    struct pay_info payment;
    assert_ok(box_order(s, household, which, film, NULL, &item));
    if (item.q.due.minor) {
        assert_ok(box_pay(s, household, &item.public_id, card, NULL, &payment));
        run(s);
    }
    return get(s, &item.public_id);
}
static inline struct order_item buy(struct shop *s, int64_t household, enum shop_offer which, int film) {
    struct order_item item = buy_with(s, household, which, film, GOOD);
    assert_int_equal(item.state, ORDER_PAID);
    return item;
}

static inline size_t held_for(struct shop *s, int64_t household, int64_t title_id, struct order_held out[ORDER_HELD_MAX]) {
    int64_t next_s = ORDER_ENDLESS;
    return order_entitlement(s->order, s->org, household, (int64_t[3]){title_id, 0, 0}, now(s), out, &next_s);
}
static inline bool has(struct shop *s, int64_t household, int film) {
    struct order_held held[ORDER_HELD_MAX];
    return held_for(s, household, s->film_ids[film], held) > 0;
}
static inline struct order_plan plan_of(struct shop *s, int64_t household) {
    struct order_plan plan;
    struct order_buyer b = box_buyer(s, household, "DE");
    assert_ok(order_plan(s->order, s->arena, &b, &plan));
    return plan;
}
static inline int64_t credit_of(struct shop *s, int64_t household) {
    struct order_plan plan = plan_of(s, household);
    return plan.credit_count ? plan.credit[0].minor : 0;
}

struct balance_ask {
    struct shop *s;
    int32_t ledger, code;
    int64_t owner, balance;
};
static inline struct err balance_fn(struct db_tx *tx, void *arg) {
    struct balance_ask *a = arg;
    struct ledger_account account;
    struct err e = ledger_account_find(a->s->ledger, tx, a->s->org, a->ledger, a->code, a->owner, &account);
    a->balance = e.kind ? 0 : ledger_balance(&account);
    return e.kind == ERR_NOT_FOUND ? ERR_OK : e;
}
static inline int64_t balance(struct shop *s, int32_t ledger, int32_t code, int64_t owner) {
    struct balance_ask a = {s, ledger, code, owner, 0};
    assert_ok(db_read(s->db, balance_fn, &a));
    return a.balance;
}

static inline struct order_refund refund(struct shop *s, const struct public_id *order, int64_t amount) {
    struct order_refund out;
    struct order_refund_wish wish = {.has_amount = amount > 0, .amount_minor = amount, .reason = SLICE("asked for"), .by_user_id = 9};
    assert_ok(order_refund(s->order, s->arena, s->org, public_id_slice(order), &wish, NULL, &out));
    run(s);
    return out;
}

#endif
