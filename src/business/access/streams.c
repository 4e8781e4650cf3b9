/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What runs. A stream's slot is taken before the store is asked, so that two who come at once cannot both get the last one; if the store then
 * fails, the slot is given back. */
#include <stdlib.h>

#include "base/log.h"
#include "business/access/room.h"

void streams_init(struct streams *s) { lock_init(&s->lock, LOCK_access_streams); }

void streams_destroy(struct streams *s) {
    for (size_t i = 0; i < STREAM_BUCKETS; i++)
        for (struct stream *one = s->of_household[i], *next; one; one = next) {
            next = one->next_of_household;
            mem_free(one);
        }
    lock_destroy(&s->lock);
}

static struct stream **household_place(struct streams *s, int64_t household_id) {
    uint64_t h = (uint64_t)household_id * UINT64_C(0x9e3779b97f4a7c15);
    return &s->of_household[(h >> 40) % STREAM_BUCKETS];
}
static struct stream **session_place(struct streams *s, const struct public_id *session) {
    return &s->of_session[slice_hash(public_id_slice(session)) % STREAM_BUCKETS];
}
static bool is_named(const struct stream *one) { return one->s.session.text[0] != 0; }

/* The functions down to stream_end: with the lock held. Those without a household are spread over all buckets, so that no list of theirs is long. */
static struct stream **list_of(struct streams *s, const struct stream *one) {
    return household_place(s, one->s.household_id ? one->s.household_id : (int64_t)(uintptr_t)one);
}
static void link_household(struct streams *s, struct stream *one) {
    struct stream **at = list_of(s, one);
    one->next_of_household = *at;
    *at = one;
    s->count++;
}
static void link_session(struct streams *s, struct stream *one) {
    struct stream **at = session_place(s, &one->s.session);
    one->next_of_session = *at;
    *at = one;
}
static struct stream *find(struct streams *s, const struct public_id *session) {
    struct stream *one = *session_place(s, session);
    while (one && memcmp(one->s.session.text, session->text, PUBLIC_ID_LEN)) one = one->next_of_session;
    return one;
}
static void unlink_both(struct streams *s, struct stream *one) {
    struct stream **at = list_of(s, one);
    while (*at != one) at = &(*at)->next_of_household;
    *at = one->next_of_household;
    s->count--;
    if (!is_named(one)) return;
    at = session_place(s, &one->s.session);
    while (*at != one) at = &(*at)->next_of_session;
    *at = one->next_of_session;
}

static int count_in(struct streams *s, int64_t household_id, int64_t at_s, int64_t *next_s) {
    int count = 0;
    for (const struct stream *one = *household_place(s, household_id); one; one = one->next_of_household) {
        if (one->s.household_id != household_id || one->s.until_s <= at_s) continue;
        if (one->s.until_s < *next_s) *next_s = one->s.until_s;
        count++;
    }
    return count;
}

int streams_count(struct access *a, int64_t household_id, int64_t at_s, int64_t *next_s) {
    lock_take(&a->streams.lock);
    int count = count_in(&a->streams, household_id, at_s, next_s);
    lock_give(&a->streams.lock);
    return count;
}

static void remove_session(struct streams *s, const struct public_id *session) {
    lock_take(&s->lock);
    struct stream *one = find(s, session);
    if (one) unlink_both(s, one);
    lock_give(&s->lock);
    mem_free(one);
}

/* --- beginning, renewing, ending --- */

static struct delivery_viewer viewer_of(const struct access_stream *s) {
    struct delivery_viewer v = {.household_id = s->household_id, .profile_id = s->profile_id, .medium = s->medium};
    memcpy(v.place, s->place.area[0] ? s->place.area : s->place.country, s->place.area[0] ? sizeof s->place.area : sizeof s->place.country);
    memcpy(v.device, s->device, sizeof v.device);
    return v;
}

static void text_copy(char *out, size_t size, struct slice text) {
    if (text.len >= size) text.len = size - 1;
    if (text.len) memcpy(out, text.ptr, text.len);
    out[text.len] = 0;
}

