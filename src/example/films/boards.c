/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * "Forty-Two Degrees": a team pursuit on the boards. Honey-coloured wood, one black line, four riders who are one animal. */

#include <stdlib.h>

#include "example/film.h"

enum { TEAM = 4 };
static const struct colour wood = RGB(0xd9a25f), pale = RGB(0xf3cf95), dark = RGB(0x2a1a1c), night = RGB(0x150e16), line = RGB(0x1a1210), azure = RGB(0x2f8fd8), cream = RGB(0xfff2d8), rose = RGB(0xff5c6c), teal = RGB(0x27c2a6);

/* The track: `s` metres along the black line of 250, `up` metres up the banking. Straights lie along x. */
#define STRAIGHT 42.0
#define BEND 26.5
static double banking(double s) {
    double p = fract(s / 250) * 250, lap = TAU / 2 * BEND;
    double into = p < STRAIGHT ? 0 : p < STRAIGHT + lap ? sin((p - STRAIGHT) / lap * TAU / 2) : p < 2 * STRAIGHT + lap ? 0 : sin(fmin(1, (p - 2 * STRAIGHT - lap) / lap) * TAU / 2);
    return (13 + 29 * pow(fmax(0, into), 0.6)) * TAU / 360;
}
static struct vec3 on_track(double s, double up, double above) {
    double lap = TAU / 2 * BEND, round = 2 * STRAIGHT + 2 * lap, p = fract(s / 250) * round, tilt = banking(s);
    double out = up * cos(tilt) - above * sin(tilt), high = up * sin(tilt) + above * cos(tilt), r = BEND + out;
    if (p < STRAIGHT) return vec3(p - STRAIGHT / 2, high, r);
    if (p < STRAIGHT + lap) return vec3(STRAIGHT / 2 + r * sin((p - STRAIGHT) / BEND), high, r * cos((p - STRAIGHT) / BEND));
    if (p < 2 * STRAIGHT + lap) return vec3(STRAIGHT / 2 - (p - STRAIGHT - lap), high, -r);
    return vec3(-STRAIGHT / 2 - r * sin((p - 2 * STRAIGHT - lap) / BEND), high, -r * cos((p - 2 * STRAIGHT - lap) / BEND));
}

static void quad3(struct canvas *c, const struct camera *k, struct vec3 a, struct vec3 b, struct vec3 d, struct vec3 e, struct colour ink) {
    struct seen p[4] = {camera_see(k, a), camera_see(k, b), camera_see(k, d), camera_see(k, e)};
    struct vec2 q[4];
    for (int i = 0; i < 4; i++) {
        if (p[i].depth < 0.4) return;
        q[i] = vec2(p[i].x, p[i].y);
    }
    path_polygon(c, q, 4);
    fill(c, ink);
}

struct strip {
    double depth, s;
};
static int by_depth(const void *a, const void *b) {
    double d = ((const struct strip *)b)->depth - ((const struct strip *)a)->depth;
    return d > 0 ? 1 : d < 0 ? -1 : 0;
}

