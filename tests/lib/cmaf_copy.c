/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Copies the tracks of an MP4 file into a presentation folder with the doors of media/cmaf and media/manifest alone: no
 * libavformat, no child process. For scenario tests and for measuring the floor under `package`.
 * Usage: cmaf_copy FILE FOLDER [cpu]   with "cpu", prints the CPU seconds it took. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/fs.h"
#include "media/manifest/manifest.h"

static void check(struct err e, const char *doing) {
    if (!e.kind) return;
    fprintf(stderr, "%s: %s: %s\n", doing, e.code, e.what);
    exit(1);
}

/* Audio (index of the video given) is cut where the video is. */
static struct cmaf_index copy_track(struct cmaf_source *source, struct cmaf_window *window, size_t track, int dir_fd, const char *name, const struct cmaf_index *video,
                                    struct arena *arena) {
    const struct cmaf_source_track *t = cmaf_source_track_at(source, track);
    char path[32];
    int fd;
    (void)snprintf(path, sizeof path, "%s.mp4", name);
    check(fs_open(dir_fd, path, O_RDWR | O_CREAT | O_TRUNC, 0644, &fd), path);
    struct cmaf_writer_options options = {.fd = fd, .source = window, .duration_ms = t->duration_ms, .follows = video, .leaves_sync = true};
    struct cmaf_writer *writer;
    check(cmaf_writer_open(&t->track, &options, &writer), path);
    for (size_t i = 1; video && i < video->segment_count; i++)
        check(cmaf_writer_cut_at(writer, video->segments[i].start, video->track.timescale), path);
    struct cmaf_cursor *cursor;
    check(cmaf_cursor_open(source, track, &cursor), path);
    struct cmaf_sample sample;
    for (bool has = true;;) {
        check(cmaf_cursor_next(cursor, &sample, &has), path);
        if (!has) break;
        check(cmaf_writer_add(writer, &sample), path);
    }
    struct cmaf_index index;
    check(cmaf_writer_finish(writer, arena, &index), path);
    cmaf_writer_close(&writer);
    cmaf_cursor_close(&cursor);
    fs_close(&fd);
    (void)snprintf(path, sizeof path, "%s.idx", name);
    check(cmaf_index_write(dir_fd, path, &index), path);
    return index;
}

int main(int argc, char **argv) {
    if (argc < 3) return fprintf(stderr, "Usage: cmaf_copy FILE FOLDER [cpu]\n"), 2;
    int source_fd, dir_fd;
    check(fs_open(AT_FDCWD, argv[1], O_RDONLY, 0, &source_fd), argv[1]);
    check(fs_open(AT_FDCWD, argv[2], O_RDONLY | O_DIRECTORY, 0, &dir_fd), argv[2]);
    struct arena *arena = arena_create(256 << 20);
    struct cmaf_source *source;
    check(cmaf_source_open(source_fd, &source), argv[1]);
    struct cmaf_window *window;
    check(cmaf_window_open(source_fd, &window), argv[1]);
    struct cmaf_index first_video = {0};
    for (enum cmaf_kind kind = CMAF_VIDEO; kind <= CMAF_AUDIO; kind++) {
        unsigned number = 0;
        for (size_t i = 0; i < cmaf_source_track_count(source); i++) {
            const struct cmaf_source_track *t = cmaf_source_track_at(source, i);
            if (t->why_not || t->track.kind != kind) continue;
            char name[8];
            (void)snprintf(name, sizeof name, "%c%u", kind == CMAF_VIDEO ? 'v' : 'a', number++ % CMAF_TRACKS_MAX);
            struct cmaf_index index = copy_track(source, window, i, dir_fd, name, kind == CMAF_AUDIO && first_video.segment_count ? &first_video : NULL, arena);
            if (kind == CMAF_VIDEO && !first_video.segment_count) first_video = index;
        }
    }
    struct cmaf_presentation presentation;
    check(cmaf_presentation_load(dir_fd, arena, &presentation), argv[2]);
    check(manifest_write_all(&presentation, dir_fd), argv[2]);
    cmaf_window_close(&window);
    cmaf_source_close(&source);
    arena_destroy(&arena);
    fs_close(&source_fd);
    fs_close(&dir_fd);
    if (argc > 3) {
        struct rusage used;
        getrusage(RUSAGE_SELF, &used);
        printf("%.3f\n", (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    }
    return 0;
}
