/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Children of several characters; the test program is its own child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"
#include "base/rng.h"
#include "media/child/child.h"

enum { MESSAGE_MAX = 4 << 20 };

/* ---- what the children do ---- */

static const struct child_limits LIMITS = {.memory_bytes = INT64_C(1) << 30, .files = 16};

/* Gives back each message, its type one higher. */
static int echo(void) {
    if (child_sandbox(&LIMITS).kind) return 2;
    struct child_reader in = child_reader_of(CHILD_SOCKET, MESSAGE_MAX);
    struct child_writer out = child_writer_of(CHILD_SOCKET, MESSAGE_MAX + 64);
    for (;;) {
        struct child_message m;
        bool has_message;
        if (child_reader_next(&in, &m, &has_message).kind) return 3;
        if (!has_message) {
            if (child_reader_fill(&in, -1).kind) return 0;
            continue;
        }
        if (!child_writer_put(&out, m.type + 1, &m.body, 1) || child_writer_flush(&out, -1, NULL).kind) return 4;
    }
}

/* The first packet says what to do. */
static int one_packet(void) {
    char order[16] = "";
    int fd = -1;
    if (child_packet_receive(CHILD_SOCKET, order, sizeof order - 1, &fd) <= 0) return 9;
    if (!strcmp(order, "write")) { /* into a descriptor that came along */
        if (child_sandbox(&(struct child_limits){.memory_bytes = INT64_C(1) << 30, .output_bytes = 1 << 20, .files = 16}).kind) return 2;
        return write(fd, "written", 7) == 7 ? 0 : 3;
    }
    if (!strcmp(order, "passed")) return write(CHILD_SOCKET + 2, "second", 6) == 6 && fcntl(CHILD_SOCKET + 1, F_GETFD) < 0 && fcntl(CHILD_SOCKET + 3, F_GETFD) < 0 ? 0 : 4;
    if (!strcmp(order, "environment")) return getenv("GRANDSTAND_CHILD_SECRET") ? 5 : 0;
    if (!strcmp(order, "exits")) return 7;
    if (!strcmp(order, "crashes")) {
        signal(SIGABRT, SIG_DFL);
        abort();
    }
    if (!strcmp(order, "waits")) return child_packet_receive(CHILD_SOCKET, order, sizeof order, NULL) == 0 ? 0 : 6;
    if (child_sandbox(&LIMITS).kind) return 2;
    if (!strcmp(order, "opens")) return open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? 0 : 6;
    if (!strcmp(order, "connects")) return socket(AF_INET, SOCK_STREAM, 0) < 0;
    if (!strcmp(order, "starts")) return execl("/bin/true", "true", NULL) < 0;
    return 8;
}

static const struct child_kind ECHO = {.name = "echo", .has_messages = true, .run = echo}, PACKET = {.name = "packet", .run = one_packet};

/* ---- tests ---- */

static struct child start(const struct child_kind *kind) {
    struct child c;
    assert_int_equal(child_start(kind, &(struct child_options){0}, &c).kind, ERR_NONE);
    return c;
}
static const char *end_code(struct child *c) {
    struct err e = child_end(c);
    return e.kind ? e.code : "";
}
static const char *told(const char *order) {
    struct child c = start(&PACKET);
    assert_int_equal(child_packet_send(c.socket, order, strlen(order), -1).kind, ERR_NONE);
    return end_code(&c);
}

static void descriptors_and_nothing_else_are_passed(void **state) {
    char path[] = "/tmp/child-test-XXXXXX";
    int file = mkostemp(path, O_CLOEXEC);
    assert_true(file >= 0);
    unlink(path);
    struct child c = start(&PACKET);
    assert_int_equal(child_packet_send(c.socket, "write", 5, file).kind, ERR_NONE);
    assert_string_equal(end_code(&c), "");
    char text[16] = "";
    assert_int_equal(pread(file, text, 15, 0), 7);
    assert_string_equal(text, "written");

    for (int is_alone = 0; is_alone < 2; is_alone++) { /* the first place stays empty, the second is filled */
        assert_int_equal(ftruncate(file, 0), 0);
        assert_int_equal(lseek(file, 0, SEEK_SET), 0);
        struct child_options options = {.fds = {-1, file}, .fd_count = 2, .is_alone = is_alone};
        assert_int_equal(child_start(&PACKET, &options, &c).kind, ERR_NONE);
        assert_int_equal(child_packet_send(c.socket, "passed", 6, -1).kind, ERR_NONE);
        assert_string_equal(end_code(&c), "");
        assert_int_equal(pread(file, text, 15, 0), 6);
    }
    close(file);
    setenv("GRANDSTAND_CHILD_SECRET", "1", 1);
    assert_string_equal(told("environment"), "");
}

static void how_it_ended_is_told(void **state) {
    assert_string_equal(told("exits"), "child.ended");
    assert_string_equal(told("crashes"), "child.crashed");
    assert_string_equal(told("opens"), "");
    assert_string_equal(told("connects"), "child.hostile");
    assert_string_equal(told("starts"), "child.hostile");
    assert_string_equal(told("waits"), ""); /* the closed socket is the sign to go */
    struct child c = start(&PACKET);
    child_kill(&c);
    assert_string_equal(end_code(&c), "child.ended");
    struct child_kind unknown = {.name = "unknown"};
    c = start(&unknown);
    assert_string_equal(end_code(&c), "child.ended");
    assert_string_equal(child_start(&ECHO, &(struct child_options){.program = "/nowhere"}, &c).code, "child.start");
}

