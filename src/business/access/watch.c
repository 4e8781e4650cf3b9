/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The room as a whole, and the thread "access": whoever changes something that decisions depend on wakes it, and it decides all running
 * streams again. It also looks by itself every two seconds: windows end without anybody's doing, and other processes tell nobody. */
#include "base/log.h"
#include "business/access/room.h"

/* A burst of changes (an import of thousands of titles) is one sweep each REST. */
#define LOOK_NS (2 * NS_PER_S)
#define REST_NS (50 * NS_PER_MS)

void access_poke(struct access *a) {
    lock_take(&a->watch_lock);
    a->watch_is_wanted = true;
    condition_wake_one(&a->watch_wake);
    lock_give(&a->watch_lock);
}

static void on_rights(void *user, int64_t org_id) { access_poke(user); }
static void on_titles(void *user, int64_t org_id) { access_poke(user); }
static void on_order(void *user, int64_t org_id, int64_t household_id) { access_poke(user); }
static void on_household(void *user, int64_t org_id, int64_t household_id) { access_poke(user); }

static void watch_run(void *arg) {
    struct access *a = arg;
    for (;;) {
        lock_take(&a->watch_lock);
        if (!a->watch_is_wanted && !a->watch_stops) condition_wait_ns(&a->watch_wake, &a->watch_lock, LOOK_NS);
        bool stops = a->watch_stops;
        a->watch_is_wanted = false;
        lock_give(&a->watch_lock);
        if (stops) return;
        struct err e = grants_follow(a);
        if (e.kind) log_warn("access", "grants not followed", LOG_ERR(e));
        access_sweep(a);
        lock_take(&a->watch_lock);
        if (!a->watch_stops) condition_wait_ns(&a->watch_end, &a->watch_lock, REST_NS);
        lock_give(&a->watch_lock);
    }
}

struct err access_open(struct access **out, const struct access_options *options) {
    struct access *a = mem_zalloc(sizeof *a);
    if (!a) return err_memory();
    a->o = *options;
    grants_init(&a->grants);
    streams_init(&a->streams);
    lock_init(&a->watch_lock, LOCK_access_watch);
    condition_init(&a->watch_wake);
    condition_init(&a->watch_end);
    struct err e = grants_load(a);
    if (!e.kind && a->o.delivery) e = streams_load(a);
    if (!e.kind) e = account_add_holder(a->o.account, &(struct account_holder){.name = "grants", .write = grants_write_subject, .erase = grants_erase_subject, .keeps = grants_keeps_subject,
                                                                                            .user = a});
    if (e.kind) {
        access_close(&a);
        return e;
    }
    rights_listen(a->o.rights, on_rights, a);
    catalog_on_change(a->o.catalog, on_titles, a);
    account_on_change(a->o.account, on_household, a);
    if (a->o.order) order_listen(a->o.order, on_order, a);
    *out = a;
    return ERR_OK;
}

struct err access_start(struct access *a) { return thread_start(&a->watch, "access", watch_run, a); }

void access_stop(struct access *a) {
    lock_take(&a->watch_lock);
    a->watch_stops = true;
    condition_wake_all(&a->watch_wake);
    condition_wake_all(&a->watch_end);
    lock_give(&a->watch_lock);
    thread_join(&a->watch);
}

void access_close(struct access **access_at) {
    struct access *a = *access_at;
    if (!a) return;
    access_stop(a);
    streams_destroy(&a->streams);
    grants_destroy(&a->grants);
    condition_destroy(&a->watch_wake);
    condition_destroy(&a->watch_end);
    lock_destroy(&a->watch_lock);
    MEM_FREE(access_at);
}

void access_stats(const struct access *at, struct access_stats *out) {
    struct access *a = (struct access *)(uintptr_t)at;
    *out = (struct access_stats){.decisions = atomic_load(&a->decisions), .refusals = atomic_load(&a->refusals), .sweeps = atomic_load(&a->sweeps),
                                 .ended = atomic_load(&a->ended)};
    lock_take(&a->streams.lock);
    out->streams = a->streams.count;
    lock_give(&a->streams.lock);
    lock_take(&a->grants.lock);
    out->grants = a->grants.count;
    lock_give(&a->grants.lock);
}
