/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Random sequences of everything, against a model that is too simple to be wrong: arrays searched from one end, numbers of 128 bits, a copy
 * of the whole world before each request that may fail. On both databases, from the same seed, so both give the same results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "business/ledger/ledger.h"
#include "store.h"

__extension__ typedef __int128 wide;
enum { ACCOUNTS = 14, TRANSFERS_MAX = 6000, REFUSED_MAX = 3000, ORG = 3, BATCH = 8 };
static const wide largest = INT64_MAX;
static const int64_t start_ns = INT64_C(1760000000) * NS_PER_S, step_ns = 370 * NS_PER_MS; /* no sum of steps below 37 s is a whole second */

/* --- the model --- */

struct m_transfer {
    struct ledger_transfer t;
    enum ledger_hold hold;
    int64_t expires_at;
};
struct model {
    struct ledger_account accounts[ACCOUNTS];
    struct m_transfer transfers[TRANSFERS_MAX];
    int64_t refused[REFUSED_MAX];
    int transfer_count, refused_count;
    int64_t now;
};

static struct ledger_account *m_account(struct model *m, int64_t id) {
    for (int i = 0; i < ACCOUNTS; i++)
        if (m->accounts[i].id == id) return &m->accounts[i];
    return NULL;
}
static struct m_transfer *m_find(struct model *m, int64_t id) {
    for (int i = 0; i < m->transfer_count; i++)
        if (m->transfers[i].t.id == id) return &m->transfers[i];
    return NULL;
}
static bool is_ending(const struct ledger_transfer *t) { return t->flags & (LEDGER_POST_PENDING | LEDGER_VOID_PENDING); }

static enum ledger_result m_exists(struct model *m, const struct ledger_transfer *t, const struct ledger_transfer *e) {
    if (t->flags != e->flags) return LEDGER_EXISTS_WITH_DIFFERENT_FLAGS;
    if (t->pending_id != e->pending_id) return LEDGER_EXISTS_WITH_DIFFERENT_PENDING_ID;
    struct ledger_transfer want = *t;
    if (is_ending(t)) { /* what was left open was filled in from the hold */
        const struct ledger_transfer *p = &m_find(m, e->pending_id)->t;
        if (!want.debit_id) want.debit_id = p->debit_id;
        if (!want.credit_id) want.credit_id = p->credit_id;
        if (!want.order_id) want.order_id = p->order_id;
        if (!want.ledger) want.ledger = p->ledger;
        if (!want.code) want.code = p->code;
        if (want.amount == (t->flags & LEDGER_VOID_PENDING ? 0 : INT64_MAX)) want.amount = p->amount;
    }
    bool is_balancing = t->flags & (LEDGER_BALANCING_DEBIT | LEDGER_BALANCING_CREDIT);
    if (want.debit_id != e->debit_id) return LEDGER_EXISTS_WITH_DIFFERENT_DEBIT_ID;
    if (want.credit_id != e->credit_id) return LEDGER_EXISTS_WITH_DIFFERENT_CREDIT_ID;
    if (is_balancing ? want.amount < e->amount : want.amount != e->amount) return LEDGER_EXISTS_WITH_DIFFERENT_AMOUNT;
    if (want.order_id != e->order_id) return LEDGER_EXISTS_WITH_DIFFERENT_OWNER;
    if (want.timeout_s != e->timeout_s && !is_ending(t)) return LEDGER_EXISTS_WITH_DIFFERENT_TIMEOUT;
    if (want.ledger != e->ledger) return LEDGER_EXISTS_WITH_DIFFERENT_LEDGER;
    return want.code != e->code ? LEDGER_EXISTS_WITH_DIFFERENT_CODE : LEDGER_EXISTS;
}

static void m_release(struct model *m, struct m_transfer *p, enum ledger_hold state) {
    struct ledger_account *dr = m_account(m, p->t.debit_id), *cr = m_account(m, p->t.credit_id);
    p->hold = state;
    dr->debits_pending -= p->t.amount;
    cr->credits_pending -= p->t.amount;
    if (state != LEDGER_HOLD_POSTED && p->t.flags & LEDGER_CLOSING_DEBIT) dr->flags &= ~(uint32_t)LEDGER_CLOSED;
    if (state != LEDGER_HOLD_POSTED && p->t.flags & LEDGER_CLOSING_CREDIT) cr->flags &= ~(uint32_t)LEDGER_CLOSED;
}

