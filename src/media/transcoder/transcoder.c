/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * transcoder.c: the parent's end. Who feeds puts items into an inbox; the thread "transcoder" moves them to the child as fast as it takes
 * them, and hands on what the child says.
 *
 *      feeder --inbox--> todo --writer--> child --reader--> said_check --> callbacks
 */
#include "media/transcoder/transcoder.h"

#include <poll.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "media/transcoder/record.h"

enum {
    QUEUE_BYTES = 16 << 20,
    BEHIND_MS = 1500,        /* of pictures waiting: from here on only key pictures are taken ... */
    CAUGHT_UP_MS = 300,      /* ... until so little waits */
    BACKOFF_S_MAX = 60,
    GOOD_S = 60,             /* a child that lived for so long is not held against the next one */
    STALL_MS = 20000,        /* a child that takes nothing for so long is ended */
};

struct item {
    struct inbox_item link;
    enum ask_type type;
    size_t bytes; /* of body */
    struct wire_sample sample; /* ASK_SAMPLE: stands before the body */
    char body[];
};

struct transcoder {
    struct transcoder_options options;
    struct inbox inbox;
    struct inbox_item wake; /* of nothing: ends a wait */
    struct thread *thread;
    _Atomic bool must_stop;

    /* between feeder and thread */
    _Atomic size_t queued_bytes;
    _Atomic int64_t taken_ms; /* decode time of the newest picture that went to the child; INT64_MIN: none yet */
    _Atomic bool is_behind;
    _Atomic uint64_t samples, samples_dropped, restarts, stills;

    /* the feeder's */
    struct buf told; /* body of the last ASK_TRACKS */
    bool needs_key;  /* pictures are left out until the next key picture */
    uint32_t timescale;

    /* the thread's */
    struct item *todo, **todo_end;
    struct buf tracks; /* what the present child has to know before anything else; empty: nothing was told yet */
    struct child child;
    bool has_child, child_needs_key;
    struct child_writer writer;
    struct child_reader reader;
    struct said_state said;
    struct mono_time started_at, again_at, moved_at;
    int64_t backoff_s;
    enum transcoder_state state;
    bool alarms[TRANSCODER_ALARMS];
};

/* --- feeding --- */

static void item_free(struct transcoder *t, struct item *item) {
    atomic_fetch_sub(&t->queued_bytes, sizeof *item + item->bytes);
    mem_free(item);
}

static bool put(struct transcoder *t, enum ask_type type, const struct wire_sample *sample, struct slice body) {
    struct item *item = mem_alloc(sizeof *item + body.len);
    if (!item) return false;
    *item = (struct item){.type = type, .bytes = body.len};
    if (sample) item->sample = *sample;
    if (body.len) memcpy(item->body, body.ptr, body.len);
    atomic_fetch_add(&t->queued_bytes, sizeof *item + body.len);
    inbox_push(&t->inbox, &item->link);
    return true;
}

struct err transcoder_tracks(struct transcoder *t, const struct cmaf_track *picture, const struct cmaf_track *sound) {
    struct ask_tracks ask = {.tracks = {wire_of(picture), wire_of(sound)}};
    struct buf body = BUF(sizeof ask + 2 * CMAF_CONFIG_BYTES_MAX);
    buf_bytes(&body, &ask, sizeof ask);
    if (picture) buf_append(&body, picture->config);
    if (sound) buf_append(&body, sound->config);
    struct err e = buf_error(&body);
    if (!e.kind && slice_eq(buf_slice(&body), buf_slice(&t->told))) {
        buf_free(&body);
        return ERR_OK;
    }
    if (!e.kind && !put(t, ASK_TRACKS, NULL, buf_slice(&body))) e = err_memory();
    if (e.kind) {
        buf_free(&body);
        return e;
    }
    buf_free(&t->told);
    t->told = body;
    t->needs_key = true;
    t->timescale = picture ? picture->timescale : 0;
    return ERR_OK;
}

