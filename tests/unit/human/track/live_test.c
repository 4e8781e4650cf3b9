/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Frame by frame is the same as all at once with what was known by then; who leaves and comes back is the same person. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/fault.h"
#include "base/rng.h"
#include "human/synth/synth.h"
#include "human/track/smooth.h"
#include "human/track/track.h"

static bool close_to(struct vec3 a, struct vec3 b, double tolerance) { return vec3_distance(a, b) <= tolerance * (1 + vec3_norm(b)); }

/* A row with gaps, outliers and a jump; every state must be what the smoother says of the row cut off `lag` frames later. */
static void the_lag_is_the_smoother_of_what_was_known(void **state) {
    enum { COUNT = 150 };
    static const size_t lags[] = {1, 6, 8, 12};
    struct rng r = rng_seeded(21);
    size_t compared = 0, filled = 0;
    for (int round = 0; round < 8; round++) {
        size_t lag = lags[round % 4];
        struct track_point points[COUNT];
        struct track_state live[COUNT], whole[COUNT];
        struct lag_filter *l = lag_filter_create(60, 0.2, 1e5, lag);
        for (int f = 0; f < COUNT; f++) {
            double t = f / 60.0;
            points[f] = (struct track_point){.at = {9 * t + 0.01 * rng_normal(&r), sin(8 * t) + 0.01 * rng_normal(&r), 1 + 0.01 * rng_normal(&r) + (f > 110 ? 3 : 0)}, .covariance = {2e-4, 5e-5, 0, 1e-4, 1e-5, 3e-4}};
            if (rng_unit(&r) < 0.2 || (f > 40 && f < 49) || (f > 70 && f < 95) || f < 3) points[f].at = VEC3_UNKNOWN;
            else if (rng_unit(&r) < 0.03) points[f].at.x += 1;
            struct track_state now;
            lag_filter_push(l, &points[f], &now);
            if (f >= (int)lag) live[f - (int)lag] = now;
            else assert_int_equal(now.source, TRACK_UNKNOWN);
        }
        for (size_t f = 0; f + lag < COUNT; f++) {
            assert_true(smooth_fixed(points, 1, f + lag + 1, 60, 0.2, 1e5, lag_filter_axes(l), whole));
            assert_int_equal(live[f].source, whole[f].source);
            if (live[f].source == TRACK_UNKNOWN) continue;
            assert_true(close_to(live[f].at, whole[f].at, 1e-12) && close_to(live[f].velocity, whole[f].velocity, 1e-9) && close_to(live[f].acceleration, whole[f].acceleration, 1e-9));
            assert_true(fabs(live[f].covariance.xx - whole[f].covariance.xx) < 1e-12);
            compared++, filled += live[f].source == TRACK_FILLED;
        }
        lag_filter_destroy(&l);
    }
    print_message("# %zu states compared, %zu of them filled\n", compared, filled);
    assert_true(compared > 600 && filled > 30);
}

static struct synth_scene small(uint64_t seed) {
    struct synth_scene s = {.seed = seed, .rate = 60, .seconds = 2.5, .athletes = 3, .lane_m = 1.22, .speed_min = 4, .speed_max = 6, .cameras = 4,
                            .focal_px = 1400, .width = 1920, .height = 1080, .radial = {-0.03, 0, 0}, .noise_px = 1.5, .missing = 0.1, .outliers = 0.01, .outlier_px = 60, .swaps = 0.002};
    for (int c = 0; c < 4; c++) s.at[c] = vec3_of(4 + 16 * cos(0.3 + c * 1.55), 16 * sin(0.3 + c * 1.55), 2 + 0.5 * c), s.look[c] = vec3_of(4, 0, 1);
    return s;
}

