/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/fault.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct fault {
    atomic_bool is_armed;
    atomic_bool has_fired;
    atomic_bool is_sticky; /* read by whoever meets the fault, while the test's thread arms the next one */
    atomic_int_fast64_t remaining; /* operations until it fires */
};
static struct fault faults[FAULT_POINTS];

void fault_arm(enum fault_point point, uint64_t nth, bool sticky) {
    struct fault *f = &faults[point];
    atomic_store(&f->is_armed, false);
    atomic_store(&f->has_fired, false);
    atomic_store(&f->is_sticky, sticky);
    atomic_store(&f->remaining, (int_fast64_t)nth);
    atomic_store(&f->is_armed, nth > 0);
}

void fault_disarm_all(void) {
    for (int i = 0; i < FAULT_POINTS; i++) atomic_store(&faults[i].is_armed, false);
}

bool fault_fired(enum fault_point point) { return atomic_load(&faults[point].has_fired); }

bool fault_arm_from_text(const char *text) {
    static const char *const names[FAULT_POINTS] = {"alloc", "write", "read", "sync"};
    struct {
        uint64_t nth;
        bool sticky;
    } wanted[FAULT_POINTS] = {{0}};
    while (*text) {
        size_t name_len = strcspn(text, ":");
        int point = -1;
        for (int i = 0; i < FAULT_POINTS; i++)
            if (strlen(names[i]) == name_len && !memcmp(names[i], text, name_len)) point = i;
        if (point < 0 || text[name_len] != ':') return false;
        char *end;
        unsigned long long nth = strtoull(text + name_len + 1, &end, 10);
        if (end == text + name_len + 1 || nth == 0 || nth > INT64_MAX) return false;
        wanted[point].nth = nth;
        wanted[point].sticky = *end == '+';
        if (*end == '+') end++;
        if (*end == ',') end++;
        else if (*end) return false;
        text = end;
    }
    for (int i = 0; i < FAULT_POINTS; i++)
        if (wanted[i].nth) fault_arm((enum fault_point)i, wanted[i].nth, wanted[i].sticky);
    return true;
}

bool fault_hits(enum fault_point point) {
    struct fault *f = &faults[point];
    if (__builtin_expect(!atomic_load_explicit(&f->is_armed, memory_order_relaxed), 1)) return false;
    int_fast64_t left = atomic_fetch_sub(&f->remaining, 1);
    bool hit = left == 1 || (left < 1 && atomic_load(&f->is_sticky));
    if (hit) atomic_store(&f->has_fired, true);
    return hit;
}
