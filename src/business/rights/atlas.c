/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/rights/atlas.h"

#include <stdlib.h>
#include <string.h>

struct err atlas_add(struct atlas *a, struct arena *mem, uint32_t set) {
    const struct territories *t = territories_at(set);
    if (a->area_count + t->area_count > a->area_room) {
        size_t room = 2 * (a->area_count + t->area_count);
        uint32_t *areas = arena_alloc_array(mem, room, sizeof *areas);
        if (!areas) return err_memory();
        if (a->area_count) memcpy(areas, a->areas, a->area_count * sizeof *areas);
        a->areas = areas;
        a->area_room = room;
    }
    if (t->area_count) memcpy(a->areas + a->area_count, t->areas, t->area_count * sizeof *a->areas);
    a->area_count += t->area_count;
    return ERR_OK;
}

static int by_number(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void atlas_close(struct atlas *a) {
    size_t kept = 0;
    if (a->area_count) qsort(a->areas, a->area_count, sizeof *a->areas, by_number);
    for (size_t i = 0; i < a->area_count; i++)
        if (!i || a->areas[i] != a->areas[i - 1]) a->areas[kept++] = a->areas[i];
    a->area_count = kept;
    a->words = 4 + (kept + 63) / 64;
}

void atlas_bits(const struct atlas *a, uint32_t set, uint64_t *out) {
    const struct territories *t = territories_at(set);
    memcpy(out, t->bits, sizeof t->bits);
    memset(out + 4, 0, (a->words - 4) * sizeof *out);
    for (size_t i = 0, named = 0; i < a->area_count; i++) {
        while (named < t->area_count && t->areas[named] < a->areas[i]) named++;
        bool is_named = named < t->area_count && t->areas[named] == a->areas[i];
        if (bits_have(t->bits, area_country(a->areas[i])) != is_named) out[4 + i / 64] |= UINT64_C(1) << i % 64;
    }
}

struct err atlas_set(const struct atlas *a, const uint64_t *bits, uint32_t *out) {
    uint32_t named[AREAS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < a->area_count; i++) {
        bool is_in = bits[4 + i / 64] >> i % 64 & 1;
        if (is_in == bits_have(bits, area_country(a->areas[i]))) continue;
        if (count == AREAS_MAX) return err_make(ERR_LIMIT, "rights.sets", "There are too many areas in this.");
        named[count++] = a->areas[i];
    }
    return territories_intern(bits, named, count, out);
}
