/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/rights/few.h"
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

/* As a processor answers that has no better way. Nobody else reads. */
static void line_by_line(const struct rights_index *index, const struct rights_question *q, struct rights_answer *out) {
    struct rights_index *ix = (struct rights_index *)index;
    bool is_fast = ix->is_fast;
    ix->is_fast = false;
    rights_index_decide(ix, q, out);
    ix->is_fast = is_fast;
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
            line_by_line(ix, &questions[i], &alone);
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
    m.deals[0].status = m.deals[0].status == RIGHTS_ACTIVE ? RIGHTS_SUSPENDED : RIGHTS_ACTIVE; /* blocks of many titles are made anew */
    nth = 0;
    for (bool has_failed = true; has_failed;) {
        fault_arm(FAULT_ALLOC, ++nth, false);
        struct err e = rights_index_update(ix, &(struct index_change){.deals = m.deals, .deal_count = 1});
        has_failed = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        assert_int_equal(e.kind, has_failed ? ERR_LIMIT : ERR_NONE);
        check_questions(has_failed ? &changed : &m, ix, 10, 40, 400, &seen);
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
        for (int i = 0; i < 8; i++) { /* titles that there never are, while others come */
            struct rights_question none = {.titles = {-1 - (int64_t)rng_below(&rng, 1000000)}, .at_s = q[0].at_s};
            rights_index_decide(busy.ix, &none, &a[0]);
            if (a[0].reason != RIGHTS_BECAUSE_NONE) atomic_fetch_add(&busy.wrong, 1);
        }
        atomic_fetch_add(&busy.read, 8);
    }
}
static size_t busy_lines(int64_t title, uint32_t set, size_t count, int64_t version, struct index_line *out) {
    for (size_t i = 0; i < count; i++)
        out[i] = (struct index_line){.id = title * 100000 + version * 100 + (int64_t)i, .title_id = title, .deal_id = 1 + version % 3, .territories = set,
                                     .media = (uint16_t)(1 | version << 1), .starts_s = (int64_t)i % 5, .ends_s = 100 + (int64_t)i};
    return count;
}
/* Of two deals one is always active, and each has a line of one of the two titles. */
static void ask_both(void *arg) {
    struct rng rng = rng_seeded((uint64_t)(uintptr_t)arg);
    while (!atomic_load(&busy.is_over)) {
        struct rights_question q = {.titles = {1, 2}, .at_s = 10};
        if (rng_below(&rng, 2)) q.titles[0] = 2, q.titles[1] = 1;
        assert_true(rights_country_parse(SLICE("DE"), &q.place.country));
        struct rights_answer a;
        rights_index_decide(busy.ix, &q, &a);
        if (!a.is_allowed) atomic_fetch_add(&busy.wrong, 1);
        atomic_fetch_add(&busy.read, 1);
    }
}
static void lines_of_deals_turn_in_one_moment(void **state) {
    (void)state;
    struct index_deal deals[2];
    for (int i = 0; i < 2; i++) deals[i] = (struct index_deal){.id = 1 + i, .party_id = 5, .direction = RIGHTS_IN, .status = i ? RIGHTS_SUSPENDED : RIGHTS_ACTIVE};
    struct index_line lines[2] = {0};
    struct slice bad;
    for (int i = 0; i < 2; i++) {
        lines[i] = (struct index_line){.id = 1 + i, .title_id = 1 + i, .deal_id = 1 + i, .media = 1, .ends_s = 100};
        model_ok(rights_territories_of(SLICE("DE"), &lines[i].territories, &bad));
    }
    model_ok(rights_index_create(&busy.ix, deals, 2, lines, 2));
    atomic_store(&busy.is_over, false);
    atomic_store(&busy.read, 0);
    atomic_store(&busy.wrong, 0);
    struct thread *readers[2];
    for (uintptr_t i = 0; i < 2; i++) model_ok(thread_start(&readers[i], "reader", ask_both, (void *)(i + 1)));
    for (int step = 0; step < 2000 || atomic_load(&busy.read) < 1000; step++) {
        for (int i = 0; i < 2; i++) deals[i].status = (step + i) % 2 ? RIGHTS_ACTIVE : step % 3 ? RIGHTS_SUSPENDED : RIGHTS_TERMINATED;
        model_ok(rights_index_update(busy.ix, &(struct index_change){.deals = deals, .deal_count = 2}));
    }
    atomic_store(&busy.is_over, true);
    for (int i = 0; i < 2; i++) thread_join(&readers[i]);
    assert_int_equal(atomic_load(&busy.wrong), 0);
    model_ok(rights_index_update(busy.ix, &(struct index_change){0}));
    assert_int_equal(rights_index_stats(busy.ix).bytes_waiting, 0);
    rights_index_destroy(&busy.ix);
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
        for (unsigned kind = 0; kind < KINDS; kind++)
            for (unsigned role = 0; role < ROLES; role++) assert_int_equal(rights_kinds[asker][role] >> kind & 1, rights_roles[asker][kind] == role);
    for (int asker = 0; asker < ASKERS; asker++)
        for (unsigned code = 0; code < 32; code++) {
            unsigned role = code & 7 ? rights_roles[asker][(code & 7) - 1] : ROLE_NOTHING;
            bool is_inactive = code & 8, is_spent = code & 16;
            enum verdict standing = role == ROLE_NOTHING || (is_inactive && role != ROLE_GRANT) ? VERDICT_NONE
                                    : role == ROLE_BLACKOUT                                     ? VERDICT_BLACKOUT
                                    : role == ROLE_HOLDBACK                                     ? VERDICT_HOLDBACK
                                    : role == ROLE_EXCLUSIVE                                    ? VERDICT_EXCLUSIVE
                                    : is_inactive                                               ? VERDICT_INACTIVE
                                    : is_spent                                                  ? VERDICT_SPENT
                                                                                                : VERDICT_GRANT;
            assert_int_equal(few_standing[asker][code], standing);
        }
}

