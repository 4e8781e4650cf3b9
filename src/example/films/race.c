/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * "Wet Line": a motor race in the rain, at dusk. Petrol and magenta; everything that shines shines twice. */
#include <stdio.h>

#include "example/film.h"

static const struct colour haze = RGB(0x3d5a73), red = RGB(0xff2b3d), amber = RGB(0xffb347), white = RGB(0xeaf6ff), pink = RGB(0xff4f9a), teal = RGB(0x2fe0c8);

/* The course: how far the road has turned and climbed `s` metres along. */
static double road_x(double s) { return 46 * wave(s / 900) + 22 * wave(s / 370 + 0.2); }
static double road_y(double s) { return 5 * wave(s / 610 + 0.1) + 2.5 * wave(s / 260); }

struct view {
    struct camera camera;
    double s, t;
};
static struct vec3 on_road(const struct view *v, double ahead, double across, double up) {
    double s = v->s + ahead, slope = (road_x(v->s + 1) - road_x(v->s)); /* turned so that the road leaves straight ahead */
    return vec3(road_x(s) - road_x(v->s) - slope * ahead * 0.85 + across, road_y(s) - road_y(v->s) + up, -ahead);
}

static void rain(struct canvas *c, double t, double slant, double amount) {
    for (int i = 0; i < (int)(190 * amount); i++) {
        double depth = hash2((uint32_t)i, 1), speed = 2.2 + 2.4 * depth, fall = fract(hash2((uint32_t)i, 2) + t * speed * 0.9), x = 1700 * hash2((uint32_t)i, (uint32_t)(hash2((uint32_t)i, 2) + t * speed * 0.9) + 5) - 200;
        double y = 860 * fall - 90, length = 34 + 62 * depth;
        ray(c, x, y, x - slant * length, y + length, 2.0 + 1.2 * depth, RGB(0x9fc4e0), 0.20 + 0.18 * depth);
    }
}

/* A car from behind: a low black wedge with a wing, a rain light and a fan of spray. */
static void car_behind(struct canvas *c, const struct view *v, double ahead, double across, struct colour trim, double t, uint32_t seed) {
    struct seen at = camera_see(&v->camera, on_road(v, ahead, across, 0));
    if (at.depth < 1.5) return;
    double m = at.scale, x = at.x, y = at.y;
    double flare = 1 / (1 + ahead * 0.012);
    for (int i = 0; i < 36; i++) { /* spray */
        double age = fract(hash2((uint32_t)i, seed) + t * 1.7), own = hash2((uint32_t)i, seed + 1) - 0.5;
        double sx = x + (own * (1.8 + 3.4 * age)) * m, sy = y - (0.2 + 1.9 * age * (0.4 + hash2((uint32_t)i, seed + 2))) * m, r = (0.5 + 1.5 * age) * m;
        glow(c, sx, sy, r, blend(haze, white, 0.4), 0.30 * (1 - age) * flare);
    }
    canvas_settle(c);
    for (int side = -1; side <= 1; side += 2) {
        path_box(c, x + side * 0.84 * m - 0.2 * m, y - 0.66 * m, 0.40 * m, 0.66 * m, 0.08 * m);
        fill(c, RGB(0x05070b));
    }
    cairo_move_to(c->cr, x - 0.70 * m, y - 0.14 * m);
    cairo_line_to(c->cr, x - 0.46 * m, y - 0.60 * m);
    cairo_line_to(c->cr, x - 0.2 * m, y - 0.95 * m);
    cairo_line_to(c->cr, x + 0.2 * m, y - 0.95 * m);
    cairo_line_to(c->cr, x + 0.46 * m, y - 0.60 * m);
    cairo_line_to(c->cr, x + 0.70 * m, y - 0.14 * m);
    cairo_close_path(c->cr);
    fill_between(c, vec2(x, y - m), trim, vec2(x, y), darker(trim, 0.75));
    path_box(c, x - 0.78 * m, y - 1.06 * m, 1.56 * m, 0.17 * m, 0.03 * m);
    fill(c, darker(trim, 0.35));
    path_box(c, x - 0.82 * m, y - 1.10 * m, 0.07 * m, 0.55 * m, 0.02 * m);
    path_box(c, x + 0.75 * m, y - 1.10 * m, 0.07 * m, 0.55 * m, 0.02 * m);
    fill(c, RGB(0x0a0d13));
    path_circle(c, x, y - 1.02 * m, 0.16 * m);
    fill(c, white);
    double blink = fract(t * 4 + hash1(seed)) < 0.55 ? 1 : 0.25;
    disc(c, x, y - 0.34 * m, 0.08 * m, red);
    glow(c, x, y - 0.34 * m, 2.6 * m, red, 1.0 * blink);
    glow_oval(c, x, y + 0.55 * m, 0.34 * m, 1.6 * m, red, 0.55 * blink);
}

