/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * testcard.c: what stands still is painted once, with cairo and Pango, and turned into planes; what moves is drawn into the planes for each
 * picture, by a few shapes of our own. A picture costs little more than copying it. Distances are in units of a card of 1280 x 720. */
#include "media/testcard/testcard.h"

#include <assert.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"

#ifdef GRANDSTAND_TEST_DOORS
/* Fontconfig keeps its tables until the process ends; the leak checker need not tell us. */
const char *__lsan_default_suppressions(void);
__attribute__((weak)) const char *__lsan_default_suppressions(void) { return "leak:libfontconfig\n"; }
#endif

#define UNITS_X 1280.0
#define UNITS_Y 720.0
#define TAU 6.283185307179586
#define FONT "Noto Sans, DejaVu Sans, sans-serif"

enum { GLYPHS = 13, SIZES = 2, BITS = TESTCARD_COLUMNS * TESTCARD_ROWS };
static const char GLYPH_TEXT[GLYPHS + 1] = "0123456789:.-";

struct glyphs { /* white on nothing, one cell each */
    int width, height;
    uint8_t *coverage[GLYPHS];
};

struct testcard {
    int width, height;
    double scale_x, scale_y, scale;
    uint8_t *still, *moving; /* three planes behind each other, without padding */
    size_t plane_at[3], bytes;
    struct glyphs glyphs[SIZES]; /* large, small */
};

struct colour {
    uint8_t y, u, v;
};

/* ---- the still part ---- */

static struct colour colour_of(double r, double g, double b) { /* BT.709, limited range */
    double y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    return (struct colour){
        .y = (uint8_t)lround(16 + 219 * y),
        .u = (uint8_t)lround(128 + 224 * (b - y) / 1.8556),
        .v = (uint8_t)lround(128 + 224 * (r - y) / 1.5748),
    };
}

static void source(cairo_t *cr, uint32_t rgb, double alpha) {
    cairo_set_source_rgba(cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0, alpha);
}

static PangoLayout *layout_of(cairo_t *cr, const char *text, double size, bool is_bold) {
    PangoLayout *layout = pango_cairo_create_layout(cr);
    PangoFontDescription *font = pango_font_description_new();
    pango_font_description_set_family(font, FONT);
    pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
    if (is_bold) pango_font_description_set_weight(font, PANGO_WEIGHT_BOLD);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
    pango_layout_set_text(layout, text, -1);
    return layout;
}

static void write_text(cairo_t *cr, double x, double y, double size, bool is_bold, const char *text) {
    PangoLayout *layout = layout_of(cr, text, size, is_bold);
    cairo_move_to(cr, x, y);
    pango_cairo_show_layout(cr, layout);
    g_object_unref(layout);
}

static void box(cairo_t *cr, double x, double y, double w, double h, double corner) {
    cairo_new_sub_path(cr);
    cairo_arc(cr, x + w - corner, y + corner, corner, -TAU / 4, 0);
    cairo_arc(cr, x + w - corner, y + h - corner, corner, 0, TAU / 4);
    cairo_arc(cr, x + corner, y + h - corner, corner, TAU / 4, TAU / 2);
    cairo_arc(cr, x + corner, y + corner, corner, TAU / 2, TAU * 3 / 4);
    cairo_close_path(cr);
}

#define DIAL_X 1010.0
#define DIAL_Y 262.0
#define DIAL_R 176.0
#define LANE_Y 536.0
#define LANE_LEFT 64.0
#define LANE_RIGHT 1216.0
#define PANEL_X 64.0
#define PANEL_Y 144.0

