/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * broadcast.h: what is on air. Each live title has a channel: a row in the database that says whose stream key it is and how it is to be
 * run, and, while it is open, a live channel of media/live that takes the publisher's pictures and has them for viewers.
 *
 *      publisher -> rtmp, srt --broadcast_receiver--> broadcast --> live --> delivery -> viewers
 *
 * The model
 *   scheduled  announced. No publisher is let in before starts_at, or before the operator says so.
 *   waiting    open: the staging `live-<title>` is claimed, a publisher may come.
 *   live       the first pictures have come. It stays live when the publisher drops and comes back, and over a restart.
 *   ended      the operator has ended it. What was recorded is finished and published by one rename as titles/<title>; then the
 *              title is ready, to be watched like a film, and the channel is_finished. Without a recording it is simply over.
 * An endless channel never ends by itself; what falls behind its window is removed.
 *
 * Rows are the truth. They are folded into memory at start, and each change is made there after its commit, so that a publisher's key
 * is judged without the database. The state of a channel and that of its title change in one transaction.
 * Ending is a list of steps, each of which may have been done before: after a kill -9 at any point the next start goes on.
 *
 * Threads: any. "broadcast" keeps the schedule and moves a channel on when its first pictures have come; "broadcast-end" finishes events. What is done with one
 * channel is done by one thread at a time; who comes meanwhile waits. All calls that change something ask the database: workers only. */
#ifndef EVENT_BROADCAST_BROADCAST_H
#define EVENT_BROADCAST_BROADCAST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "business/catalog/catalog.h"
#include "business/rights/rights.h"
#include "delivery/delivery.h"
#include "media/feed/feed.h"
#include "media/live/live.h"
#include "system/db/db.h"
#include "system/object/object.h"

extern const struct db_schema broadcast_schema; /* for db_migrate, after the catalogue's */

enum {
    BROADCAST_KEY_LEN = 32, /* 160 bits in Crockford's base 32 */
    BROADCAST_LADDER_MAX = 3,
    BROADCAST_CHANNELS_MAX = 10000,
    BROADCAST_DVR_MS_DEFAULT = 2 * 3600 * 1000,
    BROADCAST_DVR_MS_MIN = 30 * 1000,
    BROADCAST_DVR_MS_MAX = 24 * 3600 * 1000,
};

enum broadcast_state { BROADCAST_SCHEDULED, BROADCAST_WAITING, BROADCAST_LIVE, BROADCAST_ENDED };
const char *broadcast_state_name(enum broadcast_state); /* "scheduled", "waiting", "live", "ended" */

enum broadcast_backup {
    BROADCAST_REFUSE,   /* a second publisher on the same key is turned away */
    BROADCAST_TAKE_OVER /* it takes the place of the first: a backup encoder */
};

struct broadcast_settings {
    int64_t starts_ms; /* since 1970; 0: none */
    int64_t dvr_ms;
    enum broadcast_backup backup;
    bool is_recorded; /* the whole of it becomes a title on demand */
    bool is_endless;
    uint16_t ladder[BROADCAST_LADDER_MAX]; /* heights of lower renditions, falling; 0: no more */
};
/* Two hours of DVR, recorded, a second publisher refused, no ladder. */
struct broadcast_settings broadcast_settings_default(void);

struct broadcast_channel { /* a copy, as it was at one moment */
    int64_t org_id;
    struct public_id title;
    enum broadcast_state state;
    bool is_finished;
    char key[BROADCAST_KEY_LEN + 1];
    struct broadcast_settings settings;
    int64_t started_ms, ended_ms;
    bool is_open;              /* then: */
    struct live_health health; /* what media/live says of it */
    int64_t viewers;
};

