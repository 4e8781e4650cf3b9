/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * "Forty-Two": a city wakes up while people run through it. Rose, apricot and slate; five layers of parallax. */
#include <stdio.h>

#include "example/film.h"

/* How far the day is: 0 is before dawn, 1 the full sun. */
static struct colour at_hour(struct colour night, struct colour dawn, struct colour day, double hour) {
    return hour < 0.5 ? blend(night, dawn, hour * 2) : blend(dawn, day, hour * 2 - 1);
}

static void sky(struct canvas *c, double hour, struct vec2 sun) {
    SKY(c, {0, at_hour(RGB(0x1b2447), RGB(0x5b6aa8), RGB(0x7fb4de), hour)}, {230, at_hour(RGB(0x3c3a6b), RGB(0xc88ca6), RGB(0xbfdcea), hour)},
        {430, at_hour(RGB(0x8a5a7c), RGB(0xffb48a), RGB(0xffe8c8), hour)}, {520, at_hour(RGB(0xb5707a), RGB(0xffd9a0), RGB(0xfff4dc), hour)});
    glow(c, sun.x, sun.y, 620, RGB(0xffb070), 0.55 * ramp(hour, 0.15, 0.5));
    glow(c, sun.x, sun.y, 210, RGB(0xffe2a8), 0.9 * ramp(hour, 0.2, 0.6));
    disc(c, sun.x, sun.y, 46, blend(RGB(0xff9a6b), RGB(0xfff6d8), hour));
    for (int i = 0; i < 7; i++) { /* long thin clouds */
        double y = 70 + 46 * i + 20 * hash1((uint32_t)i), x = 1500 * fract(hash1((uint32_t)i + 9) + 0.004 * (double)(i + 2)) - 140;
        path_oval(c, x, y, 170 + 150 * hash1((uint32_t)i + 3), 5 + 5 * hash1((uint32_t)i + 5), 0.01);
        fill(c, with_alpha(at_hour(RGB(0x6d5a8a), RGB(0xffc0a0), RGB(0xffffff), hour), 0.35));
    }
}

/* A row of houses; `pan` in units of this layer. */
static void skyline(struct canvas *c, double pan, double base, double tall, double wide, uint32_t seed, struct colour body, struct colour window, double lit) {
    int first = (int)floor(pan / wide) - 1;
    for (int k = first; k < first + (int)(1280 / wide) + 4; k++) {
        double own = hash2((uint32_t)k, seed), x = k * wide - pan, w = wide * (0.72 + 0.5 * hash2((uint32_t)k, seed + 1)), h = tall * (0.35 + 0.65 * own * own + 0.12 * hash2((uint32_t)k, seed + 2));
        double kind = hash2((uint32_t)k, seed + 3), top = base - h;
        cairo_rectangle(c->cr, x, top, w, h + 60);
        if (kind > 0.72) { /* a spire */
            cairo_move_to(c->cr, x + w * 0.3, top + 1);
            cairo_line_to(c->cr, x + w * 0.5, top - h * 0.32);
            cairo_line_to(c->cr, x + w * 0.7, top + 1);
        } else if (kind > 0.5) cairo_rectangle(c->cr, x + w * 0.2, top - h * 0.08, w * 0.4, h * 0.1);
        else if (kind > 0.4) path_circle(c, x + w / 2, top, w * 0.36);
        fill_between(c, vec2(0, base - tall), body, vec2(0, base + 30), blend(body, RGB(0xffc9a8), 0.35));
        if (lit > 0.02 && tall > 150)
            for (int wy = 0; wy < (int)(h / 17) - 1; wy++)
                for (int wx = 0; wx < (int)(w / 15) - 1; wx++)
                    if (hash3((uint32_t)(k * 64 + wx), (uint32_t)wy, seed + 4) < 0.16 * lit) {
                        cairo_rectangle(c->cr, x + 8 + wx * 15, top + 10 + wy * 17, 5.5, 8);
                        fill(c, with_alpha(window, 0.85));
                    }
    }
}

