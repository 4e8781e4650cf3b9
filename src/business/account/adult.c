/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Several grown-ups in one household. Who may do what is decided inside the transaction that does it: of two that come at once (an invitation accepted while its household
 * is erased, a removal while the owner goes) the second finds what the first has left. */
#include <string.h>

#include "business/account/room.h"

static const struct limit_rule invitations_by_household = {.kind = 9, .burst = 5, .refill_s = 3600};

static struct err nobody_here(void) { return err_make(ERR_NOT_FOUND, "household.missing", "There is no such household."); }
static struct err nobody_of_that_kind(void) { return err_make(ERR_NOT_FOUND, "household.adult", "Nobody of that kind lives in the household (any more)."); }
static struct err not_the_owner(void) { return DENIED("household.owner", "Only the owner of the household may do this."); }
static struct err too_many(void) { return err_make(ERR_LIMIT, "household.adults", "The household has as many adults as it may have, with those who are invited."); }
static struct err owner_stays(void) { return err_make(ERR_CONFLICT, "household.owner_stays", "The owner of a household stays in it. Hand it over to another adult first."); }

static int adults_max_of(struct account *a, int64_t org_id) {
    struct account_org_facts facts;
    return account_org_facts(a, org_id, &facts) && facts.adults_max ? facts.adults_max : ACCOUNT_ADULTS_DEFAULT;
}

/* The caller and those he lives with, the owner first. */
struct house {
    struct account *a;
    struct arena *arena;
    const struct account_who *who;
    int64_t now_s;
    struct user_row me;
    struct db_rows users, invitations;
};

static struct err house_fn(struct db_tx *tx, void *arg) {
    struct house *h = arg;
    struct err e = DB_QUERY(tx, h->arena, &h->users, &user_of_household, DB_INT("org_id", h->who->org_id), DB_INT("household_id", h->me.household_id));
    return e.kind ? e : DB_QUERY(tx, h->arena, &h->invitations, &joining_all, DB_INT("org_id", h->who->org_id), DB_INT("household_id", h->me.household_id), DB_INT("now_s", h->now_s));
}

static struct err house_open(struct account *a, struct arena *arena, const struct account_who *who, struct house *out) {
    struct err e = who_check(who, true); /* addresses of others: not for its children */
    if (e.kind) return e;
    *out = (struct house){.a = a, .arena = arena, .who = who, .now_s = seconds_now(a)};
    e = user_read(a, arena, who->org_id, who->user_id, &out->me);
    if (!e.kind && !out->me.has) e = DENIED("session.required", "This needs somebody who is signed in. Sign in, or open the operator's link (`grandstand operator-link`).");
    return e.kind ? e : db_read(a->db, house_fn, out);
}

struct err account_adults(struct account *a, struct arena *arena, const struct account_who *who, struct account_adults *out) {
    struct house h;
    struct err e = house_open(a, arena, who, &h);
    if (e.kind) return e;
    struct account_adults made = {.adults_max = adults_max_of(a, who->org_id), .items = arena_alloc_array(arena, h.users.count + 1, sizeof *made.items),
                                  .invitations = arena_alloc_array(arena, h.invitations.count + 1, sizeof *made.invitations)};
    if (!made.items || !made.invitations) return err_memory();
    for (size_t i = 0; !e.kind && i < h.users.count; i++) {
        struct user_row row;
        struct account_user user;
        user_row_take(&h.users, i, &row);
        e = user_open(a, arena, &row, &user);
        if (!e.kind)
            made.items[made.count++] = (struct account_adult){.public_id = row.public_id, .name = user.name, .email = user.email, .is_me = row.id == who->user_id, .is_owner = i == 0,
                                                              .has_totp = user.has_totp, .joined_at = utc_from_seconds(row.joined_s)};
    }
    for (size_t i = 0; !e.kind && i < h.invitations.count; i++) {
        struct account_adult_invitation *item = &made.invitations[made.invitation_count++];
        *item = (struct account_adult_invitation){.created_at = utc_from_seconds(db_int(&h.invitations, i, "created_s")), .expires_at = utc_from_seconds(db_int(&h.invitations, i, "expires_s"))};
        if (!public_id_parse(db_text(&h.invitations, i, "public_id"), &item->public_id)) item->public_id = (struct public_id){{0}};
        e = invited_get(a, arena, db_int(&h.invitations, i, "id"), db_blob(&h.invitations, i, "box"), &item->email);
    }
    if (!e.kind) *out = made;
    return e;
}

