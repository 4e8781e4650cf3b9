/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <sodium.h>
#include <string.h>

#include "base/utf8.h"
#include "base/zone.h"
#include "business/account/room.h"

enum { NOBODY_MS = 10 * 1000, AGENT_BYTES_MAX = 300, UNFOLLOWED_S_MAX = 30 };

static struct err denied_session(void) { return DENIED("session.required", "This needs somebody who is signed in. Sign in, or open the operator's link (`grandstand operator-link`)."); }
static struct err denied_token(void) { return DENIED("token.required", "This access token is not valid here, or not any more."); }

struct err who_operator(const struct account_who *who) {
    return who->roles & ACCOUNT_OPERATOR ? ERR_OK : DENIED("role.required", "This is for operators.");
}

struct err who_check(const struct account_who *who, bool changes) {
    if (!who->user_id) return DENIED("session.user", "This needs an account. Whoever came by the operator's link has none: invite yourself, or sign up.");
    if (changes && who->is_child) return DENIED("profile.child", "A child's profile is chosen. Choose a grown-up's first.");
    return ERR_OK;
}

/* --- from memory --- */

/* While nobody has read the change sequence for a while, one caller is sent to do it; after half a minute (the store does not answer) memory is not believed. */
static bool must_ask(struct account *a, struct mono_time now) {
    int64_t since = now.ns - atomic_load_explicit(&a->followed_ns, memory_order_acquire);
    if (since < ACCOUNT_FOLLOW_S * NS_PER_S) return false;
    if (since >= UNFOLLOWED_S_MAX * NS_PER_S) return true;
    int64_t claimed = atomic_load(&a->claimed_ns);
    return now.ns - claimed >= NS_PER_S && atomic_compare_exchange_strong(&a->claimed_ns, &claimed, now.ns);
}

static void seen_note(struct account *a, const struct account_who *who, int64_t now_s) {
    lock_take(&a->lock);
    if (a->touch_count < TOUCHES_MAX) /* else somebody else is written down as seen, and he the next time */
        a->touches[a->touch_count++] = (struct touch){.session_id = who->session_id, .token_id = who->token_id, .user_id = who->user_id, .at_s = now_s};
    lock_give(&a->lock);
}

static enum account_peek memory_find(struct account *a, int64_t org_id, const uint8_t hash[HASH_BYTES], struct account_who *out) {
    int64_t now_s = seconds_now(a);
    bool is_due;
    enum account_peek answer = tables_find(a->tables, hash, org_id, now_s, mono_now(a), out, &is_due);
    if (is_due) seen_note(a, out, now_s);
    return answer;
}

enum account_peek account_session_peek(struct account *a, int64_t org_id, struct slice secret, struct account_who *out) {
    uint8_t hash[HASH_BYTES];
    if (secret.len != ACCOUNT_SECRET_LEN) return ACCOUNT_NOBODY;
    if (must_ask(a, mono_now(a))) return ACCOUNT_ASK;
    secret_hash(secret, hash);
    return memory_find(a, org_id, hash, out);
}

enum account_peek account_token_peek(struct account *a, int64_t org_id, struct slice text, struct account_who *out) {
    uint8_t hash[HASH_BYTES];
    if (text.len != ACCOUNT_TOKEN_LEN) return ACCOUNT_NOBODY;
    if (must_ask(a, mono_now(a))) return ACCOUNT_ASK;
    secret_hash(text, hash);
    return memory_find(a, org_id, hash, out);
}

/* --- from the store --- */

struct find_work {
    struct account *a;
    struct arena *arena;
    int64_t org_id, now_s, id, user_id, household_id;
    struct slice public_id;
    uint8_t hash[HASH_BYTES];
    struct db_rows rows, consents, household, profiles;
};

static struct err household_rows(struct db_tx *tx, struct find_work *w) {
    struct err e = DB_QUERY(tx, w->arena, &w->household, &household_by_id, DB_INT("org_id", w->org_id), DB_INT("id", w->household_id));
    return e.kind ? e : DB_QUERY(tx, w->arena, &w->profiles, &profile_of_household, DB_INT("org_id", w->org_id), DB_INT("household_id", w->household_id));
}

