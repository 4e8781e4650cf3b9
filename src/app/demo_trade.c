/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What an editor and a rights manager would do once the films are there: ratings, people, collections and the rows of the home page; parties,
 * deals and their lines. Each step looks at what is there first, so that it may be stopped anywhere and called again. */
#include <stdio.h>
#include <string.h>

#include "app/demo_trade.h"
#include "base/utf8.h"
#include "business/rights/rights.h"
#include "example/example.h"

enum { DAY_S = 24 * 3600, CREDITS_MAX = 4, LINES_MAX = 64, ARENA_BYTES_MAX = 16 << 20 };

struct trade {
    struct house *house;
    struct arena *arena;
    struct catalog_view *view;
    int64_t today_s;
};

static size_t lang_at(enum example_language language) {
    size_t at = 0;
    while (!slice_eq(text_languages[at].code, slice_cstr(example_language_code(language)))) at++;
    return at;
}

static struct err view_renew(struct trade *t) {
    catalog_view_give(&t->view);
    return catalog_view_take(t->house->catalog, t->house->org_id, &t->view);
}

static const struct catalog_title *title_of(const struct trade *t, const char *name) {
    char external_id[80];
    snprintf(external_id, sizeof external_id, "example:%s", name);
    return catalog_find_external(t->view, slice_cstr(external_id));
}

/* --- the catalogue --- */

static const struct catalog_person *person_of(const struct trade *t, const char *english) {
    size_t en = lang_at(EXAMPLE_EN);
    for (size_t i = 0; i < t->view->people_count; i++)
        if (slice_eq(t->view->people[i]->names[en], slice_cstr(english))) return t->view->people[i];
    return NULL;
}

static struct err people_make(struct trade *t) {
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < example_credit_count; i++) {
        const struct example_credit *credit = &example_credits[i];
        if (person_of(t, credit->names[EXAMPLE_EN])) continue;
        struct catalog_person_change change = {0};
        for (int lang = 0; lang < EXAMPLE_LANGUAGES; lang++) {
            size_t at = lang_at((enum example_language)lang);
            change.names[at].has_name = true;
            change.names[at].name = slice_cstr(credit->names[lang]);
        }
        struct public_id ignored;
        e = catalog_person_create(t->house->catalog, t->house->org_id, &change, &ignored);
        if (!e.kind) e = view_renew(t);
    }
    return e;
}

static bool is_free(const struct example_about *about) {
    for (size_t i = 0; i < example_free_count; i++)
        if (!strcmp(example_free[i], about->name)) return true;
    return about->is_clip;
}

static struct err title_edit(struct trade *t, const struct example_about *about) {
    const struct catalog_title *title = title_of(t, about->name);
    if (!title) return ERR_OK;
    struct catalog_credit_change credits[CREDITS_MAX];
    struct catalog_change change = {.has_is_free = true, .is_free = is_free(about), .has_people = true, .people = credits};
    for (size_t i = 0; i < example_rating_count; i++) {
        enum catalog_system system;
        const struct example_rating *rating = &example_ratings[i];
        if (strcmp(rating->title, about->name) || !catalog_system_parse(slice_cstr(rating->system), &system)) continue;
        change.has_ratings = catalog_rating_parse(slice_cstr(rating->value), system, &change.ratings);
    }
    for (size_t i = 0; i < example_credit_count && change.people_count < CREDITS_MAX; i++) {
        const struct example_credit *credit = &example_credits[i];
        const struct catalog_person *person = person_of(t, credit->names[EXAMPLE_EN]);
        enum catalog_part part;
        if (strcmp(credit->title, about->name) || !person || !catalog_part_parse(slice_cstr(credit->part), &part)) continue;
        credits[change.people_count++] = (struct catalog_credit_change){public_id_slice(&person->public_id), part, slice_cstr(credit->character ? credit->character : "")};
    }
    for (size_t i = 0; i < example_cut_count; i++) {
        const struct catalog_title *film = strcmp(example_cuts[i].clip, about->name) ? NULL : title_of(t, example_cuts[i].film);
        if (!film) continue;
        change.has_parent = true;
        change.parent = public_id_slice(&film->public_id);
    }
    return catalog_change(t->house->catalog, t->house->org_id, public_id_slice(&title->public_id), &change);
}

