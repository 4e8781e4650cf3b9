/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <fcntl.h>
#include <math.h>
#include <cmocka.h>

#include "base/fault.h"
#include "base/fs.h"
#include "base/rng.h"
#include "human/pose/pose.h"
#include "human/pose/room.h"

static void numbers_are_those_of_strtod(void **state) {
    struct rng r = rng_seeded(1);
    static const char *const odd[] = {"0", "-0", "1e5", "1E-5", "123456789012345678901234567890", "0.000000000000000000001", "1.", ".5", "-12.5e+2", "1e400", "1e-400", "5e-324"};
    for (int i = 0; i < 20000; i++) {
        char text[64];
        if (i < (int)ARRAY_LEN(odd)) snprintf(text, sizeof text, "%s", odd[i]);
        else if (i % 3 == 0) snprintf(text, sizeof text, "%.*f", (int)rng_below(&r, 9), (rng_unit(&r) - 0.5) * 5000);
        else if (i % 3 == 1) snprintf(text, sizeof text, "%.*g", 1 + (int)rng_below(&r, 17), rng_normal(&r) * 1e3);
        else snprintf(text, sizeof text, "%.*e", (int)rng_below(&r, 17), rng_normal(&r));
        const char *at = text;
        double got;
        assert_true(pose_scan_number(&at, text + strlen(text), &got));
        assert_int_equal(*at, 0);
        double wanted = strtod(text, NULL);
        if (isinf(wanted) || fabs(wanted) < 1e-300) continue; /* far outside of pictures: only that it ends */
        assert_true(fabs(got - wanted) <= 1e-14 * fabs(wanted));
        assert_true((float)got == (float)wanted || fabs(got - wanted) <= 1e-15 * fabs(wanted));
    }
    const char *at = "x", *before = at;
    double got = 7;
    assert_false(pose_scan_number(&at, at + 1, &got));
    assert_ptr_equal(at, before);
    assert_true(got == 7);
}

static struct err parse(const char *text, struct pose_point *points, size_t *people, size_t *joints) {
    size_t at;
    char *exact = malloc(strlen(text) + 1);
    memcpy(exact, text, strlen(text));
    struct err e = pose_parse_openpose(slice_of(exact, strlen(text)), points, 10, people, joints, &at);
    free(exact);
    return e;
}

static void openpose_files(void **state) {
    struct pose_point p[10];
    size_t people = 99, joints = 99;
    assert_int_equal(parse("{\"version\":1.3,\"people\":[]}", p, &people, &joints).kind, ERR_NONE);
    assert_int_equal(people, 0);
    assert_int_equal(joints, 0);
    assert_int_equal(parse(" { \"people\" : [ {\"person_id\":[-1],\"x\":{\"a\":[1,{\"b\":\"}\\\"\"}]},\"pose_keypoints_2d\":[1.5,2,0.5, 0,0,0, 3,4,1.25],\"hand\":[]} ,\n"
                           "{\"pose_keypoints_2d\":[null,2,0.5,NaN,1,1,5,6,-1]},{\"face\":[]}], \"later\": true}", p, &people, &joints).kind, ERR_NONE);
    assert_int_equal(people, 2);
    assert_int_equal(joints, 3);
    assert_true(p[0].x == 1.5f && p[0].y == 2 && p[0].confidence == 0.5f);
    assert_true(p[1].confidence == 0);
    assert_true(p[2].confidence == 1); /* more than certain is certain */
    for (int i = 3; i < 6; i++) assert_true(p[i].confidence == 0);
    static const char *const bad[] = {"", "{", "[]", "{}", "{\"people\":[}", "{\"people\":[{\"pose_keypoints_2d\":[1,2}]}", "{\"people\":[]} x", "{\"people\":[{\"a\":}]}",
                                      "{\"people\":[{\"pose_keypoints_2d\":[1 2 3]}]}", "{\"people\":[],\"people\":[]}", "{\"people\":[{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        people = 99;
        struct err e = parse(bad[i], p, &people, &joints);
        assert_int_equal(e.kind, ERR_INPUT);
        assert_string_equal(e.code, "pose.syntax");
        assert_int_equal(people, 99);
    }
    assert_string_equal(parse("{\"people\":[{\"pose_keypoints_2d\":[1,2]}]}", p, &people, &joints).code, "pose.layout");
    assert_string_equal(parse("{\"people\":[{\"pose_keypoints_2d\":[1,2,3]},{\"pose_keypoints_2d\":[1,2,3,4,5,6]}]}", p, &people, &joints).code, "pose.layout");
    assert_int_equal(parse("{\"people\":[{\"pose_keypoints_2d\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}]}", p, &people, &joints).kind, ERR_LIMIT);
}

