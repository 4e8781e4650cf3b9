/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * catalog.h: titles, in four languages. A thin first floor: films, series and their episodes, and events that are live.
 *
 * The model
 *   title  anything that can be watched, or a series that holds some. An episode is a film with a parent series, a season
 *          and a number. An event is announced (scheduled), on air (live), being finished (ended), and then a title like a film (ready);
 *          who moves it along is event/broadcast. Rows in the database are the truth.
 *   view   all titles of one organisation at one moment, in memory: what the pages are made of. It is loaded when it is
 *          first asked for; a change replaces the changed title in a new view and leaves the rest shared. A view that was
 *          taken stays as it is until it is given back.
 *
 * Changes: make them in a transaction (catalog_..._in for use inside a larger one), then, after the commit, call
 * catalog_refresh so that the view follows; the calls without "_in" do both. Everything asks the database or may wait
 * for it: workers only. Any thread. */
#ifndef BUSINESS_CATALOG_H
#define BUSINESS_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "system/db/db.h"
#include "text/text.h"

extern const struct db_schema catalog_schema; /* for db_migrate */

enum {
    CATALOG_NAME_MAX = 200, /* characters */
    CATALOG_SYNOPSIS_MAX = 4000,
    CATALOG_GENRES_MAX = 8,
    CATALOG_TRACKS_BYTES_MAX = 16384,
    CATALOG_TITLES_MAX = 100000, /* of one organisation */
};

enum catalog_kind { CATALOG_FILM, CATALOG_SERIES, CATALOG_EVENT };
enum catalog_status { CATALOG_READY, CATALOG_IMPORTING, CATALOG_FAILED, CATALOG_SCHEDULED, CATALOG_LIVE, CATALOG_ENDED };
const char *catalog_kind_name(enum catalog_kind);     /* "film", "series", "event" */
const char *catalog_status_name(enum catalog_status); /* "ready", "importing", "failed", "scheduled", "live", "ended" */
bool catalog_kind_parse(struct slice, enum catalog_kind *out);

struct catalog_text {
    struct slice name, synopsis; /* empty: none in this language */
};

struct catalog_title { /* never changes; borrowed from a view */
    int64_t id, org_id, parent_id;
    struct public_id public_id, parent; /* parent.text is "" without one */
    enum catalog_kind kind;
    enum catalog_status status;
    int season, episode, year; /* 0: none */
    int64_t duration_ms;       /* 0: not known */
    uint32_t colour;           /* 0xRRGGBB */
    int64_t poster_version;    /* 0: there is no poster */
    int64_t portrait_version;  /* 0: there is no upright one */
    int64_t starts_ms, started_ms, ended_ms; /* of an event, since 1970; 0: none. When it shall begin; began; was over */
    int64_t version;           /* grows with each change */
    struct catalog_text texts[TEXT_LANGUAGE_COUNT];
    struct slice genres; /* codes with a blank between */
    struct slice tracks; /* three JSON arrays, one a line: audio, captions, heights; or nothing */
    struct slice external_id; /* what a machine that brought it calls it; unique, may be empty */
    struct slice folded; /* all names, in small letters, for searching */
};

struct catalog;
MUST_USE struct err catalog_open(struct catalog **out, struct db *, struct id_maker *);
void catalog_close(struct catalog **); /* all views have been given back */

/* --- reading --- */

struct catalog_view {
    const struct catalog_title *const *titles; /* by id: oldest first */
    size_t count;
    /* the rest is the catalogue's */
    const struct catalog_title **owned;
    uint32_t *places; /* hash of public id to index + 1 */
    size_t place_count;
    _Atomic uint32_t references;
};
MUST_USE struct err catalog_view_take(struct catalog *, int64_t org_id, struct catalog_view **out);
void catalog_view_give(struct catalog_view **); /* NULL is fine */
/* NULL: there is none of this id in this organisation. */
const struct catalog_title *catalog_find(const struct catalog_view *, struct slice public_id);
/* The title that carries this external id, or NULL. Looks at all of them. */
const struct catalog_title *catalog_find_external(const struct catalog_view *, struct slice external_id);
/* The text in this language; where it has none in English, else in any. `lang` is one of text_languages. */
struct catalog_text catalog_text_in(const struct catalog_title *, struct slice lang);
/* Do all words of `query` stand in its names, in any language? Letters may be large or small. */
bool catalog_matches(const struct catalog_title *, struct slice query);

