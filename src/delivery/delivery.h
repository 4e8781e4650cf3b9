/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * delivery.h: the hot path: token -> reference -> bytes. Knows no business: whoever asks for a session has already
 * decided that this viewer may watch.
 *
 * The model
 *   session  one viewer watching one title. A row in the database; begun, renewed and ended by whoever decides who may watch, on a
 *            worker. What he needs to decide again (viewer) is kept with it, also over a restart; delivery does not look at it.
 *   token    what the viewer's player shows with each request for media (token.h). Lives five minutes and ends with
 *            its session within the request that follows.
 *   shelf    open files and finished playlists of the titles that are being watched, by (title, file name); bounded,
 *            the least recently used falls off. The first request for a file puts it there, on a worker; from then on
 *            a request is answered on the loop thread: token from the cache, reference from the shelf, sendfile.
 *
 *   on air   a title that is live: requests for it go to its channel (media/live), which answers with bytes that are there, or later. Who
 *            waits is held by the server; who reads a segment that still grows gets its bytes as they come. Their tokens are judged again
 *            before each further answer. Once it has ended, its recording is served from the shelf like any other title.
 *   quality  what players say of themselves (CMCD) with requests for titles on air, summed up.
 *
 *   GET /media/{token}/{title}/{file}      the token in the path (playlists are relative, so they inherit it)
 *   GET /media/{title}/{file}              the token in the header or cookie CTA-Common-Access-Token
 *
 * A refusal is 403 with the reason (token.*) as its code; a session that was ended for a reason adds that ("reason": "rights.ended") and
 * its sentence. 404 is only told to those who may watch. */
#ifndef DELIVERY_DELIVERY_H
#define DELIVERY_DELIVERY_H

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "delivery/token.h"
#include "system/db/db.h"
#include "system/http/http.h"
#include "system/object/object.h"

extern const struct db_schema delivery_schema; /* for db_migrate */

struct delivery;

struct delivery_options {
    struct db *db; /* migrated */
    const struct clock *clock;
    struct id_maker *ids;
    struct object_store *objects; /* presentations at titles/{title}/ */
    struct live *live;            /* channels; NULL: nothing is ever on air */
    const char *allow_origin;     /* Access-Control-Allow-Origin for players of other sites: "*" or one origin; NULL: none */
    size_t shelf_max;             /* files and playlists kept open; 0: 2,048 */
};

/* Loads keys (makes the first) and what has been revoked lately. The options' objects must outlive it. Errors: those of
 * the database, ERR_LIMIT (memory). May block. */
MUST_USE struct err delivery_open(struct delivery **out, const struct delivery_options *);
/* After the server has stopped. NULL is fine. */
void delivery_close(struct delivery **);

/* Before the server is started. */
MUST_USE struct err delivery_add_routes(struct delivery *, struct http_server *);

/* Forgets the open files and playlists of a title: something has been added to it, or it is gone. Any thread. */
void delivery_forget(struct delivery *, struct slice title);

/* --- titles on air; any thread --- */

/* From now on requests for this title are its channel's, which is open. Twice is fine. ERR_LIMIT: memory. */
MUST_USE struct err delivery_on_air(struct delivery *, const struct public_id *title);
/* No more: they are the shelf's. What is said of its quality stays. */
void delivery_off_air(struct delivery *, const struct public_id *title);
/* It is gone for good. */
void delivery_off_air_forget(struct delivery *, const struct public_id *title);
/* Sessions that have asked for something within the last seconds; -1: the title was never on air. */
int64_t delivery_viewers(struct delivery *, struct slice title);

struct delivery_spread {
    int64_t median, p95; /* -1: nobody has said anything */
};
struct delivery_quality {
    uint64_t sessions; /* that said something of themselves */
    struct delivery_spread startup_ms, latency_ms;
    double stalls_per_hour; /* of watching */
    int64_t bitrate_bps;    /* of the picture, on average; 0: not known */
};
/* False: the title was never on air here. */
bool delivery_quality(struct delivery *, struct slice title, struct delivery_quality *out);