static void layouts_know_left_from_right(void **state) {
    static const char *const names[] = {"BODY_25", "BODY_25B", "COCO_18", "COCO_17", "HALPE_26"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct pose_layout l;
        assert_true(pose_layout_named(slice_cstr(names[i]), &l));
        size_t pairs = 0;
        uint32_t seen = 0;
        for (size_t k = 0; k < l.joint_count; k++) {
            assert_int_equal(l.mirror[l.mirror[k]], k);
            pairs += (size_t)l.mirror[k] != k;
            assert_false(seen & 1u << l.joint[k]);
            seen |= 1u << l.joint[k];
            assert_int_equal(pose_layout_find(&l, (enum pose_joint)l.joint[k]), k);
        }
        assert_int_equal(pairs, l.joint_count <= 18 ? 16 : 22);
    }
    struct pose_layout l;
    assert_false(pose_layout_named(SLICE("BODY_26"), &l));
    assert_true(pose_layout_named(SLICE("BODY_25B"), &l));
    /* the ids under which the stored recording's 21 markers were made */
    static const int ids[] = {12, 14, 16, 22, 23, 24, 11, 13, 15, 19, 20, 21, 17, 18, 0, 6, 8, 10, 5, 7, 9};
    static const char *const markers[] = {"RHip", "RKnee", "RAnkle", "RBigToe", "RSmallToe", "RHeel", "LHip", "LKnee", "LAnkle", "LBigToe", "LSmallToe",
                                          "LHeel", "Neck", "Head", "Nose", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) assert_string_equal(l.joint_names[ids[i]], markers[i]);
}

static char folder[64];

static void put(const char *name, const char *text) {
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(fs_write_file_atomic(AT_FDCWD, path, slice_cstr(text), 0600).kind, ERR_NONE);
}

