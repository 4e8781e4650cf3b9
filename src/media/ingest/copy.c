/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * copy.c: the first job of an import, in the child: what is in the file, and every track that needs no encoder.
 *
 * MP4 and MOV are read by our own reader of sample tables, which only says where the samples lie; the track writer then
 * moves the bytes. Everything else, and text, comes from libavformat packet by packet. Both may be needed for one file. */
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/utf8.h"
#include "base/mem.h"
#include "media/caption/caption.h"
#include "media/ingest/child.h"
#include "media/ingest/process.h"

enum { ARENA_BYTES = 512 << 20, GRID_MS = 2000 };

/* Where the segments of a track that is not the picture end. */
enum cuts { CUTS_OWN, CUTS_OF_PICTURE, CUTS_OF_INDEX, CUTS_GRID };

struct track {
    struct record found; /* as it is told to the parent */
    struct cmaf_track cmaf;
    size_t stream;       /* of libavformat */
    size_t cursor_track; /* of the sample tables */
    bool has_cursor, is_done, is_writing;
    enum codec_text text;

    int fd;
    struct cmaf_writer *writer;
    struct cmaf_cursor *cursor;
    struct cmaf_sample next;
    bool has_next;
    struct codec_pass *pass;
    struct caption_list cues;
    int64_t grid;
    uint64_t samples;
};

struct copy {
    const struct job *job;
    int source_fd;
    struct arena *mem;
    struct cmaf_source *tables;  /* NULL: no MP4 */
    struct cmaf_window *window;  /* through which all tracks with a cursor are read */
    struct codec_source *source; /* NULL: not needed */
    struct track tracks[INGEST_TRACKS_MAX];
    size_t count, picture; /* picture: the track that is shown, or count */
    int64_t duration_ms, origin_us;
    enum cuts cuts;
    struct cmaf_index index; /* CUTS_OF_INDEX */
    size_t cuts_told;
};

static struct err media(const char *code) { return codec_media_err(code); }

/* ---- the plan ---- */

static void put(char *out, size_t size, const char *text) {
    size_t len = strnlen(text, size - 1);
    memset(out, 0, size);
    memcpy(out, text, len);
}

static struct track *add_track(struct copy *c, enum ingest_kind kind, enum ingest_fate fate, const char *codec, const struct cmaf_track *about, const char *why) {
    struct track *t = &c->tracks[c->count];
    *t = (struct track){.fd = -1};
    struct record *r = &t->found;
    r->type = RECORD_TRACK;
    r->track = (uint32_t)c->count++;
    r->track_found.kind = kind;
    r->track_found.fate = fate;
    put(r->track_found.codec, sizeof r->track_found.codec, codec);
    put(r->track_found.why, sizeof r->track_found.why, why ? why : "");
    if (about) {
        t->cmaf = *about;
        r->track_found.flags = about->flags;
        put(r->track_found.language, sizeof r->track_found.language, about->language);
        bool is_showable = utf8_is_display_text(slice_cstr(about->label), CMAF_LABEL_MAX);
        put(r->track_found.label, sizeof r->track_found.label, is_showable ? about->label : "");
        if (kind == INGEST_VIDEO && about->width) cmaf_track_display_size(about, &r->track_found.width, &r->track_found.height);
        if (r->track_found.width > 65535 || r->track_found.height > 65535) r->track_found.width = r->track_found.height = 0;
    }
    return t;
}

static const char *fourcc_name(uint32_t fourcc, char out[5]) {
    for (int i = 0; i < 4; i++) {
        char ch = (char)(fourcc >> (24 - 8 * i));
        out[i] = ch > 0x20 && ch < 0x7f ? ch : '?';
    }
    out[4] = 0;
    return out;
}

static const char *codec_name(enum cmaf_codec codec) {
    static const char *const NAMES[CMAF_CODECS] = {"", "h264", "hevc", "av1", "vp9", "aac", "opus", "mp3", "ac3", "eac3", "flac"};
    return NAMES[codec];
}

