/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/body.h"

#include <assert.h>
#include <string.h>

#include "base/utf8.h"

struct err body_open(struct body *b, struct arena *arena, struct slice text, size_t bytes_max) {
    *b = (struct body){.arena = arena};
    struct err e = text.len ? json_parse(text, bytes_max, &b->json) : ERR_OK;
    if (!e.kind && b->json && !json_is_object(b->json)) e = err_make(ERR_INPUT, "body.object", "The body of a request is a JSON object.");
    return e;
}

void body_close(struct body *b) {
    if (b->json) json_decref(b->json);
    b->json = NULL;
}

struct body_object body_root(struct body *b) { return (struct body_object){b, &b->shape, b->json}; }

/* --- asking --- */

static bool is_asked(const struct body_shape *shape, const char *name) {
    for (size_t i = 0; i < shape->count; i++)
        if (shape->names[i] == name || !strcmp(shape->names[i], name)) return true;
    return false;
}

const json_t *body_value(struct body_object o, const char *name) {
    assert(!o.body->has_ended);
    if (!is_asked(o.shape, name)) {
        assert(o.shape->count < BODY_NAMES_MAX);
        o.shape->names[o.shape->count++] = name;
    }
    return json_object_get(o.json, name);
}

bool body_has(struct body_object o, const char *name) { return body_value(o, name) != NULL; }

/* The first one is told. */
static void wrong_type(struct body_object o, const char *name, const char *what) {
    if (o.body->flaw_in) return;
    o.body->flaw = (struct body_flaw){.error = err_make(ERR_INPUT, "body.type", what), .about = slice_cstr(name), .shape = o.shape};
    o.body->flaw_in = o.json;
}

static const json_t *typed(struct body_object o, const char *name, bool (*is)(const json_t *), const char *what) {
    const json_t *value = body_value(o, name);
    if (!value || json_is_null(value)) return NULL;
    if (is(value)) return value;
    wrong_type(o, name, what);
    return NULL;
}

static bool is_text(const json_t *v) { return json_is_string(v); }
static bool is_number(const json_t *v) { return json_is_integer(v); }
static bool is_flag(const json_t *v) { return json_is_boolean(v); }
static bool is_object(const json_t *v) { return json_is_object(v); }
static bool is_list(const json_t *v) { return json_is_array(v); }

struct slice body_text(struct body_object o, const char *name) {
    const json_t *value = typed(o, name, is_text, "This member is a text.");
    if (!value) return SLICE_NONE;
    return json_string_length(value) ? slice_of(json_string_value(value), json_string_length(value)) : SLICE("");
}

bool body_number(struct body_object o, const char *name, int64_t *out) {
    const json_t *value = typed(o, name, is_number, "This member is a whole number.");
    if (value) *out = json_integer_value(value);
    return value;
}

bool body_flag(struct body_object o, const char *name, bool *out) {
    const json_t *value = typed(o, name, is_flag, "This member is true or false.");
    if (value) *out = json_is_true(value);
    return value;
}

/* The place that this member leads to. */
static struct body_shape *shape_within(struct body_object o, const char *name) {
    for (struct body_shape *s = o.shape->first; s; s = s->next)
        if (!strcmp(s->name, name)) return s;
    struct body_shape *s = ARENA_NEW(o.body->arena, struct body_shape);
    if (!s) return NULL;
    *s = (struct body_shape){.name = name, .next = o.shape->first};
    o.shape->first = s;
    return s;
}

static struct body_object object_at(struct body_object o, const char *name, const json_t *json) {
    struct body_shape *shape = shape_within(o, name);
    if (shape) return (struct body_object){o.body, shape, json};
    o.body->error = err_memory();
    o.body->lost = (struct body_shape){0};
    return (struct body_object){o.body, &o.body->lost, NULL};
}

struct body_object body_object(struct body_object o, const char *name) {
    const json_t *json = typed(o, name, is_object, "This member is an object.");
    return object_at(o, name, json);
}

size_t body_list(struct body_object o, const char *name) { return json_array_size(typed(o, name, is_list, "This member is a list of objects.")); }

struct body_object body_item(struct body_object o, const char *name, size_t at) {
    const json_t *json = json_array_get(body_value(o, name), at);
    if (json && !json_is_object(json)) {
        wrong_type(o, name, "This member is a list of objects.");
        json = NULL;
    }
    return object_at(o, name, json);
}

/* --- what was meant --- */

enum { WORD_MAX = 40, WORDS_MAX = 8 };
struct spelling {
    char text[WORD_MAX + WORDS_MAX]; /* small letters, words parted by '_' */
    size_t len;
};

static struct spelling spelling_of(struct slice name) {
    struct spelling s = {0};
    for (size_t i = 0; i < name.len && s.len < WORD_MAX; i++) {
        char c = name.ptr[i];
        bool is_capital = c >= 'A' && c <= 'Z', was_capital = i && name.ptr[i - 1] >= 'A' && name.ptr[i - 1] <= 'Z';
        bool begins = c == '_' || c == '-' || c == ' ' || c == '.' || (is_capital && !was_capital);
        if (begins && s.len && s.text[s.len - 1] != '_') s.text[s.len++] = '_';
        if (is_capital) s.text[s.len++] = (char)(c - 'A' + 'a');
        else if (!begins) s.text[s.len++] = c;
    }
    return s;
}

