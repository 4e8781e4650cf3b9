/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * "First Light, First Line": one skier, one untouched slope, seen from high above. Paper white, long blue shadows; the only drawing is
 * the line that the skis leave behind. */
#include "example/film.h"

enum { GATES = 18, GATES_FROM = 1500, GATES_APART = 305 };
static const struct colour snow = RGB(0xf4f7fb), shade = RGB(0xb9cdea), deep = RGB(0x6f8fc4), ink = RGB(0x16233f), red = RGB(0xe8443a), blue = RGB(0x2560d8), gold = RGB(0xffd28a);

/* How far down the slope she is, in units of the stage: a slow push, then the fall line. */
static double way(double t) {
    double run = fmax(0, t - 3.2);
    return 250 * run + 150 * (run < 2 ? run * run / 4 - run : run - 3 + exp(-(run - 2)));
}
/* The line: wide turns that grow short and quick, then one long straight. y runs downhill. */
static double line_x(double y) {
    double wide = KEYS(y, {0, 40}, {500, 250}, {2600, 300}, {4600, 190}, {5600, 120}, {6400, 20}, {7600, 0});
    double phase = y / 780 + 0.9e-7 * y * fmin(y, 5600);
    return 640 + wide * wave(phase) + 90 * wave(y / 3100 + 0.1);
}
static double lean_at(double y) { return (line_x(y + 8) - 2 * line_x(y) + line_x(y - 8)) * 1.4; } /* how hard it turns */

static double gate_y(int n) { return GATES_FROM + (double)GATES_APART * n; }

struct sight {
    double top, t, sun; /* y of the upper edge; light: 0 before dawn, 1 day */
    double zoom;
    struct vec2 focus, centre; /* what of the slope is where on the stage */
};
/* The slope falls away towards the bottom of the picture: what is further down is nearer. */
static struct vec2 laid_out(const struct sight *s, double x, double y) {
    double q = (y - s->top) / 720, near = 0.72 + 0.40 * q;
    return vec2(640 + (x - 640) * near, 720 * (0.16 * q + 0.84 * q * (0.62 + 0.38 * q)));
}
static struct vec2 seen_at(const struct sight *s, double x, double y) {
    return add2(s->centre, scale2(sub2(laid_out(s, x, y), s->focus), s->zoom));
}
static double size_at(const struct sight *s, double y) { return (0.72 + 0.40 * (y - s->top) / 720) * s->zoom; }

static struct colour snow_shade(double x, double y, const void *user) {
    const struct sight *s = user;
    x = s->focus.x + (x - s->centre.x) / s->zoom;
    y = s->focus.y + (y - s->centre.y) / s->zoom;
    double world = s->top + y * 1.16, lee = clouds2(x / 420 + 3, world / 300, 4, 11), fine = clouds2(x / 60, world / 46, 2, 12);
    double lit = clamp(0.62 + 0.75 * lee + 0.10 * fine, 0, 1);
    struct colour night = blend(RGB(0x2c3f78), RGB(0x8aa0d8), lit), day = blend(shade, snow, lit);
    struct colour k = blend(night, day, s->sun);
    return blend(k, gold, 0.22 * s->sun * (1 - s->sun) * 4 * lit);
}

static void fir(struct canvas *c, const struct sight *s, double x, double y, double h, uint32_t id) {
    struct vec2 at = seen_at(s, x, y);
    double m = size_at(s, y) * h;
    struct vec2 dark[3] = {{at.x, at.y}, {at.x + 2.3 * m, at.y - 0.75 * m}, {at.x + 0.34 * m, at.y - 0.05 * m}}; /* its shadow, long */
    path_polygon(c, dark, 3);
    fill(c, with_alpha(blend(RGB(0x16265a), deep, s->sun), 0.55));
    for (int tier = 0; tier < 4; tier++) {
        double base = at.y - m * (0.12 + 0.25 * tier), wide = m * (0.34 - 0.07 * tier), tip = base - m * 0.40;
        struct vec2 leaf[3] = {{at.x - wide, base + 0.05 * m * hash2(id, (uint32_t)tier)}, {at.x + wide, base}, {at.x, tip}};
        path_polygon(c, leaf, 3);
        fill(c, blend(ink, RGB(0x2f5a5f), 0.25 + 0.4 * s->sun));
        struct vec2 cap[3] = {{at.x - wide * 0.9, base - 0.02 * m}, {at.x - 0.15 * wide, base - 0.03 * m}, {at.x, tip}};
        path_polygon(c, cap, 3);
        fill(c, with_alpha(blend(RGB(0x8aa0d8), snow, s->sun), 0.95));
    }
}