static void world(struct canvas *c, const struct view *v, double t) {
    double horizon = camera_see(&v->camera, vec3(0, v->camera.eye.y, -4000)).y;
    SKY(c, {0, RGB(0x0c1524)}, {horizon - 130, RGB(0x1f3a52)}, {horizon, RGB(0x7a5c86)}, {horizon + 2, RGB(0x2a3546)}, {720, RGB(0x0d141c)});
    double turn = (road_x(v->s + 60) - road_x(v->s)) * 9;
    for (int layer = 0; layer < 2; layer++) { /* hills, and the lights of the town */
        cairo_move_to(c->cr, -10, horizon + 6);
        for (int x = -10; x <= 1290; x += 26) {
            double h = 26 + 44 * (0.5 + clouds2((x + turn * (1 + layer) + v->s * 0.05) / (300.0 - 110 * layer), layer * 7, 3, 5)) - 18 * layer;
            cairo_line_to(c->cr, x, horizon - h);
        }
        cairo_line_to(c->cr, 1290, horizon + 6);
        cairo_close_path(c->cr);
        fill(c, layer ? RGB(0x131f2e) : RGB(0x22384d));
    }
    for (int i = 0; i < 46; i++) {
        double x = fract(hash1((uint32_t)i + 400) - turn / 2600) * 1400 - 60, y = horizon - 4 - 26 * hash1((uint32_t)i + 420);
        glow(c, x, y, 8 + 8 * hash1((uint32_t)i), i % 3 ? amber : pink, 0.9);
    }
    /* The road, far to near, in strips; wet: it takes the colour of the sky. */
    enum { STRIPS = 70 };
    double far[STRIPS + 1];
    for (int i = 0; i <= STRIPS; i++) far[i] = 1.2 * pow(320, 1 - (double)i / STRIPS);
    for (int i = 0; i < STRIPS; i++) {
        double z0 = far[i], z1 = far[i + 1], edge = 7.2;
        struct seen a = camera_see(&v->camera, on_road(v, z0, -edge, 0)), b = camera_see(&v->camera, on_road(v, z0, edge, 0));
        struct seen p = camera_see(&v->camera, on_road(v, z1, -edge, 0)), q = camera_see(&v->camera, on_road(v, z1, edge, 0));
        struct vec2 quad[4] = {{a.x, a.y - 0.6}, {b.x, b.y - 0.6}, {q.x, q.y + 0.6}, {p.x, p.y + 0.6}};
        path_polygon(c, quad, 4);
        double near = ramp(log(z0), log(380), log(2));
        fill(c, blend(RGB(0x6a5a80), RGB(0x161e2b), pow(near, 0.8)));
        int stripe = (int)floor((v->s + z0) / 4) & 1;
        for (int side = -1; side <= 1; side += 2) { /* kerbs */
            struct seen k[4] = {camera_see(&v->camera, on_road(v, z0, side * edge, 0)), camera_see(&v->camera, on_road(v, z0, side * (edge + 1.1), 0.05)), camera_see(&v->camera, on_road(v, z1, side * (edge + 1.1), 0.05)), camera_see(&v->camera, on_road(v, z1, side * edge, 0))};
            struct vec2 kerb[4] = {{k[0].x, k[0].y}, {k[1].x, k[1].y}, {k[2].x, k[2].y}, {k[3].x, k[3].y}};
            path_polygon(c, kerb, 4);
            fill(c, blend(haze, stripe ? RGB(0xb02438) : RGB(0xbcc8d2), 0.3 + 0.6 * near));
        }
    }
    for (int i = 26; i >= 1; i--) { /* lamps beside the road and what the wet road makes of them */
        double ahead = i * 18 - fmod(v->s, 18), side = ((int)floor(v->s / 18) + i) & 1 ? 1 : -1;
        struct seen foot = camera_see(&v->camera, on_road(v, ahead, side * 10.5, 0)), lamp = camera_see(&v->camera, on_road(v, ahead, side * 9.2, 6.4));
        if (foot.depth < 2.5) continue;
        struct colour k = side > 0 ? teal : amber;
        streak(c, foot.x, foot.y, foot.x - side * 0.2 * foot.scale, lamp.y, fmax(1, 0.16 * foot.scale), RGB(0x0a0f16));
        disc(c, lamp.x, lamp.y, 0.20 * lamp.scale, white);
        glow(c, lamp.x, lamp.y, 5.0 * lamp.scale, k, 0.5);
        struct seen mirror = camera_see(&v->camera, on_road(v, ahead, side * 5.4, 0));
        glow_oval(c, mirror.x, mirror.y + 0.5 * mirror.scale, 0.8 * mirror.scale, 2.2 * mirror.scale, k, 0.34);
        ray(c, mirror.x, mirror.y, mirror.x, fmin(800, mirror.y + 2.6 * mirror.scale), 0.5 * mirror.scale, k, 0.24);
    }
    canvas_settle(c);
}

