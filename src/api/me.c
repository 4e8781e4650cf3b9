/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * /me: who is calling, and what somebody may see and change of himself: name and password, second factor, where he is signed in, what he agreed
 * to, all that is stored about him, and its end. */
#include "api/me.h"

#include <stdio.h>

#include "api/qr.h"

struct account_from me_from(struct call *c) {
    struct slice agent = SLICE_NONE, device = SLICE_NONE, zone = SLICE_NONE;
    if (!http_request_header(c->r, SLICE("user-agent"), &agent)) agent = SLICE_NONE;
    if (!http_request_cookie(c->r, http_request_is_https(c->r) ? SLICE("__Host-grandstand_device") : SLICE("grandstand_device"), &device)) device = SLICE_NONE;
    if (!http_request_cookie(c->r, SLICE("zone"), &zone)) zone = SLICE_NONE;
    return (struct account_from){.peer = http_request_peer(c->r), .agent = agent, .origin = request_origin(c->r, c->arena), .lang = c->lang, .zone = zone,
                                 .session = call_session(c), .device = device};
}

enum { DEVICE_S = 365 * 24 * 3600 };

void me_enter(struct call *c, const struct account_entry *entry) {
    bool is_https = http_request_is_https(c->r);
    call_session_set(c, arena_copy(c->arena, slice_cstr(entry->session.text)), entry->session_s);
    if (entry->device.text[0]) {
        struct slice cookie = arena_printf(c->arena, "%sgrandstand_device=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%d%s", is_https ? "__Host-" : "",
                                           entry->device.text, DEVICE_S, is_https ? "; Secure" : "");
        c->fields[c->field_count++] = (struct http_field){SLICE("set-cookie"), cookie};
    }
    c->caller = CALLER_SESSION;
    c->caller_error = ERR_OK;
    c->who = entry->who;
    c->has_place = c->has_viewer = false;
}

/* --- writing and reading --- */

void put_words(struct json_writer *w, const char *key, uint32_t bits, const char *(*name)(uint32_t bit)) {
    json_key(w, key);
    json_begin_array(w);
    for (uint32_t bit = 1; bit && bit <= bits; bit <<= 1)
        if (bits & bit) json_add_cstr(w, name(bit));
    json_end(w);
}

void put_utc_or_null(struct json_writer *w, const char *key, struct utc_time t) {
    struct utc_text text = utc_text_of(t, 0);
    json_put_cstr(w, key, t.ns ? text.text : NULL);
}

bool body_words(struct body_object o, const char *name, uint32_t (*of)(struct slice), uint32_t *bits) {
    const json_t *list = body_value(o, name);
    uint32_t all = 0;
    if (!json_is_array(list)) return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        uint32_t bit = json_is_string(one) ? of(slice_of(json_string_value(one), json_string_length(one))) : 0;
        if (!bit) return false;
        all |= bit;
    }
    *bits = all;
    return true;
}

void put_profile(struct json_writer *w, const struct account_profile *p) {
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(&p->public_id));
    json_put_string(w, "name", p->name);
    json_put_cstr(w, "picture", p->picture);
    json_key(w, "birth_year");
    if (p->birth_year) json_add_number(w, p->birth_year);
    else json_add_null(w);
    json_put_number(w, "age_max", p->age_max);
    json_put_bool(w, "has_pin", p->has_pin);
    json_put_bool(w, "is_child", p->is_child);
    json_end(w);
}

static void put_user(struct json_writer *w, const struct account_user *u) {
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(&u->public_id));
    json_put_string(w, "name", u->name);
    json_put_string(w, "email", u->email);
    json_put_bool(w, "is_confirmed", u->is_confirmed);
    json_put_bool(w, "has_totp", u->has_totp);
    put_words(w, "roles", u->roles, account_role_name);
    json_put_string(w, "lang", u->lang);
    json_end(w);
}

