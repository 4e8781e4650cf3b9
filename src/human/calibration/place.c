/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Where a camera stands, from points and lines whose place is known. First guesses from all sides, then the pixels decide. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "human/calibration/room.h"

enum { STARTS = 24, MARKS_MAX = 20000 };

void pose_move(struct camera_pose *p, struct vec3 turn, struct vec3 shift) {
    struct mat3 by = rotation_from_vector(turn), r = mat3_multiply(&by, &p->rotation);
    if (!rotation_nearest(&r, 1e-6, &p->rotation)) p->rotation = r;
    p->translation = vec3_add(p->translation, shift);
}

/* The 24 ways to lay a cube: whatever the rotation is, one of them is within 63 degrees. */
static struct mat3 start_rotation(int k) {
    static const int axes[6][3] = {{0, 1, 2}, {1, 2, 0}, {2, 0, 1}, {0, 2, 1}, {2, 1, 0}, {1, 0, 2}};
    struct mat3 r = {0};
    const int *a = axes[k / 4];
    double sign[3] = {k & 1 ? -1 : 1, k & 2 ? -1 : 1, 1};
    for (int i = 0; i < 3; i++) r.m[i][a[i]] = i < 2 ? sign[i] : 1;
    if (mat3_determinant(&r) < 0) r.m[2][a[2]] = -1;
    return r;
}

/* ---- points: orthogonal iteration ---- */

/* The rotation that brings the points (less their mean) nearest to the targets (Horn 1987): as a quaternion, so that flat sets are no exception. */
static struct mat3 rotation_between(const struct vec3 *from, const struct vec3 *to, size_t n) {
    double s[3][3] = {{0}};
    struct vec3 from_mean = {0}, to_mean = {0};
    for (size_t i = 0; i < n; i++) from_mean = vec3_add(from_mean, vec3_scale(from[i], 1 / (double)n)), to_mean = vec3_add(to_mean, vec3_scale(to[i], 1 / (double)n));
    for (size_t i = 0; i < n; i++) {
        struct vec3 a = vec3_sub(from[i], from_mean), b = vec3_sub(to[i], to_mean);
        for (int k = 0; k < 9; k++) s[k / 3][k % 3] += (&a.x)[k / 3] * (&b.x)[k % 3];
    }
    const double xx = s[0][0], yy = s[1][1], zz = s[2][2];
    double minus[4][4] = {{-(xx + yy + zz), -(s[1][2] - s[2][1]), -(s[2][0] - s[0][2]), -(s[0][1] - s[1][0])},
                          {-(s[1][2] - s[2][1]), -(xx - yy - zz), -(s[0][1] + s[1][0]), -(s[2][0] + s[0][2])},
                          {-(s[2][0] - s[0][2]), -(s[0][1] + s[1][0]), -(yy - xx - zz), -(s[1][2] + s[2][1])},
                          {-(s[0][1] - s[1][0]), -(s[2][0] + s[0][2]), -(s[1][2] + s[2][1]), -(zz - xx - yy)}};
    double q[4];
    sym4_smallest(minus, q);
    double w = q[0], x = q[1], y = q[2], z = q[3];
    return (struct mat3){{{1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)},
                          {2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)},
                          {2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)}}};
}

/* Best translation for a rotation: sum over the rays of (I - d d') (R X + t) = 0. */
static bool translation_for(const struct mat3 *r, const struct vec3 *world, const struct vec3 *rays, size_t n, struct vec3 *t) {
    struct sym3 h = {0};
    struct vec3 g = {0};
    for (size_t i = 0; i < n; i++) {
        struct vec3 x = mat3_apply(r, world[i]), d = rays[i];
        h.xx += 1, h.yy += 1, h.zz += 1;
        sym3_add_outer(&h, d, -1);
        g = vec3_sub(g, vec3_sub(x, vec3_scale(d, vec3_dot(d, x))));
    }
    return sym3_solve(h, g, t);
}

static bool iterate_points(const struct vec3 *world, const struct vec3 *rays, size_t n, int turns, struct vec3 *target, struct camera_pose *p) {
    for (int turn = 0; turn < turns; turn++) {
        if (!translation_for(&p->rotation, world, rays, n, &p->translation)) return false;
        for (size_t i = 0; i < n; i++) {
            struct vec3 x = vec3_add(mat3_apply(&p->rotation, world[i]), p->translation);
            target[i] = vec3_scale(rays[i], fabs(vec3_dot(rays[i], x))); /* in front, whatever the guess was */
        }
        p->rotation = rotation_between(world, target, n);
    }
    return translation_for(&p->rotation, world, rays, n, &p->translation);
}

