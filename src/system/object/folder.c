/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "system/object/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

/* --- keys --- */

bool folder_part_is_valid(struct slice part) {
    if (!part.len || part.ptr[0] == '.') return false;
    for (size_t i = 0; i < part.len; i++) {
        char c = part.ptr[i];
        bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        if (!is_fine) return false;
    }
    return true;
}

bool object_key_is_valid(struct slice key) {
    if (!key.len || key.len > OBJECT_KEY_BYTES_MAX) return false;
    struct slice part;
    int parts = 0;
    while (slice_next(&key, '/', &part))
        if (!folder_part_is_valid(part) || ++parts > OBJECT_KEY_PARTS_MAX) return false;
    return true;
}

struct err folder_key_invalid(void) {
    return err_make(ERR_INPUT, "object.key", "This is not a name that a media object can have.");
}

struct err folder_error(int sys, const char *code) {
    switch (sys) {
    case ENOENT:
    case ELOOP:
    case ENOTDIR: return (struct err){ERR_NOT_FOUND, sys, "object.missing", "There is no such media object."};
    case EEXIST:
    case EISDIR:
    case ENOTEMPTY:
        return (struct err){ERR_CONFLICT, sys, "object.exists", "There is already a media object, or a folder of them, at this place."};
    default:
        return err_from_errno(sys, code,
                              "The folder of media objects could not be read or changed. Look after the disk and its permissions.");
    }
}

struct scratch_name folder_scratch_name(struct object_store *s) {
    struct scratch_name name;
    snprintf(name.text, sizeof name.text, "%llu", (unsigned long long)atomic_fetch_add(&s->names, 1));
    return name;
}

/* --- folders --- */

struct err folder_open(int dir_fd, const char *name, int *fd) {
    struct err e = fs_open(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, fd);
    return e.kind ? folder_error(e.sys, "object.folder") : e;
}

static struct err folder_make(int dir_fd, const char *name) {
    if (fault_hits(FAULT_WRITE)) return folder_error(ENOSPC, "object.folder");
    if (!mkdirat(dir_fd, name, 0700)) return fs_sync(dir_fd);
    return errno == EEXIST ? ERR_OK : folder_error(errno, "object.folder");
}

struct err folder_place_open(int root_fd, struct slice key, enum place_mode mode, struct place *out) {
    if (!object_key_is_valid(key)) return folder_key_invalid();
    int at = root_fd; /* what is open beyond the root is ours to close */
    struct slice part;
    char name[OBJECT_KEY_BYTES_MAX + 1];
    struct err e = ERR_OK;
    while (slice_next(&key, '/', &part)) {
        snprintf(name, sizeof name, "%.*s", SLICE_ARG(part));
        if (!key.ptr) break; /* the last */
        if (mode == PLACE_MAKE) e = folder_make(at, name);
        int next = -1;
        if (!e.kind) e = folder_open(at, name, &next);
        /* Something that is no folder is in the way. */
        if (e.kind == ERR_NOT_FOUND && mode == PLACE_MAKE) e = folder_error(EEXIST, "object.folder");
        if (at != root_fd) fs_close(&at);
        if (e.kind) return e;
        at = next;
    }
    if (at == root_fd) { /* a key of one part */
        e = folder_open(root_fd, ".", &at);
        if (e.kind) return e;
    }
    out->dir_fd = at;
    memcpy(out->name, name, sizeof name);
    return ERR_OK;
}

void folder_place_close(struct place *p) { fs_close(&p->dir_fd); }

struct err folder_rename(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) {
    if (fault_hits(FAULT_WRITE)) return folder_error(ENOSPC, "object.rename");
    if (renameat2(from_fd, from, to_fd, to, flags)) return folder_error(errno, "object.rename");
    struct err e = fs_sync(to_fd);
    return e.kind ? e : fs_sync(from_fd);
}

struct err folder_discard(struct object_store *s, int dir_fd, const char *name) {
    struct scratch_name trash = folder_scratch_name(s);
    struct err e = folder_rename(dir_fd, name, s->trash_fd, trash.text, 0);
    if (e.kind == ERR_NOT_FOUND) return ERR_OK;
    if (e.kind) return e;
    struct err freed = fs_remove_tree(s->trash_fd, trash.text);
    if (freed.kind) log_warn("object", "trash", LOG_ERR(freed)); /* out of sight all the same; the next start tries again */
    return ERR_OK;
}

/* --- the store --- */

/* Makes one of our own folders, opens it, and numbers on from what is in it. */
static struct err own_folder(struct object_store *s, const char *name, int *fd) {
    struct err e = folder_make(s->root_fd, name);
    return e.kind ? e : folder_open(s->root_fd, name, fd);
}

static struct err empty(int dir_fd) {
    int fd;
    struct err e = folder_open(dir_fd, ".", &fd);
    if (e.kind) return e;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        fs_close(&fd);
        return err_memory();
    }
    struct dirent *entry;
    while (!e.kind && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) e = fs_remove_tree(dir_fd, entry->d_name);
    closedir(dir);
    return e;
}

/* Children share the lock. They die with their server, but of one that was killed a moment later than it; it may be started anew within that moment. */
static bool lock_take_soon(int fd) {
    enum { TRIES = 50, BETWEEN_MS = 20 };
    int bad = flock(fd, LOCK_EX | LOCK_NB);
    for (int i = 1; bad && errno == EWOULDBLOCK && i < TRIES; i++) {
        nanosleep(&(struct timespec){.tv_nsec = BETWEEN_MS * 1000 * 1000}, NULL);
        bad = flock(fd, LOCK_EX | LOCK_NB);
    }
    return !bad;
}

struct err object_store_open_folder(struct object_store **out, const char *path) {
    struct object_store *s = mem_zalloc(sizeof *s);
    if (!s) return err_memory();
    s->root_fd = s->lock_fd = s->tmp_fd = s->trash_fd = s->staging_fd = -1;
    struct err e = fs_make_dirs(AT_FDCWD, path, 0700);
    if (!e.kind) e = fs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &s->root_fd);
    if (!e.kind) e = fs_open(s->root_fd, ".lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &s->lock_fd);
    if (!e.kind && !lock_take_soon(s->lock_fd))
        e = errno == EWOULDBLOCK
                ? err_make(ERR_BUSY, "object.locked", "Another server uses this folder of media. Stop it, or choose another folder.")
                : folder_error(errno, "object.lock");
    if (!e.kind) e = own_folder(s, ".tmp", &s->tmp_fd);
    if (!e.kind) e = own_folder(s, ".trash", &s->trash_fd);
    if (!e.kind) e = own_folder(s, ".staging", &s->staging_fd);
    if (!e.kind) e = empty(s->tmp_fd);
    if (!e.kind) e = empty(s->trash_fd);
    if (e.kind) {
        object_store_close(&s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

void object_store_close(struct object_store **address) {
    struct object_store *s = *address;
    if (!s) return;
    fs_close(&s->staging_fd);
    fs_close(&s->trash_fd);
    fs_close(&s->tmp_fd);
    fs_close(&s->lock_fd);
    fs_close(&s->root_fd);
    MEM_FREE(address);
}

struct err object_store_space(struct object_store *s, uint64_t *bytes_free) {
    struct statvfs disk;
    if (fstatvfs(s->root_fd, &disk)) return folder_error(errno, "object.space");
    *bytes_free = (uint64_t)disk.f_bavail * disk.f_frsize;
    return ERR_OK;
}
