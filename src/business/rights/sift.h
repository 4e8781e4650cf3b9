/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * sift.h: what a question makes of a title's lines, as words of bits: one word for each thing that can be said of a line, one bit for each line. All that
 * decide.c then does with few lines is arithmetic of such words. The plain form stays beside the fast one, which must equal it. */
#ifndef BUSINESS_RIGHTS_SIFT_H
#define BUSINESS_RIGHTS_SIFT_H

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "business/rights/compiled.h"

enum { SIFT_LINES = 64, SIFT_STEP = 16 };

enum sift_role { /* of a kind: bits */
    SIFT_OWN = 1,     /* << enum rights_role: in a deal with whoever asks, or where our own service does, in any */
    SIFT_OTHERS = 16, /* << enum rights_role: in a deal with somebody else */
    SIFT_SALE = 256,  /* and it depends on whose deal it is */
};
struct sift_ask {
    uint32_t medium_bit, at_s;
    const _Atomic uint32_t *places; /* the country's row */
    uint32_t place_words;
    bool is_party;         /* not our own service asks */
    const uint32_t *roles; /* sift_roles[is_party] */
};
/* The tables of role.h once more, which a test compares; each twice, for the kind is looked up with the bit above it. */
#define SIFT_ROLES(is_own, is_other, role) (uint32_t)((is_own) * (SIFT_OWN << (role)) | (is_other) * (SIFT_OTHERS << (role)))
#define SIFT_US                                                                                                                          \
    SIFT_ROLES(1, 0, ROLE_GRANT), 0, SIFT_ROLES(1, 0, ROLE_EXCLUSIVE), SIFT_ROLES(1, 0, ROLE_HOLDBACK), SIFT_ROLES(1, 0, ROLE_BLACKOUT), \
        SIFT_ROLES(1, 0, ROLE_HOLDBACK), 0, 0
#define SIFT_PARTY                                                                                                                                     \
    0, SIFT_ROLES(1, 0, ROLE_GRANT) | SIFT_SALE, SIFT_ROLES(1, 0, ROLE_GRANT) | SIFT_ROLES(0, 1, ROLE_EXCLUSIVE) | SIFT_SALE,                          \
        SIFT_ROLES(1, 1, ROLE_HOLDBACK), SIFT_ROLES(1, 1, ROLE_BLACKOUT), SIFT_ROLES(0, 1, ROLE_HOLDBACK) | SIFT_SALE, SIFT_ROLES(1, 0, ROLE_BLACKOUT) | SIFT_SALE, 0
static const uint32_t sift_roles[2][16] = {{SIFT_US, SIFT_US}, {SIFT_PARTY, SIFT_PARTY}};
#undef SIFT_US
#undef SIFT_PARTY

struct sift {
    uint64_t begun;   /* those that have begun, whether or not they are over */
    uint64_t left;    /* that are not over */
    uint64_t medium, place;
    uint64_t look_up; /* their place is not known from the row alone, if it has their bit at all */
    uint64_t languages, counts_plays, is_spent;
    uint64_t own[ROLES], others[ROLES], sales; /* the last two only where is_party */
};

struct columns { /* of lines of several blocks, one after the other; behind the last one: anything */
    uint32_t ends[SIFT_LINES + SIFT_STEP], starts[SIFT_LINES + SIFT_STEP], scopes[SIFT_LINES + SIFT_STEP];
};

/* Adds the lines of a block as number `from` and following, and to the columns, if these are not NULL; there is room for them. The first one sets all words, the next add to them. */
static inline void sift_plain(const struct sift_ask *a, const struct block *b, unsigned from, struct sift *out, struct columns *columns) {
    if (!from) *out = (struct sift){0};
    for (uint32_t i = 0; i < b->count; i++) {
        struct record r = block_record(b, i);
        if (columns) {
            columns->ends[from + i] = r.end_s;
            columns->starts[from + i] = r.start_s;
            columns->scopes[from + i] = r.scope;
        }
        uint32_t roles = a->roles[what_kind(r.what)];
#define SIFT_NOTE(word, is_so) word |= (uint64_t)(is_so) << (from + i)
        SIFT_NOTE(out->begun, r.start_s <= a->at_s);
        SIFT_NOTE(out->left, r.end_s > a->at_s);
        SIFT_NOTE(out->medium, (r.what & a->medium_bit) != 0);
        SIFT_NOTE(out->place, row_bit(a->places, r.what >> WHAT_PLACE_SHIFT));
        SIFT_NOTE(out->look_up, (r.what & WHAT_LOOK_UP) != 0);
        SIFT_NOTE(out->languages, (r.what & WHAT_HAS_LANGUAGES) != 0);
        SIFT_NOTE(out->counts_plays, (r.what & WHAT_COUNTS_PLAYS) != 0);
        SIFT_NOTE(out->is_spent, (r.what & WHAT_IS_SPENT) != 0);
        for (unsigned role = 0; role < ROLES; role++) SIFT_NOTE(out->own[role], roles / SIFT_OWN >> role & 1);
        if (!a->is_party) continue;
        for (unsigned role = 0; role < ROLES; role++) SIFT_NOTE(out->others[role], roles / SIFT_OTHERS >> role & 1);
        SIFT_NOTE(out->sales, roles / SIFT_SALE & 1);
#undef SIFT_NOTE
    }
}

