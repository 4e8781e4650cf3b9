/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/fault.h"
#include "delivery/delivery.h"
#include "delivery/lane.h"
#include "delivery/shelf.h"
#include "store.h"

static const struct db_schema *const schemas[] = {&delivery_schema};
enum { ORG = 3, OTHER_ORG = 4 };
#define DAY_NS (INT64_C(86400) * NS_PER_S)

struct fixture {
    struct db *db;
    struct clock *clock;
    struct id_maker *ids;
    struct delivery *delivery;
    struct public_id title;
};

static void open_delivery(struct fixture *f) {
    assert_ok(delivery_open(&f->delivery, &(struct delivery_options){.db = f->db, .clock = f->clock, .ids = f->ids}));
}
static struct fixture begin(void **state) {
    struct fixture f = {.db = test_store_open(test_store_of(state), schemas, 1), .clock = clock_manual_create(utc_from_seconds(1800000000))};
    f.ids = id_maker_create(f.clock, 0);
    f.title = public_id_random();
    open_delivery(&f);
    return f;
}
static void end(struct fixture *f) {
    delivery_close(&f->delivery);
    id_maker_destroy(&f->ids);
    clock_manual_destroy(&f->clock);
    db_close(&f->db);
}
static enum token_verdict judge(const struct fixture *f, const struct delivery_pass *pass) {
    return token_verify(f->delivery->authority, NULL, token_slice(&pass->token), public_id_slice(&f->title), TOKEN_METHOD_GET, NULL);
}

static void a_session_lives_on_renewals(void **state) {
    struct fixture f = begin(state);
    struct delivery_pass first, second;
    assert_ok(delivery_session_begin(f.delivery, ORG, &f.title, 0, NULL, &first));
    clock_manual_advance(f.clock, 200 * NS_PER_S);
    assert_ok(delivery_session_renew(f.delivery, ORG, public_id_slice(&first.session), 0, NULL, &second));
    assert_string_equal(second.session.text, first.session.text);
    clock_manual_advance(f.clock, 200 * NS_PER_S);
    assert_int_equal(judge(&f, &first), TOKEN_EXPIRED);
    assert_int_equal(judge(&f, &second), TOKEN_VALID);
    assert_error(delivery_session_renew(f.delivery, ORG, SLICE("0000000000000000"), 0, NULL, &second), "playback.not_found");
    assert_error(delivery_session_renew(f.delivery, ORG, SLICE("no id"), 0, NULL, &second), "playback.not_found");
    end(&f);
}

