/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * live.h: channels. What a publisher sends becomes parts and segments on one timeline, in memory for those who watch now and in
 * files for those who come later; what players ask for is answered from either.
 *
 * The objects, and who holds whom:
 *
 *   live            all channels of this process, by public id; a recorder thread and a keeper thread.
 *   live_channel    one picture of an event: its renditions, its DVR window, its folder. Held by `live` from open to close.
 *   live_feed       one publisher on a channel, from begin to end. A channel has none or one.
 *   live_rendition  pictures that somebody else makes of the channel's own (a smaller size), on the channel's timeline.
 *   live_recording  the folder of a channel that has ended, answering as the channel did. Plain values in an arena.
 *
 * What is in a channel, and how it is addressed:
 *
 *   v0  | segment 41            | segment 42            | segment 43 (growing)
 *       | part part part part ..| part part part part ..| part part
 *   a0  | part part part part ..| part part part part ..| part
 *         ^ each one moof and mdat, made once, never changed, shared by count (http_blob)
 *
 * v0 is the picture, a0 the first sound, a1 .. more; v1 .. are smaller pictures. Segments carry the same media sequence number in all
 * renditions, because all are cut at v0's boundaries (where there is no picture, at a0's). `v0-42.m4s` is segment 42 of v0, a part is a
 * byte range of it, `v0-i1.mp4` an init segment, `v0.m3u8` the playlist. These names stay good after the end, from the recording.
 *
 * Timeline. A channel has one presentation timeline, which begins at 0 with its first sample (`epoch` is the wall clock of that moment) and
 * keeps up with the wall clock of capture: a publisher that was away for a minute comes back a minute later on it, after a
 * discontinuity. Within a run (what lies between two discontinuities) times are the source's, put on the grid of frames. See timeline.h.
 *
 * Files in the channel's folder:
 *
 *   live.idx                what is true of the whole channel: epoch, renditions, runs, cues, thumbnails. Append-only, checksummed.
 *   v0-i1.mp4               init segments
 *   v0-h0.m4s, v0-h0.idx    the parts of hour 0 of v0, one behind the other, and where each lies. Append-only, checksummed.
 *   thumbs-7.jpg            pictures for the seek bar
 *
 * Threads. `live` and all that a channel answers: any thread. Samples of one feed: one thread at a time. Nothing here except what says so waits
 * for a disk: recording is the recorder's alone, and a disk that is slow or full costs recording, never the picture.
 * No lock is held while calling out. */
#ifndef MEDIA_LIVE_LIVE_H
#define MEDIA_LIVE_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "media/cmaf/cmaf.h"
#include "media/feed/feed.h"
#include "system/http/http.h"

enum {
    LIVE_PART_MS = 334,           /* EXT-X-PART-INF: no part is longer */
    LIVE_SEGMENT_MS = 2000,       /* EXT-X-TARGETDURATION is 2, always */
    LIVE_HOLD_BACK_MS = 1002,     /* PART-HOLD-BACK: three parts */
    LIVE_RENDITIONS_MAX = 8,      /* of a channel, pictures and sounds together */
    LIVE_PIECES_MAX = 16,         /* blobs in one answer */
    LIVE_FILE_NAME_MAX = 40,
};

/* ---- the server ---- */

struct live;
struct live_channel;
struct live_feed;
struct live_rendition;

enum live_state {
    LIVE_STATE_WAITING, /* open, and nobody is publishing */
    LIVE_STATE_LIVE,    /* a publisher is there */
    LIVE_STATE_ENDED,   /* live_channel_end was called: playlists say so, the recording is whole */
};

enum live_alarm {
    LIVE_ALARM_STALLED = 1,    /* a publisher is there and no sample came for 3 s, or it is gone and the channel has not ended */
    LIVE_ALARM_KEYFRAMES = 2,  /* no key frame for more than 10 s: who comes now waits that long */
    LIVE_ALARM_DISK = 4,       /* recording has holes, or is behind: the disk is full or slow */
    LIVE_ALARM_LOSS = 8,       /* packets were lost on the way in during the last 10 s */
    LIVE_ALARM_SILENCE = 16,   /* told by live_channel_alarm: who hears and sees decides */
    LIVE_ALARM_BLACK = 32,
    LIVE_ALARM_FREEZE = 64,
};

enum live_notice {
    LIVE_NOTICE_STATE,  /* the state changed */
    LIVE_NOTICE_ALARMS, /* an alarm began or ended */
    LIVE_NOTICE_TRACKS, /* renditions came or changed: playlists can now be asked for, and codecs be shown */
};

