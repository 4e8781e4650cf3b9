/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What was sent, or would be if there were a mail server. */
#include "api/me.h"

enum { MAILS_SHOWN_MAX = 100 };

static struct err mails_list(struct call *c) {
    struct mail_list list;
    struct err e = mail_list(c->api->o.mail, c->arena, c->org_id, 0, MAILS_SHOWN_MAX, &list);
    if (e.kind) return e;
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    for (size_t i = 0; i < list.count; i++) {
        const struct mail_item *m = &list.items[i];
        json_begin_object(&c->w);
        json_put_string(&c->w, "id", m->public_id);
        json_put_string(&c->w, "to", m->to);
        json_put_string(&c->w, "subject", m->subject);
        json_put_string(&c->w, "text", m->text);
        put_utc_or_null(&c->w, "created_at", m->created_at);
        put_utc_or_null(&c->w, "sent_at", m->sent_at);
        json_put_cstr(&c->w, "state", mail_state_name(m->state));
        json_put_number(&c->w, "attempts", m->attempts);
        json_put_string(&c->w, "trouble", m->trouble);
        json_end(&c->w);
    }
    json_end(&c->w);
    json_put_bool(&c->w, "leaves", mail_leaves(c->api->o.mail));
    json_end(&c->w);
    return ERR_OK;
}

const struct route mail_routes[] = {{HTTP_GET, "/api/v1/operator/mails", mails_list, CALL_OPERATOR}, {0}};
