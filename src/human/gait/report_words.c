/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Words and numbers of the coach's page. */
#include <stdio.h>
#include <string.h>

#include "human/gait/report_page.h"

const char *const page_side_class[2] = {"l", "r"};
const char *const page_side_codes[2] = {"report.left", "report.right"};

/* ---- words and numbers ---- */

struct slice page_word(const struct page *p, const char *code) {
    struct slice s = text_lookup(p->language, slice_cstr(code));
    return s.len ? s : slice_cstr(code);
}
struct slice page_word_of(const struct page *p, const char *area, const char *name) {
    char code[96];
    snprintf(code, sizeof code, "%s.%s", area, name);
    struct slice s = text_lookup(p->language, slice_cstr(code));
    return s.len ? s : slice_cstr(name);
}
void page_say(struct page *p, const char *code) { plot_escape(p->out, page_word(p, code)); }
void page_html(struct page *p, const char *text) { buf_cstr(p->out, text); }

int page_measure_digits(enum gait_measure m) {
    static const int digits[GAIT_MEASURES] = {
#define MEASURE(id, name, unit, d) d,
#include "human/gait/measures.tbl.h"
#undef MEASURE
    };
    return digits[m];
}

/* What people read: seconds of contacts in milliseconds, degrees with their sign. */
struct shown page_shown_of(enum gait_measure m) {
    const char *unit = gait_measure_unit(m);
    if (!strcmp(unit, "s")) return (struct shown){1000, 0, "ms"};
    if (!strcmp(unit, "deg")) return (struct shown){1, 0, "°"};
    if (m == GAIT_OSCILLATION) return (struct shown){100, 1, "cm"};
    return (struct shown){1, page_measure_digits(m), unit};
}

/* 11.42 ± 0.03 */
void page_value(struct page *p, struct gait_value v, double scale, int digits, const char *unit) {
    if (!gait_is_known(v)) {
        page_html(p, "<span class=\"none\">–</span>");
        return;
    }
    double error = v.error * scale;
    int error_digits = digits;
    while (error_digits < 4 && error > 0 && error < 0.5 * pow(10, -error_digits)) error_digits++;
    if (error_digits > digits + 1) error_digits = digits + 1;
    page_html(p, "<span class=\"v\">");
    plot_number(p->out, v.value * scale, digits, p->point);
    page_html(p, "</span>");
    if (v.error > 0) { /* what is exact (the first line of a comparison) has none */
        page_html(p, "<span class=\"e\"> ± ");
        plot_number(p->out, fmax(error, pow(10, -error_digits)), error_digits, p->point);
        page_html(p, "</span>");
    }
    if (unit && *unit) buf_printf(p->out, "<span class=\"u\">%s%s</span>", unit[0] == (char)0xC2 ? "" : " ", unit);
}

/* A text with parameters. */
void page_sentence(struct page *p, const char *code, const struct text_param *params, size_t count) {
    struct buf text = BUF(8192);
    (void)text_format(&text, p->language, slice_cstr(code), params,
                      count); /* a code that is missing leaves nothing, and the test of all codes finds it */
    plot_escape(p->out, buf_slice(&text));
    if (buf_error(&text).kind) p->has_failed = true;
    buf_free(&text);
}

void page_svg_begin(struct page *p, double width, double height, struct slice label) {
    buf_printf(p->out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", width, height);
    plot_escape(p->out, label);
    page_html(p, "\">");
}

struct slice page_number(struct page *p, double v, int digits, const char *behind) {
    struct buf b = BUF(200);
    plot_number(&b, v, digits, p->point);
    buf_cstr(&b, behind);
    struct slice s = arena_copy(p->mem, buf_slice(&b));
    if (buf_error(&b).kind || !s.ptr) p->has_failed = true;
    buf_free(&b);
    return s;
}

void page_title(struct page *p, struct plot *plot, struct slice text) {
    if (!text.len) p->has_failed = true; /* the arena is full */
    plot_text(plot, 2, 14, "title", "start", text);
}

double *page_doubles(struct page *p, size_t count) {
    double *n = arena_alloc_array(p->mem, count + 1, sizeof *n);
    if (!n) p->has_failed = true;
    return n;
}

/* ---- the fast steps ---- */

struct gait_value page_mean_of(const struct gait_run *run, struct gait_fast f, enum gait_measure m) {
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
