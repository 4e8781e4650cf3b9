/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A catalogue comes in, in these steps, each over all rows so that all faults are told at once:
 *   read     CSV or JSON become items of cells, each with its place (import_csv.c, import_json.c)
 *   find     which items are titles that there are; what items are called, for others to refer to
 *   check    each cell by the rules that hold for a change by hand; parents and kinds among each other
 *   compare  what would change nothing is taken out
 *   write    one transaction: people, then new titles, then all changes, those above before those below them */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "business/catalog/catalog_sql.h"
#include "business/catalog/exchange.h"
#include "business/catalog/import.h"
#include "business/catalog/view.h"

/* --- faults --- */

struct err import_fault(struct work *w, size_t line, size_t column, struct slice field, struct err e) {
    struct catalog_import_report *r = w->report;
    if (!r->faults && !(r->faults = arena_alloc_array(w->arena, CATALOG_FAULTS_MAX, sizeof *r->faults))) return err_memory();
    if (r->fault_count < CATALOG_FAULTS_MAX) r->faults[r->fault_count] = (struct catalog_fault){line, column, field, e.code, e.what};
    r->fault_count++;
    return ERR_OK;
}
struct err import_cell_fault(struct work *w, const struct item *item, int cell, struct err e) {
    const struct cell_in *c = &item->cells[cell];
    return import_fault(w, c->ptr ? c->line : item->line, c->ptr ? c->column : item->column, slice_cstr(cell_names[cell]), e);
}
struct err import_value_wrong(void) { return err_make(ERR_INPUT, "catalogue.value", "This is not a value that this field can have."); }

/* --- growing --- */

static bool keys_grow(struct work *w, struct keys *k) {
    size_t room = k->room ? k->room * 2 : 256;
    struct key *table = arena_alloc_array(w->arena, room, sizeof *table);
    if (!table) return false;
    for (size_t i = 0; i < k->room; i++) {
        if (!k->table[i].at) continue;
        size_t at = slice_hash(k->table[i].text) & (room - 1);
        while (table[at].at) at = (at + 1) & (room - 1);
        table[at] = k->table[i];
    }
    k->table = table;
    k->room = room;
    return true;
}
/* The number that this text stands for; puts it there as `fresh` if it is not. SIZE_MAX: memory. */
size_t import_key_put(struct work *w, struct keys *k, struct slice text, size_t fresh) {
    if (k->count * 2 >= k->room && !keys_grow(w, k)) return SIZE_MAX;
    size_t at = slice_hash(text) & (k->room - 1);
    for (; k->table[at].at; at = (at + 1) & (k->room - 1))
        if (slice_eq(k->table[at].text, text)) return k->table[at].at - 1;
    k->table[at] = (struct key){text, fresh + 1};
    k->count++;
    return fresh;
}
bool import_key_find(const struct keys *k, struct slice text, size_t *out) {
    if (!k->room) return false;
    for (size_t at = slice_hash(text) & (k->room - 1); k->table[at].at; at = (at + 1) & (k->room - 1))
        if (slice_eq(k->table[at].text, text)) {
            *out = k->table[at].at - 1;
            return true;
        }
    return false;
}
static bool array_grow(struct work *w, void *array_at, size_t *room, size_t count) {
    if (count < *room) return true;
    void **array = array_at, **more = arena_alloc_array(w->arena, *room ? *room * 2 : 256, sizeof *more);
    if (!more) return false;
    void **old = *(void ***)array;
    if (count) memcpy(more, old, count * sizeof *more);
    *(void ***)array = more;
    *room = *room ? *room * 2 : 256;
    return true;
}
struct item *import_item_new(struct work *w, size_t line, size_t column) {
    struct item *item = ARENA_NEW(w->arena, struct item);
    if (!item || !array_grow(w, &w->items, &w->room, w->count)) return NULL;
    item->line = line;
    item->column = column;
    w->items[w->count++] = item;
    return item;
}

