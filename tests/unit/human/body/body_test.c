/* SPDX-License-Identifier: AGPL-3.0-or-later
 * The skeleton fitted to whole meetings that synth makes, to the real take, and to input with nothing right about it. */
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
#include "base/json.h"
#include "base/rng.h"
#include "human/body/body.h"
#include "human/synth/synth.h"

struct meeting {
    struct arena *mem;
    struct synth_scene scene;
    struct synth_meeting m;
    const struct pose_take *takes[SYNTH_CAMERAS_MAX];
    struct track_people people;
};

static void read_scene(const char *name, struct synth_scene *out) {
    struct buf text = BUF(1 << 20);
    char path[300];
    snprintf(path, sizeof path, "bench/scenes/%s.json", name);
    assert_int_equal(fs_read_file(AT_FDCWD, path, &text).kind, ERR_NONE);
    assert_int_equal(synth_scene_parse(buf_slice(&text), out).kind, ERR_NONE);
    buf_free(&text);
}

/* Keeps the joints of another layout alone. */
static void take_as(struct meeting *w, const char *layout) {
    struct pose_layout l;
    assert_true(pose_layout_named(slice_cstr(layout), &l));
    for (size_t c = 0; c < w->scene.cameras; c++) {
        struct pose_take *t = &w->m.takes[c];
        for (size_t f = 0; f < t->frame_count; f++) {
            struct pose_point *points = arena_alloc_array(w->mem, t->frames[f].people * l.joint_count + 1, sizeof *points);
            for (size_t p = 0; p < t->frames[f].people; p++) {
                for (size_t k = 0; k < l.joint_count; k++) points[p * l.joint_count + k] = t->frames[f].points[p * POSE_JOINTS + (size_t)l.joint[k]];
            }
            t->frames[f].points = points;
        }
        t->layout = l;
    }
}

static struct meeting meet(const char *scene, double seconds, size_t athletes, const char *layout) {
    struct meeting w = {.mem = arena_create((size_t)2 << 30)};
    read_scene(scene, &w.scene);
    if (seconds > 0) w.scene.seconds = seconds;
    if (athletes) w.scene.athletes = athletes;
    assert_int_equal(synth_make(w.mem, &w.scene, &w.m).kind, ERR_NONE);
    if (layout) take_as(&w, layout);
    for (size_t c = 0; c < w.scene.cameras; c++) w.takes[c] = &w.m.takes[c];
    assert_int_equal(track_follow(w.mem, &w.m.rig, w.takes, &(struct track_options){.rate = w.scene.rate}, &w.people).kind, ERR_NONE);
    return w;
}

static double degrees(const struct body_fit *fit, size_t frame, enum body_angle a) { return (double)fit->angles[frame * BODY_ANGLES + a] * 180 / M_PI; }

static size_t nearest(const struct meeting *w, const struct body_fit *fit) {
    size_t best = 0, half = fit->frame_count / 2;
    double least = INFINITY;
    for (size_t a = 0; a < w->scene.athletes; a++) {
        double d = vec3_distance(fit->joints[half * POSE_JOINTS + POSE_RHIP].at, *motion_at(&w->m.truth[a], (size_t)fit->frame_first + half, POSE_RHIP));
        if (d < least) least = d, best = a;
    }
    return best;
}

static double seconds_of(double in_tests) { return getenv("TRACK_WHOLE_SCENES") ? 0 : in_tests; }

static const int bones[][2] = {{POSE_LHIP, POSE_LKNEE}, {POSE_RHIP, POSE_RKNEE}, {POSE_LKNEE, POSE_LANKLE}, {POSE_RKNEE, POSE_RANKLE}, {POSE_LSHOULDER, POSE_LELBOW}, {POSE_RSHOULDER, POSE_RELBOW},
                               {POSE_LELBOW, POSE_LWRIST}, {POSE_RELBOW, POSE_RWRIST}, {POSE_LHIP, POSE_RHIP}, {POSE_LANKLE, POSE_LHEEL}, {POSE_RANKLE, POSE_RHEEL}, {POSE_NECK, POSE_HEAD}};

static void bones_do_not_change(struct arena *mem, const struct body_fit *fit) {
    struct motion m;
    assert_int_equal(body_motion(mem, fit, NULL, &m).kind, ERR_NONE);
    for (size_t b = 0; b < ARRAY_LEN(bones); b++) {
        double median, deviation;
        if (motion_segment_length(&m, bones[b][0], bones[b][1], &median, &deviation)) assert_true(deviation < 1e-6 && median > 0.02);
    }
}

struct result {
    double mean_m, rms_m, squares, known, velocity, angle; /* squares: mean of error' covariance^-1 error, 3 if honest */
    size_t people;
};

