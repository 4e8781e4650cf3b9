/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * account.h: who we are and who may change things. A thin first floor: organisations and their operators. Households,
 * profiles and roles come on top.
 *
 * The model
 *   organisation  everything stored belongs to one. A request from outside is for the organisation of its host name;
 *                 hosts that nobody claims belong to the first one.
 *   link          a code that lets its holder in once, for a limited time. Only its hash is stored.
 *   session       what an entered operator has; a random 256-bit secret in a cookie, of which only the hash is stored.
 *
 * All of these ask the database (workers only) except account_org_of_host. Any thread. */
#ifndef BUSINESS_ACCOUNT_H
#define BUSINESS_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "system/db/db.h"

extern const struct db_schema account_schema; /* for db_migrate */

enum {
    ACCOUNT_SECRET_LEN = 43, /* 256 bits in base64url */
    ACCOUNT_NAME_MAX = 100,
    ACCOUNT_HOST_MAX = 253,
    ACCOUNT_LINK_S = 24 * 3600,
    ACCOUNT_SESSION_S = 14 * 24 * 3600,
    ACCOUNT_WRONG_CODES_MAX = 10, /* a minute, from one address; then ERR_LIMIT for the rest of the minute */
};
struct account_secret {
    char text[ACCOUNT_SECRET_LEN + 1];
};

struct account;
/* The database is migrated. Makes the first organisation if there is none. Errors: of the database, memory. */
MUST_USE struct err account_open(struct account **out, struct db *, const struct clock *, struct id_maker *);
void account_close(struct account **);

/* --- organisations --- */

/* By host name with or without port ("example.org:8080"); never fails. Does not ask the database. */
int64_t account_org_of_host(const struct account *, struct slice host);
/* Makes an organisation, or changes the name of the one with this host. Errors: ERR_INPUT (account.name, account.host). */
MUST_USE struct err account_org_put(struct account *, struct slice name, struct slice host, int64_t *org_id);
/* Learns of organisations that another process has made. */
MUST_USE struct err account_hosts_reload(struct account *);
struct account_org {
    int64_t id;
    struct slice name, host; /* the first one's host is empty */
};
struct account_org_list {
    struct account_org *items;
    size_t count;
};
MUST_USE struct err account_org_list(struct account *, struct arena *, struct account_org_list *out);

/* --- operators --- */

/* A new link for the organisation; earlier ones that nobody used end. */
MUST_USE struct err account_link_make(struct account *, int64_t org_id, struct account_secret *code);
/* Has any operator ever entered, or is a link waiting? */
MUST_USE struct err account_has_operator(struct account *, int64_t org_id, bool *out);

/* Trades the code for a session, once. `peer` is the address that tries. Errors: ERR_DENIED session.code (wrong, used
 * or too old: one answer for all three), ERR_LIMIT session.wrong_codes. */
MUST_USE struct err account_enter(struct account *, int64_t org_id, struct slice code, struct slice peer, struct account_secret *session);

struct account_who {
    int64_t org_id, session_id;
};
/* Errors: ERR_DENIED session.required (none, ended or too old, or of another organisation). */
MUST_USE struct err account_session_find(struct account *, int64_t org_id, struct slice secret, struct account_who *out);
MUST_USE struct err account_session_end(struct account *, int64_t org_id, struct slice secret);

#endif
