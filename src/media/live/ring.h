/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * ring.h: what one rendition offers: its segments, and the bytes of the newest ones. For this room only. No lock of its own: the channel's.
 *
 *   segments   |  101  |  102  |  ...  | 3698 | 3699 | 3700 (open) |      the DVR window
 *   in file     =============================                            recorded, as far as the recorder is
 *   in memory                           =============================      parts with their blobs
 *
 * Both lie in arrays that slide: a view takes pointers into them and copies nothing. */
#ifndef MEDIA_LIVE_RING_H
#define MEDIA_LIVE_RING_H

#include "media/manifest/manifest.h"
#include "system/http/http.h"

enum { RING_SEGMENTS_MAX = 1 << 20, RING_OFFERED_SEGMENTS = 2 };

/* Where a segment's bytes are, beside what the manifest says of it. */
struct ring_place {
    uint32_t hour;          /* file v0-h<hour>.m4s */
    uint32_t recorded;      /* bytes of it that are in the file */
    uint64_t file_offset;
    uint32_t held_parts;    /* in memory, from part_first on */
    bool is_hole;           /* it will never be whole in the file */
    uint64_t part_first;
};

struct ring {
    struct manifest_segment *segments; /* the array's memory; the live ones begin at `first` */
    struct ring_place *places;
    size_t first, count, capacity;
    struct manifest_part *parts;
    struct http_blob **blobs;
    size_t part_at, part_count, part_capacity;
    uint64_t parts_from;    /* number of the first part in memory, counted from the beginning of time */
    uint64_t bytes;         /* held in memory */
};

void ring_free(struct ring *);

static inline struct manifest_segment *ring_segments(struct ring *r) { return r->count ? r->segments + r->first : NULL; }
static inline struct ring_place *ring_places(struct ring *r) { return r->count ? r->places + r->first : NULL; }
static inline const struct manifest_part *ring_parts(const struct ring *r) { return r->part_count ? r->parts + r->part_at : NULL; }
/* Index of the segment of that number in ring_segments; SIZE_MAX: none. */
size_t ring_find(const struct ring *, uint64_t number);
/* The newest; NULL: none. */
struct manifest_segment *ring_last(struct ring *);

/* Errors: ERR_LIMIT; then nothing has changed. Numbers follow each other; whoever skips some has filled them with gaps. */
MUST_USE struct err ring_open(struct ring *, const struct manifest_segment *, uint32_t hour);
/* Takes over the reference. Of the open segment. */
MUST_USE struct err ring_add(struct ring *, struct http_blob *, const struct manifest_part *);
void ring_close(struct ring *, uint32_t duration);

/* The recorder's word on a part: so many bytes of that segment are in the file, from `file_offset` on. */
void ring_recorded(struct ring *, uint64_t number, uint64_t file_offset, uint32_t bytes);
void ring_hole(struct ring *, uint64_t number);

/* Gives up the bytes of the oldest segment that has some; false: only the open one has any. */
bool ring_release_oldest(struct ring *);
/* May its oldest held segment go: closed, older than `before` (ticks), and all of it in the file? */
bool ring_oldest_is_spent(const struct ring *, int64_t before);
/* The first segments leave the window: those that end at or before `before`, but never the last three. Returns how many went. */
size_t ring_slide(struct ring *, int64_t before);
/* Called when one is closed: parts are told for the newest segments only, two closed ones and the open one (HLS section 6.2.2: not more than three target
 * durations from the end). */
void ring_offer(struct ring *);

struct http_blob *ring_blob(const struct ring *, uint64_t part);

#endif
