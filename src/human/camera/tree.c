/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "human/camera/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/json.h"
#include "base/utf8.h"

void camera_note_set(struct camera_note *note, int line, const char *format, ...) {
    note->line = line;
    va_list args;
    va_start(args, format);
    vsnprintf(note->text, sizeof note->text, format, args);
    va_end(args);
}

static struct err syntax(struct camera_note *note, int line, const char *what) {
    camera_note_set(note, line, "%s", what);
    return err_make(ERR_INPUT, "camera.syntax", "The calibration file is not well-formed.");
}

struct tree *tree_add(struct arena *mem, struct tree *parent, enum tree_kind kind, struct slice key, int line) {
    struct tree *t = ARENA_NEW(mem, struct tree);
    if (!t) return NULL;
    t->kind = kind, t->key = key, t->line = line;
    if (parent) {
        if (parent->last) parent->last->next = t;
        else parent->first = t;
        parent->last = t;
        parent->count++;
    }
    return t;
}

struct tree *tree_get(const struct tree *table, struct slice key) {
    if (!table || table->kind != TREE_TABLE) return NULL;
    for (struct tree *t = table->first; t; t = t->next) {
        if (slice_eq(t->key, key)) return t;
    }
    return NULL;
}

bool tree_numbers(const struct tree *t, double *out, size_t limit, size_t *count) {
    if (t->kind == TREE_NUMBER) {
        if (*count >= limit) return false;
        out[(*count)++] = t->number;
        return true;
    }
    if (t->kind != TREE_ARRAY) return false;
    for (const struct tree *c = t->first; c; c = c->next) {
        if (!tree_numbers(c, out, limit, count)) return false;
    }
    return true;
}

bool tree_parse_number(struct slice s, double *out) {
    char text[64];
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '_' && i > 0 && i + 1 < s.len) continue;
        if (len + 1 >= sizeof text) return false;
        bool is_part = (c >= '0' && c <= '9') || c == '.' || c == '+' || c == '-' || c == 'e' || c == 'E';
        bool is_word = strchr("infaINFA", c) && c; /* inf and nan, as TOML and YAML (".inf") write them */
        if (!is_part && !is_word) return false;
        text[len++] = c;
    }
    if (!len) return false;
    text[len] = 0;
    const char *from = text;
    if (len > 1 && text[0] == '.' && (text[1] | 32) >= 'a') from++;                                 /* .inf, .nan */
    else if (len > 2 && strchr("+-", text[0]) && text[1] == '.' && (text[2] | 32) >= 'a') text[1] = text[0], from++; /* -.inf */
    char *end;
    *out = strtod(from, &end);
    return *end == 0 && end != from;
}

/* ---- TOML ----
 * The subset that calibration files use: tables and dotted table names, arrays of tables, bare, quoted and dotted keys, basic and literal strings
 * on one line, numbers, booleans, arrays over several lines, comments. Not: multi-line strings, inline tables, dates
 * (kept as text). */

struct toml {
    struct arena *mem;
    struct slice text;
    size_t at;
    int line;
    size_t nodes;
    struct camera_note *note;
};

static int peek(const struct toml *t) { return t->at < t->text.len ? (unsigned char)t->text.ptr[t->at] : -1; }

static void skip_blank(struct toml *t) {
    while (peek(t) == ' ' || peek(t) == '\t' || peek(t) == '\r') t->at++;
}

static void skip_comment(struct toml *t) {
    if (peek(t) == '#') {
        while (peek(t) != -1 && peek(t) != '\n') t->at++;
    }
}

/* Blanks, comments and line ends: between the members of an array and between statements. */
static void skip_lines(struct toml *t) {
    for (;;) {
        skip_blank(t);
        skip_comment(t);
        if (peek(t) != '\n') return;
        t->at++, t->line++;
    }
}

static struct err add_node(struct toml *t, struct tree *parent, enum tree_kind kind, struct slice key, struct tree **out) {
    if (++t->nodes > TREE_NODES_MAX || (parent->kind == TREE_TABLE && parent->count >= TREE_NAMES_MAX)) return err_make(ERR_LIMIT, "camera.large", "The calibration file holds more values than are accepted.");
    *out = tree_add(t->mem, parent, kind, key, t->line);
    return *out ? ERR_OK : err_memory();
}

