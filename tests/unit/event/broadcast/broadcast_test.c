/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Channels in the database: who may publish, what moves when, and that an end goes on wherever it was cut off. The feed is sound alone: any
 * bytes will do for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"
#include "event/broadcast/broadcast.h"
#include "store.h"

enum { ORG = 7, OTHER_ORG = 8, RATE = 48000, FRAME = 1024 };

static const struct db_schema *const schemas[] = {&catalog_schema, &broadcast_schema, &delivery_schema};

/* A house with all that broadcast stands on; it can be left in the middle and entered again. */
struct house {
    struct test_store *store;
    char path[96];
    struct clock *clock;
    struct db *db;
    struct id_maker *ids;
    struct object_store *objects;
    struct catalog *catalog;
    struct live *live;
    struct delivery *delivery;
    struct broadcast *broadcast;
};

static bool is_claimed(void *user, struct slice name) { return broadcast_claims_staging(((struct house *)user)->broadcast, name); }

static void enter(struct house *h) {
    h->db = test_store_open(h->store, schemas, ARRAY_LEN(schemas));
    h->ids = id_maker_create(h->clock, 0);
    snprintf(h->path, sizeof h->path, "%s/objects", h->store->folder);
    assert_ok(object_store_open_folder(&h->objects, h->path));
    assert_ok(catalog_open(&h->catalog, h->db, h->ids));
    assert_ok(live_create(&(struct live_options){.clock = h->clock, .notice = broadcast_notice, .user = &h->broadcast}, &h->live));
    assert_ok(delivery_open(&h->delivery, &(struct delivery_options){.db = h->db, .clock = h->clock, .ids = h->ids, .objects = h->objects, .live = h->live}));
    assert_ok(broadcast_open(&h->broadcast, &(struct broadcast_options){.db = h->db, .clock = h->clock, .ids = h->ids, .objects = h->objects,
                                                                        .catalog = h->catalog, .delivery = h->delivery, .live = h->live}));
    size_t removed;
    assert_ok(object_stagings_clean(h->objects, is_claimed, h, &removed));
    assert_ok(broadcast_start(h->broadcast));
}

static void leave(struct house *h) {
    broadcast_close(&h->broadcast);
    delivery_close(&h->delivery);
    live_destroy(&h->live);
    catalog_close(&h->catalog);
    object_store_close(&h->objects);
    id_maker_destroy(&h->ids);
    db_close(&h->db);
}

static struct house begin(void **state) {
    struct house h = {.store = test_store_of(state), .clock = clock_manual_create(utc_from_seconds(1800000000))};
    return h;
}
static void end(struct house *h) {
    leave(h);
    clock_manual_destroy(&h->clock);
}

static struct catalog_change named(const char *name) {
    struct catalog_change ch = {.has_kind = true, .kind = CATALOG_EVENT};
    ch.texts[0].has_name = true;
    ch.texts[0].name = slice_cstr(name);
    return ch;
}
static struct public_id create(struct house *h, int64_t org, struct broadcast_settings settings) {
    struct public_id id;
    struct catalog_change ch = named("Final");
    assert_ok(broadcast_create(h->broadcast, org, &ch, &settings, &id));
    return id;
}
static struct broadcast_channel get(struct house *h, const struct public_id *id) {
    struct broadcast_channel c;
    assert_ok(broadcast_get(h->broadcast, ORG, public_id_slice(id), &c));
    return c;
}
static struct catalog_title title_of(struct house *h, const struct public_id *id) {
    struct catalog_view *v;
    assert_ok(catalog_view_take(h->catalog, ORG, &v));
    const struct catalog_title *t = catalog_find(v, public_id_slice(id));
    assert_non_null(t);
    struct catalog_title copy = *t; /* without what it points to */
    catalog_view_give(&v);
    return copy;
}

/* --- an encoder that sends sound --- */