static int64_t token_end(const struct delivery_pass *pass) { return pass->token.expires_s; }

/* Delivery takes 0 for "no end known". */
static int64_t expiry(const struct access_answer *answer) { return answer->until_s >= ACCESS_ENDLESS ? 0 : answer->until_s; }

/* Takes a slot; NULL: there is none (then *answer says so), or no memory (then *e). */
static struct stream *slot_take(struct access *a, const struct access_question *q, struct slice device, struct access_answer *answer, struct err *e) {
    struct stream *one = mem_zalloc(sizeof *one);
    if (!one) {
        *e = err_memory();
        return NULL;
    }
    one->s = (struct access_stream){.title = q->title->public_id, .org_id = q->viewer->org_id, .household_id = q->viewer->household_id,
                                    .profile_id = q->viewer->profile_id, .place = q->viewer->place, .medium = answer->medium, .begun_s = q->at_s,
                                    .until_s = q->at_s + TOKEN_LIFETIME_S};
    text_copy(one->s.device, sizeof one->s.device, device);
    struct account_household_facts home;
    int max = INT32_MAX;
    if (q->viewer->household_id) max = account_household_facts(a->o.account, q->viewer->org_id, q->viewer->household_id, &home) ? home.streams_max : 0;
    int64_t next_s = ACCESS_ENDLESS;
    lock_take(&a->streams.lock);
    bool has_room = q->viewer->household_id == 0 || count_in(&a->streams, q->viewer->household_id, q->at_s, &next_s) < max;
    if (has_room) link_household(&a->streams, one);
    lock_give(&a->streams.lock);
    if (has_room) return one;
    mem_free(one);
    *answer = (struct access_answer){.state = ACCESS_UNAVAILABLE, .step = ACCESS_STREAMS, .reason = "access.streams", .medium = answer->medium,
                                     .line_id = answer->line_id, .age = answer->age, .streams_max = max, .until_s = next_s};
    return NULL;
}

/* A rental that opens it and was not begun runs from now. The token that was made ends with it already. */
static struct err rental_begin(struct access *a, const struct access_viewer *viewer, struct access_answer *answer) {
    struct order_held *held = &answer->held;
    if (answer->entitled != ACCESS_BY_RENTAL || held->started_s) return ERR_OK;
    return order_started(a->o.order, viewer->org_id, viewer->household_id, held->entitlement_id, held);
}

/* A session that was begun and whose token nobody gets. */
static void session_drop(struct access *a, int64_t org_id, const struct delivery_pass *pass) {
    struct err e = delivery_session_end(a->o.delivery, org_id, public_id_slice(&pass->session), NULL);
    if (e.kind) log_warn("access", "session left over", LOG_ERR(e));
}

struct err access_begin(struct access *a, const struct access_question *q, struct slice device, struct access_answer *answer, struct delivery_pass *pass) {
    struct err e = access_prepare(a, q->viewer);
    if (e.kind) return e;
    *answer = access_decide(a, q);
    if (!answer->is_allowed) return ERR_OK;
    struct stream *one = slot_take(a, q, device, answer, &e);
    if (!one) return e;
    struct delivery_viewer viewer = viewer_of(&one->s);
    e = delivery_session_begin(a->o.delivery, q->viewer->org_id, &q->title->public_id, expiry(answer), &viewer, pass);
    if (!e.kind) {
        /* After the session, so that no rental runs for a play that never was; what is counted stands before anybody has the token. */
        e = rental_begin(a, q->viewer, answer);
        if (!e.kind && answer->counts_plays) e = rights_play(a->o.rights, q->viewer->org_id, answer->line_id);
        if (e.kind) session_drop(a, q->viewer->org_id, pass);
    }
    lock_take(&a->streams.lock);
    if (e.kind) {
        unlink_both(&a->streams, one);
    } else {
        one->s.session = pass->session;
        one->s.until_s = token_end(pass);
        link_session(&a->streams, one);
        one = NULL;
    }
    lock_give(&a->streams.lock);
    mem_free(one);
    bool is_gone = e.kind && (!strcmp(e.code, "order.entitlement") || !strcmp(e.code, "order.rental_over")); /* taken back, or over, in this moment */
    if (!is_gone) return e;
    *answer = access_decide(a, q);
    return answer->is_allowed ? e : ERR_OK;
}

