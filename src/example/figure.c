/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "example/figure.h"

#define DEGREES (TAU / 360)

/* Lengths as parts of the body's height, after Winter's anthropometric table. */
enum { THIGH = 0, SHANK, FOOT, TRUNK, UPPER_ARM, FOREARM, NECK };
static const double part[] = {0.245, 0.246, 0.10, 0.288, 0.186, 0.165, 0.085};

/* One leg of a sprinter through a stride from the touch of the foot: thigh from the vertical (forward is positive)
 * and knee bend, degrees. The other leg is half a stride later. */
static const struct key thigh_run[] = {{0, 26}, {0.12, 2}, {0.25, -26}, {0.37, -20}, {0.52, 22}, {0.67, 66}, {0.80, 56}, {0.92, 36}};
static const struct key knee_run[] = {{0, 24}, {0.12, 34}, {0.25, 14}, {0.38, 82}, {0.52, 128}, {0.67, 104}, {0.80, 50}, {0.92, 20}};
static const struct key ankle_run[] = {{0, 4}, {0.12, 14}, {0.25, -34}, {0.40, -26}, {0.60, 4}, {0.90, 6}};
static const struct key thigh_jog[] = {{0, 24}, {0.15, 6}, {0.33, -20}, {0.45, -12}, {0.60, 16}, {0.75, 36}, {0.90, 30}};
static const struct key knee_jog[] = {{0, 14}, {0.15, 34}, {0.33, 16}, {0.46, 62}, {0.60, 92}, {0.75, 66}, {0.90, 16}};
#define CYCLE(keys, turn) keys_cycle((keys), ARRAY_LEN(keys), (turn))

static struct vec2 hang(struct vec2 from, double length, double forward) { /* 0 hangs straight down, positive swings to the right */
    return add2(from, vec2(length * sin(forward), length * cos(forward)));
}

static void leg_by_angles(struct figure *f, int side, double thigh, double knee, double ankle) {
    double h = f->height;
    f->knee[side] = hang(f->hip[side], part[THIGH] * h, thigh);
    f->ankle[side] = hang(f->knee[side], part[SHANK] * h, thigh - knee);
    f->toe[side] = hang(f->ankle[side], part[FOOT] * h, thigh - knee + 90 * DEGREES + ankle);
}

static void arm_by_angles(struct figure *f, int side, double shoulder, double elbow) {
    f->elbow[side] = hang(f->shoulder[side], part[UPPER_ARM] * f->height, shoulder);
    f->hand[side] = hang(f->elbow[side], part[FOREARM] * f->height, shoulder + elbow);
}

/* Neck, head and shoulders above the pelvis; lean forward is positive. */
static void trunk(struct figure *f, double lean, double nod) {
    double h = f->height;
    f->neck = add2(f->pelvis, vec2(sin(lean) * part[TRUNK] * h, -cos(lean) * part[TRUNK] * h));
    f->head = add2(f->neck, vec2(sin(lean + nod) * part[NECK] * h, -cos(lean + nod) * part[NECK] * h));
    for (int side = 0; side < 2; side++) {
        double aside = (side ? 1 : -1) * 0.012 * h;
        f->shoulder[side] = add2(mix2(f->neck, f->pelvis, 0.1), vec2(aside, 0));
        f->hip[side] = add2(f->pelvis, vec2(aside * 0.6, 0));
    }
}

static void move_all(struct figure *f, struct vec2 by) {
    struct vec2 *joint = &f->head;
    size_t count = (sizeof *f - offsetof(struct figure, head)) / sizeof *joint;
    for (size_t i = 0; i < count; i++) joint[i] = add2(joint[i], by);
}

