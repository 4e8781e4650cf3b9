/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Several grown-ups in one household: coming by invitation, moving in, being removed, leaving, being erased. */
#include "fixture.h"

#include "base/fault.h"

#define ANNA SLICE("anna@example.org")
#define BEN SLICE("ben@example.org")
#define CLEO SLICE("cleo@example.org")

static struct err invite(struct fixture *f, const struct account_who *who, struct slice email) {
    struct account_from from = from_nobody();
    struct public_id id;
    return account_adult_invite(f->account, who, email, PASSWORD, &from, &id);
}
static struct err accept(struct fixture *f, struct slice code, struct slice name, struct account_entry *entry) {
    struct account_from from = from_nobody();
    return account_invitation_accept(f->account, f->org, code, name, PASSWORD, SLICE_NONE, &from, entry);
}
static struct account_adults adults_of(struct fixture *f, const struct account_who *who) {
    struct account_adults all;
    assert_ok(account_adults(f->account, f->arena, who, &all));
    return all;
}
/* Anna, and Ben whom she has invited. */
static void couple(struct fixture *f, struct account_entry *anna, struct account_entry *ben) {
    *anna = person(f, ANNA, SLICE("Anna"));
    struct account_who who = who_of(f, &anna->session);
    assert_ok(invite(f, &who, BEN));
    assert_ok(accept(f, code_to(f, BEN), SLICE("Ben"), ben));
}

static void a_second_adult_joins_with_a_sign_in_of_his_own(void **state) {
    struct fixture f = begin(state);
    struct account_from from = from_nobody();
    struct account_invitation invitation;
    struct account_entry entry = person(&f, ANNA, SLICE("Anna")), ben;
    struct account_who anna = who_of(&f, &entry.session);
    struct account_adults all = adults_of(&f, &anna);
    assert_int_equal(all.adults_max, ACCOUNT_ADULTS_DEFAULT);
    assert_int_equal(all.count, 1);
    assert_true(all.items[0].is_me && all.items[0].is_owner);

    assert_error(invite(&f, &anna, SLICE("nonsense")), "account.email");
    assert_error(invite(&f, &anna, SLICE(" Anna@Example.org ")), "household.already");
    struct public_id id;
    assert_error(account_adult_invite(f.account, &anna, BEN, SLICE("another word"), &from, &id), "me.password");
    assert_ok(invite(&f, &anna, BEN));
    struct slice old = code_to(&f, BEN);
    pass(&f, 3600);
    assert_ok(invite(&f, &anna, BEN)); /* the newer one holds */
    struct slice code = code_to(&f, BEN);
    assert_error(account_invitation_read(f.account, f.arena, f.org, old, &from, &invitation), "code.wrong");
    assert_ok(account_invitation_read(f.account, f.arena, f.org, code, &from, &invitation));
    assert_true(invitation.is_household && !invitation.has_account && invitation.roles == 0);
    assert_slice(invitation.inviter, "Anna");
    assert_slice(invitation.email, "ben@example.org");
    struct slice letter = letter_to(&f, BEN).text;
    assert_true(slice_find(letter, ANNA) != SLICE_NPOS); /* who invites, by the address that was confirmed */
    all = adults_of(&f, &anna);
    assert_int_equal(all.invitation_count, 1);
    assert_slice(all.invitations[0].email, "ben@example.org");

    assert_ok(accept(&f, code, SLICE("Ben"), &ben));
    struct account_entry again;
    assert_error(accept(&f, code, SLICE("Ben"), &again), "code.wrong"); /* once */
    struct account_who his = who_of(&f, &ben.session);
    assert_int_equal(his.household_id, anna.household_id);
    assert_int_equal(his.age_max, 18);
    assert_int_equal(his.roles, 0);
    assert_true(his.profile_id != 0 && his.profile_id != anna.profile_id);
    struct account_me me = me_of(&f, &his);
    assert_int_equal(me.profile_count, 2);
    assert_slice(me.household.name, "Anna");
    assert_true(slice_find(letter_to(&f, ANNA).text, BEN) != SLICE_NPOS); /* she is told */
    assert_ok(sign_in(&f, BEN, PASSWORD, SLICE_NONE, &again));
    all = adults_of(&f, &his);
    assert_int_equal(all.count, 2);
    assert_int_equal(all.invitation_count, 0);
    assert_slice(all.items[0].email, "anna@example.org");
    assert_true(all.items[0].is_owner && !all.items[0].is_me && !all.items[1].is_owner && all.items[1].is_me);
    end(&f);
}

