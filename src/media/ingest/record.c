/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/ingest/record.h"

#include <string.h>

#include "base/utf8.h"
#include "media/codec/codec_stranger.h"

struct conversation conversation_of(const struct job *job, uint32_t tracks) {
    struct conversation c = {.task = job->task, .job_track = job->track, .tracks = tracks};
    if (job->task == TASK_TRANSCODE || job->task == TASK_RENDITION) c.may_open = UINT64_C(1) << job->track;
    return c;
}

/* A field of text: terminated, zero behind the end, nothing that a terminal or a page would choke on. */
static bool is_text(const char *field, size_t size, bool may_be_empty, bool is_ascii) {
    size_t len = strnlen(field, size);
    if (len == size || (!len && !may_be_empty)) return false;
    for (size_t i = len; i < size; i++)
        if (field[i]) return false;
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)field[i] < 0x20 || field[i] == 0x7f || (is_ascii && (uint8_t)field[i] > 0x7e)) return false;
    return !len || utf8_is_display_text(slice_of(field, len), size) || is_ascii;
}

static bool check_track(struct conversation *c, const struct record *r) {
    if (c->task != TASK_COPY || c->has_media || r->track != c->tracks || c->tracks == INGEST_TRACKS_MAX) return false;
    if (r->track_found.kind > INGEST_OTHER || r->track_found.fate > INGEST_LEFT_OUT || r->track_found.flags > 127) return false;
    if (r->track_found.width > 65535 || r->track_found.height > 65535 || r->track_found.stream > 100000) return false;
    if (!is_text(r->track_found.codec, sizeof r->track_found.codec, false, true) ||
        !is_text(r->track_found.language, sizeof r->track_found.language, true, true) ||
        !is_text(r->track_found.label, sizeof r->track_found.label, true, false) ||
        !is_text(r->track_found.why, sizeof r->track_found.why, true, true))
        return false;
    switch (r->track_found.fate) {
    case INGEST_PASSED:
    case INGEST_TRANSCODED:
        if (r->track_found.kind != INGEST_VIDEO && r->track_found.kind != INGEST_AUDIO) return false;
        break;
    case INGEST_CONVERTED:
        if (r->track_found.kind != INGEST_TEXT) return false;
        break;
    default:
        if (!r->track_found.why[0]) return false; /* what is left out has a reason */
        break;
    }
    if (r->track_found.fate == INGEST_PASSED || r->track_found.fate == INGEST_CONVERTED) c->may_open |= UINT64_C(1) << r->track;
    c->tracks++;
    return true;
}

static bool check_open(struct conversation *c, const struct record *r) {
    switch (r->open.output) {
    case OUTPUT_TRACK: {
        if (r->track >= c->tracks || r->open.number) return false;
        uint64_t bit = UINT64_C(1) << r->track;
        if (!(c->may_open & bit) || (c->opened & bit) || (c->task == TASK_COPY && !c->has_media)) return false;
        c->opened |= bit;
        return true;
    }
    case OUTPUT_POSTER:
        if (c->task != TASK_PICTURES || c->has_opened_poster || r->open.number) return false;
        return c->has_opened_poster = true;
    case OUTPUT_TILES:
        if (c->task != TASK_PICTURES || c->has_opened_tiles || r->open.number) return false;
        return c->has_opened_tiles = true;
    case OUTPUT_SHEET:
        if (c->task != TASK_PICTURES || r->open.number != c->sheets_opened || c->sheets_opened == SHEETS_MAX) return false;
        c->sheets_opened++;
        return true;
    default: return false;
    }
}

static bool check_pictures(struct conversation *c, const struct record *r) {
    const struct cmaf_thumbnails *t = &r->pictures.thumbnails;
    if (c->task != TASK_PICTURES || c->has_pictures || r->pictures.colour > 0xffffff) return false;
    if (r->pictures.sheets != c->sheets_opened || r->pictures.has_poster != c->has_opened_poster) return false;
    if (t->width) {
        bool fits = t->width <= 1024 && t->height >= 1 && t->height <= 4096 && t->columns >= 1 && t->columns <= 64 && t->rows >= 1 &&
                    t->rows <= 64 && t->interval_ms >= 1 && t->interval_ms <= 86400000 && t->count >= 1;
        if (!fits || !c->has_opened_tiles) return false;
        uint64_t room = (uint64_t)t->columns * t->rows * r->pictures.sheets;
        if (t->count > room || t->count + (uint64_t)t->columns * t->rows <= room) return false;
    } else if (r->pictures.sheets || t->count) {
        return false;
    }
    return c->has_pictures = true;
}

bool record_check(struct conversation *c, struct slice packet, struct record *out) {
    if (packet.len != sizeof(struct record) || c->has_ended) return false;
    struct record r;
    memcpy(&r, packet.ptr, sizeof r);
    uint64_t bit = r.track < INGEST_TRACKS_MAX ? UINT64_C(1) << r.track : 0;
    switch (r.type) {
    case RECORD_TRACK:
        if (!check_track(c, &r)) return false;
        break;
    case RECORD_MEDIA:
        if (c->task != TASK_COPY || c->has_media || !c->tracks) return false;
        if (r.media.duration_ms < 0 || r.media.duration_ms > INT64_C(1000) * 3600 * 1000) return false;
        c->has_media = true;
        break;
    case RECORD_OPEN:
        if (!check_open(c, &r)) return false;
        break;
    case RECORD_PROGRESS:
        if (r.progress.millionths > 1000000 || r.progress.millionths < c->millionths) return false;
        c->millionths = r.progress.millionths;
        break;
    case RECORD_REFUSED:
        if (c->task != TASK_COPY || !(c->may_open & bit) || (c->closed & bit)) return false;
        if (!is_text(r.refused.why, sizeof r.refused.why, false, true)) return false;
        c->closed |= bit;
        break;
    case RECORD_DONE:
        if (!(c->opened & bit) || (c->closed & bit)) return false;
        c->closed |= bit;
        break;
    case RECORD_PICTURES:
        if (r.pictures.has_poster > 1) return false;
        if (!check_pictures(c, &r)) return false;
        break;
    case RECORD_FINISHED:
        if (c->task == TASK_COPY && !c->has_media) return false;
        if (c->opened != c->closed && (c->opened & ~c->closed)) return false; /* something was begun and not ended */
        c->has_ended = true;
        break;
    case RECORD_ERROR:
        if (!is_text(r.error.code, sizeof r.error.code, false, true)) return false;
        c->has_ended = true;
        break;
    default: return false;
    }
    *out = r;
    return true;
}

struct err record_error(const struct record *r) {
    struct err e = codec_media_err(r->error.code);
    if (!e.kind) e = codec_media_err("media.child");
    e.sys = r->error.sys;
    return e;
}
