/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * story.h: what is true of a whole channel beside its segments: when it began, its renditions and their parameters, runs, cues, pictures for the seek bar. Made of
 * the records of live.idx: whoever learns something new makes a record, applies it, and gives it to the recorder; reading the file applies them
 * again. For this room only; no lock of its own. */
#ifndef MEDIA_LIVE_STORY_H
#define MEDIA_LIVE_STORY_H

#include "media/live/live.h"
#include "media/manifest/manifest.h"

enum { STORY_INITS_MAX = 4096, STORY_RUNS_MAX = 1 << 16, STORY_CUES_MAX = 1 << 16, STORY_STILLS_MAX = 1 << 18, STORY_SECTION_BYTES_MAX = 4096 };

struct story_rendition {
    char name[8];
    uint32_t timescale;
    struct manifest_init *inits; /* by rising number; their configs are not kept: the init segments have them */
    size_t init_count, init_capacity;
};

struct story_still {
    uint32_t number;
    int64_t time_ns;
    uint32_t interval_ms, count;
    uint16_t width, height, columns, rows;
};

struct story {
    struct utc_time epoch;
    bool has_epoch, is_ended, has_poster;
    struct utc_time ended_at;
    struct story_rendition renditions[LIVE_RENDITIONS_MAX]; /* pictures first, then sounds, by number */
    size_t rendition_count;
    struct manifest_run *runs;
    size_t run_count, run_capacity;
    struct manifest_cue *cues; /* by start */
    size_t cue_count, cue_capacity;
    struct story_still *stills;
    size_t still_count, still_capacity;
};

void story_free(struct story *);

/* Each of these appends one record to `log` (may be NULL; one that there is no memory for makes it fail) and applies it. Errors: ERR_LIMIT; then nothing has
 * changed. */
void story_begin(struct story *, struct utc_time epoch, struct buf *log);
/* A new init segment of a rendition; makes the rendition if there is none of that name. */
MUST_USE struct err story_add_init(struct story *, const char *name, uint16_t number, const struct cmaf_track *, struct buf *log);
MUST_USE struct err story_add_run(struct story *, const struct manifest_run *, struct buf *log);
/* A cue of an id that is there replaces it. Sections are copied. */
MUST_USE struct err story_put_cue(struct story *, const struct manifest_cue *, struct buf *log);
MUST_USE struct err story_add_still(struct story *, const struct story_still *, struct buf *log);
void story_set_poster(struct story *, struct buf *log);
void story_end(struct story *, struct utc_time, struct buf *log);

/* Index, or SIZE_MAX. */
size_t story_find(const struct story *, struct slice name);
/* Is this a rendition's name: "v0" to "v7", "a0" to "a7"? */
bool story_is_name(struct slice);

/* What leaves the window is forgotten: cues and stills that end before, runs before `run`. */
void story_forget(struct story *, int64_t before_ns, uint32_t run);
static inline int64_t story_still_end(const struct story_still *s) { return s->time_ns + (int64_t)s->count * s->interval_ms * NS_PER_MS; }

/* From the bytes of live.idx. Reading stops at the first broken record; *good_bytes is where. Errors: ERR_INPUT live.index (the head, or a record that cannot
 * be), ERR_LIMIT. */
MUST_USE struct err story_read(struct story *, struct slice file, size_t *good_bytes);
/* The whole of it anew, for a file without what was forgotten. */
void story_write(const struct story *, struct buf *out);

#endif
