/* SPDX-License-Identifier: AGPL-3.0-or-later
 * /rights/: what follows from the contracts. A title's lines, the map, what may be sold, and why somebody may or may not watch. */
#include <stdio.h>
#include <string.h>

#include "api/rights_json.h"
#include "api/shop.h"

enum { AVAILS_MAX = 5000, AVAILS_USUAL = 500, YEAR_S = 365 * 86400 };

static struct err no_title(void) { return err_make(ERR_NOT_FOUND, "title.not_found", "There is no such title. It may have been removed."); }

/* --- one title's lines --- */

struct subject { /* what these calls are about; holds the view */
    struct catalog_view *view;
    const struct catalog_title *title;
    int64_t titles[3];
    int64_t known_s; /* RIGHTS_KNOWN_NOW: as of now */
    struct rights_line_row_list lines;
};

static struct err subject_take(struct call *c, struct slice title, bool with_withdrawn, struct subject *s) {
    *s = (struct subject){0};
    struct err e = rights_query_time(c, "known_at", RIGHTS_KNOWN_NOW, &s->known_s);
    if (!e.kind) e = catalog_view_take(c->api->o.catalog, c->org_id, &s->view);
    if (e.kind) return e;
    s->title = catalog_find_any(s->view, title);
    if (!s->title) e = no_title();
    if (!e.kind) catalog_above(s->view, s->title, s->titles);
    struct rights_lines_ask ask = {.titles = {s->titles[0], s->titles[1], s->titles[2]}, .known_s = s->known_s, .with_withdrawn = with_withdrawn};
    if (!e.kind) e = rights_lines(c->api->o.rights, c->arena, c->org_id, &ask, &s->lines);
    if (e.kind) catalog_view_give(&s->view);
    return e;
}

static const struct rights_line_row *line_in(const struct subject *s, int64_t line_id) {
    for (size_t i = 0; line_id && i < s->lines.count; i++)
        if (s->lines.items[i].line.id == line_id) return &s->lines.items[i];
    return NULL;
}

static void put_line_or_null(struct call *c, const struct subject *s, int64_t line_id) {
    const struct rights_line_row *row = line_in(s, line_id);
    json_key(&c->w, "line");
    if (row) rights_put_line(&c->w, row, s->view, c->lang);
    else json_add_null(&c->w);
}

static struct err title_get(struct call *c) {
    struct subject s;
    struct err e = subject_take(c, call_param(c, "id"), true, &s);
    if (e.kind) return e;
    size_t count = 0;
    const int64_t *changes = rights_changes(c->arena, &s.lines, &count);
    struct json_writer *w = &c->w;
    json_begin_object(w);
    rights_put_title(w, "title", s.view, s.title->id, c->lang);
    json_key(w, "lines");
    json_begin_array(w);
    for (size_t i = 0; i < s.lines.count; i++) rights_put_line(w, &s.lines.items[i], s.view, c->lang);
    json_end(w);
    json_key(w, "changes");
    json_begin_array(w);
    for (size_t i = 0; changes && i < count; i++) {
        struct buf text = BUF(64);
        rights_time_write(&text, changes[i]);
        json_add_string(w, buf_slice(&text));
        buf_free(&text);
    }
    json_end(w);
    json_end(w);
    catalog_view_give(&s.view);
    return changes ? ERR_OK : err_memory();
}

/* --- the question of a request --- */

static struct err medium_bad(void) { return err_make(ERR_INPUT, "rights.medium_unknown", "There is no such medium."); }

static struct err question_read(struct call *c, const struct subject *s, bool needs_place, struct rights_question *out) {
    struct rights_question q = {.titles = {s->titles[0], s->titles[1], s->titles[2]}, .place = {.country = RIGHTS_NOWHERE}};
    struct slice medium = call_query(c, "medium"), language = call_query(c, "language");
    struct err e = ERR_OK;
    if (medium.len && !rights_medium_parse(medium, &q.medium)) return medium_bad();
    if (needs_place) e = rights_query_place(c, &q.place);
    if (!e.kind) e = rights_query_time(c, "at", rights_call_now(c), &q.at_s);
    if (!e.kind && language.len) e = rights_tag_of(language, &q.language);
    if (!e.kind) *out = q;
    return e;
}

