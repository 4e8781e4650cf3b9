/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "fixture.h"

#include "business/account/totp.h"

#define ANNA SLICE("anna@example.org")
#define BEN SLICE("ben@example.org")

/* --- signing up --- */

static void who_reads_the_mailbox_gets_an_account(void **state) {
    struct fixture f = begin(state);
    struct account_from from = from_nobody();
    struct account_entry entry;
    assert_ok(sign_up_as(&f, SLICE("  Anna@Example.ORG "), SLICE("  Anna Müller ")));
    struct mail_item mail = letter_to(&f, ANNA);
    assert_true(slice_find(mail.text, SLICE("Hallo Anna Müller,")) != SLICE_NPOS);
    assert_true(slice_find(mail.text, SLICE("http://localhost:8080/confirm#code=")) != SLICE_NPOS);
    assert_error(sign_in(&f, ANNA, PASSWORD, SLICE_NONE, &entry), "sign_in.wrong"); /* not before */
    assert_ok(account_confirm(f.account, f.org, code_in(mail), &from, &entry));
    struct account_who who = who_of(&f, &entry.session);
    assert_true(who.user_id && who.household_id && who.profile_id && !who.roles);
    assert_int_equal(who.age_max, 18);
    struct account_me me = me_of(&f, &who);
    assert_slice(me.user.name, "Anna Müller");
    assert_slice(me.user.email, "anna@example.org");
    assert_slice(me.user.lang, "de");
    assert_string_equal(me.household.country, "DE");
    assert_int_equal(me.profile_count, 1);
    assert_ptr_equal(me.profile, &me.profiles[0]);
    assert_error(account_confirm(f.account, f.org, code_in(mail), &from, &entry), "code.wrong"); /* once */
    assert_ok(sign_in(&f, SLICE("ANNA@example.org"), PASSWORD, SLICE_NONE, &entry));
    end(&f);
}

static void nobody_learns_who_has_an_account(void **state) {
    struct fixture f = begin(state);
    struct account_entry entry = person(&f, ANNA, SLICE("Anna"));
    struct account_from from = from_nobody();
    pass(&f, 7200);
    uint64_t hashes = account_stats(f.account).password_hashes;
    assert_ok(sign_up_as(&f, ANNA, SLICE("Mallory")));
    assert_int_equal(account_stats(f.account).password_hashes, hashes + 1);
    struct mail_item mail = letter_to(&f, ANNA);
    assert_true(slice_find(mail.text, SLICE("#code=")) == SLICE_NPOS);
    assert_true(slice_find(mail.text, SLICE("Mallory")) == SLICE_NPOS); /* nothing that a stranger typed */
    assert_ok(sign_up_as(&f, BEN, SLICE("Ben")));
    assert_int_equal(account_stats(f.account).password_hashes, hashes + 2);
    hashes = account_stats(f.account).password_hashes;
    assert_error(sign_in(&f, ANNA, SLICE("wrong password"), SLICE_NONE, &entry), "sign_in.wrong");
    assert_error(sign_in(&f, SLICE("nobody@example.org"), SLICE("wrong password"), SLICE_NONE, &entry), "sign_in.wrong");
    assert_error(sign_in(&f, SLICE("no address"), SLICE("wrong password"), SLICE_NONE, &entry), "sign_in.wrong");
    assert_int_equal(account_stats(f.account).password_hashes, hashes + 3); /* the same work for each */
    assert_ok(account_password_forget(f.account, f.org, ANNA, &from));
    assert_ok(account_password_forget(f.account, f.org, SLICE("nobody@example.org"), &from));
    assert_true(slice_find(letter_to(&f, SLICE("nobody@example.org")).text, SLICE("#code=")) == SLICE_NPOS);
    end(&f);
}

static void nobody_prepares_an_account_for_somebody_else(void **state) {
    struct fixture f = begin(state);
    struct account_from from = from_nobody();
    struct account_entry mallory, entry;
    assert_ok(account_sign_up(f.account, f.org, &(struct account_sign_up){ANNA, SLICE("mallory knows it"), SLICE("Mallory"), SLICE("DE"), SLICE("en")}, &from));
    struct slice first = code_to(&f, ANNA);
    assert_ok(sign_up_as(&f, ANNA, SLICE("Anna")));
    assert_ok(account_confirm(f.account, f.org, code_to(&f, ANNA), &from, &entry)); /* her own letter */
    assert_error(sign_in(&f, ANNA, SLICE("mallory knows it"), SLICE_NONE, &mallory), "sign_in.wrong");
    assert_error(account_confirm(f.account, f.org, first, &from, &mallory), "code.wrong"); /* the address is taken now */
    assert_ok(sign_in(&f, ANNA, PASSWORD, SLICE_NONE, &entry));
    end(&f);
}

