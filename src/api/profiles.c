/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Those who watch in a household, and which of them is watching now. */
#include "api/me.h"

static struct err wrong(const char *code, const char *what) { return err_make(ERR_INPUT, code, what); }

static struct err change_read(struct call *c, struct account_profile_change *out) {
    const json_t *value;
    int64_t number;
    *out = (struct account_profile_change){.name = body_text(c, "name"), .picture = body_text(c, "picture")};
    if ((value = json_object_get(c->body, "birth_year"))) {
        if (!json_is_null(value) && (!json_get_integer(c->body, "birth_year", &number) || number < 1 || number > 9999))
            return wrong("profile.birth_year", "A birth year has four digits, or is null.");
        out->has_birth_year = true;
        out->birth_year = json_is_null(value) ? 0 : (int)number;
    }
    if (json_object_get(c->body, "age_max")) {
        if (!json_get_integer(c->body, "age_max", &number) || number < 0 || number > 18) return wrong("profile.age_max", "The age limit of a profile is 0, 6, 12, 16 or 18.");
        out->has_age_max = true;
        out->age_max = (int)number;
    }
    if ((value = json_object_get(c->body, "pin"))) {
        if (!json_is_null(value) && !json_string_length(value)) return wrong("profile.pin_form", "A PIN has four digits, or is null.");
        out->has_pin = true;
        out->pin = body_text(c, "pin");
    }
    return ERR_OK;
}

static struct account_proof proof_read(const struct call *c, const char *pin) {
    return (struct account_proof){.password = body_text(c, "password"), .pin = body_text(c, pin)};
}

static struct err profile_add(struct call *c) {
    struct account_profile_change change;
    struct account_proof proof = proof_read(c, "confirm_pin");
    struct public_id id;
    struct err e = change_read(c, &change);
    if (!e.kind) e = account_profile_add(c->api->o.account, call_who(c), &change, &proof, &id);
    if (e.kind) return e;
    c->status = 201;
    return me_answer(c);
}

static struct err profile_change(struct call *c) {
    struct account_profile_change change;
    struct account_proof proof = proof_read(c, "confirm_pin");
    struct err e = change_read(c, &change);
    if (!e.kind) e = account_profile_change(c->api->o.account, call_who(c), call_param(c, "id"), &change, &proof);
    return e.kind ? e : me_answer(c);
}

/* The caller as he now is: which profile is chosen may have changed. */
static struct err who_again(struct call *c) {
    return account_session_find(c->api->o.account, c->org_id, call_session(c), &c->who);
}

static struct err profile_remove(struct call *c) {
    struct account_proof proof = proof_read(c, "confirm_pin");
    struct err e = account_profile_remove(c->api->o.account, call_who(c), call_param(c, "id"), &proof);
    if (!e.kind) e = who_again(c);
    return e.kind ? e : me_answer(c);
}

static struct err profile_choose(struct call *c) {
    struct account_proof proof = proof_read(c, "pin");
    struct err e = account_profile_choose(c->api->o.account, call_who(c), call_param(c, "id"), &proof);
    if (!e.kind) e = who_again(c);
    return e.kind ? e : me_answer(c);
}

const struct route profile_routes[] = {
    {HTTP_POST, "/api/v1/profiles", profile_add, CALL_USER | CALL_CHANGES | CALL_JSON},
    {HTTP_PATCH, "/api/v1/profiles/{id}", profile_change, CALL_USER | CALL_CHANGES | CALL_JSON},
    {HTTP_DELETE, "/api/v1/profiles/{id}", profile_remove, CALL_USER | CALL_CHANGES | CALL_JSON},
    {HTTP_POST, "/api/v1/profiles/{id}/choose", profile_choose, CALL_USER | CALL_CHANGES | CALL_JSON},
    {0},
};
