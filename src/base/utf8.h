/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * utf8.h: text from outside is UTF-8 or is refused (RFC 3629: no surrogates, no overlong forms, up to U+10FFFF). */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* Length in bytes (1 to 4) of the well-formed character that `s` begins with; 0 if it begins with none. */
size_t utf8_step(struct slice s);
/* The same, and the character. */
size_t utf8_decode(struct slice s, uint32_t *code_point);
bool utf8_is_valid(struct slice s);

/* Writes 1 to 4 bytes; code_point must be a Unicode scalar value. */
size_t utf8_encode(uint32_t code_point, char out[4]);

/* Is this a name that may be shown? Valid UTF-8, not only blanks, at most `chars_max` characters, without control
 * characters and without the marks that turn the direction of the text around it (U+202A to 202E, U+2066 to 2069). */
bool utf8_is_display_text(struct slice s, size_t chars_max);

#endif
