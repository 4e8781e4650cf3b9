/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What db.h promises to those who store things: values come back as they were, errors are told apart and undo only what they
 * should, schemas move forward. Every test runs on both databases. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/fs.h"
#include "store.h"

static const struct db_migration migrations[] = {
    {"CREATE TABLE shelf(id $ID, org_id $INT NOT NULL, name $TEXT NOT NULL, UNIQUE(org_id, name)) $TABLE;"},
    {"CREATE TABLE book(id $ID, org_id $INT NOT NULL, shelf_id $INT REFERENCES shelf(id), title $TEXT, cover $BLOB,"
     " weight $REAL, pages $INT CHECK(pages > 0)) $TABLE;"
     "CREATE TABLE reader(org_id $INT NOT NULL, book_id $INT NOT NULL, PRIMARY KEY(org_id, book_id)) $KEYED;"},
};
static const struct db_schema library = {"library", migrations, 2}, library_old = {"library", migrations, 1};
static const struct db_schema *const schemas[] = {&library};

static const struct db_statement shelf_insert = {"test.shelf_insert", "INSERT INTO shelf(id, org_id, name) VALUES (:id, 1, :name)"};
static const struct db_statement shelf_names = {"test.shelf_names", "SELECT name FROM shelf ORDER BY name"};
static const struct db_statement shelf_count = {"test.shelf_count", "SELECT count(*) FROM shelf"};
static const struct db_statement book_insert = {
    "test.book_insert",
    "INSERT INTO book(id, org_id, shelf_id, title, cover, weight, pages) VALUES (:id, 1, :shelf, :title, :cover, :weight, :pages)"};
static const struct db_statement book_all = {"test.book_all", "SELECT * FROM book ORDER BY id"};

/* --- values --- */

static struct err values_write(struct db_tx *tx, void *arg) {
    struct err e = DB_RUN(tx, &shelf_insert, DB_INT("id", 7), DB_CSTR("name", "films"));
    if (!e.kind)
        e = DB_RUN(tx, &book_insert, DB_INT("id", 1), DB_INT("shelf", 7), DB_CSTR("title", "กระเป๋า 箱 Größe 🎬"),
                   DB_BLOB("cover", SLICE("\0\1\xfe\xff'\\x")), DB_REAL("weight", 0.1), DB_INT("pages", INT64_MAX));
    if (!e.kind)
        e = DB_RUN(tx, &book_insert, DB_INT("id", INT64_MAX), DB_INT_IF("shelf", false, 0), DB_TEXT("title", SLICE("")),
                   DB_BLOB("cover", SLICE("")), DB_REAL("weight", -1e300), DB_INT("pages", 1));
    if (!e.kind)
        e = DB_RUN(tx, &book_insert, DB_INT("id", -5), DB_INT_IF("shelf", true, 7), DB_TEXT_OR_NULL("title", SLICE_NONE),
                   DB_BLOB_OR_NULL("cover", SLICE_NONE), DB_REAL("weight", 3), DB_INT_IF("pages", false, 9));
    return e;
}

static struct err values_read(struct db_tx *tx, void *arg) {
    struct db_rows rows;
    assert_ok(DB_QUERY(tx, arg, &rows, &book_all));
    assert_int_equal(rows.count, 3);
    assert_int_equal(rows.columns, 7);
    assert_int_equal(db_int(&rows, 0, "id"), -5);
    assert_int_equal(db_int(&rows, 0, "shelf_id"), 7);
    assert_true(db_is_null(&rows, 0, "title") && db_is_null(&rows, 0, "cover") && db_is_null(&rows, 0, "pages"));
    assert_null(db_text(&rows, 0, "title").ptr);
    assert_true(db_real(&rows, 0, "weight") == 3);