static void an_invitation_ends(void **state) {
    struct fixture f = begin(state);
    struct account_entry entry = person(&f, ANNA, SLICE("Anna")), ben, cleo;
    struct account_who anna = who_of(&f, &entry.session);
    assert_ok(invite(&f, &anna, BEN)); /* by time */
    struct slice code = code_to(&f, BEN);
    pass(&f, ACCOUNT_INVITATION_S);
    assert_error(accept(&f, code, SLICE("Ben"), &ben), "code.wrong");
    assert_int_equal(adults_of(&f, &anna).invitation_count, 0);
    assert_ok(invite(&f, &anna, BEN)); /* by being withdrawn, once, by those who live here */
    code = code_to(&f, BEN);
    struct public_id id = adults_of(&f, &anna).invitations[0].public_id;
    struct account_entry stranger = person(&f, SLICE("stranger@example.org"), SLICE("S"));
    struct account_who other = who_of(&f, &stranger.session);
    assert_error(account_adult_withdraw(f.account, &other, public_id_slice(&id)), "household.invitation");
    assert_ok(account_adult_withdraw(f.account, &anna, public_id_slice(&id)));
    assert_error(account_adult_withdraw(f.account, &anna, public_id_slice(&id)), "household.invitation");
    assert_error(account_adult_withdraw(f.account, &anna, SLICE("?")), "household.invitation");
    assert_error(accept(&f, code, SLICE("Ben"), &ben), "code.wrong");
    pass(&f, 7200);
    assert_ok(invite(&f, &anna, BEN)); /* with whoever invited */
    assert_ok(accept(&f, code_to(&f, BEN), SLICE("Ben"), &ben));
    struct account_who his = who_of(&f, &ben.session);
    assert_ok(invite(&f, &his, CLEO));
    code = code_to(&f, CLEO);
    assert_ok(account_adult_leave(f.account, &his, PASSWORD));
    assert_error(accept(&f, code, SLICE("Cleo"), &cleo), "code.wrong");
    assert_ok(invite(&f, &anna, CLEO)); /* with the household */
    code = code_to(&f, CLEO);
    assert_ok(account_erase(f.account, &anna, PASSWORD));
    assert_error(accept(&f, code, SLICE("Cleo"), &cleo), "code.wrong");
    end(&f);
}

static void there_are_so_many_and_no_more(void **state) {
    struct fixture f = begin(state);
    struct account_org_facts facts;
    assert_true(account_org_facts(f.account, f.org, &facts));
    assert_int_equal(facts.adults_max, ACCOUNT_ADULTS_DEFAULT);
    facts.adults_max = 9;
    assert_error(account_org_set_facts(f.account, f.org, &facts), "organisation.adults");
    facts.adults_max = 2;
    assert_ok(account_org_set_facts(f.account, f.org, &facts));
    struct account_entry entry = person(&f, ANNA, SLICE("Anna")), ben, cleo;
    struct account_who anna = who_of(&f, &entry.session);
    assert_ok(invite(&f, &anna, BEN));
    assert_error(invite(&f, &anna, CLEO), "household.adults"); /* those who are invited count */
    facts.adults_max = 3;
    assert_ok(account_org_set_facts(f.account, f.org, &facts));
    assert_ok(invite(&f, &anna, CLEO));
    facts.adults_max = 2;
    assert_ok(account_org_set_facts(f.account, f.org, &facts));
    struct slice code = code_to(&f, CLEO);
    assert_ok(accept(&f, code_to(&f, BEN), SLICE("Ben"), &ben));
    assert_error(accept(&f, code, SLICE("Cleo"), &cleo), "household.adults");
    assert_error(sign_in(&f, CLEO, PASSWORD, SLICE_NONE, &cleo), "sign_in.wrong"); /* nothing of her was kept */
    facts.adults_max = 3;
    assert_ok(account_org_set_facts(f.account, f.org, &facts));
    assert_ok(accept(&f, code, SLICE("Cleo"), &cleo)); /* the code was still good */
    assert_int_equal(adults_of(&f, &anna).count, 3);
    end(&f);
}

