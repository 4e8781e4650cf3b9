/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "human/linear/linear.h"

#include <string.h>

struct mat3 mat3_multiply(const struct mat3 *a, const struct mat3 *b) {
    struct mat3 c;
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) c.m[i][j] = a->m[i][0] * b->m[0][j] + a->m[i][1] * b->m[1][j] + a->m[i][2] * b->m[2][j];
    }
    return c;
}

struct mat3 mat3_transpose(const struct mat3 *a) {
    struct mat3 t;
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) t.m[i][j] = a->m[j][i];
    }
    return t;
}

double mat3_determinant(const struct mat3 *a) { return vec3_dot(mat3_row(a, 0), vec3_cross(mat3_row(a, 1), mat3_row(a, 2))); }

struct mat3 rotation_from_vector(struct vec3 v) {
    double t2 = vec3_dot(v, v), t = sqrt(t2);
    /* sin t / t and (1 - cos t) / t^2, by series where the quotients lose digits */
    double a = t > 1e-4 ? sin(t) / t : 1 - t2 / 6 + t2 * t2 / 120;
    double half = sin(t / 2);
    double b = t > 1e-4 ? 2 * half * half / t2 : 0.5 - t2 / 24;
    double c = 1 - b * t2;
    return (struct mat3){{
        {c + b * v.x * v.x, b * v.x * v.y - a * v.z, b * v.x * v.z + a * v.y},
        {b * v.x * v.y + a * v.z, c + b * v.y * v.y, b * v.y * v.z - a * v.x},
        {b * v.x * v.z - a * v.y, b * v.y * v.z + a * v.x, c + b * v.z * v.z},
    }};
}

/* By way of the unit quaternion, taking its largest component first (Shepperd 1978): no cancellation anywhere. */
struct vec3 rotation_to_vector(const struct mat3 *r) {
    const double(*m)[3] = r->m;
    double trace = m[0][0] + m[1][1] + m[2][2], q[4];
    if (trace >= m[0][0] && trace >= m[1][1] && trace >= m[2][2]) {
        q[0] = 1 + trace, q[1] = m[2][1] - m[1][2], q[2] = m[0][2] - m[2][0], q[3] = m[1][0] - m[0][1];
    } else if (m[0][0] >= m[1][1] && m[0][0] >= m[2][2]) {
        q[0] = m[2][1] - m[1][2], q[1] = 1 + m[0][0] - m[1][1] - m[2][2], q[2] = m[0][1] + m[1][0], q[3] = m[0][2] + m[2][0];
    } else if (m[1][1] >= m[2][2]) {
        q[0] = m[0][2] - m[2][0], q[1] = m[0][1] + m[1][0], q[2] = 1 + m[1][1] - m[0][0] - m[2][2], q[3] = m[1][2] + m[2][1];
    } else {
        q[0] = m[1][0] - m[0][1], q[1] = m[0][2] + m[2][0], q[2] = m[1][2] + m[2][1], q[3] = 1 + m[2][2] - m[0][0] - m[1][1];
    }
    if (q[0] < 0) {
        for (int i = 0; i < 4; i++) q[i] = -q[i];
    }
    struct vec3 axis = {q[1], q[2], q[3]};
    double s = vec3_norm(axis), norm = sqrt(q[0] * q[0] + s * s);
    if (!(norm > 0)) return VEC3_UNKNOWN;
    if (s < 1e-12 * norm) return vec3_scale(axis, 2 / norm); /* angle = 2 sin(angle / 2) to rounding */
    return vec3_scale(axis, 2 * atan2(s, q[0]) / s);
}

static bool mat3_inverse_transposed(const struct mat3 *a, struct mat3 *out) {
    struct vec3 r0 = mat3_row(a, 0), r1 = mat3_row(a, 1), r2 = mat3_row(a, 2);
    double det = mat3_determinant(a);
    if (!isfinite(det) || fabs(det) < 1e-12) return false;
    struct vec3 c[3] = {vec3_cross(r1, r2), vec3_cross(r2, r0), vec3_cross(r0, r1)};
    for (int i = 0; i < 3; i++) out->m[i][0] = c[i].x / det, out->m[i][1] = c[i].y / det, out->m[i][2] = c[i].z / det;
    return true;
}

bool rotation_nearest(const struct mat3 *a, double tolerance, struct mat3 *out) {
    double det = mat3_determinant(a);
    if (!isfinite(det) || det <= 0) return false;
    struct mat3 q = *a;
    for (int step = 0; step < 30; step++) {
        struct mat3 inverse;
        if (!mat3_inverse_transposed(&q, &inverse)) return false;
        double change = 0;
        for (int i = 0; i < 9; i++) {
            double next = 0.5 * (q.m[i / 3][i % 3] + inverse.m[i / 3][i % 3]);
            change = fmax(change, fabs(next - q.m[i / 3][i % 3]));
            q.m[i / 3][i % 3] = next;
        }
        if (change < 1e-15) break;
    }
    for (int i = 0; i < 9; i++) {
        if (!(fabs(q.m[i / 3][i % 3] - a->m[i / 3][i % 3]) <= tolerance)) return false;
    }
    *out = q;
    return true;
}

