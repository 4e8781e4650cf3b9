/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * manifest.h: HLS playlists (RFC 8216) and DASH manifests (ISO/IEC 23009-1) as views on the indexes of a presentation.
 *
 * A view is a pure function of the indexes: nothing is stored, nothing is read. `package` writes all views as files; the server
 * makes one when it is first asked for and keeps it. All references are relative, so that a path, a token in the path and a
 * content network in front change nothing. What came from outside (names, languages) is escaped for where it stands.
 *
 *   master.m3u8          all renditions, audio and subtitle groups, I-frame playlists
 *   v0.m3u8, a0.m3u8     byte ranges of v0.mp4, a0.mp4
 *   v0-iframes.m3u8      the first picture of each segment, for seeking
 *   t0.m3u8              t0.vtt as one segment
 *   manifest.mpd         DASH: SegmentBase on the same track files, text beside it, thumbnail sprites
 *
 * Any thread; the presentation is only read. */
#ifndef MEDIA_MANIFEST_MANIFEST_H
#define MEDIA_MANIFEST_MANIFEST_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "media/cmaf/cmaf.h"

/* Appends the view of that file name. On error `out` may hold a beginning: clear it.
 * Errors: ERR_NOT_FOUND "manifest.name" (no such view of this presentation), ERR_LIMIT (`out` is full). */
MUST_USE struct err manifest_make(const struct cmaf_presentation *, struct slice file_name, struct buf *out);

/* "application/vnd.apple.mpegurl", "application/dash+xml" ... for every file name of a presentation, media included;
 * NULL for a name that a presentation does not have. By the form of the name alone: whether it exists is another question. */
const char *manifest_content_type(struct slice file_name);

/* Calls back once for each view's file name, master.m3u8 first. Stops at the first error and returns it. */
MUST_USE struct err manifest_each(const struct cmaf_presentation *, struct err (*view)(void *user, const char *file_name), void *user);

/* Writes all views into the folder, each atomically, the master playlists last. */
MUST_USE struct err manifest_write_all(const struct cmaf_presentation *, int dir_fd);

/* ---- live events, and their recordings ----
 *
 * The same, over a plain snapshot of what a channel has: runs between discontinuities, renditions whose segments carry the same numbers, and for the
 * newest segments their parts. The live room keeps its state in these very structs, so that a view copies nothing.
 *
 *   master.m3u8     the pictures with their sounds, and the first sound alone
 *   v0.m3u8         v0-41.m4s, v0-42.m4s ... and parts as byte ranges of them (draft-pantos-hls-rfc8216bis); players that do not know parts
 *                   see whole segments
 *   manifest.mpd    one period a run; the growing segment stands in the timeline with the length it is going to have
 *
 * Times are ticks of the rendition's timescale on the channel's timeline, where 0 is `epoch`. */

enum manifest_segment_flags {
    MANIFEST_SYNC = 1, /* begins with a sync sample */
    MANIFEST_GAP = 2,  /* there is nothing to load */
    MANIFEST_OPEN = 4, /* still growing; the last one of a rendition at most */
};

struct manifest_part {
    int64_t start;
    uint32_t duration;
    uint32_t offset, bytes; /* in the segment */
    bool is_sync;           /* begins with a sync sample */
};

struct manifest_segment {
    uint64_t number;       /* media sequence number: one more than that of the segment before it */
    int64_t start;
    int64_t utc_ns;        /* when its first picture was captured */
    uint32_t duration;     /* open: so far */
    uint32_t bytes;
    uint32_t key_bytes;    /* from its start to the end of its first picture; 0: no sync sample or not video */
    uint32_t run;          /* a discontinuity lies between segments of different runs */
    uint16_t init;         /* v0-i1.mp4 */
    uint8_t flags;         /* of enum manifest_segment_flags */
    uint8_t part_count;    /* 0: not offered any more */
    uint64_t part_first;   /* parts[part_first - parts_from] */
};

struct manifest_init {
    uint16_t number;
    struct cmaf_track track;
};

struct manifest_rendition {
    char name[8];
    uint32_t timescale;    /* of all its inits */
    const struct manifest_init *inits;
    size_t init_count;
    const struct manifest_segment *segments; /* without holes in their numbers */
    size_t segment_count;
    const struct manifest_part *parts;
    uint64_t parts_from;
    uint64_t peak_bps, average_bps;
    bool has_hint;         /* the part that comes next: where it will be found */
    uint64_t hint_number;
    uint32_t hint_offset;
    uint32_t open_duration; /* what the open segment's duration is going to be, by all we know */
};

struct manifest_run {
    uint32_t run;
    int64_t start_ns;      /* on the channel's timeline */
    int64_t wall_ns;       /* from epoch: where it lies on the wall clock of availability; usually start_ns */
};

/* An SCTE 35 event (ANSI/SCTE 35): an avail that begins, ends, or a command of another kind. */
struct manifest_cue {
    uint64_t id;           /* unlike that of any other */
    int64_t start_ns;      /* on the channel's timeline */
    int64_t utc_ns;
    int64_t planned_ns;    /* how long it will last; -1: not said */
    int64_t end_ns;        /* -1: not ended */
    struct slice out, in, command; /* the sections as they came; empty: none */
};

struct manifest_live {
    struct utc_time epoch, now; /* `now`: for UTCTiming; pictures and sounds come from the segments alone */
    bool is_ended;              /* nothing comes any more */
    bool is_recording;          /* the whole of it, from the beginning: on demand */
    uint32_t target_ms, part_ms, window_ms;
    const struct manifest_rendition *renditions; /* pictures first: v0, v1 ..., then a0, a1 ... */
    size_t rendition_count;
    const struct manifest_run *runs; /* by rising number; those of all segments are there */
    size_t run_count;
    const struct manifest_cue *cues; /* by start */
    size_t cue_count;
};

enum manifest_skip { MANIFEST_WHOLE, MANIFEST_DELTA }; /* EXT-X-SKIP for what is older than six target durations */

void manifest_live_master(const struct manifest_live *, struct buf *out);
/* The media playlist of one rendition that has at least one segment. */
void manifest_live_media(const struct manifest_live *, size_t rendition, enum manifest_skip, struct buf *out);
/* Of a recording's picture. */
void manifest_live_iframes(const struct manifest_live *, size_t rendition, struct buf *out);
void manifest_live_dash(const struct manifest_live *, struct buf *out);

#endif
