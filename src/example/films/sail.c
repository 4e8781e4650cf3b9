/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * "Sea Room": sails against a slow swell. Paper, ink blue, one orange: a woodcut that moves. */
#include "example/film.h"

static const struct colour paper = RGB(0xf5ead6), ink = RGB(0x14304f), sea[6] = {RGB(0x9fc6c4), RGB(0x6fa9b4), RGB(0x4688a3), RGB(0x2d6a8c), RGB(0x1f4f73), RGB(0x143a5a)},
                          orange = RGB(0xf0633a), gold = RGB(0xf4b24a), foam = RGB(0xfdf6e6);

/* Height of the water on layer k (0 far) at x, in units; three Gerstner-like trains. */
static double swell(int k, double x, double t, double rough) {
    double size = 1 + 0.55 * k;
    double a = wave(x / (310 * size) - t * 0.16 + k * 0.37), b = wave(x / (137 * size) - t * 0.27 + k * 0.61), d = wave(x / (71 * size) + t * 0.19);
    return -rough * size * (9 * a + 4.2 * b * (0.6 + 0.4 * a) + 1.6 * d);
}
static double level(int k) { return 372 + 12 * k + 12.5 * k * k; }

static void water_layer(struct canvas *c, int k, double t, double pan, double rough, struct colour tint, double tinted) {
    double shift = pan * (0.15 + 0.19 * k);
    cairo_move_to(c->cr, -20, 730);
    for (int x = -20; x <= 1300; x += 10) cairo_line_to(c->cr, x, level(k) + swell(k, x + shift, t, rough));
    cairo_line_to(c->cr, 1300, 730);
    cairo_close_path(c->cr);
    struct colour top = blend(sea[k], tint, tinted);
    fill_between(c, vec2(0, level(k) - 20 - 8 * k), blend(top, foam, 0.16), vec2(0, level(k) + 90 + 40 * k), darker(top, 0.25));
    for (int line = 0; line < 3; line++) { /* engraved lines under the crest */
        double drop = (7 + 11.0 * line) * (1 + 0.35 * k);
        for (int piece = 0; piece < 9; piece++) {
            double from = 1500 * fract(hash3((uint32_t)piece, (uint32_t)line, (uint32_t)k) - shift / 1500) - 110, length = (50 + 90 * hash3((uint32_t)piece, (uint32_t)line, (uint32_t)k + 40)) * (1 + 0.25 * k);
            cairo_move_to(c->cr, from, level(k) + swell(k, from + shift, t, rough) + drop);
            for (double x = from; x < from + length; x += 10) cairo_line_to(c->cr, x, level(k) + swell(k, x + shift, t, rough) + drop + 3 * sin((x - from) / length * TAU / 2));
            stroke(c, with_alpha(line ? darker(top, 0.35) : foam, line ? 0.4 : 0.55), 1.1 + 0.5 * k);
        }
    }
}

static void gulls(struct canvas *c, double t, int count) {
    for (int i = 0; i < count; i++) {
        double x = fract(hash1((uint32_t)i + 3) + t * (0.010 + 0.008 * hash1((uint32_t)i))) * 1400 - 60, y = 90 + 170 * hash1((uint32_t)i + 6) + 14 * wave(t * 0.2 + hash1((uint32_t)i)), s = 9 + 9 * hash1((uint32_t)i + 9);
        double flap = hash1((uint32_t)i + 12) > 0.4 ? wave(t * 1.3 + hash1((uint32_t)i)) * 0.5 : 0.15;
        cairo_move_to(c->cr, x - s, y - s * flap);
        cairo_curve_to(c->cr, x - s * 0.5, y - s * (0.55 + flap), x - s * 0.2, y - s * 0.2, x, y);
        cairo_curve_to(c->cr, x + s * 0.2, y - s * 0.2, x + s * 0.5, y - s * (0.55 + flap), x + s, y - s * flap);
        stroke(c, with_alpha(ink, 0.8), 2);
    }
}

