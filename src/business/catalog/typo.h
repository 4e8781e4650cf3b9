/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * typo.h: how far a word is from another. Within catalog only.
 *
 * The distance counts letters that are missing, too many or other ones, and two neighbours that changed places (optimal string alignment). It is worked
 * out for all letters of the pattern at once, a bit each (H. Hyyrö, A bit-vector algorithm for computing Levenshtein and Damerau edit
 * distances, 2003): a term of ten letters costs some thirty operations a letter. One thread; a pattern never changes. */
#ifndef BUSINESS_CATALOG_TYPO_H
#define BUSINESS_CATALOG_TYPO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { TYPO_CHARS_MAX = 40 };

struct typo {
    uint64_t ascii[128]; /* where the letter stands in the pattern */
    struct {
        uint32_t c;
        uint64_t at;
    } others[TYPO_CHARS_MAX];
    size_t other_count, chars;
    uint64_t mask;
    unsigned edits; /* allowed for a word of this length: 0 up to three letters, 1 up to seven, 2 beyond */
};
void typo_begin(struct typo *, struct slice pattern);

/* Which letters occur, a bit each (letters of other alphabets share bits). */
uint64_t typo_mask(struct slice term);
/* Can the distance be within `edits`, as far as the masks tell? Never a false no. */
static inline bool typo_may_be(uint64_t pattern, uint64_t term, unsigned edits, bool is_prefix) {
    uint64_t missing = pattern & ~term, more = is_prefix ? 0 : term & ~pattern;
    for (unsigned i = 0; i < edits; i++) {
        missing &= missing - 1;
        more &= more - 1;
    }
    return !missing && !more;
}

/* Which of `count` masks may be, by typo_may_be: their places, ascending, go to `out`, which has room for `count`. Returns how many. Eight at once where the
 * processor counts bits so (AVX-512). */
size_t typo_sift(uint64_t pattern, const uint64_t *masks, size_t count, unsigned edits, bool is_prefix, uint32_t *out);

/* The distance between the pattern and the term, or with `is_prefix` the beginning of the term that is nearest; any number above `edits` if it is
 * more than that. */
unsigned typo_distance(const struct typo *, struct slice term, bool is_prefix);

#endif
