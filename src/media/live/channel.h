/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * channel.h: one channel from the inside. For this room only.
 *
 *   feed side (feed_lock)                              offered side (ring_lock)
 *   live_feed -> timeline -> cutter -> packer  --part-->  rings, story, waiters, texts  <-- live_ask
 *                                              '--------> recorder (its own thread)
 *
 * The feed lock is held while samples are worked on, the ring lock for moments: to put in a part, to look something up, to make the text of a playlist. Neither
 * is held while calling out: what is to be called is collected and called at the end (channel_call_out).
 *
 * Channels are never freed before `live` is: a waiter may point at one that was closed. A closed one is used again for the next that is opened. */
#ifndef MEDIA_LIVE_CHANNEL_H
#define MEDIA_LIVE_CHANNEL_H

#include <stdatomic.h>

#include "base/thread.h"
#include "media/live/cutter.h"
#include "media/live/library.h"
#include "media/live/live.h"
#include "media/live/recorder.h"
#include "media/live/story.h"
#include "media/live/timeline.h"

enum {
    CHANNELS_MAX = 1024,
    MEMORY_MS = 12000,         /* parts of this long are kept in memory even when they are in the file */
    SOUNDS_MAX = 3,
    TEXT_BYTES_MAX = 8 << 20,
    MPD_FRESH_MS = 100,        /* how old the time in a DASH manifest may be */
    STILLS_BYTES_MAX = 32 << 20,
    STALL_MS = 3000, KEYFRAME_MS = 10000, LOSS_MS = 10000, LATE_MS = 50, FEED_SILENT_MS = 2500,
};

/* Where the next part will be. */
struct expected {
    bool is_known, is_new;
    uint64_t number;
    int64_t open_duration;
};

struct init_blob {
    uint16_t number;
    struct http_blob *blob;
};

struct still_blob {
    uint32_t number;
    int64_t end_ns;
    struct http_blob *blob;
};

struct rendition {
    /* ring side */
    bool is_used;
    char name[8];
    uint32_t hz;
    struct ring ring;
    struct live_waiter *waiters;
    struct expected expected;
    struct http_blob *texts[2];    /* the playlist as it is now, whole and delta; NULL: not asked for since the last change */
    struct library_hour *hours;
    size_t hour_count, hour_capacity;
    uint32_t hour;                 /* the newest; never falls */
    struct init_blob *inits;
    size_t init_count, init_capacity;
    size_t inits_given;            /* to the recorder (feed lock) */
    uint64_t peak_bps, average_bps; /* over the segments so far; the average forgets slowly */
    uint64_t recent_bytes;         /* of the last two seconds, for health */
    int64_t recent_from_ns;
    uint32_t recent_bps, recent_fps_milli;
    uint64_t recent_samples;
    /* feed side */
    bool has_init;
    uint16_t init;                 /* that new samples belong to */
    struct live_rendition *writer; /* of a further picture */
};

struct still_list {
    struct still_blob *all;
    size_t count, capacity;
    uint64_t bytes;
};

struct tapped {
    size_t track;
    struct cmaf_sample sample;
    void *owned;                   /* to be freed after the call; NULL: the caller's own bytes */
};

struct live_channel {
    struct live *live;
    struct public_id table_id;     /* table lock: under which it is listed */
    struct public_id id;
    struct lock feed_lock, ring_lock;

    /* both locks to change, either to read */
    bool is_open;
    enum live_state state;

    /* feed side */
    struct live_channel_options options;
    struct live_feed *feed;
    struct cutter cutter;
    uint32_t run;                  /* the newest */
    int64_t end_ns;                /* of all that was ever placed */
    int64_t skew_ns;               /* UTC minus channel time */
    bool has_skew;
    uint32_t still_number;
    struct live_waiter *woken;     /* to be called */
    uint32_t notices;              /* bit per enum live_notice, to be told */
    struct tapped *taps;
    size_t tap_count, tap_capacity;
    struct cmaf_track tap_tracks[TIMELINE_TRACKS_MAX];
    char *tap_configs;
    size_t tap_track_count;
    bool has_tap_tracks;

    /* ring side */
    struct story story;
    struct rendition renditions[LIVE_RENDITIONS_MAX]; /* by use, not by name */
    struct http_blob *master, *mpd, *thumbs, *poster;
    struct mono_time mpd_at;
    struct still_list stills;
    struct buf scratch;            /* texts are put together here */
    uint32_t dvr_ms;
    struct recorder_folder *folder;
    bool has_folder;
    bool is_log_behind;            /* a record of live.idx is missing (feed lock) */
    unsigned folder_users;         /* who waits for it to be written (feed lock) */
    struct condition folder_free;
    atomic_size_t queued_bytes;    /* with the recorder */
    bool is_disk_in_trouble;
    struct mono_time lost_at;
    uint64_t waiter_count;
    struct live_health health;     /* counters and what is known; filled in when asked */
    struct mono_time sample_at, key_at, loss_at, feed_at, live_at;
    bool has_key;
    uint64_t loss_count;
    uint32_t alarms;
    uint32_t told_alarms;          /* SILENCE, BLACK, FREEZE */
};

