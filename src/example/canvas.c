/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "example/canvas.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "example/noise.h"

typedef float float4 __attribute__((vector_size(16)));
typedef int32_t int4 __attribute__((vector_size(16)));
typedef uint8_t byte4 __attribute__((vector_size(4)));

/* --- colour: Oklab (Ottosson 2020) --- */
static double to_linear(double v) { return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4); }
static double to_shown(double v) { return v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055; }

static void oklab_of(struct colour c, double lab[3]) {
    double r = to_linear(c.r), g = to_linear(c.g), b = to_linear(c.b);
    double l = cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    double m = cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    double s = cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    lab[0] = 0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s;
    lab[1] = 1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s;
    lab[2] = 0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s;
}

static struct colour colour_of_oklab(const double lab[3], double alpha) {
    double l = lab[0] + 0.3963377774 * lab[1] + 0.2158037573 * lab[2];
    double m = lab[0] - 0.1055613458 * lab[1] - 0.0638541728 * lab[2];
    double s = lab[0] - 0.0894841775 * lab[1] - 1.2914855480 * lab[2];
    l = l * l * l, m = m * m * m, s = s * s * s;
    double r = 4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s;
    double g = -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s;
    double b = -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s;
    return (struct colour){(float)clamp(to_shown(fmax(r, 0)), 0, 1), (float)clamp(to_shown(fmax(g, 0)), 0, 1),
                           (float)clamp(to_shown(fmax(b, 0)), 0, 1), (float)alpha};
}

struct colour blend(struct colour a, struct colour b, double p) {
    if (p <= 0) return a;
    if (p >= 1) return b;
    double from[3], to[3], lab[3];
    oklab_of(a, from);
    oklab_of(b, to);
    for (int i = 0; i < 3; i++) lab[i] = mix(from[i], to[i], p);
    return colour_of_oklab(lab, mix(a.a, b.a, p));
}

struct colour darker(struct colour c, double by) {
    float k = (float)(1 - by);
    return (struct colour){c.r * k, c.g * k, c.b * k, c.a};
}

struct colour palette_at(const struct colour *colours, size_t count, double p) {
    assert(count > 0);
    double at = clamp(p, 0, 1) * (double)(count - 1);
    size_t i = (size_t)at;
    return i + 1 < count ? blend(colours[i], colours[i + 1], at - (double)i) : colours[count - 1];
}

