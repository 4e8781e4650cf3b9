/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A channel and who publishes on it: what is sent is what is seen and recorded, whatever publishers do. */
#include "live_channel_fixture.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_sent_is_what_is_seen_and_recorded, set_up, tear_down),
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
        cmocka_unit_test_setup_teardown(lost_frames_leave_no_hole_between_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pictures_that_come_rarely_make_no_long_segments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_comes_into_a_long_group_of_pictures_begins_at_its_key_frame, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_part_of_a_publisher_ends_its_segment, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
