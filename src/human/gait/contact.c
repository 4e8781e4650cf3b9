/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * When a foot is on the ground. First by frames, from the smoothed states: a point of the foot is down while it is low and slow, with
 * hysteresis. Then each end to a fraction of a frame, from the measured points: before a touch-down the foot's points move on smooth
 * curves, from then on they stand; the instant that makes what was measured most probable is the touch-down, and how fast the probability
 * falls on both sides is its standard error. The same backwards for toe-off, except that a foot leaves the ground without a jolt. A
 * smoother would round the corner of a touch-down off over several frames and call it early. */
#include <stdlib.h>
#include <string.h>

#include "human/gait/room.h"

enum { WINDOW_BEFORE = 5, WINDOW_BEHIND = 6, WINDOW = WINDOW_BEHIND, GRID = 161, TERMS = 5, POINTS_MAX = 3 };
static const double enter_m = 0.06, leave_m = 0.085, joint_m2 = 4e-6; /* a joint is no point: 2 mm */

static const struct track_state *run_state(const struct gait_run *run, size_t frame, size_t joint) {
    return &run->states[frame * POSE_JOINTS + joint];
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Position and velocity of the toes (0: middle of those known) or the heel (1). */
static bool part_of(const struct gait_run *r, size_t f, size_t side, int part, struct vec3 *at, struct vec3 *velocity) {
    const struct track_state *a = run_state(r, f, (part ? POSE_LHEEL : POSE_LBIGTOE) + side),
                             *b = part ? a : run_state(r, f, POSE_LSMALLTOE + side);
    bool has_a = a->source != TRACK_UNKNOWN && vec3_is_known(a->velocity), has_b = b->source != TRACK_UNKNOWN && vec3_is_known(b->velocity);
    if (!has_a && !has_b) return false;
    if (!has_a) a = b;
    if (!has_b) b = a;
    *at = vec3_mix(a->at, b->at, 0.5), *velocity = vec3_mix(a->velocity, b->velocity, 0.5);
    return true;
}

/* The joints that make up a part. */
static size_t joints_of(size_t side, int part, size_t joints[POINTS_MAX]) {
    if (part) return joints[0] = POSE_LHEEL + side, 1;
    joints[0] = POSE_LBIGTOE + side, joints[1] = POSE_LSMALLTOE + side;
    return 2;
}

static double body_speed(const struct gait_run *run, size_t f) {
    struct vec3 v = run->samples[f].com_velocity;
    return vec3_is_known(v) ? hypot(v.x, v.y) : 0;
}

/* Heights over the level where this part stands: the middle of the lower half of the heights of slow frames. False: it is never slow and
 * low. */
static bool measure(struct arena *mem, const struct gait_recording *r, const struct gait_run *run, size_t side, int part, double *low,
                    double *speed, double *level, bool *has_memory) {
    size_t n = r->frame_count, slow = 0;
    struct arena_mark mark = arena_mark(mem);
    double *heights = arena_alloc_array(mem, n, sizeof *heights);
    if (!heights) return *has_memory = false;
    for (size_t f = 0; f < n; f++) {
        struct vec3 at, velocity;
        low[f] = speed[f] = NAN;
        if (!part_of(run, f, side, part, &at, &velocity)) continue;
        low[f] = at.z - run->ground_m, speed[f] = vec3_norm(velocity);
        if (speed[f] < 0.3 + 0.3 * body_speed(run, f) && low[f] < 0.25) heights[slow++] = low[f];
    }
    if (slow) qsort(heights, slow, sizeof *heights, by_value);
    *level = slow ? heights[slow / 4] : NAN;
    arena_rewind(mem, mark);
    if (!slow || fabs(*level) > 0.15) return false;
    for (size_t f = 0; f < n; f++) low[f] -= *level;
    return true;
}

/* What is known of a foot's movement beside the ground before anything is measured: mean and spread of velocity, acceleration, jerk and
 * snap along the run, to the left, and up. A foot lands from above and a little forwards, braking, the faster the runner the more so. It
 * leaves the ground from rest, and quickly. */
struct habit {
    double mean[TERMS][3], spread[TERMS][3];
};

static struct habit habit_of(bool is_landing, double speed, double fall) {
    double quick = 0.05 + 0.086 * speed,
           q2 = quick * quick; /* 1 at 11 m/s; who is slow is slow for longer, so that higher derivatives fade faster */
    struct habit h = {.spread = {{0.5, 0.5, 0.5},
                                 {0.3, 0.3, 0.3},
                                 {300 * quick, 150 * quick, 300 * quick},
                                 {2e4 * q2 * quick, 1e4 * q2 * quick, 2e4 * q2 * quick},
                                 {1e6 * q2 * q2, 5e5 * q2 * q2, 1e6 * q2 * q2}}};
    if (!is_landing) return h;
    h.mean[1][0] = 0.3 * fmin(1, speed) + 0.17 * speed, h.mean[1][2] = fmin(-0.3 - 0.15 * speed, fall), h.mean[2][0] = -15 * speed;
    h.spread[1][0] = h.spread[1][2] = 0.5 + 0.1 * speed, h.spread[1][1] = 0.3 + 0.03 * speed;
    h.spread[2][0] = h.spread[2][2] = 40 + 15 * speed, h.spread[2][1] = 15 + 5 * speed;
    for (int a = 0; a < 3; a++) h.spread[3][a] = a == 1 ? 1000 : 3000, h.spread[4][a] = a == 1 ? 1e4 : 4e4;
    return h;
}

struct sighting {
    double time;
    struct vec3 at;
    struct sym3 weight; /* inverse covariance */
};

/* Log-probability of all that was measured of one point, up to a constant, if it stands on one side of t and moves on the other: an unknown
 * place, and from there a polynomial in time whose coefficients are those habits. The unknowns are integrated out (Gaussian). */
static double probability(const struct sighting *s, size_t count, double t, bool is_landing, struct vec3 near, const struct habit *habit) {
    enum { N = 3 * TERMS };
    double h[N * N] = {0}, b[N] = {0}, constant = 0;
    for (int k = 0; k < TERMS; k++) {
        for (int a = 0; a < 3; a++) {
            double precision = 1 / (habit->spread[k][a] * habit->spread[k][a]), m = habit->mean[k][a];
            h[(3 * k + a) * N + 3 * k + a] = precision, b[3 * k + a] = precision * m, constant += precision * m * m - log(precision);
        }
    }
    for (size_t i = 0; i < count; i++) {
        double d = s[i].time - t, basis[TERMS] = {1};
        if (is_landing ? d < 0 : d > 0) basis[1] = d, basis[2] = d * d / 2, basis[3] = d * d * d / 6, basis[4] = d * d * d * d / 24;
        struct vec3 z = vec3_sub(s[i].at, near), wz = sym3_apply(s[i].weight, z);
        constant += vec3_dot(z, wz);
        const double w[3][3] = {{s[i].weight.xx, s[i].weight.xy, s[i].weight.xz},
                                {s[i].weight.xy, s[i].weight.yy, s[i].weight.yz},
                                {s[i].weight.xz, s[i].weight.yz, s[i].weight.zz}};
        for (int k = 0; k < TERMS; k++) {
            if (basis[k] == 0) continue;
            b[3 * k] += basis[k] * wz.x, b[3 * k + 1] += basis[k] * wz.y, b[3 * k + 2] += basis[k] * wz.z;
            for (int l = 0; l <= k; l++) {
                for (int x = 0; x < 3; x++) {
                    for (int y = 0; y < 3; y++) h[(3 * k + x) * N + 3 * l + y] += basis[k] * basis[l] * w[x][y];
                }
            }
        }
    }
    double x[N];
    memcpy(x, b, sizeof x);
    if (!cholesky_factor(h, N)) return -INFINITY;
    cholesky_solve(h, N, x);
    double explained = 0, log_determinant = 0;
    for (int k = 0; k < N; k++) explained += b[k] * x[k], log_determinant += 2 * log(h[k * N + k]);
    return -0.5 * (constant - explained + log_determinant);
}

/* A covariance along the run, to the left, and up. */
static struct sym3 turned(struct sym3 c, struct vec3 along, struct vec3 left) {
    struct vec3 up = {0, 0, 1}, ca = sym3_apply(c, along), cl = sym3_apply(c, left);
    return (struct sym3){vec3_dot(along, ca), vec3_dot(along, cl), vec3_dot(up, ca), vec3_dot(left, cl), vec3_dot(up, cl), c.zz};
}

/* The most probable instant around an end of the contact: up to two frames outside what looked like contact, and four inside, where a slow
 * foot only seemed to stand. */
static struct gait_value refine(const struct gait_recording *r, const struct gait_run *run, const struct gait_contact *c, int part,
                                bool is_landing) {
    size_t joints[POINTS_MAX], count = joints_of((size_t)c->side, part, joints), last = c->frame_to - 1, seen = 0;
    struct sighting s[POINTS_MAX][2 * WINDOW + 2];
    size_t counts[POINTS_MAX] = {0};
    struct vec3 near_of[POINTS_MAX];
    size_t edge = is_landing ? c->frame_from : last, stay = c->frame_to - c->frame_from;
    struct vec3 com = run->samples[edge].com_velocity;
    double body = body_speed(run, edge), fall = vec3_is_known(com) ? com.z : 0;
    struct habit habit = habit_of(is_landing, is_landing ? body : vec3_is_known(com) ? vec3_norm(com) : 1, fall);
    struct vec3 along = body > 0.5 ? vec3_unit(vec3_of(com.x, com.y, 0)) : run->axis, left = vec3_of(-along.y, along.x, 0);
    double grid_from = gait_time(r, is_landing ? (double)edge - 2 : (double)edge - 4), step = 6 / r->rate / (GRID - 1), total[GRID] = {0};
    /* how long it can be trusted to stand: a heel rolls off early, and the other end of the contact must not come in */
    size_t keep = part ? (stay < 5 ? stay : 5) : stay > 8 ? 8 : stay;
    if (keep > 2) keep--;
    for (size_t p = 0; p < count; p++) {
        size_t from = is_landing ? (edge > WINDOW_BEFORE ? edge - WINDOW_BEFORE : 0) : edge + 1 - keep,
               to = is_landing ? edge + keep : edge + 1 + WINDOW_BEHIND;
        if (to > r->frame_count) to = r->frame_count;
        struct vec3 near = VEC3_UNKNOWN;
        for (size_t f = from; f < to; f++) {
            const struct track_state *state = run_state(run, f, joints[p]);
            const struct track_point *m = r->points ? &r->points[f * POSE_JOINTS + joints[p]] : NULL;
            struct vec3 at = m ? m->at : state->source != TRACK_UNKNOWN ? state->at : VEC3_UNKNOWN;
            struct sym3 covariance = m ? m->covariance : sym3_scale(state->covariance, 3);
            if (!vec3_is_known(at) || state->source == TRACK_UNKNOWN) continue;
            /* wild ones: the smoother rounds corners by some centimetres, not more */
            if (vec3_distance(at, state->at) > 0.06 + 4 * sqrt(sym3_trace(covariance))) continue;
            struct sighting *q = &s[p][counts[p]];
            covariance.xx += joint_m2, covariance.yy += joint_m2, covariance.zz += joint_m2;
            if (!sym3_inverse(turned(covariance, along, left), &q->weight)) continue;
            q->time = gait_time(r, (double)f), q->at = vec3_of(vec3_dot(at, along), vec3_dot(at, left), at.z);
            if (f == (is_landing ? edge + keep - 1 : from) || !vec3_is_known(near)) near = q->at;
            counts[p]++;
        }
        if (counts[p] < 4) continue;
        seen++;
        near_of[p] = near;
    }
    if (!seen) return GAIT_UNKNOWN;
    /* every fourth instant first, then all of those that may matter */
    double top = -INFINITY;
    for (int step_by = 4; step_by >= 1; step_by -= 3) {
        for (int g = 0; g < GRID; g += step_by) {
            if (step_by == 1) {
                int before = g - g % 4, behind = before + 4 < GRID ? before + 4 : before;
                if (g % 4 == 0) continue;
                if (fmax(total[before], total[behind]) < top - 14) {
                    total[g] = -INFINITY;
                    continue;
                }
            }
            total[g] = 0;
            for (size_t p = 0; p < count; p++) {
                if (counts[p] >= 4) total[g] += probability(s[p], counts[p], grid_from + g * step, is_landing, near_of[p], &habit);
            }
            top = fmax(top, total[g]);
        }
    }
    double best = -INFINITY, sum = 0, mean = 0, square = 0;
    for (int g = 0; g < GRID; g++) best = fmax(best, total[g]);
    if (!isfinite(best)) return GAIT_UNKNOWN;
    for (int g = 0; g < GRID; g++) {
        double w = exp(total[g] - best), t = g * step; /* from the grid's beginning: squares of clock times would drown the variance */
        sum += w, mean += w * t, square += w * t * t;
    }
    mean /= sum;
    /* and the ground's give, the shoe's, and the polynomial's own error: 1 ms for a sprinter; a walker's foot creeps down */
    double way = vec3_is_known(com) ? vec3_norm(com) : body, own = 0.012 / (1 + way) + (is_landing ? 0.02 * exp(-0.5 * way) : 0);
    return gait_value_of(grid_from + mean, fmax(square / sum - mean * mean, 0) + own * own);
}

enum { DOWN_TOES = 1, DOWN_HEEL = 2, DOWN = DOWN_TOES | DOWN_HEEL, UNSEEN = 4 };

static bool is_down(double low, double speed, double body, bool was) {
    return low < (was ? leave_m : enter_m) && speed < (was ? 0.8 + 0.42 * body : 0.5 + 0.32 * body);
}

/* Which part of the foot is down in each frame. *level_m: how high the toes' point lies while they stand. */
static struct err watch(struct arena *mem, const struct gait_recording *r, struct gait_run *run, size_t side, uint8_t *down,
                        double *level_m) {
    size_t n = r->frame_count;
    struct arena_mark mark = arena_mark(mem);
    double *low[2], *speed[2], level[2];
    bool has_memory = true, has[2], was[2] = {false, false}, is_seen = false;
    for (int part = 0; part < 2; part++) {
        low[part] = arena_alloc_array(mem, n + 1, sizeof *low[part]), speed[part] = arena_alloc_array(mem, n + 1, sizeof *speed[part]);
        if (!low[part] || !speed[part]) return err_memory();
        has[part] = measure(mem, r, run, side, part, low[part], speed[part], &level[part], &has_memory);
        if (!has_memory) return err_memory();
    }
    /* heels hover in a sprint: they are down only as low as when somebody stands on them, no more than 4 cm higher than the toes stand */
    if (has[0] && has[1] && level[1] >= level[0] + 0.04) has[1] = false;
    for (size_t f = 0; f < n; f++) {
        bool is_known = isfinite(speed[0][f]) || isfinite(speed[1][f]);
        for (int part = 0; part < 2; part++) {
            was[part] = has[part] && isfinite(speed[part][f]) && is_down(low[part][f], speed[part][f], body_speed(run, f), was[part]);
        }
        down[f] = is_known ? (uint8_t)(DOWN_TOES * was[0] + DOWN_HEEL * was[1]) : UNSEEN;
        is_seen = is_seen || is_known;
    }
    if (!is_seen)
        gait_note(run, side == GAIT_LEFT ? "gait.no_left_foot" : "gait.no_right_foot");
    else if (!has[0] && !has[1])
        gait_note(run, "gait.no_contact");
    *level_m = level[0];
    arena_rewind(mem, mark);
    return ERR_OK;
}

/* Where the toes stood: of each the weighted mean of the middle frames that were measured, then the middle of both. */
static void place_toes(const struct gait_recording *r, const struct gait_run *run, struct gait_contact *c) {
    size_t from = c->frame_from, to = c->frame_to, stay = to - from, count = 0;
    if (stay >= 4) from += stay / 3, to -= stay / 4;
    struct vec3 toes[2];
    struct sym3 covariances[2];
    for (size_t k = POSE_LBIGTOE + (size_t)c->side; k <= POSE_RSMALLTOE; k += 2) {
        struct sym3 information = {0};
        struct vec3 sum = {0};
        for (size_t f = from; f < to; f++) {
            const struct track_state *s = run_state(run, f, k);
            const struct track_point *m = r->points ? &r->points[f * POSE_JOINTS + k] : NULL;
            bool use = m && vec3_is_known(m->at) && s->source == TRACK_MEASURED;
            struct sym3 w;
            if ((!use && r->points) || s->source == TRACK_UNKNOWN || !sym3_inverse(use ? m->covariance : s->covariance, &w)) continue;
            information = sym3_add(information, w), sum = vec3_add(sum, sym3_apply(w, use ? m->at : s->at));
        }
        if (sym3_inverse(information, &covariances[count])) toes[count] = sym3_apply(covariances[count], sum), count++;
    }
    if (!count) return;
    c->toe = count == 2 ? vec3_mix(toes[0], toes[1], 0.5) : toes[0];
    c->toe_covariance = count == 2 ? sym3_scale(sym3_add(covariances[0], covariances[1]), 0.25) : covariances[0];
    c->toe_covariance.xx += joint_m2, c->toe_covariance.yy += joint_m2, c->toe_covariance.zz += joint_m2;
}

static int by_time(const void *a, const void *b) {
    const struct gait_contact *x = a, *y = b;
    return x->frame_from != y->frame_from ? (x->frame_from > y->frame_from) - (x->frame_from < y->frame_from) : (int)x->side - (int)y->side;
}

struct err gait_find_contacts(struct arena *mem, const struct gait_recording *r, struct gait_run *run) {
    size_t n = r->frame_count, most = n / 2 + 4; /* a contact has two frames at least, and two between it and the next of this foot */
    if (most > GAIT_CONTACTS_MAX) most = GAIT_CONTACTS_MAX;
    run->contacts = arena_alloc_array(mem, most, sizeof *run->contacts);
    uint8_t *down = arena_alloc_array(mem, n + 1, 1);
    if (!run->contacts || !down) return err_memory();
    for (size_t side = 0; side < GAIT_SIDES; side++) {
        double level = NAN;
        struct err e = watch(mem, r, run, side, down, &level);
        if (e.kind) return e;
        for (size_t f = 0; f < n;) {
            size_t from = f, to = f;
            if (!(down[f++] & DOWN)) continue;
            for (size_t k = from; k < n && k < to + 2 && !(down[k] & UNSEEN); k++) { /* one frame that disagrees is noise */
                if (down[k] & DOWN) to = k + 1;
            }
            f = to;
            if (to - from < 2 || run->contact_count == most) continue;
            struct gait_contact *c = &run->contacts[run->contact_count++];
            *c = (struct gait_contact){.side = (enum gait_side)side, .frame_from = from, .frame_to = to, .toe_clearance_m = level};
            c->touch_down_s = c->toe_off_s = GAIT_UNKNOWN, c->toe = VEC3_UNKNOWN;
            /* which part comes first, which leaves last */
            bool heel_first = (down[from] & DOWN) == DOWN_HEEL, heel_last = (down[to - 1] & DOWN) == DOWN_HEEL;
            if (from > 0 && !(down[from - 1] & UNSEEN)) c->touch_down_s = refine(r, run, c, heel_first, true);
            if (to < n && !(down[to] & UNSEEN)) c->toe_off_s = refine(r, run, c, heel_last, false);
            place_toes(r, run, c);
        }
    }
    if (run->contact_count)
        qsort(run->contacts, run->contact_count, sizeof *run->contacts, by_time);
    else
        gait_note(run, "gait.no_contact");
    return ERR_OK;
}
