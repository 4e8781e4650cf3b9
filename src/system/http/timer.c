/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Timers. All of one class last equally long, so a list that is appended to is in order by itself: starting, restarting
 * and stopping cost a few pointer writes, and only the heads of the lists are ever looked at. */
#include <assert.h>

#include "system/http/core.h"

void timers_init(struct loop *l, const struct http_limits *limits) {
    const int64_t ms[TIMER_CLASSES] = {
        [TIMER_HEAD] = limits->head_ms_max,          [TIMER_IDLE] = limits->idle_ms_max,
        [TIMER_BODY] = limits->body_window_ms,       [TIMER_WRITE] = limits->write_stall_ms_max,
        [TIMER_LINGER] = 2000, /* for a client to read our last word before the reset that unread bytes cause */
        [TIMER_HELD] = limits->held_ms_max,          [TIMER_TOPIC] = 15000,
        [TIMER_HELD_BRIEFLY] = limits->held_briefly_ms_max,
    };
    for (int class = 0; class < TIMER_CLASSES; class++) {
        struct timer_list *list = &l->timers[class];
        list->head.next = list->head.previous = &list->head;
        list->duration_ns = ms[class] * NS_PER_MS;
    }
}

void timer_stop(struct timer *t) {
    if (t->class == TIMER_NONE) return;
    t->previous->next = t->next;
    t->next->previous = t->previous;
    t->class = TIMER_NONE;
}

void timer_start(struct loop *l, struct timer *t, enum timer_class class) {
    assert(class > TIMER_NONE && class < TIMER_CLASSES);
    timer_stop(t);
    struct timer_list *list = &l->timers[class];
    t->class = (uint8_t)class;
    t->due_ns = l->now.ns + list->duration_ns;
    t->next = &list->head;
    t->previous = list->head.previous;
    t->previous->next = t;
    list->head.previous = t;
}

void timers_run(struct loop *l) {
    for (int class = TIMER_NONE + 1; class < TIMER_CLASSES; class++) {
        struct timer *head = &l->timers[class].head;
        while (head->next != head && head->next->due_ns <= l->now.ns) {
            struct timer *t = head->next;
            timer_stop(t);
            if (class == TIMER_HELD || class == TIMER_HELD_BRIEFLY) request_timeout((struct http_request *)((char *)t - offsetof(struct http_request, timer)));
            else if (class == TIMER_TOPIC) topic_beat(l, t);
            else conn_timeout((struct conn *)((char *)t - offsetof(struct conn, timer)), (enum timer_class)class);
        }
    }
}

int64_t timers_next_ns(const struct loop *l) {
    int64_t next_ns = -1;
    for (int class = TIMER_NONE + 1; class < TIMER_CLASSES; class++) {
        const struct timer *head = &l->timers[class].head;
        if (head->next == head) continue;
        int64_t left_ns = head->next->due_ns - l->now.ns;
        if (left_ns < 0) left_ns = 0;
        if (next_ns < 0 || left_ns < next_ns) next_ns = left_ns;
    }
    return next_ns;
}
