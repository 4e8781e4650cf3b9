/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Pictures of boards are painted here: with distortion, blur and noise, by rays from each part of a pixel. */
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
#include "base/rng.h"
#include "human/calibration/calibration.h"

enum { W = 640, H = 480, FINE = 2 };

/* Rays of the sub-pixels of one lens, made once. */
struct rays {
    struct vec3 at[H * FINE][W * FINE];
};

static struct rays *rays_of(const struct camera_lens *l) {
    struct rays *r = malloc(sizeof *r);
    struct rng jitter = rng_seeded(1); /* within each part, or edges along the grid would jump by whole parts */
    for (int y = 0; y < H * FINE; y++) {
        for (int x = 0; x < W * FINE; x++) {
            double u = (x + rng_unit(&jitter)) / FINE - 0.5, v = (y + rng_unit(&jitter)) / FINE - 0.5;
            if (!camera_unproject(l, u, v, &r->at[y][x])) r->at[y][x] = vec3_of(0, 0, -1);
        }
    }
    return r;
}

/* What a camera sees of a board (board to camera). */
static void paint(const struct rays *rays, const struct calibration_board *b, const struct camera_pose *pose, double blur_px, double noise, double light, struct rng *r, uint8_t *gray) {
    static float fine[H][W], soft[H][W];
    struct vec3 normal = mat3_column(&pose->rotation, 2), origin = pose->translation;
    double offset = vec3_dot(normal, origin);
    for (int y = 0; y < H; y++) {
        for (int x = 0; x < W; x++) {
            double sum = 0;
            for (int k = 0; k < FINE * FINE; k++) {
                struct vec3 ray = rays->at[y * FINE + k / FINE][x * FINE + k % FINE];
                double t = offset / vec3_dot(normal, ray), value = 90;
                if (t > 0) {
                    struct vec3 on = mat3_apply_transposed(&pose->rotation, vec3_sub(vec3_scale(ray, t), origin));
                    double edge = 0.5 * b->square_m; /* white paper around it, then a gray room */
                    if (on.x > -edge && on.y > -edge && on.x < b->columns * b->square_m + edge && on.y < b->rows * b->square_m + edge) {
                        value = calibration_board_is_white(b, on.x, on.y) ? 215 : 35;
                    }
                }
                sum += value / (FINE * FINE);
            }
            fine[y][x] = (float)(sum * (1 - light * x / W));
        }
    }
    int half = (int)ceil(2.5 * blur_px);
    for (int pass = 0; pass < 2; pass++) {
        for (int y = 0; y < H; y++) {
            for (int x = 0; x < W; x++) {
                double sum = 0, weights = 0;
                for (int i = -half; i <= half; i++) {
                    int xx = pass ? x : x + i, yy = pass ? y + i : y;
                    if (xx < 0 || yy < 0 || xx >= W || yy >= H) continue;
                    double w = exp(-0.5 * i * i / (blur_px * blur_px));
                    sum += w * (pass ? soft[yy][xx] : fine[yy][xx]), weights += w;
                }
                if (!pass) soft[y][x] = (float)(sum / weights);
                else gray[y * W + x] = (uint8_t)fmin(fmax(sum / weights + noise * rng_normal(r) + 0.5, 0), 255);
            }
        }
    }
}

static struct camera_pose board_pose(const struct calibration_board *b, double x, double y, double z, double a, double tilt, double turn) {
    struct mat3 ra = rotation_from_vector(vec3_of(tilt * cos(a), tilt * sin(a), 0)), rb = rotation_from_vector(vec3_of(0, 0, turn));
    struct camera_pose p = {.rotation = mat3_multiply(&ra, &rb)};
    struct vec3 middle = vec3_of(0.5 * b->columns * b->square_m, 0.5 * b->rows * b->square_m, 0);
    p.translation = vec3_sub(vec3_of(x, y, z), mat3_apply(&p.rotation, middle));
    return p;
}

/* Root mean square distance between the corners found and where they are; asserts that the labels are right. */
static double corner_error(const struct calibration_sight *s, const struct calibration_board *b, const struct camera_lens *l, const struct camera_pose *pose) {
    double sum = 0;
    for (size_t i = 0; i < s->count; i++) {
        double u = 0, v = 0;
        struct vec3 at = vec3_add(mat3_apply(&pose->rotation, calibration_corner_at(b, s->corners[i].id)), pose->translation);
        assert_true(camera_lens_project(l, at, &u, &v));
        double d = hypot(u - s->corners[i].u, v - s->corners[i].v);
        if (d > 1) print_message("# corner %d: %.2f px off\n", s->corners[i].id, d);
        assert_true(d < 1);
        sum += d * d;
    }
    return sqrt(sum / (double)s->count);
}

