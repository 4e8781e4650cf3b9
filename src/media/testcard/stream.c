/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * stream.c: the card on the air. Picture n is due n periods after the first, by the monotonic clock. A picture that is a little late is made up
 * for at once; where the machine is further behind, pictures are left out, so that they never pile up. */
#include <stdio.h>

#include "media/codec/codec.h"
#include "media/rtmp/rtmp.h"
#include "media/testcard/testcard.h"

enum { LATE_MAX = 2 }; /* pictures behind */
enum { SOUND_FRAMES_MAX = 4800, START_MS = 100, TICKS = 1000 / START_MS }; /* START_MS: nothing, priming included, is before 0 */
enum { PICTURE, SOUND };

struct stream {
    const struct testcard_stream_options *options;
    int rate_num, rate_den;
    struct testcard *card;
    struct rtmp_publisher *publisher;
    struct codec_live *encoder;
    struct testcard_progress progress;
    struct mono_time begun, told;
    struct utc_time taken; /* the picture being encoded */
    uint64_t frame;        /* shown on the card: goes on over reconnections */
};

static struct mono_time mono_now(void) { return clock_mono(clock_system()); }

static bool is_cancelled(void *user) {
    const struct stream *s = user;
    return s->options->is_cancelled && s->options->is_cancelled(s->options->user);
}

static bool is_over(const struct stream *s, struct mono_time now) {
    return s->options->ms_max && mono_diff_ns(now, s->begun) >= s->options->ms_max * NS_PER_MS;
}

static void tell(struct stream *s, bool has_changed) {
    struct mono_time now = mono_now();
    if (!has_changed && mono_diff_ns(now, s->told) < NS_PER_S) return;
    s->told = now;
    s->progress.ms = (uint64_t)(mono_diff_ns(now, s->begun) / NS_PER_MS);
    s->progress.bytes = rtmp_publisher_bytes(s->publisher);
    s->progress.round_trip_us = rtmp_publisher_round_trip_us(s->publisher);
    if (s->options->progress) s->options->progress(s->options->user, &s->progress);
}

static struct err send_sample(void *user, const struct codec_live_sample *coded) {
    struct stream *s = user;
    struct feed_sample sample = {.track = coded->is_sound ? SOUND : PICTURE, .is_sync = coded->is_sync, .data = coded->data};
    if (coded->is_sound) {
        sample.dts = sample.pts = coded->time + START_MS * TESTCARD_SOUND_RATE / 1000;
    } else {
        sample.dts = sample.pts = (coded->time * s->rate_den) * TICKS + s->rate_num; /* START_MS later, to the tick */
        sample.captured = s->taken;
        sample.clock_source = FEED_CLOCK_REFERENCE;
    }
    return rtmp_publisher_sample(s->publisher, &sample);
}

static int64_t pictures_in(const struct stream *s, int64_t ns) {
    return (int64_t)((__int128)ns * s->rate_num / ((__int128)s->rate_den * NS_PER_S));
}
static int64_t ns_of(const struct stream *s, int64_t picture) { return (int64_t)((__int128)picture * s->rate_den * NS_PER_S / s->rate_num); }

static int default_kbps(const struct testcard_stream_options *o, double rate) {
    double width = o->card.width ? o->card.width : 1280, height = o->card.height ? o->card.height : 720;
    double kbps = 2500 * width * height * rate / (1280.0 * 720 * 30);
    return kbps < 300 ? 300 : kbps > 12000 ? 12000 : (int)kbps;
}

static struct err open_encoder(struct stream *s) {
    const struct testcard_stream_options *o = s->options;
    int64_t gop = ((int64_t)(o->gop_ms ? o->gop_ms : 1000) * s->rate_num + 500 * s->rate_den) / (1000 * s->rate_den);
    struct codec_live_options live = {
        .width = o->card.width ? o->card.width : 1280,
        .height = o->card.height ? o->card.height : 720,
        .rate_num = s->rate_num,
        .rate_den = s->rate_den,
        .key_frames_every = gop < 1 ? 1 : gop > 100000 ? 100000 : (int)gop,
        .bits_per_s = INT64_C(1000) * (o->bitrate_kbps ? o->bitrate_kbps : default_kbps(o, (double)s->rate_num / s->rate_den)),
        .sound_rate = TESTCARD_SOUND_RATE,
        .sound_channels = TESTCARD_SOUND_CHANNELS,
    };
    struct err e = codec_live_open(&s->encoder, &live, send_sample, s);
    if (e.kind) return e;
    struct cmaf_track tracks[2] = {
        [PICTURE] = {.kind = CMAF_VIDEO,
                     .codec = CMAF_H264,
                     .timescale = (uint32_t)s->rate_num * TICKS,
                     .config = codec_live_picture_config(s->encoder),
                     .width = (uint16_t)live.width,
                     .height = (uint16_t)live.height,
                     .rate_num = (uint32_t)s->rate_num,
                     .rate_den = (uint32_t)s->rate_den},
        [SOUND] = {.kind = CMAF_AUDIO,
                   .codec = CMAF_AAC,
                   .timescale = TESTCARD_SOUND_RATE,
                   .config = codec_live_sound_config(s->encoder),
                   .sample_rate = TESTCARD_SOUND_RATE,
                   .channels = TESTCARD_SOUND_CHANNELS},
    };
    return rtmp_publisher_tracks(s->publisher, tracks, 2);
}

