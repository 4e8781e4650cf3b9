/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/live/story.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "media/live/journal.h"

enum type { TYPE_BEGIN = 1, TYPE_INIT, TYPE_RUN, TYPE_CUE, TYPE_STILL, TYPE_POSTER, TYPE_END };

static const int64_t time_max = INT64_C(1) << 60;

static struct err damaged(void) { return err_make(ERR_INPUT, "live.index", "The index of this recording is damaged or was not written by Grandstand."); }
static struct err too_many(void) { return err_make(ERR_LIMIT, "live.long", "A channel has more of something than is allowed. End the event and start another."); }

static void free_cue(struct manifest_cue *c) {
    mem_free((void *)c->out.ptr);
    mem_free((void *)c->in.ptr);
    mem_free((void *)c->command.ptr);
}

void story_free(struct story *s) {
    for (size_t i = 0; i < s->rendition_count; i++) mem_free(s->renditions[i].inits);
    for (size_t i = 0; i < s->cue_count; i++) free_cue(&s->cues[i]);
    mem_free(s->runs);
    mem_free(s->cues);
    mem_free(s->stills);
    *s = (struct story){0};
}

/* Room for one more in an array that doubles. */
static bool room(void **array, size_t bytes_each, size_t count, size_t *capacity) {
    if (count < *capacity) return true;
    size_t wanted = *capacity ? *capacity * 2 : 8;
    void *grown = mem_realloc_array(*array, wanted, bytes_each);
    if (!grown) return false;
    *array = grown;
    *capacity = wanted;
    return true;
}

bool story_is_name(struct slice s) { return s.len == 2 && (s.ptr[0] == 'v' || s.ptr[0] == 'a') && s.ptr[1] >= '0' && s.ptr[1] <= '7'; }

size_t story_find(const struct story *s, struct slice name) {
    for (size_t i = 0; i < s->rendition_count; i++)
        if (slice_eq(name, slice_cstr(s->renditions[i].name))) return i;
    return SIZE_MAX;
}

/* Pictures come before sounds, small numbers before large ones. */
static bool sorts_before(const char *a, const char *b) { return a[0] != b[0] ? a[0] == 'v' : a[1] < b[1]; }

static struct err add_rendition(struct story *s, struct slice name, uint32_t timescale, size_t *index) {
    if (s->rendition_count == LIVE_RENDITIONS_MAX) return too_many();
    struct story_rendition r = {.timescale = timescale};
    memcpy(r.name, name.ptr, name.len);
    size_t at = s->rendition_count;
    while (at > 0 && sorts_before(r.name, s->renditions[at - 1].name)) at--;
    memmove(s->renditions + at + 1, s->renditions + at, (s->rendition_count - at) * sizeof *s->renditions);
    s->renditions[at] = r;
    s->rendition_count++;
    *index = at;
    return ERR_OK;
}

/* ---- applying ---- */

static struct err apply_init(struct story *s, struct slice name, uint16_t number, const struct cmaf_track *track) {
    size_t at = story_find(s, name);
    bool is_new = at == SIZE_MAX;
    struct err e = is_new ? add_rendition(s, name, track->timescale, &at) : ERR_OK;
    if (e.kind) return e;
    struct story_rendition *r = &s->renditions[at];
    if (r->init_count == STORY_INITS_MAX) return too_many();
    bool has_room = room((void **)&r->inits, sizeof *r->inits, r->init_count, &r->init_capacity);
    if (!has_room && is_new) {
        memmove(s->renditions + at, s->renditions + at + 1, (s->rendition_count - at - 1) * sizeof *s->renditions);
        s->rendition_count--;
    }
    if (!has_room) return err_memory();
    r->timescale = track->timescale;
    r->inits[r->init_count] = (struct manifest_init){.number = number, .track = *track};
    r->inits[r->init_count++].track.config = SLICE_NONE;
    return ERR_OK;
}

