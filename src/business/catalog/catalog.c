/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/catalog/catalog.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/utf8.h"
#include "business/catalog/catalog_sql.h"
#include "business/catalog/view.h"

enum { LOAD_BYTES_MAX = 1 << 30, ONE_BYTES_MAX = 1 << 20, TEXT_ROWS_MAX = CATALOG_TITLES_MAX * TEXT_LANGUAGE_COUNT };

/* One organisation's titles in memory. Loads and refreshes of one shelf go one after the other (is_busy), so that what was
 * read last is also what is published last. */
struct shelf {
    struct shelf *next;
    int64_t org_id;
    struct catalog_view *view; /* NULL: not loaded */
    bool is_busy;
};

struct catalog {
    struct db *db;
    struct id_maker *ids;
    struct lock lock;
    struct condition idle;
    struct shelf *shelves;
};

static const char *const kind_names[] = {"film", "series", "event"};

const char *catalog_kind_name(enum catalog_kind k) { return kind_names[k]; }
const char *catalog_status_name(enum catalog_status s) {
    static const char *const names[] = {"ready", "importing", "failed", "scheduled", "live", "ended"};
    return names[s];
}
bool catalog_kind_parse(struct slice s, enum catalog_kind *out) {
    for (size_t i = 0; i < ARRAY_LEN(kind_names); i++)
        if (slice_eq(s, slice_cstr(kind_names[i]))) {
            *out = (enum catalog_kind)i;
            return true;
        }
    return false;
}

struct err catalog_open(struct catalog **out, struct db *db, struct id_maker *ids) {
    struct catalog *c = mem_zalloc(sizeof *c);
    if (!c) return err_memory();
    c->db = db;
    c->ids = ids;
    lock_init(&c->lock, LOCK_catalog);
    condition_init(&c->idle);
    *out = c;
    return ERR_OK;
}

void catalog_close(struct catalog **catalog) {
    struct catalog *c = *catalog;
    if (!c) return;
    for (struct shelf *s = c->shelves, *next; s; s = next) {
        next = s->next;
        catalog_view_give(&s->view);
        mem_free(s);
    }
    condition_destroy(&c->idle);
    lock_destroy(&c->lock);
    MEM_FREE(catalog);
}

/* --- the view --- */

struct load_work {
    struct arena *arena;
    int64_t org_id;
    struct slice public_id; /* of the one title; empty: all */
    struct db_rows titles, texts;
};

static struct err load_fn(struct db_tx *tx, void *arg) {
    struct load_work *w = arg;
    if (!w->public_id.len) {
        struct err e = DB_QUERY(tx, w->arena, &w->titles, &title_all, DB_INT("org_id", w->org_id), DB_INT("limit", CATALOG_TITLES_MAX));
        if (e.kind) return e;
        return DB_QUERY(tx, w->arena, &w->texts, &title_text_all, DB_INT("org_id", w->org_id), DB_INT("limit", TEXT_ROWS_MAX));
    }
    struct err e = DB_QUERY(tx, w->arena, &w->titles, &title_one, DB_INT("org_id", w->org_id), DB_TEXT("public_id", w->public_id));
    if (e.kind) return e;
    int64_t id = w->titles.count ? db_int(&w->titles, 0, "id") : 0;
    return DB_QUERY(tx, w->arena, &w->texts, &title_text_one, DB_INT("org_id", w->org_id), DB_INT("id", id));
}

static struct err load_all(struct catalog *c, int64_t org_id, struct catalog_view **out) {
    struct load_work w = {.arena = arena_create(LOAD_BYTES_MAX), .org_id = org_id};
    if (!w.arena) return err_memory();
    struct err e = db_read(c->db, load_fn, &w);
    const struct catalog_title **titles = NULL;
    size_t count = 0, text_row = 0;
    if (!e.kind && !(titles = mem_zalloc_array(w.titles.count + 1, sizeof *titles))) e = err_memory();
    while (!e.kind && count < w.titles.count) {
        struct held_title *held = held_title_create(org_id, &w.titles, count, &w.texts, &text_row);
        if (held) titles[count++] = &held->title;
        else e = err_memory();
    }
    if (e.kind) {
        for (size_t i = 0; i < count; i++) held_title_give(titles[i]);
    } else {
        struct catalog_view *view = view_create(titles, count);
        if (view) *out = view;
        else e = err_memory();
    }
    mem_free(titles);
    arena_destroy(&w.arena);
    return e;
}

