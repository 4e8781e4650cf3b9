/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * process.h: the parent's end: starts a media child, passes it what it may have, listens to it, ends it. */
#ifndef INGEST_PROCESS_H
#define INGEST_PROCESS_H

#include "media/child/child.h"
#include "media/ingest/ingest.h"
#include "media/ingest/record.h"

/* Descriptors in the child, behind its socket. */
enum { CHILD_SOURCE = CHILD_SOCKET + 1, CHILD_INDEX };

struct process_handler {
    void *user;
    /* A record that passed record_check. For RECORD_OPEN *fd is set to what is passed over; it stays the handler's.
     * An error ends the child and is what process_run returns. */
    struct err (*record)(void *user, const struct record *, int *fd);
    bool (*is_cancelled)(void *user); /* may be NULL */
};

struct process_options {
    const char *program; /* NULL: /proc/self/exe */
    int64_t stall_ms_max;
    bool is_alone; /* see ingest.h */
};

/* Runs one job to its end. `index_fd` may be -1. Errors: those of ingest_file. The child is gone when this returns. */
MUST_USE struct err process_run(const struct process_options *, const struct job *, int source_fd, int index_fd,
                                struct conversation, const struct process_handler *);

#endif
