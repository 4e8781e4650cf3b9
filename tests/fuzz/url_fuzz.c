/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Ranges, paths and queries: "RANGE\nPATH\nQUERY". */
#include <assert.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "system/http/range.h"
#include "system/http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    struct slice rest = slice_of(exact, size), range_text = SLICE_NONE, path = SLICE_NONE, query = SLICE_NONE;
    if (slice_next(&rest, '\n', &range_text) && slice_next(&rest, '\n', &path)) query = rest;
    uint64_t total = size ? (uint64_t)data[0] * 7 : 0;
    struct range r;
    if (range_parse(range_text, total, &r) == RANGE_PART) assert(r.length > 0 && r.first < total && r.length <= total - r.first);
    struct arena *arena = arena_create(1 << 16);
    struct slice value;
    if (arena && url_query_find(query, SLICE("a"), arena, &value)) assert(utf8_is_valid(value));
    arena_destroy(&arena);
    if (path.len) {
        char *own = malloc(path.len);
        memcpy(own, path.ptr, path.len);
        ptrdiff_t len = url_path_decode(own, path.len);
        assert(len <= (ptrdiff_t)path.len);
        if (len > 0) assert(own[0] == '/' && utf8_is_valid(slice_of(own, (size_t)len)));
        free(own);
    }
    free(exact);
    return 0;
}