static void rider(struct canvas *c, const struct camera *k, double s, double up, int number, double t) {
    struct vec3 ground = on_track(s, up, 0), front = on_track(s + 0.55, up, 0), tall = on_track(s, up, 1);
    struct seen at = camera_see(k, ground), nose = camera_see(k, front), top = camera_see(k, tall);
    if (at.depth < 1) return;
    struct vec2 ahead = sub2(vec2(nose.x, nose.y), vec2(at.x, at.y)), rise = sub2(vec2(top.x, top.y), vec2(at.x, at.y));
    struct colour suit = number == 0 ? rose : number == 1 ? cream : number == 2 ? azure : teal;
    double m = at.scale;
#define ON(f, h) add2(vec2(at.x, at.y), add2(scale2(ahead, (f) / 0.55), scale2(rise, (h))))
    path_limb(c, ON(-0.7, 0.02), 0.10 * m, ON(0.75, 0.02), 0.10 * m);
    fill(c, with_alpha(night, 0.32));
    for (int wheel = -1; wheel <= 1; wheel += 2) { /* seen at a slant: ovals along the way */
        struct vec2 rim[20];
        for (int i = 0; i < 20; i++) rim[i] = ON(wheel * 0.49 + 0.34 * cos(i * TAU / 20), 0.34 + 0.34 * sin(i * TAU / 20));
        path_curve(c, rim, 20, true);
        fill(c, with_alpha(dark, wheel < 0 ? 0.95 : 0.55));
        path_curve(c, rim, 20, true);
        stroke(c, night, 0.045 * m);
    }
    struct vec2 crank = ON(0.02, 0.30), saddle = ON(-0.22, 0.98), bar = ON(0.52, 0.93), shoulder = ON(0.36, 1.12), head = ON(0.55, 1.18);
    path_line(c, ON(-0.49, 0.34), crank);
    path_line(c, crank, saddle);
    path_line(c, saddle, ON(0.40, 0.84));
    path_line(c, ON(0.40, 0.84), ON(0.49, 0.34));
    path_line(c, crank, ON(0.42, 0.80));
    stroke(c, night, 0.055 * m);
    for (int side = 0; side < 2; side++) {
        double turn = t * 2.05 + number * 0.13 + side * 0.5;
        struct vec2 foot = ON(0.02 + 0.17 * cos(turn * TAU), 0.30 - 0.17 * sin(turn * TAU));
        struct vec2 knee = ON(0.20 + 0.10 * cos(turn * TAU), 0.80 - 0.14 * sin(turn * TAU));
        path_limb(c, saddle, 0.11 * m, knee, 0.075 * m);
        fill(c, darker(suit, side ? 0.1 : 0.45));
        path_limb(c, knee, 0.07 * m, foot, 0.045 * m);
        fill(c, darker(RGB(0xc98d63), side ? 0.05 : 0.45));
    }
    path_limb(c, saddle, 0.14 * m, shoulder, 0.16 * m);
    fill_between(c, saddle, darker(suit, 0.25), shoulder, suit);
    path_limb(c, shoulder, 0.07 * m, ON(0.50, 0.86), 0.05 * m);
    fill(c, darker(suit, 0.15));
    path_limb(c, ON(0.50, 0.86), 0.05 * m, bar, 0.04 * m);
    fill(c, RGB(0xc98d63));
    path_limb(c, head, 0.13 * m, ON(0.24, 1.24), 0.045 * m); /* a pointed helmet */
    fill(c, number == 1 ? dark : cream);
    path_limb(c, ON(0.62, 1.15), 0.055 * m, ON(0.56, 1.10), 0.04 * m);
    fill(c, dark);
#undef ON
}

/* Where rider `i` is: the first peels off in the bends, climbs, and falls in behind. */
struct post {
    double s, up;
};
static struct post post_of(int i, double t) {
    double way = 16.6 * t, turn = t / 3.76, change = smooth(ramp(fract(turn), 0.15, 0.85)), order = fract((i - floor(turn)) / TEAM) * TEAM;
    struct post p = {.s = way - 2.15 * order, .up = 0.9};
    if (order < 0.5) { /* leaving */
        p.s = way - 2.15 * 3 * change - 0.4 * wave(change * 0.5);
        p.up = 0.9 + 3.4 * pow(fmax(0, wave(change * 0.5)), 1.2);
    } else {
        p.s += 2.15 * change;
    }
    return p;
}

