/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <sodium.h>
#include <string.h>

#include "base/rng.h"
#include "business/account/room.h"
#include "business/account/totp.h"
#include "text/text.h"

static struct err gone(void) { return DENIED("session.required", "This needs somebody who is signed in. Sign in, or open the operator's link (`grandstand operator-link`)."); }

/* --- me --- */

struct err account_me_read(struct account *a, struct arena *arena, const struct account_who *who, struct account_me *out) {
    struct account_me me = {0};
    struct user_row user;
    struct household_row household;
    struct profile_row *profiles;
    size_t count;
    if (!who->user_id) {
        *out = me;
        return ERR_OK;
    }
    struct err e = user_read(a, arena, who->org_id, who->user_id, &user);
    if (!e.kind && !user.has) e = gone();
    if (!e.kind) e = user_open(a, arena, &user, &me.user);
    me.has_user = true;
    if (!e.kind) e = household_read(a, arena, who->org_id, user.household_id, &household, &profiles, &count);
    if (e.kind) return e;
    me.has_household = household.has;
    if (household.has) e = household_open(a, arena, &household, &me.household);
    me.profiles = arena_alloc_array(arena, count + 1, sizeof *me.profiles);
    if (!me.profiles) return err_memory();
    for (size_t i = 0; !e.kind && i < count; i++) {
        e = profile_open(a, arena, &profiles[i], &me.profiles[i]);
        if (profiles[i].id == who->profile_id) me.profile = &me.profiles[i];
    }
    me.profile_count = count;
    if (!e.kind) *out = me;
    return e;
}

/* --- changing --- */

struct change_work {
    struct account *a;
    int64_t org_id, id, household_id;
    struct slice name_box, lang;
    const char *password;
    bool has_code;
    struct code_new code;
    struct session_new session;
    struct mail_new mails[3]; /* to the new address, to the old one, and of the new password */
    size_t mail_count;
};

static struct err change_fn(struct db_tx *tx, void *arg) {
    struct change_work *w = arg;
    struct err e = ERR_OK;
    if (w->name_box.len) e = DB_RUN(tx, &user_set_name, DB_INT("org_id", w->org_id), DB_INT("id", w->id), DB_BLOB("box", w->name_box));
    if (!e.kind && w->lang.len) e = DB_RUN(tx, &user_set_lang, DB_INT("org_id", w->org_id), DB_INT("id", w->id), DB_TEXT("lang", w->lang));
    if (!e.kind && w->has_code) e = DB_RUN(tx, &code_end_user, DB_INT("org_id", w->org_id), DB_INT("kind", CODE_EMAIL), DB_INT("user_id", w->id));
    if (!e.kind && w->has_code) e = code_insert_in(tx, &w->code);
    if (!e.kind && w->password) {
        e = DB_RUN(tx, &user_set_password, DB_INT("org_id", w->org_id), DB_INT("id", w->id), DB_CSTR("password", w->password));
        if (!e.kind) e = DB_RUN(tx, &code_end_user, DB_INT("org_id", w->org_id), DB_INT("kind", CODE_RESET), DB_INT("user_id", w->id));
        if (!e.kind) e = DB_RUN(tx, &user_session_end_others, DB_INT("org_id", w->org_id), DB_INT("user_id", w->id), DB_INT("but_id", 0));
        if (!e.kind) e = change_note(w->a, tx, w->org_id, w->id, 0);
        if (!e.kind) e = session_insert_in(w->a, tx, &w->session);
    }
    for (size_t i = 0; !e.kind && i < w->mail_count; i++) e = mail_add(w->a->mail, tx, &w->mails[i]);
    return e;
}

