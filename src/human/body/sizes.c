/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the athlete is, apart from what the athlete does: the sizes, by Gauss-Newton steps in which each frame's posture is profiled out (Schur complement). The tree
 * makes that cheap: limbs first, then the torso, then the sizes. */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "human/body/fit.h"

enum { COLUMNS = SIZES + 1, WIDE = TORSO_DOFS + COLUMNS, CHAIN_MAX = 18 };

/* A joint's place is a sum of sizes times vectors in the frames of the segments between it and the pelvis. */
struct chain {
    int count;
    struct {
        int8_t size, segment;
        struct vec3 by;
    } link[CHAIN_MAX];
};

static void add_links(struct chain *c, struct place p, int segment) {
    for (int i = 0; i < TERMS_MAX && p.term[i].size >= 0; i++) {
        c->link[c->count].size = p.term[i].size, c->link[c->count].segment = (int8_t)segment, c->link[c->count].by = p.term[i].by;
        c->count++;
    }
}

static struct chain chain_of(enum pose_joint k) {
    struct chain c = {0};
    int segment = body_point_segment(k);
    add_links(&c, body_point_place(k), segment);
    for (; segment != BODY_PELVIS; segment = body_segment_parent((enum body_segment)segment)) {
        add_links(&c, body_segment_place((enum body_segment)segment), body_segment_parent((enum body_segment)segment));
    }
    return c;
}

/* One frame with its posture eliminated: Cholesky factors, and what they leave of the columns [torso | sizes | gradient]. */
struct eliminated {
    double own[LIMBS][LIMB_DOFS_MAX][LIMB_DOFS_MAX], row[LIMBS][LIMB_DOFS_MAX][WIDE];
    double torso[TORSO_DOFS][TORSO_DOFS], torso_row[TORSO_DOFS][COLUMNS];
};

/* In place, lower; reciprocal roots on the diagonal. `rows` (n x wide) becomes L^-1 rows. */
static bool eliminate(double *restrict a, size_t pitch, int n, double *restrict rows, size_t wide) {
    for (int j = 0; j < n; j++) {
        double d = a[(size_t)j * pitch + (size_t)j];
        for (int k = 0; k < j; k++) d -= a[(size_t)j * pitch + (size_t)k] * a[(size_t)j * pitch + (size_t)k];
        if (!(d > 0) || !isfinite(d)) return false;
        double inverse = 1 / sqrt(d);
        a[(size_t)j * pitch + (size_t)j] = inverse;
        for (int i = j + 1; i < n; i++) {
            double x = a[(size_t)i * pitch + (size_t)j];
            for (int k = 0; k < j; k++) x -= a[(size_t)i * pitch + (size_t)k] * a[(size_t)j * pitch + (size_t)k];
            a[(size_t)i * pitch + (size_t)j] = x * inverse;
        }
        double *mine = rows + (size_t)j * wide;
        for (int k = 0; k < j; k++) {
            double f = a[(size_t)j * pitch + (size_t)k];
            const double *other = rows + (size_t)k * wide;
            for (size_t c = 0; c < wide; c++) mine[c] -= f * other[c];
        }
        for (size_t c = 0; c < wide; c++) mine[c] *= inverse;
    }
    return true;
}

