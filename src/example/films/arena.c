/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * "Last Circle": the final round of a game in a full arena. Ultraviolet and acid; the hall and the game are one light. */
#include <stdio.h>

#include "example/film.h"

static const struct colour violet = RGB(0x7b2dff), magenta = RGB(0xff2d95), cyan = RGB(0x1fe5ff), acid = RGB(0xb6ff3c), night = RGB(0x07050f);
#define BEAT 0.46875 /* 128 beats a minute */

static double pulse(double t) { return exp(-fract(t / BEAT) * 5); }

/* The game: a field of hexagons seen from above, closing in. Painted inside the given box. */
static void game(struct canvas *c, double t, double x, double y, double w, double h, double detail) {
    cairo_save(c->cr);
    path_box(c, x, y, w, h, 4);
    cairo_clip(c->cr);
    cairo_rectangle(c->cr, x, y, w, h);
    fill_between(c, vec2(x, y), RGB(0x120a2e), vec2(x + w, y + h), RGB(0x061a2b));
    double size = w / 26 * detail, scroll = t * size * 0.5;
    double ring = w * KEYS(t, {0, 0.52}, {8, 0.42}, {14, 0.26}, {19, 0.12}, {24, 0.1});
    struct vec2 mid = vec2(x + w / 2 + w * 0.05 * wave(t * 0.07), y + h / 2);
    int columns = (int)(w / (size * 1.5)) + 3, rows = (int)(h / (size * 1.732)) + 4;
    for (int i = -1; i < columns; i++)
        for (int j = -1; j < rows; j++) {
            double cx = x + i * size * 1.5, cy = y + (j + 0.5 * (i & 1)) * size * 1.732 - fmod(scroll, size * 1.732);
            uint32_t id = hash_bits((uint32_t)i, (uint32_t)(j + (int)(scroll / (size * 1.732))), 3);
            double height = (id & 255) / 255.0, d = length2(sub2(vec2(cx, cy), mid)), outside = fade(d, ring, ring + size * 2);
            struct colour k = blend(blend(RGB(0x1f1650), RGB(0x124a66), height), magenta, 0.55 * outside);
            if (height > 0.86) k = blend(k, acid, 0.55);
            for (int n = 0; n < 6; n++) {
                struct vec2 p = add2(vec2(cx, cy), polar(size * 0.93, n * TAU / 6));
                if (n == 0) cairo_move_to(c->cr, p.x, p.y);
                else cairo_line_to(c->cr, p.x, p.y);
            }
            cairo_close_path(c->cr);
            fill(c, with_alpha(k, 0.55 + 0.45 * height));
        }
    path_circle(c, mid.x, mid.y, ring);
    stroke(c, cyan, 2.5 + 2 * pulse(t));
    for (int i = 0; i < 9; i++) { /* who is left, and their shots */
        double out = KEYS(t, {0, 99}, {25, 99}), die = 9 + 1.3 * i, a = i * 0.7 + t * (0.3 + 0.05 * i) + noise2(t * 0.4, i, 5), r = ring * (0.35 + 0.5 * hash1((uint32_t)i)) ;
        struct vec2 p = add2(mid, polar(r, a));
        if (i > 1 && t > die) {
            double gone = ramp(t, die, die + 0.6);
            path_circle(c, p.x, p.y, size * (0.5 + 2.2 * gone));
            stroke(c, with_alpha(magenta, 1 - gone), 3);
            continue;
        }
        struct colour k = i == 0 ? acid : i == 1 ? cyan : RGB(0xffffff);
        if (out > 0 && fract(t * 1.7 + hash1((uint32_t)i + 3)) < 0.35) {
            struct vec2 to = add2(mid, polar(ring * 0.5, a + 2.4 + i));
            double q = fract(t * 1.7 + hash1((uint32_t)i + 3)) / 0.35;
            path_line(c, mix2(p, to, q), mix2(p, to, fmin(1, q + 0.25)));
            stroke(c, k, 2.4);
        }
        path_circle(c, p.x, p.y, size * 0.42);
        fill(c, k);
    }
    cairo_restore(c->cr);
}