static struct err not_found(void) { return err_make(ERR_NOT_FOUND, "playback.not_found", "There is no such playback session. Begin a new one."); }

/* A slot again for one that had fallen out, or that another process has begun. */
static struct err slot_again(struct access *a, const struct access_question *q, const struct delivery_session *session, struct access_answer *answer) {
    lock_take(&a->streams.lock);
    struct stream *there = find(&a->streams, &session->session);
    bool runs = there && there->s.until_s > q->at_s;
    lock_give(&a->streams.lock);
    if (runs) return ERR_OK;
    remove_session(&a->streams, &session->session);
    struct err e = ERR_OK;
    struct stream *one = slot_take(a, q, slice_cstr(session->viewer.device), answer, &e);
    if (!one) return e;
    lock_take(&a->streams.lock);
    one->s.session = session->session;
    one->s.begun_s = session->begun_s;
    struct stream *twin = find(&a->streams, &session->session); /* two renewals at once */
    if (twin) unlink_both(&a->streams, twin);
    link_session(&a->streams, one);
    lock_give(&a->streams.lock);
    mem_free(twin);
    return ERR_OK;
}

static struct err renew_in(struct access *a, const struct access_viewer *caller, const struct delivery_session *session, struct catalog_view *view,
                           struct access_answer *answer, struct delivery_pass *pass) {
    struct access_viewer viewer = {.org_id = session->org_id, .household_id = session->viewer.household_id, .profile_id = session->viewer.profile_id,
                                   .has_shown_pin = true, .place = caller->place};
    struct access_question q = {.viewer = &viewer, .view = view, .title = catalog_find(view, public_id_slice(&session->title)), .at_s = access_now_s(a),
                                .without_streams = true};
    *answer = (struct access_answer){.state = ACCESS_UNAVAILABLE, .reason = "access.removed", .until_s = ACCESS_ENDLESS};
    if (q.title) {
        struct err e = access_prepare(a, &viewer);
        if (e.kind) return e;
        *answer = access_decide(a, &q);
        /* Its play was counted when it began; that others have used up the rest since is no reason to stop it. */
        if (answer->step == ACCESS_RIGHTS && !strcmp(answer->reason, rights_reason_code(RIGHTS_BECAUSE_PLAYS))) answer->is_allowed = true;
    }
    if (session->has_ended) { /* that it might begin anew does not bring this one back */
        if (answer->is_allowed) *answer = (struct access_answer){.state = ACCESS_UNAVAILABLE, .until_s = answer->until_s, .age = answer->age, .medium = answer->medium};
        answer->reason = access_reason_known(slice_cstr(session->reason));
        return ERR_OK;
    }
    struct err e = ERR_OK;
    if (answer->is_allowed) e = slot_again(a, &q, session, answer);
    if (!e.kind && answer->is_allowed) e = rental_begin(a, &viewer, answer); /* what it was begun under has ended, and he goes on under a rental */
    if (e.kind) return e;
    if (!answer->is_allowed) {
        if (answer->step != ACCESS_STREAMS) remove_session(&a->streams, &session->session);
        return delivery_session_end(a->o.delivery, session->org_id, public_id_slice(&session->session), answer->reason);
    }
    struct delivery_viewer now = session->viewer;
    struct access_stream about = {.household_id = viewer.household_id, .profile_id = viewer.profile_id, .place = viewer.place, .medium = answer->medium};
    memcpy(about.device, session->viewer.device, sizeof about.device);
    now = viewer_of(&about);
    e = delivery_session_renew(a->o.delivery, session->org_id, public_id_slice(&session->session), expiry(answer), &now, pass);
    if (e.kind) return e;
    lock_take(&a->streams.lock);
    struct stream *one = find(&a->streams, &session->session);
    if (one) {
        one->s.until_s = token_end(pass);
        one->s.place = viewer.place;
        one->s.medium = answer->medium;
    }
    lock_give(&a->streams.lock);
    return ERR_OK;
}

