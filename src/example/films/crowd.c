/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * "Colour of a Crowd": five thousand points that drift, gather and cheer. Abstract; the audience as weather. */
#include "example/film.h"

enum { PEOPLE = 5200 };
static const struct colour dusk[] = {RGB(0xff5d5d), RGB(0xffb14a), RGB(0xffe9a8), RGB(0x4fd8c4), RGB(0x4a8cff), RGB(0xb06bff)};
static const struct colour nights[] = {RGB(0x0b0a1a), RGB(0x1a0d2b), RGB(0x081c2b), RGB(0x14081f)};

struct crowd {
    struct vec2 at[PEOPLE], before[PEOPLE];
};

static void prepare(void *state) {
    struct crowd *k = state;
    for (uint32_t i = 0; i < PEOPLE; i++) k->at[i] = k->before[i] = vec2(STAGE_WIDTH * hash2(i, 1), STAGE_HEIGHT * hash2(i, 2));
}

/* Where point i belongs while a figure is shown. */
enum figure_kind { BOWL, FLAG, SPIRAL, STAND };
static struct vec2 place_of(uint32_t i, double t, enum figure_kind figure) {
    double own = hash2(i, 3), other = hash2(i, 4);
    switch (figure) {
    case BOWL: { /* seats in rings, turning */
        double ring = floor(own * 15), a = other * TAU + t * (0.10 + 0.012 * ring);
        return vec2(640 + (150 + 30 * ring) * cos(a), 372 + (62 + 17 * ring) * sin(a) - 2.2 * ring);
    }
    case FLAG: {
        double u = own * 1000, v = other * 430;
        return vec2(140 + u, 150 + v + 34 * sin(u / 120 - t * 2.3) + 14 * sin(u / 57 + t * 1.4));
    }
    case SPIRAL: {
        double r = 26 + 420 * pow(own, 0.7), a = (double)(i % 5) * TAU / 5 + r * 0.011 + t * 0.22;
        return vec2(640 + r * cos(a) * 1.25 + 22 * (other - 0.5), 360 + r * sin(a) * 0.82 + 22 * (hash2(i, 5) - 0.5));
    }
    default: { /* rows, and the wave that runs along them */
        double row = floor(other * 22), seat = own * 1320 - 20, lift = pow(fmax(0, wave(seat / 1300 - t * 0.42)), 6);
        return vec2(seat, 190 + row * 20 - lift * 62);
    }
    }
}

static double gathering(double t) { return hump(t, 4.0, 7.0, 8.6, 10.0) + hump(t, 11.4, 13.4, 15.4, 16.6) + hump(t, 18.0, 20.2, 22.6, 24.2) + fade(t, 25.0, 27.4); }
static enum figure_kind figure_of(double t) { return t < 10.4 ? BOWL : t < 17.2 ? FLAG : t < 24.6 ? SPIRAL : STAND; }

static void step(void *state, double t) {
    struct crowd *k = state;
    double pull = gathering(t);
    for (uint32_t i = 0; i < PEOPLE; i++) {
        k->before[i] = k->at[i];
        struct vec2 p = k->at[i], to = sub2(place_of(i, t, figure_of(t)), p);
        if (pull < 0.98) p = add2(p, scale2(curl2(p.x / 330, p.y / 330, t * 0.09, 5), 2.6 * (1 - pull)));
        p = add2(p, scale2(to, pull * (0.05 + 0.05 * hash2(i, 6))));
        if (pull < 0.5) { /* who leaves at one side comes back at the other */
            struct vec2 inside = vec2(p.x < -20 ? p.x + 1320 : p.x > 1300 ? p.x - 1320 : p.x, p.y < -20 ? p.y + 760 : p.y > 740 ? p.y - 760 : p.y);
            if (inside.x != p.x || inside.y != p.y) k->before[i] = inside;
            p = inside;
        }
        k->at[i] = p;
    }
}

