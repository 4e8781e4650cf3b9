/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "fixture.h"

#include <sodium.h>

#define PEER SLICE("192.0.2.1")

static void a_link_lets_in_once(void **state) {
    struct fixture f = begin(state);
    struct account_secret code, session, second;
    struct account_who who;
    bool has_operator = true;
    assert_ok(account_has_operator(f.account, f.org, &has_operator));
    assert_false(has_operator);
    assert_ok(account_link_make(f.account, f.org, &code));
    assert_ok(account_has_operator(f.account, f.org, &has_operator));
    assert_true(has_operator);
    assert_ok(account_enter(f.account, f.org, text(&code), PEER, &session));
    assert_ok(account_session_find(f.account, f.org, text(&session), &who));
    assert_int_equal(who.org_id, f.org);
    assert_error(account_enter(f.account, f.org, text(&code), PEER, &second), "session.code");
    end(&f);
}

static void a_newer_link_ends_the_older(void **state) {
    struct fixture f = begin(state);
    struct account_secret old, young, session;
    assert_ok(account_link_make(f.account, f.org, &old));
    assert_ok(account_link_make(f.account, f.org, &young));
    assert_error(account_enter(f.account, f.org, text(&old), PEER, &session), "session.code");
    assert_ok(account_enter(f.account, f.org, text(&young), PEER, &session));
    end(&f);
}

static void links_and_sessions_end_in_time(void **state) {
    struct fixture f = begin(state);
    struct account_secret code, session;
    struct account_who who;
    assert_ok(account_link_make(f.account, f.org, &code));
    clock_manual_advance(f.clock, (int64_t)ACCOUNT_LINK_S * NS_PER_S);
    assert_error(account_enter(f.account, f.org, text(&code), PEER, &session), "session.code");
    assert_ok(account_link_make(f.account, f.org, &code));
    assert_ok(account_enter(f.account, f.org, text(&code), PEER, &session));
    clock_manual_advance(f.clock, (int64_t)(ACCOUNT_SESSION_S - 1) * NS_PER_S);
    assert_ok(account_session_find(f.account, f.org, text(&session), &who));
    clock_manual_advance(f.clock, NS_PER_S);
    assert_error(account_session_find(f.account, f.org, text(&session), &who), "session.required");
    end(&f);
}

static void leaving_ends_a_session(void **state) {
    struct fixture f = begin(state);
    struct account_secret code, session;
    struct account_who who;
    assert_ok(account_link_make(f.account, f.org, &code));
    assert_ok(account_enter(f.account, f.org, text(&code), PEER, &session));
    assert_ok(account_session_end(f.account, f.org, text(&session)));
    assert_error(account_session_find(f.account, f.org, text(&session), &who), "session.required");
    assert_error(account_session_find(f.account, f.org, SLICE_NONE, &who), "session.required");
    end(&f);
}

static void wrong_codes_bar_an_address_for_a_minute(void **state) {
    struct fixture f = begin(state);
    struct account_secret code, session;
    assert_ok(account_link_make(f.account, f.org, &code));
    for (int i = 0; i < ACCOUNT_WRONG_CODES_MAX; i++)
        assert_error(account_enter(f.account, f.org, SLICE("wrong"), PEER, &session), "session.code");
    assert_error(account_enter(f.account, f.org, text(&code), PEER, &session), "session.wrong_codes");
    assert_error(account_enter(f.account, f.org, SLICE("wrong"), SLICE("192.0.2.77"), &session), "session.code"); /* others may */
    clock_manual_advance(f.clock, 60 * NS_PER_S);
    assert_ok(account_enter(f.account, f.org, text(&code), PEER, &session));
    end(&f);
}

