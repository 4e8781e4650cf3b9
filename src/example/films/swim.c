/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * "Blue Between": a pool from above and from below. Turquoise, coral ropes, light on the floor. */
#include "example/film.h"

enum { LANES = 6 };
static const struct colour deep = RGB(0x0a6a8f), water = RGB(0x19a7b8), bright = RGB(0xd9fff2), coral = RGB(0xff6f59), cream = RGB(0xfff3e0), night = RGB(0x04283f);
static const struct colour caps[LANES] = {RGB(0xffd166), RGB(0xef476f), RGB(0xf8f4e3), RGB(0x7b2cbf), RGB(0xff9f1c), RGB(0x2d3047)};

/* Light gathered by ripples: where two slow noises cross nought, a bright net. */
struct surface {
    double t, drift_x, drift_y, size, net;
    struct colour from, to;
};
static struct colour shade(double x, double y, const void *user) {
    const struct surface *s = user;
    double u = (x + s->drift_x) / s->size, v = (y + s->drift_y) / s->size;
    double bend = noise3(u * 0.5, v * 0.5, s->t * 0.3, 3);
    double a = noise3(u + bend, v, s->t * 0.55, 1), b = noise3(u * 1.3, v * 1.3 + bend, s->t * 0.5 + 9, 2);
    double net = pow(1 - fmin(1, fabs(a + b * 0.7) * 1.7), 5) * s->net;
    double slope = clamp(y / 720 + 0.12 * bend, 0, 1);
    struct colour k = {(float)(mix(s->from.r, s->to.r, slope) + net * 0.55), (float)(mix(s->from.g, s->to.g, slope) + net * 0.5), (float)(mix(s->from.b, s->to.b, slope) + net * 0.4), 1};
    k.r = fminf(k.r, 1), k.g = fminf(k.g, 1), k.b = fminf(k.b, 1);
    return k;
}

static double lane_edge(int k, double width) { return 360 + (k - LANES / 2.0) * width; }

/* Ropes of floats, from above; `pan` is how far the camera has swum. */
static void ropes(struct canvas *c, double t, double pan, double width) {
    for (int k = 0; k <= LANES; k++) {
        double y = lane_edge(k, width);
        for (int i = -1; i < 68; i++) {
            double x = i * 23 - fmod(pan, 23 * 8), bob = 1.6 * noise2(x * 0.02 + pan * 0.02, k + t * 0.8, 6);
            struct colour float_ = (i + 16) % 8 < 4 ? coral : cream;
            path_box(c, x - 9.5, y - 4.5 + bob, 17, 9, 4.5);
            fill(c, with_alpha(float_, 0.95));
            streak(c, x - 6, y - 2 + bob, x + 3, y - 2 + bob, 1.6, with_alpha(RGB(0xffffff), 0.6));
        }
    }
    for (int k = 0; k < LANES; k++) { /* the dark line on the floor wavers */
        double y = (lane_edge(k, width) + lane_edge(k + 1, width)) / 2;
        cairo_move_to(c->cr, -20, y);
        for (int x = -20; x <= 1300; x += 40) cairo_line_to(c->cr, x, y + 5 * noise2((x + pan) * 0.012, t * 0.9 + k * 3, 8));
        stroke(c, with_alpha(night, 0.28), 15);
    }
}

