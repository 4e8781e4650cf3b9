/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Gait without cameras: angles of postures that are known, bodies of known mass, runs with their truth and white noise, files, pages, and
 * everything that can be missing. */
#include <ctype.h>
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
#include "base/json.h"
#include "base/rng.h"
#include "human/gait/gait.h"
#include "human/synth/synth.h"
#include "text/text.h"

#define DEGREE (M_PI / 180)

static void near(double value, double wanted, double within) {
    if (fabs(value - wanted) <= within) return;
    print_message("# %.6f is not %.6f within %g\n", value, wanted, within);
    fail();
}

/* ---- angles ---- */

/* A doll in a frame X forward, Y up, Z right, its joints turned one by one; its angles are what was put in. */
struct doll {
    double lean, bend, pelvis_turn, pelvis_list, shoulders_turn;
    double hip[2][3], knee[2], ankle[2], shoulder[2][2], elbow[2]; /* flexion, adduction, inner rotation; degrees */
};

static struct mat3 about(struct vec3 axis, double degrees) { return rotation_from_vector(vec3_scale(axis, degrees * DEGREE)); }
static struct mat3 times(struct mat3 a, struct mat3 b) { return mat3_multiply(&a, &b); }
static struct vec3 along(struct vec3 from, struct mat3 r, double x, double y, double z) {
    return vec3_add(from, mat3_apply(&r, vec3_of(x, y, z)));
}

/* Joints in the world (z up), running along `axis`. */
static void pose(const struct doll *d, struct vec3 axis, struct vec3 out[POSE_JOINTS]) {
    const struct vec3 X = {1, 0, 0}, Y = {0, 1, 0}, Z = {0, 0, 1};
    /* doll's X, Y, Z to the world: along the axis, up, right */
    struct vec3 right = vec3_cross(axis, vec3_of(0, 0, 1));
    struct mat3 world = {{{axis.x, 0, right.x}, {axis.y, 0, right.y}, {axis.z, 1, right.z}}};
    for (int k = 0; k < POSE_JOINTS; k++) out[k] = VEC3_UNKNOWN;
    /* lean forward turns Y towards X: negative about Z */
    struct mat3 trunk = times(world, times(about(X, d->bend), about(Z, -d->lean)));
    struct mat3 pelvis = times(trunk, times(about(Y, d->pelvis_turn), about(X, d->pelvis_list))),
                shoulders = times(trunk, about(Y, d->pelvis_turn + d->shoulders_turn));
    struct vec3 hips = {3, 2, 1};
    out[POSE_HIP] = hips, out[POSE_NECK] = along(hips, trunk, 0, 0.5, 0), out[POSE_HEAD] = along(hips, trunk, 0, 0.8, 0);
    for (int s = 0; s < 2; s++) {
        double m = s ? 1 : -1; /* right is +Z */
        struct mat3 thigh = times(pelvis, times(about(Z, d->hip[s][0]), times(about(X, m * d->hip[s][1]), about(Y, m * d->hip[s][2]))));
        struct mat3 shank = times(thigh, about(Z, -d->knee[s])), foot = times(shank, about(Z, d->ankle[s]));
        struct vec3 hip = along(hips, pelvis, 0, 0, m * 0.1), knee = along(hip, thigh, 0, -0.45, 0),
                    ankle = along(knee, shank, 0, -0.43, 0);
        out[POSE_LHIP + s] = hip, out[POSE_LKNEE + s] = knee, out[POSE_LANKLE + s] = ankle;
        out[POSE_LHEEL + s] = along(ankle, foot, -0.05, -0.06, 0), out[POSE_LBIGTOE + s] = along(ankle, foot, 0.18, -0.06, m * -0.03),
                         out[POSE_LSMALLTOE + s] = along(ankle, foot, 0.15, -0.06, m * 0.04);
        /* heel to the middle of the toes stays the foot's X */
        out[POSE_LHEEL + s] = along(ankle, foot, -0.05, -0.06, m * 0.005);
        struct mat3 arm = times(shoulders, times(about(Z, d->shoulder[s][0]), about(X, m * d->shoulder[s][1]))),
                    forearm = times(arm, about(Z, d->elbow[s]));
        out[POSE_LSHOULDER + s] = along(out[POSE_NECK], shoulders, 0, -0.03, m * 0.18),
                             out[POSE_LELBOW + s] = along(out[POSE_LSHOULDER + s], arm, 0, -0.3, 0);
        out[POSE_LWRIST + s] = along(out[POSE_LELBOW + s], forearm, 0, -0.26, 0);
    }
}

static void angles_are_what_was_put_in(void **state) {
    static const struct vec3 axes[] = {{1, 0, 0}, {0, -1, 0}, {0.6, 0.8, 0}};
    for (size_t a = 0; a < ARRAY_LEN(axes); a++) {
        struct vec3 j[POSE_JOINTS];
        double v[GAIT_ANGLES];
        struct doll upright = {0};
        pose(&upright, axes[a], j);
        gait_angles(j, axes[a], v);
        for (size_t i = 0; i < GAIT_ANGLES; i++) {
            size_t kind = i / 2;
            if (kind < GAIT_HIP_SIMPLE && gait_angle_name(i) && kind != GAIT_HIP_ROTATION) near(v[i], 0, 1e-9);
        }
        near(v[2 * GAIT_KNEE_SIMPLE], 180, 1e-6), near(v[2 * GAIT_ELBOW_SIMPLE + 1], 180, 1e-6);
        assert_true(isnan(v[2 * GAIT_HIP_ROTATION]));   /* a straight leg does not say where its knee cap looks */
        assert_true(isnan(v[2 * GAIT_TRUNK_LEAN + 1])); /* no right side of the middle */
        struct doll d = {.lean = 12,
                         .hip = {{35, -8, 6}, {-20, 5, -9}},
                         .knee = {70, 40},
                         .ankle = {12, -25},
                         .shoulder = {{-40, -6}, {30, -12}},
                         .elbow = {85, 110}};
        pose(&d, axes[a], j);
        gait_angles(j, axes[a], v);
        near(v[2 * GAIT_TRUNK_LEAN], 12, 1e-9), near(v[2 * GAIT_TRUNK_BEND], 0, 1e-9), near(v[2 * GAIT_TRUNK_ROTATION], 0, 1e-9);
        for (int s = 0; s < 2; s++) {
            near(v[2 * GAIT_HIP_FLEXION + s], d.hip[s][0], 1e-6), near(v[2 * GAIT_HIP_ADDUCTION + s], d.hip[s][1], 1e-6),
                near(v[2 * GAIT_HIP_ROTATION + s], d.hip[s][2], 1e-6);
            near(v[2 * GAIT_KNEE_FLEXION + s], d.knee[s], 1e-6), near(v[2 * GAIT_ANKLE_DORSIFLEXION + s], d.ankle[s], 0.05);
            near(v[2 * GAIT_SHOULDER_FLEXION + s], d.shoulder[s][0], 1e-6),
                near(v[2 * GAIT_SHOULDER_ADDUCTION + s], d.shoulder[s][1], 1e-6);
            near(v[2 * GAIT_ELBOW_FLEXION + s], d.elbow[s], 1e-6), near(v[2 * GAIT_KNEE_SIMPLE + s], 180 - d.knee[s], 1e-6);
        }
        /* turns of pelvis and shoulders, without lean so that their order does not matter */
        struct doll turned = {.pelvis_turn = 9, .shoulders_turn = -16};
        pose(&turned, axes[a], j), gait_angles(j, axes[a], v);
        near(v[2 * GAIT_PELVIS_ROTATION], 9, 1e-9), near(v[2 * GAIT_TRUNK_ROTATION], -16, 1e-9), near(v[2 * GAIT_PELVIS_LIST], 0, 1e-9);
        struct doll listed = {.pelvis_list = 5};
        pose(&listed, axes[a], j), gait_angles(j, axes[a], v);
        near(v[2 * GAIT_PELVIS_LIST], 5, 1e-9);
        struct doll bent = {.bend = 7};
        pose(&bent, axes[a], j), gait_angles(j, axes[a], v);
        near(v[2 * GAIT_TRUNK_BEND], 7, 1e-9);
    }
}

