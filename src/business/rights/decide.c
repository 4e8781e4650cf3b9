/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * decide.c: one question against the lines of up to three titles.
 *
 * Each line is in one of these states for a question, whatever the time: it does not concern it, or it blacks out, holds back, is somebody else's
 * alone, grants, would grant if its plays were not used up, would grant if its deal were active. The first of these that has a line standing at the
 * instant is the answer. It changes when a line of a state that beats it begins, or when the last of its own lines, without a gap, has ended.
 *
 * With few lines a title's lines are judged sixteen at once (few.h). Where a title has more, they are looked at one by one, as far as rows of bits do not
 * rule them out. */
#include "business/rights/few.h"

enum state { /* what beats what; the first ones are enum rights_role */
    STATE_BLACKOUT = ROLE_BLACKOUT,
    STATE_HOLDBACK = ROLE_HOLDBACK,
    STATE_EXCLUSIVE = ROLE_EXCLUSIVE,
    STATE_GRANT = ROLE_GRANT,
    STATE_SPENT,
    STATE_INACTIVE,
    STATES,
    STATE_NOTHING = STATES,
};
enum { EXTENSIONS_MAX = 256 };

struct pick {
    const struct block *block;
    uint32_t line;
};
struct look { /* what was found, by state */
    uint64_t rank[STATES];  /* of the line picked among those that stand now: its end, and above that whether it is not counted; 0: none stands */
    uint32_t cover[STATES]; /* the latest end of those that stand now */
    uint32_t next[STATES];  /* the earliest start of those to come */
    struct pick picks[STATES], next_picks[STATES];
};

static inline enum rights_role role_of(const struct ask *a, const struct block *b, uint32_t i) {
    int64_t party_id = a->q->party_id ? scope_of(a, b, i)->party_id : 0;
    return (enum rights_role)rights_roles[rights_asker_of(a->q->party_id, party_id)][what_kind(block_whats(b)[i])];
}
static inline bool place_is_in(const struct ask *a, const struct block *b, uint32_t i, enum rights_role role) {
    unsigned bits = place_bits(a->places, block_whats(b)[i]);
    if (__builtin_expect(bits & PLACE_IS_UNSURE, 0))
        return territories_hold(a, b, i, role == ROLE_GRANT);
    return bits & PLACE_HOLDS;
}
/* Without a language in the question, any grant will do and no block that names languages applies. */
static inline bool language_is_in(const struct ask *a, const struct block *b, uint32_t i, enum rights_role role) {
    if (__builtin_expect(!(block_whats(b)[i] & WHAT_HAS_LANGUAGES), 1)) return true;
    return a->q->language ? languages_have(a, b, i) : role == ROLE_GRANT;
}
static inline bool medium_is_in(const struct ask *a, const struct block *b, uint32_t i) { return block_whats(b)[i] >> a->q->medium & 1; }

static inline enum state state_of(const struct ask *a, const struct block *b, uint32_t i) {
    enum rights_role role = role_of(a, b, i);
    if (role == ROLE_NOTHING || !medium_is_in(a, b, i) || !place_is_in(a, b, i, role) || !language_is_in(a, b, i, role)) return STATE_NOTHING;
    uint32_t what = block_whats(b)[i];
    if (role != ROLE_GRANT) return what & WHAT_IS_INACTIVE ? STATE_NOTHING : (enum state)role;
    return what & WHAT_IS_INACTIVE ? STATE_INACTIVE : what & WHAT_IS_SPENT ? STATE_SPENT : STATE_GRANT;
}

/* Of several lines that stand, the one that lasts longest decides, the first of these in order; but one whose plays are counted only where there is
 * no other. */
static inline void note_standing(struct look *l, enum state state, const struct block *b, uint32_t line) {
    uint32_t end_s = block_ends(b)[line];
    uint64_t rank = end_s | (block_whats(b)[line] & WHAT_COUNTS_PLAYS ? 0 : UINT64_C(1) << 32);
    if (rank > l->rank[state]) {
        l->rank[state] = rank;
        l->picks[state] = (struct pick){b, line};
    }
    if (end_s > l->cover[state]) l->cover[state] = end_s;
}
static inline void note_coming(struct look *l, enum state state, const struct block *b, uint32_t line) {
    uint32_t start_s = block_starts(b)[line];
    if (start_s >= l->next[state]) return;
    l->next[state] = start_s;
    l->next_picks[state] = (struct pick){b, line};
}