static struct err apply_run(struct story *s, const struct manifest_run *run) {
    if (s->run_count == STORY_RUNS_MAX) return too_many();
    if (!room((void **)&s->runs, sizeof *s->runs, s->run_count, &s->run_capacity)) return err_memory();
    s->runs[s->run_count++] = *run;
    return ERR_OK;
}

static bool copy_section(struct slice *to, struct slice from) {
    *to = SLICE_NONE;
    if (!from.len) return true;
    char *copy = mem_alloc(from.len);
    if (!copy) return false;
    memcpy(copy, from.ptr, from.len);
    *to = slice_of(copy, from.len);
    return true;
}

static struct err apply_cue(struct story *s, const struct manifest_cue *cue) {
    struct manifest_cue c = *cue;
    bool is_copied = copy_section(&c.out, cue->out);
    is_copied &= copy_section(&c.in, cue->in);
    is_copied &= copy_section(&c.command, cue->command);
    struct err e = is_copied ? ERR_OK : err_memory();
    size_t at = 0;
    while (at < s->cue_count && s->cues[at].id != c.id) at++;
    if (!e.kind && at == s->cue_count) {
        if (s->cue_count == STORY_CUES_MAX) e = too_many();
        else if (!room((void **)&s->cues, sizeof *s->cues, s->cue_count, &s->cue_capacity)) e = err_memory();
        for (at = s->cue_count; !e.kind && at > 0 && s->cues[at - 1].start_ns > c.start_ns; at--) s->cues[at] = s->cues[at - 1];
        s->cue_count += !e.kind;
    } else if (!e.kind) {
        free_cue(&s->cues[at]);
    }
    if (e.kind) free_cue(&c);
    else s->cues[at] = c;
    return e;
}

static struct err apply_still(struct story *s, const struct story_still *still) {
    if (s->still_count == STORY_STILLS_MAX) return too_many();
    if (!room((void **)&s->stills, sizeof *s->stills, s->still_count, &s->still_capacity)) return err_memory();
    s->stills[s->still_count++] = *still;
    return ERR_OK;
}

/* ---- records ---- */

static void put_text(struct buf *b, const char *text) {
    size_t len = strlen(text);
    buf_u8(b, (uint8_t)len);
    buf_bytes(b, text, len);
}

static bool take_text(struct byte_reader *r, char *out, size_t size) {
    struct slice s = bytes_take(r, bytes_u8(r));
    if (r->has_failed || s.len >= size || (s.len && memchr(s.ptr, 0, s.len)) || !utf8_is_valid(s)) return false;
    memset(out, 0, size);
    if (s.len) memcpy(out, s.ptr, s.len);
    return true;
}

static void put_track(struct buf *b, const char *name, uint16_t number, const struct cmaf_track *t) {
    put_text(b, name);
    buf_u16be(b, number);
    buf_u8(b, (uint8_t)t->kind);
    buf_u8(b, (uint8_t)t->codec);
    buf_u32be(b, t->timescale);
    buf_u16be(b, t->width);
    buf_u16be(b, t->height);
    buf_u32be(b, t->aspect_x);
    buf_u32be(b, t->aspect_y);
    buf_u16be(b, t->rotation);
    buf_u32be(b, t->rate_num);
    buf_u32be(b, t->rate_den);
    buf_u8(b, t->colour.has_any);
    buf_u8(b, t->colour.is_full_range);
    buf_u16be(b, t->colour.primaries);
    buf_u16be(b, t->colour.transfer);
    buf_u16be(b, t->colour.matrix);
    buf_u32be(b, t->sample_rate);
    buf_u16be(b, t->channels);
    buf_u32be(b, t->flags);
    put_text(b, t->codec_string);
    put_text(b, t->language);
    put_text(b, t->label);
}

