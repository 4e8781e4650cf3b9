/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * transcoder.h: what has to be decoded of a live channel, in one sandboxed child for each: smaller pictures, sound that browsers play,
 * how loud it is, whether the picture is black or stands still, and stills.
 *
 *      caller --samples--> queue --> child: decodes, looks, listens, encodes --> callbacks
 *
 * Feeding never waits. The queue is bounded: when the child cannot keep up, pictures between key frames are left out until it has
 * caught up (renditions have a hole there, and `state` says TRANSCODER_BEHIND); stills, levels and alarms go on. A child that dies is
 * started anew, after 1, 2, 4 .. 60 s, from the next key frame on; the channel goes on without it meanwhile.
 *
 * Cost: without renditions and sound to encode, only key frames are decoded and sound is decoded for its level: about two per cent of a
 * core at 720p30 with one key frame a second. Encoding 480p costs about a third of a core, 720p about two thirds (x264 "veryfast").
 *
 * Times are the caller's, whatever axis they are on, in the timescales of its tracks. Pictures keep theirs to the tick; key frames of a
 * rendition stand exactly where those of the source do, so that segments align.
 *
 * Threads: transcoder_tracks and transcoder_sample by one thread at a time; callbacks come on the transcoder's own thread ("transcoder"),
 * with no lock held, and may take their time: the child then waits, and the queue fills. Not from a callback: transcoder_destroy. */
#ifndef MEDIA_TRANSCODER_H
#define MEDIA_TRANSCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "media/child/child.h"
#include "media/cmaf/cmaf.h"

enum { TRANSCODER_RENDITIONS_MAX = 3 };

enum transcoder_track { TRANSCODER_PICTURE, TRANSCODER_SOUND };

enum transcoder_state {
    TRANSCODER_STARTING, /* no child yet, or nothing to do before tracks are told */
    TRANSCODER_RUNNING,
    TRANSCODER_BEHIND,   /* only key frames are worked on */
    TRANSCODER_DOWN,     /* the child died; it will be started anew */
};

enum transcoder_alarm {
    TRANSCODER_SILENCE, /* sound below -60 dBFS for 10 s; there is no sound: no alarm */
    TRANSCODER_BLACK,   /* 98 of 100 pixels darker than luma 32 for 5 s */
    TRANSCODER_FREEZE,  /* key frames that do not differ for 10 s */
    TRANSCODER_ALARMS
};

struct transcoder_still {
    struct slice jpeg;     /* valid during the call */
    int64_t pts;           /* of the key frame it shows, in the picture's timescale */
    uint32_t timescale;
    uint16_t width, height;
    bool is_preview;       /* the large one; else the small one for the seek bar */
};

struct transcoder_options {
    uint16_t heights[TRANSCODER_RENDITIONS_MAX]; /* of the renditions wanted, lines; those that are not below the source's are left out. 0: none */
    bool encodes_sound;          /* AAC of a sound that is none of AAC, Opus and MP3 */
    uint32_t still_interval_ms;  /* 0: 5,000 */
    uint16_t still_height;       /* 0: 160; width follows */
    uint32_t preview_interval_ms;/* 0: 5,000 */
    uint16_t preview_height;     /* 0: 540 */
    bool skips_stills;           /* neither stills nor previews */
    size_t queue_bytes_max;      /* 0: 16 MB */
    const char *program;         /* to start as the child; NULL: /proc/self/exe */

    void *user;
    /* All may be NULL. Slices are borrowed for the call. */
    /* A rendition begins, or begins anew with other parameters (`rendition`: index into heights), before its first sample. */
    void (*rendition)(void *user, size_t rendition, const struct cmaf_track *);
    void (*rendition_sample)(void *user, size_t rendition, const struct cmaf_sample *);
    /* The same for encoded sound. */
    void (*sound)(void *user, const struct cmaf_track *);
    void (*sound_sample)(void *user, const struct cmaf_sample *);
    /* Once a second of sound: RMS over all channels and the highest peak in that second, dB below full scale (-100 at the least). */
    void (*level)(void *user, double rms_dbfs, double peak_dbfs);
    void (*alarm)(void *user, enum transcoder_alarm, bool is_on);
    void (*still)(void *user, const struct transcoder_still *);
    void (*state)(void *user, enum transcoder_state);
};

struct transcoder;

/* Options are copied. Nothing is started before tracks are told. Errors: ERR_LIMIT, ERR_INPUT "transcoder.heights". */
MUST_USE struct err transcoder_create(const struct transcoder_options *, struct transcoder **out);
/* Ends the child and the thread; no callback comes after it. Waits for a callback that is running. */
void transcoder_destroy(struct transcoder **);

/* What comes from now on; either may be NULL. Copied. The same again changes nothing; other parameters make the renditions begin anew. Alarms
 * that are on go off. Errors: ERR_LIMIT. */
MUST_USE struct err transcoder_tracks(struct transcoder *, const struct cmaf_track *picture, const struct cmaf_track *sound);
/* Copied; `owner` is not looked at. What there is no room for is left out, which is no error. */
void transcoder_sample(struct transcoder *, enum transcoder_track, const struct cmaf_sample *);

struct transcoder_counts {
    uint64_t samples, samples_dropped; /* given; left out since the queue was full, the child was behind, or there was none */
    uint64_t restarts;
    uint64_t stills;
};
struct transcoder_counts transcoder_counts(struct transcoder *);

/* The kind of its children, for the table in main. */
extern const struct child_kind transcoder_child;

#endif