static void boards(struct canvas *c, const struct camera *k, double t) {
    enum { STRIPS = 250 };
    static const double lanes[] = {0, 0.2, 0.25, 0.9, 0.95, 2.4, 2.48, 4.2, 7.0};
    struct strip strips[STRIPS];
    for (int i = 0; i < STRIPS; i++) {
        struct vec3 mid = on_track(i + 0.5, 3, 0);
        strips[i] = (struct strip){length2(vec2(length2(vec2(mid.x - k->eye.x, mid.z - k->eye.z)), mid.y - k->eye.y)), i};
    }
    qsort(strips, STRIPS, sizeof *strips, by_depth);
    bool is_drawn[TEAM] = {false};
    for (int i = 0; i < STRIPS; i++) {
        double s = strips[i].s;
        double lamp = 0.5 + 0.5 * wave(s / 62.5 + 0.1), grain = hash1((uint32_t)s) * 0.10;
        for (int lane = -1; lane < 8; lane++) {
            double from = lane < 0 ? -2.6 : lanes[lane], to = lane < 0 ? 0 : lanes[lane + 1];
            struct colour ink = lane < 0 ? blend(azure, RGB(0x1c5f9a), grain * 4) : lane == 1 ? line : lane == 3 ? RGB(0xc2343c) : lane == 5 ? RGB(0x2460b8) : blend(blend(wood, pale, lamp * 0.8), dark, grain + 0.05 * (lane == 7));
            quad3(c, k, on_track(s, from, 0), on_track(s + 1.03, from, 0), on_track(s + 1.03, to, 0), on_track(s, to, 0), ink);
        }
        if ((int)s % 125 == 4) quad3(c, k, on_track(s, 0, 0), on_track(s + 0.35, 0, 0), on_track(s + 0.35, 7, 0), on_track(s, 7, 0), cream);
        quad3(c, k, on_track(s, 7.0, 0), on_track(s + 1.03, 7.0, 0), on_track(s + 1.03, 7.0, 0.95), on_track(s, 7.0, 0.95), (int)(s / 6) % 2 ? cream : blend(cream, rose, 0.85));
        for (int n = 0; n < TEAM; n++) {
            struct post p = post_of(n, t);
            if (!is_drawn[n] && fabs(fract((p.s - s + 125) / 250) * 250 - 125) < 1.5 && i > 2) {
                bool is_passed = true; /* drawn when the boards under it and before it are */
                for (int m = i + 1; m < STRIPS && m < i + 6; m++)
                    if (fabs(fract((p.s - strips[m].s + 125) / 250) * 250 - 125) < 1.5) is_passed = false;
                if (!is_passed) continue;
                rider(c, k, p.s, p.up, n, t);
                is_drawn[n] = true;
            }
        }
    }
}

static void hall(struct canvas *c, const struct camera *k, double t, double excited) {
    double horizon = camera_see(k, add3(k->eye, vec3(k->forward.x * 500, 0, k->forward.z * 500))).y;
    SKY(c, {horizon - 420, night}, {horizon - 60, RGB(0x3a2336)}, {horizon + 40, RGB(0x241722)}, {horizon + 300, RGB(0x1a1118)});
    for (uint32_t i = 0; i < 1500; i++) { /* people, in a ring round the boards */
        double a = hash2(i, 1) * TAU, tier = hash2(i, 2), r = 1.0 + 0.42 * tier;
        struct vec3 at = vec3((STRAIGHT / 2 + BEND + 9) * r * cos(a), 6 + 7.5 * tier + 0.5 * excited * fabs(wave(t * (1.1 + hash2(i, 3)) + hash2(i, 4))), (BEND + 9) * r * sin(a));
        struct seen s = camera_see(k, at);
        if (s.depth < 6 || s.x < -20 || s.x > 1300 || s.y < -20 || s.y > 740) continue;
        static const struct colour coats[] = {RGB(0x7a4258), RGB(0xb3645a), RGB(0x46507e), RGB(0xd9a25f), RGB(0x5b3a56), RGB(0x2f6f86)};
        disc(c, s.x, s.y, fmax(1.2, 0.34 * s.scale), with_alpha(coats[i % 6], 0.85));
        if (hash3(i, (uint32_t)(t * 12), 9) < 0.0006 + 0.002 * excited) glow(c, s.x, s.y, 18, cream, 1.6);
    }
    for (int i = 0; i < 8; i++) {
        struct seen lamp = camera_see(k, vec3(-42 + 12.0 * i, 19, 8 * wave(i * 0.25)));
        if (lamp.depth > 3) glow_oval(c, lamp.x, lamp.y, 2.6 * lamp.scale + 20, 1.0 * lamp.scale + 9, cream, 0.9);
    }
    canvas_settle(c);
}

