/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The index of a view is a handful of segments (segment.h), the first of which has nearly everything. A change adds a segment with the changed title
 * and marks its former self as dead in the one it stands in; when the last segments are of like size they become one, so that there are never more than
 * about seventeen and each title is written anew some seventeen times in the life of 100,000 changes. Readers keep what they took.
 *
 * A query is taken apart into units (words, pairs, Thai runs). Unit after unit: the terms that match are found, by halving for words and beginnings, by a
 * walk over the masks of all terms of like length for typing errors; their postings raise the best score that each document has for this unit; and only documents that had
 * all units before are still looked at. */
#include "business/catalog/search.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/thread.h"
#include "business/catalog/segment.h"
#include "business/catalog/typo.h"
#include "business/catalog/view.h"
#include "business/catalog/words.h"

enum { SEGMENTS_MAX = 40 };

struct search {
    _Atomic uint32_t references;
    size_t count;
    struct {
        struct segment *segment; /* held */
        uint64_t *dead;          /* a bit per document; NULL: all live */
        size_t dead_count;
    } parts[SEGMENTS_MAX];
};

void search_give(struct search **search) {
    struct search *s = *search;
    *search = NULL;
    if (!s || atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) > 1) return;
    for (size_t i = 0; i < s->count; i++) {
        segment_give(s->parts[i].segment);
        mem_free(s->parts[i].dead);
    }
    mem_free(s);
}

static bool is_dead(const struct search *s, size_t part, size_t doc) { return s->parts[part].dead && s->parts[part].dead[doc / 64] >> doc % 64 & 1; }
static size_t live_count(const struct search *s, size_t part) { return s->parts[part].segment->doc_count - s->parts[part].dead_count; }

static struct search *search_new(void) {
    struct search *s = mem_zalloc(sizeof *s);
    if (s) atomic_init(&s->references, 1);
    return s;
}

static struct search *search_make(const struct catalog_view *v) {
    struct search *s = search_new();
    int64_t *titles = mem_alloc((v->count + 1) * sizeof *titles), *people = mem_alloc((v->people_count + 1) * sizeof *people);
    for (size_t i = 0; titles && i < v->count; i++) titles[i] = v->titles[i]->id;
    for (size_t i = 0; people && i < v->people_count; i++) people[i] = v->people[i]->id;
    if (s && titles && people && (s->parts[0].segment = segment_create(v, titles, v->count, people, v->people_count))) s->count = 1;
    else search_give(&s);
    mem_free(titles);
    mem_free(people);
    return s;
}

struct search *search_of(const struct catalog_view *v) {
    struct view_inner *in = v->inner;
    struct search *s = atomic_load_explicit(&in->search, memory_order_acquire);
    if (s) return s;
    lock_take(&in->making[1]);
    if (!(s = atomic_load_explicit(&in->search, memory_order_acquire)) && (s = search_make(v))) atomic_store_explicit(&in->search, s, memory_order_release);
    lock_give(&in->making[1]);
    return s;
}

size_t catalog_search_bytes(const struct catalog_view *v) {
    struct search *s = atomic_load_explicit(&v->inner->search, memory_order_acquire);
    size_t bytes = 0;
    for (size_t i = 0; s && i < s->count; i++) bytes += s->parts[i].segment->bytes + (s->parts[i].dead ? s->parts[i].segment->doc_count / 8 : 0);
    return bytes;
}

/* --- following changes --- */

/* Marks a document as dead, where it lives. `s` is new: its bits are its own. */
static void bury(struct search *s, int64_t id, bool is_person) {
    for (size_t i = 0; i < s->count; i++) {
        size_t doc = segment_doc(s->parts[i].segment, id, is_person);
        if (doc == SIZE_MAX || is_dead(s, i, doc)) continue;
        s->parts[i].dead[doc / 64] |= UINT64_C(1) << doc % 64;
        s->parts[i].dead_count++;
        return;
    }
}

