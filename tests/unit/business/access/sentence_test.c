/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An answer in words: four languages, countries, dates. */
#include "fixture.h"

static void said(const char *lang, struct access_answer answer, const struct geo_place *place, const char *wanted) {
    struct buf out = BUF(2000);
    access_sentence(&out, slice_cstr(lang), &answer, place, START_S, (struct text_zone){0});
    char text[2000] = "";
    if (out.len) memcpy(text, out.ptr, out.len);
    assert_string_equal(text, wanted);
    buf_free(&out);
}

static void answers_are_said_in_four_languages(void **state) {
    struct access_answer blackout = {.state = ACCESS_UNAVAILABLE, .reason = "rights.blackout", .turns_s = 1804032000}; /* 2027-03-03 */
    said("en", blackout, &thailand, "Blacked out in Thailand until 3 March 2027.");
    said("de", blackout, &thailand, "Hier (Thailand) bis 3. März 2027 gesperrt.");
    said("zh", blackout, &thailand, "在泰国被禁播，至2027年3月3日。");
    said("th", blackout, &thailand, "งดเผยแพร่ในไทยจนถึง 3 มีนาคม 2570");
    struct access_answer territory = {.state = ACCESS_UNAVAILABLE, .reason = "rights.territory", .turns_s = START_S + 30 * DAY_S};
    said("en", territory, &thailand, "Not available in Thailand until 22 December.");
    said("de", territory, &thailand, "Hier (Thailand) bis 22. Dezember nicht verfügbar.");
    said("zh", territory, &thailand, "在泰国，12月22日之前暂不提供观看。");
    territory.turns_s = 0;
    said("en", territory, &thailand, "Not available in Thailand.");
    said("en", territory, &(struct geo_place){.country = "US", .area = "US-CA"}, "Not available in the United States.");
    said("en", territory, &(struct geo_place){.country = "XK"}, "This title may not be shown where you are.");
    said("en", territory, NULL, "This title may not be shown where you are.");
    struct access_answer soon = {.state = ACCESS_UNAVAILABLE, .reason = "rights.not_yet", .turns_s = START_S + 19 * 3600 + 300};
    said("en", soon, &germany, "Available in Germany from 22 November, 19:05 UTC.");
    said("de", soon, NULL, "Verfügbar ab 22. November, 19:05 UTC.");
    /* In the reader's zone it is another day; and whoever reads elsewhere is told in which zone it is. */
    static const struct { const char *lang, *sure, *guessed; } in_sydney[] = {
        {"en", "Available in Germany from 23 November at 06:05.", "Available in Germany from 23 November, 06:05 UTC+11."},
        {"de", "Hier (Deutschland) ab 23. November um 06:05 verfügbar.", "Hier (Deutschland) ab 23. November, 06:05 UTC+11 verfügbar."}};
    const struct zone *sydney = zone_find(SLICE("Australia/Sydney"));
    assert_non_null(sydney);
    for (size_t i = 0; i < ARRAY_LEN(in_sydney); i++)
        for (int is_readers = 0; is_readers < 2; is_readers++) {
            struct buf out = BUF(2000);
            access_sentence(&out, slice_cstr(in_sydney[i].lang), &soon, &germany, START_S, (struct text_zone){sydney, is_readers});
            buf_bytes(&out, "", 1);
            assert_string_equal(out.ptr, is_readers ? in_sydney[i].sure : in_sydney[i].guessed);
            buf_free(&out);
        }
    struct access_answer adult = {.state = ACCESS_TOO_YOUNG, .step = ACCESS_RATING, .reason = "access.rating", .age = 18};
    said("en", adult, &germany, "This profile may not watch this title: it is for viewers aged 18 and over.");
    adult.state = ACCESS_SIGN_IN;
    said("de", adult, &germany, "Ab 18 Jahren. Melde dich mit dem Profil eines Erwachsenen an.");
    struct access_answer paid = {.state = ACCESS_LOCKED, .step = ACCESS_ENTITLEMENT, .reason = "access.entitlement"};
    said("en", paid, &germany, "This title is not among those that your household may watch.");
    paid.state = ACCESS_SIGN_IN;
    said("th", paid, &germany, "เข้าสู่ระบบเพื่อรับชมเรื่องนี้");
    struct access_answer free_for_now = {.is_allowed = true, .reason = "access.free", .turns_s = START_S + 2 * DAY_S};
    said("en", free_for_now, &germany, "Available until 24 November.");
    free_for_now.turns_s = 0;
    said("en", free_for_now, &germany, "");
}

