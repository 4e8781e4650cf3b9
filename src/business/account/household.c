/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "business/account/room.h"

enum { SEARCH_AT_ONCE = 250, LIST_MAX = 200, BORN_FROM = 1900, STREAMS_MAX = 20 };

static const struct limit_rule pin_by_profile = {.kind = 20, .burst = 5, .refill_s = 300};

static struct err missing(void) { return err_make(ERR_NOT_FOUND, "profile.missing", "There is no such profile in this household."); }
static struct err household_missing(void) { return err_make(ERR_NOT_FOUND, "household.missing", "There is no such household."); }

/* --- PINs --- */

static bool pin_is_well_formed(struct slice pin) {
    for (size_t i = 0; i < pin.len; i++)
        if (pin.ptr[i] < '0' || pin.ptr[i] > '9') return false;
    return pin.len == ACCOUNT_PIN_LEN;
}

static struct err pin_matches(struct account *a, const struct profile_row *profile, struct slice pin, bool *out) {
    struct sealed s;
    uint8_t mac[HASH_BYTES];
    *out = false;
    if (profile->pin_mac.len != HASH_BYTES) return ERR_OK;
    struct err e = sealed_of(a, profile->id, profile->key_slot, &s);
    if (e.kind) return e.kind == ERR_NOT_FOUND ? ERR_OK : e;
    pin_mac(&s, pin, mac);
    *out = sodium_memcmp(mac, profile->pin_mac.ptr, HASH_BYTES) == 0;
    return ERR_OK;
}

/* Is it the PIN of `profile` (may be NULL), or of one of the grown-ups'? Slowed down by `profile`, else by the household. */
static struct err pin_try(struct account *a, const struct profile_row *profiles, size_t count, const struct profile_row *profile, int64_t household_id, struct slice pin) {
    static const struct err wrong = {.kind = ERR_DENIED, .code = "profile.pin", .what = "This needs the profile's PIN, or a grown-up's."};
    int64_t measured = profile ? profile->id : household_id;
    bool is_right = false;
    if (!pin.len) return wrong;
    if (!limit_take(a->limits, &pin_by_profile, slice_of(&measured, sizeof measured), mono_now(a)))
        return err_make(ERR_LIMIT, "profile.pin_many", "There were too many wrong PINs. Wait five minutes.");
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < count; i++) { /* all of them: the time tells nothing */
        bool fits = false;
        if (&profiles[i] == profile || profiles[i].age_max == 18) e = pin_matches(a, &profiles[i], pin, &fits);
        is_right = is_right || fits;
    }
    if (e.kind || is_right) limit_give(a->limits, &pin_by_profile, slice_of(&measured, sizeof measured), mono_now(a));
    if (e.kind) return e;
    return is_right ? ERR_OK : wrong;
}

static const struct profile_row *profile_by_id(const struct profile_row *profiles, size_t count, int64_t id) {
    for (size_t i = 0; i < count; i++)
        if (profiles[i].id == id) return &profiles[i];
    return NULL;
}
static const struct profile_row *profile_by_public(const struct profile_row *profiles, size_t count, struct slice public_id) {
    for (size_t i = 0; i < count; i++)
        if (slice_eq(public_id_slice(&profiles[i].public_id), public_id)) return &profiles[i];
    return NULL;
}

struct err account_pin_check(struct account *a, int64_t org_id, int64_t household_id, int64_t profile_id, struct slice pin) {
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    struct household_row household;
    struct profile_row *profiles = NULL;
    size_t count = 0;
    struct err e = arena ? household_read(a, arena, org_id, household_id, &household, &profiles, &count) : err_memory();
    const struct profile_row *profile = e.kind ? NULL : profile_by_id(profiles, count, profile_id);
    if (!e.kind && !profile) e = missing();
    if (!e.kind) e = pin_try(a, profiles, count, profile, household_id, pin);
    arena_destroy(&arena);
    return e;
}

struct err account_profile_name(struct account *a, struct arena *arena, int64_t org_id, int64_t household_id, int64_t profile_id, struct slice *name) {
    struct household_row household;
    struct profile_row *profiles;
    struct account_profile profile;
    size_t count;
    struct err e = household_read(a, arena, org_id, household_id, &household, &profiles, &count);
    if (e.kind) return e;
    const struct profile_row *row = profile_by_id(profiles, count, profile_id);
    if (!row) return missing();
    e = profile_open(a, arena, row, &profile);
    if (!e.kind) *name = profile.name;
    return e;
}

