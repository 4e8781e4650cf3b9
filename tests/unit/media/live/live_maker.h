/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * live_maker.h: publishers and viewers made up for tests of media/live. */
#ifndef TESTS_LIVE_MAKER_H
#define TESTS_LIVE_MAKER_H

#include "base/clock.h"
#include "base/rng.h"
#include "media/live/live.h"
#include "media_maker.h"

extern const struct public_id made_id;
extern const struct utc_time made_epoch;

/* A sample as it was sent, or as it was found. */
struct seen {
    int64_t dts, pts; /* found: on the channel's timeline */
    uint32_t duration, bytes, name;
    bool is_sync;
};
struct seen_list {
    struct seen *all;
    size_t count, capacity;
};
void seen_add(struct seen_list *, struct seen);
void seen_free(struct seen_list *);

struct made_stream {
    uint32_t num, den;      /* frames a second; 0: no picture */
    unsigned gop;           /* pictures; 0: no key frame but the first */
    unsigned b_delay;       /* pictures shown this many frames after decoding */
    bool has_sound;
    uint32_t sample_rate;
    uint32_t hz;            /* of the picture's times; sound: the same, or its sample rate if 90000 */
    uint32_t bytes;         /* of a picture, about */
    int64_t offset_ms;      /* the source's clock at the beginning */
    double rate;            /* of the source's clock against ours; 0: 1 */
    uint16_t height;        /* 0: 720 */
};

struct made_publisher {
    struct live *live;
    struct clock *clock;
    struct live_feed *feed;
    struct made_stream stream;
    struct cmaf_track tracks[2];
    size_t track_count;
    int64_t frames, sounds; /* sent so far */
    double video_s, audio_s; /* where they are, in seconds of the source */
    uint32_t name;          /* of the next sample */
    struct seen_list video, audio; /* all that was sent and taken */
    struct rng rng;
};

/* Options of a server with a manual clock, for tests. */
struct live *made_live(struct clock *, uint64_t ring_bytes_max);
struct err made_begin(struct made_publisher *, struct live *, struct clock *, struct made_stream);
/* Sends what belongs into the next `ms`, moving the clock as it goes. Fails the test if a sample is refused. */
void made_send(struct made_publisher *, int64_t ms);
void made_end(struct made_publisher *);
void made_publisher_free(struct made_publisher *);

/* The samples of one part or segment, appended. Fails the test if it is no run of moof and mdat. */
void made_read(struct slice bytes, struct seen_list *out);
/* All bytes of an answer of pieces or file, appended to `out`. */
void made_bytes(const struct live_answer *, struct buf *out);
/* Asks and gives the text; fails the test on anything but pieces. To be freed by buf_free. */
struct buf made_text(struct live *, const char *file);
struct buf made_recorded_text(const struct live_recording *, const char *file);
/* Every sample of a rendition: through its playlist, segment by segment. `recording` NULL: from the channel. */
void made_fetch(struct live *, const struct live_recording *, const char *rendition, struct seen_list *out);
/* The samples are those that were sent, in order, none missing; decode times rise, and nothing overlaps. */
void made_compare(const struct seen_list *sent, const struct seen_list *found);

#endif