static enum ledger_result m_end(struct model *m, const struct ledger_transfer *t, struct ledger_transfer *kept) {
    bool is_void = t->flags & LEDGER_VOID_PENDING;
    if ((t->flags & ~(uint32_t)LEDGER_LINKED) != (is_void ? LEDGER_VOID_PENDING : LEDGER_POST_PENDING)) return LEDGER_FLAGS_ARE_MUTUALLY_EXCLUSIVE;
    if (!t->pending_id) return LEDGER_PENDING_ID_MUST_NOT_BE_ZERO;
    if (t->pending_id == t->id) return LEDGER_PENDING_ID_MUST_BE_DIFFERENT;
    if (t->timeout_s) return LEDGER_TIMEOUT_RESERVED_FOR_PENDING;
    struct m_transfer *p = m_find(m, t->pending_id);
    if (!p) return LEDGER_PENDING_NOT_FOUND;
    if (!(p->t.flags & LEDGER_PENDING)) return LEDGER_PENDING_NOT_PENDING;
    if (t->debit_id && t->debit_id != p->t.debit_id) return LEDGER_PENDING_HAS_DIFFERENT_DEBIT_ID;
    if (t->credit_id && t->credit_id != p->t.credit_id) return LEDGER_PENDING_HAS_DIFFERENT_CREDIT_ID;
    if (t->ledger && t->ledger != p->t.ledger) return LEDGER_PENDING_HAS_DIFFERENT_LEDGER;
    if (t->code && t->code != p->t.code) return LEDGER_PENDING_HAS_DIFFERENT_CODE;
    wide amount = t->amount == (is_void ? 0 : INT64_MAX) ? p->t.amount : t->amount;
    if (amount > p->t.amount) return LEDGER_EXCEEDS_PENDING_AMOUNT;
    if (is_void && amount < p->t.amount) return LEDGER_PENDING_HAS_DIFFERENT_AMOUNT;
    if (p->hold == LEDGER_HOLD_POSTED) return LEDGER_PENDING_ALREADY_POSTED;
    if (p->hold == LEDGER_HOLD_VOIDED) return LEDGER_PENDING_ALREADY_VOIDED;
    if (p->hold == LEDGER_HOLD_EXPIRED || (p->expires_at && p->expires_at <= m->now)) return LEDGER_PENDING_EXPIRED;
    struct ledger_account *dr = m_account(m, p->t.debit_id), *cr = m_account(m, p->t.credit_id);
    if (!is_void && dr->flags & LEDGER_CLOSED) return LEDGER_DEBIT_ALREADY_CLOSED;
    if (!is_void && cr->flags & LEDGER_CLOSED) return LEDGER_CREDIT_ALREADY_CLOSED;
    *kept = p->t;
    kept->id = t->id;
    kept->flags = t->flags;
    kept->pending_id = t->pending_id;
    kept->timeout_s = 0;
    kept->amount = (int64_t)amount;
    if (t->order_id) kept->order_id = t->order_id;
    m_release(m, p, is_void ? LEDGER_HOLD_VOIDED : LEDGER_HOLD_POSTED);
    if (!is_void) {
        dr->debits_posted += (int64_t)amount;
        cr->credits_posted += (int64_t)amount;
    }
    return LEDGER_CREATED;
}

