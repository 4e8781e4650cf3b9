/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The page a coach shows to an athlete: one HTML text, its pictures drawn here as SVG, no script, nothing from outside. Light, dark and
 * print by its style alone (report_style.h). */
#include <stdio.h>
#include <string.h>

#include "human/gait/plot.h"
#include "human/gait/report_style.h"
#include "human/gait/room.h"
#include "text/text.h"

struct page {
    struct arena *mem;
    struct buf *out;
    struct slice language;
    char point;
    bool has_failed;
};

static const char *const side_class[] = {"l", "r"};
static const char *const side_codes[] = {"report.left", "report.right"};

/* ---- words and numbers ---- */

static struct slice word(const struct page *p, const char *code) {
    struct slice s = text_lookup(p->language, slice_cstr(code));
    return s.len ? s : slice_cstr(code);
}
static struct slice word_of(const struct page *p, const char *area, const char *name) {
    char code[96];
    snprintf(code, sizeof code, "%s.%s", area, name);
    struct slice s = text_lookup(p->language, slice_cstr(code));
    return s.len ? s : slice_cstr(name);
}
static void say(struct page *p, const char *code) { plot_escape(p->out, word(p, code)); }
static void html(struct page *p, const char *text) { buf_cstr(p->out, text); }

static int measure_digits(enum gait_measure m) {
    static const int digits[GAIT_MEASURES] = {
#define MEASURE(id, name, unit, d) d,
#include "human/gait/measures.tbl.h"
#undef MEASURE
    };
    return digits[m];
}

/* What people read: seconds of contacts in milliseconds, degrees with their sign. */
struct shown {
    double scale;
    int digits;
    const char *unit;
};
static struct shown shown_of(enum gait_measure m) {
    const char *unit = gait_measure_unit(m);
    if (!strcmp(unit, "s")) return (struct shown){1000, 0, "ms"};
    if (!strcmp(unit, "deg")) return (struct shown){1, 0, "°"};
    if (m == GAIT_OSCILLATION) return (struct shown){100, 1, "cm"};
    return (struct shown){1, measure_digits(m), unit};
}

/* 11.42 ± 0.03 */
static void value(struct page *p, struct gait_value v, double scale, int digits, const char *unit) {
    if (!gait_is_known(v)) {
        html(p, "<span class=\"none\">–</span>");
        return;
    }
    double error = v.error * scale;
    int error_digits = digits;
    while (error_digits < 4 && error > 0 && error < 0.5 * pow(10, -error_digits)) error_digits++;
    if (error_digits > digits + 1) error_digits = digits + 1;
    html(p, "<span class=\"v\">");
    plot_number(p->out, v.value * scale, digits, p->point);
    html(p, "</span>");
    if (v.error > 0) { /* what is exact (the first line of a comparison) has none */
        html(p, "<span class=\"e\"> ± ");
        plot_number(p->out, fmax(error, pow(10, -error_digits)), error_digits, p->point);
        html(p, "</span>");
    }
    if (unit && *unit) buf_printf(p->out, "<span class=\"u\">%s%s</span>", unit[0] == (char)0xC2 ? "" : " ", unit);
}

/* A text with parameters. */
static void sentence(struct page *p, const char *code, const struct text_param *params, size_t count) {
    struct buf text = BUF(8192);
    (void)text_format(&text, p->language, slice_cstr(code), params,
                      count); /* a code that is missing leaves nothing, and the test of all codes finds it */
    plot_escape(p->out, buf_slice(&text));
    if (buf_error(&text).kind) p->has_failed = true;
    buf_free(&text);
}

static void svg_begin(struct page *p, double width, double height, struct slice label) {
    buf_printf(p->out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", width, height);
    plot_escape(p->out, label);
    html(p, "\">");
}

static struct slice number_text(struct page *p, double v, int digits, const char *behind) {
    struct buf b = BUF(200);
    plot_number(&b, v, digits, p->point);
    buf_cstr(&b, behind);
    struct slice s = arena_copy(p->mem, buf_slice(&b));
    if (buf_error(&b).kind || !s.ptr) p->has_failed = true;
    buf_free(&b);
    return s;
}

static void title(struct page *p, struct plot *plot, struct slice text) {
    if (!text.len) p->has_failed = true; /* the arena is full */
    plot_text(plot, 2, 14, "title", "start", text);
}

static double *numbers(struct page *p, size_t count) {
    double *n = arena_alloc_array(p->mem, count + 1, sizeof *n);
    if (!n) p->has_failed = true;
    return n;
}

/* ---- the fast steps ---- */

static struct gait_value mean_of(const struct gait_run *run, struct gait_fast f, enum gait_measure m) {
    double sum = 0, square = 0, own = 0;
    size_t n = 0;
    for (size_t i = 0; i < run->step_count; i++) {
        struct gait_value v = run->steps[i].measures[m], t = run->contacts[run->steps[i].contact].touch_down_s;
        if (!gait_is_known(v) || !gait_is_known(t) || t.value < f.from_s || t.value > f.to_s) continue;
        sum += v.value, square += v.value * v.value, own += v.error * v.error, n++;
    }
    if (!n) return GAIT_UNKNOWN;
    double mean = sum / (double)n, scatter = n > 1 ? fmax(0, (square - (double)n * mean * mean) / (double)(n - 1)) : 0;
    return gait_value_of(mean, fmax(scatter / (double)n, own / (double)(n * n)));
}

/* ---- figures at the top ---- */

static void tile(struct page *p, struct slice name, struct gait_value v, double scale, int digits, const char *unit, struct slice below) {
    html(p, "<div class=\"tile\"><div class=\"tile-name\">");
    plot_escape(p->out, name);
    html(p, "</div><div class=\"tile-value\">");
    if (gait_is_known(v)) {
        plot_number(p->out, v.value * scale, digits, p->point);
        buf_printf(p->out, "<span class=\"u\"> %s</span></div><div class=\"tile-error\">± ", unit);
        int more = v.error * scale < 0.5 * pow(10, -digits) ? digits + 1 : digits;
        plot_number(p->out, fmax(v.error * scale, pow(10, -more)), more, p->point);
    } else {
        html(p, "–</div><div class=\"tile-error\">");
    }
    if (below.len && gait_is_known(v)) {
        html(p, " · ");
        plot_escape(p->out, below);
    }
    html(p, "</div></div>");
}

static void tiles(struct page *p, const struct gait_run *run) {
    if (run->kind == GAIT_JUMPING && run->jump_count) { /* the highest */
        const struct gait_jump *best = &run->jumps[0];
        for (size_t i = 1; i < run->jump_count; i++) {
            if (!(run->jumps[i].height_m.value <= best->height_m.value)) best = &run->jumps[i];
        }
        html(p, "<div class=\"tiles\">");
        tile(p, word(p, "report.jump.height"), best->height_m, 100, 1, "cm", SLICE_NONE);
        tile(p, word(p, "report.measure.flight_time"), best->flight_s, 1000, 0, "ms", SLICE_NONE);
        tile(p, word(p, "report.jump.speed"), best->take_off_mps, 1, 2, "m/s", SLICE_NONE);
        html(p, "</div>");
        return;
    }
    struct gait_fast f = gait_fast_of(run);
    struct slice when = word(p, f.is_part ? "report.at_top_speed" : "report.average");
    html(p, "<div class=\"tiles\">");
    tile(p, word(p, "report.top_speed"), run->top_speed, 1, 2, "m/s",
         gait_is_known(run->top_speed) ? number_text(p, run->top_speed.value * 3.6, 1, " km/h") : SLICE_NONE);
    static const enum gait_measure shown[] = {GAIT_STEP_LENGTH, GAIT_CADENCE, GAIT_CONTACT_TIME, GAIT_FLIGHT_TIME,
                                              GAIT_TOUCH_DOWN_DISTANCE};
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        struct shown s = shown_of(shown[i]);
        tile(p, word_of(p, "report.measure", gait_measure_name(shown[i])), mean_of(run, f, shown[i]), s.scale, s.digits, s.unit, when);
    }
    html(p, "</div>");
}

