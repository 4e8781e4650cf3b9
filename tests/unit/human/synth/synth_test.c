/* SPDX-License-Identifier: AGPL-3.0-or-later
 * People with planted feet: what they claim of themselves is so. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/fault.h"
#include "human/synth/synth.h"

#define RATE 500.0

/* One person at five hundred frames a second, and no camera worth speaking of. */
static struct synth_meeting one(struct arena *mem, enum synth_move move, double speed, double seconds, uint64_t seed) {
    struct synth_scene s = {.seed = seed,
                            .rate = RATE,
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
    struct synth_meeting m;
    assert_int_equal(synth_make(mem, &s, &m).kind, ERR_NONE);
    return m;
}

static double between(const struct motion *m, size_t f, enum pose_joint a, enum pose_joint b) {
    return vec3_distance(*motion_at(m, f, a), *motion_at(m, f, b));
}

/* de Leva's centre of mass once more, by hand. */
static struct vec3 balance(bool is_female, const struct vec3 *j) {
    static const double share[2][8] = {{6.94, 43.46, 2.71, 1.62, 0.61, 14.16, 4.33, 1.37},
                                       {6.68, 42.57, 2.55, 1.38, 0.56, 14.78, 4.81, 1.29}};
    static const double place[2][8] = {{0.5002, 0.4310, 0.5772, 0.4574, 1.253, 0.4095, 0.4395, 0.4415},
                                       {0.4841, 0.3782, 0.5754, 0.4559, 1.220, 0.3612, 0.4352, 0.4014}};
    static const int ends[8][2] = {{POSE_HEAD, POSE_NECK},        {-1, -2},
                                   {POSE_LSHOULDER, POSE_LELBOW}, {POSE_LELBOW, POSE_LWRIST},
                                   {POSE_LELBOW, POSE_LWRIST},    {POSE_LHIP, POSE_LKNEE},
                                   {POSE_LKNEE, POSE_LANKLE},     {POSE_LHEEL, POSE_LBIGTOE}};
    struct vec3 sum = {0};
    double total = 0;
    for (int k = 0; k < 8; k++) {
        for (int side = 0; side < (k < 2 ? 1 : 2); side++) {
            struct vec3 a = k == 1 ? vec3_mix(j[POSE_LSHOULDER], j[POSE_RSHOULDER], 0.5) : j[ends[k][0] + side],
                        b = k == 1 ? vec3_mix(j[POSE_LHIP], j[POSE_RHIP], 0.5) : j[ends[k][1] + side];
            sum = vec3_add(sum, vec3_scale(vec3_mix(a, b, place[is_female][k]), share[is_female][k])), total += share[is_female][k];
        }
    }
    return vec3_scale(sum, 1 / total);
}

struct seen {
    double stretch, bones, slide, under, corner, fall, forward, ankle_low, ankle_high, knee_low, knee_high, airborne, com, shortest,
        longest;
};

/* Everything that must hold of anybody; prints what it saw. */
static struct seen look(const struct synth_meeting *m, const char *name) {
    const struct motion *t = &m->truth[0];
    const struct synth_truth *who = &m->athletes[0];
    struct seen s = {.stretch = who->stretch,
                     .under = INFINITY,
                     .ankle_low = INFINITY,
                     .ankle_high = -INFINITY,
                     .knee_high = -INFINITY,
                     .knee_low = INFINITY,
                     .shortest = INFINITY};
    static const enum pose_joint bones[][2] = {{POSE_LHIP, POSE_LKNEE},      {POSE_RHIP, POSE_RKNEE},       {POSE_LKNEE, POSE_LANKLE},
                                               {POSE_RKNEE, POSE_RANKLE},    {POSE_LANKLE, POSE_LHEEL},     {POSE_RANKLE, POSE_RBIGTOE},
                                               {POSE_LHEEL, POSE_LSMALLTOE}, {POSE_LSHOULDER, POSE_LELBOW}, {POSE_RELBOW, POSE_RWRIST},
                                               {POSE_LHIP, POSE_RHIP}};
    for (size_t f = 0; f < t->frame_count; f++) {
        for (size_t b = 0; b < ARRAY_LEN(bones); b++)
            s.bones = fmax(s.bones, fabs(between(t, f, bones[b][0], bones[b][1]) - between(t, 0, bones[b][0], bones[b][1])));
        double time = (double)f / RATE;
        bool is_down[2] = {false, false};
        for (size_t i = 0; i < who->contact_count; i++) {
            const struct synth_contact *c = &who->contacts[i];
            if (time < c->touch_down_s || time > c->toe_off_s) continue;
            is_down[c->side] = true;
            /* a foot on the ground: at least one of heel and toes stays exactly where it is from frame to frame */
            if (f + 1 < t->frame_count && time + 1 / RATE <= c->toe_off_s) {
                double heel =
                    vec3_distance(*motion_at(t, f, (size_t)(POSE_LHEEL + c->side)), *motion_at(t, f + 1, (size_t)(POSE_LHEEL + c->side)));
                double big = vec3_distance(*motion_at(t, f, (size_t)(POSE_LBIGTOE + c->side)),
                                           *motion_at(t, f + 1, (size_t)(POSE_LBIGTOE + c->side)));
                double small = vec3_distance(*motion_at(t, f, (size_t)(POSE_LSMALLTOE + c->side)),
                                             *motion_at(t, f + 1, (size_t)(POSE_LSMALLTOE + c->side)));
                s.slide = fmax(s.slide, fmin(heel, fmax(big, small)));
            }
        }
        for (int side = 0; side < 2; side++) {
            for (int k = 0; k < 3; k++) {
                double z = motion_at(t, f, (size_t)((k == 0 ? POSE_LHEEL : k == 1 ? POSE_LBIGTOE : POSE_LSMALLTOE) + side))->z;
                s.under = fmin(s.under, z);
            }
            double ankle = who->angles[f][SYNTH_ANKLE_DORSIFLEXION + side], knee = who->angles[f][SYNTH_KNEE_FLEXION + side];
            s.ankle_low = fmin(s.ankle_low, ankle), s.ankle_high = fmax(s.ankle_high, ankle), s.knee_low = fmin(s.knee_low, knee),
            s.knee_high = fmax(s.knee_high, knee);
        }
        s.com = fmax(s.com, vec3_distance(balance(who->is_female, motion_at(t, f, 0)), who->com[f]));
        /* second differences: nobody jumps from place to place, and who is in the air falls */
        if (f < 1 || f + 1 >= t->frame_count) continue;
        for (size_t k = 0; k < POSE_JOINTS; k++) {
            struct vec3 d = vec3_sub(vec3_add(*motion_at(t, f - 1, k), *motion_at(t, f + 1, k)), vec3_scale(*motion_at(t, f, k), 2));
            s.corner = fmax(s.corner, vec3_norm(d) * RATE);
        }
        if (!is_down[0] && !is_down[1]) {
            bool was_down = false;
            for (size_t i = 0; i < who->contact_count; i++) {
                const struct synth_contact *c = &who->contacts[i];
                was_down = was_down || (time + 1 / RATE >= c->touch_down_s && time - 1 / RATE <= c->toe_off_s);
            }
            s.airborne += 1 / RATE;
            if (was_down) continue;
            struct vec3 a = vec3_scale(vec3_sub(vec3_add(who->com[f - 1], who->com[f + 1]), vec3_scale(who->com[f], 2)), RATE * RATE);
            s.fall = fmax(s.fall, fabs(a.z + 9.80665)), s.forward = fmax(s.forward, hypot(a.x, a.y));
        }
    }
    for (size_t i = 0; i < who->contact_count; i++) {
        const struct synth_contact *c = &who->contacts[i];
        double v = hypot(who->com_velocity[(size_t)fmax(0, c->touch_down_s * RATE) % t->frame_count].x, 0),
               length = c->toe_off_s - c->touch_down_s;
        if (v >= 10 && v <= 12) s.shortest = fmin(s.shortest, length), s.longest = fmax(s.longest, length);
    }
    print_message(
        "# %s: stretch %.3f, bones %.0e m, slide %.0e m, lowest foot %.1f mm, corner %.2f m/s, gravity off by %.0e, mass off by %.0e m, "
        "ankle %.0f..%.0f, knee %.0f..%.0f, air %.2f s, contacts %zu\n",
        name, s.stretch, s.bones, s.slide, s.under * 1e3, s.corner, s.fall, s.com, s.ankle_low, s.ankle_high, s.knee_low, s.knee_high,
        s.airborne, who->contact_count);
    return s;
}

static void everybody_stands_on_the_ground(void **state) {
    static const struct {
        const char *name;
        enum synth_move move;
        double speed;
    } all[] = {{"sprint 11.5", SYNTH_MOVE_SPRINT, 11.5},
               {"sprint 10", SYNTH_MOVE_SPRINT, 10},
               {"run 3", SYNTH_MOVE_RUN, 3},
               {"run 5", SYNTH_MOVE_RUN, 5},
               {"run 10", SYNTH_MOVE_RUN, 10},
               {"walk", SYNTH_MOVE_WALK, 1.4},
               {"stand", SYNTH_MOVE_STAND, 0},
               {"jump", SYNTH_MOVE_JUMP, 0},
               {"hurdles", SYNTH_MOVE_HURDLES, 9.5}};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        for (uint64_t seed = 1; seed <= 2; seed++) {
            struct arena *mem = arena_create((size_t)1 << 30);
            struct synth_meeting m =
                one(mem, all[i].move, all[i].speed, all[i].move == SYNTH_MOVE_HURDLES || all[i].move == SYNTH_MOVE_WALK ? 6 : 4, seed);
            struct seen s = look(&m, all[i].name);
            assert_true(s.stretch <= 1.0); /* every leg reaches */
            assert_true(s.bones < 1e-9 && s.com < 1e-9);
            assert_true(s.slide < 2e-5);          /* heel and toes are both down for an instant when a foot rolls */
            assert_true(s.under >= 0.009 * 1.76); /* points lie a hundredth of the height above the sole */
            assert_true(s.corner < 4);            /* the foot that strikes the ground loses its speed there; nothing else jumps */
            assert_true(s.fall < 1e-6 && s.forward < 1e-6);
            assert_true(s.ankle_low > -75 && s.ankle_high < 50 && s.knee_low > 0 && s.knee_high < 150);
            assert_true((s.airborne > 0) == (all[i].move != SYNTH_MOVE_WALK && all[i].move != SYNTH_MOVE_STAND));
            if (all[i].speed >= 10) assert_true(s.shortest >= 0.075 && s.longest <= 0.110);
            if (all[i].move == SYNTH_MOVE_WALK) assert_true(m.athletes[0].contact_count >= 10);
            arena_destroy(&mem);
        }
    }
}

