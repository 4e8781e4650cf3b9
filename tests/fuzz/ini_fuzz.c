/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <assert.h>
#include <stdlib.h>

#include "base/ini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct err count(void *user, struct slice key, struct slice value) {
    assert(key.len > 0);
    assert(slice_find_byte(value, '\n') == SLICE_NPOS);
    *(int *)user += 1;
    return ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1); /* a buffer of exact size, so that one byte too many is seen */
    if (size) memcpy(exact, data, size);
    struct ini_position where;
    int values = 0;
    struct err e = ini_read(slice_of(exact, size), count, &values, &where);
    (void)e;
    free(exact);
    return 0;
}