static const struct colour shirts[] = {RGB(0xe4572e), RGB(0x17bebb), RGB(0xffc914), RGB(0xf4f1ea), RGB(0x76b041), RGB(0x9d4edd), RGB(0xff8fa3), RGB(0x3a86ff)};
static const struct colour skins[] = {RGB(0x5a3a2c), RGB(0x8d5a3f), RGB(0xc98f6b), RGB(0xe0b08e), RGB(0x45291f)};

static void runner(struct canvas *c, double x, double y, double height, uint32_t who, double t, double hour, struct vec2 sun) {
    double pace = 0.66 + 0.09 * hash1(who + 3);
    struct figure f = figure_run(vec2(x, y), height * (0.92 + 0.16 * hash1(who)), t * 2.0 * pace + hash1(who + 7), 0.12 + 0.3 * hash1(who + 8));
    double shade = 0.62 * (1 - hour);
    struct kit kit = {.skin = darker(skins[hash_bits(who, 1, 0) % 5], shade), .vest = darker(shirts[hash_bits(who, 2, 0) % 8], shade * 0.8), .shorts = darker(RGB(0x2b2d42), shade * 0.6),
                      .shoes = darker(shirts[hash_bits(who, 3, 0) % 8], shade * 0.5), .hair = RGB(0x1c1420), .far_dark = 0.35, .has_ponytail = hash1(who + 9) > 0.55};
    double side = sun.x > x ? 1 : -1;
    kit.rim = with_alpha(RGB(0xffd6a0), 0.85 * ramp(hour, 0.1, 0.5));
    kit.rim_from = vec2(side * height * 0.012, -height * 0.012);
    path_oval(c, x - side * height * 0.55 * ramp(hour, 0.1, 0.6), y + 2, height * (0.25 + 0.5 * ramp(hour, 0.1, 0.6)), height * 0.03, 0);
    fill(c, with_alpha(RGB(0x2a1a35), 0.3));
    figure_draw(c, &f, &kit);
}

