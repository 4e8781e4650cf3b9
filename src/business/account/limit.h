/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within account only: who may try how often. Each thing that is counted (an address, an account, a PIN) has a measure of `burst` tries that fills up again by
 * one each `refill_s` (the generic cell rate algorithm: one number a measure, the moment when it will be full). By the monotonic clock: turning the wall
 * clock back bars nobody. A table of 16,384 measures; where it is full, the one that is nearest to full is forgotten. Any thread. */
#ifndef BUSINESS_ACCOUNT_LIMIT_H
#define BUSINESS_ACCOUNT_LIMIT_H

#include "base/clock.h"
#include "base/slice.h"

struct limit_rule {
    int kind; /* measures of different kinds have nothing to do with one another */
    int burst, refill_s;
};
struct limits;
struct limits *limits_create(void); /* NULL: memory */
void limits_destroy(struct limits **);
/* Takes one of the measure; false if it is empty. */
bool limit_take(struct limits *, const struct limit_rule *, struct slice name, struct mono_time now);
/* Gives one back: the try was no wrong one. */
void limit_give(struct limits *, const struct limit_rule *, struct slice name, struct mono_time now);
#endif