/* What the sizes mean for one frame: rows of H_qs with the gradient behind them, H_ss, g_s. */
static void size_columns(const struct task *t, size_t frame, const struct stance *s, const struct chain chains[POSE_JOINTS], double columns[DOFS][COLUMNS], double (*ss)[SIZES],
                         double *gs) {
    double sum[BODY_SEGMENTS][SIZES][6];
    memset(sum, 0, sizeof sum);
    struct vec3 reference = s->origin[BODY_PELVIS];
    for (int k = 0; k < POSE_JOINTS; k++) {
        const struct sight *sight = &t->sights[frame * POSE_JOINTS + (size_t)k];
        if (!(sight->information.xx > 0)) continue;
        struct vec3 r = vec3_sub(s->point[k], sight->at), d = vec3_sub(s->point[k], reference), v[CHAIN_MAX], wv[CHAIN_MAX];
        double scale = 1 / t->noise_scale[k], d2 = scale * sym3_quadratic(sight->information, r);
        struct sym3 w = sym3_scale(sight->information, scale / (1 + d2 / t->cauchy2));
        const struct chain *c = &chains[k];
        double(*mine)[6] = sum[body_point_segment((enum pose_joint)k)];
        for (int i = 0; i < c->count; i++) {
            v[i] = mat3_apply(&s->rotation[c->link[i].segment], c->link[i].by), wv[i] = sym3_apply(w, v[i]);
            struct vec3 torque = vec3_cross(d, wv[i]);
            double *f = mine[c->link[i].size];
            f[0] += torque.x, f[1] += torque.y, f[2] += torque.z, f[3] += wv[i].x, f[4] += wv[i].y, f[5] += wv[i].z;
            gs[c->link[i].size] += vec3_dot(wv[i], r);
            for (int j = 0; j <= i; j++) {
                double h = vec3_dot(wv[i], v[j]);
                ss[c->link[i].size][c->link[j].size] += h;
                if (i != j) ss[c->link[j].size][c->link[i].size] += h;
            }
        }
    }
    for (int segment = BODY_SEGMENTS - 1; segment > 0; segment--) {
        double *parent = &sum[body_segment_parent((enum body_segment)segment)][0][0], *child = &sum[segment][0][0];
        for (int i = 0; i < SIZES * 6; i++) parent[i] += child[i];
    }
    for (int i = 0; i < DOFS; i++) {
        struct vec3 a = s->axis[i], v = body_dofs[i].kind == DOF_SLIDE ? a : vec3_cross(vec3_sub(s->pivot[i], reference), a);
        if (body_dofs[i].kind == DOF_SLIDE) a = (struct vec3){0};
        double(*mine)[6] = sum[body_dofs[i].segment];
        for (int z = 0; z < SIZES; z++) columns[i][z] = a.x * mine[z][0] + a.y * mine[z][1] + a.z * mine[z][2] + v.x * mine[z][3] + v.y * mine[z][4] + v.z * mine[z][5];
    }
}

static bool profile(const struct task *t, size_t frame, const struct chain chains[POSE_JOINTS], struct eliminated *e, double (*ss)[SIZES], double *gs) {
    struct stance s;
    struct normal n;
    double columns[DOFS][COLUMNS];
    memset(&n, 0, sizeof n);
    body_stand(&t->shape, &t->postures[frame], &s);
    (void)body_normal(t, frame, &s, &n);
    size_columns(t, frame, &s, chains, columns, ss, gs);
    for (int i = 0; i < DOFS; i++) columns[i][SIZES] = n.gradient[i];
    memcpy(e->torso, n.torso, sizeof e->torso);
    memcpy(e->torso_row, columns, sizeof e->torso_row);
    for (int l = 0; l < LIMBS; l++) {
        int count = body_limbs[l].count;
        memcpy(e->own[l], n.limb[l].own, sizeof e->own[l]);
        for (int i = 0; i < count; i++) {
            memcpy(e->row[l][i], n.limb[l].cross[i], sizeof n.limb[l].cross[i]);
            memcpy(e->row[l][i] + TORSO_DOFS, columns[body_limbs[l].first + i], sizeof columns[0]);
        }
        if (!eliminate(&e->own[l][0][0], LIMB_DOFS_MAX, count, &e->row[l][0][0], WIDE)) return false;
        for (int k = 0; k < count; k++) {
            const double *row = e->row[l][k], *rest = row + TORSO_DOFS;
            for (int i = 0; i < TORSO_DOFS; i++) {
                for (int j = 0; j < TORSO_DOFS; j++) e->torso[i][j] -= row[i] * row[j];
                for (int j = 0; j < COLUMNS; j++) e->torso_row[i][j] -= row[i] * rest[j];
            }
            for (int i = 0; i < SIZES; i++) {
                if (rest[i] == 0) continue; /* most sizes belong to other limbs */
                for (int j = 0; j < SIZES; j++) ss[i][j] -= rest[i] * rest[j];
                gs[i] -= rest[i] * rest[SIZES];
            }
        }
    }
    for (int i = 0; i < TORSO_DOFS; i++) e->torso[i][i] += 1e-9 * n.torso[i][i];
    if (!eliminate(&e->torso[0][0], TORSO_DOFS, TORSO_DOFS, &e->torso_row[0][0], COLUMNS)) return false;
    for (int k = 0; k < TORSO_DOFS; k++) {
        const double *row = e->torso_row[k];
        for (int i = 0; i < SIZES; i++) {
            for (int j = 0; j < SIZES; j++) ss[i][j] -= row[i] * row[j];
            gs[i] -= row[i] * row[SIZES];
        }
    }
    return true;
}

