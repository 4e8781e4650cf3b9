/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A viewer begins to watch, goes on, and stops: sessions and their tokens. */
#include "api/room.h"
#include "base/utf8.h"

static void put_token(struct call *c, const struct delivery_pass *pass) {
    struct utc_text expires = utc_text_of(utc_from_seconds(pass->token.expires_s), 0);
    int64_t now_s = utc_seconds(clock_utc(c->api->o.clock));
    json_put_string(&c->w, "token", token_slice(&pass->token));
    json_put_cstr(&c->w, "expires_at", expires.text);
    json_put_number(&c->w, "renew_after_ms", pass->token.renew_s > now_s ? (pass->token.renew_s - now_s) * 1000 : 0);
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

/* What a title is at this moment, as far as playing goes. */
struct playing {
    int64_t duration_ms, starts_ms;
    bool is_live;
    struct broadcast_live live;
};

static struct err playing_of(struct call *c, const struct catalog_title *t, struct playing *p) {
    static const struct err not_ready = {.kind = ERR_CONFLICT, .code = "title.not_ready", .what = "This title cannot be watched yet."};
    *p = (struct playing){.starts_ms = t->starts_ms};
    if (t->status == CATALOG_SCHEDULED) return err_make(ERR_CONFLICT, "title.not_live", "This event has not begun yet.");
    if (t->status == CATALOG_LIVE) {
        p->is_live = broadcast_live_facts(c->api->o.broadcast, public_id_slice(&t->public_id), &p->live);
        if (p->is_live) return ERR_OK; /* else the server is just opening it */
    } else if (t->status == CATALOG_READY && !catalog_kind_holds(t->kind)) {
        p->duration_ms = t->duration_ms;
        return ERR_OK;
    }
    return is_over(c, public_id_slice(&t->public_id)) ? err_make(ERR_CONFLICT, "title.over", "This event is over and was not recorded.") : not_ready;
}

/* Another profile of the household, for this playback: by its PIN, if it has one. A child's profile leads to none that may see more without a
 * grown-up's PIN. */
static struct err profile_take(struct call *c, struct slice wish, struct slice pin, struct access_viewer *viewer) {
    struct account *accounts = c->api->o.account;
    const struct account_who *who = call_who(c);
    struct account_profile_facts facts;
    int64_t profile_id;
    if (!wish.len || !who->household_id) return ERR_OK;
    struct err e = account_profile_find(accounts, c->org_id, who->household_id, wish, &profile_id);
    if (e.kind || profile_id == who->profile_id) return e;
    viewer->profile_id = profile_id;
    if (!account_profile_facts(accounts, c->org_id, who->household_id, profile_id, &facts)) return ERR_OK; /* gone in this moment: the decision says so */
    bool gains = who->is_child && facts.age_max > who->age_max;
    if (!facts.has_pin && !gains) return ERR_OK;
    e = pin.len ? account_pin_check(accounts, c->org_id, who->household_id, profile_id, pin) : err_make(ERR_DENIED, "profile.pin", "");
    viewer->has_shown_pin = !e.kind;
    if (e.kind == ERR_DENIED && gains && !facts.has_pin) return err_make(ERR_DENIED, "profile.pin", "To watch with this profile the PIN of a grown-up is needed.");
    return e.kind == ERR_DENIED ? ERR_OK : e; /* refused as access.pin, after rights and rating */
}

/* "Firefox on Linux", from what the player says of itself, or else from its User-Agent. */
static struct slice device_of(struct call *c, struct slice said) {
    static const char *const browsers[][2] = {{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
                                              {"VLC/", "VLC"},  {"AppleCoreMedia/", "Apple player"}};
    static const char *const systems[][2] = {{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "Mac"}, {"Linux", "Linux"}};
    struct slice agent;
    if (said.len && said.len <= DELIVERY_DEVICE_MAX && utf8_is_display_text(said, DELIVERY_DEVICE_MAX)) return said;
    if (!http_request_header(c->r, SLICE("user-agent"), &agent)) return SLICE_NONE;
    const char *browser = NULL, *system = NULL;
    for (size_t i = 0; i < ARRAY_LEN(browsers) && !browser; i++)
        if (slice_find(agent, slice_cstr(browsers[i][0])) != SLICE_NPOS) browser = browsers[i][1];
    for (size_t i = 0; i < ARRAY_LEN(systems) && !system; i++)
        if (slice_find(agent, slice_cstr(systems[i][0])) != SLICE_NPOS) system = systems[i][1];
    if (browser && system) return arena_printf(c->arena, "%s on %s", browser, system);
    return slice_cstr(browser ? browser : system);
}

static void put_playback(struct call *c, const struct delivery_pass *pass, const struct playing *p) {
    struct json_writer *w = &c->w;
    const char *id = pass->title.text;
    c->status = 201;
    json_begin_object(w);
    json_put_string(w, "session", public_id_slice(&pass->session));
    put_token(c, pass);
    json_put_string(w, "hls", arena_printf(c->arena, "/media/%s/master.m3u8", id));
    json_put_string(w, "dash", arena_printf(c->arena, "/media/%s/manifest.mpd", id));
    json_put_string(w, "thumbnails", arena_printf(c->arena, "/media/%s/thumbs.vtt", id));
    json_put_string(w, "path_hls", arena_printf(c->arena, "/media/%.*s/%s/master.m3u8", SLICE_ARG(token_slice(&pass->token)), id));
    json_put_number(w, "duration_ms", p->duration_ms);
    json_key(w, "live");
    if (p->is_live) {
        json_begin_object(w);
        json_put_number(w, "part_ms", p->live.part_ms);
        json_put_number(w, "segment_ms", p->live.segment_ms);
        json_put_number(w, "hold_back_ms", p->live.hold_back_ms);
        json_put_number(w, "dvr_ms", p->live.dvr_ms);
        put_time_or_null(w, "started_at", p->live.started_ms);
        json_end(w);
    } else {
        json_add_null(w);
    }
    json_end(w);
}

static struct err begin_in(struct call *c, const struct catalog_view *view) {
    struct body_object b = body_root(&c->body);
    struct slice profile = body_text(b, "profile"), pin = body_text(b, "pin"), device = body_text(b, "device");
    struct err e = body_end(&c->body);
    if (e.kind) return e;
    const struct catalog_title *t = catalog_find(view, call_param(c, "id"));
    if (!t) return err_make(ERR_NOT_FOUND, "title.not_found", "There is no such title. It may have been removed.");
    struct playing playing;
    e = playing_of(c, t, &playing);
    if (e.kind == ERR_CONFLICT && !strcmp(e.code, "title.not_live")) return put_not_live(c, e, playing.starts_ms);
    if (e.kind) return e;
    struct access_viewer viewer = *call_viewer(c);
    e = profile_take(c, profile, pin, &viewer);
    if (e.kind) return e;
    struct access_question q = {.viewer = &viewer, .view = view, .title = t, .at_s = utc_seconds(clock_utc(c->api->o.clock))};
    struct access_answer answer;
    struct delivery_pass pass;
    e = access_begin(c->api->o.access, &q, device_of(c, device), &answer, &pass);
    if (e.kind) return e;
    if (answer.is_allowed) {
        put_playback(c, &pass, &playing);
        return ERR_OK;
    }
    struct access_sale sale;
    access_sale(c->api->o.access, &q, &answer, &sale); /* the refusal says what can be done about it */
    access_outlook(c->api->o.access, &q, &answer);
    return access_put_refusal(c, view, &answer, false);
}

static struct err playback_begin(struct call *c) {
    struct catalog_view *view;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    e = begin_in(c, view);
    catalog_view_give(&view);
    return e;
}

static struct err playback_renew(struct call *c) {
    struct access_answer answer;
    struct delivery_pass pass;
    struct catalog_view *view;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    e = access_renew(c->api->o.access, call_viewer(c), call_param(c, "session"), &answer, &pass);
    if (!e.kind && !answer.is_allowed) {
        e = access_put_refusal(c, view, &answer, true);
    } else if (!e.kind) {
        json_begin_object(&c->w);
        put_token(c, &pass);
        json_end(&c->w);
    }
    catalog_view_give(&view);
    return e;
}

static struct err playback_end(struct call *c) {
    struct err e = access_end(c->api->o.access, c->org_id, call_who(c)->household_id, call_param(c, "session"));
    if (!e.kind) c->status = 204;
    return e;
}

const struct route playback_routes[] = {
    {HTTP_POST, "/api/v1/titles/{id}/playback", playback_begin, CALL_JSON | CALL_GUARDED},
    {HTTP_POST, "/api/v1/playback/{session}/renew", playback_renew, CALL_EMPTY | CALL_GUARDED},
    {HTTP_DELETE, "/api/v1/playback/{session}", playback_end, CALL_GUARDED},
    {0},
};
