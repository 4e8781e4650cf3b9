/* SPDX-License-Identifier: AGPL-3.0-or-later
 * The pieces of the fit: each fast way against its plain one, on random and on extreme input. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "human/body/band.h"
#include "human/body/fit.h"

static struct posture random_posture(struct rng *r, double size) {
    struct posture p = {.at = vec3_of(3 * rng_normal(r), 3 * rng_normal(r), 1)};
    for (int b = 0; b < BALLS; b++) p.ball[b] = rotation_from_vector(vec3_scale(vec3_of(rng_normal(r), rng_normal(r), rng_normal(r)), size));
    for (int h = 0; h < HINGES; h++) p.hinge[h] = size * rng_normal(r);
    return p;
}

static void prior_sizes(double sizes[SIZES], double height) {
    for (int i = 0; i < SIZES; i++) sizes[i] = body_size_priors[i].mean * height;
}

/* Four random bands (one of them nearly singular) as one matrix each, side by side plainly, side by side with AVX2. */
static void four_bands_equal_one_by_one(void **state) {
    struct rng r = rng_seeded(12);
    for (int turn = 0; turn < 60; turn++) {
        size_t n = 1 + rng_below(&r, 90), width = 1 + rng_below(&r, 21), height = width + 1;
        double *one[BAND_LANES], *side[BAND_LANES], *four[2], *right[2];
        for (int way = 0; way < 2; way++) four[way] = aligned_alloc(32, n * height * 32), right[way] = aligned_alloc(32, n * 32), memset(four[way], 0, n * height * 32);
        for (size_t lane = 0; lane < BAND_LANES; lane++) {
            one[lane] = calloc(n * height, sizeof(double)), side[lane] = calloc(n, sizeof(double));
            double scale = lane == 3 ? 1e12 : 1;
            for (size_t c = 0; c < n; c++) {
                side[lane][c] = rng_normal(&r);
                for (size_t k = 0; k <= width && c + k < n; k++) one[lane][c * height + k] = k ? rng_normal(&r) * scale : (2.2 * (double)width + (lane == 2 ? 0.001 : 3 * rng_unit(&r))) * scale;
                for (int way = 0; way < 2; way++) {
                    for (size_t k = 0; k <= width; k++) four[way][(c * height + k) * BAND_LANES + lane] = one[lane][c * height + k];
                    right[way][c * BAND_LANES + lane] = side[lane][c];
                }
            }
        }
        bool is_fine = true;
        for (size_t lane = 0; lane < BAND_LANES; lane++) is_fine = band_factor(one[lane], n, width) && is_fine;
        assert_int_equal(band4_factor_plain(four[0], n, width), is_fine);
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
            assert_int_equal(band4_factor_avx2(four[1], n, width), is_fine);
            if (is_fine) band4_solve_avx2(four[1], n, width, right[1]);
        } else right[1][0] = NAN;
#else
        right[1][0] = NAN;
#endif
        if (is_fine) {
            band4_solve_plain(four[0], n, width, right[0]);
            for (size_t lane = 0; lane < BAND_LANES; lane++) {
                double most = 0;
                band_solve(one[lane], n, width, side[lane]);
                for (size_t c = 0; c < n; c++) most = fmax(most, fabs(side[lane][c]));
                for (size_t c = 0; c < n; c++) {
                    assert_true(fabs(right[0][c * BAND_LANES + lane] - side[lane][c]) <= 1e-9 * most);
                    if (!isnan(right[1][0])) assert_true(fabs(right[1][c * BAND_LANES + lane] - side[lane][c]) <= 1e-9 * most);
                }
            }
        }
        for (int way = 0; way < 2; way++) free(four[way]), free(right[way]);
        for (size_t lane = 0; lane < BAND_LANES; lane++) free(one[lane]), free(side[lane]);
    }
    /* none where one of the four is no matrix */
    double *a = aligned_alloc(32, 64), bad[] = {0, -1, NAN, INFINITY};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        for (int k = 0; k < 8; k++) a[k] = 1;
        a[2] = bad[i];
        assert_false(band4_factor_plain(a, 1, 1));
        for (int k = 0; k < 8; k++) a[k] = 1;
        a[2] = bad[i];
        assert_false(band4_factor(a, 1, 1));
    }
    free(a);
}

