/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * publisher.h: one publisher, from its first packet to the end of its feed.
 *
 *   srt-read   waits for SRT's packets, writes them to the child. Ends when the connection does, and then closes the child's input
 *   srt-feed   reads what the child says, calls the receiver. Ends when the child has said all, or when it must stop
 *
 * Neither waits for the other but by the child's socket, so a picture leaves for the receiver the moment it is whole.
 *
 * The first child comes without FFmpeg. Where the stream turns out to need it, srt-read is ended, a second child is started with it, gets what the
 * first one got, and srt-read goes on where it stopped: nothing is lost. */
#ifndef SRT_PUBLISHER_H
#define SRT_PUBLISHER_H

#include <stdatomic.h>

#include "base/thread.h"
#include "media/srt/record.h"
#include "media/srt/srt.h"
#include "media/srt/srt_api.h"

enum publisher_end { PUBLISHER_OPEN, PUBLISHER_PAUSED, PUBLISHER_GONE, PUBLISHER_LOST, PUBLISHER_STALLED, PUBLISHER_STOPPED, PUBLISHER_CHILD_STALLED };

struct publisher {
    struct publisher *next;             /* in the listener's list */
    const struct srt_options *options;  /* the listener's, which outlives us */
    SRTSOCKET socket;
    char key[FEED_KEY_BYTES_MAX + 1], peer[80], agent[24];

    struct thread *feed_thread, *read_thread;
    struct child child;
    struct child_writer to_child; /* the reader's */
    struct buf head;              /* the reader's: struct head_entry and its bytes, until is_settled: what a child that is begun anew gets first */
    atomic_bool is_settled;       /* tracks were told */
    atomic_bool must_pause;       /* the reader ends, the connection does not */
    atomic_bool must_stop, is_done;
    atomic_int how_it_ended;      /* enum publisher_end; told by the reader */
    int64_t began;                /* monotonic, ns */
    struct record_talk talk;
    void *feed;
    struct mono_time health_told;
};

/* Takes the connection over, in any case. Errors: ERR_LIMIT: it was closed. */
MUST_USE struct err publisher_start(const struct srt_options *, SRTSOCKET, struct slice key, const char *peer, struct publisher **out);
/* Asks it to end soon; does not wait. */
void publisher_stop(struct publisher *);
bool publisher_is_done(const struct publisher *);
/* Waits for its end, frees it. */
void publisher_join(struct publisher **);

#endif
