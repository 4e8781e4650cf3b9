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

/* ---- asking ---- */

static struct live_answer ask_range(const char *file, uint64_t first, uint64_t last, struct live_waiter *w) {
    struct live_answer a;
    live_ask(live, &made_id, &(struct live_ask){.file = slice_cstr(file), .has_range = true, .range_first = first, .range_last = last}, w, &a);
    return a;
}

static struct live_answer ask_blocking(const char *file, uint64_t msn, int part, struct live_waiter *w) {
    struct live_answer a;
    live_ask(live, &made_id, &(struct live_ask){.file = slice_cstr(file), .has_msn = true, .msn = msn, .has_part = part >= 0, .part = (uint32_t)part}, w, &a);
    return a;
}

static void check_error(struct live_answer a, enum err_kind kind, const char *code) {
    assert_int_equal(a.kind, LIVE_ANSWER_ERROR);
    assert_int_equal(a.error.kind, kind);
    assert_string_equal(a.error.code, code);
}

struct counted {
    struct live_waiter waiter;
    int calls;
};
static void count_call(struct live_waiter *w) { ((struct counted *)w)->calls++; }
#define COUNTED ((struct counted){.waiter.ready = count_call})

static const struct made_stream usual = {.num = 30, .den = 1, .gop = 30, .has_sound = true};

static void nothing_is_there_before_the_first_picture(void **state) {
    open_channel();
    check_error(ask("master.m3u8"), ERR_BUSY, "live.waiting");
    check_error(ask("manifest.mpd"), ERR_BUSY, "live.waiting");
    check_error(ask("v0.m3u8"), ERR_NOT_FOUND, "live.file");
    check_error(ask("poster.jpg"), ERR_NOT_FOUND, "live.file");
    struct live_answer a;
    live_ask(live, &(struct public_id){"zzzzzzzzzzzzzzzz"}, &(struct live_ask){.file = SLICE("v0.m3u8")}, NULL, &a);
    check_error(a, ERR_NOT_FOUND, "live.channel");
    static const char *const names[] = {"", "v0", "v8.m3u8", "v0-01.m4s", "v0-.m4s", "v0--1.m4s", "v0-1.m4s/", "../v0.m3u8", "v0-i.mp4", "v0-i01.mp4", "a0-iframes.m3u8", "thumbs-.jpg",
                                        "v0-99999999999999999999.m4s", "live.idx", "v0-h0.m4s"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_null(live_content_type(slice_cstr(names[i])));
        check_error(ask(names[i]), ERR_NOT_FOUND, "live.file");
    }
    assert_string_equal(live_content_type(SLICE("a1-77.m4s")), "audio/mp4");
}

static void a_held_playlist_is_answered_by_the_part_it_waits_for(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    made_send(&p, 3100); /* segment 1, three parts: 2.0, 2.33, 2.67 */
    struct counted w[4] = {COUNTED, COUNTED, COUNTED, COUNTED};
    struct live_answer a = ask_blocking("v0.m3u8", 1, 2, &w[0].waiter);
    assert_int_equal(a.kind, LIVE_ANSWER_BLOBS);
    live_answer_release(&a);
    assert_int_equal(ask_blocking("v0.m3u8", 1, 3, &w[0].waiter).kind, LIVE_ANSWER_WAIT);
    assert_int_equal(ask_blocking("v0.m3u8", 1, -1, &w[1].waiter).kind, LIVE_ANSWER_WAIT);
    assert_int_equal(ask_blocking("v0.m3u8", 2, 0, &w[2].waiter).kind, LIVE_ANSWER_WAIT);
    assert_int_equal(ask_blocking("v0.m3u8", 1, 17, &w[3].waiter).kind, LIVE_ANSWER_WAIT); /* behind the last part: the next segment's first */
    check_error(ask_blocking("v0.m3u8", 4, 0, NULL), ERR_INPUT, "live.msn");
    struct live_health h;
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_int_equal(h.waiters, 4);
    made_send(&p, 233);
    for (int i = 0; i < 4; i++) assert_int_equal(w[i].calls, i == 0);
    made_send(&p, 667);
    for (int i = 0; i < 4; i++) assert_int_equal(w[i].calls, i < 2);
    made_send(&p, 333);
    for (int i = 0; i < 4; i++) assert_int_equal(w[i].calls, 1);
    for (int i = 0; i < 4; i++) assert_false(live_waiter_cancel(live, &w[i].waiter));
    assert_int_equal(ask_blocking("v0.m3u8", 3, -1, &w[0].waiter).kind, LIVE_ANSWER_WAIT);
    assert_true(live_waiter_cancel(live, &w[0].waiter));
    made_send(&p, 5000);
    assert_int_equal(w[0].calls, 1);
    live_ask(live, &made_id, &(struct live_ask){.file = SLICE("v0.m3u8"), .has_part = true}, NULL, &a);
    check_error(a, ERR_INPUT, "live.msn");
    made_end(&p);
    made_publisher_free(&p);
}

static void a_part_is_there_with_its_last_frame_and_not_one_later(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 30, .den = 1, .gop = 30}));
    made_send(&p, 1000);
    struct counted w = COUNTED;
    assert_int_equal(ask_blocking("v0.m3u8", 0, 3, &w.waiter).kind, LIVE_ANSWER_WAIT);
    for (int i = 1; i <= 9; i++) {
        made_send(&p, 33); /* one frame */
        assert_int_equal(w.calls, 0);
    }
    made_send(&p, 33);
    assert_int_equal(w.calls, 1);
    made_end(&p);
    made_publisher_free(&p);
}

/* Reads "name" out of a playlist: the rest of the line behind the last place where it stands. */
static bool last_of(struct slice text, const char *name, char *out, size_t size) {
    struct slice rest = text, line;
    bool is_there = false;
    while (slice_next(&rest, '\n', &line)) {
        if (!slice_starts_with(line, slice_cstr(name))) continue;
        (void)snprintf(out, size, "%.*s", SLICE_ARG(slice_sub(line, strlen(name), line.len)));
        is_there = true;
    }
    return is_there;
}