static struct result play(const char *scene, double seconds, size_t athletes) {
    struct meeting w = meet(scene, seconds, seconds > 0 ? athletes : 0, NULL);
    struct result r = {.people = w.people.count};
    double n = 0, all = 0, v = 0, vn = 0;
    for (size_t i = 0; i < w.people.count; i++) {
        struct body_fit fit;
        assert_int_equal(body_fit(w.mem, &w.m.rig, w.takes, &w.people, i, &(struct body_options){.rate = w.scene.rate}, &fit).kind, ERR_NONE);
        size_t who = nearest(&w, &fit);
        bones_do_not_change(w.mem, &fit);
        for (size_t f = 0; f < fit.frame_count; f++) {
            for (size_t k = 0; k < POSE_JOINTS; k++, all++) {
                const struct track_state *s = &fit.joints[f * POSE_JOINTS + k];
                assert_true((s->source != TRACK_UNKNOWN) == vec3_is_known(s->at));
                if (s->source == TRACK_UNKNOWN) continue;
                const struct motion *truth = &w.m.truth[who];
                size_t at = (size_t)fit.frame_first + f;
                double d = vec3_distance(s->at, *motion_at(truth, at, k));
                struct sym3 inverse;
                assert_true(sym3_inverse(s->covariance, &inverse));
                r.mean_m += d, r.rms_m += d * d, n++;
                r.squares += sym3_quadratic(inverse, vec3_sub(s->at, *motion_at(truth, at, k)));
                if (at < 1 || at + 1 >= truth->frame_count || f < 6 || f + 6 >= fit.frame_count) continue;
                struct vec3 speed = vec3_scale(vec3_sub(*motion_at(truth, at + 1, k), *motion_at(truth, at - 1, k)), w.scene.rate / 2);
                assert_true(sym3_inverse(s->velocity_covariance, &inverse));
                v += sym3_quadratic(inverse, vec3_sub(s->velocity, speed)), vn++;
            }
        }
        for (size_t c = 0; c < w.scene.cameras; c++) assert_true(!fit.camera_points[c] || fit.camera_px[c] < 12);
    }
    r.mean_m /= n, r.rms_m = sqrt(r.rms_m / n), r.squares /= n, r.known = n / all, r.velocity = v / vn;
    print_message("# %s: %zu people, mean %.2f mm, root mean square %.2f mm, squared errors over their variances %.2f (of 3), of velocities %.2f, known %.4f\n", scene,
                  r.people, r.mean_m * 1e3, r.rms_m * 1e3, r.squares, r.velocity, r.known);
    arena_destroy(&w.mem);
    return r;
}


static void nine_runners(void **state) {
    struct result r = play("ring", seconds_of(1), 9);
    assert_true(r.people == 9 && r.mean_m <= 0.006 && r.known > 0.99);
    assert_true(r.squares > 1.5 && r.squares < 4 && r.velocity > 1 && r.velocity < 5);
}
static void runners_and_outliers(void **state) {
    struct result r = play("ring-outliers", seconds_of(1), 4);
    assert_true(r.people >= 4 && r.mean_m <= 0.0065 && r.known > 0.99);
    assert_true(r.squares > 1.5 && r.squares < 4);
}
static void panning_cameras(void **state) {
    struct result r = play("race", seconds_of(1.2), 5);
    assert_true(r.people >= 5 && r.mean_m <= 0.008 && r.known > 0.99);
    assert_true(r.squares > 1.5 && r.squares < 4);
}

/* Feet that strike the ground: places, and the angles in the sagittal plane against those that the runners were made with. */
static void sprinters_with_planted_feet(void **state) {
    static const struct {
        enum body_angle angle;
        enum synth_angle truth;
        double limit;
    } angles[] = {{BODY_HIP_FLEXION_L, SYNTH_HIP_FLEXION, 2}, {BODY_HIP_FLEXION_R, SYNTH_HIP_FLEXION + 1, 2}, {BODY_KNEE_ANGLE_L, SYNTH_KNEE_FLEXION, 2.5}, {BODY_KNEE_ANGLE_R, SYNTH_KNEE_FLEXION + 1, 2.5},
                  {BODY_ARM_FLEX_L, SYNTH_SHOULDER_FLEXION, 2}, {BODY_ELBOW_FLEX_R, SYNTH_ELBOW_FLEXION + 1, 2}};
    struct meeting w = meet("sprint", seconds_of(1.5), seconds_of(1.5) > 0 ? 2 : 0, NULL);
    double squares[ARRAY_LEN(angles)] = {0}, sum = 0, n = 0, an = 0;
    for (size_t i = 0; i < w.people.count; i++) {
        struct body_fit fit;
        assert_int_equal(body_fit(w.mem, &w.m.rig, w.takes, &w.people, i, &(struct body_options){.rate = w.scene.rate}, &fit).kind, ERR_NONE);
        size_t who = nearest(&w, &fit);
        for (size_t f = 0; f < fit.frame_count; f++, an++) {
            size_t at = (size_t)fit.frame_first + f;
            for (size_t k = 0; k < POSE_JOINTS; k++) {
                if (fit.joints[f * POSE_JOINTS + k].source != TRACK_UNKNOWN) sum += vec3_distance(fit.joints[f * POSE_JOINTS + k].at, *motion_at(&w.m.truth[who], at, k)), n++;
            }
            for (size_t a = 0; a < ARRAY_LEN(angles); a++) squares[a] += pow(degrees(&fit, f, angles[a].angle) - w.m.athletes[who].angles[at][angles[a].truth], 2);
        }
    }
    print_message("# sprint: mean %.2f mm; degrees:", sum / n * 1e3);
    for (size_t a = 0; a < ARRAY_LEN(angles); a++) print_message(" %s %.2f", body_angle_name(angles[a].angle), sqrt(squares[a] / an));
    print_message("\n");
    assert_true(sum / n < 0.006);
    for (size_t a = 0; a < ARRAY_LEN(angles); a++) assert_true(sqrt(squares[a] / an) < angles[a].limit);
    arena_destroy(&w.mem);
}