static struct err session_find_fn(struct db_tx *tx, void *arg) {
    struct find_work *w = arg;
    w->user_id = w->household_id = 0;
    struct err e = DB_QUERY(tx, w->arena, &w->rows, &user_session_find, DB_INT("org_id", w->org_id), DB_BLOB("hash", hash_slice(w->hash)), DB_INT("now_s", w->now_s));
    if (e.kind || !w->rows.count) return e;
    w->user_id = db_int(&w->rows, 0, "user_id");
    w->household_id = db_int(&w->rows, 0, "household_id");
    if (!w->user_id) return ERR_OK;
    e = DB_QUERY(tx, w->arena, &w->consents, &consent_newest, DB_INT("org_id", w->org_id), DB_INT("user_id", w->user_id));
    return e.kind ? e : household_rows(tx, w);
}

static struct err facts_take(struct account *a, struct find_work *w, struct account_household_facts *out) {
    struct household_row row;
    household_row_take(&w->household, 0, &row);
    *out = (struct account_household_facts){.org_id = w->org_id, .household_id = row.id, .streams_max = row.streams_max};
    memcpy(out->country, row.country, sizeof out->country);
    for (size_t i = 0; i < w->profiles.count && i < ACCOUNT_PROFILES_MAX; i++) {
        struct profile_row profile;
        struct account_profile open;
        profile_row_take(&w->profiles, i, &profile);
        struct err e = profile_open(a, w->arena, &profile, &open); /* for the birth year */
        if (e.kind) return e;
        out->profiles[out->profile_count++] = (struct account_profile_facts){.profile_id = profile.id, .birth_year = (int16_t)open.birth_year, .age_max = (uint8_t)profile.age_max,
                                                                              .has_pin = open.has_pin, .is_child = open.is_child};
    }
    return ERR_OK;
}

static struct err session_from_store(struct account *a, struct find_work *w, struct account_who *out) {
    uint64_t epoch = tables_epoch(a->tables);
    struct err e = db_read(a->db, session_find_fn, w);
    if (e.kind) return e;
    if (!w->rows.count) {
        tables_put_nobody(a->tables, w->hash, w->org_id, mono_add_ns(mono_now(a), NOBODY_MS * NS_PER_MS));
        return denied_session();
    }
    struct account_who who = {.org_id = w->org_id, .session_id = db_int(&w->rows, 0, "id"), .user_id = w->user_id, .household_id = w->household_id,
                              .profile_id = db_int(&w->rows, 0, "profile_id"), .roles = w->user_id ? (uint32_t)db_int(&w->rows, 0, "roles") : ACCOUNT_OPERATOR};
    if (w->user_id) {
        struct sealed own;
        e = sealed_of(a, w->user_id, db_int(&w->rows, 0, "key_slot"), &own);
        if (e.kind == ERR_NOT_FOUND) { /* an older database beside today's keys: he was erased, and stays so */
            bool is_done;
            e = erasing_begin(a, w->org_id, w->user_id, &is_done);
            return e.kind ? e : denied_session();
        }
        if (e.kind) return e;
    }
    if (w->user_id && w->household.count) {
        struct account_household_facts facts;
        e = facts_take(a, w, &facts);
        if (e.kind) return e;
        const struct account_profile_facts *chosen = NULL;
        for (size_t i = 0; i < facts.profile_count; i++)
            if (facts.profiles[i].profile_id == who.profile_id) chosen = &facts.profiles[i];
        if (chosen) who.age_max = chosen->age_max, who.is_child = chosen->is_child;
        else who.profile_id = 0;
        tables_household_put(a->tables, epoch, &facts);
    }
    for (size_t i = 0; i < w->consents.count && !who.is_child; i++)
        if (db_int(&w->consents, i, "is_granted")) who.consents |= (uint32_t)db_int(&w->consents, i, "purpose");
    tables_put(a->tables, epoch, w->hash, &who, db_int(&w->rows, 0, "expires_s"), db_int(&w->rows, 0, "seen_s"));
    *out = who;
    return ERR_OK;
}

