/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * decide.c: one question against the lines of up to three titles.
 *
 * Each line is in one of these states for a question, whatever the time: it does not concern it, or it blacks out, holds back, is somebody else's
 * alone, grants, would grant if its plays were not used up, would grant if its deal were active. The first of these that has a line standing at the
 * instant is the answer. It changes when a line of a state that beats it begins, or when the last of its own lines, without a gap, has ended.
 *
 * With few lines the time goes into guesses of the processor that turn out wrong, and these are found to be wrong only when memory has been waited for: which
 * lines concern a question is as good as random. So up to 64 lines are sifted into words of bits (sift.h), and the answer is reckoned from these
 * almost without a branch: then the processor already fetches the next question's memory while it waits for this one's. Where a title has more lines,
 * they are looked at one by one, as far as rows of bits do not rule them out. */
#include "business/rights/compiled.h"
#include "business/rights/sift.h"

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
enum { NEVER = UINT32_MAX, EXTENSIONS_MAX = 256 };

struct ask {
    struct rights_place place;
    uint64_t country_bit;
    unsigned country_word, country_shift;
    uint16_t medium_bit;
    unsigned medium;
    uint32_t at_s;
    uint64_t tag;
    int64_t party_id;
    const struct scope *scopes;
    const _Atomic uint32_t *places, *actives; /* rows of scopes: of the country, of deals */
};

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

static inline const uint8_t *roles_for(const struct ask *a, const struct scope *s) {
    return rights_roles[rights_asker_of(a->party_id, s->party_id)];
}

static inline bool place_is_in(const struct ask *a, const struct scope *s, enum rights_role role) {
    if (__builtin_expect(s->flags & SCOPE_HAS_AREAS, 0))
        return rights_territories_hold(s->territories, a->place, role == ROLE_GRANT ? RIGHTS_ALLOW : RIGHTS_BLACKOUT);
    return s->bits[a->country_word] & a->country_bit;
}
/* Without a language in the question, any grant will do and no block that names languages applies. */
static inline bool language_is_in(const struct ask *a, const struct scope *s, enum rights_role role) {
    if (__builtin_expect(!(s->flags & SCOPE_HAS_LANGUAGES), 1)) return true;
    return a->tag ? languages_hold(languages_at(s->languages), a->tag) : role == ROLE_GRANT;
}
static inline bool deal_is_active(const struct ask *a, const struct scope *s) { return row_bit(a->actives, (uint32_t)(s - a->scopes)); }

static inline enum state state_of(const struct ask *a, const struct scope *s) {
    enum rights_role role = (enum rights_role)roles_for(a, s)[s->kind];
    if (role == ROLE_NOTHING || !(s->media & a->medium_bit) || !place_is_in(a, s, role) || !language_is_in(a, s, role)) return STATE_NOTHING;
    bool is_active = deal_is_active(a, s);
    if (role != ROLE_GRANT) return is_active ? (enum state)role : STATE_NOTHING;
    return !is_active ? STATE_INACTIVE : s->flags & SCOPE_IS_SPENT ? STATE_SPENT : STATE_GRANT;
}

/* Of several lines that stand, the one that lasts longest decides, the first of these in order; but one whose plays are counted only where there is
 * no other. */
static inline void note_standing(struct look *l, enum state state, const struct scope *s, const struct block *b, uint32_t line) {
    uint32_t end_s = block_ends(b)[line];
    uint64_t rank = end_s | (s->flags & SCOPE_COUNTS_PLAYS ? 0 : UINT64_C(1) << 32);
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
        const struct scope *s = &a->scopes[block_scopes(b)[i]];
        enum state state = state_of(a, s);
        if (state == STATE_NOTHING) continue;
        if (block_starts(b)[i] <= a->at_s) note_standing(l, state, s, b, i);
        else note_coming(l, state, b, i);
    }
}

/* --- many lines: rows of bits first --- */