static struct camera camera_at(double t) {
    double way = 16.6 * t - 3;
    if (t < 7.0) { /* high over the hall, coming down */
        double a = 0.9 + 0.11 * t, q = ease_in_out(ramp(t, 0, 7));
        return camera_look(vec3(mix(66, 44, q) * cos(a), mix(44, 24, q), mix(66, 44, q) * sin(a)), vec3(0, 0, 0), mix(44, 48, q), 0.02 * wave(t * 0.1));
    }
    if (t < 14.5) { /* beside them, inside the track */
        struct vec3 at = on_track(way + 1.2, 1.6, 0.9), eye = on_track(way + 3.5 - 2.0 * ramp(t, 7, 14.5), -5.2, 1.7);
        return camera_look(eye, at, 48, -0.04);
    }
    if (t < 20.5) { /* in front of them, at the height of their eyes */
        struct vec3 at = on_track(way - 1, 1.5, 0.8), eye = on_track(way + 10.5, 1.0 + 1.2 * ramp(t, 14.5, 20.5), 1.5);
        return camera_look(eye, at, 34, 0.16 * sin(banking(way + 4)));
    }
    double now = t - 20.5; /* over the infield, rising */
    struct vec3 middle = on_track(way, 1, 0.6);
    return camera_look(add3(on_track(way + 9 - 2.6 * now, -13, 0), vec3(0, 6.5 + 0.9 * now, 0)), middle, 46 + 1.5 * now, 0.03 * wave(now * 0.2));
}

static void paint(struct canvas *c, double t, const void *state) {
    struct camera k = camera_at(t);
    hall(c, &k, t, KEYS(t, {0, 0.15}, {14, 0.4}, {20, 0.8}, {24, 1}));
    struct vec3 field[12]; /* the infield */
    struct vec2 seen[12];
    int count = 0;
    for (int i = 0; i < 12; i++) {
        field[i] = on_track(250.0 * i / 12, -2.6, 0);
        struct seen s = camera_see(&k, vec3(field[i].x, -0.6, field[i].z));
        if (s.depth > 0.5) seen[count++] = vec2(s.x, s.y);
    }
    if (count == 12) {
        path_curve(c, seen, 12, true);
        fill(c, RGB(0x3a2a30));
    }
    boards(c, &k, t);
    for (int i = 0; i < 26; i++) { /* the air they leave behind */
        double own = hash1((uint32_t)i), age = fract(own + t * 1.4);
        struct seen s = camera_see(&k, on_track(16.6 * t - 8 - 9 * age, 0.4 + 1.6 * hash1((uint32_t)i + 40), 0.5 + 0.9 * hash1((uint32_t)i + 80)));
        struct seen e = camera_see(&k, on_track(16.6 * t - 10.5 - 9 * age, 0.4 + 1.6 * hash1((uint32_t)i + 40), 0.5 + 0.9 * hash1((uint32_t)i + 80)));
        if (s.depth > 2 && e.depth > 2) ray(c, s.x, s.y, e.x, e.y, 0.05 * s.scale, cream, 0.22 * (1 - age));
    }
    letterbox(c, 40);
    struct lettering title = {.family = "Noto Sans Display", .size = 92, .is_bold = true, .spacing = -0.01, .align = LEFT};
    title_card(c, "42°", &title, 96, 96, cream, t, 0.8, 4.8);
    if (t > 7.2 && t < 24.6 && !c->is_bare) {
        char text[16];
        clock_text(text, 214.6 + t, 2);
        struct lettering digits = {.family = "Noto Sans Display", .size = 40, .is_bold = true, .align = RIGHT};
        letters(c, &digits, 1214, 612, with_alpha(cream, fade(t, 7.2, 7.6) * (1 - fade(t, 24, 24.6))), text);
    }
}

