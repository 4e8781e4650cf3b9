/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "business/account/room.h"

static void public_id_take(struct slice text, struct public_id *out) {
    if (!public_id_parse(text, out)) *out = (struct public_id){{0}};
}

void user_row_take(const struct db_rows *rows, size_t i, struct user_row *out) {
    *out = (struct user_row){
        .id = db_int(rows, i, "id"), .household_id = db_int(rows, i, "household_id"), .key_slot = db_int(rows, i, "key_slot"), .totp_state = db_int(rows, i, "totp_state"),
        .totp_step = db_int(rows, i, "totp_step"), .created_s = db_int(rows, i, "created_s"), .joined_s = db_int(rows, i, "joined_s"), .seen_s = db_int(rows, i, "seen_s"), .email_box = db_blob(rows, i, "email_box"),
        .name_box = db_blob(rows, i, "name_box"), .zone_box = db_blob(rows, i, "zone_box"), .lang = db_text(rows, i, "lang"), .password = db_text(rows, i, "password"), .totp_box = db_blob(rows, i, "totp_box"),
        .roles = (uint32_t)db_int(rows, i, "roles"), .has = true};
    public_id_take(db_text(rows, i, "public_id"), &out->public_id);
}

void profile_row_take(const struct db_rows *rows, size_t i, struct profile_row *out) {
    *out = (struct profile_row){.id = db_int(rows, i, "id"), .household_id = db_int(rows, i, "household_id"), .key_slot = db_int(rows, i, "key_slot"),
                                .created_s = db_int(rows, i, "created_s"), .name_box = db_blob(rows, i, "name_box"), .birth_box = db_blob(rows, i, "birth_box"),
                                .pin_mac = db_blob(rows, i, "pin_mac"), .picture = (int)db_int(rows, i, "picture"), .age_max = (int)db_int(rows, i, "age_max"),
                                .user_id = db_int(rows, i, "user_id")};
    public_id_take(db_text(rows, i, "public_id"), &out->public_id);
}

void household_row_take(const struct db_rows *rows, size_t i, struct household_row *out) {
    *out = (struct household_row){.id = db_int(rows, i, "id"), .key_slot = db_int(rows, i, "key_slot"), .created_s = db_int(rows, i, "created_s"), .name_box = db_blob(rows, i, "name_box"),
                                  .streams_max = (int)db_int(rows, i, "streams_max"), .has = true};
    public_id_take(db_text(rows, i, "public_id"), &out->public_id);
    struct slice country = db_text(rows, i, "country");
    if (country.len == 2) memcpy(out->country, country.ptr, 2);
}

struct read_work {
    struct arena *arena;
    int64_t org_id, id;
    struct slice email_index;
    struct db_rows rows, profiles;
};

static struct err user_fn(struct db_tx *tx, void *arg) {
    struct read_work *w = arg;
    if (w->email_index.len) return DB_QUERY(tx, w->arena, &w->rows, &user_by_email, DB_INT("org_id", w->org_id), DB_BLOB("email_index", w->email_index));
    return DB_QUERY(tx, w->arena, &w->rows, &user_by_id, DB_INT("org_id", w->org_id), DB_INT("id", w->id));
}

static struct err user_get(struct account *a, struct read_work *w, struct user_row *out) {
    struct err e = db_read(a->db, user_fn, w);
    if (e.kind) return e;
    *out = (struct user_row){0};
    if (!w->rows.count) return ERR_OK;
    struct user_row row;
    struct sealed own;
    user_row_take(&w->rows, 0, &row);
    bool is_done;
    e = sealed_of(a, row.id, row.key_slot, &own);
    if (e.kind == ERR_NOT_FOUND) return erasing_begin(a, w->org_id, row.id, &is_done); /* an older database beside today's keys: he was erased, and stays so */
    if (!e.kind) *out = row;
    return e;
}

struct err user_read(struct account *a, struct arena *arena, int64_t org_id, int64_t user_id, struct user_row *out) {
    struct read_work w = {.arena = arena, .org_id = org_id, .id = user_id};
    return user_get(a, &w, out);
}

struct err user_read_by_email(struct account *a, struct arena *arena, int64_t org_id, struct slice email, struct user_row *out) {
    uint8_t index[HASH_BYTES];
    email_index(a, org_id, email, index);
    struct read_work w = {.arena = arena, .org_id = org_id, .email_index = hash_slice(index)};
    return user_get(a, &w, out);
}

