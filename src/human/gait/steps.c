/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "human/gait/room.h"

struct gait_value gait_angle_at_sample(const struct gait_sample *s, size_t which) {
    return s->angles[which];
}

struct gait_value gait_at(const struct gait_run *run, struct gait_value time_s,
                          struct gait_value (*get)(const struct gait_sample *, size_t), size_t which) {
    double frame = gait_frame(run, time_s.value);
    if (!(frame >= 0 && frame <= (double)run->frame_count - 1)) return GAIT_UNKNOWN;
    size_t f = (size_t)frame;
    if (f + 1 >= run->frame_count) f = run->frame_count >= 2 ? run->frame_count - 2 : 0;
    if (f + 1 >= run->frame_count) return GAIT_UNKNOWN;
    double t = frame - (double)f;
    struct gait_value a = get(&run->samples[f], which), b = get(&run->samples[f + 1], which);
    if (!gait_is_known(a) || !gait_is_known(b)) return GAIT_UNKNOWN;
    /* neighbours err together: the larger error, not a mean that would be smaller */
    double error = fmax(a.error, b.error), drift = (b.value - a.value) * run->rate * time_s.error;
    return gait_value_of(a.value * (1 - t) + b.value * t, error * error + drift * drift);
}

static struct gait_value minus(struct gait_value a, struct gait_value b) {
    return gait_value_of(a.value - b.value, a.error * a.error + b.error * b.error);
}

/* a / b of independent values */
static struct gait_value over(struct gait_value a, struct gait_value b) {
    double v = a.value / b.value;
    return gait_value_of(v, v * v * (pow(a.error / a.value, 2) + pow(b.error / b.value, 2)));
}

/* The largest (sign +1) or least (-1) value of an angle in a span of time, with the parabola through the peak and its neighbours. */
static struct gait_value peak(const struct gait_run *run, size_t angle, double from_s, double to_s, double sign) {
    double from = ceil(gait_frame(run, from_s)), to = floor(gait_frame(run, to_s));
    if (!(from >= 0 && to < (double)run->frame_count && to - from >= 1)) return GAIT_UNKNOWN;
    struct gait_value best = GAIT_UNKNOWN;
    size_t at = 0, unknown = 0;
    for (size_t f = (size_t)from; f <= (size_t)to; f++) {
        struct gait_value v = run->samples[f].angles[angle];
        if (!gait_is_known(v))
            unknown++;
        else if (!gait_is_known(best) || sign * v.value > sign * best.value)
            best = v, at = f;
    }
    /* the peak may lie in what is not known */
    if (!gait_is_known(best) || unknown > (size_t)(0.2 * (to - from + 1))) return GAIT_UNKNOWN;
    if (at > (size_t)from && at < (size_t)to) {
        double a = run->samples[at - 1].angles[angle].value, b = best.value, c = run->samples[at + 1].angles[angle].value,
               bend = a - 2 * b + c;
        if (isfinite(bend) && fabs(bend) > 1e-9) best.value = b - (a - c) * (a - c) / (8 * bend);
    }
    return best;
}

/* The direction in which the body moved between two instants; the run's axis when it hardly did. */
static struct vec3 heading(const struct gait_run *run, double from_s, double to_s) {
    double from = gait_frame(run, from_s), to = gait_frame(run, to_s);
    if (!(from >= 0 && to <= (double)run->frame_count - 1)) return run->axis;
    struct vec3 way = vec3_sub(run->samples[(size_t)to].com, run->samples[(size_t)from].com);
    way.z = 0;
    return vec3_is_known(way) && vec3_norm(way) > 0.2 ? vec3_unit(way) : run->axis;
}

/* The centre of mass along a direction at an instant that is known to within an error. */
static struct gait_value along(const struct gait_run *run, struct gait_value time_s, struct vec3 way) {
    double frame = gait_frame(run, time_s.value);
    if (!(frame >= 0 && frame <= (double)run->frame_count - 1)) return GAIT_UNKNOWN;
    size_t f = (size_t)frame, g = f + 1 < run->frame_count ? f + 1 : f;
    const struct gait_sample *a = &run->samples[f], *b = &run->samples[g];
    double t = frame - (double)f, v = vec3_dot(a->com_velocity, way);
    double variance = fmax(sym3_quadratic(a->com_covariance, way), sym3_quadratic(b->com_covariance, way)) + pow(v * time_s.error, 2);
    return gait_value_of(vec3_dot(vec3_mix(a->com, b->com, t), way), variance);
}