struct err account_profile_find(struct account *a, int64_t org_id, int64_t household_id, struct slice public_id, int64_t *profile_id) {
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    struct household_row household;
    struct profile_row *profiles = NULL;
    size_t count = 0;
    struct err e = arena ? household_read(a, arena, org_id, household_id, &household, &profiles, &count) : err_memory();
    const struct profile_row *row = e.kind ? NULL : profile_by_public(profiles, count, public_id);
    if (!e.kind && !row) e = missing();
    if (!e.kind) *profile_id = row->id;
    arena_destroy(&arena);
    return e;
}

/* --- the household of a session, and the proof that a grown-up is there --- */

struct home { /* read anew for each change: what memory knows may be of another process's past */
    struct account *a;
    struct arena *arena;
    const struct account_who *who;
    struct user_row user;
    struct household_row household;
    struct profile_row *profiles;
    size_t count;
    const struct profile_row *chosen; /* NULL: none */
};

static struct err home_open(struct account *a, const struct account_who *who, struct home *h) {
    struct err e = who_check(who, false);
    if (e.kind) return e;
    *h = (struct home){.a = a, .who = who, .arena = arena_create(ARENA_BYTES_MAX)};
    if (!h->arena) return err_memory();
    e = user_read(a, h->arena, who->org_id, who->user_id, &h->user);
    if (!e.kind && !h->user.has) e = DENIED("session.required", "This needs somebody who is signed in. Sign in, or open the operator's link (`grandstand operator-link`).");
    if (!e.kind) e = household_read(a, h->arena, who->org_id, h->user.household_id, &h->household, &h->profiles, &h->count);
    if (!e.kind && !h->household.has) e = household_missing();
    if (!e.kind) h->chosen = profile_by_id(h->profiles, h->count, who->profile_id);
    return e;
}
static void home_close(struct home *h) { arena_destroy(&h->arena); }

static bool is_child(const struct profile_row *profile) { return profile && profile->age_max <= ACCOUNT_CHILD_AGE_MAX; }

/* The password, or a PIN: of `profile` (may be NULL), or of a grown-up's profile. */
static struct err proof_check(struct home *h, const struct profile_row *profile, const struct account_proof *proof) {
    bool has_pin = profile && profile->pin_mac.len;
    for (size_t i = 0; i < h->count; i++) has_pin = has_pin || (h->profiles[i].age_max == 18 && h->profiles[i].pin_mac.len);
    if (proof->password.len) {
        struct err e = own_password_check(h->a, h->who, &h->user, proof->password);
        return strcmp(e.kind ? e.code : "", "me.password") ? e : DENIED("profile.password", "This needs the password of the account.");
    }
    if (!has_pin) return DENIED("profile.password", "This needs the password of the account.");
    return pin_try(h->a, h->profiles, h->count, profile, h->household.id, proof->pin);
}

/* Up to which age this session may give without proof: what its own profile has; where none is chosen yet, all, unless the grown-ups of this house have PINs. */
static int authority_of(const struct home *h) {
    if (h->chosen) return is_child(h->chosen) ? -1 : h->chosen->age_max;
    for (size_t i = 0; i < h->count; i++)
        if (h->profiles[i].age_max == 18 && h->profiles[i].pin_mac.len) return 0;
    return 18;
}

/* --- changing the household --- */

struct household_work {
    struct account *a;
    int64_t org_id, id, changed, streams_max;
    struct slice name_box, country, public_id, query;
    struct arena *arena;
    struct db_rows rows, users, profiles;
    size_t limit;
    uint8_t email_index[HASH_BYTES];
    bool has_email, counts;
    int64_t total;
};

static struct err household_change_fn(struct db_tx *tx, void *arg) {
    struct household_work *w = arg;
    struct err e = ERR_OK;
    if (w->name_box.len) e = DB_RUN(tx, &household_set_name, DB_INT("org_id", w->org_id), DB_INT("id", w->id), DB_BLOB("box", w->name_box));
    if (!e.kind && w->country.len) e = DB_RUN(tx, &household_set_country, DB_INT("org_id", w->org_id), DB_INT("id", w->id), DB_TEXT("country", w->country));
    if (!e.kind && w->streams_max) e = DB_RUN(tx, &household_set_streams, DB_INT("org_id", w->org_id), DB_INT("id", w->id), DB_INT("streams_max", w->streams_max));
    return e.kind ? e : change_note(w->a, tx, w->org_id, w->id, w->id);
}