/* A swimmer from above, doing the crawl to the right. */
static void swimmer(struct canvas *c, double x, double y, double size, double turn, struct colour cap, struct colour skin) {
    double roll = wave(turn) * 0.12 * size, kick = wave(turn * 3);
    for (int i = 0; i < 26; i++) { /* wake */
        double age = i / 26.0, own = hash2((uint32_t)(i + (int)(turn * 6)), (uint32_t)(int)y);
        double wx = x - size * (0.7 + 4.4 * age), wy = y + (own - 0.5) * size * (0.5 + 1.9 * age) + 3 * wave(age * 3 + turn);
        disc(c, wx, wy, size * (0.10 + 0.22 * own) * (1 - 0.6 * age), with_alpha(bright, 0.42 * (1 - age)));
    }
    for (int side = -1; side <= 1; side += 2) {
        struct vec2 hip = vec2(x - size * 0.75, y + side * size * 0.13), foot = vec2(x - size * 1.75, y + side * size * (0.13 + 0.10 * kick));
        path_limb(c, hip, size * 0.14, foot, size * 0.07);
        fill(c, with_alpha(skin, 0.92));
        disc(c, foot.x - 3, foot.y, size * 0.24 * (0.6 + 0.4 * fabs(kick)), with_alpha(bright, 0.7));
        double at = fract(turn + (side > 0 ? 0.5 : 0)); /* an arm: recovery above the water, then the pull below it */
        struct vec2 shoulder = vec2(x - size * 0.05, y + side * size * 0.25);
        struct vec2 hand = at < 0.5 ? vec2(x + size * mix(-0.7, 1.05, smooth(at * 2)), y + side * size * (0.28 + 0.5 * sin(at * TAU)))
                                    : vec2(x + size * mix(1.05, -0.7, smooth(at * 2 - 1)), y + side * size * mix(0.28, 0.1, sin(at * 2 * TAU / 2 - TAU / 4)));
        double alpha = at < 0.5 ? 1 : mix(0.85, 0.35, sin((at - 0.5) * TAU));
        struct vec2 elbow = joint_between(shoulder, &hand, size * 0.58, size * 0.56, side);
        path_limb(c, shoulder, size * 0.12, elbow, size * 0.085);
        path_limb(c, elbow, size * 0.085, hand, size * 0.05);
        fill(c, with_alpha(skin, alpha));
        if (at > 0.44 && at < 0.62)
            for (int i = 0; i < 9; i++) {
                double a = hash2((uint32_t)i, (uint32_t)(turn * 2)) * TAU, r = size * 0.5 * (at - 0.44) / 0.18;
                disc(c, hand.x + r * cos(a), hand.y + r * sin(a), size * 0.07, with_alpha(bright, 1 - (at - 0.44) / 0.18));
            }
    }
    path_limb(c, vec2(x - size * 0.1, y + roll * 0.4), size * 0.29, vec2(x - size * 0.8, y - roll * 0.3), size * 0.19);
    fill(c, skin);
    path_limb(c, vec2(x - size * 0.55, y), size * 0.21, vec2(x - size * 0.85, y), size * 0.2);
    fill(c, night);
    path_oval(c, x + size * 0.36, y + roll * 0.5, size * 0.25, size * 0.19, 0);
    fill(c, cap);
    path_oval(c, x + size * 0.42, y + roll * 0.5 - size * 0.07, size * 0.12, size * 0.05, 0);
    fill(c, with_alpha(RGB(0xffffff), 0.55));
}

static double swum(int lane, double t) { return fmax(0, t) * (190 + 9 * hash1((uint32_t)lane + 71)) + (lane == 2 ? 5.5 : 0) * fmax(0, t) + 40 * smooth(ramp(t, 0, 1)); }
static const struct colour skin_of[LANES] = {RGB(0xd9a27e), RGB(0x8d5a3f), RGB(0xe0b08e), RGB(0x6b4030), RGB(0xc98f6b), RGB(0xb57d58)};

static void above(struct canvas *c, double t, double width, double pan, double start, double zoom) {
    cairo_translate(c->cr, 640, 360);
    cairo_rotate(c->cr, 0.05 * (zoom - 1));
    cairo_scale(c->cr, zoom, zoom);
    cairo_translate(c->cr, -640, -360);
    fill_field(c, 0, 720, 9, shade, &(struct surface){t, pan, 0, 120, 0.62, water, deep});
    ropes(c, t, pan, width);
    if (start > t) return;
    for (int k = 0; k < LANES; k++)
        swimmer(c, 420 + swum(k, t - start) - pan, (lane_edge(k, width) + lane_edge(k + 1, width)) / 2, width * 0.30, (t - start) * 0.92 + hash1((uint32_t)k), caps[k], skin_of[k]);
}