/* --- sessions; these ask the database: workers only --- */

enum { DELIVERY_PLACE_MAX = 7, DELIVERY_DEVICE_MAX = 100, DELIVERY_REASON_MAX = 40 };

/* Who watches, from where and how: kept for whoever decides. Texts end with a zero. */
struct delivery_viewer {
    int64_t household_id, profile_id; /* 0: nobody that we know */
    char place[DELIVERY_PLACE_MAX + 1];
    int medium;
    char device[DELIVERY_DEVICE_MAX + 1];
};
struct delivery_pass {
    struct public_id session, title;
    struct token token;
};
/* `expires_s`: when the right to watch ends, in seconds since 1970; 0: no end known. No token outlives it. `viewer` NULL: nobody. */
MUST_USE struct err delivery_session_begin(struct delivery *, int64_t org_id, const struct public_id *title, int64_t expires_s,
                                           const struct delivery_viewer *viewer, struct delivery_pass *out);
/* A new token for a session that runs; `expires_s` and `viewer` take the place of what was said before. Errors: ERR_NOT_FOUND
 * (playback.not_found: none of this organisation), ERR_DENIED (token.revoked: it was ended), ERR_INPUT (token.expired: the right has ended). */
MUST_USE struct err delivery_session_renew(struct delivery *, int64_t org_id, struct slice session, int64_t expires_s,
                                           const struct delivery_viewer *viewer, struct delivery_pass *out);
/* Ends it: its tokens are refused from now on, also after a restart. `reason`: the code that refusals tell besides, at most
 * DELIVERY_REASON_MAX bytes; NULL: its viewer wished it. Ending it twice is fine, and leaves the first reason. ERR_NOT_FOUND as above. */
MUST_USE struct err delivery_session_end(struct delivery *, int64_t org_id, struct slice session, const char *reason);

struct delivery_session {
    int64_t org_id;
    struct public_id session, title;
    struct delivery_viewer viewer;
    int64_t begun_s, renewed_s, expires_s;
    bool has_ended;
    char reason[DELIVERY_REASON_MAX + 1]; /* "": none was given */
};
/* ERR_NOT_FOUND as above. */
MUST_USE struct err delivery_session_find(struct delivery *, int64_t org_id, struct slice session, struct delivery_session *out);
/* Those that have not ended and whose last token may still be good, of all organisations, the oldest first, in `arena`. */
MUST_USE struct err delivery_sessions_running(struct delivery *, struct arena *, struct delivery_session **out, size_t *count);

/* For an end of many at once: their tokens are refused from the moment of the call on, then the store is told, in few transactions. Those that are
 * not there are left out. On an error of the store the refusals stand; the caller ends them again. */
struct delivery_ending {
    int64_t org_id;
    struct public_id session;
    const char *reason;
};
MUST_USE struct err delivery_sessions_end(struct delivery *, const struct delivery_ending *, size_t count);

/* Nobody can be found behind the sessions of this household any more: it is being erased. Part of the caller's transaction. */
MUST_USE struct err delivery_forget_household_in(struct db_tx *, int64_t org_id, int64_t household_id);

/* From time to time (minutes): brings in a new key once the present one is a week old, retires those whose tokens have
 * all expired, removes sessions that nobody renewed for a day. May block. */
MUST_USE struct err delivery_tick(struct delivery *);

/* --- watching it --- */

struct delivery_stats {
    uint64_t verdicts[TOKEN_VERDICTS]; /* requests by what became of their token */
    uint64_t token_cache_hits;
    uint64_t shelf_hits, shelf_misses, shelf_entries;
    uint64_t live_requests, live_waits, live_streams, live_cut; /* cut: not answered to the end, since the token ended or the client was too slow */
    uint64_t titles_on_air, viewers;
    uint64_t revocations_live;
};
void delivery_stats(const struct delivery *, struct delivery_stats *out);

#endif
