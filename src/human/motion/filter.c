/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "human/motion/motion.h"

/* One axis of one point over time. */
static double *axis_at(const struct motion *m, size_t frame, size_t point, int axis) { return &(&motion_at(m, frame, point)->x)[axis]; }

/* The next run of known frames from *from on: [*from, *to). */
static bool next_piece(const struct motion *m, size_t point, size_t *from, size_t *to) {
    while (*from < m->frame_count && !vec3_is_known(*motion_at(m, *from, point))) (*from)++;
    for (*to = *from; *to < m->frame_count && vec3_is_known(*motion_at(m, *to, point));) (*to)++;
    return *to > *from;
}

/* ---- Butterworth ---- */

enum { SECTIONS_MAX = 4 };
struct section {
    double b0, b1, b2, a1, a2;
};

/* Bilinear transform of the analogue prototype with the cutoff warped, as second-order sections; an odd order ends in a first-order one. */
static int design(int order, double cutoff_per_rate, struct section out[SECTIONS_MAX]) {
    double k = tan(M_PI * cutoff_per_rate);
    int n = 0;
    for (int i = 0; i < order / 2; i++) {
        double damping = 2 * sin(M_PI * (2 * i + 1) / (2 * order)), norm = 1 / (1 + damping * k + k * k);
        out[n++] = (struct section){k * k * norm, 2 * k * k * norm, k * k * norm, 2 * (k * k - 1) * norm, (1 - damping * k + k * k) * norm};
    }
    if (order % 2) out[n++] = (struct section){k / (1 + k), k / (1 + k), 0, (k - 1) / (1 + k), 0};
    return n;
}

/* Runs all sections over v in place, begun in the state that a constant v[0] would have left. */
static void run(const struct section *s, int count, double *v, size_t n) {
    for (int i = 0; i < count; i++) {
        double z2 = (s[i].b2 - s[i].a2) * v[0], z1 = (s[i].b1 - s[i].a1) * v[0] + z2;
        for (size_t k = 0; k < n; k++) {
            double x = v[k], y = s[i].b0 * x + z1;
            z1 = s[i].b1 * x - s[i].a1 * y + z2;
            z2 = s[i].b2 * x - s[i].a2 * y;
            v[k] = y;
        }
    }
}

static void reverse(double *v, size_t n) {
    for (size_t i = 0; i < n / 2; i++) {
        double t = v[i];
        v[i] = v[n - 1 - i], v[n - 1 - i] = t;
    }
}

bool motion_butterworth(struct motion *m, int order, double cutoff_hz, bool is_corrected) {
    if (order < 1 || order > 2 * SECTIONS_MAX) return false;
    /* Two passes square the gain: each may lose only the square root of one half at cutoff_hz. */
    if (is_corrected) cutoff_hz /= pow(sqrt(2.0) - 1, 0.5 / order);
    if (!(cutoff_hz > 0 && cutoff_hz < m->rate / 2)) return false;
    struct section s[SECTIONS_MAX];
    int count = design(order, cutoff_hz / m->rate, s);
    size_t pad = 3 * (size_t)(order + 1);
    double *v = mem_zalloc_array(m->frame_count + 2 * pad, sizeof *v);
    if (!v) return false;
    for (size_t p = 0; p < m->point_count; p++) {
        for (size_t from = 0, to; next_piece(m, p, &from, &to); from = to) {
            size_t n = to - from;
            if (n <= pad) continue;
            for (int axis = 0; axis < 3; axis++) {
                double first = *axis_at(m, from, p, axis), last = *axis_at(m, to - 1, p, axis);
                for (size_t i = 0; i < n; i++) v[pad + i] = *axis_at(m, from + i, p, axis);
                for (size_t i = 1; i <= pad; i++) v[pad - i] = 2 * first - v[pad + i], v[pad + n - 1 + i] = 2 * last - v[pad + n - 1 - i];
                run(s, count, v, n + 2 * pad);
                reverse(v, n + 2 * pad);
                run(s, count, v, n + 2 * pad);
                reverse(v, n + 2 * pad);
                for (size_t i = 0; i < n; i++) *axis_at(m, from + i, p, axis) = v[pad + i];
            }
        }
    }
    mem_free(v);
    return true;
}

/* ---- Hampel ---- */

static int double_order(const void *a_, const void *b_) {
    double a = *(const double *)a_, b = *(const double *)b_;
    return a < b ? -1 : a > b;
}

static double median_of(double *v, size_t n) {
    qsort(v, n, sizeof *v, double_order);
    return n % 2 ? v[n / 2] : 0.5 * (v[n / 2 - 1] + v[n / 2]);
}

