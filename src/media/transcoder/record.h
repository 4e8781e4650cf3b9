/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * record.h: what the transcoder and its child say to each other, as bodies of child messages. Numbers are the machine's: both ends are
 * one program. What the child says is believed only after said_check. For this room only. */
#ifndef TRANSCODER_RECORD_H
#define TRANSCODER_RECORD_H

#include "media/transcoder/transcoder.h"

enum {
    MESSAGE_BYTES_MAX = 34 << 20, /* a sample of 32 MB, and what stands before it */
    STILL_BYTES_MAX = 4 << 20,
    STILL_SIDE_MAX = 4096,
};

/* To the child, in this order: begin, then tracks before samples. */
enum ask_type { ASK_NONE, ASK_BEGIN, ASK_TRACKS, ASK_SAMPLE };

struct ask_begin {
    uint16_t heights[TRANSCODER_RENDITIONS_MAX];
    uint16_t still_height, preview_height;
    uint32_t still_interval_ms, preview_interval_ms;
    uint8_t encodes_sound, skips_stills;
};
/* A track without its slices; its config follows. kind CMAF_KIND_NONE: there is none. */
struct wire_track {
    uint32_t kind, codec, timescale, config_bytes;
    uint32_t width, height, aspect_x, aspect_y, rotation, rate_num, rate_den;
    uint32_t sample_rate, channels;
    uint32_t has_colour, is_full_range, primaries, transfer, matrix;
};
struct ask_tracks {
    struct wire_track tracks[2]; /* by enum transcoder_track */
};
struct wire_sample {
    int64_t dts, pts;
    uint32_t track; /* ASK_SAMPLE: enum transcoder_track; SAID_RENDITION_SAMPLE: the rendition */
    uint32_t duration;
    uint32_t is_sync;
    uint32_t spare;
};

enum said_type { SAID_NONE, SAID_RENDITION, SAID_RENDITION_SAMPLE, SAID_SOUND, SAID_SOUND_SAMPLE, SAID_LEVEL, SAID_ALARM, SAID_STILL, SAID_TYPES };

struct said_rendition {
    uint32_t rendition, spare;
    struct wire_track track;
};
struct said_level {
    double rms_dbfs, peak_dbfs;
};
struct said_alarm {
    uint32_t alarm, is_on;
};
struct said_still {
    int64_t pts;
    uint32_t timescale, width, height, is_preview;
};

struct wire_track wire_of(const struct cmaf_track *);
/* False: not a track that could be. `config` is borrowed by the track. */
bool wire_track_read(const struct wire_track *, struct slice config, struct cmaf_track *out);

/* What a message of the child says, checked: a known type, sizes that fit, numbers in their ranges, nothing that was not begun. */
struct said {
    enum said_type type;
    size_t rendition;
    struct cmaf_track track;
    struct cmaf_sample sample; /* data points into the message */
    struct said_level level;
    struct said_alarm alarm;
    struct transcoder_still still;
};
struct said_state { /* what the child has begun so far */
    size_t renditions;          /* how many it may speak of */
    bool may_make_sound;
    bool has_begun[TRANSCODER_RENDITIONS_MAX], has_sound;
    int64_t last_dts[TRANSCODER_RENDITIONS_MAX + 1]; /* the last one is the sound's */
};
bool said_check(struct said_state *, const struct child_message *, struct said *out);

#endif