struct err account_household_change(struct account *a, const struct account_who *who, const struct account_household_change *c) {
    struct home h = {0};
    struct household_work w = {.a = a, .org_id = who->org_id};
    struct sealed s;
    struct slice name = SLICE_NONE;
    if (c->name.ptr && !account_name(c->name, ACCOUNT_PERSON_NAME_MAX, &name)) return err_make(ERR_INPUT, "account.name", "A name has 1 to 60 characters that can be shown.");
    if (c->country.ptr && !account_country(c->country)) return err_make(ERR_INPUT, "account.country", "A country is two large letters of ISO 3166-1, such as DE or TH.");
    struct err e = home_open(a, who, &h);
    if (!e.kind && is_child(h.chosen)) e = who_check(&(struct account_who){.user_id = 1, .is_child = true}, true);
    /* It decides which ratings hold: who may not see everything does not choose it. */
    bool moves = c->country.ptr && !slice_eq(c->country, slice_cstr(h.household.country));
    if (!e.kind && moves && authority_of(&h) < 18) e = DENIED("household.country", "The country is changed by a grown-up. Choose a grown-up's profile first.");
    w.id = h.household.id;
    w.country = c->country;
    if (!e.kind && name.ptr) e = sealed_of(a, h.household.id, h.household.key_slot, &s);
    if (!e.kind && name.ptr) e = sealed_put(&s, h.arena, "household.name", name, &w.name_box);
    if (!e.kind) e = db_write(a->db, household_change_fn, &w);
    if (!e.kind) changes_tell(a, who->org_id, NULL, 0, w.id);
    home_close(&h);
    return e;
}

/* --- changing profiles --- */

struct profile_work {
    struct account *a;
    int64_t org_id, household_id, session_id, count, now_s;
    struct profile_row row;
    bool is_new;
};

static int picture_of(struct slice text) {
    char name[8];
    for (int i = 1; i <= ACCOUNT_PICTURES; i++) {
        int len = snprintf(name, sizeof name, "a%d", i);
        if (slice_eq(text, slice_of(name, (size_t)len))) return i;
    }
    return 0;
}

static struct err profile_change_check(struct account *a, const struct account_profile_change *c, struct slice *name) {
    int this_year = 1970 + (int)(seconds_now(a) / 31556952); /* to a day or so, which is all that a year of birth needs */
    if (c->name.ptr && !account_name(c->name, ACCOUNT_PERSON_NAME_MAX, name)) return err_make(ERR_INPUT, "account.name", "A name has 1 to 60 characters that can be shown.");
    if (c->picture.ptr && !picture_of(c->picture)) return err_make(ERR_INPUT, "profile.picture", "The pictures are a1 to a12.");
    if (c->has_birth_year && c->birth_year && (c->birth_year < BORN_FROM || c->birth_year > this_year)) return err_make(ERR_INPUT, "profile.birth_year", "A year of birth is 1900 or later, and not in the future.");
    bool is_age = c->age_max == 0 || c->age_max == 6 || c->age_max == 12 || c->age_max == 16 || c->age_max == 18;
    if (c->has_age_max && !is_age) return err_make(ERR_INPUT, "profile.age_max", "The ages are 0, 6, 12, 16 and 18.");
    if (c->has_pin && c->pin.len && !pin_is_well_formed(c->pin)) return err_make(ERR_INPUT, "profile.pin_form", "A PIN is four digits.");
    return ERR_OK;
}