static void what_is_wrong_with_a_sign_up_is_said(void **state) {
    struct fixture f = begin(state);
    struct account_from from = from_nobody();
    const struct account_sign_up good = {ANNA, PASSWORD, SLICE("Anna"), SLICE("TH"), SLICE("th")};
    struct account_sign_up s = good;
    const char *emails[] = {"", "anna", "anna@", "@example.org", "a b@example.org", "anna@example.org\r\nBcc: x@example.org", "anna@exa mple.org", "anna@-x.org", "anna@example", "a..b@example.org"};
    for (size_t i = 0; i < ARRAY_LEN(emails); i++) {
        s.email = slice_cstr(emails[i]);
        assert_error(account_sign_up(f.account, f.org, &s, &from), "account.email");
    }
    s = good;
    s.password = SLICE("short");
    assert_error(account_sign_up(f.account, f.org, &s, &from), "account.password");
    s.password = SLICE("Password123");
    assert_error(account_sign_up(f.account, f.org, &s, &from), "account.password");
    s.password = SLICE("ANNA@example.org");
    assert_error(account_sign_up(f.account, f.org, &s, &from), "account.password");
    s = good;
    s.name = SLICE("Anna\xe2\x80\xaegnp.exe");
    assert_error(account_sign_up(f.account, f.org, &s, &from), "account.name");
    s = good;
    s.country = SLICE("XX");
    assert_error(account_sign_up(f.account, f.org, &s, &from), "account.country");
    s = good;
    s.lang = SLICE("fr");
    assert_error(account_sign_up(f.account, f.org, &s, &from), "account.lang");
    assert_int_equal(letters(&f), 0);
    assert_ok(account_sign_up(f.account, f.org, &good, &from));
    end(&f);
}

static void mass_sign_up_is_slowed_down(void **state) {
    struct fixture f = begin(state);
    char email[64];
    for (int i = 0; i < 10; i++) {
        snprintf(email, sizeof email, "p%d@example.org", i);
        assert_ok(sign_up_as(&f, slice_cstr(email), SLICE("P")));
    }
    assert_error(sign_up_as(&f, SLICE("p11@example.org"), SLICE("P")), "sign_up.many");
    assert_int_equal(letters(&f), 10);
    pass(&f, 3600);
    for (int i = 0; i < 6; i++) assert_ok(sign_up_as(&f, ANNA, SLICE("Anna"))); /* the answer stays the same, */
    assert_int_equal(letters(&f), 13);                                          /* but nobody's mailbox is flooded */
    end(&f);
}

static void links_lead_only_where_they_may(void **state) {
    struct fixture f = begin(state);
    struct account_entry entry = person(&f, ANNA, SLICE("Anna"));
    struct account_from from = from_nobody();
    from.origin = SLICE("https://evil.example");
    assert_ok(account_password_forget(f.account, f.org, ANNA, &from));
    assert_true(slice_find(letter_to(&f, ANNA).text, SLICE("evil")) == SLICE_NPOS);
    account_close(&f.account);
    assert_ok(account_open(&f.account, &(struct account_options){.db = f.db, .clock = f.clock, .ids = f.ids, .keys = f.keys, .mail = f.mail, .site_url = "https://arena.example/",
                                                                 .password_bytes = 8192, .password_passes = 1}));
    pass(&f, 7200);
    from.origin = SLICE("http://localhost:8080");
    assert_ok(account_password_forget(f.account, f.org, ANNA, &from));
    assert_true(slice_find(letter_to(&f, ANNA).text, SLICE("https://arena.example/reset#code=")) != SLICE_NPOS);
    (void)entry;
    end(&f);
}

/* --- signing in --- */

static void a_session_is_new_and_ends_the_one_that_came_with_it(void **state) {
    struct fixture f = begin(state);
    struct account_entry first = person(&f, ANNA, SLICE("Anna")), second;
    struct account_from from = from_nobody();
    from.session = text(&first.session); /* somebody may have planted it */
    struct account_who who;
    assert_ok(account_session_find(f.account, f.org, text(&first.session), &who));
    assert_ok(account_sign_in(f.account, f.org, ANNA, PASSWORD, SLICE_NONE, &from, &second));
    assert_true(!slice_eq(text(&first.session), text(&second.session)));
    assert_error(account_session_find(f.account, f.org, text(&first.session), &who), "session.required");
    assert_ok(account_session_find(f.account, f.org, text(&second.session), &who));
    assert_int_equal(account_session_peek(f.account, f.org, text(&second.session), &who), ACCOUNT_KNOWN);
    assert_int_equal(account_session_peek(f.account, f.org, text(&first.session), &who), ACCOUNT_NOBODY);
    end(&f);
}