static double roar(double t, const void *user) { return KEYS(t, {0, 0.15}, {7, 0.3}, {14, 0.45}, {20, 0.85}, {24, 1}, {27, 0.5}); }
static double rolling(double t, const void *user) { return KEYS(t, {0, 0.25}, {6.9, 0.3}, {7.1, 0.9}, {20.4, 0.9}, {21, 0.5}, {27, 0.3}); }
static void effects(struct tape *tape) {
    sound_crowd(tape, 0, 27, roar, NULL, PLACE(0.45, 0, 0.6));
    sound_hum(tape, 0, 27, 43, rolling, NULL, PLACE(0.4, -0.1, 0.25));
    sound_hum(tape, 7, 27, 50.2, rolling, NULL, PLACE(0.22, 0.2, 0.25));
    for (int n = 0; n < 6; n++) sound_whoosh(tape, 3.76 * n + 1.2, 1.1, 0.5, -0.5, 0.22);
    for (int n = 0; n < 10; n++) play_bell(tape, 20.6 + 0.17 * n, 88 + (n & 1), 0.9, PLACE(0.26, 0.35, 0.45)); /* the last lap */
    sound_applause(tape, 23, 27, roar, NULL, PLACE(0.35, 0, 0.4));
}
static void music(struct tape *tape, int version) {
    struct beat open = {0.2, 0.85, 0};
    play_part(tape, open, "a2+e3+b3 - - - f2+c3+a3 - - -", play_pad, 0.25, PLACE(0.5, 0, 0.5));
    play_mallet_part(tape, (struct beat){0.4, 0.2125, 0}, "a4 . e5 . b4 . e5 . a4 . e5 . c5 . e5 . f4 . c5 . a4 . c5 . f4 . c5 . g4 . c5 .", PLACE(0.4, 0.3, 0.4));
    for (int bar = 0; bar < 4; bar++) { /* four riders, four bars, each hands on to the next */
        static const char *const cell[4] = {"a4 e5 a4 c5 e5 a4 c5 e5 a4 e5 a4 c5 e5 a4 d5 e5", "f4 c5 f4 a4 c5 f4 a4 c5 f4 c5 f4 a4 c5 f4 g4 c5", "c4 g4 c5 e5 g4 c5 e5 g4 c4 g4 c5 e5 g4 c5 d5 e5", "g4 d5 g4 b4 d5 g4 b4 d5 e4 b4 e5 g#4 b4 e5 g#5 b5"};
        static const char *const low[4] = {"a1 . a1 . . a1 . a1 a1 . a1 . . a1 . c2", "f1 . f1 . . f1 . f1 f1 . f1 . . f1 . g1", "c2 . c2 . . c2 . c2 c2 . c2 . . c2 . b1", "g1 . g1 . . g1 . g1 e1 . e1 . . e1 . e2"};
        struct beat b = {7.0 + bar * 16 * 0.2125, 0.2125, 0};
        play_part(tape, b, cell[bar], play_arp, 0.45, PLACE(0.5, bar & 1 ? 0.35 : -0.35, 0.2));
        play_part(tape, b, low[bar], play_bass, 0.4, PLACE(0.5, 0, 0));
        play_drum(tape, b, "X . . . X . . . X . . . X . . .", play_kick, PLACE(0.6, 0, 0));
        play_drum(tape, b, "o x o x o x o x o x o x o x x x", play_shaker, PLACE(0.35, 0.3, 0.1));
        if (bar > 1) play_drum(tape, b, ". . . . x . . . . . . . x . . o", play_clap, PLACE(0.4, 0, 0.3));
        if (bar > 0) play_part(tape, (struct beat){b.start, 0.85, 0}, bar == 1 ? "a4 c5 - g4" : bar == 2 ? "e5 - d5 c5" : "b4 d5 e5 g#5", play_strings, 0.5, PLACE(0.32, 0.1, 0.5));
    }
    play_rise(tape, 18.8, 1.8, PLACE(0.3, 0, 0.3));
    play_boom(tape, 20.6, PLACE(0.6, 0, 0.5));
    struct beat end = {20.6, 0.425, 0};
    play_part(tape, end, "a3+e4+a4 - - - f3+c4+a4 - - - c4+g4+e5 - - - - - -", play_strings, 0.6, PLACE(0.5, 0, 0.5));
    play_part(tape, end, "a1 - - - f1 - - - c2 - - - - - -", play_bass, 0.25, PLACE(0.5, 0, 0));
    play_drum(tape, end, "X . x . X . x x X . . . X", play_taiko, PLACE(0.55, 0, 0.35));
    play_part(tape, end, "e5 - c5 e5 f5 - e5 c5 g5 - - - - - -", play_lead, 0.4, PLACE(0.36, 0.1, 0.45));
}