struct person_in *import_person_new(struct work *w, struct slice key, size_t *at) {
    struct person_in *p = ARENA_NEW(w->arena, struct person_in);
    if (!p || !array_grow(w, &w->people, &w->people_room, w->people_count)) return NULL;
    p->key = key;
    *at = w->people_count;
    w->people[w->people_count++] = p;
    return p;
}

bool import_names_are_new(const struct person_in *p) {
    for (int lang = 0; lang < TEXT_LANGUAGE_COUNT; lang++)
        if (p->change.names[lang].has_name && !slice_eq(p->change.names[lang].name, p->person->names[lang])) return true;
    return false;
}

static struct slice cell(const struct item *item, int which) {
    return item->cells[which].ptr ? slice_of(item->cells[which].ptr, item->cells[which].len) : SLICE_NONE;
}
static bool is_given(const struct item *item, int which) { return item->cells[which].ptr != NULL; }

/* --- which titles these are --- */

static struct err items_find(struct work *w) {
    struct err e = ERR_OK;
    struct err twice = err_make(ERR_INPUT, "catalogue.twice", "An earlier line is about the same title.");
    for (size_t i = 0; !e.kind && i < w->count; i++) {
        struct item *item = w->items[i];
        struct slice id = cell(item, CELL_ID), eidr = cell(item, CELL_EIDR), external = cell(item, CELL_EXTERNAL_ID);
        struct public_id public_id;
        char canonical[CATALOG_EIDR_LEN + 1];
        if (id.len && !public_id_parse(id, &public_id)) {
            e = import_cell_fault(w, item, CELL_ID, import_value_wrong());
            continue;
        }
        if (eidr.len && !catalog_eidr_parse(eidr, canonical)) {
            e = import_cell_fault(w, item, CELL_EIDR, err_make(ERR_INPUT, "title.eidr", "This is no EIDR: 10.5240/, five groups of four, and a check character that fits them."));
            eidr = SLICE_NONE;
        } else if (eidr.len) {
            eidr = arena_copy(w->arena, slice_cstr(canonical));
            item->cells[CELL_EIDR].ptr = eidr.ptr;
            item->cells[CELL_EIDR].len = (uint32_t)eidr.len;
            if (!eidr.ptr) return err_memory();
        }
        if (id.len) item->title = catalog_find(w->view, id);
        if (!item->title && eidr.len) item->title = catalog_find_eidr(w->view, eidr);
        if (!item->title && external.len) item->title = catalog_find_external(w->view, external);
        if (item->title) {
            item->id = item->title->id;
            item->public_id = item->title->public_id;
        } else {
            item->id = id_next(catalog_ids(w->catalog));
            item->public_id = public_id_random();
        }
        item->kind = item->title ? item->title->kind : CATALOG_FILM;
        /* By whatever it is called it is found; two of one name are two lines about one title. */
        const struct {
            int cell;
            struct slice text;
        } names[] = {{CELL_ID, id}, {CELL_ID, public_id_slice(&item->public_id)}, {CELL_EIDR, eidr}, {CELL_EXTERNAL_ID, external}};
        for (size_t n = 0; !e.kind && n < ARRAY_LEN(names); n++) {
            if (!names[n].text.len) continue;
            size_t known = import_key_put(w, &w->item_keys, names[n].text, i);
            if (known == SIZE_MAX) return err_memory();
            if (known != i) {
                e = import_cell_fault(w, item, names[n].cell, twice);
                break;
            }
        }
    }
    return e;
}

/* --- cells into changes --- */

static bool number_of(struct slice text, int64_t *out) {
    *out = 0;
    return !text.len || (text.len <= 9 && slice_to_i64(text, out));
}

