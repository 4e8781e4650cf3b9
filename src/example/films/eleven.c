/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * "Eleven": one attack, drawn as geometry. A dark green plan, bone and vermilion, ruled by the space each player owns. */
#include <string.h>

#include "example/film.h"

enum { SIDE = 11, PLAYERS = 22 };
static const struct colour ground = RGB(0x0d3b2e), line_ink = RGB(0xe8ecd8), ours = RGB(0xff6b3d), theirs = RGB(0x8fd6e8), ball_ink = RGB(0xffffff);

/* Pitch in metres: 105 x 68, centre at the origin. Where each one is at the beats of the attack (seconds). */
static const double beat_at[] = {0, 3, 5.2, 7.4, 9.6, 11.6, 13.6, 15.4, 17.2, 19.0, 20.4, 25};
enum { BEATS = 12 };
static const struct vec2 shape_ours[SIDE] = {{-47, 0}, {-30, -22}, {-33, -8}, {-33, 8}, {-30, 22}, {-18, -14}, {-20, 0}, {-18, 14}, {-2, -24}, {0, 0}, {-2, 24}};
static const struct vec2 shape_theirs[SIDE] = {{47, 0}, {28, -20}, {31, -7}, {31, 7}, {28, 20}, {14, -22}, {16, -7}, {16, 7}, {14, 22}, {4, -7}, {4, 7}};
/* Who has the ball at each beat; -1: it is in the net. */
static const int holder_at[BEATS] = {0, 0, 2, 6, 4, 10, 7, 9, 8, 9, -1, -1};

static struct vec2 player_at(int who, double t) {
    bool is_ours = who < SIDE;
    struct vec2 p = is_ours ? shape_ours[who] : shape_theirs[who - SIDE];
    double attack = KEYS(t, {0, 0}, {3, 0.05}, {9, 0.45}, {15, 0.85}, {20, 1}, {22, 0.92}, {25, 0.8});
    if (is_ours) p.x += attack * (who == 0 ? 14 : 30 + 3 * (who % 3));
    else p.x += attack * (who == SIDE ? 1 : 15 + 3 * (who % 3)), p.y *= 1 - 0.28 * attack;
    /* runs of single players */
    if (who == 10) p.y += 3 * fade(t, 8, 11), p.x += 12 * hump(t, 8.5, 11.5, 13, 16);
    if (who == 9) p.x += 9 * fade(t, 16.8, 19.0), p.y += 5 * hump(t, 13, 15.4, 16, 18) - 3 * fade(t, 17.5, 19);
    if (who == 8) p.x += 12 * fade(t, 14.6, 17.2), p.y += 7 * fade(t, 14.6, 17.2);
    if (who == 4) p.x += 14 * fade(t, 7, 10);
    if (who == SIDE + 2) p.y += 6 * fade(t, 15, 17.5);
    if (who == SIDE + 3) p.y -= 6 * fade(t, 15.5, 18);
    if (who == SIDE) p.y += 2.5 * fade(t, 18.6, 19.8);
    double restless = 0.9;
    return add2(p, vec2(restless * 1.8 * noise2(t * 0.5, who * 3.1, 1), restless * 1.8 * noise2(t * 0.5, who * 3.1 + 50, 2)));
}

static struct vec2 ball_at(double t) {
    int i = 0;
    while (i + 2 < BEATS && t >= beat_at[i + 1]) i++;
    struct vec2 goal = vec2(54, -1.6);
    struct vec2 from = holder_at[i] < 0 ? goal : add2(player_at(holder_at[i], t), vec2(1.0, 0)), to = holder_at[i + 1] < 0 ? goal : add2(player_at(holder_at[i + 1], t), vec2(1.0, 0));
    double travel = holder_at[i + 1] < 0 ? 0.35 : 0.75; /* the last part of a beat is the pass */
    double p = ramp(t, beat_at[i + 1] - travel, beat_at[i + 1]);
    return mix2(from, to, 1 - (1 - p) * (1 - p));
}

