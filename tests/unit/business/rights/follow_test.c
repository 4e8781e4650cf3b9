/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Following a book that others write in at that very moment. db_read is wrapped (see meson.build), so that a test can do something between one reading of the store and the
 * next of the same thread, as another process could. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "business/account/account.h"
#include "business/rights/book.h"
#include "store.h"

static const struct db_schema *const schemas[] = {&account_schema, &catalog_schema, &rights_schema};
enum { ORG = 1, OTHER_ORG, ORGS };
static const int64_t START = 1800000000;

/* --- between two readings --- */

static struct {
    int countdown; /* readings until `run`; 0: never */
    void (*run)(void *user);
    void *user;
} between;

struct err __real_db_read_at(struct db *, db_fn *, void *, const char *file, int line);
struct err __wrap_db_read_at(struct db *, db_fn *, void *, const char *file, int line);
struct err __wrap_db_read_at(struct db *db, db_fn *fn, void *arg, const char *file, int line) {
    if (between.countdown && !--between.countdown) between.run(between.user);
    return __real_db_read_at(db, fn, arg, file, line);
}

/* --- two processes over one store --- */

struct process {
    struct db *db;
    struct id_maker *ids;
    struct catalog *catalog;
    struct rights *rights;
};
static struct process process_start(const struct test_store *store, struct clock *clock, unsigned number) {
    struct process p = {.db = test_store_open(store, schemas, ARRAY_LEN(schemas)), .ids = id_maker_create(clock, number)};
    assert_ok(catalog_open(&p.catalog, p.db, p.ids));
    assert_ok(rights_open(&p.rights, &(struct rights_options){.db = p.db, .clock = clock, .ids = p.ids, .catalog = p.catalog}));
    return p;
}
static void process_end(struct process *p) {
    rights_close(&p->rights);
    catalog_close(&p->catalog);
    id_maker_destroy(&p->ids);
    db_close(&p->db);
}

static int64_t title(struct process *p, int64_t org) {
    struct catalog_change ch = {.external_id = SLICE("film"), .texts[0] = {.has_name = true, .name = SLICE("Film")}};
    struct public_id id;
    struct catalog_view *v;
    assert_ok(catalog_create(p->catalog, org, &ch, CATALOG_READY, &id));
    assert_ok(catalog_view_take(p->catalog, org, &v));
    int64_t inside = catalog_find(v, public_id_slice(&id))->id;
    catalog_view_give(&v);
    return inside;
}
static struct public_id sold_everywhere(struct process *p, struct arena *arena, int64_t org, int64_t title_id) {
    struct public_id studio, deal;
    struct rights_line_new line = {.terms = {.title_id = title_id, .media = 1u << RIGHTS_FREE, .ends_s = RIGHTS_ENDLESS}};
    struct rights_appended made;
    struct slice bad;
    size_t at;
    assert_ok(rights_territories_of(SLICE("WORLD"), &line.terms.territories, &bad));
    assert_ok(rights_party_create(p->rights, org, &(struct rights_party_change){.has_name = true, .name = SLICE("Studio")}, &studio));
    assert_ok(rights_deal_create(p->rights, org, &(struct rights_deal_new){.reference = SLICE("S-1"), .direction = RIGHTS_IN, .status = RIGHTS_ACTIVE, .party = public_id_slice(&studio)}, 0, &deal));
    assert_ok(rights_lines_append(p->rights, arena, org, &(struct rights_lines_new){.deal = public_id_slice(&deal), .items = &line, .count = 1}, &made, &at));
    return deal;
}
static bool is_allowed(struct process *p, int64_t title_id) {
    struct rights_question q = {.titles = {title_id}, .medium = RIGHTS_FREE, .at_s = START};
    struct rights_answer a;
    assert_true(rights_place_parse(SLICE("DE"), SLICE_NONE, &q.place));
    rights_decide(p->rights, &q, &a);
    return a.is_allowed;
}

/* As an import of thousands of titles notes it: too much to be followed title by title. */
struct whole_note {
    struct rights *rights;
    int64_t org;
};
static struct err whole_fn(struct db_tx *tx, void *arg) {
    struct whole_note *n = arg;
    struct rights_turn turn;
    struct err e = rights_turn_begin(n->rights, tx, n->org, &turn);
    return e.kind ? e : rights_turn_note(tx, n->org, &turn, CHANGE_WHOLE, 0);
}

struct suspending {
    struct process *by;
    int64_t org;
    const struct public_id *deal;
};
static void suspend(void *user) {
    struct suspending *s = user;
    assert_ok(rights_deal_change(s->by->rights, s->org, public_id_slice(s->deal), &(struct rights_deal_change){.has_status = true, .status = RIGHTS_SUSPENDED}, 0));
}

static void count(void *user, int64_t org_id) { ((int *)user)[org_id]++; }

/* One organisation has imported a whole book, so all is read anew; before that is done another one's deal ends. Whoever watches under that deal must hear of it. */
static void who_changes_while_the_whole_book_is_read_is_told_as_well(void **state) {
    const struct test_store *store = test_store_of(state);
    struct clock *clock = clock_manual_create(utc_from_seconds(START));
    struct arena *arena = arena_create(1 << 20);
    struct process here = process_start(store, clock, 0), there = process_start(store, clock, 1);
    int told[ORGS] = {0};
    int64_t film = title(&there, OTHER_ORG);
    struct public_id deal = sold_everywhere(&there, arena, OTHER_ORG, film);
    assert_ok(rights_refresh(here.rights));
    assert_true(is_allowed(&here, film));
    rights_listen(here.rights, count, told);
    uint64_t compiled = rights_stats(here.rights).compiled;

    assert_ok(db_write(there.db, whole_fn, (&(struct whole_note){there.rights, ORG})));
    between.run = suspend;
    between.user = &(struct suspending){&there, OTHER_ORG, &deal};
    between.countdown = 2; /* what has changed; then all */
    assert_ok(rights_refresh(here.rights));
    assert_int_equal(between.countdown, 0);
    assert_int_equal(rights_stats(here.rights).compiled, compiled + 1);
    assert_false(is_allowed(&here, film));
    assert_int_equal(told[ORG], 1);
    assert_int_equal(told[OTHER_ORG], 1);
    assert_ok(rights_refresh(here.rights)); /* nothing new */
    assert_int_equal(told[ORG] + told[OTHER_ORG], 2);

    process_end(&there);
    process_end(&here);
    arena_destroy(&arena);
    clock_manual_destroy(&clock);
}

int main(void) {
    const struct CMUnitTest tests[] = {ON_BOTH(who_changes_while_the_whole_book_is_read_is_told_as_well)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
