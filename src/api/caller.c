/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who is calling, and whether he may: the session's cookie or a token, roles and scopes, and that a page of another site cannot make a
 * browser change something in its user's name. */
#include "api/room.h"


/* Under TLS the prefix makes the browser promise that no other host and nobody without TLS has set it (RFC 6265bis section 4.1.3.2). */
static struct slice cookie_name(const struct call *c) {
    return http_request_is_https(c->r) ? SLICE("__Host-grandstand_session") : SLICE("grandstand_session");
}

struct slice call_session(const struct call *c) {
    struct slice secret;
    return http_request_cookie(c->r, cookie_name(c), &secret) ? secret : SLICE_NONE;
}

/* Lax: who follows a link from a mail arrives signed in. What changes something is held back by the mark below. */
void call_session_set(struct call *c, struct slice secret, int64_t seconds) {
    bool is_https = http_request_is_https(c->r);
    struct slice cookie = arena_printf(c->arena, "%.*s=%.*s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%lld%s", SLICE_ARG(cookie_name(c)), SLICE_ARG(secret),
                                       (long long)seconds, is_https ? "; Secure" : "");
    c->fields[c->field_count++] = (struct http_field){SLICE("set-cookie"), cookie};
    c->is_personal = true;
}

/* RFC 6750 section 2.1; the scheme's name without regard to case (RFC 9110 section 11.1). */
static bool bearer(const struct call *c, struct slice *token) {
    struct slice value;
    if (!http_request_header(c->r, SLICE("authorization"), &value) || !slice_eq_nocase(slice_sub(value, 0, 7), SLICE("bearer "))) return false;
    *token = slice_trim(slice_sub(value, 7, value.len));
    return true;
}

/* A token goes before a cookie, also one that is none: a script that sends both is told that its token is wrong. */
static void caller_find(struct call *c) {
    struct account *accounts = c->api->o.account;
    struct slice secret;
    c->caller = CALLER_NOBODY;
    if (bearer(c, &secret)) {
        if (account_token_peek(accounts, c->org_id, secret, &c->who) == ACCOUNT_KNOWN) c->caller = CALLER_TOKEN;
        else if (c->is_on_loop) c->wants_worker = true;
        else if (!(c->caller_error = account_token_find(accounts, c->org_id, secret, &c->who)).kind) c->caller = CALLER_TOKEN;
        return;
    }
    secret = call_session(c);
    if (!secret.len) return;
    switch (account_session_peek(accounts, c->org_id, secret, &c->who)) {
    case ACCOUNT_KNOWN: c->caller = CALLER_SESSION; return;
    case ACCOUNT_NOBODY: return;
    case ACCOUNT_ASK: break;
    }
    if (c->is_on_loop) {
        c->wants_worker = true;
        return;
    }
    struct err e = account_session_find(accounts, c->org_id, secret, &c->who);
    if (!e.kind) c->caller = CALLER_SESSION;
    else if (e.kind != ERR_DENIED) c->caller_error = e;
}

const struct account_who *call_who(struct call *c) {
    if (c->caller == CALLER_UNASKED) caller_find(c);
    if (c->caller == CALLER_NOBODY) c->who = (struct account_who){0};
    return &c->who;
}

/* What each flag takes. A scope to change includes the one to read. */
static const struct {
    int flag;
    unsigned roles, scopes_read, scopes_write;
} rules[] = {
    {CALL_OPERATOR, ACCOUNT_OPERATOR, 0, 0},
    {CALL_EDITOR, ACCOUNT_OPERATOR | ACCOUNT_EDITOR, ACCOUNT_CATALOG_READ | ACCOUNT_CATALOG_WRITE, ACCOUNT_CATALOG_WRITE},
    {CALL_RIGHTS, ACCOUNT_OPERATOR | ACCOUNT_RIGHTS, ACCOUNT_RIGHTS_READ | ACCOUNT_RIGHTS_WRITE, ACCOUNT_RIGHTS_WRITE},
    {CALL_FINANCE, ACCOUNT_OPERATOR | ACCOUNT_FINANCE, ACCOUNT_FINANCE_READ | ACCOUNT_FINANCE_WRITE, ACCOUNT_FINANCE_WRITE},
    {CALL_LIVE, ACCOUNT_OPERATOR, ACCOUNT_LIVE_WRITE, ACCOUNT_LIVE_WRITE},
    {CALL_HOUSEHOLDS, ACCOUNT_OPERATOR, ACCOUNT_HOUSEHOLDS_READ | ACCOUNT_HOUSEHOLDS_WRITE, ACCOUNT_HOUSEHOLDS_WRITE},
};

static bool is_met(const struct call *c, int flags, bool changes) {
    if (flags & CALL_USER && c->caller == CALLER_SESSION && c->who.user_id) return true;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (!(flags & rules[i].flag)) continue;
        if (c->caller == CALLER_SESSION && c->who.roles & rules[i].roles) return true;
        if (c->caller == CALLER_TOKEN && c->who.scopes & (changes ? rules[i].scopes_write : rules[i].scopes_read)) return true;
    }
    return false;
}

bool call_is(struct call *c, int who) {
    call_who(c);
    return is_met(c, who, false);
}

/* Another site's page can make the browser send our cookie (with SameSite=Lax only by a link that is followed) but neither set this header
 * without asking us first (we never allow it) nor hide its origin. Signing in is guarded too, or somebody would be signed in as somebody else. */
static struct err origin_check(struct call *c) {
    static const struct err wrong = {.kind = ERR_DENIED, .code = "request.origin", .what = "This request did not come from a page of this site."};
    struct slice mark, origin;
    if (!http_request_header(c->r, SLICE("x-grandstand"), &mark) || !slice_eq(mark, SLICE("1"))) return wrong;
    if (http_request_header(c->r, SLICE("origin"), &origin) && !slice_eq(origin, request_origin(c->r, c->arena))) return wrong;
    return ERR_OK;
}

struct err call_allow(struct call *c, int flags) {
    enum http_method method = http_request_method(c->r);
    bool changes = flags & CALL_CHANGES || (method != HTTP_GET && method != HTTP_HEAD);
    struct slice token;
    if (flags & (CALL_WHO | CALL_PERSONAL)) c->is_personal = true;
    if (flags & CALL_WHO) {
        call_who(c);
        if (c->wants_worker) return ERR_OK;
        if (c->caller_error.kind) return c->caller_error;
        if (c->caller == CALLER_NOBODY) return err_make(ERR_DENIED, "session.required", "This is for those who are signed in. Sign in, or open the operator's link.");
        if (!is_met(c, flags, changes)) {
            if (c->caller == CALLER_TOKEN) return err_make(ERR_DENIED, "token.scope", "This token is not for that. Make one with the scope that is needed.");
            if ((flags & CALL_WHO) == CALL_USER) return err_make(ERR_DENIED, "session.user", "This is for people with an account. The operator's link has none.");
            return err_make(ERR_DENIED, "role.required", "Your account has no right to this. An operator can give it one.");
        }
    }
    if (bearer(c, &token)) return ERR_OK; /* no browser adds that by itself, and a cookie beside it does not count */
    if (flags & CALL_CHANGES || (flags & CALL_GUARDED && call_session(c).len)) return origin_check(c);
    return ERR_OK;
}
