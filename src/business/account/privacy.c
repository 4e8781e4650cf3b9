/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <string.h>

#include "base/log.h"
#include "business/account/room.h"

enum { TEXT_VERSION = 1, EXPORT_BYTES_MAX = 64 << 20 }; /* the words that people agree to today: consent.PURPOSE.v1 */

static const char *const purpose_names[] = {"news", "suggestions", "statistics"};

const char *account_purpose_name(uint32_t bit) {
    for (size_t i = 0; i < ARRAY_LEN(purpose_names); i++)
        if (bit == UINT32_C(1) << i) return purpose_names[i];
    return NULL;
}

struct consent_work {
    struct account *a;
    struct arena *arena;
    int64_t org_id, user_id, id, purpose, now_s;
    bool is_granted;
    struct db_rows rows;
};

/* --- consent --- */

static struct err consent_newest_fn(struct db_tx *tx, void *arg) {
    struct consent_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &consent_newest, DB_INT("org_id", w->org_id), DB_INT("user_id", w->user_id));
}

struct err account_consent_list(struct account *a, struct arena *arena, const struct account_who *who, struct account_consent_list *out) {
    struct consent_work w = {.a = a, .arena = arena, .org_id = who->org_id, .user_id = who->user_id};
    struct err e = who_check(who, false);
    if (!e.kind) e = db_read(a->db, consent_newest_fn, &w);
    if (e.kind) return e;
    struct account_consent *items = arena_alloc_array(arena, ARRAY_LEN(purpose_names), sizeof *items);
    if (!items) return err_memory();
    for (size_t p = 0; p < ARRAY_LEN(purpose_names); p++) {
        items[p] = (struct account_consent){.purpose = slice_cstr(purpose_names[p]), .text_version = TEXT_VERSION};
        for (size_t i = 0; i < w.rows.count; i++)
            if (db_int(&w.rows, i, "purpose") == INT64_C(1) << p)
                items[p] = (struct account_consent){.purpose = items[p].purpose, .text_version = (int)db_int(&w.rows, i, "text_version"),
                                                    .is_granted = db_int(&w.rows, i, "is_granted") != 0, .at = utc_from_seconds(db_int(&w.rows, i, "at_s"))};
    }
    *out = (struct account_consent_list){items, ARRAY_LEN(purpose_names)};
    return ERR_OK;
}

static struct err consent_set_fn(struct db_tx *tx, void *arg) {
    struct consent_work *w = arg;
    struct err e = DB_RUN(tx, &consent_insert, DB_INT("id", w->id), DB_INT("org_id", w->org_id), DB_INT("user_id", w->user_id), DB_INT("purpose", w->purpose),
                          DB_BOOL("is_granted", w->is_granted), DB_INT("text_version", TEXT_VERSION), DB_INT("now_s", w->now_s));
    return e.kind ? e : change_note(w->a, tx, w->org_id, w->user_id, 0);
}

struct err account_consent_set(struct account *a, const struct account_who *who, struct slice purpose, bool is_granted) {
    struct consent_work w = {.a = a, .org_id = who->org_id, .user_id = who->user_id, .id = id_next(a->ids), .is_granted = is_granted, .now_s = seconds_now(a)};
    struct err e = who_check(who, true);
    if (e.kind) return e;
    for (size_t p = 0; p < ARRAY_LEN(purpose_names); p++)
        if (slice_eq(purpose, slice_cstr(purpose_names[p]))) w.purpose = INT64_C(1) << p;
    if (!w.purpose) return err_make(ERR_INPUT, "consent.purpose", "The purposes are news, suggestions and statistics.");
    e = db_write(a->db, consent_set_fn, &w);
    if (!e.kind) changes_tell(a, who->org_id, &who->user_id, 1, 0);
    return e;
}