static struct gait_value toe_along(const struct gait_contact *c, struct vec3 way) {
    return gait_value_of(vec3_dot(c->toe, way), sym3_quadratic(c->toe_covariance, way));
}

static void measure(const struct gait_run *run, struct gait_step *s, const struct gait_contact *c, const struct gait_contact *next,
                    const struct gait_contact *same) {
    size_t side = (size_t)c->side, other = 1 - side;
    struct gait_value *m = s->measures, down = c->touch_down_s, off = c->toe_off_s;
    for (int i = 0; i < GAIT_MEASURES; i++) m[i] = GAIT_UNKNOWN;
    m[GAIT_CONTACT_TIME] = minus(off, down);
    m[GAIT_TRUNK_LEAN_TD] = gait_at(run, down, gait_angle_at_sample, 2 * GAIT_TRUNK_LEAN),
    m[GAIT_SHIN_TD] = gait_at(run, down, gait_angle_at_sample, 2 * GAIT_SHANK + side);
    m[GAIT_KNEE_TD] = gait_at(run, down, gait_angle_at_sample, 2 * GAIT_KNEE_FLEXION + side),
    m[GAIT_KNEE_TO] = gait_at(run, off, gait_angle_at_sample, 2 * GAIT_KNEE_FLEXION + side);
    m[GAIT_KNEE_STANCE] = peak(run, 2 * GAIT_KNEE_FLEXION + side, down.value, off.value, 1);
    struct gait_value hip = gait_at(run, off, gait_angle_at_sample, 2 * GAIT_HIP_FLEXION + side);
    m[GAIT_HIP_TO] = (struct gait_value){-hip.value, hip.error};
    struct gait_value front = gait_at(run, down, gait_angle_at_sample, 2 * GAIT_THIGH + side),
                      rear = gait_at(run, down, gait_angle_at_sample, 2 * GAIT_THIGH + other);
    m[GAIT_THIGH_SEPARATION] = minus(front, rear);
    struct vec3 way = heading(run, down.value, off.value);
    if (vec3_is_known(c->toe)) {
        m[GAIT_TOUCH_DOWN_DISTANCE] = minus(toe_along(c, way), along(run, down, way));
        m[GAIT_TOE_OFF_DISTANCE] = minus(along(run, off, way), toe_along(c, way));
    }
    if (next) {
        struct gait_value time = minus(next->touch_down_s, down);
        m[GAIT_STEP_TIME] = time, m[GAIT_FLIGHT_TIME] = minus(next->touch_down_s, off);
        m[GAIT_CADENCE] = over((struct gait_value){60, 0}, time);
        way = heading(run, down.value, next->touch_down_s.value);
        if (vec3_is_known(c->toe) && vec3_is_known(next->toe)) {
            struct vec3 left = {-way.y, way.x, 0};
            struct gait_value width = minus(toe_along(c, left), toe_along(next, left));
            m[GAIT_STEP_LENGTH] = minus(toe_along(next, way), toe_along(c, way));
            m[GAIT_STEP_WIDTH] = (struct gait_value){side == GAIT_LEFT ? width.value : -width.value, width.error};
        }
        /* Distance and time of the same two instants: an error of an instant moves both, and nearly cancels. */
        struct gait_value exact[2] = {{down.value, 0}, {next->touch_down_s.value, 0}};
        struct gait_value way_m = minus(along(run, exact[1], way), along(run, exact[0], way));
        m[GAIT_SPEED] = gait_value_of(way_m.value / time.value, pow(way_m.error / time.value, 2));
        double from = gait_frame(run, down.value), to = gait_frame(run, next->touch_down_s.value), low = INFINITY, high = -INFINITY,
               low_variance = 0, high_variance = 0;
        bool is_known = from >= 0 && to < (double)run->frame_count;
        for (size_t f = is_known ? (size_t)from : 0; is_known && f <= (size_t)to; f++) {
            const struct gait_sample *q = &run->samples[f];
            if (!vec3_is_known(q->com)) is_known = false;
            if (q->com.z < low) low = q->com.z, low_variance = q->com_covariance.zz;
            if (q->com.z > high) high = q->com.z, high_variance = q->com_covariance.zz;
        }
        if (is_known && high > low) m[GAIT_OSCILLATION] = gait_value_of(high - low, low_variance + high_variance);
    }
    if (same) {
        struct gait_value time = minus(same->touch_down_s, down);
        m[GAIT_STRIDE_TIME] = time, m[GAIT_DUTY_FACTOR] = over(m[GAIT_CONTACT_TIME], time);
        way = heading(run, down.value, same->touch_down_s.value);
        if (vec3_is_known(c->toe) && vec3_is_known(same->toe)) m[GAIT_STRIDE_LENGTH] = minus(toe_along(same, way), toe_along(c, way));
        m[GAIT_KNEE_SWING] = peak(run, 2 * GAIT_KNEE_FLEXION + side, off.value, same->touch_down_s.value, 1);
        m[GAIT_KNEE_LIFT] = peak(run, 2 * GAIT_THIGH + side, off.value, same->touch_down_s.value, 1);
    }
}