static bool take_track(struct byte_reader *r, char name[8], uint16_t *number, struct cmaf_track *t) {
    if (!take_text(r, name, 8)) return false;
    *number = bytes_u16be(r);
    t->kind = (enum cmaf_kind)bytes_u8(r);
    t->codec = (enum cmaf_codec)bytes_u8(r);
    t->timescale = bytes_u32be(r);
    t->width = bytes_u16be(r);
    t->height = bytes_u16be(r);
    t->aspect_x = bytes_u32be(r);
    t->aspect_y = bytes_u32be(r);
    t->rotation = bytes_u16be(r);
    t->rate_num = bytes_u32be(r);
    t->rate_den = bytes_u32be(r);
    t->colour.has_any = bytes_u8(r);
    t->colour.is_full_range = bytes_u8(r);
    t->colour.primaries = bytes_u16be(r);
    t->colour.transfer = bytes_u16be(r);
    t->colour.matrix = bytes_u16be(r);
    t->sample_rate = bytes_u32be(r);
    t->channels = bytes_u16be(r);
    t->flags = bytes_u32be(r);
    if (!take_text(r, t->codec_string, sizeof t->codec_string) || !take_text(r, t->language, sizeof t->language) || !take_text(r, t->label, sizeof t->label)) return false;
    bool is_video = t->kind == CMAF_VIDEO;
    /* The codec string goes into playlists as it is. */
    for (const char *c = t->codec_string; *c; c++)
        if (!((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '.' || *c == '-')) return false;
    return !r->has_failed && (is_video || t->kind == CMAF_AUDIO) && t->codec > CMAF_CODEC_NONE && t->codec < CMAF_CODECS && t->timescale && t->rotation % 90 == 0 &&
           t->rotation < 360 && story_is_name(slice_cstr(name)) && (name[0] == 'v') == is_video;
}

/* The record of that type from `payload`, applied first: what cannot be applied is not written. */
static void log_record(struct buf *log, enum type type, struct buf *payload) {
    if (log && !payload->has_failed) journal_put_log(log, (uint16_t)type, buf_slice(payload));
    if (log && payload->has_failed) log->has_failed = true;
    buf_free(payload);
}
#define PAYLOAD BUF(JOURNAL_LOG_RECORD_MAX)

void story_begin(struct story *s, struct utc_time epoch, struct buf *log) {
    struct buf payload = PAYLOAD;
    buf_u64be(&payload, (uint64_t)epoch.ns);
    log_record(log, TYPE_BEGIN, &payload);
    s->epoch = epoch;
    s->has_epoch = true;
}

struct err story_add_init(struct story *s, const char *name, uint16_t number, const struct cmaf_track *track, struct buf *log) {
    struct err e = apply_init(s, slice_cstr(name), number, track);
    if (e.kind) return e;
    struct buf payload = PAYLOAD;
    put_track(&payload, name, number, track);
    log_record(log, TYPE_INIT, &payload);
    return ERR_OK;
}

static void put_run(struct buf *b, const struct manifest_run *run) {
    buf_u32be(b, run->run);
    buf_u64be(b, (uint64_t)run->start_ns);
    buf_u64be(b, (uint64_t)run->wall_ns);
}

struct err story_add_run(struct story *s, const struct manifest_run *run, struct buf *log) {
    struct err e = apply_run(s, run);
    if (e.kind) return e;
    struct buf payload = PAYLOAD;
    put_run(&payload, run);
    log_record(log, TYPE_RUN, &payload);
    return ERR_OK;
}

static void put_section(struct buf *b, struct slice section) {
    buf_u16be(b, (uint16_t)section.len);
    buf_append(b, section);
}

static void put_cue(struct buf *b, const struct manifest_cue *c) {
    buf_u64be(b, c->id);
    buf_u64be(b, (uint64_t)c->start_ns);
    buf_u64be(b, (uint64_t)c->utc_ns);
    buf_u64be(b, (uint64_t)c->planned_ns);
    buf_u64be(b, (uint64_t)c->end_ns);
    put_section(b, c->out);
    put_section(b, c->in);
    put_section(b, c->command);
}

struct err story_put_cue(struct story *s, const struct manifest_cue *c, struct buf *log) {
    if (c->out.len > STORY_SECTION_BYTES_MAX || c->in.len > STORY_SECTION_BYTES_MAX || c->command.len > STORY_SECTION_BYTES_MAX) return too_many();
    struct buf payload = PAYLOAD;
    put_cue(&payload, c); /* first, since its sections may be those of the one that it replaces */
    struct err e = apply_cue(s, c);
    if (!e.kind) log_record(log, TYPE_CUE, &payload);
    buf_free(&payload);
    return e;
}

static void put_still(struct buf *b, const struct story_still *s) {
    buf_u32be(b, s->number);
    buf_u64be(b, (uint64_t)s->time_ns);
    buf_u32be(b, s->interval_ms);
    buf_u32be(b, s->count);
    buf_u16be(b, s->width);
    buf_u16be(b, s->height);
    buf_u16be(b, s->columns);
    buf_u16be(b, s->rows);
}

struct err story_add_still(struct story *s, const struct story_still *still, struct buf *log) {
    struct err e = apply_still(s, still);
    if (e.kind) return e;
    struct buf payload = PAYLOAD;
    put_still(&payload, still);
    log_record(log, TYPE_STILL, &payload);
    return ERR_OK;
}

void story_set_poster(struct story *s, struct buf *log) {
    struct buf payload = PAYLOAD;
    log_record(log, TYPE_POSTER, &payload);
    s->has_poster = true;
}

void story_end(struct story *s, struct utc_time at, struct buf *log) {
    struct buf payload = PAYLOAD;
    buf_u64be(&payload, (uint64_t)at.ns);
    log_record(log, TYPE_END, &payload);
    s->is_ended = true;
    s->ended_at = at;
}

static void drop_first(void *array, size_t *count, size_t gone, size_t bytes_each) {
    if (!gone) return;
    memmove(array, (char *)array + gone * bytes_each, (*count - gone) * bytes_each);
    *count -= gone;
}

void story_forget(struct story *s, int64_t before_ns, uint32_t run) {
    size_t gone = 0;
    while (gone + 1 < s->run_count && s->runs[gone].run < run) gone++;
    drop_first(s->runs, &s->run_count, gone, sizeof *s->runs);
    gone = 0;
    while (gone < s->cue_count) {
        const struct manifest_cue *c = &s->cues[gone];
        int64_t end = c->end_ns >= 0 ? c->end_ns : c->planned_ns >= 0 ? c->start_ns + c->planned_ns : c->start_ns;
        if (end >= before_ns) break;
        free_cue(&s->cues[gone++]);
    }
    drop_first(s->cues, &s->cue_count, gone, sizeof *s->cues);
    gone = 0;
    while (gone < s->still_count && story_still_end(&s->stills[gone]) < before_ns) gone++;
    drop_first(s->stills, &s->still_count, gone, sizeof *s->stills);
}

/* ---- reading ---- */

static bool is_time(int64_t ns) { return ns >= 0 && ns < time_max; }

static struct err read_run(struct story *s, struct byte_reader *r) {
    struct manifest_run run = {.run = bytes_u32be(r), .start_ns = (int64_t)bytes_u64be(r)};
    run.wall_ns = (int64_t)bytes_u64be(r);
    if (r->has_failed || !is_time(run.start_ns) || !is_time(run.wall_ns)) return damaged();
    return apply_run(s, &run);
}

static struct err read_cue(struct story *s, struct byte_reader *r) {
    struct manifest_cue c = {.id = bytes_u64be(r), .start_ns = (int64_t)bytes_u64be(r)};
    c.utc_ns = (int64_t)bytes_u64be(r);
    c.planned_ns = (int64_t)bytes_u64be(r);
    c.end_ns = (int64_t)bytes_u64be(r);
    c.out = bytes_take(r, bytes_u16be(r));
    c.in = bytes_take(r, bytes_u16be(r));
    c.command = bytes_take(r, bytes_u16be(r));
    if (r->has_failed || !is_time(c.start_ns) || c.utc_ns < 0 || (c.planned_ns != -1 && !is_time(c.planned_ns)) || (c.end_ns != -1 && !is_time(c.end_ns)))
        return damaged();
    return apply_cue(s, &c);
}

static struct err read_still(struct story *s, struct byte_reader *r) {
    struct story_still still = {.number = bytes_u32be(r), .time_ns = (int64_t)bytes_u64be(r)};
    still.interval_ms = bytes_u32be(r);
    still.count = bytes_u32be(r);
    still.width = bytes_u16be(r);
    still.height = bytes_u16be(r);
    still.columns = bytes_u16be(r);
    still.rows = bytes_u16be(r);
    if (r->has_failed || !is_time(still.time_ns) || !still.columns || !still.rows || still.count > (uint32_t)still.columns * still.rows) return damaged();
    return apply_still(s, &still);
}

static struct err read_record(struct story *s, uint16_t type, struct slice payload) {
    struct byte_reader r = byte_reader_of(payload);
    struct cmaf_track track = {0};
    char name[8];
    uint16_t number;
    switch (type) {
    case TYPE_BEGIN:
        s->epoch.ns = (int64_t)bytes_u64be(&r);
        s->has_epoch = true;
        return r.has_failed || s->epoch.ns < 0 || s->epoch.ns > INT64_MAX / 2 ? damaged() : ERR_OK;
    case TYPE_INIT: return take_track(&r, name, &number, &track) ? apply_init(s, slice_cstr(name), number, &track) : damaged();
    case TYPE_RUN: return read_run(s, &r);
    case TYPE_CUE: return read_cue(s, &r);
    case TYPE_STILL: return read_still(s, &r);
    case TYPE_POSTER: s->has_poster = true; return ERR_OK;
    case TYPE_END:
        s->ended_at.ns = (int64_t)bytes_u64be(&r);
        s->is_ended = true;
        return r.has_failed ? damaged() : ERR_OK;
    default: return ERR_OK; /* of a later version: not needed to play */
    }
}

struct err story_read(struct story *s, struct slice file, size_t *good_bytes) {
    struct err e = journal_read_log_head(file);
    size_t at = JOURNAL_LOG_HEAD_BYTES;
    uint16_t type;
    struct slice payload;
    while (!e.kind) {
        *good_bytes = at;
        if (!journal_next_log(file, &at, &type, &payload)) break;
        e = read_record(s, type, payload);
    }
    return e;
}

void story_write(const struct story *s, struct buf *out) {
    journal_put_log_head(out);
    struct buf p = PAYLOAD;
#define RECORD(type) (journal_put_log(out, (type), buf_slice(&p)), out->has_failed |= p.has_failed, buf_clear(&p))
    if (s->has_epoch) buf_u64be(&p, (uint64_t)s->epoch.ns), RECORD(TYPE_BEGIN);
    for (size_t i = 0; i < s->rendition_count; i++)
        for (size_t k = 0; k < s->renditions[i].init_count; k++)
            put_track(&p, s->renditions[i].name, s->renditions[i].inits[k].number, &s->renditions[i].inits[k].track), RECORD(TYPE_INIT);
    for (size_t i = 0; i < s->run_count; i++) put_run(&p, &s->runs[i]), RECORD(TYPE_RUN);
    for (size_t i = 0; i < s->cue_count; i++) put_cue(&p, &s->cues[i]), RECORD(TYPE_CUE);
    for (size_t i = 0; i < s->still_count; i++) put_still(&p, &s->stills[i]), RECORD(TYPE_STILL);
    if (s->has_poster) RECORD(TYPE_POSTER);
    if (s->is_ended) buf_u64be(&p, (uint64_t)s->ended_at.ns), RECORD(TYPE_END);
#undef RECORD
    buf_free(&p);
}
