/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * library.h: reads a channel's folder back: for a channel that goes on after a restart, and for recordings. For this room only. May block.
 *
 * What counts is what the indexes say up to their first broken record, as far as the bytes are there. The last parts of each newest hour are read and summed,
 * because after a power cut a file may be as long as its index says and still not hold it. A segment without an end: when it is the last of its
 * run, the publisher or we broke off there, and it is a shorter one; inside a run, parts of it are missing, and it is a gap. */
#ifndef MEDIA_LIVE_LIBRARY_H
#define MEDIA_LIVE_LIBRARY_H

#include "media/live/journal.h"
#include "media/live/ring.h"
#include "media/live/story.h"

enum { LIBRARY_HOURS_MAX = 10000, LIBRARY_INDEX_BYTES_MAX = 64 << 20, LIBRARY_CHECK_BYTES = 8 << 20 };

struct library_hour {
    uint32_t hour;
    struct http_file *file; /* to read from */
};

struct library_rendition {
    struct ring ring;       /* nothing in memory, all in files */
    struct library_hour *hours; /* by number */
    size_t hour_count, hour_capacity;
    /* where the newest hour's good bytes end */
    struct journal_head newest;
    uint64_t media_bytes, index_bytes;
    bool has_newest;
    uint64_t bytes;         /* of all hours */
};

struct library {
    struct story story;
    uint64_t log_bytes;
    struct library_rendition renditions[LIVE_RENDITIONS_MAX]; /* as in the story */
};

/* Errors: ERR_NOT_FOUND (no live.idx), ERR_INPUT live.index, ERR_LIMIT, ERR_IO; then nothing is left in *out. */
MUST_USE struct err library_read(int dir_fd, struct library *out);
void library_free(struct library *);
struct http_file *library_file(const struct library_rendition *, uint32_t hour); /* borrowed; NULL: not there */

/* One hour's index into a ring that ends before it; `media_bytes` is the size of its file. *good_index and *good_media: where whole records and their bytes
 * end. Pure. Errors: ERR_INPUT live.index (no head of ours), ERR_LIMIT. */
MUST_USE struct err library_read_hour(struct slice index, uint64_t media_bytes, struct ring *, struct journal_head *head, uint64_t *good_index, uint64_t *good_media);

#endif