static struct err collection_make(struct trade *t, const struct example_collection *shelf) {
    if (title_of(t, shelf->name)) return ERR_OK;
    struct slice members[ARRAY_LEN(shelf->members)];
    char external_id[80];
    snprintf(external_id, sizeof external_id, "example:%s", shelf->name);
    struct catalog_change change = {.has_kind = true, .kind = CATALOG_COLLECTION, .external_id = slice_cstr(external_id), .has_members = true, .members = members,
                                    .has_is_free = true, .is_without_rights = true};
    for (size_t i = 0; i < ARRAY_LEN(shelf->members) && shelf->members[i]; i++) {
        const struct catalog_title *member = title_of(t, shelf->members[i]);
        if (member) members[change.member_count++] = public_id_slice(&member->public_id);
    }
    if (change.member_count == 0) return ERR_OK;
    for (int lang = 0; lang < EXAMPLE_LANGUAGES; lang++) {
        size_t at = lang_at((enum example_language)lang);
        change.texts[at].has_name = change.texts[at].has_synopsis = true;
        change.texts[at].name = slice_cstr(shelf->titles[lang]);
        change.texts[at].synopsis = slice_cstr(shelf->synopses[lang]);
    }
    struct public_id ignored;
    return catalog_create(t->house->catalog, t->house->org_id, &change, CATALOG_READY, &ignored);
}

/* Rows that somebody arranged stay. */
static struct err rows_make(struct trade *t) {
    if (t->view->row_count) return ERR_OK;
    struct catalog_row *rows = arena_alloc_array(t->arena, example_row_count, sizeof *rows);
    if (!rows) return err_memory();
    size_t count = 0;
    for (size_t i = 0; i < example_row_count; i++) {
        const struct example_row *row = &example_rows[i];
        struct catalog_row r = {.genre = SLICE_NONE};
        if (!catalog_source_parse(slice_cstr(row->source), &r.source)) continue;
        if (r.source == CATALOG_OF_COLLECTION) {
            const struct catalog_title *shelf = title_of(t, row->of);
            if (!shelf) continue;
            r.titles = &shelf->public_id;
            r.title_count = 1;
        } else if (row->of) {
            r.genre = slice_cstr(row->of);
        }
        for (int lang = 0; lang < EXAMPLE_LANGUAGES; lang++) r.names[lang_at((enum example_language)lang)] = slice_cstr(row->names[lang]);
        rows[count++] = r;
    }
    return catalog_rows_set(t->house->catalog, t->house->org_id, rows, count);
}

/* --- contracts --- */

static struct err party_find(struct trade *t, const char *key, struct public_id *out) {
    const struct example_party *party = example_parties;
    while (strcmp(party->key, key)) party++;
    struct rights_party_list list;
    struct err e = rights_parties(t->house->rights, t->arena, t->house->org_id, &list);
    for (size_t i = 0; !e.kind && i < list.count; i++)
        if (slice_eq(list.items[i].name, slice_cstr(party->name))) {
            *out = list.items[i].public_id;
            return ERR_OK;
        }
    struct rights_party_change change = {.has_name = true, .name = slice_cstr(party->name), .has_country = true, .country = slice_cstr(party->country),
                                         .has_kind = true, .kind = RIGHTS_ORGANISATION};
    return e.kind ? e : rights_party_create(t->house->rights, t->house->org_id, &change, out);
}

static struct err deal_find(struct trade *t, const char *reference, struct public_id *out) {
    struct rights_deal_list list;
    struct err e = rights_deals(t->house->rights, t->arena, t->house->org_id, &(struct rights_deal_ask){0}, &list);
    out->text[0] = 0;
    for (size_t i = 0; !e.kind && i < list.count; i++)
        if (slice_eq(list.items[i].reference, slice_cstr(reference))) *out = list.items[i].public_id;
    return e;
}

static struct err deal_make(struct trade *t, const struct example_deal *deal, struct public_id *out) {
    struct err e = deal_find(t, deal->reference, out);
    if (e.kind || out->text[0]) return e;
    struct public_id party = {0}, parent = {0};
    struct rights_deal_new made = {.reference = slice_cstr(deal->reference), .may_sublicense = deal->may_sublicense};
    if (!rights_direction_parse(slice_cstr(deal->direction), &made.direction)) return err_make(ERR_BUG, "demo.deal", "The example has a deal that goes nowhere.");
    if (deal->party) e = party_find(t, deal->party, &party);
    if (!e.kind && deal->parent) e = deal_find(t, deal->parent, &parent);
    if (party.text[0]) made.party = public_id_slice(&party);
    if (parent.text[0]) made.parent = public_id_slice(&parent);
    made.status = RIGHTS_DRAFT; /* its last state comes with its lines */
    return e.kind ? e : rights_deal_create(t->house->rights, t->house->org_id, &made, 0, out);
}

static int64_t day_s(const struct trade *t, int days) { return days == EXAMPLE_ENDLESS ? RIGHTS_ENDLESS : t->today_s + (int64_t)days * DAY_S; }

