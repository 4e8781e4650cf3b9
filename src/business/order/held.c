/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Entitlements. A row is written with the next number of the change sequence; the table in memory is a fold of these changes, in their order, whoever
 * made them. Loading reads the sequence first: a change that comes in between is taken in twice, and the second time changes nothing.
 *
 *   household --hash--> home: [ plans (title 0) | by title, by id ]       a part of the table (of SHARDS) has a lock; a home lies in one part
 *
 * An answer takes that lock for some twenty instructions, copies what may hold, and asks what plans contain after giving it back. */
#include <string.h>

#include "base/log.h"
#include "base/step.h"
#include "business/order/order_sql.h"
#include "business/order/room.h"

enum { LOAD_ROWS = 5000, LOAD_BYTES_MAX = 64 << 20, CHANGES_KEPT = 200000, PRUNED_EACH = 1000, PLANS_ASKED_MAX = 16, HOUSEHOLDS_TOLD = 256, BUCKETS_FIRST = 64 };

void helds_init(struct helds *hs) {
    for (int i = 0; i < SHARDS; i++) lock_init(&hs->shards[i].lock, LOCK_order_held);
    lock_init(&hs->following, LOCK_order_follow);
}

void helds_destroy(struct helds *hs) {
    for (int i = 0; i < SHARDS; i++) {
        struct shard *s = &hs->shards[i];
        for (size_t b = 0; b < s->bucket_count; b++)
            for (struct home *home = s->buckets[b], *after; home; home = after) {
                after = home->next;
                mem_free(home->list);
                mem_free(home);
            }
        mem_free(s->buckets);
        lock_destroy(&s->lock);
    }
    lock_destroy(&hs->following);
}

/* --- the table --- */

static uint64_t mix(int64_t household_id) {
    uint64_t h = (uint64_t)household_id * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}
static struct shard *shard_of(struct helds *hs, uint64_t hash) { return &hs->shards[hash % SHARDS]; }

static struct home *home_find(const struct shard *s, uint64_t hash, int64_t household_id) {
    if (!s->bucket_count) return NULL;
    struct home *home = s->buckets[(hash >> 8) & (s->bucket_count - 1)];
    while (home && home->household_id != household_id) home = home->next;
    return home;
}

/* Twice the buckets; with too little memory for that they stay, and look-ups become slower. */
static void shard_grow(struct shard *s) {
    size_t count = s->bucket_count ? s->bucket_count * 2 : BUCKETS_FIRST;
    struct home **buckets = mem_zalloc_array(count, sizeof *buckets);
    if (!buckets) return;
    for (size_t b = 0; b < s->bucket_count; b++)
        for (struct home *home = s->buckets[b], *after; home; home = after) {
            after = home->next;
            struct home **at = &buckets[(mix(home->household_id) >> 8) & (count - 1)];
            home->next = *at;
            *at = home;
        }
    mem_free(s->buckets);
    s->buckets = buckets;
    s->bucket_count = count;
}

static struct home *home_make(struct shard *s, uint64_t hash, int64_t org_id, int64_t household_id) {
    struct home *home = home_find(s, hash, household_id);
    if (home) return home;
    if (s->home_count >= s->bucket_count) shard_grow(s);
    home = s->bucket_count ? mem_zalloc(sizeof *home) : NULL;
    if (!home) return NULL;
    home->household_id = household_id;
    home->org_id = org_id;
    struct home **at = &s->buckets[(hash >> 8) & (s->bucket_count - 1)];
    home->next = *at;
    *at = home;
    s->home_count++;
    return home;
}

/* The first place whose (title, id) is not before these. */
static uint32_t place_of(const struct home *home, int64_t title_id, int64_t id) {
    uint32_t low = 0, high = home->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct held *one = &home->list[middle];
        if (one->title_id < title_id || (one->title_id == title_id && one->id < id)) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* What ended a day ago leaves when there is no room: nobody asks about yesterday. */
static void home_tidy(struct home *home, int64_t now_s) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < home->count; i++)
        if (home->list[i].ends_s > now_s - DAY_S) home->list[kept++] = home->list[i];
    home->count = kept;
}

