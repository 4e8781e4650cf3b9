/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The table of those who call: what it forgets, and that no reader ever sees what was changed before, whatever thread it is on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <string.h>

#include "base/rng.h"
#include "base/thread.h"
#include "business/account/table.h"
#include "store.h"

static const struct mono_time now = {5 * NS_PER_S};

static void hash_of(uint64_t n, uint8_t out[TABLE_HASH_BYTES]) {
    struct rng rng = rng_seeded(n);
    for (size_t i = 0; i < TABLE_HASH_BYTES; i += 8) {
        uint64_t x = rng_u64(&rng);
        memcpy(out + i, &x, 8);
    }
}
static struct account_who who_number(int64_t n) {
    return (struct account_who){.org_id = 1, .session_id = 1000000 + n, .user_id = 2000000 + n, .household_id = 3000000 + n / 2, .profile_id = n, .roles = (uint32_t)n};
}
static enum account_peek find(struct tables *t, int64_t n, struct account_who *who) {
    uint8_t hash[TABLE_HASH_BYTES];
    bool is_due;
    hash_of((uint64_t)n, hash);
    return tables_find(t, hash, 1, 100, now, who, &is_due);
}
static void put(struct tables *t, int64_t n) {
    uint8_t hash[TABLE_HASH_BYTES];
    struct account_who who = who_number(n);
    hash_of((uint64_t)n, hash);
    tables_put(t, tables_epoch(t), hash, &who, 1000, 90);
}

static void what_depends_on_a_change_is_forgotten(void **state) {
    struct tables *t = tables_create(0);
    struct account_who who;
    for (int64_t n = 0; n < 4; n++) put(t, n);
    for (int64_t n = 0; n < 4; n++) {
        assert_int_equal(find(t, n, &who), ACCOUNT_KNOWN);
        assert_true(who.session_id == 1000000 + n && who.roles == (uint32_t)n);
    }
    tables_bump(t, (int64_t[]){1000000}, 1); /* a session */
    assert_int_equal(find(t, 0, &who), ACCOUNT_ASK);
    tables_bump(t, (int64_t[]){3000001}, 1); /* a household: its two users */
    assert_int_equal(find(t, 1, &who), ACCOUNT_KNOWN);
    assert_int_equal(find(t, 2, &who), ACCOUNT_ASK);
    assert_int_equal(find(t, 3, &who), ACCOUNT_ASK);
    tables_bump(t, (int64_t[]){2000001}, 1); /* a user */
    assert_int_equal(find(t, 1, &who), ACCOUNT_ASK);
    for (int64_t n = 0; n < 4; n++) put(t, n);
    tables_bump_all(t);
    for (int64_t n = 0; n < 4; n++) assert_int_equal(find(t, n, &who), ACCOUNT_ASK);
    tables_destroy(&t);
}

static void news_from_before_a_change_are_not_kept(void **state) {
    struct tables *t = tables_create(0);
    uint8_t hash[TABLE_HASH_BYTES];
    struct account_who who = who_number(7);
    hash_of(7, hash);
    uint64_t epoch = tables_epoch(t); /* a loader begins to read the store, */
    tables_bump(t, &who.user_id, 1);  /* a change is committed and told, */
    tables_put(t, epoch, hash, &who, 1000, 90); /* and what was read before comes too late */
    assert_int_equal(find(t, 7, &who), ACCOUNT_ASK);
    struct account_household_facts facts = {.org_id = 1, .household_id = 3000003, .country = "DE"};
    epoch = tables_epoch(t);
    tables_bump(t, &facts.household_id, 1);
    tables_household_put(t, epoch, &facts);
    assert_false(tables_household_find(t, 1, 3000003, &facts));
    tables_household_put(t, tables_epoch(t), &facts);
    assert_true(tables_household_find(t, 1, 3000003, &facts));
    assert_false(tables_household_find(t, 2, 3000003, &facts)); /* of another organisation */
    assert_false(tables_household_find(t, 1, 0, &facts));
    tables_destroy(&t);
}

static void time_and_strangers(void **state) {
    struct tables *t = tables_create(0);
    uint8_t hash[TABLE_HASH_BYTES];
    struct account_who who;
    bool is_due;
    put(t, 1);
    hash_of(1, hash);
    assert_int_equal(tables_find(t, hash, 2, 100, now, &who, &is_due), ACCOUNT_ASK);
    assert_int_equal(tables_find(t, hash, 1, 689, now, &who, &is_due), ACCOUNT_KNOWN);
    assert_false(is_due);
    assert_int_equal(tables_find(t, hash, 1, 690, now, &who, &is_due), ACCOUNT_KNOWN);
    assert_true(is_due); /* ten minutes after he was last seen */
    assert_int_equal(tables_find(t, hash, 1, 691, now, &who, &is_due), ACCOUNT_KNOWN);
    assert_false(is_due);
    assert_int_equal(tables_find(t, hash, 1, 1000, now, &who, &is_due), ACCOUNT_ASK); /* ended */
    hash_of(2, hash);
    tables_put_nobody(t, hash, 1, mono_add_ns(now, 10));
    assert_int_equal(find(t, 2, &who), ACCOUNT_NOBODY);
    assert_int_equal(tables_find(t, hash, 1, 100, mono_add_ns(now, 10), &who, &is_due), ACCOUNT_ASK);
    put(t, 2);
    tables_put_nobody(t, hash, 2, mono_add_ns(now, 10)); /* asked for at another organisation: he keeps his place */
    assert_int_equal(find(t, 2, &who), ACCOUNT_KNOWN);
    tables_remove(t, hash);
    assert_int_equal(find(t, 2, &who), ACCOUNT_ASK);
    tables_destroy(&t);
}

