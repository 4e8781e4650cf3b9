/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * child.h: bytes of strangers are read by a process that can do nothing. The program starts itself anew as a child that gets
 * descriptors and nothing else, gives up its rights (child_sandbox), and only then looks at the first byte. The parent trusts
 * nothing it says.
 *
 *   child_kind    a room's sort of work for children, with a name; `main` has a table of them
 *   child         the parent's end: a process and a socket to it
 *   packets       small things of fixed size, with descriptors: SOCK_SEQPACKET, one a packet, waiting (ingest)
 *   messages      a type and a body of any size, over SOCK_STREAM, without waiting (live feeds). 50 MB/s both ways cost
 *                 a few per cent of a core; memory shared by both was not worth its dangers
 *
 * Threads: a child dies with the thread that started it (PR_SET_PDEATHSIG): start it on the thread that works with it.
 * A writer and a reader of one socket may be used by two threads. */
#ifndef MEDIA_CHILD_H
#define MEDIA_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* ---- kinds ---- */

struct child_kind {
    const char *name;    /* "ingest": stands in the command line, and in front of the process' name */
    bool has_messages;   /* a stream of messages instead of packets */
    int (*run)(void);    /* the whole life of the child, with its descriptors in place: returns the exit code */
};

/* First thing in main: was this process started as a child of one of these kinds? Then it does the child's work and ends.
 * Otherwise returns at once. */
void child_main(int argc, char **argv, const struct child_kind *const *kinds, size_t count);

/* ---- the parent's end ---- */

/* Descriptors in the child: the socket, and those that were passed from CHILD_SOCKET + 1 on. */
enum { CHILD_SOCKET = 3, CHILD_PASSED_MAX = 3, CHILD_FILES_MAX = 256 };

struct child_options {
    const char *program;          /* NULL: /proc/self/exe */
    int fds[CHILD_PASSED_MAX];    /* what else it gets; stay the caller's. Those that are negative are left out */
    size_t fd_count;
    bool is_alone;                /* this process has one thread and no secrets: fork without loading the program anew. Never in a server */
};

struct child {
    pid_t pid;
    int socket;
};

/* The environment holds secrets of the operator: the child gets what the loader and sanitizers need. On success the child is the
 * caller's to end by child_end. Errors: ERR_IO "child.start", ERR_LIMIT "memory". */
MUST_USE struct err child_start(const struct child_kind *, const struct child_options *, struct child *out);
void child_kill(const struct child *); /* SIGKILL; child_end all the same */
/* Closes the socket, waits for the end of the process, says how it ended. Without child_kill this waits as long as the child likes.
 * Errors: ERR_INPUT "child.hostile" (it tried what it may not), "child.crashed"; ERR_LIMIT "child.time" (processor time);
 * ERR_IO "child.ended" (any other way but exit code 0). */
MUST_USE struct err child_end(struct child *);

/* ---- packets ---- */

/* One packet, with a descriptor unless fd < 0. Errors: ERR_IO "child.ended". */
MUST_USE struct err child_packet_send(int socket, const void *bytes, size_t len, int fd);
/* Waits for the next packet; 0: the other side is gone. *fd (may be NULL) gets the descriptor that came along, or -1. */
ssize_t child_packet_receive(int socket, void *bytes, size_t size, int *fd);

/* ---- messages ---- */

enum { CHILD_MESSAGE_PARTS_MAX = 4 };

struct child_message {
    uint32_t type;
    struct slice body; /* borrowed until the next call for its reader */
};

struct child_writer {
    int socket;
    struct buf out; /* born with its maximum: what waits */
    size_t sent;
};
struct child_writer child_writer_of(int socket, size_t waiting_bytes_max);
void child_writer_free(struct child_writer *); /* the socket stays */
/* Queues a message whose body is these parts, one after the other. False: it does not fit now, and nothing was queued. */
bool child_writer_put(struct child_writer *, uint32_t type, const struct slice *parts, size_t count);
/* Sends what the socket takes; waits for it up to wait_ms (0: not at all, negative: for ever). *is_empty (may be NULL): nothing is left.
 * Errors: ERR_IO "child.ended", ERR_LIMIT "child.stalled" (nothing was taken for wait_ms > 0). */
MUST_USE struct err child_writer_flush(struct child_writer *, int wait_ms, bool *is_empty);
size_t child_writer_waiting(const struct child_writer *);

struct child_reader {
    int socket;
    size_t message_bytes_max;
    struct buf in;
    size_t at;
    bool has_ended; /* the other side will send nothing more */
};
struct child_reader child_reader_of(int socket, size_t message_bytes_max);
void child_reader_free(struct child_reader *);
/* Takes in what is there; waits for it up to wait_ms. Nothing came: no error. Errors: ERR_IO "child.ended" (only after the last message was
 * given out), ERR_LIMIT "memory". */
MUST_USE struct err child_reader_fill(struct child_reader *, int wait_ms);
/* The next whole message, if there is one. Errors: ERR_INPUT "child.hostile": longer than may be. */
MUST_USE struct err child_reader_next(struct child_reader *, struct child_message *out, bool *has_message);

/* ---- in the child ---- */

struct child_limits {
    int64_t memory_bytes; /* address space */
    int64_t output_bytes; /* of each file; 0: none can be written */
    int64_t cpu_s;        /* 0: as much as it takes; the parent watches */
    int files;            /* descriptors open at once */
};

/* Irrevocably: no new privileges, no core dumps, limits; no file system at all (Landlock, where the kernel has it); system
 * calls by an allow-list: memory, threads, time, and reading, writing and syncing of what is open already. Opening a file
 * fails with EACCES (the C library tries now and then, harmlessly); starting a program, a socket, a signal to somebody else
 * or anything else unexpected ends the process. Call with one thread, before the first byte of a stranger is looked at.
 * Errors: ERR_IO "sandbox.*": then do not go on. */
MUST_USE struct err child_sandbox(const struct child_limits *);

#endif
