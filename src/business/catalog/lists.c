/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Lists for rows: one walk over all titles when a view is first asked, what was found is kept with the view. A home page
 * with twenty rows then costs twenty look-ups, and a change costs nothing until somebody looks. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/thread.h"
#include "business/catalog/view.h"

enum { GENRES_MAX = 256 }; /* that have lists; a catalogue with more has spelling mistakes, not genres */

struct filled_list {
    const struct catalog_title *items[CATALOG_LIST_MAX];
    size_t count, found; /* found: also those for which there was no room */
    struct slice code;   /* of a genre: borrowed from a title of the view */
};
struct view_lists {
    struct filled_list newest, free, on_air, upcoming, kinds[CATALOG_KINDS];
    struct filled_list *genres;
    size_t genre_count, genre_room;
    struct other_name *others; /* sorted by text */
    size_t other_count;
};
struct other_name { /* an external id or an EIDR */
    struct slice text;
    const struct catalog_title *title;
};

void view_lists_free(struct view_lists *l) {
    if (!l) return;
    mem_free(l->genres);
    mem_free(l->others);
    mem_free(l);
}

static void add(struct filled_list *l, const struct catalog_title *t) {
    l->found++;
    if (l->count < CATALOG_LIST_MAX) l->items[l->count++] = t;
}

/* On air, the latest first; announced, the next first, those without a date last. */
static int64_t event_time(const struct catalog_title *t) { return t->status == CATALOG_LIVE ? -t->started_ms : t->starts_ms ? t->starts_ms : INT64_MAX; }
static void add_event(struct filled_list *l, const struct catalog_title *t) {
    l->found++;
    size_t at = l->count < CATALOG_LIST_MAX ? l->count++ : CATALOG_LIST_MAX;
    while (at > 0 && event_time(l->items[at - 1]) > event_time(t)) {
        if (at < CATALOG_LIST_MAX) l->items[at] = l->items[at - 1];
        at--;
    }
    if (at < CATALOG_LIST_MAX) l->items[at] = t;
}

/* NULL: memory, or there are too many. */
static struct filled_list *genre_of(struct view_lists *l, struct slice code) {
    for (size_t i = 0; i < l->genre_count; i++)
        if (slice_eq(l->genres[i].code, code)) return &l->genres[i];
    if (l->genre_count == l->genre_room) {
        size_t room = l->genre_room ? l->genre_room * 2 : 16;
        struct filled_list *more = room <= GENRES_MAX ? mem_realloc_array(l->genres, room, sizeof *more) : NULL;
        if (!more) return NULL;
        l->genres = more;
        l->genre_room = room;
    }
    struct filled_list *fresh = &l->genres[l->genre_count++];
    fresh->count = fresh->found = 0;
    fresh->code = code;
    return fresh;
}

static int compare_others(const void *a, const void *b) { return slice_compare(((const struct other_name *)a)->text, ((const struct other_name *)b)->text); }

static struct view_lists *lists_make(const struct catalog_view *v) {
    struct view_lists *l = mem_zalloc(sizeof *l);
    if (!l) return NULL;
    if (!(l->others = mem_alloc((v->count * 2 + 1) * sizeof *l->others))) {
        mem_free(l);
        return NULL;
    }
    for (size_t i = v->count; i-- > 0;) { /* newest first */
        const struct catalog_title *t = v->titles[i];
        if (t->external_id.len) l->others[l->other_count++] = (struct other_name){t->external_id, t};
        if (t->eidr.len) l->others[l->other_count++] = (struct other_name){t->eidr, t};
        if (t->kind == CATALOG_EPISODE || t->kind == CATALOG_SEASON || !catalog_is_shown(v, t)) continue;
        if (t->status == CATALOG_LIVE || t->status == CATALOG_SCHEDULED) {
            add_event(t->status == CATALOG_LIVE ? &l->on_air : &l->upcoming, t);
            continue;
        }
        add(&l->kinds[t->kind], t);
        if (t->kind == CATALOG_COLLECTION) continue;
        if (t->kind != CATALOG_CLIP) add(&l->newest, t);
        if (t->is_free) add(&l->free, t);
        for (struct slice rest = t->genres, code; rest.len && slice_next(&rest, ' ', &code);) {
            struct filled_list *genre = genre_of(l, code);
            if (genre) add(genre, t);
        }
    }
    qsort(l->others, l->other_count, sizeof *l->others, compare_others);
    return l;
}