struct err me_put_member(struct call *c, struct json_writer *w, const char *key) {
    const struct account_who *who = call_who(c);
    struct account_me me = {0};
    if (c->is_on_loop && (who->user_id || c->wants_worker)) {
        c->wants_worker = true;
        return ERR_OK;
    }
    struct err e = who->user_id ? account_me_read(c->api->o.account, c->arena, who, &me) : ERR_OK;
    if (e.kind) return e;
    if (key) json_key(w, key);
    json_begin_object(w);
    json_key(w, "user");
    if (me.has_user) put_user(w, &me.user);
    else json_add_null(w);
    json_key(w, "household");
    if (me.has_household) {
        json_begin_object(w);
        json_put_string(w, "id", public_id_slice(&me.household.public_id));
        json_put_string(w, "name", me.household.name);
        json_put_cstr(w, "country", me.household.country);
        json_put_number(w, "streams_max", me.household.streams_max);
        json_end(w);
    } else {
        json_add_null(w);
    }
    json_key(w, "profile");
    if (me.profile) put_profile(w, me.profile);
    else json_add_null(w);
    json_key(w, "profiles");
    json_begin_array(w);
    for (size_t i = 0; i < me.profile_count; i++) put_profile(w, &me.profiles[i]);
    json_end(w);
    json_put_string(w, "territory", call_territory(c));
    json_end(w);
    return ERR_OK;
}

struct err me_answer(struct call *c) { return me_put_member(c, &c->w, NULL); }

/* --- calls --- */

static struct err me_change(struct call *c) {
    struct body_object b = body_root(&c->body);
    struct account_user_change change = {.name = body_text(b, "name"), .lang = body_text(b, "lang"), .email = body_text(b, "email"),
                                         .password = body_text(b, "password"), .old_password = body_text(b, "old_password")};
    struct account_from from = me_from(c);
    struct account_entry entry;
    bool is_new_session = false;
    struct err e = body_end(&c->body);
    if (!e.kind) e = account_user_change(c->api->o.account, call_who(c), &change, &from, &is_new_session, &entry);
    if (e.kind) return e;
    if (is_new_session) me_enter(c, &entry);
    return me_answer(c);
}

static struct err household_change(struct call *c) {
    struct body_object b = body_root(&c->body);
    struct account_household_change change = {.name = body_text(b, "name"), .country = body_text(b, "country")};
    struct err e = body_end(&c->body);
    if (!e.kind) e = account_household_change(c->api->o.account, call_who(c), &change);
    c->has_place = c->has_viewer = false;
    return e.kind ? e : me_answer(c);
}

static struct err totp_begin(struct call *c) {
    struct account_totp totp;
    struct err e = account_totp_begin(c->api->o.account, c->arena, call_who(c), &totp);
    if (e.kind) return e;
    struct buf svg = BUF(256 << 10);
    e = qr_svg(&svg, totp.uri);
    if (!e.kind) {
        json_begin_object(&c->w);
        json_put_cstr(&c->w, "secret", totp.secret);
        json_put_string(&c->w, "uri", totp.uri);
        json_put_string(&c->w, "qr_svg", buf_slice(&svg));
        json_end(&c->w);
    }
    buf_free(&svg);
    return e;
}

static struct err totp_confirm(struct call *c) {
    struct account_recovery recovery;
    struct slice code = body_text(body_root(&c->body), "code");
    struct err e = body_end(&c->body);
    if (!e.kind) e = account_totp_confirm(c->api->o.account, call_who(c), code, &recovery);
    if (e.kind) return e;
    json_begin_object(&c->w);
    json_key(&c->w, "recovery_codes");
    json_begin_array(&c->w);
    for (size_t i = 0; i < ACCOUNT_RECOVERY_CODES; i++) json_add_cstr(&c->w, recovery.codes[i]);
    json_end(&c->w);
    json_end(&c->w);
    return ERR_OK;
}

static struct err totp_end(struct call *c) {
    struct slice password = body_text(body_root(&c->body), "password");
    struct err e = body_end(&c->body);
    if (!e.kind) e = account_totp_end(c->api->o.account, call_who(c), password);
    return e.kind ? e : me_answer(c);
}

static struct err sessions_list(struct call *c) {
    struct account_session_list list;
    struct err e = account_session_list(c->api->o.account, c->arena, call_who(c), &list);
    if (e.kind) return e;
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    for (size_t i = 0; i < list.count; i++) {
        const struct account_session *s = &list.items[i];
        json_begin_object(&c->w);
        json_put_string(&c->w, "id", public_id_slice(&s->public_id));
        put_utc_or_null(&c->w, "created_at", s->created_at);
        put_utc_or_null(&c->w, "seen_at", s->seen_at);
        json_put_string(&c->w, "agent", s->agent);
        json_put_string(&c->w, "address", s->address);
        json_put_bool(&c->w, "is_this", s->is_this);
        json_end(&c->w);
    }
    json_end(&c->w);
    json_end(&c->w);
    return ERR_OK;
}

