/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * "Ten Seconds": a hundred metres at night. Indigo and sodium light; a camera that runs along. */
#include <stdio.h>

#include "example/film.h"

enum { LANES = 8 };
#define GUN 7.0     /* film time of the shot */
#define FINISH 18.1 /* the first chest at the line */

static const struct colour lights[] = {RGB(0xffd9a0), RGB(0xff9e6b), RGB(0xfff4dc), RGB(0x8fb4ff), RGB(0xe86a8a), RGB(0xb7a4ff), RGB(0x5f6fd8)};
static const struct colour vests[LANES] = {RGB(0xf25c54), RGB(0xf7b267), RGB(0x4cc9f0), RGB(0xf4f1de), RGB(0xb8f2a0), RGB(0xff8fab), RGB(0x9b8cff), RGB(0xffd23f)};
static const struct colour skins[LANES] = {RGB(0x6b4030), RGB(0x8d5a3f), RGB(0xc98f6b), RGB(0x59352a), RGB(0xa56b49), RGB(0xd9a27e), RGB(0x4a2c22), RGB(0xb57d58)};

static struct kit kit_of(int lane) {
    return (struct kit){.skin = skins[lane], .vest = vests[lane], .shorts = darker(vests[lane], 0.55), .shoes = RGB(0xf5f0ff), .hair = RGB(0x140f1d),
                        .rim = with_alpha(RGB(0xffcf9a), 0.9), .rim_from = {-2.2, -2.6}, .far_dark = 0.42, .has_ponytail = lane % 3 == 1};
}

/* Metres run in lane `lane`, t seconds after the gun: exponential approach to top speed (Keller's model). */
static double metres(int lane, double t) {
    static const double top[LANES] = {10.35, 10.62, 10.50, 10.95, 10.72, 10.44, 10.81, 10.25};
    double run = fmax(0, t - 0.14 - 0.01 * hash1((uint32_t)lane + 4)), tau = 1.25;
    return top[lane] * (run - tau * (1 - exp(-run / tau)));
}

static void night(struct canvas *c, double horizon) {
    SKY(c, {0, RGB(0x070817)}, {horizon * 0.55, RGB(0x14153a)}, {horizon, RGB(0x2b2a63)}, {720, RGB(0x2b2a63)});
}

static void floodlight(struct canvas *c, double x, double y, double size, double strength) {
    for (int row = 0; row < 3; row++)
        for (int k = 0; k < 5; k++) {
            disc(c, x + (k - 2) * size * 0.42, y + row * size * 0.36, size * 0.13, RGB(0xfff6e0));
            glow(c, x + (k - 2) * size * 0.42, y + row * size * 0.36, size * 1.2, RGB(0xffe9c4), 0.45 * strength);
        }
    glow(c, x, y + size * 0.4, size * 9, RGB(0x8d97ff), 0.34 * strength);
    glow_oval(c, x, y + size * 0.4, size * 16, size * 0.7, RGB(0xcdd2ff), 0.4 * strength);
}

