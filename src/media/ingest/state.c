/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/ingest/state.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"

enum { VERSION = 1, FILE_BYTES_MAX = 1 << 20 };
static const char FILE_NAME[] = "ingest.json";

const char *state_reason(const char *code) {
    static const char *const KNOWN[] = {"ingest.codec", "ingest.profile", "ingest.config", "ingest.picture_subtitles", "ingest.data", "ingest.cover",
                                        "ingest.second_picture", "ingest.no_decoder", "ingest.empty", "media.changes", "media.timestamps", "media.damaged"};
    if (!code || !*code) return NULL;
    for (size_t i = 0; i < ARRAY_LEN(KNOWN); i++)
        if (!strcmp(KNOWN[i], code)) return KNOWN[i];
    return "ingest.other";
}

struct err state_write(int dir_fd, const struct state *s) {
    struct buf out = BUF(FILE_BYTES_MAX);
    struct json_writer w = json_writer_of(&out);
    char hash[20];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)s->source_hash);
    json_begin_object(&w);
    json_put_number(&w, "version", VERSION);
    json_put_id(&w, "source_bytes", (int64_t)s->source_bytes);
    json_put_cstr(&w, "source_hash", hash);
    json_put_bool(&w, "has_plan", s->has_plan);
    json_put_bool(&w, "is_finished", s->is_finished);
    json_put_bool(&w, "has_pictures", s->has_pictures);
    json_put_bool(&w, "has_poster", s->has_poster);
    json_put_number(&w, "duration_ms", s->duration_ms);
    json_put_number(&w, "colour", s->colour);
    const struct cmaf_thumbnails *t = &s->thumbnails;
    json_key(&w, "thumbnails");
    json_begin_array(&w);
    const int64_t numbers[] = {t->width, t->height, t->columns, t->rows, t->interval_ms, t->count, (int64_t)t->bytes};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) json_add_number(&w, numbers[i]);
    json_end(&w);
    json_key(&w, "tracks");
    json_begin_array(&w);
    for (size_t i = 0; i < s->track_count; i++) {
        const struct state_track *k = &s->tracks[i];
        json_begin_object(&w);
        json_put_number(&w, "kind", k->about.kind);
        json_put_number(&w, "fate", k->about.fate);
        json_put_cstr(&w, "file", k->about.file);
        json_put_cstr(&w, "codec", k->about.codec);
        json_put_cstr(&w, "language", k->about.language);
        json_put_cstr(&w, "label", k->about.label);
        json_put_number(&w, "flags", k->flags);
        json_put_number(&w, "stream", k->stream);
        json_put_number(&w, "end_ms", k->end_ms);
        json_put_number(&w, "width", k->about.width);
        json_put_number(&w, "height", k->about.height);
        json_put_cstr(&w, "why", k->about.why ? k->about.why : "");
        json_put_bool(&w, "is_done", k->is_done);
        json_end(&w);
    }
    json_end(&w);
    json_end(&w);
    buf_cstr(&out, "\n");
    struct err e = buf_error(&out);
    if (!e.kind) e = fs_write_file_atomic(dir_fd, FILE_NAME, buf_slice(&out), 0644);
    buf_free(&out);
    return e;
}

static bool get_number(const json_t *o, const char *name, int64_t max, int64_t *out) {
    return json_get_integer(o, name, out) && *out >= 0 && *out <= max;
}
static bool get_text(const json_t *o, const char *name, char *out, size_t size) {
    struct slice s = json_get_string(o, name);
    if (!s.ptr || s.len >= size) return false;
    memcpy(out, s.ptr, s.len);
    out[s.len] = 0;
    return true;
}