static struct err decide(struct call *c, const struct subject *s, const struct rights_question *questions, size_t count, struct rights_answer *answers) {
    if (s->known_s != RIGHTS_KNOWN_NOW) return rights_decide_known(c->api->o.rights, c->org_id, questions, count, s->known_s, answers);
    for (size_t i = 0; i < count; i++) rights_decide(c->api->o.rights, &questions[i], &answers[i]);
    return ERR_OK;
}

/* --- the map: one decision for each country --- */

static const char *map_state(enum rights_reason reason) {
    switch (reason) {
    case RIGHTS_BECAUSE_ALLOWED: return "allow";
    case RIGHTS_BECAUSE_HOLDBACK: return "holdback";
    case RIGHTS_BECAUSE_BLACKOUT: return "blackout";
    case RIGHTS_BECAUSE_EXCLUSIVE: return "exclusive";
    case RIGHTS_BECAUSE_NOT_YET: return "later";
    case RIGHTS_BECAUSE_ENDED: return "ended";
    default: return "none";
    }
}

static struct err map_get(struct call *c) {
    struct subject s;
    struct err e = subject_take(c, call_query(c, "title"), false, &s);
    if (e.kind) return e;
    struct rights_question *questions = arena_alloc_array(c->arena, RIGHTS_COUNTRIES, sizeof *questions);
    struct rights_answer *answers = arena_alloc_array(c->arena, RIGHTS_COUNTRIES, sizeof *answers);
    if (!questions || !answers) e = err_memory();
    if (!e.kind) e = question_read(c, &s, false, &questions[0]);
    for (int i = 0; !e.kind && i < RIGHTS_COUNTRIES; i++) {
        questions[i] = questions[0];
        questions[i].place = (struct rights_place){.country = (uint8_t)i};
    }
    if (!e.kind) e = decide(c, &s, questions, RIGHTS_COUNTRIES, answers);
    if (!e.kind) {
        struct json_writer *w = &c->w;
        json_begin_object(w);
        rights_put_title(w, "title", s.view, s.title->id, c->lang);
        json_key(w, "countries");
        json_begin_object(w);
        for (int i = 0; i < RIGHTS_COUNTRIES; i++) {
            const struct rights_line_row *row = line_in(&s, answers[i].line_id);
            json_key(w, rights_country_code((uint8_t)i));
            json_begin_object(w);
            json_put_cstr(w, "state", map_state(answers[i].reason));
            json_put_cstr(w, "reason", rights_reason_code(answers[i].reason));
            json_put_cstr(w, "line", row ? row->line.public_id.text : NULL); /* one of `lines` */
            rights_put_time(w, "until", answers[i].until_s);
            json_end(w);
        }
        json_end(w);
        json_key(w, "lines");
        json_begin_array(w);
        for (size_t i = 0; i < s.lines.count; i++) rights_put_line(w, &s.lines.items[i], s.view, c->lang);
        json_end(w);
        json_end(w);
    }
    catalog_view_give(&s.view);
    return e;
}

/* --- what may be sold or shown --- */

/* What can be watched by itself: not what only holds others. */
static bool is_watched(const struct catalog_title *t) { return t->kind != CATALOG_SERIES && t->kind != CATALOG_SEASON && t->kind != CATALOG_COLLECTION; }

static struct err avails_titles(struct call *c, const struct catalog_view *view, int64_t (**out)[3], size_t *count) {
    struct slice rest = call_query(c, "title"), one;
    bool is_all = !rest.len;
    size_t room = is_all ? view->count : 1;
    for (size_t i = 0; i < rest.len; i++) room += rest.ptr[i] == ',';
    int64_t (*titles)[3] = arena_alloc_array(c->arena, room + 1, sizeof *titles);
    if (!titles) return err_memory();
    *count = 0;
    for (size_t i = 0; is_all && i < view->count; i++)
        if (is_watched(view->titles[i])) catalog_above(view, view->titles[i], titles[(*count)++]);
    while (!is_all && *count < room && slice_next(&rest, ',', &one)) {
        const struct catalog_title *t = catalog_find_any(view, slice_trim(one));
        if (!t) return no_title();
        catalog_above(view, t, titles[(*count)++]);
    }
    *out = titles;
    return ERR_OK;
}