static struct err put(struct order_room *r, int64_t org_id, int64_t household_id, const struct held *one, bool is_gone) {
    struct helds *hs = &r->helds;
    uint64_t hash = mix(household_id);
    struct shard *s = shard_of(hs, hash);
    struct err e = ERR_OK;
    lock_take(&s->lock);
    struct home *home = is_gone ? home_find(s, hash, household_id) : home_make(s, hash, org_id, household_id);
    uint32_t at = home ? place_of(home, one->title_id, one->id) : 0;
    bool is_there = home && at < home->count && home->list[at].id == one->id && home->list[at].title_id == one->title_id;
    if (is_gone) {
        if (is_there) {
            memmove(&home->list[at], &home->list[at + 1], (home->count - at - 1) * sizeof *one);
            home->count--;
            atomic_fetch_sub(&hs->count, 1);
        }
    } else if (is_there) {
        home->list[at] = *one;
    } else if (!home) {
        e = err_memory();
    } else {
        if (home->count == home->capacity) {
            uint32_t before = home->count;
            home_tidy(home, now_of(r));
            atomic_fetch_sub(&hs->count, before - home->count);
            at = place_of(home, one->title_id, one->id);
        }
        if (home->count == home->capacity) {
            uint32_t capacity = home->capacity ? home->capacity * 2 : 2;
            struct held *list = mem_realloc_array(home->list, capacity, sizeof *list);
            if (list) home->list = list;
            if (list) home->capacity = capacity;
            else e = err_memory();
        }
        if (!e.kind) {
            memmove(&home->list[at + 1], &home->list[at], (home->count - at) * sizeof *one);
            home->list[at] = *one;
            home->count++;
            atomic_fetch_add(&hs->count, 1);
        }
    }
    lock_give(&s->lock);
    return e;
}

/* --- the fold --- */

static struct held held_of(const struct db_rows *rows, size_t i) {
    return (struct held){
        .id = db_int(rows, i, "id"), .order_id = db_int(rows, i, "order_id"), .offer_id = db_int(rows, i, "offer_id"), .title_id = db_int(rows, i, "title_id"),
        .starts_s = db_int(rows, i, "starts_s"), .ends_s = db_int(rows, i, "ends_s"), .watch_s = db_int(rows, i, "watch_s"), .started_s = db_int(rows, i, "started_s"),
        .kind = (uint8_t)db_int(rows, i, "kind"), .medium = (uint8_t)db_int(rows, i, "medium"), .renews = db_int(rows, i, "renews") != 0};
}

static struct err take_in(struct order_room *r, const struct db_rows *rows, size_t i) {
    struct held one = held_of(rows, i);
    if (one.kind >= OFFER_KINDS || one.medium >= RIGHTS_MEDIA) return ERR_OK; /* of a newer program */
    return put(r, db_int(rows, i, "org_id"), db_int(rows, i, "household_id"), &one, !db_is_null(rows, i, "revoked_s"));
}

struct read_work {
    struct arena *arena;
    struct db_rows rows;
    int64_t after_id, seq, now_s;
};

static struct err load_fn(struct db_tx *tx, void *arg) {
    struct read_work *w = arg;
    if (w->seq < 0) w->seq = DB_GET_INT(tx, 0, &order_change_newest);
    return DB_QUERY(tx, w->arena, &w->rows, &order_held_load, DB_INT("after_id", w->after_id), DB_INT("now_s", w->now_s), DB_INT("limit", LOAD_ROWS));
}

struct err helds_load(struct order_room *r) {
    struct read_work w = {.arena = arena_create(LOAD_BYTES_MAX), .seq = -1, .now_s = now_of(r)};
    if (!w.arena) return err_memory();
    struct err e;
    do {
        arena_reset(w.arena);
        e = db_read(r->o.db, load_fn, &w);
        for (size_t i = 0; !e.kind && i < w.rows.count; i++) {
            e = take_in(r, &w.rows, i);
            w.after_id = db_int(&w.rows, i, "id");
        }
    } while (!e.kind && w.rows.count == LOAD_ROWS);
    if (!e.kind) atomic_store(&r->helds.seq, w.seq);
    arena_destroy(&w.arena);
    return e;
}

static struct err follow_fn(struct db_tx *tx, void *arg) {
    struct read_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &order_held_followed, DB_INT("seq", w->seq), DB_INT("limit", LOAD_ROWS));
}

static void tell(struct order_room *r, const struct db_rows *rows, const bool *is_news) {
    int64_t told = 0;
    for (size_t i = 0; i < rows->count && r->listener_count; i++) {
        int64_t household_id = db_int(rows, i, "household_id");
        if (!is_news[i] || household_id == told) continue; /* a bundle's rows come after one another */
        told = household_id;
        for (size_t k = 0; k < r->listener_count; k++) r->listeners[k].fn(r->listeners[k].user, db_int(rows, i, "org_id"), household_id);
    }
}

