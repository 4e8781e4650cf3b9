/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * import.c: the parent's story of an import: which job comes next, what is published, what is kept for a later call. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "media/caption/caption.h"
#include "media/codec/codec_stranger.h"
#include "media/ingest/process.h"
#include "media/ingest/state.h"

enum { ARENA_BYTES = 256 << 20, RENDITIONS_MAX = 8 };

static struct err media(const char *code) { return codec_media_err(code); }

const char *ingest_step_code(enum ingest_step step) {
    static const char *const CODES[INGEST_STEPS] = {"probe", "copy", "transcode", "pictures", "ladder"};
    return step >= 0 && step < INGEST_STEPS ? CODES[step] : "";
}

struct import {
    int source_fd, dir_fd;
    const struct ingest_options *options;
    const struct ingest_watcher *watcher;
    struct state state, before; /* before: what an earlier call left */
    bool did_resume;

    /* the job that runs */
    struct job job;
    enum ingest_step step;
    double done_before, share; /* of the whole call */
    int fds[INGEST_TRACKS_MAX];
    int picture_fds[2];        /* poster, tiles */
    uint32_t sheets;
    struct record pictures;
    char rendition[16];        /* "v1.mp4" while a rung of the ladder is made */
};

/* ---- names ---- */

static void part_name(const char *file, char out[32]) { snprintf(out, 32, "%.20s.part", file); }
static void index_name(const char *file, char out[32]) { snprintf(out, 32, "%.*s.idx", (int)strcspn(file, ".") & 15, file); }
static const char *track_file(const struct import *m, uint32_t track) {
    return m->rendition[0] ? m->rendition : m->state.tracks[track].about.file;
}

static struct err open_part(struct import *m, const char *file, int *fd) {
    char part[32];
    part_name(file, part);
    struct err e = fs_open(m->dir_fd, part, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644, fd);
    if (e.kind == ERR_LIMIT) e = (struct err){.kind = ERR_LIMIT, .sys = e.sys, .code = "media.disk_full", .what = media("media.disk_full").what};
    return e;
}

static struct err put_in_place(struct import *m, const char *file) {
    char part[32];
    part_name(file, part);
    if (renameat(m->dir_fd, part, m->dir_fd, file)) return err_from_errno(errno, "media.write", media("media.write").what);
    return fs_sync_dir(m->dir_fd, ".");
}

static void forget_part(struct import *m, const char *file) {
    char part[32];
    part_name(file, part);
    unlinkat(m->dir_fd, part, 0);
}

/* ---- publishing ---- */

/* The child says the file is whole; it is read again from end to end of its structure before anybody may see it. */
static struct err publish_track(struct import *m, uint32_t track) {
    const char *file = track_file(m, track);
    int fd = m->fds[track];
    bool is_text = !m->rendition[0] && m->state.tracks[track].about.kind == INGEST_TEXT;
    struct arena *mem = arena_create(ARENA_BYTES);
    if (!mem) return err_memory();
    struct err e;
    int64_t end_ms = 0;
    if (is_text) {
        struct buf bytes = BUF(CAPTION_FILE_BYTES_MAX);
        char part[32];
        part_name(file, part);
        struct caption_list cues = caption_list_of(mem);
        e = fs_read_file(m->dir_fd, part, &bytes);
        if (!e.kind) e = caption_read_webvtt(buf_slice(&bytes), &cues, NULL);
        if (e.kind == ERR_INPUT) e = media("media.hostile");
        buf_free(&bytes);
        if (!e.kind) e = put_in_place(m, file);
    } else {
        struct cmaf_index index;
        memset(&index, 0, sizeof index);
        enum cmaf_kind wanted = m->rendition[0] || m->state.tracks[track].about.kind == INGEST_VIDEO ? CMAF_VIDEO : CMAF_AUDIO;
        e = cmaf_index_rebuild(fd, mem, &index);
        if (e.kind == ERR_INPUT || (!e.kind && (index.track.kind != wanted || !index.segment_count))) e = media("media.hostile");
        if (!e.kind) e = put_in_place(m, file); /* the index last: a track counts once it has one */
        char name[32];
        index_name(file, name);
        if (!e.kind) e = cmaf_index_write(m->dir_fd, name, &index);
        if (!e.kind) end_ms = cmaf_index_end_ns(&index) / 1000000;
    }
    arena_destroy(&mem);
    fs_close(&m->fds[track]);
    if (e.kind) return e;
    if (!m->rendition[0]) {
        m->state.tracks[track].is_done = true;
        m->state.tracks[track].end_ms = end_ms;
        e = state_write(m->dir_fd, &m->state);
    }
    if (!e.kind && m->watcher->published) m->watcher->published(m->watcher->user, slice_cstr(file));
    return e;
}