/* ---- lines ---- */

/* A line of the world and the plane that its pixels span with the camera. */
struct interpreted {
    struct vec3 at, along, normal;
};

/* Rotation first (a line's direction lies in its plane), by Gauss-Newton; then the translation, which is linear. Points take part in the translation. */
static bool solve_lines(const struct interpreted *lines, size_t n, const struct vec3 *world, const struct vec3 *rays, size_t points, struct camera_pose *p) {
    for (int turn = 0; turn < 20; turn++) {
        struct sym3 h = {1e-9, 0, 0, 1e-9, 0, 1e-9};
        struct vec3 g = {0}, by;
        for (size_t i = 0; i < n; i++) {
            struct vec3 d = mat3_apply(&p->rotation, lines[i].along), j = vec3_cross(d, lines[i].normal);
            double r = vec3_dot(lines[i].normal, d);
            sym3_add_outer(&h, j, 1);
            g = vec3_sub(g, vec3_scale(j, r));
        }
        if (!sym3_solve(h, g, &by)) return false;
        double size = vec3_norm(by);
        pose_move(p, size > 0.5 ? vec3_scale(by, 0.5 / size) : by, (struct vec3){0});
        if (size < 1e-10) break;
    }
    struct sym3 h = {0};
    struct vec3 g = {0};
    for (size_t i = 0; i < n; i++) {
        double r = vec3_dot(lines[i].normal, mat3_apply(&p->rotation, lines[i].at));
        sym3_add_outer(&h, lines[i].normal, 1);
        g = vec3_sub(g, vec3_scale(lines[i].normal, r));
    }
    for (size_t i = 0; i < points; i++) {
        struct vec3 x = mat3_apply(&p->rotation, world[i]), d = rays[i];
        h.xx += 1, h.yy += 1, h.zz += 1;
        sym3_add_outer(&h, d, -1);
        g = vec3_sub(g, vec3_sub(x, vec3_scale(d, vec3_dot(d, x))));
    }
    return sym3_solve(h, g, &p->translation);
}

/* ---- the pixels decide ---- */

struct scene {
    const struct calibration_mark *marks;
    struct vec3 *rays; /* of the marks, by the lens at hand */
    size_t count;
};

static bool is_line(const struct calibration_mark *m) { return m->along.x != 0 || m->along.y != 0 || m->along.z != 0; }

/* What is off at a mark, in pixels: two numbers. A mark on a line is compared with the place of the line that is nearest to its ray. */
static bool residual(const struct camera_pose *p, const struct camera_lens *l, const struct calibration_mark *m, struct vec3 ray, double r[2]) {
    struct vec3 x = vec3_add(mat3_apply(&p->rotation, m->at), p->translation);
    double u, v;
    if (is_line(m)) {
        struct vec3 d = mat3_apply(&p->rotation, m->along), across = vec3_cross(d, ray);
        double n2 = vec3_dot(across, across);
        if (n2 < 1e-18 * vec3_dot(d, d)) return false;
        /* (x + s d) nearest to the ray: the common normal */
        double s = vec3_dot(vec3_cross(ray, x), across) / n2;
        x = vec3_add(x, vec3_scale(d, s));
        if (vec3_dot(x, ray) <= 0) return false; /* behind */
    }
    if (!camera_lens_project(l, x, &u, &v)) return false;
    r[0] = u - m->u, r[1] = v - m->v;
    return true;
}

static const double lost_px = 3000; /* of a mark behind the camera: much, but finite */

static double cost_of(const struct scene *s, const struct camera_pose *p, const struct camera_lens *l) {
    double sum = 0;
    for (size_t i = 0; i < s->count; i++) {
        double r[2];
        sum += residual(p, l, &s->marks[i], s->rays[i], r) ? r[0] * r[0] + r[1] * r[1] : 2 * lost_px * lost_px;
    }
    return sum;
}

static void look_along(struct scene *s, const struct camera_lens *l) {
    for (size_t i = 0; i < s->count; i++) {
        if (!camera_unproject(l, s->marks[i].u, s->marks[i].v, &s->rays[i])) s->rays[i] = vec3_of(0, 0, 1);
    }
}

