/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/catalog/view.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "business/catalog/search.h"

/* --- titles from rows --- */

static struct slice keep(char **at, struct slice s) {
    if (!s.len) return SLICE_NONE;
    memcpy(*at, s.ptr, s.len);
    struct slice kept = slice_of(*at, s.len);
    *at += s.len;
    return kept;
}

/* The rows of `id` in `rows`, which are sorted by that column: from *at, which is moved past them. */
static size_t rows_of(const struct db_rows *rows, size_t column, int64_t id, size_t *at, size_t *end) {
    while (*at < rows->count && db_cell(rows, *at, column)->integer < id) (*at)++; /* of titles beyond the limit */
    size_t first = *at;
    for (*end = first; *end < rows->count && db_cell(rows, *end, column)->integer == id;) (*end)++;
    *at = *end;
    return first;
}

static struct catalog_ratings ratings_read(struct slice text) {
    struct catalog_ratings ratings = {0};
    for (struct slice line; text.len && slice_next(&text, ',', &line);) {
        size_t blank = slice_find_byte(line, ' ');
        enum catalog_system s;
        if (blank != SLICE_NPOS && catalog_system_parse(slice_sub(line, 0, blank), &s)) (void)catalog_rating_parse(slice_sub(line, blank + 1, line.len), s, &ratings);
    }
    return ratings;
}
void title_fields_write(const struct catalog_ratings *ratings, struct buf *out) {
    for (int s = 0; s < CATALOG_SYSTEMS; s++) {
        struct catalog_rating one;
        if (catalog_rating_of(ratings, (enum catalog_system)s, &one))
            buf_printf(out, "%s%s %s", out->len ? "," : "", catalog_system_name((enum catalog_system)s), one.value);
    }
}

enum { T_ID, T_PUBLIC_ID, T_PARENT_ID, T_PARENT, T_KIND, T_STATUS, T_SEASON, T_EPISODE, T_YEAR, T_GENRES, T_DURATION, T_COLOUR, T_POSTER, T_TRACKS, T_VERSION,
       T_EXTERNAL, T_PORTRAIT, T_STARTS, T_STARTED, T_ENDED, T_IS_FREE, T_EIDR, T_RATINGS, T_ORIGINAL_LANG, T_ORIGINAL_NAME, T_COUNTRIES, T_EDIT };

/* By place, as the statement has them: by name it would be 27 comparisons of names a title. */
static int64_t number(const struct db_rows *rows, size_t row, size_t column) { return db_cell(rows, row, column)->integer; }
static struct slice text(const struct db_rows *rows, size_t row, size_t column) { return db_cell(rows, row, column)->bytes; }

struct catalog_title *title_hold(int64_t org_id, struct title_rows *r, size_t row) {
    enum { TEXT_LANG = 1, TEXT_NAME, TEXT_SYNOPSIS, TEXT_POSTER, CREDIT_PERSON = 1, CREDIT_PART, CREDIT_CHARACTER, MEMBER_ID = 1 };
    static const int strings[] = {T_GENRES, T_TRACKS, T_EXTERNAL, T_EIDR, T_ORIGINAL_LANG, T_ORIGINAL_NAME, T_COUNTRIES, T_EDIT};
    const struct db_rows *titles = &r->titles;
    int64_t id = number(titles, row, T_ID);
    size_t text_end, credit_end, member_end;
    size_t text_at = rows_of(&r->texts, 0, id, &r->text, &text_end);
    size_t credit_at = rows_of(&r->credits, 0, id, &r->credit, &credit_end), member_at = rows_of(&r->members, 0, id, &r->member, &member_end);
    size_t credits = credit_end - credit_at, members = member_end - member_at;
    size_t bytes = sizeof(struct catalog_title) + credits * sizeof(struct catalog_credit) + members * sizeof(int64_t);
    for (size_t i = 0; i < ARRAY_LEN(strings); i++) bytes += text(titles, row, (size_t)strings[i]).len;
    for (size_t i = text_at; i < text_end; i++) bytes += text(&r->texts, i, TEXT_NAME).len + text(&r->texts, i, TEXT_SYNOPSIS).len;
    for (size_t i = credit_at; i < credit_end; i++) bytes += text(&r->credits, i, CREDIT_CHARACTER).len;