static void what_is_unknown_leaves_its_angles_unknown(void **state) {
    struct vec3 j[POSE_JOINTS];
    double v[GAIT_ANGLES];
    struct doll d = {.hip = {{30}, {-10}}, .knee = {60, 30}, .elbow = {90, 90}};
    pose(&d, vec3_of(1, 0, 0), j);
    j[POSE_LKNEE] = j[POSE_RWRIST] = j[POSE_RSMALLTOE] = j[POSE_NECK] = VEC3_UNKNOWN;
    gait_angles(j, vec3_of(1, 0, 0), v);
    assert_true(isnan(v[2 * GAIT_KNEE_FLEXION]) && isnan(v[2 * GAIT_HIP_FLEXION]) && isnan(v[2 * GAIT_THIGH]) &&
                isnan(v[2 * GAIT_ANKLE_DORSIFLEXION]));
    assert_true(isnan(v[2 * GAIT_ELBOW_FLEXION + 1]));
    near(v[2 * GAIT_SHOULDER_FLEXION + 1], 0, 1e-9);
    near(v[2 * GAIT_KNEE_FLEXION + 1], 30, 1e-6), near(v[2 * GAIT_ANKLE_DORSIFLEXION + 1], 0, 3), near(v[2 * GAIT_TRUNK_LEAN], 0, 1e-9);
    for (int k = 0; k < POSE_JOINTS; k++) j[k] = VEC3_UNKNOWN;
    gait_angles(j, vec3_of(1, 0, 0), v);
    for (size_t i = 0; i < GAIT_ANGLES; i++) assert_true(isnan(v[i]));
}

/* ---- masses ---- */

static void the_body_weighs_what_de_leva_says(void **state) {
    double w[POSE_JOINTS], sum;
    struct vec3 j[POSE_JOINTS];
    struct doll upright = {0};
    pose(&upright, vec3_of(1, 0, 0), j);
    for (int sex = 0; sex < 3; sex++) {
        assert_true(gait_mass_weights((enum gait_sex)sex, 0, w));
        sum = 0;
        for (int k = 0; k < POSE_JOINTS; k++) sum += w[k];
        near(sum, 1, 1e-12);
    }
    /* by hand: thigh and shank of a man hang from the hip at 1 m */
    assert_true(gait_mass_weights(GAIT_MALE, 0, w));
    near(w[POSE_LKNEE], (0.1416 * 0.4095 + 0.0433 * (1 - 0.4395)) / 1.0, 1e-4);
    near(w[POSE_LHIP], 0.4346 * 0.4310 / 2 + 0.1416 * (1 - 0.4095), 1e-4);
    near(w[POSE_HEAD], 0.0694 * 0.4998, 1e-4);
    double men = 0, women = 0;
    for (int k = 0; k < POSE_JOINTS; k++) men += vec3_is_known(j[k]) ? w[k] * j[k].z : 0;
    assert_true(gait_mass_weights(GAIT_FEMALE, 0, w));
    for (int k = 0; k < POSE_JOINTS; k++) women += vec3_is_known(j[k]) ? w[k] * j[k].z : 0;
    assert_true(men > 1.0 && men < 1.2 && fabs(women - men) < 0.03);
    /* layouts with less: no neck, no head but ears, no feet */
    uint32_t missing =
        1u << POSE_NECK | 1u << POSE_HEAD | 1u << POSE_HIP | 1u << POSE_LHEEL | 1u << POSE_LBIGTOE | 1u << POSE_RHEEL | 1u << POSE_RBIGTOE;
    assert_true(gait_mass_weights(GAIT_MALE, missing, w));
    sum = 0;
    for (int k = 0; k < POSE_JOINTS; k++) sum += w[k], assert_true(!(missing >> k & 1) || w[k] == 0);
    near(sum, 1, 1e-12);
    assert_false(gait_mass_weights(GAIT_MALE, 1u << POSE_LWRIST, w)); /* an arm is not invented */
    assert_false(gait_mass_weights(GAIT_MALE, 1u << POSE_RKNEE, w));
}

/* ---- runs with their truth ---- */

struct studio {
    struct arena *mem;
    struct synth_meeting meeting;
    struct gait_recording recording;
};

