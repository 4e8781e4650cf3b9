/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Cameras that started when they liked, run at rates of their own, drift, and expose row by row: found and put right. */
#include <fcntl.h>
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
#include "base/fs.h"
#include "base/rng.h"
#include "human/synth/synth.h"
#include "human/track/track.h"

struct stage {
    struct synth_scene scene;
    struct synth_meeting m;
    const struct pose_take *takes[SYNTH_CAMERAS_MAX];
    struct camera cameras[SYNTH_CAMERAS_MAX]; /* the true rig without what is to be found */
    struct camera_rig rig;
};

static struct stage *open_stage(struct arena *mem, const char *name, double seconds) {
    struct stage *s = ARENA_NEW(mem, struct stage);
    struct buf text = BUF(1 << 20);
    char path[200];
    snprintf(path, sizeof path, "bench/scenes/%s.json", name);
    assert_int_equal(fs_read_file(AT_FDCWD, path, &text).kind, ERR_NONE);
    assert_int_equal(synth_scene_parse(buf_slice(&text), &s->scene).kind, ERR_NONE);
    buf_free(&text);
    s->scene.seconds = seconds, s->scene.athletes = 3, s->scene.cameras = 5;
    assert_int_equal(synth_make(mem, &s->scene, &s->m).kind, ERR_NONE);
    s->rig = s->m.rig, s->rig.cameras = s->cameras;
    for (size_t c = 0; c < s->scene.cameras; c++) {
        s->takes[c] = &s->m.takes[c], s->cameras[c] = s->m.rig.cameras[c];
        s->cameras[c].clock = (struct camera_clock){.rate = s->m.rig.cameras[c].clock.rate};
    }
    return s;
}

/* Mean distance of the smoothed joints from the truth of whoever is nearest; the truth's clock may be off by a constant. */
static double error_of(const struct stage *s, const struct track_result *r, double late_s) {
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < r->people.count; i++) {
        const struct track_person *p = &r->people.people[i];
        for (size_t f = 0; f < p->frame_count; f++) {
            double at = ((double)(p->frame_first + (int64_t)f) / r->recording.rate - late_s) * s->scene.rate, down = floor(at);
            if (at < 0 || down + 1 >= (double)s->m.truth[0].frame_count) continue;
            double least = INFINITY;
            size_t known = 0;
            for (size_t a = 0; a < s->scene.athletes; a++) {
                double d = 0;
                known = 0;
                for (size_t k = 0; k < POSE_JOINTS; k++) {
                    const struct track_state *st = &r->states[i][f * POSE_JOINTS + k];
                    if (st->source == TRACK_UNKNOWN) continue;
                    struct vec3 truth = vec3_mix(*motion_at(&s->m.truth[a], (size_t)down, k), *motion_at(&s->m.truth[a], (size_t)down + 1, k), at - down);
                    d += vec3_distance(st->at, truth), known++;
                }
                least = fmin(least, d);
            }
            if (known) sum += least, n += known;
        }
    }
    return sum / (double)n;
}

static void clocks_are_found(void **state) {
    struct arena *mem = arena_create((size_t)2 << 30);
    struct stage *s = open_stage(mem, "unsynchronised", 2.5);
    const double rate = s->scene.rate;
    s->m.takes[4].frame_count -= 25, s->m.takes[1].frames += 10, s->m.takes[1].frame_count -= 10, s->m.takes[1].frame_first = 10; /* of different lengths */
    struct track_sync sync;
    assert_int_equal(track_synchronise(&s->rig, s->takes, rate, 2, &sync).kind, ERR_NONE);
    double worst = 0;
    for (size_t c = 0; c < s->rig.count; c++) {
        const struct camera_clock *truth = &s->m.rig.cameras[c].clock, *base = &s->m.rig.cameras[sync.reference].clock;
        double off = (sync.clocks[c].offset_s - sync.clocks[sync.reference].offset_s - truth->offset_s + base->offset_s) * rate;
        print_message("# camera %zu: correlation %.2f (rival %.2f), %.3f frames off\n", c + 1, sync.correlation[c], sync.rival[c], off);
        assert_true(sync.is_known[c]);
        worst = fmax(worst, fabs(off));
    }
    print_message("# by correlation alone, worst %.2f frames\n", worst);
    assert_true(worst < 1.5); /* another angle sees another movement: this is for whole frames */
    struct track_plan plan = {.rate = rate, .with_sync = true, .offset_max_s = 2, .with_refinement = true, .refine = {.held = 0.2, .with_clocks = true}};
    struct track_result r;
    struct err e = track_everybody(mem, &s->rig, s->takes, &plan, &r);
    assert_int_equal(e.kind, ERR_NONE);
    /* Offsets are measured in the middle of the picture and the take, where offset, drift and row time do not trade with each other; against the mean of all. */
    double off[SYNTH_CAMERAS_MAX], mean = 0;
    for (size_t c = 0; c < s->rig.count; c++) {
        const struct camera_clock *truth = &s->m.rig.cameras[c].clock, *found = &r.rig.cameras[c].clock;
        double middle = s->scene.seconds / 2, row = s->scene.height / 2;
        off[c] = (found->offset_s - truth->offset_s + (found->drift - truth->drift) * middle + (found->row_s - truth->row_s) * row) * rate;
        mean += off[c] / (double)s->rig.count;
    }
    worst = 0;
    for (size_t c = 0; c < s->rig.count; c++) {
        const struct camera_clock *truth = &s->m.rig.cameras[c].clock, *found = &r.rig.cameras[c].clock;
        print_message("# camera %zu: %.3f frames off, drift %.0f ppm of %.0f, rows %.1f us of %.1f (+- %.1f); %.2f px before, %.2f after\n", c + 1, off[c] - mean, found->drift * 1e6,
                      truth->drift * 1e6, found->row_s * 1e6, truth->row_s * 1e6, r.refinement.row_deviation_s[c] * 1e6, r.refinement.before_px[c], r.refinement.after_px[c]);
        worst = fmax(worst, fabs(off[c] - mean));
    }
    double off_m = error_of(s, &r, mean / rate);
    print_message("# worst offset %.3f frames; %zu people, joints %.1f mm off\n", worst, r.people.count, off_m * 1e3);
    assert_true(worst <= 0.1);
    assert_true(off_m < 0.035); /* a frame at this speed is 100 mm */
    assert_int_equal(r.people.count, s->scene.athletes);
    arena_destroy(&mem);
}

