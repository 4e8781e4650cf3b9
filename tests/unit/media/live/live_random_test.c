/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Random events against an oracle: whatever publishers do, each sample that was taken is either found once, in order, live and in the recording alike, or
 * counted as dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "live_maker.h"

enum { HZ = 90000 };

struct event {
    struct rng rng;
    struct clock *clock;
    struct live *live;
    int dir;
    struct live_feed *feed;
    struct cmaf_track tracks[2];
    size_t track_count;
    uint32_t name;
    double video_s, audio_s, offset_s;
    double frame_s;          /* 0: variable */
    int gop, until_key;
    struct seen_list sent[2];
    size_t refused;
};

static bool chance(struct event *e, uint64_t one_in) { return rng_below(&e->rng, one_in) == 0; }

static void choose_tracks(struct event *e) {
    static const uint16_t heights[] = {720, 360};
    static const double frames[] = {1 / 25.0, 1 / 30.0, 1001 / 30000.0, 1 / 60.0, 0, 0.2};
    struct cmaf_track v = made_h264(), a = made_aac();
    v.timescale = HZ;
    v.height = heights[rng_below(&e->rng, 2)];
    v.width = (uint16_t)(v.height * 16 / 9);
    a.timescale = HZ;
    a.sample_rate = 48000;
    a.channels = 2;
    if (chance(e, 6)) a.sample_rate = 44100, a.config = SLICE("\x12\x10");
    e->frame_s = frames[rng_below(&e->rng, ARRAY_LEN(frames))];
    e->gop = 1 + (int)rng_below(&e->rng, 120);
    e->track_count = 0;
    if (!chance(e, 8)) e->tracks[e->track_count++] = v;
    if (!e->track_count || !chance(e, 5)) e->tracks[e->track_count++] = a;
    for (size_t i = 0; i < e->track_count; i++) assert_ok(cmaf_track_complete(&e->tracks[i]));
}

static void begin(struct event *e) {
    struct err err = live_feed_begin(e->live, &made_id, &(struct feed_hello){.protocol = "srt"}, &e->feed);
    assert_ok(err);
    choose_tracks(e);
    assert_ok(live_feed_tracks(e->feed, e->tracks, e->track_count));
    e->offset_s = (double)rng_below(&e->rng, 100000);
    e->video_s = e->audio_s = 0;
    e->until_key = 0;
}

static void send_one(struct event *e, size_t track, double s, double shown_after_s, bool is_sync) {
    char data[64];
    uint32_t bytes = 8 + (uint32_t)rng_below(&e->rng, sizeof data - 8), name = ++e->name;
    memcpy(data, &name, 4);
    for (uint32_t i = 4; i < bytes; i++) data[i] = (char)(name * 7 + i * 13);
    struct utc_time now = clock_utc(e->clock);
    int64_t dts = (int64_t)((s + e->offset_s) * HZ);
    struct feed_sample sample = {.track = track, .dts = dts, .pts = dts + (int64_t)(shown_after_s * HZ), .is_sync = is_sync, .data = slice_of(data, bytes), .arrived = now, .captured = now};
    struct err err = live_feed_sample(e->feed, &sample);
    assert_ok(err);
    bool is_video = e->tracks[track].kind == CMAF_VIDEO;
    seen_add(&e->sent[is_video ? 0 : 1], (struct seen){.name = name, .bytes = bytes, .is_sync = is_sync});
}

/* A quarter of a second of what the publisher has, with what may go wrong. */
static void go_on(struct event *e) {
    double end = (e->video_s > e->audio_s ? e->video_s : e->audio_s) + 0.25;
    bool has_video = e->tracks[0].kind == CMAF_VIDEO, has_audio = e->tracks[e->track_count - 1].kind == CMAF_AUDIO;
    bool is_video_lost = chance(e, 15), is_audio_lost = chance(e, 15);
    while ((has_video && e->video_s < end) || (has_audio && e->audio_s < end)) {
        bool video_next = has_video && (!has_audio || e->video_s <= e->audio_s + (chance(e, 20) ? 0.2 : 0));
        if (video_next) {
            bool is_sync = e->until_key-- <= 0;
            if (is_sync) e->until_key = e->gop;
            if (!is_video_lost && !chance(e, 60)) send_one(e, 0, e->video_s, e->frame_s * (double)rng_below(&e->rng, 3), is_sync);
            e->video_s += e->frame_s > 0 ? e->frame_s : 0.01 + 0.1 * rng_unit(&e->rng);
        } else if (has_audio) {
            if (!is_audio_lost && !chance(e, 100)) send_one(e, e->track_count - 1, e->audio_s, 0, true);
            e->audio_s += 1024.0 / e->tracks[e->track_count - 1].sample_rate;
        } else {
            break;
        }
    }
    clock_manual_advance(e->clock, 250 * NS_PER_MS + (int64_t)rng_below(&e->rng, 20) * NS_PER_MS);
}

