/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The ledger's part in the writer's groups.
 *
 *   book_enter       the first call of a group reads the state row: are we still those who wrote last? If not, the cache is thrown away
 *   before_request   remembers where the request begins; writes what waits if it has become much
 *   after_request    of one that failed: takes back what it did in memory
 *   before_commit    writes: transfers, each touched account once, holds, refused ids, whole blocks, the state row
 *   after_group      committed: what was written counts. Undone: memory has seen what never was, so it is forgotten
 *
 * The state row is changed by every group that moves value, so two processes can never both commit: the database finds the
 * collision, one is run again and then sees the other's fence. Whatever else comes between fails the group (ledger.lost). */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "business/ledger/room.h"

/* --- sums --- */

static uint64_t mix(uint64_t a, uint64_t b) {
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Over all fields, so that a change of any of them shows; added up in a block, so that their order in the file does not matter. The constants are the
 * fractions of square roots of primes; multiplying two mixed words and folding the product is what fast hashes of 64 bits do. It
 * guards against accidents and careless hands, not against somebody who computes collisions. */
uint64_t transfer_sum(const struct ledger_transfer *t) {
    const uint64_t k[] = {UINT64_C(0x6a09e667f3bcc909), UINT64_C(0xbb67ae8584caa73b), UINT64_C(0x3c6ef372fe94f82b), UINT64_C(0xa54ff53a5f1d36f1),
                          UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f), UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179)};
    uint64_t h = UINT64_C(0xcbbb9d5dc1059ed8);
    h = mix((uint64_t)t->id ^ k[0] ^ h, (uint64_t)t->at_ns ^ k[1]);
    h = mix((uint64_t)t->debit_id ^ k[2] ^ h, (uint64_t)t->credit_id ^ k[3]);
    h = mix((uint64_t)t->amount ^ k[4] ^ h, (uint64_t)t->pending_id ^ k[5]);
    h = mix((uint64_t)t->order_id ^ k[6] ^ h, (uint64_t)t->about_id ^ k[7]);
    h = mix((uint64_t)t->tag ^ k[1] ^ h, ((uint64_t)(uint32_t)t->timeout_s << 32 | (uint32_t)t->ledger) ^ k[2]);
    h = mix(((uint64_t)(uint32_t)t->code << 32 | t->flags) ^ k[3] ^ h, (uint64_t)t->debit_balance ^ k[4]);
    return mix((uint64_t)t->credit_balance ^ k[5] ^ h, k[0]);
}

void seal_next(uint64_t seal[2], int64_t block, int64_t transfers, int64_t sum, int64_t at_last) {
    uint64_t high = seal[0], low = seal[1];
    const uint64_t words[] = {(uint64_t)block, (uint64_t)transfers, (uint64_t)sum, (uint64_t)at_last};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        high = mix(high ^ words[i] ^ UINT64_C(0x629a292a367cd507), low ^ UINT64_C(0x9159015a3070dd17));
        low = mix(low ^ words[i] ^ UINT64_C(0x152fecd8f70e5939), high ^ UINT64_C(0x67332667ffc00b31)) + words[i];
    }
    seal[0] = high;
    seal[1] = low;
}

/* --- whose book it is --- */

