/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The check: everything that is stored, computed again from the transfers.
 *
 *   accounts, holds, blocks   into memory, in the order of their ids
 *   transfers                 one pass by id: their part of their accounts' counters, of their block's sum; holds beside them in the same order
 *   then                      counters, sums and holds are compared, and each ledger must add up to zero
 *
 * All in one db_read, that is as of one moment, while the writer goes on. What a hold holds now depends on its state; that a state is
 * right is found by its ending: a posted one has exactly one posting that names it, an expired one had a timeout. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "business/ledger/room.h"

enum { DIFFERENCES_MAX = 100, PAGE = 50000 };

static const struct db_statement state_row = {
    "ledger.verify_state", "SELECT at_last, blocks, open_transfers, open_sum, seal_high, seal_low FROM ledger_state WHERE id = 1"};
static const struct db_statement blocks_page = {
    "ledger.verify_blocks",
    "SELECT id, transfers, id_max, at_last, sum, seal_high, seal_low FROM ledger_block WHERE id > :after ORDER BY id LIMIT :limit"};
static const struct db_statement accounts_page = {
    "ledger.verify_accounts",
    "SELECT a.id, a.ledger, coalesce(b.debits_pending, -1), coalesce(b.debits_posted, -1), coalesce(b.credits_pending, -1), coalesce(b.credits_posted, -1)"
    " FROM ledger_account a LEFT JOIN ledger_balance b ON b.id = a.id WHERE a.id > :after ORDER BY a.id LIMIT :limit"};
static const struct db_statement holds_page = {
    "ledger.verify_holds", "SELECT id, state, expires_at, ended_at, ended_by FROM ledger_hold WHERE id > :after ORDER BY id LIMIT :limit"};
static const struct db_statement transfers_page = {
    "ledger.verify_transfers",
    "SELECT id, debit_id, credit_id, amount, pending_id, order_id, about_id, tag, timeout_s, ledger, code, flags, at, debit_balance, credit_balance"
    " FROM ledger_transfer WHERE id > :after ORDER BY id LIMIT :limit"};

struct checked_account {
    int64_t id;
    int64_t ledger;
    int64_t stored[4], replayed[4]; /* debits pending, posted, credits pending, posted */
};
struct checked_hold {
    int64_t id, state, expires_at, ended_at, ended_by;
    bool has_transfer, has_ending;
};
struct checked_block {
    int64_t id, transfers, id_max, at_last, sum;
    uint64_t seal[2];
    int64_t replayed;
    uint64_t replayed_sum;
};

