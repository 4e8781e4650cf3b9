/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One publisher on a channel: from its samples to the cutter.
 *
 *   begin -> opening: samples are held -> open: a run begins, what was held goes on -> placed one by one
 *                ^                                                                         |
 *                '------------------- times jump, or parameters change --------------------'
 *
 * While opening, samples wait for a key frame and for enough pictures to know their grid, so that the first one lies on it as well; and for the sound
 * that belongs to them, which may have come before. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "media/live/channel.h"
#include "media/scte35/scte35.h"

enum {
    HELD_MAX = 4096, HELD_BYTES_MAX = 48 << 20,
    GRID_PICTURES = 6,        /* enough for timeline_learn without a hint */
    HINTED_PICTURES = 2,
};
#define OPENING_PICTURE_NS (400 * NS_PER_MS) /* this much picture is enough, however few there are */
#define OPENING_SOUND_NS (500 * NS_PER_MS)   /* a publisher without picture: this much sound, in case it comes yet */
#define OPENING_KEY_NS (3 * NS_PER_S)        /* no key frame for so long: sound alone begins */
#define OPENING_SOUND_BEFORE_NS (500 * NS_PER_MS)

static const struct clock *clock_of(const struct live_channel *c) { return c->live->options.clock; }

static struct err ended(void) { return err_make(ERR_CANCELLED, "live.ended", "The event is over."); }

/* ---- holding ---- */

static void count_lost(struct live_feed *f, size_t samples) {
    struct live_channel *c = f->channel;
    lock_take(&c->ring_lock);
    c->health.samples_dropped += samples;
    lock_give(&c->ring_lock);
}

static void drop_held(struct live_feed *f) {
    if (f->held_count) count_lost(f, f->held_count);
    while (f->held) {
        struct held *h = f->held;
        f->held = h->next;
        mem_free(h);
    }
    f->held_end = &f->held;
    f->held_count = f->held_bytes = 0;
}

static struct err hold(struct live_feed *f, const struct feed_sample *s) {
    if (f->held_count == HELD_MAX || f->held_bytes + s->data.len > HELD_BYTES_MAX) { /* the oldest goes */
        struct held *h = f->held;
        if (!h) return err_memory();
        f->held = h->next;
        if (!f->held) f->held_end = &f->held;
        f->held_count--;
        f->held_bytes -= h->sample.data.len;
        mem_free(h);
        count_lost(f, 1);
    }
    struct held *h = mem_alloc(sizeof *h + s->data.len);
    if (!h) return err_memory();
    *h = (struct held){.sample = *s};
    if (s->data.len) memcpy(h + 1, s->data.ptr, s->data.len);
    h->sample.data = slice_of(h + 1, s->data.len);
    *f->held_end = h;
    f->held_end = &h->next;
    f->held_count++;
    f->held_bytes += s->data.len;
    return ERR_OK;
}

enum opening_cause { OPENING_BEGINS, OPENING_JUMPS, OPENING_CHANGES, OPENING_DRIFTS };

static void start_opening(struct live_feed *f, enum opening_cause cause) {
    f->is_opening = true;
    f->is_jump = cause != OPENING_BEGINS;
    f->is_change = cause == OPENING_CHANGES;
    f->is_drift = cause == OPENING_DRIFTS;
    f->holds_key = false;
    f->opening_since = clock_mono(clock_of(f->channel));
}

void feed_abandon(struct live_feed *f, struct err why) {
    f->why = why;
    drop_held(f);
    f->channel->feed = NULL;
}

/* ---- begin and end ---- */

static void free_configs(struct feed_track *tracks) {
    for (size_t i = 0; i < FEED_TRACKS_MAX; i++) MEM_FREE(&tracks[i].config);
}

static void copy_text(char *out, size_t size, struct slice s) { (void)snprintf(out, size, "%.*s", SLICE_ARG(slice_sub(s, 0, size - 1))); }

static struct err may_begin(const struct live_channel *c, const struct public_id *id) {
    if (!channel_is(c, id)) return live_no_channel();
    if (c->state == LIVE_STATE_ENDED) return ended();
    /* An encoder that lost its network comes back before its old connection is noticed to be dead: silence is no publisher. */
    bool is_silent = mono_diff_ns(clock_mono(clock_of(c)), c->sample_at) > FEED_SILENT_MS * NS_PER_MS;
    if (c->feed && !c->options.takes_over && !is_silent)
        return err_make(ERR_CONFLICT, "feed.taken", "Somebody is publishing with this key already. End that first, or allow this channel to be taken over.");
    return ERR_OK;
}