static void live_is_as_recorded(void **state) {
    struct arena *mem = arena_create((size_t)1 << 30);
    const struct synth_scene scene = small(4);
    struct synth_meeting m;
    assert_int_equal(synth_make(mem, &scene, &m).kind, ERR_NONE);
    const struct pose_take *takes[4] = {&m.takes[0], &m.takes[1], &m.takes[2], &m.takes[3]};
    const struct camera_view *views[4];
    for (int c = 0; c < 4; c++) views[c] = &m.rig.cameras[c].fixed;
    struct track_people people;
    assert_int_equal(track_follow(mem, &m.rig, takes, &(struct track_options){.rate = 60}, &people).kind, ERR_NONE);
    assert_int_equal(people.count, 3);
    struct track_live *live;
    const struct track_live_options options = {.follow = {.rate = 60}, .lag_frames = 8};
    assert_int_equal(track_live_open(&m.takes[0].layout, 4, &options, &live).kind, ERR_NONE);
    size_t frames = m.takes[0].frame_count, compared = 0, seen = 0;
    double error = 0, whole_error = 0;
    struct track_state **states = arena_alloc_array(mem, people.count, sizeof *states), *prefix = arena_alloc_array(mem, frames, sizeof *prefix);
    for (size_t i = 0; i < people.count; i++) assert_int_equal(track_smooth_all(mem, &people, i, 60, 0.2, &states[i]).kind, ERR_NONE);
    for (size_t f = 0; f < frames + 8; f++) {
        const struct pose_frame *list[4];
        struct track_live_frame out;
        bool has_frame;
        for (int c = 0; c < 4; c++) list[c] = f < frames ? &m.takes[c].frames[f] : NULL;
        assert_int_equal(track_live_push(live, list, views, &out, &has_frame).kind, ERR_NONE);
        assert_true(has_frame == (f >= 8));
        if (!has_frame) continue;
        assert_int_equal(out.frame, f - 8);
        for (size_t i = 0; i < out.count; i++) {
            const struct track_person *p = NULL;
            size_t who = 0;
            for (size_t k = 0; k < people.count; k++) {
                if (people.people[k].id == out.people[i].id) p = &people.people[k], who = k;
            }
            assert_non_null(p);
            size_t row = (size_t)(out.frame - p->frame_first);
            assert_true(out.frame >= p->frame_first && row < p->frame_count);
            seen++;
            for (size_t k = 0; k < POSE_JOINTS; k++) {
                const struct track_point *a = &out.people[i].points[k], *b = &p->points[row * POSE_JOINTS + k];
                assert_true(vec3_is_known(a->at) == vec3_is_known(b->at) && a->cameras == b->cameras);
                if (vec3_is_known(a->at)) assert_memory_equal(&a->at, &b->at, sizeof a->at);
                const struct track_state *s = &out.people[i].states[k], *w = &states[who][row * POSE_JOINTS + k];
                if (s->source == TRACK_UNKNOWN || w->source == TRACK_UNKNOWN || f >= frames) continue;
                /* whose truth it is, is known by the lane */
                size_t athlete = 0;
                for (size_t a2 = 1; a2 < 3; a2++) {
                    if (vec3_distance(w->at, *motion_at(&m.truth[a2], f - 8, k)) < vec3_distance(w->at, *motion_at(&m.truth[athlete], f - 8, k))) athlete = a2;
                }
                error += vec3_distance(s->at, *motion_at(&m.truth[athlete], f - 8, k)), whole_error += vec3_distance(w->at, *motion_at(&m.truth[athlete], f - 8, k));
                compared++;
            }
        }
    }
    print_message("# %zu people's frames, %zu states; %.1f mm off after 8 frames, %.1f mm with all of them\n", seen, compared, error / (double)compared * 1e3, whole_error / (double)compared * 1e3);
    assert_true(seen > 3 * frames - 60 && error < 1.35 * whole_error);
    track_live_close(&live);
    struct track_live_options wrong = options;
    wrong.lag_frames = 13;
    assert_string_equal(track_live_open(&m.takes[0].layout, 4, &wrong, &live).code, "track.takes");
    wrong = options, wrong.follow.rate = NAN;
    assert_string_equal(track_live_open(&m.takes[0].layout, 4, &wrong, &live).code, "track.takes");
    assert_string_equal(track_live_open(&m.takes[0].layout, 1, &options, &live).code, "track.takes");
    arena_destroy(&mem);
}

