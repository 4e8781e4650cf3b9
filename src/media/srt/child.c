/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * child.c: one publisher's transport stream, behind the sandbox. */
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "media/codec/codec_stranger.h"
#include "media/srt/programme.h"
#include "media/srt/srt.h"

enum { WAITING_BYTES_MAX = 2 * RECORD_MESSAGE_BYTES_MAX };

struct work {
    struct child_writer out;
    struct ts_counts told;
    int64_t told_at;
    struct record_refused refused;
};

static struct err put(struct work *w, uint32_t type, const struct slice *parts, size_t count) {
    if (child_writer_put(&w->out, type, parts, count)) return ERR_OK;
    struct err e = child_writer_flush(&w->out, -1, NULL); /* the parent is slow: wait */
    if (e.kind) return e;
    return child_writer_put(&w->out, type, parts, count) ? ERR_OK : err_memory();
}

static struct err put_tracks(void *user, const struct cmaf_track *tracks, size_t count) {
    struct work *w = user;
    return record_put_tracks(&w->out, tracks, count) ? ERR_OK : err_memory();
}

static struct err put_sample(void *user, const struct record_sample *sample, struct slice data) {
    struct slice parts[] = {slice_of(sample, sizeof *sample), data};
    return put(user, RECORD_SAMPLE, parts, 2);
}

static struct err put_cue(void *user, int64_t clock, struct slice section) {
    struct record_cue cue = {.clock = clock};
    struct slice parts[] = {slice_of(&cue, sizeof cue), section};
    return put(user, RECORD_CUE, parts, 2);
}

static struct err refuse_programmes(void *user, const uint16_t *numbers, size_t count) {
    struct work *w = user;
    memcpy(w->refused.programmes, numbers, count * sizeof *numbers);
    w->refused.programme_count = (uint32_t)count;
    return srt_err("srt.programmes");
}

static struct err put_counts(struct work *w, struct ts_counts now, bool is_last, int64_t stamp) {
    bool is_news = is_last || now.lost != w->told.lost || now.damaged != w->told.damaged;
    if (!is_news && stamp - w->told_at < NS_PER_S) return ERR_OK;
    w->told = now;
    w->told_at = stamp;
    struct slice body = slice_of(&now, sizeof now);
    return put(w, RECORD_COUNTS, &body, 1);
}

static struct err take_message(struct work *w, struct programme *p, const struct child_message *m) {
    int64_t stamp;
    if (m->type != RECORD_DATA || m->body.len < sizeof stamp) return srt_err("srt.hostile");
    memcpy(&stamp, m->body.ptr, sizeof stamp);
    struct err e = programme_push(p, slice_sub(m->body, sizeof stamp, m->body.len), stamp);
    return e.kind ? e : put_counts(w, programme_counts(p), false, stamp);
}

static struct err converse(struct work *w, struct programme *p, struct child_reader *in) {
    for (;;) {
        struct child_message m;
        bool has_message;
        struct err e = child_reader_next(in, &m, &has_message);
        if (!e.kind && has_message) e = take_message(w, p, &m);
        if (!e.kind && has_message) continue;
        if (!e.kind) e = child_writer_flush(&w->out, -1, NULL); /* all that came is worked off: out with it */
        if (!e.kind && in->has_ended) {
            e = programme_finish(p);
            return e.kind ? e : put_counts(w, programme_counts(p), true, 0);
        }
        if (!e.kind) e = child_reader_fill(in, -1);
        if (e.kind) return e;
    }
}

static int run(void) {
    struct record_start start;
    struct child_reader in = child_reader_of(CHILD_SOCKET, RECORD_DATA_BYTES_MAX + 64);
    struct child_message m;
    bool has_message = false;
    while (!has_message)
        if (child_reader_next(&in, &m, &has_message).kind || (!has_message && child_reader_fill(&in, -1).kind)) return 1;
    if (m.type != RECORD_START || m.body.len != sizeof start) return 1;
    memcpy(&start, m.body.ptr, sizeof start);
    struct work w = {.out = child_writer_of(CHILD_SOCKET, WAITING_BYTES_MAX)};
    enum programme_codec codec = PROGRAMME_ASKS;
    if (start.loads_codec) codec = codec_load().kind ? PROGRAMME_LACKS : PROGRAMME_HAS_IT; /* now, since no library can be opened later */
    struct err locked = child_sandbox(&(struct child_limits){.memory_bytes = INT64_C(1) << 30, .files = 16});
    if (locked.kind) return 1;
#ifdef GRANDSTAND_TEST_DOORS
    if (start.fault[0] && !fault_arm_from_text(start.fault)) return 1;
#endif
    struct programme *p = NULL;
    struct programme_handler handler = {.user = &w, .codec = codec, .tracks = put_tracks, .sample = put_sample, .cue = put_cue, .programmes = refuse_programmes};
    struct err e = programme_open(&handler, &p);
    if (!e.kind) e = converse(&w, p, &in);
    if (e.kind) {
        const char *code = !strcmp(e.code, "memory") ? "srt.memory" : e.code;
        memcpy(w.refused.code, code, strnlen(code, sizeof w.refused.code - 1));
        struct slice body = slice_of(&w.refused, sizeof w.refused);
        fault_disarm_all();
        (void)!child_writer_put(&w.out, RECORD_REFUSED, &body, 1);
    }
    programme_close(&p);
    return child_writer_flush(&w.out, -1, NULL).kind ? 1 : 0;
}

const struct child_kind srt_child = {.name = "srt", .has_messages = true, .run = run};
