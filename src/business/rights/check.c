/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Contradictions: of lines before they are saved, and all that stand. The index knows lines of titles; what stands under what (episodes of a
 * series) is looked up in the catalogue here. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "business/rights/book.h"

enum { CONFLICTS_MAX = 1000, AHEAD_CONFLICTS_MAX = 100000 }; /* of one line; listed of many that are not saved yet */

struct rights_runs {
    struct index_run *items;
    size_t count, room;
    int64_t titles[3]; /* of the title that is being told of */
};

/* Where a line's title stands. */
struct family {
    int64_t title_id;
    int64_t above[3]; /* itself first */
    size_t above_count;
    int64_t *below;
    size_t below_count, below_room;
    struct rights_runs runs; /* of all of it, once somebody wanted to know */
    bool has_runs;
};
static void family_free(struct family *f) {
    mem_free(f->below);
    mem_free(f->runs.items);
}

static bool below_add(struct family *f, int64_t id) {
    if (f->below_count == f->below_room) {
        size_t room = f->below_room ? f->below_room * 2 : 64;
        int64_t *moved = mem_realloc_array(f->below, room, sizeof *moved);
        if (!moved) return false;
        f->below = moved;
        f->below_room = room;
    }
    f->below[f->below_count++] = id;
    return true;
}

/* Children, and children of these: a series holds seasons and episodes, a season episodes. */
static struct err family_of(const struct catalog_view *v, int64_t title_id, struct family *f) {
    if (f->title_id == title_id) return ERR_OK;
    f->title_id = 0;
    f->has_runs = false;
    f->above_count = f->below_count = 0;
    const struct catalog_title *t = catalog_find_id(v, title_id);
    if (!t) return err_make(ERR_INPUT, "rights.title", "There is no such title.");
    int64_t above[3];
    catalog_above(v, t, above);
    f->above[f->above_count++] = title_id;
    for (size_t i = 0; i < ARRAY_LEN(above); i++)
        if (above[i] && above[i] != title_id && f->above_count < ARRAY_LEN(f->above)) f->above[f->above_count++] = above[i];
    size_t count, grand_count;
    const struct catalog_title *const *children = catalog_children(v, t, &count);
    for (size_t i = 0; i < count; i++) {
        if (!below_add(f, children[i]->id)) return err_memory();
        const struct catalog_title *const *grand = catalog_children(v, children[i], &grand_count);
        for (size_t k = 0; k < grand_count; k++)
            if (!below_add(f, grand[k]->id)) return err_memory();
    }
    f->title_id = title_id;
    return ERR_OK;
}

/* --- what our own service runs --- */

struct err rights_run_add(struct rights_runs *runs, uint32_t territories, uint16_t media, int64_t from_s, int64_t to_s) {
    if (!media || from_s >= to_s) return ERR_OK;
    if (runs->count == runs->room) {
        size_t room = runs->room ? runs->room * 2 : 16;
        struct index_run *moved = mem_realloc_array(runs->items, room, sizeof *moved);
        if (!moved) return err_memory();
        runs->items = moved;
        runs->room = room;
    }
    struct index_run run = {.territories = territories, .media = media, .from_s = from_s, .to_s = to_s};
    memcpy(run.titles, runs->titles, sizeof run.titles);
    runs->items[runs->count++] = run;
    return ERR_OK;
}

static struct err runs_of_title(struct rights *r, const struct catalog_view *v, const struct catalog_title *t, int64_t now_s, struct rights_runs *runs) {
    if (!t || catalog_kind_holds(t->kind) || !catalog_is_shown(v, t)) return ERR_OK; /* what holds others is not watched itself */
    catalog_above(v, t, runs->titles);
    struct err e = ERR_OK;
    if (t->is_free) {
        bool is_to_come = t->kind == CATALOG_EVENT && t->status != CATALOG_READY; /* or on air; then its recording is watched */
        uint32_t world;
        struct slice bad;
        e = rights_territories_of(SLICE("WORLD"), &world, &bad);
        if (!e.kind) e = rights_run_add(runs, world, (uint16_t)(1u << RIGHTS_FREE | (is_to_come ? 1u << RIGHTS_LIVE : 0)), now_s, RIGHTS_ENDLESS);
    }
    return !e.kind && r->runs_fn ? r->runs_fn(r->runs_user, v, t, now_s, runs) : e;
}

