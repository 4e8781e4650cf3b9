/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * config.c: can a stream pass through, and with which decoder configuration (the content of avcC, hvcC, av1C, vpcC,
 * dOps, or an AudioSpecificConfig)? Containers other than MP4 carry these in other forms, or not at all. */
#include "media/codec/demux.h"

#include <string.h>

#include "base/bytes.h"

static struct slice extradata_of(const AVCodecParameters *p) {
    return p->extradata && p->extradata_size > 0 ? slice_of(p->extradata, (size_t)p->extradata_size) : SLICE_NONE;
}
static struct slice first_of(const struct source_stream *s) {
    return s->first ? slice_of(s->first->data, (size_t)s->first->size) : SLICE_NONE;
}

static const char *find_nal(struct source_stream *s, bool is_hevc) {
    struct slice extra = extradata_of(s->av->codecpar);
    if (extra.len >= 7 && extra.ptr[0] == 1) {
        buf_append(&s->config, extra);
    } else {
        s->is_annexb = true;
        if (!nal_sets_collect(&s->sets, is_hevc, extra) || !nal_sets_collect(&s->sets, is_hevc, first_of(s))) return "ingest.config";
        if (!nal_make_config(&s->sets, is_hevc, &s->config)) return "ingest.config";
    }
    /* Annex B inside a container that promised lengths, as some AVI writers do */
    if (!s->is_annexb && nal_is_annexb(first_of(s))) return "ingest.config";
    return NULL;
}

size_t config_adts(struct slice frame, uint8_t asc[2]) {
    if (frame.len < 7 || (uint8_t)frame.ptr[0] != 0xff || ((uint8_t)frame.ptr[1] & 0xf6) != 0xf0) return 0;
    const uint8_t *b = (const uint8_t *)frame.ptr;
    unsigned profile = b[2] >> 6, rate = b[2] >> 2 & 15, channels = (b[2] & 1u) << 2 | b[3] >> 6;
    if (rate > 12) return 0; /* 14496-3 table 1.18 has 13 rates */
    asc[0] = (uint8_t)((profile + 1) << 3 | rate >> 1);
    asc[1] = (uint8_t)((rate & 1) << 7 | channels << 3);
    size_t header = b[1] & 1 ? 7 : 9; /* 9 with a checksum */
    return header < frame.len ? header : 0;
}

static const char *find_aac(struct source_stream *s) {
    struct slice extra = extradata_of(s->av->codecpar);
    uint8_t asc[2];
    if (extra.len >= 2) {
        buf_append(&s->config, extra);
    } else if (config_adts(first_of(s), asc)) {
        s->is_adts = true;
        if (!(asc[1] >> 3 & 15)) return "ingest.config"; /* channels only in the payload */
        buf_bytes(&s->config, asc, 2);
    } else {
        return "ingest.config";
    }
    return NULL;
}

/* OpusHead (RFC 7845 section 5.1, little-endian) -> dOps (big-endian). */
static const char *find_opus(struct source_stream *s) {
    struct slice h = extradata_of(s->av->codecpar);
    if (h.len < 19 || memcmp(h.ptr, "OpusHead", 8)) return "ingest.config";
    const uint8_t *b = (const uint8_t *)h.ptr;
    unsigned channels = b[9], family = b[18];
    if (!channels || (family && h.len < 21 + channels) || (!family && channels > 2)) return "ingest.config";
    buf_u8(&s->config, 0);
    buf_u8(&s->config, (uint8_t)channels);
    buf_u16be(&s->config, AV_RL16(b + 10)); /* pre-skip */
    buf_u32be(&s->config, AV_RL32(b + 12));
    buf_u16be(&s->config, AV_RL16(b + 16));
    buf_u8(&s->config, (uint8_t)family);
    if (family) buf_bytes(&s->config, b + 19, 2 + channels);
    return NULL;
}

