/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What others add to a channel: smaller pictures, pictures for the seek bar, what they see and hear. */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "media/live/channel.h"

static struct err ended(void) { return err_make(ERR_CANCELLED, "live.ended", "The event is over."); }

/* ---- renditions ---- */

/* The run that a time of the timeline lies in. */
static const struct manifest_run *run_at(const struct live_channel *c, int64_t ns) {
    for (size_t i = c->story.run_count; i-- > 0;)
        if (c->story.runs[i].start_ns <= ns || i == 0) return &c->story.runs[i];
    return NULL;
}

static struct err join(struct live_channel *c, const struct public_id *id, struct live_rendition *w, const struct cmaf_track *track) {
    if (!channel_is(c, id)) return live_no_channel();
    if (c->state == LIVE_STATE_ENDED) return ended();
    size_t at = channel_rendition(c, w->name, track->kind == CMAF_VIDEO, track->timescale);
    if (at == SIZE_MAX) return err_make(ERR_LIMIT, "live.rendition", "This channel has no room for another rendition, or had one of that name with another timescale.");
    if (c->renditions[at].writer || at == c->cutter.leader) return err_make(ERR_CONFLICT, "live.rendition", "Somebody writes this rendition already.");
    if (c->feed)
        for (size_t i = 0; i < c->feed->track_count; i++)
            if (c->feed->tracks[i].is_taken && c->feed->tracks[i].rendition == at) return err_make(ERR_CONFLICT, "live.rendition", "The publisher writes this rendition.");
    struct err e = channel_use_init(c, at, track);
    if (e.kind) return e;
    w->channel = c;
    w->rendition = at;
    c->renditions[at].writer = w;
    return ERR_OK;
}

struct err live_rendition_open(struct live *live, const struct public_id *id, const char *name, const struct cmaf_track *track, struct live_rendition **out) {
    struct live_channel *c = live_find(live, id);
    if (!c) return live_no_channel();
    if (!story_is_name(slice_cstr(name)) || (name[0] == 'v') != (track->kind == CMAF_VIDEO) || !strcmp(name, "v0") || !track->timescale)
        return err_make(ERR_INPUT, "live.rendition", "A rendition is named v1 to v7, or a0 to a7 for sound.");
    struct live_rendition *w = mem_zalloc(sizeof *w);
    if (!w) return err_memory();
    (void)snprintf(w->name, sizeof w->name, "%s", name);
    lock_take(&c->feed_lock);
    struct err e = join(c, id, w, track);
    channel_leave(c);
    if (e.kind) mem_free(w);
    else *out = w;
    return e;
}

struct err live_rendition_sample(struct live_rendition *w, const struct cmaf_sample *s) {
    struct live_channel *c = w->channel;
    struct err e = ERR_OK;
    lock_take(&c->feed_lock);
    struct rendition *r = &c->renditions[w->rendition];
    if (!c->is_open || r->writer != w) e = ended();
    if (!e.kind) {
        int64_t ns = timeline_to_ns(s->pts, r->hz);
        const struct manifest_run *run = run_at(c, ns);
        const struct cutter_rendition *cut = &c->cutter.renditions[w->rendition];
        if (s->dts < 0 || s->dts > INT64_C(1) << 55 || s->pts < 0 || s->pts > INT64_C(1) << 55 || s->bytes > FEED_SAMPLE_BYTES_MAX)
            e = err_make(ERR_INPUT, "live.sample", "A sample's time or size is beyond all reason.");
        else if (!run || (cut->has_number && s->dts < cut->end_dts - (int64_t)r->hz / 1000))
            e = err_make(ERR_INPUT, "live.late", "The segment that this sample belongs to is closed.");
        if (!e.kind) {
            uint64_t lost = c->health.samples_dropped;
            struct cutter_sample sample = {.dts = s->dts, .pts = s->pts, .duration = s->duration, .run = run->run, .run_start_ns = run->start_ns, .init = r->init,
                                           .is_sync = s->is_sync, .data = slice_of(s->data, s->bytes), .arrived_ns = clock_mono(c->live->options.clock).ns};
            cutter_add(&c->cutter, w->rendition, &sample);
            if (c->health.samples_dropped != lost) e = err_make(ERR_INPUT, "live.late", "The segment that this sample belongs to is closed.");
        }
    }
    channel_leave(c);
    return e;
}

void live_rendition_close(struct live_rendition **address) {
    struct live_rendition *w = *address;
    if (!w) return;
    *address = NULL;
    struct live_channel *c = w->channel;
    lock_take(&c->feed_lock);
    if (c->is_open && c->renditions[w->rendition].writer == w) {
        cutter_flush_one(&c->cutter, w->rendition);
        c->renditions[w->rendition].writer = NULL;
    }
    channel_leave(c);
    mem_free(w);
}

/* ---- stills ---- */

