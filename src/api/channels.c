/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The operator's channels: what encoders need to send, how the picture that comes is, and when an event starts and ends. */
#include <math.h>
#include <stdio.h>

#include "api/operator.h"

enum { EVENT_BYTES_MAX = 65536 };

/* --- writing --- */

static const struct {
    enum live_alarm bit;
    const char *code;
} alarms[] = {{LIVE_ALARM_STALLED, "stalled"}, {LIVE_ALARM_KEYFRAMES, "keyframes"}, {LIVE_ALARM_DISK, "disk"}, {LIVE_ALARM_LOSS, "loss"},
              {LIVE_ALARM_SILENCE, "silence"}, {LIVE_ALARM_BLACK, "black"},         {LIVE_ALARM_FREEZE, "freeze"}};

static void put_utc(struct json_writer *w, const char *name, struct utc_time t) { put_time_or_null(w, name, t.ns / NS_PER_MS); }

static void put_video(struct json_writer *w, const struct live_health *h) {
    json_key(w, "video");
    if (!h->has_video) {
        json_add_null(w);
        return;
    }
    json_begin_object(w);
    json_put_cstr(w, "codec", h->video_codec_string);
    json_put_number(w, "width", h->width);
    json_put_number(w, "height", h->height);
    json_put_double(w, "fps", h->fps);
    json_put_number(w, "bitrate_bps", h->video_bps);
    json_put_number(w, "keyframe_interval_ms", h->keyframe_interval_ms);
    json_end(w);
}

static void put_audio(struct json_writer *w, const struct live_health *h) {
    json_key(w, "audio");
    if (!h->has_audio) {
        json_add_null(w);
        return;
    }
    json_begin_object(w);
    json_put_cstr(w, "codec", h->audio_codec_string);
    json_put_number(w, "sample_rate", h->sample_rate);
    json_put_number(w, "channels", h->channels);
    json_put_number(w, "bitrate_bps", h->audio_bps);
    json_put_double(w, "level_dbfs", h->level_dbfs); /* not known is NAN, which becomes null */
    json_end(w);
}

static void put_health(struct json_writer *w, const struct live_health *h) {
    static const char *const capture[] = {[FEED_CLOCK_ARRIVAL] = "arrival", [FEED_CLOCK_TIMECODE] = "timecode", [FEED_CLOCK_REFERENCE] = "reference"};
    json_begin_object(w);
    json_put_cstr(w, "protocol", h->protocol);
    json_put_cstr(w, "peer", h->peer);
    json_put_cstr(w, "agent", h->agent);
    put_utc(w, "since", h->feed_since);
    put_video(w, h);
    put_audio(w, h);
    json_put_number(w, "packets_lost", (int64_t)h->net.packets_lost);
    json_put_number(w, "packets_retransmitted", (int64_t)h->net.packets_retransmitted);
    json_key(w, "round_trip_ms");
    if (h->net.round_trip_us) json_add_double(w, h->net.round_trip_us / 1000.0);
    else json_add_null(w);
    json_put_double(w, "drift_ppm", h->drift_ppm);
    json_put_cstr(w, "capture", capture[h->capture]);
    json_end(w);
}

static void put_alarms(struct json_writer *w, const struct broadcast_channel *c) {
    json_key(w, "alarms");
    json_begin_array(w);
    for (size_t i = 0; c->is_open && c->state == BROADCAST_LIVE && i < ARRAY_LEN(alarms); i++) {
        if (!(c->health.alarms & (uint32_t)alarms[i].bit)) continue;
        json_begin_object(w);
        json_put_cstr(w, "code", alarms[i].code);
        put_utc(w, "since", c->health.alarm_since[__builtin_ctz(alarms[i].bit)]);
        json_end(w);
    }
    json_end(w);
}

/* "example.org:8080" -> "example.org": encoders come to other ports of the same host. */
static struct slice host_name(struct slice host) {
    if (!host.len) return SLICE("localhost");
    if (host.ptr[0] == '[') {
        size_t close = slice_find_byte(host, ']');
        return close == SLICE_NPOS ? host : slice_sub(host, 0, close + 1);
    }
    size_t colon = slice_find_byte(host, ':');
    return colon == SLICE_NPOS ? host : slice_sub(host, 0, colon);
}

