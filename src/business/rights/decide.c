/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * decide.c: one question against the lines of up to three titles.
 *
 * Each line is in one of these states for a question, whatever the time: it does not concern it, or it blacks out, holds back, is somebody else's
 * alone, grants, would grant if its plays were not used up, would grant if its deal were active. The first of these that has a line standing at the
 * instant is the answer. It changes when a line of a state that beats it begins, or when the last of its own lines, without a gap, has ended.
 *
 * With few lines the time goes into guesses of the processor that turn out wrong, not into memory: which lines concern a question is as good as random. So they
 * are sieved without a branch first, into a word of bits, and only what is left (two of fifteen, say) is looked at closely. */
#include "business/rights/compiled.h"
#include "business/rights/sieve.h"

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
};

struct pick {
    const struct block *block;
    const struct record *record;
};
struct sieved { /* of a block of few lines: a line that concerns the question */
    const struct record *record;
    enum state state;
};
struct few {
    const struct block *block;
    unsigned count;
    struct sieved items[INDEX_FEW]; /* by start */
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
static inline bool deal_is_active(const struct scope *s) { return atomic_load_explicit(&s->deal->status, memory_order_acquire) == RIGHTS_ACTIVE; }

/* Of a line whose role and medium are right, and its country where it names no areas. */
static inline enum state state_of_sieved(const struct ask *a, const struct scope *s) {
    static const uint8_t states[ROLES][2][2] = { /* role, whether its deal is active, whether its plays are used up */
        [ROLE_BLACKOUT] = {{STATE_NOTHING, STATE_NOTHING}, {STATE_BLACKOUT, STATE_BLACKOUT}},
        [ROLE_HOLDBACK] = {{STATE_NOTHING, STATE_NOTHING}, {STATE_HOLDBACK, STATE_HOLDBACK}},
        [ROLE_EXCLUSIVE] = {{STATE_NOTHING, STATE_NOTHING}, {STATE_EXCLUSIVE, STATE_EXCLUSIVE}},
        [ROLE_GRANT] = {{STATE_INACTIVE, STATE_INACTIVE}, {STATE_GRANT, STATE_SPENT}},
    };
    enum rights_role role = (enum rights_role)roles_for(a, s)[s->kind];
    if (s->flags & (SCOPE_HAS_AREAS | SCOPE_HAS_LANGUAGES) && !(place_is_in(a, s, role) && language_is_in(a, s, role))) return STATE_NOTHING;
    return (enum state)states[role][deal_is_active(s)][!!(s->flags & SCOPE_IS_SPENT)];
}
static inline enum state state_of(const struct ask *a, const struct scope *s) {
    enum rights_role role = (enum rights_role)roles_for(a, s)[s->kind];
    if (role == ROLE_NOTHING || !(s->media & a->medium_bit) || !place_is_in(a, s, role)) return STATE_NOTHING;
    return state_of_sieved(a, s);
}

/* Of several lines that stand, the one that lasts longest decides, the first of these in order; but one whose plays are counted only where there is
 * no other. */
static inline void note_standing(struct look *l, enum state state, const struct scope *s, const struct block *b, const struct record *r) {
    uint64_t rank = r->end_s | (s->flags & SCOPE_COUNTS_PLAYS ? 0 : UINT64_C(1) << 32);
    if (rank > l->rank[state]) {
        l->rank[state] = rank;
        l->picks[state] = (struct pick){b, r};
    }
    if (r->end_s > l->cover[state]) l->cover[state] = r->end_s;
}
static inline void note_coming(struct look *l, enum state state, const struct block *b, const struct record *r) {
    if (r->start_s >= l->next[state]) return;
    l->next[state] = r->start_s;
    l->next_picks[state] = (struct pick){b, r};
}

/* --- few lines: a sieve without branches, then a look at each that is left --- */

static inline void look_few(const struct ask *a, const struct block *b, struct look *l, struct few *few) {
    const uint32_t own = rights_kinds[a->party_id ? ASKER_PARTY : ASKER_US], others = rights_kinds[a->party_id ? ASKER_OTHER : ASKER_US];
    uint64_t bits = 0;
    for (uint64_t left = sieve(b->records, b->count, (own | others) << WHAT_KIND_SHIFT, a->medium_bit, a->at_s); left; left &= left - 1) { /* then by the scope */
        unsigned i = (unsigned)__builtin_ctzll(left);
        const struct scope *s = &a->scopes[b->records[i].scope];
        uint32_t roles = s->party_id == a->party_id ? own : others;
        bits |= (roles >> s->kind & (s->bits[a->country_word] >> a->country_shift | (s->flags & SCOPE_HAS_AREAS)) & 1) << i;
    }
    few->block = b;
    few->count = 0;
    for (; bits; bits &= bits - 1) {
        const struct record *r = &b->records[__builtin_ctzll(bits)];
        const struct scope *s = &a->scopes[r->scope];
        enum state state = state_of_sieved(a, s);
        if (state == STATE_NOTHING) continue;
        few->items[few->count++] = (struct sieved){r, state};
        if (r->start_s <= a->at_s) note_standing(l, state, s, b, r);
        else note_coming(l, state, b, r);
    }
}
static_assert(SCOPE_HAS_AREAS == 1, "the sieve takes it for a bit of a country");
static_assert(INDEX_FEW <= 64, "the sieve is a word");

/* --- many lines: rows of bits first --- */

/* Those of one word that may stand in a role: `kinds` is a bit for each kind that may. */
static inline uint64_t candidates(const struct ask *a, const struct rows *rows, unsigned kinds, size_t word) {
    uint64_t bits = 0;
    for (; kinds; kinds &= kinds - 1) bits |= rows->kinds[(size_t)__builtin_ctz(kinds) * rows->words + word];
    return bits & rows->classes[(size_t)rows->class_of[a->place.country] * rows->words + word] & rows->media[a->medium * rows->words + word];
}
static unsigned kinds_in_role(const struct ask *a, enum rights_role role) {
    unsigned kinds = 0;
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (int asker = a->party_id ? ASKER_PARTY : ASKER_US; asker <= (a->party_id ? ASKER_OTHER : ASKER_US); asker++)
            if (rights_roles[asker][kind] == role) kinds |= 1u << kind;
    return kinds;
}
static inline bool is_of_role(enum state state, enum rights_role role) {
    return state == (enum state)role || (role == ROLE_GRANT && (state == STATE_SPENT || state == STATE_INACTIVE));
}

static __attribute__((noinline)) void look_many(const struct ask *a, const struct block *b, struct look *l) {
    const struct rows *rows = b->rows;
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
                const struct record *r = &b->records[w * 64 + (size_t)__builtin_ctzll(bits)];
                if (r->end_s <= a->at_s) continue;
                const struct scope *s = &a->scopes[r->scope];
                enum state state = state_of(a, s);
                if (is_of_role(state, role)) note_standing(l, state, s, b, r);
            }
        }
        /* Of those to come the first counts; ones that would grant and cannot are noted until one is found that can. */
        bool is_found = false;
        for (size_t w = begun / 64; w < rows->words && !is_found; w++) {
            uint64_t bits = candidates(a, rows, kinds, w);
            if (w == begun / 64) bits &= ~begun_mask;
            for (; bits && !is_found; bits &= bits - 1) {
                const struct record *r = &b->records[w * 64 + (size_t)__builtin_ctzll(bits)];
                enum state state = state_of(a, &a->scopes[r->scope]);
                if (!is_of_role(state, role)) continue;
                note_coming(l, state, b, r);
                is_found = state == (enum state)role;
            }
        }
    }
}