/* A code to the new address; a word to the old one, where whoever should know still reads. Who has the new address already is not told to whoever asks. */
static struct err email_change_prepare(struct account *a, struct arena *arena, const struct account_who *who, struct slice email, const struct account_user *user,
                                       const struct account_from *from, struct change_work *w) {
    struct user_row other;
    struct sealed key;
    struct err e = user_read_by_email(a, arena, who->org_id, email, &other);
    if (e.kind) return e;
    struct letter letter = {.code = "mail.email", .lang = user->lang, .to = email, .email = email, .name = user->name, .org_id = who->org_id, .about_id = user->id};
    struct letter notice = {.code = "mail.email_notice", .lang = user->lang, .to = user->email, .email = email, .name = user->name, .org_id = who->org_id, .about_id = user->id};
    code_prepare(a, who->org_id, CODE_EMAIL, ACCOUNT_CODE_S, &w->code);
    w->code.user_id = user->id;
    code_key(slice_of(w->code.secret.text, ACCOUNT_SECRET_LEN), &key);
    e = sealed_put(&key, arena, "code.email", email, &w->code.box);
    w->has_code = !other.has;
    if (!e.kind && w->has_code) {
        e = letter_link(a, arena, who->org_id, from, "/confirm", &w->code.secret, &letter.link);
        if (!e.kind) e = letter_prepare(a, arena, &letter, &w->mails[w->mail_count++]);
    }
    if (!e.kind) e = letter_link(a, arena, who->org_id, from, "/forgot", NULL, &notice.link);
    return e.kind ? e : letter_prepare(a, arena, &notice, &w->mails[w->mail_count++]);
}

static struct err user_change_in(struct account *a, struct arena *arena, const struct account_who *who, const struct account_user_change *c, const struct account_from *from,
                                 bool *is_new_session, struct account_entry *entry) {
    struct change_work w = {.a = a, .org_id = who->org_id, .id = who->user_id};
    struct user_row row;
    struct account_user user;
    struct sealed own;
    struct slice name = SLICE_NONE;
    char email[MAIL_ADDRESS_MAX + 1], hash[PASSWORD_HASH_MAX];
    size_t email_len = 0;
    if (c->name.ptr && !account_name(c->name, ACCOUNT_PERSON_NAME_MAX, &name)) return err_make(ERR_INPUT, "account.name", "A name has 1 to 60 characters that can be shown.");
    if (c->lang.ptr && !text_language_is_known(c->lang)) return err_make(ERR_INPUT, "account.lang", "The languages are en, de, zh and th.");
    if (c->email.ptr && !mail_address(c->email, email, &email_len)) return err_make(ERR_INPUT, "account.email", "This is not an e-mail address.");
    struct err e = user_read(a, arena, who->org_id, who->user_id, &row);
    if (!e.kind && !row.has) e = gone();
    if (!e.kind) e = user_open(a, arena, &row, &user);
    if (!e.kind && c->password.ptr) e = password_check(c->password, user.email, name.ptr ? name : user.name);
    if (!e.kind && (c->password.ptr || c->email.ptr)) e = own_password_check(a, who, &row, c->old_password);
    if (!e.kind && name.ptr) e = sealed_of(a, row.id, row.key_slot, &own);
    if (!e.kind && name.ptr) e = sealed_put(&own, arena, "user.name", name, &w.name_box);
    if (c->lang.ptr) w.lang = c->lang;
    struct slice address = slice_of(email, email_len);
    if (!e.kind && c->email.ptr && !slice_eq(address, user.email)) e = email_change_prepare(a, arena, who, address, &user, from, &w);
    if (!e.kind && c->password.ptr) {
        struct letter letter = {.code = "mail.password", .lang = user.lang, .to = user.email, .email = user.email, .name = user.name, .org_id = who->org_id, .about_id = user.id};
        e = password_hash(a->passwords, c->password, hash);
        w.password = hash;
        if (!e.kind) e = session_prepare(a, arena, who->org_id, row.id, row.key_slot, row.household_id, row.roles, who->profile_id, from, &w.session);
        if (!e.kind) e = letter_link(a, arena, who->org_id, from, "/forgot", NULL, &letter.link);
        if (!e.kind) e = letter_prepare(a, arena, &letter, &w.mails[w.mail_count++]);
    }
    if (!e.kind) e = db_write(a->db, change_fn, &w);
    sodium_memzero(hash, sizeof hash);
    if (e.kind) return e;
    if (w.mail_count) mail_wake(a->mail);
    *is_new_session = w.password != NULL;
    if (w.password) {
        changes_tell(a, who->org_id, &who->user_id, 1, 0);
        session_told(a, &w.session);
        w.session.entry.who.age_max = who->age_max; /* the same profile as before */
        w.session.entry.who.is_child = who->is_child;
        *entry = w.session.entry;
    }
    return ERR_OK;
}