static void inviting_is_slowed_down_and_tells_nothing(void **state) {
    struct fixture f = begin(state);
    struct account_org_facts facts = {.country = "DE", .adults_max = 8};
    assert_ok(account_org_set_facts(f.account, f.org, &facts));
    (void)person(&f, BEN, SLICE("Ben"));
    struct account_entry entry = person(&f, ANNA, SLICE("Anna"));
    struct account_who anna = who_of(&f, &entry.session);
    assert_ok(invite(&f, &anna, BEN)); /* has an account */
    assert_ok(invite(&f, &anna, CLEO)); /* has none */
    struct account_adults all = adults_of(&f, &anna);
    assert_int_equal(all.invitation_count, 2); /* both look the same here, and so do the letters */
    struct mail_item known = letter_to(&f, BEN), unknown = letter_to(&f, CLEO);
    assert_true(slice_eq(known.subject, unknown.subject));
    assert_int_equal(known.text.len - BEN.len, unknown.text.len - CLEO.len);
    for (int i = 0; i < 3; i++) {
        char email[64];
        snprintf(email, sizeof email, "x%d@example.org", i);
        assert_ok(invite(&f, &anna, slice_cstr(email)));
    }
    assert_error(invite(&f, &anna, SLICE("x3@example.org")), "household.invitations");
    pass(&f, 3600);
    assert_ok(invite(&f, &anna, SLICE("x3@example.org")));
    /* codes are not guessed either */
    struct account_entry nobody;
    struct err e = ERR_OK;
    for (int i = 0; i <= ACCOUNT_WRONG_CODES_MAX; i++) e = accept(&f, SLICE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), SLICE("N"), &nobody);
    assert_error(e, "session.wrong_codes");
    end(&f);
}

static void a_teenager_on_the_sofa_invites_nobody(void **state) {
    struct fixture f = begin(state);
    struct account_from from = from_nobody();
    struct account_entry entry = person(&f, ANNA, SLICE("Anna"));
    struct account_who who = who_of(&f, &entry.session);
    struct public_id child, teen, id;
    assert_ok(account_profile_add(f.account, &who, &(struct account_profile_change){.name = SLICE("Kim"), .has_age_max = true, .age_max = 6}, &(struct account_proof){0}, &child));
    assert_ok(account_profile_add(f.account, &who, &(struct account_profile_change){.name = SLICE("Tom"), .has_age_max = true, .age_max = 16}, &(struct account_proof){0}, &teen));
    assert_ok(account_profile_choose(f.account, &who, public_id_slice(&teen), &(struct account_proof){0}));
    who = who_of(&f, &entry.session);
    assert_error(account_adult_invite(f.account, &who, BEN, SLICE_NONE, &from, &id), "me.password");
    assert_ok(account_profile_choose(f.account, &who, public_id_slice(&child), &(struct account_proof){0}));
    who = who_of(&f, &entry.session);
    struct account_adults all;
    assert_error(account_adult_invite(f.account, &who, BEN, PASSWORD, &from, &id), "profile.child");
    assert_error(account_adults(f.account, f.arena, &who, &all), "profile.child");
    assert_error(account_adult_leave(f.account, &who, PASSWORD), "profile.child");
    struct account_who link = operator_of(&f);
    assert_error(account_adults(f.account, f.arena, &link, &all), "session.user");
    end(&f);
}