/* A growing array of items of one size. */
struct list {
    char *items;
    size_t count, capacity, bytes_each;
};
static void *list_push(struct list *l) {
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? l->capacity * 2 : 1024;
        char *items = mem_realloc_array(l->items, capacity, l->bytes_each);
        if (!items) return NULL;
        l->items = items;
        l->capacity = capacity;
    }
    return memset(l->items + l->count++ * l->bytes_each, 0, l->bytes_each);
}
/* All begin with their id and are in its order. */
static void *list_find(const struct list *l, int64_t id) {
    size_t low = 0, high = l->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int64_t at = *(const int64_t *)(l->items + middle * l->bytes_each);
        if (at == id) return l->items + middle * l->bytes_each;
        if (at < id) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

struct check {
    struct arena *arena;
    const atomic_bool *should_stop;
    void (*progress)(void *user, double fraction);
    void *user;
    struct list accounts, holds, blocks; /* the last of the blocks is the open one */
    struct map by_id;                    /* of accounts */
    size_t hold_at, block_at;
    int64_t after;                       /* the last id of the page */
    size_t page_rows;
    int64_t expected;
    struct ledger_check out;
    struct ledger_difference differences[DIFFERENCES_MAX];
};

static struct ledger_difference *differ(struct check *c, enum ledger_difference_kind kind, const char *field, int64_t stored, int64_t replayed) {
    static _Thread_local struct ledger_difference one_too_many;
    c->out.differences_total++;
    struct ledger_difference *d =
        c->out.difference_count < DIFFERENCES_MAX ? &c->differences[c->out.difference_count++] : &one_too_many;
    *d = (struct ledger_difference){.kind = kind, .field = field, .stored = stored, .replayed = replayed};
    return d;
}

/* --- reading --- */

static struct err page_note(struct check *c, int64_t id) {
    c->after = id;
    c->page_rows++;
    return ERR_OK;
}

static struct err account_row(void *user, const int64_t *v) {
    struct check *c = user;
    struct checked_account *a = list_push(&c->accounts);
    if (!a) return err_memory();
    *a = (struct checked_account){.id = v[0], .ledger = v[1], .stored = {v[2], v[3], v[4], v[5]}};
    return page_note(c, v[0]);
}

static struct err hold_row(void *user, const int64_t *v) {
    struct check *c = user;
    struct checked_hold *h = list_push(&c->holds);
    if (!h) return err_memory();
    *h = (struct checked_hold){.id = v[0], .state = v[1], .expires_at = v[2], .ended_at = v[3], .ended_by = v[4]};
    return page_note(c, v[0]);
}

static struct err block_row(void *user, const int64_t *v) {
    struct check *c = user;
    struct checked_block *b = list_push(&c->blocks);
    if (!b) return err_memory();
    *b = (struct checked_block){.id = v[0], .transfers = v[1], .id_max = v[2], .at_last = v[3], .sum = v[4], .seal = {(uint64_t)v[5], (uint64_t)v[6]}};
    return page_note(c, v[0]);
}

static struct checked_block *block_of(struct check *c, int64_t at) {
    struct checked_block *blocks = (struct checked_block *)c->blocks.items;
    size_t i = c->block_at;
    bool is_here = at <= blocks[i].at_last && (i == 0 || at > blocks[i - 1].at_last);
    if (!is_here) { /* the first whose last is not before it; the open one takes all the rest */
        size_t low = 0, high = c->blocks.count - 1;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (blocks[middle].at_last < at) low = middle + 1;
            else high = middle;
        }
        c->block_at = i = low;
    }
    return &blocks[i];
}

/* The hold beside this transfer; those that are passed over have none. */
static struct checked_hold *hold_beside(struct check *c, int64_t id) {
    struct checked_hold *holds = (struct checked_hold *)c->holds.items;
    while (c->hold_at < c->holds.count && holds[c->hold_at].id < id) c->hold_at++;
    return c->hold_at < c->holds.count && holds[c->hold_at].id == id ? &holds[c->hold_at] : NULL;
}

static struct checked_account *account_of(struct check *c, int64_t id, const struct ledger_transfer *t) {
    struct checked_account *a = map_find(&c->by_id, id);
    if (a && a->ledger == t->ledger) return a;
    differ(c, LEDGER_DIFFERENT_ACCOUNT, "", 0, 0)->transfer_id = t->id;
    return NULL;
}

static struct err transfer_row(void *user, const int64_t *v) {
    struct check *c = user;
    const struct ledger_transfer t = {.id = v[0], .debit_id = v[1], .credit_id = v[2], .amount = v[3], .pending_id = v[4], .order_id = v[5],
                                      .about_id = v[6], .tag = v[7], .timeout_s = (int32_t)v[8], .ledger = (int32_t)v[9], .code = (int32_t)v[10],
                                      .flags = (uint32_t)v[11], .at_ns = v[12], .debit_balance = v[13], .credit_balance = v[14]};
    struct checked_block *block = block_of(c, t.at_ns);
    block->replayed++;
    block->replayed_sum += transfer_sum(&t);
    if (t.at_ns > c->out.at_ns) c->out.at_ns = t.at_ns;

