/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <sodium.h>
#include <string.h>

#include "business/account/room.h"
#include "text/text.h"

struct member_work {
    struct account *a;
    struct arena *arena;
    int64_t org_id, now_s, id, changed, others, roles;
    struct slice public_id;
    struct db_rows users, invitations;
    struct code_new code;
    struct mail_new mail;
};

static struct err missing(void) { return err_make(ERR_NOT_FOUND, "member.missing", "There is no such member, and no such invitation."); }
static struct err last(void) { return err_make(ERR_CONFLICT, "member.last", "Somebody has to stay an operator. Make another member one first."); }
static struct err wrong_roles(void) { return err_make(ERR_INPUT, "member.roles", "A member has at least one of the roles operator, editor, rights and finance."); }
static struct err wrong_code(void) { return DENIED("code.wrong", "This code has been used, is too old, or was never valid. Ask for a new mail."); }

/* --- listing --- */

static struct err list_fn(struct db_tx *tx, void *arg) {
    struct member_work *w = arg;
    struct err e = DB_QUERY(tx, w->arena, &w->users, &user_with_role, DB_INT("org_id", w->org_id));
    return e.kind ? e : DB_QUERY(tx, w->arena, &w->invitations, &invitation_all, DB_INT("org_id", w->org_id), DB_INT("now_s", w->now_s));
}

struct err invited_put(struct account *a, struct arena *arena, int64_t id, struct slice email, struct slice *box) {
    struct sealed s;
    house_seal(a, id, &s);
    return sealed_put(&s, arena, "code.invitation", email, box);
}
struct err invited_get(struct account *a, struct arena *arena, int64_t id, struct slice box, struct slice *email) {
    struct sealed s;
    house_seal(a, id, &s);
    return sealed_get(&s, arena, "code.invitation", box, email);
}

struct err account_member_list(struct account *a, struct arena *arena, const struct account_who *who, struct account_member_list *out) {
    struct member_work w = {.a = a, .arena = arena, .org_id = who->org_id, .now_s = seconds_now(a)};
    struct err e = who_operator(who);
    if (!e.kind) e = db_read(a->db, list_fn, &w);
    if (e.kind) return e;
    struct account_member *items = arena_alloc_array(arena, w.users.count + w.invitations.count + 1, sizeof *items);
    if (!items) return err_memory();
    size_t count = 0;
    for (size_t i = 0; !e.kind && i < w.users.count; i++) {
        struct user_row row;
        struct account_user user;
        user_row_take(&w.users, i, &row);
        e = user_open(a, arena, &row, &user);
        if (!e.kind)
            items[count++] = (struct account_member){.public_id = row.public_id, .name = user.name, .email = user.email, .roles = row.roles, .has_totp = user.has_totp,
                                                     .created_at = user.created_at, .seen_at = utc_from_seconds(row.seen_s)};
    }
    for (size_t i = 0; !e.kind && i < w.invitations.count; i++) {
        struct account_member *item = &items[count++];
        *item = (struct account_member){.is_invited = true, .roles = (uint32_t)db_int(&w.invitations, i, "roles"), .name = SLICE(""),
                                        .created_at = utc_from_seconds(db_int(&w.invitations, i, "created_s")), .expires_at = utc_from_seconds(db_int(&w.invitations, i, "expires_s"))};
        if (!public_id_parse(db_text(&w.invitations, i, "public_id"), &item->public_id)) item->public_id = (struct public_id){{0}};
        e = invited_get(a, arena, db_int(&w.invitations, i, "id"), db_blob(&w.invitations, i, "box"), &item->email);
    }
    if (!e.kind) *out = (struct account_member_list){items, count};
    return e;
}

/* --- inviting --- */

static struct err invite_fn(struct db_tx *tx, void *arg) {
    struct member_work *w = arg;
    struct err e = DB_RUN(tx, &code_end_email, DB_INT("org_id", w->org_id), DB_INT("kind", CODE_INVITATION), DB_BLOB("email_index", hash_slice(w->code.email_index)));
    if (e.kind) return e;
    w->others = DB_GET_INT(tx, 0, &invitation_count, DB_INT("org_id", w->org_id), DB_INT("now_s", w->now_s));
    if (w->others >= ACCOUNT_MEMBERS_MAX) return err_make(ERR_LIMIT, "member.many", "A thousand invitations wait. End those that nobody will take.");
    e = code_insert_in(tx, &w->code);
    return e.kind ? e : mail_add(w->a->mail, tx, &w->mail);
}