struct err live_feed_may_begin(struct live *live, const struct public_id *id) {
    struct live_channel *c = live_find(live, id);
    if (!c) return live_no_channel();
    lock_take(&c->feed_lock);
    struct err e = may_begin(c, id);
    channel_leave(c);
    return e;
}

struct err live_feed_begin(struct live *live, const struct public_id *id, const struct feed_hello *hello, struct live_feed **out) {
    struct live_channel *c = live_find(live, id);
    if (!c) return live_no_channel();
    struct live_feed *f = mem_zalloc(sizeof *f);
    if (!f) return err_memory();
    f->channel = c;
    f->held_end = &f->held;
    copy_text(f->protocol, sizeof f->protocol, slice_cstr(hello->protocol));
    copy_text(f->peer, sizeof f->peer, hello->peer);
    copy_text(f->agent, sizeof f->agent, hello->agent);
    f->since = clock_utc(live->options.clock);
    lock_take(&c->feed_lock);
    struct err e = may_begin(c, id);
    if (!e.kind) {
        if (c->feed) {
            cutter_flush(&c->cutter);
            feed_abandon(c->feed, err_make(ERR_CANCELLED, "feed.taken_over", "Another encoder took over."));
        }
        c->feed = f;
        timeline_open(&f->timeline, c->story.epoch, c->run);
        start_opening(f, OPENING_BEGINS);
        lock_take(&c->ring_lock);
        channel_set_state(c, LIVE_STATE_LIVE);
        c->live_at = c->feed_at = c->sample_at = c->key_at = clock_mono(clock_of(c));
        c->has_key = false;
        c->loss_count = 0;
        lock_give(&c->ring_lock);
    }
    channel_leave(c);
    if (e.kind) {
        mem_free(f);
        return e;
    }
    *out = f;
    return ERR_OK;
}

void live_feed_end(struct live_feed **address, struct err why) {
    struct live_feed *f = *address;
    if (!f) return;
    *address = NULL;
    struct live_channel *c = f->channel;
    lock_take(&c->feed_lock);
    if (c->feed == f) {
        cutter_flush(&c->cutter);
        c->feed = NULL;
        lock_take(&c->ring_lock);
        channel_set_state(c, LIVE_STATE_WAITING);
        c->sample_at = clock_mono(clock_of(c));
        lock_give(&c->ring_lock);
        drop_held(f);
        log_info("live", "publisher_left", LOG_TEXT("channel", c->id.text), LOG_TEXT("why", why.kind ? why.code : "bye"));
    }
    channel_leave(c);
    free_configs(f->tracks);
    mem_free(f);
}

void live_channel_cut_feed(struct live *live, const struct public_id *id) {
    struct live_channel *c = live_find(live, id);
    if (!c) return;
    lock_take(&c->feed_lock);
    if (channel_is(c, id) && c->feed) {
        cutter_flush(&c->cutter);
        feed_abandon(c->feed, err_make(ERR_CANCELLED, "feed.cut", "The stream key was changed. Enter the new one."));
        lock_take(&c->ring_lock);
        channel_set_state(c, LIVE_STATE_WAITING);
        lock_give(&c->ring_lock);
    }
    channel_leave(c);
}

/* ---- tracks ---- */

/* As it goes out: on our timescale, with our words for what the publisher does not say. */
static void outgoing(const struct live_channel *c, const char *name, const struct cmaf_track *in, char *config, struct cmaf_track *out) {
    *out = *in;
    out->config = slice_of(config, in->config.len);
    out->timescale = in->kind == CMAF_VIDEO ? TIMELINE_VIDEO_HZ : in->sample_rate;
    for (size_t i = 0; i < LIVE_RENDITIONS_MAX; i++)
        if (c->renditions[i].is_used && !strcmp(c->renditions[i].name, name)) out->timescale = c->renditions[i].hz;
    if (in->kind == CMAF_AUDIO && !out->language[0]) memcpy(out->language, c->options.language, sizeof out->language);
}