static struct seen at_pitch(const struct camera *cam, struct vec2 p, double up) { return camera_see(cam, vec3(p.x, up, p.y)); }

static void pitch_line(struct canvas *c, const struct camera *cam, struct vec2 a, struct vec2 b, struct colour k, double width, double drawn) {
    struct vec3 p = vec3(a.x, 0, a.y), q = vec3(mix(a.x, b.x, drawn), 0, mix(a.y, b.y, drawn));
    if (drawn <= 0 || !camera_clip(cam, &p, &q, 1)) return;
    struct seen s = camera_see(cam, p), e = camera_see(cam, q);
    path_line(c, vec2(s.x, s.y), vec2(e.x, e.y));
    stroke(c, k, width);
}
static void pitch_arc(struct canvas *c, const struct camera *cam, struct vec2 centre, double r, double from, double to, struct colour k, double width, double drawn) {
    struct vec2 last = add2(centre, polar(r, from));
    for (int i = 1; i <= 48; i++) {
        if (i > 48 * drawn) break;
        struct vec2 next = add2(centre, polar(r, mix(from, to, i / 48.0)));
        pitch_line(c, cam, last, next, k, width, 1);
        last = next;
    }
}

static void markings(struct canvas *c, const struct camera *cam, double t) {
    struct colour k = with_alpha(line_ink, 0.85);
    double d[6];
    for (int i = 0; i < 6; i++) d[i] = ease_in_out(ramp(t, 0.2 + 0.35 * i, 1.6 + 0.35 * i));
    for (int i = 0; i < 10; i++) { /* mowing */
        struct vec3 quad3[4] = {{-52.5 + 10.5 * i, 0, -34}, {-42 + 10.5 * i, 0, -34}, {-42 + 10.5 * i, 0, 34}, {-52.5 + 10.5 * i, 0, 34}};
        struct vec2 quad[4];
        for (int n = 0; n < 4; n++) {
            struct seen s = camera_see(cam, quad3[n]);
            quad[n] = vec2(s.x, s.y);
        }
        if (i & 1) continue;
        path_polygon(c, quad, 4);
        fill(c, with_alpha(RGB(0x14513d), 0.55));
    }
    double w = 2.6;
    for (int s = -1; s <= 1; s += 2) {
        pitch_line(c, cam, vec2(-52.5, 34.0 * s), vec2(52.5, 34.0 * s), k, w, d[0]);
        pitch_line(c, cam, vec2(52.5 * s, -34), vec2(52.5 * s, 34), k, w, d[1]);
        pitch_line(c, cam, vec2(52.5 * s, -20.16), vec2(36.0 * s, -20.16), k, w, d[3]);
        pitch_line(c, cam, vec2(52.5 * s, 20.16), vec2(36.0 * s, 20.16), k, w, d[3]);
        pitch_line(c, cam, vec2(36.0 * s, -20.16), vec2(36.0 * s, 20.16), k, w, d[4]);
        pitch_line(c, cam, vec2(52.5 * s, -9.16), vec2(47.0 * s, -9.16), k, w, d[4]);
        pitch_line(c, cam, vec2(52.5 * s, 9.16), vec2(47.0 * s, 9.16), k, w, d[4]);
        pitch_line(c, cam, vec2(47.0 * s, -9.16), vec2(47.0 * s, 9.16), k, w, d[5]);
        pitch_arc(c, cam, vec2(41.5 * s, 0), 9.15, s > 0 ? TAU / 2 - 0.925 : -0.925, s > 0 ? TAU / 2 + 0.925 : 0.925, k, w, d[5]);
        for (int z = 0; z < 2; z++) { /* goal */
            double y = z ? 3.66 : -3.66;
            struct seen low = camera_see(cam, vec3(52.5 * s, 0, y)), top = camera_see(cam, vec3(52.5 * s, 2.44, y));
            path_line(c, vec2(low.x, low.y), vec2(top.x, top.y));
        }
        struct seen l = camera_see(cam, vec3(52.5 * s, 2.44, -3.66)), r = camera_see(cam, vec3(52.5 * s, 2.44, 3.66));
        path_line(c, vec2(l.x, l.y), vec2(r.x, r.y));
        stroke(c, with_alpha(line_ink, d[5]), 3.4);
    }
    pitch_line(c, cam, vec2(0, -34), vec2(0, 34), k, w, d[2]);
    pitch_arc(c, cam, vec2(0, 0), 9.15, 0, TAU, k, w, d[3]);
}

