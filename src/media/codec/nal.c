/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/codec/nal.h"

#include <string.h>

#include "base/bytes.h"

bool nal_is_annexb(struct slice s) {
    return s.len >= 4 && !s.ptr[0] && !s.ptr[1] && (s.ptr[2] == 1 || (!s.ptr[2] && s.ptr[3] == 1));
}

/* Where the next 00 00 01 begins at or after `from`; the length if there is none. */
static size_t find_start(struct slice s, size_t from) {
    while (from + 3 <= s.len) {
        const char *one = memchr(s.ptr + from + 2, 1, s.len - from - 2);
        if (!one) break;
        size_t at = (size_t)(one - s.ptr) - 2;
        if (!s.ptr[at] && !s.ptr[at + 1]) return at;
        from = at + 1;
    }
    return s.len;
}

bool nal_next(struct slice *rest, struct slice *unit) {
    for (;;) {
        size_t start = find_start(*rest, 0);
        if (start + 3 >= rest->len) {
            *rest = SLICE_NONE;
            return false;
        }
        size_t end = find_start(*rest, start + 3), len = end - start - 3;
        const char *from = rest->ptr + start + 3;
        *rest = slice_sub(*rest, end, rest->len);
        while (len && !from[len - 1]) len--; /* zeros before the next start code belong to nobody */
        if (!len) continue;
        *unit = slice_of(from, len);
        return true;
    }
}

enum unit_use { USE_PICTURE, USE_SET, USE_DROP };

static enum unit_use use_of(struct slice unit, bool is_hevc, enum nal_set *set) {
    unsigned type = is_hevc ? (uint8_t)unit.ptr[0] >> 1 & 63 : (uint8_t)unit.ptr[0] & 31;
    if (is_hevc) {
        if (unit.len < 2 || type == 35 || type == 38) return USE_DROP; /* delimiter, filler */
        if (type >= 32 && type <= 34) {
            *set = type == 32 ? NAL_VPS : type == 33 ? NAL_SPS : NAL_PPS;
            return USE_SET;
        }
    } else {
        if (type == 9 || type == 12) return USE_DROP;
        if (type == 7 || type == 8) {
            *set = type == 7 ? NAL_SPS : NAL_PPS;
            return USE_SET;
        }
    }
    return USE_PICTURE;
}

static bool is_known(const struct nal_sets *s, enum nal_set kind, struct slice unit) {
    for (size_t i = 0; i < s->count[kind]; i++)
        if (slice_eq(unit, slice_of(s->bytes.ptr + s->set[kind][i].at, s->set[kind][i].len))) return true;
    return false;
}

bool nal_sets_collect(struct nal_sets *s, bool is_hevc, struct slice annexb) {
    if (!s->bytes.bytes_max) s->bytes.bytes_max = 65536;
    struct slice unit;
    while (nal_next(&annexb, &unit)) {
        enum nal_set kind;
        if (use_of(unit, is_hevc, &kind) != USE_SET || is_known(s, kind, unit)) continue;
        if (s->count[kind] == NAL_SETS_EACH_MAX || unit.len > 65535) return false;
        s->set[kind][s->count[kind]].at = s->bytes.len;
        s->set[kind][s->count[kind]].len = unit.len;
        buf_append(&s->bytes, unit);
        if (s->bytes.has_failed) return false;
        s->count[kind]++;
    }
    return true;
}

void nal_sets_free(struct nal_sets *s) {
    buf_free(&s->bytes);
    memset(s->count, 0, sizeof s->count);
}

static struct slice set_at(const struct nal_sets *s, enum nal_set kind, size_t i) {
    return slice_of(s->bytes.ptr + s->set[kind][i].at, s->set[kind][i].len);
}

static void append_sets(const struct nal_sets *s, enum nal_set kind, struct buf *out) {
    for (size_t i = 0; i < s->count[kind]; i++) {
        struct slice unit = set_at(s, kind, i);
        buf_u16be(out, (uint16_t)unit.len);
        buf_append(out, unit);
    }
}

