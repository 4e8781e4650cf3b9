/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/catalog/catalog.h"

#include <assert.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/utf8.h"
#include "business/catalog/catalog_sql.h"
#include "business/catalog/search.h"
#include "business/catalog/view.h"

enum { LOAD_BYTES_MAX = 1 << 30, ONE_BYTES_MAX = 4 << 20, TEXT_ROWS_MAX = CATALOG_TITLES_MAX * TEXT_LANGUAGE_COUNT, PART_ROWS_MAX = CATALOG_TITLES_MAX * 20,
       WATCHERS_MAX = 4 };

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
    struct lock making[2]; /* of a view's lists, and of its index, when they are first asked for */
    struct {
        void (*fn)(void *user, int64_t org_id);
        void *user;
    } watchers[WATCHERS_MAX];
    size_t watcher_count;
    catalog_made_fn *made;
    void *made_user;
};

struct err catalog_open(struct catalog **out, struct db *db, struct id_maker *ids) {
    struct catalog *c = mem_zalloc(sizeof *c);
    if (!c) return err_memory();
    c->db = db;
    c->ids = ids;
    lock_init(&c->lock, LOCK_catalog);
    for (size_t i = 0; i < ARRAY_LEN(c->making); i++) lock_init(&c->making[i], LOCK_catalog_making);
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
    for (size_t i = 0; i < ARRAY_LEN(c->making); i++) lock_destroy(&c->making[i]);
    lock_destroy(&c->lock);
    MEM_FREE(catalog);
}

void catalog_on_change(struct catalog *c, void (*fn)(void *user, int64_t org_id), void *user) {
    assert(c->watcher_count < WATCHERS_MAX);
    c->watchers[c->watcher_count].fn = fn;
    c->watchers[c->watcher_count++].user = user;
}
void catalog_on_made(struct catalog *c, catalog_made_fn *fn, void *user) {
    c->made = fn;
    c->made_user = user;
}

/* --- the view --- */

struct load_work {
    struct arena *arena;
    int64_t org_id;
    struct slice title, person; /* public ids: that one alone */
    bool wants_all, wants_rows;
    struct title_rows titles;
    struct person_rows people;
    struct db_rows rows;
};

static struct err load_all_fn(struct db_tx *tx, struct load_work *w) {
    const struct {
        const struct db_statement *statement;
        struct db_rows *rows;
        int64_t limit;
    } queries[] = {{&title_all, &w->titles.titles, CATALOG_TITLES_MAX}, {&title_text_all, &w->titles.texts, TEXT_ROWS_MAX},
                   {&credit_all, &w->titles.credits, PART_ROWS_MAX},    {&member_all, &w->titles.members, PART_ROWS_MAX},
                   {&person_all, &w->people.people, CATALOG_PERSONS_MAX}, {&person_name_all, &w->people.names, CATALOG_PERSONS_MAX * TEXT_LANGUAGE_COUNT}};
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < ARRAY_LEN(queries); i++)
        e = DB_QUERY(tx, w->arena, queries[i].rows, queries[i].statement, DB_INT("org_id", w->org_id), DB_INT("limit", queries[i].limit));
    return e;
}

static struct err load_title_fn(struct db_tx *tx, struct load_work *w) {
    struct err e = DB_QUERY(tx, w->arena, &w->titles.titles, &title_one, DB_INT("org_id", w->org_id), DB_TEXT("public_id", w->title));
    int64_t id = !e.kind && w->titles.titles.count ? db_int(&w->titles.titles, 0, "id") : 0;
    if (!e.kind) e = DB_QUERY(tx, w->arena, &w->titles.texts, &title_text_one, DB_INT("org_id", w->org_id), DB_INT("id", id));
    if (!e.kind) e = DB_QUERY(tx, w->arena, &w->titles.credits, &credit_one, DB_INT("org_id", w->org_id), DB_INT("id", id));
    return e.kind ? e : DB_QUERY(tx, w->arena, &w->titles.members, &member_one, DB_INT("org_id", w->org_id), DB_INT("id", id));
}