static const struct calibration_board plain = {.columns = 9, .rows = 6, .square_m = 0.03}, charuco = {.columns = 7, .rows = 5, .square_m = 0.04, .marker_m = 0.03};

static void corners_are_found(void **state) {
    struct arena *mem = arena_create((size_t)1 << 28);
    struct rng r = rng_seeded(3);
    struct camera_lens lens = {.fx = 620, .fy = 615, .cx = 325, .cy = 236, .radial = {-0.28, 0.09}, .tangential = {0.0006, -0.0004}};
    assert_int_equal(camera_lens_prepare(&lens).kind, ERR_NONE);
    struct rays *rays = rays_of(&lens);
    static uint8_t gray[W * H];
    const struct calibration_picture picture = {W, H, W, gray};
    double worst[2] = {0};
    size_t seen[2] = {0};
    for (int turn = 0; turn < 5; turn++) {
        for (int kind = 0; kind < 2; kind++) {
            const struct calibration_board *b = kind ? &charuco : &plain;
            double blur = turn < 4 ? 0.8 : 1.6, noise = turn < 3 ? 2 : 6;
            struct camera_pose pose = board_pose(b, 0.02 * (turn - 3), 0.01 * (turn - 4), 0.42, 0.9 * turn, 0.45 * (turn % 3) / 2, 0.3 * (turn - 4));
            struct calibration_sight s;
            paint(rays, b, &pose, blur, noise, 0.4, &r, gray);
            struct err e = calibration_find_board(mem, &picture, b, &s);
            if (e.kind) print_message("# board %d, picture %d: %s\n", kind, turn, e.what);
            assert_int_equal(e.kind, ERR_NONE);
            double error = corner_error(&s, b, &lens, &pose);
            print_message("# board %d picture %d: %zu corners, %.3f px\n", kind, turn, s.count, error);
            worst[kind] = fmax(worst[kind], error);
            seen[kind] += s.count;
            if (!kind) assert_int_equal(s.count, calibration_corner_count(b));
            else assert_true(s.count >= 20);
        }
    }
    print_message("# corners: %zu and %zu found; worst picture %.3f px (checkerboard), %.3f px (ChArUco) root mean square\n", seen[0], seen[1], worst[0], worst[1]);
    assert_true(worst[0] < 0.15 && worst[1] < 0.3);
    /* half of a ChArUco board is still numbered rightly; half of a checkerboard is not seen */
    struct calibration_sight s;
    struct camera_pose pose = board_pose(&charuco, 0.17, 0.02, 0.4, 1, 0.3, 0.2);
    paint(rays, &charuco, &pose, 0.8, 2, 0, &r, gray);
    assert_int_equal(calibration_find_board(mem, &picture, &charuco, &s).kind, ERR_NONE);
    print_message("# %zu corners of the half of a board\n", s.count);
    assert_true(s.count >= 6 && s.count < 20 && corner_error(&s, &charuco, &lens, &pose) < 0.2);
    pose = board_pose(&plain, 0.2, 0, 0.4, 1, 0.2, 0);
    paint(rays, &plain, &pose, 0.8, 2, 0, &r, gray);
    assert_string_equal(calibration_find_board(mem, &picture, &plain, &s).code, "calibration.not_seen");
    /* noise, and nothing at all */
    for (int i = 0; i < W * H; i++) gray[i] = (uint8_t)rng_below(&r, 256);
    assert_string_equal(calibration_find_board(mem, &picture, &charuco, &s).code, "calibration.not_seen");
    memset(gray, 128, sizeof gray);
    assert_string_equal(calibration_find_board(mem, &picture, &plain, &s).code, "calibration.not_seen");
    free(rays);
    arena_destroy(&mem);
}