void transcoder_sample(struct transcoder *t, enum transcoder_track track, const struct cmaf_sample *sample) {
    atomic_fetch_add(&t->samples, 1);
    bool is_full = atomic_load(&t->queued_bytes) + sample->bytes > t->options.queue_bytes_max, is_left_out = is_full;
    if (track == TRANSCODER_PICTURE && t->timescale) {
        int64_t taken_ms = atomic_load(&t->taken_ms);
        int64_t waits_ms = taken_ms == INT64_MIN ? 0 : (int64_t)((double)sample->dts * 1000 / t->timescale) - taken_ms;
        if (sample->is_sync) t->needs_key = is_full;
        if (waits_ms > BEHIND_MS) atomic_store(&t->is_behind, true);
        else if (sample->is_sync && waits_ms < CAUGHT_UP_MS) atomic_store(&t->is_behind, false);
        is_left_out = t->needs_key || is_full || (atomic_load(&t->is_behind) && !sample->is_sync);
        if (is_left_out && !sample->is_sync) t->needs_key = true; /* what follows needs what was left out */
    }
    struct wire_sample about = {.dts = sample->dts, .pts = sample->pts, .track = track, .duration = sample->duration, .is_sync = sample->is_sync};
    if (is_left_out || !sample->bytes || !put(t, ASK_SAMPLE, &about, slice_of(sample->data, sample->bytes))) atomic_fetch_add(&t->samples_dropped, 1);
}

/* --- the thread: telling --- */

static void tell_state(struct transcoder *t, enum transcoder_state state) {
    if (state == t->state) return;
    t->state = state;
    if (t->options.state) t->options.state(t->options.user, state);
}

static void tell_alarm(struct transcoder *t, uint32_t alarm, bool is_on) {
    if (t->alarms[alarm] == is_on) return;
    t->alarms[alarm] = is_on;
    if (t->options.alarm) t->options.alarm(t->options.user, (enum transcoder_alarm)alarm, is_on);
}

static void tell(struct transcoder *t, struct said *said) {
    const struct transcoder_options *o = &t->options;
    switch (said->type) {
    case SAID_RENDITION:
        if (o->rendition) o->rendition(o->user, said->rendition, &said->track);
        break;
    case SAID_RENDITION_SAMPLE:
        if (o->rendition_sample) o->rendition_sample(o->user, said->rendition, &said->sample);
        break;
    case SAID_SOUND:
        if (o->sound) o->sound(o->user, &said->track);
        break;
    case SAID_SOUND_SAMPLE:
        if (o->sound_sample) o->sound_sample(o->user, &said->sample);
        break;
    case SAID_LEVEL:
        if (o->level) o->level(o->user, said->level.rms_dbfs, said->level.peak_dbfs);
        break;
    case SAID_ALARM: tell_alarm(t, said->alarm.alarm, said->alarm.is_on != 0); break;
    case SAID_STILL:
        atomic_fetch_add(&t->stills, 1);
        if (o->still) o->still(o->user, &said->still);
        break;
    default: break;
    }
}

/* --- the thread: the child --- */

static void child_down(struct transcoder *t, struct err why) {
    struct mono_time now = clock_mono(clock_system());
    if (t->has_child) {
        child_kill(&t->child);
        struct err ended = child_end(&t->child);
        if (ended.kind && ended.kind != ERR_IO) why = ended; /* more telling than that we killed it */
        t->has_child = false;
        child_writer_free(&t->writer);
        child_reader_free(&t->reader);
        if (mono_diff_ns(now, t->started_at) > GOOD_S * NS_PER_S) t->backoff_s = 0;
    }
    t->backoff_s = t->backoff_s ? (t->backoff_s < BACKOFF_S_MAX / 2 ? t->backoff_s * 2 : BACKOFF_S_MAX) : 1;
    t->again_at = mono_add_ns(now, t->backoff_s * NS_PER_S);
    log_warn("transcoder", "child ended", LOG_ERR(why), LOG_INT("again_in_s", t->backoff_s));
    for (uint32_t i = 0; i < TRANSCODER_ALARMS; i++) tell_alarm(t, i, false);
    tell_state(t, TRANSCODER_DOWN);
}

static struct err child_tell_tracks(struct transcoder *t) {
    struct slice body = buf_slice(&t->tracks);
    t->child_needs_key = true;
    return child_writer_put(&t->writer, ASK_TRACKS, &body, 1) ? ERR_OK : err_memory();
}

