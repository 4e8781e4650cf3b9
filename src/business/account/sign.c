/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "business/account/room.h"
#include "business/account/totp.h"
#include "text/text.h"

enum { BOX_BYTES_MAX = 8192 };

static const struct limit_rule wrong_by_peer = {.kind = 2, .burst = 20, .refill_s = 15}, wrong_by_account = {.kind = 3, .burst = 10, .refill_s = 60},
                               wrong_by_device = {.kind = 4, .burst = 10, .refill_s = 60}, mails_by_peer = {.kind = 5, .burst = 10, .refill_s = 360},
                               mails_by_address = {.kind = 6, .burst = 3, .refill_s = 1200}, mails_by_org = {.kind = 7, .burst = 300, .refill_s = 1},
                               totp_by_account = {.kind = 8, .burst = 10, .refill_s = 60};

static struct err wrong_email(void) { return err_make(ERR_INPUT, "account.email", "This is not an e-mail address."); }
static struct err wrong_name(void) { return err_make(ERR_INPUT, "account.name", "A name has 1 to 60 characters that can be shown."); }

static struct err memory_unless(bool has) { return has ? ERR_OK : err_memory(); }

/* --- codes --- */

struct code_work {
    struct arena *arena;
    int64_t org_id, now_s;
    uint8_t hash[HASH_BYTES];
    struct db_rows rows;
};
static struct err code_find_fn(struct db_tx *tx, void *arg) {
    struct code_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &code_find, DB_INT("org_id", w->org_id), DB_BLOB("hash", hash_slice(w->hash)), DB_INT("now_s", w->now_s));
}

static struct err wrong_code(void) { return DENIED("code.wrong", "This code has been used, is too old, or was never valid. Ask for a new mail."); }

struct err code_read(struct account *a, struct arena *arena, int64_t org_id, struct slice code, unsigned kinds, struct slice peer, struct code_row *out) {
    struct code_work w = {.arena = arena, .org_id = org_id, .now_s = seconds_now(a)};
    struct err e = code_try(a, peer);
    if (e.kind) return e;
    secret_hash(code, w.hash);
    if (code.len == ACCOUNT_SECRET_LEN) e = db_read(a->db, code_find_fn, &w);
    if (e.kind) code_was_right(a, peer); /* or nobody knows */
    if (e.kind) return e;
    if (!w.rows.count || !(kinds >> db_int(&w.rows, 0, "kind") & 1)) return wrong_code();
    code_was_right(a, peer);
    *out = (struct code_row){.id = db_int(&w.rows, 0, "id"), .user_id = db_int(&w.rows, 0, "user_id"), .household_id = db_int(&w.rows, 0, "household_id"), .kind = (enum code_kind)db_int(&w.rows, 0, "kind"),
                             .email_index = db_blob(&w.rows, 0, "email_index"), .box = db_blob(&w.rows, 0, "box"), .roles = (uint32_t)db_int(&w.rows, 0, "roles")};
    return public_id_parse(db_text(&w.rows, 0, "public_id"), &out->public_id) ? ERR_OK : wrong_code();
}

void code_prepare(struct account *a, int64_t org_id, enum code_kind kind, int64_t lives_s, struct code_new *out) {
    *out = (struct code_new){.kind = kind, .id = id_next(a->ids), .org_id = org_id, .now_s = seconds_now(a), .public_id = public_id_random(), .secret = secret_make()};
    out->expires_s = out->now_s + lives_s;
    secret_hash(slice_of(out->secret.text, ACCOUNT_SECRET_LEN), out->hash);
}

struct err code_insert_in(struct db_tx *tx, const struct code_new *n) {
    struct slice index = n->has_email ? hash_slice(n->email_index) : SLICE_NONE;
    return DB_RUN(tx, &code_insert, DB_INT("id", n->id), DB_INT("org_id", n->org_id), DB_TEXT("public_id", public_id_slice(&n->public_id)), DB_INT("kind", n->kind),
                  DB_BLOB("hash", hash_slice(n->hash)), DB_INT_IF("user_id", n->user_id != 0, n->user_id), DB_INT_IF("household_id", n->household_id != 0, n->household_id),
                  DB_BLOB_OR_NULL("email_index", index), DB_BLOB_OR_NULL("box", n->box),
                  DB_INT("roles", n->roles), DB_INT("now_s", n->now_s), DB_INT("expires_s", n->expires_s));
}

