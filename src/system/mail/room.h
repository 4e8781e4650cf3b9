/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within mail only: a letter as it goes over the wire, its way there, and the statements. */
#ifndef SYSTEM_MAIL_ROOM_H
#define SYSTEM_MAIL_ROOM_H

#include "base/buf.h"
#include "system/mail/mail.h"

/* --- message.c --- */
enum { MESSAGE_BYTES_MAX = 128 * 1024 };
struct message {
    struct slice from_name, from; /* the name may be empty */
    struct slice to, subject, text, public_id;
    struct utc_time at;
};
/* With CRLF, ready for DATA (but for the doubling of dots, which is the sender's). Buffer of MESSAGE_BYTES_MAX. */
void message_write(const struct message *, struct buf *out);
/* "Name <name@host>" or an address: false if it is neither. The name's slice is in `text`. */
bool message_from(struct slice text, struct slice *name, char address[MAIL_ADDRESS_MAX + 1], size_t *len);

/* --- smtp.c --- */
struct smtp; /* one server */
struct err smtp_open(struct smtp **out, const char *url, const char *user, const char *password, const char *ca); /* ca NULL: those that this machine trusts */
void smtp_close(struct smtp **);
enum smtp_outcome { SMTP_SENT, SMTP_LATER, SMTP_REFUSED };
/* At most 30 s. `trouble` (text, UTF-8) says why not. */
enum smtp_outcome smtp_send(struct smtp *, struct slice from, struct slice to, struct slice message, char trouble[200]);

/* --- mail_sql.c --- */
extern const struct db_statement mail_insert, mail_next, mail_claim, mail_finish, mail_newest, mail_of, mail_of_all, mail_pass_about, mail_delete_about, mail_delete_old;

#endif
