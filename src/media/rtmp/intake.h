/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * intake.h: from the messages of one publisher to the calls of a feed_receiver: tracks found and told, times made 64 bits wide, samples checked,
 * metadata and time codes read.
 *
 * Before the first `tracks` samples wait, until it is clear what there is: a video and an audio track; or only one of them where the metadata
 * names no other; or a second of media has come, or HELD_BYTES_MAX. */
#ifndef MEDIA_RTMP_INTAKE_H
#define MEDIA_RTMP_INTAKE_H

#include "base/buf.h"
#include "media/feed/feed.h"
#include "media/rtmp/chunk.h"

enum { INTAKE_WAIT_MS = 1000, INTAKE_HELD_BYTES_MAX = 16 << 20, INTAKE_HELD_MAX = 2048, INTAKE_VIDEO_TIMESCALE = 90000 };

struct intake;

/* The receiver is copied; `feed` is what its begin gave. ERR_LIMIT "memory". */
MUST_USE struct err intake_create(struct intake **out, const struct feed_receiver *, void *feed);
/* Tells what waits, if anything; not `end`, which is the caller's. */
MUST_USE struct err intake_finish(struct intake *);
void intake_destroy(struct intake **);
/* Audio, video, data or aggregate. Errors: what the receiver returned; ERR_INPUT rtmp.tag, rtmp.codec, rtmp.config, rtmp.aggregate;
 * ERR_LIMIT "memory". */
MUST_USE struct err intake_message(struct intake *, const struct chunk_message *, struct utc_time arrived);

uint64_t intake_samples(const struct intake *); /* handed on or waiting */
uint64_t intake_dropped(const struct intake *); /* damaged, or before their track's configuration */

#endif