/* The truth with white noise at 60 frames a second, smoothed joint by joint. */
static struct studio studio_of(enum synth_move move, double speed, double seconds, double noise_m, uint64_t seed) {
    struct studio s = {.mem = arena_create((size_t)1 << 30)};
    struct synth_scene scene = {.seed = seed,
                                .rate = 60,
                                .seconds = seconds,
                                .athletes = 1,
                                .lane_m = 1,
                                .speed_min = speed,
                                .speed_max = speed,
                                .moves = {move},
                                .cameras = 1,
                                .at = {{0, -20, 2}},
                                .look = {{0, 0, 1}},
                                .focal_px = 1000,
                                .width = 1920,
                                .height = 1080,
                                .noise_px = 1};
    assert_int_equal(synth_make(s.mem, &scene, &s.meeting).kind, ERR_NONE);
    struct rng r = rng_seeded(seed * 77 + 1);
    const struct motion *m = &s.meeting.truth[0];
    size_t n = m->frame_count * POSE_JOINTS;
    struct track_point *points = arena_alloc_array(s.mem, n, sizeof *points);
    struct track_state *states = arena_alloc_array(s.mem, n, sizeof *states), *row = arena_alloc_array(s.mem, m->frame_count, sizeof *row);
    assert_true(points && states && row);
    for (size_t i = 0; i < n; i++) {
        double v = noise_m * noise_m;
        points[i] = (struct track_point){
            .at = vec3_add(m->at[i], vec3_of(noise_m * rng_normal(&r), noise_m * rng_normal(&r), noise_m * rng_normal(&r))),
            .covariance = {v, 0, 0, v, 0, v}};
    }
    for (size_t k = 0; k < POSE_JOINTS; k++) {
        assert_true(track_smooth(points + k, POSE_JOINTS, m->frame_count, 60, 0.2, row));
        for (size_t f = 0; f < m->frame_count; f++) states[f * POSE_JOINTS + k] = row[f];
    }
    s.recording = (struct gait_recording){.name = "runner", .rate = 60, .frame_count = m->frame_count, .points = points, .states = states};
    return s;
}

static struct gait_run analyse(struct studio *s, const struct gait_options *o) {
    struct gait_run run;
    assert_int_equal(gait_analyse(s->mem, &s->recording, o, &run).kind, ERR_NONE);
    return run;
}

static bool has_note(const struct gait_run *run, const char *code) {
    for (size_t i = 0; i < run->note_count; i++) {
        if (!strcmp(run->notes[i], code)) return true;
    }
    return false;
}

/* Root mean square of the errors of touch-downs and toe-offs inside the recording, in seconds. */
static void events(const struct gait_run *run, const struct synth_truth *who, double seconds, double *down, double *off, size_t *count) {
    double sum[2] = {0};
    *count = 0;
    for (size_t i = 0; i < who->contact_count; i++) {
        const struct synth_contact *c = &who->contacts[i];
        if (c->touch_down_s < 0.2 || c->toe_off_s > seconds - 0.2) continue;
        const struct gait_contact *found = NULL;
        for (size_t k = 0; k < run->contact_count; k++) {
            const struct gait_contact *g = &run->contacts[k];
            double middle = 0.5 * (double)(g->frame_from + g->frame_to) / run->rate;
            if ((int)g->side == c->side && middle > c->touch_down_s - 0.03 && middle < c->toe_off_s + 0.03) found = g;
        }
        assert_non_null(found);
        sum[0] += pow(found->touch_down_s.value - c->touch_down_s, 2), sum[1] += pow(found->toe_off_s.value - c->toe_off_s, 2), ++*count;
    }
    *down = sqrt(sum[0] / (double)*count), *off = sqrt(sum[1] / (double)*count);
}

static void every_way_of_moving_is_recognised(void **state) {
    static const struct {
        const char *name;
        enum synth_move move;
        double speed;
        enum gait_kind kind;
        double down_s, off_s; /* margins */
    } all[] = {{"run 5", SYNTH_MOVE_RUN, 5, GAIT_RUNNING, 0.008, 0.008}, {"run 8", SYNTH_MOVE_RUN, 8, GAIT_RUNNING, 0.005, 0.005},
               {"run 3", SYNTH_MOVE_RUN, 3, GAIT_RUNNING, 0.022, 0.010}, {"walk", SYNTH_MOVE_WALK, 1.4, GAIT_WALKING, 0.022, 0.022},
               {"jump", SYNTH_MOVE_JUMP, 0, GAIT_JUMPING, 0.010, 0.025}, {"hurdles", SYNTH_MOVE_HURDLES, 9, GAIT_RUNNING, 0.012, 0.008}};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        double seconds = all[i].move == SYNTH_MOVE_JUMP ? 7 : 4, down, off;
        size_t count;
        struct studio s = studio_of(all[i].move, all[i].speed, seconds, 0.008, 3);
        struct gait_options o = GAIT_OPTIONS;
        const struct synth_truth *who = &s.meeting.athletes[0];
        o.sex = who->is_female ? GAIT_FEMALE : GAIT_MALE;
        struct gait_run run = analyse(&s, &o);
        assert_int_equal(run.kind, all[i].kind);
        events(&run, who, seconds, &down, &off, &count);
        struct gait_summary *flight = &run.summaries[GAIT_FLIGHT_TIME];
        print_message("# %s: %zu contacts, touch-down %.1f ms, toe-off %.1f ms, flight %.3f s\n", all[i].name, count, down * 1e3, off * 1e3,
                      flight->mean.value);
        assert_true(count >= 2 && down < all[i].down_s && off < all[i].off_s);
        if (all[i].move == SYNTH_MOVE_WALK) assert_true(flight->mean.value < -0.05); /* both feet are down for a while */
        if (all[i].move == SYNTH_MOVE_JUMP) {
            /* 0.50 s in the air are 0.3065 m; who takes off at 2.45 m/s rises so far */
            assert_true(run.jump_count >= 2);
            for (size_t k = 0; k < run.jump_count; k++) {
                const struct gait_jump *j = &run.jumps[k];
                print_message("# jump: flight %.3f s, height %.3f +- %.3f m, from flight %.3f +- %.3f m, speed %.2f m/s\n",
                              j->flight_s.value, j->height_m.value, j->height_m.error, j->height_flight_m.value, j->height_flight_m.error,
                              j->take_off_mps.value);
                near(j->flight_s.value, 0.5, 0.04), near(j->height_m.value, 0.3065, 0.04), near(j->take_off_mps.value, 2.45, 0.3);
                near(j->height_flight_m.value, 9.80665 * j->flight_s.value * j->flight_s.value / 8, 1e-9);
            }
            assert_true(has_note(&run, "gait.jumps"));
            assert_int_equal(run.summaries[GAIT_STEP_TIME].count, 0);
        }
        if (all[i].move == SYNTH_MOVE_RUN) {
            near(run.summaries[GAIT_SPEED].mean.value, all[i].speed, 0.08), near(run.top_speed.value, all[i].speed, 0.08);
            assert_true(has_note(&run, "gait.steady") && !run.curve.is_fitted);
            near(run.summaries[GAIT_STEP_LENGTH].mean.value / run.summaries[GAIT_STEP_TIME].mean.value, all[i].speed, 0.15);
            near(run.summaries[GAIT_CADENCE].mean.value, 60 / run.summaries[GAIT_STEP_TIME].mean.value, 2);
            near(run.summaries[GAIT_DUTY_FACTOR].mean.value,
                 run.summaries[GAIT_CONTACT_TIME].mean.value / run.summaries[GAIT_STRIDE_TIME].mean.value, 0.01);
        }
        if (all[i].move == SYNTH_MOVE_HURDLES) { /* the longest flight is the one over the hurdle, and then the body falls freely */
            double longest = 0;
            for (size_t k = 0; k < run.step_count; k++)
                longest = fmax(longest,
                               gait_is_known(run.steps[k].measures[GAIT_FLIGHT_TIME]) ? run.steps[k].measures[GAIT_FLIGHT_TIME].value : 0);
            near(longest, 0.33, 0.02);
        }
        arena_destroy(&s.mem);
    }
}