/* Would a player that was set up for `a` play `b`? */
static bool is_same(const struct cmaf_track *a, const struct cmaf_track *b) {
    return a->kind == b->kind && a->codec == b->codec && slice_eq(a->config, b->config) && a->width == b->width && a->height == b->height &&
           a->rotation == b->rotation && a->aspect_x == b->aspect_x && a->aspect_y == b->aspect_y && a->sample_rate == b->sample_rate && a->channels == b->channels;
}

static void tap_tracks(struct live_feed *f) {
    struct live_channel *c = f->channel;
    if (!c->live->options.tap_tracks) return;
    size_t bytes = 0, count = 0;
    for (size_t i = 0; i < f->track_count; i++)
        if (f->tracks[i].is_taken) bytes += f->tracks[i].track.config.len;
    mem_free(c->tap_configs);
    c->tap_configs = mem_alloc(bytes + 1);
    if (!c->tap_configs) return; /* whoever listens hears of the next change */
    char *at = c->tap_configs;
    for (size_t line = 0; line < TIMELINE_TRACKS_MAX; line++) {
        for (size_t i = 0; i < f->track_count; i++) {
            if (!f->tracks[i].is_taken || f->tracks[i].line != line) continue;
            c->tap_tracks[count] = f->tracks[i].track;
            struct slice *config = &c->tap_tracks[count].config;
            if (config->len) memcpy(at, config->ptr, config->len);
            config->ptr = at;
            at += config->len;
            count++;
        }
    }
    c->tap_track_count = count;
    c->has_tap_tracks = true;
}

struct taking {
    struct feed_track old[FEED_TRACKS_MAX]; /* what was told before */
    size_t old_count;
    size_t videos, audios;
    bool changes;
};

/* One track of the publisher's: is it ours, and is it new? */
static struct err take_track(struct live_feed *f, size_t i, const struct cmaf_track *in, struct taking *t) {
    struct live_channel *c = f->channel;
    bool is_video = in->kind == CMAF_VIDEO;
    struct feed_track *track = &f->tracks[i];
    bool is_wanted = is_video ? t->videos == 0 : t->audios < SOUNDS_MAX && in->sample_rate;
    if (!is_wanted) return ERR_OK;
    char *config = mem_alloc(in->config.len + 1);
    if (!config) return err_memory();
    if (in->config.len) memcpy(config, in->config.ptr, in->config.len);
    struct cmaf_track out;
    char name[8];
    (void)snprintf(name, sizeof name, "%c%zu", is_video ? 'v' : 'a', is_video ? t->videos : t->audios);
    outgoing(c, name, in, config, &out);
    size_t line = is_video ? 0 : 1 + t->audios;
    *(is_video ? &t->videos : &t->audios) += 1;
    const struct feed_track *old = NULL;
    for (size_t k = 0; k < t->old_count; k++)
        if (t->old[k].is_taken && t->old[k].line == line) old = &t->old[k];
    bool goes_on = old && is_same(&old->track, &out);
    size_t rendition = channel_rendition(c, name, is_video, out.timescale);
    if (rendition == SIZE_MAX) {
        mem_free(config);
        return err_make(ERR_LIMIT, "live.tracks", "This channel has as many pictures and sounds as are allowed.");
    }
    if (old && !goes_on) t->changes = true;
    *track = (struct feed_track){.is_taken = true, .rendition = rendition, .line = line, .track = out, .config = config, .needs_key = goes_on ? old->needs_key : is_video};
    struct cmaf_track on_timeline = out;
    on_timeline.timescale = in->timescale;
    timeline_set_track(&f->timeline, line, &on_timeline, goes_on);
    if (is_video) f->has_video = true, f->video = i;
    return ERR_OK;
}