/* A title with few lines beside one with many. */
static void look_few(const struct ask *a, const struct block *b, struct look *l) {
    for (uint32_t i = 0; i < b->count; i++) {
        if (block_ends(b)[i] <= a->at_s) continue;
        enum state state = state_of(a, b, i);
        if (state == STATE_NOTHING) continue;
        if (block_starts(b)[i] <= a->at_s) note_standing(l, state, b, i);
        else note_coming(l, state, b, i);
    }
}

/* --- many lines: rows of bits first --- */

/* Those of one word that may stand in a role: `kinds` is a bit for each kind that may. */
static inline uint64_t candidates(const struct ask *a, const struct rows *rows, unsigned kinds, size_t word) {
    uint64_t bits = 0;
    for (; kinds; kinds &= kinds - 1) bits |= rows->kinds[(size_t)__builtin_ctz(kinds) * rows->words + word];
    return bits & rows->classes[(size_t)rows->class_of[a->q->place.country] * rows->words + word] & rows->media[a->q->medium * rows->words + word];
}
static unsigned kinds_in_role(const struct ask *a, enum rights_role role) {
    return a->q->party_id ? rights_kinds[ASKER_PARTY][role] | rights_kinds[ASKER_OTHER][role] : rights_kinds[ASKER_US][role];
}
static inline bool is_of_role(enum state state, enum rights_role role) {
    return state == (enum state)role || (role == ROLE_GRANT && (state == STATE_SPENT || state == STATE_INACTIVE));
}

static __attribute__((noinline)) void look_many(const struct ask *a, const struct block *b, struct look *l) {
    const struct rows *rows = block_rows(b);
    uint32_t begun = block_begun(b, a->at_s);
    uint64_t begun_mask = (UINT64_C(1) << begun % 64) - 1; /* of word begun / 64 */
    for (enum rights_role role = 0; role < ROLES; role++) {
        unsigned kinds = kinds_in_role(a, role);
        for (size_t w = 0; w < (begun + 63) / 64; w++) {
            /* What ends no later than the line picked already changes nothing. */
            if (rows->ends[w] <= a->at_s || (l->rank[role] >> 32 && rows->ends[w] <= (uint32_t)l->rank[role])) continue;
            uint64_t bits = candidates(a, rows, kinds, w);
            if (w == begun / 64) bits &= begun_mask;
            for (; bits; bits &= bits - 1) {
                uint32_t i = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(bits);
                if (block_ends(b)[i] <= a->at_s) continue;
                enum state state = state_of(a, b, i);
                if (is_of_role(state, role)) note_standing(l, state, b, i);
            }
        }
        /* Of those to come the first counts; ones that would grant and cannot are noted until one is found that can. */
        bool is_found = false;
        for (size_t w = begun / 64; w < rows->words && !is_found; w++) {
            uint64_t bits = candidates(a, rows, kinds, w);
            if (w == begun / 64) bits &= ~begun_mask;
            for (; bits && !is_found; bits &= bits - 1) {
                uint32_t i = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(bits);
                enum state state = state_of(a, b, i);
                if (!is_of_role(state, role)) continue;
                note_coming(l, state, b, i);
                is_found = state == (enum state)role;
            }
        }
    }
}

/* --- until when --- */

/* How far lines of one state go on without a gap from `cover` on. What lies behind `limit` does not matter. */
static uint32_t extend_few(const struct ask *a, const struct block *b, enum state state, uint32_t cover) {
    for (uint32_t i = 0; i < b->count && block_starts(b)[i] <= cover; i++)
        if (block_ends(b)[i] > cover && state_of(a, b, i) == state) cover = block_ends(b)[i];
    return cover;
}
static uint32_t extend_many(const struct ask *a, const struct block *b, enum state state, uint32_t cover, uint32_t limit, unsigned *steps) {
    const struct rows *rows = block_rows(b);
    for (uint32_t i = block_begun(b, a->at_s); i < b->count && block_starts(b)[i] <= cover && cover < limit; i++) {
        if (i % 64 == 0 && rows->ends[i / 64] <= cover) {
            i += 63;
            continue;
        }
        if (block_ends(b)[i] <= cover || state_of(a, b, i) != state) continue;
        if (*steps == 0) break;
        --*steps;
        cover = block_ends(b)[i];
    }
    return cover;
}

