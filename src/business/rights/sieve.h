/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * sieve.h: which of a few lines can concern a question, by what their records say alone. For decide.c; the plain form stays beside the fast one, which must equal
 * it. */
#ifndef BUSINESS_RIGHTS_SIEVE_H
#define BUSINESS_RIGHTS_SIEVE_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "business/rights/compiled.h"

/* Those of records[from] to records[count - 1], 64 at most, that have one of the kinds (bits as in record.what) and one of the media and are not over, as bits. */
static inline uint64_t sieve_plain(const struct record *records, uint32_t from, uint32_t count, uint32_t kinds, uint32_t media, uint32_t at_s) {
    uint64_t left = 0;
    for (uint32_t i = from; i < count; i++)
        left |= (uint64_t)(!!(records[i].what & kinds) & !!(records[i].what & media) & (records[i].end_s > at_s)) << i;
    return left;
}
#ifdef __SSE2__
static inline __m128i is_zero(__m128i v) { return _mm_cmpeq_epi32(v, _mm_setzero_si128()); }
static inline uint64_t sieve(const struct record *records, uint32_t count, uint32_t kinds, uint32_t media, uint32_t at_s) {
    const __m128i sign = _mm_set1_epi32(INT32_MIN), at = _mm_xor_si128(_mm_set1_epi32((int32_t)at_s), sign);
    const __m128i all_kinds = _mm_set1_epi32((int32_t)kinds), all_media = _mm_set1_epi32((int32_t)media);
    const __m128i *r = (const __m128i *)records;
    uint64_t left = 0;
    uint32_t i = 0;
    for (; i + 4 <= count; i += 4, r += 4) { /* four lines at once: their ends, and what they are */
        __m128i low = _mm_unpacklo_epi32(_mm_loadu_si128(r), _mm_loadu_si128(r + 1)), high = _mm_unpacklo_epi32(_mm_loadu_si128(r + 2), _mm_loadu_si128(r + 3));
        __m128i ends = _mm_unpacklo_epi64(low, high), what = _mm_unpackhi_epi64(low, high);
        __m128i is_out = _mm_or_si128(is_zero(_mm_and_si128(what, all_kinds)), is_zero(_mm_and_si128(what, all_media)));
        __m128i is_left = _mm_andnot_si128(is_out, _mm_cmpgt_epi32(_mm_xor_si128(ends, sign), at));
        left |= (uint64_t)(uint32_t)_mm_movemask_ps(_mm_castsi128_ps(is_left)) << i;
    }
    return left | sieve_plain(records, i, count, kinds, media, at_s);
}
#else
static inline uint64_t sieve(const struct record *records, uint32_t count, uint32_t kinds, uint32_t media, uint32_t at_s) {
    return sieve_plain(records, 0, count, kinds, media, at_s);
}
#endif

#endif