    assert_true(slice_eq(db_text(&rows, 1, "title"), SLICE("กระเป๋า 箱 Größe 🎬")));
    assert_true(slice_eq(db_blob(&rows, 1, "cover"), SLICE("\0\1\xfe\xff'\\x")));
    assert_true(db_real(&rows, 1, "weight") == 0.1);
    assert_true(db_int(&rows, 1, "pages") == INT64_MAX);

    assert_true(db_int(&rows, 2, "id") == INT64_MAX);
    assert_true(db_is_null(&rows, 2, "shelf_id"));
    assert_false(db_is_null(&rows, 2, "title") || db_is_null(&rows, 2, "cover"));
    assert_non_null(db_text(&rows, 2, "title").ptr);
    assert_int_equal(db_text(&rows, 2, "title").len, 0);
    assert_non_null(db_blob(&rows, 2, "cover").ptr);
    assert_int_equal(db_blob(&rows, 2, "cover").len, 0);
    assert_true(db_real(&rows, 2, "weight") == -1e300);
    size_t pages = db_column(&rows, "pages");
    assert_int_equal(db_cell(&rows, 2, pages)->integer, 1);
    return ERR_OK;
}

static void values_come_back_as_they_were(void **state) {
    struct test_store *s = test_store_of(state);
    struct db *db = test_store_open(s, schemas, 1);
    struct arena *arena = arena_create(1 << 20);
    assert_ok(db_write(db, values_write, NULL));
    assert_ok(db_read(db, values_read, arena));
    arena_destroy(&arena);
    db_close(&db);
    db = test_store_open(s, schemas, 1); /* and after closing */
    arena = arena_create(1 << 20);
    assert_ok(db_read(db, values_read, arena));
    arena_destroy(&arena);
    db_close(&db);
}

/* --- single values, changes, RETURNING --- */

static const struct db_statement pages_sum = {"test.pages_sum", "SELECT sum(pages) FROM book WHERE id < :below"};
static const struct db_statement title_of = {"test.title_of", "SELECT title FROM book WHERE id = :id"};
static const struct db_statement cover_of = {"test.cover_of", "SELECT cover FROM book WHERE id = :id"};
static const struct db_statement pages_set = {"test.pages_set", "UPDATE book SET pages = :pages WHERE id <= :up_to"};
static const struct db_statement pages_add = {"test.pages_add", "UPDATE book SET pages = pages + :more WHERE id = :id RETURNING pages"};

static struct err single_values(struct db_tx *tx, void *arena) {
    for (int64_t i = 1; i <= 3; i++) {
        struct err e = DB_RUN(tx, &book_insert, DB_INT("id", i), DB_INT_IF("shelf", false, 0), DB_CSTR("title", i == 1 ? "one" : "more"),
                              DB_BLOB("cover", slice_of("\0\1\2", (size_t)i)), DB_REAL("weight", 1), DB_INT("pages", 10 * i));
        if (e.kind) return e;
    }
    assert_int_equal(DB_GET_INT(tx, -1, &pages_sum, DB_INT("below", 3)), 30);
    assert_int_equal(DB_GET_INT(tx, -1, &pages_sum, DB_INT("below", 0)), -1); /* NULL */
    assert_true(slice_eq(DB_GET_TEXT(tx, arena, &title_of, DB_INT("id", 1)), SLICE("one")));
    assert_null(DB_GET_TEXT(tx, arena, &title_of, DB_INT("id", 9)).ptr);
    assert_true(slice_eq(DB_GET_BLOB(tx, arena, &cover_of, DB_INT("id", 3)), SLICE("\0\1\2")));
    int64_t changed = -1;
    assert_ok(DB_CHANGE(tx, &changed, &pages_set, DB_INT("pages", 5), DB_INT("up_to", 2)));
    assert_int_equal(changed, 2);
    assert_ok(DB_CHANGE(tx, &changed, &pages_set, DB_INT("pages", 5), DB_INT("up_to", 0)));
    assert_int_equal(changed, 0);
    assert_int_equal(DB_GET_INT(tx, -1, &pages_add, DB_INT("more", 1), DB_INT("id", 3)), 31);
    assert_int_equal(DB_GET_INT(tx, -1, &pages_add, DB_INT("more", 1), DB_INT("id", 4)), -1);
    return db_tx_error(tx);
}

