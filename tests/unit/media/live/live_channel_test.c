/* SPDX-License-Identifier: AGPL-3.0-or-later */
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

static int set_up(void **state) {
    clock = clock_manual_create(made_epoch);
    live = made_live(clock, 0);
    dir = made_dir();
    return 0;
}
static int tear_down(void **state) {
    live_destroy(&live);
    clock_manual_destroy(&clock);
    made_dir_remove(dir);
    return 0;
}

static void open_channel(void) { assert_ok(live_channel_open(live, &made_id, &(struct live_channel_options){.dir_fd = dir, .is_recorded = true})); }

static struct live_answer ask(const char *file) {
    struct live_answer a;
    live_ask(live, &made_id, &(struct live_ask){.file = slice_cstr(file)}, NULL, &a);
    return a;
}

/* What was sent is what viewers get, live and from the recording. */
static void check_all(const struct made_publisher *p) {
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

static void what_is_sent_is_what_is_seen_and_recorded(void **state) {
    static const struct made_stream streams[] = {
        {.num = 30, .den = 1, .gop = 30, .has_sound = true},
        {.num = 30, .den = 1, .gop = 60, .b_delay = 2, .has_sound = true, .offset_ms = 123456},
        {.num = 30000, .den = 1001, .gop = 60, .has_sound = true, .sample_rate = 44100},
        {.num = 25, .den = 1, .gop = 250, .b_delay = 1, .has_sound = true, .hz = 90000},
        {.num = 50, .den = 1, .gop = 75, .has_sound = true, .hz = 90000},
        {.num = 24000, .den = 1001, .gop = 48, .has_sound = true},
        {.num = 60, .den = 1, .gop = 20},
        {.num = 25, .den = 1, .gop = 1, .has_sound = true},
        {.num = 25, .den = 1, .gop = 0, .has_sound = true},
        {.has_sound = true},
        {.num = 5, .den = 1, .gop = 10, .has_sound = true},
    };
    for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
        open_channel();
        struct made_publisher p = {0};
        assert_ok(made_begin(&p, live, clock, streams[i]));
        made_send(&p, 20500);
        made_end(&p);
        assert_ok(live_channel_end(live, &made_id));
        check_all(&p);
        made_publisher_free(&p);
        tear_down(NULL), set_up(NULL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_sent_is_what_is_seen_and_recorded, set_up, tear_down),
    };
    (void)ask;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
