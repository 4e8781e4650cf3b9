/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * rights.h: may it be shown? What contracts say about titles, kept in a book that only grows, and answered from memory.
 *
 * The model
 *   party    somebody we have contracts with; one of them is ourselves ("us"), made with the organisation's first deal.
 *   deal     a contract: `in` (we license from the party), `out` (we licensed to it), `own` (our own productions). Its reference, its
 *            status and whether it may be sublicensed can change; each change is a version that says since when it is known.
 *   line     one sentence of a deal about one title: it allows, or forbids (holdback, blackout), some territories, media and languages for
 *            a window of time. Lines never change. To amend one, append another and withdraw the first, which rights_lines_append
 *            does in one go (`replaces`); a withdrawn line stays in the book.
 *   book     all of that in the database, of one organisation. It has a sequence number that grows with each transaction that changes
 *            something, and a time `known_s` that never goes back, whatever the clock does: so "as known at" has one answer for ever.
 *   index    the book compiled, in memory: a fold of the store and nothing else. After kill -9 it is simply compiled again. It is what
 *            rights_decide asks: any thread, no lock, no database, no allocation.
 *
 * A line hangs on a title, which may be a film, an episode, a season, a series, an event, a clip or a collection; what hangs on a series or a
 * season holds for the episodes in it, so a question names up to three titles. Default is no. A block (holdback, blackout) of any of them beats
 * every allow; an exclusive `out` line to somebody else blocks our own service in its scope; only active deals count.
 * What happens to the titles themselves (removed, moved into another series) is the catalogue's; lines of titles that are gone stay in the book.
 *
 * Following: who changes the book through the calls below finds the change in the index when the call returns. Who changes it inside a larger
 * transaction (rights_..._in) calls rights_refresh after the commit. Changes of other processes over the same database are found by the
 * sequence number: by rights_refresh, or within RIGHTS_FOLLOW_MS by the thread "rights-follow" where it was asked for. Either way listeners
 * (rights_listen) are called after the readers see the new state.
 *
 * Threads: any. What asks the database is marked (workers only). Times are whole seconds since 1970, UTC, 0 ..
 * RIGHTS_TIME_MAX; windows are half-open: [starts_s, ends_s).
 *
 * Errors of all calls that ask the database, besides those named: those of system/db. Public ids of another organisation are simply not found. */
#ifndef BUSINESS_RIGHTS_RIGHTS_H
#define BUSINESS_RIGHTS_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "business/catalog/catalog.h"
#include "system/db/db.h"
#include "text/text.h"

extern const struct db_schema rights_schema; /* for db_migrate */

#define RIGHTS_TIME_MAX INT64_C(4294967294) /* 2106-02-07 */
#define RIGHTS_ENDLESS INT64_C(4294967295)  /* as an end: never; as a time of change: no change to be seen */

enum {
    RIGHTS_NAME_MAX = 200, /* characters */
    RIGHTS_REFERENCE_MAX = 100,
    RIGHTS_NOTE_MAX = 1000,
    RIGHTS_TERRITORIES_MAX = 4000, /* bytes of the text */
    RIGHTS_LANGUAGES_MAX = 400,
    RIGHTS_APPEND_MAX = 1000,      /* lines in one call; more come by rights_import */
    RIGHTS_LIST_MAX = 10000,       /* rows that one list gives */
    RIGHTS_FOLLOW_MS = 1000,
};

/* --- the words --- */

enum rights_medium { /* fixed: the bit number in masks and in the store; names in this order */
    RIGHTS_FREE, RIGHTS_ADVERTISING, RIGHTS_SUBSCRIPTION, RIGHTS_RENTAL, RIGHTS_PURCHASE, RIGHTS_LIVE, RIGHTS_CATCH_UP, RIGHTS_CLIP,
    RIGHTS_DOWNLOAD, RIGHTS_LINEAR, RIGHTS_THEATRICAL, RIGHTS_VENUE,
    RIGHTS_MEDIA, /* how many */
};
#define RIGHTS_ALL_MEDIA ((uint16_t)((1u << RIGHTS_MEDIA) - 1))
enum rights_effect { RIGHTS_ALLOW, RIGHTS_HOLDBACK, RIGHTS_BLACKOUT, RIGHTS_EFFECTS };
enum rights_direction { RIGHTS_IN, RIGHTS_OUT, RIGHTS_OWN, RIGHTS_DIRECTIONS };
enum rights_status { RIGHTS_DRAFT, RIGHTS_ACTIVE, RIGHTS_SUSPENDED, RIGHTS_TERMINATED, RIGHTS_STATUSES };
enum rights_party_kind { RIGHTS_ORGANISATION, RIGHTS_PERSON, RIGHTS_PLATFORM, RIGHTS_PARTY_KINDS };

