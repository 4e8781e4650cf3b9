/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A channel that has ended: the same names, answered from its folder alone. */
#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "media/live/channel.h"

enum { RECORDING_TEXT_BYTES_MAX = 256 << 20 };

struct live_recording {
    struct library library;
    int dir_fd;
    struct manifest_live live;
    struct manifest_rendition renditions[LIVE_RENDITIONS_MAX];
    size_t from[LIVE_RENDITIONS_MAX]; /* index in the library */
};

bool live_recording_is(int dir_fd) { return fs_exists(dir_fd, "live.idx"); }

static void end_recording(void *arg) {
    struct live_recording *r = arg;
    library_free(&r->library);
    fs_close(&r->dir_fd);
}

/* Over all segments; the average over what there is. */
static void measure(struct manifest_rendition *out) {
    uint64_t bytes = 0, ticks = 0;
    for (size_t i = 0; i < out->segment_count; i++) {
        const struct manifest_segment *s = &out->segments[i];
        if (s->flags & MANIFEST_GAP || !s->duration) continue;
        bytes += s->bytes;
        ticks += s->duration;
        uint64_t bps = (uint64_t)s->bytes * 8 * out->timescale / s->duration;
        if ((uint64_t)s->duration * 2 >= out->timescale && bps > out->peak_bps) out->peak_bps = bps;
    }
    out->average_bps = ticks ? (uint64_t)((unsigned __int128)bytes * 8 * out->timescale / ticks) : 0;
    if (out->peak_bps < out->average_bps) out->peak_bps = out->average_bps;
}

/* Trailing gaps, and a rendition that is nothing else, say nothing. */
static size_t count_to_last(const struct manifest_segment *s, size_t count) {
    while (count && s[count - 1].flags & MANIFEST_GAP) count--;
    return count;
}

static void set_up(struct live_recording *r) {
    size_t count = 0;
    for (size_t i = 0; i < r->library.story.rendition_count; i++) {
        const struct story_rendition *story = &r->library.story.renditions[i];
        struct ring *ring = &r->library.renditions[i].ring;
        struct manifest_rendition *out = &r->renditions[count];
        *out = (struct manifest_rendition){.timescale = story->timescale, .inits = story->inits, .init_count = story->init_count, .segments = ring_segments(ring)};
        out->segment_count = ring->count ? count_to_last(out->segments, ring->count) : 0;
        memcpy(out->name, story->name, sizeof out->name);
        if (!out->segment_count || !out->init_count) continue;
        measure(out);
        r->from[count++] = i;
    }
    const struct story *s = &r->library.story;
    r->live = (struct manifest_live){.epoch = s->epoch, .now = s->epoch, .is_recording = true, .target_ms = LIVE_SEGMENT_MS, .part_ms = LIVE_PART_MS,
                                     .renditions = r->renditions, .rendition_count = count, .runs = s->runs, .run_count = s->run_count,
                                     .cues = s->cues, .cue_count = s->cue_count};
}

struct err live_recording_open(int dir_fd, struct arena *arena, const struct live_recording **out) {
    struct live_recording *r = ARENA_NEW(arena, struct live_recording);
    if (!r) return err_memory();
    r->dir_fd = -1;
    struct err e = fs_open(dir_fd, ".", O_RDONLY | O_DIRECTORY, 0, &r->dir_fd);
    if (!e.kind) e = library_read(r->dir_fd, &r->library);
    if (!e.kind) set_up(r);
    if (!e.kind && !r->live.rendition_count) e = err_make(ERR_INPUT, "live.empty", "Nothing was ever published on this channel.");
    if (!e.kind && !arena_on_end(arena, end_recording, r)) e = err_memory();
    if (e.kind) {
        end_recording(r);
        return e;
    }
    *out = r;
    return ERR_OK;
}

/* ---- answers ---- */

static struct err not_there(void) { return err_make(ERR_NOT_FOUND, "live.file", "This recording has no such file."); }

static struct err give_span(struct http_file *file, uint64_t offset, uint64_t total, const struct live_ask *ask, struct live_answer *out) {
    uint64_t first = ask->has_range ? ask->range_first : 0, end = ask->has_range && ask->range_last < total ? ask->range_last + 1 : total;
    if (first >= end) return err_make(ERR_NOT_FOUND, "live.range", "The file ends before this.");
    *out = (struct live_answer){.kind = LIVE_ANSWER_FILE, .file = http_file_acquire(file), .file_offset = offset + first, .bytes = end - first, .first = first,
                                .total = total, .is_final = true};
    return ERR_OK;
}