struct id_list {
    int64_t *ids;
    size_t count, room;
    bool has_failed;
};
static void id_add(struct id_list *l, int64_t id) {
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 64;
        int64_t *more = mem_realloc_array(l->ids, room, sizeof *more);
        if (!more) {
            l->has_failed = true;
            return;
        }
        l->ids = more;
        l->room = room;
    }
    l->ids[l->count++] = id;
}
static int compare_ids(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* The titles that name a person, as far as they live. */
static void titles_of_person(const struct search *s, int64_t person_id, struct id_list *out) {
    char room[PERSON_KEY_BYTES];
    struct slice key = segment_person_key(person_id, room);
    for (size_t i = 0; i < s->count; i++) {
        const struct segment *g = s->parts[i].segment;
        size_t at = segment_term_at(g, key);
        if (at == g->term_count || !slice_eq(segment_term(g, at), key)) continue;
        for (uint32_t p = g->strong_at[at]; p < g->strong_at[at + 1]; p++) {
            size_t doc = posting_doc(g->strong[p]);
            if (!is_dead(s, i, doc)) id_add(out, g->docs[doc]);
        }
    }
    if (out->count) qsort(out->ids, out->count, sizeof *out->ids, compare_ids);
}

/* The last parts become one as long as they are of like size, or too many. */
static bool settle(struct search *s, const struct catalog_view *now) {
    while (s->count > 1 && (live_count(s, s->count - 2) < 2 * live_count(s, s->count - 1) || s->count == SEGMENTS_MAX)) {
        struct id_list titles = {0}, people = {0};
        for (size_t i = s->count - 2; i < s->count; i++)
            for (size_t doc = 0; doc < s->parts[i].segment->doc_count; doc++)
                if (!is_dead(s, i, doc)) id_add(doc < s->parts[i].segment->title_count ? &titles : &people, s->parts[i].segment->docs[doc]);
        if (titles.count) qsort(titles.ids, titles.count, sizeof *titles.ids, compare_ids);
        if (people.count) qsort(people.ids, people.count, sizeof *people.ids, compare_ids);
        struct segment *one = titles.has_failed || people.has_failed ? NULL : segment_create(now, titles.ids, titles.count, people.ids, people.count);
        uint64_t *dead = one ? mem_zalloc_array(one->doc_count / 64 + 1, sizeof *dead) : NULL;
        mem_free(titles.ids);
        mem_free(people.ids);
        if (!dead) {
            segment_give(one);
            return false;
        }
        for (size_t i = s->count - 2; i < s->count; i++) {
            segment_give(s->parts[i].segment);
            mem_free(s->parts[i].dead);
        }
        s->count--;
        s->parts[s->count - 1].segment = one;
        s->parts[s->count - 1].dead = dead;
        s->parts[s->count - 1].dead_count = 0;
    }
    return true;
}

struct search *search_after(struct search *old, const struct catalog_view *now, const struct catalog_title *former, const struct catalog_title *held,
                            const struct catalog_person *former_person, const struct catalog_person *held_person) {
    struct search *s = search_new();
    struct id_list titles = {0};
    bool is_whole = s != NULL;
    for (size_t i = 0; is_whole && i < old->count; i++) {
        size_t words = old->parts[i].segment->doc_count / 64 + 1;
        uint64_t *dead = mem_alloc(words * sizeof *dead);
        if (!dead) {
            is_whole = false;
            break;
        }
        if (old->parts[i].dead) memcpy(dead, old->parts[i].dead, words * sizeof *dead);
        else memset(dead, 0, words * sizeof *dead);
        s->parts[i].segment = old->parts[i].segment;
        s->parts[i].dead = dead;
        s->parts[i].dead_count = old->parts[i].dead_count;
        atomic_fetch_add_explicit(&s->parts[i].segment->references, 1, memory_order_relaxed);
        s->count++;
    }
    if (is_whole && former_person) titles_of_person(s, former_person->id, &titles);
    if (is_whole) {
        for (size_t i = 0; i < titles.count; i++) bury(s, titles.ids[i], false);
        if (former) bury(s, former->id, false);
        if (former_person) bury(s, former_person->id, true);
        if (held) {
            id_add(&titles, held->id);
            if (titles.count) qsort(titles.ids, titles.count, sizeof *titles.ids, compare_ids);
        }
        is_whole = !titles.has_failed;
    }
    if (is_whole && (titles.count || held_person)) {
        assert(s->count < SEGMENTS_MAX);
        struct segment *fresh = segment_create(now, titles.ids, titles.count, held_person ? &held_person->id : NULL, held_person != NULL);
        uint64_t *dead = fresh ? mem_zalloc_array(fresh->doc_count / 64 + 1, sizeof *dead) : NULL;
        if (dead) {
            s->parts[s->count].segment = fresh;
            s->parts[s->count].dead = dead;
            s->count++;
            is_whole = settle(s, now);
        } else {
            segment_give(fresh);
            is_whole = false;
        }
    }
    mem_free(titles.ids);
    if (!is_whole) search_give(&s);
    return s;
}

/* --- a query --- */

enum quality { EXACT, BEGINNING, ONE_EDIT, TWO_EDITS, QUALITIES };
/* Exact before beginning before typing error in each field, and name before original before person before genre before synopsis in each
 * quality; what is 0 is not looked for: a typing error in a synopsis would find anything. */
static const uint16_t scores[CATALOG_FIELDS][QUALITIES] = {
    [CATALOG_IN_NAME] = {1000, 800, 500, 350},   [CATALOG_IN_ORIGINAL] = {950, 760, 470, 330}, [CATALOG_IN_PERSON] = {900, 700, 400, 280},
    [CATALOG_IN_GENRE] = {600, 450, 0, 0},       [CATALOG_IN_SYNOPSIS] = {300, 150, 0, 0},
};
enum { SCORE_WHOLE = 300, SCORE_FIRST = 40, SCORE_LANGUAGE = 9, SYNOPSIS_BEGINNING_MIN = 3 };

struct unit {
    enum script script;
    bool is_prefix;
    char term[TERM_BYTES_MAX];
    size_t len;
    struct typo typo;
};
struct query {
    const struct catalog_question *q;
    const struct search *search;
    int lang;
    unsigned words; /* plain words: a name of as many that all are there as they stand is the one that was meant */
    struct unit *units;
    size_t count;
    /* while it is read */
    struct slice text;
    bool has_failed;
};
static struct slice unit_term(const struct unit *u) { return slice_of(u->term, u->len); }

static bool has_live(const struct search *s, size_t part, const uint32_t *postings, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!is_dead(s, part, posting_doc(postings[i]))) return true;
    return false;
}
/* Does anything that lives begin so? */
static bool is_beginning_of_any(const struct search *s, struct slice prefix) {
    for (size_t i = 0; i < s->count; i++) {
        const struct segment *g = s->parts[i].segment;
        for (size_t at = segment_term_at(g, prefix); at < g->term_count && slice_starts_with(segment_term(g, at), prefix); at++)
            if (has_live(s, i, g->strong + g->strong_at[at], g->strong_at[at + 1] - g->strong_at[at]) ||
                has_live(s, i, g->weak + g->weak_at[at], g->weak_at[at + 1] - g->weak_at[at]))
                return true;
    }
    return false;
}

