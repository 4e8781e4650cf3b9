/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * few.h: the answer where no title has more than a few lines; for decide.c.
 *
 * Each line has a verdict about the question: what the answer would be if there were no other line. The answer is the first verdict that any line has, in
 * the order of enum verdict. Of the lines that have it one decides; until when it stands is a matter of the lines to come.
 *
 * Which lines concern a question is as good as random, so a branch on it is guessed wrong every other time, and found to be wrong only when the line has come
 * from memory. Therefore sixteen lines are judged at once, without a branch but for what is rare: then the processor is at the next question's
 * memory while it waits for this one's. few_plain is the same, line by line: for processors that cannot do it, and for the test that compares them. */
#ifndef BUSINESS_RIGHTS_FEW_H
#define BUSINESS_RIGHTS_FEW_H

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "business/rights/compiled.h"

enum verdict {
    VERDICT_BLACKOUT, VERDICT_HOLDBACK, VERDICT_EXCLUSIVE, VERDICT_GRANT, VERDICT_SPENT, VERDICT_COMING, VERDICT_INACTIVE, VERDICT_ENDED,
    VERDICT_LANGUAGE, VERDICT_MEDIUM, VERDICT_TERRITORY, VERDICT_NONE,
    VERDICTS,
};
enum { TITLES_MAX = ARRAY_LEN(((struct rights_question *)0)->titles), CHUNK = 16, CHUNKS_MAX = TITLES_MAX * ((INDEX_FEW + CHUNK - 1) / CHUNK), NEVER = UINT32_MAX };

struct ask {
    const struct rights_question *q;
    uint32_t at_s, place_words;
    const _Atomic uint32_t *places; /* the country's row */
    const struct scope *scopes;
    const uint32_t *scope_parties;
};
struct chunk { /* up to 16 lines of a block */
    const struct block *block;
    uint32_t from;
};
static inline int64_t instant(uint32_t s) { return s == NEVER ? RIGHTS_ENDLESS : (int64_t)s; }

/* What a line's verdict is if it stands and fits, by asker and by five bits of `what`: kind and 1, is inactive, is spent. role.h once more, which a test compares. */
static const _Alignas(64) uint32_t few_standing[ASKERS][32] = {
#define US(granted) VERDICT_NONE, granted, VERDICT_NONE, VERDICT_EXCLUSIVE, VERDICT_HOLDBACK, VERDICT_BLACKOUT, VERDICT_HOLDBACK, VERDICT_NONE
#define PARTY(granted) VERDICT_NONE, VERDICT_NONE, granted, granted, VERDICT_HOLDBACK, VERDICT_BLACKOUT, VERDICT_NONE, VERDICT_BLACKOUT
#define OTHER VERDICT_NONE, VERDICT_NONE, VERDICT_NONE, VERDICT_EXCLUSIVE, VERDICT_HOLDBACK, VERDICT_BLACKOUT, VERDICT_HOLDBACK, VERDICT_NONE
#define NOBODY VERDICT_NONE, VERDICT_NONE, VERDICT_NONE, VERDICT_NONE, VERDICT_NONE, VERDICT_NONE, VERDICT_NONE, VERDICT_NONE
#define INACTIVE_US VERDICT_NONE, VERDICT_INACTIVE, VERDICT_NONE, VERDICT_NONE, VERDICT_NONE, VERDICT_NONE, VERDICT_NONE, VERDICT_NONE
#define INACTIVE_PARTY VERDICT_NONE, VERDICT_NONE, VERDICT_INACTIVE, VERDICT_INACTIVE, VERDICT_NONE, VERDICT_NONE, VERDICT_NONE, VERDICT_NONE
    [ASKER_US] = {US(VERDICT_GRANT), INACTIVE_US, US(VERDICT_SPENT), INACTIVE_US},
    [ASKER_PARTY] = {PARTY(VERDICT_GRANT), INACTIVE_PARTY, PARTY(VERDICT_SPENT), INACTIVE_PARTY},
    [ASKER_OTHER] = {OTHER, NOBODY, OTHER, NOBODY},
#undef US
#undef PARTY
#undef OTHER
#undef NOBODY
#undef INACTIVE_US
#undef INACTIVE_PARTY
};
static inline unsigned few_code(uint32_t what) { return what >> WHAT_KIND_SHIFT & 31; }
/* By what it would be if it stood: is it a grant, which has a verdict even where it does not fit; what in `what` mutes it if the question names no language. */
static const _Alignas(64) uint32_t few_is_grant[16] = {[VERDICT_GRANT] = 1, [VERDICT_SPENT] = 1};
static const _Alignas(64) uint32_t few_mutes[16] = {
    [VERDICT_BLACKOUT] = WHAT_HAS_LANGUAGES, [VERDICT_HOLDBACK] = WHAT_HAS_LANGUAGES, [VERDICT_EXCLUSIVE] = WHAT_HAS_LANGUAGES};

