/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * GET /site, /titles, /titles/{id}: what everybody may see. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/operator.h"

/* --- one title --- */

struct slice title_poster_url(struct arena *arena, const struct catalog_title *t) {
    if (!t->poster_version) return SLICE_NONE;
    return arena_printf(arena, "/art/%s/poster.jpg?v=%lld", t->public_id.text, (long long)t->poster_version);
}

static void put_number_or_null(struct json_writer *w, const char *name, int64_t n) {
    if (n) {
        json_put_number(w, name, n);
    } else {
        json_key(w, name);
        json_add_null(w);
    }
}

static void put_id_or_null(struct json_writer *w, const char *name, const struct public_id *id) { json_put_cstr(w, name, id->text[0] ? id->text : NULL); }

void put_time_or_null(struct json_writer *w, const char *name, int64_t ms) {
    struct buf text = BUF(64);
    if (ms) utc_format(&text, (struct utc_time){ms * NS_PER_MS}, 3);
    json_key(w, name);
    if (text.len) json_add_string(w, buf_slice(&text));
    else json_add_null(w);
    buf_free(&text);
}

/* The members that do not depend on a language: shared by the public and the operator's form. */
static void put_facts(struct json_writer *w, const struct catalog_title *t) {
    json_put_string(w, "id", public_id_slice(&t->public_id));
    json_put_cstr(w, "kind", catalog_kind_name(t->kind));
    put_number_or_null(w, "year", t->year);
    json_put_number(w, "duration_ms", t->duration_ms);
    json_key(w, "genres");
    json_begin_array(w);
    struct slice rest = t->genres, genre;
    while (t->genres.len && slice_next(&rest, ' ', &genre)) json_add_string(w, genre);
    json_end(w);
    char url[96], colour[8];
    snprintf(url, sizeof url, "/art/%s/poster.jpg?v=%lld", t->public_id.text, (long long)t->poster_version);
    json_put_cstr(w, "poster", t->poster_version ? url : NULL);
    snprintf(url, sizeof url, "/art/%s/portrait.jpg?v=%lld", t->public_id.text, (long long)t->portrait_version);
    json_put_cstr(w, "portrait", t->portrait_version ? url : NULL);
    snprintf(colour, sizeof colour, "#%06x", t->colour);
    json_put_cstr(w, "colour", colour);
    json_put_cstr(w, "status", catalog_status_name(t->status));
    put_time_or_null(w, "starts_at", t->starts_ms);
    put_time_or_null(w, "started_at", t->started_ms);
    put_time_or_null(w, "ended_at", t->ended_ms);
    static const char *const tracks[] = {"audio", "captions", "heights"};
    rest = t->tracks;
    for (size_t i = 0; i < ARRAY_LEN(tracks); i++) {
        struct slice line = SLICE_NONE;
        json_key(w, tracks[i]);
        json_add_raw(w, slice_next(&rest, '\n', &line) && line.len ? line : SLICE("[]"));
    }
    put_id_or_null(w, "parent", &t->parent);
    put_number_or_null(w, "season", t->season);
    put_number_or_null(w, "episode", t->episode);
}

void title_put_members(struct json_writer *w, const struct api *a, const struct catalog_title *t, struct slice lang) {
    struct catalog_text text = catalog_text_in(t, lang);
    put_facts(w, t);
    json_put_string(w, "name", text.name);
    json_put_string(w, "synopsis", text.synopsis);
    int64_t viewers = t->status == CATALOG_LIVE ? delivery_viewers(a->o.delivery, public_id_slice(&t->public_id)) : -1;
    json_key(w, "viewers");
    if (viewers >= 0) json_add_number(w, viewers);
    else json_add_null(w);
}

void title_put(struct json_writer *w, const struct api *a, const struct catalog_title *t, struct slice lang) {
    json_begin_object(w);
    title_put_members(w, a, t, lang);
    json_end(w);
}

