/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * fs.h: files and folders. Reads and writes pass base/fault, retry on EINTR, and finish or fail as a whole. All of
 * these may block: never on a loop thread. Paths are C strings; `dir_fd` may be AT_FDCWD. Any thread. */
#ifndef BASE_FS_H
#define BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* Errors of all: ERR_NOT_FOUND, ERR_DENIED, ERR_LIMIT (disk full, too many open files), ERR_IO. */

MUST_USE struct err fs_open(int dir_fd, const char *path, int flags, mode_t mode, int *fd); /* always O_CLOEXEC */
void fs_close(int *fd); /* sets it to -1; -1 is fine */

/* Appends the whole file to `out`. ERR_LIMIT if it is larger than the buffer may become. */
MUST_USE struct err fs_read_file(int dir_fd, const char *path, struct buf *out);
/* Exactly `len` bytes at `offset`; a file that ends before is ERR_INPUT "file.truncated". */
MUST_USE struct err fs_pread_all(int fd, void *out, size_t len, uint64_t offset);

MUST_USE struct err fs_write_all(int fd, struct slice);
MUST_USE struct err fs_pwrite_all(int fd, struct slice, uint64_t offset);
/* Changes `vectors` while it works. */
MUST_USE struct err fs_writev_all(int fd, struct iovec *vectors, int count);

/* For a file that grows: asks for room on the disk behind its end, in one piece if there is one, so that not each write must find some. False:
 * it cannot be had (nor is any kept): writing does without, and says so itself when the disk is full. What is left of it in the end
 * goes back with fs_give_back, which cuts the file to `file_bytes`, its size. */
bool fs_reserve(int fd, uint64_t offset, uint64_t bytes);
MUST_USE struct err fs_give_back(int fd, uint64_t file_bytes);

/* Whole or not at all, also over a power cut: writes beside it, syncs, renames, syncs the folder. */
MUST_USE struct err fs_write_file_atomic(int dir_fd, const char *path, struct slice content, mode_t mode);
MUST_USE struct err fs_sync(int fd);
MUST_USE struct err fs_sync_dir(int dir_fd, const char *path);
/* From here on this process and its children do not wait for the disk: for a tool whose output is made again by the same command, as other
 * tools of its kind do. Before any thread is started; never in a server. */
void fs_leave_unsynced(void);

/* Makes the folder and those above it; fine if it is there. */
MUST_USE struct err fs_make_dirs(int dir_fd, const char *path, mode_t mode);
/* Removes a file, or a folder with all in it, never following a symbolic link; fine if it is not there. */
MUST_USE struct err fs_remove_tree(int dir_fd, const char *path);

MUST_USE struct err fs_size(int fd, uint64_t *bytes);
bool fs_exists(int dir_fd, const char *path);

#endif