/* The row as it will be, its boxes sealed anew. */
static struct err profile_apply(struct account *a, struct arena *arena, const struct account_profile_change *c, struct slice name, struct profile_row *row) {
    struct sealed s;
    struct err e = sealed_of(a, row->id, row->key_slot, &s);
    if (!e.kind && name.ptr) e = sealed_put(&s, arena, "profile.name", name, &row->name_box);
    if (c->picture.ptr) row->picture = picture_of(c->picture);
    if (c->has_age_max) row->age_max = c->age_max;
    if (!e.kind && c->has_birth_year) {
        row->birth_box = SLICE_NONE;
        struct slice year = arena_printf(arena, "%d", c->birth_year);
        if (!year.ptr) e = err_memory();
        else if (c->birth_year) e = sealed_put(&s, arena, "profile.birth", year, &row->birth_box);
    }
    if (!e.kind && c->has_pin) {
        uint8_t *mac = arena_alloc(arena, HASH_BYTES);
        if (!mac) return err_memory();
        pin_mac(&s, c->pin, mac);
        row->pin_mac = c->pin.len ? hash_slice(mac) : SLICE_NONE;
    }
    return e;
}

#define PROFILE_BINDS(w)                                                                                                                                              \
    DB_INT("id", (w)->row.id), DB_INT("org_id", (w)->org_id), DB_INT("household_id", (w)->household_id), DB_BLOB("name_box", (w)->row.name_box),                       \
        DB_BLOB_OR_NULL("birth_box", (w)->row.birth_box), DB_INT("picture", (w)->row.picture), DB_INT("age_max", (w)->row.age_max), DB_BLOB_OR_NULL("pin_mac", (w)->row.pin_mac)

static struct err profile_put_fn(struct db_tx *tx, void *arg) {
    struct profile_work *w = arg;
    struct err e;
    if (w->is_new) {
        w->count = DB_GET_INT(tx, 0, &profile_count, DB_INT("org_id", w->org_id), DB_INT("household_id", w->household_id));
        if (w->count >= ACCOUNT_PROFILES_MAX) return err_make(ERR_LIMIT, "profile.count", "A household has at most eight profiles.");
        e = DB_RUN(tx, &profile_insert, PROFILE_BINDS(w), DB_TEXT("public_id", public_id_slice(&w->row.public_id)), DB_INT("key_slot", w->row.key_slot), DB_INT("now_s", w->now_s),
                   DB_INT_IF("user_id", false, 0));
    } else {
        int64_t changed = 0;
        e = DB_CHANGE(tx, &changed, &profile_update, PROFILE_BINDS(w));
        if (!e.kind && !changed) e = missing();
    }
    return e.kind ? e : change_note(w->a, tx, w->org_id, w->household_id, w->household_id);
}

static struct err profile_write(struct home *h, struct profile_work *w, db_fn *fn) {
    struct err e = db_write(h->a->db, fn, w);
    if (!e.kind) changes_tell(h->a, w->org_id, NULL, 0, w->household_id);
    return e;
}

struct err account_profile_add(struct account *a, const struct account_who *who, const struct account_profile_change *change, const struct account_proof *proof,
                               struct public_id *public_id) {
    struct home h = {0};
    struct account_profile_change c = *change;
    struct slice name = SLICE_NONE;
    if (!c.name.ptr) c.name = SLICE("");
    struct err e = profile_change_check(a, &c, &name);
    if (!e.kind) e = home_open(a, who, &h);
    if (!e.kind && h.count >= ACCOUNT_PROFILES_MAX) e = err_make(ERR_LIMIT, "profile.count", "A household has at most eight profiles.");
    if (!e.kind && (c.has_age_max ? c.age_max : 18) > authority_of(&h)) e = proof_check(&h, NULL, proof);
    struct profile_work w = {.a = a, .org_id = who->org_id, .household_id = h.household.id, .now_s = seconds_now(a), .is_new = true,
                             .row = {.id = id_next(a->ids), .public_id = public_id_random(), .picture = 1, .age_max = 18}};
    if (!e.kind) e = keys_make(a->keys, &w.row.id, 1, &w.row.key_slot);
    if (!e.kind) e = profile_apply(a, h.arena, &c, name, &w.row);
    if (!e.kind) e = profile_write(&h, &w, profile_put_fn);
    if (!e.kind) *public_id = w.row.public_id;
    home_close(&h);
    return e;
}

