/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Bodies that are no JSON: they come piece by piece, after their sender has been found to be one who may: nobody else can make the
 * server hold them. */
#include "api/room.h"

static void file_free(void *file) { buf_free(file); }

void raw_body_begin(struct http_request *r, struct api *api, int flags, size_t bytes_max) {
    struct call c;
    call_begin(&c, api, r);
    struct buf *file = ARENA_NEW(c.arena, struct buf);
    struct err e = call_allow(&c, flags);
    if (!e.kind && !file) e = err_memory();
    if (!e.kind) {
        *file = BUF(bytes_max);
        if (!arena_on_end(c.arena, file_free, file)) e = err_memory();
    }
    http_request_set_user(r, file);
    if (e.kind) call_end(&c, e);
    else buf_free(&c.out);
}

void raw_body_chunk(struct http_request *r, struct slice chunk, void *api) {
    struct buf *file = http_request_user(r);
    buf_append(file, chunk);
    if (!file->has_failed) return;
    struct call c;
    call_begin(&c, api, r);
    call_end(&c, err_memory());
}

struct slice raw_body_of(struct http_request *r) {
    const struct buf *file = http_request_user(r);
    return file->len ? buf_slice(file) : SLICE("");
}
