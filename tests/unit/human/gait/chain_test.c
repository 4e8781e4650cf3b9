/* SPDX-License-Identifier: AGPL-3.0-or-later
 * The whole chain over sprints that never took place: pictures with noise, gaps and outliers; tracking; gait. How near the truth, and
 * whether the standard errors say so. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/fs.h"
#include "human/body/body.h"
#include "human/gait/gait.h"
#include "human/synth/synth.h"
#include "human/track/track.h"

enum { ERRORS_MAX = 4096 };
struct errors {
    double sum2, z2;
    size_t count;
    double values[ERRORS_MAX];
    size_t kept;
};

static void add(struct errors *e, struct gait_value v, double truth) {
    if (!gait_is_known(v)) return;
    double d = v.value - truth;
    assert_true(v.error > 0);
    e->sum2 += d * d, e->z2 += d * d / (v.error * v.error), e->count++;
    if (e->kept < ERRORS_MAX) e->values[e->kept++] = fabs(d);
}
static double rms(const struct errors *e) { return sqrt(e->sum2 / (double)e->count); }
static double z(const struct errors *e) { return sqrt(e->z2 / (double)e->count); }
static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static double p95(struct errors *e) {
    qsort(e->values, e->kept, sizeof *e->values, by_value);
    return e->values[(size_t)(0.95 * (double)e->kept)];
}

/* What the truth knows of each angle. */
static const struct {
    enum synth_angle truth;
    enum gait_angle kind;
    const char *name;
    int sides;
    bool is_sagittal_leg;
} angles[] = {{SYNTH_TRUNK_LEAN, GAIT_TRUNK_LEAN, "trunk lean", 1, false},
              {SYNTH_HIP_FLEXION, GAIT_HIP_FLEXION, "hip", 2, true},
              {SYNTH_KNEE_FLEXION, GAIT_KNEE_FLEXION, "knee", 2, true},
              {SYNTH_ANKLE_DORSIFLEXION, GAIT_ANKLE_DORSIFLEXION, "ankle", 2, true},
              {SYNTH_THIGH, GAIT_THIGH, "thigh", 2, true},
              {SYNTH_SHANK, GAIT_SHANK, "shank", 2, true},
              {SYNTH_SHOULDER_FLEXION, GAIT_SHOULDER_FLEXION, "shoulder", 2, false},
              {SYNTH_ELBOW_FLEXION, GAIT_ELBOW_FLEXION, "elbow", 2, false}};

static struct errors speed, step_speed, knee_td, shin_td, lean_td, split, touch_down, toe_off, contact_time, step_length,
    touch_down_distance, angle[ARRAY_LEN(angles)];
static size_t contacts_true, contacts_missed, contacts_invented;

static const struct gait_contact *match(const struct gait_run *run, const struct synth_contact *c) {
    for (size_t i = 0; i < run->contact_count; i++) {
        const struct gait_contact *g = &run->contacts[i];
        double middle = (0.5 * (double)(g->frame_from + g->frame_to) + (double)run->frame_first) / run->rate;
        if ((int)g->side == c->side && middle > c->touch_down_s - 0.03 && middle < c->toe_off_s + 0.03) return g;
    }
    return NULL;
}

/* When a hip-high line is crossed by the true centre of mass. */
static double true_crossing(const struct synth_truth *who, size_t frames, double rate, double line) {
    for (size_t f = 1; f < frames; f++) {
        if (who->com[f - 1].x < line && who->com[f].x >= line)
            return ((double)f - 1 + (line - who->com[f - 1].x) / (who->com[f].x - who->com[f - 1].x)) / rate;
    }
    return NAN;
}

static double com_at(const struct synth_truth *who, const struct motion *truth, double time) {
    double f = time * truth->rate;
    size_t i = f < 1 ? 0 : (size_t)f;
    if (i + 1 >= truth->frame_count) i = truth->frame_count - 2;
    double t = f - (double)i, dt = 1 / truth->rate, t2 = t * t, t3 = t2 * t;
    return (2 * t3 - 3 * t2 + 1) * who->com[i].x + (t3 - 2 * t2 + t) * dt * who->com_velocity[i].x + (3 * t2 - 2 * t3) * who->com[i + 1].x +
           (t3 - t2) * dt * who->com_velocity[i + 1].x;
}

