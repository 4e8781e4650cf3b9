/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * worker.c: the child's life. It reads what it is told, one message after the other, and says what comes of it. Everything here runs
 * behind the sandbox; any error ends the process, and the parent starts another. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "media/codec/codec.h"
#include "media/codec/codec_stranger.h"
#include "media/transcoder/record.h"
#include "media/transcoder/watch.h"

enum { STILL_QUALITY = 72, PREVIEW_QUALITY = 80, SOUND_RENDITION = TRANSCODER_RENDITIONS_MAX, LOOK_EVERY_MS = 900, WIDTH_MAX = 3840 };

struct worker {
    struct child_writer out;
    struct ask_begin begin;
    struct cmaf_track picture, sound; /* kind CMAF_KIND_NONE: there is none */
    struct buf picture_config, sound_config;

    struct codec_ladder *ladder;
    size_t rendition_of[CODEC_LADDER_MAX]; /* rung of the ladder -> index into heights */
    struct codec_transcode *sound_encoder;
    struct codec_level *level;
    struct codec_stills *stills;
    struct watch watch;
    bool has_looked, has_still, has_preview;
    int64_t looked_at_ns, still_at_ns, preview_at_ns;
    struct buf jpeg;
};

/* Both ends are one program: what does not fit is a bug of ours. */
static const struct err unasked = {.kind = ERR_BUG, .code = "transcoder.asked", .what = "The transcoder was told something that it does not understand."};

/* --- saying --- */

static struct err say(struct worker *w, enum said_type type, const struct slice *parts, size_t count) {
    if (!child_writer_put(&w->out, type, parts, count)) return err_memory();
    return child_writer_flush(&w->out, -1, NULL);
}

static struct err say_track(struct worker *w, enum said_type type, size_t rendition, const struct cmaf_track *track) {
    struct said_rendition about = {.rendition = (uint32_t)rendition, .track = wire_of(track)};
    const struct slice parts[] = {slice_of(&about, sizeof about), track->config};
    return say(w, type, parts, ARRAY_LEN(parts));
}

static struct err say_sample(struct worker *w, enum said_type type, size_t rendition, const struct cmaf_sample *sample) {
    struct wire_sample about = {.dts = sample->dts, .pts = sample->pts, .track = (uint32_t)rendition, .duration = sample->duration, .is_sync = sample->is_sync};
    const struct slice parts[] = {slice_of(&about, sizeof about), slice_of(sample->data, sample->bytes)};
    return say(w, type, parts, ARRAY_LEN(parts));
}

static struct err on_rung_track(void *user, size_t rung, const struct cmaf_track *track) {
    struct worker *w = user;
    return say_track(w, SAID_RENDITION, w->rendition_of[rung], track);
}
static struct err on_rung_sample(void *user, size_t rung, const struct cmaf_sample *sample) {
    struct worker *w = user;
    return say_sample(w, SAID_RENDITION_SAMPLE, w->rendition_of[rung], sample);
}
static struct err on_sound_track(void *user, const struct cmaf_track *track) { return say_track(user, SAID_SOUND, 0, track); }
static struct err on_sound_sample(void *user, const struct cmaf_sample *sample) { return say_sample(user, SAID_SOUND_SAMPLE, SOUND_RENDITION, sample); }

static struct err say_alarms(struct worker *w, const struct watch *before) {
    const bool was[TRANSCODER_ALARMS] = {[TRANSCODER_SILENCE] = before->is_silent, [TRANSCODER_BLACK] = before->is_black, [TRANSCODER_FREEZE] = before->is_frozen};
    const bool is[TRANSCODER_ALARMS] = {[TRANSCODER_SILENCE] = w->watch.is_silent, [TRANSCODER_BLACK] = w->watch.is_black, [TRANSCODER_FREEZE] = w->watch.is_frozen};
    struct err e = ERR_OK;
    for (uint32_t i = 0; !e.kind && i < TRANSCODER_ALARMS; i++) {
        if (was[i] == is[i]) continue;
        struct said_alarm about = {.alarm = i, .is_on = is[i]};
        e = say(w, SAID_ALARM, &(struct slice){.ptr = (const char *)&about, .len = sizeof about}, 1);
    }
    return e;
}

/* --- looking and listening --- */

