/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * worker.c: the child. Nothing of the file is looked at before the sandbox is closed. */
#include <string.h>

#include "base/fs.h"
#include "media/codec/codec_stranger.h"
#include "media/frames/frames.h"
#include "media/frames/record.h"

enum { SOURCE = CHILD_SOCKET + 1, STILL_BYTES_MAX = 256 << 20 };

struct worker {
    struct child_writer out;
    struct frames_begin begin;
    int64_t number, given;
};

static struct err say(struct worker *w, uint32_t type, const struct slice *parts, size_t count) {
    if (!child_writer_put(&w->out, type, parts, count)) return err_memory();
    return child_writer_flush(&w->out, -1, NULL);
}

static bool is_enough(const struct worker *w) { return w->begin.pictures_max && w->given >= w->begin.pictures_max; }

/* All pictures that are ready. */
static struct err give(struct worker *w, struct codec_gray *gray) {
    while (!is_enough(w)) {
        struct codec_gray_picture p;
        bool has_picture;
        struct err e = codec_gray_pull(gray, &p, &has_picture);
        if (e.kind || !has_picture) return e;
        int64_t number = w->number++;
        if (number % w->begin.every) continue;
        if ((uint64_t)p.width * p.height > FRAMES_PIXELS_MAX) return codec_media_err("media.too_large");
        const struct frames_head head = {p.width, p.height, p.time_us, number};
        const struct slice parts[2] = {slice_of(&head, sizeof head), slice_of(p.gray, (size_t)p.width * p.height)};
        if ((e = say(w, FRAMES_PICTURE, parts, 2)).kind) return e;
        w->given++;
    }
    return ERR_OK;
}

static struct err read_still(struct worker *w, struct buf *file) {
    struct codec_gray *gray;
    struct err e = codec_gray_open_still(buf_slice(file), &gray);
    if (e.kind) return e;
    e = give(w, gray);
    codec_gray_close(&gray);
    return e;
}

static struct err read_video(struct worker *w) {
    struct codec_source *source;
    struct codec_gray *gray = NULL;
    struct err e = codec_source_open(SOURCE, &source);
    if (e.kind) return e;
    size_t stream = SIZE_MAX;
    for (size_t i = codec_source_count(source); i-- > 0;) {
        const struct codec_stream *s = codec_source_stream(source, i);
        if (s->kind == CODEC_VIDEO && !s->is_picture) stream = i;
    }
    e = stream == SIZE_MAX ? codec_media_err("media.no_tracks") : codec_gray_open(source, stream, &gray);
    for (size_t i = 0; i < codec_source_count(source); i++) codec_source_want(source, i, i == stream);
    bool has_ended = false;
    while (!e.kind && !has_ended && !is_enough(w)) {
        struct codec_packet *packet = NULL;
        if ((e = codec_source_next(source, &packet)).kind) break;
        if (packet && codec_packet_stream(packet) != stream) {
            codec_packet_free(&packet);
            continue;
        }
        has_ended = !packet;
        e = codec_gray_push(gray, packet);
        codec_packet_free(&packet);
        if (!e.kind) e = give(w, gray);
    }
    codec_gray_close(&gray);
    codec_source_close(&source);
    return e;
}

static struct err work(struct worker *w) {
    struct buf file = BUF(STILL_BYTES_MAX);
    uint8_t head[8] = {0};
    uint64_t bytes = 0;
    struct err e = fs_size(SOURCE, &bytes);
    if (!e.kind && bytes >= sizeof head) e = fs_pread_all(SOURCE, head, sizeof head, 0);
    if (e.kind) return e;
    if (memcmp(head, "\xff\xd8\xff", 3) && memcmp(head, "\x89PNG", 4)) e = read_video(w);
    else {
        char *at = bytes <= STILL_BYTES_MAX ? buf_reserve(&file, (size_t)bytes) : NULL;
        if (!at) e = codec_media_err("media.too_large");
        else if (!(e = fs_pread_all(SOURCE, at, (size_t)bytes, 0)).kind) {
            buf_commit(&file, (size_t)bytes);
            e = read_still(w, &file);
        }
    }
    buf_free(&file);
    if (!e.kind && !w->given) e = codec_media_err("media.damaged");
    return e;
}

static int run(void) {
    struct worker w = {.out = child_writer_of(CHILD_SOCKET, FRAMES_PIXELS_MAX + 4096)};
    struct child_reader in = child_reader_of(CHILD_SOCKET, 4096);
    struct child_message message;
    bool has_message = false;
    while (!has_message) {
        if (child_reader_next(&in, &message, &has_message).kind) return 1;
        if (!has_message && child_reader_fill(&in, -1).kind) return 1;
    }
    if (message.type != FRAMES_BEGIN || message.body.len != sizeof w.begin) return 1;
    memcpy(&w.begin, message.body.ptr, sizeof w.begin);
    if (w.begin.every < 1) return 1;
    const struct child_limits limits = {.memory_bytes = (int64_t)4 << 30, .files = CHILD_FILES_MAX};
    struct err e = codec_load(); /* no library can be opened later */
    struct err locked = child_sandbox(&limits);
    if (locked.kind) e = locked;
    if (!e.kind) e = work(&w);
    if (e.kind) {
        struct frames_failed failed = {0};
        bool is_known = codec_media_err(e.code).kind || !strcmp(e.code, "memory");
        strncpy(failed.code, is_known ? e.code : e.kind == ERR_IO ? "media.read" : "media.damaged", sizeof failed.code - 1);
        const struct slice body = slice_of(&failed, sizeof failed);
        return say(&w, FRAMES_FAILED, &body, 1).kind ? 1 : 0;
    }
    return say(&w, FRAMES_END, NULL, 0).kind ? 1 : 0;
}

const struct child_kind frames_child = {.name = "frames", .has_messages = true, .run = run};