/* Takes whoever stands in this truth out of a picture. */
static void hide(struct synth_meeting *m, size_t athlete, size_t from, size_t until) {
    for (size_t c = 0; c < m->rig.count; c++) {
        for (size_t f = from; f < until; f++) {
            struct pose_frame *frame = &m->takes[c].frames[f];
            size_t best = SIZE_MAX;
            double least = 40;
            for (size_t d = 0; d < frame->people; d++) {
                double sum = 0, n = 0;
                for (size_t k = 0; k < POSE_JOINTS; k++) {
                    double u, v;
                    const struct pose_point *p = &frame->points[d * POSE_JOINTS + k];
                    if (!(p->confidence > 0) || !camera_project(&m->rig.cameras[c].fixed, *motion_at(&m->truth[athlete], f, k), &u, &v)) continue;
                    sum += fmin(hypot(p->x - u, p->y - v), 80), n++;
                }
                if (n > 3 && sum / n < least) least = sum / n, best = d;
            }
            if (best == SIZE_MAX) continue;
            memmove(frame->points + best * POSE_JOINTS, frame->points + (best + 1) * POSE_JOINTS, (frame->people - best - 1) * POSE_JOINTS * sizeof *frame->points);
            frame->people--;
        }
    }
}

static void who_comes_back_is_the_same(void **state) {
    struct arena *mem = arena_create((size_t)1 << 30);
    const struct synth_scene scene = small(6);
    struct synth_meeting m;
    assert_int_equal(synth_make(mem, &scene, &m).kind, ERR_NONE);
    hide(&m, 0, 60, 110), hide(&m, 1, 60, 110); /* two neighbours at once, for 0.8 s, running */
    const struct pose_take *takes[4] = {&m.takes[0], &m.takes[1], &m.takes[2], &m.takes[3]};
    struct track_people people;
    assert_int_equal(track_follow(mem, &m.rig, takes, &(struct track_options){.rate = 60}, &people).kind, ERR_NONE);
    print_message("# %zu people\n", people.count);
    assert_int_equal(people.count, 3);
    for (size_t i = 0; i < people.count; i++) {
        const struct track_person *p = &people.people[i];
        size_t unknown = 0;
        assert_true(p->frame_count > 140);
        for (size_t f = 0; f < p->frame_count; f++) {
            /* the same athlete before and after, and nothing invented in between */
            struct vec3 hip = p->points[f * POSE_JOINTS + POSE_HIP].at;
            size_t nearest = 0, begun = 0;
            unknown += !vec3_is_known(hip);
            if (!vec3_is_known(hip)) continue;
            for (size_t a = 1; a < 3; a++) {
                if (fabs(hip.y - motion_at(&m.truth[a], 30, POSE_HIP)->y) < fabs(hip.y - motion_at(&m.truth[nearest], 30, POSE_HIP)->y)) nearest = a;
                if (fabs(p->points[10 * POSE_JOINTS + POSE_HIP].at.y - motion_at(&m.truth[a], 30, POSE_HIP)->y) < fabs(p->points[10 * POSE_JOINTS + POSE_HIP].at.y - motion_at(&m.truth[begun], 30, POSE_HIP)->y)) begun = a;
            }
            assert_int_equal(nearest, begun);
        }
        double lane = p->points[10 * POSE_JOINTS + POSE_HIP].at.y;
        bool is_hidden = fabs(lane - motion_at(&m.truth[2], 30, POSE_HIP)->y) > 0.6;
        assert_true(is_hidden ? unknown >= 45 : unknown < 20);
    }
    /* without it they are new people */
    assert_int_equal(track_follow(mem, &m.rig, takes, &(struct track_options){.rate = 60, .back_s = -1}, &people).kind, ERR_NONE);
    assert_int_equal(people.count, 5);
    arena_destroy(&mem);
}

