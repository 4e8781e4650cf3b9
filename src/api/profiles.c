/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Those who watch in a household, and which of them is watching now. */
#include "api/me.h"

static struct err wrong(const char *code, const char *what) { return err_make(ERR_INPUT, code, what); }

/* A change, and who says that it may be. */
static struct err change_read(struct call *c, struct account_profile_change *out, struct account_proof *proof) {
    struct body_object b = body_root(&c->body);
    const json_t *birth_year = body_value(b, "birth_year"), *age_max = body_value(b, "age_max"), *pin = body_value(b, "pin");
    *out = (struct account_profile_change){.name = body_text(b, "name"), .picture = body_text(b, "picture"), .has_birth_year = birth_year, .has_age_max = age_max, .has_pin = pin};
    *proof = (struct account_proof){.password = body_text(b, "password"), .pin = body_text(b, "confirm_pin")};
    struct err e = body_end(&c->body);
    if (e.kind) return e;
    if (birth_year && !json_is_null(birth_year)) {
        if (!json_is_integer(birth_year) || json_integer_value(birth_year) < 1 || json_integer_value(birth_year) > 9999)
            return wrong("profile.birth_year", "A birth year has four digits, or is null.");
        out->birth_year = (int)json_integer_value(birth_year);
    }
    if (age_max) {
        if (!json_is_integer(age_max) || json_integer_value(age_max) < 0 || json_integer_value(age_max) > 18)
            return wrong("profile.age_max", "The age limit of a profile is 0, 6, 12, 16 or 18.");
        out->age_max = (int)json_integer_value(age_max);
    }
    if (pin && !json_is_null(pin)) {
        if (!json_string_length(pin)) return wrong("profile.pin_form", "A PIN has four digits, or is null.");
        out->pin = slice_of(json_string_value(pin), json_string_length(pin));
    }
    return ERR_OK;
}

static struct err proof_read(struct call *c, const char *pin, struct account_proof *proof) {
    struct body_object b = body_root(&c->body);
    *proof = (struct account_proof){.password = body_text(b, "password"), .pin = body_text(b, pin)};
    return body_end(&c->body);
}

static struct err profile_add(struct call *c) {
    struct account_profile_change change;
    struct account_proof proof;
    struct public_id id;
    struct err e = change_read(c, &change, &proof);
    if (!e.kind) e = account_profile_add(c->api->o.account, call_who(c), &change, &proof, &id);
    if (e.kind) return e;
    c->status = 201;
    return me_answer(c);
}

static struct err profile_change(struct call *c) {
    struct account_profile_change change;
    struct account_proof proof;
    struct err e = change_read(c, &change, &proof);
    if (!e.kind) e = account_profile_change(c->api->o.account, call_who(c), call_param(c, "id"), &change, &proof);
    return e.kind ? e : me_answer(c);
}

/* The caller as he now is: which profile is chosen may have changed. */
static struct err who_again(struct call *c) {
    return account_session_find(c->api->o.account, c->org_id, call_session(c), &c->who);
}

static struct err profile_remove(struct call *c) {
    struct account_proof proof;
    struct err e = proof_read(c, "confirm_pin", &proof);
    if (!e.kind) e = account_profile_remove(c->api->o.account, call_who(c), call_param(c, "id"), &proof);
    if (!e.kind) e = who_again(c);
    return e.kind ? e : me_answer(c);
}

static struct err profile_choose(struct call *c) {
    struct account_proof proof;
    struct err e = proof_read(c, "pin", &proof);
    if (!e.kind) e = account_profile_choose(c->api->o.account, call_who(c), call_param(c, "id"), &proof);
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