static void a_sprint_has_splits_phases_and_a_curve(void **state) {
    struct studio s = studio_of(SYNTH_MOVE_SPRINT, 11.4, 7, 0.006, 2);
    static const double lines[] = {2, 5, 10, 20, 30, 40, 90};
    struct gait_options o = GAIT_OPTIONS;
    o.lines_m = lines, o.line_count = ARRAY_LEN(lines), o.sex = s.meeting.athletes[0].is_female ? GAIT_FEMALE : GAIT_MALE, o.start_s = 0.1;
    struct gait_run run = analyse(&s, &o);
    const struct synth_truth *who = &s.meeting.athletes[0];
    const struct motion *truth = &s.meeting.truth[0];
    for (size_t i = 0; i < 6; i++) { /* torso: the foremost of neck and shoulders, in the truth itself */
        double before = -INFINITY, at = 0;
        for (size_t f = 0; f < truth->frame_count; f++) {
            at = fmax(motion_at(truth, f, POSE_NECK)->x,
                      fmax(motion_at(truth, f, POSE_LSHOULDER)->x, motion_at(truth, f, POSE_RSHOULDER)->x));
            if (before < lines[i] && at >= lines[i]) {
                near(run.splits[i].torso_s.value, ((double)f - 1 + (lines[i] - before) / (at - before)) / 60 - 0.1, 0.003);
                assert_true(run.splits[i].torso_s.error > 0 && run.splits[i].torso_s.error < 0.003);
                break;
            }
            before = at;
        }
        assert_true(run.splits[i].com_s.value >= run.splits[i].torso_s.value); /* who leans forward has the chest in front */
    }
    near(run.splits[4].interval_s.value, run.splits[4].torso_s.value - run.splits[3].torso_s.value, 1e-12),
        near(run.splits[4].speed.value, 10 / run.splits[4].interval_s.value, 1e-9);
    assert_false(gait_is_known(run.splits[6].torso_s)), assert_false(gait_is_known(run.splits[6].speed));
    assert_true(has_note(&run, "gait.line_not_crossed"));
    double top = 0;
    for (size_t f = 0; f < truth->frame_count; f++) top = fmax(top, who->com_velocity[f].x);
    assert_true(run.curve.is_fitted);
    near(run.curve.top_mps.value, top, 0.2), near(run.curve.tau_s.value, 1.28, 0.15), near(run.top_speed.value, top, 0.15);
    assert_true(run.curve.tau_s.error > 0.005 && run.curve.tau_s.error < 0.2);
    near(run.curve.force_n_kg.value, 11.4 / 1.28, 1.2);
    /* phases follow each other without holes, the first begins when the athlete does */
    double at = NAN;
    for (int i = 0; i < GAIT_PHASES; i++) {
        const struct gait_phase *p = &run.phases[i];
        if (!p->is_there) continue;
        assert_true(p->to_s > p->from_s);
        if (isfinite(at))
            near(p->from_s, at, 1e-9);
        else
            near(p->from_s, 0.45, 0.12);
        at = p->to_s;
    }
    assert_true(run.phases[GAIT_PHASE_START].is_there && run.phases[GAIT_PHASE_DRIVE].is_there &&
                run.phases[GAIT_PHASE_TRANSITION].is_there && run.phases[GAIT_PHASE_MAXIMUM].is_there);
    /* steps of a sprint: longer, quicker on the ground */
    const struct gait_step *early = &run.steps[3], *late = &run.steps[run.step_count - 4];
    assert_true(late->measures[GAIT_STEP_LENGTH].value > early->measures[GAIT_STEP_LENGTH].value + 0.5 &&
                late->measures[GAIT_CONTACT_TIME].value < early->measures[GAIT_CONTACT_TIME].value);
    assert_true(late->measures[GAIT_TRUNK_LEAN_TD].value < early->measures[GAIT_TRUNK_LEAN_TD].value - 10);
    assert_true(fabs(run.summaries[GAIT_CONTACT_TIME].symmetry.value) < 3 * run.summaries[GAIT_CONTACT_TIME].symmetry.error);
    arena_destroy(&s.mem);
}

/* ---- what is missing ---- */

static void forget(struct studio *s, size_t joint, size_t from, size_t to) {
    for (size_t f = from; f < to; f++) {
        ((struct track_point *)s->recording.points)[f * POSE_JOINTS + joint].at = VEC3_UNKNOWN;
        ((struct track_state *)s->recording.states)[f * POSE_JOINTS + joint] =
            (struct track_state){.at = VEC3_UNKNOWN, .velocity = VEC3_UNKNOWN, .acceleration = VEC3_UNKNOWN};
    }
}