/* "director: Jane Doe": cuts the next entry off at an unescaped ";", and takes it apart. */
static bool entry_next(struct slice *rest, struct slice *entry) {
    if (!rest->len) return false;
    size_t at = 0;
    while (at < rest->len && rest->ptr[at] != ';') at += rest->ptr[at] == '\\' ? 2 : 1;
    *entry = slice_trim(slice_sub(*rest, 0, at));
    *rest = slice_sub(*rest, at + 1, rest->len);
    return true;
}
static struct slice unescape(struct work *w, struct slice text) {
    char *out = arena_alloc(w->arena, text.len + 1);
    size_t len = 0;
    if (!out) return SLICE_NONE;
    text = slice_trim(text);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\\' && i + 1 < text.len) i++;
        out[len++] = text.ptr[i];
    }
    return slice_of(out, len);
}

/* Which language a name is most likely in, for somebody who is only known by it. */
static int lang_of(struct slice name) {
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c == 0xe0 && i + 1 < name.len && (unsigned char)name.ptr[i + 1] >= 0xb8) return 3; /* U+0E00: Thai */
        if (c >= 0xe4 && c <= 0xe9) return 2;                                                    /* U+4000 on: Chinese */
    }
    return 0;
}

/* Who this is: somebody of the file, of the catalogue, or somebody new. */
static struct err person_of(struct work *w, struct slice name, size_t *out, bool *is_wrong) {
    const struct catalog_person *known = NULL;
    bool is_ambiguous;
    struct public_id id;
    if (import_key_find(&w->person_keys, name, out)) return ERR_OK;
    bool is_known = person_names_find(w->names, name, &known, &is_ambiguous);
    if (!is_known && (is_ambiguous || public_id_parse(name, &id))) {
        *is_wrong = true;
        return ERR_OK;
    }
    struct person_in *p = import_person_new(w, name, out);
    if (!p || import_key_put(w, &w->person_keys, name, *out) == SIZE_MAX) return err_memory();
    p->person = known;
    if (!is_known) {
        p->is_changed = true;
        p->change.names[lang_of(name)].has_name = true;
        p->change.names[lang_of(name)].name = name;
        *is_wrong = person_check(&p->change).kind != ERR_NONE;
    }
    return ERR_OK;
}

static struct err people_read(struct work *w, struct item *item) {
    struct slice rest = cell(item, CELL_PEOPLE), entry;
    struct catalog_credit_change *people = arena_alloc_array(w->arena, CATALOG_PEOPLE_MAX, sizeof *people);
    size_t count = 0;
    if (!people) return err_memory();
    while (entry_next(&rest, &entry)) {
        size_t colon = slice_find_byte(entry, ':'), equals = colon == SLICE_NPOS ? 0 : colon + 1, at = 0;
        bool is_wrong = false;
        if (!entry.len) continue;
        while (equals < entry.len && entry.ptr[equals] != '=') equals += entry.ptr[equals] == '\\' ? 2 : 1;
        if (equals > entry.len) equals = entry.len;
        struct slice name = unescape(w, slice_sub(entry, colon == SLICE_NPOS ? 0 : colon + 1, equals));
        if (!name.ptr) return err_memory();
        if (colon == SLICE_NPOS || count == CATALOG_PEOPLE_MAX || !name.len || !catalog_part_parse(slice_trim(slice_sub(entry, 0, colon)), &people[count].part)) is_wrong = true;
        struct err e = is_wrong ? ERR_OK : person_of(w, name, &at, &is_wrong);
        if (e.kind) return e;
        if (is_wrong)
            return import_cell_fault(w, item, CELL_PEOPLE, err_make(ERR_INPUT, "title.people", "A title names at most 200 people, each of whom is known here, with what they do."));
        people[count].character = unescape(w, slice_sub(entry, equals + 1, entry.len));
        people[count].person = slice_of(w->people[at], 0); /* which one, as a pointer of no length: ids are put in once all people are made */
        people[count].person.ptr = (const char *)w->people[at];
        count++;
    }
    item->change.has_people = true;
    item->change.people = people;
    item->change.people_count = count;
    return ERR_OK;
}