void title_put_operator(struct json_writer *w, const struct catalog_title *t) {
    json_begin_object(w);
    put_facts(w, t);
    json_key(w, "names");
    json_begin_object(w);
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++)
        if (t->texts[i].name.len) json_put_string(w, text_languages[i].code.ptr, t->texts[i].name);
    json_end(w);
    json_key(w, "synopses");
    json_begin_object(w);
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++)
        if (t->texts[i].synopsis.len) json_put_string(w, text_languages[i].code.ptr, t->texts[i].synopsis);
    json_end(w);
    json_end(w);
}

static int compare_episodes(const void *a, const void *b) {
    const struct catalog_title *x = *(const struct catalog_title *const *)a, *y = *(const struct catalog_title *const *)b;
    if (x->season != y->season) return x->season < y->season ? -1 : 1;
    if (x->episode != y->episode) return x->episode < y->episode ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

const struct catalog_title **title_episodes(struct arena *arena, const struct catalog_view *view, const struct catalog_title *series, size_t *count) {
    size_t found = 0;
    *count = 0;
    if (series->kind != CATALOG_SERIES) return NULL;
    for (size_t i = 0; i < view->count; i++) found += view->titles[i]->parent_id == series->id && view->titles[i]->status == CATALOG_READY;
    const struct catalog_title **episodes = arena_alloc_array(arena, found + 1, sizeof *episodes);
    if (!episodes) return NULL;
    for (size_t i = 0; i < view->count; i++)
        if (view->titles[i]->parent_id == series->id && view->titles[i]->status == CATALOG_READY) episodes[(*count)++] = view->titles[i];
    qsort(episodes, *count, sizeof *episodes, compare_episodes);
    return episodes;
}

void title_put_whole(struct json_writer *w, const struct api *a, struct arena *arena, const struct catalog_view *view, const struct catalog_title *t, struct slice lang) {
    size_t count;
    const struct catalog_title **episodes = title_episodes(arena, view, t, &count);
    json_begin_object(w);
    title_put_members(w, a, t, lang);
    json_key(w, "episodes");
    json_begin_array(w);
    for (size_t i = 0; i < count; i++) title_put(w, a, episodes[i], lang);
    json_end(w);
    json_end(w);
}

/* --- rows: the home page, a kind, a search --- */

struct picked {
    const struct catalog_title **items; /* newest first */
    size_t count;
};

/* What a list may show: films that are ready, and series of which an episode is. Episodes stand in their series' row, not among
 * the films. `has_episodes` is by index of the view. */
static bool *series_with_episodes(struct arena *arena, const struct catalog_view *view) {
    bool *has = arena_alloc_array(arena, view->count + 1, sizeof *has);
    if (!has) return NULL;
    for (size_t i = 0; i < view->count; i++) {
        const struct catalog_title *t = view->titles[i];
        if (!t->parent_id || t->status != CATALOG_READY) continue;
        size_t low = 0, high = view->count; /* the view is sorted by id */
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (view->titles[middle]->id < t->parent_id) low = middle + 1;
            else high = middle;
        }
        if (low < view->count && view->titles[low]->id == t->parent_id) has[low] = true;
    }
    return has;
}

struct row_filter {
    bool any_kind, with_episodes;
    enum catalog_status status; /* pick_events: CATALOG_LIVE or CATALOG_SCHEDULED */
    enum catalog_kind kind;
    struct slice genre, query;
    size_t items_max;
};

static bool has_genre(const struct catalog_title *t, struct slice genre) {
    struct slice rest = t->genres, one;
    while (rest.len && slice_next(&rest, ' ', &one))
        if (slice_eq(one, genre)) return true;
    return false;
}

static int64_t event_time(const struct catalog_title *t) { return t->status == CATALOG_LIVE ? -t->started_ms : t->starts_ms ? t->starts_ms : INT64_MAX; }

