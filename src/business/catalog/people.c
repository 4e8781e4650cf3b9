/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * People, and the rows of the home page: changes. */
#include "base/mem.h"
#include "base/utf8.h"
#include "business/catalog/catalog_sql.h"
#include "business/catalog/view.h"

/* --- people --- */

struct person_work {
    int64_t org_id, id;
    struct public_id public_id;
    struct slice wanted;
    const struct catalog_person_change *change;
};

static struct err person_not_found(void) { return err_make(ERR_NOT_FOUND, "person.not_found", "There is no such person here."); }

struct err person_check(const struct catalog_person_change *ch) {
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++)
        if (ch->names[i].has_name && ch->names[i].name.len && !utf8_is_display_text(ch->names[i].name, CATALOG_NAME_MAX))
            return err_make(ERR_INPUT, "person.name", "A person has a name in at least one language, of at most 200 characters, all of which can be shown.");
    return ERR_OK;
}

static struct err names_set(struct db_tx *tx, int64_t org_id, int64_t id, const struct catalog_person_change *ch) {
    struct err e = person_check(ch);
    for (int i = 0; !e.kind && i < TEXT_LANGUAGE_COUNT; i++) {
        if (!ch->names[i].has_name) continue;
        e = ch->names[i].name.len
            ? DB_RUN(tx, &person_name_put, DB_INT("id", id), DB_INT("lang", i), DB_INT("org_id", org_id), DB_TEXT("name", ch->names[i].name))
            : DB_RUN(tx, &person_name_drop, DB_INT("org_id", org_id), DB_INT("id", id), DB_INT("lang", i));
    }
    if (!e.kind && DB_GET_INT(tx, 0, &person_name_count, DB_INT("org_id", org_id), DB_INT("id", id)) == 0)
        e = err_make(ERR_INPUT, "person.name", "A person has a name in at least one language, of at most 200 characters, all of which can be shown.");
    return e;
}

struct err person_names_set_in(struct db_tx *tx, int64_t org_id, int64_t id, const struct catalog_person_change *ch) {
    struct err e = names_set(tx, org_id, id, ch);
    return e.kind ? e : DB_RUN(tx, &person_touch, DB_INT("org_id", org_id), DB_INT("id", id));
}

struct err person_room_in(struct db_tx *tx, int64_t org_id, int64_t more) {
    if (DB_GET_INT(tx, 0, &person_count, DB_INT("org_id", org_id)) + more > CATALOG_PERSONS_MAX)
        return err_make(ERR_LIMIT, "person.many", "An organisation knows at most 200,000 people. Remove some first.");
    return db_tx_error(tx);
}
struct err person_create_in(struct db_tx *tx, int64_t org_id, int64_t id, const struct public_id *public_id, const struct catalog_person_change *ch) {
    struct err e = DB_RUN(tx, &person_insert, DB_INT("id", id), DB_INT("org_id", org_id), DB_TEXT("public_id", public_id_slice(public_id)));
    return e.kind ? e : names_set(tx, org_id, id, ch);
}
static struct err person_create_fn(struct db_tx *tx, void *arg) {
    struct person_work *w = arg;
    struct err e = person_room_in(tx, w->org_id, 1);
    return e.kind ? e : person_create_in(tx, w->org_id, w->id, &w->public_id, w->change);
}
struct err catalog_person_create(struct catalog *c, int64_t org_id, const struct catalog_person_change *ch, struct public_id *out) {
    struct person_work w = {.org_id = org_id, .id = id_next(catalog_ids(c)), .public_id = public_id_random(), .change = ch};
    struct err e = person_check(ch);
    if (!e.kind) e = db_write(catalog_db(c), person_create_fn, &w);
    if (e.kind) return e;
    catalog_followed(catalog_refresh_person(c, org_id, public_id_slice(&w.public_id)));
    *out = w.public_id;
    return ERR_OK;
}

static struct err person_find(struct db_tx *tx, struct person_work *w) {
    w->id = DB_GET_INT(tx, 0, &person_id, DB_INT("org_id", w->org_id), DB_TEXT("public_id", w->wanted));
    struct err e = db_tx_error(tx);
    return e.kind || w->id ? e : person_not_found();
}
static struct err person_change_fn(struct db_tx *tx, void *arg) {
    struct person_work *w = arg;
    struct err e = person_find(tx, w);
    return e.kind ? e : person_names_set_in(tx, w->org_id, w->id, w->change);
}
static struct err person_remove_fn(struct db_tx *tx, void *arg) {
    struct person_work *w = arg;
    struct err e = person_find(tx, w);
    if (!e.kind && DB_GET_INT(tx, 0, &person_parts, DB_INT("org_id", w->org_id), DB_INT("id", w->id)) > 0)
        e = err_make(ERR_CONFLICT, "person.has_parts", "Titles still name this person. Take the person out of them first.");
    if (!e.kind) e = DB_RUN(tx, &person_names_remove, DB_INT("org_id", w->org_id), DB_INT("id", w->id));
    return e.kind ? e : DB_RUN(tx, &person_remove, DB_INT("org_id", w->org_id), DB_INT("id", w->id));
}
static struct err person_write(struct catalog *c, struct person_work *w, db_fn *fn) {
    struct public_id id;
    if (!public_id_parse(w->wanted, &id)) return person_not_found();
    struct err e = db_write(catalog_db(c), fn, w);
    if (!e.kind) catalog_followed(catalog_refresh_person(c, w->org_id, w->wanted));
    return e;
}
struct err catalog_person_change(struct catalog *c, int64_t org_id, struct slice public_id, const struct catalog_person_change *ch) {
    struct person_work w = {.org_id = org_id, .wanted = public_id, .change = ch};
    struct err e = person_check(ch);
    return e.kind ? e : person_write(c, &w, person_change_fn);
}
struct err catalog_person_remove(struct catalog *c, int64_t org_id, struct slice public_id) {
    struct person_work w = {.org_id = org_id, .wanted = public_id};
    return person_write(c, &w, person_remove_fn);
}

