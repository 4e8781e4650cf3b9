/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A folder of tracks. What the track files cannot say about themselves (text tracks, thumbnails) stands in presentation.json:
 *
 *   {"texts": [{"name": "t0", "language": "de", "label": "Deutsch", "roles": ["default"]}],
 *    "thumbnails": {"width": 240, "height": 135, "columns": 10, "rows": 10, "interval_ms": 10000, "count": 60, "bytes": 123456}} */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/utf8.h"
#include "media/cmaf/cmaf.h"
#include "media/cmaf/language.h"

enum { EXTRAS_BYTES_MAX = 256 << 10 };
static const char extras_name[] = "presentation.json";

static const struct {
    const char *name;
    uint32_t flag;
} roles[] = {
    {"default", CMAF_DEFAULT}, {"forced", CMAF_FORCED}, {"hearing_impaired", CMAF_HEARING_IMPAIRED}, {"visual_impaired", CMAF_VISUAL_IMPAIRED},
    {"original", CMAF_ORIGINAL}, {"dub", CMAF_DUB}, {"commentary", CMAF_COMMENTARY},
};

static struct err bad_extras(void) {
    return err_make(ERR_INPUT, "presentation.extras", "The description of captions and thumbnails (presentation.json) is damaged or has values that cannot be.");
}

/* The same rules for what we write and for what we read. */
static bool is_text_sound(const struct cmaf_text *t) {
    char language[CMAF_LANGUAGE_MAX];
    size_t label_len = strnlen(t->label, sizeof t->label), language_len = strnlen(t->language, sizeof t->language), name_len = strnlen(t->name, sizeof t->name);
    uint64_t number;
    return name_len > 1 && name_len < 4 && t->name[0] == 't' && slice_to_u64(slice_of(t->name + 1, name_len - 1), &number) &&
           (name_len == 2 || t->name[1] != '0') && label_len < sizeof t->label && language_len < sizeof t->language &&
           language_normalise(slice_of(t->language, language_len), language) &&
           (!label_len || utf8_is_display_text(slice_of(t->label, label_len), CMAF_LABEL_MAX));
}

static bool is_thumbnails_sound(const struct cmaf_thumbnails *t) {
    if (!t->width) return true;
    return t->width <= 4096 && t->height && t->height <= 4096 && t->columns && t->columns <= 256 && t->rows && t->rows <= 256 &&
           t->interval_ms && t->count && t->count <= 1 << 20 && t->bytes < (uint64_t)1 << 48;
}

struct err cmaf_extras_write(int dir_fd, const struct cmaf_extras *x) {
    if (x->text_count > CMAF_TEXTS_MAX || !is_thumbnails_sound(&x->thumbnails)) return bad_extras();
    for (size_t i = 0; i < x->text_count; i++)
        if (!is_text_sound(&x->texts[i])) return bad_extras();
    struct buf out = BUF(EXTRAS_BYTES_MAX);
    struct json_writer w = json_writer_of(&out);
    json_begin_object(&w);
    json_key(&w, "texts");
    json_begin_array(&w);
    for (size_t i = 0; i < x->text_count; i++) {
        const struct cmaf_text *t = &x->texts[i];
        json_begin_object(&w);
        json_key(&w, "name");
        json_add_cstr(&w, t->name);
        json_key(&w, "language");
        json_add_cstr(&w, t->language);
        json_key(&w, "label");
        json_add_cstr(&w, t->label);
        json_key(&w, "roles");
        json_begin_array(&w);
        for (size_t k = 0; k < ARRAY_LEN(roles); k++)
            if (t->flags & roles[k].flag) json_add_cstr(&w, roles[k].name);
        json_end(&w);
        json_end(&w);
    }
    json_end(&w);
    if (x->thumbnails.width) {
        json_key(&w, "thumbnails");
        json_begin_object(&w);
        json_key(&w, "width"), json_add_number(&w, x->thumbnails.width);
        json_key(&w, "height"), json_add_number(&w, x->thumbnails.height);
        json_key(&w, "columns"), json_add_number(&w, x->thumbnails.columns);
        json_key(&w, "rows"), json_add_number(&w, x->thumbnails.rows);
        json_key(&w, "interval_ms"), json_add_number(&w, x->thumbnails.interval_ms);
        json_key(&w, "count"), json_add_number(&w, x->thumbnails.count);
        json_key(&w, "bytes"), json_add_number(&w, (int64_t)x->thumbnails.bytes);
        json_end(&w);
    }
    json_end(&w);
    buf_cstr(&out, "\n");
    struct err e = buf_error(&out);
    if (!e.kind) e = fs_write_file_atomic(dir_fd, extras_name, buf_slice(&out), 0644);
    buf_free(&out);
    return e;
}