static double begin_of(const struct gait_run *run, const struct gait_contact *c) {
    return gait_is_known(c->touch_down_s) ? c->touch_down_s.value : ((double)run->frame_first + (double)c->frame_from) / run->rate;
}

struct err gait_find_steps(struct arena *mem, const struct gait_recording *r, struct gait_run *run) {
    run->steps = arena_alloc_array(mem, run->contact_count + 1, sizeof *run->steps);
    if (!run->steps) return err_memory();
    size_t together = 0, flights = 0, supports = 0;
    for (size_t i = 0; i < run->contact_count; i++) {
        const struct gait_contact *c = &run->contacts[i], *next = NULL, *same = NULL;
        for (size_t k = i + 1; k < run->contact_count && !same; k++) {
            if (run->contacts[k].side == c->side)
                same = &run->contacts[k];
            else if (!next)
                next = &run->contacts[k];
        }
        /* Landings of both feet at once are no steps of each other; and two of the same foot in a row mean that one in between was missed.
         */
        bool is_together = next && fabs(begin_of(run, next) - begin_of(run, c)) < 0.05;
        if (i)
            is_together = is_together ||
                          (run->contacts[i - 1].side != c->side && fabs(begin_of(run, c) - begin_of(run, &run->contacts[i - 1])) < 0.05);
        if (is_together) next = NULL, together += gait_is_known(c->touch_down_s);
        if (!is_together && !next) same = NULL;
        if (next && !(gait_is_known(next->touch_down_s) && gait_is_known(c->touch_down_s))) next = NULL;
        if (same && !(gait_is_known(same->touch_down_s) && gait_is_known(c->touch_down_s))) same = NULL;
        /* a hop or a pause of more than two seconds is no stride */
        if (same && same->touch_down_s.value - c->touch_down_s.value > 2.5) same = NULL;
        if (next && next->touch_down_s.value - c->touch_down_s.value > 1.5) next = NULL;
        struct gait_step *s = &run->steps[run->step_count++];
        *s = (struct gait_step){.contact = i, .side = c->side};
        measure(run, s, c, next, same);
        struct gait_value flight = s->measures[GAIT_FLIGHT_TIME];
        if (gait_is_known(flight)) flight.value > 0 ? flights++ : supports++;
    }
    double moved = 0, time = 0;
    for (size_t f = 0; f < run->frame_count; f++) {
        if (gait_is_known(run->samples[f].speed)) moved += run->samples[f].speed.value / run->rate, time += 1 / run->rate;
    }
    /* too few steps to count: whoever moves on with both feet down at once walks */
    size_t both_down = 0;
    for (size_t i = 0; i + 1 < run->contact_count; i++) {
        const struct gait_contact *a = &run->contacts[i], *b = &run->contacts[i + 1];
        both_down +=
            a->side != b->side && b->frame_from > a->frame_from + 2 && (double)a->frame_to - (double)b->frame_from > 0.03 * run->rate;
    }
    if (flights + supports < 2 && both_down && time > 0.3 && moved / time >= 0.3 && moved / time < 2.5)
        run->kind = GAIT_WALKING;
    else if (flights + supports >= 2)
        run->kind = flights > supports ? GAIT_RUNNING : GAIT_WALKING;
    else if (together >= 2)
        run->kind = GAIT_JUMPING;
    else if (run->contact_count && time > 0.3 && moved / time < 0.3)
        run->kind = GAIT_STANDING;
    if (run->contact_count && flights + supports == 0)
        gait_note(run, run->kind == GAIT_JUMPING ? "gait.jumps" : run->kind == GAIT_STANDING ? "gait.stands" : "gait.no_steps");
    /* the greatest speed over two steps, so that one foot's habits do not count */
    run->top_speed = run->top_speed_s = GAIT_UNKNOWN;
    for (size_t i = 0; i + 2 < run->contact_count; i++) {
        const struct gait_contact *a = &run->contacts[i], *b = &run->contacts[i + 2];
        if (a->side != b->side || run->contacts[i + 1].side == a->side || !gait_is_known(run->steps[i].measures[GAIT_STRIDE_TIME]))
            continue;
        double T = b->touch_down_s.value - a->touch_down_s.value;
        struct vec3 way = heading(run, a->touch_down_s.value, b->touch_down_s.value);
        struct gait_value d = minus(along(run, (struct gait_value){b->touch_down_s.value, 0}, way),
                                    along(run, (struct gait_value){a->touch_down_s.value, 0}, way));
        struct gait_value v = gait_value_of(d.value / T, pow(d.error / T, 2));
        if (!gait_is_known(v) || (gait_is_known(run->top_speed) && v.value <= run->top_speed.value)) continue;
        run->top_speed = v, run->top_speed_s = gait_value_of(0.5 * (a->touch_down_s.value + b->touch_down_s.value),
                                                             0.25 * (pow(a->touch_down_s.error, 2) + pow(b->touch_down_s.error, 2)));
    }
    return ERR_OK;
}