static void gate(struct canvas *c, const struct sight *s, int n, double passed) {
    double y = gate_y(n);
    double x = line_x(y), inner = x - (lean_at(y) > 0 ? -1 : 1) * -26;
    struct colour k = n & 1 ? blue : red;
    for (int pole = 0; pole < 2; pole++) {
        double px = inner + (pole ? (inner < x ? -92 : 92) : 0);
        struct vec2 at = seen_at(s, px, y);
        double m = size_at(s, y), hit = pole ? 0 : passed * exp(-passed * 2.2) * 3.0 * cos(passed * 9);
        struct vec2 tip = add2(at, vec2((inner < x ? -1 : 1) * hit * 44 * m, -66 * m * (1 - 0.5 * fabs(hit))));
        streak(c, at.x, at.y, at.x + 120 * m, at.y - 34 * m, 3 * m, with_alpha(deep, 0.45));
        streak(c, at.x, at.y, tip.x, tip.y, 4.4 * m, k);
        struct vec2 flag[4] = {tip, add2(tip, vec2(0, 24 * m)), add2(tip, vec2(30 * m, 20 * m + 3 * wave(s->t * 2 + n))), add2(tip, vec2(30 * m, -3 * m + 3 * wave(s->t * 2 + n)))};
        path_polygon(c, flag, 4);
        fill(c, with_alpha(k, 0.92));
    }
}

static void track(struct canvas *c, const struct sight *s, double to, double side, struct colour k, double width) {
    enum { POINTS = 120 };
    struct vec2 p[POINTS];
    double from = fmax(0, s->top - 60);
    if (to <= from + 2) return;
    for (int i = 0; i < POINTS; i++) {
        double y = mix(from, to, i / (POINTS - 1.0));
        p[i] = seen_at(s, line_x(y) + side * (5 + 7 * fabs(lean_at(y)) / 6), y);
    }
    path_curve(c, p, POINTS, false);
    stroke(c, k, width);
}