static bool read_track(const json_t *o, struct state_track *k) {
    int64_t kind, fate, flags, stream, width, height;
    char why[64];
    if (!get_number(o, "kind", INGEST_OTHER, &kind) || !get_number(o, "fate", INGEST_LEFT_OUT, &fate) || !get_number(o, "flags", 127, &flags) ||
        !get_number(o, "stream", 100000, &stream) || !get_number(o, "end_ms", INT64_C(1) << 50, &k->end_ms) || !get_number(o, "width", 65535, &width) || !get_number(o, "height", 65535, &height) ||
        !get_text(o, "file", k->about.file, sizeof k->about.file) || !get_text(o, "codec", k->about.codec, sizeof k->about.codec) ||
        !get_text(o, "language", k->about.language, sizeof k->about.language) || !get_text(o, "label", k->about.label, sizeof k->about.label) ||
        !get_text(o, "why", why, sizeof why) || !json_get_bool(o, "is_done", &k->is_done))
        return false;
    k->about.kind = (enum ingest_kind)kind;
    k->about.fate = (enum ingest_fate)fate;
    k->flags = (uint32_t)flags;
    k->stream = (uint32_t)stream;
    k->about.width = (int)width;
    k->about.height = (int)height;
    k->about.why = state_reason(why);
    k->about.is_default = flags & CMAF_DEFAULT;
    k->about.is_forced = flags & CMAF_FORCED;
    return true;
}

static bool read_state(const json_t *o, struct state *s) {
    int64_t version, duration, colour, bytes;
    char hash[20];
    if (!get_number(o, "version", VERSION, &version) || version != VERSION || !slice_to_i64(json_get_string(o, "source_bytes"), &bytes) || bytes < 0 ||
        !get_text(o, "source_hash", hash, sizeof hash) || sscanf(hash, "%16lx", &s->source_hash) != 1 || !json_get_bool(o, "has_plan", &s->has_plan) ||
        !json_get_bool(o, "is_finished", &s->is_finished) || !json_get_bool(o, "has_pictures", &s->has_pictures) ||
        !json_get_bool(o, "has_poster", &s->has_poster) || !get_number(o, "duration_ms", INT64_C(1) << 50, &duration) ||
        !get_number(o, "colour", 0xffffff, &colour))
        return false;
    s->source_bytes = (uint64_t)bytes;
    s->duration_ms = duration;
    s->colour = (uint32_t)colour;
    const json_t *numbers = json_object_get(o, "thumbnails"), *tracks = json_object_get(o, "tracks");
    if (json_array_size(numbers) != 7 || !json_is_array(tracks) || json_array_size(tracks) > INGEST_TRACKS_MAX) return false;
    int64_t n[7];
    for (size_t i = 0; i < 7; i++) {
        const json_t *v = json_array_get(numbers, i);
        n[i] = json_is_integer(v) ? json_integer_value(v) : -1;
        if (n[i] < 0 || (i < 6 && n[i] > UINT32_MAX)) return false;
    }
    s->thumbnails = (struct cmaf_thumbnails){(uint32_t)n[0], (uint32_t)n[1], (uint32_t)n[2], (uint32_t)n[3], (uint32_t)n[4], (uint32_t)n[5], (uint64_t)n[6]};
    s->track_count = json_array_size(tracks);
    for (size_t i = 0; i < s->track_count; i++)
        if (!read_track(json_array_get(tracks, i), &s->tracks[i])) return false;
    return true;
}

struct err state_read(int dir_fd, struct state *out) {
    struct buf in = BUF(FILE_BYTES_MAX);
    json_t *root = NULL;
    struct err e = fs_read_file(dir_fd, FILE_NAME, &in);
    if (!e.kind) e = json_parse(buf_slice(&in), FILE_BYTES_MAX, &root);
    buf_free(&in);
    if (e.kind) {
        if (e.kind == ERR_INPUT) e.code = "ingest.json";
        return e;
    }
    static const struct state NONE;
    *out = NONE;
    bool is_sound = read_state(root, out);
    json_decref(root);
    return is_sound ? ERR_OK : err_make(ERR_INPUT, "ingest.json", "The record of an import is damaged. Import the file again.");
}
