/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The normal equations of one frame.
 *
 * A point p of a segment moves by v + w x (p - c) when its segment turns by w and slides by v at the reference place c. What is known of p therefore says
 * something about the six numbers (w, v) of the segment, and all points of a segment together are one 6 x 6 matrix and one 6-vector. Those of a segment and
 * of everything beyond it are summed from the tips to the pelvis; a degree of freedom j moves all of that by its own twist S_j, so that H_ij = S_i' I S_j with the
 * sum I beyond j, for every i between j and the pelvis: the composite rigid body algorithm (Walker and Orin 1982), with information in the
 * place of mass. */
#include <string.h>

#include "human/body/fit.h"

static const double limit_deviation = 3 * M_PI / 180;

/* Symmetric, row-major; (w, v). */
struct spatial {
    double i[6][6], f[6];
};

static void spatial_add(struct spatial *a, const struct spatial *b) {
    for (int i = 0; i < 36; i++) (&a->i[0][0])[i] += (&b->i[0][0])[i];
    for (int i = 0; i < 6; i++) a->f[i] += b->f[i];
}

/* A point at d from the reference with information w, off by r. */
static void spatial_point(struct spatial *s, struct vec3 d, struct sym3 w, struct vec3 r) {
    /* D W, row by row: d x (column of W) */
    struct vec3 wx = {w.xx, w.xy, w.xz}, wy = {w.xy, w.yy, w.yz}, wz = {w.xz, w.yz, w.zz};
    struct vec3 dx = vec3_cross(d, wx), dy = vec3_cross(d, wy), dz = vec3_cross(d, wz); /* columns of D W */
    struct vec3 row[3] = {vec3_of(dx.x, dy.x, dz.x), vec3_of(dx.y, dy.y, dz.y), vec3_of(dx.z, dy.z, dz.z)};
    for (int i = 0; i < 3; i++) {
        /* -D W D: row i times the skew matrix, which is d x row */
        struct vec3 ww = vec3_cross(d, row[i]);
        s->i[i][0] += ww.x, s->i[i][1] += ww.y, s->i[i][2] += ww.z;
        s->i[i][3] += row[i].x, s->i[i][4] += row[i].y, s->i[i][5] += row[i].z;
        s->i[3][i] += (&row[i].x)[0], s->i[4][i] += (&row[i].x)[1], s->i[5][i] += (&row[i].x)[2];
    }
    s->i[3][3] += w.xx, s->i[3][4] += w.xy, s->i[3][5] += w.xz;
    s->i[4][3] += w.xy, s->i[4][4] += w.yy, s->i[4][5] += w.yz;
    s->i[5][3] += w.xz, s->i[5][4] += w.yz, s->i[5][5] += w.zz;
    struct vec3 force = sym3_apply(w, r), torque = vec3_cross(d, force);
    s->f[0] += torque.x, s->f[1] += torque.y, s->f[2] += torque.z;
    s->f[3] += force.x, s->f[4] += force.y, s->f[5] += force.z;
}

static void twist(const struct stance *s, int dof, struct vec3 reference, double out[6]) {
    struct vec3 a = s->axis[dof], v;
    if (body_dofs[dof].kind == DOF_SLIDE) v = a, a = (struct vec3){0};
    else v = vec3_cross(vec3_sub(s->pivot[dof], reference), a);
    out[0] = a.x, out[1] = a.y, out[2] = a.z, out[3] = v.x, out[4] = v.y, out[5] = v.z;
}

static double dot6(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3] + a[4] * b[4] + a[5] * b[5]; }

