/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/fs.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"

static struct err failed(const char *code, const char *what) { return err_from_errno(errno, code, what); }

static bool fault_io(enum fault_point point) {
    if (!fault_hits(point)) return false;
    errno = point == FAULT_WRITE ? ENOSPC : EIO;
    return true;
}

struct err fs_open(int dir_fd, const char *path, int flags, mode_t mode, int *fd) {
    int opened;
    do opened = openat(dir_fd, path, flags | O_CLOEXEC, mode);
    while (opened < 0 && errno == EINTR);
    if (opened < 0) return failed("file.open", "A file could not be opened.");
    *fd = opened;
    return ERR_OK;
}

void fs_close(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

struct err fs_read_file(int dir_fd, const char *path, struct buf *out) {
    int fd;
    struct err e = fs_open(dir_fd, path, O_RDONLY, 0, &fd);
    if (e.kind) return e;
    for (;;) {
        size_t room = out->bytes_max - out->len < 65536 ? out->bytes_max - out->len : 65536;
        char extra;
        char *at = room ? buf_reserve(out, room) : &extra; /* one byte tells "just full" from "too large" */
        if (!at) {
            e = buf_error(out);
            break;
        }
        ssize_t got = fault_io(FAULT_READ) ? -1 : read(fd, at, room ? room : 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) e = failed("file.read", "A file could not be read.");
        if (got > 0 && !room) e = err_make(ERR_LIMIT, "file.large", "A file is larger than is accepted here.");
        if (got <= 0 || e.kind) break;
        buf_commit(out, (size_t)got);
    }
    fs_close(&fd);
    return e;
}

struct err fs_pread_all(int fd, void *out, size_t len, uint64_t offset) {
    char *at = out;
    while (len) {
        ssize_t got = fault_io(FAULT_READ) ? -1 : pread(fd, at, len, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("file.read", "A file could not be read.");
        if (got == 0) return err_make(ERR_INPUT, "file.truncated", "A file ends before it should.");
        at += got;
        len -= (size_t)got;
        offset += (uint64_t)got;
    }
    return ERR_OK;
}

struct err fs_write_all(int fd, struct slice s) {
    struct iovec one = {.iov_base = (void *)s.ptr, .iov_len = s.len};
    return fs_writev_all(fd, &one, 1);
}

struct err fs_pwrite_all(int fd, struct slice s, uint64_t offset) {
    while (s.len) {
        ssize_t put = fault_io(FAULT_WRITE) ? -1 : pwrite(fd, s.ptr, s.len, (off_t)offset);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return failed("file.write", "A file could not be written.");
        offset += (uint64_t)put;
        s = slice_sub(s, (size_t)put, s.len);
    }
    return ERR_OK;
}

struct err fs_writev_all(int fd, struct iovec *v, int count) {
    while (count) {
        if (!v->iov_len) {
            v++, count--;
            continue;
        }
        ssize_t put = fault_io(FAULT_WRITE) ? -1 : writev(fd, v, count < IOV_MAX ? count : IOV_MAX);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return failed("file.write", "A file could not be written.");
        while (put > 0) {
            size_t step = (size_t)put < v->iov_len ? (size_t)put : v->iov_len;
            if (step) v->iov_base = (char *)v->iov_base + step; /* an empty one may be a null pointer */
            v->iov_len -= step;
            put -= (ssize_t)step;
            if (!v->iov_len) v++, count--;
        }
    }
    return ERR_OK;
}

bool fs_reserve(int fd, uint64_t offset, uint64_t bytes) {
    if (!fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes)) return true;
    struct stat info;
    if (!fstat(fd, &info)) (void)!ftruncate(fd, info.st_size); /* a part may have been found before the disk was full */
    return false;
}

struct err fs_give_back(int fd, uint64_t file_bytes) {
    int bad;
    do bad = ftruncate(fd, (off_t)file_bytes);
    while (bad && errno == EINTR);
    return bad ? failed("file.write", "A file could not be written.") : ERR_OK;
}

static bool is_left_unsynced;
void fs_leave_unsynced(void) { is_left_unsynced = true; }

struct err fs_sync(int fd) {
    if (fault_io(FAULT_SYNC) || (!is_left_unsynced && fsync(fd))) return failed("file.sync", "The disk did not confirm what was written.");
    return ERR_OK;
}

struct err fs_sync_dir(int dir_fd, const char *path) {
    int fd;
    struct err e = fs_open(dir_fd, path, O_RDONLY | O_DIRECTORY, 0, &fd);
    if (e.kind) return e;
    e = fs_sync(fd);
    fs_close(&fd);
    return e;
}

struct err fs_write_file_atomic(int dir_fd, const char *path, struct slice content, mode_t mode) {
    char beside[PATH_MAX], folder[PATH_MAX];
    int len = snprintf(beside, sizeof beside, "%s.%d.tmp", path, (int)getpid());
    if (len < 0 || (size_t)len >= sizeof beside) return err_make(ERR_INPUT, "file.name", "A file name is too long.");
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash && slash != path ? (int)(slash - path) : 1, slash ? path : ".");
    int fd;
    struct err e = fs_open(dir_fd, beside, O_WRONLY | O_CREAT | O_TRUNC, mode, &fd);
    if (e.kind) return e;
    e = fs_write_all(fd, content);
    if (!e.kind) e = fs_sync(fd);
    fs_close(&fd);
    if (!e.kind && renameat(dir_fd, beside, dir_fd, path)) e = failed("file.rename", "A file could not be put in place.");
    if (e.kind) {
        unlinkat(dir_fd, beside, 0);
        return e;
    }
    return fs_sync_dir(dir_fd, folder);
}