static double speed_at(double t) { return KEYS(t, {0, 20}, {4.5, 64}, {9, 72}, {10.2, 44}, {12, 70}, {20, 84}, {24, 60}); }
static double distance_at(double t) {
    double s = 0;
    for (double u = 0; u < t; u += 0.1) s += speed_at(u) * fmin(0.1, t - u);
    return s;
}

/* Shot: on board, behind one car and another. */
static void chase(struct canvas *c, double t, double height, double gap, double side) {
    struct view v = {.s = distance_at(t), .t = t};
    double lean = (road_x(v.s + 40) - 2 * road_x(v.s + 20) + road_x(v.s)) * 0.02, shake = 0.012 * noise2(t * 9, 0, 3);
    v.camera = camera_look(vec3(side, height, 0), vec3(side * 0.3, height - 2.6 + shake, -30), 52, -lean * 0.5);
    world(c, &v, t);
    car_behind(c, &v, gap + 46, 2.2 * wave(t * 0.07 + 0.3), RGB(0x2f8fff), t, 31);
    car_behind(c, &v, gap + 22, -1.8 + 2.6 * wave(t * 0.11), RGB(0xffc83d), t, 17);
    car_behind(c, &v, gap, 1.0 * wave(t * 0.16) - side * 0.4, RGB(0xe02b58), t, 5);
}