static int fresh_folder(void **state) {
    snprintf(folder, sizeof folder, "/tmp/pose_test.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state) {
    struct err e = fs_remove_tree(AT_FDCWD, folder);
    return (int)e.kind;
}

/* One person of 25 points whose hips are where `middle` says. */
static void person_25(struct buf *out, double x, bool is_body_25) {
    for (int k = 0; k < 25; k++) {
        double px = x + 10 * k, py = 300 + 7 * k;
        if (is_body_25 && k == 8) px = x + 105, py = 300 + 7 * 10.5; /* between 9 and 12 */
        buf_printf(out, "%s%.3f,%.3f,0.9", k ? "," : "", px, py);
    }
}

static void folders_of_frames(void **state) {
    struct arena *mem = arena_create(16 << 20);
    struct pose_take t;
    struct pose_note note;
    for (int kind = 0; kind < 2; kind++) {
        struct buf text = BUF(1 << 20);
        for (int i = 0; i < 2; i++) {
            buf_clear(&text);
            buf_cstr(&text, "{\"people\":[{\"pose_keypoints_2d\":[");
            person_25(&text, 100 + i, kind == 1);
            buf_cstr(&text, "]}]}");
            buf_u8(&text, 0);
            put(i ? "cam1_000000000012_keypoints.json" : "cam1_000000000009_keypoints.json", text.ptr);
        }
        put("cam1_000000000010_keypoints.json", "{\"people\":[]}");
        put("notes.txt", "12");
        buf_free(&text);
        struct err e = pose_take_read(mem, folder, NULL, &t, &note);
        if (e.kind) fail_msg("%s: %s", note.file, note.text);
        assert_string_equal(t.layout.name, kind ? "BODY_25" : "BODY_25B");
        assert_int_equal(t.frame_first, 9);
        assert_int_equal(t.frame_count, 4);
        assert_int_equal(t.frames[0].people, 1);
        assert_true(t.frames[1].is_present && t.frames[1].people == 0);
        assert_false(t.frames[2].is_present);
        assert_true(pose_person(&t, 3, 0)[2].x == 121);
    }
    put("cam1_000000000011_keypoints.json", "{\"people\":[{\"pose_keypoints_2d\":[1,2,3]}]}");
    assert_string_equal(pose_take_read(mem, folder, NULL, &t, &note).code, "pose.layout");
    assert_non_null(strstr(note.file, "000011"));
    put("cam1_000000000011_keypoints.json", "{\"people\":[{\"pose_keypoints_2d\":[1,2,");
    assert_string_equal(pose_take_read(mem, folder, NULL, &t, &note).code, "pose.syntax");
    assert_true(note.offset > 30);
    put("cam1_000000000011_keypoints.json", "{\"people\":[]}");
    put("cam1_12.json", "{\"people\":[]}");
    assert_string_equal(pose_take_read(mem, folder, NULL, &t, &note).code, "pose.format");
    assert_non_null(strstr(note.text, "two recordings"));
    arena_destroy(&mem);
}

static void empty_folders_and_missing_ones(void **state) {
    struct arena *mem = arena_create(16 << 20);
    struct pose_take t = {.frame_count = 77};
    struct pose_note note;
    assert_string_equal(pose_take_read(mem, folder, NULL, &t, &note).code, "pose.empty");
    put("a_1.json", "{\"people\":[]}");
    assert_string_equal(pose_take_read(mem, folder, NULL, &t, &note).code, "pose.empty");
    assert_int_equal(t.frame_count, 77);
    assert_int_equal(pose_take_read(mem, folder, &(struct pose_options){.layout = "HALPE_26"}, &t, &note).kind, ERR_NONE);
    assert_int_equal(t.layout.joint_count, 26);
    put("a_99999999.json", "{\"people\":[]}");
    assert_int_equal(pose_take_read(mem, folder, NULL, &t, &note).kind, ERR_LIMIT);
    put("none.json", "{\"people\":[]}");
    assert_string_equal(pose_take_read(mem, folder, NULL, &t, &note).code, "pose.format");
    assert_int_equal(pose_take_read(mem, "/nonexistent/x", NULL, &t, &note).kind, ERR_NOT_FOUND);
    assert_string_equal(note.file, "/nonexistent/x");
    arena_destroy(&mem);
}

static void files_of_others(void **state) {
    struct arena *mem = arena_create(16 << 20);
    struct pose_take t;
    struct pose_note note;
    struct buf text = BUF(1 << 20);
    buf_cstr(&text, "{\"meta_info\":{},\"instance_info\":[{\"frame_id\":5,\"instances\":[]},{\"frame_id\":7,\"instances\":[{\"keypoints\":[");
    for (int k = 0; k < 17; k++) buf_printf(&text, "%s[%d,%d]", k ? "," : "", 10 + k, 20 + k);
    buf_cstr(&text, "],\"keypoint_scores\":[");
    for (int k = 0; k < 17; k++) buf_printf(&text, "%s0.5", k ? "," : "");
    buf_cstr(&text, "]}]}]}");
    struct err e = pose_parse_file(mem, buf_slice(&text), NULL, &t, &note);
    if (e.kind) fail_msg("%s", note.text);
    assert_string_equal(t.layout.name, "COCO_17");
    assert_int_equal(t.frame_first, 5);
    assert_int_equal(t.frame_count, 3);
    assert_true(t.frames[2].people == 1 && pose_person(&t, 2, 0)[16].y == 36);

    buf_clear(&text);
    buf_cstr(&text, "[");
    for (int p = 0; p < 3; p++) {
        buf_printf(&text, "%s{\"image_id\":\"%d.jpg\",\"keypoints\":[", p ? "," : "", p == 2 ? 0 : 4);
        for (int k = 0; k < 26; k++) buf_printf(&text, "%s%d,%d,0.7", k ? "," : "", 100 * p + k + 1, k);
        buf_cstr(&text, "],\"score\":2.5}");
    }
    buf_cstr(&text, "]");
    assert_int_equal(pose_parse_file(mem, buf_slice(&text), NULL, &t, &note).kind, ERR_NONE);
    assert_string_equal(t.layout.name, "HALPE_26");
    assert_int_equal(t.frame_count, 5);
    assert_int_equal(t.frames[0].people, 1);
    assert_int_equal(t.frames[4].people, 2);
    assert_true(pose_person(&t, 4, 1)[0].x == 101);

    static const char dlc[] = "scorer,net,net,net,net,net,net,net,net,net\nbodyparts,right_hip,right_hip,right_hip,LeftHip,LeftHip,LeftHip,bow,bow,bow\ncoords,x,y,likelihood,x,y,likelihood,x,y,likelihood\n"
                              "0,10,20,0.9,30,40,0.8,50,60,0.7\n2,11,,0.9,31,41,0.8,nan,61,0.7\n";
    assert_int_equal(pose_parse_file(mem, slice_cstr(dlc), NULL, &t, &note).kind, ERR_NONE);
    assert_int_equal(t.layout.joint_count, 3);
    assert_int_equal(t.layout.joint[0], POSE_RHIP);
    assert_int_equal(t.layout.joint[1], POSE_LHIP);
    assert_int_equal(t.layout.joint[2], -1);
    assert_int_equal(t.layout.mirror[0], 1);
    assert_int_equal(t.frame_count, 3);
    assert_true(pose_person(&t, 2, 0)[0].confidence == 0 && pose_person(&t, 2, 0)[1].x == 31 && pose_person(&t, 2, 0)[2].confidence == 0);
    static const char multi[] = "scorer,n,n,n,n,n,n\nindividuals,a,a,a,b,b,b\nbodyparts,nose,nose,nose,nose,nose,nose\ncoords,x,y,likelihood,x,y,likelihood\n0,1,2,0.9,3,4,0.9\n1,,,,3,5,0.9\n";
    assert_int_equal(pose_parse_file(mem, slice_cstr(multi), NULL, &t, &note).kind, ERR_NONE);
    assert_int_equal(t.frames[0].people, 2);
    assert_int_equal(t.frames[1].people, 1);
    assert_true(pose_person(&t, 1, 0)[0].y == 5);

    static const char *const bad[] = {"", "hello", "{\"a\":1}", "{\"people\":[]}", "[{\"image_id\":\"x.jpg\",\"keypoints\":[1,2,3]}]", "scorer,a\n", "bodyparts,a,a\ncoords,x,y\n",
                                      "[{\"image_id\":\"1.jpg\",\"keypoints\":[1,2]}]", "{\"instance_info\":[{\"instances\":[{}]}]}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        note = (struct pose_note){0};
        e = pose_parse_file(mem, slice_cstr(bad[i]), NULL, &t, &note);
        assert_int_equal(e.kind, ERR_INPUT);
        assert_true(note.text[0] != 0);
    }
    buf_free(&text);
    arena_destroy(&mem);
}

static void failures_are_reported(void **state) {
    struct buf text = BUF(1 << 20);
    buf_cstr(&text, "{\"people\":[{\"pose_keypoints_2d\":[");
    person_25(&text, 100, true);
    buf_cstr(&text, "]}]}");
    buf_u8(&text, 0);
    put("a_1.json", text.ptr), put("a_2.json", text.ptr);
    buf_free(&text);
    for (int point = 0; point < 2; point++) {
        for (uint64_t n = 1;; n++) {
            fault_arm(point ? FAULT_READ : FAULT_ALLOC, n, false);
            struct arena *mem = arena_create(16 << 20);
            struct pose_take t;
            struct pose_note note;
            struct err e = mem ? pose_take_read(mem, folder, NULL, &t, &note) : err_memory();
            bool fired = fault_fired(point ? FAULT_READ : FAULT_ALLOC);
            fault_disarm_all();
            arena_destroy(&mem);
            if (!fired) {
                assert_int_equal(e.kind, ERR_NONE);
                assert_true(n > 1);
                break;
            }
            assert_true(e.kind == ERR_LIMIT || e.kind == ERR_IO);
        }
    }
}

static void the_real_recording(void **state) {
    const char *root = getenv("GRANDSTAND_SHARED_DATA");
    char path[600];
    static const uint32_t most[] = {3, 2, 1, 1};
    for (int cam = 1; cam <= 4; cam++) {
        snprintf(path, sizeof path, "%s/tracking/single/pose/cam%02d_json", root ? root : "../shared/data", cam);
        if (access(path, R_OK)) {
            print_message("# skipped: %s is not there (set GRANDSTAND_SHARED_DATA)\n", path);
            skip();
        }
        struct arena *mem = arena_create(16 << 20);
        struct pose_take t;
        struct pose_note note;
        assert_int_equal(pose_take_read(mem, path, NULL, &t, &note).kind, ERR_NONE);
        assert_string_equal(t.layout.name, "BODY_25B");
        assert_int_equal(t.frame_first, 0);
        assert_int_equal(t.frame_count, 100);
        uint32_t people = 0;
        for (size_t i = 0; i < 100; i++) people = t.frames[i].people > people ? t.frames[i].people : people;
        assert_int_equal(people, most[cam - 1]);
        assert_int_equal(strlen(t.name), 5);
        arena_destroy(&mem);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_strtod),
        cmocka_unit_test(openpose_files),
        cmocka_unit_test(layouts_know_left_from_right),
        cmocka_unit_test_setup_teardown(folders_of_frames, fresh_folder, drop_folder),
        cmocka_unit_test_setup_teardown(empty_folders_and_missing_ones, fresh_folder, drop_folder),
        cmocka_unit_test(files_of_others),
        cmocka_unit_test_setup_teardown(failures_are_reported, fresh_folder, drop_folder),
        cmocka_unit_test(the_real_recording),
    };
    return cmocka_run_group_tests_name("human/pose", tests, NULL, NULL);
}