struct err access_renew(struct access *a, const struct access_viewer *caller, struct slice session, struct access_answer *answer, struct delivery_pass *pass) {
    struct delivery_session there;
    struct err e = delivery_session_find(a->o.delivery, caller->org_id, session, &there);
    if (!e.kind && there.viewer.household_id && there.viewer.household_id != caller->household_id) e = not_found();
    if (!e.kind && there.has_ended && !there.reason[0]) e = token_verdict_error(TOKEN_REVOKED);
    struct catalog_view *view = NULL;
    if (!e.kind) e = catalog_view_take(a->o.catalog, caller->org_id, &view);
    if (!e.kind) e = renew_in(a, caller, &there, view, answer, pass);
    catalog_view_give(&view);
    return e;
}

struct err access_end(struct access *a, int64_t org_id, int64_t household_id, struct slice session) {
    struct delivery_session there;
    struct err e = delivery_session_find(a->o.delivery, org_id, session, &there);
    if (!e.kind && there.viewer.household_id && there.viewer.household_id != household_id) e = not_found();
    if (!e.kind) e = delivery_session_end(a->o.delivery, org_id, session, NULL);
    if (!e.kind) remove_session(&a->streams, &there.session);
    return e;
}

static int compare_begun(const void *a, const void *b) {
    const struct access_stream *x = a, *y = b;
    return x->begun_s < y->begun_s ? -1 : x->begun_s > y->begun_s ? 1 : memcmp(x->session.text, y->session.text, PUBLIC_ID_LEN);
}

struct err access_streams(struct access *a, struct arena *arena, int64_t org_id, int64_t household_id, struct access_stream **out, size_t *count) {
    int64_t now_s = access_now_s(a), next_s = ACCESS_ENDLESS;
    size_t max = (size_t)streams_count(a, household_id, now_s, &next_s) + 4, found = 0; /* a few may come in between */
    struct access_stream *list = arena_alloc_array(arena, max, sizeof *list);
    if (!list) return err_memory();
    lock_take(&a->streams.lock);
    for (const struct stream *one = *household_place(&a->streams, household_id); one && found < max; one = one->next_of_household)
        if (household_id && one->s.household_id == household_id && one->s.org_id == org_id && one->s.until_s > now_s && is_named(one)) list[found++] = one->s;
    lock_give(&a->streams.lock);
    qsort(list, found, sizeof *list, compare_begun);
    *out = list;
    *count = found;
    return ERR_OK;
}

/* --- all of them --- */

struct err streams_load(struct access *a) {
    struct arena *arena = arena_create(1 << 30);
    struct delivery_session *list = NULL;
    size_t count = 0;
    struct err e = arena ? delivery_sessions_running(a->o.delivery, arena, &list, &count) : err_memory();
    for (size_t i = 0; !e.kind && i < count; i++) {
        const struct delivery_session *s = &list[i];
        int64_t until_s = s->renewed_s + TOKEN_LIFETIME_S;
        if (s->expires_s && s->expires_s < until_s) until_s = s->expires_s;
        struct stream *one = mem_zalloc(sizeof *one);
        if (!one) {
            e = err_memory();
            break;
        }
        one->s = (struct access_stream){.session = s->session, .title = s->title, .org_id = s->org_id, .household_id = s->viewer.household_id,
                                        .profile_id = s->viewer.profile_id, .medium = s->viewer.medium, .begun_s = s->begun_s, .until_s = until_s};
        if (!geo_place_parse(slice_cstr(s->viewer.place), &one->s.place)) one->s.place = (struct geo_place){0};
        memcpy(one->s.device, s->viewer.device, sizeof one->s.device);
        link_household(&a->streams, one);
        link_session(&a->streams, one);
    }
    arena_destroy(&arena);
    return e;
}