/* Is what stands there a JPEG, at least by its first and last bytes? The browser decodes it, in its own sandbox. */
static struct err publish_pictures(struct import *m, const struct record *r) {
    struct err e = ERR_OK;
    char name[32];
    for (uint32_t i = 0; !e.kind && i < r->pictures.sheets; i++) {
        snprintf(name, sizeof name, "thumbs-%u.jpg", i);
        e = put_in_place(m, name);
    }
    if (!e.kind && r->pictures.has_poster) e = put_in_place(m, "poster.jpg");
    if (!e.kind && r->pictures.thumbnails.width) {
        struct buf bytes = BUF(CAPTION_FILE_BYTES_MAX);
        struct arena *mem = arena_create(ARENA_BYTES);
        struct caption_list cues = caption_list_of(mem);
        e = mem ? fs_read_file(m->dir_fd, "thumbs.vtt.part", &bytes) : err_memory();
        if (!e.kind) e = caption_read_webvtt(buf_slice(&bytes), &cues, NULL);
        if (e.kind == ERR_INPUT) e = media("media.hostile");
        buf_free(&bytes);
        arena_destroy(&mem);
        if (!e.kind) e = put_in_place(m, "thumbs.vtt");
    }
    if (e.kind) return e;
    m->state.has_pictures = true;
    m->state.has_poster = r->pictures.has_poster;
    m->state.colour = r->pictures.colour;
    m->state.thumbnails = r->pictures.thumbnails;
    e = state_write(m->dir_fd, &m->state);
    if (!e.kind && r->pictures.has_poster && m->watcher->published) m->watcher->published(m->watcher->user, SLICE("poster.jpg"));
    return e;
}

/* ---- what the child says ---- */

static void take_track(struct import *m, const struct record *r) {
    struct state_track *t = &m->state.tracks[m->state.track_count++];
    static const struct state_track NONE;
    *t = NONE;
    t->about.kind = (enum ingest_kind)r->track_found.kind;
    t->about.fate = (enum ingest_fate)r->track_found.fate;
    memcpy(t->about.codec, r->track_found.codec, sizeof t->about.codec);
    snprintf(t->about.language, sizeof t->about.language, "%s", r->track_found.language);
    cmaf_language_normalise(t->about.language, sizeof t->about.language);
    memcpy(t->about.label, r->track_found.label, sizeof t->about.label);
    t->about.width = (int)r->track_found.width;
    t->about.height = (int)r->track_found.height;
    t->about.why = state_reason(r->track_found.why);
    t->flags = r->track_found.flags;
    t->about.is_default = t->flags & CMAF_DEFAULT;
    t->about.is_forced = t->flags & CMAF_FORCED;
    t->stream = r->track_found.stream;
}

static bool is_same_plan(const struct state *a, const struct state *b) {
    if (a->track_count != b->track_count) return false;
    for (size_t i = 0; i < a->track_count; i++)
        if (a->tracks[i].about.kind != b->tracks[i].about.kind || strcmp(a->tracks[i].about.codec, b->tracks[i].about.codec)) return false;
    return true;
}