size_t motion_hampel(struct motion *m, size_t half, double limit) {
    size_t window = 2 * half + 1, replaced = 0;
    if (window > m->frame_count || !m->frame_count) window = m->frame_count;
    struct vec3 *old = mem_zalloc_array(m->frame_count ? m->frame_count : 1, sizeof *old);
    double *v = mem_zalloc_array(2 * half + 1, sizeof *v);
    if (old && v) {
        for (size_t p = 0; p < m->point_count; p++) {
            for (size_t f = 0; f < m->frame_count; f++) old[f] = *motion_at(m, f, p);
            for (size_t f = 0; f < m->frame_count; f++) {
                if (!vec3_is_known(old[f])) continue;
                struct vec3 median;
                bool is_out = false;
                size_t from = f > half ? f - half : 0, to = f + half + 1 < m->frame_count ? f + half + 1 : m->frame_count, n = 0;
                for (int axis = 0; axis < 3; axis++) {
                    n = 0;
                    for (size_t i = from; i < to; i++) {
                        if (vec3_is_known(old[i])) v[n++] = (&old[i].x)[axis];
                    }
                    double middle = (&median.x)[axis] = median_of(v, n);
                    for (size_t i = 0; i < n; i++) v[i] = fabs(v[i] - middle);
                    is_out |= fabs((&old[f].x)[axis] - middle) > limit * 1.4826 * median_of(v, n) + 1e-12;
                }
                if (is_out && n >= 3) *motion_at(m, f, p) = median, replaced++;
            }
        }
    }
    mem_free(old);
    mem_free(v);
    return replaced;
}

/* ---- cubic gap filling ---- */

/* Second derivatives of the not-a-knot cubic spline through (x[i], y[i]), n >= 4, by elimination; work has room for 2 n. */
static void spline_fit(const double *x, const double *y, size_t n, double *second, double *work) {
    double *diagonal = work, *upper = work + n;
    /* Not-a-knot: the third derivative is continuous at x[1] and x[n-2], which gives the first and last second derivatives
     * from their neighbours; put in, the rows 1 and n-2 change and the system is tridiagonal. */
    double h0 = x[1] - x[0], h1 = x[2] - x[1], g0 = x[n - 1] - x[n - 2], g1 = x[n - 2] - x[n - 3];
    for (size_t i = 1; i + 1 < n; i++) {
        double a = x[i] - x[i - 1], c = x[i + 1] - x[i], b = 2 * (a + c);
        double right = 6 * ((y[i + 1] - y[i]) / c - (y[i] - y[i - 1]) / a);
        if (i == 1) b += a * (1 + h0 / h1), c -= a * h0 / h1, a = 0;
        if (i == n - 2) {
            double last = x[n - 1] - x[n - 2];
            b += last * (1 + g0 / g1), a -= last * g0 / g1, c = 0;
        }
        if (i > 1) {
            double factor = a / diagonal[i - 1];
            b -= factor * upper[i - 1], right -= factor * second[i - 1];
        }
        diagonal[i] = b, upper[i] = c, second[i] = right;
    }
    for (size_t i = n - 2; i >= 1; i--) second[i] = (second[i] - (i + 2 < n ? upper[i] * second[i + 1] : 0)) / diagonal[i];
    second[0] = second[1] * (1 + h0 / h1) - second[2] * h0 / h1;
    second[n - 1] = second[n - 2] * (1 + g0 / g1) - second[n - 3] * g0 / g1;
}

static double spline_at(const double *x, const double *y, const double *second, size_t n, double t) {
    size_t low = 0, high = n - 1;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (x[middle] <= t) low = middle;
        else high = middle;
    }
    double h = x[high] - x[low], a = (x[high] - t) / h, b = (t - x[low]) / h;
    return a * y[low] + b * y[high] + ((a * a * a - a) * second[low] + (b * b * b - b) * second[high]) * h * h / 6;
}

size_t motion_fill_cubic(struct motion *m, size_t frames_max, bool with_ends) {
    size_t n = m->frame_count, filled = 0;
    double *x = mem_zalloc_array(n ? n : 1, 6 * sizeof *x);
    if (!x) return SIZE_MAX;
    double *y = x + n, *second = x + 2 * n, *work = x + 3 * n; /* work: 2 n */
    for (size_t p = 0; p < m->point_count; p++) {
        for (int axis = 0; axis < 3; axis++) {
            size_t known = 0;
            for (size_t f = 0; f < n; f++) {
                double v = *axis_at(m, f, p, axis);
                if (isfinite(v)) x[known] = (double)f, y[known++] = v;
            }
            if (known < 4 || known == n) continue;
            spline_fit(x, y, known, second, work);
            for (size_t from = 0; from < n;) {
                if (isfinite(*axis_at(m, from, p, axis))) {
                    from++;
                    continue;
                }
                size_t to = from;
                while (to < n && !isfinite(*axis_at(m, to, p, axis))) to++;
                if (to - from <= frames_max && (with_ends || (from > 0 && to < n))) {
                    for (size_t f = from; f < to; f++) *axis_at(m, f, p, axis) = spline_at(x, y, second, known, (double)f), filled += axis == 0;
                }
                from = to;
            }
        }
    }
    mem_free(x);
    return filled;
}

/* ---- generalised cross-validation ---- */

enum { BAND = 3 };

/* Factor L D L' of I + lambda D3' D3 for n points, D3 = third differences; d[n], l[n][3] (below the diagonal). Returns the trace of the
 * inverse (Hutchinson and de Hoog 1985), needed for the criterion, with `inverse` as work [n][4]. */
