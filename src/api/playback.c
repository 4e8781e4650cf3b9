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

static struct err playback_begin(struct call *c) {
    struct catalog_view *view;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    const struct catalog_title *t = catalog_find(view, call_param(c, "id"));
    struct public_id id = {0};
    int64_t duration_ms = 0;
    if (!t) {
        e = err_make(ERR_NOT_FOUND, "title.not_found", "There is no such title. It may have been removed.");
    } else if (t->status != CATALOG_READY || t->kind == CATALOG_SERIES) {
        e = err_make(ERR_CONFLICT, "title.not_ready", "This title cannot be watched yet.");
    } else {
        id = t->public_id;
        duration_ms = t->duration_ms;
    }
    catalog_view_give(&view);
    if (e.kind) return e;

    struct delivery_pass pass;
    e = delivery_session_begin(c->api->o.delivery, c->org_id, &id, 0, &pass);
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
    json_end(w);
    return ERR_OK;
}

static struct err playback_renew(struct call *c) {
    struct delivery_pass pass;
    struct err e = delivery_session_renew(c->api->o.delivery, c->org_id, call_param(c, "session"), &pass);
    if (e.kind) return e;
    json_begin_object(&c->w);
    put_token(c, &pass);
    json_end(&c->w);
    return ERR_OK;
}

static struct err playback_end(struct call *c) {
    struct err e = delivery_session_end(c->api->o.delivery, c->org_id, call_param(c, "session"));
    if (!e.kind) c->status = 204;
    return e;
}

const struct route playback_routes[] = {
    {HTTP_POST, "/api/v1/titles/{id}/playback", playback_begin, CALL_JSON},
    {HTTP_POST, "/api/v1/playback/{session}/renew", playback_renew, CALL_JSON},
    {HTTP_DELETE, "/api/v1/playback/{session}", playback_end, CALL_PUBLIC},
    {0},
};
