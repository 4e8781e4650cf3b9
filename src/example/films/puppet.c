/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * "The Understudy": a marionette alone on a stage at night. Oxblood, candle and bone; real strings, real weight: the
 * puppet is masses and threads, moved from above, stepped a hundred times a second. */
#include "example/film.h"

static const struct colour velvet = RGB(0x7a1226), curtain_dark = RGB(0x2c0610), bone = RGB(0xf3e3c7), wood = RGB(0xc98a4b), candle = RGB(0xffd08a), night = RGB(0x0c0507);

enum { HEAD, NECK, PELVIS, SHOULDER_L, SHOULDER_R, ELBOW_L, ELBOW_R, HAND_L, HAND_R, HIP_L, HIP_R, KNEE_L, KNEE_R, FOOT_L, FOOT_R, MASSES };
static const struct vec2 rest[MASSES] = {{0, -250}, {0, -205}, {0, -105}, {-34, -198}, {34, -198}, {-56, -140}, {56, -140}, {-62, -82},
                                         {62, -82}, {-18, -100}, {18, -100}, {-20, -50}, {20, -50}, {-22, 0}, {22, 0}};
static const uint8_t bones[][2] = {{HEAD, NECK}, {NECK, PELVIS}, {NECK, SHOULDER_L}, {NECK, SHOULDER_R}, {SHOULDER_L, SHOULDER_R}, {SHOULDER_L, PELVIS}, {SHOULDER_R, PELVIS},
                                   {SHOULDER_L, ELBOW_L}, {SHOULDER_R, ELBOW_R}, {ELBOW_L, HAND_L}, {ELBOW_R, HAND_R}, {PELVIS, HIP_L}, {PELVIS, HIP_R}, {HIP_L, HIP_R},
                                   {HIP_L, KNEE_L}, {HIP_R, KNEE_R}, {KNEE_L, FOOT_L}, {KNEE_R, FOOT_R}, {HEAD, SHOULDER_L}, {HEAD, SHOULDER_R}};
/* Strings from above, by the mass that hangs on each. */
enum { STRINGS = 6 };
static const uint8_t strung[STRINGS] = {HEAD, HAND_L, HAND_R, KNEE_L, KNEE_R, PELVIS};
#define FLOOR 560.0
#define CUT 19.2 /* from here one string after the other breaks, and the puppet stands by itself */

struct puppet {
    struct vec2 at[MASSES], before[MASSES];
};
static void prepare(void *state) {
    struct puppet *p = state;
    for (int i = 0; i < MASSES; i++) p->at[i] = p->before[i] = add2(vec2(640, FLOOR - 6), vec2(rest[i].x, rest[i].y * 0.35)); /* in a heap */
}

static double walk_x(double t) { return KEYS(t, {0, 640}, {7, 640}, {9.5, 500}, {12.5, 780}, {15.5, 560}, {18, 640}, {28, 640}); }
static double cut_of(int s) { return CUT + 0.34 * ((s * 5 + 1) % STRINGS); }

/* Where string s wants its mass: up from the heap, the dance, the sag when the threads go, the bow by its own will. */
static struct vec2 pull_to(int s, double t) {
    double up = ease_out(ramp(t, 2.6, 5.0)), beat = 0.8333 * t, dance = fade(t, 6.6, 7.6) * (1 - fade(t, 17.6, 18.8)), big = fade(t, 11.8, 12.6);
    struct vec2 r = rest[strung[s]];
    double x = walk_x(t) + r.x, y = FLOOR - 8 + mix(r.y * 0.35, r.y, up), left = 0.5 + 0.5 * wave(beat), right = 1 - left;
    if (s == 0) y -= dance * (10 + 16 * big) * fabs(wave(beat)), x += 14 * dance * wave(beat / 2);
    if (s == 1) y -= dance * (60 + 50 * big) * left, x -= dance * (34 + 40 * big) * left;
    if (s == 2) y -= dance * (60 + 50 * big) * right, x += dance * (34 + 40 * big) * right;
    if (s == 3) y -= dance * 44 * fmax(0, wave(beat + 0.25));
    if (s == 4) y -= dance * 44 * fmax(0, -wave(beat + 0.25));
    if (s == 5) y -= dance * (6 + 14 * big) * fabs(wave(beat)), x += 10 * dance * wave(beat / 2 + 0.1);
    y += 46 * hump(t, CUT, CUT + 0.5, CUT + 0.9, 21.4);
    double bow = hump(t, 22.4, 23.6, 24.8, 26);
    if (s == 0) x += 74 * bow, y += 96 * bow;
    if (s == 1) x -= 44 * bow, y -= 20 * bow;
    if (s == 2) x += 60 * bow, y += 30 * bow;
    return vec2(x, y);
}