static bool unit_add(struct query *query, const struct word *w, bool is_prefix) {
    if (query->count == CATALOG_QUERY_WORDS_MAX) return false;
    struct unit *u = &query->units[query->count++];
    u->script = w->script;
    u->is_prefix = is_prefix;
    memcpy(u->term, w->term, w->len);
    u->len = w->len;
    typo_begin(&u->typo, unit_term(u));
    if (w->script == SCRIPT_PAIRS) u->typo.edits = 0;
    return true;
}
static bool unit_of_pair(void *user, const struct word *w) { return w->is_more || unit_add(user, w, w->chars == 1); }
static bool unit_of_thai(void *user, const struct word *w) { return w->is_more || unit_add(user, w, true); }
static bool unit_of_run(void *user, const struct word *w) {
    struct query *query = user;
    struct slice run = slice_sub(query->text, w->from, w->to);
    bool is_last = w->to == query->text.len;
    size_t before = query->count;
    switch (w->script) {
    case SCRIPT_PAIRS: words_walk(run, unit_of_pair, query); break;
    case SCRIPT_THAI:
        if (w->chars < TERM_CHARS_MAX && is_beginning_of_any(query->search, word_term(w))) (void)unit_add(query, w, true);
        else words_walk(run, unit_of_thai, query);
        break;
    default: (void)unit_add(query, w, is_last && !query->q->is_whole); break;
    }
    return query->count > before;
}
static bool count_plain(void *user, const struct word *w) {
    *(unsigned *)user += !w->is_more;
    return true;
}

