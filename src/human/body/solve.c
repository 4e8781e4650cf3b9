/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One step of the whole sequence.
 *
 * The matrix has 40 unknowns a frame. Frames are tied to each other only by the smoothness, degree by degree; within a frame the limbs are tied to each
 * other only through the torso. Factored as it stands (bandwidth 4 frames, 160) it would cost 500,000 multiplications a frame. Instead the limbs are
 * eliminated first, each over the whole time: a banded matrix of 3, 6 or 8 unknowns a frame. What remains for the torso, S = T - sum C' L^-1 C, is full in time
 * and is never formed; conjugate gradients need only its product with a vector, which costs one banded solve. They are preconditioned
 * by the banded matrix in which each frame's limbs are eliminated by that frame alone: what S is for slow movement. About 4 to 10 steps do. The four
 * limbs proper go side by side through one banded factor (band.h), the arms with two degrees of freedom that do not exist; the head goes by itself. */
#include <string.h>

#include "base/mem.h"
#include "human/body/band.h"
#include "human/body/fit.h"

enum { REACH = 3, STEPS_MAX = 100 };
static const double slow = 5e-4;         /* (2 sin(w/2))^6 of the frequency at which the preconditioner is exact */

/* ---- smoothness ---- */

/* D' W D for third differences: out[t][k][i] ties frame t to frame t + k in degree i. */
static void tie_table(size_t frames, const struct smoothness *smooth, double (*out)[REACH + 1][DOFS]) {
    static const double d[REACH + 1] = {-1, 3, -3, 1};
    memset(out, 0, frames * sizeof *out);
    for (size_t t = 0; t + REACH < frames; t++) {
        double weight[DOFS];
        for (int i = 0; i < DOFS; i++) weight[i] = body_weight(smooth, t, i);
        for (size_t a = 0; a <= REACH; a++) {
            for (size_t b = a; b <= REACH; b++) {
                for (int i = 0; i < DOFS; i++) out[t + a][b - a][i] += d[a] * d[b] * weight[i];
            }
        }
    }
}

/* y += D' W D x for the torso. */
static void smooth_product(const double (*tie)[REACH + 1][DOFS], size_t frames, const double *restrict x, double *restrict y) {
    enum { N = TORSO_DOFS };
    for (size_t t = 0; t < frames; t++) {
        for (size_t k = 1; k <= REACH && t + k < frames; k++) {
            for (int i = 0; i < N; i++) y[t * N + (size_t)i] += tie[t][k][i] * x[(t + k) * N + (size_t)i], y[(t + k) * N + (size_t)i] += tie[t][k][i] * x[t * N + (size_t)i];
        }
        for (int i = 0; i < N; i++) y[t * N + (size_t)i] += tie[t][0][i] * x[t * N + (size_t)i];
    }
}

/* Turns and slides from one frame to the next, in the parents' frames. */
static void advance(const struct posture *p, const struct posture *q, double v[DOFS]) {
    struct vec3 slide = vec3_sub(q->at, p->at);
    v[0] = slide.x, v[1] = slide.y, v[2] = slide.z;
    for (int i = DOF_PELVIS; i < DOFS; i++) {
        const struct dof *d = &body_dofs[i];
        if (d->kind == DOF_HINGE) v[i] = q->hinge[d->hinge] - p->hinge[d->hinge];
        else if (d->axis.x == 1) {
            struct mat3 back = mat3_transpose(&p->ball[d->ball]), turn = mat3_multiply(&q->ball[d->ball], &back);
            struct vec3 w = rotation_to_vector(&turn);
            v[i] = w.x, v[i + 1] = w.y, v[i + 2] = w.z;
        }
    }
}