static void hints_hold(void **state) {
    static const struct made_stream streams[] = {{.num = 30, .den = 1, .gop = 30, .has_sound = true}, {.num = 25, .den = 1, .gop = 37, .has_sound = true}, {.num = 25, .den = 1, .gop = 200, .has_sound = true}, {.num = 50, .den = 1, .gop = 110}};
    for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
        open_channel();
        struct made_publisher p = {0};
        assert_ok(made_begin(&p, live, clock, streams[i]));
        made_send(&p, 8000); /* long enough to know the groups of pictures */
        for (int round = 0; round < 60; round++) {
            for (int k = 0; k < (streams[i].has_sound ? 2 : 1); k++) {
                struct buf text = made_text(live, k ? "a0.m3u8" : "v0.m3u8");
                char hint[128], file[32];
                unsigned long long start;
                assert_true(last_of(buf_slice(&text), "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"", hint, sizeof hint));
                assert_int_equal(sscanf(hint, "%31[^\"]\",BYTERANGE-START=%llu", file, &start), 2);
                struct counted w = COUNTED;
                struct live_answer a = ask_range(file, start, UINT64_MAX, &w.waiter);
                assert_int_equal(a.kind, LIVE_ANSWER_WAIT);
                for (int n = 0; n < 40 && !w.calls; n++) made_send(&p, 20);
                assert_int_equal(w.calls, 1);
                a = ask_range(file, start, UINT64_MAX, &w.waiter);
                /* It is where the next part really begins. */
                assert_true(a.kind == LIVE_ANSWER_GROWING || a.kind == LIVE_ANSWER_BLOBS);
                assert_int_equal(a.first, start);
                struct seen_list seen = {0};
                struct buf bytes = BUF(1 << 20);
                made_bytes(&a, &bytes);
                made_read(buf_slice(&bytes), &seen);
                assert_true(seen.count > 0);
                seen_free(&seen);
                buf_free(&bytes);
                live_answer_release(&a);
                buf_free(&text);
            }
        }
        made_end(&p);
        made_publisher_free(&p);
        tear_down(NULL), set_up(NULL);
    }
}

/* Follows one growing segment to its end, and gives its bytes. */
static void a_growing_segment_streams_to_its_end(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    made_send(&p, 4500);
    struct buf streamed = BUF(8 << 20), whole = BUF(8 << 20);
    struct counted w = COUNTED;
    struct live_answer a;
    uint64_t next = 0;
    int waits = 0;
    for (bool goes_on = true; goes_on;) {
        a = ask_range("v0-2.m4s", next, UINT64_MAX, &w.waiter);
        if (a.kind == LIVE_ANSWER_WAIT) {
            waits++;
            while (!w.calls) made_send(&p, 10);
            w.calls = 0;
            continue;
        }
        if (a.kind == LIVE_ANSWER_ERROR) { /* it ended just where we were */
            assert_string_equal(a.error.code, "live.range");
            break;
        }
        goes_on = a.kind == LIVE_ANSWER_GROWING;
        assert_int_equal(a.first, next);
        if (goes_on) assert_int_equal(a.total, 0);
        made_bytes(&a, &streamed);
        next = a.next;
        live_answer_release(&a);
    }
    assert_true(waits >= 4);
    a = ask("v0-2.m4s");
    assert_true(a.kind == LIVE_ANSWER_BLOBS || a.kind == LIVE_ANSWER_FILE);
    assert_true(a.is_final);
    made_bytes(&a, &whole);
    assert_int_equal(a.total, whole.len);
    live_answer_release(&a);
    assert_true(slice_eq(buf_slice(&streamed), buf_slice(&whole)));
    /* Every range of it is a piece of it, from memory and from the file. */
    for (int round = 0; round < 2; round++) {
        struct rng rng = rng_seeded(3);
        for (int i = 0; i < 200; i++) {
            uint64_t first = rng_below(&rng, whole.len), last = first + rng_below(&rng, whole.len);
            a = ask_range("v0-2.m4s", first, last, NULL);
            assert_true(a.kind == LIVE_ANSWER_BLOBS || a.kind == LIVE_ANSWER_FILE);
            struct buf part = BUF(8 << 20);
            made_bytes(&a, &part);
            assert_true(slice_eq(buf_slice(&part), slice_sub(buf_slice(&whole), first, last + 1)));
            assert_int_equal(a.bytes, part.len);
            live_answer_release(&a);
            buf_free(&part);
        }
        made_send(&p, 20000); /* by now it is out of memory */
        live_test_flush(live);
    }
    a = ask("v0-2.m4s");
    assert_int_equal(a.kind, LIVE_ANSWER_FILE);
    live_answer_release(&a);
    check_error(ask_range("v0-2.m4s", whole.len, UINT64_MAX, NULL), ERR_NOT_FOUND, "live.range");
    check_error(ask_range("v0-2.m4s", 5, 4, NULL), ERR_NOT_FOUND, "live.range");
    check_error(ask("v0-999.m4s"), ERR_NOT_FOUND, "live.file");
    buf_free(&streamed);
    buf_free(&whole);
    made_end(&p);
    made_publisher_free(&p);
}

static void the_end_answers_everybody(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    made_send(&p, 5150); /* inside a part */
    struct counted w[3] = {COUNTED, COUNTED, COUNTED};
    assert_int_equal(ask_blocking("v0.m3u8", 3, 0, &w[0].waiter).kind, LIVE_ANSWER_WAIT);
    assert_int_equal(ask_range("v0-3.m4s", 0, UINT64_MAX, &w[1].waiter).kind, LIVE_ANSWER_WAIT);
    struct live_answer a = ask_range("v0-2.m4s", 0, UINT64_MAX, NULL);
    assert_int_equal(a.kind, LIVE_ANSWER_GROWING);
    uint64_t next = a.next;
    live_answer_release(&a);
    assert_int_equal(ask_range("v0-2.m4s", next, UINT64_MAX, &w[2].waiter).kind, LIVE_ANSWER_WAIT);
    assert_ok(live_channel_end(live, &made_id));
    for (int i = 0; i < 3; i++) assert_int_equal(w[i].calls, 1);
    a = ask_blocking("v0.m3u8", 3, 0, NULL);
    assert_int_equal(a.kind, LIVE_ANSWER_BLOBS);
    assert_true(slice_find(a.pieces[0].bytes, SLICE("#EXT-X-ENDLIST")) != SLICE_NPOS);
    assert_true(slice_find(a.pieces[0].bytes, SLICE("PRELOAD-HINT")) == SLICE_NPOS);
    live_answer_release(&a);
    check_error(ask("v0-3.m4s"), ERR_NOT_FOUND, "live.file");
    a = ask_range("v0-2.m4s", next, UINT64_MAX, NULL); /* the last part, shorter than usual */
    assert_true(a.kind == LIVE_ANSWER_BLOBS || a.kind == LIVE_ANSWER_FILE);
    live_answer_release(&a);
    struct feed_sample s = {.data = SLICE("12345678")};
    assert_err(live_feed_sample(p.feed, &s), ERR_CANCELLED, "live.ended");
    made_end(&p);
    struct made_publisher late = {0};
    assert_err(made_begin(&late, live, clock, usual), ERR_CANCELLED, "live.ended");
    assert_ok(live_channel_end(live, &made_id));
    check_all(&p);
    made_publisher_free(&p);
}

/* ---- publishers ---- */

static void a_publisher_that_comes_back_goes_on_with_a_discontinuity(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    made_send(&p, 7130);
    made_end(&p);
    clock_manual_advance(clock, 20 * NS_PER_S);
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 25, .den = 1, .gop = 25, .has_sound = true, .offset_ms = 5000000, .height = 360, .hz = 90000}));
    made_send(&p, 6000);
    struct live_health h;
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_int_equal(h.discontinuities, 1);
    assert_int_equal(h.height, 360);
    /* The timeline has kept up with the wall clock. */
    assert_in_range(h.end_ns / NS_PER_MS, 32500, 33500);
    struct buf text = made_text(live, "v0.m3u8");
    char map[64];
    assert_true(last_of(buf_slice(&text), "#EXT-X-MAP:URI=\"", map, sizeof map));
    assert_string_equal(map, "v0-i2.mp4\"");
    assert_true(last_of(buf_slice(&text), "#EXT-X-DISCONTINUITY", map, sizeof map));
    buf_free(&text);
    struct live_answer a = ask("v0-i1.mp4");
    assert_int_equal(a.kind, LIVE_ANSWER_BLOBS);
    live_answer_release(&a);
    made_end(&p);
    assert_ok(live_channel_end(live, &made_id));
    check_all(&p);
    made_publisher_free(&p);
}