static struct err avails_put(struct call *c, const struct catalog_view *view, const struct rights_avails_ask *ask, const struct rights_avail_list *list) {
    struct json_writer *w = &c->w;
    struct err e = ERR_OK;
    const struct rights_line_row *row = NULL;
    json_begin_object(w);
    json_put_bool(w, "is_whole", list->count < ask->limit);
    json_key(w, "items");
    json_begin_array(w);
    for (size_t i = 0; !e.kind && i < list->count; i++) {
        const struct rights_avail *a = &list->items[i];
        if (!row || row->line.id != a->line_id) e = rights_line_of(c, a->line_id, &row); /* neighbours mostly have the same */
        json_begin_object(w);
        rights_put_title(w, "title", view, ask->titles[a->title][0], c->lang);
        json_put_string(w, "territories", rights_territories_text(a->territories));
        json_put_number(w, "territory_count", rights_territories_count(a->territories));
        rights_put_media(w, "media", a->media);
        rights_put_languages(w, "languages", a->languages);
        rights_put_time(w, "from", a->from_s);
        rights_put_time(w, "to", a->to_s);
        json_key(w, "line");
        if (!e.kind && row) rights_put_line(w, row, view, c->lang);
        else json_add_null(w);
        json_end(w);
    }
    json_end(w);
    json_end(w);
    return e;
}

static struct err avails_get(struct call *c) {
    struct rights_avails_ask ask = {.limit = AVAILS_USUAL};
    struct slice bad = SLICE_NONE, territory = call_query(c, "territory"), medium = call_query(c, "medium");
    int64_t limit;
    struct err e = rights_query_time(c, "from", rights_call_now(c), &ask.from_s);
    if (!e.kind) e = rights_query_time(c, "to", ask.from_s + YEAR_S, &ask.to_s);
    if (!e.kind && territory.len) e = rights_territories_of(territory, &ask.territories, &bad);
    if (!e.kind && medium.len && !rights_media_parse(medium, &ask.media, &bad)) e = medium_bad();
    if (!e.kind && slice_to_i64(call_query(c, "limit"), &limit) && limit > 0) ask.limit = limit > AVAILS_MAX ? AVAILS_MAX : (size_t)limit;
    struct catalog_view *view = NULL;
    if (!e.kind) e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    int64_t (*titles)[3] = NULL;
    struct rights_avail_list list;
    e = avails_titles(c, view, &titles, &ask.title_count);
    ask.titles = (const int64_t (*)[3])titles;
    struct arena *arena = arena_create(256 << 20); /* blocks of a whole catalogue are many before the limit cuts them */
    if (!e.kind && !arena) e = err_memory();
    if (!e.kind) e = rights_avails(c->api->o.rights, arena, &ask, &list);
    if (!e.kind) e = avails_put(c, view, &ask, &list);
    arena_destroy(&arena);
    catalog_view_give(&view);
    return e;
}

/* --- why may this viewer (not) watch? --- */

/* A sentence as the viewer would be told it. */
static void put_message(struct call *c, const struct access_answer *answer, const struct geo_place *place, int64_t at_s) { access_put_sentence(c, &c->w, answer, place, at_s); }

static struct access_answer as_access(const struct rights_answer *a) {
    return (struct access_answer){.is_allowed = a->is_allowed, .state = a->is_allowed ? ACCESS_PLAYABLE : ACCESS_UNAVAILABLE, .step = ACCESS_RIGHTS,
                                  .reason = rights_reason_code(a->reason), .line_id = a->line_id, .from_s = a->from_s, .until_s = a->until_s, .turns_s = a->from_s};
}

struct viewer_asked {
    struct access_viewer viewer;
    bool has_viewer;
};

/* household= and profile= of the request. */
static struct err viewer_read(struct call *c, const struct geo_place *place, struct viewer_asked *out) {
    struct slice household = call_query(c, "household"), profile = call_query(c, "profile");
    *out = (struct viewer_asked){.viewer = {.org_id = c->org_id, .has_shown_pin = true, .place = *place}};
    if (!household.len) return ERR_OK;
    struct account_household_item item;
    struct account_profile *profiles;
    size_t count;
    struct err e = account_household_get(c->api->o.account, c->arena, c->org_id, household, &item, &profiles, &count);
    if (e.kind) return e;
    out->has_viewer = true;
    out->viewer.household_id = item.household.id;
    for (size_t i = 0; profile.len && i < count; i++)
        if (slice_eq(public_id_slice(&profiles[i].public_id), profile)) out->viewer.profile_id = profiles[i].id;
    if (profile.len && !out->viewer.profile_id) return err_make(ERR_NOT_FOUND, "profile.missing", "There is no such profile.");
    return access_prepare(c->api->o.access, &out->viewer);
}

