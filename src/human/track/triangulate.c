/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "human/track/track.h"

/* What the cameras say about one joint. */
struct sights {
    size_t count;
    struct camera_line line[CAMERA_COUNT_MAX];
    double weight[CAMERA_COUNT_MAX]; /* 1 / noise^2 */
    uint8_t camera[CAMERA_COUNT_MAX];
};

static double depth_at(const struct camera_line *l, struct vec3 x) { return vec3_dot(l->w, x) - l->w0; }

/* Squared residual in deviations; infinite behind the camera. */
static double residual(const struct sights *s, size_t i, struct vec3 x) {
    const struct camera_line *l = &s->line[i];
    double depth = depth_at(l, x), a = vec3_dot(l->a, x) - l->a0, b = vec3_dot(l->b, x) - l->b0;
    return depth > 0 ? s->weight[i] * (a * a + b * b) / (depth * depth) : INFINITY;
}

/* Closed form: least squares of a.X - a0 and b.X - b0, each camera weighted with `weight`; exact for exact rays. */
static bool closed_form(const struct sights *s, const uint8_t *use, size_t used, struct vec3 *x) {
    struct sym3 h = {0};
    struct vec3 g = {0};
    for (size_t k = 0; k < used; k++) {
        const struct camera_line *l = &s->line[use[k]];
        double w = s->weight[use[k]];
        sym3_add_outer(&h, l->a, w), sym3_add_outer(&h, l->b, w);
        g = vec3_add(g, vec3_add(vec3_scale(l->a, w * l->a0), vec3_scale(l->b, w * l->b0)));
    }
    return sym3_solve(h, g, x);
}

/* One Gauss-Newton step on the residuals in pixels. `soften` is Cauchy's scale in squared deviations (0: plain least squares). The covariance
 * is the inverse of the information at the point before the step; *moved2, the step in squared deviations. False where the rays determine no
 * point. */
static bool step(const struct sights *s, const uint8_t *use, size_t used, double soften, struct vec3 *x, struct sym3 *covariance, double *moved2) {
    struct sym3 h = {0};
    struct vec3 g = {0};
    for (size_t k = 0; k < used; k++) {
        const struct camera_line *l = &s->line[use[k]];
        double depth = depth_at(l, *x);
        if (!(depth > 1e-9)) return false;
        double inverse = 1 / depth, ra = (vec3_dot(l->a, *x) - l->a0) * inverse, rb = (vec3_dot(l->b, *x) - l->b0) * inverse, w = s->weight[use[k]];
        if (soften > 0) w /= 1 + w * (ra * ra + rb * rb) / soften;
        struct vec3 ga = vec3_scale(vec3_sub(l->a, vec3_scale(l->w, ra)), inverse), gb = vec3_scale(vec3_sub(l->b, vec3_scale(l->w, rb)), inverse);
        sym3_add_outer(&h, ga, w), sym3_add_outer(&h, gb, w);
        g = vec3_add(g, vec3_add(vec3_scale(ga, w * ra), vec3_scale(gb, w * rb)));
    }
    if (!sym3_inverse(h, covariance)) return false;
    struct vec3 by = sym3_apply(*covariance, g);
    *moved2 = vec3_dot(by, g);
    *x = vec3_sub(*x, by);
    return vec3_is_known(*x);
}

static bool solve(const struct sights *s, const uint8_t *use, size_t used, struct vec3 *x, struct sym3 *covariance) {
    if (!closed_form(s, use, used, x)) return false;
    double moved2 = INFINITY;
    for (int i = 0; i < 5 && moved2 > 0.25; i++) { /* half a deviation: what is left is the step's square over the distance, far below the noise */
        if (!step(s, use, used, 0, x, covariance, &moved2)) return false;
    }
    return true;
}

/* Point of two rays alone, and how well every camera agrees with it: sum of residuals cut off at the gate. */
static bool hypothesis(const struct sights *s, size_t i, size_t j, double gate2, struct vec3 *x, double *cost, size_t *inliers) {
    const uint8_t pair[2] = {(uint8_t)i, (uint8_t)j};
    struct sym3 unused;
    double moved2;
    if (!closed_form(s, pair, 2, x) || !step(s, pair, 2, 0, x, &unused, &moved2)) return false;
    *cost = 0, *inliers = 0;
    for (size_t k = 0; k < s->count; k++) {
        double r = residual(s, k, *x);
        *cost += r < gate2 ? r : gate2;
        *inliers += r < gate2;
    }
    return true;
}

