/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fault.h"
#include "base/rng.h"
#include "human/camera/camera.h"

static double between(struct rng *r, double low, double high) { return low + (high - low) * rng_unit(r); }

static struct camera_lens random_lens(struct rng *r, bool is_fisheye) {
    struct camera_lens l = {.is_fisheye = is_fisheye, .fx = between(r, 600, 3000), .fy = between(r, 600, 3000), .cx = between(r, 300, 1600), .cy = between(r, 300, 900)};
    l.skew = between(r, -3, 3);
    if (is_fisheye) {
        for (int i = 0; i < 4; i++) l.radial[i] = between(r, -0.05, 0.05) / (1 + i);
    } else {
        for (int i = 0; i < 3; i++) l.radial[i] = between(r, -0.4, 0.4) / (1 + i);
        if (rng_below(r, 2)) {
            for (int i = 3; i < 6; i++) l.radial[i] = between(r, -0.2, 0.4) / i;
        }
        l.tangential[0] = between(r, -0.002, 0.002), l.tangential[1] = between(r, -0.002, 0.002);
    }
    struct err e = camera_lens_prepare(&l);
    assert_int_equal(e.kind, ERR_NONE);
    return l;
}

static struct mat3 random_rotation(struct rng *r) {
    return rotation_from_vector(vec3_scale(vec3_unit(vec3_of(rng_normal(r), rng_normal(r), rng_normal(r))), between(r, 0, M_PI)));
}