static void a_second_publisher_is_refused_or_takes_over(void **state) {
    open_channel();
    struct made_publisher first = {0}, second = {0};
    second.rng = rng_seeded(1);
    assert_ok(made_begin(&first, live, clock, usual));
    made_send(&first, 5000);
    assert_err(made_begin(&second, live, clock, usual), ERR_CONFLICT, "feed.taken");
    made_send(&first, 1000);
    assert_ok(live_channel_set(live, &made_id, 0, true));
    second.name = 1000000;
    assert_ok(made_begin(&second, live, clock, (struct made_stream){.num = 30, .den = 1, .gop = 30, .has_sound = true, .offset_ms = 777}));
    struct feed_sample s = {.data = SLICE("12345678")};
    assert_err(live_feed_sample(first.feed, &s), ERR_CANCELLED, "feed.taken_over");
    made_end(&first);
    made_send(&second, 5000);
    live_channel_cut_feed(live, &made_id);
    assert_err(live_feed_sample(second.feed, &s), ERR_CANCELLED, "feed.cut");
    made_end(&second);
    for (size_t i = 0; i < second.video.count; i++) seen_add(&first.video, second.video.all[i]);
    for (size_t i = 0; i < second.audio.count; i++) seen_add(&first.audio, second.audio.all[i]);
    assert_ok(live_channel_end(live, &made_id));
    check_all(&first);
    made_publisher_free(&first);
    made_publisher_free(&second);
}

static void a_silent_publisher_is_none(void **state) {
    open_channel();
    struct made_publisher first = {0}, second = {0};
    assert_ok(made_begin(&first, live, clock, usual));
    made_send(&first, 3000);
    clock_manual_advance(clock, 2 * NS_PER_S);
    assert_err(made_begin(&second, live, clock, usual), ERR_CONFLICT, "feed.taken");
    clock_manual_advance(clock, NS_PER_S);
    assert_ok(made_begin(&second, live, clock, usual));
    made_send(&second, 3000);
    made_end(&first);
    made_send(&second, 3000);
    struct live_health h;
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_true(h.has_feed);
    made_end(&second);
    made_publisher_free(&first);
    made_publisher_free(&second);
}

/* Frames are sent as fast as they come; only the order counts. */
static void jumps_lose_nothing(void **state) {
    static const int64_t jumps[] = {-60000, -1500, 3000, 3600000, INT64_C(4294967296)};
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
        made_send(&p, 4000);
        p.stream.offset_ms += jumps[i];
    }
    made_send(&p, 4000);
    made_end(&p);
    assert_ok(live_channel_end(live, &made_id));
    struct live_health h;
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_int_equal(h.discontinuities, ARRAY_LEN(jumps));
    /* Sound that came in the moment of a jump may have no place; pictures all have. */
    struct seen_list found = {0};
    made_fetch(live, NULL, "v0", &found);
    made_compare(&p.video, &found);
    seen_free(&found);
    made_fetch(live, NULL, "a0", &found);
    assert_in_range(found.count, p.audio.count - 20, p.audio.count);
    seen_free(&found);
    made_publisher_free(&p);
}

static void sound_that_stops_and_comes_back_leaves_gaps(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    made_send(&p, 5000);
    double audio = p.audio_s;
    (void)audio;
    p.stream.has_sound = false;
    made_send(&p, 15000);
    struct buf text = made_text(live, "a0.m3u8"); /* the playlist has gone on without it */
    assert_true(slice_find(buf_slice(&text), SLICE("#EXT-X-GAP\n")) != SLICE_NPOS);
    buf_free(&text);
    p.stream.has_sound = true;
    p.sounds = (int64_t)(p.video_s * 48000 / 1024);
    p.audio_s = (double)p.sounds * 1024 / 48000;
    made_send(&p, 6000);
    made_end(&p);
    assert_ok(live_channel_end(live, &made_id));
    check_all(&p);
    made_publisher_free(&p);
}

