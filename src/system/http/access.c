/* SPDX-License-Identifier: AGPL-3.0-or-later
 * What handlers ask a request, and who the client is behind proxies. */
#include <arpa/inet.h>
#include <string.h>

#include "system/http/core.h"
#include "system/http/url.h"

enum http_method http_request_method(const struct http_request *rq) { return rq->head->method; }
struct slice http_request_path(const struct http_request *rq) { return rq->head->path; }
struct slice http_request_query_text(const struct http_request *rq) { return rq->head->query; }
struct slice http_request_host(const struct http_request *rq) { return rq->head->host; }
int http_request_version(const struct http_request *rq) { return rq->version; }
uint64_t http_request_id(const struct http_request *rq) { return rq->id; }
struct arena *http_request_arena(struct http_request *rq) { return rq->arena; }
void http_request_set_user(struct http_request *rq, void *user) { rq->user = user; }
void *http_request_user(const struct http_request *rq) { return rq->user; }
bool http_request_is_cancelled(const struct http_request *rq) { return atomic_load(&rq->is_cancelled); }
size_t http_request_header_count(const struct http_request *rq) { return rq->head->field_count; }
struct http_field http_request_header_at(const struct http_request *rq, size_t index) { return rq->head->fields[index]; }

struct slice http_request_body(const struct http_request *rq) {
    return rq->body_mode == BODY_COLLECT ? buf_slice(&rq->collected) : SLICE_NONE;
}

bool http_request_query(struct http_request *rq, struct slice name, struct slice *value) {
    return url_query_find(rq->head->query, name, rq->arena, value);
}

struct slice http_request_param(const struct http_request *rq, struct slice name) {
    for (size_t i = 0; i < rq->head->param_count; i++)
        if (slice_eq(rq->head->params[i].name, name)) return rq->head->params[i].value;
    return SLICE_NONE;
}

bool http_request_header(const struct http_request *rq, struct slice name, struct slice *value) {
    for (size_t i = 0; i < rq->head->field_count; i++) {
        if (!slice_eq(rq->head->fields[i].name, name)) continue;
        *value = rq->head->fields[i].value;
        return true;
    }
    return false;
}

/* Over HTTP/2 a client may split its cookies into several fields (RFC 9113 section 8.2.3). */
bool http_request_cookie(const struct http_request *rq, struct slice name, struct slice *value) {
    for (size_t i = 0; i < rq->head->field_count; i++) {
        if (!slice_eq(rq->head->fields[i].name, SLICE("cookie"))) continue;
        struct slice rest = rq->head->fields[i].value, pair;
        while (slice_next(&rest, ';', &pair)) {
            pair = slice_trim(pair);
            size_t equals = slice_find_byte(pair, '=');
            if (equals == SLICE_NPOS || !slice_eq(slice_sub(pair, 0, equals), name)) continue;
            struct slice v = slice_sub(pair, equals + 1, pair.len);
            if (v.len >= 2 && v.ptr[0] == '"' && v.ptr[v.len - 1] == '"') v = slice_sub(v, 1, v.len - 1);
            *value = v;
            return true;
        }
    }
    return false;
}

/* --- addresses --- */

bool address_parse(struct slice text, uint8_t out[16], bool *is_v4) {
    text = slice_trim(text);
    if (text.len && text.ptr[0] == '[') { /* "[::1]:80" */
        size_t close = slice_find_byte(text, ']');
        if (close == SLICE_NPOS) return false;
        text = slice_sub(text, 1, close);
    } else {
        size_t colon = slice_find_byte(text, ':');
        bool has_port = colon != SLICE_NPOS && slice_find_byte(slice_sub(text, colon + 1, text.len), ':') == SLICE_NPOS;
        if (has_port) text = slice_sub(text, 0, colon);
    }
    char copy[64];
    if (!text.len || text.len >= sizeof copy) return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    uint8_t v4[4];
    if (inet_pton(AF_INET, copy, v4) == 1) {
        memset(out, 0, 10);
        out[10] = out[11] = 0xff;
        memcpy(out + 12, v4, 4);
        *is_v4 = true;
        return true;
    }
    *is_v4 = false;
    return inet_pton(AF_INET6, copy, out) == 1;
}

