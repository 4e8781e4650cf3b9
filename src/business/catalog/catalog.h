/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * catalog.h: titles, people and the rows of the home page, in four languages.
 *
 * The model
 *   title   anything that can be watched, or that holds such. What stands above what ("parent"):
 *             season      a series
 *             episode     a series, with the numbers of its season and of itself. A season that has a title of its own (a name, a
 *                         poster, a contract) is found by its number; one without is a number only
 *             clip        what it was cut from: film, episode or event; or nothing
 *             film, event nothing; or a film, episode or event of which it is another version: a director's cut, a second feed. `edit` says which
 *           A collection stands alone and lists its members in order. An event is announced (scheduled), on air (live), being finished
 *           (ended), and then a title like a film (ready); who moves it along is event/broadcast.
 *   person  somebody who has a part in titles, with a name per language.
 *   row     one line of the home page, arranged and scheduled by an editor.
 *   view    all of that of one organisation at one moment, in memory: what the pages are made of. It is loaded when it is first
 *           asked for; a change makes a new view that shares with the old one whatever did not change. A view that was
 *           taken stays as it is until it is given back. Rows in the database are the truth.
 *
 * Changes: make them in a transaction (catalog_..._in for use inside a larger one), then, after the commit, call
 * catalog_refresh so that the view follows; the calls without "_in" do both. Everything asks the database or may wait
 * for it: workers only, but for what says otherwise. Any thread. */
#ifndef BUSINESS_CATALOG_H
#define BUSINESS_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
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
    CATALOG_COUNTRIES_MAX = 16,
    CATALOG_PEOPLE_MAX = 200,   /* of one title */
    CATALOG_MEMBERS_MAX = 1000, /* of one collection or row */
    CATALOG_ROWS_MAX = 40,
    CATALOG_TRACKS_BYTES_MAX = 16384,
    CATALOG_TITLES_MAX = 100000, /* of one organisation */
    CATALOG_PERSONS_MAX = 200000,
};

/* The numbers are stored: append only. */
enum catalog_kind { CATALOG_FILM, CATALOG_SERIES, CATALOG_EVENT, CATALOG_SEASON, CATALOG_EPISODE, CATALOG_CLIP, CATALOG_COLLECTION, CATALOG_KINDS };
enum catalog_status { CATALOG_READY, CATALOG_IMPORTING, CATALOG_FAILED, CATALOG_SCHEDULED, CATALOG_LIVE, CATALOG_ENDED };
const char *catalog_kind_name(enum catalog_kind);     /* "film", "series", "event", "season", "episode", "clip", "collection" */
const char *catalog_status_name(enum catalog_status); /* "ready", "importing", "failed", "scheduled", "live", "ended" */
bool catalog_kind_parse(struct slice, enum catalog_kind *out);
/* Does it hold others and is nothing to watch by itself: series, season, collection? */
bool catalog_kind_holds(enum catalog_kind);

/* --- ratings --- */

/* A rating is a word of a system: FSK 0 6 12 16 18; MPA G PG PG-13 R NC-17; Thailand's ส ท "น 13+" "น 15+" "น 18+" "ฉ 20+"; AGE, a plain number
 * up to 21, where there is no system. A title may carry one of each. Each means an age of our ladder, 0 6 12 16 18, to which profiles are held:
 * PG is 6, PG-13 and น 13+ are 12, R and น 15+ are 16, NC-17, น 18+ and ฉ 20+ are 18; a plain number is rounded up. */