/* --- until when --- */

/* How far lines of one state go on without a gap from `cover` on. What lies behind `limit` does not matter. */
static uint32_t extend_few(const struct few *few, enum state state, uint32_t cover) {
    for (unsigned i = 0; i < few->count && few->items[i].record->start_s <= cover; i++)
        if (few->items[i].state == state && few->items[i].record->end_s > cover) cover = few->items[i].record->end_s;
    return cover;
}
static uint32_t extend_many(const struct ask *a, const struct block *b, enum state state, uint32_t cover, uint32_t limit, unsigned *steps) {
    const struct rows *rows = b->rows;
    for (uint32_t i = block_begun(b, a->at_s); i < b->count && b->records[i].start_s <= cover && cover < limit; i++) {
        if (i % 64 == 0 && rows->ends[i / 64] <= cover) {
            i += 63;
            continue;
        }
        const struct record *r = &b->records[i];
        if (r->end_s <= cover || state_of(a, &a->scopes[r->scope]) != state) continue;
        if (*steps == 0) break;
        --*steps;
        cover = r->end_s;
    }
    return cover;
}

static uint32_t changes_at(const struct ask *a, const struct block *const *blocks, const struct few *few, int count, const struct look *l, enum state verdict,
                           unsigned beaten_by) {
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
            cover = blocks[i]->rows ? extend_many(a, blocks[i], verdict, cover, change, &steps) : extend_few(&few[i], verdict, cover);
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

static __attribute__((noinline)) void past_few(const struct ask *a, const struct block *b, struct past *p) {
    static const uint8_t reasons[2][2] = {{RIGHTS_BECAUSE_TERRITORY, RIGHTS_BECAUSE_TERRITORY}, {RIGHTS_BECAUSE_MEDIUM, RIGHTS_BECAUSE_ENDED}};
    const uint32_t granting = a->party_id ? 1u << KIND_SALE | 1u << KIND_SALE_EXCLUSIVE : 1u << KIND_GRANT;
    /* The best line is the one with the lowest key: the reason, and below it how long ago it ended. Without a branch for each line, as above. */
    uint64_t best = (uint64_t)p->reason << 32 | (p->reason == RIGHTS_BECAUSE_ENDED ? ~p->ended_s : 0);
    const struct record *found = NULL;
    for (uint64_t left = sieve(b->records, b->count, granting << WHAT_KIND_SHIFT, (1u << RIGHTS_MEDIA) - 1, 0); left; left &= left - 1) {
        const struct record *r = &b->records[__builtin_ctzll(left)];
        const struct scope *s = &a->scopes[r->scope];
        if (a->party_id && s->party_id != a->party_id) continue; /* to licensees, what their own deals grant */
        bool has_medium = r->what & a->medium_bit, is_in = s->bits[a->country_word] >> a->country_shift & 1;
        uint64_t reason = reasons[is_in][has_medium];
        if (__builtin_expect(r->what >> WHAT_FLAGS_SHIFT & (SCOPE_HAS_AREAS | SCOPE_HAS_LANGUAGES), 0)) {
            reason = reasons[place_is_in(a, s, ROLE_GRANT)][has_medium];
            if (reason == RIGHTS_BECAUSE_ENDED && !language_is_in(a, s, ROLE_GRANT)) reason = RIGHTS_BECAUSE_LANGUAGE;
        }
        bool would_stand = (reason == RIGHTS_BECAUSE_ENDED) & (r->end_s > a->at_s);
        uint64_t ended = reason == RIGHTS_BECAUSE_ENDED ? ~r->end_s : 0, out = (uint64_t)(deal_is_active(s) & !would_stand) - 1; /* all bits: no */
        uint64_t key = reason << 32 | ended | out;
        found = key < best ? r : found;
        best = key < best ? key : best;
    }
    if (found) *p = (struct past){best >> 32 == RIGHTS_BECAUSE_ENDED ? found->end_s : 0, (enum rights_reason)(best >> 32), {b, found}};
}

/* The same, from the best reason to the worst, so that little has to be looked at. */
static __attribute__((noinline)) void past_many(const struct ask *a, const struct block *b, struct past *p) {
    const struct rows *rows = b->rows;
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
                const struct record *r = &b->records[w * 64 + (size_t)__builtin_ctzll(bits)];
                const struct scope *s = &a->scopes[r->scope];
                if (roles_for(a, s)[s->kind] != ROLE_GRANT || !deal_is_active(s)) continue;
                enum rights_reason why = !place_is_in(a, s, ROLE_GRANT)       ? RIGHTS_BECAUSE_TERRITORY
                                         : !(s->media & a->medium_bit)        ? RIGHTS_BECAUSE_MEDIUM
                                         : !language_is_in(a, s, ROLE_GRANT)  ? RIGHTS_BECAUSE_LANGUAGE
                                                                              : RIGHTS_BECAUSE_ENDED;
                if (why != reason || (why == RIGHTS_BECAUSE_ENDED && (r->end_s > a->at_s || r->end_s <= p->ended_s))) continue;
                *p = (struct past){why == RIGHTS_BECAUSE_ENDED ? r->end_s : 0, why, {b, r}};
                if (why != RIGHTS_BECAUSE_ENDED) return;
            }
        }
    }
}