/* --- the sheet --- */
struct err canvas_create(int width, int height, double left, double top, double units, struct canvas **out) {
    struct canvas *c = mem_zalloc(sizeof *c);
    if (!c) return err_memory();
    c->width = width, c->height = height;
    c->left = left, c->top = top, c->scale = width / units;
    c->light_width = width / 2 + 2, c->light_height = height / 2 + 2;
    c->light = mem_zalloc_array((size_t)c->light_width * (size_t)c->light_height, 4 * sizeof(float));
    c->scratch = mem_zalloc_array((size_t)(width / 4 + 2) * (size_t)(height / 4 + 2) * 2, 4 * sizeof(float));
    c->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    c->cr = cairo_create(c->surface);
    if (!c->light || !c->scratch || cairo_status(c->cr) != CAIRO_STATUS_SUCCESS) {
        canvas_destroy(&c);
        return err_memory();
    }
    c->pixels = (uint32_t *)(void *)cairo_image_surface_get_data(c->surface);
    c->stride = cairo_image_surface_get_stride(c->surface) / 4;
    cairo_scale(c->cr, c->scale, c->scale);
    cairo_translate(c->cr, -left, -top);
    cairo_set_line_cap(c->cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_join(c->cr, CAIRO_LINE_JOIN_ROUND);
    *out = c;
    return ERR_OK;
}

void canvas_destroy(struct canvas **address) {
    struct canvas *c = *address;
    *address = NULL;
    if (!c) return;
    cairo_destroy(c->cr);
    cairo_surface_destroy(c->surface);
    mem_free(c->light);
    mem_free(c->scratch);
    mem_free(c);
}

static uint32_t packed(struct colour c) {
    return 0xff000000u | (uint32_t)(clamp(c.r, 0, 1) * 255 + 0.5) << 16 | (uint32_t)(clamp(c.g, 0, 1) * 255 + 0.5) << 8 |
           (uint32_t)(clamp(c.b, 0, 1) * 255 + 0.5);
}

static float4 unpacked(uint32_t pixel) {
    byte4 b;
    memcpy(&b, &pixel, 4);
    return __builtin_convertvector(b, float4);
}

/* Each lane held between 0 and 255. */
static float4 bounded(float4 v) {
    const float4 white = {255, 255, 255, 255};
    v = (float4)((int4)v & (v > 0));
    int4 over = v > white;
    return (float4)(((int4)v & ~over) | ((int4)white & over));
}

/* 0 to 255 in each lane, already within bounds. */
static uint32_t packed_lanes(float4 v) {
    int4 n = __builtin_convertvector(v, int4);
    return 0xff000000u | (uint32_t)n[2] << 16 | (uint32_t)n[1] << 8 | (uint32_t)n[0];
}

static float4 lanes(struct colour c) { return (float4){c.b, c.g, c.r, 0}; }

/* Half a step of ordered noise, so that slow gradients do not show steps; the same place always gets the same. */
static float dither_at(int x, int y) {
    static const uint8_t order[8][8] = {{0, 32, 8, 40, 2, 34, 10, 42},   {48, 16, 56, 24, 50, 18, 58, 26}, {12, 44, 4, 36, 14, 46, 6, 38},
                                        {60, 28, 52, 20, 62, 30, 54, 22}, {3, 35, 11, 43, 1, 33, 9, 41},    {51, 19, 59, 27, 49, 17, 57, 25},
                                        {15, 47, 7, 39, 13, 45, 5, 37},   {63, 31, 55, 23, 61, 29, 53, 21}};
    return (float)order[y & 7][x & 7] / 64.f;
}

void fill_all(struct canvas *c, struct colour colour) {
    cairo_surface_flush(c->surface);
    uint32_t pixel = packed(colour);
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++) c->pixels[(size_t)y * (size_t)c->stride + (size_t)x] = pixel;
    cairo_surface_mark_dirty(c->surface);
}

void fill_sky(struct canvas *c, const struct stop *stops, size_t count) {
    cairo_surface_flush(c->surface);
    for (int y = 0; y < c->height; y++) {
        double at = c->top + (y + 0.5) / c->scale;
        size_t i = 0;
        while (i + 1 < count && at >= stops[i + 1].at) i++;
        struct colour colour = i + 1 == count || at <= stops[0].at ? stops[i].colour
                                                                   : blend(stops[i].colour, stops[i + 1].colour, ramp(at, stops[i].at, stops[i + 1].at));
        uint32_t pattern[8]; /* repeats every eight pixels: only the dither changes along a row */
        float4 base = lanes(colour) * 254.99f;
        for (int x = 0; x < 8; x++) {
            pattern[x] = packed_lanes(bounded(base + dither_at(x, y)));
        }
        uint32_t *row = c->pixels + (size_t)y * (size_t)c->stride;
        for (int x = 0; x < c->width; x++) row[x] = pattern[x & 7];
    }
    cairo_surface_mark_dirty(c->surface);
}