    struct catalog_title *t = mem_alloc(bytes); /* not cleared: a hundred thousand of these are made at start */
    if (!t) return NULL;
    struct catalog_credit *people = (struct catalog_credit *)(t + 1);
    int64_t *member_ids = (int64_t *)(people + credits);
    char *at = (char *)(member_ids + members);
    *t = (struct catalog_title){
        .id = id,
        .org_id = org_id,
        .parent_id = number(titles, row, T_PARENT_ID),
        .kind = (enum catalog_kind)number(titles, row, T_KIND),
        .status = (enum catalog_status)number(titles, row, T_STATUS),
        .season = (int)number(titles, row, T_SEASON),
        .episode = (int)number(titles, row, T_EPISODE),
        .year = (int)number(titles, row, T_YEAR),
        .duration_ms = number(titles, row, T_DURATION),
        .colour = (uint32_t)number(titles, row, T_COLOUR) & 0xffffff,
        .poster_version = number(titles, row, T_POSTER),
        .portrait_version = number(titles, row, T_PORTRAIT),
        .starts_ms = number(titles, row, T_STARTS),
        .started_ms = number(titles, row, T_STARTED),
        .ended_ms = number(titles, row, T_ENDED),
        .version = number(titles, row, T_VERSION),
        .is_free = number(titles, row, T_IS_FREE) != 0,
        .ratings = ratings_read(text(titles, row, T_RATINGS)),
        .people = people,
        .people_count = credits,
        .members = member_ids,
        .member_count = members,
    };
    if ((unsigned)t->kind >= CATALOG_KINDS) t->kind = CATALOG_CLIP; /* of a newer program that knows more */
    if ((unsigned)t->status > CATALOG_ENDED) t->status = CATALOG_FAILED;
    t->age = catalog_age(&t->ratings);
    if (!public_id_parse(text(titles, row, T_PUBLIC_ID), &t->public_id)) t->public_id = (struct public_id){0}; /* nobody finds it */
    if (!public_id_parse(text(titles, row, T_PARENT), &t->parent)) t->parent = (struct public_id){0};
    struct slice *const kept[] = {&t->genres, &t->tracks, &t->external_id, &t->eidr, &t->original_lang, &t->original_name, &t->countries, &t->edit};
    static_assert(ARRAY_LEN(kept) == ARRAY_LEN(strings), "each has its place");
    for (size_t i = 0; i < ARRAY_LEN(strings); i++) *kept[i] = keep(&at, text(titles, row, (size_t)strings[i]));
    for (size_t i = text_at; i < text_end; i++) {
        int64_t lang = number(&r->texts, i, TEXT_LANG);
        if (lang < 0 || lang >= TEXT_LANGUAGE_COUNT) continue; /* of a newer program that speaks more */
        t->texts[lang].name = keep(&at, text(&r->texts, i, TEXT_NAME));
        t->texts[lang].synopsis = keep(&at, text(&r->texts, i, TEXT_SYNOPSIS));
        t->poster_versions[lang] = number(&r->texts, i, TEXT_POSTER);
    }
    for (size_t i = 0; i < credits; i++) {
        int64_t part = number(&r->credits, credit_at + i, CREDIT_PART);
        people[i] = (struct catalog_credit){.person_id = number(&r->credits, credit_at + i, CREDIT_PERSON),
                                            .part = part >= 0 && part < CATALOG_PARTS ? (enum catalog_part)part : CATALOG_GUEST,
                                            .character = keep(&at, text(&r->credits, credit_at + i, CREDIT_CHARACTER))};
    }
    for (size_t i = 0; i < members; i++) member_ids[i] = number(&r->members, member_at + i, MEMBER_ID);
    return t;
}

struct catalog_person *person_hold(int64_t org_id, struct person_rows *r, size_t row) {
    enum { P_ID, P_PUBLIC_ID, P_VERSION, NAME_LANG = 1, NAME_NAME };
    int64_t id = number(&r->people, row, P_ID);
    size_t end, first = rows_of(&r->names, 0, id, &r->name, &end), bytes = sizeof(struct catalog_person);
    for (size_t i = first; i < end; i++) bytes += text(&r->names, i, NAME_NAME).len;
    struct catalog_person *p = mem_alloc(bytes);
    if (!p) return NULL;
    *p = (struct catalog_person){.id = id, .org_id = org_id, .version = number(&r->people, row, P_VERSION)};
    if (!public_id_parse(text(&r->people, row, P_PUBLIC_ID), &p->public_id)) p->public_id = (struct public_id){0};
    char *at = (char *)(p + 1);
    for (size_t i = first; i < end; i++) {
        int64_t lang = number(&r->names, i, NAME_LANG);
        if (lang >= 0 && lang < TEXT_LANGUAGE_COUNT) p->names[lang] = keep(&at, text(&r->names, i, NAME_NAME));
    }
    return p;
}

