/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The writer of track files. It holds the samples of the open part and decides where segments end; payload goes from the caller's
 * memory, or from the source file through a window on it, straight to the track file.
 *
 * How payload is moved was measured on 386 MB of 1080p, cached, CPU seconds of one core for reading and writing all of it:
 *   copy_file_range for each run of samples 0.19; writev of the mapped source 0.11 (page faults; and a source that is cut meanwhile
 *   would kill the process); pread and writev 0.08 to 0.09, because the bytes stay in the processor's cache in between.
 *   Pieces of the file that begin where the page cache's large folios do: 0.086; the same not so aligned 0.111.
 *   With room on the disk reserved ahead, so that ext4 does not account for each block that is written: 0.063.
 *   Pieces of 128 KB to 2 MB are 0.005 better at best, but take memory in such pieces. Where a virtual machine hands free memory back to its
 *   host (free page reporting), that is what was handed back, and costs 0.2 to 0.8 s to get again; 64 KB are what is lying about. */
#include <assert.h>
#include <limits.h>
#include <sys/uio.h>

#include "base/fs.h"
#include "base/mem.h"
#include "media/cmaf/box.h"
#include "media/cmaf/part.h"
#include "media/cmaf/segments.h"
#include "media/cmaf/sidx.h"
#include "media/cmaf/window.h"

enum {
    SEGMENT_MS = 2000,
    PART_BYTES_MAX = 64 << 20,
    SEGMENT_BYTES_MAX = 1 << 30,  /* a sidx has 31 bits for a size */
    HELD_MAX = 1 << 18,           /* samples of an open part */
    CUTS_MAX = CMAF_SEGMENTS_MAX,
    UNCUT_MS_MAX = 30000,         /* a writer that follows cuts by itself when nobody says anything for so long */
    PIECE_BYTES = 64 << 10,      /* the file is written in pieces that begin at multiples of it */
    GAP_BYTES_MAX = 6 << 10,      /* bytes between two samples that are rather read than skipped by a second call */
    VECTORS = 512,
    RESERVE_BYTES_MIN = 1 << 20,
    RESERVE_BYTES_MAX = 16 << 20,
};
static const int64_t time_max = INT64_MAX / 8; /* so that no sum of three times overflows */

struct cmaf_writer {
    struct cmaf_track track;
    char *config;
    struct cmaf_writer_options options;
    struct err failed;

    struct cmaf_sample *held; /* of the open part, in decode order */
    size_t held_count, held_capacity;
    uint64_t held_bytes;
    int64_t last_dts;
    bool has_samples;

    /* where to cut */
    int64_t target_ticks;
    int64_t segment_pts, sync_pts; /* of the open segment's first sample; of the last sync sample */
    bool is_segment_open;          /* parts of it are written */
    uint64_t segment_bytes;
    int64_t *cuts;
    size_t cut_at, cut_count, cut_capacity;

    /* what is written */
    bool has_head, cannot_reserve;
    int64_t media_time, decode_shift;
    uint32_t sequence;
    uint64_t file_bytes, reserved_bytes, sidx_offset;
    uint32_t sidx_room;
    struct buf init, head, traf_boxes;
    struct segment_list segments;
    char *part_payload;      /* for a transform: the whole part in memory */
    size_t part_payload_bytes;
    struct iovec vectors[VECTORS];
};

static int64_t ms_to_ticks(const struct cmaf_writer *w, uint64_t ms) { return (int64_t)(ms * w->track.timescale / 1000); }