/* A task of `frames` frames whose sights are scattered around random postures; `missing` of them are not there. */
static void make_task(struct task *t, struct rng *r, size_t frames, double missing, double size) {
    static struct body_options options = {.rate = 60};
    *t = (struct task){.options = &options, .dt = 1 / 60.0, .frames = frames, .upright = body_upright(CAMERA_UP_Z), .height = 1.8, .cauchy2 = 12};
    t->sights = calloc(frames * POSE_JOINTS, sizeof *t->sights), t->postures = calloc(frames, sizeof *t->postures), t->normals = calloc(frames, sizeof *t->normals);
    prior_sizes(t->sizes, t->height);
    body_shape_of(t->sizes, &t->shape);
    for (int k = 0; k < POSE_JOINTS; k++) t->noise_scale[k] = 1 + (double)k / 26;
    for (size_t f = 0; f < frames; f++) {
        struct stance s;
        t->postures[f] = random_posture(r, size);
        body_stand(&t->shape, &t->postures[f], &s);
        for (size_t k = 0; k < POSE_JOINTS; k++) {
            if (rng_unit(r) < missing) continue;
            struct sym3 w = {.xx = 100, .yy = 400, .zz = 50};
            sym3_add_outer(&w, vec3_of(rng_normal(r), rng_normal(r), rng_normal(r)), 5000);
            t->sights[f * POSE_JOINTS + k] = (struct sight){vec3_add(s.point[k], vec3_of(0.05 * rng_normal(r), 0.05 * rng_normal(r), 0.05 * rng_normal(r))), w};
        }
    }
}
static void drop_task(struct task *t) { free(t->sights), free(t->postures), free(t->normals); }

static void cardan_angles_go_back_and_forth(void **state) {
    struct rng r = rng_seeded(1);
    for (int i = 0; i < 20000; i++) {
        double a[3], b[3];
        for (int k = 0; k < 3; k++) a[k] = (rng_unit(&r) - 0.5) * (k == 1 ? 1 : 2) * 2 * M_PI * 0.4999;
        if (i < 4) a[1] = i & 1 ? M_PI / 2 : -M_PI / 2; /* the poles */
        struct mat3 m = body_cardan(a);
        body_cardan_of(&m, b);
        struct mat3 again = body_cardan(b);
        for (int k = 0; k < 9; k++) assert_true(fabs(again.m[k / 3][k % 3] - m.m[k / 3][k % 3]) < 1e-7);
        if (i >= 4) for (int k = 0; k < 3; k++) assert_true(fabs(remainder(a[k] - b[k], 2 * M_PI)) < 1e-6);
        struct mat3 y = body_rotation(1, a[2]), x = body_rotation(0, a[1]), z = body_rotation(2, a[0]), yx = mat3_multiply(&y, &x), yxz = mat3_multiply(&yx, &z);
        body_cardan_yxz_of(&yxz, b);
        struct mat3 y2 = body_rotation(1, b[2]), x2 = body_rotation(0, b[1]), z2 = body_rotation(2, b[0]), yx2 = mat3_multiply(&y2, &x2), yxz2 = mat3_multiply(&yx2, &z2);
        for (int k = 0; k < 9; k++) assert_true(fabs(yxz2.m[k / 3][k % 3] - yxz.m[k / 3][k % 3]) < 1e-7);
    }
}

