/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The threads, what media/live tells them, and the life of it all. */
#include "event/broadcast/broadcast.h"

#include "base/log.h"
#include "base/mem.h"
#include "event/broadcast/room.h"

enum { RETRY_LOOKS = 10, UNRIPE_NS = 20000000 };

static const char *const state_names[] = {"scheduled", "waiting", "live", "ended"};
const char *broadcast_state_name(enum broadcast_state s) { return state_names[s]; }

struct broadcast_settings broadcast_settings_default(void) { return (struct broadcast_settings){.dvr_ms = BROADCAST_DVR_MS_DEFAULT, .is_recorded = true}; }

int64_t broadcast_now_ms(const struct broadcast *b) { return clock_utc(b->o.clock).ns / NS_PER_MS; }
struct err broadcast_missing(void) { return err_make(ERR_NOT_FOUND, "channel.not_found", "There is no such channel. It may have been removed."); }

void broadcast_tell(struct broadcast *b, const struct channel *c) {
    if (b->o.on_change) b->o.on_change(b->o.on_change_user, c->org_id, &c->title);
}

/* --- news and the thread --- */

void broadcast_news_to(struct inbox *inbox, int kind, const struct public_id *title) {
    struct news *n = mem_zalloc(sizeof *n);
    if (!n) return; /* the next look finds it */
    n->kind = kind;
    if (title) n->title = *title;
    inbox_push(inbox, &n->item);
}
void broadcast_news(struct broadcast *b, int kind, const struct public_id *title) { broadcast_news_to(&b->inbox, kind, title); }

void broadcast_notice(void *user, const struct public_id *channel, enum live_notice notice) {
    struct broadcast *b = *(struct broadcast **)user;
    if (b) broadcast_news(b, notice == LIVE_NOTICE_TRACKS ? NEWS_TRACKS : NEWS_CHANGE, channel);
}

/* The channel's lookout, for the moment of a call; NULL: it has none. */
static struct lookout *lookout_of(struct broadcast *b, const struct public_id *channel) {
    struct lookout *l = NULL;
    lock_take(&b->lock);
    size_t at = broadcast_place_of(b, 0, public_id_slice(channel));
    if (at != SIZE_MAX && (l = b->channels[at]->lookout)) lookout_retain(l);
    lock_give(&b->lock);
    return l;
}

void broadcast_tap_tracks(void *user, const struct public_id *channel, const struct cmaf_track *tracks, size_t count) {
    struct broadcast *b = *(struct broadcast **)user;
    struct lookout *l = b ? lookout_of(b, channel) : NULL;
    if (l) lookout_tracks(l, tracks, count);
    lookout_release(&l);
}

void broadcast_tap_sample(void *user, const struct public_id *channel, size_t track, const struct cmaf_sample *sample) {
    struct broadcast *b = *(struct broadcast **)user;
    struct lookout *l = b ? lookout_of(b, channel) : NULL;
    if (l) lookout_sample(l, track, sample);
    lookout_release(&l);
}

/* Is there something to be watched? */
static bool has_parts(struct broadcast *b, const struct public_id *title) {
    struct live_health health;
    struct live_answer a = {0};
    if (live_channel_health(b->o.live, title, &health).kind || (!health.has_video && !health.has_audio)) return false;
    live_ask(b->o.live, title, &(struct live_ask){.file = health.has_video ? SLICE("v0.m3u8") : SLICE("a0.m3u8")}, NULL, &a);
    bool is_there = a.kind == LIVE_ANSWER_BLOBS;
    live_answer_release(&a);
    return is_there;
}

/* The first pictures have come: the title is on air as soon as they can be watched. False: that is not yet. */
static bool take_tracks(struct broadcast *b, const struct public_id *title) {
    struct channel *c;
    if (!has_parts(b, title)) return false;
    if (broadcast_hold(b, 0, public_id_slice(title), &c).kind) return true;
    struct err e = ERR_OK;
    if (c->state == BROADCAST_WAITING) e = broadcast_move(b, c, BROADCAST_LIVE, broadcast_now_ms(b), 0);
    if (e.kind) log_error("broadcast", "not put on air", LOG_TEXT("channel", title->text), LOG_ERR(e)); /* the next look tries again */
    broadcast_let_go(b, c);
    return true;
}

/* The first still has come: the title has a poster (api/art.c answers with the newest). */
static void take_poster(struct broadcast *b, const struct public_id *title) {
    struct channel *c;
    if (broadcast_hold(b, 0, public_id_slice(title), &c).kind) return;
    struct err e = c->is_finished ? ERR_OK : catalog_set_poster(b->o.catalog, c->org_id, public_id_slice(title), true);
    if (e.kind) log_warn("broadcast", "no poster", LOG_TEXT("channel", title->text), LOG_ERR(e));
    broadcast_let_go(b, c);
}

