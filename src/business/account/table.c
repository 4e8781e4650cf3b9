/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/account/table.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"

enum { PARTS = 64, WAYS = 8, STAMPS = 8192, PLACES_DEFAULT = 65536, SEEN_EVERY_S = 600, DEPENDS = 3 };

struct depends {
    uint32_t place[DEPENDS], stamp[DEPENDS];
};
struct entry {
    uint8_t hash[TABLE_HASH_BYTES];
    struct account_who who;
    int64_t expires_s, seen_s, nobody_until_ns;
    struct depends on;
    uint32_t used;
    enum { ENTRY_FREE, ENTRY_WHO, ENTRY_NOBODY } kind;
};
struct facts {
    struct account_household_facts household; /* household_id 0: free */
    struct depends on;
    uint32_t used;
};
struct part {
    struct lock lock;
    uint32_t used; /* counts uses, to tell what was used longest ago */
    struct entry *entries;
    struct facts *facts;
};
struct tables {
    size_t buckets; /* of each part; a power of two */
    _Atomic uint64_t epoch;
    _Atomic uint32_t stamps[STAMPS];
    struct entry *entries;
    struct facts *facts;
    struct part parts[PARTS];
};

static uint64_t mixed(uint64_t x) { /* the finaliser of SplitMix64 */
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}
static uint32_t stamp_place(int64_t id) { return (uint32_t)(mixed((uint64_t)id) % STAMPS); }

struct tables *tables_create(size_t places) {
    if (!places) places = PLACES_DEFAULT;
    size_t buckets = 1;
    while (buckets * PARTS * WAYS < places) buckets *= 2;
    struct tables *t = mem_zalloc(sizeof *t);
    if (!t) return NULL;
    t->buckets = buckets;
    t->entries = mem_zalloc_array(PARTS * buckets * WAYS, sizeof *t->entries); /* pages come when they are first written */
    t->facts = mem_zalloc_array(PARTS * buckets * WAYS, sizeof *t->facts);
    for (size_t i = 0; i < PARTS; i++) {
        lock_init(&t->parts[i].lock, LOCK_account_table);
        if (t->entries) t->parts[i].entries = t->entries + i * buckets * WAYS;
        if (t->facts) t->parts[i].facts = t->facts + i * buckets * WAYS;
    }
    if (!t->entries || !t->facts) tables_destroy(&t);
    return t;
}

void tables_destroy(struct tables **tables) {
    struct tables *t = *tables;
    if (!t) return;
    for (size_t i = 0; i < PARTS; i++) lock_destroy(&t->parts[i].lock);
    mem_free(t->entries);
    mem_free(t->facts);
    MEM_FREE(tables);
}

uint64_t tables_epoch(const struct tables *t) { return atomic_load(&t->epoch); }

void tables_bump(struct tables *t, const int64_t *ids, size_t count) {
    atomic_fetch_add(&t->epoch, 1); /* first: see table.h */
    for (size_t i = 0; i < count; i++)
        if (ids[i]) atomic_fetch_add(&t->stamps[stamp_place(ids[i])], 1);
}

void tables_bump_all(struct tables *t) {
    atomic_fetch_add(&t->epoch, 1);
    for (size_t i = 0; i < STAMPS; i++) atomic_fetch_add(&t->stamps[i], 1);
}

static struct depends depends_on(const struct tables *t, int64_t a, int64_t b, int64_t c) {
    const int64_t ids[DEPENDS] = {a, b, c};
    struct depends on;
    for (int i = 0; i < DEPENDS; i++) {
        on.place[i] = stamp_place(ids[i]);
        on.stamp[i] = atomic_load(&t->stamps[on.place[i]]);
    }
    return on;
}
static bool still_holds(const struct tables *t, const struct depends *on) {
    bool holds = true;
    for (int i = 0; i < DEPENDS; i++) holds &= atomic_load(&t->stamps[on->place[i]]) == on->stamp[i];
    return holds;
}

static uint64_t hash_number(const uint8_t hash[TABLE_HASH_BYTES]) {
    uint64_t n;
    memcpy(&n, hash, sizeof n);
    return n;
}
static struct part *part_of(struct tables *t, uint64_t n) { return &t->parts[n % PARTS]; }
static struct entry *bucket_of(const struct tables *t, struct part *p, uint64_t n) { return p->entries + (n / PARTS & (t->buckets - 1)) * WAYS; }
static struct facts *facts_of(const struct tables *t, struct part *p, uint64_t n) { return p->facts + (n / PARTS & (t->buckets - 1)) * WAYS; }

enum account_peek tables_find(struct tables *t, const uint8_t hash[TABLE_HASH_BYTES], int64_t org_id, int64_t now_s, struct mono_time now, struct account_who *out,
                              bool *is_due) {
    uint64_t n = hash_number(hash);
    struct part *p = part_of(t, n);
    enum account_peek answer = ACCOUNT_ASK;
    *is_due = false;
    lock_take(&p->lock);
    struct entry *bucket = bucket_of(t, p, n);
    for (int i = 0; i < WAYS; i++) {
        struct entry *e = &bucket[i];
        if (e->kind == ENTRY_FREE || memcmp(e->hash, hash, TABLE_HASH_BYTES) || e->who.org_id != org_id) continue;
        if (e->kind == ENTRY_NOBODY) {
            if (e->nobody_until_ns > now.ns) answer = ACCOUNT_NOBODY;
            else e->kind = ENTRY_FREE;
        } else if (e->expires_s <= now_s || !still_holds(t, &e->on)) {
            e->kind = ENTRY_FREE; /* the store knows better */
        } else {
            answer = ACCOUNT_KNOWN;
            *out = e->who;
            e->used = ++p->used;
            if (now_s - e->seen_s >= SEEN_EVERY_S) {
                e->seen_s = now_s;
                *is_due = true;
            }
        }
        break;
    }
    lock_give(&p->lock);
    return answer;
}