enum catalog_system { CATALOG_FSK, CATALOG_MPA, CATALOG_TH, CATALOG_AGE, CATALOG_SYSTEMS };
struct catalog_ratings {
    uint8_t values[CATALOG_SYSTEMS]; /* 0: none; else the place of the word in its system, from 1 */
};
struct catalog_rating {
    enum catalog_system system;
    const char *value; /* static */
    int age;
};
const char *catalog_system_name(enum catalog_system); /* "FSK", "MPA", "TH", "AGE" */
const char *catalog_system_country(enum catalog_system); /* where it is the law of the land: "DE", "US", "TH"; "" of AGE */
bool catalog_system_parse(struct slice, enum catalog_system *out);
/* Blanks do not matter: "น13+" is "น 13+". False, and untouched, if the system has no such word. */
bool catalog_rating_parse(struct slice value, enum catalog_system, struct catalog_ratings *out);
bool catalog_rating_of(const struct catalog_ratings *, enum catalog_system, struct catalog_rating *out); /* false: none of this system */
int catalog_age(const struct catalog_ratings *); /* the strictest; 0 without ratings */

/* --- EIDR (ISO 26324; standards: ids of audiovisual works) --- */

enum { CATALOG_EIDR_LEN = 34 };
/* Writes the canonical form, "10.5240/7791-8534-2C23-9030-8610-5" and a zero. Takes it with or without prefix, in small letters, and as
 * "urn:eidr:10.5240:..." or "md:cid:eidr-s:...". False unless the check character (ISO 7064 Mod 37,36 over the twenty) is right. */
bool catalog_eidr_parse(struct slice, char out[CATALOG_EIDR_LEN + 1]);

/* --- what is in a view: never changes, borrowed from it --- */

struct catalog_text {
    struct slice name, synopsis; /* empty: none in this language */
};

/* What somebody does in a title. The numbers are stored: append only. */
enum catalog_part { CATALOG_CAST, CATALOG_DIRECTOR, CATALOG_WRITER, CATALOG_PRODUCER, CATALOG_MUSIC, CATALOG_CAMERA, CATALOG_EDITING,
                    CATALOG_PRESENTER, CATALOG_COMMENTATOR, CATALOG_ATHLETE, CATALOG_GUEST, CATALOG_PARTS };
const char *catalog_part_name(enum catalog_part); /* "cast", "director", "writer", "producer", "music", "camera", "editing", ... */
bool catalog_part_parse(struct slice, enum catalog_part *out);

struct catalog_person {
    int64_t id, org_id, version;
    struct public_id public_id;
    struct slice names[TEXT_LANGUAGE_COUNT]; /* at least one is not empty */
};
struct catalog_credit { /* in the order in which they are named */
    int64_t person_id;
    enum catalog_part part;
    struct slice character; /* whom they play; may be empty */
};

struct catalog_title {
    int64_t id, org_id, parent_id;
    struct public_id public_id, parent; /* parent.text is "" without one */
    enum catalog_kind kind;
    enum catalog_status status;
    int season, episode, year; /* 0: none */
    int64_t duration_ms;       /* 0: not known */
    uint32_t colour;           /* 0xRRGGBB */
    int64_t poster_version;    /* 0: there is no poster */
    int64_t portrait_version;  /* 0: there is no upright one */
    int64_t poster_versions[TEXT_LANGUAGE_COUNT]; /* posters with words in one language; 0: the general one stands for it */
    int64_t starts_ms, started_ms, ended_ms; /* of an event, since 1970; 0: none. When it shall begin; began; was over */
    int64_t version;           /* grows with each change */
    bool is_free;              /* marked as free to everybody */
    int age;                   /* 0, 6, 12, 16 or 18: the strictest of its ratings; what holds where is catalog_rating_in */
    struct catalog_ratings ratings;
    struct catalog_text texts[TEXT_LANGUAGE_COUNT];
    struct slice genres;        /* codes with a blank between */
    struct slice countries;     /* where it was made: ISO 3166-1 codes with a blank between */
    struct slice original_lang; /* BCP 47, or empty */
    struct slice original_name; /* as it is called there; may be empty */
    struct slice edit;          /* which version it is: "director", "feed", ...; may be empty */
    struct slice eidr;          /* canonical, or empty; unique in its organisation */
    struct slice tracks;        /* three JSON arrays, one a line: audio, captions, heights; or nothing */
    struct slice external_id;   /* what a machine that brought it calls it; unique in its organisation, may be empty */
    const struct catalog_credit *people;
    size_t people_count;
    const int64_t *members; /* of a collection, in order; those that were removed meanwhile are not found in the view */
    size_t member_count;
};