/* The organisation's shelf. Waits until nobody is busy with it and makes the caller busy, unless a view is all that is wanted and
 * there is one. *view gets a reference to the view, if there is one. NULL: memory. */
static struct shelf *shelf_begin(struct catalog *c, int64_t org_id, bool wants_view, struct catalog_view **view) {
    struct shelf *s;
    lock_take(&c->lock);
    for (s = c->shelves; s && s->org_id != org_id;) s = s->next;
    if (!s && (s = mem_zalloc(sizeof *s))) {
        s->org_id = org_id;
        s->next = c->shelves;
        c->shelves = s;
    }
    while (s && s->is_busy && !(wants_view && s->view)) condition_wait(&c->idle, &c->lock);
    if (s && s->view) {
        atomic_fetch_add_explicit(&s->view->references, 1, memory_order_relaxed);
        *view = s->view;
    }
    if (s && !(wants_view && s->view)) s->is_busy = true;
    lock_give(&c->lock);
    return s;
}

/* Puts up the new view (NULL: none, it is loaded anew when it is next wanted) and ends being busy. *taken, if wanted, gets a
 * reference to it. */
static void shelf_end(struct catalog *c, struct shelf *s, struct catalog_view *view, struct catalog_view **taken) {
    lock_take(&c->lock);
    struct catalog_view *old = s->view;
    s->view = view;
    if (view && taken) {
        atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed);
        *taken = view;
    }
    s->is_busy = false;
    condition_wake_all(&c->idle);
    lock_give(&c->lock);
    catalog_view_give(&old);
}

struct err catalog_view_take(struct catalog *c, int64_t org_id, struct catalog_view **out) {
    struct catalog_view *there = NULL, *loaded = NULL;
    struct shelf *s = shelf_begin(c, org_id, true, &there);
    if (!s) return err_memory();
    if (there) {
        *out = there;
        return ERR_OK;
    }
    struct err e = load_all(c, org_id, &loaded);
    shelf_end(c, s, loaded, out);
    return e;
}

struct err catalog_refresh(struct catalog *c, int64_t org_id, struct slice public_id) {
    struct catalog_view *old = NULL, *fresh = NULL;
    struct shelf *s = shelf_begin(c, org_id, false, &old);
    if (!s) return err_memory();
    struct err e = ERR_OK;
    if (old) { /* otherwise it is read when it is first wanted, as it is when this fails: an old view must not stay up */
        struct load_work w = {.arena = arena_create(ONE_BYTES_MAX), .org_id = org_id, .public_id = public_id};
        struct held_title *held = NULL;
        size_t text_row = 0;
        e = w.arena ? db_read(c->db, load_fn, &w) : err_memory();
        if (!e.kind && w.titles.count && !(held = held_title_create(org_id, &w.titles, 0, &w.texts, &text_row))) e = err_memory();
        if (!e.kind && !(fresh = view_with(old, public_id, held ? &held->title : NULL))) e = err_memory();
        arena_destroy(&w.arena);
    }
    shelf_end(c, s, fresh, NULL);
    catalog_view_give(&old);
    return e;
}

/* --- what may be stored --- */

static bool is_genre(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= 'a' && s.ptr[i] <= 'z') || (s.ptr[i] >= '0' && s.ptr[i] <= '9') || s.ptr[i] == '-')) return false;
    return s.len > 0 && s.len <= 32;
}

static bool are_genres(struct slice genres) {
    size_t count = 0;
    for (struct slice one; genres.len && slice_next(&genres, ' ', &one);)
        if (!is_genre(one) || ++count > CATALOG_GENRES_MAX) return false;
    return true;
}

/* A synopsis may have several lines, empty ones too; each other one is held to what a name is. */
static bool is_synopsis(struct slice s) {
    if (s.len > CATALOG_SYNOPSIS_MAX * 4) return false;
    for (struct slice line; slice_next(&s, '\n', &line);) {
        line = slice_trim(line);
        if (line.len && !utf8_is_display_text(line, CATALOG_SYNOPSIS_MAX)) return false;
    }
    return true;
}