/* A leg that stands still is 1 m/s too slow for a sprinter who does: speed follows the plan, and what a camera with its own clock sees is
 * the same person. */
static void a_late_camera_sees_the_same_person(void **state) {
    struct arena *mem = arena_create((size_t)1 << 30);
    struct synth_scene s = {.seed = 3,
                            .rate = 60,
                            .seconds = 2,
                            .athletes = 1,
                            .lane_m = 1,
                            .speed_min = 11,
                            .speed_max = 11,
                            .moves = {SYNTH_MOVE_RUN},
                            .cameras = 2,
                            .at = {{10, -20, 2}, {10, -20, 2}},
                            .look = {{10, 0, 1}, {10, 0, 1}},
                            .focal_px = 1000,
                            .width = 1920,
                            .height = 1080,
                            .noise_px = 1e-9};
    s.clock[1].offset_s = 0.5 / 60;
    struct synth_meeting m;
    assert_int_equal(synth_make(mem, &s, &m).kind, ERR_NONE);
    size_t compared = 0;
    for (size_t f = 10; f < 60; f++) { /* half a frame later lies between two frames of the other */
        if (!m.takes[0].frames[f].people || !m.takes[0].frames[f + 1].people || !m.takes[1].frames[f].people) continue;
        const struct pose_point *a = pose_person(&m.takes[0], f, 0), *b = pose_person(&m.takes[0], f + 1, 0),
                                *c = pose_person(&m.takes[1], f, 0);
        for (int k = 0; k < POSE_JOINTS; k++) {
            if (a[k].confidence == 0 || b[k].confidence == 0 || c[k].confidence == 0) continue;
            assert_true(hypot(0.5 * ((double)a[k].x + (double)b[k].x) - (double)c[k].x,
                              0.5 * ((double)a[k].y + (double)b[k].y) - (double)c[k].y) < 1.5);
            compared++;
        }
    }
    assert_true(compared > 500);
    arena_destroy(&mem);
}