struct err account_profile_change(struct account *a, const struct account_who *who, struct slice public_id, const struct account_profile_change *c, const struct account_proof *proof) {
    struct home h = {0};
    struct slice name = SLICE_NONE;
    struct err e = profile_change_check(a, c, &name);
    if (!e.kind) e = home_open(a, who, &h);
    const struct profile_row *profile = e.kind ? NULL : profile_by_public(h.profiles, h.count, public_id);
    if (!e.kind && !profile) e = missing();
    if (!e.kind) {
        /* Who gave a grown-up's profile its first PIN would have a grown-up's PIN. */
        bool is_raised = c->has_age_max && c->age_max > profile->age_max, touches_pin = c->has_pin && (profile->pin_mac.len || profile->age_max > authority_of(&h));
        if (is_raised || touches_pin || is_child(h.chosen)) e = proof_check(&h, touches_pin && !is_raised ? profile : NULL, proof);
    }
    struct profile_work w = {.a = a, .org_id = who->org_id, .household_id = h.household.id, .now_s = seconds_now(a)};
    if (!e.kind) {
        w.row = *profile;
        e = profile_apply(a, h.arena, c, name, &w.row);
    }
    if (!e.kind) e = profile_write(&h, &w, profile_put_fn);
    home_close(&h);
    return e;
}

static struct err profile_remove_fn(struct db_tx *tx, void *arg) {
    struct profile_work *w = arg;
    w->count = DB_GET_INT(tx, 0, &profile_count, DB_INT("org_id", w->org_id), DB_INT("household_id", w->household_id));
    if (w->count <= 1) return err_make(ERR_CONFLICT, "profile.last", "A household keeps one profile.");
    struct err e = DB_RUN(tx, &user_session_leave_profile, DB_INT("org_id", w->org_id), DB_INT("profile_id", w->row.id));
    if (!e.kind) e = DB_RUN(tx, &profile_delete, DB_INT("org_id", w->org_id), DB_INT("household_id", w->household_id), DB_INT("id", w->row.id));
    if (!e.kind) e = key_spent_in(tx, w->row.id, w->row.key_slot);
    return e.kind ? e : change_note(w->a, tx, w->org_id, w->household_id, w->household_id);
}

struct err account_profile_remove(struct account *a, const struct account_who *who, struct slice public_id, const struct account_proof *proof) {
    struct home h = {0};
    struct err e = home_open(a, who, &h);
    const struct profile_row *profile = e.kind ? NULL : profile_by_public(h.profiles, h.count, public_id);
    if (!e.kind && !profile) e = missing();
    if (!e.kind && (profile->pin_mac.len || is_child(h.chosen))) e = proof_check(&h, is_child(h.chosen) ? NULL : profile, proof);
    struct profile_work w = {.a = a, .org_id = who->org_id, .household_id = h.household.id};
    if (!e.kind) {
        w.row = *profile;
        e = profile_write(&h, &w, profile_remove_fn);
    }
    if (!e.kind) keys_spent_told(a);
    home_close(&h);
    return e;
}

static struct err profile_choose_fn(struct db_tx *tx, void *arg) {
    struct profile_work *w = arg;
    struct err e = DB_RUN(tx, &user_session_profile, DB_INT("org_id", w->org_id), DB_INT("id", w->session_id), DB_INT("profile_id", w->row.id));
    return e.kind ? e : change_note(w->a, tx, w->org_id, w->session_id, 0);
}

struct err account_profile_choose(struct account *a, const struct account_who *who, struct slice public_id, const struct account_proof *proof) {
    struct home h = {0};
    struct err e = home_open(a, who, &h);
    const struct profile_row *profile = e.kind ? NULL : profile_by_public(h.profiles, h.count, public_id);
    if (!e.kind && !profile) e = missing();
    bool is_leaving_child = !e.kind && is_child(h.chosen) && profile->age_max > h.chosen->age_max, is_same = !e.kind && profile == h.chosen;
    if (!e.kind && !is_same && (profile->pin_mac.len || is_leaving_child)) e = proof_check(&h, profile, proof);
    struct profile_work w = {.a = a, .org_id = who->org_id, .session_id = who->session_id};
    if (!e.kind) {
        w.row = *profile;
        e = db_write(a->db, profile_choose_fn, &w);
    }
    if (!e.kind) changes_tell(a, who->org_id, &who->session_id, 1, 0);
    home_close(&h);
    return e;
}

/* --- for operators --- */

