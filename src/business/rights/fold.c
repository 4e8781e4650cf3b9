/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * From the book in the store to the index in memory. Whole, at the start and when too much has changed to be listed; else title by title.
 *
 * A whole book is read table by table, a page of rows at a time, within one moment of the store. Withdrawn lines come as a list of their own,
 * in the same order, and are left out while the two are walked side by side: cheaper than a join for each of a million lines. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "business/rights/book.h"

enum { PAGE = 20000, PAGE_BYTES_MAX = 64 << 20, TITLES_MAX = 2000, DEALS_MAX = 2000, ORGS_MAX = 100000 };

struct book {
    struct index_deal *deals;
    size_t deal_count, deal_room;
    struct index_line *lines;
    size_t line_count, line_room;
    struct stored_set {
        int64_t id;
        uint32_t set;
    } *sets; /* by id */
    size_t set_count, set_room, set_last;
};

static void book_free(struct book *b) {
    mem_free(b->deals);
    mem_free(b->lines);
    mem_free(b->sets);
    *b = (struct book){0};
}

static bool make_room(void **items, size_t *room, size_t wanted, size_t bytes_each) {
    if (wanted <= *room) return true;
    size_t more = *room ? *room : 64;
    while (more < wanted) more += more / 2;
    void *moved = mem_realloc_array(*items, more, bytes_each);
    if (!moved) return false;
    *items = moved;
    *room = more;
    return true;
}
#define MAKE_ROOM(items, room, wanted) make_room((void **)&(items), &(room), (wanted), sizeof *(items))

/* --- rows --- */

static struct err deals_take(struct book *b, const struct db_rows *rows) {
    if (!MAKE_ROOM(b->deals, b->deal_room, b->deal_count + rows->count)) return err_memory();
    for (size_t i = 0; i < rows->count; i++)
        b->deals[b->deal_count++] = (struct index_deal){.id = db_int(rows, i, "id"), .party_id = db_int(rows, i, "party_id"),
                                                        .direction = (enum rights_direction)db_int(rows, i, "direction"),
                                                        .status = (enum rights_status)db_int(rows, i, "status"),
                                                        .may_sublicense = db_int(rows, i, "may_sublicense") != 0};
    return ERR_OK;
}

static struct err sets_take(struct book *b, const struct db_rows *rows) {
    if (!MAKE_ROOM(b->sets, b->set_room, b->set_count + rows->count)) return err_memory();
    for (size_t i = 0; i < rows->count; i++) {
        struct slice bad, text = db_text(rows, i, "text");
        struct stored_set *s = &b->sets[b->set_count];
        s->id = db_int(rows, i, "id");
        struct err e = db_int(rows, i, "kind") ? rights_languages_of(text, &s->set, &bad) : rights_territories_of(text, &s->set, &bad);
        if (e.kind) return e;
        b->set_count++;
    }
    return ERR_OK;
}

static bool set_known(struct book *b, int64_t id, uint32_t *out) {
    if (b->set_last < b->set_count && b->sets[b->set_last].id == id) { /* most lines have the sets of the line before */
        *out = b->sets[b->set_last].set;
        return true;
    }
    size_t low = 0, high = b->set_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (b->sets[middle].id < id) low = middle + 1;
        else high = middle;
    }
    if (low == b->set_count || b->sets[low].id != id) return false;
    *out = b->sets[low].set;
    b->set_last = low;
    return true;
}

enum { LINE_ID, LINE_DEAL, LINE_TITLE, LINE_TERRITORIES, LINE_LANGUAGES, LINE_STARTS, LINE_ENDS, LINE_PACKED, LINE_CELLS };

/* The rows whose ids are not in `withdrawn` (ascending, like the rows; *w is how far it was walked). */
static struct err lines_take(struct book *b, const struct db_rows *rows, const int64_t *withdrawn, size_t withdrawn_count, size_t *w) {
    if (!MAKE_ROOM(b->lines, b->line_room, b->line_count + rows->count)) return err_memory();
    for (size_t i = 0; i < rows->count; i++) {
        const struct db_value *cell = rows->cells + i * rows->columns;
        int64_t id = cell[LINE_ID].integer, packed = cell[LINE_PACKED].integer;
        while (*w < withdrawn_count && withdrawn[*w] < id) ++*w;
        if (*w < withdrawn_count && withdrawn[*w] == id) continue;
        struct index_line *line = &b->lines[b->line_count];
        *line = (struct index_line){.id = id,
                                    .title_id = cell[LINE_TITLE].integer,
                                    .deal_id = cell[LINE_DEAL].integer,
                                    .media = (uint16_t)(packed >> PACKED_MEDIA_SHIFT),
                                    .effect = (uint8_t)(packed & PACKED_EFFECT),
                                    .is_exclusive = packed & PACKED_EXCLUSIVE,
                                    .may_sublicense = packed & PACKED_SUBLICENSE,
                                    .counts_plays = packed & PACKED_PLAYS,
                                    .starts_s = cell[LINE_STARTS].integer,
                                    .ends_s = cell[LINE_ENDS].integer};
        if (!set_known(b, cell[LINE_LANGUAGES].integer, &line->languages) || !set_known(b, cell[LINE_TERRITORIES].integer, &line->territories))
            return err_make(ERR_BUG, "rights.set", "A line of the book names territories or languages that are not in it.");
        b->line_count++;
    }
    return ERR_OK;
}