static void hall_lights(struct canvas *c, double t, double energy) {
    for (int i = 0; i < 12; i++) {
        double side = (i - 5.5) / 5.5, x = 640 + side * 620, sweep = wave(t * 0.13 + i * 0.17) * 260 + wave(t * 0.31 + i * 0.5) * 90;
        struct colour k = i % 3 == 0 ? violet : i % 3 == 1 ? magenta : cyan;
        beam(c, x, -20, 9, x + sweep - side * 180, 620, 80, k, (0.22 + 0.5 * energy * pulse(t + i * BEAT * 0.25)) );
        glow(c, x, 0, 70, blend(k, RGB(0xffffff), 0.5), 0.8);
    }
}

/* People in front of us: heads, arms and light sticks. */
static void crowd_row(struct canvas *c, double t, double y, double size, double excited, uint32_t seed, struct colour body, double sticks) {
    int count = (int)(1360 / (size * 1.25));
    for (int i = 0; i < count; i++) {
        double own = hash2((uint32_t)i, seed), x = -30 + i * size * 1.25 + own * size * 0.6, hop = excited * fabs(wave(t / BEAT / 2 + 0.06 * own)) * size * 0.34, top = y - hop + own * size * 0.3;
        path_circle(c, x, top, size * 0.34);
        path_box(c, x - size * 0.52, top + size * 0.32, size * 1.04, size * 2.2, size * 0.4);
        fill(c, body);
        if (own > 0.35) {
            double lean = 0.35 * wave(t / BEAT / 2 + own) + (own - 0.6);
            struct vec2 shoulder = vec2(x + size * 0.4, top + size * 0.55), hand = add2(shoulder, vec2(size * 1.1 * sin(lean), -size * (0.5 + 0.9 * excited)));
            path_limb(c, shoulder, size * 0.15, hand, size * 0.11);
            fill(c, body);
            if (hash2((uint32_t)i, seed + 5) < sticks) {
                struct vec2 tip = add2(hand, vec2(size * 0.7 * sin(lean * 1.4), -size * 0.8));
                struct colour k = hash2((uint32_t)i, seed + 6) < 0.5 ? acid : hash2((uint32_t)i, seed + 7) < 0.5 ? cyan : magenta;
                ray(c, hand.x, hand.y, tip.x, tip.y, size * 0.28, k, 1.6);
                glow(c, (hand.x + tip.x) / 2, (hand.y + tip.y) / 2, size * 1.1, k, 0.5);
            }
        }
    }
}

static void player(struct canvas *c, double x, double y, double size, struct colour k, double t, int who) {
    double nod = 2 * noise2(t * 1.3, who, 8), tap = 3 * noise2(t * 7, who, 9);
    path_box(c, x - size * 0.62, y - size * 0.2, size * 1.24, size * 1.5, size * 0.18); /* chair */
    fill(c, RGB(0x0d0a1c));
    path_box(c, x - size * 0.5, y + size * 0.32, size, size * 1.1, size * 0.36);
    fill_between(c, vec2(x, y), blend(k, night, 0.25), vec2(x, y + size * 1.4), blend(k, night, 0.85));
    path_oval(c, x + nod, y, size * 0.29, size * 0.35, 0);
    fill_between(c, vec2(x - size * 0.3, y), RGB(0x8a5a6a), vec2(x + size * 0.3, y), RGB(0x2e1c3a));
    path_oval(c, x + nod, y - size * 0.13, size * 0.31, size * 0.25, 0);
    fill(c, RGB(0x120c20));
    cairo_arc(c->cr, x + nod, y - size * 0.02, size * 0.36, TAU / 2, TAU);
    stroke(c, k, size * 0.06);
    for (int s = -1; s <= 1; s += 2) path_oval(c, x + nod + s * size * 0.34, y, size * 0.09, size * 0.16, 0);
    fill(c, k);
    for (int s = -1; s <= 1; s += 2) {
        path_limb(c, vec2(x + s * size * 0.45, y + size * 0.6), size * 0.13, vec2(x + s * size * 0.26 + tap * s * 0.3, y + size * 1.12), size * 0.09);
        fill(c, blend(k, night, 0.5));
    }
    path_box(c, x - size * 0.85, y + size * 1.1, size * 1.7, size * 0.95, 4); /* the screen from behind */
    fill_between(c, vec2(x, y + size * 1.1), RGB(0x1b1433), vec2(x, y + size * 2), RGB(0x08060f));
    path_box(c, x - size * 0.12, y + size * 1.42, size * 0.24, size * 0.24, 4);
    fill(c, k);
    glow(c, x, y + size * 0.95, size * 1.9, k, 0.35 + 0.25 * pulse(t));
}