static void guessing_is_slowed_down_and_keeps_nobody_out_for_ever(void **state) {
    struct fixture f = begin(state);
    struct account_entry home = person(&f, ANNA, SLICE("Anna")), entry;
    struct account_from stranger = from_nobody(), own = from_nobody();
    char peer[64];
    assert_int_equal(strlen(home.device.text), ACCOUNT_SECRET_LEN);
    for (int i = 0; i < 10; i++) { /* from many addresses */
        snprintf(peer, sizeof peer, "198.51.100.%d", i);
        stranger.peer = slice_cstr(peer);
        assert_error(account_sign_in(f.account, f.org, ANNA, SLICE("guess guess"), SLICE_NONE, &stranger, &entry), "sign_in.wrong");
    }
    stranger.peer = SLICE("198.51.100.200");
    assert_error(account_sign_in(f.account, f.org, ANNA, PASSWORD, SLICE_NONE, &stranger, &entry), "sign_in.many");
    own.device = text(&home.device); /* the browser that Anna uses */
    assert_ok(account_sign_in(f.account, f.org, ANNA, PASSWORD, SLICE_NONE, &own, &entry));
    assert_int_equal(strlen(entry.device.text), 0); /* it keeps what it has */
    struct account_entry ben = person(&f, BEN, SLICE("Ben"));
    own.device = text(&ben.device); /* somebody else's browser is a stranger */
    for (int i = 0; i < 60; i++) {
        stranger.device = text(&ben.device);
        snprintf(peer, sizeof peer, "203.0.113.%d", i);
        stranger.peer = slice_cstr(peer);
        struct err e = account_sign_in(f.account, f.org, ANNA, SLICE("guess guess"), SLICE_NONE, &stranger, &entry);
        assert_true(e.kind == ERR_DENIED || e.kind == ERR_LIMIT);
    }
    assert_error(account_sign_in(f.account, f.org, ANNA, PASSWORD, SLICE_NONE, &own, &entry), "sign_in.many");
    pass(&f, 60);
    assert_ok(account_sign_in(f.account, f.org, ANNA, PASSWORD, SLICE_NONE, &own, &entry));
    /* from one address: many accounts */
    stranger = from_nobody();
    stranger.peer = SLICE("2001:db8:1:2::77");
    for (int i = 0; i < 20; i++) {
        snprintf(peer, sizeof peer, "p%d@example.org", i);
        assert_error(account_sign_in(f.account, f.org, slice_cstr(peer), SLICE("guess guess"), SLICE_NONE, &stranger, &entry), "sign_in.wrong");
    }
    stranger.peer = SLICE("2001:db8:1:2:ffff::1"); /* the same network */
    assert_error(account_sign_in(f.account, f.org, BEN, PASSWORD, SLICE_NONE, &stranger, &entry), "sign_in.many");
    end(&f);
}

static void a_new_password_ends_all_other_sessions(void **state) {
    struct fixture f = begin(state);
    struct account_entry here = person(&f, ANNA, SLICE("Anna")), there, fresh;
    struct account_who who, old = who_of(&f, &here.session);
    struct account_from from = from_nobody();
    bool is_new = false;
    assert_ok(sign_in(&f, ANNA, PASSWORD, SLICE_NONE, &there));
    who_of(&f, &there.session);
    struct account_user_change change = {.password = SLICE("a much better one"), .old_password = SLICE("wrong")};
    assert_error(account_user_change(f.account, &old, &change, &from, &is_new, &fresh), "me.password");
    change.old_password = PASSWORD;
    from.session = text(&here.session);
    assert_ok(account_user_change(f.account, &old, &change, &from, &is_new, &fresh));
    assert_true(is_new);
    assert_error(account_session_find(f.account, f.org, text(&there.session), &who), "session.required");
    assert_error(account_session_find(f.account, f.org, text(&here.session), &who), "session.required");
    assert_ok(account_session_find(f.account, f.org, text(&fresh.session), &who));
    assert_error(sign_in(&f, ANNA, PASSWORD, SLICE_NONE, &there), "sign_in.wrong");
    assert_ok(sign_in(&f, ANNA, SLICE("a much better one"), SLICE_NONE, &there));
    assert_true(slice_find(letter_to(&f, ANNA).subject, SLICE("Passwort")) != SLICE_NPOS);
    end(&f);
}

static void a_forgotten_password_is_made_anew_once(void **state) {
    struct fixture f = begin(state);
    struct account_entry there = person(&f, ANNA, SLICE("Anna")), entry;
    struct account_from from = from_nobody();
    struct account_who who;
    assert_ok(account_password_forget(f.account, f.org, ANNA, &from));
    struct slice old = code_to(&f, ANNA);
    pass(&f, 1200);
    assert_ok(account_password_forget(f.account, f.org, ANNA, &from));
    struct slice code = code_to(&f, ANNA);
    assert_error(account_password_reset(f.account, f.org, code, SLICE("short"), SLICE_NONE, &from, &entry), "account.password");
    assert_ok(account_password_reset(f.account, f.org, code, SLICE("a much better one"), SLICE_NONE, &from, &entry));
    who_of(&f, &entry.session);
    assert_error(account_session_find(f.account, f.org, text(&there.session), &who), "session.required");
    assert_error(account_password_reset(f.account, f.org, code, SLICE("another good one"), SLICE_NONE, &from, &entry), "code.wrong");
    assert_error(account_password_reset(f.account, f.org, old, SLICE("another good one"), SLICE_NONE, &from, &entry), "code.wrong"); /* all of them are used */
    pass(&f, 3600);
    assert_ok(account_password_forget(f.account, f.org, ANNA, &from));
    code = code_to(&f, ANNA);
    pass(&f, ACCOUNT_RESET_S);
    assert_error(account_password_reset(f.account, f.org, code, SLICE("another good one"), SLICE_NONE, &from, &entry), "code.wrong"); /* too old */
    end(&f);
}