static void step(void *state, double t) {
    struct puppet *p = state;
    enum { SUBSTEPS = 4, ROUNDS = 6 };
    for (int n = 0; n < SUBSTEPS; n++) {
        double now = t - (1 - (n + 1) / (double)SUBSTEPS) / FILM_RATE;
        for (int i = 0; i < MASSES; i++) { /* Verlet */
            struct vec2 next = add2(p->at[i], scale2(sub2(p->at[i], p->before[i]), 0.985));
            next.y += 0.085;
            p->before[i] = p->at[i];
            p->at[i] = next;
        }
        for (int round = 0; round < ROUNDS; round++) {
            for (int s = 0; s < STRINGS; s++) p->at[strung[s]] = mix2(p->at[strung[s]], pull_to(s, now), s == 0 || s == 5 ? 0.55 : 0.30);
            for (size_t b = 0; b < sizeof bones / sizeof *bones; b++) { /* bones keep their length */
                struct vec2 *u = &p->at[bones[b][0]], *v = &p->at[bones[b][1]], d = sub2(*v, *u);
                double want = length2(sub2(rest[bones[b][1]], rest[bones[b][0]])), have = fmax(1e-6, length2(d)), fix = (have - want) / have * 0.5;
                *u = add2(*u, scale2(d, fix));
                *v = sub2(*v, scale2(d, fix));
            }
            for (int i = SHOULDER_L; i <= SHOULDER_R; i++) /* left stays left, from the heap on */
                p->at[i] = mix2(p->at[i], add2(p->at[NECK], sub2(rest[i], rest[NECK])), 0.15);
            for (int i = HIP_L; i <= HIP_R; i++) p->at[i] = mix2(p->at[i], add2(p->at[PELVIS], sub2(rest[i], rest[PELVIS])), 0.15);
            for (int i = 0; i < MASSES; i++)
                if (p->at[i].y > FLOOR) {
                    p->at[i].y = FLOOR;
                    p->before[i].x = mix(p->before[i].x, p->at[i].x, 0.5); /* the boards hold feet back */
                }
        }
    }
}

static void drapes(struct canvas *c, double t, double open) {
    for (int side = -1; side <= 1; side += 2)
        for (int fold = 11; fold >= 0; fold--) {
            double w = 74 - 54 * open, x = side < 0 ? -30 + fold * w : 1310 - fold * w, sway = 5 * wave(t * 0.11 + fold * 0.13);
            cairo_move_to(c->cr, x - side * w * 0.9, -10);
            cairo_line_to(c->cr, x + side * w * 0.5, -10);
            cairo_curve_to(c->cr, x + side * w * 0.5 + sway, 260, x + side * w * 0.3 - sway, 480, x + side * w * 0.5 + sway, 660);
            cairo_line_to(c->cr, x - side * w * 0.9 + sway, 660);
            cairo_close_path(c->cr);
            fill_between(c, vec2(x - side * w * 0.9, 0), velvet, vec2(x + side * w * 0.55, 0), curtain_dark);
        }
    for (int i = 0; i < 9; i++) {
        double x = i * 160;
        cairo_move_to(c->cr, x - 10, -10);
        cairo_curve_to(c->cr, x + 10, 110, x + 150, 110, x + 170, -10);
        cairo_close_path(c->cr);
        fill_between(c, vec2(0, -10), velvet, vec2(0, 84), curtain_dark);
        cairo_move_to(c->cr, x, 10);
        cairo_curve_to(c->cr, x + 16, 100, x + 144, 100, x + 160, 10);
        stroke(c, with_alpha(candle, 0.5), 3);
    }
}