/* Everything beyond each segment, into the normal. */
static void fold(const struct stance *s, struct spatial sum[BODY_SEGMENTS], struct normal *out) {
    struct vec3 reference = s->origin[BODY_PELVIS];
    double t[DOFS][6];
    for (int i = 0; i < DOFS; i++) twist(s, i, reference, t[i]);
    for (int segment = BODY_SEGMENTS - 1; segment > 0; segment--) spatial_add(&sum[body_segment_parent((enum body_segment)segment)], &sum[segment]);
    for (int l = 0; l < LIMBS; l++) {
        int first = body_limbs[l].first, n = body_limbs[l].count, torso = first < DOF_LEG ? TORSO_DOFS : DOF_LUMBAR;
        for (int j = 0; j < n; j++) {
            const struct spatial *beyond = &sum[body_dofs[first + j].segment];
            double f[6];
            for (int k = 0; k < 6; k++) f[k] = dot6(beyond->i[k], t[first + j]);
            for (int i = 0; i <= j; i++) {
                double h = dot6(t[first + i], f);
                out->limb[l].own[i][j] += h;
                if (i != j) out->limb[l].own[j][i] += h;
            }
            for (int i = 0; i < torso; i++) out->limb[l].cross[j][i] += dot6(t[i], f);
            out->gradient[first + j] += dot6(t[first + j], beyond->f);
        }
    }
    for (int j = 0; j < TORSO_DOFS; j++) {
        const struct spatial *beyond = &sum[body_dofs[j].segment];
        double f[6];
        for (int k = 0; k < 6; k++) f[k] = dot6(beyond->i[k], t[j]);
        for (int i = 0; i <= j; i++) {
            double h = dot6(t[i], f);
            out->torso[i][j] += h;
            if (i != j) out->torso[j][i] += h;
        }
        out->gradient[j] += dot6(t[j], beyond->f);
    }
}

/* ---- priors and limits ---- */

/* One penalty 1/2 w (value - rest)^2 on an angle whose derivative by the dofs first.. is d (three of a ball, one of a hinge). */
struct hold {
    int first, count;
    double d[3], weight, miss;
};

static double hold_angle(int first, int count, const double *d, double value, const struct angle_range *r, double sign, struct hold *out, int *n) {
    double anatomical = sign * value, cost = 0;
    double weight = 1 / (r->deviation * r->deviation), miss = anatomical - r->rest;
    double pull = weight * miss, strength = weight;
    cost += 0.5 * weight * miss * miss;
    double over = anatomical > r->most ? anatomical - r->most : anatomical < r->least ? anatomical - r->least : 0;
    if (over != 0) {
        double w = 1 / (limit_deviation * limit_deviation);
        pull += w * over, strength += w, cost += 0.5 * w * over * over;
    }
    struct hold *h = &out[(*n)++];
    *h = (struct hold){.first = first, .count = count, .weight = strength, .miss = pull};
    for (int i = 0; i < count; i++) h->d[i] = sign * d[i];
    return cost;
}

/* All penalties of a posture; room for DOFS of them. */
static double holds(const struct task *t, const struct posture *p, struct hold *out, int *count) {
    double cost = 0;
    *count = 0;
    for (int i = DOF_PELVIS; i < DOFS; i++) {
        const struct dof *d = &body_dofs[i];
        if (d->kind == DOF_HINGE) {
            double one = 1;
            cost += hold_angle(i, 1, &one, p->hinge[d->hinge], &body_ranges[d->angle], 1, out, count);
            continue;
        }
        if (d->axis.x != 1) continue;
        double a[3];
        if (i == DOF_PELVIS) {
            struct mat3 r = mat3_multiply(&t->upright, &p->ball[0]);
            body_cardan_yxz_of(&r, a);
            double cc = cos(a[2]), sc = sin(a[2]), cb = cos(a[1]);
            if (fabs(cb) < 0.3) continue;
            struct vec3 tilt = mat3_apply_transposed(&t->upright, vec3_of(sc / cb, 0, cc / cb)), list = mat3_apply_transposed(&t->upright, vec3_of(cc, 0, -sc));
            cost += hold_angle(i, 3, &tilt.x, a[0], &body_ranges[BODY_PELVIS_TILT], 1, out, count);
            cost += hold_angle(i, 3, &list.x, a[1], &body_ranges[BODY_PELVIS_LIST], 1, out, count);
            continue;
        }
        if (d->segment == BODY_LUPPER_ARM || d->segment == BODY_RUPPER_ARM) {
            /* Arms go everywhere, and three angles have poles somewhere (these at the side). What needs a prior is the turn about the arm itself, which a straight elbow does not show:
             * the twist that is left when the arm has swung to where it is by the shortest way. Only straight up that is undefined. */
            const struct mat3 *r = &p->ball[d->ball];
            struct vec3 along = mat3_column(r, 1);
            if (1 + along.y < 0.3) continue;
            double twist = 2 * atan2(r->m[0][2] - r->m[2][0], 1 + r->m[0][0] + r->m[1][1] + r->m[2][2]);
            struct vec3 by = vec3_scale(vec3_add(along, vec3_of(0, 1, 0)), 1 / (1 + along.y));
            cost += hold_angle(i, 3, &by.x, twist, &body_ranges[d->angle + 2], 1, out, count);
            continue;
        }
        body_cardan_of(&p->ball[d->ball], a);
        double ca = cos(a[0]), sa = sin(a[0]), cb = cos(a[1]), sb = sin(a[1]);
        bool is_left = body_is_mirrored(d->angle);
        double by_x[3] = {ca, sa, 0};
        cost += hold_angle(i, 3, by_x, a[1], &body_ranges[d->angle + 1], is_left ? -1 : 1, out, count);
        if (fabs(cb) < 0.3) continue; /* near the pole flexion and rotation are one movement */
        double by_y[3] = {-sa / cb, ca / cb, 0}, by_z[3] = {sb * sa / cb, -sb * ca / cb, 1};
        cost += hold_angle(i, 3, by_z, a[0], &body_ranges[d->angle], 1, out, count);
        cost += hold_angle(i, 3, by_y, a[2], &body_ranges[d->angle + 2], is_left ? -1 : 1, out, count);
    }
    return cost;
}

