/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Entitlements given by hand. A row is written with the next number of the change sequence; the hash in memory is a fold of these
 * changes, in their order, whoever made them. Loading reads the sequence first: a change that comes in between is taken in twice, and the
 * second time changes nothing. */
#include "base/log.h"
#include "business/access/access_sql.h"
#include "business/access/room.h"

enum {
    BUCKETS_FIRST = 256,
    LOAD_ROWS = 5000, /* in one reading */
    LOAD_BYTES_MAX = 64 << 20,
    CHANGES_KEPT = 100000, /* behind the newest: what another process has not read by then it will not read any more */
};

void grants_init(struct grants *g) {
    lock_init(&g->lock, LOCK_access_grants);
    lock_init(&g->following, LOCK_access_follow);
}

void grants_destroy(struct grants *g) {
    for (size_t i = 0; i < g->bucket_count; i++)
        for (struct grant *one = g->buckets[i], *next; one; one = next) {
            next = one->next;
            mem_free(one);
        }
    mem_free(g->buckets);
    lock_destroy(&g->lock);
    lock_destroy(&g->following);
}

static size_t place_of(const struct grants *g, int64_t household_id, int64_t title_id) {
    uint64_t h = (uint64_t)household_id * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)title_id * UINT64_C(0xc2b2ae3d27d4eb4f);
    return (h ^ h >> 29) & (g->bucket_count - 1);
}

/* Twice the buckets when they are full; with too little memory for that they stay, and look-ups become slower. */
static void grow(struct grants *g) {
    size_t count = g->bucket_count ? g->bucket_count * 2 : BUCKETS_FIRST;
    struct grant **buckets = mem_zalloc_array(count, sizeof(struct grant *)), **old = g->buckets;
    if (!buckets) return;
    size_t old_count = g->bucket_count;
    g->buckets = buckets;
    g->bucket_count = count;
    for (size_t i = 0; i < old_count; i++)
        for (struct grant *one = old[i], *next; one; one = next) {
            next = one->next;
            size_t at = place_of(g, one->household_id, one->title_id);
            one->next = buckets[at];
            buckets[at] = one;
        }
    mem_free(old);
}

/* Puts it there, or takes it away; `fresh` is taken over. False: there was no memory for the first bucket. */
static bool put(struct grants *g, struct grant *fresh, bool is_removed) {
    struct grant *gone = NULL;
    bool is_done = true;
    lock_take(&g->lock);
    if (g->count >= g->bucket_count) grow(g);
    if (!g->bucket_count) is_done = false;
    struct grant **at = is_done ? &g->buckets[place_of(g, fresh->household_id, fresh->title_id)] : NULL;
    while (at && *at && (*at)->id != fresh->id) at = &(*at)->next;
    if (at && *at && is_removed) {
        gone = *at;
        *at = gone->next;
        g->count--;
    } else if (at && !*at && !is_removed) {
        *at = fresh;
        fresh->next = NULL;
        fresh = NULL;
        g->count++;
    }
    lock_give(&g->lock);
    mem_free(gone);
    mem_free(fresh);
    return is_done;
}

static struct err take_in(struct grants *g, const struct db_rows *rows, size_t row) {
    struct grant *fresh = mem_zalloc(sizeof *fresh);
    if (!fresh) return err_memory();
    *fresh = (struct grant){
        .id = db_int(rows, row, "id"),
        .org_id = db_int(rows, row, "org_id"),
        .household_id = db_int(rows, row, "household_id"),
        .title_id = db_int(rows, row, "title_id"),
        .starts_s = db_int(rows, row, "starts_s"),
        .ends_s = db_int(rows, row, "ends_s"),
        .medium = (int)db_int(rows, row, "medium"),
    };
    if (fresh->medium < 0 || fresh->medium >= RIGHTS_MEDIA) { /* of a newer program */
        mem_free(fresh);
        return ERR_OK;
    }
    return put(g, fresh, !db_is_null(rows, row, "removed_s")) ? ERR_OK : err_memory();
}