static void a_lens_from_pictures(void **state) {
    enum { PICTURES = 8 };
    struct arena *mem = arena_create((size_t)1 << 28);
    struct rng r = rng_seeded(5);
    struct camera_lens lens = {.fx = 560, .fy = 566, .cx = 311, .cy = 245, .radial = {-0.22, 0.05}, .tangential = {0.0008, -0.0005}};
    assert_int_equal(camera_lens_prepare(&lens).kind, ERR_NONE);
    struct rays *rays = rays_of(&lens);
    static uint8_t gray[W * H];
    const struct calibration_picture picture = {W, H, W, gray};
    struct calibration_sight sights[PICTURES] = {0};
    for (int i = 0; i < PICTURES; i++) {
        struct camera_pose pose = board_pose(&charuco, 0.1 * ((i % 3) - 1), 0.07 * ((i / 3) % 3 - 1), 0.3 + 0.02 * i, 2.1 * i, 0.5, 0.4 * i);
        paint(rays, &charuco, &pose, 0.7, 2, 0.2, &r, gray);
        struct err e = calibration_find_board(mem, &picture, &charuco, &sights[i]);
        assert_true(e.kind == ERR_NONE || e.kind == ERR_NOT_FOUND);
    }
    sights[3].corners[0].u += 4; /* one that was found wrongly */
    const struct calibration_camera_options options = {.width = W, .height = H};
    struct calibration_cameras out;
    size_t culprit;
    assert_int_equal(calibration_cameras(mem, &charuco, &options, 1, sights, PICTURES, &out, &culprit).kind, ERR_NONE);
    const struct calibration_camera *c = &out.cameras[0];
    print_message("# f %.2f (+- %.2f) %.2f, axis %.2f %.2f (+- %.2f), k %.4f %.4f; %.3f px over %zu corners, %zu left out, %.0f %% of the picture covered\n", c->lens.fx, c->deviation[0], c->lens.fy, c->lens.cx,
                  c->lens.cy, c->deviation[2], c->lens.radial[0], c->lens.radial[1], c->rms_px, c->corners, c->left_out, 100 * c->covered);
    assert_true(fabs(c->lens.fx / lens.fx - 1) < 0.003 && fabs(c->lens.fy / lens.fy - 1) < 0.003);
    assert_true(fabs(c->lens.cx - lens.cx) < 2 && fabs(c->lens.cy - lens.cy) < 2 && fabs(c->lens.radial[0] - lens.radial[0]) < 0.02);
    assert_true(c->rms_px < 0.2 && c->left_out >= 1 && c->covered > 0.5 && c->covered < 1);
    /* how far the two lenses are apart over the picture */
    double worst = 0;
    for (int y = 40; y < H; y += 40) {
        for (int x = 40; x < W; x += 40) {
            struct vec3 a, b;
            if (camera_unproject(&lens, x, y, &a) && camera_unproject(&c->lens, x, y, &b)) worst = fmax(worst, acos(fmin(1, vec3_dot(a, b))));
        }
    }
    print_message("# rays are at most %.3f degrees off\n", worst * 180 / M_PI);
    assert_true(worst < 0.004);
    /* too few, and never tilted */
    assert_string_equal(calibration_cameras(mem, &charuco, &options, 1, sights, 2, &out, &culprit).code, "calibration.few");
    free(rays);
    arena_destroy(&mem);
}

/* Corners computed, with noise, instead of pictures painted. */
static struct calibration_sight compute(struct arena *mem, const struct calibration_board *b, const struct camera_lens *l, const struct camera_pose *pose, double noise, double w, double h, struct rng *r) {
    struct calibration_sight s = {.corners = arena_alloc_array(mem, (size_t)calibration_corner_count(b), sizeof *s.corners)};
    for (int id = 0; id < calibration_corner_count(b); id++) {
        double u, v;
        if (!camera_lens_project(l, vec3_add(mat3_apply(&pose->rotation, calibration_corner_at(b, id)), pose->translation), &u, &v) || u < 0 || v < 0 || u > w - 1 || v > h - 1) continue;
        s.corners[s.count++] = (struct calibration_corner){id, u + noise * rng_normal(r), v + noise * rng_normal(r)};
    }
    return s;
}

