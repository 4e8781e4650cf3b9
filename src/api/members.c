/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Those who work here, and the tokens of their scripts. */
#include "api/me.h"

static struct err no_roles(void) { return err_make(ERR_INPUT, "member.roles", "Roles are operator, rights, finance or editor, at least one."); }

/* The caller's own public id; empty for the operator's link. */
static struct err my_id(struct call *c, struct public_id *out) {
    struct account_me me = {0};
    *out = (struct public_id){0};
    if (!call_who(c)->user_id) return ERR_OK;
    struct err e = account_me_read(c->api->o.account, c->arena, call_who(c), &me);
    if (!e.kind && me.has_user) *out = me.user.public_id;
    return e;
}

static void put_member(struct json_writer *w, const struct account_member *m, const struct public_id *mine) {
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(&m->public_id));
    json_put_string(w, "email", m->email);
    json_key(w, "name");
    if (m->name.len) json_add_string(w, m->name);
    else json_add_null(w);
    put_words(w, "roles", m->roles, account_role_name);
    json_put_cstr(w, "state", m->is_invited ? "invited" : "member");
    json_put_bool(w, "has_totp", m->has_totp);
    json_put_bool(w, "is_me", slice_eq(public_id_slice(&m->public_id), public_id_slice(mine)));
    put_utc_or_null(w, "created_at", m->created_at);
    put_utc_or_null(w, "seen_at", m->seen_at);
    put_utc_or_null(w, "expires_at", m->expires_at);
    json_end(w);
}

/* All of them, or the one of that id. */
static struct err members_put(struct call *c, struct slice only) {
    struct account_member_list list;
    struct public_id mine;
    struct err e = account_member_list(c->api->o.account, c->arena, call_who(c), &list);
    if (!e.kind) e = my_id(c, &mine);
    if (e.kind) return e;
    if (only.len) {
        for (size_t i = 0; i < list.count; i++)
            if (slice_eq(public_id_slice(&list.items[i].public_id), only)) {
                put_member(&c->w, &list.items[i], &mine);
                return ERR_OK;
            }
        return err_make(ERR_NOT_FOUND, "member.missing", "There is no such member. The roles may have been taken away.");
    }
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    for (size_t i = 0; i < list.count; i++) put_member(&c->w, &list.items[i], &mine);
    json_end(&c->w);
    json_end(&c->w);
    return ERR_OK;
}

static struct err members_list(struct call *c) { return members_put(c, SLICE_NONE); }

static struct err member_invite(struct call *c) {
    uint32_t roles;
    struct public_id id;
    struct account_from from = me_from(c);
    struct body_object b = body_root(&c->body);
    struct slice lang = body_text(b, "lang"), email = body_text(b, "email");
    bool has_roles = body_words(b, "roles", account_role_of, &roles);
    struct err e = body_end(&c->body);
    if (!e.kind && !has_roles) e = no_roles();
    if (text_language_is_known(lang)) from.lang = lang;
    if (!e.kind) e = account_member_invite(c->api->o.account, call_who(c), email, roles, &from, &id);
    if (e.kind) return e;
    c->status = 201;
    return members_put(c, public_id_slice(&id));
}

static struct err member_change(struct call *c) {
    uint32_t roles;
    bool has_roles = body_words(body_root(&c->body), "roles", account_role_of, &roles);
    struct err e = body_end(&c->body);
    if (!e.kind && !has_roles) e = no_roles();
    if (!e.kind) e = account_member_change(c->api->o.account, call_who(c), call_param(c, "id"), roles);
    return e.kind ? e : members_put(c, call_param(c, "id"));
}

static struct err member_remove(struct call *c) {
    struct err e = account_member_remove(c->api->o.account, call_who(c), call_param(c, "id"));
    if (!e.kind) c->status = 204;
    return e;
}

/* --- tokens --- */

static void put_token(struct json_writer *w, const struct account_token *t, const char *secret) {
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(&t->public_id));
    json_put_string(w, "name", t->name);
    put_words(w, "scopes", t->scopes, account_scope_name);
    put_utc_or_null(w, "created_at", t->created_at);
    put_utc_or_null(w, "used_at", t->seen_at);
    put_utc_or_null(w, "expires_at", t->expires_at);
    if (secret) json_put_cstr(w, "token", secret);
    json_end(w);
}

static struct err tokens_list(struct call *c) {
    struct account_token_list list;
    struct err e = account_token_list(c->api->o.account, c->arena, call_who(c), &list);
    if (e.kind) return e;
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    for (size_t i = 0; i < list.count; i++) put_token(&c->w, &list.items[i], NULL);
    json_end(&c->w);
    json_end(&c->w);
    return ERR_OK;
}

static struct err token_make(struct call *c) {
    uint32_t scopes;
    struct account_token_secret secret;
    struct body_object b = body_root(&c->body);
    struct account_token token = {.name = slice_trim(body_text(b, "name")), .created_at = clock_utc(c->api->o.clock)};
    struct slice expires = body_text(b, "expires_at");
    bool has_scopes = body_words(b, "scopes", account_scope_of, &scopes);
    struct err e = body_end(&c->body);
    if (e.kind) return e;
    if (!has_scopes) return err_make(ERR_INPUT, "token.scopes", "A token has at least one scope, each of those that there are.");
    if (expires.ptr && (!utc_parse(expires, &token.expires_at) || token.expires_at.ns <= token.created_at.ns))
        return err_make(ERR_INPUT, "token.expires", "A token ends in the future, or not by itself.");
    e = account_token_make(c->api->o.account, call_who(c), token.name, scopes, utc_seconds(token.expires_at), &secret, &token.public_id);
    if (e.kind) return e;
    token.scopes = scopes;
    token.created_at = utc_from_seconds(utc_seconds(token.created_at));
    c->status = 201;
    put_token(&c->w, &token, secret.text);
    return ERR_OK;
}

static struct err token_end(struct call *c) {
    struct err e = account_token_end(c->api->o.account, call_who(c), call_param(c, "id"));
    if (!e.kind) c->status = 204;
    return e;
}

const struct route member_routes[] = {
    {HTTP_GET, "/api/v1/operator/members", members_list, CALL_OPERATOR},
    {HTTP_POST, "/api/v1/operator/members", member_invite, CALL_OPERATOR | CALL_CHANGES | CALL_JSON},
    {HTTP_PATCH, "/api/v1/operator/members/{id}", member_change, CALL_OPERATOR | CALL_CHANGES | CALL_JSON},
    {HTTP_DELETE, "/api/v1/operator/members/{id}", member_remove, CALL_OPERATOR | CALL_CHANGES},
    {HTTP_GET, "/api/v1/operator/tokens", tokens_list, CALL_OPERATOR},
    {HTTP_POST, "/api/v1/operator/tokens", token_make, CALL_OPERATOR | CALL_CHANGES | CALL_JSON},
    {HTTP_DELETE, "/api/v1/operator/tokens/{id}", token_end, CALL_OPERATOR | CALL_CHANGES},
    {0},
};
