/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stands in for the child that reads a transport stream, and misbehaves in the way that the name it is started under says. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <unistd.h>

#include "media/srt/record.h"

static struct child_writer out;

static void say(uint32_t type, const void *body, size_t len) {
    struct slice s = slice_of(body, len);
    if (!child_writer_put(&out, type, &s, 1) || child_writer_flush(&out, -1, NULL).kind) _exit(1);
}

/* Asks for the decoder only once the encoder has hung up and the file "go" is there. The second time it is the program that "real" names. */
static int ask_late(const char *path, char **argv) {
    struct {
        uint32_t head[2];
        struct record_start start;
    } first;
    if (recv(CHILD_SOCKET, &first, sizeof first, MSG_PEEK | MSG_WAITALL) != sizeof first) return 1;
    char beside[4096];
    int folder = (int)(strrchr(path, '/') - path);
    if (first.start.loads_codec) {
        snprintf(beside, sizeof beside, "%.*s/real", folder, path);
        return execv(beside, argv);
    }
    char bytes[4096];
    while (read(CHILD_SOCKET, bytes, sizeof bytes) > 0) {}
    snprintf(beside, sizeof beside, "%.*s/go", folder, path);
    while (access(beside, F_OK)) usleep(1000);
    struct record_refused refused = {.code = "srt.needs_codec"};
    say(RECORD_REFUSED, &refused, sizeof refused);
    return 0;
}

int main(int argc, char **argv) {
    (void)argc;
    const char *path = (const char *)getauxval(AT_EXECFN), *name = strrchr(path, '/') + 1;
    out = child_writer_of(CHILD_SOCKET, 1 << 20);
    struct record_sample sample = {.track = 0};
    if (!strcmp(name, "garbage")) {
        return write(CHILD_SOCKET, "what a stranger says, and more of it", 36) != 36;
    } else if (!strcmp(name, "sample_first")) { /* before tracks were told */
        char bytes[sizeof sample + 4] = {0};
        say(RECORD_SAMPLE, bytes, sizeof bytes);
    } else if (!strcmp(name, "crash")) {
        abort();
    } else if (!strcmp(name, "exits")) {
        return 0;
    } else if (!strcmp(name, "killed")) {
        kill(getpid(), SIGKILL);
    } else if (!strcmp(name, "asks_late")) {
        return ask_late(path, argv);
    } else if (!strcmp(name, "deaf")) { /* reads nothing, says nothing */
        for (;;) pause();
    }
    char byte;
    while (read(CHILD_SOCKET, &byte, 1) == 1) {}
    return 0;
}
