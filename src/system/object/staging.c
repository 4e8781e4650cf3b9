/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stagings: folders that are built by somebody and published whole. While one is open its folder is locked (flock(2)); a child process that
 * was given the descriptor holds the lock with us, so that one which outlives a crash of ours is noticed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "system/object/folder.h"

struct object_staging {
    struct object_store *store;
    int fd;
    char name[OBJECT_KEY_BYTES_MAX + 1];
};

struct err object_staging_open(struct object_store *s, struct slice name, struct object_staging **out, bool *existed) {
    if (name.len > OBJECT_KEY_BYTES_MAX || !folder_part_is_valid(name)) return folder_key_invalid();
    struct object_staging *g = mem_zalloc(sizeof *g);
    if (!g) return err_memory();
    g->store = s;
    g->fd = -1;
    memcpy(g->name, name.ptr, name.len);
    bool was_there = mkdirat(s->staging_fd, g->name, 0700) != 0;
    struct err e = was_there && errno != EEXIST ? folder_error(errno, "object.staging") : folder_open(s->staging_fd, g->name, &g->fd);
    if (!e.kind && flock(g->fd, LOCK_EX | LOCK_NB))
        e = errno == EWOULDBLOCK
                ? err_make(ERR_BUSY, "object.staged", "Somebody is still working on this. Try again when they have finished.")
                : folder_error(errno, "object.staging");
    if (e.kind) {
        object_staging_close(&g);
        return e;
    }
    *existed = was_there;
    *out = g;
    return ERR_OK;
}

int object_staging_fd(const struct object_staging *g) { return g->fd; }

void object_staging_close(struct object_staging **address) {
    if (!*address) return;
    fs_close(&(*address)->fd);
    MEM_FREE(address);
}

struct err object_staging_discard(struct object_staging **address) {
    struct err e = folder_discard((*address)->store, (*address)->store->staging_fd, (*address)->name);
    object_staging_close(address);
    return e;
}

static struct err not_publishable(void) {
    return err_make(ERR_INPUT, "object.staging", "What was built contains something that cannot be a media object. It was not published.");
}

/* Syncs everything below `dir_fd`, which it takes over, and sees to it that each file will have a valid key. */
static struct err sync_below(int dir_fd, struct slice prefix) {
    DIR *dir = fdopendir(dir_fd);
    if (!dir) {
        fs_close(&dir_fd);
        return err_memory();
    }
    struct err e = ERR_OK;
    struct dirent *entry;
    while (!e.kind && (errno = 0, entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        char key[OBJECT_KEY_BYTES_MAX + 2];
        int len = snprintf(key, sizeof key, "%.*s/%s", SLICE_ARG(prefix), entry->d_name);
        int fd = -1;
        struct stat info;
        if (len < 0 || (size_t)len >= sizeof key || !object_key_is_valid(slice_cstr(key))) e = not_publishable();
        if (!e.kind) e = fs_open(dirfd(dir), entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd);
        if (e.kind && (e.sys == ELOOP || e.sys == ENXIO)) e = not_publishable(); /* a link, a socket */
        if (!e.kind && fstat(fd, &info)) e = folder_error(errno, "object.staging");
        if (!e.kind && S_ISDIR(info.st_mode)) {
            e = sync_below(fd, slice_of(key, (size_t)len));
            continue;
        }
        if (!e.kind) e = S_ISREG(info.st_mode) ? fs_sync(fd) : not_publishable();
        fs_close(&fd);
    }
    if (!e.kind && errno) e = folder_error(errno, "object.staging");
    if (!e.kind) e = fs_sync(dirfd(dir));
    closedir(dir);
    return e;
}

/* Puts the folder in place. What was there before goes to the trash after it is out of sight. */
static struct err put_in_place(struct object_staging *g, const struct place *place, enum object_publish how) {
    struct object_store *s = g->store;
    unlinkat(place->dir_fd, place->name, AT_REMOVEDIR); /* an empty folder is nothing; anything else stays and is found below */
    struct err e = folder_rename(s->staging_fd, g->name, place->dir_fd, place->name, RENAME_NOREPLACE);
    if (e.kind != ERR_CONFLICT || how == OBJECT_PUBLISH_NEW) return e;
    e = folder_rename(s->staging_fd, g->name, place->dir_fd, place->name, RENAME_EXCHANGE);
    if (e.kind) return e;
    struct err freed = folder_discard(s, s->staging_fd, g->name);
    if (freed.kind) log_warn("object", "replaced", LOG_ERR(freed)); /* an unclaimed staging: the next start cleans it */
    return ERR_OK;
}

struct err object_staging_publish(struct object_staging **address, struct slice prefix, enum object_publish how) {
    struct object_staging *g = *address;
    if (!object_key_is_valid(prefix)) return folder_key_invalid();
    int fd;
    struct err e = folder_open(g->fd, ".", &fd);
    if (!e.kind) e = sync_below(fd, prefix);
    if (e.kind) return e;
    struct place place;
    e = folder_place_open(g->store->root_fd, prefix, PLACE_MAKE, &place);
    if (e.kind) return e;
    e = put_in_place(g, &place, how);
    folder_place_close(&place);
    if (!e.kind) object_staging_close(address);
    return e;
}

struct err object_staging_publish_file(struct object_staging *g, struct slice file, struct slice key) {
    struct place from, to = {.dir_fd = -1};
    struct err e = folder_place_open(g->fd, file, PLACE_FIND, &from);
    if (e.kind) return e;
    int fd = -1;
    struct stat info;
    e = fs_open(from.dir_fd, from.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd);
    if (e.kind) e = e.sys == ELOOP ? not_publishable() : folder_error(e.sys, "object.staging");
    if (!e.kind && fstat(fd, &info)) e = folder_error(errno, "object.staging");
    if (!e.kind && !S_ISREG(info.st_mode)) e = not_publishable();
    if (!e.kind) e = fs_sync(fd);
    if (!e.kind) e = folder_place_open(g->store->root_fd, key, PLACE_MAKE, &to);
    if (!e.kind) e = folder_rename(from.dir_fd, from.name, to.dir_fd, to.name, 0);
    fs_close(&fd);
    folder_place_close(&to);
    folder_place_close(&from);
    return e;
}

/* Nobody works on it: not even a child that a killed server left behind. */
static bool is_free(int dir_fd, const char *name) {
    int fd = -1;
    if (folder_open(dir_fd, name, &fd).kind) return true; /* no folder: rubbish */
    bool is_free = !flock(fd, LOCK_EX | LOCK_NB);
    fs_close(&fd);
    return is_free;
}

struct err object_stagings_clean(struct object_store *s, bool (*is_claimed)(void *, struct slice), void *user, size_t *removed) {
    int fd;
    struct err e = folder_open(s->staging_fd, ".", &fd);
    if (e.kind) return e;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        fs_close(&fd);
        return err_memory();
    }
    size_t count = 0;
    struct dirent *entry;
    while (!e.kind && (entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (is_claimed(user, slice_cstr(entry->d_name)) || !is_free(s->staging_fd, entry->d_name)) continue;
        e = folder_discard(s, s->staging_fd, entry->d_name);
        if (!e.kind) count++;
    }
    closedir(dir);
    if (!e.kind) *removed = count;
    return e;
}