    struct checked_account *debit = account_of(c, t.debit_id, &t), *credit = account_of(c, t.credit_id, &t);
    if (t.flags & LEDGER_PENDING) {
        struct checked_hold *h = hold_beside(c, t.id);
        if (!h) differ(c, LEDGER_DIFFERENT_HOLD, "missing", 0, 0)->transfer_id = t.id;
        else h->has_transfer = true;
        bool is_open = h && h->state == LEDGER_HOLD_OPEN;
        if (debit && is_open) debit->replayed[0] = (int64_t)((uint64_t)debit->replayed[0] + (uint64_t)t.amount);
        if (credit && is_open) credit->replayed[2] = (int64_t)((uint64_t)credit->replayed[2] + (uint64_t)t.amount);
        return page_note(c, t.id);
    }
    if (t.flags & (LEDGER_POST_PENDING | LEDGER_VOID_PENDING)) {
        struct checked_hold *h = list_find(&c->holds, t.pending_id);
        int64_t state = t.flags & LEDGER_POST_PENDING ? LEDGER_HOLD_POSTED : LEDGER_HOLD_VOIDED;
        if (!h || h->ended_by != t.id || h->has_ending || h->state != state || h->ended_at != t.at_ns) {
            struct ledger_difference *d = differ(c, LEDGER_DIFFERENT_HOLD, "ending", h ? h->state : 0, state);
            d->transfer_id = t.pending_id;
        }
        if (h) h->has_ending = true;
    }
    if (t.flags & LEDGER_VOID_PENDING) return page_note(c, t.id);
    if (debit) debit->replayed[1] = (int64_t)((uint64_t)debit->replayed[1] + (uint64_t)t.amount);
    if (credit) credit->replayed[3] = (int64_t)((uint64_t)credit->replayed[3] + (uint64_t)t.amount);
    return page_note(c, t.id);
}

static struct err pages_read(struct check *c, struct db_tx *tx, const struct db_statement *s, db_row_fn *row, int64_t *total) {
    c->after = 0;
    struct err e;
    do {
        if (c->should_stop && atomic_load(c->should_stop)) return err_make(ERR_CANCELLED, "ledger.cancelled", "The check was stopped.");
        c->page_rows = 0;
        e = DB_SCAN(tx, s, row, c, DB_INT("after", c->after), DB_INT("limit", PAGE));
        *total += (int64_t)c->page_rows;
        if (s == &transfers_page && c->progress && c->expected) {
            double fraction = (double)*total / (double)c->expected;
            c->progress(c->user, fraction > 1 ? 1 : fraction);
        }
    } while (!e.kind && c->page_rows == PAGE);
    return e;
}

static struct err check_read(struct db_tx *tx, void *arg) {
    struct check *c = arg;
    c->accounts.count = c->holds.count = c->blocks.count = c->hold_at = c->block_at = 0; /* it may be run again */
    map_empty(&c->by_id);
    c->out = (struct ledger_check){0};
    arena_reset(c->arena);
    struct db_rows rows;
    struct err e = DB_QUERY(tx, c->arena, &rows, &state_row);
    if (!e.kind && rows.count != 1) e = err_make(ERR_IO, "ledger.damaged", "The ledger's state is gone from the database. Restore it from a backup.");
    if (!e.kind) e = pages_read(c, tx, &blocks_page, block_row, &c->out.blocks);
    if (e.kind) return e;
    struct checked_block *open = list_push(&c->blocks);
    if (!open) return err_memory();
    *open = (struct checked_block){.id = db_int(&rows, 0, "blocks") + 1, .transfers = db_int(&rows, 0, "open_transfers"), .at_last = INT64_MAX,
                                   .sum = db_int(&rows, 0, "open_sum"), .seal = {(uint64_t)db_int(&rows, 0, "seal_high"), (uint64_t)db_int(&rows, 0, "seal_low")}};
    c->expected = c->out.blocks * BLOCK_TRANSFERS + open->transfers;
    e = pages_read(c, tx, &accounts_page, account_row, &c->out.accounts);
    for (size_t i = 0; i < c->accounts.count && !e.kind; i++)
        if (!map_put(&c->by_id, c->accounts.items + i * c->accounts.bytes_each)) e = err_memory();
    if (!e.kind) e = pages_read(c, tx, &holds_page, hold_row, &c->out.holds);
    if (!e.kind) e = pages_read(c, tx, &transfers_page, transfer_row, &c->out.transfers);
    return e;
}

/* --- comparing --- */

