/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "media/srt/srt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    struct slice key = SLICE_NONE;
    struct err e = srt_streamid_parse(slice_of(exact, size), &key);
    if (e.kind) assert(!key.ptr && e.code);
    else {
        assert(key.len >= 1 && key.len <= FEED_KEY_BYTES_MAX && key.ptr >= exact && key.ptr + key.len <= exact + size);
        for (size_t i = 0; i < key.len; i++) assert(key.ptr[i] > 0x20 && key.ptr[i] < 0x7f);
    }
    free(exact);
    return 0;
}
