/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "text/text.h"

static void assert_slice(struct slice got, const char *want) {
    if (!slice_eq(got, slice_cstr(want))) fail_msg("got \"%.*s\", want \"%s\"", SLICE_ARG(got), want);
}

static void every_text_is_there_in_every_language(void **state) {
    (void)state;
    assert_true(text_count() > 100);
    struct slice before = SLICE_NONE;
    for (size_t i = 0; i < text_count(); i++) {
        struct slice code = text_code_at(i);
        assert_true(slice_compare(before, code) < 0); /* the search depends on the order */
        before = code;
        for (int language = 0; language < TEXT_LANGUAGE_COUNT; language++) {
            struct slice text = text_lookup(text_languages[language].code, code);
            assert_true(text.len > 0 && utf8_is_valid(text));
        }
    }
    assert_int_equal(text_lookup(SLICE("en"), SLICE("no.such")).len, 0);
    assert_int_equal(text_lookup(SLICE("en"), SLICE("")).len, 0);
    assert_slice(text_lookup(SLICE("de"), SLICE("nav.films")), "Filme");
    assert_slice(text_lookup(SLICE("zh"), SLICE("nav.films")), "电影");
    assert_slice(text_lookup(SLICE("fr"), SLICE("nav.films")), "Films");
}

static void parameters_and_forms_are_filled_in(void **state) {
    (void)state;
    struct buf out = BUF(256);
    struct text_param params[] = {{SLICE("count"), SLICE("1")}, {SLICE("query"), SLICE("{moon}")}};
    assert_true(text_format(&out, SLICE("en"), SLICE("search.results"), params, 2));
    assert_slice(buf_slice(&out), "1 title for “{moon}”"); /* a value is never read as a text */
    buf_clear(&out);
    params[0].value = SLICE("12");
    assert_true(text_format(&out, SLICE("en"), SLICE("search.results"), params, 2));
    assert_slice(buf_slice(&out), "12 titles for “{moon}”");
    buf_clear(&out);
    assert_true(text_format(&out, SLICE("de"), SLICE("show.season"), NULL, 0));
    assert_slice(buf_slice(&out), "Staffel {number}");
    buf_clear(&out);
    assert_false(text_format(&out, SLICE("de"), SLICE("show.nothing"), NULL, 0));
    assert_int_equal(out.len, 0);
    buf_free(&out);
}

static void the_language_is_chosen_as_the_header_wishes(void **state) {
    (void)state;
    static const struct {
        const char *header, *want;
    } cases[] = {
        {"", "en"},
        {"de", "de"},
        {"de-AT,de;q=0.9,en;q=0.8", "de"},
        {"fr-FR, fr;q=0.9, th;q=0.2, zh-Hant;q=0.3", "zh"},
        {"en;q=0.1,TH;q=0.1", "en"}, /* the first among equals */
        {"de;q=0, th;q=0.001", "th"},
        {"de;q=2, th;q=0.5", "th"}, /* a broken weight is no wish */
        {"de;q=0.9999, th;q=0.5", "th"},
        {"de;q=, zh ; level=1 ; q=0.4", "zh"},
        {"*", "en"},
        {",,;;q=1,=", "en"},
        {"dex, thai", "en"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_slice(text_language_accepted(slice_cstr(cases[i].header)), cases[i].want);
    assert_slice(text_language_of(SLICE("ZH-Hans-CN")), "zh");
    assert_slice(text_language_of(SLICE("xx")), "en");
    assert_true(text_language_is_known(SLICE("th")));
    assert_false(text_language_is_known(SLICE("th-TH")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_is_there_in_every_language),
        cmocka_unit_test(parameters_and_forms_are_filled_in),
        cmocka_unit_test(the_language_is_chosen_as_the_header_wishes),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
