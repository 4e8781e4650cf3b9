/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * account.h: who we are, who watches, and who may change things. The door of the room; its parts stand in headers of their own:
 *   who.h        who is calling: sessions and API tokens, from memory
 *   user.h       signing up and in, passwords, second factor
 *   household.h  households, profiles, PINs
 *   adult.h      the grown-ups of a household
 *   member.h     roles and invitations
 *   privacy.h    consent, export, erasing
 *
 * The model
 *   organisation  everything stored belongs to one. A request from outside is for the organisation of its host name;
 *                 hosts that nobody claims belong to the first one.
 *   user          somebody with an address and a password. May have roles in the organisation; belongs to
 *   household     those who watch together, in a country, on so many screens at once; has
 *   profile       one of them: name, picture, and up to which age titles are rated that it may see.
 *   session       what somebody has who signed in; a random 256-bit secret in a cookie, of which only the hash is stored.
 *   token         what a program has: a secret with scopes.
 *   code          lets its holder do one thing once, for a limited time (confirm, reset, accept, enter). Only its hash is stored.
 *   link          the code that `grandstand operator-link` makes: lets in as an operator without a user.
 *
 * All of these ask the database (workers only) except where it is said. Any thread. Names are checked by account_name. */
#ifndef BUSINESS_ACCOUNT_H
#define BUSINESS_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "business/account/adult.h"
#include "business/account/household.h"
#include "business/account/member.h"
#include "business/account/privacy.h"
#include "business/account/user.h"
#include "business/account/who.h"
#include "system/db/db.h"
#include "system/keys/keys.h"
#include "system/mail/mail.h"
#include "text/text.h"

extern const struct db_schema account_schema; /* for db_migrate */

enum {
    ACCOUNT_NAME_MAX = 100,
    ACCOUNT_HOST_MAX = 253,
    ACCOUNT_LINK_S = 24 * 3600,
    ACCOUNT_WRONG_CODES_MAX = 10, /* a minute, from one address; then ERR_LIMIT for the rest of the minute */
};

struct account_options {
    struct db *db;            /* migrated with account_schema and mail_schema */
    const struct clock *clock;
    struct id_maker *ids;
    struct keys *keys;
    struct mail *mail;
    const char *site_url;     /* "https://example.org": of links in mails of an organisation without a host name. NULL: what the client calls us,
                                 which is believed only while mails stay in the house (a stranger may write any name into a request) */
    unsigned password_waiting; /* how many callers may wait for a password to be checked, beyond the two at work; 0: 2. Fewer than there are workers */
    size_t password_bytes, password_passes; /* of argon2id; 0: 64 MB and 2 (libsodium's interactive limits). For tests */
};
struct account;
/* Makes the first organisation if there is none. Errors: of the database, of keys, memory. */
MUST_USE struct err account_open(struct account **out, const struct account_options *);
void account_close(struct account **);
/* Once a minute or so, and once after all holders have been added: writes who was seen when, removes what is old, takes in what other processes have
 * changed, goes on with erasing that was interrupted. Workers. */
MUST_USE struct err account_tick(struct account *);

/* Called after the commit when a household, a profile or a user of it changed or is gone; on any thread, without locks of this room held. Set before
 * anybody is served. The generation grows with each such change, also those that other processes made. */
void account_on_change(struct account *, void (*fn)(void *user, int64_t org_id, int64_t household_id), void *user);
uint64_t account_generation(const struct account *);

struct account_stats { /* counters since it was opened */
    uint64_t password_hashes;  /* times that argon2id was worked out */
    uint64_t sign_in_refusals; /* wrong passwords, and tries that were too many */
};
struct account_stats account_stats(const struct account *);

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

/* Facts of an organisation, from memory: any thread. */
enum account_portability { ACCOUNT_PORTABILITY_OFF, ACCOUNT_PORTABILITY_HOME, ACCOUNT_PORTABILITY_EU };
struct account_org_facts {
    char country[3]; /* where it is at home; "DE" until somebody says otherwise */
    enum account_portability portability; /* may subscribers abroad see what they see at home? Off until somebody says otherwise */
    int adults_max; /* of a household, 1 to ACCOUNT_ADULTS_MAX; 0: ACCOUNT_ADULTS_DEFAULT. Where it becomes less, who lives there stays */
};
bool account_org_facts(struct account *, int64_t org_id, struct account_org_facts *out); /* false: no such organisation */
/* Errors: ERR_INPUT account.country, organisation.adults. */
MUST_USE struct err account_org_set_facts(struct account *, int64_t org_id, const struct account_org_facts *);

/* --- operators: the one-time link --- */

/* A new link for the organisation; earlier ones that nobody used end. */
MUST_USE struct err account_link_make(struct account *, int64_t org_id, struct account_secret *code);
/* Has any operator ever entered, or is a link waiting? */
MUST_USE struct err account_has_operator(struct account *, int64_t org_id, bool *out);

/* Trades the code for a session, once. `peer` is the address that tries. Errors: ERR_DENIED session.code (wrong, used
 * or too old: one answer for all three), ERR_LIMIT session.wrong_codes. */
MUST_USE struct err account_enter(struct account *, int64_t org_id, struct slice code, struct slice peer, struct account_secret *session);

/* --- letters about what a household has: of rooms that know nobody's address --- */

struct account_post {
    const char *code;      /* "mail.order_paid": subject "mail.order_paid_subject" and text of text/mail.json; {site}, {name}, {link}, {email} are filled in here */
    int64_t org_id, household_id, user_id; /* to this user, or to the first of the household if he is gone */
    struct slice lang;     /* empty: his */
    const char *path;      /* of {link}: "/account/orders" */
    int64_t until_s;       /* {until}: this moment in the reader's language and zone, which is that of his device, or else of his household's country; 0: empty */
    const struct text_param *params; /* at most 7 more */
    size_t param_count;
};
/* A letter in the caller's transaction. Nobody there to write to is no error. After the commit: mail_wake. */
MUST_USE struct err account_post_in(struct account *, struct db_tx *, struct arena *, const struct account_post *);
/* Name and address for an invoice; of a household without anybody in it its own name; empty where nobody is there any more. Workers. */
MUST_USE struct err account_post_name(struct account *, struct arena *, int64_t org_id, int64_t user_id, int64_t household_id, struct slice *name, struct slice *email);

/* --- names --- */

/* Is this a name that people may see beside others? Well-formed UTF-8 of any script; without control characters, line and paragraph separators,
 * the marks that turn the direction of text (U+061C, 200E, 200F, 202A to 202E, 2066 to 2069), private, unassigned-for-ever and tag characters, and
 * towers of combining marks; with something to see; at most `chars_max` characters. *trimmed: without blanks of any script at both ends. */
bool account_name(struct slice text, size_t chars_max, struct slice *trimmed);
/* One of the 249 countries of ISO 3166-1, two large letters. */
bool account_country(struct slice text);

#endif
