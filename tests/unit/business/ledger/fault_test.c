/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What can go wrong around the ledger: memory runs out at each allocation in turn, the database undoes a group, a request fails in the middle of one,
 * another process writes, rows are changed by hand. Afterwards the books add up and say what was answered. */
#include "world.h"

/* --- a group: some requests stand, some fail --- */

/* The writer is held while requests gather, so that they share one group. */
struct gate {
    struct lock lock;
    struct condition rung;
    bool is_in, is_open;
    int answered;
};
static struct gate gate;
static struct err gate_write(struct db_tx *tx, void *arg) {
    lock_take(&gate.lock);
    gate.is_in = true;
    condition_wake_all(&gate.rung);
    while (!gate.is_open) condition_wait(&gate.rung, &gate.lock);
    lock_give(&gate.lock);
    return ERR_OK;
}
static void on_answer(struct db_request *r, struct err e) {
    r->answer = e;
    lock_take(&gate.lock);
    gate.answered++;
    condition_wake_all(&gate.rung);
    lock_give(&gate.lock);
}
static void group_write(struct world *w, struct db_request *requests, int count) {
    lock_init(&gate.lock, LOCK_test_outer);
    condition_init(&gate.rung);
    gate.is_in = gate.is_open = false;
    gate.answered = 0;
    struct db_request first = {.fn = gate_write, .done = on_answer};
    db_write_async(w->db, &first);
    lock_take(&gate.lock);
    while (!gate.is_in) condition_wait(&gate.rung, &gate.lock);
    lock_give(&gate.lock);
    for (int i = 0; i < count; i++) db_write_async(w->db, &requests[i]);
    lock_take(&gate.lock);
    gate.is_open = true;
    condition_wake_all(&gate.rung);
    while (gate.answered < count + 1) condition_wait(&gate.rung, &gate.lock);
    lock_give(&gate.lock);
    condition_destroy(&gate.rung);
    lock_destroy(&gate.lock);
}

static void a_request_takes_back_its_own(void **state) {
    struct world w = world_open(test_store_of(state));
    struct err no = err_make(ERR_CANCELLED, "test.no", "After all, no.");
    struct moving m[] = {
        {.w = &w, .ledger = w.ledger, .t = {transfer_of(&w, 1, 2, 100)}, .count = 1},
        {.w = &w, .ledger = w.ledger, .t = {transfer_of(&w, 2, 3, 100), transfer_of(&w, 3, 4, 60)}, .count = 2, .after = no}, /* spends what the first brought, then fails */
        {.w = &w, .ledger = w.ledger, .t = {transfer_of(&w, 2, 4, 100)}, .count = 1},                                        /* so it is there again */
        {.w = &w, .ledger = w.ledger, .t = {transfer_of(&w, 2, 5, 1)}, .count = 1},                                          /* and now it is not */
    };
    struct db_request requests[ARRAY_LEN(m)];
    for (size_t i = 0; i < ARRAY_LEN(m); i++) requests[i] = (struct db_request){.fn = move_write, .arg = &m[i], .done = on_answer};
    group_write(&w, requests, ARRAY_LEN(m));
    ok(requests[0].answer);
    assert_int_equal(requests[1].answer.kind, ERR_CANCELLED);
    ok(requests[2].answer);
    assert_string_equal(requests[3].answer.code, "ledger.exceeds_credits");
    assert_int_equal(balance(&w, 2), 0);
    assert_int_equal(balance(&w, 3), 0);
    assert_int_equal(balance(&w, 4), 100);
    assert_false(is_there(&w, m[1].t[0].id));
    must_be_sound(&w, 3);
    /* The ids of the requests that failed have never been used. */
    m[3].t[0].amount = 0;
    ok(db_write(w.db, move_write, &m[3]));
    m[1].after = ERR_OK;
    m[1].t[0].debit_id = m[1].t[0].credit_id; /* from account 3, which has nothing */
    m[1].t[0].credit_id = w.accounts[2];
    assert_string_equal(db_write(w.db, move_write, &m[1]).code, "ledger.exceeds_credits");
    /* What was done answers once more as if it were done now; with one thing changed it does not. */
    ok(db_write(w.db, move_write, &m[0]));
    m[0].t[0].amount++;
    assert_string_equal(db_write(w.db, move_write, &m[0]).code, "ledger.exists_with_different_amount");
    must_be_sound(&w, 4);
    world_close(&w);
}