/* --- signing up --- */

/* What waits in a sign-up's row, sealed by its code. */
static struct err waiting_seal(struct arena *arena, const struct account_secret *code, const struct account_sign_up *s, struct slice password, struct slice *box) {
    struct buf json = BUF(BOX_BYTES_MAX);
    struct json_writer w = json_writer_of(&json);
    struct sealed key;
    json_begin_object(&w);
    json_put_string(&w, "email", s->email);
    json_put_string(&w, "name", s->name);
    json_put_string(&w, "country", s->country);
    json_put_string(&w, "lang", s->lang);
    json_put_string(&w, "password", password);
    json_end(&w);
    code_key(slice_of(code->text, ACCOUNT_SECRET_LEN), &key);
    struct err e = buf_error(&json);
    if (!e.kind) e = sealed_put(&key, arena, "code.sign_up", buf_slice(&json), box);
    buf_free(&json);
    return e;
}

static struct err waiting_open(struct arena *arena, struct slice code, struct slice box, struct account_sign_up *s, struct slice *password) {
    struct sealed key;
    struct slice text;
    json_t *json = NULL;
    code_key(code, &key);
    struct err e = sealed_get(&key, arena, "code.sign_up", box, &text);
    if (!e.kind) e = json_parse(text, BOX_BYTES_MAX, &json);
    if (e.kind) return e;
    *s = (struct account_sign_up){.email = arena_copy(arena, json_get_string(json, "email")), .name = arena_copy(arena, json_get_string(json, "name")),
                                  .country = arena_copy(arena, json_get_string(json, "country")), .lang = arena_copy(arena, json_get_string(json, "lang"))};
    *password = arena_copy(arena, json_get_string(json, "password"));
    json_decref(json);
    return memory_unless(s->email.ptr && s->name.ptr && s->country.ptr && s->lang.ptr && password->ptr);
}

struct sign_up_work {
    struct account *a;
    struct arena *arena;
    struct code_new code;
    bool has_code;
    struct mail_new mail;
};
static struct err sign_up_fn(struct db_tx *tx, void *arg) {
    struct sign_up_work *w = arg;
    struct err e = w->has_code ? code_insert_in(tx, &w->code) : ERR_OK;
    return e.kind ? e : mail_add(w->a->mail, tx, &w->mail);
}

struct err mail_allow(struct account *a, int64_t org_id, struct slice email, struct slice peer, bool *is_silent) {
    char name[64];
    uint8_t index[HASH_BYTES];
    struct mono_time now = mono_now(a);
    email_index(a, org_id, email, index);
    if (!limit_take(a->limits, &mails_by_peer, peer_name(peer, name), now) || !limit_take(a->limits, &mails_by_org, slice_of(&org_id, sizeof org_id), now))
        return err_make(ERR_LIMIT, "sign_up.many", "Too many mails were asked for. Try again later.");
    *is_silent = !limit_take(a->limits, &mails_by_address, hash_slice(index), now);
    return ERR_OK;
}

void mail_allow_undo(struct account *a, int64_t org_id, struct slice email, struct slice peer) {
    char name[64];
    uint8_t index[HASH_BYTES];
    struct mono_time now = mono_now(a);
    email_index(a, org_id, email, index);
    limit_give(a->limits, &mails_by_peer, peer_name(peer, name), now);
    limit_give(a->limits, &mails_by_org, slice_of(&org_id, sizeof org_id), now);
    limit_give(a->limits, &mails_by_address, hash_slice(index), now);
}

