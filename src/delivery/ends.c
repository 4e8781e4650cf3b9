/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "delivery/ends.h"

#include "base/mem.h"
#include "base/thread.h"
#include "delivery/delivery.h"

enum { BUCKETS = 4096, ENDS_MAX = 100000 };

struct end {
    struct end *next;
    struct public_id session;
    char reason[DELIVERY_REASON_MAX + 1];
    int64_t until_s;
};

struct ends {
    struct lock lock;
    size_t count;
    struct end *buckets[BUCKETS];
};

struct ends *ends_create(void) {
    struct ends *ends = mem_zalloc(sizeof *ends);
    if (ends) lock_init(&ends->lock, LOCK_delivery_ends);
    return ends;
}

void ends_destroy(struct ends **ends_at) {
    struct ends *ends = *ends_at;
    if (!ends) return;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct end *end = ends->buckets[i], *next; end; end = next) {
            next = end->next;
            mem_free(end);
        }
    lock_destroy(&ends->lock);
    MEM_FREE(ends_at);
}

static struct end **bucket_of(struct ends *ends, struct slice session) { return &ends->buckets[slice_hash(session) % BUCKETS]; }

void ends_add(struct ends *ends, struct slice session, struct slice reason, int64_t until_s, int64_t now_s) {
    struct end *fresh = NULL;
    if (reason.len == 0 || reason.len > DELIVERY_REASON_MAX || !(fresh = mem_zalloc(sizeof *fresh))) return;
    if (!public_id_parse(session, &fresh->session)) {
        mem_free(fresh);
        return;
    }
    memcpy(fresh->reason, reason.ptr, reason.len);
    fresh->until_s = until_s;
    lock_take(&ends->lock);
    struct end **at = bucket_of(ends, session);
    bool is_known = false;
    while (*at) { /* what is over leaves the bucket on the way */
        struct end *end = *at;
        is_known |= slice_eq(public_id_slice(&end->session), session);
        if (end->until_s > now_s) {
            at = &end->next;
            continue;
        }
        *at = end->next;
        mem_free(end);
        ends->count--;
    }
    if (!is_known && ends->count < ENDS_MAX) { /* the first reason stands */
        *at = fresh;
        ends->count++;
        fresh = NULL;
    }
    lock_give(&ends->lock);
    mem_free(fresh);
}

bool ends_find(struct ends *ends, struct slice session, char *reason) {
    bool is_found = false;
    lock_take(&ends->lock);
    for (const struct end *end = *bucket_of(ends, session); end && !is_found; end = end->next)
        if (slice_eq(public_id_slice(&end->session), session)) {
            memcpy(reason, end->reason, sizeof end->reason);
            is_found = true;
        }
    lock_give(&ends->lock);
    return is_found;
}