static void what_the_decider_said_is_kept_and_why_it_ended(void **state) {
    struct fixture f = begin(state);
    struct delivery_viewer viewer = {.household_id = 7, .profile_id = 9, .place = "US-CA", .medium = 3, .device = "Firefox on Linux"};
    struct delivery_pass first, second, third;
    struct delivery_session session, *running;
    struct arena *arena = arena_create(1 << 20);
    size_t count;
    char reason[DELIVERY_REASON_MAX + 1];
    assert_ok(delivery_session_begin(f.delivery, ORG, &f.title, 0, &viewer, &first));
    assert_ok(delivery_session_begin(f.delivery, ORG, &f.title, 0, &viewer, &second));
    assert_ok(delivery_session_begin(f.delivery, ORG, &f.title, 0, NULL, &third));
    viewer.medium = 4;
    assert_ok(delivery_session_renew(f.delivery, ORG, public_id_slice(&first.session), 1800000200, &viewer, &first));
    assert_int_equal(first.token.expires_s, 1800000200);
    assert_error(delivery_session_find(f.delivery, OTHER_ORG, public_id_slice(&first.session), &session), "playback.not_found");
    assert_ok(delivery_session_find(f.delivery, ORG, public_id_slice(&first.session), &session));
    assert_true(session.viewer.household_id == 7 && session.viewer.profile_id == 9 && session.viewer.medium == 4 && session.expires_s == 1800000200);
    assert_string_equal(session.viewer.place, "US-CA");
    assert_string_equal(session.viewer.device, "Firefox on Linux");
    assert_ok(delivery_sessions_running(f.delivery, arena, &running, &count));
    assert_int_equal(count, 3);

    struct delivery_ending endings[] = {{ORG, first.session, "rights.deal"}, {ORG, second.session, "access.rating"}, {OTHER_ORG, third.session, "rights.ended"}};
    assert_ok(delivery_sessions_end(f.delivery, endings, 2));
    assert_int_equal(judge(&f, &first), TOKEN_REVOKED);
    assert_int_equal(judge(&f, &third), TOKEN_VALID);
    assert_ok(delivery_session_end(f.delivery, ORG, public_id_slice(&first.session), "access.pin")); /* the first reason stands */
    assert_ok(delivery_session_end(f.delivery, ORG, public_id_slice(&third.session), NULL));
    for (int again = 0; again < 2; again++) { /* and after a restart */
        assert_ok(delivery_session_find(f.delivery, ORG, public_id_slice(&first.session), &session));
        assert_true(session.has_ended);
        assert_string_equal(session.reason, "rights.deal");
        assert_true(ends_find(f.delivery->ends, public_id_slice(&first.session), reason));
        assert_string_equal(reason, "rights.deal");
        assert_true(ends_find(f.delivery->ends, public_id_slice(&second.session), reason));
        assert_string_equal(reason, "access.rating");
        assert_false(ends_find(f.delivery->ends, public_id_slice(&third.session), reason));
        delivery_close(&f.delivery);
        open_delivery(&f);
    }
    assert_ok(delivery_sessions_running(f.delivery, arena, &running, &count));
    assert_int_equal(count, 0);
    arena_destroy(&arena);
    end(&f);
}

static void a_right_that_ends_ends_the_tokens(void **state) {
    struct fixture f = begin(state);
    struct delivery_pass pass;
    assert_ok(delivery_session_begin(f.delivery, ORG, &f.title, 1800000100, NULL, &pass));
    assert_int_equal(pass.token.expires_s, 1800000100);
    clock_manual_advance(f.clock, 100 * NS_PER_S);
    assert_int_equal(judge(&f, &pass), TOKEN_EXPIRED);
    assert_error(delivery_session_renew(f.delivery, ORG, public_id_slice(&pass.session), 1800000100, NULL, &pass), "token.expired");
    end(&f);
}

static void an_ended_session_stays_ended_over_a_restart(void **state) {
    struct fixture f = begin(state);
    struct delivery_pass ended, other;
    assert_ok(delivery_session_begin(f.delivery, ORG, &f.title, 0, NULL, &ended));
    assert_ok(delivery_session_begin(f.delivery, ORG, &f.title, 0, NULL, &other));
    assert_error(delivery_session_end(f.delivery, OTHER_ORG, public_id_slice(&ended.session), NULL), "playback.not_found");
    assert_int_equal(judge(&f, &ended), TOKEN_VALID);
    assert_ok(delivery_session_end(f.delivery, ORG, public_id_slice(&ended.session), NULL));
    assert_ok(delivery_session_end(f.delivery, ORG, public_id_slice(&ended.session), NULL)); /* twice is fine */
    assert_int_equal(judge(&f, &ended), TOKEN_REVOKED);
    assert_error(delivery_session_renew(f.delivery, ORG, public_id_slice(&ended.session), 0, NULL, &ended), "token.revoked");
    delivery_close(&f.delivery);
    open_delivery(&f);
    assert_int_equal(judge(&f, &ended), TOKEN_REVOKED);
    assert_int_equal(judge(&f, &other), TOKEN_VALID);
    struct delivery_stats stats;
    delivery_stats(f.delivery, &stats);
    assert_int_equal(stats.revocations_live, 1);
    clock_manual_advance(f.clock, 400 * NS_PER_S);
    delivery_close(&f.delivery);
    open_delivery(&f);
    delivery_stats(f.delivery, &stats);
    assert_int_equal(stats.revocations_live, 0); /* its tokens have expired by themselves */
    end(&f);
}

