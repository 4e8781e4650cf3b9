/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Availability, second by second and place by place: an item says yes exactly where the index says yes, and no item could be longer. */
#include "model.h"

#include "business/rights/set.h"

struct place_named {
    const char *country, *area;
};
/* Each area that is named, another of the same country, and countries: places of which everything is known. */
static const struct place_named places[] = {{"DE", "BY"}, {"DE", "BE"}, {"DE", "SN"}, {"AT", "9"}, {"US", "CA"}, {"US", "NY"}, {"US", "TX"},
                                            {"CA", "ON"}, {"CA", "QC"}, {"TH", "10"}, {"CN", "BJ"}, {"JP", "13"}};
static const char *const tags[] = {"", "de", "zh", "de-AT", "en"}; /* none, and those that lines name */

/* First an item for any language or this very one, then one for a language that holds this one ("de" for "de-AT"). */
static bool is_listed(const struct rights_avail_list *list, size_t title, struct rights_place p, unsigned medium, const char *tag, int64_t at_s, size_t *which, bool *is_exact) {
    uint32_t number;
    model_ok(rights_tag_of(slice_cstr(tag), &number));
    for (int exact = 1; exact >= 0; exact--)
        for (size_t i = 0; i < list->count; i++) {
            const struct rights_avail *a = &list->items[i];
            if (a->title != title || !(a->media >> medium & 1) || at_s < a->from_s || at_s >= a->to_s || !rights_territories_hold(a->territories, p, RIGHTS_ALLOW)) continue;
            struct slice languages = rights_languages_text(a->languages), one;
            bool is_in = !languages.len;
            while (exact && !is_in && tag[0] && slice_next(&languages, ',', &one)) is_in = slice_eq(one, slice_cstr(tag));
            if (!exact) is_in = languages_hold(languages_at(a->languages), tag_at(number));
            if (!is_in) continue;
            *which = i;
            *is_exact = exact && a->languages;
            return true;
        }
    return false;
}

/* Is it a line that grants something of what was asked, in this very language? */
static bool names(const struct model *m, const struct index_line *l, const struct rights_avails_ask *ask, const int64_t titles[3], const char *tag) {
    const struct index_deal *d = model_deal(m, l->deal_id);
    if (l->title_id != titles[0] && l->title_id != titles[1] && l->title_id != titles[2]) return false;
    if (model_does(d, l, ask->party_id) != DOES_GRANT || d->status != RIGHTS_ACTIVE || l->is_spent || (ask->media && !(l->media & ask->media))) return false;
    if (l->starts_s >= ask->to_s || l->ends_s <= ask->from_s || (ask->territories && !rights_territories_meet(ask->territories, l->territories))) return false;
    for (struct slice rest = rights_languages_text(l->languages), one; slice_next(&rest, ',', &one);)
        if (slice_eq(one, slice_cstr(tag))) return true;
    return false;
}

static void what_is_available_is_what_is_allowed(void **state) {
    enum { FROM = 5, TO = 100 };
    size_t items = 0, yes = 0;
    for (uint64_t seed = 500; seed < 512; seed++) {
        struct model m = model_make(seed, 4, 5, seed % 4 ? 12 : 60);
        struct rights_index *ix = model_compile(&m);
        struct arena *mem = arena_create(64 << 20);
        const int64_t titles[][3] = {{1, 2, 0}, {3, 0, 0}, {4, 1, 0}, {99, 0, 0}};
        uint32_t only = seed % 3 ? 0 : m.sets[0];
        struct rights_avails_ask ask = {.titles = titles, .title_count = ARRAY_LEN(titles), .party_id = seed % 2 ? 0 : 1 + (int64_t)(seed % MODEL_PARTIES), .territories = only,
                                        .media = seed % 5 ? 0 : 5, .from_s = FROM, .to_s = TO, .limit = SIZE_MAX};
        struct rights_avail_list list = {0};
        model_ok(rights_index_avails(ix, mem, &ask, &list));
        items += list.count;
        for (size_t i = 1; i < list.count; i++)
            assert_true(list.items[i - 1].title < list.items[i].title || (list.items[i - 1].title == list.items[i].title && list.items[i - 1].from_s <= list.items[i].from_s));
        for (size_t t = 0; t < ARRAY_LEN(titles); t++)
            for (size_t p = 0; p < ARRAY_LEN(places); p++)
                for (unsigned medium = 0; medium < 5; medium++)
                    for (size_t g = 0; g < ARRAY_LEN(tags); g++) {
                        struct rights_question q = {.titles = {titles[t][0], titles[t][1], titles[t][2]}, .party_id = ask.party_id, .medium = (enum rights_medium)medium};
                        assert_true(rights_place_parse(slice_cstr(places[p].country), slice_cstr(places[p].area), &q.place));
                        bool is_asked = (!only || rights_territories_hold(only, q.place, RIGHTS_ALLOW)) && (!ask.media || ask.media >> medium & 1);
                        model_ok(rights_tag_of(slice_cstr(tags[g]), &q.language));
                        for (int64_t at = FROM - 1; at <= TO; at++) {
                            struct rights_answer a, plain;
                            size_t which;
                            bool is_exact = false, is_other_exact;
                            q.at_s = at;
                            rights_index_decide(ix, &q, &a);
                            bool must = a.is_allowed && is_asked && at >= FROM && at < TO, is_there = is_listed(&list, t, q.place, medium, tags[g], at, &which, &is_exact);
                            yes += must;
                            if (!tags[g][0] && must && !is_there) { /* granted for some languages only: these are listed */
                                bool is_some = false;
                                for (size_t i = 0; i < m.line_count; i++) is_some |= m.lines[i].id == a.line_id && m.lines[i].languages;
                                assert_true(is_some);
                                continue;
                            }
                            if (tags[g][0] && is_there && !must && !is_exact) { /* any language, or a wider one, but for a block that names this one */
                                assert_true(a.reason == RIGHTS_BECAUSE_BLACKOUT || a.reason == RIGHTS_BECAUSE_HOLDBACK || a.reason == RIGHTS_BECAUSE_EXCLUSIVE);
                                continue;
                            }
                            if (is_there != must) {
                                /* A language that no line of the title grants by name is not listed by name either. */
                                bool names_tag = !tags[g][0];
                                for (size_t i = 0; i < m.line_count; i++) names_tag |= names(&m, &m.lines[i], &ask, titles[t], tags[g]);
                                if (is_there || names_tag)
                                    fail_msg("seed %d title %d %s-%s medium %u tag \"%s\" at %d: listed %d, allowed %d (reason %d)", (int)seed, (int)t, places[p].country, places[p].area,
                                             medium, tags[g], (int)at, is_there, must, a.reason);
                            }
                            if (!is_there || list.items[which].languages || tags[g][0]) continue;
                            /* It is as long as it can be: just before and just after, the answer is no, or nobody asked. */
                            const struct rights_avail *item = &list.items[which];
                            q.at_s = item->to_s;
                            rights_index_decide(ix, &q, &plain);
                            size_t other;
                            if (item->to_s < TO) assert_false(is_listed(&list, t, q.place, medium, "", item->to_s, &other, &is_other_exact) && list.items[other].languages == 0);
                        }
                    }
        arena_destroy(&mem);
        rights_index_destroy(&ix);
        model_free(&m);
    }
    assert_true(items > 50 && yes > 1000);
}