static bool robust(const struct sights *s, double gate2, uint8_t *use, size_t *used_out, struct vec3 *x_out, struct sym3 *covariance_out) {
    /* A point of two noisy rays misses the others by more than a point of all: its gate is wider. */
    const double wide2 = 2.25 * gate2;
    struct vec3 best = VEC3_UNKNOWN;
    double best_cost = INFINITY;
    size_t best_inliers = 0, enough = s->count >= 5 ? (3 * s->count + 3) / 4 : s->count + 1, pair_i = 0, pair_j = 0;
    /* Pairs by rising distance in the list of cameras, so that one bad camera does not stand in all of the first ones. */
    for (size_t gap = 1; gap < s->count && best_inliers < enough; gap++) {
        for (size_t i = 0; i + gap < s->count && best_inliers < enough; i++) {
            struct vec3 x;
            double cost;
            size_t inliers;
            if (!hypothesis(s, i, i + gap, wide2, &x, &cost, &inliers) || inliers < 2 || cost >= best_cost) continue;
            best = x, best_cost = cost, best_inliers = inliers, pair_i = i, pair_j = i + gap;
        }
    }
    if (best_inliers < 2) return false;
    struct vec3 x = best;
    struct sym3 covariance;
    uint64_t before = 0;
    double moved2;
    size_t used = 0;
    for (int round = 0; round < 6; round++) {
        uint64_t set = 0;
        used = 0;
        for (size_t k = 0; k < s->count; k++) {
            if (residual(s, k, x) < (round ? gate2 : wide2)) use[used++] = (uint8_t)k, set |= UINT64_C(1) << k;
        }
        if (used < 2) return false;
        if (set == before) break;
        before = set;
        /* softened first, because a half-outlier may still stand in the set; plain at the end, which is efficient */
        for (int i = 0; i < 4; i++) {
            if (!step(s, use, used, i < 2 && used > 2 ? gate2 / 4 : 0, &x, &covariance, &moved2)) return false;
        }
    }
    if (used == 2 && s->count > 2) { /* do two others agree as well, elsewhere? then nobody can tell */
        for (size_t i = 0; i < s->count; i++) {
            for (size_t j = i + 1; j < s->count; j++) {
                struct vec3 other;
                double cost;
                size_t inliers;
                if ((i == pair_i && j == pair_j) || !hypothesis(s, i, j, gate2, &other, &cost, &inliers) || inliers < 2) continue;
                struct sym3 information;
                if (!sym3_inverse(covariance, &information) || sym3_quadratic(information, vec3_sub(other, x)) > gate2) return false;
            }
        }
    }
    *x_out = x, *covariance_out = covariance, *used_out = used;
    return true;
}

static struct track_point triangulate(const struct sights *s, double gate2, double deviation_max) {
    struct track_point p = {.at = VEC3_UNKNOWN, .seen = (uint8_t)s->count};
    if (s->count < 2) return p;
    uint8_t use[CAMERA_COUNT_MAX];
    size_t used = s->count;
    for (size_t i = 0; i < used; i++) use[i] = (uint8_t)i;
    struct vec3 x;
    struct sym3 covariance;
    bool is_good = solve(s, use, used, &x, &covariance);
    for (size_t i = 0; is_good && i < used; i++) is_good = residual(s, i, x) < gate2;
    if (!is_good && (s->count < 3 || !robust(s, gate2, use, &used, &x, &covariance))) return p;
    if (!(sym3_trace(covariance) <= deviation_max * deviation_max)) return p;
    for (size_t i = 0; i < used; i++) {
        p.chi2 += residual(s, use[i], x);
        p.cameras |= UINT64_C(1) << s->camera[use[i]];
    }
    p.at = x, p.covariance = covariance;
    return p;
}

size_t track_triangulate(const struct track_scope *scope, const struct pose_point *const points[], size_t count, struct track_point *out) {
    assert(scope->camera_count <= CAMERA_COUNT_MAX);
    double gate = scope->gate > 0 ? scope->gate : 4, deviation = scope->deviation_max_m > 0 ? scope->deviation_max_m : 0.5;
    float confidence = scope->confidence_min > 0 ? (float)scope->confidence_min : 0.1f;
    size_t known = 0;
    for (size_t k = 0; k < count; k++) {
        struct sights s;
        s.count = 0; /* the rest is not touched: zeroing it would cost more than the geometry */
        for (size_t c = 0; c < scope->camera_count; c++) {
            if (!scope->views[c] || !points[c] || !(points[c][k].confidence >= confidence)) continue;
            if (!camera_line_of(scope->views[c], points[c][k].x, points[c][k].y, &s.line[s.count])) continue;
            s.weight[s.count] = 1 / (scope->noise_px[c] * scope->noise_px[c]);
            s.camera[s.count++] = (uint8_t)c;
        }
        out[k] = triangulate(&s, gate * gate, deviation);
        known += vec3_is_known(out[k].at);
    }
    return known;
}

bool track_bound(const struct track_scope *scope, uint64_t cameras, struct vec3 at, struct sym3 *covariance) {
    struct sym3 information = {0};
    for (size_t c = 0; c < scope->camera_count; c++) {
        if (!(cameras >> c & 1) || !scope->views[c]) continue;
        const struct camera_pose *pose = &scope->views[c]->pose;
        double u, v, d[2][3], w = 1 / (scope->noise_px[c] * scope->noise_px[c]);
        if (!camera_lens_project_derivative(&scope->views[c]->lens, vec3_add(mat3_apply(&pose->rotation, at), pose->translation), &u, &v, d)) return false;
        for (int i = 0; i < 2; i++) sym3_add_outer(&information, mat3_apply_transposed(&pose->rotation, vec3_of(d[i][0], d[i][1], d[i][2])), w);
    }
    return sym3_inverse(information, covariance);
}