/* ---- speed, contacts ---- */

static void speed_plot(struct page *p, const struct gait_run *run) {
    size_t n = run->frame_count, known = 0;
    double *t = numbers(p, n), *v = numbers(p, n), *low = numbers(p, n), *high = numbers(p, n);
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
    html(p, "<section class=\"card\"><h3>");
    say(p, "report.speed");
    html(p, "</h3><p class=\"about\">");
    say(p, "report.speed.about");
    html(p, "</p>");
    svg_begin(p, 1040, 424, word(p, "report.speed"));
    for (size_t i = 0; i < GAIT_PHASES; i++) {
        const struct gait_phase *h = &run->phases[i];
        if (!h->is_there) continue;
        double x = plot_x(&plot, fmax(h->from_s, plot.x0)), wide = plot_x(&plot, fmin(h->to_s, plot.x1)) - x;
        buf_printf(p->out, "<rect class=\"phase phase-%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", i, x, plot.top - 26,
                   wide, plot.height + 26);
        struct slice name = word_of(p, "report.phase", gait_phase_name(i));
        if (wide > 62) plot_text(&plot, x + wide / 2, plot.top - 10, "phase-name", "middle", name);
    }
    plot_axes(&plot, SLICE_NONE, SLICE_NONE);
    plot_text(&plot, 2, 16, "axis", "start", word(p, "report.axis.speed"));
    double last_label = -INFINITY;
    for (size_t i = 0; i < run->split_count; i++) {
        const struct gait_split *s = &run->splits[i];
        if (!gait_is_known(s->torso_s)) continue;
        double when = s->torso_s.value + (isfinite(run->start_s) ? run->start_s : 0), x = plot_x(&plot, when);
        plot_rule(&plot, when, "split");
        if (x - last_label < 34) continue;
        plot_text(&plot, x + 3, plot.top + plot.height - 6, "split-name", "start",
                  number_text(p, s->line_m, s->line_m == floor(s->line_m) ? 0 : 1, " m"));
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
                     side_class[s->side]);
    }
    /* contacts below, on the same clock */
    for (size_t side = 0; side < GAIT_SIDES; side++) {
        double y = 332 + 38 * (double)side, named = -INFINITY;
        plot_text(&plot, 44, y + 16, "row", "end", word(p, side_codes[side]));
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
                       side_class[side], is_whole ? "" : " open", x, y + 12, wide);
            if (!is_whole || x + wide / 2 - named < 18) continue; /* no room */
            named = x + wide / 2;
            plot_text(&plot, named, y + 7, "contact-name", "middle", number_text(p, (to - from) * 1000, 0, ""));
        }
    }
    plot_text(&plot, plot.left + plot.width, 418, "axis", "end", word(p, "report.axis.time"));
    html(p, "</svg></section>");
}

/* ---- splits, phases, curve ---- */

