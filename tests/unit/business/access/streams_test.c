/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What runs: how much at once, until when, and what ends it. */
#include "fixture.h"

static void a_household_watches_on_so_many_screens(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){0});
    struct delivery_pass first = must_start(&f, &title, somebody(GROWN_UP)), second = must_start(&f, &title, somebody(CHILD)), third;
    struct access_answer answer;
    assert_ok(start(&f, &title, somebody(GROWN_UP), &answer, &third));
    expect(answer, "unavailable", "access.streams");
    assert_int_equal(answer.until_s, START_S + TOKEN_LIFETIME_S);
    struct access_viewer other = somebody(GROWN_UP);
    other.household_id = OTHER_HOME;
    must_start(&f, &title, other);
    for (int i = 0; i < 10; i++) must_start(&f, &title, nobody_in(germany)); /* who is nobody is not counted */

    struct arena *arena = arena_create(1 << 20);
    struct access_stream *streams;
    size_t count;
    assert_ok(access_streams(f.access, arena, ORG, HOME, &streams, &count));
    assert_int_equal(count, 2);
    assert_string_equal(streams[0].device, "Firefox on Linux");
    assert_ok(access_streams(f.access, arena, ORG + 1, HOME, &streams, &count));
    assert_int_equal(count, 0);
    arena_destroy(&arena);

    /* One is ended, and there is room. */
    assert_error(access_end(f.access, ORG, OTHER_HOME, public_id_slice(&first.session)), "playback.not_found");
    assert_error(access_end(f.access, ORG + 1, HOME, public_id_slice(&first.session)), "playback.not_found");
    assert_ok(access_end(f.access, ORG, HOME, public_id_slice(&first.session)));
    assert_ok(access_end(f.access, ORG, HOME, public_id_slice(&first.session)));
    third = must_start(&f, &title, somebody(GROWN_UP));
    /* One is not renewed any more and falls out; the other is renewed and stays. */
    clock_manual_advance(f.clock, 200 * NS_PER_S);
    expect(renew(&f, &third, somebody(GROWN_UP), &third), "playable", "access.free");
    clock_manual_advance(f.clock, 200 * NS_PER_S);
    struct delivery_pass fourth = must_start(&f, &title, somebody(GROWN_UP));
    assert_ok(start(&f, &title, somebody(GROWN_UP), &answer, &second));
    expect(answer, "unavailable", "access.streams");
    /* What had fallen out is let in again if there is room. */
    assert_ok(access_end(f.access, ORG, HOME, public_id_slice(&fourth.session)));
    clock_manual_advance(f.clock, 200 * NS_PER_S);
    expect(renew(&f, &third, somebody(GROWN_UP), &third), "playable", "access.free");
    end(&f);
}

static void who_comes_back_to_a_full_house_is_refused(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){0});
    struct delivery_pass slept = must_start(&f, &title, somebody(GROWN_UP)), fresh;
    clock_manual_advance(f.clock, 400 * NS_PER_S);
    must_start(&f, &title, somebody(GROWN_UP));
    must_start(&f, &title, somebody(GROWN_UP));
    expect(renew(&f, &slept, somebody(GROWN_UP), &fresh), "unavailable", "access.streams");
    end(&f);
}

struct rush {
    struct fixture *f;
    const struct public_id *title;
    _Atomic int allowed;
};
static void rush_run(void *arg) {
    struct rush *r = arg;
    struct access_answer answer;
    struct delivery_pass pass;
    for (int i = 0; i < 4; i++) {
        assert_ok(start(r->f, r->title, somebody(GROWN_UP), &answer, &pass));
        if (answer.is_allowed) atomic_fetch_add(&r->allowed, 1);
    }
}
static void two_at_once_do_not_both_get_the_last_place(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){0});
    struct rush rush = {.f = &f, .title = &title};
    struct thread *threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) assert_ok(thread_start(&threads[i], "rush", rush_run, &rush));
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) thread_join(&threads[i]);
    assert_int_equal(rush.allowed, 2);
    end(&f);
}

