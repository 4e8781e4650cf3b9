/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within account only: passwords as argon2id (RFC 9106, libsodium's crypto_pwhash_str). Each takes 64 MB and some 80 ms of a processor: two are worked
 * on at a time, `waiting_max` more may wait for their turn, all others are told to come back. */
#ifndef BUSINESS_ACCOUNT_PASSWORD_H
#define BUSINESS_ACCOUNT_PASSWORD_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum { PASSWORD_HASH_MAX = 128 }; /* crypto_pwhash_STRBYTES */

struct passwords;
struct passwords_options {
    size_t bytes, passes; /* 0: libsodium's interactive limits */
    unsigned running_max, waiting_max; /* 0: 2, and 2 */
};
struct passwords *passwords_create(const struct passwords_options *); /* NULL: memory */
void passwords_destroy(struct passwords **);
uint64_t passwords_count(const struct passwords *); /* of those worked out so far */

/* May somebody choose this? Not too short (in characters), too long (bytes), with a zero byte or a control character, one that everybody knows, the same
 * character over and over, or his own address or name. ERR_INPUT account.password. */
MUST_USE struct err password_check(struct slice password, struct slice email, struct slice name);
/* Errors: ERR_BUSY sign_in.busy; memory. */
MUST_USE struct err password_hash(struct passwords *, struct slice password, char out[PASSWORD_HASH_MAX]);
/* `hash` empty (there is no such user): the same work, and *is_right false. *is_weak: made with other limits than today's. */
MUST_USE struct err password_verify(struct passwords *, struct slice hash, struct slice password, bool *is_right, bool *is_weak);
#endif
