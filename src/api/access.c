/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What may be watched, told with titles and with refusals. */
#include <string.h>

#include "api/room.h"

enum { SENTENCE_BYTES_MAX = 2000, LOOKED_INTO_MAX = 64 };

const struct access_viewer *call_viewer(struct call *c) {
    if (c->has_viewer) return &c->viewer;
    const struct account_who *who = call_who(c);
    /* A session's profile was chosen with its PIN, if it has one. */
    c->viewer = (struct access_viewer){.org_id = c->org_id, .household_id = who->household_id, .profile_id = who->profile_id, .has_shown_pin = true,
                                       .place = *call_place(c)};
    c->has_viewer = true;
    if (access_is_ready(c->api->o.access, &c->viewer)) return &c->viewer;
    if (c->is_on_loop) {
        c->wants_worker = true;
    } else {
        struct err e = access_prepare(c->api->o.access, &c->viewer);
        if (e.kind) c->caller_error = e;
    }
    /* The place may hang on the household, which was not there a moment ago. */
    c->has_place = false;
    c->viewer.place = *call_place(c);
    return &c->viewer;
}

static int64_t call_now_s(const struct call *c) { return utc_seconds(clock_utc(c->api->o.clock)); }

/* Of a series, a season or a collection: the best that is said of anything in it. */
static struct access_answer decide_within(struct call *c, const struct access_question *q, const struct catalog_title **which) {
    struct access_answer best = {.state = ACCESS_UNAVAILABLE};
    size_t count = 0, asked = 0;
    const struct catalog_title *const *children = catalog_children(q->view, q->title, &count);
    size_t total = q->title->kind == CATALOG_COLLECTION ? q->title->member_count : count;
    *which = q->title;
    for (size_t i = 0; i < total && asked < LOOKED_INTO_MAX && !best.is_allowed; i++) {
        struct access_question one = *q;
        one.title = q->title->kind == CATALOG_COLLECTION ? catalog_find_id(q->view, q->title->members[i]) : children[i];
        if (!one.title || catalog_kind_holds(one.title->kind) || one.title->status == CATALOG_FAILED || one.title->status == CATALOG_IMPORTING) continue;
        struct access_answer answer = access_decide(c->api->o.access, &one);
        if (!asked++ || answer.state < best.state) {
            best = answer;
            *which = one.title;
        }
    }
    return asked ? best : access_decide(c->api->o.access, q);
}

/* The page knows its reader's zone, we do not: a sentence with a moment in it also comes with that moment apart. */
void access_put_sentence(struct call *c, struct json_writer *w, const struct access_answer *answer, const struct geo_place *place, int64_t now_s) {
    struct buf text = BUF(SENTENCE_BYTES_MAX), open = BUF(SENTENCE_BYTES_MAX);
    access_sentence(&text, c->lang, answer, place, now_s, (struct text_zone){0});
    json_key(w, "message");
    if (text.len) json_add_string(w, buf_slice(&text));
    else json_add_null(w);
    json_key(w, "dated");
    if (access_sentence_open(&open, c->lang, answer, place)) {
        json_begin_object(w);
        json_put_string(w, "text", buf_slice(&open));
        put_time_or_null(w, "at", answer->turns_s * 1000);
        json_end(w);
    } else {
        json_add_null(w);
    }
    buf_free(&open);
    buf_free(&text);
}
static void put_sentence(struct call *c, struct json_writer *w, const struct access_answer *answer) { access_put_sentence(c, w, answer, call_place(c), call_now_s(c)); }

static struct access_answer decide(struct call *c, const struct catalog_view *view, const struct catalog_title *t, struct access_sale *sale) {
    struct access_question q = {.viewer = call_viewer(c), .view = view, .title = t, .at_s = call_now_s(c), .without_streams = true};
    const struct catalog_title *which = t;
    struct access_answer answer = catalog_kind_holds(t->kind) ? decide_within(c, &q, &which) : access_decide(c->api->o.access, &q);
    access_sale(c->api->o.access, &q, &answer, sale); /* of a series what is sold of it as a whole */
    q.title = which;
    if (answer.until_s < ACCESS_ENDLESS) access_outlook(c->api->o.access, &q, &answer);
    return answer;
}

struct access_answer call_decide(struct call *c, const struct catalog_view *view, const struct catalog_title *t) {
    struct access_sale sale;
    return decide(c, view, t, &sale);
}

bool call_is_free(struct call *c, const struct catalog_view *view, const struct catalog_title *t) {
    struct access_sale sale;
    (void)decide(c, view, t, &sale);
    return sale.badge == ACCESS_BADGE_FREE && !catalog_kind_holds(t->kind);
}

static void put_sale(struct json_writer *w, const struct access_sale *sale) {
    json_key(w, "sale");
    json_begin_object(w);
    json_put_cstr(w, "badge", access_badge_name(sale->badge));
    money_put(w, "price", sale->price);
    put_time_or_null(w, "until", sale->until_s < ACCESS_ENDLESS ? sale->until_s * 1000 : 0);
    json_end(w);
}