/* Those of one word that may stand in a role: `kinds` is a bit for each kind that may. */
static inline uint64_t candidates(const struct ask *a, const struct rows *rows, unsigned kinds, size_t word) {
    uint64_t bits = 0;
    for (; kinds; kinds &= kinds - 1) bits |= rows->kinds[(size_t)__builtin_ctz(kinds) * rows->words + word];
    return bits & rows->classes[(size_t)rows->class_of[a->place.country] * rows->words + word] & rows->media[a->medium * rows->words + word];
}
static unsigned kinds_in_role(const struct ask *a, enum rights_role role) {
    return a->party_id ? rights_kinds[ASKER_PARTY][role] | rights_kinds[ASKER_OTHER][role] : rights_kinds[ASKER_US][role];
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
                const struct scope *s = &a->scopes[block_scopes(b)[i]];
                enum state state = state_of(a, s);
                if (is_of_role(state, role)) note_standing(l, state, s, b, i);
            }
        }
        /* Of those to come the first counts; ones that would grant and cannot are noted until one is found that can. */
        bool is_found = false;
        for (size_t w = begun / 64; w < rows->words && !is_found; w++) {
            uint64_t bits = candidates(a, rows, kinds, w);
            if (w == begun / 64) bits &= ~begun_mask;
            for (; bits && !is_found; bits &= bits - 1) {
                uint32_t i = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(bits);
                enum state state = state_of(a, &a->scopes[block_scopes(b)[i]]);
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
        if (block_ends(b)[i] > cover && state_of(a, &a->scopes[block_scopes(b)[i]]) == state) cover = block_ends(b)[i];
    return cover;
}
static uint32_t extend_many(const struct ask *a, const struct block *b, enum state state, uint32_t cover, uint32_t limit, unsigned *steps) {
    const struct rows *rows = block_rows(b);
    for (uint32_t i = block_begun(b, a->at_s); i < b->count && block_starts(b)[i] <= cover && cover < limit; i++) {
        if (i % 64 == 0 && rows->ends[i / 64] <= cover) {
            i += 63;
            continue;
        }
        if (block_ends(b)[i] <= cover || state_of(a, &a->scopes[block_scopes(b)[i]]) != state) continue;
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
static enum rights_reason miss_of(const struct ask *a, const struct scope *s) {
    return !place_is_in(a, s, ROLE_GRANT)      ? RIGHTS_BECAUSE_TERRITORY
           : !(s->media & a->medium_bit)       ? RIGHTS_BECAUSE_MEDIUM
           : !language_is_in(a, s, ROLE_GRANT) ? RIGHTS_BECAUSE_LANGUAGE
                                               : RIGHTS_BECAUSE_ENDED;
}
static void past_few(const struct ask *a, const struct block *b, struct past *p) {
    for (uint32_t i = 0; i < b->count; i++) {
        const struct scope *s = &a->scopes[block_scopes(b)[i]];
        if (roles_for(a, s)[s->kind] != ROLE_GRANT || !deal_is_active(a, s)) continue;
        enum rights_reason why = miss_of(a, s);
        uint32_t end_s = why == RIGHTS_BECAUSE_ENDED ? block_ends(b)[i] : 0;
        if (end_s > a->at_s || why > p->reason || (why == p->reason && end_s <= p->ended_s)) continue;
        *p = (struct past){end_s, why, {b, i}};
    }
}

/* The same, from the best reason to the worst, so that little has to be looked at. */
static __attribute__((noinline)) void past_many(const struct ask *a, const struct block *b, struct past *p) {
    const struct rows *rows = block_rows(b);
    const uint64_t *here = rows->classes + (size_t)rows->class_of[a->place.country] * rows->words, *medium = rows->media + a->medium * rows->words;
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
                const struct scope *s = &a->scopes[block_scopes(b)[i]];
                if (roles_for(a, s)[s->kind] != ROLE_GRANT || !deal_is_active(a, s)) continue;
                enum rights_reason why = miss_of(a, s);
                if (why != reason || (why == RIGHTS_BECAUSE_ENDED && (end_s > a->at_s || end_s <= p->ended_s))) continue;
                *p = (struct past){why == RIGHTS_BECAUSE_ENDED ? end_s : 0, why, {b, i}};
                if (why != RIGHTS_BECAUSE_ENDED) return;
            }
        }
    }
}

