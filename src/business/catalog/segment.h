/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * segment.h: an index over some titles and people, made once and never changed. Within catalog only.
 *
 *   docs      [ titles by id | people by id ]
 *   terms     sorted bytewise, one after the other in `text`
 *   loose     those in which typing errors are looked for, by how many characters they have: words for themselves. A search walks over the masks of those that are
 *             about as long as what it looks for
 *   strong    postings of each term in names, original names, people and genres
 *   weak      and in synopses: apart, since a short beginning is not looked up there
 *
 * A posting is 32 bits: which document, in which field and language, whether the word is the first one there, and how many words the field has.
 * Under the key of a person (segment_person_key) stand the titles in which he or she has a part. */
#ifndef BUSINESS_CATALOG_SEGMENT_H
#define BUSINESS_CATALOG_SEGMENT_H

#include <stdatomic.h>

#include "business/catalog/catalog.h"
#include "business/catalog/words.h"

enum { SEGMENT_FIELD_WORDS_MAX = 15 };

static inline uint32_t posting_of(uint32_t doc, enum catalog_field field, int lang, bool is_first, unsigned words) {
    return doc << 10 | (uint32_t)field << 7 | (uint32_t)lang << 5 | (uint32_t)is_first << 4 | words;
}
static inline uint32_t posting_doc(uint32_t p) { return p >> 10; }
static inline enum catalog_field posting_field(uint32_t p) { return (enum catalog_field)(p >> 7 & 7); }
static inline int posting_lang(uint32_t p) { return (int)(p >> 5 & 3); }
static inline bool posting_is_first(uint32_t p) { return p >> 4 & 1; }
static inline unsigned posting_words(uint32_t p) { return p & 15; }

struct segment {
    _Atomic uint32_t references;
    int64_t *docs; /* ids */
    size_t doc_count, title_count;
    size_t term_count, bytes;
    char *text;
    uint32_t *text_at; /* term_count + 1 */
    uint8_t *chars;    /* 0: a person's key */
    uint32_t *loose;   /* terms; not among them are rows of Thai words, whose first word stands for itself, and keys */
    uint64_t *loose_masks;
    uint32_t loose_at[TERM_CHARS_MAX + 2]; /* where those of so many characters begin */
    uint32_t *strong_at, *strong, *weak_at, *weak; /* the first of each pair term_count + 1 */
};

/* Of these ids, each list ascending; those that are not in the view are left out. NULL: memory. */
struct segment *segment_create(const struct catalog_view *, const int64_t *titles, size_t title_count, const int64_t *people, size_t people_count);
void segment_give(struct segment *); /* NULL is fine */

static inline struct slice segment_term(const struct segment *s, size_t i) { return slice_of(s->text + s->text_at[i], s->text_at[i + 1] - s->text_at[i]); }
/* The first term that is not less. */
size_t segment_term_at(const struct segment *, struct slice term);
/* The terms that begin so: [*from, *to). */
void segment_range(const struct segment *, struct slice prefix, size_t *from, size_t *to);
/* Index of the document; SIZE_MAX: it is not here. */
size_t segment_doc(const struct segment *, int64_t id, bool is_person);

enum { PERSON_KEY_BYTES = 9 };
struct slice segment_person_key(int64_t person_id, char room[PERSON_KEY_BYTES]);

#endif
