/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The page a coach shows to an athlete: one HTML text, its pictures drawn here as SVG, no script, nothing from outside. Light, dark and
 * print by its style alone (report_style.h). */
#include <stdio.h>
#include <string.h>

#include "human/gait/report_page.h"
#include "human/gait/report_style.h"

/* ---- one athlete ---- */

static void notes(struct page *p, const struct gait_run *run) {
    if (!run->note_count) return;
    page_html(p, "<section class=\"card notes\"><h3>");
    page_say(p, "report.notes");
    page_html(p, "</h3><ul>");
    for (size_t i = 0; i < run->note_count; i++) {
        page_html(p, "<li>");
        page_say(p, run->notes[i]);
        page_html(p, "</li>");
    }
    page_html(p, "</ul></section>");
}

static struct err athlete(struct page *p, const struct gait_run *run, size_t index) {
    static const char *const kinds[] = {"report.kind.unknown", "report.kind.standing", "report.kind.walking", "report.kind.running",
                                        "report.kind.jumping"};
    static const char *const sexes[] = {"report.sex.unknown", "report.sex.female", "report.sex.male"};
    buf_printf(p->out, "<article id=\"a%zu\"><header><h2>", index + 1);
    plot_escape(p->out, slice_cstr(run->name));
    page_html(p, "</h2><p class=\"facts\">");
    page_say(p, kinds[run->kind]);
    page_html(p, " · ");
    struct text_param params[] = {{SLICE("frames"), page_number(p, (double)run->frame_count, 0, "")},
                                  {SLICE("rate"), page_number(p, run->rate, run->rate == floor(run->rate) ? 0 : 2, "")}};
    page_sentence(p, "report.recorded", params, 2);
    page_html(p, " · ");
    page_say(p, sexes[run->sex]);
    page_html(p, "</p></header>");
    report_tiles(p, run);
    report_speed(p, run);
    report_tables(p, run);
    report_jumps(p, run);
    report_kinogram(p, run);
    report_steps(p, run);
    struct err e = report_angles(p, run);
    if (e.kind) return e;
    report_symmetry(p, run);
    notes(p, run);
    page_html(p, "</article>");
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
    page_say(p, "report.compare");
    page_html(p, "</h2><p class=\"facts\"><span class=\"key a\"></span>A: ");
    plot_escape(p->out, slice_cstr(a->name));
    page_html(p, " <span class=\"key b\"></span>B: ");
    plot_escape(p->out, slice_cstr(b->name));
    page_html(p, "</p></header>");
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
        page_html(p, "<section class=\"card\"><h3>");
        page_say(p, "report.measure.speed");
        page_html(p, "</h3>");
        page_svg_begin(p, 1040, 306, page_word(p, "report.measure.speed"));
        plot_axes(&plot, page_word(p, "report.axis.distance"), SLICE_NONE);
        plot_text(&plot, 2, 16, "axis", "start", page_word(p, "report.axis.speed"));
        for (int r = 0; r < 2; r++) {
            size_t n = both[r]->frame_count;
            double *x = page_doubles(p, n), *y = page_doubles(p, n);
            if (p->has_failed) return err_memory();
            for (size_t f = 0; f < n; f++) x[f] = both[r]->samples[f].distance.value, y[f] = both[r]->samples[f].speed.value;
            char class[32];
            snprintf(class, sizeof class, "line mean %s", classes[r]);
            plot_line(&plot, x, y, n, class);
        }
        page_html(p, "</svg></section>");
    }
    page_html(p, "<section class=\"card\"><p class=\"about\">");
    struct text_param params[] = {{SLICE("steps"), page_number(p, (double)c.step_count, 0, "")}};
    page_sentence(p, "report.compare.about", params, 1);
    page_html(p, "</p><table><thead><tr><th>");
    page_say(p, "report.measure");
    page_html(p, "</th><th class=\"n a\">A</th><th class=\"n b\">B</th><th class=\"n\">");
    page_say(p, "report.difference");
    page_html(p, "</th><th class=\"n\">");
    page_say(p, "report.p");
    page_html(p, "</th></tr></thead><tbody>");
    for (int m = -1; m < GAIT_MEASURES; m++) {
        const struct gait_difference *d = m < 0 ? &c.top_speed : &c.measures[m];
        struct shown how = m < 0 ? (struct shown){1, 2, "m/s"} : page_shown_of((enum gait_measure)m);
        if (!gait_is_known(d->a) || !gait_is_known(d->b)) continue;
        int digits = !strcmp(how.unit, "°") ? 1 : how.digits;
        page_html(p, "<tr><td>");
        plot_escape(p->out, m < 0 ? page_word(p, "report.top_speed") : page_word_of(p, "report.measure", gait_measure_name((enum gait_measure)m)));
        page_html(p, "</td><td class=\"n\">");
        page_value(p, d->a, how.scale, digits, how.unit);
        page_html(p, "</td><td class=\"n\">");
        page_value(p, d->b, how.scale, digits, how.unit);
        buf_printf(p->out, "</td><td class=\"n%s\">", d->p < 0.05 ? " mark" : "");
        page_value(p, d->difference, how.scale, digits, how.unit);
        page_html(p, "</td><td class=\"n\">");
        if (!isfinite(d->p))
            page_html(p, "–");
        else if (d->p < 0.001)
            page_html(p, "&lt; "), plot_number(p->out, 0.001, 3, p->point);
        else
            plot_number(p->out, d->p, 3, p->point);
        page_html(p, "</td></tr>");
    }
    page_html(p, "</tbody></table></section>");
    if (c.split_count) {
        page_html(p, "<section class=\"card\"><h3>");
        page_say(p, "report.splits");
        page_html(p, "</h3><table><thead><tr><th>");
        page_say(p, "report.line");
        page_html(p, "</th><th class=\"n a\">A</th><th class=\"n b\">B</th><th class=\"n\">");
        page_say(p, "report.difference");
        page_html(p, "</th></tr></thead><tbody>");
        for (size_t i = 0; i < c.split_count; i++) {
            page_html(p, "<tr><td>");
            plot_number(p->out, c.split_lines_m[i], c.split_lines_m[i] == floor(c.split_lines_m[i]) ? 0 : 2, p->point);
            page_html(p, " m</td><td class=\"n\">");
            page_value(p, c.splits[i].a, 1, 3, "s");
            page_html(p, "</td><td class=\"n\">");
            page_value(p, c.splits[i].b, 1, 3, "s");
            buf_printf(p->out, "</td><td class=\"n%s\">", c.splits[i].p < 0.05 ? " mark" : "");
            page_value(p, c.splits[i].difference, 1, 3, "s");
            page_html(p, "</td></tr>");
        }
        page_html(p, "</tbody></table></section>");
    }
    page_html(p, "<section class=\"card\"><h3>");
    page_say(p, "report.step_by_step");
    page_html(p, "</h3><div class=\"grid2\">");
    static const enum gait_measure shown[] = {GAIT_STEP_LENGTH, GAIT_CADENCE, GAIT_CONTACT_TIME, GAIT_FLIGHT_TIME};
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) report_step_plot(p, both, 2, shown[i]);
    page_html(p, "</div></section><section class=\"card\"><h3>");
    page_say(p, "report.angles");
    page_html(p, "</h3><p class=\"about\">");
    page_say(p, "report.compare.angles");
    page_html(p, "</p><div class=\"grid3\">");
    static const enum gait_angle compared[] = {GAIT_HIP_FLEXION, GAIT_KNEE_FLEXION, GAIT_ANKLE_DORSIFLEXION};
    for (size_t i = 0; i < 2 * ARRAY_LEN(compared); i++) { /* left ones, then right ones */
        size_t side = i / ARRAY_LEN(compared), kind = compared[i % ARRAY_LEN(compared)];
        struct gait_cycle cycles[2];
        for (int r = 0; r < 2 && !e.kind; r++) {
            struct gait_fast f = gait_fast_of(both[r]);
            e = gait_cycle_of(p->mem, both[r], 2 * kind + side, (enum gait_side)side, f.from_s, f.to_s, &cycles[r]);
        }
        if (e.kind) return e;
        report_angle_plot(p, (enum gait_angle)kind, page_word(p, page_side_codes[side]), cycles, classes, 2, false);
    }
    page_html(p, "</div></section></article>");
    return p->has_failed ? err_memory() : ERR_OK;
}

