/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "event/broadcast/broadcast.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "event/broadcast/room.h"

enum { LOAD_BYTES_MAX = 64 << 20, RETRY_LOOKS = 10, UNRIPE_NS = 20000000 };

static const char *const state_names[] = {"scheduled", "waiting", "live", "ended"};
const char *broadcast_state_name(enum broadcast_state s) { return state_names[s]; }

struct broadcast_settings broadcast_settings_default(void) { return (struct broadcast_settings){.dvr_ms = BROADCAST_DVR_MS_DEFAULT, .is_recorded = true}; }

int64_t broadcast_now_ms(const struct broadcast *b) { return clock_utc(b->o.clock).ns / NS_PER_MS; }
struct err broadcast_missing(void) { return err_make(ERR_NOT_FOUND, "channel.not_found", "There is no such channel. It may have been removed."); }

void broadcast_tell(struct broadcast *b, const struct channel *c) {
    if (b->o.on_change) b->o.on_change(b->o.on_change_user, c->org_id, &c->title);
}

/* --- the table --- */

/* With the lock. */
static size_t place_of(const struct broadcast *b, int64_t org_id, struct slice title) {
    for (size_t i = 0; i < b->count; i++)
        if ((!org_id || b->channels[i]->org_id == org_id) && slice_eq(public_id_slice(&b->channels[i]->title), title)) return i;
    return SIZE_MAX;
}

struct err broadcast_hold(struct broadcast *b, int64_t org_id, struct slice title, struct channel **out) {
    struct channel *c = NULL;
    lock_take(&b->lock);
    for (;;) {
        size_t at = place_of(b, org_id, title); /* again each time: it may be removed meanwhile */
        c = at == SIZE_MAX ? NULL : b->channels[at];
        if (!c || !c->is_held) break;
        condition_wait(&b->idle, &b->lock);
    }
    if (c) c->is_held = true;
    lock_give(&b->lock);
    if (!c) return broadcast_missing();
    *out = c;
    return ERR_OK;
}

void broadcast_let_go(struct broadcast *b, struct channel *c) {
    lock_take(&b->lock);
    c->is_held = false;
    condition_wake_all(&b->idle);
    lock_give(&b->lock);
}

/* Puts it into the table, which owns it then. */
static struct err table_add(struct broadcast *b, struct channel *c) {
    struct err e = ERR_OK;
    lock_take(&b->lock);
    if (b->count == b->capacity) {
        size_t capacity = b->capacity ? b->capacity * 2 : 16;
        struct channel **grown = mem_realloc_array(b->channels, capacity, sizeof *grown);
        if (grown) b->channels = grown, b->capacity = capacity;
        else e = err_memory();
    }
    if (!e.kind) b->channels[b->count++] = c;
    lock_give(&b->lock);
    return e;
}

static void table_remove(struct broadcast *b, struct channel *c) {
    lock_take(&b->lock);
    size_t at = place_of(b, c->org_id, public_id_slice(&c->title));
    if (at != SIZE_MAX) {
        memmove(&b->channels[at], &b->channels[at + 1], (b->count - at - 1) * sizeof *b->channels);
        b->count--;
    }
    condition_wake_all(&b->idle);
    lock_give(&b->lock);
    mem_free(c);
}

/* --- rows --- */

static void key_make(char out[BROADCAST_KEY_LEN + 1]) {
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    uint8_t random[BROADCAST_KEY_LEN];
    rng_secure(random, sizeof random);
    for (size_t i = 0; i < BROADCAST_KEY_LEN; i++) out[i] = digits[random[i] & 31];
    out[BROADCAST_KEY_LEN] = '\0';
}

static void ladder_write(const struct broadcast_settings *s, char out[32]) {
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < BROADCAST_LADDER_MAX && s->ladder[i]; i++) at += (size_t)snprintf(out + at, 32 - at, i ? " %u" : "%u", s->ladder[i]);
}

static void ladder_read(struct slice text, struct broadcast_settings *s) {
    struct slice one;
    uint64_t height;
    for (size_t i = 0; i < BROADCAST_LADDER_MAX && text.len && slice_next(&text, ' ', &one);)
        if (slice_to_u64(one, &height) && height && height <= UINT16_MAX) s->ladder[i++] = (uint16_t)height;
}

