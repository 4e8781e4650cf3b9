/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * rows.c: the rows of bits of a title with many lines; index.h says what they are for. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "business/rights/compiled.h"

/* Whether the line may hold somewhere in the country, as seen from countries that are or are not in the registry alike. */
static void bits_touched(const struct scope *s, uint64_t out[4]) {
    memcpy(out, s->bits, 4 * sizeof *out);
    if (!(s->flags & SCOPE_HAS_AREAS)) return;
    const struct territories *t = territories_at(s->territories);
    for (uint32_t i = 0; i < t->area_count; i++) out[area_country(t->areas[i]) / 64] |= UINT64_C(1) << area_country(t->areas[i]) % 64;
}

static int by_number(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Puts countries that no line of the block tells apart into one class each. */
static unsigned classes_find(const struct scope *scopes, const uint32_t *distinct, size_t count, uint8_t class_of[256]) {
    unsigned classes = 1;
    memset(class_of, 0, 256);
    for (size_t i = 0; i < count && classes < 256; i++) {
        uint64_t bits[4];
        bits_touched(&scopes[distinct[i]], bits);
        uint16_t split[256] = {0}; /* class: 1 + the one into which its countries with this bit go */
        bool has_without[256] = {0};
        for (unsigned c = 0; c < 256; c++)
            if (!bits_have(bits, (uint8_t)c)) has_without[class_of[c]] = true;
        for (unsigned c = 0; c < 256; c++) {
            unsigned k = class_of[c];
            if (!bits_have(bits, (uint8_t)c) || !has_without[k]) continue;
            if (!split[k]) split[k] = (uint16_t)(1 + classes++);
            class_of[c] = (uint8_t)(split[k] - 1);
        }
    }
    return classes;
}

struct rows *rows_of(const struct block *b, const struct scope *scopes) {
    uint32_t *distinct = mem_alloc(b->count * sizeof *distinct);
    if (!distinct) return NULL;
    memcpy(distinct, block_scopes(b), b->count * sizeof *distinct);
    qsort(distinct, b->count, sizeof *distinct, by_number);
    uint32_t distinct_count = 0;
    for (uint32_t i = 0; i < b->count; i++)
        if (!i || distinct[i] != distinct[distinct_count - 1]) distinct[distinct_count++] = distinct[i];
    uint8_t class_of[256];
    unsigned classes = classes_find(scopes, distinct, distinct_count, class_of);
    mem_free(distinct);

    size_t words = (b->count + 63) / 64, rows = classes + RIGHTS_MEDIA + KINDS;
    size_t bytes = sizeof(struct rows) + (rows * sizeof(uint64_t) + sizeof(uint32_t)) * words;
    struct rows *r = mem_zalloc(bytes);
    if (!r) return NULL;
    r->words = (uint32_t)words;
    r->class_count = classes;
    r->bytes = bytes;
    memcpy(r->class_of, class_of, sizeof r->class_of);
    r->classes = (uint64_t *)(r + 1);
    r->media = r->classes + classes * words;
    r->kinds = r->media + RIGHTS_MEDIA * words;
    r->ends = (uint32_t *)(r->kinds + KINDS * words);
    uint8_t one_of[256]; /* a country of each class */
    for (unsigned c = 256; c--;) one_of[class_of[c]] = (uint8_t)c;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct scope *s = &scopes[block_scopes(b)[i]];
        uint64_t bit = UINT64_C(1) << i % 64, touched[4];
        size_t word = i / 64;
        bits_touched(s, touched);
        for (unsigned k = 0; k < classes; k++)
            if (bits_have(touched, one_of[k])) r->classes[k * words + word] |= bit;
        for (unsigned m = 0; m < RIGHTS_MEDIA; m++)
            if (s->media >> m & 1) r->media[m * words + word] |= bit;
        r->kinds[s->kind * words + word] |= bit;
        if (block_ends(b)[i] > r->ends[word]) r->ends[word] = block_ends(b)[i];
    }
    return r;
}
