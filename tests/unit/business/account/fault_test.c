/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A family's life while memory runs out or the disk refuses at one place after the other: signing up, a second factor, profiles, a PIN, grown-ups who come, own and leave, a
 * forgotten password, a new address, export, erasing; and somebody who works here for a while. What was answered with an error is not there, nor its letter; what was answered
 * as done is there whole, with its letter; whoever asks again has it; and what memory says a server says that opens the store now. In the end all of them are erased, and
 * every key that ever stood in a row of theirs is destroyed. */
#include "fixture.h"

#include "business/account/totp.h"
#include "fault_walk.h"

enum { SAID_MAX = 32 << 10, STEPS_MAX = 64, LIVES_OF_A_STORE = 12, KEYS_MAX = 64, STEP_S = 3000, PEOPLE = 4, SESSIONS_MAX = 24, WORDS_MAX = 16, FRESH_EACH = 8 };
enum { ANNA, BEN, CLEO, DORA };
#define ANOTHER SLICE("another horse and battery")

struct person_of { /* of this life */
    char email[48];
    struct account_secret session; /* the newest */
    struct account_who who;        /* of it; user_id 0: it has ended */
    struct slice code;             /* in the newest letter to him that has one */
    struct public_id public_id;
    bool is_erasing; /* he was told so */
};
struct world {
    void **state;
    struct fixture f; /* another store each LIVES_OF_A_STORE, so that what is read does not grow as fast as the walk goes */
    struct person_of people[PEOPLE];
    struct account_secret link;
    struct account_secret sessions[SESSIONS_MAX]; /* all that there ever were */
    size_t session_count;
    char words[WORDS_MAX][256]; /* hashes of passwords in the order in which they were first seen */
    size_t word_count;
    struct {
        int64_t owner, slot;
    } keys[KEYS_MAX]; /* that stood in a row */
    size_t key_count;
    int64_t begin_s;
    uint64_t failures;
    struct account_totp totp;
    struct account_recovery recovery;
    struct public_id kid, invitation;
    char path[STEPS_MAX][SAID_MAX]; /* where nothing fails */
    char before[SAID_MAX], now[SAID_MAX], other[SAID_MAX];
};

/* --- what there is, as whoever may see all sees it --- */

static const struct db_statement counted = {
    "test.counted",
    "SELECT (SELECT COUNT(*) FROM account_user WHERE org_id = :org_id) AS users, (SELECT COUNT(*) FROM account_user WHERE org_id = :org_id AND erased_s IS NOT NULL) AS erased, "
    "(SELECT COUNT(*) FROM account_user WHERE org_id = :org_id AND erasing_s IS NOT NULL AND erased_s IS NULL) AS erasing, "
    "(SELECT COUNT(*) FROM user_session WHERE org_id = :org_id) AS sessions, (SELECT COUNT(*) FROM account_consent WHERE org_id = :org_id) AS consents, "
    "(SELECT COUNT(*) FROM account_recovery WHERE org_id = :org_id) AS recovery, (SELECT COUNT(*) FROM account_code WHERE org_id = :org_id) AS codes, "
    "(SELECT COALESCE(SUM(kind * kind), 0) FROM account_code WHERE org_id = :org_id) AS kinds, "
    "(SELECT COUNT(*) FROM operator_link WHERE org_id = :org_id AND used_s IS NOT NULL) AS links_used"};
static const struct db_statement all_users = {
    "test.all_users", "SELECT id, key_slot, household_id, password, totp_step, totp_state FROM account_user WHERE org_id = :org_id AND erased_s IS NULL ORDER BY id"};
static const struct db_statement all_keys = {
    "test.all_keys", "SELECT id, key_slot FROM account_user WHERE org_id = :org_id UNION ALL SELECT id, key_slot FROM household WHERE org_id = :org_id "
                     "UNION ALL SELECT id, key_slot FROM profile WHERE org_id = :org_id"};