/* Whom a text refers to: another row, or a title. False: nobody. */
static bool refer(const struct work *w, struct slice text, struct item **item, const struct catalog_title **title) {
    char canonical[CATALOG_EIDR_LEN + 1];
    size_t at;
    struct slice key = catalog_eidr_parse(text, canonical) ? slice_cstr(canonical) : text;
    *item = import_key_find(&w->item_keys, key, &at) ? w->items[at] : NULL;
    *title = *item ? (*item)->title : catalog_find_any(w->view, text);
    return *item || *title;
}

static struct err members_read(struct work *w, struct item *item) {
    struct slice rest = cell(item, CELL_MEMBERS), one;
    size_t most = 1, count = 0;
    for (size_t i = 0; i < rest.len; i++) most += rest.ptr[i] == ';';
    struct slice *members = arena_alloc_array(w->arena, most, sizeof *members);
    if (!members) return err_memory();
    bool is_wrong = false;
    while (!is_wrong && rest.len && slice_next(&rest, ';', &one)) {
        struct item *member;
        const struct catalog_title *title;
        one = slice_trim(one);
        if (!one.len) continue;
        is_wrong = !refer(w, one, &member, &title) || member == item;
        if (is_wrong) break;
        members[count] = member ? public_id_slice(&member->public_id) : public_id_slice(&title->public_id);
        for (size_t i = 0; i < count && !is_wrong; i++) is_wrong = slice_eq(members[i], members[count]);
        count++;
    }
    if (is_wrong || count > CATALOG_MEMBERS_MAX || (count && item->kind != CATALOG_COLLECTION))
        return import_cell_fault(w, item, CELL_MEMBERS,
                          err_make(ERR_INPUT, "title.members", "A collection lists up to 1,000 titles that there are, each once and not itself. Other titles have no members."));
    item->change.has_members = true;
    item->change.members = members;
    item->change.member_count = count;
    return ERR_OK;
}

