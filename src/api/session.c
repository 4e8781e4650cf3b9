/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The operator comes in with a one-time code, and leaves. */
#include "api/room.h"

static struct err session_enter(struct call *c) {
    struct account_secret secret;
    struct slice code = body_text(body_root(&c->body), "code");
    struct err e = body_end(&c->body);
    if (!e.kind) e = account_enter(c->api->o.account, c->org_id, code, http_request_peer(c->r), &secret);
    if (e.kind) return e;
    call_session_set(c, slice_cstr(secret.text), ACCOUNT_SESSION_S);
    c->status = 204;
    return ERR_OK;
}

static struct err session_leave(struct call *c) {
    struct slice secret = call_session(c);
    if (secret.len) {
        struct err e = account_session_end(c->api->o.account, c->org_id, secret);
        if (e.kind) return e;
    }
    call_session_set(c, SLICE_NONE, 0);
    c->status = 204;
    return ERR_OK;
}

const struct route session_routes[] = {
    {HTTP_POST, "/api/v1/session", session_enter, CALL_JSON | CALL_CHANGES},
    {HTTP_DELETE, "/api/v1/session", session_leave, CALL_CHANGES},
    {0},
};