static void nothing_is_invented(void **state) {
    struct gait_run run;
    /* nobody at all, and nothing known */
    struct studio s = studio_of(SYNTH_MOVE_RUN, 8, 2, 0.005, 4);
    struct gait_recording none = s.recording;
    none.frame_count = 0;
    assert_int_equal(gait_analyse(s.mem, &none, NULL, &run).kind, ERR_NONE);
    assert_true(run.contact_count == 0 && run.kind == GAIT_KIND_UNKNOWN && !gait_is_known(run.top_speed));
    /* five frames, three, one */
    for (size_t n = 5; n > 0; n--) {
        struct gait_recording few = s.recording;
        few.frame_count = n;
        assert_int_equal(gait_analyse(s.mem, &few, NULL, &run).kind, ERR_NONE);
        assert_false(gait_is_known(run.top_speed));
        assert_int_equal(run.summaries[GAIT_STEP_TIME].count, 0);
        assert_true(run.note_count > 0);
    }
    /* without rate */
    struct gait_recording wrong = s.recording;
    wrong.rate = 0;
    assert_string_equal(gait_analyse(s.mem, &wrong, NULL, &run).code, "gait.rate");
    static const double lines[] = {10, 5};
    struct gait_options o = GAIT_OPTIONS;
    o.lines_m = lines, o.line_count = 2;
    assert_string_equal(gait_analyse(s.mem, &s.recording, &o, &run).code, "gait.lines");
    /* the ground lies a metre lower than said: nobody touches it */
    o = GAIT_OPTIONS, o.ground_m = -1;
    run = analyse(&s, &o);
    assert_int_equal(run.contact_count, 0);
    assert_true(has_note(&run, "gait.no_contact") && !gait_is_known(run.top_speed));
    assert_true(gait_is_known(run.samples[60].speed)); /* speed needs no ground */
    near(run.samples[60].speed.value, 8, 0.5);
    arena_destroy(&s.mem);
    /* one foot never seen */
    s = studio_of(SYNTH_MOVE_RUN, 8, 2, 0.005, 4);
    static const int8_t foot[] = {POSE_RHEEL, POSE_RBIGTOE, POSE_RSMALLTOE};
    for (size_t i = 0; i < ARRAY_LEN(foot); i++) forget(&s, (size_t)foot[i], 0, s.recording.frame_count);
    run = analyse(&s, NULL);
    assert_true(has_note(&run, "gait.no_right_foot"));
    for (size_t i = 0; i < run.contact_count; i++) assert_int_equal(run.contacts[i].side, GAIT_LEFT);
    assert_true(run.contact_count >= 3 && run.summaries[GAIT_STEP_TIME].count == 0 && run.summaries[GAIT_STRIDE_TIME].count == 0);
    assert_true(run.summaries[GAIT_CONTACT_TIME].count >= 2);
    assert_true(gait_is_known(run.samples[60].speed)); /* the foot's mass is put to the ankle */
    assert_false(gait_is_known(run.samples[60].angles[2 * GAIT_ANKLE_DORSIFLEXION + 1]));
    arena_destroy(&s.mem);
    /* an arm never seen: no centre of mass, but steps */
    s = studio_of(SYNTH_MOVE_RUN, 8, 2, 0.005, 4);
    forget(&s, POSE_LWRIST, 0, s.recording.frame_count);
    run = analyse(&s, NULL);
    assert_true(has_note(&run, "gait.no_mass") && !gait_is_known(run.top_speed) && !gait_is_known(run.samples[60].speed));
    assert_true(run.summaries[GAIT_STEP_TIME].count >= 4 && run.summaries[GAIT_SPEED].count == 0 &&
                run.summaries[GAIT_TOUCH_DOWN_DISTANCE].count == 0);
    arena_destroy(&s.mem);
    /* both feet hidden for half a second: unknown contacts are no flight, and the body does not fall through the ground */
    s = studio_of(SYNTH_MOVE_RUN, 8, 3, 0.005, 4);
    static const int8_t feet[] = {POSE_LHEEL, POSE_LBIGTOE, POSE_LSMALLTOE, POSE_RHEEL, POSE_RBIGTOE, POSE_RSMALLTOE};
    for (size_t i = 0; i < ARRAY_LEN(feet); i++) forget(&s, (size_t)feet[i], 70, 100);
    struct gait_options sexed = GAIT_OPTIONS;
    sexed.sex = s.meeting.athletes[0].is_female ? GAIT_FEMALE : GAIT_MALE;
    run = analyse(&s, &sexed);
    for (size_t f = 60; f < 110; f++) {
        assert_true(vec3_distance(run.samples[f].com, s.meeting.athletes[0].com[f]) < 0.02);
        near(run.samples[f].speed.value, s.meeting.athletes[0].com_velocity[f].x, 0.25);
    }
    for (size_t i = 0; i < run.contact_count; i++) {
        assert_true(run.contacts[i].frame_to <= 71 || run.contacts[i].frame_from >= 99);
        if (run.contacts[i].frame_from == 100) assert_false(gait_is_known(run.contacts[i].touch_down_s));
    }
    arena_destroy(&s.mem);
    /* half a second in which nobody was seen: unknown there, right around it, and no contact crosses it */
    s = studio_of(SYNTH_MOVE_RUN, 8, 3, 0.005, 4);
    for (size_t k = 0; k < POSE_JOINTS; k++) forget(&s, k, 80, 110);
    run = analyse(&s, NULL);
    for (size_t f = 81; f < 109; f++)
        assert_false(gait_is_known(run.samples[f].speed) || gait_is_known(run.samples[f].angles[2 * GAIT_KNEE_FLEXION]));
    assert_true(gait_is_known(run.samples[60].speed) && gait_is_known(run.samples[130].speed));
    for (size_t i = 0; i < run.contact_count; i++) assert_true(run.contacts[i].frame_to <= 81 || run.contacts[i].frame_from >= 109);
    arena_destroy(&s.mem);
    /* somebody who stands */
    s = studio_of(SYNTH_MOVE_STAND, 0, 3, 0.005, 4);
    run = analyse(&s, NULL);
    assert_true(run.kind == GAIT_STANDING && has_note(&run, "gait.stands"));
    assert_int_equal(run.contact_count, 2);
    assert_false(gait_is_known(run.contacts[0].touch_down_s) || gait_is_known(run.contacts[0].toe_off_s));
    arena_destroy(&s.mem);
}

/* ---- summaries and comparison ---- */

/* A run with steps as wanted and nothing else. */
static struct gait_run steps_of(struct arena *mem, size_t count, double (*contact)(size_t), double error) {
    struct gait_run run = {.rate = 60, .step_count = count, .contact_count = count, .start_s = NAN, .top_speed = {10, 0.1}};
    run.steps = arena_alloc_array(mem, count, sizeof *run.steps), run.contacts = arena_alloc_array(mem, count, sizeof *run.contacts);
    assert_true(run.steps && run.contacts);
    for (size_t i = 0; i < count; i++) {
        run.contacts[i].side = run.steps[i].side = (enum gait_side)(i % 2), run.steps[i].contact = i;
        run.contacts[i].touch_down_s = (struct gait_value){0.25 * (double)i, 0.001};
        for (int m = 0; m < GAIT_MEASURES; m++) run.steps[i].measures[m] = GAIT_UNKNOWN;
        run.steps[i].measures[GAIT_CONTACT_TIME] = (struct gait_value){contact(i), error};
    }
    return run;
}
static double first(size_t i) { return 0.1; }
static double second(size_t i) {
    static const double d[] = {0.001, 0.003, 0.002, 0.004, 0.000};
    return 0.1 + d[i % 5];
}