/* The cells that say one thing each. Each is checked for itself, so that each fault is told at its place. */
static struct err plain_cells_read(struct work *w, struct item *item) {
    struct catalog_change *ch = &item->change;
    struct err e = ERR_OK;
    for (int c = CELL_EIDR; !e.kind && c < CELL_PEOPLE; c++) {
        if (!is_given(item, c)) continue;
        struct slice text = cell(item, c);
        struct catalog_change one = {0};
        bool is_wrong = false;
        switch (c) {
        case CELL_EIDR: continue; /* items_find has read it */
        case CELL_KIND:
            if (!text.len) break;
            is_wrong = !catalog_kind_parse(text, &one.kind) || (one.kind == CATALOG_EVENT) != (item->title && item->title->kind == CATALOG_EVENT);
            if (is_wrong) {
                e = import_cell_fault(w, item, c, err_make(ERR_INPUT, "title.kind", "A title is a film, a series, a season, an episode, a clip or a collection. Events are made on the live desk."));
                continue;
            }
            ch->has_kind = true;
            ch->kind = item->kind = one.kind;
            break;
        case CELL_PARENT: break; /* when all kinds are known */
        case CELL_SEASON: is_wrong = !number_of(text, &one.season); one.has_season = ch->has_season = true; ch->season = one.season; break;
        case CELL_EPISODE: is_wrong = !number_of(text, &one.episode); one.has_episode = ch->has_episode = true; ch->episode = one.episode; break;
        case CELL_YEAR: is_wrong = !number_of(text, &one.year); one.has_year = ch->has_year = true; ch->year = one.year; break;
        case CELL_GENRES: one.has_genres = ch->has_genres = true; one.genres = ch->genres = text; break;
        case CELL_COUNTRIES: one.has_countries = ch->has_countries = true; one.countries = ch->countries = text; break;
        case CELL_EDIT: one.has_edit = ch->has_edit = true; one.edit = ch->edit = text; break;
        case CELL_ORIGINAL_LANG: one.has_original_lang = ch->has_original_lang = true; one.original_lang = ch->original_lang = text; break;
        case CELL_ORIGINAL_NAME: one.has_original_name = ch->has_original_name = true; one.original_name = ch->original_name = text; break;
        case CELL_IS_FREE:
            if (!text.len) break;
            ch->is_free = slice_eq_nocase(text, SLICE("yes")) || slice_eq_nocase(text, SLICE("true")) || slice_eq(text, SLICE("1"));
            is_wrong = !ch->is_free && !slice_eq_nocase(text, SLICE("no")) && !slice_eq_nocase(text, SLICE("false")) && !slice_eq(text, SLICE("0"));
            ch->has_is_free = true;
            break;
        default:
            if (c < CELL_NAME) {
                if (!ch->has_ratings && item->title) ch->ratings = item->title->ratings; /* systems without a column stay */
                ch->has_ratings = true;
                enum catalog_system system = (enum catalog_system)(c - CELL_RATING);
                ch->ratings.values[system] = 0;
                if (text.len && !catalog_rating_parse(text, system, &ch->ratings)) {
                    e = import_cell_fault(w, item, c, err_make(ERR_INPUT, "title.ratings", "Ratings are given by system, each by a word that it has: FSK 0 6 12 16 18; MPA G PG PG-13 R NC-17; TH ส ท น 13+ น 15+ น 18+ ฉ 20+; AGE 0 to 21."));
                    continue;
                }
            } else if (c < CELL_SYNOPSIS) {
                one.texts[c - CELL_NAME].has_name = ch->texts[c - CELL_NAME].has_name = true;
                one.texts[c - CELL_NAME].name = ch->texts[c - CELL_NAME].name = text;
            } else {
                one.texts[c - CELL_SYNOPSIS].has_synopsis = ch->texts[c - CELL_SYNOPSIS].has_synopsis = true;
                one.texts[c - CELL_SYNOPSIS].synopsis = ch->texts[c - CELL_SYNOPSIS].synopsis = text;
            }
        }
        struct err fault = is_wrong ? import_value_wrong() : change_check(&one);
        if (fault.kind) e = import_cell_fault(w, item, c, fault);
    }
    return e;
}

static struct err parent_read(struct work *w, struct item *item) {
    if (is_given(item, CELL_PARENT)) {
        struct slice text = cell(item, CELL_PARENT);
        item->change.has_parent = true;
        item->change.parent = SLICE("");
        if (!text.len) return ERR_OK;
        if (refer(w, text, &item->above_item, &item->above_title) && item->above_item != item) {
            item->change.parent = item->above_item ? public_id_slice(&item->above_item->public_id) : public_id_slice(&item->above_title->public_id);
            return ERR_OK;
        }
    } else {
        const struct catalog_title *parent = item->title ? catalog_parent(w->view, item->title) : NULL;
        size_t at;
        item->above_title = parent;
        if (parent && import_key_find(&w->item_keys, public_id_slice(&parent->public_id), &at)) item->above_item = w->items[at];
        return ERR_OK;
    }
    return import_cell_fault(w, item, CELL_PARENT, catalog_parent_wrong());
}

static enum catalog_kind kind_above(const struct item *item) { return item->above_item ? item->above_item->kind : item->above_title->kind; }
static bool has_above(const struct item *item) { return item->above_item || item->above_title; }

/* As the transaction will judge, but with the line. */
static struct err place_check(struct work *w, struct item *item) {
    if (!has_above(item) && item->kind == CATALOG_EPISODE) item->kind = CATALOG_FILM; /* of nothing: a film */
    if (!has_above(item)) return ERR_OK;
    enum catalog_kind above = kind_above(item);
    if (item->kind == CATALOG_FILM && (above == CATALOG_SERIES || above == CATALOG_SEASON)) item->kind = CATALOG_EPISODE;
    bool above_has_parent = item->above_item ? has_above(item->above_item) : item->above_title->parent_id != 0;
    if (item->kind == CATALOG_EPISODE && above == CATALOG_SEASON) return ERR_OK;
    if (catalog_may_stand_over(above, above_has_parent, item->kind)) return ERR_OK;
    if (!is_given(item, CELL_PARENT) && catalog_kind_holds(item->kind)) return ERR_OK; /* becomes one that stands alone */
    return import_cell_fault(w, item, CELL_PARENT, catalog_parent_wrong());
}

