/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/rng.h"
#include "human/motion/motion.h"

static struct motion fresh(struct arena *mem, size_t frames, size_t points) {
    struct motion m;
    assert_int_equal(motion_create(mem, frames, points, 60, &m).kind, ERR_NONE);
    for (size_t p = 0; p < points; p++) snprintf(m.point_names[p], MOTION_NAME_MAX, "P%zu", p);
    return m;
}

static void trc_gives_back_what_it_was_given(void **state) {
    struct rng r = rng_seeded(1);
    struct arena *mem = arena_create(16 << 20);
    struct motion m = fresh(mem, 50, 7), again;
    m.frame_first = 100;
    for (size_t i = 0; i < 50 * 7; i++) {
        if (rng_below(&r, 5)) m.at[i] = vec3_of(rng_normal(&r), rng_normal(&r) * 1e-9, rng_normal(&r) * 100);
    }
    struct buf text = BUF(1 << 20);
    motion_write_trc(&text, &m);
    struct motion_note note;
    struct err e = motion_parse_trc(mem, buf_slice(&text), &again, &note);
    if (e.kind) fail_msg("line %d: %s", note.line, note.text);
    assert_int_equal(again.frame_count, 50);
    assert_int_equal(again.frame_first, 100);
    assert_true(again.rate == 60);
    for (size_t i = 0; i < 50 * 7; i++) {
        if (vec3_is_known(m.at[i])) assert_memory_equal(&m.at[i], &again.at[i], sizeof m.at[i]);
        else assert_false(vec3_is_known(again.at[i]));
    }
    assert_string_equal(again.point_names[6], "P6");
    buf_free(&text);
    arena_destroy(&mem);
}

#define HEAD(rate, frames, markers, units) "PathFileType\t4\t(X/Y/Z)\tx.trc\r\nDataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\r\n" \
    rate "\t60\t" frames "\t" markers "\t" units "\t60\t1\t2\r\nFrame#\tTime\tA\t\t\tB\t\t\r\n\t\tX1\tY1\tZ1\tX2\tY2\tZ2\r\n"

static void trc_of_others_and_broken_ones(void **state) {
    struct arena *mem = arena_create(16 << 20);
    struct motion m;
    struct motion_note note;
    assert_int_equal(motion_parse_trc(mem, SLICE(HEAD("100", "2", "2", "mm") "\r\n1\t0\t1000\t2000\t3000\t\t\t\r\n2\t0.01\t1\t2\tnan\t4\t5\t6\r\n"), &m, &note).kind, ERR_NONE);
    assert_true(m.at[0].x == 1 && m.at[0].z == 3 && !vec3_is_known(m.at[1]) && !vec3_is_known(m.at[2]) && m.at[3].z == 0.006);
    static const char *const bad[] = {"", "x\ny\nz\na\nb\n", HEAD("0", "2", "2", "mm"), HEAD("100", "2", "2", "feet"), HEAD("100", "x", "2", "m"), HEAD("100", "2", "3", "m") "1\t0\n",
                                      HEAD("100", "2", "99999999", "m"), HEAD("100", "2", "2", "m") "q\t0\t1\n", HEAD("100", "2", "2", "m") "1\t0\t1\n3\t0\t1\n", HEAD("100", "2", "2", "m") "1\t0\tx\n"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        note = (struct motion_note){0};
        assert_int_equal(motion_parse_trc(mem, slice_cstr(bad[i]), &m, &note).kind, ERR_INPUT);
        assert_true(note.line > 0 && note.text[0]);
    }
    arena_destroy(&mem);
}