static void single_values_have_fallbacks(void **state) {
    struct db *db = test_store_open(test_store_of(state), schemas, 1);
    struct arena *arena = arena_create(1 << 20);
    assert_ok(db_write(db, single_values, arena));
    arena_destroy(&arena);
    db_close(&db);
}

/* --- errors --- */

struct attempt {
    const struct db_statement *statement;
    const struct db_bind *binds;
    size_t count;
    bool then_fails;
};
static struct err attempt_run(struct db_tx *tx, void *arg) {
    const struct attempt *a = arg;
    struct err e = DB_RUN(tx, &shelf_insert, DB_INT("id", 1000), DB_CSTR("name", "taken back")); /* with the failure after it */
    if (e.kind) return e;
    int64_t changed;
    e = db_run(tx, &changed, a->statement, a->binds, a->count);
    assert_int_not_equal(e.kind, ERR_NONE);
    assert_string_equal(db_run(tx, NULL, a->statement, a->binds, a->count).code, e.code); /* sticky */
    assert_int_equal(DB_GET_INT(tx, -7, &shelf_count), -7);
    return ERR_OK; /* overlooked, and fails all the same */
}
/* Nobody waits for what became of it: the answer is the same. */
static struct err attempt_run_late(struct db_tx *tx, void *arg) {
    const struct attempt *a = arg;
    struct err e = DB_RUN(tx, &shelf_insert, DB_INT("id", 1000), DB_CSTR("name", "taken back"));
    if (!e.kind) e = db_run(tx, NULL, a->statement, a->binds, a->count);
    if (!e.kind) e = DB_RUN(tx, &shelf_insert, DB_INT("id", 1001), DB_CSTR("name", "taken back too"));
    return a->then_fails && !e.kind ? err_make(ERR_DENIED, "test.no", "No.") : e;
}
static struct err shelf_add(struct db_tx *tx, void *name) { return DB_RUN(tx, &shelf_insert, DB_INT("id", 1), DB_CSTR("name", name)); }
static struct err shelves_counted(struct db_tx *tx, void *out) {
    *(int64_t *)out = DB_GET_INT(tx, -1, &shelf_count);
    return ERR_OK;
}

static const struct db_statement nonsense = {"test.nonsense", "SELEKT 1"};
static const struct db_statement no_table = {"test.no_table", "SELECT * FROM nowhere"};