static void compare(const struct gait_run *run, const struct synth_truth *who, const struct motion *truth) {
    double rate = truth->rate, end = (double)truth->frame_count / rate;
    for (size_t f = 0; f < run->frame_count; f++) {
        size_t g = f + (size_t)run->frame_first;
        const struct gait_sample *s = &run->samples[f];
        double v = hypot(who->com_velocity[g].x, who->com_velocity[g].y);
        if (v >= 10 && v <= 12) add(&speed, s->speed, v);
        for (size_t k = 0; k < ARRAY_LEN(angles); k++) {
            for (int side = 0; side < angles[k].sides; side++)
                add(&angle[k], s->angles[2 * (size_t)angles[k].kind + (size_t)side], who->angles[g][(int)angles[k].truth + side]);
        }
    }
    for (size_t i = 0; i < run->split_count; i++) {
        double t = true_crossing(who, truth->frame_count, rate, run->splits[i].line_m);
        if (isfinite(t)) add(&split, run->splits[i].com_s, t);
    }
    size_t matched = 0;
    for (size_t i = 0; i < who->contact_count; i++) {
        const struct synth_contact *c = &who->contacts[i];
        const struct gait_contact *g = match(run, c);
        matched += g != NULL;
        if (c->touch_down_s < 0.2 || c->toe_off_s > end - 0.2) continue;
        contacts_true++;
        if (!g || !gait_is_known(g->touch_down_s) || !gait_is_known(g->toe_off_s)) {
            contacts_missed++;
            continue;
        }
        add(&touch_down, g->touch_down_s, c->touch_down_s), add(&toe_off, g->toe_off_s, c->toe_off_s);
        const struct gait_step *s = &run->steps[g - run->contacts];
        add(&contact_time, s->measures[GAIT_CONTACT_TIME], c->toe_off_s - c->touch_down_s);
        /* the mean speed between the two instants that were found */
        if (gait_is_known(s->measures[GAIT_SPEED])) {
            double from = g->touch_down_s.value, to = from + s->measures[GAIT_STEP_TIME].value;
            add(&step_speed, s->measures[GAIT_SPEED], (com_at(who, truth, to) - com_at(who, truth, from)) / (to - from));
        }
        size_t frame = (size_t)(c->touch_down_s * rate);
        double t = c->touch_down_s * rate - (double)frame, com = who->com[frame].x * (1 - t) + who->com[frame + 1].x * t;
        /* angles at the true instant against those at the one that was found, whose error is theirs too */
        double(*at)[SYNTH_ANGLES] = &who->angles[frame];
        add(&knee_td, s->measures[GAIT_KNEE_TD], at[0][SYNTH_KNEE_FLEXION + c->side] * (1 - t) + at[1][SYNTH_KNEE_FLEXION + c->side] * t);
        add(&shin_td, s->measures[GAIT_SHIN_TD], at[0][SYNTH_SHANK + c->side] * (1 - t) + at[1][SYNTH_SHANK + c->side] * t);
        add(&lean_td, s->measures[GAIT_TRUNK_LEAN_TD], at[0][SYNTH_TRUNK_LEAN] * (1 - t) + at[1][SYNTH_TRUNK_LEAN] * t);
        add(&touch_down_distance, s->measures[GAIT_TOUCH_DOWN_DISTANCE], c->toe.x - com);
        if (i + 1 < who->contact_count && who->contacts[i + 1].side != c->side)
            add(&step_length, s->measures[GAIT_STEP_LENGTH], who->contacts[i + 1].toe.x - c->toe.x);
    }
    contacts_invented += run->contact_count - matched;
}

static void play(uint64_t seed) {
    struct arena *mem = arena_create((size_t)2 << 30);
    struct buf text = BUF(1 << 20);
    struct synth_scene scene;
    struct synth_meeting m;
    assert_int_equal(fs_read_file(AT_FDCWD, "bench/scenes/sprint.json", &text).kind, ERR_NONE);
    assert_int_equal(synth_scene_parse(buf_slice(&text), &scene).kind, ERR_NONE);
    buf_free(&text);
    if (seed) scene.seed = seed;
    assert_int_equal(synth_make(mem, &scene, &m).kind, ERR_NONE);
    const struct pose_take *takes[SYNTH_CAMERAS_MAX];
    for (size_t c = 0; c < scene.cameras; c++) takes[c] = &m.takes[c];
    struct track_people found;
    assert_int_equal(track_follow(mem, &m.rig, takes, &(struct track_options){.rate = scene.rate}, &found).kind, ERR_NONE);
    assert_int_equal(found.count, scene.athletes);
    for (size_t i = 0; i < found.count; i++) {
        const struct track_person *p = &found.people[i];
        size_t best = 0, half = p->frame_count / 2;
        double least = INFINITY;
        for (size_t a = 0; a < scene.athletes; a++) {
            double d = vec3_distance(p->points[half * POSE_JOINTS + POSE_HIP].at,
                                     *motion_at(&m.truth[a], (size_t)p->frame_first + half, POSE_HIP));
            if (d < least) least = d, best = a;
        }
        struct gait_recording r;
        struct body_fit fit;
        assert_int_equal(body_fit(mem, &m.rig, takes, &found, i, &(struct body_options){.rate = scene.rate}, &fit).kind, ERR_NONE);
        assert_int_equal(gait_from_body(mem, &found, i, &fit, &r).kind, ERR_NONE);
        struct gait_options o = GAIT_OPTIONS;
        static const double lines[] = {1, 5, 10, 15, 20, 30, 40};
        o.sex = m.athletes[best].is_female ? GAIT_FEMALE : GAIT_MALE, o.lines_m = lines, o.line_count = ARRAY_LEN(lines);
        struct gait_run run;
        assert_int_equal(gait_analyse(mem, &r, &o, &run).kind, ERR_NONE);
        assert_int_equal(run.kind, GAIT_RUNNING);
        assert_true(run.axis.x == 1);
        compare(&run, &m.athletes[best], &m.truth[best]);
        assert_true(run.curve.is_fitted);
        double top = 0;
        for (size_t f = 0; f < m.truth[best].frame_count; f++) top = fmax(top, m.athletes[best].com_velocity[f].x);
        assert_true(fabs(run.curve.top_mps.value - top) < 0.35 && fabs(run.top_speed.value - top) < 0.35);
    }
    arena_destroy(&mem);
}

