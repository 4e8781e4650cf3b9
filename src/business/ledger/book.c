/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The calls that move value: batches and their chains, on the writer thread. What is found out stands in memory at once, is written with the group
 * (group.c), and is taken back by the undo log when a chain or a request fails. */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "business/ledger/room.h"

enum { MOVE_MAX = 64, SCRATCH_BYTES_MAX = 64 << 20 };

static struct err too_many(void) {
    return err_make(ERR_LIMIT, "ledger.batch", "Too many bookings at once. Split them into several requests.");
}

int64_t book_now(struct ledger *l) {
    int64_t now = clock_utc(l->options.clock).ns;
    int64_t *last = &l->book.state.at_last;
    *last = now > *last ? now : *last + 1;
    return *last;
}

/* --- into memory --- */

static struct err account_take(struct ledger *l, const struct ledger_account *stored, struct account **out) {
    struct account *a = book_account_add(&l->book, stored->id);
    if (!a) return err_memory();
    a->a = *stored;
    count_up(&l->counters.accounts_loaded, 1);
    *out = a;
    return ERR_OK;
}

struct err account_need(struct ledger *l, struct db_tx *tx, int64_t id, struct account **out) {
    struct account *a = book_account(&l->book, id);
    if (a) {
        a->touched = l->book.group;
        *out = a;
        return ERR_OK;
    }
    struct arena *arena = arena_create(64 << 10);
    if (!arena) return err_memory();
    struct ledger_account stored;
    bool was_found = false;
    struct err e = sql_account(tx, arena, id, &stored, &was_found);
    arena_destroy(&arena);
    *out = NULL;
    return e.kind || !was_found ? e : account_take(l, &stored, out);
}

static struct err hold_take(struct ledger *l, const struct hold *stored, struct hold **out) {
    struct hold *h = book_hold_add(&l->book, stored->t.id);
    if (!h) return err_memory();
    bool is_dirty = h->is_dirty;
    *h = *stored;
    h->is_dirty = is_dirty;
    h->touched = l->book.group;
    *out = h;
    return ERR_OK;
}

struct err hold_need(struct ledger *l, struct db_tx *tx, int64_t id, struct hold **out) {
    *out = book_hold(&l->book, id);
    if (*out) return ERR_OK;
    const struct recent *r = book_recent(&l->book, id);
    if (r && (r->is_refused || !(r->t.flags & LEDGER_PENDING))) return ERR_OK;
    if (!r && id > l->book.window_low) return ERR_OK;
    struct arena *arena = arena_create(64 << 10);
    if (!arena) return err_memory();
    struct hold stored;
    bool was_found = false;
    struct err e = sql_hold(tx, arena, id, &stored, &was_found);
    arena_destroy(&arena);
    return e.kind || !was_found ? e : hold_take(l, &stored, out);
}

struct err transfer_need(struct ledger *l, struct db_tx *tx, int64_t id, struct recent *out, bool *was_found) {
    const struct recent *r = book_recent(&l->book, id);
    *was_found = r != NULL;
    if (r) *out = *r;
    if (r || id > l->book.window_low) return ERR_OK;
    count_up(&l->counters.transfers_looked_up, 1);
    struct arena *arena = arena_create(64 << 10);
    if (!arena) return err_memory();
    struct err e = sql_transfer(tx, arena, id, out, was_found);
    arena_destroy(&arena);
    return e;
}

