/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Four bands side by side. Compiled twice: plain, and with AVX2 and FMA (BAND4 names the functions). */
#include <math.h>

#include "human/body/band.h"

#ifndef BAND4
#define BAND4(name) name##_plain
#endif

typedef double four __attribute__((vector_size(32)));

bool BAND4(band4_factor)(double *numbers, size_t n, size_t width) {
    four *a = (four *)__builtin_assume_aligned(numbers, 32);
    size_t height = width + 1;
    for (size_t c = 0; c < n; c++) {
        four *restrict column = a + c * height;
        four inverse;
        for (int lane = 0; lane < BAND_LANES; lane++) {
            double d = column[0][lane];
            if (!(d > 0) || !(d < INFINITY)) return false;
            inverse[lane] = 1 / sqrt(d);
        }
        size_t rows = n - 1 - c < width ? n - 1 - c : width;
        column[0] = inverse;
        for (size_t r = 1; r <= rows; r++) column[r] *= inverse;
        for (size_t j = 1; j <= rows; j++) {
            four f = column[j], *restrict other = column + j * height - j;
            for (size_t r = j; r <= rows; r++) other[r] -= f * column[r];
        }
    }
    return true;
}

void BAND4(band4_solve)(const double *factor, size_t n, size_t width, double *right) {
    const four *a = (const four *)__builtin_assume_aligned(factor, 32);
    four *b = (four *)__builtin_assume_aligned(right, 32);
    size_t height = width + 1;
    for (size_t c = 0; c < n; c++) {
        const four *restrict column = a + c * height;
        four x = b[c] *= column[0];
        size_t rows = n - 1 - c < width ? n - 1 - c : width;
        for (size_t r = 1; r <= rows; r++) b[c + r] -= column[r] * x;
    }
    for (size_t c = n; c-- > 0;) {
        const four *restrict column = a + c * height;
        four x = b[c], y = {0};
        size_t rows = n - 1 - c < width ? n - 1 - c : width, r = 1;
        for (; r + 1 <= rows; r += 2) x -= column[r] * b[c + r], y += column[r + 1] * b[c + r + 1]; /* two sums: half the wait */
        if (r <= rows) x -= column[r] * b[c + r];
        b[c] = (x - y) * column[0];
    }
}
