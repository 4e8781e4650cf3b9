/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A JSON's titles become items and its people people. The parsed tree says what is there; where it stands in the text is found by walking along in it. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "business/catalog/import.h"
#include "business/catalog/view.h"

enum { JSON_BYTES_MAX = 1 << 30 };

struct json_places { /* where things stand in the text: jansson forgets it */
    struct slice text;
    size_t at, line;
    const char *line_start;
};
static size_t json_column(const struct json_places *p) {
    size_t column = 1;
    for (const char *c = p->line_start; c < p->text.ptr + p->at; c++) column += ((unsigned char)*c & 0xc0) != 0x80;
    return column;
}
/* The next byte that is neither blank nor inside a string; a string is passed over as a whole and its first quote given. 0 at the end. */
static char json_next(struct json_places *p, size_t *start) {
    while (p->at < p->text.len) {
        char c = p->text.ptr[p->at];
        *start = p->at++;
        if (c == '\n') {
            p->line++;
            p->line_start = p->text.ptr + p->at;
        }
        if (c != '"') {
            if (c != ' ' && c != '\t' && c != '\r' && c != '\n') return c;
            continue;
        }
        while (p->at < p->text.len && p->text.ptr[p->at] != '"') p->at += p->text.ptr[p->at] == '\\' ? 2 : 1;
        p->at++;
        return '"';
    }
    return 0;
}
/* From the beginning of a value to behind it. */
static void json_skip(struct json_places *p) {
    size_t depth = 0, start;
    for (char c; (c = json_next(p, &start));) {
        if (c == '{' || c == '[') depth++;
        if ((c == '}' || c == ']') && --depth == 0) return;
        if (!depth && (c == '"' || !strchr("{}[],:", c))) {
            while (c != '"' && p->at < p->text.len && !strchr(",]} \t\r\n", p->text.ptr[p->at])) p->at++; /* the rest of a number or word */
            return;
        }
    }
}

static struct err json_text(struct work *w, struct item *item, int which, const json_t *value, const struct json_places *at) {
    struct buf text = BUF(1 << 20);
    bool is_wrong = false;
    size_t index;
    json_t *one;
    if (json_is_string(value)) {
        buf_bytes(&text, json_string_value(value), json_string_length(value));
    } else if (json_is_integer(value) && json_integer_value(value) >= 0) {
        buf_u64_text(&text, (uint64_t)json_integer_value(value));
    } else if (json_is_boolean(value)) {
        buf_cstr(&text, json_is_true(value) ? "yes" : "no");
    } else if (json_is_array(value)) {
        json_array_foreach((json_t *)(uintptr_t)value, index, one) {
            if (which == CELL_PEOPLE && json_is_object(one)) {
                struct slice id = json_get_string(one, "id"), name = json_get_string(one, "name"), character = json_get_string(one, "character");
                const struct catalog_person *known;
                size_t at_person;
                bool is_ambiguous, by_id = id.len && (import_key_find(&w->person_keys, id, &at_person) || person_names_find(w->names, id, &known, &is_ambiguous));
                struct slice part = json_get_string(one, "part");
                buf_printf(&text, "%s%.*s: ", index ? "; " : "", SLICE_ARG(part));
                people_escape(&text, by_id || !name.len ? id : name);
                if (character.len) buf_cstr(&text, " = ");
                people_escape(&text, character);
            } else if (json_is_string(one) && which != CELL_PEOPLE) {
                if (index) buf_cstr(&text, which == CELL_MEMBERS ? ";" : " ");
                if (which != CELL_MEMBERS && strchr(json_string_value(one), ' ')) is_wrong = true;
                buf_bytes(&text, json_string_value(one), json_string_length(one));
            } else {
                is_wrong = true;
            }
        }
    } else if (!json_is_null(value)) {
        is_wrong = true;
    }
    struct slice kept = arena_copy(w->arena, slice_trim(text.len ? buf_slice(&text) : SLICE("")));
    bool is_out = text.has_failed || !kept.ptr;
    buf_free(&text);
    if (is_out) return err_memory();
    item->cells[which] = (struct cell_in){kept.ptr, (uint32_t)kept.len, (uint32_t)at->line, (uint32_t)json_column(at)};
    return is_wrong ? import_cell_fault(w, item, which, import_value_wrong()) : ERR_OK;
}

