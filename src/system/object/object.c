/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Objects: reading, listing, writing, deleting. */
#include "system/object/object.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "system/object/folder.h"

static struct utc_time time_of(const struct stat *info) {
    return (struct utc_time){info->st_mtim.tv_sec * NS_PER_S + info->st_mtim.tv_nsec};
}

/* --- reading --- */

struct object {
    int fd;
    uint64_t bytes;
    struct utc_time modified;
};

struct err object_open(struct object_store *s, struct slice key, struct object **out) {
    struct place place;
    struct err e = folder_place_open(s->root_fd, key, PLACE_FIND, &place);
    if (e.kind) return e;
    int fd = -1;
    /* O_NONBLOCK: a pipe that somebody put there must not hold us. */
    e = fs_open(place.dir_fd, place.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd);
    folder_place_close(&place);
    if (e.kind) return folder_error(e.sys, "object.open");
    struct stat info;
    if (fstat(fd, &info))
        e = folder_error(errno, "object.open");
    else if (!S_ISREG(info.st_mode))
        e = folder_error(ENOENT, "object.open");
    struct object *o = e.kind ? NULL : mem_zalloc(sizeof *o);
    if (!e.kind && !o) e = err_memory();
    if (e.kind) {
        fs_close(&fd);
        return e;
    }
    *o = (struct object){.fd = fd, .bytes = (uint64_t)info.st_size, .modified = time_of(&info)};
    *out = o;
    return ERR_OK;
}

void object_close(struct object **address) {
    if (!*address) return;
    fs_close(&(*address)->fd);
    MEM_FREE(address);
}

uint64_t object_bytes(const struct object *o) { return o->bytes; }
struct utc_time object_modified(const struct object *o) {
    return o->modified;
}
int object_fd(const struct object *o) { return o->fd; }
struct err object_read(struct object *o, void *out, size_t len, uint64_t offset) {
    return fs_pread_all(o->fd, out, len, offset);
}

struct err object_open_folder(struct object_store *s, struct slice prefix, int *dir_fd) {
    if (!prefix.len) return folder_open(s->root_fd, ".", dir_fd);
    struct place place;
    struct err e = folder_place_open(s->root_fd, prefix, PLACE_FIND, &place);
    if (e.kind) return e;
    e = folder_open(place.dir_fd, place.name, dir_fd);
    folder_place_close(&place);
    return e;
}

/* --- listing --- */

struct found {
    struct found *before;
    struct object_info info;
};
struct search {
    struct arena *arena;
    struct found *newest;
    size_t count, limit;
};

static struct err search_folder(struct search *search, int dir_fd, struct slice prefix, int parts);

static struct err search_entry(struct search *search, int dir_fd, const char *name, struct slice prefix, int parts) {
    struct stat info;
    if (!folder_part_is_valid(slice_cstr(name))) return ERR_OK;
    if (fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW)) return errno == ENOENT ? ERR_OK : folder_error(errno, "object.list");
    struct slice key = arena_printf(search->arena, "%.*s%s%s", SLICE_ARG(prefix), prefix.len ? "/" : "", name);
    if (!key.ptr) return err_memory();
    if (S_ISDIR(info.st_mode) && parts < OBJECT_KEY_PARTS_MAX) {
        int fd;
        struct err e = folder_open(dir_fd, name, &fd);
        if (e.kind == ERR_NOT_FOUND) return ERR_OK; /* deleted meanwhile */
        return e.kind ? e : search_folder(search, fd, key, parts + 1);
    }
    if (!S_ISREG(info.st_mode) || key.len > OBJECT_KEY_BYTES_MAX) return ERR_OK;
    if (search->count == search->limit) return err_make(ERR_LIMIT, "object.many", "There are more media objects here than were asked for.");
    struct found *f = ARENA_NEW(search->arena, struct found);
    if (!f) return err_memory();
    f->info = (struct object_info){.key = key, .bytes = (uint64_t)info.st_size, .modified = time_of(&info)};
    f->before = search->newest;
    search->newest = f;
    search->count++;
    return ERR_OK;
}

