/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "human/synth/runner.h"

#include <string.h>

enum { KNOTS = 5 };
#define GRAVITY 9.80665
#define DEGREE (M_PI / 180)

/* A foot on the ground. (x, y) is below the middle of the toes; pitch is the foot's against the ground, toes up positive, at three
 * instants: with toes up it stands on the heel, with heel up on the toes. */
struct stance {
    int side;
    double from, to, x, y, yaw;
    double pitch_from, pitch_middle, pitch_to;
    double impact_x, impact_z; /* velocity of the whole foot just before it meets the ground, which it loses there */
};

/* The centre of mass over a span of time. */
struct piece {
    enum { FLIGHT, STANCE, QUINTIC } kind;
    double from, to;
    double x, z, u0, u1, w0, w1, dip, hop; /* FLIGHT, STANCE: position and velocity at both ends, braking, and what levels the height */
    double cx[6], cz[6];                   /* QUINTIC: polynomials of the time since `from` */
};

/* The way of a foot through the air: a natural cubic spline, clamped at both ends, of the ankle against the hip and the pitch. */
struct swing {
    size_t from, to; /* stances */
    double at[KNOTS], value[4][KNOTS], second[4][KNOTS];
};

struct plan {
    enum synth_move move;
    double h, lower, lane_y, seconds, speed, go;
    bool is_female;
    double sway_phase, jump_period;
    struct stance *stances;
    size_t stance_count, stances_max;
    struct piece *pieces;
    size_t piece_count, pieces_max;
    struct swing *swings;
    size_t swing_count;
    double *beat_at; /* touch-downs in order: the phase of arms and trunk grows by half a turn from one to the next */
    size_t beat_count;
    double phase_first;
};

/* ---- small tools ---- */

static struct mat3 turn_x(double a) { return (struct mat3){{{1, 0, 0}, {0, cos(a), -sin(a)}, {0, sin(a), cos(a)}}}; }
static struct mat3 turn_y(double a) { return (struct mat3){{{cos(a), 0, sin(a)}, {0, 1, 0}, {-sin(a), 0, cos(a)}}}; }
static struct mat3 turn_z(double a) { return (struct mat3){{{cos(a), -sin(a), 0}, {sin(a), cos(a), 0}, {0, 0, 1}}}; }
static struct mat3 after(struct mat3 a, struct mat3 b) { return mat3_multiply(&a, &b); }
static double mix(double a, double b, double t) { return a + (b - a) * t; }
static double clamp01(double v) { return v < 0 ? 0 : v > 1 ? 1 : v; }
static double smooth01(double s) {
    s = clamp01(s);
    return s * s * (3 - 2 * s);
}

/* Second derivatives of the spline through y at x with slopes s0 and s1 at its ends (tridiagonal system, forward and back). */
static void spline_clamped(const double *x, const double *y, double s0, double s1, double *m) {
    double c[KNOTS], d[KNOTS];
    for (int i = 0; i < KNOTS; i++) {
        double a = i ? (x[i] - x[i - 1]) / 6 : 0, b, e = i < KNOTS - 1 ? (x[i + 1] - x[i]) / 6 : 0;
        double right = i < KNOTS - 1 ? (y[i + 1] - y[i]) / (x[i + 1] - x[i]) : s1, left = i ? (y[i] - y[i - 1]) / (x[i] - x[i - 1]) : s0;
        b = 2 * (a + e);
        double divisor = b - (i ? a * c[i - 1] : 0);
        c[i] = e / divisor, d[i] = (right - left - (i ? a * d[i - 1] : 0)) / divisor;
    }
    for (int i = KNOTS; i-- > 0;) m[i] = d[i] - (i < KNOTS - 1 ? c[i] * m[i + 1] : 0);
}

static double spline_at(const double *x, const double *y, const double *m, double t) {
    int i = 0;
    while (i < KNOTS - 2 && t > x[i + 1]) i++;
    double h = x[i + 1] - x[i], a = (x[i + 1] - t) / h, b = (t - x[i]) / h;
    return a * y[i] + b * y[i + 1] + ((a * a * a - a) * m[i] + (b * b * b - b) * m[i + 1]) * h * h / 6;
}

/* From position, speed and acceleration at 0 to those at T. */
static void quintic(double p0, double v0, double a0, double p1, double v1, double a1, double T, double c[6]) {
    double d = p1 - p0 - v0 * T - 0.5 * a0 * T * T, e = (v1 - v0 - a0 * T) * T, f = (a1 - a0) * T * T;
    c[0] = p0, c[1] = v0, c[2] = 0.5 * a0;
    c[3] = (10 * d - 4 * e + 0.5 * f) / pow(T, 3), c[4] = (-15 * d + 7 * e - f) / pow(T, 4), c[5] = (6 * d - 3 * e + 0.5 * f) / pow(T, 5);
}

/* ---- centre of mass ---- */