static struct err load_person_fn(struct db_tx *tx, struct load_work *w) {
    struct err e = DB_QUERY(tx, w->arena, &w->people.people, &person_one, DB_INT("org_id", w->org_id), DB_TEXT("public_id", w->person));
    int64_t id = !e.kind && w->people.people.count ? db_int(&w->people.people, 0, "id") : 0;
    return e.kind ? e : DB_QUERY(tx, w->arena, &w->people.names, &person_name_one, DB_INT("org_id", w->org_id), DB_INT("id", id));
}

static struct err load_fn(struct db_tx *tx, void *arg) {
    struct load_work *w = arg;
    w->titles = (struct title_rows){0};
    w->people = (struct person_rows){0};
    struct err e = ERR_OK;
    if (w->wants_all) e = load_all_fn(tx, w);
    if (!e.kind && w->title.len) e = load_title_fn(tx, w);
    if (!e.kind && w->person.len) e = load_person_fn(tx, w);
    if (!e.kind && (w->wants_all || w->wants_rows)) e = DB_QUERY(tx, w->arena, &w->rows, &row_all, DB_INT("org_id", w->org_id));
    return e;
}

/* A view of what was read. */
static struct err view_make(struct catalog *c, struct load_work *w, struct catalog_view **out) {
    const struct catalog_title **titles = mem_zalloc_array(w->titles.titles.count + 1, sizeof *titles);
    const struct catalog_person **people = mem_zalloc_array(w->people.people.count + 1, sizeof *people);
    size_t count = 0, people_count = 0, row_count = 0;
    struct catalog_row *rows = NULL;
    void *rows_block = NULL;
    struct err e = titles && people ? rows_hold(&w->rows, &rows, &row_count, &rows_block) : err_memory();
    while (!e.kind && count < w->titles.titles.count)
        if (!(titles[count] = title_hold(w->org_id, &w->titles, count))) e = err_memory();
        else count++;
    while (!e.kind && people_count < w->people.people.count)
        if (!(people[people_count] = person_hold(w->org_id, &w->people, people_count))) e = err_memory();
        else people_count++;
    if (e.kind) {
        for (size_t i = 0; i < count; i++) mem_free((void *)(uintptr_t)titles[i]);
        for (size_t i = 0; i < people_count; i++) mem_free((void *)(uintptr_t)people[i]);
        mem_free(rows_block);
    } else {
        *out = view_create(w->org_id, c->making, titles, count, people, people_count, rows, row_count, rows_block);
        if (!*out) e = err_memory();
    }
    mem_free(titles);
    mem_free(people);
    return e;
}