static uint32_t changes_at(const struct ask *a, const struct block *const *blocks, int count, const struct look *l, enum state verdict, unsigned beaten_by) {
    uint32_t change = NEVER;
    for (unsigned s = 0; s < beaten_by; s++)
        if (l->next[s] < change) change = l->next[s];
    if (verdict == STATE_NOTHING) return change;
    uint32_t cover = l->cover[verdict];
    bool may_go_on = l->next[verdict] <= cover || verdict > STATE_GRANT; /* of the last two, look_many does not find the first one to come */
    unsigned steps = EXTENSIONS_MAX;
    while (may_go_on && cover < change) {
        uint32_t before = cover;
        for (int i = 0; i < count; i++)
            cover = blocks[i]->has_rows ? extend_many(a, blocks[i], verdict, cover, change, &steps) : extend_few(a, blocks[i], verdict, cover);
        may_go_on = cover > before && count > 1 && steps;
    }
    return cover < change ? cover : change;
}

/* --- a refusal's reason, where nothing stands and nothing will come --- */

struct past {
    uint32_t ended_s; /* the latest end of what did grant it; 0: nothing did */
    enum rights_reason reason;
    struct pick pick;
};

/* A line that would grant, were it not for ...; RIGHTS_BECAUSE_ENDED: for nothing but time. */
static enum rights_reason miss_of(const struct ask *a, const struct block *b, uint32_t i) {
    return !place_is_in(a, b, i, ROLE_GRANT)      ? RIGHTS_BECAUSE_TERRITORY
           : !medium_is_in(a, b, i)               ? RIGHTS_BECAUSE_MEDIUM
           : !language_is_in(a, b, i, ROLE_GRANT) ? RIGHTS_BECAUSE_LANGUAGE
                                                  : RIGHTS_BECAUSE_ENDED;
}
static inline bool would_grant(const struct ask *a, const struct block *b, uint32_t i) {
    return role_of(a, b, i) == ROLE_GRANT && !(block_whats(b)[i] & WHAT_IS_INACTIVE);
}
static void past_few(const struct ask *a, const struct block *b, struct past *p) {
    for (uint32_t i = 0; i < b->count; i++) {
        if (!would_grant(a, b, i)) continue;
        enum rights_reason why = miss_of(a, b, i);
        uint32_t end_s = why == RIGHTS_BECAUSE_ENDED ? block_ends(b)[i] : 0;
        if (end_s > a->at_s || why > p->reason || (why == p->reason && end_s <= p->ended_s)) continue;
        *p = (struct past){end_s, why, {b, i}};
    }
}

/* The same, from the best reason to the worst, so that little has to be looked at. */
static __attribute__((noinline)) void past_many(const struct ask *a, const struct block *b, struct past *p) {
    const struct rows *rows = block_rows(b);
    const uint64_t *here = rows->classes + (size_t)rows->class_of[a->q->place.country] * rows->words, *medium = rows->media + a->q->medium * rows->words;
    unsigned granting = kinds_in_role(a, ROLE_GRANT);
    for (enum rights_reason reason = RIGHTS_BECAUSE_ENDED; reason <= RIGHTS_BECAUSE_TERRITORY && reason <= p->reason; reason++) {
        if (reason == p->reason && reason != RIGHTS_BECAUSE_ENDED) return;
        for (size_t w = 0; w < rows->words; w++) {
            if (reason == RIGHTS_BECAUSE_ENDED && p->ended_s && rows->ends[w] <= p->ended_s) continue;
            uint64_t bits = 0;
            for (unsigned kinds = granting; kinds; kinds &= kinds - 1) bits |= rows->kinds[(size_t)__builtin_ctz(kinds) * rows->words + w];
            if (reason <= RIGHTS_BECAUSE_MEDIUM) bits &= here[w];
            if (reason <= RIGHTS_BECAUSE_LANGUAGE) bits &= medium[w];
            for (; bits; bits &= bits - 1) {
                uint32_t i = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(bits), end_s = block_ends(b)[i];
                if (!would_grant(a, b, i)) continue;
                enum rights_reason why = miss_of(a, b, i);
                if (why != reason || (why == RIGHTS_BECAUSE_ENDED && (end_s > a->at_s || end_s <= p->ended_s))) continue;
                *p = (struct past){why == RIGHTS_BECAUSE_ENDED ? end_s : 0, why, {b, i}};
                if (why != RIGHTS_BECAUSE_ENDED) return;
            }
        }
    }
}

/* --- the answer, of many lines --- */

static int64_t pick_id(struct pick p) { return p.block ? block_ids(p.block)[p.line] : 0; }