static void path(const struct plan *p, double t, struct vec3 *at, struct vec3 *velocity) {
    size_t low = 0, high = p->piece_count - 1;
    while (low < high) {
        size_t middle = (low + high + 1) / 2;
        if (p->pieces[middle].from <= t)
            low = middle;
        else
            high = middle - 1;
    }
    const struct piece *q = &p->pieces[low];
    double d = t - q->from, T = q->to - q->from, s = d / T, x, z, u, w;
    if (q->kind == FLIGHT) {
        x = q->x + q->u0 * d, u = q->u0, z = q->z + q->w0 * d - 0.5 * GRAVITY * d * d, w = q->w0 - GRAVITY * d;
    } else if (q->kind == STANCE) { /* the force rises and falls as half a sine; braking first, then propulsion */
        double part = 0.5 * (1 - cos(M_PI * s)), bump = 0.5 * (1 - cos(2 * M_PI * s));
        double part_sum = T * (0.5 * s - sin(M_PI * s) / (2 * M_PI)), bump_sum = T * (0.5 * s - sin(2 * M_PI * s) / (4 * M_PI)),
               push = q->w1 - q->w0 + GRAVITY * T;
        x = q->x + q->u0 * d + (q->u1 - q->u0) * part_sum - q->dip * bump_sum, u = q->u0 + (q->u1 - q->u0) * part - q->dip * bump;
        z = q->z + q->w0 * d - 0.5 * GRAVITY * d * d + push * part_sum + q->hop * bump_sum,
        w = q->w0 - GRAVITY * d + push * part + q->hop * bump;
    } else {
        x = z = u = w = 0;
        for (int i = 5; i >= 0; i--) x = x * d + q->cx[i], z = z * d + q->cz[i];
        for (int i = 5; i >= 1; i--) u = u * d + i * q->cx[i], w = w * d + i * q->cz[i];
    }
    double y = 0, v = 0;
    if (p->move == SYNTH_MOVE_STAND) { /* nobody stands quite still */
        double a = 2 * M_PI * 0.31 * t + p->sway_phase, b = 2 * M_PI * 0.23 * t + 2 * p->sway_phase;
        x += 0.004 * sin(a), u += 0.004 * 2 * M_PI * 0.31 * cos(a), y = 0.003 * sin(b), v = 0.003 * 2 * M_PI * 0.23 * cos(b);
    } else if (p->move == SYNTH_MOVE_WALK) { /* highest over the standing leg, and towards its side */
        double f = 1 / (2 * (p->beat_at[1] - p->beat_at[0])), a = 2 * M_PI * f * (t - p->beat_at[0]);
        z += 0.010 * p->h * -cos(2 * a - 0.55), w += 0.010 * p->h * 2 * 2 * M_PI * f * sin(2 * a - 0.55);
        y = 0.012 * p->h * sin(a - 0.3), v = 0.012 * p->h * 2 * M_PI * f * cos(a - 0.3);
        x += 0.012 * sin(2 * a + 0.6), u += 0.012 * 4 * M_PI * f * cos(2 * a + 0.6);
    }
    *at = vec3_of(x, p->lane_y + y, z), *velocity = vec3_of(u, v, w);
}

/* ---- attitude ---- */

/* Half turns since the first touch-down; smooth, and monotone as touch-downs are evenly spread. */
static double phase(const struct plan *p, double t) {
    if (p->beat_count < 2) return 0;
    if (t <= p->beat_at[0])
        return p->phase_first + (p->move == SYNTH_MOVE_SPRINT || p->move == SYNTH_MOVE_HURDLES
                                     ? 0
                                     : M_PI * (t - p->beat_at[0]) / (p->beat_at[1] - p->beat_at[0]));
    size_t i = 0;
    while (i + 2 < p->beat_count && t > p->beat_at[i + 1]) i++;
    const double *b = p->beat_at;
    double d = b[i + 1] - b[i], s = (t - b[i]) / d;
    double before = i                                                               ? 2 / (b[i + 1] - b[i - 1])
                    : p->move == SYNTH_MOVE_SPRINT || p->move == SYNTH_MOVE_HURDLES ? 0
                                                                                    : 1 / d,
           behind = i + 2 < p->beat_count ? 2 / (b[i + 2] - b[i]) : 1 / d;
    double h10 = s * s * s - 2 * s * s + s, h01 = -2 * s * s * s + 3 * s * s, h11 = s * s * s - s * s;
    return p->phase_first + M_PI * ((double)i + h01 + d * (h10 * before + h11 * behind));
}

static double window(double t, double from, double to) { return t <= from || t >= to ? 0 : pow(sin(M_PI * (t - from) / (to - from)), 2); }

static double lean_at(const struct plan *p, double t) {
    double base = p->move == SYNTH_MOVE_WALK ? 3 : p->move == SYNTH_MOVE_STAND ? 1 : 7;
    if (p->move == SYNTH_MOVE_SPRINT || p->move == SYNTH_MOVE_HURDLES) {
        double since = fmax(0, t - p->go);
        return DEGREE * (base + 42 * exp(-since * since / (since + 0.35) / 1.15));
    }
    if (p->move == SYNTH_MOVE_JUMP) {
        double d = fmod(t, p->jump_period);
        return DEGREE * (3 + 32 * window(d, 0.35, 1.2) + 26 * window(d, 1.5, 2.3));
    }
    return DEGREE * (base + 1.5 * cos(2 * phase(p, t)));
}

static struct vec3 hip_offset(const struct plan *p, double lean) {
    return vec3_of(-0.055 * p->h * sin(lean) - 0.004 * p->h, 0, -0.055 * p->h * cos(lean));
}

/* Where swings are drawn around: near the hips, and known without solving for them. */
static void reference(const struct plan *p, double t, struct vec3 *out) {
    struct vec3 at, velocity;
    path(p, t, &at, &velocity);
    *out = vec3_add(at, hip_offset(p, lean_at(p, t)));
}

/* ---- feet ---- */

struct foot {
    struct vec3 ankle, heel, big, small;
    struct mat3 turn;
};

/* In the foot's own frame (forward, left, up) from below the middle of the toes; sign: +1 left. */
static struct vec3 foot_ankle(double h) { return vec3_of(-0.105 * h, 0, 0.042 * h); }
static struct vec3 foot_heel(double h) { return vec3_of(-0.150 * h, 0, 0.010 * h); }
static struct vec3 foot_big(double h, double sign) { return vec3_of(0.010 * h, -sign * 0.020 * h, 0.010 * h); }
static struct vec3 foot_small(double h, double sign) { return vec3_of(-0.010 * h, sign * 0.020 * h, 0.010 * h); }