/* Shot: from the side, a car sliced out of rain by speed. */
static void profile(struct canvas *c, double t, double from) {
    double now = t - from, pan = now * 2600;
    SKY(c, {0, RGB(0x0d1a2b)}, {360, RGB(0x34506a)}, {470, RGB(0x7b5f86)}, {471, RGB(0x1a2330)}, {720, RGB(0x0b1017)});
    for (int i = 0; i < 60; i++) { /* lights of the grandstand, drawn out */
        double depth = hash1((uint32_t)i + 9), x = fract(hash1((uint32_t)i) - pan * (0.25 + 0.3 * depth) / 1900) * 1900 - 300, y = 120 + 330 * hash1((uint32_t)i + 70);
        ray(c, x, y, x + 130 + 160 * depth, y, 5 + 7 * depth, i % 4 == 0 ? pink : i % 4 == 1 ? teal : amber, 0.55);
        ray(c, x, 940 - y, x + 180, 940 - y, 14, i % 4 == 0 ? pink : i % 4 == 1 ? teal : amber, 0.10);
    }
    canvas_settle(c);
    double x = mix(1500, -60, ease_in_out(ramp(now, 0, 3.4)) * 0.55 + 0.25) + 14 * noise2(now * 5, 1, 9), y = 560;
    x = KEYS(now, {0, -420}, {1.0, 560}, {2.7, 690}, {3.6, 1750});
    for (int i = 0; i < 150; i++) {
        double age = fract(hash1((uint32_t)i + 300) + now * 1.5), wheel = i & 1 ? -235 : 215;
        glow(c, x + wheel - 30 - 620 * age, y + 10 - 150 * age * hash1((uint32_t)i + 333) - 30 * age, 18 + 90 * age, blend(haze, white, 0.55), 0.16 * (1 - age));
    }
    /* mirror first, then the car */
    for (int mirror = 1; mirror >= 0; mirror--) {
        cairo_save(c->cr);
        if (mirror) {
            cairo_translate(c->cr, 0, 2 * y + 8);
            cairo_scale(c->cr, 1, -1);
        }
        double dim = mirror ? 0.72 : 0;
        cairo_move_to(c->cr, x - 330, y - 92);
        cairo_curve_to(c->cr, x - 240, y - 100, x - 140, y - 150, x - 60, y - 152);
        cairo_curve_to(c->cr, x + 10, y - 120, x + 60, y - 100, x + 120, y - 92);
        cairo_curve_to(c->cr, x + 230, y - 84, x + 320, y - 54, x + 372, y - 34);
        cairo_line_to(c->cr, x + 372, y - 24);
        cairo_line_to(c->cr, x - 318, y - 24);
        cairo_close_path(c->cr);
        fill_between(c, vec2(0, y - 150), darker(RGB(0xff3d6e), dim), vec2(0, y - 20), darker(RGB(0x6a1238), dim));
        path_box(c, x - 372, y - 168, 92, 14, 4);
        path_box(c, x - 340, y - 160, 12, 90, 2);
        path_box(c, x + 330, y - 40, 80, 10, 3);
        fill(c, darker(RGB(0x1a2230), dim));
        cairo_move_to(c->cr, x - 270, y - 96);
        cairo_line_to(c->cr, x + 250, y - 66);
        stroke(c, darker(RGB(0xffe3ea), dim), 4);
        path_circle(c, x + 2, y - 138, 25);
        fill(c, darker(white, dim));
        path_oval(c, x + 12, y - 139, 14, 8, 0.1);
        fill(c, darker(RGB(0x223044), dim));
        for (int w = 0; w < 2; w++) {
            double wx = x + (w ? 232 : -236), r = w ? 58 : 64;
            path_circle(c, wx, y - r + 4, r);
            fill(c, darker(RGB(0x07090d), dim));
            path_circle(c, wx, y - r + 4, r * 0.52);
            stroke(c, darker(RGB(0x5a6a7a), dim), 5);
            for (int k = 0; k < 5; k++) {
                double a = k * TAU / 5 + now * 61;
                path_line(c, vec2(wx, y - r + 4), add2(vec2(wx, y - r + 4), polar(r * 0.5, a)));
            }
            stroke(c, darker(RGB(0x39485a), dim), 3);
        }
        cairo_restore(c->cr);
    }
    glow(c, x - 350, y - 100, 150, red, 1.2);
    glow_oval(c, x - 350, y + 100, 40, 90, red, 0.5);
    glow_oval(c, x, y - 145, 330, 26, white, 0.18);
}