static enum ledger_result m_plain(struct model *m, const struct ledger_transfer *t, struct ledger_transfer *kept) {
    bool is_pending = t->flags & LEDGER_PENDING;
    if (!t->debit_id) return LEDGER_DEBIT_ID_MUST_NOT_BE_ZERO;
    if (!t->credit_id) return LEDGER_CREDIT_ID_MUST_NOT_BE_ZERO;
    if (t->debit_id == t->credit_id) return LEDGER_ACCOUNTS_MUST_BE_DIFFERENT;
    if (t->pending_id) return LEDGER_PENDING_ID_MUST_BE_ZERO;
    if (!is_pending && t->timeout_s) return LEDGER_TIMEOUT_RESERVED_FOR_PENDING;
    if (!is_pending && t->flags & (LEDGER_CLOSING_DEBIT | LEDGER_CLOSING_CREDIT)) return LEDGER_CLOSING_MUST_BE_PENDING;
    if (!t->ledger) return LEDGER_LEDGER_MUST_NOT_BE_ZERO;
    if (!t->code) return LEDGER_CODE_MUST_NOT_BE_ZERO;
    struct ledger_account *dr = m_account(m, t->debit_id), *cr = m_account(m, t->credit_id);
    if (!dr) return LEDGER_DEBIT_NOT_FOUND;
    if (!cr) return LEDGER_CREDIT_NOT_FOUND;
    if (dr->org_id != cr->org_id) return LEDGER_ACCOUNTS_MUST_HAVE_THE_SAME_ORGANISATION;
    if (dr->ledger != cr->ledger) return LEDGER_ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER;
    if (t->ledger != dr->ledger) return LEDGER_TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS;
    if (dr->flags & LEDGER_CLOSED) return LEDGER_DEBIT_ALREADY_CLOSED;
    if (cr->flags & LEDGER_CLOSED) return LEDGER_CREDIT_ALREADY_CLOSED;
    wide amount = t->amount, has = (wide)dr->credits_posted - dr->debits_posted - dr->debits_pending,
         lacks = (wide)cr->debits_posted - cr->credits_posted - cr->credits_pending;
    if (t->flags & LEDGER_BALANCING_DEBIT && amount > has) amount = has < 0 ? 0 : has;
    if (t->flags & LEDGER_BALANCING_CREDIT && amount > lacks) amount = lacks < 0 ? 0 : lacks;
    if (is_pending && amount + dr->debits_pending > largest) return LEDGER_OVERFLOWS_DEBITS_PENDING;
    if (is_pending && amount + cr->credits_pending > largest) return LEDGER_OVERFLOWS_CREDITS_PENDING;
    if (amount + dr->debits_posted > largest) return LEDGER_OVERFLOWS_DEBITS_POSTED;
    if (amount + cr->credits_posted > largest) return LEDGER_OVERFLOWS_CREDITS_POSTED;
    if (amount + dr->debits_posted + dr->debits_pending > largest) return LEDGER_OVERFLOWS_DEBITS;
    if (amount + cr->credits_posted + cr->credits_pending > largest) return LEDGER_OVERFLOWS_CREDITS;
    if (dr->flags & LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS && amount > has) return LEDGER_EXCEEDS_CREDITS;
    if (cr->flags & LEDGER_CREDITS_MUST_NOT_EXCEED_DEBITS && amount > lacks) return LEDGER_EXCEEDS_DEBITS;
    *kept = *t;
    kept->amount = (int64_t)amount;
    *(is_pending ? &dr->debits_pending : &dr->debits_posted) += kept->amount;
    *(is_pending ? &cr->credits_pending : &cr->credits_posted) += kept->amount;
    if (t->flags & LEDGER_CLOSING_DEBIT) dr->flags |= LEDGER_CLOSED;
    if (t->flags & LEDGER_CLOSING_CREDIT) cr->flags |= LEDGER_CLOSED;
    return LEDGER_CREATED;
}

static bool uses_id_up(enum ledger_result r) {
    return r == LEDGER_DEBIT_NOT_FOUND || r == LEDGER_CREDIT_NOT_FOUND || r == LEDGER_PENDING_NOT_FOUND || r == LEDGER_EXCEEDS_CREDITS || r == LEDGER_EXCEEDS_DEBITS ||
           r == LEDGER_DEBIT_ALREADY_CLOSED || r == LEDGER_CREDIT_ALREADY_CLOSED;
}