struct live_options {
    const struct clock *clock;                 /* outlives everything here */
    uint64_t ring_bytes_max;                   /* of one channel, all renditions; 0: 96 MB */
    /* Something happened to a channel. Any thread, no lock held; not after live_destroy. May be NULL. Must not wait. */
    void (*notice)(void *user, const struct public_id *channel, enum live_notice);
    /* For who makes something of v0 and a0 (smaller pictures, stills, levels): what was taken, on the channel's timeline, in decode order. On the feed's
     * thread, no lock held, borrowed for the call. `tracks` comes before the first sample and when they change; indexes as in it; `is_sync` where v0
     * may begin a segment. May be NULL. Must not wait. */
    void (*tap_tracks)(void *user, const struct public_id *channel, const struct cmaf_track *tracks, size_t count);
    void (*tap_sample)(void *user, const struct public_id *channel, size_t track, const struct cmaf_sample *);
    void *user;
};

/* Starts the threads. Errors: ERR_LIMIT. */
MUST_USE struct err live_create(const struct live_options *, struct live **out);
/* Closes all channels (as live_channel_close) and waits for the recorder. No feed, no rendition and no waiter may be left. May block. */
void live_destroy(struct live **);

/* ---- channels ---- */

struct live_channel_options {
    int dir_fd;                   /* the channel's folder, copied; -1: nothing is stored, the window is what memory holds */
    uint32_t dvr_ms;              /* how far back live playlists go; 0: two hours */
    bool is_recorded;             /* keep everything until the end; false: files behind the window are removed, hour by hour */
    bool takes_over;              /* a second publisher replaces the first; false: it is refused */
    char language[CMAF_LANGUAGE_MAX]; /* of the sound, "" if not known */
};

/* Opens the channel and goes on with what its folder has: after a crash, everything up to the last whole part. May block.
 * Errors: ERR_CONFLICT live.open (the channel is open), ERR_INPUT live.index (the folder is not one of ours), ERR_LIMIT, ERR_IO. */
MUST_USE struct err live_channel_open(struct live *, const struct public_id *, const struct live_channel_options *);
/* The event is over: the open part and segment are closed, all playlists end, held requests are answered, and everything is on its way to the
 * disk when this returns; waits until it is there, at most until the disk fails. A feed that is there is refused from now on (ERR_CANCELLED
 * live.ended). The channel goes on answering until it is closed. May block. Twice is fine.
 * Errors: ERR_NOT_FOUND live.channel; ERR_IO, ERR_LIMIT: something is missing in the recording; the rest of it stands. */
MUST_USE struct err live_channel_end(struct live *, const struct public_id *);
/* Forgets the channel; its folder stays as it is, and open continues it. Waiters are told, and get ERR_NOT_FOUND when they ask again.
 * May block. ERR_NOT_FOUND live.channel. */
MUST_USE struct err live_channel_close(struct live *, const struct public_id *);
/* Changes what may change while a channel is open. ERR_NOT_FOUND live.channel. */
MUST_USE struct err live_channel_set(struct live *, const struct public_id *, uint32_t dvr_ms, bool takes_over);

/* ---- a publisher: mirrors struct feed_receiver ---- */

/* Errors: ERR_NOT_FOUND live.channel; ERR_CONFLICT feed.taken (there is one already that sent something in the last 2.5 s, and this channel does not
 * take over); ERR_CANCELLED live.ended; ERR_LIMIT. Where it takes over, the earlier feed gets ERR_CANCELLED feed.taken_over from its next call. */
MUST_USE struct err live_feed_begin(struct live *, const struct public_id *, const struct feed_hello *, struct live_feed **out);
/* Would it let somebody in now? Nothing is reserved. Waits no longer than a sample takes. Errors: as above. */
MUST_USE struct err live_feed_may_begin(struct live *, const struct public_id *);
/* All tracks, before the first sample and when they change. The first picture and up to three sounds are taken, the rest is left out.
 * The same parameters again change nothing. Errors: ERR_INPUT live.tracks (nothing that we carry); ERR_CANCELLED; ERR_LIMIT. */
MUST_USE struct err live_feed_tracks(struct live_feed *, const struct cmaf_track *tracks, size_t count);
/* The data is copied. Errors: ERR_CANCELLED (feed.taken_over, live.ended, feed.cut), ERR_INPUT (a track that was not told), ERR_LIMIT (memory: the
 * sample is lost, the feed goes on if the caller wants). Odd times are no error: see timeline.h. */
MUST_USE struct err live_feed_sample(struct live_feed *, const struct feed_sample *);
void live_feed_cue(struct live_feed *, struct slice section, int64_t pts, uint32_t timescale);
void live_feed_health(struct live_feed *, const struct feed_health *);
/* Frees the feed. What it began to send is closed as a shorter part; the channel waits for the next one. */
void live_feed_end(struct live_feed **, struct err why);
/* The publisher's connection is to be ended: its next call gets ERR_CANCELLED feed.cut (the key was changed). Nobody there: does nothing. */
void live_channel_cut_feed(struct live *, const struct public_id *);

