/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Track descriptions: checks, and what can be derived from codec configurations. */
#include <stdio.h>

#include "base/bytes.h"
#include "base/utf8.h"
#include "media/cmaf/cmaf.h"
#include "media/cmaf/language.h"

static struct err bad(const char *code, const char *what) { return err_make(ERR_INPUT, code, what); }
static struct err bad_config(void) {
    return bad("track.config", "The set-up data of a track is damaged or of a kind that is not known. Export the file again and import that.");
}

#define PUT(track, ...) (void)snprintf((track)->codec_string, sizeof (track)->codec_string, __VA_ARGS__)

/* RFC 6381 section 3.3: profile, constraints and level as they stand in the configuration. */
static struct err complete_h264(struct cmaf_track *t) {
    struct byte_reader r = byte_reader_of(t->config);
    uint8_t version = bytes_u8(&r), profile = bytes_u8(&r), constraints = bytes_u8(&r), level = bytes_u8(&r);
    uint8_t length_size = bytes_u8(&r) & 3;
    if (t->config.len < 6 || version != 1 || length_size == 2) return bad_config(); /* 6: avc3 has no sets here */
    PUT(t, "%s.%02x%02x%02x", t->has_inband_parameters ? "avc3" : "avc1", profile, constraints, level);
    return ERR_OK;
}

/* 14496-15 annex E.3: compatibility flags bit-reversed, constraint bytes without trailing zeros. */
static struct err complete_hevc(struct cmaf_track *t) {
    struct byte_reader r = byte_reader_of(t->config);
    uint8_t version = bytes_u8(&r), profile = bytes_u8(&r);
    uint32_t compatible = bytes_u32be(&r), reversed = 0;
    struct slice constraints = bytes_take(&r, 6);
    uint8_t level = bytes_u8(&r);
    /* Version 0 was written by early tools to the same layout. */
    if (t->config.len < 23 || version > 1 || constraints.len != 6) return bad_config();
    for (unsigned i = 0; i < 32; i++) reversed |= (compatible >> i & 1) << (31 - i);
    size_t bytes = 6;
    while (bytes && !constraints.ptr[bytes - 1]) bytes--;
    static const char *const space[] = {"", "A", "B", "C"};
    char tail[6 * 3 + 1] = "";
    for (size_t i = 0; i < bytes; i++) (void)snprintf(tail + strlen(tail), sizeof tail - strlen(tail), ".%X", (uint8_t)constraints.ptr[i]);
    PUT(t, "%s.%s%u.%X.%c%u%s", t->has_inband_parameters ? "hev1" : "hvc1", space[profile >> 6], profile & 31, reversed,
        profile & 32 ? 'H' : 'L', level, tail);
    return ERR_OK;
}

/* AV1 in ISOBMFF section 5: the short form, or the long one where colours are not the usual ones. */
static struct err complete_av1(struct cmaf_track *t) {
    struct byte_reader r = byte_reader_of(t->config);
    uint8_t version = bytes_u8(&r), level = bytes_u8(&r), depth_bits = bytes_u8(&r);
    if (t->config.len < 4 || version != 0x81) return bad_config();
    unsigned depth = depth_bits & 0x40 ? (depth_bits & 0x20 ? 12 : 10) : 8;
    char tail[32] = "";
    const struct cmaf_colour *c = &t->colour;
    if (c->has_any && c->primaries < 1000 && c->transfer < 100 && c->matrix < 100 &&
        (c->primaries != 1 || c->transfer != 1 || c->matrix != 1 || c->is_full_range))
        (void)snprintf(tail, sizeof tail, ".%u.%u%u%u.%02u.%02u.%02u.%u", depth_bits >> 4 & 1, depth_bits >> 3 & 1, depth_bits >> 2 & 1,
                       (depth_bits & 0x0c) == 0x0c ? depth_bits & 3 : 0, c->primaries % 100, c->transfer, c->matrix, c->is_full_range);
    PUT(t, "av01.%u.%02u%c.%02u%s", level >> 5, level & 31, depth_bits & 0x80 ? 'H' : 'M', depth, tail);
    return ERR_OK;
}

/* VP Codec ISO Media File Format Binding, "Codecs Parameter String". */
static struct err complete_vp9(struct cmaf_track *t) {
    struct byte_reader r = byte_reader_of(t->config);
    uint32_t version = bytes_u32be(&r) >> 24;
    uint8_t profile = bytes_u8(&r), level = bytes_u8(&r), depth = bytes_u8(&r), primaries = bytes_u8(&r), transfer = bytes_u8(&r), matrix = bytes_u8(&r);
    if (t->config.len < 12 || version != 1 || profile > 3 || level > 99 || (depth >> 4) > 12) return bad_config();
    if (primaries < 100 && transfer < 100 && matrix < 100 && primaries != 2 && (primaries != 1 || transfer != 1 || matrix != 1))
        PUT(t, "vp09.%02u.%02u.%02u.%02u.%02u.%02u.%02u.%02u", profile, level, depth >> 4, depth >> 1 & 7, primaries, transfer, matrix, depth & 1);
    else
        PUT(t, "vp09.%02u.%02u.%02u", profile, level, depth >> 4);
    return ERR_OK;
}