static struct err sign_up_in(struct account *a, struct arena *arena, int64_t org_id, const struct account_sign_up *s, const struct account_from *from, bool is_silent) {
    struct sign_up_work w = {.a = a, .arena = arena};
    struct user_row user;
    char hash[PASSWORD_HASH_MAX];
    struct err e = password_hash(a->passwords, s->password, hash); /* also for those who have an account: the time tells nothing */
    if (!e.kind) e = user_read_by_email(a, arena, org_id, s->email, &user);
    if (e.kind || is_silent) return e;
    struct letter letter = {.lang = s->lang, .to = s->email, .email = s->email, .org_id = org_id, .code = user.has ? "mail.known" : "mail.confirm", .about_id = user.id, .name = s->name};
    code_prepare(a, org_id, CODE_CONFIRM, ACCOUNT_CODE_S, &w.code);
    w.has_code = !user.has;
    w.code.has_email = true;
    email_index(a, org_id, s->email, w.code.email_index);
    if (!user.has) letter.about_id = about_address(w.code.email_index);
    e = waiting_seal(arena, &w.code.secret, s, slice_cstr(hash), &w.code.box);
    if (user.has) {
        struct account_user known;
        if (!e.kind) e = user_open(a, arena, &user, &known);
        if (!e.kind) letter.name = known.name, letter.lang = known.lang; /* nothing of what a stranger typed */
        if (!e.kind) e = letter_link(a, arena, org_id, from, "/sign-in", NULL, &letter.link);
    } else if (!e.kind) {
        e = letter_link(a, arena, org_id, from, "/confirm", &w.code.secret, &letter.link);
    }
    if (!e.kind) e = letter_prepare(a, arena, &letter, &w.mail);
    if (!e.kind) e = db_write(a->db, sign_up_fn, &w);
    if (!e.kind) mail_wake(a->mail);
    sodium_memzero(hash, sizeof hash);
    return e;
}

struct err account_sign_up(struct account *a, int64_t org_id, const struct account_sign_up *given, const struct account_from *from) {
    struct account_sign_up s = *given;
    char email[MAIL_ADDRESS_MAX + 1];
    size_t len;
    if (!mail_address(given->email, email, &len)) return wrong_email();
    s.email = slice_of(email, len);
    if (!account_name(given->name, ACCOUNT_PERSON_NAME_MAX, &s.name)) return wrong_name();
    struct err e = password_check(s.password, s.email, s.name);
    if (e.kind) return e;
    if (!account_country(s.country)) return err_make(ERR_INPUT, "account.country", "A country is two large letters of ISO 3166-1, such as DE or TH.");
    if (!s.lang.len) s.lang = text_language_of(from->lang);
    if (!text_language_is_known(s.lang)) return err_make(ERR_INPUT, "account.lang", "The languages are en, de, zh and th.");
    bool is_silent;
    e = mail_allow(a, org_id, s.email, from->peer, &is_silent);
    if (e.kind) return e;
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    e = arena ? sign_up_in(a, arena, org_id, &s, from, is_silent) : err_memory();
    arena_destroy(&arena);
    if (e.kind && !is_silent) mail_allow_undo(a, org_id, s.email, from->peer);
    return e;
}

/* --- confirming --- */

struct confirm_work {
    struct account *a;
    struct code_row code;
    struct newcomer newcomer;
    struct session_new session;
    int64_t user_id, taken, used;
    struct slice email_box;
    uint8_t email_index[HASH_BYTES];
};

static struct err confirm_new_fn(struct db_tx *tx, void *arg) {
    struct confirm_work *w = arg;
    w->used = 0;
    struct err e = DB_CHANGE(tx, &w->used, &code_use, DB_INT("org_id", w->newcomer.org_id), DB_INT("id", w->code.id));
    if (e.kind) return e;
    w->taken = DB_GET_INT(tx, 0, &user_has_email, DB_INT("org_id", w->newcomer.org_id), DB_BLOB("email_index", hash_slice(w->newcomer.email_index)));
    if (!w->used || w->taken) return wrong_code();
    bool has_profile;
    e = newcomer_insert(w->a, tx, &w->newcomer, &has_profile);
    return e.kind ? e : session_insert_in(w->a, tx, &w->session);
}

static struct err confirm_new(struct account *a, struct arena *arena, int64_t org_id, struct slice code, struct confirm_work *w, const struct account_from *from) {
    struct account_sign_up s;
    struct slice password;
    struct newcomer *n = &w->newcomer;
    struct err e = waiting_open(arena, code, w->code.box, &s, &password);
    if (!e.kind) e = newcomer_make(a, arena, org_id, 0, s.email, s.name, s.country, s.lang, password, 0, n);
    if (!e.kind) e = session_prepare(a, arena, org_id, n->user_id, n->slots[0], n->household_id, 0, n->profile_id, from, &w->session);
    if (!e.kind) e = db_write(a->db, confirm_new_fn, w);
    return e;
}