/* Where the titles of a row come from. The numbers are stored: append only. */
enum catalog_source { CATALOG_NEWEST, CATALOG_GENRE, CATALOG_OF_COLLECTION, CATALOG_CHOSEN, CATALOG_ON_AIR, CATALOG_UPCOMING, CATALOG_FREE,
                      CATALOG_CONTINUE, CATALOG_OF_KIND, CATALOG_SOURCES };
/* "newest", "genre", "collection", "titles", "live", "upcoming", "free", "continue", "kind" */
const char *catalog_source_name(enum catalog_source);
bool catalog_source_parse(struct slice, enum catalog_source *out);
struct catalog_row {
    struct public_id public_id;
    enum catalog_source source;
    struct slice names[TEXT_LANGUAGE_COUNT]; /* at least one */
    struct slice genre;                      /* of CATALOG_GENRE; of CATALOG_OF_KIND the kind's name */
    const struct public_id *titles;          /* of CATALOG_CHOSEN in order; of CATALOG_OF_COLLECTION the one collection */
    size_t title_count;
    int64_t starts_ms, ends_ms;              /* when it is shown, since 1970; 0: no bound */
};

struct catalog;
MUST_USE struct err catalog_open(struct catalog **out, struct db *, struct id_maker *);
void catalog_close(struct catalog **); /* all views have been given back */

/* Tells after each change of an organisation's titles, when the new view is up: any thread, without locks of ours. Set before
 * threads start; up to four. */
void catalog_on_change(struct catalog *, void (*fn)(void *user, int64_t org_id), void *user);

/* --- reading --- */

struct catalog_view {
    const struct catalog_title *const *titles; /* by id: oldest first */
    size_t count;
    const struct catalog_person *const *people; /* by id */
    size_t people_count;
    const struct catalog_row *rows; /* in order; none: nobody arranged any */
    size_t row_count;
    int64_t org_id;
    struct view_inner *inner; /* the catalogue's */
};
MUST_USE struct err catalog_view_take(struct catalog *, int64_t org_id, struct catalog_view **out);
/* The view if it is loaded, else NULL: takes a lock for a moment and asks nobody. For loop threads. */
struct catalog_view *catalog_view_peek(struct catalog *, int64_t org_id);
void catalog_view_give(struct catalog_view **); /* NULL is fine */

/* NULL: there is none of this id in this organisation. All but the last in constant time or by halving. */
const struct catalog_title *catalog_find(const struct catalog_view *, struct slice public_id);
const struct catalog_title *catalog_find_id(const struct catalog_view *, int64_t id);
const struct catalog_person *catalog_find_person(const struct catalog_view *, int64_t id);
const struct catalog_title *catalog_find_external(const struct catalog_view *, struct slice external_id);
const struct catalog_title *catalog_find_eidr(const struct catalog_view *, struct slice eidr); /* in any of its forms */
/* By public id, EIDR or external id, in this order. */
const struct catalog_title *catalog_find_any(const struct catalog_view *, struct slice text);
/* Looks at all of them. */
const struct catalog_person *catalog_person_of_public_id(const struct catalog_view *, struct slice public_id);

