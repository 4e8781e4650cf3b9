/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/epoch.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct epoch_place places[EPOCH_PLACES];
static _Atomic unsigned places_used; /* none behind was ever taken */
static _Atomic uint64_t crowd_count;
_Alignas(64) _Atomic uint64_t epoch_now = 1;
static struct epoch_place nested; /* the mark of readings within readings: nobody looks at it */
_Thread_local struct epoch_place *epoch_mine;
static _Thread_local struct epoch_place *place; /* this thread's; NULL: it has none yet */

static pthread_key_t at_end;
static bool has_key;
bool epoch_has_barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void place_give(void *arg) {
    struct epoch_place *p = arg;
    epoch_mine = place = NULL;
    atomic_store(&p->is_taken, false);
}
static bool barrier_prepare(void) { return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0; }
static bool barrier_run(void) { return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0; }
static void prepare(void) {
    has_key = pthread_key_create(&at_end, place_give) == 0;
    epoch_has_barrier = barrier_prepare() && barrier_run();
}

/* NULL: there is none left. */
static struct epoch_place *join(void) {
    pthread_once(&once, prepare);
    for (unsigned i = 0; has_key && i < EPOCH_PLACES; i++) {
        bool is_taken = false;
        if (!atomic_compare_exchange_strong(&places[i].is_taken, &is_taken, true)) continue;
        if (pthread_setspecific(at_end, &places[i]) != 0) { /* its end would not be seen: it must not keep the place */
            atomic_store(&places[i].is_taken, false);
            break;
        }
        unsigned used = atomic_load(&places_used);
        while (used < i + 1 && !atomic_compare_exchange_weak(&places_used, &used, i + 1)) {}
        return &places[i];
    }
    return NULL;
}

struct epoch_place *epoch_enter_slowly(void) {
    if (!place && !(place = join())) {
        atomic_fetch_add(&crowd_count, 1);
        return NULL;
    }
    if (atomic_load_explicit(&place->epoch, memory_order_relaxed)) return &nested;
    atomic_store(&place->epoch, atomic_load(&epoch_now));
    if (epoch_has_barrier) epoch_mine = place;
    return place;
}
void epoch_leave_crowd(void) { atomic_fetch_sub(&crowd_count, 1); }

uint64_t epoch_end(void) { return atomic_fetch_add(&epoch_now, 1); }

uint64_t epoch_oldest(void) {
    pthread_once(&once, prepare);
    if (epoch_has_barrier && !barrier_run() && !(barrier_prepare() && barrier_run())) return 0; /* who knows? Nothing is given back */
    if (atomic_load(&crowd_count)) return 0;
    uint64_t oldest = UINT64_MAX;
    unsigned used = atomic_load(&places_used);
    for (unsigned i = 0; i < used; i++) {
        uint64_t epoch = atomic_load(&places[i].epoch);
        if (epoch && epoch < oldest) oldest = epoch;
    }
    return oldest;
}