struct err cmaf_writer_open(const struct cmaf_track *given, const struct cmaf_writer_options *options, struct cmaf_writer **out) {
    assert(options->fd >= 0);
    struct cmaf_track track = *given;
    struct err e = cmaf_track_complete(&track);
    if (e.kind) return e;
    struct cmaf_writer *w = mem_zalloc(sizeof *w);
    if (!w) return err_memory();
    w->config = mem_strndup(track.config.ptr ? track.config.ptr : "", track.config.len);
    if (!w->config) {
        mem_free(w);
        return err_memory();
    }
    w->track = track;
    w->track.config = slice_of(w->config, track.config.len);
    w->options = *options;
    if (!w->options.segment_ms) w->options.segment_ms = SEGMENT_MS;
    if (!w->options.part_bytes_max || w->options.part_bytes_max > SEGMENT_BYTES_MAX) w->options.part_bytes_max = PART_BYTES_MAX;
    w->target_ticks = ms_to_ticks(w, w->options.segment_ms);
    w->init = BUF(CMAF_CONFIG_BYTES_MAX + 65536);
    w->traf_boxes = BUF(64 << 20);
    w->head = BUF((size_t)HELD_MAX * 16 + (65 << 20)); /* a trun with all fields, and the transform's boxes */
    *out = w;
    return ERR_OK;
}

static void release(struct cmaf_writer *w, const struct cmaf_sample *s) {
    if (s->owner && w->options.release) w->options.release(w->options.user, s->owner);
}

void cmaf_writer_close(struct cmaf_writer **address) {
    struct cmaf_writer *w = *address;
    if (!w) return;
    for (size_t i = 0; i < w->held_count; i++) release(w, &w->held[i]);
    mem_free(w->held);
    mem_free(w->cuts);
    mem_free(w->config);
    mem_free(w->part_payload);
    buf_free(&w->init);
    buf_free(&w->head);
    buf_free(&w->traf_boxes);
    segment_list_free(&w->segments);
    mem_free(w);
    *address = NULL;
}

/* ---- payload ---- */

/* Vectors that wait for their write: it comes when they reach the end of a piece of the file. */
struct gather {
    struct cmaf_writer *w;
    int count;           /* vectors */
    uint64_t file_bytes; /* of the track file, with what waits */
    uint64_t oldest_read; /* of the window's bytes among them; UINT64_MAX: there are none */
};
static struct gather gather_of(struct cmaf_writer *w) {
    return (struct gather){.w = w, .file_bytes = w->file_bytes, .oldest_read = UINT64_MAX};
}

static struct err gather_flush(struct gather *g) {
    struct err e = fs_writev_all(g->w->options.fd, g->w->vectors, g->count);
    g->count = 0;
    g->oldest_read = UINT64_MAX;
    return e;
}

static struct err gather_add(struct gather *g, struct slice s) {
    struct err e = ERR_OK;
    while (s.len && !e.kind) {
        size_t room = PIECE_BYTES - g->file_bytes % PIECE_BYTES, len = s.len < room ? s.len : room;
        struct iovec *last = g->count ? &g->w->vectors[g->count - 1] : NULL;
        if (last && (const char *)last->iov_base + last->iov_len == s.ptr) last->iov_len += len; /* it goes on where the last one ended */
        else g->w->vectors[g->count++] = (struct iovec){.iov_base = (void *)s.ptr, .iov_len = len};
        g->file_bytes += len;
        s = slice_sub(s, len, s.len);
        if (len == room || g->count == VECTORS) e = gather_flush(g);
    }
    return e;
}

/* How far the sample s[0], from `at` on, and those that follow lie so close together in the source that they are read in one go. */
static uint64_t run_of(const struct cmaf_sample *s, size_t count, uint64_t at) {
    uint64_t first = s[0].source_offset + at, end = s[0].source_offset + s[0].bytes;
    for (size_t i = 1; i < count && !s[i].data && end - first < WINDOW_BLOCK_BYTES; i++) {
        if (s[i].source_offset < end || s[i].source_offset - end > GAP_BYTES_MAX) break;
        end = s[i].source_offset + s[i].bytes;
    }
    return end - first;
}