static void the_owner_removes_somebody(void **state) {
    struct fixture f = begin(state);
    struct account_entry hers, his, again;
    couple(&f, &hers, &his);
    struct account_who anna = who_of(&f, &hers.session), ben = who_of(&f, &his.session);
    struct account_me before = me_of(&f, &ben);
    struct public_id hers_id = me_of(&f, &anna).user.public_id;
    assert_error(account_adult_remove(f.account, &ben, public_id_slice(&hers_id), PASSWORD), "household.owner");
    assert_error(account_adult_remove(f.account, &anna, public_id_slice(&hers_id), PASSWORD), "household.owner_stays");
    assert_error(account_adult_remove(f.account, &anna, public_id_slice(&before.user.public_id), SLICE("wrong words")), "me.password");
    assert_error(account_adult_remove(f.account, &anna, SLICE("nobody"), PASSWORD), "household.adult");
    uint64_t generation = account_generation(f.account);
    assert_ok(account_adult_remove(f.account, &anna, public_id_slice(&before.user.public_id), PASSWORD));
    assert_true(account_generation(f.account) > generation); /* those who decide about streams are told */
    struct account_who who;
    assert_error(account_session_find(f.account, f.org, text(&his.session), &who), "session.required");
    assert_error(account_adult_remove(f.account, &anna, public_id_slice(&before.user.public_id), PASSWORD), "household.adult");
    assert_int_equal(adults_of(&f, &anna).count, 1);
    assert_int_equal(me_of(&f, &anna).profile_count, 1);
    assert_true(slice_find(letter_to(&f, BEN).text, SLICE("/account/household")) != SLICE_NPOS);

    assert_ok(sign_in(&f, BEN, PASSWORD, SLICE_NONE, &again));
    who = who_of(&f, &again.session);
    assert_true(who.household_id != anna.household_id);
    struct account_me after = me_of(&f, &who);
    assert_int_equal(after.profile_count, 1);
    assert_slice(after.household.name, "Ben");
    assert_string_equal(after.household.country, "DE");
    assert_int_equal(after.profiles[0].id, before.profile->id); /* it went with him */
    assert_true(adults_of(&f, &who).items[0].is_owner);
    struct account_profile_facts facts;
    struct account_household_facts household;
    assert_ok(account_household_load(f.account, f.org, anna.household_id, &household));
    assert_false(account_profile_facts(f.account, f.org, anna.household_id, before.profile->id, &facts));
    end(&f);
}

static void somebody_leaves(void **state) {
    struct fixture f = begin(state);
    struct account_entry hers, his, second;
    couple(&f, &hers, &his);
    assert_ok(sign_in(&f, BEN, PASSWORD, SLICE_NONE, &second));
    struct account_who anna = who_of(&f, &hers.session), ben = who_of(&f, &his.session), who;
    assert_error(account_adult_leave(f.account, &anna, PASSWORD), "household.owner_stays");
    assert_error(account_adult_leave(f.account, &ben, SLICE("wrong words")), "me.password");
    assert_ok(account_adult_leave(f.account, &ben, PASSWORD));
    assert_error(account_session_find(f.account, f.org, text(&second.session), &who), "session.required");
    who = who_of(&f, &his.session); /* this one stays */
    assert_true(who.household_id != anna.household_id && !who.profile_id);
    assert_int_equal(me_of(&f, &who).profile_count, 1);
    assert_error(account_adult_leave(f.account, &who, PASSWORD), "household.owner_stays");
    assert_true(slice_find(letter_to(&f, ANNA).text, BEN) != SLICE_NPOS);
    pass(&f, 3600);
    assert_ok(invite(&f, &anna, BEN)); /* and comes back, with the profile */
    assert_ok(accept(&f, code_to(&f, BEN), SLICE_NONE, &second));
    who = who_of(&f, &second.session);
    assert_int_equal(who.household_id, anna.household_id);
    assert_int_equal(me_of(&f, &who).profile_count, 2);
    /* The last profile of a household stays in it. */
    struct account_me me = me_of(&f, &anna);
    assert_ok(account_profile_remove(f.account, &anna, public_id_slice(&me.profiles[0].public_id), &(struct account_proof){0}));
    assert_ok(account_adult_leave(f.account, &who, PASSWORD));
    assert_int_equal(me_of(&f, &anna).profile_count, 1);
    who = who_of(&f, &second.session);
    me = me_of(&f, &who);
    assert_int_equal(me.profile_count, 1);
    assert_slice(me.profiles[0].name, "Ben");
    end(&f);
}