static struct err query_read(struct query *query, struct arena *arena, const struct catalog_question *q, const struct search *search) {
    struct slice text = slice_sub(q->query, 0, CATALOG_QUERY_BYTES_MAX);
    while (text.len && text.len == CATALOG_QUERY_BYTES_MAX && ((unsigned char)text.ptr[text.len - 1] & 0xc0) == 0x80) text.len--; /* not in a character */
    *query = (struct query){.q = q, .search = search, .text = slice_trim(text), .lang = -1};
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++)
        if (slice_eq(text_languages[i].code, q->lang)) query->lang = i;
    if (!(query->units = arena_alloc_array(arena, CATALOG_QUERY_WORDS_MAX, sizeof *query->units))) return err_memory();
    runs_walk(query->text, unit_of_run, query);
    words_walk(query->text, count_plain, &query->words);
    return ERR_OK;
}

/* --- one unit in one segment --- */

struct tally { /* of one segment: what its documents have so far */
    uint16_t *best; /* for the present unit; 0: nothing */
    uint16_t *total;
    uint8_t *had;   /* how many units */
    uint32_t *touched;
    size_t touched_count;
};

static unsigned score_of(const struct query *query, uint32_t p, enum quality quality) {
    enum catalog_field field = posting_field(p);
    unsigned score = scores[field][quality];
    if (!score) return 0;
    unsigned words = posting_words(p);
    score += posting_is_first(p) ? SCORE_FIRST : 0;
    score += posting_lang(p) == query->lang ? SCORE_LANGUAGE : 0;
    if (field <= CATALOG_IN_ORIGINAL) {
        score += (SEGMENT_FIELD_WORDS_MAX - words) * 2;
        if (quality == EXACT && words == query->words) score += SCORE_WHOLE;
    }
    return score;
}

static void postings_count(const struct query *query, struct tally *t, const uint32_t *postings, size_t count, enum quality quality, unsigned unit) {
    for (size_t i = 0; i < count; i++) {
        uint32_t doc = posting_doc(postings[i]);
        if (t->had[doc] != unit) continue;
        unsigned score = score_of(query, postings[i], quality);
        if (score <= t->best[doc]) continue;
        if (!t->best[doc]) t->touched[t->touched_count++] = doc;
        t->best[doc] = (uint16_t)score;
    }
}

static void term_count(const struct query *query, const struct segment *g, struct tally *t, size_t term, enum quality quality, unsigned unit) {
    const struct unit *u = &query->units[unit];
    if (!g->chars[term]) return; /* a person's key */
    postings_count(query, t, g->strong + g->strong_at[term], g->strong_at[term + 1] - g->strong_at[term], quality, unit);
    if (quality == EXACT || (quality == BEGINNING && u->typo.chars >= SYNOPSIS_BEGINNING_MIN))
        postings_count(query, t, g->weak + g->weak_at[term], g->weak_at[term + 1] - g->weak_at[term], quality, unit);
}

