/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How fast, when and where: tiles, speed, contacts, splits, phases, jumps. */
#include <string.h>

#include "human/gait/report_page.h"

/* ---- figures at the top ---- */

static void tile(struct page *p, struct slice name, struct gait_value v, double scale, int digits, const char *unit, struct slice below) {
    page_html(p, "<div class=\"tile\"><div class=\"tile-name\">");
    plot_escape(p->out, name);
    page_html(p, "</div><div class=\"tile-value\">");
    if (gait_is_known(v)) {
        plot_number(p->out, v.value * scale, digits, p->point);
        buf_printf(p->out, "<span class=\"u\"> %s</span></div><div class=\"tile-error\">± ", unit);
        int more = v.error * scale < 0.5 * pow(10, -digits) ? digits + 1 : digits;
        plot_number(p->out, fmax(v.error * scale, pow(10, -more)), more, p->point);
    } else {
        page_html(p, "–</div><div class=\"tile-error\">");
    }
    if (below.len && gait_is_known(v)) {
        page_html(p, " · ");
        plot_escape(p->out, below);
    }
    page_html(p, "</div></div>");
}

void report_tiles(struct page *p, const struct gait_run *run) {
    if (run->kind == GAIT_JUMPING && run->jump_count) { /* the highest */
        const struct gait_jump *best = &run->jumps[0];
        for (size_t i = 1; i < run->jump_count; i++) {
            if (!(run->jumps[i].height_m.value <= best->height_m.value)) best = &run->jumps[i];
        }
        page_html(p, "<div class=\"tiles\">");
        tile(p, page_word(p, "report.jump.height"), best->height_m, 100, 1, "cm", SLICE_NONE);
        tile(p, page_word(p, "report.measure.flight_time"), best->flight_s, 1000, 0, "ms", SLICE_NONE);
        tile(p, page_word(p, "report.jump.speed"), best->take_off_mps, 1, 2, "m/s", SLICE_NONE);
        page_html(p, "</div>");
        return;
    }
    struct gait_fast f = gait_fast_of(run);
    struct slice when = page_word(p, f.is_part ? "report.at_top_speed" : "report.average");
    page_html(p, "<div class=\"tiles\">");
    tile(p, page_word(p, "report.top_speed"), run->top_speed, 1, 2, "m/s",
         gait_is_known(run->top_speed) ? page_number(p, run->top_speed.value * 3.6, 1, " km/h") : SLICE_NONE);
    static const enum gait_measure shown[] = {GAIT_STEP_LENGTH, GAIT_CADENCE, GAIT_CONTACT_TIME, GAIT_FLIGHT_TIME,
                                              GAIT_TOUCH_DOWN_DISTANCE};
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        struct shown s = page_shown_of(shown[i]);
        tile(p, page_word_of(p, "report.measure", gait_measure_name(shown[i])), page_mean_of(run, f, shown[i]), s.scale, s.digits, s.unit, when);
    }
    page_html(p, "</div>");
}

/* ---- speed, contacts ---- */