static void paint(struct canvas *c, double t, const void *state) {
    const struct crowd *k = state;
    struct colour low = PALETTE(nights, t / 30);
    SKY(c, {0, darker(low, 0.4)}, {420, low}, {720, darker(low, 0.2)});
    double pull = gathering(t), beat = exp(-fract(t * 1.6) * 4) * pull;
    enum figure_kind figure = figure_of(t);
    for (int i = 0; i < 5; i++) glow(c, 640 + 420 * wave(t * 0.03 + i * 0.21), 360 + 240 * wave(t * 0.041 + i * 0.37), 430, PALETTE(dusk, fract(i * 0.2 + t * 0.015)), 0.10 + 0.05 * beat);
    for (uint32_t i = 0; i < PEOPLE; i++) {
        struct vec2 p = k->at[i], v = sub2(p, k->before[i]);
        double own = hash2(i, 7), tone = fract(own * 0.35 + p.x / 2100 + p.y / 1500 + t * 0.02), twinkle = 0.6 + 0.4 * wave(t * (0.5 + own) + own * 9);
        if (figure == FLAG && pull > 0.4) tone = clamp((p.x - 140) / 1000, 0, 0.999);
        if (figure == STAND) tone = fract(p.x / 1300 - t * 0.05);
        struct colour ink = dusk[(int)(tone * 5.999)];
        double r = 1.5 + 1.9 * own * own + beat * 0.9;
        if (length2(v) < 0.7) disc(c, p.x, p.y, r, with_alpha(ink, twinkle));
        else streak(c, p.x - v.x * 1.6, p.y - v.y * 1.6, p.x, p.y, 1.6 * r, with_alpha(ink, twinkle * 0.9));
        if (own > 0.965) glow(c, p.x, p.y, 26 + 16 * beat, ink, 0.55 * twinkle);
    }
    struct lettering title = {.family = "Noto Serif Display", .size = 86, .is_italic = true, .align = CENTRE};
    title_card(c, "Colour of a Crowd", &title, 640, 296, RGB(0xfff4e0), t, 0.9, 4.4);
}

static double cheer(double t, const void *user) { return 0.16 + 0.74 * fmin(1, gathering(t)); }
static void effects(struct tape *tape) {
    sound_crowd(tape, 0, 30, cheer, NULL, PLACE(0.5, 0, 0.5));
    sound_applause(tape, 5, 30, cheer, NULL, PLACE(0.22, 0, 0.4));
}
/* Version 0: melodic, with voices. Version 1: clapping and drums alone. */
static void music(struct tape *tape, int version) {
    static const char *const chord[8] = {"e3+b3+g4", "c3+g3+e4", "g2+d3+b3", "d3+a3+f#4", "e3+b3+g4", "c3+g3+e4", "a2+e3+c4", "e3+b3+e4+g#4"};
    static const char *const song[8] = {". . . . b4 - g4 -", "e4 - - - g4 - a4 -", "b4 - - - d5 - b4 -", "a4 - f#4 - - - - -", "g4 - b4 - e5 - - -", "d5 - c5 - b4 - g4 -", "a4 - b4 - c5 - e5 -", "e5 - - - - - - -"};
    static const char *const low[8] = {"e2", "c2", "g1", "d2", "e2", "c2", "a1", "e2"};
    for (int bar = 0; bar < 8; bar++) {
        struct beat b = {0.2 + bar * 3.75, 0.46875, 0}, fine = {b.start, 0.234375, 0}, whole = {b.start, 3.75, 0};
        double grow = 0.35 + 0.09 * bar;
        if (version == 0) {
            play_part(tape, whole, chord[bar], play_pad, 0.3, PLACE(0.5, 0, 0.5));
            play_part(tape, b, song[bar], play_voice, 0.8, PLACE(0.30 * grow + 0.15, -0.1, 0.6));
            if (bar > 2) play_part(tape, b, song[bar], play_strings, 0.5, PLACE(0.26, 0.3, 0.5));
            play_part(tape, whole, low[bar], play_bass, 0.1, PLACE(0.45, 0, 0));
            play_pluck_part(tape, fine, bar & 1 ? "e4 g4 c5 g4 e5 g4 c5 g4 e4 g4 c5 g4 e5 d5 c5 g4" : "e4 g4 b4 g4 e5 g4 b4 g4 e4 g4 b4 g4 e5 d5 b4 g4", 1.2, PLACE(0.4 * grow, 0.3, 0.35));
            if (bar > 1 && bar < 7) play_drum(tape, b, "X . x . X . x .", play_taiko, PLACE(0.22 * grow + 0.1, 0, 0.3));
            continue;
        }
        play_drum(tape, fine, "X . . X . . X . X . . X . o x x", play_taiko, PLACE(0.5 * grow + 0.15, -0.2, 0.35));
        play_drum(tape, fine, ". . x . . x . . x . x . x . x x", play_clap, PLACE(0.5 * grow, 0.2, 0.35));
        play_drum(tape, fine, "x o x o x o x o x o x o x o x o", play_shaker, PLACE(0.4 * grow, 0.45, 0.1));
        for (int n = 0; bar > 1 && n < 8; n++) play_tom(tape, b.start + n * 0.46875 + (n % 3 == 2 ? 0.117 : 0), 43 + (n * 5 + bar) % 9, PLACE(0.4 * grow, n & 1 ? 0.4 : -0.4, 0.25));
    }
}