/* Shot: the street from the side. `crowd` people per layer. */
static void street(struct canvas *c, double t, double hour, double pan, int crowd, bool has_river) {
    struct vec2 sun = vec2(930 - pan * 0.012, mix(520, 300, ramp(hour, 0.1, 1)));
    double lit = 1 - ramp(hour, 0.15, 0.6);
    sky(c, hour, sun);
    skyline(c, pan * 0.10, 470, 250, 74, 1, at_hour(RGB(0x4b4577), RGB(0xb98aa8), RGB(0xb9cddd), hour), RGB(0xffd9a0), 0);
    skyline(c, pan * 0.22, 490, 300, 118, 2, at_hour(RGB(0x343261), RGB(0x8a6c98), RGB(0x8fa9c4), hour), RGB(0xffd27a), lit);
    canvas_settle(c);
    if (has_river) {
        cairo_rectangle(c->cr, 0, 470, 1280, 80);
        fill_between(c, vec2(0, 470), at_hour(RGB(0x7a5a80), RGB(0xffc29a), RGB(0xcfe6ee), hour), vec2(0, 550), at_hour(RGB(0x2c2c58), RGB(0x8f6f9c), RGB(0x7fb0c8), hour));
        for (int i = 0; i < 60; i++) {
            double y = 474 + 74 * hash1((uint32_t)i + 60), near = (y - 470) / 80, x = sun.x + (hash1((uint32_t)i + 5) - 0.5) * (120 + 480 * near) + 8 * wave(t * 0.4 + i * 0.2);
            glow_oval(c, x, y, 20 + 34 * near, 2.4, RGB(0xffe6b8), 0.7 * ramp(hour, 0.1, 0.5) * (0.5 + 0.5 * wave(t * 0.7 + i * 0.31)));
        }
        canvas_settle(c);
        double span = 640; /* a suspension bridge goes by: the runners are on it */
        for (int k = -1; k < 4; k++) {
            double x = k * span - fmod(pan * 0.6, span);
            cairo_rectangle(c->cr, x - 11, 170, 22, 390);
            cairo_rectangle(c->cr, x - 24, 240, 48, 12);
            fill(c, at_hour(RGB(0x251f45), RGB(0x8f3f4f), RGB(0xc2543f), hour));
            cairo_move_to(c->cr, x, 176);
            cairo_curve_to(c->cr, x + span * 0.28, 520, x + span * 0.72, 520, x + span, 176);
            stroke(c, at_hour(RGB(0x251f45), RGB(0x8f3f4f), RGB(0xc2543f), hour), 6);
            for (int i = 1; i < 20; i++) {
                double q = i / 20.0, y = 176 + 258 * 4 * q * (1 - q) * 0.99;
                path_line(c, vec2(x + span * q, y), vec2(x + span * q, 545));
            }
            stroke(c, with_alpha(at_hour(RGB(0x251f45), RGB(0x8f3f4f), RGB(0xc2543f), hour), 0.7), 1.6);
        }
    } else {
        skyline(c, pan * 0.45, 540, 390, 210, 3, at_hour(RGB(0x1f1d42), RGB(0x5e4a78), RGB(0x6a8098), hour), RGB(0xffc46b), lit);
        for (int i = -1; i < 12; i++) { /* trees along the street */
            double x = i * 150 - fmod(pan * 0.62, 150);
            uint32_t tree = (uint32_t)(i + (int)floor(pan * 0.62 / 150));
            cairo_rectangle(c->cr, x - 3, 470, 6, 90);
            fill(c, at_hour(RGB(0x17142c), RGB(0x3d2c44), RGB(0x5b4636), hour));
            for (int b = 0; b < 4; b++) path_circle(c, x + 34 * (hash2(tree, (uint32_t)b) - 0.5), 452 - 14 * b + 12 * hash2(tree, (uint32_t)b + 9), 27 + 8 * hash2(tree, (uint32_t)b + 4));
            fill(c, at_hour(RGB(0x1a2440), RGB(0x53526b), RGB(0x7d9a5f), hour));
        }
    }
    cairo_rectangle(c->cr, 0, 545, 1280, 180);
    fill_between(c, vec2(0, 545), at_hour(RGB(0x332d55), RGB(0x9c7788), RGB(0xc9bfb4), hour), vec2(0, 720), at_hour(RGB(0x17152f), RGB(0x4d3f5e), RGB(0x8d8a90), hour));
    for (int i = -1; i < 9; i++) { /* the blue line of the ideal course */
        double x = i * 180 - fmod(pan * 1.0, 180);
        streak(c, x, 640, x + 110, 640, 6, with_alpha(RGB(0x5bc0ff), 0.5));
    }
    for (int layer = 0; layer < 3; layer++)
        for (int k = 0; k < crowd; k++) {
            uint32_t who = (uint32_t)(layer * 40 + k);
            double y = 585 + 46 * layer + 16 * hash1(who + 50), drift = 26 * noise2(t * 0.12, who, 31) + 30 * t * (hash1(who + 21) - 0.5);
            double x = 1440 * ((k + 0.6 * hash1(who + 40)) / crowd) - 80 + drift;
            runner(c, x, y, 118 + 26 * layer, who, t, hour, sun);
        }
}

