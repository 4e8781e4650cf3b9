/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/srt/adts.h"

#include "base/bytes.h"
#include "base/err.h"

enum { HEADER_BYTES = 7 };

enum adts_result adts_next(struct slice *rest, struct adts_frame *out) {
    static const uint32_t RATES[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};
    while (rest->len >= 2) {
        size_t at = slice_find_byte(*rest, (char)0xff);
        if (at == SLICE_NPOS) break;
        *rest = slice_sub(*rest, at, rest->len);
        const uint8_t *b = (const uint8_t *)rest->ptr;
        if (rest->len >= 2 && (b[1] & 0xf6) == 0xf0) {
            if (rest->len < HEADER_BYTES) return ADTS_MORE;
            unsigned profile = b[2] >> 6, rate = b[2] >> 2 & 15, channels = (b[2] & 1u) << 2 | b[3] >> 6, blocks = (b[6] & 3u) + 1;
            size_t len = (b[3] & 3u) << 11 | (size_t)b[4] << 3 | b[5] >> 5, header = b[1] & 1 ? HEADER_BYTES : HEADER_BYTES + 2;
            if (rate < ARRAY_LEN(RATES) && len > header) {
                if (rest->len < len) return ADTS_MORE;
                *out = (struct adts_frame){.raw = slice_sub(*rest, header, len), .rate = RATES[rate], .samples = blocks * 1024, .is_plain = blocks == 1 && channels};
                out->config[0] = (uint8_t)((profile + 1) << 3 | rate >> 1);
                out->config[1] = (uint8_t)((rate & 1) << 7 | channels << 3);
                *rest = slice_sub(*rest, len, rest->len);
                return ADTS_FRAME;
            }
        }
        *rest = slice_sub(*rest, 1, rest->len);
    }
    if (rest->len == 1 && (uint8_t)rest->ptr[0] == 0xff) return ADTS_MORE;
    *rest = SLICE_NONE;
    return ADTS_NONE;
}

bool opus_next(struct slice *rest, struct slice *packet) {
    struct byte_reader r = byte_reader_of(*rest);
    uint16_t head = bytes_u16be(&r);
    if (r.has_failed || (head & 0xffe0) != 0x7fe0) return false;
    size_t size = 0;
    uint8_t c;
    do size += c = bytes_u8(&r);
    while (c == 255 && !r.has_failed);
    if (head & 0x10) bytes_skip(&r, 2); /* trimmed at the start */
    if (head & 0x08) bytes_skip(&r, 2); /* and at the end */
    if (head & 0x04) bytes_skip(&r, bytes_u8(&r));
    struct slice found = bytes_take(&r, size);
    if (r.has_failed || !found.len) return false;
    *packet = found;
    *rest = slice_of(r.at, bytes_left(&r));
    return true;
}

uint32_t opus_samples(struct slice packet) {
    static const uint16_t SILK[] = {480, 960, 1920, 2880}, CELT[] = {120, 240, 480, 960};
    if (!packet.len) return 0;
    uint8_t toc = (uint8_t)packet.ptr[0];
    unsigned config = toc >> 3, frames = (toc & 3) == 0 ? 1 : (toc & 3) < 3 ? 2 : packet.len > 1 ? (uint8_t)packet.ptr[1] & 63u : 0;
    uint32_t each = config < 12 ? SILK[config & 3] : config < 16 ? SILK[config & 1] : CELT[config & 3];
    return frames * each <= 5760 ? frames * each : 0; /* 120 ms at the most */
}