/* --- the answer, of many lines --- */

static int64_t pick_id(struct pick p) { return p.block ? block_ids(p.block)[p.line] : 0; }
static int64_t instant(uint32_t s) { return s == NEVER ? RIGHTS_ENDLESS : (int64_t)s; }

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

/* --- the answer, of few lines --- */

enum verdict { /* which question is answered by the first of its lines that there is, in this order */
    VERDICT_BLACKOUT, VERDICT_HOLDBACK, VERDICT_EXCLUSIVE, VERDICT_GRANT, VERDICT_SPENT, VERDICT_COMING, VERDICT_INACTIVE, VERDICT_ENDED,
    VERDICT_LANGUAGE, VERDICT_MEDIUM, VERDICT_TERRITORY, VERDICT_NONE,
    VERDICTS,
};

enum { TITLES_MAX = ARRAY_LEN(((struct rights_question *)0)->titles) };
struct lines { /* of all titles of the question, one after the other */
    const struct block *const *blocks;
    unsigned count, from[TITLES_MAX + 1];     /* of blocks; the first line of each, and behind the last */
    const uint32_t *ends, *starts, *scopes;   /* of each line */
};
static inline int64_t id_of(const struct lines *l, unsigned line) {
    unsigned block = 0;
    for (unsigned i = 1; i < l->count; i++) block += line >= l->from[i];
    return block_ids(l->blocks[block])[line - l->from[block]];
}
static inline uint64_t below(unsigned line) { return line < 64 ? (UINT64_C(1) << line) - 1 : UINT64_MAX; }
static inline unsigned lowest(uint64_t bits) { return (unsigned)__builtin_ctzll(bits); }
static inline unsigned highest(uint64_t bits) { return 63 - (unsigned)__builtin_clzll(bits); }

struct first {
    uint32_t start_s; /* NEVER: none */
    unsigned line;
};
/* The one that begins first, and of these the first in order. In each block they lie by their starts. */
static inline struct first first_of(const struct lines *l, uint64_t lines) {
    struct first first = {NEVER, 0};
    for (unsigned i = 0; i < l->count; i++) {
        uint64_t here = lines & below(l->from[i + 1]) & ~below(l->from[i]);
        unsigned line = here ? lowest(here) : 0;
        uint32_t start_s = here ? l->starts[line] : NEVER;
        first.line = start_s < first.start_s ? line : first.line;
        first.start_s = start_s < first.start_s ? start_s : first.start_s;
    }
    return first;
}
/* The one that ends last, and of these the first in order. There is one. */
static inline unsigned last_of(const struct lines *l, uint64_t lines) {
    unsigned low = lowest(lines), high = highest(lines), line = l->ends[high] > l->ends[low] ? high : low;
    lines &= lines - 1;
    if (__builtin_expect(!(lines & (lines - 1)), 1)) return line;
    for (line = low; lines; lines &= lines - 1) line = l->ends[lowest(lines)] > l->ends[line] ? lowest(lines) : line;
    return line;
}

