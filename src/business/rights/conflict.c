/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * conflict.c: what a line would contradict.
 *
 * A line says something about a box: territories x media x languages x a window. Two lines contradict each other where their boxes overlap. What a sale is
 * not covered by is found by cutting the boxes of all that we hold out of its own: what is left over was sold and never licensed. The same with
 * only those licences that may be passed on: what is left over then, and lies within another licence, was sold against its terms.
 *
 * Our own service against an exclusive sale: a new licence of ours is told wherever it was sold. A new sale is not, for it is out of what we have that we sell; it is told where our own
 * service runs what is sold, which it would have to give up. */
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "business/rights/atlas.h"
#include "business/rights/compiled.h"

struct box {
    const uint64_t *bits; /* of the atlas; not empty */
    uint16_t media;       /* not 0 */
    uint32_t languages;   /* a set; 0: any */
    uint32_t from_s, to_s;
};
struct boxes {
    struct box *items;
    size_t count, room;
};

enum { COMMONS = 64 };

struct standing { /* a line that overlaps the new one */
    struct record record;
    const struct scope *scope;
    int64_t id, title_id;
    bool is_first_family; /* its title is the new line's, or above it */
    bool is_ahead;        /* it does not stand yet: it would be written together with the new one */
};

struct check {
    const struct index_conflicts_ask *ask;
    struct arena *mem;
    const struct scope *scopes; /* of the index that is being looked through */
    bool is_ahead;              /* it is that of the lines that would be written with this one */
    uint32_t from_s, to_s;
    uint64_t bits[4]; /* of the new line's territories */
    bool has_areas;
    uint8_t contradictions[2][KINDS]; /* enum rights_conflict_kind of a standing line: of a deal with the same party, with another */
    unsigned may_cover; /* kinds that a sale may rest on, a bit each */
    unsigned may_run;   /* kinds by which our own service may run what is sold */
    struct rights_conflict *found;
    size_t found_count, found_room;
    struct standing *holds; /* grants that overlap a sale: those that may cover it, and those by which we may run it */
    size_t hold_count, hold_room;
    struct { /* what sets have in common with the new line's; the lines of a title name the same few again and again */
        uint32_t set, common;
    } commons[COMMONS];
    bool is_fast; /* the index's */
    struct err error;
};

static void *grow(struct arena *mem, void *items, size_t count, size_t *room, size_t bytes_each) {
    if (count < *room) return items;
    size_t more = *room ? 2 * *room : 16;
    void *moved = arena_alloc_array(mem, more, bytes_each);
    if (!moved) return NULL;
    if (count) memcpy(moved, items, count * bytes_each);
    *room = more;
    return moved;
}

/* `with` is NULL where there is nothing: what was sold and never licensed. */
static void found_add(struct check *c, enum rights_conflict_kind kind, const struct standing *with, struct rights_overlap overlap) {
    if (c->error.kind || c->found_count == c->ask->limit) return;
    struct rights_conflict *items = grow(c->mem, c->found, c->found_count, &c->found_room, sizeof *items);
    if (!items) {
        c->error = err_memory();
        return;
    }
    c->found = items;
    bool is_ahead = with && with->is_ahead;
    c->found[c->found_count++] = (struct rights_conflict){.kind = kind, .line_id = with && !is_ahead ? with->id : 0, .other = is_ahead ? (size_t)(with->id - 1) : SIZE_MAX, .overlap = overlap};
}

/* --- one against one --- */

static bool languages_meet(uint32_t a, uint32_t b) {
    if (!a || !b || a == b) return true;
    uint64_t common[LANGUAGES_MAX * LANGUAGES_MAX];
    size_t count;
    return languages_common(languages_at(a), languages_at(b), common, &count);
}

static struct err common_territories(struct check *c, uint32_t set, uint32_t *out) {
    __typeof__(&c->commons[0]) place = &c->commons[set % COMMONS];
    if (!set || place->set != set) { /* the set without anything is nobody's */
        uint32_t common;
        struct err e = rights_territories_common(c->ask->line->territories, set, &common);
        if (e.kind) return e;
        place->set = set;
        place->common = common;
    }
    *out = place->common;
    return ERR_OK;
}
static struct err common_languages(uint32_t a, uint32_t b, uint32_t *out) {
    if (!a || !b || a == b) {
        *out = a ? a : b;
        return ERR_OK;
    }
    uint64_t common[LANGUAGES_MAX * LANGUAGES_MAX];
    size_t count;
    (void)languages_common(languages_at(a), languages_at(b), common, &count);
    return languages_intern(common, count, out);
}

