/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Rigs and recordings as people get them wrong: each is called by its name, and nobody is invented. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "human/synth/synth.h"
#include "human/track/track.h"

enum { CAMERAS = 4 };

struct stage {
    struct arena *mem;
    struct synth_meeting m;
    struct camera cameras[CAMERAS];
    struct camera_rig rig;
    const struct pose_take *takes[CAMERAS];
};

static struct stage open_stage(void) {
    struct stage s = {.mem = arena_create((size_t)1 << 28)};
    struct synth_scene scene = {.seed = 5, .rate = 60, .seconds = 0.5, .athletes = 3, .lane_m = 1.5, .speed_min = 4, .speed_max = 6, .on_the_spot = true, .cameras = CAMERAS,
                                .focal_px = 1600, .width = 1920, .height = 1080, .noise_px = 1.5, .missing = 0.1};
    for (int c = 0; c < CAMERAS; c++) scene.at[c] = vec3_of(11 * cos(0.3 + c * 1.4), 11 * sin(0.3 + c * 1.4), 2 + 0.5 * c), scene.look[c] = vec3_of(0, 0, 1);
    assert_int_equal(synth_make(s.mem, &scene, &s.m).kind, ERR_NONE);
    return s;
}

static void as_given(struct stage *s) {
    for (int c = 0; c < CAMERAS; c++) s->cameras[c] = s->m.rig.cameras[c], s->takes[c] = &s->m.takes[c];
    s->rig = (struct camera_rig){s->cameras, CAMERAS, CAMERA_UP_Z};
}

/* Exactly one note, with these words and about this camera; and how many people are found all the same. */
static size_t expect(struct stage *s, const char *words, int camera) {
    struct track_note notes[8];
    struct track_people people;
    size_t count = track_check(&s->rig, s->takes, 60, notes, 8);
    bool is_said = !words && !count;
    for (size_t i = 0; i < count && i < 8; i++) {
        if (words && strstr(notes[i].text, words) && notes[i].camera == camera) is_said = true;
        else print_message("# also: %s\n", notes[i].text);
    }
    if (words && !is_said) print_message("# not said: %s\n", words);
    assert_true(is_said);
    assert_int_equal(track_follow(s->mem, &s->rig, s->takes, &(struct track_options){.rate = 60}, &people).kind, ERR_NONE);
    return people.count;
}

static void what_people_get_wrong(void **state) {
    struct stage s = open_stage();
    as_given(&s);
    assert_int_equal(expect(&s, NULL, -1), 3);
    /* millimetres, centimetres */
    for (int c = 0; c < CAMERAS; c++) s.cameras[c].fixed.pose.translation = vec3_scale(s.cameras[c].fixed.pose.translation, 1000);
    assert_int_equal(expect(&s, "millimetres", -1), 0);
    for (int c = 0; c < CAMERAS; c++) s.cameras[c].fixed.pose.translation = vec3_scale(s.cameras[c].fixed.pose.translation, 0.1);
    assert_int_equal(expect(&s, "centimetres", -1), 0);
    /* two recordings exchanged */
    as_given(&s);
    s.takes[1] = &s.m.takes[2], s.takes[2] = &s.m.takes[1];
    (void)expect(&s, "exchanged", 1);
    /* one camera moved */
    as_given(&s);
    struct mat3 turn = rotation_from_vector(vec3_of(0.2, 0.3, 0));
    s.cameras[3].fixed.pose.rotation = mat3_multiply(&turn, &s.cameras[3].fixed.pose.rotation);
    assert_int_equal(expect(&s, "fits no other camera", 3), 3);
    /* a mirrored picture */
    as_given(&s);
    struct pose_take mirrored = s.m.takes[0];
    mirrored.frames = arena_alloc_array(s.mem, mirrored.frame_count, sizeof *mirrored.frames);
    for (size_t f = 0; f < mirrored.frame_count; f++) {
        const struct pose_frame *from = &s.m.takes[0].frames[f];
        mirrored.frames[f] = *from;
        mirrored.frames[f].points = arena_alloc_array(s.mem, from->people * POSE_JOINTS, sizeof *from->points);
        for (size_t k = 0; k < from->people * POSE_JOINTS; k++) mirrored.frames[f].points[k] = (struct pose_point){1919 - from->points[k].x, 1079 - from->points[k].y, from->points[k].confidence};
    }
    s.takes[0] = &mirrored;
    assert_int_equal(expect(&s, "fits no other camera", 0), 3);
    /* nobody in one camera; nobody at all */
    as_given(&s);
    struct pose_take empty = s.m.takes[2];
    empty.frames = arena_alloc_array(s.mem, empty.frame_count, sizeof *empty.frames);
    for (size_t f = 0; f < empty.frame_count; f++) empty.frames[f].is_present = true;
    s.takes[2] = &empty;
    assert_int_equal(expect(&s, "nobody was found", 2), 3);
    for (int c = 0; c < CAMERAS; c++) s.takes[c] = &empty;
    assert_int_equal(expect(&s, "Fewer than two cameras saw anybody", -1), 0);
    /* half of the pictures lost */
    for (size_t f = 0; f < empty.frame_count; f++) empty.frames[f] = s.m.takes[2].frames[f];
    for (size_t f = 0; f < empty.frame_count; f += 2) empty.frames[f] = (struct pose_frame){.is_present = false};
    as_given(&s);
    s.takes[2] = &empty;
    assert_int_equal(expect(&s, "pictures are missing", 2), 3);
    arena_destroy(&s.mem);
}

/* All cameras in one place, or on the line on which the person stands: depth is unknown, and so is everybody. */
static void rigs_that_see_no_depth(void **state) {
    struct stage s = open_stage();
    struct track_people people;
    as_given(&s);
    for (int c = 1; c < CAMERAS; c++) s.cameras[c] = s.cameras[0], s.takes[c] = s.takes[0];
    assert_int_equal(track_follow(s.mem, &s.rig, s.takes, &(struct track_options){.rate = 60}, &people).kind, ERR_NONE);
    assert_int_equal(people.count, 0);
    struct camera_note notes[8];
    size_t count = camera_rig_check(&s.rig, notes, 8);
    assert_true(count > 0 && strlen(notes[0].text) > 20);
    arena_destroy(&s.mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_people_get_wrong), cmocka_unit_test(rigs_that_see_no_depth)};
    return cmocka_run_group_tests_name("human/track/check", tests, NULL, NULL);
}