struct rows_of {
    struct world *w;
    struct db_rows counts, users, keys;
};
static struct err rows_fn(struct db_tx *tx, void *arg) {
    struct rows_of *r = arg;
    struct err e = DB_QUERY(tx, r->w->f.arena, &r->counts, &counted, DB_INT("org_id", r->w->f.org));
    if (!e.kind) e = DB_QUERY(tx, r->w->f.arena, &r->users, &all_users, DB_INT("org_id", r->w->f.org));
    return e.kind ? e : DB_QUERY(tx, r->w->f.arena, &r->keys, &all_keys, DB_INT("org_id", r->w->f.org));
}

static size_t word_of(struct world *w, struct slice hash) {
    size_t i = 0;
    while (i < w->word_count && !slice_eq(slice_cstr(w->words[i]), hash)) i++;
    if (i < w->word_count) return i;
    assert_true(w->word_count < WORDS_MAX && hash.len < sizeof w->words[0]);
    memcpy(w->words[w->word_count], hash.ptr, hash.len);
    w->words[w->word_count++][hash.len] = 0;
    return i;
}
static void keys_remember(struct world *w, const struct db_rows *rows) {
    for (size_t i = 0; i < rows->count; i++) {
        int64_t owner = db_int(rows, i, "id"), slot = db_int(rows, i, "key_slot");
        size_t k = 0;
        while (k < w->key_count && w->keys[k].slot != slot) k++;
        if (k < w->key_count) continue;
        assert_true(w->key_count < KEYS_MAX);
        w->keys[w->key_count].owner = owner;
        w->keys[w->key_count++].slot = slot;
    }
}

static void says(struct world *w, struct account *a, char into[SAID_MAX]) {
    struct fixture *f = &w->f;
    struct buf out = BUF(SAID_MAX);
    struct rows_of rows = {.w = w};
    struct account_household_list homes;
    struct mail_list mails;
    arena_reset(f->arena);
    assert_ok(db_read(f->db, rows_fn, &rows));
    keys_remember(w, &rows.keys);
    for (size_t i = 0; i < rows.counts.columns; i++) buf_printf(&out, "%s %lld, ", rows.counts.names[i], (long long)rows.counts.cells[i].integer);
    for (size_t i = 0; i < rows.users.count; i++)
        buf_printf(&out, "\nword %zu, factor %lld used %lld", word_of(w, db_text(&rows.users, i, "password")), (long long)db_int(&rows.users, i, "totp_state"),
                   (long long)(db_int(&rows.users, i, "totp_step") ? db_int(&rows.users, i, "totp_step") - w->begin_s / TOTP_STEP_S : 0));
    assert_ok(account_household_list(a, f->arena, f->org, SLICE_NONE, 20, &homes));
    for (size_t h = 0; h < homes.count; h++) {
        struct account_household_item item;
        struct account_profile *profiles;
        size_t count;
        assert_ok(account_household_get(a, f->arena, f->org, public_id_slice(&homes.items[h].household.public_id), &item, &profiles, &count));
        buf_printf(&out, "\nhome %.*s %s %d:", SLICE_ARG(item.household.name), item.household.country, item.household.streams_max);
        for (size_t i = 0; i < item.user_count; i++) {
            const struct account_user *u = &item.users[i];
            buf_printf(&out, " (%.*s %.*s %.*s %d %u)", SLICE_ARG(u->name), SLICE_ARG(u->email), SLICE_ARG(u->lang), u->has_totp, u->roles);
        }
        for (size_t i = 0; i < count; i++)
            buf_printf(&out, " [%.*s %s %d %d %d]", SLICE_ARG(profiles[i].name), profiles[i].picture, profiles[i].birth_year, profiles[i].age_max, profiles[i].has_pin);
    }
    for (size_t i = 0; i < w->session_count; i++) {
        struct account_who who;
        struct err e = account_session_find(a, f->org, text(&w->sessions[i]), &who);
        if (e.kind) assert_error(e, "session.required");
        if (e.kind) buf_printf(&out, "\nsession %zu: over", i);
        else buf_printf(&out, "\nsession %zu: %d %d %u %u %d", i, who.profile_id != 0, who.age_max, who.roles, who.consents, who.is_child);
    }
    assert_ok(mail_list(f->mail, f->arena, f->org, 0, 200, &mails));
    for (size_t i = mails.count; i-- > 0;) buf_printf(&out, "\nto %.*s: %.*s", SLICE_ARG(mails.items[i].to), SLICE_ARG(mails.items[i].subject));
    assert_ok(buf_error(&out));
    assert_true(out.len < SAID_MAX);
    memcpy(into, out.ptr, out.len);
    into[out.len] = 0;
    buf_free(&out);
}

