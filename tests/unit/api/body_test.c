/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/body.h"
#include "base/fault.h"

/* What a route might read: a text, a number, a flag, an object, and a list of objects. */
struct wish {
    struct slice name, pin, card;
    int64_t age_max;
    bool is_child, has_age;
    size_t lines;
    int64_t amounts[8];
};

static struct err wish_read(struct body *body, struct wish *out) {
    struct body_object b = body_root(body), card = body_object(b, "card");
    *out = (struct wish){.name = body_text(b, "name"), .pin = body_text(b, "pin"), .card = body_text(card, "number")};
    out->has_age = body_number(b, "age_max", &out->age_max);
    body_flag(b, "is_child", &out->is_child);
    out->lines = body_list(b, "lines");
    for (size_t i = 0; i < out->lines || !i; i++) {
        struct body_object line = body_item(b, "lines", i), price = body_object(line, "price");
        if (i < 8) body_number(price, "amount", &out->amounts[i]);
        body_text(line, "territory");
    }
    return body_end(body);
}

static struct arena *arena;
static int arena_open(void **state) {
    (void)state;
    arena = arena_create(1 << 20);
    return !arena;
}
static int arena_close(void **state) {
    (void)state;
    arena_destroy(&arena);
    return 0;
}

static void assert_flaw(const char *text, const char *code, const char *about, const char *meant) {
    struct body body;
    struct wish wish;
    struct err e = body_open(&body, arena, slice_cstr(text), 100000);
    assert_int_equal(e.kind, ERR_NONE);
    e = wish_read(&body, &wish);
    if (!code) {
        assert_int_equal(e.kind, ERR_NONE);
    } else {
        assert_int_equal(e.kind, ERR_INPUT);
        assert_string_equal(e.code, code);
        assert_true(slice_eq(body.flaw.about, slice_cstr(about)));
        assert_true(slice_eq(body.flaw.meant, slice_cstr(meant)));
        assert_non_null(body.flaw.shape);
    }
    body_close(&body);
}

static void what_is_read_is_known(void **state) {
    (void)state;
    struct body body;
    struct wish wish;
    assert_int_equal(body_open(&body, arena, SLICE("{\"name\":\"Mia\",\"pin\":\"\",\"age_max\":6,\"is_child\":true,\"card\":{\"number\":\"4242\"},"
                                                   "\"lines\":[{\"price\":{\"amount\":5}},{\"territory\":\"DE\"}]}"), 1000).kind, ERR_NONE);
    assert_int_equal(wish_read(&body, &wish).kind, ERR_NONE);
    assert_true(slice_eq(wish.name, SLICE("Mia")) && slice_eq(wish.card, SLICE("4242")));
    assert_true(wish.pin.ptr && !wish.pin.len); /* empty is not missing */
    assert_true(wish.has_age && wish.age_max == 6 && wish.is_child && wish.lines == 2 && wish.amounts[0] == 5);
    body_close(&body);
    /* Nothing, an empty object and nulls are all missing. */
    static const char *const none[] = {"", "{}", "{\"name\":null,\"pin\":null,\"age_max\":null,\"is_child\":null,\"card\":null,\"lines\":null}", "{\"lines\":[]}"};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        assert_int_equal(body_open(&body, arena, slice_cstr(none[i]), 1000).kind, ERR_NONE);
        assert_int_equal(wish_read(&body, &wish).kind, ERR_NONE);
        assert_true(!wish.name.ptr && !wish.has_age && !wish.lines && !wish.card.ptr);
        body_close(&body);
    }
    assert_string_equal(body_open(&body, arena, SLICE("[]"), 1000).code, "body.object");
    body_close(&body);
    assert_string_equal(body_open(&body, arena, SLICE("{\"name\":\"a\",\"name\":\"b\"}"), 1000).code, "json.syntax");
    body_close(&body);
}

static void what_nobody_asked_for_is_unknown(void **state) {
    (void)state;
    assert_flaw("{\"name\":\"Mia\",\"max_age\":6}", "body.unknown", "max_age", "age_max");
    assert_flaw("{\"zebra\":1}", "body.unknown", "zebra", "");
    assert_flaw("{\"card\":{\"nummer\":\"1\"}}", "body.unknown", "card.nummer", "number");
    assert_flaw("{\"lines\":[{},{\"price\":{}},{\"price\":{\"amonut\":1}}]}", "body.unknown", "lines[2].price.amonut", "amount");
    /* Even where the list that would know it is read through an empty one, or the member is null. */
    assert_flaw("{\"lines\":[{\"teritory\":null}]}", "body.unknown", "lines[0].teritory", "territory");
    /* A known name that is there already was not meant a second time. */
    assert_flaw("{\"name\":\"a\",\"nam\":\"b\"}", "body.unknown", "nam", "");
    /* What is unknown is told before what is wrong. */
    assert_flaw("{\"pin\":1234,\"lines\":[{\"x\":1}]}", "body.unknown", "lines[0].x", "");
    assert_flaw("{\"\":1}", "body.unknown", "", "");
}