static void blocks_compare(struct check *c) {
    const struct checked_block *blocks = (const struct checked_block *)c->blocks.items;
    uint64_t seal[2] = {0, 0};
    int64_t from = 0;
    for (size_t i = 0; i < c->blocks.count; i++) {
        const struct checked_block *b = &blocks[i];
        bool is_open = i + 1 == c->blocks.count;
        struct ledger_difference *d = NULL;
        if (b->transfers != b->replayed) d = differ(c, LEDGER_DIFFERENT_BLOCK, "transfers", b->transfers, b->replayed);
        else if ((uint64_t)b->sum != b->replayed_sum) d = differ(c, LEDGER_DIFFERENT_BLOCK, "sum", b->sum, (int64_t)b->replayed_sum);
        if (d) {
            d->block = b->id;
            d->from_ns = from;
            d->to_ns = is_open ? c->out.at_ns : b->at_last;
        }
        from = b->at_last;
        if (!is_open) {
            seal_next(seal, b->id, b->transfers, b->sum, b->at_last);
            c->out.seal_transfers += b->transfers;
        }
        bool is_next = b->id == (int64_t)i + 1;
        if (!is_next || seal[0] != b->seal[0] || seal[1] != b->seal[1]) differ(c, LEDGER_DIFFERENT_SEAL, "", b->id, (int64_t)i + 1)->block = b->id;
        if (!is_open) memcpy(seal, b->seal, sizeof seal); /* one wrong seal is one difference */
    }
    snprintf(c->out.seal, sizeof c->out.seal, "%016llx%016llx", (unsigned long long)seal[0], (unsigned long long)seal[1]);
}

static void holds_compare(struct check *c) {
    const struct checked_hold *holds = (const struct checked_hold *)c->holds.items;
    for (size_t i = 0; i < c->holds.count; i++) {
        const struct checked_hold *h = &holds[i];
        bool is_ended_by_one = h->state == LEDGER_HOLD_POSTED || h->state == LEDGER_HOLD_VOIDED;
        const char *wrong = !h->has_transfer                                                               ? "transfer"
                            : is_ended_by_one && !h->has_ending                                            ? "ending"
                            : h->state == LEDGER_HOLD_EXPIRED && (!h->expires_at || h->ended_at < h->expires_at) ? "expiry"
                            : h->state < LEDGER_HOLD_OPEN || h->state > LEDGER_HOLD_EXPIRED               ? "state"
                                                                                                           : NULL;
        if (wrong) differ(c, LEDGER_DIFFERENT_HOLD, wrong, h->state, 0)->transfer_id = h->id;
    }
}

static int ledger_order(const void *a, const void *b) {
    int64_t x = (*(const struct checked_account *const *)a)->ledger, y = (*(const struct checked_account *const *)b)->ledger;
    return (x > y) - (x < y);
}

static struct err accounts_compare(struct check *c) {
    static const char *const fields[] = {"debits_pending", "debits_posted", "credits_pending", "credits_posted"};
    const struct checked_account *accounts = (const struct checked_account *)c->accounts.items;
    const struct checked_account **sorted = mem_alloc((c->accounts.count + 1) * sizeof *sorted);
    if (!sorted) return err_memory();
    for (size_t i = 0; i < c->accounts.count; i++) {
        sorted[i] = &accounts[i];
        for (size_t k = 0; k < ARRAY_LEN(fields); k++)
            if (accounts[i].stored[k] != accounts[i].replayed[k])
                differ(c, LEDGER_DIFFERENT_COUNTER, fields[k], accounts[i].stored[k], accounts[i].replayed[k])->account_id = accounts[i].id;
    }
    /* What is stored must add up, whatever was replayed. Sums of many accounts may be wider than 64 bits. */
    if (c->accounts.count) qsort(sorted, c->accounts.count, sizeof(struct checked_account *), ledger_order);
    __extension__ typedef __int128 wide;
    for (size_t i = 0; i < c->accounts.count;) {
        int64_t ledger = sorted[i]->ledger;
        wide pending = 0, posted = 0;
        for (; i < c->accounts.count && sorted[i]->ledger == ledger; i++) {
            pending += (wide)sorted[i]->stored[2] - sorted[i]->stored[0];
            posted += (wide)sorted[i]->stored[3] - sorted[i]->stored[1];
        }
        if (posted) differ(c, LEDGER_DIFFERENT_TOTAL, "posted", (int64_t)posted, 0)->ledger = (int32_t)ledger;
        if (pending) differ(c, LEDGER_DIFFERENT_TOTAL, "pending", (int64_t)pending, 0)->ledger = (int32_t)ledger;
    }
    mem_free(sorted);
    return ERR_OK;
}

