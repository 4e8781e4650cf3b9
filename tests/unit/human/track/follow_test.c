/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Whole meetings that synth makes: who is who, and how near the truth. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/fs.h"
#include "base/rng.h"
#include "human/synth/synth.h"
#include "human/track/track.h"

struct result {
    size_t people, swaps; /* swaps: frames in which a person's points are nearest to another athlete than most of the time */
    double raw_m, smooth_m, bound_m, lost_s; /* root mean square; lost_s: longest time an athlete was nobody's */
    double known;
    double follow_s, smooth_s;
};

static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct result play(const char *file, double seconds) {
    struct result r = {0};
    struct arena *mem = arena_create((size_t)2 << 30);
    struct buf text = BUF(1 << 20);
    char path[300];
    snprintf(path, sizeof path, "bench/scenes/%s.json", file);
    assert_int_equal(fs_read_file(AT_FDCWD, path, &text).kind, ERR_NONE);
    struct synth_scene scene;
    assert_int_equal(synth_scene_parse(buf_slice(&text), &scene).kind, ERR_NONE);
    buf_free(&text);
    if (seconds > 0) scene.seconds = seconds;
    struct synth_meeting m;
    assert_int_equal(synth_make(mem, &scene, &m).kind, ERR_NONE);
    const struct pose_take *takes[SYNTH_CAMERAS_MAX];
    for (size_t c = 0; c < scene.cameras; c++) takes[c] = &m.takes[c];
    struct track_people found;
    double t0 = cpu();
    assert_int_equal(track_follow(mem, &m.rig, takes, &(struct track_options){.rate = scene.rate}, &found).kind, ERR_NONE);
    r.follow_s = cpu() - t0, r.people = found.count, r.bound_m = m.bound_m;
    size_t frames = m.truth[0].frame_count, covered[SYNTH_ATHLETES_MAX] = {0}, longest[SYNTH_ATHLETES_MAX] = {0};
    uint8_t *whose = arena_alloc_array(mem, scene.athletes * frames, 1);
    double raw = 0, smooth = 0;
    size_t raw_n = 0, smooth_n = 0;
    for (size_t p = 0; p < found.count; p++) {
        const struct track_person *who = &found.people[p];
        size_t votes[SYNTH_ATHLETES_MAX] = {0}, best = 0;
        int *nearest = arena_alloc_array(mem, who->frame_count, sizeof *nearest);
        for (size_t f = 0; f < who->frame_count; f++) {
            double least = INFINITY;
            nearest[f] = -1;
            for (size_t a = 0; a < scene.athletes; a++) {
                double sum = 0;
                size_t n = 0;
                for (size_t k = 0; k < POSE_JOINTS; k++) {
                    struct vec3 at = who->points[f * POSE_JOINTS + k].at;
                    if (vec3_is_known(at)) sum += vec3_distance(at, *motion_at(&m.truth[a], (size_t)who->frame_first + f, k)), n++;
                }
                if (n >= 4 && sum / (double)n < least) least = sum / (double)n, nearest[f] = (int)a;
            }
            if (nearest[f] >= 0) votes[nearest[f]]++;
        }
        for (size_t a = 1; a < scene.athletes; a++) best = votes[a] > votes[best] ? a : best;
        struct track_state *states = arena_alloc_array(mem, who->frame_count * POSE_JOINTS, sizeof *states), *row = arena_alloc_array(mem, who->frame_count, sizeof *row);
        t0 = cpu();
        for (size_t k = 0; k < POSE_JOINTS; k++) {
            assert_true(track_smooth(who->points + k, POSE_JOINTS, who->frame_count, scene.rate, 0.2, row));
            for (size_t f = 0; f < who->frame_count; f++) states[f * POSE_JOINTS + k] = row[f];
        }
        r.smooth_s += cpu() - t0;
        for (size_t f = 0; f < who->frame_count; f++) {
            if (nearest[f] >= 0 && (size_t)nearest[f] != best) r.swaps++;
            if (nearest[f] == (int)best) whose[best * frames + (size_t)who->frame_first + f] = 1;
            for (size_t k = 0; k < POSE_JOINTS; k++) {
                struct vec3 truth = *motion_at(&m.truth[best], (size_t)who->frame_first + f, k), at = who->points[f * POSE_JOINTS + k].at;
                if (vec3_is_known(at)) raw += pow(vec3_distance(at, truth), 2), raw_n++;
                const struct track_state *s = &states[f * POSE_JOINTS + k];
                if (s->source != TRACK_UNKNOWN) smooth += pow(vec3_distance(s->at, truth), 2), smooth_n++;
                else assert_false(vec3_is_known(s->at));
            }
        }
    }
    for (size_t a = 0; a < scene.athletes; a++) {
        for (size_t f = 0; f < frames; f++) {
            covered[a] = whose[a * frames + f] ? 0 : covered[a] + 1;
            if (covered[a] > longest[a]) longest[a] = covered[a];
        }
        r.lost_s = fmax(r.lost_s, (double)longest[a] / scene.rate);
    }
    r.raw_m = sqrt(raw / (double)raw_n), r.smooth_m = sqrt(smooth / (double)smooth_n);
    r.known = (double)smooth_n / (double)(scene.athletes * frames * POSE_JOINTS);
    print_message("# %s %.0f s: people %zu, swapped frames %zu, lost at most %.2f s, bound %.2f mm, raw %.2f mm, smoothed %.2f mm, known %.4f, limbs repaired %zu, noise %.2f px; "
                  "follow %.3f ms a frame, smooth %.3f s\n", file, scene.seconds, r.people, r.swaps, r.lost_s, r.bound_m * 1e3, r.raw_m * 1e3, r.smooth_m * 1e3, r.known,
                  found.swaps_repaired, found.noise_px[0], r.follow_s * 1e3 / (double)frames, r.smooth_s);
    arena_destroy(&mem);
    return r;
}