/* What follows from the verdict. Of the lines that have it, one that is avoided decides only where there is no other; of those left the one that ends last,
 * or begins first, and of these the first. A verdict that stands ends with the last of its lines, without a gap; any ends when a line begins whose own
 * would be below `beaten`. */
static const struct few_rule {
    uint32_t reason, beaten, avoided;
    uint32_t by_end, by_start;  /* all bits, or none */
    uint32_t lasts, goes_on_by; /* lasts: all bits, or none where it stands; then lines of which verdict carry it on. Else of no line */
    uint32_t spare; /* half a cache line each */
} few_rules[16] = {
#define STANDS(because, beaten_below, verdict) {.reason = because, .beaten = beaten_below, .avoided = WHAT_COUNTS_PLAYS, .by_end = UINT32_MAX, .goes_on_by = verdict}
#define LASTS(because, beaten_below, ...) {.reason = because, .beaten = beaten_below, .lasts = UINT32_MAX, .goes_on_by = VERDICTS, __VA_ARGS__}
    [VERDICT_BLACKOUT] = STANDS(RIGHTS_BECAUSE_BLACKOUT, VERDICT_BLACKOUT, VERDICT_BLACKOUT),
    [VERDICT_HOLDBACK] = STANDS(RIGHTS_BECAUSE_HOLDBACK, VERDICT_HOLDBACK, VERDICT_HOLDBACK),
    [VERDICT_EXCLUSIVE] = STANDS(RIGHTS_BECAUSE_EXCLUSIVE, VERDICT_EXCLUSIVE, VERDICT_EXCLUSIVE),
    [VERDICT_GRANT] = STANDS(RIGHTS_BECAUSE_ALLOWED, VERDICT_GRANT, VERDICT_GRANT),
    [VERDICT_SPENT] = STANDS(RIGHTS_BECAUSE_PLAYS, VERDICT_SPENT, VERDICT_SPENT),
    [VERDICT_COMING] = LASTS(RIGHTS_BECAUSE_NOT_YET, VERDICT_COMING, .by_start = UINT32_MAX, .avoided = WHAT_IS_SPENT),
    [VERDICT_INACTIVE] = STANDS(RIGHTS_BECAUSE_DEAL, VERDICT_COMING, VERDICT_INACTIVE),
    [VERDICT_ENDED] = LASTS(RIGHTS_BECAUSE_ENDED, VERDICT_ENDED, .by_end = UINT32_MAX),
    [VERDICT_LANGUAGE] = LASTS(RIGHTS_BECAUSE_LANGUAGE, VERDICT_ENDED),
    [VERDICT_MEDIUM] = LASTS(RIGHTS_BECAUSE_MEDIUM, VERDICT_ENDED),
    [VERDICT_TERRITORY] = LASTS(RIGHTS_BECAUSE_TERRITORY, VERDICT_ENDED),
    [VERDICT_NONE] = LASTS(RIGHTS_BECAUSE_NONE, VERDICT_ENDED),
#undef STANDS
#undef LASTS
};