/* ---- what others add to a channel ---- */

/* A further picture (v1, v2 ...; `name` says which) made from v0. Sample times are on the channel's timeline, as v0's parts say them, in the
 * track's timescale; sync samples where v0's segments begin. One writer per name; coming back under a name continues it.
 * Errors: ERR_NOT_FOUND live.channel; ERR_CONFLICT live.rendition (somebody writes it); ERR_INPUT (name, track); ERR_CANCELLED live.ended; ERR_LIMIT. */
MUST_USE struct err live_rendition_open(struct live *, const struct public_id *, const char *name, const struct cmaf_track *, struct live_rendition **out);
/* `data` is copied, `owner` and `source_offset` not looked at. Errors: ERR_INPUT live.late (the segment it belongs to is closed: the sample is dropped),
 * ERR_CANCELLED live.ended, ERR_LIMIT. */
MUST_USE struct err live_rendition_sample(struct live_rendition *, const struct cmaf_sample *);
void live_rendition_close(struct live_rendition **);

/* Pictures for the seek bar: one JPEG with columns x rows pictures of width x height, the first showing `time_ns` of the timeline, then one every
 * interval_ms. One picture alone: 1 x 1. Copied. Times grow. */
struct live_still {
    struct slice jpeg;
    int64_t time_ns;
    uint32_t interval_ms, count;
    uint16_t width, height, columns, rows;
};
MUST_USE struct err live_channel_still(struct live *, const struct public_id *, const struct live_still *);
/* The newest picture in a size to look at: poster.jpg while live, and the operator's preview. Copied. */
MUST_USE struct err live_channel_preview(struct live *, const struct public_id *, struct slice jpeg);
/* SILENCE, BLACK or FREEZE begins or ends. `level_dbfs` of the sound goes with it: 0 or less; above: not known. */
void live_channel_alarm(struct live *, const struct public_id *, enum live_alarm, bool is_on);
void live_channel_level(struct live *, const struct public_id *, double level_dbfs);

/* ---- asking ---- */

enum live_skip { LIVE_SKIP_NO, LIVE_SKIP_YES, LIVE_SKIP_V2 }; /* _HLS_skip */

struct live_ask {
    struct slice file;         /* "v0.m3u8", "v0-42.m4s" ... */
    bool has_msn, has_part;    /* _HLS_msn, _HLS_part */
    uint64_t msn;
    uint32_t part;
    enum live_skip skip;
    bool has_range;            /* Range: bytes=first-last, or first- with range_last UINT64_MAX; segments only */
    uint64_t range_first, range_last;
    bool wants_pieces;         /* parts as they are in memory, also where one span of a file would do: for a body that goes on as a stream */
};

struct live_piece {
    struct http_blob *blob;
    struct slice bytes; /* a part of it */
};

struct live_answer {
    enum {
        LIVE_ANSWER_NONE,
        LIVE_ANSWER_BLOBS,   /* `pieces`, one behind the other: all that was asked for */
        LIVE_ANSWER_FILE,    /* `bytes` at `file_offset` of `file`: all that was asked for */
        LIVE_ANSWER_GROWING, /* `pieces` (at least one) or `file`: what is there now of an open range of a growing segment. Begin a stream, send it, and
                              * ask again with range_first = `next`, until an answer is not GROWING (the last bytes), or an error LIVE_RANGE (there
                              * were no more). */
        LIVE_ANSWER_WAIT,    /* not yet: the waiter is queued */
        LIVE_ANSWER_ERROR,   /* `error` */
    } kind;
    struct live_piece pieces[LIVE_PIECES_MAX];
    size_t piece_count;
    struct http_file *file; /* also for GROWING, when piece_count is 0 */
    uint64_t file_offset;
    uint64_t bytes;         /* of pieces or file span together */
    uint64_t first, total;  /* where in the segment it begins; the segment's size, 0 while it grows */
    uint64_t next;          /* GROWING: first + bytes */
    const char *content_type;
    bool is_final;          /* never changes under this name: may be cached for ever. Playlists do change until the end */
    struct err error;       /* ERR_NOT_FOUND: live.channel, live.file (no such name), live.expired (behind the window), live.range (416: behind the end
                             * of a segment that is closed; a hint that did not come true). ERR_INPUT live.msn: 400. ERR_BUSY live.waiting:
                             * nothing was published yet (503). ERR_LIMIT: memory */
};

/* In the caller's memory, zeroed before the first use, for one question at a time. `ready` is called once, on any thread, no lock held, when asking again
 * is worth it: the answer may be there, or an error, or (rarely) it is to wait again. It may ask again right there, with the same waiter, and
 * must not wait. */
