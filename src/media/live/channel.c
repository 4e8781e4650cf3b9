/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/live/channel.h"

#include <assert.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

static const struct clock *clock_of(const struct live_channel *c) { return c->live->options.clock; }

/* ---- leaving: what was collected is called without a lock ---- */

static void call_taps(struct live_channel *c, struct tapped *taps, size_t count, const struct cmaf_track *tracks, size_t track_count, const struct public_id *id) {
    const struct live_options *o = &c->live->options;
    if (track_count && o->tap_tracks) o->tap_tracks(o->user, id, tracks, track_count);
    for (size_t i = 0; i < count; i++) {
        if (o->tap_sample) o->tap_sample(o->user, id, taps[i].track, &taps[i].sample);
        mem_free(taps[i].owned);
    }
}

void channel_leave(struct live_channel *c) {
    struct live_waiter *woken = c->woken;
    struct tapped *taps = c->taps;
    size_t tap_count = c->tap_count, track_count = c->has_tap_tracks ? c->tap_track_count : 0;
    struct cmaf_track tracks[TIMELINE_TRACKS_MAX];
    uint32_t notices = c->notices;
    struct public_id id = c->id;
    if (track_count) memcpy(tracks, c->tap_tracks, sizeof tracks);
    char *configs = c->has_tap_tracks ? c->tap_configs : NULL;
    if (c->has_tap_tracks) c->tap_configs = NULL;
    c->woken = NULL;
    c->notices = 0;
    c->has_tap_tracks = false;
    c->taps = NULL;
    c->tap_count = c->tap_capacity = 0;
    lock_give(&c->feed_lock);
    channel_call(woken);
    if (track_count || tap_count) call_taps(c, taps, tap_count, tracks, track_count, &id);
    mem_free(taps);
    mem_free(configs);
    const struct live_options *o = &c->live->options;
    for (unsigned i = 0; notices && o->notice && i < 8; i++)
        if (notices >> i & 1) o->notice(o->user, &id, (enum live_notice)i);
}

/* A record that memory ran out for would be missing for ever, and without it the recording may not play: the whole log is written anew as soon as that is
 * possible. With the feed lock held, which is what the story changes under. */
static void mend_log(struct live_channel *c) {
    struct buf whole = BUF(64 << 20);
    story_write(&c->story, &whole);
    struct err e = buf_error(&whole);
    if (!e.kind) e = recorder_log_anew(c->folder, buf_slice(&whole));
    c->is_log_behind = e.kind != 0;
    buf_free(&whole);
}

void channel_log(struct live_channel *c, struct buf *records) {
    struct err e = buf_error(records);
    if (c->has_folder && !e.kind && records->len && !c->is_log_behind) e = recorder_log(c->folder, buf_slice(records));
    c->is_log_behind |= e.kind != 0;
    if (c->has_folder && c->is_log_behind) mend_log(c);
    buf_free(records);
}

void channel_set_state(struct live_channel *c, enum live_state state) {
    if (c->state == state) return;
    c->state = state;
    c->health.state_since = clock_utc(clock_of(c));
    c->notices |= 1u << LIVE_NOTICE_STATE;
}

void channel_drop_texts(struct live_channel *c) {
    http_blob_release(&c->master);
    http_blob_release(&c->mpd);
    http_blob_release(&c->thumbs);
    for (size_t i = 0; i < LIVE_RENDITIONS_MAX; i++)
        for (int k = 0; k < 2; k++) http_blob_release(&c->renditions[i].texts[k]);
}

/* ---- renditions and init segments ---- */

size_t channel_rendition(struct live_channel *c, const char *name, bool is_video, uint32_t hz) {
    size_t free_one = SIZE_MAX;
    for (size_t i = LIVE_RENDITIONS_MAX; i-- > 0;) {
        struct rendition *r = &c->renditions[i];
        if (!r->is_used) free_one = i;
        else if (!strcmp(r->name, name)) return r->hz == hz ? i : SIZE_MAX;
    }
    if (free_one == SIZE_MAX) return SIZE_MAX;
    struct rendition *r = &c->renditions[free_one];
    lock_take(&c->ring_lock);
    r->is_used = true;
    r->hz = hz;
    (void)snprintf(r->name, sizeof r->name, "%s", name);
    lock_give(&c->ring_lock);
    cutter_use(&c->cutter, free_one, is_video, hz, UINT64_MAX);
    return free_one;
}