struct read_work {
    struct arena *arena;
    struct db_rows rows;
    int64_t after_id, seq, now_s;
};

static struct err load_fn(struct db_tx *tx, void *arg) {
    struct read_work *w = arg;
    if (w->seq < 0) w->seq = DB_GET_INT(tx, 0, &access_change_newest);
    return DB_QUERY(tx, w->arena, &w->rows, &grant_load, DB_INT("after_id", w->after_id), DB_INT("now_s", w->now_s), DB_INT("limit", LOAD_ROWS));
}

struct err grants_load(struct access *a) {
    struct read_work w = {.arena = arena_create(LOAD_BYTES_MAX), .seq = -1, .now_s = access_now_s(a)};
    if (!w.arena) return err_memory();
    struct err e;
    do {
        arena_reset(w.arena);
        e = db_read(a->o.db, load_fn, &w);
        for (size_t i = 0; !e.kind && i < w.rows.count; i++) {
            e = take_in(&a->grants, &w.rows, i);
            w.after_id = db_int(&w.rows, i, "id");
        }
    } while (!e.kind && w.rows.count == LOAD_ROWS);
    if (!e.kind) atomic_store(&a->grants.seq, w.seq);
    arena_destroy(&w.arena);
    return e;
}

static struct err follow_fn(struct db_tx *tx, void *arg) {
    struct read_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &grant_followed, DB_INT("seq", w->seq), DB_INT("limit", LOAD_ROWS));
}

struct err grants_follow(struct access *a) {
    struct grants *g = &a->grants;
    struct read_work w = {.arena = arena_create(LOAD_BYTES_MAX)};
    if (!w.arena) return err_memory();
    struct err e;
    do {
        arena_reset(w.arena);
        w.seq = atomic_load(&g->seq);
        e = db_read(a->o.db, follow_fn, &w);
        /* One reader at a time takes in what it read, and only what is newer than what is there: a later state never gives way to an earlier. */
        lock_take(&g->following);
        for (size_t i = 0; !e.kind && i < w.rows.count; i++) {
            int64_t seq = db_int(&w.rows, i, "seq");
            if (seq <= atomic_load(&g->seq)) continue;
            e = take_in(g, &w.rows, i);
            if (!e.kind) atomic_store(&g->seq, seq);
        }
        lock_give(&g->following);
    } while (!e.kind && w.rows.count == LOAD_ROWS);
    arena_destroy(&w.arena);
    return e;
}

size_t grants_find(struct access *a, int64_t household_id, const int64_t titles[3], int64_t at_s, struct grant out[GRANTS_FOUND_MAX], int64_t *next_s) {
    struct grants *g = &a->grants;
    size_t count = 0;
    lock_take(&g->lock);
    for (int t = 0; g->count && t < 3; t++) {
        if (!titles[t]) continue;
        for (const struct grant *one = g->buckets[place_of(g, household_id, titles[t])]; one; one = one->next) {
            if (one->household_id != household_id || one->title_id != titles[t] || one->ends_s <= at_s) continue;
            if (one->starts_s > at_s) {
                if (one->starts_s < *next_s) *next_s = one->starts_s;
                continue;
            }
            size_t at = 0; /* of those in one medium the one that ends last */
            while (at < count && out[at].medium != one->medium) at++;
            if (at == count) out[count++] = *one;
            else if (out[at].ends_s < one->ends_s) out[at] = *one;
        }
    }
    lock_give(&g->lock);
    return count;
}

/* --- changing --- */

struct change_work {
    struct access *a;
    struct arena *arena;
    struct db_rows rows;
    struct access_grant grant;
    int64_t by_user_id, now_s;
    struct slice public_id;
    size_t limit;
};