#if defined(__x86_64__)
FEW_FAST static void fast_of(const struct ask *a, const struct block *const *blocks, unsigned count, struct rights_answer *out) {
    struct chunk chunks[CHUNKS_MAX];
    unsigned n = chunks_of(blocks, count, chunks);
    if (n == 1) few_fast(a, chunks, 1, out);
    else if (n == 2) few_fast(a, chunks, 2, out);
    else few_fast_any(a, blocks, count, out);
}
static void sixteen_at_once_answer_as_one_by_one(void **state) {
    (void)state;
    if (!processor_is_fast()) skip();
    enum { SCOPES = 64 };
    static const char *const texts[] = {"WORLD", "DE,AT", "DE-BY,US", "WORLD,-US-CA"}, *const spoken[] = {"", "de", "en,th"}, *const asked[] = {"", "de", "fr"};
    static const uint32_t times[] = {0, 1, 0x7fffffff, 0x80000000, 0x80000001, UINT32_MAX - 2, UINT32_MAX - 1, UINT32_MAX};
    static _Alignas(64) _Atomic uint32_t row[PLACES_MAX / PLACES_A_WORD];
    static struct scope scopes[SCOPES];
    static uint32_t parties[SCOPES];
    struct rng rng = rng_seeded(29);
    struct slice bad;
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        uint32_t unsure = (uint32_t)(rng_u64(&rng) & rng_u64(&rng)) & 0xaaaaaaaa, holds = (uint32_t)rng_u64(&rng) & 0x55555555;
        atomic_store(&row[i], unsure | unsure >> 1 | holds); /* what is unsure may hold */
    }
    for (size_t i = 0; i < SCOPES; i++) {
        scopes[i].party_id = (int64_t)rng_below(&rng, 3) + ((int64_t)rng_below(&rng, 2) << 32); /* alike in half of their bits */
        parties[i] = (uint32_t)scopes[i].party_id;
        model_ok(rights_territories_of(slice_cstr(texts[i % ARRAY_LEN(texts)]), &scopes[i].territories, &bad));
        model_ok(rights_languages_of(slice_cstr(spoken[i % ARRAY_LEN(spoken)]), &scopes[i].languages, &bad));
    }
    uint32_t tags[ARRAY_LEN(asked)];
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) model_ok(rights_tag_of(slice_cstr(asked[i]), &tags[i]));
    unsigned reasons[RIGHTS_REASONS] = {0}, counting = 0, from_row[2] = {0};
    for (int round = 0; round < 20000; round++) {
        static const uint32_t words[] = {16, 32, 64, PLACES_MAX / PLACES_A_WORD};
        struct rights_question q = {.medium = (enum rights_medium)rng_below(&rng, RIGHTS_MEDIA), .language = tags[rng_below(&rng, 2) ? 0 : rng_below(&rng, ARRAY_LEN(tags))],
                                    .party_id = rng_below(&rng, 3) ? 0 : scopes[rng_below(&rng, SCOPES)].party_id};
        assert_true(rights_country_parse(SLICE("US"), &q.place.country));
        struct ask a = {.q = &q, .place_words = words[round % 4], .places = row, .scopes = scopes, .scope_parties = parties};
        bool is_short = rng_below(&rng, 2); /* few instants, so that many are equal */
        a.at_s = round % 3 ? is_short ? (uint32_t)rng_below(&rng, 20) : (uint32_t)rng_u64(&rng) : times[rng_below(&rng, ARRAY_LEN(times) - 1)];
        unsigned count = 1 + (unsigned)rng_below(&rng, TITLES_MAX), few_kinds = (unsigned)rng_below(&rng, 4);
        struct block *blocks[TITLES_MAX];
        for (unsigned n = 0; n < count; n++) {
            size_t lines = 1 + (size_t)rng_below(&rng, rng_below(&rng, 3) ? 16 : INDEX_FEW);
            blocks[n] = malloc(block_bytes(lines)); /* to the byte, so that reading past its end is seen */
            assert_non_null(blocks[n]);
            *blocks[n] = (struct block){.count = (uint32_t)lines};
            for (size_t i = 0; i < lines; i++) {
                uint32_t *end_s = &blocks[n]->columns[i], *what = end_s + lines, *start_s = what + lines, *scope = start_s + lines;
                *start_s = is_short ? (uint32_t)rng_below(&rng, 30) : rng_below(&rng, 2) ? (uint32_t)rng_u64(&rng) : times[rng_below(&rng, ARRAY_LEN(times) - 1)];
                if (*start_s == UINT32_MAX) *start_s = 0;
                uint32_t room = UINT32_MAX - *start_s; /* it ends after it starts */
                *end_s = *start_s + 1 + (uint32_t)rng_below(&rng, is_short && room > 12 ? 12 : room);
                *scope = (uint32_t)rng_below(&rng, SCOPES);
                *what = (uint32_t)rng_u64(&rng) & ~(UINT32_C(1) << (WHAT_PLACE_SHIFT - 1)) & (uint32_t)(((uint64_t)a.place_words * PLACES_A_WORD << WHAT_PLACE_SHIFT) - 1);
                if (few_kinds == 0) *what = (*what & ~(UINT32_C(31) << WHAT_KIND_SHIFT)) | ((uint32_t)(1 + KIND_GRANT) << WHAT_KIND_SHIFT) | (*what & WHAT_IS_SPENT);
                if (few_kinds == 1) *what &= ~(UINT32_C(7) << WHAT_KIND_SHIFT) | (UINT32_C(1) << WHAT_KIND_SHIFT);
                if (!(*what >> WHAT_KIND_SHIFT & 7)) *what |= (uint32_t)(1 + KIND_SALE) << WHAT_KIND_SHIFT;
                ((int64_t *)block_ids(blocks[n]))[i] = 1000 * (n + 1) + (int64_t)i;
            }
            for (size_t i = 1; i < lines; i++) /* by start */
                for (size_t k = i; k && block_starts(blocks[n])[k] < block_starts(blocks[n])[k - 1]; k--) {
                    uint32_t *at = &blocks[n]->columns[k];
                    for (int column = 0; column < 4; column++, at += lines) {
                        uint32_t one = at[0];
                        at[0] = at[-1];
                        at[-1] = one;
                    }
                }
        }
        struct rights_answer fast, plain;
        memset(&fast, 0xee, sizeof fast);
        fast_of(&a, (const struct block *const *)blocks, count, &fast);
        few_plain(&a, (const struct block *const *)blocks, count, &plain);
        if (fast.is_allowed != plain.is_allowed || fast.reason != plain.reason || fast.line_id != plain.line_id || fast.until_s != plain.until_s || fast.from_s != plain.from_s ||
            fast.counts_plays != plain.counts_plays)
            fail_msg("round %d: fast %d reason %d line %d until %lld from %lld counts %d, plain %d reason %d line %d until %lld from %lld counts %d", round, fast.is_allowed, fast.reason,
                     (int)fast.line_id, (long long)fast.until_s, (long long)fast.from_s, fast.counts_plays, plain.is_allowed, plain.reason, (int)plain.line_id, (long long)plain.until_s,
                     (long long)plain.from_s, plain.counts_plays);
        reasons[plain.reason]++;
        counting += plain.counts_plays;
        from_row[plain.until_s == RIGHTS_ENDLESS]++;
        for (unsigned n = 0; n < count; n++) free(blocks[n]);
    }
    for (int i = 0; i < RIGHTS_REASONS; i++) assert_true(reasons[i] > 20);
    assert_true(counting > 100 && from_row[0] > 1000 && from_row[1] > 1000);
}
#else
static void sixteen_at_once_answer_as_one_by_one(void **state) {
    (void)state;
    skip();
}
#endif

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

