/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "fixture.h"

#define ANNA SLICE("anna@example.org")

static const struct account_proof no_proof;
static struct account_proof by_password(void) { return (struct account_proof){.password = PASSWORD}; }
static struct account_proof by_pin(const char *pin) { return (struct account_proof){.pin = slice_cstr(pin)}; }

static struct public_id add(struct fixture *f, const struct account_who *who, struct slice name, int age_max, const char *pin) {
    struct public_id id;
    assert_ok(account_profile_add(f->account, who, &(struct account_profile_change){.name = name, .has_age_max = true, .age_max = age_max, .has_pin = pin != NULL, .pin = slice_cstr(pin)},
                                  &no_proof, &id));
    return id;
}

static void profiles_are_made_changed_and_removed(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna"));
    struct account_who who = who_of(&f, &anna.session);
    struct public_id kim;
    struct account_profile_change change = {.name = SLICE(" 金 "), .picture = SLICE("a12"), .has_birth_year = true, .birth_year = 2018, .has_age_max = true, .age_max = 6};
    assert_ok(account_profile_add(f.account, &who, &change, &no_proof, &kim));
    struct account_me me = me_of(&f, &who);
    assert_int_equal(me.profile_count, 2);
    assert_slice(me.profiles[1].name, "金");
    assert_string_equal(me.profiles[1].picture, "a12");
    assert_int_equal(me.profiles[1].birth_year, 2018);
    assert_true(me.profiles[1].is_child && !me.profiles[1].has_pin && !me.profiles[0].is_child);

    const struct {
        struct account_profile_change change;
        const char *code;
    } wrong[] = {
        {{.name = SLICE("")}, "account.name"}, {{.name = SLICE("x\ny")}, "account.name"}, {{.picture = SLICE("a13")}, "profile.picture"}, {{.picture = SLICE("../x")}, "profile.picture"},
        {{.has_birth_year = true, .birth_year = 1899}, "profile.birth_year"}, {{.has_birth_year = true, .birth_year = 3000}, "profile.birth_year"},
        {{.has_age_max = true, .age_max = 7}, "profile.age_max"}, {{.has_age_max = true, .age_max = -1}, "profile.age_max"}, {{.has_pin = true, .pin = SLICE("12345")}, "profile.pin_form"},
        {{.has_pin = true, .pin = SLICE("12a4")}, "profile.pin_form"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) assert_error(account_profile_change(f.account, &who, public_id_slice(&kim), &wrong[i].change, &no_proof), wrong[i].code);
    change = (struct account_profile_change){.name = SLICE("Kim"), .has_birth_year = true};
    assert_ok(account_profile_change(f.account, &who, public_id_slice(&kim), &change, &no_proof));
    me = me_of(&f, &who);
    assert_slice(me.profiles[1].name, "Kim");
    assert_int_equal(me.profiles[1].birth_year, 0);
    assert_int_equal(me.profiles[1].age_max, 6); /* what is not said stays */
    for (int i = 2; i < ACCOUNT_PROFILES_MAX; i++) add(&f, &who, SLICE("More"), 18, NULL);
    assert_error(account_profile_add(f.account, &who, &change, &no_proof, &kim), "profile.count");
    me = me_of(&f, &who);
    for (size_t i = 1; i < me.profile_count; i++) assert_ok(account_profile_remove(f.account, &who, public_id_slice(&me.profiles[i].public_id), &no_proof));
    assert_error(account_profile_remove(f.account, &who, public_id_slice(&me.profiles[0].public_id), &no_proof), "profile.last");
    assert_error(account_profile_remove(f.account, &who, public_id_slice(&me.profiles[1].public_id), &no_proof), "profile.missing");
    end(&f);
}

static void a_child_does_not_get_out_alone(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna"));
    struct account_who who = who_of(&f, &anna.session);
    struct public_id kim = add(&f, &who, SLICE("Kim"), 6, NULL), teen = add(&f, &who, SLICE("Tom"), 16, NULL), id;
    struct public_id grown = me_of(&f, &who).profiles[0].public_id;
    struct account_from from = from_nobody();
    struct account_consent_list consents;
    struct buf out = BUF(1 << 20);
    bool is_new;
    assert_ok(account_consent_set(f.account, &who, SLICE("suggestions"), true));
    assert_int_equal(who_of(&f, &anna.session).consents, ACCOUNT_PURPOSE_SUGGESTIONS);
    assert_ok(account_profile_choose(f.account, &who, public_id_slice(&kim), &no_proof));
    who = who_of(&f, &anna.session);
    assert_true(who.is_child);
    assert_int_equal(who.age_max, 6);
    assert_int_equal(who.consents, 0); /* nobody agreed for a child */

    /* without a PIN in the house only the password helps */
    struct account_proof wrong = {.password = SLICE("wrong password")}, pin = by_pin("1234"), right = by_password();
    assert_error(account_profile_choose(f.account, &who, public_id_slice(&grown), &no_proof), "profile.password");
    assert_error(account_profile_choose(f.account, &who, public_id_slice(&teen), &no_proof), "profile.password");
    assert_error(account_profile_choose(f.account, &who, public_id_slice(&grown), &pin), "profile.password");
    assert_error(account_profile_choose(f.account, &who, public_id_slice(&grown), &wrong), "profile.password");
    struct account_profile_change raise = {.has_age_max = true, .age_max = 18}, rename = {.name = SLICE("King Kim")};
    assert_error(account_profile_change(f.account, &who, public_id_slice(&kim), &raise, &no_proof), "profile.password");
    assert_error(account_profile_change(f.account, &who, public_id_slice(&kim), &rename, &no_proof), "profile.password");
    assert_error(account_profile_add(f.account, &who, &rename, &no_proof, &id), "profile.password");
    assert_error(account_profile_remove(f.account, &who, public_id_slice(&teen), &no_proof), "profile.password");
    assert_error(account_user_change(f.account, &who, &(struct account_user_change){.name = SLICE("Kim")}, &from, &is_new, &anna), "profile.child");
    assert_error(account_household_change(f.account, &who, &(struct account_household_change){.country = SLICE("TH")}), "profile.child");
    assert_error(account_consent_set(f.account, &who, SLICE("news"), true), "profile.child");
    assert_error(account_export(f.account, f.arena, &who, &out), "profile.child");
    assert_error(account_erase(f.account, &who, PASSWORD), "profile.child");
    assert_ok(account_consent_list(f.account, f.arena, &who, &consents));
    assert_ok(account_profile_choose(f.account, &who, public_id_slice(&grown), &right));
    who = who_of(&f, &anna.session);
    assert_false(who.is_child);

    /* raising needs proof from everybody, lowering from nobody */
    assert_error(account_profile_change(f.account, &who, public_id_slice(&kim), &raise, &no_proof), "profile.password");
    assert_ok(account_profile_change(f.account, &who, public_id_slice(&kim), &(struct account_profile_change){.has_age_max = true, .age_max = 0}, &no_proof));
    assert_ok(account_profile_change(f.account, &who, public_id_slice(&kim), &(struct account_profile_change){.has_age_max = true, .age_max = 12}, &right));

    /* with a PIN, the PIN does */
    assert_ok(account_profile_change(f.account, &who, public_id_slice(&grown), &(struct account_profile_change){.has_pin = true, .pin = SLICE("1234")}, &no_proof));
    assert_ok(account_profile_choose(f.account, &who, public_id_slice(&kim), &no_proof));
    who = who_of(&f, &anna.session);
    assert_error(account_profile_choose(f.account, &who, public_id_slice(&grown), &no_proof), "profile.pin");
    pin = by_pin("4321");
    assert_error(account_profile_choose(f.account, &who, public_id_slice(&grown), &pin), "profile.pin");
    pin = by_pin("1234");
    assert_ok(account_profile_choose(f.account, &who, public_id_slice(&teen), &pin));
    assert_ok(account_profile_change(f.account, &who, public_id_slice(&kim), &raise, &pin));
    assert_ok(account_profile_change(f.account, &who, public_id_slice(&grown), &(struct account_profile_change){.has_pin = true, .pin = SLICE("")}, &pin));
    assert_false(me_of(&f, &who).profiles[0].has_pin);
    buf_free(&out);
    end(&f);
}

static void pins_are_asked_for_and_cannot_be_guessed(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna")), fresh;
    struct account_who who = who_of(&f, &anna.session);
    struct account_profile_facts facts;
    struct public_id grown = me_of(&f, &who).profiles[0].public_id;
    int64_t profile = who.profile_id, kim;
    struct public_id kim_id = add(&f, &who, SLICE("Kim"), 6, "9999");
    assert_ok(account_profile_find(f.account, f.org, who.household_id, public_id_slice(&kim_id), &kim));
    assert_error(account_profile_find(f.account, f.org, who.household_id + 1, public_id_slice(&kim_id), &kim), "profile.missing");
    assert_ok(account_profile_change(f.account, &who, public_id_slice(&grown), &(struct account_profile_change){.has_pin = true, .pin = SLICE("1234")}, &no_proof));
    assert_false(account_profile_facts(f.account, f.org, who.household_id, profile, &facts)); /* memory forgot at once */
    who = who_of(&f, &anna.session);
    assert_true(account_profile_facts(f.account, f.org, who.household_id, profile, &facts));
    assert_true(facts.has_pin);
    assert_ok(sign_in(&f, ANNA, PASSWORD, SLICE_NONE, &fresh));
    who = who_of(&f, &fresh.session);
    assert_int_equal(who.profile_id, 0); /* who is watching? */
    assert_error(account_profile_choose(f.account, &who, public_id_slice(&grown), &no_proof), "profile.pin");
    struct account_proof child = by_pin("9999"), right = by_pin("1234");
    assert_error(account_profile_choose(f.account, &who, public_id_slice(&grown), &child), "profile.pin"); /* a child's PIN opens its own profile alone */
    assert_ok(account_profile_choose(f.account, &who, public_id_slice(&kim_id), &child));
    assert_ok(account_pin_check(f.account, f.org, who.household_id, kim, SLICE("9999")));
    assert_ok(account_pin_check(f.account, f.org, who.household_id, kim, SLICE("1234"))); /* a grown-up's opens all */
    assert_error(account_pin_check(f.account, f.org, who.household_id, profile, SLICE("9999")), "profile.pin");
    assert_error(account_pin_check(f.account, f.org, who.household_id, profile, SLICE("")), "profile.pin");
    for (int i = 0; i < 3; i++) assert_error(account_pin_check(f.account, f.org, who.household_id, profile, SLICE("0000")), "profile.pin");
    assert_error(account_pin_check(f.account, f.org, who.household_id, profile, SLICE("1234")), "profile.pin_many");
    assert_error(account_profile_choose(f.account, &who, public_id_slice(&grown), &right), "profile.pin_many");
    pass(&f, 300);
    assert_error(account_pin_check(f.account, f.org, who.household_id, profile, SLICE("0001")), "profile.pin");
    assert_error(account_pin_check(f.account, f.org, who.household_id, profile, SLICE("1234")), "profile.pin_many");
    pass(&f, 300);
    assert_ok(account_pin_check(f.account, f.org, who.household_id, profile, SLICE("1234")));
    end(&f);
}

static void nobody_makes_himself_a_grown_up(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna")), tv;
    struct account_who who = who_of(&f, &anna.session);
    struct public_id teen = add(&f, &who, SLICE("Tom"), 16, NULL), grown = me_of(&f, &who).profiles[0].public_id, id;
    const struct account_profile_change adult = {.name = SLICE("X")}, child = {.name = SLICE("X"), .has_age_max = true}, pin = {.has_pin = true, .pin = SLICE("6666")};
    struct account_proof by_1234 = by_pin("1234");

    /* sixteen, and no PIN in the house: neither a new grown-up nor a PIN on mother's profile */
    assert_ok(account_profile_choose(f.account, &who, public_id_slice(&teen), &no_proof));
    who = who_of(&f, &anna.session);
    assert_error(account_profile_add(f.account, &who, &adult, &no_proof, &id), "profile.password");
    assert_error(account_profile_change(f.account, &who, public_id_slice(&grown), &pin, &no_proof), "profile.password");
    assert_ok(account_profile_change(f.account, &who, public_id_slice(&teen), &pin, &no_proof)); /* his own he may lock */
    assert_ok(account_profile_add(f.account, &who, &child, &no_proof, &id));
    assert_error(account_profile_change(f.account, &who, public_id_slice(&id), &(struct account_profile_change){.has_age_max = true, .age_max = 18}, &(struct account_proof){.pin = SLICE("6666")}),
                 "profile.password"); /* a teenager's PIN is no grown-up's */

    /* the television in the living room, where nobody is chosen */
    assert_ok(account_profile_choose(f.account, &who, public_id_slice(&grown), &no_proof));
    who = who_of(&f, &anna.session);
    assert_ok(account_profile_change(f.account, &who, public_id_slice(&grown), &(struct account_profile_change){.has_pin = true, .pin = SLICE("1234")}, &no_proof));
    assert_ok(sign_in(&f, ANNA, PASSWORD, SLICE_NONE, &tv));
    who = who_of(&f, &tv.session);
    assert_error(account_profile_add(f.account, &who, &adult, &no_proof, &id), "profile.pin");
    assert_ok(account_profile_add(f.account, &who, &adult, &by_1234, &id));
    end(&f);
}

static void one_household_knows_nothing_of_another(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna")), ben = person(&f, SLICE("ben@example.org"), SLICE("Ben"));
    struct account_who who = who_of(&f, &anna.session), other = who_of(&f, &ben.session);
    struct public_id kim = add(&f, &who, SLICE("Kim"), 6, NULL);
    struct account_proof proof = by_password();
    struct slice id = public_id_slice(&kim), name;
    assert_error(account_profile_change(f.account, &other, id, &(struct account_profile_change){.name = SLICE("x")}, &proof), "profile.missing");
    assert_error(account_profile_remove(f.account, &other, id, &proof), "profile.missing");
    assert_error(account_profile_choose(f.account, &other, id, &proof), "profile.missing");
    struct account_who link = operator_of(&f);
    assert_error(account_profile_choose(f.account, &link, id, &proof), "session.user");
    int64_t kim_id;
    assert_ok(account_profile_find(f.account, f.org, who.household_id, id, &kim_id));
    assert_ok(account_profile_name(f.account, f.arena, f.org, who.household_id, kim_id, &name));
    assert_slice(name, "Kim");
    assert_error(account_profile_name(f.account, f.arena, f.org, other.household_id, kim_id, &name), "profile.missing");
    assert_error(account_pin_check(f.account, f.org, other.household_id, kim_id, SLICE("1234")), "profile.missing");
    end(&f);
}

struct heard {
    int64_t org, household;
    int times;
};
static void hear(void *user, int64_t org_id, int64_t household_id) {
    struct heard *h = user;
    *h = (struct heard){org_id, household_id, h->times + 1};
}

/* The country decides which ratings hold: only who may see everything changes it. */
static void a_teenager_does_not_move_house(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna"));
    struct account_who who = who_of(&f, &anna.session);
    struct public_id teen;
    assert_ok(account_profile_add(f.account, &who, &(struct account_profile_change){.name = SLICE("Tom"), .has_age_max = true, .age_max = 16}, &(struct account_proof){0}, &teen));
    assert_ok(account_profile_choose(f.account, &who, public_id_slice(&teen), &(struct account_proof){0}));
    who = who_of(&f, &anna.session);
    assert_error(account_household_change(f.account, &who, &(struct account_household_change){.country = SLICE("US")}), "household.country");
    assert_ok(account_household_change(f.account, &who, &(struct account_household_change){.country = SLICE("DE"), .name = SLICE("Wir")})); /* no other country */
    assert_string_equal(me_of(&f, &who).household.country, "DE");
    end(&f);
}

static void changes_are_told(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna"));
    struct heard heard = {0};
    account_on_change(f.account, hear, &heard);
    struct account_who who = who_of(&f, &anna.session);
    struct account_household_facts facts;
    struct public_id household = me_of(&f, &who).household.public_id;
    uint64_t generation = account_generation(f.account);
    assert_ok(account_household_change(f.account, &who, &(struct account_household_change){.country = SLICE("AT"), .name = SLICE("Familie Müller")}));
    assert_int_equal(heard.times, 1);
    assert_true(heard.org == f.org && heard.household == who.household_id && account_generation(f.account) > generation);
    assert_error(account_household_change(f.account, &who, &(struct account_household_change){.country = SLICE("at")}), "account.country");
    assert_error(account_household_set_streams(f.account, f.org, public_id_slice(&household), 0), "household.streams");
    assert_ok(account_household_set_streams(f.account, f.org, public_id_slice(&household), 5));
    assert_int_equal(heard.times, 2);
    assert_ok(account_household_load(f.account, f.org, who.household_id, &facts));
    assert_string_equal(facts.country, "AT");
    assert_int_equal(facts.streams_max, 5);
    assert_int_equal(facts.profile_count, 1);
    end(&f);
}

static void operators_find_households(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna Müller"));
    person(&f, SLICE("ben@example.org"), SLICE("Ben"));
    struct account_who who = who_of(&f, &anna.session);
    struct public_id id = me_of(&f, &who).household.public_id;
    struct account_household_list list;
    struct account_household_item item;
    struct account_profile *profiles;
    size_t count;
    add(&f, &who, SLICE("Kim"), 6, NULL);
    assert_ok(account_household_list(f.account, f.arena, f.org, SLICE(""), 50, &list));
    assert_int_equal(list.count, 2);
    assert_true(list.is_whole);
    assert_slice(list.items[0].household.name, "Ben"); /* newest first */
    assert_ok(account_household_list(f.account, f.arena, f.org, SLICE(""), 2, &list));
    assert_true(list.is_whole);
    const struct slice all[] = {SLICE(""), SLICE("n")}; /* a list that was cut says so, whether it was searched or not */
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_ok(account_household_list(f.account, f.arena, f.org, all[i], 1, &list));
        assert_int_equal(list.count, 1);
        assert_false(list.is_whole);
    }
    const struct slice queries[] = {SLICE("ANNA@example.org"), public_id_slice(&id), SLICE("müLL"), SLICE(" anna ")};
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        assert_ok(account_household_list(f.account, f.arena, f.org, queries[i], 50, &list));
        assert_int_equal(list.count, 1);
        assert_slice(list.items[0].users[0].email, "anna@example.org");
        assert_int_equal(list.items[0].profile_count, 2);
    }
    assert_ok(account_household_list(f.account, f.arena, f.org, SLICE("nobody@example.org"), 50, &list));
    assert_int_equal(list.count, 0);
    assert_ok(account_household_get(f.account, f.arena, f.org, public_id_slice(&id), &item, &profiles, &count));
    assert_int_equal(count, 2);
    assert_slice(profiles[1].name, "Kim");
    assert_error(account_household_get(f.account, f.arena, f.org + 1, public_id_slice(&id), &item, &profiles, &count), "household.missing");
    assert_error(account_household_get(f.account, f.arena, f.org, SLICE("'; DROP TABLE"), &item, &profiles, &count), "household.missing");

    const int64_t ids[] = {item.household.id, 1, item.household.id};
    struct account_named names[3];
    assert_ok(account_household_names(f.account, f.arena, f.org, ids, 3, names));
    assert_slice(names[0].name, "Anna Müller");
    assert_string_equal(names[0].public_id.text, id.text);
    assert_string_equal(names[2].public_id.text, id.text);
    assert_string_equal(names[1].public_id.text, ""); /* nobody */
    assert_ok(account_household_names(f.account, f.arena, f.org + 1, ids, 3, names));
    assert_string_equal(names[0].public_id.text, "");
    end(&f);
}