/* The part of the pitch that is nearest to player `who`: the pitch, cut by the half-way line to everybody else. */
static void territory(struct canvas *c, const struct camera *cam, const struct vec2 *all, int who, struct colour k, double shown) {
    struct vec2 cell[40] = {{-52.5, -34}, {52.5, -34}, {52.5, 34}, {-52.5, 34}}, cut[40];
    size_t count = 4;
    for (int other = 0; other < PLAYERS && count > 2; other++) {
        if (other == who) continue;
        struct vec2 middle = mix2(all[who], all[other], 0.5), away = sub2(all[other], all[who]);
        size_t kept = 0;
        for (size_t i = 0; i < count; i++) {
            struct vec2 a = cell[i], b = cell[(i + 1) % count], da = sub2(a, middle), db = sub2(b, middle);
            double sa = da.x * away.x + da.y * away.y, sb = db.x * away.x + db.y * away.y;
            if (sa <= 0) cut[kept++] = a;
            if ((sa <= 0) != (sb <= 0)) cut[kept++] = mix2(a, b, sa / (sa - sb));
        }
        memcpy(cell, cut, kept * sizeof *cut);
        count = kept;
    }
    for (size_t i = 0; i < count; i++) {
        struct vec2 in = mix2(all[who], cell[i], shown);
        struct seen s = at_pitch(cam, in, 0);
        cell[i] = vec2(s.x, s.y);
    }
    path_polygon(c, cell, count);
    cairo_path_t *path = cairo_copy_path(c->cr);
    fill(c, with_alpha(k, 0.13 * shown));
    cairo_append_path(c->cr, path);
    cairo_path_destroy(path);
    stroke(c, with_alpha(k, 0.55 * shown), 1.4);
}