/* By cofactors: one division and no root. The pivots of Cholesky's factor are quotients of the leading minors, so the refusal is the same
 * as his. */
bool sym3_inverse(struct sym3 a, struct sym3 *out) {
    const double least = 1e-14;
    double yy = a.xx * a.zz - a.xz * a.xz, zz = a.xx * a.yy - a.xy * a.xy;
    struct sym3 c = {.xx = a.yy * a.zz - a.yz * a.yz, .xy = a.xz * a.yz - a.xy * a.zz, .xz = a.xy * a.yz - a.xz * a.yy, .yy = yy, .yz = a.xy * a.xz - a.xx * a.yz, .zz = zz};
    double det = a.xx * c.xx + a.xy * c.xy + a.xz * c.xz;
    if (!(a.xx > 0) || !(zz > least * a.xx * a.yy) || !(det > least * a.zz * zz)) return false;
    c = sym3_scale(c, 1 / det);
    if (!isfinite(sym3_trace(c))) return false;
    *out = c;
    return true;
}

bool sym3_solve(struct sym3 a, struct vec3 b, struct vec3 *out) {
    struct sym3 inverse;
    if (!sym3_inverse(a, &inverse)) return false;
    *out = sym3_apply(inverse, b);
    return true;
}

/* Cyclic Jacobi for small symmetric matrices; n <= 4, vectors as columns of v. */
static void jacobi(double *a, double *v, int n) {
    for (int i = 0; i < n * n; i++) v[i] = i % (n + 1) == 0;
    for (int sweep = 0; sweep < 60; sweep++) {
        double off = 0, on = 0;
        for (int i = 0; i < n; i++) {
            on += a[i * n + i] * a[i * n + i];
            for (int j = 0; j < i; j++) off += a[i * n + j] * a[i * n + j];
        }
        if (!(off > 1e-32 * on)) return;
        for (int p = 0; p < n; p++) {
            for (int q = p + 1; q < n; q++) {
                double apq = a[p * n + q];
                if (apq == 0) continue;
                double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
                double t = copysign(1, theta) / (fabs(theta) + sqrt(theta * theta + 1));
                double c = 1 / sqrt(t * t + 1), s = t * c;
                for (int k = 0; k < n; k++) {
                    double akp = a[k * n + p], akq = a[k * n + q];
                    a[k * n + p] = c * akp - s * akq, a[k * n + q] = s * akp + c * akq;
                }
                for (int k = 0; k < n; k++) {
                    double apk = a[p * n + k], aqk = a[q * n + k];
                    a[p * n + k] = c * apk - s * aqk, a[q * n + k] = s * apk + c * aqk;
                    double vkp = v[k * n + p], vkq = v[k * n + q];
                    v[k * n + p] = c * vkp - s * vkq, v[k * n + q] = s * vkp + c * vkq;
                }
            }
        }
    }
}

void sym3_eigen(struct sym3 s, double values[3], struct mat3 *vectors) {
    double a[9] = {s.xx, s.xy, s.xz, s.xy, s.yy, s.yz, s.xz, s.yz, s.zz}, v[9];
    jacobi(a, v, 3);
    int order[3] = {0, 1, 2};
    for (int i = 0; i < 2; i++) {
        for (int j = i + 1; j < 3; j++) {
            if (a[order[j] * 4] > a[order[i] * 4]) {
                int swap = order[i];
                order[i] = order[j], order[j] = swap;
            }
        }
    }
    for (int i = 0; i < 3; i++) {
        values[i] = a[order[i] * 4];
        for (int k = 0; k < 3; k++) vectors->m[i][k] = v[k * 3 + order[i]];
    }
}

void sym4_smallest(const double input[4][4], double vector[4]) {
    double a[16], v[16];
    memcpy(a, input, sizeof a);
    jacobi(a, v, 4);
    int best = 0;
    for (int i = 1; i < 4; i++) {
        if (a[i * 5] < a[best * 5]) best = i;
    }
    for (int k = 0; k < 4; k++) vector[k] = v[k * 4 + best];
}

bool cholesky_factor(double *a, size_t n) {
    for (size_t j = 0; j < n; j++) {
        double d = a[j * n + j], diagonal = d;
        for (size_t k = 0; k < j; k++) d -= a[j * n + k] * a[j * n + k];
        if (!(d > 1e-15 * diagonal)) return false;
        double root = sqrt(d), inverse = 1 / root;
        a[j * n + j] = root;
        for (size_t i = j + 1; i < n; i++) {
            double s = a[i * n + j];
            for (size_t k = 0; k < j; k++) s -= a[i * n + k] * a[j * n + k];
            a[i * n + j] = s * inverse;
        }
    }
    return true;
}

void cholesky_solve(const double *l, size_t n, double *b) {
    for (size_t i = 0; i < n; i++) {
        double s = b[i];
        for (size_t k = 0; k < i; k++) s -= l[i * n + k] * b[k];
        b[i] = s / l[i * n + i];
    }
    for (size_t i = n; i-- > 0;) {
        double s = b[i];
        for (size_t k = i + 1; k < n; k++) s -= l[k * n + i] * b[k];
        b[i] = s / l[i * n + i];
    }
}