static void lenses_of_all_kinds(void **state) {
    enum { PICTURES = 15 };
    static const struct calibration_board board = {.columns = 11, .rows = 8, .square_m = 0.05};
    struct arena *mem = arena_create((size_t)1 << 28);
    struct rng r = rng_seeded(6);
    static const struct {
        struct camera_lens lens;
        struct calibration_camera_options options;
    } kinds[] = {{{.fx = 1400, .fy = 1400, .cx = 965, .cy = 532, .radial = {-0.3, 0.12, -0.02}}, {.radial_count = 3}},
                 {{.fx = 900, .fy = 905, .cx = 950, .cy = 550, .radial = {0.3, -0.1, 0.01, 0.6, -0.12, 0.02}, .tangential = {0.0005, 0.0003}}, {.model = CALIBRATION_RATIONAL}},
                 {{.is_fisheye = true, .fx = 520, .fy = 521, .cx = 955, .cy = 545, .radial = {0.03, -0.008, 0.001, -0.0002}}, {.model = CALIBRATION_FISHEYE}}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct camera_lens lens = kinds[k].lens;
        struct calibration_camera_options options = kinds[k].options;
        struct calibration_sight sights[PICTURES];
        struct calibration_cameras out;
        options.width = 1920, options.height = 1080;
        assert_int_equal(camera_lens_prepare(&lens).kind, ERR_NONE);
        for (int i = 0; i < PICTURES; i++) {
            double far = lens.is_fisheye ? 0.35 : 0.55 * lens.fx / 1000, x = far * 0.55 * ((i % 5) - 2) / 2 * (lens.is_fisheye ? 2 : 1) * 900 / lens.fx, y = far * 0.35 * ((i / 5) - 1) * 900 / lens.fx;
            struct camera_pose pose = board_pose(&board, x, y, far * (1 + 0.05 * (i % 4)), 1.7 * i, 0.5, 0.5 * i);
            sights[i] = compute(mem, &board, &lens, &pose, 0.1, 1920, 1080, &r);
        }
        struct err e = calibration_cameras(mem, &board, &options, 1, sights, PICTURES, &out, NULL);
        if (e.kind) print_message("# %s\n", e.what);
        assert_int_equal(e.kind, ERR_NONE);
        double worst = 0;
        for (int y = 60; y < 1080; y += 60) {
            for (int x = 60; x < 1920; x += 60) {
                struct vec3 a, b;
                if (out.cameras[0].coverage[y * 6 / 1080][x * 8 / 1920] < 5) continue; /* nothing was ever seen there */
                if (camera_unproject(&lens, x, y, &a) && camera_unproject(&out.cameras[0].lens, x, y, &b)) worst = fmax(worst, lens.fx * acos(fmin(1, vec3_dot(a, b))));
            }
        }
        print_message("# lens %zu: f %.2f of %.0f (+- %.2f), %.3f px, covered %.0f %%, rays at most %.2f px off\n", k, out.cameras[0].lens.fx, lens.fx, out.cameras[0].deviation[0], out.rms_px, 100 * out.cameras[0].covered, worst);
        assert_true(fabs(out.cameras[0].lens.fx / lens.fx - 1) < 0.004 && out.rms_px < 0.16 && out.rms_px > 0.12);
        assert_true(worst < 1.5);
    }
    /* A board that always faces the camera says nothing about the focal length. */
    struct camera_lens lens = kinds[0].lens;
    const struct calibration_camera_options options = {.width = 1920, .height = 1080};
    struct calibration_sight flat[6];
    struct calibration_cameras out;
    assert_int_equal(camera_lens_prepare(&lens).kind, ERR_NONE);
    for (int i = 0; i < 6; i++) {
        struct camera_pose pose = board_pose(&board, 0.05 * i - 0.1, 0, 0.8, 0, 0, 0);
        flat[i] = compute(mem, &board, &lens, &pose, 0.1, 1920, 1080, &r);
    }
    struct err e = calibration_cameras(mem, &board, &options, 1, flat, 6, &out, NULL);
    print_message("# flat: %s\n", e.kind ? e.code : "accepted");
    assert_true(e.kind == ERR_INPUT);
    arena_destroy(&mem);
}