static enum ledger_result m_transfer(struct model *m, const struct ledger_transfer *t) {
    if (t->flags >= 256) return LEDGER_RESERVED_FLAG;
    if (t->amount < 0) return LEDGER_NUMBER_MUST_NOT_BE_NEGATIVE;
    for (int i = 0; i < m->refused_count; i++)
        if (m->refused[i] == t->id) return LEDGER_ID_ALREADY_FAILED;
    const struct m_transfer *e = m_find(m, t->id);
    if (e) return m_exists(m, t, &e->t);
    struct ledger_transfer kept;
    enum ledger_result r = is_ending(t) ? m_end(m, t, &kept) : m_plain(m, t, &kept);
    if (r != LEDGER_CREATED) return r;
    assert_true(m->transfer_count < TRANSFERS_MAX);
    m->transfers[m->transfer_count++] =
        (struct m_transfer){kept, kept.flags & LEDGER_PENDING ? LEDGER_HOLD_OPEN : LEDGER_HOLD_NONE, kept.timeout_s ? m->now + kept.timeout_s * NS_PER_S : 0};
    return r;
}

static void m_batch(struct model *m, const struct ledger_transfer *t, int count, enum ledger_result *results) {
    static struct model before;
    for (int i = 0; i < count;) {
        int end = i;
        while (end < count && t[end].flags & LEDGER_LINKED) end++;
        bool is_open = end == count; /* the chain never ends */
        if (end < count) end++;
        before = *m;
        int failed = -1;
        for (int k = i; k < end && failed < 0; k++) {
            results[k] = is_open && k + 1 == end ? LEDGER_LINKED_EVENT_CHAIN_OPEN : m_transfer(m, &t[k]);
            if (results[k] != LEDGER_CREATED) failed = k;
        }
        if (failed >= 0) {
            bool is_used_up = uses_id_up(results[failed]);
            *m = before;
            for (int k = i; k < end; k++)
                if (k != failed) results[k] = is_open && k + 1 == end ? LEDGER_LINKED_EVENT_CHAIN_OPEN : LEDGER_LINKED_EVENT_FAILED;
            if (is_used_up) m->refused[m->refused_count++] = t[failed].id;
        }
        i = end;
    }
}

/* --- the world under test --- */

struct world {
    struct db *db;
    struct ledger *ledger;
    struct clock *clock;
    struct id_maker *ids;
    struct rng rng;
    struct model *m, *before;
    struct ledger_transfer batch[BATCH];
    enum ledger_result results[BATCH];
    int count;
    bool must_fail;
};
static int64_t below(struct world *w, int64_t n) { return (int64_t)rng_below(&w->rng, (uint64_t)n); }

static void ledger_up(struct world *w) {
    struct err e = ledger_open(&w->ledger, &(struct ledger_options){.db = w->db, .clock = w->clock, .ids = w->ids, .transfers_max = 1024, .accounts_max = 4, .block_transfers = 20});
    assert_int_equal(e.kind, ERR_NONE);
}

static struct err accounts_open(struct db_tx *tx, void *arg) {
    struct world *w = arg;
    enum ledger_result results[ACCOUNTS];
    struct ledger_account given[ACCOUNTS];
    memcpy(given, w->m->accounts, sizeof given);
    struct err e = ledger_accounts_open(w->ledger, tx, given, ACCOUNTS, results);
    for (int i = 0; i < ACCOUNTS && !e.kind; i++) assert_int_equal(results[i], LEDGER_CREATED);
    return e;
}

