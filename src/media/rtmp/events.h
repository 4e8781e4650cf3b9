/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * events.h: what data messages say about the time of day and about breaks. */
#ifndef MEDIA_RTMP_EVENTS_H
#define MEDIA_RTMP_EVENTS_H

#include "base/clock.h"
#include "media/rtmp/amf.h"

/* A moment of the media that somebody has tied to the time of day. */
struct timecode {
    bool is_set;
    int64_t at_ms; /* of the media */
    struct utc_time utc;
};

/* Reads an onFI or onTimecode object: `st` ("HH:MM:SS.mmm", the encoder's clock) or, failing that, `tc` or `timecode` ("HH:MM:SS:FF").
 * These are in a time zone that nobody says, so what counts is the time within the quarter of an hour (no zone is finer than that), in the
 * quarter nearest to `arrived`. A time that does not lie shortly before its arrival is none: clocks that are wrong, and time codes that
 * do not follow the time of day. */
void timecode_read(struct timecode *, const struct amf_value *object, int64_t at_ms, struct utc_time arrived, double frames_per_s);
/* The capture time of what is shown at `ms`. False, and untouched, if no time code of the last 10 s of media says. */
bool timecode_apply(const struct timecode *, int64_t ms, struct utc_time *captured);

/* A splice_info_section (SCTE 35) somewhere among the texts of a cue point, in base 64. There is no agreed name for the member, but the section
 * proves itself by its length and CRC. Gives its bytes, or 0. */
enum { SPLICE_BYTES_MAX = 1024 };
size_t splice_find(const struct amf_value *object, uint8_t out[SPLICE_BYTES_MAX]);

#endif
