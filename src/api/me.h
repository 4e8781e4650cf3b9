/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * me.h: what whoever calls is told about himself. Within api only. */
#ifndef API_ME_H
#define API_ME_H

#include "api/room.h"

/* Me, as a member of that name (NULL: by itself); nothing is written on an error. Reads the store where memory does not know: workers. */
struct err me_put_member(struct call *, struct json_writer *, const char *key);
struct err me_answer(struct call *); /* Me as the whole answer */
/* Where the request comes from, for account's calls. */
struct account_from me_from(struct call *);
/* Somebody has signed in: the cookies, and the caller is from now on him. */
void me_enter(struct call *, const struct account_entry *);

void put_profile(struct json_writer *, const struct account_profile *);

/* Members that several resources write. */
void put_words(struct json_writer *, const char *key, uint32_t bits, const char *(*name)(uint32_t bit)); /* of the bits, ["operator", ..] */
void put_utc_or_null(struct json_writer *, const char *key, struct utc_time);                             /* ns 0: null */
/* ["operator", ..] of the body as bits; false: it is no such list. */
bool body_words(struct body_object, const char *name, uint32_t (*of)(struct slice), uint32_t *bits);

#endif