static void note_tracks(struct live_feed *f) {
    struct live_channel *c = f->channel;
    struct live_health *h = &c->health;
    lock_take(&c->ring_lock);
    h->has_video = h->has_audio = false;
    for (size_t i = f->track_count; i-- > 0;) {
        const struct cmaf_track *t = &f->tracks[i].track;
        if (!f->tracks[i].is_taken) continue;
        if (t->kind == CMAF_VIDEO) {
            h->has_video = true;
            h->video_codec = t->codec;
            h->width = t->width;
            h->height = t->height;
            memcpy(h->video_codec_string, t->codec_string, sizeof h->video_codec_string);
        } else {
            h->has_audio = true;
            h->audio_codec = t->codec;
            h->sample_rate = t->sample_rate;
            h->channels = t->channels;
            memcpy(h->audio_codec_string, t->codec_string, sizeof h->audio_codec_string);
        }
    }
    lock_give(&c->ring_lock);
}

static size_t leader_of(const struct live_feed *f) {
    size_t leader = CUTTER_RENDITIONS_MAX;
    for (size_t i = f->track_count; i-- > 0;)
        if (f->tracks[i].is_taken && f->tracks[i].line == 1) leader = f->tracks[i].rendition;
    if (f->has_video && !f->tracks[f->video].needs_key) leader = f->tracks[f->video].rendition;
    return leader;
}

static struct err use_inits(struct live_feed *f) {
    struct err e = ERR_OK;
    for (size_t i = 0; i < f->track_count && !e.kind; i++) {
        struct feed_track *t = &f->tracks[i];
        if (!t->is_taken) continue;
        const struct timeline_grid *grid = &f->timeline.tracks[t->line].grid;
        if (t->track.kind == CMAF_VIDEO && grid->frame) t->track.rate_num = grid->rate_num, t->track.rate_den = grid->rate_den;
        e = channel_use_init(f->channel, t->rendition, &t->track);
    }
    return e;
}

/* Samples that are held know their track by its number, which may be another one now. What has no track any more goes. */
static void renumber_held(struct live_feed *f, const struct taking *t) {
    struct held **at = &f->held;
    f->held_end = &f->held;
    while (*at) {
        struct held *h = *at;
        const struct feed_track *old = &t->old[h->sample.track];
        size_t i = 0;
        while (i < f->track_count && !(f->tracks[i].is_taken && old->is_taken && f->tracks[i].line == old->line)) i++;
        if (i < f->track_count) {
            h->sample.track = i;
            at = &h->next;
            f->held_end = at;
            continue;
        }
        *at = h->next;
        f->held_count--;
        f->held_bytes -= h->sample.data.len;
        mem_free(h);
        count_lost(f, 1);
    }
}

static struct err take_tracks(struct live_feed *f, const struct cmaf_track *tracks, size_t count) {
    struct taking t = {.old_count = f->track_count};
    bool had_video = f->has_video;
    size_t video = f->video;
    memcpy(t.old, f->tracks, sizeof t.old);
    memset(f->tracks, 0, sizeof f->tracks);
    f->has_video = false;
    f->track_count = count;
    struct err e = ERR_OK;
    for (size_t i = 0; i < count && !e.kind; i++) e = take_track(f, i, &tracks[i], &t);
    if (!e.kind && !t.videos && !t.audios)
        e = err_make(ERR_INPUT, "live.tracks", "There is neither a picture nor a sound that can be shown. Set the encoder to H.264 and AAC.");
    if (e.kind) { /* as it was */
        free_configs(f->tracks);
        memcpy(f->tracks, t.old, sizeof t.old);
        f->track_count = t.old_count;
        f->has_video = had_video;
        f->video = video;
        return e;
    }
    renumber_held(f, &t);
    free_configs(t.old);
    note_tracks(f);
    tap_tracks(f);
    if (f->is_opening) return ERR_OK;
    /* In the middle of it: other parameters begin a new run; a track that is new joins the one that is there. */
    if (t.changes) {
        start_opening(f, OPENING_CHANGES);
        return ERR_OK;
    }
    e = use_inits(f);
    if (!e.kind && (had_video != f->has_video || !f->has_video) && leader_of(f) < CUTTER_RENDITIONS_MAX) cutter_lead(&f->channel->cutter, leader_of(f));
    return e;
}

/* Is this feed still the channel's? Otherwise why not. */
static struct err check(const struct live_feed *f) { return f->channel->feed == f ? ERR_OK : f->why.kind ? f->why : ended(); }

