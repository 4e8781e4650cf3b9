/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the tests of account share: a store with keys, outbox and a clock turned by hand; people; the codes in their letters. */
#ifndef TESTS_ACCOUNT_FIXTURE_H
#define TESTS_ACCOUNT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "business/account/account.h"
#include "store.h"

static const struct db_schema *const schemas[] = {&mail_schema, &account_schema};
#define PASSWORD SLICE("correct horse battery")
#define BEGIN_S 1800000000

struct fixture {
    struct db *db;
    struct clock *clock;
    struct id_maker *ids;
    struct keys *keys;
    struct mail *mail;
    struct account *account;
    struct arena *arena;
    int64_t org;
    char keys_path[128];
};

static inline void open_account(struct fixture *f) {
    assert_ok(account_open(&f->account, &(struct account_options){.db = f->db, .clock = f->clock, .ids = f->ids, .keys = f->keys, .mail = f->mail, .password_bytes = 8192, .password_passes = 1}));
}

static inline struct fixture begin_at(void **state, int64_t start_s) {
    struct test_store *store = test_store_of(state);
    struct fixture f = {.db = test_store_open(store, schemas, 2), .clock = clock_manual_create(utc_from_seconds(start_s)), .arena = arena_create(16 << 20)};
    f.ids = id_maker_create(f.clock, 0);
    snprintf(f.keys_path, sizeof f.keys_path, "%s/keys", store->folder);
    assert_ok(keys_open(&f.keys, f.keys_path));
    assert_ok(mail_open(&f.mail, &(struct mail_options){.db = f.db, .clock = f.clock, .ids = f.ids, .keys = f.keys}));
    open_account(&f);
    f.org = account_org_of_host(f.account, SLICE("anything.example:8080"));
    return f;
}
static inline struct fixture begin(void **state) { return begin_at(state, BEGIN_S); }
static inline void end(struct fixture *f) {
    account_close(&f->account);
    mail_close(&f->mail);
    keys_close(&f->keys);
    id_maker_destroy(&f->ids);
    clock_manual_destroy(&f->clock);
    db_close(&f->db);
    arena_destroy(&f->arena);
}
static inline struct slice text(const struct account_secret *s) { return slice_of(s->text, ACCOUNT_SECRET_LEN); }
static inline void pass(struct fixture *f, int64_t seconds) { clock_manual_advance(f->clock, seconds * NS_PER_S); }

static inline struct account_from from_nobody(void) {
    return (struct account_from){.peer = SLICE("192.0.2.1"), .agent = SLICE("Firefox"), .origin = SLICE("http://localhost:8080"), .lang = SLICE("en")};
}

/* The newest letter to somebody; items[0] of his. */
static inline struct mail_item letter_to(struct fixture *f, struct slice to) {
    struct mail_list list;
    assert_ok(mail_list(f->mail, f->arena, f->org, 0, 200, &list));
    for (size_t i = 0; i < list.count; i++)
        if (slice_eq(list.items[i].to, to)) return list.items[i];
    fail_msg("no letter to %.*s", SLICE_ARG(to));
    return (struct mail_item){0};
}
static inline size_t letters(struct fixture *f) {
    struct mail_list list;
    assert_ok(mail_list(f->mail, f->arena, f->org, 0, 200, &list));
    return list.count;
}
static inline struct slice code_in(struct mail_item mail) {
    size_t at = slice_find(mail.text, SLICE("#code="));
    assert_true(at != SLICE_NPOS);
    return slice_sub(mail.text, at + 6, at + 6 + ACCOUNT_SECRET_LEN);
}
static inline struct slice code_to(struct fixture *f, struct slice to) { return code_in(letter_to(f, to)); }

static inline struct err sign_up_as(struct fixture *f, struct slice email, struct slice name) {
    struct account_from from = from_nobody();
    return account_sign_up(f->account, f->org, &(struct account_sign_up){.email = email, .password = PASSWORD, .name = name, .country = SLICE("DE"), .lang = SLICE("de")}, &from);
}
static inline struct account_entry person(struct fixture *f, struct slice email, struct slice name) {
    struct account_from from = from_nobody();
    struct account_entry entry;
    pass(f, 3600); /* so that no measure of mails is empty */
    assert_ok(sign_up_as(f, email, name));
    assert_ok(account_confirm(f->account, f->org, code_to(f, email), &from, &entry));
    return entry;
}
static inline struct err sign_in(struct fixture *f, struct slice email, struct slice password, struct slice code, struct account_entry *entry) {
    struct account_from from = from_nobody();
    return account_sign_in(f->account, f->org, email, password, code, &from, entry);
}
static inline struct account_who who_of(struct fixture *f, const struct account_secret *session) {
    struct account_who who;
    assert_ok(account_session_find(f->account, f->org, text(session), &who));
    return who;
}
static inline struct account_me me_of(struct fixture *f, const struct account_who *who) {
    struct account_me me;
    assert_ok(account_me_read(f->account, f->arena, who, &me));
    return me;
}
static inline struct account_who operator_of(struct fixture *f) {
    struct account_secret code, session;
    assert_ok(account_link_make(f->account, f->org, &code));
    assert_ok(account_enter(f->account, f->org, text(&code), SLICE("192.0.2.9"), &session));
    return who_of(f, &session);
}
#define assert_slice(s, literal) assert_true(slice_eq((s), SLICE(literal)))
#endif