const struct catalog_title *catalog_parent(const struct catalog_view *, const struct catalog_title *); /* NULL: none */
/* The season of an episode, where it has a title of its own; else NULL. */
const struct catalog_title *catalog_season(const struct catalog_view *, const struct catalog_title *);
/* What has this as its parent, by season, episode and age: seasons come before episodes. Borrowed from the view. */
const struct catalog_title *const *catalog_children(const struct catalog_view *, const struct catalog_title *, size_t *count);
/* The titles whose contracts hold for it: itself, its season, its series; of a version itself, its main title, and that one's series. 0: none. */
void catalog_above(const struct catalog_view *, const struct catalog_title *, int64_t ids[3]);
bool catalog_is_version(const struct catalog_title *); /* of another title: not listed by itself */
/* May lists show it: ready, or an event that is announced or on air, or a series or season with an episode that is ready, or a collection
 * with a member that may be shown; and no version of something else. */
bool catalog_is_shown(const struct catalog_view *, const struct catalog_title *);

/* The text in this language; where it has none in English, else in any. `lang` is one of text_languages. */
struct catalog_text catalog_text_in(const struct catalog_title *, struct slice lang);
struct slice catalog_person_name_in(const struct catalog_person *, struct slice lang);
/* The rating that holds for a viewer of this country ("DE"; empty: not known): that of his country's system, else the strictest one. False: it
 * has none. */
bool catalog_rating_in(const struct catalog_title *, struct slice country, struct catalog_rating *out);

/* Lists for rows, made once per view and borrowed from it: titles that catalog_is_shown, newest first, at most CATALOG_LIST_MAX; episodes and
 * seasons stand in their series, not here. Events: on air, the latest first; announced, the next first, those without a date last. */
enum { CATALOG_LIST_MAX = 60 };
struct catalog_list {
    const struct catalog_title *const *items;
    size_t count;
};
/* `code`: a genre or the name of a kind, for those two sources. ERR_LIMIT: memory. Sources that lists are not made for give none. */
MUST_USE struct err catalog_list(const struct catalog_view *, enum catalog_source, struct slice code, struct catalog_list *out);
/* The genres that are in use, those with the most titles first. */
MUST_USE struct err catalog_genres(const struct catalog_view *, struct arena *, struct slice **out, size_t *count);

/* --- searching --- */


enum { CATALOG_QUERY_BYTES_MAX = 400, CATALOG_QUERY_WORDS_MAX = 12, CATALOG_HITS_MAX = 100, CATALOG_RANGES_MAX = 16 };
enum catalog_field { CATALOG_IN_NAME, CATALOG_IN_ORIGINAL, CATALOG_IN_PERSON, CATALOG_IN_GENRE, CATALOG_IN_SYNOPSIS, CATALOG_FIELDS };
const char *catalog_field_name(enum catalog_field); /* "name", "original", "person", "genre", "synopsis" */

struct catalog_match { /* where the words of the query stand in a text that is shown */
    enum catalog_field field;
    struct slice text;
    struct {
        uint32_t from, to; /* UTF-16 code units, as JavaScript counts */
    } ranges[CATALOG_RANGES_MAX];
    size_t range_count;
};
struct catalog_hit {
    const struct catalog_title *title;
    int score;
    struct catalog_match match;
};
struct catalog_person_hit {
    const struct catalog_person *person;
    int score;
    struct catalog_match match;
    const struct catalog_title *titles[3]; /* some of those in which they have a part, newest first */
    size_t title_count;
};
struct catalog_hits {
    struct catalog_hit *titles; /* the best first */
    size_t title_count;
    struct catalog_person_hit *people;
    size_t people_count;
    bool is_more;
};
struct catalog_question {
    struct slice query; /* any bytes: what is no UTF-8 and beyond the bounds is left out */
    struct slice lang;  /* of the viewer, one of text_languages: ties go to names in it */
    size_t limit;       /* of each; 0: 20; at most CATALOG_HITS_MAX */
    bool is_whole;      /* the last word is complete: it is not taken as the beginning of one */
    bool shows_all;     /* for editors: also what catalog_is_shown hides */
    bool has_kind;
    enum catalog_kind kind;
};
/* All words of the query must be found, each in any field and language: as it stands, as the beginning of a word (only the last one, and
 * in languages that put no blanks between words any), or with one typing error from four letters on and two from eight on (a letter more, less
 * or other, or two exchanged). Best first: exact before beginning before typing error, and name before original name before person before
 * genre before synopsis. The index is made at the first call and from then on grows with each change.
 * Results live in `arena` and borrow from the view. Any thread but loops; reads no database. Errors: memory. */
