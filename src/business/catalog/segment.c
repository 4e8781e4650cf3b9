/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/catalog/segment.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "business/catalog/typo.h"

/* --- gathering --- */

struct entry { /* a term while the index is being made */
    uint32_t text_at, len, chars, last;
    uint32_t strong, weak; /* how many postings */
    bool is_plain;         /* a word for itself, at least once */
    uint64_t hash;
};
struct pair {
    uint32_t entry, posting;
};
struct builder {
    char *text;
    size_t text_len, text_room;
    struct entry *entries;
    size_t count, room;
    uint32_t *table; /* hash to entry + 1 */
    size_t table_room;
    struct pair *pairs; /* strong and weak, in order of documents */
    size_t pair_count, pair_room;
    bool has_failed;
    /* of the field that is being read */
    uint32_t doc;
    enum catalog_field field;
    int lang;
    unsigned words;
    size_t first_at; /* where its first word begins */
    bool is_first;
};

static bool room_for(void **array, size_t *room, size_t wanted, size_t each) {
    if (wanted <= *room) return true;
    size_t more = *room ? *room * 2 : 1024;
    while (more < wanted) more *= 2;
    void *bigger = mem_realloc_array(*array, more, each);
    if (!bigger) return false;
    *array = bigger;
    *room = more;
    return true;
}

static bool table_grow(struct builder *b) {
    size_t room = b->table_room ? b->table_room * 2 : 4096;
    uint32_t *table = mem_zalloc_array(room, sizeof *table);
    if (!table) return false;
    for (size_t i = 0; i < b->count; i++) {
        size_t at = b->entries[i].hash & (room - 1);
        while (table[at]) at = (at + 1) & (room - 1);
        table[at] = (uint32_t)i + 1;
    }
    mem_free(b->table);
    b->table = table;
    b->table_room = room;
    return true;
}

static struct entry *entry_of(struct builder *b, struct slice term, size_t chars) {
    if (b->count * 2 >= b->table_room && !table_grow(b)) return NULL;
    uint64_t hash = slice_hash(term);
    size_t at = hash & (b->table_room - 1);
    for (; b->table[at]; at = (at + 1) & (b->table_room - 1)) {
        struct entry *e = &b->entries[b->table[at] - 1];
        if (e->hash == hash && slice_eq(slice_of(b->text + e->text_at, e->len), term)) return e;
    }
    if (!room_for((void **)&b->entries, &b->room, b->count + 1, sizeof *b->entries) ||
        !room_for((void **)&b->text, &b->text_room, b->text_len + term.len, 1))
        return NULL;
    struct entry *e = &b->entries[b->count++];
    *e = (struct entry){.text_at = (uint32_t)b->text_len, .len = (uint32_t)term.len, .chars = (uint32_t)chars, .last = UINT32_MAX, .hash = hash};
    memcpy(b->text + b->text_len, term.ptr, term.len);
    b->text_len += term.len;
    b->table[at] = (uint32_t)b->count;
    return e;
}

static void term_put(struct builder *b, struct slice term, size_t chars, bool is_plain) {
    struct entry *e = entry_of(b, term, chars);
    if (!e || !room_for((void **)&b->pairs, &b->pair_room, b->pair_count + 1, sizeof *b->pairs)) {
        b->has_failed = true;
        return;
    }
    e->is_plain |= is_plain;
    uint32_t here = posting_of(b->doc, b->field, b->lang, false, 0);
    if (e->last == here) return; /* again in the same field: the first time said it all */
    e->last = here;
    bool is_weak = b->field == CATALOG_IN_SYNOPSIS;
    e->strong += !is_weak;
    e->weak += is_weak;
    b->pairs[b->pair_count++] = (struct pair){(uint32_t)(e - b->entries), posting_of(b->doc, b->field, b->lang, b->is_first, 0)};
}

static bool put_word(void *user, const struct word *w) {
    struct builder *b = user;
    b->words += !w->is_more && b->words < SEGMENT_FIELD_WORDS_MAX;
    if (w->is_more && w->script == SCRIPT_THAI && b->field == CATALOG_IN_SYNOPSIS) return true; /* rows of words, each its own: too many for their use */
    if (b->first_at == SIZE_MAX) b->first_at = w->from;
    b->is_first = w->from == b->first_at; /* also the row of words that begins there */
    term_put(b, word_term(w), w->chars, !w->is_more);
    return !b->has_failed;
}
static void field_put(struct builder *b, enum catalog_field field, int lang, struct slice text) {
    if (!text.len || b->has_failed) return;
    b->field = field;
    b->lang = lang;
    b->words = 0;
    b->first_at = SIZE_MAX;
    size_t first = b->pair_count;
    words_walk(text, put_word, b);
    for (size_t i = first; i < b->pair_count; i++) b->pairs[i].posting |= b->words; /* how many there are is known now */
}

