/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Contradictions, point by point: a point is a second in a place for a medium and a language. What the check says of a line must hold for each point of the
 * line's box, and nothing else may be said. */
#include "model.h"

#include "business/rights/set.h"

struct point {
    struct rights_place place;
    unsigned medium;
    const char *tag;
    int64_t at_s;
};
static const char *const point_countries[] = {"DE", "DE", "DE", "AT", "US", "US", "US", "CA", "CA", "TH", "CN", "JP"};
static const char *const point_areas[] = {"BY", "BE", "SN", "9", "CA", "NY", "TX", "ON", "QC", "10", "BJ", "13"};

static bool sets_hold(uint32_t territories, uint32_t languages, uint16_t media, const struct point *p) {
    uint32_t tag;
    model_ok(rights_tag_of(slice_cstr(p->tag), &tag));
    return rights_territories_hold(territories, p->place, RIGHTS_ALLOW) && (media >> p->medium & 1) &&
           (p->tag[0] ? languages_hold(languages_at(languages), tag_at(tag)) : !languages);
}
static bool line_holds(const struct index_line *l, const struct point *p) {
    return p->at_s >= l->starts_s && p->at_s < l->ends_s && sets_hold(l->territories, l->languages, l->media, p);
}
static bool overlap_holds(const struct rights_overlap *o, const struct point *p) {
    return p->at_s >= o->from_s && p->at_s < o->to_s && sets_hold(o->territories, o->languages, o->media, p);
}

/* What the new line is to one that stands; by the sentences of rights.h. */
static enum rights_conflict_kind plain_kind(const struct index_deal *nd, const struct index_line *n, const struct index_deal *sd, const struct index_line *s) {
    bool n_sells = nd->direction == RIGHTS_OUT && n->effect == RIGHTS_ALLOW, s_sells = sd->direction == RIGHTS_OUT && s->effect == RIGHTS_ALLOW;
    bool same_party = nd->party_id == sd->party_id;
    if (n_sells && s_sells) {
        if (same_party) return RIGHTS_CONFLICT_KINDS;
        if (n->is_exclusive && s->is_exclusive) return RIGHTS_EXCLUSIVE_EXCLUSIVE;
        return n->is_exclusive || s->is_exclusive ? RIGHTS_EXCLUSIVE_ALLOW : RIGHTS_CONFLICT_KINDS;
    }
    if (n_sells && s->effect != RIGHTS_ALLOW) {
        if (sd->direction != RIGHTS_OUT) return RIGHTS_HOLDBACK_SOLD;
        return s->effect == RIGHTS_HOLDBACK && !same_party ? RIGHTS_HOLDBACK_SOLD : RIGHTS_CONFLICT_KINDS;
    }
    if (s_sells && n->effect != RIGHTS_ALLOW) {
        if (nd->direction != RIGHTS_OUT) return RIGHTS_HOLDBACK_SOLD;
        return n->effect == RIGHTS_HOLDBACK && !same_party ? RIGHTS_HOLDBACK_SOLD : RIGHTS_CONFLICT_KINDS;
    }
    if (s_sells && n->effect == RIGHTS_ALLOW && s->is_exclusive) return RIGHTS_OWN_SERVICE_SOLD;
    return RIGHTS_CONFLICT_KINDS;
}

static bool is_run(const struct index_run *runs, size_t count, int64_t title_id, const struct point *p) {
    for (size_t i = 0; i < count; i++)
        if ((runs[i].titles[0] == title_id || runs[i].titles[1] == title_id || runs[i].titles[2] == title_id) && p->at_s >= runs[i].from_s && p->at_s < runs[i].to_s &&
            rights_territories_hold(runs[i].territories, p->place, RIGHTS_ALLOW) && (runs[i].media >> p->medium & 1))
            return true;
    return false;
}