static void skier(struct canvas *c, const struct sight *s, double y) {
    double x = line_x(y), lean = clamp(lean_at(y) / 5.5, -1, 1), m = size_at(s, y) * 1.45, heading = (line_x(y + 6) - line_x(y - 6)) / 12;
    struct vec2 at = seen_at(s, x, y);
    struct vec2 down = vec2(heading * 0.85, 1), along = scale2(down, 1 / length2(down)), across = vec2(-along.y, along.x);
    for (int i = 0; i < 46; i++) { /* powder from the outer ski */
        double age = fract(hash1((uint32_t)i) + s->t * 1.6), own = hash2((uint32_t)i, 4);
        struct vec2 from = sub2(at, scale2(along, 150 * age * m)), off = scale2(across, (lean > 0 ? 1 : -1) * (14 + 60 * age * own) * fabs(lean) * m);
        disc(c, from.x + off.x, from.y + off.y - 22 * age * (1 - age) * m, (2 + 9 * age) * m * fabs(lean), with_alpha(blend(RGB(0xaebfe8), RGB(0xffffff), s->sun), 0.75 * (1 - age)));
    }
    struct vec2 hip = add2(at, vec2(-lean * 13 * m, -20 * m)), shoulder = add2(hip, vec2(-lean * 9 * m, -19 * m)), head = add2(shoulder, vec2(-lean * 1 * m, -10 * m));
    path_limb(c, add2(at, vec2(10 * m, 0)), 9 * m, add2(at, vec2(92 * m, -26 * m)), 3 * m);
    fill(c, with_alpha(deep, 0.55));
    for (int side = -1; side <= 1; side += 2) {
        struct vec2 foot = add2(at, scale2(across, side * 6.5 * m));
        streak(c, foot.x - along.x * 22 * m, foot.y - along.y * 22 * m, foot.x + along.x * 26 * m, foot.y + along.y * 26 * m, 3.6 * m, ink);
        struct vec2 knee = add2(mix2(foot, hip, 0.5), vec2(3 * side * m, 3 * m));
        path_limb(c, foot, 3.4 * m, knee, 4.4 * m);
        fill(c, ink);
        path_limb(c, knee, 4.4 * m, hip, 5.6 * m);
        fill(c, ink);
    }
    path_limb(c, hip, 6.6 * m, shoulder, 8.4 * m);
    fill_between(c, add2(shoulder, vec2(-8 * m, 0)), red, add2(shoulder, vec2(9 * m, 6 * m)), darker(red, 0.28));
    for (int side = -1; side <= 1; side += 2) {
        struct vec2 hand = add2(shoulder, vec2(side * (17 + 5 * side * lean) * m, (13 + 4 * wave(s->t * 0.9 + side * 0.25)) * m));
        path_limb(c, shoulder, 3.8 * m, hand, 3 * m);
        fill(c, darker(red, side > 0 ? 0.2 : 0.05));
        streak(c, hand.x, hand.y, hand.x - along.x * 26 * m + side * 5 * m, hand.y - along.y * 26 * m + 14 * m, 1.8 * m, ink);
    }
    disc(c, head.x, head.y, 7.2 * m, gold);
    disc(c, head.x + 1.5 * m, head.y + 3 * m, 3.0 * m, ink);
}

static void paint(struct canvas *c, double t, const void *state) {
    double y = way(t), look = KEYS(t, {0, -40}, {3, -120}, {6, -300}, {20, -300}, {24, -360}, {28, -560});
    struct sight s = {.top = y + look - 70 * fade(t, 24.5, 28), .t = t, .sun = fade(t, 0.5, 9)};
    double shake = 2.2 * clouds2(t * 2.4, 1, 2, 3) * ramp(t, 8, 12) * (1 - ramp(t, 22, 25)), follow = fade(t, 7, 11) * (1 - fade(t, 20, 24));
    struct vec2 at = laid_out(&s, line_x(y), y);
    s.zoom = KEYS(t, {0, 1.0}, {7, 1.0}, {11, 1.35}, {17, 1.5}, {21, 1.1}, {28, 0.94});
    s.centre = vec2(640, 380 + shake);
    s.focus = vec2(mix(640, at.x, 0.55 * follow), mix(380, at.y - 30, 0.85 * follow));
    fill_field(c, 0, 720, 9, snow_shade, &s);
    struct colour groove = blend(RGB(0x4a62a8), RGB(0x86a6dc), s.sun);
    track(c, &s, y, -1, with_alpha(groove, 0.9), 4.2);
    track(c, &s, y, 1, with_alpha(groove, 0.9), 4.2);
    track(c, &s, y, -0.6, with_alpha(RGB(0xffffff), 0.7 * s.sun), 1.4);
    bool is_drawn = false;
    for (int row = (int)floor((s.top - 300) / 24); row < (int)floor((s.top + 1300) / 24); row++) { /* far to near */
        double ry = row * 24.0;
        if (!is_drawn && ry > y) {
            skier(c, &s, y);
            is_drawn = true;
        }
        int n = (int)ceil((ry - GATES_FROM) / GATES_APART);
        if (n >= 0 && n < GATES && ry + 24 > gate_y(n)) gate(c, &s, n, fmax(0, y - gate_y(n)) / 420);
        uint32_t id = hash_bits((uint32_t)(row + 5000), 3, 9);
        for (int side = -1; side <= 1; side += 2) {
            double own = hash2(id, (uint32_t)(side + 4));
            if (own < 0.42) fir(c, &s, 640 + side * (560 + 520 * hash2(id, (uint32_t)(side + 8))), ry, 90 + 80 * hash2(id, (uint32_t)(side + 12)), id);
        }
    }
    if (!is_drawn) skier(c, &s, y);
    double dawn = hump(t, 0.4, 4, 8, 12);
    glow(c, 1180, -60, 900, gold, 0.55 * dawn + 0.12);
    for (int i = 0; i < 60; i++) { /* crystals in the air */
        double own = hash1((uint32_t)i + 700), cx = fract(own + t * (0.010 + 0.02 * hash1((uint32_t)i))) * 1500 - 100, cy = fract(hash1((uint32_t)i + 800) + t * (0.05 + 0.05 * own)) * 900 - 80;
        double spark = pow(fmax(0, wave(t * (0.7 + own) + own * 7)), 6);
        glow(c, cx, cy, 7, RGB(0xffffff), 1.2 * spark * s.sun);
    }
    struct lettering title = {.family = "Noto Sans Display", .size = 74, .spacing = 0.06, .align = LEFT};
    title_card(c, "First Light,\nFirst Line", &title, 96, 96, RGB(0xf3f7ff), t, 0.8, 4.6);
}