static void a_picture_that_freezes_does_not_hold_up_the_sound(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    made_send(&p, 5000);
    uint32_t num = p.stream.num;
    p.stream.num = 0;
    made_send(&p, 20000);
    struct live_health h;
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_in_range(h.end_ns / NS_PER_MS, 23000, 25100);
    live_test_tick(live);
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_true(h.alarms & LIVE_ALARM_KEYFRAMES);
    p.stream.num = num;
    p.frames = (int64_t)(p.audio_s * 30 + 29) / 30 * 30;
    p.video_s = (double)p.frames / 30;
    made_send(&p, 6000);
    live_test_tick(live);
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_false(h.alarms & LIVE_ALARM_KEYFRAMES);
    made_end(&p);
    assert_ok(live_channel_end(live, &made_id));
    check_all(&p);
    made_publisher_free(&p);
}

static void without_a_key_frame_sound_begins_alone_and_the_picture_joins(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 30, .den = 1, .gop = 1800, .has_sound = true}));
    p.frames = 1; /* the key frame was before we came */
    p.video_s = 1.0 / 30;
    made_send(&p, 59000);
    struct live_health h;
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_true(h.end_ns > 55 * NS_PER_S);
    check_error(ask("v0.m3u8"), ERR_BUSY, "live.waiting");
    live_test_tick(live);
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_true(h.alarms & LIVE_ALARM_KEYFRAMES);
    made_send(&p, 6000);
    struct buf text = made_text(live, "v0.m3u8");
    buf_free(&text);
    made_end(&p);
    assert_ok(live_channel_end(live, &made_id));
    struct seen_list found = {0};
    made_fetch(live, NULL, "v0", &found);
    assert_true(found.count > 100 && found.all[0].is_sync);
    seen_free(&found);
    made_fetch(live, NULL, "a0", &found);
    made_compare(&p.audio, &found);
    seen_free(&found);
    made_publisher_free(&p);
}

static void a_track_that_comes_late_joins(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    struct cmaf_track both[2] = {p.tracks[0], p.tracks[1]};
    assert_ok(live_feed_tracks(p.feed, both, 1)); /* the picture alone at first */
    p.stream.has_sound = false;
    made_send(&p, 5000);
    assert_ok(live_feed_tracks(p.feed, both, 2));
    p.stream.has_sound = true;
    p.sounds = (int64_t)(p.video_s * 48000 / 1024);
    p.audio_s = (double)p.sounds * 1024 / 48000;
    made_send(&p, 5000);
    assert_ok(live_feed_tracks(p.feed, both, 2)); /* the same again changes nothing */
    made_send(&p, 1000);
    struct live_health h;
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_int_equal(h.discontinuities, 0);
    made_end(&p);
    assert_ok(live_channel_end(live, &made_id));
    check_all(&p);
    made_publisher_free(&p);
}

static void parameters_that_change_begin_a_new_run(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    made_send(&p, 5000);
    p.tracks[0].width = 640, p.tracks[0].height = 360;
    assert_ok(live_feed_tracks(p.feed, p.tracks, 2));
    made_send(&p, 5000);
    struct cmaf_track other = made_aac();
    other.config = SLICE("\x12\x10"), other.timescale = 1000, other.sample_rate = 44100, other.channels = 2;
    assert_ok(cmaf_track_complete(&other));
    p.tracks[1] = other;
    p.stream.sample_rate = 44100;
    p.sounds = (int64_t)(p.audio_s * 44100 / 1024) + 1; /* not over what was sent */
    p.audio_s = (double)p.sounds * 1024 / 44100;
    assert_ok(live_feed_tracks(p.feed, p.tracks, 2));
    made_send(&p, 5000);
    made_end(&p);
    assert_ok(live_channel_end(live, &made_id));
    struct live_health h;
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_int_equal(h.discontinuities, 2);
    struct buf text = made_text(live, "a0.m3u8");
    assert_true(slice_find(buf_slice(&text), SLICE("a0-i2.mp4")) != SLICE_NPOS);
    buf_free(&text);
    check_all(&p);
    made_publisher_free(&p);
}

static void a_change_of_size_and_rate_begins_with_the_key_frame(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 25, .den = 1, .gop = 50, .has_sound = true}));
    made_send(&p, 4000);
    /* The encoder's picture is suddenly behind the time of day: the offset cannot stay. */
    clock_manual_advance(clock, 900 * NS_PER_MS);
    p.tracks[0].width = 640, p.tracks[0].height = 360;
    assert_ok(live_feed_tracks(p.feed, p.tracks, 2));
    p.frames = 120, p.stream.num = 30, p.stream.gop = 60; /* still at 4 s */
    made_send(&p, 6000);
    made_end(&p);
    struct buf text = made_text(live, "v0.m3u8");
    struct slice rest = buf_slice(&text), line;
    size_t segments = 0, at_discontinuity = SIZE_MAX, at_map = SIZE_MAX;
    while (slice_next(&rest, '\n', &line)) {
        if (slice_eq(line, SLICE("#EXT-X-DISCONTINUITY"))) at_discontinuity = segments;
        if (slice_starts_with(line, SLICE("#EXT-X-MAP:URI=\"v0-i2.mp4"))) at_map = segments;
        if (slice_starts_with(line, SLICE("#EXTINF:")) && !slice_starts_with(line, SLICE("#EXTINF:2.000000")) && segments < 5) fail_msg("%.*s", (int)text.len, text.ptr);
        segments += line.len && line.ptr[0] != '#';
    }
    assert_int_equal(at_discontinuity, 2);
    assert_int_equal(at_map, 2);
    buf_free(&text);
    assert_ok(live_channel_end(live, &made_id));
    check_all(&p);
    made_publisher_free(&p);
}

/* A clock that runs 900 ppm fast or slow is a second off after twenty minutes; most take a day for that. */
static void a_clock_that_drifts_is_followed(void **state) {
    static const double rates[] = {1.0009, 0.9991};
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        open_channel();
        struct made_publisher p = {0};
        assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 5, .den = 1, .gop = 10, .has_sound = true, .sample_rate = 8000, .bytes = 20, .rate = rates[i]}));
        made_send(&p, 3000000);
        struct live_health h;
        assert_ok(live_channel_health(live, &made_id, &h));
        assert_int_equal(h.discontinuities, 2);
        /* Where the newest period lies on the wall clock, its end is now. */
        struct buf text = made_text(live, "manifest.mpd");
        struct slice rest = buf_slice(&text), line;
        double period = 0, offset = 0;
        while (slice_next(&rest, '\n', &line)) {
            char copy[512];
            (void)snprintf(copy, sizeof copy, "%.*s", SLICE_ARG(line));
            const char *start = strstr(copy, " start=\"PT"), *from = strstr(copy, "presentationTimeOffset=\"");
            if (strstr(copy, "<Period") && start) period = atof(start + 10);
            if (strstr(copy, "v0-$Number$") && from) offset = atof(from + 24) / 360000;
        }
        double now = (double)(clock_utc(clock).ns - h.epoch.ns) / 1e9, end = period + (double)h.end_ns / 1e9 - offset;
        if (end < now - 1.5 || end > now + 1.5) fail_msg("the newest period ends at %.3f s, and it is %.3f s", end, now);
        buf_free(&text);
        made_end(&p);
        assert_ok(live_channel_end(live, &made_id));
        check_all(&p);
        made_publisher_free(&p);
        tear_down(NULL), set_up(NULL);
    }
}