/* Shot: straight at us out of the sun, long lens. */
static void towards(struct canvas *c, double t, double from) {
    double now = t - from, hour = 0.62;
    sky(c, hour, vec2(640, 400));
    for (int side = -1; side <= 1; side += 2) /* a canyon of houses */
        for (int k = 7; k >= 0; k--) {
            double near = 1.0 / (0.22 + k * 0.30 - fmod(now * 0.05, 0.30)), x = 640 + side * (120 + 150 * near), w = 150 * near, h = 200 * near * (0.7 + 0.6 * hash2((uint32_t)k, (uint32_t)(side + 3)));
            cairo_rectangle(c->cr, side > 0 ? x : x - w, 500 - h, w, h + 400);
            fill(c, blend(RGB(0x3d2f58), RGB(0xffc79a), ramp(k, 0, 9)));
        }
    cairo_move_to(c->cr, 560, 470);
    cairo_line_to(c->cr, 720, 470);
    cairo_line_to(c->cr, 1500, 730);
    cairo_line_to(c->cr, -220, 730);
    fill_between(c, vec2(0, 470), RGB(0xffcf9c), vec2(0, 720), RGB(0x6d5470));
    glow(c, 640, 430, 520, RGB(0xffc890), 0.8);
    canvas_settle(c);
    for (int k = 26; k >= 0; k--) {
        double z = fract((k + hash1((uint32_t)k + 2)) / 27.0 - now * 0.018 + 1), near = 1.0 / (0.16 + 1.5 * z), x = 640 + (hash1((uint32_t)k + 60) - 0.5) * 420 * near * 0.8, h = 118 * near * 0.8, y = 470 + 62 * near;
        /* head on: legs and arms pump, shoulders sway */
        double turn = now * 1.35 + hash1((uint32_t)k), lift = wave(turn), bob = fabs(wave(turn)) * h * 0.03;
        struct colour vest = blend(shirts[k % 8], RGB(0x3b2748), 0.35 + 0.3 * z), skin = blend(skins[k % 5], RGB(0x3b2748), 0.3 + 0.3 * z);
        y -= bob;
        for (int s = -1; s <= 1; s += 2) {
            double up = fmax(0, s * lift), arm = fmax(0, -s * lift);
            struct vec2 hip = vec2(x + s * 0.045 * h, y - 0.5 * h), knee = vec2(hip.x + s * 0.01 * h, hip.y + (0.25 - 0.10 * up) * h), foot = vec2(knee.x, knee.y + (0.25 - 0.17 * up) * h);
            path_limb(c, hip, 0.055 * h, knee, 0.04 * h);
            path_limb(c, knee, 0.04 * h, foot, 0.026 * h);
            struct vec2 shoulder = vec2(x + s * 0.115 * h, y - 0.79 * h), elbow = vec2(shoulder.x + s * 0.06 * h, shoulder.y + 0.17 * h), hand = vec2(elbow.x - s * 0.07 * h, elbow.y - (0.12 * arm - 0.05) * h);
            path_limb(c, shoulder, 0.033 * h, elbow, 0.025 * h);
            path_limb(c, elbow, 0.025 * h, hand, 0.02 * h);
        }
        path_circle(c, x + 0.012 * h * lift, y - 0.93 * h, 0.062 * h);
        fill(c, skin);
        path_limb(c, vec2(x, y - 0.76 * h), 0.10 * h, vec2(x, y - 0.52 * h), 0.075 * h);
        fill(c, vest);
        cairo_rectangle(c->cr, x - 0.06 * h, y - 0.72 * h, 0.12 * h, 0.085 * h);
        fill(c, with_alpha(RGB(0xfff4e0), 0.85));
        glow_oval(c, x, y - 0.93 * h, 0.10 * h, 0.09 * h, RGB(0xffd9a0), 0.5);
    }
}

static void paint(struct canvas *c, double t, const void *state) {
    cairo_save(c->cr);
    double hour = KEYS(t, {0, 0.0}, {4, 0.14}, {10, 0.42}, {16, 0.62}, {26, 0.95});
    if (t < 9.0) street(c, t, hour, 250 * t, t < 3 ? 3 : 5, false);
    else if (t < 13.6) towards(c, t, 9.0);
    else if (t < 19.6) street(c, t, hour, 260 * t, 6, true);
    else {
        double rise = ease_in_out(ramp(t, 19.6, 26)); /* the camera lifts away from the street */
        cairo_translate(c->cr, 0, 250 * rise);
        street(c, t, hour, 240 * t, 7, false);
    }
    cairo_restore(c->cr);
    struct lettering title = {.family = "Noto Serif Display", .size = 120, .is_bold = true, .align = LEFT};
    title_card(c, "Forty-Two", &title, 90, 120, RGB(0xffe3c4), t, 0.8, 4.4);
    if (!c->is_bare && t > 5.2 && t < 25) { /* kilometres */
        char text[24];
        snprintf(text, sizeof text, "km %.1f", KEYS(t, {5, 0.6}, {9, 9.8}, {13.6, 21.1}, {19.6, 33.4}, {25, 42.2}));
        struct lettering km = {.family = "Noto Sans Display", .size = 30, .is_bold = true, .spacing = 0.03, .align = LEFT};
        letters(c, &km, 90, 64, with_alpha(hour > 0.7 ? RGB(0x33415c) : RGB(0xffe3c4), hump(t, 5.2, 6, 24.2, 25)), text);
    }
}