/* Shot: drops on a visor, lights behind them out of focus. */
static void visor(struct canvas *c, double t, double from) {
    double now = t - from;
    SKY(c, {0, RGB(0x060b14)}, {380, RGB(0x1d3147)}, {720, RGB(0x0a0f18)});
    for (int i = 0; i < 34; i++) {
        double grow = fract(hash1((uint32_t)i) + now * 0.12), a = hash1((uint32_t)i + 7) * TAU, r = 40 + 620 * grow * grow;
        struct colour k = i % 3 == 0 ? red : i % 3 == 1 ? amber : teal;
        path_circle(c, 640 + r * cos(a), 340 + r * sin(a) * 0.55, 12 + 66 * grow);
        fill(c, with_alpha(k, 0.26 * hump(grow, 0, 0.2, 0.8, 1)));
        path_circle(c, 640 + r * cos(a), 340 + r * sin(a) * 0.55, 12 + 66 * grow);
        stroke(c, with_alpha(k, 0.35 * hump(grow, 0, 0.2, 0.8, 1)), 2);
    }
    double wipe = ramp(now, 2.1, 2.5), edge = mix(-200, 1500, ease_in_out(wipe));
    for (int i = 0; i < 210; i++) {
        double born = hash1((uint32_t)i + 900), x = 1280 * hash1((uint32_t)i + 600), y = 720 * hash1((uint32_t)i + 700), r = 4 + 17 * pow(hash1((uint32_t)i + 800), 3);
        double slide = r > 12 ? fmax(0, now - 0.5 - born) * 60 * r / 14 : 0;
        bool is_wiped = x < edge && born * 4.2 < 2.9;
        if (is_wiped && now < 2.2 + born) continue;
        if (now < born * 1.2) continue;
        double px = x + slide * 1.6, py = y - slide * 0.35;
        struct colour k = i % 3 == 0 ? red : i % 3 == 1 ? amber : teal;
        path_oval(c, px, py, r * 1.1, r, 0);
        fill_between(c, vec2(px, py - r), with_alpha(RGB(0x0b1420), 0.75), vec2(px, py + r), with_alpha(blend(k, white, 0.35), 0.75));
        disc(c, px - r * 0.3, py - r * 0.4, r * 0.2, with_alpha(white, 0.9));
    }
    cairo_rectangle(c->cr, 0, 0, 1280, 720); /* the edge of the helmet */
    path_oval(c, 640, 350, 830, 345, 0);
    cairo_set_fill_rule(c->cr, CAIRO_FILL_RULE_EVEN_ODD);
    fill(c, RGB(0x020306));
    cairo_set_fill_rule(c->cr, CAIRO_FILL_RULE_WINDING);
}

static void paint(struct canvas *c, double t, const void *state) {
    cairo_save(c->cr);
    if (t < 6.2) chase(c, t, mix(5.2, 1.5, ease_in_out(ramp(t, 0.5, 5.5))), mix(12, 7, ramp(t, 0, 5.5)), 0);
    else if (t < 9.6) profile(c, t, 6.1);
    else if (t < 13.2) visor(c, t, 9.6);
    else if (t < 18.2) chase(c, t, 1.0, mix(6.2, 4.6, ramp(t, 13.2, 18.2)), 1.2);
    else if (t < 20.4) profile(c, t, 18.0);
    else chase(c, t, mix(1.4, 7.5, ease_in_out(ramp(t, 20.4, 25))), mix(10, 26, ramp(t, 20.4, 25)), 0);
    cairo_restore(c->cr);
    rain(c, t, t < 6.2 || (t > 13.2 && t < 18.2) || t > 20.4 ? 0.12 : 0.7, t > 9.6 && t < 13.2 ? 0.3 : 1);
    letterbox(c, 52);
    struct lettering title = {.family = "Noto Sans Display", .size = 96, .is_bold = true, .is_italic = true, .spacing = -0.01, .align = LEFT};
    title_card(c, "WET LINE", &title, 84, 96, white, t, 1.0, 4.8);
}