/* --- rows --- */

struct rows_work {
    int64_t org_id;
    const struct catalog_row *rows;
    const struct public_id *ids;
    size_t count;
};

static bool is_code(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= 'a' && s.ptr[i] <= 'z') || (s.ptr[i] >= '0' && s.ptr[i] <= '9') || s.ptr[i] == '-')) return false;
    return s.len > 0 && s.len <= 32;
}

static struct err row_check(const struct catalog_row *row) {
    bool has_name = false;
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) {
        if (row->names[i].len && !utf8_is_display_text(row->names[i], CATALOG_NAME_MAX)) has_name = false, i = TEXT_LANGUAGE_COUNT;
        else has_name |= row->names[i].len > 0;
    }
    if (!has_name) return err_make(ERR_INPUT, "row.name", "A row has a name in at least one language, of at most 200 characters, all of which can be shown.");
    enum catalog_kind kind;
    if ((row->source == CATALOG_GENRE && !is_code(row->genre)) || (row->source == CATALOG_OF_KIND && !catalog_kind_parse(row->genre, &kind)))
        return err_make(ERR_INPUT, "row.genre", "A row of a genre says which genre, and a row of a kind which kind.");
    size_t most = row->source == CATALOG_CHOSEN ? CATALOG_MEMBERS_MAX : row->source == CATALOG_OF_COLLECTION ? 1 : 0;
    if (row->title_count > most || (most && !row->title_count))
        return err_make(ERR_INPUT, "row.titles", "A row of chosen titles lists up to 1,000 that there are; a row of a collection names that collection.");
    if (row->starts_ms < 0 || row->ends_ms < 0 || (row->ends_ms && row->ends_ms <= row->starts_ms))
        return err_make(ERR_INPUT, "row.times", "A row ends after it starts.");
    return ERR_OK;
}

static struct err rows_fn(struct db_tx *tx, void *arg) {
    struct rows_work *w = arg;
    struct err e = DB_RUN(tx, &row_clear, DB_INT("org_id", w->org_id));
    struct buf titles = BUF(CATALOG_MEMBERS_MAX * (PUBLIC_ID_LEN + 1)), names = BUF(TEXT_LANGUAGE_COUNT * (CATALOG_NAME_MAX * 4 + 1));
    for (size_t i = 0; !e.kind && i < w->count; i++) {
        const struct catalog_row *row = &w->rows[i];
        buf_clear(&titles);
        buf_clear(&names);
        for (int k = 0; k < TEXT_LANGUAGE_COUNT; k++) {
            buf_append(&names, row->names[k]);
            if (k + 1 < TEXT_LANGUAGE_COUNT) buf_cstr(&names, "\n");
        }
        for (size_t k = 0; !e.kind && k < row->title_count; k++) {
            struct slice id = public_id_slice(&row->titles[k]);
            if (!DB_GET_INT(tx, 0, &title_id, DB_INT("org_id", w->org_id), DB_TEXT("public_id", id)) && !(e = db_tx_error(tx)).kind)
                e = err_make(ERR_INPUT, "row.titles", "A row of chosen titles lists up to 1,000 that there are; a row of a collection names that collection.");
            if (k) buf_cstr(&titles, " ");
            buf_append(&titles, id);
        }
        if (!e.kind && (titles.has_failed || names.has_failed)) e = err_memory();
        struct slice ids = titles.len ? buf_slice(&titles) : SLICE(""), genre = row->genre.len ? row->genre : SLICE("");
        if (!e.kind)
            e = DB_RUN(tx, &row_insert, DB_INT("org_id", w->org_id), DB_INT("position", (int64_t)i), DB_TEXT("public_id", public_id_slice(&w->ids[i])),
                       DB_INT("source", row->source), DB_TEXT("names", buf_slice(&names)), DB_TEXT("genre", genre), DB_TEXT("titles", ids),
                       DB_INT("starts_ms", row->starts_ms), DB_INT("ends_ms", row->ends_ms));
    }
    buf_free(&titles);
    buf_free(&names);
    return e;
}

struct err catalog_rows_set(struct catalog *c, int64_t org_id, const struct catalog_row *rows, size_t count) {
    if (count > CATALOG_ROWS_MAX) return err_make(ERR_INPUT, "row.many", "The home page has at most 40 rows.");
    struct public_id ids[CATALOG_ROWS_MAX];
    for (size_t i = 0; i < count; i++) {
        struct err e = row_check(&rows[i]);
        if (e.kind) return e;
        ids[i] = rows[i].public_id.text[0] ? rows[i].public_id : public_id_random();
        for (size_t k = 0; k < i; k++)
            if (!memcmp(ids[i].text, ids[k].text, PUBLIC_ID_LEN)) return err_make(ERR_INPUT, "row.id", "Two rows have the same id.");
    }
    struct rows_work w = {.org_id = org_id, .rows = rows, .ids = ids, .count = count};
    struct err e = db_write(catalog_db(c), rows_fn, &w);
    if (!e.kind) catalog_followed(catalog_refresh_rows(c, org_id));
    return e;
}