static double *entry(struct normal *n, int i, int j) {
    if (i < TORSO_DOFS) return &n->torso[i][j];
    for (int l = 0;; l++) {
        if (i < body_limbs[l].first + body_limbs[l].count) return &n->limb[l].own[i - body_limbs[l].first][j - body_limbs[l].first];
    }
}

static const double anchor = 0.1; /* 1/m2 and 1/rad2: what nothing is known about (a pelvis out of sight, a turn near the pole) stays where it was, within 3 m and 3 rad */

static double add_holds(const struct task *t, const struct posture *p, struct normal *out) {
    struct hold list[DOFS];
    int n;
    double cost = holds(t, p, list, &n);
    for (int h = 0; h < n; h++) {
        for (int i = 0; i < list[h].count; i++) {
            out->gradient[list[h].first + i] += list[h].miss * list[h].d[i];
            for (int j = 0; j < list[h].count; j++) *entry(out, list[h].first + i, list[h].first + j) += list[h].weight * list[h].d[i] * list[h].d[j];
        }
    }
    for (int i = 0; i < DOFS; i++) *entry(out, i, i) += anchor;
    return cost;
}

double body_normal(const struct task *t, size_t frame, const struct stance *s, struct normal *out) {
    struct spatial sum[BODY_SEGMENTS];
    memset(sum, 0, sizeof sum);
    struct vec3 reference = s->origin[BODY_PELVIS];
    const struct sight *sights = t->sights + frame * POSE_JOINTS;
    double cost = 0, product = 1; /* the sum of logarithms is that of the product */
    for (int k = 0; k < POSE_JOINTS; k++) {
        if (!(sights[k].information.xx > 0)) continue;
        struct vec3 r = vec3_sub(s->point[k], sights[k].at);
        double scale = 1 / t->noise_scale[k], d2 = scale * sym3_quadratic(sights[k].information, r), weight = 1 / (1 + d2 / t->cauchy2);
        product *= 1 + d2 / t->cauchy2;
        if (product > 1e150) cost += 0.5 * t->cauchy2 * log(product), product = 1;
        spatial_point(&sum[body_point_segment((enum pose_joint)k)], vec3_sub(s->point[k], reference), sym3_scale(sights[k].information, scale * weight), r);
    }
    fold(s, sum, out);
    cost += 0.5 * t->cauchy2 * log(product);
    return cost + add_holds(t, &t->postures[frame], out);
}

