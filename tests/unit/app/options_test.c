/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/command.h"
#include "base/fs.h"

static const struct option serve_options[] = {
    OPTION_DATA,
    {"http-port", OPTION_NUMBER, "PORT", "8080", "where to listen"},
    {"name", OPTION_TEXT, "NAME", NULL, "how it is called"},
    {"quiet", OPTION_FLAG, NULL, NULL, "say less"},
    OPTION_END,
};
static const struct option other_options[] = {{"elsewhere", OPTION_TEXT, "X", NULL, "another command's"}, OPTION_END};
const struct command commands[] = {
    {.name = "serve", .arguments = "FILE...", .arguments_max = 2, .options = serve_options},
    {.name = "other", .options = other_options},
};
const size_t command_count = ARRAY_LEN(commands);

struct result {
    struct command_context context;
    struct err e;
    char detail[256];
};

static struct result read_words(int argc, const char *const *argv) {
    struct result r = {.context = {.command = &commands[0], .program = "grandstand"}};
    r.e = options_read(&r.context, argc, (char **)(uintptr_t)argv, r.detail, sizeof r.detail);
    return r;
}
#define READ(...) read_words(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *const[]){__VA_ARGS__})

static int no_settings(void **state) {
    unsetenv("GRANDSTAND_HTTP_PORT");
    unsetenv("GRANDSTAND_CONFIG");
    unsetenv("GRANDSTAND_QUIET");
    return 0;
}

static void defaults_hold_where_nothing_is_given(void **state) {
    struct result r = read_words(0, NULL);
    assert_int_equal(r.e.kind, ERR_NONE);
    assert_string_equal(option_text(&r.context, "data"), "data");
    assert_int_equal(option_number(&r.context, "http-port"), 8080);
    assert_null(option_text(&r.context, "name"));
    assert_false(option_flag(&r.context, "quiet"));
    assert_false(option_is_given(&r.context, "http-port"));
    options_free(&r.context);
}

static void a_flag_beats_the_environment_which_beats_the_file(void **state) {
    char path[] = "/tmp/options-test-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(fs_write_all(fd, SLICE("http-port = 1\nname = from the file\nquiet = yes\nelsewhere = fine\n")).kind, ERR_NONE);
    fs_close(&fd);

    struct result r = READ("--config", path);
    assert_int_equal(r.e.kind, ERR_NONE);
    assert_int_equal(option_number(&r.context, "http-port"), 1);
    assert_string_equal(option_text(&r.context, "name"), "from the file");
    assert_true(option_flag(&r.context, "quiet"));
    options_free(&r.context);

    setenv("GRANDSTAND_CONFIG", path, 1);
    setenv("GRANDSTAND_HTTP_PORT", "2", 1);
    setenv("GRANDSTAND_QUIET", "0", 1);
    r = READ("a file");
    assert_int_equal(option_number(&r.context, "http-port"), 2);
    assert_false(option_flag(&r.context, "quiet"));
    options_free(&r.context);

    r = READ("--http-port=3", "--quiet");
    assert_int_equal(option_number(&r.context, "http-port"), 3);
    assert_true(option_flag(&r.context, "quiet"));
    options_free(&r.context);
    unlink(path);
}

static void words_behind_two_dashes_are_arguments(void **state) {
    struct result r = READ("one", "--", "--name");
    assert_int_equal(r.e.kind, ERR_NONE);
    assert_int_equal(r.context.argument_count, 2);
    assert_string_equal(r.context.arguments[1], "--name");
    options_free(&r.context);
}

static void refuses(struct result r, const char *code, const char *detail) {
    assert_int_equal(r.e.kind, ERR_INPUT);
    assert_string_equal(r.e.code, code);
    assert_string_equal(r.detail, detail);
    options_free(&r.context);
}

static void mistakes_are_named(void **state) {
    refuses(READ("--bogus"), "option.unknown", "--bogus");
    refuses(READ("--http-port"), "option.value", "--http-port");
    refuses(READ("--http-port", "many"), "option.number", "--http-port");
    refuses(READ("--quiet=perhaps"), "option.flag", "--quiet=perhaps");
    refuses(READ("a", "b", "c"), "option.arguments", "serve FILE...");
    setenv("GRANDSTAND_HTTP_PORT", "x", 1);
    refuses(read_words(0, NULL), "option.number", "GRANDSTAND_HTTP_PORT");
}

static void a_key_that_no_command_knows_is_a_mistake(void **state) {
    char path[] = "/tmp/options-test-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(fs_write_all(fd, SLICE("# fine\nhtpp-port = 1\n")).kind, ERR_NONE);
    fs_close(&fd);
    char expected[64];
    snprintf(expected, sizeof expected, "%s, line 2", path);
    refuses(READ("--config", path), "option.unknown", expected);
    unlink(path);
}

static void a_named_file_must_exist(void **state) {
    struct result r = READ("--config", "/nonexistent/grandstand.ini");
    assert_int_equal(r.e.kind, ERR_NOT_FOUND);
    options_free(&r.context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults_hold_where_nothing_is_given, no_settings),
        cmocka_unit_test_setup(a_flag_beats_the_environment_which_beats_the_file, no_settings),
        cmocka_unit_test_setup(words_behind_two_dashes_are_arguments, no_settings),
        cmocka_unit_test_setup(mistakes_are_named, no_settings),
        cmocka_unit_test_setup(a_key_that_no_command_knows_is_a_mistake, no_settings),
        cmocka_unit_test_setup(a_named_file_must_exist, no_settings),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
