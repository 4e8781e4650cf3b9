/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/rtmp/flv.h"

#define FOURCC(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const struct {
    uint32_t fourcc;
    enum cmaf_kind kind;
    enum cmaf_codec codec;
} CODECS[] = {
    {FOURCC('a', 'v', 'c', '1'), CMAF_VIDEO, CMAF_H264}, {FOURCC('h', 'v', 'c', '1'), CMAF_VIDEO, CMAF_HEVC},
    {FOURCC('a', 'v', '0', '1'), CMAF_VIDEO, CMAF_AV1},  {FOURCC('v', 'p', '0', '9'), CMAF_VIDEO, CMAF_VP9},
    {FOURCC('m', 'p', '4', 'a'), CMAF_AUDIO, CMAF_AAC},  {FOURCC('O', 'p', 'u', 's'), CMAF_AUDIO, CMAF_OPUS},
    {FOURCC('.', 'm', 'p', '3'), CMAF_AUDIO, CMAF_MP3},  {FOURCC('a', 'c', '-', '3'), CMAF_AUDIO, CMAF_AC3},
    {FOURCC('e', 'c', '-', '3'), CMAF_AUDIO, CMAF_EAC3}, {FOURCC('f', 'L', 'a', 'C'), CMAF_AUDIO, CMAF_FLAC},
};

enum video_packet { /* enhanced RTMP v2, VideoPacketType */
    VIDEO_SEQUENCE_START,
    VIDEO_CODED_FRAMES,
    VIDEO_SEQUENCE_END,
    VIDEO_CODED_FRAMES_X,
    VIDEO_METADATA,
    VIDEO_TS_SEQUENCE_START,
    VIDEO_MULTITRACK,
    VIDEO_MODEX
};
enum audio_packet { /* AudioPacketType */
    AUDIO_SEQUENCE_START,
    AUDIO_CODED_FRAMES,
    AUDIO_SEQUENCE_END,
    AUDIO_MULTICHANNEL = 4,
    AUDIO_MULTITRACK,
    AUDIO_MODEX = 7
};
enum multitrack { ONE_TRACK, MANY_TRACKS, MANY_TRACKS_MANY_CODECS };
enum { SOUND_MP3 = 2, SOUND_ENHANCED = 9, SOUND_AAC = 10, SOUND_MP3_8K = 14 };
enum { VIDEO_AVC = 7, VIDEO_HEVC_OF_OLD = 12, FRAME_KEY = 1, FRAME_COMMAND = 5 };

uint32_t flv_fourcc(enum cmaf_codec codec) {
    for (size_t i = 0; i < ARRAY_LEN(CODECS); i++)
        if (CODECS[i].codec == codec) return CODECS[i].fourcc;
    return 0;
}

static struct err malformed(void) { return err_make(ERR_INPUT, "rtmp.tag", "The publisher sent picture or sound data that is damaged."); }
static struct err not_carried(enum cmaf_kind kind) {
    return kind == CMAF_VIDEO
               ? err_make(ERR_INPUT, "rtmp.codec", "The picture's coding is not one that we take. Send H.264, HEVC, AV1 or VP9.")
               : err_make(ERR_INPUT, "rtmp.codec",
                          "The sound's coding is not one that we take. Send AAC, Opus, MP3, AC-3, E-AC-3 or FLAC.");
}

static struct err read_fourcc(struct flv_reader *f) {
    uint32_t fourcc = bytes_u32be(&f->r);
    if (f->r.has_failed) return malformed();
    for (size_t i = 0; i < ARRAY_LEN(CODECS); i++)
        if (CODECS[i].fourcc == fourcc && CODECS[i].kind == f->kind) {
            f->codec = CODECS[i].codec;
            return ERR_OK;
        }
    return not_carried(f->kind);
}

/* ModEx: a chain of extras before the packet itself, each with the type of what follows it. Known is one: nanoseconds. */
static struct err read_extras(struct flv_reader *f, uint8_t modex) {
    while (f->packet == modex) {
        size_t bytes = bytes_u8(&f->r) + 1u;
        if (bytes == 256) bytes = bytes_u16be(&f->r) + 1u;
        struct slice data = bytes_take(&f->r, bytes);
        uint8_t next = bytes_u8(&f->r);
        if (f->r.has_failed) return malformed();
        if (next >> 4 == 0 && data.len >= 3) {
            struct byte_reader d = byte_reader_of(data);
            uint32_t ns = bytes_u24be(&d);
            if (ns < 1000000) f->nanoseconds = ns;
        }
        f->packet = next & 15;
    }
    return ERR_OK;
}

