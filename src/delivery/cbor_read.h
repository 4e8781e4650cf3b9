/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * cbor_read.h: reads the little CBOR that a token is made of, strictly: shortest form and definite lengths only (RFC 8949
 * section 4.2.1), integers, bytes, text, arrays, maps, tags. Anything else sets the reader's failure, after which
 * everything reads as zero. Allocates nothing, never leaves its slice. Within delivery only. */
#ifndef DELIVERY_CBOR_READ_H
#define DELIVERY_CBOR_READ_H

#include "base/bytes.h"

enum cbor_major { CBOR_UINT, CBOR_NEGINT, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP, CBOR_TAG, CBOR_SIMPLE };

struct cbor_head {
    enum cbor_major major;
    uint64_t value; /* the number, or the count of bytes, items, pairs, or the tag */
};

struct cbor_head cbor_read_head(struct byte_reader *);

/* The value of a head that must be of this kind; 0 and failed if it is not. */
uint64_t cbor_read(struct byte_reader *, enum cbor_major);
/* A byte or text string of at most len_max bytes, as a slice into the input. */
struct slice cbor_read_string(struct byte_reader *, enum cbor_major bytes_or_text, size_t len_max);

#endif