struct err account_user_change(struct account *a, const struct account_who *who, const struct account_user_change *change, const struct account_from *from, bool *is_new_session,
                               struct account_entry *entry) {
    struct err e = who_check(who, true);
    if (e.kind) return e;
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    e = arena ? user_change_in(a, arena, who, change, from, is_new_session, entry) : err_memory();
    arena_destroy(&arena);
    return e;
}

/* --- the second factor --- */

struct totp_work {
    struct account *a;
    int64_t org_id, id, state, step, changed;
    struct slice box;
    int64_t ids[ACCOUNT_RECOVERY_CODES];
    uint8_t hashes[ACCOUNT_RECOVERY_CODES][HASH_BYTES];
    struct mail_new mail;
};

static struct err totp_set_fn(struct db_tx *tx, void *arg) {
    struct totp_work *w = arg;
    struct err e = DB_RUN(tx, &user_set_totp, DB_INT("org_id", w->org_id), DB_INT("id", w->id), DB_BLOB_OR_NULL("box", w->box), DB_INT("state", w->state), DB_INT("step", 0));
    if (!e.kind && w->state == 0) e = DB_RUN(tx, &recovery_clear, DB_INT("user_id", w->id));
    if (!e.kind && w->mail.to.len) e = mail_add(w->a->mail, tx, &w->mail);
    return e;
}

/* %-encoded, for the label and the issuer of an otpauth URI. */
static void uri_put(struct buf *out, struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
        if (is_plain) buf_bytes(out, &c, 1);
        else buf_printf(out, "%%%02X", c);
    }
}

struct err account_totp_begin(struct account *a, struct arena *arena, const struct account_who *who, struct account_totp *out) {
    struct totp_work w = {.a = a, .org_id = who->org_id, .id = who->user_id, .state = 1};
    struct user_row row;
    struct account_user user;
    struct sealed own;
    struct account_totp totp;
    struct slice site;
    bool has_host;
    uint8_t secret[TOTP_SECRET_BYTES];
    struct err e = who_check(who, true);
    if (!e.kind) e = user_read(a, arena, who->org_id, who->user_id, &row);
    if (!e.kind && !row.has) e = gone();
    if (!e.kind && row.totp_state == 2) e = err_make(ERR_CONFLICT, "totp.on", "There is a second factor already. Switch it off first.");
    if (!e.kind) e = user_open(a, arena, &row, &user);
    if (!e.kind) e = sealed_of(a, row.id, row.key_slot, &own);
    if (!e.kind && !org_name(a, who->org_id, arena, &site, &has_host)) e = err_memory();
    if (e.kind) return e;
    rng_secure(secret, sizeof secret);
    totp_secret_text(secret, totp.secret);
    struct buf uri = BUF(4096);
    buf_cstr(&uri, "otpauth://totp/");
    uri_put(&uri, site);
    buf_cstr(&uri, ":");
    uri_put(&uri, user.email);
    buf_printf(&uri, "?secret=%s&issuer=", totp.secret);
    uri_put(&uri, site);
    buf_cstr(&uri, "&algorithm=SHA1&digits=6&period=30");
    e = buf_error(&uri);
    if (!e.kind && !(totp.uri = arena_copy(arena, buf_slice(&uri))).ptr) e = err_memory();
    buf_free(&uri);
    if (!e.kind) e = sealed_put(&own, arena, "user.totp", slice_of(secret, sizeof secret), &w.box);
    if (!e.kind) e = db_write(a->db, totp_set_fn, &w);
    sodium_memzero(secret, sizeof secret);
    if (!e.kind) *out = totp;
    return e;
}

static struct err wrong_totp(void) { return DENIED("sign_in.code", "This is not the code that the authenticator shows now."); }

static struct err totp_confirm_fn(struct db_tx *tx, void *arg) {
    struct totp_work *w = arg;
    w->changed = 0;
    struct err e = DB_CHANGE(tx, &w->changed, &user_use_totp, DB_INT("org_id", w->org_id), DB_INT("id", w->id), DB_INT("step", w->step), DB_INT("state", 1));
    if (!e.kind && !w->changed) e = wrong_totp();
    if (!e.kind) e = DB_RUN(tx, &recovery_clear, DB_INT("user_id", w->id));
    for (int i = 0; !e.kind && i < ACCOUNT_RECOVERY_CODES; i++)
        e = DB_RUN(tx, &recovery_insert, DB_INT("id", w->ids[i]), DB_INT("org_id", w->org_id), DB_INT("user_id", w->id), DB_BLOB("hash", hash_slice(w->hashes[i])));
    return e.kind ? e : mail_add(w->a->mail, tx, &w->mail);
}

