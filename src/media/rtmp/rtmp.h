/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * rtmp.h: live pictures over RTMP, in both directions: a server that many encoders publish to, and a publisher.
 *
 *      OBS, ffmpeg, vMix ... --TCP--> rtmp_server --feed_receiver--> whoever makes channels
 *      cmaf_track, feed_sample --> rtmp_publisher --TCP--> our server, or anybody's
 *
 * Both speak RTMP 1.0 with AMF0 (also as AMF3 messages) and enhanced RTMP v1 and v2: H.264, HEVC, AV1, VP9; AAC, MP3, Opus, AC-3, E-AC-3,
 * FLAC; several audio tracks. All parsers are our own, take every byte for hostile, and are fuzzed.
 *
 * What the server makes of the protocol
 *   - An address is rtmp://HOST:PORT/live/KEY; what follows a '?' in KEY is not read. The application ("live") and the key are the
 *     publisher's words; the application must be the one of the options, the key is shown to feed_receiver.begin and to nobody else: no log
 *     line has it.
 *   - Tracks: the first video track, and all audio tracks up to FEED_TRACKS_MAX together. Video has the timescale 90,000, audio its
 * sampling rate. RTMP carries milliseconds, so times are off by up to one (half of one where the sender rounds), unless an enhanced
 * publisher adds nanoseconds; `duration` of audio is exact. The receiver puts them on a grid if it wants one.
 *   - `tracks` is told when a video and an audio track are known, or when the publisher's metadata names only one of them, or a second of
 *     media after the first sample; a track that comes later, or changes, is told by another `tracks`. An index once told stays that
 * track's.
 *   - Capture time: onFI and onTimecode messages (FEED_CLOCK_TIMECODE) where the publisher sends them, else arrival.
 *   - A publisher that is refused gets NetStream.Publish.BadName and a sentence that encoders show.
 *
 * Threads: one ("rtmp") accepts, shakes hands and listens to commands, for all connections that do not publish yet; from `publish` on a
 * connection has a thread of its own ("rtmp-N"), which makes all calls of the feed_receiver. Both numbers are bounded. Where too many have
 * connected without publishing, one that has not shaken hands must go, the first that came, so that idle strangers cannot shut an encoder
 * out. */
#ifndef MEDIA_RTMP_RTMP_H
#define MEDIA_RTMP_RTMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "media/feed/feed.h"

/* ---- the server ---- */

struct rtmp_server;

/* Zero means the default that stands beside it. */
struct rtmp_server_options {
    const char *address;            /* "127.0.0.1:1935", "[::1]:1935", "0.0.0.0:1935"; port 0: any free one. Must be given */
    const char *application;        /* "live" */
    const struct clock *clock;      /* the system's; timeouts and arrival times come from it */
    struct feed_receiver receiver;  /* begin, tracks, sample and end must be given; cue and health may be NULL. `user` must outlive the server */
    unsigned publishers_max;        /* 64 at once; beyond, a publisher is refused */
    unsigned waiting_max;           /* 256 connected that do not publish yet */
    unsigned handshake_ms_max;      /* 10,000 from connecting to publishing */
    unsigned stall_ms_max;          /* 10,000 without a whole message from a publisher: it is ended */
};

/* Makes a server that does not listen yet; copies the options. Errors: ERR_INPUT "rtmp.address", ERR_LIMIT "memory". */
MUST_USE struct err rtmp_server_create(struct rtmp_server **out, const struct rtmp_server_options *);
/* Binds, listens, starts accepting. Errors: ERR_CONFLICT "rtmp.bind" (the port is taken), ERR_INPUT "rtmp.address" (this machine does not
 * have it), ERR_DENIED (a port below 1024 without the right), ERR_LIMIT, ERR_IO. */
MUST_USE struct err rtmp_server_start(struct rtmp_server *);
/* The port that it listens on. After start. */
uint16_t rtmp_server_port(const struct rtmp_server *);
/* Stops accepting and ends every publisher (it is told why, and `end` gets ERR_BUSY feed.stopping); returns when all of the server's threads
 * have ended, that is when no call of the receiver is under way or will come. Any thread but the server's own; a second call does nothing. */
void rtmp_server_stop(struct rtmp_server *);
/* Stops if nobody did, frees, clears the pointer. NULL is fine. */
void rtmp_server_destroy(struct rtmp_server **);

/* Since the start. Any thread. */
struct rtmp_server_counters {
    uint64_t connections, handshakes_failed, publishes_refused, publishes_accepted, stalled, malformed, pushed_out;
    uint64_t publishers_now, waiting_now;
};
void rtmp_server_count(const struct rtmp_server *, struct rtmp_server_counters *out);

/* ---- the publisher: one connection that sends ---- */

struct rtmp_publisher;

struct rtmp_publisher_options {
    const char *url;          /* "rtmp://HOST[:PORT]/APPLICATION/KEY"; borrowed until destroy */
    const char *agent;        /* what to call ourselves (flashVer); NULL: "FMLE/3.0 (compatible; Grandstand)" */
    unsigned wait_ms_max;     /* 10,000: for connecting, for each answer, and for the server to take what is sent */
    unsigned chunk_bytes;     /* 65,536; 128 to 65,536 */
    bool (*is_cancelled)(void *user); /* asked about ten times a second while waiting; NULL: never */
    void *user;
};

