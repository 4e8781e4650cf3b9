/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * names.h: numbers by their names, for files that name the same few things in a million lines. Within the room; one thread. */
#ifndef BUSINESS_RIGHTS_NAMES_H
#define BUSINESS_RIGHTS_NAMES_H

#include "base/buf.h"
#include "base/slice.h"

struct rights_names { /* open addressing; zeroed, but for the bound of `texts`, it is empty */
    struct rights_name *slots;
    size_t room, count;
    struct buf texts; /* copies */
};
bool rights_name_find(const struct rights_names *, struct slice text, int64_t *out);
/* The first value of a text stays. False: no memory. */
bool rights_name_put(struct rights_names *, struct slice text, int64_t value);
uint64_t rights_name_hash(struct slice text); /* not 0 */
void rights_names_free(struct rights_names *);

#endif
