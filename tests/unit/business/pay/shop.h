/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * shop.h: as much of a shop as payments need: a database, a ledger, a clock turned by hand, and somebody who listens and moves what came in to revenue, as orders do. */
#ifndef TESTS_PAY_SHOP_H
#define TESTS_PAY_SHOP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "business/ledger/ledger.h"
#include "business/pay/pay.h"
#include "store.h"

enum { ORG = 7, OTHER_ORG = 8, HOUSE = 11, START_S = 1800000000 };

struct shop {
    struct db *db;
    struct clock *clock;
    struct id_maker *ids;
    struct keys *keys;
    struct ledger *ledger;
    struct pay *pay;
    struct arena *arena;
    char folder[80];
    int64_t next_order;
    /* what the listener was told, after the commit of the test's writes */
    int captured, failed, refund_done, refund_failed, charged_back, won, committed;
    bool was_done, refuses; /* refuses: the listener says no */
    struct pay_info last;
};

static struct err shop_move(struct shop *s, struct db_tx *tx, const struct pay_info *p, enum ledger_code from, enum ledger_code to, int64_t amount) {
    struct ledger_transfer t = {.id = id_next(s->ids), .amount = amount, .ledger = p->amount.currency, .code = 1, .order_id = p->order_id};
    struct err e = ledger_account_for(s->ledger, tx, p->org_id, p->amount.currency, from, from == LEDGER_CODE_ORDER ? p->order_id : 0, 0, &t.debit_id);
    if (!e.kind) e = ledger_account_for(s->ledger, tx, p->org_id, p->amount.currency, to, to == LEDGER_CODE_ORDER ? p->order_id : 0, 0, &t.credit_id);
    return e.kind ? e : ledger_move(s->ledger, tx, &t, 1);
}

static struct err on_captured(void *user, struct db_tx *tx, const struct pay_info *p) {
    struct shop *s = user;
    if (s->refuses) return err_make(ERR_CONFLICT, "test.no", "The listener says no.");
    s->captured++, s->last = *p;
    return shop_move(s, tx, p, LEDGER_CODE_ORDER, LEDGER_CODE_REVENUE, p->amount.minor);
}
static struct err on_failed(void *user, struct db_tx *tx, const struct pay_info *p) {
    struct shop *s = user;
    s->failed++;
    return ERR_OK;
}
static struct err on_refund_done(void *user, struct db_tx *tx, const struct pay_info *p, const struct pay_refund *r) {
    ((struct shop *)user)->refund_done++;
    return ERR_OK;
}
static struct err on_refund_failed(void *user, struct db_tx *tx, const struct pay_info *p, const struct pay_refund *r, bool was_done) {
    struct shop *s = user;
    s->refund_failed++, s->was_done = was_done;
    return shop_move(s, tx, p, LEDGER_CODE_ORDER, LEDGER_CODE_REFUNDED, r->amount.minor);
}
static struct err on_charged_back(void *user, struct db_tx *tx, const struct pay_info *p, const struct pay_chargeback *c) {
    ((struct shop *)user)->charged_back++;
    return ERR_OK;
}
static struct err on_won(void *user, struct db_tx *tx, const struct pay_info *p, const struct pay_chargeback *c) {
    ((struct shop *)user)->won++;
    return ERR_OK;
}
static void on_committed(void *user) { ((struct shop *)user)->committed++; }

static void shop_pay_open(struct shop *s) {
    assert_ok(ledger_open(&s->ledger, &(struct ledger_options){.db = s->db, .clock = s->clock, .ids = s->ids}));
    assert_ok(pay_open(&s->pay, &(struct pay_options){.db = s->db, .clock = s->clock, .ids = s->ids, .keys = s->keys, .ledger = s->ledger, .site_url = "http://localhost:8080"}));
    pay_listen(s->pay, &(struct pay_listener){.user = s, .captured = on_captured, .failed = on_failed, .refund_done = on_refund_done, .refund_failed = on_refund_failed,
                                              .charged_back = on_charged_back, .chargeback_won = on_won, .committed = on_committed});
}
static void shop_pay_close(struct shop *s) {
    pay_close(&s->pay);
    ledger_close(&s->ledger);
}

static struct shop *shop_open(void **state) {
    static const struct db_schema *const schemas[] = {&ledger_schema, &pay_schema};
    const struct test_store *store = test_store_of(state);
    struct shop *s = mem_zalloc(sizeof *s);
    assert_non_null(s);
    s->db = test_store_open(store, schemas, ARRAY_LEN(schemas));
    s->clock = clock_manual_create(utc_from_seconds(START_S));
    s->ids = id_maker_create(s->clock, 0);
    s->arena = arena_create(16 << 20);
    s->next_order = 1000;
    snprintf(s->folder, sizeof s->folder, "%s/keys", store->folder);
    assert_ok(keys_open(&s->keys, s->folder));
    shop_pay_open(s);
    return s;
}

static void shop_close(struct shop *s) {
    shop_pay_close(s);
    keys_close(&s->keys);
    id_maker_destroy(&s->ids);
    clock_manual_destroy(&s->clock);
    arena_destroy(&s->arena);
    db_close(&s->db);
    mem_free(s);
}

static void shop_advance(struct shop *s, int64_t seconds) {
    clock_manual_advance(s->clock, seconds * NS_PER_S);
    assert_ok(pay_run(s->pay));
}

/* --- acting --- */

