/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The operator's side of titles: all languages, all states, changes. */
#include "api/operator.h"

static struct err wrong(const char *code, const char *what) { return err_make(ERR_INPUT, code, what); }

static struct err not_found(void) { return err_make(ERR_NOT_FOUND, "title.not_found", "There is no such title. It may have been removed."); }

/* {"en": "...", "de": null}: null and "" remove a text. */
static struct err texts_read(const json_t *object, bool is_name, struct catalog_change *out) {
    const char *code = is_name ? "title.name" : "title.synopsis";
    if (!json_is_object(object)) return wrong(code, "Texts are given by language.");
    const char *lang;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, lang, value) {
        int at = 0;
        while (at < TEXT_LANGUAGE_COUNT && !slice_eq(text_languages[at].code, slice_cstr(lang))) at++;
        if (at == TEXT_LANGUAGE_COUNT || !(json_is_string(value) || json_is_null(value))) return wrong(code, "A text is given in one of the languages that we speak.");
        struct slice text = json_is_string(value) ? slice_trim(slice_of(json_string_value(value), json_string_length(value))) : SLICE("");
        if (!text.ptr) text = SLICE("");
        if (is_name) {
            out->texts[at].has_name = true;
            out->texts[at].name = text;
        } else {
            out->texts[at].has_synopsis = true;
            out->texts[at].synopsis = text;
        }
    }
    return ERR_OK;
}

static struct err number_read(const json_t *value, bool *has, int64_t *out, const char *code) {
    if (!json_is_integer(value) && !json_is_null(value)) return wrong(code, "This is a whole number, or null.");
    *has = true;
    *out = json_is_null(value) ? 0 : json_integer_value(value);
    return ERR_OK;
}

static struct err genres_read(struct arena *arena, const json_t *value, struct catalog_change *out) {
    struct err e = wrong("title.genres", "A title has up to eight genres, each a word of small letters, digits and hyphens.");
    if (!json_is_array(value) || json_array_size(value) > CATALOG_GENRES_MAX) return e;
    struct slice all = SLICE("");
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *one = json_array_get(value, i);
        if (!json_is_string(one) || strchr(json_string_value(one), ' ')) return e;
        all = arena_printf(arena, "%.*s%s%s", SLICE_ARG(all), i ? " " : "", json_string_value(one));
    }
    if (!all.ptr) return err_memory();
    out->has_genres = true;
    out->genres = all;
    return ERR_OK;
}

struct err names_read(const json_t *object, const char *code, struct slice names[TEXT_LANGUAGE_COUNT]) {
    struct catalog_change texts = {0};
    struct err e = texts_read(object, true, &texts);
    if (e.kind) return wrong(code, "Names are given by language: {\"en\": \"...\"}, in the languages that we speak.");
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) names[i] = texts.texts[i].name;
    return ERR_OK;
}

/* A text, or null (or "") to remove it. */
static struct err word_read(const json_t *value, bool *has, struct slice *out, const char *code) {
    if (!json_is_string(value) && !json_is_null(value)) return wrong(code, "This is a text, or null.");
    *has = true;
    *out = json_is_string(value) ? slice_trim(slice_of(json_string_value(value), json_string_length(value))) : SLICE("");
    return ERR_OK;
}

static struct err ratings_read(const json_t *value, struct catalog_change *out) {
    struct err e = wrong("title.ratings", "Ratings are given by system, each by a word that it has: FSK 0 6 12 16 18; MPA G PG PG-13 R NC-17; TH ส ท น 13+ น 15+ น 18+ ฉ 20+; AGE 0 to 21.");
    if (!json_is_object(value)) return e;
    const char *name;
    json_t *word;
    json_object_foreach((json_t *)(uintptr_t)value, name, word) {
        enum catalog_system system;
        if (!catalog_system_parse(slice_cstr(name), &system) || !(json_is_string(word) || json_is_null(word))) return e;
        if (json_is_string(word) && !catalog_rating_parse(slice_cstr(json_string_value(word)), system, &out->ratings)) return e;
    }
    out->has_ratings = true;
    return ERR_OK;
}