static void paint(struct canvas *c, double t, const void *state) {
    SKY(c, {0, RGB(0x071f1b)}, {360, ground}, {720, RGB(0x09291f)});
    double turn = KEYS(t, {0, 0}, {3, 0}, {8, 0.10}, {13, 0.55}, {18, 1.05}, {20.6, 1.22}, {25, 1.0}), tilt = KEYS(t, {0, 0.02}, {4, 0.10}, {9, 0.55}, {14, 0.78}, {19, 0.95}, {21, 0.98}, {25, 0.35});
    double far = KEYS(t, {0, 92}, {4, 86}, {9, 74}, {14, 56}, {18.6, 40}, {20.2, 33}, {25, 84});
    struct vec2 ball = ball_at(t), look = mix2(vec2(0, 0), ball, KEYS(t, {0, 0}, {5, 0.15}, {12, 0.7}, {20, 0.9}, {25, 0.1}));
    double angle = -turn * 1.35, flat = far * sin(tilt * 1.2), high = far * cos(tilt * 1.2);
    struct vec3 target = vec3(look.x, 0, look.y), eye = vec3(look.x + flat * sin(angle), high, look.y + flat * cos(angle) + 0.02);
    struct camera cam = camera_look(eye, target, 46, 0);
    glow(c, 640, 300, 700, RGB(0x2f8f6a), 0.16);
    canvas_settle(c);
    markings(c, &cam, t);
    struct vec2 all[PLAYERS];
    for (int i = 0; i < PLAYERS; i++) all[i] = player_at(i, t);
    double space = hump(t, 5.5, 8, 16.5, 18.5);
    if (space > 0)
        for (int i = 0; i < PLAYERS; i++) territory(c, &cam, all, i, i < SIDE ? ours : theirs, space);
    double net = hump(t, 10.2, 12, 18.5, 20); /* triangles between neighbours of the attacking side */
    for (int i = 1; i < SIDE && net > 0; i++)
        for (int k = i + 1; k < SIDE; k++) {
            double d = length2(sub2(all[i], all[k]));
            if (d < 24) pitch_line(c, &cam, all[i], all[k], with_alpha(ours, net * 0.75 * (1 - d / 24)), 2.2, 1);
        }
    for (double u = fmax(0, t - 3.2); u < t; u += 0.02) { /* the way of the ball */
        struct seen a = at_pitch(&cam, ball_at(u), 0.2), b = at_pitch(&cam, ball_at(u + 0.02), 0.2);
        double age = (t - u) / 3.2;
        if (a.depth > 1 && b.depth > 1) ray(c, a.x, a.y, b.x, b.y, 5 * (1 - age) + 1, RGB(0xfff0d8), 0.8 * (1 - age));
    }
    canvas_settle(c);
    for (int pass = 0; pass < PLAYERS; pass++) { /* far to near */
        int next = -1;
        static _Thread_local double depth[PLAYERS];
        if (pass == 0)
            for (int i = 0; i < PLAYERS; i++) depth[i] = at_pitch(&cam, all[i], 0).depth;
        for (int i = 0; i < PLAYERS; i++)
            if (depth[i] > -1e8 && (next < 0 || depth[i] > depth[next])) next = i;
        struct seen s = at_pitch(&cam, all[next], 0), top = at_pitch(&cam, all[next], 1.75);
        depth[next] = -1e9;
        if (s.depth < 1) continue;
        double born = ease_out_back(ramp(t, 2.2 + 0.05 * next, 2.9 + 0.05 * next)), m = s.scale * fmax(0.01, born), r = 1.15 * m;
        struct colour k = next < SIDE ? ours : theirs;
        struct seen side = at_pitch(&cam, add2(all[next], vec2(1, 0)), 0);
        double squash = fmax(0.2, fabs(cos(tilt * 1.2)));
        path_oval(c, s.x + 0.25 * m, s.y + 0.25 * m, r, r * squash, 0);
        fill(c, with_alpha(RGB(0x041510), 0.5));
        path_oval(c, s.x, s.y, r, r * squash, 0);
        fill(c, with_alpha(k, 0.35));
        path_oval(c, s.x, s.y, r, r * squash, 0);
        stroke(c, k, 2);
        double height = s.y - top.y; /* as the camera sinks, discs become pieces that stand */
        if (height > 3) {
            path_limb(c, vec2(s.x, s.y), 0.62 * m * (0.4 + 0.6 * squash), vec2(top.x, top.y + 0.5 * m), 0.30 * m);
            fill_between(c, vec2(s.x - 0.6 * m, s.y), blend(k, RGB(0xffffff), 0.25), vec2(s.x + 0.6 * m, s.y), darker(k, 0.35));
        }
        path_circle(c, top.x, top.y, 0.42 * m);
        fill_round(c, vec2(top.x - 0.15 * m, top.y - 0.15 * m), 0.6 * m, blend(k, RGB(0xffffff), 0.55), k);
        (void)side;
    }
    struct seen b = at_pitch(&cam, ball, 0.25 + (t > 19 ? 1.2 * hump(t, 19, 20.2, 20.4, 21.2) : 0));
    if (t > 2.6) {
        disc(c, b.x, b.y, fmax(4, 0.42 * b.scale), ball_ink);
        glow(c, b.x, b.y, fmax(40, 3.4 * b.scale), RGB(0xffe9c4), 0.9);
    }
    double scored = ramp(t, 20.4, 22.6);
    if (scored > 0 && scored < 1)
        for (int i = 0; i < 4; i++) {
            double r = (scored * 1.4 - 0.12 * i) * 60;
            if (r > 0) pitch_arc(c, &cam, vec2(52.5, -1.6), r, 0, TAU, with_alpha(ours, 0.8 * (1 - scored)), 5 - i, 1);
        }
    struct lettering title = {.family = "Noto Serif Display", .size = 150, .is_bold = true, .align = CENTRE};
    title_card(c, "Eleven", &title, 640, 250, line_ink, t, 0.9, 3.6);
}

