/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "model.h"

#include "business/rights/set.h"

static void becomes(const char *text, const char *canonical) {
    uint32_t set, again;
    struct slice bad;
    struct err e = rights_territories_of(slice_cstr(text), &set, &bad);
    if (e.kind) fail_msg("%s: %s (%.*s)", text, e.what, SLICE_ARG(bad));
    if (!slice_eq(rights_territories_text(set), slice_cstr(canonical))) fail_msg("%s became %.*s, not %s", text, SLICE_ARG(rights_territories_text(set)), canonical);
    model_ok(rights_territories_of(slice_cstr(canonical), &again, &bad));
    assert_int_equal(set, again);
}
static void is_refused(const char *text, const char *code, const char *part) {
    uint32_t set = 12345;
    struct slice bad;
    assert_string_equal(rights_territories_of(slice_cstr(text), &set, &bad).code, code);
    assert_true(slice_eq(bad, slice_cstr(part)));
    assert_int_equal(set, 12345);
}

static void territories_have_one_text(void **state) {
    becomes("DE", "DE");
    becomes(" de , AT,ch,-de-by", "AT,CH,DE,-DE-BY");
    becomes("WORLD", "WORLD");
    becomes("world,-US,-CA", "WORLD,-CA,-US");
    becomes("-US,WORLD", "WORLD,-US");
    becomes("WORLD,-US,US-CA", "WORLD,-US,US-CA");
    becomes("US,US-CA", "US");          /* California is in already */
    becomes("DE,-FR", "DE");            /* France was not */
    becomes("US-CA,US-NY", "US-CA,US-NY");
    becomes("US-CA,DE,US-CA,DE", "DE,US-CA");
    becomes("DE,-DE-BY,DE-BY", "DE,-DE-BY"); /* what has a minus is taken out, wherever it stands */
    is_refused("", "rights.territories", "");
    is_refused("  ", "rights.territories", "");
    is_refused("-DE", "rights.territories", "");
    is_refused("DE,-DE", "rights.territories", "");
    is_refused("DE,XX", "rights.territory_unknown", "XX");
    is_refused("DE,,AT", "rights.territory_unknown", "");
    is_refused("-WORLD", "rights.territory_unknown", "-WORLD");
    is_refused("US-CQ", "rights.territory_unknown", "US-CQ");
    is_refused("DEU", "rights.territory_unknown", "DEU");
    is_refused("D\xc3\x84", "rights.territory_unknown", "D\xc3\x84");
    is_refused("UK", "rights.territory_unknown", "UK");
    char text[RIGHTS_TERRITORIES_MAX + 2];
    memset(text, 'D', sizeof text);
    text[sizeof text - 1] = 0;
    is_refused(text, "rights.territories", "");
}

static void territories_are_counted(void **state) {
    uint32_t set;
    struct slice bad;
    model_ok(rights_territories_of(SLICE("WORLD,-US,US-CA"), &set, &bad));
    assert_int_equal(rights_territories_count(set), RIGHTS_COUNTRIES); /* the US in part */
    model_ok(rights_territories_of(SLICE("WORLD,-US"), &set, &bad));
    assert_int_equal(rights_territories_count(set), RIGHTS_COUNTRIES - 1);
    model_ok(rights_territories_of(SLICE("DE,US-CA,US-NY"), &set, &bad));
    assert_int_equal(rights_territories_count(set), 2);
    assert_int_equal(rights_territories_count(0), 0);
    assert_true(slice_eq(rights_territories_text(0), SLICE("")));
}

/* Random texts, against reading them part by part. */
static void places_are_in_as_the_text_says(void **state) {
    struct model m = {.rng = rng_seeded(5)};
    for (int round = 0; round < 3000; round++) {
        char text[128];
        uint32_t set;
        model_set_make(&m, text, &set);
        struct slice canonical = rights_territories_text(set);
        char written[512];
        snprintf(written, sizeof written, "%.*s", SLICE_ARG(canonical));
        for (size_t c = 0; c < ARRAY_LEN(model_countries); c++)
            for (size_t a = 0; a <= ARRAY_LEN(model_areas); a++) {
                const char *area = a < ARRAY_LEN(model_areas) ? model_areas[a] : "";
                if (area[0] && strncmp(area, model_countries[c], 2)) continue;
                if (area[0]) area += 3;
                struct rights_place p;
                assert_true(rights_place_parse(slice_cstr(model_countries[c]), slice_cstr(area), &p));
                for (int is_block = 0; is_block < 2; is_block++) {
                    bool is_in = rights_territories_hold(set, p, is_block ? RIGHTS_BLACKOUT : RIGHTS_ALLOW);
                    if (is_in != model_text_holds(text, model_countries[c], area, is_block) || is_in != model_text_holds(written, model_countries[c], area, is_block))
                        fail_msg("\"%s\" (\"%s\"): %s-%s %d", text, written, model_countries[c], area, is_block);
                }
            }
    }
}