/* Goes through the third differences: three steps from frame to frame make one. */
static double thirds(const struct posture *p, size_t frames, const struct smoothness *s, struct normal *normals, float *out) {
    double v[3][DOFS] = {{0}}, cost = 0;
    for (size_t f = 0; f + 1 < frames && frames >= 4; f++) {
        memcpy(v[0], v[1], sizeof v[0]), memcpy(v[1], v[2], sizeof v[1]);
        advance(&p[f], &p[f + 1], v[2]);
        for (int i = 0; i < DOFS && f >= 2; i++) {
            double third = v[2][i] - 2 * v[1][i] + v[0][i];
            if (out) out[(f - 2) * DOFS + (size_t)i] = (float)third;
            if (!s) continue;
            double pull = body_weight(s, f - 2, i) * third;
            cost += 0.5 * pull * third;
            if (!normals) continue;
            normals[f - 2].gradient[i] -= pull, normals[f - 1].gradient[i] += 3 * pull, normals[f].gradient[i] -= 3 * pull, normals[f + 1].gradient[i] += pull;
        }
    }
    return cost;
}

double body_smoothness(const struct posture *p, size_t frames, const struct smoothness *s, struct normal *normals) { return thirds(p, frames, s, normals, NULL); }

void body_thirds(const struct posture *p, size_t frames, float *out) { (void)thirds(p, frames, NULL, NULL, out); }

/* ---- the step ---- */

enum { SIDE = LEG_DOFS, SIDE_WIDTH = SIDE * REACH, HEAD_WIDTH = HEAD_DOFS * REACH, HEAD_LIMB = 0, FIRST_SIDE = 1 };

struct solver {
    const struct normal *normals;
    const struct smoothness *smooth;
    size_t frames;
    double damping;
    double (*tie)[REACH + 1][DOFS];
    double *head;         /* factors: the head's */
    double *sides;        /* and those of arms and legs, four lanes */
    double *torso;        /* of the preconditioner */
    double *head_work;    /* frames x HEAD_DOFS */
    double *side_work;    /* frames x SIDE x 4 */
};

static bool factor_head(struct solver *s) {
    enum { N = HEAD_DOFS, HEIGHT = HEAD_WIDTH + 1 };
    memset(s->head, 0, s->frames * N * HEIGHT * sizeof *s->head);
    for (size_t f = 0; f < s->frames; f++) {
        for (size_t j = 0; j < N; j++) {
            double *column = s->head + (f * N + j) * HEIGHT;
            for (size_t i = j; i < N; i++) column[i - j] = s->normals[f].limb[HEAD_LIMB].own[i][j];
            column[0] += s->damping * column[0] + s->tie[f][0][DOF_NECK + j];
            for (size_t k = 1; k <= REACH && f + k < s->frames; k++) column[k * N] += s->tie[f][k][DOF_NECK + j];
        }
    }
    return band_factor(s->head, s->frames * N, HEAD_WIDTH);
}

static bool factor_sides(struct solver *s) {
    enum { HEIGHT = SIDE_WIDTH + 1 };
    memset(s->sides, 0, s->frames * SIDE * HEIGHT * BAND_LANES * sizeof *s->sides);
    for (size_t f = 0; f < s->frames; f++) {
        for (size_t lane = 0; lane < BAND_LANES; lane++) {
            size_t l = FIRST_SIDE + lane, n = (size_t)body_limbs[l].count;
            size_t first = (size_t)body_limbs[l].first;
            for (size_t j = 0; j < SIDE; j++) {
                double *column = s->sides + (f * SIDE + j) * HEIGHT * BAND_LANES + lane;
                if (j >= n) {
                    column[0] = 1;
                    continue;
                }
                for (size_t i = j; i < n; i++) column[(i - j) * BAND_LANES] = s->normals[f].limb[l].own[i][j];
                column[0] += s->damping * column[0] + s->tie[f][0][first + j];
                for (size_t k = 1; k <= REACH && f + k < s->frames; k++) column[k * SIDE * BAND_LANES] += s->tie[f][k][first + j];
            }
        }
    }
    return band4_factor(s->sides, s->frames * SIDE, SIDE_WIDTH);
}