/* From the beginning of today (UTC) on, so that who asks twice is told the same. */
static struct err runs_of_family(struct rights *r, const struct catalog_view *v, struct family *f) {
    enum { DAY_S = 86400 };
    int64_t now_s = rights_now_s(r);
    now_s -= now_s % DAY_S;
    f->runs.count = 0;
    struct err e = runs_of_title(r, v, catalog_find_id(v, f->title_id), now_s, &f->runs);
    for (size_t i = 0; !e.kind && i < f->below_count; i++) e = runs_of_title(r, v, catalog_find_id(v, f->below[i]), now_s, &f->runs);
    f->has_runs = !e.kind;
    return e;
}

/* All that the index wants to know but the line itself and what is withdrawn. */
static struct err ask_of(struct rights *r, const struct catalog_view *v, struct family *f, const struct index_line *line, const struct index_deal *deal,
                         struct index_conflicts_ask *out) {
    if (deal->direction == RIGHTS_OUT && line->effect == RIGHTS_ALLOW && line->is_exclusive && !f->has_runs) {
        struct err e = runs_of_family(r, v, f);
        if (e.kind) return e;
    }
    *out = (struct index_conflicts_ask){.line = line, .deal = deal, .above = f->above, .above_count = f->above_count, .below = f->below, .below_count = f->below_count,
                                        .runs = f->has_runs ? f->runs.items : NULL, .run_count = f->has_runs ? f->runs.count : 0, .limit = CONFLICTS_MAX};
    return ERR_OK;
}

/* --- before saving --- */

struct find_work {
    struct arena *arena;
    int64_t org_id, deal_id;
    const struct rights_lines_new *lines;
    int64_t *withdrawn;
    size_t count, at;
};

static struct err find_fn(struct db_tx *tx, void *arg) {
    struct find_work *w = arg;
    w->count = 0;
    for (size_t i = 0; i < w->lines->count; i++) {
        const struct public_id *replaces = &w->lines->items[i].replaces;
        if (!replaces->text[0]) continue;
        w->at = i;
        struct arena_mark mark = arena_mark(w->arena);
        struct db_rows rows;
        struct err e = DB_QUERY(tx, w->arena, &rows, &line_find, DB_INT("org_id", w->org_id), DB_TEXT("public_id", public_id_slice(replaces)));
        if (!e.kind && (!rows.count || db_int(&rows, 0, "deal_id") != w->deal_id || !db_is_null(&rows, 0, "withdrawn_s"))) e = rights_error_no_line();
        if (!e.kind) w->withdrawn[w->count++] = db_int(&rows, 0, "id");
        arena_rewind(w->arena, mark);
        if (e.kind) return e;
    }
    return ERR_OK;
}

