/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Where the caller is: by the client's address, which is the connection's, or what trusted proxies report. Where that has no place (no
 * database of addresses, a private network) it is the home territory of the server or of the organisation. Who has a household may be at home in its
 * country (access_place). Operators may look as from elsewhere: ?as_territory=TH. */
#include "api/room.h"

static struct geo_place home_of(struct call *c) {
    struct geo_place place = {0};
    struct account_org_facts facts;
    if (geo_place_parse(slice_cstr(c->api->o.home_territory), &place)) return place;
    if (account_org_facts(c->api->o.account, c->org_id, &facts)) memcpy(place.country, facts.country, sizeof place.country);
    return place;
}

const struct geo_place *call_place(struct call *c) {
    if (c->has_place) return &c->place;
    c->has_place = true;
    struct slice wish = call_query(c, "as_territory");
    if (wish.len && call_is(c, CALL_OPERATOR)) {
        if (!geo_place_parse(wish, &c->place)) c->caller_error = err_make(ERR_INPUT, "place.unknown", "This is not a country, nor an area of one. Write DE or US-CA.");
        return &c->place;
    }
    struct geo_place address;
    if (!geo_find(c->api->o.geo, http_request_peer(c->r), &address)) address = home_of(c);
    c->place = access_place(c->api->o.access, c->org_id, call_who(c)->household_id, &address);
    return &c->place;
}

struct slice call_territory(struct call *c) { return slice_cstr(call_place(c)->country); }