static double rain_level(double t, const void *user) { return KEYS(t, {0, 0.7}, {9.6, 0.7}, {9.7, 0.3}, {13.1, 0.3}, {13.3, 0.8}, {25, 0.7}); }
static double motor(double t, const void *user) {
    return KEYS(t, {0, 95}, {2.4, 165}, {2.5, 125}, {4.4, 178}, {4.5, 140}, {6.2, 182}, {9.6, 150}, {10.4, 80}, {11.0, 95}, {13, 170}, {13.1, 135}, {15.6, 185}, {15.7, 150}, {18, 190}, {20.4, 195}, {25, 150});
}
static double motor_level(double t, const void *user) { return KEYS(t, {0, 0.3}, {1, 0.6}, {6.1, 0.6}, {6.2, 0.1}, {9.5, 0.1}, {9.7, 0.35}, {13, 0.5}, {18, 0.7}, {18.1, 0.15}, {20.4, 0.5}, {23, 0.2}, {25, 0.05}); }
static void effects(struct tape *tape) {
    sound_rain(tape, 0, 25, rain_level, NULL, PLACE(0.8, 0, 0.1));
    sound_engine(tape, 0, 25, motor, motor_level, NULL, PLACE(0.42, 0, 0.12));
    sound_whoosh(tape, 6.5, 1.4, -0.9, 0.7, 0.9);
    sound_whoosh(tape, 9.0, 0.9, 0.2, 0.9, 1.2);
    sound_whoosh(tape, 11.7, 0.5, -0.9, 0.9, 0.6);
    sound_whoosh(tape, 18.4, 1.4, -0.9, 0.7, 0.9);
    sound_whoosh(tape, 20.0, 0.7, 0.2, 0.9, 1.0);
}
static void music(struct tape *tape, int version) {
    double step = 0.1875; /* sixteenth notes at 80, felt at 160 */
    for (int bar = 0; bar < 8; bar++) {
        struct beat b = {0.2 + bar * 16 * step, step, 0};
        static const char *const low[4] = {"c2 . c2 . . c2 . c2 . c2 . . c2 . eb2 .", "ab1 . ab1 . . ab1 . ab1 . ab1 . . ab1 . bb1 .", "f1 . f1 . . f1 . f1 . f1 . . f1 . g1 .", "g1 . g1 . . g1 . g1 . g1 . . b1 . d2 ."};
        static const char *const arp[4] = {"c4 g4 eb5 g4 c5 g4 eb5 g4 c4 g4 d5 g4 c5 g4 d5 g4", "c4 ab4 eb5 ab4 c5 ab4 eb5 ab4 c4 ab4 eb5 ab4 c5 ab4 eb5 ab4", "c4 f4 ab4 f4 c5 f4 ab4 f4 c4 f4 ab4 f4 c5 f4 ab4 f4", "b3 g4 d5 g4 b4 g4 d5 g4 b3 g4 f5 g4 b4 g4 d5 g4"};
        static const char *const pad[4] = {"c3+g3+eb4", "ab2+eb3+c4", "f2+c3+ab3", "g2+d3+b3"};
        bool is_visor = bar == 3, is_last = bar == 7;
        play_part(tape, (struct beat){b.start, 16 * step, 0}, pad[bar % 4], play_pad, 0.3, PLACE(0.45, 0, 0.5));
        if (!is_visor) play_part(tape, b, low[bar % 4], play_bass, 0.55, PLACE(0.6, 0, 0));
        play_part(tape, b, arp[bar % 4], play_arp, is_visor ? 0.15 : 0.2 + 0.06 * bar, PLACE(0.42, wave(bar * 0.3) * 0.5, 0.3));
        if (bar > 0 && !is_visor && !is_last) {
            play_drum(tape, b, "X . . . x . . . X . . . x . x .", play_kick, PLACE(0.7, 0, 0));
            play_drum(tape, b, ". . . . X . . . . . . . X . . o", play_snare, PLACE(0.42, 0, 0.2));
        }
        if (!is_visor)
            for (int k = 0; k < 16; k += 2) play_hat(tape, b.start + k * step, k % 4 == 2 ? 0.16 : 0.05, PLACE(0.22, 0.35, 0.05));
    }
    play_part(tape, (struct beat){13.2, 0.375, 0}, "g4 - - c5 - - eb5 - d5 - - bb4 - - g4 -", play_lead, 0.5, PLACE(0.36, 0.2, 0.5));
    play_rise(tape, 11.6, 1.6, PLACE(0.35, 0, 0.2));
    play_boom(tape, 13.2, PLACE(0.5, 0, 0.4));
    play_boom(tape, 6.15, PLACE(0.45, 0, 0.4));
}

