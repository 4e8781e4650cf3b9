/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * ends.h: why sessions were ended, for the refusals of their last tokens. The revocation set knows that they were; this
 * knows the reason, and is asked only when a token was refused. Within delivery only. Any thread. */
#ifndef DELIVERY_ENDS_H
#define DELIVERY_ENDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct ends;
struct ends *ends_create(void); /* NULL: memory */
void ends_destroy(struct ends **);

/* Kept until until_s. An empty reason is not kept; nor is any when memory ran out or very many are there: then a refusal tells
 * only that it ended. */
void ends_add(struct ends *, struct slice session, struct slice reason, int64_t until_s, int64_t now_s);
/* False: none is known. `reason` holds DELIVERY_REASON_MAX bytes and a zero. */
bool ends_find(struct ends *, struct slice session, char *reason);

#endif
