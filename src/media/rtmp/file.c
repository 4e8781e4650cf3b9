/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * file.c: a file goes out in real time. Two cursors over the sample tables are merged by decode time; each sample is read when it is due. */
#include <stdio.h>

#include "base/fs.h"
#include "media/rtmp/flv.h"
#include "media/rtmp/rtmp.h"

enum { LANES_MAX = 2, LATE_MS_MAX = 5000 };
#define START_MS INT64_C(100) /* nothing, priming and reordering included, is before 0 */

struct lane {
    size_t track; /* of the source */
    struct cmaf_cursor *cursor;
    struct cmaf_sample next;
    bool has_next;
    uint32_t timescale;
};

struct file {
    const struct rtmp_file_options *options;
    struct rtmp_publisher *publisher;
    struct cmaf_source *source;
    struct cmaf_track tracks[LANES_MAX];
    struct lane lanes[LANES_MAX];
    size_t lane_count;
    int64_t begin_ns, end_ns, shift_ns; /* of one round; shift: added to the file's times in this one */
    bool waits_for_key;
    struct buf data;
    struct rtmp_file_progress progress;
    struct mono_time begun, told, start; /* start: when media time 0 is due */
};

static struct mono_time mono_now(void) { return clock_mono(clock_system()); }
static int64_t to_ns(int64_t time, uint32_t timescale) { return (int64_t)((__int128)time * NS_PER_S / timescale); }

/* ---- the file ---- */

static struct err choose(struct file *f) {
    for (enum cmaf_kind kind = CMAF_VIDEO; kind <= CMAF_AUDIO; kind++)
        for (size_t i = 0; i < cmaf_source_track_count(f->source); i++) {
            const struct cmaf_source_track *t = cmaf_source_track_at(f->source, i);
            if (t->track.kind != kind || t->why_not || !flv_fourcc(t->track.codec)) continue;
            f->tracks[f->lane_count] = t->track;
            f->lanes[f->lane_count++] = (struct lane){.track = i, .timescale = t->track.timescale};
            break;
        }
    return f->lane_count ? ERR_OK
                         : err_make(ERR_INPUT, "publish.tracks",
                                    "Nothing in this file can be sent as it is. Convert it to MP4 with H.264 and AAC, for example with "
                                    "`grandstand package`.");
}

static struct err advance(struct lane *l) { return cmaf_cursor_next(l->cursor, &l->next, &l->has_next); }

static struct err rewind_file(struct file *f) {
    struct err e = ERR_OK;
    for (size_t i = 0; i < f->lane_count && !e.kind; i++) {
        cmaf_cursor_close(&f->lanes[i].cursor);
        e = cmaf_cursor_open(f->source, f->lanes[i].track, &f->lanes[i].cursor);
        if (!e.kind) e = advance(&f->lanes[i]);
    }
    return e;
}

/* The lane whose turn it is; NULL at the end. */
static struct lane *first_of(struct file *f) {
    struct lane *first = NULL;
    for (size_t i = 0; i < f->lane_count; i++) {
        struct lane *l = &f->lanes[i];
        if (l->has_next && (!first || to_ns(l->next.dts, l->timescale) < to_ns(first->next.dts, first->timescale))) first = l;
    }
    return first;
}

/* ---- sending ---- */

static bool is_over(const struct file *f, struct mono_time now) {
    return f->options->ms_max && mono_diff_ns(now, f->begun) >= f->options->ms_max * NS_PER_MS;
}

static void tell(struct file *f, bool has_changed) {
    struct mono_time now = mono_now();
    if (!has_changed && mono_diff_ns(now, f->told) < NS_PER_S) return;
    f->told = now;
    f->progress.bytes = rtmp_publisher_bytes(f->publisher);
    f->progress.round_trip_us = rtmp_publisher_round_trip_us(f->publisher);
    if (f->options->progress) f->options->progress(f->options->publisher.user, &f->progress);
}

static struct err send_sample(struct file *f, struct lane *l, int64_t at_ns) {
    buf_clear(&f->data);
    char *room = buf_reserve(&f->data, l->next.bytes);
    if (!room) return err_memory();
    struct err e = fs_pread_all(f->options->fd, room, l->next.bytes, l->next.source_offset);
    if (e.kind) return e;
    buf_commit(&f->data, l->next.bytes);
    struct feed_sample s = {.track = (size_t)(l - f->lanes), .is_sync = l->next.is_sync, .data = buf_slice(&f->data)};
    s.dts = l->next.dts + (int64_t)((__int128)f->shift_ns * l->timescale / NS_PER_S);
    s.pts = s.dts + (l->next.pts - l->next.dts);
    f->progress.samples++;
    f->progress.media_ms = at_ns / NS_PER_MS;
    return rtmp_publisher_sample(f->publisher, &s);
}