static struct err load_all(struct catalog *c, int64_t org_id, struct catalog_view **out) {
    struct load_work w = {.arena = arena_create(LOAD_BYTES_MAX), .org_id = org_id, .wants_all = true};
    if (!w.arena) return err_memory();
    struct err e = db_read(c->db, load_fn, &w);
    if (!e.kind) e = view_make(c, &w, out);
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
        atomic_fetch_add_explicit(&s->view->inner->references, 1, memory_order_relaxed);
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
        atomic_fetch_add_explicit(&view->inner->references, 1, memory_order_relaxed);
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

struct catalog_view *catalog_view_peek(struct catalog *c, int64_t org_id) {
    struct catalog_view *view = NULL;
    lock_take(&c->lock);
    for (struct shelf *s = c->shelves; s && !view; s = s->next)
        if (s->org_id == org_id && s->view) {
            view = s->view;
            atomic_fetch_add_explicit(&view->inner->references, 1, memory_order_relaxed);
        }
    lock_give(&c->lock);
    return view;
}

static void tell(struct catalog *c, int64_t org_id) {
    for (size_t i = 0; i < c->watcher_count; i++) c->watchers[i].fn(c->watchers[i].user, org_id);
}

/* Reads what `w` names and puts a view up that has it. */
static struct err refresh(struct catalog *c, struct load_work *w) {
    struct catalog_view *old = NULL, *fresh = NULL;
    struct shelf *s = shelf_begin(c, w->org_id, false, &old);
    if (!s) return err_memory();
    struct err e = ERR_OK;
    if (old) { /* otherwise it is read when it is first wanted, as it is when this fails: an old view must not stay up */
        struct view_edit edit = {.title = w->title, .person = w->person, .has_rows = w->wants_rows};
        w->arena = arena_create(w->wants_all ? LOAD_BYTES_MAX : ONE_BYTES_MAX);
        e = w->arena ? db_read(c->db, load_fn, w) : err_memory();
        if (!e.kind && w->wants_all) {
            e = view_make(c, w, &fresh);
            /* Whoever searches goes on in the old view until the new one's index is there too; without memory it is made when it is asked for. */
            if (!e.kind && atomic_load_explicit(&old->inner->search, memory_order_acquire)) (void)search_of(fresh);
        } else if (!e.kind) {
            if (w->titles.titles.count && !(edit.held = title_hold(w->org_id, &w->titles, 0))) e = err_memory();
            if (!e.kind && w->people.people.count && !(edit.held_person = person_hold(w->org_id, &w->people, 0))) e = err_memory();
            if (!e.kind && w->wants_rows) e = rows_hold(&w->rows, &edit.rows, &edit.row_count, &edit.rows_block);
            if (e.kind) {
                mem_free(edit.held);
                mem_free(edit.held_person);
            } else if (!(fresh = view_after(old, &edit))) {
                e = err_memory();
            }
        }
        arena_destroy(&w->arena);
    }
    shelf_end(c, s, fresh, NULL);
    catalog_view_give(&old);
    tell(c, w->org_id);
    return e;
}

struct err catalog_refresh(struct catalog *c, int64_t org_id, struct slice public_id) {
    return refresh(c, &(struct load_work){.org_id = org_id, .title = public_id});
}
struct err catalog_refresh_all(struct catalog *c, int64_t org_id) { return refresh(c, &(struct load_work){.org_id = org_id, .wants_all = true}); }
struct err catalog_refresh_person(struct catalog *c, int64_t org_id, struct slice public_id) {
    return refresh(c, &(struct load_work){.org_id = org_id, .person = public_id});
}
struct err catalog_refresh_rows(struct catalog *c, int64_t org_id) { return refresh(c, &(struct load_work){.org_id = org_id, .wants_rows = true}); }

/* What is saved is saved, and is not answered with an error: whoever believed that would do it again. An old view is never left up by a refresh that failed. */
void catalog_followed(struct err e) {
    if (e.kind) log_warn("catalog", "not_followed", LOG_ERR(e));
}

struct db *catalog_db(struct catalog *c) { return c->db; }
struct id_maker *catalog_ids(struct catalog *c) { return c->ids; }

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

/* The form of a BCP 47 tag: subtags of one to eight letters and digits, the first of letters. */
static bool is_language(struct slice s) {
    if (s.len > 35) return false;
    bool is_first = true;
    for (struct slice part; slice_next(&s, '-', &part); is_first = false) {
        if (part.len < (is_first ? 2 : 1) || part.len > 8) return false;
        for (size_t i = 0; i < part.len; i++) {
            char c = part.ptr[i];
            bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            if (!is_letter && (is_first || c < '0' || c > '9')) return false;
        }
    }
    return true;
}

static bool are_countries(struct slice codes) {
    size_t count = 0;
    for (struct slice one; codes.len && slice_next(&codes, ' ', &one);)
        if (one.len != 2 || one.ptr[0] < 'A' || one.ptr[0] > 'Z' || one.ptr[1] < 'A' || one.ptr[1] > 'Z' || ++count > CATALOG_COUNTRIES_MAX) return false;
    return true;
}

static struct err people_wrong(void) {
    return err_make(ERR_INPUT, "title.people", "A title names at most 200 people, each of whom is known here, with what they do.");
}
static struct err members_wrong(void) {
    return err_make(ERR_INPUT, "title.members", "A collection lists up to 1,000 titles that there are, each once and not itself. Other titles have no members.");
}

struct err change_check(const struct catalog_change *ch) {
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
    char eidr[CATALOG_EIDR_LEN + 1];
    if (ch->has_eidr && ch->eidr.len && !catalog_eidr_parse(ch->eidr, eidr))
        return err_make(ERR_INPUT, "title.eidr", "This is no EIDR: 10.5240/, five groups of four, and a check character that fits them.");
    if (ch->has_original_lang && ch->original_lang.len && !is_language(ch->original_lang))
        return err_make(ERR_INPUT, "title.language", "A language is given by its BCP 47 tag, such as \"th\" or \"zh-Hant\".");
    if (ch->has_original_name && ch->original_name.len && !utf8_is_display_text(ch->original_name, CATALOG_NAME_MAX))
        return err_make(ERR_INPUT, "title.name", "A name has at most 200 characters, all of which can be shown.");
    if (ch->has_countries && !are_countries(ch->countries))
        return err_make(ERR_INPUT, "title.countries", "Countries are given by their codes of two large letters (ISO 3166-1), at most sixteen.");
    if (ch->has_edit && ch->edit.len && !is_genre(ch->edit))
        return err_make(ERR_INPUT, "title.edit", "A version is named by a word of small letters, digits and hyphens, such as \"director\".");
    if (ch->has_people && ch->people_count > CATALOG_PEOPLE_MAX) return people_wrong();
    for (size_t i = 0; ch->has_people && i < ch->people_count; i++)
        if (ch->people[i].character.len && !utf8_is_display_text(ch->people[i].character, CATALOG_NAME_MAX)) return people_wrong();
    if (ch->has_members && ch->member_count > CATALOG_MEMBERS_MAX) return members_wrong();
    return ERR_OK;
}

/* --- changes --- */

struct title_work {
    struct catalog *catalog;
    int64_t org_id, id;
    int lang;
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

/* What a title is and where it stands, while it is being changed. */
struct stand {
    int64_t id, parent_id, season;
    enum catalog_kind kind;
};
static struct err stand_read(struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t id, struct stand *out) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &title_place, DB_INT("org_id", org_id), DB_INT("id", id));
    if (e.kind) return e;
    *out = rows.count ? (struct stand){id, db_int(&rows, 0, "parent_id"), db_int(&rows, 0, "season"), (enum catalog_kind)db_int(&rows, 0, "kind")} : (struct stand){0};
    return ERR_OK;
}