void fill_field(struct canvas *c, double top, double bottom, double step, struct colour (*shade)(double, double, const void *), const void *user) {
    cairo_surface_flush(c->surface);
    int y0 = (int)fmax(0, floor((top - c->top) * c->scale)), y1 = (int)fmin(c->height, ceil((bottom - c->top) * c->scale));
    int cell = (int)fmax(1, round(step * c->scale)); /* pixels between two samples */
    int columns = c->width / cell + 2;
    float4 *above = mem_zalloc_array((size_t)columns * 2, sizeof(float4)), *below = above ? above + columns : NULL;
    if (!above) return;
    for (int y = y0; y < y1; y += cell) {
        for (int pass = y == y0 ? 0 : 1; pass < 2; pass++) {
            float4 *row = pass ? below : above;
            double sy = c->top + (y + pass * cell) / c->scale;
            for (int i = 0; i < columns; i++) {
                struct colour s = shade(c->left + i * cell / c->scale, sy, user);
                row[i] = (float4){s.b * 255, s.g * 255, s.r * 255, s.a};
            }
        }
        for (int py = y; py < y + cell && py < y1; py++) {
            float v = (float)(py - y) / (float)cell;
            uint32_t *out = c->pixels + (size_t)py * (size_t)c->stride;
            for (int i = 0, px = 0; px < c->width; i++) {
                float4 a = above[i] + (below[i] - above[i]) * v, b = above[i + 1] + (below[i + 1] - above[i + 1]) * v;
                float4 d = (b - a) / (float)cell;
                for (int k = 0; k < cell && px < c->width; k++, px++, a += d) {
                    float alpha = a[3];
                    float4 mixed = a;
                    if (alpha < 0.999f) mixed = unpacked(out[px]) * (1 - alpha) + a * alpha;
                    mixed += dither_at(px, py) - 0.01f;
                    out[px] = packed_lanes(bounded(mixed));
                }
            }
        }
        float4 *swap = above;
        above = below, below = swap;
    }
    mem_free(above < below ? above : below);
    cairo_surface_mark_dirty(c->surface);
}

/* --- fast shapes --- */
static void mix_pixel(uint32_t *pixel, float4 colour255, float alpha) {
    float4 under = unpacked(*pixel);
    *pixel = packed_lanes(under + (colour255 - under) * alpha + 0.5f);
}

/* Everything within `r` of the segment; disc and streak both. In pixels. */
static void capsule(struct canvas *c, double x0, double y0, double x1, double y1, double r, struct colour colour) {
    int left = (int)fmax(0, floor(fmin(x0, x1) - r - 1)), right = (int)fmin(c->width - 1, ceil(fmax(x0, x1) + r + 1));
    int top = (int)fmax(0, floor(fmin(y0, y1) - r - 1)), bottom = (int)fmin(c->height - 1, ceil(fmax(y0, y1) + r + 1));
    if (left > right || top > bottom) return;
    float dx = (float)(x1 - x0), dy = (float)(y1 - y0), length2 = dx * dx + dy * dy, inverse = length2 > 1e-6f ? 1 / length2 : 0;
    float radius = (float)r, alpha = colour.a;
    if (radius < 0.5f) { /* thinner than a pixel: fainter instead */
        alpha *= radius * 2;
        radius = 0.5f;
    }
    float4 full = lanes(colour) * 255.f;
    cairo_surface_flush(c->surface);
    for (int y = top; y <= bottom; y++) {
        uint32_t *row = c->pixels + (size_t)y * (size_t)c->stride;
        for (int x = left; x <= right; x++) {
            float px = (float)x + 0.5f - (float)x0, py = (float)y + 0.5f - (float)y0;
            float along = (px * dx + py * dy) * inverse;
            along = along < 0 ? 0 : along > 1 ? 1 : along;
            float ex = px - dx * along, ey = py - dy * along;
            float inside = radius + 0.5f - sqrtf(ex * ex + ey * ey);
            if (inside <= 0) continue;
            mix_pixel(row + x, full, alpha * (inside < 1 ? inside : 1));
        }
    }
    cairo_surface_mark_dirty_rectangle(c->surface, left, top, right - left + 1, bottom - top + 1);
}

static double px(const struct canvas *c, double x) { return (x - c->left) * c->scale; }
static double py(const struct canvas *c, double y) { return (y - c->top) * c->scale; }