/* --- inviting --- */

struct invite_work {
    struct house *h;
    struct code_new code;
    struct mail_new mail;
    int64_t changed;
    struct slice public_id;
};

static struct err invite_fn(struct db_tx *tx, void *arg) {
    struct invite_work *w = arg;
    struct house *h = w->h;
    struct err e = DB_RUN(tx, &joining_end_email, DB_INT("org_id", w->code.org_id), DB_INT("household_id", w->code.household_id), DB_BLOB("email_index", hash_slice(w->code.email_index)));
    if (!e.kind) e = house_fn(tx, h);
    if (e.kind) return e;
    bool is_home = false; /* he may have been removed since */
    for (size_t i = 0; i < h->users.count; i++) is_home = is_home || db_int(&h->users, i, "id") == h->who->user_id;
    if (!is_home) return nobody_here();
    if (h->users.count + h->invitations.count >= (size_t)adults_max_of(h->a, w->code.org_id)) return too_many();
    e = code_insert_in(tx, &w->code);
    return e.kind ? e : mail_add(h->a->mail, tx, &w->mail);
}

static struct err lives_here(const struct house *h, struct slice email, bool *out) {
    *out = false;
    for (size_t i = 0; i < h->users.count; i++) {
        struct user_row row;
        struct account_user user;
        user_row_take(&h->users, i, &row);
        struct err e = user_open(h->a, h->arena, &row, &user);
        if (e.kind) return e;
        *out = *out || slice_eq(user.email, email);
    }
    return ERR_OK;
}

static struct err invite_in(struct account *a, struct arena *arena, const struct account_who *who, struct slice email, struct slice password, const struct account_from *from,
                            struct public_id *public_id) {
    struct house h;
    struct invite_work w = {.h = &h};
    struct account_user me;
    bool is_here, is_silent;
    struct err e = house_open(a, arena, who, &h);
    if (!e.kind) e = own_password_check(a, who, &h.me, password);
    if (!e.kind) e = lives_here(&h, email, &is_here);
    if (!e.kind && is_here) e = err_make(ERR_CONFLICT, "household.already", "Whoever has this address lives in the household already.");
    if (!e.kind) e = user_open(a, arena, &h.me, &me);
    if (e.kind) return e;
    struct slice home = slice_of(&h.me.household_id, sizeof h.me.household_id);
    if (!limit_take(a->limits, &invitations_by_household, home, mono_now(a)))
        return err_make(ERR_LIMIT, "household.invitations", "This household has invited often. Try again in an hour.");
    e = mail_allow(a, who->org_id, email, from->peer, &is_silent);
    if (!e.kind && is_silent) e = err_make(ERR_LIMIT, "sign_up.many", "Too many mails were asked for. Try again later."); /* no invitation without its letter */
    if (e.kind) return e;
    code_prepare(a, who->org_id, CODE_JOINING, ACCOUNT_INVITATION_S, &w.code);
    w.code.user_id = who->user_id;
    w.code.household_id = h.me.household_id;
    w.code.has_email = true;
    email_index(a, who->org_id, email, w.code.email_index);
    e = invited_put(a, arena, w.code.id, email, &w.code.box);
    /* The letter names who invites by his address, which he has confirmed, and not by what he calls himself: nobody sends a stranger words of his own through us. */
    struct text_param by = {SLICE("inviter"), me.email};
    struct letter letter = {.code = "mail.joining", .lang = me.lang, .to = email, .email = email, .org_id = who->org_id, .about_id = about_address(w.code.email_index), .extra = &by, .extra_count = 1};
    if (!e.kind) e = letter_link(a, arena, who->org_id, from, "/invitation", &w.code.secret, &letter.link);
    if (!e.kind) e = letter_prepare(a, arena, &letter, &w.mail);
    if (!e.kind) e = db_write(a->db, invite_fn, &w);
    if (e.kind) {
        limit_give(a->limits, &invitations_by_household, home, mono_now(a));
        mail_allow_undo(a, who->org_id, email, from->peer);
        return e;
    }
    mail_wake(a->mail);
    *public_id = w.code.public_id;
    return ERR_OK;
}

