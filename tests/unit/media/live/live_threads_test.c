/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Publishers, viewers, a recorder, a keeper, and somebody who opens and ends channels, all at once. Runs under ThreadSanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/thread.h"
#include "live_maker.h"

enum { CHANNELS = 3, VIEWERS = 4, SAMPLES = 1500 };

static struct clock *test_clock;
static struct live *live;
static atomic_bool is_over;
static struct public_id ids[CHANNELS] = {{"aaaaaaaaaaaaaaaa"}, {"bbbbbbbbbbbbbbbb"}, {"cccccccccccccccc"}};
static atomic_ulong wakes, playlists, segments, cancelled;

/* One viewer's waiter: whoever takes it out of WAITING may use it again. */
struct viewer {
    struct live_waiter waiter;
    atomic_int is_waiting;
    struct rng rng;
};

static void on_ready(struct live_waiter *w) {
    struct viewer *v = (struct viewer *)w;
    atomic_fetch_add(&wakes, 1);
    atomic_store(&v->is_waiting, 0);
}

static void view(struct viewer *v) {
    const struct public_id *id = &ids[rng_below(&v->rng, CHANNELS)];
    struct live_answer a;
    live_ask(live, id, &(struct live_ask){.file = rng_below(&v->rng, 2) ? SLICE("v0.m3u8") : SLICE("a0.m3u8"), .skip = (enum live_skip)rng_below(&v->rng, 2)}, NULL, &a);
    if (a.kind != LIVE_ANSWER_BLOBS) {
        live_answer_release(&a);
        return;
    }
    atomic_fetch_add(&playlists, 1);
    /* The newest segment that the playlist names, and a place to wait. */
    struct slice rest = a.pieces[0].bytes, line;
    char file[40] = "";
    while (slice_next(&rest, '\n', &line))
        if (line.len && line.ptr[0] != '#' && line.len < sizeof file) (void)snprintf(file, sizeof file, "%.*s", SLICE_ARG(line));
    live_answer_release(&a);
    if (!file[0]) return;
    live_ask(live, id, &(struct live_ask){.file = slice_cstr(file)}, NULL, &a);
    if (a.kind == LIVE_ANSWER_BLOBS || a.kind == LIVE_ANSWER_FILE || a.kind == LIVE_ANSWER_GROWING) {
        struct buf bytes = BUF(16 << 20);
        struct seen_list seen = {0};
        made_bytes(&a, &bytes);
        made_read(buf_slice(&bytes), &seen);
        atomic_fetch_add(&segments, 1);
        seen_free(&seen);
        buf_free(&bytes);
    }
    live_answer_release(&a);
    uint64_t number = strtoull(file + 3, NULL, 10);
    atomic_store(&v->is_waiting, 1);
    live_ask(live, id, &(struct live_ask){.file = SLICE("v0.m3u8"), .has_msn = true, .msn = number + rng_below(&v->rng, 3), .has_part = true, .part = (uint32_t)rng_below(&v->rng, 6)},
             &v->waiter, &a);
    if (a.kind != LIVE_ANSWER_WAIT) {
        atomic_store(&v->is_waiting, 0);
        live_answer_release(&a);
        return;
    }
    /* Half of them have no patience. */
    if (rng_below(&v->rng, 2) && live_waiter_cancel(live, &v->waiter)) {
        atomic_fetch_add(&cancelled, 1);
        return;
    }
    while (atomic_load(&v->is_waiting) && !atomic_load(&is_over)) sched_yield();
    if (live_waiter_cancel(live, &v->waiter)) return;
    while (atomic_load(&v->is_waiting)) sched_yield(); /* it is being called */
}

static void viewer_run(void *arg) {
    struct viewer *v = arg;
    while (!atomic_load(&is_over)) view(v);
}

/* Publishers go on until enough has happened at the same time. */
static bool is_enough(void) {
    return atomic_load(&playlists) > 300 && atomic_load(&segments) > 100 && atomic_load(&wakes) > 50 && atomic_load(&cancelled) > 50;
}

struct publisher {
    size_t channel;
    uint64_t sent;
};