struct err book_enter(struct ledger *l, struct db_tx *tx) {
    struct book *b = &l->book;
    if (b->is_entered) return db_tx_error(tx);
    struct arena *arena = arena_create(64 << 10);
    if (!arena) return err_memory();
    struct db_rows r;
    struct err e = DB_QUERY(tx, arena, &r, &state_get);
    if (!e.kind && r.count != 1) e = err_make(ERR_IO, "ledger.damaged", "The ledger's state is gone from the database. Restore it from a backup.");
    if (!e.kind) {
        struct book_state stored = {.fence = db_int(&r, 0, "fence"),
                                    .at_last = db_int(&r, 0, "at_last"),
                                    .id_max = db_int(&r, 0, "id_max"),
                                    .blocks = db_int(&r, 0, "blocks"),
                                    .block_id_max = db_int(&r, 0, "block_id_max"),
                                    .open_transfers = db_int(&r, 0, "open_transfers"),
                                    .open_sum = db_int(&r, 0, "open_sum"),
                                    .seal = {(uint64_t)db_int(&r, 0, "seal_high"), (uint64_t)db_int(&r, 0, "seal_low")}};
        if (!b->is_loaded || stored.fence != b->state.fence) {
            if (b->is_loaded) log_info("ledger", "taken_over", LOG_INT("fence", stored.fence), LOG_INT("ours", b->state.fence));
            book_forget(b);
            b->state = stored;
            b->state.fence++;
            b->window_low = stored.id_max;
            b->is_loaded = b->is_fence_new = true;
            count_up(&l->counters.takeovers, 1);
        }
        b->stored_fence = stored.fence;
        b->stored_at = stored.at_last;
        b->is_entered = true;
    }
    arena_destroy(&arena);
    return e;
}

/* --- flushing --- */

/* Room for `columns` columns of `rows` numbers each. */
static int64_t *columns_need(struct book *b, size_t columns, size_t rows) {
    if (columns * rows > b->columns_capacity) {
        mem_free(b->columns);
        b->columns_capacity = 0;
        b->columns = mem_alloc(columns * rows * sizeof *b->columns);
        if (b->columns) b->columns_capacity = columns * rows;
    }
    return b->columns;
}

static struct err rows_put(struct db_tx *tx, const struct db_statement *s, const char *const *names, size_t columns, const int64_t *values, size_t stride,
                           size_t rows) {
    struct db_ints ints[TRANSFER_COLUMNS];
    for (size_t i = 0; i < columns; i++) ints[i] = (struct db_ints){names[i], values + i * stride};
    /* PostgreSQL updates what is there and says nothing of a row that is not. */
    bool must_count = s == &balance_put;
    int64_t changed = (int64_t)rows;
    struct err e = rows ? db_run_rows(tx, must_count ? &changed : NULL, s, ints, columns, rows) : ERR_OK;
    if (!e.kind && must_count && changed != (int64_t)rows)
        e = err_make(ERR_IO, "ledger.damaged", "Part of the books is gone from the database. Restore it from a backup.");
    return e;
}

/* One block is whole: its sum and its seal. */
static struct err block_seal(struct book *b, struct db_tx *tx) {
    struct book_state *s = &b->state;
    s->blocks++;
    seal_next(s->seal, s->blocks, s->open_transfers, s->open_sum, s->at_last);
    static const char *const names[] = {"id", "transfers", "id_max", "at_last", "sum", "seal_high", "seal_low"};
    const int64_t values[] = {s->blocks, s->open_transfers, s->id_max, s->at_last, s->open_sum, (int64_t)s->seal[0], (int64_t)s->seal[1]};
    struct err e = rows_put(tx, &block_insert, names, ARRAY_LEN(names), values, 1, 1);
    s->block_id_max = s->id_max;
    s->open_transfers = s->open_sum = 0;
    return e;
}

