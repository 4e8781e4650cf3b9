/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "store.h"
#include "system/job/job.h"

static const struct db_schema *const schemas[] = {&job_schema};
enum { ORG = 1, OTHER_ORG = 2, CHANGES_MAX = 4000 };

/* A runner with everything around it, and what it told. */
struct bench {
    struct db *db;
    struct clock *clock;
    struct id_maker *ids;
    struct job_runner *runner;
    struct arena *arena;
    struct lock lock;
    struct condition rung;
    struct job_change changes[CHANGES_MAX]; /* guarded, as all below */
    size_t change_count;
    bool gate_is_open; /* what "gated" jobs wait for */
    int runs;
    char order[64];         /* payloads of those that ran */
    int cancelled, stopped; /* gated jobs that were told to end, and why */
    char seen[64];          /* the checkpoint that the last run began with */
};

static void on_change(void *user, const struct job_change *c) {
    struct bench *b = user;
    lock_take(&b->lock);
    assert_true(b->change_count < CHANGES_MAX);
    b->changes[b->change_count++] = *c;
    condition_wake_all(&b->rung);
    lock_give(&b->lock);
}

static size_t told(struct bench *b, int64_t id, enum job_state state, bool is_progress) {
    size_t count = 0;
    for (size_t i = 0; i < b->change_count; i++)
        count += b->changes[i].id == id && b->changes[i].state == state && b->changes[i].is_progress == is_progress;
    return count;
}

static void wait_told(struct bench *b, int64_t id, enum job_state state, size_t times) {
    lock_take(&b->lock);
    while (told(b, id, state, false) < times) condition_wait(&b->rung, &b->lock);
    lock_give(&b->lock);
}

static void gate_open(struct bench *b) {
    lock_take(&b->lock);
    b->gate_is_open = true;
    condition_wake_all(&b->rung);
    lock_give(&b->lock);
}

/* --- kinds --- */

static struct err run_note(struct job *j, void *user) {
    struct bench *b = user;
    lock_take(&b->lock);
    b->runs++;
    strncat(b->order, job_payload(j).ptr, 4);
    lock_give(&b->lock);
    return ERR_OK;
}
/* Waits for the gate, or to be stopped (without a sleep: whoever stops it rings). */
static struct err run_gated(struct job *j, void *user) {
    struct bench *b = user;
    job_progress(j, "test.wait", 0.25);
    lock_take(&b->lock);
    b->runs++;
    while (!b->gate_is_open && !job_should_stop(j)) condition_wait_ns(&b->rung, &b->lock, 10 * NS_PER_MS);
    lock_give(&b->lock);
    bool is_cancelled = job_is_cancelled(j);
    lock_take(&b->lock);
    b->cancelled += is_cancelled;
    b->stopped += job_should_stop(j) && !is_cancelled;
    lock_give(&b->lock);
    return job_should_stop(j) ? err_make(ERR_CANCELLED, "test.stopped", "Stopped.") : ERR_OK;
}
static struct err run_flaky(struct job *j, void *user) { return err_make(ERR_IO, "test.io", "The disk is away."); }
static struct err run_wrong(struct job *j, void *user) { return err_make(ERR_INPUT, "test.input", "The file is no film."); }
static struct err run_busy(struct job *j, void *user) {
    for (int i = 0; i <= 1000; i++) job_progress(j, "test.count", i / 1000.0);
    job_progress(j, "test.more", 2);
    return ERR_OK;
}
/* Does a stretch, remembers it, and dies with the program; next time it goes on. */
static struct err run_deadly(struct job *j, void *user) {
    struct bench *b = user;
    struct slice before = job_checkpoint(j);
    lock_take(&b->lock);
    if (before.len) memcpy(b->seen, before.ptr, before.len);
    lock_give(&b->lock);
    if (slice_eq(job_payload(j), SLICE("dies")) && !before.len) {
        assert_ok(job_save_checkpoint(j, SLICE("first stretch")));
        kill(getpid(), SIGKILL);
    }
    if (slice_eq(job_payload(j), SLICE("always"))) kill(getpid(), SIGKILL);
    return ERR_OK;
}

