/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * GET /titles: the rows of the home page, of a kind, of what a word finds. GET and PUT /operator/rows: how an editor arranges the home page. */
#include <assert.h>
#include <stdio.h>

#include "api/operator.h"

static void rows_add(struct home_rows *rows, const struct home_row *row) {
    if (row->count || row->source == CATALOG_CONTINUE) {
        assert(rows->count < HOME_ROWS_MAX);
        rows->rows[rows->count++] = *row;
    }
}

static struct slice label_of(struct slice lang, const char *code, struct slice otherwise) {
    struct slice label = text_lookup(lang, slice_cstr(code));
    return label.len ? label : otherwise;
}

static struct err list_add(struct home_rows *rows, const struct catalog_view *view, struct slice lang, struct slice id, const char *label, enum catalog_source source,
                           struct slice code, size_t least, size_t most) {
    struct catalog_list list;
    struct err e = catalog_list(view, source, code, &list);
    if (!e.kind && list.count >= least)
        rows_add(rows, &(struct home_row){.id = id, .label = label_of(lang, label, id), .source = source, .items = list.items, .count = list.count < most ? list.count : most});
    return e;
}

/* --- without an editor --- */

/* Genres that have rows of their own on the home page, when at least three titles are in them. */
static const char *const genre_rows[] = {"sport", "drama", "comedy", "documentary", "nature", "animation", "science", "space", "music",
                                         "family", "adventure", "action", "mystery", "romance", "thriller", "history", "travel", "experimental"};
enum { GENRE_ROW_MIN = 3 };
static_assert(ARRAY_LEN(genre_rows) + 5 <= HOME_ROWS_MAX && (int)CATALOG_ROWS_MAX <= (int)HOME_ROWS_MAX, "every row has its place");

static struct err rows_usual(const struct catalog_view *view, struct slice lang, struct home_rows *rows) {
    static const struct {
        const char *id, *label, *code;
        enum catalog_source source;
    } first[] = {{"live", "row.live", "", CATALOG_ON_AIR}, {"upcoming", "row.upcoming", "", CATALOG_UPCOMING}, {"new", "row.new", "", CATALOG_NEWEST},
                 {"series", "row.series", "series", CATALOG_OF_KIND}, {"films", "row.films", "film", CATALOG_OF_KIND}};
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < ARRAY_LEN(first); i++)
        e = list_add(rows, view, lang, slice_cstr(first[i].id), first[i].label, first[i].source, slice_cstr(first[i].code), 1, ROW_ITEMS_MAX);
    for (size_t i = 0; !e.kind && i < ARRAY_LEN(genre_rows); i++) {
        char code[48];
        snprintf(code, sizeof code, "genre.%s", genre_rows[i]);
        e = list_add(rows, view, lang, slice_cstr(genre_rows[i]), code, CATALOG_GENRE, slice_cstr(genre_rows[i]), GENRE_ROW_MIN, ROW_ITEMS_MAX);
    }
    return e;
}

/* --- arranged --- */

static struct slice row_name(const struct catalog_row *row, struct slice lang) {
    struct slice name = SLICE_NONE;
    for (int i = TEXT_LANGUAGE_COUNT - 1; i >= 0; i--)
        if (row->names[i].len) name = row->names[i];
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++)
        if (row->names[i].len && slice_eq(text_languages[i].code, lang)) name = row->names[i];
    return name;
}

/* The titles that an editor chose, or a collection's members, as far as they may be shown. */
static struct err row_chosen(struct arena *arena, const struct catalog_view *view, const struct catalog_row *row, struct home_row *out) {
    const struct catalog_title *collection = row->source == CATALOG_OF_COLLECTION ? catalog_find(view, public_id_slice(&row->titles[0])) : NULL;
    size_t count = row->source == CATALOG_CHOSEN ? row->title_count : collection ? collection->member_count : 0;
    const struct catalog_title **items = arena_alloc_array(arena, (count < ROW_ITEMS_MAX ? count : ROW_ITEMS_MAX) + 1, sizeof *items);
    if (!items) return err_memory();
    out->items = items;
    for (size_t i = 0; i < count && out->count < ROW_ITEMS_MAX; i++) {
        const struct catalog_title *t = collection ? catalog_find_id(view, collection->members[i]) : catalog_find(view, public_id_slice(&row->titles[i]));
        if (t && catalog_is_shown(view, t)) items[out->count++] = t;
    }
    return ERR_OK;
}

