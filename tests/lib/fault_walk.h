/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * fault_walk.h: one life after the other, in each of which every step meets a failure at the same place: its n-th allocation, write, sync or read. It ends with the life in
 * which no step got so far any more. Every place in the long form (GRANDSTAND_TEST_LONG), else so many of them, beginning at one that changes (GRANDSTAND_TEST_SEED).
 *
 *     static void live(void *world, struct fault_walk *w) {
 *         struct err e = FAULT_STEP(w, title_create(world, &id)); // it meets the failure, or has no such place
 *         if (e.kind) assert_nothing_of_it_stands(world);         // nothing is failing here
 *         ...
 *     }
 *
 * What a step's threads have left to do when it returns is not failed. Layers under SQLite: sqlite_faults.h. */
#ifndef TESTS_LIB_FAULT_WALK_H
#define TESTS_LIB_FAULT_WALK_H

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/rng.h"
#include "sqlite_faults.h"
#include "store.h"

struct fault_walk {
    enum fault_point point;
    uint64_t nth;       /* 0: nothing fails */
    int64_t life;       /* which; for names that nobody had yet */
    bool has_fired;     /* in this life */
    uint64_t failed;    /* steps that met it and said so */
    const char *step;   /* for whoever reads what failed; may be NULL */
};

static inline void fault_step_begin(struct fault_walk *w) {
    if (w->point == FAULT_READ) sqlite_caches_drop(); /* else nothing would be left to be read */
    fault_arm(w->point, w->nth, false);
}
/* What may be answered while something fails; anything else fails the test. */
static inline struct err fault_step_end(struct fault_walk *w, struct err e) {
    bool fired = fault_fired(w->point);
    fault_disarm_all();
    w->has_fired |= fired;
    if (e.kind && !(fired && (e.kind == ERR_LIMIT || e.kind == ERR_IO))) {
        print_error("point %d, %llu: %s\n", w->point, (unsigned long long)w->nth, w->step ? w->step : "a step");
        assert_ok(e);
    }
    w->failed += e.kind != ERR_NONE;
    return e;
}
#define FAULT_STEP(w, call) (fault_step_begin(w), fault_step_end((w), (call)))

/* The commit's answer was lost, and nobody could be asked: only then may something stand that was answered with an error. */
static inline bool fault_is_in_doubt(struct err e) { return e.kind && !strcmp(e.code, "db.in_doubt"); }

/* `strides`: by enum fault_point, of the short form; 0: this point is not walked. */
static inline void fault_walk(void (*live)(void *world, struct fault_walk *), void *world, const uint64_t strides[FAULT_POINTS]) {
    uint64_t seed;
    rng_secure(&seed, sizeof seed);
    if (getenv("GRANDSTAND_TEST_SEED")) seed = strtoull(getenv("GRANDSTAND_TEST_SEED"), NULL, 10);
    print_message("# seed %llu\n", (unsigned long long)seed);
    struct rng rng = rng_seeded(seed);
    struct fault_walk w = {.life = 1};
    live(world, &w); /* statements are prepared by then */
    for (int point = 0; point < FAULT_POINTS; point++) {
        if (!strides[point]) continue;
        uint64_t stride = getenv("GRANDSTAND_TEST_LONG") ? 1 : strides[point], lives = 0;
        w.point = (enum fault_point)point;
        w.failed = 0;
        w.nth = 1 + rng_below(&rng, stride);
        do {
            w.life++;
            w.has_fired = false;
            live(world, &w);
            w.nth += stride;
            lives++;
        } while (w.has_fired);
        print_message("# point %d: %llu lives, %llu steps failed\n", point, (unsigned long long)lives, (unsigned long long)w.failed);
        assert_true(w.failed > 0 || stride > 1);
    }
}

#endif