/* A batch would ask for its accounts one by one, each a way to the server and back: what is not in memory is fetched at once. */
static size_t missing_add(const struct map *m, int64_t id, int64_t *ids, size_t count) {
    if (id > 0 && !map_find(m, id)) ids[count++] = id;
    return count;
}
static struct err batch_prefetch(struct ledger *l, struct db_tx *tx, const struct ledger_transfer *t, size_t count) {
    if (db_tx_engine(tx) != DB_POSTGRES || count < 2) return ERR_OK;
    struct book *b = &l->book;
    struct arena *arena = arena_create(SCRATCH_BYTES_MAX);
    int64_t *ids = arena ? arena_alloc_array(arena, count * 2, sizeof *ids) : NULL;
    struct err e = ids ? ERR_OK : err_memory();
    size_t wanted = 0;
    struct db_rows rows = {0};
    for (size_t i = 0; i < count && !e.kind; i++)
        if (t[i].pending_id <= b->window_low) wanted = missing_add(&b->holds, t[i].pending_id, ids, wanted);
    if (wanted && !e.kind) e = DB_QUERY(tx, arena, &rows, &holds_by_ids, DB_INTS("ids", ids, wanted));
    for (size_t i = 0; wanted && !e.kind && i < rows.count; i++) {
        struct hold stored, *hold;
        row_hold(&rows, i, &stored);
        if (!map_find(&b->holds, stored.t.id)) e = hold_take(l, &stored, &hold);
    }
    wanted = 0;
    for (size_t i = 0; i < count && !e.kind; i++) {
        const struct hold *hold = t[i].pending_id ? book_hold(b, t[i].pending_id) : NULL;
        wanted = missing_add(&b->accounts, hold ? hold->t.debit_id : t[i].debit_id, ids, wanted);
        wanted = missing_add(&b->accounts, hold ? hold->t.credit_id : t[i].credit_id, ids, wanted);
    }
    if (wanted && !e.kind) e = DB_QUERY(tx, arena, &rows, &accounts_by_ids, DB_INTS("ids", ids, wanted));
    for (size_t i = 0; wanted && !e.kind && i < rows.count; i++) {
        struct ledger_account stored;
        struct account *account;
        row_account(&rows, i, &stored);
        if (!map_find(&b->accounts, stored.id)) e = account_take(l, &stored, &account);
    }
    arena_destroy(&arena);
    return e;
}

/* --- changing --- */

/* Everything that can fail for lack of memory, before anything is changed. */
static struct err change_prepare(struct book *b, struct account *debit, struct account *credit, struct hold *hold) {
    if (!book_reserve_undo(b, 4)) return err_memory();
    struct account *accounts[] = {debit, credit};
    for (size_t i = 0; i < ARRAY_LEN(accounts); i++) {
        if (!accounts[i] || accounts[i]->is_dirty) continue;
        if (!vector_push(&b->dirty, accounts[i])) return err_memory();
        accounts[i]->is_dirty = true;
    }
    if (hold && !hold->is_dirty) {
        if (!vector_push(&b->dirty_holds, hold)) return err_memory();
        hold->is_dirty = true;
    }
    return ERR_OK;
}

/* What a hold took is given back. */
static void hold_end(struct book *b, struct hold *h, struct account *debit, struct account *credit, enum ledger_hold state, int64_t at, int64_t by) {
    book_touch_hold(b, h);
    h->state = state;
    h->ended_at = at;
    h->ended_by = by;
    debit->a.debits_pending -= h->t.amount;
    credit->a.credits_pending -= h->t.amount;
    if (state == LEDGER_HOLD_POSTED) return;
    if (h->t.flags & LEDGER_CLOSING_DEBIT) debit->a.flags &= ~(uint32_t)LEDGER_CLOSED;
    if (h->t.flags & LEDGER_CLOSING_CREDIT) credit->a.flags &= ~(uint32_t)LEDGER_CLOSED;
}

static struct err transfer_do(struct ledger *l, const struct judgement *j) {
    struct book *b = &l->book;
    const struct ledger_transfer *t = &j->stored;
    bool is_pending = t->flags & LEDGER_PENDING, is_void = t->flags & LEDGER_VOID_PENDING;
    struct hold *new_hold = NULL;
    struct err e = change_prepare(b, j->debit, j->credit, j->hold);
    if (!e.kind && is_pending) {
        new_hold = book_hold_add(b, t->id);
        if (!new_hold) return err_memory();
        new_hold->is_absent = true; /* until nothing can fail any more */
        e = change_prepare(b, NULL, NULL, new_hold);
    }
    if (e.kind) return e;