/* --- what would change nothing is taken out --- */

static bool same_people(const struct work *w, const struct catalog_change *ch, const struct catalog_title *t) {
    if (ch->people_count != t->people_count) return false;
    for (size_t i = 0; i < t->people_count; i++) {
        const struct person_in *p = (const struct person_in *)(const void *)ch->people[i].person.ptr;
        if (!p->person || p->person->id != t->people[i].person_id || ch->people[i].part != t->people[i].part || !slice_eq(ch->people[i].character, t->people[i].character)) return false;
    }
    return true;
}
static bool same_members(const struct work *w, const struct catalog_change *ch, const struct catalog_title *t) {
    size_t n = 0;
    for (size_t i = 0; i < t->member_count; i++) {
        const struct catalog_title *member = catalog_find_id(w->view, t->members[i]);
        if (!member) continue;
        if (n == ch->member_count || !slice_eq(ch->members[n], public_id_slice(&member->public_id))) return false;
        n++;
    }
    return n == ch->member_count;
}

static void compare(struct work *w, struct item *item) {
    struct catalog_change *ch = &item->change;
    const struct catalog_title *t = item->title;
    if (is_given(item, CELL_EIDR)) {
        ch->has_eidr = true;
        ch->eidr = cell(item, CELL_EIDR);
    }
    if (!t) {
        if (!ch->has_kind) ch->has_kind = true;
        ch->kind = item->kind;
        ch->external_id = cell(item, CELL_EXTERNAL_ID).len ? cell(item, CELL_EXTERNAL_ID) : SLICE_NONE;
        item->changes_anything = true;
        return;
    }
    struct slice parent = public_id_slice(&t->parent);
    if (!t->parent.text[0]) parent = SLICE("");
    ch->has_kind = ch->has_kind && ch->kind != t->kind && item->kind != t->kind;
    ch->has_parent = ch->has_parent && !slice_eq(ch->parent, parent);
    ch->has_season = ch->has_season && ch->season != t->season;
    ch->has_episode = ch->has_episode && ch->episode != t->episode;
    ch->has_year = ch->has_year && ch->year != t->year;
    ch->has_genres = ch->has_genres && !slice_eq(ch->genres, t->genres);
    ch->has_countries = ch->has_countries && !slice_eq(ch->countries, t->countries);
    ch->has_edit = ch->has_edit && !slice_eq(ch->edit, t->edit);
    ch->has_original_lang = ch->has_original_lang && !slice_eq(ch->original_lang, t->original_lang);
    ch->has_original_name = ch->has_original_name && !slice_eq(ch->original_name, t->original_name);
    ch->has_eidr = ch->has_eidr && !slice_eq(ch->eidr, t->eidr);
    ch->has_is_free = ch->has_is_free && ch->is_free != t->is_free;
    ch->has_ratings = ch->has_ratings && memcmp(&ch->ratings, &t->ratings, sizeof t->ratings) != 0;
    ch->has_people = ch->has_people && !same_people(w, ch, t);
    ch->has_members = ch->has_members && !same_members(w, ch, t);
    bool has_text = false;
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) {
        ch->texts[i].has_name = ch->texts[i].has_name && !slice_eq(ch->texts[i].name, t->texts[i].name);
        ch->texts[i].has_synopsis = ch->texts[i].has_synopsis && !slice_eq(ch->texts[i].synopsis, t->texts[i].synopsis);
        has_text |= ch->texts[i].has_name || ch->texts[i].has_synopsis;
    }
    item->changes_anything = has_text || ch->has_kind || ch->has_parent || ch->has_season || ch->has_episode || ch->has_year || ch->has_genres || ch->has_countries ||
        ch->has_edit || ch->has_original_lang || ch->has_original_name || ch->has_eidr || ch->has_is_free || ch->has_ratings || ch->has_people || ch->has_members;
}

