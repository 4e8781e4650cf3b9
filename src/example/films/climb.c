/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * "Overhang": one climber, one wall of coloured planes. Warm clay, mint and violet; all movement is upward. */
#include "example/film.h"

static const struct colour planes[] = {RGB(0xf2a65a), RGB(0xe07a4f), RGB(0xf6c28b), RGB(0xd9603b), RGB(0xf9d9a8), RGB(0xc94f4f)};
static const struct colour holds[] = {RGB(0x3ddbb0), RGB(0x6a4cff), RGB(0xfff3d6), RGB(0x19647e), RGB(0xff5d8f)};
static const struct colour dark = RGB(0x2b1a3d);

/* The wall: facets between corners of a shaken grid. y grows upwards here, in units; the camera rises. */
static struct vec2 corner(int i, int j) {
    return vec2(i * 190 - 95 * (j & 1) + 70 * (hash2((uint32_t)i, (uint32_t)j) - 0.5), j * 150 + 60 * (hash2((uint32_t)i + 99, (uint32_t)j) - 0.5));
}
static void facet(struct canvas *c, struct vec2 a, struct vec2 b, struct vec2 d, double camera, double light, uint32_t id) {
    struct vec2 p[3] = {{a.x, camera - a.y}, {b.x, camera - b.y}, {d.x, camera - d.y}};
    /* A triangle leans by chance; the lamp from the upper left finds some of them. */
    double tilt = hash1(id + 5), lit = 0.5 + 0.5 * cos(TAU * (tilt - light));
    struct colour k = blend(planes[hash_bits(id, 1, 1) % 6], dark, 0.12 + 0.38 * (1 - lit));
    path_polygon(c, p, 3);
    fill_between(c, p[0], blend(k, RGB(0xfff0d8), 0.16 * lit), p[2], darker(k, 0.10));
    path_polygon(c, p, 3);
    stroke(c, with_alpha(k, 0.9), 1);
}

/* The route: hold number n, left and right in turn. */
static struct vec2 hold_at(int n) {
    double lean = 150 * wave(n * 0.055 + 0.1);
    return vec2(640 + lean + (n & 1 ? 52 : -52) + 30 * (hash1((uint32_t)n + 300) - 0.5), 210 + n * 62.0);
}
static void draw_hold(struct canvas *c, struct vec2 p, double camera, double r, struct colour k, uint32_t id, double lit) {
    struct vec2 shape[7];
    for (int i = 0; i < 7; i++) shape[i] = add2(vec2(p.x, camera - p.y), polar(r * (0.75 + 0.5 * hash2(id, (uint32_t)i)), i * TAU / 7));
    for (int pass = 0; pass < 2; pass++) {
        struct vec2 moved[7];
        for (int i = 0; i < 7; i++) moved[i] = add2(shape[i], pass ? vec2(0, 0) : vec2(r * 0.35, r * 0.5));
        path_curve(c, moved, 7, true);
        if (pass) fill_between(c, vec2(p.x - r, camera - p.y - r), blend(k, RGB(0xffffff), 0.25 + 0.3 * lit), vec2(p.x + r, camera - p.y + r), darker(k, 0.2));
        else fill(c, with_alpha(dark, 0.35));
    }
    disc(c, p.x, camera - p.y, r * 0.16, with_alpha(dark, 0.5));
    if (lit > 0.02) glow(c, p.x, camera - p.y, r * 4.5, k, 0.7 * lit);
}