struct err account_session_find(struct account *a, int64_t org_id, struct slice secret, struct account_who *out) {
    struct find_work w = {.a = a, .org_id = org_id, .now_s = seconds_now(a)};
    if (secret.len != ACCOUNT_SECRET_LEN) return denied_session();
    struct err e = changes_follow(a);
    if (e.kind) return e;
    secret_hash(secret, w.hash);
    enum account_peek known = memory_find(a, org_id, w.hash, out);
    if (known == ACCOUNT_KNOWN) return ERR_OK;
    if (known == ACCOUNT_NOBODY) return denied_session();
    if (!(w.arena = arena_create(ARENA_BYTES_MAX))) return err_memory();
    e = session_from_store(a, &w, out);
    arena_destroy(&w.arena);
    return e;
}

static struct err token_find_fn(struct db_tx *tx, void *arg) {
    struct find_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &token_find, DB_INT("org_id", w->org_id), DB_BLOB("hash", hash_slice(w->hash)), DB_INT("now_s", w->now_s));
}

struct err account_token_find(struct account *a, int64_t org_id, struct slice text, struct account_who *out) {
    struct find_work w = {.a = a, .org_id = org_id, .now_s = seconds_now(a)};
    if (text.len != ACCOUNT_TOKEN_LEN || !slice_starts_with(text, SLICE("gst_"))) return denied_token();
    struct err e = changes_follow(a);
    if (e.kind) return e;
    secret_hash(text, w.hash);
    enum account_peek known = memory_find(a, org_id, w.hash, out);
    if (known == ACCOUNT_KNOWN) return ERR_OK;
    if (known == ACCOUNT_NOBODY) return denied_token();
    if (!(w.arena = arena_create(ARENA_BYTES_MAX))) return err_memory();
    uint64_t epoch = tables_epoch(a->tables);
    e = db_read(a->db, token_find_fn, &w);
    if (!e.kind && !w.rows.count) {
        tables_put_nobody(a->tables, w.hash, org_id, mono_add_ns(mono_now(a), NOBODY_MS * NS_PER_MS));
        e = denied_token();
    } else if (!e.kind) {
        int64_t expires_s = db_int(&w.rows, 0, "expires_s");
        struct account_who who = {.org_id = org_id, .token_id = db_int(&w.rows, 0, "id"), .scopes = (uint32_t)db_int(&w.rows, 0, "scopes")};
        tables_put(a->tables, epoch, w.hash, &who, expires_s ? expires_s : INT64_MAX, db_int(&w.rows, 0, "seen_s"));
        *out = who;
    }
    arena_destroy(&w.arena);
    return e;
}

/* --- facts of households --- */

bool account_household_facts(struct account *a, int64_t org_id, int64_t household_id, struct account_household_facts *out) {
    return tables_household_find(a->tables, org_id, household_id, out);
}

static struct err facts_fn(struct db_tx *tx, void *arg) { return household_rows(tx, arg); }

struct err account_household_load(struct account *a, int64_t org_id, int64_t household_id, struct account_household_facts *out) {
    struct err e = changes_follow(a);
    if (e.kind) return e;
    if (tables_household_find(a->tables, org_id, household_id, out)) return ERR_OK;
    struct find_work w = {.a = a, .arena = arena_create(ARENA_BYTES_MAX), .org_id = org_id, .household_id = household_id};
    if (!w.arena) return err_memory();
    uint64_t epoch = tables_epoch(a->tables);
    struct account_household_facts facts;
    e = db_read(a->db, facts_fn, &w);
    if (!e.kind && !w.household.count) e = err_make(ERR_NOT_FOUND, "household.missing", "There is no such household.");
    if (!e.kind) e = facts_take(a, &w, &facts);
    if (!e.kind) {
        tables_household_put(a->tables, epoch, &facts);
        *out = facts;
    }
    arena_destroy(&w.arena);
    return e;
}