/* Bytes of a sample from `at` on; read if they are not in the window. */
static struct err see(struct gather *g, const struct cmaf_sample *s, size_t count, uint64_t at, struct window_bytes *out) {
    struct cmaf_window *source = g->w->options.source;
    uint64_t offset = s[0].source_offset + at, len = s[0].bytes - at, next = window_next_read(source);
    if (window_find(source, offset, len, out)) return ERR_OK;
    struct err e = ERR_OK;
    if (next >= WINDOW_BLOCKS && g->oldest_read <= next - WINDOW_BLOCKS) e = gather_flush(g); /* it would overwrite what waits */
    if (!e.kind) e = window_read(source, offset, run_of(s, count, at));
    if (e.kind) return e;
    bool is_there = window_find(source, offset, len, out);
    assert(is_there);
    return ERR_OK;
}

static struct err gather_from_source(struct gather *g, const struct cmaf_sample *s, size_t count) {
    struct window_bytes seen;
    for (uint64_t at = 0; at < s[0].bytes; at += seen.bytes.len) {
        struct err e = see(g, s, count, at, &seen);
        if (!e.kind) e = gather_add(g, seen.bytes);
        if (e.kind) return e;
        if (g->count && seen.read < g->oldest_read) g->oldest_read = seen.read;
    }
    return ERR_OK;
}

/* Room on the disk ahead of the file: as much again as it has, within limits. */
static void reserve(struct cmaf_writer *w, uint64_t bytes) {
    while (!w->cannot_reserve && w->reserved_bytes < w->file_bytes + bytes) {
        uint64_t step = w->reserved_bytes < RESERVE_BYTES_MIN ? RESERVE_BYTES_MIN : w->reserved_bytes > RESERVE_BYTES_MAX ? RESERVE_BYTES_MAX : w->reserved_bytes;
        w->cannot_reserve = !fs_reserve(w->options.fd, w->reserved_bytes, step);
        w->reserved_bytes += step;
    }
}

static struct err write_part_bytes(struct cmaf_writer *w, const struct cmaf_sample *samples, size_t count) {
    reserve(w, w->head.len + w->held_bytes);
    struct gather g = gather_of(w);
    struct err e = gather_add(&g, buf_slice(&w->head));
    for (size_t i = 0; i < count && !e.kind; i++) {
        if (samples[i].data) e = gather_add(&g, slice_of(samples[i].data, samples[i].bytes));
        else e = gather_from_source(&g, samples + i, count - i);
    }
    return e.kind ? e : gather_flush(&g);
}

/* A transform wants all payload in memory. */
static struct err run_transform(struct cmaf_writer *w, struct cmaf_sample *samples, size_t count) {
    size_t from_source = 0;
    for (size_t i = 0; i < count; i++) from_source += samples[i].data ? 0 : samples[i].bytes;
    if (from_source > w->part_payload_bytes) {
        mem_free(w->part_payload);
        w->part_payload_bytes = 0;
        w->part_payload = mem_alloc(from_source);
        if (!w->part_payload) return err_memory();
        w->part_payload_bytes = from_source;
    }
    struct gather none = gather_of(w);
    char *end = w->part_payload;
    for (size_t i = 0; i < count; i++) {
        if (samples[i].data || !samples[i].bytes) continue;
        struct window_bytes seen;
        for (uint64_t at = 0; at < samples[i].bytes; at += seen.bytes.len) {
            struct err e = see(&none, samples + i, count - i, at, &seen);
            if (e.kind) return e;
            memcpy(end + at, seen.bytes.ptr, seen.bytes.len);
        }
        samples[i].data = end;
        end += samples[i].bytes;
    }
    return w->options.transform(w->options.user, samples, count, part_traf_boxes_at(), &w->traf_boxes);
}

/* ---- parts and segments ---- */