struct figure figure_run(struct vec2 ground, double height, double turn, double effort) {
    struct figure f = {.height = height, .pelvis = vec2(ground.x, ground.y - 0.51 * height)};
    double lean = mix(5, 9, effort) * DEGREES + 1.5 * DEGREES * wave(2 * turn);
    trunk(&f, lean, -2 * DEGREES);
    double lowest = -1e9;
    for (int side = 0; side < 2; side++) {
        double at = turn + 0.5 * side;
        double thigh = mix(CYCLE(thigh_jog, at), CYCLE(thigh_run, at), effort), knee = mix(CYCLE(knee_jog, at), CYCLE(knee_run, at), effort);
        leg_by_angles(&f, side, thigh * DEGREES, knee * DEGREES, CYCLE(ankle_run, at) * DEGREES * mix(0.6, 1, effort));
        double swing = -cos(TAU * (at - 0.02)) * mix(0.55, 1, effort); /* an arm goes against its leg */
        arm_by_angles(&f, side, (swing * 52 - 8) * DEGREES, (88 + 22 * swing * effort) * DEGREES);
        lowest = fmax(lowest, fmax(f.toe[side].y, f.ankle[side].y + 0.025 * height));
    }
    /* Feet touch the ground in the stance halves; between them the body flies a little. */
    double flight = fmax(0, -cos(2 * TAU * (turn - 0.12)));
    move_all(&f, vec2(0, ground.y - lowest - flight * 0.035 * height * mix(0.7, 1, effort)));
    return f;
}

struct figure figure_stand(struct vec2 ground, double height, double sway) {
    struct figure f = {.height = height, .pelvis = vec2(ground.x, ground.y - 0.515 * height)};
    trunk(&f, sway, 0);
    for (int side = 0; side < 2; side++) {
        leg_by_angles(&f, side, (side ? 4 : -4) * DEGREES, 2 * DEGREES, 0);
        arm_by_angles(&f, side, (side ? 6 : -8) * DEGREES + sway, 12 * DEGREES);
    }
    return f;
}

struct figure figure_start(struct vec2 ground, double height, double p) {
    double h = height;
    struct figure f = {.height = h};
    struct vec2 front = vec2(ground.x + 0.02 * h, ground.y - 0.06 * h), back = vec2(ground.x - 0.26 * h, ground.y - 0.06 * h);
    double set = smooth(ramp(p, 0, 0.5)), leave = ease_in_out(ramp(p, 0.5, 1));
    f.pelvis = add2(ground, vec2(mix(mix(-0.16, 0.02, set), 0.34, leave) * h, -mix(mix(0.30, 0.46, set), 0.52, leave) * h));
    trunk(&f, mix(mix(78, 102, set), 44, leave) * DEGREES, mix(mix(18, 4, set), -6, leave) * DEGREES);
    f.ankle[1] = mix2(front, add2(front, vec2(0.02 * h, 0)), leave);
    f.ankle[0] = mix2(back, vec2(f.pelvis.x + 0.16 * h, f.pelvis.y + 0.30 * h), leave);
    for (int side = 0; side < 2; side++) {
        f.knee[side] = joint_between(f.hip[side], &f.ankle[side], part[THIGH] * h, part[SHANK] * h, -1);
        f.toe[side] = add2(f.ankle[side], vec2(0.055 * h, 0.05 * h));
        struct vec2 down = add2(ground, vec2((side ? 0.36 : 0.38) * h, -0.01 * h));
        struct vec2 swung = side ? add2(f.shoulder[1], vec2(-0.24 * h, 0.10 * h)) : add2(f.shoulder[0], vec2(0.26 * h, -0.02 * h));
        f.hand[side] = mix2(down, swung, leave);
        f.elbow[side] = joint_between(f.shoulder[side], &f.hand[side], part[UPPER_ARM] * h, part[FOREARM] * h, 1);
    }
    return f;
}

struct figure figure_ride(struct vec2 hips, struct vec2 hands, struct vec2 crank, double crank_length, double turn, double height) {
    struct figure f = {.height = height, .pelvis = hips};
    double lean = atan2(hands.x - hips.x, hips.y - hands.y) * 0.82;
    trunk(&f, lean, -30 * DEGREES);
    for (int side = 0; side < 2; side++) {
        f.ankle[side] = add2(crank, polar(crank_length, TAU * (turn + 0.5 * side)));
        f.ankle[side].y -= 0.03 * height;
        f.knee[side] = joint_between(f.hip[side], &f.ankle[side], part[THIGH] * height, part[SHANK] * height, -1);
        f.toe[side] = add2(f.ankle[side], vec2(0.085 * height, 0.02 * height));
        f.hand[side] = hands;
        f.elbow[side] = joint_between(f.shoulder[side], &f.hand[side], part[UPPER_ARM] * height, part[FOREARM] * height, 1);
    }
    return f;
}

struct figure figure_mix(const struct figure *a, const struct figure *b, double p) {
    struct figure f = *a;
    struct vec2 *to = &f.head;
    const struct vec2 *from = &a->head, *other = &b->head;
    size_t count = (sizeof f - offsetof(struct figure, head)) / sizeof *to;
    for (size_t i = 0; i < count; i++) to[i] = mix2(from[i], other[i], p);
    return f;
}

