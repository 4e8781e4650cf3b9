/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who guesses is slowed down: by household and by address, each with a measure of ten tries that fills up again by one a minute (the generic cell rate
 * algorithm: one number, the moment when the measure is full). The table is bounded; where two share a place, the one that is nearer to full gives way. */
#include "api/room.h"

enum { BURST = 10 };
#define REFILL_NS (60 * NS_PER_S)

static bool take(struct tries *t, uint64_t who, struct mono_time now) {
    struct try_place *first = &t->places[who % TRIES_PLACES], *second = &t->places[(who >> 32) % TRIES_PLACES];
    struct try_place *place = first->who == who ? first : second->who == who ? second : first->full_at.ns <= second->full_at.ns ? first : second;
    if (place->who != who || place->full_at.ns < now.ns) *place = (struct try_place){who, now};
    if (place->full_at.ns - now.ns > (BURST - 1) * REFILL_NS) return false;
    place->full_at.ns += REFILL_NS;
    return true;
}

struct err tries_take(struct call *c, struct tries *t) {
    int64_t household = call_who(c)->household_id;
    struct slice names[] = {slice_of(&household, sizeof household), http_request_peer(c->r)};
    bool is_fine = true;
    lock_take(&c->api->lock);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) is_fine = take(t, slice_hash(names[i]) | 1, clock_mono(c->api->o.clock)) && is_fine;
    lock_give(&c->api->lock);
    return is_fine ? ERR_OK : err_make(ERR_LIMIT, "tries.many", "There were too many tries. Wait a minute.");
}