struct err rights_conflicts(struct rights *r, struct arena *arena, int64_t org_id, const struct rights_lines_new *lines, struct rights_conflict_list *out,
                            size_t *at) {
    struct rights_deal deal;
    *at = 0;
    struct err e = rights_deal_get(r, arena, org_id, lines->deal, &deal);
    if (e.kind) return e;
    struct find_work w = {.arena = arena, .org_id = org_id, .deal_id = deal.id, .lines = lines, .withdrawn = arena_alloc_array(arena, lines->count + 1, sizeof(int64_t))};
    if (!w.withdrawn) return err_memory();
    e = db_read(r->o.db, find_fn, &w);
    if (e.kind) *at = w.at;
    struct catalog_view *view = NULL;
    if (!e.kind) e = catalog_view_take(r->o.catalog, org_id, &view);
    if (e.kind) return e;

    struct index_deal index_deal = rights_index_deal(&deal);
    struct family family = {0};
    struct rights_conflict *all = NULL;
    size_t count = 0, room = 0;
    for (size_t i = 0; !e.kind && i < lines->count; i++) {
        *at = i;
        e = rights_terms_check(&lines->items[i].terms);
        if (!e.kind) e = family_of(view, lines->items[i].terms.title_id, &family);
        if (e.kind) break;
        struct rights_line_row row = {.line = {.deal_id = deal.id, .terms = lines->items[i].terms}};
        struct index_line line = rights_index_line(&row);
        struct index_conflicts_ask ask;
        struct rights_conflict_list found = {0};
        e = ask_of(r, view, &family, &line, &index_deal, &ask);
        ask.withdrawn = w.withdrawn;
        ask.withdrawn_count = w.count;
        if (!e.kind) e = rights_index_conflicts(r->index, arena, &ask, &found);
        if (!e.kind && count + found.count > room) {
            size_t more = (count + found.count) * 2;
            struct rights_conflict *moved = mem_realloc_array(all, more, sizeof *moved);
            if (moved) {
                all = moved;
                room = more;
            } else {
                e = err_memory();
            }
        }
        for (size_t k = 0; !e.kind && k < found.count; k++) {
            all[count] = found.items[k];
            all[count++].at = i;
        }
    }
    struct rights_conflict *kept = e.kind ? NULL : arena_alloc_array(arena, count + 1, sizeof *kept);
    if (!e.kind && !kept) e = err_memory();
    if (!e.kind) {
        if (count) memcpy(kept, all, count * sizeof *kept);
        *out = (struct rights_conflict_list){kept, count};
        *at = 0;
    }
    mem_free(all);
    family_free(&family);
    catalog_view_give(&view);
    return e;
}

/* --- many before saving --- */

static int compare_by_title(const void *a, const void *b, void *lines) {
    const struct index_line *all = lines, *x = &all[*(const uint32_t *)a], *y = &all[*(const uint32_t *)b];
    return x->title_id != y->title_id ? (x->title_id > y->title_id) - (x->title_id < y->title_id) : (x->id > y->id) - (x->id < y->id);
}

static bool found_room(struct rights_ahead *a, size_t *room) {
    if (a->found_count + CONFLICTS_MAX <= *room) return true;
    struct rights_conflict *moved = mem_realloc_array(a->found, 2 * *room + CONFLICTS_MAX, sizeof *moved);
    if (!moved) return false;
    a->found = moved;
    *room = 2 * *room + CONFLICTS_MAX;
    return true;
}

struct ahead_work {
    struct rights *rights;
    const struct catalog_view *view;
    struct rights_ahead *ahead;
    struct rights_index *index; /* of the lines ahead */
    struct arena *page;
    struct family family;
    size_t room;
};

/* Once the list is full a line is only asked whether it contradicts anything, so that a file which contradicts the book throughout is looked through in its time. */
static struct err line_ahead(struct ahead_work *w, size_t at) {
    struct rights_ahead *a = w->ahead;
    const struct index_line *line = &a->lines[at];
    struct arena_mark mark = arena_mark(w->page);
    struct index_conflicts_ask ask;
    struct rights_conflict_list found = {0};
    struct err e = found_room(a, &w->room) ? family_of(w->view, line->title_id, &w->family) : err_memory();
    if (!e.kind) e = ask_of(w->rights, w->view, &w->family, line, &a->deals[line->deal_id - 1], &ask);
    if (e.kind) return e;
    bool is_full = a->found_count >= AHEAD_CONFLICTS_MAX;
    ask.ahead = w->index;
    if (is_full) ask.limit = 1;
    e = rights_index_conflicts(w->rights->index, w->page, &ask, &found);
    for (size_t i = 0; !e.kind && !is_full && i < found.count; i++) {
        a->found[a->found_count] = found.items[i];
        a->found[a->found_count++].at = at;
    }
    a->does_contradict[at] = found.count > 0;
    a->contradicting_count += found.count > 0;
    a->conflict_count += found.count;
    a->is_whole &= found.count < ask.limit;
    arena_rewind(w->page, mark);
    return e;
}

