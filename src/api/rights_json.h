/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * rights_json.h: contracts in JSON, out and in. Within api only, for the files of /rights/. */
#ifndef API_RIGHTS_JSON_H
#define API_RIGHTS_JSON_H

#include "api/room.h"
#include "business/rights/rights.h"

/* --- out --- */

void rights_put_time(struct json_writer *, const char *name, int64_t at_s); /* RIGHTS_ENDLESS: null */
void rights_put_party(struct json_writer *, const struct rights_party *);
/* {id, reference, direction, status, party ...}; with `is_whole` also version, created_at, parent, line_count. Opens and closes the object. */
void rights_put_deal(struct json_writer *, const struct rights_deal *, bool is_whole);
/* All members of a deal into an object that is open. */
void rights_put_deal_members(struct json_writer *, const struct rights_deal *);
void rights_put_title(struct json_writer *, const char *name, const struct catalog_view *, int64_t title_id, struct slice lang);
void rights_put_line(struct json_writer *, const struct rights_line_row *, const struct catalog_view *, struct slice lang);
void rights_put_media(struct json_writer *, const char *name, uint16_t media);
void rights_put_languages(struct json_writer *, const char *name, uint32_t languages);

/* Kind, sentence and overlap of a contradiction, into an object that is open. `other`: what it contradicts, or NULL. */
void rights_put_clash(struct call *, const struct rights_conflict *, const struct rights_line_row *other);
/* A contradiction with its sentence. `rows` are the new lines (by `at`) or NULL; the standing line is read from the book. */
MUST_USE struct err rights_put_conflict(struct call *, const struct rights_conflict *, const struct catalog_view *);

/* --- in --- */

/* What is wrong, for an answer with more than a sentence. */
struct rights_flaw {
    struct err error;
    struct slice about; /* the part that means nothing; may be empty */
};
/* {title, effect, territories, media, languages, starts_at, ends_at, is_exclusive, may_sublicense, plays_max, note, replaces}, of which
 * all are asked for, whatever is wrong. */
struct rights_flaw rights_line_read(struct call *, struct body_object, const struct catalog_view *, struct rights_line_new *out);
/* Makes the call's answer {error: {code, message, about?, index?}, ...}; the caller adds members and closes the object. `index` < 0: none. */
void rights_begin_refusal(struct call *, struct rights_flaw, int64_t index);

/* territory= and area= of the request. */
MUST_USE struct err rights_query_place(struct call *, struct rights_place *out);
/* An instant of the request, or `fallback` where it is not there. ERR_INPUT rights.time. */
MUST_USE struct err rights_query_time(struct call *, const char *name, int64_t fallback, int64_t *out);
int64_t rights_call_now(const struct call *);
/* One line by its internal id, from the book; *out is NULL where there is none. */
MUST_USE struct err rights_line_of(struct call *, int64_t line_id, const struct rights_line_row **out);

#endif