static void organisations_are_known_by_their_host(void **state) {
    struct fixture f = begin(state);
    int64_t arena_org, again;
    assert_ok(account_org_put(f.account, SLICE("Arena"), SLICE("arena.example"), &arena_org));
    assert_true(arena_org != f.org);
    assert_ok(account_org_put(f.account, SLICE("The Arena"), SLICE("arena.example"), &again));
    assert_true(again == arena_org);
    assert_true(account_org_of_host(f.account, SLICE("ARENA.example:443")) == arena_org);
    assert_true(account_org_of_host(f.account, SLICE("other.example")) == f.org);
    assert_true(account_org_of_host(f.account, SLICE("[::1]:8080")) == f.org);
    assert_error(account_org_put(f.account, SLICE("x"), SLICE("no/host"), &again), "account.host");
    assert_error(account_org_put(f.account, SLICE(" "), SLICE("a.example"), &again), "account.name");

    /* also after a restart */
    account_close(&f.account);
    open_account(&f);
    assert_true(account_org_of_host(f.account, SLICE("arena.example")) == arena_org);
    assert_true(account_org_of_host(f.account, SLICE("localhost")) == f.org);
    end(&f);
}

static void one_organisation_knows_nothing_of_another(void **state) {
    struct fixture f = begin(state);
    int64_t other;
    struct account_secret code, session;
    struct account_who who;
    assert_ok(account_org_put(f.account, SLICE("Arena"), SLICE("arena.example"), &other));
    assert_ok(account_link_make(f.account, f.org, &code));
    assert_error(account_enter(f.account, other, text(&code), PEER, &session), "session.code");
    assert_ok(account_enter(f.account, f.org, text(&code), PEER, &session));
    assert_error(account_session_find(f.account, other, text(&session), &who), "session.required");
    assert_ok(account_session_end(f.account, other, text(&session))); /* ends nothing */
    assert_ok(account_session_find(f.account, f.org, text(&session), &who));
    end(&f);
}

static const struct db_statement old_org = {"test.org", "INSERT INTO organisation(id, name, host, created_s) VALUES(5, 'Arena', '', 1)"},
                                 old_session = {"test.session", "INSERT INTO operator_session(id, org_id, secret_hash, created_s, expires_s) VALUES(6, 5, :hash, 1, :expires_s)"};
static struct err old_fn(struct db_tx *tx, void *arg) {
    uint8_t hash[32];
    struct slice secret = slice_cstr(arg);
    crypto_generichash(hash, sizeof hash, (const uint8_t *)secret.ptr, secret.len, (const uint8_t *)"grandstand.account", 18);
    struct err e = DB_RUN(tx, &old_org);
    return e.kind ? e : DB_RUN(tx, &old_session, DB_BLOB("hash", slice_of(hash, sizeof hash)), DB_INT("expires_s", BEGIN_S + 100));
}

/* A store of the version before households: who was inside stays inside. */
static void an_upgrade_throws_nobody_out(void **state) {
    static char secret[] = "0123456789012345678901234567890123456789abc";
    struct db_schema before = account_schema;
    before.versions = 1;
    const struct db_schema *const old[] = {&before};
    struct test_store *store = test_store_of(state);
    struct db *db = test_store_open(store, old, 1);
    assert_ok(db_write(db, old_fn, secret));
    db_close(&db);
    struct fixture f = begin(state);
    struct account_who who;
    struct account_org_facts facts;
    assert_ok(account_session_find(f.account, f.org, slice_cstr(secret), &who));
    assert_true(who.org_id == 5 && who.session_id == 6 && !who.user_id && who.roles == ACCOUNT_OPERATOR);
    assert_true(account_org_facts(f.account, 5, &facts));
    assert_string_equal(facts.country, "DE");
    assert_int_equal(facts.portability, ACCOUNT_PORTABILITY_OFF);
    pass(&f, 100);
    assert_error(account_session_find(f.account, f.org, slice_cstr(secret), &who), "session.required");
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_link_lets_in_once),           ON_BOTH(a_newer_link_ends_the_older),
        ON_BOTH(links_and_sessions_end_in_time), ON_BOTH(leaving_ends_a_session),
        ON_BOTH(wrong_codes_bar_an_address_for_a_minute), ON_BOTH(organisations_are_known_by_their_host),
        ON_BOTH(one_organisation_knows_nothing_of_another), ON_BOTH(an_upgrade_throws_nobody_out),
    };
    return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