/* All tracks are known: names are given, and what an earlier call found out about them is taken over. */
static struct err settle_plan(struct import *m, int64_t duration_ms) {
    unsigned numbers[3] = {0};
    m->state.duration_ms = duration_ms;
    m->state.has_plan = true;
    for (size_t i = 0; i < m->state.track_count; i++) {
        struct ingest_track *t = &m->state.tracks[i].about;
        if (t->fate == INGEST_LEFT_OUT || t->kind == INGEST_OTHER) continue;
        snprintf(t->file, sizeof t->file, "%c%u.%s", "vat"[t->kind], numbers[t->kind]++ % 100, t->kind == INGEST_TEXT ? "vtt" : "mp4");
    }
    if (m->before.has_plan) {
        if (!is_same_plan(&m->state, &m->before)) return media("media.bug"); /* the same file is read the same way */
        int64_t duration = m->state.duration_ms;
        m->state = m->before;
        m->state.duration_ms = duration;
    }
    return state_write(m->dir_fd, &m->state);
}

static struct err take_record(void *user, const struct record *r, int *fd) {
    struct import *m = user;
    char name[32];
    switch (r->type) {
    case RECORD_TRACK: take_track(m, r); return ERR_OK;
    case RECORD_MEDIA: m->step = INGEST_STEP_COPY; return settle_plan(m, r->media.duration_ms);
    case RECORD_OPEN: {
        struct err e = ERR_OK;
        switch (r->open.output) {
        case OUTPUT_TRACK: e = open_part(m, track_file(m, r->track), &m->fds[r->track]); *fd = m->fds[r->track]; return e;
        case OUTPUT_POSTER: e = open_part(m, "poster.jpg", &m->picture_fds[0]); *fd = m->picture_fds[0]; return e;
        case OUTPUT_TILES: e = open_part(m, "thumbs.vtt", &m->picture_fds[1]); *fd = m->picture_fds[1]; return e;
        default:
            fs_close(&m->picture_fds[1]); /* only one sheet is open at a time */
            snprintf(name, sizeof name, "thumbs-%u.jpg", r->open.number);
            e = open_part(m, name, &m->picture_fds[1]);
            *fd = m->picture_fds[1];
            return e;
        }
    }
    case RECORD_PROGRESS:
        if (m->watcher->progress) m->watcher->progress(m->watcher->user, m->step, m->done_before + m->share * r->progress.millionths / 1e6);
        return ERR_OK;
    case RECORD_REFUSED: {
        struct state_track *t = &m->state.tracks[r->track];
        fs_close(&m->fds[r->track]);
        forget_part(m, t->about.file);
        t->about.why = state_reason(r->refused.why);
        bool is_empty = !strcmp(r->refused.why, "ingest.empty");
        t->about.fate = is_empty || t->about.kind == INGEST_TEXT ? INGEST_LEFT_OUT : INGEST_TRANSCODED;
        return state_write(m->dir_fd, &m->state);
    }
    case RECORD_DONE: return publish_track(m, r->track);
    case RECORD_PICTURES: return publish_pictures(m, r);
    default: return ERR_OK;
    }
}

static bool is_cancelled(void *user) {
    const struct import *m = user;
    return m->watcher->is_cancelled && m->watcher->is_cancelled(m->watcher->user);
}

/* ---- jobs ---- */