static void it_is_bounded_and_strangers_push_nobody_out(void **state) {
    enum { PEOPLE = 200 };
    struct tables *t = tables_create(2048);
    struct account_who who;
    uint8_t hash[TABLE_HASH_BYTES];
    int known = 0, before = 0;
    for (int64_t n = 0; n < PEOPLE; n++) put(t, n);
    for (int64_t n = 0; n < PEOPLE; n++) before += find(t, n, &who) == ACCOUNT_KNOWN;
    assert_true(before > PEOPLE * 95 / 100); /* buckets of eight at a tenth full */
    for (uint64_t n = 1; n < 50000; n++) { /* cookies that somebody makes up */
        hash_of(n << 20, hash);
        tables_put_nobody(t, hash, 1, mono_add_ns(now, NS_PER_S));
    }
    for (int64_t n = 0; n < PEOPLE; n++) known += find(t, n, &who) == ACCOUNT_KNOWN;
    assert_int_equal(known, before);
    for (int64_t n = PEOPLE; n < 50000; n++) put(t, n); /* more people than places */
    known = 0;
    for (int64_t n = 0; n < 50000; n++) {
        if (find(t, n, &who) != ACCOUNT_KNOWN) continue;
        assert_true(who.profile_id == n);
        known++;
    }
    assert_true(known > 1000 && known <= 2048);
    tables_destroy(&t);
}

/* The store is an array of versions; one thread changes it and tells the table, others read as account_session_find does. A reader that starts after a change was told
 * never sees an older version. */
enum { ITEMS = 16, ROUNDS = 3000, READERS = 3 };
struct race {
    struct tables *tables;
    _Atomic uint32_t stored[ITEMS], told[ITEMS];
    _Atomic bool is_over;
    _Atomic int hits, wrong, torn;
};

static void reader_run(void *arg) {
    struct race *r = arg;
    struct rng rng = rng_seeded((uint64_t)(uintptr_t)&rng);
    while (!atomic_load(&r->is_over)) {
        int64_t n = (int64_t)rng_below(&rng, ITEMS);
        uint32_t told = atomic_load(&r->told[n]);
        struct account_who who;
        uint8_t hash[TABLE_HASH_BYTES];
        bool is_due;
        hash_of((uint64_t)n, hash);
        if (tables_find(r->tables, hash, 1, 100, now, &who, &is_due) == ACCOUNT_KNOWN) {
            atomic_fetch_add(&r->hits, 1);
            if (who.roles < told) atomic_fetch_add(&r->wrong, 1);
            if (who.session_id != 1000000 + n || who.scopes != who.roles * 7) atomic_fetch_add(&r->torn, 1);
        } else {
            uint64_t epoch = tables_epoch(r->tables);
            who = who_number(n);
            who.roles = atomic_load(&r->stored[n]);
            who.scopes = who.roles * 7;
            tables_put(r->tables, epoch, hash, &who, 1000, 90);
        }
    }
}

static void no_reader_sees_what_was_before(void **state) {
    struct race r = {.tables = tables_create(64)};
    struct thread *readers[READERS] = {0};
    struct rng rng = rng_seeded(1);
    for (int i = 0; i < READERS; i++) assert_ok(thread_start(&readers[i], "reader", reader_run, &r));
    for (int round = 0; round < ROUNDS || atomic_load(&r.hits) < 1000; round++) {
        int64_t n = (int64_t)rng_below(&rng, ITEMS), id = 2000000 + n;
        uint32_t version = atomic_load(&r.stored[n]) + 1;
        atomic_store(&r.stored[n], version); /* committed, */
        tables_bump(r.tables, &id, 1);       /* told, */
        atomic_store(&r.told[n], version);   /* and from now on nobody may see the old one */
    }
    atomic_store(&r.is_over, true);
    for (int i = 0; i < READERS; i++) thread_join(&readers[i]);
    assert_int_equal(r.wrong, 0);
    assert_int_equal(r.torn, 0);
    assert_true(r.hits >= 1000);
    tables_destroy(&r.tables);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_depends_on_a_change_is_forgotten), cmocka_unit_test(news_from_before_a_change_are_not_kept), cmocka_unit_test(time_and_strangers),
        cmocka_unit_test(it_is_bounded_and_strangers_push_nobody_out), cmocka_unit_test(no_reader_sees_what_was_before),
    };
    return cmocka_run_group_tests_name("account table", tests, NULL, NULL);
}