/* Damped Gauss-Newton on pose (and the logarithm of the focal length) with derivatives by differences. Returns the cost; covariance (n x n) if wanted. */
static double adjust(struct scene *s, bool with_focal, int turns, struct camera_pose *p, struct camera_lens *l, double *covariance, bool *is_determined) {
    const size_t n = with_focal ? 7 : 6;
    double size = 1;
    for (size_t i = 0; i < s->count; i++) size = fmax(size, vec3_norm(vec3_add(mat3_apply(&p->rotation, s->marks[i].at), p->translation)));
    double damping = 1e-3, cost = cost_of(s, p, l), h[49], g[7];
    const double by[7] = {1e-6, 1e-6, 1e-6, 1e-6 * size, 1e-6 * size, 1e-6 * size, 1e-6};
    for (int turn = 0; turn <= turns; turn++) {
        memset(h, 0, sizeof h), memset(g, 0, sizeof g);
        struct camera_pose moved[14];
        struct camera_lens lenses[14];
        struct vec3 *rays = s->rays;
        for (size_t k = 0; k < 2 * n; k++) {
            double d = k % 2 ? -by[k / 2] : by[k / 2];
            moved[k] = *p, lenses[k] = *l;
            double x[6] = {0};
            if (k / 2 < 6) x[k / 2] = d, pose_move(&moved[k], vec3_of(x[0], x[1], x[2]), vec3_of(x[3], x[4], x[5]));
            else lenses[k].fx *= 1 + d, lenses[k].fy *= 1 + d;
        }
        for (size_t i = 0; i < s->count; i++) {
            double r[2], j[2][7];
            bool is_there = residual(p, l, &s->marks[i], rays[i], r);
            for (size_t k = 0; k < n && is_there; k++) {
                double a[2], b[2];
                struct vec3 ra = rays[i], rb = rays[i];
                if (k == 6) is_there = camera_unproject(&lenses[12], s->marks[i].u, s->marks[i].v, &ra) && camera_unproject(&lenses[13], s->marks[i].u, s->marks[i].v, &rb);
                is_there = is_there && residual(&moved[2 * k], &lenses[2 * k], &s->marks[i], ra, a) && residual(&moved[2 * k + 1], &lenses[2 * k + 1], &s->marks[i], rb, b);
                for (int e = 0; e < 2 && is_there; e++) j[e][k] = (a[e] - b[e]) / (2 * by[k]);
            }
            for (int e = 0; e < 2 && is_there; e++) {
                for (size_t a = 0; a < n; a++) {
                    g[a] -= j[e][a] * r[e];
                    for (size_t b = 0; b < n; b++) h[a * n + b] += j[e][a] * j[e][b];
                }
            }
        }
        if (turn == turns) break;
        double damped[49], step[7];
        memcpy(damped, h, sizeof damped), memcpy(step, g, sizeof step);
        for (size_t k = 0; k < n; k++) damped[k * (n + 1)] *= 1 + damping, damped[k * (n + 1)] += 1e-12;
        if (!cholesky_factor(damped, n)) break;
        cholesky_solve(damped, n, step);
        struct camera_pose next = *p;
        struct camera_lens lens = *l;
        pose_move(&next, vec3_of(step[0], step[1], step[2]), vec3_of(step[3], step[4], step[5]));
        if (with_focal) {
            double by_factor = exp(fmin(fmax(step[6], -0.5), 0.5));
            lens.fx *= by_factor, lens.fy *= by_factor;
            look_along(s, &lens);
        }
        double now = cost_of(s, &next, &lens);
        if (now < cost) {
            bool is_done = cost - now < 1e-10 * cost + 1e-18;
            *p = next, *l = lens, cost = now, damping = fmax(damping / 6, 1e-12);
            if (is_done) turn = turns - 1;
        } else {
            if (with_focal) look_along(s, l);
            damping *= 8;
            if (damping > 1e8) turn = turns - 1;
        }
    }
    if (is_determined) {
        /* scaled to a unit diagonal, so that metres and radians do not decide */
        double scaled[49];
        *is_determined = true;
        for (size_t a = 0; a < n; a++) {
            for (size_t b = 0; b < n; b++) scaled[a * n + b] = h[a * n + b] / sqrt(h[a * (n + 1)] * h[b * (n + 1)]);
            *is_determined = *is_determined && h[a * (n + 1)] > 0;
        }
        for (size_t a = 0; a < n; a++) scaled[a * (n + 1)] -= 1e-9; /* what is determined by less than that is not */
        *is_determined = *is_determined && cholesky_factor(scaled, n);
        if (*is_determined && cholesky_factor(h, n)) {
            for (size_t k = 0; k < n; k++) {
                double e[7] = {0};
                e[k] = 1;
                cholesky_solve(h, n, e);
                for (size_t a = 0; a < n; a++) covariance[a * n + k] = e[a];
            }
        } else *is_determined = false;
    }
    return cost;
}

struct guess {
    struct camera_pose pose;
    double cost;
};