static struct err household_list_fn(struct db_tx *tx, void *arg) {
    struct household_work *w = arg;
    if (w->has_email) {
        struct err e = DB_QUERY(tx, w->arena, &w->users, &user_by_email, DB_INT("org_id", w->org_id), DB_BLOB("email_index", hash_slice(w->email_index)));
        if (e.kind || !w->users.count) {
            w->rows = (struct db_rows){0};
            return e;
        }
        return DB_QUERY(tx, w->arena, &w->rows, &household_by_id, DB_INT("org_id", w->org_id), DB_INT("id", db_int(&w->users, 0, "household_id")));
    }
    if (w->public_id.len) return DB_QUERY(tx, w->arena, &w->rows, &household_by_public, DB_INT("org_id", w->org_id), DB_TEXT("public_id", w->public_id));
    struct err e = DB_QUERY(tx, w->arena, &w->rows, &household_newest, DB_INT("org_id", w->org_id), DB_INT("before_id", w->id), DB_INT("limit", (int64_t)w->limit));
    if (!e.kind && w->counts) w->total = DB_GET_INT(tx, 0, &household_count, DB_INT("org_id", w->org_id));
    return e;
}

static struct err members_fn(struct db_tx *tx, void *arg) {
    struct household_work *w = arg;
    struct err e = DB_QUERY(tx, w->arena, &w->users, &user_of_household, DB_INT("org_id", w->org_id), DB_INT("household_id", w->id));
    return e.kind ? e : DB_QUERY(tx, w->arena, &w->profiles, &profile_of_household, DB_INT("org_id", w->org_id), DB_INT("household_id", w->id));
}

/* Case matters to ASCII letters alone here; other scripts compare as they are. */
static bool has_part(struct slice text, struct slice part) {
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (slice_eq_nocase(slice_sub(text, i, i + part.len), part)) return true;
    return false;
}

static struct err item_fill(struct account *a, struct arena *arena, int64_t org_id, struct account_household_item *item, struct account_profile **profiles) {
    struct household_work w = {.a = a, .arena = arena, .org_id = org_id, .id = item->household.id};
    struct err e = db_read(a->db, members_fn, &w);
    if (e.kind) return e;
    item->users = arena_alloc_array(arena, w.users.count + 1, sizeof *item->users);
    if (!item->users) return err_memory();
    for (size_t i = 0; !e.kind && i < w.users.count; i++) {
        struct user_row user;
        user_row_take(&w.users, i, &user);
        e = user_open(a, arena, &user, &item->users[item->user_count++]);
    }
    item->profile_count = w.profiles.count;
    if (e.kind || !profiles) return e;
    *profiles = arena_alloc_array(arena, w.profiles.count + 1, sizeof **profiles);
    if (!*profiles) return err_memory();
    for (size_t i = 0; !e.kind && i < w.profiles.count; i++) {
        struct profile_row row;
        profile_row_take(&w.profiles, i, &row);
        e = profile_open(a, arena, &row, &(*profiles)[i]);
    }
    return e;
}

/* One household at most: by its address or its public id. */
static struct err list_exact(struct household_work *w, struct account_household_list *out) {
    struct household_row row;
    struct err e = db_read(w->a->db, household_list_fn, w);
    struct account_household_item *item = e.kind ? NULL : ARENA_NEW(w->arena, struct account_household_item);
    if (e.kind || !item) return e.kind ? e : err_memory();
    if (w->rows.count) {
        household_row_take(&w->rows, 0, &row);
        e = household_open(w->a, w->arena, &row, &item->household);
        if (!e.kind) e = item_fill(w->a, w->arena, w->org_id, item, NULL);
    }
    if (!e.kind) *out = (struct account_household_list){.items = item, .count = w->rows.count, .is_whole = true, .searched = w->rows.count, .total = (int64_t)w->rows.count};
    return e;
}