static inline const struct scope *scope_of(const struct ask *a, const struct block *b, uint32_t i) { return &a->scopes[block_scopes(b)[i]]; }
/* Both where it is not known without the sets themselves. */
static inline bool territories_hold(const struct ask *a, const struct block *b, uint32_t i, bool is_grant) {
    return rights_territories_hold(scope_of(a, b, i)->territories, a->q->place, is_grant ? RIGHTS_ALLOW : RIGHTS_BLACKOUT);
}
static inline bool languages_have(const struct ask *a, const struct block *b, uint32_t i) {
    return languages_hold(languages_at(scope_of(a, b, i)->languages), tag_at(a->q->language));
}

/* --- line by line --- */

struct few_line {
    uint8_t standing, verdict;
    bool is_coming;
};
static inline struct few_line few_judge(const struct ask *a, const struct block *b, uint32_t i) {
    uint32_t what = block_whats(b)[i];
    unsigned places = place_bits(a->places, what);
    enum rights_asker asker = !a->q->party_id ? ASKER_US : scope_of(a, b, i)->party_id == a->q->party_id ? ASKER_PARTY : ASKER_OTHER;
    struct few_line l = {.standing = (uint8_t)few_standing[asker][few_code(what)]};
    bool is_grant = few_is_grant[l.standing];
    bool place = places & PLACE_IS_UNSURE ? territories_hold(a, b, i, l.standing >= VERDICT_GRANT) : places & PLACE_HOLDS, here = place && what >> a->q->medium & 1;
    bool fits = here && (!(what & WHAT_HAS_LANGUAGES) || (a->q->language ? languages_have(a, b, i) : !(few_mutes[l.standing] & what)));
    bool has_begun = block_starts(b)[i] <= a->at_s, is_over = block_ends(b)[i] <= a->at_s;
    l.is_coming = fits && !has_begun;
    if (fits && has_begun && !is_over) l.verdict = l.standing;
    else if (!is_grant) l.verdict = VERDICT_NONE;
    else l.verdict = !place ? VERDICT_TERRITORY : !here ? VERDICT_MEDIUM : !fits ? VERDICT_LANGUAGE : has_begun ? VERDICT_ENDED : VERDICT_COMING;
    return l;
}
static inline void few_plain(const struct ask *a, const struct block *const *blocks, unsigned count, struct rights_answer *out) {
    struct few_line lines[CHUNKS_MAX * CHUNK];
    unsigned n = 0, verdict = VERDICT_NONE;
    for (unsigned k = 0; k < count; k++)
        for (uint32_t i = 0; i < blocks[k]->count; i++, n++) {
            lines[n] = few_judge(a, blocks[k], i);
            verdict = lines[n].verdict < verdict ? lines[n].verdict : verdict;
        }
    const struct few_rule *rule = &few_rules[verdict];
    uint64_t best = 0;
    int64_t line_id = 0;
    uint32_t cover = 0, until_s = NEVER, from_s = 0;
    bool is_avoided = false, has_one = false;
    n = 0;
    for (unsigned k = 0; k < count; k++)
        for (uint32_t i = 0; i < blocks[k]->count; i++, n++) {
            uint32_t start_s = block_starts(blocks[k])[i], end_s = block_ends(blocks[k])[i];
            if (lines[n].is_coming && lines[n].standing < rule->beaten && start_s < until_s) until_s = start_s;
            if (lines[n].verdict != verdict) continue;
            if (end_s > cover) cover = end_s;
            bool avoids = block_whats(blocks[k])[i] & rule->avoided;
            uint64_t rank = rule->by_start ? (uint64_t)~start_s << 1 | !avoids : (uint64_t)!avoids << 32 | (end_s & rule->by_end);
            if (has_one && rank <= best) continue;
            has_one = true;
            best = rank;
            is_avoided = avoids;
            from_s = start_s & rule->by_start;
            line_id = block_ids(blocks[k])[i];
        }
    cover |= rule->lasts;
    for (bool has_grown = true; has_grown && cover < until_s;) {
        has_grown = false;
        n = 0;
        for (unsigned k = 0; k < count; k++)
            for (uint32_t i = 0; i < blocks[k]->count; i++, n++) {
                if (!lines[n].is_coming || lines[n].standing != rule->goes_on_by || block_starts(blocks[k])[i] > cover || block_ends(blocks[k])[i] <= cover) continue;
                cover = block_ends(blocks[k])[i];
                has_grown = true;
            }
    }
    *out = (struct rights_answer){
        .is_allowed = verdict == VERDICT_GRANT,
        .reason = (enum rights_reason)rule->reason,
        .line_id = verdict == VERDICT_NONE ? 0 : line_id,
        .until_s = instant(cover < until_s ? cover : until_s),
        .from_s = from_s,
        .counts_plays = verdict == VERDICT_GRANT && is_avoided,
    };
}