static struct err change_check(const struct catalog_change *ch) {
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) {
        if (ch->texts[i].has_name && ch->texts[i].name.len && !utf8_is_display_text(ch->texts[i].name, CATALOG_NAME_MAX))
            return err_make(ERR_INPUT, "title.name", "A name has at most 200 characters, all of which can be shown.");
        if (ch->texts[i].has_synopsis && ch->texts[i].synopsis.len && !is_synopsis(ch->texts[i].synopsis))
            return err_make(ERR_INPUT, "title.synopsis", "A synopsis has at most 4,000 characters, all of which can be shown.");
    }
    if (ch->has_year && ch->year != 0 && (ch->year < 1870 || ch->year > 2200))
        return err_make(ERR_INPUT, "title.year", "A year lies between 1870 and 2200.");
    if ((ch->has_season && (ch->season < 0 || ch->season > 9999)) || (ch->has_episode && (ch->episode < 0 || ch->episode > 99999)))
        return err_make(ERR_INPUT, "title.number", "Seasons are numbered up to 9999 and episodes up to 99999.");
    if (ch->external_id.len > 200 || !utf8_is_valid(ch->external_id))
        return err_make(ERR_INPUT, "title.external_id", "An external id has at most 200 bytes.");
    if (ch->has_genres && !are_genres(ch->genres))
        return err_make(ERR_INPUT, "title.genres", "A title has up to eight genres, each a word of small letters, digits and hyphens.");
    return ERR_OK;
}

/* --- changes --- */

struct title_work {
    int64_t org_id, id;
    struct public_id public_id;
    struct slice wanted;
    const struct catalog_change *change;
    const struct catalog_media *media;
    enum catalog_status status;
    struct slice tracks;
    bool has_poster;
};

static struct err not_found(void) { return err_make(ERR_NOT_FOUND, "title.not_found", "There is no such title. It may have been removed."); }
static struct slice never_null(struct slice s) { return s.ptr ? s : SLICE(""); }

static struct err parent_set(struct db_tx *tx, int64_t org_id, int64_t id, struct slice series) {
    int64_t parent = series.len ? DB_GET_INT(tx, 0, &title_series_id, DB_INT("org_id", org_id), DB_TEXT("public_id", series)) : 0;
    bool is_wrong = (series.len && !parent) || parent == id;
    if (parent && DB_GET_INT(tx, 0, &title_child_count, DB_INT("org_id", org_id), DB_INT("id", id)) > 0) is_wrong = true;
    struct err e = db_tx_error(tx);
    if (!e.kind && is_wrong) e = err_make(ERR_INPUT, "title.parent", "An episode belongs to a series, and a series to nothing above it.");
    return e.kind ? e : DB_RUN(tx, &title_set_parent, DB_INT("org_id", org_id), DB_INT("id", id), DB_INT_IF("value", parent != 0, parent));
}

static struct err text_set(struct db_tx *tx, int64_t org_id, int64_t id, const struct catalog_change *ch, int lang) {
    struct err e = DB_RUN(tx, &title_text_put, DB_INT("org_id", org_id), DB_INT("id", id), DB_INT("lang", lang),
                          DB_TEXT_OR_NULL("name", ch->texts[lang].has_name ? never_null(ch->texts[lang].name) : SLICE_NONE),
                          DB_TEXT_OR_NULL("synopsis", ch->texts[lang].has_synopsis ? never_null(ch->texts[lang].synopsis) : SLICE_NONE));
    return e.kind ? e : DB_RUN(tx, &title_text_clean, DB_INT("org_id", org_id), DB_INT("id", id));
}

static struct err change_in(struct db_tx *tx, int64_t org_id, int64_t id, const struct catalog_change *ch) {
    struct err e = change_check(ch);
    const struct {
        bool is_wanted;
        const struct db_statement *statement;
        int64_t value;
    } numbers[] = {{ch->has_kind, &title_set_kind, ch->kind},
                   {ch->has_season, &title_set_season, ch->season},
                   {ch->has_episode, &title_set_episode, ch->episode},
                   {ch->has_year, &title_set_year, ch->year}};
    for (size_t i = 0; !e.kind && i < ARRAY_LEN(numbers); i++)
        if (numbers[i].is_wanted) e = DB_RUN(tx, numbers[i].statement, DB_INT("org_id", org_id), DB_INT("id", id), DB_INT("value", numbers[i].value));
    if (!e.kind && ch->has_genres)
        e = DB_RUN(tx, &title_set_genres, DB_INT("org_id", org_id), DB_INT("id", id), DB_TEXT("value", never_null(ch->genres)));
    if (!e.kind && ch->has_parent) e = parent_set(tx, org_id, id, ch->parent);
    for (int i = 0; !e.kind && i < TEXT_LANGUAGE_COUNT; i++)
        if (ch->texts[i].has_name || ch->texts[i].has_synopsis) e = text_set(tx, org_id, id, ch, i);
    return e.kind ? e : DB_RUN(tx, &title_touch, DB_INT("org_id", org_id), DB_INT("id", id));
}