/* What is known only from the sets themselves. */
static __attribute__((noinline)) uint64_t those_out_of_place(const struct ask *a, const struct lines *l, uint64_t lines, uint64_t grants) {
    uint64_t out = 0;
    for (; lines; lines &= lines - 1) {
        unsigned line = lowest(lines);
        bool holds = rights_territories_hold(a->scopes[l->scopes[line]].territories, a->place, grants >> line & 1 ? RIGHTS_ALLOW : RIGHTS_BLACKOUT);
        out |= (uint64_t)!holds << line;
    }
    return out;
}
static __attribute__((noinline)) uint64_t those_of_other_languages(const struct ask *a, const struct lines *l, uint64_t lines) {
    uint64_t out = 0;
    for (; lines; lines &= lines - 1) {
        unsigned line = lowest(lines);
        out |= (uint64_t)!languages_hold(languages_at(a->scopes[l->scopes[line]].languages), a->tag) << line;
    }
    return out;
}
static __attribute__((noinline)) uint64_t those_of_his_own(const struct ask *a, const struct lines *l, uint64_t lines) {
    uint64_t out = 0;
    for (; lines; lines &= lines - 1) out |= (uint64_t)(a->scopes[l->scopes[lowest(lines)]].party_id == a->party_id) << lowest(lines);
    return out;
}
static __attribute__((noinline)) uint64_t those_active(const struct ask *a, const struct lines *l, uint64_t lines) {
    uint64_t out = 0;
    for (; lines; lines &= lines - 1) out |= (uint64_t)row_bit(a->actives, l->scopes[lowest(lines)]) << lowest(lines);
    return out;
}
static __attribute__((noinline)) uint32_t go_on(const struct lines *l, uint64_t lines, uint32_t cover) {
    for (bool has_grown = true; has_grown;) {
        has_grown = false;
        for (uint64_t left = lines; left; left &= left - 1) {
            unsigned line = lowest(left);
            if (l->starts[line] > cover || l->ends[line] <= cover) continue;
            cover = l->ends[line];
            has_grown = true;
        }
    }
    return cover;
}

/* Two at a time, for there are seldom more. */
static inline uint64_t those_active_of_few(const struct ask *a, const struct lines *l, uint64_t lines) {
    if (!lines) return 0;
    unsigned low = lowest(lines), high = highest(lines);
    uint64_t two = (uint64_t)row_bit(a->actives, l->scopes[low]) << low | (uint64_t)row_bit(a->actives, l->scopes[high]) << high;
    lines &= ~(UINT64_C(1) << low | UINT64_C(1) << high);
    return __builtin_expect(lines != 0, 0) ? two | those_active(a, l, lines) : two;
}

