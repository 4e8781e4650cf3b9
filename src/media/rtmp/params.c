/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/rtmp/params.h"

#include <math.h>

#include "base/bytes.h"
#include "media/rtmp/sound.h"

bool params_of_config(struct cmaf_track *t, struct slice body, struct buf *out) {
    if (!body.len || body.len > CMAF_CONFIG_BYTES_MAX) return false;
    bool is_good = false;
    switch (t->codec) {
    case CMAF_H264: is_good = cmaf_picture_of_avcc(t, body); break;
    case CMAF_HEVC: is_good = cmaf_picture_of_hvcc(t, body); break;
    case CMAF_AV1: /* AV1 in ISOBMFF section 2.3: the sequence header is usual, not required */
        is_good = body.len == 4 || (body.len > 4 && cmaf_picture_of_av1(t, slice_sub(body, 4, body.len)));
        break;
    case CMAF_VP9: /* with or without version and flags, as the publisher understands it */
        if (body.len >= 8 && (body.len < 12 || memcmp(body.ptr, "\1\0\0\0", 4))) buf_u32be(out, 0x01000000);
        is_good = body.len >= 8;
        break;
    case CMAF_AAC: is_good = body.len >= 2; break;
    case CMAF_OPUS: return sound_of_opus(t, body, out);
    case CMAF_FLAC: return sound_of_flac(t, body, out);
    default: return true; /* nothing is expected, nothing is needed */
    }
    if (is_good) buf_append(out, body);
    return is_good;
}

bool params_of_frame(struct cmaf_track *t, struct slice frame, struct buf *out) {
    switch (t->codec) {
    case CMAF_VP9: return cmaf_picture_of_vp9(t, frame);
    case CMAF_AV1: return cmaf_picture_of_av1(t, frame);
    case CMAF_AC3:
    case CMAF_EAC3: return sound_of_ac3(t, frame, out);
    case CMAF_MP3: return sound_of_mp3(t, frame);
    default: return false;
    }
}

enum params_verdict params_of_sample(const struct cmaf_track *t, struct slice sample) {
    if (t->codec != CMAF_H264 && t->codec != CMAF_HEVC) return sample.len ? PARAMS_FINE : PARAMS_BROKEN;
    bool is_hevc = t->codec == CMAF_HEVC, is_sync = false;
    size_t at = is_hevc ? 21 : 4;
    if (t->config.len <= at) return PARAMS_BROKEN;
    unsigned length_bytes = (t->config.ptr[at] & 3) + 1u;
    struct byte_reader r = byte_reader_of(sample);
    while (bytes_left(&r)) {
        struct slice nal = bytes_take(&r, (size_t)bytes_be(&r, length_bytes));
        if (r.has_failed) return PARAMS_BROKEN;
        if (!nal.len) continue; /* padding of some encoders; decoders skip it */
        unsigned type = is_hevc ? (uint8_t)nal.ptr[0] >> 1 & 63 : nal.ptr[0] & 31;
        is_sync |= is_hevc ? type >= 16 && type <= 21 : type == 5;
    }
    return !sample.len ? PARAMS_BROKEN : is_sync ? PARAMS_SYNC : PARAMS_FINE;
}

bool params_to_flv(const struct cmaf_track *t, struct buf *out) {
    const uint8_t *c = (const uint8_t *)t->config.ptr;
    switch (t->codec) {
    case CMAF_OPUS:
        if (t->config.len < 11) return false;
        buf_cstr(out, "OpusHead");
        buf_u8(out, 1);
        buf_u8(out, c[1]);
        for (unsigned i = 0; i < 2; i++) buf_u8(out, c[3 - i]);
        for (unsigned i = 0; i < 4; i++) buf_u8(out, c[7 - i]);
        for (unsigned i = 0; i < 2; i++) buf_u8(out, c[9 - i]);
        buf_append(out, slice_sub(t->config, 10, t->config.len));
        return true;
    case CMAF_FLAC:
        if (t->config.len < 42) return false;
        buf_cstr(out, "fLaC");
        buf_append(out, slice_sub(t->config, 4, t->config.len));
        return true;
    case CMAF_MP3:
    case CMAF_AC3:
    case CMAF_EAC3: return true;
    default: buf_append(out, t->config); return t->config.len > 0;
    }
}

bool params_rate(double fps, uint32_t *num, uint32_t *den) {
    if (!(fps >= 0.1 && fps <= 1000)) return false;
    double whole = round(fps), ntsc = round(fps * 1.001);
    if (fabs(fps - whole) < 0.0005) {
        *num = (uint32_t)whole;
        *den = 1;
    } else if (fabs(fps - ntsc / 1.001) < 0.01) {
        *num = (uint32_t)ntsc * 1000;
        *den = 1001;
    } else {
        *num = (uint32_t)round(fps * 1000);
        *den = 1000;
    }
    return true;
}
