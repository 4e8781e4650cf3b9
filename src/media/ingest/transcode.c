/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * transcode.c: one track through an encoder, in the child: what browsers do not play, and the rungs of the ladder. */
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "media/ingest/child.h"
#include "media/ingest/process.h"

enum { ARENA_BYTES = 256 << 20, GRID_MS = 2000, SAMPLE_BYTES_MAX = 256 << 20 };

struct work {
    const struct job *job;
    struct arena *mem;
    struct cmaf_index index; /* of the picture; none: segment_count 0 */
    int fd;
    bool is_sound;
    struct cmaf_writer *writer;
    struct cmaf_track track;
    int64_t grid;
};

static void release(void *user, void *owner) { mem_free(owner); }

static struct err open_writer(void *user, const struct cmaf_track *track) {
    struct work *w = user;
    w->track = *track;
    struct err e = child_open(OUTPUT_TRACK, w->job->track, 0, &w->fd);
    if (e.kind) return e;
    struct cmaf_writer_options options = {.fd = w->fd, .segment_ms = w->job->segment_ms,
                                          .duration_ms = (uint64_t)w->job->duration_ms, .follows = w->is_sound && w->job->is_for_picture, .release = release};
    e = cmaf_writer_open(track, &options, &w->writer);
    for (size_t i = 0; !e.kind && options.follows && i < w->index.segment_count; i++)
        e = cmaf_writer_cut_at(w->writer, w->index.segments[i].start + w->index.segments[i].duration, w->index.track.timescale);
    return e;
}

/* Our encoder's buffer is gone after the call, the writer keeps samples until their part is written: a copy in between. */
static struct err write_sample(void *user, const struct cmaf_sample *given) {
    struct work *w = user;
    struct cmaf_sample sample = *given;
    struct err e = ERR_OK;
    if (w->is_sound && w->job->is_for_picture && !w->index.segment_count) {
        int64_t step = (int64_t)w->track.timescale * GRID_MS / 1000;
        if (!w->grid) w->grid = step;
        for (; !e.kind && w->grid <= sample.pts; w->grid += step) e = cmaf_writer_cut_at(w->writer, w->grid, w->track.timescale);
        if (e.kind) return e;
    }
    char *copy = mem_strndup(given->data, given->bytes);
    if (!copy) return err_memory();
    sample.data = sample.owner = copy;
    e = cmaf_writer_add(w->writer, &sample);
    if (w->job->duration_ms > 0) child_progress((double)sample.dts * 1000 / w->track.timescale / (double)w->job->duration_ms);
    return e;
}

/* Each segment of the picture begins where one of the index does. */
static struct err find_key_times(struct work *w, int64_t **out) {
    int64_t *times = mem_zalloc_array(w->index.segment_count, sizeof *times);
    if (!times) return err_memory();
    for (size_t i = 0; i < w->index.segment_count; i++) times[i] = w->index.segments[i].start;
    *out = times;
    return ERR_OK;
}

static struct err transcode(struct work *w, struct codec_source *source, struct codec_transcode *t, size_t stream) {
    for (size_t i = 0; i < codec_source_count(source); i++) codec_source_want(source, i, i == stream);
    for (;;) {
        struct codec_packet *packet;
        struct err e = codec_source_next(source, &packet);
        if (e.kind) return e;
        if (packet && codec_packet_stream(packet) != stream) {
            codec_packet_free(&packet);
            continue;
        }
        bool was_last = !packet;
        e = codec_transcode_push(t, packet);
        if (e.kind || was_last) return e;
        if (w->job->duration_ms <= 0) child_progress(codec_source_done(source));
    }
}

static struct err finish(struct work *w) {
    struct cmaf_index done;
    if (!w->writer) return codec_media_err("media.damaged");
    struct err e = cmaf_writer_finish(w->writer, w->mem, &done);
    if (e.kind) return e;
    struct record record = {.type = RECORD_DONE, .track = w->job->track, .done.bytes = done.file_bytes};
    child_send(&record);
    return ERR_OK;
}

static struct codec_transcode_options options_of(struct work *w) {
    return (struct codec_transcode_options){.threads = (int)w->job->threads, .height = w->job->height, .segment_ms = GRID_MS,
                                            .track = open_writer, .sample = write_sample, .user = w};
}

static struct err from_source(struct work *w, int source_fd) {
    struct codec_source *source = NULL;
    struct codec_transcode *t = NULL;
    struct err e = codec_source_open(source_fd, &source);
    if (!e.kind && w->job->stream >= codec_source_count(source)) e = codec_media_err("media.damaged");
    if (!e.kind) {
        w->is_sound = codec_source_stream(source, w->job->stream)->kind == CODEC_AUDIO;
        struct codec_transcode_options options = options_of(w);
        e = codec_transcode_open(source, w->job->stream, &options, &t);
    }
    if (!e.kind) e = transcode(w, source, t, w->job->stream);
    codec_transcode_close(&t);
    codec_source_close(&source);
    return e;
}

/* A rung: the source is v0.mp4, read by our own reader, so that times stay what the index says to the tick. */
static struct err from_track(struct work *w, int source_fd) {
    struct cmaf_source *tables = NULL;
    struct cmaf_cursor *cursor = NULL;
    struct codec_transcode *t = NULL;
    struct buf payload = BUF(SAMPLE_BYTES_MAX);
    int64_t *times = NULL;
    struct codec_transcode_options options = options_of(w);
    struct err e = find_key_times(w, &times);
    options.key_times = times;
    options.key_time_count = w->index.segment_count;
    options.key_timescale = w->index.track.timescale;
    if (!e.kind) e = cmaf_source_open(source_fd, &tables);
    if (!e.kind) e = cmaf_cursor_open(tables, 0, &cursor);
    if (!e.kind) e = codec_transcode_open_track(&w->index.track, &options, &t);
    while (!e.kind) {
        struct cmaf_sample sample;
        bool has_sample;
        e = cmaf_cursor_next(cursor, &sample, &has_sample);
        if (e.kind || !has_sample) break;
        buf_clear(&payload);
        char *at = buf_reserve(&payload, sample.bytes ? sample.bytes : 1);
        e = at ? fs_pread_all(source_fd, at, sample.bytes, sample.source_offset) : err_memory();
        if (!e.kind) e = codec_transcode_sample(t, &sample, slice_of(at, sample.bytes));
    }
    if (!e.kind) e = codec_transcode_push(t, NULL);
    codec_transcode_close(&t);
    cmaf_cursor_close(&cursor);
    cmaf_source_close(&tables);
    buf_free(&payload);
    mem_free(times);
    return e;
}

struct err child_transcode(const struct job *job, int source_fd, int index_fd) {
    struct work w = {.job = job, .fd = -1, .mem = arena_create(ARENA_BYTES)};
    struct err e = w.mem ? ERR_OK : err_memory();
    if (!e.kind && index_fd >= 0) e = child_read_index(job, index_fd, w.mem, &w.index);
    if (!e.kind) e = job->task == TASK_RENDITION ? from_track(&w, source_fd) : from_source(&w, source_fd);
    if (!e.kind) e = finish(&w);
    cmaf_writer_close(&w.writer);
    fs_close(&w.fd);
    arena_destroy(&w.mem);
    return e;
}
