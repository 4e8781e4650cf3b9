/* SPDX-License-Identifier: AGPL-3.0-or-later
 * From what a handler says to what is sent: conditions (RFC 9110 section 13), ranges (section 14), HEAD, and the fields
 * that are ours. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "system/http/core.h"
#include "system/http/range.h"
#include "system/http/status.h"

/* --- answers made elsewhere --- */

static size_t padded(size_t len) { return (len + 7) & ~(size_t)7; }

struct answer *answer_copy(const struct http_response *r) {
    size_t bytes = sizeof(struct answer) + r->field_count * sizeof(struct http_field);
    bytes += padded(r->content_type.len) + padded(r->cache_control.len) + padded(r->etag.len) + padded(r->content_range.len);
    for (size_t i = 0; i < r->field_count; i++) bytes += padded(r->fields[i].name.len) + padded(r->fields[i].value.len);
    struct answer *a = mem_alloc(bytes);
    if (!a) return NULL;
    *a = (struct answer){.response = *r};
    struct http_field *fields = (struct http_field *)(a + 1);
    char *at = (char *)(fields + r->field_count);
    for (size_t i = 0; i < r->field_count; i++) fields[i] = r->fields[i];
    a->response.fields = fields;
    struct slice *fixed[] = {&a->response.content_type, &a->response.cache_control, &a->response.etag, &a->response.content_range};
    for (size_t i = 0; i < ARRAY_LEN(fixed) + 2 * r->field_count; i++) {
        size_t k = i - ARRAY_LEN(fixed);
        struct slice *s = i < ARRAY_LEN(fixed) ? fixed[i] : k % 2 ? &fields[k / 2].value : &fields[k / 2].name;
        if (s->len) memcpy(at, s->ptr, s->len);
        s->ptr = at;
        at += padded(s->len);
    }
    struct http_body *body = &a->response.body;
    switch (body->kind) {
    case HTTP_BODY_COPY:
        body->blob = http_blob_copy(body->bytes);
        if (!body->blob) {
            mem_free(a);
            return NULL;
        }
        body->kind = HTTP_BODY_BLOB;
        body->bytes = http_blob_slice(body->blob);
        break;
    case HTTP_BODY_BLOB: http_blob_acquire(body->blob); break;
    case HTTP_BODY_FILE: http_file_acquire(body->file); break;
    default: break;
    }
    return a;
}

void answer_free(struct answer **address) {
    struct answer *a = *address;
    if (!a) return;
    *address = NULL;
    if (a->response.body.kind == HTTP_BODY_BLOB) http_blob_release(&a->response.body.blob);
    if (a->response.body.kind == HTTP_BODY_FILE) http_file_release(&a->response.body.file);
    if (a->stream) stream_drop(&a->stream);
    http_blob_release(&a->topic_first);
    mem_free(a);
}

/* --- bodies --- */

void out_release(struct out_body *out) {
    if (out->kind == OUT_BLOB) http_blob_release(&out->blob);
    else if (out->kind == OUT_FILE) http_file_release(&out->file);
    else if (out->kind == OUT_STREAM && out->stream) stream_detach(&out->stream);
    *out = (struct out_body){.kind = OUT_NONE};
}

bool out_own(struct out_body *out) {
    if (out->kind != OUT_BORROWED) return true;
    struct http_blob *copy = http_blob_copy(slice_of(out->bytes, (size_t)out->left));
    if (!copy) return false;
    out->kind = OUT_BLOB;
    out->blob = copy;
    out->bytes = http_blob_slice(copy).ptr;
    return true;
}

static struct out_body out_of(const struct http_body *b) {
    switch (b->kind) {
    case HTTP_BODY_COPY: return (struct out_body){.kind = OUT_BORROWED, .bytes = b->bytes.ptr, .left = b->bytes.len};
    case HTTP_BODY_STATIC: return (struct out_body){.kind = OUT_STATIC, .bytes = b->bytes.ptr, .left = b->bytes.len};
    case HTTP_BODY_BLOB:
        return (struct out_body){.kind = OUT_BLOB, .bytes = b->bytes.ptr, .left = b->bytes.len, .blob = http_blob_acquire(b->blob)};
    case HTTP_BODY_FILE:
        return (struct out_body){.kind = OUT_FILE, .file = http_file_acquire(b->file), .offset = b->offset, .left = b->length};
    default: return (struct out_body){.kind = OUT_NONE};
    }
}