static struct err invite_in(struct account *a, struct arena *arena, const struct account_who *who, struct slice email, uint32_t roles, const struct account_from *from,
                            struct public_id *public_id) {
    struct member_work w = {.a = a, .arena = arena, .org_id = who->org_id, .now_s = seconds_now(a)};
    code_prepare(a, who->org_id, CODE_INVITATION, ACCOUNT_INVITATION_S, &w.code);
    w.code.roles = roles;
    w.code.has_email = true;
    email_index(a, who->org_id, email, w.code.email_index);
    struct err e = invited_put(a, arena, w.code.id, email, &w.code.box);
    struct letter letter = {.code = "mail.invitation", .lang = text_language_of(from->lang), .to = email, .email = email, .org_id = who->org_id,
                            .about_id = about_address(w.code.email_index)};
    if (!e.kind) e = letter_link(a, arena, who->org_id, from, "/invitation", &w.code.secret, &letter.link);
    if (!e.kind) e = letter_prepare(a, arena, &letter, &w.mail);
    if (!e.kind) e = db_write(a->db, invite_fn, &w);
    if (e.kind) return e;
    mail_wake(a->mail);
    *public_id = w.code.public_id;
    return ERR_OK;
}

struct err account_member_invite(struct account *a, const struct account_who *who, struct slice email, uint32_t roles, const struct account_from *from, struct public_id *public_id) {
    char address[MAIL_ADDRESS_MAX + 1];
    size_t len;
    struct err e = who_operator(who);
    if (e.kind) return e;
    if (!mail_address(email, address, &len)) return err_make(ERR_INPUT, "account.email", "This is not an e-mail address.");
    if (!roles || roles & ~(uint32_t)ACCOUNT_ROLES_ALL) return wrong_roles();
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    e = arena ? invite_in(a, arena, who, slice_of(address, len), roles, from, public_id) : err_memory();
    arena_destroy(&arena);
    return e;
}

/* --- changing --- */

/* With no role: he is a member no more, and all his sessions end. Roles of today are not those of a session that began with fewer: the stamp makes it new. */
static struct err change_fn(struct db_tx *tx, void *arg) {
    struct member_work *w = arg;
    w->changed = 0;
    struct err e = DB_QUERY(tx, w->arena, &w->users, &user_by_public, DB_INT("org_id", w->org_id), DB_TEXT("public_id", w->public_id));
    if (e.kind || !w->users.count) return e;
    int64_t roles = db_int(&w->users, 0, "roles");
    w->id = db_int(&w->users, 0, "id");
    if (!roles) return ERR_OK; /* a viewer: none of the members */
    if (roles & ACCOUNT_OPERATOR && !(w->roles & ACCOUNT_OPERATOR)) {
        w->others = DB_GET_INT(tx, 0, &user_operators, DB_INT("org_id", w->org_id), DB_INT("but_id", w->id));
        e = db_tx_error(tx);
        if (e.kind) return e;
        if (!w->others) return last();
    }
    w->changed = 1;
    e = DB_RUN(tx, &user_set_roles, DB_INT("org_id", w->org_id), DB_INT("id", w->id), DB_INT("roles", w->roles));
    if (!e.kind && !w->roles) e = DB_RUN(tx, &user_session_end_others, DB_INT("org_id", w->org_id), DB_INT("user_id", w->id), DB_INT("but_id", 0));
    return e.kind ? e : change_note(w->a, tx, w->org_id, w->id, 0);
}

static struct err invitation_end_fn(struct db_tx *tx, void *arg) {
    struct member_work *w = arg;
    w->changed = 0;
    return DB_CHANGE(tx, &w->changed, &invitation_end, DB_INT("org_id", w->org_id), DB_TEXT("public_id", w->public_id));
}

static struct err member_set(struct account *a, const struct account_who *who, struct slice public_id, uint32_t roles, bool *has_changed) {
    struct member_work w = {.a = a, .org_id = who->org_id, .roles = roles, .public_id = public_id, .arena = arena_create(ARENA_BYTES_MAX)};
    struct public_id parsed;
    struct err e = w.arena ? ERR_OK : err_memory();
    if (!e.kind && public_id_parse(public_id, &parsed)) e = db_write(a->db, change_fn, &w);
    if (!e.kind && w.changed) changes_tell(a, who->org_id, &w.id, 1, 0);
    *has_changed = !e.kind && w.changed;
    arena_destroy(&w.arena);
    return e;
}