static __attribute__((noinline)) void decide_many_lines(const struct ask *a, const struct block *const *blocks, int count, struct rights_answer *out) {
    static const enum rights_reason reasons[STATES] = {
        [STATE_BLACKOUT] = RIGHTS_BECAUSE_BLACKOUT, [STATE_HOLDBACK] = RIGHTS_BECAUSE_HOLDBACK, [STATE_EXCLUSIVE] = RIGHTS_BECAUSE_EXCLUSIVE,
        [STATE_GRANT] = RIGHTS_BECAUSE_ALLOWED,     [STATE_SPENT] = RIGHTS_BECAUSE_PLAYS,       [STATE_INACTIVE] = RIGHTS_BECAUSE_DEAL};
    struct look l;
    for (int s = 0; s < STATES; s++) {
        l.rank[s] = 0;
        l.cover[s] = 0;
        l.next[s] = NEVER;
    }
    for (int i = 0; i < count; i++) (blocks[i]->has_rows ? look_many : look_few)(a, blocks[i], &l);

    enum state verdict = STATE_BLACKOUT;
    while (verdict <= STATE_SPENT && !l.rank[verdict]) verdict++;
    if (verdict <= STATE_SPENT) {
        *out = (struct rights_answer){.is_allowed = verdict == STATE_GRANT, .reason = reasons[verdict], .line_id = pick_id(l.picks[verdict])};
        out->counts_plays = verdict == STATE_GRANT && !(l.rank[verdict] >> 32);
        out->until_s = instant(changes_at(a, blocks, count, &l, verdict, verdict));
        return;
    }
    enum state coming = l.next[STATE_SPENT] < l.next[STATE_GRANT] ? STATE_SPENT : STATE_GRANT;
    if (l.next[coming] != NEVER) {
        *out = (struct rights_answer){.reason = RIGHTS_BECAUSE_NOT_YET, .line_id = pick_id(l.next_picks[coming]), .from_s = l.next[coming]};
        out->until_s = instant(changes_at(a, blocks, count, &l, STATE_NOTHING, STATE_INACTIVE));
        return;
    }
    if (l.rank[STATE_INACTIVE]) {
        *out = (struct rights_answer){.reason = RIGHTS_BECAUSE_DEAL, .line_id = pick_id(l.picks[STATE_INACTIVE])};
        out->until_s = instant(changes_at(a, blocks, count, &l, STATE_INACTIVE, STATE_INACTIVE));
        return;
    }
    struct past p = {.reason = RIGHTS_BECAUSE_NONE};
    for (int i = 0; i < count; i++) (blocks[i]->has_rows ? past_many : past_few)(a, blocks[i], &p);
    *out = (struct rights_answer){.reason = p.reason, .line_id = pick_id(p.pick)};
    out->until_s = instant(changes_at(a, blocks, count, &l, STATE_NOTHING, STATES));
}

/* --- questions --- */

/* The title's block, if it has lines. */
static inline __attribute__((always_inline)) const struct block *block_of(const struct table *table, int64_t title_id) {
    const struct block *b = title_id ? table_find(table, title_id) : NULL;
    if (!b) return NULL;
    block_fetch(b);
    return b->count ? b : NULL;
}
static const struct rights_answer nothing = {.reason = RIGHTS_BECAUSE_NONE, .until_s = RIGHTS_ENDLESS};

/* After the blocks were found, of which there are some: what they name is there. */
static inline __attribute__((always_inline)) struct ask ask_of(const struct rights_index *ix, const struct rights_question *q) {
    const struct places *places = atomic_load(&ix->places);
    return (struct ask){
        .q = q,
        .at_s = (uint32_t)(__builtin_expect((uint64_t)q->at_s > RIGHTS_TIME_MAX, 0) ? q->at_s < 0 ? 0 : RIGHTS_TIME_MAX : q->at_s),
        .place_words = places->words,
        .places = places->rows + (size_t)q->place.country * places->words,
        .scopes = atomic_load(&ix->scopes),
        .scope_parties = atomic_load(&ix->scope_parties),
    };
}
/* Those of three blocks that there are. Returns how many. */
static inline unsigned blocks_of(const struct block *one, const struct block *two, const struct block *three, const struct block *blocks[TITLES_MAX]) {
    unsigned count = 0;
    if ((blocks[count] = one)) count++;
    if ((blocks[count] = two)) count++;
    if ((blocks[count] = three)) count++;
    return count;
}
static_assert(TITLES_MAX == 3, "one, two, three");
static inline bool has_many(const struct block *const *blocks, unsigned count) {
    bool has = false;
    for (unsigned i = 0; i < count; i++) has |= blocks[i]->has_rows;
    return has;
}

static void decide_plain(const struct rights_index *ix, const struct table *table, const struct rights_question *q, struct rights_answer *out) {
    const struct block *blocks[TITLES_MAX];
    unsigned count = blocks_of(block_of(table, q->titles[0]), block_of(table, q->titles[1]), block_of(table, q->titles[2]), blocks);
    if (!count) {
        *out = nothing;
        return;
    }
    struct ask a = ask_of(ix, q);
    if (has_many(blocks, count)) decide_many_lines(&a, blocks, (int)count, out);
    else few_plain(&a, blocks, count, out);
}

