/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The init segment: ftyp and moov of one track (ISO/IEC 23000-19 section 7.3). */
#include "media/cmaf/box.h"
#include "media/cmaf/cmaf.h"
#include "media/cmaf/language.h"

static void put_matrix(struct buf *out, unsigned rotation) {
    /* a b u / c d v / x y w: a turn by the angle, clockwise on a screen whose y grows downwards (14496-12 section 6.2.2). */
    int32_t cosine = rotation == 0 ? 0x10000 : rotation == 180 ? -0x10000 : 0;
    int32_t sine = rotation == 90 ? 0x10000 : rotation == 270 ? -0x10000 : 0;
    const int32_t matrix[9] = {cosine, sine, 0, -sine, cosine, 0, 0, 0, 0x40000000};
    for (int i = 0; i < 9; i++) buf_u32be(out, (uint32_t)matrix[i]);
}

static void put_descriptor(struct buf *out, uint8_t tag, size_t len) {
    buf_u8(out, tag);
    for (int shift = 21; shift > 0; shift -= 7) buf_u8(out, (uint8_t)(0x80 | (len >> shift & 127))); /* always four digits */
    buf_u8(out, (uint8_t)(len & 127));
}

static void put_esds(const struct cmaf_track *t, struct buf *out) {
    size_t specific = t->codec == CMAF_AAC ? 5 + t->config.len : 0;
    size_t esds = box_begin_full(out, "esds", 0, 0);
    put_descriptor(out, 3, 3 + 5 + 13 + specific + 5 + 1);
    buf_u16be(out, 1); /* ES_ID: low half of the track_ID */
    buf_u8(out, 0);
    put_descriptor(out, 4, 13 + specific);
    buf_u8(out, t->codec == CMAF_AAC ? 0x40 : 0x6b);
    buf_u8(out, 0x15); /* audio stream */
    buf_zeros(out, 3 + 4 + 4);
    if (specific) {
        put_descriptor(out, 5, t->config.len);
        buf_append(out, t->config);
    }
    put_descriptor(out, 6, 1);
    buf_u8(out, 2); /* MP4 */
    box_end(out, esds);
}

static void put_config(const struct cmaf_track *t, const char *type, struct buf *out) {
    size_t at = box_begin(out, type);
    buf_append(out, t->config);
    box_end(out, at);
}

static void put_video_entry(const struct cmaf_track *t, struct slice sinf, struct buf *out) {
    static const struct {
        char entry[5], config[5];
    } names[CMAF_CODECS] = {
        [CMAF_H264] = {"avc1", "avcC"}, [CMAF_HEVC] = {"hvc1", "hvcC"}, [CMAF_AV1] = {"av01", "av1C"}, [CMAF_VP9] = {"vp09", "vpcC"}};
    const char *name = names[t->codec].entry;
    if (t->has_inband_parameters) name = t->codec == CMAF_HEVC ? "hev1" : "avc3";
    size_t entry = box_begin(out, sinf.len ? "encv" : name);
    buf_zeros(out, 6);
    buf_u16be(out, 1);
    buf_zeros(out, 16);
    buf_u16be(out, t->width);
    buf_u16be(out, t->height);
    buf_u32be(out, 0x480000); /* 72 dpi, twice */
    buf_u32be(out, 0x480000);
    buf_u32be(out, 0);
    buf_u16be(out, 1); /* pictures a sample */
    buf_zeros(out, 32);
    buf_u16be(out, 24);
    buf_u16be(out, 0xffff);
    put_config(t, names[t->codec].config, out);
    if (t->aspect_x && t->aspect_y && t->aspect_x != t->aspect_y) {
        size_t at = box_begin(out, "pasp");
        buf_u32be(out, t->aspect_x);
        buf_u32be(out, t->aspect_y);
        box_end(out, at);
    }
    if (t->colour.has_any) {
        size_t at = box_begin(out, "colr");
        buf_cstr(out, "nclx");
        buf_u16be(out, t->colour.primaries);
        buf_u16be(out, t->colour.transfer);
        buf_u16be(out, t->colour.matrix);
        buf_u8(out, t->colour.is_full_range ? 0x80 : 0);
        box_end(out, at);
    }
    if (t->hdr.has_mastering) {
        size_t at = box_begin(out, "mdcv");
        for (int i = 0; i < 3; i++) {
            buf_u16be(out, t->hdr.primary_x[i]);
            buf_u16be(out, t->hdr.primary_y[i]);
        }
        buf_u16be(out, t->hdr.white_x);
        buf_u16be(out, t->hdr.white_y);
        buf_u32be(out, t->hdr.luminance_max);
        buf_u32be(out, t->hdr.luminance_min);
        box_end(out, at);
    }
    if (t->hdr.has_light) {
        size_t at = box_begin(out, "clli");
        buf_u16be(out, t->hdr.light_max);
        buf_u16be(out, t->hdr.light_average);
        box_end(out, at);
    }
    buf_append(out, sinf);
    box_end(out, entry);
}