/* What the lock guards of it; the rest is its holder's. */
static struct channel guarded(const struct channel *c) {
    return (struct channel){.id = c->id, .org_id = c->org_id, .title = c->title, .settings = c->settings, .state = c->state,
                            .is_finished = c->is_finished, .is_open = c->is_open, .is_held = c->is_held};
}

static void take_change(struct broadcast *b, const struct public_id *title) {
    struct channel copy = {0};
    lock_take(&b->lock);
    size_t at = broadcast_place_of(b, 0, public_id_slice(title));
    if (at != SIZE_MAX) copy = guarded(b->channels[at]);
    lock_give(&b->lock);
    if (copy.id) broadcast_tell(b, &copy);
}

static void settle_one(struct broadcast *b, const struct public_id *title) {
    struct channel *c;
    if (broadcast_hold(b, 0, public_id_slice(title), &c).kind) return;
    struct err e = broadcast_settle(b, c);
    if (e.kind && !atomic_load(&b->is_stopping)) log_error("broadcast", "not settled", LOG_TEXT("channel", title->text), LOG_ERR(e));
    broadcast_let_go(b, c);
}

static void open_scheduled(struct broadcast *b, const struct public_id *title) {
    struct channel *c;
    if (broadcast_hold(b, 0, public_id_slice(title), &c).kind) return;
    struct err e = ERR_OK;
    if (c->state == BROADCAST_SCHEDULED) e = broadcast_move(b, c, BROADCAST_WAITING, 0, 0);
    if (!e.kind) e = broadcast_settle(b, c);
    if (e.kind) log_error("broadcast", "not opened", LOG_TEXT("channel", title->text), LOG_ERR(e));
    broadcast_let_go(b, c);
}

/* Once a second: the schedule, news of health, and what did not work before. */
static void look(struct broadcast *b, bool is_retry) {
    int64_t now = broadcast_now_ms(b);
    lock_take(&b->lock);
    size_t count = b->count;
    struct channel *copies = count ? mem_alloc(count * sizeof *copies) : NULL;
    for (size_t i = 0; copies && i < count; i++) copies[i] = guarded(b->channels[i]);
    lock_give(&b->lock);
    for (size_t i = 0; copies && i < count && !atomic_load(&b->is_stopping); i++) {
        const struct channel *c = &copies[i];
        bool should_be_open = c->state == BROADCAST_WAITING || c->state == BROADCAST_LIVE;
        if (c->state == BROADCAST_SCHEDULED && c->settings.starts_ms && c->settings.starts_ms <= now) open_scheduled(b, &c->title);
        else if (is_retry && should_be_open && !c->is_open) settle_one(b, &c->title);
        else if (is_retry && c->state == BROADCAST_ENDED && !c->is_finished && !c->is_held) broadcast_news_to(&b->ends, NEWS_LOOK, &c->title);
        else if (c->state == BROADCAST_WAITING && c->is_open) take_tracks(b, &c->title);
        else if (c->state == BROADCAST_LIVE && c->is_open) broadcast_tell(b, c);
    }
    mem_free(copies);
}

static void thread_run(void *arg) {
    struct broadcast *b = arg;
    struct mono_time next = {0};
    struct public_id unripe = {0}; /* has sent something that is not a part yet: looked at again soon */
    for (unsigned looks = 0;;) {
        struct inbox_item *item = inbox_wait(&b->inbox, unripe.text[0] ? UNRIPE_NS : NS_PER_S);
        bool is_end = false;
        if (unripe.text[0] && take_tracks(b, &unripe)) unripe.text[0] = '\0';
        while (item) {
            struct news *n = (struct news *)item;
            item = item->next;
            if (n->kind == NEWS_TRACKS && !take_tracks(b, &n->title)) unripe = n->title; /* of several the last; the others wait for the next look */
            if (n->kind == NEWS_CHANGE) take_change(b, &n->title);
            if (n->kind == NEWS_POSTER) take_poster(b, &n->title);
            if (n->kind == NEWS_LOOK) next.ns = 0;
            is_end |= n->kind == NEWS_END;
            if (n != &b->end) mem_free(n);
        }
        if (is_end) return;
        struct mono_time now = clock_mono(clock_system()); /* the pace is real time's; what is due is the clock's */
        if (now.ns < next.ns) continue;
        next = mono_add_ns(now, NS_PER_S * 9 / 10);
#ifdef GRANDSTAND_TEST_DOORS
        unsigned long long wanted = atomic_load(&b->looks_wanted);
#endif
        look(b, looks++ % RETRY_LOOKS == 0);
#ifdef GRANDSTAND_TEST_DOORS
        lock_take(&b->lock);
        atomic_store(&b->looks_done, wanted);
        condition_wake_all(&b->idle);
        lock_give(&b->lock);
#endif
    }
}