struct err live_feed_tracks(struct live_feed *f, const struct cmaf_track *tracks, size_t count) {
    struct live_channel *c = f->channel;
    lock_take(&c->feed_lock);
    struct err e = check(f);
    if (!e.kind && count > FEED_TRACKS_MAX) e = err_make(ERR_LIMIT, "live.tracks", "A stream may have eight tracks at most.");
    if (!e.kind) e = take_tracks(f, tracks, count);
    channel_leave(c);
    return e;
}

/* ---- one sample ---- */

static void tap_sample(struct live_feed *f, const struct feed_track *t, const struct timeline_place *p, const struct feed_sample *s, struct held *held) {
    struct live_channel *c = f->channel;
    if (c->tap_count == c->tap_capacity) {
        size_t capacity = c->tap_capacity ? c->tap_capacity * 2 : 4;
        struct tapped *grown = mem_realloc_array(c->taps, capacity, sizeof *grown);
        if (!grown) return;
        c->taps = grown;
        c->tap_capacity = capacity;
    }
    size_t index = 0;
    for (size_t line = 0; line < t->line; line++)
        for (size_t i = 0; i < f->track_count; i++) index += f->tracks[i].is_taken && f->tracks[i].line == line;
    c->taps[c->tap_count++] = (struct tapped){.track = index, .owned = held,
                                              .sample = {.dts = p->dts, .pts = p->pts, .duration = p->duration, .bytes = (uint32_t)s->data.len, .is_sync = s->is_sync, .data = s->data.ptr}};
}

static void note_end(struct live_channel *c, const struct timeline_place *p, uint32_t hz) {
    int64_t end = timeline_to_ns((p->pts > p->dts ? p->pts : p->dts) + (p->duration ? p->duration : hz / 30), hz);
    if (end > c->end_ns) c->end_ns = end;
}

/* Sound whose sample rate is not the one that the rendition began with: its timescale stays, times are rounded to it. */
static void to_rendition(struct timeline_place *p, uint32_t from_hz, uint32_t to_hz) {
    if (p->pts < 0) p->pts = 0;
    if (from_hz == to_hz) return;
    int64_t end = timeline_from_ns(timeline_to_ns(p->dts + p->duration, from_hz), to_hz);
    p->dts = timeline_from_ns(timeline_to_ns(p->dts, from_hz), to_hz);
    p->pts = timeline_from_ns(timeline_to_ns(p->pts, from_hz), to_hz);
    if (p->duration) p->duration = (uint32_t)(end - p->dts);
}

/* Returns true if `held` was handed on. */
static bool place(struct live_feed *f, const struct feed_sample *s, struct held *held) {
    struct live_channel *c = f->channel;
    struct feed_track *t = &f->tracks[s->track];
    if (t->needs_key && s->is_sync) {
        t->needs_key = false;
        cutter_lead(&c->cutter, t->rendition);
    }
    if (t->needs_key) {
        count_lost(f, 1);
        return false;
    }
    struct timeline_place p;
    struct feed_sample on_line = *s;
    on_line.track = t->line;
    timeline_place(&f->timeline, &on_line, &p);
    if (p.is_drop) {
        count_lost(f, 1);
        return false;
    }
    to_rendition(&p, f->timeline.tracks[t->line].out_hz, t->track.timescale);
    c->skew_ns = timeline_captured(&f->timeline, 0).ns;
    c->has_skew = true;
    note_end(c, &p, t->track.timescale);
    struct cutter_sample sample = {.dts = p.dts, .pts = p.pts, .duration = p.duration, .run = p.run, .run_start_ns = f->timeline.run_start_ns, .is_sync = s->is_sync,
                                   .init = c->renditions[t->rendition].init, .data = s->data, .arrived_ns = clock_mono(clock_of(c)).ns};
    cutter_add(&c->cutter, t->rendition, &sample);
    if (!c->live->options.tap_sample) return false;
    size_t before = c->tap_count;
    tap_sample(f, t, &p, s, held);
    return c->tap_count > before && held;
}

/* ---- opening ---- */

struct opening {
    const struct held *key;   /* the first picture that can begin, or of a jump the first that there is */
    const struct held *base;  /* the earliest sample that goes on */
    int64_t key_ns, base_ns, span_ns, sound_ns;
    int64_t times[TIMELINE_WARM];
    size_t pictures;
};