static void a_new_address_needs_the_password_the_mailbox_and_the_session(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna")), ben = person(&f, BEN, SLICE("Ben")), entry;
    struct account_who who = who_of(&f, &anna.session);
    struct account_from from = from_nobody();
    bool is_new;
    struct account_user_change change = {.email = SLICE("new@example.org"), .old_password = PASSWORD};
    assert_ok(account_user_change(f.account, &who, &change, &from, &is_new, &entry));
    assert_false(is_new);
    struct slice code = code_to(&f, SLICE("new@example.org"));
    assert_true(slice_find(letter_to(&f, ANNA).text, SLICE("new@example.org")) != SLICE_NPOS); /* the old one hears of it */
    assert_error(account_confirm(f.account, f.org, code, &from, &entry), "session.required");
    from.session = text(&ben.session);
    assert_error(account_confirm(f.account, f.org, code, &from, &entry), "session.required");
    from.session = text(&anna.session);
    assert_ok(account_confirm(f.account, f.org, code, &from, &entry));
    assert_error(sign_in(&f, ANNA, PASSWORD, SLICE_NONE, &anna), "sign_in.wrong");
    assert_ok(sign_in(&f, SLICE("new@example.org"), PASSWORD, SLICE_NONE, &anna));
    /* one that somebody has: no letter to him, and no word of it to her */
    size_t before = letters(&f);
    who = who_of(&f, &anna.session);
    change.email = BEN;
    assert_ok(account_user_change(f.account, &who, &change, &from, &is_new, &entry));
    assert_int_equal(letters(&f), before + 1);
    end(&f);
}

/* One request that changes all of it, with its three letters. */
static void a_new_address_and_a_new_password_come_together(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna")), entry;
    struct account_who who = who_of(&f, &anna.session);
    struct account_from from = from_nobody();
    bool is_new;
    size_t before = letters(&f);
    pass(&f, 3600);
    struct account_user_change c = {.name = SLICE("Anna B."), .lang = SLICE("en"), .email = SLICE("b@example.org"), .password = SLICE("another horse and battery"), .old_password = PASSWORD};
    assert_ok(account_user_change(f.account, &who, &c, &from, &is_new, &entry));
    assert_true(is_new);
    assert_int_equal(letters(&f), before + 3);
    from.session = text(&entry.session);
    assert_ok(account_confirm(f.account, f.org, code_to(&f, SLICE("b@example.org")), &from, &entry));
    assert_ok(sign_in(&f, SLICE("b@example.org"), SLICE("another horse and battery"), SLICE_NONE, &entry));
    end(&f);
}

/* --- the second factor --- */

static void base32_read(const char *text, uint8_t out[TOTP_SECRET_BYTES]) {
    uint32_t bits = 0;
    int held = 0, at = 0;
    for (const char *p = text; *p; p++) {
        int value = *p >= 'A' ? *p - 'A' : *p - '2' + 26;
        bits = bits << 5 | (uint32_t)value;
        if ((held += 5) >= 8) out[at++] = (uint8_t)(bits >> (held -= 8));
    }
}
static struct slice totp_now(struct fixture *f, const char *secret, int steps, char out[8]) {
    uint8_t bytes[TOTP_SECRET_BYTES];
    base32_read(secret, bytes);
    snprintf(out, 8, "%06u", totp_code(bytes, utc_seconds(clock_utc(f->clock)) / TOTP_STEP_S + steps));
    return slice_cstr(out);
}