struct err helds_follow(struct order_room *r) {
    struct helds *hs = &r->helds;
    struct read_work w = {.arena = arena_create(LOAD_BYTES_MAX)};
    if (!w.arena) return err_memory();
    struct err e;
    do {
        arena_reset(w.arena);
        w.seq = atomic_load(&hs->seq);
        e = db_read(r->o.db, follow_fn, &w);
        bool *is_news = e.kind ? NULL : arena_alloc_array(w.arena, w.rows.count + 1, sizeof *is_news);
        if (!e.kind && !is_news) e = err_memory();
        /* One reader at a time takes in what it read, and only what is newer than what is there: a later state never gives way to an earlier. */
        lock_take(&hs->following);
        for (size_t i = 0; !e.kind && i < w.rows.count; i++) {
            int64_t seq = db_int(&w.rows, i, "seq");
            if (seq <= atomic_load(&hs->seq)) continue;
            e = take_in(r, &w.rows, i);
            if (e.kind) break;
            atomic_store(&hs->seq, seq);
            is_news[i] = true;
        }
        lock_give(&hs->following);
        if (is_news) tell(r, &w.rows, is_news);
    } while (!e.kind && w.rows.count == LOAD_ROWS);
    arena_destroy(&w.arena);
    return e;
}

/* --- answers --- */

static struct order_held shown(const struct held *one) {
    return (struct order_held){.entitlement_id = one->id, .order_id = one->order_id, .offer_id = one->offer_id, .kind = (enum offer_kind)one->kind,
                               .medium = (enum rights_medium)one->medium, .starts_s = one->starts_s, .ends_s = one->ends_s, .watch_s = one->watch_s, .started_s = one->started_s, .renews = one->renews};
}

/* Of two in one medium: what runs already before what would have to be begun, then what ends last. */
static bool is_better(const struct order_held *a, const struct order_held *b) {
    bool a_waits = a->watch_s && !a->started_s, b_waits = b->watch_s && !b->started_s;
    if (a_waits != b_waits) return b_waits;
    return a->ends_s > b->ends_s;
}

static size_t add(struct order_held *out, size_t count, const struct order_held *one) {
    size_t at = 0;
    while (at < count && out[at].medium != one->medium) at++;
    if (at < count) {
        if (is_better(one, &out[at])) out[at] = *one;
    } else if (count < ORDER_HELD_MAX) {
        out[count++] = *one;
    }
    return count;
}

static bool holds(const struct held *one, int64_t at_s, int64_t *next_s) {
    if (one->ends_s <= at_s) return false;
    if (one->starts_s <= at_s) return true;
    if (one->starts_s < *next_s) *next_s = one->starts_s;
    return false;
}

size_t order_entitlement(struct order_room *r, int64_t org_id, int64_t household_id, const int64_t titles[3], int64_t at_s, struct order_held out[ORDER_HELD_MAX], int64_t *next_s) {
    if (!household_id) return 0;
    uint64_t hash = mix(household_id);
    struct shard *s = shard_of(&r->helds, hash);
    struct order_held plans[PLANS_ASKED_MAX];
    size_t plan_count = 0, count = 0;
    lock_take(&s->lock);
    const struct home *home = home_find(s, hash, household_id);
    if (home && home->org_id == org_id) {
        for (uint32_t i = 0; i < home->count && home->list[i].title_id == 0 && plan_count < PLANS_ASKED_MAX; i++)
            if (holds(&home->list[i], at_s, next_s)) plans[plan_count++] = shown(&home->list[i]);
        for (int t = 0; t < 3; t++) {
            if (!titles[t]) continue;
            for (uint32_t i = place_of(home, titles[t], 0); i < home->count && home->list[i].title_id == titles[t]; i++) {
                if (!holds(&home->list[i], at_s, next_s)) continue;
                struct order_held one = shown(&home->list[i]);
                count = add(out, count, &one);
            }
        }
    }
    lock_give(&s->lock);
    for (size_t i = 0; i < plan_count; i++)
        if (offer_contains(r->o.offers, org_id, plans[i].offer_id, titles)) count = add(out, count, &plans[i]);
    return count;
}

bool order_has_plan(struct order_room *r, int64_t org_id, int64_t household_id, int64_t at_s) {
    if (!household_id) return false;
    uint64_t hash = mix(household_id);
    struct shard *s = shard_of(&r->helds, hash);
    bool has = false;
    int64_t next_s = ORDER_ENDLESS;
    lock_take(&s->lock);
    const struct home *home = home_find(s, hash, household_id);
    for (uint32_t i = 0; home && home->org_id == org_id && i < home->count && home->list[i].title_id == 0 && !has; i++)
        has = home->list[i].kind == OFFER_SUBSCRIPTION && holds(&home->list[i], at_s, &next_s);
    lock_give(&s->lock);
    return has;
}