struct err account_adult_invite(struct account *a, const struct account_who *who, struct slice email, struct slice password, const struct account_from *from, struct public_id *public_id) {
    char address[MAIL_ADDRESS_MAX + 1];
    size_t len;
    if (!mail_address(email, address, &len)) return err_make(ERR_INPUT, "account.email", "This is not an e-mail address.");
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    struct err e = arena ? invite_in(a, arena, who, slice_of(address, len), password, from, public_id) : err_memory();
    arena_destroy(&arena);
    return e;
}

static struct err withdraw_fn(struct db_tx *tx, void *arg) {
    struct invite_work *w = arg;
    w->changed = 0;
    return DB_CHANGE(tx, &w->changed, &joining_end, DB_INT("org_id", w->h->who->org_id), DB_INT("household_id", w->h->me.household_id), DB_TEXT("public_id", w->public_id));
}

struct err account_adult_withdraw(struct account *a, const struct account_who *who, struct slice public_id) {
    struct house h;
    struct invite_work w = {.h = &h, .public_id = public_id};
    struct public_id parsed;
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    struct err e = arena ? house_open(a, arena, who, &h) : err_memory();
    if (!e.kind && public_id_parse(public_id, &parsed)) e = db_write(a->db, withdraw_fn, &w);
    arena_destroy(&arena);
    if (!e.kind && !w.changed) e = err_make(ERR_NOT_FOUND, "household.invitation", "There is no such invitation (any more).");
    return e;
}

/* --- moving in --- */

struct err joining_check_in(struct account *a, struct db_tx *tx, int64_t org_id, int64_t household_id) {
    int64_t adults = DB_GET_INT(tx, 0, &user_living_with, DB_INT("household_id", household_id));
    struct err e = db_tx_error(tx);
    if (e.kind) return e;
    if (!adults) return DENIED("code.wrong", "This code has been used, is too old, or was never valid. Ask for a new mail.");
    return adults >= adults_max_of(a, org_id) ? too_many() : ERR_OK;
}