/* The words in the order of the alphabet, so that max_age and age_max are one. */
static struct spelling sorted(const struct spelling *s) {
    struct slice words[WORDS_MAX], rest = slice_of(s->text, s->len), word;
    size_t count = 0;
    struct spelling out = {0};
    while (slice_next(&rest, '_', &word)) {
        if (count == WORDS_MAX) return *s;
        size_t at = count++;
        for (; at && slice_compare(words[at - 1], word) > 0; at--) words[at] = words[at - 1];
        words[at] = word;
    }
    for (size_t i = 0; i < count && out.len + words[i].len + 1 <= sizeof out.text; i++) {
        if (i) out.text[out.len++] = '_';
        if (words[i].len) memcpy(out.text + out.len, words[i].ptr, words[i].len);
        out.len += words[i].len;
    }
    return out;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Letters to put in, leave out, change, or swap with the next (optimal string alignment). */
static size_t distance(const struct spelling *a, const struct spelling *b) {
    enum { SIDE = sizeof a->text + 1 };
    uint8_t rows[3][SIDE]; /* the one before the last, the last, this */
    for (size_t j = 0; j <= b->len; j++) rows[1][j] = (uint8_t)j;
    memset(rows[0], 0, SIDE);
    for (size_t i = 1; i <= a->len; i++) {
        rows[2][0] = (uint8_t)i;
        for (size_t j = 1; j <= b->len; j++) {
            bool is_same = a->text[i - 1] == b->text[j - 1];
            size_t d = least(least(rows[1][j] + 1u, rows[2][j - 1] + 1u), rows[1][j - 1] + !is_same);
            if (i > 1 && j > 1 && a->text[i - 1] == b->text[j - 2] && a->text[i - 2] == b->text[j - 1]) d = least(d, rows[0][j - 2] + 1u);
            rows[2][j] = (uint8_t)d;
        }
        memcpy(rows[0], rows[1], SIDE);
        memcpy(rows[1], rows[2], b->len + 1);
    }
    return rows[1][b->len];
}

const char *body_near(struct slice name, const char *const *names, size_t count) {
    if (name.len > WORD_MAX) return NULL;
    struct spelling wrong = spelling_of(name), wrong_sorted = sorted(&wrong);
    const char *nearest = NULL;
    size_t nearest_at = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        struct spelling right = spelling_of(slice_cstr(names[i])), right_sorted = sorted(&right);
        size_t d = least(distance(&wrong, &right), distance(&wrong_sorted, &right_sorted));
        if (d <= (right.len < 6 ? 1 : right.len / 3) && d < right.len && d < nearest_at) {
            nearest = names[i];
            nearest_at = d;
        }
    }
    return nearest;
}

/* --- the end --- */

/* Where an object stands, as the walk goes down to it. */
struct step {
    const struct step *above;
    const char *name;
    size_t at; /* of a list; SIZE_MAX: of none */
};

static struct slice path_to(struct arena *arena, const struct step *step) {
    if (!step) return SLICE("");
    struct slice above = path_to(arena, step->above);
    if (step->at == SIZE_MAX) return arena_printf(arena, "%.*s%s.", SLICE_ARG(above), step->name);
    return arena_printf(arena, "%.*s%s[%zu].", SLICE_ARG(above), step->name, step->at);
}

/* As much of a name from outside as people can read. */
static struct slice shown(struct arena *arena, struct slice path, struct slice name) {
    size_t len = 0, chars = 0;
    while (len < name.len && chars < BODY_ABOUT_CHARS_MAX) {
        size_t n = utf8_step(slice_sub(name, len, name.len));
        len += n ? n : 1;
        chars++;
    }
    return arena_printf(arena, "%.*s%.*s%s", SLICE_ARG(path), (int)len, name.ptr, len < name.len ? "…" : "");
}

/* The known names that are not in the object: one that is was not meant a second time. */
static const char *meant(const struct body_shape *shape, const json_t *object, struct slice name) {
    const char *free_names[BODY_NAMES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < shape->count; i++)
        if (!json_object_get(object, shape->names[i])) free_names[count++] = shape->names[i];
    return body_near(name, free_names, count);
}

/* Down the places that readers asked for, no deeper. True: something is unknown, and `flaw` says what. Finds the place of a wrong type on its way. */
static bool find_unknown(struct body *b, const struct body_shape *shape, const json_t *object, const struct step *step) {
    const char *name;
    json_t *value;
    if (b->flaw_in == object) {
        b->flaw.about = shown(b->arena, path_to(b->arena, step), b->flaw.about);
        b->flaw_in = NULL;
    }
    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        if (is_asked(shape, name)) continue;
        b->flaw = (struct body_flaw){.error = err_make(ERR_INPUT, "body.unknown", "The body of this request has a member that is not known here. Nothing was done."),
                                     .about = shown(b->arena, path_to(b->arena, step), slice_cstr(name)),
                                     .meant = slice_cstr(meant(shape, object, slice_cstr(name))),
                                     .shape = shape};
        return true;
    }
    for (const struct body_shape *s = shape->first; s; s = s->next) {
        value = json_object_get(object, s->name);
        struct step below = {step, s->name, SIZE_MAX};
        if (json_is_object(value) && find_unknown(b, s, value, &below)) return true;
        for (below.at = 0; below.at < json_array_size(value); below.at++) {
            json_t *item = json_array_get(value, below.at);
            if (json_is_object(item) && find_unknown(b, s, item, &below)) return true;
        }
    }
    return false;
}

struct err body_end_after(struct body *b, struct err found) {
    b->has_ended = true;
    if (b->error.kind) return b->error;
    if (found.kind && found.kind != ERR_INPUT && found.kind != ERR_NOT_FOUND) return found;
    if (b->json) find_unknown(b, &b->shape, b->json, NULL);
    return b->flaw.error.kind ? b->flaw.error : found;
}

struct err body_end(struct body *b) { return body_end_after(b, ERR_OK); }