static struct err change_note(struct db_tx *tx, int64_t org_id, int64_t grant_id) {
    int64_t seq = DB_GET_INT(tx, 0, &access_change_newest) + 1;
    struct err e = db_tx_error(tx);
    if (!e.kind) e = DB_RUN(tx, &access_change_insert, DB_INT("seq", seq), DB_INT("org_id", org_id), DB_INT("grant_id", grant_id));
    return e.kind || seq % 1000 ? e : DB_RUN(tx, &access_change_prune, DB_INT("seq", seq - CHANGES_KEPT));
}

static struct err add_fn(struct db_tx *tx, void *arg) {
    struct change_work *w = arg;
    const struct access_grant *g = &w->grant;
    if (DB_GET_INT(tx, 0, &grant_count, DB_INT("org_id", g->org_id), DB_INT("household_id", g->household_id), DB_INT("now_s", w->now_s)) >= ACCESS_GRANTS_MAX)
        return err_make(ERR_CONFLICT, "grant.many", "A household has at most 1,000 grants at a time. Take some back first.");
    struct err e = DB_RUN(tx, &grant_insert, DB_INT("id", g->id), DB_INT("org_id", g->org_id), DB_TEXT("public_id", public_id_slice(&g->public_id)),
                          DB_INT("household_id", g->household_id), DB_INT("title_id", g->title_id), DB_INT("medium", g->medium), DB_INT("starts_s", g->starts_s),
                          DB_INT("ends_s", g->ends_s), DB_INT("by_user_id", w->by_user_id));
    return e.kind ? e : change_note(tx, g->org_id, g->id);
}

/* What is saved is saved, and is not answered with an error: whoever believed that would give it twice. The thread that is woken follows again. */
static void turned(struct access *a) {
    struct err e = grants_follow(a);
    if (e.kind) log_warn("access", "grants not followed", LOG_ERR(e));
    access_poke(a);
}

struct err access_grant_add(struct access *a, int64_t org_id, int64_t household_id, int64_t title_id, enum rights_medium medium, int64_t ends_s,
                            int64_t by_user_id, struct access_grant *out) {
    struct change_work w = {.a = a, .by_user_id = by_user_id, .now_s = access_now_s(a)};
    w.grant = (struct access_grant){.id = id_next(a->o.ids), .org_id = org_id, .household_id = household_id, .title_id = title_id,
                                    .public_id = public_id_random(), .medium = medium, .starts_s = w.now_s, .ends_s = ends_s};
    if (medium >= RIGHTS_LINEAR) return err_make(ERR_INPUT, "grant.medium", "A household watches by subscription, rental, purchase, live, catch-up and the like.");
    if (ends_s <= w.now_s || ends_s > ACCESS_ENDLESS) return err_make(ERR_INPUT, "grant.ends", "A grant ends in the future, or never.");
    struct err e = db_write(a->o.db, add_fn, &w);
    if (e.kind) return e;
    *out = w.grant;
    turned(a);
    return ERR_OK;
}

static struct err remove_fn(struct db_tx *tx, void *arg) {
    struct change_work *w = arg;
    struct err e = DB_QUERY(tx, w->arena, &w->rows, &grant_of_household, DB_INT("org_id", w->grant.org_id), DB_INT("household_id", w->grant.household_id),
                            DB_TEXT("public_id", w->public_id));
    if (e.kind) return e;
    if (!w->rows.count) return err_make(ERR_NOT_FOUND, "grant.not_found", "This household has no such grant. It may have been taken back already.");
    int64_t id = db_int(&w->rows, 0, "id");
    e = DB_RUN(tx, &grant_remove, DB_INT("org_id", w->grant.org_id), DB_INT("id", id), DB_INT("now_s", w->now_s));
    return e.kind ? e : change_note(tx, w->grant.org_id, id);
}

struct err access_grant_remove(struct access *a, int64_t org_id, int64_t household_id, struct slice grant) {
    struct change_work w = {.a = a, .arena = arena_create(1 << 20), .now_s = access_now_s(a), .public_id = grant,
                            .grant = {.org_id = org_id, .household_id = household_id}};
    if (!w.arena) return err_memory();
    struct err e = db_write(a->o.db, remove_fn, &w);
    if (!e.kind) turned(a);
    arena_destroy(&w.arena);
    return e;
}