/* Where limb l's degree i of a frame lies while limbs are worked on. */
static double *place_of(const struct solver *s, int l, size_t f, int i) {
    return l == HEAD_LIMB ? &s->head_work[f * HEAD_DOFS + (size_t)i] : &s->side_work[(f * SIDE + (size_t)i) * BAND_LANES + (size_t)(l - FIRST_SIDE)];
}

static void solve_limbs(struct solver *s) {
    band_solve(s->head, s->frames * HEAD_DOFS, HEAD_WIDTH, s->head_work);
    band4_solve(s->sides, s->frames * SIDE, SIDE_WIDTH, s->side_work);
}

/* work = C x, or gradient and all: work = -gradient - C x. */
static void cross_product(struct solver *s, const double *x, bool with_gradient) {
    for (size_t f = 0; f < s->frames; f++) {
        const double *xf = x ? x + f * TORSO_DOFS : NULL;
        for (int l = 0; l < LIMBS; l++) {
            for (int i = 0; i < body_limbs[l].count; i++) {
                double sum = 0;
                const double *row = s->normals[f].limb[l].cross[i];
                for (int j = 0; x && j < TORSO_DOFS; j++) sum += row[j] * xf[j];
                *place_of(s, l, f, i) = with_gradient ? -s->normals[f].gradient[body_limbs[l].first + i] - sum : sum;
            }
        }
        for (size_t i = ARM_DOFS; i < SIDE; i++) s->side_work[(f * SIDE + i) * BAND_LANES] = s->side_work[(f * SIDE + i) * BAND_LANES + 1] = 0;
    }
}

/* y -= C' work */
static void cross_back(const struct solver *s, double *y) {
    for (size_t f = 0; f < s->frames; f++) {
        double sum[TORSO_DOFS] = {0};
        for (int l = 0; l < LIMBS; l++) {
            for (int i = 0; i < body_limbs[l].count; i++) {
                double a = *place_of(s, l, f, i);
                const double *row = s->normals[f].limb[l].cross[i];
                for (int j = 0; j < TORSO_DOFS; j++) sum[j] += row[j] * a;
            }
        }
        for (int j = 0; j < TORSO_DOFS; j++) y[f * TORSO_DOFS + (size_t)j] -= sum[j];
    }
}

/* Small dense Cholesky in place (lower), for a limb of one frame. */
static bool small_factor(double a[LIMB_DOFS_MAX][LIMB_DOFS_MAX], int n) {
    for (int j = 0; j < n; j++) {
        double d = a[j][j];
        for (int k = 0; k < j; k++) d -= a[j][k] * a[j][k];
        if (!(d > 0)) return false;
        d = 1 / sqrt(d);
        a[j][j] = d;
        for (int i = j + 1; i < n; i++) {
            double x = a[i][j];
            for (int k = 0; k < j; k++) x -= a[i][k] * a[j][k];
            a[i][j] = x * d;
        }
    }
    return true;
}

