/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Triangulation of LANES joints at once, one in each lane of a vector. Compiled once for each width (meson.build).
 *
 * Each operation is that of the plain version, in its order, so that both give the same bits. Where the plain version takes a branch that few
 * joints take (a lens that needs more than straight Newton steps, a fisheye, a sight that does not fit), the lane is handed to the plain
 * code: a vector that waits for its slowest lane would lose what it won. Sights that are missing are lines of zeros with weight
 * zero, and adding zero changes nothing. */
#if defined(__x86_64__)
#include <assert.h>
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "human/track/triangulate.h"

typedef double lane __attribute__((vector_size(LANES * 8)));
typedef long long mask __attribute__((vector_size(LANES * 8))); /* -1 or 0 */

#if LANES == 8
#define WAY(name) name##_avx512
static inline lane root(lane a) { return _mm512_sqrt_pd(a); }
static inline unsigned bits(mask m) { return _mm512_movepi64_mask((__m512i)m); }
#else
#define WAY(name) name##_avx2
static inline lane root(lane a) { return _mm256_sqrt_pd(a); }
static inline unsigned bits(mask m) { return (unsigned)_mm256_movemask_pd((__m256d)m); }
#endif

static inline lane all(double a) { return a - (lane){0}; }
static inline lane pick(mask m, lane yes, lane no) { return (lane)((m & (mask)yes) | (~m & (mask)no)); }
static inline mask mask_of(unsigned set) {
    mask m;
    for (int i = 0; i < LANES; i++) m[i] = -(long long)(set >> i & 1);
    return m;
}
/* NaN minus NaN is NaN, infinity minus infinity too. */
static inline mask is_finite(lane a) { return a - a == (lane){0}; }

struct lane3 {
    lane x, y, z;
};
struct lane_sym3 {
    lane xx, xy, xz, yy, yz, zz;
};