static struct mat3 foot_turn(double yaw, double pitch, double sign, double h) {
    struct vec3 axis = vec3_unit(vec3_sub(foot_small(h, sign), foot_big(h, sign)));
    return after(turn_z(yaw), rotation_from_vector(vec3_scale(axis, -sign * pitch)));
}

static void foot_hang(struct foot *f, struct vec3 ankle, struct mat3 turn, double h, double sign) {
    struct vec3 from = foot_ankle(h);
    f->turn = turn, f->ankle = ankle;
    f->heel = vec3_add(ankle, mat3_apply(&turn, vec3_sub(foot_heel(h), from)));
    f->big = vec3_add(ankle, mat3_apply(&turn, vec3_sub(foot_big(h, sign), from)));
    f->small = vec3_add(ankle, mat3_apply(&turn, vec3_sub(foot_small(h, sign), from)));
}

static double stance_pitch(const struct stance *s, double t) {
    double T = s->to - s->from, down = fmin(0.4 * T, 0.15), off = fmin(0.6 * T, 0.30), since = fmax(t - s->from, 0),
           left = fmax(s->to - t, 0);
    if (since < down) return mix(s->pitch_middle, s->pitch_from, pow(1 - since / down, 2));
    return left < off ? mix(s->pitch_middle, s->pitch_to, pow(1 - left / off, 1.7)) : s->pitch_middle;
}

static void foot_stand(const struct plan *p, const struct stance *s, double t, struct foot *f) {
    double h = p->h, sign = s->side ? -1 : 1, pitch = stance_pitch(s, t);
    struct mat3 turn = foot_turn(s->yaw, pitch, sign, h), level = turn_z(s->yaw);
    /* the point it turns about: toes (their axis passes through the middle), or heel */
    struct vec3 pivot = pitch > 0 ? foot_heel(h) : vec3_of(0, 0, 0.010 * h), ground = {s->x, s->y, 0};
    struct vec3 pivot_at = vec3_add(ground, mat3_apply(&level, pivot));
    foot_hang(f, vec3_add(pivot_at, mat3_apply(&turn, vec3_sub(foot_ankle(h), pivot))), turn, h, sign);
}

static void foot_swing(const struct plan *p, const struct swing *w, double t, struct foot *f) {
    const struct stance *a = &p->stances[w->from], *b = &p->stances[w->to];
    double part = (t - a->to) / (b->from - a->to), v[4];
    for (int i = 0; i < 4; i++) v[i] = spline_at(w->at, w->value[i], w->second[i], part);
    struct vec3 hip;
    reference(p, t, &hip);
    double sign = a->side ? -1 : 1, yaw = mix(a->yaw, b->yaw, smooth01(part));
    foot_hang(f, vec3_add(hip, vec3_of(v[0], v[1], v[2])), foot_turn(yaw, v[3], sign, p->h), p->h, sign);
}

static void foot_at(const struct plan *p, int side, double t, struct foot *f) {
    const struct stance *before = NULL;
    for (size_t i = 0; i < p->stance_count; i++) {
        const struct stance *s = &p->stances[i];
        if (s->side != side) continue;
        if (t >= s->from && t <= s->to) {
            foot_stand(p, s, t, f);
            return;
        }
        if (s->to < t)
            before = s;
        else
            break;
    }
    for (size_t i = 0; before && i < p->swing_count; i++) {
        if (&p->stances[p->swings[i].from] != before) continue;
        foot_swing(p, &p->swings[i], t, f);
        return;
    }
    foot_stand(p, &p->stances[side], p->stances[side].from, f); /* outside the plan: nobody asks */
}

/* ---- the whole body ---- */

/* de Leva (1996): share of the mass, place of its centre along the segment; the hand hangs on in the direction of the forearm. */
struct masses {
    double head, trunk, arm, forearm, hand, thigh, shank, foot;
    double head_at, trunk_at, arm_at, forearm_at, hand_at, thigh_at, shank_at, foot_at;
};
static const struct masses men = {.0694, .4346, .0271, .0162, .0061, .1416, .0433, .0137,
                                  .5002, .4310, .5772, .4574, .253,  .4095, .4395, .4415};
static const struct masses women = {.0668, .4257, .0255, .0138, .0056, .1478, .0481, .0129,
                                    .4841, .3782, .5754, .4559, .220,  .3612, .4352, .4014};

struct body {
    struct vec3 j[POSE_JOINTS];
    struct mat3 pelvis, trunk, thigh[2], shank[2], arm[2], forearm[2], foot[2];
    double stretch;
};

/* Columns X forward, Y up, Z right of a frame given by forward, left, up. */
static struct mat3 isb_of(struct mat3 r) {
    struct vec3 x = mat3_column(&r, 0), y = mat3_column(&r, 2), z = vec3_scale(mat3_column(&r, 1), -1);
    return (struct mat3){{{x.x, y.x, z.x}, {x.y, y.y, z.y}, {x.z, y.z, z.z}}};
}
static struct mat3 frame_of(struct vec3 y, struct vec3 z) {
    struct vec3 x = vec3_cross(y, z);
    return (struct mat3){{{x.x, y.x, z.x}, {x.y, y.y, z.y}, {x.z, y.z, z.z}}};
}