struct err move_in(struct move *m, struct db_tx *tx) {
    struct account_subject left = {.org_id = m->org_id, .user_id = m->user_id, .household_id = m->from_id, .is_whole_household = true};
    int64_t others = DB_GET_INT(tx, 0, &user_living_with, DB_INT("household_id", m->from_id));
    int64_t profiles = DB_GET_INT(tx, 0, &profile_count, DB_INT("org_id", m->org_id), DB_INT("household_id", m->from_id));
    profiles += DB_GET_INT(tx, 0, &profile_count, DB_INT("org_id", m->org_id), DB_INT("household_id", m->to_id));
    int64_t last_s = DB_GET_INT(tx, 0, &user_last_joined, DB_INT("household_id", m->to_id)), moved = 0;
    m->from_slot = DB_GET_INT(tx, 0, &household_key, DB_INT("id", m->from_id));
    struct err e = db_tx_error(tx);
    bool keeps = false;
    for (size_t i = 0; !e.kind && !keeps && i < m->a->holder_count; i++) {
        const struct account_holder *h = &m->a->holders[i];
        if (h->keeps) e = h->keeps(h->user, tx, m->arena, &left, &keeps);
    }
    if (e.kind) return e;
    if (others != 1) return err_make(ERR_CONFLICT, "household.others", "You share a household already. Leave it first.");
    if (keeps) return err_make(ERR_CONFLICT, "household.purchases", "Your household has orders, a plan or credit of its own, which would be lost. Accept with another address.");
    if (profiles > ACCOUNT_PROFILES_MAX) return err_make(ERR_CONFLICT, "household.profiles", "Together you would have more than eight profiles. Remove some first.");
    e = DB_RUN(tx, &profile_move_all, DB_INT("org_id", m->org_id), DB_INT("household_id", m->from_id), DB_INT("to_id", m->to_id));
    if (!e.kind)
        e = DB_CHANGE(tx, &moved, &user_set_household, DB_INT("org_id", m->org_id), DB_INT("id", m->user_id), DB_INT("from_id", m->from_id), DB_INT("household_id", m->to_id),
                      DB_INT("joined_s", m->now_s > last_s ? m->now_s : last_s + 1));
    if (!e.kind && !moved) e = nobody_here();
    if (!e.kind) e = DB_RUN(tx, &joining_end_user, DB_INT("org_id", m->org_id), DB_INT("household_id", m->from_id), DB_INT("user_id", m->user_id));
    if (!e.kind) e = household_forget_in(m->a, tx, &left, m->now_s);
    if (!e.kind) e = key_spent_in(tx, m->from_id, m->from_slot);
    if (!e.kind) e = change_note(m->a, tx, m->org_id, m->user_id, 0);
    if (!e.kind) e = change_note(m->a, tx, m->org_id, m->from_id, m->from_id);
    return e.kind ? e : change_note(m->a, tx, m->org_id, m->to_id, m->to_id);
}

void move_told(const struct move *m) {
    changes_tell(m->a, m->org_id, &m->user_id, 1, m->from_id);
    changes_tell(m->a, m->org_id, NULL, 0, m->to_id);
    keys_spent_told(m->a);
}

struct err joined_letter(struct account *a, struct arena *arena, int64_t org_id, int64_t user_id, struct slice email, const struct account_from *from, struct mail_new *out) {
    struct user_row row;
    struct account_user user;
    *out = (struct mail_new){0};
    struct err e = user_read(a, arena, org_id, user_id, &row);
    if (e.kind || !row.has) return e;
    e = user_open(a, arena, &row, &user);
    if (e.kind || !user.email.len) return e;
    struct text_param other = {SLICE("other"), email};
    struct letter letter = {.code = "mail.joined", .lang = user.lang, .to = user.email, .email = user.email, .name = user.name, .org_id = org_id, .about_id = user.id, .extra = &other, .extra_count = 1};
    e = letter_link(a, arena, org_id, from, "/account/household", NULL, &letter.link);
    return e.kind ? e : letter_prepare(a, arena, &letter, out);
}

/* --- moving out --- */

struct part_work {
    struct account *a;
    struct arena *arena;
    const struct account_who *who;
    int64_t user_id, home_id, keeps_session_id, now_s; /* keeps_session_id 0: all of his end */
    int64_t household_id, profile_id, slots[2];        /* his own from now on; the profile's is for the case that none goes with him */
    struct public_id household_public, profile_public;
    struct slice household_box, profile_box, country;
    bool is_removed, has_moved; /* by the owner; a profile went with him */
    struct mail_new mail;
    struct db_rows users, profiles;
};

static struct err part_check(struct part_work *w) {
    bool is_here = false, is_caller_owner = w->users.count && db_int(&w->users, 0, "id") == w->who->user_id;
    for (size_t i = 0; i < w->users.count; i++) is_here = is_here || db_int(&w->users, i, "id") == w->user_id;
    if (w->is_removed && !is_caller_owner) return not_the_owner();
    if (!is_here) return nobody_of_that_kind();
    return db_int(&w->users, 0, "id") == w->user_id ? owner_stays() : ERR_OK;
}

