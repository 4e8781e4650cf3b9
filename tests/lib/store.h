/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * store.h: a database of its own for each test. Whatever stores something is tested on both databases:
 *
 *     static void titles_are_found(void **state) {
 *         struct test_store *s = test_store_of(state);     // skips where there is no PostgreSQL
 *         struct db *db = test_store_open(s, schemas, 1);  // opened and migrated
 *         ...
 *         db_close(&db);
 *     }
 *     const struct CMUnitTest tests[] = {ON_BOTH(titles_are_found)};
 *
 * PostgreSQL is that of tests/lib/postgres, named by GRANDSTAND_TEST_POSTGRES; each test has a schema of its own in it. */
#ifndef TESTS_LIB_STORE_H
#define TESTS_LIB_STORE_H

#include "system/db/db.h"

struct test_store {
    enum db_engine engine;
    char folder[64]; /* private, empty at first, removed afterwards; with both databases */
    char url[512];   /* empty: there is no PostgreSQL here */
    char schema[48];
};

#define ON_BOTH(test)                                                                 \
    {#test " (SQLite)", test, test_store_sqlite, test_store_remove, NULL},            \
    {#test " (PostgreSQL)", test, test_store_postgres, test_store_remove, NULL}
#define ON_SQLITE(test) {#test, test, test_store_sqlite, test_store_remove, NULL}
#define ON_POSTGRES(test) {#test, test, test_store_postgres, test_store_remove, NULL}

int test_store_sqlite(void **state);
int test_store_postgres(void **state);
int test_store_remove(void **state);

struct test_store *test_store_of(void **state);
/* Fails the test if it cannot be opened or migrated. */
struct db *test_store_open(const struct test_store *, const struct db_schema *const *schemas, size_t count);
/* The same with options; their url is filled in. */
struct db *test_store_open_with(const struct test_store *, struct db_options, const struct db_schema *const *schemas, size_t count);

/* Fails the test, showing the error, unless there is none; or unless its code is the one expected. */
#define assert_ok(expression) test_assert_error((expression), NULL, __FILE__, __LINE__)
#define assert_error(expression, code) test_assert_error((expression), (code), __FILE__, __LINE__)
void test_assert_error(struct err, const char *code, const char *file, int line);

#endif
