/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The server: which channels there are, and the keeper, who looks at all of them twice a second. */
#include "media/live/live.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "media/live/channel.h"

#define KEEPER_NS (500 * NS_PER_MS)
#define RING_BYTES_DEFAULT (UINT64_C(96) << 20)

struct live_channel *live_find(struct live *live, const struct public_id *id) {
    struct live_channel *found = NULL;
    lock_take(&live->table_lock);
    for (size_t i = 0; i < live->channel_count && !found; i++)
        if (live->is_taken[i] && !memcmp(live->channels[i]->table_id.text, id->text, PUBLIC_ID_LEN)) found = live->channels[i];
    lock_give(&live->table_lock);
    return found;
}

static void keep(struct live *live) {
    for (size_t i = 0; i < CHANNELS_MAX; i++) {
        lock_take(&live->table_lock);
        struct live_channel *c = i < live->channel_count ? live->channels[i] : NULL;
        lock_give(&live->table_lock);
        if (!c) break;
        channel_tick(c);
    }
}

static void keeper_run(void *arg) {
    struct live *live = arg;
    lock_take(&live->keeper_lock);
    while (!live->is_stopping) {
        (void)condition_wait_ns(&live->keeper_wake, &live->keeper_lock, KEEPER_NS);
        if (live->is_stopping) break;
        lock_give(&live->keeper_lock);
        keep(live);
        lock_take(&live->keeper_lock);
    }
    lock_give(&live->keeper_lock);
}

struct err live_create(const struct live_options *options, struct live **out) {
    struct live *live = mem_zalloc(sizeof *live);
    if (!live) return err_memory();
    live->options = *options;
    if (!live->options.ring_bytes_max) live->options.ring_bytes_max = RING_BYTES_DEFAULT;
    lock_init(&live->table_lock, LOCK_live_table);
    lock_init(&live->keeper_lock, LOCK_live_keeper);
    condition_init(&live->keeper_wake);
    struct err e = recorder_create(&live->recorder);
    if (!e.kind) {
        e = thread_start(&live->keeper, "live-keeper", keeper_run, live);
        if (e.kind) recorder_destroy(&live->recorder);
    }
    if (e.kind) {
        condition_destroy(&live->keeper_wake);
        lock_destroy(&live->keeper_lock);
        lock_destroy(&live->table_lock);
        mem_free(live);
        return e;
    }
    *out = live;
    return ERR_OK;
}

void live_destroy(struct live **address) {
    struct live *live = *address;
    if (!live) return;
    *address = NULL;
    lock_take(&live->keeper_lock);
    live->is_stopping = true;
    condition_wake_all(&live->keeper_wake);
    lock_give(&live->keeper_lock);
    thread_join(&live->keeper);
    for (size_t i = 0; i < live->channel_count; i++) channel_close(live->channels[i]);
    recorder_destroy(&live->recorder);
    for (size_t i = 0; i < live->channel_count; i++) {
        struct live_channel *c = live->channels[i];
        lock_destroy(&c->feed_lock);
        lock_destroy(&c->ring_lock);
        condition_destroy(&c->folder_free);
        mem_free(c->taps);
        mem_free(c);
    }
    condition_destroy(&live->keeper_wake);
    lock_destroy(&live->keeper_lock);
    lock_destroy(&live->table_lock);
    mem_free(live);
}

/* A place in the table, taken under that id before the channel is open, so that two who open it at once do not. */
static struct err take_place(struct live *live, const struct public_id *id, size_t *at) {
    size_t free_one = SIZE_MAX;
    struct err e = ERR_OK;
    lock_take(&live->table_lock);
    for (size_t i = 0; i < live->channel_count; i++) {
        if (!live->is_taken[i]) free_one = i;
        else if (!memcmp(live->channels[i]->table_id.text, id->text, PUBLIC_ID_LEN)) e = err_make(ERR_CONFLICT, "live.open", "This channel is open already.");
    }
    if (!e.kind && free_one == SIZE_MAX) {
        struct live_channel *c = live->channel_count < CHANNELS_MAX ? mem_zalloc(sizeof *c) : NULL;
        if (!c) e = live->channel_count < CHANNELS_MAX ? err_memory() : err_make(ERR_LIMIT, "live.many", "There are as many channels open as are allowed. Close one first.");
        else {
            c->live = live;
            lock_init(&c->feed_lock, LOCK_live_feed);
            lock_init(&c->ring_lock, LOCK_live_ring);
            condition_init(&c->folder_free);
            free_one = live->channel_count++;
            live->channels[free_one] = c;
        }
    }
    if (!e.kind) {
        live->is_taken[free_one] = true;
        live->channels[free_one]->table_id = *id;
        *at = free_one;
    }
    lock_give(&live->table_lock);
    return e;
}

static void give_place(struct live *live, const struct live_channel *c) {
    lock_take(&live->table_lock);
    for (size_t i = 0; i < live->channel_count; i++)
        if (live->channels[i] == c) live->is_taken[i] = false;
    lock_give(&live->table_lock);
}

struct err live_channel_open(struct live *live, const struct public_id *id, const struct live_channel_options *options) {
    size_t at;
    struct err e = take_place(live, id, &at);
    if (e.kind) return e;
    e = channel_open(live->channels[at], id, options);
    if (e.kind) give_place(live, live->channels[at]);
    return e;
}