struct load {
    struct broadcast *b;
    struct arena *arena;
    struct db_rows rows;
};
static struct err load_fn(struct db_tx *tx, void *arg) {
    struct load *l = arg;
    return DB_QUERY(tx, l->arena, &l->rows, &broadcast_row_all, DB_INT("limit", BROADCAST_CHANNELS_MAX));
}

static struct err row_fold(struct broadcast *b, const struct db_rows *rows, size_t i) {
    struct slice key = db_text(rows, i, "stream_key");
    struct channel *c = mem_zalloc(sizeof *c);
    if (!c) return err_memory();
    *c = (struct channel){.id = db_int(rows, i, "id"), .org_id = db_int(rows, i, "org_id"), .state = (enum broadcast_state)db_int(rows, i, "state"),
                          .is_finished = db_int(rows, i, "is_finished"), .started_ms = db_int(rows, i, "started_ms"), .ended_ms = db_int(rows, i, "ended_ms"),
                          .settings = {.starts_ms = db_int(rows, i, "starts_ms"), .dvr_ms = db_int(rows, i, "dvr_ms"),
                                       .backup = db_int(rows, i, "backup") ? BROADCAST_TAKE_OVER : BROADCAST_REFUSE,
                                       .is_recorded = db_int(rows, i, "is_recorded"), .is_endless = db_int(rows, i, "is_endless")}};
    ladder_read(db_text(rows, i, "ladder"), &c->settings);
    if (!public_id_parse(db_text(rows, i, "title"), &c->title) || key.len != BROADCAST_KEY_LEN) {
        mem_free(c);
        log_error("broadcast", "row not understood", LOG_INT("id", db_int(rows, i, "id")));
        return ERR_OK; /* the others go on */
    }
    memcpy(c->key, key.ptr, key.len);
    struct err e = table_add(b, c);
    if (e.kind) mem_free(c);
    return e;
}

static struct err rows_load(struct broadcast *b) {
    struct load l = {.b = b, .arena = arena_create(LOAD_BYTES_MAX)};
    struct err e = l.arena ? db_read(b->o.db, load_fn, &l) : err_memory();
    for (size_t i = 0; !e.kind && i < l.rows.count; i++) e = row_fold(b, &l.rows, i);
    arena_destroy(&l.arena);
    return e;
}

/* --- news and the thread --- */

static void news_push(struct inbox *inbox, int kind, const struct public_id *title) {
    struct news *n = mem_zalloc(sizeof *n);
    if (!n) return; /* the next look finds it */
    n->kind = kind;
    if (title) n->title = *title;
    inbox_push(inbox, &n->item);
}
void broadcast_news(struct broadcast *b, int kind, const struct public_id *title) { news_push(&b->inbox, kind, title); }

void broadcast_notice(void *user, const struct public_id *channel, enum live_notice notice) {
    struct broadcast *b = *(struct broadcast **)user;
    if (b) broadcast_news(b, notice == LIVE_NOTICE_TRACKS ? NEWS_TRACKS : NEWS_CHANGE, channel);
}

