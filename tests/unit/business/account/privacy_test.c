/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fs.h"

#define ANNA SLICE("anna@example.org")

static void consent_is_a_log(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna"));
    struct account_who who = who_of(&f, &anna.session);
    struct account_consent_list list;
    bool has = true;
    assert_ok(account_consent_has(f.account, f.org, who.user_id, ACCOUNT_PURPOSE_NEWS, &has));
    assert_false(has); /* silence is no consent */
    assert_error(account_consent_set(f.account, &who, SLICE("everything"), true), "consent.purpose");
    assert_ok(account_consent_set(f.account, &who, SLICE("news"), true));
    pass(&f, 10);
    assert_ok(account_consent_set(f.account, &who, SLICE("statistics"), true));
    assert_int_equal(who_of(&f, &anna.session).consents, ACCOUNT_PURPOSE_NEWS | ACCOUNT_PURPOSE_STATISTICS);
    clock_manual_set_utc(f.clock, utc_from_seconds(BEGIN_S - 1000)); /* the clock goes back: the later answer still counts */
    assert_ok(account_consent_set(f.account, &who, SLICE("news"), false));
    assert_int_equal(who_of(&f, &anna.session).consents, ACCOUNT_PURPOSE_STATISTICS);
    assert_ok(account_consent_has(f.account, f.org, who.user_id, ACCOUNT_PURPOSE_NEWS, &has));
    assert_false(has);
    assert_ok(account_consent_list(f.account, f.arena, &who, &list));
    assert_int_equal(list.count, 3);
    assert_slice(list.items[0].purpose, "news");
    assert_false(list.items[0].is_granted);
    assert_int_equal(utc_seconds(list.items[0].at), BEGIN_S - 1000);
    assert_int_equal(list.items[1].at.ns, 0);
    end(&f);
}

static struct err write_history(void *user, struct db_tx *tx, struct arena *arena, const struct account_subject *s, struct json_writer *w) {
    json_begin_array(w);
    for (size_t i = 0; i < s->profile_count; i++) json_add_id(w, s->profile_ids[i]);
    json_end(w);
    return ERR_OK;
}
static struct err erase_history(void *user, struct db_tx *tx, const struct account_subject *s) {
    *(int64_t *)user = s->is_whole_household ? s->household_id : -1;
    return ERR_OK;
}

static void an_export_has_everything(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna Müller"));
    struct account_who who = who_of(&f, &anna.session);
    struct public_id kim;
    struct buf out = BUF(1 << 20);
    int64_t erased = 0;
    assert_ok(account_add_holder(f.account, &(struct account_holder){.name = "history", .write = write_history, .erase = erase_history, .user = &erased}));
    assert_ok(account_profile_add(f.account, &who, &(struct account_profile_change){.name = SLICE("Kim"), .has_birth_year = true, .birth_year = 2018, .has_age_max = true, .age_max = 6},
                                  &(struct account_proof){0}, &kim));
    assert_ok(account_consent_set(f.account, &who, SLICE("news"), true));
    assert_ok(account_export(f.account, f.arena, &who, &out));
    json_t *json;
    assert_ok(json_parse(buf_slice(&out), 1 << 20, &json));
    const json_t *user = json_object_get(json, "user"), *household = json_object_get(json, "household");
    assert_slice(json_get_string(user, "email"), "anna@example.org");
    assert_slice(json_get_string(user, "name"), "Anna Müller");
    const json_t *profiles = json_object_get(household, "profiles");
    int64_t year = 0;
    assert_int_equal(json_array_size(profiles), 2);
    assert_slice(json_get_string(json_array_get(profiles, 1), "name"), "Kim");
    assert_true(json_get_integer(json_array_get(profiles, 1), "birth_year", &year) && year == 2018);
    assert_slice(json_get_string(json_array_get(json_object_get(json, "sessions"), 0), "address"), "192.0.2.1");
    assert_int_equal(json_array_size(json_object_get(json, "consents")), 1);
    assert_int_equal(json_array_size(json_object_get(json, "history")), 2);
    assert_true(slice_find(buf_slice(&out), SLICE("#code=")) == SLICE_NPOS);
    assert_true(slice_find(buf_slice(&out), SLICE("argon2")) == SLICE_NPOS);
    json_decref(json);
    buf_free(&out);
    end(&f);
}