static void a_picture_that_does_not_come_back_is_a_gap(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    made_send(&p, 6000);
    made_end(&p);
    clock_manual_advance(clock, 3 * NS_PER_S);
    struct made_stream sound_alone = {.has_sound = true, .offset_ms = 12345};
    assert_ok(made_begin(&p, live, clock, sound_alone));
    made_send(&p, 20000);
    char last[2][64], end[64];
    for (int k = 0; k < 2; k++) {
        struct buf text = made_text(live, k ? "a0.m3u8" : "v0.m3u8");
        assert_true(last_of(buf_slice(&text), k ? "a0-" : "v0-", last[k], sizeof last[k]));
        if (!k) assert_true(last_of(buf_slice(&text), "#EXT-X-GAP", end, sizeof end));
        buf_free(&text);
    }
    assert_true(atoi(last[0]) >= atoi(last[1]) - 2);
    made_end(&p);
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 30, .den = 1, .gop = 30, .has_sound = true, .offset_ms = 999}));
    made_send(&p, 6000);
    made_end(&p);
    assert_ok(live_channel_end(live, &made_id));
    check_all(&p);
    made_publisher_free(&p);
}

static void a_channel_of_an_hour_slides_and_forgets(void **state) {
    assert_ok(live_channel_open(live, &made_id, &(struct live_channel_options){.dir_fd = dir, .dvr_ms = 60000}));
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 5, .den = 1, .gop = 10, .has_sound = true, .sample_rate = 8000, .bytes = 40}));
    made_send(&p, 3590000);
    assert_true(fs_exists(dir, "v0-h0.m4s"));
    made_send(&p, 80000);
    live_test_flush(live);
    assert_false(fs_exists(dir, "v0-h0.m4s"));
    assert_false(fs_exists(dir, "v0-h0.idx"));
    assert_false(fs_exists(dir, "a0-h0.m4s"));
    assert_true(fs_exists(dir, "v0-h1.m4s"));
    check_error(ask("v0-3.m4s"), ERR_NOT_FOUND, "live.expired");
    struct live_health h;
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_in_range(h.window_ns / NS_PER_MS, 58000, 64000);
    struct buf text = made_text(live, "v0.m3u8");
    assert_in_range(text.len, 500, 6000);
    buf_free(&text);
    made_end(&p);
    made_publisher_free(&p);
}

static void without_a_folder_the_window_is_what_memory_holds(void **state) {
    live_destroy(&live);
    live = made_live(clock, 1 << 20);
    assert_ok(live_channel_open(live, &made_id, &(struct live_channel_options){.dir_fd = -1}));
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 25, .den = 1, .gop = 25, .has_sound = true, .bytes = 8000}));
    made_send(&p, 60000);
    struct live_health h;
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_in_range(h.ring_bytes, 1 << 18, 1 << 20);
    struct seen_list found = {0};
    made_fetch(live, NULL, "v0", &found);
    assert_true(found.count > 25);
    seen_free(&found);
    made_end(&p);
    made_publisher_free(&p);
}

static void opening_twice_and_strangers_are_refused(void **state) {
    open_channel();
    assert_err(live_channel_open(live, &made_id, &(struct live_channel_options){.dir_fd = -1}), ERR_CONFLICT, "live.open");
    const struct public_id nobody = {"zzzzzzzzzzzzzzzz"};
    struct live_feed *feed;
    assert_err(live_feed_begin(live, &nobody, &(struct feed_hello){.protocol = "srt"}, &feed), ERR_NOT_FOUND, "live.channel");
    assert_err(live_channel_end(live, &nobody), ERR_NOT_FOUND, "live.channel");
    assert_err(live_channel_close(live, &nobody), ERR_NOT_FOUND, "live.channel");
    struct public_id ids[4];
    assert_int_equal(live_channels(live, ids, 4), 1);
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    assert_err(live_feed_tracks(p.feed, NULL, 0), ERR_INPUT, "live.tracks");
    struct feed_sample s = {.track = 7, .data = SLICE("12345678")};
    assert_err(live_feed_sample(p.feed, &s), ERR_INPUT, "live.sample");
    assert_ok(live_channel_close(live, &made_id));
    assert_err(live_feed_sample(p.feed, &s), ERR_CANCELLED, "live.closed");
    assert_int_equal(live_channels(live, ids, 4), 0);
    made_end(&p);
    made_publisher_free(&p);
}

static void closing_tells_who_waits(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    made_send(&p, 3000);
    struct counted w = COUNTED;
    assert_int_equal(ask_blocking("v0.m3u8", 2, 0, &w.waiter).kind, LIVE_ANSWER_WAIT);
    assert_ok(live_channel_close(live, &made_id));
    assert_int_equal(w.calls, 1);
    check_error(ask_blocking("v0.m3u8", 2, 0, &w.waiter), ERR_NOT_FOUND, "live.channel");
    assert_false(live_waiter_cancel(live, &w.waiter));
    made_end(&p);
    made_publisher_free(&p);
}

