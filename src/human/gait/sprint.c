/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <string.h>

#include "human/gait/room.h"

/* ---- split times ---- */

/* The foremost of neck and shoulders along the axis: the line is crossed by the torso, not by head, arms or legs (World Athletics, rule TR
 * 18). */
static bool torso(const struct gait_run *run, size_t f, double *at, double *velocity, double *variance) {
    static const int8_t joints[] = {POSE_NECK, POSE_LSHOULDER, POSE_RSHOULDER};
    bool is_known = false;
    for (size_t i = 0; i < ARRAY_LEN(joints); i++) {
        const struct track_state *s = &run->states[f * POSE_JOINTS + (size_t)joints[i]];
        if (s->source == TRACK_UNKNOWN || !vec3_is_known(s->velocity)) continue;
        double x = vec3_dot(s->at, run->axis) - run->start_m;
        if (is_known && x <= *at) continue;
        *at = x, *velocity = vec3_dot(s->velocity, run->axis), *variance = sym3_quadratic(s->covariance, run->axis), is_known = true;
    }
    return is_known;
}

static bool balance(const struct gait_run *run, size_t f, double *at, double *velocity, double *variance) {
    const struct gait_sample *s = &run->samples[f];
    if (!vec3_is_known(s->com) || !vec3_is_known(s->com_velocity)) return false;
    *at = vec3_dot(s->com, run->axis) - run->start_m, *velocity = vec3_dot(s->com_velocity, run->axis),
    *variance = sym3_quadratic(s->com_covariance, run->axis);
    return true;
}

/* First time the line is crossed forwards: between two frames by the cubic through both positions and velocities. */
static struct gait_value crossing(const struct gait_run *run, double line,
                                  bool (*where)(const struct gait_run *, size_t, double *, double *, double *)) {
    double at = 0, v = 0, variance = 0, at_before = 0, v_before = 0, variance_before = 0, dt = 1 / run->rate;
    bool was_known = false;
    for (size_t f = 0; f < run->frame_count; f++) {
        bool is_known = where(run, f, &at, &v, &variance);
        if (is_known && was_known && at_before < line && at >= line) {
            double low = 0, high = 1;
            for (int i = 0; i < 50; i++) {
                double s = 0.5 * (low + high), s2 = s * s, s3 = s2 * s;
                double x =
                    (2 * s3 - 3 * s2 + 1) * at_before + (s3 - 2 * s2 + s) * dt * v_before + (3 * s2 - 2 * s3) * at + (s3 - s2) * dt * v;
                if (x < line)
                    low = s;
                else
                    high = s;
            }
            double speed = fmax((at - at_before) * run->rate, 0.05);
            return gait_value_of(run->samples[f - 1].time_s + low * dt - (isfinite(run->start_s) ? run->start_s : 0),
                                 fmax(variance, variance_before) / (speed * speed));
        }
        was_known = is_known, at_before = at, v_before = v, variance_before = variance;
    }
    return GAIT_UNKNOWN;
}

struct err gait_find_splits(struct arena *mem, const struct gait_recording *r, const struct gait_options *o, struct gait_run *run) {
    if (!o->line_count) return ERR_OK;
    run->splits = arena_alloc_array(mem, o->line_count, sizeof *run->splits);
    if (!run->splits) return err_memory();
    for (size_t i = 0; i < o->line_count; i++) {
        struct gait_split *s = &run->splits[run->split_count++];
        *s = (struct gait_split){.line_m = o->lines_m[i],
                                 .com_s = crossing(run, o->lines_m[i], balance),
                                 .torso_s = crossing(run, o->lines_m[i], torso),
                                 .interval_s = GAIT_UNKNOWN,
                                 .speed = GAIT_UNKNOWN};
        if (!gait_is_known(s->torso_s)) gait_note(run, "gait.line_not_crossed");
        if (!i || !gait_is_known(s->torso_s) || !gait_is_known(s[-1].torso_s)) continue;
        double T = s->torso_s.value - s[-1].torso_s.value, way = s->line_m - s[-1].line_m,
               variance = pow(s->torso_s.error, 2) + pow(s[-1].torso_s.error, 2);
        s->interval_s = gait_value_of(T, variance), s->speed = gait_value_of(way / T, variance * pow(way / (T * T), 2));
    }
    return ERR_OK;
}

