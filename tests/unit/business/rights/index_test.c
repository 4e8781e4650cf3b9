/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/rights/sift.h"
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
    static const size_t counts[] = {1, 15, 16, 17, 33, INDEX_FEW, INDEX_FEW + 1, 64, 65, 127, 128, 300, 3000};
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
    for (unsigned kind = 0; kind < KINDS; kind++) {
        uint32_t us = 0, party = 0;
        for (int asker = 0; asker < ASKERS; asker++)
            for (unsigned role = 0; role < ROLES; role++) assert_int_equal(rights_kinds[asker][role] >> kind & 1, rights_roles[asker][kind] == role);
        if (rights_roles[ASKER_US][kind] != ROLE_NOTHING) us |= (uint32_t)SIFT_OWN << rights_roles[ASKER_US][kind];
        if (rights_roles[ASKER_PARTY][kind] != ROLE_NOTHING) party |= (uint32_t)SIFT_OWN << rights_roles[ASKER_PARTY][kind];
        if (rights_roles[ASKER_OTHER][kind] != ROLE_NOTHING) party |= (uint32_t)SIFT_OTHERS << rights_roles[ASKER_OTHER][kind];
        if (rights_roles[ASKER_PARTY][kind] != rights_roles[ASKER_OTHER][kind]) party |= SIFT_SALE;
        for (unsigned again = 0; again < 16; again += 8) {
            assert_int_equal(sift_roles[false][kind + again], us);
            assert_int_equal(sift_roles[true][kind + again], party);
        }
    }
}

static void the_fast_sieve_equals_the_plain_one(void **state) {
    (void)state;
    if (!sift_has_avx512()) skip();
    static const uint32_t times[] = {0, 1, 0x7fffffff, 0x80000000, 0x80000001, UINT32_MAX - 1, UINT32_MAX};
    static _Alignas(64) _Atomic uint32_t row[PLACES_MAX / 32];
    struct rng rng = rng_seeded(29);
    for (size_t i = 0; i < ARRAY_LEN(row); i++) atomic_store(&row[i], (uint32_t)rng_u64(&rng));
    size_t seen[sizeof(struct sift) / sizeof(uint64_t)][2] = {0};
    for (int round = 0; round < 20000; round++) {
        static const uint32_t words[] = {16, 32, 64, PLACES_MAX / 32};
        struct sift_ask a = {.medium_bit = 1u << rng_below(&rng, RIGHTS_MEDIA), .places = row, .place_words = words[round % 4], .is_party = rng_below(&rng, 2)};
        a.roles = sift_roles[a.is_party];
        a.at_s = round % 3 ? (uint32_t)rng_u64(&rng) : times[rng_below(&rng, ARRAY_LEN(times))];
        struct sift fast, plain;
        struct columns fast_columns, plain_columns;
        memset(&fast, 0xee, sizeof fast);
        memset(&plain, 0xee, sizeof plain);
        unsigned from = 0, block_count = 1 + (unsigned)rng_below(&rng, 3);
        for (unsigned n = 0; n < block_count && from < SIFT_LINES; n++) {
            size_t count = 1 + (size_t)rng_below(&rng, SIFT_LINES - from);
            struct block *b = malloc(block_bytes(count)); /* to the byte, so that reading past its end is seen */
            assert_non_null(b);
            *b = (struct block){.count = (uint32_t)count};
            for (size_t i = 0; i < count; i++) {
                b->columns[i] = rng_below(&rng, 2) ? (uint32_t)rng_u64(&rng) : times[rng_below(&rng, ARRAY_LEN(times))];
                b->columns[count + i] = (uint32_t)rng_u64(&rng) & (uint32_t)(((uint64_t)a.place_words * 32 << WHAT_PLACE_SHIFT) - 1);
                b->columns[2 * count + i] = rng_below(&rng, 2) ? (uint32_t)rng_u64(&rng) : times[rng_below(&rng, ARRAY_LEN(times))];
                b->columns[3 * count + i] = UINT32_MAX;
            }
            sift_plain(&a, b, from, &plain, &plain_columns);
            sift_avx512(&a, b, from, &fast, &fast_columns);
            from += (unsigned)count;
            free(b);
        }
        size_t bytes = a.is_party ? sizeof plain : offsetof(struct sift, others);
        assert_memory_equal(&fast, &plain, bytes);
        assert_memory_equal(fast_columns.ends, plain_columns.ends, from * sizeof(uint32_t));
        assert_memory_equal(fast_columns.starts, plain_columns.starts, from * sizeof(uint32_t));
        assert_memory_equal(fast_columns.scopes, plain_columns.scopes, from * sizeof(uint32_t));
        for (size_t i = 0; i < bytes / sizeof(uint64_t); i++)
            for (unsigned line = 0; line < from; line++) seen[i][((const uint64_t *)&plain)[i] >> line & 1]++;
    }
    for (size_t i = 0; i < ARRAY_LEN(seen); i++) /* another's deal grants nothing; else both have occurred */
        assert_true(seen[i][0] > 10000 && (seen[i][1] > 10000 || i == offsetof(struct sift, others[ROLE_GRANT]) / sizeof(uint64_t)));
}