struct err catalog_parent_wrong(void) {
    return err_make(ERR_INPUT, "title.parent",
                    "A season belongs to a series, an episode to a series or one of its seasons; a clip, and a further version of a film or an event, to that "
                    "film, episode or event. Series and collections belong to nothing.");
}

static bool is_to_watch(enum catalog_kind k) { return k == CATALOG_FILM || k == CATALOG_EPISODE || k == CATALOG_EVENT; }

bool catalog_may_stand_over(enum catalog_kind above, bool has_parent, enum catalog_kind kind) {
    if (kind == CATALOG_SEASON || kind == CATALOG_EPISODE) return above == CATALOG_SERIES;
    if (kind == CATALOG_CLIP) return is_to_watch(above);
    /* A version of a version would be one too many. */
    return (kind == CATALOG_FILM || kind == CATALOG_EVENT) && is_to_watch(above) && (above == CATALOG_EPISODE || !has_parent);
}

/* Kind and parent, which only make sense together. A film that is given a series becomes an episode, and an episode that is
 * taken out of its series a film: so it was before episodes had a kind of their own, and so an editor means it. */
static struct err place_set(struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t id, const struct catalog_change *ch) {
    struct stand now, above = {0};
    struct err e = stand_read(tx, arena, org_id, id, &now);
    if (e.kind) return e;
    enum catalog_kind kind = ch->has_kind ? ch->kind : now.kind;
    int64_t season = ch->has_season ? ch->season : now.season, above_id = now.parent_id;
    if (ch->has_parent && ch->parent.len) {
        above_id = DB_GET_INT(tx, 0, &title_id, DB_INT("org_id", org_id), DB_TEXT("public_id", ch->parent));
        if ((e = db_tx_error(tx)).kind) return e;
        if (!above_id || above_id == id) return catalog_parent_wrong();
    } else if (ch->has_parent) {
        above_id = 0;
    }
    if (above_id && (e = stand_read(tx, arena, org_id, above_id, &above)).kind) return e;
    if (kind == CATALOG_FILM && above_id && (above.kind == CATALOG_SERIES || above.kind == CATALOG_SEASON)) kind = CATALOG_EPISODE;
    if (kind == CATALOG_EPISODE && above.kind == CATALOG_SEASON) {
        season = above.season;
        above_id = above.parent_id;
        if ((e = stand_read(tx, arena, org_id, above_id, &above)).kind) return e;
    }
    if (kind == CATALOG_EPISODE && !above_id && (ch->has_parent || (ch->has_kind && now.kind != CATALOG_EPISODE))) kind = CATALOG_FILM;
    if (above_id && !catalog_may_stand_over(above.kind, above.parent_id != 0, kind)) {
        if (!ch->has_parent && ch->has_kind && catalog_kind_holds(kind)) above_id = 0; /* what becomes a series or a collection stands alone */
        else return catalog_parent_wrong();
    }
    bool has_moved = kind != now.kind || above_id != now.parent_id;
    if (has_moved && DB_GET_INT(tx, 0, &title_child_count, DB_INT("org_id", org_id), DB_INT("id", id)) > 0) {
        struct stand self = {.kind = kind, .parent_id = above_id};
        bool was_over_episodes = now.kind == CATALOG_SERIES;
        if (was_over_episodes ? kind != CATALOG_SERIES : !is_to_watch(self.kind) || (self.kind != CATALOG_EPISODE && above_id)) return catalog_parent_wrong();
    }
    e = db_tx_error(tx);
    if (!e.kind && kind != now.kind) e = DB_RUN(tx, &title_set_kind, DB_INT("org_id", org_id), DB_INT("id", id), DB_INT("value", kind));
    if (!e.kind && above_id != now.parent_id)
        e = DB_RUN(tx, &title_set_parent, DB_INT("org_id", org_id), DB_INT("id", id), DB_INT_IF("value", above_id != 0, above_id));
    if (!e.kind && season != now.season) e = DB_RUN(tx, &title_set_season, DB_INT("org_id", org_id), DB_INT("id", id), DB_INT("value", season));
    return e;
}