/* The stadium from the inside: roof, two tiers of people, boards. `pan` moves the camera along, in units. */
static void stadium(struct canvas *c, double t, double pan, double excited, double blur) {
    night(c, 400);
    cairo_move_to(c->cr, -10, 92);
    cairo_curve_to(c->cr, 380, 52, 900, 52, 1290, 92);
    cairo_line_to(c->cr, 1290, 150);
    cairo_curve_to(c->cr, 900, 118, 380, 118, -10, 150);
    cairo_close_path(c->cr);
    fill_between(c, vec2(0, 60), RGB(0x20214f), vec2(0, 150), RGB(0x0c0d26));
    struct stand upper = {-20, 1300, 140, 252, 9.3, 10, lights, 7, 1.9, 0.34, 11}, lower = {-20, 1300, 268, 392, 11.3, 12.5, lights, 7, 2.6, 0.44, 12};
    cairo_rectangle(c->cr, 0, 256, 1280, 9);
    fill(c, RGB(0x0a0b20));
    stand_draw(c, &upper, t, pan * 0.5, excited, blur * 0.5);
    stand_draw(c, &lower, t, pan * 0.62, excited, blur * 0.62);
    for (int i = -1; i < 6; i++) { /* floodlights swing by more slowly than the stand */
        double x = i * 420.0 - fmod(pan * 0.42, 420) + 160;
        floodlight(c, x, 66 + 0.00006 * (x - 640) * (x - 640), 26, 1);
    }
    for (int i = 0; i < 14; i++) { /* cameras flash in the crowd */
        double turn = t * 2.6 + hash1((uint32_t)i) * 9, now = fract(turn);
        uint32_t n = (uint32_t)turn * 14 + (uint32_t)i;
        if (now < 0.16 && hash1(n) < 0.12 + 0.5 * excited) {
            double x = 1280 * hash2(n, 5), y = 150 + 230 * hash2(n, 6);
            glow(c, x, y, 26, RGB(0xffffff), 1.6 * (1 - now / 0.16));
            glow_oval(c, x, y, 60, 3, RGB(0xdfe6ff), 1.0 * (1 - now / 0.16));
        }
    }
    canvas_settle(c);
    cairo_rectangle(c->cr, 0, 392, 1280, 44); /* boards */
    fill_between(c, vec2(0, 392), RGB(0x1a1c4a), vec2(0, 436), RGB(0x0d0e2a));
    for (int i = -1; i < 5; i++) {
        double x = i * 520.0 - fmod(pan * 0.8, 520);
        struct lettering board = {.family = "Noto Sans Display", .size = 25, .is_bold = true, .spacing = 0.35};
        static const char *const words[3] = {"GRANDSTAND", "100 m", "NIGHT OF LANES"};
        int which = (int)(floor((pan * 0.8) / 520) + i) % 3;
        letters(c, &board, x + 60, 396, with_alpha(lights[(which + 3) % 3], blur > 20 ? 0.45 : 0.8), words[(which + 3) % 3]);
    }
}

/* The track in one-point perspective from the side: lane k lies between lane_y(k) and lane_y(k + 1). */
static double lane_y(double k) { return 450 + 236 * pow(k / LANES, 1.45); }
static double lane_height(int k) { return 118 + 15.5 * k; }

static void track(struct canvas *c, double pan, double blur) {
    cairo_rectangle(c->cr, 0, 436, 1280, 300);
    fill_between(c, vec2(0, 436), RGB(0x5a2748), vec2(0, 720), RGB(0xb4493f));
    for (int k = 0; k <= LANES; k++) {
        cairo_rectangle(c->cr, 0, lane_y(k) - 0.8 - 0.25 * k, 1280, 1.6 + 0.5 * k);
        fill(c, with_alpha(RGB(0xffe8dc), 0.75));
    }
    for (int i = 0; i < 46; i++) { /* grains of the surface, drawn out by speed */
        double depth = hash1((uint32_t)i + 50), y = lane_y(LANES * depth), speed = 0.75 + 0.5 * depth;
        double x = fract(hash1((uint32_t)i + 90) - pan * speed / 1500) * 1500 - 110;
        streak(c, x, y, x + 8 + blur * speed, y, 1.5, with_alpha(RGB(0xffd0b8), 0.10 + 0.1 * depth));
    }
    for (int i = -1; i < 4; i++) { /* marks every ten metres, slanted by perspective */
        double x = i * 620.0 - fmod(pan, 620);
        cairo_move_to(c->cr, x, 450);
        cairo_line_to(c->cr, x - 130, 720);
        stroke(c, with_alpha(RGB(0xffe8dc), 0.16), 5);
    }
    glow_oval(c, 640, 452, 900, 120, RGB(0x8f7bff), 0.16);
}

static void shadow(struct canvas *c, double x, double y, double height) {
    path_oval(c, x - height * 0.1, y + 3, height * 0.34, height * 0.045, 0);
    fill(c, with_alpha(RGB(0x12081c), 0.5));
}

/* Shot 1: the light comes on; the empty track, the clock at nought. */
static void opening(struct canvas *c, double t) {
    double pan = 300 + 60 * t;
    stadium(c, t, pan, 0.12, 0);
    track(c, pan, 0);
    double dark = 1 - fade(t, 0.4, 3.2);
    cairo_rectangle(c->cr, 0, 0, 1280, 720);
    fill(c, with_alpha(RGB(0x03030a), 0.55 * dark));
}