struct slice nal_unescape(struct slice unit, uint8_t *out, size_t size) {
    size_t len = 0, zeros = 0;
    for (size_t i = 0; i < unit.len && len < size; i++) {
        uint8_t c = (uint8_t)unit.ptr[i];
        if (zeros >= 2 && c == 3) {
            zeros = 0;
            continue;
        }
        zeros = c ? 0 : zeros + 1;
        out[len++] = c;
    }
    return slice_of(out, len);
}

struct sps_format {
    uint32_t chroma, luma_bits, chroma_bits;
};

static bool read_h264_format(struct slice sps, struct sps_format *f) {
    uint8_t bytes[64];
    struct bit_reader r = bit_reader_of(nal_unescape(slice_sub(sps, 1, sps.len), bytes, sizeof bytes));
    uint32_t profile = bits_take(&r, 8);
    bits_take(&r, 16);
    bits_ue(&r);
    *f = (struct sps_format){1, 8, 8};
    static const uint8_t WITH_FORMAT[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
    if (memchr(WITH_FORMAT, (int)profile, sizeof WITH_FORMAT)) { /* H.264 section 7.3.2.1.1 */
        f->chroma = bits_ue(&r);
        if (f->chroma == 3) bits_take(&r, 1);
        f->luma_bits = bits_ue(&r) + 8;
        f->chroma_bits = bits_ue(&r) + 8;
    }
    return !r.has_failed;
}

static bool make_avcc(const struct nal_sets *s, struct buf *out) {
    if (!s->count[NAL_SPS] || !s->count[NAL_PPS]) return false;
    struct slice sps = set_at(s, NAL_SPS, 0);
    struct sps_format f;
    if (sps.len < 4 || !read_h264_format(sps, &f)) return false;
    buf_u8(out, 1);
    buf_bytes(out, sps.ptr + 1, 3); /* profile, compatibility, level */
    buf_u8(out, 0xff);              /* lengths of 4 bytes */
    buf_u8(out, (uint8_t)(0xe0 | s->count[NAL_SPS]));
    append_sets(s, NAL_SPS, out);
    buf_u8(out, (uint8_t)s->count[NAL_PPS]);
    append_sets(s, NAL_PPS, out);
    uint8_t profile = (uint8_t)sps.ptr[1];
    if (profile != 66 && profile != 77 && profile != 88) {
        buf_u8(out, (uint8_t)(0xfc | f.chroma));
        buf_u8(out, (uint8_t)(0xf8 | (f.luma_bits - 8)));
        buf_u8(out, (uint8_t)(0xf8 | (f.chroma_bits - 8)));
        buf_u8(out, 0);
    }
    return !out->has_failed;
}

/* 14496-15 section 8.3.3.1; the general profile stands in the SPS at byte 3 (H.265 section 7.3.2.2.1). */
static bool make_hvcc(const struct nal_sets *s, struct buf *out) {
    if (!s->count[NAL_VPS] || !s->count[NAL_SPS] || !s->count[NAL_PPS]) return false;
    uint8_t bytes[256];
    struct slice sps = nal_unescape(set_at(s, NAL_SPS, 0), bytes, sizeof bytes);
    if (sps.len < 16) return false;
    uint8_t sub_layers = (uint8_t)(bytes[2] >> 1 & 7), nested = bytes[2] & 1;
    struct bit_reader r = bit_reader_of(slice_sub(sps, 15, sps.len)); /* behind general_level_idc */
    bool has_profile[8] = {0}, has_level[8] = {0};
    for (unsigned i = 0; i < sub_layers; i++) {
        has_profile[i] = bits_take(&r, 1);
        has_level[i] = bits_take(&r, 1);
    }
    if (sub_layers) bits_take(&r, 2 * (8u - sub_layers));
    for (unsigned i = 0; i < sub_layers; i++) {
        if (has_profile[i]) bits_take(&r, 32), bits_take(&r, 32), bits_take(&r, 24);
        if (has_level[i]) bits_take(&r, 8);
    }
    bits_ue(&r); /* id */
    uint32_t chroma = bits_ue(&r);
    if (chroma == 3) bits_take(&r, 1);
    bits_ue(&r);
    bits_ue(&r);
    if (bits_take(&r, 1)) /* conformance window */
        for (int i = 0; i < 4; i++) bits_ue(&r);
    uint32_t luma_bits = bits_ue(&r) + 8, chroma_bits = bits_ue(&r) + 8;
    if (r.has_failed || chroma > 3 || luma_bits > 16 || chroma_bits > 16) return false;

    buf_u8(out, 1);
    buf_bytes(out, bytes + 3, 12); /* profile space, tier, profile, compatibility, constraints, level */
    buf_u16be(out, 0xf000);        /* spatial segmentation: not known */
    buf_u8(out, 0xfc);             /* parallelism: not known */
    buf_u8(out, (uint8_t)(0xfc | chroma));
    buf_u8(out, (uint8_t)(0xf8 | (luma_bits - 8)));
    buf_u8(out, (uint8_t)(0xf8 | (chroma_bits - 8)));
    buf_u16be(out, 0); /* average frame rate: not known */
    buf_u8(out, (uint8_t)((sub_layers + 1) << 3 | nested << 2 | 3));
    buf_u8(out, NAL_SETS);
    static const uint8_t TYPES[NAL_SETS] = {32, 33, 34};
    for (int kind = 0; kind < NAL_SETS; kind++) {
        buf_u8(out, (uint8_t)(0x80 | TYPES[kind])); /* all of them are here */
        buf_u16be(out, (uint16_t)s->count[kind]);
        append_sets(s, (enum nal_set)kind, out);
    }
    return !out->has_failed;
}

bool nal_make_config(const struct nal_sets *s, bool is_hevc, struct buf *out) { return is_hevc ? make_hvcc(s, out) : make_avcc(s, out); }

bool nal_to_lengths(const struct nal_sets *known, bool is_hevc, struct slice annexb, struct buf *out, bool *has_new_sets) {
    struct slice unit;
    *has_new_sets = false;
    while (nal_next(&annexb, &unit)) {
        enum nal_set kind;
        enum unit_use use = use_of(unit, is_hevc, &kind);
        if (use == USE_SET && !is_known(known, kind, unit)) *has_new_sets = true;
        if (use != USE_PICTURE) continue;
        buf_u32be(out, (uint32_t)unit.len);
        buf_append(out, unit);
    }
    return !out->has_failed;
}

bool nal_config_is_playable(struct slice config, bool is_hevc) {
    if (is_hevc) {
        if (config.len < 23) return false;
        uint8_t profile = (uint8_t)config.ptr[1] & 31, chroma = (uint8_t)config.ptr[16] & 3, bits = ((uint8_t)config.ptr[17] & 7) + 8;
        return (profile == 1 || profile == 2 || profile == 3) && chroma == 1 && bits <= 10;
    }
    if (config.len < 8 || !((uint8_t)config.ptr[5] & 31)) return false;
    uint8_t profile = (uint8_t)config.ptr[1];
    if (profile != 66 && profile != 77 && profile != 100) return false;
    struct byte_reader r = byte_reader_of(slice_sub(config, 6, config.len));
    struct slice sps = bytes_take(&r, bytes_u16be(&r));
    struct sps_format f;
    return sps.len >= 4 && read_h264_format(sps, &f) && f.chroma <= 1 && f.luma_bits == 8 && f.chroma_bits == 8;
}

/* The messages of an SEI unit one after the other (H.264 section 7.3.2.3.1, H.265 section 7.3.5), as far as its first kilobyte goes. */
struct sei {
    uint8_t bytes[1024];
    struct byte_reader rest;
    unsigned type;
    struct slice payload;
};

static void sei_begin(struct sei *s, struct slice unit, bool is_hevc) {
    s->rest = byte_reader_of(nal_unescape(slice_sub(unit, is_hevc ? 2 : 1, unit.len), s->bytes, sizeof s->bytes));
}

static bool sei_next(struct sei *s) {
    struct byte_reader *r = &s->rest;
    if (bytes_left(r) <= 2) return false;
    unsigned type = 0, size = 0, c;
    do type += c = bytes_u8(r);
    while (c == 255 && bytes_left(r));
    do size += c = bytes_u8(r);
    while (c == 255 && bytes_left(r));
    if (size > bytes_left(r)) return false;
    s->type = type;
    s->payload = bytes_take(r, size);
    return true;
}

static void read_sei(struct slice unit, struct cmaf_hdr *out) {
    struct sei s;
    for (sei_begin(&s, unit, true); sei_next(&s);) {
        struct byte_reader payload = byte_reader_of(s.payload);
        unsigned type = s.type;
        size_t size = s.payload.len;
        if (type == 137 && size >= 24) {
            for (int i = 0; i < 3; i++) {
                out->primary_x[i] = bytes_u16be(&payload);
                out->primary_y[i] = bytes_u16be(&payload);
            }
            out->white_x = bytes_u16be(&payload);
            out->white_y = bytes_u16be(&payload);
            out->luminance_max = bytes_u32be(&payload);
            out->luminance_min = bytes_u32be(&payload);
            out->has_mastering = true;
        } else if (type == 144 && size >= 4) {
            out->light_max = bytes_u16be(&payload);
            out->light_average = bytes_u16be(&payload);
            out->has_light = true;
        }
    }
}

void nal_read_hdr(struct slice sample, bool is_annexb, unsigned length_bytes, struct cmaf_hdr *out) {
    struct byte_reader r = byte_reader_of(sample);
    for (;;) {
        struct slice unit;
        if (is_annexb) {
            if (!nal_next(&sample, &unit)) return;
        } else {
            if (bytes_left(&r) <= length_bytes) return;
            unit = bytes_take(&r, (size_t)bytes_be(&r, length_bytes));
        }
        if (unit.len > 2 && ((uint8_t)unit.ptr[0] >> 1 & 63) == 39) read_sei(unit, out);
    }
}

/* An SEI message "recovery point" that says: from this picture on (H.264 D.2.8). Broadcasters send such pictures instead of IDR. */
static bool recovers_at_once(struct slice unit) {
    struct sei s;
    for (sei_begin(&s, unit, false); sei_next(&s);)
        if (s.type == 6) {
            struct bit_reader payload = bit_reader_of(s.payload);
            return bits_ue(&payload) == 0 && !payload.has_failed;
        }
    return false;
}

enum nal_role nal_role(struct slice unit, bool is_hevc) {
    enum nal_set set;
    if (!unit.len) return NAL_ROLE_OTHER;
    switch (use_of(unit, is_hevc, &set)) {
    case USE_SET: return NAL_ROLE_SET;
    case USE_DROP: return NAL_ROLE_OTHER;
    default: break;
    }
    unsigned type = is_hevc ? (uint8_t)unit.ptr[0] >> 1 & 63 : (uint8_t)unit.ptr[0] & 31;
    if (is_hevc) return type >= 16 && type <= 21 ? NAL_ROLE_SYNC : type < 32 ? NAL_ROLE_PICTURE : NAL_ROLE_OTHER;
    if (type == 5) return NAL_ROLE_SYNC;
    if (type == 6) return recovers_at_once(unit) ? NAL_ROLE_SYNC : NAL_ROLE_OTHER;
    return type >= 1 && type <= 4 ? NAL_ROLE_PICTURE : NAL_ROLE_OTHER;
}

/* user_data_unregistered: UUID, status, then eight bytes of the time with 0xff after every second, so that no start code arises. */
static int64_t precision_time(struct slice payload) {
    struct byte_reader r = byte_reader_of(payload);
    if (!slice_eq(bytes_take(&r, 16), SLICE("MISPmicrosectime"))) return 0;
    bytes_skip(&r, 1); /* whether the encoder's clock is locked: how good it is shows in what it says */
    uint64_t us = 0;
    for (int i = 0; i < 4; i++) {
        us = us << 16 | bytes_u16be(&r);
        if (i < 3 && bytes_u8(&r) != 0xff) return 0;
    }
    return r.has_failed || us > INT64_MAX / 1000 ? 0 : (int64_t)us;
}

int64_t nal_read_time_us(struct slice unit, bool is_hevc) {
    unsigned type = is_hevc ? (uint8_t)unit.ptr[0] >> 1 & 63 : (uint8_t)unit.ptr[0] & 31;
    if (type != (is_hevc ? 39u : 6u)) return 0;
    struct sei s;
    for (sei_begin(&s, unit, is_hevc); sei_next(&s);) {
        int64_t us = s.type == 5 ? precision_time(s.payload) : 0;
        if (us) return us;
    }
    return 0;
}