static struct err confirm_email_fn(struct db_tx *tx, void *arg) {
    struct confirm_work *w = arg;
    int64_t org_id = w->session.entry.who.org_id;
    w->used = 0;
    struct err e = DB_CHANGE(tx, &w->used, &code_use, DB_INT("org_id", org_id), DB_INT("id", w->code.id));
    if (e.kind) return e;
    w->taken = DB_GET_INT(tx, 0, &user_has_email, DB_INT("org_id", org_id), DB_BLOB("email_index", hash_slice(w->email_index)));
    if (!w->used || w->taken) return wrong_code();
    e = DB_RUN(tx, &user_set_email, DB_INT("org_id", org_id), DB_INT("id", w->user_id), DB_BLOB("email_index", hash_slice(w->email_index)), DB_BLOB("box", w->email_box));
    if (!e.kind) e = DB_RUN(tx, &code_end_user, DB_INT("org_id", org_id), DB_INT("kind", CODE_RESET), DB_INT("user_id", w->user_id)); /* they went to the old address */
    return e.kind ? e : session_insert_in(w->a, tx, &w->session);
}

/* Only for whoever is signed in as that user: an address with a typing error belongs to somebody, too. */
static struct err confirm_email(struct account *a, struct arena *arena, int64_t org_id, struct slice code, struct confirm_work *w, const struct account_from *from) {
    struct sealed key, own;
    struct slice email;
    struct user_row user;
    struct account_who who;
    struct err e = account_session_find(a, org_id, from->session, &who);
    if (!e.kind && who.user_id != w->code.user_id) e = DENIED("session.required", "Sign in to the account whose address changes, then open the link again.");
    if (e.kind) return e;
    code_key(code, &key);
    e = sealed_get(&key, arena, "code.email", w->code.box, &email);
    if (!e.kind) e = user_read(a, arena, org_id, w->code.user_id, &user);
    if (!e.kind && !user.has) e = wrong_code();
    if (!e.kind) e = sealed_of(a, user.id, user.key_slot, &own);
    if (!e.kind) e = sealed_put(&own, arena, "user.email", email, &w->email_box);
    if (!e.kind) e = session_prepare(a, arena, org_id, user.id, user.key_slot, user.household_id, user.roles, who.profile_id, from, &w->session);
    if (e.kind) return e;
    w->user_id = user.id;
    email_index(a, org_id, email, w->email_index);
    return db_write(a->db, confirm_email_fn, w);
}

struct err account_confirm(struct account *a, int64_t org_id, struct slice code, const struct account_from *from, struct account_entry *out) {
    struct confirm_work w = {.a = a};
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    struct err e = arena ? code_read(a, arena, org_id, code, 1u << CODE_CONFIRM | 1u << CODE_EMAIL, from->peer, &w.code) : err_memory();
    if (!e.kind) e = w.code.kind == CODE_CONFIRM ? confirm_new(a, arena, org_id, code, &w, from) : confirm_email(a, arena, org_id, code, &w, from);
    arena_destroy(&arena);
    if (e.kind) return e;
    session_told(a, &w.session);
    *out = w.session.entry;
    return ERR_OK;
}

/* --- signing in --- */

struct measure_of {
    const struct limit_rule *rule;
    struct slice name;
};

/* One try of the address, and one of the account as this browser has it. Given back when it was right. */
static struct err try_take(struct account *a, struct measure_of m[2]) {
    struct mono_time now = mono_now(a);
    static const struct err many = {.kind = ERR_LIMIT, .code = "sign_in.many", .what = "There were too many wrong tries. Wait a little, or ask for a new password by mail."};
    if (!limit_take(a->limits, m[0].rule, m[0].name, now)) return many;
    if (limit_take(a->limits, m[1].rule, m[1].name, now)) return ERR_OK;
    limit_give(a->limits, m[0].rule, m[0].name, now); /* he was not even asked */
    return many;
}
static void try_give(struct account *a, const struct measure_of m[2]) {
    for (int i = 0; i < 2; i++) limit_give(a->limits, m[i].rule, m[i].name, mono_now(a));
}

static struct err wrong_factor(void) { return DENIED("sign_in.code", "This account asks for a code as well: six digits from the authenticator, or a recovery code."); }

/* With its hyphen or without, in large or small letters. */
static void recovery_hash(struct slice code, uint8_t out[HASH_BYTES]) {
    char plain[ACCOUNT_RECOVERY_LEN];
    size_t n = 0;
    for (size_t i = 0; i < code.len && n < sizeof plain; i++)
        if (code.ptr[i] != '-') plain[n++] = code.ptr[i] >= 'A' && code.ptr[i] <= 'Z' ? (char)(code.ptr[i] - 'A' + 'a') : code.ptr[i];
    secret_hash(slice_of(plain, n), out);
}

