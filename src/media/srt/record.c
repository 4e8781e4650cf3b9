/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/srt/record.h"

#include <string.h>

/* ---- in the child ---- */

static struct record_track record_of(const struct cmaf_track *t) {
    struct record_track r = {.codec = t->codec, .timescale = t->timescale, .config_bytes = (uint32_t)t->config.len, .flags = t->flags,
                             .width = t->width, .height = t->height, .aspect_x = t->aspect_x, .aspect_y = t->aspect_y, .rate_num = t->rate_num,
                             .rate_den = t->rate_den, .sample_rate = t->sample_rate, .channels = t->channels,
                             .colour_primaries = t->colour.primaries, .colour_transfer = t->colour.transfer, .colour_matrix = t->colour.matrix,
                             .has_colour = t->colour.has_any, .is_full_range = t->colour.is_full_range,
                             .hdr_white_x = t->hdr.white_x, .hdr_white_y = t->hdr.white_y, .light_max = t->hdr.light_max, .light_average = t->hdr.light_average,
                             .luminance_max = t->hdr.luminance_max, .luminance_min = t->hdr.luminance_min,
                             .has_mastering = t->hdr.has_mastering, .has_light = t->hdr.has_light};
    memcpy(r.language, t->language, sizeof r.language - 1);
    memcpy(r.hdr_primary_x, t->hdr.primary_x, sizeof r.hdr_primary_x);
    memcpy(r.hdr_primary_y, t->hdr.primary_y, sizeof r.hdr_primary_y);
    return r;
}

bool record_put_tracks(struct child_writer *out, const struct cmaf_track *tracks, size_t count) {
    struct buf bytes = BUF(FEED_TRACKS_MAX * (sizeof(struct record_track) + CMAF_CONFIG_BYTES_MAX));
    for (size_t i = 0; i < count; i++) {
        struct record_track r = record_of(&tracks[i]);
        buf_bytes(&bytes, &r, sizeof r);
        buf_append(&bytes, tracks[i].config);
    }
    struct slice body = buf_slice(&bytes);
    bool is_put = !bytes.has_failed && child_writer_put(out, RECORD_TRACKS, &body, 1);
    buf_free(&bytes);
    return is_put;
}

/* ---- in the parent ---- */

static bool check_track(struct record_track r, struct slice config, char *kept, struct cmaf_track *out) {
    bool is_picture = r.codec == CMAF_H264 || r.codec == CMAF_HEVC, is_sound = r.codec == CMAF_AAC || r.codec == CMAF_OPUS;
    if ((!is_picture && !is_sound) || r.timescale < 1 || r.timescale > 1000000 || r.flags > 127) return false;
    if (r.width > UINT16_MAX || r.height > UINT16_MAX || r.channels > 64 || r.sample_rate > 768000 || r.aspect_x > 65535 || r.aspect_y > 65535) return false;
    if (r.has_colour > 1 || r.is_full_range > 1 || r.has_mastering > 1 || r.has_light > 1 || !memchr(r.language, 0, sizeof r.language)) return false;
    if (!r.rate_num != !r.rate_den) return false;
    if (config.len) memcpy(kept, config.ptr, config.len);
    struct cmaf_track t = {.kind = is_picture ? CMAF_VIDEO : CMAF_AUDIO, .codec = (enum cmaf_codec)r.codec, .timescale = r.timescale, .flags = r.flags,
                           .config = slice_of(kept, config.len), .aspect_x = r.aspect_x, .aspect_y = r.aspect_y, .rate_num = r.rate_num, .rate_den = r.rate_den,
                           .width = (uint16_t)r.width, .height = (uint16_t)r.height, .sample_rate = r.sample_rate, .channels = (uint16_t)r.channels,
                           .colour = {.has_any = r.has_colour, .is_full_range = r.is_full_range, .primaries = r.colour_primaries,
                                      .transfer = r.colour_transfer, .matrix = r.colour_matrix},
                           .hdr = {.has_mastering = r.has_mastering, .has_light = r.has_light, .white_x = r.hdr_white_x, .white_y = r.hdr_white_y,
                                   .luminance_max = r.luminance_max, .luminance_min = r.luminance_min, .light_max = r.light_max, .light_average = r.light_average}};
    memcpy(t.hdr.primary_x, r.hdr_primary_x, sizeof t.hdr.primary_x);
    memcpy(t.hdr.primary_y, r.hdr_primary_y, sizeof t.hdr.primary_y);
    memcpy(t.language, r.language, sizeof r.language);
    cmaf_language_normalise(t.language, sizeof t.language);
    if (cmaf_track_complete(&t).kind) return false;
    *out = t;
    return true;
}

