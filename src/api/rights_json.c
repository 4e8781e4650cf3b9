/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/rights_json.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* --- out --- */

int64_t rights_call_now(const struct call *c) {
    int64_t now = utc_seconds(clock_utc(c->api->o.clock));
    return now < 0 ? 0 : now > RIGHTS_TIME_MAX ? RIGHTS_TIME_MAX : now;
}

void rights_put_time(struct json_writer *w, const char *name, int64_t at_s) {
    struct buf text = BUF(64);
    json_key(w, name);
    if (at_s != RIGHTS_ENDLESS) rights_time_write(&text, at_s);
    if (text.len) json_add_string(w, buf_slice(&text));
    else json_add_null(w);
    buf_free(&text);
}

void rights_put_party(struct json_writer *w, const struct rights_party *p) {
    json_begin_object(w);
    json_put_cstr(w, "id", p->public_id.text);
    json_put_string(w, "name", p->name);
    json_put_cstr(w, "country", p->country[0] ? p->country : NULL);
    json_put_cstr(w, "kind", rights_party_kind_name(p->kind));
    json_put_bool(w, "is_us", p->is_us);
    json_end(w);
}

static void put_deal_facts(struct json_writer *w, const struct rights_deal *d) {
    json_put_cstr(w, "id", d->public_id.text);
    json_put_string(w, "reference", d->reference);
    json_put_cstr(w, "direction", rights_direction_name(d->direction));
    json_key(w, "party");
    rights_put_party(w, &d->party);
    json_put_cstr(w, "status", rights_status_name(d->status));
    json_put_bool(w, "may_sublicense", d->may_sublicense);
}

void rights_put_deal_members(struct json_writer *w, const struct rights_deal *d) {
    put_deal_facts(w, d);
    json_put_cstr(w, "parent", d->parent.text[0] ? d->parent.text : NULL);
    json_put_number(w, "version", d->version);
    rights_put_time(w, "created_at", d->created_s);
    json_put_number(w, "line_count", d->line_count);
}

void rights_put_deal(struct json_writer *w, const struct rights_deal *d, bool is_whole) {
    json_begin_object(w);
    if (is_whole) rights_put_deal_members(w, d);
    else put_deal_facts(w, d);
    json_end(w);
}

void rights_put_title(struct json_writer *w, const char *name, const struct catalog_view *view, int64_t title_id, struct slice lang) {
    const struct catalog_title *t = catalog_find_id(view, title_id);
    json_key(w, name);
    json_begin_object(w);
    json_put_string(w, "id", t ? public_id_slice(&t->public_id) : SLICE("")); /* "": it was removed from the catalogue */
    json_put_string(w, "name", t ? catalog_text_in(t, lang).name : SLICE(""));
    json_end(w);
}

void rights_put_media(struct json_writer *w, const char *name, uint16_t media) {
    json_key(w, name);
    json_begin_array(w);
    for (int m = 0; m < RIGHTS_MEDIA; m++)
        if (media >> m & 1) json_add_cstr(w, rights_medium_name((enum rights_medium)m));
    json_end(w);
}

void rights_put_languages(struct json_writer *w, const char *name, uint32_t languages) {
    struct slice rest = rights_languages_text(languages), tag;
    json_key(w, name);
    json_begin_array(w);
    while (rest.len && slice_next(&rest, ',', &tag)) json_add_string(w, tag);
    json_end(w);
}

void rights_put_line(struct json_writer *w, const struct rights_line_row *row, const struct catalog_view *view, struct slice lang) {
    const struct rights_terms *t = &row->line.terms;
    json_begin_object(w);
    json_put_cstr(w, "id", row->line.public_id.text);
    json_key(w, "deal");
    rights_put_deal(w, &row->deal, false);
    rights_put_title(w, "title", view, t->title_id, lang);
    json_put_cstr(w, "effect", rights_effect_name(t->effect));
    json_put_string(w, "territories", rights_territories_text(t->territories));
    json_put_number(w, "territory_count", rights_territories_count(t->territories));
    rights_put_media(w, "media", t->media);
    rights_put_languages(w, "languages", t->languages);
    rights_put_time(w, "starts_at", t->starts_s);
    rights_put_time(w, "ends_at", t->ends_s);
    json_put_bool(w, "is_exclusive", t->is_exclusive);
    json_put_bool(w, "may_sublicense", t->may_sublicense);
    json_key(w, "plays_max");
    if (t->plays_max) json_add_number(w, t->plays_max);
    else json_add_null(w);
    json_put_number(w, "plays", row->line.plays);
    json_put_string(w, "note", t->note);
    rights_put_time(w, "known_at", row->line.known_s);
    rights_put_time(w, "withdrawn_at", row->line.withdrawn_s ? row->line.withdrawn_s : RIGHTS_ENDLESS);
    json_end(w);
}