void disc(struct canvas *c, double x, double y, double r, struct colour colour) {
    capsule(c, px(c, x), py(c, y), px(c, x), py(c, y), r * c->scale, colour);
}
void streak(struct canvas *c, double x0, double y0, double x1, double y1, double width, struct colour colour) {
    capsule(c, px(c, x0), py(c, y0), px(c, x1), py(c, y1), width * c->scale / 2, colour);
}

/* --- light: coordinates of the half-size layer are pixels / 2 --- */
struct span {
    int left, right, top, bottom;
    bool is_empty;
};
static struct span light_span(struct canvas *c, double x0, double y0, double x1, double y1) {
    struct span s = {(int)fmax(0, floor(x0)), (int)fmin(c->light_width - 1, ceil(x1)), (int)fmax(0, floor(y0)), (int)fmin(c->light_height - 1, ceil(y1)), false};
    s.is_empty = s.left > s.right || s.top > s.bottom;
    if (!s.is_empty) c->has_light = true;
    return s;
}
static float4 *light_row(struct canvas *c, int y) { return (float4 *)(void *)c->light + (size_t)y * (size_t)c->light_width; }

void glow_oval(struct canvas *c, double x, double y, double rx, double ry, struct colour colour, double strength) {
    double cx = px(c, x) / 2, cy = py(c, y) / 2, hx = fmax(rx * c->scale / 2, 0.6), hy = fmax(ry * c->scale / 2, 0.6);
    struct span s = light_span(c, cx - hx, cy - hy, cx + hx, cy + hy);
    if (s.is_empty) return;
    float4 add = lanes(colour) * (float)(strength * colour.a);
    for (int iy = s.top; iy <= s.bottom; iy++) {
        float dy = (float)((iy + 0.5 - cy) / hy);
        float4 *row = light_row(c, iy);
        for (int ix = s.left; ix <= s.right; ix++) {
            float dx = (float)((ix + 0.5 - cx) / hx), d2 = dx * dx + dy * dy;
            if (d2 >= 1) continue;
            float f = 1 - d2;
            f *= f;
            row[ix] += add * (f * f * 0.6f + f * f * f * f * f * f * 0.4f); /* a wide skirt and a narrow heart */
        }
    }
}
void glow(struct canvas *c, double x, double y, double r, struct colour colour, double strength) { glow_oval(c, x, y, r, r, colour, strength); }

void ray(struct canvas *c, double x0, double y0, double x1, double y1, double width, struct colour colour, double strength) {
    double ax = px(c, x0) / 2, ay = py(c, y0) / 2, bx = px(c, x1) / 2, by = py(c, y1) / 2, r = fmax(width * c->scale / 4, 0.1);
    float gain = 1;
    if (r < 0.7) gain = (float)(r / 0.7), r = 0.7;
    struct span s = light_span(c, fmin(ax, bx) - r, fmin(ay, by) - r, fmax(ax, bx) + r, fmax(ay, by) + r);
    if (s.is_empty) return;
    float dx = (float)(bx - ax), dy = (float)(by - ay), l2 = dx * dx + dy * dy, inverse = l2 > 1e-6f ? 1 / l2 : 0, scale = (float)(1 / (r * r));
    float4 add = lanes(colour) * ((float)(strength * colour.a) * gain);
    for (int iy = s.top; iy <= s.bottom; iy++) {
        float4 *row = light_row(c, iy);
        for (int ix = s.left; ix <= s.right; ix++) {
            float ex = (float)(ix + 0.5 - ax), ey = (float)(iy + 0.5 - ay), along = (ex * dx + ey * dy) * inverse;
            along = along < 0 ? 0 : along > 1 ? 1 : along;
            ex -= dx * along, ey -= dy * along;
            float f = 1 - (ex * ex + ey * ey) * scale;
            if (f > 0) row[ix] += add * (f * f);
        }
    }
}