static void same(const char *what, const char *step, const char *is, const char *wanted) {
    if (strcmp(is, wanted)) fail_msg("at \"%s\" %s is\n%s\n--- instead of\n%s", step, what, is, wanted);
}
static void look(struct world *w) { says(w, w->f.account, w->now); }
/* What a server says that opens the store now. */
static void fresh(struct world *w, const char *step) {
    struct fixture other = w->f;
    open_account(&other);
    says(w, other.account, w->other);
    account_close(&other.account);
    same("a new server's word", step, w->other, w->now);
}

/* What the next step will need; nothing is failing. */
static void look_around(struct world *w) {
    struct fixture *f = &w->f;
    struct mail_list mails;
    arena_reset(f->arena);
    assert_ok(mail_list(f->mail, f->arena, f->org, 0, 200, &mails));
    for (int p = 0; p < PEOPLE; p++) {
        struct person_of *one = &w->people[p];
        struct err e = account_session_find(f->account, f->org, text(&one->session), &one->who);
        if (e.kind) one->who = (struct account_who){0};
        one->code = SLICE_NONE;
        for (size_t i = 0; i < mails.count && !one->code.len; i++)
            if (slice_eq(mails.items[i].to, slice_cstr(one->email)) && slice_find(mails.items[i].text, SLICE("#code=")) != SLICE_NPOS) one->code = code_in(mails.items[i]);
        if (!one->who.user_id) continue;
        struct account_me me = me_of(f, &one->who);
        one->public_id = me.user.public_id;
    }
}

/* --- steps --- */

static void entered(struct world *w, int p, const struct account_entry *entry) {
    assert_true(w->session_count < SESSIONS_MAX);
    w->sessions[w->session_count++] = w->people[p].session = entry->session;
}
static struct slice email(const struct world *w, int p) { return slice_cstr(w->people[p].email); }

static struct err sign_up(struct world *w, int p, const char *name) { return sign_up_as(&w->f, email(w, p), slice_cstr(name)); }
static struct err confirm(struct world *w, int p) {
    struct account_from from = from_nobody();
    struct account_entry entry;
    struct err e = account_confirm(w->f.account, w->f.org, w->people[p].code, &from, &entry);
    if (!e.kind) entered(w, p, &entry);
    return e;
}
static struct err enter(struct world *w, int p, struct slice password, struct slice code) {
    struct account_entry entry;
    struct err e = sign_in(&w->f, email(w, p), password, code, &entry);
    if (!e.kind) entered(w, p, &entry);
    return e;
}
static struct slice totp_now(struct world *w, char out[8]) {
    uint8_t secret[TOTP_SECRET_BYTES];
    uint32_t bits = 0;
    int held = 0, at = 0;
    for (const char *c = w->totp.secret; *c; c++) {
        bits = bits << 5 | (uint32_t)(*c >= 'A' ? *c - 'A' : *c - '2' + 26);
        if ((held += 5) >= 8) secret[at++] = (uint8_t)(bits >> (held -= 8));
    }
    snprintf(out, 8, "%06u", totp_code(secret, utc_seconds(clock_utc(w->f.clock)) / TOTP_STEP_S));
    return slice_cstr(out);
}