static struct err read_string(struct toml *t, struct slice *out) {
    char quote = (char)peek(t);
    size_t from = ++t->at;
    bool has_escape = false;
    for (;; t->at++) {
        int c = peek(t);
        if (c == -1 || c == '\n') return syntax(t->note, t->line, "A quoted text does not end on its line.");
        if (c == quote) break;
        if (c == '\\' && quote == '"') {
            has_escape = true;
            t->at++;
            if (peek(t) == -1 || peek(t) == '\n') return syntax(t->note, t->line, "A quoted text does not end on its line.");
        }
    }
    struct slice raw = slice_sub(t->text, from, t->at);
    t->at++;
    if (!utf8_is_valid(raw)) return syntax(t->note, t->line, "A quoted text is not UTF-8.");
    if (!has_escape) {
        *out = raw;
        return ERR_OK;
    }
    char *clean = arena_alloc(t->mem, raw.len);
    if (!clean) return err_memory();
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '\\') {
            c = raw.ptr[++i];
            if (c == 'n') c = '\n';
            else if (c == 't') c = '\t';
            else if (c == 'r') c = '\r';
            else if (c != '"' && c != '\\' && c != '\'') return syntax(t->note, t->line, "A quoted text has an escape that is not known here.");
        }
        clean[len++] = c;
    }
    *out = slice_of(clean, len);
    return ERR_OK;
}

static bool is_bare(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; }

static struct err read_key(struct toml *t, struct slice *out) {
    if (peek(t) == '"' || peek(t) == '\'') return read_string(t, out);
    size_t from = t->at;
    while (is_bare(peek(t))) t->at++;
    *out = slice_sub(t->text, from, t->at);
    return out->len ? ERR_OK : syntax(t->note, t->line, "Expected a name here: letters, digits, _ and -, or a quoted text.");
}

static struct err read_value(struct toml *t, struct tree *parent, struct slice key, int depth) {
    struct tree *node = NULL;
    struct err e;
    if (depth > TREE_DEPTH_MAX) return syntax(t->note, t->line, "Arrays are nested more than 16 levels deep.");
    int c = peek(t);
    if (c == '[') {
        if ((e = add_node(t, parent, TREE_ARRAY, key, &node)).kind) return e;
        t->at++;
        for (;;) {
            skip_lines(t);
            if (peek(t) == ']') break;
            if ((e = read_value(t, node, SLICE_NONE, depth + 1)).kind) return e;
            skip_lines(t);
            if (peek(t) == ',') t->at++;
            else if (peek(t) != ']') return syntax(t->note, t->line, "Expected a comma or ] in an array.");
        }
        t->at++;
        return ERR_OK;
    }
    if (c == '"' || c == '\'') {
        if ((e = add_node(t, parent, TREE_STRING, key, &node)).kind) return e;
        return read_string(t, &node->text);
    }
    size_t from = t->at;
    while (peek(t) != -1 && !strchr(",]#\r\n\t ", peek(t))) t->at++;
    struct slice word = slice_sub(t->text, from, t->at);
    if (!word.len) return syntax(t->note, t->line, "A value is missing.");
    double number;
    if (slice_eq(word, SLICE("true")) || slice_eq(word, SLICE("false"))) {
        if ((e = add_node(t, parent, TREE_BOOL, key, &node)).kind) return e;
        node->number = word.ptr[0] == 't';
    } else if (tree_parse_number(word, &number)) {
        if ((e = add_node(t, parent, TREE_NUMBER, key, &node)).kind) return e;
        node->number = number;
    } else if (word.ptr[0] >= '0' && word.ptr[0] <= '9' && slice_find_byte(word, '-') != SLICE_NPOS) { /* a date: kept as it is */
        if ((e = add_node(t, parent, TREE_STRING, key, &node)).kind) return e;
        node->text = word;
    } else return syntax(t->note, t->line, "This value is neither number, text, true, false nor an array.");
    return ERR_OK;
}

/* Walks a.b.c, making tables as needed; *table becomes where the last name belongs, *last that name. */
static struct err read_path(struct toml *t, struct tree **table, struct slice *last) {
    for (int depth = 0; depth <= TREE_DEPTH_MAX; depth++) {
        struct err e;
        skip_blank(t);
        if ((e = read_key(t, last)).kind) return e;
        skip_blank(t);
        if (peek(t) != '.') return ERR_OK;
        t->at++;
        struct tree *next = tree_get(*table, *last);
        if (next && next->kind == TREE_ARRAY && next->last && next->last->kind == TREE_TABLE) next = next->last;
        if (!next && (e = add_node(t, *table, TREE_TABLE, *last, &next)).kind) return e;
        if (next->kind != TREE_TABLE) return syntax(t->note, t->line, "A name is used both for a value and for a table.");
        *table = next;
    }
    return syntax(t->note, t->line, "A name has more than 16 parts.");
}

