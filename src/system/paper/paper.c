/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * paper.c: a document is laid out as it is written, into a list of things on pages, and drawn at the end, when it is known how many pages there are. Pango finds the fonts and breaks the
 * lines, cairo writes the file. */
#include "system/paper/paper.h"

#include <assert.h>
#include <cairo-pdf.h>
#include <pango/pangocairo.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"

#ifdef GRANDSTAND_TEST_DOORS
/* Fontconfig keeps its tables until the process ends, and cairo 1.16 forgets an array of its own (768 bytes) with each PDF; the leak checker need not tell us. */
const char *__lsan_default_suppressions(void);
__attribute__((weak)) const char *__lsan_default_suppressions(void) { return "leak:libfontconfig\nleak:libcairo\n"; }
#endif

/* A4, in points of 1/72 inch. */
static const double page_width = 595.28, page_height = 841.89, margin = 54, top = 62, bottom = 768, foot = 796;
static const char families[] = "Noto Sans, Noto Sans CJK SC, Noto Sans Thai, Loma, sans-serif";
enum { INK = 0x15171c, GRAY = 0x6a7280, HAIR = 0xdfe2e8, ACCENT = 0x2447d8, TINT = 0xfff6dc, TINT_EDGE = 0xe9c46a };
enum { BLOCKS_MAX = 4, CELL_LINES_MAX = 40, ITEMS_MAX = 1 << 20 };

struct item {
    int page;
    double x, y, width, height; /* of a line of text: x and its baseline */
    uint32_t colour;
    PangoLayoutLine *line; /* NULL: a filled rectangle */
    PangoLayout *layout;   /* held: it has the line, and the text by which readers find and copy what is drawn */
};

struct paper {
    PangoFontMap *fonts;
    PangoContext *context;
    struct buf title, author, footer;
    void (*page_text)(void *user, int page, int count, struct buf *out);
    void *user;
    int64_t made_s;
    struct item *items;
    size_t count, room;
    int page; /* from 0 */
    double y;
    struct paper_column columns[PAPER_COLUMNS_MAX];
    struct buf heads[PAPER_COLUMNS_MAX];
    size_t column_count;
    bool is_in_table;
    struct err failure; /* the first */
};

static void fail(struct paper *p, struct err e) {
    if (!p->failure.kind) p->failure = e;
}

static struct item *put(struct paper *p, struct item item) {
    if (p->failure.kind) return NULL;
    if (p->count == p->room) {
        size_t room = p->room ? p->room * 2 : 256;
        struct item *grown = room <= ITEMS_MAX ? mem_realloc_array(p->items, room, sizeof *grown) : NULL;
        if (!grown) return fail(p, err_memory()), NULL;
        p->items = grown;
        p->room = room;
    }
    item.page = p->page;
    p->items[p->count] = item;
    return &p->items[p->count++];
}
static void rectangle(struct paper *p, double x, double y, double width, double height, uint32_t colour) {
    put(p, (struct item){.x = x, .y = y, .width = width, .height = height, .colour = colour});
}

/* --- text --- */

/* UTF-8 whatever came; control characters but the line feed become blanks. */
static void clean(struct buf *out, struct slice text) {
    for (size_t at = 0; at < text.len;) {
        size_t step = utf8_step(slice_sub(text, at, text.len));
        unsigned char c = (unsigned char)text.ptr[at];
        if (!step) buf_cstr(out, "\uFFFD"), step = 1;
        else if (c < 0x20 && c != '\n') buf_cstr(out, " ");
        else buf_bytes(out, text.ptr + at, step);
        at += step;
    }
}

struct look {
    double size;
    bool is_bold;
    uint32_t colour;
    enum paper_align align;
    double spacing; /* between lines, of the size */
};