/* Most starts end in the same place: one of them is enough. */
static bool is_same(const struct camera_pose *a, const struct camera_pose *b) {
    double apart = 0;
    for (int k = 0; k < 9; k++) apart = fmax(apart, fabs(a->rotation.m[k / 3][k % 3] - b->rotation.m[k / 3][k % 3]));
    return apart < 0.02;
}

static void keep(struct guess *best, size_t limit, struct guess g) {
    for (size_t i = 0; i < limit; i++) {
        if (!isfinite(best[i].cost) || !is_same(&best[i].pose, &g.pose)) continue;
        if (g.cost < best[i].cost) best[i] = g;
        return;
    }
    for (size_t i = 0; i < limit; i++) {
        if (!(g.cost < best[i].cost)) continue;
        struct guess t = best[i];
        best[i] = g, g = t;
    }
}

struct work {
    struct scene all;
    struct vec3 *world, *rays, *target; /* of the points */
    struct interpreted *lines;
    size_t points, line_count;
};

/* First guesses from everywhere, the best three adjusted; the best of those. */
static double search(struct work *w, struct camera_lens *l, struct camera_pose *out) {
    enum { BEST = 6 };
    struct guess best[BEST];
    for (int i = 0; i < BEST; i++) best[i] = (struct guess){.cost = INFINITY};
    look_along(&w->all, l);
    size_t points = 0;
    for (size_t i = 0; i < w->all.count; i++) {
        if (!is_line(&w->all.marks[i])) w->world[points] = w->all.marks[i].at, w->rays[points++] = w->all.rays[i];
    }
    for (size_t k = 0; k < w->line_count; k++) { /* the plane of a line: what its rays have least of */
        struct sym3 sum = {0};
        double values[3];
        struct mat3 axes;
        for (size_t i = 0; i < w->all.count; i++) {
            const struct calibration_mark *m = &w->all.marks[i];
            if (is_line(m) && !memcmp(&m->at, &w->lines[k].at, sizeof m->at) && !memcmp(&m->along, &w->lines[k].along, sizeof m->along)) sym3_add_outer(&sum, w->all.rays[i], 1);
        }
        sym3_eigen(sum, values, &axes);
        w->lines[k].normal = mat3_row(&axes, 2);
    }
    for (int k = 0; k < STARTS; k++) {
        struct guess g = {.pose = {.rotation = start_rotation(k)}};
        if (points >= 3) {
            struct guess p = g;
            if (iterate_points(w->world, w->rays, points, 6, w->target, &p.pose)) p.cost = cost_of(&w->all, &p.pose, l), keep(best, BEST, p);
        }
        if (w->line_count >= 3 && solve_lines(w->lines, w->line_count, w->world, w->rays, points, &g.pose)) {
            g.cost = cost_of(&w->all, &g.pose, l), keep(best, BEST, g);
        }
    }
    double cost = INFINITY, equal = 1e-6 * (double)w->all.count;
    bool is_above = false;
    for (int i = 0; i < BEST && isfinite(best[i].cost); i++) {
        double now = adjust(&w->all, false, 40, &best[i].pose, l, NULL, NULL);
        /* Lines on the ground look the same from below, turned over about the one that crosses the others: cameras stand above. */
        bool is_now_above = camera_centre(&best[i].pose).z > 0;
        bool is_tie = now <= 1.02 * cost + equal && cost <= 1.02 * now + equal;
        if (is_tie ? is_now_above && !is_above : now < cost) cost = now, *out = best[i].pose, is_above = is_now_above;
    }
    return cost;
}

