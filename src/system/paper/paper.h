/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * paper.h: documents for people, as PDF: A4, paragraphs, tables that go over pages, totals, page numbers; in any script that the fonts on this machine have (Noto, with
 * Chinese; Thai).
 *
 * A document is written from top to bottom; what does not fit goes to the next page, a table's head is repeated there, and no row is cut in two unless it is
 * taller than a page. The same calls give the same bytes: the date in the file is the one that was given.
 *
 * Text is UTF-8; what is not is replaced. Errors are sticky and told at the end. One thread at a time; several documents at once are fine. Workers only: a page takes
 * some milliseconds, and about 250 KB while the document is made. */
#ifndef SYSTEM_PAPER_H
#define SYSTEM_PAPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

struct paper_options {
    struct slice title, author; /* of the file, as readers show it */
    struct slice lang;          /* BCP 47: which form of a Chinese character is meant */
    struct slice footer;        /* at the left of each page's foot; may be empty */
    /* Writes what stands at the right of it, such as "Page 2 of 3". NULL: "2 / 3". */
    void (*page_text)(void *user, int page, int count, struct buf *out);
    void *user;
    int64_t made_s;             /* the file's date, since 1970 UTC */
};

enum paper_style {
    PAPER_TITLE,   /* the document's name; once */
    PAPER_HEADING,
    PAPER_BODY,
    PAPER_STRONG,
    PAPER_SMALL,   /* gray, for what is not the matter */
    PAPER_NOTICE,  /* in a tinted frame */
};
enum paper_align { PAPER_LEFT, PAPER_RIGHT };

enum { PAPER_COLUMNS_MAX = 8, PAPER_PAGES_MAX = 1000 };

struct paper;
/* Errors: memory. Texts of the options are copied. */
MUST_USE struct err paper_open(struct paper **out, const struct paper_options *);
void paper_close(struct paper **); /* NULL is fine */

void paper_text(struct paper *, enum paper_style, struct slice text); /* LF begins a new line */
void paper_space(struct paper *, double points);

/* Blocks side by side, each a label over lines ("Invoice to" over an address), as high as the highest. At most 4. */
struct paper_block {
    struct slice label, text;
};
void paper_blocks(struct paper *, const struct paper_block *, size_t count);

struct paper_column {
    struct slice head;
    enum paper_align align;
    int share; /* of the width, in proportion to the others' */
};
struct paper_cell {
    struct slice text, detail; /* detail: below it, small and gray; may be empty */
};
void paper_table_begin(struct paper *, const struct paper_column *, size_t count);
void paper_table_row(struct paper *, const struct paper_cell *); /* as many as there are columns */
void paper_table_end(struct paper *);

/* A sum at the right: label and figure. Those that follow each other stay on one page. */
struct paper_sum {
    struct slice label, figure;
    bool is_strong; /* the one that matters: larger, over a line */
};
void paper_sums(struct paper *, const struct paper_sum *, size_t count);

/* The file, appended. Errors: ERR_LIMIT paper.pages (more than PAPER_PAGES_MAX), out is full, memory; ERR_IO paper.fonts (no font at all). */
MUST_USE struct err paper_write(struct paper *, struct buf *out);
int paper_pages(const struct paper *); /* so far */

#endif
