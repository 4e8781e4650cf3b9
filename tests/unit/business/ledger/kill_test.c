/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Killed in the middle of groups: what was answered is there, and the books add up. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "world.h"

/* The child moves money and says of each transfer, after it was answered, its number. */
static void child_run(const char *url, int pipe_fd) {
    struct db *db;
    struct clock *clock = clock_system();
    struct id_maker *ids = id_maker_create(clock, 5);
    struct world w = {.clock = clock, .ids = ids};
    if (db_open(&db, &(struct db_options){.url = url}).kind) _exit(2);
    w.db = db;
    w.ledger = NULL;
    if (ledger_open(&w.ledger, &(struct ledger_options){.db = db, .clock = clock, .ids = ids, .transfers_max = 1024, .block_transfers = 16}).kind) _exit(3);
    if (db_write(db, accounts_make, &w).kind) _exit(4);
    for (int i = 0;; i++) {
        struct moving m = {.w = &w, .ledger = w.ledger, .t = {transfer_of(&w, 1, 2 + i % 4, 1), transfer_of(&w, 1, 2, 1)}, .count = 2};
        if (db_write(db, move_write, &m).kind) _exit(5);
        if (write(pipe_fd, &m.t[0].id, sizeof m.t[0].id) != sizeof m.t[0].id) _exit(6);
    }
}

static void killed_it_has_what_it_answered(void **state) {
    struct test_store *s = test_store_of(state);
    int kills = getenv("GRANDSTAND_TEST_LONG") ? 30 : 4;
    struct db *first = test_store_open(s, schemas, 1); /* migrated */
    db_close(&first);
    struct rng rng = rng_seeded(7);
    for (int kill_at = 0; kill_at < kills; kill_at++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (!child) {
            close(ends[0]);
            child_run(s->url, ends[1]);
        }
        close(ends[1]);
        /* After so many answers, at whatever it does then. */
        int64_t answered[200], wanted = 1 + (int64_t)rng_below(&rng, 100), count = 0;
        while (count < wanted && read(ends[0], &answered[count], sizeof answered[0]) == sizeof answered[0]) count++;
        kill(child, SIGKILL);
        while (count < 200 && read(ends[0], &answered[count], sizeof answered[0]) == sizeof answered[0]) count++; /* what was on its way */
        close(ends[0]);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        struct world w = {.db = test_store_open(s, schemas, 1), .clock = clock_system(), .ids = id_maker_create(clock_system(), 6)};
        w.ledger = ledger_on(&w, w.db);
        for (int64_t i = 0; i < count; i++) assert_true(is_there(&w, answered[i]));
        must_be_sound(&w, -1);
        ledger_close(&w.ledger);
        db_close(&w.db);
        id_maker_destroy(&w.ids);
    }
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {ON_SQLITE(killed_it_has_what_it_answered)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
