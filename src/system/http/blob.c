/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Bytes that never change, shared by count: one event goes to thousands of listeners without a copy. */
#include <assert.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "system/http/http.h"

struct http_blob {
    atomic_uint refs;
    size_t len;
    char *ptr; /* the bytes behind the struct, or somebody else's */
    void (*release)(void *arg);
    void *arg;
};

struct http_blob *http_blob_create(size_t len) {
    if (len > SIZE_MAX - sizeof(struct http_blob)) return NULL;
    struct http_blob *b = mem_alloc(sizeof *b + len);
    if (!b) return NULL;
    *b = (struct http_blob){.refs = 1, .len = len, .ptr = (char *)(b + 1)};
    return b;
}

struct http_blob *http_blob_copy(struct slice s) {
    struct http_blob *b = http_blob_create(s.len);
    if (b && s.len) memcpy(b->ptr, s.ptr, s.len);
    return b;
}

struct http_blob *http_blob_wrap(struct slice s, void (*release)(void *arg), void *arg) {
    struct http_blob *b = mem_alloc(sizeof *b);
    if (!b) return NULL;
    *b = (struct http_blob){.refs = 1, .len = s.len, .ptr = (char *)s.ptr, .release = release, .arg = arg};
    return b;
}

char *http_blob_bytes(struct http_blob *b) {
    assert(!b->release); /* somebody else's memory is not ours to write */
    return b->ptr;
}

struct slice http_blob_slice(const struct http_blob *b) { return slice_of(b->ptr, b->len); }

struct http_blob *http_blob_acquire(struct http_blob *b) {
    unsigned before = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    assert(before > 0);
    return b;
}

void http_blob_release(struct http_blob **address) {
    struct http_blob *b = *address;
    if (!b) return;
    *address = NULL;
    unsigned before = atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1) return;
    if (b->release) b->release(b->arg);
    mem_free(b);
}

struct http_body http_body_blob(struct http_blob *b) {
    return (struct http_body){.kind = HTTP_BODY_BLOB, .blob = b, .bytes = http_blob_slice(b)};
}
