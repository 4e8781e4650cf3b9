/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One channel is brought to where its row says. While it waits or is live its staging is open and the live channel stands on it. When it has
 * ended:
 *
 *      close the timeline -> publish the staging by one rename -> title ready and channel finished, one transaction -> hand over to the shelf
 *
 * A kill between any two of these leaves a row that says "ended, not finished", and either a staging or a published folder; both are looked
 * for, so whatever was done is not done again. Until the hand-over viewers are answered by the channel, afterwards from the folder, under
 * the same names. */
#include <stdio.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "event/broadcast/room.h"

enum { FACTS_BYTES_MAX = 256 << 20 };

struct move {
    const struct channel *c;
    enum broadcast_state state;
    bool is_finished;
    int64_t started_ms, ended_ms;
    const struct catalog_media *media; /* NULL: the title gets none */
};

static enum catalog_status status_of(enum broadcast_state s) {
    return s == BROADCAST_LIVE ? CATALOG_LIVE : s == BROADCAST_ENDED ? CATALOG_ENDED : CATALOG_SCHEDULED;
}

static struct err move_fn(struct db_tx *tx, void *arg) {
    const struct move *m = arg;
    struct slice title = public_id_slice(&m->c->title);
    int64_t changed = 0;
    struct err e = DB_CHANGE(tx, &changed, &broadcast_row_set_state, DB_INT("org_id", m->c->org_id), DB_TEXT("title", title), DB_INT("state", m->state),
                             DB_BOOL("is_finished", m->is_finished), DB_INT("started_ms", m->started_ms), DB_INT("ended_ms", m->ended_ms));
    if (!e.kind && !changed) e = broadcast_missing();
    struct catalog_event event = {status_of(m->state), m->c->settings.starts_ms, m->started_ms, m->ended_ms};
    if (!e.kind) e = catalog_set_event_in(tx, m->c->org_id, title, &event);
    return e.kind || !m->media ? e : catalog_set_media_in(tx, m->c->org_id, title, m->media);
}

static struct err move_write(struct broadcast *b, struct channel *c, const struct move *m) {
    struct err e = db_write(b->o.db, move_fn, (void *)(uintptr_t)m);
    if (e.kind) return e;
    lock_take(&b->lock);
    c->state = m->state;
    c->is_finished = m->is_finished;
    c->started_ms = m->started_ms;
    c->ended_ms = m->ended_ms;
    lock_give(&b->lock);
    e = catalog_refresh(b->o.catalog, c->org_id, public_id_slice(&c->title));
    broadcast_tell(b, c);
    return e;
}

struct err broadcast_move(struct broadcast *b, struct channel *c, enum broadcast_state state, int64_t started_ms, int64_t ended_ms) {
    return move_write(b, c, &(struct move){c, state, c->is_finished, started_ms, ended_ms, NULL});
}

/* --- open and close --- */

static void staging_name(const struct channel *c, char out[32]) { snprintf(out, 32, "live-%s", c->title.text); }

static struct err staging_open(struct broadcast *b, struct channel *c, bool *existed) {
    char name[32];
    staging_name(c, name);
    *existed = true;
    return c->staging ? ERR_OK : object_staging_open(b->o.objects, slice_cstr(name), &c->staging, existed);
}

static struct err channel_open(struct broadcast *b, struct channel *c) {
    bool existed;
    struct err e = staging_open(b, c, &existed);
    if (e.kind) return e;
    struct live_channel_options options = {.dir_fd = object_staging_fd(c->staging), .dvr_ms = (uint32_t)c->settings.dvr_ms,
                                           .is_recorded = c->settings.is_recorded && !c->settings.is_endless,
                                           .takes_over = c->settings.backup == BROADCAST_TAKE_OVER};
    e = live_channel_open(b->o.live, &c->title, &options);
    if (!e.kind) {
        e = delivery_on_air(b->o.delivery, &c->title);
        if (e.kind) {
            struct err closed = live_channel_close(b->o.live, &c->title);
            (void)closed; /* memory is short: the error says so */
        }
    }
    if (e.kind) {
        object_staging_close(&c->staging);
        return e;
    }
    struct lookout *lookout = b->o.looks_at ? lookout_create(b, &c->title, &c->settings) : NULL;
    lock_take(&b->lock);
    c->is_open = true;
    c->lookout = lookout;
    lock_give(&b->lock);
    log_info("broadcast", "open", LOG_TEXT("channel", c->title.text), LOG_BOOL("continues", existed));
    return ERR_OK;
}

/* First nobody gives it anything any more. */
static void lookout_end(struct broadcast *b, struct channel *c) {
    lock_take(&b->lock);
    struct lookout *lookout = c->lookout;
    c->lookout = NULL;
    lock_give(&b->lock);
    lookout_release(&lookout);
}

void broadcast_shut(struct broadcast *b, struct channel *c) {
    lookout_end(b, c);
    if (c->is_open) {
        struct err e = live_channel_close(b->o.live, &c->title);
        if (e.kind) log_warn("broadcast", "not closed", LOG_TEXT("channel", c->title.text), LOG_ERR(e));
        lock_take(&b->lock);
        c->is_open = false;
        lock_give(&b->lock);
    }
    object_staging_close(&c->staging);
}

/* --- the end --- */

/* What a recording has. */
struct facts {
    struct live_recording_facts recording;
    bool has_smaller[BROADCAST_LADDER_MAX]; /* v1, v2 ... */
};