static void something(struct event *e) {
    switch (rng_below(&e->rng, 60)) {
    case 0: e->offset_s += 200 * (rng_unit(&e->rng) - 0.5); break;
    case 1: e->offset_s += 4 * (rng_unit(&e->rng) - 0.5); break;
    case 2: /* it comes back */
        live_feed_end(&e->feed, ERR_OK);
        clock_manual_advance(e->clock, (int64_t)rng_below(&e->rng, 8000) * NS_PER_MS);
        begin(e);
        break;
    case 3: /* other parameters */
        choose_tracks(e);
        e->video_s = e->audio_s = e->video_s > e->audio_s ? e->video_s : e->audio_s; /* a track that was not there is where the others are */
        assert_ok(live_feed_tracks(e->feed, e->tracks, e->track_count));
        break;
    case 4: clock_manual_advance(e->clock, (int64_t)rng_below(&e->rng, 3000) * NS_PER_MS); break;
    case 5: clock_manual_set_utc(e->clock, (struct utc_time){clock_utc(e->clock).ns + ((int64_t)rng_below(&e->rng, 20) - 10) * NS_PER_S}); break; /* somebody sets the clock */
    default: break;
    }
    go_on(e);
}

/* Found are some of what was sent, in order, each once. */
static size_t check_order(const struct seen_list *sent, const struct seen_list *found) {
    size_t at = 0;
    int64_t end = INT64_MIN;
    for (size_t i = 0; i < found->count; i++) {
        while (at < sent->count && sent->all[at].name != found->all[i].name) at++;
        if (at++ == sent->count) fail_msg("sample %u came out of order", found->all[i].name);
        if (found->all[i].dts < end) fail_msg("sample %u begins %lld ticks before the one before it ends", found->all[i].name, (long long)(end - found->all[i].dts));
        end = found->all[i].dts + found->all[i].duration;
    }
    return found->count;
}

/* No segment, rounded, is longer than the target. */
static void check_lengths(struct slice playlist) {
    struct slice line;
    while (slice_next(&playlist, '\n', &line)) {
        if (!slice_starts_with(line, SLICE("#EXTINF:"))) continue;
        char number[32];
        (void)snprintf(number, sizeof number, "%.*s", SLICE_ARG(slice_sub(line, 8, line.len)));
        if (atof(number) >= 2.5 || atof(number) <= 0) fail_msg("a segment of %s s", number);
    }
}

static void run_event(uint64_t seed) {
    struct event e = {.rng = rng_seeded(seed), .clock = clock_manual_create(made_epoch)};
    e.live = made_live(e.clock, 0);
    e.dir = made_dir();
    assert_ok(live_channel_open(e.live, &made_id, &(struct live_channel_options){.dir_fd = e.dir, .is_recorded = true}));
    begin(&e);
    for (int i = 0; i < 240; i++) something(&e);
    live_feed_end(&e.feed, ERR_OK);
    assert_ok(live_channel_end(e.live, &made_id));
    struct live_health h;
    assert_ok(live_channel_health(e.live, &made_id, &h));
    assert_int_equal(h.lost_parts, 0);
    assert_int_equal(h.samples, e.sent[0].count + e.sent[1].count);
    struct arena *arena = arena_create(8 << 20);
    const struct live_recording *r;
    assert_ok(live_recording_open(e.dir, arena, &r));
    size_t found = 0;
    for (int k = 0; k < 2; k++) {
        static const char *const names[] = {"v0", "a0"};
        struct seen_list live_found = {0}, recorded = {0};
        char file[16];
        struct live_answer a;
        (void)snprintf(file, sizeof file, "%s.m3u8", names[k]);
        live_ask(e.live, &made_id, &(struct live_ask){.file = slice_cstr(file)}, NULL, &a);
        bool is_there = a.kind == LIVE_ANSWER_BLOBS;
        if (is_there) check_lengths(a.pieces[0].bytes);
        live_answer_release(&a);
        if (!is_there) continue;
        made_fetch(e.live, NULL, names[k], &live_found);
        made_fetch(NULL, r, names[k], &recorded);
        found += check_order(&e.sent[k], &live_found);
        assert_int_equal(recorded.count, live_found.count);
        for (size_t i = 0; i < recorded.count; i++) assert_true(recorded.all[i].name == live_found.all[i].name && recorded.all[i].dts == live_found.all[i].dts);
        seen_free(&live_found);
        seen_free(&recorded);
    }
    if (found + h.samples_dropped != h.samples)
        fail_msg("seed %llu: %llu taken, %zu found, %llu dropped", (unsigned long long)seed, (unsigned long long)h.samples, found, (unsigned long long)h.samples_dropped);
    assert_true(found * 4 > h.samples * 3);
    arena_destroy(&arena);
    live_destroy(&e.live);
    clock_manual_destroy(&e.clock);
    made_dir_remove(e.dir);
    for (int k = 0; k < 2; k++) seen_free(&e.sent[k]);
}

static void each_sample_is_found_once_or_counted(void **state) {
    const char *only = getenv("SEED");
    if (only) {
        run_event(strtoull(only, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= 40; seed++) run_event(seed);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_sample_is_found_once_or_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