    struct ledger_account *dr = &j->debit->a, *cr = &j->credit->a;
    book_touch(b, j->debit);
    book_touch(b, j->credit);
    if (j->hold) hold_end(b, j->hold, j->debit, j->credit, is_void ? LEDGER_HOLD_VOIDED : LEDGER_HOLD_POSTED, t->at_ns, t->id);
    if (is_pending) {
        dr->debits_pending += t->amount;
        cr->credits_pending += t->amount;
        if (t->flags & LEDGER_CLOSING_DEBIT) dr->flags |= LEDGER_CLOSED;
        if (t->flags & LEDGER_CLOSING_CREDIT) cr->flags |= LEDGER_CLOSED;
    } else if (!is_void) {
        dr->debits_posted += t->amount;
        cr->credits_posted += t->amount;
    }
    struct recent *r = book_recent_push(b, t->id);
    r->t = *t;
    r->t.debit_balance = ledger_balance(dr);
    r->t.credit_balance = ledger_balance(cr);
    if (new_hold) {
        new_hold->t = r->t;
        new_hold->state = LEDGER_HOLD_OPEN;
        new_hold->expires_at = j->expires_at;
        new_hold->ended_at = new_hold->ended_by = 0;
        new_hold->is_absent = false;
        b->undo[b->undo_count++] = (struct undo){.what = UNDO_HELD, .hold = new_hold};
    }
    return ERR_OK;
}

/* --- batches: of accounts and of transfers, which have the same chains --- */

struct batch {
    struct ledger *ledger;
    struct db_tx *tx;
    enum ledger_result *results;
    size_t count;
    /* Does the i-th. *is_final: its id is used up by the refusal. */
    struct err (*step)(struct batch *, size_t i, bool *is_final);
    bool (*is_linked)(const struct batch *, size_t i);
    int64_t (*id_of)(const struct batch *, size_t i);
    const void *items;
    bool are_new; /* accounts: nobody has used their ids before */
};

static struct err batch_run(struct batch *batch) {
    struct book *b = &batch->ledger->book;
    bool is_in_chain = false, is_broken = false;
    size_t chain_start = 0, undo_start = 0;
    uint64_t head_start = 0;
    struct err e = ERR_OK;
    for (size_t i = 0; i < batch->count && !e.kind; i++) {
        bool is_linked = batch->is_linked(batch, i), is_final = false;
        if (is_linked && !is_in_chain) {
            is_in_chain = true;
            is_broken = false;
            chain_start = i;
            undo_start = b->undo_count;
            head_start = b->ring_head;
        }
        bool is_open_end = is_linked && i + 1 == batch->count;
        if (is_open_end) batch->results[i] = LEDGER_LINKED_EVENT_CHAIN_OPEN;
        else if (is_in_chain && is_broken) batch->results[i] = LEDGER_LINKED_EVENT_FAILED;
        else e = batch->step(batch, i, &is_final);
        if (e.kind) break;
        if (batch->results[i] != LEDGER_CREATED && is_in_chain && !is_broken) {
            is_broken = true;
            book_undo(b, undo_start, head_start);
            for (size_t k = chain_start; k < i; k++) batch->results[k] = LEDGER_LINKED_EVENT_FAILED;
        }
        if (is_final) {
            struct recent *r = book_recent_push(b, batch->id_of(batch, i));
            r->is_refused = true;
            r->t.at_ns = b->state.at_last;
        }
        if (is_in_chain && !is_linked) is_in_chain = false;
    }
    return e;
}

static const struct ledger_transfer *transfer_at(const struct batch *b, size_t i) { return &((const struct ledger_transfer *)b->items)[i]; }
static bool transfer_is_linked(const struct batch *b, size_t i) { return transfer_at(b, i)->flags & LEDGER_LINKED; }
static int64_t transfer_id(const struct batch *b, size_t i) { return transfer_at(b, i)->id; }
static struct err transfer_step(struct batch *batch, size_t i, bool *is_final) {
    struct judgement j;
    struct err e = transfer_judge(batch->ledger, batch->tx, transfer_at(batch, i), book_now(batch->ledger), &j);
    if (!e.kind && j.result == LEDGER_CREATED) e = transfer_do(batch->ledger, &j);
    if (e.kind) return e;
    batch->results[i] = j.result;
    *is_final = j.is_final;
    count_up(j.result == LEDGER_CREATED ? &batch->ledger->counters.transfers : &batch->ledger->counters.refused, 1);
    return ERR_OK;
}