static struct err transfers_put(struct ledger *l, struct db_tx *tx) {
    struct book *b = &l->book;
    struct book_state *s = &b->state;
    size_t waiting = (size_t)(b->ring_head - b->ring_flushed), rows = 0, late = 0, refused = 0;
    if (!waiting) return ERR_OK;
    int64_t *c = columns_need(b, TRANSFER_COLUMNS + 3 * 2 + 2, waiting);
    if (!c) return err_memory();
    int64_t *history = c + TRANSFER_COLUMNS * waiting, *refusals = history + 6 * waiting;
    const size_t stride = waiting, history_stride = 2 * waiting;
    int64_t at_last = s->at_last; /* the clock has moved on; a block's last moment is that of its last transfer */
    struct err e = ERR_OK;
    for (uint64_t n = b->ring_flushed; n < b->ring_head && !e.kind; n++) {
        const struct recent *r = &b->ring[n & (b->ring_size - 1)];
        const struct ledger_transfer *t = &r->t;
        if (r->is_refused) {
            refusals[refused] = t->id;
            refusals[waiting + refused++] = t->at_ns;
            if (t->id > s->id_max) s->id_max = t->id;
            continue;
        }
        const int64_t values[TRANSFER_COLUMNS] = {t->id,  t->debit_id,  t->credit_id, t->amount, t->pending_id, t->order_id,      t->about_id,      t->tag,
                                                  t->timeout_s, t->ledger, t->code,     t->flags,  t->at_ns,      t->debit_balance, t->credit_balance};
        for (size_t i = 0; i < TRANSFER_COLUMNS; i++) c[i * stride + rows] = values[i];
        rows++;
        if (t->id <= s->block_id_max) { /* it lies among blocks that are sealed, which nobody lists again */
            for (size_t side = 0; side < 2; side++, late++) {
                history[late] = side ? t->credit_id : t->debit_id;
                history[history_stride + late] = t->at_ns;
                history[2 * history_stride + late] = t->id;
            }
        }
        if (t->id > s->id_max) s->id_max = t->id;
        s->open_sum = (int64_t)((uint64_t)s->open_sum + transfer_sum(t));
        if (++s->open_transfers < l->options.block_transfers) continue;
        s->at_last = t->at_ns;
        e = block_seal(b, tx);
    }
    s->at_last = at_last;
    static const char *const history_names[] = {"account_id", "at", "transfer_id"}, *const refusal_names[] = {"id", "at"};
    if (!e.kind) e = rows_put(tx, &transfer_insert, transfer_columns, TRANSFER_COLUMNS, c, stride, rows);
    if (!e.kind) e = rows_put(tx, &history_insert, history_names, 3, history, history_stride, late);
    if (!e.kind) e = rows_put(tx, &refusal_insert, refusal_names, 2, refusals, waiting, refused);
    return e;
}

static int by_id(const void *a, const void *b) {
    int64_t x = **(const int64_t *const *)a, y = **(const int64_t *const *)b;
    return (x > y) - (x < y);
}

/* In the order of their ids, so that each page of the table is visited once. */
static struct err balances_put(struct book *b, struct db_tx *tx) {
    if (!b->dirty.count) return ERR_OK;
    size_t stride = b->dirty.count, rows = 0;
    int64_t *c = columns_need(b, 6, stride);
    if (!c) return err_memory();
    qsort(b->dirty.items, b->dirty.count, sizeof *b->dirty.items, by_id);
    for (size_t i = 0; i < b->dirty.count; i++) {
        const struct account *a = b->dirty.items[i];
        if (a->is_absent) continue;
        const int64_t values[] = {a->a.id, a->a.debits_pending, a->a.debits_posted, a->a.credits_pending, a->a.credits_posted, (a->a.flags & LEDGER_CLOSED) != 0};
        for (size_t k = 0; k < ARRAY_LEN(values); k++) c[k * stride + rows] = values[k];
        rows++;
    }
    static const char *const names[] = {"id", "debits_pending", "debits_posted", "credits_pending", "credits_posted", "is_closed"};
    return rows_put(tx, &balance_put, names, ARRAY_LEN(names), c, stride, rows);
}

static struct err holds_put(struct book *b, struct db_tx *tx) {
    if (!b->dirty_holds.count) return ERR_OK;
    size_t stride = b->dirty_holds.count, rows = 0;
    int64_t *c = columns_need(b, 5, stride);
    if (!c) return err_memory();
    for (size_t i = 0; i < b->dirty_holds.count; i++) {
        const struct hold *h = b->dirty_holds.items[i];
        if (h->is_absent) continue;
        const int64_t values[] = {h->t.id, h->state, h->expires_at, h->ended_at, h->ended_by};
        for (size_t k = 0; k < ARRAY_LEN(values); k++) c[k * stride + rows] = values[k];
        rows++;
    }
    static const char *const names[] = {"id", "state", "expires_at", "ended_at", "ended_by"};
    return rows_put(tx, &hold_put, names, ARRAY_LEN(names), c, stride, rows);
}