static void publisher_run(void *arg) {
    struct publisher *p = arg;
    struct rng rng = rng_seeded(p->channel);
    struct cmaf_track tracks[2] = {made_h264(), made_aac()};
    tracks[0].timescale = tracks[1].timescale = 1000, tracks[1].sample_rate = 48000, tracks[1].channels = 2;
    for (int i = 0; i < 2; i++) assert_ok(cmaf_track_complete(&tracks[i]));
    for (int visit = 0; visit < 3 || (!is_enough() && visit < 2000); visit++) {
        struct live_feed *feed;
        if (live_feed_begin(live, &ids[p->channel], &(struct feed_hello){.protocol = "rtmp"}, &feed).kind) continue; /* the channel is closed just now */
        struct err e = live_feed_tracks(feed, tracks, 2);
        for (int64_t i = 0; i < SAMPLES && !e.kind; i++) {
            bool is_video = i % 2;
            int64_t ms = i / 2 * (is_video ? 40 : 40);
            char data[64];
            uint32_t name = (uint32_t)i;
            memcpy(data, &name, 4);
            for (uint32_t k = 4; k < sizeof data; k++) data[k] = (char)(name * 7 + k * 13);
            struct utc_time now = clock_utc(test_clock);
            struct feed_sample s = {.track = is_video ? 0 : 1, .dts = ms, .pts = ms, .is_sync = !is_video || i / 2 % 25 == 0, .data = slice_of(data, 8 + rng_below(&rng, 56)), .arrived = now, .captured = now};
            e = live_feed_sample(feed, &s);
            p->sent++;
            if (is_video) clock_manual_advance(test_clock, 20 * NS_PER_MS);
            if (i % 16 == 0) sched_yield();
            if (i % 100 == 0) live_feed_health(feed, &(struct feed_health){.bytes = (uint64_t)i});
        }
        live_feed_end(&feed, ERR_OK);
    }
}

/* Opens and ends the third channel again and again, and looks at all of them. */
static void admin_run(void *arg) {
    int *dirs = arg;
    for (int round = 0; !atomic_load(&is_over); round++) {
        struct live_health h;
        for (int i = 0; i < CHANNELS; i++) (void)!live_channel_health(live, &ids[i], &h).kind;
        live_test_tick(live);
        live_channel_alarm(live, &ids[0], LIVE_ALARM_BLACK, round % 2);
        live_channel_level(live, &ids[1], -round);
        struct err e = live_channel_preview(live, &ids[round % 2], SLICE("jpeg"));
        e = live_channel_still(live, &ids[0], &(struct live_still){.jpeg = SLICE("jpeg"), .time_ns = round * NS_PER_S, .interval_ms = 1000, .count = 1, .width = 160, .height = 90, .columns = 1, .rows = 1});
        if (round % 7 == 3) e = live_channel_end(live, &ids[2]);
        if (round % 7 == 5) {
            e = live_channel_close(live, &ids[2]);
            int fresh = made_dir();
            e = live_channel_open(live, &ids[2], &(struct live_channel_options){.dir_fd = fresh, .takes_over = true});
            made_dir_remove(dirs[2]);
            dirs[2] = fresh;
        }
        (void)e;
    }
}

static void everybody_at_once(void **state) {
    test_clock = clock_manual_create(made_epoch);
    live = made_live(test_clock, 4 << 20);
    int dirs[CHANNELS];
    for (int i = 0; i < CHANNELS; i++) {
        dirs[i] = made_dir();
        assert_ok(live_channel_open(live, &ids[i], &(struct live_channel_options){.dir_fd = dirs[i], .is_recorded = i == 0, .dvr_ms = 60000}));
    }
    struct publisher publishers[CHANNELS] = {{.channel = 0}, {.channel = 1}, {.channel = 2}};
    struct viewer viewers[VIEWERS];
    struct thread *threads[CHANNELS + VIEWERS + 1] = {0};
    for (int i = 0; i < VIEWERS; i++) {
        viewers[i] = (struct viewer){.waiter.ready = on_ready, .rng = rng_seeded((uint64_t)i + 50)};
        assert_ok(thread_start(&threads[CHANNELS + i], "viewer", viewer_run, &viewers[i]));
    }
    for (int i = 0; i < CHANNELS; i++) assert_ok(thread_start(&threads[i], "publisher", publisher_run, &publishers[i]));
    assert_ok(thread_start(&threads[CHANNELS + VIEWERS], "admin", admin_run, dirs));
    for (int i = 0; i < CHANNELS; i++) thread_join(&threads[i]);
    atomic_store(&is_over, true);
    for (int i = CHANNELS; i < CHANNELS + VIEWERS + 1; i++) thread_join(&threads[i]);
    assert_true(publishers[0].sent >= 3 * SAMPLES);
    live_test_flush(live);
    struct live_health h;
    assert_ok(live_channel_health(live, &ids[0], &h));
    assert_int_equal(h.lost_parts, 0);
    assert_int_equal(h.recorded_parts, h.parts);
    assert_int_equal(h.waiters, 0);
    assert_true(is_enough());
    live_destroy(&live);
    clock_manual_destroy(&test_clock);
    for (int i = 0; i < CHANNELS; i++) made_dir_remove(dirs[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(everybody_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
