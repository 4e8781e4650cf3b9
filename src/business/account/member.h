/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Part of the door account.h: those who work here. Workers.
 *
 * An operator invites an address to one or more roles; the mail's code lets its reader make an account, or adds the roles to the one that he has.
 * Invitations to a household (adult.h) are read and accepted here as well. */
#ifndef BUSINESS_ACCOUNT_MEMBER_H
#define BUSINESS_ACCOUNT_MEMBER_H

#include "business/account/who.h"

enum { ACCOUNT_INVITATION_S = 7 * 24 * 3600, ACCOUNT_MEMBERS_MAX = 1000 };

struct account_member {
    struct public_id public_id; /* of the user, or of the invitation */
    bool is_invited;            /* has not come yet */
    struct slice name, email;   /* name empty while invited */
    uint32_t roles;
    bool has_totp;
    struct utc_time created_at, seen_at, expires_at; /* expires_at of an invitation; ns 0: none */
};
struct account_member_list {
    struct account_member *items;
    size_t count;
};
/* All of these: ERR_DENIED role.required (not an operator). */
MUST_USE struct err account_member_list(struct account *, struct arena *, const struct account_who *, struct account_member_list *out);
/* An earlier invitation of the same address ends. Errors: ERR_INPUT account.email, member.roles (none, or unknown ones); ERR_LIMIT member.many. */
MUST_USE struct err account_member_invite(struct account *, const struct account_who *, struct slice email, uint32_t roles, const struct account_from *,
                                          struct public_id *public_id);
/* Errors: ERR_NOT_FOUND member.missing, ERR_INPUT member.roles, ERR_CONFLICT member.last (the organisation would have no operator with an account). */
MUST_USE struct err account_member_change(struct account *, const struct account_who *, struct slice public_id, uint32_t roles);
/* Takes all roles and ends all sessions of a user (he stays a viewer), or ends an invitation. */
MUST_USE struct err account_member_remove(struct account *, const struct account_who *, struct slice public_id);

struct account_invitation {
    struct slice email, organisation;
    uint32_t roles;   /* 0: to a household */
    bool has_account; /* then accepting asks for that account's password */
    bool is_household;
    struct slice inviter, household; /* names; of a household, else empty */
};
/* Errors: ERR_DENIED code.wrong, ERR_LIMIT session.wrong_codes. */
MUST_USE struct err account_invitation_read(struct account *, struct arena *, int64_t org_id, struct slice code, const struct account_from *,
                                            struct account_invitation *out);
/* Who has an account gives its password (and `totp` where it has a second factor); `name` is then not looked at.
 * Errors: ERR_DENIED code.wrong, sign_in.wrong, sign_in.code; ERR_INPUT account.name, account.password; ERR_LIMIT session.wrong_codes, sign_in.many;
 * ERR_BUSY sign_in.busy. To a household also ERR_LIMIT household.adults; ERR_CONFLICT household.already, household.others (shares another one), household.purchases (what he
 * has bought would be lost), household.profiles (together more than eight): the code stays good. */
MUST_USE struct err account_invitation_accept(struct account *, int64_t org_id, struct slice code, struct slice name, struct slice password, struct slice totp,
                                              const struct account_from *, struct account_entry *out);

#endif