/* What is held, as far as it matters. */
static void survey(const struct live_feed *f, struct opening *o) {
    int64_t first_sound = INT64_MAX, last_sound = INT64_MIN;
    *o = (struct opening){0};
    for (const struct held *h = f->held; h; h = h->next) {
        const struct feed_track *t = &f->tracks[h->sample.track];
        if (!t->is_taken) continue;
        int64_t ns = timeline_source_ns(&f->timeline, t->line, h->sample.dts);
        if (t->track.kind == CMAF_AUDIO) {
            if (ns < first_sound) first_sound = ns;
            if (ns > last_sound) last_sound = ns;
            continue;
        }
        if (!o->key && (h->sample.is_sync || !t->needs_key)) o->key = h, o->key_ns = ns;
        if (!o->key) continue;
        if (o->pictures < TIMELINE_WARM) o->times[o->pictures] = h->sample.dts;
        o->pictures++;
        o->span_ns = ns - o->key_ns;
    }
    o->sound_ns = last_sound > first_sound ? last_sound - first_sound : 0;
    for (const struct held *h = f->held; h; h = h->next) {
        const struct feed_track *t = &f->tracks[h->sample.track];
        if (!t->is_taken) continue;
        int64_t ns = timeline_source_ns(&f->timeline, t->line, h->sample.dts);
        if (o->key && (ns < o->key_ns - OPENING_SOUND_BEFORE_NS || ns > o->key_ns + NS_PER_S * 2)) continue;
        if (t->track.kind == CMAF_VIDEO && !o->key) continue;
        if (!o->base || ns < o->base_ns) o->base = h, o->base_ns = ns;
    }
}

static bool is_ready(const struct live_feed *f, const struct opening *o) {
    if (!o->base) return false;
    int64_t waited = mono_diff_ns(clock_mono(clock_of(f->channel)), f->opening_since);
    if (!f->has_video) return f->is_jump || o->sound_ns >= OPENING_SOUND_NS || waited >= OPENING_KEY_NS;
    if (!o->key) return o->sound_ns >= OPENING_KEY_NS || (o->sound_ns > 0 && waited >= OPENING_KEY_NS) || (f->is_jump && o->sound_ns >= OPENING_SOUND_NS);
    const struct timeline_grid *grid = &f->timeline.tracks[0].grid;
    return grid->frame || o->pictures >= (grid->hint ? HINTED_PICTURES : GRID_PICTURES) || llabs(o->span_ns) >= OPENING_PICTURE_NS || waited >= OPENING_KEY_NS;
}

static void ensure_epoch(struct live_channel *c, struct utc_time captured) {
    if (c->story.has_epoch) return;
    struct buf log = BUF(1 << 16);
    struct utc_time epoch = {captured.ns / NS_PER_MS * NS_PER_MS};
    lock_take(&c->ring_lock);
    story_begin(&c->story, epoch, &log);
    lock_give(&c->ring_lock);
    channel_log(c, &log);
}

/* Does a sample that was held go on? Pictures before the key frame cannot be decoded, sound before it belongs to them. */
static bool goes_on(const struct live_feed *f, const struct opening *o, const struct held *h, bool is_before_key) {
    const struct feed_track *t = &f->tracks[h->sample.track];
    if (!t->is_taken || (t->track.kind == CMAF_VIDEO && is_before_key)) return false;
    if (o->key && !f->is_jump && timeline_source_ns(&f->timeline, t->line, h->sample.dts) < o->base_ns) return false;
    return timeline_look(&f->timeline, &(struct feed_sample){.track = t->line, .dts = h->sample.dts}) == TIMELINE_STAYS;
}

static void place_held(struct live_feed *f, const struct opening *o) {
    struct held *held = f->held;
    f->held = NULL;
    f->held_end = &f->held;
    f->held_count = f->held_bytes = 0;
    bool is_before_key = o->key != NULL;
    while (held) {
        struct held *h = held;
        bool is_handed_on = false;
        held = h->next;
        if (h == o->key) is_before_key = false;
        if (goes_on(f, o, h, is_before_key)) is_handed_on = place(f, &h->sample, h);
        else count_lost(f, 1);
        if (!is_handed_on) mem_free(h);
    }
}