static struct http_blob *init_blob(const struct rendition *r, uint16_t number) {
    for (size_t i = r->init_count; i-- > 0;)
        if (r->inits[i].number == number) return r->inits[i].blob;
    return NULL;
}

static struct err keep_init(struct rendition *r, uint16_t number, struct http_blob *blob) {
    if (r->init_count == r->init_capacity) {
        size_t capacity = r->init_capacity ? r->init_capacity * 2 : 4;
        struct init_blob *grown = mem_realloc_array(r->inits, capacity, sizeof *grown);
        if (!grown) return err_memory();
        r->inits = grown;
        r->init_capacity = capacity;
    }
    r->inits[r->init_count++] = (struct init_blob){number, blob};
    return ERR_OK;
}

/* Init segments go to the recorder; where memory ran out, the next time that one is looked for. Without them nothing would play. */
void channel_give_inits(struct live_channel *c) {
    for (size_t i = 0; i < LIVE_RENDITIONS_MAX && c->has_folder; i++) {
        struct rendition *r = &c->renditions[i];
        for (; r->inits_given < r->init_count; r->inits_given++) {
            char name[LIVE_FILE_NAME_MAX];
            const struct init_blob *init = &r->inits[r->inits_given];
            (void)snprintf(name, sizeof name, "%s-i%u.mp4", r->name, init->number);
            if (recorder_file(c->folder, name, init->blob, true).kind) return;
        }
    }
}

struct err channel_use_init(struct live_channel *c, size_t index, const struct cmaf_track *track) {
    struct rendition *r = &c->renditions[index];
    struct buf bytes = BUF(1 << 20), log = BUF(1 << 16);
    struct err e = cmaf_init_build(track, 0, SLICE_NONE, &bytes);
    if (!e.kind) e = buf_error(&bytes);
    if (!e.kind && r->has_init) {
        struct http_blob *same = init_blob(r, r->init);
        if (same && slice_eq(http_blob_slice(same), buf_slice(&bytes))) {
            buf_free(&bytes);
            return ERR_OK;
        }
    }
    struct http_blob *blob = e.kind ? NULL : http_blob_copy(buf_slice(&bytes));
    buf_free(&bytes);
    if (!e.kind && !blob) e = err_memory();
    if (e.kind) return e;
    uint16_t number = r->has_init ? (uint16_t)(r->init + 1) : 1;
    lock_take(&c->ring_lock);
    e = keep_init(r, number, blob);
    if (!e.kind) {
        e = story_add_init(&c->story, r->name, number, track, &log);
        if (e.kind) r->init_count--;
    }
    channel_drop_texts(c);
    lock_give(&c->ring_lock);
    if (!e.kind) {
        r->init = number;
        r->has_init = true;
        c->notices |= 1u << LIVE_NOTICE_TRACKS;
        channel_give_inits(c);
    } else {
        http_blob_release(&blob);
    }
    channel_log(c, &log);
    return e;
}

void channel_begin_run(struct live_channel *c, uint32_t run, int64_t start_ns, int64_t wall_ns) {
    struct buf log = BUF(1 << 16);
    struct manifest_run m = {.run = run, .start_ns = start_ns, .wall_ns = wall_ns};
    lock_take(&c->ring_lock);
    struct err e = story_add_run(&c->story, &m, &log);
    c->health.discontinuities += c->run != 0;
    lock_give(&c->ring_lock);
    if (e.kind) log_error("live", "run_lost", LOG_TEXT("channel", c->id.text), LOG_ERR(e));
    c->run = run;
    channel_log(c, &log);
}

/* ---- open, end, close ---- */

static void forget_all(struct live_channel *c) {
    channel_drop_texts(c);
    http_blob_release(&c->poster);
    for (size_t i = 0; i < LIVE_RENDITIONS_MAX; i++) {
        struct rendition *r = &c->renditions[i];
        ring_free(&r->ring);
        for (size_t k = 0; k < r->hour_count; k++) http_file_release(&r->hours[k].file);
        for (size_t k = 0; k < r->init_count; k++) http_blob_release(&r->inits[k].blob);
        mem_free(r->hours);
        mem_free(r->inits);
        *r = (struct rendition){0};
    }
    for (size_t i = 0; i < c->stills.count; i++) http_blob_release(&c->stills.all[i].blob);
    mem_free(c->stills.all);
    c->stills = (struct still_list){0};
    story_free(&c->story);
    buf_free(&c->scratch);
    cutter_free(&c->cutter);
    MEM_FREE(&c->tap_configs);
}