enum { SEEN_RUN = 1 << RIGHTS_CONFLICT_KINDS };
static void check_line(struct model *m, const struct rights_index *ix, struct arena *mem, int titles, unsigned *seen) {
    struct model extra = {.rng = m->rng, .next_line = 1};
    memcpy(extra.deals, m->deals, sizeof extra.deals);
    memcpy(extra.sets, m->sets, sizeof extra.sets);
    memcpy(extra.languages, m->languages, sizeof extra.languages);
    model_line_add(&extra, titles);
    m->rng = extra.rng;
    struct index_line n = extra.lines[0];
    n.id = 0;
    model_free(&extra);
    const struct index_deal *nd = model_deal(m, n.deal_id);
    struct index_run runs[4];
    size_t run_count = model_below(m, ARRAY_LEN(runs) + 1);
    for (size_t i = 0; i < run_count; i++) { /* of the title itself, or of one below it: then what hangs on either holds for it */
        int64_t from_s = n.starts_s - 20 + (int64_t)model_below(m, 50);
        runs[i] = (struct index_run){.titles = {titles, 1}, .territories = m->sets[model_below(m, ARRAY_LEN(m->sets))], .media = (uint16_t)(1 + model_below(m, 15)),
                                     .from_s = from_s < 0 ? 0 : from_s, .to_s = model_below(m, 3) ? from_s + 21 + (int64_t)model_below(m, 30) : RIGHTS_ENDLESS};
        if (model_below(m, 2)) runs[i].titles[2] = 2;
    }
    int64_t above[] = {titles, 1}, below[] = {2, 77}, withdrawn = m->lines[model_below(m, m->line_count)].id;
    struct index_conflicts_ask ask = {.line = &n, .deal = nd, .above = above, .above_count = 2, .below = below, .below_count = 2, .withdrawn = &withdrawn, .withdrawn_count = 1,
                                      .runs = runs, .run_count = run_count, .limit = SIZE_MAX};
    struct rights_conflict_list list = {0};
    model_ok(rights_index_conflicts(ix, mem, &ask, &list));

    const bool is_sale = nd->direction == RIGHTS_OUT && n.effect == RIGHTS_ALLOW;
    for (size_t i = 0; i < list.count; i++) {
        *seen |= 1u << list.items[i].kind;
        *seen |= is_sale && list.items[i].kind == RIGHTS_OWN_SERVICE_SOLD ? SEEN_RUN : 0;
        assert_true(list.items[i].other == SIZE_MAX && list.items[i].overlap.from_s < list.items[i].overlap.to_s && list.items[i].overlap.territories && list.items[i].overlap.media);
        assert_true((list.items[i].line_id == 0) == (list.items[i].kind == RIGHTS_OUT_WITHOUT_IN));
        bool is_in_pieces = list.items[i].kind == RIGHTS_OUT_WITHOUT_IN || list.items[i].kind == RIGHTS_SUBLICENCE || (is_sale && list.items[i].kind == RIGHTS_OWN_SERVICE_SOLD);
        for (size_t k = 0; k < i; k++) /* each line once, but for those that are told piece by piece */
            assert_true(list.items[k].line_id != list.items[i].line_id || is_in_pieces || list.items[k].kind != list.items[i].kind);
    }
    static const char *const tags[] = {"", "de-AT", "de-CH", "zh-Hant", "en", "fr"};
    for (int round = 0; round < 150; round++) {
        size_t c = model_below(m, ARRAY_LEN(point_countries));
        struct point p = {.medium = (unsigned)model_below(m, 4), .tag = tags[model_below(m, ARRAY_LEN(tags))], .at_s = n.starts_s + (int64_t)model_below(m, 45)};
        assert_true(rights_place_parse(slice_cstr(point_countries[c]), slice_cstr(point_areas[c]), &p.place));
        if (!line_holds(&n, &p)) { /* nothing is said of what is not the line's */
            for (size_t i = 0; i < list.count; i++) assert_false(overlap_holds(&list.items[i].overlap, &p));
            continue;
        }
        bool is_held = false, is_passed_on = false;
        for (size_t i = 0; i < m->line_count; i++) {
            const struct index_line *s = &m->lines[i];
            const struct index_deal *sd = model_deal(m, s->deal_id);
            bool is_above = s->title_id == above[0] || s->title_id == above[1];
            if ((!is_above && s->title_id != 2) || s->id == withdrawn || (sd->status != RIGHTS_ACTIVE && sd->status != RIGHTS_SUSPENDED)) continue;
            enum rights_conflict_kind kind = plain_kind(nd, &n, sd, s);
            bool must = kind != RIGHTS_CONFLICT_KINDS && line_holds(s, &p);
            if (is_sale && n.is_exclusive && sd->direction != RIGHTS_OUT && s->effect == RIGHTS_ALLOW) { /* ours: does our own service run it by this line? */
                kind = RIGHTS_OWN_SERVICE_SOLD;
                must = line_holds(s, &p) && is_run(runs, run_count, s->title_id, &p);
            }
            int times = 0;
            for (size_t k = 0; k < list.count; k++)
                times += list.items[k].line_id == s->id && list.items[k].kind == kind && overlap_holds(&list.items[k].overlap, &p);
            bool is_said = times > 0;
            assert_true(times < 2); /* also where several offers have it */
            /* Without a language a point stands for the box's "any": a line for some languages overlaps it in these. */
            if (p.tag[0] ? is_said != must : (is_said && !must)) fail_msg("line %d kind %d: said %d, must be %d", (int)s->id, kind, is_said, must);
            if (is_sale && is_above && sd->direction != RIGHTS_OUT && s->effect == RIGHTS_ALLOW && line_holds(s, &p) && (!s->languages || n.languages)) {
                is_held = true;
                is_passed_on |= sd->direction == RIGHTS_OWN || sd->may_sublicense || s->may_sublicense;
            }
        }
        if (!is_sale) continue;
        /* Coverage is reckoned by the languages that the sale names: ask with one of them. */
        struct slice languages = rights_languages_text(n.languages), one;
        bool is_named = !languages.len && !p.tag[0];
        while (!is_named && p.tag[0] && slice_next(&languages, ',', &one)) is_named = slice_eq(one, slice_cstr(p.tag));
        if (!is_named) continue;
        bool is_unheld = false, is_forbidden = false;
        for (size_t k = 0; k < list.count; k++) {
            if (!overlap_holds(&list.items[k].overlap, &p)) continue;
            is_unheld |= list.items[k].kind == RIGHTS_OUT_WITHOUT_IN;
            is_forbidden |= list.items[k].kind == RIGHTS_SUBLICENCE;
        }
        if (is_unheld != !is_held || is_forbidden != (is_held && !is_passed_on))
            fail_msg("%s-%s medium %u tag %s at %d: unheld %d forbidden %d, held %d passed on %d", point_countries[c], point_areas[c], p.medium, p.tag, (int)p.at_s, is_unheld, is_forbidden,
                     is_held, is_passed_on);
    }
}

