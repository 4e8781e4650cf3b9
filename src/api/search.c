/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * GET /search: titles and people, as one types. */
#include "api/operator.h"

enum { TITLES_OF_PERSON_MAX = 3 };

static void put_match(struct json_writer *w, const struct catalog_match *m) {
    json_key(w, "match");
    json_begin_object(w);
    json_put_cstr(w, "field", catalog_field_name(m->field));
    json_put_string(w, "text", m->text);
    json_key(w, "ranges");
    json_begin_array(w);
    for (size_t i = 0; i < m->range_count; i++) {
        json_begin_array(w);
        json_add_number(w, m->ranges[i].from);
        json_add_number(w, m->ranges[i].to);
        json_end(w);
    }
    json_end(w);
    json_end(w);
}

static void put_titles_of(struct call *c, const struct catalog_view *view, const struct catalog_person_hit *hit) {
    json_key(&c->w, "titles");
    json_begin_array(&c->w);
    for (size_t i = 0; i < hit->title_count; i++) {
        json_begin_object(&c->w);
        json_put_string(&c->w, "id", public_id_slice(&hit->titles[i]->public_id));
        json_put_string(&c->w, "name", catalog_text_in(hit->titles[i], c->lang).name);
        json_end(&c->w);
    }
    json_end(&c->w);
}

static struct err search_get(struct call *c) {
    uint64_t limit = 20;
    struct slice wish = call_query(c, "limit");
    if (wish.len && (!slice_to_u64(wish, &limit) || limit < 1 || limit > CATALOG_HITS_MAX)) return err_make(ERR_INPUT, "search.limit", "A search shows 1 to 100 titles.");
    struct catalog_question q = {.query = call_query(c, "q"), .lang = c->lang, .limit = limit};
    struct catalog_view *view;
    struct catalog_hits hits;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    if (!(e = catalog_search(view, c->arena, &q, &hits)).kind) {
        json_begin_object(&c->w);
        json_key(&c->w, "items");
        json_begin_array(&c->w);
        for (size_t i = 0; i < hits.title_count; i++) {
            json_begin_object(&c->w);
            title_put_members(c, &c->w, view, hits.titles[i].title);
            put_match(&c->w, &hits.titles[i].match);
            json_end(&c->w);
        }
        json_end(&c->w);
        json_key(&c->w, "people");
        json_begin_array(&c->w);
        for (size_t i = 0; i < hits.people_count; i++) {
            json_begin_object(&c->w);
            json_put_string(&c->w, "id", public_id_slice(&hits.people[i].person->public_id));
            json_put_string(&c->w, "name", catalog_person_name_in(hits.people[i].person, c->lang));
            put_match(&c->w, &hits.people[i].match);
            put_titles_of(c, view, &hits.people[i]);
            json_end(&c->w);
        }
        json_end(&c->w);
        json_put_bool(&c->w, "is_more", hits.is_more);
        json_end(&c->w);
    }
    catalog_view_give(&view);
    return e;
}

const struct route search_routes[] = {{HTTP_GET, "/api/v1/search", search_get, CALL_PUBLIC}, {0}};