/* Can the sample tables alone give everything? Then libavformat never sees the file. */
static bool tables_suffice(const struct copy *c) {
    size_t played = 0;
    for (size_t i = 0; i < cmaf_source_track_count(c->tables); i++) {
        const struct cmaf_source_track *t = cmaf_source_track_at(c->tables, i);
        if (t->track.kind == CMAF_KIND_NONE) {
            if (t->fourcc != 0x746d6364 /* tmcd */ && t->fourcc != 0x72747020 /* rtp */) return false;
            continue;
        }
        if (t->why_not || !codec_is_playable(&t->track)) return false;
        played++;
    }
    return played > 0;
}

static struct err plan_from_tables(struct copy *c) {
    bool has_picture = false;
    for (size_t i = 0; i < cmaf_source_track_count(c->tables); i++) {
        const struct cmaf_source_track *s = cmaf_source_track_at(c->tables, i);
        char text[5];
        if (s->duration_ms > INT64_C(3600000) * CODEC_HOURS_MAX) return media("media.too_large");
        if (s->track.kind == CMAF_KIND_NONE) {
            add_track(c, INGEST_OTHER, INGEST_LEFT_OUT, fourcc_name(s->fourcc, text), NULL, "ingest.data");
            continue;
        }
        enum ingest_kind kind = s->track.kind == CMAF_VIDEO ? INGEST_VIDEO : INGEST_AUDIO;
        bool is_empty = !s->sample_count && !cmaf_source_is_fragmented(c->tables);
        bool is_second = kind == INGEST_VIDEO && has_picture;
        struct track *t = add_track(c, kind, is_empty || is_second ? INGEST_LEFT_OUT : INGEST_PASSED, codec_name(s->track.codec), &s->track,
                                    is_empty ? "ingest.empty" : is_second ? "ingest.second_picture" : NULL);
        t->has_cursor = true;
        t->cursor_track = i;
        t->found.track_found.stream = (uint32_t)i; /* libavformat counts MP4's tracks in the same order */
        if (s->is_enabled) t->found.track_found.flags |= CMAF_DEFAULT;
        if (kind == INGEST_VIDEO && !is_empty) has_picture = true;
        if (!is_empty && (int64_t)s->duration_ms > c->duration_ms) c->duration_ms = (int64_t)s->duration_ms;
    }
    return ERR_OK;
}

/* The sample-table track that libavformat calls this stream, if its samples can be copied from there. */
static bool find_cursor(const struct copy *c, size_t stream, size_t *index) {
    if (!c->tables) return false;
    for (size_t i = 0; i < cmaf_source_track_count(c->tables); i++) {
        const struct cmaf_source_track *t = cmaf_source_track_at(c->tables, i);
        if ((int64_t)t->id == codec_source_stream_id(c->source, stream) && t->track.kind != CMAF_KIND_NONE && !t->why_not && codec_is_playable(&t->track)) {
            *index = i;
            return true;
        }
    }
    return false;
}