/* --- more in one group than memory holds --- */

struct bulk {
    struct world *w;
    struct ledger_transfer t[300];
    enum ledger_result results[300];
    size_t count;
    bool fails;
};
static struct err bulk_write(struct db_tx *tx, void *arg) {
    struct bulk *b = arg;
    struct err e = ledger_transfer(b->w->ledger, tx, b->t, b->count, b->results);
    for (size_t i = 0; i < b->count && !e.kind; i++)
        e = ledger_result_error(b->results[i]);
    return e.kind || !b->fails ? e : err_make(ERR_CANCELLED, "test.no", "After all, no.");
}

static void a_group_may_be_larger_than_memory(void **state) {
    struct world w = world_open(test_store_of(state)); /* keeps 1024: a quarter may wait, a quarter is for one request */
    enum { REQUESTS = 12, EACH = 250 };
    static struct bulk bulk[REQUESTS];
    static struct db_request requests[REQUESTS];
    int64_t expected = 0;
    for (int i = 0; i < REQUESTS; i++) {
        bulk[i] = (struct bulk){.w = &w, .count = EACH, .fails = i % 4 == 3};
        for (int k = 0; k < EACH; k++) bulk[i].t[k] = transfer_of(&w, 1, 2 + k % 3, 1 + k % 7);
        for (int k = 0; k < EACH && !bulk[i].fails; k++)
            if (k % 3 == 0) expected += 1 + k % 7;
        requests[i] = (struct db_request){.fn = bulk_write, .arg = &bulk[i], .done = on_answer};
    }
    group_write(&w, requests, REQUESTS);
    for (int i = 0; i < REQUESTS; i++) assert_int_equal(requests[i].answer.kind, bulk[i].fails ? ERR_CANCELLED : ERR_NONE);
    for (int i = 0; i < REQUESTS; i++) assert_int_equal(is_there(&w, bulk[i].t[EACH - 1].id), !bulk[i].fails);
    assert_int_equal(balance(&w, 2), expected);
    must_be_sound(&w, 1 + (REQUESTS - REQUESTS / 4) * EACH);
    /* One that memory has forgotten is still known, and one request can be too large. */
    bulk[0].count = 1;
    ok(db_write(w.db, bulk_write, &bulk[0]));
    assert_int_equal(bulk[0].results[0], LEDGER_EXISTS);
    bulk[1].count = 300;
    for (int k = 0; k < 300; k++) bulk[1].t[k] = transfer_of(&w, 1, 2, 1);
    assert_string_equal(db_write(w.db, bulk_write, &bulk[1]).code, "ledger.batch");
    must_be_sound(&w, -1);
    world_close(&w);
}

/* --- two processes over one database --- */

static struct moving *theirs;
static struct db *their_db;
static void *their_thread(void *arg) {
    static struct err e;
    e = db_write(their_db, move_write, theirs);
    return &e;
}