static struct err flush(struct ledger *l, struct db_tx *tx) {
    struct book *b = &l->book;
    bool has_changes = b->ring_head != b->ring_flushed || b->dirty.count || b->dirty_holds.count;
    if (!b->is_entered || !(has_changes || b->has_flushed)) return ERR_OK;
    struct err e = transfers_put(l, tx);
    if (!e.kind) e = balances_put(b, tx);
    if (!e.kind) e = holds_put(b, tx);
    const struct book_state *s = &b->state;
    int64_t changed = 0;
    if (!e.kind)
        e = DB_CHANGE(tx, &changed, &state_put, DB_INT("fence", s->fence), DB_INT("at_last", s->at_last), DB_INT("id_max", s->id_max), DB_INT("blocks", s->blocks),
                   DB_INT("block_id_max", s->block_id_max), DB_INT("open_transfers", s->open_transfers), DB_INT("open_sum", s->open_sum),
                   DB_INT("seal_high", (int64_t)s->seal[0]), DB_INT("seal_low", (int64_t)s->seal[1]), DB_INT("stored_fence", b->stored_fence), DB_INT("stored_at", b->stored_at));
    /* Other processes cannot come between (the row is ours until the commit); a second ledger on the same writer could. */
    if (!e.kind && !changed) e = err_make(ERR_BUSY, "ledger.lost", "Somebody else has written to the books at the same moment. Nothing was changed; try again.");
    if (e.kind) {
        log_error("ledger", "flush", LOG_ERR(e));
        return e;
    }
    for (size_t i = 0; i < b->dirty.count; i++) ((struct account *)b->dirty.items[i])->is_dirty = false;
    for (size_t i = 0; i < b->dirty_holds.count; i++) ((struct hold *)b->dirty_holds.items[i])->is_dirty = false;
    b->dirty.count = b->dirty_holds.count = 0;
    b->ring_flushed = b->ring_head;
    b->stored_fence = s->fence;
    b->stored_at = s->at_last;
    b->has_flushed = true;
    count_up(&l->counters.flushes, 1);
    return ERR_OK;
}

/* --- the participant --- */

static struct err before_request(void *self, struct db_tx *tx) {
    struct ledger *l = self;
    struct book *b = &l->book;
    struct err e = book_is_full(b) ? flush(l, tx) : ERR_OK;
    b->undo_count = 0;
    b->request_head = b->ring_head;
    return e;
}

static void after_request(void *self, bool is_kept) {
    struct ledger *l = self;
    struct book *b = &l->book;
    if (!is_kept && (b->undo_count || b->ring_head != b->request_head)) {
        count_up(&l->counters.undone, 1);
        book_undo(b, 0, b->request_head);
    }
    b->undo_count = 0;
}

static struct err before_commit(void *self, struct db_tx *tx) { return flush(self, tx); }

static void after_group(void *self, enum db_group_end end) {
    struct ledger *l = self;
    struct book *b = &l->book;
    bool has_changes = b->ring_head != b->ring_flushed || b->dirty.count || b->dirty_holds.count || b->has_flushed || b->undo_count;
    if (end == DB_GROUP_COMMITTED) {
        if (b->is_fence_new && !b->has_flushed) b->is_loaded = false; /* only looked: the fence in the table is still the other's */
    } else if (end == DB_GROUP_UNKNOWN || has_changes || b->is_fence_new) {
        book_forget(b);
    }
    b->is_entered = b->is_fence_new = b->has_flushed = false;
    b->group++;
    book_sweep(b, l->options.accounts_max);
}

const struct db_participant participant_functions = {
    .before_request = before_request, .after_request = after_request, .before_commit = before_commit, .after_group = after_group};