static void paint_ground(cairo_t *cr) {
    cairo_pattern_t *sky = cairo_pattern_create_linear(0, 0, 0, UNITS_Y);
    cairo_pattern_add_color_stop_rgb(sky, 0, 0.043, 0.063, 0.137);
    cairo_pattern_add_color_stop_rgb(sky, 1, 0.078, 0.114, 0.220);
    cairo_set_source(cr, sky);
    cairo_paint(cr);
    cairo_pattern_destroy(sky);
    cairo_pattern_t *light = cairo_pattern_create_radial(DIAL_X, DIAL_Y, 40, DIAL_X, DIAL_Y, 420);
    cairo_pattern_add_color_stop_rgba(light, 0, 0.20, 0.42, 0.78, 0.45);
    cairo_pattern_add_color_stop_rgba(light, 1, 0.20, 0.42, 0.78, 0);
    cairo_set_source(cr, light);
    cairo_paint(cr);
    cairo_pattern_destroy(light);
    source(cr, 0xffffff, 0.05); /* a grid, to see whether the picture is cut or bent */
    cairo_set_line_width(cr, 1);
    for (double x = 40; x < UNITS_X; x += 40) {
        cairo_move_to(cr, x, 0);
        cairo_line_to(cr, x, UNITS_Y);
    }
    for (double y = 40; y < UNITS_Y; y += 40) {
        cairo_move_to(cr, 0, y);
        cairo_line_to(cr, UNITS_X, y);
    }
    cairo_stroke(cr);
    source(cr, 0xffffff, 0.55);
    cairo_set_line_width(cr, 2);
    for (int corner = 0; corner < 4; corner++) { /* at 5 % from the edge */
        double x = corner & 1 ? UNITS_X - 24 : 24, y = corner & 2 ? UNITS_Y - 14 : 14, to = corner & 1 ? -26 : 26, down = corner & 2 ? -26 : 26;
        cairo_move_to(cr, x + to, y);
        cairo_line_to(cr, x, y);
        cairo_line_to(cr, x, y + down);
    }
    cairo_stroke(cr);
}

static void paint_bars(cairo_t *cr) {
    static const uint32_t BARS[8] = {0xbfbfbf, 0xbfbf00, 0x00bfbf, 0x00bf00, 0xbf00bf, 0xbf0000, 0x0000bf, 0x000000};
    for (int i = 0; i < 8; i++) { /* 75 % */
        source(cr, BARS[i], 1);
        cairo_rectangle(cr, PANEL_X + i * 80, 352, 80, 84);
        cairo_fill(cr);
    }
    for (int i = 0; i < 16; i++) {
        double grey = i / 15.0;
        cairo_set_source_rgb(cr, grey, grey, grey);
        cairo_rectangle(cr, PANEL_X + i * 40, 440, 40, 32);
        cairo_fill(cr);
    }
}

static void paint_dial(cairo_t *cr) {
    source(cr, 0x070b18, 0.75);
    cairo_arc(cr, DIAL_X, DIAL_Y, DIAL_R, 0, TAU);
    cairo_fill(cr);
    source(cr, 0x8fb4ff, 0.9);
    cairo_set_line_width(cr, 3);
    cairo_arc(cr, DIAL_X, DIAL_Y, DIAL_R, 0, TAU);
    cairo_stroke(cr);
    for (int i = 0; i < 60; i++) {
        double angle = i * TAU / 60, s = sin(angle), c = -cos(angle), from = i % 5 ? DIAL_R - 12 : DIAL_R - 24;
        source(cr, 0xffffff, i % 5 ? 0.5 : 0.95);
        cairo_set_line_width(cr, i % 5 ? 2 : 4);
        cairo_move_to(cr, DIAL_X + s * from, DIAL_Y + c * from);
        cairo_line_to(cr, DIAL_X + s * (DIAL_R - 6), DIAL_Y + c * (DIAL_R - 6));
        cairo_stroke(cr);
        if (i % 15) continue;
        char number[4];
        snprintf(number, sizeof number, "%d", i ? i : 60);
        PangoLayout *layout = layout_of(cr, number, 26, true);
        int width, height;
        pango_layout_get_pixel_size(layout, &width, &height);
        cairo_move_to(cr, DIAL_X + s * (DIAL_R - 48) - width / 2.0, DIAL_Y + c * (DIAL_R - 48) - height / 2.0);
        pango_cairo_show_layout(cr, layout);
        g_object_unref(layout);
    }
}

static void paint_lane(cairo_t *cr) {
    source(cr, 0x070b18, 0.6);
    box(cr, LANE_LEFT - 32, LANE_Y - 34, LANE_RIGHT - LANE_LEFT + 64, 68, 34);
    cairo_fill(cr);
    for (int i = 0; i <= 40; i++) {
        double x = LANE_LEFT + (LANE_RIGHT - LANE_LEFT) * i / 40, half = i % 10 ? 8 : 20;
        source(cr, 0xffffff, i % 10 ? 0.25 : 0.6);
        cairo_set_line_width(cr, 2);
        cairo_move_to(cr, x, LANE_Y - half);
        cairo_line_to(cr, x, LANE_Y + half);
        cairo_stroke(cr);
    }
}

