/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "app/playout.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "media/cmaf/cmaf.h"

#define CHANNEL_ID SLICE("example:live")
enum { RETRY_MS = 5000, FILMS_MAX = 64 };

struct playout {
    struct house *house;
    struct feed_receiver receiver;
    struct thread *thread;
    struct inbox wake; /* pushed to when it is time to stop */
    struct inbox_item end;
    atomic_bool is_stopping;
    struct public_id channel;

    void *feed;
    struct mono_time began; /* when the time of the channel's clock was 0 */
    int64_t clock_ns;       /* where the next film begins on it */
    struct buf payload;
};

/* One track of a film. */
struct reel {
    int fd;
    struct cmaf_source *source;
    struct cmaf_cursor *cursor;
    const struct cmaf_track *track;
    struct cmaf_sample sample; /* the next one, */
    bool has_sample;           /* if there is one */
};

static int64_t ns_of(int64_t time, uint32_t timescale) { return (int64_t)((__int128)time * NS_PER_S / timescale); }
static int64_t ticks_of(int64_t ns, uint32_t timescale) { return (int64_t)((__int128)ns * timescale / NS_PER_S); }

/* False: it is time to stop. */
static bool wait_ns(struct playout *p, int64_t ns) {
    if (!atomic_load(&p->is_stopping) && ns > 0) {
        struct inbox_item *item = inbox_wait(&p->wake, ns);
        (void)item;
    }
    return !atomic_load(&p->is_stopping);
}

static void reel_close(struct reel *r) {
    cmaf_cursor_close(&r->cursor);
    cmaf_source_close(&r->source);
    fs_close(&r->fd);
}

static struct err reel_next(struct reel *r) { return cmaf_cursor_next(r->cursor, &r->sample, &r->has_sample); }

static struct err reel_open(struct reel *r, int dir_fd, const char *name) {
    *r = (struct reel){.fd = -1};
    struct err e = fs_open(dir_fd, name, O_RDONLY, 0, &r->fd);
    if (!e.kind) e = cmaf_source_open(r->fd, &r->source);
    if (!e.kind && cmaf_source_track_at(r->source, 0)->why_not) e = err_make(ERR_INPUT, "playout.track", "This film cannot be played as it lies there.");
    if (!e.kind) {
        r->track = &cmaf_source_track_at(r->source, 0)->track;
        e = cmaf_cursor_open(r->source, 0, &r->cursor);
    }
    if (!e.kind) e = reel_next(r);
    if (e.kind) reel_close(r);
    return e;
}

static struct err sample_send(struct playout *p, struct reel *r, size_t track, int64_t shift_ns) {
    const struct cmaf_sample *s = &r->sample;
    buf_clear(&p->payload);
    char *room = buf_reserve(&p->payload, s->bytes);
    if (!room) return err_memory();
    struct err e = fs_pread_all(r->fd, room, s->bytes, s->source_offset);
    if (e.kind) return e;
    buf_commit(&p->payload, s->bytes);
    struct utc_time now = clock_utc(p->house->clock);
    int64_t shift = ticks_of(shift_ns, r->track->timescale);
    struct feed_sample out = {.track = track, .dts = s->dts + shift, .pts = s->pts + shift, .duration = s->duration, .is_sync = s->is_sync,
                              .data = buf_slice(&p->payload), .arrived = now, .captured = now, .clock_source = FEED_CLOCK_ARRIVAL};
    return p->receiver.sample(p->feed, &out);
}

/* Sends a film at its own pace, so that its first picture stands where the last film ended. Sound that begins before the picture or goes on behind
 * it is left out. */