/* Shot 2: on your marks, set. */
static void blocks(struct canvas *c, double t) {
    double p = KEYS(t, {3.4, 0}, {5.2, 0}, {5.9, 0.5}, {GUN + 0.12, 0.5}, {GUN + 0.5, 1});
    double push = ease_in_out(ramp(t, 3.4, 7.4));
    cairo_translate(c->cr, 640, 500);
    cairo_scale(c->cr, mix(1.12, 1.3, push), mix(1.12, 1.3, push));
    cairo_translate(c->cr, -640 + 40 * (1 - push), -500);
    stadium(c, t, 900 + 25 * t, 0.06 + 0.1 * fade(t, GUN, GUN + 0.3), 0);
    track(c, 80, 0);
    for (int k = 0; k < LANES; k += 1) {
        double y = (lane_y(k) + lane_y(k + 1)) / 2 + 6, x = 330 + 20 * k, h = lane_height(k) * 1.08;
        double breath = 0.012 * wave(t * 0.35 + hash1((uint32_t)k)), leave = fmax(0, metres(k, t - GUN)) * 75;
        struct figure f = figure_start(vec2(x + leave, y), h, p + breath * (p < 0.4));
        cairo_rectangle(c->cr, x - h * 0.36, y - h * 0.05, h * 0.42, h * 0.035);
        fill(c, RGB(0x1c1830));
        shadow(c, x + leave + h * 0.1, y, h);
        struct kit kit = kit_of(k);
        figure_draw(c, &f, &kit);
    }
}

/* Shot 3 and 5: the run from the side; the camera keeps with the leaders. */
static void run(struct canvas *c, double t, double first_lane, double zoom) {
    double now = t - GUN, lead = 0;
    for (int k = 0; k < LANES; k++) lead = fmax(lead, metres(k, now));
    double speed = (metres(3, now + 0.05) - metres(3, now - 0.05)) / 0.1, pan = (lead - 3) * 150, blur = speed * 3.4;
    double shake = clouds2(t * 3, 0, 2, 5) * 4;
    cairo_translate(c->cr, 640, 470 + shake);
    cairo_scale(c->cr, zoom, zoom);
    cairo_translate(c->cr, -640, -470 - first_lane * 4);
    stadium(c, t, pan * 0.9, 0.35 + 0.65 * fade(t, 12, 17), blur);
    track(c, pan, blur);
    for (int k = 0; k < LANES; k++) {
        double y = (lane_y(k) + lane_y(k + 1)) / 2 + 6, h = lane_height(k), depth = 0.8 + 0.055 * k;
        double x = 830 + (metres(k, now) - lead) * 118 * depth - 14 * k, turn = metres(k, now) / 4.7 + hash1((uint32_t)k + 30);
        double effort = ramp(now, 0.6, 2.4);
        struct figure running = figure_run(vec2(x, y), h, turn, effort);
        struct kit kit = kit_of(k);
        shadow(c, x, y, h);
        figure_draw(c, &running, &kit);
    }
}

/* Shot 4: close on the feet, slow. */
static void feet(struct canvas *c, double t, double from) {
    double slow = (t - from) * 0.32, pan = slow * 2600;
    SKY(c, {0, RGB(0x0b0b24)}, {360, RGB(0x3a2a66)}, {440, RGB(0x7a3a66)}, {441, RGB(0x6d2d48)}, {720, RGB(0xc9574a)});
    for (int i = 0; i < 26; i++) { /* the stand, far out of focus */
        double depth = hash1((uint32_t)i), x = fract(hash1((uint32_t)i + 40) - pan * (0.12 + 0.1 * depth) / 1500) * 1700 - 200;
        double y = 60 + 330 * hash1((uint32_t)i + 80), r = 20 + 44 * depth;
        path_circle(c, x, y, r);
        fill(c, with_alpha(lights[i % 7], 0.16));
    }
    for (int k = 0; k < 3; k++) {
        cairo_rectangle(c->cr, 0, 470 + 92 * k * (1 + 0.25 * k), 1280, 5 + 4 * k);
        fill(c, with_alpha(RGB(0xffe8dc), 0.8));
    }
    for (int k = 0; k < 3; k++) {
        double h = 900 + 260 * k, y = 520 + 95 * k * (1 + 0.2 * k), x = 330 + 360 * k - 130 * (t - from) * (1.5 - k);
        struct figure f = figure_run(vec2(x, y), h, slow * 1.15 + 0.31 * k, 1);
        struct kit kit = kit_of(k * 2 + 1);
        kit.rim_from = vec2(-4, -5);
        shadow(c, x, y, h * 0.8);
        figure_draw(c, &f, &kit);
        double beat = fract(2 * (slow * 1.15 + 0.31 * k));
        for (int i = 0; i < 14; i++) { /* what the spikes throw up */
            double a = hash2((uint32_t)i, (uint32_t)k) * 2.2 + 3.4, r = (40 + 130 * hash2((uint32_t)i, 7)) * ease_out(beat);
            glow(c, x + 20 + r * cos(a) - 90 * beat, y + r * sin(a) * 0.7 + 120 * beat * beat, 5, RGB(0xffc79a), 1.1 * (1 - beat));
        }
    }
    beam(c, 1180, -40, 30, 380, 700, 420, RGB(0xffdcb0), 0.22);
}

