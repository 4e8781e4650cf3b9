/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * sandbox.h: how a media child gives up its rights. */
#ifndef INGEST_SANDBOX_H
#define INGEST_SANDBOX_H

#include <stdint.h>

#include "base/err.h"

struct sandbox_limits {
    int64_t memory_bytes; /* address space */
    int64_t output_bytes; /* of each file */
    int64_t cpu_s;
    int files;            /* descriptors open at once */
};

/* Irrevocably: no new privileges, no core dumps, limits; no file system at all (Landlock, where the kernel has it); system
 * calls by an allow-list: memory, threads, time, and reading, writing and syncing of what is open already. Opening a file
 * fails with EACCES (the C library tries now and then, harmlessly); starting a program, a socket, a signal to somebody else
 * or anything else unexpected ends the process. Call with one thread, before the first byte of a stranger is looked at.
 * Errors: ERR_IO "sandbox.*": then do not go on. */
MUST_USE struct err sandbox_enter(const struct sandbox_limits *);

#endif