/* Nowhere in the database's files stands what is sealed, before erasing or after. */
static void nothing_personal_lies_open(void **state) {
    struct fixture f = begin(state);
    struct test_store *store = test_store_of(state);
    struct account_entry anna = person(&f, SLICE("annaliese@example.org"), SLICE("Annaliese Unverwechselbar"));
    struct account_who who = who_of(&f, &anna.session);
    struct public_id kim;
    assert_ok(account_profile_add(f.account, &who, &(struct account_profile_change){.name = SLICE("Kimberley")}, &(struct account_proof){0}, &kim));
    const char *files[] = {"test.db", "test.db-wal"};
    struct slice secrets[] = {SLICE("annaliese"), SLICE("Unverwechselbar"), SLICE("Kimberley"), SLICE("192.0.2.1"), SLICE("correct horse")};
    bool has_read = false;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[128];
        struct buf content = BUF(64 << 20);
        snprintf(path, sizeof path, "%s/%s", store->folder, files[i]);
        if (fs_exists(AT_FDCWD, path)) {
            assert_ok(fs_read_file(AT_FDCWD, path, &content));
            has_read = has_read || slice_find(buf_slice(&content), SLICE("account_user")) != SLICE_NPOS; /* we do look at the right bytes */
            for (size_t s = 0; s < ARRAY_LEN(secrets); s++) assert_true(slice_find(buf_slice(&content), secrets[s]) == SLICE_NPOS);
        }
        buf_free(&content);
    }
    assert_true(has_read);
    end(&f);
}

static void who_is_erased_is_gone(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna")), entry, ben = person(&f, SLICE("ben@example.org"), SLICE("Ben"));
    struct account_who who = who_of(&f, &anna.session), gone;
    struct public_id household = me_of(&f, &who).household.public_id;
    struct account_household_item item;
    struct account_household_facts facts;
    struct account_profile *profiles;
    size_t count;
    int64_t erased = 0;
    bool has;
    assert_ok(account_add_holder(f.account, &(struct account_holder){.name = "history", .erase = erase_history, .user = &erased}));
    assert_ok(account_consent_set(f.account, &who, SLICE("news"), true));
    who = who_of(&f, &anna.session);
    assert_error(account_erase(f.account, &who, SLICE("wrong password")), "me.password");
    assert_ok(account_erase(f.account, &who, PASSWORD));
    assert_true(erased == who.household_id);
    assert_error(account_session_find(f.account, f.org, text(&anna.session), &gone), "session.required");
    assert_error(sign_in(&f, ANNA, PASSWORD, SLICE_NONE, &entry), "sign_in.wrong");
    assert_false(account_household_facts(f.account, f.org, who.household_id, &facts));
    assert_error(account_household_get(f.account, f.arena, f.org, public_id_slice(&household), &item, &profiles, &count), "household.missing");
    struct mail_list mails;
    assert_ok(mail_list(f.mail, f.arena, f.org, 0, 200, &mails));
    for (size_t i = 0; i < mails.count; i++) assert_true(!slice_eq(mails.items[i].to, ANNA)); /* nor the letter to the one who had no account yet */
    assert_ok(account_consent_has(f.account, f.org, who.user_id, ACCOUNT_PURPOSE_NEWS, &has));
    assert_true(has); /* the log of consent stays, under an id that nobody can resolve */
    who_of(&f, &ben.session); /* others are untouched */
    assert_slice(me_of(&f, &(struct account_who){.org_id = f.org, .user_id = who_of(&f, &ben.session).user_id}).user.name, "Ben");
    entry = person(&f, ANNA, SLICE("Anna again")); /* the address is free */
    assert_true(who_of(&f, &entry.session).user_id != who.user_id);
    end(&f);
}

static void copy_file(const char *from, const char *to) {
    struct buf content = BUF(64 << 20);
    assert_ok(fs_read_file(AT_FDCWD, from, &content));
    assert_ok(fs_write_file_atomic(AT_FDCWD, to, buf_slice(&content), 0600));
    buf_free(&content);
}

