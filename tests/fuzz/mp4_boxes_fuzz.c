/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Track files as we write them: whatever the bytes, an index that comes out of them stays inside them. */
#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "media/cmaf/cmaf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int fd = -1; /* one for all runs: making files costs more than parsing them */
    if (fd < 0) fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (ftruncate(fd, 0)) abort();
    if (fs_pwrite_all(fd, slice_of(data, size), 0).kind) abort();
    struct arena *arena = arena_create(4 << 20);
    struct cmaf_index index;
    if (!cmaf_index_rebuild(fd, arena, &index).kind) {
        assert(index.file_bytes == size && index.segment_count > 0);
        const struct cmaf_segment *last = &index.segments[index.segment_count - 1];
        assert(last->offset + last->bytes == size);
        struct err e = cmaf_index_verify(&index, fd);
        assert(!e.kind);
    }
    arena_destroy(&arena);
    return 0;
}