struct encoder {
    struct feed_receiver r;
    void *feed;
    int64_t sent;
};
static struct err publish(struct house *h, const char *key, struct encoder *e) {
    *e = (struct encoder){.r = broadcast_receiver(h->broadcast)};
    struct feed_hello hello = {.protocol = "rtmp", .key = slice_cstr(key), .peer = SLICE("203.0.113.7:1"), .agent = SLICE("test")};
    struct err admitted = broadcast_admit(h->broadcast, &hello), begun = e->r.begin(e->r.user, &hello, &e->feed);
    if (begun.kind) assert_string_equal(admitted.code, begun.code);
    else assert_int_equal(admitted.kind, ERR_NONE);
    if (begun.kind) return begun;
    struct cmaf_track track = {.kind = CMAF_AUDIO, .codec = CMAF_AAC, .timescale = RATE, .config = {"\x11\x90", 2}};
    assert_ok(cmaf_track_complete(&track));
    return e->r.tracks(e->feed, &track, 1);
}
static struct err send_sound(struct house *h, struct encoder *e, int seconds) {
    char bytes[200];
    memset(bytes, 0x5a, sizeof bytes);
    for (int64_t until = e->sent + (int64_t)seconds * RATE; e->sent < until; e->sent += FRAME) {
        struct utc_time now = clock_utc(h->clock);
        struct feed_sample s = {.dts = e->sent, .pts = e->sent, .duration = FRAME, .is_sync = true, .data = slice_of(bytes, sizeof bytes), .arrived = now, .captured = now};
        struct err err = e->r.sample(e->feed, &s);
        if (err.kind) return err;
    }
    return ERR_OK;
}
static void hang_up(struct encoder *e) {
    e->r.end(e->feed, ERR_OK);
    e->feed = NULL;
}

/* The thread does it; asking again and again is waiting for it. */
static struct broadcast_channel until(struct house *h, const struct public_id *id, bool (*is_so)(const struct broadcast_channel *)) {
    struct broadcast_channel c = get(h, id);
    for (int i = 0; i < 100000 && !is_so(&c); i++) {
        usleep(100);
        c = get(h, id);
    }
    assert_true(is_so(&c));
    return c;
}
static bool is_live(const struct broadcast_channel *c) { return c->state == BROADCAST_LIVE; }
static bool is_finished(const struct broadcast_channel *c) { return c->is_finished && !c->is_open; }
static bool is_recorded_whole(const struct broadcast_channel *c) { return c->health.parts > 0 && c->health.recorded_parts == c->health.parts; }

/* --- tests --- */

static void rows_come_back(void **state) {
    struct house h = begin(state);
    enter(&h);
    struct broadcast_settings s = broadcast_settings_default();
    s.starts_ms = 1800000060000;
    s.dvr_ms = 90000;
    s.backup = BROADCAST_TAKE_OVER;
    s.ladder[0] = 720;
    s.ladder[1] = 360;
    struct public_id scheduled = create(&h, ORG, s);
    s = broadcast_settings_default();
    s.is_endless = true;
    s.is_recorded = false;
    struct public_id endless = create(&h, ORG, s);
    struct broadcast_channel before = get(&h, &scheduled);
    assert_int_equal(before.state, BROADCAST_SCHEDULED);
    assert_false(before.is_open);
    assert_int_equal(get(&h, &endless).state, BROADCAST_WAITING);
    assert_true(get(&h, &endless).is_open);
    assert_int_equal(title_of(&h, &scheduled).kind, CATALOG_EVENT);
    assert_int_equal(title_of(&h, &scheduled).status, CATALOG_SCHEDULED);
    assert_true(title_of(&h, &scheduled).starts_ms == 1800000060000);
    leave(&h);
    enter(&h);
    struct broadcast_channel after = get(&h, &scheduled);
    assert_string_equal(after.key, before.key);
    assert_memory_equal(after.settings.ladder, before.settings.ladder, sizeof after.settings.ladder);
    assert_int_equal(after.settings.backup, BROADCAST_TAKE_OVER);
    assert_int_equal(after.settings.dvr_ms, 90000);
    assert_true(after.settings.starts_ms == 1800000060000);
    assert_true(get(&h, &endless).is_open);
    assert_true(get(&h, &endless).settings.is_endless);
    assert_false(get(&h, &endless).settings.is_recorded);
    /* its time has come */
    clock_manual_advance(h.clock, 61 * NS_PER_S);
    broadcast_test_tick(h.broadcast);
    assert_int_equal(get(&h, &scheduled).state, BROADCAST_WAITING);
    assert_true(get(&h, &scheduled).is_open);
    end(&h);
}

