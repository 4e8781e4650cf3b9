/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/rights/sieve.h"
#include "model.h"

#include <stdatomic.h>

#include "base/thread.h"

static void same_answer(const struct rights_answer *a, const struct rights_answer *b, const struct model_question *mq, uint64_t seed) {
    if (a->is_allowed == b->is_allowed && a->reason == b->reason && a->line_id == b->line_id && a->until_s == b->until_s && a->from_s == b->from_s &&
        a->counts_plays == b->counts_plays)
        return;
    fail_msg("seed %llu titles %d %d %d party %d %s-%s medium %d tag \"%s\" at %d: index says %d reason %d line %d until %lld from %lld, plainly %d reason %d line %d until %lld from %lld",
             (unsigned long long)seed, (int)mq->q.titles[0], (int)mq->q.titles[1], (int)mq->q.titles[2], (int)mq->q.party_id, mq->country, mq->area, mq->q.medium, mq->tag,
             (int)mq->q.at_s, a->is_allowed, a->reason, (int)a->line_id, (long long)a->until_s, (long long)a->from_s, b->is_allowed, b->reason, (int)b->line_id,
             (long long)b->until_s, (long long)b->from_s);
}

static struct model_known known; /* too large for a stack */
static void check_questions(struct model *m, const struct rights_index *ix, int64_t titles, int count, uint64_t seed, unsigned *seen) {
    enum { MANY = 40 };
    struct model_question asked[MANY];
    struct rights_question questions[MANY];
    struct rights_answer answers[MANY], alone;
    for (int done = 0; done < count; done += MANY) {
        for (int i = 0; i < MANY; i++) {
            asked[i] = model_ask(m, titles);
            questions[i] = asked[i].q;
        }
        rights_index_decide_many(ix, questions, MANY, answers);
        for (int i = 0; i < MANY; i++) {
            model_try(m, &asked[i], &known);
            struct rights_answer plain = model_decide(&known, asked[i].q.at_s);
            same_answer(&answers[i], &plain, &asked[i], seed);
            rights_index_decide(ix, &questions[i], &alone);
            same_answer(&alone, &plain, &asked[i], seed);
            *seen |= 1u << plain.reason;
        }
    }
}

static void index_answers_as_read_plainly(void **state) {
    unsigned seen = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct model m = model_make(seed, 12, 6, 20);
        struct rights_index *ix = model_compile(&m);
        check_questions(&m, ix, 12, 200, seed, &seen);
        rights_index_destroy(&ix);
        model_free(&m);
    }
    assert_int_equal(seen, (1u << RIGHTS_REASONS) - 1); /* every reason has occurred */
}

static void titles_with_many_lines_answer_as_read_plainly(void **state) {
    static const size_t counts[] = {INDEX_FEW, INDEX_FEW + 1, 64, 65, 127, 128, 300, 3000};
    unsigned seen = 0;
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        struct model m = model_make(100 + i, 4, 80, counts[i]);
        struct rights_index *ix = model_compile(&m);
        check_questions(&m, ix, 4, counts[i] > 1000 ? 120 : 400, 100 + i, &seen);
        rights_index_destroy(&ix);
        model_free(&m);
    }
}

/* Lines of a title given anew, lines of none, new titles, deals that change: always the same as compiled afresh. */
static void updates_lead_to_the_same_index(void **state) {
    unsigned seen = 0;
    for (uint64_t seed = 200; seed < 206; seed++) {
        struct model m = model_make(seed, 6, 6, 70);
        struct rights_index *ix = model_compile(&m);
        for (int step = 0; step < 30; step++) {
            int64_t titles[2] = {1 + (int64_t)model_below(&m, 6), 7 + (int64_t)step};
            size_t title_count = model_one_in(&m, 2) ? 2 : 1, kept = 0, given = 0;
            for (size_t i = 0; i < m.line_count; i++)
                if (m.lines[i].title_id != titles[0] || !model_one_in(&m, 3)) m.lines[kept++] = m.lines[i];
            m.line_count = kept;
            size_t added = model_below(&m, 12) == 0 ? 90 : model_below(&m, 4);
            for (size_t i = 0; i < added; i++) model_line_add(&m, titles[model_below(&m, title_count)]);
            struct index_line *lines = calloc(m.line_count + 1, sizeof *lines);
            for (size_t i = 0; i < m.line_count; i++)
                if (m.lines[i].title_id == titles[0] || (title_count == 2 && m.lines[i].title_id == titles[1])) lines[given++] = m.lines[i];
            for (size_t i = given; i > 1; i--) { /* in any order */
                size_t j = model_below(&m, i);
                struct index_line one = lines[i - 1];
                lines[i - 1] = lines[j];
                lines[j] = one;
            }
            struct index_deal *d = &m.deals[model_below(&m, MODEL_DEALS)];
            d->status = (enum rights_status)model_below(&m, RIGHTS_STATUSES);
            if (model_one_in(&m, 10)) model_ok(rights_index_replace(ix, m.deals, MODEL_DEALS, m.lines, m.line_count));
            else
                model_ok(rights_index_update(ix, &(struct index_change){.deals = d, .deal_count = 1, .titles = titles, .title_count = title_count, .lines = lines, .line_count = given}));
            free(lines);
            check_questions(&m, ix, 6, 40, seed, &seen);
        }
        struct rights_index_stats s = rights_index_stats(ix);
        assert_int_equal(s.lines, m.line_count);
        assert_int_equal(s.bytes_waiting, 0); /* nobody reads */
        rights_index_destroy(&ix);
        model_free(&m);
    }
}

