/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * id.h: two kinds of names for things. Inside, a 63-bit id that grows with time, so that rows land at the end of
 * their tree. Outside, an 80-bit public id, random throughout or for the most part: nothing that can be counted or guessed leaves the house. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/slice.h"

/* Milliseconds since 2024-01-01 in the upper 41 bits, a node number of 6 bits, a sequence of 16. Ids of one maker
 * strictly grow, also when the clock goes back or more than 65,536 are made in a millisecond (it runs ahead).
 * Any thread. */
struct id_maker;
struct id_maker *id_maker_create(const struct clock *, unsigned node); /* node < 64; NULL when memory ran out */
void id_maker_destroy(struct id_maker **);
int64_t id_next(struct id_maker *);
int64_t id_seconds(int64_t id); /* when it was made, since 1970 */
/* All later ids are larger than `id`, whatever the clock says: called at start with the newest that is stored, since a clock may
 * have gone back over a restart. */
void id_maker_begin_after(struct id_maker *, int64_t id);

/* 16 characters of Crockford's base 32 in lower case, e.g. "7zr3v9k2m8qd41xh". */
enum { PUBLIC_ID_LEN = 16 };
struct public_id {
    char text[PUBLIC_ID_LEN + 1];
};
struct public_id public_id_random(void);
/* For what is made by the thousand, like orders: the first 30 bits are the moment of `id` (of id_next) in steps of 16 ms, so that what is made together lies together in
 * an index too; the other 50 are random. After half a year the moments begin anew, which matters to nobody. Tells whoever has it when it was made. */
struct public_id public_id_near(int64_t id);
/* False, and untouched, unless the text is exactly such an id. */
bool public_id_parse(struct slice, struct public_id *out);
static inline struct slice public_id_slice(const struct public_id *id) { return slice_of(id->text, PUBLIC_ID_LEN); }

#endif