static struct err film_send(struct playout *p, struct reel reels[2]) {
    struct cmaf_track tracks[2] = {*reels[0].track, *reels[1].track};
    bool has_sound = reels[1].cursor != NULL;
    struct err e = p->receiver.tracks(p->feed, tracks, has_sound ? 2 : 1);
    int64_t first_ns = ns_of(reels[0].sample.dts, reels[0].track->timescale), shift_ns = p->clock_ns - first_ns, end_ns = p->clock_ns;
    while (!e.kind && reels[0].has_sample) {
        int64_t picture_ns = ns_of(reels[0].sample.dts, reels[0].track->timescale) + shift_ns;
        int64_t sound_ns = has_sound && reels[1].has_sample ? ns_of(reels[1].sample.dts, reels[1].track->timescale) + shift_ns : INT64_MAX;
        size_t which = sound_ns < picture_ns;
        int64_t due_ns = which ? sound_ns : picture_ns;
        bool is_wanted = !which || sound_ns >= p->clock_ns;
        int64_t wait = mono_diff_ns(mono_add_ns(p->began, due_ns), clock_mono(clock_system()));
        if (is_wanted && !wait_ns(p, wait)) return err_make(ERR_CANCELLED, "feed.stopping", "");
        if (is_wanted) e = sample_send(p, &reels[which], which, shift_ns);
        if (!which) end_ns = picture_ns + ns_of(reels[0].sample.duration, reels[0].track->timescale);
        if (!e.kind) e = reel_next(&reels[which]);
    }
    p->clock_ns = end_ns;
    return e;
}

static struct err film_play(struct playout *p, const struct public_id *title) {
    char key[40];
    snprintf(key, sizeof key, "titles/%.*s", PUBLIC_ID_LEN, title->text);
    int dir_fd = -1;
    struct reel reels[2] = {{.fd = -1}, {.fd = -1}};
    struct err e = object_open_folder(p->house->objects, slice_cstr(key), &dir_fd);
    if (!e.kind) e = reel_open(&reels[0], dir_fd, "v0.mp4");
    if (!e.kind) {
        struct err silent = reel_open(&reels[1], dir_fd, "a0.mp4");
        if (silent.kind) reels[1] = (struct reel){.fd = -1, .track = reels[0].track};
        e = film_send(p, reels);
    }
    reel_close(&reels[0]);
    reel_close(&reels[1]);
    fs_close(&dir_fd);
    return e;
}

/* May it be on air where the organisation is at home? */
static bool may_be_live(const struct playout *p, const struct catalog_view *view, const struct catalog_title *title) {
    struct account_org_facts facts;
    struct rights_question question = {.medium = RIGHTS_LIVE, .at_s = utc_seconds(clock_utc(p->house->clock))};
    struct rights_answer answer;
    if (!account_org_facts(p->house->account, p->house->org_id, &facts) || !rights_place_parse(slice_cstr(facts.country), SLICE_NONE, &question.place)) return false;
    catalog_above(view, title, question.titles);
    rights_decide(p->house->rights, &question, &answer);
    return answer.is_allowed;
}

/* The example films that can be watched and may be on air, in the order in which they were made. */
static size_t films_find(struct playout *p, struct public_id out[FILMS_MAX]) {
    struct catalog_view *view = NULL;
    size_t count = 0;
    if (catalog_view_take(p->house->catalog, p->house->org_id, &view).kind) return 0;
    for (size_t i = 0; i < view->count && count < FILMS_MAX; i++) {
        const struct catalog_title *t = view->titles[i];
        bool is_film = t->kind == CATALOG_FILM || t->kind == CATALOG_EPISODE;
        bool is_ours = slice_starts_with(t->external_id, SLICE("example:")) && is_film && t->status == CATALOG_READY;
        if (is_ours && may_be_live(p, view, t)) out[count++] = t->public_id;
    }
    catalog_view_give(&view);
    return count;
}

/* Comes in by the channel's key. */
static struct err enter(struct playout *p) {
    struct broadcast_channel channel;
    struct err e = broadcast_get(p->house->broadcast, p->house->org_id, public_id_slice(&p->channel), &channel);
    if (e.kind) return e;
    if (channel.health.has_feed) return err_make(ERR_CONFLICT, "feed.taken", "");
    struct feed_hello hello = {.protocol = "playout", .key = slice_cstr(channel.key), .peer = SLICE("this server"), .agent = SLICE("Grandstand playout")};
    e = p->receiver.begin(p->receiver.user, &hello, &p->feed);
    if (e.kind) return e;
    p->began = clock_mono(clock_system());
    p->clock_ns = 0;
    return ERR_OK;
}

