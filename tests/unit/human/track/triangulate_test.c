/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Accuracy on scenes made here, against the bound of Cramer and Rao; margins are those of the sample sizes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/rng.h"
#include "human/track/triangulate.h"

static struct camera_view views[CAMERA_COUNT_MAX];

/* `count` cameras on a ring of 15 m, 2000 px, a little distortion. */
static struct track_scope ring(size_t count) {
    struct track_scope s = {.camera_count = count};
    for (size_t c = 0; c < count; c++) {
        double angle = 2 * M_PI * (double)c / (double)count;
        views[c].lens = (struct camera_lens){.fx = 2000, .fy = 2000, .cx = 1920, .cy = 1080, .radial = {-0.08, 0.02}, .tangential = {0.0005, -0.0003}};
        assert_int_equal(camera_lens_prepare(&views[c].lens).kind, ERR_NONE);
        views[c].pose = camera_pose_look_at(vec3_of(15 * cos(angle), 15 * sin(angle), 3 + (double)(c % 2)), vec3_of(0, 0, 1), vec3_of(0, 0, 1));
        s.views[c] = &views[c], s.noise_px[c] = 2;
    }
    return s;
}

struct scene {
    double missing, outliers, outlier_px;
    size_t bad_cameras; /* the first so many see everything wrong */
};

struct outcome {
    size_t points, known, with_outlier, off, outliers_used;
    double ratio; /* root of mean squared error over root of mean bound, for points without outliers */
    double seconds;
};

