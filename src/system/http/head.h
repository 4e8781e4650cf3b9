/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * head.h: the head of a request, from bytes to slices. Pure: no socket, no allocation. Strict on purpose: what two
 * parsers could read in two ways is refused, because that is what request smuggling lives on.
 *
 *   GET /media/a%20b?x=1 HTTP/1.1\r\n     request line: exactly one blank between its three parts
 *   Host: example.org\r\n                 fields: no blank before the colon, no folded lines, no bare CR or LF
 *   \r\n
 *
 * HTTP/2 fields come already split; head_add_field and head_finish serve both versions. */
#ifndef SYSTEM_HTTP_HEAD_H
#define SYSTEM_HTTP_HEAD_H

#include "system/http/http.h"

enum { HEAD_FIELDS_MAX = 100, HEAD_PARAMS_MAX = 8 };

/* Fields that the server itself asks for are found while parsing. */
enum known_field {
#define KNOWN_FIELD(id, name) FIELD_##id,
#include "system/http/fields.tbl.h"
#undef KNOWN_FIELD
    FIELDS_KNOWN
};

struct head {
    enum http_method method;
    int version; /* 10, 11, 20 */
    bool wants_close, wants_keep_alive, wants_upgrade, is_chunked, has_length, expects_continue, is_options_star;
    uint64_t content_length;
    struct slice path, query, host;
    struct slice known[FIELDS_KNOWN]; /* ptr NULL: not there */
    struct slice region; /* the bytes that all other slices point into (except the names of params) */
    size_t field_count, param_count;
    struct http_field fields[HEAD_FIELDS_MAX]; /* from here on, nothing behind the counts is initialised */
    struct http_field params[HEAD_PARAMS_MAX]; /* set by the router; names belong to the route */
};

/* What became of it: 0, or the status to refuse it with. */
struct head_error {
    int status;
    const char *code, *what;
};

/* Looks for the end of a head in bytes[0..len). *scanned says how far earlier calls have looked (0 at first). Returns
 * the head's length with its last empty line, 0 if more is needed, or -1 if a line does not end with CR LF. Empty lines
 * in front of the request line count as part of it (RFC 9112 section 2.2); at most one is allowed. */
ptrdiff_t head_find_end(const char *bytes, size_t len, size_t *scanned);

/* Parses a whole HTTP/1 head. Changes the bytes: names become lower case, the path is decoded in place. */
struct head_error head_parse(struct head *, char *bytes, size_t len);

/* For HTTP/2: the parts, in any order, then finish. `target` is the :path. Names must already be lower case. */
void head_clear(struct head *);
struct head_error head_add_field(struct head *, struct slice name, struct slice value);
struct head_error head_set_target(struct head *, char *target, size_t len);
bool head_set_method(struct head *, struct slice method);
struct head_error head_finish(struct head *);

/* A copy in one block of its own, given back with mem_free. NULL when memory ran out. */
struct head *head_clone(const struct head *);

bool head_host_is_valid(struct slice);
struct slice http_method_name(enum http_method);

#endif
