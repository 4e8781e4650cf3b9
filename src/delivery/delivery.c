/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Keys and sessions: what of delivery asks the database. The requests for media are in media.c. */
#include "delivery/delivery.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "delivery/delivery_sql.h"
#include "delivery/lane.h"

enum {
    SHELF_MAX_DEFAULT = 2048,
    ARENA_BYTES_MAX = 16 << 20,
    KEY_AGE_MAX_S = 7 * 24 * 3600,
    KEY_RETIRE_AFTER_S = 2 * TOKEN_LIFETIME_S, /* behind its successor */
    SESSION_IDLE_MAX_S = 24 * 3600,
    END_MANY = 500, /* in one transaction */
};

static int64_t seconds_now(const struct delivery *d) { return utc_seconds(clock_utc(d->clock)); }

/* --- keys --- */

struct key_work {
    struct delivery *d;
    struct arena *arena;
    struct db_rows rows;
    char key_id[PUBLIC_ID_LEN + 1];
    uint8_t secret[TOKEN_KEY_BYTES];
    int64_t now_s;
};

static struct err keys_read(struct db_tx *tx, void *arg) {
    struct key_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &delivery_key_list);
}

/* Makes one unless another server was quicker; either way all keys are then read. */
static struct err key_make(struct db_tx *tx, void *arg) {
    struct key_work *w = arg;
    struct err e = DB_QUERY(tx, w->arena, &w->rows, &delivery_key_list);
    if (e.kind) return e;
    bool is_fresh = w->rows.count > 0 && db_int(&w->rows, w->rows.count - 1, "created_s") + KEY_AGE_MAX_S > w->now_s;
    if (is_fresh) return ERR_OK;
    e = DB_RUN(tx, &delivery_key_insert, DB_INT("id", id_next(w->d->ids)), DB_CSTR("key_id", w->key_id),
               DB_BLOB("secret", slice_of(w->secret, sizeof w->secret)), DB_INT("now_s", w->now_s));
    if (e.kind) return e;
    return DB_QUERY(tx, w->arena, &w->rows, &delivery_key_list);
}

static struct err key_end(struct db_tx *tx, void *arg) {
    struct key_work *w = arg;
    return DB_RUN(tx, &delivery_key_retire, DB_INT("now_s", w->now_s), DB_CSTR("key_id", w->key_id));
}

/* Brings the authority's keys in line with the rows: adds those it does not have, oldest first, so that the newest signs;
 * retires those that a younger one replaced long enough ago. */
static struct err keys_apply(struct delivery *d, struct key_work *w) {
    for (size_t i = 0; i < w->rows.count; i++) {
        struct slice id = db_text(&w->rows, i, "key_id"), secret = db_blob(&w->rows, i, "secret");
        if (secret.len != TOKEN_KEY_BYTES) return err_make(ERR_IO, "token.key", "A token key in the database is damaged. Restore it from a backup, or delete the row.");
        struct err e = token_key_add(d->authority, id, (const uint8_t *)secret.ptr);
        if (e.kind == ERR_INPUT) e = ERR_OK; /* it is there already */
        if (e.kind) return e;
    }
    for (size_t i = 0; i + 1 < w->rows.count; i++) {
        if (db_int(&w->rows, i + 1, "created_s") + KEY_RETIRE_AFTER_S > w->now_s) break;
        struct slice id = db_text(&w->rows, i, "key_id");
        memset(w->key_id, 0, sizeof w->key_id);
        memcpy(w->key_id, id.ptr, id.len < PUBLIC_ID_LEN ? id.len : PUBLIC_ID_LEN);
        struct err e = db_write(d->db, key_end, w);
        if (e.kind) return e;
        e = token_key_retire(d->authority, id);
        if (e.kind && e.kind != ERR_NOT_FOUND) return e;
        log_info("delivery", "key retired", LOG_SLICE("key", id));
    }
    return ERR_OK;
}

static struct err keys_renew(struct delivery *d) {
    struct key_work w = {.d = d, .now_s = seconds_now(d), .arena = arena_create(ARENA_BYTES_MAX)};
    if (!w.arena) return err_memory();
    struct err e = db_read(d->db, keys_read, &w);
    bool is_fresh = !e.kind && w.rows.count > 0 && db_int(&w.rows, w.rows.count - 1, "created_s") + KEY_AGE_MAX_S > w.now_s;
    if (!e.kind && !is_fresh) {
        struct public_id id = public_id_random();
        memcpy(w.key_id, id.text, sizeof id.text);
        rng_secure(w.secret, sizeof w.secret);
        e = db_write(d->db, key_make, &w);
    }
    if (!e.kind) e = keys_apply(d, &w);
    arena_destroy(&w.arena);
    return e;
}

/* --- sessions --- */