static void put_addresses(struct json_writer *w, const struct api *a, const struct broadcast_channel *c, struct slice host) {
    const struct api_ingest *in = a->o.ingest;
    struct slice name = host_name(host);
    char url[640];
    bool has_rtmp = in && in->rtmp_port, has_srt = in && in->srt_port;
    snprintf(url, sizeof url, "rtmp://%.*s:%u/live/%s", SLICE_ARG(name), has_rtmp ? in->rtmp_port : 0, c->key);
    json_put_cstr(w, "rtmp_url", has_rtmp ? url : NULL);
    snprintf(url, sizeof url, "srt://%.*s:%u?streamid=publish:%s%s%s", SLICE_ARG(name), has_srt ? in->srt_port : 0, c->key,
             has_srt && in->srt_passphrase ? "&passphrase=" : "", has_srt && in->srt_passphrase ? in->srt_passphrase : "");
    json_put_cstr(w, "srt_url", has_srt ? url : NULL);
}

static void channel_put(struct json_writer *w, const struct api *a, const struct broadcast_channel *c, const struct catalog_title *t, struct slice lang,
                        struct slice host) {
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(&c->title));
    json_put_string(w, "name", t ? catalog_text_in(t, lang).name : SLICE_NONE);
    json_key(w, "names");
    json_begin_object(w);
    for (int i = 0; t && i < TEXT_LANGUAGE_COUNT; i++)
        if (t->texts[i].name.len) json_put_string(w, text_languages[i].code.ptr, t->texts[i].name);
    json_end(w);
    json_put_cstr(w, "status", broadcast_state_name(c->state));
    put_time_or_null(w, "starts_at", c->settings.starts_ms);
    put_time_or_null(w, "started_at", c->started_ms);
    put_time_or_null(w, "ended_at", c->ended_ms);
    json_put_cstr(w, "key", c->key);
    put_addresses(w, a, c, host);
    json_put_cstr(w, "backup", c->settings.backup == BROADCAST_TAKE_OVER ? "take_over" : "refuse");
    json_put_number(w, "dvr_ms", c->settings.dvr_ms);
    json_put_bool(w, "is_recorded", c->settings.is_recorded);
    json_put_bool(w, "is_endless", c->settings.is_endless);
    json_key(w, "ladder");
    json_begin_array(w);
    for (size_t i = 0; i < BROADCAST_LADDER_MAX && c->settings.ladder[i]; i++) json_add_number(w, c->settings.ladder[i]);
    json_end(w);
    json_key(w, "health");
    if (c->is_open && c->health.has_feed) put_health(w, &c->health);
    else json_add_null(w);
    put_alarms(w, c);
    json_put_number(w, "viewers", c->viewers);
    json_end(w);
}

struct http_blob *channel_event(struct api *a, int64_t org_id, struct slice title, struct slice host) {
    struct broadcast_channel channel;
    struct catalog_view *view = NULL;
    struct http_blob *event = NULL;
    if (broadcast_get(a->o.broadcast, org_id, title, &channel).kind || catalog_view_take(a->o.catalog, org_id, &view).kind) return NULL;
    struct buf data = BUF(EVENT_BYTES_MAX);
    struct json_writer w = json_writer_of(&data);
    channel_put(&w, a, &channel, catalog_find(view, title), text_languages[0].code, host);
    if (!data.has_failed) event = http_sse_event(SLICE("channel"), SLICE_NONE, buf_slice(&data));
    buf_free(&data);
    catalog_view_give(&view);
    return event;
}

/* Answers with the channel as it now is. */
static struct err put_channel(struct call *c, struct slice id) {
    struct broadcast_channel channel;
    struct catalog_view *view = NULL;
    struct err e = broadcast_get(c->api->o.broadcast, c->org_id, id, &channel);
    if (!e.kind) e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    struct slice host = http_request_host(c->r);
    events_host_set(c->api, c->org_id, host);
    channel_put(&c->w, c->api, &channel, catalog_find(view, id), c->lang, host);
    catalog_view_give(&view);
    return ERR_OK;
}

/* --- reading --- */

static struct err wrong(const char *code, const char *what) { return err_make(ERR_INPUT, code, what); }

static struct err starts_read(const json_t *value, struct broadcast_settings *out) {
    struct utc_time t = {0};
    if (!json_is_null(value) && (!json_is_string(value) || !utc_parse(slice_of(json_string_value(value), json_string_length(value)), &t)))
        return wrong("channel.starts", "The time at which an event starts is given like 2026-11-20T20:41:00Z, or null.");
    out->starts_ms = t.ns / NS_PER_MS;
    return ERR_OK;
}

