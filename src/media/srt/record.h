/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * record.h: what the child that takes a transport stream apart and its parent say to each other (messages of media/child).
 *
 *   parent: START, then DATA as it comes; the end of the stream is the end
 *   child:  REFUSED and nothing more, or: TRACKS before the first SAMPLE and whenever they change, SAMPLE, CUE, COUNTS
 *
 * Numbers are the machine's: both ends are one program. The parent checks each message before it acts on it. */
#ifndef SRT_RECORD_H
#define SRT_RECORD_H

#include <stdint.h>

#include "media/child/child.h"
#include "media/cmaf/cmaf.h"
#include "media/feed/feed.h"
#include "media/srt/ts.h"

enum record_type {
    RECORD_START = 1, /* struct record_start */
    RECORD_DATA,      /* int64_t stamp, then bytes of the stream */
    RECORD_TRACKS,    /* struct record_track for each, its config behind it */
    RECORD_SAMPLE,    /* struct record_sample, then the payload */
    RECORD_CUE,       /* struct record_cue, then the section */
    RECORD_COUNTS,    /* struct ts_counts */
    RECORD_REFUSED,   /* struct record_refused */
};

struct record_start {
    uint32_t loads_codec; /* 0: without FFmpeg; a stream that needs it is REFUSED with srt.needs_codec, to be begun anew */
    char fault[64]; /* test doors: for fault_arm_from_text */
};

struct record_track {
    uint32_t codec, timescale, config_bytes, flags;
    char language[8];
    uint32_t width, height, aspect_x, aspect_y, rate_num, rate_den;
    uint32_t sample_rate, channels;
    uint16_t colour_primaries, colour_transfer, colour_matrix;
    uint8_t has_colour, is_full_range;
    uint16_t hdr_primary_x[3], hdr_primary_y[3], hdr_white_x, hdr_white_y, light_max, light_average;
    uint32_t luminance_max, luminance_min;
    uint8_t has_mastering, has_light, zero[2];
};

struct record_sample {
    int64_t dts, pts;
    int64_t stamp;
    int64_t utc_us; /* when it was taken, by the encoder's clock; 0: not told */
    uint32_t track, duration;
    uint32_t is_sync, zero;
};

struct record_cue {
    int64_t clock; /* the newest decode time of the programme in 1/90000 s, to unwrap what the section says */
};

struct record_refused {
    char code[40];
    uint16_t programmes[TS_PROGRAMMES_MAX];
    uint32_t programme_count;
};

enum {
    RECORD_DATA_BYTES_MAX = 64 << 10,
    RECORD_MESSAGE_BYTES_MAX = FEED_SAMPLE_BYTES_MAX + 1024,
    RECORD_SAMPLE_LAG_S_MAX = 60, /* presentation behind or before decoding */
};

/* Child: puts the message into the writer. False: no memory. */
bool record_put_tracks(struct child_writer *, const struct cmaf_track *, size_t count);

/* What the parent knows of the conversation. */
struct record_talk {
    struct cmaf_track tracks[FEED_TRACKS_MAX];
    size_t count;
    char configs[FEED_TRACKS_MAX][CMAF_CONFIG_BYTES_MAX];
    struct ts_counts counts;
    bool has_ended;
};

/* A message that has passed: well-formed, in range, and in its place. */
struct record {
    enum record_type type;
    struct feed_sample sample; /* without `arrived` and `captured` */
    int64_t stamp, utc_us;     /* of the sample; not checked */
    struct slice section;
    int64_t clock;
    struct record_refused refused;
};

/* False: the child is not to be trusted any further. TRACKS and COUNTS are taken into `talk`. Slices borrow from the message. */
bool talk_check(struct record_talk *, const struct child_message *, struct record *out);

/* A reason that the child gave -> an error of ours (errors.c); what is not known becomes srt.damaged. */
struct err srt_err(const char *code);

#endif
