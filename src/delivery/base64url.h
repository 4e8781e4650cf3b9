/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * base64url.h: RFC 4648 section 5, without padding. Each value has exactly one spelling: padding, blanks, the other
 * alphabet and stray bits behind the last byte are refused, so that no second text passes for the same token.
 * Within delivery only. */
#ifndef DELIVERY_BASE64URL_H
#define DELIVERY_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define BASE64URL_BYTES(text_len) ((text_len) / 4 * 3 + 2)
#define BASE64URL_TEXT(bytes) (((bytes) + 2) / 3 * 4)

/* Writes to `out`, which has room for BASE64URL_BYTES(text.len); false (and *len untouched) if it is not base64url. */
bool base64url_decode(struct slice text, uint8_t *out, size_t *len);
/* Writes the text (not terminated) and returns its length; `out` has room for BASE64URL_TEXT(bytes). */
size_t base64url_encode(const uint8_t *bytes, size_t count, char *out);

#endif