/* Terms that are the unit but for typing errors, and are not among those from `from` to `to`, which were counted. */
static void loose_count(const struct query *query, const struct segment *g, struct tally *t, unsigned unit, size_t from, size_t to) {
    enum { AT_ONCE = 512 };
    const struct typo *typo = &query->units[unit].typo;
    bool is_prefix = query->units[unit].is_prefix;
    size_t most = is_prefix || typo->chars + typo->edits > TERM_CHARS_MAX ? TERM_CHARS_MAX : typo->chars + typo->edits;
    for (size_t at = g->loose_at[typo->chars - typo->edits], end = g->loose_at[most + 1]; at < end; at += AT_ONCE) {
        uint32_t near[AT_ONCE];
        size_t count = typo_sift(typo->mask, g->loose_masks + at, end - at < AT_ONCE ? end - at : AT_ONCE, typo->edits, is_prefix, near);
        for (size_t i = 0; i < count; i++) {
            size_t term = g->loose[at + near[i]];
            if (term >= from && term < to) continue;
            unsigned distance = typo_distance(typo, segment_term(g, term), is_prefix);
            if (distance <= typo->edits) term_count(query, g, t, term, distance <= 1 ? ONE_EDIT : TWO_EDITS, unit);
        }
    }
}

static void unit_count(const struct query *query, const struct segment *g, struct tally *t, unsigned unit) {
    const struct unit *u = &query->units[unit];
    struct slice term = unit_term(u);
    size_t from, to, exact;
    segment_range(g, term, &from, &to);
    exact = from;
    bool is_there = exact < to && slice_eq(segment_term(g, exact), term);
    if (is_there) term_count(query, g, t, exact, EXACT, unit);
    if (!u->is_prefix) to = from + is_there;
    for (size_t i = from + is_there; i < to; i++) term_count(query, g, t, i, BEGINNING, unit);
    if (u->typo.edits) loose_count(query, g, t, unit, from, to);
    for (size_t i = 0; i < t->touched_count; i++) {
        uint32_t doc = t->touched[i];
        t->total[doc] = (uint16_t)(t->total[doc] + t->best[doc]);
        t->best[doc] = 0;
        t->had[doc] = (uint8_t)(unit + 1);
    }
}

/* --- the best --- */

struct found {
    int score;
    int64_t id;
    const void *what; /* title or person */
};
struct best { /* a heap, the worst on top */
    struct found *items;
    size_t count, most;
};
static bool is_worse(const struct found *a, const struct found *b) { return a->score != b->score ? a->score < b->score : a->id < b->id; }

static void sift(struct best *b, size_t at) {
    for (;;) {
        size_t worst = at, left = at * 2 + 1;
        for (size_t child = left; child < left + 2 && child < b->count; child++)
            if (is_worse(&b->items[child], &b->items[worst])) worst = child;
        if (worst == at) return;
        struct found kept = b->items[at];
        b->items[at] = b->items[worst];
        b->items[worst] = kept;
        at = worst;
    }
}
static void best_add(struct best *b, struct found one) {
    if (b->count < b->most) {
        b->items[b->count++] = one;
        if (b->count == b->most)
            for (size_t i = b->count; i-- > 0;) sift(b, i);
    } else {
        b->items[0] = one;
        sift(b, 0);
    }
}
static int compare_found(const void *a, const void *b) { return is_worse(a, b) ? 1 : is_worse(b, a) ? -1 : 0; }