/* Common parts, meeting and lying within, place by place. */
static void sets_are_compared_place_by_place(void **state) {
    struct model m = {.rng = rng_seeded(6)};
    for (int round = 0; round < 3000; round++) {
        char texts[2][128];
        uint32_t a, b, common;
        model_set_make(&m, texts[0], &a);
        model_set_make(&m, texts[1], &b);
        model_ok(rights_territories_common(a, b, &common));
        bool do_meet = false, is_within = true;
        for (size_t c = 0; c <= ARRAY_LEN(model_countries) + 1; c++)
            for (size_t k = 0; k <= ARRAY_LEN(model_areas); k++) {
                /* a country that is named, one of its areas, an area that nobody names, a country that nobody names, and nowhere */
                struct rights_place p = {.country = RIGHTS_NOWHERE};
                if (c == ARRAY_LEN(model_countries)) assert_true(rights_country_parse(SLICE("JP"), &p.country));
                if (c < ARRAY_LEN(model_countries)) {
                    const char *area = k < ARRAY_LEN(model_areas) ? model_areas[k] : "ZZZ";
                    if (k < ARRAY_LEN(model_areas) && strncmp(area, model_countries[c], 2)) continue;
                    assert_true(rights_place_parse(slice_cstr(model_countries[c]), slice_cstr(k < ARRAY_LEN(model_areas) ? area + 3 : area), &p));
                }
                bool in_a = rights_territories_hold(a, p, RIGHTS_ALLOW), in_b = rights_territories_hold(b, p, RIGHTS_ALLOW);
                do_meet |= in_a && in_b;
                is_within &= !in_a || in_b;
                assert_int_equal(rights_territories_hold(common, p, RIGHTS_ALLOW), in_a && in_b);
            }
        assert_int_equal(rights_territories_meet(a, b), do_meet);
        assert_int_equal(territories_within(a, b), is_within);
        assert_int_equal(common != 0, do_meet);
    }
}

static void places_are_read(void **state) {
    struct rights_place p = {.country = 7};
    assert_true(rights_place_parse(SLICE("us"), SLICE("ca"), &p));
    assert_string_equal(rights_country_code(p.country), "US");
    assert_memory_equal(p.area, "CA\0", 3);
    assert_true(rights_place_parse(SLICE("US-NY"), SLICE_NONE, &p));
    assert_memory_equal(p.area, "NY\0", 3);
    assert_true(rights_place_parse(SLICE("US"), SLICE("US-TX"), &p));
    assert_memory_equal(p.area, "TX\0", 3);
    assert_true(rights_place_parse(SLICE("TH"), SLICE_NONE, &p));
    assert_memory_equal(p.area, "\0\0\0", 3);
    struct rights_place before = p;
    assert_false(rights_place_parse(SLICE("XK"), SLICE_NONE, &p));
    assert_false(rights_place_parse(SLICE("US"), SLICE("DE-BY"), &p));
    assert_false(rights_place_parse(SLICE("US"), SLICE("CALI"), &p));
    assert_false(rights_place_parse(SLICE("US"), SLICE("US-"), &p));
    assert_false(rights_place_parse(SLICE("US-"), SLICE_NONE, &p));
    assert_false(rights_place_parse(SLICE(""), SLICE("BY"), &p));
    assert_false(rights_place_parse(SLICE("US"), SLICE("C A"), &p));
    assert_memory_equal(&p, &before, sizeof p);
    for (unsigned c = 0; c < RIGHTS_COUNTRIES; c++) {
        uint8_t back = 0;
        assert_true(rights_country_parse(slice_cstr(rights_country_code((uint8_t)c)), &back));
        assert_int_equal(back, c);
    }
    assert_string_equal(rights_country_code(RIGHTS_NOWHERE), "");
}