static struct err anna_signs_up(struct world *w) { return sign_up(w, ANNA, "Anna"); }
static struct err anna_confirms(struct world *w) { return confirm(w, ANNA); }
static struct err anna_signs_in(struct world *w) { return enter(w, ANNA, PASSWORD, SLICE_NONE); }
static struct err totp_begins(struct world *w) { return account_totp_begin(w->f.account, w->f.arena, &w->people[ANNA].who, &w->totp); }
static struct err totp_is_confirmed(struct world *w) {
    char code[8];
    return account_totp_confirm(w->f.account, &w->people[ANNA].who, totp_now(w, code), &w->recovery);
}
static struct err anna_signs_in_by_totp(struct world *w) {
    char code[8];
    return enter(w, ANNA, PASSWORD, totp_now(w, code));
}
static struct err anna_signs_in_by_recovery(struct world *w) { return enter(w, ANNA, PASSWORD, slice_cstr(w->recovery.codes[0])); }
static struct err anna_agrees(struct world *w) { return account_consent_set(w->f.account, &w->people[ANNA].who, SLICE("news"), true); }
static struct err kid_is_added(struct world *w) {
    struct account_profile_change c = {.name = SLICE("Kim"), .picture = SLICE("a3"), .has_birth_year = true, .birth_year = 2019, .has_age_max = true, .age_max = 6};
    return account_profile_add(w->f.account, &w->people[ANNA].who, &c, &(struct account_proof){0}, &w->kid);
}
static struct err own_profile(struct world *w, int p, struct public_id *out) {
    struct account_me me;
    struct err e = account_me_read(w->f.account, w->f.arena, &w->people[p].who, &me);
    for (size_t i = 0; !e.kind && i < me.profile_count; i++)
        if (me.profiles[i].age_max == 18) *out = me.profiles[i].public_id;
    return e;
}
static struct err pin_is_set(struct world *w) {
    struct public_id id;
    struct err e = own_profile(w, ANNA, &id);
    if (e.kind) return e;
    return account_profile_change(w->f.account, &w->people[ANNA].who, public_id_slice(&id), &(struct account_profile_change){.has_pin = true, .pin = SLICE("1234")},
                                  &(struct account_proof){.password = PASSWORD});
}
static struct err kid_is_chosen(struct world *w) { return account_profile_choose(w->f.account, &w->people[ANNA].who, public_id_slice(&w->kid), &(struct account_proof){0}); }
static struct err grown_up_is_chosen(struct world *w) {
    struct public_id id;
    struct err e = own_profile(w, ANNA, &id);
    return e.kind ? e : account_profile_choose(w->f.account, &w->people[ANNA].who, public_id_slice(&id), &(struct account_proof){.pin = SLICE("1234")});
}
static struct err kid_is_removed(struct world *w) { return account_profile_remove(w->f.account, &w->people[ANNA].who, public_id_slice(&w->kid), &(struct account_proof){0}); }
static struct err home_is_renamed(struct world *w) {
    return account_household_change(w->f.account, &w->people[ANNA].who, &(struct account_household_change){.name = SLICE("Home"), .country = SLICE("CH")});
}
static struct err invite(struct world *w, int by, int p) {
    struct account_from from = from_nobody();
    return account_adult_invite(w->f.account, &w->people[by].who, email(w, p), PASSWORD, &from, &w->invitation);
}
static struct err ben_is_invited(struct world *w) { return invite(w, ANNA, BEN); }
static struct err invitation_is_withdrawn(struct world *w) { return account_adult_withdraw(w->f.account, &w->people[ANNA].who, public_id_slice(&w->invitation)); }
static struct err accept(struct world *w, int p, const char *name) {
    struct account_from from = from_nobody();
    struct account_entry entry;
    struct err e = account_invitation_accept(w->f.account, w->f.org, w->people[p].code, slice_cstr(name), PASSWORD, SLICE_NONE, &from, &entry);
    if (!e.kind) entered(w, p, &entry);
    return e;
}
static struct err ben_accepts(struct world *w) { return accept(w, BEN, "Ben"); }
static struct err cleo_signs_up(struct world *w) { return sign_up(w, CLEO, "Cleo"); }
static struct err cleo_confirms(struct world *w) { return confirm(w, CLEO); }
static struct err cleo_is_invited(struct world *w) { return invite(w, BEN, CLEO); }
static struct err cleo_moves_in(struct world *w) { return accept(w, CLEO, ""); }
static struct err anna_hands_over(struct world *w) { return account_adult_hand_over(w->f.account, &w->people[ANNA].who, public_id_slice(&w->people[BEN].public_id), PASSWORD); }
static struct err cleo_is_removed(struct world *w) { return account_adult_remove(w->f.account, &w->people[BEN].who, public_id_slice(&w->people[CLEO].public_id), PASSWORD); }
static struct err cleo_signs_in(struct world *w) { return enter(w, CLEO, PASSWORD, SLICE_NONE); }
static struct err cleo_leaves(struct world *w) { return account_adult_leave(w->f.account, &w->people[CLEO].who, PASSWORD); }
static struct err anna_forgets(struct world *w) {
    struct account_from from = from_nobody();
    return account_password_forget(w->f.account, w->f.org, email(w, ANNA), &from);
}
static struct err anna_resets(struct world *w) {
    struct account_from from = from_nobody();
    struct account_entry entry;
    struct err e = account_password_reset(w->f.account, w->f.org, w->people[ANNA].code, ANOTHER, slice_cstr(w->recovery.codes[1]), &from, &entry);
    if (!e.kind) entered(w, ANNA, &entry);
    return e;
}
static struct err totp_ends(struct world *w) { return account_totp_end(w->f.account, &w->people[ANNA].who, ANOTHER); }
static struct err anna_changes(struct world *w) {
    struct account_from from = from_nobody();
    struct account_entry entry;
    bool is_new;
    char moved[64];
    snprintf(moved, sizeof moved, "new-%s", w->people[ANNA].email);
    struct account_user_change c = {.name = SLICE("Anna B."), .lang = SLICE("th"), .email = slice_cstr(moved), .password = PASSWORD, .old_password = ANOTHER};
    struct err e = account_user_change(w->f.account, &w->people[ANNA].who, &c, &from, &is_new, &entry);
    if (e.kind) return e;
    assert_true(is_new);
    entered(w, ANNA, &entry);
    snprintf(w->people[ANNA].email, sizeof w->people[ANNA].email, "%s", moved);
    return e;
}
static struct err address_is_confirmed(struct world *w) {
    struct account_from from = from_nobody();
    struct account_entry entry;
    from.session = text(&w->people[ANNA].session);
    struct err e = account_confirm(w->f.account, w->f.org, w->people[ANNA].code, &from, &entry);
    if (!e.kind) entered(w, ANNA, &entry);
    return e;
}
static struct err is_exported(struct world *w) {
    struct buf out = BUF(1 << 20), whole = BUF(1 << 20);
    struct err e = account_export(w->f.account, w->f.arena, &w->people[BEN].who, &out);
    if (!e.kind) {
        fault_disarm_all();
        assert_ok(account_export(w->f.account, w->f.arena, &w->people[BEN].who, &whole));
        assert_true(slice_eq(buf_slice(&out), buf_slice(&whole)));
    } else {
        assert_int_equal(out.len, 0);
    }
    buf_free(&out);
    buf_free(&whole);
    return e;
}
static struct err link_is_made(struct world *w) { return account_link_make(w->f.account, w->f.org, &w->link); }
static struct err operator_enters(struct world *w) {
    struct account_secret session;
    struct err e = account_enter(w->f.account, w->f.org, text(&w->link), SLICE("192.0.2.9"), &session);
    if (!e.kind) w->sessions[w->session_count++] = session;
    if (!e.kind) w->link = session;
    return e;
}
static struct err dora_is_invited(struct world *w) {
    struct account_from from = from_nobody();
    struct account_who who;
    struct err e = account_session_find(w->f.account, w->f.org, text(&w->link), &who);
    return e.kind ? e : account_member_invite(w->f.account, &who, email(w, DORA), ACCOUNT_EDITOR, &from, &w->invitation);
}
static struct err dora_accepts(struct world *w) { return accept(w, DORA, "Dora"); }
static struct err dora_rises(struct world *w) {
    struct account_who who;
    struct err e = account_session_find(w->f.account, w->f.org, text(&w->link), &who);
    return e.kind ? e : account_member_change(w->f.account, &who, public_id_slice(&w->people[DORA].public_id), ACCOUNT_EDITOR | ACCOUNT_FINANCE);
}
static struct err dora_goes(struct world *w) {
    struct account_who who;
    struct err e = account_session_find(w->f.account, w->f.org, text(&w->link), &who);
    return e.kind ? e : account_member_remove(w->f.account, &who, public_id_slice(&w->people[DORA].public_id));
}
static struct err dora_signs_in(struct world *w) { return enter(w, DORA, PASSWORD, SLICE_NONE); }
static struct err session_ends(struct world *w) { return account_session_end(w->f.account, w->f.org, text(&w->link)); }
static struct err erase(struct world *w, int p) {
    struct err e = account_erase(w->f.account, &w->people[p].who, PASSWORD);
    w->people[p].is_erasing = e.kind && !strcmp(e.code, "me.erasing");
    return e;
}
static struct err ben_is_erased(struct world *w) { return erase(w, BEN); } /* the owner: Anna is */
static struct err anna_is_erased(struct world *w) { return erase(w, ANNA); }
static struct err cleo_is_erased(struct world *w) { return erase(w, CLEO); }
static struct err dora_is_erased(struct world *w) { return erase(w, DORA); }
static struct err time_passes(struct world *w) { return account_tick(w->f.account); }

