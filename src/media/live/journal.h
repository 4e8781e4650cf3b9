/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * journal.h: the two files that say where a channel's bytes are. Both are only ever appended to, record by record, each with its own checksum, so that
 * after a crash everything up to the last whole record counts. For this room only.
 *
 *   v0-h0.idx   64 bytes of head, then 64 bytes a record: a part, or the end of a segment
 *
 *      head   "GSLIVEP1" name[8] hour:4 timescale:4 zeros crc:4
 *      record type:1 flags:1 part:2 bytes:4 number:8 offset:8 start:8 duration:4 run:4 init:2 0:2 first_bytes:4 utc:8 sum:4 crc:4
 *
 *   live.idx    16 bytes of head, then records of any length
 *
 *      head   "GSLIVEC1" 0:4 crc:4
 *      record type:2 0:2 length:4 payload crc:4
 *
 * Numbers are big-endian. `sum` is over the bytes of the part itself. Nothing that is read is believed before its checksum is right; what is then still
 * impossible ends the reading there. */
#ifndef MEDIA_LIVE_JOURNAL_H
#define MEDIA_LIVE_JOURNAL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum { JOURNAL_RECORD_BYTES = 64, JOURNAL_LOG_HEAD_BYTES = 16, JOURNAL_LOG_RECORD_MAX = 1 << 20 };

enum journal_type { JOURNAL_PART = 1, JOURNAL_END = 2 };
enum journal_flags { JOURNAL_SYNC = 1, JOURNAL_GAP = 2 };

struct journal_head {
    char name[8];
    uint32_t hour, timescale;
};

struct journal_record {
    uint8_t type, flags;
    uint16_t part;        /* of the segment; END: how many there were */
    uint32_t bytes;       /* of the part; END: of the segment */
    uint64_t number;
    uint64_t offset;      /* in the hour file; END: of the segment's first byte */
    int64_t start;
    uint32_t duration;
    uint32_t run;
    uint16_t init;
    uint32_t first_bytes;
    int64_t utc_ns;
    uint32_t sum;
};

void journal_put_head(struct buf *, const struct journal_head *);
void journal_put(struct buf *, const struct journal_record *);
/* Errors: ERR_INPUT live.index. */
MUST_USE struct err journal_read_head(struct slice file, struct journal_head *out);
/* The record at `*at` (from JOURNAL_RECORD_BYTES on), moving on behind it. False: no more whole ones; *at stands behind the last good byte. Impossible values
 * count as broken. */
bool journal_next(struct slice file, size_t *at, struct journal_record *out);

void journal_put_log_head(struct buf *);
void journal_put_log(struct buf *, uint16_t type, struct slice payload);
MUST_USE struct err journal_read_log_head(struct slice file);
bool journal_next_log(struct slice file, size_t *at, uint16_t *type, struct slice *payload);

#endif