static void two_processes_never_write_from_old_counters(void **state) {
    struct test_store *s = test_store_of(state);
    struct world w = world_open(s);
    struct db *db = test_store_open(s, schemas, 1);
    struct ledger *other = ledger_on(&w, db);
    int64_t spent = 0;
    /* In turns: each finds that the other has written. */
    for (int i = 0; i < 10; i++) {
        struct moving m = {.w = &w, .ledger = i % 2 ? other : w.ledger, .t = {transfer_of(&w, 1, 2, 100000)}, .count = 1};
        ok(db_write(i % 2 ? db : w.db, move_write, &m));
        spent += 100000;
    }
    struct moving m = {.w = &w, .ledger = other, .t = {transfer_of(&w, 1, 2, 1)}, .count = 1};
    assert_string_equal(db_write(db, move_write, &m).code, "ledger.exceeds_credits"); /* all of it is gone, whoever asks */
    m.ledger = w.ledger;
    assert_string_equal(db_write(w.db, move_write, &m).code, "ledger.exceeds_credits");
    assert_true(ledger_stats(w.ledger).takeovers >= 5);
    assert_true(ledger_stats(other).takeovers >= 5);
    assert_int_equal(spent, 1000000);
    /* At the same time: what both may spend is spent once. */
    their_db = db;
    for (int i = 0; i < 8; i++) {
        struct moving mine = {.w = &w, .ledger = w.ledger, .t = {transfer_of(&w, 2, 3, 100000)}, .count = 1},
                      his = {.w = &w, .ledger = other, .t = {transfer_of(&w, 2, 4, 100000)}, .count = 1};
        theirs = &his;
        pthread_t thread;
        void *answer;
        assert_int_equal(pthread_create(&thread, NULL, their_thread, NULL), 0);
        struct err e = db_write(w.db, move_write, &mine);
        pthread_join(thread, &answer);
        struct err his_answer = *(struct err *)answer;
        /* Each is done, or refused for want of money, or told that others were at it: never both with one sum. */
        bool is_fine = (!e.kind || e.kind == ERR_BUSY || !strcmp(e.code, "ledger.exceeds_credits")) &&
                       (!his_answer.kind || his_answer.kind == ERR_BUSY || !strcmp(his_answer.code, "ledger.exceeds_credits"));
        assert_true(is_fine);
        assert_int_equal(is_there(&w, mine.t[0].id), !e.kind);
        assert_int_equal(is_there(&w, his.t[0].id), !his_answer.kind);
    }
    assert_int_equal(balance(&w, 2) + balance(&w, 3) + balance(&w, 4), 1000000);
    assert_true(balance(&w, 2) >= 0);
    must_be_sound(&w, -1);
    ledger_close(&other);
    db_close(&db);
    world_close(&w);
}

/* Two on one writer share a transaction, in which neither sees what the other has in memory. */
static void two_on_one_writer_are_found_out(void **state) {
    struct world w = world_open(test_store_of(state));
    struct ledger *other = ledger_on(&w, w.db);
    struct moving m[] = {{.w = &w, .ledger = w.ledger, .t = {transfer_of(&w, 1, 2, 800000)}, .count = 1},
                         {.w = &w, .ledger = other, .t = {transfer_of(&w, 1, 3, 800000)}, .count = 1}};
    struct db_request requests[ARRAY_LEN(m)];
    for (size_t i = 0; i < ARRAY_LEN(m); i++) requests[i] = (struct db_request){.fn = move_write, .arg = &m[i], .done = on_answer};
    group_write(&w, requests, ARRAY_LEN(m));
    for (size_t i = 0; i < ARRAY_LEN(m); i++) assert_string_equal(requests[i].answer.code, "ledger.lost");
    assert_int_equal(balance(&w, 1), 1000000);
    /* In groups of their own they get on. */
    ok(db_write(w.db, move_write, &m[0]));
    assert_string_equal(db_write(w.db, move_write, &m[1]).code, "ledger.exceeds_credits");
    must_be_sound(&w, 2);
    ledger_close(&other);
    world_close(&w);
}

/* --- rows changed by hand --- */

#define BY_HAND(name, sql) static const struct db_statement name = {"test." #name, sql}
BY_HAND(hand_counter, "UPDATE ledger_balance SET credits_posted = credits_posted + 5 WHERE id = :id");
BY_HAND(hand_amount, "UPDATE ledger_transfer SET amount = amount + 1 WHERE id = :id");
BY_HAND(hand_order, "UPDATE ledger_transfer SET order_id = 4711 WHERE id = :id");
BY_HAND(hand_removed, "DELETE FROM ledger_transfer WHERE id = :id");
BY_HAND(hand_hold, "UPDATE ledger_hold SET state = 3 WHERE id = :id");
BY_HAND(hand_block, "UPDATE ledger_block SET sum = sum + 1 WHERE id = :id");
BY_HAND(hand_seal, "UPDATE ledger_block SET seal_low = seal_low + 1 WHERE id = :id");
struct hand {
    const struct db_statement *statement;
    int64_t id;
};
static struct err hand_write(struct db_tx *tx, void *arg) {
    const struct hand *h = arg;
    int64_t changed = 0;
    struct err e = DB_CHANGE(tx, &changed, h->statement, DB_INT("id", h->id));
    return e.kind || changed == 1 ? e : err_make(ERR_BUG, "test.row", "There is no such row.");
}
static bool has_kind(const struct ledger_check *c, enum ledger_difference_kind kind) {
    for (size_t i = 0; i < c->difference_count; i++)
        if (c->differences[i].kind == kind) return true;
    return false;
}