static struct ledger_transfer random_transfer(struct world *w) {
    const struct model *m = w->m;
    if (m->transfer_count && below(w, 12) == 0) { /* again: the same, or with one thing changed */
        struct ledger_transfer t = m->transfers[below(w, m->transfer_count)].t;
        switch (below(w, 8)) {
        case 0: t.amount ^= 1; break;
        case 1: t.code++; break;
        case 2: t.order_id = 77; break;
        case 3: t.flags ^= LEDGER_PENDING; break;
        case 4: t.timeout_s++; break;
        default: break;
        }
        if (t.amount < 0) t.amount = 0;
        return t;
    }
    struct ledger_transfer t = {.id = id_next(w->ids), .ledger = 1, .code = 1 + (int32_t)below(w, 3), .order_id = below(w, 3)};
    if (m->refused_count && below(w, 20) == 0) t.id = m->refused[below(w, m->refused_count)];
    if (below(w, 10) == 0) t.id -= 1 + below(w, 1000); /* an id that was made before others */
    int64_t debit = below(w, ACCOUNTS), credit = below(w, ACCOUNTS);
    t.debit_id = below(w, 40) ? m->accounts[debit].id : below(w, 2) ? 0 : 999;
    t.credit_id = below(w, 40) ? m->accounts[credit].id : below(w, 2) ? 0 : 999;
    t.ledger = below(w, 30) ? m->accounts[debit].ledger : 1;
    t.amount = below(w, 3) ? below(w, 100) : below(w, 2) ? below(w, 1000000) : INT64_MAX - below(w, 3);
    int64_t kind = below(w, 10);
    if (kind < 3) t.flags = LEDGER_PENDING, t.timeout_s = below(w, 2) ? (int32_t)below(w, 5) : 0;
    if (kind == 2 && below(w, 4) == 0) t.flags |= below(w, 2) ? LEDGER_CLOSING_DEBIT : LEDGER_CLOSING_CREDIT, t.timeout_s = 1 + (int32_t)below(w, 3);
    if (kind >= 3 && kind < 6 && m->transfer_count) {
        int64_t from = m->transfer_count > 40 ? m->transfer_count - 40 : 0;
        const struct ledger_transfer *p = &m->transfers[below(w, 8) ? from + below(w, m->transfer_count - from) : below(w, m->transfer_count)].t;
        for (int tries = 0; tries < 10 && !(p->flags & LEDGER_PENDING); tries++) p = &m->transfers[from + below(w, m->transfer_count - from)].t;
        t.flags = below(w, 2) ? LEDGER_POST_PENDING : LEDGER_VOID_PENDING;
        t.pending_id = p->id;
        t.amount = t.flags & LEDGER_VOID_PENDING ? (below(w, 4) ? 0 : p->amount) : below(w, 2) ? INT64_MAX : p->amount - (p->amount && below(w, 2));
        bool is_short = below(w, 2);
        t.debit_id = is_short ? 0 : p->debit_id;
        t.credit_id = is_short ? 0 : p->credit_id;
        t.ledger = is_short ? 0 : p->ledger;
        t.code = is_short ? 0 : p->code;
    }
    if (kind == 6) t.flags |= LEDGER_BALANCING_DEBIT;
    if (kind == 7) t.flags |= LEDGER_BALANCING_CREDIT;
    if (below(w, 50) == 0) t.flags ^= 1u << below(w, 9);
    if (below(w, 60) == 0) t.pending_id ^= 5;
    if (below(w, 60) == 0) t.timeout_s = 3;
    return t;
}

static struct err batch_write(struct db_tx *tx, void *arg) {
    struct world *w = arg;
    struct err e = ledger_transfer(w->ledger, tx, w->batch, (size_t)w->count, w->results);
    return e.kind || !w->must_fail ? e : err_make(ERR_CANCELLED, "test.no", "The request fails after all.");
}
static struct err expire_write(struct db_tx *tx, void *arg) {
    struct world *w = arg;
    return ledger_expire(w->ledger, tx, clock_utc(w->clock), NULL);
}

static struct err compare(struct db_tx *tx, void *arg) {
    struct world *w = arg;
    for (int i = 0; i < ACCOUNTS; i++) {
        struct ledger_account a;
        const struct ledger_account *m = &w->m->accounts[i];
        assert_int_equal(ledger_account_get(w->ledger, tx, m->id, &a).kind, ERR_NONE);
        assert_int_equal(a.debits_pending, m->debits_pending);
        assert_int_equal(a.debits_posted, m->debits_posted);
        assert_int_equal(a.credits_pending, m->credits_pending);
        assert_int_equal(a.credits_posted, m->credits_posted);
        assert_int_equal(a.flags & LEDGER_CLOSED, m->flags & LEDGER_CLOSED);
    }
    for (int k = 0; k < 5 && w->m->transfer_count; k++) {
        const struct m_transfer *m = &w->m->transfers[below(w, w->m->transfer_count)];
        struct ledger_transfer t;
        enum ledger_hold hold;
        assert_int_equal(ledger_transfer_get(w->ledger, tx, m->t.id, &t, &hold).kind, ERR_NONE);
        assert_int_equal(t.amount, m->t.amount);
        assert_int_equal(hold, m->hold);
    }
    return ERR_OK;
}