double body_normal_pixels(const struct task *t, size_t frame, size_t *from, const struct stance *s, struct normal *out) {
    struct spatial sum[BODY_SEGMENTS];
    struct vec3 reference = s->origin[BODY_PELVIS];
    double cost = 0;
    bool has_any = false;
    for (; *from < t->pixel_count && t->pixels[*from].frame == frame; ++*from) {
        const struct pixel *p = &t->pixels[*from];
        const struct camera_view *view = camera_view_at(&t->rig->cameras[p->camera], t->person->frame_first + (int64_t)frame);
        struct vec3 at = vec3_add(mat3_apply(&view->pose.rotation, s->point[p->joint]), view->pose.translation);
        double u, v, d[2][3], noise = t->people->noise_px[p->camera];
        if (!camera_lens_project_derivative(&view->lens, at, &u, &v, d)) continue;
        double ru = u - p->u, rv = v - p->v, scale = 1 / (noise * noise * t->noise_scale[p->joint]), d2 = (ru * ru + rv * rv) * scale;
        cost += 0.5 * (0.5 * t->cauchy2) * log1p(d2 / (0.5 * t->cauchy2));
        scale /= 1 + d2 / (0.5 * t->cauchy2);
        if (!has_any) memset(sum, 0, sizeof sum), has_any = true;
        struct vec3 ju = mat3_apply_transposed(&view->pose.rotation, vec3_of(d[0][0], d[0][1], d[0][2])), jv = mat3_apply_transposed(&view->pose.rotation, vec3_of(d[1][0], d[1][1], d[1][2]));
        struct sym3 w = {0};
        sym3_add_outer(&w, ju, scale), sym3_add_outer(&w, jv, scale);
        struct spatial *mine = &sum[body_point_segment((enum pose_joint)p->joint)];
        struct vec3 lever = vec3_sub(s->point[p->joint], reference);
        spatial_point(mine, lever, w, (struct vec3){0});
        /* the pull is J' r, which W r would only be for an r in space */
        struct vec3 force = vec3_scale(vec3_add(vec3_scale(ju, ru), vec3_scale(jv, rv)), scale), torque = vec3_cross(lever, force);
        mine->f[0] += torque.x, mine->f[1] += torque.y, mine->f[2] += torque.z, mine->f[3] += force.x, mine->f[4] += force.y, mine->f[5] += force.z;
    }
    if (has_any) fold(s, sum, out);
    return cost;
}

bool body_dof_moves(int dof, enum body_segment segment) {
    for (int s = segment; s >= 0; s = body_segment_parent((enum body_segment)s)) {
        if (body_dofs[dof].segment == s) return true;
    }
    return false;
}

double body_normal_plain(const struct task *t, size_t frame, const struct stance *s, double *matrix, double *gradient) {
    memset(matrix, 0, DOFS * DOFS * sizeof *matrix);
    memset(gradient, 0, DOFS * sizeof *gradient);
    double cost = 0;
    for (int k = 0; k < POSE_JOINTS; k++) {
        const struct sight *sight = &t->sights[frame * POSE_JOINTS + (size_t)k];
        if (!(sight->information.xx > 0)) continue;
        struct vec3 r = vec3_sub(s->point[k], sight->at), by[DOFS];
        double scale = 1 / t->noise_scale[k], d2 = scale * sym3_quadratic(sight->information, r);
        struct sym3 w = sym3_scale(sight->information, scale / (1 + d2 / t->cauchy2));
        cost += 0.5 * t->cauchy2 * log1p(d2 / t->cauchy2);
        for (int i = 0; i < DOFS; i++) {
            by[i] = (struct vec3){0};
            if (!body_dof_moves(i, body_point_segment((enum pose_joint)k))) continue;
            by[i] = body_dofs[i].kind == DOF_SLIDE ? s->axis[i] : vec3_cross(s->axis[i], vec3_sub(s->point[k], s->pivot[i]));
        }
        for (int i = 0; i < DOFS; i++) {
            struct vec3 wi = sym3_apply(w, by[i]);
            gradient[i] += vec3_dot(wi, r);
            for (int j = 0; j < DOFS; j++) matrix[i * DOFS + j] += vec3_dot(wi, by[j]);
        }
    }
    struct hold list[DOFS];
    int n;
    cost += holds(t, &t->postures[frame], list, &n);
    for (int h = 0; h < n; h++) {
        for (int i = 0; i < list[h].count; i++) {
            gradient[list[h].first + i] += list[h].miss * list[h].d[i];
            for (int j = 0; j < list[h].count; j++) matrix[(list[h].first + i) * DOFS + list[h].first + j] += list[h].weight * list[h].d[i] * list[h].d[j];
        }
    }
    for (int i = 0; i < DOFS; i++) matrix[i * DOFS + i] += anchor;
    return cost;
}
