/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * draw.h: shapes and letters on a canvas by cairo and Pango, in units. */
#ifndef EXAMPLE_DRAW_H
#define EXAMPLE_DRAW_H

#include "example/canvas.h"

void use(struct canvas *, struct colour); /* the colour for cairo calls that follow */
void fill(struct canvas *, struct colour);   /* the path so far, and forgets it */
void stroke(struct canvas *, struct colour, double width);

/* Paths: add to the current one; fill or stroke afterwards. */
void path_circle(struct canvas *, double x, double y, double r);
void path_oval(struct canvas *, double x, double y, double rx, double ry, double turn); /* turn in radians */
void path_limb(struct canvas *, struct vec2 a, double ra, struct vec2 b, double rb); /* two circles and what lies between */
void path_line(struct canvas *, struct vec2 a, struct vec2 b);
void path_polygon(struct canvas *, const struct vec2 *points, size_t count);
/* A smooth curve through the points; `is_closed` also joins the ends. */
void path_curve(struct canvas *, const struct vec2 *points, size_t count, bool is_closed);
void path_box(struct canvas *, double x, double y, double width, double height, double corner);

/* Fills the path with a straight or round gradient. */
void fill_between(struct canvas *, struct vec2 from, struct colour a, struct vec2 to, struct colour b);
void fill_round(struct canvas *, struct vec2 centre, double r, struct colour middle, struct colour rim);

struct lettering {
    const char *family;     /* "Noto Sans Display", "Noto Serif CJK SC", ... */
    double size;            /* em, in units */
    bool is_bold, is_italic;
    double spacing;         /* extra between letters, in em */
    double leading;         /* between lines, in em; 0: as the font wants */
    enum { LEFT, CENTRE, RIGHT } align;
    double width;           /* lines are broken at this width; 0: only at \n */
};
/* Draws a block of text whose top is at y; x is its left edge, middle or right edge by `align`.
 * Returns the height of the block. */
double letters(struct canvas *, const struct lettering *, double x, double y, struct colour, const char *text);
void letters_size(struct canvas *, const struct lettering *, const char *text, double *width, double *height);
/* The size in which `text` is exactly `width` wide. */
double letters_fit(struct canvas *, struct lettering style, const char *text, double width);

#endif
