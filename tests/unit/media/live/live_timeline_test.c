/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "media/live/timeline.h"

enum { MS_HZ = 1000, HZ = TIMELINE_VIDEO_HZ };
static const struct utc_time epoch = {INT64_C(1700000000) * NS_PER_S};

static struct cmaf_track picture(uint32_t hz, uint32_t num, uint32_t den) {
    return (struct cmaf_track){.kind = CMAF_VIDEO, .codec = CMAF_H264, .timescale = hz, .rate_num = num, .rate_den = den};
}
static struct cmaf_track sound(uint32_t hz, uint32_t rate) {
    return (struct cmaf_track){.kind = CMAF_AUDIO, .codec = CMAF_AAC, .timescale = hz, .sample_rate = rate, .channels = 2};
}

/* A sample that arrives just when it should. */
static struct feed_sample at(size_t track, int64_t dts, int64_t pts, int64_t ms) {
    struct utc_time t = {epoch.ns + ms * NS_PER_MS};
    return (struct feed_sample){.track = track, .dts = dts, .pts = pts, .arrived = t, .captured = t, .is_sync = true};
}

static struct timeline_place put(struct timeline *tl, const struct feed_sample *s) {
    if (timeline_look(tl, s) == TIMELINE_JUMPS)
        (void)timeline_begin_run(tl, s->track, timeline_source_ns(tl, s->track, s->dts), s->captured, timeline_end_ns(tl), true, false);
    struct timeline_place place;
    timeline_place(tl, s, &place);
    return place;
}

static const struct {
    uint32_t num, den;
} usual[] = {{30, 1}, {25, 1}, {60, 1}, {50, 1}, {30000, 1001}, {60000, 1001}, {24, 1}, {24000, 1001}, {120, 1}, {15, 1}};

static int64_t ms_of(int64_t frame, uint32_t num, uint32_t den, int64_t start_us, bool is_floored) {
    int64_t us = start_us + frame * 1000000 * den / num;
    return is_floored ? us / 1000 : (us + 500) / 1000;
}

static void milliseconds_become_exact_frames_from_the_first_on(void **state) {
    for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
        for (int variant = 0; variant < 6; variant++) {
            bool is_floored = variant & 1;
            int64_t start_us = 40000 + variant * 111;
            uint32_t num = usual[i].num, den = usual[i].den;
            struct timeline tl;
            timeline_open(&tl, epoch, 0);
            struct cmaf_track t = picture(MS_HZ, num, den);
            timeline_set_track(&tl, 0, &t, false);
            int64_t first[6];
            for (int k = 0; k < 6; k++) first[k] = ms_of(k, num, den, start_us, is_floored);
            timeline_learn(&tl, 0, first, 6);
            int64_t frame = (int64_t)HZ * den / num, begin = 0;
            for (int64_t k = 0; k < 20000; k++) {
                int64_t ms = ms_of(k, num, den, start_us, is_floored);
                int64_t delay_ms = ms_of(k + 2, num, den, start_us, is_floored) - ms;
                struct feed_sample s = at(0, ms, ms + delay_ms, ms);
                struct timeline_place p = put(&tl, &s);
                if (!k) begin = p.dts;
                assert_int_equal(p.dts, begin + k * frame);
                assert_int_equal(p.pts, p.dts + 2 * frame);
                assert_int_equal(p.duration, frame);
            }
            assert_int_equal(tl.run, 1);
        }
    }
}

static void without_a_word_from_the_codec_the_rate_is_found_all_the_same(void **state) {
    for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
        for (uint32_t hz = MS_HZ; hz <= 90000; hz += 89000) {
            uint32_t num = usual[i].num, den = usual[i].den;
            struct timeline tl;
            timeline_open(&tl, epoch, 0);
            struct cmaf_track t = picture(hz, 0, 0);
            timeline_set_track(&tl, 0, &t, false);
            int64_t begin = 0;
            for (int64_t k = 0; k < 3000; k++) {
                int64_t time = ((int64_t)hz * den * k * 2 + num) / num / 2;
                struct feed_sample s = at(0, time, time, time * 1000 / hz);
                struct timeline_place p = put(&tl, &s);
                if (!k) begin = p.dts;
                double truth = (double)begin + (double)HZ * den / num * (double)k;
                assert_true(fabs((double)p.dts - truth) < (hz == MS_HZ ? 2.2 : 0.2) * HZ / 1000);
            }
            assert_int_equal(tl.tracks[0].grid.frame, (int64_t)HZ * den / num);
            assert_int_equal(tl.tracks[0].grid.rate_num, num);
            assert_int_equal(tl.run, 1);
        }
    }
}