static void collect(const struct query *query, const struct catalog_view *v, size_t part, const struct tally *t, struct best *titles, struct best *people) {
    const struct segment *g = query->search->parts[part].segment;
    for (size_t i = 0; i < t->touched_count; i++) {
        uint32_t doc = t->touched[i];
        bool is_title = doc < g->title_count;
        struct best *best = is_title ? titles : people;
        struct found one = {t->total[doc], g->docs[doc], NULL};
        if (best->count == best->most && !is_worse(&best->items[0], &one)) continue;
        if (is_dead(query->search, part, doc)) continue;
        if (is_title) {
            const struct catalog_title *title = catalog_find_id(v, one.id);
            if (!title || (query->q->has_kind && title->kind != query->q->kind) || (!query->q->shows_all && !catalog_is_shown(v, title))) continue;
            one.what = title;
        } else if (!(one.what = catalog_find_person(v, one.id)) || query->q->has_kind) {
            continue;
        }
        best_add(best, one);
    }
}

static struct err segment_search(const struct query *query, const struct catalog_view *v, size_t part, struct best *titles, struct best *people) {
    const struct segment *g = query->search->parts[part].segment;
    size_t n = g->doc_count;
    /* One block: what must be zero first. */
    char *room = mem_zalloc(n * 5 + 8);
    struct tally t = {.touched = mem_alloc((n + 1) * sizeof *t.touched)};
    struct err e = ERR_OK;
    if (room && t.touched) {
        t.best = (uint16_t *)room;
        t.total = t.best + n;
        t.had = (uint8_t *)(t.total + n);
        for (unsigned unit = 0; unit < query->count && (!unit || t.touched_count); unit++) {
            t.touched_count = 0;
            unit_count(query, g, &t, unit);
        }
        collect(query, v, part, &t, titles, people);
    } else {
        e = err_memory();
    }
    mem_free(room);
    mem_free(t.touched);
    return e;
}

/* --- where it stands --- */

struct marking {
    const struct query *query;
    struct slice text;
    bool may_err;        /* typing errors count in this field */
    unsigned had;        /* a bit per unit */
    struct {
        size_t from, to;
    } ranges[CATALOG_RANGES_MAX * 2];
    size_t count;
};

static void mark(struct marking *m, size_t from, size_t to) {
    for (size_t i = 0; i < m->count; i++)
        if (from <= m->ranges[i].to && to >= m->ranges[i].from) { /* touching: one range */
            if (from < m->ranges[i].from) m->ranges[i].from = from;
            if (to > m->ranges[i].to) m->ranges[i].to = to;
            return;
        }
    if (m->count < ARRAY_LEN(m->ranges)) {
        m->ranges[m->count].from = from;
        m->ranges[m->count++].to = to;
    }
}
static bool mark_word(void *user, const struct word *w) {
    struct marking *m = user;
    for (size_t i = 0; i < m->query->count; i++) {
        const struct unit *u = &m->query->units[i];
        struct slice term = word_term(w), wanted = unit_term(u);
        size_t to = 0;
        if (slice_eq(term, wanted)) to = w->to;
        else if (u->is_prefix && slice_starts_with(term, wanted)) to = w->from + word_bytes_of(m->text, w->from, w->to, u->typo.chars);
        else if (m->may_err && u->typo.edits && !w->is_more && w->script != SCRIPT_PAIRS && typo_distance(&u->typo, term, u->is_prefix) <= u->typo.edits) to = w->to;
        if (!to) continue;
        m->had |= 1u << i;
        mark(m, w->from, to);
    }
    return true;
}