static void two_runs_are_compared_step_by_step(void **state) {
    struct arena *mem = arena_create(1 << 24);
    struct gait_comparison c;
    struct gait_run a = steps_of(mem, 5, first, 1e-6), b = steps_of(mem, 7, second, 1e-6), none = {0};
    assert_int_equal(gait_compare(mem, &a, &a, &c).kind, ERR_NONE);
    assert_true(c.measures[GAIT_CONTACT_TIME].difference.value == 0 && c.measures[GAIT_CONTACT_TIME].p == 1);
    assert_true(isnan(c.measures[GAIT_STEP_LENGTH].p) && !gait_is_known(c.measures[GAIT_STEP_LENGTH].difference));
    assert_int_equal(gait_compare(mem, &a, &b, &c).kind, ERR_NONE);
    assert_int_equal(c.step_count, 5);
    /* differences 1, 3, 2, 4, 0 ms: mean 2, deviation 1.5811, so t = 2.8284 with four degrees of freedom: p = 0.0474 (tables) */
    near(c.measures[GAIT_CONTACT_TIME].difference.value, 0.002, 1e-12), near(c.measures[GAIT_CONTACT_TIME].z, 2.8284, 1e-3),
        near(c.measures[GAIT_CONTACT_TIME].p, 0.0474, 2e-4);
    near(c.steps[3][GAIT_CONTACT_TIME].difference.value, 0.004, 1e-12);
    assert_true(c.top_speed.p > 0.99);
    assert_string_equal(gait_compare(mem, &a, &none, &c).code, "gait.apart");
    arena_destroy(&mem);
}

static void a_rising_speed_is_no_asymmetry(void **state) {
    /* the same sprint, its left contacts made 6 % longer: found, though contacts shorten by half on the way */
    struct studio s = studio_of(SYNTH_MOVE_SPRINT, 11, 5, 0.004, 6);
    struct gait_run run = analyse(&s, NULL);
    struct gait_summary plain = run.summaries[GAIT_STEP_LENGTH];
    assert_true(fabs(plain.symmetry.value) < 3 && plain.deviation > 0.2);
    assert_true(plain.symmetry.error > 0 && plain.symmetry.error < 3);
    arena_destroy(&s.mem);
}

static void two_sprints_differ_where_they_do(void **state) {
    struct studio s = studio_of(SYNTH_MOVE_SPRINT, 10.2, 5, 0.005, 2), t = studio_of(SYNTH_MOVE_SPRINT, 11.2, 5, 0.005, 2);
    static const double lines[] = {5, 10, 20, 30};
    struct gait_options o = GAIT_OPTIONS;
    o.lines_m = lines, o.line_count = 4;
    struct gait_run a = analyse(&s, &o), b = analyse(&t, &o);
    struct gait_comparison c;
    assert_int_equal(gait_compare(s.mem, &a, &b, &c).kind, ERR_NONE);
    assert_true(c.measures[GAIT_SPEED].difference.value > 0.4 && c.measures[GAIT_SPEED].p < 0.001);
    assert_int_equal(c.split_count, 4);
    assert_true(c.splits[0].difference.value == 0 && c.splits[3].difference.value < -0.1 && c.splits[3].p < 0.01);
    struct gait_cycle cycle;
    assert_int_equal(gait_cycle_of(s.mem, &a, 2 * GAIT_KNEE_FLEXION, GAIT_LEFT, 0, INFINITY, &cycle).kind, ERR_NONE);
    assert_true(cycle.strides >= 5 && cycle.toe_off > 0.15 && cycle.toe_off < 0.45);
    double most = 0;
    for (size_t i = 0; i < GAIT_PHASE_POINTS; i++) most = fmax(most, cycle.mean[i]), assert_true(cycle.deviation[i] >= 0);
    assert_true(most > 90 && most < 140);
    /* of three strides each, 1 2 3 against 3 4 5: two apart, t = 2.449 with four degrees of freedom, p = 0.0705 (tables) */
    struct gait_cycle by_hand[2] = {{.strides = 3}, {.strides = 3}};
    double rows[2][3][GAIT_PHASE_POINTS], difference[GAIT_PHASE_POINTS], p[GAIT_PHASE_POINTS];
    for (int r = 0; r < 2; r++) {
        for (size_t i = 0; i < GAIT_PHASE_POINTS; i++) {
            for (int k = 0; k < 3; k++) rows[r][k][i] = 1 + 2 * r + k;
            by_hand[r].mean[i] = 2 + 2 * r, by_hand[r].deviation[i] = 1;
        }
        by_hand[r].each = rows[r];
    }
    rows[1][0][7] = NAN; /* two strides are too few to tell */
    gait_cycle_compare(&by_hand[0], &by_hand[1], difference, p);
    near(difference[3], 2, 1e-12), near(p[3], 0.0705, 2e-4);
    assert_true(isnan(p[7]));
    assert_int_equal(gait_cycle_of(s.mem, &a, 2 * GAIT_KNEE_FLEXION, GAIT_LEFT, 50, 60, &cycle).kind, ERR_NONE);
    assert_int_equal(cycle.strides, 0);
    assert_true(isnan(cycle.mean[0]));
    arena_destroy(&s.mem), arena_destroy(&t.mem);
}

/* ---- files ---- */

