/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * slice.h: text and bytes as pointer and length. A slice borrows: it owns nothing and is valid as long as what it
 * points into. It need not be terminated and may contain any byte. The empty slice is {NULL or anything, 0}. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *ptr;
    size_t len;
};

#define SLICE(literal) ((struct slice){.ptr = "" literal, .len = sizeof(literal) - 1})
#define SLICE_NONE ((struct slice){0})
/* For printf: printf("%.*s", SLICE_ARG(s)) */
#define SLICE_ARG(s) (int)(s).len, (s).ptr

static inline struct slice slice_of(const void *ptr, size_t len) { return (struct slice){.ptr = ptr, .len = len}; }
static inline struct slice slice_cstr(const char *text) { return text ? slice_of(text, strlen(text)) : SLICE_NONE; }

static inline bool slice_eq(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
bool slice_eq_nocase(struct slice a, struct slice b); /* ASCII letters only */
int slice_compare(struct slice a, struct slice b);    /* bytewise, as memcmp, shorter first */
bool slice_starts_with(struct slice s, struct slice prefix);
bool slice_ends_with(struct slice s, struct slice suffix);

/* Compares secrets of equal length in constant time; different lengths are simply unequal. */
bool slice_eq_secret(struct slice a, struct slice b);

/* The part from `from` to `to` (exclusive), both clamped to the slice: never outside it. */
struct slice slice_sub(struct slice s, size_t from, size_t to);
struct slice slice_trim(struct slice s); /* without blanks, tabs, CR and LF at both ends */

#define SLICE_NPOS SIZE_MAX
size_t slice_find_byte(struct slice s, char byte); /* index, or SLICE_NPOS */
size_t slice_find(struct slice s, struct slice needle);

/* Cuts *rest at the next `separator`: *part is what stood before it, *rest what follows. False at the end.
 * "a,b," yields "a", "b", ""; "" yields one empty part; SLICE_NONE nothing. Start with *rest = the whole text. */
bool slice_next(struct slice *rest, char separator, struct slice *part);

/* Whole slice as a decimal number; false (and *out untouched) on anything else: blanks, signs where none may be,
 * overflow, emptiness. */
bool slice_to_u64(struct slice s, uint64_t *out);
bool slice_to_i64(struct slice s, int64_t *out);

/* FNV-1a with a final mix: for hash tables over trusted keys. */
uint64_t slice_hash(struct slice s);

#endif