static struct err session_delete(struct call *c) {
    struct err e = account_session_end_by_id(c->api->o.account, call_who(c), call_param(c, "id"));
    if (!e.kind) c->status = 204;
    return e;
}

/* A link of the page leads here, so it says what the file shall be called. */
static struct err export_get(struct call *c) {
    struct err e = account_export(c->api->o.account, c->arena, call_who(c), &c->out);
    if (!e.kind)
        c->fields[c->field_count++] = (struct http_field){SLICE("content-disposition"), SLICE("attachment; filename=\"my-data.json\"")};
    return e;
}

static struct err erase(struct call *c) {
    struct slice password = body_text(body_root(&c->body), "password");
    struct err e = body_end(&c->body);
    if (!e.kind) e = account_erase(c->api->o.account, call_who(c), password);
    if (e.kind) return e;
    call_session_set(c, SLICE_NONE, 0);
    c->status = 204;
    return ERR_OK;
}

static struct err consents_put(struct call *c) {
    struct account_consent_list list;
    struct err e = account_consent_list(c->api->o.account, c->arena, call_who(c), &list);
    if (e.kind) return e;
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    for (size_t i = 0; i < list.count; i++) {
        const struct account_consent *one = &list.items[i];
        char code[64];
        snprintf(code, sizeof code, "consent.%.*s.v%d", SLICE_ARG(one->purpose), one->text_version);
        json_begin_object(&c->w);
        json_put_string(&c->w, "purpose", one->purpose);
        json_put_string(&c->w, "text", text_lookup(c->lang, slice_cstr(code)));
        json_put_bool(&c->w, "is_granted", one->is_granted);
        put_utc_or_null(&c->w, "at", one->at);
        json_end(&c->w);
    }
    json_end(&c->w);
    json_end(&c->w);
    return ERR_OK;
}

static struct err consents_list(struct call *c) { return consents_put(c); }

static struct err consent_set(struct call *c) {
    struct body_object b = body_root(&c->body);
    struct slice purpose = body_text(b, "purpose");
    bool is_granted, is_said = body_flag(b, "is_granted", &is_granted);
    struct err e = body_end(&c->body);
    if (!e.kind && !is_said) e = err_make(ERR_INPUT, "request.malformed", "Whether it is granted is true or false.");
    if (!e.kind) e = account_consent_set(c->api->o.account, call_who(c), purpose, is_granted);
    return e.kind ? e : consents_put(c);
}

const struct route me_routes[] = {
    {HTTP_GET, "/api/v1/me", me_answer, CALL_PERSONAL | CALL_ON_LOOP},
    {HTTP_PATCH, "/api/v1/me", me_change, CALL_USER | CALL_CHANGES | CALL_JSON},
    {HTTP_PATCH, "/api/v1/me/household", household_change, CALL_USER | CALL_CHANGES | CALL_JSON},
    {HTTP_POST, "/api/v1/me/totp", totp_begin, CALL_USER | CALL_CHANGES | CALL_EMPTY},
    {HTTP_POST, "/api/v1/me/totp/confirm", totp_confirm, CALL_USER | CALL_CHANGES | CALL_JSON},
    {HTTP_DELETE, "/api/v1/me/totp", totp_end, CALL_USER | CALL_CHANGES | CALL_JSON},
    {HTTP_GET, "/api/v1/me/sessions", sessions_list, CALL_USER},
    {HTTP_DELETE, "/api/v1/me/sessions/{id}", session_delete, CALL_USER | CALL_CHANGES},
    {HTTP_GET, "/api/v1/me/export", export_get, CALL_USER},
    {HTTP_POST, "/api/v1/me/erase", erase, CALL_USER | CALL_CHANGES | CALL_JSON},
    {HTTP_GET, "/api/v1/me/consents", consents_list, CALL_USER},
    {HTTP_POST, "/api/v1/me/consents", consent_set, CALL_USER | CALL_CHANGES | CALL_JSON},
    {0},
};