struct err catalog_create_in(struct db_tx *tx, int64_t org_id, int64_t id, const struct public_id *public_id, const struct catalog_change *ch,
                             enum catalog_status status) {
    if (DB_GET_INT(tx, 0, &title_count, DB_INT("org_id", org_id)) >= CATALOG_TITLES_MAX)
        return err_make(ERR_LIMIT, "title.many", "An organisation has at most 100,000 titles. Remove some first.");
    struct err e = DB_RUN(tx, &title_insert, DB_INT("id", id), DB_INT("org_id", org_id), DB_TEXT("public_id", public_id_slice(public_id)),
                          DB_INT("status", status), DB_TEXT_OR_NULL("external_id", ch->external_id));
    return e.kind ? e : change_in(tx, org_id, id, ch);
}

static struct err create_fn(struct db_tx *tx, void *arg) {
    struct title_work *w = arg;
    return catalog_create_in(tx, w->org_id, w->id, &w->public_id, w->change, w->status);
}

struct err catalog_create(struct catalog *c, int64_t org_id, const struct catalog_change *ch, enum catalog_status status, struct public_id *out) {
    struct title_work w = {.org_id = org_id, .id = id_next(c->ids), .public_id = public_id_random(), .change = ch, .status = status};
    struct err e = change_check(ch);
    if (!e.kind) e = db_write(c->db, create_fn, &w);
    if (!e.kind) e = catalog_refresh(c, org_id, public_id_slice(&w.public_id));
    if (!e.kind) *out = w.public_id;
    return e;
}

static struct err title_id_find(struct db_tx *tx, int64_t org_id, struct slice public_id, int64_t *id) {
    *id = DB_GET_INT(tx, 0, &title_id, DB_INT("org_id", org_id), DB_TEXT("public_id", public_id));
    struct err e = db_tx_error(tx);
    return e.kind || *id ? e : not_found();
}

struct err catalog_change_in(struct db_tx *tx, int64_t org_id, struct slice public_id, const struct catalog_change *ch) {
    int64_t id = 0;
    struct err e = title_id_find(tx, org_id, public_id, &id);
    return e.kind ? e : change_in(tx, org_id, id, ch);
}

static struct err change_fn(struct db_tx *tx, void *arg) {
    struct title_work *w = arg;
    return catalog_change_in(tx, w->org_id, w->wanted, w->change);
}

struct err catalog_remove_in(struct db_tx *tx, int64_t org_id, struct slice public_id) {
    int64_t id = 0;
    struct err e = title_id_find(tx, org_id, public_id, &id);
    if (e.kind) return e;
    if (DB_GET_INT(tx, 0, &title_child_count, DB_INT("org_id", org_id), DB_INT("id", id)) > 0)
        return err_make(ERR_CONFLICT, "title.has_episodes", "This series still has episodes. Remove them first, or take them out of it.");
    e = DB_RUN(tx, &title_text_remove, DB_INT("org_id", org_id), DB_INT("id", id));
    return e.kind ? e : DB_RUN(tx, &title_remove, DB_INT("org_id", org_id), DB_INT("id", id));
}
static struct err remove_fn(struct db_tx *tx, void *arg) {
    struct title_work *w = arg;
    return catalog_remove_in(tx, w->org_id, w->wanted);
}

/* Runs a change of one title, then lets the view follow. */
static struct err write_title(struct catalog *c, struct title_work *w, db_fn *fn) {
    struct public_id id;
    if (!public_id_parse(w->wanted, &id)) return not_found();
    struct err e = db_write(c->db, fn, w);
    return e.kind ? e : catalog_refresh(c, w->org_id, w->wanted);
}

struct err catalog_change(struct catalog *c, int64_t org_id, struct slice public_id, const struct catalog_change *ch) {
    struct title_work w = {.org_id = org_id, .wanted = public_id, .change = ch};
    struct err e = change_check(ch);
    return e.kind ? e : write_title(c, &w, change_fn);
}

struct err catalog_remove(struct catalog *c, int64_t org_id, struct slice public_id) {
    struct title_work w = {.org_id = org_id, .wanted = public_id};
    return write_title(c, &w, remove_fn);
}

static struct err changed_or_missing(struct err e, int64_t changed) { return e.kind || changed ? e : not_found(); }

static struct err tracks_check(struct slice tracks) {
    return tracks.len <= CATALOG_TRACKS_BYTES_MAX ? ERR_OK : err_make(ERR_LIMIT, "title.tracks", "This title has too many tracks.");
}

