/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/manifest/manifest.h"

#include <stdio.h>

#include "base/fs.h"
#include "media/manifest/views.h"

enum { VIEW_BYTES_MAX = 256 << 20 };

bool view_has_iframes(const struct cmaf_rendition *r) {
    for (size_t i = 0; i < r->index.segment_count; i++)
        if (r->index.segments[i].key_bytes) return true;
    return false;
}

bool view_is_independent(const struct cmaf_index *index) {
    for (size_t i = 0; i < index->segment_count; i++)
        if (!(index->segments[i].flags & (CMAF_SEGMENT_SYNC | CMAF_SEGMENT_PART))) return false;
    return true;
}

int64_t view_start_us(const struct cmaf_index *index, size_t i) {
    const struct cmaf_segment *s = &index->segments[i < index->segment_count ? i : index->segment_count - 1];
    int64_t ticks = i < index->segment_count ? s->start : s->start + s->duration;
    if (ticks <= 0) return 0;
    return (int64_t)(((__int128)ticks * 1000000 + index->track.timescale / 2) / index->track.timescale);
}

void view_name(const char *label, const char *language, const char *fallback, size_t number, char out[CMAF_LABEL_MAX + 8]) {
    if (label[0]) (void)snprintf(out, CMAF_LABEL_MAX + 8, "%s", label);
    else if (language[0]) (void)snprintf(out, CMAF_LABEL_MAX + 8, "%s", language);
    else (void)snprintf(out, CMAF_LABEL_MAX + 8, "%s %zu", fallback, number + 1);
}

/* "v0" and suffix, compared with the name asked for. */
static bool is_view(struct slice asked, const char *name, const char *suffix) {
    size_t len = strlen(name);
    return slice_starts_with(asked, slice_of(name, len)) && slice_eq(slice_sub(asked, len, asked.len), slice_cstr(suffix));
}

struct err manifest_make(const struct cmaf_presentation *p, struct slice file_name, struct buf *out) {
    if (slice_eq(file_name, SLICE("master.m3u8"))) {
        hls_master(p, out);
        return buf_error(out);
    }
    if (slice_eq(file_name, SLICE("manifest.mpd"))) {
        dash_mpd(p, out);
        return buf_error(out);
    }
    for (size_t i = 0; i < p->video_count + p->audio_count; i++) {
        const struct cmaf_rendition *r = i < p->video_count ? &p->videos[i] : &p->audios[i - p->video_count];
        if (is_view(file_name, r->name, ".m3u8")) hls_media(r, out);
        else if (is_view(file_name, r->name, "-iframes.m3u8") && view_has_iframes(r)) hls_iframes(r, out);
        else continue;
        return buf_error(out);
    }
    for (size_t i = 0; i < p->text_count; i++) {
        if (!is_view(file_name, p->texts[i].name, ".m3u8")) continue;
        hls_text(p, &p->texts[i], out);
        return buf_error(out);
    }
    return err_make(ERR_NOT_FOUND, "manifest.name", "This title has no such playlist.");
}

struct err manifest_each(const struct cmaf_presentation *p, struct err (*view)(void *user, const char *file_name), void *user) {
    struct err e = view(user, "master.m3u8");
    if (!e.kind) e = view(user, "manifest.mpd");
    char name[CMAF_FILE_NAME_MAX];
    for (size_t i = 0; i < p->video_count + p->audio_count && !e.kind; i++) {
        const struct cmaf_rendition *r = i < p->video_count ? &p->videos[i] : &p->audios[i - p->video_count];
        (void)snprintf(name, sizeof name, "%s.m3u8", r->name);
        e = view(user, name);
        if (e.kind || !view_has_iframes(r)) continue;
        (void)snprintf(name, sizeof name, "%s-iframes.m3u8", r->name);
        e = view(user, name);
    }
    for (size_t i = 0; i < p->text_count && !e.kind; i++) {
        (void)snprintf(name, sizeof name, "%s.m3u8", p->texts[i].name);
        e = view(user, name);
    }
    return e;
}

struct write_all {
    const struct cmaf_presentation *presentation;
    int dir_fd;
    bool is_top; /* the views that refer to others come last, so that what they refer to is there */
    struct buf text;
};

static struct err write_view(void *user, const char *file_name) {
    struct write_all *w = user;
    bool is_top = !strcmp(file_name, "master.m3u8") || !strcmp(file_name, "manifest.mpd");
    if (is_top != w->is_top) return ERR_OK;
    buf_clear(&w->text);
    struct err e = manifest_make(w->presentation, slice_cstr(file_name), &w->text);
    return e.kind ? e : fs_write_file_atomic(w->dir_fd, file_name, buf_slice(&w->text), 0644);
}

struct err manifest_write_all(const struct cmaf_presentation *p, int dir_fd) {
    struct write_all w = {.presentation = p, .dir_fd = dir_fd, .text = BUF(VIEW_BYTES_MAX)};
    struct err e = manifest_each(p, write_view, &w);
    w.is_top = true;
    if (!e.kind) e = manifest_each(p, write_view, &w);
    buf_free(&w.text);
    return e;
}