bool proxy_is_trusted(const struct http_server *s, const uint8_t address[16]) {
    for (size_t i = 0; i < s->proxy_count; i++) {
        const struct proxy_net *net = &s->proxies[i];
        unsigned whole = net->bits / 8, rest = net->bits % 8;
        if (memcmp(net->address, address, whole)) continue;
        if (!rest || (net->address[whole] ^ address[whole]) >> (8 - rest) == 0) return true;
    }
    return false;
}

/* The address in an element of Forwarded (RFC 7239 section 4): for=192.0.2.1;proto=https, for="[2001:db8::1]:80". False: none. */
static bool forwarded_for(struct slice element, struct slice *address) {
    for (struct slice pair; slice_next(&element, ';', &pair);) {
        size_t equals = slice_find_byte(pair, '=');
        if (equals == SLICE_NPOS || !slice_eq_nocase(slice_trim(slice_sub(pair, 0, equals)), SLICE("for"))) continue;
        struct slice value = slice_trim(slice_sub(pair, equals + 1, pair.len));
        bool is_quoted = value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"';
        *address = is_quoted ? slice_sub(value, 1, value.len - 1) : value;
        return true;
    }
    return false;
}

/* One field's list, from the right. False: all in it are trusted, so what stands in the field before it counts too. */
static bool list_walk(const struct http_server *s, struct slice list, bool is_forwarded, uint8_t out[16]) {
    while (list.len) {
        size_t comma = list.len;
        while (comma && list.ptr[comma - 1] != ',') comma--;
        struct slice element = slice_sub(list, comma, list.len);
        uint8_t next[16];
        bool is_v4;
        if (is_forwarded && !forwarded_for(element, &element)) return true;
        if (!address_parse(element, next, &is_v4)) return true; /* "unknown", or nonsense: the proxy that said it is as far as we see */
        memcpy(out, next, 16);
        if (!proxy_is_trusted(s, out)) return true;
        if (!comma) return false;
        list = slice_sub(list, 0, comma - 1);
    }
    return false;
}

/* From the right: each trusted proxy vouches for the address to its left; the first that is not one of ours is the client. What
 * stands further left was written by the client itself. A proxy may append to the field or add one of its own, so the last field is
 * the newest. Forwarded counts only where there is no X-Forwarded-For: of two fields the proxy writes one, and hands the other on as the
 * client wrote it. */
void peer_find(const struct http_request *rq, uint8_t out[16]) {
    const struct http_server *s = rq->loop->server;
    if (rq->conn) memcpy(out, rq->conn->peer, 16);
    else memset(out, 0, 16);
    if (!s->proxy_count || !rq->head || !proxy_is_trusted(s, out)) return;
    bool is_forwarded = !rq->head->known[FIELD_X_FORWARDED_FOR].ptr;
    struct slice name = is_forwarded ? SLICE("forwarded") : SLICE("x-forwarded-for");
    for (size_t i = rq->head->field_count; i-- > 0;)
        if (slice_eq(rq->head->fields[i].name, name) && list_walk(s, rq->head->fields[i].value, is_forwarded, out)) return;
}

struct slice request_peer_text(const struct http_request *rq, char out[64]) {
    uint8_t a[16];
    if (rq->is_behind_proxy) memcpy(a, rq->peer, 16);
    else peer_find(rq, a);
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const char *text = memcmp(a, mapped, 12) ? inet_ntop(AF_INET6, a, out, 64) : inet_ntop(AF_INET, a + 12, out, 64);
    return slice_cstr(text);
}

struct slice http_request_peer(struct http_request *rq) {
    char text[64];
    return arena_copy(rq->arena, request_peer_text(rq, text));
}

bool http_request_is_https(const struct http_request *rq) {
    if (rq->is_tls) return true;
    if (!rq->is_behind_proxy) return false;
    return slice_eq_nocase(rq->head->known[FIELD_X_FORWARDED_PROTO], SLICE("https"));
}