static struct err terms_of(const struct trade *t, const struct example_line *line, const struct catalog_title *title, struct rights_terms *out) {
    struct slice bad;
    *out = (struct rights_terms){.title_id = title->id, .starts_s = day_s(t, line->from_days), .ends_s = day_s(t, line->to_days),
                                 .is_exclusive = line->is_exclusive, .may_sublicense = line->may_sublicense, .note = slice_cstr(line->note)};
    if (!rights_effect_parse(slice_cstr(line->effect), &out->effect) || !rights_media_parse(slice_cstr(line->media), &out->media, &bad))
        return err_make(ERR_BUG, "demo.line", "The example has a line that says nothing.");
    struct err e = rights_territories_of(slice_cstr(line->territories), &out->territories, &bad);
    return e.kind ? e : rights_languages_of(slice_cstr(line->languages), &out->languages, &bad);
}

static bool stands(const struct rights_line_row_list *rows, const struct rights_terms *terms) {
    for (size_t i = 0; i < rows->count; i++) {
        const struct rights_terms *other = &rows->items[i].line.terms;
        if (other->title_id == terms->title_id && other->effect == terms->effect && slice_eq(other->note, terms->note)) return true;
    }
    return false;
}

static struct err line_add(const struct trade *t, const struct example_line *line, const struct catalog_title *title, const struct rights_line_row_list *rows,
                           struct rights_line_new *lines, size_t *count) {
    if (!title || *count == LINES_MAX) return ERR_OK;
    struct rights_line_new made = {0};
    struct err e = terms_of(t, line, title, &made.terms);
    if (!e.kind && !stands(rows, &made.terms)) lines[(*count)++] = made;
    return e;
}

/* Its lines and its state. What contradicts is accepted: it is there to be seen. */
static struct err deal_fill(struct trade *t, const struct example_deal *deal, const struct public_id *id) {
    struct rights_line_new *lines = arena_alloc_array(t->arena, LINES_MAX, sizeof *lines);
    if (!lines) return err_memory();
    struct rights_line_row_list rows;
    struct err e = rights_lines(t->house->rights, t->arena, t->house->org_id,
                                &(struct rights_lines_ask){.deal = public_id_slice(id), .known_s = RIGHTS_KNOWN_NOW, .with_withdrawn = true}, &rows);
    size_t count = 0;
    for (size_t i = 0; !e.kind && i < example_line_count; i++) {
        const struct example_line *line = &example_lines[i];
        if (strcmp(line->deal, deal->reference)) continue;
        if (strcmp(line->title, "clips")) {
            e = line_add(t, line, title_of(t, line->title), &rows, lines, &count);
            continue;
        }
        for (size_t k = 0; !e.kind && k < example_film_count(); k++)
            if (example_film(k)->is_clip) e = line_add(t, line, title_of(t, example_film(k)->name), &rows, lines, &count);
    }
    struct rights_appended appended;
    size_t at = 0;
    if (!e.kind && count)
        e = rights_lines_append(t->house->rights, t->arena, t->house->org_id,
                                &(struct rights_lines_new){.deal = public_id_slice(id), .items = lines, .count = count, .accepts_conflicts = true}, &appended, &at);
    struct rights_deal now;
    if (!e.kind) e = rights_deal_get(t->house->rights, t->arena, t->house->org_id, public_id_slice(id), &now);
    struct rights_deal_change change = {.has_status = true};
    if (e.kind || !rights_status_parse(slice_cstr(deal->status), &change.status) || now.status == change.status) return e;
    return rights_deal_change(t->house->rights, t->house->org_id, public_id_slice(id), &change, 0);
}

static struct err contracts_make(struct trade *t) {
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < example_deal_count; i++) {
        struct public_id id;
        e = deal_make(t, &example_deals[i], &id);
        struct rights_deal now;
        if (!e.kind) e = rights_deal_get(t->house->rights, t->arena, t->house->org_id, public_id_slice(&id), &now);
        if (!e.kind && now.status != RIGHTS_TERMINATED) e = deal_fill(t, &example_deals[i], &id);
    }
    return e;
}

struct err demo_trade(struct house *house) {
    struct trade t = {.house = house, .arena = arena_create(ARENA_BYTES_MAX)};
    if (!t.arena) return err_memory();
    t.today_s = utc_seconds(clock_utc(house->clock)) / DAY_S * DAY_S;
    struct err e = view_renew(&t);
    if (!e.kind) e = people_make(&t);
    for (size_t i = 0; !e.kind && i < example_film_count(); i++) e = title_edit(&t, example_film(i));
    for (size_t i = 0; !e.kind && i < example_series_count; i++) e = title_edit(&t, example_series(i));
    for (size_t i = 0; !e.kind && i < example_collection_count; i++) e = collection_make(&t, &example_collections[i]);
    if (!e.kind) e = view_renew(&t);
    if (!e.kind) e = rows_make(&t);
    if (!e.kind) e = contracts_make(&t);
    catalog_view_give(&t.view);
    arena_destroy(&t.arena);
    return e;
}