/* --- sixteen lines at once --- */

#if defined(__x86_64__)
#define FEW_FAST __attribute__((target("avx512f,avx512vl,bmi,bmi2")))
#define FEW_INLINE __attribute__((always_inline)) static inline

/* What is rare: lines of a chunk, a bit each. They get no more than fits into registers, so that elsewhere nothing has to be in memory for them. */
static __attribute__((noinline)) uint32_t few_out_of_place(const struct scope *scopes, const struct rights_question *q, struct chunk c, uint32_t lines, uint32_t grants) {
    struct ask a = {.q = q, .scopes = scopes};
    uint32_t out = 0;
    for (; lines; lines &= lines - 1) {
        unsigned i = (unsigned)__builtin_ctz(lines);
        out |= (uint32_t)!territories_hold(&a, c.block, c.from + i, grants >> i & 1) << i;
    }
    return out;
}
static __attribute__((noinline)) uint32_t few_of_other_languages(const struct scope *scopes, const struct rights_question *q, struct chunk c, uint32_t lines) {
    struct ask a = {.q = q, .scopes = scopes};
    uint32_t out = 0;
    for (; lines; lines &= lines - 1) out |= (uint32_t)!languages_have(&a, c.block, c.from + (uint32_t)__builtin_ctz(lines)) << __builtin_ctz(lines);
    return out;
}
static __attribute__((noinline)) uint32_t few_of_the_party(const struct scope *scopes, const struct rights_question *q, struct chunk c, uint32_t lines) {
    struct ask a = {.q = q, .scopes = scopes};
    uint32_t out = 0;
    for (; lines; lines &= lines - 1) out |= (uint32_t)(scope_of(&a, c.block, c.from + (uint32_t)__builtin_ctz(lines))->party_id == q->party_id) << __builtin_ctz(lines);
    return out;
}
static __attribute__((noinline)) uint32_t few_go_on(const struct chunk *chunks, const uint16_t *lines, unsigned n, uint32_t cover) {
    for (bool has_grown = true; has_grown;) {
        has_grown = false;
        for (unsigned c = 0; c < n; c++)
            for (unsigned left = lines[c]; left; left &= left - 1) {
                uint32_t i = chunks[c].from + (uint32_t)__builtin_ctz(left);
                if (block_starts(chunks[c].block)[i] > cover || block_ends(chunks[c].block)[i] <= cover) continue;
                cover = block_ends(chunks[c].block)[i];
                has_grown = true;
            }
    }
    return cover;
}

FEW_FAST FEW_INLINE __m512i few_of_one(uint32_t word) { return _mm512_set1_epi32((int)word); }
FEW_FAST FEW_INLINE __m512i few_look_up(const uint32_t table[32], __m512i codes) {
    return _mm512_permutex2var_epi32(_mm512_load_si512(table), codes, _mm512_load_si512(table + 16));
}
FEW_FAST FEW_INLINE __mmask16 few_lines_of(struct chunk c) { return (__mmask16)_bzhi_u32(0xffff, c.block->count - c.from); }
/* A licensee asks: only lines about which it matters whose deal it is are looked up, by half of the party's id first. */
FEW_FAST static __attribute__((noinline)) __m512i few_standing_of_party(const struct scope *scopes, const uint32_t *parties, const struct rights_question *q, struct chunk c, __m512i codes) {
    __m512i own = few_look_up(few_standing[ASKER_PARTY], codes), other = few_look_up(few_standing[ASKER_OTHER], codes);
    __mmask16 differ = _mm512_mask_cmpneq_epi32_mask(few_lines_of(c), own, other);
    __m512i of = _mm512_maskz_loadu_epi32(differ, block_scopes(c.block) + c.from);
    __m512i theirs = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), differ, of, parties, sizeof *parties);
    __mmask16 his = _mm512_mask_cmpeq_epi32_mask(differ, theirs, few_of_one((uint32_t)q->party_id));
    if (__builtin_expect(his, 0)) other = _mm512_mask_mov_epi32(other, (__mmask16)few_of_the_party(scopes, q, c, his), own);
    return other;
}

