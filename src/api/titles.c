/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * GET /site, /titles/{id}: what everybody may see of one title. */
#include <stdio.h>
#include <stdlib.h>

#include "api/operator.h"

/* --- one title --- */

/* The poster with words in this language, else the general one. NULL name: there is none. */
static int64_t poster_of(const struct catalog_title *t, struct slice lang, char file[24]) {
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++)
        if (t->poster_versions[i] && slice_eq(text_languages[i].code, lang)) {
            snprintf(file, 24, "poster-%.*s.jpg", SLICE_ARG(text_languages[i].code));
            return t->poster_versions[i];
        }
    snprintf(file, 24, "poster.jpg");
    return t->poster_version;
}

struct slice title_poster_url(struct arena *arena, const struct catalog_title *t, struct slice lang) {
    char file[24];
    int64_t version = poster_of(t, lang, file);
    return version ? arena_printf(arena, "/art/%s/%s?v=%lld", t->public_id.text, file, (long long)version) : SLICE_NONE;
}

static void put_number_or_null(struct json_writer *w, const char *name, int64_t n) {
    if (n) {
        json_put_number(w, name, n);
    } else {
        json_key(w, name);
        json_add_null(w);
    }
}

static void put_text_or_null(struct json_writer *w, const char *name, struct slice text) {
    json_key(w, name);
    if (text.len) json_add_string(w, text);
    else json_add_null(w);
}

static void put_words(struct json_writer *w, const char *name, struct slice words) {
    json_key(w, name);
    json_begin_array(w);
    for (struct slice one; words.len && slice_next(&words, ' ', &one);) json_add_string(w, one);
    json_end(w);
}

static void put_id_or_null(struct json_writer *w, const char *name, const struct public_id *id) { json_put_cstr(w, name, id->text[0] ? id->text : NULL); }

void put_time_or_null(struct json_writer *w, const char *name, int64_t ms) {
    struct utc_text text = utc_text_of((struct utc_time){ms * NS_PER_MS}, 3);
    json_put_cstr(w, name, ms ? text.text : NULL);
}

/* The members that do not depend on who asks: shared by the public and the operator's form. `lang` chooses the poster. */
static void put_facts(struct json_writer *w, const struct catalog_title *t, struct slice lang) {
    json_put_string(w, "id", public_id_slice(&t->public_id));
    json_put_cstr(w, "kind", catalog_kind_name(t->kind));
    put_number_or_null(w, "year", t->year);
    json_put_number(w, "duration_ms", t->duration_ms);
    put_words(w, "genres", t->genres);
    char url[96], colour[8], file[24];
    int64_t poster = poster_of(t, lang, file);
    snprintf(url, sizeof url, "/art/%s/%s?v=%lld", t->public_id.text, file, (long long)poster);
    json_put_cstr(w, "poster", poster ? url : NULL);
    snprintf(url, sizeof url, "/art/%s/portrait.jpg?v=%lld", t->public_id.text, (long long)t->portrait_version);
    json_put_cstr(w, "portrait", t->portrait_version ? url : NULL);
    snprintf(colour, sizeof colour, "#%06x", t->colour);
    json_put_cstr(w, "colour", colour);
    json_put_cstr(w, "status", catalog_status_name(t->status));
    put_time_or_null(w, "starts_at", t->starts_ms);
    put_time_or_null(w, "started_at", t->started_ms);
    put_time_or_null(w, "ended_at", t->ended_ms);
    static const char *const tracks[] = {"audio", "captions", "heights"};
    struct slice rest = t->tracks;
    for (size_t i = 0; i < ARRAY_LEN(tracks); i++) {
        struct slice line = SLICE_NONE;
        json_key(w, tracks[i]);
        json_add_raw(w, slice_next(&rest, '\n', &line) && line.len ? line : SLICE("[]"));
    }
    put_id_or_null(w, "parent", &t->parent);
    put_number_or_null(w, "season", t->season);
    put_number_or_null(w, "episode", t->episode);
    json_put_bool(w, "is_free", t->is_free);
}

/* The rating that holds for the caller, by which his profile is held to the age. */
static void put_rating(struct call *c, struct json_writer *w, const struct catalog_title *t) {
    struct catalog_rating rating;
    bool is_own, has = access_rating(c->api->o.access, call_viewer(c), t, &rating, &is_own);
    json_put_number(w, "age", has ? rating.age : t->age);
    json_key(w, "rating");
    if (has) {
        const char *country = catalog_system_country(rating.system);
        json_begin_object(w);
        json_put_cstr(w, "system", catalog_system_name(rating.system));
        json_put_cstr(w, "value", rating.value);
        json_put_cstr(w, "country", country[0] ? country : NULL);
        json_put_bool(w, "is_own", is_own);
        json_end(w);
    } else {
        json_add_null(w);
    }
}

