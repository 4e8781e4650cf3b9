/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Other people's MP4 and MOV files: the moov is read into memory once; cursors walk its sample tables, and the fragments behind it,
 * in constant memory. Nothing is believed: not counts, not offsets, not sums. */
#include <assert.h>

#include "base/fs.h"
#include "base/mem.h"
#include "media/cmaf/box.h"
#include "media/cmaf/fragment.h"
#include "media/cmaf/moov.h"

enum { TOP_BOXES_MAX = 1 << 20, FRAGMENT_BYTES_MAX = 16 << 20 };
static const int64_t time_max = INT64_MAX / 8;

struct edits { /* in the track's timescale */
    int64_t shift;  /* added to media times */
    int64_t end;    /* media time at which the track ends; INT64_MAX: nowhere */
};

struct source_track {
    struct cmaf_source_track shown;
    struct moov_trak trak;
    struct edits edits;
};

struct cmaf_source {
    int fd;
    uint64_t file_bytes, fragments_at;
    char *moov;
    bool has_fragments;
    size_t track_count;
    struct source_track tracks[CMAF_SOURCE_TRACKS_MAX];
};

static struct err malformed(void) {
    return err_make(ERR_INPUT, "source.malformed", "The file's table of contents is damaged. Export the file again and import that.");
}
static struct err truncated(void) {
    return err_make(ERR_INPUT, "source.truncated", "The file ends before its content does: it was not copied to the end.");
}
static struct err not_mp4(void) { return err_make(ERR_INPUT, "source.not_mp4", "The file is not in MP4 or QuickTime form."); }

/* ---- opening ---- */

static bool is_known_first(uint32_t type) {
    switch (type) {
    case FOURCC('f', 't', 'y', 'p'): case FOURCC('m', 'o', 'o', 'v'): case FOURCC('m', 'd', 'a', 't'): case FOURCC('f', 'r', 'e', 'e'): case FOURCC('s', 'k', 'i', 'p'): case FOURCC('w', 'i', 'd', 'e'):
    case FOURCC('p', 'n', 'o', 't'): case FOURCC('u', 'u', 'i', 'd'): case FOURCC('s', 't', 'y', 'p'): case FOURCC('s', 'i', 'd', 'x'): return true;
    default: return false;
    }
}

struct top_box {
    uint32_t type;
    uint64_t offset, head, size; /* size with head; cut to the file's end if is_cut */
    bool is_cut;
};

/* False at the end of the file. */
static struct err top_box_at(const struct cmaf_source *s, uint64_t at, struct top_box *out, bool *has_box) {
    *has_box = false;
    if (at >= s->file_bytes || s->file_bytes - at < 8) return ERR_OK;
    uint64_t left = s->file_bytes - at;
    char bytes[16] = {0};
    struct err e = fs_pread_all(s->fd, bytes, left < 16 ? (size_t)left : 16, at);
    if (e.kind) return e;
    struct byte_reader r = byte_reader_of(slice_of(bytes, 16));
    struct top_box box = {.offset = at, .head = 8};
    box.size = bytes_u32be(&r);
    box.type = bytes_u32be(&r);
    if (box.size == 1) box.size = bytes_u64be(&r), box.head = 16;
    else if (box.size == 0) box.size = left;
    if (box.size < box.head) return at ? malformed() : not_mp4();
    box.is_cut = box.size > left;
    if (box.is_cut) box.size = left;
    *out = box;
    *has_box = true;
    return ERR_OK;
}