static void on_second(void *user, const struct codec_loudness *loudness) {
    struct worker *w = user;
    struct said_level about = {.rms_dbfs = loudness->rms_dbfs, .peak_dbfs = loudness->peak_dbfs};
    struct watch before = w->watch;
    struct err e = say(w, SAID_LEVEL, &(struct slice){.ptr = (const char *)&about, .len = sizeof about}, 1);
    if (!e.kind && watch_second(&w->watch, loudness->rms_dbfs)) e = say_alarms(w, &before);
    if (e.kind) _Exit(1); /* the parent is gone */
}

static bool is_time(bool has, int64_t last_ns, int64_t now_ns, int64_t every_ms) { return !has || now_ns < last_ns || now_ns - last_ns >= every_ms * NS_PER_MS; }

static struct err say_still(struct worker *w, const struct codec_still *still, const struct cmaf_sample *sample, bool is_preview) {
    buf_clear(&w->jpeg);
    struct err e = codec_still_jpeg(CODEC_RGB, still->rgb, (int)still->width, (int)still->height, still->width * 3, is_preview ? PREVIEW_QUALITY : STILL_QUALITY, &w->jpeg);
    if (e.kind) return e;
    struct said_still about = {.pts = sample->pts, .timescale = w->picture.timescale, .width = still->width, .height = still->height, .is_preview = is_preview};
    const struct slice parts[] = {slice_of(&about, sizeof about), buf_slice(&w->jpeg)};
    return say(w, SAID_STILL, parts, ARRAY_LEN(parts));
}

/* A key picture by itself: for black and freeze, and now and then as a still. */
static struct err look(struct worker *w, const struct cmaf_sample *sample) {
    int64_t at_ns = (int64_t)((double)sample->pts / w->picture.timescale * NS_PER_S);
    if (!w->stills || !is_time(w->has_looked, w->looked_at_ns, at_ns, LOOK_EVERY_MS)) return ERR_OK;
    struct codec_still still;
    struct slice payload = slice_of(sample->data, sample->bytes);
    struct err e = codec_stills_decode(w->stills, payload, WIDTH_MAX, w->begin.still_height, &still);
    if (e.kind) return strcmp(e.code, "memory") ? ERR_OK : e; /* a damaged picture tells nothing */
    w->has_looked = true;
    w->looked_at_ns = at_ns;
    struct watch before = w->watch;
    if (watch_picture(&w->watch, still.rgb, still.width, still.height, at_ns)) e = say_alarms(w, &before);
    if (w->begin.skips_stills) return e;
    if (!e.kind && is_time(w->has_still, w->still_at_ns, at_ns, w->begin.still_interval_ms)) {
        w->has_still = true;
        w->still_at_ns = at_ns;
        e = say_still(w, &still, sample, false);
    }
    if (!e.kind && is_time(w->has_preview, w->preview_at_ns, at_ns, w->begin.preview_interval_ms)) {
        w->has_preview = true;
        w->preview_at_ns = at_ns;
        e = codec_stills_decode(w->stills, payload, WIDTH_MAX, w->begin.preview_height, &still);
        if (e.kind) return strcmp(e.code, "memory") ? ERR_OK : e;
        e = say_still(w, &still, sample, true);
    }
    return e;
}

/* --- being told --- */

static struct slice kept(struct buf *b, struct slice bytes) {
    buf_clear(b);
    buf_append(b, bytes);
    return buf_slice(b);
}

static void tools_close(struct worker *w) {
    codec_ladder_close(&w->ladder);
    codec_transcode_close(&w->sound_encoder);
    codec_level_close(&w->level);
    codec_stills_close(&w->stills);
}

/* What cannot be decoded is left alone: the channel goes on without pictures of it. */
static struct err unless_unsupported(struct err e) { return !e.kind || !strcmp(e.code, "media.unsupported") ? ERR_OK : e; }

static struct err tools_open(struct worker *w) {
    struct err e = ERR_OK;
    struct codec_ladder_options ladder = {.sample = on_rung_sample, .track = on_rung_track, .user = w};
    if (w->picture.kind) {
        uint32_t width, height;
        cmaf_track_display_size(&w->picture, &width, &height);
        uint32_t lines = width < height ? width : height;
        for (size_t i = 0; i < TRANSCODER_RENDITIONS_MAX; i++) {
            if (!w->begin.heights[i] || w->begin.heights[i] >= lines) continue;
            w->rendition_of[ladder.count] = i;
            ladder.heights[ladder.count++] = w->begin.heights[i];
        }
        if (ladder.count) e = unless_unsupported(codec_ladder_open(&w->picture, &ladder, &w->ladder));
        if (!e.kind) e = unless_unsupported(codec_stills_open(&w->picture, 1, &w->stills));
    }
    if (!e.kind && w->sound.kind) {
        struct codec_transcode_options encode = {.track = on_sound_track, .sample = on_sound_sample, .user = w};
        e = unless_unsupported(codec_level_open(&w->sound, &w->level));
        if (!e.kind && w->begin.encodes_sound && !codec_is_playable(&w->sound)) e = unless_unsupported(codec_transcode_open_track(&w->sound, &encode, &w->sound_encoder));
    }
    return e;
}