static struct err end_of_line(struct toml *t) {
    skip_blank(t);
    skip_comment(t);
    if (peek(t) == -1) return ERR_OK;
    if (peek(t) != '\n') return syntax(t->note, t->line, "Something follows on the line that does not belong there.");
    return ERR_OK;
}

struct err tree_parse_toml(struct arena *mem, struct slice text, struct tree **out, struct camera_note *note) {
    struct toml t = {.mem = mem, .text = text, .line = 1, .note = note};
    if (slice_starts_with(text, SLICE("\xef\xbb\xbf"))) t.at = 3;
    struct tree *root = tree_add(mem, NULL, TREE_TABLE, SLICE_NONE, 1), *current = root;
    if (!root) return err_memory();
    for (;;) {
        skip_lines(&t);
        if (peek(&t) == -1) break;
        struct err e;
        struct slice name;
        if (peek(&t) == '[') {
            t.at++;
            bool is_list = peek(&t) == '[';
            if (is_list) t.at++;
            struct tree *where = root;
            if ((e = read_path(&t, &where, &name)).kind) return e;
            for (int i = 0; i < 1 + is_list; i++) {
                if (peek(&t) != ']') return syntax(note, t.line, "Expected ] at the end of a table's name.");
                t.at++;
            }
            struct tree *there = tree_get(where, name);
            if (is_list) {
                if (!there && (e = add_node(&t, where, TREE_ARRAY, name, &there)).kind) return e;
                if (there->kind != TREE_ARRAY) return syntax(note, t.line, "A name is used both for a value and for a list of tables.");
                if ((e = add_node(&t, there, TREE_TABLE, SLICE_NONE, &current)).kind) return e;
            } else {
                if (!there && (e = add_node(&t, where, TREE_TABLE, name, &there)).kind) return e;
                if (there->kind != TREE_TABLE) return syntax(note, t.line, "A name is used both for a value and for a table.");
                current = there;
            }
        } else {
            struct tree *where = current;
            if ((e = read_path(&t, &where, &name)).kind) return e;
            if (peek(&t) != '=') return syntax(note, t.line, "Expected name = value.");
            if (tree_get(where, name)) return syntax(note, t.line, "This name was given before.");
            t.at++;
            skip_blank(&t);
            if ((e = read_value(&t, where, name, 0)).kind) return e;
        }
        if ((e = end_of_line(&t)).kind) return e;
    }
    *out = root;
    return ERR_OK;
}

/* ---- YAML, by libyaml ---- */

