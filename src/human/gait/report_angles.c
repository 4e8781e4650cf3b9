/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Joint angles over time and over a stride. */
#include <stdio.h>
#include <string.h>

#include "human/gait/report_page.h"

static const enum gait_angle report_angles_shown[] = {GAIT_HIP_FLEXION, GAIT_KNEE_FLEXION,     GAIT_ANKLE_DORSIFLEXION,
                                               GAIT_THIGH,       GAIT_SHOULDER_FLEXION, GAIT_ELBOW_FLEXION};

static struct slice angle_word(struct page *p, enum gait_angle kind) {
    const char *name = gait_angle_name(2 * (size_t)kind);
    size_t len = strlen(name);
    if (len > 2 && name[len - 2] == '_') len -= 2;
    char code[96];
    snprintf(code, sizeof code, "report.angle.%.*s", (int)len, name);
    return page_word(p, code);
}

/* `cycles` of one angle over each other; classes name their colours. */
void report_angle_plot(struct page *p, enum gait_angle kind, struct slice side, const struct gait_cycle *cycles, const char *const *classes,
                       size_t count, bool with_each) {
    struct plot plot = {.out = p->out,
                        .left = 44,
                        .top = 34,
                        .width = 272,
                        .height = 150,
                        .point = p->point,
                        .x0 = 0,
                        .x1 = 100,
                        .y0 = INFINITY,
                        .y1 = -INFINITY};
    double phase[GAIT_PHASE_POINTS], low[GAIT_PHASE_POINTS], high[GAIT_PHASE_POINTS];
    size_t strides = 0;
    for (size_t c = 0; c < count; c++) {
        strides += cycles[c].strides;
        for (size_t i = 0; i < GAIT_PHASE_POINTS; i++) {
            phase[i] = 100.0 * (double)i / (GAIT_PHASE_POINTS - 1);
            for (size_t s = 0; s < cycles[c].strides; s++) plot_widen(&plot.y0, &plot.y1, cycles[c].each[s][i]);
        }
    }
    if (!strides || !(plot.y1 >= plot.y0)) return;
    plot_round(&plot.y0, &plot.y1);
    struct slice name = angle_word(p, kind);
    page_html(p, "<div class=\"third\">");
    page_svg_begin(p, 330, 226, name);
    page_title(p, &plot, arena_printf(p->mem, "%.*s%s%.*s (°)", SLICE_ARG(name), side.len ? " · " : "", SLICE_ARG(side)));
    plot_axes(&plot, page_word(p, "report.axis.stride"), SLICE_NONE);
    for (size_t c = 0; c < count; c++) {
        char class[64];
        for (size_t i = 0; i < GAIT_PHASE_POINTS; i++)
            low[i] = cycles[c].mean[i] - cycles[c].deviation[i], high[i] = cycles[c].mean[i] + cycles[c].deviation[i];
        snprintf(class, sizeof class, "band %s", classes[c]), plot_band(&plot, phase, low, high, GAIT_PHASE_POINTS, class);
        snprintf(class, sizeof class, "line hair %s", classes[c]);
        for (size_t s = 0; with_each && s < cycles[c].strides; s++) plot_line(&plot, phase, cycles[c].each[s], GAIT_PHASE_POINTS, class);
        snprintf(class, sizeof class, "rule %s", classes[c]), plot_rule(&plot, 100 * cycles[c].toe_off, class);
    }
    for (size_t c = 0; c < count; c++) {
        char class[64];
        snprintf(class, sizeof class, "line mean %s", classes[c]), plot_line(&plot, phase, cycles[c].mean, GAIT_PHASE_POINTS, class);
    }
    if (!with_each && count == 2) { /* where two athletes differ more than their strides do among themselves */
        double difference[GAIT_PHASE_POINTS], chance[GAIT_PHASE_POINTS];
        gait_cycle_compare(&cycles[0], &cycles[1], difference, chance);
        for (size_t i = 0; i + 1 < GAIT_PHASE_POINTS; i++) {
            if (!(chance[i] < 0.01) || !(chance[i + 1] < 0.01)) continue;
            buf_printf(p->out, "<rect class=\"differs\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"5\"/>", plot_x(&plot, phase[i]),
                       plot.top + plot.height - 5, plot.width / (GAIT_PHASE_POINTS - 1) + 0.3);
        }
    }
    page_html(p, "</svg></div>");
}

