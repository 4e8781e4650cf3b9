/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * recorder.h: what a channel has made goes to its folder, by one thread for all channels. For this room only.
 *
 *   channel --(items, counted bytes)--> inbox --> recorder: v0-h0.m4s, v0-h0.idx, live.idx, v0-i1.mp4, thumbs-3.jpg
 *           <--(recorded, hole, file)-----------
 *
 * Nobody waits for it but live_channel_end. What cannot be written is a hole: the rest of that segment is left out, and the next segment tries anew.
 * Records of live.idx and init segments are kept until they are written, because nothing behind them can be played without. */
#ifndef MEDIA_LIVE_RECORDER_H
#define MEDIA_LIVE_RECORDER_H

#include "base/thread.h"
#include "media/live/journal.h"
#include "system/http/http.h"

enum { RECORDER_RENDITIONS_MAX = 8, RECORDER_BACKLOG_BYTES_MAX = 8 << 20 };

struct recorder;
struct recorder_folder; /* one channel's folder, as the recorder sees it */

/* The channel's side. All are called on the recorder's thread. */
struct recorder_answers {
    void *user;
    void (*recorded)(void *user, size_t rendition, const struct journal_record *, uint64_t segment_offset); /* a part is in the file */
    void (*hole)(void *user, size_t rendition, uint64_t number);                                            /* a part is lost */
    void (*file)(void *user, size_t rendition, uint32_t hour, struct http_file *);                          /* takes the reference: to read from */
    void (*trouble)(void *user, struct err);                                                                /* ERR_OK: writing goes on */
    void (*done)(void *user, size_t bytes);                                                                 /* so many queued bytes are free again */
};

MUST_USE struct err recorder_create(struct recorder **out);
void recorder_destroy(struct recorder **); /* all folders are closed before */

/* `dir_fd` is taken over. */
MUST_USE struct err recorder_folder_open(struct recorder *, int dir_fd, const struct recorder_answers *, struct recorder_folder **out);
/* Goes on with files that are there: the newest hour of a rendition, and where its good bytes end. Before the first part. `log_bytes`: of live.idx; 0: there is
 * none yet. */
void recorder_folder_continue(struct recorder_folder *, size_t rendition, const struct journal_head *, uint64_t media_bytes, uint64_t index_bytes);
void recorder_folder_continue_log(struct recorder_folder *, uint64_t log_bytes);
/* Waits until everything is written or has failed, and frees. Gives the first error since `open` that cost something. */
struct err recorder_folder_close(struct recorder_folder **);

/* All of these hand over and return. Errors: ERR_LIMIT (memory): nothing was handed over. References are added, bytes copied. */
MUST_USE struct err recorder_part(struct recorder_folder *, size_t rendition, const struct journal_head *, const struct journal_record *, struct http_blob *);
MUST_USE struct err recorder_end(struct recorder_folder *, size_t rendition, const struct journal_head *, const struct journal_record *);
MUST_USE struct err recorder_log(struct recorder_folder *, struct slice records);
/* The whole of live.idx anew, in place of what is there. */
MUST_USE struct err recorder_log_anew(struct recorder_folder *, struct slice whole);
MUST_USE struct err recorder_file(struct recorder_folder *, const char *name, struct http_blob *, bool is_needed);
MUST_USE struct err recorder_remove(struct recorder_folder *, const char *name);
/* Waits until all that was handed over before is done. Gives the first error that cost something since the last call. */
struct err recorder_folder_flush(struct recorder_folder *);

#ifdef GRANDSTAND_TEST_DOORS
/* A disk that does not answer: nothing is written until it is let go. */
void recorder_test_hold(struct recorder *, bool is_held);
#endif

#endif