static void what_cannot_be_is_refused(void **state) {
    struct house h = begin(state);
    enter(&h);
    struct catalog_change ch = named("x");
    struct public_id id;
    static const struct {
        const char *code;
        int64_t dvr_ms, starts_ms;
        uint16_t ladder[2];
    } wrong[] = {{"channel.dvr", 1000, 0, {0}}, {"channel.dvr", INT64_C(90000000), 0, {0}}, {"channel.starts", 60000, -1, {0}}, {"channel.ladder", 60000, 0, {100}},
                 {"channel.ladder", 60000, 0, {361}}, {"channel.ladder", 60000, 0, {360, 720}}, {"channel.ladder", 60000, 0, {4000}}};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct broadcast_settings s = broadcast_settings_default();
        s.dvr_ms = wrong[i].dvr_ms;
        s.starts_ms = wrong[i].starts_ms;
        memcpy(s.ladder, wrong[i].ladder, sizeof wrong[i].ladder);
        assert_error(broadcast_create(h.broadcast, ORG, &ch, &s, &id), wrong[i].code);
    }
    struct catalog_change no_name = {.has_kind = true, .kind = CATALOG_EVENT, .has_year = true, .year = 3};
    struct broadcast_settings fine = broadcast_settings_default();
    assert_error(broadcast_create(h.broadcast, ORG, &no_name, &fine, &id), "title.year"); /* then there is no channel either */
    struct arena *arena = arena_create(1 << 20);
    struct broadcast_channel *list;
    size_t count;
    assert_ok(broadcast_list(h.broadcast, arena, ORG, &list, &count));
    assert_int_equal(count, 0);
    arena_destroy(&arena);
    end(&h);
}

static void organisations_do_not_see_each_others(void **state) {
    struct house h = begin(state);
    enter(&h);
    struct public_id id = create(&h, ORG, broadcast_settings_default());
    struct slice title = public_id_slice(&id);
    struct broadcast_channel c;
    struct catalog_change ch = {0};
    struct broadcast_settings s = broadcast_settings_default();
    assert_error(broadcast_get(h.broadcast, OTHER_ORG, title, &c), "channel.not_found");
    assert_error(broadcast_change(h.broadcast, OTHER_ORG, title, &ch, &s), "channel.not_found");
    assert_error(broadcast_begin(h.broadcast, OTHER_ORG, title), "channel.not_found");
    assert_error(broadcast_end(h.broadcast, OTHER_ORG, title), "channel.not_found");
    assert_error(broadcast_rotate(h.broadcast, OTHER_ORG, title), "channel.not_found");
    assert_error(broadcast_remove(h.broadcast, OTHER_ORG, title), "channel.not_found");
    struct http_blob *none = NULL;
    assert_error(broadcast_preview(h.broadcast, OTHER_ORG, title, &none), "channel.not_found");
    struct arena *arena = arena_create(1 << 20);
    struct broadcast_channel *list;
    size_t count;
    assert_ok(broadcast_list(h.broadcast, arena, OTHER_ORG, &list, &count));
    assert_int_equal(count, 0);
    arena_destroy(&arena);
    assert_int_equal(get(&h, &id).state, BROADCAST_WAITING);
    end(&h);
}