static void contradictions_are_said_where_they_are(void **state) {
    unsigned seen = 0;
    for (uint64_t seed = 700; seed < 730; seed++) {
        struct model m = model_make(seed, 3, 6, seed % 3 ? 10 : 150);
        if (!m.line_count) continue;
        struct rights_index *ix = model_compile(&m);
        struct arena *mem = arena_create(256 << 20);
        for (int i = 0; i < 12; i++) {
            arena_reset(mem);
            check_line(&m, ix, mem, 3, &seen);
        }
        arena_destroy(&mem);
        rights_index_destroy(&ix);
        model_free(&m);
    }
    assert_int_equal(seen, (1u << RIGHTS_CONFLICT_KINDS) - 1 + SEEN_RUN);
}

static void an_exclusive_sale_is_told_exactly(void **state) {
    struct index_deal deals[] = {{.id = 1, .party_id = 9, .direction = RIGHTS_IN, .status = RIGHTS_ACTIVE, .may_sublicense = true},
                                 {.id = 2, .party_id = 8, .direction = RIGHTS_OUT, .status = RIGHTS_ACTIVE},
                                 {.id = 3, .party_id = 7, .direction = RIGHTS_OUT, .status = RIGHTS_DRAFT}};
    uint32_t world, sold, wanted;
    struct slice bad;
    model_ok(rights_territories_of(SLICE("WORLD"), &world, &bad));
    model_ok(rights_territories_of(SLICE("DE,AT,CH"), &sold, &bad));
    model_ok(rights_territories_of(SLICE("AT,CH,IT,-AT-9"), &wanted, &bad));
    struct index_line lines[] = {
        {.id = 1, .title_id = 5, .deal_id = 1, .territories = world, .media = RIGHTS_ALL_MEDIA, .starts_s = 0, .ends_s = 500},
        {.id = 2, .title_id = 6, .deal_id = 2, .territories = sold, .media = 0x0c, .is_exclusive = true, .starts_s = 100, .ends_s = 300}, /* an episode of 5 */
    };
    struct rights_index *ix;
    model_ok(rights_index_create(&ix, deals, 3, lines, 2));
    struct arena *mem = arena_create(1 << 20);
    struct index_line n = {.title_id = 5, .deal_id = 3, .territories = wanted, .media = 0x1c, .is_exclusive = true, .starts_s = 200, .ends_s = 600};
    int64_t above = 5, below = 6;
    struct index_conflicts_ask ask = {.line = &n, .deal = &deals[2], .above = &above, .above_count = 1, .below = &below, .below_count = 1, .limit = 10};
    struct rights_conflict_list list;
    model_ok(rights_index_conflicts(ix, mem, &ask, &list));
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0].kind, RIGHTS_EXCLUSIVE_EXCLUSIVE);
    assert_int_equal(list.items[0].line_id, 2);
    assert_true(slice_eq(rights_territories_text(list.items[0].overlap.territories), SLICE("AT,CH,-AT-9")));
    assert_int_equal(list.items[0].overlap.media, 0x0c);
    assert_int_equal(list.items[0].overlap.from_s, 200);
    assert_int_equal(list.items[0].overlap.to_s, 300);
    assert_int_equal(list.items[1].kind, RIGHTS_OUT_WITHOUT_IN); /* we hold it until 500 */
    assert_true(slice_eq(rights_territories_text(list.items[1].overlap.territories), SLICE("AT,CH,IT,-AT-9")));
    assert_int_equal(list.items[1].overlap.media, 0x1c);
    assert_int_equal(list.items[1].overlap.from_s, 500);
    assert_int_equal(list.items[1].overlap.to_s, 600);
    n.ends_s = n.starts_s;
    assert_string_equal(rights_index_conflicts(ix, mem, &ask, &list).code, "rights.window");
    n.ends_s = 600;
    ask.limit = 1;
    model_ok(rights_index_conflicts(ix, mem, &ask, &list));
    assert_int_equal(list.count, 1);
    arena_destroy(&mem);
    rights_index_destroy(&ix);
}

