/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Step by step, and left against right. */
#include <string.h>

#include "human/gait/report_page.h"

/* ---- step by step ---- */

static size_t first_step(const struct gait_run *run) {
    size_t i = 0;
    while (i < run->step_count && !gait_is_known(run->contacts[run->steps[i].contact].touch_down_s)) i++;
    return i;
}

void report_step_plot(struct page *p, const struct gait_run *const *runs, size_t count, enum gait_measure m) {
    struct shown s = page_shown_of(m);
    struct plot plot = {.out = p->out,
                        .left = 48,
                        .top = 36,
                        .width = 440,
                        .height = 130,
                        .point = p->point,
                        .x0 = 0.5,
                        .x1 = 1.5,
                        .y0 = INFINITY,
                        .y1 = -INFINITY};
    for (size_t r = 0; r < count; r++) {
        for (size_t i = first_step(runs[r]); i < runs[r]->step_count; i++) {
            struct gait_value v = runs[r]->steps[i].measures[m];
            if (!gait_is_known(v)) continue;
            plot_widen(&plot.y0, &plot.y1, (v.value - v.error) * s.scale), plot_widen(&plot.y0, &plot.y1, (v.value + v.error) * s.scale);
            plot.x1 = fmax(plot.x1, (double)(i - first_step(runs[r])) + 1.5);
        }
    }
    if (!(plot.y1 >= plot.y0)) return;
    plot_round(&plot.y0, &plot.y1);
    struct slice name = page_word_of(p, "report.measure", gait_measure_name(m));
    page_html(p, "<div class=\"half\">");
    page_svg_begin(p, 500, 206, name);
    page_title(p, &plot, arena_printf(p->mem, "%.*s (%s)", SLICE_ARG(name), s.unit));
    plot_axes(&plot, page_word(p, "report.axis.step"), SLICE_NONE);
    for (size_t r = 0; r < count; r++) {
        size_t first = first_step(runs[r]), n = 0;
        double *x = page_doubles(p, runs[r]->step_count), *y = page_doubles(p, runs[r]->step_count);
        if (p->has_failed) return;
        for (size_t i = first; i < runs[r]->step_count; i++)
            x[n] = (double)(i - first) + 1, y[n++] = runs[r]->steps[i].measures[m].value * s.scale;
        plot_line(&plot, x, y, n, count == 1 ? "line thread" : r ? "line thread b" : "line thread a");
        for (size_t i = first; i < runs[r]->step_count; i++) {
            struct gait_value v = runs[r]->steps[i].measures[m];
            plot_dot(&plot, (double)(i - first) + 1, v.value * s.scale, v.error * s.scale, 3.4,
                     count == 1 ? page_side_class[runs[r]->steps[i].side]
                     : r        ? "b"
                                : "a");
        }
    }
    page_html(p, "</svg></div>");
}

void report_steps(struct page *p, const struct gait_run *run) {
    static const enum gait_measure shown[] = {GAIT_STEP_LENGTH,         GAIT_CADENCE,      GAIT_CONTACT_TIME, GAIT_FLIGHT_TIME,
                                              GAIT_TOUCH_DOWN_DISTANCE, GAIT_TRUNK_LEAN_TD};
    size_t known = 0;
    for (size_t i = 0; i < run->step_count; i++) known += gait_is_known(run->steps[i].measures[GAIT_STEP_TIME]);
    if (!known) return;
    page_html(p, "<section class=\"card\"><h3>");
    page_say(p, "report.step_by_step");
    page_html(p, "</h3><p class=\"legend\"><span class=\"key l\"></span>");
    page_say(p, "report.left");
    page_html(p, "<span class=\"key r\"></span>");
    page_say(p, "report.right");
    page_html(p, "</p><div class=\"grid2\">");
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) report_step_plot(p, &run, 1, shown[i]);
    page_html(p, "</div></section>");
}

/* ---- left and right ---- */

