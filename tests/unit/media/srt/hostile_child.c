/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stands in for the child that reads a transport stream, and misbehaves in the way that the name it is started under says. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "media/srt/record.h"

static struct child_writer out;

static void say(uint32_t type, const void *body, size_t len) {
    struct slice s = slice_of(body, len);
    if (!child_writer_put(&out, type, &s, 1) || child_writer_flush(&out, -1, NULL).kind) _exit(1);
}

int main(void) {
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
    } else if (!strcmp(name, "deaf")) { /* reads nothing, says nothing */
        for (;;) pause();
    }
    char byte;
    while (read(CHILD_SOCKET, &byte, 1) == 1) {}
    return 0;
}