static void cameras_beside_each_other(void **state) {
    enum { CAMERAS = 4, INSTANTS = 22 };
    static const struct calibration_board board = {.columns = 8, .rows = 5, .square_m = 0.1, .marker_m = 0.075};
    struct arena *mem = arena_create((size_t)1 << 28);
    struct rng r = rng_seeded(8);
    struct calibration_camera_options options[CAMERAS];
    struct camera_pose truth[CAMERAS];
    struct calibration_sight sights[CAMERAS * INSTANTS] = {0};
    for (int c = 0; c < CAMERAS; c++) {
        struct camera_lens lens = {.fx = 1300 + 20 * c, .fy = 1300 + 20 * c, .cx = 960, .cy = 540, .radial = {-0.1, 0.02}};
        assert_int_equal(camera_lens_prepare(&lens).kind, ERR_NONE);
        options[c] = (struct calibration_camera_options){.is_lens_known = c != 2, .lens = lens, .width = 1920, .height = 1080}; /* one lens is found along the way */
        truth[c] = camera_pose_look_at(vec3_of(5 * cos(0.6 * c), 5 * sin(0.6 * c), 1.5), vec3_of(0, 0, 1), vec3_of(0, 0, 1));
        for (int i = 0; i < INSTANTS; i++) {
            /* the board is carried about and shown around */
            struct rng same = rng_seeded((uint64_t)i + 100);
            struct vec3 at = vec3_of(2 * rng_unit(&same) - 1, 2 * rng_unit(&same) - 1, 0.6 + 0.8 * rng_unit(&same));
            struct mat3 facing = rotation_from_vector(vec3_of(1.2 + 0.4 * rng_normal(&same), 0.3 * rng_normal(&same), 0.2 * rng_normal(&same)));
            struct mat3 yaw = rotation_from_vector(vec3_of(0, 0, -M_PI / 2 + 0.9 + 0.5 * rng_normal(&same))), turn = mat3_multiply(&yaw, &facing);
            struct camera_pose world = {turn, at};
            struct camera_pose seen = {mat3_multiply(&truth[c].rotation, &world.rotation), vec3_add(mat3_apply(&truth[c].rotation, world.translation), truth[c].translation)};
            if (mat3_column(&seen.rotation, 2).z < 0.25) continue; /* from behind or too flat */
            if (c == 3 && i % 2) continue;
            sights[c * INSTANTS + i] = compute(mem, &board, &lens, &seen, 0.15, 1920, 1080, &r);
        }
    }
    struct calibration_cameras out;
    struct err e = calibration_cameras(mem, &board, options, CAMERAS, sights, INSTANTS, &out, NULL);
    if (e.kind) print_message("# %s\n", e.what);
    assert_int_equal(e.kind, ERR_NONE);
    double worst = 0, turned = 0;
    for (int a = 0; a < CAMERAS; a++) {
        assert_true(out.cameras[a].is_placed);
        for (int b = 0; b < a; b++) {
            double d = vec3_distance(camera_centre(&truth[a]), camera_centre(&truth[b]));
            worst = fmax(worst, fabs(vec3_distance(camera_centre(&out.cameras[a].pose), camera_centre(&out.cameras[b].pose)) - d));
            struct mat3 ta = mat3_transpose(&truth[b].rotation), t = mat3_multiply(&truth[a].rotation, &ta), fa = mat3_transpose(&out.cameras[b].pose.rotation);
            struct mat3 f = mat3_multiply(&out.cameras[a].pose.rotation, &fa), back = mat3_transpose(&t), difference = mat3_multiply(&f, &back);
            if (a != 2 && b != 2) turned = fmax(turned, vec3_norm(rotation_to_vector(&difference))); /* where the axis of a lens is open, so is the angle */
        }
    }
    print_message("# four cameras 5 m away: baselines at most %.1f mm off, angles %.3f degrees; lens found on the way f %.1f of 1340; %.3f px\n", worst * 1e3, turned * 180 / M_PI, out.cameras[2].lens.fx, out.rms_px);
    assert_true(worst < 0.01 && turned < 0.001 && fabs(out.cameras[2].lens.fx - 1340) < 6);
    /* a camera that never saw the board with the others is told apart */
    for (int i = 0; i < INSTANTS; i++) {
        if (i < 12) sights[3 * INSTANTS + i].count = 0;
        else {
            for (int c = 0; c < 3; c++) sights[c * INSTANTS + i].count = 0;
        }
    }
    assert_int_equal(calibration_cameras(mem, &board, options, CAMERAS, sights, INSTANTS, &out, NULL).kind, ERR_NONE);
    assert_true(out.cameras[0].is_placed && out.cameras[1].is_placed && out.cameras[2].is_placed && !out.cameras[3].is_placed);
    arena_destroy(&mem);
}

static struct calibration_mark marked(const struct camera_view *view, struct vec3 at, double noise, struct rng *r) {
    struct calibration_mark m = {.at = at};
    assert_true(camera_project(view, at, &m.u, &m.v));
    m.u += noise * rng_normal(r), m.v += noise * rng_normal(r);
    return m;
}