static struct err take_tracks(struct worker *w, struct slice body) {
    struct ask_tracks ask;
    if (body.len < sizeof ask) return unasked;
    memcpy(&ask, body.ptr, sizeof ask);
    struct slice configs = slice_sub(body, sizeof ask, body.len);
    if (ask.tracks[0].config_bytes > configs.len || ask.tracks[1].config_bytes != configs.len - ask.tracks[0].config_bytes) return unasked;
    tools_close(w);
    struct watch quiet = {0}, before = w->watch;
    w->watch = quiet;
    w->has_looked = w->has_still = w->has_preview = false;
    struct err e = say_alarms(w, &before);
    if (e.kind) return e;
    w->picture = w->sound = (struct cmaf_track){0};
    struct slice first = kept(&w->picture_config, slice_sub(configs, 0, ask.tracks[0].config_bytes));
    struct slice second = kept(&w->sound_config, slice_sub(configs, ask.tracks[0].config_bytes, configs.len));
    if (ask.tracks[0].kind && !wire_track_read(&ask.tracks[0], first, &w->picture)) return unasked;
    if (ask.tracks[1].kind && !wire_track_read(&ask.tracks[1], second, &w->sound)) return unasked;
    return tools_open(w);
}

static struct err take_sample(struct worker *w, struct slice body) {
    struct wire_sample ask;
    if (body.len <= sizeof ask) return unasked;
    memcpy(&ask, body.ptr, sizeof ask);
    struct slice payload = slice_sub(body, sizeof ask, body.len);
    struct cmaf_sample sample = {.dts = ask.dts, .pts = ask.pts, .duration = ask.duration, .bytes = (uint32_t)payload.len, .is_sync = ask.is_sync != 0, .data = payload.ptr};
    struct err e = ERR_OK;
    if (ask.track == TRANSCODER_PICTURE && w->picture.kind) {
        if (w->ladder) e = codec_ladder_sample(w->ladder, &sample, payload);
        if (!e.kind && sample.is_sync) e = look(w, &sample);
    } else if (ask.track == TRANSCODER_SOUND && w->sound.kind) {
        if (w->level) e = codec_level_sample(w->level, payload, on_second, w);
        if (!e.kind && w->sound_encoder) e = codec_transcode_sample(w->sound_encoder, &sample, payload);
    }
    return e;
}

static struct err take(struct worker *w, const struct child_message *message) {
    if (message->type == ASK_BEGIN && message->body.len == sizeof w->begin) {
        memcpy(&w->begin, message->body.ptr, sizeof w->begin);
        return ERR_OK;
    }
    if (message->type == ASK_TRACKS) return take_tracks(w, message->body);
    if (message->type == ASK_SAMPLE) return take_sample(w, message->body);
    return unasked;
}

static int run(void) {
    struct child_limits limits = {.memory_bytes = INT64_C(2) << 30, .files = CHILD_FILES_MAX};
    if (codec_load().kind || child_sandbox(&limits).kind) return 1;
    struct worker w = {.out = child_writer_of(CHILD_SOCKET, 2 * MESSAGE_BYTES_MAX), .jpeg = BUF(STILL_BYTES_MAX),
                       .picture_config = BUF(CMAF_CONFIG_BYTES_MAX), .sound_config = BUF(CMAF_CONFIG_BYTES_MAX)};
    struct child_reader in = child_reader_of(CHILD_SOCKET, MESSAGE_BYTES_MAX);
    struct err e = ERR_OK;
    while (!e.kind) {
        struct child_message message;
        bool has_message;
        e = child_reader_next(&in, &message, &has_message);
        if (!e.kind) e = has_message ? take(&w, &message) : child_reader_fill(&in, -1);
    }
    return strcmp(e.code, "child.ended") ? 1 : 0; /* the parent has closed: all is done */
}

const struct child_kind transcoder_child = {.name = "transcoder", .has_messages = true, .run = run};