static struct gait_value height_at_sample(const struct gait_sample *s, size_t which) {
    return gait_value_of(s->com.z, s->com_covariance.zz);
}
static struct gait_value rise_at_sample(const struct gait_sample *s, size_t which) {
    return gait_value_of(s->com_velocity.z, s->com_velocity_covariance.zz);
}

struct err gait_find_jumps(struct arena *mem, struct gait_run *run) {
    if (run->kind != GAIT_JUMPING) return ERR_OK;
    run->jumps = arena_alloc_array(mem, run->contact_count + 1, sizeof *run->jumps);
    if (!run->jumps) return err_memory();
    for (size_t i = 0; i < run->contact_count; i++) {
        /* the first landing behind this toe-off, with nobody's foot down in between */
        const struct gait_contact *c = &run->contacts[i], *next = NULL;
        bool is_last = gait_is_known(c->toe_off_s);
        for (size_t k = 0; k < run->contact_count && is_last; k++) {
            const struct gait_contact *q = &run->contacts[k];
            if (q == c) continue;
            bool is_behind = q->frame_from >= c->frame_to;
            if (is_behind && !next) next = q;
            if (!is_behind && q->frame_to > c->frame_from && (!gait_is_known(q->toe_off_s) || q->toe_off_s.value > c->toe_off_s.value))
                is_last = false;
        }
        if (!is_last || !next || !gait_is_known(next->touch_down_s)) continue;
        struct gait_value flight = minus(next->touch_down_s, c->toe_off_s);
        if (flight.value < 0.1 || flight.value > 1.5) continue; /* a skip; or somebody who was not seen */
        struct gait_jump j = {c->toe_off_s, next->touch_down_s, flight,
                              GAIT_UNKNOWN, GAIT_UNKNOWN,       gait_at(run, c->toe_off_s, rise_at_sample, 0)};
        double t = flight.value;
        j.height_flight_m = gait_value_of(GAIT_GRAVITY * t * t / 8, pow(GAIT_GRAVITY * t / 4 * flight.error, 2));
        struct gait_value low = gait_at(run, c->toe_off_s, height_at_sample, 0), high = GAIT_UNKNOWN;
        bool is_whole = true;
        for (double f = ceil(gait_frame(run, c->toe_off_s.value)); f < gait_frame(run, next->touch_down_s.value); f++) {
            struct gait_value z = height_at_sample(&run->samples[(size_t)f], 0);
            is_whole = is_whole && gait_is_known(z);
            if (gait_is_known(z) && (!gait_is_known(high) || z.value > high.value)) high = z;
        }
        if (is_whole && gait_is_known(low) && gait_is_known(high)) j.height_m = minus(high, low);
        run->jumps[run->jump_count++] = j;
    }
    return ERR_OK;
}