/* Levels by luma samples a second and a picture (VP9 levels, Annex A of the bitstream specification). */
static uint8_t vp9_level(const AVCodecParameters *p, AVRational rate) {
    static const struct {
        uint8_t level;
        int64_t per_second, per_picture;
    } LEVELS[] = {{10, 829440, 36864},        {11, 2764800, 73728},       {20, 4608000, 122880},     {21, 9216000, 245760},
                  {30, 20736000, 552960},     {31, 36864000, 983040},     {40, 83558400, 2228224},   {41, 160432128, 2228224},
                  {50, 311951360, 8912896},   {51, 588251136, 8912896},   {52, 1176502272, 8912896}, {60, 1176502272, 35651584}};
    int64_t picture = (int64_t)p->width * p->height, second = rate.num > 0 && rate.den > 0 ? av_rescale(picture, rate.num, rate.den) : picture * 30;
    for (size_t i = 0; i < ARRAY_LEN(LEVELS); i++)
        if (picture <= LEVELS[i].per_picture && second <= LEVELS[i].per_second) return LEVELS[i].level;
    return 61;
}

static const char *find_vp9(struct source_stream *s) {
    const AVCodecParameters *p = s->av->codecpar;
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get((enum AVPixelFormat)p->format);
    struct bit_reader r = bit_reader_of(first_of(s));
    if (bits_take(&r, 2) != 2) return "ingest.config"; /* frame marker */
    uint32_t low = bits_take(&r, 1), profile = low | bits_take(&r, 1) << 1;
    if (!format || r.has_failed) return "ingest.config";
    buf_u32be(&s->config, 1u << 24); /* version 1, flags 0 */
    buf_u8(&s->config, (uint8_t)profile);
    buf_u8(&s->config, vp9_level(p, s->av->avg_frame_rate));
    /* chroma: 0 vertical, 1 colocated with luma */
    uint8_t chroma = p->chroma_location == AVCHROMA_LOC_LEFT ? 0 : 1;
    buf_u8(&s->config, (uint8_t)(format->comp[0].depth << 4 | chroma << 1 | (p->color_range == AVCOL_RANGE_JPEG)));
    buf_u8(&s->config, (uint8_t)p->color_primaries);
    buf_u8(&s->config, (uint8_t)p->color_trc);
    buf_u8(&s->config, (uint8_t)p->color_space);
    buf_u16be(&s->config, 0);
    return NULL;
}

/* One open bitstream unit (AV1 specification section 5.3): its type, whole extent and payload. */
static bool obu_next(struct slice *rest, unsigned *type, struct slice *whole, struct slice *payload) {
    if (!rest->len) return false;
    struct byte_reader r = byte_reader_of(*rest);
    uint8_t head = bytes_u8(&r);
    if (head & 4) bytes_skip(&r, 1);
    uint64_t size = bytes_left(&r);
    if (head & 2) {
        size = 0;
        for (unsigned i = 0; i < 8; i++) { /* leb128 */
            uint8_t c = bytes_u8(&r);
            size |= (uint64_t)(c & 127) << (7 * i);
            if (!(c & 128)) break;
        }
    }
    if (r.has_failed || size > bytes_left(&r) || head & 0x80) return false;
    *type = head >> 3 & 15;
    *payload = bytes_take(&r, size);
    *whole = slice_of(rest->ptr, (size_t)((const char *)r.at - rest->ptr));
    *rest = slice_of(r.at, bytes_left(&r));
    return true;
}

/* av1C from a sequence header (AV1-ISOBMFF section 2.3.3), for streams that come without one. */
static bool make_av1c(struct slice stream, struct buf *out) {
    unsigned type;
    struct slice whole, payload;
    while (obu_next(&stream, &type, &whole, &payload)) {
        if (type != 1) continue;
        struct bit_reader r = bit_reader_of(payload);
        uint32_t profile = bits_take(&r, 3), level = 0, tier = 0;
        bits_take(&r, 1);
        if (bits_take(&r, 1)) { /* reduced still picture header */
            level = bits_take(&r, 5);
        } else {
            if (bits_take(&r, 1)) return false; /* timing info: rare in files without av1C; transcode rather than guess */
            bits_take(&r, 1);
            uint32_t points = bits_take(&r, 5) + 1;
            for (uint32_t i = 0; i < points; i++) {
                bits_take(&r, 12);
                uint32_t this_level = bits_take(&r, 5), this_tier = this_level > 7 ? bits_take(&r, 1) : 0;
                if (!i) level = this_level, tier = this_tier;
            }
        }
        if (r.has_failed || profile != 0) return false;
        buf_u8(out, 0x81);
        buf_u8(out, (uint8_t)(profile << 5 | level));
        buf_u8(out, (uint8_t)(tier << 7 | 0x0c)); /* depth is filled in by the caller; Main is 4:2:0 */
        buf_u8(out, 0);
        buf_append(out, whole);
        return !out->has_failed;
    }
    return false;
}