struct err live_channel_end(struct live *live, const struct public_id *id) {
    struct live_channel *c = live_find(live, id);
    return c ? channel_end(c, id) : live_no_channel();
}

struct err live_channel_close(struct live *live, const struct public_id *id) {
    struct live_channel *c = live_find(live, id);
    if (!c) return live_no_channel();
    channel_close(c);
    give_place(live, c);
    return ERR_OK;
}

struct err live_channel_set(struct live *live, const struct public_id *id, uint32_t dvr_ms, bool takes_over) {
    struct live_channel *c = live_find(live, id);
    if (!c) return live_no_channel();
    lock_take(&c->feed_lock);
    bool is_it = channel_is(c, id);
    if (is_it) {
        c->options.takes_over = takes_over;
        lock_take(&c->ring_lock);
        c->dvr_ms = dvr_ms ? dvr_ms : 2 * 3600 * 1000;
        channel_drop_texts(c);
        lock_give(&c->ring_lock);
    }
    lock_give(&c->feed_lock);
    return is_it ? ERR_OK : live_no_channel();
}

size_t live_channels(struct live *live, struct public_id *out, size_t limit) {
    size_t count = 0;
    lock_take(&live->table_lock);
    for (size_t i = 0; i < live->channel_count && count < limit; i++)
        if (live->is_taken[i]) out[count++] = live->channels[i]->table_id;
    lock_give(&live->table_lock);
    return count;
}

/* ---- health ---- */

static void fill_feed(const struct live_channel *c, struct live_health *h) {
    const struct live_feed *f = c->feed;
    h->has_feed = f != NULL;
    if (!f) {
        h->has_video = h->has_audio = false;
        return;
    }
    memcpy(h->protocol, f->protocol, sizeof h->protocol);
    memcpy(h->peer, f->peer, sizeof h->peer);
    memcpy(h->agent, f->agent, sizeof h->agent);
    h->feed_since = f->since;
    h->net = f->net;
    h->capture = f->timeline.capture.source;
    h->drift_ppm = f->timeline.capture.drift_ppm;
    const struct timeline_grid *grid = &f->timeline.tracks[0].grid;
    bool counts = f->has_video && !f->is_opening;
    h->is_variable = counts && !grid->frame;
    h->fps = counts && grid->frame ? (double)grid->rate_num / grid->rate_den : 0;
    h->keyframe_interval_ms = cutter_gop_ms(&c->cutter);
}

static void fill_rates(struct live_channel *c, struct live_health *h) {
    struct mono_time now = clock_mono(c->live->options.clock);
    h->ring_bytes = 0;
    for (size_t i = 0; i < LIVE_RENDITIONS_MAX; i++) {
        const struct rendition *r = &c->renditions[i];
        if (!r->is_used) continue;
        h->ring_bytes += r->ring.bytes;
        bool is_first = r->name[1] == '0', is_old = now.ns - r->recent_from_ns > 5 * NS_PER_S;
        if (r->name[0] == 'v' && is_first) {
            h->video_bps = is_old ? 0 : r->recent_bps;
            if (!h->fps && !is_old) h->fps = r->recent_fps_milli / 1000.0;
        }
        if (r->name[0] == 'a' && is_first) h->audio_bps = is_old ? 0 : r->recent_bps;
        if (!r->ring.count) continue;
        const struct manifest_segment *first = &r->ring.segments[r->ring.first], *last = &r->ring.segments[r->ring.first + r->ring.count - 1];
        int64_t from = timeline_to_ns(first->start, r->hz), to = timeline_to_ns(last->start + last->duration, r->hz);
        if (to - from > h->window_ns) h->window_ns = to - from;
        if (to > h->end_ns) h->end_ns = to;
    }
}

struct err live_channel_health(struct live *live, const struct public_id *id, struct live_health *out) {
    struct live_channel *c = live_find(live, id);
    if (!c) return live_no_channel();
    lock_take(&c->feed_lock);
    bool is_it = channel_is(c, id);
    if (is_it) {
        lock_take(&c->ring_lock);
        struct live_health h = c->health;
        h.state = c->state;
        h.epoch = c->story.has_epoch ? c->story.epoch : (struct utc_time){0};
        h.alarms = c->alarms;
        h.waiters = c->waiter_count;
        fill_feed(c, &h);
        fill_rates(c, &h);
        lock_give(&c->ring_lock);
        *out = h;
    }
    lock_give(&c->feed_lock);
    return is_it ? ERR_OK : live_no_channel();
}

#ifdef GRANDSTAND_TEST_DOORS
void live_test_tick(struct live *live) { keep(live); }

void live_test_hold_disk(struct live *live, bool is_held) { recorder_test_hold(live->recorder, is_held); }

void live_test_flush(struct live *live) {
    for (size_t i = 0; i < CHANNELS_MAX; i++) {
        lock_take(&live->table_lock);
        struct live_channel *c = i < live->channel_count ? live->channels[i] : NULL;
        lock_give(&live->table_lock);
        if (!c) break;
        channel_flush(c);
    }
}
#endif