#define STEP_OF(name, ...) {name, #name, __VA_ARGS__}
static const struct {
    struct err (*run)(struct world *);
    const char *name;
    bool changes_nothing;
} steps[] = {
    STEP_OF(anna_signs_up), STEP_OF(anna_confirms), STEP_OF(anna_signs_in), STEP_OF(totp_begins), STEP_OF(totp_is_confirmed), STEP_OF(anna_signs_in_by_totp),
    STEP_OF(anna_signs_in_by_recovery), STEP_OF(anna_agrees), STEP_OF(kid_is_added), STEP_OF(pin_is_set), STEP_OF(kid_is_chosen), STEP_OF(grown_up_is_chosen),
    STEP_OF(kid_is_removed), STEP_OF(home_is_renamed), STEP_OF(ben_is_invited), STEP_OF(invitation_is_withdrawn), STEP_OF(ben_is_invited), STEP_OF(ben_accepts),
    STEP_OF(cleo_signs_up), STEP_OF(cleo_confirms), STEP_OF(cleo_is_invited), STEP_OF(cleo_moves_in), STEP_OF(anna_hands_over), STEP_OF(cleo_is_removed), STEP_OF(cleo_signs_in),
    STEP_OF(cleo_is_invited), STEP_OF(cleo_moves_in), STEP_OF(cleo_leaves), STEP_OF(time_passes, true), STEP_OF(anna_forgets), STEP_OF(anna_resets), STEP_OF(totp_ends),
    STEP_OF(anna_changes), STEP_OF(address_is_confirmed), STEP_OF(is_exported, true), STEP_OF(link_is_made, true), STEP_OF(operator_enters), STEP_OF(dora_is_invited),
    STEP_OF(dora_accepts), STEP_OF(dora_rises), STEP_OF(dora_goes), STEP_OF(dora_signs_in), STEP_OF(session_ends), STEP_OF(ben_is_erased), STEP_OF(anna_is_erased),
    STEP_OF(cleo_is_erased), STEP_OF(dora_is_erased), STEP_OF(time_passes, true)};