static struct err plan_stream(struct copy *c, size_t i, size_t shown) {
    const struct codec_stream *s = codec_source_stream(c->source, i);
    if (s->is_encrypted) return media("media.encrypted");
    struct track *t = NULL;
    switch (s->kind) {
    case CODEC_VIDEO:
    case CODEC_AUDIO: {
        enum ingest_kind kind = s->kind == CODEC_VIDEO ? INGEST_VIDEO : INGEST_AUDIO;
        if (s->is_picture) t = add_track(c, kind, INGEST_LEFT_OUT, s->codec, &s->track, "ingest.cover");
        else if (kind == INGEST_VIDEO && i != shown) t = add_track(c, kind, INGEST_LEFT_OUT, s->codec, &s->track, "ingest.second_picture");
        else if (s->can_pass) t = add_track(c, kind, INGEST_PASSED, s->codec, &s->track, NULL);
        else if (!s->has_decoder && kind == INGEST_VIDEO) return media("media.unsupported");
        else if (!s->has_decoder) t = add_track(c, kind, INGEST_LEFT_OUT, s->codec, &s->track, "ingest.no_decoder");
        else if (s->why && !strcmp(s->why, "ingest.empty")) t = add_track(c, kind, INGEST_LEFT_OUT, s->codec, &s->track, s->why);
        else t = add_track(c, kind, INGEST_TRANSCODED, s->codec, &s->track, s->why);
        if (t->found.track_found.fate == INGEST_PASSED && find_cursor(c, i, &t->cursor_track)) {
            struct cmaf_track own = cmaf_source_track_at(c->tables, t->cursor_track)->track;
            own.flags = t->cmaf.flags;
            t->cmaf = own;
            t->has_cursor = true;
        }
        break;
    }
    case CODEC_TEXT:
        if (s->text) t = add_track(c, INGEST_TEXT, INGEST_CONVERTED, s->codec, &s->track, NULL);
        else t = add_track(c, INGEST_TEXT, INGEST_LEFT_OUT, s->codec, &s->track, "ingest.picture_subtitles");
        t->text = s->text;
        break;
    default: t = add_track(c, INGEST_OTHER, INGEST_LEFT_OUT, s->codec, NULL, "ingest.data"); break;
    }
    t->stream = i;
    t->found.track_found.stream = (uint32_t)i;
    return ERR_OK;
}

static struct err plan_from_streams(struct copy *c) {
    size_t shown = CODEC_STREAMS_MAX; /* the picture: the default one, else the first */
    for (size_t i = 0; i < codec_source_count(c->source); i++) {
        const struct codec_stream *s = codec_source_stream(c->source, i);
        if (s->kind != CODEC_VIDEO || s->is_picture) continue;
        bool is_better = shown == CODEC_STREAMS_MAX || ((s->track.flags & CMAF_DEFAULT) && !(codec_source_stream(c->source, shown)->track.flags & CMAF_DEFAULT));
        if (is_better) shown = i;
    }
    for (size_t i = 0; i < codec_source_count(c->source); i++) {
        struct err e = plan_stream(c, i, shown);
        if (e.kind) return e;
    }
    c->duration_ms = codec_source_duration_ms(c->source);
    c->origin_us = codec_source_origin_us(c->source);
    return ERR_OK;
}

/* Of each kind one track is the default: MP4 marks all that are enabled. */
static void settle_defaults(struct copy *c) {
    for (enum ingest_kind kind = INGEST_VIDEO; kind <= INGEST_TEXT; kind++) {
        size_t chosen = c->count, first = c->count;
        for (size_t i = c->count; i-- > 0;) {
            if (c->tracks[i].found.track_found.kind != kind || c->tracks[i].found.track_found.fate == INGEST_LEFT_OUT) continue;
            first = i;
            if (c->tracks[i].found.track_found.flags & CMAF_DEFAULT) chosen = i;
        }
        if (chosen == c->count && kind != INGEST_TEXT) chosen = first;
        for (size_t i = 0; i < c->count; i++) {
            struct track *t = &c->tracks[i];
            if (t->found.track_found.kind != kind) continue;
            t->found.track_found.flags &= ~(uint32_t)CMAF_DEFAULT;
            if (i == chosen && kind != INGEST_TEXT) t->found.track_found.flags |= CMAF_DEFAULT;
            t->cmaf.flags = t->found.track_found.flags;
        }
    }
}

