/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * feed.h: one live picture of an event on its way in. What the rooms that listen (rtmp, srt) hand to whoever makes
 * channels of it, in one form for all protocols.
 *
 *      publisher --bytes--> rtmp, srt --feed_receiver--> live
 *
 * The order of calls for one publisher, all on one thread of the listener's:
 *
 *      begin  tracks  (sample | cue | health)*  [tracks ...]*  end
 *
 * `begin` may refuse; then nothing else is called. An error from `tracks` or `sample` ends the publisher with that reason (the key was
 * changed, the channel ended, a backup took over); `end` is called all the same, once, last.
 *
 * Times are the source's own: a decode and a presentation time per sample in the track's timescale, all tracks on one clock.
 * Whoever listens has only made them 64 bits wide (feed_unwrap); jumps, gaps and drift are as the source sent them, and the receiver's
 * to deal with. Slices are borrowed for the call. */
#ifndef MEDIA_FEED_FEED_H
#define MEDIA_FEED_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/slice.h"
#include "media/cmaf/cmaf.h"

enum { FEED_TRACKS_MAX = 8, FEED_KEY_BYTES_MAX = 128, FEED_SAMPLE_BYTES_MAX = 32 << 20 };

struct feed_hello {
    const char *protocol; /* "rtmp", "srt" */
    struct slice key;     /* the stream key as presented, 1 to FEED_KEY_BYTES_MAX bytes; never logged */
    struct slice peer;    /* "203.0.113.7:41234" */
    struct slice agent;   /* what the encoder calls itself; may be empty */
};

/* Where a capture time comes from (DESIGN 8.5); the better one has the larger number. */
enum feed_clock_source {
    FEED_CLOCK_ARRIVAL,  /* the source says nothing: when the first byte of the sample arrived */
    FEED_CLOCK_TIMECODE, /* SEI picture timing, RTMP onFI/onTimecode, TS timecode */
    FEED_CLOCK_REFERENCE /* a producer reference time or NTP: UTC by the source itself */
};

struct feed_sample {
    size_t track;               /* index into what `tracks` told */
    int64_t dts, pts;           /* in the track's timescale, on the source's clock */
    uint32_t duration;          /* 0: the source does not say */
    bool is_sync;               /* decoding can start here */
    struct slice data;          /* as CMAF wants it: length-prefixed NAL units, raw AAC frames, ... */
    struct utc_time arrived;    /* when its last byte came */
    struct utc_time captured;   /* by `clock_source`; equal to `arrived` for FEED_CLOCK_ARRIVAL */
    enum feed_clock_source clock_source;
};

/* Counters since the publisher came. */
struct feed_health {
    uint64_t bytes;
    uint64_t packets, packets_lost, packets_retransmitted, packets_dropped; /* SRT; TS continuity errors count as lost */
    uint32_t round_trip_us; /* SRT, or TCP_INFO; 0: not known */
};

struct feed_receiver {
    void *user;
    /* A publisher presents a key. *feed is handed to all other calls. Errors (the listener says them to the publisher as far as its protocol
     * can): ERR_DENIED feed.key, ERR_CONFLICT feed.taken, ERR_LIMIT feed.many, ERR_BUSY feed.stopping. May wait for the database. */
    struct err (*begin)(void *user, const struct feed_hello *, void **feed);
    /* All tracks of this publisher, before the first sample and again whenever one of them changes (size, codec, parameters, a track that
     * comes late). `config` as cmaf.h says; cmaf_track_complete has passed. */
    struct err (*tracks)(void *feed, const struct cmaf_track *tracks, size_t count);
    struct err (*sample)(void *feed, const struct feed_sample *);
    /* A splice_info_section of SCTE 35, from table_id to CRC, to take effect around `pts` (in `timescale`, on the source's clock). */
    void (*cue)(void *feed, struct slice section, int64_t pts, uint32_t timescale);
    /* About once a second. */
    void (*health)(void *feed, const struct feed_health *);
    /* ERR_OK: the publisher said goodbye. */
    void (*end)(void *feed, struct err why);
};

/* The 64-bit time nearest to `last` whose low `bits` (1 to 63) are `raw`: 32 for RTMP, 33 for MPEG-TS. */
int64_t feed_unwrap(int64_t last, uint64_t raw, unsigned bits);

#endif