/* Ids one after the other, with gaps, far apart, at both ends of what there is: each title is found with its own lines, and those between have none. */
enum { SPREAD_TITLES = 400, SPREAD_LINES = 150 };
struct spread {
    int64_t ids[SPREAD_TITLES];
    int64_t expected[SPREAD_TITLES]; /* the line that decides; 0: it has none */
};
static int64_t spread_id(int way, int64_t i) {
    switch (way) {
    case 0: return 1 + i;
    case 1: return 1000 + 7 * i;
    case 2: return 5 + 1000 * i;
    case 3: return i == 0 ? INT64_MIN : i == 1 ? INT64_MAX : i;
    default: return i < 50 ? i - 50 : i - 49; /* there is no title 0 */
    }
}
/* Of one title; the first one ends last. */
static size_t spread_lines(struct index_line *out, int64_t title, int64_t first_id, size_t count, uint32_t world) {
    for (size_t k = 0; k < count; k++)
        out[k] = (struct index_line){.id = first_id + (int64_t)k, .title_id = title, .deal_id = 1, .territories = world, .media = 1,
                                     .ends_s = k ? 10 + (int64_t)k : RIGHTS_ENDLESS};
    return count;
}
static void spread_check(const struct rights_index *ix, const struct spread *s, bool is_active) {
    struct rights_question q[SPREAD_TITLES] = {0};
    struct rights_answer one, many[SPREAD_TITLES];
    for (size_t i = 0; i < SPREAD_TITLES; i++) q[i] = (struct rights_question){.titles = {s->ids[i]}, .place.country = RIGHTS_NOWHERE, .at_s = 5};
    rights_index_decide_many(ix, q, SPREAD_TITLES, many);
    for (size_t i = 0; i < SPREAD_TITLES; i++) {
        rights_index_decide(ix, &q[i], &one);
        assert_int_equal(one.line_id, s->expected[i]);
        assert_int_equal(one.reason, !s->expected[i] ? RIGHTS_BECAUSE_NONE : is_active ? RIGHTS_BECAUSE_ALLOWED : RIGHTS_BECAUSE_DEAL);
        assert_true(many[i].line_id == one.line_id && many[i].reason == one.reason && many[i].until_s == one.until_s);
    }
}
static void titles_are_found_however_their_ids_lie(void **state) {
    static struct index_line lines[SPREAD_TITLES * SPREAD_LINES];
    static struct spread s;
    struct index_deal deal = {.id = 1, .party_id = 2, .direction = RIGHTS_OWN, .status = RIGHTS_ACTIVE};
    uint32_t world;
    struct slice bad;
    model_ok(rights_territories_of(SLICE("WORLD"), &world, &bad));
    for (int way = 0; way < 5; way++) {
        struct rng rng = rng_seeded(900 + (uint64_t)way);
        size_t line_count = 0;
        bool are_large = false; /* blocks of one shelf after the other: so that steps of all lengths are there */
        for (size_t i = 0; i < SPREAD_TITLES; i++) {
            if (i % 40 == 0) are_large = rng_below(&rng, 2);
            size_t count = i % 5 == 4 ? 0 : i % 17 == 0 ? 49 + rng_below(&rng, 100) : are_large ? 40 + rng_below(&rng, 9) : 1 + rng_below(&rng, 10);
            s.ids[i] = spread_id(way, (int64_t)i);
            s.expected[i] = count ? 1000 * (1 + (int64_t)i) : 0;
            line_count += spread_lines(lines + line_count, s.ids[i], s.expected[i], count, world);
        }
        for (size_t i = line_count - 1; i > 0; i--) { /* they come in any order */
            size_t k = rng_below(&rng, i + 1);
            struct index_line l = lines[i];
            lines[i] = lines[k];
            lines[k] = l;
        }
        struct rights_index *ix;
        model_ok(rights_index_create(&ix, &deal, 1, lines, line_count));
        spread_check(ix, &s, true);
        for (size_t i = 0; i < SPREAD_TITLES; i++) {
            struct rights_question q = {.titles = {way == 3 ? 1000 + (int64_t)i : spread_id(way, (int64_t)i) + (way == 0 || way == 4 ? 2000 : 1)}, .at_s = 5};
            struct rights_answer a;
            rights_index_decide(ix, &q, &a);
            assert_int_equal(a.reason, RIGHTS_BECAUSE_NONE);
        }
        for (int round = 0; round < 20; round++) {
            int64_t titles[SPREAD_TITLES / 8];
            size_t given = 0;
            line_count = 0;
            for (size_t n = 0, i = rng_below(&rng, 8); n < SPREAD_TITLES / 8; n++, i += 8, given++) {
                size_t count = rng_below(&rng, 4) ? 1 + rng_below(&rng, 60) : 0;
                titles[given] = s.ids[i];
                s.expected[i] = count ? 1000000 * (1 + (int64_t)round) + 1000 * (int64_t)i : 0;
                line_count += spread_lines(lines + line_count, s.ids[i], s.expected[i], count, world);
            }
            bool turns = round % 3 == 2;
            if (turns) deal.status = deal.status == RIGHTS_ACTIVE ? RIGHTS_SUSPENDED : RIGHTS_ACTIVE;
            model_ok(rights_index_update(ix, &(struct index_change){.deals = &deal, .deal_count = turns, .titles = titles, .title_count = given, .lines = lines, .line_count = line_count}));
            spread_check(ix, &s, deal.status == RIGHTS_ACTIVE);
            assert_int_equal(rights_index_stats(ix).bytes_waiting, 0);
        }
        deal.status = RIGHTS_ACTIVE;
        rights_index_destroy(&ix);
    }
}