/* What the truth's clock shows at whole frames is what the retimed recording says, whichever way it is moved. */
static void one_clock(void **state) {
    struct arena *mem = arena_create((size_t)2 << 30);
    struct stage *s = open_stage(mem, "unsynchronised", 1.5);
    struct track_recording r, moved;
    struct track_people people;
    assert_int_equal(track_retime(mem, &s->m.rig, s->takes, s->scene.rate, &r).kind, ERR_NONE);
    assert_false(r.is_as_given);
    assert_int_equal(track_follow(mem, &r.rig, r.takes, &(struct track_options){.rate = r.rate}, &people).kind, ERR_NONE);
    struct track_state **states = arena_alloc_array(mem, people.count + 1, sizeof *states);
    assert_int_equal(people.count, s->scene.athletes);
    for (size_t i = 0; i < people.count; i++) assert_int_equal(track_smooth_all(mem, &people, i, r.rate, 0.2, &states[i]).kind, ERR_NONE);
    assert_int_equal(track_retime_by_motion(mem, &r, &people, states, &moved).kind, ERR_NONE);
    double sum[3] = {0};
    size_t n = 0;
    for (size_t i = 0; i < people.count; i++) {
        const struct track_person *p = &people.people[i];
        for (size_t f = 0; f < p->frame_count; f++) {
            int64_t frame = p->frame_first + (int64_t)f;
            for (size_t c = 0; c < r.rig.count; c++) {
                int d = p->detections[f * r.rig.count + c];
                if (d < 0 || frame < 0 || (size_t)frame >= s->m.truth[0].frame_count) continue;
                for (size_t k = 0; k < POSE_JOINTS; k++) {
                    const struct pose_point *line = &pose_person(r.takes[c], (size_t)(frame - r.frame_first), (size_t)d)[k], *way = &pose_person(moved.takes[c], (size_t)(frame - r.frame_first), (size_t)d)[k];
                    const struct pose_point *raw = &pose_person(s->takes[c], (size_t)r.source[c][frame - r.frame_first], (size_t)d)[k];
                    double u, v, least = INFINITY;
                    size_t who = 0;
                    for (size_t a = 0; a < s->scene.athletes; a++) {
                        if (!camera_project(&r.rig.cameras[c].fixed, *motion_at(&s->m.truth[a], (size_t)frame, k), &u, &v)) continue;
                        if (hypot(line->x - u, line->y - v) < least) least = hypot(line->x - u, line->y - v), who = a;
                    }
                    if (!(line->confidence > 0) || least > 25) continue; /* outliers are outliers at any time */
                    assert_true(camera_project(&r.rig.cameras[c].fixed, *motion_at(&s->m.truth[who], (size_t)frame, k), &u, &v));
                    sum[0] += hypot(raw->x - u, raw->y - v), sum[1] += least, sum[2] += hypot(way->x - u, way->y - v), n++;
                }
            }
        }
    }
    print_message("# pixels off at the common instants: %.2f as taken, %.2f along lines, %.2f along the motion (noise alone 1.88)\n", sum[0] / (double)n, sum[1] / (double)n, sum[2] / (double)n);
    assert_true(sum[1] < 0.9 * sum[0] && sum[2] < 0.9 * sum[0]);
    /* A clock that runs backwards, a rig of which one part looked on another day. */
    s->cameras[1].clock.drift = -1.5;
    assert_string_equal(track_retime(mem, &s->rig, s->takes, 60, &r).code, "track.clock");
    s->cameras[1].clock = (struct camera_clock){.offset_s = 9e8};
    assert_string_equal(track_retime(mem, &s->rig, s->takes, 60, &r).code, "track.clock");
    for (size_t c = 0; c < s->rig.count; c++) s->cameras[c].clock = (struct camera_clock){0};
    assert_string_equal(track_retime(mem, &s->rig, s->takes, NAN, &r).code, "track.takes");
    arena_destroy(&mem);
}