/* Sound from where it ended to `until`, in samples since the start. */
static struct err send_sound(struct stream *s, struct utc_time start, int64_t *done, int64_t until) {
    float samples[SOUND_FRAMES_MAX * TESTCARD_SOUND_CHANNELS] = {0};
    struct err e = ERR_OK;
    while (*done < until && !e.kind) {
        size_t count = until - *done < SOUND_FRAMES_MAX ? (size_t)(until - *done) : SOUND_FRAMES_MAX;
        if (s->options->trouble != TESTCARD_SILENCE)
            testcard_sound((struct utc_time){start.ns + (int64_t)((__int128)*done * NS_PER_S / TESTCARD_SOUND_RATE)}, count, samples);
        e = codec_live_sound(s->encoder, samples, count);
        *done += (int64_t)count;
    }
    return e;
}

static void paint(struct stream *s, struct utc_time start, struct testcard_picture *out) {
    bool is_frozen = s->options->trouble == TESTCARD_FREEZE;
    if (s->options->trouble == TESTCARD_BLACK) testcard_paint_black(s->card, out);
    else testcard_paint(s->card, is_frozen ? start : s->taken, is_frozen ? 0 : s->frame, out);
}

/* One connection, from its first picture on. */
static struct err run_connection(struct stream *s) {
    struct err e = open_encoder(s);
    struct mono_time start = mono_now();
    struct utc_time start_utc = clock_utc(clock_system());
    int64_t picture = 0, sound_done = 0;
    while (!e.kind) {
        e = rtmp_publisher_sleep(s->publisher, mono_add_ns(start, ns_of(s, picture)));
        struct mono_time now = mono_now();
        if (e.kind || is_over(s, now)) break;
        int64_t due = pictures_in(s, mono_diff_ns(now, start));
        if (due > picture + LATE_MAX) {
            s->progress.frames_skipped += (uint64_t)(due - picture);
            s->frame += (uint64_t)(due - picture);
            picture = due;
        }
        s->taken = clock_utc(clock_system());
        int64_t since = ns_of(s, picture), apart = s->taken.ns - start_utc.ns - mono_diff_ns(now, start);
        if (apart > 20 * NS_PER_MS || apart < -20 * NS_PER_MS) start_utc.ns += apart; /* the wall clock was set: the tone follows the lamp */
        e = send_sound(s, start_utc, &sound_done, (int64_t)((__int128)since * TESTCARD_SOUND_RATE / NS_PER_S));
        struct testcard_picture card;
        paint(s, start_utc, &card);
        if (!e.kind) e = codec_live_picture(s->encoder, card.planes, card.strides, picture);
        if (e.kind) break;
        picture++;
        s->frame++;
        s->progress.frames++;
        tell(s, false);
    }
    codec_live_close(&s->encoder);
    return e;
}

static void say(struct stream *s, struct err e) {
    const char *words = rtmp_publisher_words(s->publisher);
    snprintf(s->progress.words, sizeof s->progress.words, "%s", !e.kind ? "" : e.kind == ERR_DENIED && words[0] ? words : e.what);
}

static struct err run(struct stream *s) {
    struct rtmp_retry retry = {0};
    for (unsigned attempt = 0;; attempt++) {
        struct err e = rtmp_publisher_connect(s->publisher);
        if (!e.kind) {
            s->progress.reconnections += attempt > 0;
            s->progress.is_connected = true;
            say(s, ERR_OK);
            tell(s, true);
            e = run_connection(s);
            rtmp_publisher_end(s->publisher);
            s->progress.is_connected = false;
        }
        say(s, e);
        tell(s, true);
        if (!e.kind || !s->options->keeps) return e;
        e = rtmp_publisher_retry(s->publisher, &retry, e);
        if (e.kind || is_over(s, mono_now())) return e;
    }
}

struct err testcard_stream_run(const struct testcard_stream_options *o, struct testcard_progress *out) {
    struct stream s = {.options = o, .rate_num = o->card.rate_num ? o->card.rate_num : 30, .rate_den = o->card.rate_den ? o->card.rate_den : 1};
    if (s.rate_num <= 0 || s.rate_den <= 0 || s.rate_num / s.rate_den > 120 || s.rate_den / s.rate_num > 10 || o->gop_ms < 0 ||
        o->gop_ms > 60000 || o->bitrate_kbps < 0 || (o->bitrate_kbps && o->bitrate_kbps < 50) || o->bitrate_kbps > 100000)
        return err_make(ERR_INPUT, "testcard.options",
                        "A test picture has up to 120 pictures a second, a key frame each 0 to 60 s, and 50 to 100,000 kbit/s.");
    struct rtmp_publisher_options publisher = {.url = o->url, .is_cancelled = is_cancelled, .user = &s};
    struct err e = rtmp_publisher_create(&s.publisher, &publisher);
    if (!e.kind) e = testcard_create(&s.card, &o->card);
    s.begun = s.told = mono_now();
    if (!e.kind) e = run(&s);
    if (s.publisher) s.progress.bytes = rtmp_publisher_bytes(s.publisher);
    *out = s.progress;
    rtmp_publisher_destroy(&s.publisher);
    testcard_destroy(&s.card);
    return e;
}