static void child_up(struct transcoder *t) {
    const struct transcoder_options *o = &t->options;
    struct child_options how = {.program = o->program};
    struct ask_begin begin = {.still_height = o->still_height, .preview_height = o->preview_height, .still_interval_ms = o->still_interval_ms,
                              .preview_interval_ms = o->preview_interval_ms, .encodes_sound = o->encodes_sound, .skips_stills = o->skips_stills};
    memcpy(begin.heights, o->heights, sizeof begin.heights);
    struct err e = child_start(&transcoder_child, &how, &t->child);
    if (!e.kind) {
        if (t->started_at.ns) atomic_fetch_add(&t->restarts, 1);
        t->has_child = true;
        t->said = (struct said_state){.may_make_sound = o->encodes_sound};
        while (t->said.renditions < TRANSCODER_RENDITIONS_MAX && o->heights[t->said.renditions]) t->said.renditions++;
        t->started_at = t->moved_at = clock_mono(clock_system());
        t->writer = child_writer_of(t->child.socket, MESSAGE_BYTES_MAX + sizeof begin + t->tracks.len + 64);
        t->reader = child_reader_of(t->child.socket, MESSAGE_BYTES_MAX);
        struct slice body = slice_of(&begin, sizeof begin);
        e = child_writer_put(&t->writer, ASK_BEGIN, &body, 1) ? child_tell_tracks(t) : err_memory();
    }
    if (e.kind) child_down(t, e);
    else tell_state(t, TRANSCODER_RUNNING);
}

/* Moves one item to the writer, or drops it. */
static struct err hand_over(struct transcoder *t, const struct item *item) {
    if (item->type == ASK_TRACKS) {
        buf_clear(&t->tracks);
        buf_bytes(&t->tracks, item->body, item->bytes);
        if (t->tracks.has_failed) return err_memory();
        for (uint32_t i = 0; i < TRANSCODER_ALARMS; i++) tell_alarm(t, i, false);
        if (t->has_child) return child_tell_tracks(t);
        if (mono_diff_ns(t->again_at, clock_mono(clock_system())) <= 0) child_up(t);
        return ERR_OK;
    }
    bool is_picture = item->sample.track == TRANSCODER_PICTURE;
    if (is_picture && item->sample.is_sync) t->child_needs_key = false;
    if (!t->has_child || (is_picture && t->child_needs_key)) {
        atomic_fetch_add(&t->samples_dropped, 1);
        return ERR_OK;
    }
    const struct slice parts[] = {slice_of(&item->sample, sizeof item->sample), slice_of(item->body, item->bytes)};
    if (!child_writer_put(&t->writer, ASK_SAMPLE, parts, ARRAY_LEN(parts))) atomic_fetch_add(&t->samples_dropped, 1);
    return ERR_OK;
}

static void note_taken(struct transcoder *t, const struct item *item) {
    struct ask_tracks ask;
    if (item->type == ASK_TRACKS) {
        atomic_store(&t->taken_ms, INT64_MIN);
    } else if (item->sample.track == TRANSCODER_PICTURE && t->tracks.len >= sizeof ask) {
        memcpy(&ask, t->tracks.ptr, sizeof ask);
        if (ask.tracks[0].timescale) atomic_store(&t->taken_ms, (int64_t)((double)item->sample.dts * 1000 / ask.tracks[0].timescale));
    }
}

static void take_inbox(struct transcoder *t) {
    for (struct inbox_item *at = inbox_take_all(&t->inbox), *next; at; at = next) {
        next = at->next;
        if (at == &t->wake) continue;
        struct item *item = (struct item *)((char *)at - offsetof(struct item, link));
        item->link.next = NULL;
        *t->todo_end = item;
        t->todo_end = (struct item **)&item->link.next;
    }
}
_Static_assert(offsetof(struct item, link) == 0 && offsetof(struct inbox_item, next) == 0, "the list of items is a list of inbox items");

static struct err feed_child(struct transcoder *t) {
    for (;;) {
        size_t before = t->has_child ? child_writer_waiting(&t->writer) : 0;
        if (before) {
            struct err e = child_writer_flush(&t->writer, 0, NULL);
            if (e.kind) return e;
            struct mono_time now = clock_mono(clock_system());
            if (child_writer_waiting(&t->writer) < before) t->moved_at = now;
            else if (mono_diff_ns(now, t->moved_at) > STALL_MS * NS_PER_MS)
                return err_make(ERR_LIMIT, "transcoder.stalled", "The process that decodes a live channel took nothing for 20 seconds.");
            if (child_writer_waiting(&t->writer)) return ERR_OK;
        } else {
            t->moved_at = clock_mono(clock_system());
        }
        struct item *item = t->todo;
        if (!item) return ERR_OK;
        t->todo = (struct item *)item->link.next;
        if (!t->todo) t->todo_end = &t->todo;
        struct err e = hand_over(t, item);
        note_taken(t, item);
        item_free(t, item);
        if (e.kind) return e;
    }
}