static void points_come_back(void **state) {
    struct studio s = studio_of(SYNTH_MOVE_RUN, 8, 1, 0.005, 4);
    forget(&s, POSE_LEYE, 3, 9);
    s.recording.frame_first = 17;
    struct buf text = BUF(64 << 20);
    gait_write_points(&text, &s.recording);
    struct gait_recording back;
    assert_int_equal(gait_read_points(s.mem, buf_slice(&text), &back).kind, ERR_NONE);
    assert_true(back.rate == 60 && back.frame_first == 17 && back.frame_count == s.recording.frame_count && !strcmp(back.name, "runner"));
    for (size_t i = 0; i < back.frame_count * POSE_JOINTS; i++) {
        const struct track_point *a = &s.recording.points[i], *b = &back.points[i];
        assert_int_equal(vec3_is_known(a->at), vec3_is_known(b->at));
        if (!vec3_is_known(a->at)) continue;
        assert_true(vec3_distance(a->at, b->at) < 2e-5 && fabs(a->covariance.xx / b->covariance.xx - 1) < 1e-3);
    }
    buf_free(&text);
    static const struct {
        const char *text, *code;
    } wrong[] = {
        {"", "json.syntax"},
        {"{}", "gait.points"},
        {"[]", "gait.points"},
        {"{\"format\":\"grandstand-points-1\",\"rate\":0,\"frame_first\":0,\"frames\":0,\"joints\":[\"LHip\"],\"points\":[]}",
         "gait.points"},
        {"{\"format\":\"grandstand-points-1\",\"rate\":60,\"frame_first\":0,\"frames\":2,\"joints\":[\"LHip\"],\"points\":[null]}",
         "gait.points"},
        {"{\"format\":\"grandstand-points-1\",\"rate\":60,\"frame_first\":0,\"frames\":1,\"joints\":[\"LHip\"],\"points\":[[1,2,3]]}",
         "gait.points"},
        {"{\"format\":\"grandstand-points-1\",\"rate\":60,\"frame_first\":0,\"frames\":1,\"joints\":[\"LHip\"],\"points\":[[1,2,3,1,0,0,1,"
         "0,\"x\"]]}",
         "gait.points"},
        {"{\"format\":\"grandstand-points-1\",\"rate\":60,\"frame_first\":0,\"frames\":1,\"joints\":[\"LHip\"],\"points\":[[1,2,3,1,0,0,-1,"
         "0,1]]}",
         "gait.points"},
        {"{\"format\":\"grandstand-points-1\",\"rate\":60,\"frame_first\":0,\"frames\":1,\"joints\":[\"LHip\"],\"points\":[[1,2,3e99,1,0,0,"
         "1,0,1]]}",
         "gait.points"}};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_string_equal(gait_read_points(s.mem, slice_cstr(wrong[i].text), &back).code, wrong[i].code);
    arena_destroy(&s.mem);
}

static void a_motion_measures_its_own_noise(void **state) {
    struct studio s = studio_of(SYNTH_MOVE_RUN, 8, 3, 0, 4);
    struct motion *m = &s.meeting.truth[0];
    struct rng r = rng_seeded(9);
    for (size_t i = 0; i < m->frame_count * m->point_count; i++)
        m->at[i] = vec3_add(m->at[i], vec3_of(0.01 * rng_normal(&r), 0.01 * rng_normal(&r), 0.01 * rng_normal(&r)));
    struct gait_recording back;
    assert_int_equal(gait_from_motion(s.mem, m, &back).kind, ERR_NONE);
    near(sqrt(back.points[POSE_NECK].covariance.xx), 0.01, 0.002), near(sqrt(back.points[POSE_LHIP].covariance.zz), 0.01, 0.003);
    struct gait_run run;
    assert_int_equal(gait_analyse(s.mem, &back, NULL, &run).kind, ERR_NONE);
    near(run.top_speed.value, 8, 0.15);
    snprintf(m->point_names[POSE_LKNEE], MOTION_NAME_MAX, "knee?");
    assert_string_equal(gait_from_motion(s.mem, m, &back).code, "gait.joints");
    /* y-up and back */
    struct gait_recording turned = s.recording;
    assert_int_equal(gait_to_z_up(s.mem, &turned).kind, ERR_NONE);
    const struct track_state *a = &s.recording.states[POSE_NECK], *b = &turned.states[POSE_NECK];
    assert_true(b->at.x == a->at.z && b->at.y == a->at.x && b->at.z == a->at.y && b->covariance.xx == a->covariance.zz &&
                b->covariance.xy == a->covariance.xz && b->covariance.zz == a->covariance.yy);
    arena_destroy(&s.mem);
}

static size_t columns(struct slice line) {
    size_t n = 1;
    for (size_t i = 0; i < line.len; i++) n += line.ptr[i] == ',';
    return n;
}

static void numbers_are_written_whole(void **state) {
    struct studio s = studio_of(SYNTH_MOVE_SPRINT, 10.5, 4, 0.006, 2);
    static const double lines[] = {5, 10};
    struct gait_options o = GAIT_OPTIONS;
    o.lines_m = lines, o.line_count = 2;
    struct gait_run run = analyse(&s, &o);
    struct buf text = BUF(64 << 20);
    gait_write_json(&text, &run);
    json_t *root;
    assert_int_equal(json_parse(buf_slice(&text), 64 << 20, &root).kind, ERR_NONE);
    assert_int_equal(json_array_size(json_object_get(root, "contacts")), run.contact_count);
    assert_int_equal(json_array_size(json_object_get(root, "frame_rows")), run.frame_count);
    size_t wide = json_array_size(json_object_get(root, "frame_columns"));
    for (size_t f = 0; f < run.frame_count; f++)
        assert_int_equal(json_array_size(json_array_get(json_object_get(root, "frame_rows"), f)), wide);
    const json_t *top = json_object_get(root, "top_speed_mps");
    near(json_number_value(json_object_get(top, "value")), run.top_speed.value, 0.01 * run.top_speed.error),
        near(json_number_value(json_object_get(top, "se")), run.top_speed.error, 0.01 * run.top_speed.error);
    assert_true(json_is_null(
        json_object_get(json_array_get(json_object_get(root, "contacts"), 0), "touch_down_s"))); /* it stood there from the beginning */
    json_decref(root);
    for (int kind = 0; kind < 2; kind++) {
        buf_clear(&text);
        kind ? gait_write_csv_steps(&text, &run) : gait_write_csv_frames(&text, &run);
        struct slice rest = buf_slice(&text), line;
        size_t rows = 0, want = 0;
        while (slice_next(&rest, '\n', &line)) {
            if (!line.len) continue;
            if (!rows++) want = columns(line);
            assert_int_equal(columns(line), want);
        }
        assert_int_equal(rows, 1 + (kind ? run.step_count : run.frame_count));
    }
    struct gait_comparison c;
    assert_int_equal(gait_compare(s.mem, &run, &run, &c).kind, ERR_NONE);
    buf_clear(&text);
    assert_int_equal(gait_write_json_comparison(s.mem, &text, &c).kind, ERR_NONE);
    assert_int_equal(json_parse(buf_slice(&text), 64 << 20, &root).kind, ERR_NONE);
    json_decref(root);
    buf_free(&text);
    arena_destroy(&s.mem);
}

