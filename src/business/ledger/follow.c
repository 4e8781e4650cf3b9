/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Behind the writer: the thread "ledger". Once a second, and when it is rung, it
 *
 *   has holds expire whose timeout has come
 *   lists sealed blocks: for each of their transfers a row for either account, (account, moment) -> transfer
 *
 * An index that the database keeps by itself would put two rows at random places for every transfer while its caller waits: measured with a million
 * transfers between 10,000 accounts, 22 us of the writer's time for each transfer instead of 3. So a reader reads many blocks, sorts them by account, and they are
 * written in that order: each page is visited once. They go in small requests, so that nobody who pays waits long behind one; a row that is
 * written twice is the same row, so a stop between them does no harm. What is not listed yet is found by its ids, which lie at the end of the
 * table (list.c). */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "business/ledger/room.h"

enum { ARENA_BYTES_MAX = 256 << 20, ROUNDS_MAX = 64, ROUND_BLOCKS = 16, ROUND_TRANSFERS_MAX = 2 * ROUND_BLOCKS * BLOCK_TRANSFERS, CHUNK_ROWS = 1000, QUEUE_BUSY = 64 };

static const struct db_statement listed_get = {"ledger.listed_get", "SELECT blocks, id_max FROM ledger_listed WHERE id = 1"};
static const struct db_statement listed_put = {"ledger.listed_put",
                                               "UPDATE ledger_listed SET blocks = :blocks, id_max = :id_max WHERE id = 1 AND blocks = :before AND id_max = :low"};
static const struct db_statement block_get = {"ledger.block_get", "SELECT id, id_max FROM ledger_block WHERE id > :after AND id <= :id ORDER BY id DESC LIMIT 1"};
static const struct db_statement transfers_between = {
    "ledger.transfers_between", "SELECT id, at, debit_id, credit_id FROM ledger_transfer WHERE id > :low AND id <= :high ORDER BY id LIMIT :limit"};

struct entry {
    int64_t account_id, at, transfer_id;
};
struct round {
    struct ledger *ledger;
    struct arena *arena;
    int64_t blocks, low;             /* listed so far */
    int64_t blocks_after, high;      /* and after this round */
    bool has_blocks;
    struct entry *entries;
    size_t count, written;
};

