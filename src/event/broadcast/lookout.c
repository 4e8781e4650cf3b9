/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "event/broadcast/lookout.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "event/broadcast/room.h"
#include "media/transcoder/transcoder.h"

enum { STILL_INTERVAL_MS = 5000, NO_TRACK = -1 };
#define SOUND_NAME "a7" /* the encoded form of a sound that no browser plays; a0 to a3 are the publisher's */

struct lookout {
    struct broadcast *b;
    struct public_id channel;
    struct transcoder *transcoder;
    atomic_uint references;
    /* Of the feed's thread. */
    int picture, sound; /* which of the tracks they are; NO_TRACK */
    /* Of the transcoder's thread. */
    struct live_rendition *renditions[TRANSCODER_RENDITIONS_MAX], *encoded;
    bool has_poster;
};

/* --- what the transcoder says --- */

static void rendition_begin(struct lookout *l, struct live_rendition **r, const char *name, const struct cmaf_track *track) {
    live_rendition_close(r);
    struct err e = live_rendition_open(l->b->o.live, &l->channel, name, track, r);
    if (e.kind) log_warn("broadcast", "no rendition", LOG_TEXT("channel", l->channel.text), LOG_TEXT("name", name), LOG_ERR(e));
}

static void rendition_add(struct live_rendition **r, const struct cmaf_sample *sample) {
    struct err e = *r ? live_rendition_sample(*r, sample) : ERR_OK;
    if (e.kind == ERR_CANCELLED) live_rendition_close(r); /* the event is over; what came too late is a hole, which the playlist says */
}

static void on_rendition(void *user, size_t index, const struct cmaf_track *track) {
    struct lookout *l = user;
    char name[8];
    snprintf(name, sizeof name, "v%zu", index + 1);
    rendition_begin(l, &l->renditions[index], name, track);
}
static void on_rendition_sample(void *user, size_t index, const struct cmaf_sample *sample) { rendition_add(&((struct lookout *)user)->renditions[index], sample); }
static void on_sound(void *user, const struct cmaf_track *track) {
    struct lookout *l = user;
    rendition_begin(l, &l->encoded, SOUND_NAME, track);
}
static void on_sound_sample(void *user, const struct cmaf_sample *sample) { rendition_add(&((struct lookout *)user)->encoded, sample); }

static void on_level(void *user, double rms_dbfs, double peak_dbfs) {
    struct lookout *l = user;
    (void)peak_dbfs;
    live_channel_level(l->b->o.live, &l->channel, rms_dbfs > 0 ? 0 : rms_dbfs);
}

static void on_alarm(void *user, enum transcoder_alarm alarm, bool is_on) {
    static const enum live_alarm alarms[] = {[TRANSCODER_SILENCE] = LIVE_ALARM_SILENCE, [TRANSCODER_BLACK] = LIVE_ALARM_BLACK,
                                             [TRANSCODER_FREEZE] = LIVE_ALARM_FREEZE};
    struct lookout *l = user;
    live_channel_alarm(l->b->o.live, &l->channel, alarms[alarm], is_on);
}

static void on_still(void *user, const struct transcoder_still *s) {
    struct lookout *l = user;
    struct err e;
    if (s->is_preview) {
        e = live_channel_preview(l->b->o.live, &l->channel, s->jpeg);
        if (!e.kind && !l->has_poster) broadcast_news(l->b, NEWS_POSTER, &l->channel);
        l->has_poster |= !e.kind;
    } else {
        struct live_still still = {.jpeg = s->jpeg, .time_ns = (int64_t)((__int128)s->pts * NS_PER_S / s->timescale), .interval_ms = STILL_INTERVAL_MS,
                                   .count = 1, .width = s->width, .height = s->height, .columns = 1, .rows = 1};
        e = live_channel_still(l->b->o.live, &l->channel, &still);
    }
    if (e.kind && e.kind != ERR_NOT_FOUND && e.kind != ERR_CANCELLED) log_warn("broadcast", "still lost", LOG_TEXT("channel", l->channel.text), LOG_ERR(e));
}

static void on_state(void *user, enum transcoder_state state) {
    static const char *const names[] = {[TRANSCODER_STARTING] = "starting", [TRANSCODER_RUNNING] = "running", [TRANSCODER_BEHIND] = "behind",
                                        [TRANSCODER_DOWN] = "down"};
    const struct lookout *l = user;
    if (state >= TRANSCODER_BEHIND) log_warn("broadcast", "transcoder", LOG_TEXT("channel", l->channel.text), LOG_TEXT("state", names[state]));
}

/* --- what it is given --- */

void lookout_tracks(struct lookout *l, const struct cmaf_track *tracks, size_t count) {
    l->picture = l->sound = NO_TRACK;
    for (size_t i = 0; i < count; i++) {
        if (tracks[i].kind == CMAF_VIDEO && l->picture == NO_TRACK) l->picture = (int)i;
        if (tracks[i].kind == CMAF_AUDIO && l->sound == NO_TRACK) l->sound = (int)i;
    }
    struct err e = transcoder_tracks(l->transcoder, l->picture == NO_TRACK ? NULL : &tracks[l->picture], l->sound == NO_TRACK ? NULL : &tracks[l->sound]);
    if (e.kind) log_warn("broadcast", "transcoder", LOG_TEXT("channel", l->channel.text), LOG_ERR(e));
}

void lookout_sample(struct lookout *l, size_t track, const struct cmaf_sample *sample) {
    if ((int)track == l->picture) transcoder_sample(l->transcoder, TRANSCODER_PICTURE, sample);
    else if ((int)track == l->sound) transcoder_sample(l->transcoder, TRANSCODER_SOUND, sample);
}

/* --- its life --- */

struct lookout *lookout_create(struct broadcast *b, const struct public_id *channel, const struct broadcast_settings *settings) {
    struct lookout *l = mem_zalloc(sizeof *l);
    if (!l) return NULL;
    *l = (struct lookout){.b = b, .channel = *channel, .picture = NO_TRACK, .sound = NO_TRACK};
    atomic_init(&l->references, 1);
    struct transcoder_options options = {.encodes_sound = true, .still_interval_ms = STILL_INTERVAL_MS, .user = l, .rendition = on_rendition,
                                         .rendition_sample = on_rendition_sample, .sound = on_sound, .sound_sample = on_sound_sample, .level = on_level,
                                         .alarm = on_alarm, .still = on_still, .state = on_state};
    for (size_t i = 0; i < TRANSCODER_RENDITIONS_MAX && i < BROADCAST_LADDER_MAX; i++) options.heights[i] = settings->ladder[i];
    struct err e = transcoder_create(&options, &l->transcoder);
    if (e.kind) {
        log_warn("broadcast", "transcoder", LOG_TEXT("channel", channel->text), LOG_ERR(e));
        MEM_FREE(&l);
    }
    return l;
}

void lookout_retain(struct lookout *l) { atomic_fetch_add_explicit(&l->references, 1, memory_order_relaxed); }

void lookout_release(struct lookout **lookout) {
    struct lookout *l = *lookout;
    *lookout = NULL;
    if (!l || atomic_fetch_sub_explicit(&l->references, 1, memory_order_acq_rel) > 1) return;
    transcoder_destroy(&l->transcoder);
    for (size_t i = 0; i < TRANSCODER_RENDITIONS_MAX; i++) live_rendition_close(&l->renditions[i]);
    live_rendition_close(&l->encoded);
    mem_free(l);
}
