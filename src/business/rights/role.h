/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * role.h: what a line is to whoever asks, before place, medium, language and time are looked at. Within the room.
 *
 *   of a deal       line               to ourselves   to its party   to another party
 *   in, own         allow              grants         -              -
 *   out             allow              -              grants         -
 *   out             allow, exclusive   exclusive      grants         exclusive
 *   in, own         holdback           holdback       holdback       holdback        what we may not show is not ours to sell
 *   in, own         blackout           blackout       blackout       blackout
 *   out             holdback           holdback       -              holdback        we promised that party to hold back
 *   out             blackout           -              blackout       -               that party promised it
 *
 * What grants to a licensee is his own deal; that we could grant it is looked at when the deal is made (conflict.c). */
#ifndef BUSINESS_RIGHTS_ROLE_H
#define BUSINESS_RIGHTS_ROLE_H

#include "business/rights/rights.h"

enum rights_role { /* what beats what, first to last */
    ROLE_BLACKOUT,
    ROLE_HOLDBACK,
    ROLE_EXCLUSIVE,
    ROLE_GRANT,
    ROLES,
    ROLE_NOTHING = ROLES,
};

enum rights_kind { /* the rows of the table */
    KIND_GRANT,
    KIND_SALE,
    KIND_SALE_EXCLUSIVE,
    KIND_HOLDBACK,
    KIND_BLACKOUT,
    KIND_SALE_HOLDBACK,
    KIND_SALE_BLACKOUT,
    KINDS,
};

static inline enum rights_kind rights_kind_of(enum rights_direction direction, enum rights_effect effect, bool is_exclusive) {
    bool is_sale = direction == RIGHTS_OUT;
    if (effect == RIGHTS_HOLDBACK) return is_sale ? KIND_SALE_HOLDBACK : KIND_HOLDBACK;
    if (effect == RIGHTS_BLACKOUT) return is_sale ? KIND_SALE_BLACKOUT : KIND_BLACKOUT;
    return !is_sale ? KIND_GRANT : is_exclusive ? KIND_SALE_EXCLUSIVE : KIND_SALE;
}

enum rights_asker { ASKER_US, ASKER_PARTY, ASKER_OTHER, ASKERS }; /* the columns */
static inline enum rights_asker rights_asker_of(int64_t asking_party, int64_t line_party) {
    return !asking_party ? ASKER_US : asking_party == line_party ? ASKER_PARTY : ASKER_OTHER;
}

static const uint8_t rights_roles[ASKERS][KINDS] = {
    [ASKER_US] = {ROLE_GRANT, ROLE_NOTHING, ROLE_EXCLUSIVE, ROLE_HOLDBACK, ROLE_BLACKOUT, ROLE_HOLDBACK, ROLE_NOTHING},
    [ASKER_PARTY] = {ROLE_NOTHING, ROLE_GRANT, ROLE_GRANT, ROLE_HOLDBACK, ROLE_BLACKOUT, ROLE_NOTHING, ROLE_BLACKOUT},
    [ASKER_OTHER] = {ROLE_NOTHING, ROLE_NOTHING, ROLE_EXCLUSIVE, ROLE_HOLDBACK, ROLE_BLACKOUT, ROLE_HOLDBACK, ROLE_NOTHING},
};

/* The kinds in each role, a bit each: the table above once more, which a test compares. */
static const uint8_t rights_kinds[ASKERS][ROLES] = {
    [ASKER_US] = {[ROLE_BLACKOUT] = 1 << KIND_BLACKOUT, [ROLE_HOLDBACK] = 1 << KIND_HOLDBACK | 1 << KIND_SALE_HOLDBACK, [ROLE_EXCLUSIVE] = 1 << KIND_SALE_EXCLUSIVE,
                  [ROLE_GRANT] = 1 << KIND_GRANT},
    [ASKER_PARTY] = {[ROLE_BLACKOUT] = 1 << KIND_BLACKOUT | 1 << KIND_SALE_BLACKOUT, [ROLE_HOLDBACK] = 1 << KIND_HOLDBACK,
                     [ROLE_GRANT] = 1 << KIND_SALE | 1 << KIND_SALE_EXCLUSIVE},
    [ASKER_OTHER] = {[ROLE_BLACKOUT] = 1 << KIND_BLACKOUT, [ROLE_HOLDBACK] = 1 << KIND_HOLDBACK | 1 << KIND_SALE_HOLDBACK,
                     [ROLE_EXCLUSIVE] = 1 << KIND_SALE_EXCLUSIVE},
};

static inline enum rights_role rights_role_of(enum rights_direction direction, enum rights_effect effect, bool is_exclusive, int64_t line_party,
                                              int64_t asking_party) {
    return (enum rights_role)rights_roles[rights_asker_of(asking_party, line_party)][rights_kind_of(direction, effect, is_exclusive)];
}

#endif
