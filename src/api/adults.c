/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * /me/household: the grown-ups who share a household, and those who are invited. */
#include "api/me.h"

static void put_adult(struct json_writer *w, const struct account_adult *a) {
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(&a->public_id));
    json_put_string(w, "name", a->name);
    json_put_string(w, "email", a->email);
    json_put_bool(w, "is_me", a->is_me);
    json_put_bool(w, "is_owner", a->is_owner);
    json_put_bool(w, "has_totp", a->has_totp);
    put_utc_or_null(w, "joined_at", a->joined_at);
    json_end(w);
}

static void put_invitation(struct json_writer *w, const struct account_adult_invitation *i) {
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(&i->public_id));
    json_put_string(w, "email", i->email);
    put_utc_or_null(w, "created_at", i->created_at);
    put_utc_or_null(w, "expires_at", i->expires_at);
    json_end(w);
}

static struct err adults_answer(struct call *c) {
    struct account_adults all;
    struct err e = account_adults(c->api->o.account, c->arena, call_who(c), &all);
    if (e.kind) return e;
    json_begin_object(&c->w);
    json_put_number(&c->w, "adults_max", all.adults_max);
    json_key(&c->w, "adults");
    json_begin_array(&c->w);
    for (size_t i = 0; i < all.count; i++) put_adult(&c->w, &all.items[i]);
    json_end(&c->w);
    json_key(&c->w, "invitations");
    json_begin_array(&c->w);
    for (size_t i = 0; i < all.invitation_count; i++) put_invitation(&c->w, &all.invitations[i]);
    json_end(&c->w);
    json_end(&c->w);
    return ERR_OK;
}

static struct err invite(struct call *c) {
    struct account_from from = me_from(c);
    struct public_id id;
    struct body_object b = body_root(&c->body);
    struct slice email = body_text(b, "email"), password = body_text(b, "password");
    struct err e = body_end(&c->body);
    if (!e.kind) e = account_adult_invite(c->api->o.account, call_who(c), email, password, &from, &id);
    if (e.kind) return e;
    c->status = 201;
    return adults_answer(c);
}

static struct err withdraw(struct call *c) {
    struct err e = account_adult_withdraw(c->api->o.account, call_who(c), call_param(c, "id"));
    return e.kind ? e : adults_answer(c);
}

/* What all of these ask for, and nothing else. */
static struct err password_read(struct call *c, struct slice *password) {
    *password = body_text(body_root(&c->body), "password");
    return body_end(&c->body);
}

static struct err adult_remove(struct call *c) {
    struct slice password;
    struct err e = password_read(c, &password);
    if (!e.kind) e = account_adult_remove(c->api->o.account, call_who(c), call_param(c, "id"), password);
    return e.kind ? e : adults_answer(c);
}

static struct err hand_over(struct call *c) {
    struct slice password;
    struct err e = password_read(c, &password);
    if (!e.kind) e = account_adult_hand_over(c->api->o.account, call_who(c), call_param(c, "id"), password);
    return e.kind ? e : adults_answer(c);
}

static struct err leave(struct call *c) {
    struct slice password;
    struct err e = password_read(c, &password);
    if (!e.kind) e = account_adult_leave(c->api->o.account, call_who(c), password);
    if (!e.kind) e = account_session_find(c->api->o.account, c->org_id, call_session(c), &c->who); /* the caller as he now is */
    c->has_place = c->has_viewer = false;
    return e.kind ? e : me_answer(c);
}

const struct route adult_routes[] = {
    {HTTP_GET, "/api/v1/me/household", adults_answer, CALL_USER},
    {HTTP_POST, "/api/v1/me/household/invitations", invite, CALL_USER | CALL_CHANGES | CALL_JSON},
    {HTTP_DELETE, "/api/v1/me/household/invitations/{id}", withdraw, CALL_USER | CALL_CHANGES},
    {HTTP_DELETE, "/api/v1/me/household/adults/{id}", adult_remove, CALL_USER | CALL_CHANGES | CALL_JSON},
    {HTTP_POST, "/api/v1/me/household/adults/{id}/owner", hand_over, CALL_USER | CALL_CHANGES | CALL_JSON},
    {HTTP_POST, "/api/v1/me/household/leave", leave, CALL_USER | CALL_CHANGES | CALL_JSON},
    {0},
};