_Static_assert(ARRAY_LEN(steps) <= STEPS_MAX, "steps");

/* --- a life --- */

static void world_open(struct world *w, int64_t life) {
    struct test_store *store = test_store_of(w->state);
    snprintf(store->url, sizeof store->url, "%s/account-%lld.db", store->folder, (long long)life);
    w->f = begin_at(w->state, BEGIN_S + life * STEPS_MAX * STEP_S);
}

/* He was told that his account is closed, and that the rest follows: nobody gets in any more, and as soon as nothing fails it is done. */
static void what_was_begun_is_ended(struct world *w, const struct fault_walk *walk, const char *step) {
    for (int p = 0; p < PEOPLE; p++) {
        struct account_entry entry;
        struct account_who who;
        if (!w->people[p].is_erasing) continue;
        assert_error(account_session_find(w->f.account, w->f.org, text(&w->people[p].session), &who), "session.required");
        assert_error(sign_in(&w->f, email(w, p), PASSWORD, SLICE_NONE, &entry), "sign_in.wrong");
        w->people[p].is_erasing = false;
        w->people[p].who.user_id = 0;
    }
    for (int p = 0; p < PEOPLE; p++) { /* whoever is left lives in a house that somebody owns, from that moment on */
        struct account_adults all;
        if (!w->people[p].who.user_id) continue;
        assert_ok(account_adults(w->f.account, w->f.arena, &w->people[p].who, &all));
        assert_true(all.count > 0 && all.items[0].is_owner);
    }
    if (walk->life % 2) { /* the server is started again */
        account_close(&w->f.account);
        open_account(&w->f);
    }
    assert_ok(account_tick(w->f.account));
}