static struct err people_read(struct body_object b, struct catalog_change *out) {
    struct err e = wrong("title.people", "A title names at most 200 people, each of whom is known here, with what they do.");
    const json_t *value = body_value(b, "people");
    size_t count = json_array_size(value), read = count <= CATALOG_PEOPLE_MAX ? count : 0;
    struct catalog_credit_change *people = arena_alloc_array(b.body->arena, read + 1, sizeof *people);
    if (!people) return err_memory();
    bool is_fine = !value || (json_is_array(value) && read == count);
    for (size_t i = 0; i < read || !i; i++) {
        struct body_object one = body_item(b, "people", i);
        struct slice part = body_text(one, "part");
        people[i].person = body_text(one, "id");
        people[i].character = slice_trim(body_text(one, "character"));
        body_value(one, "name"); /* as it was read: a person's name is changed where people are */
        if (i < read && !catalog_part_parse(part, &people[i].part)) is_fine = false;
    }
    out->has_people = value;
    out->people = people;
    out->people_count = count;
    return is_fine ? ERR_OK : e;
}

static struct err members_read(struct arena *arena, const json_t *value, struct catalog_change *out) {
    struct err e = wrong("title.members", "A collection lists up to 1,000 titles that there are, each once and not itself. Other titles have no members.");
    if (!json_is_array(value) || json_array_size(value) > CATALOG_MEMBERS_MAX) return e;
    size_t count = json_array_size(value);
    struct slice *members = arena_alloc_array(arena, count + 1, sizeof *members);
    if (!members) return err_memory();
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(value, i);
        if (!json_is_string(one)) return e;
        members[i] = slice_cstr(json_string_value(one));
    }
    out->has_members = true;
    out->members = members;
    out->member_count = count;
    return ERR_OK;
}

static struct err countries_read(struct arena *arena, const json_t *value, struct catalog_change *out) {
    struct err e = wrong("title.countries", "Countries are given by their codes of two large letters (ISO 3166-1), at most sixteen.");
    if (!json_is_array(value) || json_array_size(value) > CATALOG_COUNTRIES_MAX) return e;
    struct slice all = SLICE("");
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *one = json_array_get(value, i);
        if (!json_is_string(one) || json_string_length(one) != 2) return e;
        all = arena_printf(arena, "%.*s%s%s", SLICE_ARG(all), i ? " " : "", json_string_value(one));
    }
    if (!all.ptr) return err_memory();
    out->has_countries = true;
    out->countries = all;
    return ERR_OK;
}

/* What came with seasons, collections and contracts. */
static struct err more_read(struct body_object b, struct catalog_change *out) {
    struct arena *arena = b.body->arena;
    struct slice rights = body_text(b, "rights");
    const json_t *eidr = body_value(b, "eidr"), *lang = body_value(b, "original_lang"), *name = body_value(b, "original_name"), *edit = body_value(b, "edit");
    const json_t *countries = body_value(b, "countries"), *ratings = body_value(b, "ratings"), *members = body_value(b, "members");
    out->has_is_free = body_flag(b, "is_free", &out->is_free);
    out->is_without_rights = slice_eq(rights, SLICE("none"));
    struct err e = people_read(b, out);
    if (!e.kind && rights.ptr && !out->is_without_rights && !slice_eq(rights, SLICE("house"))) e = wrong("request.malformed", "rights is \"house\" or \"none\".");
    if (!e.kind && eidr) e = word_read(eidr, &out->has_eidr, &out->eidr, "title.eidr");
    if (!e.kind && lang) e = word_read(lang, &out->has_original_lang, &out->original_lang, "title.language");
    if (!e.kind && name) e = word_read(name, &out->has_original_name, &out->original_name, "title.name");
    if (!e.kind && edit) e = word_read(edit, &out->has_edit, &out->edit, "title.edit");
    if (!e.kind && countries) e = countries_read(arena, countries, out);
    if (!e.kind && ratings) e = ratings_read(ratings, out);
    return e.kind || !members ? e : members_read(arena, members, out);
}

struct err title_change_read(struct body_object b, struct catalog_change *out) {
    *out = (struct catalog_change){0};
    const json_t *names = body_value(b, "names"), *synopses = body_value(b, "synopses"), *genres = body_value(b, "genres"), *parent = body_value(b, "parent");
    const json_t *year = body_value(b, "year"), *season = body_value(b, "season"), *episode = body_value(b, "episode");
    struct err e = more_read(b, out);
    if (!e.kind && names) e = texts_read(names, true, out);
    if (!e.kind && synopses) e = texts_read(synopses, false, out);
    if (!e.kind && year) e = number_read(year, &out->has_year, &out->year, "title.year");
    if (!e.kind && season) e = number_read(season, &out->has_season, &out->season, "title.number");
    if (!e.kind && episode) e = number_read(episode, &out->has_episode, &out->episode, "title.number");
    if (!e.kind && genres) e = genres_read(b.body->arena, genres, out);
    if (!e.kind && parent) {
        out->has_parent = true;
        out->parent = slice_cstr(json_string_value(parent));
        if (!json_is_string(parent) && !json_is_null(parent)) e = wrong("title.parent", "The series of an episode is given by its id, or null.");
    }
    return e;
}