static bool copy_text(const json_t *object, const char *name, char *out, size_t room) {
    struct slice s = json_get_string(object, name);
    if (s.len >= room || slice_find_byte(s, 0) != SLICE_NPOS) return false;
    if (s.len) memcpy(out, s.ptr, s.len);
    return true;
}

static bool get_u32(const json_t *object, const char *name, uint32_t *out) {
    int64_t value;
    if (!json_get_integer(object, name, &value) || value < 0 || value > UINT32_MAX) return false;
    *out = (uint32_t)value;
    return true;
}

static bool parse_text(const json_t *from, struct cmaf_text *t) {
    if (!copy_text(from, "name", t->name, sizeof t->name) || !copy_text(from, "language", t->language, sizeof t->language) ||
        !copy_text(from, "label", t->label, sizeof t->label))
        return false;
    const json_t *list = json_object_get(from, "roles");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *role = json_string_value(json_array_get(list, i));
        for (size_t k = 0; role && k < ARRAY_LEN(roles); k++)
            if (!strcmp(role, roles[k].name)) t->flags |= roles[k].flag;
    }
    if (!is_text_sound(t)) return false;
    return language_normalise(slice_cstr(t->language), t->language);
}

static bool parse_extras(const json_t *root, struct cmaf_extras *x) {
    const json_t *texts = json_object_get(root, "texts"), *thumbnails = json_object_get(root, "thumbnails");
    if (json_array_size(texts) > CMAF_TEXTS_MAX) return false;
    for (size_t i = 0; i < json_array_size(texts); i++) {
        if (!parse_text(json_array_get(texts, i), &x->texts[i])) return false;
        for (size_t k = 0; k < i; k++)
            if (!strcmp(x->texts[k].name, x->texts[i].name)) return false;
        x->text_count++;
    }
    if (!thumbnails) return true;
    struct cmaf_thumbnails *t = &x->thumbnails;
    int64_t bytes;
    if (!get_u32(thumbnails, "width", &t->width) || !get_u32(thumbnails, "height", &t->height) || !get_u32(thumbnails, "columns", &t->columns) ||
        !get_u32(thumbnails, "rows", &t->rows) || !get_u32(thumbnails, "interval_ms", &t->interval_ms) || !get_u32(thumbnails, "count", &t->count) ||
        !json_get_integer(thumbnails, "bytes", &bytes) || bytes < 0)
        return false;
    t->bytes = (uint64_t)bytes;
    return is_thumbnails_sound(t);
}

struct err cmaf_extras_read(int dir_fd, struct cmaf_extras *out) {
    struct buf text = BUF(EXTRAS_BYTES_MAX);
    struct err e = fs_read_file(dir_fd, extras_name, &text);
    if (e.kind == ERR_NOT_FOUND) {
        *out = (struct cmaf_extras){0};
        return ERR_OK;
    }
    json_t *root = NULL;
    if (!e.kind) e = json_parse(buf_slice(&text), EXTRAS_BYTES_MAX, &root);
    buf_free(&text);
    if (e.kind) return e.kind == ERR_INPUT ? bad_extras() : e;
    static const struct cmaf_extras nothing;
    struct cmaf_extras found = nothing;
    if (!parse_extras(root, &found)) e = bad_extras();
    json_decref(root);
    if (!e.kind) *out = found;
    return e;
}

/* ---- loading ---- */