/* Shot 6: over the line, arms up, light. */
static void finish(struct canvas *c, double t) {
    double now = t - FINISH, pan = 14800 + 500 * ease_out(ramp(now, 0, 3.5));
    stadium(c, t, pan, 1, 30 * (1 - ramp(now, 0, 1.6)));
    track(c, pan, 30 * (1 - ramp(now, 0, 1.6)));
    double line = 700 - 420 * ease_out(ramp(now, -0.2, 3.2));
    cairo_move_to(c->cr, line, 450);
    cairo_line_to(c->cr, line - 130, 720);
    stroke(c, RGB(0xffffff), 9);
    for (int k = 0; k < LANES; k++) {
        double y = (lane_y(k) + lane_y(k + 1)) / 2 + 6, h = lane_height(k), slow = 1 - 0.55 * ramp(now, 0.3, 3.5);
        double behind = metres(3, FINISH - GUN) - metres(k, FINISH - GUN), x = 700 - behind * 118 + 150 * now * slow * 0.55 - 14 * k;
        struct figure f = figure_run(vec2(x, y), h, metres(k, t - GUN) / 4.7 * 0.8 + hash1((uint32_t)k + 30), 0.75 * slow);
        if (k == 3) { /* she has won: arms rise */
            double up = ease_out_back(ramp(now, 0.2, 0.9));
            for (int side = 0; side < 2; side++) {
                struct vec2 high = add2(f.shoulder[side], vec2((side ? 0.14 : -0.10) * h, -0.30 * h));
                f.hand[side] = mix2(f.hand[side], high, up);
                f.elbow[side] = joint_between(f.shoulder[side], &f.hand[side], 0.186 * h, 0.165 * h, side ? 1 : -1);
            }
            glow(c, x, y - h * 0.6, 240, RGB(0xffe2b8), 0.35 * up);
        }
        struct kit kit = kit_of(k);
        shadow(c, x, y, h);
        figure_draw(c, &f, &kit);
    }
    for (int i = 0; i < 150; i++) { /* paper in the air */
        double age = now - 0.3 - 0.8 * hash2((uint32_t)i, 3), own = hash2((uint32_t)i, 1);
        if (age <= 0) continue;
        double x = 1280 * own + 60 * wave(age * 0.6 + own * 5) - 40 * age, y = -30 + 900 * hash2((uint32_t)i, 2) * (1 - exp(-age * 0.9)) + 26 * age, turn = age * (2 + 3 * own);
        path_oval(c, x, y, 5.5, fmax(0.6, 4.5 * fabs(cos(turn))), turn * 0.7);
        fill(c, with_alpha(lights[i % 7], 0.95));
    }
}

static void paint(struct canvas *c, double t, const void *state) {
    cairo_save(c->cr);
    if (t < 3.4) opening(c, t);
    else if (t < GUN + 0.55) blocks(c, t);
    else if (t < 11.2) run(c, t, 0, mix(1.0, 1.12, ramp(t, 7.5, 11.2)));
    else if (t < 14.4) feet(c, t, 11.2);
    else if (t < FINISH) run(c, t, 6, mix(1.32, 1.18, ramp(t, 14.4, FINISH)));
    else finish(c, t);
    cairo_restore(c->cr);
    letterbox(c, 46);
    struct lettering title = {.family = "Noto Sans Display", .size = 64, .is_bold = true, .spacing = 0.14, .align = CENTRE};
    title_card(c, "TEN SECONDS", &title, 640, 250, RGB(0xfff4e4), t, 0.7, 3.4);
    if (t > GUN && t < 22.4 && !c->is_bare) { /* the clock */
        char text[16];
        clock_text(text, fmin(t - GUN, FINISH - GUN - 1.24) * 1.0, 2);
        struct lettering digits = {.family = "Noto Sans Display", .size = 46, .is_bold = true, .spacing = 0.02, .align = RIGHT};
        letters(c, &digits, 1216, 606, with_alpha(RGB(0xffd9a0), fade(t, GUN, GUN + 0.3) * (1 - fade(t, 21.8, 22.4))), text);
    }
}