struct err ledger_transfer(struct ledger *l, struct db_tx *tx, const struct ledger_transfer *transfers, size_t count, enum ledger_result *results) {
    struct book *b = &l->book;
    struct err e = book_enter(l, tx);
    if (e.kind) return e;
    if (count > LEDGER_BATCH_MAX || !book_has_room(b, count)) return too_many();
    e = batch_prefetch(l, tx, transfers, count);
    if (e.kind) return e;
    struct batch batch = {.ledger = l, .tx = tx, .results = results, .count = count, .step = transfer_step, .is_linked = transfer_is_linked,
                          .id_of = transfer_id, .items = transfers};
    return batch_run(&batch);
}

struct err ledger_move(struct ledger *l, struct db_tx *tx, const struct ledger_transfer *transfers, size_t count) {
    struct ledger_transfer chain[MOVE_MAX];
    enum ledger_result results[MOVE_MAX];
    if (!count) return ERR_OK;
    if (count > MOVE_MAX) return too_many();
    for (size_t i = 0; i < count; i++) {
        chain[i] = transfers[i];
        chain[i].flags = (chain[i].flags & ~(uint32_t)LEDGER_LINKED) | (i + 1 < count ? LEDGER_LINKED : 0);
    }
    struct err e = book_enter(l, tx);
    if (e.kind) return e;
    /* Done before? A chain is there as a whole or not at all, so its first one tells; the others must be the same too. */
    struct recent first;
    bool was_found;
    e = transfer_need(l, tx, chain[0].id, &first, &was_found);
    if (e.kind) return e;
    bool is_again = was_found && !first.is_refused;
    for (size_t i = 0; is_again && i < count; i++) {
        struct judgement j;
        e = transfer_judge(l, tx, &chain[i], l->book.state.at_last, &j);
        if (e.kind) return e;
        if (j.result == LEDGER_CREATED) return ledger_result_error(LEDGER_LINKED_EVENT_FAILED); /* fewer were booked then than are now */
        if (j.result != LEDGER_EXISTS) return ledger_result_error(j.result);
    }
    if (is_again) return ERR_OK;
    e = ledger_transfer(l, tx, chain, count, results);
    if (e.kind) return e;
    for (size_t i = 0; i < count; i++)
        if (results[i] != LEDGER_CREATED && results[i] != LEDGER_LINKED_EVENT_FAILED) return ledger_result_error(results[i]);
    return ERR_OK;
}

/* --- accounts --- */

static const struct ledger_account *account_at(const struct batch *b, size_t i) { return &((const struct ledger_account *)b->items)[i]; }
static bool account_is_linked(const struct batch *b, size_t i) { return account_at(b, i)->flags & LEDGER_ACCOUNT_LINKED; }
static int64_t account_id(const struct batch *b, size_t i) { return account_at(b, i)->id; }
static struct err account_step(struct batch *batch, size_t i, bool *is_final) {
    struct ledger *l = batch->ledger;
    struct book *b = &l->book;
    const struct ledger_account *given = account_at(batch, i);
    struct account *existing = NULL;
    struct err e = given->id > 0 && !batch->are_new ? account_need(l, batch->tx, given->id, &existing) : ERR_OK;
    if (e.kind) return e;
    batch->results[i] = account_judge(given, existing);
    if (batch->results[i] != LEDGER_CREATED) return ERR_OK;
    if (!book_reserve_undo(b, 1)) return err_memory();
    struct account *a = book_account_add(b, given->id);
    if (!a) return err_memory();
    a->a = *given;
    a->a.at_ns = book_now(l);
    a->a.public_id = public_id_near(given->id);
    b->undo[b->undo_count++] = (struct undo){.what = UNDO_OPENED, .account = a};
    return ERR_OK;
}

static struct err account_store(struct db_tx *tx, const struct ledger_account *a) {
    struct err e = DB_RUN(tx, &account_insert, DB_INT("id", a->id), DB_INT("org_id", a->org_id), DB_TEXT("public_id", public_id_slice(&a->public_id)),
                          DB_INT("ledger", a->ledger), DB_INT("code", a->code), DB_INT("owner_id", a->owner_id), DB_INT("about_id", a->about_id),
                          DB_INT("tag", a->tag), DB_INT("flags", a->flags & ~(uint32_t)LEDGER_CLOSED), DB_INT("at", a->at_ns));
    return e.kind ? e : DB_RUN(tx, &balance_insert, DB_INT("id", a->id), DB_BOOL("is_closed", a->flags & LEDGER_CLOSED));
}