static struct err list_in(struct db_tx *tx, void *arg) {
    struct change_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &grant_list, DB_INT("org_id", w->grant.org_id), DB_INT("household_id", w->grant.household_id),
                    DB_INT("now_s", w->now_s), DB_INT("limit", ACCESS_GRANTS_MAX));
}

static struct access_grant grant_of(const struct db_rows *rows, size_t i) {
    struct access_grant g = {
        .id = db_int(rows, i, "id"),
        .org_id = db_int(rows, i, "org_id"),
        .household_id = db_int(rows, i, "household_id"),
        .title_id = db_int(rows, i, "title_id"),
        .medium = (enum rights_medium)db_int(rows, i, "medium"),
        .starts_s = db_int(rows, i, "starts_s"),
        .ends_s = db_int(rows, i, "ends_s"),
    };
    if (!public_id_parse(db_text(rows, i, "public_id"), &g.public_id)) g.public_id = (struct public_id){0};
    return g;
}

struct err access_grants(struct access *a, struct arena *arena, int64_t org_id, int64_t household_id, struct access_grant **out, size_t *count) {
    struct change_work w = {.arena = arena, .now_s = access_now_s(a), .grant = {.org_id = org_id, .household_id = household_id}};
    struct err e = db_read(a->o.db, list_in, &w);
    struct access_grant *list = e.kind ? NULL : arena_alloc_array(arena, w.rows.count + 1, sizeof *list);
    if (e.kind || !list) return e.kind ? e : err_memory();
    for (size_t i = 0; i < w.rows.count; i++) list[i] = grant_of(&w.rows, i);
    *out = list;
    *count = w.rows.count;
    return ERR_OK;
}

/* --- what is kept about people --- */

static void put_when(struct json_writer *w, const char *name, int64_t at_s) {
    struct utc_text text = utc_text_of(utc_from_seconds(at_s), 0);
    json_put_cstr(w, name, at_s < ACCESS_ENDLESS ? text.text : NULL);
}

struct err grants_write_subject(void *access_at, struct db_tx *tx, struct arena *arena, const struct account_subject *subject, struct json_writer *out) {
    struct change_work w = {.arena = arena, .grant = {.org_id = subject->org_id, .household_id = subject->household_id}};
    struct err e = list_in(tx, &w);
    json_begin_array(out);
    for (size_t i = 0; !e.kind && i < w.rows.count; i++) {
        struct access_grant g = grant_of(&w.rows, i);
        struct public_id title;
        e = catalog_public_id_in(tx, g.org_id, g.title_id, &title);
        if (e.kind) break;
        json_begin_object(out);
        json_put_cstr(out, "title", title.text[0] ? title.text : NULL);
        json_put_cstr(out, "medium", rights_medium_name(g.medium));
        put_when(out, "starts_at", g.starts_s);
        put_when(out, "ends_at", g.ends_s);
        json_end(out);
    }
    json_end(out);
    return e;
}

struct err grants_keeps_subject(void *access_at, struct db_tx *tx, struct arena *arena, const struct account_subject *subject, bool *out) {
    int64_t count = DB_GET_INT(tx, 0, &grant_count, DB_INT("org_id", subject->org_id), DB_INT("household_id", subject->household_id), DB_INT("now_s", access_now_s(access_at)));
    *out = count > 0;
    return db_tx_error(tx);
}

struct err grants_erase_subject(void *access_at, struct db_tx *tx, const struct account_subject *subject) {
    if (!subject->is_whole_household) return ERR_OK;
    struct err e = DB_RUN(tx, &grant_forget, DB_INT("org_id", subject->org_id), DB_INT("household_id", subject->household_id));
    return e.kind ? e : delivery_forget_household_in(tx, subject->org_id, subject->household_id);
}