struct err account_consent_has(struct account *a, int64_t org_id, int64_t user_id, enum account_purpose purpose, bool *out) {
    struct consent_work w = {.a = a, .arena = arena_create(ARENA_BYTES_MAX), .org_id = org_id, .user_id = user_id};
    struct err e = w.arena ? db_read(a->db, consent_newest_fn, &w) : err_memory();
    bool has = false;
    for (size_t i = 0; !e.kind && i < w.rows.count; i++)
        if (db_int(&w.rows, i, "purpose") == purpose) has = db_int(&w.rows, i, "is_granted") != 0;
    if (!e.kind) *out = has;
    arena_destroy(&w.arena);
    return e;
}

/* --- holders --- */

struct err account_add_holder(struct account *a, const struct account_holder *holder) {
    if (a->holder_count >= HOLDERS_MAX) return err_make(ERR_LIMIT, "account.holders", "There are too many holders of personal data.");
    a->holders[a->holder_count++] = *holder;
    return ERR_OK;
}

static struct err subject_of(struct arena *arena, int64_t org_id, int64_t user_id, int64_t household_id, const struct profile_row *profiles, size_t count, struct account_subject *out) {
    int64_t *ids = arena_alloc_array(arena, count + 1, sizeof *ids);
    if (!ids) return err_memory();
    for (size_t i = 0; i < count; i++) ids[i] = profiles[i].id;
    *out = (struct account_subject){.org_id = org_id, .user_id = user_id, .household_id = household_id, .profile_ids = ids, .profile_count = count};
    return ERR_OK;
}

/* --- export --- */

struct export_work {
    struct account *a;
    struct arena *arena;
    struct account_subject subject;
    struct db_rows consents;
    struct buf *out;
    struct json_writer w;
    size_t mark;
};

static void put_time(struct json_writer *w, const char *name, struct utc_time at) {
    struct utc_text text = utc_text_of(at, 0);
    json_put_cstr(w, name, at.ns ? text.text : NULL);
}

/* May run again: it begins where the members that were written before end. */
static struct err export_fn(struct db_tx *tx, void *arg) {
    struct export_work *x = arg;
    struct json_writer w = x->w; /* a copy: the one outside is as it was */
    x->out->len = x->mark;
    struct err e = DB_QUERY(tx, x->arena, &x->consents, &consent_all, DB_INT("org_id", x->subject.org_id), DB_INT("user_id", x->subject.user_id));
    json_key(&w, "consents");
    json_begin_array(&w);
    for (size_t i = 0; !e.kind && i < x->consents.count; i++) {
        json_begin_object(&w);
        json_put_cstr(&w, "purpose", account_purpose_name((uint32_t)db_int(&x->consents, i, "purpose")));
        json_put_bool(&w, "is_granted", db_int(&x->consents, i, "is_granted") != 0);
        json_put_number(&w, "text_version", db_int(&x->consents, i, "text_version"));
        put_time(&w, "at", utc_from_seconds(db_int(&x->consents, i, "at_s")));
        json_end(&w);
    }
    json_end(&w);
    for (size_t i = 0; !e.kind && i < x->a->holder_count; i++) {
        const struct account_holder *h = &x->a->holders[i];
        if (!h->write) continue;
        json_key(&w, h->name);
        e = h->write(h->user, tx, x->arena, &x->subject, &w);
    }
    if (!e.kind) x->w = w;
    return e;
}

static void put_profiles(struct json_writer *w, const struct account_me *me) {
    json_key(w, "profiles");
    json_begin_array(w);
    for (size_t i = 0; i < me->profile_count; i++) {
        const struct account_profile *p = &me->profiles[i];
        json_begin_object(w);
        json_put_string(w, "id", public_id_slice(&p->public_id));
        json_put_string(w, "name", p->name);
        json_put_cstr(w, "picture", p->picture);
        if (p->birth_year) json_put_number(w, "birth_year", p->birth_year);
        json_put_number(w, "age_max", p->age_max);
        json_put_bool(w, "has_pin", p->has_pin);
        json_end(w);
    }
    json_end(w);
}