static void places_from_points(void **state) {
    struct arena *mem = arena_create((size_t)1 << 26);
    struct rng r = rng_seeded(9);
    double worst = 0, worst_focal = 0;
    for (int turn = 0; turn < 40; turn++) {
        struct camera_view view = {.lens = {.fx = 1500, .fy = 1500, .cx = 960, .cy = 540, .radial = {-0.1, 0.03}}};
        double a = 2 * M_PI * rng_unit(&r);
        assert_int_equal(camera_lens_prepare(&view.lens).kind, ERR_NONE);
        view.pose = camera_pose_look_at(vec3_of(12 * cos(a), 12 * sin(a), 2 + 4 * rng_unit(&r)), vec3_of(rng_normal(&r), rng_normal(&r), 1), turn % 3 ? vec3_of(0, 0, 1) : vec3_of(0.3, 0.1, 1));
        struct calibration_mark marks[12];
        size_t n = turn % 2 ? 4 : 12;
        for (size_t i = 0; i < n; i++) {
            /* every other time all on the ground */
            struct vec3 at = vec3_of(3 * ((double)(i % 4) - 1.5) + rng_normal(&r), 2.5 * ((double)(i / 4) - 1) + rng_normal(&r), turn % 4 < 2 ? 0 : 2 * rng_unit(&r));
            marks[i] = marked(&view, at, 0.5, &r);
        }
        struct calibration_place p;
        struct err e = calibration_place(mem, &view.lens, false, marks, n, &p);
        if (e.kind && n == 4) continue; /* four at random may lie on a line */
        assert_int_equal(e.kind, ERR_NONE);
        double off = vec3_distance(camera_centre(&p.pose), camera_centre(&view.pose));
        if (n == 12) worst = fmax(worst, off);
        if (n == 12) assert_true(off < 6 * p.deviation_m + 1e-3 && p.rms_px < 1.2);
        if (n == 12 && turn % 4 >= 2) {
            struct camera_lens guess = view.lens;
            guess.fx = guess.fy = 700;
            assert_int_equal(camera_lens_prepare(&guess).kind, ERR_NONE);
            assert_int_equal(calibration_place(mem, &guess, true, marks, n, &p).kind, ERR_NONE);
            worst_focal = fmax(worst_focal, fabs(p.lens.fx / 1500 - 1));
            assert_true(fabs(p.lens.fx - 1500) < 6 * p.deviation_focal + 1);
        }
    }
    print_message("# twelve points at 12 m, half a pixel: camera at most %.0f mm off; focal length, if unknown, %.2f %%\n", worst * 1e3, worst_focal * 100);
    assert_true(worst < 0.15 && worst_focal < 0.05);
    struct calibration_mark line[6];
    struct camera_view view = {.lens = {.fx = 1500, .fy = 1500, .cx = 960, .cy = 540}};
    struct calibration_place p;
    assert_int_equal(camera_lens_prepare(&view.lens).kind, ERR_NONE);
    view.pose = camera_pose_look_at(vec3_of(0, -10, 3), vec3_of(0, 0, 0), vec3_of(0, 0, 1));
    for (int i = 0; i < 6; i++) line[i] = marked(&view, vec3_of(i - 3.0, 0, 0), 0, &r);
    assert_string_equal(calibration_place(mem, &view.lens, false, line, 6, &p).code, "calibration.degenerate");
    assert_string_equal(calibration_place(mem, &view.lens, false, line, 2, &p).code, "calibration.few");
    line[0].u = NAN;
    assert_string_equal(calibration_place(mem, &view.lens, false, line, 6, &p).code, "calibration.few");
    arena_destroy(&mem);
}

static void places_from_lanes(void **state) {
    struct arena *mem = arena_create((size_t)1 << 26);
    struct rng r = rng_seeded(10);
    double worst = 0;
    for (int turn = 0; turn < 12; turn++) {
        struct camera_view view = {.lens = {.fx = 1800, .fy = 1800, .cx = 960, .cy = 540, .radial = {-0.12, 0.04}}};
        assert_int_equal(camera_lens_prepare(&view.lens).kind, ERR_NONE);
        view.pose = camera_pose_look_at(vec3_of(20 + 50 * rng_unit(&r), -8 - 6 * rng_unit(&r), 3 + 4 * rng_unit(&r)), vec3_of(86 + 6 * rng_unit(&r), 5, 0), vec3_of(0, 0, 1));
        static const char *const names[] = {"lane-0", "lane-2", "lane-4", "lane-5", "lane-8", "finish", "x=90"};
        struct calibration_mark marks[70];
        size_t n = 0;
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            struct calibration_mark m;
            assert_true(calibration_track_line(slice_cstr(names[k]), &m));
            for (int i = 0; i < 10; i++) {
                double s = m.along.x != 0 ? 82 + 2.0 * i : 1.1 * i, u, v;
                if (!camera_project(&view, vec3_add(m.at, vec3_scale(m.along, s)), &u, &v) || u < 0 || v < 0 || u > 1919 || v > 1079) continue;
                marks[n] = m, marks[n].u = u + 0.5 * rng_normal(&r), marks[n].v = v + 0.5 * rng_normal(&r), n++;
            }
        }
        struct calibration_place p;
        struct err e = calibration_place(mem, &view.lens, false, marks, n, &p);
        if (e.kind) print_message("# %zu marks: %s\n", n, e.what);
        assert_int_equal(e.kind, ERR_NONE);
        double off = vec3_distance(camera_centre(&p.pose), camera_centre(&view.pose));
        worst = fmax(worst, off);
        if (off > 6 * p.deviation_m + 1e-3) print_message("# %.3f m off, said +- %.3f, %.2f px\n", off, p.deviation_m, p.rms_px);
        assert_true(off < 6 * p.deviation_m + 1e-3);
        /* lanes alone: nobody knows how far along the track the camera is */
        size_t lanes = 0;
        for (size_t i = 0; i < n; i++) {
            if (marks[i].along.x != 0) marks[lanes++] = marks[i];
        }
        assert_string_equal(calibration_place(mem, &view.lens, false, marks, lanes, &p).code, "calibration.degenerate");
    }
    print_message("# from lanes and two lines across, half a pixel: at most %.0f mm off\n", worst * 1e3);
    assert_true(worst < 0.6);
    struct calibration_mark m;
    assert_true(calibration_track_line(SLICE("hurdle-10-110"), &m) && fabs(m.at.x - (13.72 + 9 * 9.14 - 10)) < 1e-9 && m.along.y == 1);
    assert_true(calibration_track_line(SLICE("Finish"), &m) && m.at.x == 100);
    assert_false(calibration_track_line(SLICE("hurdle-11-110"), &m) || calibration_track_line(SLICE("lane-1.5"), &m) || calibration_track_line(SLICE(""), &m) || calibration_track_line(SLICE("hurdle-"), &m));
    arena_destroy(&mem);
}