static inline __attribute__((always_inline)) void decide_few_lines(const struct ask *a, const struct lines *l, const struct sift *w, struct rights_answer *out) {
    uint64_t does_black_out = w->own[ROLE_BLACKOUT], does_hold_back = w->own[ROLE_HOLDBACK], does_exclude = w->own[ROLE_EXCLUSIVE], does_grant = w->own[ROLE_GRANT];
    if (a->party_id) {
        uint64_t his = those_of_his_own(a, l, w->sales);
        does_black_out = (does_black_out & his) | (w->others[ROLE_BLACKOUT] & ~his);
        does_hold_back = (does_hold_back & his) | (w->others[ROLE_HOLDBACK] & ~his);
        does_exclude = (does_exclude & his) | (w->others[ROLE_EXCLUSIVE] & ~his);
        does_grant = (does_grant & his) | (w->others[ROLE_GRANT] & ~his);
    }
    uint64_t does_block = does_black_out | does_hold_back | does_exclude, does_any = does_block | does_grant, place = w->place, unsure = w->look_up & place & does_any;
    if (__builtin_expect(unsure != 0, 0)) place &= ~those_out_of_place(a, l, unsure, does_grant);
    /* Without a language in the question, any grant will do and no block that names languages applies. */
    uint64_t here = place & w->medium, languages = w->languages & here & does_any, mute = languages & does_block;
    if (a->tag && languages) mute = those_of_other_languages(a, l, languages);
    uint64_t fits = here & ~mute, coming = ~w->begun, now = w->begun & w->left;

    /* Whose deals are active is looked at where it is most likely to matter. Of the others it is taken for granted, and looked at where one of them decides. */
    uint64_t fitting = fits & does_any & (w->left | does_grant), active = those_active_of_few(a, l, fitting) | ~fitting;
    uint64_t lines[VERDICTS], beating[VERDICT_ENDED + 1]; /* of each verdict, whatever the time; of all that are stronger */
    unsigned v;
    for (;;) {
        uint64_t grants = does_grant & active, granting = grants & fits & ~w->is_spent, spent = grants & fits & w->is_spent, bits = 1u << VERDICT_NONE;
        beating[VERDICT_BLACKOUT] = 0;
        beating[VERDICT_HOLDBACK] = lines[VERDICT_BLACKOUT] = does_black_out & fits & active;
        lines[VERDICT_HOLDBACK] = does_hold_back & fits & active;
        lines[VERDICT_EXCLUSIVE] = does_exclude & fits & active;
        lines[VERDICT_INACTIVE] = does_grant & fits & ~active;
        lines[VERDICT_GRANT] = granting;
        lines[VERDICT_SPENT] = spent;
        lines[VERDICT_COMING] = lines[VERDICT_ENDED] = granting | spent;
        lines[VERDICT_LANGUAGE] = grants & here; /* in another language, for what fits in all comes before */
        lines[VERDICT_MEDIUM] = grants & place;
        lines[VERDICT_TERRITORY] = grants;
        lines[VERDICT_NONE] = 1;
        beating[VERDICT_EXCLUSIVE] = beating[VERDICT_HOLDBACK] | lines[VERDICT_HOLDBACK];
        beating[VERDICT_GRANT] = beating[VERDICT_EXCLUSIVE] | lines[VERDICT_EXCLUSIVE];
        beating[VERDICT_SPENT] = beating[VERDICT_GRANT] | granting;
        beating[VERDICT_COMING] = beating[VERDICT_INACTIVE] = beating[VERDICT_SPENT] | spent;
        beating[VERDICT_ENDED] = beating[VERDICT_INACTIVE] | lines[VERDICT_INACTIVE];
#define VERDICT_NOTE(v, when) bits |= (unsigned)((lines[v] & (when)) != 0) << (v)
        VERDICT_NOTE(VERDICT_BLACKOUT, now);
        VERDICT_NOTE(VERDICT_HOLDBACK, now);
        VERDICT_NOTE(VERDICT_EXCLUSIVE, now);
        VERDICT_NOTE(VERDICT_GRANT, now);
        VERDICT_NOTE(VERDICT_SPENT, now);
        VERDICT_NOTE(VERDICT_COMING, coming);
        VERDICT_NOTE(VERDICT_INACTIVE, now);
        VERDICT_NOTE(VERDICT_ENDED, UINT64_MAX);
        VERDICT_NOTE(VERDICT_LANGUAGE, UINT64_MAX);
        VERDICT_NOTE(VERDICT_MEDIUM, UINT64_MAX);
        VERDICT_NOTE(VERDICT_TERRITORY, UINT64_MAX);
#undef VERDICT_NOTE
        v = (unsigned)__builtin_ctzll(bits);
        if (v <= VERDICT_ENDED || v == VERDICT_NONE || row_bit(a->actives, l->scopes[lowest(lines[v])])) break;
        active &= those_active(a, l, does_grant) | ~does_grant;
    }

    static const struct {
        uint8_t reason;
        bool does_stand, by_end, by_start;
        uint8_t beaten; /* by beating[] */
    } rules[VERDICTS] = {
        [VERDICT_BLACKOUT] = {RIGHTS_BECAUSE_BLACKOUT, true, true, false, VERDICT_BLACKOUT},
        [VERDICT_HOLDBACK] = {RIGHTS_BECAUSE_HOLDBACK, true, true, false, VERDICT_HOLDBACK},
        [VERDICT_EXCLUSIVE] = {RIGHTS_BECAUSE_EXCLUSIVE, true, true, false, VERDICT_EXCLUSIVE},
        [VERDICT_GRANT] = {RIGHTS_BECAUSE_ALLOWED, true, true, false, VERDICT_GRANT},
        [VERDICT_SPENT] = {RIGHTS_BECAUSE_PLAYS, true, true, false, VERDICT_SPENT},
        [VERDICT_COMING] = {RIGHTS_BECAUSE_NOT_YET, false, false, true, VERDICT_COMING},
        [VERDICT_INACTIVE] = {RIGHTS_BECAUSE_DEAL, true, true, false, VERDICT_INACTIVE},
        [VERDICT_ENDED] = {RIGHTS_BECAUSE_ENDED, false, true, false, VERDICT_ENDED},
        [VERDICT_LANGUAGE] = {RIGHTS_BECAUSE_LANGUAGE, false, false, false, VERDICT_ENDED},
        [VERDICT_MEDIUM] = {RIGHTS_BECAUSE_MEDIUM, false, false, false, VERDICT_ENDED},
        [VERDICT_TERRITORY] = {RIGHTS_BECAUSE_TERRITORY, false, false, false, VERDICT_ENDED},
        [VERDICT_NONE] = {RIGHTS_BECAUSE_NONE, false, false, false, VERDICT_ENDED},
    };
    /* Of several that stand the one that lasts longest decides; but one whose plays are counted only where there is no other. */
    bool does_stand = rules[v].does_stand;
    uint64_t at_issue = lines[v] & (does_stand ? now : rules[v].by_start ? coming : UINT64_MAX);
    uint64_t counted = does_stand ? at_issue & w->counts_plays : 0, best = at_issue & ~counted ? at_issue & ~counted : at_issue;
    unsigned line = last_of(l, rules[v].by_end ? best : best & -best);
    uint32_t from_s = l->starts[line];
    if (rules[v].by_start && (l->count > 1 || lines[VERDICT_SPENT] >> line & 1)) { /* of those to come the first; one whose plays are used up, where there is no other */
        struct first spent = first_of(l, lines[VERDICT_SPENT] & coming), granting = first_of(l, lines[VERDICT_GRANT] & coming);
        line = spent.start_s < granting.start_s ? spent.line : granting.line;
        from_s = l->starts[line];
    }
    /* Until something that beats it begins, or the last of those that say so ends. */
    uint32_t until_s = first_of(l, beating[rules[v].beaten] & coming).start_s;
    uint32_t cover = l->ends[__builtin_expect(counted != 0, 0) ? last_of(l, at_issue) : line];
    cover = does_stand ? cover : NEVER;
    uint64_t more = lines[v] & coming;
    if (__builtin_expect(cover < until_s && first_of(l, more).start_s <= cover, 0)) cover = go_on(l, more, cover);
    until_s = cover < until_s ? cover : until_s;

    *out = (struct rights_answer){
        .is_allowed = v == VERDICT_GRANT,
        .reason = (enum rights_reason)rules[v].reason,
        .line_id = v == VERDICT_NONE ? 0 : id_of(l, line),
        .until_s = instant(until_s),
        .from_s = rules[v].by_start ? (int64_t)from_s : 0,
        .counts_plays = v == VERDICT_GRANT && counted >> line & 1,
    };
}