static void lost_pictures_leave_a_hole_of_whole_frames(void **state) {
    struct rng rng = rng_seeded(5);
    struct timeline tl;
    timeline_open(&tl, epoch, 0);
    struct cmaf_track t = picture(MS_HZ, 30, 1);
    timeline_set_track(&tl, 0, &t, false);
    int64_t k = 0, begin = 0;
    for (int i = 0; i < 5000; i++) {
        int64_t ms = k * 1000 / 30;
        struct feed_sample s = at(0, ms, ms, ms);
        if (i == 0) timeline_learn(&tl, 0, (int64_t[]){0, 33}, 2);
        struct timeline_place p = put(&tl, &s);
        if (!i) begin = p.dts;
        assert_int_equal(p.dts, begin + k * 12000);
        k += rng_below(&rng, 20) ? 1 : 1 + (int64_t)rng_below(&rng, 40);
    }
    assert_int_equal(tl.run, 1);
}

static void a_variable_rate_is_left_alone(void **state) {
    struct rng rng = rng_seeded(6);
    struct timeline tl;
    timeline_open(&tl, epoch, 0);
    struct cmaf_track t = picture(MS_HZ, 30, 1); /* the codec's words are wrong */
    timeline_set_track(&tl, 0, &t, false);
    int64_t ms = 0, last = -1;
    for (int i = 0; i < 5000; i++) {
        struct feed_sample s = at(0, ms, ms, ms);
        struct timeline_place p = put(&tl, &s);
        assert_true(p.dts > last);
        assert_true(llabs(p.dts - ms * 360) <= 4 * 360);
        if (i > 100) assert_int_equal(p.duration, 0);
        last = p.dts;
        ms += 5 + (int64_t)rng_below(&rng, 90);
    }
    assert_int_equal(tl.run, 1);
    /* ... and once it is steady there is a grid again. */
    int64_t from = ms;
    for (int i = 0; i < 200; i++) {
        ms = from + 500 + i * 40;
        struct feed_sample s = at(0, ms, ms, ms);
        struct timeline_place p = put(&tl, &s);
        if (i > 100) assert_int_equal(p.duration, 14400);
    }
}

static void sound_has_no_gaps_while_its_times_are_about_right(void **state) {
    static const uint32_t sample_rates[] = {48000, 44100, 32000};
    struct rng rng = rng_seeded(7);
    for (size_t i = 0; i < ARRAY_LEN(sample_rates); i++) {
        struct timeline tl;
        timeline_open(&tl, epoch, 0);
        struct cmaf_track t = sound(MS_HZ, sample_rates[i]);
        timeline_set_track(&tl, 0, &t, false);
        int64_t begin = 0;
        for (int64_t k = 0; k < 50000; k++) {
            int64_t ms = k * 1024 * 1000 / sample_rates[i] + (int64_t)rng_below(&rng, 12);
            struct feed_sample s = at(0, ms, ms, ms);
            struct timeline_place p = put(&tl, &s);
            if (!k) begin = p.dts;
            assert_false(p.is_drop);
            assert_int_equal(p.dts, begin + k * 1024);
            assert_int_equal(p.duration, 1024);
        }
    }
}

static void lost_sound_leaves_a_hole_and_repeated_sound_is_dropped(void **state) {
    struct timeline tl;
    timeline_open(&tl, epoch, 0);
    struct cmaf_track v = picture(90000, 25, 1), t = sound(90000, 48000);
    timeline_set_track(&tl, 0, &v, false);
    timeline_set_track(&tl, 1, &t, false);
    struct feed_sample key = at(0, 0, 0, 0);
    (void)put(&tl, &key);
    for (int64_t k = 0; k < 1000; k++) {
        if (k >= 500 && k < 510) continue; /* lost */
        struct feed_sample s = at(1, k * 1920, k * 1920, k * 64 / 3), p = at(0, k * 1920, k * 1920, k * 64 / 3);
        (void)put(&tl, &p);
        struct timeline_place place = put(&tl, &s);
        assert_int_equal(place.dts, k * 1024);
    }
    for (int64_t k = 990; k < 1000; k++) {
        struct feed_sample s = at(1, k * 1920, k * 1920, k * 64 / 3);
        struct timeline_place place = put(&tl, &s);
        assert_true(place.is_drop == (k < 999)); /* the last lies within the stray */
    }
    assert_int_equal(tl.run, 1);
}