static struct err ladder_read(const json_t *value, struct broadcast_settings *out) {
    struct err e = wrong("channel.ladder", "Smaller pictures are given by their heights, the largest first, three at most.");
    if (!json_is_array(value) || json_array_size(value) > BROADCAST_LADDER_MAX) return e;
    memset(out->ladder, 0, sizeof out->ladder);
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *one = json_array_get(value, i);
        if (!json_is_integer(one) || json_integer_value(one) < 1 || json_integer_value(one) > UINT16_MAX) return e;
        out->ladder[i] = (uint16_t)json_integer_value(one);
    }
    return ERR_OK;
}

/* What is given, over what stands. */
static struct err settings_read(struct body_object b, struct broadcast_settings *out) {
    const json_t *starts = body_value(b, "starts_at"), *ladder = body_value(b, "ladder"), *dvr = body_value(b, "dvr_ms");
    struct slice backup = body_text(b, "backup");
    body_flag(b, "is_recorded", &out->is_recorded);
    body_flag(b, "is_endless", &out->is_endless);
    struct err e = starts ? starts_read(starts, out) : ERR_OK;
    if (!e.kind && ladder) e = ladder_read(ladder, out);
    if (!e.kind && dvr && !json_is_integer(dvr)) e = wrong("channel.dvr", "The time that viewers can go back lies between 30 seconds and 24 hours.");
    if (!e.kind && dvr) out->dvr_ms = json_integer_value(dvr);
    if (!e.kind && backup.ptr) {
        bool takes_over = slice_eq(backup, SLICE("take_over"));
        if (!takes_over && !slice_eq(backup, SLICE("refuse"))) e = wrong("channel.backup", "A second encoder is refused or takes over.");
        out->backup = takes_over ? BROADCAST_TAKE_OVER : BROADCAST_REFUSE;
    }
    return e;
}

/* The whole body. */
static struct err names_and_settings_read(struct call *c, struct catalog_change *names, struct broadcast_settings *settings) {
    struct err e = title_change_read(body_root(&c->body), names), wrong = settings_read(body_root(&c->body), settings);
    return body_end_after(&c->body, e.kind ? e : wrong);
}

/* --- calls --- */

static struct err channels_list(struct call *c) {
    struct broadcast_channel *list;
    size_t count;
    struct catalog_view *view = NULL;
    struct err e = broadcast_list(c->api->o.broadcast, c->arena, c->org_id, &list, &count);
    if (!e.kind) e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    struct slice host = http_request_host(c->r);
    events_host_set(c->api, c->org_id, host);
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    for (size_t i = 0; i < count; i++) channel_put(&c->w, c->api, &list[i], catalog_find(view, public_id_slice(&list[i].title)), c->lang, host);
    json_end(&c->w);
    json_end(&c->w);
    catalog_view_give(&view);
    return ERR_OK;
}

static struct err channel_get(struct call *c) { return put_channel(c, call_param(c, "title")); }

static struct err channel_create(struct call *c) {
    struct catalog_change names;
    struct broadcast_settings settings = broadcast_settings_default();
    struct public_id id;
    struct body_object b = body_root(&c->body);
    bool says_recorded = body_has(b, "is_recorded");
    struct err e = names_and_settings_read(c, &names, &settings);
    if (e.kind) return e;
    bool has_name = false;
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) has_name |= names.texts[i].name.len > 0;
    if (!has_name) return wrong("title.name", "A title needs a name in at least one language.");
    names.has_kind = true;
    names.kind = CATALOG_EVENT;
    if (settings.is_endless && !says_recorded) settings.is_recorded = false;
    e = broadcast_create(c->api->o.broadcast, c->org_id, &names, &settings, &id);
    if (e.kind) return e;
    c->status = 201;
    return put_channel(c, public_id_slice(&id));
}

static struct err channel_patch(struct call *c) {
    struct catalog_change names;
    struct broadcast_channel channel;
    struct slice id = call_param(c, "title");
    struct err e = broadcast_get(c->api->o.broadcast, c->org_id, id, &channel);
    if (!e.kind) e = names_and_settings_read(c, &names, &channel.settings);
    if (!e.kind) e = broadcast_change(c->api->o.broadcast, c->org_id, id, &names, &channel.settings);
    return e.kind ? e : put_channel(c, id);
}