/* --- questions --- */

struct view { /* what a reading looks at */
    const struct scope *scopes;
    const struct places *places;
    const struct actives *actives;
    bool has_avx512;
};
/* After the blocks were found: what they name is there. */
static inline struct view view_of(const struct rights_index *ix) {
    return (struct view){atomic_load(&ix->scopes), atomic_load(&ix->places), atomic_load(&ix->actives), sift_has_avx512()};
}

static inline void sift(const struct view *view, const struct sift_ask *a, const struct block *b, unsigned from, struct sift *out, struct columns *columns) {
    if (view->has_avx512) sift_avx512(a, b, from, out, columns);
    else sift_plain(a, b, from, out, columns);
}

static inline void decide(const struct view *view, const struct rights_question *q, const struct block *const *blocks, unsigned count, struct rights_answer *out) {
    int64_t at_s = q->at_s < 0 ? 0 : q->at_s > RIGHTS_TIME_MAX ? RIGHTS_TIME_MAX : q->at_s;
    struct lines l;
    l.blocks = blocks;
    l.count = count;
    l.from[0] = 0;
    bool are_few = true;
    for (unsigned i = 0; i < count; i++) {
        l.from[i + 1] = l.from[i] + blocks[i]->count;
        are_few &= blocks[i]->count <= INDEX_FEW;
    }
    if (!count) {
        *out = (struct rights_answer){.reason = RIGHTS_BECAUSE_NONE, .until_s = RIGHTS_ENDLESS};
        return;
    }
    struct ask a = {
        .place = q->place,
        .country_bit = UINT64_C(1) << q->place.country % 64,
        .country_word = q->place.country / 64,
        .medium_bit = (uint16_t)(1u << q->medium),
        .medium = q->medium,
        .at_s = (uint32_t)at_s,
        .tag = q->language ? tag_at(q->language) : 0,
        .party_id = q->party_id,
        .scopes = view->scopes,
        .places = view->places->rows + (size_t)q->place.country * view->places->words,
        .actives = view->actives->bits,
    };
    if (!are_few || l.from[count] > SIFT_LINES) {
        decide_many_lines(&a, blocks, (int)count, out);
        return;
    }
    struct sift_ask ask = {.medium_bit = a.medium_bit, .at_s = a.at_s, .places = a.places, .place_words = view->places->words, .is_party = a.party_id, .roles = sift_roles[a.party_id != 0]};
    struct sift w;
    if (count == 1) {
        sift(view, &ask, blocks[0], 0, &w, NULL);
        l.count = 1; /* once more, as a constant */
        l.ends = block_ends(blocks[0]);
        l.starts = block_starts(blocks[0]);
        l.scopes = block_scopes(blocks[0]);
        decide_few_lines(&a, &l, &w, out);
        return;
    }
    struct columns c;
    for (unsigned i = 0; i < count; i++) sift(view, &ask, blocks[i], l.from[i], &w, &c);
    l.ends = c.ends;
    l.starts = c.starts;
    l.scopes = c.scopes;
    decide_few_lines(&a, &l, &w, out);
}

