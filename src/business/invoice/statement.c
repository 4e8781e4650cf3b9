/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * statement.c: what went through an account in a time, as PDF. */
#include "business/invoice/room.h"

struct writing {
    const struct statement *s;
    struct arena *arena;
    struct slice lang;
};

/* Counted things have no decimals and no sign of their own. */
static struct slice number(const struct writing *w, int64_t amount) {
    struct buf text = BUF(100);
    money_print_number(&text, MONEY(amount, w->s->currency), w->lang);
    return text_take(w->arena, &text);
}
static struct slice sum(const struct writing *w, int64_t amount) {
    if (w->s->currency) return amount_text(w->arena, MONEY(amount, w->s->currency), w->lang);
    return arena_printf(w->arena, "%.*s %.*s", SLICE_ARG(number(w, amount)), SLICE_ARG(w->s->unit));
}
static struct slice day(const struct writing *w, int64_t at_s) {
    struct buf text = BUF(100);
    day_print(&text, at_s, w->lang);
    return text_take(w->arena, &text);
}

MUST_USE static struct err check(const struct statement *s, int64_t *debits, int64_t *credits) {
    struct err wrong = err_make(ERR_BUG, "invoice.sums", "The sums of this document do not agree. It is not printed.");
    int64_t balance = s->opening;
    *debits = *credits = 0;
    for (size_t i = 0; i < s->item_count; i++) {
        const struct statement_item *item = &s->items[i];
        int64_t *side = item->is_debit ? debits : credits;
        bool grows = item->is_debit != s->is_credit_normal;
        if (item->amount < 0 || __builtin_add_overflow(*side, item->amount, side)) return wrong;
        if (grows ? __builtin_add_overflow(balance, item->amount, &balance) : __builtin_sub_overflow(balance, item->amount, &balance)) return wrong;
        if (balance != item->balance) return wrong;
    }
    return balance == s->closing ? ERR_OK : wrong;
}

static void items_write(struct paper *p, const struct writing *w) {
    const struct statement *s = w->s;
    const struct paper_column columns[] = {{paper_word(w->lang, "paper.date"), PAPER_LEFT, 17}, {paper_word(w->lang, "paper.what"), PAPER_LEFT, 38},
                                           {paper_word(w->lang, "paper.debit"), PAPER_RIGHT, 16}, {paper_word(w->lang, "paper.credit_side"), PAPER_RIGHT, 16},
                                           {paper_word(w->lang, "paper.balance"), PAPER_RIGHT, 18}};
    paper_table_begin(p, columns, ARRAY_LEN(columns));
    const struct paper_cell opening[] = {{day(w, s->from_s), SLICE_NONE}, {paper_word(w->lang, "paper.opening"), SLICE_NONE}, {SLICE_NONE, SLICE_NONE}, {SLICE_NONE, SLICE_NONE},
                                         {number(w, s->opening), SLICE_NONE}};
    paper_table_row(p, opening);
    for (size_t i = 0; i < s->item_count; i++) {
        const struct statement_item *item = &s->items[i];
        struct arena_mark mark = arena_mark(w->arena);
        struct slice amount = number(w, item->amount);
        const struct paper_cell cells[] = {{day(w, item->at_s), SLICE_NONE}, {item->text, item->counter}, {item->is_debit ? amount : SLICE_NONE, SLICE_NONE},
                                           {item->is_debit ? SLICE_NONE : amount, SLICE_NONE}, {number(w, item->balance), SLICE_NONE}};
        paper_table_row(p, cells); /* keeps nothing of ours */
        bool is_whole = !arena_overflowed(w->arena);
        arena_rewind(w->arena, mark); /* which forgets that it is not */
        if (!is_whole) arena_fail(w->arena);
    }
    paper_table_end(p);
    if (!s->item_count) paper_text(p, PAPER_SMALL, paper_word(w->lang, "paper.none"));
}

struct err statement_render(struct buf *out, const struct statement *s) {
    int64_t debits, credits;
    struct err e = check(s, &debits, &credits);
    if (e.kind) return e;
    struct arena *arena = arena_create(1 << 20);
    if (!arena) return err_memory();
    struct writing w = {.s = s, .arena = arena, .lang = text_language_of(s->lang)};
    struct slice kind = paper_word(w.lang, "paper.statement");
    struct paper *p = NULL;
    e = paper_open(&p, &(struct paper_options){.title = arena_printf(arena, "%.*s: %.*s", SLICE_ARG(kind), SLICE_ARG(s->account)), .author = s->organisation, .lang = w.lang,
                                               .footer = arena_printf(arena, "%.*s · %.*s", SLICE_ARG(s->organisation), SLICE_ARG(s->account)), .page_text = page_words, .user = &w.lang,
                                               .made_s = s->made_s});
    if (!e.kind) {
        paper_text(p, PAPER_TITLE, kind);
        const struct paper_block facts[] = {
            {paper_word(w.lang, "paper.organisation"), s->organisation}, {paper_word(w.lang, "paper.account"), s->account},
            {paper_word(w.lang, "paper.period"), arena_printf(arena, "%.*s – %.*s", SLICE_ARG(day(&w, s->from_s)), SLICE_ARG(day(&w, s->to_s > s->from_s ? s->to_s - 1 : s->to_s)))}};
        paper_blocks(p, facts, ARRAY_LEN(facts));
        items_write(p, &w);
        const struct paper_sum sums[] = {{.label = paper_word(w.lang, "paper.debits"), .figure = sum(&w, debits)}, {.label = paper_word(w.lang, "paper.credits"), .figure = sum(&w, credits)},
                                         {.label = paper_word(w.lang, "paper.closing"), .figure = sum(&w, s->closing), .is_strong = true}};
        paper_sums(p, sums, ARRAY_LEN(sums));
        e = arena_overflowed(arena) ? err_memory() : paper_write(p, out);
    }
    paper_close(&p);
    arena_destroy(&arena);
    return e;
}
