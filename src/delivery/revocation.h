/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * revocation.h: the set of what has been revoked and has not yet expired by itself. Readers take no lock; writers
 * take one among themselves. Within delivery only.
 *
 *   table: buckets of 16 slots, one cache line pair of names and one of ends; a name is a 64-bit hash. A reader looks
 *   at all 16 slots of one bucket. A writer takes a free slot of the bucket or one whose entry has expired; is there
 *   none, a table of twice the size is filled and published. Readers may still be in the old one, so it is kept until
 *   the end: all the old ones together are smaller than the new. */
#ifndef DELIVERY_REVOCATION_H
#define DELIVERY_REVOCATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct revocation_set;
struct revocation_set *revocation_set_create(void);
void revocation_set_destroy(struct revocation_set **);

/* `name` is a hash, not 0. Adding one again moves its end to the later of both. ERR_LIMIT: memory. */
MUST_USE struct err revocation_add(struct revocation_set *, uint64_t name, int64_t until_s, int64_t now_s);
bool revocation_has(const struct revocation_set *, uint64_t name, int64_t now_s);
uint64_t revocation_live(const struct revocation_set *, int64_t now_s);

#endif