struct few_lines {
    __m512i ends, starts, whats, standing, verdicts;
    __mmask16 coming;
};
FEW_FAST FEW_INLINE struct few_lines few_judge_chunk(const struct ask *a, const struct chunk *c) {
    const struct block *b = c->block;
    __mmask16 lines = few_lines_of(*c); /* the others are zero, of no kind */
    struct few_lines l = {.ends = _mm512_maskz_loadu_epi32(lines, block_ends(b) + c->from),
                          .whats = _mm512_maskz_loadu_epi32(lines, block_whats(b) + c->from),
                          .starts = _mm512_maskz_loadu_epi32(lines, block_starts(b) + c->from)};
    __m512i codes = _mm512_srli_epi32(l.whats, WHAT_KIND_SHIFT), words = _mm512_srli_epi32(l.whats, WHAT_PLACE_SHIFT + 4), places;
    const void *row = (const void *)a->places; /* as long as there are no more than 512 sets it lies in registers */
    if (a->place_words == 32) places = _mm512_permutex2var_epi32(_mm512_load_epi32(row), words, _mm512_load_epi32((const char *)row + 64));
    else if (a->place_words == 16) places = _mm512_permutexvar_epi32(words, _mm512_load_epi32(row));
    else places = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), lines, words, row, 4);
    places = _mm512_rorv_epi32(places, _mm512_srli_epi32(l.whats, WHAT_PLACE_SHIFT - 1)); /* twice the place */
    l.standing = __builtin_expect(a->q->party_id != 0, 0) ? few_standing_of_party(a->scopes, a->scope_parties, a->q, *c, codes) : few_look_up(few_standing[ASKER_US], codes);

    __mmask16 place = _mm512_test_epi32_mask(places, few_of_one(PLACE_HOLDS)), unsure = _mm512_mask_test_epi32_mask(lines, places, few_of_one(PLACE_IS_UNSURE));
    if (__builtin_expect(unsure, 0))
        place = _kandn_mask16(_cvtu32_mask16(few_out_of_place(a->scopes, a->q, *c, unsure, _mm512_cmpge_epu32_mask(l.standing, few_of_one(VERDICT_GRANT)))), place);
    __mmask16 here = _mm512_mask_test_epi32_mask(place, l.whats, few_of_one(1u << a->q->medium)), fits = here;
    if (__builtin_expect(!a->q->language, 1)) {
        fits = _mm512_mask_testn_epi32_mask(here, l.whats, _mm512_permutexvar_epi32(l.standing, _mm512_load_si512(few_mutes)));
    } else {
        __mmask16 speak = _mm512_mask_test_epi32_mask(_mm512_mask_cmpneq_epi32_mask(here, l.standing, few_of_one(VERDICT_NONE)), l.whats, few_of_one(WHAT_HAS_LANGUAGES));
        if (speak) fits = _kandn_mask16(_cvtu32_mask16(few_of_other_languages(a->scopes, a->q, *c, speak)), here);
    }
    /* A grant that does not hold in the place is nearer to an answer than none, one that does and has not the medium is nearer still, ... */
    __m512i at = few_of_one(a->at_s), is_grant = _mm512_permutexvar_epi32(l.standing, _mm512_load_si512(few_is_grant));
    l.coming = _mm512_mask_cmpgt_epu32_mask(fits, l.starts, at);
    __mmask16 stand = _mm512_mask_cmpgt_epu32_mask(_mm512_mask_cmple_epu32_mask(fits, l.starts, at), l.ends, at);
    l.verdicts = _mm512_sub_epi32(few_of_one(VERDICT_NONE), is_grant);
    l.verdicts = _mm512_mask_sub_epi32(l.verdicts, place, l.verdicts, is_grant);
    l.verdicts = _mm512_mask_sub_epi32(l.verdicts, here, l.verdicts, is_grant);
    l.verdicts = _mm512_mask_sub_epi32(l.verdicts, fits, l.verdicts, is_grant);
    l.verdicts = _mm512_mask_sub_epi32(l.verdicts, l.coming, l.verdicts, _mm512_add_epi32(is_grant, is_grant));
    l.verdicts = _mm512_mask_mov_epi32(l.verdicts, stand, l.standing);
    return l;
}
static_assert(VERDICT_TERRITORY == VERDICT_NONE - 1 && VERDICT_MEDIUM == VERDICT_NONE - 2 && VERDICT_LANGUAGE == VERDICT_NONE - 3 && VERDICT_ENDED == VERDICT_NONE - 4 &&
                  VERDICT_COMING == VERDICT_NONE - 6,
              "each step nearer is a smaller verdict");