static struct err overlap_of(struct check *c, const struct standing *s, struct rights_overlap *out) {
    const struct index_line *l = c->ask->line;
    struct rights_overlap o = {.media = l->media & s->scope->media};
    o.from_s = c->from_s > s->record.start_s ? c->from_s : s->record.start_s;
    o.to_s = c->to_s < s->record.end_s ? c->to_s : s->record.end_s;
    struct err e = common_territories(c, s->scope->territories, &o.territories);
    if (!e.kind) e = common_languages(l->languages, s->scope->languages, &o.languages);
    if (!e.kind) *out = o;
    return e;
}

/* What the new line is to a standing one of another kind; RIGHTS_CONFLICT_KINDS: nothing. */
static enum rights_conflict_kind contradiction(const struct index_conflicts_ask *ask, enum rights_kind kind, bool is_other_party) {
    switch (rights_kind_of(ask->deal->direction, (enum rights_effect)ask->line->effect, ask->line->is_exclusive)) {
    case KIND_GRANT:
        if (kind == KIND_SALE_EXCLUSIVE) return RIGHTS_OWN_SERVICE_SOLD;
        break;
    case KIND_SALE_EXCLUSIVE:
        if (kind == KIND_SALE_EXCLUSIVE && is_other_party) return RIGHTS_EXCLUSIVE_EXCLUSIVE;
        if (kind == KIND_SALE && is_other_party) return RIGHTS_EXCLUSIVE_ALLOW;
        /* fall through */
    case KIND_SALE:
        if (kind == KIND_SALE_EXCLUSIVE && is_other_party) return RIGHTS_EXCLUSIVE_ALLOW;
        if (kind == KIND_HOLDBACK || kind == KIND_BLACKOUT || (kind == KIND_SALE_HOLDBACK && is_other_party)) return RIGHTS_HOLDBACK_SOLD;
        break;
    case KIND_HOLDBACK:
    case KIND_BLACKOUT:
        if (kind == KIND_SALE || kind == KIND_SALE_EXCLUSIVE) return RIGHTS_HOLDBACK_SOLD;
        break;
    case KIND_SALE_HOLDBACK:
        if ((kind == KIND_SALE || kind == KIND_SALE_EXCLUSIVE) && is_other_party) return RIGHTS_HOLDBACK_SOLD;
        break;
    default: break;
    }
    return RIGHTS_CONFLICT_KINDS;
}

static bool is_withdrawn(const struct index_conflicts_ask *ask, int64_t id) {
    for (size_t i = 0; i < ask->withdrawn_count; i++)
        if (ask->withdrawn[i] == id) return true;
    return false;
}

static unsigned kinds_held(const struct check *c, bool is_first_family) { return c->may_run | (is_first_family ? c->may_cover : 0); }

