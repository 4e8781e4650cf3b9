/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/ini.h"

static struct buf seen = BUF(4096);
static struct err note(void *user, struct slice key, struct slice value) {
    buf_printf(&seen, "%.*s=%.*s;", SLICE_ARG(key), SLICE_ARG(value));
    return slice_eq(value, SLICE("refuse")) ? err_make(ERR_INPUT, "test.refused", "") : ERR_OK;
}

static void sections_quotes_and_comments(void **state) {
    struct ini_position where;
    buf_clear(&seen);
    struct err e = ini_read(SLICE("\xef\xbb\xbf# c\r\ndata = /var/lib/x\r\n\n ; c\n[ http ]\nlisten= \" a b \"\nempty=\nlast = \xe4\xb8\xad = x"), note, NULL, &where);
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(slice_eq(buf_slice(&seen), SLICE("data=/var/lib/x;http.listen= a b ;http.empty=;http.last=\xe4\xb8\xad = x;")));
}

static void errors_name_the_line(void **state) {
    const char *const wrong[] = {"ok=1\nno equals", "ok=1\n[section", "ok=1\n[]", "ok=1\n= x", "ok=1\nbad key = 1", "ok=1\nx=\xff", "ok=1\nx=refuse"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct ini_position where;
        assert_int_equal(ini_read(slice_cstr(wrong[i]), note, NULL, &where).kind, ERR_INPUT);
        assert_int_equal(where.line, 2);
    }
    buf_free(&seen);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sections_quotes_and_comments), cmocka_unit_test(errors_name_the_line)};
    return cmocka_run_group_tests_name("ini", tests, NULL, NULL);
}