static void what_cannot_be_compiled_is_refused_and_changes_nothing(void **state) {
    struct model m = model_make(300, 3, 4, 60);
    struct rights_index *ix = model_compile(&m), *none = NULL;
    struct index_line good = m.lines[m.line_count - 1], bad;
    static const struct {
        int64_t starts_s, ends_s;
    } windows[] = {{5, 5}, {9, 3}, {-1, 5}, {0, RIGHTS_ENDLESS + 1}};
    for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
        bad = good;
        bad.starts_s = windows[i].starts_s;
        bad.ends_s = windows[i].ends_s;
        assert_string_equal(rights_index_create(&none, m.deals, MODEL_DEALS, &bad, 1).code, "rights.window");
        assert_string_equal(rights_index_update(ix, &(struct index_change){.titles = &bad.title_id, .title_count = 1, .lines = &bad, .line_count = 1}).code, "rights.window");
    }
    bad = good;
    bad.deal_id = 77;
    assert_string_equal(rights_index_update(ix, &(struct index_change){.titles = &bad.title_id, .title_count = 1, .lines = &bad, .line_count = 1}).code, "rights.deal");
    int64_t other = 2;
    assert_string_equal(rights_index_update(ix, &(struct index_change){.titles = &other, .title_count = 1, .lines = &good, .line_count = 1}).code, "rights.title");
    assert_null(none);
    unsigned seen = 0;
    check_questions(&m, ix, 3, 80, 300, &seen);
    rights_index_destroy(&ix);
    rights_index_destroy(&ix);
    model_free(&m);
}

/* Endless windows, the last second there is, and beyond. */
static void the_ends_of_time(void **state) {
    struct index_deal deal = {.id = 1, .party_id = 2, .direction = RIGHTS_OWN, .status = RIGHTS_ACTIVE};
    uint32_t world;
    struct slice bad;
    model_ok(rights_territories_of(SLICE("WORLD"), &world, &bad));
    struct index_line lines[] = {
        {.id = 1, .title_id = 1, .deal_id = 1, .territories = world, .media = 1, .starts_s = 0, .ends_s = RIGHTS_ENDLESS},
        {.id = 2, .title_id = 2, .deal_id = 1, .territories = world, .media = 1, .starts_s = RIGHTS_TIME_MAX, .ends_s = RIGHTS_ENDLESS},
        {.id = 3, .title_id = 3, .deal_id = 1, .territories = world, .media = 1, .starts_s = 0, .ends_s = RIGHTS_TIME_MAX},
    };
    struct rights_index *ix;
    model_ok(rights_index_create(&ix, &deal, 1, lines, ARRAY_LEN(lines)));
    struct rights_answer a;
    struct rights_question q = {.titles = {1}, .place.country = RIGHTS_NOWHERE};
    static const int64_t times[] = {INT64_MIN, -1, 0, 1, RIGHTS_TIME_MAX, RIGHTS_ENDLESS, INT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        q.at_s = times[i];
        rights_index_decide(ix, &q, &a);
        assert_true(a.is_allowed);
        assert_int_equal(a.until_s, RIGHTS_ENDLESS);
    }
    q.titles[0] = 2;
    q.at_s = RIGHTS_TIME_MAX - 1;
    rights_index_decide(ix, &q, &a);
    assert_int_equal(a.reason, RIGHTS_BECAUSE_NOT_YET);
    assert_int_equal(a.until_s, RIGHTS_TIME_MAX);
    q.titles[0] = 3;
    rights_index_decide(ix, &q, &a);
    assert_int_equal(a.until_s, RIGHTS_TIME_MAX);
    rights_index_destroy(&ix);
}