static void look_at(struct check *c, const struct block *b, uint32_t line, bool is_first_family) {
    const struct record r = block_record(b, line);
    const struct index_line *l = c->ask->line;
    if (r.end_s <= c->from_s || r.start_s >= c->to_s || !(r.what & l->media)) return;
    const struct scope *s = &c->scopes[r.scope];
    bool is_held = (kinds_held(c, is_first_family) >> what_kind(r.what)) & 1, is_later = c->is_ahead && block_ids(b)[line] >= l->id;
    enum rights_conflict_kind kind = is_later ? RIGHTS_CONFLICT_KINDS : (enum rights_conflict_kind)c->contradictions[s->party_id != c->ask->deal->party_id][s->kind];
    if (!is_held && kind == RIGHTS_CONFLICT_KINDS) return;
    enum rights_status status = (enum rights_status)atomic_load_explicit(&s->deal->status, memory_order_acquire);
    if (status != RIGHTS_ACTIVE && status != RIGHTS_SUSPENDED) return;
    struct standing found = {r, s, block_ids(b)[line], b->title_id, is_first_family, c->is_ahead};
    uint64_t common = 0;
    for (int i = 0; i < 4; i++) common |= c->bits[i] & s->bits[i];
    if ((!common && !((c->has_areas || s->flags & SCOPE_HAS_AREAS) && rights_territories_meet(l->territories, s->territories))) || !languages_meet(l->languages, s->languages) || (!c->is_ahead && is_withdrawn(c->ask, found.id))) return;
    if (is_held) {
        struct standing *holds = grow(c->mem, c->holds, c->hold_count, &c->hold_room, sizeof *holds);
        if (!holds) {
            c->error = err_memory();
            return;
        }
        c->holds = holds;
        c->holds[c->hold_count++] = found;
    }
    struct rights_overlap overlap;
    if (kind == RIGHTS_CONFLICT_KINDS || c->found_count == c->ask->limit) return;
    c->error = overlap_of(c, &found, &overlap);
    if (!c->error.kind) found_add(c, kind, &found, overlap);
}

/* Which kinds of lines matter at all: a bit each. */
static unsigned kinds_of_interest(const struct check *c, bool is_first_family) {
    unsigned kinds = kinds_held(c, is_first_family);
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (int other = 0; other < 2; other++)
            if (c->contradictions[other][kind] != RIGHTS_CONFLICT_KINDS) kinds |= 1u << kind;
    return kinds;
}

/* Of 64 lines, those that end after an instant. Behind the last line of a block there is more of the block. */
#if defined(__x86_64__)
__attribute__((target("avx512f"))) static uint64_t ending_after(const uint32_t *ends, uint32_t at_s) {
    const __m512i at = _mm512_set1_epi32((int)at_s);
    uint64_t bits = 0;
    for (unsigned i = 0; i < 64; i += 16) bits |= (uint64_t)_mm512_cmpgt_epu32_mask(_mm512_loadu_si512(ends + i), at) << i;
    return bits;
}
#else
static uint64_t ending_after(const uint32_t *ends, uint32_t at_s) { return UINT64_MAX; } /* each is looked at anyway */
#endif