static struct err give_file(const struct live_recording *r, struct slice name, const struct live_ask *ask, struct live_answer *out) {
    char path[LIVE_FILE_NAME_MAX];
    struct http_file *file;
    if (name.len >= sizeof path) return not_there();
    (void)snprintf(path, sizeof path, "%.*s", SLICE_ARG(name));
    struct err e = http_file_open(&file, r->dir_fd, path);
    if (e.kind) return e.kind == ERR_NOT_FOUND ? not_there() : e;
    e = give_span(file, 0, http_file_bytes(file), ask, out);
    http_file_release(&file);
    return e;
}

static struct err give_segment(const struct live_recording *r, size_t index, uint64_t number, const struct live_ask *ask, struct live_answer *out) {
    const struct library_rendition *l = &r->library.renditions[r->from[index]];
    size_t at = ring_find(&l->ring, number);
    if (at == SIZE_MAX) return not_there();
    const struct manifest_segment *s = &l->ring.segments[l->ring.first + at];
    const struct ring_place *place = &l->ring.places[l->ring.first + at];
    struct http_file *file = s->flags & MANIFEST_GAP ? NULL : library_file(l, place->hour);
    return file ? give_span(file, place->file_offset, s->bytes, ask, out) : not_there();
}

static struct err give_text(struct buf *text, struct live_answer *out) {
    struct err e = buf_error(text);
    struct http_blob *blob = e.kind ? NULL : http_blob_copy(buf_slice(text));
    if (!e.kind && !blob) e = err_memory();
    if (e.kind) return e;
    *out = (struct live_answer){.kind = LIVE_ANSWER_BLOBS, .piece_count = 1, .pieces = {{blob, http_blob_slice(blob)}}, .bytes = text->len, .total = text->len, .is_final = true};
    return ERR_OK;
}

static struct err make_text(const struct live_recording *r, const struct live_name *name, size_t index, struct live_answer *out) {
    struct buf text = BUF(RECORDING_TEXT_BYTES_MAX);
    if (name->kind == FILE_MASTER) manifest_live_master(&r->live, &text);
    else if (name->kind == FILE_MPD) manifest_live_dash(&r->live, &text);
    else if (name->kind == FILE_THUMBS) thumbs_text(&r->library.story, 0, &text);
    else if (name->kind == FILE_IFRAMES) manifest_live_iframes(&r->live, index, &text);
    else manifest_live_media(&r->live, index, MANIFEST_WHOLE, &text);
    struct err e = give_text(&text, out);
    buf_free(&text);
    return e;
}

static struct err answer(const struct live_recording *r, const struct live_ask *ask, struct live_answer *out) {
    struct live_name name;
    if (!live_name_parse(ask->file, &name)) return not_there();
    size_t index = 0;
    while (name.rendition.len && index < r->live.rendition_count && !slice_eq(name.rendition, slice_cstr(r->renditions[index].name))) index++;
    if (index == r->live.rendition_count) return not_there();
    switch (name.kind) {
    case FILE_SEGMENT: return give_segment(r, index, name.number, ask, out);
    case FILE_INIT:
    case FILE_STILL:
    case FILE_POSTER: return give_file(r, ask->file, ask, out);
    case FILE_THUMBS: return r->library.story.still_count ? make_text(r, &name, index, out) : not_there();
    default: return make_text(r, &name, index, out);
    }
}

void live_recording_ask(const struct live_recording *r, const struct live_ask *ask, struct live_answer *out) {
    *out = (struct live_answer){0};
    struct err e = answer(r, ask, out);
    if (e.kind) *out = (struct live_answer){.kind = LIVE_ANSWER_ERROR, .error = e};
    else out->content_type = live_content_type(ask->file);
}

void live_recording_facts(const struct live_recording *r, struct live_recording_facts *out) {
    const struct story *s = &r->library.story;
    *out = (struct live_recording_facts){.started_at = s->epoch, .has_thumbs = s->still_count > 0, .has_poster = s->has_poster};
    for (size_t i = 0; i < r->live.rendition_count; i++) {
        const struct manifest_rendition *m = &r->renditions[i];
        const struct cmaf_track *track = &m->inits[m->init_count - 1].track;
        uint64_t ticks = 0;
        size_t holes = 0;
        for (size_t k = 0; k < m->segment_count; k++) {
            ticks += m->segments[k].duration;
            holes += !!(m->segments[k].flags & MANIFEST_GAP);
        }
        int64_t ms = (int64_t)((unsigned __int128)ticks * 1000 / m->timescale);
        if (ms > out->duration_ms) out->duration_ms = ms;
        if (i == 0) out->segments = m->segment_count, out->holes = holes;
        if (track->kind == CMAF_AUDIO) out->has_audio = true;
        else if (!strcmp(m->name, "v0")) out->width = track->width, out->height = track->height;
        out->bytes += r->library.renditions[r->from[i]].bytes;
    }
}