/* Ten characters of base 32, 50 bits: with ten tries, then one a minute, nobody guesses one. */
static void recovery_make(char out[ACCOUNT_RECOVERY_LEN + 1], uint8_t hash[HASH_BYTES]) {
    struct public_id id = public_id_random();
    memcpy(out, id.text, 5);
    out[5] = '-';
    memcpy(out + 6, id.text + 5, 5);
    out[ACCOUNT_RECOVERY_LEN] = 0;
    secret_hash(slice_of(id.text, 10), hash);
}

static struct err totp_letter(struct account *a, struct arena *arena, const struct account_who *who, const struct account_user *user, const char *code, struct mail_new *out) {
    struct letter letter = {.code = code, .lang = user->lang, .to = user->email, .email = user->email, .name = user->name, .org_id = who->org_id, .about_id = user->id};
    return letter_prepare(a, arena, &letter, out);
}

static struct err totp_confirm_in(struct account *a, struct arena *arena, const struct account_who *who, struct slice code, struct account_recovery *out) {
    struct totp_work w = {.a = a, .org_id = who->org_id, .id = who->user_id};
    struct user_row row;
    struct account_user user;
    struct account_recovery codes;
    struct sealed own;
    struct slice secret = SLICE_NONE;
    struct err e = user_read(a, arena, who->org_id, who->user_id, &row);
    if (!e.kind && !row.has) e = gone();
    if (!e.kind && row.totp_state != 1) e = err_make(ERR_CONFLICT, "totp.none", "No second factor waits for its first code. Begin again.");
    if (!e.kind) e = user_open(a, arena, &row, &user);
    for (int i = 0; i < ACCOUNT_RECOVERY_CODES; i++) {
        recovery_make(codes.codes[i], w.hashes[i]);
        w.ids[i] = id_next(a->ids);
    }
    if (!e.kind) e = totp_letter(a, arena, who, &user, "mail.totp_on", &w.mail);
    if (!e.kind) e = sealed_of(a, row.id, row.key_slot, &own);
    if (!e.kind) e = sealed_get(&own, arena, "user.totp", row.totp_box, &secret);
    if (!e.kind && (secret.len != TOTP_SECRET_BYTES || !totp_check((const uint8_t *)secret.ptr, code, seconds_now(a), row.totp_step, &w.step))) e = wrong_totp();
    if (!e.kind) e = db_write(a->db, totp_confirm_fn, &w);
    if (e.kind) return e;
    mail_wake(a->mail);
    *out = codes;
    return ERR_OK;
}

struct err account_totp_confirm(struct account *a, const struct account_who *who, struct slice code, struct account_recovery *out) {
    struct err e = who_check(who, true);
    if (e.kind) return e;
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    e = arena ? totp_confirm_in(a, arena, who, code, out) : err_memory();
    arena_destroy(&arena);
    return e;
}

static struct err totp_end_in(struct account *a, struct arena *arena, const struct account_who *who, struct slice password) {
    struct totp_work w = {.a = a, .org_id = who->org_id, .id = who->user_id};
    struct user_row row;
    struct account_user user;
    struct err e = user_read(a, arena, who->org_id, who->user_id, &row);
    if (!e.kind && !row.has) e = gone();
    if (!e.kind && row.totp_state == 0) e = err_make(ERR_CONFLICT, "totp.none", "There is no second factor.");
    if (!e.kind) e = own_password_check(a, who, &row, password);
    if (!e.kind) e = user_open(a, arena, &row, &user);
    if (!e.kind && row.totp_state == 2) e = totp_letter(a, arena, who, &user, "mail.totp_off", &w.mail);
    if (!e.kind) e = db_write(a->db, totp_set_fn, &w);
    if (!e.kind) mail_wake(a->mail);
    return e;
}

struct err account_totp_end(struct account *a, const struct account_who *who, struct slice password) {
    struct err e = who_check(who, true);
    if (e.kind) return e;
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    e = arena ? totp_end_in(a, arena, who, password) : err_memory();
    arena_destroy(&arena);
    return e;
}