static void a_second_factor_is_asked_for_and_used_once(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna")), entry;
    struct account_who who = who_of(&f, &anna.session);
    struct account_totp totp;
    struct account_recovery recovery;
    struct account_from from = from_nobody();
    char code[8];
    assert_error(account_totp_confirm(f.account, &who, SLICE("123456"), &recovery), "totp.none");
    assert_ok(account_totp_begin(f.account, f.arena, &who, &totp));
    assert_true(slice_starts_with(totp.uri, SLICE("otpauth://totp/Grandstand:anna%40example.org?secret=")));
    assert_ok(sign_in(&f, ANNA, PASSWORD, SLICE_NONE, &entry)); /* not on yet */
    assert_error(account_totp_confirm(f.account, &who, SLICE("12345"), &recovery), "sign_in.code");
    size_t before = letters(&f);
    assert_ok(account_totp_confirm(f.account, &who, totp_now(&f, totp.secret, 0, code), &recovery));
    assert_int_equal(letters(&f), before + 1);
    assert_true(me_of(&f, &who).user.has_totp);
    assert_error(account_totp_begin(f.account, f.arena, &who, &totp), "totp.on");
    assert_error(sign_in(&f, ANNA, PASSWORD, SLICE_NONE, &entry), "sign_in.code");
    assert_error(sign_in(&f, ANNA, SLICE("wrong password"), totp_now(&f, totp.secret, 1, code), &entry), "sign_in.wrong");
    assert_error(sign_in(&f, ANNA, PASSWORD, totp_now(&f, totp.secret, 0, code), &entry), "sign_in.code"); /* it was used to switch it on */
    assert_ok(sign_in(&f, ANNA, PASSWORD, totp_now(&f, totp.secret, 1, code), &entry));                    /* a clock that is fast */
    assert_error(sign_in(&f, ANNA, PASSWORD, slice_cstr(code), &entry), "sign_in.code");
    pass(&f, 60);
    assert_ok(sign_in(&f, ANNA, PASSWORD, totp_now(&f, totp.secret, 0, code), &entry));
    assert_error(sign_in(&f, ANNA, PASSWORD, totp_now(&f, totp.secret, 0, code), &entry), "sign_in.code"); /* no code twice */
    /* the clock goes back: still no code twice */
    clock_manual_set_utc(f.clock, utc_from_seconds(BEGIN_S));
    assert_error(sign_in(&f, ANNA, PASSWORD, totp_now(&f, totp.secret, 0, code), &entry), "sign_in.code");
    /* recovery codes: with the hyphen, without, in capitals; each once */
    char capital[ACCOUNT_RECOVERY_LEN + 1];
    for (int i = 0; i <= ACCOUNT_RECOVERY_LEN; i++) capital[i] = (char)(recovery.codes[1][i] >= 'a' && recovery.codes[1][i] <= 'z' ? recovery.codes[1][i] - 32 : recovery.codes[1][i]);
    assert_ok(sign_in(&f, ANNA, PASSWORD, slice_cstr(recovery.codes[0]), &entry));
    assert_error(sign_in(&f, ANNA, PASSWORD, slice_cstr(recovery.codes[0]), &entry), "sign_in.code");
    assert_ok(sign_in(&f, ANNA, PASSWORD, slice_cstr(capital), &entry));
    /* a forgotten password is no way around it */
    pass(&f, 7200);
    assert_ok(account_password_forget(f.account, f.org, ANNA, &from));
    assert_error(account_password_reset(f.account, f.org, code_to(&f, ANNA), SLICE("a much better one"), SLICE_NONE, &from, &entry), "sign_in.code");
    assert_ok(account_password_reset(f.account, f.org, code_to(&f, ANNA), SLICE("a much better one"), slice_cstr(recovery.codes[2]), &from, &entry));
    who = who_of(&f, &entry.session);
    assert_error(account_totp_end(f.account, &who, PASSWORD), "me.password");
    assert_ok(account_totp_end(f.account, &who, SLICE("a much better one")));
    assert_ok(sign_in(&f, ANNA, SLICE("a much better one"), SLICE_NONE, &entry));
    end(&f);
}

static void codes_cannot_be_guessed(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna")), entry;
    struct account_who who = who_of(&f, &anna.session);
    struct account_totp totp;
    struct account_recovery recovery;
    char code[8];
    assert_ok(account_totp_begin(f.account, f.arena, &who, &totp));
    assert_ok(account_totp_confirm(f.account, &who, totp_now(&f, totp.secret, 0, code), &recovery));
    for (int i = 0; i < 10; i++) assert_error(sign_in(&f, ANNA, PASSWORD, SLICE("000001"), &entry), "sign_in.code");
    assert_error(sign_in(&f, ANNA, PASSWORD, totp_now(&f, totp.secret, 1, code), &entry), "sign_in.many");
    pass(&f, 60);
    assert_ok(sign_in(&f, ANNA, PASSWORD, totp_now(&f, totp.secret, 0, code), &entry));
    end(&f);
}

/* --- sessions --- */

static void sessions_are_listed_and_ended_one_by_one(void **state) {
    struct fixture f = begin(state);
    struct account_entry here = person(&f, ANNA, SLICE("Anna")), there, ben = person(&f, BEN, SLICE("Ben"));
    struct account_session_list list;
    assert_ok(sign_in(&f, ANNA, PASSWORD, SLICE_NONE, &there));
    struct account_who who = who_of(&f, &here.session), other = who_of(&f, &ben.session);
    assert_ok(account_session_list(f.account, f.arena, &who, &list));
    assert_int_equal(list.count, 2);
    size_t away = list.items[0].is_this ? 1 : 0;
    assert_true(list.items[1 - away].is_this);
    assert_slice(list.items[away].agent, "Firefox");
    assert_slice(list.items[away].address, "192.0.2.1");
    assert_error(account_session_end_by_id(f.account, &other, public_id_slice(&list.items[away].public_id)), "session.missing"); /* not his */
    who_of(&f, &there.session);
    assert_ok(account_session_end_by_id(f.account, &who, public_id_slice(&list.items[away].public_id)));
    struct account_who gone;
    assert_error(account_session_find(f.account, f.org, text(&there.session), &gone), "session.required");
    assert_error(account_session_end_by_id(f.account, &who, SLICE("nonsense")), "session.missing");
    end(&f);
}

static void viewers_stay_while_they_come(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna"));
    struct account_who who;
    for (int i = 0; i < 7; i++) { /* each time just before it would end */
        pass(&f, ACCOUNT_VIEWER_IDLE_S - 3600);
        assert_ok(account_session_find(f.account, f.org, text(&anna.session), &who));
        assert_ok(account_session_find(f.account, f.org, text(&anna.session), &who));
        struct err e = account_tick(f.account);
        assert_ok(e);
        if (i == 5) break; /* the seventh would be after a year */
    }
    pass(&f, ACCOUNT_VIEWER_IDLE_S);
    assert_error(account_session_find(f.account, f.org, text(&anna.session), &who), "session.required");
    end(&f);
}