static struct err channel_delete(struct call *c) {
    struct err e = broadcast_remove(c->api->o.broadcast, c->org_id, call_param(c, "title"));
    if (!e.kind) c->status = 204;
    return e;
}

static struct err channel_start(struct call *c) {
    struct err e = broadcast_begin(c->api->o.broadcast, c->org_id, call_param(c, "title"));
    return e.kind ? e : put_channel(c, call_param(c, "title"));
}
static struct err channel_end(struct call *c) {
    struct err e = broadcast_end(c->api->o.broadcast, c->org_id, call_param(c, "title"));
    return e.kind ? e : put_channel(c, call_param(c, "title"));
}
static struct err channel_key(struct call *c) {
    struct err e = broadcast_rotate(c->api->o.broadcast, c->org_id, call_param(c, "title"));
    return e.kind ? e : put_channel(c, call_param(c, "title"));
}

static struct err channel_preview(struct call *c) {
    struct http_blob *jpeg = NULL;
    struct err e = broadcast_preview(c->api->o.broadcast, c->org_id, call_param(c, "title"), &jpeg);
    if (e.kind) return e;
    http_respond(c->r, &(struct http_response){.content_type = SLICE("image/jpeg"), .cache_control = SLICE("no-store"), .body = http_body_blob(jpeg)});
    http_blob_release(&jpeg);
    c->is_answered = true;
    return ERR_OK;
}

static void put_spread(struct json_writer *w, const char *name, const struct delivery_spread *s) {
    json_key(w, name);
    json_begin_object(w);
    const struct {
        const char *name;
        int64_t value;
    } both[] = {{"median", s->median}, {"p95", s->p95}};
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        json_key(w, both[i].name);
        if (both[i].value >= 0) json_add_number(w, both[i].value);
        else json_add_null(w);
    }
    json_end(w);
}

static struct err channel_quality(struct call *c) {
    struct broadcast_channel channel;
    struct delivery_quality q = {.startup_ms = {-1, -1}, .latency_ms = {-1, -1}};
    struct slice id = call_param(c, "title");
    struct err e = broadcast_get(c->api->o.broadcast, c->org_id, id, &channel);
    if (e.kind) return e;
    delivery_quality(c->api->o.delivery, id, &q); /* one that was never on air has none: then nobody has said anything */
    json_begin_object(&c->w);
    json_put_number(&c->w, "sessions", (int64_t)q.sessions);
    put_spread(&c->w, "startup_ms", &q.startup_ms);
    json_put_double(&c->w, "stalls_per_hour", q.stalls_per_hour);
    json_put_number(&c->w, "bitrate_bps", q.bitrate_bps);
    put_spread(&c->w, "latency_ms", &q.latency_ms);
    json_end(&c->w);
    return ERR_OK;
}

const struct route channel_routes[] = {
    {HTTP_GET, "/api/v1/operator/channels", channels_list, CALL_LIVE},
    {HTTP_POST, "/api/v1/operator/channels", channel_create, CALL_LIVE | CALL_CHANGES | CALL_JSON},
    {HTTP_GET, "/api/v1/operator/channels/{title}", channel_get, CALL_LIVE},
    {HTTP_PATCH, "/api/v1/operator/channels/{title}", channel_patch, CALL_LIVE | CALL_CHANGES | CALL_JSON},
    {HTTP_DELETE, "/api/v1/operator/channels/{title}", channel_delete, CALL_LIVE | CALL_CHANGES},
    {HTTP_POST, "/api/v1/operator/channels/{title}/start", channel_start, CALL_LIVE | CALL_CHANGES | CALL_EMPTY},
    {HTTP_POST, "/api/v1/operator/channels/{title}/end", channel_end, CALL_LIVE | CALL_CHANGES | CALL_EMPTY},
    {HTTP_POST, "/api/v1/operator/channels/{title}/key", channel_key, CALL_LIVE | CALL_CHANGES | CALL_EMPTY},
    {HTTP_GET, "/api/v1/operator/channels/{title}/preview.jpg", channel_preview, CALL_LIVE},
    {HTTP_GET, "/api/v1/operator/channels/{title}/quality", channel_quality, CALL_LIVE},
    {0},
};