static void out_cut(struct out_body *out, struct range r) {
    out->left = r.length;
    if (out->kind == OUT_FILE) out->offset += r.first;
    else out->bytes += r.first;
}

/* --- conditions --- */

static bool etag_is_weak(struct slice tag) { return slice_starts_with(tag, SLICE("W/")); }
static struct slice etag_opaque(struct slice tag) { return etag_is_weak(tag) ? slice_sub(tag, 2, tag.len) : tag; }

enum comparison { COMPARE_WEAK, COMPARE_STRONG };

/* Is the tag in a list such as `"a", W/"b"` or "*"? (RFC 9110 section 8.8.3.2) */
static bool etag_is_listed(struct slice list, struct slice tag, enum comparison how) {
    list = slice_trim(list);
    if (slice_eq(list, SLICE("*"))) return true;
    while (list.len) {
        struct slice start = list;
        size_t prefix = etag_is_weak(list) ? 2 : 0;
        if (list.len < prefix + 2 || list.ptr[prefix] != '"') return false; /* malformed: matches nothing */
        size_t close = slice_find_byte(slice_sub(list, prefix + 1, list.len), '"');
        if (close == SLICE_NPOS) return false;
        struct slice one = slice_sub(start, 0, prefix + close + 2);
        bool may_match = how == COMPARE_WEAK || (!etag_is_weak(one) && !etag_is_weak(tag));
        if (may_match && slice_eq(etag_opaque(one), etag_opaque(tag))) return true;
        list = slice_trim(slice_sub(list, one.len, list.len));
        if (list.len && list.ptr[0] != ',') return false;
        if (list.len) list = slice_trim(slice_sub(list, 1, list.len));
    }
    return false;
}

static bool is_not_after(struct utc_time t, struct slice date, bool *is_valid) {
    struct utc_time limit;
    *is_valid = utc_parse_http(date, &limit);
    return *is_valid && utc_seconds(t) <= utc_seconds(limit);
}

/* In the order of RFC 9110 section 13.2.2. Returns 200, 304 or 412. */
static int condition_status(const struct http_request *rq, const struct http_response *r, bool is_get_or_head) {
    struct slice f = request_known(rq, FIELD_IF_MATCH);
    bool is_valid;
    if (f.ptr) {
        if (!r->etag.len || !etag_is_listed(f, r->etag, COMPARE_STRONG)) return 412;
    } else if ((f = request_known(rq, FIELD_IF_UNMODIFIED_SINCE)).ptr && r->modified.ns) {
        if (!is_not_after(r->modified, f, &is_valid) && is_valid) return 412;
    }
    f = request_known(rq, FIELD_IF_NONE_MATCH);
    if (f.ptr) {
        if (r->etag.len && etag_is_listed(f, r->etag, COMPARE_WEAK)) return is_get_or_head ? 304 : 412;
    } else if (is_get_or_head && r->modified.ns && (f = request_known(rq, FIELD_IF_MODIFIED_SINCE)).ptr) {
        if (is_not_after(r->modified, f, &is_valid) && is_valid) return 304;
    }
    return 200;
}

/* If-Range (section 13.1.5): the range counts only if the thing is still the same one. */
static bool range_still_counts(const struct http_request *rq, const struct http_response *r) {
    struct slice f = request_known(rq, FIELD_IF_RANGE);
    if (!f.ptr) return true;
    if (slice_find_byte(f, '"') != SLICE_NPOS)
        return r->etag.len && !etag_is_weak(f) && !etag_is_weak(r->etag) && slice_eq(f, r->etag);
    struct utc_time date;
    return r->modified.ns && utc_parse_http(f, &date) && utc_seconds(date) == utc_seconds(r->modified);
}

/* --- putting it together --- */

static void field(struct reply *to, struct slice name, struct slice value) {
    if (to->field_count < REPLY_FIELDS_MAX) to->fields[to->field_count++] = (struct http_field){.name = name, .value = value};
}

static bool text_is_safe(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '\r' || s.ptr[i] == '\n' || !s.ptr[i]) return false;
    return true;
}

/* Fields that decide how the message is framed belong to the server. */
static bool name_is_ours(struct slice name) {
    static const struct slice ours[] = {{"content-length", 14}, {"transfer-encoding", 17}, {"connection", 10}, {"date", 4},
                                        {"content-range", 13}, {"keep-alive", 10}, {"upgrade", 7}};
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (slice_eq(name, ours[i])) return true;
    return false;
}