static double fans(double t, const void *user) { return KEYS(t, {0, 0.25}, {9, 0.35}, {15, 0.55}, {19, 0.75}, {20.3, 0.55}, {20.7, 1}, {23, 0.8}, {25, 0.4}); }
static void effects(struct tape *tape) {
    sound_crowd(tape, 0, 25, fans, NULL, PLACE(0.5, 0, 0.4));
    sound_whistle(tape, 2.5, 0.5, PLACE(0.3, 0.2, 0.5));
    for (int i = 2; i < BEATS - 1; i++) { /* the foot, then the ball arrives */
        play_tom(tape, beat_at[i] - 0.75, 50, PLACE(0.4, 0, 0.2));
        sound_step(tape, beat_at[i], 0.6, PLACE(0.4, 0.2, 0.2));
    }
    sound_whoosh(tape, 20.2, 0.6, -0.2, 0.6, 0.8);
    sound_applause(tape, 20.6, 25, fans, NULL, PLACE(0.35, 0, 0.3));
}
static void music(struct tape *tape, int version) { /* counterpoint: one voice for each line that passes */
    static const char *const line[11] = {"d4 . a4 . f4 . e4 .", "d4 f4 a4 c5 b4 g4 f4 e4", "d4 . d5 c5 a4 . f4 e4", "c4 e4 g4 b4 a4 f4 e4 d4", "bb3 d4 f4 a4 g4 . f4 d4", "a3 c#4 e4 g4 f4 e4 d4 c#4", "d4 f4 a4 d5 c5 a4 f4 a4", "g4 bb4 d5 f5 e5 d5 c5 bb4", "a4 c5 e5 a5 g5 e5 c5 e5", "bb4 d5 f5 bb5 a5 f5 d5 c5", "a4 c#5 e5 a5 - - - -"};
    static const char *const low[11] = {"d3 - - - - - - -", "d3 - - - c3 - - -", "bb2 - - - a2 - - -", "c3 - - - f2 - - -", "g2 - - - bb2 - - -", "a2 - - - a2 - - -", "d2 - d3 - c3 - a2 -", "g2 - g2 - c3 - e2 -", "a2 - a2 - e3 - c3 -", "bb2 - bb2 - f3 - d3 -", "a2 - - - a1 - - -"};
    for (int bar = 0; bar < 11; bar++) {
        struct beat b = {0.5 + bar * 1.8, 0.225, 0};
        if (bar > 0) play_mallet_part(tape, b, line[bar], PLACE(0.55, -0.35, 0.3));
        if (bar > 1) play_mallet_part(tape, (struct beat){b.start + 0.9, 0.225, 0}, line[bar - 1], PLACE(0.35, 0.4, 0.35));
        play_part(tape, b, low[bar], play_bass, 0.15 + 0.03 * bar, PLACE(0.5, 0, 0));
        if (bar > 3) play_part(tape, b, low[bar], play_strings, 0.4, PLACE(0.35, 0, 0.4));
        if (bar > 2 && bar < 10) {
            play_drum(tape, b, bar > 6 ? "X . x . X . x x" : "X . . . x . . .", play_kick, PLACE(0.55, 0, 0));
            play_drum(tape, b, "o x o x o x o x", play_shaker, PLACE(0.3, 0.4, 0.1));
        }
        if (bar > 5 && bar < 10) play_drum(tape, b, ". . X . . . X .", play_clap, PLACE(0.3, 0, 0.3));
    }
    play_rise(tape, 18.6, 1.75, PLACE(0.3, 0, 0.2));
    play_boom(tape, 20.4, PLACE(0.6, 0, 0.5));
    play_part(tape, (struct beat){20.4, 0.9, 0}, "d3+a3+d4+f#4 - g3+b3+d4+g4 - d3+a3+f#4+a4", play_strings, 0.6, PLACE(0.5, 0, 0.5));
    play_part(tape, (struct beat){20.4, 0.9, 0}, "d2 - g1 - d2", play_bass, 0.3, PLACE(0.5, 0, 0));
}