/* Why the answer is what it is, in the order in which a refusal prefers them: what comes nearest to a yes is named. */
enum rights_reason {
    RIGHTS_BECAUSE_ALLOWED,   /* "rights.allowed": a line grants it */
    RIGHTS_BECAUSE_BLACKOUT,  /* "rights.blackout" */
    RIGHTS_BECAUSE_HOLDBACK,  /* "rights.holdback" */
    RIGHTS_BECAUSE_EXCLUSIVE, /* "rights.exclusive": sold to somebody else alone */
    RIGHTS_BECAUSE_PLAYS,     /* "rights.plays": granted, and all plays are used up */
    RIGHTS_BECAUSE_NOT_YET,   /* "rights.not_yet": from_s says when */
    RIGHTS_BECAUSE_DEAL,      /* "rights.deal": a draft, suspended or terminated deal would grant it */
    RIGHTS_BECAUSE_ENDED,     /* "rights.ended" */
    RIGHTS_BECAUSE_LANGUAGE,  /* "rights.language" */
    RIGHTS_BECAUSE_MEDIUM,    /* "rights.medium": granted here and now, for other media */
    RIGHTS_BECAUSE_TERRITORY, /* "rights.territory": granted elsewhere */
    RIGHTS_BECAUSE_NONE,      /* "rights.none": nothing grants it at all */
    RIGHTS_REASONS,
};

/* Names as in JSON, CSV and on the command line; never NULL. The parsers are exact, and leave *out alone on false. */
const char *rights_medium_name(enum rights_medium);       /* "free", "advertising", ... "catch_up", ... "venue" */
const char *rights_effect_name(enum rights_effect);       /* "allow", "holdback", "blackout" */
const char *rights_direction_name(enum rights_direction); /* "in", "out", "own" */
const char *rights_status_name(enum rights_status);       /* "draft", "active", "suspended", "terminated" */
const char *rights_party_kind_name(enum rights_party_kind); /* "organisation", "person", "platform" */
const char *rights_reason_code(enum rights_reason);       /* "rights.none": stable */
bool rights_medium_parse(struct slice, enum rights_medium *out);
bool rights_effect_parse(struct slice, enum rights_effect *out);
bool rights_direction_parse(struct slice, enum rights_direction *out);
bool rights_status_parse(struct slice, enum rights_status *out);
bool rights_party_kind_parse(struct slice, enum rights_party_kind *out);
/* A comma list ("free,rental"), or "all". False and *bad = the word that means nothing. */
bool rights_media_parse(struct slice, uint16_t *out, struct slice *bad);
void rights_media_write(struct buf *, uint16_t media); /* "free,rental"; all of them: "all" */

/* --- places, territories, languages ---
 *
 * Sets are interned: one text in canonical form, one number for the life of the process, whoever asks; read from any thread without
 * a lock. They are never freed: there are as many as different texts were seen. 0 is the empty territory set, and "any language". */

/* Where somebody is: a country of ISO 3166-1 and, where it is known, an area of ISO 3166-2 in it. */
struct rights_place {
    uint8_t country; /* place in the registry of 249 countries; RIGHTS_NOWHERE: not known */
    char area[3];    /* what stands behind "US-": "CA"; zeroed where it is not known */
};
enum { RIGHTS_COUNTRIES = 249, RIGHTS_NOWHERE = 255 };
/* "DE", or "US" and "CA" or "US-CA", or "US-CA" alone. False: no such country, or an area that cannot be one of it. */
bool rights_place_parse(struct slice country, struct slice area, struct rights_place *out);
const char *rights_country_code(uint8_t country); /* "DE" */
bool rights_country_parse(struct slice, uint8_t *out);

