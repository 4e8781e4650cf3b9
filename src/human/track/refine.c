/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Bundle adjustment over people. Unknown are eleven numbers a camera (rotation, translation, principal point; time offset, drift and row
 * time) and three a point; the points are eliminated from the normal equations one by one (Schur's complement), so that what is solved
 * has the size of the cameras alone. A point is where a joint was at an instant of the common clock; a camera that looked a little later saw it a little
 * further on its way, which the smoothed motion tells: that is where the clocks come in. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "human/track/track.h"

enum { UNKNOWNS = 11, OFFSET = 8, DRIFT, ROW, POINTS_MAX = 6000, STEPS_MAX = 25 };
static const double prior[OFFSET] = {0.05, 0.05, 0.05, 0.2, 0.2, 0.2, 15, 15}; /* rad, m, px */
static const double fixed = 1e-12; /* prior of what is not to move */

struct observation {
    uint8_t camera;
    float u, v;
    double taken_s; /* frame number over the camera's rate */
};
struct unknown {
    struct vec3 at, velocity, acceleration;
    double now_s; /* on the common clock */
    uint32_t first, count; /* of its observations */
};

struct bundle {
    size_t cameras;
    struct camera_view views[CAMERA_COUNT_MAX], given[CAMERA_COUNT_MAX];
    struct camera_clock clocks[CAMERA_COUNT_MAX], clocks_given[CAMERA_COUNT_MAX];
    double prior[CAMERA_COUNT_MAX][UNKNOWNS];
    double noise2[CAMERA_COUNT_MAX];
    struct unknown *points;
    struct observation *seen;
    size_t point_count, seen_count;
    double *normal, *right; /* of the cameras: n x n and n */
};

/* How much later than the instant of its point a camera looked. */
static double lateness(const struct camera_clock *c, const struct unknown *p, const struct observation *o) {
    return o->taken_s * (1 + c->drift) + c->offset_s + o->v * c->row_s - p->now_s;
}

/* Residual, its derivative by the point in the camera's frame, that point without the translation, and how fast it moved in the camera's frame. */
struct sight {
    double r[2], d[2][3];
    struct vec3 turned, velocity;
};
static bool residual_of(const struct camera_view *view, const struct camera_clock *clock, const struct unknown *p, const struct observation *o, struct sight *s) {
    double u, v, by = lateness(clock, p, o);
    struct vec3 speed = vec3_add(p->velocity, vec3_scale(p->acceleration, by));
    struct vec3 x = vec3_add(p->at, vec3_add(vec3_scale(p->velocity, by), vec3_scale(p->acceleration, 0.5 * by * by)));
    s->turned = mat3_apply(&view->pose.rotation, x), s->velocity = mat3_apply(&view->pose.rotation, speed);
    if (!camera_lens_project_derivative(&view->lens, vec3_add(s->turned, view->pose.translation), &u, &v, s->d)) return false;
    s->r[0] = u - o->u, s->r[1] = v - o->v;
    return true;
}

/* How far a camera is from what was given. */
static void departure(const struct bundle *b, size_t c, double out[UNKNOWNS]) {
    const struct camera_view *now = &b->views[c], *given = &b->given[c];
    struct mat3 back = mat3_transpose(&given->pose.rotation), turn = mat3_multiply(&now->pose.rotation, &back);
    struct vec3 w = rotation_to_vector(&turn), t = vec3_sub(now->pose.translation, given->pose.translation);
    memcpy(out,
           (double[UNKNOWNS]){w.x, w.y, w.z, t.x, t.y, t.z, now->lens.cx - given->lens.cx, now->lens.cy - given->lens.cy, b->clocks[c].offset_s - b->clocks_given[c].offset_s,
                              b->clocks[c].drift - b->clocks_given[c].drift, b->clocks[c].row_s - b->clocks_given[c].row_s},
           UNKNOWNS * sizeof *out);
}

/* Cauchy: large residuals count by their logarithm. The scale is twice the noise. */
static double cost_of(const struct bundle *b) {
    double cost = 0;
    for (size_t i = 0; i < b->point_count; i++) {
        for (uint32_t k = 0; k < b->points[i].count; k++) {
            const struct observation *o = &b->seen[b->points[i].first + k];
            struct sight s;
            if (!residual_of(&b->views[o->camera], &b->clocks[o->camera], &b->points[i], o, &s)) cost += 10;
            else cost += 2 * log1p((s.r[0] * s.r[0] + s.r[1] * s.r[1]) / (4 * b->noise2[o->camera]));
        }
    }
    for (size_t c = 0; c < b->cameras; c++) {
        double away[UNKNOWNS];
        departure(b, c, away);
        for (int k = 0; k < UNKNOWNS; k++) cost += 0.5 * pow(away[k] / b->prior[c][k], 2);
    }
    return cost;
}

/* One observation's part of everything: camera block, point block, and the block between. */
struct part {
    double camera[2][UNKNOWNS], point[2][3], r[2], weight;
};
static bool part_of(const struct bundle *b, const struct unknown *p, const struct observation *o, struct part *out) {
    const struct camera_view *view = &b->views[o->camera];
    struct sight s;
    if (!residual_of(view, &b->clocks[o->camera], p, o, &s)) return false;
    double n2 = b->noise2[o->camera];
    memcpy(out->r, s.r, sizeof out->r);
    out->weight = 1 / (n2 * (1 + (s.r[0] * s.r[0] + s.r[1] * s.r[1]) / (4 * n2)));
    for (int i = 0; i < 2; i++) {
        struct vec3 g = vec3_of(s.d[i][0], s.d[i][1], s.d[i][2]), by_turn = vec3_cross(s.turned, g), by_point = mat3_apply_transposed(&view->pose.rotation, g);
        double by_time = vec3_dot(g, s.velocity);
        memcpy(out->camera[i], (double[UNKNOWNS]){by_turn.x, by_turn.y, by_turn.z, g.x, g.y, g.z, i == 0, i == 1, by_time, by_time * o->taken_s, by_time * o->v}, sizeof out->camera[i]);
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

/* cross = sum over the two rows of camera' w point: 11 x 3 */
static void cross_block(const struct part *p, double cross[UNKNOWNS][3]) {
    for (int a = 0; a < UNKNOWNS; a++) {
        for (int k = 0; k < 3; k++) cross[a][k] = p->weight * (p->camera[0][a] * p->point[0][k] + p->camera[1][a] * p->point[1][k]);
    }
}

static void apply(struct camera_view *v, struct camera_clock *k, const double x[UNKNOWNS]) {
    k->offset_s += x[OFFSET], k->drift += x[DRIFT], k->row_s += x[ROW];
    struct mat3 turn = rotation_from_vector(vec3_of(x[0], x[1], x[2])), r = mat3_multiply(&turn, &v->pose.rotation);
    if (!rotation_nearest(&r, 1e-6, &v->pose.rotation)) v->pose.rotation = r;
    v->pose.translation = vec3_add(v->pose.translation, vec3_of(x[3], x[4], x[5]));
    v->lens.cx += x[6], v->lens.cy += x[7];
}

/* The cameras' normal equations, factored, with their right side; false when they are singular. */
static bool build(struct bundle *b, double damping) {
    size_t n = b->cameras * UNKNOWNS;
    memset(b->normal, 0, n * n * sizeof *b->normal);
    memset(b->right, 0, n * sizeof *b->right);
    struct part parts[CAMERA_COUNT_MAX];
    bool usable[CAMERA_COUNT_MAX];
    for (size_t c = 0; c < b->cameras; c++) {
        double away[UNKNOWNS];
        departure(b, c, away);
        for (int k = 0; k < UNKNOWNS; k++) {
            double w = 1 / (b->prior[c][k] * b->prior[c][k]);
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
            double solved_cross[UNKNOWNS][3]; /* cross V^-1 */
            for (size_t a = 0; a < UNKNOWNS; a++) { /* the factor reads the lower triangle alone */
                const double *c = cross[k][a];
                double *row = &b->normal[(base + a) * n + base], wa0 = parts[k].weight * parts[k].camera[0][a], wa1 = parts[k].weight * parts[k].camera[1][a];
                for (size_t e = 0; e <= a; e++) row[e] += wa0 * parts[k].camera[0][e] + wa1 * parts[k].camera[1][e];
                b->right[base + a] -= wa0 * parts[k].r[0] + wa1 * parts[k].r[1] + c[0] * solved.x + c[1] * solved.y + c[2] * solved.z;
                struct vec3 x = sym3_apply(inverse, vec3_of(c[0], c[1], c[2]));
                memcpy(solved_cross[a], (double[3]){x.x, x.y, x.z}, sizeof solved_cross[a]);
            }
            for (uint32_t m = 0; m <= k; m++) { /* Schur: minus cross V^-1 cross'; sights are in the order of cameras */
                if (!usable[m]) continue;
                size_t other = (size_t)b->seen[p->first + m].camera * UNKNOWNS;
                for (size_t a = 0; a < UNKNOWNS; a++) {
                    const double *x = solved_cross[a];
                    double *row = &b->normal[(base + a) * n + other];
                    for (size_t e = 0; e < (m == k ? a + 1 : UNKNOWNS); e++) row[e] -= x[0] * cross[m][e][0] + x[1] * cross[m][e][1] + x[2] * cross[m][e][2];
                }
            }
        }
    }
    for (size_t k = 0; k < n; k++) b->normal[k * (n + 1)] *= 1 + damping;
    return cholesky_factor(b->normal, n);
}

/* One damped Gauss-Newton step on all unknowns; false when the equations are singular. */
static bool step(struct bundle *b, double damping) {
    struct part parts[CAMERA_COUNT_MAX];
    bool usable[CAMERA_COUNT_MAX];
    if (!build(b, damping)) return false;
    cholesky_solve(b->normal, b->cameras * UNKNOWNS, b->right);
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
    for (size_t c = 0; c < b->cameras; c++) apply(&b->views[c], &b->clocks[c], b->right + c * UNKNOWNS);
    return true;
}

static double baseline(const struct camera_view *views, size_t count) {
    double sum = 0;
    for (size_t a = 0; a < count; a++) {
        for (size_t c = 0; c < a; c++) sum += vec3_distance(camera_centre(&views[a].pose), camera_centre(&views[c].pose));
    }
    return sum;
}

/* Mean distance between everything that each camera saw of these points and where they are, triangulated by these views and clocks. */
static void measure(const struct bundle *b, const struct camera_view *views, const struct camera_clock *clocks, double mean[], double *all) {
    struct track_scope scope = {.camera_count = b->cameras};
    double sum[CAMERA_COUNT_MAX] = {0}, total = 0;
    size_t n[CAMERA_COUNT_MAX] = {0}, count = 0;
    for (size_t c = 0; c < b->cameras; c++) scope.views[c] = &views[c], scope.noise_px[c] = sqrt(b->noise2[c]);
    for (size_t i = 0; i < b->point_count; i++) {
        const struct unknown *p = &b->points[i];
        struct pose_point points[CAMERA_COUNT_MAX];
        const struct pose_point *list[CAMERA_COUNT_MAX] = {0};
        struct track_point out;
        for (uint32_t k = 0; k < p->count; k++) {
            const struct observation *o = &b->seen[p->first + k];
            double u = o->u, v = o->v, u0, v0;
            struct sight late;
            /* as if the camera had looked at the instant */
            if (vec3_is_known(p->at) && residual_of(&views[o->camera], &clocks[o->camera], p, o, &late) && camera_project(&views[o->camera], p->at, &u0, &v0)) {
                u += u0 - (late.r[0] + o->u), v += v0 - (late.r[1] + o->v);
            }
            points[o->camera] = (struct pose_point){(float)u, (float)v, 1};
            list[o->camera] = &points[o->camera];
        }
        if (!track_triangulate(&scope, list, 1, &out)) continue;
        for (uint32_t k = 0; k < p->count; k++) {
            size_t c = b->seen[p->first + k].camera;
            double u, v;
            if (!camera_project(&views[c], out.at, &u, &v)) continue;
            double miss = hypot(points[c].x - u, points[c].y - v);
            sum[c] += miss, n[c]++, total += miss, count++;
        }
    }
    for (size_t c = 0; c < b->cameras; c++) mean[c] = n[c] ? sum[c] / (double)n[c] : NAN;
    *all = count ? total / (double)count : NAN;
}

/* Joints of the frames [from, until) that two cameras saw, thinned to `limit`: those triangulated, or (for measuring) all. */
static struct err gather(struct bundle *b, const struct track_recording *r, const struct track_people *people, struct track_state *const *states, int64_t from, int64_t until, size_t limit,
                         bool with_unknown) {
    size_t joints = people->layout.joint_count, total = 0;
    for (size_t i = 0; i < people->count; i++) total += people->people[i].frame_count * joints;
    size_t stride = total / limit + 1, turn = 0;
    b->points = mem_zalloc_array(total / stride + 1, sizeof *b->points);
    b->seen = mem_zalloc_array((total / stride + 1) * b->cameras, sizeof *b->seen);
    if (!b->points || !b->seen) return err_memory();
    for (size_t i = 0; i < people->count; i++) {
        const struct track_person *p = &people->people[i];
        for (size_t f = 0; f < p->frame_count; f++) {
            int64_t frame = p->frame_first + (int64_t)f;
            if (frame < from || frame >= until) continue;
            for (size_t k = 0; k < joints; k++) {
                const struct track_state *s = &states[i][f * joints + k];
                struct vec3 at = p->points[f * joints + k].at;
                if ((!vec3_is_known(at) && !with_unknown) || turn++ % stride) continue;
                struct unknown u = {.at = at, .first = (uint32_t)b->seen_count, .now_s = (double)frame / r->rate};
                if (s->source != TRACK_UNKNOWN && vec3_is_known(s->velocity)) u.velocity = s->velocity, u.acceleration = s->acceleration;
                if (!vec3_is_known(at) && s->source != TRACK_UNKNOWN) u.at = s->at;
                for (size_t c = 0; c < b->cameras; c++) {
                    int d = p->detections[f * b->cameras + c];
                    const struct pose_take *t = r->given[c];
                    int64_t index = r->is_as_given ? frame - t->frame_first : r->source[c][frame - r->frame_first];
                    if (d < 0 || index < 0) continue;
                    const struct pose_point *q = pose_person(t, (size_t)index, (size_t)d) + k;
                    double rate = r->given_rig->cameras[c].clock.rate > 0 ? r->given_rig->cameras[c].clock.rate : r->rate;
                    if (q->confidence >= 0.3f) b->seen[u.first + u.count++] = (struct observation){(uint8_t)c, q->x, q->y, (double)(t->frame_first + index) / rate};
                }
                if (u.count < 2) continue;
                b->seen_count += u.count;
                b->points[b->point_count++] = u;
            }
        }
    }
    return ERR_OK;
}

static int double_order(const void *a_, const void *b_) {
    double a = *(const double *)a_, b = *(const double *)b_;
    return a < b ? -1 : a > b;
}

/* Median length of the sum of some segments, each between two joints of the layout, over the frames in which all are known. */
static double median_length(const struct track_people *people, size_t person, const int (*ends)[2], size_t count) {
    const struct track_person *p = &people->people[person];
    const size_t joints = people->layout.joint_count;
    double *lengths = mem_zalloc_array(p->frame_count + 1, sizeof *lengths), median = NAN;
    size_t n = 0;
    for (size_t f = 0; f < p->frame_count && lengths; f++) {
        double sum = 0;
        for (size_t i = 0; i < count; i++) sum += vec3_distance(p->points[f * joints + (size_t)ends[i][0]].at, p->points[f * joints + (size_t)ends[i][1]].at);
        if (isfinite(sum)) lengths[n++] = sum;
    }
    if (n) {
        qsort(lengths, n, sizeof *lengths, double_order);
        median = lengths[n / 2];
    }
    mem_free(lengths);
    return median;
}

double track_height(const struct track_people *people, size_t person) {
    const struct pose_layout *l = &people->layout;
    double sum = 0;
    int sides = 0;
    for (int side = 0; side < 2; side++) {
        int shoulder = pose_layout_find(l, side ? POSE_RSHOULDER : POSE_LSHOULDER), hip = pose_layout_find(l, side ? POSE_RHIP : POSE_LHIP);
        int knee = pose_layout_find(l, side ? POSE_RKNEE : POSE_LKNEE), ankle = pose_layout_find(l, side ? POSE_RANKLE : POSE_LANKLE);
        if (shoulder < 0 || hip < 0 || knee < 0 || ankle < 0) continue;
        double chain = median_length(people, person, (const int[][2]){{shoulder, hip}, {hip, knee}, {knee, ankle}}, 3);
        if (isfinite(chain)) sum += chain / 0.779, sides++; /* 0.288 + 0.245 + 0.246 of the height */
    }
    return sides ? sum / sides : NAN;
}

static struct err scale_of(const struct track_people *people, const struct track_refine_options *o, double *scale) {
    double sum = 0;
    size_t n = 0;
    *scale = NAN;
    if (!(o->height_m > 0) && !(o->length_m > 0)) return ERR_OK;
    size_t joints = people->layout.joint_count;
    if (!(o->height_m > 0) && (o->length_from < 0 || o->length_to < 0 || (size_t)o->length_from >= joints || (size_t)o->length_to >= joints || o->length_from == o->length_to)) {
        return err_make(ERR_INPUT, "track.refine", "The known length needs two different joints that the key points have.");
    }
    for (size_t i = 0; i < people->count; i++) {
        double measured = o->height_m > 0 ? track_height(people, i) : median_length(people, i, (const int[][2]){{o->length_from, o->length_to}}, 1);
        if (isfinite(measured) && measured > 0) sum += measured, n++;
    }
    if (!n) return err_make(ERR_INPUT, "track.refine", "Nobody's height or length could be measured: the joints that it needs were never seen together.");
    *scale = (o->height_m > 0 ? o->height_m : o->length_m) * (double)n / sum;
    return ERR_OK;
}

/* Damped Gauss-Newton until nothing is won any more. */
static struct err settle(struct bundle *b) {
    struct unknown *points_before = mem_zalloc_array(b->point_count, sizeof *points_before);
    struct bundle *before = mem_zalloc(sizeof *before);
    double cost = cost_of(b), damping = 1e-3;
    for (int i = 0; i < STEPS_MAX && points_before && before; i++) {
        memcpy(before->views, b->views, sizeof b->views), memcpy(before->clocks, b->clocks, sizeof b->clocks);
        memcpy(points_before, b->points, b->point_count * sizeof *points_before);
        double next = step(b, damping) ? cost_of(b) : INFINITY;
        if (next < cost) {
            bool is_done = cost - next < 1e-5 * cost;
            cost = next, damping = fmax(damping / 5, 1e-9);
            if (is_done) break;
            continue;
        }
        memcpy(b->views, before->views, sizeof b->views), memcpy(b->clocks, before->clocks, sizeof b->clocks);
        memcpy(b->points, points_before, b->point_count * sizeof *points_before);
        if ((damping *= 10) > 1e6) break;
    }
    bool has_memory = points_before && before;
    mem_free(points_before), mem_free(before);
    return has_memory ? ERR_OK : err_memory();
}

/* What the normal equations leave open about each camera's clock. */
static void deviations(struct bundle *b, struct track_refinement *r) {
    const size_t n = b->cameras * UNKNOWNS;
    bool is_solved = build(b, 0);
    for (size_t c = 0; c < b->cameras; c++) {
        double *out[3] = {&r->offset_deviation_s[c], &r->drift_deviation[c], &r->row_deviation_s[c]};
        for (size_t k = 0; k < 3; k++) {
            *out[k] = NAN;
            if (!is_solved) continue;
            memset(b->right, 0, n * sizeof *b->right);
            b->right[c * UNKNOWNS + OFFSET + k] = 1;
            cholesky_solve(b->normal, n, b->right);
            *out[k] = sqrt(b->right[c * UNKNOWNS + OFFSET + k]);
        }
    }
}

/* Which camera's clock the others are set by, and how far each number may go. */
static void set_priors(struct bundle *b, const struct camera_rig *rig, double rate, bool with_clocks) {
    size_t sights[CAMERA_COUNT_MAX] = {0}, reference = 0;
    for (size_t i = 0; i < b->seen_count; i++) sights[b->seen[i].camera]++;
    for (size_t c = 1; c < b->cameras; c++) {
        if (sights[c] > sights[reference]) reference = c;
    }
    for (size_t c = 0; c < b->cameras; c++) {
        double height = rig->cameras[c].height > 0 ? rig->cameras[c].height : 2 * fmax(rig->cameras[c].fixed.lens.cy, 1);
        memcpy(b->prior[c], prior, sizeof prior);
        b->prior[c][OFFSET] = with_clocks && c != reference ? 1 / rate : fixed;
        b->prior[c][DRIFT] = with_clocks && c != reference ? 1e-4 : fixed;
        b->prior[c][ROW] = with_clocks ? 5e-3 / height : fixed;
    }
}

/* What people say about cameras is the same wherever the whole lies in the world: it is put back where the cameras given are, on average. */
static void put_back(struct bundle *b) {
    struct vec3 now = {0}, given = {0};
    double spread = 0, part = 1 / (double)b->cameras;
    for (size_t c = 0; c < b->cameras; c++) {
        now = vec3_add(now, vec3_scale(camera_centre(&b->views[c].pose), part)), given = vec3_add(given, vec3_scale(camera_centre(&b->given[c].pose), part));
    }
    for (size_t c = 0; c < b->cameras; c++) spread += part * pow(vec3_distance(camera_centre(&b->given[c].pose), given), 2);
    if (!(spread > 1e-12)) return;
    struct mat3 sum = {0}, turn;
    for (size_t c = 0; c < b->cameras; c++) {
        struct mat3 back = mat3_transpose(&b->given[c].pose.rotation), q = mat3_multiply(&back, &b->views[c].pose.rotation);
        struct vec3 n = vec3_sub(camera_centre(&b->views[c].pose), now), g = vec3_sub(camera_centre(&b->given[c].pose), given);
        for (int i = 0; i < 9; i++) sum.m[i / 3][i % 3] += part * (q.m[i / 3][i % 3] + (&g.x)[i / 3] * (&n.x)[i % 3] / spread);
    }
    if (!rotation_nearest(&sum, 1e9, &turn)) return;
    /* world as given = turn (world now - now) + given */
    struct mat3 back = mat3_transpose(&turn);
    for (size_t c = 0; c < b->cameras; c++) {
        struct camera_pose *p = &b->views[c].pose;
        struct vec3 centre = vec3_add(mat3_apply(&turn, vec3_sub(camera_centre(p), now)), given);
        p->rotation = mat3_multiply(&p->rotation, &back);
        p->translation = vec3_scale(mat3_apply(&p->rotation, centre), -1);
    }
}

struct err track_refine(struct arena *mem, const struct track_recording *recording, const struct track_people *people, const struct track_refine_options *options, struct camera_rig *out,
                        struct track_refinement *report) {
    const struct camera_rig *rig = recording->given_rig;
    const struct err too_little = err_make(ERR_INPUT, "track.refine", "Fewer than 200 joints were seen by two cameras: too little to refine the calibration from.");
    int64_t first = INT64_MAX, last = INT64_MIN;
    double scale = NAN, held = fmin(fmax(options->held, 0), 0.9);
    for (size_t c = 0; c < rig->count; c++) {
        if (rig->cameras[c].views) return err_make(ERR_INPUT, "track.refine", "A camera whose view changes from frame to frame cannot be refined from people.");
    }
    for (size_t i = 0; i < people->count; i++) {
        const struct track_person *p = &people->people[i];
        if (p->frame_first < first) first = p->frame_first;
        if (p->frame_first + (int64_t)p->frame_count > last) last = p->frame_first + (int64_t)p->frame_count;
    }
    if (last <= first) return too_little;
    struct err e = scale_of(people, options, &scale);
    if (e.kind) return e;
    int64_t until = last - (int64_t)(held * (double)(last - first) + 0.5);
    size_t n = rig->count * UNKNOWNS;
    struct bundle *b = mem_zalloc(sizeof *b), *apart = mem_zalloc(sizeof *apart);
    struct camera *cameras = arena_alloc_array(mem, rig->count, sizeof *cameras);
    struct track_state **states = arena_alloc_array(mem, people->count, sizeof *states);
    if (!b || !apart || !cameras || !states) {
        mem_free(b), mem_free(apart);
        return err_memory();
    }
    b->cameras = rig->count;
    for (size_t c = 0; c < rig->count; c++) {
        b->views[c] = b->given[c] = rig->cameras[c].fixed;
        b->clocks[c] = b->clocks_given[c] = rig->cameras[c].clock;
        b->noise2[c] = people->noise_px[c] * people->noise_px[c];
    }
    *apart = *b;
    b->normal = mem_zalloc_array(n * n, sizeof *b->normal), b->right = mem_zalloc_array(n, sizeof *b->right);
    if (!b->normal || !b->right) e = err_memory();
    for (size_t i = 0; i < people->count && !e.kind; i++) e = track_smooth_all(mem, people, i, recording->rate, 0.2, &states[i]);
    if (!e.kind) e = gather(b, recording, people, states, first, until, POINTS_MAX, false);
    if (!e.kind) e = gather(apart, recording, people, states, held > 0 ? until : first, last, SIZE_MAX - 1, true);
    if (!e.kind && b->point_count < 200) e = too_little;
    if (!e.kind) {
        set_priors(b, rig, recording->rate, options->with_clocks);
        e = settle(b);
    }
    if (!e.kind) {
        struct track_refinement r = {.frames = (size_t)(until - first), .frames_held = (size_t)(last - until), .scale = isfinite(scale) ? scale : 1};
        deviations(b, &r);
        measure(apart, b->given, b->clocks_given, r.before_px, &r.all_before_px);
        measure(apart, b->views, b->clocks, r.after_px, &r.all_after_px);
        /* People do not know how large they are: the rig's own baselines do, or who measured them. */
        double own = baseline(b->given, rig->count) / baseline(b->views, rig->count);
        if (!(isfinite(own) && own > 0)) own = 1;
        for (size_t c = 0; c < rig->count; c++) b->views[c].pose.translation = vec3_scale(b->views[c].pose.translation, own);
        put_back(b);
        for (size_t c = 0; c < rig->count; c++) {
            b->views[c].pose.translation = vec3_scale(b->views[c].pose.translation, r.scale);
            double away[UNKNOWNS];
            departure(b, c, away);
            r.turned_rad[c] = sqrt(away[0] * away[0] + away[1] * away[1] + away[2] * away[2]);
            r.moved_m[c] = vec3_distance(camera_centre(&b->views[c].pose), camera_centre(&b->given[c].pose));
            r.clock_before[c] = b->clocks_given[c], r.clock_after[c] = b->clocks[c];
            if (!options->with_clocks) r.offset_deviation_s[c] = r.drift_deviation[c] = r.row_deviation_s[c] = NAN;
            cameras[c] = rig->cameras[c];
            cameras[c].fixed = b->views[c], cameras[c].clock = b->clocks[c];
        }
        *out = (struct camera_rig){cameras, rig->count, rig->up};
        if (report) *report = r;
    }
    mem_free(b->points), mem_free(b->seen), mem_free(b->normal), mem_free(b->right), mem_free(b);
    mem_free(apart->points), mem_free(apart->seen), mem_free(apart);
    return e;
}