/* From below: shafts of light, the dive, bubbles. */
static void below(struct canvas *c, double t, double from) {
    double now = t - from;
    SKY(c, {0, RGB(0x9ff5e6)}, {70, RGB(0x37c3cf)}, {330, RGB(0x0e7fa3)}, {720, RGB(0x05304f)});
    fill_field(c, 560, 720, 9, shade, &(struct surface){t, 60 * now, 300, 90, 0.5, RGB(0x0a567a), RGB(0x07456b)});
    cairo_rectangle(c->cr, 0, 540, 1280, 110);
    fill_between(c, vec2(0, 560), RGB(0x0a5580), vec2(0, 648), with_alpha(RGB(0x0a5580), 0));
    for (int i = 0; i < 9; i++) {
        double x = 1400 * hash1((uint32_t)i + 4) - 60 + 30 * noise2(t * 0.3, i, 4), lean = 120 + 60 * wave(t * 0.06 + i * 0.3);
        beam(c, x, -30, 24, x - lean, 640, 110, RGB(0xd4fff4), 0.10 + 0.07 * wave(t * 0.17 + i * 0.37));
    }
    for (int i = 0; i < 30; i++) { /* the surface from beneath */
        double x = 60 * i - fmod(t * 22, 60) - 60, y = 26 + 12 * noise2(i * 0.8, t * 0.7, 12);
        glow_oval(c, x, y, 70, 9, RGB(0xffffff), 0.5 + 0.3 * noise2(i, t, 5));
    }
    canvas_settle(c);
    double p = ease_out(ramp(now, 0.25, 2.6)); /* she enters at the left, flattens, and glides right */
    struct vec2 hand = vec2(mix(210, 1130, p), 60 + 330 * sin(ramp(now, 0.2, 2.6) * 2.1)), along = unit3(vec3(1, mix(1.3, -0.22, smooth(ramp(now, 0.25, 1.7))), 0)).x > 0
        ? vec2(cos(atan(mix(1.3, -0.22, smooth(ramp(now, 0.25, 1.7))))), sin(atan(mix(1.3, -0.22, smooth(ramp(now, 0.25, 1.7)))))) : vec2(1, 0);
    struct vec2 joint[7];
    double reach[7] = {0, 62, 112, 158, 262, 350, 440};
    for (int i = 0; i < 7; i++) {
        struct vec2 side = vec2(-along.y, along.x);
        double ripple = 16 * ramp(now, 0.9, 1.6) * ramp(i, 1, 6) * wave(now * 1.5 - i * 0.16);
        joint[i] = add2(sub2(hand, scale2(along, reach[i])), scale2(side, ripple));
    }
    if (now > 0.1) {
        for (int i = 0; i < 120; i++) { /* bubbles, born along her way, rising */
            double born = 0.2 + 2.2 * hash2((uint32_t)i, 1), age = now - born;
            if (age < 0 || age > 2.4) continue;
            double q = ease_out(ramp(born, 0.25, 2.6)), x = mix(210, 1130, q) - 130 - 330 * hash2((uint32_t)i, 2) + 12 * wave(age + i), y = 60 + 330 * sin(ramp(born, 0.2, 2.6) * 2.1) - 60 + 60 * hash2((uint32_t)i, 3) - 120 * age;
            double r = 2 + 7 * hash2((uint32_t)i, 4) * hash2((uint32_t)i, 5);
            if (y < 40) continue;
            path_circle(c, x, y, r);
            stroke(c, with_alpha(bright, 0.75 * (1 - age / 2.4)), 1.6);
            disc(c, x - r * 0.3, y - r * 0.35, r * 0.28, with_alpha(RGB(0xffffff), 0.9 * (1 - age / 2.4)));
        }
        struct colour skin = RGB(0x7a4a36);
        path_limb(c, joint[0], 7, joint[1], 12);
        path_limb(c, joint[1], 12, joint[2], 16);
        fill(c, skin);
        path_limb(c, joint[2], 30, joint[3], 27);
        path_limb(c, joint[3], 27, joint[4], 25);
        fill(c, coral);
        path_limb(c, joint[4], 25, joint[5], 16);
        path_limb(c, joint[5], 16, joint[6], 9);
        path_limb(c, joint[6], 9, add2(joint[6], scale2(along, -38)), 4);
        fill(c, skin);
        path_oval(c, joint[2].x + 14, joint[2].y + 2, 27, 21, atan2(along.y, along.x));
        fill(c, cream);
    }
}

