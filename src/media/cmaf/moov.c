/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/cmaf/moov.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/utf8.h"
#include "media/cmaf/box.h"
#include "media/cmaf/language.h"

static const char role_scheme[] = "urn:mpeg:dash:role:2011";

/* A zero-terminated text, without the zero. */
static struct slice take_cstr(struct byte_reader *r) {
    struct slice left = slice_of(r->at, bytes_left(r));
    size_t len = slice_find_byte(left, 0);
    if (len == SLICE_NPOS) {
        r->has_failed = true;
        return SLICE_NONE;
    }
    bytes_skip(r, len + 1);
    return slice_sub(left, 0, len);
}

static void set_label(struct cmaf_track *t, struct slice label) {
    label = slice_trim(label);
    if (label.len >= sizeof t->label || !utf8_is_display_text(label, CMAF_LABEL_MAX)) return; /* a label is decoration */
    memset(t->label, 0, sizeof t->label);
    memcpy(t->label, label.ptr, label.len);
}

static void parse_tkhd(struct slice body, struct moov_trak *t) {
    struct byte_reader r = byte_reader_of(body);
    uint32_t head = bytes_u32be(&r);
    t->is_enabled = head & 1;
    bytes_skip(&r, head >> 24 == 1 ? 16 : 8);
    t->id = bytes_u32be(&r);
    bytes_skip(&r, 4 + (head >> 24 == 1 ? 8 : 4) + 8 + 8);
    int32_t a = (int32_t)bytes_u32be(&r), b = (int32_t)bytes_u32be(&r);
    bytes_skip(&r, 4);
    int32_t c = (int32_t)bytes_u32be(&r), d = (int32_t)bytes_u32be(&r);
    /* Only the four quarter turns are known; mirrored or slanted pictures are shown as they are coded. */
    if (r.has_failed) return;
    if (a == 0 && d == 0 && b > 0 && c < 0) t->track.rotation = 90;
    else if (a < 0 && d < 0 && b == 0 && c == 0) t->track.rotation = 180;
    else if (a == 0 && d == 0 && b < 0 && c > 0) t->track.rotation = 270;
}

static void parse_mdhd(struct slice body, struct moov_trak *t) {
    struct byte_reader r = byte_reader_of(body);
    bool is_long = bytes_u32be(&r) >> 24 == 1;
    bytes_skip(&r, is_long ? 16 : 8);
    t->track.timescale = bytes_u32be(&r);
    t->duration = is_long ? bytes_u64be(&r) : bytes_u32be(&r);
    uint16_t packed = bytes_u16be(&r);
    char three[3] = {(char)(0x60 + (packed >> 10 & 31)), (char)(0x60 + (packed >> 5 & 31)), (char)(0x60 + (packed & 31))};
    /* Below 0x400 it is an old Macintosh language number. */
    if (!r.has_failed && packed >= 0x400) (void)language_normalise(slice_of(three, 3), t->track.language);
}

/* 14496-1 section 7.2.6: nested descriptors with lengths of 7 bits a byte. Finds the object type and AudioSpecificConfig. */
static void parse_esds(struct slice body, struct cmaf_track *t) {
    struct byte_reader r = byte_reader_of(body);
    bytes_skip(&r, 4);
    while (bytes_left(&r) > 1 && !r.has_failed) {
        uint8_t tag = bytes_u8(&r), byte;
        uint32_t len = 0;
        int digits = 0;
        do {
            byte = bytes_u8(&r);
            len = len << 7 | (byte & 127);
        } while (byte & 128 && ++digits < 4);
        if (tag == 3) { /* ES_Descriptor: go in, past its optional fields */
            bytes_skip(&r, 2);
            uint8_t flags = bytes_u8(&r);
            if (flags & 0x80) bytes_skip(&r, 2);
            if (flags & 0x40) bytes_skip(&r, bytes_u8(&r));
            if (flags & 0x20) bytes_skip(&r, 2);
        } else if (tag == 4) { /* DecoderConfigDescriptor: go in */
            uint8_t object = bytes_u8(&r);
            bytes_skip(&r, 12);
            if (object == 0x40 || (object >= 0x66 && object <= 0x68)) t->codec = CMAF_AAC;
            else if (object == 0x69 || object == 0x6b) t->codec = CMAF_MP3;
            else if (object == 0xa5) t->codec = CMAF_AC3;
            else t->codec = CMAF_CODEC_NONE;
        } else if (tag == 5) {
            t->config = bytes_take(&r, len);
            if (t->codec != CMAF_AAC) t->config = SLICE_NONE;
            return;
        } else {
            bytes_skip(&r, len);
        }
    }
    if (t->codec == CMAF_AAC) t->codec = CMAF_CODEC_NONE; /* no config, or a damaged one */
}