/* Accounts are few: they are written in their own request, which takes them back with its savepoint. */
static struct err accounts_store(struct ledger *l, struct db_tx *tx, const struct ledger_account *given, size_t count, const enum ledger_result *results) {
    struct err e = ERR_OK;
    for (size_t i = 0; i < count && !e.kind; i++)
        if (results[i] == LEDGER_CREATED) e = account_store(tx, &book_account(&l->book, given[i].id)->a);
    if (!e.kind && count) l->book.has_flushed = true;
    return e;
}

static struct err accounts_open(struct ledger *l, struct db_tx *tx, const struct ledger_account *accounts, size_t count, bool are_new, enum ledger_result *results) {
    if (count > LEDGER_BATCH_MAX) return too_many();
    struct err e = book_enter(l, tx);
    if (e.kind) return e;
    struct batch batch = {.ledger = l, .tx = tx, .results = results, .count = count, .step = account_step, .is_linked = account_is_linked,
                          .id_of = account_id, .items = accounts, .are_new = are_new};
    e = batch_run(&batch);
    return e.kind ? e : accounts_store(l, tx, accounts, count, results);
}

struct err ledger_accounts_open(struct ledger *l, struct db_tx *tx, const struct ledger_account *accounts, size_t count, enum ledger_result *results) {
    return accounts_open(l, tx, accounts, count, false, results);
}

struct err ledger_account_for(struct ledger *l, struct db_tx *tx, int64_t org_id, int32_t ledger, int32_t code, int64_t owner_id, uint32_t flags,
                              int64_t *id) {
    if (org_id <= 0 || ledger <= 0 || code <= 0 || owner_id < 0 || flags & LEDGER_ACCOUNT_LINKED)
        return err_make(ERR_INPUT, "ledger.account", "An account needs an organisation, a unit and a code.");
    /* Nobody who opens a household's account may forget that it is never overdrawn. */
    if (code == LEDGER_CODE_CREDIT || code == LEDGER_CODE_VOUCHERS) flags |= LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS;
    struct book *b = &l->book;
    struct err e = book_enter(l, tx);
    if (e.kind) return e;
    struct account *a = book_account_by_key(b, org_id, ledger, code, owner_id);
    if (a) {
        a->touched = b->group;
        *id = a->a.id;
        return ERR_OK;
    }
    struct arena *arena = arena_create(64 << 10);
    if (!arena) return err_memory();
    struct ledger_account stored = {.org_id = org_id, .ledger = ledger, .code = code, .owner_id = owner_id, .flags = flags};
    bool was_found = false;
    e = sql_account_by_key(tx, arena, org_id, ledger, code, owner_id, &stored, &was_found);
    arena_destroy(&arena);
    if (!e.kind && !was_found) {
        enum ledger_result result;
        stored.id = id_next(l->options.ids);
        e = accounts_open(l, tx, &stored, 1, true, &result);
        if (!e.kind) e = ledger_result_error(result);
    }
    if (!e.kind) e = account_need(l, tx, stored.id, &a); /* with the counters of this group, where it was in memory already */
    if (e.kind) return e;
    if (!a) return ledger_missing();
    book_key_add(b, a);
    *id = a->a.id;
    return ERR_OK;
}

/* --- crossing units --- */

