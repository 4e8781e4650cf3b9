/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Part of the door account.h: who is calling.
 *
 * A request shows a secret: a session's from the cookie, or an API token. What it stands for is answered from memory after the first time: a
 * table by the secret's hash, in parts with a lock each, bounded, filled from the store. Each change that matters (a session ends, a password,
 * a role, a profile, a household changes) makes the entries concerned worthless at once in this process; other processes on the same store learn
 * of it from a change sequence that is read at most ACCOUNT_FOLLOW_S later. */
#ifndef BUSINESS_ACCOUNT_WHO_H
#define BUSINESS_ACCOUNT_WHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"

struct account;

enum account_role { /* of a user in an organisation; a viewer has none */
    ACCOUNT_OPERATOR = 1, /* may do all */
    ACCOUNT_EDITOR = 2,
    ACCOUNT_RIGHTS = 4,
    ACCOUNT_FINANCE = 8,
    ACCOUNT_ROLES_ALL = 15,
};
enum account_scope { /* of an API token */
    ACCOUNT_CATALOG_READ = 1,
    ACCOUNT_CATALOG_WRITE = 2,
    ACCOUNT_RIGHTS_READ = 4,
    ACCOUNT_RIGHTS_WRITE = 8,
    ACCOUNT_HOUSEHOLDS_READ = 16,
    ACCOUNT_HOUSEHOLDS_WRITE = 32,
    ACCOUNT_LIVE_WRITE = 64,
    ACCOUNT_FINANCE_READ = 128,
    ACCOUNT_FINANCE_WRITE = 256,
    ACCOUNT_SCOPES_ALL = 511,
};
/* "operator", "catalog:read": for each bit, as JSON and the pages call them; 0 for a word that is none. */
const char *account_role_name(uint32_t bit);
uint32_t account_role_of(struct slice name);
const char *account_scope_name(uint32_t bit);
uint32_t account_scope_of(struct slice name);

struct account_who {
    int64_t org_id;
    int64_t session_id;  /* 0: a token */
    int64_t token_id;    /* 0: a session */
    int64_t user_id;     /* 0: who came by the one-time operator link; of a token: 0 */
    int64_t household_id; /* 0: none */
    int64_t profile_id;  /* 0: none chosen */
    uint32_t roles;      /* enum account_role; a token has none */
    uint32_t scopes;     /* enum account_scope; a session has none */
    uint32_t consents;   /* bits of enum account_purpose that the user has given; none while a child's profile is chosen */
    uint8_t age_max;     /* of the chosen profile: 0, 6, 12, 16, 18; 0 when none is chosen */
    bool is_child;       /* the chosen profile is a child's */
};

/* --- sessions --- */

enum {
    ACCOUNT_SECRET_LEN = 43, /* 256 bits in base64url */
    ACCOUNT_SESSION_S = 14 * 24 * 3600,        /* of the operator's link, and of users with a role: from the beginning */
    ACCOUNT_VIEWER_IDLE_S = 60 * 24 * 3600,    /* of viewers: since they were last seen, */
    ACCOUNT_VIEWER_S = 365 * 24 * 3600,        /* but no longer than this */
    ACCOUNT_SESSIONS_MAX = 40,                 /* of one user; the oldest ends */
    ACCOUNT_FOLLOW_S = 2,
};
struct account_secret {
    char text[ACCOUNT_SECRET_LEN + 1];
};

/* Where a request came from. All may be empty; slices are read during the call. */
struct account_from {
    struct slice peer;    /* the client's address */
    struct slice agent;   /* its User-Agent */
    struct slice origin;  /* "https://example.org", as the client calls us: for links in mails (see account_options.site_url) */
    struct slice lang;    /* of mails to somebody whose language is not known */
    struct slice zone;    /* of the device, as its browser calls it; anything else than a zone of the time zone database is not kept */
    struct slice session; /* the secret that came with it: whoever signs in, that session ends */
    struct slice device;  /* what account_entry.device gave this browser earlier */
};
/* What somebody has who just signed in. Both secrets are new: nobody can have planted them. */
struct account_entry {
    struct account_secret session;
    int64_t session_s; /* Max-Age of its cookie */
    struct account_secret device; /* for a cookie of a year (HttpOnly): this browser is known to the user, and strangers who try his password
                                     elsewhere do not keep him out here. Worth nothing by itself. Empty text: keep the one there is */
    struct account_who who;
};

/* Errors: ERR_DENIED session.required (none, ended or too old, or of another organisation). Asks the store where memory does not know: workers. */
MUST_USE struct err account_session_find(struct account *, int64_t org_id, struct slice secret, struct account_who *out);
enum account_peek { ACCOUNT_ASK, ACCOUNT_NOBODY, ACCOUNT_KNOWN };
/* The same from memory alone: any thread, never blocks. ACCOUNT_ASK: call account_session_find on a worker. ACCOUNT_NOBODY: that was denied lately. */
enum account_peek account_session_peek(struct account *, int64_t org_id, struct slice secret, struct account_who *out);
/* Fine if there is none. */
MUST_USE struct err account_session_end(struct account *, int64_t org_id, struct slice secret);

struct account_session {
    int64_t id;
    struct public_id public_id;
    struct slice agent, address;
    struct utc_time created_at, seen_at; /* seen_at to some ten minutes */
    bool is_this;
};
struct account_session_list {
    struct account_session *items; /* last seen first */
    size_t count;
};
MUST_USE struct err account_session_list(struct account *, struct arena *, const struct account_who *, struct account_session_list *out);
/* One of the user's own. ERR_NOT_FOUND session.missing. */
MUST_USE struct err account_session_end_by_id(struct account *, const struct account_who *, struct slice public_id);

/* --- API tokens --- */

enum { ACCOUNT_TOKEN_LEN = 4 + ACCOUNT_SECRET_LEN, ACCOUNT_TOKENS_MAX = 200 };
struct account_token_secret {
    char text[ACCOUNT_TOKEN_LEN + 1]; /* "gst_" and 43 characters; shown once */
};
struct account_token {
    int64_t id;
    struct public_id public_id;
    struct slice name;
    uint32_t scopes;
    struct utc_time created_at, seen_at, expires_at; /* ns 0: never */
};
struct account_token_list {
    struct account_token *items; /* newest first */
    size_t count;
};
/* `text` is what stands behind "Bearer ". Errors: ERR_DENIED token.required (none, ended, of another organisation). Workers. */
MUST_USE struct err account_token_find(struct account *, int64_t org_id, struct slice text, struct account_who *out);
enum account_peek account_token_peek(struct account *, int64_t org_id, struct slice text, struct account_who *out);
/* expires_s: 0 never. Errors: ERR_INPUT account.name, token.scopes (none, or unknown ones), token.expires; ERR_LIMIT token.count;
 * ERR_DENIED role.required (not an operator). */
MUST_USE struct err account_token_make(struct account *, const struct account_who *, struct slice name, uint32_t scopes, int64_t expires_s,
                                       struct account_token_secret *secret, struct public_id *public_id);
MUST_USE struct err account_token_list(struct account *, struct arena *, const struct account_who *, struct account_token_list *out);
/* ERR_NOT_FOUND token.missing. */
MUST_USE struct err account_token_end(struct account *, const struct account_who *, struct slice public_id);

#endif