/* The climber at move `m`: each whole number brings one limb to the next hold; hands and feet take turns. */
struct grip {
    struct vec2 hand[2], foot[2];
};
static struct vec2 limb_at(double m, int which) { /* which: 0, 1 hands; 2, 3 feet, four holds below */
    int side = which & 1, base = which < 2 ? 7 : 1;
    double phase = (m - (which < 2 ? 0.25 : -0.25) - side) / 2, whole = floor(phase), p = ease_in_out(clamp((phase - whole) * 2.6, 0, 1));
    int n = base + side + 2 * (int)whole;
    struct vec2 from = hold_at(n), to = hold_at(n + 2), at = mix2(from, to, p);
    at.x += (side ? 34 : -34) * sin(p * TAU / 2); /* swings out on the way */
    return at;
}
static struct figure climber_at(double m, double camera, double height) {
    struct figure f = {.height = height};
    struct vec2 limb[4];
    for (int i = 0; i < 4; i++) {
        limb[i] = limb_at(m, i);
        limb[i].y = camera - limb[i].y;
    }
    struct vec2 up = mix2(limb[0], limb[1], 0.5), down = mix2(limb[2], limb[3], 0.5);
    double sway = 16 * wave(m * 0.5);
    f.pelvis = add2(mix2(down, up, 0.36), vec2(-sway, 0));
    f.neck = add2(mix2(f.pelvis, up, 0.62), vec2(sway * 0.5, 0));
    struct vec2 spine = sub2(f.neck, f.pelvis);
    double long_enough = 0.29 * height / fmax(1, length2(spine));
    f.neck = add2(f.pelvis, scale2(spine, long_enough));
    f.head = add2(f.neck, vec2(0.25 * sway * 0.1 + 4, -0.085 * height));
    for (int side = 0; side < 2; side++) {
        double aside = side ? 1 : -1;
        f.shoulder[side] = add2(f.neck, vec2(aside * 0.085 * height, 0.03 * height));
        f.hip[side] = add2(f.pelvis, vec2(aside * 0.055 * height, 0));
        f.hand[side] = limb[side];
        f.elbow[side] = joint_between(f.shoulder[side], &f.hand[side], 0.20 * height, 0.19 * height, side ? 1 : -1);
        f.ankle[side] = add2(limb[2 + side], vec2(0, -6));
        f.knee[side] = joint_between(f.hip[side], &f.ankle[side], 0.255 * height, 0.25 * height, side ? -1 : 1);
        f.toe[side] = add2(f.ankle[side], vec2(aside * 0.02 * height, 0.045 * height));
    }
    return f;
}

static double move_at(double t) { /* moves made by film time t: quick reaches and rests */
    return KEYS(t, {0, 0}, {3.6, 0}, {4.6, 1}, {5.4, 2}, {6.4, 3}, {7.6, 4}, {8.6, 5}, {11, 7}, {12.6, 8}, {15.0, 10}, {16.2, 11}, {18.0, 13}, {18.6, 13}, {19.3, 15}, {26, 15});
}

static void paint(struct canvas *c, double t, const void *state) {
    double m = move_at(t), reach = 210 + m * 62 + 130;
    double zoom = KEYS(t, {0, 0.78}, {4, 0.9}, {8.6, 1.05}, {11, 1.7}, {14.8, 1.55}, {17.5, 1.05}, {20, 0.95}, {25, 0.62});
    double turn = KEYS(t, {0, -0.05}, {8, 0.02}, {12, 0.10}, {16, 0.03}, {20, -0.06}, {25, 0});
    double rise = KEYS(t, {0, 620}, {4, 620}, {20, 620}, {25, 480});
    double camera = reach + rise - 230, light = 0.08 + 0.012 * t;
    struct vec2 hand = limb_at(m, ((int)floor(m)) & 1);
    double follow = mix(0, hand.x - 640, 0.5 * fade(t, 3, 6));
    cairo_save(c->cr);
    fill_all(c, RGB(0xe07a4f));
    cairo_translate(c->cr, 640, 400);
    cairo_rotate(c->cr, turn);
    cairo_scale(c->cr, zoom, zoom);
    cairo_translate(c->cr, -640 - follow, -400);
    int low = (int)floor((camera - 1400) / 150) - 1;
    for (int j = low; j < low + 17; j++)
        for (int i = -3; i < 11; i++) {
            struct vec2 a = corner(i, j), b = corner(i + 1, j), d = corner(i + (j & 1 ? 0 : 1) + 0, j + 1), e = corner(i + (j & 1 ? 1 : 2), j + 1);
            d = corner(i + (j & 1 ? 0 : 1), j + 1);
            facet(c, a, b, d, camera, light, (uint32_t)(i * 131 + j * 7) * 2);
            facet(c, b, e, d, camera, light, (uint32_t)(i * 131 + j * 7) * 2 + 1);
        }
    for (int k = 0; k < 90; k++) { /* holds of other routes */
        struct vec2 p = vec2(-300 + 1880 * hash1((uint32_t)k + 800), 2100 * hash1((uint32_t)k + 900) - 200);
        draw_hold(c, p, camera, 9 + 10 * hash1((uint32_t)k), blend(holds[2 + k % 3], planes[k % 6], 0.35), (uint32_t)k + 20, 0);
    }
    for (int n = -2; n < 30; n++) draw_hold(c, hold_at(n), camera, 19, holds[0], (uint32_t)n + 500, 0.5 * fmax(0, 1 - fabs(n - 8 - m) * 0.7) + (n == 23 ? 0.8 : 0));
    /* The rope: from the harness down, with slack that follows late. */
    struct figure f = climber_at(m, camera, 248);
    cairo_move_to(c->cr, f.pelvis.x, f.pelvis.y);
    double slack = 40 * wave(t * 0.3) + 30;
    cairo_curve_to(c->cr, f.pelvis.x - slack, f.pelvis.y + 220, f.pelvis.x + slack + 40, f.pelvis.y + 480, 600, camera + 200);
    stroke(c, RGB(0x6a4cff), 4.5);
    struct figure shade = f; /* the shadow on the wall, lower right */
    struct vec2 *joint = &shade.head;
    for (size_t i = 0; i < (sizeof shade - offsetof(struct figure, head)) / sizeof *joint; i++) joint[i] = add2(joint[i], vec2(26, 34));
    cairo_push_group(c->cr);
    figure_draw(c, &shade, &(struct kit){.skin = RGB(0x4a1f3a), .is_flat = true});
    cairo_pop_group_to_source(c->cr);
    cairo_paint_with_alpha(c->cr, 0.42);
    struct kit kit = {.skin = RGB(0x9c5f43), .vest = RGB(0x19647e), .shorts = RGB(0x3a2352), .shoes = RGB(0xff5d8f), .hair = RGB(0x1d1026), .rim = with_alpha(RGB(0xfff0cf), 0.9),
                      .rim_from = {-2.6, -2.6}, .far_dark = 0.0, .has_ponytail = true};
    figure_draw(c, &f, &kit);
    path_circle(c, f.pelvis.x - 12, f.pelvis.y - 4, 8); /* chalk bag */
    fill(c, RGB(0xfff3d6));
    for (int i = 0; i < 46; i++) { /* chalk from each new grip */
        double since = t - floor(t * 0.9 + hash1((uint32_t)i) * 0.2) / 0.9, a = hash1((uint32_t)i + 40) * TAU, r = 90 * ease_out(fmin(1, since)) * hash1((uint32_t)i + 60);
        if (m > 0.2 && m < 14.9) disc(c, hand.x + r * cos(a), camera - hand.y + r * sin(a) + 50 * since * since, 1.5 + 2.5 * hash1((uint32_t)i + 70), with_alpha(RGB(0xfff8ea), 0.8 * fmax(0, 1 - since)));
    }
    cairo_restore(c->cr);
    beam(c, -80, -160, 60, 1250, 820, 560, RGB(0xffe2b0), 0.42);
    glow(c, 60, -40, 620, RGB(0xffd9a0), 0.28);
    struct lettering title = {.family = "Noto Sans Display", .size = 108, .is_bold = true, .spacing = 0.0, .align = LEFT, .leading = 0.86};
    title_card(c, "OVER\nHANG", &title, 90, 90, dark, t, 0.7, 3.9);
}