static void wide(struct canvas *c, double t, double energy) {
    SKY(c, {0, RGB(0x0a0618)}, {400, RGB(0x1d0f3f)}, {720, night});
    for (int i = 0; i < 9; i++) { /* trusses and panels that breathe */
        double x = 60 + 145 * i;
        path_box(c, x, 40 + 18 * fabs(i - 4.0), 120, 330, 3);
        fill(c, with_alpha(i % 2 ? violet : magenta, 0.10 + 0.22 * energy * exp(-fract(t / BEAT - i * 0.11) * 4)));
    }
    hall_lights(c, t, energy);
    canvas_settle(c);
    double w = 620, h = 300;
    glow(c, 640, 230, 640, violet, 0.35);
    canvas_settle(c);
    path_box(c, 640 - w / 2 - 10, 80 - 10, w + 20, h + 20, 8);
    fill(c, RGB(0x020106));
    game(c, t, 640 - w / 2, 80, w, h, 1);
    for (int side = -1; side <= 1; side += 2) {
        double x = 640 + side * 470;
        path_box(c, x - 110, 130, 220, 250, 6);
        fill(c, RGB(0x04030a));
        struct lettering big = {.family = "Noto Sans Display", .size = 84, .is_bold = true, .align = CENTRE};
        char text[8];
        snprintf(text, sizeof text, "%d", t > 19.4 && side < 0 ? 3 : 2);
        letters(c, &big, x, 180, side < 0 ? acid : cyan, text);
        struct lettering small = {.family = "Noto Sans Display", .size = 20, .is_bold = true, .spacing = 0.2, .align = CENTRE};
        letters(c, &small, x, 148, with_alpha(RGB(0xffffff), 0.8), side < 0 ? "ORCHID" : "HARBOUR");
        glow(c, x, 250, 220, side < 0 ? acid : cyan, 0.25 + 0.3 * pulse(t) * energy);
    }
    canvas_settle(c);
    cairo_rectangle(c->cr, 0, 452, 1280, 300);
    fill_between(c, vec2(0, 452), RGB(0x1a1034), vec2(0, 560), RGB(0x05030c));
    for (int i = 0; i < 10; i++) player(c, 250 + 88 * i + (i > 4 ? -16 + 16 * 0 : 0) - 12, 404, 34, i < 5 ? acid : cyan, t, i);
    canvas_settle(c);
    for (int row = 0; row < 4; row++)
        crowd_row(c, t + row * 0.05, 540 + 52 * row, 24 + 11 * row, energy, (uint32_t)row + 20, blend(RGB(0x1a0f33), night, row / 3.0), 0.5 - 0.08 * row);
}