bool account_profile_facts(struct account *a, int64_t org_id, int64_t household_id, int64_t profile_id, struct account_profile_facts *out) {
    struct account_household_facts household;
    if (!tables_household_find(a->tables, org_id, household_id, &household)) return false;
    for (size_t i = 0; i < household.profile_count; i++)
        if (household.profiles[i].profile_id == profile_id) {
            *out = household.profiles[i];
            return true;
        }
    return false;
}

/* --- beginning --- */

/* What a stranger's program calls itself may be anything. */
static struct slice shown_text(struct slice text, size_t bytes_max) {
    size_t end = 0;
    while (end < text.len && end < bytes_max) {
        uint32_t c;
        size_t step = utf8_decode(slice_sub(text, end, text.len), &c);
        if (!step || c < 0x20 || c == 0x7f || end + step > bytes_max) break;
        end += step;
    }
    return slice_sub(text, 0, end);
}

struct err session_prepare(struct account *a, struct arena *arena, int64_t org_id, int64_t user_id, int64_t key_slot, int64_t household_id, uint32_t roles, int64_t profile_id,
                           const struct account_from *from, struct session_new *out) {
    *out = (struct session_new){.public_id = public_id_random(), .now_s = seconds_now(a)};
    out->entry = (struct account_entry){.session = secret_make(), .session_s = roles ? ACCOUNT_SESSION_S : ACCOUNT_VIEWER_IDLE_S,
                                        .who = {.org_id = org_id, .session_id = id_next(a->ids), .user_id = user_id, .household_id = household_id, .roles = roles, .profile_id = profile_id}};
    secret_hash(slice_of(out->entry.session.text, ACCOUNT_SECRET_LEN), out->hash);
    if (!device_check(a, user_id, from->device)) device_make(a, user_id, &out->entry.device);
    out->has_old = from->session.len == ACCOUNT_SECRET_LEN;
    if (out->has_old) secret_hash(from->session, out->old_hash);
    struct sealed s;
    struct err e = sealed_of(a, user_id, key_slot, &s);
    if (!e.kind && zone_find(from->zone)) e = sealed_put(&s, arena, "user.zone", from->zone, &out->zone_box);
    s.id = out->entry.who.session_id; /* the user's key, the session's place */
    struct slice text = arena_printf(arena, "%.*s\n%.*s", SLICE_ARG(shown_text(from->peer, 64)), SLICE_ARG(shown_text(from->agent, AGENT_BYTES_MAX)));
    if (!e.kind && !text.ptr) e = err_memory();
    return e.kind ? e : sealed_put(&s, arena, "session.from", text, &out->from_box);
}

struct err session_insert_in(struct account *a, struct db_tx *tx, struct session_new *n) {
    const struct account_who *who = &n->entry.who;
    struct err e = ERR_OK;
    n->old_id = n->trimmed = 0;
    if (n->has_old) n->old_id = DB_GET_INT(tx, 0, &user_session_end, DB_INT("org_id", who->org_id), DB_BLOB("hash", hash_slice(n->old_hash)));
    if (n->old_id) e = change_note(a, tx, who->org_id, n->old_id, 0);
    if (!e.kind) e = DB_CHANGE(tx, &n->trimmed, &user_session_trim, DB_INT("user_id", who->user_id), DB_INT("keep", ACCOUNT_SESSIONS_MAX - 1));
    if (!e.kind && n->trimmed) e = change_note(a, tx, who->org_id, who->user_id, 0);
    if (!e.kind && n->zone_box.len) e = DB_RUN(tx, &user_set_zone, DB_INT("org_id", who->org_id), DB_INT("id", who->user_id), DB_BLOB("box", n->zone_box));
    if (e.kind) return e;
    return DB_RUN(tx, &user_session_insert, DB_INT("id", who->session_id), DB_INT("org_id", who->org_id), DB_TEXT("public_id", public_id_slice(&n->public_id)), DB_INT("user_id", who->user_id),
                  DB_INT_IF("profile_id", who->profile_id != 0, who->profile_id), DB_BLOB("hash", hash_slice(n->hash)), DB_BLOB("from_box", n->from_box), DB_INT("now_s", n->now_s),
                  DB_INT("expires_s", n->now_s + n->entry.session_s));
}