/* {"en": ...}: one cell for each language, or system. */
static struct err json_group(struct work *w, struct item *item, int first, const json_t *value, const struct json_places *at) {
    const char *name;
    json_t *one;
    struct err e = ERR_OK;
    int count = first == CELL_RATING ? CATALOG_SYSTEMS : TEXT_LANGUAGE_COUNT;
    for (int i = 0; i < count; i++) /* those that are not named are removed: the group was given */
        item->cells[first + i] = (struct cell_in){"", 0, (uint32_t)at->line, (uint32_t)json_column(at)};
    if (!json_is_object(value)) return import_cell_fault(w, item, first, import_value_wrong());
    json_object_foreach((json_t *)(uintptr_t)value, name, one) {
        int which = -1;
        for (int i = 0; i < count; i++)
            if (!strcmp(name, first == CELL_RATING ? catalog_system_name((enum catalog_system)i) : text_languages[i].code.ptr)) which = first + i;
        if (which < 0 || !(json_is_string(one) || json_is_null(one))) e = import_cell_fault(w, item, first, import_value_wrong());
        else e = json_text(w, item, which, one, at);
        if (e.kind) return e;
    }
    return e;
}

static struct err json_title(struct work *w, const json_t *title, struct json_places *p) {
    size_t start;
    struct item *item = import_item_new(w, p->line, json_column(p));
    if (!item) return err_memory();
    if (!json_is_object(title)) {
        json_skip(p);
        return import_fault(w, item->line, item->column, SLICE_NONE, import_value_wrong());
    }
    struct err e = ERR_OK;
    (void)json_next(p, &start); /* { */
    for (char c; !e.kind && (c = json_next(p, &start)) == '"';) {
        struct json_places at = *p;
        at.at = start;
        struct slice key = slice_sub(p->text, start + 1, p->at - 1);
        (void)json_next(p, &start); /* : */
        json_skip(p);
        int which = -1;
        for (int i = 0; i < CELLS; i++)
            if (slice_eq(key, slice_cstr(cell_names[i])) && (i < CELL_RATING || i >= CELL_PEOPLE)) which = i;
        if (slice_eq(key, SLICE("ratings"))) which = CELL_RATING;
        if (slice_eq(key, SLICE("names"))) which = CELL_NAME;
        if (slice_eq(key, SLICE("synopses"))) which = CELL_SYNOPSIS;
        const json_t *value = json_object_getn(title, key.ptr, key.len);
        if (which < 0 || !value)
            e = import_fault(w, at.line, json_column(&at), arena_copy(w->arena, slice_sub(key, 0, 60)), err_make(ERR_INPUT, "catalogue.member", "A title has no such member."));
        else if (which >= CELL_RATING && which < CELL_PEOPLE) e = json_group(w, item, which, value, &at);
        else e = json_text(w, item, which, value, &at);
        if (!e.kind && json_next(p, &start) != ',') break;
    }
    return e;
}