static struct err people_set(struct db_tx *tx, int64_t org_id, int64_t id, const struct catalog_change *ch) {
    struct err e = DB_RUN(tx, &credit_clear, DB_INT("org_id", org_id), DB_INT("id", id));
    for (size_t i = 0; !e.kind && i < ch->people_count; i++) {
        const struct catalog_credit_change *one = &ch->people[i];
        int64_t person = DB_GET_INT(tx, 0, &person_id, DB_INT("org_id", org_id), DB_TEXT("public_id", one->person));
        if (!(e = db_tx_error(tx)).kind && !person) e = people_wrong();
        if (!e.kind)
            e = DB_RUN(tx, &credit_insert, DB_INT("id", id), DB_INT("position", (int64_t)i), DB_INT("org_id", org_id), DB_INT("person_id", person),
                       DB_INT("part", one->part), DB_TEXT("role_name", never_null(one->character)));
    }
    return e;
}

static struct err members_set(struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t id, const struct catalog_change *ch) {
    struct stand now;
    struct err e = stand_read(tx, arena, org_id, id, &now);
    if (!e.kind && ch->member_count && now.kind != CATALOG_COLLECTION) e = members_wrong();
    if (!e.kind) e = DB_RUN(tx, &member_clear, DB_INT("org_id", org_id), DB_INT("id", id));
    int64_t *seen = arena_alloc_array(arena, ch->member_count + 1, sizeof *seen);
    if (!e.kind && !seen) e = err_memory();
    for (size_t i = 0; !e.kind && i < ch->member_count; i++) {
        int64_t member = DB_GET_INT(tx, 0, &title_id, DB_INT("org_id", org_id), DB_TEXT("public_id", ch->members[i]));
        bool is_wrong = !member || member == id;
        for (size_t k = 0; k < i && !is_wrong; k++) is_wrong = seen[k] == member;
        seen[i] = member;
        if (!(e = db_tx_error(tx)).kind && is_wrong) e = members_wrong();
        if (!e.kind)
            e = DB_RUN(tx, &member_insert, DB_INT("id", id), DB_INT("position", (int64_t)i), DB_INT("org_id", org_id), DB_INT("member_id", member));
    }
    return e;
}