static double street_noise(double t, const void *user) { return KEYS(t, {0, 0.04}, {6, 0.15}, {9, 0.4}, {13, 0.45}, {19, 0.5}, {24, 0.8}, {26, 0.5}); }
static void effects(struct tape *tape) {
    sound_birds(tape, 0.2, 12, PLACE(0.9, 0, 0.4));
    sound_crowd(tape, 0, 26, street_noise, NULL, PLACE(0.3, 0, 0.5));
    sound_applause(tape, 8.5, 26, street_noise, NULL, PLACE(0.28, 0, 0.3));
    for (double at = 0.6; at < 25.6; at += 0.118) sound_step(tape, at + 0.05 * hash1((uint32_t)(at * 90)), 0.4, PLACE(0.26, 1.6 * hash1((uint32_t)(at * 70)) - 0.8, 0.15));
    sound_wind(tape, 13.4, 20, NULL, NULL, PLACE(0.10, 0, 0.2));
}
/* Version 0: piano and strings. Version 1: the same harmony for plucked strings and hand drums. */
static void music(struct tape *tape, int version) {
    static const char *const chord[7] = {"f3+c4+a4", "d3+a3+f4", "bb2+f3+d4", "c3+g3+e4", "f3+c4+a4", "bb2+f3+d4", "f3+c4+f4+a4"};
    static const char *const figure[7] = {"f4 a4 c5 a4 f4 c5 a4 c5", "d4 f4 a4 f4 d4 a4 f4 a4", "bb3 d4 f4 d4 bb3 f4 d4 f4", "c4 e4 g4 e4 c4 g4 e4 g4", "f4 a4 c5 f5 c5 a4 c5 a4", "bb3 d4 f4 bb4 f4 d4 f4 g4", "f4 a4 c5 f5 - - - -"};
    static const char *const low[7] = {"f2 - - - f2 - - -", "d2 - - - d2 - - -", "bb1 - - - bb1 - - -", "c2 - - - c2 - e2 -", "f2 - - - f2 - - -", "bb1 - - - bb1 - c2 -", "f2 - - - - - - -"};
    static const char *const melody[7] = {". . . . . . . .", "a4 - - - c5 - - -", "d5 - - - - - f5 -", "e5 - - - c5 - g4 -", "a4 - - c5 f5 - - -", "d5 - f5 - g5 - f5 -", "a5 - - - - - - -"};
    for (int bar = 0; bar < 7; bar++) {
        struct beat b = {0.4 + bar * 3.55, 3.55 / 8, 0};
        struct beat half = {b.start, 3.55, 0};
        if (version == 0) {
            play_part(tape, b, figure[bar], play_keys, 0.5, PLACE(0.8, -0.15, 0.35));
            play_part(tape, half, chord[bar], play_strings, 0.15 + 0.06 * bar, PLACE(0.22 + 0.05 * bar, 0, 0.5));
            play_part(tape, b, melody[bar], play_strings, 0.55, PLACE(0.4, 0.25, 0.5));
            play_part(tape, b, low[bar], play_bass, 0.06, PLACE(bar < 1 ? 0.2 : 0.42, 0, 0.1));
        } else {
            struct beat quick = {b.start, 3.55 / 16, 0.12};
            play_pluck_part(tape, b, figure[bar], 1.6, PLACE(0.8, -0.3, 0.25));
            play_pluck_part(tape, b, melody[bar], 2.4, PLACE(0.9, 0.3, 0.3));
            play_pluck_part(tape, b, low[bar], 2.2, PLACE(1.1, 0, 0.15));
            if (bar > 0) {
                play_drum(tape, quick, "X . o x . o x . X . o x . x o o", play_taiko, PLACE(0.28, -0.1, 0.2));
                play_drum(tape, quick, "o x o x o x o x o x o x o x o x", play_shaker, PLACE(0.3, 0.4, 0.1));
                play_drum(tape, quick, ". . . . x . . . . . . . x . . .", play_clap, PLACE(0.25, 0.1, 0.3));
            }
        }
        if (version == 0 && bar >= 2) {
            play_drum(tape, b, "X . . . x . . .", play_kick, PLACE(0.42, 0, 0.05));
            play_drum(tape, b, "o x o x o x o x", play_shaker, PLACE(0.2, 0.4, 0.1));
        }
    }
}

