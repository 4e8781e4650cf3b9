/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * band.h (this room's own): banded Cholesky, one matrix or four side by side. Column-major lower bands: column c holds rows c .. c + width; the diagonal
 * of a factor is kept as its reciprocal. Four side by side are four matrices of one shape, number by number in one vector: the two arms and the two
 * legs of a skeleton, which cost as much as one then. */
#ifndef HUMAN_BODY_BAND_H
#define HUMAN_BODY_BAND_H

#include <stdbool.h>
#include <stddef.h>

/* In place. False when it is not positive definite to rounding, or not finite. */
bool band_factor(double *a, size_t n, size_t width);
void band_solve(const double *factor, size_t n, size_t width, double *b);

enum { BAND_LANES = 4 };
/* a[(c * (width + 1) + r - c) * 4 + lane], b[c * 4 + lane]; aligned to 32 bytes. Chosen once by what the processor has. */
bool band4_factor(double *a, size_t n, size_t width);
void band4_solve(const double *factor, size_t n, size_t width, double *b);

/* The same, plain C and with AVX2 and FMA (which the caller must know to be there): for tests. */
bool band4_factor_plain(double *a, size_t n, size_t width);
void band4_solve_plain(const double *factor, size_t n, size_t width, double *b);
#if defined(__x86_64__)
bool band4_factor_avx2(double *a, size_t n, size_t width);
void band4_solve_avx2(const double *factor, size_t n, size_t width, double *b);
#endif

#endif