/* The end: a hand at the wall, rings on still water. */
static void touch(struct canvas *c, double t, double from) {
    double now = t - from;
    fill_field(c, 0, 720, 9, shade, &(struct surface){t * 0.6 + 20, 0, 0, 170, 0.45, RGB(0x1fb3bf), RGB(0x0c7797)});
    cairo_rectangle(c->cr, 1000, 0, 280, 720); /* the wall */
    fill_between(c, vec2(1000, 0), RGB(0xf7efe0), vec2(1280, 0), RGB(0xd9cfc0));
    for (int k = 0; k < 9; k++) {
        cairo_rectangle(c->cr, 1000, k * 84 - 20, 280, 3);
        fill(c, with_alpha(deep, 0.18));
    }
    cairo_rectangle(c->cr, 1000, 230, 30, 260);
    fill(c, RGB(0xffd166));
    for (int ring = 0; ring < 6; ring++) {
        double age = now - 0.55 - ring * 0.42, r = 150 * age;
        if (age <= 0) continue;
        cairo_save(c->cr);
        cairo_rectangle(c->cr, 0, 0, 1000, 720);
        cairo_clip(c->cr);
        path_oval(c, 1000, 360, r * 1.05, r, 0);
        stroke(c, with_alpha(bright, 0.65 * exp(-age * 0.7)), 7 * exp(-age * 0.3));
        cairo_restore(c->cr);
    }
    double reach = ease_out(ramp(now, 0, 0.6)), x = mix(520, 742, reach);
    swimmer(c, x, 360, 125, mix(0.1, 0.5, reach), caps[2], skin_of[2]);
}

static void paint(struct canvas *c, double t, const void *state) {
    cairo_save(c->cr);
    if (t < 4.4) above(c, t, 132, 60 * t, 99, mix(1.25, 1.0, ease_in_out(ramp(t, 0, 4.4))));
    else if (t < 8.6) below(c, t, 4.6);
    else if (t < 14.0) above(c, t, 124, 205 * (t - 8.6) - 120, 7.6, 1.02);
    else if (t < 18.4) above(c, t, 250, 201 * (t - 7.6) - 270, 7.6, 1.05);
    else touch(c, t, 18.4);
    cairo_restore(c->cr);
    struct lettering title = {.family = "Noto Serif Display", .size = 84, .is_italic = true, .spacing = 0.01, .align = CENTRE};
    title_card(c, "Blue Between", &title, 640, 226, RGB(0xffffff), t, 0.8, 4.2);
}

static double pool(double t, const void *user) { return KEYS(t, {0, 0.1}, {4.5, 0.2}, {4.8, 0.04}, {8.4, 0.04}, {8.8, 0.6}, {18, 0.8}, {19, 1}, {23, 0.4}); }
static void effects(struct tape *tape) {
    sound_crowd(tape, 0, 24, pool, NULL, PLACE(0.3, 0, 0.8));
    sound_surf(tape, 0, 24, 3.1, PLACE(0.16, 0, 0.3));
    sound_whistle(tape, 4.0, 0.35, PLACE(0.3, 0.4, 0.6));
    sound_splash(tape, 4.75, 1.0, PLACE(0.9, -0.4, 0.4));
    for (int i = 0; i < 22; i++) sound_splash(tape, 8.7 + 0.44 * i + 0.1 * hash1((uint32_t)i), 0.25, PLACE(0.3, 1.4 * hash1((uint32_t)i + 5) - 0.7, 0.3));
    sound_splash(tape, 18.9, 0.6, PLACE(0.7, 0.3, 0.4));
}
static void music(struct tape *tape, int version) {
    struct beat b = {0.3, 0.29, 0};
    play_mallet_part(tape, b, "e4 b4 e5 g#5 . b4 e5 . f#4 c#5 f#5 a5 . c#5 f#5 .", PLACE(0.5, -0.3, 0.4));
    play_part(tape, (struct beat){0, 1.16, 0}, "e3+b3+g#4 - - - c#3+g#3+e4 - - - a2+e3+c#4 - - - b2+f#3+d#4 - - - e3+b3+g#4 - - -", play_pad, 0.35, PLACE(0.6, 0, 0.5));
    play_voice(tape, 4.7, 3.4, pitch_of("e4"), 0.7, PLACE(0.35, -0.2, 0.9));
    play_voice(tape, 4.7, 3.4, pitch_of("b4"), 0.7, PLACE(0.3, 0.2, 0.9));
    struct beat race = {8.6, 0.2175, 0};
    for (int bar = 0; bar < 5; bar++) {
        static const char *const line[5] = {"e4 b4 g#4 e5 b4 g#4 e5 b4", "c#4 g#4 e4 c#5 g#4 e4 c#5 g#4", "a3 e4 c#4 a4 e4 c#4 a4 e4", "b3 f#4 d#4 b4 f#4 d#4 b4 f#4", "e4 b4 g#4 e5 b4 g#4 e5 b4"};
        static const char *const low[5] = {"e2 . . e2 . . e2 .", "c#2 . . c#2 . . c#2 .", "a1 . . a1 . . a1 .", "b1 . . b1 . . b1 .", "e2 . . e2 . . e2 ."};
        struct beat here = {race.start + bar * 8 * race.step * 1.12, race.step * 1.12, 0};
        play_mallet_part(tape, here, line[bar], PLACE(0.5, 0.25, 0.3));
        play_part(tape, here, low[bar], play_bass, 0.3, PLACE(0.55, 0, 0.05));
        play_drum(tape, here, "X . . . x . x .", play_kick, PLACE(0.6, 0, 0));
        play_drum(tape, here, ". x x . . x x x", play_shaker, PLACE(0.4, -0.3, 0.1));
        play_drum(tape, here, ". . . . x . . .", play_clap, PLACE(0.35, 0, 0.3));
    }
    play_bell_part(tape, (struct beat){18.6, 0.58, 0}, "g#5 . e5 b5 . e6 . .", 3, PLACE(0.45, 0, 0.6));
    play_part(tape, (struct beat){18.5, 2.2, 0}, "a2+e3+c#4+g#4 e3+b3+e4+g#4", play_strings, 0.35, PLACE(0.5, 0, 0.6));
}