static struct err name_check(struct work *w, const struct item *item) {
    bool has = false, loses = false;
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) {
        const __typeof__(item->change.texts[0]) *text = &item->change.texts[i];
        has |= text->has_name ? text->name.len > 0 : item->title && item->title->texts[i].name.len > 0;
        loses |= text->has_name && !text->name.len && item->title && item->title->texts[i].name.len > 0;
    }
    if (has || (item->title && !loses)) return ERR_OK;
    return import_cell_fault(w, item, CELL_NAME, err_make(ERR_INPUT, "catalogue.name", "A title needs a name in at least one language."));
}

static struct err items_check(struct work *w) {
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < w->count; i++) e = plain_cells_read(w, w->items[i]);
    for (size_t i = 0; !e.kind && i < w->count; i++) e = parent_read(w, w->items[i]);
    for (size_t i = 0; !e.kind && i < w->count; i++) {
        struct item *item = w->items[i];
        e = place_check(w, item);
        if (!e.kind && is_given(item, CELL_PEOPLE)) e = people_read(w, item);
        if (!e.kind && is_given(item, CELL_MEMBERS)) e = members_read(w, item);
        if (!e.kind) e = name_check(w, item);
        struct slice external = cell(item, CELL_EXTERNAL_ID);
        if (!e.kind && (external.len > 200 || (item->title && is_given(item, CELL_EXTERNAL_ID) && !slice_eq(external, item->title->external_id))))
            e = import_cell_fault(w, item, CELL_EXTERNAL_ID, err_make(ERR_INPUT, "title.external_id", "An external id has at most 200 bytes, and stays as it is."));
        compare(w, item);
    }
    return e;
}

/* --- writing --- */

/* Those above come before those below them. */
static int rank_of(const struct item *item) {
    switch (item->kind) {
    case CATALOG_SERIES: return 0;
    case CATALOG_SEASON: return 1;
    case CATALOG_EPISODE: return 3;
    case CATALOG_CLIP: return 5;
    case CATALOG_COLLECTION: return 6;
    default: return has_above(item) ? 4 : 2;
    }
}
enum { RANKS = 7 };

static struct err people_write(struct db_tx *tx, struct work *w) {
    int64_t fresh = 0;
    for (size_t i = 0; i < w->people_count; i++) fresh += !w->people[i]->person;
    struct err e = fresh ? person_room_in(tx, w->org_id, fresh) : ERR_OK;
    for (size_t i = 0; !e.kind && i < w->people_count; i++) {
        struct person_in *p = w->people[i];
        if (p->is_changed) e = p->person ? person_names_set_in(tx, w->org_id, p->id, &p->change) : person_create_in(tx, w->org_id, p->id, &p->public_id, &p->change);
    }
    return e;
}

static struct err item_write(struct db_tx *tx, struct work *w, struct item *item) {
    w->failing = item;
    if (!item->title && !item->rest.has_parent && !item->rest.has_people && !item->rest.has_members) return ERR_OK;
    return catalog_change_in(tx, w->org_id, public_id_slice(&item->public_id), item->title ? &item->change : &item->rest);
}