struct err rows_hold(const struct db_rows *from, struct catalog_row **out, size_t *count, void **block) {
    enum { R_PUBLIC_ID, R_SOURCE, R_NAMES, R_GENRE, R_TITLES, R_STARTS, R_ENDS };
    size_t bytes = from->count * sizeof(struct catalog_row);
    for (size_t i = 0; i < from->count; i++)
        bytes += (text(from, i, R_TITLES).len / (PUBLIC_ID_LEN + 1) + 1) * sizeof(struct public_id) + text(from, i, R_NAMES).len + text(from, i, R_GENRE).len;
    struct catalog_row *rows = mem_zalloc(bytes + 1);
    if (!rows) return err_memory();
    char *at = (char *)(rows + from->count);
    size_t made = 0;
    for (size_t i = 0; i < from->count; i++) {
        int64_t source = number(from, i, R_SOURCE);
        struct catalog_row *row = &rows[made];
        if (source < 0 || source >= CATALOG_SOURCES || !public_id_parse(text(from, i, R_PUBLIC_ID), &row->public_id)) continue; /* of a newer program */
        made++;
        row->source = (enum catalog_source)source;
        row->starts_ms = number(from, i, R_STARTS);
        row->ends_ms = number(from, i, R_ENDS);
        struct public_id *titles = (struct public_id *)at; /* of bytes: needs no alignment */
        struct slice rest = text(from, i, R_TITLES), one;
        while (rest.len && slice_next(&rest, ' ', &one))
            if (public_id_parse(one, &titles[row->title_count])) row->title_count++;
        row->titles = titles;
        at += row->title_count * sizeof *titles;
        rest = text(from, i, R_NAMES);
        for (int lang = 0; lang < TEXT_LANGUAGE_COUNT && rest.ptr && slice_next(&rest, '\n', &one); lang++) row->names[lang] = keep(&at, one);
        row->genre = keep(&at, text(from, i, R_GENRE));
    }
    *out = rows;
    *count = made;
    *block = rows;
    return ERR_OK;
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

struct slice catalog_person_name_in(const struct catalog_person *p, struct slice lang) {
    struct slice name = SLICE_NONE;
    for (int i = TEXT_LANGUAGE_COUNT - 1; i >= 0; i--)
        if (p->names[i].len) name = p->names[i];
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++)
        if (p->names[i].len && slice_eq(text_languages[i].code, lang)) name = p->names[i];
    return name;
}

/* --- finding --- */

static size_t place_first(const struct places *p, struct slice public_id) { return slice_hash(public_id) & (p->count - 1); }

/* Of a view that is being made, or is newer than all others. */
static void place_put(struct places *p, struct slice public_id, size_t index) {
    size_t place = place_first(p, public_id);
    while (atomic_load_explicit(&p->at[place], memory_order_relaxed)) place = (place + 1) & (p->count - 1);
    atomic_store_explicit(&p->at[place], (uint32_t)index + 1, memory_order_release);
}

static struct places *places_create(const struct catalog_title *const *titles, size_t count) {
    size_t room = 16;
    while (room < count * 3) room *= 2; /* new titles come into it: it is full at two thirds */
    struct places *p = mem_zalloc(sizeof *p + room * sizeof p->at[0]);
    if (!p) return NULL;
    atomic_init(&p->references, 1);
    p->count = room;
    for (size_t i = 0; i < count; i++) place_put(p, public_id_slice(&titles[i]->public_id), i);
    return p;
}
static void places_give(struct places *p) {
    if (p && atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) == 1) mem_free(p);
}

const struct catalog_title *catalog_find(const struct catalog_view *v, struct slice public_id) {
    if (public_id.len != PUBLIC_ID_LEN) return NULL;
    const struct places *p = v->inner->places;
    for (size_t place = place_first(p, public_id);; place = (place + 1) & (p->count - 1)) {
        uint32_t at = atomic_load_explicit(&p->at[place], memory_order_acquire);
        if (!at) return NULL;
        if (at <= v->count && slice_eq(public_id_slice(&v->titles[at - 1]->public_id), public_id)) return v->titles[at - 1];
    }
}

