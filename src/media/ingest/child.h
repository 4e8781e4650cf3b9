/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * child.h: the media child's own functions. Everything here runs behind the sandbox. */
#ifndef INGEST_CHILD_H
#define INGEST_CHILD_H

#include "media/cmaf/cmaf.h"
#include "media/codec/codec_stranger.h"
#include "media/ingest/record.h"

/* Talking to the parent. When the parent is gone the process ends: there is nobody left to work for. */
void child_send(const struct record *);
/* Asks for an output file; the descriptor is the child's to close. */
MUST_USE struct err child_open(enum output, uint32_t track, uint32_t number, int *fd);
/* At most ten times a second something is sent; never back. 0..1. */
void child_progress(double done);

/* The index that came along with the job. */
MUST_USE struct err child_read_index(const struct job *, int index_fd, struct arena *, struct cmaf_index *out);

/* The jobs. */
MUST_USE struct err child_copy(const struct job *, int source_fd);
MUST_USE struct err child_transcode(const struct job *, int source_fd, int index_fd);
MUST_USE struct err child_pictures(const struct job *, int source_fd, int index_fd);

#endif
