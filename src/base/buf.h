/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * buf.h: a growing byte buffer, born with its maximum. Append freely and check once at the end: an append that would
 * pass the maximum, or for which memory ran out, sets a sticky error and adds nothing from then on.
 * A zeroed struct with bytes_max set is a valid empty buffer. One thread at a time. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct buf {
    char *ptr;
    size_t len, capacity, bytes_max;
    bool has_failed;
};

#define BUF(max_bytes) ((struct buf){.bytes_max = (max_bytes)})
void buf_free(struct buf *);  /* gives the memory back; the buffer is empty and usable again */
void buf_clear(struct buf *); /* empties it, keeps the memory, forgets an error */

void buf_append(struct buf *, struct slice);
void buf_bytes(struct buf *, const void *bytes, size_t len);
void buf_cstr(struct buf *, const char *text);
void buf_printf(struct buf *, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *, const char *format, va_list) PRINTF_LIKE(2, 0);
void buf_u64_text(struct buf *, uint64_t); /* decimal, much faster than printf */
/* The shortest decimal that reads back as the same double; for numbers of everyday size some ten times as fast as printf and strtod. Finite. */
void buf_double(struct buf *, double);

/* Big-endian binary, as ISO boxes, RTMP and TS want it. */
void buf_u8(struct buf *, uint8_t);
void buf_u16be(struct buf *, uint16_t);
void buf_u24be(struct buf *, uint32_t);
void buf_u32be(struct buf *, uint32_t);
void buf_u64be(struct buf *, uint64_t);
/* Overwrites 4 bytes written earlier (a box's size). Does nothing on a failed buffer. */
void buf_patch_u32be(struct buf *, size_t at, uint32_t);

/* Makes room for `len` more and returns where to write, or NULL (sticky). The caller then adds to len with
 * buf_commit what it really wrote. */
char *buf_reserve(struct buf *, size_t len);
void buf_commit(struct buf *, size_t len);
/* Removes the first `len` bytes. */
void buf_consume(struct buf *, size_t len);

static inline struct slice buf_slice(const struct buf *b) { return slice_of(b->ptr, b->len); }

/* ERR_LIMIT if any append failed. */
MUST_USE struct err buf_error(const struct buf *);

#endif