/* What a step does to the joints is what the axes and pivots say, and bones keep their lengths. */
static void axes_and_pivots_are_derivatives(void **state) {
    struct rng r = rng_seeded(2);
    double sizes[SIZES];
    struct body_shape shape;
    prior_sizes(sizes, 1.75);
    body_shape_of(sizes, &shape);
    for (int turn = 0; turn < 50; turn++) {
        struct posture p = random_posture(&r, 0.6);
        struct stance s, plus, minus;
        body_stand(&shape, &p, &s);
        assert_true(fabs(vec3_distance(s.point[POSE_LKNEE], s.point[POSE_LANKLE]) - 0.246 * 1.75) < 1e-12);
        for (int d = 0; d < DOFS; d++) {
            double step[DOFS] = {0}, h = 1e-5;
            struct posture q = p;
            step[d] = h, body_move(&q, step), body_stand(&shape, &q, &plus);
            q = p, step[d] = -h, body_move(&q, step), body_stand(&shape, &q, &minus);
            for (int k = 0; k < POSE_JOINTS; k++) {
                struct vec3 slope = vec3_scale(vec3_sub(plus.point[k], minus.point[k]), 1 / (2 * h)), said = {0};
                if (body_dof_moves(d, body_point_segment((enum pose_joint)k))) said = body_dofs[d].kind == DOF_SLIDE ? s.axis[d] : vec3_cross(s.axis[d], vec3_sub(s.point[k], s.pivot[d]));
                assert_true(vec3_distance(slope, said) < 1e-7);
            }
        }
    }
}

static void composite_normals_equal_explicit_ones(void **state) {
    struct rng r = rng_seeded(3);
    const double missing[] = {0, 0.3, 0.9, 1}, size[] = {0.3, 0.8, 3};
    for (int i = 0; i < 12; i++) {
        struct task t;
        make_task(&t, &r, 8, missing[i % 4], size[i / 4]);
        for (size_t f = 0; f < t.frames; f++) {
            static double matrix[DOFS * DOFS], gradient[DOFS];
            struct stance s;
            struct normal n = {0};
            /* away from the truth */
            double step[DOFS];
            for (int d = 0; d < DOFS; d++) step[d] = 0.1 * rng_normal(&r);
            body_move(&t.postures[f], step);
            body_stand(&t.shape, &t.postures[f], &s);
            double cost = body_normal(&t, f, &s, &n), plain = body_normal_plain(&t, f, &s, matrix, gradient), most = 1;
            assert_true(fabs(cost - plain) <= 1e-9 * (1 + plain));
            for (int d = 0; d < DOFS * DOFS; d++) most = fmax(most, fabs(matrix[d]));
            for (int d = 0; d < DOFS; d++) assert_true(fabs(n.gradient[d] - gradient[d]) < 1e-9 * most);
            for (int a = 0; a < TORSO_DOFS; a++) {
                for (int b = 0; b < TORSO_DOFS; b++) assert_true(fabs(n.torso[a][b] - matrix[a * DOFS + b]) < 1e-9 * most);
            }
            for (int l = 0; l < LIMBS; l++) {
                int first = body_limbs[l].first;
                for (int a = 0; a < body_limbs[l].count; a++) {
                    for (int b = 0; b < body_limbs[l].count; b++) assert_true(fabs(n.limb[l].own[a][b] - matrix[(first + a) * DOFS + first + b]) < 1e-9 * most);
                    for (int b = 0; b < TORSO_DOFS; b++) assert_true(fabs(n.limb[l].cross[a][b] - matrix[(first + a) * DOFS + b]) < 1e-9 * most);
                }
            }
        }
        drop_task(&t);
    }
}

/* The cost falls along the gradient as the gradient says: priors, limits and points together. */
static void the_gradient_is_the_slope_of_the_cost(void **state) {
    struct rng r = rng_seeded(4);
    struct task t;
    make_task(&t, &r, 20, 0.2, 0.7);
    for (size_t f = 0; f < t.frames; f++) {
        struct stance s;
        struct normal n = {0};
        double step[DOFS];
        for (int d = 0; d < DOFS; d++) step[d] = 0.05 * rng_normal(&r);
        body_move(&t.postures[f], step);
        body_stand(&t.shape, &t.postures[f], &s);
        (void)body_normal(&t, f, &s, &n);
        struct posture here = t.postures[f];
        for (int d = 0; d < DOFS; d++) {
            double h = 1e-6, cost[2];
            for (int side = 0; side < 2; side++) {
                struct normal unused = {0};
                memset(step, 0, sizeof step);
                step[d] = side ? h : -h;
                t.postures[f] = here;
                body_move(&t.postures[f], step);
                body_stand(&t.shape, &t.postures[f], &s);
                cost[side] = body_normal(&t, f, &s, &unused);
            }
            t.postures[f] = here;
            double slope = (cost[1] - cost[0]) / (2 * h);
            assert_true(fabs(slope - n.gradient[d]) < 1e-3 * (1 + fabs(n.gradient[d])) + 1e-2);
        }
    }
    drop_task(&t);
}