/* --- contradictions --- */

struct err rights_line_of(struct call *c, int64_t line_id, const struct rights_line_row **out) {
    *out = NULL;
    if (!line_id) return ERR_OK;
    struct rights_line_row_list rows;
    struct err e = rights_lines(c->api->o.rights, c->arena, c->org_id, &(struct rights_lines_ask){.line_id = line_id, .known_s = RIGHTS_KNOWN_NOW, .with_withdrawn = true}, &rows);
    if (!e.kind && rows.count) *out = rows.items;
    return e;
}

void rights_put_clash(struct call *c, const struct rights_conflict *x, const struct rights_line_row *other) {
    struct json_writer *w = &c->w;
    struct buf sentence = BUF(16000);
    rights_conflict_sentence(&sentence, c->lang, call_readers_zone(c), x, other);
    json_put_cstr(w, "kind", rights_conflict_kind_name(x->kind));
    json_put_string(w, "message", buf_slice(&sentence));
    json_key(w, "overlap");
    json_begin_object(w);
    json_put_string(w, "territories", rights_territories_text(x->overlap.territories));
    rights_put_media(w, "media", x->overlap.media);
    rights_put_languages(w, "languages", x->overlap.languages);
    rights_put_time(w, "from", x->overlap.from_s);
    rights_put_time(w, "to", x->overlap.to_s);
    json_end(w);
    buf_free(&sentence);
}

struct err rights_put_conflict(struct call *c, const struct rights_conflict *x, const struct catalog_view *view) {
    const struct rights_line_row *other;
    struct err e = rights_line_of(c, x->line_id, &other);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    json_begin_object(w);
    rights_put_clash(c, x, other);
    json_put_number(w, "index", (int64_t)x->at);
    json_key(w, "line");
    if (other) rights_put_line(w, other, view, c->lang);
    else json_add_null(w);
    json_end(w);
    return ERR_OK;
}

/* --- in --- */

static struct rights_flaw flaw(const char *code, const char *what, struct slice about) { return (struct rights_flaw){err_make(ERR_INPUT, code, what), about}; }
static struct rights_flaw malformed(const char *member) {
    return flaw("request.malformed", "A member of this line is not of the expected form.", slice_cstr(member));
}

/* An array of words, or a comma list, as a comma list. */
static bool words_of(struct call *c, const json_t *value, struct slice *out) {
    if (!value || json_is_null(value)) {
        *out = SLICE_NONE;
        return true;
    }
    if (json_is_string(value)) {
        *out = slice_of(json_string_value(value), json_string_length(value));
        return true;
    }
    if (!json_is_array(value)) return false;
    struct buf text = BUF(RIGHTS_TERRITORIES_MAX * 2);
    size_t i;
    const json_t *word;
    bool is_good = true;
    json_array_foreach(value, i, word) {
        is_good = is_good && json_is_string(word);
        if (i) buf_cstr(&text, ",");
        if (is_good) buf_bytes(&text, json_string_value(word), json_string_length(word));
    }
    *out = arena_copy(c->arena, buf_slice(&text));
    is_good = is_good && !text.has_failed;
    buf_free(&text);
    return is_good;
}

static bool time_of(const json_t *value, int64_t fallback, int64_t *out, struct slice *about) {
    if (!value || json_is_null(value)) {
        *out = fallback;
        return fallback >= 0;
    }
    *about = json_is_string(value) ? slice_of(json_string_value(value), json_string_length(value)) : SLICE_NONE;
    return json_is_string(value) && rights_time_parse(*about, out);
}

/* An id, or as lines are answered: {id, name}. */
static struct slice title_of(struct body_object o) {
    const json_t *value = body_value(o, "title");
    if (!json_is_object(value)) return slice_cstr(json_string_value(value));
    struct body_object title = body_object(o, "title");
    body_value(title, "name");
    return body_text(title, "id");
}