static void each_allocation_may_fail(void **state) {
    struct model m = model_make(400, 10, 4, 60);
    uint64_t nth = 0;
    unsigned seen = 0;
    for (bool has_failed = true; has_failed;) {
        struct rights_index *ix = NULL;
        fault_arm(FAULT_ALLOC, ++nth, false);
        struct err e = rights_index_create(&ix, m.deals, MODEL_DEALS, m.lines, m.line_count);
        has_failed = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        assert_int_equal(e.kind, has_failed ? ERR_LIMIT : ERR_NONE);
        rights_index_destroy(&ix);
    }
    assert_true(nth > 10);
    struct rights_index *ix = model_compile(&m);
    struct model changed = m;
    int64_t titles[40];
    struct index_line lines[40];
    for (int i = 0; i < 40; i++) { /* new titles with new scopes: the table grows, and so do scopes and deals */
        titles[i] = 50 + i;
        lines[i] = m.lines[i];
        lines[i].title_id = titles[i];
        lines[i].media = (uint16_t)(16 + i);
        lines[i].id = 5000 + i;
    }
    nth = 0;
    for (bool has_failed = true; has_failed;) {
        fault_arm(FAULT_ALLOC, ++nth, false);
        struct err e = rights_index_update(ix, &(struct index_change){.titles = titles, .title_count = 40, .lines = lines, .line_count = 40});
        has_failed = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        assert_int_equal(e.kind, has_failed ? ERR_LIMIT : ERR_NONE);
        if (!has_failed) break;
        assert_int_equal(rights_index_stats(ix).lines, m.line_count);
        check_questions(&changed, ix, 10, 40, 400, &seen);
    }
    assert_true(nth > 10);
    assert_int_equal(rights_index_stats(ix).lines, m.line_count + 40);
    rights_index_destroy(&ix);
    model_free(&m);
}

/* --- readers and a writer --- */

static struct {
    struct rights_index *ix;
    _Atomic bool is_over;
    _Atomic uint64_t wrong, read;
} busy;