static struct err rows_arranged(struct call *c, const struct catalog_view *view, struct home_rows *rows) {
    int64_t now_ms = clock_utc(c->api->o.clock).ns / NS_PER_MS;
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < view->row_count; i++) {
        const struct catalog_row *row = &view->rows[i];
        if (now_ms < row->starts_ms || (row->ends_ms && now_ms >= row->ends_ms)) continue;
        struct home_row out = {.id = public_id_slice(&row->public_id), .label = row_name(row, c->lang), .source = row->source};
        if (row->source == CATALOG_CHOSEN || row->source == CATALOG_OF_COLLECTION) {
            e = row_chosen(c->arena, view, row, &out);
        } else {
            struct catalog_list list;
            e = catalog_list(view, row->source, row->genre, &list);
            if (!e.kind) {
                out.items = list.items;
                out.count = list.count < ROW_ITEMS_MAX ? list.count : ROW_ITEMS_MAX;
            }
        }
        if (!e.kind) rows_add(rows, &out);
    }
    return e;
}

struct err titles_home_rows(struct call *c, const struct catalog_view *view, struct home_rows *rows) {
    rows->count = 0;
    struct err e = rows_arranged(c, view, rows);
    return e.kind || rows->count ? e : rows_usual(view, c->lang, rows); /* also when none is due now: an empty home page helps nobody */
}

/* --- a kind, a search --- */

static struct err rows_of_kind(const struct catalog_view *view, struct slice lang, bool any_kind, enum catalog_kind kind, struct home_rows *rows) {
    struct err e = ERR_OK;
    if (any_kind || kind == CATALOG_EVENT) { /* those that are not over come before the rest */
        e = list_add(rows, view, lang, SLICE("live"), "row.live", CATALOG_ON_AIR, SLICE(""), 1, SEARCH_ITEMS_MAX);
        if (!e.kind) e = list_add(rows, view, lang, SLICE("upcoming"), "row.upcoming", CATALOG_UPCOMING, SLICE(""), 1, SEARCH_ITEMS_MAX);
    }
    static const char *const labels[CATALOG_KINDS] = {"row.films", "row.series", "row.events", "row.seasons", "row.episodes", "row.clips", "row.collections"};
    if (e.kind) return e;
    return list_add(rows, view, lang, SLICE("results"), labels[any_kind ? CATALOG_FILM : kind], any_kind ? CATALOG_NEWEST : CATALOG_OF_KIND,
                    slice_cstr(any_kind ? "" : catalog_kind_name(kind)), 1, SEARCH_ITEMS_MAX);
}

static struct err rows_found(struct call *c, const struct catalog_view *view, bool any_kind, enum catalog_kind kind, struct slice query, struct home_rows *rows) {
    struct catalog_question q = {.query = query, .lang = c->lang, .limit = SEARCH_ITEMS_MAX, .has_kind = !any_kind, .kind = kind};
    struct catalog_hits hits;
    struct err e = catalog_search(view, c->arena, &q, &hits);
    if (e.kind) return e;
    static const struct {
        const char *id, *label;
    } parts[] = {{"live", "row.live"}, {"upcoming", "row.upcoming"}, {"results", "search.label"}};
    for (size_t part = 0; part < ARRAY_LEN(parts); part++) {
        const struct catalog_title **items = arena_alloc_array(c->arena, hits.title_count + 1, sizeof *items);
        size_t count = 0;
        if (!items) return err_memory();
        for (size_t i = 0; i < hits.title_count; i++) {
            const struct catalog_title *t = hits.titles[i].title;
            size_t its = t->status == CATALOG_LIVE ? 0 : t->status == CATALOG_SCHEDULED ? 1 : 2;
            if (its == part) items[count++] = t;
        }
        rows_add(rows, &(struct home_row){.id = slice_cstr(parts[part].id), .label = label_of(c->lang, parts[part].label, SLICE("")), .items = items, .count = count});
    }
    return ERR_OK;
}

struct err titles_put_rows(struct call *c, struct json_writer *w, const struct catalog_view *view, bool is_home, struct slice kind, struct slice query) {
    struct home_rows rows = {0};
    enum catalog_kind wanted = CATALOG_FILM;
    bool any_kind = !catalog_kind_parse(kind, &wanted);
    struct err e = query.len ? rows_found(c, view, any_kind, wanted, query, &rows)
        : is_home && any_kind ? titles_home_rows(c, view, &rows) : rows_of_kind(view, c->lang, any_kind, wanted, &rows);
    if (e.kind) return e;
    json_begin_object(w);
    json_key(w, "rows");
    json_begin_array(w);
    for (size_t i = 0; i < rows.count; i++) {
        json_begin_object(w);
        json_put_string(w, "id", rows.rows[i].id);
        json_put_string(w, "label", rows.rows[i].label);
        json_put_cstr(w, "source", catalog_source_name(rows.rows[i].source));
        json_key(w, "items");
        json_begin_array(w);
        for (size_t k = 0; k < rows.rows[i].count; k++) title_put(c, w, view, rows.rows[i].items[k]);
        json_end(w);
        json_end(w);
    }
    json_end(w);
    json_end(w);
    return ERR_OK;
}

static struct err titles_list(struct call *c) {
    struct catalog_view *view;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    e = titles_put_rows(c, &c->w, view, slice_eq(call_query(c, "rows"), SLICE("1")), call_query(c, "kind"), slice_trim(call_query(c, "q")));
    catalog_view_give(&view);
    return e;
}