static void playout_run(void *arg) {
    struct playout *p = arg;
    while (!atomic_load(&p->is_stopping)) {
        struct public_id films[FILMS_MAX];
        size_t count = films_find(p, films);
        struct err e = count ? enter(p) : err_make(ERR_NOT_FOUND, "playout.films", "");
        if (e.kind == ERR_NOT_FOUND && !strcmp(e.code, "channel.not_found")) return; /* the operator has removed it */
        while (!e.kind) {
            size_t played = 0;
            for (size_t i = 0; i < count && !e.kind; i++) {
                e = film_play(p, &films[i]);
                bool is_films_own = e.kind == ERR_INPUT || e.kind == ERR_NOT_FOUND || e.kind == ERR_IO;
                if (is_films_own) log_warn("playout", "film left out", LOG_TEXT("title", films[i].text), LOG_ERR(e));
                if (is_films_own) e = ERR_OK;
                else played++;
            }
            if (!e.kind && !played) e = err_make(ERR_NOT_FOUND, "playout.films", "");
            if (!e.kind) count = films_find(p, films); /* some may have come, or gone */
        }
        if (p->feed) p->receiver.end(p->feed, atomic_load(&p->is_stopping) ? ERR_OK : e);
        p->feed = NULL;
        if (!wait_ns(p, RETRY_MS * NS_PER_MS)) break;
    }
}

/* The channel of the example organisation, which is made the first time. False: this is not that organisation. */
static bool channel_find(struct house *h, struct public_id *out) {
    struct catalog_view *view = NULL;
    if (catalog_view_take(h->catalog, h->org_id, &view).kind) return false;
    const struct catalog_title *there = catalog_find_external(view, CHANNEL_ID);
    bool has_channel = there && there->kind == CATALOG_EVENT, is_example = false;
    if (has_channel) *out = there->public_id;
    for (size_t i = 0; i < view->count && !is_example; i++) is_example = slice_starts_with(view->titles[i]->external_id, SLICE("example:"));
    catalog_view_give(&view);
    if (has_channel || !is_example) return has_channel;

    struct catalog_change names = {.has_kind = true, .kind = CATALOG_EVENT, .external_id = CHANNEL_ID};
    static const struct catalog_text texts[TEXT_LANGUAGE_COUNT] = {
        {SLICE("Grandstand One"), SLICE("Our films, one after the other, around the clock. Go back two hours, or come in where everybody else is.")},
        {SLICE("Grandstand Eins"), SLICE("Unsere Filme, einer nach dem anderen, rund um die Uhr. Zwei Stunden zurückspulen, oder dort einsteigen, wo alle sind.")},
        {SLICE("看台一台"), SLICE("我们的影片全天候轮播。可回看两小时，也可直接加入直播。")},
        {SLICE("แกรนด์สแตนด์ วัน"), SLICE("ภาพยนตร์ของเราฉายต่อเนื่องตลอดวัน ย้อนดูได้สองชั่วโมง หรือดูสดพร้อมกับทุกคน")},
    };
    for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) {
        names.texts[i].has_name = names.texts[i].has_synopsis = true;
        names.texts[i].name = texts[i].name;
        names.texts[i].synopsis = texts[i].synopsis;
    }
    struct broadcast_settings settings = broadcast_settings_default();
    settings.is_endless = true;
    settings.is_recorded = false;
    settings.backup = BROADCAST_TAKE_OVER;
    struct err e = broadcast_create(h->broadcast, h->org_id, &names, &settings, out);
    if (e.kind) log_warn("playout", "no channel", LOG_ERR(e));
    return !e.kind;
}

struct err playout_start(struct playout **out, struct house *house) {
    struct public_id channel;
    if (!channel_find(house, &channel)) return ERR_OK;
    struct playout *p = mem_zalloc(sizeof *p);
    if (!p) return err_memory();
    p->house = house;
    p->channel = channel;
    p->receiver = broadcast_receiver(house->broadcast);
    p->payload = BUF(FEED_SAMPLE_BYTES_MAX);
    struct err e = inbox_open(&p->wake);
    if (!e.kind && (e = thread_start(&p->thread, "playout", playout_run, p)).kind) inbox_close(&p->wake);
    if (e.kind) mem_free(p);
    else *out = p;
    return e;
}

void playout_stop(struct playout **playout) {
    struct playout *p = *playout;
    if (!p) return;
    atomic_store(&p->is_stopping, true);
    inbox_push(&p->wake, &p->end);
    thread_join(&p->thread);
    inbox_close(&p->wake);
    buf_free(&p->payload);
    MEM_FREE(playout);
}