static const struct caption captions[] = {
    {0.8, 4.2, {"[water, before anyone]", "[Wasser, bevor jemand da ist]", "[池水，空无一人]", "[ผืนน้ำก่อนที่ใครจะมา]"}},
    {4.9, 8.2, {"Down here it is quiet enough to think.", "Hier unten ist es still genug zum Denken.", "水下足够安静，可以思考。", "ข้างใต้นี้เงียบพอให้คิดอะไรได้"}},
    {8.9, 11.4, {"Breathe every third stroke.", "Jeden dritten Zug atmen.", "每划三次，换一口气。", "หายใจทุกสามจังหวะ"}},
    {11.8, 14.0, {"[six lanes, one rhythm]", "[sechs Bahnen, ein Rhythmus]", "[六条泳道，同一节奏]", "[หกเลน จังหวะเดียว]"}},
    {14.4, 18.2, {"The rope to the left. The rope to the right. The rest is blue.", "Links die Leine. Rechts die Leine. Der Rest ist blau.", "左边是水线，右边是水线，其余皆是蓝。", "ทุ่นเชือกทางซ้าย ทุ่นเชือกทางขวา ที่เหลือคือสีฟ้า"}},
    {19.2, 22.4, {"A hand, a wall, a hundredth.", "Eine Hand, eine Wand, ein Hundertstel.", "一只手，一面墙，百分之一秒。", "มือหนึ่งข้าง ผนังหนึ่งด้าน เศษหนึ่งส่วนร้อยวินาที"}},
};

const struct film film_swim = {
    .about = {
        .name = "lanes-swim",
        .titles = {"Blue Between", "Das Blau dazwischen", "水线之间", "สีฟ้าระหว่างทุ่น"},
        .synopses = {
            "A pool from above and from below: six swimmers, seven ropes, and the quiet in which a race is really decided.",
            "Ein Becken von oben und von unten: sechs Schwimmende, sieben Leinen und die Stille, in der ein Rennen wirklich entschieden wird.",
            "从空中与水下看一座泳池：六名泳者，七条水线，以及真正决定胜负的那份寂静。",
            "สระว่ายน้ำจากเบื้องบนและเบื้องล่าง นักว่ายหกคน ทุ่นเชือกเจ็ดเส้น และความเงียบที่ตัดสินการแข่งขันอย่างแท้จริง",
        },
        .genres = {"sport", "short"}, .year = 2026, .series = "lanes", .season = 1, .episode = 2, .seconds = 24,
    },
    .paint = paint,
    .finish = {.bloom = 0.25, .vignette = 0.28, .grain = 0.8},
    .music = music, .effects = effects,
    .tracks = {{"Music and effects", true, true, 0}},
    .master = {.hall_seconds = 3.2, .hall_gain = 0.8, .fade_in = 0.6, .fade_out = 1.6, .loudness = -16},
    CAPTIONS(captions),
    .poster = {.at = 16.6, .focus = {520, 360}, .zoom = 1.0, .title = {.family = "Noto Serif Display", .is_italic = true, .leading = 0.9, .align = LEFT},
               .ink = RGB(0xffffff), .scrim = {0.0f, 0.16f, 0.26f, 0.8f}, .words = "Blue\nBetween", .is_title_low = true},
};