/* Init segment and the room for the sidx, which is a free box until the end, so that a file that was cut off is still valid. */
static struct err write_head(struct cmaf_writer *w, const struct cmaf_sample *samples, size_t count) {
    int64_t earliest = samples[0].dts, lowest = 0;
    for (size_t i = 0; i < count; i++) {
        if (samples[i].pts < earliest) earliest = samples[i].pts;
        if (samples[i].pts - samples[i].dts < lowest) lowest = samples[i].pts - samples[i].dts;
    }
    w->decode_shift = lowest;
    if (samples[0].dts + lowest < earliest) earliest = samples[0].dts + lowest;
    w->media_time = earliest < 0 ? -earliest : 0;
    struct err e = cmaf_init_build(&w->track, w->media_time, w->options.sinf, &w->init);
    if (e.kind) return e;
    uint64_t duration_ms = w->options.duration_ms ? w->options.duration_ms : 2 * 3600 * 1000;
    /* Segments can be as short as two thirds of the target, when GOPs are. */
    w->sidx_room = sidx_bytes_for(duration_ms / (w->options.segment_ms / 2 + 1) + 16);
    struct buf *head = &w->head;
    buf_clear(head);
    buf_append(head, buf_slice(&w->init));
    buf_u32be(head, w->sidx_room);
    buf_cstr(head, "free");
    e = buf_error(head);
    if (e.kind) return e;
    char *zeros = mem_zalloc(w->sidx_room);
    if (!zeros) return err_memory();
    struct iovec vectors[] = {{head->ptr, head->len}, {zeros, w->sidx_room - 8}};
    e = fs_writev_all(w->options.fd, vectors, 2);
    mem_free(zeros);
    if (e.kind) return e;
    w->sidx_offset = w->init.len;
    w->file_bytes = w->init.len + w->sidx_room;
    w->has_head = true;
    return ERR_OK;
}

/* Durations from decode time to decode time: that is what a player will add up. */
static struct err settle_durations(struct cmaf_sample *samples, size_t count, const struct cmaf_sample *next) {
    for (size_t i = 0; i < count; i++) {
        const struct cmaf_sample *after = i + 1 < count ? &samples[i + 1] : next;
        if (!after) break;
        int64_t ticks = after->dts - samples[i].dts;
        if (ticks > UINT32_MAX) return err_make(ERR_INPUT, "sample.time", "There is a gap of hours between two pictures. The file's time stamps are damaged.");
        samples[i].duration = (uint32_t)ticks;
    }
    return ERR_OK;
}

/* Writes the first `count` held samples as one part; `next` is the sample after them, if there is one already. */
static struct err write_part(struct cmaf_writer *w, size_t count, const struct cmaf_sample *next) {
    if (!count) return ERR_OK;
    struct err e = settle_durations(w->held, count, count < w->held_count ? &w->held[count] : next);
    if (!e.kind && !w->has_head) e = write_head(w, w->held, count);
    buf_clear(&w->traf_boxes);
    if (!e.kind && w->options.transform) e = run_transform(w, w->held, count);
    if (!e.kind) e = buf_error(&w->traf_boxes);
    if (e.kind) return e;

    uint64_t offset = w->file_bytes;
    buf_clear(&w->head);
    if (!w->is_segment_open) {
        e = segment_list_open(&w->segments, offset, w->held[0].is_sync);
        if (e.kind) return e;
        size_t styp = box_begin(&w->head, "styp");
        buf_cstr(&w->head, "msdh");
        buf_u32be(&w->head, 0);
        buf_cstr(&w->head, "msdhcmfs");
        box_end(&w->head, styp);
    }
    e = cmaf_part_build(w->held, count, ++w->sequence, w->media_time, w->decode_shift, buf_slice(&w->traf_boxes), &w->head);
    if (!e.kind) e = write_part_bytes(w, w->held, count);
    if (e.kind) return e;
    uint64_t payload = 0;
    for (size_t i = 0; i < count; i++) payload += w->held[i].bytes;
    w->file_bytes += w->head.len + payload;
    e = segment_list_add_part(&w->segments, w->file_bytes, offset + w->head.len + w->held[0].bytes, w->track.kind == CMAF_VIDEO, w->held, count);
    if (e.kind) return e;
    if (!w->is_segment_open) w->segment_bytes = 0;
    w->is_segment_open = true;
    w->segment_bytes += w->head.len + payload;