static void small_tables(struct page *p, const struct gait_run *run) {
    bool has_phases = false;
    for (size_t i = 0; i < GAIT_PHASES; i++) has_phases = has_phases || run->phases[i].is_there;
    if (!run->split_count && !has_phases && !run->curve.is_fitted) return;
    html(p, "<div class=\"columns\">");
    if (run->split_count) {
        html(p, "<section class=\"card\"><h3>");
        say(p, "report.splits");
        html(p, "</h3><table><thead><tr><th>");
        say(p, "report.line");
        html(p, "</th><th class=\"n\">");
        say(p, "report.time");
        html(p, "</th><th class=\"n\">");
        say(p, "report.interval");
        html(p, "</th><th class=\"n\">");
        say(p, "report.measure.speed");
        html(p, "</th></tr></thead><tbody>");
        for (size_t i = 0; i < run->split_count; i++) {
            const struct gait_split *s = &run->splits[i];
            html(p, "<tr><td>");
            plot_number(p->out, s->line_m, s->line_m == floor(s->line_m) ? 0 : 2, p->point);
            html(p, " m</td><td class=\"n\">");
            value(p, s->torso_s, 1, 3, "s");
            html(p, "</td><td class=\"n\">");
            value(p, s->interval_s, 1, 3, "s");
            html(p, "</td><td class=\"n\">");
            value(p, s->speed, 1, 2, "m/s");
            html(p, "</td></tr>");
        }
        html(p, "</tbody></table></section>");
    }
    if (has_phases || run->curve.is_fitted) {
        html(p, "<section class=\"card\">");
        if (has_phases) {
            html(p, "<h3>");
            say(p, "report.phases");
            html(p, "</h3><table><tbody>");
            for (size_t i = 0; i < GAIT_PHASES; i++) {
                const struct gait_phase *h = &run->phases[i];
                if (!h->is_there) continue;
                buf_printf(p->out, "<tr><td><span class=\"swatch phase-%zu\"></span>", i);
                plot_escape(p->out, word_of(p, "report.phase", gait_phase_name(i)));
                html(p, "</td><td class=\"n\">");
                plot_number(p->out, h->from_s, 2, p->point), html(p, "–"), plot_number(p->out, h->to_s, 2, p->point);
                html(p, " s</td><td class=\"n\">");
                plot_number(p->out, h->from_m.value, 1, p->point), html(p, "–"), plot_number(p->out, h->to_m.value, 1, p->point);
                html(p, " m</td></tr>");
            }
            html(p, "</tbody></table>");
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
            html(p, "<h3>");
            say(p, "report.curve");
            html(p, "</h3><table><tbody>");
            for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                html(p, "<tr><td>");
                say(p, rows[i].code);
                html(p, "</td><td class=\"n\">");
                value(p, rows[i].v, rows[i].scale, rows[i].digits, rows[i].unit);
                html(p, "</td></tr>");
            }
            html(p, "</tbody></table>");
        }
        html(p, "</section>");
    }
    html(p, "</div>");
}

/* ---- jumps ---- */

static void jumps_section(struct page *p, const struct gait_run *run) {
    if (!run->jump_count) return;
    static const char *const heads[] = {"report.jump.take_off", "report.measure.flight_time", "report.jump.height",
                                        "report.jump.height_flight", "report.jump.speed"};
    html(p, "<section class=\"card\"><h3>");
    say(p, "report.jumps");
    html(p, "</h3><p class=\"about\">");
    say(p, "report.jumps.about");
    html(p, "</p><table><thead><tr><th></th>");
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) html(p, "<th class=\"n\">"), say(p, heads[i]), html(p, "</th>");
    html(p, "</tr></thead><tbody>");
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
            html(p, "<td class=\"n\">");
            value(p, cells[k].v, cells[k].scale, cells[k].digits, cells[k].unit);
            html(p, "</td>");
        }
        html(p, "</tr>");
    }
    html(p, "</tbody></table></section>");
}

/* ---- step by step ---- */

static size_t first_step(const struct gait_run *run) {
    size_t i = 0;
    while (i < run->step_count && !gait_is_known(run->contacts[run->steps[i].contact].touch_down_s)) i++;
    return i;
}

static void step_plot(struct page *p, const struct gait_run *const *runs, size_t count, enum gait_measure m) {
    struct shown s = shown_of(m);
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
    struct slice name = word_of(p, "report.measure", gait_measure_name(m));
    html(p, "<div class=\"half\">");
    svg_begin(p, 500, 206, name);
    title(p, &plot, arena_printf(p->mem, "%.*s (%s)", SLICE_ARG(name), s.unit));
    plot_axes(&plot, word(p, "report.axis.step"), SLICE_NONE);
    for (size_t r = 0; r < count; r++) {
        size_t first = first_step(runs[r]), n = 0;
        double *x = numbers(p, runs[r]->step_count), *y = numbers(p, runs[r]->step_count);
        if (p->has_failed) return;
        for (size_t i = first; i < runs[r]->step_count; i++)
            x[n] = (double)(i - first) + 1, y[n++] = runs[r]->steps[i].measures[m].value * s.scale;
        plot_line(&plot, x, y, n, count == 1 ? "line thread" : r ? "line thread b" : "line thread a");
        for (size_t i = first; i < runs[r]->step_count; i++) {
            struct gait_value v = runs[r]->steps[i].measures[m];
            plot_dot(&plot, (double)(i - first) + 1, v.value * s.scale, v.error * s.scale, 3.4,
                     count == 1 ? side_class[runs[r]->steps[i].side]
                     : r        ? "b"
                                : "a");
        }
    }
    html(p, "</svg></div>");
}

static void steps_section(struct page *p, const struct gait_run *run) {
    static const enum gait_measure shown[] = {GAIT_STEP_LENGTH,         GAIT_CADENCE,      GAIT_CONTACT_TIME, GAIT_FLIGHT_TIME,
                                              GAIT_TOUCH_DOWN_DISTANCE, GAIT_TRUNK_LEAN_TD};
    size_t known = 0;
    for (size_t i = 0; i < run->step_count; i++) known += gait_is_known(run->steps[i].measures[GAIT_STEP_TIME]);
    if (!known) return;
    html(p, "<section class=\"card\"><h3>");
    say(p, "report.step_by_step");
    html(p, "</h3><p class=\"legend\"><span class=\"key l\"></span>");
    say(p, "report.left");
    html(p, "<span class=\"key r\"></span>");
    say(p, "report.right");
    html(p, "</p><div class=\"grid2\">");
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) step_plot(p, &run, 1, shown[i]);
    html(p, "</div></section>");
}

/* ---- angles ---- */

static const enum gait_angle shown_angles[] = {GAIT_HIP_FLEXION, GAIT_KNEE_FLEXION,     GAIT_ANKLE_DORSIFLEXION,
                                               GAIT_THIGH,       GAIT_SHOULDER_FLEXION, GAIT_ELBOW_FLEXION};

static struct slice angle_word(struct page *p, enum gait_angle kind) {
    const char *name = gait_angle_name(2 * (size_t)kind);
    size_t len = strlen(name);
    if (len > 2 && name[len - 2] == '_') len -= 2;
    char code[96];
    snprintf(code, sizeof code, "report.angle.%.*s", (int)len, name);
    return word(p, code);
}