static void keys_are_gone(struct world *w) {
    struct key key;
    for (size_t i = 0; i < w->key_count; i++) assert_error(keys_read(w->f.keys, w->keys[i].owner, w->keys[i].slot, &key), "keys.destroyed");
    assert_true(w->key_count >= 3 * PEOPLE);
}

static void live(void *world, struct fault_walk *walk) {
    struct world *w = world;
    if (walk->life % LIVES_OF_A_STORE == 0) {
        end(&w->f);
        world_open(w, walk->life);
    }
    char host[32];
    static const char *const names[] = {"anna", "ben", "cleo", "dora"};
    snprintf(host, sizeof host, "life%lld.example", (long long)walk->life);
    int64_t first = account_org_of_host(w->f.account, SLICE("nobody.example"));
    walk->step = "an organisation";
    if (FAULT_STEP(walk, account_org_put(w->f.account, SLICE("Club"), slice_cstr(host), &w->f.org)).kind) {
        assert_int_equal(account_org_of_host(w->f.account, slice_cstr(host)), first);
        assert_ok(account_org_put(w->f.account, SLICE("Club"), slice_cstr(host), &w->f.org));
    }
    pass(&w->f, ACCOUNT_FOLLOW_S);
    assert_ok(account_tick(w->f.account)); /* where memory could not follow at once */
    assert_int_equal(account_org_of_host(w->f.account, slice_cstr(host)), w->f.org);
    struct account_org_facts facts = {.country = "CH", .portability = ACCOUNT_PORTABILITY_EU, .adults_max = 5}, known;
    walk->step = "facts of an organisation";
    if (FAULT_STEP(walk, account_org_set_facts(w->f.account, w->f.org, &facts)).kind) {
        assert_true(account_org_facts(w->f.account, w->f.org, &known) && known.adults_max == ACCOUNT_ADULTS_DEFAULT);
        assert_ok(account_org_set_facts(w->f.account, w->f.org, &facts));
    }
    pass(&w->f, ACCOUNT_FOLLOW_S);
    assert_ok(account_tick(w->f.account));
    assert_true(account_org_facts(w->f.account, w->f.org, &known) && known.adults_max == 5 && !strcmp(known.country, "CH"));
    w->begin_s = utc_seconds(clock_utc(w->f.clock)) / TOTP_STEP_S * TOTP_STEP_S;
    w->session_count = w->word_count = w->key_count = 0;
    memset(w->people, 0, sizeof w->people);
    for (int p = 0; p < PEOPLE; p++) snprintf(w->people[p].email, sizeof w->people[p].email, "%s@example.org", names[p]); /* of this organisation */
    look(w);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        const char *name = walk->step = steps[i].name;
        pass(&w->f, STEP_S);
        look_around(w);
        memcpy(w->before, w->now, SAID_MAX);
        struct err e = FAULT_STEP(walk, steps[i].run(w));
        if (e.kind && !strcmp(e.code, "me.erasing")) {
            what_was_begun_is_ended(w, walk, name);
            e = ERR_OK;
            look(w);
        } else if (e.kind) {
            look(w);
            if (fault_is_in_doubt(e) && strcmp(w->now, w->before)) return; /* it stands, and who asked has no secret of it */
            same("what there is", name, w->now, w->before);
            if (w->failures++ % (getenv("GRANDSTAND_TEST_LONG") ? 1 : FRESH_EACH) == 0) fresh(w, name);
            look_around(w);
            assert_ok(steps[i].run(w)); /* he asks again */
            look(w);
        } else {
            look(w);
        }
        if (!walk->nth) {
            memcpy(w->path[i], w->now, SAID_MAX);
            if (!steps[i].changes_nothing && !strcmp(w->now, w->before)) fail_msg("\"%s\" changed nothing", name);
        }
        same("what there is", name, w->now, w->path[i]);
    }
    fresh(w, "the end");
    keys_are_gone(w);
}

