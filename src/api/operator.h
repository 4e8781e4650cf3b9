/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * operator.h: reading and writing titles in all languages. Within api only. */
#ifndef API_OPERATOR_H
#define API_OPERATOR_H

#include "api/room.h"

/* {names, synopses, year, season, episode, genres, parent, is_free, eidr, ratings, people, members, original_lang, original_name,
 * countries, edit, rights}, each of which may be missing; the second, {kind} too. The body is not ended with that: who calls may read more
 * of it. The result borrows from the body. Errors: ERR_INPUT title.*. */
struct err title_change_read(struct body_object, struct catalog_change *out);
struct err title_and_kind_read(struct body_object, struct catalog_change *out);
void title_put_operator(struct json_writer *, const struct catalog_view *, const struct catalog_title *, struct slice lang);
/* {"en": "...", ...}: trimmed, borrowed from the JSON; missing ones empty. ERR_INPUT with this code. */
struct err names_read(const json_t *object, const char *code, struct slice names[TEXT_LANGUAGE_COUNT]);
void put_names(struct json_writer *, const struct slice names[TEXT_LANGUAGE_COUNT]);

#endif