static void a_wrong_type_is_not_missing(void **state) {
    (void)state;
    assert_flaw("{\"pin\":1234}", "body.type", "pin", "");
    assert_flaw("{\"is_child\":\"true\"}", "body.type", "is_child", "");
    assert_flaw("{\"age_max\":6.0}", "body.type", "age_max", "");
    assert_flaw("{\"age_max\":\"6\"}", "body.type", "age_max", "");
    assert_flaw("{\"card\":\"4242\"}", "body.type", "card", "");
    assert_flaw("{\"lines\":{}}", "body.type", "lines", "");
    assert_flaw("{\"lines\":[{},7]}", "body.type", "lines", "");
    assert_flaw("{\"lines\":[{\"price\":{\"amount\":1}},{\"price\":{\"amount\":\"1\"}}]}", "body.type", "lines[1].price.amount", "");
    assert_flaw("{\"pin\":1,\"is_child\":1}", "body.type", "pin", ""); /* the first */
}

static void the_readers_own_word_comes_last(void **state) {
    (void)state;
    const struct err own = {.kind = ERR_INPUT, .code = "profile.name", .what = "no name"}, broken = {.kind = ERR_IO, .code = "db.io", .what = "no store"};
    const struct { const char *text; struct err found; const char *code; } cases[] = {
        {"{}", own, "profile.name"}, {"{\"x\":1}", own, "body.unknown"}, {"{\"name\":1}", own, "body.type"}, {"{\"x\":1}", broken, "db.io"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct body body;
        assert_int_equal(body_open(&body, arena, slice_cstr(cases[i].text), 1000).kind, ERR_NONE);
        body_text(body_root(&body), "name");
        assert_string_equal(body_end_after(&body, cases[i].found).code, cases[i].code);
        body_close(&body);
    }
}

static void long_names_are_cut_between_characters(void **state) {
    (void)state;
    char text[400] = "{\"", expected[400] = "";
    for (int i = 0; i < 70; i++) strcat(text, "ü");
    strcat(text, "\":1}");
    for (int i = 0; i < BODY_ABOUT_CHARS_MAX; i++) strcat(expected, "ü");
    strcat(expected, "…");
    assert_flaw(text, "body.unknown", expected, "");
}

static void what_was_meant(void **state) {
    (void)state;
    static const char *const names[] = {"age_max", "birth_year", "name", "pin", "picture", "is_free", "territories", "ends_at", "starts_at", "use_credit"};
    static const char *const cases[][2] = {
        {"max_age", "age_max"}, {"ageMax", "age_max"}, {"AGE_MAX", "age_max"}, {"age-max", "age_max"}, {"agemax", "age_max"}, {"maxAge", "age_max"},
        {"birthyear", "birth_year"}, {"yearOfBirth", "birth_year"}, {"Name", "name"}, {"nmae", "name"}, {"names", "name"}, {"PIN", "pin"}, {"pni", "pin"}, {"pan", "pin"},
        {"free", NULL}, {"isFree", "is_free"}, {"teritories", "territories"}, {"territory", "territories"}, {"end_at", "ends_at"}, {"start_at", "starts_at"},
        {"credit_use", "use_credit"}, {"x", NULL}, {"", NULL}, {"_", NULL}, {"colour", NULL}, {"a_b_c_d_e_f_g_h_i_j", NULL},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL}, {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NULL}, {"aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgHiJkLmN", NULL}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *near = body_near(slice_cstr(cases[i][0]), names, ARRAY_LEN(names));
        if (cases[i][1]) {
            assert_non_null(near);
            assert_string_equal(near, cases[i][1]);
        } else {
            assert_null(near);
        }
    }
}

/* Each allocation fails in turn: the answer is then that memory ran out, never that nothing is wrong. */
static void without_memory_nothing_passes(void **state) {
    (void)state;
    bool has_ended = false;
    for (int n = 1; !has_ended; n++) {
        assert_true(n < 100);
        struct arena *small = arena_create(1 << 20);
        assert_non_null(small);
        struct body body;
        struct wish wish;
        assert_int_equal(body_open(&body, small, SLICE("{\"card\":{},\"lines\":[{\"price\":{\"x\":1}}]}"), 1000).kind, ERR_NONE);
        fault_arm(FAULT_ALLOC, n, false);
        struct err e = wish_read(&body, &wish);
        has_ended = !fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        assert_true(e.kind == ERR_LIMIT || (e.kind == ERR_INPUT && !strcmp(e.code, "body.unknown")));
        body_close(&body);
        arena_destroy(&small);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_read_is_known, arena_open, arena_close),
        cmocka_unit_test_setup_teardown(what_nobody_asked_for_is_unknown, arena_open, arena_close),
        cmocka_unit_test_setup_teardown(a_wrong_type_is_not_missing, arena_open, arena_close),
        cmocka_unit_test_setup_teardown(the_readers_own_word_comes_last, arena_open, arena_close),
        cmocka_unit_test_setup_teardown(long_names_are_cut_between_characters, arena_open, arena_close),
        cmocka_unit_test_setup_teardown(what_was_meant, arena_open, arena_close),
        cmocka_unit_test_setup_teardown(without_memory_nothing_passes, arena_open, arena_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