static void an_arena_that_is_full_is_an_error(void **state) {
    struct model m = model_make(800, 3, 6, 150);
    struct rights_index *ix = model_compile(&m);
    struct index_line n = m.lines[m.line_count - 1];
    struct index_deal deal = {.id = 900, .party_id = 77, .direction = RIGHTS_OUT, .status = RIGHTS_DRAFT};
    n.effect = RIGHTS_ALLOW;
    n.is_exclusive = true;
    n.ends_s = RIGHTS_ENDLESS;
    struct index_conflicts_ask ask = {.line = &n, .deal = &deal, .above = &n.title_id, .above_count = 1, .limit = SIZE_MAX};
    bool has_failed = false, has_passed = false;
    for (size_t bytes = 256; bytes < 64 << 20 && !has_passed; bytes *= 2) {
        struct arena *mem = arena_create(bytes);
        struct rights_conflict_list list = {0};
        struct err e = rights_index_conflicts(ix, mem, &ask, &list);
        has_failed |= e.kind == ERR_LIMIT;
        has_passed = !e.kind;
        assert_int_equal(list.count > 0, has_passed);
        arena_destroy(&mem);
    }
    assert_true(has_failed && has_passed);
    rights_index_destroy(&ix);
    model_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(contradictions_are_said_where_they_are), cmocka_unit_test(an_exclusive_sale_is_told_exactly),
                                       cmocka_unit_test(an_arena_that_is_full_is_an_error)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