static void an_event_goes_its_way(void **state) {
    struct house h = begin(state);
    enter(&h);
    struct public_id id = create(&h, ORG, broadcast_settings_default());
    struct encoder e, second;
    assert_error(publish(&h, "nobodys", &e), "feed.key");
    assert_error(publish(&h, "", &e), "feed.key");
    struct broadcast_channel c = get(&h, &id);
    char shorter[BROADCAST_KEY_LEN];
    snprintf(shorter, sizeof shorter, "%.*s", BROADCAST_KEY_LEN - 1, c.key);
    assert_error(publish(&h, shorter, &e), "feed.key");
    assert_ok(publish(&h, c.key, &e));
    assert_ok(send_sound(&h, &e, 1));
    assert_error(publish(&h, c.key, &second), "feed.taken");
    assert_ok(send_sound(&h, &e, 5));
    c = until(&h, &id, is_live);
    assert_true(c.started_ms == 1800000000000);
    assert_int_equal(title_of(&h, &id).status, CATALOG_LIVE);
    struct broadcast_live facts;
    assert_true(broadcast_live_facts(h.broadcast, public_id_slice(&id), &facts));
    assert_int_equal(facts.dvr_ms, BROADCAST_DVR_MS_DEFAULT);
    assert_error(broadcast_remove(h.broadcast, ORG, public_id_slice(&id)), "channel.live");
    struct broadcast_settings s = c.settings;
    s.is_endless = true;
    struct catalog_change ch = {0};
    assert_error(broadcast_change(h.broadcast, ORG, public_id_slice(&id), &ch, &s), "channel.live");
    s.is_endless = false;
    s.dvr_ms = 60000;
    s.backup = BROADCAST_TAKE_OVER;
    assert_ok(broadcast_change(h.broadcast, ORG, public_id_slice(&id), &ch, &s));
    assert_ok(publish(&h, c.key, &second)); /* takes over */
    assert_error(send_sound(&h, &e, 1), "feed.taken_over");
    hang_up(&e);
    assert_ok(send_sound(&h, &second, 3));
    assert_ok(broadcast_rotate(h.broadcast, ORG, public_id_slice(&id)));
    assert_error(send_sound(&h, &second, 1), "feed.cut");
    hang_up(&second);
    assert_error(publish(&h, c.key, &e), "feed.key");
    assert_true(strcmp(get(&h, &id).key, c.key) != 0);

    clock_manual_advance(h.clock, 10 * NS_PER_S);
    assert_ok(broadcast_end(h.broadcast, ORG, public_id_slice(&id)));
    assert_ok(broadcast_end(h.broadcast, ORG, public_id_slice(&id)));
    c = until(&h, &id, is_finished);
    assert_false(c.is_open);
    struct catalog_title t = title_of(&h, &id);
    assert_int_equal(t.status, CATALOG_READY);
    assert_int_equal(t.kind, CATALOG_EVENT);
    assert_in_range(t.duration_ms, 8000, 12000);
    assert_true(t.ended_ms == 1800000010000);
    assert_error(publish(&h, c.key, &e), "feed.over");
    assert_error(broadcast_begin(h.broadcast, ORG, public_id_slice(&id)), "feed.over");
    assert_false(broadcast_live_facts(h.broadcast, public_id_slice(&id), &facts));
    char path[200];
    snprintf(path, sizeof path, "%s/titles/%s/live.idx", h.path, id.text);
    assert_int_equal(access(path, F_OK), 0);
    leave(&h);
    enter(&h);
    assert_true(get(&h, &id).is_finished);
    assert_ok(broadcast_remove(h.broadcast, ORG, public_id_slice(&id)));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_error(broadcast_get(h.broadcast, ORG, public_id_slice(&id), &c), "channel.not_found");
    end(&h);
}