/* A boat that sits on layer k at x, scaled by size. `heel` leans it; `kite` is how far the spinnaker is up. */
static void boat(struct canvas *c, int k, double x, double t, double pan, double rough, double size, double heel, double kite, struct colour sail, struct colour kite_colour, int number) {
    double shift = pan * (0.15 + 0.19 * k), h = level(k), here = swell(k, x + shift, t, rough), slope = atan((swell(k, x + shift + 40 * size, t, rough) - swell(k, x + shift - 40 * size, t, rough)) / (80 * size));
    cairo_save(c->cr);
    cairo_translate(c->cr, x, h + here + 4 * size);
    cairo_rotate(c->cr, 0.45 * slope + heel + 0.02 * wave(t * 0.21 + number * 0.3));
    cairo_scale(c->cr, size, size);
    double belly = 1 + 0.06 * wave(t * 0.5 + number);
    if (kite > 0.01) { /* spinnaker: a big balloon forward */
        cairo_move_to(c->cr, 8, -212);
        cairo_curve_to(c->cr, 40 + 120 * kite * belly, -214, 60 + 130 * kite * belly, -80, 112 * kite + 12, -26);
        cairo_curve_to(c->cr, 60 * kite + 10, -44, 20 + 30 * kite, -100, 8, -212);
        fill_between(c, vec2(20, -200), kite_colour, vec2(150, -40), darker(kite_colour, 0.22));
        for (int i = 1; i < 4; i++) {
            double q = i / 4.0;
            cairo_move_to(c->cr, 8, -212);
            cairo_curve_to(c->cr, 30 + 110 * kite * belly * q, -200, 40 + 125 * kite * belly * q, -90, 20 + 100 * kite * q, -34 + 4 * q);
            stroke(c, with_alpha(foam, 0.55), 1.4);
        }
    } else { /* jib */
        cairo_move_to(c->cr, 6, -176);
        cairo_curve_to(c->cr, 22 * belly, -110, 40 * belly, -60, 78, -20);
        cairo_curve_to(c->cr, 44, -26, 20, -26, 2, -24);
        cairo_close_path(c->cr);
        fill_between(c, vec2(0, -170), sail, vec2(70, -20), darker(sail, 0.14));
    }
    cairo_move_to(c->cr, -3, -224);
    cairo_curve_to(c->cr, -46 * belly, -150, -76 * belly, -80, -92, -30);
    cairo_line_to(c->cr, -3, -26);
    cairo_close_path(c->cr);
    fill_between(c, vec2(-80, -120), darker(sail, 0.06), vec2(0, -120), sail);
    for (int i = 1; i < 5; i++) {
        double q = i / 5.0;
        path_line(c, vec2(-3, -224 + 198 * q), vec2(-3 - 80 * pow(q, 0.85) * belly, -224 + 198 * q + 4));
    }
    stroke(c, with_alpha(ink, 0.16), 1);
    path_line(c, vec2(0, -228), vec2(0, -16));
    stroke(c, ink, 3.4);
    path_line(c, vec2(0, -27), vec2(-94, -29));
    stroke(c, ink, 2.6);
    cairo_move_to(c->cr, -112, -20);
    cairo_line_to(c->cr, 108, -22);
    cairo_curve_to(c->cr, 90, 6, 50, 12, 0, 12);
    cairo_curve_to(c->cr, -60, 12, -96, 4, -112, -20);
    fill_between(c, vec2(0, -22), ink, vec2(0, 12), darker(ink, 0.5));
    path_line(c, vec2(-106, -14), vec2(100, -16));
    stroke(c, kite_colour, 2.4);
    for (int i = 0; i < 3; i++) { /* crew on the rail */
        double cx = -70 + 26 * i, lean = heel * 18;
        path_limb(c, vec2(cx + lean, -36), 6, vec2(cx, -22), 6);
        fill(c, i == 1 ? orange : gold);
        disc(c, 0, 0, 0, ink);
        path_circle(c, cx + lean * 1.3, -46, 5);
        fill(c, ink);
    }
    for (int i = 0; i < 18; i++) { /* bow wave */
        double age = fract(hash1((uint32_t)(i + number * 30)) + t * 0.9), bx = 104 - 210 * age, by = 6 - 20 * age * (1 - age) * (0.5 + hash1((uint32_t)i + 3));
        path_circle(c, bx, by, 2 + 5 * (1 - age) * hash1((uint32_t)i + 9));
    }
    fill(c, with_alpha(foam, 0.85));
    cairo_restore(c->cr);
}

