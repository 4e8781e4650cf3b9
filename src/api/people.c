/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * /operator/people: who has parts in titles. */
#include "api/operator.h"

enum { PEOPLE_SHOWN_MAX = 100 };

static void person_put(struct call *c, const struct catalog_person *p) {
    json_begin_object(&c->w);
    json_put_string(&c->w, "id", public_id_slice(&p->public_id));
    json_put_string(&c->w, "name", catalog_person_name_in(p, c->lang));
    put_names(&c->w, p->names);
    json_end(&c->w);
}

/* The newest, or those that ?q= finds. */
static struct err people_list(struct call *c) {
    struct catalog_view *view;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    struct catalog_question q = {.query = slice_trim(call_query(c, "q")), .lang = c->lang, .limit = PEOPLE_SHOWN_MAX, .shows_all = true};
    struct catalog_hits hits = {0};
    if (q.query.len) e = catalog_search(view, c->arena, &q, &hits);
    if (!e.kind) {
        json_begin_object(&c->w);
        json_key(&c->w, "items");
        json_begin_array(&c->w);
        for (size_t i = 0; i < hits.people_count; i++) person_put(c, hits.people[i].person);
        for (size_t i = 0; !q.query.len && i < view->people_count && i < PEOPLE_SHOWN_MAX; i++) person_put(c, view->people[view->people_count - 1 - i]);
        json_end(&c->w);
        json_put_number(&c->w, "count", (int64_t)view->people_count);
        json_end(&c->w);
    }
    catalog_view_give(&view);
    return e;
}

static struct err person_answer(struct call *c, struct slice id) {
    struct catalog_view *view;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    const struct catalog_person *p = catalog_person_of_public_id(view, id);
    if (p) person_put(c, p);
    else e = err_make(ERR_NOT_FOUND, "person.not_found", "There is no such person here.");
    catalog_view_give(&view);
    return e;
}

/* Which languages the request names at all: the others stay as they are. */
static struct err change_read(struct call *c, struct catalog_person_change *out) {
    struct slice names[TEXT_LANGUAGE_COUNT];
    const json_t *object = body_value(body_root(&c->body), "names");
    *out = (struct catalog_person_change){0};
    struct err e = body_end(&c->body);
    if (!e.kind) e = names_read(object, "person.name", names);
    for (int i = 0; !e.kind && i < TEXT_LANGUAGE_COUNT; i++) {
        out->names[i].has_name = json_object_get(object, text_languages[i].code.ptr) != NULL;
        out->names[i].name = names[i];
    }
    return e;
}

static struct err person_create(struct call *c) {
    struct catalog_person_change change;
    struct public_id id;
    struct err e = change_read(c, &change);
    if (!e.kind) e = catalog_person_create(c->api->o.catalog, c->org_id, &change, &id);
    if (e.kind) return e;
    c->status = 201;
    return person_answer(c, public_id_slice(&id));
}

static struct err person_patch(struct call *c) {
    struct catalog_person_change change;
    struct slice id = call_param(c, "id");
    struct err e = change_read(c, &change);
    if (!e.kind) e = catalog_person_change(c->api->o.catalog, c->org_id, id, &change);
    return e.kind ? e : person_answer(c, id);
}

static struct err person_delete(struct call *c) {
    struct err e = catalog_person_remove(c->api->o.catalog, c->org_id, call_param(c, "id"));
    if (!e.kind) c->status = 204;
    return e;
}

const struct route person_routes[] = {
    {HTTP_GET, "/api/v1/operator/people", people_list, CALL_EDITOR},
    {HTTP_POST, "/api/v1/operator/people", person_create, CALL_EDITOR | CALL_CHANGES | CALL_JSON},
    {HTTP_PATCH, "/api/v1/operator/people/{id}", person_patch, CALL_EDITOR | CALL_CHANGES | CALL_JSON},
    {HTTP_DELETE, "/api/v1/operator/people/{id}", person_delete, CALL_EDITOR | CALL_CHANGES},
    {0},
};