/* Goes down from w->id, some hundreds in one read, each part opened in an arena that is emptied before the next. */
static struct err list_search(struct household_work *w, struct slice part, size_t limit, struct account_household_list *out) {
    struct arena *whole = w->arena, *some = arena_create(ARENA_BYTES_MAX);
    struct account_household_list list = {.items = arena_alloc_array(whole, limit + 1, sizeof *list.items)};
    struct err e = some && list.items ? ERR_OK : err_memory();
    bool is_end = false;
    w->arena = some;
    w->counts = true;
    while (!e.kind && !is_end && list.count < limit && list.searched < ACCOUNT_SEARCH_MAX) {
        arena_reset(some);
        w->limit = part.len ? SEARCH_AT_ONCE : limit + 1; /* one more, to know whether there are more */
        e = db_read(w->a->db, household_list_fn, w);
        w->counts = false;
        is_end = !e.kind && w->rows.count < w->limit;
        for (size_t i = 0; !e.kind && i < w->rows.count && list.count < limit; i++) {
            struct household_row row;
            struct account_household household;
            bool is_it = !part.len;
            household_row_take(&w->rows, i, &row);
            if (!is_it) e = household_open(w->a, some, &row, &household);
            is_it = is_it || (!e.kind && has_part(household.name, part));
            if (!e.kind && is_it) {
                struct account_household_item *item = &list.items[list.count];
                *item = (struct account_household_item){0};
                e = household_open(w->a, whole, &row, &item->household);
                if (!e.kind) e = item_fill(w->a, whole, w->org_id, item, NULL);
                list.count += !e.kind;
            }
            w->id = row.id;
            list.searched++;
            if (list.count == limit && i + 1 < w->rows.count) is_end = false;
        }
    }
    list.is_whole = is_end;
    list.next_id = is_end ? 0 : w->id;
    list.total = w->total;
    arena_destroy(&some);
    if (!e.kind) *out = list;
    return e;
}

struct err account_household_list_after(struct account *a, struct arena *arena, int64_t org_id, struct slice query, size_t limit, int64_t after_id, struct account_household_list *out) {
    struct slice q = slice_trim(query);
    struct household_work w = {.a = a, .arena = arena, .org_id = org_id, .id = after_id ? after_id : INT64_MAX};
    struct public_id public_id;
    char email[MAIL_ADDRESS_MAX + 1];
    size_t len;
    if (mail_address(q, email, &len)) {
        w.has_email = true;
        email_index(a, org_id, slice_of(email, len), w.email_index);
        return list_exact(&w, out);
    }
    if (public_id_parse(q, &public_id)) {
        w.public_id = q;
        return list_exact(&w, out);
    }
    struct err e = list_search(&w, q, limit < LIST_MAX ? limit : LIST_MAX, out);
    if (!e.kind && after_id) out->is_whole = false;
    return e;
}

struct err account_household_list(struct account *a, struct arena *arena, int64_t org_id, struct slice query, size_t limit, struct account_household_list *out) {
    return account_household_list_after(a, arena, org_id, query, limit, 0, out);
}

static struct err household_by_public_id(struct account *a, struct arena *arena, int64_t org_id, struct slice public_id, struct household_row *out) {
    struct household_work w = {.a = a, .arena = arena, .org_id = org_id, .public_id = public_id};
    struct public_id parsed;
    if (!public_id_parse(public_id, &parsed)) return household_missing();
    struct err e = db_read(a->db, household_list_fn, &w);
    if (!e.kind && !w.rows.count) e = household_missing();
    if (!e.kind) household_row_take(&w.rows, 0, out);
    return e;
}

struct err account_household_get(struct account *a, struct arena *arena, int64_t org_id, struct slice public_id, struct account_household_item *out, struct account_profile **profiles,
                                 size_t *count) {
    struct household_row row;
    struct account_household_item item = {0};
    struct err e = household_by_public_id(a, arena, org_id, public_id, &row);
    if (!e.kind) e = household_open(a, arena, &row, &item.household);
    if (!e.kind) e = item_fill(a, arena, org_id, &item, profiles);
    if (e.kind) return e;
    *out = item;
    *count = item.profile_count;
    return ERR_OK;
}

struct names_work {
    struct arena *arena;
    int64_t org_id;
    const int64_t *ids;
    size_t count;
    struct household_row *rows; /* id 0: gone */
};

static struct err names_fn(struct db_tx *tx, void *arg) {
    struct names_work *w = arg;
    for (size_t i = 0; i < w->count; i++) {
        struct db_rows rows;
        size_t same = 0; /* a list of orders has one household many times */
        while (same < i && w->ids[same] != w->ids[i]) same++;
        w->rows[i] = (struct household_row){0};
        if (same < i) continue;
        struct err e = DB_QUERY(tx, w->arena, &rows, &household_by_id, DB_INT("org_id", w->org_id), DB_INT("id", w->ids[i]));
        if (e.kind) return e;
        if (rows.count) household_row_take(&rows, 0, &w->rows[i]);
    }
    return ERR_OK;
}