/* As catalog.h wants it: audio, captions and heights, a JSON array a line. */
static void tracks_put(struct buf *out, const struct facts *facts, const struct broadcast_settings *settings) {
    buf_cstr(out, facts->recording.has_audio ? "[{\"lang\":\"und\",\"label\":\"\"}]\n[]\n[" : "[]\n[]\n[");
    if (facts->recording.height) buf_printf(out, "%u", facts->recording.height);
    for (size_t i = 0; facts->recording.height && i < BROADCAST_LADDER_MAX; i++)
        if (facts->has_smaller[i]) buf_printf(out, ",%u", settings->ladder[i]);
    buf_cstr(out, "]");
}

static bool has_rendition(const struct live_recording *recording, size_t number) {
    char name[16];
    struct live_answer a = {0};
    snprintf(name, sizeof name, "v%zu.m3u8", number);
    live_recording_ask(recording, &(struct live_ask){.file = slice_cstr(name)}, &a);
    bool is_there = a.kind == LIVE_ANSWER_BLOBS;
    live_answer_release(&a);
    return is_there;
}

/* What stands in a folder. ERR_INPUT live.empty, ERR_NOT_FOUND: nothing that could be watched. */
static struct err facts_read(int dir_fd, struct facts *out) {
    struct arena *arena = arena_create(FACTS_BYTES_MAX);
    if (!arena) return err_memory();
    const struct live_recording *recording = NULL;
    struct err e = live_recording_open(dir_fd, arena, &recording);
    if (!e.kind) live_recording_facts(recording, &out->recording);
    for (size_t i = 0; !e.kind && i < BROADCAST_LADDER_MAX; i++) out->has_smaller[i] = has_rendition(recording, i + 1);
    arena_destroy(&arena);
    return e;
}

static bool is_empty(struct err e) { return e.kind == ERR_NOT_FOUND || (e.kind == ERR_INPUT && !strcmp(e.code, "live.empty")); }

/* The folder under its final name; *has_media false: there is none, since nothing was recorded. */
static struct err publish(struct broadcast *b, struct channel *c, struct facts *facts, bool *has_media) {
    char key[40];
    snprintf(key, sizeof key, "titles/%s", c->title.text);
    int dir_fd = -1;
    *has_media = false;
    struct err e = object_open_folder(b->o.objects, slice_cstr(key), &dir_fd);
    if (!e.kind) { /* a kill came behind the rename */
        e = facts_read(dir_fd, facts);
        fs_close(&dir_fd);
        *has_media = !e.kind;
        return is_empty(e) ? ERR_OK : e;
    }
    if (e.kind != ERR_NOT_FOUND) return e;
    bool existed;
    e = staging_open(b, c, &existed);
    if (e.kind) return e;
    bool is_kept = c->settings.is_recorded && !c->settings.is_endless;
    e = is_kept ? facts_read(object_staging_fd(c->staging), facts) : err_make(ERR_NOT_FOUND, "live.empty", "");
    if (is_empty(e)) return object_staging_discard(&c->staging);
    if (!e.kind) e = object_staging_publish(&c->staging, slice_cstr(key), OBJECT_PUBLISH_NEW);
    *has_media = !e.kind;
    return e;
}

static uint32_t colour_of(struct broadcast *b, const struct channel *c) {
    struct catalog_view *view = NULL;
    struct err e = catalog_view_take(b->o.catalog, c->org_id, &view);
    const struct catalog_title *t = e.kind ? NULL : catalog_find(view, public_id_slice(&c->title));
    uint32_t colour = t ? t->colour : 0x808080;
    catalog_view_give(&view);
    return colour;
}

static struct err channel_finish(struct broadcast *b, struct channel *c) {
    struct err e = ERR_OK;
    char key[40];
    snprintf(key, sizeof key, "titles/%s", c->title.text);
    int published = -1;
    bool is_published = !object_open_folder(b->o.objects, slice_cstr(key), &published).kind;
    fs_close(&published);
    if (!c->is_open && !is_published) e = channel_open(b, c); /* after a kill: what was recorded is made whole */
    if (!e.kind && c->is_open) {
        lookout_end(b, c);
        struct err ended = live_channel_end(b->o.live, &c->title);
        if (ended.kind) log_error("broadcast", "recording has holes", LOG_TEXT("channel", c->title.text), LOG_ERR(ended)); /* what there is, is shown */
    }
    struct facts facts = {0};
    bool has_media = false;
    if (!e.kind) e = publish(b, c, &facts, &has_media);
    struct buf tracks = BUF(CATALOG_TRACKS_BYTES_MAX);
    tracks_put(&tracks, &facts, &c->settings);
    struct catalog_media media = {.duration_ms = facts.recording.duration_ms, .colour = colour_of(b, c), .has_poster = facts.recording.has_poster,
                                  .tracks = buf_slice(&tracks)};
    if (!e.kind) e = move_write(b, c, &(struct move){c, BROADCAST_ENDED, true, c->started_ms, c->ended_ms, has_media ? &media : NULL});
    buf_free(&tracks);
    if (e.kind) return e;
    delivery_off_air(b->o.delivery, &c->title); /* from here on the shelf answers */
    broadcast_shut(b, c);
    log_info("broadcast", "finished", LOG_TEXT("channel", c->title.text), LOG_BOOL("recording", has_media), LOG_INT("duration_ms", facts.recording.duration_ms),
             LOG_INT("holes", (int64_t)facts.recording.holes));
    return ERR_OK;
}

struct err broadcast_settle(struct broadcast *b, struct channel *c) {
    if (atomic_load(&b->is_stopping)) return err_make(ERR_BUSY, "feed.stopping", "The server is stopping.");
    bool should_be_open = c->state == BROADCAST_WAITING || c->state == BROADCAST_LIVE;
    if (should_be_open && !c->is_open) return channel_open(b, c);
    return c->state == BROADCAST_ENDED && !c->is_finished ? channel_finish(b, c) : ERR_OK;
}