/* --- the answer --- */

static int64_t pick_id(struct pick p) { return p.record ? block_ids(p.block)[p.record - p.block->records] : 0; }
static int64_t instant(uint32_t s) { return s == NEVER ? RIGHTS_ENDLESS : (int64_t)s; }

static void decide(const struct ask *a, const struct block *const *blocks, int count, struct rights_answer *out) {
    static const enum rights_reason reasons[STATES] = {
        [STATE_BLACKOUT] = RIGHTS_BECAUSE_BLACKOUT, [STATE_HOLDBACK] = RIGHTS_BECAUSE_HOLDBACK, [STATE_EXCLUSIVE] = RIGHTS_BECAUSE_EXCLUSIVE,
        [STATE_GRANT] = RIGHTS_BECAUSE_ALLOWED,     [STATE_SPENT] = RIGHTS_BECAUSE_PLAYS,       [STATE_INACTIVE] = RIGHTS_BECAUSE_DEAL};
    struct look l;
    for (int s = 0; s < STATES; s++) {
        l.rank[s] = 0;
        l.cover[s] = 0;
        l.next[s] = NEVER;
    }
    struct few few[ARRAY_LEN(((struct rights_question *)0)->titles)];
    for (int i = 0; i < count; i++)
        if (blocks[i]->rows) look_many(a, blocks[i], &l);
        else look_few(a, blocks[i], &l, &few[i]);

    enum state verdict = STATE_BLACKOUT;
    while (verdict <= STATE_SPENT && !l.rank[verdict]) verdict++;
    if (verdict <= STATE_SPENT) {
        *out = (struct rights_answer){.is_allowed = verdict == STATE_GRANT, .reason = reasons[verdict], .line_id = pick_id(l.picks[verdict])};
        out->counts_plays = verdict == STATE_GRANT && !(l.rank[verdict] >> 32);
        out->until_s = instant(changes_at(a, blocks, few, count, &l, verdict, verdict));
        return;
    }
    enum state coming = l.next[STATE_SPENT] < l.next[STATE_GRANT] ? STATE_SPENT : STATE_GRANT;
    if (l.next[coming] != NEVER) {
        *out = (struct rights_answer){.reason = RIGHTS_BECAUSE_NOT_YET, .line_id = pick_id(l.next_picks[coming]), .from_s = l.next[coming]};
        out->until_s = instant(changes_at(a, blocks, few, count, &l, STATE_NOTHING, STATE_INACTIVE));
        return;
    }
    if (l.rank[STATE_INACTIVE]) {
        *out = (struct rights_answer){.reason = RIGHTS_BECAUSE_DEAL, .line_id = pick_id(l.picks[STATE_INACTIVE])};
        out->until_s = instant(changes_at(a, blocks, few, count, &l, STATE_INACTIVE, STATE_INACTIVE));
        return;
    }
    struct past p = {.reason = RIGHTS_BECAUSE_NONE};
    for (int i = 0; i < count; i++) (blocks[i]->rows ? past_many : past_few)(a, blocks[i], &p);
    *out = (struct rights_answer){.reason = p.reason, .line_id = pick_id(p.pick)};
    out->until_s = instant(changes_at(a, blocks, few, count, &l, STATE_NOTHING, STATES));
}