/* Layouts that lack joints: what they lack is unknown, what they have is as good. */
static void other_layouts(void **state) {
    static const char *const layouts[] = {"BODY_25", "BODY_25B", "COCO_17", "COCO_18"};
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        struct meeting w = meet("ring", 0.6, 2, layouts[i]);
        assert_int_equal(w.people.count, 2);
        struct body_fit fit;
        assert_int_equal(body_fit(w.mem, &w.m.rig, w.takes, &w.people, 0, &(struct body_options){.rate = 60}, &fit).kind, ERR_NONE);
        size_t who = nearest(&w, &fit), f = fit.frame_count / 2;
        double sum = 0, n = 0;
        for (size_t k = 0; k < POSE_JOINTS; k++) {
            const struct track_state *s = &fit.joints[f * POSE_JOINTS + k];
            bool is_there = pose_layout_find(&w.people.layout, (enum pose_joint)k) >= 0;
            if (is_there) assert_true(vec3_is_known(s->at));
            else if (k != POSE_HIP && k != POSE_NECK) assert_false(vec3_is_known(s->at));
            if (vec3_is_known(s->at)) sum += vec3_distance(s->at, *motion_at(&w.m.truth[who], (size_t)fit.frame_first + f, k)), n++;
            assert_int_equal(fit.shape.measured >> k & 1, is_there);
        }
        assert_true(sum / n < 0.02);
        bool has_feet = i < 2;
        assert_int_equal(isfinite(fit.angles[f * BODY_ANGLES + BODY_ANKLE_ANGLE_R]), has_feet);
        assert_int_equal(vec3_is_known(fit.segments[f * BODY_SEGMENTS + BODY_RFOOT].at), has_feet);
        assert_true(isfinite(fit.angles[f * BODY_ANGLES + BODY_KNEE_ANGLE_R]));
        struct motion m;
        assert_int_equal(body_motion(w.mem, &fit, &w.people.layout, &m).kind, ERR_NONE);
        assert_int_equal(m.point_count, w.people.layout.joint_count);
        arena_destroy(&w.mem);
    }
}

/* ---- a person by hand ---- */

struct by_hand {
    struct arena *mem;
    struct track_people people;
    struct track_person person;
};

/* Somebody who stands with bent knees and moves a little; every joint of HALPE_26 in its place. */
static struct by_hand stand(size_t frames, double scale) {
    struct by_hand h = {.mem = arena_create(256 << 20)};
    assert_true(pose_layout_named(SLICE("HALPE_26"), &h.people.layout));
    h.person = (struct track_person){.id = 3, .frame_first = 10, .frame_count = frames, .points = arena_alloc_array(h.mem, frames * POSE_JOINTS, sizeof *h.person.points)};
    static const struct vec3 right[POSE_JOINTS] = { /* x forward, y left, z up; the right side's and the middle's */
        [POSE_NOSE] = {0.11, 0, 1.62}, [POSE_REYE] = {0.09, -0.03, 1.65}, [POSE_REAR] = {0, -0.075, 1.63}, [POSE_RSHOULDER] = {0, -0.19, 1.43}, [POSE_RELBOW] = {0.02, -0.21, 1.12},
        [POSE_RWRIST] = {0.15, -0.2, 0.9}, [POSE_RHIP] = {0, -0.09, 0.92}, [POSE_RKNEE] = {0.12, -0.09, 0.5}, [POSE_RANKLE] = {0, -0.09, 0.09}, [POSE_HEAD] = {0, 0, 1.78}, [POSE_NECK] = {0, 0, 1.47},
        [POSE_HIP] = {0, 0, 0.92}, [POSE_RBIGTOE] = {0.18, -0.08, 0.02}, [POSE_RSMALLTOE] = {0.14, -0.14, 0.02}, [POSE_RHEEL] = {-0.06, -0.09, 0.02},
    };
    for (size_t f = 0; f < frames; f++) {
        for (int k = 0; k < POSE_JOINTS; k++) {
            int mirror = h.people.layout.mirror[k];
            struct vec3 at = right[k].z > 0 ? right[k] : right[mirror];
            if (!(right[k].z > 0)) at.y = -at.y;
            at.x += 0.02 * (double)f;
            h.person.points[f * POSE_JOINTS + (size_t)k] = (struct track_point){.at = vec3_scale(at, scale), .covariance = {.xx = 1e-4, .yy = 1e-4, .zz = 1e-4}, .seen = 3, .cameras = 7};
        }
    }
    h.people.people = &h.person, h.people.count = 1;
    return h;
}