static double crowd_level(double t, const void *user) {
    return KEYS(t, {0, 0.25}, {3.2, 0.3}, {4.6, 0.1}, {6.2, 0.03}, {GUN, 0.05}, {GUN + 0.8, 0.45}, {14, 0.6}, {17.6, 0.9}, {19, 1}, {22, 0.7}, {25, 0.4});
}
static void effects(struct tape *tape) {
    sound_crowd(tape, 0, 25, crowd_level, NULL, PLACE(0.5, 0, 0.5));
    sound_applause(tape, 17.6, 25, crowd_level, NULL, PLACE(0.4, 0, 0.4));
    sound_shot(tape, GUN, PLACE(0.9, -0.3, 0.35));
    for (double at = GUN + 0.3; at < 11.2; at += 0.225)
        for (int k = 0; k < 3; k++) sound_step(tape, at + 0.06 * hash2((uint32_t)(at * 100), (uint32_t)k), 0.5, PLACE(0.45, 0.4 * (k - 1), 0.1));
    for (double at = 11.3; at < 14.4; at += 0.68) sound_step(tape, at, 1, PLACE(1.1, wave(at) * 0.4, 0.35));
    for (double at = 14.4; at < FINISH; at += 0.21) sound_step(tape, at, 0.6, PLACE(0.5, wave(at * 3) * 0.4, 0.1));
    sound_whoosh(tape, 10.9, 0.8, 0.8, -0.8, 0.5);
    sound_whoosh(tape, 17.7, 0.9, -0.8, 0.8, 0.6);
}

static void music(struct tape *tape, int version) {
    struct beat slow = {0, 0.5, 0}, fast = {GUN + 0.5, 0.2143, 0}; /* 140 beats a minute once they run */
    play_part(tape, slow, "d3+a3+f4 - - - - - - - bb2+f3+d4 - - - - - -", play_pad, 0.25, PLACE(0.6, 0, 0.5));
    play_part(tape, slow, ". . d2 - - - - . . . . bb1 - - .", play_bass, 0.05, PLACE(0.5, 0, 0.1));
    for (double at = 4.2; at < GUN - 0.4; at += 0.86 - 0.06 * (at - 4.2)) { /* a heart */
        play_taiko(tape, at, PLACE(0.28, 0, 0.3));
        play_taiko(tape, at + 0.2, PLACE(0.16, 0, 0.3));
    }
    play_rise(tape, GUN - 2.2, 2.1, PLACE(0.3, 0, 0.3));
    play_drum(tape, fast, "X . x . X . x . X . x . X . x . X . . . . . . . . . . . . . . . X . x . X . x . X . x . X x x x", play_kick, PLACE(0.8, 0, 0));
    play_drum(tape, fast, ". x . x . x . x . x . x . x . x . . . . . . . . . . . . . . . . . x . x . x . x . x . x . x . x", play_shaker, PLACE(0.4, 0.3, 0.1));
    play_drum(tape, fast, ". . . . x . . . . . . . x . . . . . . . . . . . . . . . . . . . . . . . x . . . . . . . x . x x", play_snare, PLACE(0.4, 0, 0.25));
    play_part(tape, fast, "d3 a3 d4 f4 d3 a3 d4 e4 c3 g3 c4 e4 bb2 f3 bb3 d4 . . . . . . . . . . . . . . . . d3 a3 d4 f4 d3 a3 d4 g4 c3 g3 c4 e4 a2 e3 a3 c#4",
              play_arp, 0.5, PLACE(0.55, -0.25, 0.2));
    play_part(tape, fast, "d2 - d2 - d2 - d2 - c2 - c2 - bb1 - bb1 - d2 - - - - - - - bb1 - - - - - - - d2 - d2 - d2 - d2 - c2 - c2 - a1 - a1 -", play_bass, 0.4, PLACE(0.5, 0, 0));
    struct beat float_ = {11.3, 0.4, 0};
    play_part(tape, float_, "d4+a4 - - - c4+g4 - - bb3+f4", play_voice, 0.6, PLACE(0.5, 0, 0.7));
    play_bell_part(tape, float_, "a5 . d6 . e6 . c6 .", 2.2, PLACE(0.35, 0.3, 0.6));
    play_rise(tape, 16.2, 1.9, PLACE(0.4, 0, 0.3));
    play_boom(tape, FINISH, PLACE(0.7, 0, 0.5));
    struct beat end = {FINISH, 0.43, 0};
    play_part(tape, end, "d3+f#3+a3+d4 - - - g3+b3+d4 - - - a3+d4+f#4 - - - d3+a3+d4+f#4 - - -", play_strings, 0.55, PLACE(0.5, 0, 0.5));
    play_part(tape, end, "d2 - - - g2 - - - d2 - - - d2 - - -", play_bass, 0.2, PLACE(0.5, 0, 0.1));
    play_part(tape, end, "f#4 - a4 d5 - - b4 - a4 - - - d5 - - -", play_lead, 0.35, PLACE(0.4, 0, 0.5));
    play_drum(tape, end, "X . . x . . X . . x . . X", play_taiko, PLACE(0.6, 0, 0.4));
}

