/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "fixture.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_link_lets_in_once),           ON_BOTH(a_newer_link_ends_the_older),
        ON_BOTH(links_and_sessions_end_in_time), ON_BOTH(leaving_ends_a_session),
        ON_BOTH(wrong_codes_bar_an_address_for_a_minute), ON_BOTH(organisations_are_known_by_their_host),
        ON_BOTH(one_organisation_knows_nothing_of_another),
    };
    return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