static struct err fit_hand(struct by_hand *h, struct body_fit *out) {
    return body_fit_points(h->mem, h->person.points, h->person.frame_first, h->person.frame_count, &(struct body_options){.rate = 60}, out);
}

/* Knees that bend the wrong way are points that are wrong: a limit gives a few degrees, no more. */
static void joints_end_where_joints_end(void **state) {
    struct by_hand h = stand(12, 1);
    struct body_fit fit;
    for (size_t f = 0; f < 12; f++) h.person.points[f * POSE_JOINTS + POSE_RKNEE].at.x -= 0.3, h.person.points[f * POSE_JOINTS + POSE_LELBOW].at.x += 0.2;
    assert_int_equal(fit_hand(&h, &fit).kind, ERR_NONE);
    for (size_t f = 0; f < 12; f++) {
        assert_true(!(degrees(&fit, f, BODY_KNEE_ANGLE_R) < -16) && !(degrees(&fit, f, BODY_ELBOW_FLEX_L) < -16));
        assert_true(degrees(&fit, f, BODY_KNEE_ANGLE_L) > 20);
    }
    arena_destroy(&h.mem);
}

/* The same athlete in a world whose y is up: the same angles. */
static void worlds_with_y_up(void **state) {
    struct by_hand h = stand(8, 1);
    struct body_fit z_up, y_up;
    assert_int_equal(fit_hand(&h, &z_up).kind, ERR_NONE);
    for (size_t i = 0; i < 8 * POSE_JOINTS; i++) h.person.points[i].at = vec3_of(h.person.points[i].at.x, h.person.points[i].at.z, -h.person.points[i].at.y);
    assert_int_equal(body_fit_points(h.mem, h.person.points, 0, 8, &(struct body_options){.rate = 60, .up = CAMERA_UP_Y}, &y_up).kind, ERR_NONE);
    for (size_t f = 0; f < 8; f++) {
        for (int a = 0; a < BODY_ANGLES; a++) assert_true(!(fabs(degrees(&z_up, f, (enum body_angle)a) - degrees(&y_up, f, (enum body_angle)a)) > 0.01));
    }
    arena_destroy(&h.mem);
}

