/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How sure the fit is. The inverse of the whole sequence's matrix would say it exactly and cost more than the fit. Where the information H changes slowly, third
 * differences are a filter: at the frequency w (radians a frame) their square is s = (2 sin(w/2))^6, the frequencies do not touch each
 * other, and the covariance of one frame is the mean over all of them of (H + weight s)^-1 (Whittle's approximation). The integrand is smooth in log w: the
 * trapezoidal rule with a factor of two between nodes is good to one percent, because its nearest poles lie pi/6 off the real axis. */
#include <string.h>

#include "human/body/fit.h"

enum { NODES_MAX = 9 };

int body_segment_limb(enum body_segment s) {
    switch (s) {
    case BODY_PELVIS: case BODY_THORAX: return -1;
    case BODY_HEAD: return 0;
    case BODY_LCLAVICLE: case BODY_LUPPER_ARM: case BODY_LFOREARM: return 1;
    case BODY_RCLAVICLE: case BODY_RUPPER_ARM: case BODY_RFOREARM: return 2;
    case BODY_LTHIGH: case BODY_LSHANK: case BODY_LFOOT: case BODY_LTOES: return 3;
    default: return 4;
    }
}

/* Inverse of a small symmetric positive definite matrix in place (Gauss-Jordan without pivoting). */
static bool invert(double *restrict a, size_t pitch, size_t n) {
    for (size_t k = 0; k < n; k++) {
        double d = a[k * pitch + k];
        if (!(d > 0) || !isfinite(d)) return false;
        double inverse = 1 / d, *restrict row = a + k * pitch;
        for (size_t j = 0; j < n; j++) row[j] *= inverse;
        row[k] = inverse;
        for (size_t i = 0; i < n; i++) {
            if (i == k) continue;
            double *restrict other = a + i * pitch, f = other[k];
            other[k] = 0;
            for (size_t j = 0; j < n; j++) other[j] -= f * row[j];
        }
    }
    return true;
}

/* (H + weight s)^-1 in blocks. */
static bool inverse_of(const struct normal *h, const struct smoothness *smooth, double s, struct normal *out) {
    enum { N = TORSO_DOFS };
    double z[LIMBS][LIMB_DOFS_MAX][N];
    memcpy(out->torso, h->torso, sizeof out->torso);
    for (int i = 0; i < N; i++) out->torso[i][i] += s * smooth->weight[i] + 1e-10 * h->torso[i][i];
    for (int l = 0; l < LIMBS; l++) {
        size_t n = (size_t)body_limbs[l].count;
        double(*own)[LIMB_DOFS_MAX] = out->limb[l].own;
        memcpy(own, h->limb[l].own, sizeof out->limb[l].own);
        for (size_t i = 0; i < n; i++) own[i][i] += s * smooth->weight[body_limbs[l].first + (int)i];
        if (!invert(&own[0][0], LIMB_DOFS_MAX, n)) return false;
        for (size_t i = 0; i < n; i++) {
            for (int j = 0; j < N; j++) z[l][i][j] = 0;
            for (size_t k = 0; k < n; k++) {
                for (int j = 0; j < N; j++) z[l][i][j] += own[i][k] * h->limb[l].cross[k][j];
            }
        }
        for (size_t k = 0; k < n; k++) {
            for (int i = 0; i < N; i++) {
                for (int j = 0; j < N; j++) out->torso[i][j] -= h->limb[l].cross[k][i] * z[l][k][j];
            }
        }
    }
    if (!invert(&out->torso[0][0], N, N)) return false;
    for (int l = 0; l < LIMBS; l++) {
        size_t n = (size_t)body_limbs[l].count;
        for (size_t i = 0; i < n; i++) {
            double *cross = out->limb[l].cross[i];
            for (int j = 0; j < N; j++) cross[j] = 0;
            for (int k = 0; k < N; k++) {
                for (int j = 0; j < N; j++) cross[j] -= z[l][i][k] * out->torso[k][j];
            }
            for (size_t j = 0; j < n; j++) {
                double sum = 0;
                for (int k = 0; k < N; k++) sum -= cross[k] * z[l][j][k];
                out->limb[l].own[i][j] += sum;
            }
        }
    }
    return true;
}

static void add(struct normal *to, const struct normal *from, double by) {
    enum { DOUBLES = (sizeof to->torso + sizeof to->limb) / sizeof(double) }; /* all but the gradient, which stands last */
    double *a = &to->torso[0][0];
    const double *b = &from->torso[0][0];
    for (size_t i = 0; i < DOUBLES; i++) a[i] += by * b[i];
}

bool body_spread(const struct normal *h, const struct smoothness *smooth, double dt, bool is_single, struct spread *out) {
    struct normal one;
    memset(&one, 0, sizeof one);
    memset(out, 0, sizeof *out);
    if (is_single) {
        if (!inverse_of(h, smooth, 0, &out->at)) return false;
        for (int i = 0; i < DOFS; i++) out->share[i] = 1;
        return true;
    }
    /* Lowest node: 1/64 of what can be told at 60 frames a second, the same in time for other rates. */
    int nodes = 7;
    for (double rate = 1 / dt; rate > 100 && nodes < NODES_MAX; rate /= 2) nodes++;
    double total = 0, weight[NODES_MAX];
    for (int k = 0; k < nodes; k++) {
        double w = M_PI * pow(0.5, k);
        weight[k] = k == 0 ? 0.5 * w : k == nodes - 1 ? 2 * w : w; /* the last one stands for all below it */
        total += weight[k];
    }
    for (int k = 0; k < nodes; k++) {
        double w = M_PI * pow(0.5, k), sine = 2 * sin(w / 2), s = pow(sine, 6), by = weight[k] / total, fast = w / dt * w / dt;
        if (!inverse_of(h, smooth, s, &one)) return false;
        add(&out->at, &one, by), add(&out->rate, &one, by * fast), add(&out->acceleration, &one, by * fast * fast);
        for (int i = 0; i < TORSO_DOFS; i++) out->share[i] += by * (1 - smooth->weight[i] * s * one.torso[i][i]);
        for (int l = 0; l < LIMBS; l++) {
            for (int i = 0; i < body_limbs[l].count; i++) out->share[body_limbs[l].first + i] += by * (1 - smooth->weight[body_limbs[l].first + i] * s * one.limb[l].own[i][i]);
        }
    }
    return true;
}

struct sym3 body_spread_point(const struct normal *c, int limb, const struct vec3 by[TORSO_DOFS + LIMB_DOFS_MAX]) {
    struct sym3 sum = {0};
    int n = limb < 0 ? 0 : body_limbs[limb].count;
    /* sum over i, j of by[i] C_ij by[j]' : column by column, C by first */
    for (int i = 0; i < TORSO_DOFS + n; i++) {
        struct vec3 a = {0};
        for (int j = 0; j < TORSO_DOFS; j++) {
            double x = i < TORSO_DOFS ? c->torso[i][j] : c->limb[limb].cross[i - TORSO_DOFS][j];
            a.x += x * by[j].x, a.y += x * by[j].y, a.z += x * by[j].z;
        }
        for (int j = 0; j < n; j++) {
            double x = i < TORSO_DOFS ? c->limb[limb].cross[j][i] : c->limb[limb].own[i - TORSO_DOFS][j];
            a.x += x * by[TORSO_DOFS + j].x, a.y += x * by[TORSO_DOFS + j].y, a.z += x * by[TORSO_DOFS + j].z;
        }
        struct vec3 b = by[i];
        sum.xx += b.x * a.x, sum.xy += b.x * a.y, sum.xz += b.x * a.z, sum.yy += b.y * a.y, sum.yz += b.y * a.z, sum.zz += b.z * a.z;
    }
    return sum;
}