/* "WORLD,-US", "DE,AT,CH,-DE-BY". Errors: ERR_INPUT rights.territory_unknown (*bad: the part that means nothing), rights.territories (empty, or too
 * long), ERR_LIMIT. */
MUST_USE struct err rights_territories_of(struct slice text, uint32_t *out, struct slice *bad);
struct slice rights_territories_text(uint32_t set);   /* canonical; lives as long as the process */
unsigned rights_territories_count(uint32_t set);      /* of countries that are in it, whole or in part */
bool rights_territories_hold(uint32_t set, struct rights_place, enum rights_effect);
bool rights_territories_meet(uint32_t a, uint32_t b); /* do they have anything in common? */
/* What they have in common; 0: nothing. Errors: ERR_LIMIT. */
MUST_USE struct err rights_territories_common(uint32_t a, uint32_t b, uint32_t *out);

/* Comma list of BCP 47 tags, empty: any. Errors: ERR_INPUT rights.language_tag (*bad), ERR_LIMIT. */
MUST_USE struct err rights_languages_of(struct slice text, uint32_t *out, struct slice *bad);
struct slice rights_languages_text(uint32_t set);
/* One tag, for a question; an empty one is 0: none. */
MUST_USE struct err rights_tag_of(struct slice text, uint32_t *out);

/* --- the book's things --- */

struct rights_party {
    int64_t id;
    struct public_id public_id;
    struct slice name;
    char country[3]; /* "DE"; "" where it is not known */
    enum rights_party_kind kind;
    bool is_us;
};

struct rights_deal {
    int64_t id;
    struct public_id public_id, parent; /* parent.text is "": none */
    struct slice reference;
    enum rights_direction direction;
    enum rights_status status;
    struct rights_party party;
    bool may_sublicense;
    int64_t version, created_s, line_count; /* lines that stand */
};

/* What a line says. */
struct rights_terms {
    int64_t title_id;
    enum rights_effect effect;
    uint16_t media;                  /* bits; not 0 */
    uint32_t territories, languages; /* sets */
    int64_t starts_s, ends_s;        /* ends_s may be RIGHTS_ENDLESS */
    bool is_exclusive, may_sublicense;
    int64_t plays_max; /* 0: any number */
    struct slice note;
};

struct rights_line {
    int64_t id, deal_id;
    struct public_id public_id;
    struct rights_terms terms;
    int64_t known_s, withdrawn_s; /* withdrawn_s 0: it stands */
    int64_t plays;                /* used up so far; only of lines with a plays_max */
};

/* A line with what people want to see beside it. */
struct rights_line_row {
    struct rights_line line;
    struct rights_deal deal; /* without line_count */
    struct public_id title;  /* "": it was removed from the catalogue */
};

#define RIGHTS_LIST(type) struct type##_list { const struct type *items; size_t count; }
RIGHTS_LIST(rights_party);
RIGHTS_LIST(rights_deal);
RIGHTS_LIST(rights_line);
RIGHTS_LIST(rights_line_row);

/* --- opening and closing --- */

struct rights_options {
    struct db *db; /* migrated */
    const struct clock *clock;
    struct id_maker *ids;
    struct catalog *catalog; /* which titles stand under which */
    bool follows; /* starts "rights-follow": for servers */
};
struct rights;
/* Compiles the whole book. Organisations that had titles before there were contracts first get their house deal with a line for each of these, so
 * that what could be watched still can. Workers only. Errors: memory, of the database. */
MUST_USE struct err rights_open(struct rights **out, const struct rights_options *);
void rights_close(struct rights **); /* nobody asks or listens any more; NULL is fine */

/* Brings the index to what the book is now; quick when nothing changed. Workers only. On an error the index stays what it was. */
MUST_USE struct err rights_refresh(struct rights *);
/* Grows whenever any answer may have changed. Any thread. */
uint64_t rights_generation(const struct rights *);
/* `fn` is called after the readers see a change, on the thread that brought it, with none of our locks held. Up to 8 listeners, for
 * the life of `rights`; before other threads use it. */