/* Who looks for a title that is not there comes by a free place, where another title may just be being put. */
static void a_title_half_put_is_nobody_elses(void **state) {
    struct slab slab = {0};
    struct block block = {.title_id = 7};
    struct table *t = table_create(0, 0, &slab, 1);
    assert_non_null(t);
    struct node *node = table_node(t, 7);
    atomic_store(&node->block, &block);
    size_t came_by = 0;
    for (int64_t id = 1; id < 1000; id++) {
        came_by += table_node(t, id) == node;
        assert_null(table_find(t, id));
    }
    assert_true(came_by > 10);
    atomic_store(&node->title_id, 7);
    assert_ptr_equal(table_find(t, 7), &block);
    mem_free(t);
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
        cmocka_unit_test(sixteen_at_once_answer_as_one_by_one),
        cmocka_unit_test(index_answers_as_read_plainly),
        cmocka_unit_test(titles_with_many_lines_answer_as_read_plainly),
        cmocka_unit_test(updates_lead_to_the_same_index),
        cmocka_unit_test(what_cannot_be_compiled_is_refused_and_changes_nothing),
        cmocka_unit_test(there_may_be_more_sets_than_places),
        cmocka_unit_test(titles_are_found_however_their_ids_lie),
        cmocka_unit_test(a_title_half_put_is_nobody_elses),
        cmocka_unit_test(titles_without_lines_have_none),
        cmocka_unit_test(the_ends_of_time),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(lines_of_deals_turn_in_one_moment),
        cmocka_unit_test(readers_go_on_while_lines_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