/* Each title always has a grant for Germany, with an id that tells the title: whatever a reader meets, the answer is of its title. */
static void read_on(void *arg) {
    struct rng rng = rng_seeded((uint64_t)(uintptr_t)arg);
    struct rights_question q[8] = {0};
    struct rights_answer a[8];
    while (!atomic_load(&busy.is_over)) {
        for (int i = 0; i < 8; i++) {
            q[i].titles[0] = 1 + (int64_t)rng_below(&rng, 20);
            assert_true(rights_country_parse(SLICE("DE"), &q[i].place.country));
            q[i].at_s = 10;
        }
        rights_index_decide_many(busy.ix, q, 8, a);
        for (int i = 0; i < 8; i++)
            if (!a[i].is_allowed || a[i].line_id / 100000 != q[i].titles[0]) atomic_fetch_add(&busy.wrong, 1);
        atomic_fetch_add(&busy.read, 8);
    }
}
static size_t busy_lines(int64_t title, uint32_t set, size_t count, int64_t version, struct index_line *out) {
    for (size_t i = 0; i < count; i++)
        out[i] = (struct index_line){.id = title * 100000 + version * 100 + (int64_t)i, .title_id = title, .deal_id = 1 + version % 3, .territories = set,
                                     .media = (uint16_t)(1 | version << 1), .starts_s = (int64_t)i % 5, .ends_s = 100 + (int64_t)i};
    return count;
}
static void readers_go_on_while_lines_change(void **state) {
    enum { TITLES = 20, STEPS = 400 };
    struct index_deal deals[3];
    for (int i = 0; i < 3; i++) deals[i] = (struct index_deal){.id = 1 + i, .party_id = 5, .direction = RIGHTS_IN, .status = RIGHTS_ACTIVE};
    uint32_t sets[2];
    struct slice bad;
    model_ok(rights_territories_of(SLICE("DE,AT"), &sets[0], &bad));
    model_ok(rights_territories_of(SLICE("WORLD,-US"), &sets[1], &bad));
    static struct index_line lines[TITLES * 70];
    size_t count = 0;
    for (int64_t t = 1; t <= TITLES; t++) count += busy_lines(t, sets[0], 3, 1, lines + count);
    model_ok(rights_index_create(&busy.ix, deals, 3, lines, count));
    atomic_store(&busy.is_over, false);
    struct thread *readers[3];
    for (uintptr_t i = 0; i < 3; i++) model_ok(thread_start(&readers[i], "reader", read_on, (void *)(i + 1)));
    struct rng rng = rng_seeded(9);
    for (int step = 0; step < STEPS; step++) {
        int64_t title = 1 + (int64_t)rng_below(&rng, TITLES), titles[2] = {title, 1000 + step};
        size_t given = busy_lines(title, sets[step % 2], rng_below(&rng, 4) ? 3 : 65, step % 900, lines);
        given += busy_lines(1000 + step, sets[0], 1, 1, lines + given); /* new titles, so that tables grow */
        model_ok(rights_index_update(busy.ix, &(struct index_change){.deals = &deals[step % 3], .deal_count = 1, .titles = titles, .title_count = 2, .lines = lines, .line_count = given}));
        if (step % 100 == 99) {
            count = 0;
            for (int64_t t = 1; t <= TITLES; t++) count += busy_lines(t, sets[1], t % 7 ? 2 : 60, 3, lines + count);
            model_ok(rights_index_replace(busy.ix, deals, 3, lines, count));
        }
    }
    while (atomic_load(&busy.read) < 1000) {}
    atomic_store(&busy.is_over, true);
    for (int i = 0; i < 3; i++) thread_join(&readers[i]);
    assert_int_equal(atomic_load(&busy.wrong), 0);
    model_ok(rights_index_update(busy.ix, &(struct index_change){0})); /* nobody reads any more: all comes back */
    assert_int_equal(rights_index_stats(busy.ix).bytes_waiting, 0);
    rights_index_destroy(&busy.ix);
}

static void kinds_are_those_of_the_table(void **state) {
    (void)state;
    for (int asker = 0; asker < ASKERS; asker++)
        for (int kind = 0; kind < KINDS; kind++) assert_int_equal(rights_kinds[asker] >> kind & 1, rights_roles[asker][kind] != ROLE_NOTHING);
}

static void the_fast_sieve_equals_the_plain_one(void **state) {
    (void)state;
    static const uint32_t ends[] = {0, 1, 0x7fffffff, 0x80000000, 0x80000001, UINT32_MAX - 1, UINT32_MAX};
    struct rng rng = rng_seeded(29);
    size_t kept = 0, dropped = 0;
    for (int round = 0; round < 20000; round++) {
        struct record records[64];
        uint32_t count = (uint32_t)rng_below(&rng, 65), kinds = (uint32_t)rng_below(&rng, 1 << KINDS) << WHAT_KIND_SHIFT, media = (uint32_t)rng_below(&rng, 1 << RIGHTS_MEDIA);
        uint32_t at_s = round % 3 ? (uint32_t)rng_u64(&rng) : ends[rng_below(&rng, ARRAY_LEN(ends))];
        for (uint32_t i = 0; i < count; i++)
            records[i] = (struct record){.end_s = rng_below(&rng, 2) ? (uint32_t)rng_u64(&rng) : ends[rng_below(&rng, ARRAY_LEN(ends))], .what = (uint32_t)rng_u64(&rng), .start_s = UINT32_MAX, .scope = UINT32_MAX};
        uint64_t plain = sieve_plain(records, 0, count, kinds, media, at_s);
        assert_true(sieve(records, count, kinds, media, at_s) == plain);
        kept += (size_t)__builtin_popcountll(plain);
        dropped += count - (size_t)__builtin_popcountll(plain);
    }
    assert_true(kept > 10000 && dropped > 10000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_those_of_the_table),
        cmocka_unit_test(the_fast_sieve_equals_the_plain_one),
        cmocka_unit_test(index_answers_as_read_plainly),
        cmocka_unit_test(titles_with_many_lines_answer_as_read_plainly),
        cmocka_unit_test(updates_lead_to_the_same_index),
        cmocka_unit_test(what_cannot_be_compiled_is_refused_and_changes_nothing),
        cmocka_unit_test(the_ends_of_time),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(readers_go_on_while_lines_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