void beam(struct canvas *c, double ax, double ay, double wa, double bx, double by, double wb, struct colour colour, double strength) {
    ax = px(c, ax) / 2, ay = py(c, ay) / 2, bx = px(c, bx) / 2, by = py(c, by) / 2, wa *= c->scale / 2, wb *= c->scale / 2;
    double w = fmax(wa, wb);
    struct span s = light_span(c, fmin(ax, bx) - w, fmin(ay, by) - w, fmax(ax, bx) + w, fmax(ay, by) + w);
    if (s.is_empty) return;
    float length = (float)hypot(bx - ax, by - ay);
    if (length < 1e-3f) return;
    float ux = (float)(bx - ax) / length, uy = (float)(by - ay) / length;
    float4 add = lanes(colour) * (float)(strength * colour.a);
    for (int iy = s.top; iy <= s.bottom; iy++) {
        float4 *row = light_row(c, iy);
        for (int ix = s.left; ix <= s.right; ix++) {
            float ex = (float)(ix + 0.5 - ax), ey = (float)(iy + 0.5 - ay);
            float along = (ex * ux + ey * uy) / length;
            if (along <= 0 || along >= 1) continue;
            float half = (float)wa + (float)(wb - wa) * along, aside = (ey * ux - ex * uy) / half, f = 1 - aside * aside;
            if (f <= 0) continue;
            float far = 1 - along;
            row[ix] += add * (f * f * far * far * (along < 0.04f ? along * 25 : 1));
        }
    }
}

/* --- putting it down --- */

/* The last step runs over each byte of the picture, in 16-bit integers that the compiler does many of at once. Gcc makes a
 * second version of these loops for processors with AVX2 and chooses at start; both give the same bytes. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(GRANDSTAND_TEST_DOORS)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

/* What a row of the light layer lets through, exp(-light), as 0 to 8191. */
WIDE static void light_to_shade(const float *restrict light, uint16_t *restrict shade, int count) {
    for (int i = 0; i < count; i++) { /* (1 - x / 16) ^ 16 is exp(-x) closely enough */
        float x = 1 - (light[i] > 15 ? 15 : light[i]) * (1 / 16.f);
        x *= x, x *= x, x *= x;
        shade[i] = (uint16_t)(int)(x * x * 8191);
    }
}
/* Between two rows of shade, three parts of the nearer and one of the farther; 0 to 16382. */
WIDE static void shade_between(const uint16_t *restrict near, const uint16_t *restrict far, uint16_t *restrict out, int count) {
    for (int i = 0; i < count; i++) out[i] = (uint16_t)((3 * near[i] + far[i]) >> 1);
}
/* Twice as wide, with centred pixels: `in` has `pixels` + 2 pixels of four lanes, `out` 2 * pixels; 0 to 65528. */
WIDE static void shade_widen(const uint16_t *restrict in, uint16_t *restrict out, int pixels) {
    for (int i = 0; i < pixels; i++)
        for (int k = 0; k < 4; k++) {
            uint16_t here = in[4 * i + 4 + k];
            out[8 * i + k] = (uint16_t)(3 * here + in[4 * i + k]);
            out[8 * i + 4 + k] = (uint16_t)(3 * here + in[4 * i + 8 + k]);
        }
}
/* paint' = 255 - (255 - paint) * shade, with dither (0 to 255, repeating every 32 lanes). */
WIDE static void shade_apply(uint8_t *restrict paint, const uint16_t *restrict shade, const uint16_t *restrict dither, int lanes) {
    for (int i = 0; i < lanes; i++) {
        uint16_t dark = (uint16_t)((255 - paint[i]) << 8), kept = (uint16_t)((uint32_t)dark * shade[i] >> 16);
        paint[i] = (uint8_t)((uint16_t)(65280 - kept + dither[i]) >> 8);
    }
}
/* Gain (65535: as it is) and grain for a finished row. */
WIDE static void row_grade(uint8_t *restrict paint, const uint16_t *restrict gain, const uint16_t *restrict grain, uint16_t grain_mean, int lanes) {
    for (int i = 0; i < lanes; i++) {
        uint16_t v = (uint16_t)((uint32_t)(paint[i] << 8 | 128) * gain[i] >> 16);
        v = v > 62000 ? 62000 : v; /* room for the grain */
        v = (uint16_t)(v + grain[i]);
        paint[i] = (uint8_t)((v > grain_mean ? v - grain_mean : 0) >> 8);
    }
}