static double room(double t, const void *user) { return KEYS(t, {0, 0.15}, {10, 0.1}, {18, 0.25}, {19.4, 0.9}, {23, 0.5}); }
static void effects(struct tape *tape) {
    sound_crowd(tape, 0, 25, room, NULL, PLACE(0.26, 0, 0.8));
    sound_applause(tape, 19.3, 24, room, NULL, PLACE(0.3, 0, 0.6));
    static const double moves[] = {4.3, 5.1, 6.1, 7.2, 8.3, 9.6, 10.8, 12.3, 13.8, 14.8, 16, 17.2, 18, 19.3};
    for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
        sound_step(tape, moves[i], 0.8, PLACE(0.5, i & 1 ? 0.25 : -0.25, 0.35));
        play_shaker(tape, moves[i] - 0.3, PLACE(0.25, i & 1 ? -0.2 : 0.2, 0.3));
    }
    sound_wind(tape, 8.6, 18, NULL, NULL, PLACE(0.12, 0, 0.3));
}
static void music(struct tape *tape, int version) {
    struct beat b = {0.4, 0.3, 0.14};
    static const char *const bar[10] = {"g3 . d4 . b3 . d4 a3", "g3 . d4 . c4 . d4 b3", "e3 . b3 . g3 . b3 d4", "e3 . b3 . g3 . c4 b3", "c3 . g3 e4 . g3 d4 .", "d3 . a3 f#4 . a3 e4 .", "g3 . d4 . b3 g4 d4 .", "e3 b3 e4 g4 b4 g4 e4 b3", "c3 g3 c4 e4 g4 e4 d4 c4", "d3 a3 d4 f#4 a4 . . ."};
    static const char *const low[10] = {"g2 - - . g2 - . .", "g2 - - . g2 - . .", "e2 - - . e2 - . .", "e2 - - . e2 - . .", "c2 - - . c2 - . .", "d2 - - . d2 - . .", "g1 - - . g1 - . .", "e2 - e2 - e2 - e2 -", "c2 - c2 - c2 - c2 -", "d2 - d2 - d2 - d2 -"};
    for (int i = 0; i < 8; i++) {
        struct beat here = {b.start + i * 2.4, b.step, b.swing};
        int line = i < 7 ? i : 8;
        play_pluck_part(tape, here, bar[i < 5 ? i : i + 2], 1.4, PLACE(0.85, -0.2, 0.2));
        if (i > 0) play_part(tape, here, low[i < 5 ? i : i + 2], play_bass, 0.25, PLACE(0.55, 0, 0));
        if (i > 1) {
            play_drum(tape, here, "x . . o x . o .", play_kick, PLACE(0.55, 0, 0));
            play_drum(tape, here, ". . x . . . x .", play_clap, PLACE(0.22, 0.15, 0.3));
            play_drum(tape, here, "o x o x o x o x", play_shaker, PLACE(0.28, 0.4, 0.1));
        }
        if (i >= 3) play_mallet_part(tape, here, line % 2 ? "b4 . . g4 . . d5 ." : "d5 . . b4 . . g4 .", PLACE(0.3, 0.35, 0.4));
    }
    play_rise(tape, 17.4, 1.9, PLACE(0.3, 0, 0.3));
    play_boom(tape, 19.3, PLACE(0.45, 0, 0.5));
    play_part(tape, (struct beat){19.3, 0.6, 0}, "g3+b3+d4+g4 - - - c3+g3+e4 - g3+d4+b4 - -", play_strings, 0.5, PLACE(0.45, 0, 0.5));
    play_pluck_part(tape, (struct beat){19.3, 0.3, 0}, "g3 d4 g4 b4 d5 g5 d5 b4 c4 e4 g4 e5 g3+d4+b4+g5", 2.6, PLACE(0.9, -0.1, 0.3));
    play_part(tape, (struct beat){19.3, 1.2, 0}, "g1 - c2 g1", play_bass, 0.2, PLACE(0.5, 0, 0));
}