void report_speed(struct page *p, const struct gait_run *run) {
    size_t n = run->frame_count, known = 0;
    double *t = page_doubles(p, n), *v = page_doubles(p, n), *low = page_doubles(p, n), *high = page_doubles(p, n);
    if (p->has_failed) return;
    struct plot plot = {.out = p->out,
                        .left = 52,
                        .top = 54,
                        .width = 970,
                        .height = 240,
                        .point = p->point,
                        .x0 = INFINITY,
                        .x1 = -INFINITY,
                        .y0 = 0,
                        .y1 = 0.5};
    for (size_t f = 0; f < n; f++) {
        const struct gait_sample *s = &run->samples[f];
        t[f] = s->time_s, v[f] = s->speed.value, low[f] = s->speed.value - 1.96 * s->speed.error,
        high[f] = s->speed.value + 1.96 * s->speed.error;
        plot_widen(&plot.x0, &plot.x1, s->time_s), known += gait_is_known(s->speed);
        if (gait_is_known(s->speed)) plot.y1 = fmax(plot.y1, v[f]);
    }
    if (!known && !run->contact_count) return;
    plot_round(&plot.y0, &plot.y1);
    page_html(p, "<section class=\"card\"><h3>");
    page_say(p, "report.speed");
    page_html(p, "</h3><p class=\"about\">");
    page_say(p, "report.speed.about");
    page_html(p, "</p>");
    page_svg_begin(p, 1040, 424, page_word(p, "report.speed"));
    for (size_t i = 0; i < GAIT_PHASES; i++) {
        const struct gait_phase *h = &run->phases[i];
        if (!h->is_there) continue;
        double x = plot_x(&plot, fmax(h->from_s, plot.x0)), wide = plot_x(&plot, fmin(h->to_s, plot.x1)) - x;
        buf_printf(p->out, "<rect class=\"phase phase-%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", i, x, plot.top - 26,
                   wide, plot.height + 26);
        struct slice name = page_word_of(p, "report.phase", gait_phase_name(i));
        if (wide > 62) plot_text(&plot, x + wide / 2, plot.top - 10, "phase-name", "middle", name);
    }
    plot_axes(&plot, SLICE_NONE, SLICE_NONE);
    plot_text(&plot, 2, 16, "axis", "start", page_word(p, "report.axis.speed"));
    double last_label = -INFINITY;
    for (size_t i = 0; i < run->split_count; i++) {
        const struct gait_split *s = &run->splits[i];
        if (!gait_is_known(s->torso_s)) continue;
        double when = s->torso_s.value + (isfinite(run->start_s) ? run->start_s : 0), x = plot_x(&plot, when);
        plot_rule(&plot, when, "split");
        if (x - last_label < 34) continue;
        plot_text(&plot, x + 3, plot.top + plot.height - 6, "split-name", "start",
                  page_number(p, s->line_m, s->line_m == floor(s->line_m) ? 0 : 1, " m"));
        last_label = x;
    }
    plot_band(&plot, t, low, high, n, "band speed");
    plot_line(&plot, t, v, n, "line speed");
    if (run->curve.is_fitted) {
        const struct gait_curve *c = &run->curve;
        for (size_t f = 0; f < n; f++) {
            double s = t[f] - c->t0_s.value;
            v[f] = s < 0 ? NAN : c->a_mps.value * (exp(-c->fade_per_s.value * s) - exp(-s / c->tau_s.value));
        }
        plot_line(&plot, t, v, n, "line fitted");
    }
    for (size_t i = 0; i < run->step_count; i++) {
        const struct gait_step *s = &run->steps[i];
        struct gait_value time = s->measures[GAIT_STEP_TIME], speed = s->measures[GAIT_SPEED];
        if (gait_is_known(time))
            plot_dot(&plot, run->contacts[s->contact].touch_down_s.value + 0.5 * time.value, speed.value, speed.error, 3.2,
                     page_side_class[s->side]);
    }
    /* contacts below, on the same clock */
    for (size_t side = 0; side < GAIT_SIDES; side++) {
        double y = 332 + 38 * (double)side, named = -INFINITY;
        plot_text(&plot, 44, y + 16, "row", "end", page_word(p, page_side_codes[side]));
        buf_printf(p->out, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>", plot.left, y + 24, plot.left + plot.width);
        for (size_t i = 0; i < run->contact_count; i++) {
            const struct gait_contact *c = &run->contacts[i];
            if ((size_t)c->side != side) continue;
            double from =
                gait_is_known(c->touch_down_s) ? c->touch_down_s.value : ((double)run->frame_first + (double)c->frame_from) / run->rate;
            double to = gait_is_known(c->toe_off_s) ? c->toe_off_s.value : ((double)run->frame_first + (double)c->frame_to - 1) / run->rate;
            bool is_whole = gait_is_known(c->touch_down_s) && gait_is_known(c->toe_off_s);
            double x = plot_x(&plot, from), wide = fmax(1, plot_x(&plot, to) - x);
            buf_printf(p->out, "<rect class=\"contact %s%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"12\" rx=\"2\"/>",
                       page_side_class[side], is_whole ? "" : " open", x, y + 12, wide);
            if (!is_whole || x + wide / 2 - named < 18) continue; /* no room */
            named = x + wide / 2;
            plot_text(&plot, named, y + 7, "contact-name", "middle", page_number(p, (to - from) * 1000, 0, ""));
        }
    }
    plot_text(&plot, plot.left + plot.width, 418, "axis", "end", page_word(p, "report.axis.time"));
    page_html(p, "</svg></section>");
}

/* ---- splits, phases, curve ---- */

void report_tables(struct page *p, const struct gait_run *run) {
    bool has_phases = false;
    for (size_t i = 0; i < GAIT_PHASES; i++) has_phases = has_phases || run->phases[i].is_there;
    if (!run->split_count && !has_phases && !run->curve.is_fitted) return;
    page_html(p, "<div class=\"columns\">");
    if (run->split_count) {
        page_html(p, "<section class=\"card\"><h3>");
        page_say(p, "report.splits");
        page_html(p, "</h3><table><thead><tr><th>");
        page_say(p, "report.line");
        page_html(p, "</th><th class=\"n\">");
        page_say(p, "report.time");
        page_html(p, "</th><th class=\"n\">");
        page_say(p, "report.interval");
        page_html(p, "</th><th class=\"n\">");
        page_say(p, "report.measure.speed");
        page_html(p, "</th></tr></thead><tbody>");
        for (size_t i = 0; i < run->split_count; i++) {
            const struct gait_split *s = &run->splits[i];
            page_html(p, "<tr><td>");
            plot_number(p->out, s->line_m, s->line_m == floor(s->line_m) ? 0 : 2, p->point);
            page_html(p, " m</td><td class=\"n\">");
            page_value(p, s->torso_s, 1, 3, "s");
            page_html(p, "</td><td class=\"n\">");
            page_value(p, s->interval_s, 1, 3, "s");
            page_html(p, "</td><td class=\"n\">");
            page_value(p, s->speed, 1, 2, "m/s");
            page_html(p, "</td></tr>");
        }
        page_html(p, "</tbody></table></section>");
    }
    if (has_phases || run->curve.is_fitted) {
        page_html(p, "<section class=\"card\">");
        if (has_phases) {
            page_html(p, "<h3>");
            page_say(p, "report.phases");
            page_html(p, "</h3><table><tbody>");
            for (size_t i = 0; i < GAIT_PHASES; i++) {
                const struct gait_phase *h = &run->phases[i];
                if (!h->is_there) continue;
                buf_printf(p->out, "<tr><td><span class=\"swatch phase-%zu\"></span>", i);
                plot_escape(p->out, page_word_of(p, "report.phase", gait_phase_name(i)));
                page_html(p, "</td><td class=\"n\">");
                plot_number(p->out, h->from_s, 2, p->point), page_html(p, "–"), plot_number(p->out, h->to_s, 2, p->point);
                page_html(p, " s</td><td class=\"n\">");
                plot_number(p->out, h->from_m.value, 1, p->point), page_html(p, "–"), plot_number(p->out, h->to_m.value, 1, p->point);
                page_html(p, " m</td></tr>");
            }
            page_html(p, "</tbody></table>");
        }
        if (run->curve.is_fitted) {
            const struct gait_curve *c = &run->curve;
            const struct {
                const char *code, *unit;
                struct gait_value v;
                double scale;
                int digits;
            } rows[] = {{"report.curve.top", "m/s", c->top_mps, 1, 2},
                        {"report.curve.tau", "s", c->tau_s, 1, 2},
                        {"report.curve.fade", "%/s", c->fade_per_s, 100, 1},
                        {"report.curve.force", "N/kg", c->force_n_kg, 1, 1},
                        {"report.curve.power", "W/kg", c->power_w_kg, 1, 1}};
            page_html(p, "<h3>");
            page_say(p, "report.curve");
            page_html(p, "</h3><table><tbody>");
            for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                page_html(p, "<tr><td>");
                page_say(p, rows[i].code);
                page_html(p, "</td><td class=\"n\">");
                page_value(p, rows[i].v, rows[i].scale, rows[i].digits, rows[i].unit);
                page_html(p, "</td></tr>");
            }
            page_html(p, "</tbody></table>");
        }
        page_html(p, "</section>");
    }
    page_html(p, "</div>");
}