/* Browsers drop pictures up to the next key frame where decode times leap, and stop where nothing is buffered. */
static void lost_frames_leave_no_hole_between_parts(void **state) {
    struct rng rng = rng_seeded(77);
    for (unsigned b_delay = 0; b_delay < 3; b_delay++) {
        open_channel();
        struct made_publisher p = {0};
        assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 30, .den = 1, .gop = 30, .b_delay = b_delay, .has_sound = true}));
        made_send(&p, 1000);
        for (int i = 0; i < 300; i++) {
            int64_t lost = rng_below(&rng, 8) ? 0 : 1 + (int64_t)rng_below(&rng, 20);
            p.frames += lost; /* key frames as well */
            p.video_s = (double)p.frames / 30;
            p.sounds += rng_below(&rng, 8) ? 0 : (int64_t)rng_below(&rng, 6);
            p.audio_s = (double)p.sounds * 1024 / 48000;
            made_send(&p, 100);
        }
        made_end(&p);
        assert_ok(live_channel_end(live, &made_id));
        struct live_health h;
        assert_ok(live_channel_health(live, &made_id, &h));
        assert_int_equal(h.discontinuities, 0);
        for (int k = 0; k < 2; k++) {
            struct seen_list found = {0};
            made_fetch(live, NULL, k ? "a0" : "v0", &found);
            struct buf text = made_text(live, k ? "a0.m3u8" : "v0.m3u8");
            bool has_gap = slice_find(buf_slice(&text), SLICE("#EXT-X-GAP")) != SLICE_NPOS;
            buf_free(&text);
            assert_false(has_gap && k == 0);
            for (size_t i = 1; !has_gap && i < found.count; i++) assert_int_equal(found.all[i].dts, found.all[i - 1].dts + found.all[i - 1].duration);
            seen_free(&found);
        }
        check_all(&p);
        made_publisher_free(&p);
        tear_down(NULL), set_up(NULL);
    }
}

/* A picture that changes now and then, as a screen that is shared: no segment is longer than the target, rounded. */
static void pictures_that_come_rarely_make_no_long_segments(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 30, .den = 1, .gop = 30, .has_sound = true}));
    made_send(&p, 3000);
    struct rng rng = rng_seeded(12);
    for (int i = 0; i < 80; i++) {
        int64_t skip = 5 + (int64_t)rng_below(&rng, 37);
        p.frames += skip; /* up to 1.4 s */
        p.video_s = (double)p.frames / 30;
        while (p.audio_s < p.video_s) {
            uint32_t num = p.stream.num;
            p.stream.num = 0;
            made_send(&p, 21);
            p.stream.num = num;
        }
        made_send(&p, 40);
    }
    for (int k = 0; k < 2; k++) {
        struct buf text = made_text(live, k ? "a0.m3u8" : "v0.m3u8");
        struct slice rest = buf_slice(&text), line;
        while (slice_next(&rest, '\n', &line)) {
            if (!slice_starts_with(line, SLICE("#EXTINF:"))) continue;
            char number[32];
            (void)snprintf(number, sizeof number, "%.*s", SLICE_ARG(slice_sub(line, 8, line.len)));
            if (atof(number) >= 2.5) fail_msg("a segment of %s s", number);
        }
        buf_free(&text);
    }
    made_end(&p);
    made_publisher_free(&p);
}

static void who_comes_into_a_long_group_of_pictures_begins_at_its_key_frame(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 25, .den = 1, .gop = 250, .b_delay = 2, .has_sound = true}));
    char value[64];
    for (int s = 1; s <= 25; s++) {
        made_send(&p, 1000);
        for (int k = 0; k < 2; k++) {
            struct buf text = made_text(live, k ? "a0.m3u8" : "v0.m3u8");
            bool is_told = last_of(buf_slice(&text), "#EXT-X-START:TIME-OFFSET=-", value, sizeof value);
            double back = is_told ? atof(value) : 0, wanted = s % 10; /* the key frames are at 0, 10 and 20 s, and a step is a little longer than a second */
            if (s % 10 >= 4 && !(is_told && back > wanted - 0.8 && back < wanted + 0.8)) fail_msg("%d s: told %d, %.3f", s, is_told, back);
            if (s % 10 == 2) assert_false(is_told);
            buf_free(&text);
        }
    }
    made_end(&p);
    assert_ok(live_channel_end(live, &made_id));
    struct buf text = made_text(live, "v0.m3u8");
    assert_false(last_of(buf_slice(&text), "#EXT-X-START", value, sizeof value));
    buf_free(&text);
    made_publisher_free(&p);
}