static inline lane dot(struct lane3 a, struct lane3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static inline struct lane3 apply(const struct lane_sym3 *a, struct lane3 v) {
    return (struct lane3){a->xx * v.x + a->xy * v.y + a->xz * v.z, a->xy * v.x + a->yy * v.y + a->yz * v.z, a->xz * v.x + a->yz * v.y + a->zz * v.z};
}
static inline void add_outer(struct lane_sym3 *a, struct lane3 v, lane s) {
    a->xx += s * v.x * v.x, a->xy += s * v.x * v.y, a->xz += s * v.x * v.z;
    a->yy += s * v.y * v.y, a->yz += s * v.y * v.z, a->zz += s * v.z * v.z;
}
/* sym3_inverse; returns where it may be used. */
static inline mask inverse(const struct lane_sym3 *a, struct lane_sym3 *out) {
    const lane least = all(1e-14);
    lane yy = a->xx * a->zz - a->xz * a->xz, zz = a->xx * a->yy - a->xy * a->xy;
    struct lane_sym3 c = {.xx = a->yy * a->zz - a->yz * a->yz, .xy = a->xz * a->yz - a->xy * a->zz, .xz = a->xy * a->yz - a->xz * a->yy, .yy = yy,
                          .yz = a->xy * a->xz - a->xx * a->yz, .zz = zz};
    lane det = a->xx * c.xx + a->xy * c.xy + a->xz * c.xz;
    mask good = (a->xx > all(0)) & (zz > least * a->xx * a->yy) & (det > least * a->zz * zz);
    lane s = all(1) / det;
    *out = (struct lane_sym3){c.xx * s, c.xy * s, c.xz * s, c.yy * s, c.yz * s, c.zz * s};
    return good & is_finite(out->xx + out->yy + out->zz);
}

struct lines {
    struct lane3 a, b, w;
    lane a0, b0, w0, weight;
    mask seen;
};

/* The distortion and its derivative; see distort() in human/camera. Perspective without k4..k6. */
struct bent {
    lane x, y, j00, j01, j11;
    mask good;
};
static inline struct bent bend(const struct camera_lens *l, lane x, lane y) {
    const double *k = l->radial, p1 = l->tangential[0], p2 = l->tangential[1];
    lane r2 = x * x + y * y;
    lane g = 1 + r2 * (k[0] + r2 * (k[1] + r2 * k[2])), slope = k[0] + r2 * (2 * k[1] + 3 * r2 * k[2]);
    struct bent d;
    d.x = x * g + 2 * p1 * x * y + p2 * (r2 + 2 * x * x);
    d.y = y * g + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y;
    d.j00 = g + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x;
    d.j01 = 2 * x * y * slope + 2 * p1 * x + 2 * p2 * y;
    d.j11 = g + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x;
    d.good = (r2 <= all(l->radius_max * l->radius_max)) & (d.j00 * d.j11 - d.j01 * d.j01 > all(0));
    return d;
}

/* camera_line_of for the lanes in `want`. Lanes that are not in the answer need the plain one. */
static inline mask lines_of(const struct camera_view *view, lane u, lane v, mask want, struct lines *out) {
    const struct camera_lens *l = &view->lens;
    lane yd = (v - l->cy) / l->fy, xd = (u - l->cx - l->skew * yd) / l->fx, x = xd, y = yd;
    const double p1 = l->tangential[0], p2 = l->tangential[1], *k = l->radial;
    for (int i = 0; i < 2; i++) { /* undistort() */
        lane r2 = x * x + y * y, g = 1 + r2 * (k[0] + r2 * (k[1] + r2 * k[2]));
        lane dx = 2 * p1 * x * y + p2 * (r2 + 2 * x * x), dy = p1 * (r2 + 2 * y * y) + 2 * p2 * x * y;
        x = (xd - dx) / g, y = (yd - dy) / g;
    }
    lane size = 1 + (lane)((mask)xd & ~(mask)all(-0.0)) + (lane)((mask)yd & ~(mask)all(-0.0)), enough = 1e-13 * size;
    struct bent d = bend(l, x, y); /* newton() */
    lane ex = d.x - xd, ey = d.y - yd, miss = root(ex * ex + ey * ey);
    mask good = d.good & want & is_finite(xd) & is_finite(yd);
    lane j00 = d.j00, j01 = d.j01, j11 = d.j11;
    mask todo = good & ~(miss <= enough);
    for (int i = 0; i < 6 && bits(todo); i++) {
        lane det = j00 * j11 - j01 * j01;
        lane dx = (j11 * ex - j01 * ey) / det, dy = (j00 * ey - j01 * ex) / det, nx = x - 1.0 * dx, ny = y - 1.0 * dy;
        d = bend(l, nx, ny);
        lane fx = d.x - xd, fy = d.y - yd, next = root(fx * fx + fy * fy);
        mask better = todo & d.good & (next < miss);
        good &= ~todo | better; /* a step that does not help is halved by the plain version */
        x = pick(better, nx, x), y = pick(better, ny, y), ex = pick(better, fx, ex), ey = pick(better, fy, ey), miss = pick(better, next, miss);
        j00 = pick(better, d.j00, j00), j01 = pick(better, d.j01, j01), j11 = pick(better, d.j11, j11);
        todo = better & ~(miss <= enough);
    }
    good &= ~todo;
    /* camera_line_of() */
    lane du0 = l->fx * j00 + l->skew * j01, du1 = l->fx * j01 + l->skew * j11, dv0 = l->fy * j01, dv1 = l->fy * j11;
    lane du2 = -(du0 * x + du1 * y), dv2 = -(dv0 * x + dv1 * y);
    const double(*m)[3] = view->pose.rotation.m;
    struct vec3 t = view->pose.translation;
    const lane zero = {0};
    struct lane3 a = {m[0][0] * du0 + m[1][0] * du1 + m[2][0] * du2, m[0][1] * du0 + m[1][1] * du1 + m[2][1] * du2, m[0][2] * du0 + m[1][2] * du1 + m[2][2] * du2};
    struct lane3 b = {m[0][0] * dv0 + m[1][0] * dv1 + m[2][0] * dv2, m[0][1] * dv0 + m[1][1] * dv1 + m[2][1] * dv2, m[0][2] * dv0 + m[1][2] * dv1 + m[2][2] * dv2};
    lane a0 = -(du0 * t.x + du1 * t.y + du2 * t.z), b0 = -(dv0 * t.x + dv1 * t.y + dv2 * t.z);
    struct vec3 w = mat3_apply_transposed(&view->pose.rotation, vec3_of(0, 0, 1));
    double w0 = -vec3_dot(vec3_of(0, 0, 1), t);
    out->a = (struct lane3){pick(good, a.x, zero), pick(good, a.y, zero), pick(good, a.z, zero)};
    out->b = (struct lane3){pick(good, b.x, zero), pick(good, b.y, zero), pick(good, b.z, zero)};
    out->w = (struct lane3){pick(good, all(w.x), zero), pick(good, all(w.y), zero), pick(good, all(w.z), zero)};
    out->a0 = pick(good, a0, zero), out->b0 = pick(good, b0, zero), out->w0 = pick(good, all(w0), zero);
    return good;
}

static inline void put_line(struct lines *l, int i, const struct camera_line *p) {
    l->a.x[i] = p->a.x, l->a.y[i] = p->a.y, l->a.z[i] = p->a.z, l->a0[i] = p->a0;
    l->b.x[i] = p->b.x, l->b.y[i] = p->b.y, l->b.z[i] = p->b.z, l->b0[i] = p->b0;
    l->w.x[i] = p->w.x, l->w.y[i] = p->w.y, l->w.z[i] = p->w.z, l->w0[i] = p->w0;
}

static inline void closed_form_add(struct lane_sym3 *h, struct lane3 *g, const struct lines *l) {
    lane wa = l->weight * l->a0, wb = l->weight * l->b0;
    add_outer(h, l->a, l->weight), add_outer(h, l->b, l->weight);
    g->x += l->a.x * wa + l->b.x * wb, g->y += l->a.y * wa + l->b.y * wb, g->z += l->a.z * wa + l->b.z * wb;
}

/* One camera's part of step(); returns where its depth is positive or it does not see. */
static inline mask step_add(struct lane_sym3 *h, struct lane3 *g, const struct lines *l, struct lane3 x) {
    lane depth = dot(l->w, x) - l->w0;
    mask front = (depth > all(1e-9)) | ~l->seen;
    lane inv = 1 / pick(l->seen, depth, all(1)), ra = (dot(l->a, x) - l->a0) * inv, rb = (dot(l->b, x) - l->b0) * inv, w = l->weight;
    struct lane3 ga = {(l->a.x - l->w.x * ra) * inv, (l->a.y - l->w.y * ra) * inv, (l->a.z - l->w.z * ra) * inv};
    struct lane3 gb = {(l->b.x - l->w.x * rb) * inv, (l->b.y - l->w.y * rb) * inv, (l->b.z - l->w.z * rb) * inv};
    add_outer(h, ga, w), add_outer(h, gb, w);
    lane wra = w * ra, wrb = w * rb;
    g->x += ga.x * wra + gb.x * wrb, g->y += ga.y * wra + gb.y * wrb, g->z += ga.z * wra + gb.z * wrb;
    return front;
}

static inline lane residual(const struct lines *l, struct lane3 x) {
    lane depth = dot(l->w, x) - l->w0, a = dot(l->a, x) - l->a0, b = dot(l->b, x) - l->b0;
    return pick(depth > all(0), l->weight * (a * a + b * b) / (depth * depth), all(INFINITY));
}

/* ---- hypotheses: a pair of sights in each lane ---- */

static void hypothesise_lanes(const struct sights *s, const uint8_t (*pairs)[2], size_t count, double gate2, struct hypothesis *out) {
    for (size_t base = 0; base < count; base += LANES) {
        struct lane_sym3 h = {0}, information = {0}, covariance;
        struct lane3 g = {0}, x;
        struct lines two[2];
        size_t n = count - base < LANES ? count - base : LANES;
        for (int e = 0; e < 2; e++) {
            for (int i = 0; i < LANES; i++) {
                uint8_t of = pairs[base + ((size_t)i < n ? (size_t)i : 0)][e];
                put_line(&two[e], i, &s->line[of]), two[e].weight[i] = s->weight[of];
            }
            two[e].seen = mask_of(~0u);
            closed_form_add(&h, &g, &two[e]);
        }
        mask good = inverse(&h, &covariance);
        x = apply(&covariance, g);
        g = (struct lane3){0};
        for (int e = 0; e < 2; e++) good &= step_add(&information, &g, &two[e], x);
        good &= inverse(&information, &covariance);
        struct lane3 by = apply(&covariance, g);
        x.x -= by.x, x.y -= by.y, x.z -= by.z;
        good &= is_finite(x.x) & is_finite(x.y) & is_finite(x.z);
        lane cost = {0}, inliers = {0};
        for (size_t k = 0; k < s->count; k++) {
            const struct camera_line *p = &s->line[k];
            struct lines l = {.a = {all(p->a.x), all(p->a.y), all(p->a.z)}, .b = {all(p->b.x), all(p->b.y), all(p->b.z)}, .w = {all(p->w.x), all(p->w.y), all(p->w.z)},
                              .a0 = all(p->a0), .b0 = all(p->b0), .w0 = all(p->w0), .weight = all(s->weight[k])};
            lane r = residual(&l, x);
            mask in = r < all(gate2);
            cost += pick(in, r, all(gate2)), inliers += pick(in, all(1), all(0));
        }
        for (size_t i = 0; i < n; i++) {
            out[base + i] = (struct hypothesis){{x.x[i], x.y[i], x.z[i]}, good[i] ? cost[i] : INFINITY, good[i] ? (size_t)inliers[i] : 0};
        }
    }
}

/* ---- joints: one in each lane ---- */

static struct sights sights_of(const struct lines *lines, size_t cameras, int i) {
    struct sights s;
    s.count = 0;
    for (size_t c = 0; c < cameras; c++) {
        const struct lines *l = &lines[c];
        if (!l->seen[i]) continue;
        s.line[s.count] = (struct camera_line){{l->a.x[i], l->a.y[i], l->a.z[i]}, {l->b.x[i], l->b.y[i], l->b.z[i]}, {l->w.x[i], l->w.y[i], l->w.z[i]}, l->a0[i], l->b0[i], l->w0[i]};
        s.weight[s.count] = l->weight[i], s.camera[s.count++] = (uint8_t)c;
    }
    return s;
}

/* The sights of `n` joints by one camera. */
static void look(const struct camera_view *view, const struct pose_point *points, size_t n, double weight, float confidence_min, struct lines *out) {
    lane u = {0}, v = {0};
    unsigned want = 0;
    for (size_t i = 0; i < n; i++) {
        u[i] = points[i].x, v[i] = points[i].y;
        want |= (unsigned)(points[i].confidence >= confidence_min) << i;
    }
    const double *k = view->lens.radial;
    bool is_plain = view->lens.is_fisheye || k[3] != 0 || k[4] != 0 || k[5] != 0;
    assert(view->lens.radius_max > 0);
    unsigned done = 0;
    if (is_plain) memset(out, 0, sizeof *out);
    else done = bits(lines_of(view, u, v, mask_of(want), out));
    for (unsigned rest = want & ~done; rest; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        struct camera_line line;
        if (!camera_line_of(view, u[i], v[i], &line)) continue;
        put_line(out, i, &line);
        done |= 1u << i;
    }
    out->seen = mask_of(done);
    out->weight = pick(out->seen, all(weight), all(0));
}

size_t WAY(triangulate)(const struct track_scope *scope, const struct limits *limits, const struct pose_point *const points[], size_t count, struct track_point *out) {
    size_t known = 0;
    struct lines lines[CAMERA_COUNT_MAX];
    for (size_t base = 0; base < count; base += LANES) {
        size_t n = count - base < LANES ? count - base : LANES, cameras = 0;
        uint8_t camera[CAMERA_COUNT_MAX];
        lane seen = {0};
        struct lane_sym3 h = {0}, covariance;
        struct lane3 g = {0}, x;
        for (size_t c = 0; c < scope->camera_count; c++) {
            if (!scope->views[c] || !points[c]) continue;
            struct lines *l = &lines[cameras];
            look(scope->views[c], points[c] + base, n, 1 / (scope->noise_px[c] * scope->noise_px[c]), limits->confidence_min, l);
            closed_form_add(&h, &g, l);
            seen += pick(l->seen, all(1), all(0));
            camera[cameras++] = (uint8_t)c;
        }
        /* solve() */
        mask good = inverse(&h, &covariance) & (seen >= all(2)), active = good;
        x = apply(&covariance, g);
        for (int i = 0; i < 5 && bits(active); i++) {
            struct lane_sym3 information = {0}, next;
            g = (struct lane3){0};
            mask fine = active;
            for (size_t c = 0; c < cameras; c++) fine &= step_add(&information, &g, &lines[c], x);
            fine &= inverse(&information, &next);
            struct lane3 by = apply(&next, g), moved = {x.x - by.x, x.y - by.y, x.z - by.z};
            fine &= is_finite(moved.x) & is_finite(moved.y) & is_finite(moved.z);
            good &= ~active | fine;
            active &= fine;
            x.x = pick(active, moved.x, x.x), x.y = pick(active, moved.y, x.y), x.z = pick(active, moved.z, x.z);
            covariance.xx = pick(active, next.xx, covariance.xx), covariance.xy = pick(active, next.xy, covariance.xy), covariance.xz = pick(active, next.xz, covariance.xz);
            covariance.yy = pick(active, next.yy, covariance.yy), covariance.yz = pick(active, next.yz, covariance.yz), covariance.zz = pick(active, next.zz, covariance.zz);
            active &= dot(by, g) > all(0.25);
        }
        lane chi2 = {0};
        mask fits = good;
        for (size_t c = 0; c < cameras; c++) {
            lane r = residual(&lines[c], x);
            fits &= (r < all(limits->gate2)) | ~lines[c].seen;
            chi2 += pick(lines[c].seen, r, all(0));
        }
        mask close = covariance.xx + covariance.yy + covariance.zz <= all(limits->deviation_max * limits->deviation_max);
        for (size_t i = 0; i < n; i++) {
            struct track_point *p = &out[base + i];
            if (!fits[i] && seen[i] >= 3) {
                struct sights s = sights_of(lines, cameras, (int)i);
                *p = triangulate_disputed(&s, limits, hypothesise_lanes);
                uint64_t set = 0; /* of those that have a line each */
                for (uint64_t rest = p->cameras; rest; rest &= rest - 1) set |= UINT64_C(1) << camera[__builtin_ctzll(rest)];
                p->cameras = set;
            } else {
                *p = (struct track_point){.at = VEC3_UNKNOWN, .seen = (uint8_t)seen[i]};
                if (!fits[i] || !close[i]) continue;
                p->at = vec3_of(x.x[i], x.y[i], x.z[i]), p->chi2 = chi2[i];
                p->covariance = (struct sym3){covariance.xx[i], covariance.xy[i], covariance.xz[i], covariance.yy[i], covariance.yz[i], covariance.zz[i]};
                for (size_t c = 0; c < cameras; c++) p->cameras |= (uint64_t)(lines[c].seen[i] & 1) << camera[c];
            }
            known += vec3_is_known(p->at);
        }
    }
    return known;
}
#endif
