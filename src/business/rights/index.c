/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * index.c: compiles books and follows their changes. Each change is prepared as far as anything can fail, and then published without failing. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "business/rights/compiled.h"

enum { TITLES_FIRST = 32, GAPS_MAX = 16, SCOPES_FIRST = 8, SCOPES_MAX = 1 << 26, ROWS = 256, ROW_WORDS_FIRST = 16, PLACE_SLOTS_FIRST = 64, DEALS_FIRST = 4, DEALS_CHUNK_MAX = 1024 };

static struct err error_line(const char *code) { return err_make(ERR_INPUT, code, "A line of the book cannot be compiled."); }

static uint64_t mix(uint64_t h, uint64_t v) {
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

/* --- out of sight --- */

static bool limbo_make_room(struct rights_index *ix, size_t count) {
    if (ix->limbo_count + count <= ix->limbo_capacity) return true;
    size_t capacity = ix->limbo_capacity ? 2 * ix->limbo_capacity : 8;
    while (capacity < ix->limbo_count + count) capacity *= 2;
    struct limbo *grown = mem_realloc_array(ix->limbo, capacity, sizeof *grown);
    if (!grown) return false;
    ix->limbo = grown;
    ix->limbo_capacity = capacity;
    return true;
}
/* There is room for it, and nobody finds it any more. */
static void limbo_put(struct rights_index *ix, void *ptr, size_t bytes, uint64_t epoch) {
    if (!ptr) return;
    assert(ix->limbo_count < ix->limbo_capacity);
    ix->limbo[ix->limbo_count++] = (struct limbo){ptr, epoch, bytes};
}
static void limbo_give_back(struct rights_index *ix) {
    uint64_t oldest = epoch_oldest();
    size_t kept = 0;
    for (size_t i = 0; i < ix->limbo_count; i++) {
        if (ix->limbo[i].epoch < oldest) mem_free(ix->limbo[i].ptr);
        else ix->limbo[kept++] = ix->limbo[i];
    }
    ix->limbo_count = kept;
}

/* --- deals --- */

static struct deal *deal_find(const struct rights_index *ix, int64_t id) {
    if (!ix->deal_slot_count) return NULL;
    for (size_t at = mix(0, (uint64_t)id) & (ix->deal_slot_count - 1); ix->deal_slots[at]; at = (at + 1) & (ix->deal_slot_count - 1))
        if (ix->deal_slots[at]->id == id) return ix->deal_slots[at];
    return NULL;
}
static void deal_slot_put(struct deal **slots, size_t count, struct deal *d) {
    size_t at = mix(0, (uint64_t)d->id) & (count - 1);
    while (slots[at]) at = (at + 1) & (count - 1);
    slots[at] = d;
}
/* A deal of which there is no line yet changes no answer: what was added before something failed may stay. */
static bool deal_add(struct rights_index *ix, const struct index_deal *from) {
    if (deal_find(ix, from->id)) return true;
    if (2 * (ix->deal_count + 1) > ix->deal_slot_count) {
        size_t count = ix->deal_slot_count ? 2 * ix->deal_slot_count : 16;
        struct deal **slots = mem_zalloc_array(count, sizeof(struct deal *));
        if (!slots) return false;
        for (size_t i = 0; i < ix->deal_slot_count; i++)
            if (ix->deal_slots[i]) deal_slot_put(slots, count, ix->deal_slots[i]);
        mem_free(ix->deal_slots);
        ix->deal_slots = slots;
        ix->deal_slot_count = count;
    }
    struct deal_chunk *chunk = ix->deal_chunks;
    if (!chunk || chunk->used == chunk->capacity) {
        uint32_t capacity = chunk ? chunk->capacity * 4 : DEALS_FIRST;
        if (capacity > DEALS_CHUNK_MAX) capacity = DEALS_CHUNK_MAX;
        chunk = mem_alloc(sizeof *chunk + capacity * sizeof(struct deal));
        if (!chunk) return false;
        *chunk = (struct deal_chunk){.next = ix->deal_chunks, .capacity = capacity};
        ix->deal_chunks = chunk;
    }
    struct deal *d = &chunk->deals[chunk->used++];
    *d = (struct deal){.id = from->id, .party_id = from->party_id, .direction = (uint8_t)from->direction, .coming_status = (uint8_t)from->status};
    atomic_init(&d->status, (uint8_t)from->status);
    atomic_init(&d->may_sublicense, from->may_sublicense);
    deal_slot_put(ix->deal_slots, ix->deal_slot_count, d);
    ix->deal_count++;
    return true;
}
/* --- scopes --- */

static uint64_t scope_hash(const struct scope *s) {
    uint64_t h = mix((uint64_t)s->territories << 32 | s->languages, (uint64_t)s->media << 16 | (uint64_t)s->kind << 8 | s->flags);
    return mix(h, (uint64_t)(uintptr_t)s->deal);
}
static bool scope_same(const struct scope *a, const struct scope *b) {
    return a->deal == b->deal && a->territories == b->territories && a->languages == b->languages && a->media == b->media && a->kind == b->kind &&
           a->flags == b->flags;
}

/* We alone write, and nobody asks for these bits yet; readers of their neighbours may come by. */
static void place_put(_Atomic uint32_t *row, uint32_t place, unsigned what) {
    uint32_t word = atomic_load_explicit(&row[place / PLACES_A_WORD], memory_order_relaxed);
    atomic_store_explicit(&row[place / PLACES_A_WORD], word | what << 2 * (place % PLACES_A_WORD), memory_order_relaxed);
}
static struct places *places_create(uint32_t words) {
    size_t bytes = sizeof(struct places) + CACHE_LINE + ROWS * words * sizeof(uint32_t);
    struct places *p = big_alloc(bytes);
    if (!p) return NULL;
    memset(p, 0, bytes);
    p->words = words;
    p->bytes = bytes;
    p->rows = (const _Atomic uint32_t *)(((uintptr_t)(p + 1) + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
    return p;
}
static _Atomic uint32_t *places_row(const struct places *p, unsigned country) { return (_Atomic uint32_t *)p->rows + (size_t)country * p->words; }
static bool places_grow(struct rights_index *ix) {
    struct places *old = atomic_load_explicit(&ix->places, memory_order_relaxed);
    struct places *grown = limbo_make_room(ix, 1) ? places_create(old ? 2 * old->words : ROW_WORDS_FIRST) : NULL;
    if (!grown) return false;
    for (unsigned row = 0; row < ROWS; row++) {
        if (old) memcpy((void *)places_row(grown, row), (const void *)places_row(old, row), old->words * sizeof(uint32_t));
        if (grown->words == PLACES_MAX / PLACES_A_WORD) place_put(places_row(grown, row), PLACES_MAX - 1, PLACE_HOLDS | PLACE_IS_UNSURE);
    }
    atomic_store(&ix->places, grown);
    limbo_put(ix, old, old ? old->bytes : 0, epoch_end());
    return true;
}
/* Where a scope's territories are in the rows of places. */
static bool place_find(struct rights_index *ix, const struct scope *s, uint32_t *out) {
    if (2 * (ix->place_count + 1) > ix->place_slot_count) {
        size_t count = ix->place_slot_count ? 2 * ix->place_slot_count : PLACE_SLOTS_FIRST;
        void *memory = mem_zalloc_array(count, sizeof *ix->place_slots);
        if (!memory) return false;
        __typeof__(ix->place_slots) slots = memory;
        for (size_t i = 0; i < ix->place_slot_count; i++) {
            if (!ix->place_slots[i].place) continue;
            size_t at = mix(0, ix->place_slots[i].set) & (count - 1);
            while (slots[at].place) at = (at + 1) & (count - 1);
            slots[at] = ix->place_slots[i];
        }
        mem_free(ix->place_slots);
        ix->place_slots = slots;
        ix->place_slot_count = count;
    }
    size_t at = mix(0, s->territories) & (ix->place_slot_count - 1);
    for (; ix->place_slots[at].place; at = (at + 1) & (ix->place_slot_count - 1))
        if (ix->place_slots[at].set == s->territories) {
            *out = ix->place_slots[at].place - 1;
            return true;
        }
    const struct places *places = atomic_load_explicit(&ix->places, memory_order_relaxed);
    uint32_t place = ix->place_count < PLACES_MAX - 1 ? (uint32_t)ix->place_count : PLACES_MAX - 1;
    if ((!places || place >= PLACES_A_WORD * places->words) && !places_grow(ix)) return false;
    *out = place;
    if (place == PLACES_MAX - 1) return true; /* is unsure in each row */
    places = atomic_load_explicit(&ix->places, memory_order_relaxed);
    for (unsigned country = 0; country < ROWS; country++)
        if (bits_have(s->bits, (uint8_t)country)) place_put(places_row(places, country), place, PLACE_HOLDS);
    const struct territories *t = territories_at(s->territories);
    for (uint32_t i = 0; i < t->area_count; i++) place_put(places_row(places, area_country(t->areas[i])), place, PLACE_HOLDS | PLACE_IS_UNSURE);
    ix->place_slots[at].set = s->territories;
    ix->place_slots[at].place = place + 1;
    ix->place_count++;
    return true;
}

static bool scopes_grow(struct rights_index *ix) {
    uint32_t capacity = ix->scope_capacity ? 2 * ix->scope_capacity : SCOPES_FIRST;
    if (capacity > SCOPES_MAX || !limbo_make_room(ix, 1)) return false;
    size_t bytes = capacity * (sizeof(struct scope) + sizeof(uint32_t)) + CACHE_LINE;
    void *memory = big_alloc(bytes);
    if (!memory) return false;
    struct scope *grown = (struct scope *)(((uintptr_t)memory + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1)); /* each in one cache line */
    uint32_t *parties = (uint32_t *)(grown + capacity);
    if (ix->scope_count) {
        memcpy(grown, atomic_load_explicit(&ix->scopes, memory_order_relaxed), ix->scope_count * sizeof *grown);
        memcpy(parties, atomic_load_explicit(&ix->scope_parties, memory_order_relaxed), ix->scope_count * sizeof *parties);
    }
    atomic_store(&ix->scopes, grown);
    atomic_store(&ix->scope_parties, parties);
    limbo_put(ix, ix->scope_memory, ix->scope_bytes, epoch_end());
    ix->scope_memory = memory;
    ix->scope_bytes = bytes;
    ix->scope_capacity = capacity;
    return true;
}

/* The number of a scope. Those that no block names change no answer, so what was added before something failed may stay. */
static struct err scope_intern(struct rights_index *ix, const struct scope *wanted, uint32_t *out) {
    struct scope *scopes = atomic_load_explicit(&ix->scopes, memory_order_relaxed);
    if (ix->scope_count && scope_same(&scopes[*out < ix->scope_count ? *out : 0], wanted)) { /* as the line before: *out comes in with its scope */
        *out = *out < ix->scope_count ? *out : 0;
        return ERR_OK;
    }
    if (2 * ((size_t)ix->scope_count + 1) > ix->scope_slot_count) {
        size_t count = ix->scope_slot_count ? 2 * ix->scope_slot_count : 2 * SCOPES_FIRST;
        uint32_t *slots = mem_zalloc_array(count, sizeof *slots);
        if (!slots) return err_memory();
        for (uint32_t i = 0; i < ix->scope_count; i++) {
            size_t at = scope_hash(&scopes[i]) & (count - 1);
            while (slots[at]) at = (at + 1) & (count - 1);
            slots[at] = i + 1;
        }
        mem_free(ix->scope_slots);
        ix->scope_slots = slots;
        ix->scope_slot_count = count;
    }
    size_t at = scope_hash(wanted) & (ix->scope_slot_count - 1);
    for (; ix->scope_slots[at]; at = (at + 1) & (ix->scope_slot_count - 1))
        if (scope_same(&scopes[ix->scope_slots[at] - 1], wanted)) {
            *out = ix->scope_slots[at] - 1;
            return ERR_OK;
        }
    if (ix->scope_count == ix->scope_capacity) {
        if (!scopes_grow(ix)) return err_memory();
        scopes = atomic_load_explicit(&ix->scopes, memory_order_relaxed);
    }
    if (!place_find(ix, wanted, &scopes[ix->scope_count].place)) return err_memory();
    uint32_t place = scopes[ix->scope_count].place;
    scopes[ix->scope_count] = *wanted; /* no block that a reader could find names it yet */
    scopes[ix->scope_count].place = place;
    atomic_load_explicit(&ix->scope_parties, memory_order_relaxed)[ix->scope_count] = (uint32_t)wanted->party_id;
    ix->scope_slots[at] = ix->scope_count + 1;
    *out = ix->scope_count++;
    return ERR_OK;
}

/* What a line becomes. *deal_hint is the deal of the line before, or NULL; record->scope comes in with its scope. */
static struct err line_compile(struct rights_index *ix, const struct index_line *l, struct deal **deal_hint, struct record *out) {
    if (l->starts_s < 0 || l->starts_s >= l->ends_s || l->ends_s > RIGHTS_ENDLESS) return error_line("rights.window");
    if (l->title_id == 0) return error_line("rights.title");
    struct deal *d = *deal_hint && (*deal_hint)->id == l->deal_id ? *deal_hint : deal_find(ix, l->deal_id);
    if (!d) return error_line("rights.deal");
    *deal_hint = d;
    const struct territories *t = territories_at(l->territories);
    struct scope s = {.deal = d, .party_id = d->party_id, .territories = l->territories, .languages = l->languages, .media = l->media};
    memcpy(s.bits, t->bits, sizeof s.bits);
    s.kind = (uint8_t)rights_kind_of((enum rights_direction)d->direction, (enum rights_effect)l->effect, l->is_exclusive);
    s.flags = (uint8_t)((t->area_count ? SCOPE_HAS_AREAS : 0) | (l->languages ? SCOPE_HAS_LANGUAGES : 0) | (l->counts_plays ? SCOPE_COUNTS_PLAYS : 0) |
                        (l->is_spent ? SCOPE_IS_SPENT : 0) | (l->may_sublicense ? SCOPE_MAY_SUBLICENSE : 0));
    out->start_s = (uint32_t)l->starts_s;
    out->end_s = (uint32_t)l->ends_s;
    struct err e = scope_intern(ix, &s, &out->scope);
    if (!e.kind) out->what = what_of(&atomic_load_explicit(&ix->scopes, memory_order_relaxed)[out->scope]);
    return e;
}

/* What deals become, in two steps: lines are compiled by what is to come, and nobody else sees it before it is published. */
static void deals_announce(struct rights_index *ix, const struct index_deal *deals, size_t count) {
    for (size_t i = 0; i < count; i++) deal_find(ix, deals[i].id)->coming_status = (uint8_t)deals[i].status;
}
static void deals_take_back(struct rights_index *ix, const struct index_deal *deals, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct deal *d = deal_find(ix, deals[i].id);
        if (d) d->coming_status = atomic_load_explicit(&d->status, memory_order_relaxed);
    }
}
static void deals_publish(struct rights_index *ix, const struct index_deal *deals, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct deal *d = deal_find(ix, deals[i].id);
        atomic_store_explicit(&d->status, d->coming_status, memory_order_release);
        atomic_store_explicit(&d->may_sublicense, deals[i].may_sublicense, memory_order_release);
    }
}
static bool is_about_to_turn(const struct deal *d) {
    return (atomic_load_explicit(&d->status, memory_order_relaxed) == RIGHTS_ACTIVE) != (d->coming_status == RIGHTS_ACTIVE);
}

/* --- blocks --- */

static void block_put(struct block *b, uint32_t i, struct record r, int64_t id) {
    ((uint32_t *)block_ends(b))[i] = r.end_s;
    ((uint32_t *)block_whats(b))[i] = r.what;
    ((uint32_t *)block_starts(b))[i] = r.start_s;
    ((uint32_t *)block_scopes(b))[i] = r.scope;
    ((int64_t *)block_ids(b))[i] = id;
}
/* By start, then id. (Shell's sort: blocks are small, and nothing has to be allocated.) */
static void block_sort(struct block *b) {
    const uint32_t *starts = block_starts(b);
    const int64_t *ids = block_ids(b);
    uint32_t gap = 1;
    while (b->count > 32 && gap < b->count / 3) gap = 3 * gap + 1;
    for (; gap; gap /= 3)
        for (uint32_t i = gap; i < b->count; i++) {
            struct record r = block_record(b, i);
            int64_t id = ids[i];
            uint32_t at = i;
            for (; at >= gap && (r.start_s != starts[at - gap] ? r.start_s < starts[at - gap] : id < ids[at - gap]); at -= gap)
                block_put(b, at, block_record(b, at - gap), ids[at - gap]);
            block_put(b, at, r, id);
        }
}

/* The lines are there. False: memory ran out. */
static bool block_finish(struct rights_index *ix, struct block *b) {
    block_sort(b);
    if (b->count <= INDEX_FEW) return true;
    struct rows *rows = rows_of(b, atomic_load_explicit(&ix->scopes, memory_order_relaxed));
    if (!rows) return false;
    *block_rows_at(b) = rows;
    b->has_rows = true;
    return true;
}
static struct block *block_create(int64_t title_id, size_t count) {
    struct block *b = mem_alloc(block_bytes(count));
    if (b) *b = (struct block){.title_id = title_id, .count = (uint32_t)count};
    return b;
}
static void block_free(struct block *b) {
    if (!b) return;
    if (b->has_rows) mem_free(*block_rows_at(b));
    if (!b->is_in_slab) mem_free(b);
}
static size_t block_own_bytes(const struct block *b) {
    return b ? (b->has_rows ? block_rows(b)->bytes : 0) + (b->is_in_slab ? 0 : block_bytes(b->count)) : 0;
}
static void block_retire(struct rights_index *ix, struct block *b, uint64_t epoch) { /* room for two in limbo */
    if (!b) return;
    if (b->has_rows) limbo_put(ix, *block_rows_at(b), block_rows(b)->bytes, epoch);
    if (!b->is_in_slab) limbo_put(ix, b, block_bytes(b->count), epoch);
}

/* --- the whole book --- */

struct compiling { /* one line on its way */
    struct record record;
    int64_t id;
    uint32_t title; /* which, in the order of appearance */
};

/* Which titles there are, by order of appearance. */
struct titles {
    int64_t *ids;
    uint32_t *counts, *slots; /* slots: number + 1 */
    uint32_t count, capacity;
    size_t slot_count;
};
static void titles_free(struct titles *t) {
    mem_free(t->ids);
    mem_free(t->counts);
    mem_free(t->slots);
}
static bool titles_make_room(struct titles *t) {
    if (t->count < t->capacity) return true;
    uint32_t capacity = t->capacity ? 2 * t->capacity : TITLES_FIRST;
    int64_t *ids = mem_realloc_array(t->ids, capacity, sizeof *ids);
    if (ids) t->ids = ids;
    uint32_t *counts = mem_realloc_array(t->counts, capacity, sizeof *counts);
    if (counts) t->counts = counts;
    uint32_t *slots = mem_zalloc_array(2 * (size_t)capacity, sizeof *slots);
    if (!ids || !counts || !slots) {
        mem_free(slots);
        return false;
    }
    mem_free(t->slots);
    t->slots = slots;
    t->capacity = capacity;
    t->slot_count = 2 * (size_t)capacity;
    for (uint32_t i = 0; i < t->count; i++) {
        size_t at = mix(0, (uint64_t)t->ids[i]) & (t->slot_count - 1);
        while (slots[at]) at = (at + 1) & (t->slot_count - 1);
        slots[at] = i + 1;
    }
    return true;
}
static bool titles_find(struct titles *t, int64_t id, uint32_t *out) {
    if (!titles_make_room(t)) return false;
    size_t at = mix(0, (uint64_t)id) & (t->slot_count - 1);
    for (; t->slots[at]; at = (at + 1) & (t->slot_count - 1))
        if (t->ids[t->slots[at] - 1] == id) {
            *out = t->slots[at] - 1;
            return true;
        }
    t->slots[at] = t->count + 1;
    t->ids[t->count] = id;
    t->counts[t->count] = 0;
    *out = t->count++;
    return true;
}

struct book { /* made, not yet published */
    struct table *table;
    struct slab slab;
    size_t title_count, block_bytes;
};
static void book_free(struct book *b) {
    for (size_t i = 0; i < table_places(b->table); i++) block_free(table_at(b->table, i));
    mem_free(b->table);
    mem_free(b->slab.memory);
}

static size_t lines_of_cache(size_t count) { return (block_bytes(count) + CACHE_LINE - 1) >> CACHE_LINE_SHIFT; }
static bool has_few(uint32_t count) { return count && count <= INDEX_FEW; }

/* How long a step has to be, so that a byte reaches the last of these titles: in cache lines, as a power of two; and how many of them they take. */
static unsigned shelf_step_shift(const uint32_t *counts, size_t titles, size_t *lines) {
    for (unsigned shift = 0;; shift++) {
        size_t steps = 0;
        for (size_t i = 0; i < titles; i++)
            if (has_few(counts[i])) steps += (lines_of_cache(counts[i]) + ((size_t)1 << shift) - 1) >> shift;
        *lines = steps << shift;
        if (steps <= ELSEWHERE) return shift;
    }
}
static_assert(SHELF_TITLES * ((16 + INDEX_FEW * 24 + CACHE_LINE - 1) / CACHE_LINE + (1 << ((1 << STEP_SHIFT_BITS) - 1)) - 1) >> ((1 << STEP_SHIFT_BITS) - 1) <= ELSEWHERE,
              "the longest step is long enough");

static bool slab_create(struct slab *slab, size_t lines) {
    if (!lines) return true;
    slab->bytes = (lines + 1) << CACHE_LINE_SHIFT;
    if (!(slab->memory = big_alloc(slab->bytes))) return false;
    slab->base = (const char *)(((uintptr_t)slab->memory + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
    return true;
}
static struct block *slab_block(const struct slab *slab, size_t line, int64_t title_id, uint32_t count) {
    struct block *b = (struct block *)(uintptr_t)(slab->base + (line << CACHE_LINE_SHIFT));
    *b = (struct block){.title_id = title_id, .count = count, .is_in_slab = true};
    return b;
}

/* How many ids there are from the first title's to the last one's; 0: they lie too far apart for shelves. */
static uint64_t titles_span(const struct titles *titles, int64_t *first) {
    int64_t last = INT64_MIN;
    *first = INT64_MAX;
    for (uint32_t i = 0; i < titles->count; i++) {
        *first = titles->ids[i] < *first ? titles->ids[i] : *first;
        last = titles->ids[i] > last ? titles->ids[i] : last;
    }
    uint64_t distance = (uint64_t)last - (uint64_t)*first;
    return titles->count && distance < GAPS_MAX * (uint64_t)titles->count ? distance + 1 : 0;
}

/* The table and the slab, with empty blocks on the shelves. counts: of lines, for each id of the span and up to the end of its last shelf. */
static bool shelves_lay_out(struct book *book, int64_t first, uint64_t span, const uint32_t *counts, size_t elsewhere) {
    size_t shelf_count = (size_t)((span + SHELF_TITLES - 1) >> SHELF_SHIFT), lines = 0;
    uint32_t *shelves = mem_alloc((shelf_count + 1) * sizeof *shelves);
    for (size_t i = 0; shelves && i < shelf_count; i++) {
        size_t own;
        unsigned shift = shelf_step_shift(counts + i * SHELF_TITLES, SHELF_TITLES, &own);
        shelves[i] = (uint32_t)lines << STEP_SHIFT_BITS | shift;
        lines += own;
    }
    bool is_good = shelves && lines < UINT32_MAX >> STEP_SHIFT_BITS && slab_create(&book->slab, lines) && (book->table = table_create(first, span, &book->slab, elsewhere));
    if (is_good) memcpy((uint32_t *)(uintptr_t)book->table->shelves, shelves, shelf_count * sizeof *shelves);
    for (size_t i = 0; is_good && i < shelf_count; i++) {
        unsigned steps = 0, shift = shelves[i] & ((1 << STEP_SHIFT_BITS) - 1);
        for (size_t n = i * SHELF_TITLES; n < (i + 1) * SHELF_TITLES; n++) {
            if (!has_few(counts[n])) continue;
            (void)slab_block(&book->slab, (shelves[i] >> STEP_SHIFT_BITS) + ((size_t)steps << shift), first + (int64_t)n, counts[n]);
            atomic_store_explicit(&book->table->steps[n], (uint8_t)steps, memory_order_relaxed);
            steps += (unsigned)((lines_of_cache(counts[n]) + ((size_t)1 << shift) - 1) >> shift);
        }
    }
    mem_free(shelves);
    return is_good;
}
static bool with_shelves(struct book *book, const struct titles *titles, int64_t first, uint64_t span) {
    uint32_t *counts = mem_zalloc_array((size_t)span + SHELF_TITLES, sizeof *counts);
    size_t elsewhere = 0;
    for (uint32_t i = 0; counts && i < titles->count; i++) {
        counts[(uint64_t)titles->ids[i] - (uint64_t)first] = titles->counts[i];
        elsewhere += !has_few(titles->counts[i]);
    }
    bool is_good = counts && shelves_lay_out(book, first, span, counts, elsewhere);
    mem_free(counts);
    return is_good;
}
static bool without_shelves(struct book *book, const struct titles *titles) {
    size_t lines = 0, line = 0;
    for (uint32_t i = 0; i < titles->count; i++) lines += has_few(titles->counts[i]) ? lines_of_cache(titles->counts[i]) : 0;
    if (!slab_create(&book->slab, lines) || !(book->table = table_create(0, 0, &book->slab, titles->count))) return false;
    for (uint32_t i = 0; i < titles->count; i++) {
        if (!has_few(titles->counts[i])) continue;
        (void)table_put(book->table, slab_block(&book->slab, line, titles->ids[i], titles->counts[i]));
        line += lines_of_cache(titles->counts[i]);
    }
    return true;
}

/* Blocks that have few lines lie in one piece of memory, in the order of the titles' ids where there are shelves; each on cache lines of its own, so that it is on
 * as few of them as can be. blocks[i] becomes that of titles->ids[i]. */
static bool book_lay_out(struct book *book, const struct titles *titles, struct block **blocks) {
    int64_t first;
    uint64_t span = titles_span(titles, &first);
    if (!(span ? with_shelves(book, titles, first, span) : without_shelves(book, titles))) return false;
    for (uint32_t i = 0; i < titles->count; i++) {
        if (has_few(titles->counts[i])) {
            blocks[i] = table_find(book->table, titles->ids[i]);
        } else {
            if (!(blocks[i] = block_create(titles->ids[i], titles->counts[i]))) return false;
            (void)table_put(book->table, blocks[i]);
        }
    }
    return true;
}

static struct err book_compile(struct rights_index *ix, const struct index_line *lines, size_t count, struct book *book) {
    struct titles titles = {0};
    struct compiling *all = count ? big_alloc(count * sizeof *all) : NULL;
    struct block **blocks = NULL;
    struct err e = count && !all ? err_memory() : ERR_OK;
    struct deal *deal = NULL;
    uint32_t scope = 0;
    for (size_t i = 0; i < count && !e.kind; i++) {
        all[i] = (struct compiling){.record.scope = scope, .id = lines[i].id};
        e = line_compile(ix, &lines[i], &deal, &all[i].record);
        scope = all[i].record.scope;
        if (!e.kind && !titles_find(&titles, lines[i].title_id, &all[i].title)) e = err_memory();
        if (!e.kind) titles.counts[all[i].title]++;
    }
    if (!e.kind && !((!titles.count || (blocks = mem_alloc(titles.count * sizeof *blocks))) && book_lay_out(book, &titles, blocks))) e = err_memory();
    if (!e.kind) {
        for (uint32_t i = 0; i < titles.count; i++) titles.counts[i] = 0; /* from here on: how many are in */
        for (size_t i = 0; i < count; i++) block_put(blocks[all[i].title], titles.counts[all[i].title]++, all[i].record, all[i].id);
        for (size_t i = 0; i < table_places(book->table) && !e.kind; i++) { /* one after the other, as they lie */
            struct block *b = table_at(book->table, i);
            if (b && !block_finish(ix, b)) e = err_memory();
            book->block_bytes += block_own_bytes(b);
        }
    }
    book->title_count = titles.count;
    mem_free(blocks);
    mem_free(all);
    titles_free(&titles);
    return e;
}

static struct err replace_locked(struct rights_index *ix, const struct index_deal *deals, size_t deal_count, const struct index_line *lines,
                                 size_t line_count) {
    if (line_count >= UINT32_MAX) return err_memory();
    for (size_t i = 0; i < deal_count; i++)
        if (!deal_add(ix, &deals[i])) return err_memory();
    deals_announce(ix, deals, deal_count);
    struct book book = {0};
    struct err e = book_compile(ix, lines, line_count, &book);
    struct table *old = atomic_load_explicit(&ix->table, memory_order_relaxed);
    size_t old_blocks = 0;
    for (size_t i = 0; i < table_places(old); i++) {
        const struct block *b = table_at(old, i);
        old_blocks += b ? (size_t)b->has_rows + !b->is_in_slab : 0;
    }
    if (!e.kind && !limbo_make_room(ix, old_blocks + 2)) e = err_memory();
    if (e.kind) {
        deals_take_back(ix, deals, deal_count);
        book_free(&book);
        return e;
    }
    deals_publish(ix, deals, deal_count);
    atomic_store(&ix->table, book.table);
    uint64_t epoch = epoch_end();
    for (size_t i = 0; i < table_places(old); i++) block_retire(ix, table_at(old, i), epoch);
    limbo_put(ix, old, old ? old->bytes : 0, epoch);
    limbo_put(ix, ix->slab.memory, ix->slab.bytes, epoch);
    ix->slab = book.slab;
    ix->block_bytes = book.block_bytes;
    ix->line_count = line_count;
    ix->title_count = book.title_count;
    limbo_give_back(ix);
    return ERR_OK;
}

struct err rights_index_replace(struct rights_index *ix, const struct index_deal *deals, size_t deal_count, const struct index_line *lines,
                                size_t line_count) {
    lock_take(&ix->writing);
    struct err e = replace_locked(ix, deals, deal_count, lines, line_count);
    lock_give(&ix->writing);
    return e;
}

struct err rights_index_create(struct rights_index **out, const struct index_deal *deals, size_t deal_count, const struct index_line *lines,
                               size_t line_count) {
    struct rights_index *ix = mem_zalloc(sizeof *ix);
    if (!ix) return err_memory();
    lock_init(&ix->writing, LOCK_rights_index);
    ix->is_fast = processor_is_fast();
    struct err e = rights_index_replace(ix, deals, deal_count, lines, line_count);
    if (e.kind) rights_index_destroy(&ix);
    else *out = ix;
    return e;
}

void rights_index_destroy(struct rights_index **index_at) {
    struct rights_index *ix = *index_at;
    if (!ix) return;
    struct table *t = atomic_load(&ix->table);
    for (size_t i = 0; i < table_places(t); i++) block_free(table_at(t, i));
    mem_free(t);
    mem_free(ix->slab.memory);
    mem_free(ix->scope_memory);
    mem_free(atomic_load(&ix->places));
    mem_free(ix->scope_slots);
    mem_free(ix->place_slots);
    for (struct deal_chunk *c = ix->deal_chunks, *next; c; c = next) {
        next = c->next;
        mem_free(c);
    }
    mem_free(ix->deal_slots);
    for (size_t i = 0; i < ix->limbo_count; i++) mem_free(ix->limbo[i].ptr);
    mem_free(ix->limbo);
    lock_destroy(&ix->writing);
    MEM_FREE(index_at);
}

/* --- following --- */

struct replacement {
    int64_t title_id;
    struct block *block; /* NULL: no lines, and there never were any */
};
static int by_title(const void *a, const void *b) {
    const struct replacement *x = a, *y = b;
    return (x->title_id > y->title_id) - (x->title_id < y->title_id);
}
static struct replacement *replacement_find(struct replacement *all, size_t count, int64_t title_id) {
    struct replacement wanted = {.title_id = title_id};
    return count ? bsearch(&wanted, all, count, sizeof *all, by_title) : NULL;
}

/* New blocks for all titles of the change. */
static struct err replacements_compile(struct rights_index *ix, const struct index_change *change, struct replacement *all) {
    uint32_t *counts = mem_zalloc_array(change->title_count + 1, sizeof *counts);
    if (!counts) return err_memory();
    struct err e = ERR_OK;
    for (size_t i = 0; i < change->line_count && !e.kind; i++) {
        struct replacement *r = replacement_find(all, change->title_count, change->lines[i].title_id);
        if (r) counts[r - all]++;
        else e = error_line("rights.title");
    }
    for (size_t i = 0; i < change->title_count && !e.kind; i++) {
        bool is_known = table_find(atomic_load_explicit(&ix->table, memory_order_relaxed), all[i].title_id);
        if ((counts[i] || is_known) && !(all[i].block = block_create(all[i].title_id, counts[i]))) e = err_memory();
        counts[i] = 0;
    }
    struct deal *deal = NULL;
    uint32_t scope = 0;
    for (size_t i = 0; i < change->line_count && !e.kind; i++) {
        struct replacement *r = replacement_find(all, change->title_count, change->lines[i].title_id);
        struct record record = {.scope = scope};
        e = line_compile(ix, &change->lines[i], &deal, &record);
        scope = record.scope;
        block_put(r->block, counts[r - all]++, record, change->lines[i].id);
    }
    for (size_t i = 0; i < change->title_count && !e.kind; i++)
        if (all[i].block && !block_finish(ix, all[i].block)) e = err_memory();
    mem_free(counts);
    return e;
}

/* More of them: new blocks in place of all others that have lines of deals about to come into force or to go out of it. To find them the whole book is
 * gone through: a millisecond or a few for each million lines. */
static struct err turns_compile(struct rights_index *ix, struct replacement **all, size_t *count) {
    const struct scope *scopes = atomic_load_explicit(&ix->scopes, memory_order_relaxed);
    const struct table *t = atomic_load_explicit(&ix->table, memory_order_relaxed);
    uint32_t first = 0;
    while (first < ix->scope_count && !is_about_to_turn(scopes[first].deal)) first++;
    if (first == ix->scope_count) return ERR_OK;
    bool *turns = mem_zalloc_array(ix->scope_count, sizeof *turns);
    if (!turns) return err_memory();
    for (uint32_t i = first; i < ix->scope_count; i++) turns[i] = is_about_to_turn(scopes[i].deal);
    size_t given = *count, capacity = *count + 1;
    struct err e = ERR_OK;
    for (size_t n = 0; n < table_places(t) && !e.kind; n++) {
        const struct block *b = table_at(t, n);
        uint32_t i = 0;
        while (b && i < b->count && !turns[block_scopes(b)[i]]) i++;
        if (!b || i == b->count || replacement_find(*all, given, b->title_id)) continue;
        if (*count == capacity) {
            struct replacement *grown = mem_realloc_array(*all, 2 * capacity, sizeof *grown);
            if (!grown) {
                e = err_memory();
                break;
            }
            *all = grown;
            capacity *= 2;
        }
        struct block *turned = block_create(b->title_id, b->count);
        (*all)[(*count)++] = (struct replacement){b->title_id, turned};
        if (!turned) {
            e = err_memory();
            break;
        }
        for (uint32_t k = 0; k < b->count; k++) {
            struct record r = block_record(b, k);
            r.what = what_of(&scopes[r.scope]);
            block_put(turned, k, r, block_ids(b)[k]);
        }
        if (!block_finish(ix, turned)) e = err_memory();
    }
    mem_free(turns);
    return e;
}

/* The table with room for all of them, perhaps a new one that nobody sees yet: always, where they have to appear at once. */
static struct table *table_for(struct rights_index *ix, const struct replacement *all, size_t count, bool at_once) {
    struct table *t = atomic_load_explicit(&ix->table, memory_order_relaxed);
    size_t added = 0;
    for (size_t i = 0; i < count; i++) added += all[i].block && !table_has_node(t, all[i].title_id);
    bool is_full = 2 * (t->node_count + added) > t->node_mask + 1;
    if (!is_full && !at_once) return t;
    struct table *grown = table_create(t->first, t->span, &ix->slab, is_full ? 2 * (t->node_count + added) : (t->node_mask + 1) / 2);
    if (!grown) return NULL;
    size_t shelves = (size_t)((t->span + SHELF_TITLES - 1) >> SHELF_SHIFT);
    memcpy((void *)grown->steps, (const void *)t->steps, shelves * SHELF_TITLES);
    memcpy((uint32_t *)(uintptr_t)grown->shelves, t->shelves, shelves * sizeof *t->shelves);
    for (size_t i = 0; i <= t->node_mask; i++) {
        struct block *b = atomic_load_explicit(&t->nodes[i].block, memory_order_relaxed);
        if (b) (void)table_put(grown, b);
    }
    return grown;
}

static struct err update_locked(struct rights_index *ix, const struct index_change *change) {
    if (change->line_count >= UINT32_MAX) return err_memory();
    size_t count = change->title_count;
    struct replacement *all = mem_zalloc_array(count + 1, sizeof *all);
    if (!all) return err_memory();
    for (size_t i = 0; i < count; i++) all[i].title_id = change->titles[i];
    qsort(all, count, sizeof *all, by_title);
    struct err e = ERR_OK;
    for (size_t i = 0; i < change->deal_count && !e.kind; i++)
        if (!deal_add(ix, &change->deals[i])) e = err_memory();
    for (size_t i = 0; i < count && !e.kind; i++)
        if (!all[i].title_id || (i && all[i].title_id == all[i - 1].title_id)) e = error_line("rights.title");
    if (!e.kind) deals_announce(ix, change->deals, change->deal_count);
    struct table *old = atomic_load_explicit(&ix->table, memory_order_relaxed), *table = NULL;
    if (!e.kind) e = replacements_compile(ix, change, all);
    if (!e.kind) e = turns_compile(ix, &all, &count);
    if (!e.kind && !(limbo_make_room(ix, 2 * count + 1) && (table = table_for(ix, all, count, count > change->title_count)))) e = err_memory();
    if (e.kind) {
        deals_take_back(ix, change->deals, change->deal_count);
        for (size_t i = 0; i < count; i++) block_free(all[i].block);
        mem_free(all);
        return e;
    }
    deals_publish(ix, change->deals, change->deal_count);
    for (size_t i = 0; i < count; i++) { /* all[].block becomes the former one */
        const struct block *b = all[i].block, *former;
        if (!b) continue;
        former = all[i].block = table_put(table, all[i].block);
        ix->line_count += b->count - (uint64_t)(former ? former->count : 0);
        ix->title_count += (uint64_t)(b->count > 0) - (uint64_t)(former && former->count);
        ix->block_bytes += block_own_bytes(b) - block_own_bytes(former);
    }
    if (table != old) atomic_store(&ix->table, table);
    uint64_t epoch = epoch_end();
    for (size_t i = 0; i < count; i++) block_retire(ix, all[i].block, epoch);
    if (table != old) limbo_put(ix, old, old->bytes, epoch);
    limbo_give_back(ix);
    mem_free(all);
    return ERR_OK;
}

struct err rights_index_update(struct rights_index *ix, const struct index_change *change) {
    lock_take(&ix->writing);
    struct err e = update_locked(ix, change);
    lock_give(&ix->writing);
    return e;
}

struct rights_index_stats rights_index_stats(const struct rights_index *index) {
    struct rights_index *ix = (struct rights_index *)index; /* the lock is no part of what is counted */
    lock_take(&ix->writing);
    struct rights_index_stats s = {.lines = ix->line_count, .titles = ix->title_count, .deals = ix->deal_count, .scopes = ix->scope_count};
    s.bytes = sizeof *ix + atomic_load(&ix->table)->bytes + ix->slab.bytes + ix->block_bytes + ix->scope_bytes +
              (ix->scope_count ? atomic_load(&ix->places)->bytes : 0) + ix->place_slot_count * sizeof *ix->place_slots +
              ix->scope_slot_count * sizeof(uint32_t) + ix->deal_slot_count * sizeof(struct deal *);
    for (const struct deal_chunk *c = ix->deal_chunks; c; c = c->next) s.bytes += sizeof *c + c->capacity * sizeof(struct deal);
    for (size_t i = 0; i < ix->limbo_count; i++) s.bytes_waiting += ix->limbo[i].bytes;
    lock_give(&ix->writing);
    return s;
}