static void put_audio_entry(const struct cmaf_track *t, struct slice sinf, struct buf *out) {
    static const struct {
        char entry[5], config[5];
    } names[CMAF_CODECS] = {[CMAF_AAC] = {"mp4a", ""}, [CMAF_MP3] = {"mp4a", ""}, [CMAF_OPUS] = {"Opus", "dOps"},
                            [CMAF_AC3] = {"ac-3", "dac3"}, [CMAF_EAC3] = {"ec-3", "dec3"}, [CMAF_FLAC] = {"fLaC", "dfLa"}};
    size_t entry = box_begin(out, sinf.len ? "enca" : names[t->codec].entry);
    buf_zeros(out, 6);
    buf_u16be(out, 1);
    buf_zeros(out, 8);
    buf_u16be(out, t->channels);
    buf_u16be(out, 16);
    buf_u32be(out, 0);
    buf_u32be(out, t->sample_rate <= UINT16_MAX ? t->sample_rate << 16 : 0);
    if (names[t->codec].config[0]) put_config(t, names[t->codec].config, out);
    else put_esds(t, out);
    buf_append(out, sinf);
    box_end(out, entry);
}

static void put_kind(struct buf *out, const char *scheme, const char *value) {
    size_t at = box_begin_full(out, "kind", 0, 0);
    buf_bytes(out, scheme, strlen(scheme) + 1);
    buf_bytes(out, value, strlen(value) + 1);
    box_end(out, at);
}

static void put_udta(const struct cmaf_track *t, struct buf *out) {
    static const char role[] = "urn:mpeg:dash:role:2011";
    if (!t->flags && !t->label[0]) return;
    size_t udta = box_begin(out, "udta");
    if (t->flags & CMAF_DEFAULT) put_kind(out, role, "main");
    if (t->flags & CMAF_DUB) put_kind(out, role, "dub");
    if (t->flags & CMAF_COMMENTARY) put_kind(out, role, "commentary");
    if (t->flags & CMAF_VISUAL_IMPAIRED) put_kind(out, role, "description");
    if (t->flags & CMAF_HEARING_IMPAIRED) put_kind(out, role, "enhanced-audio-intelligibility");
    if (t->flags & CMAF_FORCED) put_kind(out, role, "forced-subtitle");
    if (t->flags & CMAF_ORIGINAL) put_kind(out, "urn:grandstand:kind", "original"); /* DASH has no word for it */
    if (t->label[0]) { /* 14496-12 section 8.10.5 */
        size_t at = box_begin_full(out, "labl", 0, 0);
        buf_u16be(out, 0);
        const char *language = t->language[0] ? t->language : "und";
        buf_bytes(out, language, strlen(language) + 1);
        buf_bytes(out, t->label, strlen(t->label) + 1);
        box_end(out, at);
    }
    box_end(out, udta);
}

static void put_stbl(const struct cmaf_track *t, struct slice sinf, struct buf *out) {
    size_t stbl = box_begin(out, "stbl");
    size_t stsd = box_begin_full(out, "stsd", 0, 0);
    buf_u32be(out, 1);
    if (t->kind == CMAF_VIDEO) put_video_entry(t, sinf, out);
    else put_audio_entry(t, sinf, out);
    box_end(out, stsd);
    static const char *const empty[] = {"stts", "stsc", "stco"};
    for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
        size_t at = box_begin_full(out, empty[i], 0, 0);
        buf_u32be(out, 0);
        box_end(out, at);
    }
    size_t stsz = box_begin_full(out, "stsz", 0, 0);
    buf_zeros(out, 8);
    box_end(out, stsz);
    box_end(out, stbl);
}