static struct err open_run(struct live_feed *f, const struct opening *o) {
    struct live_channel *c = f->channel;
    ensure_epoch(c, o->base->sample.captured);
    f->timeline.epoch = c->story.epoch;
    if (o->key) timeline_learn(&f->timeline, 0, o->times, o->pictures < TIMELINE_WARM ? o->pictures : TIMELINE_WARM);
    struct err e = use_inits(f);
    if (e.kind) return e;
    const struct feed_sample *base = &o->base->sample;
    int64_t start = timeline_begin_run(&f->timeline, f->tracks[base->track].line, o->base_ns, base->captured, c->end_ns, f->is_jump && !f->is_drift, f->is_change || f->is_drift);
    /* A clock that runs fast has come further on the timeline than the day has: the run begins where the one before ended, and its period when it was captured. */
    int64_t wall = base->captured.ns - c->story.epoch.ns;
    channel_begin_run(c, f->timeline.run, start, f->is_drift && wall < start && wall >= 0 ? wall : start);
    if (o->key) f->tracks[f->video].needs_key = false;
    if (leader_of(f) < CUTTER_RENDITIONS_MAX) cutter_lead(&c->cutter, leader_of(f));
    f->is_opening = false;
    place_held(f, o);
    return ERR_OK;
}

static struct err take_sample(struct live_feed *f, const struct feed_sample *s) {
    struct feed_track *t = &f->tracks[s->track];
    if (!t->is_taken) return ERR_OK;
    struct feed_sample on_line = *s;
    on_line.track = t->line;
    if (!f->is_opening && timeline_look(&f->timeline, &on_line) == TIMELINE_JUMPS) start_opening(f, OPENING_JUMPS);
    /* Endless channels: with the key frame, so that nobody but a DASH player notices. */
    if (!f->is_opening && s->is_sync && t->line == (f->has_video ? 0 : 1) && timeline_has_drifted(&f->timeline)) start_opening(f, OPENING_DRIFTS);
    if (!f->is_opening) {
        (void)place(f, s, NULL);
        return ERR_OK;
    }
    if (t->needs_key && s->is_sync) f->holds_key = true;
    if (t->needs_key && !f->holds_key) { /* nobody will be able to decode it */
        count_lost(f, 1);
        return ERR_OK;
    }
    struct err e = hold(f, s);
    struct opening o;
    survey(f, &o);
    return !e.kind && is_ready(f, &o) ? open_run(f, &o) : e;
}

static void count_sample(struct live_channel *c, const struct feed_track *t, const struct feed_sample *s) {
    struct mono_time now = clock_mono(clock_of(c));
    struct rendition *r = &c->renditions[t->rendition];
    lock_take(&c->ring_lock);
    c->health.samples++;
    c->sample_at = now;
    if (t->track.kind == CMAF_VIDEO && s->is_sync) {
        c->key_at = now;
        c->has_key = true;
    } else if (t->track.kind == CMAF_VIDEO && !c->has_key && mono_diff_ns(now, c->feed_at) > KEYFRAME_MS * NS_PER_MS) {
        c->has_key = true; /* none at all yet: the alarm counts from the publisher's coming */
        c->key_at = c->feed_at;
    }
    r->recent_samples++;
    int64_t passed = now.ns - r->recent_from_ns;
    if (passed >= 2 * NS_PER_S) {
        r->recent_bps = passed < 10 * NS_PER_S ? (uint32_t)((__int128)r->recent_bytes * 8 * NS_PER_S / passed) : 0;
        r->recent_fps_milli = passed < 10 * NS_PER_S ? (uint32_t)((__int128)r->recent_samples * 1000 * NS_PER_S / passed) : 0;
        r->recent_bytes = r->recent_samples = 0;
        r->recent_from_ns = now.ns;
    }
    lock_give(&c->ring_lock);
}

struct err live_feed_sample(struct live_feed *f, const struct feed_sample *s) {
    struct live_channel *c = f->channel;
    lock_take(&c->feed_lock);
    struct err e = check(f);
    if (!e.kind && (s->track >= f->track_count || s->data.len > FEED_SAMPLE_BYTES_MAX))
        e = err_make(ERR_INPUT, "live.sample", "A sample belongs to no track, or is larger than 32 MB.");
    if (!e.kind && f->tracks[s->track].is_taken) {
        count_sample(c, &f->tracks[s->track], s);
        e = take_sample(f, s);
        if (e.kind) count_lost(f, 1);
    }
    channel_leave(c);
    return e;
}

