/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * words.h: texts become words that can be found. Within catalog only.
 *
 *   "Straße nach Zürich"      strasse  nach  zurich          letters without case and marks
 *   "世界杯"                   世界  界杯  杯                   overlapping pairs, so that no dictionary is needed; the last character for itself
 *   "รักแห่งสยาม"               รัก  แห่ง  สยาม                  words by libthai's dictionary. Besides them, from each word on what follows
 *                             รักแห่ง...  แห่งสยาม             without a blank: then a query that is cut elsewhere still stands at the beginning
 *
 * A term is the folded word in UTF-8. Any bytes may be passed; what is no UTF-8 parts words. Any thread; Thai takes a lock for a moment. */
#ifndef BUSINESS_CATALOG_WORDS_H
#define BUSINESS_CATALOG_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { TERM_CHARS_MAX = 40, TERM_BYTES_MAX = TERM_CHARS_MAX * 4, WORD_BYTES_MAX = 512 };

enum script { SCRIPT_LETTERS, SCRIPT_PAIRS, SCRIPT_THAI, SCRIPT_NONE };

struct word {
    enum script script;
    bool is_more;      /* not a word for itself: a pair's last character, or Thai words in a row */
    size_t from, to;   /* bytes of the text */
    char term[TERM_BYTES_MAX];
    size_t len, chars; /* of the term, bytes and characters */
};
static inline struct slice word_term(const struct word *w) { return slice_of(w->term, w->len); }

/* Calls `each` for each word; false from it ends the walk. */
typedef bool word_fn(void *user, const struct word *);
void words_walk(struct slice text, word_fn *each, void *user);

/* A stretch of one script, as a query has it: Thai is not cut into words, Chinese not into pairs. `term` holds at most TERM_CHARS_MAX. */
void runs_walk(struct slice text, word_fn *each, void *user);

/* How many bytes of `text` from `from` on the first `chars` characters of a term cover. */
size_t word_bytes_of(struct slice text, size_t from, size_t to, size_t chars);

#endif