static void whole_sequences_are_solved_as_the_dense_matrix_is(void **state) {
    struct rng r = rng_seeded(5);
    const size_t lengths[] = {1, 2, 3, 4, 5, 8, 12};
    const double missing[] = {0, 0.3, 0.9}, jerk[] = {1, 1e4, 1e8};
    for (size_t i = 0; i < 63; i++) {
        size_t frames = lengths[i % 7];
        struct task t;
        struct smoothness smooth = {.local = NULL};
        float local[20 * DOFS];
        make_task(&t, &r, frames, missing[i / 7 % 3], 0.5);
        for (size_t k = 0; k < frames * DOFS; k++) local[k] = (float)(0.01 + 1.3 * rng_unit(&r));
        if (i % 2) smooth.local = local;
        for (int d = 0; d < DOFS; d++) smooth.weight[d] = pow(60, 5) / (jerk[i / 21] * exp(rng_normal(&r)));
        for (size_t f = 0; f < frames; f++) {
            struct stance s;
            body_stand(&t.shape, &t.postures[f], &s);
            (void)body_normal(&t, f, &s, &t.normals[f]);
        }
        double *fast = calloc(frames * DOFS, sizeof *fast), *plain = calloc(frames * DOFS, sizeof *plain), apart = 0, size = 0;
        bool is_memory;
        assert_true(body_solve(t.normals, frames, &smooth, 1e-4, 1e-9, fast, &is_memory));
        assert_true(body_solve_plain(t.normals, frames, &smooth, 1e-4, plain));
        for (size_t k = 0; k < frames * DOFS; k++) apart += pow(fast[k] - plain[k], 2), size += pow(plain[k], 2);
        assert_true(sqrt(apart) <= 1e-4 * sqrt(size));
        free(fast), free(plain);
        drop_task(&t);
    }
}

/* Nothing is smoother than a parabola; elsewhere the cost falls as its gradient says (to the first order of the turns between frames). */
static void smoothness_is_the_third_difference(void **state) {
    enum { FRAMES = 9 };
    struct rng r = rng_seeded(15);
    struct posture p[FRAMES], here = random_posture(&r, 0.5);
    struct smoothness smooth = {.local = NULL};
    float local[FRAMES * DOFS], third[FRAMES * DOFS];
    for (int d = 0; d < DOFS; d++) smooth.weight[d] = exp(rng_normal(&r));
    for (size_t k = 0; k < FRAMES * DOFS; k++) local[k] = (float)(0.1 + rng_unit(&r));
    for (size_t f = 0; f < FRAMES; f++) {
        double t = (double)f;
        p[f] = here;
        p[f].at = vec3_of(1 + 2 * t - t * t, 3 * t * t, -t);
        for (int h = 0; h < HINGES; h++) p[f].hinge[h] = 0.1 * h - 0.2 * t + 0.01 * t * t;
        p[f].ball[3] = rotation_from_vector(vec3_of(0.1 * t, 0, 0)); /* an even turn */
    }
    assert_true(body_smoothness(p, FRAMES, &smooth, NULL) < 1e-20);
    smooth.local = local;
    for (size_t f = 0; f < FRAMES; f++) {
        double step[DOFS];
        for (int d = 0; d < DOFS; d++) step[d] = 0.002 * rng_normal(&r);
        body_move(&p[f], step);
    }
    static struct normal n[FRAMES];
    memset(n, 0, sizeof n);
    double cost = body_smoothness(p, FRAMES, &smooth, n), again = 0;
    body_thirds(p, FRAMES, third);
    for (size_t f = 0; f + 3 < FRAMES; f++) {
        for (size_t d = 0; d < DOFS; d++) again += 0.5 * smooth.weight[d] * (double)local[f * DOFS + d] * (double)third[f * DOFS + d] * (double)third[f * DOFS + d];
    }
    assert_true(cost > 0 && fabs(cost - again) < 1e-5 * cost);
    for (size_t f = 0; f < FRAMES; f++) {
        for (int d = 0; d < DOFS; d++) {
            double moved[2];
            for (int side = 0; side < 2; side++) {
                double step[DOFS] = {0};
                struct posture was = p[f];
                step[d] = side ? 1e-6 : -1e-6;
                body_move(&p[f], step);
                moved[side] = body_smoothness(p, FRAMES, &smooth, NULL);
                p[f] = was;
            }
            double slope = (moved[1] - moved[0]) / 2e-6, most = 0;
            for (size_t g = 0; g < FRAMES; g++) most = fmax(most, fabs(n[g].gradient[d]));
            assert_true(fabs(slope - n[f].gradient[d]) < (body_dofs[d].kind == DOF_BALL ? 0.1 : 1e-4) * most + 1e-9);
        }
    }
}