/* Events in one state: on air, the latest first; announced, the next first, those without a date last. */
static struct picked pick_events(struct arena *arena, const struct catalog_view *view, const struct row_filter *f) {
    struct picked p = {.items = arena_alloc_array(arena, f->items_max, sizeof *p.items)};
    for (size_t i = view->count; p.items && i-- > 0;) {
        const struct catalog_title *t = view->titles[i];
        if (t->kind != CATALOG_EVENT || t->status != f->status || (f->query.len && !catalog_matches(t, f->query))) continue;
        size_t at = p.count < f->items_max ? p.count++ : f->items_max;
        while (at > 0 && event_time(p.items[at - 1]) > event_time(t)) {
            if (at < f->items_max) p.items[at] = p.items[at - 1];
            at--;
        }
        if (at < f->items_max) p.items[at] = t;
    }
    return p;
}

static struct picked pick(struct arena *arena, const struct catalog_view *view, const bool *has_episodes, const struct row_filter *f) {
    struct picked p = {.items = arena_alloc_array(arena, f->items_max, sizeof *p.items)};
    if (!p.items) return p;
    for (size_t i = view->count; i-- > 0 && p.count < f->items_max;) {
        const struct catalog_title *t = view->titles[i];
        bool is_shown = t->kind == CATALOG_SERIES ? has_episodes[i] : t->status == CATALOG_READY && (!t->parent_id || f->with_episodes);
        if (!is_shown || (!f->any_kind && t->kind != f->kind)) continue;
        if (f->genre.len && !has_genre(t, f->genre)) continue;
        if (f->query.len && !catalog_matches(t, f->query)) continue;
        p.items[p.count++] = t;
    }
    return p;
}

static void rows_add(struct home_rows *rows, struct slice lang, struct slice id, const char *label_code, const struct picked *p) {
    struct slice label = text_lookup(lang, slice_cstr(label_code));
    if (p->count) rows->rows[rows->count++] = (struct home_row){.id = id, .label = label.len ? label : id, .items = p->items, .count = p->count};
}

/* Genres that have rows of their own on the home page, when at least three titles are in them. */
static const char *const genre_rows[] = {"sport", "drama", "comedy", "documentary", "nature", "animation", "science", "space", "music",
                                         "family", "adventure", "action", "mystery", "romance", "thriller", "history", "travel", "experimental"};
enum { GENRE_ROW_MIN = 3 };
static_assert(ARRAY_LEN(genre_rows) + 5 <= HOME_ROWS_MAX, "every row has its place");

void titles_home_rows(struct arena *arena, const struct catalog_view *view, struct slice lang, struct home_rows *rows) {
    rows->count = 0;
    const bool *has = series_with_episodes(arena, view);
    if (!has) return; /* the arena says so at the end */
    struct picked newest = pick(arena, view, has, &(struct row_filter){.any_kind = true, .items_max = ROW_ITEMS_MAX});
    struct picked films = pick(arena, view, has, &(struct row_filter){.kind = CATALOG_FILM, .items_max = ROW_ITEMS_MAX});
    struct picked series = pick(arena, view, has, &(struct row_filter){.kind = CATALOG_SERIES, .items_max = ROW_ITEMS_MAX});
    struct picked live = pick_events(arena, view, &(struct row_filter){.status = CATALOG_LIVE, .items_max = ROW_ITEMS_MAX});
    struct picked upcoming = pick_events(arena, view, &(struct row_filter){.status = CATALOG_SCHEDULED, .items_max = ROW_ITEMS_MAX});
    rows_add(rows, lang, SLICE("live"), "row.live", &live);
    rows_add(rows, lang, SLICE("upcoming"), "row.upcoming", &upcoming);
    rows_add(rows, lang, SLICE("new"), "row.new", &newest);
    rows_add(rows, lang, SLICE("series"), "row.series", &series);
    rows_add(rows, lang, SLICE("films"), "row.films", &films);
    for (size_t i = 0; i < ARRAY_LEN(genre_rows); i++) {
        struct row_filter filter = {.any_kind = true, .genre = slice_cstr(genre_rows[i]), .items_max = ROW_ITEMS_MAX};
        struct picked p = pick(arena, view, has, &filter);
        char code[48];
        snprintf(code, sizeof code, "genre.%s", genre_rows[i]);
        if (p.count >= GENRE_ROW_MIN) rows_add(rows, lang, filter.genre, code, &p);
    }
}