#if defined(__x86_64__)
/* Sixteen lines at once. Rows of places lie in registers, as long as there are no more than 1,024 of them. */
__attribute__((target("avx512f"))) static inline void sift_avx512(const struct sift_ask *a, const struct block *b, unsigned from, struct sift *out, struct columns *columns) {
    const __m512i at = _mm512_set1_epi32((int)a->at_s), one = _mm512_set1_epi32(1), kinds = _mm512_loadu_si512(a->roles), medium = _mm512_set1_epi32((int)a->medium_bit);
    const void *row = (const void *)a->places;
    for (uint32_t i = 0; i < b->count; i += SIFT_STEP) {
        unsigned left = b->count - i, line = from + i;
        __mmask16 k = (__mmask16)(left >= SIFT_STEP ? 0xffff : (1u << left) - 1);
        __m512i ends = _mm512_maskz_loadu_epi32(k, block_ends(b) + i), whats = _mm512_maskz_loadu_epi32(k, block_whats(b) + i);
        __m512i starts = _mm512_maskz_loadu_epi32(k, block_starts(b) + i), words = _mm512_srli_epi32(whats, WHAT_PLACE_SHIFT + 5), places;
        if (a->place_words == 16) places = _mm512_permutexvar_epi32(words, _mm512_loadu_si512(row));
        else if (a->place_words == 32) places = _mm512_permutex2var_epi32(_mm512_loadu_si512(row), words, _mm512_loadu_si512((const char *)row + 64));
        else places = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), k, words, row, 4);
        places = _mm512_rorv_epi32(places, _mm512_srli_epi32(whats, WHAT_PLACE_SHIFT));
        __m512i roles = _mm512_permutexvar_epi32(_mm512_srli_epi32(whats, WHAT_KIND_SHIFT), kinds);
        if (columns) {
            _mm512_storeu_si512(columns->ends + line, ends);
            _mm512_storeu_si512(columns->starts + line, starts);
            _mm512_storeu_si512(columns->scopes + line, _mm512_maskz_loadu_epi32(k, block_scopes(b) + i));
        }
#define SIFT_HAS(words, bits) _mm512_mask_test_epi32_mask(k, words, _mm512_set1_epi32((int)(bits)))
#define SIFT_ALL(NOTE)                                                       \
    do {                                                                     \
        NOTE(out->begun, _mm512_mask_cmple_epu32_mask(k, starts, at));       \
        NOTE(out->left, _mm512_cmpgt_epu32_mask(ends, at));                  \
        NOTE(out->medium, _mm512_test_epi32_mask(whats, medium));            \
        NOTE(out->place, _mm512_mask_test_epi32_mask(k, places, one));       \
        NOTE(out->look_up, SIFT_HAS(whats, WHAT_LOOK_UP));                   \
        NOTE(out->languages, SIFT_HAS(whats, WHAT_HAS_LANGUAGES));           \
        NOTE(out->counts_plays, SIFT_HAS(whats, WHAT_COUNTS_PLAYS));         \
        NOTE(out->is_spent, SIFT_HAS(whats, WHAT_IS_SPENT));                 \
        NOTE(out->own[0], SIFT_HAS(roles, SIFT_OWN << 0));                   \
        NOTE(out->own[1], SIFT_HAS(roles, SIFT_OWN << 1));                   \
        NOTE(out->own[2], SIFT_HAS(roles, SIFT_OWN << 2));                   \
        NOTE(out->own[3], SIFT_HAS(roles, SIFT_OWN << 3));                   \
        if (!a->is_party) break;                                             \
        NOTE(out->others[0], SIFT_HAS(roles, SIFT_OTHERS << 0));             \
        NOTE(out->others[1], SIFT_HAS(roles, SIFT_OTHERS << 1));             \
        NOTE(out->others[2], SIFT_HAS(roles, SIFT_OTHERS << 2));             \
        NOTE(out->others[3], SIFT_HAS(roles, SIFT_OTHERS << 3));             \
        NOTE(out->sales, SIFT_HAS(roles, SIFT_SALE));                        \
    } while (0)
#define SIFT_SET(word, mask) word = (mask)
#define SIFT_ADD(word, mask) word |= (uint64_t)(mask) << line
        if (!line) SIFT_ALL(SIFT_SET);
        else SIFT_ALL(SIFT_ADD);
#undef SIFT_HAS
#undef SIFT_ALL
#undef SIFT_SET
#undef SIFT_ADD
    }
}
static_assert(ROLES == 4, "as many as are noted");
static inline bool sift_has_avx512(void) { return __builtin_cpu_supports("avx512f"); }
#else
static inline void sift_avx512(const struct sift_ask *a, const struct block *b, unsigned from, struct sift *out, struct columns *columns) { sift_plain(a, b, from, out, columns); }
static inline bool sift_has_avx512(void) { return false; }
#endif

#endif