static const char *find_av1(struct source_stream *s) {
    struct slice extra = extradata_of(s->av->codecpar);
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get((enum AVPixelFormat)s->av->codecpar->format);
    if (extra.len >= 4 && (uint8_t)extra.ptr[0] == 0x81) {
        buf_append(&s->config, extra);
    } else {
        if (!format || (!make_av1c(extra, &s->config) && !make_av1c(first_of(s), &s->config))) return "ingest.config";
        if (format->comp[0].depth > 8) s->config.ptr[2] |= 0x40;
        if (format->nb_components == 1) s->config.ptr[2] |= 0x10;
    }
    return NULL;
}

bool codec_is_playable(const struct cmaf_track *t) {
    struct bit_reader r = bit_reader_of(t->config);
    switch (t->codec) {
    case CMAF_H264: return nal_config_is_playable(t->config, false);
    case CMAF_HEVC: return nal_config_is_playable(t->config, true);
    case CMAF_AV1: return t->config.len >= 4 && (uint8_t)t->config.ptr[1] >> 5 == 0;
    case CMAF_VP9: return t->config.len >= 8 && (t->config.ptr[4] == 0 || t->config.ptr[4] == 2);
    case CMAF_AAC: {
        uint32_t type = bits_take(&r, 5);
        return type == 2 || type == 5 || type == 29; /* LC, HE, HE version 2 */
    }
    case CMAF_OPUS:
    case CMAF_MP3: return true;
    default: return false;
    }
}

static uint32_t timescale_of(const struct source_stream *s) {
    AVRational tb = s->av->time_base;
    if (s->about.kind == CODEC_AUDIO) return s->about.track.sample_rate;
    return tb.num == 1 && tb.den >= 600 && tb.den <= 10000000 ? (uint32_t)tb.den : 90000;
}

void config_find(struct codec_source *source, struct source_stream *s) {
    struct codec_stream *a = &s->about;
    struct cmaf_track *t = &a->track;
    s->config = BUF(CMAF_CONFIG_BYTES_MAX);
    a->why = NULL;
    switch (s->av->codecpar->codec_id) {
    case AV_CODEC_ID_H264: t->codec = CMAF_H264, a->why = find_nal(s, false); break;
    case AV_CODEC_ID_HEVC:
        t->codec = CMAF_HEVC;
        a->why = find_nal(s, true);
        if (!a->why && !t->hdr.has_mastering && s->config.len > 21) /* many muxers leave these in the pictures alone */
            nal_read_hdr(first_of(s), s->is_annexb, ((uint8_t)s->config.ptr[21] & 3) + 1u, &t->hdr);
        break;
    case AV_CODEC_ID_AV1: t->codec = CMAF_AV1, a->why = find_av1(s); break;
    case AV_CODEC_ID_VP9: t->codec = CMAF_VP9, a->why = find_vp9(s); break;
    case AV_CODEC_ID_AAC: t->codec = CMAF_AAC, a->why = find_aac(s); break;
    case AV_CODEC_ID_OPUS: t->codec = CMAF_OPUS, a->why = find_opus(s); break;
    case AV_CODEC_ID_MP3: t->codec = CMAF_MP3; break;
    default: a->why = "ingest.codec"; break;
    }
    if (a->kind != CODEC_VIDEO && a->kind != CODEC_AUDIO) return;
    if (!a->why && (s->config.has_failed || !s->first)) a->why = "ingest.config";
    if (!a->why) {
        t->timescale = timescale_of(s);
        t->config = buf_slice(&s->config);
        struct cmaf_track complete = *t;
        struct err e = cmaf_track_complete(&complete);
        if (e.kind) {
            complete = *t;
            complete.language[0] = 0; /* a language that is none does not stop a picture */
            e = cmaf_track_complete(&complete);
        }
        if (e.kind) a->why = "ingest.config";
        else if (!codec_is_playable(&complete)) a->why = "ingest.profile";
        else *t = complete;
    }
    a->can_pass = !a->why && !a->is_picture;
    if (!a->can_pass) t->codec = CMAF_CODEC_NONE, t->config = SLICE_NONE;
}