static void hang_body(const struct plan *p, double t, struct vec3 pelvis, const struct foot feet[2], struct body *b) {
    double h = p->h, lean = lean_at(p, t), turn = phase(p, t),
           force = p->move == SYNTH_MOVE_WALK                                  ? 0.45
                   : p->move == SYNTH_MOVE_STAND || p->move == SYNTH_MOVE_JUMP ? 0
                                                                               : 1;
    double swing = cos(turn); /* +1: the even foot (left) touches down in front */
    b->pelvis = after(turn_z(-force * 8 * DEGREE * swing), after(turn_y(lean), turn_x(force * 3 * DEGREE * sin(turn))));
    b->trunk = after(turn_z(force * 9 * DEGREE * swing), after(turn_y(lean), turn_x(-force * 1.5 * DEGREE * sin(turn))));
    struct mat3 head = turn_y(0.35 * lean);
    b->j[POSE_HIP] = pelvis;
    struct vec3 neck = vec3_add(pelvis, mat3_apply(&b->trunk, vec3_of(0, 0, 0.29 * h)));
    b->j[POSE_NECK] = neck;
    b->j[POSE_HEAD] = vec3_add(neck, mat3_apply(&head, vec3_of(0, 0, 0.17 * h)));
    b->j[POSE_NOSE] = vec3_add(neck, mat3_apply(&head, vec3_of(0.065 * h, 0, 0.07 * h)));
    b->stretch = 0;
    for (int side = 0; side < 2; side++) {
        double sign = side ? -1 : 1, thigh = 0.245 * h, shank = 0.246 * h;
        b->j[POSE_LEYE + side] = vec3_add(neck, mat3_apply(&head, vec3_of(0.055 * h, sign * 0.018 * h, 0.09 * h)));
        b->j[POSE_LEAR + side] = vec3_add(neck, mat3_apply(&head, vec3_of(0, sign * 0.042 * h, 0.08 * h)));
        /* leg: two bones between hip and ankle, the knee forward */
        struct vec3 hip = vec3_add(pelvis, mat3_apply(&b->pelvis, vec3_of(0, sign * 0.055 * h, 0)));
        struct vec3 ankle = feet[side].ankle, down = vec3_sub(ankle, hip);
        double length = vec3_norm(down);
        b->stretch = fmax(b->stretch, length / (thigh + shank));
        down = vec3_scale(down, 1 / length);
        double reach = fmin(length, 0.9999 * (thigh + shank)), along = (thigh * thigh - shank * shank + reach * reach) / (2 * reach),
               aside = sqrt(fmax(0, thigh * thigh - along * along));
        double yaw = feet[side].turn.m[1][0] * 0.5;
        struct vec3 pole = {1, yaw, 0.3}, front = vec3_unit(vec3_sub(pole, vec3_scale(down, vec3_dot(pole, down))));
        struct vec3 knee = vec3_add(hip, vec3_add(vec3_scale(down, along), vec3_scale(front, aside)));
        b->j[POSE_LHIP + side] = hip, b->j[POSE_LKNEE + side] = knee, b->j[POSE_LANKLE + side] = ankle;
        b->j[POSE_LHEEL + side] = feet[side].heel, b->j[POSE_LBIGTOE + side] = feet[side].big,
                          b->j[POSE_LSMALLTOE + side] = feet[side].small;
        struct vec3 right = vec3_unit(vec3_cross(front, vec3_scale(down, -1)));
        b->thigh[side] = frame_of(vec3_unit(vec3_sub(hip, knee)), right);
        b->shank[side] = frame_of(vec3_unit(vec3_sub(knee, ankle)), right);
        b->foot[side] = isb_of(feet[side].turn);
        /* arm: against the leg of its side */
        double flexion = force ? force * DEGREE * (-5 - sign * 45 * swing) : 3 * DEGREE,
               elbow = force == 1  ? DEGREE * (88 - sign * 18 * swing)
                       : force > 0 ? 25 * DEGREE - sign * 10 * DEGREE * swing
                                   : 12 * DEGREE;
        struct mat3 arm = after(b->trunk, after(turn_y(-flexion), turn_x(sign * 10 * DEGREE))), forearm = after(arm, turn_y(-elbow));
        struct vec3 shoulder = vec3_add(neck, mat3_apply(&b->trunk, vec3_of(0, sign * 0.11 * h, -0.02 * h)));
        struct vec3 elbow_at = vec3_add(shoulder, mat3_apply(&arm, vec3_of(0, 0, -0.172 * h)));
        b->j[POSE_LSHOULDER + side] = shoulder, b->j[POSE_LELBOW + side] = elbow_at;
        b->j[POSE_LWRIST + side] = vec3_add(elbow_at, mat3_apply(&forearm, vec3_of(0, 0, -0.157 * h)));
        b->arm[side] = isb_of(arm), b->forearm[side] = isb_of(forearm);
    }
}

static struct vec3 balance(const struct body *b, const struct masses *m) {
    const struct vec3 *j = b->j;
    struct vec3 sum = vec3_scale(vec3_mix(j[POSE_HEAD], j[POSE_NECK], m->head_at), m->head);
    sum = vec3_add(sum, vec3_scale(vec3_mix(vec3_mix(j[POSE_LSHOULDER], j[POSE_RSHOULDER], 0.5), vec3_mix(j[POSE_LHIP], j[POSE_RHIP], 0.5),
                                            m->trunk_at),
                                   m->trunk));
    for (int s = 0; s < 2; s++) {
        sum = vec3_add(sum, vec3_scale(vec3_mix(j[POSE_LSHOULDER + s], j[POSE_LELBOW + s], m->arm_at), m->arm));
        sum = vec3_add(sum, vec3_scale(vec3_mix(j[POSE_LELBOW + s], j[POSE_LWRIST + s], m->forearm_at), m->forearm));
        sum = vec3_add(sum, vec3_scale(vec3_mix(j[POSE_LELBOW + s], j[POSE_LWRIST + s], 1 + m->hand_at), m->hand));
        sum = vec3_add(sum, vec3_scale(vec3_mix(j[POSE_LHIP + s], j[POSE_LKNEE + s], m->thigh_at), m->thigh));
        sum = vec3_add(sum, vec3_scale(vec3_mix(j[POSE_LKNEE + s], j[POSE_LANKLE + s], m->shank_at), m->shank));
        sum = vec3_add(sum, vec3_scale(vec3_mix(j[POSE_LHEEL + s], j[POSE_LBIGTOE + s], m->foot_at), m->foot));
    }
    double mass = m->head + m->trunk + 2 * (m->arm + m->forearm + m->hand + m->thigh + m->shank + m->foot);
    return vec3_scale(sum, 1 / mass);
}