/* 14496-3 section 1.6.2.1. */
static struct err complete_aac(struct cmaf_track *t) {
    static const uint32_t rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};
    static const uint8_t channels[] = {0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8, 0};
    struct bit_reader r = bit_reader_of(t->config);
    unsigned type = bits_take(&r, 5);
    if (type == 31) type = 32 + bits_take(&r, 6);
    unsigned index = bits_take(&r, 4);
    uint32_t rate = index == 15 ? bits_take(&r, 24) : index < ARRAY_LEN(rates) ? rates[index] : 0;
    unsigned layout = bits_take(&r, 4);
    if (type == 5 || type == 29) { /* SBR said explicitly: the rate that comes out follows */
        index = bits_take(&r, 4);
        rate = index == 15 ? bits_take(&r, 24) : index < ARRAY_LEN(rates) ? rates[index] : 0;
    }
    if (r.has_failed || !type || !rate) return bad_config();
    if (!t->sample_rate) t->sample_rate = rate;
    if (!t->channels) t->channels = type == 29 ? 2 : channels[layout]; /* 29: parametric stereo */
    PUT(t, "mp4a.40.%u", type);
    return ERR_OK;
}

static struct err complete_opus(struct cmaf_track *t) {
    struct byte_reader r = byte_reader_of(t->config);
    uint8_t version = bytes_u8(&r), channels = bytes_u8(&r);
    if (t->config.len < 11 || version != 0 || !channels) return bad_config();
    if (!t->channels) t->channels = channels;
    if (!t->sample_rate) t->sample_rate = 48000; /* what comes out; the field in dOps is the rate before encoding */
    PUT(t, "opus");
    return ERR_OK;
}

static struct err complete_plain(struct cmaf_track *t, const char *name, size_t config_bytes_min) {
    if (t->config.len < config_bytes_min) return bad_config();
    PUT(t, "%s", name);
    return ERR_OK;
}

struct err cmaf_track_complete(struct cmaf_track *given) {
    struct cmaf_track t = *given;
    enum cmaf_kind kind = CMAF_KIND_NONE;
    struct err e = ERR_OK;
    if (t.config.len > CMAF_CONFIG_BYTES_MAX) return bad_config();
    switch (t.codec) {
    case CMAF_H264: kind = CMAF_VIDEO, e = complete_h264(&t); break;
    case CMAF_HEVC: kind = CMAF_VIDEO, e = complete_hevc(&t); break;
    case CMAF_AV1: kind = CMAF_VIDEO, e = complete_av1(&t); break;
    case CMAF_VP9: kind = CMAF_VIDEO, e = complete_vp9(&t); break;
    case CMAF_AAC: kind = CMAF_AUDIO, e = complete_aac(&t); break;
    case CMAF_OPUS: kind = CMAF_AUDIO, e = complete_opus(&t); break;
    case CMAF_MP3: kind = CMAF_AUDIO, e = complete_plain(&t, "mp4a.6B", 0); break;
    case CMAF_AC3: kind = CMAF_AUDIO, e = complete_plain(&t, "ac-3", 3); break;
    case CMAF_EAC3: kind = CMAF_AUDIO, e = complete_plain(&t, "ec-3", 5); break;
    case CMAF_FLAC: kind = CMAF_AUDIO, e = complete_plain(&t, "flac", 42); break;
    case CMAF_CODEC_NONE:
    case CMAF_CODECS: break;
    }
    if (e.kind) return e;
    if (kind == CMAF_KIND_NONE || kind != t.kind) return bad("track.codec", "A track's coding is not one that can be carried. Convert it to H.264 and AAC.");
    if (!t.timescale) return bad("track.timescale", "A track has no time scale.");
    if (kind == CMAF_VIDEO && (!t.width || !t.height)) return bad("track.size", "A video track has no picture size.");
    if (kind == CMAF_VIDEO && t.rotation != 0 && t.rotation != 90 && t.rotation != 180 && t.rotation != 270)
        return bad("track.rotation", "A picture can only be turned by quarters.");
    if (kind == CMAF_AUDIO && (!t.channels || !t.sample_rate)) return bad("track.audio", "An audio track has no channels or no sample rate.");
    size_t language_len = strnlen(t.language, sizeof t.language), label_len = strnlen(t.label, sizeof t.label);
    char language[CMAF_LANGUAGE_MAX];
    if (language_len == sizeof t.language || !language_normalise(slice_of(t.language, language_len), language))
        return bad("track.language", "A language is not a tag such as en, de, zh-Hans or th.");
    memcpy(t.language, language, sizeof language);
    if (label_len == sizeof t.label || (label_len && !utf8_is_display_text(slice_of(t.label, label_len), CMAF_LABEL_MAX)))
        return bad("track.label", "A track's name is too long or has characters that cannot be shown.");
    memset(t.label + label_len, 0, sizeof t.label - label_len); /* tracks compare bytewise */
    *given = t;
    return ERR_OK;
}

void cmaf_track_display_size(const struct cmaf_track *track, uint32_t *width, uint32_t *height) {
    uint64_t w = track->width, h = track->height;
    uint64_t x = track->aspect_x, y = track->aspect_y;
    /* Stretch, never shrink, as 14496-12 section 12.1.4 suggests; an aspect beyond 1:16 is taken for a mistake. */
    if (x && y && x <= 16 * y && y <= 16 * x) {
        if (x > y) w = (w * x + y / 2) / y;
        else h = (h * y + x / 2) / x;
    }
    bool is_turned = track->rotation == 90 || track->rotation == 270;
    *width = (uint32_t)(is_turned ? h : w);
    *height = (uint32_t)(is_turned ? w : h);
}