void rights_listen(struct rights *, void (*fn)(void *user, int64_t org_id), void *user);

/* --- what our own service runs ---
 *
 * Selling exclusively out of what we license is what licences are for; that it takes from our own service what it runs is a contradiction. What it runs: titles that may be listed, by
 * the media for which they are free (that the catalogue says), and those by which they are on sale, which a room above says: */
struct rights_runs;
/* Windows and sets as those of lines. What several say is told once. */
MUST_USE struct err rights_run_add(struct rights_runs *, uint32_t territories, uint16_t media, int64_t from_s, int64_t to_s);
/* Adds by which media, where and when this title (no series, season or collection) is on sale from now_s on. From the threads that ask for contradictions. */
typedef struct err rights_runs_fn(void *user, const struct catalog_view *, const struct catalog_title *, int64_t now_s, struct rights_runs *);
void rights_runs_from(struct rights *, rights_runs_fn *, void *user); /* before other threads use it */

/* --- the decision --- */

struct rights_question {
    int64_t titles[3]; /* the title, its season, its series, in any order; 0: none */
    int64_t party_id;  /* who wants to show it: 0 our own service, else a licensee */
    struct rights_place place;
    enum rights_medium medium;
    uint32_t language; /* rights_tag_of; 0: none named */
    int64_t at_s;
};
struct rights_answer {
    bool is_allowed;
    enum rights_reason reason;
    int64_t line_id; /* that decided; 0: none did */
    int64_t until_s; /* the next instant at which the answer may change by itself; RIGHTS_ENDLESS: none */
    int64_t from_s;  /* rights.not_yet: when it begins; else 0 */
    bool counts_plays; /* allowed by a line with a number of plays: tell rights_play when one begins */
};
/* Any thread, no lock, no database. Titles of other organisations are not looked out for here: the caller has found these in the view of
 * its own. */
void rights_decide(const struct rights *, const struct rights_question *, struct rights_answer *out);
/* The same as it would have been answered at known_s: from the book. All questions are about the titles of the first. Workers only. */
MUST_USE struct err rights_decide_known(struct rights *, int64_t org_id, const struct rights_question *, size_t count, int64_t known_s, struct rights_answer *out);
/* One play of an allowed line with counts_plays has begun. When it was the last, the line grants no more. Workers only.
 * Errors: ERR_NOT_FOUND rights.line_missing. */
MUST_USE struct err rights_play(struct rights *, int64_t org_id, int64_t line_id);

/* Everything that was looked at for an answer: each line of the titles, and whether and why it applies. `party_id`: whose deal it is. */
enum rights_fit {
    RIGHTS_FITS, RIGHTS_FIT_TERRITORY, RIGHTS_FIT_MEDIUM, RIGHTS_FIT_LANGUAGE, RIGHTS_FIT_NOT_YET, RIGHTS_FIT_ENDED, RIGHTS_FIT_DEAL,
    RIGHTS_FIT_PLAYS, RIGHTS_FIT_PARTY, /* a deal with somebody else, which neither grants nor forbids this to whoever asks */
};
const char *rights_fit_name(enum rights_fit); /* "applies", "territory", "medium", "language", "not_yet", "ended", "deal", "plays", "party" */
enum rights_fit rights_line_fit(const struct rights_line_row *, const struct rights_question *);

/* --- parties and deals --- */

struct rights_party_change { /* what is not set stays */
    bool has_name, has_country, has_kind;
    struct slice name, country;
    enum rights_party_kind kind;
};
/* Errors: ERR_INPUT rights.party_name, rights.country; ERR_CONFLICT rights.party_taken (the name); ERR_NOT_FOUND rights.party_missing. Workers only, like all
 * that follows. */
MUST_USE struct err rights_party_create(struct rights *, int64_t org_id, const struct rights_party_change *, struct public_id *out);
MUST_USE struct err rights_party_change(struct rights *, int64_t org_id, struct slice party, const struct rights_party_change *);
MUST_USE struct err rights_parties(struct rights *, struct arena *, int64_t org_id, struct rights_party_list *out); /* by name */

