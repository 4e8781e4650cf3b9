/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/ingest/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "media/codec/codec_stranger.h"
#include "media/ingest/child.h"

enum { ASK_CANCEL_MS = 100 };

/* The environment holds secrets of the operator; a child that reads strangers' bytes gets what the loader and the
 * sanitizers need, nothing else. */
static void select_environment(char **out, size_t max) {
    static const char *const KEPT[] = {"LD_LIBRARY_PATH=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS=", "LSAN_OPTIONS=", "LLVM_PROFILE_FILE="};
    size_t count = 0;
    for (char **at = environ; at && *at && count + 1 < max; at++)
        for (size_t i = 0; i < ARRAY_LEN(KEPT); i++)
            if (!strncmp(*at, KEPT[i], strlen(KEPT[i]))) {
                out[count++] = *at;
                break;
            }
    out[count] = NULL;
}

/* posix_spawn, since a server has threads: nothing may run between fork and exec but what the C library does itself.
 * All descriptors of the house are close-on-exec; those that are passed are first moved above their targets. */
static struct err spawn(const char *program, const int fds[3], pid_t *pid) {
    struct err e = codec_media_err("media.start");
    char *arguments[] = {(char *)"grandstand", (char *)CHILD_ARGUMENT, NULL}, *environment[16];
    select_environment(environment, ARRAY_LEN(environment));
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions)) return err_memory();
    if (posix_spawnattr_init(&attributes)) {
        posix_spawn_file_actions_destroy(&actions);
        return err_memory();
    }
    int moved[3] = {-1, -1, -1}, bad = 0;
    for (int i = 0; i < 3; i++) {
        if (fds[i] < 0) continue;
        moved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 16);
        if (moved[i] < 0) bad = errno;
        else bad |= posix_spawn_file_actions_adddup2(&actions, moved[i], CHILD_SOCKET + i);
    }
    bad |= posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    bad |= posix_spawn_file_actions_adddup2(&actions, 0, 1);
#ifndef GRANDSTAND_TEST_DOORS /* sanitizers report to standard error */
    bad |= posix_spawn_file_actions_adddup2(&actions, 0, 2);
#endif
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    bad |= posix_spawnattr_setsigmask(&attributes, &none); /* worker threads have all signals blocked */
    bad |= posix_spawnattr_setsigdefault(&attributes, &all);
    bad |= posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!bad) bad = posix_spawn(pid, program, &actions, &attributes, arguments, environment);
    for (int i = 0; i < 3; i++) fs_close(&moved[i]);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    e.sys = bad;
    return bad ? e : ERR_OK;
}

/* Without exec; the caller has promised that there are no other threads. */
static struct err fork_alone(const int fds[3], pid_t *pid) {
    fflush(NULL);
    *pid = fork();
    if (*pid < 0) return codec_media_err("media.start");
    if (*pid > 0) return ERR_OK;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    int moved[3], null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3; i++) moved[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, 16);
    for (int i = 0; i < 3; i++)
        if (moved[i] >= 0 && dup2(moved[i], CHILD_SOCKET + i) < 0) _exit(1);
#ifdef GRANDSTAND_TEST_DOORS
    const int standard_fds = 2;
#else
    const int standard_fds = 3;
#endif
    for (int i = 0; i < standard_fds; i++)
        if (dup2(null, i) < 0) _exit(1);
    _exit(child_run());
}

/* One packet, with a descriptor if fd >= 0. */
static struct err send_packet(int socket, const void *bytes, size_t len, int fd) {
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = len};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)len ? ERR_OK : codec_media_err("media.child");
}

/* How the child ended, once it has closed its end of the socket. */
static struct err judge_end(int status, bool has_finished) {
    if (WIFSIGNALED(status)) switch (WTERMSIG(status)) {
        case SIGSYS: return codec_media_err("media.hostile");
        case SIGXCPU: return codec_media_err("media.time");
        case SIGSEGV:
        case SIGBUS:
        case SIGILL:
        case SIGFPE:
        case SIGABRT: return codec_media_err("media.crashed");
        default: return codec_media_err("media.child");
        }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 && has_finished ? ERR_OK : codec_media_err("media.child");
}

static struct err converse(int socket, int64_t stall_ms_max, struct conversation *talk, const struct process_handler *handler, bool *has_finished) {
    const struct clock *clock = clock_system();
    struct mono_time heard = clock_mono(clock);
    for (;;) {
        if (handler->is_cancelled && handler->is_cancelled(handler->user)) return codec_media_err("media.cancelled");
        struct pollfd waits = {.fd = socket, .events = POLLIN};
        int ready = poll(&waits, 1, ASK_CANCEL_MS);
        if (ready < 0 && errno != EINTR) return codec_media_err("media.bug");
        if (ready <= 0) {
            if (mono_diff_ns(clock_mono(clock), heard) > stall_ms_max * NS_PER_MS) return codec_media_err("media.time");
            continue;
        }
        char packet[sizeof(struct record) + 1];
        ssize_t got = recv(socket, packet, sizeof packet, MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got <= 0) return ERR_OK; /* it has closed its end */
        struct record record;
        if (!record_check(talk, slice_of(packet, (size_t)got), &record)) return codec_media_err("media.hostile");
        heard = clock_mono(clock);
        if (record.type == RECORD_ERROR) return record_error(&record);
        if (record.type == RECORD_FINISHED) *has_finished = true;
        int fd = -1;
        struct err e = handler->record(handler->user, &record, &fd);
        if (!e.kind && record.type == RECORD_OPEN) e = send_packet(socket, "", 1, fd);
        if (e.kind) return e;
    }
}

struct err process_run(const struct process_options *options, const struct job *job, int source_fd, int index_fd, struct conversation talk,
                       const struct process_handler *handler) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) return err_from_errno(errno, "media.start", codec_media_err("media.start").what);
    pid_t pid = -1;
    const int fds[3] = {pair[1], source_fd, index_fd};
    struct err e = options->is_alone ? fork_alone(fds, &pid) : spawn(options->program ? options->program : "/proc/self/exe", fds, &pid);
    fs_close(&pair[1]);
    if (e.kind) {
        fs_close(&pair[0]);
        return e;
    }
    bool has_finished = false;
    e = send_packet(pair[0], job, sizeof *job, -1);
    /* a child that is gone already says more by how it ended */
    struct err heard = converse(pair[0], options->stall_ms_max ? options->stall_ms_max : 120000, &talk, handler, &has_finished);
    if (!e.kind || heard.kind) e = heard;
    if (e.kind) kill(pid, SIGKILL);
    fs_close(&pair[0]);
    int status = 0;
    pid_t ended;
    do ended = waitpid(pid, &status, 0);
    while (ended < 0 && errno == EINTR);
    if (e.kind) return e;
    return ended == pid ? judge_end(status, has_finished) : has_finished ? ERR_OK : codec_media_err("media.child");
}