/* `cycles` of one angle over each other; classes name their colours. */
static void angle_plot(struct page *p, enum gait_angle kind, struct slice side, const struct gait_cycle *cycles, const char *const *classes,
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
    html(p, "<div class=\"third\">");
    svg_begin(p, 330, 226, name);
    title(p, &plot, arena_printf(p->mem, "%.*s%s%.*s (°)", SLICE_ARG(name), side.len ? " · " : "", SLICE_ARG(side)));
    plot_axes(&plot, word(p, "report.axis.stride"), SLICE_NONE);
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
    html(p, "</svg></div>");
}

/* Without strides to lay over each other: the angles as they went. */
static void angles_over_time(struct page *p, const struct gait_run *run) {
    size_t n = run->frame_count, known = 0;
    double *t = numbers(p, n), *y[GAIT_SIDES] = {numbers(p, n), numbers(p, n)};
    if (p->has_failed || n < 2) return;
    for (size_t i = 0; i < ARRAY_LEN(shown_angles); i++) {
        for (size_t f = 0; f < n; f++) {
            for (size_t s = 0; s < GAIT_SIDES; s++) known += gait_is_known(run->samples[f].angles[2 * (size_t)shown_angles[i] + s]);
        }
    }
    if (!known) return;
    html(p, "<section class=\"card\"><h3>");
    say(p, "report.angles.time");
    html(p, "</h3><p class=\"legend\"><span class=\"key l\"></span>");
    say(p, "report.left");
    html(p, "<span class=\"key r\"></span>");
    say(p, "report.right");
    html(p, "</p><div class=\"grid3\">");
    for (size_t i = 0; i < ARRAY_LEN(shown_angles); i++) {
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
                y[s][f] = run->samples[f].angles[2 * (size_t)shown_angles[i] + s].value, plot_widen(&plot.y0, &plot.y1, y[s][f]);
        }
        if (!(plot.y1 >= plot.y0)) continue;
        plot_round(&plot.y0, &plot.y1);
        struct slice name = angle_word(p, shown_angles[i]);
        html(p, "<div class=\"third\">");
        svg_begin(p, 330, 226, name);
        title(p, &plot, arena_printf(p->mem, "%.*s (°)", SLICE_ARG(name)));
        plot_axes(&plot, word(p, "report.axis.time"), SLICE_NONE);
        for (size_t s = 0; s < GAIT_SIDES; s++) plot_line(&plot, t, y[s], n, s == GAIT_LEFT ? "line mean l" : "line mean r");
        html(p, "</svg></div>");
    }
    html(p, "</div></section>");
}

static struct err angles_section(struct page *p, const struct gait_run *run) {
    struct gait_fast f = gait_fast_of(run);
    struct gait_cycle cycles[ARRAY_LEN(shown_angles)][GAIT_SIDES];
    size_t strides[GAIT_SIDES] = {0};
    for (size_t i = 0; i < ARRAY_LEN(shown_angles); i++) {
        for (size_t s = 0; s < GAIT_SIDES; s++) {
            struct err e = gait_cycle_of(p->mem, run, 2 * (size_t)shown_angles[i] + s, (enum gait_side)s, f.from_s, f.to_s, &cycles[i][s]);
            if (e.kind) return e;
            strides[s] = strides[s] > cycles[i][s].strides ? strides[s] : cycles[i][s].strides;
        }
    }
    if (!strides[0] && !strides[1]) {
        angles_over_time(p, run);
        return ERR_OK;
    }
    html(p, "<section class=\"card\"><h3>");
    say(p, "report.angles");
    if (f.is_part) html(p, " · "), say(p, "report.at_top_speed");
    html(p, "</h3><p class=\"about\">");
    struct text_param params[] = {{SLICE("left"), number_text(p, (double)strides[0], 0, "")},
                                  {SLICE("right"), number_text(p, (double)strides[1], 0, "")}};
    sentence(p, "report.angles.about", params, 2);
    html(p, "</p><p class=\"legend\"><span class=\"key l\"></span>");
    say(p, "report.left");
    html(p, "<span class=\"key r\"></span>");
    say(p, "report.right");
    html(p, "</p><div class=\"grid3\">");
    for (size_t i = 0; i < ARRAY_LEN(shown_angles); i++) angle_plot(p, shown_angles[i], SLICE(""), cycles[i], side_class, 2, true);
    html(p, "</div></section>");
    return ERR_OK;
}

/* ---- left and right ---- */

static void symmetry_section(struct page *p, const struct gait_run *run) {
    static const enum gait_measure shown[] = {GAIT_CONTACT_TIME,        GAIT_FLIGHT_TIME,      GAIT_STEP_TIME, GAIT_STEP_LENGTH,
                                              GAIT_TOUCH_DOWN_DISTANCE, GAIT_TOE_OFF_DISTANCE, GAIT_SHIN_TD,   GAIT_KNEE_TD,
                                              GAIT_KNEE_STANCE,         GAIT_KNEE_TO,          GAIT_HIP_TO,    GAIT_KNEE_SWING,
                                              GAIT_KNEE_LIFT,           GAIT_THIGH_SEPARATION};
    size_t known = 0;
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) known += gait_is_known(run->summaries[shown[i]].mean);
    if (!known || run->kind == GAIT_JUMPING || run->kind == GAIT_STANDING) return;
    html(p, "<section class=\"card\"><h3>");
    say(p, "report.symmetry");
    html(p, "</h3><p class=\"about\">");
    say(p, "report.symmetry.about");
    html(p, "</p><table><thead><tr><th>");
    say(p, "report.measure");
    html(p, "</th><th class=\"n l\">");
    say(p, "report.left");
    html(p, "</th><th class=\"n r\">");
    say(p, "report.right");
    html(p, "</th><th class=\"n\">");
    say(p, "report.sd");
    html(p, "</th><th class=\"n\">");
    say(p, "report.asymmetry");
    html(p, "</th><th class=\"bar-head\"></th></tr></thead><tbody>");
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        const struct gait_summary *s = &run->summaries[shown[i]];
        struct shown how = shown_of(shown[i]);
        if (!gait_is_known(s->mean)) continue;
        html(p, "<tr><td>");
        plot_escape(p->out, word_of(p, "report.measure", gait_measure_name(shown[i])));
        for (int side = 0; side < GAIT_SIDES; side++) {
            html(p, "</td><td class=\"n\">");
            value(p, s->sides[side], how.scale, !strcmp(how.unit, "°") ? 1 : how.digits, how.unit);
        }
        html(p, "</td><td class=\"n\">");
        plot_number(p->out, s->deviation * how.scale, !strcmp(how.unit, "°") ? 1 : how.digits, p->point);
        /* angles that may be near zero have no sensible per cent */
        bool has_share = gait_is_known(s->symmetry) && (strcmp(how.unit, "°") || fabs(s->mean.value) > 15) && s->symmetry.error < 60;
        bool is_marked = has_share && fabs(s->symmetry.value) > 2 * s->symmetry.error;
        buf_printf(p->out, "</td><td class=\"n%s\">", is_marked ? " mark" : "");
        if (has_share)
            value(p, s->symmetry, 1, 1, "%");
        else
            html(p, "<span class=\"none\">–</span>");
        html(p, "</td><td class=\"bar\">");
        if (has_share) {
            double x = fmax(-1, fmin(1, s->symmetry.value / 12)), e = fmin(1, s->symmetry.error / 12);
            buf_printf(p->out,
                       "<svg viewBox=\"0 0 160 16\" class=\"balance\" aria-hidden=\"true\"><path class=\"grid\" d=\"M80 1V15\"/><rect "
                       "class=\"fill %s%s\" x=\"%.1f\" y=\"4\" width=\"%.1f\" height=\"8\" rx=\"1.5\"/>"
                       "<path class=\"whisker\" d=\"M%.1f 8H%.1f\"/></svg>",
                       x > 0 ? "l" : "r", is_marked ? "" : " faint", x > 0 ? 80 - 76 * x : 80, 76 * fabs(x), fmax(2, 80 - 76 * (x + e)),
                       fmin(158, 80 - 76 * (x - e)));
        }
        html(p, "</td></tr>");
    }
    html(p, "</tbody></table></section>");
}

