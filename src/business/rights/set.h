/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * set.h: territories and languages as sets, for the room's own files; texts and numbers of sets are in rights.h.
 *
 * A territory set says for each of 256 countries whether it is in it, and then names the areas that are otherwise than their country:
 *
 *   "WORLD,-US,US-CA"   all bits but that of US; areas {US-CA}, in it although its country is not
 *   "DE,-DE-BY"         bit DE;                  areas {DE-BY}, not in it although its country is
 *
 * So an area belongs to the set if its country does, unless it is named; and every union, intersection and difference of two sets is one of this
 * form again. Bit 255 stands for wherever else: WORLD has it, so it also holds where a country has no bit (yet). Texts do not depend on the
 * order in which they were written: first what is in is put in, countries before areas, then what has a minus is taken out.
 *
 * Sets live as long as the process; what these functions return is never changed and may be read by any thread without a lock. */
#ifndef BUSINESS_RIGHTS_SET_H
#define BUSINESS_RIGHTS_SET_H

#include "business/rights/rights.h"

struct territories {
    uint64_t bits[4]; /* country c: bits[c / 64] >> c % 64 & 1 */
    uint32_t area_count, country_count;
    const uint32_t *areas; /* ascending; of form area_of() */
    struct slice text;
};
const struct territories *territories_at(uint32_t set);

/* An area as a number that sorts by country first. 0: not known. */
static inline uint32_t area_of(struct rights_place p) {
    if (!p.area[0]) return 0;
    return (uint32_t)p.country << 24 | (uint32_t)(uint8_t)p.area[0] << 16 | (uint32_t)(uint8_t)p.area[1] << 8 | (uint8_t)p.area[2];
}
static inline uint8_t area_country(uint32_t area) { return (uint8_t)(area >> 24); }
static inline bool bits_have(const uint64_t bits[4], uint8_t country) { return bits[country / 64] >> country % 64 & 1; }

/* The set of these bits and areas (ascending, each once, each otherwise than its country). ERR_LIMIT: too many sets, or no memory. */
MUST_USE struct err territories_intern(const uint64_t bits[4], const uint32_t *areas, size_t area_count, uint32_t *out);
bool territories_within(uint32_t part, uint32_t whole); /* is nothing of `part` outside? */

/* Languages are prefixes of what they stand for (RFC 4647 section 3.3.2): "zh" holds "zh-Hant-TW", and so does "zh-TW". A tag is packed into
 * 53 bits: language, script and region, each 0 where it is not said. */
struct languages {
    uint32_t count; /* 0: any */
    struct slice text;
    uint64_t tags[]; /* by their texts */
};
const struct languages *languages_at(uint32_t set);
uint64_t tag_at(uint32_t tag); /* packed; 0 for 0 */

enum {
    TAG_SCRIPT_BIT = 15,
    TAG_REGION_BIT = 35,
};
static inline uint64_t tag_mask(uint64_t tag) {
    const uint64_t language = 0x7fff, script = UINT64_C(0xfffff) << TAG_SCRIPT_BIT, region = UINT64_C(0x3ffff) << TAG_REGION_BIT;
    return (tag & language ? language : 0) | (tag & script ? script : 0) | (tag & region ? region : 0);
}
static inline bool tag_holds(uint64_t wide, uint64_t narrow) { return (narrow & tag_mask(wide)) == wide; }
/* Is the tag one of the set's? Everything is of "any"; no tag is only of "any". */
bool languages_hold(const struct languages *, uint64_t tag);
/* The set of these tags, which may repeat each other; none: any. */
MUST_USE struct err languages_intern(const uint64_t *tags, size_t count, uint32_t *out);
/* What both have in common. False: nothing. `out` has room for max(1, a->count) * max(1, b->count) tags; *count 0 with true: any. */
bool languages_common(const struct languages *a, const struct languages *b, uint64_t *out, size_t *count);

enum { LANGUAGES_MAX = 64, AREAS_MAX = 1000 }; /* of one set */

#endif