static void whatever_fails_nobody_is_half_made_and_nobody_half_erased(void **state) {
    struct world *w = calloc(1, sizeof *w);
    w->state = state;
    world_open(w, 0);
    fault_walk(live, w, (const uint64_t[FAULT_POINTS]){[FAULT_ALLOC] = 311, [FAULT_WRITE] = 29, [FAULT_READ] = 43, [FAULT_SYNC] = 5});
    end(&w->f);
    free(w);
}

/* Few letters may be asked for, and few codes tried; what could not be written or looked at is none of them. */
static void what_failed_is_not_counted(void **state) {
    struct fixture f = begin(state);
    struct account_from from = from_nobody();
    struct account_entry entry;
    struct slice anna = SLICE("anna@example.org");
    for (int i = 0; i < 15; i++) {
        fault_arm(FAULT_WRITE, 1, true);
        assert_true(sign_up_as(&f, anna, SLICE("Anna")).kind == ERR_LIMIT);
        fault_disarm_all();
    }
    assert_int_equal(letters(&f), 0);
    assert_ok(sign_up_as(&f, anna, SLICE("Anna")));
    struct slice code = code_to(&f, anna);
    for (int i = 0; i < 2 * ACCOUNT_WRONG_CODES_MAX; i++) {
        sqlite_caches_drop();
        fault_arm(FAULT_READ, 1, true);
        assert_error(account_confirm(f.account, f.org, code, &from, &entry), "db.io");
        fault_disarm_all();
    }
    assert_ok(account_confirm(f.account, f.org, code, &from, &entry));
    struct account_who who = who_of(&f, &entry.session);
    struct public_id id;
    for (int i = 0; i < 10; i++) {
        fault_arm(FAULT_WRITE, 1, true);
        assert_true(account_adult_invite(f.account, &who, SLICE("ben@example.org"), PASSWORD, &from, &id).kind == ERR_LIMIT);
        fault_disarm_all();
    }
    assert_ok(account_adult_invite(f.account, &who, SLICE("ben@example.org"), PASSWORD, &from, &id));
    code_to(&f, SLICE("ben@example.org"));
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {ON_SQLITE(whatever_fails_nobody_is_half_made_and_nobody_half_erased), ON_SQLITE(what_failed_is_not_counted)};
    return cmocka_run_group_tests(tests, layer_put_in, NULL);
}
