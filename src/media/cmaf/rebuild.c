/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading track files of ours: init segment, and the whole index from the boxes themselves. */
#include <assert.h>

#include "base/fs.h"
#include "base/mem.h"
#include "media/cmaf/box.h"
#include "media/cmaf/fragment.h"
#include "media/cmaf/init.h"
#include "media/cmaf/segments.h"

enum { MOOF_BYTES_MAX = 80 << 20, PART_SAMPLES_MAX = 1 << 18 };
static const int64_t time_max = INT64_MAX / 4;

static struct err bad_init(void) { return err_make(ERR_INPUT, "track_file.init", "The head of a track file is damaged. Import the title again."); }
static struct err bad_file(void) { return err_make(ERR_INPUT, "track_file.malformed", "A track file is damaged. Import the title again."); }

static struct err parse_elst(struct slice elst, int64_t *media_time) {
    struct byte_reader r = byte_reader_of(elst);
    bool is_long = bytes_u32be(&r) >> 24 == 1;
    if (bytes_u32be(&r) != 1) return bad_init();
    bytes_skip(&r, is_long ? 8 : 4);
    int64_t time = is_long ? (int64_t)bytes_u64be(&r) : (int32_t)bytes_u32be(&r);
    if (r.has_failed || time < 0 || time > time_max) return bad_init();
    *media_time = time;
    return ERR_OK;
}

struct err init_parse(struct slice init, struct cmaf_track *out, int64_t *media_time) {
    struct byte_reader r = byte_reader_of(init);
    struct box ftyp, moov_box;
    struct moov_trak trak;
    struct moov moov;
    if (!box_next(&r, &ftyp) || ftyp.type != FOURCC('f', 't', 'y', 'p') || !box_next(&r, &moov_box) || moov_box.type != FOURCC('m', 'o', 'o', 'v') || bytes_left(&r))
        return bad_init();
    struct err e = moov_parse(moov_box.body, &trak, 1, &moov);
    if (e.kind) return e;
    if (moov.trak_count != 1 || trak.id != 1 || trak.entry_count != 1 || !moov.has_fragments) return bad_init();
    e = cmaf_track_complete(&trak.track);
    if (e.kind) return e;
    int64_t time = 0;
    if (trak.elst.ptr) e = parse_elst(trak.elst, &time);
    if (e.kind) return e;
    *out = trak.track;
    *media_time = time;
    return ERR_OK;
}

/* ---- the index from the boxes ---- */

struct rebuild {
    int fd;
    uint64_t file_bytes, at;
    struct arena *arena;
    struct cmaf_index index;
    struct segment_list list;
    char *moof; /* one at a time */
    struct cmaf_sample *samples;
    size_t sample_capacity;
    int64_t dts;
    bool segment_begins; /* a styp stood before */
    uint64_t segment_offset;
};

/* The header of the top-level box at b->at. */
static struct err box_at(struct rebuild *b, uint32_t *type, uint64_t *head, uint64_t *size) {
    char bytes[16] = {0};
    uint64_t left = b->file_bytes - b->at;
    if (left < 8) return bad_file();
    struct err e = fs_pread_all(b->fd, bytes, left < 16 ? (size_t)left : 16, b->at);
    if (e.kind) return e;
    struct byte_reader r = byte_reader_of(slice_of(bytes, 16));
    *size = bytes_u32be(&r);
    *type = bytes_u32be(&r);
    *head = 8;
    if (*size == 1) *size = bytes_u64be(&r), *head = 16;
    return *size < *head || *size > left ? bad_file() : ERR_OK;
}

static struct err read_init(struct rebuild *b) {
    uint32_t type;
    uint64_t head, size;
    for (int i = 0; i < 2; i++) { /* ftyp and moov */
        struct err e = box_at(b, &type, &head, &size);
        if (e.kind) return e;
        if (type != (i ? FOURCC('m', 'o', 'o', 'v') : FOURCC('f', 't', 'y', 'p'))) return bad_init();
        b->at += size;
    }
    if (b->at > INIT_BYTES_MAX) return bad_init();
    char *init = arena_alloc(b->arena, (size_t)b->at);
    if (!init) return err_memory();
    struct err e = fs_pread_all(b->fd, init, (size_t)b->at, 0);
    if (e.kind) return e;
    b->index.init = slice_of(init, (size_t)b->at);
    return init_parse(b->index.init, &b->index.track, &b->index.media_time);
}

/* Collects the samples of the moof into b->samples, on the presentation timeline. */
static struct err collect(struct rebuild *b, struct slice body, uint64_t moof_offset, uint64_t mdat_end, size_t *count) {
    struct fragment fragment = fragment_of(body, moof_offset, 1, (struct trex){0}, b->dts);
    *count = 0;
    for (;;) {
        struct cmaf_sample sample;
        bool has_sample;
        struct err e = fragment_next(&fragment, &sample, &has_sample);
        if (e.kind) return e;
        if (!has_sample) break;
        if (sample.source_offset < moof_offset || sample.source_offset > mdat_end || sample.bytes > mdat_end - sample.source_offset || *count == PART_SAMPLES_MAX)
            return bad_file();
        if (*count == b->sample_capacity) {
            size_t capacity = b->sample_capacity ? b->sample_capacity * 2 : 256;
            struct cmaf_sample *grown = mem_realloc_array(b->samples, capacity, sizeof *grown);
            if (!grown) return err_memory();
            b->samples = grown;
            b->sample_capacity = capacity;
        }
        sample.dts -= b->index.media_time;
        sample.pts -= b->index.media_time;
        b->samples[(*count)++] = sample;
    }
    b->dts = fragment.dts;
    return *count ? ERR_OK : bad_file();
}

