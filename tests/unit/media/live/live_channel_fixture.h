/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * live_channel_fixture.h: a channel on a clock that is set by hand, recorded in a folder of its own, and ways to ask it. For one source file of a program. */
#ifndef TESTS_LIVE_CHANNEL_FIXTURE_H
#define TESTS_LIVE_CHANNEL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "live_maker.h"

static struct clock *clock;
static struct live *live;
static int dir;

static inline int set_up(void **state) {
    clock = clock_manual_create(made_epoch);
    live = made_live(clock, 0);
    dir = made_dir();
    return 0;
}
static inline int tear_down(void **state) {
    live_destroy(&live);
    clock_manual_destroy(&clock);
    made_dir_remove(dir);
    return 0;
}

static inline void open_channel(void) { assert_ok(live_channel_open(live, &made_id, &(struct live_channel_options){.dir_fd = dir, .is_recorded = true})); }

static inline struct live_answer ask(const char *file) {
    struct live_answer a;
    live_ask(live, &made_id, &(struct live_ask){.file = slice_cstr(file)}, NULL, &a);
    return a;
}

/* What was sent is what viewers get, live and from the recording. */
static inline void check_all(const struct made_publisher *p) {
    live_test_flush(live);
    for (int k = 0; k < 2; k++) {
        struct seen_list found = {0};
        const struct seen_list *sent = k ? &p->audio : &p->video;
        if (!sent->count) continue;
        made_fetch(live, NULL, k ? "a0" : "v0", &found);
        made_compare(sent, &found);
        seen_free(&found);
    }
    struct arena *arena = arena_create(8 << 20);
    const struct live_recording *r;
    assert_ok(live_recording_open(dir, arena, &r));
    for (int k = 0; k < 2; k++) {
        struct seen_list found = {0};
        const struct seen_list *sent = k ? &p->audio : &p->video;
        if (!sent->count) continue;
        made_fetch(NULL, r, k ? "a0" : "v0", &found);
        made_compare(sent, &found);
        seen_free(&found);
    }
    arena_destroy(&arena);
}

static inline struct live_answer ask_range(const char *file, uint64_t first, uint64_t last, struct live_waiter *w) {
    struct live_answer a;
    live_ask(live, &made_id, &(struct live_ask){.file = slice_cstr(file), .has_range = true, .range_first = first, .range_last = last}, w, &a);
    return a;
}

static inline struct live_answer ask_blocking(const char *file, uint64_t msn, int part, struct live_waiter *w) {
    struct live_answer a;
    live_ask(live, &made_id, &(struct live_ask){.file = slice_cstr(file), .has_msn = true, .msn = msn, .has_part = part >= 0, .part = (uint32_t)part}, w, &a);
    return a;
}

static inline void check_error(struct live_answer a, enum err_kind kind, const char *code) {
    assert_int_equal(a.kind, LIVE_ANSWER_ERROR);
    assert_int_equal(a.error.kind, kind);
    assert_string_equal(a.error.code, code);
}

struct counted {
    struct live_waiter waiter;
    int calls;
};
static inline void count_call(struct live_waiter *w) { ((struct counted *)w)->calls++; }
#define COUNTED ((struct counted){.waiter.ready = count_call})

static const struct made_stream usual = {.num = 30, .den = 1, .gop = 30, .has_sound = true};

/* Reads "name" out of a playlist: the rest of the line behind the last place where it stands. */
static inline bool last_of(struct slice text, const char *name, char *out, size_t size) {
    struct slice rest = text, line;
    bool is_there = false;
    while (slice_next(&rest, '\n', &line)) {
        if (!slice_starts_with(line, slice_cstr(name))) continue;
        (void)snprintf(out, size, "%.*s", SLICE_ARG(slice_sub(line, strlen(name), line.len)));
        is_there = true;
    }
    return is_there;
}

#endif