static PangoLayout *layout_of(struct paper *p, struct slice text, struct look look, double width) {
    struct buf cleaned = BUF(1 << 20);
    clean(&cleaned, text);
    PangoLayout *layout = pango_layout_new(p->context);
    PangoFontDescription *font = pango_font_description_from_string(families);
    pango_font_description_set_absolute_size(font, look.size * PANGO_SCALE);
    pango_font_description_set_weight(font, look.is_bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    if (width > 0) pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
    pango_layout_set_alignment(layout, look.align == PAPER_RIGHT ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT);
    pango_layout_set_text(layout, cleaned.len ? cleaned.ptr : "", (int)cleaned.len);
    if (cleaned.has_failed) fail(p, err_memory());
    buf_free(&cleaned);
    return layout;
}

/* Lines have the height of the style and not of the font that happens to be in them: Thai and Chinese would else push rows apart. */
static double line_height(struct look look) { return look.size * look.spacing; }
static size_t line_count(PangoLayout *layout) {
    int count = pango_layout_get_line_count(layout);
    return count > 0 ? (size_t)count : 0;
}

/* Puts the lines [from, to) with their upper edge at y. */
static void lines_put(struct paper *p, PangoLayout *layout, struct look look, double x, double y, size_t from, size_t to) {
    PangoLayoutIter *iter = pango_layout_get_iter(layout);
    for (size_t i = 0; i < to; i++) {
        if (i >= from) {
            PangoRectangle box;
            pango_layout_iter_get_line_extents(iter, NULL, &box);
            double baseline = y + (double)(i - from) * line_height(look) + look.size * (look.spacing - 1) / 2 + look.size * 0.88;
            struct item item = {.x = x + (double)box.x / PANGO_SCALE, .y = baseline, .colour = look.colour, .line = pango_layout_iter_get_line_readonly(iter), .layout = layout};
            if (put(p, item)) g_object_ref(layout);
        }
        if (!pango_layout_iter_next_line(iter)) break;
    }
    pango_layout_iter_free(iter);
}

/* --- pages --- */

static void page_begin(struct paper *p) {
    p->y = top;
    rectangle(p, 0, 0, page_width, 5, ACCENT);
}
static void table_head(struct paper *p);
static void page_next(struct paper *p) {
    if (p->page + 1 >= PAPER_PAGES_MAX) {
        fail(p, err_make(ERR_LIMIT, "paper.pages", "The document is longer than 1,000 pages. Ask for a shorter time."));
        p->y = top; /* nothing is put any more */
        return;
    }
    p->page++;
    page_begin(p);
    if (p->is_in_table) table_head(p);
}
static void need(struct paper *p, double height) {
    if (p->y + height > bottom && p->y > top) page_next(p);
}

/* --- the door --- */

static void keep(struct paper *p, struct buf *to, struct slice text) {
    *to = BUF(4096);
    clean(to, slice_sub(text, 0, 4000));
    buf_bytes(to, "", 1); /* cairo wants C strings */
    if (to->has_failed) fail(p, err_memory());
}
static struct slice kept(const struct buf *b) { return slice_of(b->ptr, b->len ? b->len - 1 : 0); }

struct err paper_open(struct paper **out, const struct paper_options *options) {
    struct paper *p = mem_zalloc(sizeof *p);
    if (!p) return err_memory();
    p->page_text = options->page_text;
    p->user = options->user;
    p->made_s = options->made_s;
    p->fonts = pango_cairo_font_map_new();
    pango_cairo_font_map_set_resolution(PANGO_CAIRO_FONT_MAP(p->fonts), 72);
    p->context = pango_font_map_create_context(p->fonts);
    PangoFontFamily **list = NULL;
    int families_found = 0;
    pango_font_map_list_families(p->fonts, &list, &families_found);
    g_free(list);
    if (!families_found) fail(p, err_make(ERR_IO, "paper.fonts", "There are no fonts on this machine. Install fonts-noto-core, fonts-noto-cjk and fonts-thai-tlwg."));
    /* As it will be printed, not as a screen would have it. */
    cairo_font_options_t *print = cairo_font_options_create();
    cairo_font_options_set_hint_style(print, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(print, CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(p->context, print);
    cairo_font_options_destroy(print);
    keep(p, &p->title, options->title);
    keep(p, &p->author, options->author);
    keep(p, &p->footer, options->footer);
    char lang[32] = "en";
    if (options->lang.len && options->lang.len < sizeof lang) {
        memcpy(lang, options->lang.ptr, options->lang.len);
        lang[options->lang.len] = 0;
    }
    pango_context_set_language(p->context, pango_language_from_string(!strcmp(lang, "zh") ? "zh-cn" : lang));
    if (p->failure.kind) {
        struct err e = p->failure;
        paper_close(&p);
        return e;
    }
    page_begin(p);
    *out = p;
    return ERR_OK;
}

void paper_close(struct paper **paper) {
    struct paper *p = *paper;
    if (!p) return;
    for (size_t i = 0; i < p->count; i++)
        if (p->items[i].layout) g_object_unref(p->items[i].layout);
    mem_free(p->items);
    buf_free(&p->title);
    buf_free(&p->author);
    buf_free(&p->footer);
    for (size_t i = 0; i < PAPER_COLUMNS_MAX; i++) buf_free(&p->heads[i]);
    if (p->context) g_object_unref(p->context);
    if (p->fonts) g_object_unref(p->fonts);
    MEM_FREE(paper);
}

int paper_pages(const struct paper *p) { return p->page + 1; }

static const double body_width = page_width - 2 * margin;

void paper_space(struct paper *p, double points) {
    p->y += points;
    if (p->y > bottom) page_next(p);
}

void paper_text(struct paper *p, enum paper_style style, struct slice text) {
    static const struct {
        struct look look;
        double before, after;
    } styles[] = {
        [PAPER_TITLE] = {{.size = 25, .is_bold = true, .colour = INK, .spacing = 1.2}, 0, 10},
        [PAPER_HEADING] = {{.size = 13, .is_bold = true, .colour = INK, .spacing = 1.35}, 12, 4},
        [PAPER_BODY] = {{.size = 9.5, .colour = INK, .spacing = 1.5}, 0, 6},
        [PAPER_STRONG] = {{.size = 9.5, .is_bold = true, .colour = INK, .spacing = 1.5}, 0, 6},
        [PAPER_SMALL] = {{.size = 8, .colour = GRAY, .spacing = 1.5}, 0, 5},
        [PAPER_NOTICE] = {{.size = 9, .colour = INK, .spacing = 1.5}, 6, 12},
    };
    struct look look = styles[style].look;
    double inset = style == PAPER_NOTICE ? 10 : 0, height = line_height(look);
    PangoLayout *layout = layout_of(p, text, look, body_width - 2 * inset);
    size_t count = line_count(layout);
    if (p->y > top) p->y += styles[style].before;
    if (style == PAPER_HEADING) need(p, height * (double)count + 40); /* not alone at the foot of a page */
    else need(p, height + 2 * inset);
    for (size_t at = 0; at < count && !p->failure.kind;) {
        size_t fit = (size_t)((bottom - p->y - 2 * inset) / height);
        size_t now = count - at < fit ? count - at : fit ? fit : 1;
        if (inset) {
            rectangle(p, margin, p->y, body_width, height * (double)now + 2 * inset - 8, TINT);
            rectangle(p, margin, p->y, 3, height * (double)now + 2 * inset - 8, TINT_EDGE);
        }
        lines_put(p, layout, look, margin + inset, p->y + (inset ? inset - 4 : 0), at, at + now);
        p->y += height * (double)now + (inset ? 2 * inset - 8 : 0);
        at += now;
        if (at < count) page_next(p);
    }
    p->y += styles[style].after;
    g_object_unref(layout);
}

void paper_blocks(struct paper *p, const struct paper_block *blocks, size_t count) {
    assert(count && count <= BLOCKS_MAX);
    const struct look label = {.size = 7.5, .colour = GRAY, .spacing = 1.5}, body = {.size = 9.5, .colour = INK, .spacing = 1.45};
    const double gap = 18, width = (body_width - gap * (double)(count - 1)) / (double)count;
    PangoLayout *labels[BLOCKS_MAX], *texts[BLOCKS_MAX];
    size_t lines = 0;
    for (size_t i = 0; i < count; i++) {
        labels[i] = layout_of(p, blocks[i].label, label, width);
        texts[i] = layout_of(p, blocks[i].text, body, width);
        if (line_count(texts[i]) > lines) lines = line_count(texts[i]);
    }
    if (lines > CELL_LINES_MAX) lines = CELL_LINES_MAX;
    double height = line_height(label) + 2 + line_height(body) * (double)lines;
    need(p, height);
    for (size_t i = 0; i < count; i++) {
        double x = margin + (width + gap) * (double)i;
        lines_put(p, labels[i], label, x, p->y, 0, 1);
        lines_put(p, texts[i], body, x, p->y + line_height(label) + 2, 0, lines);
        g_object_unref(labels[i]);
        g_object_unref(texts[i]);
    }
    p->y += height + 14;
}

/* --- tables --- */

static const double cell_gap = 10;
static double column_width(const struct paper *p, size_t column) {
    int shares = 0;
    for (size_t i = 0; i < p->column_count; i++) shares += p->columns[i].share;
    return (body_width - cell_gap * (double)(p->column_count - 1)) * p->columns[column].share / shares;
}

static void table_head(struct paper *p) {
    const struct look look = {.size = 7.5, .colour = GRAY, .spacing = 1.4};
    PangoLayout *heads[PAPER_COLUMNS_MAX];
    size_t lines = 1;
    for (size_t i = 0; i < p->column_count; i++) {
        struct look own = look;
        own.align = p->columns[i].align;
        heads[i] = layout_of(p, kept(&p->heads[i]), own, column_width(p, i));
        if (line_count(heads[i]) > lines) lines = line_count(heads[i]);
    }
    double x = margin, height = line_height(look) * (double)lines;
    for (size_t i = 0; i < p->column_count; i++) {
        lines_put(p, heads[i], look, x, p->y, 0, lines);
        x += column_width(p, i) + cell_gap;
        g_object_unref(heads[i]);
    }
    p->y += height + 4;
    rectangle(p, margin, p->y, body_width, 1, INK);
    p->y += 5;
}

void paper_table_begin(struct paper *p, const struct paper_column *columns, size_t count) {
    assert(count && count <= PAPER_COLUMNS_MAX && !p->is_in_table);
    p->column_count = count;
    for (size_t i = 0; i < count; i++) {
        assert(columns[i].share > 0);
        p->columns[i] = columns[i];
        buf_free(&p->heads[i]);
        keep(p, &p->heads[i], columns[i].head);
    }
    need(p, 60); /* a head with a row at least */
    table_head(p);
    p->is_in_table = true;
}

void paper_table_row(struct paper *p, const struct paper_cell *cells) {
    assert(p->is_in_table);
    const struct look body = {.size = 9, .colour = INK, .spacing = 1.4}, detail = {.size = 8, .colour = GRAY, .spacing = 1.4};
    PangoLayout *texts[PAPER_COLUMNS_MAX], *details[PAPER_COLUMNS_MAX] = {0};
    size_t text_lines[PAPER_COLUMNS_MAX], detail_lines[PAPER_COLUMNS_MAX] = {0};
    double height = 0;
    for (size_t i = 0; i < p->column_count; i++) {
        struct look own = body, below = detail;
        own.align = below.align = p->columns[i].align;
        texts[i] = layout_of(p, cells[i].text, own, column_width(p, i));
        text_lines[i] = line_count(texts[i]);
        if (text_lines[i] > CELL_LINES_MAX) text_lines[i] = CELL_LINES_MAX;
        if (cells[i].detail.len) {
            details[i] = layout_of(p, cells[i].detail, below, column_width(p, i));
            detail_lines[i] = line_count(details[i]);
            if (detail_lines[i] > CELL_LINES_MAX / 4) detail_lines[i] = CELL_LINES_MAX / 4;
        }
        double own_height = line_height(body) * (double)text_lines[i] + line_height(detail) * (double)detail_lines[i];
        if (own_height > height) height = own_height;
    }
    need(p, height + 9);
    double x = margin;
    for (size_t i = 0; i < p->column_count; i++) {
        lines_put(p, texts[i], body, x, p->y, 0, text_lines[i]);
        if (details[i]) lines_put(p, details[i], detail, x, p->y + line_height(body) * (double)text_lines[i], 0, detail_lines[i]);
        x += column_width(p, i) + cell_gap;
        g_object_unref(texts[i]);
        if (details[i]) g_object_unref(details[i]);
    }
    p->y += height + 4;
    rectangle(p, margin, p->y, body_width, 0.5, HAIR);
    p->y += 5;
}

void paper_table_end(struct paper *p) {
    p->is_in_table = false;
    p->y += 6;
}

void paper_sums(struct paper *p, const struct paper_sum *sums, size_t count) {
    const struct look plain = {.size = 9.5, .colour = INK, .spacing = 1.55}, strong = {.size = 13, .is_bold = true, .colour = INK, .spacing = 1.6};
    const double width = body_width * 0.55, x = margin + body_width - width, label_width = width * 0.58;
    double height = 0;
    for (size_t i = 0; i < count; i++) height += line_height(sums[i].is_strong ? strong : plain) + (sums[i].is_strong ? 8 : 0);
    need(p, height);
    for (size_t i = 0; i < count; i++) {
        struct look look = sums[i].is_strong ? strong : plain;
        if (sums[i].is_strong) {
            p->y += 4;
            rectangle(p, x, p->y, width, 1, INK);
            p->y += 4;
        }
        PangoLayout *label = layout_of(p, sums[i].label, look, label_width);
        look.align = PAPER_RIGHT;
        PangoLayout *figure = layout_of(p, sums[i].figure, look, width - label_width);
        size_t lines = line_count(label) > line_count(figure) ? line_count(label) : line_count(figure);
        lines_put(p, label, look, x, p->y, 0, line_count(label));
        lines_put(p, figure, look, x + label_width, p->y, 0, line_count(figure));
        p->y += line_height(look) * (double)lines;
        g_object_unref(label);
        g_object_unref(figure);
    }
    p->y += 10;
}

/* --- drawing --- */

static cairo_status_t take(void *user, const unsigned char *bytes, unsigned len) {
    struct buf *out = user;
    buf_bytes(out, bytes, len);
    return out->has_failed ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}
static void colour_set(cairo_t *cr, uint32_t c) { cairo_set_source_rgb(cr, (c >> 16 & 255) / 255.0, (c >> 8 & 255) / 255.0, (c & 255) / 255.0); }

static void feet_put(struct paper *p) {
    int pages = p->page + 1;
    const struct look look = {.size = 7.5, .colour = GRAY, .spacing = 1.4};
    for (p->page = 0; p->page < pages; p->page++) {
        struct buf text = BUF(400);
        if (p->page_text) p->page_text(p->user, p->page + 1, pages, &text);
        else buf_printf(&text, "%d / %d", p->page + 1, pages);
        if (text.has_failed) fail(p, err_memory());
        struct look right = look;
        right.align = PAPER_RIGHT;
        PangoLayout *at_left = layout_of(p, kept(&p->footer), look, body_width * 0.75), *at_right = layout_of(p, buf_slice(&text), right, body_width * 0.25);
        rectangle(p, margin, foot - 6, body_width, 0.5, HAIR);
        lines_put(p, at_left, look, margin, foot, 0, 2);
        lines_put(p, at_right, right, margin + body_width * 0.75, foot, 0, 2);
        g_object_unref(at_left);
        g_object_unref(at_right);
        buf_free(&text);
    }
    p->page = pages - 1;
}

struct err paper_write(struct paper *p, struct buf *out) {
    assert(!p->is_in_table);
    size_t feet = p->count;
    feet_put(p);
    if (p->failure.kind) return p->failure;
    struct utc_text made = utc_text_of(utc_from_seconds(p->made_s), 0);
    cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(take, out, page_width, page_height);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, made.text);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, p->title.ptr);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_AUTHOR, p->author.ptr);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "Grandstand");
    cairo_t *cr = cairo_create(surface);
    /* Items are in order of page, then those of the pages' feet again; on a page as they were put, a frame before its text. */
    size_t at = 0, foot_at = feet;
    for (int page = 0; page <= p->page; page++) {
        for (;;) {
            size_t i = at < feet && p->items[at].page == page ? at++ : foot_at < p->count && p->items[foot_at].page == page ? foot_at++ : SIZE_MAX;
            if (i == SIZE_MAX) break;
            const struct item *item = &p->items[i];
            colour_set(cr, item->colour);
            if (item->line) {
                cairo_move_to(cr, item->x, item->y);
                pango_cairo_show_layout_line(cr, item->line);
            } else {
                cairo_rectangle(cr, item->x, item->y, item->width, item->height);
                cairo_fill(cr);
            }
        }
        cairo_show_page(cr);
    }
    cairo_status_t status = cairo_status(cr);
    cairo_destroy(cr);
    cairo_surface_finish(surface);
    if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    struct err e = buf_error(out);
    if (!e.kind && status == CAIRO_STATUS_NO_MEMORY) e = err_memory();
    if (!e.kind && status != CAIRO_STATUS_SUCCESS) e = err_make(ERR_BUG, "paper.cairo", "The document could not be drawn.");
    return e;
}