struct slice segment_person_key(int64_t person_id, char room[PERSON_KEY_BYTES]) {
    room[0] = 1; /* no word begins so */
    memcpy(room + 1, &person_id, sizeof person_id);
    return slice_of(room, PERSON_KEY_BYTES);
}

static void title_put(struct builder *b, const struct catalog_view *v, const struct catalog_title *t) {
    for (int lang = 0; lang < TEXT_LANGUAGE_COUNT; lang++) field_put(b, CATALOG_IN_NAME, lang, t->texts[lang].name);
    field_put(b, CATALOG_IN_ORIGINAL, 0, t->original_name);
    for (size_t i = 0; i < t->people_count; i++) {
        const struct catalog_person *p = catalog_find_person(v, t->people[i].person_id);
        char room[PERSON_KEY_BYTES];
        if (!p) continue;
        for (int lang = 0; lang < TEXT_LANGUAGE_COUNT; lang++) field_put(b, CATALOG_IN_PERSON, lang, p->names[lang]);
        b->field = CATALOG_IN_PERSON;
        b->lang = 0;
        b->is_first = false;
        term_put(b, segment_person_key(p->id, room), 0, false);
    }
    for (struct slice rest = t->genres, genre; rest.len && slice_next(&rest, ' ', &genre);) {
        char code[48];
        snprintf(code, sizeof code, "genre.%.*s", SLICE_ARG(genre));
        for (int lang = 0; lang < TEXT_LANGUAGE_COUNT; lang++) {
            struct slice name = text_lookup(text_languages[lang].code, slice_cstr(code));
            field_put(b, CATALOG_IN_GENRE, lang, name.len ? name : genre);
        }
    }
    for (int lang = 0; lang < TEXT_LANGUAGE_COUNT; lang++) field_put(b, CATALOG_IN_SYNOPSIS, lang, t->texts[lang].synopsis);
}

/* --- laying out --- */

struct sorted {
    struct slice term;
    uint32_t entry;
};
static int compare_terms(const void *a, const void *b) { return slice_compare(((const struct sorted *)a)->term, ((const struct sorted *)b)->term); }

static void *part(struct segment *s, size_t count, size_t each, bool *is_whole) {
    void *memory = mem_alloc(count * each + 1);
    s->bytes += count * each;
    if (!memory) *is_whole = false;
    return memory;
}

static void segment_free(struct segment *s) {
    if (!s) return;
    mem_free(s->docs);
    mem_free(s->text);
    mem_free(s->text_at);
    mem_free(s->chars);
    mem_free(s->loose);
    mem_free(s->loose_masks);
    mem_free(s->strong_at);
    mem_free(s->strong);
    mem_free(s->weak_at);
    mem_free(s->weak);
    mem_free(s);
}
void segment_give(struct segment *s) {
    if (s && atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) == 1) segment_free(s);
}

static bool is_loose(const struct entry *e) { return e->is_plain && e->chars <= TERM_CHARS_MAX; }

/* The terms lie in order; `order` tells their entries. */
static bool lay_out_loose(struct segment *s, const struct builder *b, const struct sorted *order) {
    bool is_whole = true;
    uint32_t at[TERM_CHARS_MAX + 1] = {0};
    for (size_t i = 0; i < s->term_count; i++)
        if (is_loose(&b->entries[i])) at[b->entries[i].chars]++;
    for (size_t chars = 0; chars <= TERM_CHARS_MAX; chars++) {
        s->loose_at[chars + 1] = s->loose_at[chars] + at[chars];
        at[chars] = s->loose_at[chars];
    }
    uint32_t count = s->loose_at[TERM_CHARS_MAX + 1];
    s->loose = part(s, count, sizeof *s->loose, &is_whole);
    s->loose_masks = part(s, count, sizeof *s->loose_masks, &is_whole);
    for (size_t i = 0; is_whole && i < s->term_count; i++) {
        const struct entry *e = &b->entries[order[i].entry];
        if (!is_loose(e)) continue;
        uint32_t to = at[e->chars]++;
        s->loose[to] = (uint32_t)i;
        s->loose_masks[to] = typo_mask(order[i].term);
    }
    return is_whole;
}

