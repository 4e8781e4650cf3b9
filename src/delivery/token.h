/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * token.h: the Common Access Token (CTA-5007): a CWT (RFC 8392) inside COSE_Mac0 (RFC 9052 section 6.2), HMAC-SHA256,
 * written in base64url. Whoever holds one may fetch the media of one title for a few minutes.
 *
 *     61(17([ {1: 5, 4: kid}, {}, { iss, sub: session, exp, nbf, iat, cti, 310 catv: 1,
 *                                   312 catu: {3 path: {1 prefix: "/media/TITLE/"}}, 313 catm: ["GET", "HEAD"] }, tag ]))
 *
 * The path that catu speaks of is the one without the token in it (CTA-5007: a token carried in the URI is no part of
 * what it is matched against), so one token serves the path, the header and the cookie.
 *
 * An authority holds the keys and the revocations. Any thread may use it; verifying takes no lock and allocates
 * nothing. A cache belongs to one thread. */
#ifndef DELIVERY_TOKEN_H
#define DELIVERY_TOKEN_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"

enum {
    TOKEN_LIFETIME_S = 300,    /* DESIGN: exp <= 5 minutes */
    TOKEN_RENEW_AFTER_S = 150, /* the page renews half-way */
    TOKEN_TEXT_MAX = 1024,     /* longer ones are malformed, whoever made them */
    TOKEN_KEY_BYTES = 32,
    TOKEN_KEY_ID_MAX = 16,
    TOKEN_CLOCK_SKEW_S = 2,    /* nodes' clocks differ; nbf is held against now + this */
};

enum token_verdict {
    TOKEN_VALID,
    TOKEN_MISSING,
    TOKEN_MALFORMED,   /* no Common Access Token of a form that we read */
    TOKEN_FORGED,      /* nobody with one of our keys made it */
    TOKEN_UNSUPPORTED, /* properly signed, but it carries a restriction that we could not hold it to */
    TOKEN_EXPIRED,
    TOKEN_NOT_YET,
    TOKEN_REVOKED,
    TOKEN_OTHER_TITLE,
    TOKEN_METHOD,
    TOKEN_VERDICTS,
};
/* "token.expired" and a sentence, as ERR_DENIED; ERR_OK for TOKEN_VALID. */
struct err token_verdict_error(enum token_verdict);

struct token_authority;
/* `issuer` (at most 64 bytes) is copied. NULL when memory ran out. The clock must outlive it. */
struct token_authority *token_authority_create(const struct clock *, const char *issuer);
void token_authority_destroy(struct token_authority **); /* nobody may be verifying any more */

/* Adds a key, which from now on signs; those there before go on being accepted until they are retired.
 * Errors: ERR_INPUT (token.key: an id that is empty, too long or taken), ERR_LIMIT (token.keys: 16 are in use). */
MUST_USE struct err token_key_add(struct token_authority *, struct slice key_id, const uint8_t secret[TOKEN_KEY_BYTES]);
/* Tokens under this key are forgeries from now on. The signing key cannot be retired: ERR_CONFLICT; ERR_NOT_FOUND. */
MUST_USE struct err token_key_retire(struct token_authority *, struct slice key_id);

struct token_grant {
    struct public_id title, session;
    int64_t expires_s; /* seconds since 1970; the token ends TOKEN_LIFETIME_S from now at the latest; 0: then */
};
struct token {
    char text[TOKEN_TEXT_MAX];
    size_t len;
    int64_t expires_s, renew_s; /* seconds since 1970 */
};
static inline struct slice token_slice(const struct token *t) { return slice_of(t->text, t->len); }
/* Errors: ERR_BUG (token.key: there is none yet), ERR_INPUT (token.expired: the grant ends before it begins). */
MUST_USE struct err token_issue(struct token_authority *, const struct token_grant *, struct token *out);

/* Ends a session's tokens, all of them, or one token by its id (cti), until `until_s`, when they have expired by
 * themselves. ERR_LIMIT when memory ran out: then nothing is revoked, and the caller must say so. */
MUST_USE struct err token_revoke_session(struct token_authority *, struct slice session, int64_t until_s);
MUST_USE struct err token_revoke_id(struct token_authority *, struct slice cti, int64_t until_s);
uint64_t token_revocations_live(const struct token_authority *);

/* Remembers verified tokens, so that the next request with the same one costs a look-up. It holds as many as the
 * last few hundred viewers of one loop thread use; what falls out is simply verified again. */
struct token_cache;
struct token_cache *token_cache_create(void); /* NULL when memory ran out */
void token_cache_destroy(struct token_cache **);
uint64_t token_cache_hits(const struct token_cache *);

enum token_method { TOKEN_METHOD_GET = 1, TOKEN_METHOD_HEAD = 2, TOKEN_METHOD_OTHER = 4 };

/* What is remembered of a token whose request goes on: held, or a body that grows. */
struct token_bearer {
    struct public_id session;
    int64_t expires_s;
    uint64_t session_name, token_name; /* of the revocations */
};

/* May the bearer of `text` fetch files of `title` now? Forged and genuine tokens take the same time: every check is
 * made whatever the others said, and the tag is compared in constant time. `cache` may be NULL. On TOKEN_VALID and
 * TOKEN_REVOKED *bearer (may be NULL) is filled. */
enum token_verdict token_verify(struct token_authority *, struct token_cache *cache, struct slice text, struct slice title,
                                enum token_method method, struct token_bearer *bearer);
/* Is it still good? TOKEN_VALID, TOKEN_EXPIRED or TOKEN_REVOKED. Any thread. */
enum token_verdict token_still(const struct token_authority *, const struct token_bearer *);

#endif