static void the_last_part_of_a_publisher_ends_its_segment(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    made_send(&p, 5100);
    made_end(&p);
    struct buf text = made_text(live, "v0.m3u8");
    char value[64];
    assert_true(last_of(buf_slice(&text), "#EXTINF:", value, sizeof value));
    assert_string_equal(value, "1.100000,");
    assert_true(last_of(buf_slice(&text), "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"", value, sizeof value));
    assert_string_equal(value, "v0-3.m4s\",BYTERANGE-START=0");
    buf_free(&text);
    made_publisher_free(&p);
}

/* An encoder that cannot keep up leaves pictures out, and does not say how long the others last. */
static void a_smaller_picture_with_holes_is_cut_all_the_same(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    made_send(&p, 1000);
    struct cmaf_track small = made_h264();
    small.timescale = 360000, small.width = 640, small.height = 360;
    assert_ok(cmaf_track_complete(&small));
    struct live_rendition *r;
    assert_ok(live_rendition_open(live, &made_id, "v1", &small, &r));
    struct rng rng = rng_seeded(6);
    for (int i = 0; i < 60; i++) {
        made_send(&p, 500);
        for (int k = 0; k < 15; k++) {
            int64_t n = 30 + i * 15 + k;
            bool is_sync = n % 30 == 0;
            if ((i / 10 % 2 && !is_sync) || (i / 10 == 4) || !rng_below(&rng, 10)) continue;
            char data[16];
            uint32_t name = (uint32_t)n;
            memcpy(data, &name, 4);
            for (uint32_t m = 4; m < sizeof data; m++) data[m] = (char)(name * 7 + m * 13);
            struct err e = live_rendition_sample(r, &(struct cmaf_sample){.dts = n * 12000, .pts = n * 12000, .bytes = sizeof data, .is_sync = is_sync, .data = data});
            assert_true(!e.kind || !strcmp(e.code, "live.late"));
        }
    }
    live_rendition_close(&r);
    struct buf text = made_text(live, "v1.m3u8");
    struct slice rest = buf_slice(&text), line;
    int count = 0;
    while (slice_next(&rest, '\n', &line)) {
        if (!slice_starts_with(line, SLICE("#EXTINF:"))) continue;
        char number[32];
        (void)snprintf(number, sizeof number, "%.*s", SLICE_ARG(slice_sub(line, 8, line.len)));
        if (atof(number) >= 2.5) fail_msg("a segment of %s s", number);
        count++;
    }
    assert_in_range(count, 13, 16);
    buf_free(&text);
    made_end(&p);
    made_publisher_free(&p);
}

/* ---- who listens to what is taken ---- */

static struct seen_list tapped[2];
static size_t tap_calls, tapped_tracks;
static void tap_tracks(void *user, const struct public_id *id, const struct cmaf_track *tracks, size_t count) {
    tap_calls++;
    tapped_tracks = count;
    for (size_t i = 0; i < count; i++) {
        struct buf init = BUF(1 << 20);
        assert_ok(cmaf_init_build(&tracks[i], 0, SLICE_NONE, &init)); /* whole, with its config */
        buf_free(&init);
    }
    assert_int_equal(tracks[0].timescale, 360000);
}
static void tap_sample(void *user, const struct public_id *id, size_t track, const struct cmaf_sample *s) {
    assert_true(tap_calls && track < tapped_tracks);
    struct seen seen = {.dts = s->dts, .pts = s->pts, .duration = s->duration, .bytes = s->bytes, .is_sync = s->is_sync};
    memcpy(&seen.name, s->data, 4);
    for (uint32_t i = 4; i < s->bytes; i++) assert_int_equal(((const char *)s->data)[i], (char)(seen.name * 7 + i * 13));
    seen_add(&tapped[track], seen);
}

static void who_listens_gets_what_is_taken_on_the_channels_timeline(void **state) {
    live_destroy(&live);
    tap_calls = tapped_tracks = 0;
    assert_ok(live_create(&(struct live_options){.clock = clock, .tap_tracks = tap_tracks, .tap_sample = tap_sample}, &live));
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 30, .den = 1, .gop = 30, .b_delay = 2, .has_sound = true, .offset_ms = 4711}));
    made_send(&p, 5000);
    made_end(&p);
    clock_manual_advance(clock, 10 * NS_PER_S);
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 30, .den = 1, .gop = 30, .has_sound = true}));
    made_send(&p, 5000);
    made_end(&p);
    assert_int_equal(tap_calls, 2);
    assert_ok(live_channel_end(live, &made_id));
    for (int k = 0; k < 2; k++) {
        struct seen_list found = {0};
        made_fetch(live, NULL, k ? "a0" : "v0", &found);
        made_compare(&tapped[k], &found);
        for (size_t i = 0; i < found.count; i++) assert_true(found.all[i].dts == tapped[k].all[i].dts && found.all[i].pts == tapped[k].all[i].pts);
        seen_free(&found);
        seen_free(&tapped[k]);
    }
    made_publisher_free(&p);
}

/* ---- what others add ---- */

static void a_smaller_picture_is_cut_where_the_large_one_is(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    made_send(&p, 1000);
    struct cmaf_track small = made_h264();
    small.timescale = 360000, small.width = 640, small.height = 360;
    assert_ok(cmaf_track_complete(&small));
    struct live_rendition *r, *other;
    assert_err(live_rendition_open(live, &made_id, "v0", &small, &r), ERR_INPUT, "live.rendition");
    assert_err(live_rendition_open(live, &made_id, "a1", &small, &r), ERR_INPUT, "live.rendition");
    assert_ok(live_rendition_open(live, &made_id, "v1", &small, &r));
    assert_err(live_rendition_open(live, &made_id, "v1", &small, &other), ERR_CONFLICT, "live.rendition");
    struct seen_list sent = {0};
    for (int i = 0; i < 20; i++) {
        made_send(&p, 500);
        for (int k = 0; k < 15; k++) { /* half a second behind, as an encoder is */
            char data[64] = "";
            uint32_t name = (uint32_t)(i * 15 + k);
            memcpy(data, &name, 4);
            for (uint32_t n = 4; n < sizeof data; n++) data[n] = (char)(name * 7 + n * 13);
            int64_t time = (int64_t)(30 + i * 15 + k) * 12000;
            bool is_sync = (30 + i * 15 + k) % 30 == 0;
            assert_ok(live_rendition_sample(r, &(struct cmaf_sample){.dts = time, .pts = time, .duration = 12000, .bytes = sizeof data, .is_sync = is_sync, .data = data}));
            seen_add(&sent, (struct seen){.bytes = sizeof data, .name = name, .is_sync = is_sync});
        }
    }
    assert_err(live_rendition_sample(r, &(struct cmaf_sample){.dts = 12000, .pts = 12000, .duration = 12000, .bytes = 8, .data = "12345678"}), ERR_INPUT, "live.late");
    /* Segments of the same number begin at the same time and with a key frame. */
    for (int number = 1; number <= 4; number++) {
        char name[2][32];
        struct seen_list seen[2] = {0};
        for (int k = 0; k < 2; k++) {
            (void)snprintf(name[k], sizeof name[k], "v%d-%d.m4s", k, number);
            struct live_answer a = ask(name[k]);
            struct buf bytes = BUF(8 << 20);
            made_bytes(&a, &bytes);
            made_read(buf_slice(&bytes), &seen[k]);
            buf_free(&bytes);
            live_answer_release(&a);
        }
        assert_int_equal(seen[0].all[0].dts, seen[1].all[0].dts);
        assert_int_equal(seen[0].count, seen[1].count);
        assert_true(seen[1].all[0].is_sync);
        for (int k = 0; k < 2; k++) seen_free(&seen[k]);
    }
    struct buf text = made_text(live, "master.m3u8");
    assert_true(slice_find(buf_slice(&text), SLICE("\nv1.m3u8\n")) != SLICE_NPOS);
    buf_free(&text);
    live_rendition_close(&r);
    made_end(&p);
    struct seen_list found = {0};
    assert_ok(live_channel_end(live, &made_id));
    made_fetch(live, NULL, "v1", &found);
    made_compare(&sent, &found);
    seen_free(&found);
    seen_free(&sent);
    made_publisher_free(&p);
}