static void the_check_finds_what_hands_have_done(void **state) {
    struct test_store *s = test_store_of(state);
    static const struct {
        const struct db_statement *statement;
        enum ledger_difference_kind kinds[3];
        int kind_count;
        enum { OF_ACCOUNT, OF_TRANSFER, OF_HOLD, OF_BLOCK } of;
    } cases[] = {
        {&hand_counter, {LEDGER_DIFFERENT_COUNTER, LEDGER_DIFFERENT_TOTAL}, 2, OF_ACCOUNT},
        {&hand_amount, {LEDGER_DIFFERENT_COUNTER, LEDGER_DIFFERENT_BLOCK}, 2, OF_TRANSFER},
        {&hand_order, {LEDGER_DIFFERENT_BLOCK}, 1, OF_TRANSFER},
        {&hand_removed, {LEDGER_DIFFERENT_COUNTER, LEDGER_DIFFERENT_BLOCK}, 2, OF_TRANSFER},
        {&hand_hold, {LEDGER_DIFFERENT_COUNTER, LEDGER_DIFFERENT_HOLD}, 2, OF_HOLD},
        {&hand_block, {LEDGER_DIFFERENT_BLOCK, LEDGER_DIFFERENT_SEAL}, 2, OF_BLOCK},
        {&hand_seal, {LEDGER_DIFFERENT_SEAL}, 1, OF_BLOCK},
    };
    struct arena *arena = arena_create(1 << 20);
    struct world w = world_open(s);
    int64_t ids[24], hold_id = 0;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct moving m = {.w = &w, .ledger = w.ledger, .t = {transfer_of(&w, 1, 2, 10)}, .count = 1};
        if (i == 8) m.t[0].flags = LEDGER_PENDING;
        ids[i] = m.t[0].id;
        if (i == 8) hold_id = ids[i];
        ok(db_write(w.db, move_write, &m));
    }
    must_be_sound(&w, 25);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int is_late = 0; is_late < 2; is_late++) { /* in a sealed block, and in the open one */
            if (cases[i].of != OF_TRANSFER && is_late) continue;
            struct hand h = {cases[i].statement, cases[i].of == OF_ACCOUNT ? w.accounts[2] : cases[i].of == OF_HOLD ? hold_id : cases[i].of == OF_BLOCK ? 1 : ids[is_late ? 22 : 4]};
            ok(db_write(w.db, hand_write, &h));
            struct ledger_check c = check(&w, arena);
            assert_true(c.differences_total > 0);
            for (int k = 0; k < cases[i].kind_count; k++)
                if (!has_kind(&c, cases[i].kinds[k])) fail_msg("%s: no difference of kind %s", cases[i].statement->name, ledger_difference_word(cases[i].kinds[k]));
            /* The next case begins with a book of its own. */
            world_close(&w);
            enum db_engine engine = s->engine;
            assert_int_equal(test_store_remove(state), 0);
            assert_int_equal(engine == DB_SQLITE ? test_store_sqlite(state) : test_store_postgres(state), 0);
            s = test_store_of(state);
            w = world_open(s);
            for (size_t n = 0; n < ARRAY_LEN(ids); n++) {
                struct moving m = {.w = &w, .ledger = w.ledger, .t = {transfer_of(&w, 1, 2, 10)}, .count = 1};
                if (n == 8) m.t[0].flags = LEDGER_PENDING;
                ids[n] = m.t[0].id;
                if (n == 8) hold_id = ids[n];
                ok(db_write(w.db, move_write, &m));
            }
        }
    }
    arena_destroy(&arena);
    world_close(&w);
}

/* --- units --- */

struct crossing {
    struct world *w;
    struct ledger_crossing c;
    int64_t amount_in, dollars;
};
static struct err cross_write(struct db_tx *tx, void *arg) {
    struct crossing *x = arg;
    struct err e = ledger_account_for(x->w->ledger, tx, ORG, 840, LEDGER_CODE_CREDIT, 1, 0, &x->dollars);
    x->c.to_id = x->dollars;
    return e.kind ? e : ledger_cross(x->w->ledger, tx, &x->c, &x->amount_in);
}
struct page {
    struct world *w;
    struct arena *arena;
    int64_t account, from, to;
    struct ledger_statement s;
};
static struct err statement_read(struct db_tx *tx, void *arg) {
    struct page *p = arg;
    return ledger_statement(p->w->ledger, tx, p->arena, ORG, p->account, p->from, p->to, 0, 100, &p->s);
}