static void tables_are_read(void **state) {
    struct arena *mem = arena_create(1 << 20);
    struct calibration_rows r;
    struct camera_note note;
    assert_int_equal(calibration_rows_parse(mem, SLICE("camera,x,y,z,u,v\n# measured\ncam1,1,2.5,0,640.25,300\r\n\ncam2;lane-3;12;13 # left\n1\t2\t3\t4\t5\n"), &r, &note).kind, ERR_NONE);
    assert_int_equal(r.count, 3);
    assert_string_equal(r.rows[0].camera, "cam1");
    assert_true(r.rows[0].mark.at.y == 2.5 && r.rows[0].mark.u == 640.25 && r.rows[0].mark.along.x == 0);
    assert_true(r.rows[1].mark.along.x == 1 && fabs(r.rows[1].mark.at.y - 3.66) < 1e-12 && r.rows[1].line == 5);
    assert_true(r.rows[2].camera[0] == 0 && r.rows[2].mark.at.z == 3 && r.rows[2].mark.v == 5);
    static const char *const broken[] = {"", "camera,x,y,z,u,v\n", "cam1,1,2,3,4,x\n1,2,3,4,5\n", "a,b\n", "cam1,lane-99,1,2\n", "cam1,1,nan,0,1,2\n", "1,2,3,4,5,6,7\n"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        assert_string_equal(calibration_rows_parse(mem, slice_cstr(broken[i]), &r, &note).code, "calibration.syntax");
        assert_true(note.text[0]);
    }
    arena_destroy(&mem);
}

static void boards_are_printed(void **state) {
    struct buf out = BUF(4 << 20);
    assert_int_equal(calibration_board_pdf(&out, &charuco, 420, 297).kind, ERR_NONE);
    buf_u8(&out, 0);
    /* the cross-reference table points at the objects */
    const char *text = out.ptr, *table = strstr(text, "xref\n0 6\n");
    assert_true(!memcmp(text, "%PDF-1.4", 8) && table && strstr(text, "Print at 100 %"));
    for (int i = 1; i < 6; i++) {
        char object[20];
        snprintf(object, sizeof object, "%d 0 obj", i);
        long at = atol(table + 9 + 20 * i);
        assert_true(at > 0 && !strncmp(text + at, object, strlen(object)));
    }
    /* the rectangles of the page, painted by the even-odd rule, are the board */
    double x, y, w, h, rects[400][4];
    size_t count = 0;
    for (const char *line = strstr(text, "0 g\n") + 4; strncmp(line, "f*", 2); line = strchr(line, '\n') + 1) {
        assert_int_equal(sscanf(line, "%lf %lf %lf %lf re", &x, &y, &w, &h), 4);
        memcpy(rects[count++], (double[4]){x, y, w, h}, sizeof rects[0]);
        assert_true(count < 400);
    }
    double left = rects[0][0], top = rects[0][1] + rects[0][3], mm = 72 / 25.4;
    for (int i = 0; i < 4000; i++) {
        double bx = (i % 80 + 0.37) / 80 * 0.28, by = (i / 80 + 0.41) / 50 * 0.2, px = left + bx * 1e3 * mm, py = top - by * 1e3 * mm;
        int inside = 0;
        for (size_t k = 0; k < count; k++) inside += px > rects[k][0] && px < rects[k][0] + rects[k][2] && py > rects[k][1] && py < rects[k][1] + rects[k][3];
        assert_int_equal(inside % 2 == 0, calibration_board_is_white(&charuco, bx, by));
    }
    buf_clear(&out);
    assert_string_equal(calibration_board_pdf(&out, &charuco, 210, 297).code, "calibration.page");
    struct calibration_board b = charuco;
    b.columns = 20, b.rows = 20;
    assert_string_equal(calibration_board_pdf(&out, &b, 2000, 2000).code, "calibration.board");
    b = charuco, b.marker_m = 0.05;
    assert_string_equal(calibration_board_check(&b).code, "calibration.board");
    buf_free(&out);
}