/* Flexion, adduction-like and rotation-like angles of `child` in `parent` (columns X forward, Y up, Z right): Cardan Z-X-Y. */
static struct vec3 cardan(const struct mat3 *parent, const struct mat3 *child) {
    struct mat3 back = mat3_transpose(parent), r = mat3_multiply(&back, child);
    return vec3_of(atan2(-r.m[0][1], r.m[1][1]) / DEGREE, asin(fmax(-1, fmin(1, r.m[2][1]))) / DEGREE,
                   atan2(-r.m[2][0], r.m[2][2]) / DEGREE);
}

void plan_pose(const struct plan *p, double t, struct plan_pose *out) {
    struct foot feet[2];
    struct body b;
    path(p, t, &out->com, &out->com_velocity);
    for (int side = 0; side < 2; side++) foot_at(p, side, t, &feet[side]);
    struct vec3 pelvis = vec3_add(out->com, hip_offset(p, lean_at(p, t)));
    /* Most of the mass moves with the pelvis, so what is missing shrinks by a factor of four or so each time. */
    for (int i = 0; i < 40; i++) {
        hang_body(p, t, pelvis, feet, &b);
        struct vec3 miss = vec3_sub(out->com, balance(&b, p->is_female ? &women : &men));
        if (vec3_norm(miss) < 1e-12) break;
        pelvis = vec3_add(pelvis, miss);
    }
    memcpy(out->joints, b.j, sizeof out->joints);
    out->stretch = b.stretch;
    double *a = out->angles;
    struct vec3 up = vec3_sub(b.j[POSE_NECK], b.j[POSE_HIP]);
    a[SYNTH_TRUNK_LEAN] = atan2(up.x, up.z) / DEGREE;
    for (int s = 0; s < 2; s++) {
        struct mat3 pelvis_frame = isb_of(b.pelvis), trunk_frame = isb_of(b.trunk);
        a[SYNTH_HIP_FLEXION + s] = cardan(&pelvis_frame, &b.thigh[s]).x;
        a[SYNTH_KNEE_FLEXION + s] = -cardan(&b.thigh[s], &b.shank[s]).x;
        a[SYNTH_ANKLE_DORSIFLEXION + s] = cardan(&b.shank[s], &b.foot[s]).x;
        a[SYNTH_SHOULDER_FLEXION + s] = cardan(&trunk_frame, &b.arm[s]).x;
        a[SYNTH_ELBOW_FLEXION + s] = cardan(&b.arm[s], &b.forearm[s]).x;
        struct vec3 thigh = vec3_sub(b.j[POSE_LHIP + s], b.j[POSE_LKNEE + s]), shank = vec3_sub(b.j[POSE_LKNEE + s], b.j[POSE_LANKLE + s]);
        a[SYNTH_THIGH + s] = atan2(-thigh.x, thigh.z) / DEGREE, a[SYNTH_SHANK + s] = atan2(shank.x, shank.z) / DEGREE;
    }
}

size_t plan_contacts(const struct plan *p, struct synth_contact *out, size_t limit) {
    size_t count = 0;
    for (size_t i = 0; i < p->stance_count; i++) {
        const struct stance *s = &p->stances[i];
        if (s->from > p->seconds || s->to < 0) continue;
        if (count < limit) out[count] = (struct synth_contact){s->side, s->from, s->to, {s->x, s->y, 0}};
        count++;
    }
    return count;
}

/* ---- planning ---- */

static struct stance *add_stance(struct plan *p, int side, double from, double to, double x) {
    if (p->stance_count == p->stances_max) return NULL;
    struct stance *s = &p->stances[p->stance_count++];
    double sign = side ? -1 : 1;
    *s = (struct stance){.side = side, .from = from, .to = to, .x = x, .y = p->lane_y + sign * 0.022 * p->h, .yaw = sign * 4 * DEGREE};
    return s;
}
static struct piece *add_piece(struct plan *p, struct piece q) {
    if (p->piece_count == p->pieces_max) return NULL;
    p->pieces[p->piece_count] = q;
    return &p->pieces[p->piece_count++];
}

/* Rolls from heel to toes below 4.5 m/s; above, and in a sprint, the forefoot alone. */
static void shape_stance(struct stance *s, double speed, bool is_sprint) {
    double fast = clamp01((speed - 1.4) / 9);
    bool does_roll = speed < 4.5 && !is_sprint;
    s->pitch_from = DEGREE * (does_roll ? mix(18, 6, clamp01((speed - 1.4) / 3)) : mix(-5, -11, fast)),
    s->pitch_middle = DEGREE * (does_roll ? 0 : mix(-2, -7, fast));
    s->pitch_to = DEGREE * mix(-50, -66, fast);
    s->impact_x = 0.35 + 1.85 * sqrt(fast), s->impact_z = -0.3 - 1.45 * sqrt(fast);
}