static inline struct ask ask_of(const struct rights_question *q, const struct scope *scopes) {
    int64_t at_s = q->at_s < 0 ? 0 : q->at_s > RIGHTS_TIME_MAX ? RIGHTS_TIME_MAX : q->at_s;
    return (struct ask){
        .place = q->place,
        .country_bit = UINT64_C(1) << q->place.country % 64,
        .country_word = q->place.country / 64,
        .country_shift = q->place.country % 64,
        .medium_bit = (uint16_t)(1u << q->medium),
        .medium = q->medium,
        .at_s = (uint32_t)at_s,
        .tag = q->language ? tag_at(q->language) : 0,
        .party_id = q->party_id,
        .scopes = scopes,
    };
}

void rights_index_decide(const struct rights_index *ix, const struct rights_question *q, struct rights_answer *out) {
    struct epoch_place *reading = epoch_enter();
    const struct table *table = atomic_load(&ix->table);
    const struct block *blocks[ARRAY_LEN(q->titles)];
    int count = 0;
    for (size_t i = 1; i < ARRAY_LEN(q->titles); i++)
        if (q->titles[i]) __builtin_prefetch(&table->nodes[table_place(table, q->titles[i])]);
    for (size_t i = 0; i < ARRAY_LEN(q->titles); i++) {
        const struct block *b = q->titles[i] ? table_find(table, q->titles[i]) : NULL;
        if (!b) continue;
        blocks[count++] = b;
        for (int line = 0; line < 4; line++) __builtin_prefetch((const char *)b + 64 * line);
    }
    struct ask a = ask_of(q, atomic_load(&ix->scopes));
    decide(&a, blocks, count, out);
    epoch_leave(reading);
}

