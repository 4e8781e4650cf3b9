/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/id.h"
#include "base/mem.h"
#include "base/thread.h"

enum { THREADS = 4, IDS_EACH = 20000 };
static struct id_maker *shared;

static void make_many(void *arg) {
    int64_t *ids = arg;
    for (int i = 0; i < IDS_EACH; i++) ids[i] = id_next(shared);
}
static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* On a clock that stands still all come from the sequence, which must carry over. */
static void ids_grow_and_never_repeat_across_threads(void **state) {
    struct clock *c = clock_manual_create(utc_from_seconds(1800000000));
    shared = id_maker_create(c, 5);
    int64_t *ids = mem_zalloc_array(THREADS * IDS_EACH, sizeof *ids);
    struct thread *threads[THREADS];
    for (int t = 0; t < THREADS; t++) assert_int_equal(thread_start(&threads[t], "ids", make_many, ids + (size_t)t * IDS_EACH).kind, ERR_NONE);
    for (int t = 0; t < THREADS; t++) thread_join(&threads[t]);
    for (int t = 0; t < THREADS; t++)
        for (int i = 1; i < IDS_EACH; i++) assert_true(ids[t * IDS_EACH + i] > ids[t * IDS_EACH + i - 1]);
    qsort(ids, THREADS * IDS_EACH, sizeof *ids, by_value);
    for (int i = 1; i < THREADS * IDS_EACH; i++) assert_true(ids[i] > ids[i - 1]);
    assert_true(ids[0] > 0);
    assert_int_equal(ids[0] >> 16 & 63, 5);
    int64_t last = id_next(shared);
    clock_manual_set_utc(c, utc_from_seconds(1700000000)); /* the clock goes back; ids do not */
    assert_true(id_next(shared) > last);
    mem_free(ids);
    id_maker_destroy(&shared);
    clock_manual_destroy(&c);
}

static void ids_begin_behind_what_is_stored(void **state) {
    struct clock *c = clock_manual_create(utc_from_seconds(1800000000));
    struct id_maker *before = id_maker_create(c, 5), *after = id_maker_create(c, 0);
    int64_t newest = 0;
    for (int i = 0; i < 100; i++) newest = id_next(before);
    clock_manual_set_utc(c, utc_from_seconds(1700000000)); /* while the program was not running */
    id_maker_begin_after(after, newest);
    int64_t next = id_next(after);
    assert_true(next > newest);
    id_maker_begin_after(after, 1);
    id_maker_begin_after(after, 0);
    assert_true(id_next(after) > next);
    id_maker_destroy(&before);
    id_maker_destroy(&after);
    clock_manual_destroy(&c);
}

static void public_ids_parse_back_and_nothing_else_does(void **state) {
    struct public_id id = public_id_random(), other = public_id_random(), back;
    assert_true(public_id_parse(public_id_slice(&id), &back));
    assert_string_equal(id.text, back.text);
    assert_string_not_equal(id.text, other.text);
    assert_false(public_id_parse(SLICE("short"), &back));
    assert_false(public_id_parse(SLICE("7zr3v9k2m8qd41xu"), &back)); /* no u in the alphabet */
    assert_false(public_id_parse(SLICE("7ZR3V9K2M8QD41XH"), &back));
    assert_false(public_id_parse(SLICE("7zr3v9k2m8qd41x\0"), &back));
    assert_string_equal(id.text, back.text);
}

static void public_ids_of_one_time_lie_together(void **state) {
    static const struct public_id none;
    struct clock *c = clock_manual_create(utc_from_seconds(1800000000));
    struct id_maker *ids = id_maker_create(c, 63);
    struct public_id before = none, id, back;
    for (int i = 0; i < 200; i++) {
        int64_t number = id_next(ids);
        struct public_id twin = public_id_near(number);
        id = public_id_near(number);
        assert_true(public_id_parse(public_id_slice(&id), &back));
        assert_memory_equal(id.text, twin.text, 6);
        assert_string_not_equal(id.text, twin.text);
        assert_true(memcmp(before.text, id.text, 6) < 0);
        before = id;
        clock_manual_set_utc(c, (struct utc_time){(1800000000000 + 16 * (i + 1)) * NS_PER_MS});
    }
    id_maker_destroy(&ids);
    clock_manual_destroy(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(ids_grow_and_never_repeat_across_threads),
                                       cmocka_unit_test(ids_begin_behind_what_is_stored),
                                       cmocka_unit_test(public_ids_parse_back_and_nothing_else_does),
                                       cmocka_unit_test(public_ids_of_one_time_lie_together)};
    return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
