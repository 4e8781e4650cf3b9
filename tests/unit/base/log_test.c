/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

static int pipe_fds[2];
static size_t read_line(char *out, size_t room) {
    ssize_t got = read(pipe_fds[0], out, room - 1);
    assert_true(got > 0);
    out[got] = 0;
    assert_int_equal(out[got - 1], '\n');
    return (size_t)got;
}

static void a_line_has_its_fields_in_both_forms(void **state) {
    char line[8192];
    log_configure(LOG_INFO, LOG_FORMAT_LOGFMT, pipe_fds[1]);
    log_debug("test", "unseen");
    log_info("test", "seen", LOG_INT("n", -3), LOG_TEXT("plain", "word"), LOG_TEXT("quoted", "two words\n"), LOG_BOOL("yes", true), LOG_TEXT("nothing", ""));
    read_line(line, sizeof line);
    assert_non_null(strstr(line, " info  test seen n=-3 plain=word quoted=\"two words\\n\" yes=true nothing=\"\"\n"));
    log_configure(LOG_DEBUG, LOG_FORMAT_JSON, pipe_fds[1]);
    log_warn("test", "bare");
    size_t len = read_line(line, sizeof line);
    json_t *parsed;
    assert_int_equal(json_parse(slice_of(line, len), sizeof line, &parsed).kind, ERR_NONE);
    assert_true(slice_eq(json_get_string(parsed, "level"), SLICE("warn")));
    json_decref(parsed);
}

static void a_huge_field_cuts_the_line_but_keeps_it_whole(void **state) {
    char line[8192], *huge = mem_alloc(10000);
    memset(huge, 'x', 10000);
    log_configure(LOG_INFO, LOG_FORMAT_JSON, pipe_fds[1]);
    log_error("test", "huge", LOG_SLICE("text", slice_of(huge, 10000)));
    size_t len = read_line(line, sizeof line);
    json_t *parsed;
    assert_int_equal(json_parse(slice_of(line, len), sizeof line, &parsed).kind, ERR_NONE);
    json_decref(parsed);
    log_configure(LOG_INFO, LOG_FORMAT_LOGFMT, pipe_fds[1]);
    log_error("test", "huge", LOG_SLICE("text", slice_of(huge, 10000)));
    read_line(line, sizeof line);
    mem_free(huge);
    log_configure(LOG_INFO, LOG_FORMAT_LOGFMT, STDERR_FILENO);
}

int main(void) {
    if (pipe(pipe_fds)) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_line_has_its_fields_in_both_forms),
                                       cmocka_unit_test(a_huge_field_cuts_the_line_but_keeps_it_whole)};
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
