/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * report_page.h: the coach's page while it is written: its words and numbers (report_words.c), and its sections, a file for each group.
 * Within gait only. */
#ifndef HUMAN_GAIT_REPORT_PAGE_H
#define HUMAN_GAIT_REPORT_PAGE_H

#include "human/gait/plot.h"
#include "human/gait/room.h"
#include "text/text.h"

struct page {
    struct arena *mem;
    struct buf *out;
    struct slice language;
    char point;
    bool has_failed;
};

extern const char *const page_side_class[2];
extern const char *const page_side_codes[2];

/* How a measure is shown: times `scale`, with so many digits, in `unit`. */
struct shown {
    double scale;
    int digits;
    const char *unit;
};
struct shown page_shown_of(enum gait_measure);
int page_measure_digits(enum gait_measure);

/* The text of a code, or of "area.name", in the page's language. */
struct slice page_word(const struct page *, const char *code);
struct slice page_word_of(const struct page *, const char *area, const char *name);
/* A number with the page's decimal sign and what stands behind it; in the page's arena. */
struct slice page_number(struct page *, double, int digits, const char *behind);

void page_html(struct page *, const char *text); /* as it is */
void page_say(struct page *, const char *code);  /* the text of a code, escaped */
void page_sentence(struct page *, const char *code, const struct text_param *params, size_t count);
/* A value with its standard error, or a dash. */
void page_value(struct page *, struct gait_value, double scale, int digits, const char *unit);
void page_svg_begin(struct page *, double width, double height, struct slice label);
void page_title(struct page *, struct plot *, struct slice text);
/* `count` doubles of the page's arena; where memory ran out, has_failed is set and there are none. */
double *page_doubles(struct page *, size_t count);
/* The mean of a measure over the fast steps, with its error. */
struct gait_value page_mean_of(const struct gait_run *, struct gait_fast, enum gait_measure);

/* Sections, in the order of the page. Each leaves itself out where there is nothing to show. */
void report_tiles(struct page *, const struct gait_run *);
void report_speed(struct page *, const struct gait_run *);
void report_tables(struct page *, const struct gait_run *);
void report_jumps(struct page *, const struct gait_run *);
void report_steps(struct page *, const struct gait_run *);
MUST_USE struct err report_angles(struct page *, const struct gait_run *);
void report_symmetry(struct page *, const struct gait_run *);
void report_kinogram(struct page *, const struct gait_run *);
/* Plots that the comparison of two athletes shows as well. */
void report_step_plot(struct page *, const struct gait_run *const *runs, size_t count, enum gait_measure);
void report_angle_plot(struct page *, enum gait_angle, struct slice side, const struct gait_cycle *cycles, const char *const *classes,
                       size_t count, bool with_each);

#endif