/* Signs: each movement from the table in the header, seen on somebody whose joints were put there by hand. */
static void angles_have_the_signs_of_the_header(void **state) {
    struct by_hand h = stand(1, 1);
    struct body_fit fit;
    assert_int_equal(fit_hand(&h, &fit).kind, ERR_NONE);
    assert_true(degrees(&fit, 0, BODY_KNEE_ANGLE_R) > 20 && degrees(&fit, 0, BODY_KNEE_ANGLE_L) > 20); /* bent knees */
    assert_true(degrees(&fit, 0, BODY_HIP_FLEXION_R) > 8 && degrees(&fit, 0, BODY_ELBOW_FLEX_L) > 20);
    assert_true(fabs(degrees(&fit, 0, BODY_PELVIS_ROTATION)) < 2 && fabs(degrees(&fit, 0, BODY_PELVIS_LIST)) < 2);
    for (int a = BODY_CLAVICLE_PROTRACTION_L; a <= BODY_ELBOW_FLEX_L; a++) { /* both sides alike: mirrored movement, equal numbers */
        int other = a + BODY_CLAVICLE_PROTRACTION_R - BODY_CLAVICLE_PROTRACTION_L;
        assert_true(!(fabs(degrees(&fit, 0, (enum body_angle)a) - degrees(&fit, 0, (enum body_angle)other)) > 1));
    }
    for (int a = BODY_HIP_FLEXION_L; a <= BODY_MTP_ANGLE_L; a++) {
        int other = a + BODY_HIP_FLEXION_R - BODY_HIP_FLEXION_L;
        assert_true(!(fabs(degrees(&fit, 0, (enum body_angle)a) - degrees(&fit, 0, (enum body_angle)other)) > 1));
    }
    const struct mat3 *pelvis = &fit.segments[BODY_PELVIS].rotation;
    assert_true(pelvis->m[0][0] > 0.99 && pelvis->m[1][2] < -0.99); /* X forward, Z to the right, which is -y here */
    struct {
        int joint;
        struct vec3 by;
        enum body_angle angle;
    } moves[] = {
        {POSE_RKNEE, {0, -0.10, 0.02}, BODY_HIP_ADDUCTION_R}, {POSE_LKNEE, {0, 0.10, 0.02}, BODY_HIP_ADDUCTION_L}, /* outwards: less */
        {POSE_RELBOW, {-0.15, 0, 0}, BODY_ARM_FLEX_R}, {POSE_LELBOW, {-0.15, 0, 0}, BODY_ARM_FLEX_L},                /* backwards: less */
        {POSE_RBIGTOE, {0, 0, -0.08}, BODY_ANKLE_ANGLE_R}, {POSE_LBIGTOE, {0, 0, -0.08}, BODY_ANKLE_ANGLE_L},         /* toes down: less */
        {POSE_RWRIST, {-0.1, 0, -0.02}, BODY_ELBOW_FLEX_R}, {POSE_LWRIST, {-0.1, 0, -0.02}, BODY_ELBOW_FLEX_L},       /* straighter: less */
        {POSE_RSHOULDER, {0, 0, -0.05}, BODY_CLAVICLE_ELEVATION_R}, {POSE_LSHOULDER, {0, 0, -0.05}, BODY_CLAVICLE_ELEVATION_L},
    };
    for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
        struct by_hand moved = stand(1, 1);
        struct body_fit after;
        struct vec3 *at = &moved.person.points[moves[i].joint].at;
        *at = vec3_add(*at, moves[i].by);
        int small = moves[i].joint == POSE_RBIGTOE ? POSE_RSMALLTOE : moves[i].joint == POSE_LBIGTOE ? POSE_LSMALLTOE : moves[i].joint == POSE_RELBOW ? POSE_RWRIST : moves[i].joint == POSE_LELBOW ? POSE_LWRIST : -1;
        if (small >= 0) moved.person.points[small].at = vec3_add(moved.person.points[small].at, moves[i].by);
        assert_int_equal(fit_hand(&moved, &after).kind, ERR_NONE);
        assert_true(degrees(&after, 0, moves[i].angle) < degrees(&fit, 0, moves[i].angle) - 1);
        arena_destroy(&moved.mem);
    }
    arena_destroy(&h.mem);
}

static void one_frame_two_frames_and_a_few(void **state) {
    for (size_t frames = 1; frames < 9; frames++) {
        struct by_hand h = stand(frames, 1);
        struct body_fit fit;
        assert_int_equal(fit_hand(&h, &fit).kind, ERR_NONE);
        assert_int_equal(fit.frame_count, frames);
        assert_int_equal(fit.frame_first, 10);
        for (size_t i = 0; i < frames * POSE_JOINTS; i++) assert_true(vec3_distance(fit.joints[i].at, h.person.points[i].at) < 0.03);
        assert_int_equal(vec3_is_known(fit.joints[0].velocity), frames >= 3);
        if (frames >= 5) assert_true(fabs(fit.joints[2 * POSE_JOINTS + POSE_HIP].velocity.x - 1.2) < 0.05);
        assert_true(fit.shape.height_m > 1.6 && fit.shape.height_m < 1.95);
        arena_destroy(&h.mem);
    }
}

static void absurd_scales_are_refused(void **state) {
    const double scales[] = {1000, 100, 0.01, 3};
    for (size_t i = 0; i < ARRAY_LEN(scales); i++) {
        struct by_hand h = stand(5, scales[i]);
        struct body_fit fit;
        struct err e = fit_hand(&h, &fit);
        assert_int_equal(e.kind, ERR_INPUT);
        assert_string_equal(e.code, "body.scale");
        arena_destroy(&h.mem);
    }
}