static struct err drafts_take_effect(const struct rights_ahead *a, struct rights_index *index) {
    struct index_deal *deals = mem_alloc((a->deal_count + 1) * sizeof *deals);
    if (!deals) return err_memory();
    for (size_t i = 0; i < a->deal_count; i++) {
        deals[i] = a->deals[i];
        if (deals[i].status == RIGHTS_DRAFT) deals[i].status = RIGHTS_ACTIVE;
    }
    struct err e = rights_index_update(index, &(struct index_change){.deals = deals, .deal_count = a->deal_count});
    mem_free(deals);
    return e;
}

/* The lines become an index of their own, and each is held against both. By title: a family is looked up, and what of it our own service runs, once. */
struct err rights_ahead_conflicts(struct rights *r, const struct catalog_view *view, struct rights_ahead *a) {
    struct ahead_work w = {.rights = r, .view = view, .ahead = a, .page = arena_create(BOOK_ARENA_MAX)};
    uint32_t *order = mem_alloc((a->line_count + 1) * sizeof *order);
    struct err e = w.page && order ? rights_index_create(&w.index, a->deals, a->deal_count, a->lines, a->line_count) : err_memory();
    for (size_t i = 0; !e.kind && i < a->line_count; i++) order[i] = (uint32_t)i;
    if (!e.kind) qsort_r(order, a->line_count, sizeof *order, compare_by_title, (void *)a->lines);
    a->conflict_count = a->contradicting_count = a->found_count = 0;
    a->is_whole = true;
    size_t draft_count = 0;
    for (int drafts = 0; !e.kind && drafts < 2; drafts++) {
        if (drafts && !draft_count) break;
        if (drafts) e = drafts_take_effect(a, w.index);
        for (size_t i = 0; !e.kind && i < a->line_count; i++) {
            bool is_draft = a->deals[a->lines[order[i]].deal_id - 1].status == RIGHTS_DRAFT;
            draft_count += is_draft;
            if (is_draft == drafts) e = line_ahead(&w, order[i]);
        }
    }
    rights_index_destroy(&w.index);
    mem_free(order);
    arena_destroy(&w.page);
    family_free(&w.family);
    return e;
}

/* --- all that stand --- */

/* Each once: what is seen from both sides is told by the older line; our own service against an exclusive sale by the later of the two, for from there it was looked at when it was
 * written: a later grant is told wherever the sale is, a later sale where our service runs it; what a sale is not covered by is only seen from there. */
static bool is_told_here(const struct rights_conflict *c, int64_t line_id) {
    switch (c->kind) {
    case RIGHTS_OUT_WITHOUT_IN:
    case RIGHTS_SUBLICENCE: return true;
    case RIGHTS_OWN_SERVICE_SOLD: return c->line_id < line_id;
    default: return c->line_id > line_id;
    }
}

/* What a saved line contradicts; `f` is where its title stands. */
static struct err conflicts_of(struct rights *r, struct arena *mem, const struct catalog_view *v, struct family *f, const struct rights_line_row *row, struct rights_conflict_list *out) {
    struct index_line line = rights_index_line(row);
    struct index_deal deal = rights_index_deal(&row->deal);
    struct index_conflicts_ask ask;
    *out = (struct rights_conflict_list){0};
    struct err e = ask_of(r, v, f, &line, &deal, &ask);
    if (e.kind) return e;
    ask.withdrawn = &line.id;
    ask.withdrawn_count = 1;
    return rights_index_conflicts(r->index, mem, &ask, out);
}

