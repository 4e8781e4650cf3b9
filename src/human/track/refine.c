/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Bundle adjustment over people. Unknown are eight numbers a camera (rotation, translation, principal point) and three a
 * point; the points are eliminated from the normal equations one by one (Schur's complement), so that what is solved has
 * the size of the cameras alone. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "human/track/track.h"

enum { UNKNOWNS = 8, POINTS_MAX = 20000, STEPS_MAX = 25 };
static const double prior[UNKNOWNS] = {0.05, 0.05, 0.05, 0.2, 0.2, 0.2, 15, 15}; /* rad, m, px */

struct observation {
    uint8_t camera;
    float u, v;
};
struct unknown {
    struct vec3 at;
    uint32_t first, count; /* of its observations */
};

struct bundle {
    size_t cameras;
    struct camera_view views[CAMERA_COUNT_MAX], given[CAMERA_COUNT_MAX];
    double noise2[CAMERA_COUNT_MAX];
    struct unknown *points;
    struct observation *seen;
    size_t point_count, seen_count;
    double *normal, *right; /* of the cameras: n x n and n */
};

static bool residual_of(const struct camera_view *view, struct vec3 x, const struct observation *o, double r[2], double d[2][3], struct vec3 *turned) {
    double u, v;
    *turned = mat3_apply(&view->pose.rotation, x);
    if (!camera_lens_project_derivative(&view->lens, vec3_add(*turned, view->pose.translation), &u, &v, d)) return false;
    r[0] = u - o->u, r[1] = v - o->v;
    return true;
}

/* How far a view is from the one given, in the priors' units. */
static void departure(const struct camera_view *now, const struct camera_view *given, double out[UNKNOWNS]) {
    struct mat3 back = mat3_transpose(&given->pose.rotation), turn = mat3_multiply(&now->pose.rotation, &back);
    struct vec3 w = rotation_to_vector(&turn), t = vec3_sub(now->pose.translation, given->pose.translation);
    memcpy(out, (double[UNKNOWNS]){w.x, w.y, w.z, t.x, t.y, t.z, now->lens.cx - given->lens.cx, now->lens.cy - given->lens.cy}, UNKNOWNS * sizeof *out);
}

/* Cauchy: large residuals count by their logarithm. The scale is twice the noise. */
static double cost_of(const struct bundle *b) {
    double cost = 0;
    for (size_t i = 0; i < b->point_count; i++) {
        for (uint32_t k = 0; k < b->points[i].count; k++) {
            const struct observation *o = &b->seen[b->points[i].first + k];
            double r[2], d[2][3];
            struct vec3 turned;
            if (!residual_of(&b->views[o->camera], b->points[i].at, o, r, d, &turned)) cost += 10;
            else cost += 2 * log1p((r[0] * r[0] + r[1] * r[1]) / (4 * b->noise2[o->camera]));
        }
    }
    for (size_t c = 0; c < b->cameras; c++) {
        double away[UNKNOWNS];
        departure(&b->views[c], &b->given[c], away);
        for (int k = 0; k < UNKNOWNS; k++) cost += 0.5 * pow(away[k] / prior[k], 2);
    }
    return cost;
}

/* One observation's part of everything: camera block, point block, and the block between. */
struct part {
    double camera[2][UNKNOWNS], point[2][3], r[2], weight;
};
static bool part_of(const struct bundle *b, const struct unknown *p, const struct observation *o, struct part *out) {
    double d[2][3];
    struct vec3 q;
    const struct camera_view *view = &b->views[o->camera];
    if (!residual_of(view, p->at, o, out->r, d, &q)) return false;
    double n2 = b->noise2[o->camera];
    out->weight = 1 / (n2 * (1 + (out->r[0] * out->r[0] + out->r[1] * out->r[1]) / (4 * n2)));
    for (int i = 0; i < 2; i++) {
        struct vec3 g = vec3_of(d[i][0], d[i][1], d[i][2]), by_turn = vec3_cross(q, g), by_point = mat3_apply_transposed(&view->pose.rotation, g);
        memcpy(out->camera[i], (double[UNKNOWNS]){by_turn.x, by_turn.y, by_turn.z, g.x, g.y, g.z, i == 0, i == 1}, sizeof out->camera[i]);
        out->point[i][0] = by_point.x, out->point[i][1] = by_point.y, out->point[i][2] = by_point.z;
    }
    return true;
}

/* Point block of the normal equations and its right side; false when its rays determine no point. */
static bool point_block(const struct bundle *b, const struct unknown *p, struct part *parts, bool *usable, double damping, struct sym3 *inverse, struct vec3 *right) {
    struct sym3 v = {0};
    *right = (struct vec3){0};
    for (uint32_t k = 0; k < p->count; k++) {
        if (!(usable[k] = part_of(b, p, &b->seen[p->first + k], &parts[k]))) continue;
        for (int i = 0; i < 2; i++) {
            struct vec3 g = vec3_of(parts[k].point[i][0], parts[k].point[i][1], parts[k].point[i][2]);
            sym3_add_outer(&v, g, parts[k].weight);
            *right = vec3_add(*right, vec3_scale(g, -parts[k].weight * parts[k].r[i]));
        }
    }
    v.xx *= 1 + damping, v.yy *= 1 + damping, v.zz *= 1 + damping;
    return sym3_inverse(v, inverse);
}

/* cross = sum over the two rows of camera' w point: 8 x 3 */
static void cross_block(const struct part *p, double cross[UNKNOWNS][3]) {
    for (int a = 0; a < UNKNOWNS; a++) {
        for (int k = 0; k < 3; k++) cross[a][k] = p->weight * (p->camera[0][a] * p->point[0][k] + p->camera[1][a] * p->point[1][k]);
    }
}

static void apply(struct camera_view *v, const double x[UNKNOWNS]) {
    struct mat3 turn = rotation_from_vector(vec3_of(x[0], x[1], x[2])), r = mat3_multiply(&turn, &v->pose.rotation);
    if (!rotation_nearest(&r, 1e-6, &v->pose.rotation)) v->pose.rotation = r;
    v->pose.translation = vec3_add(v->pose.translation, vec3_of(x[3], x[4], x[5]));
    v->lens.cx += x[6], v->lens.cy += x[7];
}

/* One damped Gauss-Newton step on all unknowns; false when the equations are singular. */
static bool step(struct bundle *b, double damping) {
    size_t n = b->cameras * UNKNOWNS;
    memset(b->normal, 0, n * n * sizeof *b->normal);
    memset(b->right, 0, n * sizeof *b->right);
    struct part parts[CAMERA_COUNT_MAX];
    bool usable[CAMERA_COUNT_MAX];
    for (size_t c = 0; c < b->cameras; c++) {
        double away[UNKNOWNS];
        departure(&b->views[c], &b->given[c], away);
        for (int k = 0; k < UNKNOWNS; k++) {
            double w = 1 / (prior[k] * prior[k]);
            b->normal[(c * UNKNOWNS + (size_t)k) * (n + 1)] += w;
            b->right[c * UNKNOWNS + (size_t)k] -= w * away[k];
        }
    }
    for (size_t i = 0; i < b->point_count; i++) {
        const struct unknown *p = &b->points[i];
        struct sym3 inverse;
        struct vec3 right;
        if (!point_block(b, p, parts, usable, damping, &inverse, &right)) continue;
        struct vec3 solved = sym3_apply(inverse, right);
        double cross[CAMERA_COUNT_MAX][UNKNOWNS][3];
        for (uint32_t k = 0; k < p->count; k++) {
            if (!usable[k]) continue;
            size_t base = (size_t)b->seen[p->first + k].camera * UNKNOWNS;
            cross_block(&parts[k], cross[k]);
            for (size_t a = 0; a < UNKNOWNS; a++) {
                for (int row = 0; row < 2; row++) {
                    b->right[base + a] -= parts[k].weight * parts[k].camera[row][a] * parts[k].r[row];
                    for (size_t e = 0; e < UNKNOWNS; e++) b->normal[(base + a) * n + base + e] += parts[k].weight * parts[k].camera[row][a] * parts[k].camera[row][e];
                }
                b->right[base + a] -= cross[k][a][0] * solved.x + cross[k][a][1] * solved.y + cross[k][a][2] * solved.z;
            }
            for (uint32_t m = 0; m <= k; m++) { /* Schur: minus cross V^-1 cross' */
                if (!usable[m]) continue;
                size_t other = (size_t)b->seen[p->first + m].camera * UNKNOWNS;
                for (size_t a = 0; a < UNKNOWNS; a++) {
                    struct vec3 x = sym3_apply(inverse, vec3_of(cross[k][a][0], cross[k][a][1], cross[k][a][2]));
                    for (size_t e = 0; e < UNKNOWNS; e++) {
                        double s = x.x * cross[m][e][0] + x.y * cross[m][e][1] + x.z * cross[m][e][2];
                        b->normal[(base + a) * n + other + e] -= s;
                        if (m != k) b->normal[(other + e) * n + base + a] -= s;
                    }
                }
            }
        }
    }
    for (size_t k = 0; k < n; k++) b->normal[k * (n + 1)] *= 1 + damping;
    if (!cholesky_factor(b->normal, n)) return false;
    cholesky_solve(b->normal, n, b->right);
    for (size_t i = 0; i < b->point_count; i++) { /* the points follow from the cameras */
        struct unknown *p = &b->points[i];
        struct sym3 inverse;
        struct vec3 right;
        if (!point_block(b, p, parts, usable, damping, &inverse, &right)) continue;
        for (uint32_t k = 0; k < p->count; k++) {
            if (!usable[k]) continue;
            double cross[UNKNOWNS][3];
            const double *x = b->right + (size_t)b->seen[p->first + k].camera * UNKNOWNS;
            cross_block(&parts[k], cross);
            for (int a = 0; a < UNKNOWNS; a++) right = vec3_sub(right, vec3_scale(vec3_of(cross[a][0], cross[a][1], cross[a][2]), x[a]));
        }
        p->at = vec3_add(p->at, sym3_apply(inverse, right));
    }
    for (size_t c = 0; c < b->cameras; c++) apply(&b->views[c], b->right + c * UNKNOWNS);
    return true;
}

static double baseline(const struct camera_view *views, size_t count) {
    double sum = 0;
    for (size_t a = 0; a < count; a++) {
        for (size_t c = 0; c < a; c++) sum += vec3_distance(camera_centre(&views[a].pose), camera_centre(&views[c].pose));
    }
    return sum;
}

/* Mean distance between what each camera saw of the people and their points triangulated by these views; frames from `from` on. */
static void measure(const struct camera_rig *rig, const struct camera_view *views, const struct pose_take *const *takes, const struct track_people *people, int64_t from,
                    double mean[], double *all) {
    struct track_scope scope = {.camera_count = rig->count};
    double sum[CAMERA_COUNT_MAX] = {0}, total = 0;
    size_t n[CAMERA_COUNT_MAX] = {0}, count = 0, joints = people->layout.joint_count;
    for (size_t c = 0; c < rig->count; c++) scope.views[c] = &views[c], scope.noise_px[c] = people->noise_px[c];
    for (size_t i = 0; i < people->count; i++) {
        const struct track_person *p = &people->people[i];
        for (size_t f = 0; f < p->frame_count; f++) {
            if (p->frame_first + (int64_t)f < from) continue;
            const struct pose_point *list[CAMERA_COUNT_MAX];
            struct track_point out[POSE_LAYOUT_JOINTS_MAX];
            for (size_t c = 0; c < rig->count; c++) {
                int d = p->detections[f * rig->count + c];
                list[c] = d < 0 ? NULL : pose_person(takes[c], (size_t)(p->frame_first + (int64_t)f - takes[c]->frame_first), (size_t)d);
            }
            (void)track_triangulate(&scope, list, joints, out);
            for (size_t k = 0; k < joints; k++) {
                for (size_t c = 0; c < rig->count && vec3_is_known(out[k].at); c++) {
                    double u, v;
                    if (!list[c] || !(list[c][k].confidence >= 0.3f) || !camera_project(&views[c], out[k].at, &u, &v)) continue;
                    double miss = hypot(list[c][k].x - u, list[c][k].y - v);
                    sum[c] += miss, n[c]++, total += miss, count++;
                }
            }
        }
    }
    for (size_t c = 0; c < rig->count; c++) mean[c] = n[c] ? sum[c] / (double)n[c] : NAN;
    *all = count ? total / (double)count : NAN;
}

/* Every joint of the frames used that two cameras saw, thinned to POINTS_MAX. */
static struct err gather(struct bundle *b, const struct pose_take *const *takes, const struct track_people *people, int64_t until) {
    size_t joints = people->layout.joint_count, total = 0;
    for (size_t i = 0; i < people->count; i++) total += people->people[i].frame_count * joints;
    size_t stride = total / POINTS_MAX + 1, turn = 0;
    b->points = mem_zalloc_array(total / stride + 1, sizeof *b->points);
    b->seen = mem_zalloc_array((total / stride + 1) * b->cameras, sizeof *b->seen);
    if (!b->points || !b->seen) return err_memory();
    for (size_t i = 0; i < people->count; i++) {
        const struct track_person *p = &people->people[i];
        for (size_t f = 0; f < p->frame_count && p->frame_first + (int64_t)f < until; f++) {
            for (size_t k = 0; k < joints; k++) {
                struct vec3 at = p->points[f * joints + k].at;
                if (!vec3_is_known(at) || turn++ % stride) continue;
                struct unknown u = {at, (uint32_t)b->seen_count, 0};
                for (size_t c = 0; c < b->cameras; c++) {
                    int d = p->detections[f * b->cameras + c];
                    if (d < 0) continue;
                    const struct pose_point *q = pose_person(takes[c], (size_t)(p->frame_first + (int64_t)f - takes[c]->frame_first), (size_t)d) + k;
                    if (q->confidence >= 0.3f) b->seen[u.first + u.count++] = (struct observation){(uint8_t)c, q->x, q->y};
                }
                if (u.count < 2) continue;
                b->seen_count += u.count;
                b->points[b->point_count++] = u;
            }
        }
    }
    if (b->point_count < 200) return err_make(ERR_INPUT, "track.refine", "Fewer than 200 joints were seen by two cameras: too little to refine the calibration from.");
    return ERR_OK;
}

struct err track_refine(struct arena *mem, const struct camera_rig *rig, const struct pose_take *const *takes, const struct track_people *people, double held,
                        struct camera_rig *out, struct track_refinement *report) {
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t c = 0; c < rig->count; c++) {
        if (rig->cameras[c].views) return err_make(ERR_INPUT, "track.refine", "A camera whose view changes from frame to frame cannot be refined from people.");
    }
    for (size_t i = 0; i < people->count; i++) {
        const struct track_person *p = &people->people[i];
        if (p->frame_first < first) first = p->frame_first;
        if (p->frame_first + (int64_t)p->frame_count > last) last = p->frame_first + (int64_t)p->frame_count;
    }
    if (last <= first) return err_make(ERR_INPUT, "track.refine", "Fewer than 200 joints were seen by two cameras: too little to refine the calibration from.");
    int64_t until = last - (int64_t)(fmin(fmax(held, 0), 0.9) * (double)(last - first) + 0.5);
    size_t n = rig->count * UNKNOWNS;
    struct bundle *b = mem_zalloc(sizeof *b);
    struct camera *cameras = arena_alloc_array(mem, rig->count, sizeof *cameras);
    if (!b || !cameras) {
        mem_free(b);
        return err_memory();
    }
    b->cameras = rig->count;
    b->normal = mem_zalloc_array(n * n, sizeof *b->normal), b->right = mem_zalloc_array(n, sizeof *b->right);
    for (size_t c = 0; c < rig->count; c++) {
        b->views[c] = b->given[c] = rig->cameras[c].fixed;
        b->noise2[c] = people->noise_px[c] * people->noise_px[c];
    }
    struct err e = b->normal && b->right ? gather(b, takes, people, until) : err_memory();
    if (!e.kind) {
        struct camera_view *views_before = arena_alloc_array(mem, rig->count, sizeof *views_before);
        struct unknown *points_before = mem_zalloc_array(b->point_count, sizeof *points_before);
        double cost = cost_of(b), damping = 1e-3;
        if (!views_before || !points_before) e = err_memory();
        for (int i = 0; i < STEPS_MAX && !e.kind; i++) {
            memcpy(views_before, b->views, rig->count * sizeof *views_before);
            memcpy(points_before, b->points, b->point_count * sizeof *points_before);
            double next = step(b, damping) ? cost_of(b) : INFINITY;
            if (next < cost) {
                bool is_done = cost - next < 1e-5 * cost;
                cost = next, damping = fmax(damping / 5, 1e-9);
                if (is_done) break;
                continue;
            }
            memcpy(b->views, views_before, rig->count * sizeof *views_before);
            memcpy(b->points, points_before, b->point_count * sizeof *points_before);
            if ((damping *= 10) > 1e6) break;
        }
        mem_free(points_before);
    }
    if (!e.kind) {
        /* People do not know how large they are: the rig's own baselines do. */
        double scale = baseline(b->given, rig->count) / baseline(b->views, rig->count);
        struct track_refinement r = {.frames = (size_t)(until - first), .frames_held = (size_t)(last - until)};
        for (size_t c = 0; c < rig->count; c++) {
            if (isfinite(scale) && scale > 0) b->views[c].pose.translation = vec3_scale(b->views[c].pose.translation, scale);
            double away[UNKNOWNS];
            departure(&b->views[c], &b->given[c], away);
            r.turned_rad[c] = sqrt(away[0] * away[0] + away[1] * away[1] + away[2] * away[2]);
            r.moved_m[c] = vec3_distance(camera_centre(&b->views[c].pose), camera_centre(&b->given[c].pose));
            cameras[c] = rig->cameras[c];
            cameras[c].fixed = b->views[c];
        }
        measure(rig, b->given, takes, people, held > 0 ? until : first, r.before_px, &r.all_before_px);
        measure(rig, b->views, takes, people, held > 0 ? until : first, r.after_px, &r.all_after_px);
        *out = (struct camera_rig){cameras, rig->count, rig->up};
        if (report) *report = r;
    }
    mem_free(b->points), mem_free(b->seen), mem_free(b->normal), mem_free(b->right);
    mem_free(b);
    return e;
}