struct shop_act {
    struct shop *s;
    const struct pay_new *n;
    struct pay_info info;
    struct pay_refund refund;
    struct pay_method_list methods;
    struct pay_event_list events;
    int64_t id, refund_id, number;
    struct money amount;
    int32_t code;
    int64_t owner;
};
static struct err create_fn(struct db_tx *tx, void *arg) {
    struct shop_act *a = arg;
    return pay_create_in(a->s->pay, tx, a->s->arena, a->n, &a->info);
}
static struct err cancel_fn(struct db_tx *tx, void *arg) {
    struct shop_act *a = arg;
    return pay_cancel_in(a->s->pay, tx, ORG, a->id);
}
static struct err refund_fn(struct db_tx *tx, void *arg) { /* as orders: revenue refunded -> order, order -> clearing */
    struct shop_act *a = arg;
    struct pay_info p;
    struct err e = pay_find_in(a->s->pay, tx, a->s->arena, ORG, a->id, &p);
    if (!e.kind) e = pay_refund_in(a->s->pay, tx, ORG, a->id, a->refund_id, a->amount);
    return e.kind ? e : shop_move(a->s, tx, &p, LEDGER_CODE_REFUNDED, LEDGER_CODE_ORDER, a->amount.minor);
}
static struct err refund_twice_fn(struct db_tx *tx, void *arg) {
    struct shop_act *a = arg;
    return pay_refund_in(a->s->pay, tx, ORG, a->id, a->refund_id, a->amount);
}
static struct err find_fn(struct db_tx *tx, void *arg) {
    struct shop_act *a = arg;
    return pay_find_in(a->s->pay, tx, a->s->arena, ORG, a->id, &a->info);
}
static struct err refund_find_fn(struct db_tx *tx, void *arg) {
    struct shop_act *a = arg;
    return pay_refund_find_in(a->s->pay, tx, a->s->arena, ORG, a->refund_id, &a->refund);
}
static struct err methods_fn(struct db_tx *tx, void *arg) {
    struct shop_act *a = arg;
    return pay_methods_in(a->s->pay, tx, a->s->arena, ORG, HOUSE, &a->methods);
}
static struct err events_fn(struct db_tx *tx, void *arg) {
    struct shop_act *a = arg;
    return pay_events_in(a->s->pay, tx, a->s->arena, ORG, a->id, &a->events);
}
static struct err balance_fn(struct db_tx *tx, void *arg) {
    struct shop_act *a = arg;
    struct ledger_account account;
    struct err e = ledger_account_find(a->s->ledger, tx, ORG, a->amount.currency, a->code, a->owner, &account);
    a->number = e.kind == ERR_NOT_FOUND ? 0 : ledger_balance(&account);
    a->refund_id = e.kind ? 0 : account.credits_pending - account.debits_pending;
    return e.kind == ERR_NOT_FOUND ? ERR_OK : e;
}

static struct pay_card card_of(const char *number) { return (struct pay_card){slice_cstr(number), SLICE("12/39"), SLICE("123"), SLICE("Alex Example")}; }

static struct err shop_try(struct shop *s, const struct pay_new *n, struct pay_info *out) {
    struct shop_act a = {.s = s, .n = n};
    struct err e = db_write(s->db, create_fn, &a);
    if (!e.kind) *out = a.info;
    return e;
}
/* A payment by a card of the sandbox; nothing has been said to it yet. */
static struct pay_info shop_begin(struct shop *s, const char *number, struct money amount) {
    struct pay_card card = card_of(number);
    struct pay_info info;
    assert_ok(shop_try(s, &(struct pay_new){.org_id = ORG, .household_id = HOUSE, .order_id = ++s->next_order, .provider = PAY_SANDBOX, .amount = amount, .card = &card, .keeps_method = true}, &info));
    return info;
}
static struct pay_info shop_find(struct shop *s, int64_t id) {
    struct shop_act a = {.s = s, .id = id};
    assert_ok(db_read(s->db, find_fn, &a));
    return a.info;
}
static struct pay_info shop_pay(struct shop *s, const char *number, struct money amount) {
    struct pay_info info = shop_begin(s, number, amount);
    assert_ok(pay_run(s->pay));
    return shop_find(s, info.id);
}
static struct err shop_refund(struct shop *s, int64_t payment_id, int64_t refund_id, struct money amount) {
    struct shop_act a = {.s = s, .id = payment_id, .refund_id = refund_id, .amount = amount};
    return db_write(s->db, refund_fn, &a);
}
static struct pay_refund shop_refund_find(struct shop *s, int64_t refund_id) {
    struct shop_act a = {.s = s, .refund_id = refund_id};
    assert_ok(db_read(s->db, refund_find_fn, &a));
    return a.refund;
}
static int64_t shop_balance(struct shop *s, uint16_t currency, enum ledger_code code, int64_t owner) {
    struct shop_act a = {.s = s, .amount = MONEY(0, currency), .code = (int32_t)code, .owner = owner};
    assert_ok(db_read(s->db, balance_fn, &a));
    return a.number;
}
/* What holds on the account would change if all were posted. */
static int64_t shop_pending(struct shop *s, uint16_t currency, enum ledger_code code, int64_t owner) {
    struct shop_act a = {.s = s, .amount = MONEY(0, currency), .code = (int32_t)code, .owner = owner};
    assert_ok(db_read(s->db, balance_fn, &a));
    return a.refund_id;
}
static void shop_verify(struct shop *s) {
    struct ledger_check check;
    assert_ok(ledger_verify(s->ledger, s->arena, NULL, NULL, NULL, &check));
    assert_int_equal(check.differences_total, 0);
}
static struct pay_parked_list shop_parked(struct shop *s) {
    struct pay_parked_list list;
    assert_ok(pay_parked(s->pay, s->arena, ORG, true, 0, 100, &list));
    return list;
}

#endif