static struct err factor_find(struct account *a, struct arena *arena, const struct user_row *user, struct slice code, struct second_factor *out) {
    struct slice secret;
    struct sealed own;
    struct err e = sealed_of(a, user->id, user->key_slot, &own);
    if (!e.kind) e = sealed_get(&own, arena, "user.totp", user->totp_box, &secret);
    if (e.kind) return e;
    if (secret.len != TOTP_SECRET_BYTES) return err_make(ERR_BUG, "totp.secret", "A second factor is not of the expected form.");
    bool is_recovery = code.len == ACCOUNT_RECOVERY_LEN || code.len == ACCOUNT_RECOVERY_LEN - 1;
    if (is_recovery) recovery_hash(code, out->hash);
    else if (!totp_check((const uint8_t *)secret.ptr, code, seconds_now(a), user->totp_step, &out->step)) return wrong_factor();
    return ERR_OK;
}

struct err second_factor_check(struct account *a, struct arena *arena, int64_t org_id, const struct user_row *user, struct slice code, struct second_factor *out) {
    struct second_factor f = {.org_id = org_id, .user_id = user->id, .state = user->totp_state};
    struct slice trimmed = slice_trim(code);
    if (!trimmed.len) return wrong_factor();
    if (!limit_take(a->limits, &totp_by_account, slice_of(&user->id, sizeof user->id), mono_now(a)))
        return err_make(ERR_LIMIT, "sign_in.many", "There were too many wrong tries. Wait a little, or ask for a new password by mail.");
    struct err e = factor_find(a, arena, user, trimmed, &f);
    if (e.kind) second_factor_told(a, &f, e);
    else *out = f;
    return e;
}

struct err second_factor_use_in(struct db_tx *tx, const struct second_factor *f) {
    int64_t changed = 0;
    if (!f->user_id) return ERR_OK;
    struct err e = f->step ? DB_CHANGE(tx, &changed, &user_use_totp, DB_INT("org_id", f->org_id), DB_INT("id", f->user_id), DB_INT("step", f->step), DB_INT("state", f->state))
                           : DB_CHANGE(tx, &changed, &recovery_use, DB_INT("org_id", f->org_id), DB_INT("user_id", f->user_id), DB_BLOB("hash", hash_slice(f->hash)));
    if (e.kind) return e;
    return changed ? ERR_OK : wrong_factor(); /* only one of two that come at once changes the row */
}

void second_factor_told(struct account *a, const struct second_factor *f, struct err e) {
    bool was_wrong = e.kind && !strcmp(e.code, "sign_in.code");
    if (f->user_id && !was_wrong) limit_give(a->limits, &totp_by_account, slice_of(&f->user_id, sizeof f->user_id), mono_now(a));
}

struct err own_password_check(struct account *a, const struct account_who *who, const struct user_row *user, struct slice password) {
    bool is_right, is_weak;
    const struct limit_rule *rule = &wrong_by_device;
    if (!limit_take(a->limits, rule, slice_of(&who->user_id, sizeof who->user_id), mono_now(a)))
        return err_make(ERR_LIMIT, "sign_in.many", "There were too many wrong tries. Wait a little, or ask for a new password by mail.");
    struct err e = password_verify(a->passwords, user->password, password, &is_right, &is_weak);
    if (e.kind || is_right) limit_give(a->limits, rule, slice_of(&who->user_id, sizeof who->user_id), mono_now(a));
    if (e.kind) return e;
    return is_right ? ERR_OK : DENIED("me.password", "This is not your password.");
}

struct sign_in_work {
    struct account *a;
    struct second_factor factor;
    struct session_new session;
    const char *password; /* hashed anew; NULL: as it is */
};
static struct err sign_in_fn(struct db_tx *tx, void *arg) {
    struct sign_in_work *w = arg;
    const struct account_who *who = &w->session.entry.who;
    struct err e = second_factor_use_in(tx, &w->factor);
    if (!e.kind && w->password) e = DB_RUN(tx, &user_set_password, DB_INT("org_id", who->org_id), DB_INT("id", who->user_id), DB_CSTR("password", w->password));
    return e.kind ? e : session_insert_in(w->a, tx, &w->session);
}