static void errors_are_told_apart_and_take_back(void **state) {
    struct db *db = test_store_open(test_store_of(state), schemas, 1);
    assert_ok(db_write(db, shelf_add, (void *)"films"));
    const struct db_bind same_name[] = {DB_INT("id", 2), DB_CSTR("name", "films")}, same_id[] = {DB_INT("id", 1), DB_CSTR("name", "x")},
                         no_name[] = {DB_INT("id", 3), DB_TEXT_OR_NULL("name", SLICE_NONE)},
                         bad_text[] = {DB_INT("id", 4), DB_TEXT("name", SLICE("\xc0\x80"))},
                         no_shelf[] = {DB_INT("id", 5),      DB_INT("shelf", 99), DB_CSTR("title", ""), DB_BLOB("cover", SLICE("")),
                                       DB_REAL("weight", 1), DB_INT("pages", 1)},
                         no_pages[] = {DB_INT("id", 6),      DB_INT("shelf", 1), DB_CSTR("title", ""), DB_BLOB("cover", SLICE("")),
                                       DB_REAL("weight", 1), DB_INT("pages", 0)};
    const struct {
        struct attempt attempt;
        const char *code;
    } cases[] = {
        {{&shelf_insert, same_name, 2}, "db.unique"},
        {{&shelf_insert, same_id, 2}, "db.unique"},
        {{&shelf_insert, no_name, 2}, "db.check"},
        {{&shelf_insert, bad_text, 2}, "db.text"},
        {{&book_insert, no_shelf, 6}, "db.foreign_key"},
        {{&book_insert, no_pages, 6}, "db.check"},
        {{&nonsense, NULL, 0}, "db.sql"},
        {{&no_table, NULL, 0}, "db.sql"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct attempt failing = cases[i].attempt;
        failing.then_fails = true;
        assert_error(db_write(db, attempt_run, (void *)&cases[i].attempt), cases[i].code);
        assert_error(db_write(db, attempt_run_late, (void *)&cases[i].attempt), cases[i].code);
        assert_error(db_write(db, attempt_run_late, &failing), cases[i].code);
    }
    int64_t count;
    assert_ok(db_read(db, shelves_counted, &count));
    assert_int_equal(count, 1);
    struct db_stats stats = db_stats(db);
    assert_int_equal(stats.writes_failed, 3 * ARRAY_LEN(cases));
    assert_int_equal(stats.queued, 0);
    db_close(&db);
}

static void reading_cannot_write(void **state) {
    struct db *db = test_store_open(test_store_of(state), schemas, 1);
    assert_error(db_read(db, shelf_add, (void *)"sneaky"), "db.sql");
    int64_t count;
    assert_ok(db_read(db, shelves_counted, &count));
    assert_int_equal(count, 0);
    db_close(&db);
}

static struct err own_failure(struct db_tx *tx, void *name) {
    struct err e = shelf_add(tx, name);
    return e.kind ? e : err_make(ERR_DENIED, "test.no", "No.");
}
static void an_error_of_the_caller_takes_back(void **state) {
    struct db *db = test_store_open(test_store_of(state), schemas, 1);
    assert_error(db_write(db, own_failure, (void *)"x"), "test.no");
    assert_ok(db_write(db, shelf_add, (void *)"x")); /* neither id nor name is taken */
    db_close(&db);
}

static struct err names_into_little_room(struct db_tx *tx, void *arena) {
    struct db_rows rows;
    return DB_QUERY(tx, arena, &rows, &shelf_names);
}
static struct err long_name(struct db_tx *tx, void *arg) {
    char name[5000];
    memset(name, 'n', sizeof name);
    return DB_RUN(tx, &shelf_insert, DB_INT("id", 1), DB_TEXT("name", slice_of(name, sizeof name)));
}
static void an_answer_that_does_not_fit_is_an_error(void **state) {
    struct db *db = test_store_open(test_store_of(state), schemas, 1);
    assert_ok(db_write(db, long_name, NULL));
    struct arena *arena = arena_create(4096);
    assert_error(db_read(db, names_into_little_room, arena), "db.large");
    arena_destroy(&arena);
    arena = arena_create(1 << 16);
    assert_ok(db_read(db, names_into_little_room, arena));
    arena_destroy(&arena);
    db_close(&db);
}

static struct err unsorted(struct db_tx *tx, void *arg) {
    static const char *const names[] = {"b", "B", "ä", "a", "_", "Z", "z", "1"};
    struct err e = ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(names) && !e.kind; i++)
        e = DB_RUN(tx, &shelf_insert, DB_INT("id", (int64_t)i), DB_CSTR("name", names[i]));
    return e;
}
static struct err sorted(struct db_tx *tx, void *arena) {
    struct db_rows rows;
    assert_ok(DB_QUERY(tx, arena, &rows, &shelf_names));
    char all[32] = "";
    for (size_t i = 0; i < rows.count; i++) strncat(all, db_text(&rows, i, "name").ptr, 8);
    assert_string_equal(all, "1BZ_abzä");
    return ERR_OK;
}
static void text_sorts_bytewise(void **state) {
    struct db *db = test_store_open(test_store_of(state), schemas, 1);
    struct arena *arena = arena_create(1 << 16);
    assert_ok(db_write(db, unsorted, NULL));
    assert_ok(db_read(db, sorted, arena));
    arena_destroy(&arena);
    db_close(&db);
}