static bool has_bought;
static struct err keeps(void *user, struct db_tx *tx, struct arena *arena, const struct account_subject *s, bool *out) {
    *out = has_bought;
    return ERR_OK;
}

static void who_has_an_account_moves_in(void **state) {
    struct fixture f = begin(state);
    assert_ok(account_add_holder(f.account, &(struct account_holder){.name = "shop", .keeps = keeps}));
    struct account_entry old = person(&f, BEN, SLICE("Ben")), hers = person(&f, ANNA, SLICE("Anna")), entry;
    struct account_who ben = who_of(&f, &old.session), anna = who_of(&f, &hers.session);
    int64_t left = ben.household_id;
    struct public_id id;
    for (int i = 0; i < 6; i++)
        assert_ok(account_profile_add(f.account, &ben, &(struct account_profile_change){.name = SLICE("Kid"), .has_age_max = true, .age_max = 6}, &(struct account_proof){0}, &id));
    assert_ok(account_profile_add(f.account, &anna, &(struct account_profile_change){.name = SLICE("Mia")}, &(struct account_proof){0}, &id));
    assert_ok(invite(&f, &anna, BEN));
    struct slice code = code_to(&f, BEN);
    struct account_from from = from_nobody();
    struct account_invitation invitation;
    assert_ok(account_invitation_read(f.account, f.arena, f.org, code, &from, &invitation));
    assert_true(invitation.is_household && invitation.has_account);
    assert_error(account_invitation_accept(f.account, f.org, code, SLICE("B"), SLICE("some other one"), SLICE_NONE, &from, &entry), "sign_in.wrong");
    has_bought = true;
    assert_error(accept(&f, code, SLICE_NONE, &entry), "household.purchases");
    has_bought = false;
    assert_error(accept(&f, code, SLICE_NONE, &entry), "household.profiles"); /* nine */
    assert_ok(account_profile_remove(f.account, &anna, public_id_slice(&id), &(struct account_proof){0}));
    struct account_household_facts facts;
    assert_ok(account_household_load(f.account, f.org, left, &facts)); /* nothing has happened so far */
    assert_int_equal(facts.profile_count, 7);
    assert_ok(accept(&f, code, SLICE_NONE, &entry));
    ben = who_of(&f, &entry.session);
    assert_int_equal(ben.household_id, anna.household_id);
    assert_int_equal(who_of(&f, &old.session).household_id, anna.household_id); /* where he is signed in already */
    assert_int_equal(me_of(&f, &ben).profile_count, 8);
    assert_error(account_household_load(f.account, f.org, left, &facts), "household.missing");
    struct key key;
    for (int64_t slot = 1; slot < 100; slot++) assert_true(keys_read(f.keys, left, slot, &key).kind != ERR_NONE);
    assert_slice(me_of(&f, &ben).user.name, "Ben");
    /* Where eight profiles are, a ninth adult's is not made; he chooses one of them. */
    pass(&f, 3600);
    assert_ok(invite(&f, &ben, CLEO));
    assert_ok(accept(&f, code_to(&f, CLEO), SLICE("Cleo"), &entry));
    assert_int_equal(entry.who.profile_id, 0);
    assert_int_equal(me_of(&f, &ben).profile_count, 8);
    /* Who shares a household already does not change over without leaving it. */
    struct account_entry dora = person(&f, SLICE("dora@example.org"), SLICE("Dora"));
    struct account_who d = who_of(&f, &dora.session);
    assert_ok(invite(&f, &d, BEN));
    assert_error(accept(&f, code_to(&f, BEN), SLICE_NONE, &entry), "household.others");
    end(&f);
}