static void paint_still(cairo_t *cr, const struct testcard *t, const struct testcard_options *o) {
    char about[96];
    double rate = o->rate_num ? (double)o->rate_num / o->rate_den : 30;
    snprintf(about, sizeof about, "TEST PICTURE   %d \xc3\x97 %d   %.4g pictures a second", t->width, t->height, rate);
    paint_ground(cr);
    source(cr, 0xffffff, 1);
    write_text(cr, PANEL_X, 40, 46, true, o->title ? o->title : "Grandstand");
    source(cr, 0xa9c1f5, 1);
    write_text(cr, PANEL_X, 100, 22, false, about);
    source(cr, 0x05070f, 1);
    box(cr, PANEL_X, PANEL_Y, 640, 196, 14);
    cairo_fill(cr);
    source(cr, 0x808080, 1);
    write_text(cr, PANEL_X + 24, PANEL_Y + 146, 22, false, "UTC");
    write_text(cr, PANEL_X + 330, PANEL_Y + 146, 22, false, "picture");
    paint_bars(cr);
    paint_dial(cr);
    paint_lane(cr);
    source(cr, 0x000000, 1); /* a quiet border round the cells */
    cairo_rectangle(cr, UNITS_X / 10 - 12, UNITS_Y * 5 / 6 - 10, UNITS_X * 8 / 10 + 24, 84);
    cairo_fill(cr);
    source(cr, 0xa9c1f5, 0.9);
    write_text(cr, UNITS_X / 10 - 12, 682, 18, false, "the time of this picture, for machines");
}

static uint8_t to_byte(int v) { return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v); }

/* cairo's pixels to planes, BT.709 limited range, in 16-bit fixed point; chroma is the mean of four pixels. */
static void to_planes(const struct testcard *t, const uint8_t *bgra, size_t stride, uint8_t *out) {
    for (int y = 0; y < t->height; y++)
        for (int x = 0; x < t->width; x++) {
            const uint8_t *p = bgra + (size_t)y * stride + (size_t)x * 4;
            out[(size_t)y * (size_t)t->width + (size_t)x] = to_byte((11966 * p[2] + 40254 * p[1] + 4064 * p[0] + (16 << 16) + 32768) >> 16);
        }
    int half = t->width / 2;
    for (int y = 0; y < t->height / 2; y++)
        for (int x = 0; x < half; x++) {
            const uint8_t *p = bgra + (size_t)y * 2 * stride + (size_t)x * 8, *q = p + stride;
            int b = p[0] + p[4] + q[0] + q[4], g = p[1] + p[5] + q[1] + q[5], r = p[2] + p[6] + q[2] + q[6];
            size_t at = (size_t)y * (size_t)half + (size_t)x;
            out[t->plane_at[1] + at] = to_byte((-6596 * r - 22189 * g + 28784 * b + (128 << 18) + (1 << 17)) >> 18);
            out[t->plane_at[2] + at] = to_byte((28784 * r - 26145 * g - 2639 * b + (128 << 18) + (1 << 17)) >> 18);
        }
}

static bool make_still(struct testcard *t, const struct testcard_options *o) {
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, t->width, t->height);
    cairo_t *cr = cairo_create(surface);
    cairo_scale(cr, t->scale_x, t->scale_y);
    paint_still(cr, t, o);
    bool is_good = cairo_status(cr) == CAIRO_STATUS_SUCCESS && cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS;
    cairo_destroy(cr);
    cairo_surface_flush(surface);
    if (is_good) to_planes(t, cairo_image_surface_get_data(surface), (size_t)cairo_image_surface_get_stride(surface), t->still);
    cairo_surface_destroy(surface);
    return is_good;
}

/* All digits get cells of one width, so that the time does not dance. */
static bool make_glyphs(struct glyphs *g, double size, bool is_bold) {
    cairo_surface_t *probe = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
    cairo_t *cr = cairo_create(probe);
    PangoLayout *layout = layout_of(cr, "0", size, is_bold);
    pango_layout_get_pixel_size(layout, &g->width, &g->height);
    bool is_good = g->width > 0 && g->height > 0;
    for (int i = 0; i < GLYPHS && is_good; i++) {
        cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, g->width, g->height);
        cairo_t *at = cairo_create(surface);
        char text[2] = {GLYPH_TEXT[i]};
        int width;
        pango_cairo_update_layout(at, layout);
        pango_layout_set_text(layout, text, -1);
        pango_layout_get_pixel_size(layout, &width, NULL);
        cairo_move_to(at, (g->width - width) / 2.0, 0);
        pango_cairo_show_layout(at, layout);
        is_good = cairo_status(at) == CAIRO_STATUS_SUCCESS;
        cairo_destroy(at);
        cairo_surface_flush(surface);
        size_t bytes = (size_t)g->width * (size_t)g->height;
        g->coverage[i] = is_good ? mem_alloc(bytes) : NULL;
        is_good = g->coverage[i];
        for (int y = 0; y < g->height && is_good; y++)
            memcpy(g->coverage[i] + (size_t)y * (size_t)g->width,
                   cairo_image_surface_get_data(surface) + (ptrdiff_t)y * cairo_image_surface_get_stride(surface), (size_t)g->width);
        cairo_surface_destroy(surface);
    }
    g_object_unref(layout);
    cairo_destroy(cr);
    cairo_surface_destroy(probe);
    return is_good;
}