static struct err kind_read(struct body_object b, struct catalog_change *out) {
    const json_t *kind = body_value(b, "kind");
    if (!kind) return ERR_OK;
    out->has_kind = true;
    if (catalog_kind_parse(slice_cstr(json_string_value(kind)), &out->kind) && out->kind != CATALOG_EVENT) return ERR_OK;
    return wrong("title.kind", "A title is a film, a series, a season, an episode, a clip or a collection. Events are made on the live desk.");
}

struct err title_and_kind_read(struct body_object b, struct catalog_change *out) {
    struct err e = title_change_read(b, out), of_kind = kind_read(b, out);
    return e.kind ? e : of_kind;
}

/* Answers with the title as it now is. */
static struct err put_title(struct call *c, struct slice id) {
    struct catalog_view *view;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    const struct catalog_title *t = catalog_find(view, id);
    if (t) title_put_operator(&c->w, view, t, c->lang);
    else e = not_found();
    catalog_view_give(&view);
    return e;
}

static struct err titles_list(struct call *c) {
    struct catalog_view *view;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    for (size_t i = view->count; i-- > 0;) title_put_operator(&c->w, view, view->titles[i], c->lang); /* newest first */
    json_end(&c->w);
    json_end(&c->w);
    catalog_view_give(&view);
    return ERR_OK;
}

static struct err title_get(struct call *c) { return put_title(c, call_param(c, "id")); }

/* A title without a file: what holds others, unless it says otherwise. (A film comes with its import; made here it waits for one.) */
static struct err title_create(struct call *c) {
    struct catalog_change change;
    struct public_id id;
    struct body_object b = body_root(&c->body);
    struct slice external_id = body_text(b, "external_id");
    struct err e = body_end_after(&c->body, title_and_kind_read(b, &change));
    if (e.kind) return e;
    bool has_name = false;
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) has_name |= change.texts[i].name.len > 0;
    if (!has_name) return wrong("title.name", "A title needs a name in at least one language.");
    if (!change.has_kind) change.kind = CATALOG_SERIES;
    change.has_kind = true;
    change.external_id = slice_trim(external_id);
    if (!change.external_id.len) change.external_id = SLICE_NONE; /* NULL in the store: several may have none */
    e = catalog_create(c->api->o.catalog, c->org_id, &change, catalog_kind_holds(change.kind) ? CATALOG_READY : CATALOG_FAILED, &id);
    if (!e.kind) e = rights_refresh(c->api->o.rights); /* its house line */
    if (e.kind) return e;
    c->status = 201;
    return put_title(c, public_id_slice(&id));
}

static struct err title_patch(struct call *c) {
    struct catalog_change change;
    struct slice id = call_param(c, "id");
    struct err e = body_end_after(&c->body, title_and_kind_read(body_root(&c->body), &change));
    if (!e.kind) e = catalog_change(c->api->o.catalog, c->org_id, id, &change);
    return e.kind ? e : put_title(c, id);
}

static struct err title_delete(struct call *c) {
    /* An event goes with its channel. */
    struct err e = broadcast_remove(c->api->o.broadcast, c->org_id, call_param(c, "id"));
    if (e.kind == ERR_NOT_FOUND) e = import_remove_title(&c->api->importer, c->org_id, call_param(c, "id"));
    if (!e.kind) c->status = 204;
    return e;
}

const struct route operator_routes[] = {
    {HTTP_GET, "/api/v1/operator/titles", titles_list, CALL_EDITOR},
    {HTTP_POST, "/api/v1/operator/titles", title_create, CALL_EDITOR | CALL_CHANGES | CALL_JSON},
    {HTTP_GET, "/api/v1/operator/titles/{id}", title_get, CALL_EDITOR},
    {HTTP_PATCH, "/api/v1/operator/titles/{id}", title_patch, CALL_EDITOR | CALL_CHANGES | CALL_JSON},
    {HTTP_DELETE, "/api/v1/operator/titles/{id}", title_delete, CALL_EDITOR | CALL_CHANGES},
    {0},
};