/* elst: delays (empty edits), then at most one stretch of media at normal speed. Anything else is left to libavformat. */
static bool parse_edits(struct slice elst, uint32_t movie_timescale, uint32_t timescale, bool is_fragmented, struct edits *out) {
    *out = (struct edits){.end = INT64_MAX};
    if (!elst.ptr) return true;
    struct byte_reader r = byte_reader_of(elst);
    bool is_long = bytes_u32be(&r) >> 24 == 1;
    uint32_t count = bytes_u32be(&r);
    if (!movie_timescale || count > bytes_left(&r) / 12) return false;
    __int128 delay = 0;
    bool has_media = false;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t duration = is_long ? bytes_u64be(&r) : bytes_u32be(&r);
        int64_t media_time = is_long ? (int64_t)bytes_u64be(&r) : (int32_t)bytes_u32be(&r);
        uint32_t rate = bytes_u32be(&r);
        if (r.has_failed || duration > (uint64_t)INT64_MAX / 8 || has_media) return false;
        /* Movie ticks to track ticks, to the nearest. */
        __int128 ticks = ((__int128)duration * timescale + movie_timescale / 2) / movie_timescale;
        if (media_time == -1) {
            delay += ticks;
            if (delay > time_max) return false;
            continue;
        }
        if (media_time < 0 || media_time > time_max || rate != 0x10000) return false;
        has_media = true;
        out->shift = (int64_t)delay - media_time;
        if (duration && !is_fragmented && media_time + ticks < time_max) out->end = (int64_t)(media_time + ticks);
    }
    return has_media || !count;
}

static const char *why_not(const struct source_track *t, bool is_fragmented, bool has_sound_edits) {
    const struct moov_trak *k = &t->trak;
    if (k->is_encrypted) return "source.encrypted";
    if (t->shown.track.codec == CMAF_CODEC_NONE) return "source.codec";
    if (k->entry_count != 1 || k->is_elsewhere) return "source.entries";
    if (!has_sound_edits) return "source.edits";
    bool has_tables = k->stts.ptr && k->stsc.ptr && (k->stsz.ptr || k->stz2.ptr) && (k->stco.ptr || k->co64.ptr);
    if (!has_tables && !is_fragmented) return "source.tables";
    return NULL;
}

static uint64_t sample_count_of(const struct moov_trak *k) {
    struct byte_reader r = byte_reader_of(slice_sub(k->stsz.ptr ? k->stsz : k->stz2, 8, 12));
    uint32_t count = bytes_u32be(&r);
    return r.has_failed ? 0 : count;
}

static struct err read_moov(struct cmaf_source *s, const struct top_box *box) {
    uint64_t bytes = box->size - box->head;
    if (bytes > CMAF_SOURCE_MOOV_BYTES_MAX) return err_make(ERR_LIMIT, "source.large", "The file's table of contents is larger than 512 MB.");
    s->moov = mem_alloc((size_t)bytes + 1);
    if (!s->moov) return err_memory();
    struct err e = fs_pread_all(s->fd, s->moov, (size_t)bytes, box->offset + box->head);
    if (e.kind) return e;
    struct moov_trak traks[CMAF_SOURCE_TRACKS_MAX];
    struct moov moov;
    e = moov_parse(slice_of(s->moov, (size_t)bytes), traks, CMAF_SOURCE_TRACKS_MAX, &moov);
    if (e.kind) return e.kind == ERR_INPUT ? malformed() : e;
    s->has_fragments = moov.has_fragments;
    s->track_count = moov.trak_count;
    for (size_t i = 0; i < moov.trak_count; i++) {
        struct source_track *t = &s->tracks[i];
        t->trak = traks[i];
        struct cmaf_track track = traks[i].track;
        if (traks[i].entry_count == 0 || cmaf_track_complete(&track).kind) track.codec = CMAF_CODEC_NONE;
        bool edits_fit = track.timescale && parse_edits(traks[i].elst, moov.timescale, track.timescale, moov.has_fragments, &t->edits);
        t->shown = (struct cmaf_source_track){
            .track = track, .id = traks[i].id, .fourcc = traks[i].fourcc, .is_enabled = traks[i].is_enabled, .is_encrypted = traks[i].is_encrypted,
            .duration_ms = track.timescale ? (uint64_t)((unsigned __int128)traks[i].duration * 1000 / track.timescale) : 0,
            .sample_count = sample_count_of(&traks[i]),
        };
        t->shown.why_not = why_not(t, s->has_fragments, edits_fit);
    }
    return ERR_OK;
}

