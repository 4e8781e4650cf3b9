/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Publishers: whose key is it, and may they send? Everything after that is media/live's. */
#include "base/log.h"
#include "base/mem.h"
#include "event/broadcast/room.h"

struct publisher {
    struct broadcast *b;
    struct live_feed *feed;
    struct public_id title;
};

/* Every key is compared, whatever the ones before it said: how long it takes tells nothing. */
static struct err judge(struct broadcast *b, struct slice key, struct public_id *title) {
    enum broadcast_state state = BROADCAST_ENDED;
    bool is_known = false, is_open = false;
    lock_take(&b->lock);
    for (size_t i = 0; i < b->count; i++) {
        const struct channel *c = b->channels[i];
        if (!slice_eq_secret(slice_of(c->key, BROADCAST_KEY_LEN), key)) continue;
        is_known = true;
        *title = c->title;
        state = c->state;
        is_open = c->is_open;
    }
    lock_give(&b->lock);
    if (!is_known) return err_make(ERR_DENIED, "feed.key", "This stream key is nobody's. Copy it from the operator's page.");
    if (state == BROADCAST_ENDED) return err_make(ERR_CONFLICT, "feed.over", "This event has ended.");
    if (state == BROADCAST_SCHEDULED || !is_open)
        return err_make(ERR_BUSY, "feed.early", "This event is not open yet. Start it on the operator's page, or try again in a moment.");
    return ERR_OK;
}

static void refused(struct broadcast *b, const struct feed_hello *hello, struct err e) {
    atomic_fetch_add(&b->refused_total, 1);
    log_warn("broadcast", "publisher refused", LOG_TEXT("protocol", hello->protocol), LOG_SLICE("peer", hello->peer), LOG_TEXT("code", e.code));
}

struct err broadcast_admit(void *user, const struct feed_hello *hello) {
    struct public_id title;
    struct broadcast *b = user;
    struct err e = judge(b, hello->key, &title);
    if (!e.kind) e = live_feed_may_begin(b->o.live, &title); /* begin would find it too, but only now can SRT say why not */
    if (e.kind) refused(b, hello, e);
    return e;
}

static struct err feed_begin(void *user, const struct feed_hello *hello, void **feed) {
    struct broadcast *b = user;
    struct publisher *p = mem_zalloc(sizeof *p);
    if (!p) return err_memory();
    p->b = b;
    struct err e = atomic_load(&b->is_stopping) ? err_make(ERR_BUSY, "feed.stopping", "The server is stopping.") : judge(b, hello->key, &p->title);
    if (!e.kind) e = live_feed_begin(b->o.live, &p->title, hello, &p->feed);
    if (e.kind) {
        refused(b, hello, e);
        mem_free(p);
        return e;
    }
    atomic_fetch_add(&b->publishers, 1);
    atomic_fetch_add(&b->publishers_total, 1);
    log_info("broadcast", "publisher", LOG_TEXT("channel", p->title.text), LOG_TEXT("protocol", hello->protocol),
             LOG_SLICE("peer", hello->peer), LOG_SLICE("agent", hello->agent));
    *feed = p;
    return ERR_OK;
}

static struct live_feed *feed_of(void *feed) { return ((struct publisher *)feed)->feed; }
static struct err feed_tracks(void *feed, const struct cmaf_track *tracks, size_t count) { return live_feed_tracks(feed_of(feed), tracks, count); }
static struct err feed_sample(void *feed, const struct feed_sample *sample) { return live_feed_sample(feed_of(feed), sample); }
static void feed_cue(void *feed, struct slice section, int64_t pts, uint32_t timescale) { live_feed_cue(feed_of(feed), section, pts, timescale); }
static void feed_health(void *feed, const struct feed_health *health) { live_feed_health(feed_of(feed), health); }

static void feed_end(void *feed, struct err why) {
    struct publisher *p = feed;
    live_feed_end(&p->feed, why);
    atomic_fetch_sub(&p->b->publishers, 1);
    log_info("broadcast", "publisher gone", LOG_TEXT("channel", p->title.text), LOG_TEXT("why", why.kind ? why.code : "said goodbye"));
    mem_free(p);
}

struct feed_receiver broadcast_receiver(struct broadcast *b) {
    return (struct feed_receiver){.user = b, .begin = feed_begin, .tracks = feed_tracks, .sample = feed_sample, .cue = feed_cue,
                                  .health = feed_health, .end = feed_end};
}