struct err catalog_set_media_in(struct db_tx *tx, int64_t org_id, struct slice public_id, const struct catalog_media *media) {
    int64_t changed = 0;
    struct err e = tracks_check(media->tracks);
    if (e.kind) return e;
    e = DB_CHANGE(tx, &changed, &title_set_media, DB_INT("org_id", org_id), DB_TEXT("public_id", public_id),
                  DB_INT("duration_ms", media->duration_ms), DB_INT("colour", media->colour), DB_BOOL("has_poster", media->has_poster),
                  DB_TEXT("tracks", never_null(media->tracks)));
    return changed_or_missing(e, changed);
}
static struct err set_media_fn(struct db_tx *tx, void *arg) {
    struct title_work *w = arg;
    return catalog_set_media_in(tx, w->org_id, w->wanted, w->media);
}
struct err catalog_set_media(struct catalog *c, int64_t org_id, struct slice public_id, const struct catalog_media *media) {
    struct title_work w = {.org_id = org_id, .wanted = public_id, .media = media};
    struct err e = tracks_check(media->tracks);
    return e.kind ? e : write_title(c, &w, set_media_fn);
}

static struct err set_tracks_fn(struct db_tx *tx, void *arg) {
    struct title_work *w = arg;
    int64_t changed = 0;
    struct err e = DB_CHANGE(tx, &changed, &title_set_tracks, DB_INT("org_id", w->org_id), DB_TEXT("public_id", w->wanted),
                             DB_TEXT("tracks", never_null(w->tracks)));
    return changed_or_missing(e, changed);
}
struct err catalog_set_tracks(struct catalog *c, int64_t org_id, struct slice public_id, struct slice tracks) {
    struct title_work w = {.org_id = org_id, .wanted = public_id, .tracks = tracks};
    struct err e = tracks_check(tracks);
    return e.kind ? e : write_title(c, &w, set_tracks_fn);
}

static struct err set_poster_fn(struct db_tx *tx, void *arg) {
    struct title_work *w = arg;
    int64_t changed = 0;
    struct err e = DB_CHANGE(tx, &changed, &title_set_poster, DB_INT("org_id", w->org_id), DB_TEXT("public_id", w->wanted),
                             DB_BOOL("has_poster", w->has_poster));
    return changed_or_missing(e, changed);
}
struct err catalog_set_poster(struct catalog *c, int64_t org_id, struct slice public_id, bool has_poster) {
    struct title_work w = {.org_id = org_id, .wanted = public_id, .has_poster = has_poster};
    return write_title(c, &w, set_poster_fn);
}

static struct err set_portrait_fn(struct db_tx *tx, void *arg) {
    struct title_work *w = arg;
    int64_t changed = 0;
    struct err e = DB_CHANGE(tx, &changed, &title_set_portrait, DB_INT("org_id", w->org_id), DB_TEXT("public_id", w->wanted),
                             DB_BOOL("has_portrait", w->has_poster));
    return changed_or_missing(e, changed);
}
struct err catalog_set_portrait(struct catalog *c, int64_t org_id, struct slice public_id, bool has_portrait) {
    struct title_work w = {.org_id = org_id, .wanted = public_id, .has_poster = has_portrait};
    return write_title(c, &w, set_portrait_fn);
}

struct err catalog_set_event_in(struct db_tx *tx, int64_t org_id, struct slice public_id, const struct catalog_event *event) {
    int64_t changed = 0;
    struct err e = DB_CHANGE(tx, &changed, &title_set_event, DB_INT("org_id", org_id), DB_TEXT("public_id", public_id),
                             DB_INT("status", event->status), DB_INT("starts_ms", event->starts_ms), DB_INT("started_ms", event->started_ms),
                             DB_INT("ended_ms", event->ended_ms));
    return changed_or_missing(e, changed);
}

struct err catalog_set_status_in(struct db_tx *tx, int64_t org_id, struct slice public_id, enum catalog_status status) {
    int64_t changed = 0;
    struct err e = DB_CHANGE(tx, &changed, &title_set_status, DB_INT("org_id", org_id), DB_TEXT("public_id", public_id), DB_INT("status", status));
    return changed_or_missing(e, changed);
}
static struct err set_status_fn(struct db_tx *tx, void *arg) {
    struct title_work *w = arg;
    return catalog_set_status_in(tx, w->org_id, w->wanted, w->status);
}
struct err catalog_set_status(struct catalog *c, int64_t org_id, struct slice public_id, enum catalog_status status) {
    struct title_work w = {.org_id = org_id, .wanted = public_id, .status = status};
    return write_title(c, &w, set_status_fn);
}