static const struct caption captions[] = {
    {0.8, 4.2, {"[birds, then footsteps]", "[Vögel, dann Schritte]", "[鸟鸣，随后是脚步声]", "[เสียงนก แล้วเสียงฝีเท้า]"}},
    {4.8, 8.6, {"The city gives its streets away for one morning.", "Für einen Morgen verschenkt die Stadt ihre Straßen.", "这个清晨，城市把街道让给了奔跑的人。", "เช้าวันเดียวที่เมืองยกถนนให้ผู้คนวิ่ง"}},
    {9.3, 13.2, {"Nobody here is alone, and everybody is.", "Niemand ist hier allein, und doch ist es jeder.", "这里没有人孤单，却又人人独行。", "ที่นี่ไม่มีใครโดดเดี่ยว แต่ทุกคนก็วิ่งเพียงลำพัง"}},
    {13.9, 16.8, {"[the bridge hums]", "[die Brücke summt]", "[大桥低鸣]", "[สะพานส่งเสียงหึ่งเบา ๆ]"}},
    {17.0, 19.6, {"After thirty kilometres the talking stops.", "Nach dreißig Kilometern hört das Reden auf.", "三十公里之后，再无人说话。", "หลังกิโลเมตรที่สามสิบ ไม่มีใครคุยกันอีก"}},
    {20.2, 24.6, {"What is left is the sun, and the next step.", "Was bleibt, sind die Sonne und der nächste Schritt.", "剩下的，只有太阳和下一步。", "สิ่งที่เหลือคือดวงอาทิตย์ และก้าวต่อไป"}},
};

const struct film film_marathon = {
    .about = {
        .name = "forty-two",
        .titles = {"Forty-Two", "Zweiundvierzig", "四十二公里", "สี่สิบสอง"},
        .synopses = {
            "From the first birds to the full sun: a city marathon in five layers of light. With a second soundtrack for plucked strings and hand drums.",
            "Von den ersten Vögeln bis zur vollen Sonne: ein Stadtmarathon in fünf Schichten Licht. Mit einer zweiten Tonspur für Zupfinstrumente und Handtrommeln.",
            "从第一声鸟鸣到旭日高升：五重光影中的城市马拉松。另附拨弦与手鼓版音轨。",
            "จากเสียงนกตัวแรกจนแดดเต็มฟ้า มาราธอนกลางเมืองในแสงห้าชั้น พร้อมเสียงอีกชุดสำหรับเครื่องดีดและกลองมือ",
        },
        .genres = {"sport", "documentary", "short"}, .year = 2025, .seconds = 26,
    },
    .paint = paint,
    .finish = {.bloom = 0.35, .vignette = 0.22, .grain = 0.9},
    .music = music, .effects = effects,
    .tracks = {{"Piano and strings", true, true, 0}, {"Plucked strings and drums", true, true, 1}},
    .master = {.hall_seconds = 2.2, .hall_gain = 0.7, .fade_in = 0.6, .fade_out = 1.8, .loudness = -16},
    CAPTIONS(captions),
    .poster = {.at = 15.5, .focus = {840, 380}, .zoom = 1.0, .title = {.family = "Noto Serif Display", .is_bold = true, .leading = 0.88, .align = LEFT},
               .ink = RGB(0xfff0d8), .scrim = {0.25f, 0.2f, 0.42f, 0.75f}, .words = "Forty-\nTwo"},
};