/* ---- the whole ---- */

static void spark(struct page *p, const struct gait_run *run, double top) {
    size_t n = run->frame_count;
    double *x = page_doubles(p, n), *y = page_doubles(p, n);
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
    page_html(p, "<svg viewBox=\"0 0 160 32\" class=\"spark\" aria-hidden=\"true\">");
    plot_line(&plot, x, y, n, "line speed");
    page_html(p, "</svg>");
}

static void overview(struct page *p, const struct gait_run *runs, size_t count) {
    double top = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t f = 0; f < runs[i].frame_count; f++)
            top = fmax(top, gait_is_known(runs[i].samples[f].speed) ? runs[i].samples[f].speed.value : 0);
    }
    page_html(p, "<section class=\"card overview\"><h3>");
    page_say(p, "report.overview");
    page_html(p, "</h3><table><thead><tr><th>");
    page_say(p, "report.athlete");
    page_html(p, "</th><th></th><th class=\"n\">");
    page_say(p, "report.top_speed");
    page_html(p, "</th><th class=\"n\">");
    page_say(p, "report.finish");
    page_html(p, "</th><th class=\"n\">");
    page_say(p, "report.measure.step_length");
    page_html(p, "</th><th class=\"n\">");
    page_say(p, "report.measure.cadence");
    page_html(p, "</th><th class=\"n\">");
    page_say(p, "report.measure.contact_time");
    page_html(p, "</th></tr></thead><tbody>");
    for (size_t i = 0; i < count; i++) {
        const struct gait_run *run = &runs[i];
        struct gait_fast f = gait_fast_of(run);
        buf_printf(p->out, "<tr><td><a href=\"#a%zu\">", i + 1);
        plot_escape(p->out, slice_cstr(run->name));
        page_html(p, "</a></td><td>");
        spark(p, run, top);
        page_html(p, "</td><td class=\"n\">");
        page_value(p, run->top_speed, 1, 2, "m/s");
        page_html(p, "</td><td class=\"n\">");
        page_value(p, run->split_count ? run->splits[run->split_count - 1].torso_s : GAIT_UNKNOWN, 1, 3, "s");
        page_html(p, "</td><td class=\"n\">");
        page_value(p, page_mean_of(run, f, GAIT_STEP_LENGTH), 1, 2, "m");
        page_html(p, "</td><td class=\"n\">");
        page_value(p, page_mean_of(run, f, GAIT_CADENCE), 1, 0, "1/min");
        page_html(p, "</td><td class=\"n\">");
        page_value(p, page_mean_of(run, f, GAIT_CONTACT_TIME), 1000, 0, "ms");
        page_html(p, "</td></tr>");
    }
    page_html(p, "</tbody></table></section>");
}