static struct err json_person(struct work *w, const json_t *person, struct json_places *p) {
    size_t line = p->line, column = json_column(p), at;
    json_skip(p);
    const json_t *names = json_object_get(person, "names");
    struct err wrong = err_make(ERR_INPUT, "person.name", "A person has a name in at least one language, of at most 200 characters, all of which can be shown.");
    struct slice id = arena_copy(w->arena, json_get_string(person, "id"));
    struct public_id public_id;
    if (!json_is_object(names) || !json_object_size(names) || !public_id_parse(id, &public_id)) return import_fault(w, line, column, SLICE("people"), wrong);
    struct person_in *in = import_person_new(w, id, &at);
    size_t known = in ? import_key_put(w, &w->person_keys, id, at) : SIZE_MAX;
    if (known == SIZE_MAX) return err_memory();
    if (known != at) return import_fault(w, line, column, SLICE("people"), err_make(ERR_INPUT, "catalogue.twice", "An earlier line is about the same title."));
    in->person = catalog_person_of_public_id(w->view, id);
    size_t found = 0;
    for (int lang = 0; lang < TEXT_LANGUAGE_COUNT; lang++) {
        const json_t *one = json_object_get(names, text_languages[lang].code.ptr);
        in->change.names[lang].has_name = true;
        in->change.names[lang].name = one && json_is_string(one) ? arena_copy(w->arena, slice_trim(slice_cstr(json_string_value(one)))) : SLICE("");
        found += one != NULL;
        if (!in->change.names[lang].name.ptr) return err_memory();
    }
    struct err e = person_check(&in->change);
    if (e.kind || found != json_object_size(names)) return import_fault(w, line, column, SLICE("people"), wrong);
    in->is_changed = !in->person || import_names_are_new(in);
    return ERR_OK;
}

/* The list is gone through in the tree and in the text at the same time. */
static struct err json_list(struct work *w, const json_t *list, struct json_places *p, struct err (*each)(struct work *, const json_t *, struct json_places *)) {
    size_t start;
    struct err e = ERR_OK;
    (void)json_next(p, &start); /* [ */
    for (size_t i = 0; !e.kind && i < json_array_size(list); i++) {
        for (; p->at < p->text.len && strchr(" \t\r\n", p->text.ptr[p->at]); p->at++) /* to its first byte */
            if (p->text.ptr[p->at] == '\n') {
                p->line++;
                p->line_start = p->text.ptr + p->at + 1;
            }
        e = each(w, json_array_get(list, i), p);
        (void)json_next(p, &start); /* , or ] */
    }
    return e;
}

struct err import_json_read(struct work *w, struct slice bytes) {
    json_t *root = NULL;
    struct err form = err_make(ERR_INPUT, "catalogue.form", "This is no catalogue: CSV with a header line, or JSON with a list \"titles\".");
    struct err e = json_parse(bytes, JSON_BYTES_MAX, &root);
    if (e.kind == ERR_INPUT) {
        json_error_t where = {0};
        json_t *again = json_loadb(bytes.ptr, bytes.len, JSON_REJECT_DUPLICATES, &where);
        if (again) json_decref(again);
        return import_fault(w, where.line > 0 ? (size_t)where.line : 1, where.column > 0 ? (size_t)where.column : 1, SLICE_NONE,
                        err_make(ERR_INPUT, "catalogue.json", "This is not JSON, or has a member twice."));
    }
    if (e.kind) return e;
    const json_t *titles = json_object_get(root, "titles"), *people = json_object_get(root, "people");
    if (!json_is_array(titles) || (people && !json_is_array(people)) || json_object_size(root) != 1 + (people != NULL)) {
        e = import_fault(w, 1, 1, SLICE_NONE, form);
    } else {
        for (int pass = 0; !e.kind && pass < 2; pass++) { /* people first, wherever they stand: titles refer to them */
            struct json_places p = {.text = bytes, .line = 1, .line_start = bytes.ptr};
            size_t start;
            (void)json_next(&p, &start); /* { */
            while (!e.kind && json_next(&p, &start) == '"') {
                bool is_titles = slice_eq(slice_sub(bytes, start + 1, p.at - 1), SLICE("titles"));
                (void)json_next(&p, &start); /* : */
                if (is_titles == (pass == 1)) e = json_list(w, is_titles ? titles : people, &p, is_titles ? json_title : json_person);
                else json_skip(&p);
                if (json_next(&p, &start) != ',') break;
            }
        }
    }
    json_decref(root);
    return e;
}