struct session_work {
    struct delivery *d;
    struct arena *arena;
    int64_t org_id, id, now_s, expires_s;
    struct public_id session, title;
    struct delivery_viewer viewer;
    const char *reason;
    struct db_rows rows;
};

static struct err ended_read(struct db_tx *tx, void *arg) {
    struct session_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &playback_ended_since, DB_INT("since_s", w->now_s - TOKEN_LIFETIME_S));
}

static struct err revocations_load(struct delivery *d) {
    struct session_work w = {.d = d, .now_s = seconds_now(d), .arena = arena_create(ARENA_BYTES_MAX)};
    if (!w.arena) return err_memory();
    struct err e = db_read(d->db, ended_read, &w);
    for (size_t i = 0; !e.kind && i < w.rows.count; i++) {
        int64_t until_s = db_int(&w.rows, i, "ended_s") + TOKEN_LIFETIME_S;
        e = token_revoke_session(d->authority, db_text(&w.rows, i, "public_id"), until_s);
        if (!e.kind) ends_add(d->ends, db_text(&w.rows, i, "public_id"), db_text(&w.rows, i, "reason"), until_s, w.now_s);
    }
    arena_destroy(&w.arena);
    return e;
}

static struct err pass_make(struct delivery *d, const struct session_work *w, struct delivery_pass *out) {
    struct token_grant grant = {.title = w->title, .session = w->session, .expires_s = w->expires_s};
    struct delivery_pass pass = {.session = w->session, .title = w->title};
    struct err e = token_issue(d->authority, &grant, &pass.token);
    if (!e.kind) *out = pass;
    return e;
}

static struct err session_insert_fn(struct db_tx *tx, void *arg) {
    struct session_work *w = arg;
    return DB_RUN(tx, &playback_insert, DB_INT("id", w->id), DB_INT("org_id", w->org_id), DB_TEXT("public_id", public_id_slice(&w->session)),
                  DB_TEXT("title", public_id_slice(&w->title)), DB_INT("now_s", w->now_s), DB_INT("expires_s", w->expires_s),
                  DB_INT("household_id", w->viewer.household_id), DB_INT("profile_id", w->viewer.profile_id), DB_CSTR("place", w->viewer.place),
                  DB_INT("medium", w->viewer.medium), DB_CSTR("device", w->viewer.device));
}

struct err delivery_session_begin(struct delivery *d, int64_t org_id, const struct public_id *title, int64_t expires_s,
                                  const struct delivery_viewer *viewer, struct delivery_pass *out) {
    struct session_work w = {.d = d, .org_id = org_id, .id = id_next(d->ids), .now_s = seconds_now(d), .expires_s = expires_s, .session = public_id_random(), .title = *title};
    if (viewer) w.viewer = *viewer;
    struct err e = db_write(d->db, session_insert_fn, &w);
    if (e.kind) return e;
    return pass_make(d, &w, out);
}

static struct err session_renew_fn(struct db_tx *tx, void *arg) {
    struct session_work *w = arg;
    struct err e = DB_QUERY(tx, w->arena, &w->rows, &playback_find, DB_INT("org_id", w->org_id), DB_TEXT("public_id", public_id_slice(&w->session)));
    if (e.kind) return e;
    if (w->rows.count == 0) return err_make(ERR_NOT_FOUND, "playback.not_found", "There is no such playback session. Begin a new one.");
    if (!db_is_null(&w->rows, 0, "ended_s")) return token_verdict_error(TOKEN_REVOKED);
    return DB_RUN(tx, &playback_touch, DB_INT("org_id", w->org_id), DB_TEXT("public_id", public_id_slice(&w->session)), DB_INT("now_s", w->now_s),
                  DB_INT("expires_s", w->expires_s), DB_INT("household_id", w->viewer.household_id), DB_INT("profile_id", w->viewer.profile_id),
                  DB_CSTR("place", w->viewer.place), DB_INT("medium", w->viewer.medium));
}

static struct err session_parse(struct slice session, struct public_id *out) {
    return public_id_parse(session, out) ? ERR_OK : err_make(ERR_NOT_FOUND, "playback.not_found", "There is no such playback session. Begin a new one.");
}

struct err delivery_session_renew(struct delivery *d, int64_t org_id, struct slice session, int64_t expires_s, const struct delivery_viewer *viewer,
                                  struct delivery_pass *out) {
    struct session_work w = {.d = d, .org_id = org_id, .now_s = seconds_now(d), .expires_s = expires_s};
    if (viewer) w.viewer = *viewer;
    struct err e = session_parse(session, &w.session);
    if (e.kind) return e;
    w.arena = arena_create(ARENA_BYTES_MAX);
    if (!w.arena) return err_memory();
    e = db_write(d->db, session_renew_fn, &w);
    if (!e.kind && !public_id_parse(db_text(&w.rows, 0, "title"), &w.title)) e = err_make(ERR_BUG, "playback.title", "A playback session names no title.");
    if (!e.kind) e = pass_make(d, &w, out);
    arena_destroy(&w.arena);
    return e;
}