static bool factor_torso(struct solver *s) {
    enum { N = TORSO_DOFS, HEIGHT = N * REACH + 1 };
    memset(s->torso, 0, s->frames * N * HEIGHT * sizeof *s->torso);
    for (size_t f = 0; f < s->frames; f++) {
        double t[N][N];
        memcpy(t, s->normals[f].torso, sizeof t);
        for (int i = 0; i < N; i++) t[i][i] += s->damping * t[i][i];
        for (int l = 0; l < LIMBS; l++) {
            int n = body_limbs[l].count;
            double a[LIMB_DOFS_MAX][LIMB_DOFS_MAX], c[LIMB_DOFS_MAX][N];
            memcpy(a, s->normals[f].limb[l].own, sizeof a);
            memcpy(c, s->normals[f].limb[l].cross, sizeof c);
            for (int i = 0; i < n; i++) a[i][i] += s->damping * a[i][i] + slow * s->smooth->weight[body_limbs[l].first + i];
            if (!small_factor(a, n)) return false;
            for (int i = 0; i < n; i++) { /* c becomes L^-1 c */
                for (int k = 0; k < i; k++) {
                    for (int j = 0; j < N; j++) c[i][j] -= a[i][k] * c[k][j];
                }
                for (int j = 0; j < N; j++) c[i][j] *= a[i][i];
            }
            for (int k = 0; k < n; k++) {
                for (int i = 0; i < N; i++) {
                    for (int j = 0; j < N; j++) t[i][j] -= c[k][i] * c[k][j];
                }
            }
        }
        for (int j = 0; j < N; j++) {
            double *column = s->torso + (f * N + (size_t)j) * HEIGHT;
            for (int i = j; i < N; i++) column[i - j] = t[i][j];
            /* what cancelled to nothing is held by a trace of what was there */
            column[0] += 1e-7 * s->normals[f].torso[j][j] + s->tie[f][0][j];
            for (size_t k = 1; k <= REACH && f + k < s->frames; k++) column[k * N] += s->tie[f][k][j];
        }
    }
    return band_factor(s->torso, s->frames * N, N * REACH);
}

/* y = S x */
static void schur_product(struct solver *s, const double *restrict x, double *restrict y) {
    enum { N = TORSO_DOFS };
    for (size_t f = 0; f < s->frames; f++) {
        for (int i = 0; i < N; i++) {
            double sum = s->damping * s->normals[f].torso[i][i] * x[f * N + (size_t)i];
            for (int j = 0; j < N; j++) sum += s->normals[f].torso[i][j] * x[f * N + (size_t)j];
            y[f * N + (size_t)i] = sum;
        }
    }
    smooth_product((const double(*)[REACH + 1][DOFS])s->tie, s->frames, x, y);
    cross_product(s, x, false);
    solve_limbs(s);
    cross_back(s, y);
}

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static bool solve(struct solver *s, double tolerance, double *step, double *vectors) {
    enum { N = TORSO_DOFS };
    size_t unknowns = s->frames * N;
    double *x = vectors, *r = x + unknowns, *z = r + unknowns, *p = z + unknowns, *q = p + unknowns;
    if (!factor_head(s) || !factor_sides(s) || !factor_torso(s)) return false;
    /* right-hand side of the torso: b_T - C' L^-1 b_L */
    for (size_t f = 0; f < s->frames; f++) {
        for (int i = 0; i < N; i++) r[f * N + (size_t)i] = -s->normals[f].gradient[i], x[f * N + (size_t)i] = 0;
    }
    cross_product(s, NULL, true);
    solve_limbs(s);
    cross_back(s, r);
    memcpy(z, r, unknowns * sizeof *z);
    band_solve(s->torso, unknowns, N * REACH, z);
    memcpy(p, z, unknowns * sizeof *p);
    double rz = dot(r, z, unknowns), first = rz;
    for (int i = 0; i < STEPS_MAX && rz > tolerance * tolerance * first && rz > 0; i++) {
        schur_product(s, p, q);
        double pq = dot(p, q, unknowns);
        if (!(pq > 0)) break; /* rounding: what there is, is a descent already */
        double alpha = rz / pq;
        for (size_t k = 0; k < unknowns; k++) x[k] += alpha * p[k], r[k] -= alpha * q[k];
        memcpy(z, r, unknowns * sizeof *z);
        band_solve(s->torso, unknowns, N * REACH, z);
        double next = dot(r, z, unknowns), beta = next / rz;
        rz = next;
        for (size_t k = 0; k < unknowns; k++) p[k] = z[k] + beta * p[k];
    }
    for (size_t f = 0; f < s->frames; f++) {
        for (int i = 0; i < N; i++) step[f * DOFS + (size_t)i] = x[f * N + (size_t)i];
    }
    cross_product(s, x, true); /* x_L = L^-1 (b_L - C x_T) */
    solve_limbs(s);
    for (size_t f = 0; f < s->frames; f++) {
        for (int l = 0; l < LIMBS; l++) {
            for (int i = 0; i < body_limbs[l].count; i++) step[f * DOFS + (size_t)(body_limbs[l].first + i)] = *place_of(s, l, f, i);
        }
    }
    for (size_t k = 0; k < s->frames * DOFS; k++) {
        if (!isfinite(step[k])) return false;
    }
    return true;
}

