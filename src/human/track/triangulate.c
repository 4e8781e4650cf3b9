/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "human/track/triangulate.h"

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

void hypothesise_plain(const struct sights *s, const uint8_t (*pairs)[2], size_t count, double gate2, struct hypothesis *out) {
    for (size_t n = 0; n < count; n++) {
        struct hypothesis h = {.at = VEC3_UNKNOWN, .cost = INFINITY};
        struct sym3 unused;
        double moved2;
        if (closed_form(s, pairs[n], 2, &h.at) && step(s, pairs[n], 2, 0, &h.at, &unused, &moved2)) {
            h.cost = 0;
            for (size_t k = 0; k < s->count; k++) {
                double r = residual(s, k, h.at);
                h.cost += r < gate2 ? r : gate2;
                h.inliers += r < gate2;
            }
        }
        out[n] = h;
    }
}

/* Pairs by rising distance in the list of cameras, so that one bad camera does not stand in all of the first ones. Returns how many were written; goes on
 * from where *i and *gap stand. */
static size_t next_pairs(size_t cameras, size_t *i, size_t *gap, uint8_t (*pairs)[2]) {
    size_t n = 0;
    while (n < HYPOTHESES_MAX && *gap < cameras) {
        pairs[n][0] = (uint8_t)*i, pairs[n][1] = (uint8_t)(*i + *gap), n++;
        if (++*i + *gap >= cameras) *i = 0, ++*gap;
    }
    return n;
}

static bool robust(const struct sights *s, double gate2, hypothesise *by, uint8_t *use, size_t *used_out, struct vec3 *x_out, struct sym3 *covariance_out) {
    /* A point of two noisy rays misses the others by more than a point of all: its gate is wider. */
    const double wide2 = 2.25 * gate2;
    struct hypothesis best = {.at = VEC3_UNKNOWN, .cost = INFINITY}, some[HYPOTHESES_MAX];
    uint8_t pairs[HYPOTHESES_MAX][2], best_pair[2] = {0};
    size_t enough = s->count >= 5 ? (3 * s->count + 3) / 4 : s->count + 1, i = 0, gap = 1, n;
    while (best.inliers < enough && (n = next_pairs(s->count, &i, &gap, pairs))) {
        by(s, pairs, n, wide2, some);
        for (size_t k = 0; k < n && best.inliers < enough; k++) {
            if (some[k].inliers >= 2 && some[k].cost < best.cost) best = some[k], memcpy(best_pair, pairs[k], 2);
        }
    }
    if (best.inliers < 2) return false;
    struct vec3 x = best.at;
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
        for (int turn = 0; turn < 4; turn++) {
            if (!step(s, use, used, turn < 2 && used > 2 ? gate2 / 4 : 0, &x, &covariance, &moved2)) return false;
            if (turn >= 2 && !(moved2 > 0.25)) break; /* as in solve() */
        }
    }
    if (used == 2 && s->count > 2) { /* do two others agree as well, elsewhere? then nobody can tell */
        i = 0, gap = 1;
        while ((n = next_pairs(s->count, &i, &gap, pairs))) {
            by(s, pairs, n, gate2, some);
            for (size_t k = 0; k < n; k++) {
                struct sym3 information;
                if (some[k].inliers < 2 || !memcmp(pairs[k], best_pair, 2)) continue;
                if (!sym3_inverse(covariance, &information) || sym3_quadratic(information, vec3_sub(some[k].at, x)) > gate2) return false;
            }
        }
    }
    *x_out = x, *covariance_out = covariance, *used_out = used;
    return true;
}

static struct track_point point_of(const struct sights *s, const struct limits *l, const uint8_t *use, size_t used, struct vec3 x, struct sym3 covariance) {
    struct track_point p = {.at = VEC3_UNKNOWN, .seen = (uint8_t)s->count};
    if (!(sym3_trace(covariance) <= l->deviation_max * l->deviation_max)) return p;
    for (size_t i = 0; i < used; i++) {
        p.chi2 += residual(s, use[i], x);
        p.cameras |= UINT64_C(1) << s->camera[use[i]];
    }
    p.at = x, p.covariance = covariance;
    return p;
}