static struct err session_end_fn(struct db_tx *tx, void *arg) {
    struct session_work *w = arg;
    int64_t changed = 0;
    struct err e = DB_CHANGE(tx, &changed, &playback_end, DB_INT("org_id", w->org_id), DB_TEXT("public_id", public_id_slice(&w->session)), DB_INT("now_s", w->now_s),
                             DB_TEXT_OR_NULL("reason", slice_cstr(w->reason)));
    if (!e.kind && !changed) e = err_make(ERR_NOT_FOUND, "playback.not_found", "There is no such playback session. It may have ended already.");
    return e;
}

struct err delivery_session_end(struct delivery *d, int64_t org_id, struct slice session, const char *reason) {
    struct session_work w = {.d = d, .org_id = org_id, .now_s = seconds_now(d), .reason = reason};
    struct err e = session_parse(session, &w.session);
    if (!e.kind) e = db_write(d->db, session_end_fn, &w);
    if (!e.kind) ends_add(d->ends, session, slice_cstr(reason), w.now_s + TOKEN_LIFETIME_S + 1, w.now_s); /* before the refusals that tell it */
    if (!e.kind) e = token_revoke_session(d->authority, session, w.now_s + TOKEN_LIFETIME_S + 1);
    return e;
}

struct end_many_work {
    const struct delivery_ending *endings;
    size_t count;
    int64_t now_s;
};
static struct err end_many_fn(struct db_tx *tx, void *arg) {
    const struct end_many_work *w = arg;
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < w->count; i++)
        e = DB_RUN(tx, &playback_end, DB_INT("org_id", w->endings[i].org_id), DB_TEXT("public_id", public_id_slice(&w->endings[i].session)), DB_INT("now_s", w->now_s),
                   DB_TEXT_OR_NULL("reason", slice_cstr(w->endings[i].reason)));
    return e;
}

struct err delivery_sessions_end(struct delivery *d, const struct delivery_ending *endings, size_t count) {
    int64_t now_s = seconds_now(d), until_s = now_s + TOKEN_LIFETIME_S + 1;
    struct err e = ERR_OK;
    for (size_t i = 0; i < count; i++) {
        struct slice session = public_id_slice(&endings[i].session);
        ends_add(d->ends, session, slice_cstr(endings[i].reason), until_s, now_s);
        struct err one = token_revoke_session(d->authority, session, until_s);
        if (one.kind) e = one;
    }
    for (size_t at = 0; !e.kind && at < count; at += END_MANY) {
        struct end_many_work w = {endings + at, count - at < END_MANY ? count - at : END_MANY, now_s};
        e = db_write(d->db, end_many_fn, &w);
    }
    return e;
}

struct err delivery_forget_household_in(struct db_tx *tx, int64_t org_id, int64_t household_id) {
    return DB_RUN(tx, &playback_forget, DB_INT("org_id", org_id), DB_INT("household_id", household_id));
}

static void text_take(char *out, size_t size, struct slice text) {
    if (text.len >= size) text.len = size - 1;
    if (text.len) memcpy(out, text.ptr, text.len);
    out[text.len] = 0;
}

static struct err session_of(const struct db_rows *rows, size_t row, struct delivery_session *out) {
    struct delivery_session s = {
        .org_id = db_int(rows, row, "org_id"),
        .viewer = {.household_id = db_int(rows, row, "household_id"), .profile_id = db_int(rows, row, "profile_id"), .medium = (int)db_int(rows, row, "medium")},
        .begun_s = db_int(rows, row, "created_s"),
        .renewed_s = db_int(rows, row, "renewed_s"),
        .expires_s = db_int(rows, row, "expires_s"),
        .has_ended = !db_is_null(rows, row, "ended_s"),
    };
    if (!public_id_parse(db_text(rows, row, "public_id"), &s.session) || !public_id_parse(db_text(rows, row, "title"), &s.title))
        return err_make(ERR_BUG, "playback.title", "A playback session names no title.");
    text_take(s.viewer.place, sizeof s.viewer.place, db_text(rows, row, "place"));
    text_take(s.viewer.device, sizeof s.viewer.device, db_text(rows, row, "device"));
    text_take(s.reason, sizeof s.reason, db_text(rows, row, "reason"));
    *out = s;
    return ERR_OK;
}

static struct err session_find_fn(struct db_tx *tx, void *arg) {
    struct session_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &playback_find, DB_INT("org_id", w->org_id), DB_TEXT("public_id", public_id_slice(&w->session)));
}