static void erasing_one_leaves_the_household_to_the_other(void **state) {
    struct fixture f = begin(state);
    struct account_entry hers, his;
    couple(&f, &hers, &his);
    struct account_who anna = who_of(&f, &hers.session), ben = who_of(&f, &his.session);
    struct account_me her = me_of(&f, &anna);
    assert_ok(account_erase(f.account, &anna, PASSWORD));
    ben = who_of(&f, &his.session);
    assert_int_equal(ben.household_id, anna.household_id);
    struct account_me me = me_of(&f, &ben);
    assert_int_equal(me.profile_count, 1); /* hers went with her */
    assert_slice(me.household.name, "Anna"); /* until he calls it something else */
    struct key key;
    for (int64_t slot = 1; slot < 100; slot++) assert_true(keys_read(f.keys, her.profile ? her.profile->id : anna.profile_id, slot, &key).kind != ERR_NONE);
    struct account_adults all = adults_of(&f, &ben);
    assert_int_equal(all.count, 1);
    assert_true(all.items[0].is_owner && all.items[0].is_me);
    assert_ok(account_erase(f.account, &ben, PASSWORD)); /* the last one: as ever */
    struct account_household_facts facts;
    assert_error(account_household_load(f.account, f.org, anna.household_id, &facts), "household.missing");
    end(&f);
}

static struct public_id adult_id(struct fixture *f, const struct account_who *who, struct slice email) {
    struct account_adults all = adults_of(f, who);
    for (size_t i = 0; i < all.count; i++)
        if (slice_eq(all.items[i].email, email)) return all.items[i].public_id;
    fail_msg("%.*s does not live there", SLICE_ARG(email));
    return (struct public_id){{0}};
}
/* Exactly one owns it, and he stands first. */
static void assert_owner(struct fixture *f, const struct account_who *who, struct slice email) {
    struct account_adults all = adults_of(f, who);
    for (size_t i = 0; i < all.count; i++) assert_int_equal(all.items[i].is_owner, i == 0);
    assert_true(slice_eq(all.items[0].email, email));
}