static void another_process_hears_within_seconds(void **state) {
    struct fixture f = begin(state), g = f;
    g.ids = id_maker_create(f.clock, 1);
    open_account(&g); /* the same store and keys */
    struct account_entry anna = person(&f, ANNA, SLICE("Anna")), fresh;
    struct account_who who, again;
    assert_ok(account_session_find(g.account, f.org, text(&anna.session), &who));
    assert_int_equal(account_session_peek(g.account, f.org, text(&anna.session), &again), ACCOUNT_KNOWN);
    uint64_t generation = account_generation(g.account);
    assert_ok(account_household_change(f.account, &who, &(struct account_household_change){.country = SLICE("TH")}));
    assert_ok(account_session_end(f.account, f.org, text(&anna.session)));
    pass(&f, ACCOUNT_FOLLOW_S);
    assert_int_equal(account_session_peek(g.account, f.org, text(&anna.session), &again), ACCOUNT_ASK); /* one is sent to look */
    assert_error(account_session_find(g.account, f.org, text(&anna.session), &again), "session.required");
    assert_true(account_generation(g.account) > generation);
    struct account_household_facts facts;
    assert_ok(account_household_load(g.account, f.org, who.household_id, &facts));
    assert_string_equal(facts.country, "TH");
    /* more changes than the log lists at once, and a log that was cleaned */
    assert_ok(sign_in(&f, ANNA, PASSWORD, SLICE_NONE, &fresh));
    assert_ok(account_session_find(g.account, f.org, text(&fresh.session), &again));
    assert_ok(account_session_end(f.account, f.org, text(&fresh.session)));
    pass(&f, 2 * 24 * 3600);
    assert_ok(account_tick(f.account));
    assert_error(account_session_find(g.account, f.org, text(&fresh.session), &again), "session.required");
    account_close(&g.account);
    id_maker_destroy(&g.ids);
    end(&f);
}

/* --- members, tokens --- */

static void a_member_is_invited_and_has_roles(void **state) {
    struct fixture f = begin(state);
    struct account_who boss = operator_of(&f);
    struct account_from from = from_nobody();
    struct account_invitation invitation;
    struct account_entry entry;
    struct account_member_list list;
    struct public_id id;
    assert_error(account_member_invite(f.account, &boss, SLICE("nonsense"), ACCOUNT_EDITOR, &from, &id), "account.email");
    assert_error(account_member_invite(f.account, &boss, ANNA, 0, &from, &id), "member.roles");
    assert_ok(account_member_invite(f.account, &boss, ANNA, ACCOUNT_RIGHTS, &from, &id));
    struct slice old = code_to(&f, ANNA);
    assert_ok(account_member_invite(f.account, &boss, ANNA, ACCOUNT_OPERATOR | ACCOUNT_EDITOR, &from, &id));
    assert_error(account_invitation_read(f.account, f.arena, f.org, old, &from, &invitation), "code.wrong"); /* the newer one holds */
    struct slice code = code_to(&f, ANNA);
    assert_ok(account_invitation_read(f.account, f.arena, f.org, code, &from, &invitation));
    assert_slice(invitation.email, "anna@example.org");
    assert_slice(invitation.organisation, "Grandstand");
    assert_false(invitation.has_account);
    assert_ok(account_member_list(f.account, f.arena, &boss, &list));
    assert_int_equal(list.count, 1);
    assert_true(list.items[0].is_invited);
    assert_slice(list.items[0].email, "anna@example.org");
    assert_ok(account_invitation_accept(f.account, f.org, code, SLICE("Anna"), PASSWORD, SLICE_NONE, &from, &entry));
    assert_error(account_invitation_accept(f.account, f.org, code, SLICE("Anna"), PASSWORD, SLICE_NONE, &from, &entry), "code.wrong");
    struct account_who anna = who_of(&f, &entry.session);
    assert_int_equal(anna.roles, ACCOUNT_OPERATOR | ACCOUNT_EDITOR);

    /* who has an account gives its password */
    struct account_entry ben = person(&f, BEN, SLICE("Ben"));
    struct account_who viewer = who_of(&f, &ben.session);
    assert_error(account_member_list(f.account, f.arena, &viewer, &list), "role.required");
    assert_ok(account_member_invite(f.account, &anna, BEN, ACCOUNT_FINANCE, &from, &id));
    code = code_to(&f, BEN);
    assert_ok(account_invitation_read(f.account, f.arena, f.org, code, &from, &invitation));
    assert_true(invitation.has_account);
    assert_error(account_invitation_accept(f.account, f.org, code, SLICE("B"), SLICE("some other one"), SLICE_NONE, &from, &entry), "sign_in.wrong");
    assert_ok(account_invitation_accept(f.account, f.org, code, SLICE("B"), PASSWORD, SLICE_NONE, &from, &entry));
    viewer = who_of(&f, &ben.session); /* the session that stood knows it, too */
    assert_int_equal(viewer.roles, ACCOUNT_FINANCE);

    /* changing, and the last operator */
    assert_ok(account_member_list(f.account, f.arena, &boss, &list));
    assert_int_equal(list.count, 2);
    struct slice anna_id = public_id_slice(&list.items[0].public_id), ben_id = public_id_slice(&list.items[1].public_id);
    assert_error(account_member_change(f.account, &boss, anna_id, ACCOUNT_EDITOR), "member.last");
    assert_error(account_member_remove(f.account, &boss, anna_id), "member.last");
    assert_ok(account_member_change(f.account, &boss, ben_id, ACCOUNT_OPERATOR));
    assert_int_equal(who_of(&f, &ben.session).roles, ACCOUNT_OPERATOR);
    assert_ok(account_member_remove(f.account, &boss, anna_id));
    struct account_who gone;
    assert_int_equal(account_session_peek(f.account, f.org, text(&entry.session), &gone), ACCOUNT_ASK);
    assert_error(account_member_remove(f.account, &boss, anna_id), "member.missing");
    assert_ok(sign_in(&f, ANNA, PASSWORD, SLICE_NONE, &entry)); /* she stays a viewer */
    assert_int_equal(who_of(&f, &entry.session).roles, 0);
    assert_ok(account_member_invite(f.account, &boss, SLICE("c@example.org"), ACCOUNT_EDITOR, &from, &id));
    assert_ok(account_member_remove(f.account, &boss, public_id_slice(&id)));
    assert_error(account_invitation_read(f.account, f.arena, f.org, code_to(&f, SLICE("c@example.org")), &from, &invitation), "code.wrong");
    end(&f);
}