static struct err next_round(struct file *f) {
    if (f->end_ns <= f->begin_ns) return err_make(ERR_INPUT, "publish.empty", "There is nothing in this file to send.");
    f->shift_ns += f->end_ns - f->begin_ns;
    f->progress.rounds++;
    return rewind_file(f);
}

/* One connection, from where the file is. *is_done: the file has ended, or the time is up. */
static struct err run_connection(struct file *f, bool *is_done) {
    struct err e = rtmp_publisher_tracks(f->publisher, f->tracks, f->lane_count);
    f->waits_for_key = f->tracks[0].kind == CMAF_VIDEO;
    while (!e.kind) {
        struct lane *l = first_of(f);
        if (!l) {
            *is_done = !f->options->loops;
            if (*is_done) return ERR_OK;
            e = next_round(f);
            continue;
        }
        int64_t dts_ns = to_ns(l->next.dts, l->timescale), at_ns = dts_ns + f->shift_ns,
                end_ns = to_ns(l->next.dts + l->next.duration, l->timescale);
        if (end_ns > f->end_ns) f->end_ns = end_ns;
        struct mono_time due = mono_add_ns(f->start, at_ns), now = mono_now();
        if (mono_diff_ns(now, due) > LATE_MS_MAX * NS_PER_MS) { /* the machine slept, or the network was away: no flood afterwards */
            f->start = mono_add_ns(now, -at_ns);
            due = now;
        }
        e = rtmp_publisher_sleep(f->publisher, due);
        if (e.kind) return e;
        if (is_over(f, mono_now())) {
            *is_done = true;
            return ERR_OK;
        }
        bool is_picture = f->tracks[l - f->lanes].kind == CMAF_VIDEO;
        if (is_picture && l->next.is_sync) f->waits_for_key = false;
        if (!is_picture || !f->waits_for_key) e = send_sample(f, l, at_ns);
        tell(f, false);
        if (!e.kind) e = advance(l);
    }
    return e;
}

static void say(struct file *f, struct err e) {
    const char *words = rtmp_publisher_words(f->publisher);
    snprintf(f->progress.words, sizeof f->progress.words, "%s", !e.kind ? "" : e.kind == ERR_DENIED && words[0] ? words : e.what);
}

static struct err run(struct file *f) {
    struct rtmp_retry retry = {0};
    bool is_done = false;
    for (unsigned attempt = 0;; attempt++) {
        struct err e = rtmp_publisher_connect(f->publisher);
        if (!e.kind) {
            f->progress.reconnections += attempt > 0;
            f->progress.is_connected = true;
            say(f, ERR_OK);
            tell(f, true);
            if (attempt == 0) f->start = mono_add_ns(mono_now(), -START_MS * NS_PER_MS); /* the first sample is due at once */
            e = run_connection(f, &is_done);
            rtmp_publisher_end(f->publisher);
            f->progress.is_connected = false;
        }
        say(f, e);
        tell(f, true);
        if (is_done || !e.kind || !f->options->keeps) return e;
        e = rtmp_publisher_retry(f->publisher, &retry, e);
        if (e.kind || is_over(f, mono_now())) return e;
    }
}

struct err rtmp_publish_file(const struct rtmp_file_options *o, struct rtmp_file_progress *out) {
    struct file f = {.options = o, .data = BUF(FEED_SAMPLE_BYTES_MAX)};
    struct err e = rtmp_publisher_create(&f.publisher, &o->publisher);
    if (!e.kind) e = cmaf_source_open(o->fd, &f.source);
    if (!e.kind) e = choose(&f);
    if (!e.kind) e = rewind_file(&f);
    if (!e.kind) {
        const struct lane *first = first_of(&f);
        f.begin_ns = f.end_ns = first ? to_ns(first->next.dts, first->timescale) : 0;
        f.shift_ns = START_MS * NS_PER_MS - f.begin_ns;
        f.begun = f.told = mono_now();
        e = run(&f);
    }
    if (f.publisher) f.progress.bytes = rtmp_publisher_bytes(f.publisher);
    *out = f.progress;
    for (size_t i = 0; i < f.lane_count; i++) cmaf_cursor_close(&f.lanes[i].cursor);
    cmaf_source_close(&f.source);
    rtmp_publisher_destroy(&f.publisher);
    buf_free(&f.data);
    return e;
}