static struct bench *bench_open(const struct test_store *s, bool start) {
    static struct job_kind kinds[] = {
        {.name = "note", .run = run_note},   {.name = "gated", .run = run_gated}, {.name = "flaky", .run = run_flaky, .attempts_max = 3},
        {.name = "wrong", .run = run_wrong}, {.name = "busy", .run = run_busy},   {.name = "deadly", .run = run_deadly}};
    struct bench *b = calloc(1, sizeof *b);
    lock_init(&b->lock, LOCK_test_outer);
    condition_init(&b->rung);
    b->db = test_store_open(s, schemas, 1);
    b->clock = clock_manual_create(utc_from_seconds(1800000000));
    b->ids = id_maker_create(clock_system(), 0);
    b->arena = arena_create(1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) kinds[i].user = b;
    assert_ok(job_runner_open(&b->runner, &(struct job_options){.db = b->db,
                                                                .clock = b->clock,
                                                                .ids = b->ids,
                                                                .kinds = kinds,
                                                                .kind_count = ARRAY_LEN(kinds),
                                                                .workers = 2,
                                                                .on_change = on_change,
                                                                .on_change_user = b}));
    if (start) assert_ok(job_runner_start(b->runner));
    return b;
}

static void bench_close(struct bench *b) {
    job_runner_close(&b->runner);
    db_close(&b->db);
    arena_destroy(&b->arena);
    id_maker_destroy(&b->ids);
    clock_manual_destroy(&b->clock);
    condition_destroy(&b->rung);
    lock_destroy(&b->lock);
    free(b);
}

static int64_t enqueue(struct bench *b, const char *kind, const char *payload, const char *key, const char *after) {
    int64_t id = 0;
    assert_ok(job_enqueue(b->runner,
                          &(struct job_new){.org_id = ORG,
                                            .kind = kind,
                                            .subject = SLICE("7zr3v9k2m8qd41xh"),
                                            .payload = slice_cstr(payload),
                                            .key = slice_cstr(key),
                                            .after_key = slice_cstr(after)},
                          &id));
    return id;
}

static struct job_info info(struct bench *b, int64_t id) {
    struct job_info i;
    assert_ok(job_get(b->runner, b->arena, ORG, id, &i));
    return i;
}

/* --- tests --- */

static void a_job_runs_and_is_listed(void **state) {
    struct bench *b = bench_open(test_store_of(state), true);
    int64_t one = enqueue(b, "note", "1", NULL, NULL);
    wait_told(b, one, JOB_DONE, 1);
    int64_t two = enqueue(b, "note", "2", NULL, NULL);
    wait_told(b, two, JOB_DONE, 1);
    struct job_info i = info(b, one);
    assert_int_equal(i.state, JOB_DONE);
    assert_true(i.fraction == 1);
    assert_int_equal(i.attempt, 1);
    assert_true(slice_eq(i.kind, SLICE("note")) && slice_eq(i.subject, SLICE("7zr3v9k2m8qd41xh")));
    assert_null(i.error_code.ptr);
    assert_true(i.created_at.ns == clock_utc(b->clock).ns && i.finished_at.ns == i.created_at.ns);
    struct job_list list;
    assert_ok(job_list(b->runner, b->arena, ORG, 0, 10, &list));
    assert_int_equal(list.count, 2);
    assert_true(list.items[0].id == two && list.items[1].id == one);
    assert_ok(job_list(b->runner, b->arena, ORG, two, 10, &list));
    assert_int_equal(list.count, 1);
    assert_ok(job_list(b->runner, b->arena, OTHER_ORG, 0, 10, &list));
    assert_int_equal(list.count, 0);
    assert_error(job_get(b->runner, b->arena, OTHER_ORG, one, &i), "job.missing");
    assert_error(job_cancel(b->runner, OTHER_ORG, one), "job.missing");
    assert_error(job_cancel(b->runner, ORG, one), "job.finished");
    bool is_unfinished = true;
    assert_ok(job_is_unfinished(b->runner, one, &is_unfinished));
    assert_false(is_unfinished);
    assert_error(job_enqueue(b->runner, &(struct job_new){.org_id = ORG, .kind = "unheard"}, &one), "job.kind");
    assert_string_equal(b->order, "12");
    assert_int_equal(job_stats(b->runner).done, 2);
    bench_close(b);
}