/* In three passes: where the titles stand, their blocks, the answers. Each pass asks for what the next one reads, so memory is waited for
 * sixteen at once. */
enum { AHEAD = 16 };
static inline void fetch(const struct table *table, const struct rights_question *questions, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t t = 0; t < TITLES_MAX; t++)
            if (questions[i].titles[t]) table_fetch(table, questions[i].titles[t]);
    for (size_t i = 0; i < count; i++)
        for (size_t t = 0; t < TITLES_MAX; t++) {
            const struct block *b = questions[i].titles[t] ? table_find(table, questions[i].titles[t]) : NULL;
            if (b) block_fetch(b);
        }
}
#define DECIDE_ONE(decide, ix, q, out)                   \
    do {                                                 \
        struct epoch_place *reading = epoch_enter();     \
        decide(ix, atomic_load(&(ix)->table), q, out);   \
        epoch_leave(reading);                            \
    } while (0)
#define DECIDE_MANY(decide, ix, questions, count, out)                                                           \
    do {                                                                                                         \
        struct epoch_place *reading = epoch_enter();                                                             \
        const struct table *table = atomic_load(&(ix)->table);                                                   \
        for (size_t from = 0; from < (count); from += AHEAD) {                                                   \
            size_t many = (count)-from < AHEAD ? (count)-from : AHEAD;                                           \
            fetch(table, (questions) + from, many);                                                              \
            for (size_t i = 0; i < many; i++) decide(ix, table, &(questions)[from + i], &(out)[from + i]);       \
        }                                                                                                        \
        epoch_leave(reading);                                                                                    \
    } while (0)

#if defined(__x86_64__)
FEW_FAST static __attribute__((noinline)) void decide_fast_any(const struct rights_index *ix, const struct rights_question *q, const struct block *one, const struct block *two,
                                                               const struct block *three, struct rights_answer *out) {
    const struct block *blocks[TITLES_MAX];
    unsigned count = blocks_of(one, two, three, blocks);
    if (!count) {
        *out = nothing;
        return;
    }
    struct ask a = ask_of(ix, q);
    if (has_many(blocks, count)) decide_many_lines(&a, blocks, (int)count, out);
    else few_fast_any(&a, blocks, count, out);
}
/* Nearly all questions are about a title, or a title and what it belongs to, with no more lines each than are judged at once. */
FEW_FAST FEW_INLINE void decide_fast(const struct rights_index *ix, const struct table *table, const struct rights_question *q, struct rights_answer *out) {
    const struct block *one = block_of(table, q->titles[0]), *two = block_of(table, q->titles[1]), *three = block_of(table, q->titles[2]);
    if (!one) {
        one = two;
        two = NULL;
    }
    if (__builtin_expect(three || !one || one->count > CHUNK || (two && two->count > CHUNK), 0)) {
        decide_fast_any(ix, q, one, two, three, out);
        return;
    }
    struct ask a = ask_of(ix, q);
    struct chunk chunks[2] = {{one, 0}, {two, 0}};
    if (two) few_fast(&a, chunks, 2, out);
    else few_fast(&a, chunks, 1, out);
}
FEW_FAST static void decide_one_fast(const struct rights_index *ix, const struct rights_question *q, struct rights_answer *out) { DECIDE_ONE(decide_fast, ix, q, out); }
FEW_FAST static void decide_many_fast(const struct rights_index *ix, const struct rights_question *questions, size_t count, struct rights_answer *out) {
    DECIDE_MANY(decide_fast, ix, questions, count, out);
}
#else
static void decide_many_fast(const struct rights_index *ix, const struct rights_question *questions, size_t count, struct rights_answer *out) {
    DECIDE_MANY(decide_plain, ix, questions, count, out);
}
#endif

static __attribute__((noinline)) void decide_one_plain(const struct rights_index *ix, const struct rights_question *q, struct rights_answer *out) {
    DECIDE_ONE(decide_plain, ix, q, out);
}
void rights_index_decide(const struct rights_index *ix, const struct rights_question *q, struct rights_answer *out) {
    (ix->is_fast ? decide_one_fast : decide_one_plain)(ix, q, out);
}
void rights_index_decide_many(const struct rights_index *ix, const struct rights_question *questions, size_t count, struct rights_answer *out) {
    if (ix->is_fast) decide_many_fast(ix, questions, count, out);
    else DECIDE_MANY(decide_plain, ix, questions, count, out);
}
