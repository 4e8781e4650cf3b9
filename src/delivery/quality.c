/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "delivery/quality.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/thread.h"

struct session {
    uint64_t name; /* hash; 0: free */
    struct mono_time first, last;
    int64_t startup_ms; /* -1: not known */
    int64_t latency_ms; /* the last one said; -1: none */
    uint64_t kbit_ms;   /* bitrate of video times how long it was the last one said */
    uint64_t counted_ms;
    int64_t bitrate_kbps;
    struct mono_time bitrate_at;
    uint32_t stalls;
    bool is_starting; /* its first requests were urgent (su), and none that was not has come */
};

struct quality {
    struct lock lock;
    struct session *sessions; /* by name, in runs of PROBES; made when the first one speaks */
    /* For each slot the second (plus one, modulo 65,536) in which a session of that slot was last seen; 0: never. */
    _Atomic uint16_t seen[QUALITY_VIEWER_SLOTS];
};
enum { PROBES = 8 };

struct quality *quality_create(void) {
    struct quality *q = mem_zalloc(sizeof *q);
    if (q) lock_init(&q->lock, LOCK_delivery_quality);
    return q;
}

void quality_destroy(struct quality **quality) {
    if (!*quality) return;
    lock_destroy(&(*quality)->lock);
    mem_free((*quality)->sessions);
    MEM_FREE(quality);
}

static uint16_t second_of(struct mono_time t) { return (uint16_t)(t.ns / NS_PER_S % 65535 + 1); }

/* The session's place, or that of the one among its neighbours that has been silent longest. */
static struct session *place_of(struct quality *q, uint64_t name, struct mono_time now) {
    struct session *oldest = NULL;
    for (int i = 0; i < PROBES; i++) {
        struct session *s = &q->sessions[(name + (uint64_t)i) % QUALITY_SESSIONS_MAX];
        if (s->name == name) return s;
        if (!oldest || (oldest->name && (!s->name || s->last.ns < oldest->last.ns))) oldest = s;
    }
    *oldest = (struct session){.name = name, .first = now, .last = now, .startup_ms = -1, .latency_ms = -1};
    return oldest;
}

static void session_take(struct session *s, const struct cmcd *c, struct mono_time now, bool is_first) {
    if (c->start_delay_ms >= 0) s->startup_ms = c->start_delay_ms;
    /* Version 1 has no such number: from the first urgent request to the first that is not. */
    if (is_first) s->is_starting = c->is_startup;
    else if (s->is_starting && !c->is_startup && c->object != CMCD_OBJECT_OTHER) {
        s->is_starting = false;
        if (s->startup_ms < 0) s->startup_ms = mono_diff_ns(now, s->first) / NS_PER_MS;
    }
    if (c->latency_ms >= 0) s->latency_ms = c->latency_ms;
    s->stalls += c->has_starved;
    if (c->object == CMCD_OBJECT_VIDEO && c->bitrate_kbps > 0) {
        if (s->bitrate_kbps > 0) {
            uint64_t ms = (uint64_t)(mono_diff_ns(now, s->bitrate_at) / NS_PER_MS);
            s->kbit_ms += (uint64_t)s->bitrate_kbps * ms;
            s->counted_ms += ms;
        }
        s->bitrate_kbps = c->bitrate_kbps;
        s->bitrate_at = now;
    }
    s->last = now;
}

void quality_take(struct quality *q, struct slice session, const struct cmcd *c, struct mono_time now) {
    uint64_t name = slice_hash(session) | 1;
    atomic_store_explicit(&q->seen[(name >> 16) % QUALITY_VIEWER_SLOTS], second_of(now), memory_order_relaxed);
    bool says_something = c->sid_len || c->object || c->bitrate_kbps || c->latency_ms >= 0 || c->start_delay_ms >= 0 || c->has_starved || c->is_startup;
    if (!says_something) return;
    lock_take(&q->lock);
    if (!q->sessions) q->sessions = mem_zalloc_array(QUALITY_SESSIONS_MAX, sizeof *q->sessions);
    if (q->sessions) {
        struct session *s = place_of(q, name, now);
        session_take(s, c, now, s->first.ns == now.ns);
    }
    lock_give(&q->lock);
}

uint32_t quality_viewers(const struct quality *q, struct mono_time now) {
    uint32_t second = second_of(now), taken = 0;
    for (size_t i = 0; i < QUALITY_VIEWER_SLOTS; i++) {
        uint32_t seen = atomic_load_explicit(&q->seen[i], memory_order_relaxed);
        taken += seen && (second + 65535 - seen) % 65535 <= QUALITY_VIEWER_S;
    }
    if (taken >= QUALITY_VIEWER_SLOTS) taken = QUALITY_VIEWER_SLOTS - 1;
    return (uint32_t)lround(-(double)QUALITY_VIEWER_SLOTS * log1p(-(double)taken / QUALITY_VIEWER_SLOTS));
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static struct delivery_spread spread_of(int64_t *values, size_t count) {
    if (!count) return (struct delivery_spread){-1, -1};
    qsort(values, count, sizeof *values, compare);
    return (struct delivery_spread){values[(count - 1) / 2], values[(count - 1) * 95 / 100]};
}

void quality_summary(struct quality *q, struct mono_time now, struct delivery_quality *out) {
    struct delivery_quality sum = {.startup_ms = {-1, -1}, .latency_ms = {-1, -1}};
    int64_t *values = mem_zalloc_array(QUALITY_SESSIONS_MAX * 2, sizeof *values);
    lock_take(&q->lock);
    int64_t *startups = values, *latencies = values ? values + QUALITY_SESSIONS_MAX : NULL, watched_ms = 0;
    size_t startup_count = 0, latency_count = 0;
    uint64_t kbit_ms = 0, counted_ms = 0, stalls = 0;
    for (size_t i = 0; q->sessions && values && i < QUALITY_SESSIONS_MAX; i++) {
        const struct session *s = &q->sessions[i];
        if (!s->name) continue;
        sum.sessions++;
        watched_ms += mono_diff_ns(s->last, s->first) / NS_PER_MS;
        stalls += s->stalls;
        kbit_ms += s->kbit_ms;
        counted_ms += s->counted_ms;
        if (!s->counted_ms && s->bitrate_kbps) { /* it has said only one: for a moment */
            kbit_ms += (uint64_t)s->bitrate_kbps;
            counted_ms++;
        }
        if (s->startup_ms >= 0) startups[startup_count++] = s->startup_ms;
        if (s->latency_ms >= 0 && mono_diff_ns(now, s->last) < 60 * NS_PER_S) latencies[latency_count++] = s->latency_ms;
    }
    lock_give(&q->lock);
    sum.startup_ms = spread_of(startups, startup_count);
    sum.latency_ms = spread_of(latencies, latency_count);
    sum.stalls_per_hour = watched_ms > 0 ? (double)stalls * 3600000 / (double)watched_ms : 0;
    sum.bitrate_bps = counted_ms ? (int64_t)(kbit_ms * 1000 / counted_ms) : 0;
    mem_free(values);
    *out = sum;
}