static struct err read_blob(int dir_fd, const char *name, size_t bytes_max, struct http_blob **out) {
    struct buf b = BUF(bytes_max);
    struct err e = fs_read_file(dir_fd, name, &b);
    if (!e.kind && !(*out = http_blob_copy(buf_slice(&b)))) e = err_memory();
    buf_free(&b);
    return e;
}

/* Takes over what the library found. */
static struct err restore_rendition(struct live_channel *c, int dir_fd, size_t index, const struct story_rendition *story, struct library_rendition *found) {
    struct rendition *r = &c->renditions[index];
    r->is_used = true;
    r->hz = story->timescale;
    memcpy(r->name, story->name, sizeof r->name);
    r->ring = found->ring;
    r->hours = found->hours;
    r->hour_count = found->hour_count;
    r->hour_capacity = found->hour_capacity;
    found->ring = (struct ring){0};
    found->hours = NULL;
    found->hour_count = 0;
    if (found->has_newest) r->hour = found->newest.hour;
    for (size_t i = 0; i < r->ring.count; i++) offer_note_bitrate(r, &r->ring.segments[r->ring.first + i]);
    for (size_t i = 0; i < story->init_count; i++) {
        char name[LIVE_FILE_NAME_MAX];
        struct http_blob *blob = NULL;
        (void)snprintf(name, sizeof name, "%s-i%u.mp4", r->name, story->inits[i].number);
        struct err e = read_blob(dir_fd, name, 1 << 20, &blob);
        if (!e.kind) e = keep_init(r, story->inits[i].number, blob);
        if (e.kind) http_blob_release(&blob);
        if (e.kind && e.kind != ERR_NOT_FOUND) return e;
        r->init = story->inits[i].number;
        r->has_init = true;
        r->inits_given = r->init_count;
    }
    const struct manifest_segment *last = ring_last(&r->ring);
    cutter_use(&c->cutter, index, r->name[0] == 'v', r->hz, last ? last->number : UINT64_MAX);
    if (last) {
        int64_t end = timeline_to_ns(last->start + last->duration, r->hz);
        if (end > c->end_ns) c->end_ns = end;
        if (last->run > c->run) c->run = last->run;
        c->skew_ns = last->utc_ns - timeline_to_ns(last->start, r->hz);
        c->has_skew = true;
    }
    if (found->has_newest) recorder_folder_continue(c->folder, index, &found->newest, found->media_bytes, found->index_bytes);
    return ERR_OK;
}

static struct err restore_stills(struct live_channel *c, int dir_fd) {
    struct err e = ERR_OK;
    struct story *s = &c->story;
    c->stills.all = s->still_count ? mem_zalloc_array(s->still_count, sizeof *c->stills.all) : NULL;
    if (s->still_count && !c->stills.all) return err_memory();
    c->stills.capacity = s->still_count;
    for (size_t i = 0; i < s->still_count && !e.kind; i++) {
        char name[LIVE_FILE_NAME_MAX];
        struct http_blob *blob = NULL;
        (void)snprintf(name, sizeof name, "thumbs-%u.jpg", s->stills[i].number);
        e = c->stills.bytes < STILLS_BYTES_MAX ? read_blob(dir_fd, name, 4 << 20, &blob) : err_make(ERR_NOT_FOUND, "live.still", "");
        if (s->stills[i].number >= c->still_number) c->still_number = s->stills[i].number + 1;
        if (!e.kind) {
            c->stills.all[c->stills.count++] = (struct still_blob){s->stills[i].number, story_still_end(&s->stills[i]), blob};
            c->stills.bytes += http_blob_slice(blob).len;
        }
        if (e.kind == ERR_NOT_FOUND) e = ERR_OK;
    }
    return e;
}

