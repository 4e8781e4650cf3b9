/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/frames/frames.h"

#include <string.h>

#include "base/clock.h"
#include "media/codec/codec_stranger.h"
#include "media/frames/record.h"

enum { STALL_MS = 60000 };

static struct err hostile(void) { return err_make(ERR_INPUT, "child.hostile", "The process that decodes pictures broke its rules. The file may be an attack; do not use it."); }

struct parent {
    struct err (*picture)(void *user, const struct frames_picture *);
    void *user;
    int64_t given, limit, last_number;
    bool has_ended;
};

static struct err take(struct parent *p, const struct child_message *m) {
    if (m->type == FRAMES_PICTURE) {
        struct frames_head head;
        if (m->body.len < sizeof head) return hostile();
        memcpy(&head, m->body.ptr, sizeof head);
        if (!head.width || !head.height || head.width > FRAMES_SIDE_MAX || head.height > FRAMES_SIDE_MAX || (uint64_t)head.width * head.height != m->body.len - sizeof head ||
            head.number <= p->last_number || (p->limit && p->given == p->limit)) {
            return hostile();
        }
        p->given++, p->last_number = head.number;
        const struct frames_picture picture = {(int)head.width, (int)head.height, (const uint8_t *)m->body.ptr + sizeof head, head.time_us, head.number};
        return p->picture(p->user, &picture);
    }
    if (m->type == FRAMES_FAILED && m->body.len == sizeof(struct frames_failed)) {
        struct frames_failed failed;
        memcpy(&failed, m->body.ptr, sizeof failed);
        failed.code[sizeof failed.code - 1] = 0;
        struct err e = strcmp(failed.code, "memory") ? codec_media_err(failed.code) : err_memory();
        return e.kind ? e : hostile();
    }
    if (m->type != FRAMES_END || m->body.len) return hostile();
    p->has_ended = true;
    return ERR_OK;
}

struct err frames_read(int fd, const struct frames_options *options, struct err (*picture)(void *user, const struct frames_picture *), void *user) {
    const struct child_options how = {.program = options->program, .fds = {fd}, .fd_count = 1, .is_alone = options->is_alone};
    struct parent p = {.picture = picture, .user = user, .limit = options->pictures_max > 0 ? options->pictures_max : 0, .last_number = -1};
    const struct frames_begin begin = {options->every > 1 ? options->every : 1, p.limit};
    const struct slice body = slice_of(&begin, sizeof begin);
    struct child child;
    struct err e = child_start(&frames_child, &how, &child);
    if (e.kind) return e;
    struct child_writer out = child_writer_of(child.socket, 4096);
    struct child_reader in = child_reader_of(child.socket, FRAMES_PIXELS_MAX + sizeof(struct frames_head) + 64);
    e = child_writer_put(&out, FRAMES_BEGIN, &body, 1) ? child_writer_flush(&out, STALL_MS, NULL) : err_memory();
    struct mono_time heard = clock_mono(clock_system());
    while (!e.kind && !p.has_ended) {
        struct child_message message;
        bool has_message;
        e = child_reader_next(&in, &message, &has_message);
        if (e.kind) break;
        if (has_message) {
            e = take(&p, &message);
            heard = clock_mono(clock_system());
        } else {
            e = child_reader_fill(&in, STALL_MS / 10);
            if (!e.kind && mono_diff_ns(clock_mono(clock_system()), heard) > STALL_MS * NS_PER_MS) e = err_make(ERR_LIMIT, "child.time", "Nothing came out of the file for a minute. Export it again, shorter or in another format.");
        }
    }
    bool is_stopped = e.kind && !p.has_ended;
    if (is_stopped) child_kill(&child);
    struct err end = child_end(&child);
    child_writer_free(&out), child_reader_free(&in);
    if (e.kind == ERR_IO && end.kind) return end; /* how it ended says more than that it ended */
    return e;
}