void session_told(struct account *a, struct session_new *n) {
    if (n->has_old) tables_remove(a->tables, n->old_hash);
    const int64_t ids[2] = {n->old_id, n->trimmed ? n->entry.who.user_id : 0};
    if (ids[0] || ids[1]) changes_tell(a, n->entry.who.org_id, ids, 2, 0);
}

/* --- ending, listing --- */

static struct err session_end_fn(struct db_tx *tx, void *arg) {
    struct find_work *w = arg;
    w->id = w->public_id.len ? DB_GET_INT(tx, 0, &user_session_end_one, DB_INT("org_id", w->org_id), DB_INT("user_id", w->user_id), DB_TEXT("public_id", w->public_id))
                             : DB_GET_INT(tx, 0, &user_session_end, DB_INT("org_id", w->org_id), DB_BLOB("hash", hash_slice(w->hash)));
    return w->id ? change_note(w->a, tx, w->org_id, w->id, 0) : db_tx_error(tx);
}

struct err account_session_end(struct account *a, int64_t org_id, struct slice secret) {
    struct find_work w = {.a = a, .org_id = org_id};
    if (secret.len != ACCOUNT_SECRET_LEN) return ERR_OK;
    secret_hash(secret, w.hash);
    struct err e = db_write(a->db, session_end_fn, &w);
    if (!e.kind && w.id) {
        tables_remove(a->tables, w.hash);
        changes_tell(a, org_id, &w.id, 1, 0);
    }
    return e;
}

struct err account_session_end_by_id(struct account *a, const struct account_who *who, struct slice public_id) {
    struct find_work w = {.a = a, .org_id = who->org_id, .user_id = who->user_id, .public_id = public_id};
    struct public_id parsed;
    struct err e = who_check(who, true);
    if (e.kind) return e;
    if (public_id_parse(public_id, &parsed)) e = db_write(a->db, session_end_fn, &w);
    if (e.kind) return e;
    if (!w.id) return err_make(ERR_NOT_FOUND, "session.missing", "There is no such session, or it has ended.");
    changes_tell(a, who->org_id, &w.id, 1, 0);
    return ERR_OK;
}

static struct err session_list_fn(struct db_tx *tx, void *arg) {
    struct find_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &user_session_list, DB_INT("org_id", w->org_id), DB_INT("user_id", w->user_id), DB_INT("now_s", w->now_s));
}

struct err account_session_list(struct account *a, struct arena *arena, const struct account_who *who, struct account_session_list *out) {
    struct find_work w = {.a = a, .arena = arena, .org_id = who->org_id, .user_id = who->user_id, .now_s = seconds_now(a)};
    struct user_row user;
    struct sealed s = {0};
    struct err e = who_check(who, false);
    if (!e.kind) e = user_read(a, arena, who->org_id, who->user_id, &user);
    if (!e.kind && !user.has) e = denied_session();
    if (!e.kind) e = sealed_of(a, user.id, user.key_slot, &s);
    if (!e.kind) e = db_read(a->db, session_list_fn, &w);
    if (e.kind) return e;
    struct account_session *items = arena_alloc_array(arena, w.rows.count + 1, sizeof *items);
    if (!items) return err_memory();
    for (size_t i = 0; !e.kind && i < w.rows.count; i++) {
        struct account_session *item = &items[i];
        *item = (struct account_session){.id = db_int(&w.rows, i, "id"), .created_at = utc_from_seconds(db_int(&w.rows, i, "created_s")),
                                         .seen_at = utc_from_seconds(db_int(&w.rows, i, "seen_s"))};
        item->is_this = item->id == who->session_id;
        if (!public_id_parse(db_text(&w.rows, i, "public_id"), &item->public_id)) continue;
        struct slice text = SLICE("");
        s.id = item->id;
        e = sealed_get(&s, arena, "session.from", db_blob(&w.rows, i, "from_box"), &text);
        if (!e.kind && slice_next(&text, '\n', &item->address)) item->agent = text;
    }
    if (!e.kind) *out = (struct account_session_list){items, w.rows.count};
    return e;
}
