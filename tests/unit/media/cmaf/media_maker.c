/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media_maker.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"

struct cmaf_track made_h264(void) {
    static const char avcc[] = "\x01\x64\x00\x1f\xff\xe1\x00\x04\x67\x64\x00\x1f\x01\x00\x02\x68\xee";
    return (struct cmaf_track){.kind = CMAF_VIDEO, .codec = CMAF_H264, .timescale = 12800, .config = slice_of(avcc, sizeof avcc - 1), .width = 1280, .height = 720};
}

struct cmaf_track made_aac(void) {
    return (struct cmaf_track){.kind = CMAF_AUDIO, .codec = CMAF_AAC, .timescale = 48000, .config = SLICE("\x11\x90")};
}

struct made made_samples(struct rng *rng, struct made_shape shape) {
    struct made m = {.samples = calloc(shape.count, sizeof *m.samples), .count = shape.count};
    size_t bytes = 0;
    int64_t dts = shape.start;
    unsigned left = 0;
    for (size_t i = 0; i < m.count; i++) {
        struct cmaf_sample *s = &m.samples[i];
        s->is_sync = !left;
        if (!left) left = shape.gop ? shape.gop : 1 + (unsigned)rng_below(rng, 60);
        left--;
        s->duration = shape.duration ? shape.duration : 1 + (uint32_t)rng_below(rng, 3000);
        s->bytes = (uint32_t)rng_below(rng, (uint64_t)shape.bytes_max + 1);
        s->dts = s->pts = dts;
        dts += s->duration;
        bytes += s->bytes;
    }
    /* Pairs of B pictures: decoded I P B B, shown I B B P. Within a GOP, so that GOPs stay closed. */
    for (size_t i = 1; shape.has_b_frames && i + 2 < m.count; i++) {
        struct cmaf_sample *s = &m.samples[i];
        if (s[0].is_sync || s[1].is_sync || s[2].is_sync) continue;
        int64_t first = s[0].pts, second = s[1].pts, third = s[2].pts;
        s[0].pts = third, s[1].pts = first, s[2].pts = second;
        i += 2;
    }
    m.payload = malloc(bytes ? bytes : 1);
    size_t at = 0;
    for (size_t i = 0; i < m.count; i++) {
        for (uint32_t k = 0; k < m.samples[i].bytes; k++) m.payload[at + k] = (char)(i * 31 + k * 7);
        m.samples[i].data = m.payload + at;
        at += m.samples[i].bytes;
    }
    return m;
}

void made_free(struct made *m) {
    free(m->samples);
    free(m->payload);
    *m = (struct made){0};
}

int made_file(void) {
    int fd = memfd_create("media", MFD_CLOEXEC);
    assert(fd >= 0);
    return fd;
}

int made_file_of(const void *bytes, size_t len) {
    int fd = made_file();
    struct err e = fs_pwrite_all(fd, slice_of(bytes, len), 0);
    assert(!e.kind);
    return fd;
}

int made_dir(void) {
    char path[] = "/tmp/grandstand-test-XXXXXX";
    if (!mkdtemp(path)) abort();
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert(fd >= 0);
    return fd;
}

void made_dir_remove(int dir_fd) {
    char link[64], path[PATH_MAX];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", dir_fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    assert(len > 0);
    path[len] = 0;
    struct err e = fs_remove_tree(AT_FDCWD, path);
    assert(!e.kind);
    close(dir_fd);
}

struct cmaf_index made_track_file(int fd, const struct cmaf_track *track, const struct made *m, struct arena *arena) {
    struct cmaf_writer_options options = {.fd = fd, .duration_ms = 10000};
    struct cmaf_writer *writer;
    struct err e = cmaf_writer_open(track, &options, &writer);
    assert(!e.kind);
    for (size_t i = 0; i < m->count && !e.kind; i++) e = cmaf_writer_add(writer, &m->samples[i]);
    struct cmaf_index index = {0};
    if (!e.kind) e = cmaf_writer_finish(writer, arena, &index);
    assert(!e.kind);
    cmaf_writer_close(&writer);
    return index;
}