/* --- the editor's side --- */

static struct err rows_answer(struct call *c) {
    struct catalog_view *view;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    for (size_t i = 0; i < view->row_count; i++) {
        const struct catalog_row *row = &view->rows[i];
        json_begin_object(&c->w);
        json_put_string(&c->w, "id", public_id_slice(&row->public_id));
        put_names(&c->w, row->names);
        json_put_cstr(&c->w, "source", catalog_source_name(row->source));
        json_key(&c->w, "genre");
        if (row->genre.len) json_add_string(&c->w, row->genre);
        else json_add_null(&c->w);
        json_key(&c->w, "titles");
        json_begin_array(&c->w);
        for (size_t k = 0; k < row->title_count; k++) /* those that were removed meanwhile are left out */
            if (catalog_find(view, public_id_slice(&row->titles[k]))) json_add_string(&c->w, public_id_slice(&row->titles[k]));
        json_end(&c->w);
        put_time_or_null(&c->w, "starts_at", row->starts_ms);
        put_time_or_null(&c->w, "ends_at", row->ends_ms);
        json_end(&c->w);
    }
    json_end(&c->w);
    json_end(&c->w);
    catalog_view_give(&view);
    return ERR_OK;
}

static struct err time_read(const json_t *value, int64_t *ms) {
    struct utc_time at;
    *ms = 0;
    if (!value || json_is_null(value)) return ERR_OK;
    if (!json_is_string(value) || !utc_parse(slice_cstr(json_string_value(value)), &at) || at.ns < 0)
        return err_make(ERR_INPUT, "row.times", "A row ends after it starts; times are ISO 8601, or null.");
    *ms = at.ns / NS_PER_MS;
    return ERR_OK;
}

static struct err row_read(struct body_object from, struct catalog_row *row) {
    *row = (struct catalog_row){0};
    struct slice source = body_text(from, "source"), id = body_text(from, "id");
    const json_t *names = body_value(from, "names"), *titles = body_value(from, "titles"), *starts = body_value(from, "starts_at"), *ends = body_value(from, "ends_at");
    row->genre = body_text(from, "genre");
    if (!from.json) return ERR_OK; /* asked for all the same: an empty list knows what stands in a row */
    if (!catalog_source_parse(source, &row->source)) return err_make(ERR_INPUT, "request.malformed", "The body of this request is not JSON of the expected form.");
    if (id.len && !public_id_parse(id, &row->public_id)) return err_make(ERR_INPUT, "row.id", "A row keeps the id that it was given, or has none and gets one.");
    struct err e = names_read(names, "row.name", row->names);
    size_t count = json_is_array(titles) && (row->source == CATALOG_CHOSEN || row->source == CATALOG_OF_COLLECTION) ? json_array_size(titles) : 0;
    struct public_id *ids = arena_alloc_array(from.body->arena, count + 1, sizeof *ids);
    if (!e.kind && !ids) e = err_memory();
    for (size_t i = 0; !e.kind && i < count; i++) {
        const json_t *one = json_array_get(titles, i);
        if (!json_is_string(one) || !public_id_parse(slice_cstr(json_string_value(one)), &ids[i]))
            e = err_make(ERR_INPUT, "row.titles", "A row of chosen titles lists up to 1,000 that there are; a row of a collection names that collection.");
    }
    row->titles = ids;
    row->title_count = count;
    if (!e.kind) e = time_read(starts, &row->starts_ms);
    return e.kind ? e : time_read(ends, &row->ends_ms);
}

static struct err rows_put(struct call *c) {
    struct body_object b = body_root(&c->body);
    struct catalog_row rows[CATALOG_ROWS_MAX];
    bool has_items = json_is_array(body_value(b, "items"));
    size_t count = body_list(b, "items"), read = count <= CATALOG_ROWS_MAX ? count : 0;
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && (i < read || !i); i++) e = row_read(body_item(b, "items", i), &rows[i]);
    e = body_end_after(&c->body, e);
    if (!e.kind && !has_items) e = err_make(ERR_INPUT, "request.malformed", "The body of this request is not JSON of the expected form.");
    if (!e.kind && count > CATALOG_ROWS_MAX) e = err_make(ERR_INPUT, "row.many", "The home page has at most 40 rows.");
    if (!e.kind) e = catalog_rows_set(c->api->o.catalog, c->org_id, rows, count);
    return e.kind ? e : rows_answer(c);
}

const struct route row_routes[] = {
    {HTTP_GET, "/api/v1/titles", titles_list, CALL_PUBLIC},
    {HTTP_GET, "/api/v1/operator/rows", rows_answer, CALL_EDITOR},
    {HTTP_PUT, "/api/v1/operator/rows", rows_put, CALL_EDITOR | CALL_CHANGES | CALL_JSON},
    {0},
};