/* Names are sealed, so they are looked at one by one: each call does its share, says how far it came, and where to go on. */
static void a_name_is_found_however_old_it_is(void **state) {
    struct fixture f = begin(state);
    enum { COUNT = 1000, BATCHES = 6, ALL = COUNT * BATCHES };
    static struct account_household_new fresh[COUNT];
    static int64_t ids[ALL];
    static char names[COUNT][32];
    for (int batch = 0; batch < BATCHES; batch++) {
        for (int i = 0; i < COUNT; i++) {
            snprintf(names[i], sizeof names[i], batch == 0 && i == 0 ? "Familie Ältest" : "Haushalt %d", batch * COUNT + i);
            fresh[i] = (struct account_household_new){.name = slice_cstr(names[i]), .country = "DE", .created_s = BEGIN_S};
            ids[batch * COUNT + i] = id_next(f.ids);
        }
        assert_ok(account_households_make(f.account, f.org, fresh, COUNT, ids + batch * COUNT));
    }
    struct account_household_list list;
    assert_ok(account_household_list(f.account, f.arena, f.org, SLICE("ltest"), 50, &list));
    assert_int_equal(list.count, 0);
    assert_false(list.is_whole); /* that it is not there is not said before all were looked at */
    assert_int_equal(list.searched, ACCOUNT_SEARCH_MAX);
    assert_int_equal(list.total, ALL);
    assert_int_equal(list.next_id, ids[ALL - ACCOUNT_SEARCH_MAX]);
    assert_ok(account_household_list_after(f.account, f.arena, f.org, SLICE("ltest"), 50, list.next_id, &list));
    assert_int_equal(list.count, 1);
    assert_slice(list.items[0].household.name, "Familie Ältest");
    assert_int_equal(list.searched, ALL - ACCOUNT_SEARCH_MAX);
    assert_int_equal(list.next_id, 0);
    /* Without words page by page, each once, the newest first. */
    int64_t after = 0;
    size_t seen = 0;
    do {
        struct arena_mark mark = arena_mark(f.arena);
        assert_ok(account_household_list_after(f.account, f.arena, f.org, SLICE(""), 200, after, &list));
        for (size_t i = 0; i < list.count; i++) assert_int_equal(list.items[i].household.id, ids[ALL - 1 - seen++]);
        after = list.next_id;
        arena_rewind(f.arena, mark);
    } while (after && seen < 1000);
    assert_int_equal(seen, 1000);
    /* What was found fills the page before all were looked at: it goes on after the last that was shown. */
    assert_ok(account_household_list(f.account, f.arena, f.org, SLICE("HAUSHALT 42"), 5, &list));
    assert_int_equal(list.count, 5);
    assert_int_equal(list.next_id, list.items[4].household.id);
    size_t count = 0;
    for (after = 0;;) {
        assert_ok(account_household_list_after(f.account, f.arena, f.org, SLICE("haushalt 42"), 5, after, &list));
        count += list.count;
        if (!(after = list.next_id)) break;
    }
    assert_int_equal(count, 1 + 10 + 100); /* 42, 420 to 429, 4200 to 4299 */
    end(&f);
}

