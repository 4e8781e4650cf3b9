/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What an operator opens for one household by hand, and what it watches now. */
#include "api/room.h"

static struct err household_find(struct call *c, int64_t *household_id) {
    struct account_household_item item;
    struct account_profile *profiles;
    size_t count;
    struct err e = account_household_get(c->api->o.account, c->arena, c->org_id, call_param(c, "id"), &item, &profiles, &count);
    if (!e.kind) *household_id = item.household.id;
    return e;
}

static void put_title_of(struct call *c, const struct catalog_title *t, struct slice id) {
    json_key(&c->w, "title");
    json_begin_object(&c->w);
    json_put_string(&c->w, "id", id);
    json_put_string(&c->w, "name", t ? catalog_text_in(t, c->lang).name : SLICE_NONE); /* none: it was removed */
    json_end(&c->w);
}

static void put_grant(struct call *c, const struct catalog_view *view, const struct access_grant *g) {
    const struct catalog_title *t = catalog_find_id(view, g->title_id);
    json_begin_object(&c->w);
    json_put_string(&c->w, "id", public_id_slice(&g->public_id));
    put_title_of(c, t, t ? public_id_slice(&t->public_id) : SLICE_NONE);
    json_put_cstr(&c->w, "medium", rights_medium_name(g->medium));
    put_time_or_null(&c->w, "starts_at", g->starts_s * 1000);
    put_time_or_null(&c->w, "ends_at", g->ends_s >= ACCESS_ENDLESS ? 0 : g->ends_s * 1000);
    json_end(&c->w);
}

struct err access_put_grants(struct call *c, int64_t household_id) {
    struct access_grant *grants;
    struct access_stream *streams;
    size_t grant_count, stream_count;
    struct catalog_view *view;
    struct err e = access_grants(c->api->o.access, c->arena, c->org_id, household_id, &grants, &grant_count);
    if (!e.kind) e = access_streams(c->api->o.access, c->arena, c->org_id, household_id, &streams, &stream_count);
    if (!e.kind) e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    json_key(&c->w, "grants");
    json_begin_array(&c->w);
    for (size_t i = 0; i < grant_count; i++) put_grant(c, view, &grants[i]);
    json_end(&c->w);
    json_key(&c->w, "streams");
    json_begin_array(&c->w);
    for (size_t i = 0; i < stream_count; i++) {
        json_begin_object(&c->w);
        put_title_of(c, catalog_find(view, public_id_slice(&streams[i].title)), public_id_slice(&streams[i].title));
        json_put_cstr(&c->w, "territory", streams[i].place.area[0] ? streams[i].place.area : streams[i].place.country);
        json_put_cstr(&c->w, "device", streams[i].device);
        put_time_or_null(&c->w, "since", streams[i].begun_s * 1000);
        json_end(&c->w);
    }
    json_end(&c->w);
    catalog_view_give(&view);
    return ERR_OK;
}

static struct err grant_read(struct call *c, struct slice *title, enum rights_medium *medium, int64_t *ends_s) {
    struct utc_time ends;
    struct body_object b = body_root(&c->body);
    struct slice word = body_text(b, "medium"), until = body_text(b, "ends_at");
    *title = body_text(b, "title");
    *ends_s = ACCESS_ENDLESS;
    struct err e = body_end(&c->body);
    if (e.kind) return e;
    if (!rights_medium_parse(word, medium))
        return err_make(ERR_INPUT, "grant.medium", "A household watches by subscription, rental, purchase, live, catch-up and the like.");
    if (!until.ptr) return ERR_OK;
    if (!utc_parse(until, &ends)) return err_make(ERR_INPUT, "grant.ends", "A grant ends in the future, or never.");
    *ends_s = utc_seconds(ends);
    return ERR_OK;
}

static struct err grant_create(struct call *c) {
    int64_t household_id, ends_s;
    enum rights_medium medium;
    struct catalog_view *view;
    struct access_grant grant;
    struct slice title;
    struct err e = household_find(c, &household_id);
    if (!e.kind) e = grant_read(c, &title, &medium, &ends_s);
    if (!e.kind) e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    const struct catalog_title *t = catalog_find(view, title);
    if (!t) e = err_make(ERR_NOT_FOUND, "title.not_found", "There is no such title. It may have been removed.");
    if (!e.kind) e = access_grant_add(c->api->o.access, c->org_id, household_id, t->id, medium, ends_s, call_who(c)->user_id, &grant);
    if (!e.kind) {
        c->status = 201;
        put_grant(c, view, &grant);
    }
    catalog_view_give(&view);
    return e;
}

static struct err grant_remove(struct call *c) {
    int64_t household_id;
    struct err e = household_find(c, &household_id);
    if (!e.kind) e = access_grant_remove(c->api->o.access, c->org_id, household_id, call_param(c, "grant"));
    if (!e.kind) c->status = 204;
    return e;
}

const struct route grant_routes[] = {
    {HTTP_POST, "/api/v1/operator/households/{id}/grants", grant_create, CALL_HOUSEHOLDS | CALL_CHANGES | CALL_JSON},
    {HTTP_DELETE, "/api/v1/operator/households/{id}/grants/{grant}", grant_remove, CALL_HOUSEHOLDS | CALL_CHANGES},
    {0},
};