static void parse_colr(struct slice body, struct cmaf_colour *c) {
    struct byte_reader r = byte_reader_of(body);
    uint32_t type = bytes_u32be(&r);
    if (type != FOURCC('n', 'c', 'l', 'x') && type != FOURCC('n', 'c', 'l', 'c')) return;
    struct cmaf_colour found = {.has_any = true};
    found.primaries = bytes_u16be(&r), found.transfer = bytes_u16be(&r), found.matrix = bytes_u16be(&r);
    if (r.has_failed) return;
    if (type == FOURCC('n', 'c', 'l', 'x')) found.is_full_range = bytes_u8(&r) >> 7;
    *c = found;
}

static void parse_mdcv(struct slice body, struct cmaf_hdr *h) {
    struct byte_reader r = byte_reader_of(body);
    struct cmaf_hdr found = *h;
    for (int i = 0; i < 3; i++) found.primary_x[i] = bytes_u16be(&r), found.primary_y[i] = bytes_u16be(&r);
    found.white_x = bytes_u16be(&r), found.white_y = bytes_u16be(&r);
    found.luminance_max = bytes_u32be(&r), found.luminance_min = bytes_u32be(&r);
    found.has_mastering = true;
    if (!r.has_failed) *h = found;
}

static void parse_video_entry(struct slice body, struct moov_trak *trak) {
    struct cmaf_track *t = &trak->track;
    struct byte_reader r = byte_reader_of(body);
    bytes_skip(&r, 24);
    t->width = bytes_u16be(&r), t->height = bytes_u16be(&r);
    bytes_skip(&r, 50);
    uint32_t wanted = 0;
    switch (trak->fourcc) {
    case FOURCC('a', 'v', 'c', '1'): case FOURCC('a', 'v', 'c', '3'): t->codec = CMAF_H264, wanted = FOURCC('a', 'v', 'c', 'C'); break;
    case FOURCC('h', 'v', 'c', '1'): case FOURCC('h', 'e', 'v', '1'): t->codec = CMAF_HEVC, wanted = FOURCC('h', 'v', 'c', 'C'); break;
    case FOURCC('a', 'v', '0', '1'): t->codec = CMAF_AV1, wanted = FOURCC('a', 'v', '1', 'C'); break;
    case FOURCC('v', 'p', '0', '9'): t->codec = CMAF_VP9, wanted = FOURCC('v', 'p', 'c', 'C'); break;
    default: break;
    }
    t->has_inband_parameters = trak->fourcc == FOURCC('a', 'v', 'c', '3') || trak->fourcc == FOURCC('h', 'e', 'v', '1');
    struct box box;
    while (box_next(&r, &box)) {
        struct byte_reader in = byte_reader_of(box.body);
        if (wanted && box.type == wanted && !t->config.ptr) {
            t->config = box.body;
        } else if (box.type == FOURCC('p', 'a', 's', 'p')) {
            t->aspect_x = bytes_u32be(&in), t->aspect_y = bytes_u32be(&in);
        } else if (box.type == FOURCC('c', 'o', 'l', 'r')) {
            parse_colr(box.body, &t->colour);
        } else if (box.type == FOURCC('m', 'd', 'c', 'v')) {
            parse_mdcv(box.body, &t->hdr);
        } else if (box.type == FOURCC('c', 'l', 'l', 'i') && box.body.len >= 4) {
            t->hdr.light_max = bytes_u16be(&in), t->hdr.light_average = bytes_u16be(&in);
            t->hdr.has_light = true;
        }
    }
    if (!t->config.ptr) t->codec = CMAF_CODEC_NONE;
    if (t->codec == CMAF_VP9 && !t->colour.has_any && t->config.len >= 10) {
        const uint8_t *c = (const uint8_t *)t->config.ptr;
        t->colour = (struct cmaf_colour){.has_any = c[7] != 2, .is_full_range = c[6] & 1, .primaries = c[7], .transfer = c[8], .matrix = c[9]};
    }
}