static struct err export_in(struct account *a, struct arena *arena, const struct account_who *who, struct buf *out) {
    struct account_me me;
    struct account_session_list sessions;
    struct mail_list mails;
    struct household_row household;
    struct profile_row *profiles;
    size_t count;
    struct err e = account_me_read(a, arena, who, &me);
    if (!e.kind) e = account_session_list(a, arena, who, &sessions);
    if (!e.kind) e = mail_about(a->mail, arena, who->org_id, who->user_id, &mails);
    if (!e.kind) e = household_read(a, arena, who->org_id, me.household.id, &household, &profiles, &count);
    struct export_work x = {.a = a, .arena = arena, .out = out, .w = json_writer_of(out)};
    if (!e.kind) e = subject_of(arena, who->org_id, who->user_id, me.household.id, profiles, count, &x.subject);
    if (e.kind) return e;
    struct json_writer *w = &x.w;
    json_begin_object(w);
    put_time(w, "made_at", clock_utc(a->clock));
    json_key(w, "user");
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(&me.user.public_id));
    json_put_string(w, "name", me.user.name);
    json_put_string(w, "email", me.user.email);
    json_put_string(w, "lang", me.user.lang);
    if (me.user.zone.len) json_put_string(w, "zone", me.user.zone);
    json_put_bool(w, "has_totp", me.user.has_totp);
    put_time(w, "created_at", me.user.created_at);
    json_key(w, "roles");
    json_begin_array(w);
    for (uint32_t bit = 1; bit <= ACCOUNT_ROLES_ALL; bit <<= 1)
        if (me.user.roles & bit) json_add_cstr(w, account_role_name(bit));
    json_end(w);
    json_end(w);
    json_key(w, "household");
    json_begin_object(w);
    json_put_string(w, "id", public_id_slice(&me.household.public_id));
    json_put_string(w, "name", me.household.name);
    json_put_cstr(w, "country", me.household.country);
    json_put_number(w, "streams_max", me.household.streams_max);
    put_time(w, "created_at", me.household.created_at);
    put_profiles(w, &me);
    json_end(w);
    json_key(w, "sessions");
    json_begin_array(w);
    for (size_t i = 0; i < sessions.count; i++) {
        json_begin_object(w);
        json_put_string(w, "agent", sessions.items[i].agent);
        json_put_string(w, "address", sessions.items[i].address);
        put_time(w, "created_at", sessions.items[i].created_at);
        put_time(w, "seen_at", sessions.items[i].seen_at);
        json_end(w);
    }
    json_end(w);
    json_key(w, "mails");
    json_begin_array(w);
    for (size_t i = 0; i < mails.count; i++) {
        json_begin_object(w);
        json_put_string(w, "to", mails.items[i].to);
        json_put_string(w, "subject", mails.items[i].subject);
        put_time(w, "created_at", mails.items[i].created_at);
        json_end(w); /* not the text: it may hold a code */
    }
    json_end(w);
    x.mark = out->len;
    e = db_read(a->db, export_fn, &x);
    if (e.kind) return e;
    json_end(w);
    return buf_error(out);
}

struct err account_export(struct account *a, struct arena *arena, const struct account_who *who, struct buf *out) {
    struct err e = who_check(who, true); /* it is all about everybody in the household: not for its children */
    if (e.kind) return e;
    struct buf text = BUF(out->bytes_max && out->bytes_max < EXPORT_BYTES_MAX ? out->bytes_max : EXPORT_BYTES_MAX);
    e = export_in(a, arena, who, &text);
    if (!e.kind) {
        buf_append(out, buf_slice(&text));
        e = buf_error(out);
    }
    buf_free(&text);
    return e;
}

/* --- erasing --- */

struct erase_work {
    struct account *a;
    struct arena *arena;
    int64_t org_id, user_id, now_s, changed, others, slot, household_slot;
    struct account_subject subject;
    struct db_rows rows, due;
};

