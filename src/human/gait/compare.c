/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "human/gait/room.h"

/* ---- strides laid over each other ---- */

struct err gait_cycle_of(struct arena *mem, const struct gait_run *run, size_t angle, enum gait_side side, double from_s, double to_s,
                         struct gait_cycle *out) {
    struct gait_cycle c = {.toe_off = NAN};
    size_t most = run->contact_count;
    c.each = arena_alloc_array(mem, most + 1, sizeof *c.each);
    if (!c.each) return err_memory();
    double toe_off = 0;
    for (size_t i = 0; i < run->step_count; i++) {
        const struct gait_contact *a = &run->contacts[run->steps[i].contact];
        struct gait_value stride = run->steps[i].measures[GAIT_STRIDE_TIME], contact = run->steps[i].measures[GAIT_CONTACT_TIME];
        if (a->side != side || !gait_is_known(stride) || a->touch_down_s.value < from_s || a->touch_down_s.value >= to_s) continue;
        double *row = c.each[c.strides];
        size_t known = 0;
        for (size_t p = 0; p < GAIT_PHASE_POINTS; p++) {
            struct gait_value t = {a->touch_down_s.value + stride.value * (double)p / (GAIT_PHASE_POINTS - 1), 0};
            row[p] = gait_at(run, t, gait_angle_at_sample, angle).value, known += isfinite(row[p]);
        }
        if (2 * known < GAIT_PHASE_POINTS) continue; /* a stride that is hardly known tells nothing */
        toe_off += gait_is_known(contact) ? contact.value / stride.value : NAN, c.strides++;
    }
    if (c.strides) c.toe_off = toe_off / (double)c.strides;
    for (size_t p = 0; p < GAIT_PHASE_POINTS; p++) {
        double sum = 0, square = 0;
        size_t n = 0;
        for (size_t i = 0; i < c.strides; i++) {
            if (isfinite(c.each[i][p])) sum += c.each[i][p], n++;
        }
        double mean = sum / (double)n;
        for (size_t i = 0; i < c.strides; i++) {
            if (isfinite(c.each[i][p])) square += (c.each[i][p] - mean) * (c.each[i][p] - mean);
        }
        c.mean[p] = n ? mean : NAN, c.deviation[p] = n > 1 ? sqrt(square / (double)(n - 1)) : NAN;
    }
    *out = c;
    return ERR_OK;
}

/* ---- two runs ---- */

/* Lentz's continued fraction of the incomplete beta function. */
static double beta_fraction(double a, double b, double x) {
    double c = 1, d = 1 / fmax(1 - (a + b) * x / (a + 1), 1e-300), h = d;
    for (int m = 1; m < 300; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 + even * d, c = 1 + even / c;
        if (fabs(d) < 1e-300) d = 1e-300;
        if (fabs(c) < 1e-300) c = 1e-300;
        d = 1 / d, h *= d * c;
        d = 1 + odd * d, c = 1 + odd / c;
        if (fabs(d) < 1e-300) d = 1e-300;
        if (fabs(c) < 1e-300) c = 1e-300;
        d = 1 / d;
        double step = d * c;
        h *= step;
        if (fabs(step - 1) < 1e-12) break;
    }
    return h;
}