static void units_are_crossed_with_their_rate(void **state) {
    struct world w = world_open(test_store_of(state));
    struct crossing x = {.w = &w, .c = {.id_out = id_next(w.ids), .id_in = id_next(w.ids), .from_id = w.accounts[1], .amount = 1001, .numerator = 10853, .denominator = 10000, .code = 9}};
    ok(db_write(w.db, cross_write, &x));
    assert_int_equal(x.amount_in, 1086); /* 1086.3853, down */
    ok(db_write(w.db, cross_write, &x)); /* again: nothing more */
    assert_int_equal(balance(&w, 1), 998999);
    struct arena *arena = arena_create(1 << 20);
    struct page p = {.w = &w, .arena = arena, .account = x.dollars, .to = INT64_MAX};
    ok(db_read(w.db, statement_read, &p));
    assert_int_equal(p.s.count, 1);
    assert_int_equal(p.s.closing, 1086);
    assert_int_equal(p.s.rows[0].credit, 1086);
    assert_int_equal(p.s.rows[0].rate_numerator, 10853);
    assert_int_equal(p.s.rows[0].rate_denominator, 10000);
    assert_int_equal(p.s.rows[0].counter.code, LEDGER_CODE_LIQUIDITY);
    /* A period: what was before is the opening. */
    p.from = p.s.rows[0].transfer.at_ns + 1;
    ok(db_read(w.db, statement_read, &p));
    assert_int_equal(p.s.count, 0);
    assert_int_equal(p.s.opening, 1086);
    p.to = 0;
    assert_string_equal(db_read(w.db, statement_read, &p).code, "ledger.period");
    x.c.id_out = id_next(w.ids), x.c.id_in = id_next(w.ids);
    x.c.numerator = INT64_MAX, x.c.denominator = 1;
    assert_string_equal(db_write(w.db, cross_write, &x).code, "ledger.rate");
    x.c.denominator = 0;
    assert_string_equal(db_write(w.db, cross_write, &x).code, "ledger.rate");
    must_be_sound(&w, 3);
    arena_destroy(&arena);
    world_close(&w);
}

/* --- holds expire by the thread --- */

static void holds_expire_at_their_second(void **state) {
    struct world w = world_open(test_store_of(state));
    struct moving m = {.w = &w, .ledger = w.ledger, .t = {transfer_of(&w, 1, 2, 500)}, .count = 1};
    m.t[0].flags = LEDGER_PENDING;
    m.t[0].timeout_s = 60;
    ok(db_write(w.db, move_write, &m));
    ok(ledger_start(w.ledger));
    clock_manual_advance(w.clock, 61 * NS_PER_S);
    ledger_wake(w.ledger);
    struct looking l = {.ledger = w.ledger, .id = m.t[0].id};
    do { ok(db_read(w.db, transfer_read, &l)); } while (l.hold == LEDGER_HOLD_OPEN); /* the test's own timeout ends it */
    assert_int_equal(l.hold, LEDGER_HOLD_EXPIRED);
    ledger_stop(w.ledger);
    struct looking a = {.ledger = w.ledger, .id = w.accounts[1]};
    ok(db_read(w.db, account_read, &a));
    assert_int_equal(a.account.debits_pending, 0);
    struct moving post = {.w = &w, .ledger = w.ledger, .t = {{.id = id_next(w.ids), .pending_id = m.t[0].id, .amount = LEDGER_AMOUNT_MAX, .flags = LEDGER_POST_PENDING}}, .count = 1};
    assert_string_equal(db_write(w.db, move_write, &post).code, "ledger.pending_expired");
    must_be_sound(&w, 2);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_request_takes_back_its_own), ON_BOTH(a_group_may_be_larger_than_memory), ON_POSTGRES(two_processes_never_write_from_old_counters), ON_BOTH(two_on_one_writer_are_found_out),
        ON_BOTH(the_check_finds_what_hands_have_done), ON_BOTH(units_are_crossed_with_their_rate),
        ON_SQLITE(holds_expire_at_their_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