static struct err restore(struct live_channel *c, int dir_fd, struct library *found) {
    uint64_t next = 0;
    for (size_t i = 0; i < found->story.rendition_count; i++) {
        const struct manifest_segment *last = ring_last(&found->renditions[i].ring);
        if (last && last->number + 1 > next) next = last->number + 1;
    }
    struct cutter_sink sink = offer_sink;
    sink.user = c;
    cutter_init(&c->cutter, &sink, next);
    c->story = found->story;
    found->story = (struct story){0};
    for (size_t i = 0; i < c->story.run_count; i++)
        if (c->story.runs[i].run > c->run) c->run = c->story.runs[i].run;
    struct err e = ERR_OK;
    for (size_t i = 0; i < c->story.rendition_count && !e.kind; i++) e = restore_rendition(c, dir_fd, i, &c->story.renditions[i], &found->renditions[i]);
    if (!e.kind) e = restore_stills(c, dir_fd);
    if (!e.kind && c->story.has_poster) {
        e = read_blob(dir_fd, "poster.jpg", 8 << 20, &c->poster);
        if (e.kind == ERR_NOT_FOUND) e = ERR_OK;
    }
    if (e.kind) return e;
    if (!c->has_folder) return ERR_OK;
    recorder_folder_continue_log(c->folder, found->log_bytes);
    for (size_t i = 0; i < LIVE_RENDITIONS_MAX; i++)
        if (c->renditions[i].is_used) offer_slide(c, &c->renditions[i]);
    if (!c->options.is_recorded && c->story.has_epoch && !c->story.is_ended) { /* an endless channel's log without what has left the window */
        struct buf log = BUF(64 << 20);
        story_write(&c->story, &log);
        struct err written = buf_error(&log);
        if (!written.kind) written = fs_write_file_atomic(dir_fd, "live.idx", buf_slice(&log), 0644);
        if (!written.kind) recorder_folder_continue_log(c->folder, log.len);
        buf_free(&log);
    }
    return ERR_OK;
}

struct err channel_open(struct live_channel *c, const struct public_id *id, const struct live_channel_options *o) {
    struct library found = {0};
    int dir_fd = -1;
    struct err e = ERR_OK;
    if (o->dir_fd >= 0) {
        e = fs_open(o->dir_fd, ".", O_RDONLY | O_DIRECTORY, 0, &dir_fd);
        if (!e.kind) e = library_read(dir_fd, &found);
        if (e.kind == ERR_NOT_FOUND) e = ERR_OK;
        if (e.kind) {
            fs_close(&dir_fd);
            return e;
        }
    }
    lock_take(&c->feed_lock);
    lock_take(&c->ring_lock);
    c->id = *id;
    c->options = *o;
    c->dvr_ms = o->dvr_ms ? o->dvr_ms : 2 * 3600 * 1000;
    c->run = 0;
    c->end_ns = c->skew_ns = 0;
    c->has_skew = false;
    c->still_number = 0;
    c->scratch = BUF(TEXT_BYTES_MAX);
    c->health = (struct live_health){.level_dbfs = NAN, .state_since = clock_utc(clock_of(c))};
    c->alarms = c->told_alarms = 0;
    c->has_key = c->is_disk_in_trouble = c->is_log_behind = false;
    c->lost_at = c->loss_at = c->live_at = c->sample_at = (struct mono_time){INT64_MIN / 2};
    c->loss_count = 0;
    c->has_folder = dir_fd >= 0;
    struct recorder_answers answers;
    offer_answers(c, &answers);
    if (c->has_folder) e = recorder_folder_open(c->live->recorder, dir_fd, &answers, &c->folder);
    if (e.kind) fs_close(&dir_fd), c->has_folder = false;
    if (!e.kind) e = restore(c, dir_fd, &found);
    c->state = c->story.is_ended ? LIVE_STATE_ENDED : LIVE_STATE_WAITING;
    if (!e.kind) c->is_open = true;
    lock_give(&c->ring_lock);
    lock_give(&c->feed_lock);
    library_free(&found);
    if (!e.kind) return e;
    if (c->has_folder) (void)recorder_folder_close(&c->folder);
    lock_take(&c->feed_lock);
    lock_take(&c->ring_lock);
    forget_all(c);
    lock_give(&c->ring_lock);
    lock_give(&c->feed_lock);
    return e;
}

/* With the feed lock held, which it gives back. */
static struct err wait_for_recorder(struct live_channel *c) {
    struct recorder_folder *folder = c->has_folder ? c->folder : NULL;
    c->folder_users++; /* it is not closed meanwhile */
    channel_leave(c);
    struct err e = folder ? recorder_folder_flush(folder) : ERR_OK;
    lock_take(&c->feed_lock);
    c->folder_users--;
    condition_wake_all(&c->folder_free);
    lock_give(&c->feed_lock);
    return e;
}