/* The first whose id is not less. */
static size_t title_at(const struct catalog_title *const *titles, size_t count, int64_t id) {
    size_t low = 0, high = count;
    if (count && titles[count - 1]->id < id) return count; /* what is new comes last */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (titles[middle]->id < id) low = middle + 1;
        else high = middle;
    }
    return low;
}
const struct catalog_title *catalog_find_id(const struct catalog_view *v, int64_t id) {
    size_t at = title_at(v->titles, v->count, id);
    return at < v->count && v->titles[at]->id == id ? v->titles[at] : NULL;
}

static size_t person_at(const struct catalog_person *const *people, size_t count, int64_t id) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (people[middle]->id < id) low = middle + 1;
        else high = middle;
    }
    return low;
}
const struct catalog_person *catalog_find_person(const struct catalog_view *v, int64_t id) {
    size_t at = person_at(v->people, v->people_count, id);
    return at < v->people_count && v->people[at]->id == id ? v->people[at] : NULL;
}
const struct catalog_person *catalog_person_of_public_id(const struct catalog_view *v, struct slice public_id) {
    for (size_t i = 0; i < v->people_count; i++)
        if (slice_eq(public_id_slice(&v->people[i]->public_id), public_id)) return v->people[i];
    return NULL;
}

/* --- what stands above and below --- */

static int child_compare(const struct catalog_title *a, const struct catalog_title *b) {
    if (a->parent_id != b->parent_id) return a->parent_id < b->parent_id ? -1 : 1;
    bool a_season = a->kind == CATALOG_SEASON, b_season = b->kind == CATALOG_SEASON;
    if (a_season != b_season) return a_season ? -1 : 1;
    if (a->season != b->season) return a->season < b->season ? -1 : 1;
    if (a->episode != b->episode) return a->episode < b->episode ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}
static int children_compare(const void *a, const void *b) {
    return child_compare(*(const struct catalog_title *const *)a, *(const struct catalog_title *const *)b);
}