static void the_owner_hands_over(void **state) {
    struct fixture f = begin(state);
    struct account_entry hers, his, third, strange;
    couple(&f, &hers, &his);
    struct account_who anna = who_of(&f, &hers.session), ben = who_of(&f, &his.session);
    assert_ok(invite(&f, &anna, CLEO));
    assert_ok(accept(&f, code_to(&f, CLEO), SLICE("Cleo"), &third));
    struct account_who cleo = who_of(&f, &third.session);
    strange = person(&f, SLICE("dora@example.org"), SLICE("Dora"));
    struct account_who dora = who_of(&f, &strange.session);
    struct public_id a = adult_id(&f, &anna, ANNA), b = adult_id(&f, &anna, BEN), c = adult_id(&f, &anna, CLEO), d = adult_id(&f, &dora, SLICE("dora@example.org"));
    size_t sent = letters(&f);
    assert_error(account_adult_hand_over(f.account, &ben, public_id_slice(&b), PASSWORD), "household.owner"); /* nobody takes it */
    assert_error(account_adult_hand_over(f.account, &anna, public_id_slice(&c), SLICE("wrong words")), "me.password");
    assert_error(account_adult_hand_over(f.account, &anna, public_id_slice(&a), PASSWORD), "household.owned");
    assert_error(account_adult_hand_over(f.account, &anna, public_id_slice(&d), PASSWORD), "household.adult"); /* lives elsewhere */
    assert_error(account_adult_hand_over(f.account, &dora, public_id_slice(&b), PASSWORD), "household.adult");
    assert_error(account_adult_hand_over(f.account, &anna, SLICE("nobody"), PASSWORD), "household.adult");
    assert_owner(&f, &ben, ANNA);
    assert_int_equal(letters(&f), sent);

    assert_ok(account_adult_hand_over(f.account, &anna, public_id_slice(&c), PASSWORD)); /* not the next one: the last who came */
    assert_owner(&f, &ben, CLEO);
    assert_owner(&f, &dora, SLICE("dora@example.org"));
    assert_true(slice_find(letter_to(&f, CLEO).text, ANNA) != SLICE_NPOS);
    assert_true(slice_find(letter_to(&f, ANNA).text, CLEO) != SLICE_NPOS);
    assert_int_equal(letters(&f), sent + 2);
    struct account_adults all = adults_of(&f, &anna); /* nobody has moved, nor joined at another time */
    assert_int_equal(all.count, 3);
    assert_slice(all.items[1].email, "anna@example.org");
    assert_true(all.items[2].joined_at.ns < all.items[0].joined_at.ns);
    assert_int_equal(who_of(&f, &hers.session).household_id, cleo.household_id);
    assert_int_equal(me_of(&f, &anna).profile_count, 3);
    /* What an owner may is hers now, and no longer Anna's. */
    assert_error(account_adult_hand_over(f.account, &anna, public_id_slice(&b), PASSWORD), "household.owner");
    assert_error(account_adult_remove(f.account, &anna, public_id_slice(&b), PASSWORD), "household.owner");
    assert_error(account_adult_leave(f.account, &cleo, PASSWORD), "household.owner_stays");
    assert_ok(account_adult_remove(f.account, &cleo, public_id_slice(&b), PASSWORD));
    assert_ok(account_adult_leave(f.account, &anna, PASSWORD));
    assert_owner(&f, &cleo, CLEO);
    anna = who_of(&f, &hers.session);
    assert_owner(&f, &anna, ANNA);
    /* Whoever moves in somewhere with what she owned elsewhere owns nothing there. */
    pass(&f, 3600);
    assert_ok(invite(&f, &anna, CLEO));
    assert_ok(accept(&f, code_to(&f, CLEO), SLICE_NONE, &third));
    assert_owner(&f, &anna, ANNA);
    /* And it can be handed back. */
    assert_ok(account_adult_hand_over(f.account, &anna, public_id_slice(&c), PASSWORD));
    cleo = who_of(&f, &third.session);
    assert_ok(account_adult_hand_over(f.account, &cleo, public_id_slice(&a), PASSWORD));
    assert_owner(&f, &cleo, ANNA);
    end(&f);
}

static void a_household_never_lacks_an_owner(void **state) {
    struct fixture f = begin(state);
    struct account_entry hers, his, third;
    couple(&f, &hers, &his);
    struct account_who anna = who_of(&f, &hers.session), ben = who_of(&f, &his.session);
    assert_ok(invite(&f, &anna, CLEO));
    assert_ok(accept(&f, code_to(&f, CLEO), SLICE("Cleo"), &third));
    struct account_who cleo = who_of(&f, &third.session);
    struct public_id c = adult_id(&f, &anna, CLEO);
    assert_ok(account_adult_hand_over(f.account, &anna, public_id_slice(&c), PASSWORD));
    size_t sent = letters(&f);
    assert_ok(account_erase(f.account, &cleo, PASSWORD)); /* it falls back to who has been there longest, who is told */
    assert_owner(&f, &ben, ANNA);
    struct mail_item letter = letter_to(&f, ANNA);
    assert_true(slice_find(letter.text, SLICE("/account/household")) != SLICE_NPOS);
    assert_true(slice_find(letter.text, CLEO) == SLICE_NPOS); /* who is erased is named to nobody */
    assert_true(letters(&f) <= sent); /* hers are gone, and nobody else was written to */
    struct account_household_facts facts;
    assert_ok(account_household_load(f.account, f.org, anna.household_id, &facts));
    assert_int_equal(facts.profile_count, 2); /* theirs are untouched */
    /* Who owns nothing goes without a word to the others. */
    sent = letters(&f);
    assert_ok(account_erase(f.account, &ben, PASSWORD));
    assert_true(letters(&f) < sent);
    assert_owner(&f, &anna, ANNA);
    end(&f);
}