static void it_has_a_name_outside_that_cannot_be_counted(void **state) {
    struct bench *b = bench_open(test_store_of(state), true);
    int64_t one = enqueue(b, "note", "1", NULL, NULL), found = 0;
    struct public_id name;
    assert_true(public_id_parse(info(b, one).public_id, &name));
    assert_ok(job_find(b->runner, ORG, public_id_slice(&name), &found));
    assert_int_equal(found, one);
    assert_error(job_find(b->runner, OTHER_ORG, public_id_slice(&name), &found), "job.missing");
    assert_error(job_find(b->runner, ORG, SLICE("1"), &found), "job.missing");
    wait_told(b, one, JOB_DONE, 1);
    bench_close(b);
}

static void what_ended_long_ago_is_forgotten(void **state) {
    struct bench *b = bench_open(test_store_of(state), true);
    int64_t old = enqueue(b, "note", "1", NULL, NULL);
    wait_told(b, old, JOB_DONE, 1);
    clock_manual_advance(b->clock, 1000 * NS_PER_S);
    struct utc_time later = clock_utc(b->clock);
    int64_t young = enqueue(b, "note", "2", NULL, NULL), busy = enqueue(b, "gated", "{}", "film", NULL);
    wait_told(b, young, JOB_DONE, 1);
    wait_told(b, busy, JOB_RUNNING, 1);
    assert_ok(job_prune(b->runner, later));
    struct job_info i;
    assert_error(job_get(b->runner, b->arena, ORG, old, &i), "job.missing");
    info(b, young);
    clock_manual_advance(b->clock, 1000 * NS_PER_S);
    assert_ok(job_prune(b->runner, clock_utc(b->clock)));
    assert_error(job_get(b->runner, b->arena, ORG, young, &i), "job.missing");
    bool is_wanted = false;
    assert_ok(job_key_is_unfinished(b->runner, SLICE("film"), &is_wanted));
    assert_true(is_wanted); /* what still runs stays, however long */
    gate_open(b);
    wait_told(b, busy, JOB_DONE, 1);
    assert_ok(job_key_is_unfinished(b->runner, SLICE("film"), &is_wanted));
    assert_false(is_wanted);
    bench_close(b);
}

static void a_failure_says_why_and_only_some_are_tried_again(void **state) {
    struct bench *b = bench_open(test_store_of(state), true);
    int64_t wrong = enqueue(b, "wrong", "{}", NULL, NULL);
    wait_told(b, wrong, JOB_FAILED, 1);
    struct job_info i = info(b, wrong);
    assert_true(slice_eq(i.error_code, SLICE("test.input")) && slice_eq(i.error_what, SLICE("The file is no film.")));
    assert_int_equal(i.attempt, 1);

    int64_t flaky = enqueue(b, "flaky", "{}", NULL, NULL);
    wait_told(b, flaky, JOB_QUEUED, 2); /* when it was enqueued, and after its first try */
    i = info(b, flaky);
    assert_int_equal(i.state, JOB_QUEUED);
    assert_true(i.run_at.ns == clock_utc(b->clock).ns + NS_PER_S);
    assert_true(slice_eq(i.error_code, SLICE("test.io")));
    clock_manual_advance(b->clock, NS_PER_S - 1);
    job_runner_wake(b->runner);
    int64_t other = enqueue(b, "note", "x", NULL, NULL);
    wait_told(b, other, JOB_DONE, 1); /* the workers have looked, and left it alone */
    assert_int_equal(info(b, flaky).attempt, 1);
    clock_manual_advance(b->clock, 1);
    job_runner_wake(b->runner);
    wait_told(b, flaky, JOB_QUEUED, 3);
    assert_true(info(b, flaky).run_at.ns == clock_utc(b->clock).ns + 2 * NS_PER_S);
    clock_manual_advance(b->clock, 2 * NS_PER_S);
    job_runner_wake(b->runner);
    wait_told(b, flaky, JOB_FAILED, 1);
    assert_int_equal(info(b, flaky).attempt, 3);
    assert_int_equal(job_stats(b->runner).retried, 2);
    bench_close(b);
}