struct live_waiter {
    struct live_waiter *next, **at; /* of the room; `at` NULL: not queued */
    void *where;
    uint64_t msn;
    uint64_t bytes;
    uint32_t part;
    void (*ready)(struct live_waiter *);
};

/* Never waits for a disk, takes no lock for long. `waiter` NULL: LIVE_ANSWER_WAIT then means only "not yet". Otherwise references in the answer are the
 * caller's: live_answer_release. */
void live_ask(struct live *, const struct public_id *, const struct live_ask *, struct live_waiter *waiter, struct live_answer *out);
void live_answer_release(struct live_answer *);
/* True: `ready` will not be called, the waiter is the caller's again. False: it was not queued any more: `ready` has been called, is running on
 * another thread, or will be in a moment. */
bool live_waiter_cancel(struct live *, struct live_waiter *);

/* By the form of the name alone, also for recordings; NULL: no name of ours. */
const char *live_content_type(struct slice file);

/* ---- health ---- */

struct live_health {
    enum live_state state;
    struct utc_time epoch;           /* of the timeline; 0: nothing was published yet */
    struct utc_time state_since;
    int64_t end_ns;                  /* how far the timeline goes, from the epoch */
    int64_t window_ns;               /* how much of it live playlists offer */
    uint32_t alarms;                 /* of enum live_alarm */
    struct utc_time alarm_since[8];  /* by bit number */

    bool has_feed;                   /* the next five only with one */
    char protocol[8], peer[64], agent[64];
    struct utc_time feed_since;
    struct feed_health net;
    enum feed_clock_source capture;
    double drift_ppm;                /* of the source's clock against ours: positive, it runs fast; 0 until it can be told (10 s) */

    bool has_video, has_audio;
    enum cmaf_codec video_codec, audio_codec;
    char video_codec_string[CMAF_CODEC_STRING_MAX], audio_codec_string[CMAF_CODEC_STRING_MAX];
    uint16_t width, height, channels;
    uint32_t sample_rate;
    double fps;                      /* of the grid, or counted over the last 2 s */
    bool is_variable;                /* no frame grid was found */
    uint32_t video_bps, audio_bps;   /* over the last 2 s */
    uint32_t keyframe_interval_ms;   /* the last one; 0 before the second key frame */
    double level_dbfs;               /* NAN: not known */

    uint64_t samples, samples_dropped; /* since the channel was opened */
    uint64_t parts, parts_late;        /* late: closed more than 50 ms after its last frame was there, by our clock */
    uint64_t discontinuities;
    uint64_t ring_bytes;
    uint64_t recorded_bytes, recorded_parts, lost_parts; /* lost: not recorded, the disk was too slow or full */
    uint64_t waiters;
};

/* A snapshot. ERR_NOT_FOUND live.channel. */
MUST_USE struct err live_channel_health(struct live *, const struct public_id *, struct live_health *out);
/* Of all open channels, at most `limit`; returns how many. */
size_t live_channels(struct live *, struct public_id *out, size_t limit);

/* ---- recordings ---- */

struct live_recording;

/* Is this the folder of a channel (it has a live.idx), and not of a film? May block. */
bool live_recording_is(int dir_fd);
/* Reads what the folder says; the arena's ceiling is the bound (about 64 bytes a segment and rendition). Files are opened once, and closed with the arena.
 * The folder may be a finished one or, after a crash, an unfinished one. May block. *out lives in the arena, is only read, and any thread may ask it.
 * Errors: ERR_NOT_FOUND (no live.idx), ERR_INPUT live.index, live.empty (nothing was ever published), ERR_LIMIT, ERR_IO. */
MUST_USE struct err live_recording_open(int dir_fd, struct arena *, const struct live_recording **out);
/* As live_ask, and never WAIT or GROWING. Segments, init segments and pictures are file spans, playlists are made anew for each call (keep them); also
 * v0-iframes.m3u8. May block: on a worker. */
void live_recording_ask(const struct live_recording *, const struct live_ask *, struct live_answer *out);

struct live_recording_facts {
    int64_t duration_ms;
    struct utc_time started_at;
    uint64_t bytes;
    uint16_t width, height; /* of v0; 0: sound only */
    bool has_audio, has_thumbs, has_poster;
    size_t segments, holes; /* of v0 or, without, a0 */
};
void live_recording_facts(const struct live_recording *, struct live_recording_facts *out);

#ifdef GRANDSTAND_TEST_DOORS
/* After a manual clock was moved: the keeper looks at all channels, and returns. */
void live_test_tick(struct live *);
/* Returns when the recorder has written all that was given to it. */
void live_test_flush(struct live *);
/* The disk does not answer until it is let go. */
void live_test_hold_disk(struct live *, bool is_held);
#endif

#endif