/* A copy of all that run; what is over leaves on the way. In `arena`. */
static struct access_stream *streams_copy(struct access *a, struct arena *arena, int64_t now_s, size_t *count) {
    struct streams *s = &a->streams;
    lock_take(&s->lock);
    size_t max = s->count;
    lock_give(&s->lock);
    struct access_stream *list = arena_alloc_array(arena, max + 1, sizeof *list);
    *count = 0;
    for (size_t b = 0; list && b < STREAM_BUCKETS; b++) {
        struct stream *over = NULL;
        lock_take(&s->lock); /* a bucket at a time: viewers wait for microseconds */
        for (struct stream *one = s->of_household[b], *next; one; one = next) {
            next = one->next_of_household;
            if (is_named(one) && one->s.until_s <= now_s) {
                unlink_both(s, one);
                one->next_of_household = over;
                over = one;
            } else if (is_named(one) && *count < max) {
                list[(*count)++] = one->s;
            }
        }
        lock_give(&s->lock);
        for (struct stream *next; over; over = next) {
            next = over->next_of_household;
            mem_free(over);
        }
    }
    return list;
}

static int compare_org(const void *a, const void *b) {
    const struct access_stream *x = a, *y = b;
    return x->org_id < y->org_id ? -1 : x->org_id > y->org_id;
}

/* Why this one has to end; NULL: it goes on. */
static const char *end_reason(struct access *a, struct catalog_view *view, const struct access_stream *s, int64_t now_s) {
    struct access_viewer viewer = {.org_id = s->org_id, .household_id = s->household_id, .profile_id = s->profile_id, .has_shown_pin = true, .place = s->place};
    struct access_question q = {.viewer = &viewer, .view = view, .title = catalog_find(view, public_id_slice(&s->title)), .at_s = now_s, .without_streams = true};
    if (!q.title) return "access.removed";
    if (access_prepare(a, &viewer).kind) return NULL; /* the store does not answer: next time */
    struct access_answer answer = access_decide(a, &q);
    bool goes_on = answer.is_allowed || (answer.step == ACCESS_RIGHTS && !strcmp(answer.reason, rights_reason_code(RIGHTS_BECAUSE_PLAYS)));
    return goes_on ? NULL : answer.reason;
}

size_t access_sweep(struct access *a) {
    if (!a->o.delivery) return 0;
    struct arena *arena = arena_create(1 << 30);
    int64_t now_s = access_now_s(a), org_id = 0;
    size_t count = 0, ending = 0;
    struct access_stream *list = arena ? streams_copy(a, arena, now_s, &count) : NULL;
    struct delivery_ending *endings = list ? arena_alloc_array(arena, count + 1, sizeof *endings) : NULL;
    struct catalog_view *view = NULL;
    struct err e = endings ? ERR_OK : err_memory();
    if (!e.kind) qsort(list, count, sizeof *list, compare_org);
    for (size_t i = 0; !e.kind && i < count; i++) {
        if (!view || list[i].org_id != org_id) {
            catalog_view_give(&view);
            org_id = list[i].org_id;
            e = catalog_view_take(a->o.catalog, org_id, &view);
            if (e.kind) break;
        }
        const char *reason = end_reason(a, view, &list[i], now_s);
        if (reason) endings[ending++] = (struct delivery_ending){org_id, list[i].session, reason};
    }
    catalog_view_give(&view);
    struct err ended = ending ? delivery_sessions_end(a->o.delivery, endings, ending) : ERR_OK;
    for (size_t i = 0; !ended.kind && i < ending; i++) remove_session(&a->streams, &endings[i].session);
    if (ending) log_info("access", "streams ended", LOG_INT("count", (int64_t)ending), LOG_TEXT("reason", endings[0].reason));
    if (e.kind || ended.kind) log_warn("access", "streams not decided again", LOG_ERR(e.kind ? e : ended)); /* and tried again in a moment */
    arena_destroy(&arena);
    atomic_fetch_add(&a->sweeps, 1);
    atomic_fetch_add(&a->ended, ending);
    return ending;
}