struct err tree_parse_yaml(struct arena *mem, struct slice text, struct tree **out, struct camera_note *note) {
    /* cv::FileStorage begins with "%YAML:1.0", which no YAML version allows (the directive wants a blank): left out. */
    struct slice body = text;
    int lines_skipped = 0;
    if (slice_starts_with(body, SLICE("\xef\xbb\xbf"))) body = slice_sub(body, 3, body.len);
    if (slice_starts_with(body, SLICE("%YAML:"))) {
        size_t end = slice_find_byte(body, '\n');
        body = slice_sub(body, end == SLICE_NPOS ? body.len : end + 1, body.len);
        lines_skipped = 1;
    }
    if (!body.len) return syntax(note, 0, "The file holds no names with values."); /* libyaml asserts that there is something */
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) return err_memory();
    yaml_parser_set_input_string(&parser, (const unsigned char *)body.ptr, body.len);
    struct tree *stack[TREE_DEPTH_MAX], *root = NULL;
    struct slice keys[TREE_DEPTH_MAX] = {{0}};
    bool has_key[TREE_DEPTH_MAX] = {0};
    int depth = 0;
    size_t nodes = 0;
    struct err e = ERR_OK;
    for (bool is_done = false; !is_done && !e.kind;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            e = parser.error == YAML_MEMORY_ERROR ? err_memory() : syntax(note, (int)parser.problem_mark.line + 1 + lines_skipped, "This is not valid YAML here.");
            break;
        }
        int line = (int)event.start_mark.line + 1 + lines_skipped;
        struct tree *parent = depth ? stack[depth - 1] : NULL;
        bool is_table = parent && parent->kind == TREE_TABLE;
        bool is_value = event.type == YAML_SCALAR_EVENT || event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT;
        if (is_value && (++nodes > TREE_NODES_MAX || (is_table && parent->count >= TREE_NAMES_MAX))) e = err_make(ERR_LIMIT, "camera.large", "The calibration file holds more values than are accepted.");
        else if (event.type == YAML_ALIAS_EVENT) e = syntax(note, line, "References (*name) are not accepted in a calibration.");
        else if (event.type == YAML_STREAM_END_EVENT) is_done = true;
        else if (event.type == YAML_DOCUMENT_START_EVENT && root) e = syntax(note, line, "The file holds more than one document.");
        else if (event.type == YAML_SCALAR_EVENT) {
            struct slice value = slice_of(event.data.scalar.value, event.data.scalar.length);
            if (is_table && !has_key[depth - 1]) {
                keys[depth - 1] = arena_copy(mem, value);
                has_key[depth - 1] = true;
                if (!keys[depth - 1].ptr) e = err_memory();
                else if (tree_get(parent, value)) e = syntax(note, line, "This name was given before.");
            } else {
                double number;
                bool is_plain = event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
                bool is_number = is_plain && tree_parse_number(value, &number);
                struct tree *t = tree_add(mem, parent, is_number ? TREE_NUMBER : TREE_STRING, is_table ? keys[depth - 1] : SLICE_NONE, line);
                if (!t) e = err_memory();
                else if (is_number) t->number = number;
                else if (!(t->text = arena_copy(mem, value)).ptr) e = err_memory();
                if (is_table) has_key[depth - 1] = false;
                if (!root) root = t;
            }
        } else if (is_value) {
            if (is_table && !has_key[depth - 1]) e = syntax(note, line, "A name must be plain text.");
            else if (depth == TREE_DEPTH_MAX) e = syntax(note, line, "The file is nested more than 16 levels deep.");
            else {
                struct tree *t = tree_add(mem, parent, event.type == YAML_MAPPING_START_EVENT ? TREE_TABLE : TREE_ARRAY,
                                          is_table ? keys[depth - 1] : SLICE_NONE, line);
                if (!t) e = err_memory();
                else {
                    if (is_table) has_key[depth - 1] = false;
                    has_key[depth] = false;
                    stack[depth++] = t;
                    if (!root) root = t;
                }
            }
        } else if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT) depth--;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (e.kind) return e;
    if (!root || root->kind != TREE_TABLE) return syntax(note, 0, "The file holds no names with values.");
    *out = root;
    return ERR_OK;
}

/* ---- JSON ---- */

static struct tree *from_json(struct arena *mem, struct tree *parent, struct slice key, const json_t *j) {
    struct tree *t;
    if (json_is_object(j)) {
        t = tree_add(mem, parent, TREE_TABLE, key, 0);
        void *it = t ? json_object_iter((json_t *)j) : NULL;
        for (; it; it = json_object_iter_next((json_t *)j, it)) {
            struct slice name = arena_copy(mem, slice_cstr(json_object_iter_key(it)));
            if (!name.ptr || !from_json(mem, t, name, json_object_iter_value(it))) return NULL;
        }
    } else if (json_is_array(j)) {
        t = tree_add(mem, parent, TREE_ARRAY, key, 0);
        for (size_t i = 0; t && i < json_array_size(j); i++) {
            if (!from_json(mem, t, SLICE_NONE, json_array_get(j, i))) return NULL;
        }
    } else if (json_is_string(j)) {
        t = tree_add(mem, parent, TREE_STRING, key, 0);
        if (t && !(t->text = arena_copy(mem, slice_of(json_string_value(j), json_string_length(j)))).ptr) return NULL;
    } else {
        t = tree_add(mem, parent, json_is_boolean(j) ? TREE_BOOL : TREE_NUMBER, key, 0);
        if (t) t->number = json_is_boolean(j) ? json_is_true(j) : json_is_number(j) ? json_number_value(j) : NAN; /* null is unknown */
    }
    return t;
}

struct err tree_parse_json(struct arena *mem, struct slice text, struct tree **out, struct camera_note *note) {
    json_t *root;
    struct err e = json_parse(text, 64 << 20, &root);
    if (e.kind == ERR_INPUT) return syntax(note, 0, e.what);
    if (e.kind) return e;
    if (!json_is_object(root)) e = syntax(note, 0, "The file is JSON, but not an object.");
    else {
        struct tree *t = from_json(mem, NULL, SLICE_NONE, root);
        if (t) *out = t;
        else e = err_memory();
    }
    json_decref(root);
    return e;
}