static void theatre(struct canvas *c, double t, double lit, double under) {
    cairo_rectangle(c->cr, -200, 0, 1680, 480); /* back wall: a painted moon */
    fill_between(c, vec2(0, 0), RGB(0x14101f), vec2(0, 480), RGB(0x3a1f2e));
    path_circle(c, 905, 190, 74);
    fill(c, with_alpha(bone, 0.20 + 0.2 * lit));
    path_circle(c, 930, 178, 68);
    fill(c, with_alpha(RGB(0x1c1422), 0.85));
    for (uint32_t i = 0; i < 26; i++) disc(c, 130 + 1040 * hash1(i), 70 + 290 * hash1(i + 30), 2.2, with_alpha(bone, 0.35 + 0.3 * wave(t * 0.3 + i * 0.37)));
    struct vec2 boards[4] = {{40, 478}, {1240, 478}, {1700, 760}, {-420, 760}};
    path_polygon(c, boards, 4);
    fill_between(c, vec2(0, 478), RGB(0x3b2014), vec2(0, 740), RGB(0x8a5228));
    for (int i = -14; i <= 14; i++) {
        path_line(c, vec2(640 + i * 44, 478), vec2(640 + i * 78, 760));
        stroke(c, with_alpha(night, 0.45), 2);
    }
    path_oval(c, under, FLOOR + 12, 190, 40, 0);
    fill_round(c, vec2(under, FLOOR + 12), 190, with_alpha(candle, 0.55 * lit), with_alpha(candle, 0));
    path_oval(c, under + 10, FLOOR + 10, 74, 11, 0);
    fill(c, with_alpha(night, 0.6 * lit));
}

static void threads(struct canvas *c, const struct puppet *p, double t) {
    for (int s = 0; s < STRINGS && t > 2.4; s++) { /* taut, or fallen */
        struct vec2 end = p->at[strung[s]], top = vec2(walk_x(t) + rest[strung[s]].x * 0.8, -60);
        double gone = ramp(t, cut_of(s), cut_of(s) + 1.0), fall = 560 * gone * gone;
        if (gone >= 1) continue;
        cairo_move_to(c->cr, top.x, top.y + fall);
        if (gone > 0) cairo_curve_to(c->cr, top.x + 40 * wave(gone * 2), top.y + fall + 120, end.x - 50 * wave(gone * 1.5), mix(end.y, FLOOR, gone) - 60, end.x + 30 * gone, mix(end.y, FLOOR + 6, gone));
        else cairo_line_to(c->cr, end.x, end.y);
        stroke(c, with_alpha(bone, 0.6 * (1 - gone)), 1.4);
        if (gone > 0) glow(c, top.x, top.y + fall, 20, candle, 0.7 * (1 - gone));
    }
}

static void limb(struct canvas *c, struct vec2 a, double ra, struct vec2 b, double rb, struct colour k) {
    path_limb(c, a, ra, b, rb);
    fill_between(c, vec2(a.x - ra, a.y), blend(k, RGB(0xffffff), 0.25), vec2(a.x + ra, a.y + ra), darker(k, 0.38));
    path_circle(c, b.x, b.y, rb * 0.62);
    fill(c, darker(k, 0.5));
}

