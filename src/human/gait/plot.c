/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "human/gait/plot.h"

#include <math.h>
#include <stdio.h>

void plot_escape(struct buf *out, struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '&')
            buf_cstr(out, "&amp;");
        else if (c == '<')
            buf_cstr(out, "&lt;");
        else if (c == '>')
            buf_cstr(out, "&gt;");
        else if (c == '"')
            buf_cstr(out, "&quot;");
        else if ((unsigned char)c >= ' ')
            buf_bytes(out, &c, 1);
    }
}

void plot_number(struct buf *out, double v, int decimals, char point) {
    char text[64];
    if (!isfinite(v)) {
        buf_cstr(out, "–");
        return;
    }
    if (fabs(v) < 0.5 * pow(10, -decimals)) v = 0; /* no minus before a zero */
    snprintf(text, sizeof text, "%.*f", decimals, fabs(v));
    if (v < 0) buf_cstr(out, "−");
    for (char *c = text; *c; c++) {
        if (*c == '.') *c = point;
    }
    buf_cstr(out, text);
}

void plot_widen(double *low, double *high, double v) {
    if (!isfinite(v)) return;
    *low = fmin(*low, v), *high = fmax(*high, v);
}

/* 1, 2 or 5 times a power of ten, about `count` of them in the range. */
static double tick(double range, double count) {
    double raw = range / count, power = pow(10, floor(log10(raw))), m = raw / power;
    return power * (m < 1.5 ? 1 : m < 3.5 ? 2 : m < 7.5 ? 5 : 10);
}

void plot_round(double *low, double *high) {
    if (!(*high >= *low)) {
        *low = 0, *high = 1;
        return;
    }
    if (*high - *low < 1e-9) *low -= 0.5, *high += 0.5;
    double step = tick(*high - *low, 5);
    *low = floor(*low / step + 1e-9) * step, *high = ceil(*high / step - 1e-9) * step;
}

void plot_text(struct plot *p, double x, double y, const char *class, const char *anchor, struct slice text) {
    buf_printf(p->out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"%s\">", x, y, class, anchor);
    plot_escape(p->out, text);
    buf_cstr(p->out, "</text>");
}

void plot_axes(struct plot *p, struct slice x_label, struct slice y_label) {
    double sy = tick(p->y1 - p->y0, p->height / 45), sx = tick(p->x1 - p->x0, p->width / 90);
    int dy = sy >= 1 ? 0 : (int)ceil(-log10(sy) - 1e-9), dx = sx >= 1 ? 0 : (int)ceil(-log10(sx) - 1e-9);
    for (int i = 0; i <= 100; i++) {
        double v = (ceil(p->y0 / sy - 1e-9) + i) * sy;
        if (v > p->y1 + 1e-9 * sy) break;
        buf_printf(p->out, "<path class=\"grid%s\" d=\"M%.1f %.1fH%.1f\"/><text x=\"%.1f\" y=\"%.1f\" class=\"tick\" text-anchor=\"end\">",
                   fabs(v) < 1e-9 ? " zero" : "", p->left, plot_y(p, v), p->left + p->width, p->left - 7, plot_y(p, v) + 4);
        plot_number(p->out, v, dy, p->point);
        buf_cstr(p->out, "</text>");
    }
    for (int i = 0; i <= 100; i++) {
        double v = (ceil(p->x0 / sx - 1e-9) + i) * sx;
        if (v > p->x1 + 1e-9 * sx) break;
        buf_printf(p->out, "<text x=\"%.1f\" y=\"%.1f\" class=\"tick\" text-anchor=\"middle\">", plot_x(p, v), p->top + p->height + 17);
        plot_number(p->out, v, dx, p->point);
        buf_cstr(p->out, "</text>");
    }
    if (x_label.len) plot_text(p, p->left + p->width, p->top + p->height + 33, "axis", "end", x_label);
    if (y_label.len) plot_text(p, p->left - 34, p->top - 10, "axis", "start", y_label);
}

/* Long recordings have more frames than a page has pixels: what falls on the same third of one is drawn once. */
static bool is_crowded(double x, double before, size_t i, size_t count) { return i + 1 < count && fabs(x - before) < 0.34; }

void plot_line(struct plot *p, const double *x, const double *y, size_t count, const char *class) {
    bool is_open = false;
    double before = -INFINITY;
    buf_printf(p->out, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i])) {
            is_open = false;
            continue;
        }
        double at = plot_x(p, x[i]);
        if (is_open && is_crowded(at, before, i, count)) continue;
        buf_printf(p->out, "%c%.1f %.1f", is_open ? 'L' : 'M', at, plot_y(p, y[i]));
        is_open = true, before = at;
    }
    buf_cstr(p->out, "\"/>");
}

static void edge(struct plot *p, double x, double y, double *before, bool is_first, bool is_last) {
    double at = plot_x(p, x);
    if (!is_first && !is_last && fabs(at - *before) < 0.34) return;
    buf_printf(p->out, "%c%.1f %.1f", is_first ? 'M' : 'L', at, plot_y(p, y));
    *before = at;
}

void plot_band(struct plot *p, const double *x, const double *low, const double *high, size_t count, const char *class) {
    buf_printf(p->out, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0; i < count;) {
        size_t from = i;
        double before = -INFINITY;
        while (i < count && isfinite(low[i]) && isfinite(high[i])) i++;
        if (i - from >= 2) {
            for (size_t k = from; k < i; k++) edge(p, x[k], high[k], &before, k == from, k + 1 == i);
            for (size_t k = i; k-- > from;) edge(p, x[k], low[k], &before, false, k + 1 == i || k == from);
            buf_cstr(p->out, "Z");
        }
        if (i == from) i++;
    }
    buf_cstr(p->out, "\"/>");
}

void plot_dot(struct plot *p, double x, double y, double error, double radius, const char *class) {
    if (!isfinite(x) || !isfinite(y)) return;
    double half = error / (p->y1 - p->y0) * p->height;
    if (isfinite(half) && half > radius)
        buf_printf(p->out, "<path class=\"whisker %s\" d=\"M%.1f %.1fV%.1f\"/>", class, plot_x(p, x), plot_y(p, y) - half,
                   plot_y(p, y) + half);
    buf_printf(p->out, "<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>", class, plot_x(p, x), plot_y(p, y), radius);
}

void plot_rule(struct plot *p, double x, const char *class) {
    if (isfinite(x)) buf_printf(p->out, "<path class=\"%s\" d=\"M%.1f %.1fV%.1f\"/>", class, plot_x(p, x), p->top, p->top + p->height);
}