/* Step 1. The last operator of an organisation may go, too: `grandstand operator-link` lets another in. */
static struct err erasing_fn(struct db_tx *tx, void *arg) {
    struct erase_work *w = arg;
    int64_t orphan_id; /* a household that needs another owner */
    w->changed = 0;
    struct err e = owner_goes_in(w->a, tx, w->arena, w->org_id, w->user_id, &orphan_id);
    if (!e.kind) e = DB_CHANGE(tx, &w->changed, &user_erasing, DB_INT("org_id", w->org_id), DB_INT("id", w->user_id), DB_INT("now_s", w->now_s));
    if (!e.kind) e = DB_RUN(tx, &user_session_end_others, DB_INT("org_id", w->org_id), DB_INT("user_id", w->user_id), DB_INT("but_id", 0));
    if (!e.kind) e = DB_RUN(tx, &code_end_user_all, DB_INT("org_id", w->org_id), DB_INT("user_id", w->user_id));
    if (!e.kind) e = change_note(w->a, tx, w->org_id, w->user_id, 0);
    return e.kind ? e : heir_tell_in(w->a, tx, w->arena, w->org_id, orphan_id);
}

/* Who is to be forgotten, and who still lives with him. */
static struct err erase_look_fn(struct db_tx *tx, void *arg) {
    struct erase_work *w = arg;
    return w->user_id ? DB_QUERY(tx, w->arena, &w->due, &user_erase_one, DB_INT("id", w->user_id)) : DB_QUERY(tx, w->arena, &w->due, &user_erase_due);
}
static struct err erase_home_fn(struct db_tx *tx, void *arg) {
    struct erase_work *w = arg;
    w->others = DB_GET_INT(tx, 0, &user_living_with, DB_INT("household_id", w->subject.household_id));
    w->household_slot = DB_GET_INT(tx, 0, &household_key, DB_INT("id", w->subject.household_id));
    return DB_QUERY(tx, w->arena, &w->rows, &profile_of_household, DB_INT("org_id", w->org_id), DB_INT("household_id", w->subject.household_id));
}

static struct err holders_erase(struct account *a, struct db_tx *tx, const struct account_subject *subject) {
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < a->holder_count; i++) {
        const struct account_holder *h = &a->holders[i];
        if (h->erase) e = h->erase(h->user, tx, subject);
    }
    return e;
}

static struct err household_empty(struct db_tx *tx, int64_t household_id, int64_t now_s) {
    struct err e = DB_RUN(tx, &profile_delete_all, DB_INT("household_id", household_id));
    return e.kind ? e : DB_RUN(tx, &household_erase, DB_INT("id", household_id), DB_INT("now_s", now_s));
}

struct err household_forget_in(struct account *a, struct db_tx *tx, const struct account_subject *subject, int64_t now_s) {
    struct err e = holders_erase(a, tx, subject);
    return e.kind ? e : household_empty(tx, subject->household_id, now_s);
}

/* Step 3. */
static struct err erase_fn(struct db_tx *tx, void *arg) {
    struct erase_work *w = arg;
    struct err e = holders_erase(w->a, tx, &w->subject);
    if (!e.kind) e = mail_forget(w->a->mail, tx, w->org_id, w->user_id);
    if (!e.kind) e = DB_RUN(tx, &recovery_clear, DB_INT("user_id", w->user_id));
    if (!e.kind) e = DB_RUN(tx, &user_erase, DB_INT("id", w->user_id), DB_INT("now_s", w->now_s));
    if (!e.kind && w->subject.is_whole_household) e = household_empty(tx, w->subject.household_id, w->now_s);
    else if (!e.kind) e = DB_RUN(tx, &profile_delete_of, DB_INT("household_id", w->subject.household_id), DB_INT("user_id", w->user_id));
    return e.kind ? e : change_note(w->a, tx, w->org_id, w->subject.household_id, w->subject.household_id);
}