static struct err household_fn(struct db_tx *tx, void *arg) {
    struct read_work *w = arg;
    struct err e = DB_QUERY(tx, w->arena, &w->rows, &household_by_id, DB_INT("org_id", w->org_id), DB_INT("id", w->id));
    return e.kind ? e : DB_QUERY(tx, w->arena, &w->profiles, &profile_of_household, DB_INT("org_id", w->org_id), DB_INT("household_id", w->id));
}

struct err household_read(struct account *a, struct arena *arena, int64_t org_id, int64_t household_id, struct household_row *out, struct profile_row **profiles, size_t *count) {
    struct read_work w = {.arena = arena, .org_id = org_id, .id = household_id};
    struct err e = db_read(a->db, household_fn, &w);
    if (e.kind) return e;
    *out = (struct household_row){0};
    if (w.rows.count) household_row_take(&w.rows, 0, out);
    size_t n = w.profiles.count < ACCOUNT_PROFILES_MAX ? w.profiles.count : ACCOUNT_PROFILES_MAX;
    *profiles = arena_alloc_array(arena, n + 1, sizeof **profiles);
    if (!*profiles) return err_memory();
    for (size_t i = 0; i < n; i++) profile_row_take(&w.profiles, i, &(*profiles)[i]);
    *count = n;
    return ERR_OK;
}

/* Somebody may be erased while we read: then there is nothing to see, and that is no error. */
static struct err open_box(const struct sealed *s, bool has_key, struct arena *arena, const char *column, struct slice box, struct slice *out) {
    *out = SLICE("");
    return has_key && box.len ? sealed_get(s, arena, column, box, out) : ERR_OK;
}
static struct err open_key(struct account *a, int64_t id, int64_t slot, struct sealed *s, bool *has_key) {
    struct err e = sealed_of(a, id, slot, s);
    *has_key = !e.kind;
    return e.kind == ERR_NOT_FOUND || (e.kind && !strcmp(e.code, "keys.missing")) ? ERR_OK : e; /* one lost key must not hide a whole list */
}

struct err user_open(struct account *a, struct arena *arena, const struct user_row *row, struct account_user *out) {
    struct sealed s;
    bool has_key;
    struct account_user u = {.id = row->id, .public_id = row->public_id, .is_confirmed = true, .has_totp = row->totp_state == 2, .roles = row->roles,
                             .created_at = utc_from_seconds(row->created_s), .lang = row->lang};
    struct err e = open_key(a, row->id, row->key_slot, &s, &has_key);
    if (!e.kind) e = open_box(&s, has_key, arena, "user.email", row->email_box, &u.email);
    if (!e.kind) e = open_box(&s, has_key, arena, "user.name", row->name_box, &u.name);
    if (!e.kind) e = open_box(&s, has_key, arena, "user.zone", row->zone_box, &u.zone);
    if (!e.kind) *out = u;
    return e;
}

struct err profile_open(struct account *a, struct arena *arena, const struct profile_row *row, struct account_profile *out) {
    struct sealed s;
    bool has_key;
    struct slice birth;
    struct account_profile p = {.id = row->id, .public_id = row->public_id, .age_max = row->age_max, .has_pin = row->pin_mac.len > 0, .is_child = row->age_max <= ACCOUNT_CHILD_AGE_MAX};
    snprintf(p.picture, sizeof p.picture, "a%u", (unsigned)row->picture % 100);
    struct err e = open_key(a, row->id, row->key_slot, &s, &has_key);
    if (!e.kind) e = open_box(&s, has_key, arena, "profile.name", row->name_box, &p.name);
    if (!e.kind) e = open_box(&s, has_key, arena, "profile.birth", row->birth_box, &birth);
    int64_t year = 0;
    if (!e.kind && birth.len && slice_to_i64(birth, &year)) p.birth_year = (int)year;
    if (!e.kind) *out = p;
    return e;
}

struct err household_open(struct account *a, struct arena *arena, const struct household_row *row, struct account_household *out) {
    struct sealed s;
    bool has_key;
    struct account_household h = {.id = row->id, .public_id = row->public_id, .streams_max = row->streams_max, .created_at = utc_from_seconds(row->created_s)};
    memcpy(h.country, row->country, sizeof h.country);
    struct err e = open_key(a, row->id, row->key_slot, &s, &has_key);
    if (!e.kind) e = open_box(&s, has_key, arena, "household.name", row->name_box, &h.name);
    if (!e.kind) *out = h;
    return e;
}

