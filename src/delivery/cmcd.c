/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "delivery/cmcd.h"

/* One value: a bare item, the content of a string, or an inner list. */
struct value {
    enum { VALUE_TRUE, VALUE_BARE, VALUE_STRING, VALUE_LIST } kind;
    struct slice text; /* a string's with its escapes */
};

struct reader {
    const char *at, *end;
};

static void skip_blanks(struct reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t')) r->at++;
}

static bool is_key_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '*';
}

static bool is_bare_byte(char c) { return c > ' ' && c < 0x7f && c != ',' && c != ';' && c != '"' && c != '(' && c != ')' && c != '='; }

static struct slice take_while(struct reader *r, bool (*is_one)(char)) {
    const char *from = r->at;
    while (r->at < r->end && is_one(*r->at)) r->at++;
    return slice_of(from, (size_t)(r->at - from));
}

/* At the opening quote. False: it does not end. */
static bool take_string(struct reader *r, struct slice *out) {
    const char *from = ++r->at;
    while (r->at < r->end && *r->at != '"') {
        if (*r->at == '\\' && r->at + 1 < r->end) r->at++;
        r->at++;
    }
    if (r->at >= r->end) return false;
    *out = slice_of(from, (size_t)(r->at - from));
    r->at++;
    return true;
}

/* At the opening bracket. Lists in lists there are none. */
static bool take_list(struct reader *r, struct slice *out) {
    const char *from = ++r->at;
    struct slice inside;
    while (r->at < r->end && *r->at != ')') {
        if (*r->at == '(') return false;
        if (*r->at == '"') {
            if (!take_string(r, &inside)) return false;
        } else {
            r->at++;
        }
    }
    if (r->at >= r->end) return false;
    *out = slice_of(from, (size_t)(r->at - from));
    r->at++;
    return true;
}

static bool take_item(struct reader *r, struct value *out) {
    if (r->at >= r->end) return false;
    if (*r->at == '"') {
        out->kind = VALUE_STRING;
        return take_string(r, &out->text);
    }
    if (*r->at == '(') {
        out->kind = VALUE_LIST;
        return take_list(r, &out->text);
    }
    out->kind = VALUE_BARE;
    out->text = take_while(r, is_bare_byte);
    return out->text.len > 0;
}

/* ";a=1;b": said of the value before it; nothing of it concerns us. */
static bool skip_parameters(struct reader *r) {
    struct value unused;
    for (int i = 0; r->at < r->end && *r->at == ';'; i++) {
        r->at++;
        skip_blanks(r);
        if (i >= CMCD_KEYS_MAX || take_while(r, is_key_byte).len == 0) return false;
        if (r->at < r->end && *r->at == '=') {
            r->at++;
            if (!take_item(r, &unused)) return false;
        }
    }
    return true;
}

/* A number rounded down, held to 0..max; decimals are cut off. */
static bool number_of(struct slice text, int64_t max, int64_t *out) {
    uint64_t n;
    size_t dot = slice_find_byte(text, '.');
    if (dot != SLICE_NPOS) text = slice_sub(text, 0, dot);
    if (text.len > 18 || !slice_to_u64(text, &n)) return false;
    *out = n > (uint64_t)max ? max : (int64_t)n;
    return true;
}

/* Of a list the largest. Its items have parameters of their own: "(5000;v 128;a)". */
static bool value_number(const struct value *v, int64_t max, int64_t *out) {
    if (v->kind == VALUE_BARE) return number_of(v->text, max, out);
    if (v->kind != VALUE_LIST) return false;
    bool has_one = false;
    struct slice rest = v->text, item;
    while (rest.len && slice_next(&rest, ' ', &item)) {
        struct slice number;
        int64_t n;
        if (!slice_next(&item, ';', &number) || !number_of(number, max, &n)) continue;
        if (!has_one || n > *out) *out = n;
        has_one = true;
    }
    return has_one;
}

static bool is_true(const struct value *v) {
    return v->kind == VALUE_TRUE || (v->kind == VALUE_BARE && (slice_eq(v->text, SLICE("true")) || slice_eq(v->text, SLICE("?1"))));
}

static void keep_sid(struct slice text, struct cmcd *out) {
    size_t len = 0;
    for (size_t i = 0; i < text.len && len < CMCD_SID_MAX; i++) {
        if (text.ptr[i] == '\\' && i + 1 < text.len) i++;
        out->sid[len++] = text.ptr[i];
    }
    out->sid[len] = '\0';
    out->sid_len = len;
}

static enum cmcd_object object_of(struct slice token) {
    if (slice_eq(token, SLICE("v")) || slice_eq(token, SLICE("av"))) return CMCD_OBJECT_VIDEO;
    if (slice_eq(token, SLICE("a"))) return CMCD_OBJECT_AUDIO;
    if (slice_eq(token, SLICE("m"))) return CMCD_OBJECT_MANIFEST;
    return slice_eq(token, SLICE("i")) ? CMCD_OBJECT_INIT : CMCD_OBJECT_OTHER;
}

/* Is it one of ours, and well formed? */
static bool take_over(struct slice key, const struct value *v, struct cmcd *out) {
    const struct {
        const char *name;
        int64_t max, *to;
    } numbers[] = {
        {"br", CMCD_KBPS_MAX, &out->bitrate_kbps}, {"mtp", CMCD_KBPS_MAX, &out->throughput_kbps}, {"bl", CMCD_MS_MAX, &out->buffer_ms},
        {"ltc", CMCD_MS_MAX, &out->latency_ms},    {"msd", CMCD_MS_MAX, &out->start_delay_ms},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (slice_eq(key, slice_cstr(numbers[i].name))) return value_number(v, numbers[i].max, numbers[i].to);
    if (slice_eq(key, SLICE("bs"))) return (out->has_starved |= is_true(v));
    if (slice_eq(key, SLICE("su"))) return (out->is_startup |= is_true(v));
    if (slice_eq(key, SLICE("sid")) && v->kind == VALUE_STRING) {
        keep_sid(v->text, out);
        return true;
    }
    if (slice_eq(key, SLICE("ot")) && v->kind == VALUE_BARE) {
        out->object = object_of(v->text);
        return true;
    }
    return false;
}

bool cmcd_read(struct slice text, struct cmcd *out) {
    if (text.len > CMCD_BYTES_MAX || !text.len) return false;
    struct reader r = {text.ptr, text.ptr + text.len};
    bool has_any = false;
    for (int i = 0; i < CMCD_KEYS_MAX; i++) {
        skip_blanks(&r);
        struct value v = {.kind = VALUE_TRUE};
        struct slice key = take_while(&r, is_key_byte);
        if (!key.len) break;
        if (r.at < r.end && *r.at == '=') {
            r.at++;
            if (!take_item(&r, &v)) break;
        }
        if (!skip_parameters(&r)) break;
        has_any |= take_over(key, &v, out);
        skip_blanks(&r);
        if (r.at >= r.end || *r.at != ',') break;
        r.at++;
    }
    return has_any;
}