    for (size_t i = 0; i < count; i++) release(w, &w->held[i]);
    memmove(w->held, w->held + count, (w->held_count - count) * sizeof *w->held);
    w->held_count -= count;
    w->held_bytes = 0;
    for (size_t i = 0; i < w->held_count; i++) w->held_bytes += w->held[i].bytes;
    return ERR_OK;
}

static struct err end_segment(struct cmaf_writer *w, size_t count, const struct cmaf_sample *next) {
    struct err e = write_part(w, count, next);
    if (!e.kind) w->is_segment_open = false;
    return e;
}

/* Is this sync sample where the open segment should end? Where it comes nearer to the target than one more GOP like the last would. */
static bool should_cut(const struct cmaf_writer *w, const struct cmaf_sample *s) {
    if (w->segment_bytes * w->is_segment_open + w->held_bytes >= SEGMENT_BYTES_MAX) return true;
    if (!s->is_sync) return false;
    int64_t elapsed = s->pts - w->segment_pts, gop = s->pts - w->sync_pts;
    if (w->options.follows) return elapsed >= ms_to_ticks(w, UNCUT_MS_MAX);
    return elapsed > 0 && elapsed + gop / 2 >= w->target_ticks;
}

/* For a writer that follows: ends segments at the cuts that samples have reached. */
static struct err apply_cuts(struct cmaf_writer *w) {
    while (w->cut_at < w->cut_count) {
        size_t i = 0;
        while (i < w->held_count && (w->held[i].pts < w->cuts[w->cut_at] || !w->held[i].is_sync)) i++;
        if (i == w->held_count) break; /* not reached yet */
        w->cut_at++;
        if (i == 0 && !w->is_segment_open) continue; /* nothing stands before it */
        struct err e = end_segment(w, i, NULL);
        if (e.kind) return e;
        w->is_segment_open = false;
        w->segment_pts = w->held[0].pts;
    }
    if (w->cut_at == w->cut_count) w->cut_at = w->cut_count = 0;
    return ERR_OK;
}

static struct err keep(struct cmaf_writer *w, struct err e) {
    if (e.kind) w->failed = e;
    return e;
}

static struct err check_sample(const struct cmaf_writer *w, const struct cmaf_sample *s) {
    if (s->dts < -time_max || s->dts > time_max || s->pts < -time_max || s->pts > time_max)
        return err_make(ERR_INPUT, "sample.time", "A picture's time is beyond all reason. The file's time stamps are damaged.");
    if (w->has_samples && s->dts < w->last_dts)
        return err_make(ERR_INPUT, "sample.order", "Decoding times go backwards. The file's time stamps are damaged.");
    return ERR_OK;
}

static struct err add(struct cmaf_writer *w, const struct cmaf_sample *s) {
    struct err e = check_sample(w, s);
    if (e.kind) return e;
    bool is_begun = w->held_count || w->is_segment_open;
    if (is_begun && should_cut(w, s)) {
        e = end_segment(w, w->held_count, s);
        if (e.kind) return e;
        is_begun = false;
    }
    if (w->held_count && (w->held_bytes + s->bytes > w->options.part_bytes_max || w->held_count == HELD_MAX)) {
        e = write_part(w, w->held_count, s);
        if (e.kind) return e;
    }
    if (!is_begun) w->segment_pts = s->pts;
    if (s->is_sync) w->sync_pts = s->pts;
    w->last_dts = s->dts;
    w->has_samples = true;
    if (w->held_count == w->held_capacity) {
        size_t capacity = w->held_capacity ? w->held_capacity * 2 : 128;
        struct cmaf_sample *grown = mem_realloc_array(w->held, capacity, sizeof *grown);
        if (!grown) return err_memory();
        w->held = grown;
        w->held_capacity = capacity;
    }
    w->held[w->held_count++] = *s;
    w->held_bytes += s->bytes;
    return ERR_OK;
}

struct err cmaf_writer_add(struct cmaf_writer *w, const struct cmaf_sample *s) {
    assert(s->data || !s->bytes || w->options.source);
    struct err e = w->failed;
    if (!e.kind) e = keep(w, add(w, s));
    if (e.kind) { /* not among the held ones: the last thing that add does is to hold it */
        release(w, s);
        return e;
    }
    return w->options.follows ? keep(w, apply_cuts(w)) : ERR_OK;
}