static struct err add_part(struct rebuild *b, uint64_t moof_head, uint64_t moof_bytes) {
    if (moof_bytes > MOOF_BYTES_MAX) return bad_file();
    uint64_t moof_offset = b->at;
    mem_free(b->moof);
    b->moof = mem_alloc((size_t)moof_bytes);
    if (!b->moof) return err_memory();
    struct err e = fs_pread_all(b->fd, b->moof, (size_t)moof_bytes, moof_offset);
    if (e.kind) return e;
    b->at += moof_bytes;
    uint32_t type;
    uint64_t head, size;
    e = box_at(b, &type, &head, &size);
    if (e.kind) return e;
    if (type != FOURCC('m', 'd', 'a', 't')) return bad_file();
    uint64_t mdat_end = b->at + size;
    size_t count = 0;
    e = collect(b, slice_of(b->moof + moof_head, (size_t)(moof_bytes - moof_head)), moof_offset, mdat_end, &count);
    if (e.kind) return e;
    if (b->segment_begins) e = segment_list_open(&b->list, b->segment_offset, b->samples[0].is_sync);
    else if (!b->list.count) e = bad_file();
    if (e.kind) return e;
    b->segment_begins = false;
    b->at = mdat_end;
    return segment_list_add_part(&b->list, mdat_end, b->samples[0].source_offset + b->samples[0].bytes, b->index.track.kind == CMAF_VIDEO, b->samples, count);
}

static struct err rebuild(struct rebuild *b) {
    struct err e = read_init(b);
    while (!e.kind && b->at < b->file_bytes) {
        uint32_t type;
        uint64_t head, size;
        e = box_at(b, &type, &head, &size);
        if (e.kind) break;
        if (type == FOURCC('m', 'o', 'o', 'f')) {
            e = add_part(b, head, size);
            continue;
        }
        if (type == FOURCC('m', 'd', 'a', 't') || (b->segment_begins && type != FOURCC('s', 't', 'y', 'p'))) e = bad_file();
        if ((type == FOURCC('s', 'i', 'd', 'x') || type == FOURCC('f', 'r', 'e', 'e')) && b->list.count) e = bad_file();
        if (type == FOURCC('s', 'i', 'd', 'x')) b->index.sidx_offset = b->at, b->index.sidx_bytes = size;
        if (type == FOURCC('s', 't', 'y', 'p')) b->segment_begins = true, b->segment_offset = b->at;
        b->at += size;
    }
    if (!e.kind && (b->segment_begins || !b->list.count || !b->index.sidx_bytes)) e = bad_file();
    if (e.kind) return e;
    segment_list_settle(&b->list);
    for (size_t i = 0; i < b->list.count; i++) { /* as an index demands it */
        const struct cmaf_segment *s = &b->list.all[i];
        if (s->start < -time_max || s->start > time_max || (i && s->offset != s[-1].offset + s[-1].bytes)) return bad_file();
    }
    struct cmaf_segment *segments = arena_alloc_array(b->arena, b->list.count, sizeof *segments);
    if (!segments) return err_memory();
    memcpy(segments, b->list.all, b->list.count * sizeof *segments);
    b->index.segments = segments;
    b->index.segment_count = b->list.count;
    b->index.file_bytes = b->file_bytes;
    if (b->index.track.kind == CMAF_VIDEO)
        segment_list_rate(&b->list, b->index.track.timescale, &b->index.track.rate_num, &b->index.track.rate_den);
    return ERR_OK;
}

struct err cmaf_index_rebuild(int file_fd, struct arena *arena, struct cmaf_index *out) {
    struct rebuild b = {.fd = file_fd, .arena = arena};
    struct err e = fs_size(file_fd, &b.file_bytes);
    if (!e.kind) e = rebuild(&b);
    segment_list_free(&b.list);
    mem_free(b.moof);
    mem_free(b.samples);
    if (!e.kind) *out = b.index;
    return e;
}

struct err cmaf_index_verify(const struct cmaf_index *index, int file_fd) {
    struct arena *arena = arena_create(INIT_BYTES_MAX + 4096 + (index->segment_count + 1024) * 4 * sizeof(struct cmaf_segment));
    if (!arena) return err_memory();
    struct cmaf_index real;
    struct err e = cmaf_index_rebuild(file_fd, arena, &real);
    if (!e.kind) {
        bool is_same = slice_eq(real.init, index->init) && real.sidx_offset == index->sidx_offset && real.sidx_bytes == index->sidx_bytes &&
                       real.file_bytes == index->file_bytes && real.segment_count == index->segment_count;
        for (size_t i = 0; is_same && i < real.segment_count; i++) {
            const struct cmaf_segment *a = &real.segments[i], *b = &index->segments[i];
            is_same = a->offset == b->offset && a->start == b->start && a->bytes == b->bytes && a->duration == b->duration &&
                      a->key_bytes == b->key_bytes && a->flags == b->flags;
        }
        if (!is_same) e = err_make(ERR_INPUT, "index.mismatch", "The index of a track does not describe its file. Import the title again.");
    }
    arena_destroy(&arena);
    return e;
}
