/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * srt.h: the SRT listener. Publishers call in with a stream key and send MPEG-TS; what they send reaches the caller as one
 * struct feed_receiver's calls (media/feed/feed.h) for each of them.
 *
 *      libsrt --TS--> publisher's reader --> sandboxed child: TS apart, sound that no browser plays to AAC --> publisher --> feed_receiver
 *
 * Carried: one programme; its first H.264 or HEVC picture; up to seven AAC, Opus, MP2, MP3, AC-3 or E-AC-3 sounds (all but AAC and Opus
 * as AAC); SCTE 35. Times are the source's 90 kHz clock made 64 bits wide: a picture in 1/90000 s, sound in its sample rate.
 * Capture time is what the encoder writes into its pictures (a precision time stamp of MISB ST 0604: FEED_CLOCK_REFERENCE), if that lies within
 * ten seconds of arrival; else when the encoder sent the packet, as SRT's own clock tells it (FEED_CLOCK_ARRIVAL).
 *
 * What a publisher presents as its streamid, any of
 *      #!::r=KEY,m=publish   (SRT Access Control; u, s, t are read over, other modes are refused)
 *      publish:KEY
 *      KEY
 *
 * A refusal is told by SRT's reject reason (SRT_REJX_*): 1400 no such streamid, 1401 wrong key, 1402 too many, 1405 not publishing,
 * 1409 somebody publishes with this key already; libsrt itself says a wrong or missing passphrase (SRT_REJ_BADSECRET, SRT_REJ_UNSECURE).
 *
 * Threads: those of libsrt; "srt-listen" takes calls; each publisher has "srt-read", which waits for packets, and "srt-feed", on which all
 * calls of the feed_receiver for that publisher come. */
#ifndef MEDIA_SRT_H
#define MEDIA_SRT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "media/child/child.h"
#include "media/feed/feed.h"

struct srt_listener;

struct srt_options {
    const char *address;    /* "127.0.0.1:9000", "[::1]:9000", "[::]:9000" (IPv4 too); port 0: any that is free, see srt_listener_port */
    const char *passphrase; /* 10 to 79 bytes; NULL: no encryption. Never logged */
    int latency_ms;         /* how long lost packets may take to come again; 0: 120. A publisher that asks for more gets more */
    size_t publishers_max;  /* 0: 64 */
    int64_t stall_ms_max;   /* a publisher that sends nothing for so long is ended with srt.stalled; 0: 10,000 */
    const char *program;    /* to start as the child; NULL: /proc/self/exe */
    const struct clock *clock; /* of the times of arrival; NULL: the system's */

    /* Asked while a publisher calls, so that a refusal can be told with its reason. It comes on the thread of libsrt that receives for
     * everybody: an answer from memory, or one indexed read; not more than a millisecond. NULL: all are let in, and `begin` decides; a
     * publisher that it refuses is hung up on without a reason. Errors: as begin's, none of which is logged with the key. */
    struct err (*admit)(void *user, const struct feed_hello *);
    void *admit_user;

    struct feed_receiver receiver;
};

/* Options are copied. Opens the port: it can be asked for from here on. Errors: ERR_INPUT srt.address, srt.passphrase; ERR_CONFLICT
 * srt.in_use; ERR_IO srt.listen; ERR_BUG srt.missing (libsrt is not installed); ERR_LIMIT "memory". */
MUST_USE struct err srt_listener_create(const struct srt_options *, struct srt_listener **out);
/* Takes calls from now on. Errors: ERR_LIMIT, ERR_IO. */
MUST_USE struct err srt_listener_start(struct srt_listener *);
/* No new calls; all publishers are hung up on, their feeds have ended (ERR_BUSY feed.stopping) and their children are gone when it returns. */
void srt_listener_stop(struct srt_listener *);
void srt_listener_destroy(struct srt_listener **); /* stops */

int srt_listener_port(const struct srt_listener *);
size_t srt_listener_publishers(struct srt_listener *); /* how many are connected now */

/* Is libsrt there? "1.5.1". Loads it. Errors: ERR_BUSY srt.missing. */
MUST_USE struct err srt_library_version(char out[16]);

/* The kind of its children, for the table in main. */
extern const struct child_kind srt_child;

/* Key out of a streamid. Errors: ERR_INPUT "srt.streamid" (none of the forms, or too long), ERR_DENIED "srt.mode" (does not publish). */
MUST_USE struct err srt_streamid_parse(struct slice streamid, struct slice *key);

#endif
