/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Part of the door account.h: the grown-ups of a household. Workers.
 *
 * A household has 1 to `adults_max` users (account_org_facts); each signs in for himself, with a password, sessions and a second factor of his own. They share
 * profiles, plan, orders, credit and screens. The owner is to whom it was handed over, else who has lived there longest: there is always one, and where he is erased the next
 * one is, and gets a letter.
 *
 *   invite    any of them, by mail; the code is single use, lasts ACCOUNT_INVITATION_S, and can be withdrawn by each of them. Nothing is looked up by the address:
 *             there is nothing to learn from the answer. It is accepted by account_invitation_accept: who has no account gets one, in this household, with a profile
 *             if there is room; who has one moves in, with all his profiles, if he lives alone and has bought nothing there that would be lost.
 *   remove    by the owner: all sessions of the other end, and he has a household of his own again, as after signing up, with the profile that came with him.
 *   hand over by the owner, to another one, at once: nothing is asked of the other that he had not before (who pays, and for what, is the household's), and he may hand it back.
 *             Both get a letter, so that a stranger at the owner's keyboard does not do it unseen. From then on the former owner may leave, or be removed.
 *   leave     by any but the owner: the same by himself; this session stays, his others end.
 *   erase     (privacy.h) takes along the profile that came with him; household, plan and orders stay with the others. Where it is the owner, items[1] owns it.
 *
 * What gives or takes somebody's way in asks for the caller's password: a profile chosen on the sofa is no proof of being its grown-up. */
#ifndef BUSINESS_ACCOUNT_ADULT_H
#define BUSINESS_ACCOUNT_ADULT_H

#include "business/account/who.h"

enum { ACCOUNT_ADULTS_DEFAULT = 4, ACCOUNT_ADULTS_MAX = 8 };

struct account_adult {
    struct public_id public_id;
    struct slice name, email;
    bool is_me, is_owner, has_totp;
    struct utc_time joined_at;
};
struct account_adult_invitation {
    struct public_id public_id;
    struct slice email;
    struct utc_time created_at, expires_at;
};
struct account_adults {
    int adults_max;
    struct account_adult *items; /* the owner, then who has lived there longest: the order in which they would own it */
    struct account_adult_invitation *invitations;
    size_t count, invitation_count;
};
/* All of these: ERR_DENIED session.user, profile.child; ERR_NOT_FOUND household.missing. Those with a password: ERR_DENIED me.password, ERR_LIMIT sign_in.many. */
MUST_USE struct err account_adults(struct account *, struct arena *, const struct account_who *, struct account_adults *out);
/* An earlier invitation of this household to the same address ends. Errors: ERR_INPUT account.email; ERR_CONFLICT household.already (lives here already);
 * ERR_LIMIT household.adults (with those who are invited there would be too many), household.invitations (this household, for the moment), sign_up.many. */
MUST_USE struct err account_adult_invite(struct account *, const struct account_who *, struct slice email, struct slice password, const struct account_from *,
                                         struct public_id *public_id);
/* ERR_NOT_FOUND household.invitation. */
MUST_USE struct err account_adult_withdraw(struct account *, const struct account_who *, struct slice public_id);
/* Errors: ERR_DENIED household.owner (not the owner); ERR_NOT_FOUND household.adult; ERR_CONFLICT household.owner_stays (himself). */
MUST_USE struct err account_adult_remove(struct account *, const struct account_who *, struct slice public_id, struct slice password);
/* Errors: ERR_DENIED household.owner (not the owner); ERR_NOT_FOUND household.adult; ERR_CONFLICT household.owned (himself). */
MUST_USE struct err account_adult_hand_over(struct account *, const struct account_who *, struct slice public_id, struct slice password);
/* ERR_CONFLICT household.owner_stays. */
MUST_USE struct err account_adult_leave(struct account *, const struct account_who *, struct slice password);

#endif
