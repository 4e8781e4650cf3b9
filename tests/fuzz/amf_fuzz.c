/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Any bytes as AMF values: whatever is read lies inside the input and nests no deeper than promised, and members are read the same twice. */
#include <assert.h>
#include <stdlib.h>

#include "media/rtmp/amf.h"
#include "media/rtmp/events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice all;

static void check(const struct amf_value *v, unsigned depth, unsigned *budget) {
    assert(depth <= AMF_DEPTH_MAX);
    struct slice inside = v->kind == AMF_TEXT ? v->text : v->content;
    assert(!inside.len || (inside.ptr >= all.ptr && inside.ptr + inside.len <= all.ptr + all.len));
    if (!*budget) return;
    --*budget;
    struct byte_reader r = byte_reader_of(v->content);
    struct amf_value member;
    struct slice name;
    uint32_t count = 0;
    if (v->kind == AMF_OBJECT)
        while (amf_member(&r, &name, &member)) check(&member, depth + 1, budget);
    if (v->kind == AMF_ARRAY) {
        while (amf_read(&r, &member)) count++, check(&member, depth + 1, budget);
        assert(count == v->count);
    }
    if (v->kind == AMF_OBJECT || v->kind == AMF_ARRAY) assert(!r.has_failed); /* it was gone over before */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    all = slice_of(exact, size);
    struct byte_reader r = byte_reader_of(all);
    struct amf_value v;
    unsigned budget = 100000;
    while (amf_read(&r, &v)) {
        check(&v, 0, &budget);
        double number;
        (void)amf_find_number(&v, SLICE("width"), &number);
        (void)amf_find_text(&v, SLICE("app"));
        uint8_t section[SPLICE_BYTES_MAX];
        assert(splice_find(&v, section) <= sizeof section);
        struct timecode t = {0};
        if (v.kind == AMF_OBJECT) timecode_read(&t, &v, 0, (struct utc_time){INT64_C(1800000000) * NS_PER_S}, 25);
    }
    free(exact);
    return 0;
}