static void a_year_of_one_title(void **state) {
    struct index_deal deals[] = {{.id = 1, .party_id = 9, .direction = RIGHTS_IN, .status = RIGHTS_ACTIVE}, {.id = 2, .party_id = 8, .direction = RIGHTS_OUT, .status = RIGHTS_ACTIVE}};
    uint32_t world, th;
    struct slice bad;
    model_ok(rights_territories_of(SLICE("WORLD,-US"), &world, &bad));
    model_ok(rights_territories_of(SLICE("TH"), &th, &bad));
    struct index_line lines[] = {
        {.id = 1, .title_id = 5, .deal_id = 1, .territories = world, .media = 0x0c, .starts_s = 100, .ends_s = 900},
        {.id = 2, .title_id = 5, .deal_id = 2, .territories = th, .media = 0x04, .is_exclusive = true, .starts_s = 300, .ends_s = 400},
    };
    struct rights_index *ix;
    model_ok(rights_index_create(&ix, deals, 2, lines, 2));
    struct arena *mem = arena_create(1 << 20);
    const int64_t titles[][3] = {{5, 0, 0}};
    struct rights_avail_list list;
    struct rights_avails_ask ask = {.titles = titles, .title_count = 1, .from_s = 0, .to_s = 1000, .limit = 100};
    model_ok(rights_index_avails(ix, mem, &ask, &list));
    static const struct {
        int64_t from_s, to_s;
        uint16_t media;
        const char *territories;
    } expected[] = {{100, 300, 4, "TH"}, {100, 900, 4, "WORLD,-TH,-US"}, {100, 900, 8, "WORLD,-US"}, {400, 900, 4, "TH"}};
    assert_int_equal(list.count, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        bool is_there = false;
        for (size_t k = 0; k < list.count; k++)
            is_there |= list.items[k].from_s == expected[i].from_s && list.items[k].to_s == expected[i].to_s && list.items[k].media == expected[i].media && list.items[k].line_id == 1 &&
                        slice_eq(rights_territories_text(list.items[k].territories), slice_cstr(expected[i].territories));
        if (!is_there) fail_msg("%s is missing", expected[i].territories);
    }
    ask.limit = 2;
    model_ok(rights_index_avails(ix, mem, &ask, &list));
    assert_int_equal(list.count, 2);
    ask.to_s = 0;
    assert_string_equal(rights_index_avails(ix, mem, &ask, &list).code, "rights.window");
    ask.to_s = 1000;
    for (uint64_t nth = 1; nth < 30; nth++) {
        fault_arm(FAULT_ALLOC, nth, false);
        struct err e = rights_index_avails(ix, mem, &ask, &list);
        bool has_failed = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        assert_int_equal(e.kind, has_failed ? ERR_LIMIT : ERR_NONE);
        if (!has_failed) break;
    }
    arena_destroy(&mem);
    rights_index_destroy(&ix);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_available_is_what_is_allowed), cmocka_unit_test(a_year_of_one_title)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