static struct err run(struct import *m, int source_fd, const char *with_index, uint32_t tracks) {
    uint64_t bytes = 0;
    struct err e = fs_size(source_fd, &bytes);
    int index_fd = -1;
    if (!e.kind && with_index) {
        e = fs_open(m->dir_fd, with_index, O_RDONLY | O_NOFOLLOW, 0, &index_fd);
        if (!e.kind) e = fs_size(index_fd, &m->job.index_bytes);
    }
    if (e.kind) {
        fs_close(&index_fd);
        return e;
    }
    const struct ingest_options *o = m->options;
    int64_t duration_s = m->state.duration_ms / 1000;
    m->job.magic = JOB_MAGIC;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    m->job.threads = (uint32_t)(o->threads > 0 ? o->threads : processors < 1 ? 1 : processors > 4 ? 4 : processors);
    m->job.duration_ms = m->state.duration_ms;
    m->job.memory_bytes_max = o->memory_bytes_max ? o->memory_bytes_max : INT64_C(4) << 30;
    bool is_encoding = m->job.task == TASK_TRANSCODE || m->job.task == TASK_RENDITION;
    m->job.output_bytes_max = o->output_bytes_max ? o->output_bytes_max
                              : is_encoding       ? (int64_t)bytes * 4 + duration_s * 5000000 + (INT64_C(1) << 30)
                                                  : (int64_t)bytes + (int64_t)bytes / 4 + (INT64_C(256) << 20);
    m->job.cpu_s_max = is_encoding ? 7200 + duration_s * 200 + (int64_t)(bytes >> 20) * 10 : 600 + duration_s + (int64_t)(bytes >> 20);
#ifdef GRANDSTAND_TEST_DOORS
    const char *fault = getenv("GRANDSTAND_TEST_FAULT");
    if (fault) snprintf(m->job.fault, sizeof m->job.fault, "%s", fault);
#endif
    struct process_handler handler = {.user = m, .record = take_record, .is_cancelled = is_cancelled};
    struct process_options process = {.program = o->program, .stall_ms_max = o->stall_ms_max, .is_alone = o->is_alone};
    struct conversation talk = conversation_of(&m->job, tracks);
    e = process_run(&process, &m->job, source_fd, index_fd, talk, &handler);
    fs_close(&index_fd);
    for (size_t i = 0; i < INGEST_TRACKS_MAX; i++) fs_close(&m->fds[i]);
    for (size_t i = 0; i < ARRAY_LEN(m->picture_fds); i++) fs_close(&m->picture_fds[i]);
    m->done_before += m->share;
    return e;
}

static void begin(struct import *m, enum ingest_step step, enum task task, double share) {
    static const struct job NONE;
    m->job = NONE;
    m->job.task = task;
    m->step = step;
    m->share = share;
    if (m->watcher->progress) m->watcher->progress(m->watcher->user, step, m->done_before);
}

static const struct state_track *picture_of(const struct state *s) {
    for (size_t i = 0; i < s->track_count; i++)
        if (s->tracks[i].about.kind == INGEST_VIDEO && s->tracks[i].about.fate != INGEST_LEFT_OUT) return &s->tracks[i];
    return NULL;
}

static struct err copy_tracks(struct import *m, double share) {
    begin(m, INGEST_STEP_PROBE, TASK_COPY, share);
    bool is_anything_left = !m->before.has_plan;
    for (size_t i = 0; i < m->before.track_count; i++) {
        const struct state_track *t = &m->before.tracks[i];
        bool is_copied = t->about.fate == INGEST_PASSED || t->about.fate == INGEST_CONVERTED;
        if (is_copied && !t->is_done) is_anything_left = true;
        else m->job.skip_tracks |= UINT64_C(1) << i;
    }
    if (!is_anything_left) {
        m->state = m->before;
        m->done_before += share;
        return ERR_OK;
    }
    /* First without FFmpeg, which most files that people bring do not need: a fifth of the cost, and nothing of it is exposed */
    const struct state_track *picture = picture_of(&m->before);
    const char *with_index = picture && picture->is_done ? "v0.idx" : NULL;
    double done_before = m->done_before;
    m->job.is_by_tables = 1;
    struct err e = run(m, m->source_fd, with_index, 0);
    if (!e.kind || strcmp(e.code, "media.needs_codec")) return e;
    m->done_before = done_before;
    m->job.is_by_tables = 0;
    m->job.index_bytes = 0;
    return run(m, m->source_fd, with_index, 0);
}