struct err rights_deal_conflicts(struct rights *r, struct arena *arena, int64_t org_id, struct slice deal, size_t limit, struct rights_standing_conflict_list *out,
                                 size_t *total) {
    struct rights_deal d; /* whose deal it is not learns nothing else */
    struct err e = rights_deal_get(r, arena, org_id, deal, &d);
    if (!e.kind) e = rights_refresh(r);
    struct catalog_view *view = NULL;
    if (!e.kind) e = catalog_view_take(r->o.catalog, org_id, &view);
    if (e.kind) return e;
    struct rights_standing_conflict *kept = arena_alloc_array(arena, limit + 1, sizeof *kept);
    struct arena *page = arena_create(BOOK_ARENA_MAX);
    if (!kept || !page) e = err_memory();
    struct rights_lines_ask ask = {.deal = deal, .known_s = RIGHTS_KNOWN_NOW};
    struct rights_line_row_list rows = {0};
    if (!e.kind) e = rights_lines(r, page, org_id, &ask, &rows);
    struct family family = {0};
    size_t count = 0, all = 0;
    for (size_t i = 0; !e.kind && i < rows.count; i++) {
        const struct rights_line_row *row = &rows.items[i];
        if (!catalog_find_id(view, row->line.terms.title_id)) continue; /* removed: it grants nothing any more */
        struct arena_mark mark = arena_mark(page);
        struct rights_conflict_list found = {0};
        e = family_of(view, row->line.terms.title_id, &family);
        if (!e.kind) e = conflicts_of(r, page, view, &family, row, &found);
        for (size_t k = 0; !e.kind && k < found.count; k++) {
            /* A later sale out of what we have is the order of things; where our own service runs it, its own deal tells. */
            if (found.items[k].kind == RIGHTS_OWN_SERVICE_SOLD && row->deal.direction != RIGHTS_OUT && found.items[k].line_id > row->line.id) continue;
            if (count < limit) kept[count++] = (struct rights_standing_conflict){row->line.terms.title_id, row->line.id, found.items[k]};
            all++;
        }
        arena_rewind(page, mark);
    }
    if (!e.kind) {
        *out = (struct rights_standing_conflict_list){kept, count};
        *total = all;
    }
    arena_destroy(&page);
    family_free(&family);
    catalog_view_give(&view);
    return e;
}

struct err rights_conflicts_standing(struct rights *r, struct arena *arena, int64_t org_id, size_t limit, struct rights_standing_conflict_list *out, size_t *total) {
    struct err e = rights_refresh(r);
    struct catalog_view *view = NULL;
    if (!e.kind) e = catalog_view_take(r->o.catalog, org_id, &view);
    if (e.kind) return e;
    struct rights_standing_conflict *kept = arena_alloc_array(arena, limit + 1, sizeof *kept);
    struct arena *page = arena_create(BOOK_ARENA_MAX);
    if (!kept || !page) e = err_memory();
    struct family family = {0};
    size_t count = 0, all = 0;
    for (size_t t = 0; !e.kind && t < view->count; t++) {
        struct rights_lines_ask ask = {.titles = {view->titles[t]->id}, .known_s = RIGHTS_KNOWN_NOW};
        struct rights_line_row_list rows;
        arena_reset(page);
        e = rights_lines(r, page, org_id, &ask, &rows);
        if (!e.kind && rows.count) e = family_of(view, view->titles[t]->id, &family);
        for (size_t i = 0; !e.kind && i < rows.count; i++) {
            if (rows.items[i].deal.status != RIGHTS_ACTIVE && rows.items[i].deal.status != RIGHTS_SUSPENDED) continue;
            int64_t line_id = rows.items[i].line.id;
            struct arena_mark mark = arena_mark(page);
            struct rights_conflict_list found;
            e = conflicts_of(r, page, view, &family, &rows.items[i], &found);
            for (size_t k = 0; !e.kind && k < found.count; k++) {
                if (!is_told_here(&found.items[k], line_id)) continue;
                if (count < limit) kept[count++] = (struct rights_standing_conflict){view->titles[t]->id, line_id, found.items[k]};
                all++;
            }
            arena_rewind(page, mark);
        }
    }
    if (!e.kind) {
        *out = (struct rights_standing_conflict_list){kept, count};
        *total = all;
    }
    arena_destroy(&page);
    family_free(&family);
    catalog_view_give(&view);
    return e;
}