static struct err sign_in_in(struct account *a, struct arena *arena, int64_t org_id, struct slice email, struct slice password, struct slice code, const struct account_from *from,
                             struct account_entry *out) {
    struct sign_in_work w = {.a = a};
    struct user_row user;
    char peer[64], anew[PASSWORD_HASH_MAX], device[64];
    uint8_t index[HASH_BYTES];
    bool is_right, is_weak;
    struct err e = user_read_by_email(a, arena, org_id, email, &user);
    if (e.kind) return e;
    email_index(a, org_id, email, index);
    struct measure_of measures[2] = {{&wrong_by_peer, peer_name(from->peer, peer)}, {&wrong_by_account, hash_slice(index)}};
    if (user.has && device_check(a, user.id, from->device)) {
        memcpy(device, from->device.ptr, ACCOUNT_SECRET_LEN);
        measures[1] = (struct measure_of){&wrong_by_device, slice_of(device, ACCOUNT_SECRET_LEN)};
    }
    e = try_take(a, measures);
    if (e.kind) {
        atomic_fetch_add(&a->sign_in_refusals, 1);
        return e;
    }
    e = password_verify(a->passwords, user.has ? user.password : SLICE_NONE, password, &is_right, &is_weak);
    if (e.kind) {
        try_give(a, measures); /* nothing was tried */
        return e;
    }
    if (!is_right) {
        atomic_fetch_add(&a->sign_in_refusals, 1);
        return DENIED("sign_in.wrong", "Address or password are not right.");
    }
    try_give(a, measures); /* the password was right; the code has a measure of its own */
    if (user.totp_state == 2) e = second_factor_check(a, arena, org_id, &user, code, &w.factor);
    if (!e.kind && is_weak) {
        e = password_hash(a->passwords, password, anew);
        if (!e.kind) w.password = anew;
        else if (e.kind == ERR_BUSY) e = ERR_OK;
    }
    if (!e.kind) e = session_prepare(a, arena, org_id, user.id, user.key_slot, user.household_id, user.roles, 0, from, &w.session);
    if (!e.kind) e = db_write(a->db, sign_in_fn, &w);
    second_factor_told(a, &w.factor, e);
    if (e.kind) return e;
    session_told(a, &w.session);
    *out = w.session.entry;
    return ERR_OK;
}

struct err account_sign_in(struct account *a, int64_t org_id, struct slice email, struct slice password, struct slice code, const struct account_from *from, struct account_entry *out) {
    char address[MAIL_ADDRESS_MAX + 1];
    size_t len = 0;
    /* What is no address has no account, and that takes as long. */
    struct slice known = mail_address(email, address, &len) ? slice_of(address, len) : SLICE("@");
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    struct err e = arena ? sign_in_in(a, arena, org_id, known, password, code, from, out) : err_memory();
    arena_destroy(&arena);
    return e;
}

/* --- a forgotten password --- */

static struct err forget_in(struct account *a, struct arena *arena, int64_t org_id, struct slice email, const struct account_from *from, bool is_silent) {
    struct sign_up_work w = {.a = a, .arena = arena};
    struct user_row user;
    struct account_user known;
    struct err e = user_read_by_email(a, arena, org_id, email, &user);
    if (e.kind || is_silent) return e;
    struct letter letter = {.to = email, .email = email, .org_id = org_id, .lang = text_language_of(from->lang)};
    if (user.has) {
        code_prepare(a, org_id, CODE_RESET, ACCOUNT_RESET_S, &w.code);
        w.has_code = true;
        w.code.user_id = letter.about_id = user.id;
        e = user_open(a, arena, &user, &known);
        if (e.kind) return e;
        letter.code = "mail.reset";
        letter.name = known.name;
        letter.lang = known.lang;
        e = letter_link(a, arena, org_id, from, "/reset", &w.code.secret, &letter.link);
    } else {
        uint8_t index[HASH_BYTES];
        email_index(a, org_id, email, index);
        letter.about_id = about_address(index);
        letter.code = "mail.unknown"; /* whoever has several addresses learns which one it was not; whoever asks learns nothing */
        e = letter_link(a, arena, org_id, from, "/sign-up", NULL, &letter.link);
    }
    if (!e.kind) e = letter_prepare(a, arena, &letter, &w.mail);
    if (!e.kind) e = db_write(a->db, sign_up_fn, &w);
    if (!e.kind) mail_wake(a->mail);
    return e;
}