/* The largest of 16 words in each place of the lower half, of another 16 in the upper half. */
FEW_FAST FEW_INLINE __m512i few_largest_of_both(__m512i x, __m512i y) {
    __m256i of_x = _mm256_max_epu32(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
    __m256i of_y = _mm256_max_epu32(_mm512_castsi512_si256(y), _mm512_extracti64x4_epi64(y, 1));
    __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(of_x), of_y, 1);
    both = _mm512_max_epu32(both, _mm512_shuffle_i64x2(both, both, 0xb1));
    both = _mm512_max_epu32(both, _mm512_shuffle_epi32(both, _MM_PERM_BADC));
    return _mm512_max_epu32(both, _mm512_shuffle_epi32(both, _MM_PERM_CDAB));
}

/* At least one chunk. Where n is a constant, all of it lies in registers. */
FEW_FAST FEW_INLINE void few_fast(const struct ask *a, const struct chunk *chunks, unsigned n, struct rights_answer *out) {
    struct few_lines l[CHUNKS_MAX];
    __m512i least = few_of_one(UINT32_MAX);
#pragma GCC unroll 3
    for (unsigned c = 0; c < n; c++) {
        l[c] = few_judge_chunk(a, &chunks[c]);
        least = _mm512_min_epu32(least, l[c].verdicts);
    }
    __m256i halves = _mm512_cvtepi32_epi16(least);
    __m128i of_all = _mm_minpos_epu16(_mm_min_epu16(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1)));
    unsigned verdict = (unsigned)_mm_cvtsi128_si32(of_all) & 15;
    const struct few_rule *rule = &few_rules[verdict];

    /* Ranks: the larger, the rather does the line decide. The complements of starts: the larger, the earlier. */
    const __m512i by_end = few_of_one(rule->by_end), by_start = few_of_one(rule->by_start), avoided = few_of_one(rule->avoided), beaten = few_of_one(rule->beaten);
    __m512i ranks[CHUNKS_MAX], best = _mm512_setzero_si512(), first = _mm512_setzero_si512();
    __mmask16 have_it[CHUNKS_MAX];
    unsigned are_avoided = 0;
