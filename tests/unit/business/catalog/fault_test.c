/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A title's life while memory runs out or the disk refuses at one place after the other: made, named in four languages, on the home page, imported into, sought, removed.
 * What was answered with an error is not stored, what was answered as done is, and the view and its search say what a catalogue says that has just been opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "business/catalog/catalog.h"
#include "fault_walk.h"
#include "sqlite_faults.h"

static const struct db_schema *const schemas[] = {&catalog_schema};
enum { SAID_MAX = 32 << 10 };

struct world {
    struct db *db;
    struct id_maker *ids;
    struct catalog *catalog;
    struct arena *arena;
    int64_t org; /* another each life */
    char *before, *now, *fresh;
};

/* --- what a catalogue says --- */

static const char *const sought[] = {"running", "Lauf", "跑", "วิ่ง", "second", "Jane"};

static struct err search(const struct catalog_view *v, struct arena *arena, const char *query, struct catalog_hits *out) {
    struct catalog_question q = {.query = slice_cstr(query), .lang = SLICE("en"), .limit = 20};
    return catalog_search(v, arena, &q, out);
}
static void hits_say(struct buf *out, const char *query, const struct catalog_hits *hits) {
    buf_printf(out, "%s:", query);
    for (size_t i = 0; i < hits->title_count; i++) buf_printf(out, " %s/%d", hits->titles[i].title->public_id.text, hits->titles[i].score);
    for (size_t i = 0; i < hits->people_count; i++) buf_printf(out, " %s/%d", hits->people[i].person->public_id.text, hits->people[i].score);
    buf_cstr(out, "\n");
}
/* Everything: the export, the rows, what is found. */
static void says(struct world *f, struct catalog *c, char *into) {
    struct catalog_view *v;
    struct buf out = BUF(SAID_MAX);
    arena_reset(f->arena);
    assert_ok(catalog_view_take(c, f->org, &v));
    assert_ok(catalog_export(v, CATALOG_CSV, &out));
    for (size_t i = 0; i < v->row_count; i++) buf_printf(&out, "row %s %.*s %zu\n", v->rows[i].public_id.text, SLICE_ARG(v->rows[i].names[0]), v->rows[i].title_count);
    for (size_t i = 0; i < ARRAY_LEN(sought); i++) {
        struct catalog_hits hits;
        assert_ok(search(v, f->arena, sought[i], &hits));
        hits_say(&out, sought[i], &hits);
    }
    assert_ok(buf_error(&out));
    assert_true(out.len < SAID_MAX);
    memcpy(into, out.ptr, out.len);
    into[out.len] = 0;
    buf_free(&out);
    catalog_view_give(&v);
}
static void same(const char *what, size_t step, const char *is, const char *wanted) {
    if (strcmp(is, wanted)) fail_msg("at step %zu %s says\n%s\ninstead of\n%s", step, what, is, wanted);
}
/* The view says what the store says; *f->now is it. */
static void look(struct world *f, size_t step) {
    struct catalog *other;
    assert_ok(catalog_open(&other, f->db, f->ids));
    says(f, other, f->fresh);
    catalog_close(&other);
    says(f, f->catalog, f->now);
    same("the view", step, f->now, f->fresh);
}

/* --- steps --- */

static struct public_id of_name(struct world *f, const char *external_id) {
    struct catalog_view *v;
    assert_ok(catalog_view_take(f->catalog, f->org, &v));
    const struct catalog_title *t = catalog_find_external(v, slice_cstr(external_id));
    assert_non_null(t);
    struct public_id id = t->public_id;
    catalog_view_give(&v);
    return id;
}