/* Every account's list and statement, against the model; and the sum of all. */
static struct err lists_compare(struct db_tx *tx, void *arg) {
    struct world *w = arg;
    struct arena *arena = arena_create(32 << 20);
    wide sums[3] = {0};
    for (int i = 0; i < ACCOUNTS; i++) {
        const struct ledger_account *m = &w->m->accounts[i];
        int at = 0, statement_rows = 0;
        int64_t after = 0, last_at = 0, balance = 0;
        do { /* page by page */
            struct ledger_transfers list;
            assert_int_equal(ledger_transfers_of_account(w->ledger, tx, arena, m->org_id, m->id, after, 37, &list).kind, ERR_NONE);
            for (size_t k = 0; k < list.count; k++) {
                while (w->m->transfers[at].t.debit_id != m->id && w->m->transfers[at].t.credit_id != m->id) at++;
                assert_int_equal(list.items[k].transfer.id, w->m->transfers[at].t.id);
                assert_int_equal(list.items[k].hold, w->m->transfers[at].hold);
                assert_true(list.items[k].transfer.at_ns > last_at);
                last_at = list.items[k].transfer.at_ns;
                at++;
            }
            after = list.next;
        } while (after);
        for (; at < w->m->transfer_count; at++) assert_true(w->m->transfers[at].t.debit_id != m->id && w->m->transfers[at].t.credit_id != m->id);
        after = 0;
        do {
            struct ledger_statement s;
            assert_int_equal(ledger_statement(w->ledger, tx, arena, m->org_id, m->id, 0, INT64_MAX, after, 41, &s).kind, ERR_NONE);
            assert_int_equal(s.opening, 0);
            assert_int_equal(s.closing, m->credits_posted - m->debits_posted);
            for (size_t k = 0; k < s.count; k++, statement_rows++) {
                balance += s.rows[k].credit - s.rows[k].debit;
                assert_int_equal(s.rows[k].balance, balance);
            }
            after = s.next;
        } while (after);
        assert_int_equal(balance, m->credits_posted - m->debits_posted);
        sums[m->ledger] += (wide)m->credits_posted - m->debits_posted;
        arena_reset(arena);
    }
    assert_true(sums[1] == 0 && sums[2] == 0);
    arena_destroy(&arena);
    return ERR_OK;
}

static void check_all(struct world *w) {
    struct arena *arena = arena_create(1 << 20);
    struct ledger_check c;
    assert_int_equal(ledger_verify(w->ledger, arena, NULL, NULL, NULL, &c).kind, ERR_NONE);
    if (c.differences_total)
        fail_msg("%lld differences, the first: %s %s, stored %lld, replayed %lld", (long long)c.differences_total, ledger_difference_word(c.differences[0].kind),
                 c.differences[0].field, (long long)c.differences[0].stored, (long long)c.differences[0].replayed);
    assert_int_equal(c.transfers, w->m->transfer_count);
    arena_destroy(&arena);
    assert_int_equal(db_read(w->db, lists_compare, w).kind, ERR_NONE);
}

static struct err note_time(struct db_tx *tx, void *arg) {
    struct world *w = arg;
    int64_t id;
    return ledger_account_for(w->ledger, tx, ORG + 2, 1, 1, 1 + below(w, INT64_MAX - 1), 0, &id);
}