struct err gait_write_report(struct arena *mem, struct buf *out, const struct gait_run *runs, size_t count, const struct gait_run *others,
                             size_t other_count, struct slice language, struct slice title) {
    struct page p = {.mem = mem, .out = out, .language = text_language_is_known(language) ? language : SLICE("en")};
    p.point = slice_eq(p.language, SLICE("de")) ? ',' : '.';
    struct slice head = title.len ? title : page_word(&p, "report.title");
    buf_printf(out,
               "<!doctype html>\n<html lang=\"%.*s\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
               "content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
               SLICE_ARG(p.language));
    plot_escape(out, head);
    page_html(&p, "</title>\n<style>");
    page_html(&p, report_style);
    page_html(&p, "</style>\n</head>\n<body>\n<main>\n<header class=\"top\"><h1>");
    plot_escape(out, head);
    page_html(&p, "</h1><p class=\"facts\">");
    page_say(&p, "report.errors");
    page_html(&p, "</p></header>\n");
    if (!count) page_html(&p, "<p>"), page_say(&p, "report.nobody"), page_html(&p, "</p>");
    if (count > 1) overview(&p, runs, count);
    struct err e = ERR_OK;
    for (size_t i = 0; i < count && !e.kind; i++) {
        e = athlete(&p, &runs[i], i);
        if (!e.kind && other_count) e = comparison(&p, &runs[i], &others[i < other_count ? i : 0], i);
        page_html(&p, "\n");
    }
    page_html(&p, "<footer>");
    page_say(&p, "report.made");
    page_html(&p, "</footer>\n</main>\n</body>\n</html>\n");
    if (e.kind) return e;
    return p.has_failed ? err_memory() : buf_error(out);
}