static void no_step_from_what_is_no_matrix(void **state) {
    struct rng r = rng_seeded(6);
    struct task t;
    struct smoothness smooth = {.local = NULL};
    double step[6 * DOFS];
    bool is_memory;
    make_task(&t, &r, 6, 0, 0.5);
    for (int d = 0; d < DOFS; d++) smooth.weight[d] = 1;
    for (size_t f = 0; f < 6; f++) {
        struct stance s;
        body_stand(&t.shape, &t.postures[f], &s);
        (void)body_normal(&t, f, &s, &t.normals[f]);
    }
    t.normals[2].limb[3].own[1][1] = NAN;
    assert_false(body_solve(t.normals, 6, &smooth, 0, 1e-6, step, &is_memory));
    assert_false(is_memory);
    t.normals[2].limb[3].own[1][1] = -1e6;
    assert_false(body_solve(t.normals, 6, &smooth, 0, 1e-6, step, &is_memory));
    drop_task(&t);
}

/* Standard errors in the middle of a long sequence against the inverse of the whole matrix. */
static void the_spread_is_the_diagonal_of_the_inverse(void **state) {
    enum { FRAMES = 41 };
    struct rng r = rng_seeded(7);
    struct task t;
    make_task(&t, &r, FRAMES, 0, 0.4);
    for (size_t f = 1; f < FRAMES; f++) { /* the same posture and sights in each frame: as the approximation assumes */
        t.postures[f] = t.postures[0];
        memcpy(t.sights + f * POSE_JOINTS, t.sights, POSE_JOINTS * sizeof *t.sights);
    }
    struct smoothness smooth = {.local = NULL};
    struct normal n = {0};
    struct stance s;
    for (int d = 0; d < DOFS; d++) smooth.weight[d] = pow(60, 5) / 3e5;
    body_stand(&t.shape, &t.postures[0], &s);
    (void)body_normal(&t, 0, &s, &n);
    for (size_t f = 0; f < FRAMES; f++) t.normals[f] = n;
    struct spread *spread = malloc(sizeof *spread);
    assert_true(body_spread(&n, &smooth, t.dt, false, spread));
    static double step[FRAMES * DOFS];
    for (int d = 0; d < DOFS; d += 3) { /* a column of the inverse: the answer to a gradient of -1 */
        memset(step, 0, sizeof step);
        for (size_t f = 0; f < FRAMES; f++) memset(t.normals[f].gradient, 0, sizeof t.normals[f].gradient);
        t.normals[FRAMES / 2].gradient[d] = -1;
        bool is_memory;
        assert_true(body_solve(t.normals, FRAMES, &smooth, 0, 1e-6, step, &is_memory));
        double exact = step[FRAMES / 2 * DOFS + d], said = d < TORSO_DOFS ? spread->at.torso[d][d] : 0;
        for (int l = 0; l < LIMBS; l++) {
            int i = d - body_limbs[l].first;
            if (i >= 0 && i < body_limbs[l].count) said = spread->at.limb[l].own[i][i];
        }
        assert_true(said > 0.93 * exact && said < 1.07 * exact);
        assert_true(spread->share[d] > 0 && spread->share[d] < 1);
    }
    /* one frame alone: the inverse itself */
    assert_true(body_spread(&n, &smooth, t.dt, true, spread));
    static double matrix[DOFS * DOFS], gradient[DOFS];
    (void)body_normal_plain(&t, 0, &s, matrix, gradient);
    assert_true(cholesky_factor(matrix, DOFS));
    for (int d = 0; d < DOFS; d++) {
        double unit[DOFS] = {0};
        unit[d] = 1;
        cholesky_solve(matrix, DOFS, unit);
        double said = d < TORSO_DOFS ? spread->at.torso[d][d] : 0;
        for (int l = 0; l < LIMBS; l++) {
            int i = d - body_limbs[l].first;
            if (i >= 0 && i < body_limbs[l].count) said = spread->at.limb[l].own[i][i];
        }
        assert_true(fabs(said - unit[d]) < 1e-5 * unit[d]);
    }
    free(spread);
    drop_task(&t);
}

