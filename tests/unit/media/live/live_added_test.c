/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What others have of a channel or give to it: listeners, smaller pictures, stills, and what is known of its health. */
#include "live_channel_fixture.h"

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
        cmocka_unit_test_setup_teardown(a_smaller_picture_is_cut_where_the_large_one_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_smaller_picture_with_holes_is_cut_all_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_listens_gets_what_is_taken_on_the_channels_timeline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stills_are_on_the_seek_bar, set_up, tear_down),
        cmocka_unit_test_setup_teardown(health_says_what_is_going_on, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