static struct err create(struct world *f, const struct public_id *film) {
    struct catalog_change ch = {.external_id = SLICE("film"), .texts[0] = {.has_name = true, .name = SLICE("Running")}};
    struct public_id id;
    return catalog_create(f->catalog, f->org, &ch, CATALOG_READY, &id);
}
static struct err name(struct world *f, const struct public_id *film) {
    struct catalog_change ch = {.texts = {{true, true, SLICE("Running far"), SLICE("A long way.")}, {true, false, SLICE("Lauf weit"), SLICE_NONE}, {true, false, SLICE("跑得远"), SLICE_NONE},
                                          {true, false, SLICE("วิ่งไกล"), SLICE_NONE}}};
    return catalog_change(f->catalog, f->org, public_id_slice(film), &ch);
}
static struct err person(struct world *f, const struct public_id *film) {
    struct catalog_person_change ch = {.names[0] = {true, SLICE("Jane Doe")}};
    struct public_id id;
    return catalog_person_create(f->catalog, f->org, &ch, &id);
}
static struct err arrange(struct world *f, const struct public_id *film) {
    struct catalog_row rows[2] = {{.source = CATALOG_CHOSEN, .names = {SLICE("Chosen")}, .titles = film, .title_count = 1}, {.source = CATALOG_NEWEST, .names = {SLICE("New")}}};
    return catalog_rows_set(f->catalog, f->org, rows, 2);
}
static struct err import(struct world *f, const struct public_id *film) {
    static const char csv[] = "external_id,kind,parent,season,episode,name_en,name_de,people\n"
                              "film,film,,,,Running farther,Lauf weiter,director: Jane Doe\n"
                              "series,series,,,,The Runners,,\n"
                              "ep,episode,series,1,1,First,,cast: New Face = Her\n"
                              "second,film,,,,Second wind,,\n";
    struct catalog_import_report report;
    struct err e = catalog_import(f->catalog, f->arena, f->org, CATALOG_CSV, slice_cstr(csv), false, &report);
    assert_true(e.kind || (report.created == 3 && report.changed == 1 && report.people == 1));
    return e;
}
static struct err clear(struct world *f, const struct public_id *film) { return catalog_rows_set(f->catalog, f->org, NULL, 0); }
static struct err remove_it(struct world *f, const struct public_id *film) { return catalog_remove(f->catalog, f->org, public_id_slice(film)); }
static struct err (*const steps[])(struct world *, const struct public_id *) = {create, name, person, arrange, import, clear, remove_it};

/* Sought in a view that has no index yet: the right answer or none. */
static struct err seek(struct world *f, const char *query, struct buf *out) {
    struct catalog *other = NULL;
    struct catalog_view *v = NULL;
    struct catalog_hits hits;
    struct err e = catalog_open(&other, f->db, f->ids);
    if (!e.kind) e = catalog_view_take(other, f->org, &v);
    if (!e.kind) e = search(v, f->arena, query, &hits);
    if (!e.kind) hits_say(out, query, &hits);
    catalog_view_give(&v);
    catalog_close(&other);
    return e;
}

static void live(void *world, struct fault_walk *w) {
    struct world *f = world;
    struct public_id film = {{0}};
    f->org = 100 + w->life;
    look(f, 0);
    strcpy(f->before, f->now);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        arena_reset(f->arena);
        struct err e = FAULT_STEP(w, steps[i](f, &film));
        look(f, i);
        bool is_done = !e.kind || (fault_is_in_doubt(e) && strcmp(f->now, f->before));
        if (!is_done) {
            same("the store", i, f->now, f->before);
            arena_reset(f->arena);
            assert_ok(steps[i](f, &film)); /* he asks again */
            look(f, i);
        }
        if (!strcmp(f->now, f->before)) fail_msg("step %zu changed nothing", i);
        strcpy(f->before, f->now);
        if (i == 0) film = of_name(f, "film");
        struct buf found = BUF(SAID_MAX);
        arena_reset(f->arena);
        e = FAULT_STEP(w, seek(f, sought[i % ARRAY_LEN(sought)], &found));
        buf_bytes(&found, "", 1);
        if (!e.kind && !found.has_failed && !strstr(f->now, found.ptr)) fail_msg("found %s instead of what stands in\n%s", found.ptr, f->now);
        buf_free(&found);
    }
}

static void whatever_fails_the_view_and_its_search_say_what_is_stored(void **state) {
    struct world f = {.db = test_store_open(test_store_of(state), schemas, 1), .ids = id_maker_create(clock_system(), 0), .arena = arena_create(64 << 20)};
    f.before = malloc(SAID_MAX);
    f.now = malloc(SAID_MAX);
    f.fresh = malloc(SAID_MAX);
    assert_ok(catalog_open(&f.catalog, f.db, f.ids));
    fault_walk(live, &f, (const uint64_t[FAULT_POINTS]){[FAULT_ALLOC] = 11, [FAULT_WRITE] = 3, [FAULT_READ] = 4, [FAULT_SYNC] = 1});
    catalog_close(&f.catalog);
    arena_destroy(&f.arena);
    id_maker_destroy(&f.ids);
    db_close(&f.db);
    free(f.before);
    free(f.now);
    free(f.fresh);
}

int main(void) {
    const struct CMUnitTest tests[] = {ON_SQLITE(whatever_fails_the_view_and_its_search_say_what_is_stored)};
    return cmocka_run_group_tests(tests, layer_put_in, NULL);
}
