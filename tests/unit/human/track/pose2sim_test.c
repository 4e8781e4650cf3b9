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

#include "human/track/track.h"

static const char *shared(char *out, size_t len, const char *path) {
    const char *root = getenv("GRANDSTAND_SHARED_DATA");
    snprintf(out, len, "%s/%s", root ? root : "../shared/data", path);
    return out;
}

static void the_stored_result_comes_out_again(void **state) {
    char path[600];
    if (access(shared(path, sizeof path, "tracking/Calib_qualisys.toml"), R_OK)) {
        print_message("# skipped: %s is not there (set GRANDSTAND_SHARED_DATA)\n", path);
        skip();
    }
    struct arena *mem = arena_create(64 << 20);
    struct camera_rig rig;
    assert_int_equal(camera_rig_read(mem, path, CAMERA_FORMAT_GUESS, &rig, NULL).kind, ERR_NONE);
    struct pose_take takes[4];
    const struct pose_take *list[4];
    for (int c = 0; c < 4; c++) {
        char name[64];
        snprintf(name, sizeof name, "tracking/single/pose/cam%02d_json", c + 1);
        assert_int_equal(pose_take_read(mem, shared(path, sizeof path, name), NULL, &takes[c], NULL).kind, ERR_NONE);
        list[c] = &takes[c];
    }
    struct motion ours, theirs;
    assert_int_equal(track_pose2sim(mem, &rig, list, 60, NULL, &ours).kind, ERR_NONE);
    assert_int_equal(motion_read(mem, shared(path, sizeof path, "tracking/single/pose-3d/S00_P00_T01_BalancingTrial_0-100.trc"), &theirs, NULL).kind, ERR_NONE);
    struct motion_difference d;
    assert_int_equal(motion_compare(&ours, &theirs, &d, NULL, NULL).kind, ERR_NONE);
    print_message("# compared %zu, only ours %zu, only theirs %zu, median %.5f mm, p95 %.4f mm, max %.2f mm\n", d.compared, d.only_a, d.only_b, d.median_m * 1e3, d.p95_m * 1e3, d.max_m * 1e3);
    assert_int_equal(d.points, 21);
    assert_true(d.compared >= 2000);
    assert_true(d.median_m <= 0.0001);
    assert_true(d.p95_m <= 0.002);
    arena_destroy(&mem);
}

/* Two cameras, one point per joint, exact pixels: the direct transform must give the point back, y-up. */
static void exact_pixels_give_the_point(void **state) {
    struct arena *mem = arena_create(16 << 20);
    struct camera cameras[3] = {0};
    struct camera_rig rig = {cameras, 3, CAMERA_UP_Z};
    struct pose_take takes[3] = {0};
    const struct pose_take *list[3];
    struct pose_frame frames[3];
    struct pose_point points[3][26];
    struct vec3 truth[26];
    for (int j = 0; j < 26; j++) truth[j] = vec3_of(0.01 * j, 0.5 - 0.02 * j, 1 + 0.03 * j);
    for (int c = 0; c < 3; c++) {
        snprintf(cameras[c].name, sizeof cameras[c].name, "c%d", c);
        cameras[c].fixed.lens = (struct camera_lens){.fx = 1500, .fy = 1500, .cx = 960, .cy = 540};
        assert_int_equal(camera_lens_prepare(&cameras[c].fixed.lens).kind, ERR_NONE);
        cameras[c].fixed.pose = camera_pose_look_at(vec3_of(6 * cos(c * 1.5), 6 * sin(c * 1.5), 2), vec3_of(0, 0, 1), vec3_of(0, 0, 1));
        for (int j = 0; j < 26; j++) {
            double u = 0, v = 0;
            assert_true(camera_project(&cameras[c].fixed, truth[j], &u, &v));
            points[c][j] = (struct pose_point){(float)u, (float)v, 0.9f};
        }
        assert_true(pose_layout_named(SLICE("HALPE_26"), &takes[c].layout));
        frames[c] = (struct pose_frame){true, 1, points[c]};
        takes[c].frames = &frames[c], takes[c].frame_count = 1;
        list[c] = &takes[c];
    }
    points[1][POSE_LWRIST].x += 400; /* one camera wrong: it is left out */
    points[0][POSE_RWRIST].confidence = points[1][POSE_RWRIST].confidence = 0.1f; /* one camera alone knows no depth */
    struct motion m;
    assert_int_equal(track_pose2sim(mem, &rig, list, 60, NULL, &m).kind, ERR_NONE);
    assert_int_equal(m.point_count, 22);
    for (int j = 0; j < 26; j++) {
        int p = motion_find(&m, slice_cstr(pose_joint_name((enum pose_joint)j)));
        if (p < 0) continue;
        struct vec3 at = *motion_at(&m, 0, (size_t)p);
        if (j == POSE_RWRIST) assert_false(vec3_is_known(at));
        else assert_true(vec3_distance(at, vec3_of(truth[j].y, truth[j].z, truth[j].x)) < 1e-5);
    }
    takes[2].frame_first = 5;
    assert_string_equal(track_pose2sim(mem, &rig, list, 60, NULL, &m).code, "track.takes");
    rig.count = 1;
    assert_string_equal(track_pose2sim(mem, &rig, list, 60, NULL, &m).code, "track.takes");
    arena_destroy(&mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(exact_pixels_give_the_point), cmocka_unit_test(the_stored_result_comes_out_again)};
    return cmocka_run_group_tests_name("human/track/pose2sim", tests, NULL, NULL);
}
