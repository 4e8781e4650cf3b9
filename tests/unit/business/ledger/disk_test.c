/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Each allocation, read, write and sync fails in turn, ours and SQLite's: a chain is done whole or not at all, as was answered, and asked again it is
 * done once. */
#include "sqlite_faults.h"
#include "world.h"

static void each_failure_leaves_all_or_nothing(void **state) {
    struct test_store *s = test_store_of(state);
    struct world w = world_open(s);
    int64_t expected = 0;
    static const enum fault_point points[] = {FAULT_ALLOC, FAULT_READ, FAULT_WRITE, FAULT_SYNC};
    for (size_t p = 0; p < ARRAY_LEN(points); p++) {
        int fired = 0;
        for (uint64_t nth = 1;; nth++) {
            struct moving m = {.w = &w, .ledger = w.ledger, .t = {transfer_of(&w, 1, 2, 1), transfer_of(&w, 1, 3, 2), transfer_of(&w, 1, 4, 3)}, .count = 3};
            m.t[1].flags = LEDGER_PENDING;
            m.t[1].timeout_s = 5;
            if (nth % 3 == 0) { /* with a cold cache there is more to fail */
                ledger_close(&w.ledger);
                w.ledger = ledger_on(&w, w.db);
                m.ledger = w.ledger;
            }
            fault_arm(points[p], nth, false);
            struct err e = db_write(w.db, move_write, &m);
            bool has_fired = fault_fired(points[p]);
            fault_disarm_all();
            fired += has_fired;
            assert_true(!e.kind || e.kind == ERR_LIMIT || e.kind == ERR_IO);
            /* All of it or nothing; and as was answered, unless the answer was that nobody knows. */
            bool is_in_doubt = e.kind && !strcmp(e.code, "db.in_doubt"), is_done = is_there(&w, m.t[0].id);
            for (size_t i = 0; i < m.count; i++) assert_int_equal(is_there(&w, m.t[i].id), is_done);
            if (!is_in_doubt) assert_int_equal(is_done, !e.kind);
            expected += is_done;
            assert_int_equal(balance(&w, 2), expected);
            /* Asked again, it is done once. */
            ok(db_write(w.db, move_write, &m));
            expected += !is_done;
            assert_int_equal(balance(&w, 2), expected);
            if (!has_fired && nth % 3 == 0) {
                assert_true(fired > 0 || points[p] == FAULT_READ); /* all may be in SQLite's cache */
                print_message("# point %d: %d failed\n", (int)points[p], fired);
                break;
            }
        }
    }
    must_be_sound(&w, -1);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {ON_SQLITE(each_failure_leaves_all_or_nothing)};
    return cmocka_run_group_tests(tests, layer_put_in, NULL);
}