static void keys_are_renewed_each_week_and_nobody_notices(void **state) {
    struct fixture f = begin(state);
    struct delivery_pass old, young;
    assert_ok(delivery_tick(f.delivery)); /* too young to be replaced */
    clock_manual_advance(f.clock, 7 * DAY_NS - 100 * NS_PER_S);
    assert_ok(delivery_tick(f.delivery));
    assert_ok(delivery_session_begin(f.delivery, ORG, &f.title, 0, NULL, &old));
    clock_manual_advance(f.clock, 100 * NS_PER_S);
    assert_ok(delivery_tick(f.delivery));
    assert_ok(delivery_session_begin(f.delivery, ORG, &f.title, 0, NULL, &young));
    assert_int_equal(judge(&f, &old), TOKEN_VALID);
    assert_int_equal(judge(&f, &young), TOKEN_VALID);
    clock_manual_advance(f.clock, 250 * NS_PER_S);
    assert_ok(delivery_tick(f.delivery));
    assert_int_equal(judge(&f, &young), TOKEN_VALID);
    assert_int_equal(judge(&f, &old), TOKEN_EXPIRED);
    clock_manual_advance(f.clock, 400 * NS_PER_S);
    assert_ok(delivery_tick(f.delivery));
    assert_int_equal(judge(&f, &old), TOKEN_FORGED); /* its key is gone */
    assert_int_equal(judge(&f, &young), TOKEN_EXPIRED);
    delivery_close(&f.delivery);
    open_delivery(&f); /* the retired key is not read again, the present one is */
    assert_int_equal(judge(&f, &old), TOKEN_FORGED);
    assert_int_equal(judge(&f, &young), TOKEN_EXPIRED);
    end(&f);
}

static void two_servers_on_one_database_trust_each_other(void **state) {
    struct fixture f = begin(state);
    struct delivery *first = f.delivery;
    open_delivery(&f);
    struct delivery *second = f.delivery;
    f.delivery = first;
    struct delivery_pass pass;
    assert_ok(delivery_session_begin(second, ORG, &f.title, 0, NULL, &pass));
    assert_int_equal(judge(&f, &pass), TOKEN_VALID);
    delivery_close(&second);
    end(&f);
}

static void sessions_that_nobody_renews_are_removed(void **state) {
    struct fixture f = begin(state);
    struct delivery_pass pass;
    assert_ok(delivery_session_begin(f.delivery, ORG, &f.title, 0, NULL, &pass));
    clock_manual_advance(f.clock, DAY_NS);
    assert_ok(delivery_tick(f.delivery));
    assert_ok(delivery_session_renew(f.delivery, ORG, public_id_slice(&pass.session), 0, NULL, &pass));
    clock_manual_advance(f.clock, DAY_NS + NS_PER_S);
    assert_ok(delivery_tick(f.delivery));
    assert_error(delivery_session_renew(f.delivery, ORG, public_id_slice(&pass.session), 0, NULL, &pass), "playback.not_found");
    end(&f);
}

static void every_failed_allocation_is_survived(void **state) {
    struct fixture f = begin(state);
    bool has_fired = true;
    for (int n = 1; has_fired; n++) {
        assert_true(n < 2000);
        struct delivery *d = NULL;
        struct delivery_pass pass;
        fault_arm(FAULT_ALLOC, (uint64_t)n, false);
        struct err e = delivery_open(&d, &(struct delivery_options){.db = f.db, .clock = f.clock, .ids = f.ids, .allow_origin = "*"});
        if (!e.kind) e = delivery_session_begin(d, ORG, &f.title, 0, NULL, &pass);
        if (!e.kind) e = delivery_session_end(d, ORG, public_id_slice(&pass.session), NULL);
        bool is_ended = !e.kind;
        has_fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        assert_true(has_fired || is_ended);
        if (is_ended) assert_int_equal(token_verify(d->authority, NULL, token_slice(&pass.token), public_id_slice(&f.title), TOKEN_METHOD_GET, NULL), TOKEN_REVOKED);
        delivery_close(&d);
    }
    end(&f);
}