/* Sizes that are wrong by centimetres come back from points without noise, and each frame's posture with them. */
static void sizes_are_found(void **state) {
    enum { FRAMES = 30 };
    struct rng r = rng_seeded(8);
    struct task t;
    make_task(&t, &r, FRAMES, 0.1, 0.4);
    double truth[SIZES];
    struct body_shape shape;
    for (int i = 0; i < SIZES; i++) truth[i] = t.sizes[i] + 0.5 * body_size_priors[i].deviation * t.height * rng_normal(&r);
    body_shape_of(truth, &shape);
    size_t frames[FRAMES];
    for (size_t f = 0; f < FRAMES; f++) {
        struct stance s;
        frames[f] = f;
        /* elbows and knees bend forwards and backwards, the neck little: as people are made */
        double lumbar[3] = {0, 0.2 * rng_normal(&r), 0.2 * rng_normal(&r)};
        t.postures[f].ball[1] = body_cardan(lumbar); /* the pelvis goes with the trunk */
        for (int h = 0; h < HINGES; h++) t.postures[f].hinge[h] = 0.1 * t.postures[f].hinge[h] + (h == 2 || h == 5 || h == 6 || h == 8 ? 0.9 : 0);
        body_stand(&shape, &t.postures[f], &s);
        for (size_t k = 0; k < POSE_JOINTS; k++) {
            if (t.sights[f * POSE_JOINTS + k].information.xx > 0) t.sights[f * POSE_JOINTS + k] = (struct sight){s.point[k], {.xx = 1e6, .yy = 1e6, .zz = 1e6}};
        }
        double step[DOFS];
        for (int d = 0; d < DOFS; d++) step[d] = 0.02 * rng_normal(&r);
        body_move(&t.postures[f], step);
    }
    for (int i = 0; i < 12; i++) assert_true(body_fit_sizes(&t, frames, FRAMES, true));
    for (int i = 0; i < SIZES; i++) {
        /* those that an angle with a prior can stand in for (clavicle, toes) only as far as the prior is right */
        if (!(fabs(t.sizes[i] - truth[i]) < 0.0015 + 2 * t.size_errors[i])) fail_msg("size %d: %f, not %f, +- %f", i, t.sizes[i], truth[i], t.size_errors[i]);
        assert_true(t.size_errors[i] > 0 && t.size_errors[i] < 0.008);
    }
    double apart = 0, n = 0;
    for (size_t f = 0; f < FRAMES; f++) {
        struct stance s;
        body_stand(&t.shape, &t.postures[f], &s);
        for (size_t k = 0; k < POSE_JOINTS; k++) {
            const struct sight *g = &t.sights[f * POSE_JOINTS + k];
            apart += g->information.xx > 0 ? vec3_distance(g->at, s.point[k]) : 0, n += g->information.xx > 0;
        }
    }
    assert_true(apart / n < 0.002); /* not nothing: random angles beyond the limits are pulled back */
    drop_task(&t);
}

