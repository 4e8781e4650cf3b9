/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/catalog/view.h"

#include "base/mem.h"
#include "base/utf8.h"

/* --- letters: of Unicode's simple case folding the alphabets that our users write. Keeps each character's length. --- */

static uint32_t fold(uint32_t c) {
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F)) return c + 32;
    if (c >= 0x400 && c <= 0x40F) return c + 80;
    if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177)) return c | 1;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c % 2 ? c + 1 : c;
    return c;
}

/* Bytes that are no UTF-8 (the end of a query cut in a character) are copied. */
static size_t fold_into(char *out, struct slice s) {
    for (size_t at = 0; at < s.len;) {
        uint32_t c;
        size_t step = utf8_decode(slice_sub(s, at, s.len), &c);
        if (step == 0) {
            out[at] = s.ptr[at];
            at++;
            continue;
        }
        char folded[4];
        size_t folded_len = utf8_encode(fold(c), folded);
        memcpy(out + at, folded_len == step ? folded : s.ptr + at, step);
        at += step;
    }
    return s.len;
}

bool catalog_matches(const struct catalog_title *t, struct slice query) {
    char folded[400];
    query = slice_sub(query, 0, sizeof folded);
    struct slice words = slice_of(folded, fold_into(folded, query)), word;
    for (size_t i = 0; i < words.len; i++)
        if (folded[i] == '\n') folded[i] = ' '; /* it stands between names in what is searched */
    while (slice_next(&words, ' ', &word))
        if (word.len && slice_find(t->folded, word) == SLICE_NPOS) return false;
    return true;
}

static void text_prefer(struct catalog_text *text, const struct catalog_text *better) {
    if (better->name.len) text->name = better->name;
    if (better->synopsis.len) text->synopsis = better->synopsis;
}

struct catalog_text catalog_text_in(const struct catalog_title *t, struct slice lang) {
    struct catalog_text text = {0};
    for (int i = TEXT_LANGUAGE_COUNT - 1; i >= 0; i--) text_prefer(&text, &t->texts[i]); /* English, the first, comes last and wins */
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++)
        if (slice_eq(text_languages[i].code, lang)) text_prefer(&text, &t->texts[i]);
    return text;
}

/* --- titles --- */

static struct slice keep(char **at, struct slice s) {
    if (!s.len) return SLICE_NONE;
    memcpy(*at, s.ptr, s.len);
    struct slice kept = slice_of(*at, s.len);
    *at += s.len;
    return kept;
}

struct held_title *held_title_create(int64_t org_id, const struct db_rows *titles, size_t row, const struct db_rows *texts, size_t *text_row) {
    size_t id_at = db_column(texts, "title_id"), lang_at = db_column(texts, "lang"), name_at = db_column(texts, "name"),
           synopsis_at = db_column(texts, "synopsis");
    int64_t id = db_int(titles, row, "id");
    struct slice genres = db_text(titles, row, "genres"), tracks = db_text(titles, row, "tracks"), external = db_text(titles, row, "external_id");
    size_t first = *text_row, end, bytes = genres.len + tracks.len + external.len;
    while (first < texts->count && db_cell(texts, first, id_at)->integer < id) first++; /* of titles beyond the limit */
    for (end = first; end < texts->count && db_cell(texts, end, id_at)->integer == id; end++)
        bytes += db_cell(texts, end, name_at)->bytes.len * 2 + 1 + db_cell(texts, end, synopsis_at)->bytes.len;

    struct held_title *held = mem_alloc(sizeof *held + bytes); /* not cleared: ten thousand of these are made at start */
    if (!held) return NULL;
    atomic_init(&held->references, 1);
    struct catalog_title *t = &held->title;
    *t = (struct catalog_title){
        .id = id,
        .org_id = org_id,
        .parent_id = db_int(titles, row, "parent_id"),
        .kind = (enum catalog_kind)db_int(titles, row, "kind"),
        .status = (enum catalog_status)db_int(titles, row, "status"),
        .season = (int)db_int(titles, row, "season"),
        .episode = (int)db_int(titles, row, "episode"),
        .year = (int)db_int(titles, row, "year"),
        .duration_ms = db_int(titles, row, "duration_ms"),
        .colour = (uint32_t)db_int(titles, row, "colour") & 0xffffff,
        .poster_version = db_int(titles, row, "poster_version"),
        .portrait_version = db_int(titles, row, "portrait_version"),
        .starts_ms = db_int(titles, row, "starts_ms"),
        .started_ms = db_int(titles, row, "started_ms"),
        .ended_ms = db_int(titles, row, "ended_ms"),
        .version = db_int(titles, row, "version"),
    };
    if (!public_id_parse(db_text(titles, row, "public_id"), &t->public_id)) t->public_id = (struct public_id){0}; /* nobody finds it */
    if (!public_id_parse(db_text(titles, row, "parent"), &t->parent)) t->parent = (struct public_id){0};
    char *at = held->strings;
    t->genres = keep(&at, genres);
    t->tracks = keep(&at, tracks);
    t->external_id = keep(&at, external);
    for (size_t i = first; i < end; i++) {
        int64_t lang = db_cell(texts, i, lang_at)->integer;
        if (lang < 0 || lang >= TEXT_LANGUAGE_COUNT) continue; /* of a newer program that speaks more */
        t->texts[lang].name = keep(&at, db_cell(texts, i, name_at)->bytes);
        t->texts[lang].synopsis = keep(&at, db_cell(texts, i, synopsis_at)->bytes);
    }
    char *folded = at;
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) {
        if (!t->texts[i].name.len) continue;
        at += fold_into(at, t->texts[i].name);
        *at++ = '\n'; /* so that nothing is found across two names */
    }
    t->folded = slice_of(folded, (size_t)(at - folded));
    *text_row = end;
    return held;
}