static void scenes_say_who_moves_how(void **state) {
    struct synth_scene s;
    const char *const text = "{\"athletes\":3,\"cameras\":[{\"at\":[0,-20,2],\"look\":[0,0,1]}],\"move\":%s}";
    char scene[300];
    snprintf(scene, sizeof scene, text, "[\"sprint\",\"walk\"]");
    assert_int_equal(synth_scene_parse(slice_cstr(scene), &s).kind, ERR_NONE);
    assert_int_equal(s.moves[0], SYNTH_MOVE_SPRINT), assert_int_equal(s.moves[1], SYNTH_MOVE_WALK),
        assert_int_equal(s.moves[2], SYNTH_MOVE_SPRINT);
    snprintf(scene, sizeof scene, text, "\"glide\"");
    assert_int_equal(synth_scene_parse(slice_cstr(scene), &s).kind, ERR_NONE);
    assert_int_equal(s.moves[0], SYNTH_MOVE_GLIDE);
    static const char *const wrong[] = {"\"fly\"", "[]", "[1]", "7", "null", "[\"walk\",\"fly\"]"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        snprintf(scene, sizeof scene, text, wrong[i]);
        assert_string_equal(synth_scene_parse(slice_cstr(scene), &s).code, "synth.scene");
    }
}

static void every_allocation_may_fail(void **state) {
    for (uint64_t n = 1;; n++) {
        struct arena *mem = arena_create((size_t)1 << 28);
        struct synth_scene s = {.seed = 1,
                                .rate = 60,
                                .seconds = 0.5,
                                .athletes = 2,
                                .lane_m = 1,
                                .speed_min = 9,
                                .speed_max = 9,
                                .moves = {SYNTH_MOVE_RUN, SYNTH_MOVE_JUMP},
                                .cameras = 1,
                                .at = {{0, -20, 2}},
                                .look = {{0, 0, 1}},
                                .focal_px = 1000,
                                .width = 1920,
                                .height = 1080,
                                .noise_px = 1};
        s.clock[0].offset_s = 0.001;
        struct synth_meeting m;
        fault_arm(FAULT_ALLOC, n, false);
        struct err e = synth_make(mem, &s, &m);
        bool did_fire = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        assert_int_equal(e.kind, did_fire ? ERR_LIMIT : ERR_NONE);
        arena_destroy(&mem);
        if (!did_fire) break;
        assert_true(n < 200);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(everybody_stands_on_the_ground),
                                       cmocka_unit_test(a_late_camera_sees_the_same_person), cmocka_unit_test(scenes_say_who_moves_how),
                                       cmocka_unit_test(every_allocation_may_fail)};
    return cmocka_run_group_tests_name("human/synth", tests, NULL, NULL);
}