/* Somersaults, cartwheels, and arms through the side and over the head: nothing of the fit minds which way is up, or where angles have their poles. */
static void somersaults_and_arms_overhead(void **state) {
    enum { FRAMES = 120 };
    struct rng r = rng_seeded(21);
    double sizes[SIZES];
    struct body_shape shape;
    prior_sizes(sizes, 1.75);
    body_shape_of(sizes, &shape);
    for (int kind = 0; kind < 3; kind++) {
        struct arena *mem = arena_create(64 << 20);
        struct track_point *points = arena_alloc_array(mem, FRAMES * POSE_JOINTS, sizeof *points);
        struct vec3 *truth = arena_alloc_array(mem, FRAMES * POSE_JOINTS, sizeof *truth);
        for (size_t f = 0; f < FRAMES; f++) {
            double t = (double)f / 60, wave = sin(3 * t);
            struct posture p = {.at = vec3_of(2 * t, 0, 1 + t - 0.5 * t * t)};
            struct mat3 stand = {{{1, 0, 0}, {0, 0, -1}, {0, 1, 0}}}; /* x forward, z up */
            struct mat3 tumble = rotation_from_vector(kind == 0 ? vec3_of(0, 4 * t, 0) : kind == 1 ? vec3_of(4 * t, 0, 0) : vec3_of(0, 0, 2 * t));
            p.ball[0] = mat3_multiply(&tumble, &stand);
            for (int b = 1; b < BALLS; b++) p.ball[b] = rotation_from_vector(vec3_of(0.1 * wave, 0.1 * cos(2 * t), 0.1 * wave));
            p.ball[3] = rotation_from_vector(vec3_of(1.6 + 1.4 * wave, 0, 0)); /* left arm: from hanging by the T to overhead; the right one forwards */
            p.ball[4] = rotation_from_vector(vec3_of(0, 0, 1.6 + 1.4 * wave));
            for (int h = 0; h < HINGES; h++) p.hinge[h] = h == 2 || h == 5 ? 0.5 + 0.4 * wave : h == 6 || h == 8 ? 0.7 - 0.5 * wave : 0;
            struct stance s;
            body_stand(&shape, &p, &s);
            for (size_t k = 0; k < POSE_JOINTS; k++) {
                truth[f * POSE_JOINTS + k] = s.point[k];
                points[f * POSE_JOINTS + k] = (struct track_point){.at = vec3_add(s.point[k], vec3_of(0.01 * rng_normal(&r), 0.01 * rng_normal(&r), 0.01 * rng_normal(&r))), .covariance = {.xx = 1e-4, .yy = 1e-4, .zz = 1e-4}};
                if (rng_unit(&r) < 0.1) points[f * POSE_JOINTS + k].at = VEC3_UNKNOWN;
            }
        }
        struct body_fit fit;
        assert_int_equal(body_fit_points(mem, points, 0, FRAMES, &(struct body_options){.rate = 60}, &fit).kind, ERR_NONE);
        double sum = 0, n = 0, worst = 0;
        for (size_t i = 0; i < FRAMES * POSE_JOINTS; i++) {
            double d = vec3_distance(fit.joints[i].at, truth[i]);
            if (isfinite(d)) sum += d, n++, worst = fmax(worst, d);
        }
        print_message("# tumbling %d: mean %.2f mm, worst %.1f mm, known %.3f\n", kind, sum / n * 1e3, worst * 1e3, n / FRAMES / POSE_JOINTS);
        assert_true(sum / n < 0.006 && worst < 0.05 && n > 0.99 * FRAMES * POSE_JOINTS);
        arena_destroy(&mem);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_bands_equal_one_by_one), cmocka_unit_test(cardan_angles_go_back_and_forth), cmocka_unit_test(axes_and_pivots_are_derivatives), cmocka_unit_test(composite_normals_equal_explicit_ones),
        cmocka_unit_test(the_gradient_is_the_slope_of_the_cost), cmocka_unit_test(whole_sequences_are_solved_as_the_dense_matrix_is), cmocka_unit_test(smoothness_is_the_third_difference), cmocka_unit_test(no_step_from_what_is_no_matrix),
        cmocka_unit_test(the_spread_is_the_diagonal_of_the_inverse), cmocka_unit_test(sizes_are_found), cmocka_unit_test(somersaults_and_arms_overhead),
    };
    return cmocka_run_group_tests_name("human/body/solver", tests, NULL, NULL);
}
