/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * MP4 and MOV files of strangers: samples lie inside the file, and there are not more of them than it could hold. */
#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "media/cmaf/cmaf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct cmaf_source *source, size_t track, size_t size) {
    struct cmaf_cursor *cursor = NULL;
    if (cmaf_cursor_open(source, track, &cursor).kind) return;
    struct cmaf_sample s;
    bool has = true;
    uint64_t bytes = 0;
    while (!cmaf_cursor_next(cursor, &s, &has).kind && has) {
        assert(s.source_offset <= size && s.bytes <= size - s.source_offset);
        bytes += s.bytes;
        assert(bytes <= size);
    }
    cmaf_cursor_close(&cursor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int fd = -1;
    if (fd < 0) fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (ftruncate(fd, 0)) abort();
    if (fs_pwrite_all(fd, slice_of(data, size), 0).kind) abort();
    struct cmaf_source *source = NULL;
    if (!cmaf_source_open(fd, &source).kind)
        for (size_t i = 0; i < cmaf_source_track_count(source); i++) walk(source, i, size);
    cmaf_source_close(&source);
    return 0;
}