/* A database from before the erasing is brought back beside today's keys: whoever was erased stays so. With keys from elsewhere nothing is erased, and the fault is said. */
static void an_old_database_brings_nobody_back(void **state) {
    struct test_store *store = test_store_of(state);
    char db[128], saved[128], keys[160], gone[160];
    struct fixture f = begin(state);
    snprintf(db, sizeof db, "%s/test.db", store->folder);
    snprintf(saved, sizeof saved, "%s/saved.db", store->folder);
    snprintf(keys, sizeof keys, "%s/persons", f.keys_path);
    snprintf(gone, sizeof gone, "%s/persons.gone", f.keys_path);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna")), ben = person(&f, SLICE("ben@example.org"), SLICE("Ben")), entry;
    struct account_who who = who_of(&f, &anna.session), gone_who;
    end(&f);
    copy_file(db, saved);
    f = begin_at(state, BEGIN_S + 100000);
    assert_ok(account_erase(f.account, &who, PASSWORD));
    end(&f);
    copy_file(saved, db);
    f = begin_at(state, BEGIN_S + 200000);
    assert_error(account_session_find(f.account, f.org, text(&anna.session), &gone_who), "session.required");
    assert_error(sign_in(&f, ANNA, PASSWORD, SLICE_NONE, &entry), "sign_in.wrong");
    who_of(&f, &ben.session);
    anna = person(&f, ANNA, SLICE("Anna again"));
    end(&f);
    copy_file(saved, db);
    assert_int_equal(rename(keys, gone), 0);
    f = begin_at(state, BEGIN_S + 300000);
    assert_error(sign_in(&f, SLICE("ben@example.org"), PASSWORD, SLICE_NONE, &entry), "keys.missing");
    end(&f);
    assert_int_equal(rename(gone, keys), 0);
    f = begin_at(state, BEGIN_S + 400000);
    assert_ok(sign_in(&f, SLICE("ben@example.org"), PASSWORD, SLICE_NONE, &entry));
    end(&f);
}

/* Inside the transaction that empties the rows. */
static struct err die(void *user, struct db_tx *tx, const struct account_subject *s) {
    kill(getpid(), SIGKILL);
    return ERR_OK;
}

/* The program ends at each write to the keys in turn, and in the middle of the last transaction; then it starts again and everything is done: what was noted is never
 * forgotten, and no key outlives it. */
enum { STEP_DIE = 0 };
static void erasing_survives_a_kill_at_each_step(void **state) {
    struct test_store *store = test_store_of(state);
    int steps = 0;
    for (int step = STEP_DIE; step < 200; step++) {
        int64_t start_s = BEGIN_S + step * INT64_C(100000);
        struct fixture f = begin_at(state, start_s);
        char email[64];
        snprintf(email, sizeof email, "p%d@example.org", step);
        struct account_entry entry = person(&f, slice_cstr(email), SLICE("P"));
        struct account_who who = who_of(&f, &entry.session);
        end(&f);
        pid_t child = fork();
        if (child == 0) { /* all writes from the n-th on fail, which to the disk is what a kill looks like; then the process ends as it stands */
            struct fixture c = {.clock = clock_manual_create(utc_from_seconds(start_s + 7200))};
            struct db_options options = {.url = store->url};
            c.ids = id_maker_create(c.clock, 0);
            snprintf(c.keys_path, sizeof c.keys_path, "%s/keys", store->folder);
            struct err e = db_open(&c.db, &options);
            if (!e.kind) e = keys_open(&c.keys, c.keys_path);
            if (!e.kind) e = mail_open(&c.mail, &(struct mail_options){.db = c.db, .clock = c.clock, .ids = c.ids, .keys = c.keys});
            if (!e.kind) e = account_open(&c.account, &(struct account_options){.db = c.db, .clock = c.clock, .ids = c.ids, .keys = c.keys, .mail = c.mail, .password_bytes = 8192, .password_passes = 1});
            if (e.kind) _exit(3);
            if (step == STEP_DIE) {
                e = account_add_holder(c.account, &(struct account_holder){.name = "death", .erase = die});
            } else {
                fault_arm(FAULT_WRITE, (uint64_t)(step + 1) / 2, true); /* a write, and after it its sync */
                if (step % 2 == 0) fault_arm(FAULT_WRITE, 0, false), fault_arm(FAULT_SYNC, (uint64_t)step / 2, true);
            }
            if (e.kind) _exit(3);
            e = account_erase(c.account, &who, PASSWORD);
            bool has_fired = fault_fired(FAULT_WRITE) || fault_fired(FAULT_SYNC);
            _exit(has_fired && e.kind ? 1 : !has_fired && !e.kind ? 0 : 2); /* what failed was reported */
        }
        int status = 0;
        assert_true(waitpid(child, &status, 0) == child);
        if (step == STEP_DIE) assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        else assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 1));
        f = begin_at(state, start_s + 50000); /* the program starts again */
        assert_ok(account_tick(f.account));
        struct account_who again;
        assert_error(account_session_find(f.account, f.org, text(&entry.session), &again), "session.required");
        assert_error(sign_in(&f, slice_cstr(email), PASSWORD, SLICE_NONE, &entry), "sign_in.wrong");
        struct account_household_facts facts;
        struct key key;
        assert_error(account_household_load(f.account, f.org, who.household_id, &facts), "household.missing");
        for (int64_t slot = 1; slot < 100; slot++) {
            assert_true(keys_read(f.keys, who.user_id, slot, &key).kind != ERR_NONE);
            assert_true(keys_read(f.keys, who.household_id, slot, &key).kind != ERR_NONE);
            assert_true(keys_read(f.keys, who.profile_id, slot, &key).kind != ERR_NONE);
        }
        end(&f);
        if (step != STEP_DIE && WEXITSTATUS(status) == 0) break;
        steps++;
    }
    assert_int_equal(steps, 1 + 2 * 3); /* three keys, a write and a sync each */
}