MUST_USE struct err catalog_search(const struct catalog_view *, struct arena *, const struct catalog_question *, struct catalog_hits *out);
/* Of the index of this view, for measurements: 0 before the first search. */
size_t catalog_search_bytes(const struct catalog_view *);

/* --- changing --- */

struct catalog_credit_change {
    struct slice person; /* public id */
    enum catalog_part part;
    struct slice character;
};
struct catalog_change { /* what is not set stays as it is */
    bool has_kind, has_parent, has_season, has_episode, has_year, has_genres;
    enum catalog_kind kind;
    struct slice parent; /* public id, empty: none. Of an episode its series or season; a film that gets a series becomes an episode */
    int64_t season, episode, year;
    struct slice genres; /* codes with a blank between */
    struct slice external_id; /* only when it is created; up to 200 bytes */
    struct {
        bool has_name, has_synopsis;
        struct slice name, synopsis; /* empty: removed */
    } texts[TEXT_LANGUAGE_COUNT];
    bool has_is_free, is_free; /* a new title is free unless this says otherwise */
    bool has_ratings;
    struct catalog_ratings ratings;
    bool has_eidr, has_original_lang, has_original_name, has_countries, has_edit; /* empty: removed */
    struct slice eidr, original_lang, original_name, countries, edit;
    bool has_people;
    const struct catalog_credit_change *people; /* all of them, in order */
    size_t people_count;
    bool has_members;
    const struct slice *members; /* public ids, all of them, in order */
    size_t member_count;
    bool is_without_rights; /* only when it is created: told to catalog_on_made */
};

/* Errors of both: ERR_INPUT title.name, title.synopsis, title.year, title.genres, title.parent (none of that kind, or itself),
 * title.number, title.external_id, title.eidr, title.language, title.countries, title.edit, title.people (no such person, too many), title.members
 * (no such title, itself, too many, not a collection); ERR_CONFLICT title.eidr_taken, db.unique (the external id is taken);
 * ERR_LIMIT title.many; ERR_NOT_FOUND title.not_found. Of the new one the public id is given. */
MUST_USE struct err catalog_create(struct catalog *, int64_t org_id, const struct catalog_change *, enum catalog_status, struct public_id *out);
MUST_USE struct err catalog_change(struct catalog *, int64_t org_id, struct slice public_id, const struct catalog_change *);
/* Errors: ERR_NOT_FOUND; ERR_CONFLICT title.has_episodes (something has it as its parent). */
MUST_USE struct err catalog_remove(struct catalog *, int64_t org_id, struct slice public_id);

/* Called in the transaction in which catalog_create or catalog_import makes a title, after its row is there; an error takes all back. Who
 * calls catalog_create_in sees to it himself. Set before threads start. */
typedef struct err catalog_made_fn(void *user, struct db_tx *, int64_t org_id, int64_t title_id, const struct catalog_change *);
void catalog_on_made(struct catalog *, catalog_made_fn *, void *user);

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
/* The poster of one language, an index of text_languages. */
MUST_USE struct err catalog_set_poster_in(struct catalog *, int64_t org_id, struct slice public_id, int lang, bool has_poster);
/* Only the portrait (2:3). */
MUST_USE struct err catalog_set_portrait(struct catalog *, int64_t org_id, struct slice public_id, bool has_portrait);
MUST_USE struct err catalog_set_status(struct catalog *, int64_t org_id, struct slice public_id, enum catalog_status);