/* The old tracks are gone once new ones begin to be read, also where those turn out to be wrong: the conversation is over then anyway. */
static bool check_tracks(struct record_talk *talk, struct slice body) {
    size_t count = 0;
    talk->count = 0;
    while (body.len) {
        struct record_track r;
        if (count == FEED_TRACKS_MAX || body.len < sizeof r) return false;
        memcpy(&r, body.ptr, sizeof r);
        body = slice_sub(body, sizeof r, body.len);
        if (r.config_bytes > CMAF_CONFIG_BYTES_MAX || r.config_bytes > body.len) return false;
        if (!check_track(r, slice_sub(body, 0, r.config_bytes), talk->configs[count], &talk->tracks[count])) return false;
        body = slice_sub(body, r.config_bytes, body.len);
        count++;
    }
    talk->count = count;
    return count > 0;
}

static bool check_sample(const struct record_talk *talk, struct slice body, struct record *out) {
    struct record_sample r;
    if (body.len <= sizeof r || body.len - sizeof r > FEED_SAMPLE_BYTES_MAX) return false;
    memcpy(&r, body.ptr, sizeof r);
    if (r.track >= talk->count || r.is_sync > 1) return false;
    const int64_t bound = INT64_C(1) << 60;
    int64_t timescale = talk->tracks[r.track].timescale, lag = RECORD_SAMPLE_LAG_S_MAX * timescale;
    if (r.dts < -bound || r.dts > bound || r.pts < r.dts - lag || r.pts > r.dts + lag || r.duration > lag) return false;
    out->sample = (struct feed_sample){.track = r.track, .dts = r.dts, .pts = r.pts, .duration = r.duration, .is_sync = r.is_sync,
                                       .data = slice_sub(body, sizeof r, body.len)};
    out->stamp = r.stamp;
    out->utc_us = r.utc_us;
    return true;
}

bool talk_check(struct record_talk *talk, const struct child_message *m, struct record *out) {
    if (talk->has_ended) return false;
    struct record r = {.type = (enum record_type)m->type};
    switch (m->type) {
    case RECORD_TRACKS:
        if (!check_tracks(talk, m->body)) return false;
        break;
    case RECORD_SAMPLE:
        if (!check_sample(talk, m->body, &r)) return false;
        break;
    case RECORD_CUE: {
        struct record_cue cue;
        if (m->body.len < sizeof cue + 11 || m->body.len > sizeof cue + TS_SECTION_BYTES_MAX + 2) return false;
        memcpy(&cue, m->body.ptr, sizeof cue);
        r.clock = cue.clock;
        r.section = slice_sub(m->body, sizeof cue, m->body.len);
        if (cue.clock < -(INT64_C(1) << 60) || cue.clock > INT64_C(1) << 60) return false;
        break;
    }
    case RECORD_COUNTS: {
        struct ts_counts counts;
        if (m->body.len != sizeof counts) return false;
        memcpy(&counts, m->body.ptr, sizeof counts);
        if (counts.lost < talk->counts.lost || counts.damaged < talk->counts.damaged || counts.packets < talk->counts.packets) return false;
        talk->counts = counts;
        break;
    }
    case RECORD_REFUSED:
        if (m->body.len != sizeof r.refused) return false;
        memcpy(&r.refused, m->body.ptr, sizeof r.refused);
        if (!memchr(r.refused.code, 0, sizeof r.refused.code) || r.refused.programme_count > TS_PROGRAMMES_MAX) return false;
        talk->has_ended = true;
        break;
    default: return false;
    }
    *out = r;
    return true;
}