/* Those that have lines. Returns how many. */
static inline unsigned blocks_of(const struct table *table, const struct rights_question *q, const struct block *blocks[TITLES_MAX]) {
    unsigned count = 0;
    for (size_t i = 0; i < TITLES_MAX; i++) {
        const struct block *b = q->titles[i] ? table_find(table, q->titles[i]) : NULL;
        if (b && b->count) blocks[count++] = b;
    }
    return count;
}

void rights_index_decide(const struct rights_index *ix, const struct rights_question *q, struct rights_answer *out) {
    struct epoch_place *reading = epoch_enter();
    const struct table *table = atomic_load(&ix->table);
    const struct block *blocks[TITLES_MAX];
    for (size_t i = 1; i < TITLES_MAX; i++)
        if (q->titles[i]) __builtin_prefetch((const void *)table_bucket(table, q->titles[i]));
    unsigned count = blocks_of(table, q, blocks);
    struct view view = view_of(ix);
    decide(&view, q, blocks, count, out);
    epoch_leave(reading);
}

/* In three passes: where the titles' buckets are, where their blocks are, the answers. Each pass asks for what the next one reads, so memory is waited for
 * sixteen at once. */
void rights_index_decide_many(const struct rights_index *ix, const struct rights_question *questions, size_t count, struct rights_answer *out) {
    enum { AHEAD = 16 };
    struct epoch_place *reading = epoch_enter();
    const struct table *table = atomic_load(&ix->table);
    for (size_t from = 0; from < count; from += AHEAD) {
        size_t many = count - from < AHEAD ? count - from : AHEAD;
        for (size_t i = 0; i < many; i++)
            for (size_t t = 0; t < TITLES_MAX; t++)
                if (questions[from + i].titles[t]) __builtin_prefetch((const void *)table_bucket(table, questions[from + i].titles[t]));
        for (size_t i = 0; i < many; i++)
            for (size_t t = 0; t < TITLES_MAX; t++)
                if (questions[from + i].titles[t]) table_fetch(table, questions[from + i].titles[t]);
        for (size_t i = 0; i < many; i++) {
            const struct block *blocks[TITLES_MAX];
            unsigned block_count = blocks_of(table, &questions[from + i], blocks);
            struct view view = view_of(ix);
            decide(&view, &questions[from + i], blocks, block_count, &out[from + i]);
        }
    }
    epoch_leave(reading);
}