static struct err open_enhanced(struct flv_reader *f, uint8_t first) {
    bool is_video = f->kind == CMAF_VIDEO;
    f->is_enhanced = true;
    f->packet = first & 15;
    struct err e = read_extras(f, is_video ? VIDEO_MODEX : AUDIO_MODEX);
    if (e.kind) return e;
    if (is_video && (first >> 4 & 7) == FRAME_COMMAND && f->packet != VIDEO_METADATA) {
        f->is_done = true; /* a word for players about seeking */
        return ERR_OK;
    }
    if (f->packet != (is_video ? VIDEO_MULTITRACK : AUDIO_MULTITRACK)) return read_fourcc(f);
    uint8_t types = bytes_u8(&f->r);
    if (types >> 4 > MANY_TRACKS_MANY_CODECS) return malformed();
    f->is_multitrack = true;
    f->has_sizes = types >> 4 != ONE_TRACK;
    f->has_codecs = types >> 4 == MANY_TRACKS_MANY_CODECS;
    f->packet = types & 15;
    if (f->packet == (is_video ? VIDEO_MULTITRACK : AUDIO_MULTITRACK)) return malformed();
    return f->has_codecs ? ERR_OK : read_fourcc(f);
}

struct err flv_open(struct flv_reader *f, enum cmaf_kind kind, struct slice body) {
    *f = (struct flv_reader){.r = byte_reader_of(body), .kind = kind};
    if (!body.len) { /* some publishers send these for silence */
        f->is_done = true;
        return ERR_OK;
    }
    uint8_t first = bytes_u8(&f->r);
    if (kind == CMAF_VIDEO) {
        f->is_key = (first >> 4 & 7) == FRAME_KEY;
        if (first & 0x80) return open_enhanced(f, first);
        if (first >> 4 == FRAME_COMMAND) {
            f->is_done = true;
            return ERR_OK;
        }
        uint8_t codec = first & 15;
        if (codec != VIDEO_AVC && codec != VIDEO_HEVC_OF_OLD) return not_carried(kind);
        f->codec = codec == VIDEO_AVC ? CMAF_H264 : CMAF_HEVC;
        return ERR_OK;
    }
    uint8_t format = first >> 4;
    if (format == SOUND_ENHANCED) return open_enhanced(f, first);
    if (format == SOUND_AAC) f->codec = CMAF_AAC;
    else if (format == SOUND_MP3 || format == SOUND_MP3_8K) f->codec = CMAF_MP3;
    else return not_carried(kind);
    return ERR_OK;
}

static int32_t read_s24(struct byte_reader *r) {
    uint32_t raw = bytes_u24be(r);
    return raw & 0x800000 ? (int32_t)raw - 0x1000000 : (int32_t)raw;
}

/* AVCPacketType and AACPacketType: configuration, data, end. */
static struct err next_plain(struct flv_reader *f, struct flv_tag *out) {
    static const enum flv_packet PACKETS[3] = {FLV_CONFIG, FLV_FRAME, FLV_END};
    f->is_done = true;
    out->packet = FLV_FRAME;
    if (f->codec != CMAF_MP3) {
        uint8_t type = bytes_u8(&f->r);
        if (type > (f->kind == CMAF_VIDEO ? 2 : 1)) return malformed();
        out->packet = PACKETS[type];
    }
    if (f->kind == CMAF_VIDEO) out->composition_ms = read_s24(&f->r);
    if (f->r.has_failed && out->packet == FLV_END) f->r.has_failed = false; /* often written without a time */
    if (f->r.has_failed) return malformed();
    out->body = bytes_take(&f->r, bytes_left(&f->r));
    return ERR_OK;
}

static struct err packet_of(struct flv_reader *f, struct byte_reader *body, struct flv_tag *out) {
    out->packet = FLV_OTHER;
    if (f->kind == CMAF_AUDIO) {
        if (f->packet == AUDIO_SEQUENCE_START) out->packet = FLV_CONFIG;
        if (f->packet == AUDIO_CODED_FRAMES) out->packet = FLV_FRAME;
        if (f->packet == AUDIO_SEQUENCE_END) out->packet = FLV_END;
        return ERR_OK;
    }
    switch (f->packet) {
    case VIDEO_SEQUENCE_START: out->packet = FLV_CONFIG; break;
    case VIDEO_SEQUENCE_END: out->packet = FLV_END; break;
    case VIDEO_METADATA: out->packet = FLV_METADATA; break;
    case VIDEO_CODED_FRAMES_X: out->packet = FLV_FRAME; break;
    case VIDEO_CODED_FRAMES:
        out->packet = FLV_FRAME;
        if (f->codec == CMAF_H264 || f->codec == CMAF_HEVC) out->composition_ms = read_s24(body);
        break;
    case VIDEO_TS_SEQUENCE_START:
        return err_make(ERR_INPUT, "rtmp.codec",
                        "The encoder announces its pictures in the form of MPEG-TS, which we do not take. Choose another output module.");
    default: break;
    }
    return body->has_failed ? malformed() : ERR_OK;
}