static void nothing_to_fit(void **state) {
    struct by_hand h = stand(20, 1);
    struct body_fit fit;
    for (size_t i = 0; i < 20 * POSE_JOINTS; i++) h.person.points[i].at = VEC3_UNKNOWN;
    assert_string_equal(fit_hand(&h, &fit).code, "body.empty");
    h.person.points[POSE_NOSE].at = h.person.points[POSE_LEYE].at = h.person.points[POSE_REYE].at = vec3_of(1, 1, 1); /* three joints are no body */
    assert_string_equal(fit_hand(&h, &fit).code, "body.empty");
    h.person.points[POSE_LHEEL].at = vec3_of(1, 1, 0); /* no two that a bone joins: eyes do, at a distance of nothing */
    assert_int_equal(fit_hand(&h, &fit).kind, ERR_INPUT);
    h.person.frame_count = 0;
    assert_string_equal(fit_hand(&h, &fit).code, "body.empty");
    arena_destroy(&h.mem);
    h = stand(4, 1);
    h.people.people = &h.person;
    assert_string_equal(body_fit(h.mem, NULL, NULL, &h.people, 0, &(struct body_options){.rate = 0}, &fit).code, "body.rate");
    assert_string_equal(body_fit(h.mem, NULL, NULL, &h.people, 0, &(struct body_options){.rate = NAN}, &fit).code, "body.rate");
    arena_destroy(&h.mem);
}

/* NaN, infinite and enormous places and covariances are no measurements; half of the joints never seen; all in one place. */
static void numbers_that_are_none(void **state) {
    struct rng r = rng_seeded(9);
    for (int turn = 0; turn < 40; turn++) {
        struct by_hand h = stand(12, 1);
        struct body_fit fit;
        for (size_t i = 0; i < 12 * POSE_JOINTS; i++) {
            struct track_point *p = &h.person.points[i];
            if (rng_unit(&r) > 0.4) continue;
            switch (rng_below(&r, 7)) {
            case 0: p->at.x = NAN; break;
            case 1: p->at.y = INFINITY; break;
            case 2: p->at = vec3_of(1e300, -1e300, 1e300); break;
            case 3: p->covariance = (struct sym3){.xx = NAN, .yy = 1, .zz = 1}; break;
            case 4: p->covariance = (struct sym3){0}; break;
            case 5: p->at = vec3_of(1e4, 0, 0); break;
            default: p->covariance = (struct sym3){.xx = 1e300, .yy = 1e300, .zz = 1e300}; break;
            }
        }
        for (size_t k = 0; k < POSE_JOINTS && turn % 2; k += 2) {
            for (size_t f = 0; f < 12; f++) h.person.points[f * POSE_JOINTS + k].at = VEC3_UNKNOWN;
        }
        struct err e = fit_hand(&h, &fit);
        if (e.kind) assert_int_equal(e.kind, ERR_INPUT);
        else {
            for (size_t i = 0; i < 12 * POSE_JOINTS; i++) {
                if (fit.joints[i].source == TRACK_UNKNOWN) continue;
                assert_true(vec3_is_known(fit.joints[i].at) && isfinite(sym3_trace(fit.joints[i].covariance)));
            }
        }
        arena_destroy(&h.mem);
    }
    struct by_hand h = stand(6, 1);
    struct body_fit fit;
    for (size_t i = 0; i < 6 * POSE_JOINTS; i++) h.person.points[i].at = vec3_of(1, 2, 3);
    assert_string_equal(fit_hand(&h, &fit).code, "body.scale");
    arena_destroy(&h.mem);
}

/* A gap of 0.1 s is bridged, one of 0.5 s and the ends are not; a hand that was out of sight for long is unknown while the rest goes on. */
static void gaps(void **state) {
    struct by_hand h = stand(120, 1);
    struct body_fit fit;
    for (size_t f = 0; f < 120; f++) {
        bool is_gone = f < 3 || (f >= 20 && f < 26) || (f >= 50 && f < 80);
        for (size_t k = 0; k < POSE_JOINTS; k++) {
            if (is_gone || (k == POSE_LWRIST && f >= 90 && f < 112)) h.person.points[f * POSE_JOINTS + k].at = VEC3_UNKNOWN;
        }
    }
    assert_int_equal(fit_hand(&h, &fit).kind, ERR_NONE);
    for (size_t f = 0; f < 120; f++) {
        bool is_unknown = f < 3 || (f >= 50 && f < 80), is_filled = f >= 20 && f < 26;
        enum track_source hip = fit.joints[f * POSE_JOINTS + POSE_RHIP].source;
        assert_int_equal(hip, is_unknown ? TRACK_UNKNOWN : is_filled ? TRACK_FILLED : TRACK_MEASURED);
        assert_int_equal(vec3_is_known(fit.segments[f * BODY_SEGMENTS + BODY_PELVIS].at), !is_unknown);
        assert_int_equal(isfinite(fit.angles[f * BODY_ANGLES + BODY_KNEE_ANGLE_R]), !is_unknown);
    }
    assert_int_equal(fit.joints[100 * POSE_JOINTS + POSE_LWRIST].source, TRACK_UNKNOWN);
    assert_true(isnan(fit.angles[100 * BODY_ANGLES + BODY_ELBOW_FLEX_L]) && isfinite(fit.angles[100 * BODY_ANGLES + BODY_ELBOW_FLEX_R]));
    assert_int_equal(fit.joints[100 * POSE_JOINTS + POSE_LELBOW].source, TRACK_MEASURED);
    arena_destroy(&h.mem);
}

