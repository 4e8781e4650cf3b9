/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdlib.h>

#include "base/json.h"
#include "business/catalog/exchange.h"

const char *const cell_names[CELLS] = {
    "id", "external_id", "eidr", "kind", "parent", "season", "episode", "edit", "year", "genres", "countries", "original_lang", "original_name", "is_free",
    "rating_fsk", "rating_mpa", "rating_th", "rating_age", "name_en", "name_de", "name_zh", "name_th",
    "synopsis_en", "synopsis_de", "synopsis_zh", "synopsis_th", "people", "members",
};

/* --- people by name --- */

struct named {
    struct slice name;
    const struct catalog_person *person;
};
struct person_names {
    const struct catalog_view *view;
    struct named *names; /* sorted */
    size_t count;
};

static int compare_named(const void *a, const void *b) {
    const struct named *x = a, *y = b;
    int order = slice_compare(x->name, y->name);
    return order ? order : x->person->id < y->person->id ? -1 : x->person->id > y->person->id;
}

struct err person_names_create(struct arena *arena, const struct catalog_view *v, struct person_names **out) {
    struct person_names *n = ARENA_NEW(arena, struct person_names);
    if (n) n->names = arena_alloc_array(arena, v->people_count * TEXT_LANGUAGE_COUNT + 1, sizeof *n->names);
    if (!n || !n->names) return err_memory();
    n->view = v;
    for (size_t i = 0; i < v->people_count; i++)
        for (int lang = 0; lang < TEXT_LANGUAGE_COUNT; lang++)
            if (v->people[i]->names[lang].len) n->names[n->count++] = (struct named){v->people[i]->names[lang], v->people[i]};
    qsort(n->names, n->count, sizeof *n->names, compare_named);
    *out = n;
    return ERR_OK;
}

bool person_names_find(const struct person_names *n, struct slice name, const struct catalog_person **out, bool *is_ambiguous) {
    struct public_id id;
    *is_ambiguous = false;
    if (public_id_parse(name, &id) && (*out = catalog_person_of_public_id(n->view, name))) return true;
    size_t low = 0, high = n->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (slice_compare(n->names[middle].name, name) < 0) low = middle + 1;
        else high = middle;
    }
    if (low == n->count || !slice_eq(n->names[low].name, name)) return false;
    for (size_t i = low + 1; i < n->count && slice_eq(n->names[i].name, name); i++) *is_ambiguous |= n->names[i].person != n->names[low].person;
    *out = n->names[low].person;
    return !*is_ambiguous;
}

struct slice person_names_of(const struct person_names *n, const struct catalog_person *p) {
    struct slice name = catalog_person_name_in(p, text_languages[0].code);
    const struct catalog_person *found = NULL;
    bool is_ambiguous;
    struct public_id id;
    return !public_id_parse(name, &id) && person_names_find(n, name, &found, &is_ambiguous) && found == p ? name : public_id_slice(&p->public_id);
}

/* --- cells --- */

void people_escape(struct buf *out, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ';' || text.ptr[i] == '=' || text.ptr[i] == '\\') buf_cstr(out, "\\");
        buf_bytes(out, text.ptr + i, 1);
    }
}

static void people_put(struct buf *out, const struct catalog_view *v, const struct person_names *names, const struct catalog_title *t) {
    bool is_first = true;
    for (size_t i = 0; i < t->people_count; i++) {
        const struct catalog_person *p = catalog_find_person(v, t->people[i].person_id);
        if (!p) continue;
        buf_printf(out, "%s%s: ", is_first ? "" : "; ", catalog_part_name(t->people[i].part));
        people_escape(out, person_names_of(names, p));
        if (t->people[i].character.len) {
            buf_cstr(out, " = ");
            people_escape(out, t->people[i].character);
        }
        is_first = false;
    }
}