static void look_through(struct check *c, const struct block *b, bool is_first_family) {
    if (!b->has_rows) {
        for (uint32_t i = 0; i < b->count && !c->error.kind; i++) look_at(c, b, i, is_first_family);
        return;
    }
    const struct rows *rows = block_rows(b);
    const struct territories *t = territories_at(c->ask->line->territories);
    const uint64_t *kinds[KINDS], *media[RIGHTS_MEDIA], *classes[256]; /* the rows that matter */
    size_t kind_count = 0, medium_count = 0, class_count = 0;
    bool is_class_in[256] = {0};
    for (unsigned country = 0; country < 256; country++)
        if (bits_have(t->bits, (uint8_t)country)) is_class_in[rows->class_of[country]] = true;
    for (uint32_t i = 0; i < t->area_count; i++) is_class_in[rows->class_of[area_country(t->areas[i])]] = true;
    for (size_t k = 0; k < rows->class_count; k++)
        if (is_class_in[k]) classes[class_count++] = rows->classes + k * rows->words;
    unsigned interest = kinds_of_interest(c, is_first_family);
    for (unsigned kind = 0; kind < KINDS; kind++)
        if (interest >> kind & 1) kinds[kind_count++] = rows->kinds + kind * rows->words;
    for (unsigned m = 0; m < RIGHTS_MEDIA; m++)
        if (c->ask->line->media >> m & 1) media[medium_count++] = rows->media + m * rows->words;
    uint32_t begun = block_begun(b, c->to_s - 1);
    for (size_t w = 0; w < (begun + 63) / 64 && !c->error.kind; w++) {
        if (rows->ends[w] <= c->from_s) continue;
        uint64_t by_kind = 0, by_medium = 0, by_class = 0;
        for (size_t i = 0; i < kind_count; i++) by_kind |= kinds[i][w];
        for (size_t i = 0; i < medium_count; i++) by_medium |= media[i][w];
        uint64_t bits = by_kind & by_medium;
        if (bits && c->is_fast) bits &= ending_after(block_ends(b) + 64 * w, c->from_s);
        for (size_t i = 0; bits & ~by_class && i < class_count; i++) by_class |= classes[i][w];
        for (bits &= by_class; bits && !c->error.kind; bits &= bits - 1) look_at(c, b, (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(bits), is_first_family);
    }
}

/* --- what covers a sale --- */

static struct err boxes_add(struct boxes *list, struct arena *mem, struct box box) {
    struct box *items = grow(mem, list->items, list->count, &list->room, sizeof *items);
    if (!items) return err_memory();
    list->items = items;
    list->items[list->count++] = box;
    return ERR_OK;
}

/* The languages of `of` that `by` holds, and those that it does not. */
static struct err languages_part(uint32_t of, uint32_t by, bool *has_in, uint32_t *in, bool *has_out, uint32_t *out) {
    const struct languages *l = languages_at(of), *wide = languages_at(by);
    *has_in = *has_out = false;
    if (!by || of == by || !of) { /* a licence for some languages covers no sale for any of them */
        *(!by || of == by ? has_in : has_out) = true;
        *in = *out = of;
        return ERR_OK;
    }
    uint64_t held[LANGUAGES_MAX], others[LANGUAGES_MAX];
    size_t held_count = 0, other_count = 0;
    for (uint32_t i = 0; i < l->count && i < LANGUAGES_MAX; i++)
        if (languages_hold(wide, l->tags[i])) held[held_count++] = l->tags[i];
        else others[other_count++] = l->tags[i];
    *has_in = held_count;
    *has_out = other_count;
    struct err e = languages_intern(held, held_count, in);
    return e.kind ? e : languages_intern(others, other_count, out);
}

static struct err bits_new(const struct atlas *atlas, struct arena *mem, uint64_t **out) {
    *out = arena_alloc_array(mem, atlas->words, sizeof **out);
    return *out ? ERR_OK : err_memory();
}

/* Cuts `b` out of `a`: what is left of `a` goes to `left`, and what both have to *common. */
static struct err cut(const struct atlas *atlas, struct arena *mem, struct box a, const struct box *b, struct boxes *left, struct box *common, bool *do_meet) {
    uint32_t in, out;
    bool has_in, has_out;
    *do_meet = false;
    uint32_t from_s = a.from_s > b->from_s ? a.from_s : b->from_s, to_s = a.to_s < b->to_s ? a.to_s : b->to_s;
    uint64_t some = 0, others = 0;
    for (size_t i = 0; i < atlas->words; i++) {
        some |= a.bits[i] & b->bits[i];
        others |= a.bits[i] & ~b->bits[i];
    }
    if (from_s >= to_s || !(a.media & b->media) || !some) return boxes_add(left, mem, a);
    struct err e = languages_part(a.languages, b->languages, &has_in, &in, &has_out, &out);
    if (e.kind) return e;
    struct box piece = a;
    piece.languages = out;
    if (has_out && (e = boxes_add(left, mem, piece)).kind) return e;
    if (!has_in) return ERR_OK;
    a.languages = in;
    if (others) {
        uint64_t *outside, *inside;
        if ((e = bits_new(atlas, mem, &outside)).kind || (e = bits_new(atlas, mem, &inside)).kind) return e;
        for (size_t i = 0; i < atlas->words; i++) {
            outside[i] = a.bits[i] & ~b->bits[i];
            inside[i] = a.bits[i] & b->bits[i];
        }
        piece = a;
        piece.bits = outside;
        if ((e = boxes_add(left, mem, piece)).kind) return e;
        a.bits = inside;
    }
    piece = a;
    piece.media = a.media & (uint16_t)~b->media;
    if (piece.media && (e = boxes_add(left, mem, piece)).kind) return e;
    a.media &= b->media;
    piece = a;
    piece.to_s = from_s;
    if (piece.from_s < piece.to_s && (e = boxes_add(left, mem, piece)).kind) return e;
    piece = a;
    piece.from_s = to_s;
    if (piece.from_s < piece.to_s && (e = boxes_add(left, mem, piece)).kind) return e;
    a.from_s = from_s;
    a.to_s = to_s;
    *common = a;
    *do_meet = true;
    return ERR_OK;
}

/* Cuts a box out of a whole list, whose items are replaced by what is left of them. */
static struct err cut_all(const struct atlas *atlas, struct arena *mem, struct boxes *list, const struct box *b, struct boxes *commons) {
    struct boxes left = {0};
    struct err e = ERR_OK;
    bool does_any_meet = false;
    for (size_t i = 0; i < list->count && !does_any_meet; i++) {
        const struct box *a = &list->items[i];
        if (a->from_s >= b->to_s || b->from_s >= a->to_s || !(a->media & b->media)) continue;
        for (size_t k = 0; k < atlas->words && !does_any_meet; k++) does_any_meet = a->bits[k] & b->bits[k];
    }
    if (!does_any_meet) return ERR_OK; /* nothing is cut, nothing copied */
    for (size_t i = 0; i < list->count && !e.kind; i++) {
        struct box common;
        bool do_meet;
        e = cut(atlas, mem, list->items[i], b, &left, &common, &do_meet);
        if (!e.kind && do_meet && commons) e = boxes_add(commons, mem, common);
    }
    *list = left;
    return e;
}

/* Puts boxes together that differ in one way only and touch there. */
static struct err boxes_join(const struct atlas *atlas, struct arena *mem, struct boxes *list) {
    enum { JOIN_MAX = 200 };
    size_t bytes = atlas->words * sizeof(uint64_t);
    for (size_t i = 0; i < list->count && list->count <= JOIN_MAX; i++)
        for (size_t j = 0; j < list->count; j++) {
            struct box *a = &list->items[i], *b = &list->items[j];
            if (i == j || a->languages != b->languages) continue;
            bool same_bits = !memcmp(a->bits, b->bits, bytes), same_media = a->media == b->media, same_time = a->from_s == b->from_s && a->to_s == b->to_s;
            if (same_bits && same_media && a->to_s == b->from_s) a->to_s = b->to_s;
            else if (same_bits && same_time) a->media |= b->media;
            else if (same_media && same_time) {
                uint64_t *both;
                struct err e = bits_new(atlas, mem, &both);
                if (e.kind) return e;
                for (size_t k = 0; k < atlas->words; k++) both[k] = a->bits[k] | b->bits[k];
                a->bits = both;
            } else continue;
            list->items[j] = list->items[--list->count];
            i = SIZE_MAX; /* from the beginning */
            break;
        }
    return ERR_OK;
}

static struct err boxes_tell(struct check *c, const struct atlas *atlas, struct boxes *list, enum rights_conflict_kind kind, const struct standing *with) {
    struct err e = boxes_join(atlas, c->mem, list);
    for (size_t i = 0; i < list->count && !e.kind; i++) {
        const struct box *b = &list->items[i];
        struct rights_overlap o = {.languages = b->languages, .media = b->media, .from_s = b->from_s, .to_s = b->to_s};
        e = atlas_set(atlas, b->bits, &o.territories);
        if (!e.kind) found_add(c, kind, with, o);
    }
    return e;
}

static bool may_pass_on(const struct scope *s) {
    return s->deal->direction == RIGHTS_OWN || s->flags & SCOPE_MAY_SUBLICENSE || atomic_load_explicit(&s->deal->may_sublicense, memory_order_acquire);
}

/* One licence that covers all of it is the usual case, and answered without any reckoning. */
static bool covers_alone(const struct check *c, const struct standing *s) {
    const struct index_line *l = c->ask->line;
    bool has_in, has_out;
    uint32_t in, out;
    return may_pass_on(s->scope) && s->record.start_s <= c->from_s && s->record.end_s >= c->to_s && !(l->media & ~s->scope->media) &&
           territories_within(l->territories, s->scope->territories) &&
           !languages_part(l->languages, s->scope->languages, &has_in, &in, &has_out, &out).kind && !has_out;
}

static struct err cover(struct check *c) {
    for (size_t i = 0; i < c->hold_count; i++)
        if (c->holds[i].is_first_family && covers_alone(c, &c->holds[i])) return ERR_OK;
    const struct index_line *l = c->ask->line;
    struct atlas atlas = {0};
    struct err e = atlas_add(&atlas, c->mem, l->territories);
    for (size_t i = 0; i < c->hold_count && !e.kind; i++) e = atlas_add(&atlas, c->mem, c->holds[i].scope->territories);
    if (e.kind) return e;
    atlas_close(&atlas);
    uint64_t *bits, *held;
    if ((e = bits_new(&atlas, c->mem, &bits)).kind || (e = bits_new(&atlas, c->mem, &held)).kind) return e;
    atlas_bits(&atlas, l->territories, bits);
    struct boxes left = {0};
    if ((e = boxes_add(&left, c->mem, (struct box){bits, l->media, l->languages, c->from_s, c->to_s})).kind) return e;
    for (int pass_on = 1; pass_on >= 0; pass_on--) /* first what may be passed on; then what is left is told by whose terms forbid it */
        for (size_t i = 0; i < c->hold_count && left.count; i++) {
            const struct standing *s = &c->holds[i];
            if (!s->is_first_family || may_pass_on(s->scope) != pass_on) continue;
            if (atlas.area_count) atlas_bits(&atlas, s->scope->territories, held);
            else memcpy(held, s->scope->bits, sizeof s->scope->bits);
            struct box b = {held, s->scope->media, s->scope->languages, s->record.start_s, s->record.end_s};
            struct boxes commons = {0};
            if ((e = cut_all(&atlas, c->mem, &left, &b, pass_on ? NULL : &commons)).kind) return e;
            if ((e = boxes_tell(c, &atlas, &commons, RIGHTS_SUBLICENCE, s)).kind) return e;
        }
    return boxes_tell(c, &atlas, &left, RIGHTS_OUT_WITHOUT_IN, NULL);
}

/* --- what our own service runs of an exclusive sale --- */

struct run_title { /* a title that a run stands under */
    int64_t title_id;
    size_t run;
};
static int by_title(const void *a, const void *b) {
    const struct run_title *x = a, *y = b;
    return x->title_id != y->title_id ? (x->title_id > y->title_id) - (x->title_id < y->title_id) : (x->run > y->run) - (x->run < y->run);
}
/* By title, so that each grant finds the runs under its own: a series may have thousands of both. */
static struct err runs_by_title(struct arena *mem, const struct index_run *runs, size_t count, struct run_title **out, size_t *out_count) {
    struct run_title *all = arena_alloc_array(mem, count * ARRAY_LEN(runs->titles), sizeof *all);
    if (!all) return err_memory();
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < ARRAY_LEN(runs->titles); k++)
            if (runs[i].titles[k]) all[n++] = (struct run_title){runs[i].titles[k], i};
    qsort(all, n, sizeof *all, by_title);
    *out = all;
    *out_count = n;
    return ERR_OK;
}
static size_t runs_from(const struct run_title *all, size_t count, int64_t title_id) {
    size_t low = 0;
    for (size_t high = count; low < high;) {
        size_t middle = (low + high) / 2;
        if (all[middle].title_id < title_id) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* For each grant what it and the sale have in common, and of that what is run: piece by piece cut out, so that what several offers have is told once. Neither what is run nor, for
 * reckoning, anything else here is bound to languages: what the two lines have in common of these is said of all pieces. */
static struct err tell_runs(struct check *c) {
    const struct index_conflicts_ask *ask = c->ask;
    struct atlas atlas = {0};
    struct err e = atlas_add(&atlas, c->mem, ask->line->territories);
    for (size_t i = 0; i < c->hold_count && !e.kind; i++) e = atlas_add(&atlas, c->mem, c->holds[i].scope->territories);
    for (size_t i = 0; i < ask->run_count && !e.kind; i++) e = atlas_add(&atlas, c->mem, ask->runs[i].territories);
    if (e.kind) return e;
    atlas_close(&atlas);
    uint64_t *sold = NULL;
    struct boxes runs = {0};
    struct run_title *by_titles = NULL;
    size_t by_title_count = 0;
    if ((e = runs_by_title(c->mem, ask->runs, ask->run_count, &by_titles, &by_title_count)).kind || (e = bits_new(&atlas, c->mem, &sold)).kind) return e;
    atlas_bits(&atlas, ask->line->territories, sold);
    for (size_t i = 0; i < ask->run_count; i++) {
        const struct index_run *run = &ask->runs[i];
        uint64_t *bits;
        if ((e = bits_new(&atlas, c->mem, &bits)).kind) return e;
        atlas_bits(&atlas, run->territories, bits);
        if ((e = boxes_add(&runs, c->mem, (struct box){bits, run->media, 0, (uint32_t)run->from_s, (uint32_t)run->to_s})).kind) return e;
    }
    for (size_t i = 0; i < c->hold_count && c->found_count < ask->limit; i++) {
        const struct standing *s = &c->holds[i];
        if (s->is_ahead && s->id > ask->line->id) continue; /* which tells it itself */
        uint32_t languages;
        uint64_t *both;
        if ((e = common_languages(ask->line->languages, s->scope->languages, &languages)).kind || (e = bits_new(&atlas, c->mem, &both)).kind) return e;
        atlas_bits(&atlas, s->scope->territories, both);
        for (size_t k = 0; k < atlas.words; k++) both[k] &= sold[k];
        struct box common = {both, ask->line->media & s->scope->media, 0, c->from_s > s->record.start_s ? c->from_s : s->record.start_s,
                             c->to_s < s->record.end_s ? c->to_s : s->record.end_s};
        struct boxes left = {0}, run = {0};
        if ((e = boxes_add(&left, c->mem, common)).kind) return e;
        for (size_t k = runs_from(by_titles, by_title_count, s->title_id); k < by_title_count && by_titles[k].title_id == s->title_id && left.count; k++)
            if ((e = cut_all(&atlas, c->mem, &left, &runs.items[by_titles[k].run], &run)).kind) return e;
        for (size_t k = 0; k < run.count; k++) run.items[k].languages = languages;
        if ((e = boxes_tell(c, &atlas, &run, RIGHTS_OWN_SERVICE_SOLD, s)).kind) return e;
    }
    return c->error;
}

static void look_into(struct check *c, const struct rights_index *ix, bool is_ahead) {
    const struct index_conflicts_ask *ask = c->ask;
    const struct table *table = atomic_load(&ix->table);
    c->is_ahead = is_ahead;
    for (size_t i = 0; i < ask->above_count + ask->below_count && !c->error.kind; i++) {
        bool is_above = i < ask->above_count;
        const struct block *b = table_find(table, is_above ? ask->above[i] : ask->below[i - ask->above_count]);
        c->scopes = atomic_load(&ix->scopes);
        if (b) look_through(c, b, is_above);
    }
}

struct err rights_index_conflicts(const struct rights_index *ix, struct arena *mem, const struct index_conflicts_ask *ask, struct rights_conflict_list *out) {
    const struct index_line *l = ask->line;
    if (l->starts_s < 0 || l->starts_s >= l->ends_s || l->ends_s > RIGHTS_ENDLESS)
        return err_make(ERR_INPUT, "rights.window", "The window is empty, reversed, or beyond what can be counted.");
    struct check c = {.ask = ask, .mem = mem, .from_s = (uint32_t)l->starts_s, .to_s = (uint32_t)l->ends_s, .is_fast = ix->is_fast};
    memcpy(c.bits, territories_at(l->territories)->bits, sizeof c.bits);
    c.has_areas = territories_at(l->territories)->area_count > 0;
    bool is_sale = ask->deal->direction == RIGHTS_OUT && l->effect == RIGHTS_ALLOW;
    c.may_cover = is_sale ? 1u << KIND_GRANT : 0;
    c.may_run = is_sale && l->is_exclusive && ask->run_count ? 1u << KIND_GRANT : 0;
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (int other = 0; other < 2; other++) c.contradictions[other][kind] = (uint8_t)contradiction(ask, (enum rights_kind)kind, other);
    struct epoch_place *reading = epoch_enter();
    look_into(&c, ix, false);
    if (ask->ahead) look_into(&c, ask->ahead, true);
    if (!c.error.kind && is_sale && c.found_count < ask->limit) c.error = cover(&c);
    if (!c.error.kind && c.may_run && c.found_count < ask->limit) c.error = tell_runs(&c);
    epoch_leave(reading);
    if (!c.error.kind) *out = (struct rights_conflict_list){c.found, c.found_count};
    return c.error;
}