/* ---- kinogram ---- */

/* Places at an instant between two frames. */
static bool posture(const struct gait_run *run, double time_s, struct vec3 out[POSE_JOINTS], struct vec3 *com) {
    double frame = gait_frame(run, time_s);
    if (!(frame >= 0 && frame < (double)run->frame_count - 1)) return false;
    size_t f = (size_t)frame;
    double t = frame - (double)f;
    for (size_t k = 0; k < POSE_JOINTS; k++) {
        const struct track_state *a = &run->states[f * POSE_JOINTS + k], *b = &run->states[(f + 1) * POSE_JOINTS + k];
        out[k] = a->source == TRACK_UNKNOWN || b->source == TRACK_UNKNOWN ? VEC3_UNKNOWN : vec3_mix(a->at, b->at, t);
    }
    *com = vec3_mix(run->samples[f].com, run->samples[f + 1].com, t);
    return vec3_is_known(out[POSE_LHIP]) && vec3_is_known(out[POSE_RHIP]);
}

struct easel {
    struct page *p;
    struct vec3 axis;
    double origin, centre, floor, scale; /* where on the axis the middle of the figure is; pixels */
    double ground_m;
};
static double easel_x(const struct easel *e, struct vec3 v) { return e->centre + (vec3_dot(v, e->axis) - e->origin) * e->scale; }
static double easel_y(const struct easel *e, struct vec3 v) { return e->floor - (v.z - e->ground_m) * e->scale; }

static void limb(const struct easel *e, const struct vec3 *j, const int *chain, size_t count, const char *class) {
    bool is_open = false;
    buf_printf(e->p->out, "<path class=\"limb %s\" d=\"", class);
    for (size_t i = 0; i < count; i++) {
        struct vec3 v = j[chain[i]];
        if (!vec3_is_known(v)) {
            is_open = false;
            continue;
        }
        buf_printf(e->p->out, "%c%.1f %.1f", is_open ? 'L' : 'M', easel_x(e, v), easel_y(e, v)), is_open = true;
    }
    buf_cstr(e->p->out, "\"/>");
}

static void figure(const struct easel *e, const struct vec3 *j, struct vec3 com) {
    struct vec3 hips = vec3_mix(j[POSE_LHIP], j[POSE_RHIP], 0.5),
                neck = vec3_is_known(j[POSE_NECK]) ? j[POSE_NECK] : vec3_mix(j[POSE_LSHOULDER], j[POSE_RSHOULDER], 0.5);
    /* the camera stands on the right: what is on the left is behind */
    for (int side = 0; side < 2; side++) {
        const int leg[] = {POSE_LHIP + side, POSE_LKNEE + side, POSE_LANKLE + side},
                  foot[] = {POSE_LHEEL + side, POSE_LANKLE + side, POSE_LBIGTOE + side, POSE_LHEEL + side},
                  arm[] = {POSE_LSHOULDER + side, POSE_LELBOW + side, POSE_LWRIST + side};
        limb(e, j, leg, 3, side_class[side]), limb(e, j, foot, 4, side_class[side]);
        if (side == 0) limb(e, j, arm, 3, "l thin");
        if (side == 0 && vec3_is_known(neck)) {
            buf_printf(e->p->out, "<path class=\"limb trunk\" d=\"M%.1f %.1fL%.1f %.1f\"/>", easel_x(e, hips), easel_y(e, hips),
                       easel_x(e, neck), easel_y(e, neck));
            struct vec3 head = vec3_is_known(j[POSE_HEAD])   ? vec3_mix(neck, j[POSE_HEAD], 0.62)
                               : vec3_is_known(j[POSE_NOSE]) ? j[POSE_NOSE]
                                                             : VEC3_UNKNOWN;
            if (vec3_is_known(head)) {
                buf_printf(
                    e->p->out,
                    "<path class=\"limb trunk\" d=\"M%.1f %.1fL%.1f %.1f\"/><circle class=\"head\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>",
                    easel_x(e, neck), easel_y(e, neck), easel_x(e, head), easel_y(e, head), easel_x(e, head), easel_y(e, head),
                    0.095 * e->scale);
            }
        }
        if (side == 1) limb(e, j, arm, 3, "r thin");
    }
    if (vec3_is_known(com)) {
        buf_printf(e->p->out, "<path class=\"plumb\" d=\"M%.1f %.1fV%.1f\"/><circle class=\"com\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>",
                   easel_x(e, com), easel_y(e, com), e->floor, easel_x(e, com), easel_y(e, com));
    }
}