#pragma GCC unroll 3
    for (unsigned c = 0; c < n; c++) {
        __m512i early = _mm512_xor_si512(l[c].starts, few_of_one(UINT32_MAX));
        first = _mm512_mask_max_epu32(first, _mm512_mask_cmplt_epu32_mask(l[c].coming, l[c].standing, beaten), first, early);
        have_it[c] = _mm512_cmpeq_epi32_mask(l[c].verdicts, few_of_one(verdict));
        ranks[c] = _mm512_or_si512(_mm512_and_si512(l[c].ends, by_end), _mm512_and_si512(early, by_start));
        best = _mm512_mask_max_epu32(best, have_it[c], best, ranks[c]);
        are_avoided |= _mm512_mask_test_epi32_mask(have_it[c], l[c].whats, avoided);
    }
    __m512i both = few_largest_of_both(best, first);
    uint32_t rank = (uint32_t)_mm_cvtsi128_si32(_mm512_castsi512_si128(both)), until_s = ~(uint32_t)_mm_cvtsi128_si32(_mm512_extracti32x4_epi32(both, 2));
    uint32_t cover = rank | rule->lasts;
    best = _mm512_broadcastd_epi32(_mm512_castsi512_si128(both));
    bool counts_plays = false;
    if (__builtin_expect(are_avoided, 0)) {
        __mmask16 others[CHUNKS_MAX];
        unsigned are_others = 0;
        for (unsigned c = 0; c < n; c++) {
            __mmask16 equal = rule->by_start ? _mm512_mask_cmpeq_epi32_mask(have_it[c], ranks[c], best) : have_it[c]; /* a later one does not come before it */
            are_others |= others[c] = _mm512_mask_testn_epi32_mask(equal, l[c].whats, avoided);
        }
        counts_plays = verdict == VERDICT_GRANT && !are_others;
        if (are_others) {
            best = _mm512_setzero_si512();
            for (unsigned c = 0; c < n; c++) {
                have_it[c] = others[c];
                best = _mm512_mask_max_epu32(best, have_it[c], best, ranks[c]);
            }
            best = few_of_one(_mm512_reduce_max_epu32(best));
        }
    }
    unsigned line = 0;
    struct chunk decides = chunks[0];
    if (n <= 4) {
        uint64_t found = 0;
#pragma GCC unroll 4
        for (unsigned c = 0; c < n; c++) found |= (uint64_t)_mm512_mask_cmpeq_epi32_mask(have_it[c], ranks[c], best) << CHUNK * c;
        line = (unsigned)__builtin_ctzll(found);
#pragma GCC unroll 4
        for (unsigned c = 1; c < n; c++) decides = line / CHUNK == c ? chunks[c] : decides;
        line %= CHUNK;
    } else {
        unsigned found = 0, c = 0;
        while (!(found = _mm512_mask_cmpeq_epi32_mask(have_it[c], ranks[c], best))) c++;
        decides = chunks[c];
        line = (unsigned)__builtin_ctz(found);
    }
    const __m512i same = few_of_one(rule->goes_on_by), covered = few_of_one(cover);
    unsigned goes_on = 0;
#pragma GCC unroll 3
    for (unsigned c = 0; c < n; c++)
        goes_on |= _mm512_mask_cmple_epu32_mask(_mm512_mask_cmpeq_epi32_mask(l[c].coming, l[c].standing, same), l[c].starts, covered);
    if (__builtin_expect((goes_on != 0) & (cover < until_s), 0)) {
        uint16_t lines[CHUNKS_MAX];
        struct chunk of[CHUNKS_MAX];
        for (unsigned c = 0; c < n; c++) {
            lines[c] = _mm512_mask_cmpeq_epi32_mask(l[c].coming, l[c].standing, same);
            of[c] = chunks[c];
        }
        cover = few_go_on(of, lines, n, cover);
    }
    /* Where all have the verdict that there is none, the first line was found, and is not named. */
    out->is_allowed = verdict == VERDICT_GRANT;
    out->reason = (enum rights_reason)rule->reason;
    out->line_id = block_ids(decides.block)[decides.from + line] & -(int64_t)(verdict != VERDICT_NONE);
    out->until_s = instant(cover < until_s ? cover : until_s);
    out->from_s = ~rank & rule->by_start;
    out->counts_plays = counts_plays;
}

static inline unsigned chunks_of(const struct block *const *blocks, unsigned count, struct chunk chunks[CHUNKS_MAX]) {
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++)
        for (uint32_t from = 0; from < blocks[i]->count; from += CHUNK) chunks[n++] = (struct chunk){blocks[i], from};
    return n;
}
FEW_FAST static __attribute__((noinline)) void few_fast_any(const struct ask *a, const struct block *const *blocks, unsigned count, struct rights_answer *out) {
    struct chunk chunks[CHUNKS_MAX];
    unsigned n = chunks_of(blocks, count, chunks);
    if (n == 3) few_fast(a, chunks, 3, out);
    else few_fast(a, chunks, n, out);
}
#endif

#endif