void channel_flush(struct live_channel *c) {
    lock_take(&c->feed_lock);
    (void)wait_for_recorder(c);
}

struct err channel_end(struct live_channel *c, const struct public_id *id) {
    lock_take(&c->feed_lock);
    if (!channel_is(c, id)) {
        lock_give(&c->feed_lock);
        return live_no_channel();
    }
    if (c->state != LIVE_STATE_ENDED) {
        struct buf log = BUF(1 << 16);
        cutter_flush(&c->cutter);
        if (c->feed) feed_abandon(c->feed, err_make(ERR_CANCELLED, "live.ended", "The event is over."));
        for (size_t i = 0; i < LIVE_RENDITIONS_MAX; i++) c->renditions[i].writer = NULL;
        lock_take(&c->ring_lock);
        story_end(&c->story, clock_utc(clock_of(c)), &log);
        channel_set_state(c, LIVE_STATE_ENDED);
        channel_drop_texts(c);
        channel_wake_all(c, &c->woken);
        lock_give(&c->ring_lock);
        channel_give_inits(c);
        channel_log(c, &log);
    }
    return wait_for_recorder(c);
}

void channel_close(struct live_channel *c) {
    lock_take(&c->feed_lock);
    if (!c->is_open) {
        lock_give(&c->feed_lock);
        return;
    }
    if (c->state != LIVE_STATE_ENDED) cutter_flush(&c->cutter); /* what was begun is recorded as far as it came */
    if (c->feed) feed_abandon(c->feed, err_make(ERR_CANCELLED, "live.closed", "The channel is being closed. Try again in a moment."));
    lock_take(&c->ring_lock);
    c->is_open = false;
    channel_wake_all(c, &c->woken);
    lock_give(&c->ring_lock);
    struct recorder_folder *folder = c->has_folder ? c->folder : NULL;
    channel_leave(c);
    lock_take(&c->feed_lock);
    while (c->folder_users) condition_wait(&c->folder_free, &c->feed_lock);
    lock_give(&c->feed_lock);
    if (folder) {
        struct err e = recorder_folder_close(&folder);
        if (e.kind) log_error("live", "recording_incomplete", LOG_TEXT("channel", c->id.text), LOG_ERR(e));
    }
    lock_take(&c->feed_lock);
    lock_take(&c->ring_lock);
    c->folder = NULL;
    c->has_folder = false;
    forget_all(c);
    lock_give(&c->ring_lock);
    lock_give(&c->feed_lock);
}

/* ---- the keeper's round ---- */

static bool is_recent(struct mono_time then, struct mono_time now, int64_t ms) { return mono_diff_ns(now, then) < ms * NS_PER_MS; }

static uint32_t alarms_now(const struct live_channel *c, struct mono_time now) {
    uint32_t alarms = c->told_alarms;
    bool was_live = c->live_at.ns > INT64_MIN / 2;
    if (c->state != LIVE_STATE_ENDED && was_live && !is_recent(c->sample_at, now, STALL_MS)) alarms |= LIVE_ALARM_STALLED;
    if (c->state == LIVE_STATE_LIVE && c->health.has_video && c->has_key && !is_recent(c->key_at, now, KEYFRAME_MS)) alarms |= LIVE_ALARM_KEYFRAMES;
    if (c->is_disk_in_trouble || is_recent(c->lost_at, now, LOSS_MS) || atomic_load(&c->queued_bytes) > c->live->options.ring_bytes_max / 2) alarms |= LIVE_ALARM_DISK;
    if (is_recent(c->loss_at, now, LOSS_MS)) alarms |= LIVE_ALARM_LOSS;
    return alarms;
}

void channel_tick(struct live_channel *c) {
    lock_take(&c->feed_lock);
    if (c->is_open) {
        lock_take(&c->ring_lock);
        uint32_t alarms = alarms_now(c, clock_mono(clock_of(c))), changed = alarms ^ c->alarms;
        for (unsigned i = 0; i < 8; i++)
            if (changed & alarms & 1u << i) c->health.alarm_since[i] = clock_utc(clock_of(c));
        c->alarms = alarms;
        if (changed) c->notices |= 1u << LIVE_NOTICE_ALARMS;
        lock_give(&c->ring_lock);
    }
    channel_leave(c);
}