static void face(struct canvas *c, double t) { /* about the origin, upright */
    path_oval(c, 0, -6, 31, 36, 0);
    fill_round(c, vec2(-9, -18), 52, bone, RGB(0xa8875f));
    double blink = fract(t * 0.31) < 0.03 ? 0.1 : 1, awake = fade(t, 3.4, 4.2), gaze = 2 * wave(t * 0.09), lift = t > CUT && t < 22 ? -2 : 1;
    for (int side = -1; side <= 1; side += 2) {
        path_oval(c, side * 12, -8, 5.4, fmax(0.7, 6.4 * blink * awake), 0);
        fill(c, RGB(0xffffff));
        path_oval(c, side * 12 + gaze, -8 + lift, 2.8, fmax(0.5, 3.4 * blink * awake), 0);
        fill(c, night);
        path_circle(c, side * 17, 6, 5.5);
        fill(c, with_alpha(RGB(0xe0604f), 0.5));
        path_line(c, vec2(side * 7, -21 - 2 * awake), vec2(side * 18, -19 - 4 * awake));
        stroke(c, RGB(0x4a2c1a), 2.6);
    }
    double smile = KEYS(t, {0, -2}, {4, 0}, {8, 6}, {18, 6}, {19.6, -4}, {21.4, 0}, {23, 8});
    cairo_move_to(c->cr, -10, 12);
    cairo_curve_to(c->cr, -4, 12 + smile, 4, 12 + smile, 10, 12);
    stroke(c, velvet, 2.8);
    path_circle(c, 0, 2, 3.6);
    fill(c, wood);
    path_box(c, -34, -38, 68, 7, 3); /* a hat */
    path_box(c, -21, -70, 42, 35, 4);
    fill(c, RGB(0x1a0d14));
    cairo_rectangle(c->cr, -21, -44, 42, 6);
    fill(c, velvet);
}

static void puppet(struct canvas *c, const struct puppet *p, double t) {
    for (int side = 0; side < 2; side++) {
        limb(c, p->at[HIP_L + side], 13, p->at[KNEE_L + side], 9, wood);
        limb(c, p->at[KNEE_L + side], 11, p->at[FOOT_L + side], 6, wood);
        path_oval(c, p->at[FOOT_L + side].x + (side ? 7 : -7), p->at[FOOT_L + side].y, 17, 8, 0);
        fill(c, velvet);
    }
    struct vec2 n = p->at[NECK], b = p->at[PELVIS], l = p->at[SHOULDER_L], r = p->at[SHOULDER_R];
    cairo_move_to(c->cr, l.x - 10, l.y - 6); /* a coat with two rows of buttons */
    cairo_curve_to(c->cr, n.x - 10, n.y - 12, n.x + 10, n.y - 12, r.x + 10, r.y - 6);
    cairo_curve_to(c->cr, r.x + 4, r.y + 40, b.x + 22, b.y - 30, b.x + 40, b.y + 26);
    cairo_curve_to(c->cr, b.x + 14, b.y + 36, b.x - 14, b.y + 36, b.x - 40, b.y + 26);
    cairo_curve_to(c->cr, b.x - 22, b.y - 30, l.x - 4, l.y + 40, l.x - 10, l.y - 6);
    fill_between(c, vec2(n.x - 40, n.y), RGB(0x2f5a6b), vec2(n.x + 40, b.y), RGB(0x142833));
    for (int k = 0; k < 8; k++) {
        struct vec2 at = mix2(n, b, 0.16 + 0.22 * (k / 2));
        path_circle(c, at.x + (k & 1 ? 9 : -9), at.y, 3);
    }
    fill(c, candle);
    for (int side = 0; side < 2; side++) {
        limb(c, p->at[SHOULDER_L + side], 12, p->at[ELBOW_L + side], 8, RGB(0x23485a));
        limb(c, p->at[ELBOW_L + side], 9, p->at[HAND_L + side], 6, RGB(0x23485a));
        path_circle(c, p->at[HAND_L + side].x, p->at[HAND_L + side].y, 9);
        fill(c, bone);
    }
    struct vec2 tilt = sub2(p->at[HEAD], n);
    cairo_save(c->cr);
    cairo_translate(c->cr, p->at[HEAD].x, p->at[HEAD].y);
    cairo_rotate(c->cr, atan2(tilt.x, -tilt.y));
    face(c, t);
    cairo_restore(c->cr);
}