static double factor(double lambda, size_t n, double *d, double (*l)[BAND], double (*inverse)[BAND + 1]) {
    static const double difference[4] = {-1, 3, -3, 1};
    for (size_t i = 0; i < n; i++) {
        /* row i of the band: entries with i, i-1, i-2, i-3 */
        double row[BAND + 1];
        for (size_t k = 0; k <= BAND; k++) {
            row[k] = k == 0;
            if (k > i) continue;
            for (size_t r = i >= 3 ? i - 3 : 0; r <= i - k && r + 3 < n; r++) row[k] += lambda * difference[i - r] * difference[i - k - r];
        }
        for (size_t k = BAND; k >= 1; k--) { /* L from the far end of the band towards the diagonal */
            if (k > i) {
                l[i][k - 1] = 0;
                continue;
            }
            size_t j = i - k;
            double s = row[k];
            for (size_t q = k + 1; q <= BAND && q <= i; q++) s -= l[i][q - 1] * d[i - q] * l[j][q - k - 1];
            l[i][k - 1] = s / d[j];
        }
        d[i] = row[0];
        for (size_t k = 1; k <= BAND && k <= i; k++) d[i] -= l[i][k - 1] * l[i][k - 1] * d[i - k];
    }
    double trace = 0;
    for (size_t i = n; i-- > 0;) { /* inverse[i][k] = entry (i, i + k) of the inverse, from the last row up */
        for (size_t k = BAND; k >= 1; k--) {
            if (i + k >= n) {
                inverse[i][k] = 0;
                continue;
            }
            double s = 0;
            for (size_t q = 1; q <= BAND && i + q < n; q++) {
                size_t a = i + (q < k ? q : k), distance = q < k ? k - q : q - k;
                s -= l[i + q][q - 1] * (distance <= BAND ? inverse[a][distance] : 0);
            }
            inverse[i][k] = s;
        }
        double s = 1 / d[i];
        for (size_t q = 1; q <= BAND && i + q < n; q++) s -= l[i + q][q - 1] * inverse[i][q];
        inverse[i][0] = s;
        trace += s;
    }
    return trace;
}

static void solve(size_t n, const double *d, double (*l)[BAND], const double *y, double *out) {
    for (size_t i = 0; i < n; i++) {
        out[i] = y[i];
        for (size_t k = 1; k <= BAND && k <= i; k++) out[i] -= l[i][k - 1] * out[i - k];
    }
    for (size_t i = 0; i < n; i++) out[i] /= d[i];
    for (size_t i = n; i-- > 0;) {
        for (size_t k = 1; k <= BAND && i + k < n; k++) out[i] -= l[i + k][k - 1] * out[i + k];
    }
}

bool motion_smooth_gcv(struct motion *m) {
    enum { GRID = 40, LEAST = 12 };
    size_t n_max = m->frame_count ? m->frame_count : 1;
    double *y = mem_zalloc_array(n_max, sizeof *y), *fit = mem_zalloc_array(n_max, sizeof *fit), *d = mem_zalloc_array(n_max, sizeof *d);
    double(*l)[BAND] = mem_zalloc_array(n_max, sizeof *l), (*inverse)[BAND + 1] = mem_zalloc_array(n_max, sizeof *inverse);
    bool has_memory = y && fit && d && l && inverse;
    for (size_t p = 0; has_memory && p < m->point_count; p++) {
        for (size_t from = 0, to; next_piece(m, p, &from, &to); from = to) {
            size_t n = to - from;
            if (n < LEAST) continue;
            for (int axis = 0; axis < 3; axis++) {
                double best = INFINITY, best_log = 0, mean = 0;
                for (size_t i = 0; i < n; i++) mean += *axis_at(m, from + i, p, axis) / (double)n;
                for (size_t i = 0; i < n; i++) y[i] = *axis_at(m, from + i, p, axis) - mean;
                for (int stage = 0; stage < 2; stage++) { /* decades first, then between the best one's neighbours */
                    double low = stage ? best_log - 0.5 : -6, step = stage ? 1.0 / GRID : 0.5;
                    for (int g = 0; g <= GRID; g++) {
                        double log_lambda = low + step * g, residual = 0;
                        double trace = factor(pow(10, log_lambda), n, d, l, inverse);
                        solve(n, d, l, y, fit);
                        for (size_t i = 0; i < n; i++) residual += (y[i] - fit[i]) * (y[i] - fit[i]);
                        double free = 1 - trace / (double)n, criterion = residual / (double)n / (free * free);
                        if (free > 1e-9 && criterion < best) best = criterion, best_log = log_lambda;
                    }
                }
                factor(pow(10, best_log), n, d, l, inverse);
                solve(n, d, l, y, fit);
                for (size_t i = 0; i < n; i++) *axis_at(m, from + i, p, axis) = fit[i] + mean;
            }
        }
    }
    mem_free(y), mem_free(fit), mem_free(d), mem_free(l), mem_free(inverse);
    return has_memory;
}