static void parse_audio_children(struct byte_reader r, struct moov_trak *trak, int depth) {
    static const struct {
        uint32_t entry, config;
        enum cmaf_codec codec;
    } plain[] = {
        {FOURCC('O', 'p', 'u', 's'), FOURCC('d', 'O', 'p', 's'), CMAF_OPUS},
        {FOURCC('a', 'c', '-', '3'), FOURCC('d', 'a', 'c', '3'), CMAF_AC3},
        {FOURCC('e', 'c', '-', '3'), FOURCC('d', 'e', 'c', '3'), CMAF_EAC3},
        {FOURCC('f', 'L', 'a', 'C'), FOURCC('d', 'f', 'L', 'a'), CMAF_FLAC},
    };
    struct cmaf_track *t = &trak->track;
    struct box box;
    while (box_next(&r, &box)) {
        for (size_t i = 0; i < ARRAY_LEN(plain); i++)
            if (trak->fourcc == plain[i].entry && box.type == plain[i].config) t->codec = plain[i].codec, t->config = box.body;
        if (box.type == FOURCC('e', 's', 'd', 's') && trak->fourcc == FOURCC('m', 'p', '4', 'a')) parse_esds(box.body, t);
        else if (box.type == FOURCC('w', 'a', 'v', 'e') && depth == 0) parse_audio_children(byte_reader_of(box.body), trak, 1); /* QuickTime */
    }
}

static void parse_audio_entry(struct slice body, struct moov_trak *trak) {
    struct cmaf_track *t = &trak->track;
    struct byte_reader r = byte_reader_of(body);
    bytes_skip(&r, 8);
    uint16_t version = bytes_u16be(&r);
    bytes_skip(&r, 6);
    t->channels = bytes_u16be(&r);
    bytes_skip(&r, 6);
    t->sample_rate = bytes_u32be(&r) >> 16;
    if (version == 1) { /* QuickTime sound description 1: 16 bytes more */
        bytes_skip(&r, 16);
    } else if (version == 2) { /* version 2: a double and more; codec configuration tells what we need */
        bytes_skip(&r, 36);
        t->channels = 0, t->sample_rate = 0;
    }
    if (trak->fourcc == FOURCC('.', 'm', 'p', '3')) t->codec = CMAF_MP3;
    parse_audio_children(r, trak, 0);
    /* What the codec says is right where the entry's 16 bits cannot: high rates, SBR, and channel counts that
     * encoders leave at 2. */
    if (t->codec == CMAF_AAC) {
        struct cmaf_track from_config = *t;
        from_config.channels = 0, from_config.sample_rate = 0;
        if (!cmaf_track_complete(&from_config).kind) t->channels = from_config.channels, t->sample_rate = from_config.sample_rate;
    } else if (t->codec == CMAF_OPUS && t->config.len > 1) {
        t->channels = (uint8_t)t->config.ptr[1], t->sample_rate = 48000;
    } else if (t->codec == CMAF_FLAC && t->config.len >= 4 + 4 + 34) {
        struct bit_reader bits = bit_reader_of(slice_sub(t->config, 18, t->config.len));
        t->sample_rate = bits_take(&bits, 20);
        t->channels = (uint16_t)(bits_take(&bits, 3) + 1);
    } else if (!t->sample_rate) {
        t->sample_rate = t->timescale;
    }
}