/* Takes over the descriptor. `parts`: how many a key in this folder has. */
static struct err search_folder(struct search *search, int dir_fd, struct slice prefix, int parts) {
    DIR *dir = fdopendir(dir_fd);
    if (!dir) {
        fs_close(&dir_fd);
        return err_memory();
    }
    struct err e = ERR_OK;
    struct dirent *entry;
    while (!e.kind && (errno = 0, entry = readdir(dir))) e = search_entry(search, dirfd(dir), entry->d_name, prefix, parts);
    if (!e.kind && errno) e = folder_error(errno, "object.list");
    closedir(dir);
    return e;
}

static int by_key(const void *a, const void *b) {
    return slice_compare(((const struct object_info *)a)->key, ((const struct object_info *)b)->key);
}

struct err object_list(struct object_store *s, struct arena *arena, struct slice prefix, size_t limit, struct object_list *out) {
    int fd;
    struct err e = object_open_folder(s, prefix, &fd);
    struct search search = {.arena = arena, .limit = limit};
    int parts = 1;
    for (size_t i = 0; i < prefix.len; i++) parts += prefix.ptr[i] == '/';
    if (!e.kind) e = search_folder(&search, fd, prefix, prefix.len ? parts + 1 : 1);
    if (e.kind && e.kind != ERR_NOT_FOUND) return e;
    struct object_info *items = arena_alloc_array(arena, search.count + 1, sizeof *items);
    if (!items) return err_memory();
    size_t at = 0;
    for (const struct found *f = search.newest; f; f = f->before) items[at++] = f->info;
    if (at) qsort(items, at, sizeof *items, by_key);
    *out = (struct object_list){.items = items, .count = at};
    return ERR_OK;
}

/* --- writing --- */

struct object_writer {
    struct object_store *store;
    int fd;
    struct scratch_name name;
    char key[OBJECT_KEY_BYTES_MAX + 1];
};

struct err object_write_begin(struct object_store *s, struct slice key, struct object_writer **out) {
    if (!object_key_is_valid(key)) return folder_key_invalid();
    struct object_writer *w = mem_zalloc(sizeof *w);
    if (!w) return err_memory();
    w->store = s;
    w->name = folder_scratch_name(s);
    memcpy(w->key, key.ptr, key.len);
    struct err e = fs_open(s->tmp_fd, w->name.text, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &w->fd);
    if (e.kind) {
        mem_free(w);
        return e;
    }
    *out = w;
    return ERR_OK;
}

struct err object_write(struct object_writer *w, struct slice bytes) {
    return fs_write_all(w->fd, bytes);
}

struct err object_write_commit(struct object_writer **address) {
    struct object_writer *w = *address;
    struct place place = {.dir_fd = -1};
    struct err e = fs_sync(w->fd);
    if (!e.kind) e = folder_place_open(w->store->root_fd, slice_cstr(w->key), PLACE_MAKE, &place);
    if (!e.kind) e = folder_rename(w->store->tmp_fd, w->name.text, place.dir_fd, place.name, 0);
    folder_place_close(&place);
    object_write_abort(address); /* after the rename its temporary name is gone */
    return e;
}

void object_write_abort(struct object_writer **address) {
    struct object_writer *w = *address;
    if (!w) return;
    unlinkat(w->store->tmp_fd, w->name.text, 0);
    fs_close(&w->fd);
    MEM_FREE(address);
}

struct err object_put(struct object_store *s, struct slice key, struct slice bytes) {
    struct object_writer *w;
    struct err e = object_write_begin(s, key, &w);
    if (e.kind) return e;
    e = object_write(w, bytes);
    if (!e.kind) return object_write_commit(&w);
    object_write_abort(&w);
    return e;
}

/* --- deleting --- */

struct err object_delete(struct object_store *s, struct slice key) {
    struct place place;
    struct err e = folder_place_open(s->root_fd, key, PLACE_FIND, &place);
    if (e.kind) return e.kind == ERR_NOT_FOUND ? ERR_OK : e;
    e = folder_discard(s, place.dir_fd, place.name);
    folder_place_close(&place);
    return e;
}