struct held {
    struct held *next;
    struct feed_sample sample;     /* data behind the struct */
};

struct feed_track {
    bool is_taken;
    size_t rendition;              /* index in the channel */
    size_t line;                   /* index in the timeline */
    struct cmaf_track track;       /* as it goes out */
    char *config;
    bool needs_key;
};

struct live_feed {
    struct live_channel *channel;
    struct timeline timeline;
    struct feed_track tracks[FEED_TRACKS_MAX];
    size_t track_count;
    bool has_video;
    size_t video;                  /* index of the feed's track */
    /* Samples are held until it is known where the run begins and on which grid. */
    bool is_opening, is_jump, is_change, is_drift; /* jump: within one publisher, for whatever cause; change: of parameters; drift: of its clock */
    struct mono_time opening_since;
    bool holds_key;                /* a picture that can begin is among them */
    struct held *held, **held_end;
    size_t held_count, held_bytes;
    struct err why;                /* set: the next call gets it */
    char protocol[8], peer[64], agent[64];
    struct utc_time since;
    struct feed_health net;
};

struct live_rendition {
    struct live_channel *channel;
    size_t rendition;
    char name[8];
};

struct live {
    struct live_options options;
    struct lock table_lock;
    struct live_channel *channels[CHANNELS_MAX];
    bool is_taken[CHANNELS_MAX];   /* listed under its table_id */
    size_t channel_count;          /* open and closed ones */
    struct recorder *recorder;
    struct thread *keeper;
    struct lock keeper_lock;
    struct condition keeper_wake;
    bool is_stopping;
};

/* live.c. NULL: no channel of that id is open. Look again at is_open and id under a lock of the channel. */
struct live_channel *live_find(struct live *, const struct public_id *);
static inline bool channel_is(const struct live_channel *c, const struct public_id *id) { return c->is_open && !memcmp(c->id.text, id->text, PUBLIC_ID_LEN); }
struct err live_no_channel(void);

/* channel.c */
struct err channel_open(struct live_channel *, const struct public_id *, const struct live_channel_options *);
void channel_close(struct live_channel *);
struct err channel_end(struct live_channel *, const struct public_id *);
void channel_flush(struct live_channel *); /* waits for the recorder */
/* With the feed lock held: finds or makes the rendition of that name. SIZE_MAX: no room. */
size_t channel_rendition(struct live_channel *, const char *name, bool is_video, uint32_t hz);
/* With the feed lock held: the init segment that the next samples need; a new number where it is a new one. */
struct err channel_use_init(struct live_channel *, size_t rendition, const struct cmaf_track *);
/* With the feed lock held: records a run, and where it lies on the wall clock, from the epoch. */
void channel_begin_run(struct live_channel *, uint32_t run, int64_t start_ns, int64_t wall_ns);
/* Gives back the feed lock, and calls what was collected. */
void channel_leave(struct live_channel *);
void channel_set_state(struct live_channel *, enum live_state); /* with both locks */
void channel_log(struct live_channel *, struct buf *records);    /* hands them to the recorder and frees the buffer */
void channel_drop_texts(struct live_channel *);                  /* with the ring lock */
void channel_tick(struct live_channel *);
/* With the feed lock: init segments that the recorder has not been given yet. */
void channel_give_inits(struct live_channel *);

/* offer.c */
extern const struct cutter_sink offer_sink; /* `user` is the channel */
void offer_answers(struct live_channel *, struct recorder_answers *out);
void offer_slide(struct live_channel *, struct rendition *);                            /* with both locks: what is behind the window goes */
void offer_note_bitrate(struct rendition *, const struct manifest_segment *);           /* of a segment that is closed */

/* feed.c */
void feed_abandon(struct live_feed *, struct err why); /* with the feed lock: a feed's next call gets `why` */

/* ask.c. With the ring lock. */
void channel_wake(struct live_channel *, size_t rendition, struct live_waiter **woken);
void channel_wake_all(struct live_channel *, struct live_waiter **woken);
void channel_call(struct live_waiter *woken); /* with no lock */
/* A view over the channel's state: valid while the ring lock is held. */
struct view {
    struct manifest_live live;
    struct manifest_rendition renditions[LIVE_RENDITIONS_MAX];
    size_t from[LIVE_RENDITIONS_MAX]; /* the channel's index */
};
void channel_view(struct live_channel *, struct view *out);
void thumbs_text(const struct story *, int64_t from_ns, struct buf *out);

/* names.c: what a file name asks for. */
enum live_file {
    FILE_NONE, FILE_MASTER, FILE_MPD, FILE_THUMBS, FILE_POSTER, FILE_STILL, FILE_PLAYLIST, FILE_IFRAMES, FILE_INIT, FILE_SEGMENT
};
struct live_name {
    enum live_file kind;
    struct slice rendition;
    uint64_t number;
};
bool live_name_parse(struct slice file, struct live_name *out);

#endif