static void paint(struct canvas *c, double t, const void *state) {
    const struct puppet *p = state;
    double lit = KEYS(t, {0, 0.0}, {1.6, 0.15}, {3, 0.9}, {18.6, 1}, {19.6, 0.55}, {22.2, 1}, {28, 0.9});
    double zoom = KEYS(t, {0, 1.0}, {4, 1.12}, {7, 1.0}, {11.5, 1.2}, {12, 1.2}, {15, 1.02}, {19, 1.5}, {21.4, 1.45}, {26, 1.0}, {28, 1});
    double follow = (walk_x(t) - 640) * 0.4, under = p->at[PELVIS].x;
    fill_all(c, night);
    cairo_save(c->cr);
    cairo_translate(c->cr, 640, 420);
    cairo_scale(c->cr, zoom, zoom);
    cairo_translate(c->cr, -640 - follow, -420);
    theatre(c, t, lit, under);
    threads(c, p, t);
    puppet(c, p, t);
    cairo_restore(c->cr);
    beam(c, 300, -120, 20, 640 + (under - 640 - follow) * zoom, 640, 240 * zoom, candle, 0.55 * lit);
    for (uint32_t i = 0; i < 70; i++) /* dust in the light */
        glow(c, 380 + 460 * fract(hash1(i) + t * 0.004) + 16 * wave(t * 0.07 + i), 80 + 500 * fract(hash1(i + 40) - t * 0.012), 4, candle, 0.5 * lit * hash1(i + 80));
    canvas_settle(c);
    drapes(c, t, ease_in_out(ramp(t, 0.8, 3.4)) * (1 - 0.5 * ease_in_out(ramp(t, 26, 28))));
    for (int i = 0; i < 7; i++) { /* footlights */
        glow(c, 130 + 170 * i, 716, 130, candle, 0.7 * (0.85 + 0.15 * noise2(t * 3, i + 0.5, 3)) * (0.3 + 0.7 * lit));
        disc(c, 130 + 170 * i, 712, 9, RGB(0xfff0cf));
    }
    struct lettering title = {.family = "Noto Serif Display", .size = 78, .is_italic = true, .align = CENTRE};
    title_card(c, "The Understudy", &title, 640, 250, bone, t, 0.6, 3.8);
}

static double hush(double t, const void *user) { return KEYS(t, {0, 0.15}, {2, 0.04}, {18, 0.06}, {19, 0.02}, {22.5, 0.05}, {23.4, 0.9}, {26, 0.7}, {28, 0.3}); }
static void effects(struct tape *tape) {
    sound_crowd(tape, 0, 28, hush, NULL, PLACE(0.22, 0, 0.5));
    sound_applause(tape, 23.2, 28, hush, NULL, PLACE(0.5, 0, 0.4));
    sound_whoosh(tape, 0.9, 2.2, -0.6, 0.6, 0.35);
    for (int i = 0; i < 18; i++) sound_tick(tape, 6.6 + i * 0.6, 74 + i % 2 * 5, PLACE(0.35, wave(i * 0.2) * 0.3, 0.35)); /* wooden feet */
    for (int s = 0; s < STRINGS; s++) play_pluck(tape, cut_of(s), 52 + 4 * s, 0.5, PLACE(0.8, 0.2 * s - 0.5, 0.5));
    for (int i = 0; i < 6; i++) sound_tick(tape, CUT + 0.3 + 0.17 * i, 66 + 3 * (i % 3), PLACE(0.5, 0, 0.4));
}
static void music(struct tape *tape, int version) { /* a waltz that is not quite one */
    struct beat b = {6.6, 0.3, 0};
    play_part(tape, (struct beat){2.8, 0.8, 0}, "a3 e4 c5 b4", play_keys, 0.3, PLACE(0.5, 0, 0.5));
    play_part(tape, b, "a2 . e4+c4 . e4+c4 . e2 . e4+c4 . d4+b3 . a2 . e4+c4 . e4+c4 . g2 . d4+b3 . d4+b3 . f2 . c4+a3 . c4+a3 . e2 . d4+b3 . g#3+b3 .", play_keys, 0.4, PLACE(0.6, -0.2, 0.3));
    play_part(tape, b, "e5 - d5 c5 b4 - c5 - a4 - - - e5 - f5 e5 d5 - g4 - b4 - - - a4 - c5 f5 e5 - d5 c5 b4 - g#4 -", play_keys, 0.7, PLACE(0.8, 0.2, 0.35));
    play_part(tape, (struct beat){11.4, 0.6, 0}, "a3+e4 - - g3+d4 - - f3+c4 - - e3+b3 -", play_strings, 0.35, PLACE(0.4, 0, 0.5));
    play_pluck_part(tape, b, "a2 . . . . . e2 . . . . . a2 . . . . . g2 . . . . . f2 . . . . . e2 . . . . .", 1.0, PLACE(0.7, 0, 0.2));
    play_bell_part(tape, (struct beat){19.4, 0.6, 0}, "e5 . b4 . . .", 2.5, PLACE(0.35, 0, 0.6));
    play_part(tape, (struct beat){21.8, 0.6, 0}, "a2+e3 - - f2+c3 - - c3+g3 - - c3+e3+g3", play_strings, 0.4, PLACE(0.45, 0, 0.5));
    play_part(tape, (struct beat){21.8, 0.3, 0}, "e5 - a5 - g5 - f5 - e5 - c5 - d5 - e5 - g5 - c6 - - -", play_keys, 0.6, PLACE(0.8, 0.1, 0.4));
}