static const struct caption captions[] = {
    {0.9, 3.5, {"Eleven points in the plane.", "Elf Punkte in der Ebene.", "平面上的十一个点。", "จุดสิบเอ็ดจุดบนระนาบ"}},
    {4.0, 7.2, {"Each owns the space that nobody else reaches sooner.", "Jedem gehört der Raum, den niemand früher erreicht.", "谁先到达，那片空间就属于谁。", "แต่ละคนครอบครองพื้นที่ที่ไม่มีใครไปถึงก่อน"}},
    {7.6, 10.8, {"A pass is a proposal to redraw the map.", "Ein Pass ist ein Vorschlag, die Karte neu zu zeichnen.", "一次传球，就是提议重绘地图。", "การส่งบอลคือข้อเสนอให้วาดแผนที่ใหม่"}},
    {11.4, 14.8, {"Triangles find each other.", "Dreiecke finden einander.", "三角彼此相连。", "สามเหลี่ยมหากันจนเจอ"}},
    {15.4, 18.6, {"Then a line, and nobody on it.", "Dann eine Linie, und niemand steht darauf.", "接着出现一条线，线上空无一人。", "แล้วก็เกิดเส้นหนึ่ง โดยไม่มีใครขวาง"}},
    {20.5, 24.0, {"[goal]", "[Tor]", "[进球]", "[ประตู]"}},
};

const struct film film_eleven = {
    .about = {
        .name = "eleven",
        .titles = {"Eleven", "Elf", "十一人", "สิบเอ็ด"},
        .synopses = {
            "One attack, from the goalkeeper to the net, drawn as geometry: lines, circles, and the space that each player owns.",
            "Ein Angriff, vom Torwart bis ins Netz, als Geometrie gezeichnet: Linien, Kreise und der Raum, der jedem gehört.",
            "一次进攻，从门将到入网，用几何绘成：线、圆，以及每名球员所占据的空间。",
            "การบุกหนึ่งครั้งตั้งแต่ผู้รักษาประตูจนถึงตาข่าย วาดเป็นเรขาคณิต เส้น วงกลม และพื้นที่ของผู้เล่นแต่ละคน",
        },
        .genres = {"sport", "animation", "short"}, .year = 2026, .seconds = 25,
    },
    .paint = paint,
    .finish = {.bloom = 0.3, .vignette = 0.4, .grain = 1.0},
    .music = music, .effects = effects,
    .tracks = {{"Music and effects", true, true, 0}, {"Stadium only", false, true, 0}},
    .master = {.hall_seconds = 1.7, .hall_gain = 0.6, .fade_in = 0.4, .fade_out = 1.8, .loudness = -16},
    CAPTIONS(captions),
    .poster = {.at = 16.0, .focus = {640, 360}, .zoom = 1.0, .title = {.family = "Noto Serif Display", .is_bold = true, .align = LEFT},
               .ink = RGB(0xf2f3e2), .scrim = {0.02f, 0.12f, 0.09f, 0.85f}, .words = "Eleven"},
};