void title_put_members(struct call *c, struct json_writer *w, const struct catalog_view *view, const struct catalog_title *t) {
    struct catalog_text text = catalog_text_in(t, c->lang);
    put_facts(w, t, c->lang);
    put_rating(c, w, t);
    json_put_string(w, "name", text.name);
    json_put_string(w, "synopsis", text.synopsis);
    int64_t viewers = t->status == CATALOG_LIVE ? delivery_viewers(c->api->o.delivery, public_id_slice(&t->public_id)) : -1;
    json_key(w, "viewers");
    if (viewers >= 0) json_add_number(w, viewers);
    else json_add_null(w);
    access_put(c, w, view, t);
}

void title_put(struct call *c, struct json_writer *w, const struct catalog_view *view, const struct catalog_title *t) {
    json_begin_object(w);
    title_put_members(c, w, view, t);
    json_end(w);
}

static void put_people(struct json_writer *w, const struct catalog_view *view, const struct catalog_title *t, struct slice lang) {
    json_key(w, "people");
    json_begin_array(w);
    for (size_t i = 0; i < t->people_count; i++) {
        const struct catalog_person *p = catalog_find_person(view, t->people[i].person_id);
        if (!p) continue;
        json_begin_object(w);
        json_put_string(w, "id", public_id_slice(&p->public_id));
        json_put_string(w, "name", catalog_person_name_in(p, lang));
        json_put_cstr(w, "part", catalog_part_name(t->people[i].part));
        put_text_or_null(w, "character", t->people[i].character);
        json_end(w);
    }
    json_end(w);
}

static void put_by_language(struct json_writer *w, const char *name, const struct slice texts[TEXT_LANGUAGE_COUNT]) {
    json_key(w, name);
    json_begin_object(w);
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++)
        if (texts[i].len) json_put_string(w, text_languages[i].code.ptr, texts[i]);
    json_end(w);
}
void put_names(struct json_writer *w, const struct slice names[TEXT_LANGUAGE_COUNT]) { put_by_language(w, "names", names); }

void title_put_operator(struct json_writer *w, const struct catalog_view *view, const struct catalog_title *t, struct slice lang) {
    struct slice names[TEXT_LANGUAGE_COUNT], synopses[TEXT_LANGUAGE_COUNT];
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) {
        names[i] = t->texts[i].name;
        synopses[i] = t->texts[i].synopsis;
    }
    json_begin_object(w);
    put_facts(w, t, SLICE(""));
    json_put_number(w, "age", t->age);
    put_by_language(w, "names", names);
    put_by_language(w, "synopses", synopses);
    json_key(w, "ratings");
    json_begin_object(w);
    for (int s = 0; s < CATALOG_SYSTEMS; s++) {
        struct catalog_rating one;
        if (catalog_rating_of(&t->ratings, (enum catalog_system)s, &one)) json_put_cstr(w, catalog_system_name((enum catalog_system)s), one.value);
    }
    json_end(w);
    put_text_or_null(w, "eidr", t->eidr);
    put_text_or_null(w, "external_id", t->external_id);
    put_text_or_null(w, "original_lang", t->original_lang);
    put_text_or_null(w, "original_name", t->original_name);
    put_words(w, "countries", t->countries);
    put_text_or_null(w, "edit", t->edit);
    put_people(w, view, t, lang);
    json_key(w, "members");
    json_begin_array(w);
    for (size_t i = 0; i < t->member_count; i++) {
        const struct catalog_title *member = catalog_find_id(view, t->members[i]);
        if (member) json_add_string(w, public_id_slice(&member->public_id));
    }
    json_end(w);
    json_key(w, "posters");
    json_begin_object(w);
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) {
        char url[96];
        snprintf(url, sizeof url, "/art/%s/poster-%.*s.jpg?v=%lld", t->public_id.text, SLICE_ARG(text_languages[i].code), (long long)t->poster_versions[i]);
        if (t->poster_versions[i]) json_put_cstr(w, text_languages[i].code.ptr, url);
    }
    json_end(w);
    json_end(w);
}

/* The episodes of a series, or of a season, that are ready, in their order: borrowed from the view as long as all are. */
const struct catalog_title **title_episodes(struct arena *arena, const struct catalog_view *view, const struct catalog_title *of, size_t *count) {
    *count = 0;
    const struct catalog_title *series = of->kind == CATALOG_SERIES ? of : of->kind == CATALOG_SEASON ? catalog_parent(view, of) : NULL;
    if (!series) return NULL;
    size_t below;
    const struct catalog_title *const *children = catalog_children(view, series, &below);
    const struct catalog_title **episodes = arena_alloc_array(arena, below + 1, sizeof *episodes);
    for (size_t i = 0; episodes && i < below; i++) {
        bool is_of = of == series || children[i]->season == of->season;
        if (children[i]->kind == CATALOG_EPISODE && children[i]->status == CATALOG_READY && is_of) episodes[(*count)++] = children[i];
    }
    return episodes;
}