/* ---- jumps ---- */

void report_jumps(struct page *p, const struct gait_run *run) {
    if (!run->jump_count) return;
    static const char *const heads[] = {"report.jump.take_off", "report.measure.flight_time", "report.jump.height",
                                        "report.jump.height_flight", "report.jump.speed"};
    page_html(p, "<section class=\"card\"><h3>");
    page_say(p, "report.jumps");
    page_html(p, "</h3><p class=\"about\">");
    page_say(p, "report.jumps.about");
    page_html(p, "</p><table><thead><tr><th></th>");
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) page_html(p, "<th class=\"n\">"), page_say(p, heads[i]), page_html(p, "</th>");
    page_html(p, "</tr></thead><tbody>");
    for (size_t i = 0; i < run->jump_count; i++) {
        const struct gait_jump *j = &run->jumps[i];
        const struct {
            struct gait_value v;
            double scale;
            int digits;
            const char *unit;
        } cells[] = {{j->take_off_s, 1, 3, "s"},
                     {j->flight_s, 1000, 0, "ms"},
                     {j->height_m, 100, 1, "cm"},
                     {j->height_flight_m, 100, 1, "cm"},
                     {j->take_off_mps, 1, 2, "m/s"}};
        buf_printf(p->out, "<tr><td>%zu</td>", i + 1);
        for (size_t k = 0; k < ARRAY_LEN(cells); k++) {
            page_html(p, "<td class=\"n\">");
            page_value(p, cells[k].v, cells[k].scale, cells[k].digits, cells[k].unit);
            page_html(p, "</td>");
        }
        page_html(p, "</tr>");
    }
    page_html(p, "</tbody></table></section>");
}