static void languages_become(const char *text, const char *canonical) {
    uint32_t set;
    struct slice bad;
    model_ok(rights_languages_of(slice_cstr(text), &set, &bad));
    if (!slice_eq(rights_languages_text(set), slice_cstr(canonical))) fail_msg("%s became %.*s, not %s", text, SLICE_ARG(rights_languages_text(set)), canonical);
}
static void languages_have_one_text(void **state) {
    languages_become("", "");
    languages_become("DE", "de");
    languages_become("deu,ger,de", "de");
    languages_become("zh-hant-tw", "zh-Hant-TW");
    languages_become("zh-TW,zh", "zh"); /* zh-TW is Chinese already */
    languages_become("pt-br,en,de", "de,en,pt-BR");
    languages_become("es-419", "es-419");
    languages_become("yue,gsw", "gsw,yue");
    static const char *const wrong[] = {"xx", "d", "german", "de-", "de--AT", "-de", "de-XX", "de-Latn-AT-x", "de,,en", "zh-TW-Hant", "qqq", "de_AT", "\xe4\xb8\xad"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        uint32_t set = 9;
        struct slice bad;
        struct err e = rights_languages_of(slice_cstr(wrong[i]), &set, &bad);
        if (!e.kind || strcmp(e.code, "rights.language_tag") || set != 9) fail_msg("%s was taken", wrong[i]);
    }
    uint32_t tag = 5;
    assert_string_equal(rights_tag_of(SLICE("xx"), &tag).code, "rights.language_tag");
    assert_int_equal(tag, 5);
    model_ok(rights_tag_of(SLICE(""), &tag));
    assert_int_equal(tag, 0);
}

static void languages_hold_what_is_under_them(void **state) {
    static const struct {
        const char *set, *tag;
        bool holds;
    } cases[] = {{"", "de", true},          {"de", "de", true},           {"de", "de-AT", true},  {"de-AT", "de", false}, {"de-AT", "de-CH", false},
                 {"zh", "zh-Hant-TW", true}, {"zh-TW", "zh-Hant-TW", true}, {"zh-Hant", "zh-Hant-TW", true}, {"zh-Hans", "zh-Hant-TW", false}, {"de,en", "en-GB", true},
                 {"de", "", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t set, tag;
        struct slice bad;
        model_ok(rights_languages_of(slice_cstr(cases[i].set), &set, &bad));
        model_ok(rights_tag_of(slice_cstr(cases[i].tag), &tag));
        if (languages_hold(languages_at(set), tag_at(tag)) != cases[i].holds) fail_msg("%s, %s", cases[i].set, cases[i].tag);
    }
}

static void each_allocation_may_fail(void **state) {
    uint64_t nth = 0;
    for (bool has_failed = true; has_failed;) { /* sets are for ever: each try needs new ones */
        static unsigned number;
        char text[64], tags[32];
        uint32_t set, languages, tag;
        struct slice bad;
        snprintf(text, sizeof text, "WORLD,-%s,-%s", rights_country_code((uint8_t)(number / 200)), rights_country_code((uint8_t)(number % 200 + 20)));
        snprintf(tags, sizeof tags, "de-%03u,en", number);
        fault_arm(FAULT_ALLOC, ++nth, false);
        struct err a = rights_territories_of(slice_cstr(text), &set, &bad), b = rights_languages_of(slice_cstr(tags), &languages, &bad);
        tags[6] = 0;
        struct err c = rights_tag_of(slice_cstr(tags), &tag);
        has_failed = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        assert_int_equal((a.kind != 0) + (b.kind != 0) + (c.kind != 0), has_failed);
        number++;
        if (!a.kind) assert_int_equal(rights_territories_count(set), RIGHTS_COUNTRIES - 2 + !strncmp(text + 7, text + 11, 2));
        if (!b.kind) assert_int_equal(rights_languages_text(languages).len, 9);
    }
    assert_true(nth > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(territories_have_one_text),       cmocka_unit_test(territories_are_counted),   cmocka_unit_test(places_are_in_as_the_text_says),
        cmocka_unit_test(sets_are_compared_place_by_place), cmocka_unit_test(places_are_read),           cmocka_unit_test(languages_have_one_text),
        cmocka_unit_test(languages_hold_what_is_under_them), cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