/* --- changing: inside a transaction --- */

struct err held_note(struct db_tx *tx, int64_t held_id) {
    return DB_RUN(tx, &order_change_insert, DB_INT("held_id", held_id));
}

struct err held_add(struct order_room *r, struct db_tx *tx, const struct head *h, const struct line *l, int64_t title_id, int64_t starts_s, int64_t ends_s, int64_t watch_s, bool renews, int64_t *id) {
    int64_t made = id_next(r->o.ids);
    struct err e = DB_RUN(tx, &order_held_insert, DB_INT("id", made), DB_INT("org_id", h->org_id), DB_INT("household_id", h->household_id), DB_INT("order_id", h->id), DB_INT("line", l->n),
                          DB_INT("offer_id", l->offer_id), DB_INT("kind", l->kind), DB_INT("medium", l->t.medium), DB_INT("title_id", title_id), DB_INT("starts_s", starts_s),
                          DB_INT("ends_s", ends_s), DB_INT("watch_s", watch_s), DB_BOOL("renews", renews));
    if (!e.kind) e = held_note(tx, made);
    if (!e.kind && atomic_fetch_add(&r->helds.made, 1) % PRUNED_EACH == 0) e = DB_RUN(tx, &order_change_prune, DB_INT("kept", CHANGES_KEPT));
    if (!e.kind && id) *id = made;
    return e;
}

struct err held_set_end(struct db_tx *tx, int64_t held_id, int64_t ends_s, bool renews) {
    if (!held_id) return ERR_OK;
    struct err e = DB_RUN(tx, &order_held_end, DB_INT("id", held_id), DB_INT("ends_s", ends_s), DB_BOOL("renews", renews));
    return e.kind ? e : held_note(tx, held_id);
}

struct err helds_of_order(struct db_tx *tx, struct arena *arena, int64_t order_id, int line, bool revokes, int64_t now_s) {
    struct db_rows rows;
    struct err e = DB_QUERY(tx, arena, &rows, &order_held_of_order, DB_INT("order_id", order_id));
    for (size_t i = 0; !e.kind && i < rows.count; i++) {
        if (line >= 0 && db_int(&rows, i, "line") != line) continue;
        int64_t id = db_int(&rows, i, "id"), changed = 0;
        e = revokes ? DB_CHANGE(tx, &changed, &order_held_revoke, DB_INT("id", id), DB_INT("now_s", now_s)) : DB_CHANGE(tx, &changed, &order_held_restore, DB_INT("id", id));
        if (!e.kind && changed) e = held_note(tx, id);
    }
    return e;
}

/* --- a rental begins --- */

struct start_work {
    struct order_room *r;
    struct arena *arena;
    int64_t org_id, household_id, id, now_s;
    struct held held;
};

static struct err gone(void) { return err_make(ERR_NOT_FOUND, "order.entitlement", "The household does not have this any more."); }

static struct err start_fn(struct db_tx *tx, void *arg) {
    struct start_work *w = arg;
    struct db_rows rows;
    struct err e = DB_QUERY(tx, w->arena, &rows, &order_held_by_id, DB_INT("id", w->id), DB_INT("org_id", w->org_id));
    if (e.kind) return e;
    if (!rows.count || db_int(&rows, 0, "household_id") != w->household_id || !db_is_null(&rows, 0, "revoked_s")) return gone();
    w->held = held_of(&rows, 0);
    if (w->held.ends_s <= w->now_s) return err_make(ERR_DENIED, "order.rental_over", "The time for watching this is over.");
    if (!w->held.watch_s || w->held.started_s) return ERR_OK;
    w->held.started_s = w->now_s;
    w->held.ends_s = w->now_s + w->held.watch_s;
    e = DB_RUN(tx, &order_held_start, DB_INT("id", w->id), DB_INT("started_s", w->held.started_s), DB_INT("ends_s", w->held.ends_s));
    if (!e.kind) e = held_note(tx, w->id);
    STEP(order_start_inside);
    return e;
}

struct err order_started(struct order_room *r, int64_t org_id, int64_t household_id, int64_t entitlement_id, struct order_held *out) {
    struct start_work w = {.r = r, .arena = arena_create(64 << 10), .org_id = org_id, .household_id = household_id, .id = entitlement_id, .now_s = now_of(r)};
    struct err e = w.arena ? db_write(r->o.db, start_fn, &w) : err_memory();
    STEP(order_started);
    if (!e.kind) e = helds_follow(r);
    if (!e.kind) *out = shown(&w.held);
    arena_destroy(&w.arena);
    return e;
}