/* The seasons that have episodes to watch, by number; those with a title of their own with their name. */
static void put_seasons(struct call *c, struct json_writer *w, const struct catalog_view *view, const struct catalog_title *const *episodes, size_t count) {
    json_key(w, "seasons");
    json_begin_array(w);
    for (size_t i = 0; i < count; i++) {
        if (i && episodes[i]->season == episodes[i - 1]->season) continue;
        const struct catalog_title *season = catalog_season(view, episodes[i]);
        json_begin_object(w);
        json_put_cstr(w, "id", season ? season->public_id.text : NULL);
        json_put_number(w, "number", episodes[i]->season);
        put_text_or_null(w, "name", season ? catalog_text_in(season, c->lang).name : SLICE_NONE);
        json_end(w);
    }
    json_end(w);
}

/* The title itself and its other versions, when there are any that can be watched; asked of a version, the same list. */
static void put_versions(struct call *c, struct json_writer *w, const struct catalog_view *view, const struct catalog_title *t) {
    const struct catalog_title *main = catalog_is_version(t) ? catalog_parent(view, t) : t;
    size_t below = 0, versions = 0;
    const struct catalog_title *const *children = main ? catalog_children(view, main, &below) : NULL;
    for (size_t i = 0; i < below; i++) versions += catalog_is_version(children[i]) && (children[i]->status == CATALOG_READY || children[i]->status == CATALOG_LIVE);
    json_key(w, "versions");
    json_begin_array(w);
    for (size_t i = 0; versions && i <= below; i++) {
        const struct catalog_title *one = i ? children[i - 1] : main;
        if (i && !(catalog_is_version(one) && (one->status == CATALOG_READY || one->status == CATALOG_LIVE))) continue;
        json_begin_object(w);
        json_put_string(w, "id", public_id_slice(&one->public_id));
        json_put_string(w, "name", catalog_text_in(one, c->lang).name);
        put_text_or_null(w, "lang", one->original_lang);
        put_text_or_null(w, "kind", one->edit);
        put_number_or_null(w, "duration_ms", one->duration_ms);
        json_put_bool(w, "is_default", one == main);
        json_end(w);
    }
    json_end(w);
}

void title_put_whole(struct call *c, struct json_writer *w, const struct catalog_view *view, const struct catalog_title *t) {
    size_t count;
    const struct catalog_title **episodes = title_episodes(c->arena, view, t, &count);
    json_begin_object(w);
    title_put_members(c, w, view, t);
    put_text_or_null(w, "eidr", t->eidr);
    put_text_or_null(w, "original_lang", t->original_lang);
    put_text_or_null(w, "original_name", t->original_name);
    put_words(w, "countries", t->countries);
    put_people(w, view, t, c->lang);
    put_seasons(c, w, view, episodes, count);
    put_versions(c, w, view, t);
    json_key(w, "episodes");
    json_begin_array(w);
    for (size_t i = 0; i < count; i++) title_put(c, w, view, episodes[i]);
    json_end(w);
    json_key(w, "items"); /* of a collection */
    json_begin_array(w);
    for (size_t i = 0; i < t->member_count; i++) {
        const struct catalog_title *member = catalog_find_id(view, t->members[i]);
        if (member && catalog_is_shown(view, member)) title_put(c, w, view, member);
    }
    json_end(w);
    json_end(w);
}

/* --- calls --- */

/* On the loop thread, but for what has very many others in it, and for the first who asks after a start. */
static struct err title_get(struct call *c) {
    enum { IN_IT_MAX = 60 };
    struct catalog_view *view = c->is_on_loop ? catalog_view_peek(c->api->o.catalog, c->org_id) : NULL;
    if (!view && c->is_on_loop) {
        c->wants_worker = true;
        return ERR_OK;
    }
    struct err e = view ? ERR_OK : catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    const struct catalog_title *t = catalog_find(view, call_param(c, "id"));
    size_t in_it = 0;
    if (t) catalog_children(view, t, &in_it);
    if (c->is_on_loop && t && in_it + t->member_count > IN_IT_MAX) c->wants_worker = true;
    else if (t) title_put_whole(c, &c->w, view, t);
    else e = err_make(ERR_NOT_FOUND, "title.not_found", "There is no such title. It may have been removed.");
    catalog_view_give(&view);
    return e;
}

const struct route title_routes[] = {
    {HTTP_GET, "/api/v1/titles/{id}", title_get, CALL_PUBLIC | CALL_ON_LOOP},
    {0},
};

void site_put(struct json_writer *w, const struct api *a, bool is_operator) {
    json_begin_object(w);
    json_put_cstr(w, "name", a->o.name);
    json_put_cstr(w, "version", a->o.version);
    json_key(w, "languages");
    json_begin_array(w);
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) json_add_string(w, text_languages[i].code);
    json_end(w);
    json_put_bool(w, "operator", is_operator);
    json_end(w);
}

static struct err site_get(struct call *c) {
    site_put(&c->w, c->api, call_is(c, CALL_OPERATOR));
    return ERR_OK;
}

const struct route site_routes[] = {{HTTP_GET, "/api/v1/site", site_get, CALL_ON_LOOP}, {0}};