static void messages_of_all_sizes_come_back(void **state) {
    struct child c = start(&ECHO);
    struct child_writer out = child_writer_of(c.socket, 2 * MESSAGE_MAX);
    struct child_reader in = child_reader_of(c.socket, MESSAGE_MAX);
    struct rng rng = rng_seeded(7);
    size_t sizes[64];
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) sizes[i] = i == 5 ? MESSAGE_MAX : (size_t)1 << rng_below(&rng, 19), sizes[i] -= i % 3 ? 1 : 0;
    sizes[9] = 0;
    char *bytes = test_malloc(MESSAGE_MAX);
    for (size_t i = 0; i < MESSAGE_MAX; i++) bytes[i] = (char)(i * 7 + i / 251);
    size_t sent = 0, got = 0;
    while (got < ARRAY_LEN(sizes)) {
        while (sent < ARRAY_LEN(sizes)) {
            size_t half = sizes[sent] / 2;
            struct slice parts[] = {slice_of(bytes, half), SLICE_NONE, slice_of(bytes + half, sizes[sent] - half)};
            if (!child_writer_put(&out, (uint32_t)sent * 10, parts, 3)) break; /* full: later */
            sent++;
        }
        assert_int_equal(child_writer_flush(&out, 0, NULL).kind, ERR_NONE);
        assert_int_equal(child_reader_fill(&in, 20).kind, ERR_NONE);
        struct child_message m;
        bool has_message;
        while (assert_int_equal(child_reader_next(&in, &m, &has_message).kind, ERR_NONE), has_message) {
            assert_int_equal(m.type, got * 10 + 1);
            assert_int_equal(m.body.len, sizes[got]);
            assert_memory_equal(m.body.ptr, bytes, sizes[got]);
            got++;
        }
    }
    assert_int_equal(child_writer_waiting(&out), 0);
    shutdown(c.socket, SHUT_WR);
    while (!in.has_ended) assert_int_equal(child_reader_fill(&in, -1).kind, ERR_NONE);
    assert_string_equal(child_reader_fill(&in, -1).code, "child.ended");
    assert_string_equal(end_code(&c), "");
    test_free(bytes);
    child_writer_free(&out);
    child_reader_free(&in);
}

static void a_message_that_is_too_long_is_hostile(void **state) {
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct child_reader in = child_reader_of(pair[0], 100);
    uint32_t head[2] = {1, 101};
    assert_int_equal(write(pair[1], head, sizeof head), 8);
    struct child_message m;
    bool has_message;
    assert_int_equal(child_reader_next(&in, &m, &has_message).kind, ERR_NONE);
    assert_false(has_message);
    assert_int_equal(child_reader_fill(&in, -1).kind, ERR_NONE);
    assert_string_equal(child_reader_next(&in, &m, &has_message).code, "child.hostile");
    child_reader_free(&in);
    close(pair[0]);
    close(pair[1]);
}

static void a_reader_that_stands_still_is_noticed(void **state) {
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct child_writer out = child_writer_of(pair[0], 1 << 20);
    static char bytes[1000];
    struct slice body = slice_of(bytes, sizeof bytes);
    while (child_writer_put(&out, 1, &body, 1)) {}
    bool is_empty;
    assert_int_equal(child_writer_flush(&out, 0, &is_empty).kind, ERR_NONE); /* takes what fits into the socket */
    assert_false(is_empty);
    while (child_writer_put(&out, 1, &body, 1)) {}
    assert_string_equal(child_writer_flush(&out, 10, NULL).code, "child.stalled");
    close(pair[1]);
    assert_string_equal(child_writer_flush(&out, 10, NULL).code, "child.ended");
    child_writer_free(&out);
    close(pair[0]);
}

/* Each allocation fails in turn: what was queued before is still whole. */
static void memory_may_run_out(void **state) {
    for (uint64_t n = 1;; n++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        struct child_writer out = child_writer_of(pair[0], 1 << 20);
        struct child_reader in = child_reader_of(pair[1], 1 << 16);
        static char bytes[30000];
        struct slice body = slice_of(bytes, sizeof bytes);
        fault_arm(FAULT_ALLOC, n, false);
        int queued = 0, got = 0;
        for (int i = 0; i < 3; i++) queued += child_writer_put(&out, 1, &body, 1);
        bool is_empty;
        assert_int_equal(child_writer_flush(&out, 0, &is_empty).kind, ERR_NONE);
        assert_true(is_empty);
        for (int i = 0; i < 8; i++) {
            struct err e = child_reader_fill(&in, 0);
            if (e.kind) assert_string_equal(e.code, "memory");
            struct child_message m;
            bool has_message;
            while (assert_int_equal(child_reader_next(&in, &m, &has_message).kind, ERR_NONE), has_message) {
                assert_int_equal(m.body.len, sizeof bytes);
                got++;
            }
        }
        assert_int_equal(got, queued);
        bool was_hit = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        child_writer_free(&out);
        child_reader_free(&in);
        close(pair[0]);
        close(pair[1]);
        if (!was_hit) break;
    }
}

int main(int argc, char **argv) {
    const struct child_kind *const kinds[] = {&PACKET, &ECHO};
    child_main(argc, argv, kinds, ARRAY_LEN(kinds));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_and_nothing_else_are_passed),
        cmocka_unit_test(how_it_ended_is_told),
        cmocka_unit_test(messages_of_all_sizes_come_back),
        cmocka_unit_test(a_message_that_is_too_long_is_hostile),
        cmocka_unit_test(a_reader_that_stands_still_is_noticed),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