static void step(struct world *w) {
    switch (below(w, 30)) {
    case 0: /* time passes */
    case 1:
        clock_manual_advance(w->clock, step_ns * (1 + below(w, 4)));
        if (clock_utc(w->clock).ns > w->m->now) w->m->now = clock_utc(w->clock).ns;
        return;
    case 2: /* or goes back: it stands still in the book, which has written down how far it was, until the clock has caught up */
        if (below(w, 10)) return;
        assert_int_equal(db_write(w->db, note_time, w).kind, ERR_NONE);
        clock_manual_set_utc(w->clock, (struct utc_time){clock_utc(w->clock).ns - 37 * step_ns});
        return;
    case 3:
        assert_int_equal(db_write(w->db, expire_write, w).kind, ERR_NONE);
        for (int i = 0; i < w->m->transfer_count; i++) {
            struct m_transfer *t = &w->m->transfers[i];
            if (t->hold == LEDGER_HOLD_OPEN && t->expires_at && t->expires_at <= clock_utc(w->clock).ns) m_release(w->m, t, LEDGER_HOLD_EXPIRED);
        }
        return;
    case 4:
        assert_int_equal((below(w, 2) ? db_write(w->db, compare, w) : db_read(w->db, compare, w)).kind, ERR_NONE);
        return;
    case 5:
        if (below(w, 8)) return;
        ledger_close(&w->ledger);
        ledger_up(w);
        return;
    case 6:
        if (below(w, 3) == 0) assert_int_equal(ledger_list_all(w->ledger).kind, ERR_NONE);
        return;
    default: break;
    }
    w->count = 1 + (int)below(w, BATCH);
    for (int i = 0; i < w->count; i++) {
        w->batch[i] = random_transfer(w);
        if (below(w, 3) == 0) w->batch[i].flags |= LEDGER_LINKED;
    }
    enum ledger_result expected[BATCH];
    w->must_fail = below(w, 10) == 0;
    *w->before = *w->m;
    m_batch(w->m, w->batch, w->count, expected);
    struct err e = db_write(w->db, batch_write, w);
    assert_int_equal(e.kind, w->must_fail ? ERR_CANCELLED : ERR_NONE);
    for (int i = 0; i < w->count; i++)
        if (w->results[i] != expected[i])
            fail_msg("%s, expected %s (flags %u, amount %lld)", ledger_result_word(w->results[i]), ledger_result_word(expected[i]), w->batch[i].flags, (long long)w->batch[i].amount);
    if (w->must_fail) *w->m = *w->before;
}

static void all_agrees_with_the_model(void **state) {
    struct test_store *s = test_store_of(state);
    static const struct db_schema *const schemas[] = {&ledger_schema};
    struct world w = {.db = test_store_open(s, schemas, 1), .clock = clock_manual_create((struct utc_time){start_ns})};
    w.ids = id_maker_create(w.clock, 2);
    uint64_t seed = getenv("GRANDSTAND_TEST_SEED") ? strtoull(getenv("GRANDSTAND_TEST_SEED"), NULL, 10) : 20261121;
    print_message("# seed %llu\n", (unsigned long long)seed);
    w.rng = rng_seeded(seed);
    w.m = mem_zalloc(sizeof *w.m);
    w.before = mem_zalloc(sizeof *w.before);
    w.m->now = start_ns;
    static const uint32_t flags[] = {0, 0, LEDGER_DEBITS_MUST_NOT_EXCEED_CREDITS, LEDGER_CREDITS_MUST_NOT_EXCEED_DEBITS};
    for (int i = 0; i < ACCOUNTS; i++)
        w.m->accounts[i] = (struct ledger_account){.id = id_next(w.ids), .org_id = i == ACCOUNTS - 1 ? ORG + 1 : ORG, .ledger = i < 10 ? 1 : 2, .code = 1, .flags = flags[i % 4]};
    ledger_up(&w);
    assert_int_equal(db_write(w.db, accounts_open, &w).kind, ERR_NONE);
    int steps = getenv("GRANDSTAND_TEST_LONG") ? 2500 : s->engine == DB_SQLITE ? 1200 : 500;
    for (int i = 0; i < steps; i++) {
        step(&w);
        if (i % 400 == 399) check_all(&w);
    }
    assert_int_equal(db_write(w.db, compare, &w).kind, ERR_NONE);
    check_all(&w);
    print_message("# %d transfers, %d ids used up\n", w.m->transfer_count, w.m->refused_count);
    ledger_close(&w.ledger);
    db_close(&w.db);
    id_maker_destroy(&w.ids);
    clock_manual_destroy(&w.clock);
    mem_free(w.m);
    mem_free(w.before);
}

int main(void) {
    const struct CMUnitTest tests[] = {ON_BOTH(all_agrees_with_the_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