struct err account_member_change(struct account *a, const struct account_who *who, struct slice public_id, uint32_t roles) {
    bool has_changed;
    struct err e = who_operator(who);
    if (e.kind) return e;
    if (!roles || roles & ~(uint32_t)ACCOUNT_ROLES_ALL) return wrong_roles();
    e = member_set(a, who, public_id, roles, &has_changed);
    if (e.kind) return e;
    return has_changed ? ERR_OK : missing();
}

struct err account_member_remove(struct account *a, const struct account_who *who, struct slice public_id) {
    struct member_work w = {.a = a, .org_id = who->org_id, .public_id = public_id};
    struct public_id parsed;
    bool has_changed;
    struct err e = who_operator(who);
    if (!e.kind) e = member_set(a, who, public_id, 0, &has_changed);
    if (e.kind || has_changed) return e;
    if (public_id_parse(public_id, &parsed)) e = db_write(a->db, invitation_end_fn, &w);
    if (e.kind) return e;
    return w.changed ? ERR_OK : missing();
}

/* --- accepting --- */

static struct err invitation_open(struct account *a, struct arena *arena, int64_t org_id, struct slice code, struct slice peer, struct code_row *row, struct slice *email,
                                  struct user_row *user) {
    struct err e = code_read(a, arena, org_id, code, 1u << CODE_INVITATION | 1u << CODE_JOINING, peer, row);
    if (!e.kind) e = invited_get(a, arena, row->id, row->box, email);
    return e.kind ? e : user_read_by_email(a, arena, org_id, *email, user);
}

/* Into which household, and by whom: of those who are not there any more nothing. */
static struct err household_shown(struct account *a, struct arena *arena, int64_t org_id, const struct code_row *code, struct account_invitation *out) {
    struct user_row row;
    struct account_user user;
    struct account_named household;
    struct err e = account_household_names(a, arena, org_id, &code->household_id, 1, &household);
    if (!e.kind && household.name.ptr) out->household = household.name;
    if (!e.kind) e = user_read(a, arena, org_id, code->user_id, &row);
    if (e.kind || !row.has) return e;
    e = user_open(a, arena, &row, &user);
    if (!e.kind) out->inviter = user.name;
    return e;
}

struct err account_invitation_read(struct account *a, struct arena *arena, int64_t org_id, struct slice code, const struct account_from *from, struct account_invitation *out) {
    struct code_row row;
    struct user_row user;
    struct account_invitation i;
    bool has_host;
    struct err e = invitation_open(a, arena, org_id, code, from->peer, &row, &i.email, &user);
    if (!e.kind && !org_name(a, org_id, arena, &i.organisation, &has_host)) e = err_memory();
    if (e.kind) return e;
    i.roles = row.roles;
    i.has_account = user.has;
    i.inviter = i.household = SLICE("");
    i.is_household = row.kind == CODE_JOINING;
    if (i.is_household) e = household_shown(a, arena, org_id, &row, &i);
    if (!e.kind) *out = i;
    return e;
}

struct accept_work {
    struct account *a;
    struct code_row code;
    struct second_factor factor;
    struct newcomer newcomer;
    struct session_new session;
    bool is_new, has_profile;
    struct move move;     /* of who has an account and joins a household */
    struct mail_new mail; /* to whoever invited him there */
    int64_t used, taken, roles, about_id;
};

static struct err accept_fn(struct db_tx *tx, void *arg) {
    struct accept_work *w = arg;
    const struct account_who *who = &w->session.entry.who;
    w->used = 0;
    struct err e = DB_CHANGE(tx, &w->used, &code_use, DB_INT("org_id", who->org_id), DB_INT("id", w->code.id));
    if (e.kind) return e;
    if (!w->used) return wrong_code();
    bool joins = w->code.kind == CODE_JOINING;
    e = second_factor_use_in(tx, &w->factor);
    if (!e.kind && joins) e = joining_check_in(w->a, tx, who->org_id, w->code.household_id);
    if (e.kind) return e;
    if (w->is_new) {
        w->taken = DB_GET_INT(tx, 0, &user_has_email, DB_INT("org_id", who->org_id), DB_BLOB("email_index", hash_slice(w->newcomer.email_index)));
        if (w->taken) return wrong_code();
        e = newcomer_insert(w->a, tx, &w->newcomer, &w->has_profile);
        w->session.entry.who.profile_id = w->has_profile ? w->newcomer.profile_id : 0;
        w->session.entry.who.age_max = w->has_profile ? 18 : 0;
    } else {
        e = mail_pass(w->a->mail, tx, who->org_id, w->about_id, who->user_id);
        if (!e.kind && joins) e = move_in(&w->move, tx);
        if (!e.kind) e = DB_RUN(tx, &user_set_roles, DB_INT("org_id", who->org_id), DB_INT("id", who->user_id), DB_INT("roles", w->roles));
        if (!e.kind) e = change_note(w->a, tx, who->org_id, who->user_id, 0);
    }
    if (!e.kind && w->mail.to.len) e = mail_add(w->a->mail, tx, &w->mail);
    if (!e.kind && joins) e = change_note(w->a, tx, who->org_id, w->code.household_id, w->code.household_id);
    return e.kind ? e : session_insert_in(w->a, tx, &w->session);
}

