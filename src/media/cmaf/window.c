/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/cmaf/window.h"

#include "base/fs.h"
#include "base/mem.h"

struct block {
    uint64_t offset, read;
    size_t len; /* 0: nothing yet, or the read failed */
};

struct cmaf_window {
    int fd;
    uint64_t reads;
    struct block blocks[WINDOW_BLOCKS];
    char *bytes; /* of all blocks; made by the first read */
};

struct err cmaf_window_open(int fd, struct cmaf_window **out) {
    struct cmaf_window *w = mem_zalloc(sizeof *w);
    if (!w) return err_memory();
    w->fd = fd;
    *out = w;
    return ERR_OK;
}

void cmaf_window_close(struct cmaf_window **address) {
    struct cmaf_window *w = *address;
    if (!w) return;
    mem_free(w->bytes);
    mem_free(w);
    *address = NULL;
}

uint64_t window_next_read(const struct cmaf_window *w) { return w->reads; }

bool window_find(const struct cmaf_window *w, uint64_t offset, uint64_t len, struct window_bytes *out) {
    for (size_t i = 0; i < WINDOW_BLOCKS; i++) {
        const struct block *b = &w->blocks[i];
        if (offset < b->offset || offset - b->offset >= b->len) continue;
        uint64_t at = offset - b->offset, left = b->len - at;
        out->bytes = slice_of(w->bytes + i * WINDOW_BLOCK_BYTES + at, (size_t)(len < left ? len : left));
        out->read = b->read;
        return true;
    }
    return false;
}

struct err window_read(struct cmaf_window *w, uint64_t offset, uint64_t len) {
    if (!w->bytes && !(w->bytes = mem_alloc((size_t)WINDOW_BLOCKS * WINDOW_BLOCK_BYTES))) return err_memory();
    size_t slot = w->reads % WINDOW_BLOCKS, room = WINDOW_BLOCK_BYTES - offset % WINDOW_BLOCK_BYTES; /* the next read begins at a whole page */
    struct block *b = &w->blocks[slot];
    *b = (struct block){.offset = offset, .read = w->reads++};
    size_t wanted = len < room ? (size_t)len : room;
    struct err e = fs_pread_all(w->fd, w->bytes + slot * WINDOW_BLOCK_BYTES, wanted, offset);
    if (!e.kind) b->len = wanted;
    return e;
}
