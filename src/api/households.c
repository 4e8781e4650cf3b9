/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Households as operators see them. */
#include "api/me.h"

enum { HOUSEHOLDS_SHOWN_MAX = 100 };

static void put_members(struct json_writer *w, const struct account_household_item *item) {
    json_put_string(w, "id", public_id_slice(&item->household.public_id));
    json_put_string(w, "name", item->household.name);
    json_put_cstr(w, "country", item->household.country);
    json_put_number(w, "streams_max", item->household.streams_max);
    put_utc_or_null(w, "created_at", item->household.created_at);
    json_put_number(w, "profile_count", (int64_t)item->profile_count);
    json_key(w, "users");
    json_begin_array(w);
    for (size_t i = 0; i < item->user_count; i++) {
        json_begin_object(w);
        json_put_string(w, "id", public_id_slice(&item->users[i].public_id));
        json_put_string(w, "name", item->users[i].name);
        json_put_string(w, "email", item->users[i].email);
        json_put_bool(w, "is_confirmed", item->users[i].is_confirmed);
        json_end(w);
    }
    json_end(w);
}

static struct err households_list(struct call *c) {
    struct account_household_list list;
    int64_t after = 0;
    struct err e = call_after(c, NAME_HOUSEHOLD, &after);
    if (!e.kind) e = account_household_list_after(c->api->o.account, c->arena, c->org_id, slice_trim(call_query(c, "q")), HOUSEHOLDS_SHOWN_MAX, after, &list);
    if (e.kind) return e;
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    for (size_t i = 0; i < list.count; i++) {
        json_begin_object(&c->w);
        put_members(&c->w, &list.items[i]);
        json_end(&c->w);
    }
    json_end(&c->w);
    json_put_bool(&c->w, "is_whole", list.is_whole);
    call_put_name(c, "next", NAME_HOUSEHOLD, list.next_id);
    json_put_number(&c->w, "searched", (int64_t)list.searched);
    json_put_number(&c->w, "total", list.total);
    json_end(&c->w);
    return ERR_OK;
}

/* Of profiles what a decision rests on, and no birth years. */
static struct err household_put(struct call *c) {
    struct account_household_item item;
    struct account_profile *profiles;
    size_t count;
    struct err e = account_household_get(c->api->o.account, c->arena, c->org_id, call_param(c, "id"), &item, &profiles, &count);
    if (e.kind) return e;
    json_begin_object(&c->w);
    put_members(&c->w, &item);
    json_key(&c->w, "profiles");
    json_begin_array(&c->w);
    for (size_t i = 0; i < count; i++) {
        profiles[i].birth_year = 0;
        put_profile(&c->w, &profiles[i]);
    }
    json_end(&c->w);
    e = access_put_grants(c, item.household.id);
    json_end(&c->w);
    return e;
}

static struct err household_get(struct call *c) { return household_put(c); }

static struct err household_change(struct call *c) {
    int64_t streams = 0;
    bool is_said = body_number(body_root(&c->body), "streams_max", &streams);
    struct err e = body_end(&c->body);
    if (!e.kind && (!is_said || streams < 1 || streams > 20)) e = err_make(ERR_INPUT, "household.streams", "A household watches on 1 to 20 screens at once.");
    if (!e.kind) e = account_household_set_streams(c->api->o.account, c->org_id, call_param(c, "id"), (int)streams);
    return e.kind ? e : household_put(c);
}

const struct route household_routes[] = {
    {HTTP_GET, "/api/v1/operator/households", households_list, CALL_HOUSEHOLDS},
    {HTTP_GET, "/api/v1/operator/households/{id}", household_get, CALL_HOUSEHOLDS},
    {HTTP_PATCH, "/api/v1/operator/households/{id}", household_change, CALL_HOUSEHOLDS | CALL_CHANGES | CALL_JSON},
    {0},
};
