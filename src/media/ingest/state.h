/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * state.h: ingest.json, what an import has planned and finished. It is written before anything is made and after each
 * thing is, so that a later call knows where to go on. */
#ifndef INGEST_STATE_H
#define INGEST_STATE_H

#include "media/cmaf/cmaf.h"
#include "media/ingest/ingest.h"
#include "media/ingest/record.h"

struct state_track {
    struct ingest_track about;
    uint32_t flags, stream;
    int64_t end_ms; /* once done: of its last segment */
    bool is_done;
};

struct state {
    uint64_t source_bytes;
    uint64_t source_hash; /* of its beginning, middle and end */
    bool is_finished, has_plan, has_pictures, has_poster;
    int64_t duration_ms; /* as the file says */
    uint32_t colour;
    struct cmaf_thumbnails thumbnails;
    struct state_track tracks[INGEST_TRACKS_MAX];
    size_t track_count;
};

/* ERR_NOT_FOUND, ERR_INPUT "ingest.json". */
MUST_USE struct err state_read(int dir_fd, struct state *out);
MUST_USE struct err state_write(int dir_fd, const struct state *);
/* Static text for a reason; what is not known becomes "ingest.other". NULL for "". */
const char *state_reason(const char *code);

#endif