struct rights_deal_new {
    struct slice reference, party, parent; /* party, parent: public ids; parent empty: none; party empty: us, for RIGHTS_OWN */
    enum rights_direction direction;
    enum rights_status status;
    bool may_sublicense;
};
struct rights_deal_change {
    bool has_reference, has_status, has_may_sublicense;
    struct slice reference;
    enum rights_status status;
    bool may_sublicense;
};
/* Errors of both: ERR_INPUT rights.reference (empty, too long), rights.own (an own deal is with us, any other is not), rights.parent
 * (no such deal, or it is not one under which this could stand: `out` under `in` or `own`); ERR_CONFLICT rights.reference_taken;
 * ERR_NOT_FOUND rights.party_missing, rights.deal_missing. A terminated deal does not come back: ERR_CONFLICT rights.terminated. `user_id` is noted with the
 * version; 0: nobody with an account. */
MUST_USE struct err rights_deal_create(struct rights *, int64_t org_id, const struct rights_deal_new *, int64_t user_id, struct public_id *out);
MUST_USE struct err rights_deal_change(struct rights *, int64_t org_id, struct slice deal, const struct rights_deal_change *, int64_t user_id);

struct rights_deal_ask {
    bool has_status;
    enum rights_status status;
    struct slice party; /* public id; empty: all */
};
/* By reference; at most RIGHTS_LIST_MAX. */
MUST_USE struct err rights_deals(struct rights *, struct arena *, int64_t org_id, const struct rights_deal_ask *, struct rights_deal_list *out);
MUST_USE struct err rights_deal_get(struct rights *, struct arena *, int64_t org_id, struct slice deal, struct rights_deal *out);
struct rights_deal_version {
    int64_t version, known_s, user_id;
    struct slice reference;
    enum rights_status status;
    bool may_sublicense;
};
RIGHTS_LIST(rights_deal_version);
MUST_USE struct err rights_deal_versions(struct rights *, struct arena *, int64_t org_id, struct slice deal, struct rights_deal_version_list *out);

/* --- lines --- */

struct rights_line_new {
    struct rights_terms terms;
    struct public_id replaces; /* a line of the same deal that is withdrawn in the same moment; "": none */
};
struct rights_lines_new {
    struct slice deal; /* public id */
    const struct rights_line_new *items;
    size_t count;
    bool is_dry_run, accepts_conflicts;
};

/* Where a line and one that stands contradict each other. */
enum rights_conflict_kind {
    RIGHTS_EXCLUSIVE_EXCLUSIVE, /* both promise to be the only one */
    RIGHTS_EXCLUSIVE_ALLOW,     /* one promises to be the only one, the other grants the same to somebody else */
    RIGHTS_OUT_WITHOUT_IN,      /* sold, and not (everywhere, always) licensed */
    RIGHTS_OWN_SERVICE_SOLD,    /* a licence of ours where it was sold exclusively; or, of a new exclusive sale, what our own service runs by a standing one */
    RIGHTS_SUBLICENCE,          /* sold under a licence that does not allow that */
    RIGHTS_HOLDBACK_SOLD,       /* sold while a holdback or blackout forbids it */
    RIGHTS_CONFLICT_KINDS,
};
const char *rights_conflict_kind_name(enum rights_conflict_kind); /* "exclusive_exclusive", ... */

struct rights_overlap { /* exactly where: for out_without_in and sublicence, what is not covered */
    uint32_t territories, languages;
    uint16_t media;
    int64_t from_s, to_s; /* to_s may be RIGHTS_ENDLESS */
};
struct rights_conflict {
    enum rights_conflict_kind kind;
    size_t at;        /* which of the new lines */
    int64_t line_id;  /* the standing line; 0: none (nothing covers it), or one of the new ones, then `other` says which */
    size_t other;     /* SIZE_MAX: none */
    struct rights_overlap overlap;
};
RIGHTS_LIST(rights_conflict);
/* Appends a sentence for people, with countries by name and moments where the reader is. `other`: what it contradicts, or NULL. */
void rights_conflict_sentence(struct buf *, struct slice lang, struct text_zone, const struct rights_conflict *, const struct rights_line_row *other);

