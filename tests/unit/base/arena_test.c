/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/fault.h"

static void memory_is_zeroed_and_aligned(void **state) {
    struct arena *a = arena_create(1 << 20);
    for (size_t bytes = 1; bytes < 3000; bytes += 97) {
        unsigned char *p = arena_alloc(a, bytes);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < bytes; i++) assert_int_equal(p[i], 0);
        memset(p, 0xff, bytes); /* what is given again after a rewind must be zero again */
    }
    arena_destroy(&a);
    assert_null(a);
}

static void ceiling_is_kept_and_remembered(void **state) {
    struct arena *a = arena_create(10000);
    assert_non_null(arena_alloc(a, 9000));
    assert_false(arena_overflowed(a));
    assert_null(arena_alloc(a, 2000));
    assert_true(arena_overflowed(a));
    assert_non_null(arena_alloc(a, 500)); /* what still fits is still given */
    assert_true(arena_overflowed(a));
    assert_null(arena_alloc(a, SIZE_MAX));
    assert_null(arena_alloc_array(a, SIZE_MAX / 2, 3));
    arena_reset(a);
    assert_false(arena_overflowed(a));
    arena_destroy(&a);
}

static int log_of_ends[8], ends;
static void note_end(void *arg) { log_of_ends[ends++] = *(int *)arg; }

static void rewind_runs_only_newer_clean_ups_newest_first(void **state) {
    int ids[] = {1, 2, 3};
    ends = 0;
    struct arena *a = arena_create(1 << 20);
    assert_true(arena_on_end(a, note_end, &ids[0]));
    struct arena_mark mark = arena_mark(a);
    size_t used = arena_bytes_used(a);
    assert_true(arena_on_end(a, note_end, &ids[1]));
    assert_non_null(arena_alloc(a, 100000)); /* a block of its own */
    assert_true(arena_on_end(a, note_end, &ids[2]));
    arena_rewind(a, mark);
    assert_int_equal(ends, 2);
    assert_int_equal(log_of_ends[0], 3);
    assert_int_equal(log_of_ends[1], 2);
    assert_int_equal(arena_bytes_used(a), used);
    arena_destroy(&a);
    assert_int_equal(ends, 3);
}

static void text_is_copied_and_terminated(void **state) {
    struct arena *a = arena_create(1 << 16);
    struct slice s = arena_copy(a, SLICE("ab\0c"));
    assert_int_equal(s.len, 4);
    assert_int_equal(s.ptr[4], 0);
    assert_string_equal(arena_cstr(a, SLICE_NONE), "");
    s = arena_printf(a, "%d-%s", 42, "x");
    assert_true(slice_eq(s, SLICE("42-x")));
    arena_destroy(&a);
}

static void each_failing_allocation_is_reported(void **state) {
    for (uint64_t nth = 1;; nth++) {
        fault_arm(FAULT_ALLOC, nth, false);
        struct arena *a = arena_create(1 << 20);
        if (a) {
            void *small = arena_alloc(a, 10), *large = arena_alloc(a, 100000);
            assert_true(arena_overflowed(a) == (!small || !large));
        }
        bool fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        arena_destroy(&a);
        if (!fired) {
            assert_true(nth > 2);
            return;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(ceiling_is_kept_and_remembered),
        cmocka_unit_test(rewind_runs_only_newer_clean_ups_newest_first),
        cmocka_unit_test(text_is_copied_and_terminated),
        cmocka_unit_test(each_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