/* An athlete seen by one camera for a while: pixels alone hold the limbs there. */
static void pixels_of_a_single_camera_help(void **state) {
    struct meeting w = meet("ring", 1, 1, NULL);
    assert_int_equal(w.people.count, 1);
    struct track_person *p = &w.people.people[0];
    double sum[2] = {0}, n = 0;
    for (size_t f = 20; f < 44; f++) {
        for (size_t k = 0; k < POSE_JOINTS; k++) {
            if (k == POSE_RWRIST || k == POSE_RANKLE) p->points[f * POSE_JOINTS + k].at = VEC3_UNKNOWN;
        }
        for (size_t c = 1; c < w.scene.cameras; c++) p->detections[f * w.scene.cameras + c] = -1;
    }
    for (int without = 0; without < 2; without++) {
        struct body_fit fit;
        assert_int_equal(body_fit(w.mem, &w.m.rig, w.takes, &w.people, 0, &(struct body_options){.rate = 60, .without_pixels = without, .fill_max_m = 10}, &fit).kind, ERR_NONE);
        for (size_t f = 26; f < 38; f++) {
            for (size_t k = POSE_RWRIST; k <= POSE_RANKLE; k += POSE_RANKLE - POSE_RWRIST) {
                sum[without] += vec3_distance(fit.joints[f * POSE_JOINTS + k].at, *motion_at(&w.m.truth[0], (size_t)fit.frame_first + f, k));
                n += without;
            }
        }
    }
    print_message("# wrist and ankle in one camera: %.1f mm with its pixels, %.1f mm without\n", sum[0] / n * 1e3, sum[1] / n * 1e3);
    assert_true(sum[0] < 0.6 * sum[1]);
    arena_destroy(&w.mem);
}

/* The nodes, turned, stand where the joints are. */
static void figures_and_tables_say_the_same(void **state) {
    struct by_hand h = stand(30, 1);
    struct body_fit fit;
    for (size_t f = 10; f < 30; f++) {
        for (size_t k = 0; k < POSE_JOINTS && f < 28; k++) {
            if (f >= 12) h.person.points[f * POSE_JOINTS + k].at = VEC3_UNKNOWN;
        }
    }
    assert_int_equal(fit_hand(&h, &fit).kind, ERR_NONE);
    struct motion_figure figure;
    struct motion nodes, joints;
    struct motion_table table;
    assert_int_equal(body_figure(h.mem, &fit, &figure).kind, ERR_NONE);
    assert_int_equal(motion_of_figure(h.mem, &figure, &nodes).kind, ERR_NONE);
    assert_int_equal(body_motion(h.mem, &fit, NULL, &joints).kind, ERR_NONE);
    assert_int_equal(body_table(h.mem, &fit, &table).kind, ERR_NONE);
    motion_to_y_up(&joints);
    size_t compared = 0;
    for (size_t k = 0; k < POSE_JOINTS; k++) {
        int node = motion_find(&nodes, slice_cstr(joints.point_names[k]));
        if (k == POSE_HIP) continue; /* the node is the middle between the hips, the joint may lie beside it */
        assert_true(node >= 0 || k == POSE_HIP);
        for (size_t f = 0; f < 30; f++) {
            bool is_known = vec3_is_known(*motion_at(&joints, f, k));
            assert_int_equal(is_known, !(f >= 12 && f < 28));
            assert_int_equal(is_known, vec3_is_known(*motion_at(&nodes, f, (size_t)node)));
            if (is_known) assert_true(vec3_distance(*motion_at(&joints, f, k), *motion_at(&nodes, f, (size_t)node)) < 1e-9), compared++;
        }
    }
    assert_int_equal(compared, 25 * 14);
    int knee = motion_table_find(&table, SLICE("knee_angle_r")), up = motion_table_find(&table, SLICE("pelvis_ty")), turn = motion_table_find(&table, SLICE("pelvis_rotation"));
    assert_true(knee >= 0 && up >= 0 && turn >= 0);
    assert_true(fabs(table.cells[(size_t)knee] - degrees(&fit, 0, BODY_KNEE_ANGLE_R)) < 1e-4);
    assert_true(fabs(table.cells[(size_t)up] - 0.92) < 0.02);
    assert_true(fabs(fabs(table.cells[(size_t)turn]) - 90) < 3); /* x of the world is z there: OpenSim's pelvis faces x at 0 */
    assert_true(isnan(table.cells[20 * table.column_count + (size_t)knee]));
    struct buf text = BUF(16 << 20);
    json_t *root;
    body_write_json(&text, &fit);
    assert_int_equal(buf_error(&text).kind, ERR_NONE);
    assert_int_equal(json_parse(buf_slice(&text), 16 << 20, &root).kind, ERR_NONE);
    assert_int_equal(json_array_size(json_object_get(root, "frames")), 30);
    assert_true(json_is_null(json_array_get(json_object_get(json_array_get(json_object_get(root, "frames"), 20), "joints"), 3)));
    json_decref(root);
    buf_free(&text);
    arena_destroy(&h.mem);
}

