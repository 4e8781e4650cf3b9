/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * segments.h: what the writer and the rebuilding of an index must do alike. For this room only. */
#ifndef MEDIA_CMAF_SEGMENTS_H
#define MEDIA_CMAF_SEGMENTS_H

#include "media/cmaf/cmaf.h"

/* Collects segments from their parts, and counts pictures for the frame rate. A zeroed struct is a valid start. */
struct segment_list {
    struct cmaf_segment *all; /* mem_; the last one may still be open */
    size_t count, capacity;
    int64_t end;              /* latest end of a sample of the last segment */
    uint64_t sample_count, sample_ticks;
    uint32_t constant_ticks;  /* what all samples lasted so far but the last one; 0: they differ */
    uint32_t last_ticks;
};

void segment_list_free(struct segment_list *);
/* Errors: ERR_LIMIT (memory, CMAF_SEGMENTS_MAX). */
MUST_USE struct err segment_list_open(struct segment_list *, uint64_t offset, bool is_sync);
/* A part of the open segment: where it ends in the file, and its samples with times on the presentation timeline. `key_end`: where
 * the first sample ends in the file, if this is the first part. Errors: ERR_LIMIT (a segment of 4 GB). */
MUST_USE struct err segment_list_add_part(struct segment_list *, uint64_t file_end, uint64_t key_end, bool is_video,
                                          const struct cmaf_sample *, size_t count);
/* Durations from start to start; the last one from its samples. */
void segment_list_settle(struct segment_list *);
/* Frames a second: exact if all samples but the last, which may be cut short, last equally long; else the average. */
void segment_list_rate(const struct segment_list *, uint32_t timescale, uint32_t *num, uint32_t *den);

#endif