static struct err transcode_tracks(struct import *m, double share) {
    size_t left = 0;
    for (size_t i = 0; i < m->state.track_count; i++) left += m->state.tracks[i].about.fate == INGEST_TRANSCODED && !m->state.tracks[i].is_done;
    if (!left) m->done_before += share;
    /* pictures before sound: sound is cut where they are */
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < m->state.track_count; i++) {
            const struct state_track *t = &m->state.tracks[i];
            if (t->about.fate != INGEST_TRANSCODED || t->is_done || (t->about.kind == INGEST_VIDEO) != (round == 0)) continue;
            begin(m, INGEST_STEP_TRANSCODE, TASK_TRANSCODE, share / (double)left);
            m->job.track = (uint32_t)i;
            m->job.stream = t->stream;
            const struct state_track *picture = picture_of(&m->state);
            m->job.is_for_picture = t->about.kind == INGEST_AUDIO && picture;
            struct err e = run(m, m->source_fd, m->job.is_for_picture && picture->is_done ? "v0.idx" : NULL, (uint32_t)m->state.track_count);
            if (e.kind) return e;
        }
    return ERR_OK;
}

static struct err make_pictures(struct import *m, double share) {
    const struct state_track *picture = picture_of(&m->state);
    if (m->options->skip_pictures || !picture || !picture->is_done || m->state.has_pictures) {
        m->done_before += share;
        return ERR_OK;
    }
    int fd;
    struct err e = fs_open(m->dir_fd, "v0.mp4", O_RDONLY | O_NOFOLLOW, 0, &fd);
    if (e.kind) return e;
    begin(m, INGEST_STEP_PICTURES, TASK_PICTURES, share);
    e = run(m, fd, "v0.idx", 0);
    fs_close(&fd);
    return e;
}

/* ---- the whole ---- */

/* FNV-1a over the length and three windows: enough to tell whether it is still the same file, at once for any size. */
static struct err fingerprint(int fd, struct state *s) {
    enum { WINDOW = 65536 };
    struct err e = fs_size(fd, &s->source_bytes);
    if (e.kind) return e;
    char *window = mem_alloc(WINDOW);
    if (!window) return err_memory();
    uint64_t at[3] = {0, s->source_bytes / 2, s->source_bytes > WINDOW ? s->source_bytes - WINDOW : 0};
    uint64_t hash = s->source_bytes;
    for (int i = 0; !e.kind && i < 3; i++) {
        size_t len = s->source_bytes - at[i] < WINDOW ? (size_t)(s->source_bytes - at[i]) : WINDOW;
        e = fs_pread_all(fd, window, len, at[i]);
        if (!e.kind) hash = (hash * UINT64_C(0x100000001b3)) ^ slice_hash(slice_of(window, len));
    }
    mem_free(window);
    s->source_hash = hash;
    return e;
}

/* Everything that an import or a view of it may have left here; what is somebody else's stays. */
static struct err clear_folder(struct import *m) {
    static const char *const FORMS[][2] = {{"v", ".mp4"}, {"v", ".idx"}, {"a", ".mp4"}, {"a", ".idx"}, {"t", ".vtt"}, {"thumbs-", ".jpg"},
                                          {"v", ".m3u8"}, {"v", "-iframes.m3u8"}, {"a", ".m3u8"}, {"t", ".m3u8"}};
    static const char *const NAMES[] = {"poster.jpg", "thumbs.vtt", "presentation.json", "master.m3u8", "manifest.mpd", "ingest.json"};
    char name[32];
    struct err e = ERR_OK;
    for (size_t f = 0; f < ARRAY_LEN(FORMS); f++)
        for (int i = 0; !e.kind && i < INGEST_TRACKS_MAX; i++) {
            snprintf(name, sizeof name, "%s%d%s", FORMS[f][0], i, FORMS[f][1]);
            forget_part(m, name);
            if (unlinkat(m->dir_fd, name, 0) && errno != ENOENT) e = err_from_errno(errno, "media.write", media("media.write").what);
        }
    for (size_t i = 0; !e.kind && i < ARRAY_LEN(NAMES); i++) {
        forget_part(m, NAMES[i]);
        if (unlinkat(m->dir_fd, NAMES[i], 0) && errno != ENOENT) e = err_from_errno(errno, "media.write", media("media.write").what);
    }
    return e;
}

