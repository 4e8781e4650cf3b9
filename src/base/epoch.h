/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * epoch.h: memory that readers look at without a lock, and that is given back when none of them can see it any more.
 *
 * Time is counted in epochs. A reader writes the present one into a place of its own while it reads, and 0 when it is done. Who takes something out of
 * sight asks for the end of the epoch in which that happened; when the oldest epoch that any reader is in is a later one, nobody has it.
 *
 * Either the reader's mark has to be seen, or the reader has to see that the thing is gone. That takes a barrier between what each side writes and what it then
 * reads. Readers are many and writers few, so where the kernel can do it (membarrier(2)), the writer has one run on all processors before it looks at
 * the marks, and readers need none: a reader's next steps are not held up until its mark has left the processor, nor its mark by what it read before.
 * Elsewhere the mark is a sequentially consistent store.
 *
 * A thread's place is taken at its first reading and given back at its end. Who finds none (EPOCH_PLACES threads read) is counted in a crowd; while
 * somebody is in it, nothing is given back. */
#ifndef BASE_EPOCH_H
#define BASE_EPOCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EPOCH_PLACES = 512 };

struct epoch_place {
    _Alignas(64) _Atomic uint64_t epoch; /* 0: not reading */
    _Atomic bool is_taken;
};
extern _Thread_local struct epoch_place *epoch_mine; /* NULL before the first reading, and where readers cannot do without a barrier or a place */
extern _Atomic uint64_t epoch_now;
extern bool epoch_has_barrier; /* the writer's is run on all processors. Set when the first place is taken; tests take it back before readers begin */
struct epoch_place *epoch_enter_slowly(void);
void epoch_leave_crowd(void);

/* Everything that is loaded between these two stays what it is. May be nested. What enter returns is for leave alone. */
static inline struct epoch_place *epoch_enter(void) {
    struct epoch_place *p = epoch_mine;
    if (__builtin_expect(!p || atomic_load_explicit(&p->epoch, memory_order_relaxed), 0)) return epoch_enter_slowly();
    atomic_store_explicit(&p->epoch, atomic_load_explicit(&epoch_now, memory_order_acquire), memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst); /* for the compiler: the mark comes first */
    return p;
}
static inline void epoch_leave(struct epoch_place *p) {
    if (__builtin_expect(p != NULL, 1)) atomic_store_explicit(&p->epoch, 0, memory_order_release);
    else epoch_leave_crowd();
}

/* After something was taken out of sight: the epoch in which it still could be seen. A new one begins. */
uint64_t epoch_end(void);
/* What went out of sight in an epoch before this one is nobody's. UINT64_MAX: nobody reads. A microsecond or a few. */
uint64_t epoch_oldest(void);

#endif