static void cancelling_stops_it_waiting_or_running(void **state) {
    struct bench *b = bench_open(test_store_of(state), true);
    int64_t one = enqueue(b, "gated", "{}", NULL, NULL), two = enqueue(b, "gated", "{}", NULL, NULL);
    wait_told(b, one, JOB_RUNNING, 1);
    wait_told(b, two, JOB_RUNNING, 1);
    int64_t waiting = enqueue(b, "note", "x", NULL, NULL); /* both workers are busy */
    assert_ok(job_cancel(b->runner, ORG, waiting));
    assert_int_equal(info(b, waiting).state, JOB_CANCELLED);
    assert_ok(job_cancel(b->runner, ORG, one));
    wait_told(b, one, JOB_CANCELLED, 1);
    assert_int_equal(info(b, one).state, JOB_CANCELLED);
    struct job_info i = info(b, two);
    assert_int_equal(i.state, JOB_RUNNING);
    gate_open(b);
    wait_told(b, two, JOB_DONE, 1);
    assert_string_equal(b->order, "");
    assert_int_equal(b->cancelled, 1);
    assert_int_equal(b->stopped, 0);
    bench_close(b);
}

static void progress_is_told_now_and_then_and_written_seldom(void **state) {
    struct bench *b = bench_open(test_store_of(state), true);
    int64_t gated = enqueue(b, "gated", "{}", NULL, NULL);
    lock_take(&b->lock);
    while (!told(b, gated, JOB_RUNNING, true)) condition_wait(&b->rung, &b->lock);
    lock_give(&b->lock);
    struct job_info i = info(b, gated);
    assert_true(slice_eq(i.step, SLICE("test.wait")) && i.fraction == 0.25);
    gate_open(b);
    int64_t busy = enqueue(b, "busy", "{}", NULL, NULL);
    wait_told(b, busy, JOB_DONE, 1);
    lock_take(&b->lock);
    assert_int_equal(told(b, busy, JOB_RUNNING, true), 2); /* each step once, as the clock stands still */
    lock_give(&b->lock);
    assert_int_equal(job_stats(b->runner).progress_writes, 0);
    assert_true(slice_eq(info(b, busy).step, SLICE("test.more")));
    bench_close(b);
}

static void a_job_waits_for_the_key_it_names(void **state) {
    struct bench *b = bench_open(test_store_of(state), true);
    int64_t import = enqueue(b, "gated", "{}", "t/import", NULL);
    wait_told(b, import, JOB_RUNNING, 1);
    int64_t ladder = enqueue(b, "note", "B", "t/ladder", "t/import"), last = enqueue(b, "note", "C", NULL, "t/ladder"),
            free_one = enqueue(b, "note", "A", NULL, "nobody/has/this");
    wait_told(b, free_one, JOB_DONE, 1);
    assert_int_equal(info(b, ladder).state, JOB_QUEUED);
    gate_open(b);
    wait_told(b, last, JOB_DONE, 1);
    assert_string_equal(b->order, "ABC");

    int64_t bad = enqueue(b, "wrong", "{}", "u/import", NULL);
    int64_t next = enqueue(b, "note", "D", "u/ladder", "u/import"), after_next = enqueue(b, "note", "E", NULL, "u/ladder");
    wait_told(b, bad, JOB_FAILED, 1);
    wait_told(b, next, JOB_CANCELLED, 1);
    wait_told(b, after_next, JOB_CANCELLED, 1);
    assert_true(slice_eq(info(b, next).error_code, SLICE("job.predecessor")));
    assert_string_equal(b->order, "ABC");
    bench_close(b);
}