/* Without a recording, and without anything ever sent, there is nothing to publish. */
static void what_was_not_recorded_is_over(void **state) {
    struct house h = begin(state);
    enter(&h);
    struct broadcast_settings s = broadcast_settings_default();
    struct public_id silent = create(&h, ORG, s);
    s.is_recorded = false;
    struct public_id passing = create(&h, ORG, s);
    struct encoder e;
    assert_ok(publish(&h, get(&h, &passing).key, &e));
    assert_ok(send_sound(&h, &e, 5));
    until(&h, &passing, is_live);
    hang_up(&e);
    assert_ok(broadcast_end(h.broadcast, ORG, public_id_slice(&passing)));
    assert_ok(broadcast_end(h.broadcast, ORG, public_id_slice(&silent)));
    const struct public_id *const both[] = {&silent, &passing};
    for (int i = 0; i < 2; i++) {
        until(&h, both[i], is_finished);
        assert_int_equal(title_of(&h, both[i]).status, CATALOG_ENDED);
        char path[200];
        snprintf(path, sizeof path, "%s/titles/%s", h.path, both[i]->text);
        assert_int_not_equal(access(path, F_OK), 0);
        assert_false(broadcast_claims_staging(h.broadcast, SLICE("live-0000000000000000")));
    }
    end(&h);
}

/* What would be left by a kill in the middle of an end: the house is left while each n-th write fails, and entered again. */
static void an_end_goes_on_wherever_it_was_cut_off(void **state) {
    struct house h = begin(state);
    enter(&h);
    struct public_id id = create(&h, ORG, broadcast_settings_default());
    struct encoder e;
    assert_ok(publish(&h, get(&h, &id).key, &e));
    assert_ok(send_sound(&h, &e, 5));
    until(&h, &id, is_live);
    hang_up(&e);
    until(&h, &id, is_recorded_whole);
    assert_ok(broadcast_end(h.broadcast, ORG, public_id_slice(&id)));
    for (int nth = 1; nth < 40; nth++) {
        fault_arm(nth % 2 ? FAULT_WRITE : FAULT_SYNC, (uint64_t)(nth + 1) / 2, true);
        leave(&h);
        fault_disarm_all();
        h.broadcast = NULL;
        enter(&h);
        fault_arm(nth % 2 ? FAULT_SYNC : FAULT_WRITE, (uint64_t)(nth + 1) / 2, true);
        broadcast_test_tick(h.broadcast); /* tries again; some of it fails */
        fault_disarm_all();
        if (get(&h, &id).is_finished) break;
    }
    leave(&h);
    enter(&h);
    until(&h, &id, is_finished);
    assert_int_equal(title_of(&h, &id).status, CATALOG_READY);
    assert_in_range(title_of(&h, &id).duration_ms, 4000, 6000);
    end(&h);
}

/* Each failed allocation of making a channel is reported, and leaves either no channel or a whole one. */
static void every_failed_allocation_is_survived(void **state) {
    struct house h = begin(state);
    enter(&h);
    bool did_fire = true;
    for (uint64_t nth = 1; did_fire && nth < 2000; nth++) {
        struct catalog_change ch = named("Final");
        struct broadcast_settings s = broadcast_settings_default();
        struct public_id id = {0};
        fault_arm(FAULT_ALLOC, nth, false);
        struct err e = broadcast_create(h.broadcast, ORG, &ch, &s, &id);
        did_fire = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        assert_true(did_fire || !e.kind);
        if (!e.kind) {
            struct broadcast_channel c = get(&h, &id);
            assert_int_equal(c.state, BROADCAST_WAITING);
            struct err removed = broadcast_remove(h.broadcast, ORG, public_id_slice(&id));
            assert_ok(removed);
        }
    }
    assert_false(did_fire);
    end(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(rows_come_back),
        ON_BOTH(what_cannot_be_is_refused),
        ON_BOTH(organisations_do_not_see_each_others),
        ON_BOTH(an_event_goes_its_way),
        ON_BOTH(what_was_not_recorded_is_over),
        ON_SQLITE(an_end_goes_on_wherever_it_was_cut_off),
        ON_SQLITE(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests_name("broadcast", tests, NULL, NULL);
}