/* The posture's own step, given that of the sizes. */
static void follow(const struct eliminated *e, const double *by, double step[DOFS]) {
    for (int i = TORSO_DOFS; i-- > 0;) {
        double x = -e->torso_row[i][SIZES];
        for (int z = 0; z < SIZES; z++) x -= e->torso_row[i][z] * by[z];
        for (int k = i + 1; k < TORSO_DOFS; k++) x -= e->torso[k][i] * step[k];
        step[i] = x * e->torso[i][i];
    }
    for (int l = 0; l < LIMBS; l++) {
        double *mine = step + body_limbs[l].first;
        for (int i = body_limbs[l].count; i-- > 0;) {
            const double *row = e->row[l][i];
            double x = -row[TORSO_DOFS + SIZES];
            for (int z = 0; z < SIZES; z++) x -= row[TORSO_DOFS + z] * by[z];
            for (int k = 0; k < TORSO_DOFS; k++) x -= row[k] * step[k];
            for (int k = i + 1; k < body_limbs[l].count; k++) x -= e->own[l][k][i] * mine[k];
            mine[i] = x * e->own[l][i][i];
        }
    }
}

bool body_fit_sizes(struct task *t, const size_t *frames, size_t count, bool with_postures) {
    struct chain chains[POSE_JOINTS];
    for (int k = 0; k < POSE_JOINTS; k++) chains[k] = chain_of((enum pose_joint)k);
    double ss[SIZES][SIZES] = {{0}}, gs[SIZES] = {0}, by[SIZES];
    struct eliminated one, *each = with_postures ? mem_alloc((count ? count : 1) * sizeof *each) : &one;
    if (!each) return false;
    bool has_frame[SIZE_FRAMES_MAX], is_fine = true;
    assert(count <= SIZE_FRAMES_MAX);
    for (size_t i = 0; i < count; i++) {
        double frame_ss[SIZES][SIZES] = {{0}}, frame_gs[SIZES] = {0};
        /* a frame whose points contradict each other so much that rounding eats its matrix says nothing */
        has_frame[i] = profile(t, frames[i], chains, with_postures ? &each[i] : &one, frame_ss, frame_gs);
        for (int j = 0; j < SIZES && has_frame[i]; j++) {
            for (int k = 0; k < SIZES; k++) ss[j][k] += frame_ss[j][k];
            gs[j] += frame_gs[j];
        }
    }
    for (int i = 0; i < SIZES && is_fine; i++) {
        double weight = 1 / (body_size_priors[i].deviation * t->height * body_size_priors[i].deviation * t->height);
        ss[i][i] += weight, gs[i] += weight * (t->sizes[i] - body_size_priors[i].mean * t->height);
        by[i] = -gs[i];
    }
    is_fine = is_fine && cholesky_factor(&ss[0][0], SIZES);
    if (is_fine) {
        cholesky_solve(&ss[0][0], SIZES, by);
        for (int i = 0; i < SIZES; i++) is_fine = is_fine && isfinite(by[i]);
    }
    if (is_fine) {
        for (int i = 0; i < SIZES; i++) {
            const struct size_prior *p = &body_size_priors[i];
            double unit[SIZES] = {0}, least = p->mean * t->height - 6 * p->deviation * t->height, most = p->mean * t->height + 6 * p->deviation * t->height;
            if (p->mean > 0.05) least = fmax(least, 0.3 * p->mean * t->height); /* no bone of length 0 */
            unit[i] = 1;
            cholesky_solve(&ss[0][0], SIZES, unit);
            t->size_errors[i] = sqrt(unit[i]);
            by[i] = fmax(least, fmin(most, t->sizes[i] + by[i])) - t->sizes[i];
        }
        for (size_t i = 0; i < count && with_postures; i++) {
            double step[DOFS], longest = 0;
            if (!has_frame[i]) continue;
            follow(&each[i], by, step);
            for (int k = DOF_PELVIS; k < DOFS; k++) longest = fmax(longest, fabs(step[k]));
            for (int k = 0; k < DOFS && longest > 0.7; k++) step[k] *= 0.7 / longest; /* beyond that a turn is no straight line any more */
            bool is_finite = isfinite(longest);
            if (is_finite) body_move(&t->postures[frames[i]], step);
        }
        for (int i = 0; i < SIZES; i++) t->sizes[i] += by[i];
        body_shape_of(t->sizes, &t->shape);
    }
    if (with_postures) mem_free(each);
    return true;
}