struct err fs_make_dirs(int dir_fd, const char *path, mode_t mode) {
    char partial[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof partial) return err_make(ERR_INPUT, "file.name", "A folder name is too long.");
    memcpy(partial, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (partial[i] != '/' && partial[i] != 0) continue;
        partial[i] = 0;
        if (mkdirat(dir_fd, partial, mode) && errno != EEXIST) return failed("folder.make", "A folder could not be made.");
        if (i < len) partial[i] = '/';
    }
    struct stat info;
    if (fstatat(dir_fd, path, &info, 0)) return failed("folder.make", "A folder could not be made.");
    if (!S_ISDIR(info.st_mode)) return err_make(ERR_CONFLICT, "folder.is_file", "There is a file where a folder should be.");
    return ERR_OK;
}

/* Depth is bounded by the length of a path the kernel accepts, as each level opens relative to its parent. */
static struct err remove_at(int dir_fd, const char *name, int depth) {
    if (!unlinkat(dir_fd, name, 0) || errno == ENOENT) return ERR_OK;
    if (errno != EISDIR && errno != EPERM) return failed("file.remove", "A file could not be removed.");
    if (depth > 64) return err_make(ERR_LIMIT, "folder.deep", "Folders are nested too deep to remove them.");
    int fd;
    struct err e = fs_open(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd);
    if (e.kind) return e;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        e = failed("folder.read", "A folder could not be read.");
        fs_close(&fd);
        return e;
    }
    struct dirent *entry;
    while (!e.kind && (entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        e = remove_at(dirfd(dir), entry->d_name, depth + 1);
    }
    closedir(dir);
    if (!e.kind && unlinkat(dir_fd, name, AT_REMOVEDIR) && errno != ENOENT) e = failed("folder.remove", "A folder could not be removed.");
    return e;
}

struct err fs_remove_tree(int dir_fd, const char *path) { return remove_at(dir_fd, path, 0); }

struct err fs_size(int fd, uint64_t *bytes) {
    struct stat info;
    if (fstat(fd, &info)) return failed("file.stat", "A file's size could not be read.");
    *bytes = (uint64_t)info.st_size;
    return ERR_OK;
}

bool fs_exists(int dir_fd, const char *path) { return faccessat(dir_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0; }
