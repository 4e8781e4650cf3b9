/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What holds for all viewers of an organisation: where they count as being (its country, and what subscribers abroad may see), and how many adults share a household. */
#include "api/me.h"

static const char *const portabilities[] = {[ACCOUNT_PORTABILITY_OFF] = "off", [ACCOUNT_PORTABILITY_HOME] = "home", [ACCOUNT_PORTABILITY_EU] = "eu"};

static struct err organisation_get(struct call *c) {
    struct account_org_facts facts;
    if (!account_org_facts(c->api->o.account, c->org_id, &facts)) return err_make(ERR_NOT_FOUND, "organisation.not_found", "There is no such organisation.");
    json_begin_object(&c->w);
    json_put_cstr(&c->w, "country", facts.country);
    json_put_cstr(&c->w, "portability", portabilities[facts.portability]);
    json_put_number(&c->w, "adults_max", facts.adults_max);
    json_end(&c->w);
    return ERR_OK;
}

/* What is not named stays. */
static struct err organisation_change(struct call *c) {
    struct account_org_facts facts;
    struct body_object b = body_root(&c->body);
    struct slice country = body_text(b, "country"), portability = body_text(b, "portability");
    int64_t adults_max;
    bool has_adults = body_number(b, "adults_max", &adults_max);
    struct err e = body_end(&c->body);
    if (e.kind) return e;
    if (!account_org_facts(c->api->o.account, c->org_id, &facts)) return err_make(ERR_NOT_FOUND, "organisation.not_found", "There is no such organisation.");
    if (country.ptr) {
        if (country.len != 2) return err_make(ERR_INPUT, "account.country", "A country is two large letters of ISO 3166-1, such as DE or TH.");
        memcpy(facts.country, country.ptr, 2);
    }
    if (portability.ptr) {
        size_t i = 0;
        while (i < ARRAY_LEN(portabilities) && !slice_eq(portability, slice_cstr(portabilities[i]))) i++;
        if (i == ARRAY_LEN(portabilities)) return err_make(ERR_INPUT, "organisation.portability", "Subscribers abroad see what is shown there (off), what is shown at home (home), or within the European Union what is shown at home (eu).");
        facts.portability = (enum account_portability)i;
    }
    if (has_adults) {
        if (adults_max < 1 || adults_max > ACCOUNT_ADULTS_MAX) return err_make(ERR_INPUT, "organisation.adults", "A household has 1 to 8 adults.");
        facts.adults_max = (int)adults_max;
    }
    e = account_org_set_facts(c->api->o.account, c->org_id, &facts);
    if (!e.kind) access_poke(c->api->o.access);
    return e.kind ? e : organisation_get(c);
}

const struct route organisation_routes[] = {
    {HTTP_GET, "/api/v1/operator/organisation", organisation_get, CALL_HOUSEHOLDS},
    {HTTP_PATCH, "/api/v1/operator/organisation", organisation_change, CALL_HOUSEHOLDS | CALL_CHANGES | CALL_JSON},
    {0},
};