static int compare_ranges(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

/* Of a long text the part around the first mark. */
static struct slice excerpt(struct arena *arena, struct slice text, const struct marking *m, size_t *cut) {
    enum { BEFORE = 60, SHOWN = 240 };
    *cut = 0;
    if (text.len <= SHOWN || !m->count) return slice_sub(text, 0, text.len);
    size_t from = m->ranges[0].from > BEFORE ? m->ranges[0].from - BEFORE : 0, to = from + SHOWN < text.len ? from + SHOWN : text.len;
    while (from && ((unsigned char)text.ptr[from] & 0xc0) == 0x80) from--;
    while (from && from < m->ranges[0].from && text.ptr[from] != ' ' && (unsigned char)text.ptr[from] < 0x80) from++; /* to the next word */
    if (from && text.ptr[from] == ' ') from++;
    while (to < text.len && ((unsigned char)text.ptr[to] & 0xc0) == 0x80) to--;
    struct slice shown = arena_printf(arena, "%s%.*s%s", from ? "…" : "", (int)(to - from), text.ptr + from, to < text.len ? "…" : "");
    *cut = from;
    return shown;
}

/* UTF-16 code units in the first `bytes` of a text. */
static uint32_t utf16_of(struct slice text, size_t bytes) {
    uint32_t units = 0;
    for (size_t i = 0; i < bytes && i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        units += (c & 0xc0) != 0x80; /* one for each character, */
        units += c >= 0xf0;          /* two beyond the first plane */
    }
    return units;
}

static bool match_try(const struct query *query, struct arena *arena, enum catalog_field field, struct slice text, unsigned *most, struct catalog_match *out) {
    if (!text.len) return false;
    struct marking m = {.query = query, .text = text, .may_err = scores[field][ONE_EDIT] > 0};
    words_walk(text, mark_word, &m);
    unsigned had = (unsigned)__builtin_popcount(m.had);
    if (had <= *most) return false;
    *most = had;
    qsort(m.ranges, m.count, sizeof m.ranges[0], compare_ranges);
    size_t cut = 0;
    struct slice shown = field == CATALOG_IN_SYNOPSIS ? excerpt(arena, text, &m, &cut) : text;
    uint32_t lead = cut ? 1 : 0; /* the dots */
    *out = (struct catalog_match){.field = field, .text = shown};
    for (size_t i = 0; i < m.count && out->range_count < CATALOG_RANGES_MAX; i++) {
        uint32_t base = utf16_of(text, cut), from = utf16_of(text, m.ranges[i].from) - base + lead, to = utf16_of(text, m.ranges[i].to) - base + lead;
        uint32_t end = utf16_of(shown, shown.len);
        if (m.ranges[i].from < cut || to > end) continue;
        out->ranges[out->range_count].from = from;
        out->ranges[out->range_count++].to = to;
    }
    return had == query->count;
}

/* The text that shows best why it was found: the first that has all the words, else the one with the most. */
static void match_title(const struct query *query, struct arena *arena, const struct catalog_view *v, const struct catalog_title *t, struct catalog_match *out) {
    unsigned most = 0;
    *out = (struct catalog_match){.field = CATALOG_IN_NAME, .text = catalog_text_in(t, query->q->lang).name};
    if (match_try(query, arena, CATALOG_IN_NAME, out->text, &most, out)) return;
    for (int lang = 0; lang < TEXT_LANGUAGE_COUNT; lang++)
        if (match_try(query, arena, CATALOG_IN_NAME, t->texts[lang].name, &most, out)) return;
    if (match_try(query, arena, CATALOG_IN_ORIGINAL, t->original_name, &most, out)) return;
    for (size_t i = 0; i < t->people_count; i++) {
        const struct catalog_person *p = catalog_find_person(v, t->people[i].person_id);
        if (p && match_try(query, arena, CATALOG_IN_PERSON, catalog_person_name_in(p, query->q->lang), &most, out)) return;
        for (int lang = 0; p && lang < TEXT_LANGUAGE_COUNT; lang++)
            if (match_try(query, arena, CATALOG_IN_PERSON, p->names[lang], &most, out)) return;
    }
    for (struct slice rest = t->genres, genre; rest.len && slice_next(&rest, ' ', &genre);) {
        char code[48];
        snprintf(code, sizeof code, "genre.%.*s", SLICE_ARG(genre));
        for (int lang = -1; lang < TEXT_LANGUAGE_COUNT; lang++) {
            struct slice name = text_lookup(lang < 0 ? query->q->lang : text_languages[lang].code, slice_cstr(code));
            if (match_try(query, arena, CATALOG_IN_GENRE, name.len ? name : genre, &most, out)) return;
        }
    }
    if (match_try(query, arena, CATALOG_IN_SYNOPSIS, catalog_text_in(t, query->q->lang).synopsis, &most, out)) return;
    for (int lang = 0; lang < TEXT_LANGUAGE_COUNT; lang++)
        if (match_try(query, arena, CATALOG_IN_SYNOPSIS, t->texts[lang].synopsis, &most, out)) return;
}

static void match_person(const struct query *query, struct arena *arena, const struct catalog_person *p, struct catalog_match *out) {
    unsigned most = 0;
    *out = (struct catalog_match){.field = CATALOG_IN_NAME, .text = catalog_person_name_in(p, query->q->lang)};
    if (match_try(query, arena, CATALOG_IN_NAME, out->text, &most, out)) return;
    for (int lang = 0; lang < TEXT_LANGUAGE_COUNT; lang++)
        if (match_try(query, arena, CATALOG_IN_NAME, p->names[lang], &most, out)) return;
}

static struct err people_fill(const struct query *query, struct arena *arena, const struct catalog_view *v, const struct best *best, struct catalog_hits *out) {
    for (size_t i = 0; i < out->people_count; i++) {
        struct catalog_person_hit *hit = &out->people[i];
        *hit = (struct catalog_person_hit){.person = best->items[i].what, .score = best->items[i].score};
        match_person(query, arena, hit->person, &hit->match);
        struct id_list titles = {0};
        titles_of_person(query->search, hit->person->id, &titles);
        for (size_t k = titles.count; k-- > 0 && hit->title_count < ARRAY_LEN(hit->titles);) {
            const struct catalog_title *t = catalog_find_id(v, titles.ids[k]);
            if (t && (query->q->shows_all || catalog_is_shown(v, t))) hit->titles[hit->title_count++] = t;
        }
        mem_free(titles.ids);
        if (titles.has_failed) return err_memory();
    }
    return ERR_OK;
}

struct err catalog_search(const struct catalog_view *v, struct arena *arena, const struct catalog_question *q, struct catalog_hits *out) {
    size_t limit = !q->limit ? 20 : q->limit > CATALOG_HITS_MAX ? CATALOG_HITS_MAX : q->limit;
    const struct search *search = search_of(v);
    if (!search) return err_memory();
    struct query query;
    struct err e = query_read(&query, arena, q, search);
    if (e.kind) return e;
    struct best titles = {.items = arena_alloc_array(arena, limit + 1, sizeof *titles.items), .most = limit + 1};
    struct best people = {.items = arena_alloc_array(arena, limit + 1, sizeof *people.items), .most = limit + 1};
    struct catalog_hits hits = {.titles = arena_alloc_array(arena, limit, sizeof *hits.titles), .people = arena_alloc_array(arena, limit, sizeof *hits.people)};
    if (!titles.items || !people.items || !hits.titles || !hits.people) return err_memory();
    for (size_t part = 0; query.count && !e.kind && part < search->count; part++) e = segment_search(&query, v, part, &titles, &people);
    if (e.kind) return e;
    qsort(titles.items, titles.count, sizeof *titles.items, compare_found);
    qsort(people.items, people.count, sizeof *people.items, compare_found);
    hits.is_more = titles.count > limit;
    hits.title_count = titles.count < limit ? titles.count : limit;
    hits.people_count = people.count < limit ? people.count : limit;
    for (size_t i = 0; i < hits.title_count; i++) {
        hits.titles[i].title = titles.items[i].what;
        hits.titles[i].score = titles.items[i].score;
        match_title(&query, arena, v, hits.titles[i].title, &hits.titles[i].match);
    }
    if (!(e = people_fill(&query, arena, v, &people, &hits)).kind) *out = hits;
    return e;
}