static void spent_mark(struct book *b, size_t from, const int64_t *spent, size_t count) {
    for (size_t i = from, s = 0; s < count && i < b->line_count; i++) { /* both ascending within what was read together */
        while (s < count && spent[s] < b->lines[i].id) s++;
        if (s < count && spent[s] == b->lines[i].id) b->lines[i].is_spent = true;
    }
}

/* One column of ids. */
static struct err ids_read(struct db_tx *tx, struct arena *page, const struct db_statement *statement, int64_t **out, size_t *count) {
    size_t room = 0;
    *out = NULL;
    *count = 0;
    for (int64_t after = 0;;) {
        struct arena_mark mark = arena_mark(page);
        struct db_rows rows;
        struct err e = DB_QUERY(tx, page, &rows, statement, DB_INT("after", after), DB_INT("limit", PAGE));
        if (e.kind) return e;
        if (!MAKE_ROOM(*out, room, *count + rows.count)) return err_memory();
        for (size_t i = 0; i < rows.count; i++) (*out)[(*count)++] = after = db_cell(&rows, i, 0)->integer;
        arena_rewind(page, mark);
        if (rows.count < PAGE) return ERR_OK;
    }
}

static struct err pages_read(struct db_tx *tx, struct arena *page, const struct db_statement *statement, struct book *b,
                             struct err (*take)(struct book *, const struct db_rows *)) {
    for (int64_t after = 0;;) {
        struct arena_mark mark = arena_mark(page);
        struct db_rows rows;
        struct err e = DB_QUERY(tx, page, &rows, statement, DB_INT("after", after), DB_INT("limit", PAGE));
        if (!e.kind) e = take(b, &rows);
        size_t count = e.kind ? 0 : rows.count;
        if (count) after = db_int(&rows, count - 1, "id");
        arena_rewind(page, mark);
        if (e.kind || count < PAGE) return e;
    }
}

static struct err lines_read(struct db_tx *tx, struct arena *page, struct book *b) {
    int64_t *withdrawn = NULL, *spent = NULL;
    size_t withdrawn_count, spent_count = 0, w = 0;
    struct err e = ids_read(tx, page, &fold_withdrawals, &withdrawn, &withdrawn_count);
    if (!e.kind) e = ids_read(tx, page, &fold_spent, &spent, &spent_count);
    for (int64_t after = 0; !e.kind;) {
        struct arena_mark mark = arena_mark(page);
        struct db_rows rows;
        e = DB_QUERY(tx, page, &rows, &fold_lines, DB_INT("after", after), DB_INT("limit", PAGE));
        if (!e.kind) e = lines_take(b, &rows, withdrawn, withdrawn_count, &w);
        size_t count = e.kind ? 0 : rows.count;
        if (count) after = db_cell(&rows, count - 1, LINE_ID)->integer;
        arena_rewind(page, mark);
        if (count < PAGE) break;
    }
    spent_mark(b, 0, spent, spent_count);
    mem_free(withdrawn);
    mem_free(spent);
    return e;
}

static struct err seen_read(struct db_tx *tx, struct arena *page, struct rights_seen **seen, size_t *count) {
    struct arena_mark mark = arena_mark(page);
    struct db_rows rows;
    struct err e = DB_QUERY(tx, page, &rows, &book_list);
    if (!e.kind && !(*seen = mem_zalloc_array(rows.count + 1, sizeof **seen))) e = err_memory();
    for (size_t i = 0; !e.kind && i < rows.count; i++) (*seen)[i] = (struct rights_seen){db_int(&rows, i, "org_id"), db_int(&rows, i, "sequence")};
    if (!e.kind) *count = rows.count;
    arena_rewind(page, mark);
    return e;
}

/* --- the whole book --- */

struct whole_work {
    struct arena *page;
    struct book book;
    struct rights_seen *seen;
    size_t seen_count;
};

static struct err whole_fn(struct db_tx *tx, void *arg) {
    struct whole_work *w = arg;
    mem_free(w->seen);
    w->seen = NULL;
    struct book *b = &w->book;
    b->deal_count = b->line_count = b->set_count = 0;
    struct err e = seen_read(tx, w->page, &w->seen, &w->seen_count);
    if (!e.kind) e = pages_read(tx, w->page, &fold_sets, b, sets_take);
    if (!e.kind) e = pages_read(tx, w->page, &fold_deals, b, deals_take);
    return e.kind ? e : lines_read(tx, w->page, b);
}

