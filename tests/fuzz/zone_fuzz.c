/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Whatever the file says: a zone that is taken answers for any instant with a date that is one, near the instant; names lead nowhere. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    struct zone *z = NULL;
    struct err e = zone_parse(slice_of(exact, size), SLICE("Some/Where"), &z);
    assert(!e.kind == (z != NULL));
    for (int64_t at_s = INT64_C(-3000000000000); z && at_s < INT64_C(3000000000000); at_s += at_s < -4000000000 || at_s > 8000000000 ? 97000000001 : 40000003) {
        struct zone_time t = zone_time_of(z, at_s);
        assert(t.month >= 1 && t.month <= 12 && t.day >= 1 && t.day <= 31 && t.hour >= 0 && t.hour < 24 && t.minute >= 0 && t.minute < 60);
        assert(t.offset_s >= -26 * 3600 && t.offset_s <= 26 * 3600);
    }
    zone_free(&z);
    (void)zone_find(slice_of(exact, size < 80 ? size : 80));
    free(exact);
    return 0;
}