void cell_put(struct buf *out, const struct catalog_view *v, const struct person_names *names, const struct catalog_title *t, enum cell cell) {
    struct catalog_rating rating;
    bool is_first = true;
    switch (cell) {
    case CELL_ID: buf_append(out, public_id_slice(&t->public_id)); return;
    case CELL_EXTERNAL_ID: buf_append(out, t->external_id); return;
    case CELL_EIDR: buf_append(out, t->eidr); return;
    case CELL_KIND: buf_cstr(out, catalog_kind_name(t->kind)); return;
    case CELL_PARENT: buf_cstr(out, t->parent.text); return;
    case CELL_SEASON:
        if (t->season) buf_u64_text(out, (uint64_t)t->season);
        return;
    case CELL_EPISODE:
        if (t->episode) buf_u64_text(out, (uint64_t)t->episode);
        return;
    case CELL_EDIT: buf_append(out, t->edit); return;
    case CELL_YEAR:
        if (t->year) buf_u64_text(out, (uint64_t)t->year);
        return;
    case CELL_GENRES: buf_append(out, t->genres); return;
    case CELL_COUNTRIES: buf_append(out, t->countries); return;
    case CELL_ORIGINAL_LANG: buf_append(out, t->original_lang); return;
    case CELL_ORIGINAL_NAME: buf_append(out, t->original_name); return;
    case CELL_IS_FREE: buf_cstr(out, t->is_free ? "yes" : "no"); return;
    case CELL_PEOPLE: people_put(out, v, names, t); return;
    case CELL_MEMBERS:
        for (size_t i = 0; i < t->member_count; i++) {
            const struct catalog_title *member = catalog_find_id(v, t->members[i]);
            if (!member) continue;
            buf_printf(out, "%s%s", is_first ? "" : "; ", member->public_id.text);
            is_first = false;
        }
        return;
    default:
        if (cell < CELL_NAME) {
            if (catalog_rating_of(&t->ratings, (enum catalog_system)(cell - CELL_RATING), &rating)) buf_cstr(out, rating.value);
        } else {
            buf_append(out, cell < CELL_SYNOPSIS ? t->texts[cell - CELL_NAME].name : t->texts[cell - CELL_SYNOPSIS].synopsis);
        }
    }
}

/* --- CSV --- */

static void csv_put(struct buf *out, struct slice text) {
    bool needs_quotes = false;
    for (size_t i = 0; i < text.len && !needs_quotes; i++) needs_quotes = text.ptr[i] == ',' || text.ptr[i] == '"' || text.ptr[i] == '\n' || text.ptr[i] == '\r';
    if (!needs_quotes) {
        buf_append(out, text);
        return;
    }
    buf_cstr(out, "\"");
    for (size_t i = 0; i < text.len; i++) buf_bytes(out, text.ptr[i] == '"' ? "\"\"" : text.ptr + i, text.ptr[i] == '"' ? 2 : 1);
    buf_cstr(out, "\"");
}

static void csv_export(const struct catalog_view *v, const struct person_names *names, struct buf *out) {
    struct buf text = BUF(1 << 20);
    for (int cell = 0; cell < CELLS; cell++) buf_printf(out, "%s%s", cell ? "," : "", cell_names[cell]);
    buf_cstr(out, "\r\n");
    for (size_t i = 0; i < v->count; i++) {
        for (int cell = 0; cell < CELLS; cell++) {
            buf_clear(&text);
            cell_put(&text, v, names, v->titles[i], (enum cell)cell);
            if (text.has_failed) out->has_failed = true;
            if (cell) buf_cstr(out, ",");
            csv_put(out, buf_slice(&text));
        }
        buf_cstr(out, "\r\n");
    }
    buf_free(&text);
}

/* --- JSON: a title a line, so that two exports can be compared --- */

static void words_put(struct json_writer *w, const char *name, struct slice words) {
    json_key(w, name);
    json_begin_array(w);
    for (struct slice one; words.len && slice_next(&words, ' ', &one);) json_add_string(w, one);
    json_end(w);
}
static void text_put(struct json_writer *w, const char *name, struct slice text) {
    json_key(w, name);
    if (text.len) json_add_string(w, text);
    else json_add_null(w);
}
static void number_put(struct json_writer *w, const char *name, int n) {
    json_key(w, name);
    if (n) json_add_number(w, n);
    else json_add_null(w);
}
static void names_put(struct json_writer *w, const char *name, const struct slice *texts) {
    json_key(w, name);
    json_begin_object(w);
    for (int lang = 0; lang < TEXT_LANGUAGE_COUNT; lang++)
        if (texts[lang].len) json_put_string(w, text_languages[lang].code.ptr, texts[lang]);
    json_end(w);
}