/* ---- beside the samples ---- */

/* The newest cue of an SCTE 35 event. Events use their numbers again: the lower bits of an id tell how often. */
static const struct manifest_cue *cue_of(const struct live_channel *c, uint32_t event) {
    const struct manifest_cue *found = NULL;
    for (size_t i = 0; i < c->story.cue_count; i++)
        if (c->story.cues[i].id >> 16 == event && (!found || c->story.cues[i].id > found->id)) found = &c->story.cues[i];
    return found;
}

/* What an SCTE 35 section does to the cues that are there; false: nothing. Sections are repeated, so that no receiver misses them. */
static bool apply_cue(const struct live_channel *c, const struct scte35_cue *in, struct slice section, int64_t ns, int64_t utc_ns, struct manifest_cue *out) {
    const struct manifest_cue *known = cue_of(c, in->event_id);
    bool is_running = known && known->end_ns < 0 && (known->planned_ns < 0 || ns <= known->start_ns + known->planned_ns + NS_PER_S);
    struct manifest_cue fresh = {.id = known ? known->id + 1 : (uint64_t)in->event_id << 16, .start_ns = ns, .utc_ns = utc_ns, .planned_ns = -1, .end_ns = -1};
    switch (in->role) {
    case SCTE35_ROLE_OUT:
        if (is_running && known->out.len) return false; /* told again */
        fresh.out = section;
        if (in->has_duration) fresh.planned_ns = (int64_t)(in->duration_90k * 100000 / 9);
        break;
    case SCTE35_ROLE_IN:
        if (known && known->in.len && ns - known->end_ns < NS_PER_S) return false;
        if (is_running) {
            fresh = *known;
            fresh.end_ns = ns > known->start_ns ? ns : known->start_ns;
            fresh.in = section;
        } else {
            fresh.command = section;
        }
        break;
    case SCTE35_ROLE_CANCEL:
        if (!is_running) return false;
        fresh = *known;
        fresh.end_ns = ns > known->start_ns ? ns : known->start_ns;
        break;
    case SCTE35_ROLE_MARK:
        if (known && slice_eq(known->command, section)) return false;
        fresh.command = section;
        break;
    default: return false;
    }
    *out = fresh;
    return true;
}

void live_feed_cue(struct live_feed *f, struct slice section, int64_t pts, uint32_t timescale) {
    struct live_channel *c = f->channel;
    struct scte35_cue parsed;
    if (!timescale || scte35_parse(section, &parsed).kind) return;
    lock_take(&c->feed_lock);
    if (!check(f).kind && f->timeline.has_run) {
        int64_t ns = timeline_to_ns(pts, timescale) + f->timeline.run_offset_ns;
        if (ns < 0 || llabs(ns - c->end_ns) > 3600 * NS_PER_S) ns = c->end_ns; /* on another clock than the picture */
        struct manifest_cue cue;
        struct buf log = BUF(1 << 16);
        lock_take(&c->ring_lock);
        bool is_new = apply_cue(c, &parsed, section, ns, timeline_captured(&f->timeline, ns).ns, &cue);
        struct err e = is_new ? story_put_cue(&c->story, &cue, &log) : ERR_OK;
        if (is_new) channel_drop_texts(c);
        lock_give(&c->ring_lock);
        if (e.kind) log_warn("live", "cue_lost", LOG_TEXT("channel", c->id.text), LOG_ERR(e));
        channel_log(c, &log);
    }
    channel_leave(c);
}

/* What a viewer misses: SRT asks again for what is lost, and drops what does not come in time. */
static uint64_t missed(const struct feed_health *net) { return net->packets_dropped + (net->packets_retransmitted ? 0 : net->packets_lost); }

void live_feed_health(struct live_feed *f, const struct feed_health *net) {
    struct live_channel *c = f->channel;
    lock_take(&c->feed_lock);
    f->net = *net;
    if (c->feed == f) {
        lock_take(&c->ring_lock);
        if (missed(net) > c->loss_count) c->loss_at = clock_mono(clock_of(c));
        c->loss_count = missed(net);
        lock_give(&c->ring_lock);
    }
    channel_leave(c);
}