const char *ledger_difference_word(enum ledger_difference_kind kind) {
    static const char *const words[] = {[LEDGER_DIFFERENT_COUNTER] = "counter", [LEDGER_DIFFERENT_BLOCK] = "block",     [LEDGER_DIFFERENT_HOLD] = "hold",
                                        [LEDGER_DIFFERENT_ACCOUNT] = "account", [LEDGER_DIFFERENT_TOTAL] = "total", [LEDGER_DIFFERENT_SEAL] = "seal"};
    return words[kind];
}

struct err ledger_verify(struct ledger *l, struct arena *arena, const atomic_bool *should_stop, void (*progress)(void *user, double fraction), void *user,
                         struct ledger_check *out) {
    struct mono_time start = clock_mono(clock_system());
    struct check *c = mem_zalloc(sizeof *c);
    if (!c) return err_memory();
    c->arena = arena_create(1 << 20);
    c->should_stop = should_stop;
    c->progress = progress;
    c->user = user;
    c->accounts.bytes_each = sizeof(struct checked_account);
    c->holds.bytes_each = sizeof(struct checked_hold);
    c->blocks.bytes_each = sizeof(struct checked_block);
    struct err e = c->arena ? db_read(l->options.db, check_read, c) : err_memory();
    if (!e.kind) {
        blocks_compare(c);
        holds_compare(c);
        e = accounts_compare(c);
    }
    if (!e.kind) {
        struct slice kept = arena_copy(arena, slice_of((const char *)c->differences, c->out.difference_count * sizeof *c->differences));
        if (!kept.ptr) e = err_memory();
        c->out.differences = (const struct ledger_difference *)(const void *)kept.ptr;
        c->out.seconds = (double)mono_diff_ns(clock_mono(clock_system()), start) / 1e9;
    }
    if (!e.kind) *out = c->out;
    map_free(&c->by_id);
    mem_free(c->accounts.items);
    mem_free(c->holds.items);
    mem_free(c->blocks.items);
    arena_destroy(&c->arena);
    mem_free(c);
    return e;
}

/* --- noting --- */

static const struct db_statement check_insert = {
    "ledger.check_insert", "INSERT INTO ledger_check(id, at, transfers, accounts, differences, seal, seal_transfers, took_ms)"
                           " VALUES (:id, :at, :transfers, :accounts, :differences, :seal, :seal_transfers, :took_ms)"};
static const struct db_statement checks_newest = {
    "ledger.checks_newest", "SELECT at, transfers, accounts, differences, seal, seal_transfers, took_ms FROM ledger_check ORDER BY id DESC LIMIT :limit"};

struct err ledger_check_note(struct ledger *l, struct db_tx *tx, const struct ledger_check *c) {
    return DB_RUN(tx, &check_insert, DB_INT("id", id_next(l->options.ids)), DB_INT("at", clock_utc(l->options.clock).ns), DB_INT("transfers", c->transfers),
                  DB_INT("accounts", c->accounts), DB_INT("differences", c->differences_total), DB_CSTR("seal", c->seal),
                  DB_INT("seal_transfers", c->seal_transfers), DB_INT("took_ms", (int64_t)(c->seconds * 1000)));
}

struct err ledger_checks(struct ledger *l, struct db_tx *tx, struct arena *arena, size_t limit, struct ledger_checks *out) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &checks_newest, DB_INT("limit", limit < 1 ? 1 : limit > 100 ? 100 : (int64_t)limit));
    if (e.kind) return e;
    struct ledger_noted_check *items = arena_alloc_array(arena, rows.count + 1, sizeof *items);
    if (!items) return err_memory();
    for (size_t i = 0; i < rows.count; i++) {
        items[i] = (struct ledger_noted_check){.noted_ns = db_int(&rows, i, "at"),
                                               .transfers = db_int(&rows, i, "transfers"),
                                               .accounts = db_int(&rows, i, "accounts"),
                                               .differences = db_int(&rows, i, "differences"),
                                               .seal_transfers = db_int(&rows, i, "seal_transfers"),
                                               .seconds = (double)db_int(&rows, i, "took_ms") / 1000};
        struct slice seal = db_text(&rows, i, "seal");
        snprintf(items[i].seal, sizeof items[i].seal, "%.*s", SLICE_ARG(seal));
    }
    *out = (struct ledger_checks){items, rows.count};
    return ERR_OK;
}