struct rights_flaw rights_line_read(struct call *c, struct body_object o, const struct catalog_view *view, struct rights_line_new *out) {
    struct rights_line_new n = {0};
    struct rights_terms *t = &n.terms;
    struct slice title_text = title_of(o), effect = body_text(o, "effect"), replaces = body_text(o, "replaces"), words, bad = SLICE_NONE;
    const json_t *territories = body_value(o, "territories"), *media = body_value(o, "media"), *languages = body_value(o, "languages"), *plays = body_value(o, "plays_max");
    const json_t *starts = body_value(o, "starts_at"), *ends = body_value(o, "ends_at");
    t->note = body_text(o, "note");
    body_flag(o, "is_exclusive", &t->is_exclusive);
    body_flag(o, "may_sublicense", &t->may_sublicense);
    if (!o.json) return malformed("line");
    const struct catalog_title *title = catalog_find_any(view, title_text);
    if (!title) return flaw("rights.title", "There is no such title.", title_text);
    t->title_id = title->id;
    if (effect.len && !rights_effect_parse(effect, &t->effect)) return flaw("rights.effect", "The effect of a line is allow, holdback or blackout.", effect);
    if (!words_of(c, territories, &words)) return malformed("territories");
    struct err e = rights_territories_of(words, &t->territories, &bad);
    if (e.kind) return (struct rights_flaw){e, arena_copy(c->arena, bad)};
    if (!words_of(c, media, &words)) return malformed("media");
    if (!rights_media_parse(words, &t->media, &bad)) return flaw("rights.medium_unknown", "There is no such medium.", bad);
    if (!words_of(c, languages, &words)) return malformed("languages");
    e = rights_languages_of(words, &t->languages, &bad);
    if (e.kind) return (struct rights_flaw){e, arena_copy(c->arena, bad)};
    static const char no_time[] = "A time is a date as 2026-02-28, or has its zone, as 2026-02-28T19:00:00+01:00.";
    struct slice about = SLICE("starts_at");
    if (!time_of(starts, -1, &t->starts_s, &about)) return flaw("rights.time", no_time, about);
    if (!time_of(ends, RIGHTS_ENDLESS, &t->ends_s, &about)) return flaw("rights.time", no_time, about);
    if (plays && !json_is_null(plays)) {
        t->plays_max = json_is_integer(plays) ? json_integer_value(plays) : 0;
        if (t->plays_max < 1) return flaw("rights.plays_max", "The number of plays is 1 or more, or none is given.", SLICE_NONE);
    }
    if (replaces.len && !public_id_parse(replaces, &n.replaces))
        return (struct rights_flaw){err_make(ERR_NOT_FOUND, "rights.line_missing", "There is no such line, or it was withdrawn."), replaces};
    *out = n;
    return (struct rights_flaw){0};
}

void rights_begin_refusal(struct call *c, struct rights_flaw f, int64_t index) {
    struct slice message = text_lookup(c->lang, slice_cstr(f.error.code));
    c->status = answer_status(f.error);
    json_begin_object(&c->w);
    json_key(&c->w, "error");
    json_begin_object(&c->w);
    json_put_cstr(&c->w, "code", f.error.code);
    json_put_string(&c->w, "message", message.len ? message : slice_cstr(f.error.what));
    if (f.about.len) json_put_string(&c->w, "about", f.about);
    if (index >= 0) json_put_number(&c->w, "index", index);
    json_end(&c->w);
}

struct err rights_query_place(struct call *c, struct rights_place *out) {
    struct slice country = call_query(c, "territory");
    if (!country.len) country = call_query(c, "area"); /* US-CA says it all */
    if (rights_place_parse(country, call_query(c, "area"), out)) return ERR_OK;
    return err_make(ERR_INPUT, "rights.place", "Say for which country, as in DE, and for an area as in US-CA.");
}

struct err rights_query_time(struct call *c, const char *name, int64_t fallback, int64_t *out) {
    struct slice text = call_query(c, name);
    if (!text.len) {
        *out = fallback;
        return ERR_OK;
    }
    return rights_time_parse(text, out) ? ERR_OK : err_make(ERR_INPUT, "rights.time", "A time is a date as 2026-02-28, or has its zone, as 2026-02-28T19:00:00+01:00.");
}
