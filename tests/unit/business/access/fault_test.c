/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A grant and what is watched under it, while memory runs out or the disk refuses at one place after the other: given, begun, begun, renewed, ended, taken back. What was
 * answered with an error is not there: no grant, no session, no screen taken. What is in memory is what another server that opens the store now would say. */
#include "fixture.h"

#include "business/access/room.h"
#include "fault_walk.h"
#include "sqlite_faults.h"

struct world {
    struct fixture f;
    struct arena *arena;
    struct public_id title;
    int64_t title_id, home; /* another home each life */
};

struct said { /* of one household */
    size_t grants, streams, sessions;
    bool may_watch;
};

static struct access_viewer viewer_of(const struct world *w) {
    struct access_viewer v = somebody(GROWN_UP);
    v.household_id = w->home;
    return v;
}

static struct said says(struct world *w, struct access *a) {
    struct said s = {0};
    struct access_grant *grants;
    struct access_stream *streams;
    struct delivery_session *sessions;
    struct catalog_view *view;
    size_t count;
    arena_reset(w->arena);
    assert_ok(access_grants(a, w->arena, ORG, w->home, &grants, &s.grants));
    assert_ok(access_streams(a, w->arena, ORG, w->home, &streams, &s.streams));
    assert_ok(delivery_sessions_running(w->f.delivery, w->arena, &sessions, &count));
    for (size_t i = 0; i < count; i++) s.sessions += sessions[i].viewer.household_id == w->home;
    struct access_viewer viewer = viewer_of(w);
    assert_ok(catalog_view_take(w->f.catalog, ORG, &view));
    struct access_question q = {.viewer = &viewer, .view = view, .title = catalog_find(view, public_id_slice(&w->title)), .at_s = utc_seconds(clock_utc(w->f.clock)), .without_streams = true};
    s.may_watch = access_decide(a, &q).is_allowed;
    catalog_view_give(&view);
    return s;
}
static void same(const char *what, size_t step, struct said is, struct said wanted) {
    if (is.grants == wanted.grants && is.streams == wanted.streams && is.sessions == wanted.sessions && is.may_watch == wanted.may_watch) return;
    fail_msg("at step %zu %s: %zu grants, %zu streams, %zu sessions, may watch: %d; not %zu, %zu, %zu, %d", step, what, is.grants, is.streams, is.sessions, is.may_watch, wanted.grants,
             wanted.streams, wanted.sessions, wanted.may_watch);
}
/* Of a server that opens the store now. */
static struct said fresh(struct world *w) {
    struct fixture other = w->f;
    house_open(&other);
    struct world there = *w;
    there.f = other;
    struct said s = says(&there, other.access);
    house_close(&other);
    return s;
}

/* --- steps --- */

struct held {
    struct access_grant grant;
    struct delivery_pass first, second;
};
static struct err watch(struct world *w, struct delivery_pass *pass) {
    struct access_answer answer;
    struct err e = start(&w->f, &w->title, viewer_of(w), &answer, pass);
    if (!e.kind && !answer.is_allowed) fail_msg("refused: %s", answer.reason);
    return e;
}
static struct err give(struct world *w, struct held *h) {
    return access_grant_add(w->f.access, ORG, w->home, w->title_id, RIGHTS_RENTAL, utc_seconds(clock_utc(w->f.clock)) + DAY_S, 0, &h->grant);
}
static struct err begin_first(struct world *w, struct held *h) { return watch(w, &h->first); }
static struct err begin_second(struct world *w, struct held *h) { return watch(w, &h->second); }
static struct err renew_first(struct world *w, struct held *h) {
    struct access_viewer viewer = viewer_of(w);
    struct access_answer answer;
    struct err e = access_renew(w->f.access, &viewer, public_id_slice(&h->first.session), &answer, &h->first);
    if (!e.kind && !answer.is_allowed) fail_msg("refused: %s", answer.reason);
    return e;
}
static struct err end_first(struct world *w, struct held *h) { return access_end(w->f.access, ORG, w->home, public_id_slice(&h->first.session)); }
static struct err end_second(struct world *w, struct held *h) { return access_end(w->f.access, ORG, w->home, public_id_slice(&h->second.session)); }
static struct err take_back(struct world *w, struct held *h) { return access_grant_remove(w->f.access, ORG, w->home, public_id_slice(&h->grant.public_id)); }

static const struct {
    struct err (*run)(struct world *, struct held *);
    struct said after;
} steps[] = {{give, {1, 0, 0, true}},         {begin_first, {1, 1, 1, true}}, {begin_second, {1, 2, 2, true}}, {renew_first, {1, 2, 2, true}},
             {end_first, {1, 1, 1, true}}, {begin_first, {1, 2, 2, true}}, {end_second, {1, 1, 1, true}},    {end_first, {1, 0, 0, true}},
             {take_back, {0, 0, 0, false}}};

static void live(void *world, struct fault_walk *walk) {
    struct world *w = world;
    struct held h = {0};
    struct said before = {0};
    struct account_household_facts home = family;
    home.household_id = w->home = 10000 + walk->life;
    double_reset();
    double_household_put(&home);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct err e = FAULT_STEP(walk, steps[i].run(w, &h));
        if (e.kind) {
            same("the store says", i, fresh(w), before);
            same("memory says", i, says(w, w->f.access), before);
            assert_ok(steps[i].run(w, &h)); /* he asks again */
        }
        assert_ok(grants_follow(w->f.access)); /* as its thread, that was woken, does */
        access_sweep(w->f.access);
        same("memory says", i, says(w, w->f.access), steps[i].after);
        before = steps[i].after;
    }
    same("the store says", ARRAY_LEN(steps), fresh(w), before);
}

static void whatever_fails_nothing_is_watched_without_leave_and_no_screen_is_lost(void **state) {
    struct world w = {.f = begin(state), .arena = arena_create(64 << 20)};
    w.title = title_make(&w.f, (struct title_wish){.is_paid = true});
    w.title_id = title_id(&w.f, &w.title);
    fault_walk(live, &w, (const uint64_t[FAULT_POINTS]){[FAULT_ALLOC] = 5, [FAULT_WRITE] = 2, [FAULT_READ] = 2, [FAULT_SYNC] = 1});
    arena_destroy(&w.arena);
    end(&w.f);
}

int main(void) {
    const struct CMUnitTest tests[] = {ON_SQLITE(whatever_fails_nothing_is_watched_without_leave_and_no_screen_is_lost)};
    return cmocka_run_group_tests(tests, layer_put_in, NULL);
}
