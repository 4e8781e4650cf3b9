/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * room.h: channels in memory. Within broadcast only.
 *
 *   table.c      the table, and the rows it is folded from
 *   operator.c   what the operator asks of a channel
 *   broadcast.c  the threads, and what media/live tells them
 *   channel.c    one channel brought to where its row says: opened, ended, published
 *   feed.c       publishers
 *   lookout.c    who looks at a channel: stills, levels, alarms, smaller pictures
 *
 * The table and what stands in a row's copy are guarded by the lock. A channel is freed only by who has it in hand (broadcast_hold), and only
 * such a one opens, ends or changes it; nobody has the lock while calling anywhere. */
#ifndef EVENT_BROADCAST_ROOM_H
#define EVENT_BROADCAST_ROOM_H

#include <stdatomic.h>

#include "base/thread.h"
#include "event/broadcast/broadcast.h"
#include "event/broadcast/broadcast_sql.h"
#include "event/broadcast/lookout.h"

struct channel {
    int64_t id, org_id;
    struct public_id title;
    /* Under the lock; written by who has it in hand. */
    char key[BROADCAST_KEY_LEN + 1];
    struct broadcast_settings settings;
    enum broadcast_state state;
    bool is_finished;
    int64_t started_ms, ended_ms;
    bool is_open; /* a live channel stands behind it, on this staging */
    bool is_held;
    struct lookout *lookout; /* while it is open; NULL where there is none */
    /* Of who has it in hand. */
    struct object_staging *staging;
};

struct news { /* of media/live, on its way to "broadcast" */
    struct inbox_item item;
    enum { NEWS_TRACKS, NEWS_CHANGE, NEWS_LOOK, NEWS_POSTER, NEWS_END } kind;
    struct public_id title;
};

struct broadcast {
    struct broadcast_options o;
    struct lock lock;
    struct condition idle; /* somebody has let go of a channel */
    struct channel **channels; /* by id: oldest first */
    size_t count, capacity;
    struct inbox inbox, ends; /* of "broadcast"; of "broadcast-end", which finishes what has ended: a disk may take its time */
    struct news end, ends_end;
    struct thread *thread, *finisher;
    atomic_bool is_stopping;
    atomic_ullong publishers, publishers_total, refused_total;
#ifdef GRANDSTAND_TEST_DOORS
    atomic_ullong looks_wanted, looks_done, ends_done;
#endif
};

int64_t broadcast_now_ms(const struct broadcast *);
struct err broadcast_missing(void);
/* Waits until nobody has it in hand, and takes it. `org_id` 0: of any. ERR_NOT_FOUND channel.not_found. */
MUST_USE struct err broadcast_hold(struct broadcast *, int64_t org_id, struct slice title, struct channel **out);
void broadcast_let_go(struct broadcast *, struct channel *);
/* With the lock: where it stands; `org_id` 0: of any. SIZE_MAX: nowhere. */
size_t broadcast_place_of(const struct broadcast *, int64_t org_id, struct slice title);
/* Puts it into the table, which owns it then. */
MUST_USE struct err broadcast_table_add(struct broadcast *, struct channel *);
void broadcast_table_remove(struct broadcast *, struct channel *); /* by who has it in hand; frees it */
MUST_USE struct err broadcast_rows_load(struct broadcast *);
void broadcast_key_make(char out[BROADCAST_KEY_LEN + 1]);
void broadcast_ladder_write(const struct broadcast_settings *, char out[32]); /* as it stands in a row: "720 360" */
void broadcast_news(struct broadcast *, int kind, const struct public_id *); /* to "broadcast" */
void broadcast_news_to(struct inbox *, int kind, const struct public_id *);
void broadcast_tell(struct broadcast *, const struct channel *); /* calls on_change */

/* All of these with the channel in hand. */
/* Writes state and times, of the channel and its title, in one transaction, and then here. */
MUST_USE struct err broadcast_move(struct broadcast *, struct channel *, enum broadcast_state, int64_t started_ms, int64_t ended_ms);
/* Opens it if it should be open and is not; finishes it if it has ended. Every step may have been done before. */
MUST_USE struct err broadcast_settle(struct broadcast *, struct channel *);
/* Closes the live channel and its staging, for a while: who asks meanwhile is told to ask again (503), since players give up on a 404. */
void broadcast_shut(struct broadcast *, struct channel *);

#endif