static void kinogram(struct page *p, const struct gait_run *run) {
    /* The fastest stride with both contacts whole: of each foot one contact, in order of time. */
    size_t best = SIZE_MAX;
    double top = 0;
    for (size_t i = 0; i + 1 < run->step_count; i++) {
        const struct gait_contact *a = &run->contacts[run->steps[i].contact], *b = &run->contacts[run->steps[i + 1].contact];
        struct gait_value v = run->steps[i].measures[GAIT_SPEED];
        if (a->side == b->side || !gait_is_known(v) || !gait_is_known(run->steps[i].measures[GAIT_CONTACT_TIME]) ||
            !gait_is_known(run->steps[i + 1].measures[GAIT_CONTACT_TIME]))
            continue;
        if (v.value > top) top = v.value, best = i;
    }
    if (best == SIZE_MAX) return;
    html(p, "<section class=\"card\"><h3>");
    say(p, "report.kinogram");
    html(p, "</h3><p class=\"about\">");
    say(p, "report.kinogram.about");
    html(p, "</p>");
    svg_begin(p, 1040, 372, word(p, "report.kinogram"));
    struct plot plot = {.out = p->out, .point = p->point};
    buf_cstr(p->out, "<path class=\"ground\" d=\"M10 290H1030\"/>");
    for (int k = 0; k < 2; k++) {
        const struct gait_step *step = &run->steps[best + (size_t)k];
        const struct gait_contact *c = &run->contacts[step->contact];
        const double times[3] = {c->touch_down_s.value, 0.5 * (c->touch_down_s.value + c->toe_off_s.value), c->toe_off_s.value};
        static const char *const names[3] = {"report.touch_down", "report.mid_stance", "report.toe_off"};
        for (int i = 0; i < 3; i++) {
            struct vec3 j[POSE_JOINTS], com;
            double x = 10 + 170 * (3 * k + i) + 85;
            if (!posture(run, times[i], j, &com)) continue;
            struct vec3 middle = vec3_is_known(com) ? com : vec3_mix(j[POSE_LHIP], j[POSE_RHIP], 0.5);
            struct easel e = {.p = p,
                              .axis = run->axis,
                              .origin = vec3_dot(middle, run->axis),
                              .centre = x,
                              .floor = 290,
                              .scale = 154,
                              .ground_m = run->ground_m};
            figure(&e, j, com);
            plot_text(&plot, x, 312, "caption", "middle", word(p, names[i]));
            buf_printf(p->out, "<text x=\"%.1f\" y=\"330\" class=\"caption %s\" text-anchor=\"middle\">", x, side_class[c->side]);
            plot_escape(p->out, word(p, side_codes[c->side]));
            buf_cstr(p->out, "<tspan class=\"faint\"> · ");
            plot_number(p->out, times[i], 3, p->point);
            buf_cstr(p->out, " s</tspan></text>");
            const enum gait_measure told[3] = {GAIT_SHIN_TD, GAIT_KNEE_STANCE, GAIT_HIP_TO};
            struct gait_value v = step->measures[told[i]];
            if (gait_is_known(v)) {
                struct slice name = i == 0   ? word_of(p, "report.measure", "touch_down_distance")
                                    : i == 1 ? word_of(p, "report.angle", "knee_flexion")
                                             : word_of(p, "report.measure", "toe_off_distance");
                struct gait_value shown = i == 0   ? step->measures[GAIT_TOUCH_DOWN_DISTANCE]
                                          : i == 1 ? v
                                                   : step->measures[GAIT_TOE_OFF_DISTANCE];
                buf_printf(p->out, "<text x=\"%.1f\" y=\"347\" class=\"fact\" text-anchor=\"middle\">", x);
                plot_escape(p->out, name);
                buf_cstr(p->out, " ");
                plot_number(p->out, shown.value, i == 1 ? 0 : 2, p->point);
                buf_cstr(p->out, i == 1 ? "°</text>" : " m</text>");
                static const enum gait_measure second[3] = {GAIT_SHIN_TD, GAIT_MEASURES, GAIT_HIP_TO};
                if (second[i] != GAIT_MEASURES && gait_is_known(step->measures[second[i]])) {
                    buf_printf(p->out, "<text x=\"%.1f\" y=\"363\" class=\"fact\" text-anchor=\"middle\">", x);
                    plot_escape(p->out, i == 0 ? word_of(p, "report.short", "shin") : word_of(p, "report.short", "hip"));
                    buf_cstr(p->out, " ");
                    plot_number(p->out, step->measures[second[i]].value, 0, p->point);
                    buf_cstr(p->out, "°</text>");
                }
            }
        }
    }
    html(p, "</svg></section>");
}

/* ---- one athlete ---- */

static void notes(struct page *p, const struct gait_run *run) {
    if (!run->note_count) return;
    html(p, "<section class=\"card notes\"><h3>");
    say(p, "report.notes");
    html(p, "</h3><ul>");
    for (size_t i = 0; i < run->note_count; i++) {
        html(p, "<li>");
        say(p, run->notes[i]);
        html(p, "</li>");
    }
    html(p, "</ul></section>");
}

static struct err athlete(struct page *p, const struct gait_run *run, size_t index) {
    static const char *const kinds[] = {"report.kind.unknown", "report.kind.standing", "report.kind.walking", "report.kind.running",
                                        "report.kind.jumping"};
    static const char *const sexes[] = {"report.sex.unknown", "report.sex.female", "report.sex.male"};
    buf_printf(p->out, "<article id=\"a%zu\"><header><h2>", index + 1);
    plot_escape(p->out, slice_cstr(run->name));
    html(p, "</h2><p class=\"facts\">");
    say(p, kinds[run->kind]);
    html(p, " · ");
    struct text_param params[] = {{SLICE("frames"), number_text(p, (double)run->frame_count, 0, "")},
                                  {SLICE("rate"), number_text(p, run->rate, run->rate == floor(run->rate) ? 0 : 2, "")}};
    sentence(p, "report.recorded", params, 2);
    html(p, " · ");
    say(p, sexes[run->sex]);
    html(p, "</p></header>");
    tiles(p, run);
    speed_plot(p, run);
    small_tables(p, run);
    jumps_section(p, run);
    kinogram(p, run);
    steps_section(p, run);
    struct err e = angles_section(p, run);
    if (e.kind) return e;
    symmetry_section(p, run);
    notes(p, run);
    html(p, "</article>");
    return p->has_failed ? err_memory() : ERR_OK;
}