static struct outcome play(struct rng *r, const struct track_scope *scope, struct scene what, size_t frames) {
    enum { COUNT = 234 };
    static struct pose_point points[CAMERA_COUNT_MAX][COUNT];
    const struct pose_point *list[CAMERA_COUNT_MAX];
    struct outcome o = {0};
    double squares = 0, bounds = 0;
    for (size_t f = 0; f < frames; f++) {
        struct vec3 truth[COUNT];
        uint64_t seen[COUNT], wrong[COUNT];
        for (size_t k = 0; k < COUNT; k++) {
            truth[k] = vec3_of(4 * (rng_unit(r) - 0.5), 10 * (rng_unit(r) - 0.5), 2 * rng_unit(r));
            seen[k] = wrong[k] = 0;
            for (size_t c = 0; c < scope->camera_count; c++) {
                double u = 0, v = 0;
                bool is_there = camera_project(scope->views[c], truth[k], &u, &v) && rng_unit(r) >= what.missing;
                points[c][k] = (struct pose_point){0, 0, 0};
                if (!is_there) continue;
                u += 2 * rng_normal(r), v += 2 * rng_normal(r);
                if (c < what.bad_cameras || rng_unit(r) < what.outliers) {
                    double angle = 2 * M_PI * rng_unit(r);
                    u += what.outlier_px * cos(angle), v += what.outlier_px * sin(angle), wrong[k] |= UINT64_C(1) << c;
                }
                points[c][k] = (struct pose_point){(float)u, (float)v, 0.9f};
                seen[k] |= UINT64_C(1) << c;
            }
        }
        for (size_t c = 0; c < scope->camera_count; c++) list[c] = points[c];
        struct track_point out[COUNT];
        struct timespec a, b;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
        size_t known = track_triangulate(scope, list, COUNT, out), counted = 0;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        o.seconds += (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
        for (size_t k = 0; k < COUNT; k++) {
            if (__builtin_popcountll(seen[k] & ~wrong[k]) < 2) continue;
            o.points++;
            o.with_outlier += wrong[k] != 0;
            if (!vec3_is_known(out[k].at)) continue;
            counted++;
            struct sym3 bound;
            assert_true(track_bound(scope, seen[k] & ~wrong[k], truth[k], &bound));
            double miss = vec3_distance(out[k].at, truth[k]);
            assert_true(out[k].chi2 >= 0 && (out[k].cameras & ~seen[k]) == 0 && sym3_trace(out[k].covariance) > 0);
            o.off += miss > 6 * sqrt(sym3_trace(bound));
            o.outliers_used += (out[k].cameras & wrong[k]) != 0;
            if (!wrong[k]) squares += miss * miss, bounds += sym3_trace(bound);
        }
        assert_true(known >= counted);
        o.known += counted;
    }
    o.ratio = sqrt(squares / bounds);
    return o;
}

static void clean_points_reach_the_bound(void **state) {
    struct rng r = rng_seeded(1);
    struct track_scope scope = ring(5);
    struct outcome o = play(&r, &scope, (struct scene){.missing = 0.2}, 100);
    print_message("# error / bound %.4f, known %zu of %zu, off %zu; %.0f frames of 234 points a CPU second\n", o.ratio, o.known, o.points, o.off, 100 / o.seconds);
    assert_true(o.ratio <= 1.03 && o.ratio > 0.97);
    assert_true(o.known >= 0.999 * (double)o.points);
    assert_int_equal(o.off, 0);
}

static void outliers_are_left_out(void **state) {
    struct rng r = rng_seeded(2);
    struct track_scope scope = ring(5);
    struct outcome o = play(&r, &scope, (struct scene){.missing = 0.2, .outliers = 0.1, .outlier_px = 100}, 100);
    print_message("# with outliers: error / bound of clean points %.4f, known %zu of %zu, off %zu, outliers used %zu; %.0f frames a CPU second\n", o.ratio, o.known, o.points,
                  o.off, o.outliers_used, 100 / o.seconds);
    assert_true(o.ratio <= 1.03);
    assert_true(o.known >= 0.93 * (double)o.points); /* two good and one bad sight cannot always be told apart */
    assert_true(o.off <= o.points / 50);
}

static void four_bad_cameras_of_sixteen(void **state) {
    struct rng r = rng_seeded(3);
    struct track_scope scope = ring(16);
    struct outcome o = play(&r, &scope, (struct scene){.bad_cameras = 4, .outlier_px = 80}, 20);
    print_message("# 16 cameras, 4 bad: known %zu of %zu, off %zu, outliers used %zu; %.0f frames a CPU second\n", o.known, o.points, o.off, o.outliers_used, 20 / o.seconds);
    assert_true(o.known == o.points);
    assert_int_equal(o.off, 0);
    assert_true(o.outliers_used <= o.points / 200);
}

static void what_cannot_be_known_is_unknown(void **state) {
    struct track_scope scope = ring(5);
    struct pose_point points[5][2];
    const struct pose_point *list[5];
    struct track_point out[2];
    struct vec3 p = {0.3, -0.2, 1.1};
    for (size_t c = 0; c < 5; c++) {
        double u = 0, v = 0;
        assert_true(camera_project(scope.views[c], p, &u, &v));
        for (int k = 0; k < 2; k++) points[c][k] = (struct pose_point){(float)u, (float)v, 0.9f};
        list[c] = points[c];
    }
    assert_int_equal(track_triangulate(&scope, list, 2, out), 2);
    assert_true(vec3_distance(out[0].at, p) < 1e-5 && out[0].cameras == 31 && out[0].seen == 5);
    /* nobody, one camera, not a number */
    for (size_t c = 0; c < 5; c++) points[c][0].confidence = 0;
    for (size_t c = 1; c < 5; c++) points[c][1].x = NAN;
    assert_int_equal(track_triangulate(&scope, list, 2, out), 0);
    assert_true(!vec3_is_known(out[0].at) && out[0].seen == 0 && out[0].cameras == 0);
    assert_true(!vec3_is_known(out[1].at) && out[1].seen == 1);
    /* two cameras in one place see no depth */
    for (size_t c = 0; c < 5; c++) list[c] = c < 2 ? points[0] : NULL;
    points[0][0].confidence = 0.9f;
    scope.views[1] = scope.views[0];
    assert_int_equal(track_triangulate(&scope, list, 1, out), 0);
    /* all cameras on a line, the person on it too */
    struct camera_view line[3];
    for (size_t c = 0; c < 3; c++) {
        line[c] = views[0];
        line[c].pose = camera_pose_look_at(vec3_of(-20 + 3 * (double)c, 0, 1), vec3_of(0, 0, 1), vec3_of(0, 0, 1));
        points[c][0] = (struct pose_point){1920, 1080, 0.9f};
        list[c] = points[c], scope.views[c] = &line[c];
    }
    assert_int_equal(track_triangulate(&scope, list, 1, out), 0);
    /* beside the line it can */
    p = vec3_of(0, 4, 1);
    for (size_t c = 0; c < 3; c++) {
        double u = 0, v = 0;
        assert_true(camera_project(&line[c], p, &u, &v));
        points[c][0] = (struct pose_point){(float)u, (float)v, 0.9f};
    }
    assert_int_equal(track_triangulate(&scope, list, 1, out), 1);
    assert_true(vec3_distance(out[0].at, p) < 1e-3);
    struct sym3 bound;
    assert_false(track_bound(&scope, 1, p, &bound));
}

/* Any bits at all: what a broken network, a broken calibration or an attacker could hand over. */
static float wild(struct rng *r, double middle, double spread) {
    switch (rng_below(r, 40)) {
    case 0: return NAN;
    case 1: return INFINITY;
    case 2: return -1e30f;
    case 3: return 0;
    case 4: return (float)(1e5 * rng_normal(r));
    default: return (float)(middle + spread * rng_normal(r));
    }
}

static struct camera_view wild_view(struct rng *r, bool is_tame) {
    struct camera_view v = {.lens = {.fx = 2000, .fy = 1990, .cx = 960, .cy = 540}};
    double angle = 2 * M_PI * rng_unit(r);
    struct vec3 at = vec3_of(15 * cos(angle), 15 * sin(angle), 1 + 3 * rng_unit(r));
    uint64_t kind = is_tame ? 0 : rng_below(r, 8);
    for (int i = 0; i < (kind == 1 ? 6 : 3); i++) v.lens.radial[i] = (kind == 2 ? 0.5 : 0.05) * rng_normal(r);
    if (kind == 2) v.lens.fx = v.lens.fy = 400; /* far out in the lens */
    v.lens.is_fisheye = kind == 3;
    if (!v.lens.is_fisheye) v.lens.tangential[0] = 0.001 * rng_normal(r), v.lens.tangential[1] = 0.001 * rng_normal(r);
    if (kind == 4) v.lens.skew = 3, v.lens.tangential[0] = 0.2;
    if (kind == 5) at = vec3_of(0, 0, 1); /* in the middle of the people */
    if (kind == 6) at = vec3_of(1e7, 1e7, 0);
    assert_int_equal(camera_lens_prepare(&v.lens).kind, ERR_NONE);
    v.pose = camera_pose_look_at(at, vec3_of(rng_normal(r), rng_normal(r), 1), vec3_of(0, 0, 1));
    return v;
}

static bool same_bits(const double *a, const double *b, size_t n) { return !memcmp(a, b, n * sizeof *a); }

static void every_way_gives_the_same_bits(void **state) {
    struct rng r = rng_seeded(4);
    size_t compared = 0, known = 0, disputed = 0;
    for (int round = 0; round < 400; round++) {
        enum { COUNT = 29 };
        static struct pose_point points[CAMERA_COUNT_MAX][COUNT];
        bool is_tame = round % 2, is_alike = round % 7 == 0;
        size_t cameras = round % 50 == 3 ? CAMERA_COUNT_MAX : rng_below(&r, 9), count = rng_below(&r, COUNT + 1);
        struct track_scope s = {.camera_count = cameras, .gate = round % 5 ? 0 : 1.5, .deviation_max_m = round % 11 ? 0 : 1e9};
        const struct pose_point *list[CAMERA_COUNT_MAX];
        for (size_t c = 0; c < cameras; c++) {
            views[c] = is_alike && c ? views[0] : wild_view(&r, is_tame);
            s.views[c] = rng_below(&r, 20) ? &views[c] : NULL, s.noise_px[c] = is_tame ? 2 : pow(10, 3 * rng_unit(&r) - 2);
            list[c] = rng_below(&r, 20) ? points[c] : NULL;
        }
        for (size_t k = 0; k < count; k++) {
            struct vec3 at = {2 * rng_normal(&r), 2 * rng_normal(&r), 1 + rng_normal(&r)};
            for (size_t c = 0; c < cameras; c++) {
                double u = 960, v = 540;
                (void)camera_project(&views[c], at, &u, &v);
                double wrong = rng_unit(&r) < 0.15 ? 100 : 0;
                points[c][k] = (struct pose_point){(float)(u + wrong + 2 * rng_normal(&r)), (float)(v - wrong + 2 * rng_normal(&r)), rng_unit(&r) < 0.15 ? 0 : 0.8f};
                if (!is_tame && rng_below(&r, 3) == 0) points[c][k] = (struct pose_point){wild(&r, u, 5), wild(&r, v, 5), wild(&r, 0.5, 0.3)};
            }
        }
        struct track_point plain[COUNT], fast[COUNT];
        size_t n = triangulate_by(TRIANGULATE_PLAIN, &s, list, count, plain);
        for (enum triangulate_way way = TRIANGULATE_AVX2; way < TRIANGULATE_WAYS; way++) {
            if (!triangulate_can(way)) continue;
            memset(fast, 0x5a, sizeof fast);
            assert_int_equal(triangulate_by(way, &s, list, count, fast), n);
            for (size_t k = 0; k < count; k++) {
                const struct track_point *a = &plain[k], *b = &fast[k];
                assert_int_equal(a->seen, b->seen);
                assert_true(a->cameras == b->cameras && vec3_is_known(a->at) == vec3_is_known(b->at));
                if (vec3_is_known(a->at)) assert_true(same_bits(&a->at.x, &b->at.x, 3));
                assert_true(same_bits(&a->covariance.xx, &b->covariance.xx, 6) && same_bits(&a->chi2, &b->chi2, 1));
                compared++, known += vec3_is_known(a->at), disputed += vec3_is_known(a->at) && __builtin_popcountll(a->cameras) < a->seen;
            }
        }
    }
    if (!compared) {
        print_message("# this processor has no vector units that are used here\n");
        skip();
    }
    print_message("# %zu joints compared, %zu known, %zu with cameras left out\n", compared, known, disputed);
    assert_true(known > compared / 4 && disputed > compared / 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_way_gives_the_same_bits), cmocka_unit_test(clean_points_reach_the_bound), cmocka_unit_test(outliers_are_left_out), cmocka_unit_test(four_bad_cameras_of_sixteen),
                                       cmocka_unit_test(what_cannot_be_known_is_unknown)};
    return cmocka_run_group_tests_name("human/track/triangulate", tests, NULL, NULL);
}
