/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stands in for the media child and misbehaves in the way that the name it is started under says. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <unistd.h>

#include "media/ingest/process.h"

static void say(const void *bytes, size_t len) { (void)!send(CHILD_SOCKET, bytes, len, MSG_NOSIGNAL); }

int main(void) {
    const char *path = (const char *)getauxval(AT_EXECFN), *name = strrchr(path, '/') + 1;
    struct job job;
    (void)!recv(CHILD_SOCKET, &job, sizeof job, 0);
    struct record track = {.type = RECORD_TRACK, .track_found = {.kind = INGEST_VIDEO, .fate = INGEST_PASSED, .codec = "h264"}};
    struct record all = {.type = RECORD_MEDIA}, open = {.type = RECORD_OPEN}, done = {.type = RECORD_DONE}, finished = {.type = RECORD_FINISHED};
    if (!strcmp(name, "garbage")) {
        say("what a stranger says", 20);
    } else if (!strcmp(name, "oversized")) {
        char bytes[sizeof(struct record) + 1] = {0};
        say(bytes, sizeof bytes);
    } else if (!strcmp(name, "crash")) {
        abort();
    } else if (!strcmp(name, "exits")) {
        return 0;
    } else if (!strcmp(name, "killed")) {
        kill(getpid(), SIGKILL);
    } else if (!strcmp(name, "silent")) {
        pause();
    } else if (!strcmp(name, "program")) { /* what a taken-over child would like to do */
        struct child_limits limits = {.memory_bytes = job.memory_bytes_max, .output_bytes = 1 << 20, .cpu_s = 10, .files = 64};
        struct err e = child_sandbox(&limits);
        if (!e.kind) execl("/bin/true", "true", NULL);
    } else if (!strcmp(name, "network")) {
        struct child_limits limits = {.memory_bytes = job.memory_bytes_max, .output_bytes = 1 << 20, .cpu_s = 10, .files = 64};
        struct err e = child_sandbox(&limits);
        if (!e.kind) socket(AF_INET, SOCK_STREAM, 0);
    } else if (!strcmp(name, "liar") || !strcmp(name, "junk")) { /* says that a file is whole that is none */
        say(&track, sizeof track);
        say(&all, sizeof all);
        say(&open, sizeof open);
        char answer;
        int fd = -1;
        struct iovec vector = {.iov_base = &answer, .iov_len = 1};
        char control[CMSG_SPACE(sizeof(int))];
        struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        if (recvmsg(CHILD_SOCKET, &message, 0) == 1 && CMSG_FIRSTHDR(&message)) memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
        if (!strcmp(name, "junk")) (void)!write(fd, "junk junk junk junk junk junk", 29);
        say(&done, sizeof done);
        say(&finished, sizeof finished);
    }
    return 0;
}
