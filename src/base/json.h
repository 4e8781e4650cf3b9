/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * json.h: JSON out by our own writer, in by jansson behind limits. Ids, money and nanoseconds are strings in JSON,
 * because JavaScript's numbers end at 2^53. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* Writes into a buf; commas and nesting by itself, checked by assertions. Depth up to 32.
 *   struct json_writer w = json_writer_of(&out);
 *   json_begin_object(&w); json_key(&w, "name"); json_add_string(&w, name); json_end(&w); */
struct json_writer {
    struct buf *out;
    uint8_t depth;
    bool after_key;
    uint32_t is_object, has_member; /* a bit per level */
};
struct json_writer json_writer_of(struct buf *out);

void json_begin_object(struct json_writer *);
void json_begin_array(struct json_writer *);
void json_end(struct json_writer *); /* of the innermost object or array */
void json_key(struct json_writer *, const char *name);
void json_add_string(struct json_writer *, struct slice); /* bytes that are not UTF-8 become U+FFFD */
void json_add_cstr(struct json_writer *, const char *);   /* NULL becomes null */
void json_add_number(struct json_writer *, int64_t);      /* |n| <= 2^53: asserted */
void json_add_double(struct json_writer *, double);       /* shortest form; not finite becomes null */
void json_add_bool(struct json_writer *, bool);
void json_add_null(struct json_writer *);
void json_add_id(struct json_writer *, int64_t); /* as a string */
void json_add_raw(struct json_writer *, struct slice); /* already JSON */

/* key and value in one call */
void json_put_string(struct json_writer *, const char *name, struct slice);
void json_put_cstr(struct json_writer *, const char *name, const char *);
void json_put_number(struct json_writer *, const char *name, int64_t);
void json_put_double(struct json_writer *, const char *name, double);
void json_put_bool(struct json_writer *, const char *name, bool);
void json_put_id(struct json_writer *, const char *name, int64_t);

/* A quoted JSON string appended to a buffer. */
void json_quote(struct buf *out, struct slice);

/* Parses one JSON text of at most `bytes_max`; refuses duplicate keys, more than 64 levels and trailing bytes.
 * On success *out is the caller's to json_decref. Errors: ERR_INPUT (json.syntax), ERR_LIMIT (json.large). */
MUST_USE struct err json_parse(struct slice text, size_t bytes_max, json_t **out);

/* Borrowed text of a member, or SLICE_NONE when it is missing or no string. */
struct slice json_get_string(const json_t *object, const char *name);
/* False when missing or no integer. */
bool json_get_integer(const json_t *object, const char *name, int64_t *out);
bool json_get_bool(const json_t *object, const char *name, bool *out);

#endif