static const struct caption captions[] = {
    {0.8, 3.6, {"[chalk, breath]", "[Kreide, Atem]", "[镁粉，呼吸]", "[ผงชอล์ก ลมหายใจ]"}},
    {4.0, 7.4, {"Left hand. Right foot. Do not think about the third thing.", "Linke Hand. Rechter Fuß. Nicht an das Dritte denken.", "左手，右脚，别去想第三步。", "มือซ้าย เท้าขวา อย่าคิดถึงสิ่งที่สาม"}},
    {8.0, 11.0, {"A wall is a question in many colours.", "Eine Wand ist eine Frage in vielen Farben.", "岩壁是一道五彩的问题。", "ผนังคือคำถามหลากสี"}},
    {11.6, 15.4, {"Rest where there is nowhere to rest.", "Ausruhen, wo es nichts zum Ausruhen gibt.", "在无处可歇之处歇息。", "พักในที่ซึ่งไม่มีที่ให้พัก"}},
    {16.0, 18.8, {"[one last reach]", "[ein letzter Griff]", "[最后一抓]", "[เอื้อมครั้งสุดท้าย]"}},
    {19.5, 23.4, {"From up here it looks easy.", "Von hier oben sieht es leicht aus.", "从高处看，一切都很容易。", "มองจากข้างบนนี้ก็ดูง่าย"}},
};

const struct film film_climb = {
    .about = {
        .name = "overhang",
        .titles = {"Overhang", "Überhang", "仰角岩壁", "ผาชะโงก"},
        .synopses = {
            "One climber, fifteen moves, a wall of clay and mint. A film that only knows one direction.",
            "Eine Kletterin, fünfzehn Züge, eine Wand aus Ton und Minze. Ein Film, der nur eine Richtung kennt.",
            "一位攀岩者，十五个动作，一面陶土与薄荷色的岩壁。一部只有一个方向的影片。",
            "นักปีนผาหนึ่งคน สิบห้าจังหวะ ผนังสีดินเผากับสีมินต์ ภาพยนตร์ที่รู้จักเพียงทิศทางเดียว",
        },
        .genres = {"sport", "animation", "short"}, .year = 2025, .seconds = 25,
    },
    .paint = paint,
    .finish = {.bloom = 0.12, .vignette = 0.3, .grain = 1.0},
    .music = music, .effects = effects,
    .tracks = {{"Music and effects", true, true, 0}},
    .master = {.hall_seconds = 1.5, .hall_gain = 0.6, .fade_in = 0.4, .fade_out = 1.8, .loudness = -16},
    CAPTIONS(captions),
    .poster = {.at = 14.0, .focus = {700, 400}, .zoom = 1.0, .title = {.family = "Noto Sans Display", .is_bold = true, .leading = 0.82, .align = LEFT},
               .ink = RGB(0xfff3d6), .scrim = {0.2f, 0.08f, 0.2f, 0.75f}, .words = "OVER\nHANG", .is_title_low = true},
};