static void put_step(struct call *c, const struct subject *s, const struct access_answer *a, enum access_step step, const struct geo_place *place, int64_t at_s,
                     bool is_reached) {
    struct json_writer *w = &c->w;
    json_begin_object(w);
    json_put_cstr(w, "question", access_step_name(step));
    json_put_cstr(w, "outcome", !is_reached ? "skipped" : a->is_allowed ? "passed" : "refused");
    json_put_cstr(w, "reason", a->reason);
    put_message(c, a, place, at_s);
    put_line_or_null(c, s, a->line_id);
    json_end(w);
}

static struct err why_get(struct call *c) {
    struct subject s;
    struct rights_question q;
    struct rights_answer answer;
    struct viewer_asked viewer;
    struct geo_place place = {0};
    struct err e = subject_take(c, call_query(c, "title"), false, &s);
    if (e.kind) return e;
    e = question_read(c, &s, true, &q);
    if (!e.kind) {
        memcpy(place.country, rights_country_code(q.place.country), 2);
        if (q.place.area[0]) snprintf(place.area, sizeof place.area, "%s-%.3s", place.country, q.place.area);
        e = viewer_read(c, &place, &viewer);
    }
    if (!e.kind) e = decide(c, &s, &q, 1, &answer);
    if (e.kind) {
        catalog_view_give(&s.view);
        return e;
    }
    /* With a household the whole decision is asked, by the medium in which it would watch; a past state of the book knows no households. */
    struct access_answer decision = as_access(&answer), steps[ACCESS_STEPS] = {decision};
    size_t step_count = 1;
    if (viewer.has_viewer && s.known_s == RIGHTS_KNOWN_NOW) {
        struct access_question ask = {.viewer = &viewer.viewer, .view = s.view, .title = s.title, .at_s = q.at_s, .lang = call_query(c, "language")};
        decision = access_explain(c->api->o.access, &ask, steps);
        step_count = ACCESS_STEPS;
        q.medium = (enum rights_medium)decision.medium;
    }
    struct json_writer *w = &c->w;
    json_begin_object(w);
    json_key(w, "decision");
    json_begin_object(w);
    json_put_bool(w, "is_allowed", decision.is_allowed);
    json_put_cstr(w, "reason", decision.reason);
    put_message(c, &decision, &place, q.at_s);
    put_line_or_null(c, &s, decision.line_id);
    rights_put_time(w, "until", decision.until_s);
    json_put_cstr(w, "medium", rights_medium_name(q.medium));
    e = shop_put_entitlement_of(c, s.title, &decision);
    json_end(w);
    json_key(w, "steps");
    json_begin_array(w);
    bool is_reached = true;
    for (size_t i = 0; i < step_count; i++) {
        put_step(c, &s, &steps[i], (enum access_step)i, &place, q.at_s, is_reached);
        is_reached = is_reached && steps[i].is_allowed;
    }
    json_end(w);
    json_key(w, "lines");
    json_begin_array(w);
    for (size_t i = 0; i < s.lines.count; i++) {
        enum rights_fit fit = rights_line_fit(&s.lines.items[i], &q);
        json_begin_object(w);
        json_key(w, "line");
        rights_put_line(w, &s.lines.items[i], s.view, c->lang);
        json_put_bool(w, "applies", fit == RIGHTS_FITS);
        json_put_cstr(w, "why", rights_fit_name(fit));
        json_end(w);
    }
    json_end(w);
    json_end(w);
    catalog_view_give(&s.view);
    return e;
}

const struct route rights_why_routes[] = {
    {HTTP_GET, "/api/v1/rights/titles/{id}", title_get, CALL_RIGHTS},
    {HTTP_GET, "/api/v1/rights/map", map_get, CALL_RIGHTS},
    {HTTP_GET, "/api/v1/rights/avails", avails_get, CALL_RIGHTS},
    {HTTP_GET, "/api/v1/rights/why", why_get, CALL_RIGHTS},
    {0},
};