static void stopping_the_program_leaves_jobs_for_the_next_start(void **state) {
    struct test_store *s = test_store_of(state);
    struct bench *b = bench_open(s, true);
    int64_t id = enqueue(b, "gated", "{}", NULL, NULL);
    wait_told(b, id, JOB_RUNNING, 1);
    job_runner_stop(b->runner);
    assert_int_equal(b->stopped, 1);
    assert_int_equal(b->cancelled, 0);
    assert_int_equal(info(b, id).state, JOB_QUEUED); /* it can still be asked */
    job_runner_stop(b->runner);
    bench_close(b);
    b = bench_open(s, false);
    struct job_info i = info(b, id);
    assert_int_equal(i.state, JOB_QUEUED);
    assert_null(i.error_code.ptr);
    bool is_unfinished = false;
    assert_ok(job_is_unfinished(b->runner, id, &is_unfinished));
    assert_true(is_unfinished);
    gate_open(b);
    assert_ok(job_runner_start(b->runner));
    wait_told(b, id, JOB_DONE, 1);
    assert_int_equal(info(b, id).attempt, 2);
    bench_close(b);
}

/* Runs the program until it is killed by its own job; the job's id. */
static int64_t die(const struct test_store *s, const char *payload, int64_t id) {
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (!child) {
        struct bench *b = bench_open(s, false);
        if (!id) id = enqueue(b, "deadly", payload, NULL, NULL);
        if (write(pipes[1], &id, sizeof id) != sizeof id) _exit(1);
        if (job_runner_start(b->runner).kind) _exit(1);
        for (;;) pause();
    }
    int status;
    assert_int_equal(read(pipes[0], &id, sizeof id), sizeof id);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(pipes[0]);
    close(pipes[1]);
    return id;
}

static void a_killed_job_goes_on_from_its_checkpoint(void **state) {
    struct test_store *s = test_store_of(state);
    int64_t id = die(s, "dies", 0);
    struct bench *b = bench_open(s, true);
    wait_told(b, id, JOB_DONE, 1);
    assert_string_equal(b->seen, "first stretch");
    assert_int_equal(info(b, id).attempt, 2);
    bench_close(b);
}

static void a_job_that_takes_the_program_down_is_given_up(void **state) {
    struct test_store *s = test_store_of(state);
    int64_t id = 0;
    for (int i = 0; i < 5; i++) id = die(s, "always", id);
    struct bench *b = bench_open(s, false);
    struct job_info i = info(b, id);
    assert_int_equal(i.state, JOB_FAILED);
    assert_true(slice_eq(i.error_code, SLICE("job.crashing")));
    assert_int_equal(b->change_count, 0);
    assert_ok(job_runner_start(b->runner)); /* which tells of it */
    wait_told(b, id, JOB_FAILED, 1);
    bench_close(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_job_runs_and_is_listed),
        ON_BOTH(it_has_a_name_outside_that_cannot_be_counted),
        ON_BOTH(what_ended_long_ago_is_forgotten),
        ON_BOTH(a_failure_says_why_and_only_some_are_tried_again),
        ON_BOTH(cancelling_stops_it_waiting_or_running),
        ON_BOTH(progress_is_told_now_and_then_and_written_seldom),
        ON_BOTH(a_job_waits_for_the_key_it_names),
        ON_BOTH(stopping_the_program_leaves_jobs_for_the_next_start),
        ON_BOTH(a_killed_job_goes_on_from_its_checkpoint),
        ON_BOTH(a_job_that_takes_the_program_down_is_given_up),
    };
    return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