/* Working rows of a canvas: shade of two light rows with a pixel of margin, one between them, one widened; dither and
 * gain; and a strip of grain that rows take at places of their own. */
enum { GRAIN_PIXELS = 4096 };
struct rows {
    uint16_t *shade[2], *between, *wide, *dither, *gain, *grain;
    int shade_at[2]; /* which light row each of `shade` holds */
};
static size_t rows_lanes(const struct canvas *c) {
    size_t half = 4 * ((size_t)c->light_width + 2), full = 4 * ((size_t)c->width + 8);
    return 3 * half + 2 * full + full + 4 * (GRAIN_PIXELS + (size_t)c->width + 8);
}
static struct rows rows_of(const struct canvas *c, uint16_t *memory) {
    size_t half = 4 * ((size_t)c->light_width + 2), full = 4 * ((size_t)c->width + 8);
    return (struct rows){{memory, memory + half}, memory + 2 * half, memory + 3 * half, memory + 3 * half + full, memory + 3 * half + 2 * full, memory + 3 * half + 3 * full, {-1, -1}};
}

static const uint16_t *shade_row(struct canvas *c, struct rows *r, int y) {
    y = y < 0 ? 0 : y >= c->light_height ? c->light_height - 1 : y;
    uint16_t *row = r->shade[y & 1];
    if (r->shade_at[y & 1] == y) return row;
    light_to_shade(c->light + (size_t)y * (size_t)c->light_width * 4, row + 4, c->light_width * 4);
    memcpy(row, row + 4, 8);
    memcpy(row + 4 + 4 * c->light_width, row + 4 * c->light_width, 8);
    r->shade_at[y & 1] = y;
    return row;
}

static void compose(struct canvas *c, const struct finish *f) {
    uint16_t *memory = mem_alloc(rows_lanes(c) * sizeof *memory);
    if (!memory) return; /* the frame goes out as it is */
    struct rows r = rows_of(c, memory);
    cairo_surface_flush(c->surface);
    double grain = f ? f->grain : 0;
    for (uint32_t i = 0; f && i < GRAIN_PIXELS + (uint32_t)c->width + 8; i++)
        for (int k = 0; k < 4; k++) r.grain[4 * i + (uint32_t)k] = (uint16_t)(hash1(i) * grain * 256 + 128);
    uint16_t dithers[8][32];
    for (int y = 0; y < 8; y++)
        for (int i = 0; i < 32; i++) dithers[y][i] = (uint16_t)(dither_at(i / 4, y) * 255);
    for (int y = 0; y < c->height; y++) {
        uint8_t *paint = (uint8_t *)(c->pixels + (size_t)y * (size_t)c->stride);
        if (c->has_light) {
            int near = y >> 1, far = near + (y & 1 ? 1 : -1);
            const uint16_t *a = shade_row(c, &r, near), *b = shade_row(c, &r, far < 0 ? 0 : far);
            shade_between(a, b, r.between, 4 * (c->light_width + 2));
            shade_widen(r.between, r.wide, c->width / 2);
            for (int i = 0; i < 4 * c->width; i += 32) memcpy(r.dither + i, dithers[y & 7], sizeof dithers[0]);
            shade_apply(paint, r.wide, r.dither, 4 * (c->width & ~1));
        }
        if (!f) continue;
        float fy = (float)(2 * y - c->height) / (float)c->height;
        for (int x = 0; x < c->width; x++) {
            float fx = (float)(2 * x - c->width) / (float)c->width, corner = (fx * fx + fy * fy) * 0.5f;
            uint16_t gain = (uint16_t)(65535 * (float)f->fade * (1 - (float)f->vignette * corner * corner));
            for (int k = 0; k < 4; k++) r.gain[4 * x + k] = gain;
        }
        const uint16_t *from = r.grain + 4 * (hash_bits((uint32_t)y, c->frame, 77) % GRAIN_PIXELS);
        row_grade(paint, r.gain, from, (uint16_t)(grain * 128 + 128), 4 * c->width);
    }
    cairo_surface_mark_dirty(c->surface);
    mem_free(memory);
    if (c->has_light) memset(c->light, 0, (size_t)c->light_width * (size_t)c->light_height * 4 * sizeof(float));
    c->has_light = false;
}