static struct view_lists *lists_of(const struct catalog_view *v) {
    struct view_inner *in = v->inner;
    struct view_lists *l = atomic_load_explicit(&in->lists, memory_order_acquire);
    if (l) return l;
    lock_take(in->making);
    if (!(l = atomic_load_explicit(&in->lists, memory_order_acquire)) && (l = lists_make(v))) atomic_store_explicit(&in->lists, l, memory_order_release);
    lock_give(in->making);
    return l;
}

struct err catalog_list(const struct catalog_view *v, enum catalog_source source, struct slice code, struct catalog_list *out) {
    struct view_lists *l = lists_of(v);
    if (!l) return err_memory();
    const struct filled_list *found = NULL;
    enum catalog_kind kind;
    switch (source) {
    case CATALOG_NEWEST: found = &l->newest; break;
    case CATALOG_ON_AIR: found = &l->on_air; break;
    case CATALOG_UPCOMING: found = &l->upcoming; break;
    case CATALOG_FREE: found = &l->free; break;
    case CATALOG_OF_KIND:
        if (catalog_kind_parse(code, &kind)) found = &l->kinds[kind];
        break;
    case CATALOG_GENRE:
        for (size_t i = 0; i < l->genre_count && !found; i++)
            if (slice_eq(l->genres[i].code, code)) found = &l->genres[i];
        break;
    default: break;
    }
    *out = found ? (struct catalog_list){found->items, found->count} : (struct catalog_list){0};
    return ERR_OK;
}

static int compare_genres(const void *a, const void *b) {
    const struct filled_list *x = *(const struct filled_list *const *)a, *y = *(const struct filled_list *const *)b;
    return x->found != y->found ? (x->found > y->found ? -1 : 1) : slice_compare(x->code, y->code);
}
struct err catalog_genres(const struct catalog_view *v, struct arena *arena, struct slice **out, size_t *count) {
    struct view_lists *l = lists_of(v);
    const struct filled_list **sorted = l ? arena_alloc_array(arena, l->genre_count + 1, sizeof *sorted) : NULL;
    struct slice *codes = sorted ? arena_alloc_array(arena, l->genre_count + 1, sizeof *codes) : NULL;
    if (!codes) return err_memory();
    for (size_t i = 0; i < l->genre_count; i++) sorted[i] = &l->genres[i];
    qsort(sorted, l->genre_count, sizeof *sorted, compare_genres);
    for (size_t i = 0; i < l->genre_count; i++) codes[i] = sorted[i]->code;
    *out = codes;
    *count = l->genre_count;
    return ERR_OK;
}

static const struct catalog_title *other_find(const struct catalog_view *v, struct slice text) {
    struct view_lists *l = text.len ? lists_of(v) : NULL;
    if (!l) {
        for (size_t i = 0; text.len && i < v->count; i++) /* memory ran out, the answer is the same */
            if (slice_eq(v->titles[i]->external_id, text) || slice_eq(v->titles[i]->eidr, text)) return v->titles[i];
        return NULL;
    }
    struct other_name key = {.text = text};
    const struct other_name *found = bsearch(&key, l->others, l->other_count, sizeof key, compare_others);
    return found ? found->title : NULL;
}

const struct catalog_title *catalog_find_external(const struct catalog_view *v, struct slice external_id) {
    const struct catalog_title *t = other_find(v, external_id);
    return t && slice_eq(t->external_id, external_id) ? t : NULL;
}

const struct catalog_title *catalog_find_eidr(const struct catalog_view *v, struct slice eidr) {
    char canonical[CATALOG_EIDR_LEN + 1];
    if (!catalog_eidr_parse(eidr, canonical)) return NULL;
    const struct catalog_title *t = other_find(v, slice_cstr(canonical));
    return t && slice_eq(t->eidr, slice_cstr(canonical)) ? t : NULL;
}

const struct catalog_title *catalog_find_any(const struct catalog_view *v, struct slice text) {
    const struct catalog_title *t = catalog_find(v, text);
    if (!t) t = catalog_find_eidr(v, text);
    return t ? t : catalog_find_external(v, text);
}