static void sound_with_sbr_lasts_twice_as_long(void **state) {
    struct timeline tl;
    timeline_open(&tl, epoch, 0);
    struct cmaf_track t = sound(MS_HZ, 48000);
    timeline_set_track(&tl, 0, &t, false);
    struct timeline_place p = {0};
    for (int64_t k = 0; k < 200; k++) {
        int64_t ms = k * 2048 / 48;
        struct feed_sample s = at(0, ms, ms, ms);
        p = put(&tl, &s);
    }
    assert_int_equal(p.duration, 2048);
    assert_true(llabs(p.dts - 199 * 2048) <= 2048);
}

/* What a jump must do: one new run for both tracks, later than all before, at the wall clock's time. */
static void check_jump(int64_t jump_ms) {
    struct timeline tl;
    timeline_open(&tl, epoch, 0);
    struct cmaf_track v = picture(MS_HZ, 25, 1), a = sound(MS_HZ, 48000);
    timeline_set_track(&tl, 0, &v, false);
    timeline_set_track(&tl, 1, &a, false);
    int64_t last_v = -1, last_a = -1, audio = 0;
    uint32_t runs[2] = {0};
    for (int64_t k = 0; k < 500; k++) {
        int64_t wall = k * 40, ms = 100000 + wall + (k >= 250 ? jump_ms : 0);
        struct feed_sample s = at(0, ms, ms + 80, wall);
        struct timeline_place p = put(&tl, &s);
        assert_true(p.dts > last_v);
        assert_true(llabs(p.dts - wall * 360) <= 200 * 360);
        last_v = p.dts;
        runs[0] = p.run;
        for (; audio * 64 / 3 <= wall - 60; audio++) { /* a little behind the pictures, so that the jump comes later */
            int64_t there = audio * 64 / 3, time = 100000 + there + (there >= 250 * 40 ? jump_ms : 0);
            struct feed_sample x = at(1, time, time, wall);
            p = put(&tl, &x);
            if (p.is_drop) continue;
            assert_true(p.dts > last_a);
            assert_true(llabs(p.dts - there * 48) <= 200 * 48);
            last_a = p.dts;
            runs[1] = p.run;
        }
    }
    assert_int_equal(runs[0], 2);
    assert_int_equal(runs[1], 2);
    assert_int_equal(tl.run, 2);
}

static void jumps_become_discontinuities_on_the_wall_clock(void **state) {
    static const int64_t jumps[] = {-100000, -20000, -1000, -400, 2000, 60000, INT64_C(4294967295), INT64_C(9000000000)};
    for (size_t i = 0; i < ARRAY_LEN(jumps); i++) check_jump(jumps[i]);
}

static void small_holes_and_steps_are_no_jumps(void **state) {
    static const int64_t steps[] = {-250, -40, 0, 40, 300, 1200};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct timeline tl;
        timeline_open(&tl, epoch, 0);
        struct cmaf_track v = picture(MS_HZ, 25, 1);
        timeline_set_track(&tl, 0, &v, false);
        int64_t last = -1;
        for (int64_t k = 0; k < 300; k++) {
            int64_t ms = k * 40 + (k >= 150 ? steps[i] : 0);
            struct feed_sample s = at(0, ms, ms, k * 40);
            struct timeline_place p = put(&tl, &s);
            assert_true(p.dts > last);
            last = p.dts;
        }
        assert_int_equal(tl.run, 1);
    }
}

static void nothing_ever_falls_whatever_comes(void **state) {
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct rng rng = rng_seeded(seed);
        struct timeline tl;
        timeline_open(&tl, epoch, 0);
        uint32_t hz[2] = {rng_below(&rng, 2) ? 1000 : 90000, rng_below(&rng, 2) ? 1000 : 90000};
        struct cmaf_track tracks[2] = {picture(hz[0], (uint32_t)rng_below(&rng, 70), 1), sound(hz[1], 44100)};
        for (size_t i = 0; i < 2; i++) timeline_set_track(&tl, i, &tracks[i], false);
        int64_t last[2] = {-1, -1}, wall = 0, source = (int64_t)rng_below(&rng, 1u << 30);
        uint32_t run[2] = {0};
        for (int k = 0; k < 600; k++) {
            size_t i = rng_below(&rng, 2);
            switch (rng_below(&rng, 40)) {
            case 0: source += (int64_t)rng_below(&rng, 100000) - 50000; break;
            case 1: source += (int64_t)rng_below(&rng, 3000) - 1500; break;
            case 2: source = (int64_t)(rng_u64(&rng) >> 12) - (INT64_C(1) << 51); break;
            default: source += (int64_t)rng_below(&rng, 60) - 5;
            }
            wall += (int64_t)rng_below(&rng, 40);
            int64_t dts = source * (hz[i] / 1000);
            struct feed_sample s = at(i, dts, dts + (int64_t)rng_below(&rng, 5000) - 1000, wall);
            struct timeline_place p = put(&tl, &s);
            if (p.is_drop) continue;
            assert_true(p.dts > last[i]);
            assert_true(p.run >= run[i] && p.run <= tl.run);
            last[i] = p.dts;
            run[i] = p.run;
        }
    }
}