static struct err plan(struct copy *c) {
    uint64_t bytes;
    struct err e = fs_size(c->source_fd, &bytes);
    if (e.kind) return e;
    if (!bytes) return media("media.empty");
    e = cmaf_source_open(c->source_fd, &c->tables);
    if (e.kind) { /* no MP4, or one that only libavformat understands */
        c->tables = NULL;
        if (!strcmp(e.code, "memory") || e.kind == ERR_IO) return e;
        if (!strcmp(e.code, "source.truncated")) return media("media.truncated");
    }
    for (size_t i = 0; c->tables && i < cmaf_source_track_count(c->tables); i++)
        if (cmaf_source_track_at(c->tables, i)->is_encrypted) return media("media.encrypted");
    if (c->tables && tables_suffice(c)) {
        e = plan_from_tables(c);
    } else if (c->job->is_by_tables) {
        return media("media.needs_codec");
    } else {
        e = codec_source_open(c->source_fd, &c->source);
        if (!e.kind) e = plan_from_streams(c);
    }
    if (e.kind) return e;
    settle_defaults(c);
    bool has_played = false, has_any = false;
    c->picture = c->count;
    for (size_t i = 0; i < c->count; i++) {
        const struct record *r = &c->tracks[i].found;
        bool is_played = r->track_found.kind == INGEST_VIDEO || r->track_found.kind == INGEST_AUDIO;
        has_any |= is_played;
        has_played |= is_played && r->track_found.fate != INGEST_LEFT_OUT;
        if (r->track_found.kind == INGEST_VIDEO && r->track_found.fate != INGEST_LEFT_OUT) c->picture = i;
    }
    if (!has_played) return media(has_any ? "media.unsupported" : "media.no_tracks");
    for (size_t i = 0; i < c->count; i++) child_send(&c->tracks[i].found);
    if (c->duration_ms < 0 || c->duration_ms > INT64_C(3600000) * CODEC_HOURS_MAX) return media("media.too_large");
    struct record all = {.type = RECORD_MEDIA, .media.duration_ms = c->duration_ms};
    child_send(&all);
    return ERR_OK;
}

/* ---- writing ---- */

static void release(void *user, void *owner) {
    struct codec_packet *packet = owner;
    codec_packet_free(&packet);
}

static bool is_copied(const struct track *t) {
    return !t->is_done && (t->found.track_found.fate == INGEST_PASSED || t->found.track_found.fate == INGEST_CONVERTED);
}

static struct err open_tracks(struct copy *c) {
    bool is_picture_here = c->picture < c->count && is_copied(&c->tracks[c->picture]);
    c->cuts = c->picture == c->count ? CUTS_OWN : is_picture_here ? CUTS_OF_PICTURE : c->job->index_bytes ? CUTS_OF_INDEX : CUTS_GRID;
    if (c->cuts == CUTS_OF_INDEX) {
        struct err e = child_read_index(c->job, CHILD_INDEX, c->mem, &c->index);
        if (e.kind) return e;
    }
    for (size_t i = 0; i < c->count; i++) {
        struct track *t = &c->tracks[i];
        t->is_done = i < 64 && c->job->skip_tracks >> i & 1;
        if (!is_copied(t)) {
            if (c->source && t->found.track_found.fate != INGEST_PASSED) codec_source_want(c->source, t->stream, false);
            if (c->source && t->is_done) codec_source_want(c->source, t->stream, false);
            continue;
        }
        struct err e = child_open(OUTPUT_TRACK, (uint32_t)i, 0, &t->fd);
        if (e.kind) return e;
        t->is_writing = true;
        if (t->found.track_found.kind == INGEST_TEXT) {
            t->cues = caption_list_of(c->mem);
            continue;
        }
        struct cmaf_writer_options options = {.fd = t->fd, .source = t->has_cursor ? c->window : NULL, .segment_ms = c->job->segment_ms,
                                              .duration_ms = (uint64_t)c->duration_ms, .release = release,
                                              .follows = i != c->picture && c->cuts != CUTS_OWN};
        e = cmaf_writer_open(&t->cmaf, &options, &t->writer);
        if (e.kind && !strcmp(e.code, "track.language")) {
            t->cmaf.language[0] = 0;
            e = cmaf_writer_open(&t->cmaf, &options, &t->writer);
        }
        if (!e.kind && t->has_cursor) e = cmaf_cursor_open(c->tables, t->cursor_track, &t->cursor);
        if (!e.kind && !t->has_cursor) e = codec_pass_open(c->source, t->stream, &t->pass);
        if (e.kind) return e;
        if (c->source && t->has_cursor) codec_source_want(c->source, t->stream, false);
    }
    return ERR_OK;
}

