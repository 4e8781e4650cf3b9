/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * folder.h: the folder behind the store, for this room only.
 *
 *   ROOT/titles/7zr.../v0.mp4   objects, at their keys
 *   ROOT/.lock                  held while a store is open
 *   ROOT/.tmp/12                what object_write_* has not committed yet; emptied at start
 *   ROOT/.trash/13              what was deleted and is being freed; emptied at start
 *   ROOT/.staging/NAME/         stagings
 *
 * No key begins a part with a dot, so these four are out of reach. Everything is on one file system, so that a rename moves. Each
 * step down a key is opened from the folder before it without following links, so a link that somebody put in leads nowhere. */
#ifndef SYSTEM_OBJECT_FOLDER_H
#define SYSTEM_OBJECT_FOLDER_H

#include <stdatomic.h>

#include "system/object/object.h"

enum { OBJECT_KEY_BYTES_MAX = 255, OBJECT_KEY_PARTS_MAX = 8 };

struct object_store {
    int root_fd, lock_fd, tmp_fd, trash_fd, staging_fd;
    atomic_uint_fast64_t names; /* made so far in .tmp and .trash */
};

/* A name for a file in .tmp or .trash. */
struct scratch_name {
    char text[24];
};
struct scratch_name folder_scratch_name(struct object_store *);

bool folder_part_is_valid(struct slice part);
struct err folder_key_invalid(void);
/* An errno in the words of object.h. */
struct err folder_error(int sys, const char *code);

/* Where a key stands: the folder it is in, open, and the last part. close with folder_place_close. */
struct place {
    int dir_fd;
    char name[OBJECT_KEY_BYTES_MAX + 1];
};
enum place_mode { PLACE_FIND = 1, PLACE_MAKE /* folders that are missing, durably */ };
MUST_USE struct err folder_place_open(int root_fd, struct slice key, enum place_mode, struct place *);
void folder_place_close(struct place *);
/* A folder in a folder, not following a link. */
MUST_USE struct err folder_open(int dir_fd, const char *name, int *fd);
/* As renameat2, both names durable when it returns. */
MUST_USE struct err folder_rename(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
/* Moves it to the trash, where it is out of sight, and then frees its bytes. Fine if it is not there. */
MUST_USE struct err folder_discard(struct object_store *, int dir_fd, const char *name);

#endif