static double breeze(double t, const void *user) { return KEYS(t, {0, 0.25}, {4, 0.2}, {8, 0.6}, {12, 0.95}, {20, 1}, {24, 0.5}, {28, 0.2}); }
static void effects(struct tape *tape) {
    sound_wind(tape, 0, 28, breeze, NULL, PLACE(0.5, 0, 0.15));
    sound_birds(tape, 0.4, 4.0, PLACE(0.18, 0.4, 0.5));
    double before = 0;
    for (double t = 3.4; t < 26; t += 0.02) { /* each edge change is heard */
        double now = lean_at(way(t));
        if (before * now < 0) sound_whoosh(tape, t, 0.55 + 0.3 * (t < 9), now > 0 ? -0.6 : 0.6, now > 0 ? 0.6 : -0.6, 0.34);
        if (now != 0) before = now;
    }
    for (int n = 0; n < GATES; n++)
        for (double t = 3.4; t < 26; t += 0.02)
            if (way(t) <= gate_y(n) && way(t + 0.02) > gate_y(n)) sound_tick(tape, t, 62 + n % 2 * 3, PLACE(0.35, n & 1 ? 0.3 : -0.3, 0.1));
}
static void music(struct tape *tape, int version) {
    struct beat dawn = {0.2, 1.1, 0};
    play_part(tape, dawn, "c4+g4+e5 - - - a3+e4+c5 - f3+c4+a4 -", play_pad, 0.3, PLACE(0.5, 0, 0.6));
    play_bell_part(tape, (struct beat){0.4, 0.55, 0}, "g5 . e5 . c6 . . b5 . g5 . . a5 . e5 .", 2.6, PLACE(0.28, 0.25, 0.6));
    struct beat glide = {9.0, 0.24, 0};
    for (int bar = 0; bar < 4; bar++) {
        static const char *const run[4] = {"c4 g4 c5 e5 g5 e5 c5 g4 c4 g4 c5 e5 g5 e5 c5 g4", "a3 e4 a4 c5 e5 c5 a4 e4 a3 e4 a4 c5 e5 c5 a4 e4", "f3 c4 f4 a4 c5 a4 f4 c4 f3 c4 f4 a4 c5 a4 f4 c4", "g3 d4 g4 b4 d5 b4 g4 d4 g3 d4 g4 b4 d5 f5 d5 b4"};
        static const char *const low[4] = {"c2 - - - - - - - c2 - - - g1 - - -", "a1 - - - - - - - a1 - - - e2 - - -", "f1 - - - - - - - f1 - - - c2 - - -", "g1 - - - - - - - g1 - - - d2 - - -"};
        static const char *const song[4] = {"e5 - - - g5 - - - c6 - - - b5 - g5 -", "a5 - - - - - e5 - c5 - - - e5 - - -", "f5 - - - a5 - - - c6 - - - a5 - f5 -", "g5 - - - - - - - d5 - - - b4 - - -"};
        struct beat b = {glide.start + bar * 16 * glide.step, glide.step, 0};
        play_pluck_part(tape, b, run[bar], 1.1, PLACE(0.55, wave(bar * 0.3) * 0.4, 0.3));
        play_part(tape, b, low[bar], play_bass, 0.2, PLACE(0.45, 0, 0));
        play_part(tape, b, song[bar], play_strings, 0.45, PLACE(0.38, 0.15, 0.5));
        play_drum(tape, b, "x . o . x . o . x . o . x . o o", play_shaker, PLACE(0.35, 0.35, 0.1));
        if (bar > 0) play_drum(tape, b, "X . . . . . x . X . . . . . x .", play_taiko, PLACE(0.3, 0, 0.3));
    }
    play_part(tape, (struct beat){24.4, 0.6, 0}, "c4+e4+g4+c5 - - - - -", play_pad, 0.35, PLACE(0.5, 0, 0.6));
    play_bell_part(tape, (struct beat){24.4, 0.4, 0}, "c6 g5 e5 c5 . g5 . .", 2.8, PLACE(0.3, 0.2, 0.6));
}