static struct err eidr_set(struct db_tx *tx, int64_t org_id, int64_t id, struct slice eidr) {
    char canonical[CATALOG_EIDR_LEN + 1];
    struct slice value = eidr.len && catalog_eidr_parse(eidr, canonical) ? slice_cstr(canonical) : SLICE_NONE;
    if (value.len && DB_GET_INT(tx, 0, &title_eidr_taken, DB_INT("org_id", org_id), DB_TEXT("eidr", value), DB_INT("id", id)) > 0)
        return err_make(ERR_CONFLICT, "title.eidr_taken", "Another title already carries this EIDR.");
    return DB_RUN(tx, &title_set_eidr, DB_INT("org_id", org_id), DB_INT("id", id), DB_TEXT_OR_NULL("value", value));
}

static struct err text_set(struct db_tx *tx, int64_t org_id, int64_t id, const struct catalog_change *ch, int lang) {
    struct err e = DB_RUN(tx, &title_text_put, DB_INT("org_id", org_id), DB_INT("id", id), DB_INT("lang", lang),
                          DB_TEXT_OR_NULL("name", ch->texts[lang].has_name ? never_null(ch->texts[lang].name) : SLICE_NONE),
                          DB_TEXT_OR_NULL("synopsis", ch->texts[lang].has_synopsis ? never_null(ch->texts[lang].synopsis) : SLICE_NONE));
    return e.kind ? e : DB_RUN(tx, &title_text_clean, DB_INT("org_id", org_id), DB_INT("id", id));
}