/* The first child that is not before `key`. */
static size_t child_at(const struct catalog_title *const *children, size_t count, const struct catalog_title *key) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (child_compare(children[middle], key) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

const struct catalog_title *const *catalog_children(const struct catalog_view *v, const struct catalog_title *t, size_t *count) {
    const struct catalog_title least = {.parent_id = t->id, .kind = CATALOG_SEASON, .season = INT32_MIN};
    const struct view_inner *in = v->inner;
    size_t first = child_at(in->children, in->child_count, &least), end = first;
    while (end < in->child_count && in->children[end]->parent_id == t->id) end++;
    *count = end - first;
    return in->children + first;
}

const struct catalog_title *catalog_parent(const struct catalog_view *v, const struct catalog_title *t) {
    return t->parent_id ? catalog_find(v, public_id_slice(&t->parent)) : NULL;
}

const struct catalog_title *catalog_season(const struct catalog_view *v, const struct catalog_title *t) {
    if (t->kind != CATALOG_EPISODE || !t->parent_id || !t->season) return NULL;
    const struct catalog_title key = {.parent_id = t->parent_id, .kind = CATALOG_SEASON, .season = t->season, .episode = INT32_MIN};
    const struct view_inner *in = v->inner;
    size_t at = child_at(in->children, in->child_count, &key);
    if (at == in->child_count) return NULL;
    const struct catalog_title *season = in->children[at];
    return season->parent_id == t->parent_id && season->kind == CATALOG_SEASON && season->season == t->season ? season : NULL;
}

bool catalog_is_version(const struct catalog_title *t) { return t->parent_id && (t->kind == CATALOG_FILM || t->kind == CATALOG_EVENT); }

void catalog_above(const struct catalog_view *v, const struct catalog_title *t, int64_t ids[3]) {
    ids[0] = t->id;
    ids[1] = ids[2] = 0;
    if (t->kind == CATALOG_EPISODE) {
        const struct catalog_title *season = catalog_season(v, t);
        ids[1] = season ? season->id : 0;
        ids[2] = t->parent_id;
    } else if (t->kind == CATALOG_SEASON) {
        ids[2] = t->parent_id;
    } else if (catalog_is_version(t)) {
        const struct catalog_title *main = catalog_parent(v, t);
        ids[1] = t->parent_id;
        ids[2] = main && main->kind == CATALOG_EPISODE ? main->parent_id : 0;
    }
}

static bool is_shown(const struct catalog_view *v, const struct catalog_title *t, bool with_members) {
    if (catalog_is_version(t)) return false;
    if (t->status == CATALOG_SCHEDULED || t->status == CATALOG_LIVE) return t->kind == CATALOG_EVENT;
    if (t->status != CATALOG_READY) return false;
    if (t->kind == CATALOG_COLLECTION) {
        for (size_t i = 0; with_members && i < t->member_count; i++) {
            const struct catalog_title *member = catalog_find_id(v, t->members[i]);
            if (member && is_shown(v, member, false)) return true;
        }
        return false;
    }
    if (t->kind != CATALOG_SERIES && t->kind != CATALOG_SEASON) return true;
    const struct catalog_title *series = t->kind == CATALOG_SERIES ? t : catalog_parent(v, t);
    size_t count = 0;
    const struct catalog_title *const *children = series ? catalog_children(v, series, &count) : NULL;
    for (size_t i = 0; i < count; i++)
        if (children[i]->kind == CATALOG_EPISODE && children[i]->status == CATALOG_READY && (t == series || children[i]->season == t->season)) return true;
    return false;
}
bool catalog_is_shown(const struct catalog_view *v, const struct catalog_title *t) { return is_shown(v, t, true); }

/* --- views --- */

struct held_view {
    struct catalog_view view; /* first: a catalog_view is one of these */
    struct view_inner inner;
};

static void view_free(struct catalog_view *v) {
    struct view_inner *in = v->inner;
    if (in->is_superseded) {
        for (size_t i = 0; i < in->retired_count; i++) mem_free(in->retired[i]);
    } else {
        for (size_t i = 0; i < v->count; i++) mem_free((void *)(uintptr_t)v->titles[i]);
        for (size_t i = 0; i < v->people_count; i++) mem_free((void *)(uintptr_t)v->people[i]);
        mem_free(in->rows_block);
    }
    view_lists_free(atomic_load_explicit(&in->lists, memory_order_acquire));
    struct search *search = atomic_load_explicit(&in->search, memory_order_acquire);
    search_give(&search);
    places_give(in->places);
    mem_free(in->titles);
    mem_free(in->children);
    mem_free(in->people);
    mem_free(v);
}

void catalog_view_give(struct catalog_view **view) {
    struct catalog_view *v = *view;
    *view = NULL;
    while (v && atomic_fetch_sub_explicit(&v->inner->references, 1, memory_order_acq_rel) == 1) {
        struct catalog_view *next = v->inner->next; /* which it held */
        view_free(v);
        v = next;
    }
}

static struct catalog_view *view_new(int64_t org_id, struct lock *making, size_t count, size_t child_count, size_t people_count) {
    struct held_view *held = mem_zalloc(sizeof *held);
    if (!held) return NULL;
    struct view_inner *in = &held->inner;
    in->titles = mem_alloc((count + 1) * sizeof *in->titles);
    in->children = mem_alloc((child_count + 1) * sizeof *in->children);
    in->people = mem_alloc((people_count + 1) * sizeof *in->people);
    in->making = making;
    atomic_init(&in->references, 1);
    held->view = (struct catalog_view){.titles = in->titles, .people = in->people, .org_id = org_id, .inner = in};
    if (in->titles && in->children && in->people) return &held->view;
    view_free(&held->view); /* which owns no title yet: the counts are 0 */
    return NULL;
}

struct catalog_view *view_create(int64_t org_id, struct lock *making, const struct catalog_title **titles, size_t count, const struct catalog_person **people,
                                 size_t people_count, struct catalog_row *rows, size_t row_count, void *rows_block) {
    size_t child_count = 0;
    for (size_t i = 0; i < count; i++) child_count += titles[i]->parent_id != 0;
    struct catalog_view *v = view_new(org_id, making, count, child_count, people_count);
    struct places *places = v ? places_create(titles, count) : NULL;
    if (!places) {
        for (size_t i = 0; i < count; i++) mem_free((void *)(uintptr_t)titles[i]);
        for (size_t i = 0; i < people_count; i++) mem_free((void *)(uintptr_t)people[i]);
        mem_free(rows_block);
        if (v) view_free(v);
        return NULL;
    }
    struct view_inner *in = v->inner;
    in->places = places;
    for (size_t i = 0; i < count; i++) {
        in->titles[i] = titles[i];
        if (titles[i]->parent_id) in->children[in->child_count++] = titles[i];
    }
    for (size_t i = 0; i < people_count; i++) in->people[i] = people[i];
    qsort(in->children, in->child_count, sizeof *in->children, children_compare);
    v->count = count;
    v->people_count = people_count;
    v->rows = rows;
    v->row_count = row_count;
    in->rows_block = rows_block;
    return v;
}

/* Copies a sorted array of pointers with one taken out (at `out`, SIZE_MAX: none) and one put in (before what was at `in`). */
static size_t array_edit(const void **to, const void *const *from, size_t count, size_t out, size_t in, const void *put) {
    size_t n = 0;
    if (put && in == out) { /* in place: the common case, by two large copies */
        memcpy(to, from, count * sizeof *to);
        to[out] = put;
        return count;
    }
    for (size_t i = 0; i <= count; i++) {
        if (put && i == in) to[n++] = put;
        if (i < count && i != out) to[n++] = from[i];
    }
    return n;
}

static void edit_free(const struct view_edit *edit) {
    mem_free(edit->held);
    mem_free(edit->held_person);
    mem_free(edit->rows_block);
}

struct catalog_view *view_after(struct catalog_view *old, const struct view_edit *edit) {
    struct view_inner *was = old->inner;
    assert(!was->is_superseded);
    struct catalog_view *v = view_new(old->org_id, was->making, old->count + 1, was->child_count + 1, old->people_count + 1);
    if (!v) {
        edit_free(edit);
        return NULL;
    }
    struct view_inner *in = v->inner;
    const struct catalog_title *former = edit->title.len ? catalog_find(old, edit->title) : NULL, *held = edit->held;
    size_t none = SIZE_MAX, out = former ? title_at(old->titles, old->count, former->id) : none;
    size_t put = held ? title_at(old->titles, old->count, held->id) : none;
    size_t count = array_edit((const void **)in->titles, (const void *const *)old->titles, old->count, out, put, held);
    size_t child_out = former && former->parent_id ? child_at(was->children, was->child_count, former) : none;
    const struct catalog_title *child = held && held->parent_id ? held : NULL;
    size_t child_put = child ? child_at(was->children, was->child_count, child) : none;
    in->child_count = array_edit((const void **)in->children, (const void *const *)was->children, was->child_count, child_out, child_put, child);

    const struct catalog_person *former_person = edit->person.len ? catalog_person_of_public_id(old, edit->person) : NULL;
    size_t person_out = former_person ? person_at(old->people, old->people_count, former_person->id) : none;
    size_t person_put = edit->held_person ? person_at(old->people, old->people_count, edit->held_person->id) : none;
    size_t people_count = array_edit((const void **)in->people, (const void *const *)old->people, old->people_count, person_out, person_put, edit->held_person);

    bool is_in_place = out == put, is_last = held && out == none && put == old->count;
    if (is_in_place || (is_last && (count + 1) * 3 <= was->places->count * 2)) {
        in->places = was->places;
        atomic_fetch_add_explicit(&in->places->references, 1, memory_order_relaxed);
    } else {
        in->places = places_create(in->titles, count);
        is_last = false;
    }
    struct search *search = atomic_load_explicit(&was->search, memory_order_acquire), *search_now = NULL;
    v->count = count; /* from here on it can be asked; the counts go back if it fails, so that nothing is freed twice */
    v->people_count = people_count;
    bool is_whole = in->places != NULL;
    if (is_whole && is_last) place_put(in->places, edit->title, put);
    if (is_whole && search && !(search_now = search_after(search, v, former, held, former_person, edit->held_person))) is_whole = false;
    if (!is_whole) {
        v->count = v->people_count = 0;
        edit_free(edit);
        view_free(v);
        return NULL;
    }
    atomic_init(&in->search, search_now);
    v->rows = edit->has_rows ? edit->rows : old->rows;
    v->row_count = edit->has_rows ? edit->row_count : old->row_count;
    in->rows_block = edit->has_rows ? edit->rows_block : was->rows_block;
    if (former) was->retired[was->retired_count++] = (void *)(uintptr_t)former;
    if (former_person) was->retired[was->retired_count++] = (void *)(uintptr_t)former_person;
    if (edit->has_rows) was->retired[was->retired_count++] = was->rows_block;
    was->is_superseded = true;
    was->next = v;
    atomic_fetch_add_explicit(&in->references, 1, memory_order_relaxed);
    return v;
}
