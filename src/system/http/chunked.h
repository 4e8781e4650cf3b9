/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * chunked.h: the chunked transfer coding of request bodies (RFC 9112 section 7.1), byte by byte. Pure. Strict: only
 * CR LF ends a line, sizes have at most 15 hexadecimal digits, extensions are skipped up to 256 bytes a line, trailers
 * up to 4 KB in all (and thrown away: none means anything to us). */
#ifndef SYSTEM_HTTP_CHUNKED_H
#define SYSTEM_HTTP_CHUNKED_H

#include <stdint.h>

#include "base/slice.h"

struct chunked {
    uint8_t state;
    uint8_t digits;
    uint16_t skipped; /* bytes of this line's extension, or of all trailers */
    uint64_t left;    /* of this chunk */
};
enum chunked_result { CHUNKED_MORE, CHUNKED_DATA, CHUNKED_END, CHUNKED_BAD };

/* Takes from the front of *in. DATA: *data is the next piece of the body, inside the input. MORE: all was taken. END: what
 * is left in *in belongs to the next request. Start with a zeroed struct. */
enum chunked_result chunked_next(struct chunked *, struct slice *in, struct slice *data);

/* The last `len` bytes of the DATA just given were not wanted yet: they will come again. */
void chunked_put_back(struct chunked *, size_t len);

#endif