/* Where this secret goes: its own place, a free one, or that of what was used longest ago. Who is nobody drives out nobody else. Under the lock. */
static struct entry *place_of(struct tables *t, struct part *p, const uint8_t hash[TABLE_HASH_BYTES], bool is_nobody) {
    struct entry *bucket = bucket_of(t, p, hash_number(hash)), *best = NULL;
    for (int i = 0; i < WAYS; i++)
        if (bucket[i].kind != ENTRY_FREE && !memcmp(bucket[i].hash, hash, TABLE_HASH_BYTES)) return &bucket[i];
    for (int i = 0; i < WAYS; i++) {
        struct entry *e = &bucket[i];
        if (e->kind == ENTRY_FREE) return e;
        if (is_nobody && e->kind != ENTRY_NOBODY) continue;
        bool is_better = !best || (e->kind == ENTRY_NOBODY && best->kind != ENTRY_NOBODY) || (e->kind == best->kind && p->used - e->used > p->used - best->used);
        if (is_better) best = e;
    }
    return best;
}

void tables_put(struct tables *t, uint64_t epoch, const uint8_t hash[TABLE_HASH_BYTES], const struct account_who *who, int64_t expires_s, int64_t seen_s) {
    struct depends on = depends_on(t, who->session_id ? who->session_id : who->token_id, who->user_id, who->household_id);
    if (tables_epoch(t) != epoch) return;
    struct part *p = part_of(t, hash_number(hash));
    lock_take(&p->lock);
    struct entry *e = place_of(t, p, hash, false);
    memcpy(e->hash, hash, TABLE_HASH_BYTES);
    e->who = *who;
    e->expires_s = expires_s;
    e->seen_s = seen_s;
    e->on = on;
    e->used = ++p->used;
    e->kind = ENTRY_WHO;
    lock_give(&p->lock);
}

void tables_put_nobody(struct tables *t, const uint8_t hash[TABLE_HASH_BYTES], int64_t org_id, struct mono_time until) {
    struct part *p = part_of(t, hash_number(hash));
    lock_take(&p->lock);
    struct entry *e = place_of(t, p, hash, true);
    if (e && e->kind != ENTRY_WHO) { /* somebody of another organisation keeps his place */
        memcpy(e->hash, hash, TABLE_HASH_BYTES);
        e->who = (struct account_who){.org_id = org_id};
        e->nobody_until_ns = until.ns;
        e->used = ++p->used;
        e->kind = ENTRY_NOBODY;
    }
    lock_give(&p->lock);
}

void tables_remove(struct tables *t, const uint8_t hash[TABLE_HASH_BYTES]) {
    struct part *p = part_of(t, hash_number(hash));
    lock_take(&p->lock);
    struct entry *bucket = bucket_of(t, p, hash_number(hash));
    for (int i = 0; i < WAYS; i++)
        if (!memcmp(bucket[i].hash, hash, TABLE_HASH_BYTES)) bucket[i].kind = ENTRY_FREE;
    lock_give(&p->lock);
}

bool tables_household_find(struct tables *t, int64_t org_id, int64_t household_id, struct account_household_facts *out) {
    uint64_t n = mixed((uint64_t)household_id);
    struct part *p = part_of(t, n);
    bool has = false;
    lock_take(&p->lock);
    struct facts *bucket = facts_of(t, p, n);
    for (int i = 0; i < WAYS && household_id; i++) {
        struct facts *f = &bucket[i];
        if (f->household.household_id != household_id || f->household.org_id != org_id) continue;
        if (still_holds(t, &f->on)) {
            *out = f->household;
            f->used = ++p->used;
            has = true;
        } else {
            f->household.household_id = 0;
        }
        break;
    }
    lock_give(&p->lock);
    return has;
}

void tables_household_put(struct tables *t, uint64_t epoch, const struct account_household_facts *household) {
    assert(household->household_id);
    uint64_t n = mixed((uint64_t)household->household_id);
    struct depends on = depends_on(t, household->household_id, 0, 0);
    if (tables_epoch(t) != epoch) return;
    struct part *p = part_of(t, n);
    lock_take(&p->lock);
    struct facts *bucket = facts_of(t, p, n), *best = NULL;
    for (int i = 0; i < WAYS; i++) {
        struct facts *f = &bucket[i];
        if (f->household.household_id == household->household_id) {
            best = f;
            break;
        }
        bool is_free = f->household.household_id == 0;
        if (!best || (best->household.household_id && (is_free || p->used - f->used > p->used - best->used))) best = f;
    }
    best->household = *household;
    best->on = on;
    best->used = ++p->used;
    lock_give(&p->lock);
}