static struct err put_still(struct live_channel *c, const struct live_still *s, struct buf *log, uint32_t *number, struct http_blob **blob) {
    if (c->stills.count == c->stills.capacity) {
        size_t capacity = c->stills.capacity ? c->stills.capacity * 2 : 16;
        struct still_blob *grown = mem_realloc_array(c->stills.all, capacity, sizeof *grown);
        if (!grown) return err_memory();
        c->stills.all = grown;
        c->stills.capacity = capacity;
    }
    if (c->story.still_count && c->story.stills[c->story.still_count - 1].time_ns >= s->time_ns)
        return err_make(ERR_INPUT, "live.still", "A picture for the seek bar came before the one it follows.");
    struct http_blob *copy = http_blob_copy(s->jpeg);
    if (!copy) return err_memory();
    struct story_still still = {.number = c->still_number, .time_ns = s->time_ns, .interval_ms = s->interval_ms, .count = s->count, .width = s->width,
                                .height = s->height, .columns = s->columns, .rows = s->rows};
    struct err e = story_add_still(&c->story, &still, log);
    if (e.kind) {
        http_blob_release(&copy);
        return e;
    }
    *number = c->still_number++;
    c->stills.all[c->stills.count++] = (struct still_blob){*number, story_still_end(&still), copy};
    c->stills.bytes += s->jpeg.len;
    *blob = http_blob_acquire(copy);
    http_blob_release(&c->thumbs);
    while (c->stills.bytes > STILLS_BYTES_MAX && c->stills.count > 1) { /* the oldest are in the folder only, until the event is over */
        c->stills.bytes -= http_blob_slice(c->stills.all[0].blob).len;
        http_blob_release(&c->stills.all[0].blob);
        memmove(c->stills.all, c->stills.all + 1, --c->stills.count * sizeof *c->stills.all);
    }
    return ERR_OK;
}

struct err live_channel_still(struct live *live, const struct public_id *id, const struct live_still *s) {
    struct live_channel *c = live_find(live, id);
    if (!c) return live_no_channel();
    if (!s->jpeg.len || !s->columns || !s->rows || !s->count || s->count > (uint32_t)s->columns * s->rows || !s->width || !s->height || s->time_ns < 0)
        return err_make(ERR_INPUT, "live.still", "A picture for the seek bar has no size or no time.");
    struct buf log = BUF(1 << 16);
    uint32_t number = 0;
    struct http_blob *blob = NULL;
    lock_take(&c->feed_lock);
    struct err e = !channel_is(c, id) ? live_no_channel() : c->state == LIVE_STATE_ENDED ? ended() : ERR_OK;
    if (!e.kind) {
        lock_take(&c->ring_lock);
        e = put_still(c, s, &log, &number, &blob);
        lock_give(&c->ring_lock);
    }
    if (!e.kind && c->has_folder) {
        char name[LIVE_FILE_NAME_MAX];
        (void)snprintf(name, sizeof name, "thumbs-%u.jpg", number);
        struct err written = recorder_file(c->folder, name, blob, false);
        if (written.kind) log_warn("live", "still_lost", LOG_TEXT("channel", c->id.text), LOG_ERR(written));
    }
    if (!e.kind) channel_log(c, &log);
    buf_free(&log);
    channel_leave(c);
    http_blob_release(&blob);
    return e;
}

struct err live_channel_preview(struct live *live, const struct public_id *id, struct slice jpeg) {
    struct live_channel *c = live_find(live, id);
    if (!c) return live_no_channel();
    struct http_blob *blob = http_blob_copy(jpeg);
    if (!blob) return err_memory();
    struct buf log = BUF(1 << 16);
    lock_take(&c->feed_lock);
    struct err e = !channel_is(c, id) ? live_no_channel() : c->state == LIVE_STATE_ENDED ? ended() : ERR_OK;
    if (!e.kind) {
        lock_take(&c->ring_lock);
        http_blob_release(&c->poster);
        c->poster = http_blob_acquire(blob);
        if (!c->story.has_poster) story_set_poster(&c->story, &log);
        lock_give(&c->ring_lock);
        if (!e.kind && c->has_folder) e = recorder_file(c->folder, "poster.jpg", blob, false);
        channel_log(c, &log);
    }
    channel_leave(c);
    http_blob_release(&blob);
    return e;
}

/* ---- what they see and hear ---- */

void live_channel_alarm(struct live *live, const struct public_id *id, enum live_alarm alarm, bool is_on) {
    struct live_channel *c = live_find(live, id);
    if (!c || !(alarm & (LIVE_ALARM_SILENCE | LIVE_ALARM_BLACK | LIVE_ALARM_FREEZE))) return;
    lock_take(&c->feed_lock);
    if (channel_is(c, id)) {
        lock_take(&c->ring_lock);
        c->told_alarms = is_on ? c->told_alarms | alarm : c->told_alarms & ~(uint32_t)alarm;
        lock_give(&c->ring_lock);
    }
    channel_leave(c);
    channel_tick(c);
}

void live_channel_level(struct live *live, const struct public_id *id, double level_dbfs) {
    struct live_channel *c = live_find(live, id);
    if (!c) return;
    lock_take(&c->ring_lock);
    if (channel_is(c, id)) c->health.level_dbfs = level_dbfs;
    lock_give(&c->ring_lock);
}