/* Ends of the picture's segments that have become known. */
static struct err tell_cuts(struct copy *c) {
    const struct cmaf_segment *segments;
    size_t count;
    uint32_t timescale;
    if (c->cuts == CUTS_OF_PICTURE) {
        const struct track *p = &c->tracks[c->picture];
        if (!p->writer) return ERR_OK;
        segments = cmaf_writer_segments(p->writer, &count);
        timescale = p->cmaf.timescale;
    } else if (c->cuts == CUTS_OF_INDEX) {
        segments = c->index.segments;
        count = c->index.segment_count;
        timescale = c->index.track.timescale;
    } else {
        return ERR_OK;
    }
    for (; c->cuts_told < count; c->cuts_told++)
        for (size_t i = 0; i < c->count; i++) {
            struct track *t = &c->tracks[i];
            if (i == c->picture || !t->writer) continue;
            const struct cmaf_segment *s = &segments[c->cuts_told];
            struct err e = cmaf_writer_cut_at(t->writer, s->start + s->duration, timescale);
            if (e.kind) return e;
        }
    return ERR_OK;
}

static struct err add_sample(struct copy *c, struct track *t, const struct cmaf_sample *sample) {
    struct err e = ERR_OK;
    if (c->cuts == CUTS_GRID) {
        int64_t step = (int64_t)t->cmaf.timescale * GRID_MS / 1000;
        if (!t->grid) t->grid = step;
        for (; !e.kind && t->grid <= sample->pts; t->grid += step) e = cmaf_writer_cut_at(t->writer, t->grid, t->cmaf.timescale);
    }
    if (e.kind) {
        if (sample->owner) release(NULL, sample->owner);
        return e;
    }
    t->samples++;
    e = cmaf_writer_add(t->writer, sample);
    if (!e.kind && t == &c->tracks[c->picture]) e = tell_cuts(c);
    if (!e.kind && c->duration_ms > 0 && t->cmaf.timescale && (t->samples & 63) == 0)
        child_progress((double)sample->dts * 1000 / t->cmaf.timescale / (double)c->duration_ms);
    return e;
}

static void close_track(struct track *t) {
    cmaf_writer_close(&t->writer);
    codec_pass_close(&t->pass);
    cmaf_cursor_close(&t->cursor);
    fs_close(&t->fd);
    t->is_writing = false;
}

/* This track cannot be passed through after all; it will be transcoded instead. */
static void refuse(struct copy *c, struct track *t, const char *why) {
    if (t == &c->tracks[c->picture] && c->cuts == CUTS_OF_PICTURE) {
        c->cuts = CUTS_GRID; /* the transcoder puts its key pictures there */
        for (size_t i = 0; i < c->count; i++) {
            struct track *other = &c->tracks[i];
            if (!other->writer || other == t) continue;
            size_t count;
            const struct cmaf_segment *s = cmaf_writer_segments(other->writer, &count);
            int64_t step = (int64_t)other->cmaf.timescale * GRID_MS / 1000;
            other->grid = count ? (s[count - 1].start / step + 1) * step : step;
        }
    }
    close_track(t);
    if (c->source) codec_source_want(c->source, t->stream, false);
    struct record r = {.type = RECORD_REFUSED, .track = t->found.track};
    put(r.refused.why, sizeof r.refused.why, why);
    child_send(&r);
}

static bool is_refusal(struct err e) {
    return !strcmp(e.code, "media.changes") || !strcmp(e.code, "media.timestamps") || !strcmp(e.code, "media.damaged") ||
           !strcmp(e.code, "sample.order") || !strcmp(e.code, "sample.time");
}