bool body_solve(const struct normal *normals, size_t frames, const struct smoothness *smooth, double damping, double tolerance, double *step, bool *is_memory) {
    struct solver s = {.normals = normals, .smooth = smooth, .frames = frames, .damping = damping};
    /* in fours first, so that they stay aligned */
    size_t sides = frames * SIDE * (SIDE_WIDTH + 1) * BAND_LANES, side_work = frames * SIDE * BAND_LANES, tie = frames * (REACH + 1) * DOFS, torso = frames * TORSO_DOFS * (TORSO_DOFS * REACH + 1);
    size_t head = frames * HEAD_DOFS * (HEAD_WIDTH + 1), head_work = frames * HEAD_DOFS, vectors = frames * TORSO_DOFS * 5;
    double *all = mem_alloc((BAND_LANES + sides + side_work + tie + torso + head + head_work + vectors) * sizeof *all);
    *is_memory = !all;
    if (!all) return false;
    double *at = (double *)(((uintptr_t)all + 31) & ~(uintptr_t)31);
    s.sides = at, at += sides;
    s.side_work = at, at += side_work;
    s.tie = (double(*)[REACH + 1][DOFS])at, at += tie;
    s.torso = at, at += torso;
    s.head = at, at += head;
    s.head_work = at, at += head_work;
    tie_table(frames, smooth, s.tie);
    bool is_solved = solve(&s, tolerance, step, at);
    mem_free(all);
    return is_solved;
}

bool body_solve_plain(const struct normal *normals, size_t frames, const struct smoothness *smooth, double damping, double *step) {
    size_t n = frames * DOFS;
    double *a = mem_zalloc_array(n * n, sizeof *a), (*tie)[REACH + 1][DOFS] = mem_alloc((frames ? frames : 1) * sizeof *tie);
    if (!a || !tie) {
        mem_free(a), mem_free(tie);
        return false;
    }
    tie_table(frames, smooth, tie);
    for (size_t f = 0; f < frames; f++) {
        double *block = a + f * DOFS * n + f * DOFS;
        for (size_t i = 0; i < TORSO_DOFS; i++) {
            for (size_t j = 0; j < TORSO_DOFS; j++) block[i * n + j] = normals[f].torso[i][j];
        }
        for (int l = 0; l < LIMBS; l++) {
            size_t first = (size_t)body_limbs[l].first;
            for (size_t i = 0; i < (size_t)body_limbs[l].count; i++) {
                for (size_t j = 0; j < (size_t)body_limbs[l].count; j++) block[(first + i) * n + first + j] = normals[f].limb[l].own[i][j];
                for (size_t j = 0; j < TORSO_DOFS; j++) block[(first + i) * n + j] = block[j * n + first + i] = normals[f].limb[l].cross[i][j];
            }
        }
        for (size_t i = 0; i < DOFS; i++) block[i * n + i] *= 1 + damping;
        for (size_t i = 0; i < DOFS; i++) {
            for (size_t k = 0; k <= REACH && f + k < frames; k++) {
                double w = tie[f][k][i];
                block[i * n + k * DOFS + i] += w;
                if (k) block[k * DOFS * n + i * n + i] += w;
            }
            step[f * DOFS + i] = -normals[f].gradient[i];
        }
    }
    bool is_solved = cholesky_factor(a, n);
    if (is_solved) cholesky_solve(a, n, step);
    mem_free(a), mem_free(tie);
    return is_solved;
}
