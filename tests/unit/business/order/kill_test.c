/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Kills a process that sells (tests/lib/order_driver.c, argv[1]) at each point between two durable steps, and at random moments under load, and lets the next one
 * find out whether money and entitlement agree. GRANDSTAND_TEST_LONG: at each pass of each point, and 200 random moments. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/step.h"
#include "store.h"

static const char *driver;

static pid_t start(const struct test_store *store, const char *mode, int round, const char *kill_at, int *answers) {
    int pipe_fds[2] = {-1, -1};
    if (answers) assert_int_equal(pipe(pipe_fds), 0);
    pid_t child = fork();
    if (!child) {
        char number[16];
        snprintf(number, sizeof number, "%d", round);
        if (kill_at) setenv("GRANDSTAND_TEST_KILL", kill_at, 1);
        else unsetenv("GRANDSTAND_TEST_KILL");
        if (answers) {
            dup2(pipe_fds[1], STDOUT_FILENO);
            close(pipe_fds[0]);
            close(pipe_fds[1]);
        }
        execl(driver, driver, store->url, store->folder, mode, number, (char *)NULL);
        _exit(127);
    }
    assert_true(child > 0);
    if (answers) {
        close(pipe_fds[1]);
        *answers = pipe_fds[0];
    }
    return child;
}

static int end_of(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0) assert_int_equal(errno, EINTR);
    return status;
}
static bool was_killed(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }
static bool was_fine(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

/* A household for each pass of each point: begun by a process that is killed there, finished and checked by the next. */
static void every_step_is_survived(void **state) {
    struct test_store *store = test_store_of(state);
    int households = 1;
    assert_true(was_fine(end_of(start(store, "walk", households, NULL, NULL))));
    for (int step = 0; step < STEP_POINTS; step++) {
        if (!strcmp(step_walk((enum step)step), "deal")) continue; /* no purchase comes by; tests/scenario/rights.test.mjs */
        int times = getenv("GRANDSTAND_TEST_LONG") ? 40 : 1;
        /* In the short form only what differs there: a transaction that is cut off. */
        if (store->engine == DB_POSTGRES && times == 1 && !strstr(step_name((enum step)step), "_inside")) continue;
        for (int pass = 1; pass <= times; pass++) {
            char at[80];
            snprintf(at, sizeof at, "%s:%d", step_name((enum step)step), pass);
            int status = end_of(start(store, "walk", ++households, at, NULL));
            if (was_killed(status)) continue;
            if (!was_fine(status)) fail_msg("before %s: the driver found trouble", at);
            if (pass == 1) fail_msg("%s is never passed", at); /* of the table, and of no walk */
            break;
        }
    }
    assert_true(was_fine(end_of(start(store, "walk", households, NULL, NULL))));
}

/* What the driver has answered, as a client would remember it. Stops after `lines`, or at the end. */
static void remember(const struct test_store *store, int answers, uint64_t lines) {
    char path[128], bytes[4096];
    snprintf(path, sizeof path, "%s/answered", store->folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    ssize_t len;
    while (lines && (len = read(answers, bytes, sizeof bytes)) > 0) {
        assert_int_equal(write(fd, bytes, (size_t)len), len);
        for (ssize_t i = 0; i < len && lines; i++) lines -= bytes[i] == '\n';
    }
    close(fd);
}

static void any_moment_is_survived(void **state) {
    static const enum step points[] = {STEP_order_create_inside, STEP_order_created,        STEP_order_pay_inside,      STEP_order_pay_stored,         STEP_pay_outbox_taken,
                                       STEP_pay_answer_inside,   STEP_pay_webhook_stored,   STEP_pay_captured_inside,   STEP_order_paid_inside,        STEP_order_entitled_inside,
                                       STEP_order_paid,          STEP_pay_webhook_judged};
    struct test_store *store = test_store_of(state);
    struct rng rng;
    uint64_t seed;
    rng_secure(&seed, sizeof seed);
    if (getenv("GRANDSTAND_TEST_SEED")) seed = strtoull(getenv("GRANDSTAND_TEST_SEED"), NULL, 10);
    print_message("seed %llu\n", (unsigned long long)seed);
    rng = rng_seeded(seed);
    int rounds = getenv("GRANDSTAND_TEST_LONG") ? 200 : store->engine == DB_POSTGRES ? 2 : 8;
    for (int round = 0; round < rounds; round++) {
        int answers;
        char at[80];
        bool at_a_point = round % 2;
        snprintf(at, sizeof at, "%s:%d", step_name(points[rng_below(&rng, sizeof points / sizeof *points)]), 1 + (int)rng_below(&rng, 12));
        pid_t child = start(store, "load", round, at_a_point ? at : NULL, &answers);
        remember(store, answers, at_a_point ? UINT64_MAX : 1 + rng_below(&rng, 15));
        if (!at_a_point) kill(child, SIGKILL); /* wherever it is now */
        remember(store, answers, UINT64_MAX);  /* what was on its way */
        close(answers);
        if (!was_killed(end_of(child))) fail_msg("round %d: the driver found trouble", round);
    }
    assert_true(was_fine(end_of(start(store, "check", rounds, NULL, NULL))));
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    driver = argv[1];
    const struct CMUnitTest tests[] = {
        ON_BOTH(every_step_is_survived),
        ON_BOTH(any_moment_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