struct err rights_fold_all(struct rights *r, bool is_first, struct rights_seen **seen, size_t *seen_count) {
    struct mono_time began = clock_mono(clock_system());
    struct whole_work w = {.page = arena_create(PAGE_BYTES_MAX)};
    if (!w.page) return err_memory();
    struct err e = db_read(r->o.db, whole_fn, &w);
    arena_destroy(&w.page);
    if (!e.kind && is_first) e = rights_index_create(&r->index, w.book.deals, w.book.deal_count, w.book.lines, w.book.line_count);
    else if (!e.kind) e = rights_index_replace(r->index, w.book.deals, w.book.deal_count, w.book.lines, w.book.line_count);
    if (e.kind) {
        mem_free(w.seen);
    } else {
        *seen = w.seen;
        *seen_count = w.seen_count;
        atomic_store(&r->compile_ns, mono_diff_ns(clock_mono(clock_system()), began));
        atomic_fetch_add(&r->compiled, 1);
        log_info("rights", "compiled", LOG_INT("lines", (int64_t)w.book.line_count), LOG_INT("ms", atomic_load(&r->compile_ns) / NS_PER_MS));
    }
    book_free(&w.book);
    return e;
}

/* --- what has changed --- */

struct changes_work {
    struct rights *rights;
    struct arena *page;
    struct rights_seen *fresh;
    size_t fresh_count;
    int64_t *titles;
    size_t title_count, title_room;
    struct book book;
    bool is_too_much;
};

static int64_t seen_of(const struct rights_seen *seen, size_t count, int64_t org_id) {
    for (size_t i = 0; i < count; i++)
        if (seen[i].org_id == org_id) return seen[i].sequence;
    return 0;
}

static struct err title_read(struct db_tx *tx, struct changes_work *w, int64_t title_id) {
    size_t from = w->book.line_count, walked = 0;
    for (int64_t after = 0;;) {
        struct arena_mark mark = arena_mark(w->page);
        struct db_rows rows;
        struct err e = DB_QUERY(tx, w->page, &rows, &fold_title, DB_INT("title_id", title_id), DB_INT("after", after), DB_INT("limit", PAGE));
        if (!e.kind) e = lines_take(&w->book, &rows, NULL, 0, &walked);
        size_t count = e.kind ? 0 : rows.count;
        if (count) after = db_cell(&rows, count - 1, LINE_ID)->integer;
        arena_rewind(w->page, mark);
        if (e.kind) return e;
        if (count < PAGE) break;
    }
    bool counts_plays = false;
    for (size_t i = from; i < w->book.line_count; i++) counts_plays |= w->book.lines[i].counts_plays;
    if (!counts_plays) return ERR_OK;
    struct arena_mark mark = arena_mark(w->page);
    struct db_rows rows;
    struct err e = DB_QUERY(tx, w->page, &rows, &fold_title_spent, DB_INT("title_id", title_id), DB_INT("limit", INT32_MAX));
    int64_t *spent = e.kind ? NULL : arena_alloc_array(w->page, rows.count + 1, sizeof *spent);
    if (!e.kind && !spent) e = err_memory();
    for (size_t i = 0; !e.kind && i < rows.count; i++) spent[i] = db_cell(&rows, i, 0)->integer;
    if (!e.kind) spent_mark(&w->book, from, spent, rows.count);
    arena_rewind(w->page, mark);
    return e;
}

static struct err org_read(struct db_tx *tx, struct changes_work *w, int64_t org_id, int64_t after, int64_t upto) {
    struct arena_mark mark = arena_mark(w->page);
    struct db_rows titles, deals, row;
    w->is_too_much |= DB_GET_INT(tx, 0, &change_has_whole, DB_INT("org_id", org_id), DB_INT("after", after), DB_INT("upto", upto)) > 0;
    struct err e = DB_QUERY(tx, w->page, &titles, &change_titles, DB_INT("org_id", org_id), DB_INT("after", after), DB_INT("upto", upto), DB_INT("limit", TITLES_MAX + 1));
    if (!e.kind)
        e = DB_QUERY(tx, w->page, &deals, &change_deals, DB_INT("org_id", org_id), DB_INT("after", after), DB_INT("upto", upto), DB_INT("limit", DEALS_MAX + 1));
    if (!e.kind) w->is_too_much |= titles.count + w->title_count > TITLES_MAX || deals.count + w->book.deal_count > DEALS_MAX;
    if (!e.kind && !w->is_too_much && !MAKE_ROOM(w->titles, w->title_room, w->title_count + titles.count)) e = err_memory();
    for (size_t i = 0; !e.kind && !w->is_too_much && i < titles.count; i++) w->titles[w->title_count++] = db_cell(&titles, i, 0)->integer;
    for (size_t i = 0; !e.kind && !w->is_too_much && i < deals.count; i++) {
        e = DB_QUERY(tx, w->page, &row, &fold_deal, DB_INT("id", db_cell(&deals, i, 0)->integer));
        if (!e.kind) e = deals_take(&w->book, &row);
    }
    arena_rewind(w->page, mark);
    return e;
}