struct err ledger_cross(struct ledger *l, struct db_tx *tx, const struct ledger_crossing *c, int64_t *amount_in) {
    struct err bad_rate = err_make(ERR_INPUT, "ledger.rate", "A rate is a fraction of two whole numbers above zero.");
    if (c->numerator <= 0 || c->denominator <= 0 || c->amount < 0) return bad_rate;
    __extension__ typedef __int128 wide;
    wide product = (wide)c->amount * c->numerator / c->denominator;
    if (product > INT64_MAX) return err_make(ERR_LIMIT, "ledger.rate", "The amount is too large in the other unit.");
    struct err e = book_enter(l, tx);
    struct account *from = NULL, *to = NULL;
    if (!e.kind) e = account_need(l, tx, c->from_id, &from);
    if (!e.kind) e = account_need(l, tx, c->to_id, &to);
    if (e.kind) return e;
    if (!from) return ledger_result_error(LEDGER_DEBIT_NOT_FOUND);
    if (!to) return ledger_result_error(LEDGER_CREDIT_NOT_FOUND);
    if (from->a.org_id != to->a.org_id) return ledger_result_error(LEDGER_ACCOUNTS_MUST_HAVE_THE_SAME_ORGANISATION);
    int64_t liquidity_from, liquidity_to;
    e = ledger_account_for(l, tx, from->a.org_id, from->a.ledger, LEDGER_CODE_LIQUIDITY, 0, 0, &liquidity_from);
    if (!e.kind) e = ledger_account_for(l, tx, from->a.org_id, to->a.ledger, LEDGER_CODE_LIQUIDITY, 0, 0, &liquidity_to);
    if (e.kind) return e;
    const struct ledger_transfer both[] = {
        {.id = c->id_out, .debit_id = c->from_id, .credit_id = liquidity_from, .amount = c->amount, .order_id = c->order_id, .about_id = c->about_id,
         .tag = c->tag, .ledger = from->a.ledger, .code = c->code},
        {.id = c->id_in, .debit_id = liquidity_to, .credit_id = c->to_id, .amount = (int64_t)product, .order_id = c->order_id, .about_id = c->about_id,
         .tag = c->tag, .ledger = to->a.ledger, .code = c->code},
    };
    e = ledger_move(l, tx, both, ARRAY_LEN(both));
    for (size_t i = 0; i < ARRAY_LEN(both) && !e.kind; i++)
        e = DB_RUN(tx, &rate_insert, DB_INT("id", both[i].id), DB_INT("other_id", both[1 - i].id), DB_INT("numerator", c->numerator),
                   DB_INT("denominator", c->denominator));
    if (!e.kind) l->book.has_flushed = true;
    if (!e.kind) *amount_in = (int64_t)product;
    return e;
}

/* --- expiry --- */

static struct err hold_expire(struct ledger *l, struct db_tx *tx, const struct hold *stored, struct utc_time now, size_t *count) {
    struct book *b = &l->book;
    struct hold *h = map_find(&b->holds, stored->t.id);
    struct account *debit = NULL, *credit = NULL;
    struct err e = ERR_OK;
    if (!h) e = hold_take(l, stored, &h);
    if (e.kind || h->is_absent || h->state != LEDGER_HOLD_OPEN || !h->expires_at || h->expires_at > now.ns) return e; /* ended in this group */
    e = account_need(l, tx, h->t.debit_id, &debit);
    if (!e.kind) e = account_need(l, tx, h->t.credit_id, &credit);
    if (!e.kind && (!debit || !credit)) return ERR_OK; /* damaged: the check names it, and others must not wait for it */
    if (!e.kind) e = change_prepare(b, debit, credit, h);
    if (e.kind) return e;
    book_touch(b, debit);
    book_touch(b, credit);
    hold_end(b, h, debit, credit, LEDGER_HOLD_EXPIRED, book_now(l), 0);
    count_up(&l->counters.expired, 1);
    ++*count;
    return ERR_OK;
}

struct err ledger_expire(struct ledger *l, struct db_tx *tx, struct utc_time now, size_t *count) {
    struct book *b = &l->book;
    size_t expired = 0;
    struct err e = book_enter(l, tx);
    if (e.kind) return e;
    struct arena *arena = arena_create(SCRATCH_BYTES_MAX);
    if (!arena) return err_memory();
    struct db_rows rows = {0};
    e = DB_QUERY(tx, arena, &rows, &holds_due, DB_INT("now", now.ns), DB_INT("limit", DUE_MAX));
    for (size_t i = 0; i < rows.count && !e.kind; i++) {
        struct hold stored;
        row_hold(&rows, i, &stored);
        e = hold_expire(l, tx, &stored, now, &expired);
    }
    /* Those of this group are not in the table yet. */
    for (size_t i = 0; i < b->dirty_holds.count && !e.kind; i++) e = hold_expire(l, tx, b->dirty_holds.items[i], now, &expired);
    arena_destroy(&arena);
    if (!e.kind && count) *count = expired;
    return e;
}
