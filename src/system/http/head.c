/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "system/http/head.h"

#include "base/mem.h"
#include "system/http/url.h"

static const struct slice known_names[FIELDS_KNOWN] = {
#define KNOWN_FIELD(id, name) [FIELD_##id] = {name, sizeof(name) - 1},
#include "system/http/fields.tbl.h"
#undef KNOWN_FIELD
};

static const struct slice method_names[HTTP_METHODS] = {
    [HTTP_GET] = {"GET", 3},     [HTTP_HEAD] = {"HEAD", 4},     [HTTP_POST] = {"POST", 4},
    [HTTP_PUT] = {"PUT", 3},     [HTTP_PATCH] = {"PATCH", 5},   [HTTP_DELETE] = {"DELETE", 6},
    [HTTP_OPTIONS] = {"OPTIONS", 7},
};

struct slice http_method_name(enum http_method m) { return method_names[m]; }

/* What a byte may be part of; 't' of a name already in lower case is itself, upper case letters map to lower case, and
 * everything that is no tchar (RFC 9110 section 5.6.2) maps to 0. */
static const char name_byte[256] = {
    ['!'] = '!', ['#'] = '#', ['$'] = '$', ['%'] = '%', ['&'] = '&', ['\''] = '\'', ['*'] = '*', ['+'] = '+', ['-'] = '-',
    ['.'] = '.', ['^'] = '^', ['_'] = '_', ['`'] = '`', ['|'] = '|', ['~'] = '~', ['0'] = '0', ['1'] = '1', ['2'] = '2',
    ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9', ['a'] = 'a', ['b'] = 'b',
    ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k',
    ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't',
    ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c',
    ['D'] = 'd', ['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k', ['L'] = 'l',
    ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u',
    ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z',
};

#define HEAD_OK ((struct head_error){0})
static struct head_error refuse(int status, const char *code, const char *what) {
    return (struct head_error){.status = status, .code = code, .what = what};
}
static struct head_error malformed(const char *what) { return refuse(400, "http.malformed", what); }

ptrdiff_t head_find_end(const char *bytes, size_t len, size_t *scanned) {
    size_t at = *scanned;
    for (;;) {
        const char *lf = at < len ? memchr(bytes + at, '\n', len - at) : NULL;
        if (!lf) {
            *scanned = len;
            return 0;
        }
        size_t lf_at = (size_t)(lf - bytes);
        if (lf_at == 0 || bytes[lf_at - 1] != '\r') return -1;
        bool is_empty_line = lf_at == 1 || bytes[lf_at - 2] == '\n';
        if (is_empty_line && lf_at != 1) { /* the empty line at the very beginning is the one in front */
            *scanned = 0;
            return (ptrdiff_t)lf_at + 1;
        }
        at = lf_at + 1;
    }
}

void head_clear(struct head *h) {
    memset(h, 0, offsetof(struct head, fields));
}

bool head_host_is_valid(struct slice s) {
    if (s.len > 255) return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                       c == '_' || c == ':' || c == '[' || c == ']' || c == '~' || c == '%';
        if (!is_fine) return false;
    }
    return true;
}

static void connection_read(struct head *h, struct slice value) {
    struct slice rest = value, token;
    while (slice_next(&rest, ',', &token)) {
        token = slice_trim(token);
        if (slice_eq_nocase(token, SLICE("close"))) h->wants_close = true;
        else if (slice_eq_nocase(token, SLICE("keep-alive"))) h->wants_keep_alive = true;
        else if (slice_eq_nocase(token, SLICE("upgrade"))) h->wants_upgrade = true;
    }
}

static bool may_repeat(enum known_field f) {
    return f == FIELD_CONNECTION || f == FIELD_ACCEPT_ENCODING || f == FIELD_IF_MATCH || f == FIELD_IF_NONE_MATCH ||
           f == FIELD_X_FORWARDED_FOR || f == FIELD_UPGRADE;
}

struct head_error head_add_field(struct head *h, struct slice name, struct slice value) {
    if (h->field_count == HEAD_FIELDS_MAX) return refuse(431, "http.head_too_large", "The request has more than 100 header fields.");
    h->fields[h->field_count++] = (struct http_field){.name = name, .value = value};
    for (int f = 0; f < FIELDS_KNOWN; f++) {
        if (known_names[f].len != name.len || memcmp(known_names[f].ptr, name.ptr, name.len)) continue;
        if (f == FIELD_CONNECTION) connection_read(h, value);
        if (h->known[f].ptr && !may_repeat((enum known_field)f)) return malformed("A header field that may stand only once stands twice.");
        if (!h->known[f].ptr || f == FIELD_X_FORWARDED_FOR) h->known[f] = value.ptr ? value : SLICE("");
        break;
    }
    return HEAD_OK;
}