/* Three cameras on one side, from which neighbours stand behind each other: who is told of the lanes puts far fewer people between them. */
static void lanes_decide(void **state) {
    size_t off[2] = {0}, people[2] = {0};
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct arena *mem = arena_create((size_t)1 << 28);
        struct synth_scene s = {.seed = seed, .rate = 60, .seconds = 0.7, .athletes = 9, .lane_m = 1.22, .speed_min = 9, .speed_max = 10.5, .cameras = 3,
                                .focal_px = 1300, .width = 1920, .height = 1080, .noise_px = 4, .missing = 0.35, .outliers = 0.05, .outlier_px = 60, .swaps = 0.01};
        for (int c = 0; c < 3; c++) s.at[c] = vec3_of(-6 + 8 * c, -22, 2.2 + 0.3 * c), s.look[c] = vec3_of(3, 0, 1);
        struct synth_meeting m;
        assert_int_equal(synth_make(mem, &s, &m).kind, ERR_NONE);
        const struct pose_take *takes[3] = {&m.takes[0], &m.takes[1], &m.takes[2]};
        for (int k = 0; k < 2; k++) {
            struct track_people p;
            assert_int_equal(track_follow(mem, &m.rig, takes, &(struct track_options){.rate = 60, .lane_m = k ? 1.22 : 0, .lane_y = 0.61}, &p).kind, ERR_NONE);
            people[k] += p.count;
            for (size_t i = 0; i < p.count; i++) {
                for (size_t f = 0; f < p.people[i].frame_count; f++) {
                    double y = 0, n = 0;
                    for (size_t j = 0; j < POSE_JOINTS; j++) {
                        struct vec3 at = p.people[i].points[f * POSE_JOINTS + j].at;
                        if (vec3_is_known(at)) y += at.y, n++;
                    }
                    off[k] += n >= 4 && fabs(y / n / 1.22 - round(y / n / 1.22)) > 0.3;
                }
            }
        }
        arena_destroy(&mem);
    }
    print_message("# between the lanes in %zu frames without knowing of them, %zu with; %zu and %zu people for 54\n", off[0], off[1], people[0], people[1]);
    assert_true(2 * off[1] < off[0] && people[1] <= people[0]);
}

static void memory_may_run_out(void **state) {
    struct arena *mem = arena_create((size_t)1 << 30);
    struct synth_scene scene = small(3);
    scene.seconds = 0.3;
    struct synth_meeting m;
    assert_int_equal(synth_make(mem, &scene, &m).kind, ERR_NONE);
    const struct camera_view *views[4];
    for (int c = 0; c < 4; c++) views[c] = &m.rig.cameras[c].fixed;
    bool is_whole = false;
    for (uint64_t n = 1; n < 1000 && !is_whole; n += n < 60 ? 1 : 9) {
        struct track_live *live = NULL;
        struct err e = ERR_OK;
        fault_arm(FAULT_ALLOC, n, false);
        e = track_live_open(&m.takes[0].layout, 4, &(struct track_live_options){.follow = {.rate = 60}}, &live);
        for (size_t f = 0; f < m.takes[0].frame_count && !e.kind; f++) {
            const struct pose_frame *list[4];
            struct track_live_frame out;
            bool has_frame;
            for (int c = 0; c < 4; c++) list[c] = &m.takes[c].frames[f];
            e = track_live_push(live, list, views, &out, &has_frame);
        }
        is_whole = !fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        assert_int_equal(e.kind, is_whole ? ERR_NONE : ERR_LIMIT);
        track_live_close(&live);
    }
    assert_true(is_whole);
    arena_destroy(&mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_lag_is_the_smoother_of_what_was_known), cmocka_unit_test(live_is_as_recorded), cmocka_unit_test(who_comes_back_is_the_same), cmocka_unit_test(lanes_decide),
                                       cmocka_unit_test(memory_may_run_out)};
    return cmocka_run_group_tests_name("human/track/live", tests, NULL, NULL);
}