void figure_mirror(struct figure *f, double x) {
    struct vec2 *joint = &f->head;
    size_t count = (sizeof *f - offsetof(struct figure, head)) / sizeof *joint;
    for (size_t i = 0; i < count; i++) joint[i].x = 2 * x - joint[i].x;
}

static void draw_leg(struct canvas *c, const struct figure *f, int side, struct colour skin, struct colour shorts, struct colour shoe) {
    double h = f->height;
    path_limb(c, f->hip[side], 0.054 * h, f->knee[side], 0.034 * h);
    path_limb(c, f->knee[side], 0.035 * h, f->ankle[side], 0.018 * h);
    struct vec2 calf = add2(mix2(f->knee[side], f->ankle[side], 0.3), scale2(sub2(f->ankle[side], f->toe[side]), 0.06));
    path_oval(c, calf.x, calf.y, 0.075 * h, 0.036 * h, atan2(f->ankle[side].y - f->knee[side].y, f->ankle[side].x - f->knee[side].x));
    fill(c, skin);
    path_limb(c, f->hip[side], 0.058 * h, mix2(f->hip[side], f->knee[side], 0.55), 0.046 * h);
    fill(c, shorts);
    struct vec2 heel = add2(f->ankle[side], scale2(sub2(f->ankle[side], f->toe[side]), 0.25));
    path_limb(c, add2(heel, vec2(0, 0.006 * h)), 0.021 * h, f->toe[side], 0.012 * h);
    fill(c, shoe);
}

static void draw_arm(struct canvas *c, const struct figure *f, int side, struct colour skin) {
    double h = f->height;
    path_limb(c, f->shoulder[side], 0.032 * h, f->elbow[side], 0.022 * h);
    path_limb(c, f->elbow[side], 0.023 * h, f->hand[side], 0.014 * h);
    path_circle(c, f->hand[side].x, f->hand[side].y, 0.019 * h);
    fill(c, skin);
}

static void draw_once(struct canvas *c, const struct figure *f, const struct kit *k) {
    double h = f->height;
    struct colour vest = k->is_flat ? k->skin : k->vest, shorts = k->is_flat ? k->skin : k->shorts, shoes = k->is_flat ? k->skin : k->shoes,
                  hair = k->is_flat ? k->skin : k->hair;
    draw_arm(c, f, 0, darker(k->skin, k->far_dark));
    draw_leg(c, f, 0, darker(k->skin, k->far_dark), darker(shorts, k->far_dark), darker(shoes, k->far_dark));
    struct vec2 chest = mix2(f->neck, f->pelvis, 0.26), waist = mix2(f->neck, f->pelvis, 0.7), brow = sub2(f->head, f->neck);
    path_limb(c, f->neck, 0.026 * h, f->head, 0.026 * h);
    path_oval(c, f->head.x, f->head.y, 0.068 * h, 0.052 * h, atan2(brow.y, brow.x));
    fill(c, k->skin);
    path_limb(c, add2(f->head, scale2(brow, 0.35)), 0.036 * h, add2(f->head, vec2(-0.02 * h, -0.01 * h)), 0.045 * h);
    if (k->has_ponytail) path_limb(c, add2(f->head, vec2(-0.05 * h, -0.02 * h)), 0.018 * h, add2(f->head, vec2(-0.13 * h, 0.015 * h)), 0.007 * h);
    fill(c, hair);
    draw_leg(c, f, 1, k->skin, shorts, shoes);
    path_limb(c, chest, 0.068 * h, waist, 0.05 * h);
    path_limb(c, mix2(f->neck, chest, 0.3), 0.045 * h, chest, 0.066 * h);
    fill(c, vest);
    path_limb(c, waist, 0.05 * h, f->pelvis, 0.057 * h);
    fill(c, shorts);
    draw_arm(c, f, 1, k->skin);
}

void figure_draw(struct canvas *c, const struct figure *f, const struct kit *k) {
    if (k->rim.a > 0) { /* the same figure, a little towards the light, shows past the edge */
        struct figure behind = *f;
        move_all(&behind, k->rim_from);
        draw_once(c, &behind, &(struct kit){.skin = k->rim, .is_flat = true, .has_ponytail = k->has_ponytail});
    }
    draw_once(c, f, k);
}