/* --- many statements, more than are kept prepared --- */

static struct err many_statements(struct db_tx *tx, void *arg) {
    static struct db_statement statements[1500];
    static char texts[1500][48];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 1500; i++) {
            snprintf(texts[i], sizeof texts[i], "SELECT %d + CAST(:n AS BIGINT)", i);
            statements[i] = (struct db_statement){"test.many", texts[i]};
            assert_int_equal(DB_GET_INT(tx, -1, &statements[i], DB_INT("n", round)), i + round);
        }
    }
    return DB_RUN(tx, &shelf_insert, DB_INT("id", 1), DB_CSTR("name", "still works"));
}
static void statements_beyond_the_cache_work(void **state) {
    struct db *db = test_store_open(test_store_of(state), schemas, 1);
    assert_ok(db_write(db, many_statements, NULL));
    int64_t count;
    assert_ok(db_read(db, shelves_counted, &count));
    assert_int_equal(count, 1);
    db_close(&db);
}

/* --- schemas --- */

static void schemas_move_forward_only(void **state) {
    struct test_store *s = test_store_of(state);
    const struct db_schema *const old[] = {&library_old};
    struct db *db = test_store_open(s, old, 1);
    assert_ok(db_write(db, shelf_add, (void *)"kept"));
    assert_error(db_write(db, values_write, NULL), "db.sql"); /* there are no books yet */
    assert_ok(db_migrate(db, schemas, 1));
    assert_ok(db_migrate(db, schemas, 1)); /* nothing to do */
    int64_t count;
    assert_ok(db_read(db, shelves_counted, &count));
    assert_int_equal(count, 1);
    assert_error(db_migrate(db, old, 1), "db.newer");
    db_close(&db);
}

static void a_migration_is_all_or_nothing(void **state) {
    static const struct db_migration broken[] = {{"CREATE TABLE half(id $ID) $TABLE;"},
                                                 {"CREATE TABLE other(id $ID) $TABLE; CREATE TABLE half(id $ID) $TABLE;"}};
    const struct db_schema wrong = {"wrong", broken, 2}, first = {"wrong", broken, 1};
    const struct db_schema *const both[] = {&library, &wrong}, *const right[] = {&library, &first};
    struct db *db = test_store_open(test_store_of(state), NULL, 0);
    assert_error(db_migrate(db, both, 2), "db.sql");
    assert_error(db_write(db, shelf_add, (void *)"x"), "db.sql"); /* nor is the first room's table there */
    assert_ok(db_migrate(db, right, 2));
    assert_ok(db_write(db, shelf_add, (void *)"x"));
    db_close(&db);
}

/* --- opening --- */

static void health_is_told(void **state) {
    struct test_store *s = test_store_of(state);
    struct db *db = test_store_open(s, schemas, 1);
    struct arena *arena = arena_create(1 << 16);
    struct db_health h;
    assert_ok(db_check(db, arena, &h));
    assert_true(h.is_sound);
    assert_int_equal(h.finding.len, 0);
    assert_int_equal(h.engine, s->engine);
    assert_true(slice_starts_with(h.version, s->engine == DB_SQLITE ? SLICE("SQLite 3.") : SLICE("PostgreSQL 1")));
    assert_true(h.bytes > 0);
    arena_destroy(&arena);
    db_close(&db);
}

