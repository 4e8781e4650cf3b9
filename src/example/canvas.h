/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * canvas.h: the sheet a film is painted on.
 *
 * Scenes think in units: a stage of 1280 x 720, whatever the size of the picture that comes out. A canvas shows a
 * window of that stage: films show all of it, a poster a tall part of it. Two layers:
 *   - paint: 8-bit pixels, drawn with cairo (canvas->cr is in units) or with the fast shapes below;
 *   - light: floats at half resolution, only ever added to: lamps, beams, sparks, haze. It lies over the paint painted
 *     so far and never clips (paint' = 1 - (1 - paint) * exp(-light)). canvas_settle puts it down, so that what is
 *     drawn next stands in front of it.
 * canvas_finish ends a frame: bloom, vignette, a breath of grain. One thread at a time per canvas. */
#ifndef EXAMPLE_CANVAS_H
#define EXAMPLE_CANVAS_H

#include <cairo.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "example/motion.h"

#define STAGE_WIDTH 1280.0
#define STAGE_HEIGHT 720.0

/* As shown (sRGB), 0 to 1; alpha not multiplied in. */
struct colour {
    float r, g, b, a;
};
#define RGB(hex) ((struct colour){((hex) >> 16 & 255) / 255.f, ((hex) >> 8 & 255) / 255.f, ((hex) & 255) / 255.f, 1})
static inline struct colour with_alpha(struct colour c, double a) {
    c.a *= (float)a;
    return c;
}
/* Between two colours as the eye sees it (through Oklab), so that the middle is not muddy. */
struct colour blend(struct colour a, struct colour b, double p);
struct colour darker(struct colour c, double by); /* 0: as it is, 1: black */
/* A row of colours, p from 0 (first) to 1 (last). */
struct colour palette_at(const struct colour *colours, size_t count, double p);
#define PALETTE(array, p) palette_at((array), sizeof(array) / sizeof(*(array)), (p))

struct canvas {
    cairo_t *cr;              /* in units */
    int width, height;        /* pixels */
    double scale;             /* pixels per unit */
    double left, top;         /* the unit at the upper left pixel */
    uint32_t frame;           /* number of the frame, for grain */
    bool is_bare;             /* for a poster: scenes leave out bars, titles and clocks */
    /* for canvas.c and shapes.c */
    cairo_surface_t *surface;
    uint32_t *pixels;
    int stride;               /* pixels per row */
    float *light;             /* light_width x light_height x 4 */
    int light_width, light_height;
    bool has_light;
    float *scratch;
};

/* A canvas of width x height pixels that shows the stage from (left, top), `units` wide. ERR_LIMIT: no memory. */
MUST_USE struct err canvas_create(int width, int height, double left, double top, double units, struct canvas **out);
void canvas_destroy(struct canvas **);

struct finish {
    double bloom;     /* how much bright places spill, 0 to 1 */
    double vignette;  /* how dark the corners become, 0 to 1 */
    double grain;     /* in steps of 8 bits, about 1 */
    double fade;      /* 1: as painted, 0: black */
};
void canvas_finish(struct canvas *, const struct finish *);
void canvas_settle(struct canvas *);

/* --- whole-canvas paint --- */
void fill_all(struct canvas *, struct colour);
/* Bands of colour between heights, in units, top down. */
struct stop {
    double at;
    struct colour colour;
};
void fill_sky(struct canvas *, const struct stop *stops, size_t count);
#define SKY(c, ...) fill_sky((c), (const struct stop[]){__VA_ARGS__}, sizeof((const struct stop[]){__VA_ARGS__}) / sizeof(struct stop))
/* Asks `shade` for the colour at points `step` units apart and fills smoothly between them: water, fog, fields.
 * Alpha below 1 lets what was painted show through. Only rows from `top` to `bottom` (units). */
void fill_field(struct canvas *, double top, double bottom, double step, struct colour (*shade)(double x, double y, const void *user), const void *user);

/* --- fast shapes, in units; cheap enough for tens of thousands --- */
void disc(struct canvas *, double x, double y, double r, struct colour);
void streak(struct canvas *, double x0, double y0, double x1, double y1, double width, struct colour); /* round ends */

/* --- light --- */
void glow(struct canvas *, double x, double y, double r, struct colour, double strength);   /* a lamp; r: where it ends */
void glow_oval(struct canvas *, double x, double y, double rx, double ry, struct colour, double strength);
void ray(struct canvas *, double x0, double y0, double x1, double y1, double width, struct colour, double strength); /* a thin light, even */
/* A cone of light from a to b, half-widths wa and wb, fading towards b. */
void beam(struct canvas *, double ax, double ay, double wa, double bx, double by, double wb, struct colour, double strength);

#endif
