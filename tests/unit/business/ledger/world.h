/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * world.h: what tests of the ledger have in common: a book with six accounts, moves, looks, and the check. */
#ifndef TESTS_LEDGER_WORLD_H
#define TESTS_LEDGER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "business/ledger/ledger.h"
#include "store.h"

enum { ORG = 3, EUR = 978, ACCOUNTS = 6 };
static const int64_t start_ns = INT64_C(1760000000) * NS_PER_S;
static const struct db_schema *const schemas[] = {&ledger_schema};

struct world {
    struct db *db;
    struct ledger *ledger;
    struct clock *clock;
    struct id_maker *ids;
    int64_t accounts[ACCOUNTS]; /* the first has 1,000,000 */
};

static __attribute__((unused)) void ok(struct err e) {
    if (e.kind) fail_msg("%s: %s", e.code, e.what);
}
static __attribute__((unused)) struct ledger *ledger_on(struct world *w, struct db *db) {
    struct ledger *l;
    ok(ledger_open(&l, &(struct ledger_options){.db = db, .clock = w->clock, .ids = w->ids, .transfers_max = 1024, .block_transfers = 16}));
    return l;
}
static __attribute__((unused)) struct err accounts_make(struct db_tx *tx, void *arg) {
    struct world *w = arg;
    struct err e = ERR_OK;
    for (int i = 0; i < ACCOUNTS && !e.kind; i++)
        e = ledger_account_for(w->ledger, tx, ORG, EUR, i ? LEDGER_CODE_CREDIT : LEDGER_CODE_OPENING, i, 0, &w->accounts[i]);
    const struct ledger_transfer opening = {.id = id_next(w->ids), .debit_id = w->accounts[0], .credit_id = w->accounts[1], .amount = 1000000, .ledger = EUR, .code = 1};
    return e.kind ? e : ledger_move(w->ledger, tx, &opening, 1);
}
static __attribute__((unused)) struct world world_open(const struct test_store *s) {
    struct world w = {.db = test_store_open(s, schemas, 1), .clock = clock_manual_create((struct utc_time){start_ns})};
    w.ids = id_maker_create(w.clock, 2);
    w.ledger = ledger_on(&w, w.db);
    ok(db_write(w.db, accounts_make, &w));
    return w;
}
static __attribute__((unused)) void world_close(struct world *w) {
    ledger_close(&w->ledger);
    db_close(&w->db);
    id_maker_destroy(&w->ids);
    clock_manual_destroy(&w->clock);
}

struct moving {
    struct world *w;
    struct ledger *ledger;
    struct ledger_transfer t[3];
    size_t count;
    struct err after; /* what the request answers when its moves are done */
};
static __attribute__((unused)) struct err move_write(struct db_tx *tx, void *arg) {
    struct moving *m = arg;
    struct err e = ledger_move(m->ledger, tx, m->t, m->count);
    return e.kind ? e : m->after;
}
static __attribute__((unused)) struct ledger_transfer transfer_of(struct world *w, int from, int to, int64_t amount) {
    return (struct ledger_transfer){.id = id_next(w->ids), .debit_id = w->accounts[from], .credit_id = w->accounts[to], .amount = amount, .ledger = EUR, .code = 7};
}

struct looking {
    struct ledger *ledger;
    int64_t id;
    struct ledger_account account;
    struct ledger_transfer transfer;
    enum ledger_hold hold;
    struct err e;
};
static __attribute__((unused)) struct err account_read(struct db_tx *tx, void *arg) {
    struct looking *l = arg;
    return ledger_account_get(l->ledger, tx, l->id, &l->account);
}
static __attribute__((unused)) struct err transfer_read(struct db_tx *tx, void *arg) {
    struct looking *l = arg;
    l->e = ledger_transfer_get(l->ledger, tx, l->id, &l->transfer, &l->hold);
    return ERR_OK;
}
static __attribute__((unused)) int64_t balance(struct world *w, int account) {
    struct looking by_reader = {.ledger = w->ledger, .id = w->accounts[account]}, by_writer = by_reader;
    ok(db_read(w->db, account_read, &by_reader));
    ok(db_write(w->db, account_read, &by_writer));
    assert_int_equal(ledger_balance(&by_reader.account), ledger_balance(&by_writer.account));
    return ledger_balance(&by_reader.account);
}
static __attribute__((unused)) bool is_there(struct world *w, int64_t id) {
    struct looking l = {.ledger = w->ledger, .id = id};
    ok(db_read(w->db, transfer_read, &l));
    return !l.e.kind;
}

static __attribute__((unused)) struct ledger_check check(struct world *w, struct arena *arena) {
    struct ledger_check c;
    ok(ledger_verify(w->ledger, arena, NULL, NULL, NULL, &c));
    return c;
}
static __attribute__((unused)) void must_be_sound(struct world *w, int64_t transfers) {
    struct arena *arena = arena_create(1 << 20);
    struct ledger_check c = check(w, arena);
    if (c.differences_total) fail_msg("%s %s: %lld, %lld", ledger_difference_word(c.differences[0].kind), c.differences[0].field, (long long)c.differences[0].stored,
                                      (long long)c.differences[0].replayed);
    if (transfers >= 0) assert_int_equal(c.transfers, transfers);
    arena_destroy(&arena);
}

#endif