/* ---- the curve of speed ---- */

enum { PARAMETERS = 4, POINTS_MAX = 512 };
struct point {
    double t, v, weight;
};

/* Parameters: a, log tau, k, t0. */
static double curve(const double p[PARAMETERS], double t) {
    double s = t - p[3];
    return s <= 0 ? 0 : p[0] * (exp(-p[2] * s) - exp(-s / exp(p[1])));
}

static double misfit(const double p[PARAMETERS], const struct point *q, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += q[i].weight * pow(q[i].v - curve(p, q[i].t), 2);
    return sum + pow((p[2] - 0.01) / 0.03, 2) +
           pow((p[1] - 0.2) / 0.7, 2); /* weak priors: fading of 1 % a second, tau of 1.2 s, where the data says nothing */
}

/* Where the curve is highest, not behind `last`. */
static double peak_time(const double p[PARAMETERS], double last) {
    double tau = exp(p[1]), k = fmax(p[2], 1e-9);
    double t = k * tau < 1 ? p[3] + log(1 / (k * tau)) / (1 / tau - k) : last;
    return fmin(t, last);
}

enum derived { TOP, TOP_TIME, ACCELERATION, POWER, DERIVED };
static void derive(const double p[PARAMETERS], double last, double out[DERIVED]) {
    double t = peak_time(p, last), tau = exp(p[1]);
    out[TOP] = curve(p, t), out[TOP_TIME] = t, out[ACCELERATION] = p[0] * (1 / tau - p[2]), out[POWER] = 0;
    for (int i = 1; i < 400; i++) {
        double s = 4 * tau * i / 400, a = p[0] * (exp(-s / tau) / tau - p[2] * exp(-p[2] * s));
        out[POWER] = fmax(out[POWER], a * curve(p, p[3] + s));
    }
}