static void pictures_are_read(void **state) {
    struct arena *mem = arena_create(1 << 20);
    struct calibration_picture p;
    char text[2000] = "P5 # made here\n16 16\n255\n";
    size_t head = strlen(text);
    for (int i = 0; i < 256; i++) text[head + (size_t)i] = (char)i;
    assert_int_equal(calibration_picture_parse(mem, slice_of(text, head + 256), &p).kind, ERR_NONE);
    assert_true(p.width == 16 && p.height == 16 && p.gray[200] == 200);
    assert_string_equal(calibration_picture_parse(mem, slice_of(text, head + 255), &p).code, "calibration.picture");
    char colour[1200] = "P6\n16 16\n255\n";
    head = strlen(colour);
    for (int i = 0; i < 256; i++) memcpy(colour + head + 3 * i, (char[3]){(char)200, (char)100, 50}, 3);
    assert_int_equal(calibration_picture_parse(mem, slice_of(colour, head + 768), &p).kind, ERR_NONE);
    assert_int_equal(p.gray[7], (int)(0.299 * 200 + 0.587 * 100 + 0.114 * 50 + 0.5));
    static const char *const broken[] = {"", "P5", "P4\n16 16\n255\n", "P5\n8 8\n255\n", "P5\n99999 16\n255\n", "P2\n16 16\n9\n1 2 3", "P5\n16 16\n0\n", "GIF89a and more"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) assert_string_equal(calibration_picture_parse(mem, slice_cstr(broken[i]), &p).code, "calibration.picture");
    arena_destroy(&mem);
}

/* Every allocation fails once: reported, nothing leaked (the sanitizer looks), and the next run is whole. */
static void memory_may_run_out(void **state) {
    struct rng r = rng_seeded(12);
    struct arena *mem = arena_create((size_t)1 << 26), *pictures = arena_create((size_t)1 << 26);
    struct camera_lens lens = {.fx = 900, .fy = 900, .cx = 959.5, .cy = 539.5};
    struct calibration_sight sights[5];
    assert_int_equal(camera_lens_prepare(&lens).kind, ERR_NONE);
    for (int i = 0; i < 5; i++) {
        struct camera_pose pose = board_pose(&charuco, 0, 0, 0.4, i, 0.5, i);
        sights[i] = compute(pictures, &charuco, &lens, &pose, 0.1, 1920, 1080, &r);
    }
    bool is_whole = false;
    for (uint64_t n = 1; n < 2000 && !is_whole; n += n < 20 ? 1 : 13) {
        struct calibration_cameras out;
        const struct calibration_camera_options options = {.width = 1920, .height = 1080};
        fault_arm(FAULT_ALLOC, n, false);
        struct err e = calibration_cameras(mem, &charuco, &options, 1, sights, 5, &out, NULL);
        bool has_fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        assert_int_equal(e.kind, has_fired ? ERR_LIMIT : ERR_NONE);
        is_whole = !has_fired;
        arena_reset(mem);
    }
    assert_true(is_whole);
    arena_destroy(&mem), arena_destroy(&pictures);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(corners_are_found), cmocka_unit_test(a_lens_from_pictures), cmocka_unit_test(lenses_of_all_kinds), cmocka_unit_test(cameras_beside_each_other),
                                       cmocka_unit_test(places_from_points), cmocka_unit_test(places_from_lanes), cmocka_unit_test(tables_are_read), cmocka_unit_test(boards_are_printed),
                                       cmocka_unit_test(pictures_are_read), cmocka_unit_test(memory_may_run_out)};
    return cmocka_run_group_tests_name("human/calibration", tests, NULL, NULL);
}