/* For use inside a transaction. `id` and `public_id` are chosen before (id_next, public_id_random), since a transaction may run
 * again. */
MUST_USE struct err catalog_create_in(struct db_tx *, int64_t org_id, int64_t id, const struct public_id *, const struct catalog_change *,
                                      enum catalog_status);
/* What a title is called outside; "" if it is gone. */
MUST_USE struct err catalog_public_id_in(struct db_tx *, int64_t org_id, int64_t id, struct public_id *out);
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
/* Everything is read anew; for changes of many titles at once. Those who read meanwhile see the old view. */
MUST_USE struct err catalog_refresh_all(struct catalog *, int64_t org_id);

/* --- people --- */

struct catalog_person_change {
    struct {
        bool has_name;
        struct slice name; /* empty: removed */
    } names[TEXT_LANGUAGE_COUNT];
};
/* Errors: ERR_INPUT person.name (none left, or not to be shown); ERR_LIMIT person.many; ERR_NOT_FOUND person.not_found. */
MUST_USE struct err catalog_person_create(struct catalog *, int64_t org_id, const struct catalog_person_change *, struct public_id *out);
MUST_USE struct err catalog_person_change(struct catalog *, int64_t org_id, struct slice public_id, const struct catalog_person_change *);
/* ERR_CONFLICT person.has_parts: titles name them. */
MUST_USE struct err catalog_person_remove(struct catalog *, int64_t org_id, struct slice public_id);

/* --- rows of the home page --- */

/* Replaces them all. A row whose public_id.text is "" is new and gets one. What they point to is read during the call. Errors: ERR_INPUT row.name,
 * row.genre, row.titles (no such title, none, too many), row.times (ends before it starts), row.many, row.id (two of one id). */
MUST_USE struct err catalog_rows_set(struct catalog *, int64_t org_id, const struct catalog_row *, size_t count);

/* --- out and in --- */

/* A title is a row of cells, in CSV (RFC 4180, UTF-8, a header row that names the columns, in any order) as in JSON ({"people": [...], "titles":
 * [{...}]}, the same cells as members, with names, synopses and ratings as objects). The guide page "Catalogue" describes each. */
enum catalog_format { CATALOG_CSV, CATALOG_JSON };
/* The whole catalogue: all that an editor may change. Importing what was exported changes nothing. ERR_LIMIT: out is full, memory. */
MUST_USE struct err catalog_export(const struct catalog_view *, enum catalog_format, struct buf *out);

struct catalog_fault {
    size_t line, column;  /* from 1; the column counts characters of the line */
    struct slice field;   /* which column or member; may be empty */
    const char *code;     /* as the errors above, csv.*, catalogue.* */
    const char *what;     /* English; texts by code */
};
enum { CATALOG_FAULTS_MAX = 1000 };
struct catalog_import_report {
    size_t created, changed, people; /* titles made, titles changed, people made or renamed */
    struct catalog_fault *faults;    /* in order; the first CATALOG_FAULTS_MAX */
    size_t fault_count;              /* all of them */
};
/* All or nothing. A row with an `id` that there is, else with an EIDR or an external id that there is, changes that title; any other makes a new
 * one (an id that is not here only serves other rows to refer to it). Columns that are missing leave things as they are, empty cells remove.
 * Parents and members are named by id, EIDR or external id, of this file or of the catalogue; people by id or by name, and who is
 * not known is made. With `is_trial` nothing is changed, and the report says what would be.
 * With faults the answer is ERR_INPUT catalogue.faults, the report has them and nothing was changed. What the report points to lives in `arena`,
 * which also holds the rows meanwhile. Other errors: memory, of the store; ERR_CONFLICT when the catalogue was changed meanwhile in a way that
 * no longer fits. */
MUST_USE struct err catalog_import(struct catalog *, struct arena *, int64_t org_id, enum catalog_format, struct slice bytes, bool is_trial,
                                   struct catalog_import_report *out);

#endif