static void no_token_outlives_the_next_change(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.has_no_rights = true});
    deal_make(&f, &title, (struct line_wish){.territories = "WORLD", .starts_s = START_S - 10, .ends_s = START_S + 100}, NULL);
    struct delivery_pass pass = must_start(&f, &title, nobody_in(germany)), fresh;
    assert_int_equal(pass.token.expires_s, START_S + 100);
    clock_manual_advance(f.clock, 60 * NS_PER_S);
    expect(renew(&f, &pass, nobody_in(germany), &pass), "playable", "access.free");
    assert_int_equal(pass.token.expires_s, START_S + 100);
    clock_manual_advance(f.clock, 40 * NS_PER_S);
    expect(renew(&f, &pass, nobody_in(germany), &fresh), "unavailable", "rights.ended");
    /* By a grant. */
    struct public_id paid = title_make(&f, (struct title_wish){.is_paid = true});
    struct access_grant grant;
    assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &paid), RIGHTS_RENTAL, START_S + 200, 0, &grant));
    pass = must_start(&f, &paid, somebody(GROWN_UP));
    assert_int_equal(pass.token.expires_s, START_S + 200);
    end(&f);
}

/* --- ending what runs --- */

static void a_deal_that_ends_ends_what_runs(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.has_no_rights = true}), other = title_make(&f, (struct title_wish){0});
    struct public_id deal = deal_make(&f, &title, (struct line_wish){.territories = "WORLD"}, NULL);
    struct delivery_pass pass = must_start(&f, &title, nobody_in(germany)), goes_on = must_start(&f, &other, nobody_in(germany)), fresh;
    assert_int_equal(access_sweep(f.access), 0);
    deal_status(&f, &deal, RIGHTS_TERMINATED);
    assert_int_equal(access_sweep(f.access), 1);
    struct delivery_session session;
    assert_ok(delivery_session_find(f.delivery, ORG, public_id_slice(&pass.session), &session));
    assert_true(session.has_ended);
    assert_string_equal(session.reason, "rights.deal");
    expect(renew(&f, &pass, nobody_in(germany), &fresh), "unavailable", "rights.deal");
    expect(renew(&f, &goes_on, nobody_in(germany), &fresh), "playable", "access.free");
    assert_int_equal(access_sweep(f.access), 0);
    struct access_stats stats;
    access_stats(f.access, &stats);
    assert_int_equal(stats.streams, 1);
    assert_int_equal(stats.ended, 1);
    end(&f);
}

static void what_was_ended_stays_ended(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.has_no_rights = true});
    struct public_id deal = deal_make(&f, &title, (struct line_wish){.territories = "WORLD"}, NULL);
    struct delivery_pass pass = must_start(&f, &title, nobody_in(germany)), fresh;
    deal_status(&f, &deal, RIGHTS_SUSPENDED);
    assert_int_equal(access_sweep(f.access), 1);
    deal_status(&f, &deal, RIGHTS_ACTIVE);
    expect(renew(&f, &pass, nobody_in(germany), &fresh), "unavailable", "rights.deal"); /* begin anew */
    must_start(&f, &title, nobody_in(germany));
    /* By its viewer: no reason but that. */
    pass = must_start(&f, &title, nobody_in(germany));
    assert_ok(access_end(f.access, ORG, 0, public_id_slice(&pass.session)));
    struct access_viewer viewer = nobody_in(germany);
    struct access_answer answer;
    assert_error(access_renew(f.access, &viewer, public_id_slice(&pass.session), &answer, &fresh), "token.revoked");
    end(&f);
}