/* After the commit: a key that nothing needs any more goes. */
static void accepted_tell(struct accept_work *w, int64_t org_id) {
    if (w->code.kind != CODE_JOINING) return;
    mail_wake(w->a->mail);
    if (!w->is_new) {
        move_told(&w->move);
        return;
    }
    changes_tell(w->a, org_id, NULL, 0, w->code.household_id);
    if (!w->has_profile) key_unused(w->a, w->newcomer.profile_id, w->newcomer.slots[1]);
}

static struct err accept_in(struct account *a, struct arena *arena, int64_t org_id, struct slice code, struct slice name, struct slice password, struct slice totp,
                            const struct account_from *from, struct account_entry *out) {
    struct accept_work w = {.a = a};
    struct slice email, shown;
    struct user_row user;
    struct account_org_facts facts = {.country = "DE"};
    char hash[PASSWORD_HASH_MAX];
    struct err e = invitation_open(a, arena, org_id, code, from->peer, &w.code, &email, &user);
    if (e.kind) return e;
    w.is_new = !user.has;
    int64_t joins_id = w.code.kind == CODE_JOINING ? w.code.household_id : 0;
    if (joins_id) e = joined_letter(a, arena, org_id, w.code.user_id, email, from, &w.mail);
    if (e.kind) return e;
    if (w.is_new) {
        if (!account_name(name, ACCOUNT_PERSON_NAME_MAX, &shown)) return err_make(ERR_INPUT, "account.name", "A name has 1 to 60 characters that can be shown.");
        struct newcomer *n = &w.newcomer;
        (void)account_org_facts(a, org_id, &facts);
        e = password_check(password, email, shown);
        if (!e.kind) e = password_hash(a->passwords, password, hash);
        if (!e.kind) e = newcomer_make(a, arena, org_id, joins_id, email, shown, slice_of(facts.country, 2), text_language_of(from->lang), slice_cstr(hash), w.code.roles, n);
        if (!e.kind) e = session_prepare(a, arena, org_id, n->user_id, n->slots[0], n->household_id, w.code.roles, n->profile_id, from, &w.session);
    } else {
        if (w.code.email_index.len == HASH_BYTES) w.about_id = about_address((const uint8_t *)w.code.email_index.ptr);
        w.roles = user.roles | w.code.roles;
        e = own_password_check(a, &(struct account_who){.user_id = user.id}, &user, password);
        if (e.kind && !strcmp(e.code, "me.password")) e = DENIED("sign_in.wrong", "Address or password are not right.");
        if (!e.kind && user.totp_state == 2) e = second_factor_check(a, arena, org_id, &user, totp, &w.factor);
        if (!e.kind && joins_id == user.household_id) e = err_make(ERR_CONFLICT, "household.already", "Whoever has this address lives in the household already.");
        w.move = (struct move){.a = a, .arena = arena, .org_id = org_id, .user_id = user.id, .from_id = user.household_id, .to_id = joins_id, .now_s = seconds_now(a)};
        if (!e.kind) e = session_prepare(a, arena, org_id, user.id, user.key_slot, joins_id ? joins_id : user.household_id, (uint32_t)w.roles, 0, from, &w.session);
    }
    if (!e.kind) e = db_write(a->db, accept_fn, &w);
    second_factor_told(a, &w.factor, e);
    sodium_memzero(hash, sizeof hash);
    if (e.kind) return e;
    if (!w.is_new) changes_tell(a, org_id, &user.id, 1, 0);
    session_told(a, &w.session);
    *out = w.session.entry;
    accepted_tell(&w, org_id);
    return ERR_OK;
}

struct err account_invitation_accept(struct account *a, int64_t org_id, struct slice code, struct slice name, struct slice password, struct slice totp, const struct account_from *from,
                                     struct account_entry *out) {
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    struct err e = arena ? accept_in(a, arena, org_id, code, name, password, totp, from, out) : err_memory();
    arena_destroy(&arena);
    return e;
}