/* --- the shelf --- */

static void put(struct shelf *s, const struct public_id *title, const char *name) {
    struct shelf_entry *e = shelf_entry_create(public_id_slice(title), slice_cstr(name));
    assert_non_null(e);
    e->blob = http_blob_copy(slice_cstr(name));
    shelf_put(s, e, shelf_generation(s));
    shelf_give(&e);
}
static bool has(struct shelf *s, const struct public_id *title, const char *name) {
    struct shelf_entry *e = shelf_take(s, public_id_slice(title), slice_cstr(name));
    bool is_there = e && slice_eq(http_blob_slice(e->blob), slice_cstr(name));
    shelf_give(&e);
    return is_there;
}

static void the_shelf_is_bounded_and_keeps_what_is_used(void **state) {
    struct shelf *s = shelf_create(64);
    struct public_id used = public_id_random();
    put(s, &used, "v0.mp4");
    for (int i = 0; i < 2000; i++) {
        struct public_id other = public_id_random();
        put(s, &other, "v0.mp4");
        assert_true(has(s, &used, "v0.mp4"));
        assert_true(shelf_count(s) <= 64);
    }
    assert_false(has(s, &used, "v1.mp4"));
    shelf_destroy(&s);
}

static void what_was_forgotten_does_not_come_back(void **state) {
    struct shelf *s = shelf_create(64);
    struct public_id title = public_id_random(), other = public_id_random();
    put(s, &title, "master.m3u8");
    put(s, &other, "master.m3u8");
    struct shelf_entry *held = shelf_take(s, public_id_slice(&title), SLICE("master.m3u8"));
    uint64_t generation = shelf_generation(s); /* a worker begins to read the old files ... */
    shelf_forget(s, public_id_slice(&title));
    assert_false(has(s, &title, "master.m3u8"));
    assert_true(has(s, &other, "master.m3u8"));
    assert_true(slice_eq(http_blob_slice(held->blob), SLICE("master.m3u8"))); /* who had it keeps it */
    shelf_give(&held);
    struct shelf_entry *late = shelf_entry_create(public_id_slice(&title), SLICE("master.m3u8"));
    late->blob = http_blob_copy(SLICE("master.m3u8"));
    shelf_put(s, late, generation); /* ... and is too late */
    shelf_give(&late);
    assert_false(has(s, &title, "master.m3u8"));
    assert_null(shelf_entry_create(SLICE("no id"), SLICE("x")));
    assert_null(shelf_entry_create(public_id_slice(&title), SLICE("a-name-that-is-much-longer-than-any-file-has.mp4")));
    shelf_destroy(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_session_lives_on_renewals), ON_BOTH(what_the_decider_said_is_kept_and_why_it_ended), ON_BOTH(a_right_that_ends_ends_the_tokens), ON_BOTH(an_ended_session_stays_ended_over_a_restart),
        ON_BOTH(keys_are_renewed_each_week_and_nobody_notices), ON_BOTH(two_servers_on_one_database_trust_each_other),
        ON_BOTH(sessions_that_nobody_renews_are_removed), ON_SQLITE(every_failed_allocation_is_survived), cmocka_unit_test(the_shelf_is_bounded_and_keeps_what_is_used),
        cmocka_unit_test(what_was_forgotten_does_not_come_back),
    };
    return cmocka_run_group_tests_name("delivery", tests, NULL, NULL);
}