static void drift_is_measured_through_jitter_and_capture_time_follows(void **state) {
    static const double ppms[] = {0, 150, -300};
    for (size_t i = 0; i < ARRAY_LEN(ppms); i++) {
        struct rng rng = rng_seeded(9);
        struct timeline tl;
        timeline_open(&tl, epoch, 0);
        struct cmaf_track v = picture(90000, 50, 1);
        timeline_set_track(&tl, 0, &v, false);
        for (int64_t k = 0; k < 50 * 600; k++) {
            double wall_ns = (double)k * 20e6 * (1 - ppms[i] * 1e-6), delay_ns = 30e6 - 25e6 * log(1 - rng_unit(&rng) * 0.9999);
            if (k < 3) delay_ns += 200e6; /* a burst at the beginning: the first anchor is late */
            struct feed_sample s = at(0, k * 1800, k * 1800, 0);
            s.captured.ns = epoch.ns + (int64_t)(wall_ns + delay_ns);
            struct timeline_place p = put(&tl, &s);
            double truth = (double)epoch.ns + wall_ns + 30e6, told = (double)timeline_captured(&tl, timeline_to_ns(p.pts, HZ)).ns;
            if (k > 50 * 120) assert_true(fabs(told - truth) < 8e6);
        }
        assert_true(fabs(tl.capture.drift_ppm - ppms[i]) < 15);
    }
}

static void a_source_that_tells_the_time_is_believed(void **state) {
    struct timeline tl;
    timeline_open(&tl, epoch, 0);
    struct cmaf_track v = picture(90000, 50, 1);
    timeline_set_track(&tl, 0, &v, false);
    for (int64_t k = 0; k < 500; k++) {
        struct feed_sample s = at(0, k * 1800, k * 1800, k * 20);
        if (k >= 100) s.clock_source = FEED_CLOCK_REFERENCE, s.captured.ns -= 700 * NS_PER_MS;
        struct timeline_place p = put(&tl, &s);
        int64_t told = timeline_captured(&tl, timeline_to_ns(p.pts, HZ)).ns - epoch.ns;
        if (k > 100) assert_int_equal(told / NS_PER_MS, k * 20 - 700);
    }
    assert_int_equal(tl.capture.source, FEED_CLOCK_REFERENCE);
}

static void opus_packets_say_how_long_they_are(void **state) {
    static const struct {
        uint8_t toc, count;
        int samples;
    } packets[] = {{31 << 3, 0, 960}, {28 << 3, 0, 120}, {1 << 3, 0, 960}, {3 << 3, 0, 2880}, {13 << 3, 0, 960}, {31 << 3 | 1, 0, 1920}, {31 << 3 | 3, 3, 2880}, {31 << 3 | 3, 63, 960}};
    for (size_t i = 0; i < ARRAY_LEN(packets); i++)
        assert_int_equal(timeline_sound_frame(CMAF_OPUS, slice_of(&packets[i], 2)), packets[i].samples);
    assert_int_equal(timeline_sound_frame(CMAF_OPUS, SLICE_NONE), 960);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(milliseconds_become_exact_frames_from_the_first_on),
        cmocka_unit_test(without_a_word_from_the_codec_the_rate_is_found_all_the_same),
        cmocka_unit_test(lost_pictures_leave_a_hole_of_whole_frames),
        cmocka_unit_test(a_variable_rate_is_left_alone),
        cmocka_unit_test(sound_has_no_gaps_while_its_times_are_about_right),
        cmocka_unit_test(lost_sound_leaves_a_hole_and_repeated_sound_is_dropped),
        cmocka_unit_test(sound_with_sbr_lasts_twice_as_long),
        cmocka_unit_test(jumps_become_discontinuities_on_the_wall_clock),
        cmocka_unit_test(small_holes_and_steps_are_no_jumps),
        cmocka_unit_test(nothing_ever_falls_whatever_comes),
        cmocka_unit_test(drift_is_measured_through_jitter_and_capture_time_follows),
        cmocka_unit_test(a_source_that_tells_the_time_is_believed),
        cmocka_unit_test(opus_packets_say_how_long_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