/* --- changing --- */

struct catalog_change { /* what is not set stays as it is */
    bool has_kind, has_parent, has_season, has_episode, has_year, has_genres;
    enum catalog_kind kind;
    struct slice parent; /* public id of a series, empty: none */
    int64_t season, episode, year;
    struct slice genres; /* codes with a blank between */
    struct slice external_id; /* only when it is created; up to 200 bytes */
    struct {
        bool has_name, has_synopsis;
        struct slice name, synopsis; /* empty: removed */
    } texts[TEXT_LANGUAGE_COUNT];
};

/* Errors of both: ERR_INPUT title.name, title.synopsis, title.year, title.genres, title.parent (no such series, or itself),
 * title.number; ERR_CONFLICT db.unique (the external id is taken); ERR_LIMIT title.many; ERR_NOT_FOUND title.not_found. Of the new one the public id is given. */
MUST_USE struct err catalog_create(struct catalog *, int64_t org_id, const struct catalog_change *, enum catalog_status, struct public_id *out);
MUST_USE struct err catalog_change(struct catalog *, int64_t org_id, struct slice public_id, const struct catalog_change *);
/* Errors: ERR_NOT_FOUND; ERR_CONFLICT title.has_episodes. */
MUST_USE struct err catalog_remove(struct catalog *, int64_t org_id, struct slice public_id);

/* What came of an import. */
struct catalog_media {
    int64_t duration_ms;
    uint32_t colour;
    bool has_poster;
    struct slice tracks; /* as in catalog_title */
};
/* Makes the title ready. ERR_NOT_FOUND title.not_found: it was removed meanwhile. ERR_LIMIT title.tracks. */
MUST_USE struct err catalog_set_media(struct catalog *, int64_t org_id, struct slice public_id, const struct catalog_media *);
/* Only the tracks: a rendition has been added. */
MUST_USE struct err catalog_set_tracks(struct catalog *, int64_t org_id, struct slice public_id, struct slice tracks);
/* Only the poster: one was brought by hand. */
MUST_USE struct err catalog_set_poster(struct catalog *, int64_t org_id, struct slice public_id, bool has_poster);
/* Only the portrait (2:3). */
MUST_USE struct err catalog_set_portrait(struct catalog *, int64_t org_id, struct slice public_id, bool has_portrait);
MUST_USE struct err catalog_set_status(struct catalog *, int64_t org_id, struct slice public_id, enum catalog_status);

/* For use inside a transaction. `id` and `public_id` are chosen before (id_next, public_id_random), since a transaction may run
 * again. */
MUST_USE struct err catalog_create_in(struct db_tx *, int64_t org_id, int64_t id, const struct public_id *, const struct catalog_change *,
                                      enum catalog_status);
/* Errors as catalog_remove. */
MUST_USE struct err catalog_remove_in(struct db_tx *, int64_t org_id, struct slice public_id);
MUST_USE struct err catalog_change_in(struct db_tx *, int64_t org_id, struct slice public_id, const struct catalog_change *);
MUST_USE struct err catalog_set_status_in(struct db_tx *, int64_t org_id, struct slice public_id, enum catalog_status);
MUST_USE struct err catalog_set_media_in(struct db_tx *, int64_t org_id, struct slice public_id, const struct catalog_media *);
/* Where an event stands: its status and its times, 0 for none. ERR_NOT_FOUND title.not_found. */
struct catalog_event {
    enum catalog_status status;
    int64_t starts_ms, started_ms, ended_ms;
};
MUST_USE struct err catalog_set_event_in(struct db_tx *, int64_t org_id, struct slice public_id, const struct catalog_event *);
MUST_USE struct err catalog_refresh(struct catalog *, int64_t org_id, struct slice public_id);

#endif
