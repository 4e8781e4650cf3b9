/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

enum { DEPTH_MAX = 32 };

struct json_writer json_writer_of(struct buf *out) { return (struct json_writer){.out = out}; }

static uint32_t level_bit(const struct json_writer *w) { return 1u << (w->depth - 1); }

/* Before each value: a comma if it is not the first of its array. */
static void value_begin(struct json_writer *w) {
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (!w->depth) return;
    assert(!(w->is_object & level_bit(w))); /* a member of an object needs a key */
    if (w->has_member & level_bit(w)) buf_u8(w->out, ',');
    w->has_member |= level_bit(w);
}

static void nest(struct json_writer *w, bool is_object) {
    value_begin(w);
    assert(w->depth < DEPTH_MAX);
    w->depth++;
    w->has_member &= ~level_bit(w);
    if (is_object) w->is_object |= level_bit(w);
    else w->is_object &= ~level_bit(w);
    buf_u8(w->out, is_object ? '{' : '[');
}

void json_begin_object(struct json_writer *w) { nest(w, true); }
void json_begin_array(struct json_writer *w) { nest(w, false); }

void json_end(struct json_writer *w) {
    assert(w->depth > 0);
    assert(!w->after_key);
    buf_u8(w->out, w->is_object & level_bit(w) ? '}' : ']');
    w->depth--;
}

void json_key(struct json_writer *w, const char *name) {
    assert(w->depth > 0 && (w->is_object & level_bit(w)));
    assert(!w->after_key);
    if (w->has_member & level_bit(w)) buf_u8(w->out, ',');
    w->has_member |= level_bit(w);
    json_quote(w->out, slice_cstr(name));
    buf_u8(w->out, ':');
    w->after_key = true;
}

void json_quote(struct buf *out, struct slice s) {
    static const char hex[] = "0123456789abcdef";
    buf_u8(out, '"');
    size_t clean_from = 0;
    for (size_t i = 0; i < s.len;) {
        unsigned char c = (unsigned char)s.ptr[i];
        size_t step = c < 0x80 ? 1 : utf8_step(slice_sub(s, i, s.len));
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f && step) {
            i += step;
            continue;
        }
        buf_bytes(out, s.ptr + clean_from, i - clean_from);
        if (!step) buf_cstr(out, "\xef\xbf\xbd"), step = 1;
        else if (c == '\n') buf_cstr(out, "\\n");
        else if (c == '\r') buf_cstr(out, "\\r");
        else if (c == '\t') buf_cstr(out, "\\t");
        else if (c < 0x20 || c == 0x7f) buf_bytes(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        else buf_bytes(out, (char[]){'\\', (char)c}, 2);
        i += step;
        clean_from = i;
    }
    if (s.len > clean_from) buf_bytes(out, s.ptr + clean_from, s.len - clean_from);
    buf_u8(out, '"');
}

void json_add_string(struct json_writer *w, struct slice s) {
    value_begin(w);
    json_quote(w->out, s);
}

void json_add_cstr(struct json_writer *w, const char *text) {
    if (text) json_add_string(w, slice_cstr(text));
    else json_add_null(w);
}

void json_add_raw(struct json_writer *w, struct slice s) {
    value_begin(w);
    buf_append(w->out, s);
}

void json_add_number(struct json_writer *w, int64_t n) {
    assert(n <= INT64_C(1) << 53 && n >= -(INT64_C(1) << 53));
    value_begin(w);
    buf_printf(w->out, "%lld", (long long)n);
}

void json_add_double(struct json_writer *w, double x) {
    if (!isfinite(x)) {
        json_add_null(w);
        return;
    }
    value_begin(w);
    buf_double(w->out, x);
}

void json_add_bool(struct json_writer *w, bool b) { json_add_raw(w, b ? SLICE("true") : SLICE("false")); }
void json_add_null(struct json_writer *w) { json_add_raw(w, SLICE("null")); }

void json_add_id(struct json_writer *w, int64_t id) {
    value_begin(w);
    buf_printf(w->out, "\"%lld\"", (long long)id);
}

void json_put_string(struct json_writer *w, const char *name, struct slice s) { json_key(w, name), json_add_string(w, s); }
void json_put_cstr(struct json_writer *w, const char *name, const char *s) { json_key(w, name), json_add_cstr(w, s); }
void json_put_number(struct json_writer *w, const char *name, int64_t n) { json_key(w, name), json_add_number(w, n); }
void json_put_double(struct json_writer *w, const char *name, double x) { json_key(w, name), json_add_double(w, x); }
void json_put_bool(struct json_writer *w, const char *name, bool b) { json_key(w, name), json_add_bool(w, b); }
void json_put_id(struct json_writer *w, const char *name, int64_t id) { json_key(w, name), json_add_id(w, id); }

/* jansson recurses up to 2048 levels; 64 are more than any of our messages has. Counted here, outside strings, before
 * anything is allocated. */
static bool is_too_deep(struct slice s) {
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (in_string) {
            if (c == '\\') i++;
            else if (c == '"') in_string = false;
        } else if (c == '"') in_string = true;
        else if (c == '{' || c == '[') {
            if (++depth > 64) return true;
        } else if (c == '}' || c == ']') depth--;
    }
    return false;
}

struct err json_parse(struct slice text, size_t bytes_max, json_t **out) {
    if (text.len > bytes_max) return err_make(ERR_LIMIT, "json.large", "The JSON text is larger than is accepted here.");
    if (is_too_deep(text)) return err_make(ERR_INPUT, "json.syntax", "The JSON text is nested more than 64 levels deep.");
    json_error_t error;
    json_t *root = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        if (json_error_code(&error) == json_error_out_of_memory) return err_memory();
        return err_make(ERR_INPUT, "json.syntax", "This is not valid JSON.");
    }
    *out = root;
    return ERR_OK;
}

struct slice json_get_string(const json_t *object, const char *name) {
    const json_t *v = json_object_get(object, name);
    return json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v)) : SLICE_NONE;
}

bool json_get_integer(const json_t *object, const char *name, int64_t *out) {
    const json_t *v = json_object_get(object, name);
    if (!json_is_integer(v)) return false;
    *out = json_integer_value(v);
    return true;
}

bool json_get_bool(const json_t *object, const char *name, bool *out) {
    const json_t *v = json_object_get(object, name);
    if (!json_is_boolean(v)) return false;
    *out = json_is_true(v);
    return true;
}