/* The channel's lookout, for the moment of a call; NULL: it has none. */
static struct lookout *lookout_of(struct broadcast *b, const struct public_id *channel) {
    struct lookout *l = NULL;
    lock_take(&b->lock);
    size_t at = place_of(b, 0, public_id_slice(channel));
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

static void take_change(struct broadcast *b, const struct public_id *title) {
    struct channel copy = {0};
    lock_take(&b->lock);
    size_t at = place_of(b, 0, public_id_slice(title));
    if (at != SIZE_MAX) copy = *b->channels[at];
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
    for (size_t i = 0; copies && i < count; i++) copies[i] = *b->channels[i];
    lock_give(&b->lock);
    for (size_t i = 0; copies && i < count && !atomic_load(&b->is_stopping); i++) {
        const struct channel *c = &copies[i];
        bool should_be_open = c->state == BROADCAST_WAITING || c->state == BROADCAST_LIVE;
        if (c->state == BROADCAST_SCHEDULED && c->settings.starts_ms && c->settings.starts_ms <= now) open_scheduled(b, &c->title);
        else if (is_retry && should_be_open && !c->is_open) settle_one(b, &c->title);
        else if (is_retry && c->state == BROADCAST_ENDED && !c->is_finished && !c->is_held) news_push(&b->ends, NEWS_LOOK, &c->title);
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
    news_push(&b->ends, NEWS_CHANGE, NULL); /* behind what the look has sent there */
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
    if (!e.kind) e = rows_load(b);
    if (e.kind) broadcast_close(&b);
    else *out = b;
    return e;
}

bool broadcast_claims_staging(struct broadcast *b, struct slice name) {
    if (!slice_starts_with(name, SLICE("live-"))) return false;
    bool is_claimed = false;
    lock_take(&b->lock);
    size_t at = place_of(b, 0, slice_sub(name, 5, name.len));
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

/* --- the operator's calls --- */

static struct err settings_check(const struct broadcast_settings *s) {
    if (s->dvr_ms < BROADCAST_DVR_MS_MIN || s->dvr_ms > BROADCAST_DVR_MS_MAX)
        return err_make(ERR_INPUT, "channel.dvr", "The time that viewers can go back lies between 30 seconds and 24 hours.");
    if (s->starts_ms < 0 || s->starts_ms > INT64_C(7258118400000)) return err_make(ERR_INPUT, "channel.starts", "An event starts before the year 2200.");
    for (size_t i = 0; i < BROADCAST_LADDER_MAX && s->ladder[i]; i++)
        if (s->ladder[i] < 144 || s->ladder[i] > 2160 || s->ladder[i] % 2 || (i && s->ladder[i] >= s->ladder[i - 1]))
            return err_make(ERR_INPUT, "channel.ladder", "Smaller pictures are given by their heights, even numbers from 2160 down to 144, the largest first, three at most.");
    return ERR_OK;
}

struct change_work {
    struct broadcast *b;
    const struct channel *c;
    const struct catalog_change *names;
    const struct broadcast_settings *settings;
    const char *key;
};

static struct err create_fn(struct db_tx *tx, void *arg) {
    const struct change_work *w = arg;
    const struct channel *c = w->c;
    char ladder[32];
    ladder_write(&c->settings, ladder);
    struct err e = catalog_create_in(tx, c->org_id, c->id, &c->title, w->names, CATALOG_SCHEDULED);
    if (!e.kind)
        e = DB_RUN(tx, &broadcast_row_insert, DB_INT("id", c->id), DB_INT("org_id", c->org_id), DB_TEXT("title", public_id_slice(&c->title)),
                   DB_CSTR("stream_key", c->key), DB_INT("state", c->state), DB_INT("backup", c->settings.backup), DB_INT("dvr_ms", c->settings.dvr_ms),
                   DB_BOOL("is_recorded", c->settings.is_recorded), DB_BOOL("is_endless", c->settings.is_endless), DB_CSTR("ladder", ladder),
                   DB_INT("starts_ms", c->settings.starts_ms));
    struct catalog_event event = {CATALOG_SCHEDULED, c->settings.starts_ms, 0, 0};
    return e.kind ? e : catalog_set_event_in(tx, c->org_id, public_id_slice(&c->title), &event);
}

struct err broadcast_create(struct broadcast *b, int64_t org_id, const struct catalog_change *names, const struct broadcast_settings *settings,
                            struct public_id *out) {
    struct err e = settings_check(settings);
    if (e.kind) return e;
    lock_take(&b->lock);
    size_t count = b->count;
    lock_give(&b->lock);
    if (count >= BROADCAST_CHANNELS_MAX) return err_make(ERR_LIMIT, "channel.many", "There are 10,000 channels. Remove some first.");
    struct channel *c = mem_zalloc(sizeof *c);
    if (!c) return err_memory();
    c->id = id_next(b->o.ids);
    c->org_id = org_id;
    c->title = public_id_random();
    c->settings = *settings;
    c->state = settings->starts_ms > broadcast_now_ms(b) ? BROADCAST_SCHEDULED : BROADCAST_WAITING;
    c->is_held = true;
    key_make(c->key);
    struct public_id title = c->title;
    struct change_work w = {.b = b, .c = c, .names = names};
    e = db_write(b->o.db, create_fn, &w);
    if (!e.kind) e = table_add(b, c); /* if memory is short now, the row is there at the next start */
    if (e.kind) {
        mem_free(c);
        return e;
    }
    e = catalog_refresh(b->o.catalog, org_id, public_id_slice(&title));
    if (!e.kind) e = broadcast_settle(b, c);
    broadcast_tell(b, c);
    broadcast_let_go(b, c);
    if (!e.kind) *out = title;
    return e;
}

/* Outside the lock what media/live says of it is added. */
static void copy_of(const struct channel *c, struct broadcast_channel *out) {
    *out = (struct broadcast_channel){.org_id = c->org_id, .title = c->title, .state = c->state, .is_finished = c->is_finished, .settings = c->settings,
                                      .started_ms = c->started_ms, .ended_ms = c->ended_ms, .is_open = c->is_open};
    memcpy(out->key, c->key, sizeof out->key);
}
static void health_add(struct broadcast *b, struct broadcast_channel *out) {
    if (out->is_open) out->is_open = !live_channel_health(b->o.live, &out->title, &out->health).kind;
    int64_t viewers = delivery_viewers(b->o.delivery, public_id_slice(&out->title));
    out->viewers = viewers > 0 ? viewers : 0;
}

struct err broadcast_get(struct broadcast *b, int64_t org_id, struct slice title, struct broadcast_channel *out) {
    struct broadcast_channel copy;
    lock_take(&b->lock);
    size_t at = place_of(b, org_id, title);
    if (at != SIZE_MAX) copy_of(b->channels[at], &copy);
    lock_give(&b->lock);
    if (at == SIZE_MAX) return broadcast_missing();
    health_add(b, &copy);
    *out = copy;
    return ERR_OK;
}

struct err broadcast_list(struct broadcast *b, struct arena *arena, int64_t org_id, struct broadcast_channel **out, size_t *count) {
    size_t wanted = 0, found = 0;
    lock_take(&b->lock);
    for (size_t i = 0; i < b->count; i++) wanted += b->channels[i]->org_id == org_id;
    struct broadcast_channel *list = arena_alloc_array(arena, wanted + 1, sizeof *list);
    for (size_t i = b->count; list && i-- > 0;)
        if (b->channels[i]->org_id == org_id) copy_of(b->channels[i], &list[found++]);
    lock_give(&b->lock);
    if (!list) return err_memory();
    for (size_t i = 0; i < found; i++) health_add(b, &list[i]);
    *out = list;
    *count = found;
    return ERR_OK;
}

static struct err change_fn(struct db_tx *tx, void *arg) {
    const struct change_work *w = arg;
    const struct channel *c = w->c;
    struct slice title = public_id_slice(&c->title);
    const struct broadcast_settings *s = w->settings;
    char ladder[32];
    ladder_write(s, ladder);
    struct err e = catalog_change_in(tx, c->org_id, title, w->names);
    int64_t changed = 0;
    if (!e.kind)
        e = DB_CHANGE(tx, &changed, &broadcast_row_set, DB_INT("org_id", c->org_id), DB_TEXT("title", title), DB_INT("backup", s->backup),
                      DB_INT("dvr_ms", s->dvr_ms), DB_BOOL("is_recorded", s->is_recorded), DB_BOOL("is_endless", s->is_endless),
                      DB_CSTR("ladder", ladder), DB_INT("starts_ms", s->starts_ms));
    if (!e.kind && !changed) e = broadcast_missing();
    if (e.kind || c->is_finished) return e; /* a title on demand has no more to be told */
    enum catalog_status status = c->state == BROADCAST_LIVE ? CATALOG_LIVE : c->state == BROADCAST_ENDED ? CATALOG_ENDED : CATALOG_SCHEDULED;
    struct catalog_event event = {status, s->starts_ms, c->started_ms, c->ended_ms};
    return catalog_set_event_in(tx, c->org_id, title, &event);
}

struct err broadcast_change(struct broadcast *b, int64_t org_id, struct slice title, const struct catalog_change *names, const struct broadcast_settings *settings) {
    struct channel *c;
    struct err e = settings_check(settings);
    if (!e.kind) e = broadcast_hold(b, org_id, title, &c);
    if (e.kind) return e;
    bool differs = memcmp(settings->ladder, c->settings.ladder, sizeof settings->ladder) != 0 || settings->is_endless != c->settings.is_endless ||
                   settings->is_recorded != c->settings.is_recorded;
    if (differs && c->is_open && c->state == BROADCAST_LIVE)
        e = err_make(ERR_CONFLICT, "channel.live", "This cannot be changed while the channel is on air. End it first.");
    struct change_work w = {.b = b, .c = c, .names = names, .settings = settings};
    if (!e.kind) e = db_write(b->o.db, change_fn, &w);
    if (!e.kind) {
        lock_take(&b->lock);
        c->settings = *settings;
        lock_give(&b->lock);
        if (c->is_open && differs) { /* opened with other settings; nobody publishes yet */
            broadcast_shut(b, c);
            e = broadcast_settle(b, c);
        } else if (c->is_open) {
            e = live_channel_set(b->o.live, &c->title, (uint32_t)settings->dvr_ms, settings->backup == BROADCAST_TAKE_OVER);
        }
        struct err shown = catalog_refresh(b->o.catalog, org_id, title);
        if (!e.kind) e = shown;
        broadcast_tell(b, c);
    }
    broadcast_let_go(b, c);
    return e;
}

struct err broadcast_begin(struct broadcast *b, int64_t org_id, struct slice title) {
    struct channel *c;
    struct err e = broadcast_hold(b, org_id, title, &c);
    if (e.kind) return e;
    if (c->state == BROADCAST_ENDED) e = err_make(ERR_CONFLICT, "feed.over", "This event has ended.");
    if (c->state == BROADCAST_SCHEDULED) e = broadcast_move(b, c, BROADCAST_WAITING, 0, 0);
    if (!e.kind) e = broadcast_settle(b, c);
    broadcast_let_go(b, c);
    return e;
}

struct err broadcast_end(struct broadcast *b, int64_t org_id, struct slice title) {
    struct channel *c;
    struct err e = broadcast_hold(b, org_id, title, &c);
    if (e.kind) return e;
    if (c->state != BROADCAST_ENDED) e = broadcast_move(b, c, BROADCAST_ENDED, c->started_ms, broadcast_now_ms(b));
    struct public_id id = c->title;
    broadcast_let_go(b, c);
    if (!e.kind) news_push(&b->ends, NEWS_LOOK, &id);
    return e;
}

static struct err rotate_fn(struct db_tx *tx, void *arg) {
    const struct change_work *w = arg;
    int64_t changed = 0;
    struct err e = DB_CHANGE(tx, &changed, &broadcast_row_set_key, DB_INT("org_id", w->c->org_id), DB_TEXT("title", public_id_slice(&w->c->title)), DB_CSTR("stream_key", w->key));
    return e.kind || changed ? e : broadcast_missing();
}

struct err broadcast_rotate(struct broadcast *b, int64_t org_id, struct slice title) {
    struct channel *c;
    struct err e = broadcast_hold(b, org_id, title, &c);
    if (e.kind) return e;
    char key[BROADCAST_KEY_LEN + 1];
    key_make(key);
    struct change_work w = {.b = b, .c = c, .key = key};
    e = db_write(b->o.db, rotate_fn, &w);
    if (!e.kind) {
        lock_take(&b->lock);
        memcpy(c->key, key, sizeof key);
        lock_give(&b->lock);
        live_channel_cut_feed(b->o.live, &c->title);
        broadcast_tell(b, c);
    }
    broadcast_let_go(b, c);
    return e;
}

static struct err remove_fn(struct db_tx *tx, void *arg) {
    const struct change_work *w = arg;
    struct slice title = public_id_slice(&w->c->title);
    struct err e = DB_RUN(tx, &broadcast_row_remove, DB_INT("org_id", w->c->org_id), DB_TEXT("title", title));
    return e.kind ? e : catalog_remove_in(tx, w->c->org_id, title);
}

struct err broadcast_remove(struct broadcast *b, int64_t org_id, struct slice title) {
    struct channel *c;
    struct err e = broadcast_hold(b, org_id, title, &c);
    if (e.kind) return e;
    if (c->state == BROADCAST_LIVE || (c->state == BROADCAST_ENDED && !c->is_finished))
        e = err_make(ERR_CONFLICT, "channel.live", "This channel is on air or being finished. End it first.");
    struct change_work w = {.b = b, .c = c};
    if (!e.kind) e = db_write(b->o.db, remove_fn, &w);
    if (e.kind) {
        broadcast_let_go(b, c);
        return e;
    }
    struct public_id id = c->title;
    char keys[2][40];
    snprintf(keys[0], sizeof keys[0], "titles/%s", id.text);
    snprintf(keys[1], sizeof keys[1], "art/%s", id.text);
    delivery_off_air(b->o.delivery, &id);
    struct object_staging *staging = c->staging;
    c->staging = NULL; /* it is thrown away, not kept */
    broadcast_shut(b, c);
    struct err gone = staging ? object_staging_discard(&staging) : ERR_OK; /* what stays is removed at the next start: nobody claims it */
    object_staging_close(&staging);
    for (size_t i = 0; i < 2; i++) {
        struct err deleted = object_delete(b->o.objects, slice_cstr(keys[i]));
        if (deleted.kind) gone = deleted;
    }
    if (gone.kind) log_warn("broadcast", "media stays", LOG_TEXT("channel", id.text), LOG_ERR(gone));
    delivery_off_air_forget(b->o.delivery, &id);
    delivery_forget(b->o.delivery, public_id_slice(&id));
    broadcast_tell(b, c);
    table_remove(b, c);
    return catalog_refresh(b->o.catalog, org_id, public_id_slice(&id));
}

/* --- what is asked of a channel --- */

struct err broadcast_preview(struct broadcast *b, int64_t org_id, struct slice title, struct http_blob **out) {
    struct broadcast_channel copy;
    struct err e = broadcast_get(b, org_id, title, &copy);
    if (e.kind) return e;
    struct live_answer a = {0};
    e = err_make(ERR_NOT_FOUND, "channel.preview", "There is no picture of this channel yet.");
    if (copy.is_open) live_ask(b->o.live, &copy.title, &(struct live_ask){.file = SLICE("poster.jpg")}, NULL, &a);
    if (a.kind == LIVE_ANSWER_BLOBS && a.piece_count == 1) {
        *out = http_blob_acquire(a.pieces[0].blob);
        e = ERR_OK;
    }
    live_answer_release(&a);
    return e;
}

bool broadcast_live_facts(struct broadcast *b, struct slice title, struct broadcast_live *out) {
    bool is_live = false;
    lock_take(&b->lock);
    size_t at = place_of(b, 0, title);
    if (at != SIZE_MAX && b->channels[at]->state == BROADCAST_LIVE && b->channels[at]->is_open) {
        const struct channel *c = b->channels[at];
        is_live = true;
        *out = (struct broadcast_live){LIVE_PART_MS, LIVE_SEGMENT_MS, LIVE_HOLD_BACK_MS, c->settings.dvr_ms, c->started_ms};
    }
    lock_give(&b->lock);
    return is_live;
}

void broadcast_stats(struct broadcast *b, struct broadcast_stats *out) {
    struct broadcast_stats s = {.publishers = atomic_load(&b->publishers), .publishers_total = atomic_load(&b->publishers_total), .refused_total = atomic_load(&b->refused_total)};
    size_t open_count = 0;
    lock_take(&b->lock);
    s.channels = b->count;
    struct public_id *open = b->count ? mem_alloc(b->count * sizeof *open) : NULL;
    for (size_t i = 0; i < b->count; i++) {
        const struct channel *c = b->channels[i];
        s.waiting += c->state == BROADCAST_WAITING;
        s.live += c->state == BROADCAST_LIVE;
        if (open && c->is_open) open[open_count++] = c->title;
    }
    lock_give(&b->lock);
    for (size_t i = 0; i < open_count; i++) {
        struct live_health h;
        if (live_channel_health(b->o.live, &open[i], &h).kind) continue;
        s.parts += h.parts;
        s.parts_late += h.parts_late;
        s.recorded_parts += h.recorded_parts;
        s.lost_parts += h.lost_parts;
        s.samples_dropped += h.samples_dropped;
        s.recorded_bytes += h.recorded_bytes;
        s.ring_bytes += h.ring_bytes;
        s.waiters += h.waiters;
    }
    mem_free(open);
    *out = s;
}
