/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/catalog/typo.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/utf8.h"

uint64_t typo_mask(struct slice term) {
    uint64_t mask = 0;
    for (size_t at = 0; at < term.len;) {
        uint32_t c;
        size_t step = utf8_decode(slice_sub(term, at, term.len), &c);
        at += step ? step : 1;
        if (!step) continue;
        unsigned bit = c >= 'a' && c <= 'z' ? c - 'a' : c >= '0' && c <= '9' ? 26 + c - '0' : 36 + c % 28;
        mask |= UINT64_C(1) << bit;
    }
    return mask;
}

void typo_begin(struct typo *t, struct slice pattern) {
    *t = (struct typo){.mask = typo_mask(pattern)};
    for (size_t at = 0; at < pattern.len && t->chars < TYPO_CHARS_MAX;) {
        uint32_t c;
        size_t step = utf8_decode(slice_sub(pattern, at, pattern.len), &c);
        at += step ? step : 1;
        if (!step) continue;
        uint64_t bit = UINT64_C(1) << t->chars++;
        if (c < 128) {
            t->ascii[c] |= bit;
            continue;
        }
        size_t i = 0;
        while (i < t->other_count && t->others[i].c != c) i++;
        if (i == t->other_count) t->others[t->other_count++].c = c;
        t->others[i].at |= bit;
    }
    t->edits = t->chars < 4 ? 0 : t->chars < 8 ? 1 : 2;
}

static size_t sift_plain(uint64_t pattern, const uint64_t *masks, size_t from, size_t count, unsigned edits, bool is_prefix, uint32_t *out) {
    size_t found = 0;
    for (size_t i = from; i < count; i++) {
        out[found] = (uint32_t)i;
        found += typo_may_be(pattern, masks[i], edits, is_prefix);
    }
    return found;
}
#if defined(__x86_64__)
__attribute__((target("avx512f,avx512vpopcntdq"))) static size_t sift_eight(uint64_t pattern, const uint64_t *masks, size_t count, unsigned edits, bool is_prefix, uint32_t *out) {
    const __m512i wanted = _mm512_set1_epi64((long long)pattern), most = _mm512_set1_epi64(edits);
    size_t found = 0, i = 0;
    for (; i + 8 <= count; i += 8) {
        __m512i term = _mm512_loadu_si512(masks + i);
        unsigned may_be = _mm512_cmple_epu64_mask(_mm512_popcnt_epi64(_mm512_andnot_si512(term, wanted)), most);
        if (!is_prefix) may_be &= _mm512_cmple_epu64_mask(_mm512_popcnt_epi64(_mm512_andnot_si512(wanted, term)), most);
        for (; may_be; may_be &= may_be - 1) out[found++] = (uint32_t)i + (uint32_t)__builtin_ctz(may_be);
    }
    return found + sift_plain(pattern, masks, i, count, edits, is_prefix, out + found);
}
size_t typo_sift(uint64_t pattern, const uint64_t *masks, size_t count, unsigned edits, bool is_prefix, uint32_t *out) {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vpopcntdq")) return sift_eight(pattern, masks, count, edits, is_prefix, out);
    return sift_plain(pattern, masks, 0, count, edits, is_prefix, out);
}
#else
size_t typo_sift(uint64_t pattern, const uint64_t *masks, size_t count, unsigned edits, bool is_prefix, uint32_t *out) {
    return sift_plain(pattern, masks, 0, count, edits, is_prefix, out);
}
#endif

static uint64_t places_of(const struct typo *t, uint32_t c) {
    if (c < 128) return t->ascii[c];
    for (size_t i = 0; i < t->other_count; i++)
        if (t->others[i].c == c) return t->others[i].at;
    return 0;
}

unsigned typo_distance(const struct typo *t, struct slice term, bool is_prefix) {
    uint64_t up = ~UINT64_C(0), down = 0, zero = 0, before = 0, last = UINT64_C(1) << (t->chars - 1);
    unsigned score = (unsigned)t->chars, best = score, left = 0;
    for (size_t at = 0; at < term.len; left++) {
        uint32_t c = (unsigned char)term.ptr[at];
        size_t step = c < 128 ? 1 : utf8_decode(slice_sub(term, at, term.len), &c);
        at += step ? step : 1;
        if (is_prefix && left > t->chars + t->edits) break; /* from here on it only gets farther */
        uint64_t match = places_of(t, c), swapped = ((~zero & match) << 1) & before;
        zero = ((((match & up) + up) ^ up) | match | down) | swapped;
        uint64_t plus = down | ~(zero | up), minus = up & zero;
        if (plus & last) score++;
        if (minus & last) score--;
        plus = (plus << 1) | 1; /* the row above the pattern counts up: the alignment begins at the term's beginning */
        minus <<= 1;
        up = minus | ~(zero | plus);
        down = zero & plus;
        before = match;
        if (score < best) best = score;
    }
    return is_prefix ? best : score;
}