void report_symmetry(struct page *p, const struct gait_run *run) {
    static const enum gait_measure shown[] = {GAIT_CONTACT_TIME,        GAIT_FLIGHT_TIME,      GAIT_STEP_TIME, GAIT_STEP_LENGTH,
                                              GAIT_TOUCH_DOWN_DISTANCE, GAIT_TOE_OFF_DISTANCE, GAIT_SHIN_TD,   GAIT_KNEE_TD,
                                              GAIT_KNEE_STANCE,         GAIT_KNEE_TO,          GAIT_HIP_TO,    GAIT_KNEE_SWING,
                                              GAIT_KNEE_LIFT,           GAIT_THIGH_SEPARATION};
    size_t known = 0;
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) known += gait_is_known(run->summaries[shown[i]].mean);
    if (!known || run->kind == GAIT_JUMPING || run->kind == GAIT_STANDING) return;
    page_html(p, "<section class=\"card\"><h3>");
    page_say(p, "report.symmetry");
    page_html(p, "</h3><p class=\"about\">");
    page_say(p, "report.symmetry.about");
    page_html(p, "</p><table><thead><tr><th>");
    page_say(p, "report.measure");
    page_html(p, "</th><th class=\"n l\">");
    page_say(p, "report.left");
    page_html(p, "</th><th class=\"n r\">");
    page_say(p, "report.right");
    page_html(p, "</th><th class=\"n\">");
    page_say(p, "report.sd");
    page_html(p, "</th><th class=\"n\">");
    page_say(p, "report.asymmetry");
    page_html(p, "</th><th class=\"bar-head\"></th></tr></thead><tbody>");
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        const struct gait_summary *s = &run->summaries[shown[i]];
        struct shown how = page_shown_of(shown[i]);
        if (!gait_is_known(s->mean)) continue;
        page_html(p, "<tr><td>");
        plot_escape(p->out, page_word_of(p, "report.measure", gait_measure_name(shown[i])));
        for (int side = 0; side < GAIT_SIDES; side++) {
            page_html(p, "</td><td class=\"n\">");
            page_value(p, s->sides[side], how.scale, !strcmp(how.unit, "°") ? 1 : how.digits, how.unit);
        }
        page_html(p, "</td><td class=\"n\">");
        plot_number(p->out, s->deviation * how.scale, !strcmp(how.unit, "°") ? 1 : how.digits, p->point);
        /* angles that may be near zero have no sensible per cent */
        bool has_share = gait_is_known(s->symmetry) && (strcmp(how.unit, "°") || fabs(s->mean.value) > 15) && s->symmetry.error < 60;
        bool is_marked = has_share && fabs(s->symmetry.value) > 2 * s->symmetry.error;
        buf_printf(p->out, "</td><td class=\"n%s\">", is_marked ? " mark" : "");
        if (has_share)
            page_value(p, s->symmetry, 1, 1, "%");
        else
            page_html(p, "<span class=\"none\">–</span>");
        page_html(p, "</td><td class=\"bar\">");
        if (has_share) {
            double x = fmax(-1, fmin(1, s->symmetry.value / 12)), e = fmin(1, s->symmetry.error / 12);
            buf_printf(p->out,
                       "<svg viewBox=\"0 0 160 16\" class=\"balance\" aria-hidden=\"true\"><path class=\"grid\" d=\"M80 1V15\"/><rect "
                       "class=\"fill %s%s\" x=\"%.1f\" y=\"4\" width=\"%.1f\" height=\"8\" rx=\"1.5\"/>"
                       "<path class=\"whisker\" d=\"M%.1f 8H%.1f\"/></svg>",
                       x > 0 ? "l" : "r", is_marked ? "" : " faint", x > 0 ? 80 - 76 * x : 80, 76 * fabs(x), fmax(2, 80 - 76 * (x + e)),
                       fmin(158, 80 - 76 * (x - e)));
        }
        page_html(p, "</td></tr>");
    }
    page_html(p, "</tbody></table></section>");
}