static int64_t slot_of(struct fixture *f, int64_t owner) {
    struct key key;
    for (int64_t slot = 1; slot < 100; slot++)
        if (!keys_read(f->keys, owner, slot, &key).kind) return slot;
    return 0;
}

/* One whose key the disk does not give up: he is told so, cannot get in any more, and holds up nobody else; once the disk is well, he is erased as well. */
static void whose_key_cannot_be_destroyed_holds_up_nobody(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna")), ben = person(&f, SLICE("ben@example.org"), SLICE("Ben")), entry;
    struct account_who who = who_of(&f, &anna.session), his = who_of(&f, &ben.session), gone;
    char path[160], well[64], bad[64] = "no key";
    int fd;
    snprintf(path, sizeof path, "%s/persons", f.keys_path);
    uint64_t at = (uint64_t)slot_of(&f, who.household_id) * sizeof well;
    assert_ok(fs_open(AT_FDCWD, path, O_RDWR, 0, &fd));
    assert_ok(fs_pread_all(fd, well, sizeof well, at));
    assert_ok(fs_pwrite_all(fd, slice_of(bad, sizeof bad), at));
    assert_error(account_erase(f.account, &who, PASSWORD), "me.erasing");
    assert_error(account_session_find(f.account, f.org, text(&anna.session), &gone), "session.required");
    assert_error(sign_in(&f, ANNA, PASSWORD, SLICE_NONE, &entry), "sign_in.wrong");
    assert_int_equal(slot_of(&f, who.user_id), 0); /* his own key was the first to go */
    struct public_id kim;
    int64_t kims_id;
    assert_ok(account_profile_add(f.account, &his, &(struct account_profile_change){.name = SLICE("Kim")}, &(struct account_proof){0}, &kim));
    assert_ok(account_profile_find(f.account, f.org, his.household_id, public_id_slice(&kim), &kims_id));
    assert_ok(account_profile_remove(f.account, &his, public_id_slice(&kim), &(struct account_proof){0}));
    assert_int_equal(slot_of(&f, kims_id), 0);
    assert_ok(account_erase(f.account, &his, PASSWORD));
    assert_int_equal(slot_of(&f, his.household_id), 0);
    assert_error(account_tick(f.account), "keys.damaged"); /* it is said each time */
    assert_ok(fs_pwrite_all(fd, slice_of(well, sizeof well), at));
    assert_ok(account_tick(f.account));
    assert_int_equal(slot_of(&f, who.household_id), 0);
    fs_close(&fd);
    entry = person(&f, ANNA, SLICE("Anna again")); /* the address is free */
    end(&f);
}