static struct err finish_track(struct copy *c, struct track *t) {
    struct record done = {.type = RECORD_DONE, .track = t->found.track};
    struct err e;
    if (t->found.track_found.kind == INGEST_TEXT) {
        struct buf out = BUF(CAPTION_FILE_BYTES_MAX);
        e = caption_sort(&t->cues);
        if (!e.kind) {
            caption_write_webvtt(&t->cues, &out);
            e = buf_error(&out);
        }
        if (!e.kind) e = fs_write_all(t->fd, buf_slice(&out));
        if (!e.kind) e = fs_sync(t->fd);
        done.done.bytes = out.len;
        done.done.dropped = t->cues.dropped;
        buf_free(&out);
    } else {
        struct arena_mark mark = arena_mark(c->mem);
        struct cmaf_index index;
        e = cmaf_writer_finish(t->writer, c->mem, &index);
        if (!e.kind) done.done.bytes = index.file_bytes;
        arena_rewind(c->mem, mark);
        if (e.kind && !strcmp(e.code, "track.empty")) {
            refuse(c, t, "ingest.empty");
            return ERR_OK;
        }
    }
    if (e.kind) return e;
    close_track(t);
    child_send(&done);
    return ERR_OK;
}

/* ---- reading by sample tables ---- */

static struct err advance(struct copy *c, struct track *t) {
    struct err e = cmaf_cursor_next(t->cursor, &t->next, &t->has_next);
    if (!e.kind && t->has_next && c->origin_us) {
        int64_t shift = (int64_t)((__int128)c->origin_us * t->cmaf.timescale / 1000000);
        t->next.dts -= shift;
        t->next.pts -= shift;
    }
    return e.kind && !strcmp(e.code, "source.malformed") ? media("media.damaged") : e;
}

/* Without libavformat nobody has looked yet when the first picture or sound is shown. Sound that only primes the
 * decoder lies before 0 and does not count. */
static void find_origin(struct copy *c) {
    int64_t origin = INT64_MAX;
    for (size_t i = 0; i < c->count; i++) {
        const struct track *t = &c->tracks[i];
        if (!t->cursor || !t->has_next) continue;
        int64_t at = t->next.pts < 0 ? 0 : (int64_t)((__int128)t->next.pts * 1000000 / t->cmaf.timescale);
        if (at < origin) origin = at;
    }
    if (origin == INT64_MAX || origin <= 0) return;
    c->origin_us = origin;
    for (size_t i = 0; i < c->count; i++) {
        struct track *t = &c->tracks[i];
        if (!t->cursor || !t->has_next) continue;
        int64_t shift = (int64_t)((__int128)origin * t->cmaf.timescale / 1000000);
        t->next.dts -= shift;
        t->next.pts -= shift;
    }
}

/* Tracks side by side in time, so that the disk is read about in order. */
static struct err copy_by_tables(struct copy *c) {
    for (size_t i = 0; i < c->count; i++)
        if (c->tracks[i].cursor) {
            struct err e = advance(c, &c->tracks[i]);
            if (e.kind) return e;
        }
    if (!c->source) find_origin(c);
    struct track *t = NULL;
    double ends = 0;
    for (;;) {
        if (!t || !t->has_next || (double)t->next.dts / t->cmaf.timescale > ends) {
            double earliest = 0;
            t = NULL;
            for (size_t i = 0; i < c->count; i++) {
                struct track *other = &c->tracks[i];
                if (!other->cursor || !other->has_next) continue;
                double at = (double)other->next.dts / other->cmaf.timescale;
                if (!t || at < earliest) t = other, earliest = at;
            }
            if (!t) return ERR_OK;
            ends = earliest + 0.5;
        }
        struct err e = add_sample(c, t, &t->next);
        if (e.kind && is_refusal(e)) {
            refuse(c, t, "media.timestamps");
            t->has_next = false;
            continue;
        }
        if (!e.kind) e = advance(c, t);
        if (e.kind) return e;
    }
}

/* ---- reading by libavformat ---- */

