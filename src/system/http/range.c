/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "system/http/range.h"

/* A number that is too large for 64 bits is a position far behind every end. */
static bool position_parse(struct slice s, uint64_t *out) {
    if (!s.len || s.len > 4096) return false;
    uint64_t v = 0;
    bool is_huge = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(s.ptr[i] - '0'), &v)) is_huge = true;
    }
    *out = is_huge ? UINT64_MAX : v;
    return true;
}

static struct slice blanks_trim(struct slice s) {
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) s = slice_of(s.ptr + 1, s.len - 1);
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) s.len--;
    return s;
}

enum range_result range_parse(struct slice text, uint64_t bytes_total, struct range *out) {
    const struct slice unit = SLICE("bytes=");
    if (text.len <= unit.len || !slice_eq_nocase(slice_sub(text, 0, unit.len), unit)) return RANGE_WHOLE;
    struct slice spec = blanks_trim(slice_sub(text, unit.len, text.len));
    size_t dash = slice_find_byte(spec, '-');
    if (dash == SLICE_NPOS) return RANGE_WHOLE;
    struct slice from = slice_sub(spec, 0, dash), to = slice_sub(spec, dash + 1, spec.len);
    uint64_t first, last;
    if (!from.len) { /* "-500": the last 500 bytes */
        if (!position_parse(to, &last)) return RANGE_WHOLE;
        if (!last || !bytes_total) return RANGE_UNSATISFIABLE;
        if (last > bytes_total) last = bytes_total;
        *out = (struct range){.first = bytes_total - last, .length = last};
        return RANGE_PART;
    }
    if (!position_parse(from, &first)) return RANGE_WHOLE;
    if (!to.len) last = UINT64_MAX;
    else if (!position_parse(to, &last) || last < first) return RANGE_WHOLE;
    if (first >= bytes_total) return RANGE_UNSATISFIABLE;
    if (last >= bytes_total) last = bytes_total - 1;
    *out = (struct range){.first = first, .length = last - first + 1};
    return RANGE_PART;
}