static struct err part_fn(struct db_tx *tx, void *arg) {
    struct part_work *w = arg;
    int64_t org_id = w->who->org_id, moved = 0;
    struct err e = DB_QUERY(tx, w->arena, &w->users, &user_of_household, DB_INT("org_id", org_id), DB_INT("household_id", w->home_id));
    if (!e.kind) e = part_check(w);
    if (!e.kind) e = DB_QUERY(tx, w->arena, &w->profiles, &profile_of_household, DB_INT("org_id", org_id), DB_INT("household_id", w->home_id));
    if (e.kind) return e;
    size_t own = 0;
    for (size_t i = 0; i < w->profiles.count; i++) own += db_int(&w->profiles, i, "user_id") == w->user_id;
    w->has_moved = own && own < w->profiles.count; /* a household keeps one */
    e = DB_RUN(tx, &household_insert, DB_INT("id", w->household_id), DB_INT("org_id", org_id), DB_TEXT("public_id", public_id_slice(&w->household_public)), DB_INT("key_slot", w->slots[0]),
               DB_BLOB("name_box", w->household_box), DB_TEXT("country", w->country), DB_INT("streams_max", ACCOUNT_STREAMS_DEFAULT), DB_INT("now_s", w->now_s));
    if (!e.kind && w->has_moved)
        e = DB_RUN(tx, &profile_move_of, DB_INT("org_id", org_id), DB_INT("household_id", w->home_id), DB_INT("user_id", w->user_id), DB_INT("to_id", w->household_id));
    if (!e.kind && !w->has_moved)
        e = DB_RUN(tx, &profile_insert, DB_INT("id", w->profile_id), DB_INT("org_id", org_id), DB_TEXT("public_id", public_id_slice(&w->profile_public)), DB_INT("household_id", w->household_id),
                   DB_INT("key_slot", w->slots[1]), DB_BLOB("name_box", w->profile_box), DB_BLOB_OR_NULL("birth_box", SLICE_NONE), DB_INT("picture", 1), DB_INT("age_max", 18),
                   DB_BLOB_OR_NULL("pin_mac", SLICE_NONE), DB_INT("now_s", w->now_s), DB_INT("user_id", w->user_id));
    if (!e.kind)
        e = DB_CHANGE(tx, &moved, &user_set_household, DB_INT("org_id", org_id), DB_INT("id", w->user_id), DB_INT("from_id", w->home_id), DB_INT("household_id", w->household_id),
                      DB_INT("joined_s", w->now_s));
    if (!e.kind) e = DB_RUN(tx, &joining_end_user, DB_INT("org_id", org_id), DB_INT("household_id", w->home_id), DB_INT("user_id", w->user_id));
    if (!e.kind) e = DB_RUN(tx, &user_session_end_others, DB_INT("org_id", org_id), DB_INT("user_id", w->user_id), DB_INT("but_id", w->keeps_session_id));
    if (!e.kind) e = DB_RUN(tx, &user_session_leave_profiles, DB_INT("org_id", org_id), DB_INT("user_id", w->user_id));
    if (!e.kind && w->mail.to.len) e = mail_add(w->a->mail, tx, &w->mail);
    if (!e.kind) e = change_note(w->a, tx, org_id, w->user_id, 0);
    return e.kind ? e : change_note(w->a, tx, org_id, w->home_id, w->home_id);
}

/* What the other needs to know: who was removed, or the owner whose household is left. */
static struct err part_letter(struct part_work *w, const struct house *h, const struct user_row *goes, const struct account_user *gone) {
    struct user_row owner;
    struct account_user to;
    struct err e = ERR_OK;
    if (w->is_removed) {
        to = *gone;
    } else {
        user_row_take(&h->users, 0, &owner);
        e = user_open(w->a, w->arena, &owner, &to);
    }
    if (e.kind || !to.email.len) return e;
    struct text_param other = {SLICE("other"), gone->email};
    struct letter letter = {.code = w->is_removed ? "mail.removed" : "mail.left", .lang = to.lang, .to = to.email, .email = to.email, .name = to.name, .org_id = w->who->org_id, .about_id = to.id,
                            .extra = &other, .extra_count = 1};
    e = letter_link(w->a, w->arena, w->who->org_id, &(struct account_from){0}, "/account/household", NULL, &letter.link);
    return e.kind ? e : letter_prepare(w->a, w->arena, &letter, &w->mail);
}