static const struct caption captions[] = {
    {0.9, 4.0, {"[wind over new snow]", "[Wind über Neuschnee]", "[风掠过新雪]", "[ลมพัดเหนือหิมะใหม่]"}},
    {4.4, 8.4, {"Nobody has written on it yet.", "Noch hat niemand darauf geschrieben.", "上面还没有任何字迹。", "ยังไม่มีใครเขียนอะไรลงไป"}},
    {9.2, 13.0, {"[edges bite, turn by turn]", "[Kanten greifen, Schwung um Schwung]", "[板刃咬雪，一弯又一弯]", "[คมสกีจิกหิมะ โค้งแล้วโค้งเล่า]"}},
    {13.6, 18.2, {"A line is only what you dared, drawn.", "Eine Linie ist nur gezeichneter Mut.", "所谓线条，不过是画出来的勇气。", "เส้นคือความกล้าที่ถูกวาดออกมา"}},
    {22.0, 26.6, {"By noon the sun will read it, and forget.", "Bis Mittag liest die Sonne sie, und vergisst.", "到了正午，太阳会读完它，然后忘记。", "พอเที่ยง ดวงอาทิตย์จะอ่านมัน แล้วก็ลืม"}},
};

const struct film film_slope = {
    .about = {
        .name = "first-line",
        .titles = {"First Light, First Line", "Erstes Licht, erste Linie", "第一道光，第一道线", "แสงแรก เส้นแรก"},
        .synopses = {
            "A slope at dawn, and a skier who signs it. Seen from high above, where turns become handwriting.",
            "Ein Hang im Morgengrauen und eine Skifahrerin, die ihn unterschreibt. Von hoch oben gesehen, wo Schwünge zur Handschrift werden.",
            "黎明的雪坡，一位滑雪者在上面签下自己的名字。从高处俯瞰，弯道成了笔迹。",
            "ลาดเขายามรุ่งสาง กับนักสกีผู้ลงลายเซ็น มองจากเบื้องสูงที่ซึ่งวงเลี้ยวกลายเป็นลายมือ",
        },
        .genres = {"sport", "animation", "short"}, .year = 2025, .seconds = 28,
    },
    .paint = paint,
    .finish = {.bloom = 0.12, .vignette = 0.16, .grain = 1.0},
    .music = music, .effects = effects,
    .tracks = {{"Music and effects", true, true, 0}},
    .master = {.hall_seconds = 2.2, .hall_gain = 0.6, .fade_in = 0.6, .fade_out = 2.0, .loudness = -16},
    CAPTIONS(captions),
    .poster = {.at = 12.5, .focus = {880, 400}, .zoom = 1.0, .title = {.family = "Noto Sans Display", .is_bold = true, .leading = 0.9, .align = LEFT},
               .ink = RGB(0x16233f), .scrim = {0.95f, 0.97f, 1.0f, 0.75f}, .words = "First Light,\nFirst Line"},
};