static struct err change_in(struct db_tx *tx, int64_t org_id, int64_t id, const struct catalog_change *ch) {
    struct err e = change_check(ch);
    struct arena *arena = arena_create(256 << 10);
    struct buf ratings = BUF(1024);
    if (!e.kind && !arena) e = err_memory();
    if (!e.kind && (ch->has_kind || ch->has_parent || ch->has_season)) e = place_set(tx, arena, org_id, id, ch);
    title_fields_write(&ch->ratings, &ratings);
    const struct {
        bool is_wanted;
        const struct db_statement *statement;
        int64_t value;
    } numbers[] = {{ch->has_episode, &title_set_episode, ch->episode}, {ch->has_year, &title_set_year, ch->year}, {ch->has_is_free, &title_set_is_free, ch->is_free}};
    for (size_t i = 0; !e.kind && i < ARRAY_LEN(numbers); i++)
        if (numbers[i].is_wanted) e = DB_RUN(tx, numbers[i].statement, DB_INT("org_id", org_id), DB_INT("id", id), DB_INT("value", numbers[i].value));
    const struct {
        bool is_wanted;
        const struct db_statement *statement;
        struct slice value;
    } words[] = {{ch->has_genres, &title_set_genres, ch->genres},
                 {ch->has_ratings, &title_set_ratings, buf_slice(&ratings)},
                 {ch->has_original_lang, &title_set_original_lang, ch->original_lang},
                 {ch->has_original_name, &title_set_original_name, ch->original_name},
                 {ch->has_countries, &title_set_countries, ch->countries},
                 {ch->has_edit, &title_set_edit, ch->edit}};
    for (size_t i = 0; !e.kind && i < ARRAY_LEN(words); i++)
        if (words[i].is_wanted) e = DB_RUN(tx, words[i].statement, DB_INT("org_id", org_id), DB_INT("id", id), DB_TEXT("value", never_null(words[i].value)));
    if (!e.kind && ch->has_eidr) e = eidr_set(tx, org_id, id, ch->eidr);
    if (!e.kind && ch->has_people) e = people_set(tx, org_id, id, ch);
    if (!e.kind && ch->has_members) e = members_set(tx, arena, org_id, id, ch);
    for (int i = 0; !e.kind && i < TEXT_LANGUAGE_COUNT; i++)
        if (ch->texts[i].has_name || ch->texts[i].has_synopsis) e = text_set(tx, org_id, id, ch, i);
    buf_free(&ratings);
    arena_destroy(&arena);
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

struct err catalog_make_in(struct catalog *c, struct db_tx *tx, int64_t org_id, int64_t id, const struct public_id *public_id, const struct catalog_change *ch,
                           enum catalog_status status) {
    struct err e = catalog_create_in(tx, org_id, id, public_id, ch, status);
    return e.kind || !c->made ? e : c->made(c->made_user, tx, org_id, id, ch);
}

struct err catalog_make_bare_in(struct catalog *c, struct db_tx *tx, int64_t org_id, int64_t id, const struct public_id *public_id,
                                const struct catalog_change *ch, enum catalog_status status, struct catalog_change *rest) {
    char canonical[CATALOG_EIDR_LEN + 1];
    struct slice eidr = ch->eidr.len && catalog_eidr_parse(ch->eidr, canonical) ? slice_cstr(canonical) : SLICE_NONE;
    struct buf ratings = BUF(1024);
    title_fields_write(&ch->ratings, &ratings);
    struct err e = change_check(ch);
    if (!e.kind && eidr.len && DB_GET_INT(tx, 0, &title_eidr_taken, DB_INT("org_id", org_id), DB_TEXT("eidr", eidr), DB_INT("id", id)) > 0)
        e = err_make(ERR_CONFLICT, "title.eidr_taken", "Another title already carries this EIDR.");
    if (!e.kind)
        e = DB_RUN(tx, &title_insert_whole, DB_INT("id", id), DB_INT("org_id", org_id), DB_TEXT("public_id", public_id_slice(public_id)), DB_INT("kind", ch->kind),
                   DB_INT("status", status), DB_INT("season", ch->season), DB_INT("episode", ch->episode), DB_INT("year", ch->year),
                   DB_TEXT("genres", never_null(ch->genres)), DB_TEXT_OR_NULL("external_id", ch->external_id), DB_BOOL("is_free", !ch->has_is_free || ch->is_free),
                   DB_TEXT_OR_NULL("eidr", eidr), DB_TEXT("ratings", never_null(buf_slice(&ratings))), DB_TEXT("original_lang", never_null(ch->original_lang)),
                   DB_TEXT("original_name", never_null(ch->original_name)), DB_TEXT("countries", never_null(ch->countries)), DB_TEXT("edit", never_null(ch->edit)));
    buf_free(&ratings);
    for (int i = 0; !e.kind && i < TEXT_LANGUAGE_COUNT; i++)
        if (ch->texts[i].name.len || ch->texts[i].synopsis.len)
            e = DB_RUN(tx, &title_text_put, DB_INT("org_id", org_id), DB_INT("id", id), DB_INT("lang", i), DB_TEXT("name", never_null(ch->texts[i].name)),
                       DB_TEXT("synopsis", never_null(ch->texts[i].synopsis)));
    if (!e.kind && c->made) e = c->made(c->made_user, tx, org_id, id, ch);
    if (e.kind) return e;
    bool has_place = ch->has_parent && ch->parent.len; /* with the kind and the number, which depend on it */
    *rest = (struct catalog_change){.has_parent = has_place, .parent = ch->parent, .has_kind = has_place, .kind = ch->kind, .has_season = has_place && ch->has_season,
                                    .season = ch->season, .has_people = ch->people_count > 0, .people = ch->people, .people_count = ch->people_count,
                                    .has_members = ch->member_count > 0, .members = ch->members, .member_count = ch->member_count};
    return ERR_OK;
}

static struct err create_fn(struct db_tx *tx, void *arg) {
    struct title_work *w = arg;
    return catalog_make_in(w->catalog, tx, w->org_id, w->id, &w->public_id, w->change, w->status);
}

struct err catalog_create(struct catalog *c, int64_t org_id, const struct catalog_change *ch, enum catalog_status status, struct public_id *out) {
    struct title_work w = {.catalog = c, .org_id = org_id, .id = id_next(c->ids), .public_id = public_id_random(), .change = ch, .status = status};
    struct err e = change_check(ch);
    if (!e.kind) e = db_write(c->db, create_fn, &w);
    if (e.kind) return e;
    catalog_followed(catalog_refresh(c, org_id, public_id_slice(&w.public_id)));
    *out = w.public_id;
    return ERR_OK;
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

struct err catalog_public_id_in(struct db_tx *tx, int64_t org_id, int64_t id, struct public_id *out) {
    struct arena *arena = arena_create(16 << 10);
    if (!arena) return err_memory();
    if (!public_id_parse(DB_GET_TEXT(tx, arena, &title_public_by_id, DB_INT("id", id), DB_INT("org_id", org_id)), out)) *out = (struct public_id){{0}};
    arena_destroy(&arena);
    return db_tx_error(tx);
}

struct err catalog_remove_in(struct db_tx *tx, int64_t org_id, struct slice public_id) {
    int64_t id = 0;
    struct err e = title_id_find(tx, org_id, public_id, &id);
    if (e.kind) return e;
    if (DB_GET_INT(tx, 0, &title_child_count, DB_INT("org_id", org_id), DB_INT("id", id)) > 0)
        return err_make(ERR_CONFLICT, "title.has_episodes", "Seasons, episodes, clips or versions still belong to this title. Remove them first, or take them out of it.");
    const struct db_statement *const first[] = {&title_text_remove, &credit_clear, &member_clear, &member_forget};
    for (size_t i = 0; !e.kind && i < ARRAY_LEN(first); i++) e = DB_RUN(tx, first[i], DB_INT("org_id", org_id), DB_INT("id", id));
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
    if (!e.kind) catalog_followed(catalog_refresh(c, w->org_id, w->wanted));
    return e;
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

static struct err set_poster_in_fn(struct db_tx *tx, void *arg) {
    struct title_work *w = arg;
    int64_t id = 0;
    struct err e = title_id_find(tx, w->org_id, w->wanted, &id);
    if (!e.kind) e = DB_RUN(tx, &title_poster_in, DB_INT("org_id", w->org_id), DB_INT("id", id), DB_INT("lang", w->lang), DB_BOOL("has_poster", w->has_poster));
    if (!e.kind) e = DB_RUN(tx, &title_text_clean, DB_INT("org_id", w->org_id), DB_INT("id", id));
    return e.kind ? e : DB_RUN(tx, &title_touch, DB_INT("org_id", w->org_id), DB_INT("id", id));
}
struct err catalog_set_poster_in(struct catalog *c, int64_t org_id, struct slice public_id, int lang, bool has_poster) {
    assert(lang >= 0 && lang < TEXT_LANGUAGE_COUNT);
    struct title_work w = {.org_id = org_id, .wanted = public_id, .lang = lang, .has_poster = has_poster};
    return write_title(c, &w, set_poster_in_fn);
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