static struct err write_extras(struct import *m) {
    struct cmaf_extras *x = mem_zalloc(sizeof *x);
    if (!x) return err_memory();
    for (size_t i = 0; i < m->state.track_count; i++) {
        const struct state_track *t = &m->state.tracks[i];
        if (t->about.kind != INGEST_TEXT || !t->is_done) continue;
        struct cmaf_text *text = &x->texts[x->text_count++];
        snprintf(text->name, sizeof text->name, "%.*s", (int)strcspn(t->about.file, "."), t->about.file);
        snprintf(text->language, sizeof text->language, "%s", t->about.language);
        memcpy(text->label, t->about.label, sizeof text->label);
        text->flags = t->flags;
    }
    x->thumbnails = m->state.thumbnails;
    struct err e = cmaf_extras_write(m->dir_fd, x);
    mem_free(x);
    return e;
}

static void report(const struct state *s, struct ingest_report *out) {
    static const struct ingest_report NONE;
    *out = NONE;
    for (size_t i = 0; i < s->track_count; i++) out->tracks[i] = s->tracks[i].about;
    out->track_count = s->track_count;
    for (size_t i = 0; i < s->track_count; i++)
        if (s->tracks[i].is_done && s->tracks[i].end_ms > out->duration_ms) out->duration_ms = s->tracks[i].end_ms;
    out->colour = s->has_pictures ? s->colour : 0x808080;
    out->has_poster = s->has_poster;
    out->has_thumbs = s->thumbnails.width > 0;
}

static struct import *create(int source_fd, int dir_fd, const struct ingest_options *options, const struct ingest_watcher *watcher) {
    static const struct ingest_watcher NOBODY;
    static const struct ingest_options DEFAULTS;
    struct import *m = mem_zalloc(sizeof *m);
    if (!m) return NULL;
    m->source_fd = source_fd;
    m->dir_fd = dir_fd;
    m->options = options ? options : &DEFAULTS;
    m->watcher = watcher ? watcher : &NOBODY;
    for (size_t i = 0; i < INGEST_TRACKS_MAX; i++) m->fds[i] = -1;
    m->picture_fds[0] = m->picture_fds[1] = -1;
    return m;
}

/* Where the file is the reason: what is written by us has other words for a full disk. */
static struct err in_media_words(struct err e) {
    if (!e.kind || codec_media_err(e.code).kind) return e;
    const char *code = e.sys == ENOSPC || e.sys == EDQUOT ? "media.disk_full" : NULL;
    if (!code) return e;
    struct err named = media(code);
    named.sys = e.sys;
    return named;
}

struct err ingest_file(int source_fd, int dir_fd, const struct ingest_options *options, const struct ingest_watcher *watcher,
                       struct ingest_report *out) {
    struct import *m = create(source_fd, dir_fd, options, watcher);
    if (!m) return err_memory();
    struct err e = fingerprint(source_fd, &m->state);
    if (!e.kind && !m->state.source_bytes) e = media("media.empty");
    if (e.kind) goto end;
    e = state_read(dir_fd, &m->before);
    bool is_same = !e.kind && m->before.source_bytes == m->state.source_bytes && m->before.source_hash == m->state.source_hash && m->before.has_plan;
    if (e.kind && e.kind != ERR_NOT_FOUND && e.kind != ERR_INPUT) goto end;
    e = ERR_OK;
    if (is_same) {
        m->did_resume = true;
    } else {
        static const struct state NONE;
        m->before = NONE;
        e = clear_folder(m);
    }
    double copy = 0.2, transcode = 0.6; /* how long things take, very roughly */
    if (!e.kind) e = copy_tracks(m, copy);
    if (!e.kind) e = transcode_tracks(m, transcode);
    if (!e.kind) e = make_pictures(m, 1 - copy - transcode);
    if (!e.kind) {
        bool has_track = false;
        for (size_t i = 0; i < m->state.track_count; i++)
            has_track |= m->state.tracks[i].is_done && m->state.tracks[i].about.kind <= INGEST_AUDIO;
        if (!has_track) e = media("media.no_tracks");
    }
    if (!e.kind) e = write_extras(m);
    if (!e.kind) {
        m->state.is_finished = true;
        e = state_write(dir_fd, &m->state);
    }
    if (!e.kind) {
        report(&m->state, out);
        out->did_resume = m->did_resume;
        if (m->watcher->progress) m->watcher->progress(m->watcher->user, m->step, 1);
    }
end:
    mem_free(m);
    return in_media_words(e);
}