static void profiles_grants_and_titles_end_it_too(void **state) {
    struct fixture f = begin(state);
    struct public_id rated = title_make(&f, (struct title_wish){.fsk = "16"}), paid = title_make(&f, (struct title_wish){.is_paid = true}), gone = title_make(&f, (struct title_wish){0});
    struct access_grant grant;
    struct delivery_pass fresh;
    assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &paid), RIGHTS_RENTAL, ACCESS_ENDLESS, 0, &grant));
    struct account_household_facts changed = family;
    changed.streams_max = 10;
    double_household_put(&changed);
    struct delivery_pass by_rating = must_start(&f, &rated, somebody(GROWN_UP)), by_grant = must_start(&f, &paid, somebody(GROWN_UP)),
                         by_title = must_start(&f, &gone, somebody(GROWN_UP)), by_profile = must_start(&f, &rated, somebody(LOCKED_UP)),
                         by_mark = must_start(&f, &gone, nobody_in(germany));
    changed.profiles[0].age_max = 12;
    changed.profile_count = 3; /* LOCKED_UP is gone */
    double_household_put(&changed);
    assert_ok(access_grant_remove(f.access, ORG, HOME, public_id_slice(&grant.public_id)));
    assert_error(access_grant_remove(f.access, ORG, HOME, public_id_slice(&grant.public_id)), "grant.not_found");
    assert_int_equal(access_sweep(f.access), 3);
    expect(renew(&f, &by_rating, somebody(GROWN_UP), &fresh), "rating", "access.rating");
    expect(renew(&f, &by_grant, somebody(GROWN_UP), &fresh), "locked", "access.entitlement");
    expect(renew(&f, &by_profile, somebody(GROWN_UP), &fresh), "sign_in", "access.profile");
    /* Not free any more. */
    assert_ok(catalog_change(f.catalog, ORG, public_id_slice(&gone), &(struct catalog_change){.has_is_free = true, .is_free = false}));
    assert_int_equal(access_sweep(f.access), 2);
    expect(renew(&f, &by_title, somebody(GROWN_UP), &fresh), "locked", "access.entitlement");
    expect(renew(&f, &by_mark, nobody_in(germany), &fresh), "sign_in", "access.entitlement");
    /* Gone altogether. */
    struct public_id last = title_make(&f, (struct title_wish){0});
    struct delivery_pass pass = must_start(&f, &last, nobody_in(germany));
    assert_ok(catalog_remove(f.catalog, ORG, public_id_slice(&last)));
    assert_int_equal(access_sweep(f.access), 1);
    expect(renew(&f, &pass, nobody_in(germany), &fresh), "unavailable", "access.removed");
    end(&f);
}

static void who_moves_is_asked_again_from_there(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.has_no_rights = true});
    deal_make(&f, &title, (struct line_wish){.territories = "DE"}, NULL);
    struct delivery_pass pass = must_start(&f, &title, nobody_in(germany)), fresh;
    expect(renew(&f, &pass, nobody_in(thailand), &fresh), "unavailable", "rights.territory");
    expect(renew(&f, &pass, nobody_in(germany), &fresh), "unavailable", "rights.territory"); /* it was ended */
    end(&f);
}

static void a_play_that_was_counted_goes_on(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.has_no_rights = true});
    deal_make(&f, &title, (struct line_wish){.territories = "WORLD", .plays_max = 2}, NULL);
    struct delivery_pass first = must_start(&f, &title, nobody_in(germany)), second = must_start(&f, &title, nobody_in(germany)), third;
    struct access_answer answer;
    assert_ok(start(&f, &title, nobody_in(germany), &answer, &third));
    expect(answer, "unavailable", "rights.plays");
    assert_int_equal(access_sweep(f.access), 0);
    assert_true(renew(&f, &first, nobody_in(germany), &first).is_allowed);
    assert_true(renew(&f, &second, nobody_in(germany), &second).is_allowed);
    end(&f);
}

static void sessions_of_others_are_not_there(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){0});
    struct delivery_pass pass = must_start(&f, &title, somebody(GROWN_UP)), fresh;
    struct access_answer answer;
    struct access_viewer other = somebody(GROWN_UP), elsewhere = somebody(GROWN_UP), nobody = nobody_in(germany);
    other.household_id = OTHER_HOME;
    elsewhere.org_id = ORG + 1;
    const struct access_viewer *strangers[] = {&other, &elsewhere, &nobody};
    for (size_t i = 0; i < ARRAY_LEN(strangers); i++)
        assert_error(access_renew(f.access, strangers[i], public_id_slice(&pass.session), &answer, &fresh), "playback.not_found");
    assert_error(access_renew(f.access, &nobody, SLICE("0000000000000000"), &answer, &fresh), "playback.not_found");
    assert_error(access_renew(f.access, &nobody, SLICE("no id"), &answer, &fresh), "playback.not_found");
    struct access_grant grant;
    assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &title), RIGHTS_RENTAL, ACCESS_ENDLESS, 0, &grant));
    assert_error(access_grant_remove(f.access, ORG, OTHER_HOME, public_id_slice(&grant.public_id)), "grant.not_found");
    assert_error(access_grant_remove(f.access, ORG + 1, HOME, public_id_slice(&grant.public_id)), "grant.not_found");
    end(&f);
}

