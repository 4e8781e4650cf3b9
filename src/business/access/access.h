/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * access.h: the one decision whether somebody may watch something now, and everything that hangs on it: the token that
 * never outlives the next change, the streams that run, and their end when a right ends.
 *
 * The model
 *   question  who (household, profile), from where (country, area), which title, when.
 *   decision  four questions, asked in this order; the first that says no gives the reason:
 *               rights       may it be shown there, then, in this way?           rights.*            (business/rights)
 *               entitlement  is it free, granted to the household, or bought?    access.entitlement
 *               rating       is the profile old enough, and is its PIN shown?    access.rating, access.pin
 *               streams      does the household watch too much at once?          access.streams
 *             An answer says the reason, the line that decided, and until when nothing can change it.
 *   medium    in which way it would be watched, which is what rights are asked for: a title marked free by `free` (`live` while it is on air);
 *             one granted by hand by the grant's medium; one that was bought as it was sold (a plan: subscription; a rental; a purchase, a pass, a bundle:
 *             purchase; a live pass: live). Of several ways the first that rights allow, and so that nothing is used up in vain: a grant, the plan,
 *             what is owned, a rental that runs, a rental that was not begun. With none of them rights are asked for each medium
 *             that can be sold, and the refusal is access.entitlement where one of them allows, else what rights say.
 *   grant     an entitlement given by hand: household, title (or its season or series), medium, end. A row in the store, folded into memory
 *             in the order of its change sequence.
 *   bought    an entitlement of business/order: a plan's period, a rental, something owned. A rental that was not begun runs from the first play under it; its
 *             token never outlives it. When an order is refunded or charged back, or a plan ends, what runs under it alone is ended.
 *   rating    which of a title's ratings holds: that of the system of the country where the household is at home (of nobody signed in: where his address
 *             is), if the title has one; else the strictest that it has. So a family in Germany is held to FSK wherever it travels, a film that FSK
 *             gives from 12 is not closed to its twelve-year-olds because MPA says R, and one that only Thailand has rated is still rated.
 *   stream    a playback session that runs: since it began or was renewed, until its token ends. It knows household, profile, place and
 *             medium, in the store and in memory, so that it can be decided again at any moment, also after a restart.
 *
 * Who is asked again: all streams, by the thread "access", as soon as rights, grants, orders, profiles, households or titles change, and every few
 * seconds besides (a change that another process made, a window's end). One that lost its right is ended with its reason: its token is refused from
 * then on, and renewing it tells the reason.
 *
 * access_decide and access_explain ask memory only, take well under a microsecond, and may be called on any thread, also a loop thread. Calls that
 * begin, renew, end or grant write to the store: workers only. */
#ifndef BUSINESS_ACCESS_H
#define BUSINESS_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "business/account/account.h"
#include "business/catalog/catalog.h"
#include "business/offer/offer.h"
#include "business/order/order.h"
#include "business/rights/rights.h"
#include "delivery/delivery.h"
#include "system/db/db.h"
#include "system/geo/geo.h"
#include "text/text.h"

struct access;

extern const struct db_schema access_schema; /* for db_migrate */

#define ACCESS_ENDLESS RIGHTS_ENDLESS /* nothing can change it that we know of */
enum { ACCESS_GRANTS_MAX = 1000 };    /* of one household */

struct access_options { /* all must outlive it */
    struct db *db;
    const struct clock *clock;
    struct id_maker *ids;
    struct account *account;
    struct catalog *catalog;
    struct rights *rights;
    struct offers *offers;     /* NULL: nothing is sold (commands beside a server) */
    struct order_room *order;  /* NULL: nothing was bought */
    struct delivery *delivery; /* NULL: no streams (commands beside a server) */
};
/* Loads grants and the streams that run, and begins to listen to the rooms it stands on: before anybody is served. Errors: of the
 * database, memory. */
MUST_USE struct err access_open(struct access **out, const struct access_options *);
/* Starts the thread "access" that decides running streams again. Needs `delivery`. */
MUST_USE struct err access_start(struct access *);
/* Ends the thread; decisions go on. Twice is fine. */
void access_stop(struct access *);
/* After the rooms it listens to are closed: until then they may call. NULL is fine. */
void access_close(struct access **);

/* --- the decision: any thread, memory only --- */

struct access_viewer {
    int64_t org_id;
    int64_t household_id, profile_id; /* 0: nobody signed in; nobody chosen */
    bool has_shown_pin;               /* the profile was chosen with its PIN, or the PIN has come with the request and was right */
    struct geo_place place;           /* access_place */
};
/* The household's facts are not always in memory (account.h). Where this says no, call access_prepare on a worker first; a household that
 * is still not there is refused as access.profile. */
bool access_is_ready(struct access *, const struct access_viewer *);
MUST_USE struct err access_prepare(struct access *, const struct access_viewer *);

enum access_step { ACCESS_RIGHTS, ACCESS_ENTITLEMENT, ACCESS_RATING, ACCESS_STREAMS, ACCESS_STEPS };
const char *access_step_name(enum access_step); /* "rights", ... */

/* What a page shows: may be played; would after signing in; is to be bought or granted; not with this profile; not there or not now. */
enum access_state { ACCESS_PLAYABLE, ACCESS_SIGN_IN, ACCESS_LOCKED, ACCESS_TOO_YOUNG, ACCESS_UNAVAILABLE };
const char *access_state_name(enum access_state); /* "playable", "sign_in", "locked", "rating", "unavailable" */

/* Why it is his, whatever rights and rating say of it. */
enum access_entitled { ACCESS_BY_NOTHING, ACCESS_BY_BEING_FREE, ACCESS_BY_GRANT, ACCESS_BY_PLAN, ACCESS_BY_PURCHASE, ACCESS_BY_RENTAL };

struct access_question {
    const struct access_viewer *viewer;
    const struct catalog_view *view;
    const struct catalog_title *title; /* of this view */
    int64_t at_s;                      /* seconds since 1970 */
    struct slice lang;                 /* of the sound that is wanted, BCP 47; empty: any */
    bool without_streams;              /* do not count streams: for pages, and for a stream that runs already */
    bool with_renewals;                /* as if a plan that renews itself had no end: for what people are told. No token is made of that */
};

struct access_answer {
    bool is_allowed;
    enum access_state state;
    enum access_step step;  /* that decided; ACCESS_STREAMS when all said yes */
    const char *reason;     /* stable code: "access.free", "access.granted", "access.subscribed", "access.rented", "access.bought", "access.rating", "rights.territory", ...; static text */
    int64_t line_id;        /* the line of a deal that decided, 0: none */
    enum access_entitled entitled; /* also where another step refuses */
    int64_t grant_id;       /* the grant that opens it, 0: none */
    struct order_held held; /* what was bought that opens it; entitlement_id 0: nothing */
    uint16_t sold;          /* access_sale: bits 1 << offer_kind by which it can be had here now, where it is not his */
    int medium;             /* enum rights_medium in which it is, or would be, watched */
    int age;                /* of the title, by the rating that holds for this viewer: for access.rating */
    int streams_max;        /* of the household: for access.streams */
    bool counts_plays;      /* allowed by a line with a number of plays */
    int64_t from_s;         /* refused: when it becomes allowed, if rights know; else 0 */
    int64_t until_s;        /* the next moment at which the answer can change by itself; ACCESS_ENDLESS */
    int64_t turns_s;        /* access_outlook: when it does become the opposite; 0: not in sight */
};
struct access_answer access_decide(struct access *, const struct access_question *);

/* The rating that holds for this viewer, and whether it is of his country's own system (else it is the strictest). False: the title has none. Memory only. */
bool access_rating(struct access *, const struct access_viewer *, const struct catalog_title *, struct catalog_rating *out, bool *is_own);

/* What a tile says about money. */
enum access_badge { ACCESS_BADGE_NONE, ACCESS_BADGE_FREE, ACCESS_BADGE_INCLUDED, ACCESS_BADGE_SUBSCRIBE, ACCESS_BADGE_RENT, ACCESS_BADGE_BUY, ACCESS_BADGE_RENTED, ACCESS_BADGE_OWNED };
const char *access_badge_name(enum access_badge); /* "none", "free", "included", "subscribe", "rent", "buy", "rented", "owned" */
struct access_sale {
    enum access_badge badge;
    struct money price; /* the lowest by which it can be had; currency 0: it is his, or not sold */
    int64_t until_s;    /* when what opens it ends; ACCESS_ENDLESS: it does not, or renews itself */
};
/* By the answer to this question. Memory only, well under a microsecond; also fills answer->sold, of which access_sentence speaks. */
void access_sale(struct access *, const struct access_question *, struct access_answer *answer, struct access_sale *out);

/* When does this answer turn by itself, from no to yes or from yes to no? Fills answer->turns_s by asking again at the coming moments of change, a few
 * times at most, without streams and PIN. */
void access_outlook(struct access *, const struct access_question *, struct access_answer *answer);

/* The same question, each step answered by itself (as if those before it had said yes), for "why may this viewer (not) watch?".
 * Returns what access_decide returns. */
struct access_answer access_explain(struct access *, const struct access_question *, struct access_answer steps[ACCESS_STEPS]);

/* Where a viewer counts as being: the place of his address, or his household's country where the organisation's portability says so (everywhere,
 * or from one country of the European Union to another, as Regulation (EU) 2017/1128 has it). `household_id` may be 0. Memory only. */
struct geo_place access_place(struct access *, int64_t org_id, int64_t household_id, const struct geo_place *address);

/* The sentence for a person, appended: "Not available in Thailand until 3 March." Countries and dates in the language; dates in that zone ({0}: UTC), with the
 * year where it is another than that of `now_s`, with the time within a day. Dates need access_outlook. Nothing is said of what may be watched
 * without an end in sight. `place` may be NULL. */
void access_sentence(struct buf *, struct slice lang, const struct access_answer *, const struct geo_place *, int64_t now_s, struct text_zone);
/* The same with "{at}" where answer->turns_s would stand, for whoever knows the reader's zone: a page. False, and nothing is appended: there is no date in it. */
bool access_sentence_open(struct buf *, struct slice lang, const struct access_answer *, const struct geo_place *);

/* --- streams: workers --- */

/* Decides and begins: *answer is always filled; *pass where it was allowed. A rental that opens it and was not begun begins now. The slot is taken before the store is asked, so two at once cannot
 * both have the last one. `device` ("Firefox on Linux", at most 100 bytes) is shown to the household. Errors: of the store. */
MUST_USE struct err access_begin(struct access *, const struct access_question *, struct slice device, struct access_answer *answer,
                                 struct delivery_pass *pass);
/* Decides again, with the place from which it is asked now, and gives a new token. Errors: ERR_NOT_FOUND playback.not_found (no such session of this
 * organisation and household), ERR_DENIED token.revoked (it was ended by its viewer or for lack of anything said). Where it is refused, or was ended for
 * a reason, *answer says so and there is no pass. */
MUST_USE struct err access_renew(struct access *, const struct access_viewer *, struct slice session, struct access_answer *answer,
                                 struct delivery_pass *pass);
/* By its viewer. Ending it twice is fine. ERR_NOT_FOUND as above. */
MUST_USE struct err access_end(struct access *, int64_t org_id, int64_t household_id, struct slice session);

struct access_stream {
    struct public_id session, title;
    int64_t org_id, household_id, profile_id;
    struct geo_place place;
    int medium;
    int64_t begun_s, until_s; /* until_s: its token ends, if it is not renewed */
    char device[101];
};
/* What the household watches now, the oldest first, in `arena`. */
MUST_USE struct err access_streams(struct access *, struct arena *, int64_t org_id, int64_t household_id, struct access_stream **out, size_t *count);

/* --- entitlements by hand: workers --- */

struct access_grant {
    int64_t id, org_id, household_id, title_id;
    struct public_id public_id;
    enum rights_medium medium;
    int64_t starts_s, ends_s; /* ends_s may be ACCESS_ENDLESS */
};
/* Opens the title (or what is in the series) from now until ends_s. Errors: ERR_INPUT grant.ends (it ends before it begins), grant.medium (none in
 * which a household watches); ERR_CONFLICT grant.many. The caller has made sure that household and title are of this organisation. */
MUST_USE struct err access_grant_add(struct access *, int64_t org_id, int64_t household_id, int64_t title_id, enum rights_medium, int64_t ends_s,
                                     int64_t by_user_id, struct access_grant *out);
/* What runs under it alone is ended. ERR_NOT_FOUND grant.not_found. */
MUST_USE struct err access_grant_remove(struct access *, int64_t org_id, int64_t household_id, struct slice grant);
/* Those that have neither ended nor been taken back, the newest first. */
MUST_USE struct err access_grants(struct access *, struct arena *, int64_t org_id, int64_t household_id, struct access_grant **out, size_t *count);

/* --- following --- */

/* Something has changed that a decision depends on: running streams are decided again at once. Any thread, also with locks held: it only wakes. */
void access_poke(struct access *);
/* Decides all running streams again now and ends those that lost their right; for tests and the thread itself. Returns how many ended. */
size_t access_sweep(struct access *);

struct access_stats {
    uint64_t decisions, refusals, streams, grants, sweeps, ended;
};
void access_stats(const struct access *, struct access_stats *out);

#endif