/* Example data: more than one block of keys, all or none, found by their names, and nobody in them to write to. */
static void households_without_anybody_are_made(void **state) {
    struct fixture f = begin(state);
    enum { COUNT = 40 };
    struct account_household_new fresh[COUNT];
    int64_t ids[COUNT];
    char names[COUNT][24];
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "王 (example %d)", i + 1);
        fresh[i] = (struct account_household_new){.name = slice_cstr(names[i]), .country = "CN", .created_s = BEGIN_S - i};
        ids[i] = id_next(f.ids);
    }
    assert_ok(account_households_make(f.account, f.org, fresh, COUNT, ids));
    struct account_household_list list;
    assert_ok(account_household_list(f.account, f.arena, f.org, SLICE("(example 17)"), 10, &list));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].household.id, ids[16]);
    assert_string_equal(list.items[0].household.country, "CN");
    assert_int_equal(list.items[0].user_count, 0);
    assert_int_equal(list.items[0].profile_count, 0);
    ids[0] = id_next(f.ids); /* a new one, and the others once more */
    assert_error(account_households_make(f.account, f.org, fresh, COUNT, ids), "db.unique");
    assert_ok(account_household_list(f.account, f.arena, f.org, SLICE("(example 1)"), 10, &list));
    assert_int_equal(list.count, 1); /* of that call none stayed */
    assert_error(account_households_make(f.account, f.org, fresh, 0, ids), "household.many");
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(profiles_are_made_changed_and_removed), ON_BOTH(a_child_does_not_get_out_alone), ON_BOTH(pins_are_asked_for_and_cannot_be_guessed),
        ON_BOTH(nobody_makes_himself_a_grown_up), ON_BOTH(one_household_knows_nothing_of_another), ON_SQLITE(a_teenager_does_not_move_house), ON_BOTH(changes_are_told), ON_BOTH(operators_find_households),
        ON_SQLITE(a_name_is_found_however_old_it_is),
        ON_SQLITE(households_without_anybody_are_made),
    };
    return cmocka_run_group_tests_name("account households", tests, NULL, NULL);
}