static const struct caption captions[] = {
    {0.9, 4.2, {"[a murmur without a place]", "[ein Murmeln ohne Ort]", "[不知何处的低语]", "[เสียงพึมพำไร้ที่มา]"}},
    {5.0, 9.0, {"Five thousand people who do not know each other", "Fünftausend Menschen, die einander nicht kennen,", "五千个素不相识的人", "ผู้คนห้าพันคนที่ไม่รู้จักกัน"}},
    {9.4, 13.0, {"become, for a moment, one animal.", "werden für einen Augenblick ein einziges Tier.", "在一瞬间，成为同一个生命。", "ชั่วขณะหนึ่งกลายเป็นสัตว์ตัวเดียว"}},
    {13.6, 17.0, {"[a flag of breath]", "[eine Fahne aus Atem]", "[气息之旗]", "[ธงแห่งลมหายใจ]"}},
    {18.0, 22.6, {"It has a colour. Nobody chose it.", "Es hat eine Farbe. Niemand hat sie gewählt.", "它有一种颜色，没有人挑选过。", "มันมีสี สีที่ไม่มีใครเลือก"}},
    {25.0, 28.6, {"[the wave comes round]", "[die Welle kommt herum]", "[人浪再次袭来]", "[คลื่นผู้ชมวนกลับมา]"}},
};

const struct film film_crowd = {
    .about = {
        .name = "colour-of-a-crowd",
        .titles = {"Colour of a Crowd", "Farbe einer Menge", "人群的颜色", "สีของฝูงชน"},
        .synopses = {
            "An abstract film about being many: points of light drift, gather, cheer and part again. With two soundtracks, one sung, one drummed.",
            "Ein abstrakter Film über das Vielesein: Lichtpunkte treiben, sammeln sich, jubeln und gehen auseinander. Mit zwei Tonspuren, einer gesungenen und einer getrommelten.",
            "一部关于众多的抽象短片：光点漂流、聚集、欢呼，又再散去。配有两条音轨，一条吟唱，一条击鼓。",
            "ภาพยนตร์นามธรรมว่าด้วยการเป็นหมู่มาก จุดแสงล่องลอย รวมตัว โห่ร้อง แล้วแยกย้าย มีเสียงสองชุด ชุดขับร้องและชุดกลอง",
        },
        .genres = {"experimental", "music", "short"}, .year = 2024, .seconds = 30,
    },
    .state_bytes = sizeof(struct crowd), .prepare = prepare, .step = step,
    .paint = paint,
    .finish = {.bloom = 0.5, .vignette = 0.3, .grain = 0.8},
    .music = music, .effects = effects,
    .tracks = {{"Sung", true, true, 0}, {"Drummed", true, true, 1}},
    .master = {.hall_seconds = 3.0, .hall_gain = 0.8, .fade_in = 0.6, .fade_out = 2.2, .loudness = -16},
    CAPTIONS(captions),
    .poster = {.at = 21.6, .focus = {640, 360}, .zoom = 1.0, .title = {.family = "Noto Serif Display", .is_italic = true, .leading = 0.9, .align = LEFT},
               .ink = RGB(0xfff4e0), .scrim = {0.04f, 0.03f, 0.1f, 0.8f}, .words = "Colour\nof a Crowd"},
};