static const struct caption captions[] = {
    {0.9, 4.4, {"[a hall breathes; tyres on pine]", "[eine Halle atmet; Reifen auf Kiefer]", "[场馆的呼吸；车胎碾过松木]", "[โถงทั้งหลังหายใจ ล้อบดบนไม้สน]"}},
    {4.8, 7.4, {"Forty-two degrees of wood.", "Zweiundvierzig Grad Holz.", "四十二度的木板。", "ไม้เอียงสี่สิบสององศา"}},
    {8.0, 11.6, {"A hand's breadth between wheels.", "Eine Handbreit zwischen den Rädern.", "轮与轮之间，只有一掌之宽。", "ช่องว่างระหว่างล้อเพียงหนึ่งฝ่ามือ"}},
    {12.2, 16.0, {"Who leads pays. Then somebody else pays.", "Wer führt, zahlt. Dann zahlt ein anderer.", "领骑的人付出，然后换另一个人付出。", "ใครนำคนนั้นจ่าย แล้วก็ถึงคราวคนอื่นจ่าย"}},
    {20.6, 22.6, {"[the bell]", "[die Glocke]", "[最后一圈铃响]", "[เสียงระฆัง]"}},
    {22.8, 26.0, {"One animal with eight wheels.", "Ein Tier mit acht Rädern.", "一只有八个轮子的动物。", "สัตว์ตัวเดียวที่มีแปดล้อ"}},
};

const struct film film_boards = {
    .about = {
        .name = "lanes-boards",
        .titles = {"Forty-Two Degrees", "Zweiundvierzig Grad", "四十二度", "สี่สิบสององศา"},
        .synopses = {
            "A team pursuit on a wooden track. Four riders take turns in the wind until nobody can tell who leads.",
            "Eine Mannschaftsverfolgung auf der Holzbahn. Vier Fahrer wechseln sich im Wind ab, bis niemand mehr weiß, wer führt.",
            "木质赛道上的团体追逐赛。四名车手轮流迎风，直到没人分得清谁在领骑。",
            "การแข่งไล่ตามแบบทีมบนลู่ไม้ นักปั่นสี่คนผลัดกันรับลมจนไม่มีใครรู้ว่าใครนำ",
        },
        .genres = {"sport", "short"}, .year = 2026, .series = "lanes", .season = 1, .episode = 3, .seconds = 27,
    },
    .paint = paint,
    .finish = {.bloom = 0.35, .vignette = 0.32, .grain = 1.1},
    .music = music, .effects = effects,
    .tracks = {{"Music and effects", true, true, 0}, {"Track only", false, true, 0}},
    .master = {.hall_seconds = 2.6, .hall_gain = 0.7, .fade_in = 0.5, .fade_out = 1.8, .loudness = -16},
    CAPTIONS(captions),
    .poster = {.at = 17.4, .focus = {640, 380}, .zoom = 1.2, .title = {.family = "Noto Sans Display", .is_bold = true, .leading = 0.9, .align = LEFT},
               .ink = RGB(0xfff2d8), .scrim = {0.08f, 0.05f, 0.08f, 0.8f}, .words = "Forty-Two\nDegrees"},
};
