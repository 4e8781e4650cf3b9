/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * window.h: what track writers see of a source file. For this room only.
 *
 * Samples of sound lie between those of the picture, a few hundred bytes at a time: read for themselves they cost a call each,
 * and all together as much as the picture. So what is read for one track, with what lies between, stays for a while for the others. */
#ifndef MEDIA_CMAF_WINDOW_H
#define MEDIA_CMAF_WINDOW_H

#include "media/cmaf/cmaf.h"

enum {
    WINDOW_BLOCKS = 16,            /* each read fills one, in turn: read n + WINDOW_BLOCKS takes the place of read n */
    WINDOW_BLOCK_BYTES = 256 << 10,
};

struct window_bytes {
    struct slice bytes; /* stay until read `read` + WINDOW_BLOCKS */
    uint64_t read;      /* the number, from 0, of the read that brought them */
};

/* The bytes of the source from `offset` on, at most `len`, as far as one block has them. False: none does. */
bool window_find(const struct cmaf_window *, uint64_t offset, uint64_t len, struct window_bytes *out);
/* Reads up to `len` bytes, so that window_find has the first of them. Errors: ERR_INPUT "file.truncated", ERR_LIMIT (memory), ERR_IO. */
MUST_USE struct err window_read(struct cmaf_window *, uint64_t offset, uint64_t len);
/* The number that the next read will have. */
uint64_t window_next_read(const struct cmaf_window *);

#endif