void canvas_settle(struct canvas *c) {
    if (c->has_light) compose(c, NULL);
}

/* Running mean along one line of `count` lanes, `stride` apart. */
static void blur_line(const float4 *in, float4 *out, int count, int stride, int radius) {
    float4 sum = in[0] * (float)(radius + 1);
    for (int i = 1; i <= radius; i++) sum += in[(size_t)(i < count ? i : count - 1) * (size_t)stride];
    float scale = 1.f / (float)(2 * radius + 1);
    for (int i = 0; i < count; i++) {
        out[(size_t)i * (size_t)stride] = sum * scale;
        int enter = i + radius + 1, leave = i - radius;
        sum += in[(size_t)(enter < count ? enter : count - 1) * (size_t)stride] - in[(size_t)(leave > 0 ? leave : 0) * (size_t)stride];
    }
}

/* What is bright spills into the light, from a quarter-size copy blurred three times (three boxes are nearly a bell). */
static void bloom(struct canvas *c, double strength) {
    int width = c->width / 4, height = c->height / 4, radius = (int)fmax(1, 7 * c->scale);
    if (width < 8 || height < 8) return;
    float4 *a = (float4 *)(void *)c->scratch, *b = a + (size_t)width * (size_t)height;
    cairo_surface_flush(c->surface);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            float4 sum = {0, 0, 0, 0};
            for (int k = 0; k < 4; k++) {
                const uint32_t *p = c->pixels + (size_t)(4 * y + k) * (size_t)c->stride + 4 * x;
                sum += unpacked(p[k & 1]) + unpacked(p[2 + (k & 1)]);
            }
            sum *= 1 / (8 * 255.f);
            float bright = sum[0] > sum[1] ? sum[0] : sum[1];
            bright = bright > sum[2] ? bright : sum[2];
            float over = bright > 0.45f ? (bright - 0.45f) / 0.55f : 0;
            a[(size_t)y * (size_t)width + (size_t)x] = sum * (over * over);
        }
    for (int pass = 0; pass < 2; pass++) {
        for (int y = 0; y < height; y++) blur_line(a + (size_t)y * (size_t)width, b + (size_t)y * (size_t)width, width, 1, radius);
        for (int x = 0; x < width; x++) blur_line(b + x, a + x, height, width, radius);
    }
    float gain = (float)strength;
    for (int y = 0; y < c->light_height; y++) {
        float4 *row = light_row(c, y);
        const float4 *from = a + (size_t)(y / 2 < height ? y / 2 : height - 1) * (size_t)width;
        for (int x = 0; x < c->light_width; x++) row[x] += from[x / 2 < width ? x / 2 : width - 1] * gain;
    }
    c->has_light = true;
}

void canvas_finish(struct canvas *c, const struct finish *f) {
    if (f->bloom > 0) bloom(c, f->bloom);
    compose(c, f);
}