static struct err place(struct work *w, const struct camera_lens *given, bool with_focal, struct calibration_place *out) {
    struct camera_lens lens = *given;
    struct camera_pose pose = {.rotation = MAT3_IDENTITY};
    double cost = INFINITY, covariance[49] = {0};
    if (with_focal) { /* a row of focal lengths first: each is a camera whose lens is known */
        double width = 2 * fmax(given->cx, given->cy);
        for (double f = 0.4; f < 12; f *= 1.3) {
            struct camera_lens l = *given;
            struct camera_pose p;
            l.fx = l.fy = f * width;
            struct err e = camera_lens_prepare(&l);
            if (e.kind) return e;
            double now = search(w, &l, &p);
            if (now < cost) cost = now, lens = l, pose = p;
        }
        look_along(&w->all, &lens);
    } else cost = search(w, &lens, &pose);
    bool is_determined = false;
    if (isfinite(cost)) cost = adjust(&w->all, with_focal, 100, &pose, &lens, covariance, &is_determined);
    if (!is_determined) {
        return err_make(ERR_INPUT, "calibration.degenerate",
                        "These marks do not determine where the camera is: they lie on one line, or all lines run the same way. Add a mark beside them, or a line that crosses the others.");
    }
    double sum = 0, worst = -1;
    for (size_t i = 0; i < w->all.count; i++) {
        double r[2];
        out->residual_px[i] = residual(&pose, &lens, &w->all.marks[i], w->all.rays[i], r) ? hypot(r[0], r[1]) : INFINITY;
        sum += out->residual_px[i] * out->residual_px[i];
        if (out->residual_px[i] > worst) worst = out->residual_px[i], out->worst = i;
    }
    size_t n = with_focal ? 7 : 6, equations = 2 * w->points + (w->all.count - w->points);
    double variance = equations > n ? sum / (double)(equations - n) : NAN;
    /* The centre is -R' t: its covariance, to first order, from those of turn and shift. */
    struct vec3 centre = camera_centre(&pose);
    double spread = 0;
    for (int axis = 0; axis < 3; axis++) {
        double j[7] = {0};
        for (int k = 0; k < 6; k++) {
            struct camera_pose moved = pose;
            double x[6] = {0};
            x[k] = 1e-6;
            pose_move(&moved, vec3_of(x[0], x[1], x[2]), vec3_of(x[3], x[4], x[5]));
            struct vec3 d = vec3_sub(camera_centre(&moved), centre);
            j[k] = (&d.x)[axis] / 1e-6;
        }
        for (size_t a = 0; a < n; a++) {
            for (size_t b = 0; b < n; b++) spread += j[a] * j[b] * covariance[a * n + b];
        }
    }
    out->pose = pose, out->lens = lens;
    out->rms_px = sqrt(sum / (double)w->all.count);
    out->deviation_m = sqrt(spread * variance);
    out->deviation_focal = with_focal ? lens.fx * sqrt(covariance[48] * variance) : 0;
    return ERR_OK;
}

struct err calibration_place(struct arena *mem, const struct camera_lens *lens, bool with_focal, const struct calibration_mark *marks, size_t count, struct calibration_place *out) {
    struct work w = {.all = {.marks = marks, .count = count}};
    struct err e = ERR_OK;
    if (count > MARKS_MAX) return err_make(ERR_LIMIT, "calibration.few", "More than 20,000 marks for one camera.");
    struct calibration_place p = {.residual_px = arena_alloc_array(mem, count + 1, sizeof *p.residual_px)};
    w.all.rays = mem_zalloc_array(count + 1, sizeof *w.all.rays), w.world = mem_zalloc_array(count + 1, sizeof *w.world), w.rays = mem_zalloc_array(count + 1, sizeof *w.rays);
    w.target = mem_zalloc_array(count + 1, sizeof *w.target), w.lines = mem_zalloc_array(count + 1, sizeof *w.lines);
    if (!p.residual_px || !w.all.rays || !w.world || !w.rays || !w.target || !w.lines) e = err_memory();
    for (size_t i = 0; i < count && !e.kind; i++) {
        const struct calibration_mark *m = &marks[i];
        struct vec3 unused;
        if (!vec3_is_known(m->at) || !vec3_is_known(m->along) || !isfinite(m->u) || !isfinite(m->v)) e = err_make(ERR_INPUT, "calibration.few", "A mark is not a number.");
        else if (!camera_unproject(lens, m->u, m->v, &unused)) e = err_make(ERR_INPUT, "calibration.lens", "A mark's pixel lies outside of what this lens can see. Is it the right lens, and the right size of picture?");
        if (e.kind || !is_line(m)) {
            w.points++;
            continue;
        }
        size_t k = 0;
        while (k < w.line_count && (memcmp(&w.lines[k].at, &m->at, sizeof m->at) || memcmp(&w.lines[k].along, &m->along, sizeof m->along))) k++;
        if (k == w.line_count) w.lines[w.line_count++] = (struct interpreted){.at = m->at, .along = m->along};
    }
    if (!e.kind && (w.points + w.line_count < 3 || (w.points < 4 && w.line_count < 3 && w.points + w.line_count < 5) || (with_focal && w.points + w.line_count < 6))) {
        e = err_make(ERR_INPUT, "calibration.few",
                     with_focal ? "Too few marks: the focal length needs six points or lines. Give the lens, or mark more."
                                : "Too few marks to place the camera: four points, or three lines of which one crosses the others.");
    }
    if (!e.kind) e = place(&w, lens, with_focal, &p);
    mem_free(w.all.rays), mem_free(w.world), mem_free(w.rays), mem_free(w.target), mem_free(w.lines);
    if (!e.kind) *out = p;
    return e;
}