static void every_refusal_has_a_sentence(void **state) {
    static const char *const ours[] = {"access.entitlement", "access.rating", "access.pin", "access.profile", "access.streams", "access.removed"};
    for (int l = 0; l < TEXT_LANGUAGE_COUNT; l++)
        for (size_t i = 0; i < ARRAY_LEN(ours) + RIGHTS_REASONS - 1; i++)
            for (int with = 0; with < 4; with++) {
                struct access_answer answer = {.state = ACCESS_UNAVAILABLE, .age = 16, .turns_s = with & 1 ? START_S + 40 * DAY_S : 0};
                answer.step = i < ARRAY_LEN(ours) ? ACCESS_RATING : ACCESS_RIGHTS;
                answer.reason = i < ARRAY_LEN(ours) ? ours[i] : rights_reason_code((enum rights_reason)(i - ARRAY_LEN(ours) + 1));
                struct buf out = BUF(2000);
                access_sentence(&out, text_languages[l].code, &answer, with & 2 ? &thailand : NULL, START_S, (struct text_zone){0});
                if (out.len < 5 || slice_find_byte(buf_slice(&out), '{') != SLICE_NPOS) fail_msg("%s in %s: %.*s", answer.reason, text_languages[l].code.ptr, (int)out.len, out.ptr);
                buf_free(&out);
            }
    /* For whoever knows the zone the moment stands apart: once, wherever the sentence has one. */
    for (int l = 0; l < TEXT_LANGUAGE_COUNT; l++)
        for (int with = 0; with < 4; with++) {
            struct access_answer blackout = {.state = ACCESS_UNAVAILABLE, .reason = "rights.blackout", .turns_s = with & 1 ? START_S + 40 * DAY_S : 0};
            struct buf out = BUF(2000);
            buf_cstr(&out, "before ");
            assert_int_equal(access_sentence_open(&out, text_languages[l].code, &blackout, with & 2 ? &thailand : NULL), with & 1);
            size_t at = slice_find(buf_slice(&out), SLICE("{at}"));
            assert_int_equal(at != SLICE_NPOS, with & 1);
            if (!(with & 1)) assert_true(slice_eq(buf_slice(&out), SLICE("before ")));
            else assert_true(slice_find(slice_sub(buf_slice(&out), at + 4, out.len), SLICE("{")) == SLICE_NPOS);
            buf_free(&out);
        }
    struct access_answer young = {.state = ACCESS_TOO_YOUNG, .step = ACCESS_RATING, .reason = "access.rating", .age = 18, .turns_s = START_S + DAY_S};
    struct buf none = BUF(2000);
    assert_false(access_sentence_open(&none, SLICE("en"), &young, &germany)); /* its sentence has no place for a date */
    assert_int_equal(none.len, 0);
    buf_free(&none);
    /* Every country that rights know has a name. */
    for (int i = 0; i < RIGHTS_COUNTRIES; i++) {
        struct geo_place place = {0};
        memcpy(place.country, rights_country_code((uint8_t)i), 3);
        struct access_answer answer = {.state = ACCESS_UNAVAILABLE, .reason = "rights.none"};
        struct buf out = BUF(2000);
        access_sentence(&out, SLICE("en"), &answer, &place, START_S, (struct text_zone){0});
        assert_true(slice_starts_with(buf_slice(&out), SLICE("Not available in ")));
        buf_free(&out);
    }
}

static void dates_are_right(void **state) {
    static const struct {
        int64_t at_s;
        const char *text;
    } cases[] = {{0, "1 January 1970"},           {951782400, "29 February 2000"},   {951868800, "1 March 2000"},     {1709164800, "29 February 2024"},
                 {1735603200, "31 December 2024"}, {4107542400, "1 March 2100"},      {4107456000, "28 February 2100"}, {4294967294, "7 February 2106"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char wanted[100];
        struct access_answer answer = {.is_allowed = true, .reason = "access.free", .turns_s = cases[i].at_s ? cases[i].at_s : 1};
        snprintf(wanted, sizeof wanted, "Available until %s.", cases[i].text);
        said("en", answer, NULL, wanted);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_said_in_four_languages),
        cmocka_unit_test(every_refusal_has_a_sentence),
        cmocka_unit_test(dates_are_right),
    };
    return cmocka_run_group_tests_name("access sentence", tests, NULL, NULL);
}