static void tokens_have_scopes_and_an_end(void **state) {
    struct fixture f = begin(state);
    struct account_who boss = operator_of(&f), who;
    struct account_token_secret secret, other;
    struct account_token_list list;
    struct public_id id, other_id;
    assert_error(account_token_make(f.account, &boss, SLICE("x"), 0, 0, &secret, &id), "token.scopes");
    assert_error(account_token_make(f.account, &boss, SLICE("x"), 1u << 20, 0, &secret, &id), "token.scopes");
    assert_error(account_token_make(f.account, &boss, SLICE("x"), ACCOUNT_RIGHTS_READ, 5, &secret, &id), "token.expires");
    assert_ok(account_token_make(f.account, &boss, SLICE("import"), ACCOUNT_CATALOG_READ | ACCOUNT_CATALOG_WRITE, 0, &secret, &id));
    assert_ok(account_token_make(f.account, &boss, SLICE("short"), ACCOUNT_RIGHTS_READ, BEGIN_S + 100, &other, &other_id));
    assert_int_equal(strlen(secret.text), ACCOUNT_TOKEN_LEN);
    assert_ok(account_token_find(f.account, f.org, slice_cstr(secret.text), &who));
    assert_int_equal(who.scopes, ACCOUNT_CATALOG_READ | ACCOUNT_CATALOG_WRITE);
    assert_true(!who.roles && !who.user_id && !who.session_id && who.token_id);
    assert_error(account_session_find(f.account, f.org, slice_cstr(secret.text), &who), "session.required"); /* no session */
    assert_ok(account_token_find(f.account, f.org, slice_cstr(other.text), &who));
    pass(&f, 100);
    assert_error(account_token_find(f.account, f.org, slice_cstr(other.text), &who), "token.required");
    assert_ok(account_token_list(f.account, f.arena, &boss, &list));
    assert_int_equal(list.count, 2);
    assert_slice(list.items[1].name, "import");
    assert_ok(account_token_end(f.account, &boss, public_id_slice(&id)));
    assert_error(account_token_end(f.account, &boss, public_id_slice(&id)), "token.missing");
    assert_error(account_token_find(f.account, f.org, slice_cstr(secret.text), &who), "token.required");
    assert_error(account_token_find(f.account, f.org, SLICE("gst_"), &who), "token.required");
    end(&f);
}

static void organisations_are_apart(void **state) {
    struct fixture f = begin(state);
    struct account_entry anna = person(&f, ANNA, SLICE("Anna")), entry;
    struct account_from from = from_nobody();
    struct account_who boss = operator_of(&f), who;
    struct account_token_secret token;
    struct public_id id;
    int64_t other;
    assert_ok(account_org_put(f.account, SLICE("Arena"), SLICE("arena.example"), &other));
    assert_error(account_sign_in(f.account, other, ANNA, PASSWORD, SLICE_NONE, &from, &entry), "sign_in.wrong");
    who_of(&f, &anna.session);
    assert_error(account_session_find(f.account, other, text(&anna.session), &who), "session.required");
    assert_int_equal(account_session_peek(f.account, f.org, text(&anna.session), &who), ACCOUNT_KNOWN); /* and stays known where it is */
    assert_ok(account_token_make(f.account, &boss, SLICE("t"), ACCOUNT_RIGHTS_READ, 0, &token, &id));
    assert_error(account_token_find(f.account, other, slice_cstr(token.text), &who), "token.required");
    pass(&f, 3600);
    assert_ok(sign_up_as(&f, BEN, SLICE("Ben")));
    assert_error(account_confirm(f.account, other, code_to(&f, BEN), &from, &entry), "code.wrong");
    struct account_household_facts facts;
    who = who_of(&f, &anna.session);
    assert_true(account_household_facts(f.account, f.org, who.household_id, &facts));
    assert_false(account_household_facts(f.account, other, who.household_id, &facts));
    assert_error(account_household_load(f.account, other, who.household_id, &facts), "household.missing");
    struct account_org_facts org;
    assert_true(account_org_facts(f.account, other, &org));
    assert_string_equal(org.country, "DE");
    assert_ok(account_org_set_facts(f.account, other, &(struct account_org_facts){.country = "TH", .portability = ACCOUNT_PORTABILITY_EU}));
    assert_true(account_org_facts(f.account, other, &org));
    assert_string_equal(org.country, "TH");
    assert_true(account_org_facts(f.account, f.org, &org));
    assert_string_equal(org.country, "DE");
    end(&f);
}