/* Chance of |t| or more for Student's t with n degrees of freedom; n infinite: normal. */
static double chance(double t, double n) {
    if (!isfinite(t)) return NAN;
    if (!isfinite(n)) return erfc(fabs(t) / M_SQRT2);
    double x = n / (n + t * t), a = 0.5 * n, b = 0.5, front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (t == 0) return 1;
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

static struct gait_difference difference(struct gait_value a, struct gait_value b) {
    struct gait_difference d = {.a = a, .b = b, .difference = GAIT_UNKNOWN, .z = NAN, .p = NAN};
    if (!gait_is_known(a) || !gait_is_known(b)) return d;
    d.difference = gait_value_of(b.value - a.value, a.error * a.error + b.error * b.error);
    d.z = d.difference.value / d.difference.error, d.p = chance(d.z, INFINITY);
    return d;
}

/* Steps that began after the start: those with a touch-down. */
static size_t first_step(const struct gait_run *run) {
    size_t i = 0;
    while (i < run->step_count && !gait_is_known(run->contacts[run->steps[i].contact].touch_down_s)) i++;
    return i;
}

struct err gait_compare(struct arena *mem, const struct gait_run *a, const struct gait_run *b, struct gait_comparison *out) {
    struct gait_comparison c = {.a = a, .b = b, .top_speed = difference(a->top_speed, b->top_speed)};
    size_t from_a = first_step(a), from_b = first_step(b);
    size_t left_a = a->step_count - from_a, left_b = b->step_count - from_b;
    c.step_count = left_a < left_b ? left_a : left_b;
    if (!c.step_count) return err_make(ERR_INPUT, "gait.apart", "One of the two runs has no step that could be compared.");
    c.steps = arena_alloc_array(mem, c.step_count, sizeof *c.steps);
    if (!c.steps) return err_memory();
    for (int m = 0; m < GAIT_MEASURES; m++) {
        double sum[2] = {0}, variance[2] = {0}, d_sum = 0, d_square = 0;
        size_t n = 0;
        for (size_t i = 0; i < c.step_count; i++) {
            struct gait_difference d = c.steps[i][m] = difference(a->steps[from_a + i].measures[m], b->steps[from_b + i].measures[m]);
            if (!gait_is_known(d.difference)) continue;
            sum[0] += d.a.value, sum[1] += d.b.value, variance[0] += d.a.error * d.a.error, variance[1] += d.b.error * d.b.error;
            d_sum += d.difference.value, d_square += d.difference.value * d.difference.value, n++;
        }
        struct gait_difference *d = &c.measures[m];
        *d = (struct gait_difference){.a = GAIT_UNKNOWN, .b = GAIT_UNKNOWN, .difference = GAIT_UNKNOWN, .z = NAN, .p = NAN};
        if (!n) continue;
        /* Step against step, so that the rise of speed that both share is no scatter: a paired test. Two steps tell nothing of their
         * scatter. */
        double count = (double)n, mean = d_sum / count, scatter = n > 1 ? fmax(0, (d_square - count * mean * mean) / (count - 1)) : 0,
               own = (variance[0] + variance[1]) / (count * count);
        d->a = gait_value_of(sum[0] / count, variance[0] / (count * count)),
        d->b = gait_value_of(sum[1] / count, variance[1] / (count * count));
        d->difference = gait_value_of(mean, fmax(scatter / count, own));
        if (n < 3 || d->difference.error <= 0) continue;
        d->z = mean / d->difference.error, d->p = chance(d->z, count - 1);
    }
    for (size_t i = 0; i < a->split_count; i++) {
        for (size_t k = 0; k < b->split_count; k++) {
            if (a->splits[i].line_m != b->splits[k].line_m || !gait_is_known(a->splits[i].torso_s) || !gait_is_known(b->splits[k].torso_s))
                continue;
            c.split_lines_m[c.split_count] = a->splits[i].line_m;
            c.splits[c.split_count++] = difference(a->splits[i].torso_s, b->splits[k].torso_s);
        }
    }
    /* Without a gun the clocks have nothing in common but the first line that both crossed. */
    if (c.split_count && !(isfinite(a->start_s) && isfinite(b->start_s))) {
        struct gait_value base_a = c.splits[0].a, base_b = c.splits[0].b;
        for (size_t i = 0; i < c.split_count; i++) {
            struct gait_value at = c.splits[i].a, bt = c.splits[i].b;
            double own = i ? 1 : 0; /* the first line itself is exact */
            c.splits[i] = difference(gait_value_of(at.value - base_a.value, own * (at.error * at.error + base_a.error * base_a.error)),
                                     gait_value_of(bt.value - base_b.value, own * (bt.error * bt.error + base_b.error * base_b.error)));
        }
    }
    *out = c;
    return ERR_OK;
}

void gait_cycle_compare(const struct gait_cycle *a, const struct gait_cycle *b, double difference[GAIT_PHASE_POINTS],
                        double p[GAIT_PHASE_POINTS]) {
    for (size_t i = 0; i < GAIT_PHASE_POINTS; i++) {
        double n[2] = {0}, share[2], variance;
        const struct gait_cycle *both[2] = {a, b};
        for (int r = 0; r < 2; r++) {
            for (size_t s = 0; s < both[r]->strides; s++) n[r] += isfinite(both[r]->each[s][i]);
            share[r] = both[r]->deviation[i] * both[r]->deviation[i] / n[r];
        }
        difference[i] = b->mean[i] - a->mean[i], variance = share[0] + share[1], p[i] = NAN;
        if (n[0] < 3 || n[1] < 3 || !(variance > 0)) continue;
        double freedom = variance * variance / (share[0] * share[0] / (n[0] - 1) + share[1] * share[1] / (n[1] - 1));
        p[i] = chance(difference[i] / sqrt(variance), freedom);
    }
}

struct gait_fast gait_fast_of(const struct gait_run *run) {
    struct gait_fast f = {-INFINITY, INFINITY, false};
    double top = 0, least = INFINITY;
    size_t count = 0;
    for (size_t i = 0; i < run->step_count; i++) {
        struct gait_value v = run->steps[i].measures[GAIT_SPEED];
        if (gait_is_known(v)) top = fmax(top, v.value), least = fmin(least, v.value);
    }
    if (least > 0.9 * top) return f;
    f = (struct gait_fast){INFINITY, -INFINITY, true};
    for (size_t i = 0; i < run->step_count; i++) {
        struct gait_value v = run->steps[i].measures[GAIT_SPEED], t = run->contacts[run->steps[i].contact].touch_down_s;
        if (!gait_is_known(v) || v.value < 0.95 * top) continue;
        f.from_s = fmin(f.from_s, t.value - 1e-6), f.to_s = fmax(f.to_s, t.value + 1e-6), count++;
    }
    if (count < 4) f = (struct gait_fast){-INFINITY, INFINITY, false};
    return f;
}
