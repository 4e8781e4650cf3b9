/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * atlas.h: territory sets as plain bits, to reckon with many of them: one for each country, and one for each area that any of the sets names. Then union,
 * intersection and difference are those of words. Within the room; lives in an arena.
 *
 * First add all sets, then close, then ask. */
#ifndef BUSINESS_RIGHTS_ATLAS_H
#define BUSINESS_RIGHTS_ATLAS_H

#include "base/arena.h"
#include "business/rights/set.h"

struct atlas {
    uint32_t *areas; /* ascending; bit 256 + i */
    size_t area_count, area_room;
    size_t words; /* of a set */
};
MUST_USE struct err atlas_add(struct atlas *, struct arena *, uint32_t set);
void atlas_close(struct atlas *);
void atlas_bits(const struct atlas *, uint32_t set, uint64_t *out); /* atlas->words */
MUST_USE struct err atlas_set(const struct atlas *, const uint64_t *bits, uint32_t *out);

static inline bool atlas_is_empty(const struct atlas *a, const uint64_t *bits) {
    uint64_t any = 0;
    for (size_t i = 0; i < a->words; i++) any |= bits[i];
    return !any;
}

#endif
