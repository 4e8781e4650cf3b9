/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * thread.h: threads with a name and one job; locks whose order is written down and checked; inboxes.
 *
 * Few threads, each with an inbox: whoever wants something of a thread pushes an item and the thread takes all that
 * came, in order. Locks are for the rest. No lock is held while calling out (callback, SQL, signal). */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* --- threads --- */
struct thread;
/* `name` (at most 15 characters) shows in debuggers and logs. `arg` is the caller's and must outlive the thread.
 * Signals are blocked in the new thread: only the main thread handles them. */
MUST_USE struct err thread_start(struct thread **out, const char *name, void (*run)(void *arg), void *arg);
void thread_join(struct thread **); /* waits for its end; clears the pointer; NULL is fine */
const char *thread_name(void);      /* of the calling thread */

/* --- locks: classes and their order stand in locks.tbl.h --- */
enum lock_class {
#define LOCK_CLASS(name, guards) LOCK_##name,
#include "base/locks.tbl.h"
#undef LOCK_CLASS
    LOCK_CLASSES
};
struct lock {
    pthread_mutex_t mutex;
    enum lock_class class;
};
#define LOCK_INIT(lock_class) {.mutex = PTHREAD_MUTEX_INITIALIZER, .class = (lock_class)}
void lock_init(struct lock *, enum lock_class);
void lock_destroy(struct lock *);
void lock_take(struct lock *); /* ends the program if a later lock, or this one, is held by this thread: a bug */
void lock_give(struct lock *);
bool lock_is_mine(const struct lock *); /* for assertions: a lock of this class is held by this thread */

struct condition {
    pthread_cond_t cond; /* on the monotonic clock */
};
void condition_init(struct condition *);
void condition_destroy(struct condition *);
void condition_wait(struct condition *, struct lock *);
bool condition_wait_ns(struct condition *, struct lock *, int64_t ns_max); /* false: time is up */
void condition_wake_all(struct condition *);
void condition_wake_one(struct condition *);

/* --- inboxes: many senders, one receiver, first in first out, intrusive, unbounded (senders bound themselves) --- */
struct inbox_item {
    struct inbox_item *next;
};
struct inbox {
    struct inbox_item *_Atomic newest;
    int event_fd; /* readable while something is there: a loop thread polls it */
};
MUST_USE struct err inbox_open(struct inbox *);
void inbox_close(struct inbox *); /* items still in it are the caller's */
/* The item stays the sender's memory until the receiver has it. Returns true if the inbox was empty before. */
bool inbox_push(struct inbox *, struct inbox_item *);
/* All that is there, oldest first, linked by `next`; NULL if nothing. Receiver only; does not wait. Also clears
 * the event. */
struct inbox_item *inbox_take_all(struct inbox *);
/* The same, but sleeps until there is something or `ns_max` (negative: for ever) have passed. */
struct inbox_item *inbox_wait(struct inbox *, int64_t ns_max);

#endif