bool head_set_method(struct head *h, struct slice method) {
    for (int m = 0; m < HTTP_METHODS; m++) {
        if (!slice_eq(method, method_names[m])) continue;
        h->method = (enum http_method)m;
        return true;
    }
    return false;
}

struct head_error head_set_target(struct head *h, char *target, size_t len) {
    if (len == 1 && target[0] == '*') {
        if (h->method != HTTP_OPTIONS) return malformed("Only OPTIONS may ask for \"*\".");
        h->is_options_star = true;
        h->path = slice_of(target, 1);
        return HEAD_OK;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)target[i];
        if (c <= ' ' || c == 127 || c == '#') return malformed("The address has a byte that must be percent-encoded.");
    }
    if (len && target[0] != '/') { /* absolute-form (RFC 9112 section 3.2.2): its authority beats Host */
        struct slice t = slice_of(target, len);
        size_t skip = slice_eq_nocase(slice_sub(t, 0, 7), SLICE("http://")) ? 7 : slice_eq_nocase(slice_sub(t, 0, 8), SLICE("https://")) ? 8 : 0;
        if (!skip) return malformed("The address is neither a path nor a whole URL.");
        struct slice rest = slice_sub(t, skip, len);
        size_t authority_len = 0;
        while (authority_len < rest.len && rest.ptr[authority_len] != '/' && rest.ptr[authority_len] != '?') authority_len++;
        h->host = slice_sub(rest, 0, authority_len);
        if (!h->host.len || !head_host_is_valid(h->host)) return malformed("The address names no valid host.");
        target += skip + authority_len;
        len -= skip + authority_len;
        if (!len || target[0] == '?') { /* "http://host?x": the path is "/", for which there is a byte to the left */
            if (len) h->query = slice_of(target + 1, len - 1);
            h->path = SLICE("/");
            return HEAD_OK;
        }
    }
    char *question = memchr(target, '?', len);
    size_t path_len = question ? (size_t)(question - target) : len;
    if (question) h->query = slice_of(question + 1, len - path_len - 1);
    ptrdiff_t decoded = url_path_decode(target, path_len);
    if (decoded < 0) return malformed("The path is not well-formed: broken escapes, dot segments or encoded slashes are not taken.");
    h->path = slice_of(target, (size_t)decoded);
    return HEAD_OK;
}

struct head_error head_finish(struct head *h) {
    const struct slice *known = h->known;
    if (!h->host.ptr) h->host = known[FIELD_HOST];
    else if (known[FIELD_HOST].ptr && !head_host_is_valid(known[FIELD_HOST])) return malformed("The Host field is not valid.");
    if (h->version == 11 && !known[FIELD_HOST].ptr) return malformed("The Host field is missing.");
    if (!head_host_is_valid(h->host)) return malformed("The Host field is not valid.");

    /* Framing (RFC 9112 section 6.3). Both lengths at once, or a coding that is not exactly "chunked", is how requests
     * are smuggled: refused, and the connection is closed. */
    if (known[FIELD_TRANSFER_ENCODING].ptr) {
        if (h->version != 11) return malformed("Transfer-Encoding belongs to HTTP/1.1 only.");
        if (known[FIELD_CONTENT_LENGTH].ptr) return malformed("Content-Length and Transfer-Encoding exclude each other.");
        if (!slice_eq_nocase(known[FIELD_TRANSFER_ENCODING], SLICE("chunked")))
            return refuse(501, "http.coding", "Only the transfer coding \"chunked\" is understood.");
        h->is_chunked = true;
    } else if (known[FIELD_CONTENT_LENGTH].ptr) {
        struct slice digits = known[FIELD_CONTENT_LENGTH];
        if (digits.len > 18 || !slice_to_u64(digits, &h->content_length)) return malformed("Content-Length is not a number.");
        h->has_length = true;
    }
    if (known[FIELD_EXPECT].ptr && h->version >= 11) {
        if (!slice_eq_nocase(known[FIELD_EXPECT], SLICE("100-continue")))
            return refuse(417, "http.expectation", "Only the expectation \"100-continue\" can be met.");
        h->expects_continue = h->is_chunked || h->content_length > 0;
    }
    return HEAD_OK;
}