static void parse_stsd(struct slice body, struct moov_trak *t) {
    struct byte_reader r = byte_reader_of(body);
    bytes_skip(&r, 4);
    t->entry_count = bytes_u32be(&r);
    struct box entry;
    if (!box_next(&r, &entry)) {
        t->entry_count = 0;
        return;
    }
    t->fourcc = entry.type;
    if (entry.type == FOURCC('e', 'n', 'c', 'v') || entry.type == FOURCC('e', 'n', 'c', 'a')) {
        t->is_encrypted = true;
        struct byte_reader children = byte_reader_of(slice_sub(entry.body, entry.type == FOURCC('e', 'n', 'c', 'v') ? 78 : 28, entry.body.len));
        struct box box;
        while (box_next(&children, &box)) {
            if (box.type != FOURCC('s', 'i', 'n', 'f')) continue;
            struct slice original = box_find(box.body, FOURCC('f', 'r', 'm', 'a'));
            struct byte_reader in = byte_reader_of(original);
            if (original.len >= 4) t->fourcc = bytes_u32be(&in);
        }
    }
    if (t->track.kind == CMAF_VIDEO) parse_video_entry(entry.body, t);
    else if (t->track.kind == CMAF_AUDIO) parse_audio_entry(entry.body, t);
}

static void parse_stbl(struct slice body, struct moov_trak *t) {
    struct byte_reader r = byte_reader_of(body);
    struct box box;
    while (box_next(&r, &box)) {
        switch (box.type) {
        case FOURCC('s', 't', 's', 'd'): parse_stsd(box.body, t); break;
        case FOURCC('s', 't', 't', 's'): t->stts = box.body; break;
        case FOURCC('c', 't', 't', 's'): t->ctts = box.body; break;
        case FOURCC('s', 't', 's', 'c'): t->stsc = box.body; break;
        case FOURCC('s', 't', 's', 'z'): t->stsz = box.body; break;
        case FOURCC('s', 't', 'z', '2'): t->stz2 = box.body; break;
        case FOURCC('s', 't', 'c', 'o'): t->stco = box.body; break;
        case FOURCC('c', 'o', '6', '4'): t->co64 = box.body; break;
        case FOURCC('s', 't', 's', 's'): t->stss = box.body, t->has_sync_table = true; break;
        default: break;
        }
    }
}

/* dref: entry with flag 1 is this file; anything else names another. */
static void parse_dref(struct slice body, struct moov_trak *t) {
    struct byte_reader r = byte_reader_of(body);
    bytes_skip(&r, 8);
    struct box box;
    if (!box_next(&r, &box)) return;
    struct byte_reader in = byte_reader_of(box.body);
    uint32_t flags = bytes_u32be(&in);
    /* QuickTime writes 'alis' with flag 1 too; some tools forget the flag but then name nothing. */
    t->is_elsewhere = !(flags & 1) && bytes_left(&in) > 1;
}

static void parse_mdia(struct slice body, struct moov_trak *t) {
    struct slice hdlr = box_find(body, FOURCC('h', 'd', 'l', 'r'));
    if (hdlr.len >= 12) {
        struct byte_reader r = byte_reader_of(slice_sub(hdlr, 8, 12));
        uint32_t type = bytes_u32be(&r);
        t->track.kind = type == FOURCC('v', 'i', 'd', 'e') ? CMAF_VIDEO : type == FOURCC('s', 'o', 'u', 'n') ? CMAF_AUDIO : CMAF_KIND_NONE;
        t->is_known_kind = t->track.kind != CMAF_KIND_NONE;
    }
    parse_mdhd(box_find(body, FOURCC('m', 'd', 'h', 'd')), t);
    struct slice elng = box_find(body, FOURCC('e', 'l', 'n', 'g'));
    if (elng.len > 4) {
        struct slice tag = slice_sub(elng, 4, elng.len);
        size_t end = slice_find_byte(tag, 0);
        (void)language_normalise(slice_sub(tag, 0, end), t->track.language);
    }
    struct slice minf = box_find(body, FOURCC('m', 'i', 'n', 'f'));
    parse_dref(box_find(box_find(minf, FOURCC('d', 'i', 'n', 'f')), FOURCC('d', 'r', 'e', 'f')), t);
    parse_stbl(box_find(minf, FOURCC('s', 't', 'b', 'l')), t);
}