static struct err take_text(struct copy *c, struct track *t, struct codec_packet *packet) {
    int64_t start, end;
    if (!codec_packet_times_ms(c->source, packet, &start, &end)) return ERR_OK;
    struct slice payload = codec_packet_payload(packet), settings = SLICE_NONE, text = SLICE_NONE;
    switch (t->text) {
    case CODEC_TEXT_SUBRIP: text = caption_text_from_subrip(c->mem, payload, &settings); break;
    case CODEC_TEXT_ASS: text = caption_text_from_ass(c->mem, payload, &settings); break;
    case CODEC_TEXT_TX3G: text = caption_text_from_tx3g(c->mem, payload); break;
    case CODEC_TEXT_WEBVTT:
        text = caption_text_from_webvtt(c->mem, payload);
        settings = caption_settings_from_webvtt(c->mem, codec_packet_webvtt_settings(packet));
        break;
    default: text = caption_text_from_plain(c->mem, payload); break;
    }
    if (arena_overflowed(c->mem)) return err_memory();
    if (!text.len) return ERR_OK; /* a pause between captions */
    if (end <= start) end = start + 4000; /* the container does not say how long: time to read two lines */
    return caption_add(&t->cues, (struct caption_cue){.start_ms = start, .end_ms = end, .settings = settings, .text = text});
}

static struct err take_packet(struct copy *c, struct track *t, struct codec_packet *packet) {
    struct cmaf_sample sample;
    struct err e = codec_pass_push(t->pass, packet);
    while (!e.kind && codec_pass_pull(t->pass, &sample)) e = add_sample(c, t, &sample);
    if (e.kind && is_refusal(e)) {
        refuse(c, t, strncmp(e.code, "sample.", 7) ? e.code : "media.timestamps");
        return ERR_OK;
    }
    return e;
}

static struct err copy_by_packets(struct copy *c) {
    struct track *of_stream[CODEC_STREAMS_MAX] = {0};
    bool is_needed = false;
    for (size_t i = 0; i < c->count; i++) {
        struct track *t = &c->tracks[i];
        if (!t->is_writing || t->has_cursor) continue;
        of_stream[t->stream] = t;
        is_needed = true;
    }
    while (is_needed) {
        struct codec_packet *packet;
        struct err e = codec_source_next(c->source, &packet);
        if (e.kind || !packet) {
            if (e.kind) return e;
            break;
        }
        size_t stream = codec_packet_stream(packet);
        struct track *t = stream < CODEC_STREAMS_MAX ? of_stream[stream] : NULL;
        if (!t || !t->is_writing) {
            codec_packet_free(&packet);
            continue;
        }
        if (t->found.track_found.kind == INGEST_TEXT) {
            e = take_text(c, t, packet);
            codec_packet_free(&packet);
        } else {
            e = take_packet(c, t, packet);
        }
        if (e.kind) return e;
        child_progress(codec_source_done(c->source));
    }
    for (size_t i = 0; i < c->count; i++)
        if (c->tracks[i].pass && c->tracks[i].is_writing) {
            struct err e = take_packet(c, &c->tracks[i], NULL);
            if (e.kind) return e;
        }
    return ERR_OK;
}

struct err child_copy(const struct job *job, int source_fd) {
    struct copy *c = mem_zalloc(sizeof *c);
    if (!c) return err_memory();
    c->job = job;
    c->source_fd = source_fd;
    c->mem = arena_create(ARENA_BYTES);
    struct err e = c->mem ? plan(c) : err_memory();
    if (!e.kind) e = cmaf_window_open(source_fd, &c->window);
    if (!e.kind) e = open_tracks(c);
    if (!e.kind && c->cuts == CUTS_OF_INDEX) e = tell_cuts(c);
    if (!e.kind && c->tables) e = copy_by_tables(c);
    if (!e.kind && c->source) e = copy_by_packets(c);
    /* the picture first: its last segment's end is where the others end theirs */
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; !e.kind && i < c->count; i++)
            if (c->tracks[i].is_writing && (i == c->picture) == (round == 0)) e = finish_track(c, &c->tracks[i]);
    for (size_t i = 0; i < c->count; i++) close_track(&c->tracks[i]);
    cmaf_window_close(&c->window);
    codec_source_close(&c->source);
    cmaf_source_close(&c->tables);
    arena_destroy(&c->mem);
    mem_free(c);
    return e;
}