static void everything_is_there_after_a_restart(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true});
    struct access_grant grant, second;
    assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &title), RIGHTS_RENTAL, ACCESS_ENDLESS, 0, &grant));
    assert_ok(access_grant_add(f.access, ORG, OTHER_HOME, title_id(&f, &title), RIGHTS_RENTAL, ACCESS_ENDLESS, 0, &second));
    assert_ok(access_grant_remove(f.access, ORG, OTHER_HOME, public_id_slice(&second.public_id)));
    struct delivery_pass first = must_start(&f, &title, somebody(GROWN_UP)), pass = must_start(&f, &title, somebody(LOCKED_UP)), fresh;
    house_close(&f);
    house_open(&f);
    struct access_answer answer;
    struct access_viewer other = somebody(GROWN_UP);
    other.household_id = OTHER_HOME;
    assert_ok(start(&f, &title, somebody(GROWN_UP), &answer, &fresh));
    expect(answer, "unavailable", "access.streams"); /* they still run */
    expect(ask(&f, &title, other), "locked", "access.entitlement");
    assert_true(renew(&f, &first, somebody(GROWN_UP), &fresh).is_allowed);
    assert_ok(access_grant_remove(f.access, ORG, HOME, public_id_slice(&grant.public_id)));
    assert_int_equal(access_sweep(f.access), 2);
    expect(renew(&f, &pass, somebody(LOCKED_UP), &fresh), "locked", "access.entitlement");
    house_close(&f);
    house_open(&f);
    expect(renew(&f, &pass, somebody(LOCKED_UP), &fresh), "locked", "access.entitlement"); /* and it is still known why */
    end(&f);
}

static void two_processes_follow_each_other(void **state) {
    struct fixture f = begin(state);
    struct public_id title = title_make(&f, (struct title_wish){.is_paid = true});
    struct fixture g = f; /* the second, over the same store */
    struct access_grant grant;
    house_open(&g);
    assert_ok(access_grant_add(f.access, ORG, HOME, title_id(&f, &title), RIGHTS_RENTAL, ACCESS_ENDLESS, 0, &grant));
    expect(ask(&g, &title, somebody(GROWN_UP)), "locked", "access.entitlement"); /* not told yet */
    struct access_grant own;
    assert_ok(access_grant_add(g.access, ORG, OTHER_HOME, title_id(&f, &title), RIGHTS_RENTAL, ACCESS_ENDLESS, 0, &own)); /* follows when it writes */
    expect(ask(&g, &title, somebody(GROWN_UP)), "playable", "access.granted");
    assert_ok(access_start(g.access));
    assert_ok(access_grant_remove(f.access, ORG, HOME, public_id_slice(&grant.public_id)));
    access_poke(g.access);
    while (ask(&g, &title, somebody(GROWN_UP)).is_allowed) sched_yield();
    house_close(&g);
    end(&f);
}

static void many_end_at_once(void **state) {
    struct fixture f = begin(state);
    enum { MANY = 60 }; /* each waits for the disk */
    struct public_id title = title_make(&f, (struct title_wish){.has_no_rights = true}), keeps = title_make(&f, (struct title_wish){0});
    struct public_id deal = deal_make(&f, &title, (struct line_wish){.territories = "WORLD"}, NULL);
    struct delivery_pass pass = {0}, kept;
    for (int i = 0; i < MANY; i++) pass = must_start(&f, &title, nobody_in(germany));
    kept = must_start(&f, &keeps, nobody_in(germany));
    deal_status(&f, &deal, RIGHTS_TERMINATED);
    assert_ok(access_start(f.access));
    access_poke(f.access);
    struct access_stats stats;
    do access_stats(f.access, &stats);
    while (stats.ended < MANY);
    assert_int_equal(stats.streams, 1);
    expect(renew(&f, &pass, nobody_in(germany), &pass), "unavailable", "rights.deal");
    assert_true(renew(&f, &kept, nobody_in(germany), &kept).is_allowed);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_household_watches_on_so_many_screens),
        ON_SQLITE(who_comes_back_to_a_full_house_is_refused),
        ON_SQLITE(two_at_once_do_not_both_get_the_last_place),
        ON_SQLITE(no_token_outlives_the_next_change),
        ON_BOTH(a_deal_that_ends_ends_what_runs),
        ON_SQLITE(what_was_ended_stays_ended),
        ON_BOTH(profiles_grants_and_titles_end_it_too),
        ON_SQLITE(who_moves_is_asked_again_from_there),
        ON_SQLITE(a_play_that_was_counted_goes_on),
        ON_BOTH(sessions_of_others_are_not_there),
        ON_BOTH(everything_is_there_after_a_restart),
        ON_BOTH(two_processes_follow_each_other),
        ON_SQLITE(many_end_at_once),
    };
    return cmocka_run_group_tests_name("access streams", tests, NULL, NULL);
}