struct err delivery_session_find(struct delivery *d, int64_t org_id, struct slice session, struct delivery_session *out) {
    struct session_work w = {.d = d, .org_id = org_id};
    struct err e = session_parse(session, &w.session);
    if (e.kind) return e;
    w.arena = arena_create(ARENA_BYTES_MAX);
    if (!w.arena) return err_memory();
    e = db_read(d->db, session_find_fn, &w);
    if (!e.kind && w.rows.count == 0) e = err_make(ERR_NOT_FOUND, "playback.not_found", "There is no such playback session. Begin a new one.");
    if (!e.kind) e = session_of(&w.rows, 0, out);
    arena_destroy(&w.arena);
    return e;
}

static struct err sessions_running_fn(struct db_tx *tx, void *arg) {
    struct session_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &playback_running, DB_INT("since_s", w->now_s - TOKEN_LIFETIME_S));
}

struct err delivery_sessions_running(struct delivery *d, struct arena *arena, struct delivery_session **out, size_t *count) {
    struct session_work w = {.d = d, .now_s = seconds_now(d), .arena = arena};
    struct err e = db_read(d->db, sessions_running_fn, &w);
    struct delivery_session *list = e.kind ? NULL : arena_alloc_array(arena, w.rows.count + 1, sizeof *list);
    if (!e.kind && !list) e = err_memory();
    for (size_t i = 0; !e.kind && i < w.rows.count; i++) e = session_of(&w.rows, i, &list[i]);
    if (e.kind) return e;
    *out = list;
    *count = w.rows.count;
    return ERR_OK;
}

static struct err sessions_remove_fn(struct db_tx *tx, void *arg) {
    struct session_work *w = arg;
    return DB_RUN(tx, &playback_remove_before, DB_INT("before_s", w->now_s - SESSION_IDLE_MAX_S));
}

struct err delivery_tick(struct delivery *d) {
    struct session_work w = {.d = d, .now_s = seconds_now(d)};
    struct err e = keys_renew(d);
    if (!e.kind) e = db_write(d->db, sessions_remove_fn, &w);
    return e;
}

/* --- the whole --- */

struct err delivery_open(struct delivery **out, const struct delivery_options *options) {
    struct delivery *d = mem_zalloc(sizeof *d);
    if (!d) return err_memory();
    static _Atomic uint64_t serials;
    d->serial = ++serials;
    d->db = options->db;
    d->clock = options->clock;
    d->ids = options->ids;
    d->objects = options->objects;
    d->live = options->live;
    lock_init(&d->lanes_lock, LOCK_delivery_lanes);
    struct err e = ERR_OK;
    if (options->allow_origin) {
        d->allow_origin = mem_strdup(options->allow_origin);
        if (!d->allow_origin) e = err_memory();
    }
    d->authority = token_authority_create(d->clock, "grandstand");
    d->ends = ends_create();
    d->shelf = shelf_create(options->shelf_max ? options->shelf_max : SHELF_MAX_DEFAULT);
    d->on_air = on_air_table_create();
    if (!d->authority || !d->ends || !d->shelf || !d->on_air) e = err_memory();
    if (!e.kind) e = keys_renew(d);
    if (!e.kind) e = revocations_load(d);
    if (e.kind) delivery_close(&d);
    else *out = d;
    return e;
}

void delivery_close(struct delivery **delivery) {
    struct delivery *d = *delivery;
    if (!d) return;
    lanes_destroy(d);
    shelf_destroy(&d->shelf);
    on_air_table_destroy(&d->on_air);
    token_authority_destroy(&d->authority);
    ends_destroy(&d->ends);
    lock_destroy(&d->lanes_lock);
    mem_free(d->allow_origin);
    MEM_FREE(delivery);
}

void delivery_forget(struct delivery *d, struct slice title) { shelf_forget(d->shelf, title); }

struct err delivery_on_air(struct delivery *d, const struct public_id *title) { return on_air_put(d->on_air, title); }

void delivery_off_air(struct delivery *d, const struct public_id *title) {
    on_air_end(d->on_air, title);
    shelf_forget(d->shelf, public_id_slice(title));
}

void delivery_off_air_forget(struct delivery *d, const struct public_id *title) { on_air_remove(d->on_air, title); }

int64_t delivery_viewers(struct delivery *d, struct slice title) {
    struct on_air *o = on_air_take(d->on_air, title);
    if (!o) return -1;
    int64_t viewers = o->is_open ? quality_viewers(o->quality, clock_mono(d->clock)) : 0;
    on_air_give(&o);
    return viewers;
}

bool delivery_quality(struct delivery *d, struct slice title, struct delivery_quality *out) {
    struct on_air *o = on_air_take(d->on_air, title);
    if (!o) return false;
    quality_summary(o->quality, clock_mono(d->clock), out);
    on_air_give(&o);
    return true;
}