static double seconds_of(double in_tests) { return getenv("TRACK_WHOLE_SCENES") ? 0 : in_tests; }

static void nine_runners_on_the_spot(void **state) {
    struct result r = play("ring", seconds_of(2));
    assert_true(r.raw_m <= 1.03 * r.bound_m && r.smooth_m <= 0.0095);
    assert_int_equal(r.people, 9);
    assert_int_equal(r.swaps, 0);
    assert_true(r.lost_s <= 0.3);
}

static void nine_runners_and_outliers(void **state) {
    struct result r = play("ring-outliers", seconds_of(2));
    assert_true(r.smooth_m <= 0.0105);
    assert_int_equal(r.people, 9);
    assert_int_equal(r.swaps, 0);
    assert_true(r.lost_s <= 0.3);
}

static void nine_sprinters_and_panning_cameras(void **state) {
    struct result r = play("race", seconds_of(2));
    assert_true(r.smooth_m <= 0.35 * r.bound_m);
    assert_int_equal(r.people, 9);
    assert_int_equal(r.swaps, 0);
    assert_true(r.lost_s <= 0.3);
}

static void nobody_and_one_camera(void **state) {
    struct arena *mem = arena_create(1 << 20);
    struct camera cameras[2] = {0};
    struct camera_rig rig = {cameras, 2, CAMERA_UP_Z};
    struct pose_frame frames[10] = {{0}};
    struct pose_take takes[2] = {{.frame_count = 10, .frames = frames}, {.frame_count = 7, .frames = frames}};
    const struct pose_take *list[2] = {&takes[0], &takes[1]};
    for (int c = 0; c < 2; c++) {
        assert_true(pose_layout_named(SLICE("BODY_25"), &takes[c].layout));
        cameras[c].fixed.lens = (struct camera_lens){.fx = 1000, .fy = 1000};
        assert_int_equal(camera_lens_prepare(&cameras[c].fixed.lens).kind, ERR_NONE);
    }
    struct track_people people;
    assert_int_equal(track_follow(mem, &rig, list, &(struct track_options){.rate = 60}, &people).kind, ERR_NONE);
    assert_int_equal(people.count, 0);
    assert_true(pose_layout_named(SLICE("BODY_25B"), &takes[1].layout));
    assert_string_equal(track_follow(mem, &rig, list, &(struct track_options){.rate = 60}, &people).code, "track.takes");
    rig.count = 1;
    assert_string_equal(track_follow(mem, &rig, list, &(struct track_options){.rate = 60}, &people).code, "track.takes");
    arena_destroy(&mem);
}

/* A joint that moves smoothly, with noise, a gap of 0.1 s, one of 0.5 s, a spike, and a jump that stays. */
static void the_smoother_marks_gaps_and_leaves_spikes_out(void **state) {
    enum { N = 300 };
    struct rng r = rng_seeded(5);
    struct track_point p[N];
    struct track_state s[N];
    double raw = 0, smooth = 0, speed = 0;
    size_t n = 0;
    for (int f = 0; f < N; f++) {
        double t = f / 60.0;
        p[f] = (struct track_point){.at = {10 * t + 0.02 * rng_normal(&r), 0.2 * sin(4 * t) + 0.01 * rng_normal(&r), (f >= 200 ? 3 : 1) + 0.01 * rng_normal(&r)},
                                    .covariance = {.xx = 4e-4, .yy = 1e-4, .zz = 1e-4}};
        if ((f >= 50 && f < 56) || (f >= 100 && f < 130)) p[f].at = VEC3_UNKNOWN;
    }
    p[75].at.y += 1;
    assert_true(track_smooth(p, 1, N, 60, 0.2, s));
    for (int f = 0; f < N; f++) {
        double t = f / 60.0;
        bool is_gap = f >= 100 && f < 130;
        assert_int_equal(s[f].source == TRACK_UNKNOWN, is_gap || (f >= 200 && f < 204));
        if (s[f].source == TRACK_UNKNOWN || (f > 190 && f < 210)) continue;
        if ((f >= 50 && f < 56) || f == 75) assert_int_equal(s[f].source, TRACK_FILLED);
        struct vec3 truth = {10 * t, 0.2 * sin(4 * t), f >= 200 ? 3 : 1};
        assert_true(vec3_distance(s[f].at, truth) < 0.06);
        assert_true(sym3_trace(s[f].covariance) > 0 && sym3_trace(s[f].covariance) < 0.01);
        if (f < 10 || f >= 290) continue;
        if (vec3_is_known(p[f].at) && f != 75) raw += pow(vec3_distance(p[f].at, truth), 2), smooth += pow(vec3_distance(s[f].at, truth), 2), n++;
        speed += pow(s[f].velocity.x - 10, 2) / N;
    }
    assert_true(sqrt(smooth / (double)n) < 0.45 * sqrt(raw / (double)n));
    assert_true(sqrt(speed) < 0.3);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nine_runners_on_the_spot), cmocka_unit_test(nine_runners_and_outliers), cmocka_unit_test(nine_sprinters_and_panning_cameras),
                                       cmocka_unit_test(nobody_and_one_camera), cmocka_unit_test(the_smoother_marks_gaps_and_leaves_spikes_out)};
    return cmocka_run_group_tests_name("human/track/follow", tests, NULL, NULL);
}