static void close_players(struct canvas *c, double t, double from) {
    double slide = 40 * (t - from);
    SKY(c, {0, RGB(0x0c0620)}, {720, RGB(0x1a0c38)});
    for (int i = 0; i < 40; i++) {
        struct colour k = i % 3 == 0 ? violet : i % 3 == 1 ? magenta : cyan;
        double x = fract(hash1((uint32_t)i) + slide / 4000) * 1500 - 100, y = 460 * hash1((uint32_t)i + 6);
        path_circle(c, x, y, 14 + 40 * hash1((uint32_t)i + 9));
        fill(c, with_alpha(k, 0.13 + 0.1 * pulse(t + hash1((uint32_t)i))));
    }
    hall_lights(c, t, 0.4);
    canvas_settle(c);
    for (int i = 0; i < 3; i++) player(c, 250 + 420 * i - slide, 250 + 16 * i, 190, i == 1 ? acid : blend(acid, cyan, i * 0.5), t, i + 3);
    canvas_settle(c);
}

static void inside_game(struct canvas *c, double t) {
    double zoom = 1 + 0.04 * pulse(t);
    cairo_translate(c->cr, 640, 360);
    cairo_rotate(c->cr, 0.12 * wave(t * 0.05));
    cairo_scale(c->cr, 1.12 * zoom, 1.12 * zoom);
    cairo_translate(c->cr, -640, -360);
    game(c, t, -20, -20, 1320, 760, 0.95);
    glow(c, 640, 360, 420, cyan, 0.18 + 0.2 * pulse(t));
}

static void paint(struct canvas *c, double t, const void *state) {
    cairo_save(c->cr);
    double energy = KEYS(t, {0, 0.15}, {7.4, 0.45}, {7.6, 0.8}, {13, 0.9}, {17, 0.5}, {18.6, 0.2}, {19.4, 1}, {25, 0.8});
    if (t < 7.5) {
        double in = ease_in_out(ramp(t, 0, 7.5));
        cairo_translate(c->cr, 640, 330);
        cairo_scale(c->cr, 1 + 0.28 * in, 1 + 0.28 * in);
        cairo_translate(c->cr, -640, -330 + 30 * in);
        wide(c, t, energy);
    } else if (t < 10.8) close_players(c, t, 7.5);
    else if (t < 15.0) inside_game(c, t);
    else if (t < 17.2) close_players(c, t, 10);
    else if (t < 19.3) inside_game(c, t);
    else wide(c, t, energy);
    cairo_restore(c->cr);
    if (t > 19.3) {
        double boom = ramp(t, 19.3, 20.1);
        glow(c, 640, 240, 900, RGB(0xffffff), 1.4 * (1 - boom) * (1 - boom));
        for (int i = 0; i < 190; i++) { /* confetti */
            double age = t - 19.3 - 0.5 * hash2((uint32_t)i, 4), a = hash2((uint32_t)i, 5) * TAU * 0.5 + TAU * 0.5, v = 300 + 520 * hash2((uint32_t)i, 6);
            if (age <= 0) continue;
            double x = (i & 1 ? 120 : 1160) + (i & 1 ? 1 : -1) * fabs(v * cos(a)) * (1 - exp(-age * 1.1)), y = 560 + v * sin(a) * (1 - exp(-age * 1.4)) * 1.5 + 90 * age * age * 0.35;
            struct colour k = i % 4 == 0 ? acid : i % 4 == 1 ? cyan : i % 4 == 2 ? magenta : RGB(0xffffff);
            path_oval(c, x + 14 * wave(age + i), y, 6, fmax(0.7, 4.6 * fabs(cos(age * (3 + 3 * hash2((uint32_t)i, 7))))), age * 2 + i);
            fill(c, k);
        }
        struct lettering win = {.family = "Noto Sans Display", .size = 100 + 26 * (1 - ease_out(ramp(t, 19.4, 20))), .is_bold = true, .is_italic = true, .spacing = 0.04, .align = CENTRE};
        if (!c->is_bare) letters(c, &win, 640, 176, with_alpha(acid, hump(t, 19.4, 19.7, 23.2, 24)), "VICTORY");
    }
    struct lettering title = {.family = "Noto Sans Display", .size = 92, .is_bold = true, .spacing = 0.18, .align = CENTRE};
    title_card(c, "LAST CIRCLE", &title, 640, 300, RGB(0xffffff), t, 0.8, 4.4);
}

