/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Heads and chunked bodies of HTTP/1. What was taken must look as the rest of the house relies on. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "system/http/chunked.h"
#include "system/http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void head_check(const struct head *h) {
    assert(h->version == 10 || h->version == 11);
    assert(h->version == 10 || h->known[FIELD_HOST].ptr);
    assert(!(h->is_chunked && h->has_length));
    assert(h->path.len > 0 && (h->is_options_star || h->path.ptr[0] == '/'));
    assert(utf8_is_valid(h->path));
    assert(slice_find(h->path, SLICE("/../")) == SLICE_NPOS && !slice_ends_with(h->path, SLICE("/..")));
    for (size_t i = 0; i < h->path.len; i++) assert((unsigned char)h->path.ptr[i] >= ' ' && h->path.ptr[i] != '\\');
    for (size_t i = 0; i < h->field_count; i++) {
        struct slice name = h->fields[i].name, value = h->fields[i].value;
        assert(name.len > 0);
        for (size_t k = 0; k < name.len; k++) assert(name.ptr[k] > ' ' && name.ptr[k] != ':' && !(name.ptr[k] >= 'A' && name.ptr[k] <= 'Z'));
        for (size_t k = 0; k < value.len; k++) assert(value.ptr[k] != '\r' && value.ptr[k] != '\n' && value.ptr[k]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    size_t scanned = 0;
    ptrdiff_t end = head_find_end(exact, size, &scanned);
    if (end > 0) {
        struct head h;
        if (!head_parse(&h, exact, (size_t)end).status) {
            head_check(&h);
            struct head *copy = head_clone(&h);
            free(exact);
            exact = NULL;
            if (copy) head_check(copy);
            mem_free(copy);
        }
    }
    if (exact) {
        struct chunked c = {0};
        struct slice in = slice_of(exact, size), piece;
        uint64_t total = 0;
        while (chunked_next(&c, &in, &piece) == CHUNKED_DATA) total += piece.len;
        assert(total <= size);
    }
    free(exact);
    return 0;
}
