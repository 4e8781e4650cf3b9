/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/json.h"

static void writes_nested_values_with_commas(void **state) {
    struct buf b = BUF(1000);
    struct json_writer w = json_writer_of(&b);
    json_begin_object(&w);
    json_put_cstr(&w, "a", "x");
    json_key(&w, "list");
    json_begin_array(&w);
    json_add_number(&w, -1);
    json_add_bool(&w, true);
    json_add_null(&w);
    json_begin_object(&w);
    json_end(&w);
    json_end(&w);
    json_put_id(&w, "id", INT64_MAX);
    json_put_double(&w, "d", 0.1);
    json_put_double(&w, "nan", NAN);
    json_put_cstr(&w, "none", NULL);
    json_end(&w);
    assert_true(slice_eq(buf_slice(&b), SLICE("{\"a\":\"x\",\"list\":[-1,true,null,{}],\"id\":\"9223372036854775807\",\"d\":0.1,\"nan\":null,\"none\":null}")));
    buf_free(&b);
}

/* Any bytes become a text that jansson reads back; valid ones unchanged. */
static void quoting_survives_any_bytes(void **state) {
    char all[256 * 2];
    for (int i = 0; i < 256; i++) all[2 * i] = 'x', all[2 * i + 1] = (char)i;
    struct buf b = BUF(10000);
    json_quote(&b, slice_of(all, sizeof all));
    json_error_t error;
    json_t *back = json_loadb(b.ptr, b.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    assert_non_null(back);
    json_decref(back);
    buf_clear(&b);
    struct slice good = SLICE("\"\\\n\t\r\x01 \xc3\xa4\xe4\xb8\xad\xf0\x9f\x8f\x83");
    json_quote(&b, good);
    back = json_loadb(b.ptr, b.len, JSON_DECODE_ANY, &error);
    assert_true(slice_eq(slice_of(json_string_value(back), json_string_length(back)), good));
    json_decref(back);
    buf_free(&b);
}

static void parsing_is_bounded_and_strict(void **state) {
    json_t *root = NULL;
    assert_int_equal(json_parse(SLICE("{\"a\":1}"), 100, &root).kind, ERR_NONE);
    int64_t n;
    assert_true(json_get_integer(root, "a", &n));
    assert_int_equal(n, 1);
    assert_null(json_get_string(root, "a").ptr);
    assert_null(json_get_string(root, "b").ptr);
    json_decref(root);
    assert_int_equal(json_parse(SLICE("{\"a\":1}"), 3, &root).kind, ERR_LIMIT);
    const char *const wrong[] = {"", "{", "{\"a\":1,\"a\":2}", "[1] x", "{\"a\":\"\xff\"}", "nul"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) assert_int_equal(json_parse(slice_cstr(wrong[i]), 1000, &root).kind, ERR_INPUT);
    char deep[200];
    memset(deep, '[', 100);
    memset(deep + 100, ']', 100);
    assert_int_equal(json_parse(slice_of(deep, 200), 1000, &root).kind, ERR_INPUT);
    assert_int_equal(json_parse(SLICE("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]"), 1000, &root).kind, ERR_NONE);
    json_decref(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(writes_nested_values_with_commas), cmocka_unit_test(quoting_survives_any_bytes),
                                       cmocka_unit_test(parsing_is_bounded_and_strict)};
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