/* Reads the address, does not connect. Errors: ERR_INPUT "rtmp.url" (with rtmps:// too: it is not spoken), ERR_LIMIT "memory". */
MUST_USE struct err rtmp_publisher_create(struct rtmp_publisher **out, const struct rtmp_publisher_options *);
/* Connects, shakes hands, asks to publish; returns when the server has agreed. Blocks. After a failure, or after rtmp_publisher_end, it may be
 * called again. Errors: ERR_IO rtmp.connect (nobody answers there), ERR_DENIED rtmp.refused (the server's own words: rtmp_publisher_words),
 * ERR_IO rtmp.closed, rtmp.timeout; ERR_INPUT rtmp.malformed (it does not speak RTMP); ERR_CANCELLED. */
MUST_USE struct err rtmp_publisher_connect(struct rtmp_publisher *);
/* What the server said when it refused, or ended the stream: UTF-8, without control characters; "" if nothing. */
const char *rtmp_publisher_words(const struct rtmp_publisher *);
/* Announces the tracks: metadata and configurations. Before the first sample, and again whenever a track changes. At most FEED_TRACKS_MAX, of
 * them one video. H.264, AAC and MP3 go out as plain RTMP, everything else, and second and further audio tracks, as enhanced RTMP.
 * Errors: ERR_INPUT rtmp.tracks; as rtmp_publisher_sample. */
MUST_USE struct err rtmp_publisher_tracks(struct rtmp_publisher *, const struct cmaf_track *, size_t count);
/* Sends one sample, in the order of decode times over all tracks. Reads of feed_sample: track, dts, pts, is_sync, data, and `captured` if
 * clock_source is better than arrival: it then goes out as onFI once a second. Decode times below zero are sent as zero. Returns when the
 * system has taken the bytes. Errors: ERR_IO rtmp.closed, rtmp.timeout (the server takes nothing), ERR_DENIED rtmp.refused (it ended the
 * stream; see words), ERR_LIMIT, ERR_CANCELLED. After an error only connect, end and destroy are left. */
MUST_USE struct err rtmp_publisher_sample(struct rtmp_publisher *, const struct feed_sample *);
/* Says goodbye and closes; waits up to 3 s for the server to have read everything and closed too. Not connected: does nothing. */
void rtmp_publisher_end(struct rtmp_publisher *);
void rtmp_publisher_destroy(struct rtmp_publisher **); /* ends first; NULL is fine */
/* For callers that send in real time: waits until `due`, asking is_cancelled ten times a second. ERR_CANCELLED. */
MUST_USE struct err rtmp_publisher_sleep(struct rtmp_publisher *, struct mono_time due);
/* After a failed connection: waits before the next attempt, 1 s at first, twice as long each time up to 30 s, from the beginning again after a
 * connection that held a minute. Returns `why` at once where trying again would not help (a wrong address, a picture that cannot be sent),
 * ERR_CANCELLED if it was. Begin with a zeroed `retry`. */
struct rtmp_retry {
    int64_t pause_ms;
    struct mono_time last;
};
MUST_USE struct err rtmp_publisher_retry(struct rtmp_publisher *, struct rtmp_retry *, struct err why);
/* Bytes sent so far, all connections together, and the round trip as the system measures it (0: not connected). */
uint64_t rtmp_publisher_bytes(const struct rtmp_publisher *);
uint32_t rtmp_publisher_round_trip_us(const struct rtmp_publisher *);

/* ---- a file in real time ---- */

struct rtmp_file_progress {
    uint64_t samples, bytes, rounds, reconnections; /* rounds: how often the file has ended and begun again */
    int64_t media_ms;
    uint32_t round_trip_us;
    bool is_connected;
    char words[256]; /* why it is not connected: the server's, or ours */
};

struct rtmp_file_options {
    struct rtmp_publisher_options publisher;
    int fd;         /* an MP4 or MOV file with H.264, HEVC or AV1 and AAC, Opus, MP3, AC-3, E-AC-3 or FLAC; stays the caller's */
    bool loops;     /* for ever, timestamps going on */
    bool keeps;     /* connects again, for ever; goes on at the next key frame */
    int64_t ms_max; /* 0: to the end */
    void (*progress)(void *user, const struct rtmp_file_progress *); /* with publisher.user; once a second and at each change; may be NULL */
};

/* Publishes the first picture and the first sound track of a file, as they are, each sample when it is due. Blocks. *out is the last progress.
 * Errors: ERR_INPUT source.*, publish.tracks (nothing in it can be sent as it is), rtmp.url; those of rtmp_publisher_connect and
 * rtmp_publisher_sample unless it keeps; ERR_CANCELLED; ERR_LIMIT; ERR_IO. */
MUST_USE struct err rtmp_publish_file(const struct rtmp_file_options *, struct rtmp_file_progress *out);

#endif