/* More sets of territories than there are places for in a row, and as many more in a second change: the last ones are looked up. */
static void there_may_be_more_sets_than_places(void **state) {
    (void)state;
    enum { SETS = PLACES_MAX + 300, FIRST = 500 };
    static uint32_t sets[SETS];
    static struct index_line lines[SETS];
    struct index_deal deal = {.id = 1, .party_id = 2, .direction = RIGHTS_OWN, .status = RIGHTS_ACTIVE};
    uint64_t bits[SETS][4];
    struct rng rng = rng_seeded(77);
    for (size_t i = 0; i < SETS; i++) {
        for (int k = 0; k < 4; k++) bits[i][k] = rng_u64(&rng);
        bits[i][3] &= (UINT64_C(1) << 57) - 1; /* 249 countries */
        model_ok(territories_intern(bits[i], NULL, 0, &sets[i]));
        lines[i] = (struct index_line){.id = 1 + (int64_t)i, .title_id = 1 + (int64_t)i, .deal_id = 1, .territories = sets[i], .media = 1, .starts_s = 5, .ends_s = 10};
    }
    struct rights_index *ix;
    model_ok(rights_index_create(&ix, &deal, 1, lines, FIRST));
    static int64_t titles[SETS];
    for (size_t i = FIRST; i < SETS; i++) titles[i] = lines[i].title_id;
    model_ok(rights_index_update(ix, &(struct index_change){.titles = titles + FIRST, .title_count = SETS - FIRST, .lines = lines + FIRST, .line_count = SETS - FIRST}));
    size_t yes = 0;
    for (size_t i = 0; i < SETS; i++)
        for (int k = 0; k < 8; k++) {
            struct rights_answer a;
            struct rights_question q = {.titles = {1 + (int64_t)i}, .place.country = (uint8_t)rng_below(&rng, RIGHTS_COUNTRIES), .at_s = 7};
            rights_index_decide(ix, &q, &a);
            assert_int_equal(a.is_allowed, bits_have(bits[i], q.place.country));
            assert_int_equal(a.line_id, 1 + (int64_t)i);
            yes += a.is_allowed;
        }
    assert_true(yes > SETS && yes < 7 * SETS);
    rights_index_destroy(&ix);
}

/* Titles go, others come: those that are gone have no lines, and the table grows past them. */
static void titles_without_lines_have_none(void **state) {
    (void)state;
    struct model m = model_make(500, 0, 0, 0);
    struct rights_index *ix = model_compile(&m);
    enum { TITLES = 300 };
    for (int64_t t = 1; t <= TITLES; t++) {
        m.line_count = 0;
        model_line_add(&m, t);
        model_ok(rights_index_update(ix, &(struct index_change){.titles = &t, .title_count = 1, .lines = m.lines, .line_count = 1}));
        int64_t gone = t / 2;
        if (t % 2 == 0) model_ok(rights_index_update(ix, &(struct index_change){.titles = &gone, .title_count = 1}));
        struct rights_index_stats s = rights_index_stats(ix);
        assert_int_equal(s.titles, t - t / 2);
        assert_int_equal(s.lines, t - t / 2);
        assert_int_equal(s.bytes_waiting, 0);
    }
    for (int64_t t = 1; t <= TITLES; t++) {
        struct index_line l = {.id = 1, .title_id = t, .deal_id = m.deals[0].id, .territories = m.sets[0], .media = 1, .starts_s = 0, .ends_s = RIGHTS_ENDLESS};
        struct rights_question q = {.titles = {t}, .at_s = 1};
        struct rights_answer a;
        rights_index_decide(ix, &q, &a);
        if (t <= TITLES / 2) assert_true(a.reason == RIGHTS_BECAUSE_NONE && a.line_id == 0 && a.until_s == RIGHTS_ENDLESS);
        if (t % 3 == 0) model_ok(rights_index_update(ix, &(struct index_change){.titles = &t, .title_count = 1, .lines = &l, .line_count = 1})); /* and come back */
    }
    assert_int_equal(rights_index_stats(ix).titles, TITLES / 2 + TITLES / 6);
    rights_index_destroy(&ix);
    model_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_those_of_the_table),
        cmocka_unit_test(the_fast_sieve_equals_the_plain_one),
        cmocka_unit_test(index_answers_as_read_plainly),
        cmocka_unit_test(titles_with_many_lines_answer_as_read_plainly),
        cmocka_unit_test(updates_lead_to_the_same_index),
        cmocka_unit_test(what_cannot_be_compiled_is_refused_and_changes_nothing),
        cmocka_unit_test(there_may_be_more_sets_than_places),
        cmocka_unit_test(titles_without_lines_have_none),
        cmocka_unit_test(the_ends_of_time),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(readers_go_on_while_lines_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