struct rights_appended {
    struct rights_line_list lines;
    struct rights_conflict_list conflicts; /* also when they were accepted */
};
/* All of them or none. Errors: ERR_INPUT rights.title (not one of the organisation's), rights.window (empty, reversed, or beyond what is counted),
 * rights.media, rights.territories, rights.plays_max, rights.note, rights.block (a block is not exclusive), rights.lines (none, or too many), with *at = which; ERR_NOT_FOUND rights.deal_missing,
 * rights.line_missing (to be replaced; or it is withdrawn already); ERR_CONFLICT rights.terminated; ERR_CONFLICT rights.conflict: nothing saved, out->conflicts says why. */
MUST_USE struct err rights_lines_append(struct rights *, struct arena *, int64_t org_id, const struct rights_lines_new *, struct rights_appended *out,
                                        size_t *at);
/* Errors: ERR_NOT_FOUND rights.line_missing; ERR_CONFLICT rights.withdrawn. */
MUST_USE struct err rights_line_withdraw(struct rights *, int64_t org_id, struct slice line);

/* Contradictions of lines that are not saved (yet): `lines` as for append. */
MUST_USE struct err rights_conflicts(struct rights *, struct arena *, int64_t org_id, const struct rights_lines_new *lines, struct rights_conflict_list *out,
                                     size_t *at);
/* All contradictions that stand in the book, each once, by title; at most `limit`, and *total counts all. `at` of each is 0, `first_id` the one line,
 * line_id the other. */
struct rights_standing_conflict {
    int64_t title_id, first_id;
    struct rights_conflict conflict;
};
RIGHTS_LIST(rights_standing_conflict);
MUST_USE struct err rights_conflicts_standing(struct rights *, struct arena *, int64_t org_id, size_t limit, struct rights_standing_conflict_list *out, size_t *total);
/* Those of one deal's own lines (of its first RIGHTS_LIST_MAX) with what stands, whatever its status: what a draft would contradict if it were active.
 * `first_id` is the deal's line.
 * Errors: ERR_NOT_FOUND rights.deal_missing. */
MUST_USE struct err rights_deal_conflicts(struct rights *, struct arena *, int64_t org_id, struct slice deal, size_t limit, struct rights_standing_conflict_list *out,
                                          size_t *total);
/* As rights_deal_change, but a draft does not take effect while its lines contradict what stands: its lines were looked at when they were written,
 * and the book has moved on since. Errors besides: ERR_CONFLICT rights.conflict: nothing changed, *out says why. */
MUST_USE struct err rights_deal_change_checked(struct rights *, struct arena *, int64_t org_id, struct slice deal, const struct rights_deal_change *, int64_t user_id,
                                               struct rights_standing_conflict_list *out);

#define RIGHTS_KNOWN_NOW INT64_MAX
struct rights_lines_ask { /* of one deal, or of up to three titles, or one line by its internal id */
    struct slice deal;
    int64_t titles[3];
    int64_t line_id;
    int64_t known_s;      /* the book as known then; RIGHTS_KNOWN_NOW */
    bool with_withdrawn;  /* also what was withdrawn by then */
    size_t limit;         /* 0: RIGHTS_LIST_MAX */
};
/* In the order in which they were written. */
MUST_USE struct err rights_lines(struct rights *, struct arena *, int64_t org_id, const struct rights_lines_ask *, struct rights_line_row_list *out);

/* The public ids of many lines at once; "" for those that are not there. */
MUST_USE struct err rights_line_names(struct rights *, int64_t org_id, const int64_t *line_ids, size_t count, struct public_id *out);

/* The instants at which something may change for these lines, ascending, each once. NULL: memory. */
const int64_t *rights_changes(struct arena *, const struct rights_line_row_list *, size_t *count);

/* --- availability: what may be sold or shown --- */

struct rights_avails_ask {
    const int64_t (*titles)[3]; /* as in a question */
    size_t title_count;
    int64_t party_id;           /* 0: our own service */
    uint32_t territories;       /* 0: everywhere */
    uint16_t media;             /* 0: all */
    int64_t from_s, to_s;
    size_t limit;
};
struct rights_avail { /* a block of territories, media and time in which the answer is yes throughout */
    size_t title;           /* which of the asked */
    uint32_t territories, languages;
    uint16_t media;
    int64_t from_s, to_s;
    int64_t line_id;        /* one that grants it */
};
RIGHTS_LIST(rights_avail);
MUST_USE struct err rights_avails(struct rights *, struct arena *, const struct rights_avails_ask *, struct rights_avail_list *out);

