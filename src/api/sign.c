/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Ways in: signing up, confirming, signing in, a forgotten password, an invitation. What is said of an address is the same whether there is an
 * account behind it or not; who may read its mailbox learns the rest there. */
#include "api/me.h"

static struct err answer_always(struct call *c, struct err e) {
    if (e.kind) return e;
    c->status = 202;
    json_begin_object(&c->w);
    json_end(&c->w);
    return ERR_OK;
}

static struct err answer_entered(struct call *c, struct err e, const struct account_entry *entry) {
    if (e.kind) return e;
    me_enter(c, entry);
    return me_answer(c);
}

static struct err sign_up(struct call *c) {
    struct body_object b = body_root(&c->body);
    struct slice lang = body_text(b, "lang");
    struct account_sign_up wish = {.email = body_text(b, "email"), .password = body_text(b, "password"), .name = body_text(b, "name"),
                                   .country = body_text(b, "country"), .lang = lang.ptr ? lang : c->lang};
    struct account_from from = me_from(c);
    struct err e = body_end(&c->body);
    return answer_always(c, e.kind ? e : account_sign_up(c->api->o.account, c->org_id, &wish, &from));
}

static struct err confirm(struct call *c) {
    struct account_from from = me_from(c);
    struct account_entry entry;
    struct slice code = body_text(body_root(&c->body), "code");
    struct err e = body_end(&c->body);
    return answer_entered(c, e.kind ? e : account_confirm(c->api->o.account, c->org_id, code, &from, &entry), &entry);
}

static struct err sign_in(struct call *c) {
    struct account_from from = me_from(c);
    struct account_entry entry;
    struct body_object b = body_root(&c->body);
    struct slice email = body_text(b, "email"), password = body_text(b, "password"), code = body_text(b, "code");
    struct err e = body_end(&c->body);
    if (!e.kind) e = account_sign_in(c->api->o.account, c->org_id, email, password, code, &from, &entry);
    return answer_entered(c, e, &entry);
}

static struct err forgot(struct call *c) {
    struct account_from from = me_from(c);
    struct slice email = body_text(body_root(&c->body), "email");
    struct err e = body_end(&c->body);
    return answer_always(c, e.kind ? e : account_password_forget(c->api->o.account, c->org_id, email, &from));
}

static struct err reset(struct call *c) {
    struct account_from from = me_from(c);
    struct account_entry entry;
    struct body_object b = body_root(&c->body);
    struct slice code = body_text(b, "code"), password = body_text(b, "password"), totp = body_text(b, "totp");
    struct err e = body_end(&c->body);
    if (!e.kind) e = account_password_reset(c->api->o.account, c->org_id, code, password, totp, &from, &entry);
    return answer_entered(c, e, &entry);
}

/* By POST, since the code is a secret and addresses end up in logs. */
static struct err invitation(struct call *c) {
    struct account_from from = me_from(c);
    struct account_invitation to;
    struct slice code = body_text(body_root(&c->body), "code");
    struct err e = body_end(&c->body);
    if (!e.kind) e = account_invitation_read(c->api->o.account, c->arena, c->org_id, code, &from, &to);
    if (e.kind) return e;
    json_begin_object(&c->w);
    json_put_string(&c->w, "email", to.email);
    json_put_string(&c->w, "organisation", to.organisation);
    put_words(&c->w, "roles", to.roles, account_role_name);
    json_put_bool(&c->w, "has_account", to.has_account);
    json_key(&c->w, "household");
    if (to.is_household) {
        json_begin_object(&c->w);
        json_put_string(&c->w, "name", to.household);
        json_put_string(&c->w, "inviter", to.inviter);
        json_end(&c->w);
    } else {
        json_add_null(&c->w);
    }
    json_end(&c->w);
    return ERR_OK;
}

static struct err invitation_accept(struct call *c) {
    struct account_from from = me_from(c);
    struct account_entry entry;
    struct body_object b = body_root(&c->body);
    struct slice code = body_text(b, "code"), name = body_text(b, "name"), password = body_text(b, "password"), totp = body_text(b, "totp");
    struct err e = body_end(&c->body);
    if (!e.kind) e = account_invitation_accept(c->api->o.account, c->org_id, code, name, password, totp, &from, &entry);
    return answer_entered(c, e, &entry);
}

enum { SIGN = CALL_CHANGES | CALL_JSON | CALL_PERSONAL };
const struct route sign_routes[] = {
    {HTTP_POST, "/api/v1/sign-up", sign_up, SIGN},
    {HTTP_POST, "/api/v1/confirm", confirm, SIGN},
    {HTTP_POST, "/api/v1/sign-in", sign_in, SIGN},
    {HTTP_POST, "/api/v1/password/forgot", forgot, SIGN},
    {HTTP_POST, "/api/v1/password/reset", reset, SIGN},
    {HTTP_POST, "/api/v1/invitation", invitation, SIGN},
    {HTTP_POST, "/api/v1/invitation/accept", invitation_accept, SIGN},
    {0},
};
