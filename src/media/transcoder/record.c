/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/transcoder/record.h"

#include <math.h>
#include <string.h>

#define DTS_MAX (INT64_C(1) << 62)
enum { SIDE_MAX = 8192, SAMPLE_RATE_MAX = 192000, CHANNELS_MAX = 16 };

struct wire_track wire_of(const struct cmaf_track *t) {
    if (!t) return (struct wire_track){0};
    return (struct wire_track){
        .kind = t->kind, .codec = t->codec, .timescale = t->timescale, .config_bytes = (uint32_t)t->config.len,
        .width = t->width, .height = t->height, .aspect_x = t->aspect_x, .aspect_y = t->aspect_y, .rotation = t->rotation,
        .rate_num = t->rate_num, .rate_den = t->rate_den, .sample_rate = t->sample_rate, .channels = t->channels,
        .has_colour = t->colour.has_any, .is_full_range = t->colour.is_full_range, .primaries = t->colour.primaries,
        .transfer = t->colour.transfer, .matrix = t->colour.matrix,
    };
}

bool wire_track_read(const struct wire_track *w, struct slice config, struct cmaf_track *out) {
    if (w->config_bytes != config.len || config.len > CMAF_CONFIG_BYTES_MAX) return false;
    if ((w->kind != CMAF_VIDEO && w->kind != CMAF_AUDIO) || w->codec <= CMAF_CODEC_NONE || w->codec >= CMAF_CODECS) return false;
    if (w->width > SIDE_MAX || w->height > SIDE_MAX || w->rotation > 270 || w->rotation % 90 || w->sample_rate > SAMPLE_RATE_MAX ||
        w->channels > CHANNELS_MAX || w->primaries > 255 || w->transfer > 255 || w->matrix > 255)
        return false;
    struct cmaf_track t = {
        .kind = (enum cmaf_kind)w->kind, .codec = (enum cmaf_codec)w->codec, .timescale = w->timescale, .config = config,
        .width = (uint16_t)w->width, .height = (uint16_t)w->height, .aspect_x = w->aspect_x, .aspect_y = w->aspect_y,
        .rotation = (uint16_t)w->rotation, .rate_num = w->rate_num, .rate_den = w->rate_den,
        .sample_rate = w->sample_rate, .channels = (uint16_t)w->channels,
        .colour = {.has_any = w->has_colour != 0, .is_full_range = w->is_full_range != 0, .primaries = (uint16_t)w->primaries,
                   .transfer = (uint16_t)w->transfer, .matrix = (uint16_t)w->matrix},
    };
    if (cmaf_track_complete(&t).kind) return false;
    *out = t;
    return true;
}

/* Takes the first `len` bytes of the body. */
static bool take(struct slice *body, void *out, size_t len) {
    if (body->len < len) return false;
    memcpy(out, body->ptr, len);
    *body = slice_sub(*body, len, body->len);
    return true;
}

static bool read_track(struct slice body, struct said *out) {
    struct said_rendition r;
    if (!take(&body, &r, sizeof r) || !wire_track_read(&r.track, body, &out->track)) return false;
    out->rendition = r.rendition;
    return true;
}

static bool read_sample(struct slice body, int64_t *last_dts, struct said *out) {
    struct wire_sample w;
    if (!take(&body, &w, sizeof w) || !body.len || w.dts < *last_dts || w.dts < -DTS_MAX || w.dts > DTS_MAX || w.pts < w.dts - INT32_MAX ||
        w.pts > w.dts + INT32_MAX)
        return false;
    *last_dts = w.dts;
    out->rendition = w.track;
    out->sample = (struct cmaf_sample){.dts = w.dts, .pts = w.pts, .duration = w.duration, .bytes = (uint32_t)body.len, .is_sync = w.is_sync != 0, .data = body.ptr};
    return true;
}

static bool read_still(struct slice body, struct said *out) {
    struct said_still s;
    if (!take(&body, &s, sizeof s) || !s.width || s.width > STILL_SIDE_MAX || !s.height || s.height > STILL_SIDE_MAX || !s.timescale ||
        body.len > STILL_BYTES_MAX || !slice_starts_with(body, SLICE("\xff\xd8\xff")))
        return false;
    out->still = (struct transcoder_still){.jpeg = body, .pts = s.pts, .timescale = s.timescale, .width = (uint16_t)s.width,
                                           .height = (uint16_t)s.height, .is_preview = s.is_preview != 0};
    return true;
}

bool said_check(struct said_state *state, const struct child_message *message, struct said *out) {
    struct slice body = message->body;
    struct wire_sample about;
    *out = (struct said){.type = (enum said_type)message->type};
    switch (message->type) {
    case SAID_RENDITION:
        if (!read_track(body, out) || out->rendition >= state->renditions || out->track.codec != CMAF_H264) return false;
        state->has_begun[out->rendition] = true;
        state->last_dts[out->rendition] = INT64_MIN;
        return true;
    case SAID_RENDITION_SAMPLE:
        if (body.len < sizeof about) return false;
        memcpy(&about, body.ptr, sizeof about);
        return about.track < state->renditions && state->has_begun[about.track] && read_sample(body, &state->last_dts[about.track], out);
    case SAID_SOUND:
        if (!state->may_make_sound || !read_track(body, out) || out->track.codec != CMAF_AAC) return false;
        state->has_sound = true;
        state->last_dts[TRANSCODER_RENDITIONS_MAX] = INT64_MIN;
        return true;
    case SAID_SOUND_SAMPLE: return state->has_sound && read_sample(body, &state->last_dts[TRANSCODER_RENDITIONS_MAX], out);
    case SAID_LEVEL:
        return take(&body, &out->level, sizeof out->level) && !body.len && out->level.rms_dbfs >= -100 && out->level.rms_dbfs <= 60 &&
               out->level.peak_dbfs >= -100 && out->level.peak_dbfs <= 60;
    case SAID_ALARM: return take(&body, &out->alarm, sizeof out->alarm) && !body.len && out->alarm.alarm < TRANSCODER_ALARMS;
    case SAID_STILL: return read_still(body, out);
    default: return false;
    }
}