static void shape_swing(struct plan *p, struct swing *w) {
    const struct stance *a = &p->stances[w->from], *b = &p->stances[w->to];
    double T = b->from - a->to, e = 1e-5 * T, h = p->h;
    struct foot f, g;
    struct vec3 hip, hip_next, at, velocity;
    foot_stand(p, a, a->to, &f), foot_stand(p, a, a->to - e, &g);
    reference(p, a->to, &hip), reference(p, a->to - e, &hip_next);
    struct vec3 begin = vec3_sub(f.ankle, hip), begin_rate = vec3_scale(vec3_sub(begin, vec3_sub(g.ankle, hip_next)), T / e);
    double pitch_rate[2] = {(stance_pitch(a, a->to) - stance_pitch(a, a->to - e)) * T / e,
                            (stance_pitch(b, b->from + e) - stance_pitch(b, b->from)) * T / e};
    foot_stand(p, b, b->from, &f), foot_stand(p, b, b->from + e, &g);
    reference(p, b->from, &hip), reference(p, b->from + e, &hip_next);
    struct vec3 end = vec3_sub(f.ankle, hip), end_rate = vec3_scale(vec3_sub(vec3_sub(g.ankle, hip_next), end), T / e);
    end_rate = vec3_add(end_rate, vec3_scale(vec3_of(b->impact_x, 0, b->impact_z), T));
    path(p, 0.5 * (a->to + b->from), &at, &velocity);
    double fast = clamp01((velocity.x - 1.4) / 9);
    const double parts[KNOTS] = {0, 0.27, 0.55, 0.80, 1};
    double x[3] = {mix(-0.21, -0.24, fast), mix(-0.03, 0.04, fast),
                   mix(p->move == SYNTH_MOVE_WALK  ? end.x / h - 0.018
                       : p->move == SYNTH_MOVE_RUN ? end.x / h + 0.012
                                                   : 0.14,
                       0.235, fast)},
           z[3] = {mix(-0.39, -0.215, fast), mix(-0.43, -0.275, fast), mix(-0.445, -0.355, fast)};
    double pitch[3] = {mix(-62, -97, fast), mix(-16, -52, fast), mix(14, -6, fast)}, side[3] = {0};
    if (p->move == SYNTH_MOVE_JUMP) {
        x[0] = -0.01, x[1] = 0, x[2] = 0.01, z[0] = z[1] = z[2] = -0.455, pitch[0] = -50, pitch[1] = -45, pitch[2] = -35;
    }
    /* over a hurdle: the leading leg high in front, the trailing one high to its side */
    double sign = a->side ? -1 : 1;
    for (size_t i = 0; p->move == SYNTH_MOVE_HURDLES && i + 1 < p->stance_count; i++) {
        const struct stance *take_off = &p->stances[i], *land = &p->stances[i + 1];
        if (land->from - take_off->to < 0.25 || land->from > b->from || take_off->to < a->to) continue;
        if (land == b) x[1] = 0.12, z[1] = -0.16, x[2] = 0.32, z[2] = -0.22, pitch[1] = -25, pitch[2] = 10;
        if (take_off == a)
            x[1] = -0.05, z[1] = -0.13, side[1] = 0.16 * sign, side[0] = 0.06 * sign, x[2] = 0.20, z[2] = -0.20, side[2] = 0.05 * sign,
            pitch[1] = -30, pitch[2] = -20;
    }
    /* never below the ground with any part of the foot, nor further than the leg reaches */
    for (int k = 0; k < 3; k++) {
        reference(p, a->to + parts[k + 1] * T, &hip);
        double turn = fabs(pitch[k]) * DEGREE, clear = h * (0.042 * cos(turn) + (pitch[k] < 0 ? 0.105 : 0.045) * sin(turn) + 0.012),
               reach = hypot(x[k], z[k]);
        if (reach > 0.468) x[k] *= 0.468 / reach, z[k] *= 0.468 / reach;
        z[k] = fmax(z[k], (clear - hip.z) / h);
    }
    double ends[4][2] = {{begin.x, end.x}, {begin.y, end.y}, {begin.z, end.z}, {stance_pitch(a, a->to), stance_pitch(b, b->from)}};
    double rates[4][2] = {
        {begin_rate.x, end_rate.x}, {begin_rate.y, end_rate.y}, {begin_rate.z, end_rate.z}, {pitch_rate[0], pitch_rate[1]}};
    memcpy(w->at, parts, sizeof parts);
    for (int i = 0; i < 4; i++) {
        double *v = w->value[i];
        v[0] = ends[i][0], v[KNOTS - 1] = ends[i][1];
        for (int k = 1; k < KNOTS - 1; k++)
            v[k] = i == 0   ? x[k - 1] * h
                   : i == 1 ? mix(v[0], v[KNOTS - 1], parts[k]) + side[k - 1] * h
                   : i == 2 ? z[k - 1] * h
                            : pitch[k - 1] * DEGREE;
        spline_clamped(w->at, v, rates[i][0], rates[i][1], w->second[i]);
    }
}

/* Contact and flight of a step at this speed: what sprinters and joggers have. */
static double contact_time(double u) { return 0.074 + 0.165 * exp(-fmax(0, u - 3.2) / 2.9); }
static double flight_time(double u) { return 0.130 - 0.085 * exp(-(u - 3) / 2.5); }
static double height_at(const struct plan *p, double u) {
    return p->h *
           (-p->lower +
            (p->move == SYNTH_MOVE_RUN ? 0.538 : 0.487 + (p->move == SYNTH_MOVE_HURDLES ? 0.043 : 0.053) * (1 - exp(-fmax(0, u - 3) / 3))));
}

static double speed_at(const struct plan *p, double t) {
    if (p->move == SYNTH_MOVE_RUN) return p->speed;
    double since = fmax(0, t - p->go), v = p->speed * (1 - exp(-(since + 0.02) / 1.28));
    return since > 5.5 ? v * (1 - 0.010 * (since - 5.5)) : v;
}

