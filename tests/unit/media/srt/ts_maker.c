/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "ts_maker.h"

#include <assert.h>

#include "base/bytes.h"
#include "media/srt/ts.h"

void ts_put_packet(struct buf *out, uint16_t pid, bool is_start, uint8_t counter, struct slice payload, bool is_section) {
    size_t room = TS_PACKET_BYTES - 4, pad = room - payload.len;
    assert(payload.len <= room);
    buf_u8(out, 0x47);
    buf_u16be(out, (uint16_t)((is_start ? 0x4000 : 0) | pid));
    bool has_field = pad && !is_section;
    buf_u8(out, (uint8_t)((has_field ? 0x30 : 0x10) | (counter & 15)));
    if (has_field) {
        buf_u8(out, (uint8_t)(pad - 1));
        if (pad > 1) buf_u8(out, 0);
        for (size_t i = 2; i < pad; i++) buf_u8(out, 0xff);
    }
    buf_append(out, payload);
    for (size_t i = 0; is_section && i < pad; i++) buf_u8(out, 0xff);
}

void ts_put_section(struct buf *out, uint16_t pid, uint8_t counter, struct slice body) {
    struct buf b = BUF(300);
    buf_u8(&b, 0);
    buf_append(&b, body);
    buf_u32be(&b, bytes_crc32_mpeg(body));
    ts_put_packet(out, pid, true, counter, buf_slice(&b), true);
    buf_free(&b);
}

void ts_put_tables(struct buf *out, uint8_t counter, uint8_t version, const uint16_t (*streams)[2], size_t count) {
    ts_put_section(out, 0, counter, SLICE("\x00\xb0\x0d\x00\x01\xc1\x00\x00\x00\x01\xf0\x00"));
    struct buf b = BUF(200);
    buf_u8(&b, 2);
    buf_u16be(&b, (uint16_t)(0xb000 | (13 + 5 * count + 6)));
    buf_u16be(&b, 1);
    buf_u8(&b, (uint8_t)(0xc1 | version << 1));
    buf_u16be(&b, 0);
    buf_u16be(&b, 0xe100);
    buf_u16be(&b, 0xf006);
    buf_append(&b, SLICE("\x05\x04" "CUEI"));
    for (size_t i = 0; i < count; i++) {
        buf_u8(&b, (uint8_t)streams[i][0]);
        buf_u16be(&b, 0xe000 | streams[i][1]);
        buf_u16be(&b, 0xf000);
    }
    ts_put_section(out, 0x1000, counter, buf_slice(&b));
    buf_free(&b);
}

uint16_t ts_pid(const char *packet) { return (uint16_t)((uint8_t)packet[1] << 8 | (uint8_t)packet[2]) & 0x1fff; }

struct slice ts_cue(void) {
    return SLICE("\xfc\x30\x2f\x00\x00\x00\x00\x00\x00\xff\xff\xf0\x14\x05\x48\x00\x00\x8f\x7f\xef\xfe\x73\x69\xc0\x2e\xfe\x00\x52\xcc\xf5\x00\x00\x00\x00\x00\x0a\x00\x08"
                 "CUEI\x00\x00\x01\x35");
}