static struct head_error request_line_parse(struct head *h, char *line, size_t len) {
    const char *first = memchr(line, ' ', len);
    if (!first) return malformed("The request line has no address.");
    size_t method_len = (size_t)(first - line);
    if (!method_len || method_len > 32) return malformed("The request line has no method.");
    for (size_t i = 0; i < method_len; i++)
        if (!name_byte[(unsigned char)line[i]]) return malformed("The method is not a word.");
    char *target = line + method_len + 1;
    size_t left = len - method_len - 1;
    const char *second = memchr(target, ' ', left);
    if (!second) return malformed("The request line has no version.");
    size_t target_len = (size_t)(second - target);
    struct slice version = slice_of(second + 1, left - target_len - 1);
    if (version.len != 8 || memcmp(version.ptr, "HTTP/", 5) || version.ptr[6] != '.' || version.ptr[5] < '0' || version.ptr[5] > '9' ||
        version.ptr[7] < '0' || version.ptr[7] > '9')
        return malformed("The request line does not end with a version.");
    if (version.ptr[5] != '1') return refuse(505, "http.version", "Only HTTP/1.0, HTTP/1.1 and HTTP/2 are spoken here.");
    h->version = version.ptr[7] == '0' ? 10 : 11; /* a higher minor version is understood as 1.1 (RFC 9110 section 2.5) */
    if (!target_len) return malformed("The request line has no address.");
    if (!head_set_method(h, slice_of(line, method_len))) return refuse(501, "http.method", "This method is not known here.");
    return head_set_target(h, target, target_len);
}

static struct head_error field_parse(struct head *h, char *line, size_t len) {
    size_t name_len = 0;
    for (; name_len < len; name_len++) {
        char c = name_byte[(unsigned char)line[name_len]];
        if (!c) break;
        line[name_len] = c;
    }
    if (!name_len || name_len == len || line[name_len] != ':') return malformed("A header field has no valid name.");
    size_t from = name_len + 1, to = len;
    while (from < to && (line[from] == ' ' || line[from] == '\t')) from++;
    while (from < to && (line[to - 1] == ' ' || line[to - 1] == '\t')) to--;
    for (size_t i = from; i < to; i++) {
        unsigned char c = (unsigned char)line[i];
        if ((c < ' ' && c != '\t') || c == 127) return malformed("A header field has a control character.");
    }
    return head_add_field(h, slice_of(line, name_len), slice_of(line + from, to - from));
}

struct head_error head_parse(struct head *h, char *bytes, size_t len) {
    head_clear(h);
    h->region = slice_of(bytes, len);
    size_t at = len >= 2 && bytes[0] == '\r' && bytes[1] == '\n' ? 2 : 0;
    bool is_first = true;
    while (at < len) {
        char *line = bytes + at;
        char *lf = memchr(line, '\n', len - at);
        if (!lf || lf == line || lf[-1] != '\r') return malformed("A line does not end with CR LF.");
        size_t line_len = (size_t)(lf - line) - 1;
        at += line_len + 2;
        if (!line_len) break;
        struct head_error e = is_first ? request_line_parse(h, line, line_len) : field_parse(h, line, line_len);
        if (e.status) return e;
        is_first = false;
    }
    if (is_first) return malformed("There is no request line.");
    return head_finish(h);
}

static void rebase(struct slice *s, struct slice from, char *to) {
    if (s->ptr >= from.ptr && s->ptr <= from.ptr + from.len && from.ptr) s->ptr = to + (s->ptr - from.ptr);
}

struct head *head_clone(const struct head *h) {
    struct head *copy = mem_alloc(sizeof *copy + h->region.len);
    if (!copy) return NULL;
    *copy = *h;
    char *bytes = (char *)(copy + 1);
    if (h->region.len) memcpy(bytes, h->region.ptr, h->region.len);
    struct slice *each[] = {&copy->path, &copy->query, &copy->host};
    for (size_t i = 0; i < ARRAY_LEN(each); i++) rebase(each[i], h->region, bytes);
    for (int f = 0; f < FIELDS_KNOWN; f++) rebase(&copy->known[f], h->region, bytes);
    for (size_t i = 0; i < h->field_count; i++) {
        rebase(&copy->fields[i].name, h->region, bytes);
        rebase(&copy->fields[i].value, h->region, bytes);
    }
    for (size_t i = 0; i < h->param_count; i++) rebase(&copy->params[i].value, h->region, bytes);
    copy->region = slice_of(bytes, h->region.len);
    return copy;
}
