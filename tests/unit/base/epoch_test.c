/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/epoch.h"
#include "base/thread.h"

/* Things that are never freed, only marked as if they were: a reader that meets such a one has been let down. */
enum { THINGS = 64, CHANGES = 30000, GIVEN_BACK = 100, READERS = 3 };
struct thing {
    _Atomic uint64_t is_gone, number;
};
static struct {
    struct thing things[THINGS];
    struct thing *_Atomic shown;
    _Atomic bool is_over;
    _Atomic uint64_t read, let_down;
} hall;

static void look_on(void *arg) {
    (void)arg;
    while (!atomic_load(&hall.is_over)) {
        struct epoch_place *outer = epoch_enter(), *inner = epoch_enter();
        const struct thing *t = atomic_load_explicit(&hall.shown, memory_order_acquire);
        epoch_leave(inner); /* still within the outer one */
        uint64_t number = atomic_load_explicit(&t->number, memory_order_relaxed), bad = 0;
        for (int i = 0; i < 8; i++)
            bad |= atomic_load_explicit(&t->is_gone, memory_order_relaxed) | (atomic_load_explicit(&t->number, memory_order_relaxed) ^ number);
        epoch_leave(outer);
        if (bad) atomic_fetch_add(&hall.let_down, 1);
        atomic_fetch_add_explicit(&hall.read, 1, memory_order_relaxed);
    }
}

static void show_and_take_away(bool has_barrier) {
    epoch_leave(epoch_enter()); /* finds out what there is */
    if (has_barrier && !epoch_has_barrier) skip();
    epoch_has_barrier = has_barrier;
    atomic_store(&hall.is_over, false);
    atomic_store(&hall.read, 0);
    uint64_t gone_in[THINGS] = {0}; /* 0: free to be shown */
    for (int i = 0; i < THINGS; i++) atomic_store(&hall.things[i].is_gone, i != 0);
    atomic_store(&hall.shown, &hall.things[0]);
    struct thread *readers[READERS];
    for (int i = 0; i < READERS; i++) assert_int_equal(thread_start(&readers[i], "reader", look_on, NULL).kind, ERR_NONE);
    int shown = 0, given_back = 0;
    for (int n = 0, changes = 0; changes < CHANGES || given_back < GIVEN_BACK; n = (n + 1) % THINGS) {
        uint64_t oldest = n % 8 ? 0 : epoch_oldest();
        for (int i = 0; oldest && i < THINGS; i++)
            if (gone_in[i] && gone_in[i] < oldest) {
                atomic_store_explicit(&hall.things[i].is_gone, 1, memory_order_relaxed);
                gone_in[i] = 0;
                given_back++;
            }
        if (n == shown || gone_in[n]) {
            if (n % 8 == 0) sched_yield(); /* perhaps a reader that waits for a processor holds all of it */
            continue;
        }
        atomic_store_explicit(&hall.things[n].number, (uint64_t)changes, memory_order_relaxed);
        atomic_store_explicit(&hall.things[n].is_gone, 0, memory_order_relaxed);
        atomic_store_explicit(&hall.shown, &hall.things[n], memory_order_release);
        gone_in[shown] = epoch_end();
        shown = n;
        changes++;
    }
    while (atomic_load(&hall.read) < 1000) {}
    atomic_store(&hall.is_over, true);
    for (int i = 0; i < READERS; i++) thread_join(&readers[i]);
    assert_int_equal(atomic_load(&hall.let_down), 0);
    assert_true(epoch_oldest() == UINT64_MAX); /* nobody reads */
}
static void nothing_is_given_back_under_a_reader(void **state) { show_and_take_away(true); }
static void nor_where_the_kernel_has_no_barrier(void **state) { show_and_take_away(false); }

static void the_oldest_reader_counts(void **state) {
    uint64_t before = epoch_end();
    struct epoch_place *outer = epoch_enter();
    uint64_t during = epoch_end();
    struct epoch_place *inner = epoch_enter(); /* is still in the epoch of the outer one */
    assert_true(epoch_oldest() > before && epoch_oldest() <= during);
    epoch_leave(inner);
    assert_true(epoch_oldest() <= during);
    epoch_leave(outer);
    assert_true(epoch_oldest() == UINT64_MAX);
}

/* More threads than there are places: those without one are seen as well. */
enum { CROWD = EPOCH_PLACES + 20 };
static struct {
    _Atomic int inside;
    _Atomic bool may_leave;
} crowd;
static void stand_in(void *arg) {
    (void)arg;
    struct epoch_place *outer = epoch_enter(), *inner = epoch_enter();
    epoch_leave(inner);
    atomic_fetch_add(&crowd.inside, 1);
    while (!atomic_load(&crowd.may_leave)) sched_yield();
    epoch_leave(outer);
}
static void a_crowd_is_seen(void **state) {
    static struct thread *threads[CROWD];
    for (int i = 0; i < CROWD; i++) assert_int_equal(thread_start(&threads[i], "reader", stand_in, NULL).kind, ERR_NONE);
    while (atomic_load(&crowd.inside) < CROWD) sched_yield();
    assert_true(epoch_oldest() == 0);
    atomic_store(&crowd.may_leave, true);
    for (int i = 0; i < CROWD; i++) thread_join(&threads[i]);
    assert_true(epoch_oldest() == UINT64_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_reader_counts),
        cmocka_unit_test(nothing_is_given_back_under_a_reader),
        cmocka_unit_test(nor_where_the_kernel_has_no_barrier),
        cmocka_unit_test(a_crowd_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