/* Terms in order, then postings below each in the order in which they came: of documents. */
static bool lay_out(struct segment *s, struct builder *b) {
    bool is_whole = true;
    size_t strong = 0, weak = 0, n = b->count;
    struct sorted *order = mem_alloc((n + 1) * sizeof *order);
    uint32_t *strong_next = mem_alloc((n + 1) * sizeof *strong_next), *weak_next = mem_alloc((n + 1) * sizeof *weak_next);
    for (size_t i = 0; i < b->pair_count; i++) {
        bool is_weak = posting_field(b->pairs[i].posting) == CATALOG_IN_SYNOPSIS;
        strong += !is_weak;
        weak += is_weak;
    }
    s->text = part(s, b->text_len, 1, &is_whole);
    s->text_at = part(s, n + 1, sizeof *s->text_at, &is_whole);
    s->chars = part(s, n, 1, &is_whole);
    s->strong_at = part(s, n + 1, sizeof *s->strong_at, &is_whole);
    s->weak_at = part(s, n + 1, sizeof *s->weak_at, &is_whole);
    s->strong = part(s, strong, sizeof *s->strong, &is_whole);
    s->weak = part(s, weak, sizeof *s->weak, &is_whole);
    if (order && strong_next && weak_next && is_whole) {
        for (size_t i = 0; i < n; i++) order[i] = (struct sorted){slice_of(b->text + b->entries[i].text_at, b->entries[i].len), (uint32_t)i};
        qsort(order, n, sizeof *order, compare_terms);
        uint32_t text_at = 0, strong_at = 0, weak_at = 0;
        for (size_t i = 0; i < n; i++) {
            const struct entry *e = &b->entries[order[i].entry];
            memcpy(s->text + text_at, order[i].term.ptr, order[i].term.len);
            s->text_at[i] = text_at;
            s->strong_at[i] = strong_next[order[i].entry] = strong_at;
            s->weak_at[i] = weak_next[order[i].entry] = weak_at;
            s->chars[i] = (uint8_t)e->chars;
            text_at += e->len;
            strong_at += e->strong;
            weak_at += e->weak;
        }
        s->text_at[n] = text_at;
        s->strong_at[n] = strong_at;
        s->weak_at[n] = weak_at;
        s->term_count = n;
        is_whole = lay_out_loose(s, b, order);
        for (size_t i = 0; i < b->pair_count; i++) {
            const struct pair *p = &b->pairs[i];
            if (posting_field(p->posting) == CATALOG_IN_SYNOPSIS) s->weak[weak_next[p->entry]++] = p->posting;
            else s->strong[strong_next[p->entry]++] = p->posting;
        }
    } else {
        is_whole = false;
    }
    mem_free(order);
    mem_free(strong_next);
    mem_free(weak_next);
    return is_whole;
}

struct segment *segment_create(const struct catalog_view *v, const int64_t *titles, size_t title_count, const int64_t *people, size_t people_count) {
    struct segment *s = mem_zalloc(sizeof *s);
    if (!s) return NULL;
    atomic_init(&s->references, 1);
    s->bytes = sizeof *s;
    struct builder b = {0};
    bool is_whole = true;
    s->docs = part(s, title_count + people_count, sizeof *s->docs, &is_whole);
    for (size_t i = 0; is_whole && !b.has_failed && i < title_count; i++) {
        const struct catalog_title *t = catalog_find_id(v, titles[i]);
        if (!t) continue;
        b.doc = (uint32_t)s->doc_count;
        s->docs[s->doc_count++] = t->id;
        title_put(&b, v, t);
    }
    s->title_count = s->doc_count;
    for (size_t i = 0; is_whole && !b.has_failed && i < people_count; i++) {
        const struct catalog_person *p = catalog_find_person(v, people[i]);
        if (!p) continue;
        b.doc = (uint32_t)s->doc_count;
        s->docs[s->doc_count++] = p->id;
        for (int lang = 0; lang < TEXT_LANGUAGE_COUNT; lang++) field_put(&b, CATALOG_IN_NAME, lang, p->names[lang]);
    }
    if (is_whole) is_whole = !b.has_failed && lay_out(s, &b);
    mem_free(b.text);
    mem_free(b.entries);
    mem_free(b.table);
    mem_free(b.pairs);
    if (is_whole) return s;
    segment_free(s);
    return NULL;
}

/* --- looking up --- */

size_t segment_term_at(const struct segment *s, struct slice term) {
    size_t low = 0, high = s->term_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (slice_compare(segment_term(s, middle), term) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

void segment_range(const struct segment *s, struct slice prefix, size_t *from, size_t *to) {
    *from = segment_term_at(s, prefix);
    size_t low = *from, high = s->term_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (slice_starts_with(segment_term(s, middle), prefix)) low = middle + 1;
        else high = middle;
    }
    *to = low;
}

size_t segment_doc(const struct segment *s, int64_t id, bool is_person) {
    size_t first = is_person ? s->title_count : 0, end = is_person ? s->doc_count : s->title_count, low = first, high = end;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->docs[middle] < id) low = middle + 1;
        else high = middle;
    }
    return low < end && s->docs[low] == id ? low : SIZE_MAX;
}