/* Running of every kind: contact, flight, contact. */
static void plan_run(struct plan *p, double start_x, struct rng *r) {
    bool has_start = p->move != SYNTH_MOVE_RUN;
    double t, x, z, u, w, tempo = 0.97 + 0.06 * rng_unit(r), leg = rng_unit(r) < 0.5;
    size_t first = (size_t)leg;
    if (has_start) { /* both feet on the ground, then the rear and the front one push off */
        double push = 0.222 * p->h, u1 = speed_at(p, p->go + push), tf = flight_time(u1) * tempo, z0 = 0.455 * p->h, z1 = 0.505 * p->h,
               w1 = 0.5 * GRAVITY * tf + 0.01;
        struct stance *rear = add_stance(p, (int)first, -1, p->go + 0.24, start_x - 0.34),
                      *front = add_stance(p, 1 - (int)first, -1, p->go + push, start_x + 0.02);
        rear->pitch_from = rear->pitch_middle = -40 * DEGREE, rear->pitch_to = -62 * DEGREE;
        front->pitch_from = front->pitch_middle = -20 * DEGREE, front->pitch_to = -62 * DEGREE;
        struct piece hold = {.kind = QUINTIC, .from = -1, .to = p->go, .cx = {start_x}, .cz = {z0}},
                     drive = {.kind = QUINTIC, .from = p->go, .to = p->go + push};
        quintic(start_x, 0, 0, start_x + 0.42 * push * u1, u1, 0, push, drive.cx), quintic(z0, 0, 0, z1, w1, -GRAVITY, push, drive.cz);
        add_piece(p, hold), add_piece(p, drive);
        t = p->go + push, x = start_x + 0.42 * push * u1;
        add_piece(p, (struct piece){.kind = FLIGHT, .from = t, .to = t + tf, .x = x, .z = z1, .u0 = u1, .w0 = w1});
        t += tf, x += u1 * tf, z = z1 + w1 * tf - 0.5 * GRAVITY * tf * tf, u = u1, w = w1 - GRAVITY * tf;
    } else {
        t = -1 - 0.3 * rng_unit(r), x = start_x + p->speed * t, u = p->speed, z = height_at(p, u),
        w = -0.5 * GRAVITY * flight_time(u) * tempo;
    }
    for (size_t k = 0; t < p->seconds + 1.5; k++) {
        double tc = (has_start ? fmin(0.165, contact_time(u)) : contact_time(u)) * tempo * (1 + 0.015 * rng_normal(r)),
               u1 = speed_at(p, t + tc), tf = flight_time(u1) * tempo * (1 + 0.02 * rng_normal(r));
        /* a hurdle after eight steps and each four from there */
        bool is_hurdle = p->move == SYNTH_MOVE_HURDLES && k >= 7 && (k - 7) % 4 == 0;
        if (is_hurdle) tf = 0.33;
        /* the leg reaches so far back, and so far ahead */
        double back = p->h * (0.262 + (has_start ? 0.010 * exp(-fmax(0, t - p->go) / 1.2) : 0)) * (is_hurdle ? 0.80 : 1),
               front = 0.262 * p->h, mean = 0.5 * (u + u1);
        tc = fmin(tc, (back + front) / mean);
        double z_off = height_at(p, u1) + 0.006 * p->h + (is_hurdle ? 0.012 * p->h : 0),
               z_down = height_at(p, u1) + (is_hurdle ? 0.008 * p->h : 0);
        double w1 = 0.5 * GRAVITY * tf + (z_down - z_off) / tf, ahead = 0.465 * tc * u - (has_start ? 0.36 * exp(-(u - 3.2) / 1.8) : 0);
        ahead = fmax(ahead, mean * tc - back);
        struct stance *s = add_stance(p, (int)((first + k) % 2), t, t + tc, x + ahead + 0.01 * rng_unit(r));
        if (!s) return;
        shape_stance(s, u, has_start);
        double dip = has_start ? 0.02 * u * clamp01((u - 3) / (p->speed - 3)) : 0.03 * u, hop = (z_off - z) * 2 / tc - (w + w1);
        add_piece(
            p, (struct piece){
                   .kind = STANCE, .from = t, .to = t + tc, .x = x, .z = z, .u0 = u, .u1 = u1, .w0 = w, .w1 = w1, .dip = dip, .hop = hop});
        t += tc, x += tc * (0.5 * (u + u1) - 0.5 * dip), u = u1;
        add_piece(p, (struct piece){.kind = FLIGHT, .from = t, .to = t + tf, .x = x, .z = z_off, .u0 = u, .w0 = w1});
        t += tf, x += u * tf, z = z_down, w = w1 - GRAVITY * tf;
    }
}

static void plan_walk(struct plan *p, double start_x, struct rng *r) {
    double step = 0.54 * p->h / 1.8 * sqrt(1.4 / fmax(0.5, p->speed)), contact = 1.16 * step, t0 = -2 - step * rng_unit(r);
    struct piece q = {
        .kind = QUINTIC, .from = -10, .to = p->seconds + 10, .cx = {start_x - 10 * p->speed, p->speed}, .cz = {(0.535 - p->lower) * p->h}};
    add_piece(p, q);
    for (size_t k = 0; t0 + step * (double)k < p->seconds + 2; k++) {
        double t = t0 + step * (double)k;
        struct stance *s = add_stance(p, (int)(k % 2), t, t + contact, start_x + p->speed * t + 0.43 * contact * p->speed + 0.09 * p->h);
        if (!s) return;
        s->y = p->lane_y + (s->side ? -1 : 1) * 0.035 * p->h;
        shape_stance(s, p->speed, false);
    }
}