struct err account_password_forget(struct account *a, int64_t org_id, struct slice email, const struct account_from *from) {
    char address[MAIL_ADDRESS_MAX + 1];
    size_t len;
    if (!mail_address(email, address, &len)) return wrong_email();
    struct slice to = slice_of(address, len);
    bool is_silent;
    struct err e = mail_allow(a, org_id, to, from->peer, &is_silent);
    if (e.kind) return e;
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    e = arena ? forget_in(a, arena, org_id, to, from, is_silent) : err_memory();
    arena_destroy(&arena);
    if (e.kind && !is_silent) mail_allow_undo(a, org_id, to, from->peer);
    return e;
}

struct reset_work {
    struct account *a;
    struct code_row code;
    struct second_factor factor;
    struct session_new session;
    const char *password;
    int64_t used;
    struct mail_new mail;
};
static struct err reset_fn(struct db_tx *tx, void *arg) {
    struct reset_work *w = arg;
    const struct account_who *who = &w->session.entry.who;
    w->used = 0;
    struct err e = DB_CHANGE(tx, &w->used, &code_use, DB_INT("org_id", who->org_id), DB_INT("id", w->code.id));
    if (e.kind) return e;
    if (!w->used) return wrong_code();
    e = second_factor_use_in(tx, &w->factor);
    if (!e.kind) e = DB_RUN(tx, &user_set_password, DB_INT("org_id", who->org_id), DB_INT("id", who->user_id), DB_CSTR("password", w->password));
    if (!e.kind) e = DB_RUN(tx, &code_end_user_all, DB_INT("org_id", who->org_id), DB_INT("user_id", who->user_id));
    if (!e.kind) e = DB_RUN(tx, &user_session_end_others, DB_INT("org_id", who->org_id), DB_INT("user_id", who->user_id), DB_INT("but_id", 0));
    if (!e.kind) e = change_note(w->a, tx, who->org_id, who->user_id, 0);
    if (!e.kind) e = session_insert_in(w->a, tx, &w->session);
    return e.kind ? e : mail_add(w->a->mail, tx, &w->mail);
}

static struct err reset_in(struct account *a, struct arena *arena, int64_t org_id, struct slice code, struct slice password, struct slice totp, const struct account_from *from,
                           struct account_entry *out) {
    struct reset_work w = {.a = a};
    struct user_row user;
    struct account_user known;
    char hash[PASSWORD_HASH_MAX];
    struct err e = code_read(a, arena, org_id, code, 1u << CODE_RESET, from->peer, &w.code);
    if (!e.kind) e = user_read(a, arena, org_id, w.code.user_id, &user);
    if (e.kind) return e;
    if (!user.has) return wrong_code();
    e = user_open(a, arena, &user, &known);
    if (!e.kind) e = password_check(password, known.email, known.name);
    if (!e.kind) e = password_hash(a->passwords, password, hash);
    if (!e.kind && user.totp_state == 2) e = second_factor_check(a, arena, org_id, &user, totp, &w.factor);
    if (!e.kind) e = session_prepare(a, arena, org_id, user.id, user.key_slot, user.household_id, user.roles, 0, from, &w.session);
    struct letter letter = {.code = "mail.password", .lang = known.lang, .to = known.email, .email = known.email, .name = known.name, .org_id = org_id, .about_id = user.id};
    if (!e.kind) e = letter_link(a, arena, org_id, from, "/forgot", NULL, &letter.link);
    if (!e.kind) e = letter_prepare(a, arena, &letter, &w.mail);
    w.password = hash;
    if (!e.kind) e = db_write(a->db, reset_fn, &w);
    second_factor_told(a, &w.factor, e);
    sodium_memzero(hash, sizeof hash);
    if (e.kind) return e;
    changes_tell(a, org_id, &user.id, 1, 0);
    session_told(a, &w.session);
    mail_wake(a->mail);
    *out = w.session.entry;
    return ERR_OK;
}

struct err account_password_reset(struct account *a, int64_t org_id, struct slice code, struct slice password, struct slice totp, const struct account_from *from,
                                  struct account_entry *out) {
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    struct err e = arena ? reset_in(a, arena, org_id, code, password, totp, from, out) : err_memory();
    arena_destroy(&arena);
    return e;
}