static struct err write_fn(struct db_tx *tx, void *arg) {
    struct work *w = arg;
    w->failing = NULL;
    int64_t fresh = 0;
    for (size_t i = 0; i < w->count; i++) fresh += !w->items[i]->title;
    if (fresh && DB_GET_INT(tx, 0, &title_count, DB_INT("org_id", w->org_id)) + fresh > CATALOG_TITLES_MAX)
        return err_make(ERR_LIMIT, "title.many", "An organisation has at most 100,000 titles. Remove some first.");
    struct err e = people_write(tx, w);
    for (size_t i = 0; !e.kind && i < w->count; i++) {
        struct item *item = w->items[i];
        if (item->title) continue;
        w->failing = item;
        bool holds = catalog_kind_holds(item->kind);
        e = catalog_make_bare_in(w->catalog, tx, w->org_id, item->id, &item->public_id, &item->change, holds ? CATALOG_READY : CATALOG_FAILED, &item->rest);
    }
    for (int rank = 0; !e.kind && rank < RANKS; rank++)
        for (size_t i = 0; !e.kind && i < w->count; i++)
            if (w->items[i]->changes_anything && rank_of(w->items[i]) == rank) e = item_write(tx, w, w->items[i]);
    return e;
}

/* People get their ids, and credits name them by these. */
static void people_settle(struct work *w) {
    for (size_t i = 0; i < w->people_count; i++) {
        struct person_in *p = w->people[i];
        p->id = p->person ? p->person->id : id_next(catalog_ids(w->catalog));
        p->public_id = p->person ? p->person->public_id : public_id_random();
    }
    for (size_t i = 0; i < w->count; i++) {
        struct catalog_change *ch = &w->items[i]->change;
        for (size_t k = 0; ch->has_people && k < ch->people_count; k++) {
            struct slice *person = (struct slice *)(uintptr_t)&ch->people[k].person;
            *person = public_id_slice(&((const struct person_in *)(const void *)person->ptr)->public_id);
        }
    }
}

static int compare_faults(const void *a, const void *b) {
    const struct catalog_fault *x = a, *y = b;
    if (x->line != y->line) return x->line < y->line ? -1 : 1;
    return x->column != y->column ? (x->column < y->column ? -1 : 1) : 0;
}

static struct err faults_answer(struct catalog_import_report *r) {
    size_t count = r->fault_count < CATALOG_FAULTS_MAX ? r->fault_count : CATALOG_FAULTS_MAX;
    qsort(r->faults, count, sizeof *r->faults, compare_faults);
    r->created = r->changed = r->people = 0;
    return err_make(ERR_INPUT, "catalogue.faults", "Nothing was imported: some lines have faults. Correct them and import again.");
}

struct err catalog_import(struct catalog *c, struct arena *arena, int64_t org_id, enum catalog_format format, struct slice bytes, bool is_trial,
                          struct catalog_import_report *out) {
    struct catalog_view *view = NULL;
    *out = (struct catalog_import_report){0};
    struct err e = catalog_view_take(c, org_id, &view);
    if (e.kind) return e;
    struct work w = {.catalog = c, .arena = arena, .org_id = org_id, .view = view, .report = out};
    e = person_names_create(arena, view, &w.names);
    if (!e.kind) e = format == CATALOG_CSV ? import_csv_read(&w, bytes) : import_json_read(&w, bytes);
    if (!e.kind) e = items_find(&w);
    if (!e.kind) e = items_check(&w);
    if (!e.kind && !out->fault_count) {
        for (size_t i = 0; i < w.count; i++) {
            out->created += !w.items[i]->title;
            out->changed += w.items[i]->title && w.items[i]->changes_anything;
        }
        for (size_t i = 0; i < w.people_count; i++) out->people += w.people[i]->is_changed;
        people_settle(&w);
        if (arena_overflowed(arena)) e = err_memory(); /* before anything is saved */
        if (!e.kind && !is_trial && (out->created || out->changed || out->people)) {
            e = db_write(catalog_db(c), write_fn, &w);
            if ((e.kind == ERR_INPUT || e.kind == ERR_CONFLICT) && w.failing) e = import_fault(&w, w.failing->line, w.failing->column, SLICE_NONE, e);
            else if (!e.kind) catalog_followed(catalog_refresh_all(c, org_id));
        }
    }
    catalog_view_give(&view);
    if (!e.kind && out->fault_count && arena_overflowed(arena)) e = err_memory();
    return !e.kind && out->fault_count ? faults_answer(out) : e;
}