/* Two who hand over at once, and a program that ends in between: one of it holds, whole. */
static void handing_over_is_whole_or_not_at_all(void **state) {
    struct fixture f = begin(state);
    struct account_entry hers, his;
    couple(&f, &hers, &his);
    struct account_who who[2] = {who_of(&f, &hers.session), who_of(&f, &his.session)};
    struct public_id ids[2] = {adult_id(&f, &who[0], ANNA), adult_id(&f, &who[0], BEN)};
    const struct slice emails[2] = {ANNA, BEN};
    int owner = 0;
    bool is_done = false;
    for (int n = 1; n < 3000 && !is_done; n += 1 + n / 12) {
        pass(&f, 60);
        size_t sent = letters(&f);
        fault_arm(FAULT_ALLOC, (uint64_t)n, false);
        struct err e = account_adult_hand_over(f.account, &who[owner], public_id_slice(&ids[!owner]), PASSWORD);
        is_done = !fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        arena_reset(f.arena);
        if (is_done) assert_ok(e);
        size_t now = letters(&f);
        assert_true(now == sent || now == sent + 2 || now == 200);
        if (now == sent + 2) owner = !owner; /* told is done */
        assert_owner(&f, &who[0], emails[owner]);
        if (!e.kind) assert_int_equal(now, sent + 2);
    }
    assert_true(is_done);
    end(&f);
}

/* Each allocation of the story fails in turn: he lives in exactly one household, and a code that was not used is still good. */
static void each_allocation_may_fail(void **state) {
    struct fixture f = begin(state);
    struct account_entry hers = person(&f, ANNA, SLICE("Anna")), entry;
    struct account_who anna = who_of(&f, &hers.session);
    bool is_done = false;
    for (int n = 1; n < 3000 && !is_done; n += 1 + n / 12) {
        pass(&f, 7200);
        fault_arm(FAULT_ALLOC, (uint64_t)n, false);
        struct err e = invite(&f, &anna, BEN);
        if (!e.kind) {
            struct mail_list list;
            struct arena *arena = arena_create(4 << 20);
            e = arena ? mail_list(f.mail, arena, f.org, 0, 1, &list) : err_memory();
            if (!e.kind) e = accept(&f, code_in(list.items[0]), SLICE("Ben"), &entry);
            arena_destroy(&arena);
        }
        struct account_who ben;
        if (!e.kind) e = account_session_find(f.account, f.org, text(&entry.session), &ben);
        if (!e.kind) e = account_adult_leave(f.account, &ben, PASSWORD);
        is_done = !fault_fired(FAULT_ALLOC);
        fault_disarm_all();
        if (is_done) assert_ok(e);
        arena_reset(f.arena);
        pass(&f, 60);
        struct account_adults all = adults_of(&f, &anna);
        assert_true(all.count <= 2);
        if (!sign_in(&f, BEN, PASSWORD, SLICE_NONE, &entry).kind) { /* whatever failed: back to where it begins */
            ben = who_of(&f, &entry.session);
            struct account_adults his = adults_of(&f, &ben);
            assert_int_equal(his.count, ben.household_id == anna.household_id ? 2 : 1);
            assert_int_equal(all.count, his.count);
            assert_ok(account_erase(f.account, &ben, PASSWORD));
        }
    }
    assert_true(is_done);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_second_adult_joins_with_a_sign_in_of_his_own), ON_BOTH(an_invitation_ends), ON_BOTH(there_are_so_many_and_no_more), ON_BOTH(inviting_is_slowed_down_and_tells_nothing),
        ON_SQLITE(a_teenager_on_the_sofa_invites_nobody), ON_BOTH(the_owner_removes_somebody), ON_BOTH(somebody_leaves), ON_BOTH(who_has_an_account_moves_in),
        ON_BOTH(erasing_one_leaves_the_household_to_the_other), ON_BOTH(the_owner_hands_over), ON_BOTH(a_household_never_lacks_an_owner),
        ON_SQLITE(handing_over_is_whole_or_not_at_all), ON_SQLITE(each_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("account adults", tests, NULL, NULL);
}
