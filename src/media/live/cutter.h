/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * cutter.h: which sample goes into which part of which segment. For this room only. Pure but for the memory of open parts: what it makes goes to a sink.
 *
 *   v0 (leader)    |K..........K..........|K..........K..........|K....
 *   a0 (follower)  |......................'|....................'|....       ' the frame that begins before the boundary
 *   boundaries     41                      42                     43          number, time, run
 *
 * The rules
 *   1. The leader (the picture; without one the first sound) makes boundaries: at a key frame when one more group of pictures would pass the
 *      target; at the limit in any case; and where a run begins. Each boundary has the next media sequence number.
 *   2. A follower's sample belongs to the last boundary of its run that is not later than it. It waits until the leader has gone past it, since
 *      a boundary may still come before it.
 *   3. A part is closed as soon as the next frame would make it too long, which on a grid is known when its last one comes. So is a segment
 *      when the limit is reached, or the next boundary.
 *   4. A leader that is silent for STALL_NS while others go on does not hold them up: boundaries are made without it.
 *   5. A follower that is LAG boundaries behind gets empty segments (gaps), so that its playlist goes on.
 *   6. There are no holes between parts of a run. Where frames are missing and the part before is closed already, the next frame begins where that ended
 *      and lasts the longer: browsers drop everything up to the next key frame where decode times leap by more than two frames (Media Source
 *      Extensions section 3.5.8), and stop where nothing is buffered.
 *
 * Segments of all renditions have consecutive numbers; those in which a rendition has nothing are gaps. */
#ifndef MEDIA_LIVE_CUTTER_H
#define MEDIA_LIVE_CUTTER_H

#include "base/clock.h"
#include "media/live/packer.h"

enum { CUTTER_RENDITIONS_MAX = 8, CUTTER_BOUNDARIES = 64, CUTTER_GOPS = 4, CUTTER_PARTS_MAX = 15, CUTTER_LAG = 3, CUTTER_QUEUE_MAX = 2048 };
#define CUTTER_PART_NS (334 * NS_PER_MS)
#define CUTTER_TARGET_NS (2010 * NS_PER_MS)  /* two seconds, and what 29.97 makes of them */
#define CUTTER_STRETCH_NS (2400 * NS_PER_MS) /* still 2 when rounded: for groups of pictures a little longer than two seconds */
#define CUTTER_LONGEST_NS (2490 * NS_PER_MS) /* what is longer would be 3 */
#define CUTTER_STALL_NS (1 * NS_PER_S)
#define CUTTER_HOLE_NS (1500 * NS_PER_MS)    /* a longer one is left as it is */

struct cutter_sample {
    int64_t dts, pts;    /* ticks of the rendition's timescale */
    uint32_t duration;   /* 0: the next one will tell */
    uint32_t run;
    int64_t run_start_ns;
    uint16_t init;
    bool is_sync;
    struct slice data;
    int64_t arrived_ns;  /* monotonic, for lateness; passed through */
};

struct cutter_boundary {
    uint64_t number;
    int64_t start_ns;
    uint32_t run;
};

struct cutter_part {
    uint64_t number;       /* of the segment */
    uint32_t index;        /* in the segment: 0 opens it */
    struct http_blob *blob; /* the sink's: it releases it */
    int64_t start;         /* presentation, ticks */
    uint32_t duration;
    bool is_sync, is_last; /* last: of the segment, whose end follows at once */
    uint32_t segment_duration; /* with is_last */
    uint32_t first_bytes;  /* to the end of the first picture */
    uint32_t run;
    uint16_t init;
    size_t samples;
    int64_t arrived_ns;    /* of its last sample */
};

struct cutter_end {
    uint64_t number;
    int64_t start;
    uint32_t duration;
    uint32_t parts;
    bool is_gap;
    uint32_t run;
    uint16_t init;
};

struct cutter_sink {
    void *user;
    void (*part)(void *user, size_t rendition, const struct cutter_part *);
    void (*end)(void *user, size_t rendition, const struct cutter_end *);  /* of a segment; a gap has had no parts */
    void (*lost)(void *user, size_t rendition, size_t samples);            /* memory ran out, or there was no place for them */
    struct utc_time (*captured)(void *user, size_t rendition, int64_t ns); /* at a time of the timeline */
};

struct cutter_queued {
    struct cutter_queued *next;
    struct cutter_sample sample; /* its data lies behind the struct */
};

struct cutter_rendition {
    bool is_used, is_video;
    uint32_t hz;
    struct packer packer;
    /* the open segment */
    bool is_open;
    uint64_t number;        /* of the open segment, or the last one */
    bool has_number;
    int64_t start;          /* presentation */
    int64_t first_dts, end_dts; /* end_dts: of all that was added */
    uint32_t run;
    uint16_t init;
    uint32_t parts;
    int64_t part_arrived_ns;
    int64_t frame;          /* the last known duration of a sample */
    int64_t delay;          /* presentation minus decoding of the last key frame */
    bool is_pending;        /* the duration of the newest sample is not known yet */
    bool has_end;           /* end_dts is where what comes next in this run should begin */
    /* the leader's groups of pictures */
    int64_t key_dts, gops[CUTTER_GOPS];
    unsigned gop_count;
    bool has_key;
    /* what a follower keeps waiting */
    struct cutter_queued *queue, **queue_end;
    size_t queued;
};

struct cutter {
    struct cutter_rendition renditions[CUTTER_RENDITIONS_MAX];
    size_t leader; /* CUTTER_RENDITIONS_MAX: none */
    struct cutter_boundary boundaries[CUTTER_BOUNDARIES]; /* by number, modulo */
    uint64_t next_number;
    bool has_boundary;
    int64_t progress_ns;    /* no boundary of progress_run will come before this */
    uint32_t progress_run;
    bool is_cut_forced;
    struct cutter_sink sink;
};

void cutter_init(struct cutter *, const struct cutter_sink *, uint64_t first_number);
void cutter_free(struct cutter *);
/* `index` of the rendition is the caller's choice. `last_number`: its newest segment from before, so that its numbers go on; UINT64_MAX: none. */
void cutter_use(struct cutter *, size_t index, bool is_video, uint32_t hz, uint64_t last_number);
void cutter_lead(struct cutter *, size_t index);
/* Samples of one rendition in decode order; runs never fall. */
void cutter_add(struct cutter *, size_t index, const struct cutter_sample *);
/* All that is held goes out, and the open segments end: the publisher has gone. */
void cutter_flush(struct cutter *);
/* The same for one rendition whose writer has gone. */
void cutter_flush_one(struct cutter *, size_t index);

/* Where the next part of this rendition will begin, by all that is known: segment and part. False: nothing was begun yet. */
struct cutter_next {
    uint64_t number;
    bool is_new;             /* the first part of a new segment */
    int64_t open_duration;   /* what the open segment will last, ticks */
};
bool cutter_expects(const struct cutter *, size_t index, struct cutter_next *out);
/* The newest boundary whose segment may still get samples; UINT64_MAX: none. */
uint64_t cutter_newest(const struct cutter *);
uint32_t cutter_gop_ms(const struct cutter *); /* the leader's last group of pictures; 0: not known */

#endif