static void finisher_run(void *arg) {
    struct broadcast *b = arg;
    for (bool is_end = false; !is_end;) {
        struct inbox_item *item = inbox_wait(&b->ends, -1);
        while (item) {
            struct news *n = (struct news *)item;
            item = item->next;
            is_end |= n->kind == NEWS_END;
            if (n->kind == NEWS_LOOK) settle_one(b, &n->title);
#ifdef GRANDSTAND_TEST_DOORS
            if (n->kind == NEWS_CHANGE) {
                lock_take(&b->lock);
                atomic_fetch_add(&b->ends_done, 1);
                condition_wake_all(&b->idle);
                lock_give(&b->lock);
            }
#endif
            if (n != &b->ends_end) mem_free(n);
        }
    }
}

#ifdef GRANDSTAND_TEST_DOORS
void broadcast_test_tick(struct broadcast *b) {
    live_test_tick(b->o.live);
    unsigned long long mine = atomic_fetch_add(&b->looks_wanted, 1) + 1;
    broadcast_news(b, NEWS_LOOK, NULL);
    lock_take(&b->lock);
    while (atomic_load(&b->looks_done) < mine) condition_wait(&b->idle, &b->lock);
    lock_give(&b->lock);
    broadcast_news_to(&b->ends, NEWS_CHANGE, NULL); /* behind what the look has sent there */
    lock_take(&b->lock);
    while (atomic_load(&b->ends_done) < mine) condition_wait(&b->idle, &b->lock);
    lock_give(&b->lock);
}
#endif

/* --- the whole --- */

struct err broadcast_open(struct broadcast **out, const struct broadcast_options *options) {
    struct broadcast *b = mem_zalloc(sizeof *b);
    if (!b) return err_memory();
    b->o = *options;
    lock_init(&b->lock, LOCK_broadcast);
    condition_init(&b->idle);
    b->inbox.event_fd = b->ends.event_fd = -1;
    struct err e = inbox_open(&b->inbox);
    if (!e.kind) e = inbox_open(&b->ends);
    if (!e.kind) e = broadcast_rows_load(b);
    if (e.kind) broadcast_close(&b);
    else *out = b;
    return e;
}

bool broadcast_claims_staging(struct broadcast *b, struct slice name) {
    if (!slice_starts_with(name, SLICE("live-"))) return false;
    bool is_claimed = false;
    lock_take(&b->lock);
    size_t at = broadcast_place_of(b, 0, slice_sub(name, 5, name.len));
    if (at != SIZE_MAX) is_claimed = b->channels[at]->state != BROADCAST_SCHEDULED && !b->channels[at]->is_finished;
    lock_give(&b->lock);
    return is_claimed;
}

struct err broadcast_start(struct broadcast *b) {
    /* Those that are on air first and at once, so that publishers who come back find them; what has ended can wait for the thread. */
    for (size_t i = 0;; i++) {
        struct public_id title = {0};
        lock_take(&b->lock);
        bool is_end = i >= b->count;
        if (!is_end && (b->channels[i]->state == BROADCAST_WAITING || b->channels[i]->state == BROADCAST_LIVE)) title = b->channels[i]->title;
        lock_give(&b->lock);
        if (is_end) break;
        if (title.text[0]) settle_one(b, &title); /* one broken folder keeps nobody else off air: it is tried again */
    }
    struct err e = thread_start(&b->finisher, "broadcast-end", finisher_run, b);
    return e.kind ? e : thread_start(&b->thread, "broadcast", thread_run, b);
}

void broadcast_stop(struct broadcast *b) {
    if (!b || atomic_exchange(&b->is_stopping, true)) return;
    if (b->thread) {
        b->end.kind = NEWS_END;
        inbox_push(&b->inbox, &b->end.item);
        thread_join(&b->thread);
    }
    if (b->finisher) {
        b->ends_end.kind = NEWS_END;
        inbox_push(&b->ends, &b->ends_end.item);
        thread_join(&b->finisher);
    }
    for (;;) { /* none is opened any more (broadcast_settle) */
        struct public_id title = {0};
        lock_take(&b->lock);
        for (size_t i = 0; i < b->count && !title.text[0]; i++)
            if (b->channels[i]->is_open) title = b->channels[i]->title;
        lock_give(&b->lock);
        struct channel *c;
        if (!title.text[0]) return;
        if (broadcast_hold(b, 0, public_id_slice(&title), &c).kind) continue;
        broadcast_shut(b, c);
        broadcast_let_go(b, c);
    }
}

static void inbox_drain(struct inbox *inbox, const struct news *end) {
    if (inbox->event_fd < 0) return;
    for (struct inbox_item *item = inbox_take_all(inbox), *next; item; item = next) {
        next = item->next;
        if ((struct news *)item != end) mem_free(item);
    }
    inbox_close(inbox);
}

void broadcast_close(struct broadcast **broadcast) {
    struct broadcast *b = *broadcast;
    if (!b) return;
    broadcast_stop(b);
    inbox_drain(&b->inbox, &b->end);
    inbox_drain(&b->ends, &b->ends_end);
    for (size_t i = 0; i < b->count; i++) mem_free(b->channels[i]);
    mem_free(b->channels);
    condition_destroy(&b->idle);
    lock_destroy(&b->lock);
    MEM_FREE(broadcast);
}