static double fans(double t, const void *user) { return KEYS(t, {0, 0.3}, {7, 0.5}, {7.6, 0.75}, {11, 0.3}, {15, 0.5}, {18, 0.25}, {19.2, 0.35}, {19.6, 1}, {23, 0.8}, {25, 0.5}); }
static void effects(struct tape *tape) {
    sound_crowd(tape, 0, 25, fans, NULL, PLACE(0.42, 0, 0.5));
    for (double at = 7.6; at < 19; at += 0.07 + 0.09 * hash1((uint32_t)(at * 300)))
        if ((at < 10.8) || (at > 15 && at < 17.2)) sound_tick(tape, at, 92 + 6 * hash1((uint32_t)(at * 500)), PLACE(0.10, 1.2 * hash1((uint32_t)(at * 700)) - 0.6, 0.1));
    for (int i = 0; i < 16; i++) play_arp(tape, 10.9 + 0.26 * i, 0.1, 88 - i % 5 * 3, 0.9, PLACE(0.16, 1.4 * hash1((uint32_t)i) - 0.7, 0.2));
    sound_whoosh(tape, 10.4, 0.9, -0.9, 0.9, 0.7);
    sound_whoosh(tape, 16.9, 0.8, 0.9, -0.9, 0.7);
}
static void music(struct tape *tape, int version) {
    double bar = BEAT * 4, step = BEAT / 4;
    static const char *const chord[4] = {"f#2+c#3+a3", "d2+a2+f#3", "a2+e3+c#4", "e2+b2+g#3"};
    static const char *const low[4] = {"f#1 . f#1 f#2 . f#1 . f#2 f#1 . f#1 f#2 . f#1 a1 .", "d1 . d1 d2 . d1 . d2 d1 . d1 d2 . d1 f#1 .", "a1 . a1 a2 . a1 . a2 a1 . a1 a2 . a1 c#2 .", "e1 . e1 e2 . e1 . e2 e1 . e1 e2 . e1 g#1 ."};
    static const char *const arp[4] = {"f#4 a4 c#5 f#5 a4 c#5 f#5 a5 f#4 a4 c#5 f#5 g#5 f#5 c#5 a4", "f#4 a4 d5 f#5 a4 d5 f#5 a5 f#4 a4 d5 f#5 e5 d5 a4 f#4", "e4 a4 c#5 e5 a4 c#5 e5 a5 e4 a4 c#5 e5 b5 a5 e5 c#5", "e4 g#4 b4 e5 g#4 b4 e5 g#5 e4 g#4 b4 e5 f#5 e5 b4 g#4"};
    for (int i = 0; i < 13; i++) {
        struct beat b = {i * bar, step, 0};
        bool is_drop = i >= 4 && i < 8, is_break = i == 8 || i == 9, is_end = i > 9;
        play_part(tape, (struct beat){b.start, bar, 0}, chord[i % 4], play_pad, is_drop || is_end ? 0.7 : 0.25, PLACE(0.5, 0, 0.5));
        if (i > 0 && i < 12) play_part(tape, b, arp[i % 4], play_arp, is_drop || is_end ? 0.8 : 0.12 + 0.08 * i, PLACE(is_break ? 0.25 : 0.4, wave(i * 0.3) * 0.5, 0.35));
        if (is_drop || (is_end && i < 12)) {
            play_part(tape, b, low[i % 4], play_bass, 0.6, PLACE(0.6, 0, 0));
            play_drum(tape, b, "X . . . X . . . X . . . X . . .", play_kick, PLACE(0.8, 0, 0));
            play_drum(tape, b, ". . . . X . . . . . . . X . . .", play_clap, PLACE(0.5, 0, 0.25));
            for (int k = 2; k < 16; k += 4) play_hat(tape, b.start + k * step, 0.14, PLACE(0.26, 0.25, 0.05));
            for (int k = 0; k < 16; k++) play_hat(tape, b.start + k * step, 0.03, PLACE(0.12, -0.3, 0.05));
        } else if (i == 2 || i == 3) play_drum(tape, b, i == 3 ? "x . x . x . x . x x x x X X X X" : "x . . . x . . . x . . . x . . .", play_snare, PLACE(0.3, 0, 0.3));
    }
    play_rise(tape, 4.5, 3.0, PLACE(0.4, 0, 0.2));
    play_boom(tape, 4 * bar, PLACE(0.6, 0, 0.4));
    play_rise(tape, 16.8, 2.5, PLACE(0.4, 0, 0.2));
    play_boom(tape, 19.3, PLACE(0.7, 0, 0.5));
    play_part(tape, (struct beat){10 * bar, BEAT, 0}, "c#5 - e5 f#5 - a5 g#5 e5 f#5 - - -", play_lead, 0.7, PLACE(0.42, 0, 0.4));
    play_part(tape, (struct beat){4 * bar, BEAT, 0}, "f#5 - e5 c#5 d5 - c#5 a4 c#5 - b4 a4 b4 - g#4 -", play_lead, 0.5, PLACE(0.34, 0, 0.4));
}

