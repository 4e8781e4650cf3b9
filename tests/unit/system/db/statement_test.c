/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "store.h"
#include "system/db/driver.h"

static void names_become_numbers(void **state) {
    const struct db_statement s = {"test.names", "SELECT ':not', \":nor\", :b, x::text, :a /* :no */ -- :no\n, :b, :a_2 FROM t"};
    struct db_sql sql;
    assert_ok(db_sql_translate(&s, DB_SQLITE, &sql));
    assert_string_equal(sql.text, "SELECT ':not', \":nor\", ?1, x::text, ?2 /* :no */ -- :no\n, ?1, ?3 FROM t");
    assert_int_equal(sql.name_count, 3);
    assert_string_equal(sql.names[0], "b");
    assert_string_equal(sql.names[1], "a");
    assert_string_equal(sql.names[2], "a_2");
    db_sql_free(&sql);
    assert_ok(db_sql_translate(&s, DB_POSTGRES, &sql));
    assert_non_null(strstr(sql.text, "$1, x::text, $2 /*"));
    db_sql_free(&sql);
}

static void an_engine_may_have_its_own_text(void **state) {
    const struct db_statement s = {"test.own", "SELECT 1", "SELECT 2"};
    struct db_sql sql;
    assert_ok(db_sql_translate(&s, DB_SQLITE, &sql));
    assert_string_equal(sql.text, "SELECT 1");
    db_sql_free(&sql);
    assert_ok(db_sql_translate(&s, DB_POSTGRES, &sql));
    assert_string_equal(sql.text, "SELECT 2");
    db_sql_free(&sql);
}

static void values_find_their_numbers(void **state) {
    const struct db_statement s = {"test.bind", "SELECT :b, :a"};
    struct db_sql sql;
    assert_ok(db_sql_translate(&s, DB_SQLITE, &sql));
    const struct db_value *values[DB_BINDS_MAX];
    const struct db_bind binds[] = {DB_INT("a", 1), DB_INT("b", 2)};
    assert_ok(db_sql_bind(&sql, &s, binds, 2, values));
    assert_int_equal(values[0]->integer, 2);
    assert_int_equal(values[1]->integer, 1);
    db_sql_free(&sql);
}

static void text_must_be_storable_in_both(void **state) {
    const struct db_statement s = {"test.text", "SELECT :a"};
    struct db_sql sql;
    assert_ok(db_sql_translate(&s, DB_SQLITE, &sql));
    const struct db_value *values[DB_BINDS_MAX];
    const struct slice bad[] = {SLICE("a\0b"), SLICE("\xff"), SLICE("\xed\xa0\x80"), SLICE("caf\xc3")};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct db_bind text = DB_TEXT("a", bad[i]), blob = DB_BLOB("a", bad[i]);
        assert_error(db_sql_bind(&sql, &s, &text, 1, values), "db.text");
        assert_ok(db_sql_bind(&sql, &s, &blob, 1, values));
    }
    db_sql_free(&sql);
}

static void schema_words_are_replaced(void **state) {
    struct buf out = BUF(1000);
    db_schema_expand(&out, "CREATE TABLE t(id $ID, a $INT, b $TEXT DEFAULT '$5', c $BLOB) $TABLE;", DB_SQLITE);
    buf_u8(&out, 0);
    assert_string_equal(out.ptr, "CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER, b TEXT DEFAULT '$5', c BLOB) STRICT;");
    buf_clear(&out);
    db_schema_expand(&out, "CREATE TABLE t(id $ID, b $TEXT, c $BLOB, d $REAL) $KEYED;", DB_POSTGRES);
    buf_u8(&out, 0);
    assert_string_equal(out.ptr, "CREATE TABLE t(id BIGINT PRIMARY KEY, b TEXT COLLATE \"C\", c BYTEA, d DOUBLE PRECISION) ;");
    buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_numbers),      cmocka_unit_test(an_engine_may_have_its_own_text),
        cmocka_unit_test(values_find_their_numbers), cmocka_unit_test(text_must_be_storable_in_both),
        cmocka_unit_test(schema_words_are_replaced),
    };
    return cmocka_run_group_tests_name("db_statement", tests, NULL, NULL);
}
