/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * object.h: media objects by key. The backend is a folder; the doors are such that an S3 store can stand behind them.
 *
 * The model
 *   key      "titles/7zr3v9k2m8qd41xh/v0.mp4": 1 to 8 parts with slashes between, each of letters, digits, '-', '_' and '.', not
 *            beginning with '.'; at most 255 characters. Anything else is ERR_INPUT object.key, so no key leaves the store, and
 *            symbolic links inside it are never followed.
 *   object   immutable bytes. It appears whole, is replaced whole, and who has it open keeps reading what they opened.
 *   prefix   a key that is a folder: "titles/7zr3v9k2m8qd41xh"; "" is everything.
 *   staging  a local folder in which somebody (an import and its children) builds a set of objects under a descriptor; nobody
 *            sees it until it is published with one rename. It has a name (the job's id), so that after a crash the same job
 *            finds what it had finished; unclaimed ones are removed at start.
 *
 * Everything here may block: never on a loop thread (sendfile from object_fd excepted). Any thread; one writer or one
 * staging belongs to one thread at a time. What a call has reported done survives a power cut.
 *
 * Errors of all: ERR_INPUT object.key, ERR_NOT_FOUND object.missing, ERR_DENIED, ERR_LIMIT (disk full, descriptors, memory), ERR_IO. */
#ifndef SYSTEM_OBJECT_OBJECT_H
#define SYSTEM_OBJECT_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/slice.h"

struct object_store;

/* Makes the folder (0700) and those above it. Removes what an interrupted write or deletion left behind; stagings stay until
 * object_stagings_clean. One process at a time: waits a second for another, then ERR_BUSY object.locked. */
MUST_USE struct err object_store_open_folder(struct object_store **out, const char *path);
void object_store_close(struct object_store **); /* objects, writers and stagings are closed before */

bool object_key_is_valid(struct slice key);
/* Bytes that the store may still take, as an ordinary user. */
MUST_USE struct err object_store_space(struct object_store *, uint64_t *bytes_free);

/* --- reading --- */

struct object; /* an open object: a snapshot that stays readable after replacement or deletion */
MUST_USE struct err object_open(struct object_store *, struct slice key, struct object **out);
void object_close(struct object **);
uint64_t object_bytes(const struct object *);
struct utc_time object_modified(const struct object *);
/* A descriptor for sendfile or pread, borrowed until object_close; -1 when the backend has none: use object_read. */
int object_fd(const struct object *);
/* Exactly `len` bytes; past the end ERR_INPUT file.truncated. */
MUST_USE struct err object_read(struct object *, void *out, size_t len, uint64_t offset);

/* The folder behind a prefix, for reading with openat; the caller closes *dir_fd. ERR_NOT_FOUND also when the backend has
 * no folders. */
MUST_USE struct err object_open_folder(struct object_store *, struct slice prefix, int *dir_fd);

struct object_info {
    struct slice key;
    uint64_t bytes;
    struct utc_time modified;
};
struct object_list {
    struct object_info *items; /* by key, bytewise */
    size_t count;
};
/* All objects below the prefix, at any depth, in `arena`. Nothing there is an empty list. ERR_LIMIT object.many when there are
 * more than `limit`. */
MUST_USE struct err object_list(struct object_store *, struct arena *, struct slice prefix, size_t limit, struct object_list *out);

/* --- writing one object --- */

struct object_writer;
MUST_USE struct err object_write_begin(struct object_store *, struct slice key, struct object_writer **out);
MUST_USE struct err object_write(struct object_writer *, struct slice bytes);
/* The object stands, on disk, in place of any before it. Clears the pointer, also on an error; then nothing has changed. */
MUST_USE struct err object_write_commit(struct object_writer **);
void object_write_abort(struct object_writer **); /* NULL is fine */
/* All four in one. */
MUST_USE struct err object_put(struct object_store *, struct slice key, struct slice bytes);

/* --- deleting --- */

/* The object, or everything below the prefix, disappears at once; its bytes are freed after. Fine if it is not there; "" is
 * ERR_INPUT. */
MUST_USE struct err object_delete(struct object_store *, struct slice key_or_prefix);

/* --- staging --- */

struct object_staging;
/* Opens the staging of this name (one part of a key), or makes it; *existed says which. ERR_BUSY object.staged: already open. */
MUST_USE struct err object_staging_open(struct object_store *, struct slice name, struct object_staging **out, bool *existed);
/* The folder to write into, also for a child process; borrowed until close, publish or discard. */
int object_staging_fd(const struct object_staging *);
/* Closes and leaves it as it is, for the next try. NULL is fine. */
void object_staging_close(struct object_staging **);
/* Removes it with all in it. */
MUST_USE struct err object_staging_discard(struct object_staging **);

enum object_publish { OBJECT_PUBLISH_NEW = 1, OBJECT_PUBLISH_REPLACE };
/* Syncs every file, then puts the whole folder at `prefix` with one rename. Only plain files and folders with valid key parts
 * may be in it (else ERR_INPUT object.staging and it stays). With OBJECT_PUBLISH_NEW a prefix that has something is
 * ERR_CONFLICT object.exists. On success the staging is gone and the pointer cleared; on an error it stays open. */
MUST_USE struct err object_staging_publish(struct object_staging **, struct slice prefix, enum object_publish);
/* Puts one file of it (`file`, a relative key) at `key`, in place of any before it: how renditions join a presentation
 * that stands. The staging stays open without that file. */
MUST_USE struct err object_staging_publish_file(struct object_staging *, struct slice file, struct slice key);

/* Removes the stagings that nobody claims: call once at start, when it is known which jobs go on. */
MUST_USE struct err object_stagings_clean(struct object_store *, bool (*is_claimed)(void *user, struct slice name), void *user,
                                          size_t *removed);

#endif