static void sun_sky(struct canvas *c, double t, double low, double storm) {
    SKY(c, {0, blend(paper, RGB(0x8fa3ad), storm)}, {250, blend(RGB(0xf7dfb8), RGB(0xa9b3b0), storm)}, {400, blend(RGB(0xf6c89a), RGB(0xc9c3b0), storm)}, {420, paper});
    double x = 880 - 6 * t, y = 190 + low;
    for (int i = 5; i >= 1; i--) { /* rings, as a print would show them */
        path_circle(c, x, y, 62 + 44.0 * i + 4 * wave(t * 0.1 + i * 0.2));
        fill(c, with_alpha(gold, 0.075));
    }
    path_circle(c, x, y, 66);
    fill(c, blend(orange, paper, storm * 0.6));
    for (int i = 0; i < 12; i++) { /* clouds of parallel strokes */
        double cy = 70 + 23 * i + 8 * hash1((uint32_t)i), cx = fract(hash1((uint32_t)i + 20) + t * 0.006 * (1 + storm)) * 1700 - 200, w = 120 + 260 * hash1((uint32_t)i + 30) * (0.6 + storm);
        streak(c, cx, cy, cx + w, cy, 5 + 6 * storm, with_alpha(foam, 0.65));
        streak(c, cx + 40, cy + 9, cx + w * 0.8, cy + 9, 3, with_alpha(foam, 0.5));
    }
}

static void paint(struct canvas *c, double t, const void *state) {
    cairo_save(c->cr);
    double storm = hump(t, 8, 12, 17, 21), rough = 0.75 + 1.5 * storm, pan = 46 * t + 260 * ramp(t, 9, 20), heel = 0.05 + 0.17 * storm + 0.03 * wave(t * 0.13);
    double zoom = KEYS(t, {0, 1.0}, {5, 1.06}, {9, 1.45}, {13, 1.6}, {18, 1.2}, {24, 1.0}, {27, 1.0}), lift = KEYS(t, {0, 0}, {9, 60}, {13, 70}, {20, 0}, {27, -20});
    double roll = 0.035 * storm * wave(t * 0.16);
    cairo_translate(c->cr, 640, 400);
    cairo_rotate(c->cr, roll);
    cairo_scale(c->cr, zoom * (1 + fabs(roll)), zoom * (1 + fabs(roll)));
    cairo_translate(c->cr, -640, -400 - lift);
    double kite = fade(t, 19.6, 21.6);
    sun_sky(c, t, 0.6 * t + 30, storm);
    gulls(c, t, 11);
    for (int k = 0; k < 6; k++) {
        if (k == 0)
            for (int i = 0; i < 5; i++) boat(c, 0, 190 + 240 * i + 30 * hash1((uint32_t)i) + 9 * t * (hash1((uint32_t)i + 4) - 0.4), t, pan, rough, 0.13, heel * 0.5, kite, paper, i & 1 ? gold : orange, i + 10);
        if (k == 2)
            for (int i = 0; i < 3; i++) boat(c, 2, 150 + 400 * i + 17 * (t - 8) * (0.4 + 0.3 * i), t, pan, rough, 0.36, heel * 0.8, fade(t, 20.2 + 0.5 * i, 22 + 0.5 * i), paper, i == 1 ? RGB(0x2f9c95) : gold, i + 4);
        if (k == 4) {
            boat(c, 4, KEYS(t, {0, 240}, {9, 470}, {18, 560}, {27, 760}), t, pan, rough, 1.12, heel, kite, foam, orange, 1);
            if (t > 6) boat(c, 4, KEYS(t, {6, 1560}, {12, 1180}, {19, 1010}, {27, 330}), t, pan, rough, 0.92, heel * 0.9, fade(t, 21.4, 23.2), paper, RGB(0x2f9c95), 2);
        }
        water_layer(c, k, t, pan, rough, RGB(0x4a5a62), 0.45 * storm);
    }
    if (storm > 0.05)
        for (int i = 0; i < 70; i++) { /* spray over everything */
            double age = fract(hash1((uint32_t)i + 50) + t * 0.8), x = 1400 * hash2((uint32_t)i, (uint32_t)(hash1((uint32_t)i + 50) + t * 0.8)) - 60 - 300 * age, y = 640 - 420 * age * (1 - age) * (0.6 + hash1((uint32_t)i + 70)) - 40;
            disc(c, x, y, 2 + 4.5 * hash1((uint32_t)i + 90), with_alpha(foam, 0.8 * storm * (1 - age)));
        }
    cairo_restore(c->cr);
    struct lettering title = {.family = "Noto Serif Display", .size = 104, .is_bold = true, .spacing = 0.02, .align = LEFT};
    title_card(c, "Sea Room", &title, 96, 70, ink, t, 0.8, 4.8);
}