static void put_mdia(const struct cmaf_track *t, struct slice sinf, struct buf *out) {
    char alpha3[4];
    language_alpha3(t->language, alpha3);
    size_t mdia = box_begin(out, "mdia");
    size_t mdhd = box_begin_full(out, "mdhd", 0, 0);
    buf_zeros(out, 8);
    buf_u32be(out, t->timescale);
    buf_u32be(out, 0);
    buf_u16be(out, (uint16_t)((alpha3[0] - 0x60) << 10 | (alpha3[1] - 0x60) << 5 | (alpha3[2] - 0x60)));
    buf_u16be(out, 0);
    box_end(out, mdhd);
    size_t hdlr = box_begin_full(out, "hdlr", 0, 0);
    buf_u32be(out, 0);
    buf_cstr(out, t->kind == CMAF_VIDEO ? "vide" : "soun");
    buf_zeros(out, 12);
    buf_u8(out, 0); /* no name: the label stands in udta */
    box_end(out, hdlr);
    if (t->language[0]) {
        size_t elng = box_begin_full(out, "elng", 0, 0);
        buf_bytes(out, t->language, strlen(t->language) + 1);
        box_end(out, elng);
    }
    size_t minf = box_begin(out, "minf");
    size_t media = t->kind == CMAF_VIDEO ? box_begin_full(out, "vmhd", 0, 1) : box_begin_full(out, "smhd", 0, 0);
    buf_zeros(out, t->kind == CMAF_VIDEO ? 8 : 4);
    box_end(out, media);
    size_t dinf = box_begin(out, "dinf");
    size_t dref = box_begin_full(out, "dref", 0, 0);
    buf_u32be(out, 1);
    size_t url = box_begin_full(out, "url ", 0, 1);
    box_end(out, url);
    box_end(out, dref);
    box_end(out, dinf);
    put_stbl(t, sinf, out);
    box_end(out, minf);
    box_end(out, mdia);
}

struct err cmaf_init_build(const struct cmaf_track *t, int64_t media_time, struct slice sinf, struct buf *out) {
    size_t ftyp = box_begin(out, "ftyp");
    buf_cstr(out, "iso6");
    buf_u32be(out, 0);
    buf_cstr(out, "iso6cmfcdash");
    box_end(out, ftyp);

    size_t moov = box_begin(out, "moov");
    size_t mvhd = box_begin_full(out, "mvhd", 0, 0);
    buf_zeros(out, 8);
    buf_u32be(out, t->timescale);
    buf_u32be(out, 0);
    buf_u32be(out, 0x10000);
    buf_u16be(out, 0x100);
    buf_zeros(out, 10);
    put_matrix(out, 0);
    buf_zeros(out, 24);
    buf_u32be(out, 2); /* next track_ID */
    box_end(out, mvhd);

    size_t trak = box_begin(out, "trak");
    size_t tkhd = box_begin_full(out, "tkhd", 0, 3); /* enabled, in movie */
    buf_zeros(out, 8);
    buf_u32be(out, 1);
    buf_zeros(out, 4 + 4 + 8 + 4);
    buf_u16be(out, t->kind == CMAF_AUDIO ? 0x100 : 0);
    buf_u16be(out, 0);
    put_matrix(out, t->kind == CMAF_VIDEO ? t->rotation : 0);
    uint32_t width = 0, height = 0;
    if (t->kind == CMAF_VIDEO) { /* before the turn */
        struct cmaf_track upright = *t;
        upright.rotation = 0;
        cmaf_track_display_size(&upright, &width, &height);
    }
    buf_u32be(out, width < 0x8000 ? width << 16 : 0x7fff0000u);
    buf_u32be(out, height < 0x8000 ? height << 16 : 0x7fff0000u);
    box_end(out, tkhd);
    if (media_time > 0) {
        size_t edts = box_begin(out, "edts");
        size_t elst = box_begin_full(out, "elst", 1, 0);
        buf_u32be(out, 1);
        buf_u64be(out, 0); /* duration 0: all fragments to come (14496-12 section 8.6.6.1) */
        buf_u64be(out, (uint64_t)media_time);
        buf_u32be(out, 0x10000);
        box_end(out, elst);
        box_end(out, edts);
    }
    put_mdia(t, sinf, out);
    put_udta(t, out);
    box_end(out, trak);

    size_t mvex = box_begin(out, "mvex");
    size_t trex = box_begin_full(out, "trex", 0, 0);
    buf_u32be(out, 1);
    buf_u32be(out, 1);
    buf_zeros(out, 12);
    box_end(out, trex);
    box_end(out, mvex);
    box_end(out, moov);
    return buf_error(out);
}
