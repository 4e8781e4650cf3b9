/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fault.h"
#include "base/mem.h"

static void only_the_nth_fails_unless_sticky(void **state) {
    for (int sticky = 0; sticky < 2; sticky++) {
        fault_arm(FAULT_ALLOC, 3, sticky);
        for (int i = 1; i <= 6; i++) {
            void *p = mem_alloc(8);
            assert_true((p == NULL) == (i == 3 || (sticky && i > 3)));
            assert_true(fault_fired(FAULT_ALLOC) == (i >= 3));
            mem_free(p);
        }
    }
    fault_disarm_all();
    void *p = mem_alloc(8);
    assert_non_null(p);
    mem_free(p);
}

static void arming_from_text(void **state) {
    const char *const wrong[] = {"alloc", "alloc:", "alloc:0", "heap:3", "alloc:3x", "alloc:-"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) assert_false(fault_arm_from_text(wrong[i]));
    assert_true(fault_arm_from_text("alloc:2,write:1+"));
    void *p = mem_alloc(8);
    assert_non_null(p);
    assert_null(mem_alloc(8));
    mem_free(p);
    assert_true(fault_hits(FAULT_WRITE));
    assert_true(fault_hits(FAULT_WRITE));
    fault_disarm_all();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_the_nth_fails_unless_sticky), cmocka_unit_test(arming_from_text)};
    return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