static const struct caption captions[] = {
    {0.9, 3.3, {"[distant crowd, evening air]", "[fernes Publikum, Abendluft]", "[远处的人群，夜晚的空气]", "[เสียงผู้ชมแว่วมา อากาศยามค่ำ]"}},
    {3.6, 5.6, {"Eight lanes. One line.", "Acht Bahnen. Eine Linie.", "八条跑道，一条终点线。", "แปดเลน หนึ่งเส้นชัย"}},
    {5.8, 6.9, {"[silence before the gun]", "[Stille vor dem Schuss]", "[枪响前的寂静]", "[ความเงียบก่อนเสียงปืน]"}},
    {7.2, 10.8, {"Four years lie behind this second.", "Hinter dieser Sekunde liegen vier Jahre.", "这一秒，凝聚着四年的光阴。", "สี่ปีเต็มอยู่เบื้องหลังวินาทีนี้"}},
    {11.3, 14.2, {"In the middle of it, time forgets to pass.", "Mittendrin vergisst die Zeit zu vergehen.", "奔跑之中，时间忘了流逝。", "ระหว่างนั้น เวลาลืมเดินต่อ"}},
    {14.6, 17.8, {"[the stadium rises]", "[das Stadion erhebt sich]", "[全场起立]", "[ทั้งสนามลุกขึ้นยืน]"}},
    {18.6, 22.0, {"And then it is over, and stays for ever.", "Dann ist es vorbei und bleibt für immer.", "随后一切结束，却成为永恒。", "แล้วทุกอย่างก็จบลง และคงอยู่ตลอดไป"}},
};

const struct film film_sprint = {
    .about = {
        .name = "lanes-sprint",
        .titles = {"Ten Seconds", "Zehn Sekunden", "十秒", "สิบวินาที"},
        .synopses = {
            "A hundred metres at night. The lights come on, eight people kneel, and a whole stadium holds its breath.",
            "Hundert Meter bei Nacht. Die Lichter gehen an, acht Menschen knien, und ein ganzes Stadion hält den Atem an.",
            "夜色中的一百米。灯光亮起，八名选手俯身就位，整座体育场屏住了呼吸。",
            "หนึ่งร้อยเมตรยามค่ำคืน ไฟสว่างขึ้น นักวิ่งแปดคนย่อตัวลง และทั้งสนามกลั้นหายใจ",
        },
        .genres = {"sport", "short"}, .year = 2026, .series = "lanes", .season = 1, .episode = 1, .seconds = 24,
    },
    .paint = paint,
    .finish = {.bloom = 0.5, .vignette = 0.35, .grain = 1.2},
    .music = music, .effects = effects,
    .tracks = {{"Music and effects", true, true, 0}, {"Stadium only", false, true, 0}},
    .master = {.hall_seconds = 2.4, .hall_gain = 0.7, .fade_in = 0.5, .fade_out = 1.6, .loudness = -16},
    CAPTIONS(captions),
    .poster = {.at = 16.0, .focus = {800, 405}, .zoom = 1.75, .title = {.family = "Noto Sans Display", .is_bold = true, .spacing = 0.02, .leading = 0.92, .align = LEFT},
               .ink = RGB(0xfff1dc), .scrim = {0.03f, 0.03f, 0.12f, 0.85f}, .words = "TEN\nSECONDS"},
};
