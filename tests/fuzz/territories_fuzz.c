/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Texts of territories, languages and places, as anybody may write them. What is taken has one canonical text, which is taken again and means the same; what is
 * refused says which part. Sets are interned for ever, so the same few countries are written again and again. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "business/rights/rights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 300) return 0; /* interned sets stay: what is kept must be small */
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    struct slice text = slice_of(exact, size), bad = SLICE_NONE, again_bad;
    uint32_t set, again;
    struct err e = rights_territories_of(text, &set, &bad);
    assert(e.kind == ERR_NONE || e.kind == ERR_INPUT || e.kind == ERR_LIMIT);
    if (bad.len) assert(bad.ptr >= exact && bad.ptr + bad.len <= exact + size);
    if (!e.kind) {
        struct slice canonical = rights_territories_text(set);
        assert(canonical.len && rights_territories_count(set) <= RIGHTS_COUNTRIES);
        assert(!rights_territories_of(canonical, &again, &again_bad).kind && again == set);
        struct rights_place de = {0};
        assert(rights_country_parse(SLICE("DE"), &de.country));
        if (rights_territories_hold(set, de, RIGHTS_ALLOW)) assert(rights_territories_hold(set, de, RIGHTS_BLACKOUT));
    }
    e = rights_languages_of(text, &set, &bad);
    if (!e.kind) assert(!rights_languages_of(rights_languages_text(set), &again, &again_bad).kind && again == set);
    (void)rights_tag_of(text, &set).kind;
    struct rights_place p = {.country = 200};
    if (rights_place_parse(text, SLICE_NONE, &p)) assert(p.country < RIGHTS_COUNTRIES);
    free(exact);
    return 0;
}