static void rotations_go_both_ways(void **state) {
    struct rng r = rng_seeded(1);
    for (int i = 0; i < 2000; i++) {
        double angle = i < 500 ? M_PI - pow(10, between(&r, -12, 0)) : i < 1000 ? pow(10, between(&r, -12, 0)) : between(&r, 0, M_PI);
        struct vec3 v = vec3_scale(vec3_unit(vec3_of(rng_normal(&r), rng_normal(&r), rng_normal(&r))), angle);
        struct mat3 m = rotation_from_vector(v), nearest;
        assert_true(fabs(mat3_determinant(&m) - 1) < 1e-13);
        struct vec3 back = rotation_to_vector(&m);
        struct mat3 again = rotation_from_vector(back);
        for (int k = 0; k < 9; k++) assert_true(fabs(m.m[k / 3][k % 3] - again.m[k / 3][k % 3]) < 1e-14);
        assert_true(rotation_nearest(&m, 1e-12, &nearest));
    }
    struct mat3 mirror = {{{-1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}, out;
    assert_false(rotation_nearest(&mirror, 1e-3, &out));
    struct mat3 scaled = {{{2, 0, 0}, {0, 2, 0}, {0, 0, 2}}};
    assert_false(rotation_nearest(&scaled, 1e-3, &out));
}

/* Any ray inside the model comes back from its pixel; any pixel that is accepted is hit again by its ray. */
static void pixels_and_rays_agree(void **state) {
    struct rng r = rng_seeded(2);
    size_t accepted = 0, refused = 0, flat = 0;
    for (int i = 0; i < 400; i++) {
        struct camera_lens l = random_lens(&r, i % 4 == 0);
        for (int k = 0; k < 100; k++) {
            double reach = l.is_fisheye ? fmin(l.radius_max, 2.8) : fmin(l.radius_max, 1.5), angle = between(&r, -M_PI, M_PI);
            double radius = reach * sqrt(rng_unit(&r)), u, v;
            struct vec3 ray = l.is_fisheye ? vec3_of(sin(radius) * cos(angle), sin(radius) * sin(angle), cos(radius)) : vec3_of(radius * cos(angle), radius * sin(angle), 1);
            ray = vec3_unit(ray);
            if (camera_lens_project(&l, ray, &u, &v)) {
                struct vec3 back;
                if (camera_unproject(&l, u, v, &back)) {
                    double miss = vec3_distance(ray, back), u2, v2;
                    /* where the curve is almost flat (towards the fold) the inverse is steep: there the pixel is what must agree */
                    double beside = radius * (1 - 1e-5);
                    struct vec3 inner = l.is_fisheye ? vec3_of(sin(beside) * cos(angle), sin(beside) * sin(angle), cos(beside))
                                                     : vec3_of(beside * cos(angle), beside * sin(angle), 1);
                    assert_true(camera_lens_project(&l, inner, &u2, &v2));
                    bool is_flat = hypot(u2 - u, v2 - v) < 0.05 * l.fx * (radius - beside);
                    if (!is_flat) assert_true(miss < 1e-10);
                    assert_true(camera_lens_project(&l, back, &u2, &v2));
                    assert_true(hypot(u2 - u, v2 - v) < 1e-7);
                    accepted++, flat += is_flat;
                } else {
                    /* rounding at the border, or a tangential part that folds where the radial curve is almost flat */
                    refused++;
                }
            }
        }
    }
    assert_true(accepted > 35000);
    assert_true(refused < accepted / 200);
    assert_true(flat < accepted / 20);
}

/* A barrel so strong that the model turns back: beyond the turn both directions refuse. */
static void a_folded_lens_is_refused(void **state) {
    struct camera_lens l = {.fx = 1000, .fy = 1000, .cx = 960, .cy = 540, .radial = {-0.5}};
    assert_int_equal(camera_lens_prepare(&l).kind, ERR_NONE);
    double turn = sqrt(1 / 1.5), u = 7, v = 7; /* d/dr (r - 0.5 r^3) = 0 */
    assert_true(fabs(l.radius_max - turn) < 1e-9);
    assert_true(camera_lens_project(&l, vec3_of(0.8, 0, 1), &u, &v));
    u = 7;
    assert_false(camera_lens_project(&l, vec3_of(0.85, 0, 1), &u, &v));
    assert_true(u == 7);
    double image = turn * (1 - 0.5 * turn * turn);
    struct vec3 ray;
    assert_true(camera_unproject(&l, 960 + 1000 * image * 0.999, 540, &ray));
    assert_true(ray.x / ray.z < turn);
    assert_false(camera_unproject(&l, 960 + 1000 * image * 1.001, 540, &ray));
    assert_false(camera_unproject(&l, NAN, 0, &ray));
    assert_false(camera_lens_project(&l, vec3_of(0, 0, -1), &u, &v));
    assert_false(camera_lens_project(&l, vec3_of(0.1, 0, 0), &u, &v));
    l.fx = 0;
    assert_int_equal(camera_lens_prepare(&l).kind, ERR_INPUT);
    l.fx = NAN;
    assert_int_equal(camera_lens_prepare(&l).kind, ERR_INPUT);
}

static void a_fisheye_sees_beside_itself(void **state) {
    struct camera_lens l = {.is_fisheye = true, .fx = 300, .fy = 300, .cx = 500, .cy = 500};
    assert_int_equal(camera_lens_prepare(&l).kind, ERR_NONE);
    double u, v;
    assert_true(camera_lens_project(&l, vec3_of(1, 0, -0.1), &u, &v));
    assert_true(fabs(u - (500 + 300 * atan2(1, -0.1))) < 1e-9);
    struct vec3 ray;
    assert_true(camera_unproject(&l, u, v, &ray));
    assert_true(vec3_distance(ray, vec3_unit(vec3_of(1, 0, -0.1))) < 1e-12);
}

static void derivatives_are_those_of_the_projection(void **state) {
    struct rng r = rng_seeded(3);
    for (int i = 0; i < 300; i++) {
        struct camera_lens l = random_lens(&r, i % 2);
        struct vec3 p = {between(&r, -0.3, 0.3), between(&r, -0.3, 0.3), between(&r, 0.8, 3)};
        double u, v, d[2][3], step = 1e-6;
        assert_true(camera_lens_project_derivative(&l, p, &u, &v, d));
        for (int k = 0; k < 3; k++) {
            struct vec3 a = p, b = p;
            (&a.x)[k] -= step, (&b.x)[k] += step;
            double u0 = 0, v0 = 0, u1 = 0, v1 = 0;
            assert_true(camera_lens_project(&l, a, &u0, &v0) && camera_lens_project(&l, b, &u1, &v1));
            assert_true(fabs((u1 - u0) / (2 * step) - d[0][k]) < 1e-3 + 1e-6 * fabs(d[0][k]));
            assert_true(fabs((v1 - v0) / (2 * step) - d[1][k]) < 1e-3 + 1e-6 * fabs(d[1][k]));
        }
    }
}

/* The line of a pixel vanishes on its ray, and beside it tells the distance in pixels to first order. */
static void a_line_measures_pixels(void **state) {
    struct rng r = rng_seeded(4);
    for (int i = 0; i < 500; i++) {
        struct camera_view view = {.lens = random_lens(&r, i % 3 == 0)};
        view.pose = camera_pose_look_at(vec3_of(between(&r, -20, 20), between(&r, -20, 20), between(&r, 1, 9)), vec3_of(0, 0, 1), vec3_of(0, 0, 1));
        struct vec3 centre = camera_centre(&view.pose);
        struct vec3 p = {between(&r, -0.5, 0.5), between(&r, -0.5, 0.5), between(&r, 0.5, 1.5)};
        double u, v, u1 = 0, v1 = 0;
        if (!camera_project(&view, p, &u, &v)) continue;
        struct camera_line line;
        assert_true(camera_line_of(&view, u, v, &line));
        double depth = vec3_dot(line.w, p) - line.w0;
        assert_true(depth > 0 && depth <= vec3_distance(p, centre) + 1e-9);
        assert_true(fabs(vec3_dot(line.a, p) - line.a0) / depth < 1e-6 && fabs(vec3_dot(line.b, p) - line.b0) / depth < 1e-6);
        struct vec3 q = vec3_add(p, vec3_of(between(&r, -1e-3, 1e-3), between(&r, -1e-3, 1e-3), between(&r, -1e-3, 1e-3)));
        assert_true(camera_project(&view, q, &u1, &v1));
        depth = vec3_dot(line.w, q) - line.w0;
        assert_true(fabs((vec3_dot(line.a, q) - line.a0) / depth - (u1 - u)) < 1e-3);
        assert_true(fabs((vec3_dot(line.b, q) - line.b0) / depth - (v1 - v)) < 1e-3);
    }
}

static void a_view_belongs_to_its_frame(void **state) {
    struct camera_view views[3] = {{.lens.fx = 1}, {.lens.fx = 2}, {.lens.fx = 3}};
    struct camera moving = {.views = views, .view_count = 3, .view_first = 10}, still = {0};
    assert_ptr_equal(camera_view_at(&still, 999), &still.fixed);
    assert_null(camera_view_at(&moving, 9));
    assert_ptr_equal(camera_view_at(&moving, 12), &views[2]);
    assert_null(camera_view_at(&moving, 13));
    assert_null(camera_view_at(&moving, INT64_MIN));
}

static struct camera_rig random_rig(struct arena *mem, struct rng *r, size_t count, bool is_plain) {
    struct camera_rig rig = {.count = count, .up = CAMERA_UP_Z, .cameras = arena_alloc_array(mem, count, sizeof(struct camera))};
    for (size_t i = 0; i < count; i++) {
        struct camera *c = &rig.cameras[i];
        snprintf(c->name, sizeof c->name, "cam_%zu", i + 1);
        c->width = 1920, c->height = 1080, c->error_px = NAN;
        c->fixed.lens = random_lens(r, !is_plain && i % 2);
        if (is_plain) {
            memset(c->fixed.lens.radial + 3, 0, 3 * sizeof(double));
            assert_int_equal(camera_lens_prepare(&c->fixed.lens).kind, ERR_NONE);
        }
        c->fixed.pose.rotation = random_rotation(r);
        c->fixed.pose.translation = vec3_of(between(r, -9, 9), between(r, -9, 9), between(r, -9, 9));
    }
    return rig;
}

static void same_view(const struct camera_view *a, const struct camera_view *b, double tolerance) {
    const double *x = &a->lens.fx, *y = &b->lens.fx; /* fx..tangential lie in a row */
    assert_int_equal(a->lens.is_fisheye, b->lens.is_fisheye);
    for (int i = 0; i < 13; i++) assert_true(fabs(x[i] - y[i]) <= tolerance * (1 + fabs(x[i])));
    for (int i = 0; i < 9; i++) assert_true(fabs(a->pose.rotation.m[i / 3][i % 3] - b->pose.rotation.m[i / 3][i % 3]) <= 1e-13 + tolerance);
    assert_true(vec3_distance(a->pose.translation, b->pose.translation) <= 1e-13 + tolerance);
}

static void every_format_gives_back_what_it_was_given(void **state) {
    struct rng r = rng_seeded(5);
    for (enum camera_format f = CAMERA_FORMAT_TOML; f < CAMERA_FORMATS; f++) {
        struct arena *mem = arena_create(8 << 20);
        struct camera_rig rig = random_rig(mem, &r, 12, f == CAMERA_FORMAT_QUALISYS), again;
        struct buf text = BUF(1 << 20);
        struct camera_note note;
        assert_int_equal(camera_rig_write(&text, &rig, f, &note).kind, ERR_NONE);
        struct err e = camera_rig_parse(mem, buf_slice(&text), CAMERA_FORMAT_GUESS, &again, &note);
        if (e.kind) fail_msg("%s: line %d: %s\n%.*s", camera_format_name(f), note.line, note.text, SLICE_ARG(buf_slice(&text)));
        assert_int_equal(again.count, rig.count);
        for (size_t i = 0; i < rig.count; i++) {
            assert_string_equal(again.cameras[i].name, rig.cameras[i].name); /* cam_10 behind cam_9, in Qualisys too */
            assert_true(again.cameras[i].width == 1920 && again.cameras[i].height == 1080);
            same_view(&again.cameras[i].fixed, &rig.cameras[i].fixed, f == CAMERA_FORMAT_QUALISYS ? 1e-12 : 0);
        }
        buf_free(&text);
        arena_destroy(&mem);
    }
}

static void json_holds_moving_cameras_and_others_refuse_them(void **state) {
    struct rng r = rng_seeded(6);
    struct arena *mem = arena_create(8 << 20);
    struct camera_rig rig = random_rig(mem, &r, 2, true), again;
    struct camera_view views[4];
    for (int i = 0; i < 4; i++) {
        views[i] = rig.cameras[0].fixed;
        views[i].lens.fx += i;
        views[i].pose.rotation = random_rotation(&r);
    }
    rig.cameras[0].views = views, rig.cameras[0].view_count = 4, rig.cameras[0].view_first = 100;
    rig.cameras[1].clock = (struct camera_clock){.offset_s = 0.0125, .drift = 1e-5, .row_s = 1e-5, .rate = 59.94};
    struct buf text = BUF(1 << 20);
    struct camera_note note;
    assert_int_equal(camera_rig_write(&text, &rig, CAMERA_FORMAT_JSON, &note).kind, ERR_NONE);
    assert_int_equal(camera_rig_parse(mem, buf_slice(&text), CAMERA_FORMAT_GUESS, &again, &note).kind, ERR_NONE);
    assert_int_equal(again.cameras[0].view_count, 4);
    same_view(camera_view_at(&again.cameras[0], 102), &views[2], 0);
    assert_null(camera_view_at(&again.cameras[0], 104));
    assert_true(again.cameras[1].clock.offset_s == 0.0125 && again.cameras[1].clock.row_s == 1e-5 && again.cameras[1].clock.rate == 59.94 && again.cameras[0].clock.rate == 0);
    assert_int_equal(camera_rig_write(&text, &rig, CAMERA_FORMAT_TOML, &note).kind, ERR_INPUT);
    assert_non_null(strstr(note.text, "cam_1"));
    buf_free(&text);
    arena_destroy(&mem);
}

/* What other programs write, in their own words. */
static void the_formats_of_others(void **state) {
    static const struct {
        const char *text;
        size_t count;
        const char *first;
        double fx, k3;
    } files[] = {
        {"# Anipose\n[cam_0]\nname = \"A\"\nsize = [ 1920, 1080,]\nmatrix = [ [ 1600.5, 0.0, 960.0,], [ 0.0, 1600.5, 540.0,], [ 0.0, 0.0, 1.0,],]\n"
         "distortions = [ 0.1, 0.0, 0.0, 0.0, 0.25,]\nrotation = [ 0.1, 0.2, 0.3,]\ntranslation = [ 1, 2, 3,]\n\n[metadata]\nadjusted = false\nerror = 0.4\n", 1, "A", 1600.5, 0.25},
        {"[cameras.3]\ncam_id = 3\nsize = [1280, 720]\nrotation_count = 0\nerror = 0.5\nmatrix = [\n  [900.0, 0.0, 640.0], # fx\n  [0.0, 900.0, 360.0],\n  [0.0, 0.0, 1.0]\n]\n"
         "distortions = [0.0, 0.0, 0.0, 0.0, 0.0]\ntranslation = [0.0, 0.0, 0.0]\nrotation = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]\n", 1, "3", 900, 0},
        {"%YAML:1.0\n---\ncamera_matrix: !!opencv-matrix\n   rows: 3\n   cols: 3\n   dt: d\n   data: [ 1200., 0., 960., 0., 1200., 540., 0., 0., 1. ]\n"
         "distortion_coefficients: !!opencv-matrix\n   rows: 1\n   cols: 5\n   dt: d\n   data: [ -0.1, 0.01, 0., 0., 0.5 ]\nrvec: [0.0, 0.0, 0.0]\ntvec: [0.0, 0.0, 5.0]\n", 1, "camera", 1200, 0.5},
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct arena *mem = arena_create(4 << 20);
        struct camera_rig rig;
        struct camera_note note;
        struct err e = camera_rig_parse(mem, slice_cstr(files[i].text), CAMERA_FORMAT_GUESS, &rig, &note);
        if (e.kind) fail_msg("%zu: line %d: %s", i, note.line, note.text);
        assert_int_equal(rig.count, files[i].count);
        assert_string_equal(rig.cameras[0].name, files[i].first);
        assert_true(rig.cameras[0].fixed.lens.fx == files[i].fx && rig.cameras[0].fixed.lens.radial[2] == files[i].k3);
        arena_destroy(&mem);
    }
}

#define CAMERA(name, matrix, rotation, rest) \
    "[" name "]\nmatrix = " matrix "\nrotation = " rotation "\ntranslation = [0, 0, 0]\n" rest
#define K "[[1000, 0, 500], [0, 1000, 500], [0, 0, 1]]"

/* Each refusal has its code, and a note that names the camera or the line. */
static void bad_files_say_what_is_wrong(void **state) {
    static const struct {
        const char *text, *code, *says;
        int line;
    } files[] = {
        {"", "camera.format", "no calibration", 0},
        {"hello\n", "camera.format", "no calibration", 0},
        {"[a\nb = 1\n", "camera.syntax", "]", 1},
        {"[a]\nb = \n", "camera.syntax", "missing", 2},
        {"[a]\nb = 1\nb = 2\n", "camera.syntax", "before", 3},
        {"[a]\nb = [1, 2\n", "camera.syntax", "comma", 3},
        {"[a]\nb = \"x\n", "camera.syntax", "does not end", 2},
        {"[a]\nb = 1\n", "camera.field", "No camera", 0},
        {CAMERA("a", "[[1000, 0], [0, 1000]]", "[0, 0, 0]", ""), "camera.field", "\"matrix\"", 2},
        {CAMERA("a", "[[1000, 0, 0], [0, 1000, 0], [500, 500, 1]]", "[0, 0, 0]", ""), "camera.field", "transposed", 2},
        {CAMERA("a", K, "[[-1, 0, 0], [0, 1, 0], [0, 0, 1]]", ""), "camera.pose", "mirror", 3},
        {CAMERA("a", K, "[[0, 0, 0], [0, 0, 0], [0, 0, 0]]", ""), "camera.pose", "no rotation", 3},
        {CAMERA("a", K, "[[1, 0, 0], [0, 1, 0], [0, 0.1, 1]]", ""), "camera.pose", "no rotation", 3},
        {CAMERA("a", K, "[nan, 0, 0]", ""), "camera.pose", "finite", 3},
        {CAMERA("a", "[[0, 0, 500], [0, 1000, 500], [0, 0, 1]]", "[0, 0, 0]", ""), "camera.lens", "focal", 1},
        {CAMERA("a", K, "[0, 0, 0]", "name = \"x\"\n") CAMERA("b", K, "[0, 0, 0]", "name = \"x\"\n"), "camera.field", "both called x", 0},
        {"<calibration><cameras>", "camera.syntax", "XML", 1},
        {"<calibration><cameras><camera serial=\"q\"/></cameras></calibration>", "camera.field", "Camera q", 1},
        {"%YAML:1.0\n---\nnames: [ \"1\" ]\nK_1: [ 1, 2 ]\n", "camera.field", "Camera 1", 4},
        {"%YAML:1.0\n---\na: [ 1, 2\n", "camera.syntax", "YAML", 4},
        {"{\"cameras\": [{\"name\": \"a\"}]}", "camera.field", "lens", 0},
        {"{\"cameras\": 3}", "camera.field", "cameras", 0},
        {"{\"cameras\": [", "camera.syntax", "JSON", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct arena *mem = arena_create(4 << 20);
        struct camera_rig rig = {.count = 77};
        struct camera_note note;
        struct err e = camera_rig_parse(mem, slice_cstr(files[i].text), CAMERA_FORMAT_GUESS, &rig, &note);
        if (!e.kind || strcmp(e.code, files[i].code) || !strstr(note.text, files[i].says) || (files[i].line && note.line != files[i].line)) {
            fail_msg("file %zu: %s, line %d: %s", i, e.code ? e.code : "accepted", note.line, note.text);
        }
        assert_int_equal(rig.count, 77);
        arena_destroy(&mem);
    }
}

static void a_suspicious_rig_is_told(void **state) {
    struct camera_note notes[32];
    struct camera cameras[3] = {0};
    for (int i = 0; i < 3; i++) {
        snprintf(cameras[i].name, sizeof cameras[i].name, "c%d", i);
        cameras[i].width = 1920, cameras[i].height = 1080;
        cameras[i].fixed.lens = (struct camera_lens){.fx = 1500, .fy = 1500, .cx = 960, .cy = 540, .radius_max = INFINITY};
        cameras[i].fixed.pose = camera_pose_look_at(vec3_of(10 * cos(i * 2.0), 10 * sin(i * 2.0), 2), vec3_of(0, 0, 1), vec3_of(0, 0, 1));
    }
    struct camera_rig rig = {cameras, 3, CAMERA_UP_Z};
    assert_int_equal(camera_rig_check(&rig, notes, 32), 0);
    struct camera_pose before = cameras[1].fixed.pose;
    cameras[1].fixed.pose = cameras[0].fixed.pose;
    assert_true(camera_rig_check(&rig, notes, 32) >= 1);
    assert_non_null(strstr(notes[0].text, "same place"));
    cameras[1].fixed.pose = before;
    for (int i = 0; i < 3; i++) cameras[i].fixed.pose = camera_pose_look_at(vec3_of(i * 5, 0, 2), vec3_of(5, 20, 1), vec3_of(0, 0, 1));
    assert_int_equal(camera_rig_check(&rig, notes, 32), 1);
    assert_non_null(strstr(notes[0].text, "one line"));
    for (int i = 0; i < 3; i++) cameras[i].fixed.pose.translation = vec3_scale(before.translation, 300.0 * (i + 1));
    cameras[1].fixed.lens.cx = 5000;
    assert_true(camera_rig_check(&rig, notes, 32) >= 2);
}

static void failures_of_memory_are_reported(void **state) {
    static const char text[] = CAMERA("a", K, "[0, 0, 0]", "name = \"x\"\n") CAMERA("b", K, "[0, 0, 0]", "");
    for (uint64_t n = 1;; n++) {
        fault_arm(FAULT_ALLOC, n, false);
        struct arena *mem = arena_create(1 << 20);
        struct camera_rig rig;
        struct camera_note note;
        struct err e = mem ? camera_rig_parse(mem, slice_cstr(text), CAMERA_FORMAT_TOML, &rig, &note) : err_memory();
        bool fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        arena_destroy(&mem);
        if (!fired) {
            assert_int_equal(e.kind, ERR_NONE);
            assert_true(n > 1);
            break;
        }
        assert_int_equal(e.kind, ERR_LIMIT);
    }
}

static void the_real_qualisys_file_becomes_the_real_toml(void **state) {
    const char *root = getenv("GRANDSTAND_SHARED_DATA");
    char qca[600], toml[600];
    snprintf(qca, sizeof qca, "%s/tracking/Calib.qca.txt", root ? root : "../shared/data");
    snprintf(toml, sizeof toml, "%s/tracking/Calib_qualisys.toml", root ? root : "../shared/data");
    if (access(qca, R_OK)) {
        print_message("# skipped: %s is not there (set GRANDSTAND_SHARED_DATA)\n", qca);
        skip();
    }
    struct arena *mem = arena_create(8 << 20);
    struct camera_rig a, b;
    struct camera_note note;
    assert_int_equal(camera_rig_read(mem, qca, CAMERA_FORMAT_GUESS, &a, &note).kind, ERR_NONE);
    assert_int_equal(camera_rig_read(mem, toml, CAMERA_FORMAT_GUESS, &b, &note).kind, ERR_NONE);
    assert_int_equal(a.count, 4);
    assert_int_equal(b.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(a.cameras[i].name, b.cameras[i].name);
        assert_true(a.cameras[i].width == b.cameras[i].width && a.cameras[i].height == b.cameras[i].height);
        same_view(&a.cameras[i].fixed, &b.cameras[i].fixed, 2e-8); /* the stored file holds 8 decimals */
    }
    arena_destroy(&mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rotations_go_both_ways),
        cmocka_unit_test(pixels_and_rays_agree),
        cmocka_unit_test(a_folded_lens_is_refused),
        cmocka_unit_test(a_fisheye_sees_beside_itself),
        cmocka_unit_test(derivatives_are_those_of_the_projection),
        cmocka_unit_test(a_line_measures_pixels),
        cmocka_unit_test(a_view_belongs_to_its_frame),
        cmocka_unit_test(every_format_gives_back_what_it_was_given),
        cmocka_unit_test(json_holds_moving_cameras_and_others_refuse_them),
        cmocka_unit_test(the_formats_of_others),
        cmocka_unit_test(bad_files_say_what_is_wrong),
        cmocka_unit_test(a_suspicious_rig_is_told),
        cmocka_unit_test(failures_of_memory_are_reported),
        cmocka_unit_test(the_real_qualisys_file_becomes_the_real_toml),
    };
    return cmocka_run_group_tests_name("human/camera", tests, NULL, NULL);
}