static struct err part_in(struct house *h, const struct user_row *goes, int64_t keeps_session_id) {
    struct account *a = h->a;
    struct part_work w = {.a = a, .arena = h->arena, .who = h->who, .user_id = goes->id, .home_id = h->me.household_id, .keeps_session_id = keeps_session_id, .now_s = h->now_s,
                          .household_id = id_next(a->ids), .profile_id = id_next(a->ids), .household_public = public_id_random(), .profile_public = public_id_random(),
                          .is_removed = goes->id != h->who->user_id, .users = h->users};
    const int64_t owners[2] = {w.household_id, w.profile_id};
    struct account_user gone;
    struct household_row home;
    struct profile_row *profiles;
    size_t count;
    struct sealed s;
    struct err e = part_check(&w); /* before keys are made; what counts is the same question inside the transaction */
    if (!e.kind) e = user_open(a, h->arena, goes, &gone);
    if (!e.kind) e = household_read(a, h->arena, h->who->org_id, w.home_id, &home, &profiles, &count);
    if (!e.kind && !home.has) e = nobody_here();
    if (!e.kind) e = part_letter(&w, h, goes, &gone);
    if (e.kind) return e;
    w.country = slice_of(home.country, 2);
    e = keys_make(a->keys, owners, 2, w.slots);
    if (!e.kind) e = sealed_of(a, w.household_id, w.slots[0], &s);
    if (!e.kind) e = sealed_put(&s, h->arena, "household.name", gone.name, &w.household_box);
    if (!e.kind) e = sealed_of(a, w.profile_id, w.slots[1], &s);
    if (!e.kind) e = sealed_put(&s, h->arena, "profile.name", gone.name, &w.profile_box);
    if (!e.kind) e = db_write(a->db, part_fn, &w);
    if (e.kind) return e;
    mail_wake(a->mail);
    changes_tell(a, h->who->org_id, &w.user_id, 1, w.home_id);
    if (w.has_moved) key_unused(a, w.profile_id, w.slots[1]);
    return ERR_OK;
}

/* Somebody else of the house, on the word of its owner. */
static struct err owner_opens(struct account *a, struct arena *arena, const struct account_who *who, struct slice public_id, struct slice password, struct house *h, struct user_row *out) {
    *out = (struct user_row){0};
    struct err e = house_open(a, arena, who, h);
    if (!e.kind && (!h->users.count || db_int(&h->users, 0, "id") != who->user_id)) e = not_the_owner();
    if (!e.kind) e = own_password_check(a, who, &h->me, password);
    for (size_t i = 0; !e.kind && i < h->users.count && !out->has; i++) {
        struct user_row row;
        user_row_take(&h->users, i, &row);
        if (slice_eq(public_id_slice(&row.public_id), public_id)) *out = row;
    }
    return !e.kind && !out->has ? nobody_of_that_kind() : e;
}

struct err account_adult_remove(struct account *a, const struct account_who *who, struct slice public_id, struct slice password) {
    struct house h;
    struct user_row goes;
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    struct err e = arena ? owner_opens(a, arena, who, public_id, password, &h, &goes) : err_memory();
    if (!e.kind && goes.id == who->user_id) e = owner_stays();
    if (!e.kind) e = part_in(&h, &goes, 0);
    arena_destroy(&arena);
    return e;
}

struct err account_adult_leave(struct account *a, const struct account_who *who, struct slice password) {
    struct house h;
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    struct err e = arena ? house_open(a, arena, who, &h) : err_memory();
    if (!e.kind) e = own_password_check(a, who, &h.me, password);
    if (!e.kind) e = part_in(&h, &h.me, who->session_id);
    arena_destroy(&arena);
    return e;
}

/* --- handing over --- */

struct hand_work {
    struct house *h;
    int64_t heir_id;
    struct mail_new mails[2];
};

