/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/live/journal.h"

#include <assert.h>

#include "base/bytes.h"
#include "base/crc.h"

static const char part_magic[] = "GSLIVEP1", log_magic[] = "GSLIVEC1";

static struct err not_ours(void) { return err_make(ERR_INPUT, "live.index", "The index of this recording is damaged or was not written by Grandstand."); }

static uint32_t be32(const char *at) {
    struct byte_reader r = byte_reader_of(slice_of(at, 4));
    return bytes_u32be(&r);
}

/* The checksum of what was appended since `from`. */
static void put_crc(struct buf *b, size_t from) {
    if (!b->has_failed) buf_u32be(b, crc32c(0, b->ptr + from, b->len - from));
}

void journal_put_head(struct buf *b, const struct journal_head *h) {
    static const char zeros[JOURNAL_RECORD_BYTES] = "";
    size_t from = b->len;
    buf_bytes(b, part_magic, 8);
    buf_bytes(b, h->name, sizeof h->name);
    buf_u32be(b, h->hour);
    buf_u32be(b, h->timescale);
    buf_bytes(b, zeros, JOURNAL_RECORD_BYTES - 8 - 8 - 4 - 4 - 4);
    put_crc(b, from);
    assert(b->has_failed || b->len - from == JOURNAL_RECORD_BYTES);
}

void journal_put(struct buf *b, const struct journal_record *r) {
    size_t from = b->len;
    buf_u8(b, r->type);
    buf_u8(b, r->flags);
    buf_u16be(b, r->part);
    buf_u32be(b, r->bytes);
    buf_u64be(b, r->number);
    buf_u64be(b, r->offset);
    buf_u64be(b, (uint64_t)r->start);
    buf_u32be(b, r->duration);
    buf_u32be(b, r->run);
    buf_u16be(b, r->init);
    buf_u16be(b, 0);
    buf_u32be(b, r->first_bytes);
    buf_u64be(b, (uint64_t)r->utc_ns);
    buf_u32be(b, r->sum);
    put_crc(b, from);
    assert(b->has_failed || b->len - from == JOURNAL_RECORD_BYTES);
}

struct err journal_read_head(struct slice file, struct journal_head *out) {
    if (file.len < JOURNAL_RECORD_BYTES || memcmp(file.ptr, part_magic, 8)) return not_ours();
    if (be32(file.ptr + JOURNAL_RECORD_BYTES - 4) != crc32c(0, file.ptr, JOURNAL_RECORD_BYTES - 4)) return not_ours();
    struct journal_head h;
    struct byte_reader r = byte_reader_of(slice_sub(file, 8, JOURNAL_RECORD_BYTES));
    memcpy(h.name, bytes_take(&r, sizeof h.name).ptr, sizeof h.name);
    h.hour = bytes_u32be(&r);
    h.timescale = bytes_u32be(&r);
    if (h.name[sizeof h.name - 1] || !h.timescale) return not_ours();
    *out = h;
    return ERR_OK;
}

/* Times and places so large that sums of them would not fit come from no recorder. */
static bool is_possible(const struct journal_record *r) {
    static const int64_t time_max = INT64_C(1) << 55;
    if (r->type != JOURNAL_PART && r->type != JOURNAL_END) return false;
    return r->start >= 0 && r->start < time_max && r->utc_ns > -INT64_MAX / 2 && r->utc_ns < INT64_MAX / 2 && r->offset < (UINT64_C(1) << 50) && r->number < (UINT64_C(1) << 50) && r->first_bytes <= r->bytes &&
           r->duration < (1u << 31) && (r->type == JOURNAL_END || r->bytes);
}

bool journal_next(struct slice file, size_t *at, struct journal_record *out) {
    if (*at > file.len || file.len - *at < JOURNAL_RECORD_BYTES) return false;
    const char *bytes = file.ptr + *at;
    if (be32(bytes + JOURNAL_RECORD_BYTES - 4) != crc32c(0, bytes, JOURNAL_RECORD_BYTES - 4)) return false;
    struct byte_reader r = byte_reader_of(slice_of(bytes, JOURNAL_RECORD_BYTES));
    struct journal_record record = {.type = bytes_u8(&r), .flags = bytes_u8(&r)};
    record.part = bytes_u16be(&r);
    record.bytes = bytes_u32be(&r);
    record.number = bytes_u64be(&r);
    record.offset = bytes_u64be(&r);
    record.start = (int64_t)bytes_u64be(&r);
    record.duration = bytes_u32be(&r);
    record.run = bytes_u32be(&r);
    record.init = bytes_u16be(&r);
    bytes_skip(&r, 2);
    record.first_bytes = bytes_u32be(&r);
    record.utc_ns = (int64_t)bytes_u64be(&r);
    record.sum = bytes_u32be(&r);
    if (!is_possible(&record)) return false;
    *at += JOURNAL_RECORD_BYTES;
    *out = record;
    return true;
}

void journal_put_log_head(struct buf *b) {
    size_t from = b->len;
    buf_bytes(b, log_magic, 8);
    buf_u32be(b, 0);
    put_crc(b, from);
}

void journal_put_log(struct buf *b, uint16_t type, struct slice payload) {
    assert(payload.len <= JOURNAL_LOG_RECORD_MAX);
    size_t from = b->len;
    buf_u16be(b, type);
    buf_u16be(b, 0);
    buf_u32be(b, (uint32_t)payload.len);
    buf_append(b, payload);
    put_crc(b, from);
}

struct err journal_read_log_head(struct slice file) {
    if (file.len < JOURNAL_LOG_HEAD_BYTES || memcmp(file.ptr, log_magic, 8)) return not_ours();
    return be32(file.ptr + 12) == crc32c(0, file.ptr, 12) ? ERR_OK : not_ours();
}

bool journal_next_log(struct slice file, size_t *at, uint16_t *type, struct slice *payload) {
    if (*at > file.len || file.len - *at < 12) return false;
    const char *bytes = file.ptr + *at;
    size_t length = be32(bytes + 4);
    if (length > JOURNAL_LOG_RECORD_MAX || file.len - *at - 12 < length) return false;
    if (be32(bytes + 8 + length) != crc32c(0, bytes, 8 + length)) return false;
    *type = (uint16_t)((uint8_t)bytes[0] << 8 | (uint8_t)bytes[1]);
    *payload = slice_of(bytes + 8, length);
    *at += 12 + length;
    return true;
}
