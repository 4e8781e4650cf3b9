/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/ingest/process.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "media/codec/codec_stranger.h"

enum { ASK_CANCEL_MS = 100 };

/* Errors of the machinery in the words of this room. */
static struct err as_media_error(struct err e) {
    static const char *const NAMES[][2] = {{"child.start", "media.start"},     {"child.hostile", "media.hostile"}, {"child.crashed", "media.crashed"},
                                           {"child.time", "media.time"},       {"child.ended", "media.child"}};
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        if (e.kind && !strcmp(e.code, NAMES[i][0])) {
            struct err named = codec_media_err(NAMES[i][1]);
            named.sys = e.sys;
            return named;
        }
    return e;
}

static struct err converse(int socket, int64_t stall_ms_max, struct conversation *talk, const struct process_handler *handler, bool *has_finished) {
    const struct clock *clock = clock_system();
    struct mono_time heard = clock_mono(clock);
    for (;;) {
        if (handler->is_cancelled && handler->is_cancelled(handler->user)) return codec_media_err("media.cancelled");
        struct pollfd waits = {.fd = socket, .events = POLLIN};
        int ready = poll(&waits, 1, ASK_CANCEL_MS);
        if (ready < 0 && errno != EINTR) return codec_media_err("media.bug");
        if (ready <= 0) {
            if (mono_diff_ns(clock_mono(clock), heard) > stall_ms_max * NS_PER_MS) return codec_media_err("media.time");
            continue;
        }
        char packet[sizeof(struct record) + 1];
        ssize_t got = recv(socket, packet, sizeof packet, MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got <= 0) return ERR_OK; /* it has closed its end */
        struct record record;
        if (!record_check(talk, slice_of(packet, (size_t)got), &record)) return codec_media_err("media.hostile");
        heard = clock_mono(clock);
        if (record.type == RECORD_ERROR) return record_error(&record);
        if (record.type == RECORD_FINISHED) *has_finished = true;
        int fd = -1;
        struct err e = handler->record(handler->user, &record, &fd);
        if (!e.kind && record.type == RECORD_OPEN) e = as_media_error(child_packet_send(socket, "", 1, fd));
        if (e.kind) return e;
    }
}

struct err process_run(const struct process_options *options, const struct job *job, int source_fd, int index_fd, struct conversation talk,
                       const struct process_handler *handler) {
    struct child_options start = {.program = options->program, .is_alone = options->is_alone, .fds = {source_fd, index_fd}, .fd_count = 2};
    struct child child;
    struct err e = child_start(&ingest_child, &start, &child);
    if (e.kind) return as_media_error(e);
    bool has_finished = false;
    e = child_packet_send(child.socket, job, sizeof *job, -1);
    /* a child that is gone already says more by how it ended */
    struct err heard = converse(child.socket, options->stall_ms_max ? options->stall_ms_max : 120000, &talk, handler, &has_finished);
    if (!e.kind || heard.kind) e = heard;
    if (e.kind) child_kill(&child);
    struct err ended = child_end(&child);
    if (e.kind) return as_media_error(e);
    return ended.kind ? as_media_error(ended) : has_finished ? ERR_OK : codec_media_err("media.child");
}