static struct err hear_child(struct transcoder *t) {
    struct err e = child_reader_fill(&t->reader, 0);
    bool has_ended = e.kind == ERR_IO;
    while (!e.kind || has_ended) {
        struct child_message message;
        struct said said;
        bool has_message;
        struct err next = child_reader_next(&t->reader, &message, &has_message);
        if (next.kind) return next;
        if (!has_message) break;
        if (!said_check(&t->said, &message, &said)) return err_make(ERR_INPUT, "child.hostile", "The process that decodes a live channel said something impossible.");
        tell(t, &said);
    }
    return e;
}

static void run(void *arg) {
    struct transcoder *t = arg;
    while (!atomic_load(&t->must_stop)) {
        take_inbox(t);
        int wait_ms = -1;
        if (!t->has_child && t->tracks.len) {
            int64_t left_ns = mono_diff_ns(t->again_at, clock_mono(clock_system()));
            if (left_ns <= 0) child_up(t);
            else wait_ms = (int)(left_ns / NS_PER_MS) + 1;
        }
        struct err e = feed_child(t);
        if (!e.kind && t->has_child) e = hear_child(t);
        if (e.kind && t->has_child) {
            child_down(t, e);
            continue;
        }
        if (t->has_child) tell_state(t, atomic_load(&t->is_behind) ? TRANSCODER_BEHIND : TRANSCODER_RUNNING);
        struct pollfd waits[2] = {{.fd = t->inbox.event_fd, .events = POLLIN}, {.fd = t->has_child ? t->child.socket : -1, .events = POLLIN}};
        if (t->has_child && child_writer_waiting(&t->writer)) {
            waits[1].events |= POLLOUT;
            wait_ms = 1000; /* for the stall */
        }
        poll(waits, ARRAY_LEN(waits), wait_ms);
    }
    if (t->has_child) {
        child_kill(&t->child);
        struct err ended = child_end(&t->child);
        (void)ended; /* we killed it */
        child_writer_free(&t->writer);
        child_reader_free(&t->reader);
    }
}

/* --- life --- */

struct err transcoder_create(const struct transcoder_options *options, struct transcoder **out) {
    for (size_t i = 0; i < TRANSCODER_RENDITIONS_MAX; i++) {
        uint16_t h = options->heights[i];
        if (h && (h < 16 || h > 4320 || (i && !options->heights[i - 1])))
            return err_make(ERR_INPUT, "transcoder.heights", "Smaller pictures have 16 to 4320 lines.");
    }
    struct transcoder *t = mem_zalloc(sizeof *t);
    if (!t) return err_memory();
    t->options = *options;
    if (!t->options.still_interval_ms) t->options.still_interval_ms = 5000;
    if (!t->options.still_height) t->options.still_height = 160;
    if (!t->options.preview_interval_ms) t->options.preview_interval_ms = 5000;
    if (!t->options.preview_height) t->options.preview_height = 540;
    if (!t->options.queue_bytes_max) t->options.queue_bytes_max = QUEUE_BYTES;
    t->todo_end = &t->todo;
    t->told = BUF(sizeof(struct ask_tracks) + 2 * CMAF_CONFIG_BYTES_MAX);
    t->tracks = t->told;
    t->needs_key = true;
    atomic_store(&t->taken_ms, INT64_MIN);
    struct err e = inbox_open(&t->inbox);
    if (e.kind) {
        mem_free(t);
        return e;
    }
    e = thread_start(&t->thread, "transcoder", run, t);
    if (e.kind) {
        inbox_close(&t->inbox);
        mem_free(t);
        return e;
    }
    *out = t;
    return ERR_OK;
}

void transcoder_destroy(struct transcoder **transcoder) {
    struct transcoder *t = *transcoder;
    if (!t) return;
    atomic_store(&t->must_stop, true);
    inbox_push(&t->inbox, &t->wake);
    thread_join(&t->thread);
    take_inbox(t);
    for (struct item *item = t->todo, *next; item; item = next) {
        next = (struct item *)item->link.next;
        item_free(t, item);
    }
    inbox_close(&t->inbox);
    buf_free(&t->told);
    buf_free(&t->tracks);
    MEM_FREE(transcoder);
}

struct transcoder_counts transcoder_counts(struct transcoder *t) {
    return (struct transcoder_counts){.samples = atomic_load(&t->samples), .samples_dropped = atomic_load(&t->samples_dropped),
                                      .restarts = atomic_load(&t->restarts), .stills = atomic_load(&t->stills)};
}