void rights_index_decide_many(const struct rights_index *ix, const struct rights_question *questions, size_t count, struct rights_answer *out) {
    enum { AHEAD = 16 };
    struct epoch_place *reading = epoch_enter();
    const struct table *table = atomic_load(&ix->table);
    for (size_t from = 0; from < count; from += AHEAD) {
        size_t many = count - from < AHEAD ? count - from : AHEAD;
        const struct block *blocks[AHEAD][ARRAY_LEN(questions->titles)];
        int block_counts[AHEAD] = {0};
        for (size_t i = 0; i < many; i++)
            for (size_t t = 0; t < ARRAY_LEN(questions->titles); t++)
                if (questions[from + i].titles[t]) __builtin_prefetch(&table->nodes[table_place(table, questions[from + i].titles[t])]);
        for (size_t i = 0; i < many; i++)
            for (size_t t = 0; t < ARRAY_LEN(questions->titles); t++) {
                const struct block *b = questions[from + i].titles[t] ? table_find(table, questions[from + i].titles[t]) : NULL;
                if (!b) continue;
                blocks[i][block_counts[i]++] = b;
                __builtin_prefetch(b);
                __builtin_prefetch((const char *)b + 64);
                __builtin_prefetch((const char *)b + 128);
            }
        const struct scope *scopes = atomic_load(&ix->scopes);
        for (size_t i = 0; i < many; i++) {
            struct ask a = ask_of(&questions[from + i], scopes);
            decide(&a, blocks[i], block_counts[i], &out[from + i]);
        }
    }
    epoch_leave(reading);
}