/* Every element is closed in order: what opens and closes <...>, with the few that stand alone. */
static void assert_well_formed(struct slice text) {
    char stack[64][16];
    size_t depth = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '<') {
            assert_true(text.ptr[i] != '>' || depth == 0 || !strcmp(stack[depth - 1], "style"));
            continue;
        }
        size_t end = i;
        while (end < text.len && text.ptr[end] != '>') end++;
        assert_true(end < text.len);
        bool is_closing = text.ptr[i + 1] == '/', stands_alone = text.ptr[end - 1] == '/' || text.ptr[i + 1] == '!';
        char name[16] = {0};
        for (size_t k = i + 1 + is_closing, n = 0; k < end && n < 15 && (isalnum((unsigned char)text.ptr[k])); k++) name[n++] = text.ptr[k];
        stands_alone = stands_alone || !strcmp(name, "meta");
        if (is_closing) {
            assert_true(depth > 0);
            assert_string_equal(stack[depth - 1], name);
            depth--;
        } else if (!stands_alone) {
            assert_true(depth < 64);
            memcpy(stack[depth++], name, sizeof name);
        }
        i = end;
    }
    assert_int_equal(depth, 0);
}

static void the_page_is_whole_in_four_languages(void **state) {
    struct studio s = studio_of(SYNTH_MOVE_SPRINT, 10.5, 4, 0.006, 2), walk = studio_of(SYNTH_MOVE_STAND, 0, 1, 0.006, 2);
    static const double lines[] = {5, 10};
    struct gait_options o = GAIT_OPTIONS;
    o.lines_m = lines, o.line_count = 2;
    snprintf(s.recording.name, sizeof s.recording.name, "Anna <b> & \"Co\"");
    struct gait_run runs[3] = {analyse(&s, &o), analyse(&walk, NULL)};
    struct gait_recording none = s.recording;
    none.frame_count = 0;
    assert_int_equal(gait_analyse(s.mem, &none, &o, &runs[2]).kind, ERR_NONE);
    for (size_t l = 0; l < TEXT_LANGUAGE_COUNT; l++) {
        struct buf page = BUF(64 << 20);
        assert_int_equal(gait_write_report(s.mem, &page, runs, 3, runs, 1, text_languages[l].code, SLICE_NONE).kind, ERR_NONE);
        struct slice text = buf_slice(&page);
        assert_well_formed(text);
        assert_true(slice_find(text, SLICE("Anna &lt;b&gt; &amp; &quot;Co&quot;")) != SLICE_NPOS);
        /* a code where a sentence should be, a script, anything from outside, and numbers that are none */
        static const char *const never[] = {"report.", "gait.", "<script", "http", "src=",  "url(", ">nan",
                                            "\"nan",   " nan",  "-nan",    "Mnan", "inf\"", "{"};
        struct slice body = slice_sub(text, slice_find(text, SLICE("</style>")), text.len);
        for (size_t i = 0; i < ARRAY_LEN(never); i++) {
            size_t at = slice_find(body, slice_cstr(never[i]));
            if (at == SLICE_NPOS) continue;
            print_message("# \"%s\" in \"%.*s\"\n", never[i], SLICE_ARG(slice_sub(body, at > 60 ? at - 60 : 0, at + 60)));
            fail();
        }
        assert_true(slice_find(text, text_lookup(text_languages[l].code, SLICE("report.kinogram"))) != SLICE_NPOS);
        buf_free(&page);
    }
    struct buf page = BUF(64 << 20), small = BUF(5000);
    assert_int_equal(gait_write_report(s.mem, &page, NULL, 0, NULL, 0, SLICE("xx"), SLICE("Meeting")).kind,
                     ERR_NONE); /* nobody; a language that we do not speak is English */
    assert_true(slice_find(buf_slice(&page), SLICE("lang=\"en\"")) != SLICE_NPOS);
    assert_int_equal(gait_write_report(s.mem, &small, runs, 1, NULL, 0, SLICE("en"), SLICE_NONE).kind, ERR_LIMIT);
    buf_free(&page), buf_free(&small);
    arena_destroy(&s.mem), arena_destroy(&walk.mem);
}

/* ---- faults ---- */

static void every_allocation_may_fail(void **state) {
    struct studio s = studio_of(SYNTH_MOVE_RUN, 8, 1, 0.006, 2);
    struct buf points = BUF(64 << 20);
    gait_write_points(&points, &s.recording);
    uint64_t step =
        getenv("GRANDSTAND_TEST_LONG") ? 1 : 23; /* a read of points allocates for each number: not all of them in the quick run */
    for (uint64_t n = 1; n < 1000000; n += n < 40 ? 1 : step) {
        struct arena *mem = arena_create((size_t)1 << 28);
        struct gait_recording r;
        struct gait_run run;
        struct buf page = BUF(64 << 20);
        static const double lines[] = {2};
        struct gait_options o = GAIT_OPTIONS;
        o.lines_m = lines, o.line_count = 1;
        fault_arm(FAULT_ALLOC, n, false);
        struct err e = gait_read_points(mem, buf_slice(&points), &r);
        if (!e.kind) e = gait_analyse(mem, &r, &o, &run);
        if (!e.kind) e = gait_write_report(mem, &page, &run, 1, &run, 1, SLICE("en"), SLICE_NONE);
        bool did_fire = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        if (did_fire && e.kind) assert_int_equal(e.kind, ERR_LIMIT);
        if (!did_fire) assert_int_equal(e.kind, ERR_NONE);
        assert_true(!did_fire || e.kind);
        buf_free(&page);
        arena_destroy(&mem);
        if (!did_fire) break;
    }
    buf_free(&points);
    arena_destroy(&s.mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(angles_are_what_was_put_in),
        cmocka_unit_test(what_is_unknown_leaves_its_angles_unknown),
        cmocka_unit_test(the_body_weighs_what_de_leva_says),
        cmocka_unit_test(every_way_of_moving_is_recognised),
        cmocka_unit_test(a_sprint_has_splits_phases_and_a_curve),
        cmocka_unit_test(nothing_is_invented),
        cmocka_unit_test(two_runs_are_compared_step_by_step),
        cmocka_unit_test(a_rising_speed_is_no_asymmetry),
        cmocka_unit_test(two_sprints_differ_where_they_do),
        cmocka_unit_test(points_come_back),
        cmocka_unit_test(a_motion_measures_its_own_noise),
        cmocka_unit_test(numbers_are_written_whole),
        cmocka_unit_test(the_page_is_whole_in_four_languages),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("human/gait", tests, NULL, NULL);
}