/* --- in which zone letters say their dates --- */

struct posting {
    struct fixture *f;
    int64_t household_id;
};
static struct err post_fn(struct db_tx *tx, void *arg) {
    struct posting *p = arg;
    struct text_param what = {SLICE("what"), SLICE("Plus")};
    struct account_post post = {.code = "mail.plan_pay", .org_id = p->f->org, .household_id = p->household_id, .path = "/account/plan", .until_s = 1774746000, /* 2026-03-29T01:00:00Z */
                                .params = &what, .param_count = 1};
    return account_post_in(p->f->account, tx, p->f->arena, &post);
}
static void letter_says(struct fixture *f, int64_t household_id, struct slice to, const char *wanted) {
    struct posting p = {f, household_id};
    pass(f, 60);
    assert_ok(db_write(f->db, post_fn, &p));
    struct slice said = letter_to(f, to).text;
    if (slice_find(said, slice_cstr(wanted)) == SLICE_NPOS) fail_msg("'%s' is not in: %.*s", wanted, SLICE_ARG(said));
}
static struct account_entry sign_in_from(struct fixture *f, struct slice email, struct slice zone) {
    struct account_from from = from_nobody();
    struct account_entry entry;
    from.zone = zone;
    pass(f, 60);
    assert_ok(account_sign_in(f->account, f->org, email, PASSWORD, SLICE_NONE, &from, &entry));
    return entry;
}

static void letters_say_dates_in_the_readers_zone(void **state) {
    struct fixture f = begin(state);
    struct slice anna = SLICE("anna@example.org");
    struct account_entry entry = person(&f, anna, SLICE("Anna"));
    struct account_who who = who_of(&f, &entry.session);
    letter_says(&f, who.household_id, anna, "29. März 2026, 03:00 UTC+2"); /* nothing is known but the country: Germany's, on the night when its clocks go forward */
    entry = sign_in_from(&f, anna, SLICE("America/St_Johns"));
    letter_says(&f, who.household_id, anna, "28. März 2026, 22:30 UTC-2:30");
    entry = sign_in_from(&f, anna, SLICE("../../../etc/passwd")); /* what is no zone, and a browser that says none, change nothing */
    entry = sign_in_from(&f, anna, SLICE_NONE);
    letter_says(&f, who.household_id, anna, "28. März 2026, 22:30 UTC-2:30");
    who = who_of(&f, &entry.session);
    assert_slice(me_of(&f, &who).user.zone, "America/St_Johns");
    struct buf all = BUF(1 << 20);
    assert_ok(account_export(f.account, f.arena, &who, &all));
    assert_true(slice_find(buf_slice(&all), SLICE("\"zone\":\"America/St_Johns\"")) != SLICE_NPOS);
    buf_free(&all);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(who_reads_the_mailbox_gets_an_account), ON_BOTH(nobody_learns_who_has_an_account), ON_BOTH(nobody_prepares_an_account_for_somebody_else),
        ON_SQLITE(what_is_wrong_with_a_sign_up_is_said), ON_SQLITE(mass_sign_up_is_slowed_down), ON_SQLITE(links_lead_only_where_they_may),
        ON_BOTH(a_session_is_new_and_ends_the_one_that_came_with_it), ON_SQLITE(guessing_is_slowed_down_and_keeps_nobody_out_for_ever),
        ON_BOTH(a_new_password_ends_all_other_sessions), ON_BOTH(a_forgotten_password_is_made_anew_once), ON_BOTH(a_new_address_needs_the_password_the_mailbox_and_the_session),
        ON_BOTH(a_new_address_and_a_new_password_come_together),
        ON_BOTH(a_second_factor_is_asked_for_and_used_once), ON_SQLITE(codes_cannot_be_guessed), ON_BOTH(sessions_are_listed_and_ended_one_by_one), ON_BOTH(viewers_stay_while_they_come),
        ON_BOTH(another_process_hears_within_seconds), ON_BOTH(a_member_is_invited_and_has_roles), ON_BOTH(tokens_have_scopes_and_an_end), ON_BOTH(organisations_are_apart), ON_BOTH(letters_say_dates_in_the_readers_zone),
    };
    return cmocka_run_group_tests_name("account users", tests, NULL, NULL);
}