static void strange_places_are_refused(void **state) {
    struct test_store *s = test_store_of(state);
    char missing[128], foreign[128];
    snprintf(missing, sizeof missing, "sqlite:%s/no/folder/test.db", s->folder);
    snprintf(foreign, sizeof foreign, "%s/foreign.db", s->folder);
    assert_ok(fs_write_file_atomic(AT_FDCWD, foreign,
                                   SLICE("This is a text that somebody put here, long enough to look like something. "
                                         "It is no database at all, and it must still be here afterwards."),
                                   0600));
    const struct {
        const char *url, *code;
    } cases[] = {{"", "db.url"},
                 {"mysql://host/x", "db.url"},
                 {missing, "db.folder"},
                 {foreign, "db.foreign"},
                 {"postgres://nobody@/x?host=/nonexistent", "db.connect"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct db *db = NULL;
        assert_error(db_open(&db, &(struct db_options){.url = cases[i].url}), cases[i].code);
        assert_null(db);
    }
    struct buf content = BUF(1000);
    assert_ok(fs_read_file(AT_FDCWD, foreign, &content));
    assert_true(slice_starts_with(buf_slice(&content), SLICE("This is a text")));
    buf_free(&content);
}

static void the_file_is_for_its_owner_alone(void **state) {
    struct test_store *s = test_store_of(state);
    struct db *db = test_store_open(s, schemas, 1);
    static const char *const names[] = {"test.db", "test.db-wal", "test.db-shm"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[128];
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", s->folder, names[i]);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
    }
    db_close(&db);
}

static void a_closed_database_is_one_file(void **state) {
    struct test_store *s = test_store_of(state);
    struct db *db = test_store_open(s, schemas, 1);
    int64_t count;
    assert_ok(db_write(db, shelf_add, (void *)"x"));
    assert_ok(db_read(db, shelves_counted, &count)); /* a reader is open too */
    db_close(&db);
    char path[128];
    snprintf(path, sizeof path, "%s/test.db-wal", s->folder);
    assert_false(fs_exists(AT_FDCWD, path));
}

/* Who answers before the disk has it says so, and nobody else does. */
static const struct db_statement durability = {"test.durability", "SELECT CAST(synchronous AS TEXT) AS how FROM pragma_synchronous", "SELECT current_setting('synchronous_commit') AS how"};
struct durability_work {
    struct arena *arena;
    struct slice how;
};
static struct err durability_fn(struct db_tx *tx, void *arg) {
    struct durability_work *w = arg;
    w->how = DB_GET_TEXT(tx, w->arena, &durability);
    return DB_RUN(tx, &shelf_insert, DB_INT("id", 1), DB_CSTR("name", "films"));
}
static void latest_may_be_lost_where_it_was_asked_for(void **state) {
    struct test_store *s = test_store_of(state);
    struct arena *arena = arena_create(1 << 16);
    struct durability_work w = {.arena = arena};
    struct db *db = test_store_open_with(s, (struct db_options){.may_lose_latest = true}, schemas, 1);
    assert_ok(db_write(db, durability_fn, &w));
    assert_true(slice_eq(w.how, s->engine == DB_SQLITE ? SLICE("1") : SLICE("off")));
    db_close(&db);
    db = test_store_open(s, schemas, 1);
    assert_string_equal(db_write(db, durability_fn, &w).code, "db.unique"); /* it is there */
    assert_true(slice_eq(w.how, s->engine == DB_SQLITE ? SLICE("2") : SLICE("on")));
    db_close(&db);
    arena_destroy(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(values_come_back_as_they_were),
        ON_BOTH(single_values_have_fallbacks),
        ON_BOTH(errors_are_told_apart_and_take_back),
        ON_BOTH(reading_cannot_write),
        ON_BOTH(an_error_of_the_caller_takes_back),
        ON_BOTH(an_answer_that_does_not_fit_is_an_error),
        ON_BOTH(text_sorts_bytewise),
        ON_BOTH(statements_beyond_the_cache_work),
        ON_BOTH(latest_may_be_lost_where_it_was_asked_for),
        ON_BOTH(schemas_move_forward_only),
        ON_BOTH(a_migration_is_all_or_nothing),
        ON_BOTH(health_is_told),
        ON_SQLITE(strange_places_are_refused),
        ON_SQLITE(the_file_is_for_its_owner_alone),
        ON_SQLITE(a_closed_database_is_one_file),
    };
    return cmocka_run_group_tests_name("db", tests, NULL, NULL);
}