static void title_put(struct json_writer *w, const struct catalog_view *v, const struct catalog_title *t) {
    struct slice names[TEXT_LANGUAGE_COUNT], synopses[TEXT_LANGUAGE_COUNT];
    for (int lang = 0; lang < TEXT_LANGUAGE_COUNT; lang++) {
        names[lang] = t->texts[lang].name;
        synopses[lang] = t->texts[lang].synopsis;
    }
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(&t->public_id));
    text_put(w, "external_id", t->external_id);
    text_put(w, "eidr", t->eidr);
    json_put_cstr(w, "kind", catalog_kind_name(t->kind));
    text_put(w, "parent", slice_cstr(t->parent.text));
    number_put(w, "season", t->season);
    number_put(w, "episode", t->episode);
    text_put(w, "edit", t->edit);
    number_put(w, "year", t->year);
    words_put(w, "genres", t->genres);
    words_put(w, "countries", t->countries);
    text_put(w, "original_lang", t->original_lang);
    text_put(w, "original_name", t->original_name);
    json_put_bool(w, "is_free", t->is_free);
    json_key(w, "ratings");
    json_begin_object(w);
    for (int s = 0; s < CATALOG_SYSTEMS; s++) {
        struct catalog_rating rating;
        if (catalog_rating_of(&t->ratings, (enum catalog_system)s, &rating)) json_put_cstr(w, catalog_system_name((enum catalog_system)s), rating.value);
    }
    json_end(w);
    names_put(w, "names", names);
    names_put(w, "synopses", synopses);
    json_key(w, "people");
    json_begin_array(w);
    for (size_t i = 0; i < t->people_count; i++) {
        const struct catalog_person *p = catalog_find_person(v, t->people[i].person_id);
        if (!p) continue;
        json_begin_object(w);
        json_put_string(w, "id", public_id_slice(&p->public_id));
        json_put_string(w, "name", catalog_person_name_in(p, text_languages[0].code));
        json_put_cstr(w, "part", catalog_part_name(t->people[i].part));
        if (t->people[i].character.len) json_put_string(w, "character", t->people[i].character);
        json_end(w);
    }
    json_end(w);
    json_key(w, "members");
    json_begin_array(w);
    for (size_t i = 0; i < t->member_count; i++) {
        const struct catalog_title *member = catalog_find_id(v, t->members[i]);
        if (member) json_add_string(w, public_id_slice(&member->public_id));
    }
    json_end(w);
    json_end(w);
}

static void json_export(const struct catalog_view *v, struct buf *out) {
    buf_cstr(out, "{\"people\":[");
    for (size_t i = 0; i < v->people_count; i++) {
        buf_cstr(out, i ? ",\n" : "\n");
        struct json_writer w = json_writer_of(out);
        json_begin_object(&w);
        json_put_string(&w, "id", public_id_slice(&v->people[i]->public_id));
        names_put(&w, "names", v->people[i]->names);
        json_end(&w);
    }
    buf_cstr(out, "],\n\"titles\":[");
    for (size_t i = 0; i < v->count; i++) {
        buf_cstr(out, i ? ",\n" : "\n");
        struct json_writer w = json_writer_of(out);
        title_put(&w, v, v->titles[i]);
    }
    buf_cstr(out, "]}\n");
}

struct err catalog_export(const struct catalog_view *v, enum catalog_format format, struct buf *out) {
    struct arena *arena = arena_create(256 << 20);
    struct person_names *names = NULL;
    struct err e = arena ? person_names_create(arena, v, &names) : err_memory();
    if (!e.kind && format == CATALOG_CSV) csv_export(v, names, out);
    else if (!e.kind) json_export(v, out);
    arena_destroy(&arena);
    return e.kind ? e : buf_error(out);
}