static double gale(double t, const void *user) { return KEYS(t, {0, 0.2}, {7, 0.3}, {12, 1}, {17, 0.9}, {21, 0.3}, {27, 0.15}); }
static void effects(struct tape *tape) {
    sound_surf(tape, 0, 27, 5.2, PLACE(0.34, 0, 0.1));
    sound_wind(tape, 0, 27, gale, NULL, PLACE(0.35, 0, 0.1));
    for (int i = 0; i < 9; i++) sound_splash(tape, 8.5 + 1.2 * i + 0.4 * hash1((uint32_t)i), 0.9, PLACE(0.4, 1.2 * hash1((uint32_t)i + 2) - 0.6, 0.2));
    for (int i = 0; i < 6; i++) /* gulls */
        for (int n = 0; n < 3; n++) play_lead(tape, 0.8 + 1.1 * i + 0.24 * n + 14 * (i > 3), 0.12, 86 - 2 * n + i % 3, 0.4, PLACE(0.05, 0.5 - 0.2 * i, 0.5));
    sound_whoosh(tape, 19.7, 1.2, -0.3, 0.3, 0.8);
    sound_step(tape, 20.9, 1, PLACE(0.9, 0, 0.2));
}
static void music(struct tape *tape, int version) {
    struct beat jig = {0.6, 0.235, 0};
    play_pluck_part(tape, jig, "d4 a4 d5 f#4 a4 d5 | d4 a4 e5 f#4 a4 f#5 | g4 b4 d5 g4 b4 e5 | a4 c#5 e5 a4 e5 d5", 1.8, PLACE(0.8, -0.25, 0.3));
    play_pluck_part(tape, jig, "d3 - - - - - | d3 - - - - - | g2 - - - - - | a2 - - - - -", 2.6, PLACE(1.0, 0.1, 0.2));
    play_part(tape, (struct beat){0.6, 1.41, 0}, "d3+a3 - - - - - g2+d3+b3 a2+e3+c#4", play_strings, 0.2, PLACE(0.3, 0, 0.6));
    play_part(tape, (struct beat){6.25, 0.47, 0}, "a4 - - d5 - - f#5 - e5 d5 - -", play_strings, 0.5, PLACE(0.42, 0.2, 0.5));
    struct beat storm = {8.4, 0.1958, 0};
    for (int bar = 0; bar < 5; bar++) {
        static const char *const low[5] = {"b1 - - b1 - - b1 - - b1 - -", "g1 - - g1 - - g1 - - g1 - -", "e2 - - e2 - - e2 - - e2 - -", "f#1 - - f#1 - - f#1 - - a#1 - -", "b1 - - b1 - - a1 - - a1 - -"};
        static const char *const run[5] = {"b3 d4 f#4 b4 f#4 d4 b3 d4 f#4 c#5 f#4 d4", "b3 d4 g4 b4 g4 d4 b3 d4 g4 d5 g4 d4", "b3 e4 g4 b4 g4 e4 b3 e4 g4 c#5 g4 e4", "a#3 c#4 f#4 a#4 f#4 c#4 a#3 c#4 f#4 c#5 f#4 e4", "b3 d4 f#4 b4 f#4 d4 c#4 e4 a4 c#5 a4 e4"};
        struct beat here = {storm.start + bar * 12 * storm.step, storm.step, 0};
        play_pluck_part(tape, here, run[bar], 0.9, PLACE(0.75, wave(bar * 0.4) * 0.4, 0.25));
        play_part(tape, here, low[bar], play_bass, 0.3, PLACE(0.55, 0, 0));
        play_part(tape, here, low[bar], play_strings, 0.5, PLACE(0.5, 0, 0.3));
        play_drum(tape, here, "X . . o . o x . . o o o", play_taiko, PLACE(0.62, 0, 0.3));
    }
    struct beat home = {20.2, 0.25, 0};
    play_pluck_part(tape, home, "d4 f#4 a4 d5 a4 f#4 g4 b4 d5 g5 d5 b4 a4 c#5 e5 a5 e5 c#5 d4+a4+d5+f#5", 2.6, PLACE(0.8, -0.2, 0.3));
    play_part(tape, (struct beat){20.2, 1.5, 0}, "d3+a3+f#4 g3+b3+d4 a3+c#4+e4 d3+a3+d4+f#4", play_strings, 0.55, PLACE(0.5, 0, 0.5));
    play_part(tape, (struct beat){20.2, 0.5, 0}, "f#5 - a5 b5 - d6 c#6 - e6 d6 - -", play_strings, 0.6, PLACE(0.35, 0.3, 0.6));
    play_part(tape, (struct beat){20.2, 1.5, 0}, "d2 g1 a1 d2", play_bass, 0.15, PLACE(0.5, 0, 0));
}

