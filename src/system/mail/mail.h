/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * mail.h: letters that leave the house.
 *
 * The model
 *   A mail is a row in the outbox, added inside the transaction of what it is about: both stand or neither does. Without an SMTP server
 *   it stays there to be read by the operator (state "kept"). With one, the thread "mail" sends what waits, oldest first:
 *
 *      waiting --accepted--> sent                     its text is forgotten, its subject and address are kept for 30 days
 *         |  +--refused for good (5xx)--> failed
 *         +--not now (4xx, network)--> waiting, tried again after 30 s, 1, 2, 4 ... 60 min; failed after 3 days
 *
 *   Who is killed between the server's "accepted" and the commit sends again: twice is better than never.
 *   Address, subject and text are sealed with the house's mail key (system/keys): neither the database nor its backups show them.
 *   Mails are plain text in UTF-8, made by RFC 5322, 2045 and 2047; a line break in an address or a subject is refused, not escaped.
 *
 * Any thread, except where said. Errors of all: of the database, of keys, memory. */
#ifndef SYSTEM_MAIL_H
#define SYSTEM_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "system/db/db.h"
#include "system/keys/keys.h"

extern const struct db_schema mail_schema; /* for db_migrate */

enum {
    MAIL_ADDRESS_MAX = 254, /* bytes: RFC 5321 section 4.5.3.1.3 without its angle brackets */
    MAIL_SUBJECT_MAX = 300, /* bytes */
    MAIL_TEXT_MAX = 32 * 1024,
    MAIL_KEPT_S = 30 * 24 * 3600,
    MAIL_TRIED_S = 3 * 24 * 3600,
};

struct mail;
struct mail_options {
    struct db *db;               /* migrated with mail_schema */
    const struct clock *clock;
    struct id_maker *ids;
    struct keys *keys;
    const char *smtp;            /* "smtp://host:587" (STARTTLS where offered), "smtps://host:465"; NULL: mails are kept. To a host other than
                                    a loopback address never without TLS, unless the URL ends in "?plain"; to none at all without it where it ends in "?tls" */
    const char *smtp_ca;         /* a file of certificates (PEM) that the server's must be signed by; NULL: those that this machine trusts */
    const char *user, *password; /* NULL: without AUTH */
    const char *from;            /* "name@host" or "Name <name@host>"; needed with smtp */
};
/* Errors: ERR_INPUT mail.smtp, mail.from. */
MUST_USE struct err mail_open(struct mail **out, const struct mail_options *);
/* The thread that sends; nothing without SMTP. */
MUST_USE struct err mail_start(struct mail *);
void mail_close(struct mail **); /* waits for the one letter that is on its way, at most 30 s */
bool mail_leaves(const struct mail *); /* is there an SMTP server? */

/* Reads an address: trims it, makes its letters small; one @, a host of two labels or "localhost", no blanks, brackets or control
 * characters. What it gives is in `out`. False: not an address. */
bool mail_address(struct slice text, char out[MAIL_ADDRESS_MAX + 1], size_t *len);

struct mail_new {
    int64_t org_id, about_id; /* about_id: whom it is about, for mail_forget; 0: nobody */
    struct slice to;          /* an address by mail_address */
    struct slice subject, text; /* UTF-8, text with \n */
};
/* Errors: ERR_INPUT mail.to, mail.subject, mail.text. After the commit: mail_wake. */
MUST_USE struct err mail_add(struct mail *, struct db_tx *, const struct mail_new *);
/* There is something new, or time was turned by hand. Does not block. */
void mail_wake(struct mail *);
/* What was about one (somebody who had no name yet) is about another from now on. */
MUST_USE struct err mail_pass(struct mail *, struct db_tx *, int64_t org_id, int64_t from_id, int64_t to_id);
/* Removes all that is about somebody. */
MUST_USE struct err mail_forget(struct mail *, struct db_tx *, int64_t org_id, int64_t about_id);

enum mail_state { MAIL_KEPT, MAIL_WAITING, MAIL_SENT, MAIL_FAILED };
const char *mail_state_name(enum mail_state); /* "kept" ... */
struct mail_item {
    int64_t id, about_id;
    struct slice public_id, to, subject, text; /* text empty once it is sent */
    struct utc_time created_at, sent_at;       /* sent_at.ns 0: not yet */
    enum mail_state state;
    int attempts;
    struct slice trouble;                      /* what the last try met, in the server's words; may be empty */
};
struct mail_list {
    struct mail_item *items; /* newest first */
    size_t count;
};
/* `before_id` 0: from the newest. At most 200 at once. Workers. */
MUST_USE struct err mail_list(struct mail *, struct arena *, int64_t org_id, int64_t before_id, size_t limit, struct mail_list *out);
/* All about somebody, for an export. */
MUST_USE struct err mail_about(struct mail *, struct arena *, int64_t org_id, int64_t about_id, struct mail_list *out);

/* From time to time: forgets what is old. Workers. */
MUST_USE struct err mail_tick(struct mail *);

struct mail_stats {
    uint64_t sent, failed, retried; /* since it was opened */
};
struct mail_stats mail_stats(const struct mail *);

#endif