struct err cmaf_writer_cut_at(struct cmaf_writer *w, int64_t time, uint32_t timescale) {
    assert(w->options.follows && timescale);
    if (w->failed.kind) return w->failed;
    /* Rounded down, so that a sample at exactly that time is behind the cut. */
    __int128 scaled = (__int128)time * w->track.timescale;
    int64_t ticks = (int64_t)(scaled / timescale);
    if (w->cut_count > w->cut_at && ticks <= w->cuts[w->cut_count - 1]) return ERR_OK;
    if (w->cut_count == CUTS_MAX) return keep(w, err_make(ERR_LIMIT, "track.long", "A track has more segments than are allowed."));
    if (w->cut_count == w->cut_capacity) {
        size_t capacity = w->cut_capacity ? w->cut_capacity * 2 : 64;
        int64_t *grown = mem_realloc_array(w->cuts, capacity, sizeof *grown);
        if (!grown) return keep(w, err_memory());
        w->cuts = grown;
        w->cut_capacity = capacity;
    }
    w->cuts[w->cut_count++] = ticks;
    return keep(w, apply_cuts(w));
}

struct err cmaf_writer_close_part(struct cmaf_writer *w) {
    if (w->failed.kind) return w->failed;
    return keep(w, write_part(w, w->held_count, NULL));
}

struct err cmaf_writer_close_segment(struct cmaf_writer *w) {
    if (w->failed.kind) return w->failed;
    return keep(w, end_segment(w, w->held_count, NULL));
}

const struct cmaf_segment *cmaf_writer_segments(const struct cmaf_writer *w, size_t *count) {
    *count = w->segments.count - (w->is_segment_open && w->segments.count ? 1 : 0);
    return w->segments.all;
}

static struct err finish(struct cmaf_writer *w, struct arena *arena, struct cmaf_index *out) {
    if (!w->has_samples) return err_make(ERR_INPUT, "track.empty", "A track has no samples at all.");
    struct err e = end_segment(w, w->held_count, NULL);
    if (e.kind) return e;
    segment_list_settle(&w->segments);
    if (w->track.kind == CMAF_VIDEO && (!w->track.rate_num || !w->track.rate_den))
        segment_list_rate(&w->segments, w->track.timescale, &w->track.rate_num, &w->track.rate_den);

    struct cmaf_index index = {.track = w->track, .sidx_offset = w->sidx_offset, .file_bytes = w->file_bytes, .media_time = w->media_time,
                               .segment_count = w->segments.count};
    buf_clear(&w->head);
    index.segments = w->segments.all;
    index.sidx_bytes = sidx_build(&index, w->sidx_room, &w->head);
    e = buf_error(&w->head);
    if (!e.kind) e = fs_pwrite_all(w->options.fd, buf_slice(&w->head), w->sidx_offset);
    if (!e.kind) e = fs_give_back(w->options.fd, w->file_bytes);
    if (!e.kind && !w->options.leaves_sync) e = fs_sync(w->options.fd);
    if (e.kind) return e;

    index.init = arena_copy(arena, buf_slice(&w->init));
    struct cmaf_segment *segments = arena_alloc_array(arena, index.segment_count, sizeof *segments);
    index.track.config = arena_copy(arena, w->track.config);
    if (!index.init.ptr || !segments || !index.track.config.ptr) return err_memory();
    memcpy(segments, w->segments.all, index.segment_count * sizeof *segments);
    index.segments = segments;
    *out = index;
    return ERR_OK;
}

struct err cmaf_writer_finish(struct cmaf_writer *w, struct arena *arena, struct cmaf_index *out) {
    if (w->failed.kind) return w->failed;
    struct err e = finish(w, arena, out);
    w->failed = e.kind ? e : err_make(ERR_BUG, "track.finished", "A track was written to after its end.");
    return e;
}
