/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Opening, closing, words, and single look-ups. */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "business/ledger/room.h"

/* --- words --- */

static const struct {
    const char *word, *code, *sentence;
} results[LEDGER_RESULT_COUNT] = {
#define X(name, word, sentence) {#word, "ledger." #word, sentence},
    LEDGER_RESULTS(X)
#undef X
};

const char *ledger_result_word(enum ledger_result r) {
    assert(r < LEDGER_RESULT_COUNT);
    return results[r].word;
}
struct err ledger_result_error(enum ledger_result r) {
    assert(r < LEDGER_RESULT_COUNT);
    return r == LEDGER_CREATED || r == LEDGER_EXISTS ? ERR_OK : err_make(ERR_CONFLICT, results[r].code, results[r].sentence);
}

/* --- opening and closing --- */

struct err ledger_open(struct ledger **out, const struct ledger_options *given) {
    struct ledger *l = mem_zalloc(sizeof *l);
    if (!l) return err_memory();
    l->options = *given;
    if (!l->options.accounts_max) l->options.accounts_max = 200000;
    if (!l->options.block_transfers) l->options.block_transfers = BLOCK_TRANSFERS;
    size_t ring = RING_MIN, wanted = l->options.transfers_max ? l->options.transfers_max : RING_DEFAULT;
    while (ring < wanted) ring *= 2;
    lock_init(&l->lock, LOCK_ledger);
    condition_init(&l->rung);
    struct err e = book_open(&l->book, ring);
    if (!e.kind) {
        l->participant = participant_functions;
        l->participant.self = l;
        e = db_join(l->options.db, &l->participant);
        if (e.kind) book_free(&l->book);
    }
    if (e.kind) {
        condition_destroy(&l->rung);
        lock_destroy(&l->lock);
        mem_free(l);
        return e;
    }
    *out = l;
    return ERR_OK;
}

void ledger_close(struct ledger **address) {
    struct ledger *l = *address;
    if (!l) return;
    *address = NULL;
    ledger_stop(l);
    db_leave(l->options.db, &l->participant);
    book_free(&l->book);
    condition_destroy(&l->rung);
    lock_destroy(&l->lock);
    mem_free(l);
}

struct ledger_stats ledger_stats(const struct ledger *l) {
    struct ledger_stats s;
#define X(name) s.name = atomic_load_explicit(&l->counters.name, memory_order_relaxed);
    X(transfers) X(refused) X(accounts_loaded) X(transfers_looked_up) X(flushes) X(takeovers) X(undone) X(expired) X(listed)
#undef X
    return s;
}

/* --- looking: on the writer in memory, on a reader in the tables --- */

struct err ledger_account_get(struct ledger *l, struct db_tx *tx, int64_t id, struct ledger_account *out) {
    if (!db_tx_may_write(tx)) {
        struct arena *arena = arena_create(64 << 10);
        if (!arena) return err_memory();
        bool was_found = false;
        struct err e = sql_account(tx, arena, id, out, &was_found);
        arena_destroy(&arena);
        return e.kind || was_found ? e : ledger_missing();
    }
    struct account *a;
    struct err e = book_enter(l, tx);
    if (!e.kind) e = account_need(l, tx, id, &a);
    if (e.kind) return e;
    if (!a) return ledger_missing();
    *out = a->a;
    return ERR_OK;
}

struct err ledger_account_find(struct ledger *l, struct db_tx *tx, int64_t org_id, int32_t ledger, int32_t code, int64_t owner_id, struct ledger_account *out) {
    bool may_write = db_tx_may_write(tx), was_found = false;
    struct err e = may_write ? book_enter(l, tx) : ERR_OK;
    if (e.kind) return e;
    const struct account *known = may_write ? book_account_by_key(&l->book, org_id, ledger, code, owner_id) : NULL;
    if (known) {
        *out = known->a;
        return ERR_OK;
    }
    struct arena *arena = arena_create(64 << 10);
    if (!arena) return err_memory();
    struct ledger_account stored;
    e = sql_account_by_key(tx, arena, org_id, ledger, code, owner_id, &stored, &was_found);
    arena_destroy(&arena);
    if (e.kind) return e;
    if (!was_found) return ledger_missing();
    if (may_write) return ledger_account_get(l, tx, stored.id, out);
    *out = stored;
    return ERR_OK;
}

struct err ledger_transfer_get(struct ledger *l, struct db_tx *tx, int64_t id, struct ledger_transfer *out, enum ledger_hold *hold) {
    bool may_write = db_tx_may_write(tx), was_found = false, is_hold = false;
    struct arena *arena = arena_create(64 << 10);
    if (!arena) return err_memory();
    struct recent found;
    struct hold stored, *h = NULL;
    struct err e = may_write ? book_enter(l, tx) : ERR_OK;
    if (!e.kind) e = may_write ? transfer_need(l, tx, id, &found, &was_found) : sql_transfer(tx, arena, id, &found, &was_found);
    if (!e.kind && (!was_found || found.is_refused)) e = ledger_missing();
    if (!e.kind && hold && found.t.flags & LEDGER_PENDING) {
        e = may_write ? hold_need(l, tx, id, &h) : sql_hold(tx, arena, id, &stored, &is_hold);
        if (!may_write && is_hold) h = &stored;
    }
    if (!e.kind) {
        *out = found.t;
        if (hold) *hold = h ? h->state : LEDGER_HOLD_NONE;
    }
    arena_destroy(&arena);
    return e;
}