void gait_summarise(struct gait_run *run) {
    for (int m = 0; m < GAIT_MEASURES; m++) {
        struct gait_summary *s = &run->summaries[m];
        *s = (struct gait_summary){.mean = GAIT_UNKNOWN, .sides = {GAIT_UNKNOWN, GAIT_UNKNOWN}, .deviation = NAN, .symmetry = GAIT_UNKNOWN};
        double sum[3] = {0}, square[3] = {0}, variance[3] = {0};
        size_t count[3] = {0};
        for (size_t i = 0; i < run->step_count; i++) {
            struct gait_value v = run->steps[i].measures[m];
            if (!gait_is_known(v)) continue;
            size_t both[2] = {(size_t)run->steps[i].side, 2};
            for (int k = 0; k < 2; k++)
                sum[both[k]] += v.value, square[both[k]] += v.value * v.value, variance[both[k]] += v.error * v.error, count[both[k]]++;
        }
        for (int k = 0; k < 3; k++) {
            double n = (double)count[k], mean = sum[k] / n, scatter = n > 1 ? fmax(0, (square[k] - n * mean * mean) / (n - 1)) : 0;
            struct gait_value v = count[k] ? gait_value_of(mean, fmax(scatter / n, variance[k] / (n * n))) : GAIT_UNKNOWN;
            if (k == 2)
                s->mean = v, s->count = count[k], s->deviation = n > 1 ? sqrt(scatter) : NAN;
            else
                s->sides[k] = v, s->counts[k] = count[k];
        }
        /* Left against right: each step against the mean of the steps before and behind it, which are the other foot's. So a speed that
         * rises is no asymmetry. Such differences share steps: of n of them with variance s2, the mean has 8/3 s2 / n if the steps scatter
         * independently. */
        double d_sum = 0, d_square = 0, level = 0, own = 0;
        size_t d_count = 0;
        for (size_t i = 1; i + 1 < run->step_count; i++) {
            const struct gait_step *a = &run->steps[i - 1], *b = &run->steps[i], *c = &run->steps[i + 1];
            struct gait_value va = a->measures[m], vb = b->measures[m], vc = c->measures[m];
            if (a->side == b->side || c->side == b->side || !gait_is_known(va) || !gait_is_known(vb) || !gait_is_known(vc)) continue;
            double d = (vb.value - 0.5 * (va.value + vc.value)) * (b->side == GAIT_LEFT ? 1 : -1);
            d_sum += d, d_square += d * d, level += vb.value, own += vb.error * vb.error, d_count++;
        }
        if (d_count < 2 || fabs(level) < 1e-9) continue;
        double n = (double)d_count, mean = d_sum / n, scatter = fmax(0, (d_square - n * mean * mean) / (n - 1)), base = fabs(level / n);
        if (m == GAIT_STEP_WIDTH) continue; /* belongs to both feet */
        s->symmetry = gait_value_of(100 * mean / base, pow(100 / base, 2) * fmax(8.0 / 3 * scatter / n, 4 * own / (n * n)));
    }
}
