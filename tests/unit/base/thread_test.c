/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"

struct letter {
    struct inbox_item item;
    int sender, number;
};
enum { SENDERS = 3, LETTERS_EACH = 5000 };
static struct inbox box;
static struct letter letters[SENDERS][LETTERS_EACH];

static void send_all(void *arg) {
    int sender = *(int *)arg;
    assert_string_equal(thread_name(), "sender");
    for (int i = 0; i < LETTERS_EACH; i++) {
        letters[sender][i] = (struct letter){.sender = sender, .number = i};
        inbox_push(&box, &letters[sender][i].item);
    }
}

static void an_inbox_keeps_the_order_of_each_sender(void **state) {
    assert_int_equal(inbox_open(&box).kind, ERR_NONE);
    int ids[SENDERS], next[SENDERS] = {0}, received = 0;
    struct thread *threads[SENDERS];
    for (int s = 0; s < SENDERS; s++) {
        ids[s] = s;
        assert_int_equal(thread_start(&threads[s], "sender", send_all, &ids[s]).kind, ERR_NONE);
    }
    while (received < SENDERS * LETTERS_EACH) {
        for (struct inbox_item *at = inbox_wait(&box, -1); at; at = at->next, received++) {
            const struct letter *l = (const struct letter *)at;
            assert_int_equal(l->number, next[l->sender]++);
        }
    }
    for (int s = 0; s < SENDERS; s++) thread_join(&threads[s]);
    assert_null(inbox_take_all(&box));
    assert_null(inbox_wait(&box, 1000));
    inbox_close(&box);
}

static struct lock shared_lock = LOCK_INIT(LOCK_test_outer);
static struct condition changed;
static int turns;
static void count_to_1000(void *arg) {
    for (int i = 0; i < 1000; i++) {
        lock_take(&shared_lock);
        turns++;
        condition_wake_all(&changed);
        lock_give(&shared_lock);
    }
}

static void locks_exclude_and_conditions_wake(void **state) {
    struct thread *a, *b;
    condition_init(&changed);
    assert_int_equal(thread_start(&a, "a", count_to_1000, NULL).kind, ERR_NONE);
    assert_int_equal(thread_start(&b, "b", count_to_1000, NULL).kind, ERR_NONE);
    lock_take(&shared_lock);
    while (turns < 2000) condition_wait(&changed, &shared_lock);
    assert_false(condition_wait_ns(&changed, &shared_lock, NS_PER_MS)); /* nobody wakes any more */
    lock_give(&shared_lock);
    thread_join(&a);
    thread_join(&b);
    condition_destroy(&changed);
}

/* The order of locks.tbl.h is enforced: taking an earlier lock while holding a later one ends the program. */
static void wrong_lock_order_ends_the_program(void **state) {
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr)) _exit(1);
        struct lock outer = LOCK_INIT(LOCK_test_outer), inner = LOCK_INIT(LOCK_test_inner);
        lock_take(&outer);
        lock_take(&inner); /* right */
        lock_give(&inner);
        lock_give(&outer);
        lock_take(&inner);
        lock_take(&outer); /* wrong */
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_inbox_keeps_the_order_of_each_sender), cmocka_unit_test(locks_exclude_and_conditions_wake),
                                       cmocka_unit_test(wrong_lock_order_ends_the_program)};
    return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