static const struct caption captions[] = {
    {0.8, 3.4, {"[a theatre after closing]", "[ein Theater nach der Vorstellung]", "[散场后的剧院]", "[โรงละครหลังปิดการแสดง]"}},
    {4.0, 6.4, {"[a piano, unsure]", "[ein Klavier, zögernd]", "[钢琴声，有些犹豫]", "[เสียงเปียโนลังเล]"}},
    {7.0, 11.6, {"Every night she knew all the steps.", "Jeden Abend konnte sie alle Schritte.", "每个夜晚，她都记得所有舞步。", "ทุกค่ำคืน เธอจำได้ทุกท่วงท่า"}},
    {12.0, 17.4, {"Every night somebody else took the bow.", "Jeden Abend verbeugte sich jemand anders.", "每个夜晚，谢幕的却总是别人。", "ทุกค่ำคืน คนอื่นเป็นผู้โค้งรับคำชม"}},
    {19.0, 21.6, {"[one thread, then all]", "[ein Faden, dann alle]", "[一根线断，随后全部断开]", "[เส้นด้ายหนึ่งเส้น แล้วทั้งหมด]"}},
    {22.4, 26.4, {"Tonight, herself.", "Heute sie selbst.", "今夜，是她自己。", "คืนนี้ เป็นตัวเธอเอง"}},
};

const struct film film_puppet = {
    .about = {
        .name = "the-understudy",
        .titles = {"The Understudy", "Die Zweitbesetzung", "替身木偶", "ตัวสำรอง"},
        .synopses = {
            "A marionette dances alone after closing time, until the threads give way. A short film with a virtual actress who has weight.",
            "Nach der Vorstellung tanzt eine Marionette allein, bis die Fäden reißen. Ein Kurzfilm mit einer virtuellen Darstellerin, die Gewicht hat.",
            "散场之后，一具提线木偶独自起舞，直到丝线断裂。一部由有重量的虚拟演员出演的短片。",
            "หุ่นสายเต้นรำเพียงลำพังหลังโรงละครปิด จนเส้นด้ายขาด ภาพยนตร์สั้นกับนักแสดงเสมือนที่มีน้ำหนักจริง",
        },
        .genres = {"drama", "animation", "short"}, .year = 2025, .seconds = 28,
    },
    .state_bytes = sizeof(struct puppet), .prepare = prepare, .step = step,
    .paint = paint,
    .finish = {.bloom = 0.35, .vignette = 0.45, .grain = 1.2},
    .music = music, .effects = effects,
    .tracks = {{"Music and effects", true, true, 0}},
    .master = {.hall_seconds = 2.2, .hall_gain = 0.7, .fade_in = 0.5, .fade_out = 1.8, .loudness = -16},
    CAPTIONS(captions),
    .poster = {.at = 13.4, .focus = {640, 380}, .zoom = 1.0, .title = {.family = "Noto Serif Display", .is_italic = true, .leading = 0.9, .align = CENTRE},
               .ink = RGB(0xf3e3c7), .scrim = {0.05f, 0.02f, 0.03f, 0.85f}, .words = "The\nUnderstudy"},
};