struct err testcard_create(struct testcard **out, const struct testcard_options *o) {
    int width = o->width || o->height ? o->width : 1280, height = o->width || o->height ? o->height : 720;
    if (width < 160 || width > 3840 || height < 90 || height > 2160 || width % 2 || height % 2)
        return err_make(ERR_INPUT, "testcard.size", "A test picture has even sides, from 160x90 to 3840x2160.");
    struct testcard *t = mem_zalloc(sizeof *t);
    if (!t) return err_memory();
    t->width = width;
    t->height = height;
    t->scale_x = width / UNITS_X;
    t->scale_y = height / UNITS_Y;
    t->scale = fmin(t->scale_x, t->scale_y);
    size_t luma = (size_t)width * (size_t)height;
    t->plane_at[1] = luma;
    t->plane_at[2] = luma + luma / 4;
    t->bytes = luma + luma / 2;
    t->still = mem_alloc(t->bytes);
    t->moving = mem_alloc(t->bytes);
    if (!t->still || !t->moving || !make_still(t, o) || !make_glyphs(&t->glyphs[0], 92 * t->scale, true) ||
        !make_glyphs(&t->glyphs[1], 24 * t->scale, false)) {
        testcard_destroy(&t);
        return err_memory();
    }
    *out = t;
    return ERR_OK;
}

void testcard_destroy(struct testcard **address) {
    struct testcard *t = *address;
    if (!t) return;
    *address = NULL;
    for (int size = 0; size < SIZES; size++)
        for (int i = 0; i < GLYPHS; i++) mem_free(t->glyphs[size].coverage[i]);
    mem_free(t->still);
    mem_free(t->moving);
    mem_free(t);
}

/* ---- the moving part ---- */

static void mix(uint8_t *to, uint8_t value, int alpha) { *to = (uint8_t)((*to * (256 - alpha) + value * alpha + 128) >> 8); }

static void draw_text(struct testcard *t, const struct glyphs *g, double x, double y, uint8_t luma, const char *text) {
    int left = (int)lround(x * t->scale_x), top = (int)lround(y * t->scale_y), narrow = g->width * 11 / 20;
    for (int advance; *text; text++, left += advance) {
        const char *found = strchr(GLYPH_TEXT, *text);
        bool is_digit = *text >= '0' && *text <= '9';
        advance = is_digit ? g->width : g->width - (g->width - narrow + 1) / 2;
        if (!found) continue;
        if (!is_digit) left -= (g->width - narrow) / 2; /* points stand in the middle of a cell, and need half of it */
        const uint8_t *coverage = g->coverage[found - GLYPH_TEXT];
        for (int row = 0; row < g->height; row++) {
            int at_y = top + row;
            if (at_y < 0 || at_y >= t->height) continue;
            for (int column = 0; column < g->width; column++) {
                int at_x = left + column;
                if (at_x < 0 || at_x >= t->width) continue;
                mix(&t->moving[(size_t)at_y * (size_t)t->width + (size_t)at_x], luma, coverage[(size_t)row * (size_t)g->width + (size_t)column]);
            }
        }
    }
}

/* How much of a pixel lies in the shape: all points within `r` of the line from a to b. In pixels of one plane. */
struct capsule {
    double ax, ay, bx, by, r;
};
static int coverage_of(const struct capsule *c, double x, double y) {
    double dx = c->bx - c->ax, dy = c->by - c->ay, length2 = dx * dx + dy * dy;
    double p = length2 > 0 ? ((x - c->ax) * dx + (y - c->ay) * dy) / length2 : 0;
    p = p < 0 ? 0 : p > 1 ? 1 : p;
    double ex = x - c->ax - p * dx, ey = y - c->ay - p * dy, inside = c->r + 0.5 - sqrt(ex * ex + ey * ey);
    return inside <= 0 ? 0 : inside >= 1 ? 256 : (int)(inside * 256);
}

