/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * on_air.h: which titles are live, and what is known of their viewers. A look-up holds one lock for a few instructions, and none while
 * nothing is on air. Any thread. Within delivery only. */
#ifndef DELIVERY_ON_AIR_H
#define DELIVERY_ON_AIR_H

#include <stdatomic.h>

#include "base/id.h"
#include "delivery/quality.h"

struct on_air {
    struct public_id title;
    struct quality *quality;
    atomic_bool is_open; /* false: it has ended, and only its quality is remembered */
    struct on_air *chain; /* the table's */
    atomic_uint references;
};

struct on_air_table;
struct on_air_table *on_air_table_create(void);
void on_air_table_destroy(struct on_air_table **);

MUST_USE struct err on_air_put(struct on_air_table *, const struct public_id *); /* opens it, also again */
void on_air_end(struct on_air_table *, const struct public_id *);
void on_air_remove(struct on_air_table *, const struct public_id *);
struct on_air *on_air_take(struct on_air_table *, struct slice title); /* NULL: was never on air */
void on_air_give(struct on_air **);                                    /* NULL is fine */
void on_air_count(struct on_air_table *, struct mono_time now, uint64_t *titles, uint64_t *viewers);

#endif
