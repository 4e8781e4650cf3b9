/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/account/limit.h"

#include <sodium.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/thread.h"

enum { BUCKETS = 2048, WAYS = 8 };

struct measure {
    uint64_t name;
    int64_t full_ns; /* when nothing of it will be used any more */
};
struct limits {
    struct lock lock;
    uint8_t seed[crypto_shorthash_KEYBYTES]; /* so that nobody can choose whose place he takes */
    struct measure measures[BUCKETS][WAYS];
};

struct limits *limits_create(void) {
    struct limits *l = mem_zalloc(sizeof *l);
    if (!l) return NULL;
    lock_init(&l->lock, LOCK_account_limit);
    rng_secure(l->seed, sizeof l->seed);
    return l;
}

void limits_destroy(struct limits **limits) {
    if (!*limits) return;
    lock_destroy(&(*limits)->lock);
    MEM_FREE(limits);
}

static uint64_t name_of(const struct limits *l, const struct limit_rule *rule, struct slice text) {
    uint64_t name;
    crypto_shorthash((uint8_t *)&name, (const uint8_t *)text.ptr, text.len, l->seed);
    return (name ^ (uint64_t)rule->kind * UINT64_C(0x9e3779b97f4a7c15)) | 1;
}

/* The measure of this name, or the one that is nearest to full, which it takes over. Under the lock. */
static struct measure *measure_of(struct limits *l, uint64_t name) {
    struct measure *bucket = l->measures[name / 2 % BUCKETS], *best = bucket;
    for (int i = 0; i < WAYS; i++) {
        if (bucket[i].name == name) return &bucket[i];
        if (bucket[i].full_ns < best->full_ns) best = &bucket[i];
    }
    *best = (struct measure){.name = name};
    return best;
}

bool limit_take(struct limits *l, const struct limit_rule *rule, struct slice text, struct mono_time now) {
    int64_t refill_ns = rule->refill_s * NS_PER_S;
    lock_take(&l->lock);
    struct measure *m = measure_of(l, name_of(l, rule, text));
    int64_t full_ns = m->full_ns > now.ns ? m->full_ns : now.ns;
    bool is_fine = full_ns - now.ns <= (rule->burst - 1) * refill_ns;
    if (is_fine) m->full_ns = full_ns + refill_ns;
    lock_give(&l->lock);
    return is_fine;
}

void limit_give(struct limits *l, const struct limit_rule *rule, struct slice text, struct mono_time now) {
    lock_take(&l->lock);
    struct measure *m = measure_of(l, name_of(l, rule, text));
    if (m->full_ns > now.ns) m->full_ns -= rule->refill_s * NS_PER_S;
    lock_give(&l->lock);
}
