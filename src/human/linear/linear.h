/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * linear.h: the small linear algebra of people in space: vectors and matrices of three, rotations, and dense symmetric
 * solvers up to some hundred unknowns. Plain values, no allocation, no state; any thread. Matrices are row-major;
 * vectors are columns. Everything is double: a rig of 100 m with millimetres to resolve leaves float no room. */
#ifndef HUMAN_LINEAR_H
#define HUMAN_LINEAR_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

struct vec3 {
    double x, y, z;
};
struct mat3 {
    double m[3][3];
};
/* A symmetric matrix: covariances (units squared) and information (their inverse). */
struct sym3 {
    double xx, xy, xz, yy, yz, zz;
};

#define VEC3_UNKNOWN ((struct vec3){NAN, NAN, NAN})
#define MAT3_IDENTITY ((struct mat3){{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}})

static inline struct vec3 vec3_of(double x, double y, double z) { return (struct vec3){x, y, z}; }
static inline struct vec3 vec3_add(struct vec3 a, struct vec3 b) { return vec3_of(a.x + b.x, a.y + b.y, a.z + b.z); }
static inline struct vec3 vec3_sub(struct vec3 a, struct vec3 b) { return vec3_of(a.x - b.x, a.y - b.y, a.z - b.z); }
static inline struct vec3 vec3_scale(struct vec3 a, double s) { return vec3_of(a.x * s, a.y * s, a.z * s); }
static inline struct vec3 vec3_mix(struct vec3 a, struct vec3 b, double t) { return vec3_add(vec3_scale(a, 1 - t), vec3_scale(b, t)); }
static inline double vec3_dot(struct vec3 a, struct vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static inline struct vec3 vec3_cross(struct vec3 a, struct vec3 b) {
    return vec3_of(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x);
}
static inline double vec3_norm(struct vec3 a) { return sqrt(vec3_dot(a, a)); }
static inline double vec3_distance(struct vec3 a, struct vec3 b) { return vec3_norm(vec3_sub(a, b)); }
static inline bool vec3_is_known(struct vec3 a) { return isfinite(a.x) && isfinite(a.y) && isfinite(a.z); }
/* Unit length; a vector shorter than 1e-300 becomes unknown, not a random direction. */
static inline struct vec3 vec3_unit(struct vec3 a) {
    double n = vec3_norm(a);
    return n > 1e-300 ? vec3_scale(a, 1 / n) : VEC3_UNKNOWN;
}

static inline struct vec3 mat3_row(const struct mat3 *a, int row) { return vec3_of(a->m[row][0], a->m[row][1], a->m[row][2]); }
static inline struct vec3 mat3_column(const struct mat3 *a, int c) { return vec3_of(a->m[0][c], a->m[1][c], a->m[2][c]); }
static inline struct vec3 mat3_apply(const struct mat3 *a, struct vec3 v) {
    return vec3_of(vec3_dot(mat3_row(a, 0), v), vec3_dot(mat3_row(a, 1), v), vec3_dot(mat3_row(a, 2), v));
}
/* The transpose times v: back through a rotation. */
static inline struct vec3 mat3_apply_transposed(const struct mat3 *a, struct vec3 v) {
    return vec3_of(a->m[0][0] * v.x + a->m[1][0] * v.y + a->m[2][0] * v.z, a->m[0][1] * v.x + a->m[1][1] * v.y + a->m[2][1] * v.z,
                   a->m[0][2] * v.x + a->m[1][2] * v.y + a->m[2][2] * v.z);
}
struct mat3 mat3_multiply(const struct mat3 *a, const struct mat3 *b);
struct mat3 mat3_transpose(const struct mat3 *a);
double mat3_determinant(const struct mat3 *a);

/* Rotation vector (axis times angle in radians, Rodrigues) to matrix and back. The way back is exact to rounding over
 * the whole range, half turns included; its angle is in [0, pi]. */
struct mat3 rotation_from_vector(struct vec3 v);
struct vec3 rotation_to_vector(const struct mat3 *r);
/* The rotation nearest to `a` (polar decomposition by Newton's iteration, Higham 1986). False, and *out untouched, when
 * `a` is singular, mirrored (negative determinant), not finite, or further than `tolerance` (largest entry of the
 * difference) from a rotation. */
bool rotation_nearest(const struct mat3 *a, double tolerance, struct mat3 *out);

static inline struct vec3 sym3_apply(struct sym3 a, struct vec3 v) {
    return vec3_of(a.xx * v.x + a.xy * v.y + a.xz * v.z, a.xy * v.x + a.yy * v.y + a.yz * v.z, a.xz * v.x + a.yz * v.y + a.zz * v.z);
}
static inline double sym3_quadratic(struct sym3 a, struct vec3 v) { return vec3_dot(v, sym3_apply(a, v)); }
static inline double sym3_trace(struct sym3 a) { return a.xx + a.yy + a.zz; }
static inline struct sym3 sym3_add(struct sym3 a, struct sym3 b) {
    return (struct sym3){a.xx + b.xx, a.xy + b.xy, a.xz + b.xz, a.yy + b.yy, a.yz + b.yz, a.zz + b.zz};
}
static inline struct sym3 sym3_scale(struct sym3 a, double s) {
    return (struct sym3){a.xx * s, a.xy * s, a.xz * s, a.yy * s, a.yz * s, a.zz * s};
}
/* a += s v v' */
static inline void sym3_add_outer(struct sym3 *a, struct vec3 v, double s) {
    a->xx += s * v.x * v.x, a->xy += s * v.x * v.y, a->xz += s * v.x * v.z;
    a->yy += s * v.y * v.y, a->yz += s * v.y * v.z, a->zz += s * v.z * v.z;
}
/* Inverse of a positive definite matrix. False, and *out untouched, when a pivot of its Cholesky factor falls below 1e-14 of its
 * diagonal: rays that (nearly) coincide determine no depth. */
bool sym3_inverse(struct sym3 a, struct sym3 *out);
bool sym3_solve(struct sym3 a, struct vec3 b, struct vec3 *out);
/* Eigenvalues, largest first, and unit eigenvectors as the rows of *vectors. */
void sym3_eigen(struct sym3 a, double values[3], struct mat3 *vectors);

/* Dense symmetric positive definite a (n x n, row-major, lower triangle used) is replaced by its Cholesky factor.
 * False when it is not positive definite to rounding; then `a` is spoilt. */
bool cholesky_factor(double *a, size_t n);
/* Solves in place with the factor. */
void cholesky_solve(const double *factor, size_t n, double *b);

/* Unit eigenvector of the smallest eigenvalue of a symmetric 4 x 4 (cyclic Jacobi); what a direct linear transform ends
 * in. */
void sym4_smallest(const double a[4][4], double vector[4]);

#endif
