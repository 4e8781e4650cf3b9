/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * process.c: a child begins and ends. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "media/child/child.h"
#include "media/child/errors.h"

#define ARGUMENT "--media-child"
enum { FDS_MAX = CHILD_PASSED_MAX + 1, FD_ABOVE = 16 };

/* ---- in the child ---- */

static void live(const struct child_kind *kind) {
    char name[16];
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing of ours outlives the parent; should it be gone already, the socket tells */
    snprintf(name, sizeof name, "%s-child", kind->name);
    prctl(PR_SET_NAME, name);
    close_range(CHILD_SOCKET + FDS_MAX, ~0u, 0);
    /* No exit handlers: those of libraries open files, and leak checkers trace processes. Files are synced by now. */
    _exit(kind->run());
}

void child_main(int argc, char **argv, const struct child_kind *const *kinds, size_t count) {
    if (argc != 3 || strcmp(argv[1], ARGUMENT)) return;
    for (size_t i = 0; i < count; i++)
        if (!strcmp(argv[2], kinds[i]->name)) live(kinds[i]);
    _exit(1);
}

/* ---- in the parent ---- */

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
static struct err spawn(const struct child_kind *kind, const char *program, const int fds[FDS_MAX], pid_t *pid) {
    char *arguments[] = {(char *)"grandstand", (char *)ARGUMENT, (char *)kind->name, NULL}, *environment[16];
    select_environment(environment, ARRAY_LEN(environment));
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions)) return err_memory();
    if (posix_spawnattr_init(&attributes)) {
        posix_spawn_file_actions_destroy(&actions);
        return err_memory();
    }
    int moved[FDS_MAX], bad = 0;
    for (int i = 0; i < FDS_MAX; i++) {
        moved[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, FD_ABOVE);
        if (fds[i] < 0) bad |= posix_spawn_file_actions_addclose(&actions, CHILD_SOCKET + i); /* whoever started us may have left it open */
        else if (moved[i] < 0) bad = errno;
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
    for (int i = 0; i < FDS_MAX; i++) fs_close(&moved[i]);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return bad ? child_unstarted(bad) : ERR_OK;
}

/* Without exec; the caller has promised that there are no other threads. */
static struct err fork_alone(const struct child_kind *kind, const int fds[FDS_MAX], pid_t *pid) {
    fflush(NULL);
    *pid = fork();
    if (*pid < 0) return child_unstarted(errno);
    if (*pid > 0) return ERR_OK;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    int moved[FDS_MAX], null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < FDS_MAX; i++) moved[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, FD_ABOVE);
#ifdef GRANDSTAND_TEST_DOORS
    const int standard_fds = 2;
#else
    const int standard_fds = 3;
#endif
    for (int i = 0; i < standard_fds; i++)
        if (dup2(null, i) < 0) _exit(1);
    for (int i = 0; i < FDS_MAX; i++)
        if (moved[i] < 0) close(CHILD_SOCKET + i);
        else if (dup2(moved[i], CHILD_SOCKET + i) < 0) _exit(1);
    live(kind);
    _exit(1); /* not reached */
}

struct err child_start(const struct child_kind *kind, const struct child_options *options, struct child *out) {
    int pair[2], type = kind->has_messages ? SOCK_STREAM : SOCK_SEQPACKET;
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair)) return child_unstarted(errno);
    int fds[FDS_MAX];
    fds[0] = pair[1];
    for (size_t i = 0; i < CHILD_PASSED_MAX; i++) fds[i + 1] = i < options->fd_count ? options->fds[i] : -1;
    pid_t pid = -1;
    struct err e = options->is_alone ? fork_alone(kind, fds, &pid) : spawn(kind, options->program ? options->program : "/proc/self/exe", fds, &pid);
    fs_close(&pair[1]);
    if (e.kind) fs_close(&pair[0]);
    else *out = (struct child){.pid = pid, .socket = pair[0]};
    return e;
}

void child_kill(const struct child *child) {
    if (child->pid > 0) kill(child->pid, SIGKILL);
}

struct err child_end(struct child *child) {
    fs_close(&child->socket);
    int status = 0;
    pid_t ended;
    do ended = waitpid(child->pid, &status, 0);
    while (ended < 0 && errno == EINTR);
    bool is_ours = ended == child->pid;
    child->pid = 0;
    errno = 0;
    if (is_ours && WIFSIGNALED(status)) switch (WTERMSIG(status)) {
        case SIGSYS: return child_hostile();
        case SIGXCPU: return child_out_of_time();
        case SIGSEGV:
        case SIGBUS:
        case SIGILL:
        case SIGFPE:
        case SIGABRT: return child_crashed();
        default: return child_gone();
        }
    return !is_ours || (WIFEXITED(status) && WEXITSTATUS(status) == 0) ? ERR_OK : child_gone();
}
