/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/rng.h"
#include "human/synth/synth.h"
#include "human/track/track.h"

/* Three people are seen by four cameras whose calibration is a degree and five centimetres off: afterwards reprojection is what the
 * noise leaves, and the cameras stand where they were relative to each other. */
static void a_wrong_rig_is_put_right(void **state) {
    struct arena *mem = arena_create((size_t)1 << 30);
    struct rng r = rng_seeded(9);
    struct synth_scene scene = {.seed = 4, .rate = 60, .seconds = 1.5, .athletes = 3, .lane_m = 1.5, .speed_min = 4, .speed_max = 6, .on_the_spot = true, .cameras = 4,
                                .focal_px = 1800, .width = 1920, .height = 1080, .radial = {-0.03, 0, 0}, .noise_px = 1.5, .missing = 0.1, .outliers = 0.01, .outlier_px = 60};
    for (int c = 0; c < 4; c++) scene.at[c] = vec3_of(9 * cos(0.3 + c * 1.55), 9 * sin(0.3 + c * 1.55), 2 + 0.5 * c), scene.look[c] = vec3_of(0, 0, 1);
    struct synth_meeting m;
    assert_int_equal(synth_make(mem, &scene, &m).kind, ERR_NONE);
    struct camera wrong[4];
    struct camera_rig rig = {wrong, 4, CAMERA_UP_Z}, refined;
    const struct pose_take *takes[4];
    for (int c = 0; c < 4; c++) {
        takes[c] = &m.takes[c];
        wrong[c] = m.rig.cameras[c];
        struct mat3 turn = rotation_from_vector(vec3_scale(vec3_of(rng_normal(&r), rng_normal(&r), rng_normal(&r)), 0.01));
        wrong[c].fixed.pose.rotation = mat3_multiply(&turn, &wrong[c].fixed.pose.rotation);
        wrong[c].fixed.pose.translation = vec3_add(wrong[c].fixed.pose.translation, vec3_scale(vec3_of(rng_normal(&r), rng_normal(&r), rng_normal(&r)), 0.03));
    }
    struct track_people people;
    struct track_refinement report;
    struct track_recording recording;
    const struct track_refine_options options = {.held = 0.3};
    assert_int_equal(track_retime(mem, &rig, takes, 60, &recording).kind, ERR_NONE);
    assert_true(recording.is_as_given);
    assert_int_equal(track_follow(mem, &rig, takes, &(struct track_options){.rate = 60, .noise_px = 10}, &people).kind, ERR_NONE);
    assert_int_equal(track_refine(mem, &recording, &people, &options, &refined, &report).kind, ERR_NONE);
    print_message("# reprojection on %zu frames kept apart: %.2f px before, %.2f after\n", report.frames_held, report.all_before_px, report.all_after_px);
    assert_true(report.frames_held == 27 && report.frames == 63);
    assert_true(report.all_before_px > 1.8 * report.all_after_px);
    assert_true(report.all_after_px < 2.6); /* noise of 1.5 px an axis is 1.9 px of distance, and 1 % are outliers of 60 px */
    for (int a = 0; a < 4; a++) {
        assert_true(refined.cameras[a].fixed.lens.fx == 1800); /* never the focal length */
        for (int b = 0; b < a; b++) {
            double truth = vec3_distance(camera_centre(&m.rig.cameras[a].fixed.pose), camera_centre(&m.rig.cameras[b].fixed.pose));
            double now = vec3_distance(camera_centre(&refined.cameras[a].fixed.pose), camera_centre(&refined.cameras[b].fixed.pose));
            assert_true(fabs(now / truth - 1) < 0.02);
        }
    }
    /* nothing to go by */
    struct track_people nobody = people;
    nobody.count = 0;
    assert_string_equal(track_refine(mem, &recording, &nobody, &options, &refined, &report).code, "track.refine");
    wrong[0].views = &wrong[0].fixed, wrong[0].view_count = 1;
    assert_string_equal(track_refine(mem, &recording, &people, &options, &refined, &report).code, "track.refine");
    arena_destroy(&mem);
}

static void the_real_rig(void **state) {
    const char *root = getenv("GRANDSTAND_SHARED_DATA");
    char path[600];
    snprintf(path, sizeof path, "%s/tracking/Calib_qualisys.toml", root ? root : "../shared/data");
    if (access(path, R_OK)) {
        print_message("# skipped: %s is not there (set GRANDSTAND_SHARED_DATA)\n", path);
        skip();
    }
    struct arena *mem = arena_create((size_t)1 << 30);
    struct camera_rig rig, refined;
    struct pose_take takes[4];
    const struct pose_take *list[4];
    assert_int_equal(camera_rig_read(mem, path, CAMERA_FORMAT_GUESS, &rig, NULL).kind, ERR_NONE);
    for (int c = 0; c < 4; c++) {
        snprintf(path, sizeof path, "%s/tracking/single/pose/cam%02d_json", root ? root : "../shared/data", c + 1);
        assert_int_equal(pose_take_read(mem, path, NULL, &takes[c], NULL).kind, ERR_NONE);
        list[c] = &takes[c];
    }
    struct track_people people;
    struct track_refinement report;
    struct track_recording recording;
    const struct track_refine_options options = {.held = 0.3, .with_clocks = true};
    assert_int_equal(track_retime(mem, &rig, list, 60, &recording).kind, ERR_NONE);
    assert_int_equal(track_follow(mem, &rig, list, &(struct track_options){.rate = 60}, &people).kind, ERR_NONE);
    assert_int_equal(track_refine(mem, &recording, &people, &options, &refined, &report).kind, ERR_NONE);
    print_message("# real recording, %zu frames kept apart: %.2f px before, %.2f px after\n", report.frames_held, report.all_before_px, report.all_after_px);
    assert_true(report.all_after_px <= 9);
    assert_true(report.all_after_px < report.all_before_px);
    arena_destroy(&mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_wrong_rig_is_put_right), cmocka_unit_test(the_real_rig)};
    return cmocka_run_group_tests_name("human/track/refine", tests, NULL, NULL);
}
