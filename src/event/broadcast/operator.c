/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the operator asks of a channel. */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "event/broadcast/room.h"

static struct err settings_check(const struct broadcast_settings *s) {
    if (s->dvr_ms < BROADCAST_DVR_MS_MIN || s->dvr_ms > BROADCAST_DVR_MS_MAX)
        return err_make(ERR_INPUT, "channel.dvr", "The time that viewers can go back lies between 30 seconds and 24 hours.");
    if (s->starts_ms < 0 || s->starts_ms > INT64_C(7258118400000)) return err_make(ERR_INPUT, "channel.starts", "An event starts before the year 2200.");
    for (size_t i = 0; i < BROADCAST_LADDER_MAX && s->ladder[i]; i++)
        if (s->ladder[i] < 144 || s->ladder[i] > 2160 || s->ladder[i] % 2 || (i && s->ladder[i] >= s->ladder[i - 1]))
            return err_make(ERR_INPUT, "channel.ladder",
                            "Smaller pictures are given by their heights, even numbers from 2160 down to 144, the largest first, three at most.");
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
    broadcast_ladder_write(&c->settings, ladder);
    struct err e = catalog_create_in(tx, c->org_id, c->id, &c->title, w->names, CATALOG_SCHEDULED);
    if (!e.kind)
        e = DB_RUN(tx, &broadcast_row_insert, DB_INT("id", c->id), DB_INT("org_id", c->org_id), DB_TEXT("title", public_id_slice(&c->title)),
                   DB_CSTR("stream_key", c->key), DB_INT("state", c->state), DB_INT("backup", c->settings.backup), DB_INT("dvr_ms", c->settings.dvr_ms),
                   DB_BOOL("is_recorded", c->settings.is_recorded), DB_BOOL("is_endless", c->settings.is_endless), DB_CSTR("ladder", ladder),
                   DB_INT("starts_ms", c->settings.starts_ms));
    if (!e.kind && w->b->o.rights && !w->names->is_without_rights) e = rights_house_line_in(w->b->o.rights, tx, c->org_id, c->id);
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
    broadcast_key_make(c->key);
    struct public_id title = c->title;
    struct change_work w = {.b = b, .c = c, .names = names};
    e = db_write(b->o.db, create_fn, &w);
    if (!e.kind) e = broadcast_table_add(b, c); /* if memory is short now, the row is there at the next start */
    if (e.kind) {
        mem_free(c);
        return e;
    }
    e = catalog_refresh(b->o.catalog, org_id, public_id_slice(&title));
    if (!e.kind && b->o.rights) e = rights_refresh(b->o.rights);
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
    size_t at = broadcast_place_of(b, org_id, title);
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
    broadcast_ladder_write(s, ladder);
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
    if (!e.kind) broadcast_news_to(&b->ends, NEWS_LOOK, &id);
    return e;
}

static struct err rotate_fn(struct db_tx *tx, void *arg) {
    const struct change_work *w = arg;
    int64_t changed = 0;
    struct err e = DB_CHANGE(tx, &changed, &broadcast_row_set_key, DB_INT("org_id", w->c->org_id), DB_TEXT("title", public_id_slice(&w->c->title)),
                             DB_CSTR("stream_key", w->key));
    return e.kind || changed ? e : broadcast_missing();
}

struct err broadcast_rotate(struct broadcast *b, int64_t org_id, struct slice title) {
    struct channel *c;
    struct err e = broadcast_hold(b, org_id, title, &c);
    if (e.kind) return e;
    char key[BROADCAST_KEY_LEN + 1];
    broadcast_key_make(key);
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
    broadcast_table_remove(b, c);
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
    size_t at = broadcast_place_of(b, 0, title);
    if (at != SIZE_MAX && b->channels[at]->state == BROADCAST_LIVE && b->channels[at]->is_open) {
        const struct channel *c = b->channels[at];
        is_live = true;
        *out = (struct broadcast_live){LIVE_PART_MS, LIVE_SEGMENT_MS, LIVE_HOLD_BACK_MS, c->settings.dvr_ms, c->started_ms};
    }
    lock_give(&b->lock);
    return is_live;
}

void broadcast_stats(struct broadcast *b, struct broadcast_stats *out) {
    struct broadcast_stats s = {.publishers = atomic_load(&b->publishers), .publishers_total = atomic_load(&b->publishers_total),
                                .refused_total = atomic_load(&b->refused_total)};
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