struct broadcast;
struct broadcast_options {
    struct db *db; /* migrated */
    const struct clock *clock;
    struct id_maker *ids;
    struct object_store *objects;
    struct catalog *catalog;
    struct rights *rights; /* a new event gets its house line here; NULL: none */
    struct delivery *delivery;
    struct live *live; /* made with broadcast_notice as its notice, and the address of the pointer to this broadcast as its user */
    bool looks_at; /* decode what comes: stills, levels, alarms of silence, black and freeze, and the ladder */
    /* A channel of this organisation has changed its state, or, once a second while it is live, its health. Quick; any thread. */
    void (*on_change)(void *user, int64_t org_id, const struct public_id *title);
    void *on_change_user;
};
/* Reads all rows. Nothing is open yet. Errors: of the database, memory. */
MUST_USE struct err broadcast_open(struct broadcast **out, const struct broadcast_options *);
/* For live_options.notice: `user` is a struct broadcast **, which may still be NULL. */
void broadcast_notice(void *user, const struct public_id *channel, enum live_notice);
/* For live_options.tap_tracks and tap_sample. */
void broadcast_tap_tracks(void *user, const struct public_id *channel, const struct cmaf_track *, size_t count);
void broadcast_tap_sample(void *user, const struct public_id *channel, size_t track, const struct cmaf_sample *);
/* For object_stagings_clean: is this the staging of a channel that goes on or is not finished? */
bool broadcast_claims_staging(struct broadcast *, struct slice name);
/* Opens the channels that wait or are live, goes on with those that were ending, starts "broadcast". */
MUST_USE struct err broadcast_start(struct broadcast *);
/* After the listeners have stopped: closes the channels, as after a crash but whole. Viewers who are held get their answer. */
void broadcast_stop(struct broadcast *);
void broadcast_close(struct broadcast **); /* stops; NULL is fine */

/* Would a publisher with this key be let in now? From memory. Errors as broadcast_receiver's begin, except feed.taken. */
MUST_USE struct err broadcast_admit(void *broadcast, const struct feed_hello *);
/* What a listener hands its publishers to. Errors of begin: ERR_DENIED feed.key (nobody's), ERR_BUSY feed.early (scheduled),
 * ERR_CONFLICT feed.taken, feed.over (the event has ended). */
struct feed_receiver broadcast_receiver(struct broadcast *);

/* --- the operator's --- */

/* Makes a title of kind event and its channel, waiting at once unless it has a time to start at. `names` as for catalog_create.
 * Errors: as catalog_create; ERR_INPUT channel.dvr, channel.ladder, channel.starts; ERR_LIMIT channel.many. */
MUST_USE struct err broadcast_create(struct broadcast *, int64_t org_id, const struct catalog_change *names, const struct broadcast_settings *,
                                     struct public_id *out);
/* ERR_NOT_FOUND channel.not_found here and below: none of this organisation. */
MUST_USE struct err broadcast_get(struct broadcast *, int64_t org_id, struct slice title, struct broadcast_channel *out);
/* Newest first. */
MUST_USE struct err broadcast_list(struct broadcast *, struct arena *, int64_t org_id, struct broadcast_channel **out, size_t *count);
/* Names as for catalog_change. ERR_CONFLICT channel.live: what cannot change while it is on air (ladder, endless). */
MUST_USE struct err broadcast_change(struct broadcast *, int64_t org_id, struct slice title, const struct catalog_change *names,
                                     const struct broadcast_settings *);
/* Opens a scheduled channel now. Fine if it is open. ERR_CONFLICT feed.over. */
MUST_USE struct err broadcast_begin(struct broadcast *, int64_t org_id, struct slice title);
/* Ends it: the publisher is let go, the recording finished and published, on "broadcast-end". Fine if it has ended. */
MUST_USE struct err broadcast_end(struct broadcast *, int64_t org_id, struct slice title);
/* A new key; who publishes by the old one is let go. */
MUST_USE struct err broadcast_rotate(struct broadcast *, int64_t org_id, struct slice title);
/* Removes the channel, its title and all media. ERR_CONFLICT channel.live: end it first. */
MUST_USE struct err broadcast_remove(struct broadcast *, int64_t org_id, struct slice title);
/* The newest still, a JPEG; ERR_NOT_FOUND channel.preview before there is one. */
MUST_USE struct err broadcast_preview(struct broadcast *, int64_t org_id, struct slice title, struct http_blob **out);

/* For a title that is live: what the answer to a request to play says of it. False: it is not open. */
struct broadcast_live {
    int64_t part_ms, segment_ms, hold_back_ms, dvr_ms, started_ms;
};
bool broadcast_live_facts(struct broadcast *, struct slice title, struct broadcast_live *out);

struct broadcast_stats {
    uint64_t channels, waiting, live;
    uint64_t publishers, publishers_total, refused_total;
    uint64_t parts, parts_late, recorded_parts, lost_parts, samples_dropped, recorded_bytes, ring_bytes, waiters; /* of all that are open */
};
void broadcast_stats(struct broadcast *, struct broadcast_stats *out);

#ifdef GRANDSTAND_TEST_DOORS
/* After a manual clock was moved: looks at the schedule, finishes what has ended, and returns. */
void broadcast_test_tick(struct broadcast *);
#endif

#endif
