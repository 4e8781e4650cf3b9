/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * rights_fixture.h: catalogue and contracts over one store, with a clock that is set by hand, and the few things that tests put into them. Each of these fails the test that calls it where
 * it cannot be done. */
#ifndef TESTS_LIB_RIGHTS_FIXTURE_H
#define TESTS_LIB_RIGHTS_FIXTURE_H

#include <string.h>

#include "business/account/account.h"
#include "business/rights/rights.h"
#include "store.h"

static const struct db_schema *const schemas[] = {&account_schema, &catalog_schema, &rights_schema};

struct rights_fixture {
    const struct test_store *store;
    struct db *db;
    struct clock *clock;
    struct id_maker *ids;
    struct catalog *catalog;
    struct rights *rights;
    struct arena *arena; /* for what is asked for */
};

enum { ORG = 7, OTHER_ORG = 8 };
static const int64_t START = 1800000000, DAY = 86400; /* 2027-01-15T08:00:00Z */
#define FREE (1u << RIGHTS_FREE)

static inline struct rights_options rights_options_of(const struct rights_fixture *f) {
    return (struct rights_options){.db = f->db, .clock = f->clock, .ids = f->ids, .catalog = f->catalog};
}
static inline void rights_again(struct rights_fixture *f) {
    struct rights_options options = rights_options_of(f);
    rights_close(&f->rights);
    assert_ok(rights_open(&f->rights, &options));
}

/* What does not depend on a store; then a store, of which there may be several one after the other. */
static inline struct rights_fixture rights_fixture_make(void) {
    struct rights_fixture f = {.clock = clock_manual_create(utc_from_seconds(START)), .arena = arena_create(64 << 20)};
    f.ids = id_maker_create(f.clock, 0);
    return f;
}
static inline void rights_fixture_open(struct rights_fixture *f, const struct test_store *store) {
    f->store = store;
    f->db = test_store_open(store, schemas, ARRAY_LEN(schemas));
    assert_ok(catalog_open(&f->catalog, f->db, f->ids));
    rights_again(f);
}
static inline void rights_fixture_close(struct rights_fixture *f) {
    rights_close(&f->rights);
    catalog_close(&f->catalog);
    db_close(&f->db);
}
static inline void rights_fixture_free(struct rights_fixture *f) {
    id_maker_destroy(&f->ids);
    clock_manual_destroy(&f->clock);
    arena_destroy(&f->arena);
}

static inline struct rights_fixture begin(void **state) {
    const struct test_store *store = test_store_of(state); /* first: it may skip the test */
    struct rights_fixture f = rights_fixture_make();
    rights_fixture_open(&f, store);
    return f;
}
static inline void end(struct rights_fixture *f) {
    rights_fixture_close(f);
    rights_fixture_free(f);
}

/* --- making things --- */

/* Its id within; the public one to `out`, which may be NULL. */
static inline int64_t title_made(struct rights_fixture *f, int64_t org, const struct catalog_change *change, enum catalog_status status, struct public_id *out) {
    struct public_id id;
    struct catalog_view *v;
    assert_ok(catalog_create(f->catalog, org, change, status, &id));
    assert_ok(catalog_view_take(f->catalog, org, &v));
    int64_t inside = catalog_find(v, public_id_slice(&id))->id;
    catalog_view_give(&v);
    if (out) *out = id;
    return inside;
}
/* A film whose external id is its name. */
static inline int64_t title(struct rights_fixture *f, int64_t org, const char *name, struct public_id *out) {
    struct catalog_change ch = {.external_id = slice_cstr(name), .texts[0] = {.has_name = true, .name = slice_cstr(name)}};
    return title_made(f, org, &ch, CATALOG_READY, out);
}
/* A series, or with a parent an episode of its first season, numbered by the length of its name. */
static inline int64_t member(struct rights_fixture *f, const char *name, enum catalog_kind kind, const struct public_id *parent, enum catalog_status status, struct public_id *out) {
    struct catalog_change ch = {.external_id = slice_cstr(name), .has_kind = true, .kind = kind, .has_parent = parent, .has_season = parent, .season = 1, .has_episode = parent,
                                .episode = (int)strlen(name), .texts[0] = {.has_name = true, .name = slice_cstr(name)}};
    if (parent) ch.parent = public_id_slice(parent);
    return title_made(f, ORG, &ch, status, out);
}
static inline struct public_id party(struct rights_fixture *f, int64_t org, const char *name) {
    struct public_id id;
    assert_ok(rights_party_create(f->rights, org, &(struct rights_party_change){.has_name = true, .name = slice_cstr(name), .has_country = true, .country = SLICE("FR")}, &id));
    return id;
}
static inline struct public_id deal(struct rights_fixture *f, int64_t org, const char *reference, enum rights_direction direction, const struct public_id *with, enum rights_status status) {
    struct public_id id;
    assert_ok(rights_deal_create(f->rights, org, &(struct rights_deal_new){.reference = slice_cstr(reference), .direction = direction, .status = status,
                                                                           .party = with ? public_id_slice(with) : SLICE_NONE}, 0, &id));
    return id;
}
static inline struct rights_line_new line(int64_t title_id, const char *territories, uint16_t media, int64_t starts_s, int64_t ends_s) {
    struct slice bad;
    struct rights_line_new n = {.terms = {.title_id = title_id, .media = media, .starts_s = starts_s, .ends_s = ends_s}};
    assert_ok(rights_territories_of(slice_cstr(territories), &n.terms.territories, &bad));
    return n;
}
static inline struct err append(struct rights_fixture *f, int64_t org, const struct public_id *deal_id, const struct rights_line_new *n, struct public_id *out) {
    struct rights_appended made;
    size_t at;
    struct err e = rights_lines_append(f->rights, f->arena, org, &(struct rights_lines_new){.deal = public_id_slice(deal_id), .items = n, .count = 1}, &made, &at);
    if (!e.kind && out) *out = made.lines.items[0].public_id;
    return e;
}

/* --- files of lines --- */

struct rights_file { /* a text, given in steps */
    struct slice text;
    size_t at, step;
};
static inline struct err rights_file_give(void *user, struct buf *out) {
    struct rights_file *file = user;
    buf_append(out, slice_sub(file->text, file->at, file->at + file->step));
    file->at += file->step;
    return ERR_OK;
}
/* `job` comes with what is wanted otherwise than of an ordinary import. */
static inline struct err import_lines(struct rights_fixture *f, struct slice text, size_t step, struct rights_import *job) {
    struct rights_file file = {.text = text, .step = step};
    job->org_id = ORG;
    job->read = rights_file_give;
    job->user = &file;
    if (!job->faults_max) job->faults_max = 100;
    return rights_import(f->rights, f->arena, job);
}

#endif
