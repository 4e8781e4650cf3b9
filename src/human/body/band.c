/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <math.h>

#include "human/body/band.h"

bool band_factor(double *restrict a, size_t n, size_t width) {
    size_t height = width + 1;
    for (size_t c = 0; c < n; c++) {
        double *restrict column = a + c * height;
        double d = column[0];
        if (!(d > 0) || !isfinite(d)) return false;
        double inverse = 1 / sqrt(d);
        size_t rows = n - 1 - c < width ? n - 1 - c : width;
        column[0] = inverse;
        for (size_t r = 1; r <= rows; r++) column[r] *= inverse;
        for (size_t j = 1; j <= rows; j++) {
            double f = column[j], *restrict other = column + j * height - j;
            for (size_t r = j; r <= rows; r++) other[r] -= f * column[r];
        }
    }
    return true;
}

void band_solve(const double *restrict a, size_t n, size_t width, double *restrict b) {
    size_t height = width + 1;
    for (size_t c = 0; c < n; c++) {
        const double *restrict column = a + c * height;
        double x = b[c] *= column[0];
        size_t rows = n - 1 - c < width ? n - 1 - c : width;
        for (size_t r = 1; r <= rows; r++) b[c + r] -= column[r] * x;
    }
    for (size_t c = n; c-- > 0;) {
        const double *restrict column = a + c * height;
        double x = b[c];
        size_t rows = n - 1 - c < width ? n - 1 - c : width;
        for (size_t r = 1; r <= rows; r++) x -= column[r] * b[c + r];
        b[c] = x * column[0];
    }
}

#if defined(__x86_64__)
static bool has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool band4_factor(double *a, size_t n, size_t width) { return has_avx2() ? band4_factor_avx2(a, n, width) : band4_factor_plain(a, n, width); }
void band4_solve(const double *factor, size_t n, size_t width, double *b) {
    if (has_avx2()) band4_solve_avx2(factor, n, width, b);
    else band4_solve_plain(factor, n, width, b);
}
#else
bool band4_factor(double *a, size_t n, size_t width) { return band4_factor_plain(a, n, width); }
void band4_solve(const double *factor, size_t n, size_t width, double *b) { band4_solve_plain(factor, n, width, b); }
#endif