struct err flv_next(struct flv_reader *f, struct flv_tag *out, bool *has) {
    *has = false;
    if (f->is_done || (f->is_multitrack && f->tracks && !bytes_left(&f->r))) return ERR_OK;
    struct flv_tag tag = {.codec = f->codec, .is_key = f->is_key, .nanoseconds = f->nanoseconds};
    struct err e;
    if (!f->is_enhanced) {
        e = next_plain(f, &tag);
    } else {
        size_t bytes = 0;
        if (f->is_multitrack) {
            if (f->tracks++ == FLV_TRACKS_MAX) return malformed();
            if (f->has_codecs && (e = read_fourcc(f)).kind) return e;
            tag.codec = f->codec;
            tag.track = bytes_u8(&f->r);
            if (f->has_sizes) bytes = bytes_u24be(&f->r);
        }
        struct byte_reader body = byte_reader_of(bytes_take(&f->r, f->has_sizes ? bytes : bytes_left(&f->r)));
        if (f->r.has_failed) return malformed();
        if (!f->has_sizes) f->is_done = true;
        e = packet_of(f, &body, &tag);
        tag.body = bytes_take(&body, bytes_left(&body));
    }
    if (e.kind) return e;
    *out = tag;
    *has = true;
    return ERR_OK;
}

/* ---- writing ---- */

static void put_enhanced(struct buf *b, const struct cmaf_track *t, uint8_t packet, uint8_t track, unsigned frame) {
    bool is_video = t->kind == CMAF_VIDEO;
    unsigned high = is_video ? 8 | frame : SOUND_ENHANCED;
    if (track) {
        buf_u8(b, (uint8_t)(high << 4 | (is_video ? VIDEO_MULTITRACK : AUDIO_MULTITRACK)));
        buf_u8(b, (uint8_t)(ONE_TRACK << 4 | packet));
    } else {
        buf_u8(b, (uint8_t)(high << 4 | packet));
    }
    buf_u32be(b, flv_fourcc(t->codec));
    if (track) buf_u8(b, track);
}

static void put_video(struct buf *b, const struct cmaf_track *t, enum flv_packet packet, uint8_t track, bool is_key, int32_t composition_ms) {
    unsigned frame = is_key || packet != FLV_FRAME ? FRAME_KEY : 2;
    uint32_t composition = (uint32_t)composition_ms & 0xffffff;
    if (t->codec == CMAF_H264 && !track) {
        buf_u8(b, (uint8_t)(frame << 4 | VIDEO_AVC));
        buf_u8(b, packet == FLV_CONFIG ? 0 : packet == FLV_FRAME ? 1 : 2);
        buf_u24be(b, packet == FLV_FRAME ? composition : 0);
        return;
    }
    bool has_composition = t->codec == CMAF_H264 || t->codec == CMAF_HEVC;
    if (packet == FLV_CONFIG) put_enhanced(b, t, VIDEO_SEQUENCE_START, track, frame);
    else if (packet == FLV_END) put_enhanced(b, t, VIDEO_SEQUENCE_END, track, frame);
    else if (has_composition && !composition_ms) put_enhanced(b, t, VIDEO_CODED_FRAMES_X, track, frame);
    else {
        put_enhanced(b, t, VIDEO_CODED_FRAMES, track, frame);
        if (has_composition) buf_u24be(b, composition);
    }
}

static void put_audio(struct buf *b, const struct cmaf_track *t, enum flv_packet packet, uint8_t track) {
    if (t->codec == CMAF_AAC && !track && packet != FLV_END) {
        buf_u8(b, SOUND_AAC << 4 | 15); /* 44 kHz, 16 bit, stereo: always said so, the configuration has the truth */
        buf_u8(b, packet == FLV_FRAME);
        return;
    }
    if (t->codec == CMAF_MP3 && !track && packet == FLV_FRAME) {
        unsigned rate = t->sample_rate >= 44100 ? 3 : t->sample_rate >= 22050 ? 2 : 1;
        buf_u8(b, (uint8_t)(SOUND_MP3 << 4 | rate << 2 | 2 | (t->channels > 1)));
        return;
    }
    put_enhanced(b, t, packet == FLV_CONFIG ? AUDIO_SEQUENCE_START : packet == FLV_FRAME ? AUDIO_CODED_FRAMES : AUDIO_SEQUENCE_END, track, 0);
}

void flv_put_head(struct buf *b, const struct cmaf_track *t, enum flv_packet packet, uint8_t track, bool is_key, int32_t composition_ms) {
    if (t->kind == CMAF_VIDEO) put_video(b, t, packet, track, is_key, composition_ms);
    else put_audio(b, t, packet, track);
}