static const struct caption captions[] = {
    {0.9, 4.6, {"[swell, gulls]", "[Dünung, Möwen]", "[涌浪，海鸥]", "[คลื่นเอื่อย นกนางนวล]"}},
    {5.0, 8.2, {"Sea room: space enough to be wrong once.", "Seeraum: Platz genug, sich einmal zu irren.", "海上余地：大到足以犯一次错。", "ที่ว่างกลางทะเล กว้างพอให้พลาดได้หนึ่งครั้ง"}},
    {9.0, 12.4, {"Then the wind asks again, louder.", "Dann fragt der Wind noch einmal, lauter.", "随后风又问了一遍，声音更大。", "แล้วลมก็ถามอีกครั้ง ดังกว่าเดิม"}},
    {13.0, 17.0, {"[rigging sings, spray on the deck]", "[die Takelage singt, Gischt an Deck]", "[索具作响，浪花扑上甲板]", "[เชือกระโยงครวญ ละอองคลื่นซัดดาดฟ้า]"}},
    {19.8, 22.6, {"Kite up!", "Spi hoch!", "升球帆！", "ชักใบบอลลูนขึ้น!"}},
    {23.0, 26.2, {"And the whole sea turns downhill.", "Und das ganze Meer geht bergab.", "整片大海，都成了下坡。", "แล้วทะเลทั้งผืนก็กลายเป็นทางลาด"}},
};

const struct film film_sail = {
    .about = {
        .name = "sea-room",
        .titles = {"Sea Room", "Seeraum", "海上余地", "ที่ว่างกลางทะเล"},
        .synopses = {
            "A regatta as a moving woodcut: a calm, a squall, and the minute in which the coloured sails go up.",
            "Eine Regatta als bewegter Holzschnitt: eine Flaute, eine Bö und die Minute, in der die bunten Segel steigen.",
            "如同会动的木刻版画般的帆船赛：一段平静，一阵疾风，以及彩帆升起的那一刻。",
            "การแข่งเรือใบในรูปแบบภาพพิมพ์แกะไม้ที่เคลื่อนไหวได้ ทะเลสงบ ลมกระโชก และนาทีที่ใบเรือหลากสีถูกชักขึ้น",
        },
        .genres = {"sport", "animation", "short"}, .year = 2024, .seconds = 27,
    },
    .paint = paint,
    .finish = {.bloom = 0.05, .vignette = 0.22, .grain = 1.6},
    .music = music, .effects = effects,
    .tracks = {{"Music and effects", true, true, 0}},
    .master = {.hall_seconds = 1.8, .hall_gain = 0.6, .fade_in = 0.5, .fade_out = 2.0, .loudness = -16},
    CAPTIONS(captions),
    .poster = {.at = 24.2, .focus = {680, 360}, .zoom = 1.0, .title = {.family = "Noto Serif Display", .is_bold = true, .leading = 0.86, .align = LEFT},
               .ink = RGB(0x14304f), .scrim = {0.97f, 0.90f, 0.78f, 0.7f}, .words = "Sea\nRoom"},
};