static struct err load_tracks(int dir_fd, char letter, enum cmaf_kind kind, struct arena *arena, struct cmaf_rendition *out, size_t *count) {
    *count = 0;
    for (unsigned number = 0; number < CMAF_TRACKS_MAX; number++) {
        char path[16];
        (void)snprintf(path, sizeof path, "%c%u.idx", letter, number);
        if (!fs_exists(dir_fd, path)) continue; /* numbers may have gaps */
        struct cmaf_rendition *r = &out[*count];
        struct err e = cmaf_index_read(dir_fd, path, arena, &r->index);
        if (e.kind) return e;
        if (r->index.track.kind != kind) return err_make(ERR_INPUT, "index.damaged", "A track file has a name that does not fit what is in it.");
        (void)snprintf(r->name, sizeof r->name, "%c%u", letter, number);
        cmaf_index_bitrates(&r->index, &r->peak_bps, &r->average_bps);
        ++*count;
    }
    return ERR_OK;
}

static int by_size(const void *left, const void *right) {
    const struct cmaf_rendition *a = left, *b = right;
    if (a->index.track.height != b->index.track.height) return a->index.track.height < b->index.track.height ? 1 : -1;
    if (a->peak_bps != b->peak_bps) return a->peak_bps < b->peak_bps ? 1 : -1;
    return strcmp(a->name, b->name);
}

static const struct cmaf_rendition *keep_tracks(struct arena *arena, const struct cmaf_rendition *found, size_t count) {
    struct cmaf_rendition *kept = arena_alloc_array(arena, count ? count : 1, sizeof *kept);
    if (kept && count) memcpy(kept, found, count * sizeof *kept);
    return kept;
}

static int64_t end_ms(const struct cmaf_rendition *list, size_t count) {
    int64_t latest = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t ms = (cmaf_index_end_ns(&list[i].index) + 999999) / 1000000;
        if (ms > latest) latest = ms;
    }
    return latest;
}

struct err cmaf_presentation_load(int dir_fd, struct arena *arena, struct cmaf_presentation *out) {
    static const struct cmaf_extras nothing;
    struct cmaf_extras extras = nothing;
    struct cmaf_rendition found[CMAF_TRACKS_MAX];
    struct cmaf_presentation p = {0};
    memset(found, 0, sizeof found);
    struct err e = load_tracks(dir_fd, 'v', CMAF_VIDEO, arena, found, &p.video_count);
    if (e.kind) return e;
    if (p.video_count) qsort(found, p.video_count, sizeof *found, by_size);
    p.videos = keep_tracks(arena, found, p.video_count);
    memset(found, 0, sizeof found);
    e = load_tracks(dir_fd, 'a', CMAF_AUDIO, arena, found, &p.audio_count);
    if (e.kind) return e;
    p.audios = keep_tracks(arena, found, p.audio_count);
    e = cmaf_extras_read(dir_fd, &extras);
    if (e.kind) return e;
    struct cmaf_text *texts = arena_alloc_array(arena, extras.text_count + 1, sizeof *texts);
    if (!p.videos || !p.audios || !texts) return err_memory();
    if (!p.video_count && !p.audio_count) return err_make(ERR_NOT_FOUND, "presentation.empty", "There is no finished track in this folder.");
    for (size_t i = 0; i < extras.text_count; i++) {
        char path[16];
        (void)snprintf(path, sizeof path, "%.7s.vtt", extras.texts[i].name);
        int fd = -1;
        e = fs_open(dir_fd, path, O_RDONLY | O_NOFOLLOW, 0, &fd);
        if (e.kind == ERR_NOT_FOUND) continue; /* announced, not written (yet) */
        texts[p.text_count] = extras.texts[i];
        if (!e.kind) e = fs_size(fd, &texts[p.text_count].bytes);
        fs_close(&fd);
        if (e.kind) return e;
        p.text_count++;
    }
    p.texts = texts;
    p.thumbnails = extras.thumbnails;
    int64_t video_ms = end_ms(p.videos, p.video_count), audio_ms = end_ms(p.audios, p.audio_count);
    p.duration_ms = video_ms > audio_ms ? video_ms : audio_ms;
    *out = p;
    return ERR_OK;
}