static void draw_in_plane(uint8_t *plane, int width, int height, struct capsule c, uint8_t value, double alpha) {
    int x0 = (int)floor(fmin(c.ax, c.bx) - c.r - 1), x1 = (int)ceil(fmax(c.ax, c.bx) + c.r + 1);
    int y0 = (int)floor(fmin(c.ay, c.by) - c.r - 1), y1 = (int)ceil(fmax(c.ay, c.by) + c.r + 1);
    if (x0 < 0) x0 = 0;
    if (y0 < 0) y0 = 0;
    if (x1 > width) x1 = width;
    if (y1 > height) y1 = height;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            int covered = coverage_of(&c, x + 0.5, y + 0.5);
            if (covered) mix(&plane[(size_t)y * (size_t)width + (size_t)x], value, (int)(covered * alpha));
        }
}

static void draw(struct testcard *t, double ax, double ay, double bx, double by, double r, struct colour colour, double alpha) {
    struct capsule c = {ax * t->scale_x, ay * t->scale_y, bx * t->scale_x, by * t->scale_y, r * t->scale};
    struct capsule half = {c.ax / 2, c.ay / 2, c.bx / 2, c.by / 2, c.r / 2};
    draw_in_plane(t->moving, t->width, t->height, c, colour.y, alpha);
    draw_in_plane(t->moving + t->plane_at[1], t->width / 2, t->height / 2, half, colour.u, alpha);
    draw_in_plane(t->moving + t->plane_at[2], t->width / 2, t->height / 2, half, colour.v, alpha);
}