/* --- the house deal ---
 *
 * What an operator makes without saying otherwise may be shown everywhere, by all media, for ever: a line on the deal `own` with ourselves.
 * For the transaction that makes the title; makes party and deal where they are missing. rights_refresh after the commit. */
MUST_USE struct err rights_house_line_in(struct rights *, struct db_tx *, int64_t org_id, int64_t title_id);

/* --- CSV in ---
 *
 * RFC 4180, UTF-8, header row with the names below in any order (docs/rights.md): deal, party, direction, title, effect, territories, media,
 * languages, starts, ends, exclusive, sublicense, plays, note. Deals and parties that do not exist are made. All lines or none. */
struct rights_import_fault {
    uint64_t line, column; /* from 1; the column of the field's first character, counted in characters; 0: the whole line */
    struct err fault;      /* ERR_INPUT with a stable code; codes have a sentence in text/ */
    struct slice about;    /* the field as it stands, shortened */
};
RIGHTS_LIST(rights_import_fault);
/* What a line of the file contradicts, of what stands or of the file itself. */
struct rights_import_conflict {
    uint64_t line, column;   /* where the file names the line's title */
    int64_t title_id;
    const struct rights_line_row *other; /* NULL: nothing, what was sold is not licensed. Of the file's own: without ids, notes and times */
    uint64_t other_line;     /* where that stands in the file; 0: in the book */
    struct rights_conflict conflict;     /* kind and overlap */
};
RIGHTS_LIST(rights_import_conflict);
struct rights_import {
    int64_t org_id, user_id;
    enum rights_status status; /* of deals that are made */
    bool is_dry_run;           /* look at everything, save nothing */
    bool accepts_conflicts;    /* save whatever the lines contradict */
    struct slice accept_reason; /* why; kept in the notes of lines that do. May be empty */
    struct err (*read)(void *user, struct buf *out); /* appends the next bytes, at most a few megabytes; appends nothing at the end */
    void *user;
    size_t faults_max;         /* kept for each list; all are counted */
    /* results */
    uint64_t line_count, deal_count, party_count; /* made, or that would be made */
    uint64_t fault_count;
    struct rights_import_fault_list faults; /* in the arena; by line */
    uint64_t conflict_count, conflict_line_count; /* contradictions, and lines that have some: also where they were accepted */
    bool has_more_conflicts;                      /* there are more than counted: past a hundred thousand only their lines are */
    struct rights_import_conflict_list conflicts; /* in the arena; by line */
};
enum { RIGHTS_IMPORT_LINES_MAX = 5000000 };
/* When the file has no faults its lines are held against what stands, as by rights_lines_append, and against each other, as if what they get were written before what they
 * sell. What they contradict afterwards is what rights_conflicts_standing says of them (as if drafts took effect).
 * Errors: ERR_INPUT rights.import: it has faults, nothing was changed; rights.import_empty, rights.conflict_reason; ERR_CONFLICT rights.conflict: nothing was changed, `conflicts` says why
 * (not in a dry run); ERR_LIMIT rights.import_large; ERR_BUSY rights.moved; those of `read`. */
MUST_USE struct err rights_import(struct rights *, struct arena *, struct rights_import *);

/* A date ("2026-02-28": 00:00 UTC) or a time with its zone ("2026-02-28T19:00:00+01:00"), to the whole second. False: neither, or beyond what is counted. */
bool rights_time_parse(struct slice, int64_t *out);
void rights_time_write(struct buf *, int64_t at_s); /* "2026-02-28T18:00:00Z" */

/* --- counted --- */
struct rights_stats {
    uint64_t lines, titles, deals, index_bytes; /* as compiled */
    uint64_t compiled, followed;                /* whole books, and changes followed */
    int64_t compile_ns;                         /* the last whole one */
};
struct rights_stats rights_stats(const struct rights *);

#endif