static void stills_are_on_the_seek_bar(void **state) {
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, usual));
    made_send(&p, 30000);
    for (int i = 0; i < 3; i++)
        assert_ok(live_channel_still(live, &made_id, &(struct live_still){.jpeg = SLICE("jpeg"), .time_ns = i * 10 * NS_PER_S, .interval_ms = 10000, .count = 1, .width = 160, .height = 90, .columns = 1, .rows = 1}));
    assert_err(live_channel_still(live, &made_id, &(struct live_still){.jpeg = SLICE("jpeg"), .time_ns = 5, .interval_ms = 10000, .count = 1, .width = 160, .height = 90, .columns = 1, .rows = 1}), ERR_INPUT, "live.still");
    assert_ok(live_channel_preview(live, &made_id, SLICE("large jpeg")));
    static const char wanted[] = "WEBVTT\n\n00:00:00.000 --> 00:00:10.000\nthumbs-0.jpg#xywh=0,0,160,90\n\n00:00:10.000 --> 00:00:20.000\nthumbs-1.jpg#xywh=0,0,160,90\n\n"
                                 "00:00:20.000 --> 00:00:30.000\nthumbs-2.jpg#xywh=0,0,160,90\n";
    struct buf text = made_text(live, "thumbs.vtt"), poster = made_text(live, "poster.jpg"), still = made_text(live, "thumbs-1.jpg");
    assert_true(slice_eq(buf_slice(&text), slice_cstr(wanted)));
    assert_true(slice_eq(buf_slice(&poster), SLICE("large jpeg")));
    assert_true(slice_eq(buf_slice(&still), SLICE("jpeg")));
    buf_free(&text), buf_free(&poster), buf_free(&still);
    made_end(&p);
    assert_ok(live_channel_end(live, &made_id));
    struct arena *arena = arena_create(8 << 20);
    const struct live_recording *r;
    assert_ok(live_recording_open(dir, arena, &r));
    text = made_recorded_text(r, "thumbs.vtt");
    assert_true(slice_eq(buf_slice(&text), slice_cstr(wanted)));
    buf_free(&text);
    struct live_answer a;
    live_recording_ask(r, &(struct live_ask){.file = SLICE("thumbs-2.jpg")}, &a);
    assert_int_equal(a.kind, LIVE_ANSWER_FILE);
    live_answer_release(&a);
    struct live_recording_facts facts;
    live_recording_facts(r, &facts);
    assert_true(facts.has_thumbs && facts.has_poster && facts.has_audio);
    assert_int_equal(facts.height, 720);
    assert_in_range(facts.duration_ms, 29900, 30100);
    arena_destroy(&arena);
    made_publisher_free(&p);
}

static int notices[3];
static void note(void *user, const struct public_id *id, enum live_notice n) {
    assert_memory_equal(id, &made_id, sizeof *id);
    notices[n]++;
}

static void health_says_what_is_going_on(void **state) {
    live_destroy(&live);
    memset(notices, 0, sizeof notices);
    assert_ok(live_create(&(struct live_options){.clock = clock, .notice = note}, &live));
    open_channel();
    struct made_publisher p = {0};
    assert_ok(made_begin(&p, live, clock, (struct made_stream){.num = 30000, .den = 1001, .gop = 60, .has_sound = true, .rate = 1.0001}));
    made_send(&p, 120000);
    live_feed_health(p.feed, &(struct feed_health){.packets_lost = 5, .packets_retransmitted = 5});
    live_test_tick(live);
    struct live_health h;
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_int_equal(h.state, LIVE_STATE_LIVE);
    assert_string_equal(h.protocol, "rtmp");
    assert_true(h.fps > 29.96 && h.fps < 29.98);
    assert_in_range(h.keyframe_interval_ms, 2001, 2003);
    assert_in_range(h.video_bps, 300000, 700000);
    assert_true(h.drift_ppm > 90 && h.drift_ppm < 110);
    assert_int_equal(h.alarms, 0);
    assert_int_equal(h.samples, p.video.count + p.audio.count);
    assert_int_equal(h.samples_dropped, 0);
    assert_int_equal(notices[LIVE_NOTICE_STATE], 1);
    assert_true(notices[LIVE_NOTICE_TRACKS] >= 1);
    live_feed_health(p.feed, &(struct feed_health){.packets_lost = 5, .packets_retransmitted = 5, .packets_dropped = 2});
    clock_manual_advance(clock, 4 * NS_PER_S);
    live_channel_alarm(live, &made_id, LIVE_ALARM_SILENCE, true);
    live_channel_level(live, &made_id, -71.5);
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_int_equal(h.alarms, LIVE_ALARM_STALLED | LIVE_ALARM_LOSS | LIVE_ALARM_SILENCE);
    assert_true(h.level_dbfs == -71.5);
    assert_int_equal(notices[LIVE_NOTICE_ALARMS], 1);
    made_end(&p);
    assert_int_equal(notices[LIVE_NOTICE_STATE], 2);
    assert_ok(live_channel_health(live, &made_id, &h));
    assert_int_equal(h.state, LIVE_STATE_WAITING);
    assert_false(h.has_feed);
    made_publisher_free(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_sent_is_what_is_seen_and_recorded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_there_before_the_first_picture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_held_playlist_is_answered_by_the_part_it_waits_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_part_is_there_with_its_last_frame_and_not_one_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hints_hold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_growing_segment_streams_to_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_answers_everybody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_publisher_that_comes_back_goes_on_with_a_discontinuity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_publisher_is_refused_or_takes_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_silent_publisher_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(jumps_lose_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sound_that_stops_and_comes_back_leaves_gaps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_picture_that_freezes_does_not_hold_up_the_sound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_key_frame_sound_begins_alone_and_the_picture_joins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_track_that_comes_late_joins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parameters_that_change_begin_a_new_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_of_size_and_rate_begins_with_the_key_frame, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_drifts_is_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_picture_that_does_not_come_back_is_a_gap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_channel_of_an_hour_slides_and_forgets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_folder_the_window_is_what_memory_holds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(opening_twice_and_strangers_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closing_tells_who_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_smaller_picture_is_cut_where_the_large_one_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lost_frames_leave_no_hole_between_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pictures_that_come_rarely_make_no_long_segments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_comes_into_a_long_group_of_pictures_begins_at_its_key_frame, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_part_of_a_publisher_ends_its_segment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_smaller_picture_with_holes_is_cut_all_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_listens_gets_what_is_taken_on_the_channels_timeline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stills_are_on_the_seek_bar, set_up, tear_down),
        cmocka_unit_test_setup_teardown(health_says_what_is_going_on, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