void titles_put_rows(struct json_writer *w, const struct api *a, struct arena *arena, const struct catalog_view *view, struct slice lang, bool is_home, struct slice kind, struct slice query) {
    struct home_rows rows = {0};
    enum catalog_kind wanted = CATALOG_FILM;
    bool any_kind = !catalog_kind_parse(kind, &wanted);
    if (is_home && !query.len && any_kind) {
        titles_home_rows(arena, view, lang, &rows);
    } else {
        const bool *has = series_with_episodes(arena, view);
        struct row_filter filter = {.any_kind = any_kind, .kind = wanted, .query = query, .with_episodes = query.len > 0, .items_max = SEARCH_ITEMS_MAX};
        bool with_events = any_kind || wanted == CATALOG_EVENT; /* those that are not over are found too, before the rest */
        for (int i = 0; has && with_events && i < 2; i++) {
            filter.status = i ? CATALOG_SCHEDULED : CATALOG_LIVE;
            struct picked events = pick_events(arena, view, &filter);
            rows_add(&rows, lang, i ? SLICE("upcoming") : SLICE("live"), i ? "row.upcoming" : "row.live", &events);
        }
        struct picked p = has ? pick(arena, view, has, &filter) : (struct picked){0};
        rows_add(&rows, lang, SLICE("results"), query.len ? "search.label" : wanted == CATALOG_SERIES ? "row.series" : wanted == CATALOG_EVENT ? "row.events" : "row.films", &p);
    }
    json_begin_object(w);
    json_key(w, "rows");
    json_begin_array(w);
    for (size_t i = 0; i < rows.count; i++) {
        json_begin_object(w);
        json_put_string(w, "id", rows.rows[i].id);
        json_put_string(w, "label", rows.rows[i].label);
        json_key(w, "items");
        json_begin_array(w);
        for (size_t k = 0; k < rows.rows[i].count; k++) title_put(w, a, rows.rows[i].items[k], lang);
        json_end(w);
        json_end(w);
    }
    json_end(w);
    json_end(w);
}

/* --- calls --- */

static struct err titles_list(struct call *c) {
    struct catalog_view *view;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    titles_put_rows(&c->w, c->api, c->arena, view, c->lang, slice_eq(call_query(c, "rows"), SLICE("1")), call_query(c, "kind"), slice_trim(call_query(c, "q")));
    catalog_view_give(&view);
    return ERR_OK;
}

static struct err title_get(struct call *c) {
    struct catalog_view *view;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    const struct catalog_title *t = catalog_find(view, call_param(c, "id"));
    if (t) title_put_whole(&c->w, c->api, c->arena, view, t, c->lang);
    else e = err_make(ERR_NOT_FOUND, "title.not_found", "There is no such title. It may have been removed.");
    catalog_view_give(&view);
    return e;
}

const struct route title_routes[] = {
    {HTTP_GET, "/api/v1/titles", titles_list, CALL_PUBLIC},
    {HTTP_GET, "/api/v1/titles/{id}", title_get, CALL_PUBLIC},
    {0},
};

void site_put(struct json_writer *w, const struct api *a, bool is_operator) {
    json_begin_object(w);
    json_put_cstr(w, "name", a->o.name);
    json_put_cstr(w, "version", a->o.version);
    json_key(w, "languages");
    json_begin_array(w);
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) json_add_string(w, text_languages[i].code);
    json_end(w);
    json_put_bool(w, "operator", is_operator);
    json_end(w);
}

static struct err site_get(struct call *c) {
    site_put(&c->w, c->api, call_is(c, CALL_OPERATOR));
    return ERR_OK;
}

const struct route site_routes[] = {{HTTP_GET, "/api/v1/site", site_get, CALL_PUBLIC}, {0}};