/* Without strides to lay over each other: the angles as they went. */
static void angles_over_time(struct page *p, const struct gait_run *run) {
    size_t n = run->frame_count, known = 0;
    double *t = page_doubles(p, n), *y[GAIT_SIDES] = {page_doubles(p, n), page_doubles(p, n)};
    if (p->has_failed || n < 2) return;
    for (size_t i = 0; i < ARRAY_LEN(report_angles_shown); i++) {
        for (size_t f = 0; f < n; f++) {
            for (size_t s = 0; s < GAIT_SIDES; s++) known += gait_is_known(run->samples[f].angles[2 * (size_t)report_angles_shown[i] + s]);
        }
    }
    if (!known) return;
    page_html(p, "<section class=\"card\"><h3>");
    page_say(p, "report.angles.time");
    page_html(p, "</h3><p class=\"legend\"><span class=\"key l\"></span>");
    page_say(p, "report.left");
    page_html(p, "<span class=\"key r\"></span>");
    page_say(p, "report.right");
    page_html(p, "</p><div class=\"grid3\">");
    for (size_t i = 0; i < ARRAY_LEN(report_angles_shown); i++) {
        struct plot plot = {.out = p->out,
                            .left = 44,
                            .top = 34,
                            .width = 272,
                            .height = 150,
                            .point = p->point,
                            .x0 = run->samples[0].time_s,
                            .x1 = run->samples[n - 1].time_s,
                            .y0 = INFINITY,
                            .y1 = -INFINITY};
        for (size_t f = 0; f < n; f++) {
            t[f] = run->samples[f].time_s;
            for (size_t s = 0; s < GAIT_SIDES; s++)
                y[s][f] = run->samples[f].angles[2 * (size_t)report_angles_shown[i] + s].value, plot_widen(&plot.y0, &plot.y1, y[s][f]);
        }
        if (!(plot.y1 >= plot.y0)) continue;
        plot_round(&plot.y0, &plot.y1);
        struct slice name = angle_word(p, report_angles_shown[i]);
        page_html(p, "<div class=\"third\">");
        page_svg_begin(p, 330, 226, name);
        page_title(p, &plot, arena_printf(p->mem, "%.*s (°)", SLICE_ARG(name)));
        plot_axes(&plot, page_word(p, "report.axis.time"), SLICE_NONE);
        for (size_t s = 0; s < GAIT_SIDES; s++) plot_line(&plot, t, y[s], n, s == GAIT_LEFT ? "line mean l" : "line mean r");
        page_html(p, "</svg></div>");
    }
    page_html(p, "</div></section>");
}

struct err report_angles(struct page *p, const struct gait_run *run) {
    struct gait_fast f = gait_fast_of(run);
    struct gait_cycle cycles[ARRAY_LEN(report_angles_shown)][GAIT_SIDES];
    size_t strides[GAIT_SIDES] = {0};
    for (size_t i = 0; i < ARRAY_LEN(report_angles_shown); i++) {
        for (size_t s = 0; s < GAIT_SIDES; s++) {
            struct err e = gait_cycle_of(p->mem, run, 2 * (size_t)report_angles_shown[i] + s, (enum gait_side)s, f.from_s, f.to_s, &cycles[i][s]);
            if (e.kind) return e;
            strides[s] = strides[s] > cycles[i][s].strides ? strides[s] : cycles[i][s].strides;
        }
    }
    if (!strides[0] && !strides[1]) {
        angles_over_time(p, run);
        return ERR_OK;
    }
    page_html(p, "<section class=\"card\"><h3>");
    page_say(p, "report.angles");
    if (f.is_part) page_html(p, " · "), page_say(p, "report.at_top_speed");
    page_html(p, "</h3><p class=\"about\">");
    struct text_param params[] = {{SLICE("left"), page_number(p, (double)strides[0], 0, "")},
                                  {SLICE("right"), page_number(p, (double)strides[1], 0, "")}};
    page_sentence(p, "report.angles.about", params, 2);
    page_html(p, "</p><p class=\"legend\"><span class=\"key l\"></span>");
    page_say(p, "report.left");
    page_html(p, "<span class=\"key r\"></span>");
    page_say(p, "report.right");
    page_html(p, "</p><div class=\"grid3\">");
    for (size_t i = 0; i < ARRAY_LEN(report_angles_shown); i++) report_angle_plot(p, report_angles_shown[i], SLICE(""), cycles[i], page_side_class, 2, true);
    page_html(p, "</div></section>");
    return ERR_OK;
}