struct err account_household_names(struct account *a, struct arena *arena, int64_t org_id, const int64_t *ids, size_t count, struct account_named *out) {
    struct names_work w = {arena, org_id, ids, count, arena_alloc_array(arena, count + 1, sizeof *w.rows)};
    if (!w.rows) return err_memory();
    struct err e = db_read(a->db, names_fn, &w);
    for (size_t i = 0; !e.kind && i < count; i++) {
        struct account_household household;
        size_t same = 0;
        while (same < i && ids[same] != ids[i]) same++;
        out[i] = same < i ? out[same] : (struct account_named){0};
        if (same < i || !w.rows[i].id) continue;
        e = household_open(a, arena, &w.rows[i], &household);
        if (!e.kind) out[i] = (struct account_named){household.public_id, household.name};
        else if (e.kind == ERR_NOT_FOUND) e = ERR_OK; /* erased in this moment */
    }
    return e;
}

struct err account_household_set_streams(struct account *a, int64_t org_id, struct slice public_id, int streams_max) {
    if (streams_max < 1 || streams_max > STREAMS_MAX) return err_make(ERR_INPUT, "household.streams", "A household watches on 1 to 20 screens at once.");
    struct household_row row;
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    struct err e = arena ? household_by_public_id(a, arena, org_id, public_id, &row) : err_memory();
    struct household_work w = {.a = a, .org_id = org_id, .streams_max = streams_max};
    if (!e.kind) {
        w.id = row.id;
        e = db_write(a->db, household_change_fn, &w);
    }
    if (!e.kind) changes_tell(a, org_id, NULL, 0, w.id);
    arena_destroy(&arena);
    return e;
}

/* --- households of example data --- */

enum { HOUSEHOLDS_MAKE_MAX = 1000, KEYS_AT_ONCE = 16 };
struct households_work {
    int64_t org_id;
    const struct account_household_new *items;
    const int64_t *ids, *slots;
    const struct slice *boxes;
    const struct public_id *public_ids;
    size_t count;
};
static struct err households_fn(struct db_tx *tx, void *arg) {
    const struct households_work *w = arg;
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < w->count; i++)
        e = DB_RUN(tx, &household_insert, DB_INT("id", w->ids[i]), DB_INT("org_id", w->org_id), DB_TEXT("public_id", public_id_slice(&w->public_ids[i])), DB_INT("key_slot", w->slots[i]),
                   DB_BLOB("name_box", w->boxes[i]), DB_TEXT("country", slice_cstr(w->items[i].country)), DB_INT("streams_max", ACCOUNT_STREAMS_DEFAULT),
                   DB_INT("now_s", w->items[i].created_s));
    return e;
}

struct err account_households_make(struct account *a, int64_t org_id, const struct account_household_new *items, size_t count, const int64_t *ids) {
    if (!count || count > HOUSEHOLDS_MAKE_MAX) return err_make(ERR_INPUT, "household.many", "Between one and a thousand households are made at a time.");
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    if (!arena) return err_memory();
    int64_t *slots = arena_alloc_array(arena, count, sizeof *slots);
    struct slice *boxes = arena_alloc_array(arena, count, sizeof *boxes);
    struct public_id *public_ids = arena_alloc_array(arena, count, sizeof *public_ids);
    struct err e = slots && boxes && public_ids ? ERR_OK : err_memory();
    for (size_t i = 0; !e.kind && i < count; i += KEYS_AT_ONCE) e = keys_make(a->keys, ids + i, count - i < KEYS_AT_ONCE ? count - i : KEYS_AT_ONCE, slots + i);
    for (size_t i = 0; !e.kind && i < count; i++) {
        struct sealed s;
        public_ids[i] = public_id_random();
        e = sealed_of(a, ids[i], slots[i], &s);
        if (!e.kind) e = sealed_put(&s, arena, "household.name", items[i].name, &boxes[i]);
    }
    struct households_work w = {.org_id = org_id, .items = items, .ids = ids, .slots = slots, .boxes = boxes, .public_ids = public_ids, .count = count};
    if (!e.kind) e = db_write(a->db, households_fn, &w);
    arena_destroy(&arena);
    return e;
}
