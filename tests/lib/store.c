/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "store.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "base/fs.h"
#include "base/mem.h"

static int on_server(const char *url, const char *sql) {
    PGconn *server = PQconnectdb(url);
    PGresult *result = PQexec(server, sql);
    int failed = PQresultStatus(result) != PGRES_COMMAND_OK;
    if (failed) fprintf(stderr, "PostgreSQL: %s\n", PQerrorMessage(server));
    PQclear(result);
    PQfinish(server);
    return failed;
}

static struct test_store *store_make(enum db_engine engine) {
    struct test_store *s = calloc(1, sizeof *s);
    s->engine = engine;
    snprintf(s->folder, sizeof s->folder, "/tmp/grandstand-test-XXXXXX");
    if (!mkdtemp(s->folder)) abort();
    return s;
}

int test_store_sqlite(void **state) {
    struct test_store *s = store_make(DB_SQLITE);
    snprintf(s->url, sizeof s->url, "%s/test.db", s->folder);
    *state = s;
    return 0;
}

int test_store_postgres(void **state) {
    struct test_store *s = store_make(DB_POSTGRES);
    *state = s;
    const char *server = getenv("GRANDSTAND_TEST_POSTGRES");
    if (!server || !*server) return 0;
    snprintf(s->schema, sizeof s->schema, "test_%d_%.6s", (int)getpid(), s->folder + strlen(s->folder) - 6);
    snprintf(s->url, sizeof s->url, "%s%coptions=-csearch_path%%3D%%22%s%%22", server, strchr(server, '?') ? '&' : '?', s->schema);
    char sql[128];
    snprintf(sql, sizeof sql, "CREATE SCHEMA \"%s\"", s->schema);
    return on_server(server, sql);
}

int test_store_remove(void **state) {
    struct test_store *s = *state;
    int failed = 0;
    if (s->schema[0]) {
        char sql[160];
        snprintf(sql, sizeof sql, "SET client_min_messages = error; DROP SCHEMA \"%s\" CASCADE", s->schema);
        failed = on_server(getenv("GRANDSTAND_TEST_POSTGRES"), sql);
    }
    struct err e = fs_remove_tree(AT_FDCWD, s->folder);
    failed |= e.kind != ERR_NONE;
    free(s);
    return failed;
}

struct test_store *test_store_of(void **state) {
    struct test_store *s = *state;
    if (!s->url[0]) {
        print_message("no PostgreSQL: GRANDSTAND_TEST_POSTGRES is not set (tests/lib/postgres start prints it)\n");
        skip();
    }
    return s;
}

struct db *test_store_open_with(const struct test_store *s, struct db_options options, const struct db_schema *const *schemas,
                                size_t count) {
    struct db *db;
    options.url = s->url;
    assert_ok(db_open(&db, &options));
    if (count) assert_ok(db_migrate(db, schemas, count));
    return db;
}

struct db *test_store_open(const struct test_store *s, const struct db_schema *const *schemas, size_t count) {
    return test_store_open_with(s, (struct db_options){0}, schemas, count);
}

void test_assert_error(struct err e, const char *code, const char *file, int line) {
    bool is_right = code ? e.kind && !strcmp(e.code, code) : e.kind == ERR_NONE;
    if (is_right) return;
    print_error("expected %s, got %s %s (errno %d): %s\n", code ? code : "no error", err_kind_name(e.kind), e.code ? e.code : "-", e.sys,
                e.what ? e.what : "-");
    _fail(file, line);
}