static const struct caption captions[] = {
    {0.8, 3.6, {"[rain, six cylinders]", "[Regen, sechs Zylinder]", "[雨声，六缸引擎]", "[เสียงฝน เครื่องยนต์หกสูบ]"}},
    {4.0, 6.0, {"The dry line is gone.", "Die trockene Linie ist weg.", "干燥的赛车线已经消失。", "ไลน์แห้งหายไปแล้ว"}},
    {6.4, 9.2, {"[it passes]", "[er fliegt vorbei]", "[飞驰而过]", "[แล่นผ่านไป]"}},
    {9.9, 12.9, {"You look through water and believe the lights.", "Man sieht durch Wasser und glaubt den Lichtern.", "透过雨水望去，只能相信灯光。", "มองผ่านม่านน้ำ แล้วเชื่อแสงไฟ"}},
    {13.5, 17.8, {"Somewhere in the spray there is one more car to pass.", "Irgendwo in der Gischt ist noch ein Wagen zu überholen.", "水雾之中，还有一辆车等着超越。", "ในละอองน้ำยังมีรถอีกคันที่ต้องแซง"}},
    {20.6, 24.0, {"Then the road is yours.", "Dann gehört die Straße dir.", "然后，赛道属于你。", "แล้วถนนก็เป็นของคุณ"}},
};

const struct film film_race = {
    .about = {
        .name = "wet-line",
        .titles = {"Wet Line", "Nasse Linie", "雨中赛线", "ไลน์เปียก"},
        .synopses = {
            "A race in the rain at dusk. Red lights in white spray, neon on black asphalt, and one more car ahead.",
            "Ein Rennen im Regen, in der Dämmerung. Rote Lichter in weißer Gischt, Neon auf schwarzem Asphalt, und vorn noch ein Wagen.",
            "黄昏雨战。白色水雾中的红灯，黑色沥青上的霓虹，前方还有最后一辆车。",
            "การแข่งรถกลางสายฝนยามพลบค่ำ ไฟแดงในละอองขาว แสงนีออนบนยางมะตอยสีดำ และรถอีกคันข้างหน้า",
        },
        .genres = {"sport", "action", "short"}, .year = 2026, .seconds = 25,
    },
    .paint = paint,
    .finish = {.bloom = 0.6, .vignette = 0.4, .grain = 0.8},
    .music = music, .effects = effects,
    .tracks = {{"Music and effects", true, true, 0}},
    .master = {.hall_seconds = 1.6, .hall_gain = 0.6, .fade_in = 0.3, .fade_out = 2.0, .loudness = -16},
    CAPTIONS(captions),
    .poster = {.at = 16.0, .focus = {600, 380}, .zoom = 1.0, .title = {.family = "Noto Sans Display", .is_bold = true, .is_italic = true, .leading = 0.86, .align = LEFT},
               .ink = RGB(0xffffff), .scrim = {0.03f, 0.05f, 0.1f, 0.8f}, .words = "WET\nLINE"},
};
