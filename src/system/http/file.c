/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Open files, shared by count, and the rule that a loop thread never waits for a disk: what is not in the page cache is
 * brought there by a reader thread first. */
#include "system/http/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"

enum { FOUND_SLOTS = 8, FOUND_BITS = 24 };

struct http_file {
    atomic_uint refs;
    int fd;
    uint64_t bytes;
    struct utc_time modified;
    char etag[64];
    uint8_t etag_len;
    /* Blocks found in the page cache: number of the block and 1/4 seconds of the finding, packed. See file_is_cached. */
    atomic_uint_fast64_t found[FOUND_SLOTS];
};

#ifdef GRANDSTAND_TEST_DOORS
static atomic_bool is_distrusted;
void http_test_distrust_cache(bool is) { atomic_store(&is_distrusted, is); }
static bool distrusts(void) { return atomic_load(&is_distrusted); }
#else
static bool distrusts(void) { return false; }
#endif

struct err http_file_adopt(struct http_file **out, int fd) {
    struct stat st;
    if (fstat(fd, &st)) return err_from_errno(errno, "http.file", "The file cannot be looked at.");
    if (!S_ISREG(st.st_mode)) return err_make(ERR_INPUT, "http.file", "This is not a regular file.");
    struct http_file *f = mem_zalloc(sizeof *f);
    if (!f) return err_memory();
    atomic_init(&f->refs, 1);
    f->fd = fd;
    f->bytes = (uint64_t)st.st_size;
    f->modified = (struct utc_time){(int64_t)st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec};
    f->etag_len = (uint8_t)snprintf(f->etag, sizeof f->etag, "\"%llx-%llx-%llx\"", (unsigned long long)st.st_ino,
                                    (unsigned long long)st.st_size, (unsigned long long)f->modified.ns);
    *out = f;
    return ERR_OK;
}

struct err http_file_open(struct http_file **out, int dir_fd, const char *path) {
    int fd;
    struct err e = fs_open(dir_fd, path, O_RDONLY | O_NONBLOCK, 0, &fd); /* NONBLOCK: a pipe must not hold us up */
    if (e.kind) return e;
    e = http_file_adopt(out, fd);
    if (e.kind) fs_close(&fd);
    return e;
}

struct http_file *http_file_acquire(struct http_file *f) {
    unsigned before = atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    assert(before > 0);
    return f;
}

void http_file_release(struct http_file **address) {
    struct http_file *f = *address;
    if (!f) return;
    *address = NULL;
    unsigned before = atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1) return;
    close(f->fd);
    mem_free(f);
}

uint64_t http_file_bytes(const struct http_file *f) { return f->bytes; }
struct utc_time http_file_modified(const struct http_file *f) { return f->modified; }
struct slice http_file_etag(const struct http_file *f) { return slice_of(f->etag, f->etag_len); }
int http_file_fd(const struct http_file *f) { return f->fd; }

struct http_body http_body_file(struct http_file *f) { return http_body_file_span(f, 0, f->bytes); }

enum file_take file_take(struct http_request *rq, struct http_file *f, uint64_t offset, char *out, size_t len, size_t *got) {
    if (distrusts() && !rq->is_fetched) {
        COUNT(rq->loop, file_missed_total, 1);
        return TAKE_MISS;
    }
    rq->is_fetched = false;
    struct iovec v = {.iov_base = out, .iov_len = len};
    for (;;) {
        ssize_t n = preadv2(f->fd, &v, 1, (off_t)offset, RWF_NOWAIT);
        if (n > 0) {
            COUNT(rq->loop, file_cached_total, 1);
            *got = (size_t)n;
            return TAKE_DONE;
        }
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EOPNOTSUPP) { /* a file system that cannot say (tmpfs before Linux 6): it has no disk */
            n = pread(f->fd, out, len, (off_t)offset);
            if (n > 0) {
                *got = (size_t)n;
                return TAKE_DONE;
            }
        }
        if (n < 0 && errno == EAGAIN) {
            COUNT(rq->loop, file_missed_total, 1);
            return TAKE_MISS;
        }
        return TAKE_FAILED;
    }
}

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif
struct cachestat_span {
    uint64_t offset, length;
};
struct cachestat_answer {
    uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

/* cachestat(2) counts the pages of a span without touching them (Linux 6.5). Older kernels: one byte of every 32 KB is read
 * with RWF_NOWAIT, which is no proof for the pages between, but memory is given back by larger pieces than that. */
static bool span_is_cached(struct http_file *f, uint64_t offset, size_t len) {
    static atomic_bool has_no_cachestat;
    enum { PAGE = 4096, STRIDE = 32768 };
    if (!atomic_load_explicit(&has_no_cachestat, memory_order_relaxed)) {
        struct cachestat_span span = {.offset = offset, .length = len};
        struct cachestat_answer answer;
        if (!syscall(SYS_cachestat, f->fd, &span, &answer, 0)) {
            uint64_t pages = (offset + len + PAGE - 1) / PAGE - offset / PAGE;
            return answer.cached >= pages;
        }
        if (errno == ENOSYS || errno == EPERM) atomic_store_explicit(&has_no_cachestat, true, memory_order_relaxed);
    }
    uint64_t end = offset + len;
    for (uint64_t at = offset;; at += STRIDE) {
        if (at >= end) at = end - 1;
        char byte;
        struct iovec v = {.iov_base = &byte, .iov_len = 1};
        if (preadv2(f->fd, &v, 1, (off_t)at, RWF_NOWAIT) < 0 && errno == EAGAIN) return false;
        if (at == end - 1) return true;
    }
}

static bool block_is_cached(struct loop *l, struct http_file *f, uint64_t block) {
    uint64_t quarter = (uint64_t)l->now.ns / (uint64_t)(NS_PER_S / 4) & ((UINT64_C(1) << FOUND_BITS) - 1);
    atomic_uint_fast64_t *slot = &f->found[block % FOUND_SLOTS];
    uint64_t found = atomic_load_explicit(slot, memory_order_relaxed);
    uint64_t age = (quarter - found) & ((UINT64_C(1) << FOUND_BITS) - 1);
    if (found && found >> FOUND_BITS == block + 1 && age < 4) return true;
    uint64_t start = block * FILE_BLOCK_BYTES;
    uint64_t len = f->bytes - start < FILE_BLOCK_BYTES ? f->bytes - start : FILE_BLOCK_BYTES;
    if (!span_is_cached(f, start, (size_t)len)) return false;
    atomic_store_explicit(slot, (block + 1) << FOUND_BITS | quarter, memory_order_relaxed);
    return true;
}

bool file_is_cached(struct loop *l, struct http_file *f, uint64_t offset, size_t len) {
    assert(len > 0 && len <= FILE_BLOCK_BYTES);
    if (!distrusts()) {
        uint64_t first = offset / FILE_BLOCK_BYTES, last = (offset + len - 1) / FILE_BLOCK_BYTES;
        bool is_inside = offset + len <= f->bytes; /* a file that has grown since: only what is asked for is looked at */
        bool is_cached = is_inside ? block_is_cached(l, f, first) && (last == first || block_is_cached(l, f, last))
                                   : span_is_cached(f, offset, len);
        if (is_cached) return true;
    }
    COUNT(l, file_missed_total, 1);
    return false;
}

bool file_bring(struct http_file *f, uint64_t offset, size_t len) {
    char room[16384];
    posix_fadvise(f->fd, (off_t)offset, (off_t)len, POSIX_FADV_WILLNEED); /* all of it at once, then wait for each piece */
    while (len) {
        ssize_t n = pread(f->fd, room, len < sizeof room ? len : sizeof room, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}
