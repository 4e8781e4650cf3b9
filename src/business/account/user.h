/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Part of the door account.h: signing up and in, passwords, the second factor, what a user may change about himself. Workers.
 *
 * Nobody learns here whether somebody has an account: signing up and forgetting a password answer the same and do the same work for each
 * well-formed address, and who has an account gets a mail that says so. A sign-up is not an account: it waits, sealed under the code in its mail,
 * for whoever can read that mailbox; so nobody can take an address that is not theirs, nor prepare an account for somebody else.
 *
 * Passwords are argon2id (RFC 9106), two at a time, and few may wait: more are told sign_in.busy at once, so that neither memory nor the
 * workers run out. Guessing is slowed down
 *   by address (of IPv6 the first 64 bits): 20 wrong ones, then one in 15 s;
 *   by account, from browsers that the user never signed in with: 10, then one in a minute. A browser he did sign in with (account_entry.device)
 *   has a measure of its own: what strangers do elsewhere does not keep him out. A new password by mail always works. */
#ifndef BUSINESS_ACCOUNT_USER_H
#define BUSINESS_ACCOUNT_USER_H

#include "business/account/who.h"

enum {
    ACCOUNT_PASSWORD_MIN = 10,   /* characters */
    ACCOUNT_PASSWORD_MAX = 256,  /* bytes */
    ACCOUNT_PERSON_NAME_MAX = 60, /* characters, of people, profiles and households */
    ACCOUNT_CODE_S = 24 * 3600,  /* of sign-up and change of address */
    ACCOUNT_RESET_S = 3600,
    ACCOUNT_RECOVERY_CODES = 10,
    ACCOUNT_RECOVERY_LEN = 11,   /* "7zr3v-9k2m8" */
};

struct account_sign_up {
    struct slice email, password, name, country, lang;
};
/* Errors: ERR_INPUT account.email, account.password (too short, too long, or one that everybody knows), account.name, account.country,
 * account.lang; ERR_LIMIT sign_up.many (this address or the whole organisation, for the moment); ERR_BUSY sign_in.busy. */
MUST_USE struct err account_sign_up(struct account *, int64_t org_id, const struct account_sign_up *, const struct account_from *);
/* The code of a sign-up's mail, or of a change of address. Errors: ERR_DENIED code.wrong (wrong, used, too old), ERR_LIMIT session.wrong_codes. */
MUST_USE struct err account_confirm(struct account *, int64_t org_id, struct slice code, const struct account_from *, struct account_entry *out);

/* `code` is the second factor: six digits, or a recovery code; may be empty. Errors: ERR_DENIED sign_in.wrong (no such user, or another
 * password), sign_in.code (the password is right; the code is missing, wrong or was used), ERR_LIMIT sign_in.many, ERR_BUSY sign_in.busy. */
MUST_USE struct err account_sign_in(struct account *, int64_t org_id, struct slice email, struct slice password, struct slice code,
                                    const struct account_from *, struct account_entry *out);

/* Errors: ERR_INPUT account.email, ERR_LIMIT sign_up.many. */
MUST_USE struct err account_password_forget(struct account *, int64_t org_id, struct slice email, const struct account_from *);
/* All other sessions of the user end. The second factor, if there is one, stays: it is asked for at the next sign-in, and here (`totp`).
 * Errors: ERR_DENIED code.wrong, sign_in.code (the reset code is still good); ERR_INPUT account.password; ERR_LIMIT session.wrong_codes. */
MUST_USE struct err account_password_reset(struct account *, int64_t org_id, struct slice code, struct slice password, struct slice totp,
                                           const struct account_from *, struct account_entry *out);

/* --- me: for a session with a user, else ERR_DENIED session.user. What changes something: ERR_DENIED profile.child while a child's profile
 * is chosen. What asks for the password: ERR_DENIED me.password, ERR_LIMIT sign_in.many. --- */

struct account_user {
    int64_t id;
    struct public_id public_id;
    struct slice name, email, lang;
    struct slice zone; /* of his device when he signed in last: "Europe/Berlin"; empty: not known */
    bool is_confirmed, has_totp;
    uint32_t roles;
    struct utc_time created_at;
};

/* What users are called, by the ids inside, for lists of what they did: out[i] of ids[i], in the arena; empty where somebody is gone. Workers. */
MUST_USE struct err account_user_names(struct account *, struct arena *, int64_t org_id, const int64_t *ids, size_t count, struct slice *out);

struct account_user_change { /* .ptr NULL: stays */
    struct slice name, lang;
    struct slice email;    /* stays until the code in the mail to the new address is confirmed; with old_password */
    struct slice password; /* with old_password; all other sessions end, and *entry is new */
    struct slice old_password;
};
/* *is_new_session: *entry is filled in. Errors: ERR_INPUT account.name, account.email, account.password, account.lang. */
MUST_USE struct err account_user_change(struct account *, const struct account_who *, const struct account_user_change *, const struct account_from *,
                                        bool *is_new_session, struct account_entry *entry);

struct account_totp { /* RFC 6238: SHA-1, six digits, 30 s */
    char secret[33]; /* base 32 */
    struct slice uri; /* otpauth://totp/..., for a QR code */
};
/* A secret that waits for its first code; an earlier one that waits is forgotten. Errors: ERR_CONFLICT totp.on (there is one already). */
MUST_USE struct err account_totp_begin(struct account *, struct arena *, const struct account_who *, struct account_totp *out);
struct account_recovery {
    char codes[ACCOUNT_RECOVERY_CODES][ACCOUNT_RECOVERY_LEN + 1]; /* shown once; each works once */
};
/* Errors: ERR_DENIED sign_in.code, ERR_CONFLICT totp.none (none waits). */
MUST_USE struct err account_totp_confirm(struct account *, const struct account_who *, struct slice code, struct account_recovery *out);
MUST_USE struct err account_totp_end(struct account *, const struct account_who *, struct slice password);

#endif