struct err newcomer_make(struct account *a, struct arena *arena, int64_t org_id, int64_t joins_id, struct slice email, struct slice name, struct slice country, struct slice lang,
                         struct slice password, uint32_t roles, struct newcomer *out) {
    struct newcomer n = {.org_id = org_id, .user_id = id_next(a->ids), .household_id = joins_id ? joins_id : id_next(a->ids), .profile_id = id_next(a->ids), .joins = joins_id != 0,
                         .now_s = seconds_now(a), .user_public = public_id_random(), .household_public = public_id_random(), .profile_public = public_id_random(),
                         .lang = lang, .country = country, .password = password, .roles = roles};
    const int64_t owners[3] = {n.user_id, n.profile_id, n.household_id};
    struct sealed s;
    email_index(a, org_id, email, n.email_index);
    struct err e = keys_make(a->keys, owners, n.joins ? 2 : 3, n.slots);
    if (!e.kind) e = sealed_of(a, n.user_id, n.slots[0], &s);
    if (!e.kind) e = sealed_put(&s, arena, "user.email", email, &n.email_box);
    if (!e.kind) e = sealed_put(&s, arena, "user.name", name, &n.user_name_box);
    if (!e.kind && !n.joins) e = sealed_of(a, n.household_id, n.slots[2], &s);
    if (!e.kind && !n.joins) e = sealed_put(&s, arena, "household.name", name, &n.household_name_box);
    if (!e.kind) e = sealed_of(a, n.profile_id, n.slots[1], &s);
    if (!e.kind) e = sealed_put(&s, arena, "profile.name", name, &n.profile_name_box);
    if (!e.kind) *out = n;
    return e;
}

struct err newcomer_insert(struct account *a, struct db_tx *tx, const struct newcomer *n, bool *has_profile) {
    int64_t profiles = n->joins ? DB_GET_INT(tx, 0, &profile_count, DB_INT("org_id", n->org_id), DB_INT("household_id", n->household_id)) : 0;
    int64_t last_s = n->joins ? DB_GET_INT(tx, 0, &user_last_joined, DB_INT("household_id", n->household_id)) : 0;
    struct err e = db_tx_error(tx);
    *has_profile = profiles < ACCOUNT_PROFILES_MAX;
    if (!e.kind && !n->joins)
        e = DB_RUN(tx, &household_insert, DB_INT("id", n->household_id), DB_INT("org_id", n->org_id), DB_TEXT("public_id", public_id_slice(&n->household_public)),
                   DB_INT("key_slot", n->slots[2]), DB_BLOB("name_box", n->household_name_box), DB_TEXT("country", n->country),
                   DB_INT("streams_max", ACCOUNT_STREAMS_DEFAULT), DB_INT("now_s", n->now_s));
    if (!e.kind)
        e = DB_RUN(tx, &user_insert, DB_INT("id", n->user_id), DB_INT("org_id", n->org_id), DB_TEXT("public_id", public_id_slice(&n->user_public)),
                   DB_INT("household_id", n->household_id), DB_INT("key_slot", n->slots[0]), DB_BLOB("email_index", hash_slice(n->email_index)), DB_BLOB("email_box", n->email_box),
                   DB_BLOB("name_box", n->user_name_box), DB_TEXT("lang", n->lang), DB_TEXT("password", n->password), DB_INT("roles", n->roles), DB_INT("now_s", n->now_s),
                   DB_INT("joined_s", n->now_s > last_s ? n->now_s : last_s + 1)); /* a clock that was turned back makes nobody the owner */
    if (!e.kind && *has_profile)
        e = DB_RUN(tx, &profile_insert, DB_INT("id", n->profile_id), DB_INT("org_id", n->org_id), DB_TEXT("public_id", public_id_slice(&n->profile_public)),
                   DB_INT("household_id", n->household_id), DB_INT("key_slot", n->slots[1]), DB_BLOB("name_box", n->profile_name_box), DB_BLOB_OR_NULL("birth_box", SLICE_NONE),
                   DB_INT("picture", 1), DB_INT("age_max", 18), DB_BLOB_OR_NULL("pin_mac", SLICE_NONE), DB_INT("now_s", n->now_s),
                   DB_INT("user_id", n->user_id));
    /* Letters that went to the address before: they are his, to take along and to be forgotten with him. */
    return e.kind ? e : mail_pass(a->mail, tx, n->org_id, about_address(n->email_index), n->user_id);
}