static void parse_kind(struct slice body, struct moov_trak *t) {
    static const struct {
        const char *scheme, *value;
        uint32_t flag;
    } kinds[] = {
        {role_scheme, "main", CMAF_DEFAULT},
        {role_scheme, "dub", CMAF_DUB},
        {role_scheme, "commentary", CMAF_COMMENTARY},
        {role_scheme, "description", CMAF_VISUAL_IMPAIRED},
        {role_scheme, "enhanced-audio-intelligibility", CMAF_HEARING_IMPAIRED},
        {role_scheme, "forced-subtitle", CMAF_FORCED},
        {"urn:grandstand:kind", "original", CMAF_ORIGINAL},
    };
    struct byte_reader r = byte_reader_of(body);
    bytes_skip(&r, 4);
    struct slice scheme = take_cstr(&r), value = take_cstr(&r);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (slice_eq(scheme, slice_cstr(kinds[i].scheme)) && slice_eq(value, slice_cstr(kinds[i].value))) t->track.flags |= kinds[i].flag;
}

static void parse_trak(struct slice body, struct moov_trak *t) {
    struct byte_reader r = byte_reader_of(body);
    struct box box;
    while (box_next(&r, &box)) {
        if (box.type == FOURCC('t', 'k', 'h', 'd')) {
            parse_tkhd(box.body, t);
        } else if (box.type == FOURCC('m', 'd', 'i', 'a')) {
            parse_mdia(box.body, t);
        } else if (box.type == FOURCC('e', 'd', 't', 's')) {
            t->elst = box_find(box.body, FOURCC('e', 'l', 's', 't'));
        } else if (box.type == FOURCC('u', 'd', 't', 'a')) {
            struct byte_reader in = byte_reader_of(box.body);
            struct box child;
            while (box_next(&in, &child)) {
                if (child.type == FOURCC('k', 'i', 'n', 'd')) parse_kind(child.body, t);
                else if (child.type == FOURCC('n', 'a', 'm', 'e'))
                    set_label(&t->track, slice_sub(child.body, 0, slice_find_byte(child.body, 0)));
                else if (child.type == FOURCC('l', 'a', 'b', 'l') && child.body.len > 6) {
                    struct byte_reader labl = byte_reader_of(slice_sub(child.body, 6, child.body.len));
                    (void)take_cstr(&labl);
                    set_label(&t->track, take_cstr(&labl));
                }
            }
        }
    }
}

static struct err malformed(void) {
    return err_make(ERR_INPUT, "moov.malformed", "The file's table of contents is damaged. Export the file again and import that.");
}

struct err moov_parse(struct slice body, struct moov_trak *traks, size_t trak_max, struct moov *out) {
    struct moov found = {.traks = traks};
    struct byte_reader r = byte_reader_of(body);
    struct box box;
    struct slice mvex = SLICE_NONE;
    while (box_next(&r, &box)) {
        if (box.type == FOURCC('m', 'v', 'h', 'd')) {
            struct byte_reader in = byte_reader_of(box.body);
            bytes_skip(&in, bytes_u32be(&in) >> 24 == 1 ? 16 : 8);
            found.timescale = bytes_u32be(&in);
        } else if (box.type == FOURCC('t', 'r', 'a', 'k')) {
            if (found.trak_count == trak_max) return err_make(ERR_INPUT, "moov.tracks", "The file has more tracks than any player could use.");
            struct moov_trak *t = &traks[found.trak_count++];
            *t = (struct moov_trak){0};
            parse_trak(box.body, t);
        } else if (box.type == FOURCC('m', 'v', 'e', 'x')) {
            found.has_fragments = true;
            mvex = box.body;
        }
    }
    if (r.has_failed) return malformed();
    struct byte_reader in = byte_reader_of(mvex);
    while (box_next(&in, &box)) {
        if (box.type != FOURCC('t', 'r', 'e', 'x')) continue;
        struct byte_reader trex = byte_reader_of(box.body);
        bytes_skip(&trex, 4);
        uint32_t id = bytes_u32be(&trex);
        bytes_skip(&trex, 4);
        struct trex values;
        values.duration = bytes_u32be(&trex), values.size = bytes_u32be(&trex), values.flags = bytes_u32be(&trex);
        for (size_t i = 0; i < found.trak_count && !trex.has_failed; i++)
            if (traks[i].id == id) traks[i].trex = values;
    }
    *out = found;
    return ERR_OK;
}