/* Cameras that pan with the field, each by a clock of its own: a view for each instant of the common clock comes out of those for the camera's own frames. */
static void panning_cameras(void **state) {
    struct arena *mem = arena_create((size_t)2 << 30);
    struct stage *s = open_stage(mem, "unsynchronised", 0.5);
    s->scene.does_follow = true, s->scene.seconds = 1.8, s->scene.focal_px = 2200;
    for (size_t c = 0; c < s->scene.cameras; c++) s->scene.look[c] = vec3_of(0, 0, 1), s->scene.clock[c].offset_s *= 0.5;
    assert_int_equal(synth_make(mem, &s->scene, &s->m).kind, ERR_NONE);
    for (size_t c = 0; c < s->scene.cameras; c++) s->takes[c] = &s->m.takes[c];
    struct track_result r;
    const struct track_plan plan = {.rate = s->scene.rate};
    assert_int_equal(track_everybody(mem, &s->m.rig, s->takes, &plan, &r).kind, ERR_NONE);
    double off_m = error_of(s, &r, 0);
    print_message("# panning, unsynchronised cameras: %zu people, joints %.1f mm off\n", r.people.count, off_m * 1e3);
    assert_int_equal(r.people.count, s->scene.athletes);
    assert_true(off_m < 0.03);
    for (size_t c = 0; c < r.recording.rig.count; c++) {
        const struct camera *before = &s->m.rig.cameras[c], *after = &r.recording.rig.cameras[c];
        assert_true(after->views && after->view_count > 20 && after->clock.offset_s == 0);
        /* where the two clocks show the same instant, half-way between two frames of the camera */
        int64_t frame = after->view_first + 10;
        double at = ((double)frame / r.recording.rate - before->clock.offset_s - 0.5 * before->height * before->clock.row_s) * (before->clock.rate > 0 ? before->clock.rate : s->scene.rate) / (1 + before->clock.drift);
        const struct camera_view *a = camera_view_at(before, (int64_t)floor(at)), *b = camera_view_at(before, (int64_t)floor(at) + 1), *v = camera_view_at(after, frame);
        assert_true(a && b && v);
        struct vec3 low = mat3_row(&a->pose.rotation, 2), high = mat3_row(&b->pose.rotation, 2), axis = mat3_row(&v->pose.rotation, 2), expected = vec3_unit(vec3_mix(low, high, at - floor(at)));
        assert_true(vec3_distance(axis, expected) < 1e-4 && vec3_distance(camera_centre(&v->pose), camera_centre(&a->pose)) < 1e-9);
    }
    arena_destroy(&mem);
}

/* Every allocation fails once: reported, nothing leaked, and the next run is whole. */
static void memory_may_run_out(void **state) {
    struct arena *mem = arena_create((size_t)2 << 30), *own = arena_create((size_t)2 << 30);
    struct stage *s = open_stage(own, "unsynchronised", 0.8);
    s->rig.count = 3;
    const struct track_plan plan = {.rate = s->scene.rate, .with_sync = true, .offset_max_s = 0.2, .with_refinement = true, .refine = {.held = 0.2, .with_clocks = true}};
    struct track_result r;
    struct err whole = track_everybody(mem, &s->rig, s->takes, &plan, &r);
    bool is_whole = false;
    for (uint64_t n = 1; n < 1000000 && !is_whole; n = n < 10 ? n + 1 : n + n / 2) {
        arena_reset(mem);
        fault_arm(FAULT_ALLOC, n, false);
        struct err e = track_everybody(mem, &s->rig, s->takes, &plan, &r);
        is_whole = !fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        assert_int_equal(e.kind, is_whole ? whole.kind : ERR_LIMIT);
    }
    assert_true(is_whole);
    arena_destroy(&mem), arena_destroy(&own);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_clock), cmocka_unit_test(panning_cameras), cmocka_unit_test(clocks_are_found), cmocka_unit_test(memory_may_run_out)};
    return cmocka_run_group_tests_name("human/track/clock", tests, NULL, NULL);
}