static struct err find_moov(struct cmaf_source *s) {
    uint64_t at = 0;
    for (int boxes = 0; boxes < TOP_BOXES_MAX; boxes++) {
        struct top_box box;
        bool has_box;
        struct err e = top_box_at(s, at, &box, &has_box);
        if (e.kind) return e;
        if (!has_box) return at ? truncated() : not_mp4(); /* the moov would have come last */
        if (at == 0 && !is_known_first(box.type)) return not_mp4();
        if (box.type == FOURCC('m', 'o', 'o', 'v')) {
            if (box.is_cut) return truncated();
            s->fragments_at = at + box.size;
            return read_moov(s, &box);
        }
        if (box.is_cut) return truncated();
        at += box.size;
    }
    return malformed();
}

struct err cmaf_source_open(int fd, struct cmaf_source **out) {
    struct cmaf_source *s = mem_zalloc(sizeof *s);
    if (!s) return err_memory();
    s->fd = fd;
    struct err e = fs_size(fd, &s->file_bytes);
    if (!e.kind) e = find_moov(s);
    if (e.kind) {
        cmaf_source_close(&s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

void cmaf_source_close(struct cmaf_source **address) {
    struct cmaf_source *s = *address;
    if (!s) return;
    mem_free(s->moov);
    mem_free(s);
    *address = NULL;
}

size_t cmaf_source_track_count(const struct cmaf_source *s) { return s->track_count; }
const struct cmaf_source_track *cmaf_source_track_at(const struct cmaf_source *s, size_t index) {
    assert(index < s->track_count);
    return &s->tracks[index].shown;
}
bool cmaf_source_is_fragmented(const struct cmaf_source *s) { return s->has_fragments; }

/* ---- cursors ---- */

struct cmaf_cursor {
    struct cmaf_source *source;
    const struct source_track *t;

    /* sample tables */
    uint32_t sample, sample_count;
    uint32_t uniform_bytes;
    unsigned size_bits;
    const uint8_t *sizes;
    const uint8_t *stts, *ctts, *stsc, *chunks, *stss;
    uint32_t stts_count, ctts_count, stsc_count, chunk_count, stss_count;
    uint32_t stts_at, stts_left, delta, ctts_at, ctts_left, stsc_at, chunk, chunk_left, stss_at;
    int32_t composition;
    bool is_long_offset, has_sync_table;
    uint64_t offset;
    int64_t dts;
    uint64_t bytes_total; /* of all samples so far: a track holds no more than its file, or somebody plays tricks */

    /* fragments */
    uint64_t at;
    char *moof;
    struct fragment fragment;
    bool is_in_fragment, is_over;
};

static uint32_t be32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }
static uint64_t be64(const uint8_t *p) { return (uint64_t)be32(p) << 32 | be32(p + 4); }

/* A table of `each` bytes an entry that says its count at byte 4: the count must fit the box. */
static bool table_open(struct slice body, size_t each, const uint8_t **entries, uint32_t *count) {
    *entries = NULL;
    *count = 0;
    if (!body.ptr) return true;
    if (body.len < 8) return false;
    const uint8_t *p = (const uint8_t *)body.ptr;
    *count = be32(p + 4);
    *entries = p + 8;
    return *count <= (body.len - 8) / each;
}

static bool tables_open(struct cmaf_cursor *c) {
    const struct moov_trak *k = &c->t->trak;
    struct slice sizes = k->stsz.ptr ? k->stsz : k->stz2;
    if (sizes.ptr) {
        if (sizes.len < 12) return false;
        const uint8_t *p = (const uint8_t *)sizes.ptr;
        c->uniform_bytes = k->stsz.ptr ? be32(p + 4) : 0;
        c->size_bits = k->stsz.ptr ? 32 : p[7];
        c->sample_count = be32(p + 8);
        c->sizes = p + 12;
        if (c->size_bits != 4 && c->size_bits != 8 && c->size_bits != 16 && c->size_bits != 32) return false;
        if (!c->uniform_bytes && (uint64_t)c->sample_count * c->size_bits > (uint64_t)(sizes.len - 12) * 8) return false;
    }
    c->is_long_offset = k->co64.ptr;
    c->has_sync_table = k->has_sync_table;
    if (!table_open(k->stts, 8, &c->stts, &c->stts_count) || !table_open(k->ctts, 8, &c->ctts, &c->ctts_count) ||
        !table_open(k->stsc, 12, &c->stsc, &c->stsc_count) || !table_open(k->stss, 4, &c->stss, &c->stss_count))
        return false;
    return table_open(k->co64.ptr ? k->co64 : k->stco, k->co64.ptr ? 8 : 4, &c->chunks, &c->chunk_count);
}

struct err cmaf_cursor_open(struct cmaf_source *s, size_t track_index, struct cmaf_cursor **out) {
    assert(track_index < s->track_count);
    const struct source_track *t = &s->tracks[track_index];
    if (t->shown.why_not) return err_make(ERR_INPUT, t->shown.why_not, "A track cannot be copied as it is.");
    struct cmaf_cursor *c = mem_zalloc(sizeof *c);
    if (!c) return err_memory();
    c->source = s;
    c->t = t;
    c->at = s->fragments_at;
    if (!tables_open(c)) {
        mem_free(c);
        return malformed();
    }
    *out = c;
    return ERR_OK;
}

void cmaf_cursor_close(struct cmaf_cursor **address) {
    struct cmaf_cursor *c = *address;
    if (!c) return;
    mem_free(c->moof);
    mem_free(c);
    *address = NULL;
}

static uint32_t size_of_sample(const struct cmaf_cursor *c) {
    uint32_t i = c->sample;
    if (c->uniform_bytes) return c->uniform_bytes;
    switch (c->size_bits) {
    case 4: return i % 2 ? c->sizes[i / 2] & 15 : c->sizes[i / 2] >> 4;
    case 8: return c->sizes[i];
    case 16: return (uint32_t)c->sizes[2 * (size_t)i] << 8 | c->sizes[2 * (size_t)i + 1];
    default: return be32(c->sizes + 4 * (size_t)i);
    }
}

/* Moves to the next chunk that has samples. */
static struct err next_chunk(struct cmaf_cursor *c) {
    while (!c->chunk_left) {
        if (c->chunk == c->chunk_count) return malformed(); /* samples are left, chunks are not */
        while (c->stsc_at < c->stsc_count && be32(c->stsc + 12 * (size_t)c->stsc_at) <= c->chunk + 1) c->stsc_at++;
        if (!c->stsc_at) return malformed();
        const uint8_t *entry = c->stsc + 12 * (size_t)(c->stsc_at - 1);
        c->chunk_left = be32(entry + 4);
        c->offset = c->is_long_offset ? be64(c->chunks + 8 * (size_t)c->chunk) : be32(c->chunks + 4 * (size_t)c->chunk);
        c->chunk++;
    }
    return ERR_OK;
}

static bool is_sync_sample(struct cmaf_cursor *c) {
    if (!c->has_sync_table) return true;
    while (c->stss_at < c->stss_count && be32(c->stss + 4 * (size_t)c->stss_at) < c->sample + 1) c->stss_at++;
    return c->stss_at < c->stss_count && be32(c->stss + 4 * (size_t)c->stss_at) == c->sample + 1;
}

static struct err check_bounds(struct cmaf_cursor *c, const struct cmaf_sample *s) {
    if (s->source_offset > c->source->file_bytes || s->bytes > c->source->file_bytes - s->source_offset) return truncated();
    c->bytes_total += s->bytes;
    if (c->bytes_total > c->source->file_bytes) return malformed();
    if (s->dts < -time_max || s->dts > time_max || s->pts < -time_max || s->pts > time_max) return malformed();
    return ERR_OK;
}

static struct err next_of_tables(struct cmaf_cursor *c, struct cmaf_sample *out) {
    if (!c->chunk_left) {
        struct err e = next_chunk(c);
        if (e.kind) return e;
    }
    /* A time table that is too short goes on with its last value, as everybody reads it. */
    while (!c->stts_left && c->stts_at < c->stts_count) {
        const uint8_t *entry = c->stts + 8 * (size_t)c->stts_at++;
        c->stts_left = be32(entry);
        c->delta = be32(entry + 4);
    }
    if (c->delta > INT32_MAX) return malformed(); /* negative, in some damaged files */
    while (!c->ctts_left && c->ctts_at < c->ctts_count) {
        const uint8_t *entry = c->ctts + 8 * (size_t)c->ctts_at++;
        c->ctts_left = be32(entry);
        c->composition = (int32_t)be32(entry + 4); /* signed in version 0, too: QuickTime does so, and nobody means 2^31 */
    }
    *out = (struct cmaf_sample){
        .dts = c->dts, .pts = c->dts + (c->ctts_left ? c->composition : 0), .duration = c->delta, .bytes = size_of_sample(c),
        .is_sync = is_sync_sample(c), .source_offset = c->offset,
    };
    struct err e = check_bounds(c, out);
    if (e.kind) return e;
    c->offset += out->bytes;
    c->dts += c->delta;
    if (c->stts_left) c->stts_left--;
    if (c->ctts_left) c->ctts_left--;
    c->chunk_left--;
    c->sample++;
    return ERR_OK;
}

/* The next moof after c->at; *has_moof false at the end of the file. */
static struct err next_moof(struct cmaf_cursor *c, bool *has_moof) {
    for (int boxes = 0; boxes < TOP_BOXES_MAX; boxes++) {
        struct top_box box;
        struct err e = top_box_at(c->source, c->at, &box, has_moof);
        if (e.kind || !*has_moof) return e;
        c->at += box.size;
        if (box.type != FOURCC('m', 'o', 'o', 'f')) continue; /* a cut mdat shows when its samples are asked for */
        if (box.is_cut) return truncated();
        uint64_t bytes = box.size - box.head;
        if (bytes > FRAGMENT_BYTES_MAX) return malformed();
        mem_free(c->moof);
        c->moof = mem_alloc((size_t)bytes + 1);
        if (!c->moof) return err_memory();
        e = fs_pread_all(c->source->fd, c->moof, (size_t)bytes, box.offset + box.head);
        if (e.kind) return e;
        c->fragment = fragment_of(slice_of(c->moof, (size_t)bytes), box.offset, c->t->trak.id, c->t->trak.trex, c->dts);
        c->is_in_fragment = true;
        return ERR_OK;
    }
    return malformed();
}

static struct err next_of_fragments(struct cmaf_cursor *c, struct cmaf_sample *out, bool *has_sample) {
    *has_sample = false;
    for (;;) {
        if (c->is_in_fragment) {
            struct err e = fragment_next(&c->fragment, out, has_sample);
            if (!e.kind && *has_sample) e = check_bounds(c, out);
            if (e.kind || *has_sample) return e;
            c->dts = c->fragment.dts;
            c->is_in_fragment = false;
        }
        bool has_moof;
        struct err e = next_moof(c, &has_moof);
        if (e.kind || !has_moof) return e;
    }
}

struct err cmaf_cursor_next(struct cmaf_cursor *c, struct cmaf_sample *out, bool *has_sample) {
    struct cmaf_sample s;
    bool has = false;
    struct err e = ERR_OK;
    if (!c->is_over && c->sample < c->sample_count) {
        e = next_of_tables(c, &s);
        has = true;
    } else if (!c->is_over && c->source->has_fragments) {
        e = next_of_fragments(c, &s, &has);
    }
    if (e.kind) return e;
    /* Sound behind the end of its edit is padding. Pictures stay: others may be built on them. */
    if (has && c->t->shown.track.kind == CMAF_AUDIO && s.pts >= c->t->edits.end) has = false;
    if (!has) {
        c->is_over = true;
        *has_sample = false;
        return ERR_OK;
    }
    s.dts += c->t->edits.shift;
    s.pts += c->t->edits.shift;
    *out = s;
    *has_sample = true;
    return ERR_OK;
}