struct track_point triangulate_disputed(const struct sights *s, const struct limits *l, hypothesise *by) {
    uint8_t use[CAMERA_COUNT_MAX];
    size_t used = 0;
    struct vec3 x;
    struct sym3 covariance;
    if (s->count < 3 || !robust(s, l->gate2, by, use, &used, &x, &covariance)) return (struct track_point){.at = VEC3_UNKNOWN, .seen = (uint8_t)s->count};
    return point_of(s, l, use, used, x, covariance);
}

static struct track_point triangulate(const struct sights *s, const struct limits *l) {
    if (s->count < 2) return (struct track_point){.at = VEC3_UNKNOWN, .seen = (uint8_t)s->count};
    uint8_t use[CAMERA_COUNT_MAX];
    struct vec3 x;
    struct sym3 covariance;
    for (size_t i = 0; i < s->count; i++) use[i] = (uint8_t)i;
    bool is_good = solve(s, use, s->count, &x, &covariance);
    for (size_t i = 0; is_good && i < s->count; i++) is_good = residual(s, i, x) < l->gate2;
    return is_good ? point_of(s, l, use, s->count, x, covariance) : triangulate_disputed(s, l, hypothesise_plain);
}

static size_t triangulate_plain(const struct track_scope *scope, const struct limits *limits, const struct pose_point *const points[], size_t count, struct track_point *out) {
    size_t known = 0;
    for (size_t k = 0; k < count; k++) {
        struct sights s;
        s.count = 0; /* the rest is not touched: zeroing it would cost more than the geometry */
        for (size_t c = 0; c < scope->camera_count; c++) {
            if (!scope->views[c] || !points[c] || !(points[c][k].confidence >= limits->confidence_min)) continue;
            if (!camera_line_of(scope->views[c], points[c][k].x, points[c][k].y, &s.line[s.count])) continue;
            s.weight[s.count] = 1 / (scope->noise_px[c] * scope->noise_px[c]);
            s.camera[s.count++] = (uint8_t)c;
        }
        out[k] = triangulate(&s, limits);
        known += vec3_is_known(out[k].at);
    }
    return known;
}

const char *triangulate_way_name(enum triangulate_way way) {
    static const char *const names[TRIANGULATE_WAYS] = {"plain C", "AVX2", "AVX-512"};
    return names[way];
}

bool triangulate_can(enum triangulate_way way) {
#if defined(__x86_64__)
    if (way == TRIANGULATE_AVX2) return __builtin_cpu_supports("avx2");
    if (way == TRIANGULATE_AVX512) return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
#endif
    return way == TRIANGULATE_PLAIN;
}

size_t triangulate_by(enum triangulate_way way, const struct track_scope *scope, const struct pose_point *const points[], size_t count, struct track_point *out) {
    assert(scope->camera_count <= CAMERA_COUNT_MAX && triangulate_can(way));
    double gate = scope->gate > 0 ? scope->gate : 4;
    struct limits limits = {.gate2 = gate * gate, .deviation_max = scope->deviation_max_m > 0 ? scope->deviation_max_m : 0.5,
                            .confidence_min = scope->confidence_min > 0 ? (float)scope->confidence_min : 0.1f};
#if defined(__x86_64__)
    if (way == TRIANGULATE_AVX512) return triangulate_avx512(scope, &limits, points, count, out);
    if (way == TRIANGULATE_AVX2) return triangulate_avx2(scope, &limits, points, count, out);
#endif
    return triangulate_plain(scope, &limits, points, count, out);
}

size_t track_triangulate(const struct track_scope *scope, const struct pose_point *const points[], size_t count, struct track_point *out) {
    enum triangulate_way best = triangulate_can(TRIANGULATE_AVX512) ? TRIANGULATE_AVX512 : triangulate_can(TRIANGULATE_AVX2) ? TRIANGULATE_AVX2 : TRIANGULATE_PLAIN;
    return triangulate_by(count > 1 ? best : TRIANGULATE_PLAIN, scope, points, count, out);
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
