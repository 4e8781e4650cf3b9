/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A viewer begins to watch, goes on, and stops: sessions and their tokens. */
#include "api/room.h"

static void put_token(struct call *c, const struct delivery_pass *pass) {
    struct buf expires = BUF(64);
    utc_format(&expires, utc_from_seconds(pass->token.expires_s), 0);
    int64_t now_s = utc_seconds(clock_utc(c->api->o.clock));
    json_put_string(&c->w, "token", token_slice(&pass->token));
    json_put_string(&c->w, "expires_at", buf_slice(&expires));
    json_put_number(&c->w, "renew_after_ms", pass->token.renew_s > now_s ? (pass->token.renew_s - now_s) * 1000 : 0);
    buf_free(&expires);
}

/* An event that has ended and left no recording. */
static bool is_over(struct call *c, struct slice title) {
    struct broadcast_channel channel;
    return !broadcast_get(c->api->o.broadcast, c->org_id, title, &channel).kind && channel.is_finished;
}

/* The page counts down from this. */
static struct err put_not_live(struct call *c, struct err e, int64_t starts_ms) {
    struct slice message = text_lookup(c->lang, slice_cstr(e.code));
    c->status = 409;
    json_begin_object(&c->w);
    json_key(&c->w, "error");
    json_begin_object(&c->w);
    json_put_cstr(&c->w, "code", e.code);
    json_put_string(&c->w, "message", message.len ? message : slice_cstr(e.what));
    put_time_or_null(&c->w, "starts_at", starts_ms);
    json_end(&c->w);
    json_end(&c->w);
    return ERR_OK;
}

static struct err playback_begin(struct call *c) {
    struct catalog_view *view;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    const struct catalog_title *t = catalog_find(view, call_param(c, "id"));
    struct public_id id = {0};
    int64_t duration_ms = 0, starts_ms = 0;
    struct broadcast_live live = {0};
    bool is_live = false;
    if (!t) {
        e = err_make(ERR_NOT_FOUND, "title.not_found", "There is no such title. It may have been removed.");
    } else if (t->status == CATALOG_SCHEDULED) {
        e = err_make(ERR_CONFLICT, "title.not_live", "This event has not begun yet.");
        starts_ms = t->starts_ms;
    } else if (t->status == CATALOG_LIVE) {
        id = t->public_id;
        is_live = broadcast_live_facts(c->api->o.broadcast, public_id_slice(&id), &live);
        if (!is_live) e = err_make(ERR_CONFLICT, "title.not_ready", "This title cannot be watched yet."); /* the server is just opening it */
    } else if (t->status != CATALOG_READY || t->kind == CATALOG_SERIES) {
        e = err_make(ERR_CONFLICT, "title.not_ready", "This title cannot be watched yet.");
    } else {
        id = t->public_id;
        duration_ms = t->duration_ms;
    }
    catalog_view_give(&view);
    if (e.kind == ERR_CONFLICT && !strcmp(e.code, "title.not_ready") && is_over(c, call_param(c, "id")))
        e = err_make(ERR_CONFLICT, "title.over", "This event is over and was not recorded.");
    if (e.kind == ERR_CONFLICT && !strcmp(e.code, "title.not_live")) return put_not_live(c, e, starts_ms);
    if (e.kind) return e;

    struct delivery_pass pass;
    e = delivery_session_begin(c->api->o.delivery, c->org_id, &id, 0, NULL, &pass);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    c->status = 201;
    json_begin_object(w);
    json_put_string(w, "session", public_id_slice(&pass.session));
    put_token(c, &pass);
    json_put_string(w, "hls", arena_printf(c->arena, "/media/%s/master.m3u8", id.text));
    json_put_string(w, "dash", arena_printf(c->arena, "/media/%s/manifest.mpd", id.text));
    json_put_string(w, "thumbnails", arena_printf(c->arena, "/media/%s/thumbs.vtt", id.text));
    json_put_string(w, "path_hls", arena_printf(c->arena, "/media/%.*s/%s/master.m3u8", SLICE_ARG(token_slice(&pass.token)), id.text));
    json_put_number(w, "duration_ms", duration_ms);
    json_key(w, "live");
    if (is_live) {
        json_begin_object(w);
        json_put_number(w, "part_ms", live.part_ms);
        json_put_number(w, "segment_ms", live.segment_ms);
        json_put_number(w, "hold_back_ms", live.hold_back_ms);
        json_put_number(w, "dvr_ms", live.dvr_ms);
        put_time_or_null(w, "started_at", live.started_ms);
        json_end(w);
    } else {
        json_add_null(w);
    }
    json_end(w);
    return ERR_OK;
}

static struct err playback_renew(struct call *c) {
    struct delivery_pass pass;
    struct err e = delivery_session_renew(c->api->o.delivery, c->org_id, call_param(c, "session"), 0, NULL, &pass);
    if (e.kind) return e;
    json_begin_object(&c->w);
    put_token(c, &pass);
    json_end(&c->w);
    return ERR_OK;
}

static struct err playback_end(struct call *c) {
    struct err e = delivery_session_end(c->api->o.delivery, c->org_id, call_param(c, "session"), NULL);
    if (!e.kind) c->status = 204;
    return e;
}

const struct route playback_routes[] = {
    {HTTP_POST, "/api/v1/titles/{id}/playback", playback_begin, CALL_JSON},
    {HTTP_POST, "/api/v1/playback/{session}/renew", playback_renew, CALL_JSON},
    {HTTP_DELETE, "/api/v1/playback/{session}", playback_end, CALL_PUBLIC},
    {0},
};
