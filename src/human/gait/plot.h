/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * plot.h: pictures of numbers as SVG, for report.c alone. A plot is a window onto a buffer: ranges of data, and a box of pixels they fall
 * into. Colours come from the page's style by class, so that light, dark and print are one text. Unknown (NaN) breaks a line and is never
 * bridged. */
#ifndef HUMAN_GAIT_PLOT_H
#define HUMAN_GAIT_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

struct plot {
    struct buf *out;
    double x0, x1, y0, y1;           /* data */
    double left, top, width, height; /* pixels */
    char point;                      /* decimal: '.' or ',' */
};

static inline double plot_x(const struct plot *p, double x) { return p->left + (x - p->x0) / (p->x1 - p->x0) * p->width; }
static inline double plot_y(const struct plot *p, double y) { return p->top + p->height - (y - p->y0) / (p->y1 - p->y0) * p->height; }

/* Text with &, <, > and quotes made harmless. */
void plot_escape(struct buf *, struct slice);
/* A number with so many decimals and the language's point; with a proper minus. */
void plot_number(struct buf *, double v, int decimals, char point);
/* Widens a range to hold v (unknown: nothing); then to round numbers. An empty range becomes 0 to 1. */
void plot_widen(double *low, double *high, double v);
void plot_round(double *low, double *high);

void plot_text(struct plot *, double x, double y, const char *class, const char *anchor, struct slice text);
/* Grid, ticks and labels of both axes. */
void plot_axes(struct plot *, struct slice x_label, struct slice y_label);
void plot_line(struct plot *, const double *x, const double *y, size_t count, const char *class);
void plot_band(struct plot *, const double *x, const double *low, const double *high, size_t count, const char *class);
/* A dot with a bar of one standard error each way. */
void plot_dot(struct plot *, double x, double y, double error, double radius, const char *class);
void plot_rule(struct plot *, double x, const char *class);

#endif