static struct err changes_fn(struct db_tx *tx, void *arg) {
    struct changes_work *w = arg;
    struct rights *r = w->rights;
    mem_free(w->fresh);
    w->fresh = NULL;
    w->title_count = 0;
    w->is_too_much = false;
    w->book.deal_count = w->book.line_count = w->book.set_count = 0;
    struct err e = seen_read(tx, w->page, &w->fresh, &w->fresh_count);
    for (size_t i = 0; !e.kind && i < w->fresh_count && !w->is_too_much; i++) {
        const struct rights_seen *now = &w->fresh[i];
        int64_t before = seen_of(r->seen, r->seen_count, now->org_id);
        if (now->sequence != before) e = org_read(tx, w, now->org_id, before, now->sequence);
    }
    if (e.kind || w->is_too_much || !w->title_count) return e;
    e = pages_read(tx, w->page, &fold_sets, &w->book, sets_take); /* each text once: a few, however many lines there are */
    for (size_t i = 0; !e.kind && i < w->title_count; i++) e = title_read(tx, w, w->titles[i]);
    return e;
}

/* Those whose book is not where `r` has seen it. */
static struct err orgs_changed(const struct rights *r, struct arena *arena, const struct rights_seen *fresh, size_t count, int64_t **orgs, size_t *org_count) {
    size_t n = 0;
    if (!(*orgs = arena_alloc_array(arena, count + 1, sizeof **orgs))) return err_memory();
    for (size_t i = 0; i < count; i++)
        if (fresh[i].sequence != seen_of(r->seen, r->seen_count, fresh[i].org_id)) (*orgs)[n++] = fresh[i].org_id;
    *org_count = n;
    return ERR_OK;
}

/* Who is told follows from what will be marked as seen, and from nothing else. Where the whole book is read after all, that is a later moment of the store than the one at
 * which there was found to be too much: whoever changed in between is in the index from then on, and would never be told. */
struct err rights_fold_changes(struct rights *r, struct arena *arena, struct rights_seen **fresh, size_t *fresh_count, int64_t **orgs, size_t *org_count) {
    struct changes_work w = {.rights = r, .page = arena_create(PAGE_BYTES_MAX)};
    *fresh = NULL;
    *org_count = 0;
    if (!w.page) return err_memory();
    struct err e = db_read(r->o.db, changes_fn, &w);
    arena_destroy(&w.page);
    if (!e.kind && w.is_too_much) {
        MEM_FREE(&w.fresh);
        e = rights_fold_all(r, false, &w.fresh, &w.fresh_count);
    }
    if (!e.kind) e = orgs_changed(r, arena, w.fresh, w.fresh_count, orgs, org_count);
    if (!e.kind && !w.is_too_much && *org_count) {
        struct index_change change = {.deals = w.book.deals, .deal_count = w.book.deal_count, .titles = w.titles, .title_count = w.title_count,
                                      .lines = w.book.lines, .line_count = w.book.line_count};
        e = rights_index_update(r->index, &change);
        if (!e.kind) atomic_fetch_add(&r->followed, 1);
    }
    if (!e.kind && *org_count) {
        *fresh = w.fresh;
        *fresh_count = w.fresh_count;
        w.fresh = NULL;
    }
    mem_free(w.fresh);
    mem_free(w.titles);
    book_free(&w.book);
    return e;
}

/* --- a few lines, for an index of their own --- */

struct index_line rights_index_line(const struct rights_line_row *row) {
    const struct rights_terms *t = &row->line.terms;
    return (struct index_line){.id = row->line.id, .title_id = t->title_id, .deal_id = row->line.deal_id, .territories = t->territories, .languages = t->languages,
                               .media = t->media, .effect = (uint8_t)t->effect, .is_exclusive = t->is_exclusive, .may_sublicense = t->may_sublicense,
                               .counts_plays = t->plays_max > 0, .is_spent = t->plays_max > 0 && row->line.plays >= t->plays_max, .starts_s = t->starts_s,
                               .ends_s = t->ends_s};
}

struct index_deal rights_index_deal(const struct rights_deal *d) {
    return (struct index_deal){.id = d->id, .party_id = d->party.id, .direction = d->direction, .status = d->status, .may_sublicense = d->may_sublicense};
}