static struct err hand_fn(struct db_tx *tx, void *arg) {
    struct hand_work *w = arg;
    struct house *h = w->h;
    int64_t org_id = h->who->org_id, home_id = h->me.household_id, changed = 0;
    struct err e = house_fn(tx, h);
    if (e.kind) return e;
    if (!h->users.count || db_int(&h->users, 0, "id") != h->who->user_id) return not_the_owner(); /* any more: of two that come at once one hands over */
    e = DB_RUN(tx, &user_owns_no_more, DB_INT("org_id", org_id), DB_INT("household_id", home_id));
    if (!e.kind) e = DB_CHANGE(tx, &changed, &user_owns, DB_INT("org_id", org_id), DB_INT("id", w->heir_id), DB_INT("household_id", home_id));
    if (!e.kind && !changed) e = nobody_of_that_kind(); /* any more */
    for (size_t i = 0; !e.kind && i < ARRAY_LEN(w->mails); i++)
        if (w->mails[i].to.len) e = mail_add(h->a->mail, tx, &w->mails[i]);
    return e;
}

/* Each names the other by his address: what somebody calls himself proves nothing. */
static struct err hand_letter(struct house *h, const char *code, const struct account_user *to, const struct account_user *other, struct mail_new *out) {
    if (!to->email.len) return ERR_OK;
    struct text_param param = {SLICE("other"), other->email};
    struct letter letter = {.code = code, .lang = to->lang, .to = to->email, .email = to->email, .name = to->name, .org_id = h->who->org_id, .about_id = to->id, .extra = &param, .extra_count = 1};
    struct err e = letter_link(h->a, h->arena, h->who->org_id, &(struct account_from){0}, "/account/household", NULL, &letter.link);
    return e.kind ? e : letter_prepare(h->a, h->arena, &letter, out);
}

static struct err hand_in(struct house *h, const struct user_row *heir_row) {
    struct hand_work w = {.h = h, .heir_id = heir_row->id};
    struct account_user me, heir;
    struct err e = user_open(h->a, h->arena, &h->me, &me);
    if (!e.kind) e = user_open(h->a, h->arena, heir_row, &heir);
    if (!e.kind) e = hand_letter(h, "mail.owner", &heir, &me, &w.mails[0]);
    if (!e.kind) e = hand_letter(h, "mail.handed", &me, &heir, &w.mails[1]);
    if (!e.kind) e = db_write(h->a->db, hand_fn, &w);
    if (!e.kind) mail_wake(h->a->mail);
    return e;
}

struct err account_adult_hand_over(struct account *a, const struct account_who *who, struct slice public_id, struct slice password) {
    struct house h;
    struct user_row heir;
    struct arena *arena = arena_create(ARENA_BYTES_MAX);
    struct err e = arena ? owner_opens(a, arena, who, public_id, password, &h, &heir) : err_memory();
    if (!e.kind && heir.id == who->user_id) e = err_make(ERR_CONFLICT, "household.owned", "This is the owner already.");
    if (!e.kind) e = hand_in(&h, &heir);
    arena_destroy(&arena);
    return e;
}

struct err owner_goes_in(struct account *a, struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t user_id, int64_t *household_id) {
    struct db_rows me, users;
    *household_id = 0;
    struct err e = DB_QUERY(tx, arena, &me, &user_by_id, DB_INT("org_id", org_id), DB_INT("id", user_id));
    if (e.kind || !me.count) return e;
    int64_t home_id = db_int(&me, 0, "household_id");
    e = DB_QUERY(tx, arena, &users, &user_of_household, DB_INT("org_id", org_id), DB_INT("household_id", home_id));
    if (!e.kind && users.count > 1 && db_int(&users, 0, "id") == user_id) *household_id = home_id;
    return e;
}

/* Who has closed the account is not named: from now on he is nobody's to name. */
struct err heir_tell_in(struct account *a, struct db_tx *tx, struct arena *arena, int64_t org_id, int64_t household_id) {
    struct account_post post = {.code = "mail.heir", .org_id = org_id, .household_id = household_id, .path = "/account/household"};
    return household_id ? account_post_in(a, tx, arena, &post) : ERR_OK;
}