static int entry_order(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    if (x->account_id != y->account_id) return x->account_id < y->account_id ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static struct err round_read(struct db_tx *tx, void *arg) {
    struct round *r = arg;
    arena_reset(r->arena);
    r->has_blocks = false;
    r->count = r->written = 0;
    struct db_rows rows;
    struct err e = DB_QUERY(tx, r->arena, &rows, &listed_get);
    if (e.kind || !rows.count) return e;
    r->blocks = db_int(&rows, 0, "blocks");
    r->low = db_int(&rows, 0, "id_max");
    e = DB_QUERY(tx, r->arena, &rows, &block_get, DB_INT("after", r->blocks), DB_INT("id", r->blocks + ROUND_BLOCKS));
    if (e.kind || !rows.count) return e;
    r->high = db_int(&rows, 0, "id_max");
    r->blocks_after = db_int(&rows, 0, "id");
    /* As many as the blocks have, and those that came late between them: they are few, but nothing says how many. */
    e = DB_QUERY(tx, r->arena, &rows, &transfers_between, DB_INT("low", r->low), DB_INT("high", r->high), DB_INT("limit", ROUND_TRANSFERS_MAX));
    if (e.kind) return e;
    bool is_part = rows.count == ROUND_TRANSFERS_MAX; /* the rest of it in the next round */
    if (is_part) r->blocks_after = r->blocks;
    if (is_part) r->high = db_int(&rows, rows.count - 1, "id");
    r->entries = arena_alloc_array(r->arena, rows.count * 2, sizeof *r->entries);
    if (!r->entries && rows.count) return err_memory();
    size_t id = db_column(&rows, "id"), at = db_column(&rows, "at"), debit = db_column(&rows, "debit_id"), credit = db_column(&rows, "credit_id");
    for (size_t i = 0; i < rows.count; i++) {
        int64_t when = db_cell(&rows, i, at)->integer, transfer = db_cell(&rows, i, id)->integer;
        r->entries[r->count++] = (struct entry){db_cell(&rows, i, debit)->integer, when, transfer};
        r->entries[r->count++] = (struct entry){db_cell(&rows, i, credit)->integer, when, transfer};
    }
    if (r->count) qsort(r->entries, r->count, sizeof *r->entries, entry_order);
    r->has_blocks = true;
    return ERR_OK;
}

static struct err chunk_write(struct db_tx *tx, void *arg) {
    const struct round *r = arg;
    int64_t accounts[CHUNK_ROWS], moments[CHUNK_ROWS], transfers[CHUNK_ROWS];
    size_t rows = r->count - r->written < CHUNK_ROWS ? r->count - r->written : CHUNK_ROWS;
    for (size_t i = 0; i < rows; i++) {
        const struct entry *e = &r->entries[r->written + i];
        accounts[i] = e->account_id;
        moments[i] = e->at;
        transfers[i] = e->transfer_id;
    }
    const struct db_ints ints[] = {{"account_id", accounts}, {"at", moments}, {"transfer_id", transfers}};
    return db_run_rows(tx, NULL, &history_insert, ints, ARRAY_LEN(ints), rows);
}

static struct err round_end(struct db_tx *tx, void *arg) {
    const struct round *r = arg;
    int64_t changed = 0;
    struct err e = DB_CHANGE(tx, &changed, &listed_put, DB_INT("blocks", r->blocks_after), DB_INT("id_max", r->high), DB_INT("before", r->blocks), DB_INT("low", r->low));
    return e.kind || changed ? e : err_make(ERR_BUSY, "ledger.listed", "Another server has listed the same."); /* which is as good */
}

/* False: nothing is left to list, or not now. */
static bool list_one(struct round *r) {
    struct ledger *l = r->ledger;
    struct err e = db_read(l->options.db, round_read, r);
    for (; !e.kind && r->has_blocks && r->written < r->count; r->written += CHUNK_ROWS) e = db_write(l->options.db, chunk_write, r);
    if (!e.kind && r->has_blocks) e = db_write(l->options.db, round_end, r);
    if (e.kind && e.kind != ERR_BUSY) log_warn("ledger", "list", LOG_ERR(e));
    if (e.kind || !r->has_blocks) return false;
    count_up(&l->counters.listed, r->count / 2);
    return true;
}

MUST_USE struct err ledger_list_all(struct ledger *l) {
    struct round r = {.ledger = l, .arena = arena_create(ARENA_BYTES_MAX)};
    if (!r.arena) return err_memory();
    while (list_one(&r)) {}
    arena_destroy(&r.arena);
    return ERR_OK;
}

/* --- expiry --- */

static struct err due_read(struct db_tx *tx, void *arg) {
    *(int64_t *)arg = DB_GET_INT(tx, INT64_MAX, &hold_next_due);
    return ERR_OK;
}

struct expiry {
    struct ledger *ledger;
    struct utc_time now;
    size_t count;
};
static struct err expire_write(struct db_tx *tx, void *arg) {
    struct expiry *x = arg;
    return ledger_expire(x->ledger, tx, x->now, &x->count);
}

static void expire_due(struct ledger *l) {
    for (;;) {
        int64_t due = INT64_MAX;
        struct expiry x = {.ledger = l, .now = clock_utc(l->options.clock)};
        struct err e = db_read(l->options.db, due_read, &due);
        if (e.kind || due > x.now.ns) return;
        e = db_write(l->options.db, expire_write, &x);
        if (e.kind) log_warn("ledger", "expire", LOG_ERR(e));
        else log_info("ledger", "expired", LOG_INT("holds", (int64_t)x.count));
        if (e.kind || !x.count) return; /* again in a second */
    }
}

/* --- the thread --- */

static void follow_run(void *arg) {
    struct ledger *l = arg;
    struct round r = {.ledger = l};
    for (;;) {
        lock_take(&l->lock);
        if (!l->must_stop && !l->is_rung) condition_wait_ns(&l->rung, &l->lock, NS_PER_S);
        bool must_stop = l->must_stop;
        l->is_rung = false;
        lock_give(&l->lock);
        if (must_stop) break;
        expire_due(l);
        if (!r.arena) r.arena = arena_create(ARENA_BYTES_MAX);
        /* Customers first: while many wait for the writer, a second's worth of listing can wait too. */
        for (int i = 0; r.arena && i < ROUNDS_MAX && (i == 0 || db_stats(l->options.db).queued < QUEUE_BUSY) && list_one(&r); i++) {}
    }
    arena_destroy(&r.arena);
}

struct err ledger_start(struct ledger *l) {
    l->must_stop = false;
    return thread_start(&l->thread, "ledger", follow_run, l);
}

void ledger_wake(struct ledger *l) {
    lock_take(&l->lock);
    l->is_rung = true;
    condition_wake_one(&l->rung);
    lock_give(&l->lock);
}

void ledger_stop(struct ledger *l) {
    if (!l->thread) return;
    lock_take(&l->lock);
    l->must_stop = true;
    condition_wake_one(&l->rung);
    lock_give(&l->lock);
    thread_join(&l->thread);
}