/* What is removed is removed, also while its key cannot be destroyed; that follows. */
static void a_removed_profile_loses_its_key_in_the_end(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna"));
    struct account_who who = who_of(&f, &anna.session);
    struct public_id kim;
    int64_t kims_id;
    assert_ok(account_profile_add(f.account, &who, &(struct account_profile_change){.name = SLICE("Kim")}, &(struct account_proof){0}, &kim));
    assert_ok(account_profile_find(f.account, f.org, who.household_id, public_id_slice(&kim), &kims_id));
    fault_arm(FAULT_WRITE, 1, true); /* of the keys: those of the store do not pass there */
    assert_ok(account_profile_remove(f.account, &who, public_id_slice(&kim), &(struct account_proof){0}));
    assert_true(fault_fired(FAULT_WRITE));
    fault_disarm_all();
    assert_error(account_profile_find(f.account, f.org, who.household_id, public_id_slice(&kim), &kims_id), "profile.missing");
    assert_true(slot_of(&f, kims_id) != 0);
    account_close(&f.account); /* and the program ends */
    open_account(&f);
    assert_ok(account_tick(f.account));
    assert_int_equal(slot_of(&f, kims_id), 0);
    end(&f);
}

/* Each allocation of a sign-up, a confirmation, a sign-in and a change fails in turn. */
static struct err story(struct fixture *f, struct slice email, struct slice code) {
    struct account_from from = from_nobody();
    struct account_entry entry = {0};
    struct account_me me;
    bool is_new;
    struct err e = account_confirm(f->account, f->org, code, &from, &entry);
    if (!e.kind) e = account_sign_in(f->account, f->org, email, PASSWORD, SLICE_NONE, &from, &entry);
    struct account_who who;
    if (!e.kind) e = account_session_find(f->account, f->org, text(&entry.session), &who);
    struct arena *arena = e.kind ? NULL : arena_create(1 << 20);
    if (!e.kind && !arena) e = err_memory();
    if (!e.kind) e = account_me_read(f->account, arena, &who, &me);
    if (!e.kind) e = account_user_change(f->account, &who, &(struct account_user_change){.name = SLICE("Other"), .email = SLICE("other@example.org"), .old_password = PASSWORD}, &from, &is_new, &entry);
    struct public_id id;
    if (!e.kind) e = account_profile_add(f->account, &who, &(struct account_profile_change){.name = SLICE("Kim"), .has_pin = true, .pin = SLICE("1234")}, &(struct account_proof){0}, &id);
    struct buf out = BUF(1 << 20);
    if (!e.kind) e = account_export(f->account, arena, &who, &out);
    buf_free(&out);
    arena_destroy(&arena);
    return e;
}

static void each_allocation_may_fail(void **state) {
    struct fixture f = begin(state);
    char email[64];
    bool is_done = false;
    for (int n = 1; n < 5000 && !is_done; n += 1 + n / 12) {
        snprintf(email, sizeof email, "p%d@example.org", n);
        pass(&f, 4000);
        assert_ok(sign_up_as(&f, slice_cstr(email), SLICE("P")));
        struct slice code = code_to(&f, slice_cstr(email));
        fault_arm(FAULT_ALLOC, (uint64_t)n, false);
        struct err e = story(&f, slice_cstr(email), code);
        bool has_fired = fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        if (!has_fired) {
            assert_ok(e);
            is_done = true;
        }
        arena_reset(f.arena);
        /* whatever failed: the address has an account, or its code still makes one */
        struct account_from from = from_nobody();
        struct account_entry entry;
        struct err in = sign_in(&f, slice_cstr(email), PASSWORD, SLICE_NONE, &entry);
        if (in.kind) assert_ok(account_confirm(f.account, f.org, code, &from, &entry));
    }
    assert_true(is_done);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(consent_is_a_log), ON_BOTH(an_export_has_everything), ON_SQLITE(nothing_personal_lies_open), ON_BOTH(who_is_erased_is_gone),
        ON_SQLITE(an_old_database_brings_nobody_back), ON_SQLITE(erasing_survives_a_kill_at_each_step),
        ON_BOTH(whose_key_cannot_be_destroyed_holds_up_nobody), ON_BOTH(a_removed_profile_loses_its_key_in_the_end), ON_SQLITE(each_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("account privacy", tests, NULL, NULL);
}