/* ---- two athletes ---- */

static struct err comparison(struct page *p, const struct gait_run *a, const struct gait_run *b, size_t index) {
    struct gait_comparison c;
    struct err e = gait_compare(p->mem, a, b, &c);
    if (e.kind == ERR_INPUT) return ERR_OK; /* no steps: the athletes' own pages say why */
    if (e.kind) return e;
    const struct gait_run *both[2] = {a, b};
    static const char *const classes[] = {"a", "b"};
    buf_printf(p->out, "<article id=\"c%zu\"><header><h2>", index + 1);
    say(p, "report.compare");
    html(p, "</h2><p class=\"facts\"><span class=\"key a\"></span>A: ");
    plot_escape(p->out, slice_cstr(a->name));
    html(p, " <span class=\"key b\"></span>B: ");
    plot_escape(p->out, slice_cstr(b->name));
    html(p, "</p></header>");
    /* speed over distance: the same place, whenever it was reached */
    struct plot plot = {.out = p->out,
                        .left = 52,
                        .top = 30,
                        .width = 970,
                        .height = 230,
                        .point = p->point,
                        .x0 = INFINITY,
                        .x1 = -INFINITY,
                        .y0 = 0,
                        .y1 = 1};
    for (int r = 0; r < 2; r++) {
        for (size_t f = 0; f < both[r]->frame_count; f++) {
            const struct gait_sample *s = &both[r]->samples[f];
            plot_widen(&plot.x0, &plot.x1, s->distance.value);
            if (gait_is_known(s->speed)) plot.y1 = fmax(plot.y1, s->speed.value);
        }
    }
    plot_round(&plot.y0, &plot.y1);
    if (plot.x1 > plot.x0) {
        html(p, "<section class=\"card\"><h3>");
        say(p, "report.measure.speed");
        html(p, "</h3>");
        svg_begin(p, 1040, 306, word(p, "report.measure.speed"));
        plot_axes(&plot, word(p, "report.axis.distance"), SLICE_NONE);
        plot_text(&plot, 2, 16, "axis", "start", word(p, "report.axis.speed"));
        for (int r = 0; r < 2; r++) {
            size_t n = both[r]->frame_count;
            double *x = numbers(p, n), *y = numbers(p, n);
            if (p->has_failed) return err_memory();
            for (size_t f = 0; f < n; f++) x[f] = both[r]->samples[f].distance.value, y[f] = both[r]->samples[f].speed.value;
            char class[32];
            snprintf(class, sizeof class, "line mean %s", classes[r]);
            plot_line(&plot, x, y, n, class);
        }
        html(p, "</svg></section>");
    }
    html(p, "<section class=\"card\"><p class=\"about\">");
    struct text_param params[] = {{SLICE("steps"), number_text(p, (double)c.step_count, 0, "")}};
    sentence(p, "report.compare.about", params, 1);
    html(p, "</p><table><thead><tr><th>");
    say(p, "report.measure");
    html(p, "</th><th class=\"n a\">A</th><th class=\"n b\">B</th><th class=\"n\">");
    say(p, "report.difference");
    html(p, "</th><th class=\"n\">");
    say(p, "report.p");
    html(p, "</th></tr></thead><tbody>");
    for (int m = -1; m < GAIT_MEASURES; m++) {
        const struct gait_difference *d = m < 0 ? &c.top_speed : &c.measures[m];
        struct shown how = m < 0 ? (struct shown){1, 2, "m/s"} : shown_of((enum gait_measure)m);
        if (!gait_is_known(d->a) || !gait_is_known(d->b)) continue;
        int digits = !strcmp(how.unit, "°") ? 1 : how.digits;
        html(p, "<tr><td>");
        plot_escape(p->out, m < 0 ? word(p, "report.top_speed") : word_of(p, "report.measure", gait_measure_name((enum gait_measure)m)));
        html(p, "</td><td class=\"n\">");
        value(p, d->a, how.scale, digits, how.unit);
        html(p, "</td><td class=\"n\">");
        value(p, d->b, how.scale, digits, how.unit);
        buf_printf(p->out, "</td><td class=\"n%s\">", d->p < 0.05 ? " mark" : "");
        value(p, d->difference, how.scale, digits, how.unit);
        html(p, "</td><td class=\"n\">");
        if (!isfinite(d->p))
            html(p, "–");
        else if (d->p < 0.001)
            html(p, "&lt; "), plot_number(p->out, 0.001, 3, p->point);
        else
            plot_number(p->out, d->p, 3, p->point);
        html(p, "</td></tr>");
    }
    html(p, "</tbody></table></section>");
    if (c.split_count) {
        html(p, "<section class=\"card\"><h3>");
        say(p, "report.splits");
        html(p, "</h3><table><thead><tr><th>");
        say(p, "report.line");
        html(p, "</th><th class=\"n a\">A</th><th class=\"n b\">B</th><th class=\"n\">");
        say(p, "report.difference");
        html(p, "</th></tr></thead><tbody>");
        for (size_t i = 0; i < c.split_count; i++) {
            html(p, "<tr><td>");
            plot_number(p->out, c.split_lines_m[i], c.split_lines_m[i] == floor(c.split_lines_m[i]) ? 0 : 2, p->point);
            html(p, " m</td><td class=\"n\">");
            value(p, c.splits[i].a, 1, 3, "s");
            html(p, "</td><td class=\"n\">");
            value(p, c.splits[i].b, 1, 3, "s");
            buf_printf(p->out, "</td><td class=\"n%s\">", c.splits[i].p < 0.05 ? " mark" : "");
            value(p, c.splits[i].difference, 1, 3, "s");
            html(p, "</td></tr>");
        }
        html(p, "</tbody></table></section>");
    }
    html(p, "<section class=\"card\"><h3>");
    say(p, "report.step_by_step");
    html(p, "</h3><div class=\"grid2\">");
    static const enum gait_measure shown[] = {GAIT_STEP_LENGTH, GAIT_CADENCE, GAIT_CONTACT_TIME, GAIT_FLIGHT_TIME};
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) step_plot(p, both, 2, shown[i]);
    html(p, "</div></section><section class=\"card\"><h3>");
    say(p, "report.angles");
    html(p, "</h3><p class=\"about\">");
    say(p, "report.compare.angles");
    html(p, "</p><div class=\"grid3\">");
    static const enum gait_angle compared[] = {GAIT_HIP_FLEXION, GAIT_KNEE_FLEXION, GAIT_ANKLE_DORSIFLEXION};
    for (size_t i = 0; i < 2 * ARRAY_LEN(compared); i++) { /* left ones, then right ones */
        size_t side = i / ARRAY_LEN(compared), kind = compared[i % ARRAY_LEN(compared)];
        struct gait_cycle cycles[2];
        for (int r = 0; r < 2 && !e.kind; r++) {
            struct gait_fast f = gait_fast_of(both[r]);
            e = gait_cycle_of(p->mem, both[r], 2 * kind + side, (enum gait_side)side, f.from_s, f.to_s, &cycles[r]);
        }
        if (e.kind) return e;
        angle_plot(p, (enum gait_angle)kind, word(p, side_codes[side]), cycles, classes, 2, false);
    }
    html(p, "</div></section></article>");
    return p->has_failed ? err_memory() : ERR_OK;
}