/* A sine passes below the cutoff and is stopped above; two corrected passes lose 3 dB at it; there is no lag. */
static void butterworth_has_its_gain_and_no_lag(void **state) {
    static const struct {
        double hz, cutoff, gain, tolerance;
        bool is_corrected;
    } cases[] = {{0.5, 6, 1, 1e-3, false}, {6, 6, 0.5, 2e-3, false}, {6, 6, M_SQRT1_2, 2e-2, true}, {20, 6, 0.001237, 2e-5, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *mem = arena_create(16 << 20);
        struct motion m = fresh(mem, 600, 1);
        for (size_t f = 0; f < 600; f++) m.at[f] = vec3_of(sin(2 * M_PI * cases[i].hz * (double)f / 60), cos(2 * M_PI * cases[i].hz * (double)f / 60), 3);
        assert_true(motion_butterworth(&m, 2, cases[i].cutoff, cases[i].is_corrected));
        double in_phase = 0, out_of_phase = 0;
        for (size_t f = 150; f < 450; f++) {
            double s = sin(2 * M_PI * cases[i].hz * (double)f / 60), c = cos(2 * M_PI * cases[i].hz * (double)f / 60);
            in_phase += m.at[f].x * s + m.at[f].y * c, out_of_phase += m.at[f].x * c - m.at[f].y * s;
        }
        assert_true(fabs(in_phase / 300 - cases[i].gain) < cases[i].tolerance);
        assert_true(fabs(out_of_phase / 300) < 1e-6);
        assert_true(fabs(m.at[300].z - 3) < 1e-12);
        arena_destroy(&mem);
    }
    struct arena *mem = arena_create(1 << 20);
    struct motion m = fresh(mem, 30, 1);
    assert_false(motion_butterworth(&m, 2, 30, false));
    assert_false(motion_butterworth(&m, 0, 5, false));
    for (size_t f = 0; f < 30; f++) {
        if (f != 9) m.at[f] = vec3_of((double)(f * f), 0, 0);
    }
    assert_true(motion_butterworth(&m, 2, 5, false));
    assert_true(m.at[3].x == 9 && !vec3_is_known(m.at[9])); /* a piece of nine frames is too short and stays */
    assert_true(m.at[20].x != 400);
    arena_destroy(&mem);
}

static void gaps_are_filled_by_the_cubic(void **state) {
    struct arena *mem = arena_create(1 << 20);
    struct motion m = fresh(mem, 60, 1);
    for (size_t f = 0; f < 60; f++) {
        double t = (double)f / 10;
        if (f >= 2 && !(f >= 10 && f < 20) && !(f >= 30 && f < 41) && f < 57) m.at[f] = vec3_of(t * t * t - 4 * t, 2 - t * t, t);
    }
    assert_int_equal(motion_fill_cubic(&m, 10, false), 10);
    for (size_t f = 10; f < 20; f++) {
        double t = (double)f / 10;
        assert_true(vec3_distance(m.at[f], vec3_of(t * t * t - 4 * t, 2 - t * t, t)) < 1e-9); /* a cubic is its own spline */
    }
    assert_false(vec3_is_known(m.at[30]));
    assert_false(vec3_is_known(m.at[0]));
    assert_false(vec3_is_known(m.at[59]));
    assert_int_equal(motion_fill_cubic(&m, 10, true), 5);
    assert_true(vec3_distance(m.at[59], vec3_of(5.9 * 5.9 * 5.9 - 4 * 5.9, 2 - 5.9 * 5.9, 5.9)) < 1e-8);
    assert_false(vec3_is_known(m.at[35]));
    struct motion few = fresh(mem, 10, 1);
    for (size_t f = 0; f < 3; f++) few.at[f * 3] = vec3_of(1, 1, 1);
    assert_int_equal(motion_fill_cubic(&few, 10, true), 0);
    arena_destroy(&mem);
}

static void hampel_takes_spikes_only(void **state) {
    struct rng r = rng_seeded(3);
    struct arena *mem = arena_create(1 << 20);
    struct motion m = fresh(mem, 200, 1);
    for (size_t f = 0; f < 200; f++) m.at[f] = vec3_of((double)f * 0.01 + 0.001 * rng_normal(&r), 0.001 * rng_normal(&r), 1);
    m.at[50].y = 0.5, m.at[120].x -= 3;
    struct vec3 calm = m.at[80];
    assert_true(motion_hampel(&m, 5, 5) >= 2);
    assert_true(fabs(m.at[50].y) < 0.01 && fabs(m.at[120].x - 1.2) < 0.05);
    assert_memory_equal(&m.at[80], &calm, sizeof calm);
    arena_destroy(&mem);
}

/* The cross-validated smoother comes near the best that any penalty could do. */
static void gcv_finds_its_own_smoothness(void **state) {
    struct rng r = rng_seeded(4);
    struct arena *mem = arena_create(4 << 20);
    for (int noise_mm = 1; noise_mm <= 20; noise_mm += 19) {
        struct motion m = fresh(mem, 300, 1);
        double before = 0, after = 0, noise = noise_mm / 1000.0;
        for (size_t f = 0; f < 300; f++) {
            double t = (double)f / 60, truth = 0.3 * sin(2 * M_PI * 1.5 * t);
            m.at[f] = vec3_of(truth + noise * rng_normal(&r), 5, 0);
            before += pow(m.at[f].x - truth, 2);
        }
        assert_true(motion_smooth_gcv(&m));
        for (size_t f = 0; f < 300; f++) after += pow(m.at[f].x - 0.3 * sin(2 * M_PI * 1.5 * (double)f / 60), 2);
        assert_true(sqrt(after) < (noise_mm == 1 ? 0.65 : 0.5) * sqrt(before));
        assert_true(fabs(m.at[7].y - 5) < 1e-9);
    }
    arena_destroy(&mem);
}

static void comparison_measures_what_both_know(void **state) {
    struct arena *mem = arena_create(1 << 20);
    struct motion a = fresh(mem, 10, 2), b = fresh(mem, 10, 2);
    b.frame_first = 5;
    snprintf(b.point_names[0], MOTION_NAME_MAX, "p1"), snprintf(b.point_names[1], MOTION_NAME_MAX, "other");
    for (size_t f = 0; f < 10; f++) *motion_at(&a, f, 1) = vec3_of(1, 2, 3), *motion_at(&b, f, 0) = vec3_of(1, 2, 3.001);
    *motion_at(&b, 4, 0) = VEC3_UNKNOWN;
    struct motion_difference d;
    struct motion_point_difference each[2];
    size_t count;
    assert_int_equal(motion_compare(&a, &b, &d, each, &count).kind, ERR_NONE);
    assert_true(d.frames == 5 && d.points == 1 && d.compared == 4 && d.only_a == 1 && d.only_b == 0 && count == 1);
    assert_true(fabs(d.mean_m - 0.001) < 1e-12 && fabs(d.p95_m - 0.001) < 1e-12 && fabs(each[0].max_m - 0.001) < 1e-12);
    b.frame_first = 50;
    assert_int_equal(motion_compare(&a, &b, &d, NULL, NULL).kind, ERR_INPUT);
    double median, deviation;
    assert_false(motion_segment_length(&a, 0, 1, &median, &deviation));
    *motion_at(&a, 3, 0) = vec3_of(1, 2, 0);
    assert_true(motion_segment_length(&a, 0, 1, &median, &deviation) && median == 3 && deviation == 0);
    arena_destroy(&mem);
}

/* The stored filtered motion is the stored raw one through a zero-lag Butterworth of 6 Hz. */
static void the_stored_filter(void **state) {
    const char *root = getenv("GRANDSTAND_SHARED_DATA");
    char raw[600], filtered[600];
    snprintf(raw, sizeof raw, "%s/tracking/single/pose-3d/S00_P00_T01_BalancingTrial_0-100.trc", root ? root : "../shared/data");
    snprintf(filtered, sizeof filtered, "%s/tracking/single/pose-3d/S00_P00_T01_BalancingTrial_0-100_filt_butterworth.trc", root ? root : "../shared/data");
    if (access(raw, R_OK)) {
        print_message("# skipped: %s is not there (set GRANDSTAND_SHARED_DATA)\n", raw);
        skip();
    }
    struct arena *mem = arena_create(16 << 20);
    struct motion a, b;
    struct motion_note note;
    struct motion_difference d;
    assert_int_equal(motion_read(mem, raw, &a, &note).kind, ERR_NONE);
    assert_int_equal(motion_read(mem, filtered, &b, &note).kind, ERR_NONE);
    assert_true(motion_butterworth(&a, 2, 6, false));
    assert_int_equal(motion_compare(&a, &b, &d, NULL, NULL).kind, ERR_NONE);
    print_message("# largest distance to the stored filtered motion: %.6f mm\n", d.max_m * 1000);
    assert_int_equal(d.compared, 2100);
    assert_true(d.max_m <= 0.00005);
    arena_destroy(&mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trc_gives_back_what_it_was_given), cmocka_unit_test(trc_of_others_and_broken_ones),
        cmocka_unit_test(butterworth_has_its_gain_and_no_lag), cmocka_unit_test(gaps_are_filled_by_the_cubic),
        cmocka_unit_test(hampel_takes_spikes_only), cmocka_unit_test(gcv_finds_its_own_smoothness),
        cmocka_unit_test(comparison_measures_what_both_know), cmocka_unit_test(the_stored_filter),
    };
    return cmocka_run_group_tests_name("human/motion", tests, NULL, NULL);
}