static void fields_add(struct reply *to, const struct http_field *fields, size_t count) {
    for (size_t i = 0; i < count; i++) {
        bool is_fine = fields[i].name.len && text_is_safe(fields[i].name) && text_is_safe(fields[i].value) && !name_is_ours(fields[i].name);
        if (is_fine && to->field_count < REPLY_FIELDS_MAX) to->fields[to->field_count++] = fields[i];
        else log_error("http", "response field dropped", LOG_SLICE("name", fields[i].name));
    }
}

static struct slice number_text(char *end, uint64_t v) {
    char *at = end;
    do *--at = (char)('0' + v % 10);
    while (v /= 10);
    return slice_of(at, (size_t)(end - at));
}

void reply_make(struct reply *to, struct http_request *rq, const struct http_response *r, struct answer *answer) {
    struct loop *l = rq->loop;
    int status = r->status ? r->status : 200;
    bool is_upgrade = answer && answer->upgrade.len;
    assert(is_upgrade || (status >= 200 && status <= 599)); /* a handler's number, not a stranger's */
    to->field_count = 0;
    to->has_length = true;
    to->out = (struct out_body){.kind = OUT_NONE};
    struct out_body out = out_of(&r->body);
    if (answer && answer->stream) {
        out = (struct out_body){.kind = OUT_STREAM, .stream = answer->stream};
        answer->stream = NULL;
        uint64_t length = stream_content_length(out.stream);
        to->has_length = length > 0;
        out.left = length ? length : UINT64_MAX;
    } else if (answer && answer->topic) {
        to->has_length = false;
    }
    uint64_t length = out.left;
    enum range_result ranged = RANGE_WHOLE;
    struct range range;
    bool is_get_or_head = rq->is_head || rq->is_get;
    if (status == 200 && (r->etag.len || r->modified.ns)) status = condition_status(rq, r, is_get_or_head);
    if (status == 200 && r->has_ranges && rq->is_get && out.kind != OUT_STREAM) {
        struct slice f = request_known(rq, FIELD_RANGE);
        if (f.ptr && range_still_counts(rq, r)) ranged = range_parse(f, length, &range);
        if (ranged == RANGE_PART) {
            status = 206;
            out_cut(&out, range);
            snprintf(to->range_text, sizeof to->range_text, "bytes %llu-%llu/%llu", (unsigned long long)range.first,
                     (unsigned long long)(range.first + range.length - 1), (unsigned long long)length);
            length = range.length;
        } else if (ranged == RANGE_UNSATISFIABLE) {
            status = 416;
            snprintf(to->range_text, sizeof to->range_text, "bytes */%llu", (unsigned long long)length);
        }
    }
    to->status = status;
    field(to, SLICE("date"), slice_of(loop_date(l), 29));
    bool is_whole = status != 304 && status != 412 && status != 416;
    if (is_whole && r->content_type.len && text_is_safe(r->content_type)) field(to, SLICE("content-type"), r->content_type);
    if (r->cache_control.len && text_is_safe(r->cache_control)) field(to, SLICE("cache-control"), r->cache_control);
    if (r->etag.len && text_is_safe(r->etag)) field(to, SLICE("etag"), r->etag);
    if (r->modified.ns && status != 416) {
        utc_format_http(to->modified, r->modified);
        field(to, SLICE("last-modified"), slice_of(to->modified, 29));
    }
    if (r->has_ranges) field(to, SLICE("accept-ranges"), SLICE("bytes"));
    if (ranged != RANGE_WHOLE) field(to, SLICE("content-range"), slice_cstr(to->range_text));
    else if (r->content_range.len && text_is_safe(r->content_range)) field(to, SLICE("content-range"), r->content_range);
    if (is_upgrade) {
        field(to, SLICE("connection"), SLICE("upgrade"));
        field(to, SLICE("upgrade"), answer->upgrade);
    }
    fields_add(to, r->fields, r->field_count);
    if (l->server->options.common_count) fields_add(to, l->server->options.common, l->server->options.common_count);
    if (!is_whole) {
        out_release(&out);
        length = 0;
    }
    /* 304 and 204 have no body and say no length (a 304 could, but it would have to be that of the 200). */
    bool says_length = to->has_length && status != 304 && status != 204;
    if (says_length) field(to, SLICE("content-length"), number_text(to->length_text + sizeof to->length_text, length));
    if (status == 204 || status == 304 || rq->is_head) {
        out_release(&out);
        if (status == 204 || status == 304) to->has_length = true;
    }
    to->length = out.kind == OUT_NONE ? 0 : length;
    to->out = out;
}