static void each_allocation_may_fail(void **state) {
    for (uint64_t nth = 1;; nth++) {
        struct by_hand h = stand(30, 1);
        struct body_fit fit;
        struct motion_figure figure;
        struct motion_table table;
        struct motion joints;
        fault_arm(FAULT_ALLOC, nth, false);
        struct err e = fit_hand(&h, &fit);
        if (!e.kind) e = body_figure(h.mem, &fit, &figure);
        if (!e.kind) e = body_table(h.mem, &fit, &table);
        if (!e.kind) e = body_motion(h.mem, &fit, NULL, &joints);
        bool has_fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        arena_destroy(&h.mem);
        if (!has_fired) {
            assert_int_equal(e.kind, ERR_NONE);
            assert_true(nth > 8);
            break;
        }
        assert_int_equal(e.kind, ERR_LIMIT);
    }
}

static void the_real_take_keeps_its_bones(void **state) {
    const char *shared = getenv("GRANDSTAND_SHARED_DATA");
    char path[600];
    snprintf(path, sizeof path, "%s/tracking/Calib_qualisys.toml", shared ? shared : "../shared/data");
    if (!fs_exists(AT_FDCWD, path)) {
        print_message("# skipped: no recording at %s\n", path);
        skip();
    }
    struct arena *mem = arena_create((size_t)1 << 30);
    struct camera_rig rig;
    struct camera_note camera_note;
    assert_int_equal(camera_rig_read(mem, path, CAMERA_FORMAT_GUESS, &rig, &camera_note).kind, ERR_NONE);
    struct pose_take takes[8];
    const struct pose_take *list[8];
    for (size_t c = 0; c < rig.count; c++) {
        struct pose_note note;
        snprintf(path, sizeof path, "%s/tracking/single/pose/cam%02zu_json", shared ? shared : "../shared/data", c + 1);
        assert_int_equal(pose_take_read(mem, path, NULL, &takes[c], &note).kind, ERR_NONE);
        list[c] = &takes[c];
    }
    struct track_people people;
    assert_int_equal(track_follow(mem, &rig, list, &(struct track_options){.rate = 60, .people_max = 1}, &people).kind, ERR_NONE);
    struct body_fit fit;
    assert_int_equal(body_fit(mem, &rig, list, &people, 0, &(struct body_options){.rate = 60}, &fit).kind, ERR_NONE);
    bones_do_not_change(mem, &fit);
    double px = 0, n = 0, distance = 0, known = 0;
    for (size_t c = 0; c < rig.count; c++) px += fit.camera_px[c] * (double)fit.camera_points[c], n += (double)fit.camera_points[c];
    for (size_t k = 0; k < POSE_JOINTS; k++) {
        if (isfinite(fit.distance_m[k])) distance += fit.distance_m[k] / 25;
    }
    for (size_t i = 0; i < fit.frame_count * POSE_JOINTS; i++) known += fit.joints[i].source != TRACK_UNKNOWN;
    print_message("# real take: height %.3f m, %zu frames, reprojection %.2f px, %.1f mm from the points, known %.3f\n", fit.shape.height_m, fit.frame_count, px / n, distance * 1e3,
                  known / (double)(fit.frame_count * POSE_JOINTS));
    assert_true(fit.shape.height_m > 1.5 && fit.shape.height_m < 2);
    assert_true(px / n < 20 && distance < 0.04);
    arena_destroy(&mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nine_runners), cmocka_unit_test(runners_and_outliers), cmocka_unit_test(panning_cameras), cmocka_unit_test(sprinters_with_planted_feet), cmocka_unit_test(other_layouts), cmocka_unit_test(joints_end_where_joints_end), cmocka_unit_test(worlds_with_y_up),
        cmocka_unit_test(angles_have_the_signs_of_the_header), cmocka_unit_test(one_frame_two_frames_and_a_few), cmocka_unit_test(absurd_scales_are_refused), cmocka_unit_test(nothing_to_fit),
        cmocka_unit_test(numbers_that_are_none), cmocka_unit_test(gaps), cmocka_unit_test(pixels_of_a_single_camera_help), cmocka_unit_test(figures_and_tables_say_the_same),
        cmocka_unit_test(each_allocation_may_fail), cmocka_unit_test(the_real_take_keeps_its_bones),
    };
    return cmocka_run_group_tests_name("human/body/body", tests, NULL, NULL);
}