/* ---- the whole ---- */

static void spark(struct page *p, const struct gait_run *run, double top) {
    size_t n = run->frame_count;
    double *x = numbers(p, n), *y = numbers(p, n);
    if (p->has_failed || n < 2) return;
    for (size_t f = 0; f < n; f++) x[f] = run->samples[f].time_s, y[f] = run->samples[f].speed.value;
    struct plot plot = {.out = p->out,
                        .left = 1,
                        .top = 2,
                        .width = 158,
                        .height = 28,
                        .x0 = x[0],
                        .x1 = x[n - 1],
                        .y0 = 0,
                        .y1 = fmax(top, 1),
                        .point = p->point};
    html(p, "<svg viewBox=\"0 0 160 32\" class=\"spark\" aria-hidden=\"true\">");
    plot_line(&plot, x, y, n, "line speed");
    html(p, "</svg>");
}

static void overview(struct page *p, const struct gait_run *runs, size_t count) {
    double top = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t f = 0; f < runs[i].frame_count; f++)
            top = fmax(top, gait_is_known(runs[i].samples[f].speed) ? runs[i].samples[f].speed.value : 0);
    }
    html(p, "<section class=\"card overview\"><h3>");
    say(p, "report.overview");
    html(p, "</h3><table><thead><tr><th>");
    say(p, "report.athlete");
    html(p, "</th><th></th><th class=\"n\">");
    say(p, "report.top_speed");
    html(p, "</th><th class=\"n\">");
    say(p, "report.finish");
    html(p, "</th><th class=\"n\">");
    say(p, "report.measure.step_length");
    html(p, "</th><th class=\"n\">");
    say(p, "report.measure.cadence");
    html(p, "</th><th class=\"n\">");
    say(p, "report.measure.contact_time");
    html(p, "</th></tr></thead><tbody>");
    for (size_t i = 0; i < count; i++) {
        const struct gait_run *run = &runs[i];
        struct gait_fast f = gait_fast_of(run);
        buf_printf(p->out, "<tr><td><a href=\"#a%zu\">", i + 1);
        plot_escape(p->out, slice_cstr(run->name));
        html(p, "</a></td><td>");
        spark(p, run, top);
        html(p, "</td><td class=\"n\">");
        value(p, run->top_speed, 1, 2, "m/s");
        html(p, "</td><td class=\"n\">");
        value(p, run->split_count ? run->splits[run->split_count - 1].torso_s : GAIT_UNKNOWN, 1, 3, "s");
        html(p, "</td><td class=\"n\">");
        value(p, mean_of(run, f, GAIT_STEP_LENGTH), 1, 2, "m");
        html(p, "</td><td class=\"n\">");
        value(p, mean_of(run, f, GAIT_CADENCE), 1, 0, "1/min");
        html(p, "</td><td class=\"n\">");
        value(p, mean_of(run, f, GAIT_CONTACT_TIME), 1000, 0, "ms");
        html(p, "</td></tr>");
    }
    html(p, "</tbody></table></section>");
}

struct err gait_write_report(struct arena *mem, struct buf *out, const struct gait_run *runs, size_t count, const struct gait_run *others,
                             size_t other_count, struct slice language, struct slice title) {
    struct page p = {.mem = mem, .out = out, .language = text_language_is_known(language) ? language : SLICE("en")};
    p.point = slice_eq(p.language, SLICE("de")) ? ',' : '.';
    struct slice head = title.len ? title : word(&p, "report.title");
    buf_printf(out,
               "<!doctype html>\n<html lang=\"%.*s\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
               "content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
               SLICE_ARG(p.language));
    plot_escape(out, head);
    html(&p, "</title>\n<style>");
    html(&p, report_style);
    html(&p, "</style>\n</head>\n<body>\n<main>\n<header class=\"top\"><h1>");
    plot_escape(out, head);
    html(&p, "</h1><p class=\"facts\">");
    say(&p, "report.errors");
    html(&p, "</p></header>\n");
    if (!count) html(&p, "<p>"), say(&p, "report.nobody"), html(&p, "</p>");
    if (count > 1) overview(&p, runs, count);
    struct err e = ERR_OK;
    for (size_t i = 0; i < count && !e.kind; i++) {
        e = athlete(&p, &runs[i], i);
        if (!e.kind && other_count) e = comparison(&p, &runs[i], &others[i < other_count ? i : 0], i);
        html(&p, "\n");
    }
    html(&p, "<footer>");
    say(&p, "report.made");
    html(&p, "</footer>\n</main>\n</body>\n</html>\n");
    if (e.kind) return e;
    return p.has_failed ? err_memory() : buf_error(out);
}
