/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/step.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void every_point_has_a_name_of_its_own(void **state) {
    for (int i = 0; i < STEP_POINTS; i++) {
        assert_true(step_name((enum step)i)[0] && step_walk((enum step)i)[0]);
        for (int j = 0; j < i; j++) assert_string_not_equal(step_name((enum step)i), step_name((enum step)j));
    }
}

#ifdef GRANDSTAND_TEST_DOORS
/* What becomes of a process that passes one point `passes` times, and then another. */
static int outcome(const char *wish, int passes) {
    pid_t child = fork();
    if (!child) {
        setenv("GRANDSTAND_TEST_KILL", wish, 1);
        signal(SIGABRT, SIG_DFL);
        for (int i = 0; i < passes; i++) STEP(order_created);
        STEP(order_paid);
        _exit(7);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void the_process_dies_at_the_point_that_is_named(void **state) {
    assert_int_equal(WTERMSIG(outcome("order_created", 1)), SIGKILL);
    assert_int_equal(WTERMSIG(outcome("order_created:3", 3)), SIGKILL);
    assert_int_equal(WEXITSTATUS(outcome("order_created:3", 2)), 7);
    assert_int_equal(WEXITSTATUS(outcome("renew_found", 5)), 7);
    assert_int_equal(WTERMSIG(outcome("order_creeted", 1)), SIGABRT); /* no such point */
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_point_has_a_name_of_its_own),
#ifdef GRANDSTAND_TEST_DOORS
        cmocka_unit_test(the_process_dies_at_the_point_that_is_named),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