void access_put(struct call *c, struct json_writer *w, const struct catalog_view *view, const struct catalog_title *t) {
    struct access_sale sale;
    struct access_answer answer = decide(c, view, t, &sale);
    json_key(w, "access");
    json_begin_object(w);
    json_put_cstr(w, "state", access_state_name(answer.state));
    json_put_cstr(w, "reason", answer.reason);
    if (answer.is_allowed && !answer.turns_s) json_put_cstr(w, "message", NULL), json_put_cstr(w, "dated", NULL);
    else put_sentence(c, w, &answer);
    put_time_or_null(w, "until", answer.turns_s * 1000);
    put_time_or_null(w, "from", answer.is_allowed ? 0 : answer.turns_s * 1000);
    json_end(w);
    put_sale(w, &sale);
}

struct text_zone call_readers_zone(struct call *c) {
    struct slice name;
    const struct zone *zone = http_request_cookie(c->r, SLICE("zone"), &name) ? zone_find(name) : NULL;
    return (struct text_zone){.zone = zone, .is_readers = zone};
}

/* What a page's script has left in a cookie, so that the first HTML says what the script will; for who comes for the first time the zone of his household's country or, of a
 * stranger, of the operator's. */
struct text_zone call_zone(struct call *c) {
    struct text_zone readers = call_readers_zone(c);
    if (readers.zone) return readers;
    const struct account_who *who = call_who(c);
    struct account_household_facts household;
    struct account_org_facts org;
    if (who->household_id && account_household_facts(c->api->o.account, c->org_id, who->household_id, &household)) return (struct text_zone){.zone = zone_of_country(slice_cstr(household.country))};
    return (struct text_zone){.zone = account_org_facts(c->api->o.account, c->org_id, &org) ? zone_of_country(slice_cstr(org.country)) : NULL};
}

struct slice call_access_message(struct call *c, const struct access_answer *answer) {
    struct buf text = BUF(SENTENCE_BYTES_MAX);
    access_sentence(&text, c->lang, answer, call_place(c), call_now_s(c), call_zone(c));
    struct slice copy = arena_copy(c->arena, buf_slice(&text));
    buf_free(&text);
    return copy;
}

/* What runs elsewhere in the household, so that its people see what to stop. */
static struct err put_streams(struct call *c, const struct catalog_view *view) {
    struct access_stream *streams;
    struct account_me me;
    size_t count;
    struct err e = access_streams(c->api->o.access, c->arena, c->org_id, call_who(c)->household_id, &streams, &count);
    if (!e.kind) e = account_me_read(c->api->o.account, c->arena, call_who(c), &me);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    json_key(w, "streams");
    json_begin_array(w);
    for (size_t i = 0; i < count; i++) {
        const struct catalog_title *t = catalog_find(view, public_id_slice(&streams[i].title));
        const struct account_profile *profile = NULL;
        for (size_t p = 0; p < me.profile_count; p++)
            if (me.profiles[p].id == streams[i].profile_id) profile = &me.profiles[p];
        json_begin_object(w);
        json_put_string(w, "session", public_id_slice(&streams[i].session));
        json_key(w, "title");
        json_begin_object(w);
        json_put_string(w, "id", public_id_slice(&streams[i].title));
        json_put_string(w, "name", t ? catalog_text_in(t, c->lang).name : SLICE_NONE);
        json_end(w);
        json_key(w, "profile");
        if (profile) {
            json_begin_object(w);
            json_put_string(w, "name", profile->name);
            json_put_cstr(w, "picture", profile->picture);
            json_end(w);
        } else {
            json_add_null(w);
        }
        json_put_cstr(w, "device", streams[i].device);
        put_time_or_null(w, "since", streams[i].begun_s * 1000);
        json_end(w);
    }
    json_end(w);
    return ERR_OK;
}

/* To somebody who was watching a reason may be worded otherwise ("why.entitlement_end"). */
static bool put_end(struct call *c, const struct access_answer *answer) {
    const char *dot = strchr(answer->reason, '.');
    struct slice code = arena_printf(c->arena, "why.%s_end", dot ? dot + 1 : answer->reason), text = text_lookup(c->lang, code);
    if (text.len) json_put_string(&c->w, "message", text);
    return text.len > 0;
}

struct err access_put_refusal(struct call *c, const struct catalog_view *view, const struct access_answer *answer, bool was_watching) {
    struct json_writer *w = &c->w;
    c->status = 403;
    json_begin_object(w);
    json_key(w, "error");
    json_begin_object(w);
    json_put_cstr(w, "code", answer->reason);
    if (!was_watching || answer->step != ACCESS_ENTITLEMENT || !put_end(c, answer)) put_sentence(c, w, answer);
    put_time_or_null(w, "from", answer->turns_s * 1000);
    put_time_or_null(w, "until", answer->turns_s * 1000);
    struct err e = answer->step == ACCESS_STREAMS && call_who(c)->household_id ? put_streams(c, view) : ERR_OK;
    json_end(w);
    json_end(w);
    return e;
}