struct err ingest_report_load(int dir_fd, struct ingest_report *out) {
    struct state *s = mem_zalloc(sizeof *s);
    if (!s) return err_memory();
    struct err e = state_read(dir_fd, s);
    if (e.kind == ERR_NOT_FOUND || (!e.kind && !s->is_finished))
        e = err_make(ERR_NOT_FOUND, "ingest.unfinished", "The import of this file is not finished.");
    if (!e.kind) report(s, out);
    mem_free(s);
    return e;
}

/* ---- the ladder ---- */

static struct err make_rung(struct import *m, uint32_t number, uint32_t lines, double share) {
    char name[32];
    snprintf(m->rendition, sizeof m->rendition, "v%u.mp4", number);
    index_name(m->rendition, name);
    if (fs_exists(m->dir_fd, name)) {
        m->done_before += share;
        return ERR_OK;
    }
    begin(m, INGEST_STEP_LADDER, TASK_RENDITION, share);
    m->job.track = number;
    m->job.height = lines;
    return run(m, m->source_fd, "v0.idx", INGEST_TRACKS_MAX);
}

struct err ingest_ladder(int dir_fd, const struct ingest_options *options, const struct ingest_watcher *watcher, size_t *added) {
    static const uint32_t LINES[] = {1080, 720, 480, 240};
    struct arena *mem = arena_create(ARENA_BYTES);
    int source_fd = -1;
    struct import *m = create(-1, dir_fd, options, watcher);
    struct err e = mem && m ? ERR_OK : err_memory();
    struct cmaf_index index;
    if (!e.kind) e = state_read(dir_fd, &m->state);
    if (!e.kind && !m->state.is_finished) e = err_make(ERR_NOT_FOUND, "ingest.unfinished", "The import of this file is not finished.");
    if (!e.kind && !picture_of(&m->state)) {
        *added = 0;
        goto end;
    }
    if (!e.kind) e = cmaf_index_read(dir_fd, "v0.idx", mem, &index);
    if (!e.kind) e = fs_open(dir_fd, "v0.mp4", O_RDONLY | O_NOFOLLOW, 0, &source_fd);
    if (e.kind) goto end;
    m->source_fd = source_fd;
    uint32_t width, height, wanted[RENDITIONS_MAX];
    cmaf_track_display_size(&index.track, &width, &height);
    uint32_t own = width < height ? width : height;
    size_t count = 0;
    double weights = 0;
    for (size_t i = 0; i < ARRAY_LEN(LINES); i++)
        if (LINES[i] < own) wanted[count++] = LINES[i], weights += (double)LINES[i] * LINES[i] + 400 * 400;
    for (size_t i = 0; !e.kind && i < count; i++)
        e = make_rung(m, (uint32_t)i + 1, wanted[i], ((double)wanted[i] * wanted[i] + 400 * 400) / weights);
    if (!e.kind) *added = count;
end:
    fs_close(&source_fd);
    mem_free(m);
    arena_destroy(&mem);
    return in_media_words(e);
}