static void plan_jump(struct plan *p, double start_x) {
    double air = 0.50, up = 0.62 * GRAVITY * air * 0.5 / 0.62, low = 0.42 * p->h, level = 0.535 * p->h, off = 0.575 * p->h, u = 0.35;
    p->jump_period = 2.9;
    double x = start_x, base = -p->jump_period;
    for (; base < p->seconds + 4; base += p->jump_period) { /* stand, bend, push, fly, land, stand */
        double at[] = {0.4, 0.85, 1.15, 1.15 + air, 1.15 + air + 0.35, p->jump_period};
        struct piece q = {.kind = QUINTIC, .from = base, .to = base + at[0], .cx = {x}, .cz = {level}};
        add_piece(p, q);
        q.from = base + at[0], q.to = base + at[1], quintic(level, 0, 0, low, 0, 16, at[1] - at[0], q.cz),
        quintic(x, 0, 0, x, 0, 0, at[1] - at[0], q.cx), add_piece(p, q);
        double T = at[2] - at[1], x1 = x + 0.4 * u * T, x2 = x1 + u * air;
        q.from = base + at[1], q.to = base + at[2], quintic(low, 0, 16, off, up, -GRAVITY, T, q.cz), quintic(x, 0, 0, x1, u, 0, T, q.cx),
        add_piece(p, q);
        add_piece(p, (struct piece){.kind = FLIGHT, .from = base + at[2], .to = base + at[3], .x = x1, .z = off, .u0 = u, .w0 = up});
        T = at[4] - at[3];
        double x3 = x2 + 0.45 * u * T;
        q.from = base + at[3], q.to = base + at[4], quintic(off, -up, -GRAVITY, 0.46 * p->h, 0, 6, T, q.cz),
        quintic(x2, u, 0, x3, 0, 0, T, q.cx), add_piece(p, q);
        T = at[5] - at[4];
        q.from = base + at[4], q.to = base + at[5], quintic(0.46 * p->h, 0, 6, level, 0, 0, T, q.cz), quintic(x3, 0, 0, x3, 0, 0, T, q.cx),
        add_piece(p, q);
        for (int side = 0; side < 2; side++) { /* standing until the jump, and the jump before landed here */
            struct stance *s = add_stance(p, side, base - p->jump_period + at[3], base + at[2], x + 0.05 * p->h);
            if (!s) return;
            s->y = p->lane_y + (side ? -1 : 1) * 0.05 * p->h;
            s->pitch_from = -30 * DEGREE, s->pitch_to = -55 * DEGREE, s->impact_x = 0, s->impact_z = -2.2;
        }
        x = x3;
    }
}

static void plan_stand(struct plan *p, double start_x) {
    struct piece q = {.kind = QUINTIC, .from = -1, .to = p->seconds + 1, .cx = {start_x}, .cz = {0.548 * p->h}};
    add_piece(p, q);
    for (int side = 0; side < 2; side++) {
        struct stance *s = add_stance(p, side, -1, p->seconds + 1, start_x + 0.07 * p->h);
        if (s) s->y = p->lane_y + (side ? -1 : 1) * 0.05 * p->h;
    }
}

struct plan *plan_make(struct arena *mem, enum synth_move move, double seconds, double height, double speed, double lane_y, double start_x,
                       bool is_female, double lower, struct rng *r) {
    struct plan *p = ARENA_NEW(mem, struct plan);
    if (!p) return NULL;
    *p = (struct plan){.move = move,
                       .h = height,
                       .lane_y = lane_y,
                       .seconds = seconds,
                       .speed = speed,
                       .is_female = is_female,
                       .go = 0.35,
                       .lower = lower,
                       .sway_phase = 6 * rng_unit(r)};
    p->stances_max = (size_t)(8 * (seconds + 8)), p->pieces_max = 2 * p->stances_max;
    p->stances = arena_alloc_array(mem, p->stances_max, sizeof *p->stances),
    p->pieces = arena_alloc_array(mem, p->pieces_max, sizeof *p->pieces);
    if (!p->stances || !p->pieces) return NULL;
    if (move == SYNTH_MOVE_WALK)
        plan_walk(p, start_x, r);
    else if (move == SYNTH_MOVE_STAND)
        plan_stand(p, start_x);
    else if (move == SYNTH_MOVE_JUMP)
        plan_jump(p, start_x);
    else
        plan_run(p, start_x, r);
    p->swings = arena_alloc_array(mem, p->stance_count, sizeof *p->swings),
    p->beat_at = arena_alloc_array(mem, p->stance_count, sizeof *p->beat_at);
    if (!p->swings || !p->beat_at) return NULL;
    size_t skip = move == SYNTH_MOVE_SPRINT || move == SYNTH_MOVE_HURDLES ? 2 : 0;
    if (move != SYNTH_MOVE_JUMP && move != SYNTH_MOVE_STAND) {
        /* The even half turns belong to the left foot. With a start, the arms begin with the first push. */
        if (skip)
            p->beat_at[p->beat_count++] = p->go, p->phase_first = p->stances[2].side ? 0 : M_PI;
        else if (p->stances[0].side)
            skip = 1;
        for (size_t i = skip; i < p->stance_count; i++) p->beat_at[p->beat_count++] = p->stances[i].from;
    }
    for (size_t i = 0; i < p->stance_count; i++) {
        for (size_t k = i + 1; k < p->stance_count; k++) {
            if (p->stances[k].side != p->stances[i].side) continue;
            struct swing *w = &p->swings[p->swing_count++];
            w->from = i, w->to = k;
            shape_swing(p, w);
            break;
        }
    }
    return p;
}
