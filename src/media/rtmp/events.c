/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/rtmp/events.h"

#include <stdlib.h>

#include "base/err.h"

#define QUARTER_NS (900 * NS_PER_S)

/* "HH:MM:SS" and then ".mmm", or ":FF" or ";FF" at a frame rate. */
static bool read_time(struct slice text, double frames_per_s, int64_t *ns) {
    uint64_t part[3];
    for (unsigned i = 0; i < 3; i++) {
        if (text.len < i * 3 + 2 || (i && text.ptr[i * 3 - 1] != ':') || !slice_to_u64(slice_sub(text, i * 3, i * 3 + 2), &part[i]))
            return false;
    }
    if (part[0] > 23 || part[1] > 59 || part[2] > 60) return false;
    *ns = (int64_t)(part[0] * 3600 + part[1] * 60 + part[2]) * NS_PER_S;
    struct slice rest = slice_sub(text, 8, text.len);
    uint64_t fraction;
    if (!rest.len) return true;
    if (rest.len > 7 || !slice_to_u64(slice_sub(rest, 1, rest.len), &fraction)) return false;
    if (rest.ptr[0] == '.') {
        int64_t unit = NS_PER_S;
        for (size_t i = 1; i < rest.len; i++) unit /= 10;
        *ns += (int64_t)fraction * unit;
        return true;
    }
    if ((rest.ptr[0] != ':' && rest.ptr[0] != ';') || !(frames_per_s >= 1) || (double)fraction >= frames_per_s) return false;
    *ns += (int64_t)((double)fraction / frames_per_s * NS_PER_S);
    return true;
}

void timecode_read(struct timecode *t, const struct amf_value *object, int64_t at_ms, struct utc_time arrived, double frames_per_s) {
    int64_t said, late_ns_max = 60 * NS_PER_S;
    if (!read_time(amf_find_text(object, SLICE("st")), 0, &said)) {
        late_ns_max = 10 * NS_PER_S; /* a frame counter may have begun anywhere: harder to believe */
        if (!read_time(amf_find_text(object, SLICE("tc")), frames_per_s, &said) &&
            !read_time(amf_find_text(object, SLICE("timecode")), frames_per_s, &said))
            return;
    }
    int64_t behind = (arrived.ns - said) % QUARTER_NS;
    if (behind < 0) behind += QUARTER_NS;
    if (behind > QUARTER_NS / 2) behind -= QUARTER_NS;
    if (behind > late_ns_max || behind < -2 * NS_PER_S) return;
    *t = (struct timecode){.is_set = true, .at_ms = at_ms, .utc = {arrived.ns - behind}};
}

bool timecode_apply(const struct timecode *t, int64_t ms, struct utc_time *captured) {
    if (!t->is_set || ms - t->at_ms > 10000 || t->at_ms - ms > 10000) return false;
    captured->ns = t->utc.ns + (ms - t->at_ms) * NS_PER_MS;
    return true;
}

static int base64_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static size_t base64_decode(struct slice text, uint8_t *out, size_t max) {
    uint32_t held = 0;
    unsigned bits = 0;
    size_t len = 0;
    while (text.len && text.ptr[text.len - 1] == '=') text.len--;
    for (size_t i = 0; i < text.len; i++) {
        int value = base64_value(text.ptr[i]);
        if (value < 0) return 0;
        held = held << 6 | (uint32_t)value;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        if (len == max) return 0;
        out[len++] = (uint8_t)(held >> bits);
    }
    return len;
}

/* CRC-32 of MPEG-2 systems (13818-1 annex A): over a whole section, its own CRC included, it is 0. */
static uint32_t crc_mpeg(const uint8_t *bytes, size_t len) {
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < len; i++) {
        crc ^= (uint32_t)bytes[i] << 24;
        for (unsigned bit = 0; bit < 8; bit++) crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7 : 0);
    }
    return crc;
}

static size_t find(const struct amf_value *object, uint8_t *out, unsigned depth) {
    struct byte_reader members = byte_reader_of(object->content);
    struct slice name;
    struct amf_value value;
    while (amf_member(&members, &name, &value)) {
        size_t bytes = 0;
        if (value.kind == AMF_OBJECT && depth) bytes = find(&value, out, depth - 1);
        else if (value.kind == AMF_TEXT && value.text.len >= 20) bytes = base64_decode(value.text, out, SPLICE_BYTES_MAX);
        bool is_section = bytes >= 15 && out[0] == 0xfc && ((out[1] & 15u) << 8 | out[2]) + 3u == bytes && !crc_mpeg(out, bytes);
        if (is_section) return bytes;
    }
    return 0;
}

size_t splice_find(const struct amf_value *object, uint8_t out[SPLICE_BYTES_MAX]) { return object->kind == AMF_OBJECT ? find(object, out, 2) : 0; }