static const struct caption captions[] = {
    {0.9, 4.2, {"[twelve thousand people, one bass]", "[zwölftausend Menschen, ein Bass]", "[一万两千人，同一个低音]", "[ผู้คนหนึ่งหมื่นสองพัน เสียงเบสเดียวกัน]"}},
    {4.8, 7.3, {"Two all. One round left.", "Zwei zu zwei. Noch eine Runde.", "二比二，还剩一局。", "สองต่อสอง เหลืออีกหนึ่งรอบ"}},
    {7.7, 10.7, {"Their hands move less than you would think.", "Ihre Hände bewegen sich weniger, als man denkt.", "他们的手，动得比你想象的少。", "มือพวกเขาขยับน้อยกว่าที่คุณคิด"}},
    {11.0, 14.8, {"Outside the ring, everything burns.", "Außerhalb des Rings brennt alles.", "圈外，一切都在燃烧。", "นอกวงนั้น ทุกอย่างลุกไหม้"}},
    {15.2, 18.8, {"[the bass drops out; nobody breathes]", "[der Bass setzt aus; niemand atmet]", "[低音骤停，无人呼吸]", "[เสียงเบสหายไป ไม่มีใครหายใจ]"}},
    {19.5, 23.4, {"Three to two!", "Drei zu zwei!", "三比二！", "สามต่อสอง!"}},
};

const struct film film_arena = {
    .about = {
        .name = "last-circle",
        .titles = {"Last Circle", "Der letzte Kreis", "最后一圈", "วงสุดท้าย"},
        .synopses = {
            "Two teams, one round, a hall full of light. The game and the arena pulse to the same beat.",
            "Zwei Teams, eine Runde, eine Halle voller Licht. Spiel und Arena schlagen im selben Takt.",
            "两支队伍，一局定胜负，满场灯光。游戏与场馆随同一节拍跳动。",
            "สองทีม หนึ่งรอบ ห้องโถงที่เต็มไปด้วยแสง เกมกับสนามเต้นเป็นจังหวะเดียวกัน",
        },
        .genres = {"sport", "action", "short"}, .year = 2026, .seconds = 25,
    },
    .paint = paint,
    .finish = {.bloom = 0.7, .vignette = 0.35, .grain = 1.0},
    .music = music, .effects = effects,
    .tracks = {{"Music and effects", true, true, 0}},
    .master = {.hall_seconds = 1.9, .hall_gain = 0.6, .fade_in = 0.5, .fade_out = 1.8, .loudness = -16},
    CAPTIONS(captions),
    .poster = {.at = 16.4, .focus = {390, 360}, .zoom = 1.0, .title = {.family = "Noto Sans Display", .is_bold = true, .leading = 0.86, .spacing = 0.03, .align = LEFT},
               .ink = RGB(0xb6ff3c), .scrim = {0.03f, 0.0f, 0.1f, 0.9f}, .words = "LAST\nCIRCLE", .is_title_low = true},
};