/* Steps 2 and 3 of one user whose erasing stands in the store. Whatever was done of them before is done again to no effect. */
static struct err erase_go_on(struct account *a, struct erase_work *w, size_t row) {
    w->user_id = db_int(&w->due, row, "id");
    w->org_id = db_int(&w->due, row, "org_id");
    w->slot = db_int(&w->due, row, "key_slot");
    w->subject = (struct account_subject){.household_id = db_int(&w->due, row, "household_id")};
    struct err e = db_read(a->db, erase_home_fn, w);
    size_t count = e.kind ? 0 : w->rows.count;
    struct profile_row *profiles = arena_alloc_array(w->arena, count + 1, sizeof *profiles);
    if (!profiles) return err_memory();
    for (size_t i = 0; i < count; i++) profile_row_take(&w->rows, i, &profiles[i]);
    if (!e.kind) e = subject_of(w->arena, w->org_id, w->user_id, w->subject.household_id, profiles, count, &w->subject);
    w->subject.is_whole_household = w->others == 0;
    if (!e.kind) e = keys_destroy(a->keys, w->user_id, w->slot);
    for (size_t i = 0; !e.kind && i < count; i++)
        if (w->subject.is_whole_household || profiles[i].user_id == w->user_id) e = keys_destroy(a->keys, profiles[i].id, profiles[i].key_slot);
    if (!e.kind && w->subject.is_whole_household) e = keys_destroy(a->keys, w->subject.household_id, w->household_slot);
    if (!e.kind) e = db_write(a->db, erase_fn, w);
    if (!e.kind) changes_tell(a, w->org_id, &w->user_id, 1, w->subject.household_id);
    return e;
}

/* user_id 0: of all. What stops one (a key that cannot be destroyed) stops nobody else. */
static struct err erasing_run(struct account *a, int64_t user_id) {
    struct erase_work w = {.a = a, .arena = arena_create(ARENA_BYTES_MAX), .user_id = user_id, .now_s = seconds_now(a)};
    struct err e = w.arena ? db_read(a->db, erase_look_fn, &w) : err_memory();
    for (size_t i = 0; !(e.kind && user_id) && i < w.due.count; i++) {
        struct err one = erase_go_on(a, &w, i);
        if (one.kind) log_error("account", "not_erased", LOG_INT("user", db_int(&w.due, i, "id")), LOG_ERR(one));
        if (one.kind) e = one;
    }
    arena_destroy(&w.arena);
    return e;
}

struct err erasing_go_on(struct account *a) { return erasing_run(a, 0); }

struct err erasing_begin(struct account *a, int64_t org_id, int64_t user_id, bool *is_done) {
    struct erase_work w = {.a = a, .arena = arena_create(ARENA_BYTES_MAX), .org_id = org_id, .user_id = user_id, .now_s = seconds_now(a)};
    struct err e = w.arena ? db_write(a->db, erasing_fn, &w) : err_memory();
    arena_destroy(&w.arena);
    if (e.kind) return e;
    mail_wake(a->mail);
    changes_tell(a, org_id, &user_id, 1, 0);
    *is_done = !erasing_run(a, user_id).kind;
    return ERR_OK;
}

struct err account_erase(struct account *a, const struct account_who *who, struct slice password) {
    struct user_row user;
    struct err e = who_check(who, true);
    if (e.kind) return e;
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    e = arena ? user_read(a, arena, who->org_id, who->user_id, &user) : err_memory();
    if (!e.kind && !user.has) e = DENIED("session.required", "This needs somebody who is signed in. Sign in, or open the operator's link (`grandstand operator-link`).");
    if (!e.kind) e = own_password_check(a, who, &user, password);
    arena_destroy(&arena);
    bool is_done = false;
    if (!e.kind) e = erasing_begin(a, who->org_id, who->user_id, &is_done);
    /* Neither done nor undone: he is told what has happened, and that he need not ask again, which he could not. */
    if (!e.kind && !is_done)
        e = err_make(ERR_LIMIT, "me.erasing", "The account is closed for good. Not everything could be erased at once; the server goes on with it by itself until it is done.");
    return e;
}