void gait_fit_speed(struct gait_run *run) {
    struct gait_curve *c = &run->curve;
    *c = (struct gait_curve){.a_mps = GAIT_UNKNOWN,
                             .tau_s = GAIT_UNKNOWN,
                             .fade_per_s = GAIT_UNKNOWN,
                             .t0_s = GAIT_UNKNOWN,
                             .top_mps = GAIT_UNKNOWN,
                             .top_s = GAIT_UNKNOWN,
                             .acceleration_mps2 = GAIT_UNKNOWN,
                             .force_n_kg = GAIT_UNKNOWN,
                             .power_w_kg = GAIT_UNKNOWN,
                             .rms_mps = NAN};
    for (int i = 0; i < GAIT_PHASES; i++)
        run->phases[i] = (struct gait_phase){.from_s = NAN, .to_s = NAN, .from_m = GAIT_UNKNOWN, .to_m = GAIT_UNKNOWN};
    struct point q[POINTS_MAX];
    size_t n = 0;
    double first_down = INFINITY, least = INFINITY, most = 0, moves_from = NAN, last = 0;
    /* one point a step, in its middle: what happens inside a step is not acceleration */
    for (size_t i = 0; i < run->step_count && n < POINTS_MAX - 64; i++) {
        const struct gait_contact *k = &run->contacts[run->steps[i].contact];
        struct gait_value v = run->steps[i].measures[GAIT_SPEED], T = run->steps[i].measures[GAIT_STEP_TIME];
        if (!gait_is_known(v) || !gait_is_known(T)) continue;
        first_down = fmin(first_down, k->touch_down_s.value);
        q[n++] = (struct point){k->touch_down_s.value + 0.5 * T.value, v.value, 1 / (v.error * v.error + 0.05 * 0.05)};
        last = fmax(last, k->touch_down_s.value + T.value);
    }
    size_t steps = n;
    /* before the first step: the push from the start, a tenth of a second at a time */
    double sum = 0, when = 0;
    size_t count = 0;
    for (size_t f = 0; f < run->frame_count; f++) {
        const struct gait_sample *s = &run->samples[f];
        if (!gait_is_known(s->speed) || s->time_s > first_down) continue;
        if (!isfinite(moves_from) && s->speed.value > 0.3) moves_from = s->time_s;
        if (s->speed.value < 0.3) {
            moves_from = NAN, n = steps, sum = when = 0, count = 0;
            continue;
        }
        sum += s->speed.value, when += s->time_s, count++;
        if ((double)count < 0.1 * run->rate || n >= POINTS_MAX) continue;
        q[n++] = (struct point){when / (double)count, sum / (double)count, 1 / (0.1 * 0.1)};
        sum = when = 0, count = 0;
    }
    for (size_t i = 0; i < n; i++) least = fmin(least, q[i].v), most = fmax(most, q[i].v);
    if (run->kind != GAIT_RUNNING || steps < 6 || most - least < 0.2 * most) {
        if (run->kind == GAIT_RUNNING) gait_note(run, "gait.steady");
        return;
    }
    /* Levenberg and Marquardt from a few starts in time */
    double best[PARAMETERS] = {0}, best_misfit = INFINITY, earliest = INFINITY;
    for (size_t i = 0; i < n; i++) earliest = fmin(earliest, q[i].t);
    for (int start = 0; start < 4; start++) {
        double p[PARAMETERS] = {1.05 * most, 0.2, 0.005, earliest - 0.3 * start}, lambda = 1e-3, now = misfit(p, q, n);
        for (int turn = 0; turn < 100; turn++) {
            double h[PARAMETERS * PARAMETERS] = {0}, g[PARAMETERS] = {0};
            for (size_t i = 0; i < n; i++) {
                double base = curve(p, q[i].t), j[PARAMETERS];
                for (int k = 0; k < PARAMETERS; k++) {
                    double moved[PARAMETERS], e = 1e-6;
                    memcpy(moved, p, sizeof moved), moved[k] += e, j[k] = (curve(moved, q[i].t) - base) / e;
                }
                for (int k = 0; k < PARAMETERS; k++) {
                    g[k] += q[i].weight * j[k] * (q[i].v - base);
                    for (int l = 0; l < PARAMETERS; l++) h[k * PARAMETERS + l] += q[i].weight * j[k] * j[l];
                }
            }
            const double prior[PARAMETERS] = {0, 1 / 0.49, 1 / 9e-4, 0}, centre[PARAMETERS] = {0, 0.2, 0.01, 0};
            for (int k = 0; k < PARAMETERS; k++)
                h[k * PARAMETERS + k] += prior[k], g[k] += prior[k] * (centre[k] - p[k]), h[k * PARAMETERS + k] *= 1 + lambda;
            double next[PARAMETERS];
            if (!cholesky_factor(h, PARAMETERS)) {
                lambda = fmax(lambda, 1e-6) * 10;
                continue;
            }
            cholesky_solve(h, PARAMETERS, g);
            for (int k = 0; k < PARAMETERS; k++) next[k] = p[k] + g[k];
            next[2] = fmax(next[2], 0);
            double then = misfit(next, q, n);
            if (isfinite(then) && then < now) {
                bool is_done = now - then < 1e-9 * now;
                memcpy(p, next, sizeof p), now = then, lambda = fmax(lambda * 0.3, 1e-9);
                if (is_done) break;
            } else if ((lambda *= 8) > 1e8) {
                break;
            }
        }
        if (now < best_misfit) best_misfit = now, memcpy(best, p, sizeof best);
    }
    double square = 0, tau = exp(best[1]);
    for (size_t i = 0; i < steps; i++) square += pow(q[i].v - curve(best, q[i].t), 2);
    c->rms_mps = sqrt(square / (double)steps);
    if (!isfinite(best_misfit) || c->rms_mps > 0.4 || !(tau > 0.2 && tau < 6) || !(best[0] > 0 && best[0] < 25)) {
        gait_note(run, "gait.no_curve");
        return;
    }
    /* the parameters' covariance, widened by what the curve does not explain */
    double h[PARAMETERS * PARAMETERS] = {0}, covariance[PARAMETERS][PARAMETERS],
                          widen = fmax(1, best_misfit / fmax(1, (double)n - PARAMETERS));
    for (size_t i = 0; i < n; i++) {
        double base = curve(best, q[i].t), j[PARAMETERS];
        for (int k = 0; k < PARAMETERS; k++) {
            double moved[PARAMETERS];
            memcpy(moved, best, sizeof moved), moved[k] += 1e-6, j[k] = (curve(moved, q[i].t) - base) / 1e-6;
        }
        for (int k = 0; k < PARAMETERS; k++) {
            for (int l = 0; l < PARAMETERS; l++) h[k * PARAMETERS + l] += q[i].weight * j[k] * j[l];
        }
    }
    h[1 * PARAMETERS + 1] += 1 / 0.49, h[2 * PARAMETERS + 2] += 1 / 9e-4;
    if (!cholesky_factor(h, PARAMETERS)) {
        gait_note(run, "gait.no_curve");
        return;
    }
    for (int k = 0; k < PARAMETERS; k++) {
        double unit[PARAMETERS] = {0};
        unit[k] = 1;
        cholesky_solve(h, PARAMETERS, unit);
        for (int l = 0; l < PARAMETERS; l++) covariance[l][k] = unit[l] * widen;
    }
    double base[DERIVED], slope[DERIVED][PARAMETERS], variance[DERIVED] = {0};
    derive(best, last, base);
    for (int k = 0; k < PARAMETERS; k++) {
        double moved[PARAMETERS], then[DERIVED], e = 1e-5;
        memcpy(moved, best, sizeof moved), moved[k] += e;
        derive(moved, last, then);
        for (int d = 0; d < DERIVED; d++) slope[d][k] = (then[d] - base[d]) / e;
    }
    for (int d = 0; d < DERIVED; d++) {
        for (int k = 0; k < PARAMETERS; k++) {
            for (int l = 0; l < PARAMETERS; l++) variance[d] += slope[d][k] * covariance[k][l] * slope[d][l];
        }
    }
    c->is_fitted = true;
    c->a_mps = gait_value_of(best[0], covariance[0][0]), c->tau_s = gait_value_of(tau, covariance[1][1] * tau * tau),
    c->fade_per_s = gait_value_of(best[2], covariance[2][2]);
    c->t0_s = gait_value_of(best[3], covariance[3][3]), c->top_mps = gait_value_of(base[TOP], variance[TOP]),
    c->acceleration_mps2 = gait_value_of(base[ACCELERATION], variance[ACCELERATION]);
    if (base[TOP_TIME] < last - 1e-6)
        c->top_s = gait_value_of(base[TOP_TIME], variance[TOP_TIME]); /* else it was still rising when the recording ended */
    bool saw_start = isfinite(moves_from) && least < 0.4 * base[TOP];
    if (saw_start) c->force_n_kg = c->acceleration_mps2, c->power_w_kg = gait_value_of(base[POWER], variance[POWER]);
    /* Phases by the curve's share of its own top. */
    double bounds[GAIT_PHASES + 1], from = saw_start ? moves_from : isfinite(first_down) ? first_down : earliest;
    bounds[GAIT_PHASE_START] = from, bounds[GAIT_PHASE_DRIVE] = saw_start ? fmax(first_down, from) : from;
    double share80 = NAN, share97 = NAN, fade = last;
    for (double t = fmin(from, best[3]); t <= last; t += 0.002) {
        double v = curve(best, t) / base[TOP];
        if (v >= 0.80 && !isfinite(share80)) share80 = t;
        if (v >= 0.97 && !isfinite(share97)) share97 = t;
        if (isfinite(share97) && t > base[TOP_TIME] && v < 0.97) {
            fade = t;
            break;
        }
    }
    bounds[GAIT_PHASE_TRANSITION] = isfinite(share80) ? fmax(share80, bounds[GAIT_PHASE_DRIVE]) : last;
    bounds[GAIT_PHASE_MAXIMUM] = isfinite(share97) ? fmax(share97, bounds[GAIT_PHASE_TRANSITION]) : last, bounds[GAIT_PHASE_FADE] = fade,
    bounds[GAIT_PHASES] = last;
    for (int i = 0; i < GAIT_PHASES; i++) {
        struct gait_phase *p = &run->phases[i];
        if (!(bounds[i + 1] - bounds[i] > 0.02)) continue;
        p->is_there = true, p->from_s = bounds[i], p->to_s = bounds[i + 1];
        size_t a = (size_t)fmax(0, fmin((double)run->frame_count - 1, gait_frame(run, p->from_s) + 0.5)),
               b = (size_t)fmax(0, fmin((double)run->frame_count - 1, gait_frame(run, p->to_s) + 0.5));
        p->from_m = run->samples[a].distance, p->to_m = run->samples[b].distance;
    }
}