static struct held_title *held(const struct catalog_title *t) { return (struct held_title *)(uintptr_t)t; }

void held_title_give(const struct catalog_title *t) {
    if (t && atomic_fetch_sub_explicit(&held(t)->references, 1, memory_order_acq_rel) == 1) mem_free(held(t));
}

/* --- views --- */

static uint64_t place_of(const struct catalog_view *v, struct slice public_id) { return slice_hash(public_id) & (v->place_count - 1); }

struct catalog_view *view_create(const struct catalog_title **titles, size_t count) {
    struct catalog_view *v = mem_zalloc(sizeof *v);
    if (v) {
        v->place_count = 16;
        while (v->place_count < count * 2) v->place_count *= 2;
        v->owned = mem_zalloc_array(count + 1, sizeof *v->owned);
        v->places = mem_zalloc_array(v->place_count, sizeof *v->places);
    }
    if (!v || !v->owned || !v->places) {
        for (size_t i = 0; i < count; i++) held_title_give(titles[i]);
        if (v) {
            mem_free(v->owned);
            mem_free(v->places);
        }
        mem_free(v);
        return NULL;
    }
    if (count) memcpy(v->owned, titles, count * sizeof *titles);
    v->titles = v->owned;
    v->count = count;
    atomic_init(&v->references, 1);
    for (size_t i = 0; i < count; i++) {
        uint64_t place = place_of(v, public_id_slice(&titles[i]->public_id));
        while (v->places[place]) place = (place + 1) & (v->place_count - 1);
        v->places[place] = (uint32_t)i + 1;
    }
    return v;
}

const struct catalog_title *catalog_find(const struct catalog_view *v, struct slice public_id) {
    if (public_id.len != PUBLIC_ID_LEN) return NULL;
    for (uint64_t place = place_of(v, public_id); v->places[place]; place = (place + 1) & (v->place_count - 1)) {
        const struct catalog_title *t = v->titles[v->places[place] - 1];
        if (slice_eq(public_id_slice(&t->public_id), public_id)) return t;
    }
    return NULL;
}

const struct catalog_title *catalog_find_external(const struct catalog_view *v, struct slice external_id) {
    for (size_t i = 0; external_id.len && i < v->count; i++)
        if (slice_eq(v->titles[i]->external_id, external_id)) return v->titles[i];
    return NULL;
}

struct catalog_view *view_with(const struct catalog_view *old, struct slice public_id, const struct catalog_title *title) {
    const struct catalog_title **titles = mem_alloc((old->count + 1) * sizeof *titles);
    if (!titles) {
        held_title_give(title);
        return NULL;
    }
    size_t count = 0;
    bool is_placed = !title;
    for (size_t i = 0; i < old->count; i++) {
        const struct catalog_title *t = old->titles[i];
        if (slice_eq(public_id_slice(&t->public_id), public_id)) continue;
        if (!is_placed && t->id > title->id) {
            titles[count++] = title;
            is_placed = true;
        }
        atomic_fetch_add_explicit(&held(t)->references, 1, memory_order_relaxed);
        titles[count++] = t;
    }
    if (!is_placed) titles[count++] = title;
    struct catalog_view *v = view_create(titles, count);
    mem_free(titles);
    return v;
}

void catalog_view_give(struct catalog_view **view) {
    struct catalog_view *v = *view;
    *view = NULL;
    if (!v || atomic_fetch_sub_explicit(&v->references, 1, memory_order_acq_rel) > 1) return;
    for (size_t i = 0; i < v->count; i++) held_title_give(v->titles[i]);
    mem_free(v->owned);
    mem_free(v->places);
    mem_free(v);
}
