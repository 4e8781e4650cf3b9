/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "delivery/cbor_read.h"

static struct cbor_head fail(struct byte_reader *in) {
    in->has_failed = true;
    in->at = in->end;
    return (struct cbor_head){CBOR_UINT, 0};
}

struct cbor_head cbor_read_head(struct byte_reader *in) {
    uint8_t first = bytes_u8(in);
    struct cbor_head head = {(enum cbor_major)(first >> 5), first & 31};
    if (head.value >= 24) {
        if (head.value > 27) return fail(in); /* reserved, or indefinite length */
        unsigned width = 1u << (head.value - 24);
        static const uint64_t shortest[] = {24, 1u << 8, 1u << 16, UINT64_C(1) << 32};
        uint64_t least = shortest[head.value - 24];
        head.value = bytes_be(in, width);
        if (head.value < least) return fail(in);
    }
    if (in->has_failed || head.major == CBOR_SIMPLE) return fail(in);
    return head;
}

uint64_t cbor_read(struct byte_reader *in, enum cbor_major major) {
    struct cbor_head head = cbor_read_head(in);
    if (head.major != major) return fail(in).value;
    return head.value;
}

struct slice cbor_read_string(struct byte_reader *in, enum cbor_major major, size_t len_max) {
    uint64_t len = cbor_read(in, major);
    if (len > len_max || len > bytes_left(in)) {
        fail(in);
        return SLICE_NONE;
    }
    return bytes_take(in, (size_t)len);
}