/* The margins: speed 0.05 m/s between 10 and 12 m/s, sagittal angles 2 degrees, contacts 8 ms for 95 of 100. */
static void sprinters_through_the_whole_chain(void **state) {
    static const uint64_t seeds[] = {0, 5, 6};
    const size_t meetings = getenv("GRANDSTAND_TEST_LONG") ? ARRAY_LEN(seeds) : 1;
    for (size_t i = 0; i < meetings; i++) play(seeds[i]);
    double touch = p95(&touch_down), toe = p95(&toe_off);
    print_message(
        "# speed %.4f m/s (z %.2f, %zu frames); splits %.1f ms (z %.2f, %zu); contacts %zu, missed %zu, invented %zu; touch-down %.2f ms, "
        "p95 %.2f (z %.2f); toe-off %.2f, p95 %.2f (z %.2f)\n",
        rms(&speed), z(&speed), speed.count, rms(&split) * 1e3, z(&split), split.count, contacts_true, contacts_missed, contacts_invented,
        rms(&touch_down) * 1e3, touch * 1e3, z(&touch_down), rms(&toe_off) * 1e3, toe * 1e3, z(&toe_off));
    print_message("# step speed %.4f m/s (z %.2f)\n", rms(&step_speed), z(&step_speed));
    print_message("# at touch-down: knee %.2f degrees (z %.2f), shin %.2f (z %.2f), trunk %.2f (z %.2f)\n", rms(&knee_td), z(&knee_td),
                  rms(&shin_td), z(&shin_td), rms(&lean_td), z(&lean_td));
    print_message("# contact time %.2f ms (z %.2f), step length %.1f mm (z %.2f), touch-down distance %.1f mm (z %.2f)\n",
                  rms(&contact_time) * 1e3, z(&contact_time), rms(&step_length) * 1e3, z(&step_length), rms(&touch_down_distance) * 1e3,
                  z(&touch_down_distance));
    for (size_t k = 0; k < ARRAY_LEN(angles); k++)
        print_message("# %s: %.2f degrees (z %.2f)\n", angles[k].name, rms(&angle[k]), z(&angle[k]));
    assert_true(speed.count > 500 * meetings && rms(&speed) <= 0.05);
    assert_true(z(&speed) > 0.7 && z(&speed) < 1.4);
    assert_true(rms(&step_speed) <= 0.02 && z(&step_speed) > 0.6 && z(&step_speed) < 1.5);
    assert_true(split.count > 20 * meetings && rms(&split) <= 0.003 && z(&split) > 0.6 && z(&split) < 1.5);
    assert_true(contacts_true > 80 * meetings && contacts_missed * 100 <= contacts_true && contacts_invented * 100 <= contacts_true);
    assert_true(rms(&knee_td) <= 3 && z(&knee_td) > 0.5 && z(&knee_td) < 1.4 && rms(&shin_td) <= 3 && z(&shin_td) < 1.4 &&
                rms(&lean_td) <= 1 && z(&lean_td) < 1.5);
    assert_true(touch <= 0.008 && toe <= 0.008);
    assert_true(z(&touch_down) > 0.6 && z(&touch_down) < 1.4 && z(&toe_off) > 0.5 && z(&toe_off) < 1.4);
    assert_true(rms(&contact_time) <= 0.006 && z(&contact_time) > 0.5 && z(&contact_time) < 1.4);
    assert_true(rms(&step_length) <= 0.03 && rms(&touch_down_distance) <= 0.06 && z(&touch_down_distance) < 1.5);
    for (size_t k = 0; k < ARRAY_LEN(angles); k++) {
        assert_true(angle[k].count > 1000 * meetings && z(&angle[k]) > 0.5 && z(&angle[k]) < 1.5);
        assert_true(rms(&angle[k]) <= 2.0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sprinters_through_the_whole_chain)};
    return cmocka_run_group_tests_name("human/gait/chain", tests, NULL, NULL);
}