static uint16_t crc_of(uint64_t ms) {
    uint16_t crc = 0xffff;
    for (int byte = 5; byte >= 0; byte--) {
        crc = (uint16_t)(crc ^ (ms >> (8 * byte) & 255) << 8);
        for (int bit = 0; bit < 8; bit++) crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

static void draw_cells(struct testcard *t, uint64_t ms) {
    uint64_t bits = ms << 16 | crc_of(ms);
    for (int cell = 0; cell < BITS; cell++) {
        int column = cell % TESTCARD_COLUMNS, row = cell / TESTCARD_COLUMNS;
        int x0 = (int)lround((0.1 + column / 40.0) * t->width), x1 = (int)lround((0.1 + (column + 1) / 40.0) * t->width);
        int y0 = (int)lround((5.0 / 6 + row * 2 / 45.0) * t->height), y1 = (int)lround((5.0 / 6 + (row + 1) * 2 / 45.0) * t->height);
        uint8_t luma = bits >> (BITS - 1 - cell) & 1 ? 235 : 16; /* the ground has no colour there already */
        for (int y = y0; y < y1; y++) memset(t->moving + (size_t)y * (size_t)t->width + x0, luma, (size_t)(x1 - x0));
    }
}

static void hand_out(const struct testcard *t, struct testcard_picture *out) {
    for (int i = 0; i < 3; i++) {
        out->planes[i] = t->moving + t->plane_at[i];
        out->strides[i] = i ? t->width / 2 : t->width;
    }
}

void testcard_paint(struct testcard *t, struct utc_time taken, uint64_t frame, struct testcard_picture *out) {
    memcpy(t->moving, t->still, t->bytes);
    int64_t in_second = taken.ns % NS_PER_S, seconds = taken.ns / NS_PER_S;
    double second = (double)in_second / NS_PER_S, minute = (double)(seconds % 60) + second;
    char number[24];
    struct buf text = BUF(64);
    utc_format(&text, taken, 3);
    if (text.len == 24) { /* 2026-11-20T20:41:00.123Z */
        char clock[13], day[11];
        snprintf(clock, sizeof clock, "%.12s", text.ptr + 11);
        snprintf(day, sizeof day, "%.10s", text.ptr);
        draw_text(t, &t->glyphs[0], PANEL_X + 20, PANEL_Y + 14, 235, clock);
        draw_text(t, &t->glyphs[1], PANEL_X + 90, PANEL_Y + 145, 210, day);
    }
    buf_free(&text);
    snprintf(number, sizeof number, "%llu", (unsigned long long)frame);
    draw_text(t, &t->glyphs[1], PANEL_X + 424, PANEL_Y + 145, 210, number);
    struct colour white = colour_of(1, 1, 1), amber = colour_of(1, 0.72, 0.16), sky = colour_of(0.35, 0.65, 1);
    double angle = minute * TAU / 60, s = sin(angle), c = -cos(angle);
    draw(t, DIAL_X - s * 30, DIAL_Y - c * 30, DIAL_X + s * (DIAL_R - 30), DIAL_Y + c * (DIAL_R - 30), 4, amber, 1);
    double turn = second * TAU; /* a dot that goes round once a second */
    draw(t, DIAL_X + sin(turn) * 92, DIAL_Y - cos(turn) * 92, DIAL_X + sin(turn) * 92, DIAL_Y - cos(turn) * 92, 11, sky, 1);
    draw(t, DIAL_X, DIAL_Y, DIAL_X, DIAL_Y, 10, white, 1);
    double x = LANE_LEFT + (LANE_RIGHT - LANE_LEFT) * ((double)(seconds % 4) + second) / 4;
    for (int i = 3; i >= 0; i--) { /* with a tail */
        double at = fmax(LANE_LEFT, x - i * 14);
        draw(t, at, LANE_Y, at, LANE_Y, 22 - i * 3, i ? sky : white, i ? 0.45 - i * 0.1 : 1);
    }
    if (in_second < 100 * NS_PER_MS) draw(t, 1184, 72, 1184, 72, 26, amber, 1);
    else draw(t, 1184, 72, 1184, 72, 26, colour_of(0.12, 0.14, 0.2), 1);
    draw_cells(t, (uint64_t)(taken.ns / NS_PER_MS) & 0xffffffffffff);
    hand_out(t, out);
}

void testcard_paint_black(struct testcard *t, struct testcard_picture *out) {
    memset(t->moving, 16, t->plane_at[1]);
    memset(t->moving + t->plane_at[1], 128, t->bytes - t->plane_at[1]);
    hand_out(t, out);
}

void testcard_sound(struct utc_time from, size_t frames, float *out) {
    enum { BEEP_SAMPLES = TESTCARD_SOUND_RATE / 10, EDGE_SAMPLES = TESTCARD_SOUND_RATE / 200 };
    int64_t first = (int64_t)((__int128)from.ns * TESTCARD_SOUND_RATE / NS_PER_S);
    for (size_t i = 0; i < frames; i++) {
        int64_t at = first + (int64_t)i;
        int64_t n = at % TESTCARD_SOUND_RATE; /* all tones are whole hertz: they go on over the second without a click */
        float phase = (float)n * (float)(TAU / TESTCARD_SOUND_RATE), beep = 0;
        if (n < BEEP_SAMPLES) {
            int64_t edge = n < BEEP_SAMPLES - n ? n : BEEP_SAMPLES - n;
            float level = edge < EDGE_SAMPLES ? (float)edge / EDGE_SAMPLES : 1;
            bool is_minute = at / TESTCARD_SOUND_RATE % 60 == 0;
            beep = 0.3f * level * sinf(phase * (is_minute ? 1500 : 1000));
        }
        out[i * 2] = beep + 0.025f * sinf(phase * 220);
        out[i * 2 + 1] = beep + 0.025f * sinf(phase * 330);
    }
}

bool testcard_clock_read(const uint8_t *luma, int stride, int width, int height, int64_t *utc_ms) {
    double levels[BITS], darkest = 255, brightest = 0;
    if (width < TESTCARD_COLUMNS * 2 || height < 48) return false;
    for (int cell = 0; cell < BITS; cell++) {
        double left = (0.1 + cell % TESTCARD_COLUMNS / 40.0) * width, top = (5.0 / 6 + (double)(cell / TESTCARD_COLUMNS) * 2 / 45) * height;
        int x0 = (int)lround(left + width / 160.0), x1 = (int)lround(left + 3 * width / 160.0);
        int y0 = (int)lround(top + height / 90.0), y1 = (int)lround(top + 3 * height / 90.0);
        if (x1 <= x0) x1 = x0 + 1;
        if (y1 <= y0) y1 = y0 + 1;
        double sum = 0;
        for (int y = y0; y < y1; y++)
            for (int x = x0; x < x1; x++) sum += luma[(ptrdiff_t)y * stride + x];
        levels[cell] = sum / ((x1 - x0) * (y1 - y0));
        darkest = fmin(darkest, levels[cell]);
        brightest = fmax(brightest, levels[cell]);
    }
    if (brightest - darkest < 80) return false;
    uint64_t bits = 0;
    for (int cell = 0; cell < BITS; cell++) bits = bits << 1 | (levels[cell] > (darkest + brightest) / 2);
    if (crc_of(bits >> 16) != (bits & 0xffff)) return false;
    *utc_ms = (int64_t)(bits >> 16);
    return true;
}
