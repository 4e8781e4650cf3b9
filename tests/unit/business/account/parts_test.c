/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What needs no store: names, countries, passwords, the second factor's arithmetic, measures, the gate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/thread.h"
#include "business/account/account.h"
#include "business/account/limit.h"
#include "business/account/password.h"
#include "business/account/totp.h"
#include "store.h"

#define NAME_OK(text) assert_true(account_name(SLICE(text), 60, &(struct slice){0}))
#define NAME_NO(text) assert_false(account_name(SLICE(text), 60, &(struct slice){0}))

static void names_of_all_scripts(void **state) {
    struct slice s;
    NAME_OK("Anna");
    NAME_OK("Jürgen Groß-Çelik");
    NAME_OK("O’Brien Jr.");
    NAME_OK("王小明");
    NAME_OK("สมชาย ใจดี");
    NAME_OK("น้ำทิพย์ กิ่งแก้ว");
    NAME_OK("محمد علي");
    NAME_OK("שרה לוי");
    NAME_OK("अनुष्का");
    NAME_OK("Nguyễn Thị Ánh"); /* also with combining marks: */
    NAME_OK("Nguye\xcc\x82\xcc\x83n");
    NAME_OK("👨\xe2\x80\x8d👩\xe2\x80\x8d👧 Team");
    NAME_OK("می\xe2\x80\x8cخواهم"); /* a non-joiner that Persian needs */
    assert_true(account_name(SLICE(" \t\xe3\x80\x80 Anna B. \xc2\xa0\n"), 60, &s));
    assert_true(slice_eq(s, SLICE("Anna B.")));
    assert_true(account_name(SLICE("王王王"), 3, &s));
    assert_false(account_name(SLICE("王王王王"), 3, &s));
}

static void names_that_mislead_are_refused(void **state) {
    NAME_NO("");
    NAME_NO("   ");
    NAME_NO("\xe3\x80\x80\xc2\xa0");
    NAME_NO("a\xff");             /* no UTF-8 */
    NAME_NO("a\xc0\xaf");         /* an overlong slash */
    NAME_NO("a\xed\xa0\x80");     /* half a surrogate pair */
    NAME_NO("a\0b");
    NAME_NO("a\nb");
    NAME_NO("a\tb");
    NAME_NO("a\x7f");
    NAME_NO("a\xc2\x85 b");       /* next line */
    NAME_NO("a\xe2\x80\xae" "b"); /* right-to-left override */
    NAME_NO("a\xe2\x80\x8f");     /* right-to-left mark */
    NAME_NO("a\xe2\x81\xa7");     /* isolate */
    NAME_NO("a\xd8\x9c");         /* Arabic letter mark */
    NAME_NO("a\xe2\x80\xa8z");    /* line separator */
    NAME_NO("a\xe2\x80\x8bz");    /* zero width space: two names that look alike */
    NAME_NO("\xef\xbb\xbf" "a");
    NAME_NO("\xe3\x85\xa4");      /* Hangul filler */
    NAME_NO("\xe2\x80\x8d");      /* a joiner alone */
    NAME_NO("a\xee\x80\x80");     /* private */
    NAME_NO("a\xf3\xa0\x80\xa1"); /* tag */
    NAME_NO("a\xef\xbf\xbe");     /* no character */
    NAME_NO("\xcc\x81" "a");      /* a mark on nothing */
    NAME_NO("Z\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86");
}

static void countries_are_those_of_iso(void **state) {
    assert_true(account_country(SLICE("DE")) && account_country(SLICE("AD")) && account_country(SLICE("ZW")) && account_country(SLICE("TH")) && account_country(SLICE("XK")) == false);
    assert_false(account_country(SLICE("de")) || account_country(SLICE("D")) || account_country(SLICE("DEU")) || account_country(SLICE("")) || account_country(SLICE("EA")));
    int known = 0;
    for (char a = 'A'; a <= 'Z'; a++)
        for (char b = 'A'; b <= 'Z'; b++) known += account_country(slice_of((char[]){a, b}, 2));
    assert_int_equal(known, 249);
}

static void passwords_that_everybody_knows_are_refused(void **state) {
    const char *wrong[] = {"", "123456789", "1234567890", "PASSWORD123", "aaaaaaaaaaaa", "abcdefghijklmn", "zyxwvutsrqpo", "          ", "anna@example.org", "Anna Maria M", "tab\there123", "bad\xff utf8 here"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) assert_error(password_check(slice_cstr(wrong[i]), SLICE("anna@example.org"), SLICE("anna maria m")), "account.password");
    char large[300];
    memset(large, 'x', sizeof large);
    large[1] = 'y';
    assert_error(password_check(slice_of(large, 257), SLICE("a@b.org"), SLICE("a")), "account.password");
    assert_ok(password_check(slice_of(large, 256), SLICE("a@b.org"), SLICE("a")));
    assert_ok(password_check(SLICE("รหัสผ่านของฉัน"), SLICE("a@b.org"), SLICE("a"))); /* characters count, not bytes: */
    assert_error(password_check(SLICE("密码密码密码密码密"), SLICE("a@b.org"), SLICE("a")), "account.password");
    assert_ok(password_check(SLICE("密码密码密码密码密码"), SLICE("a@b.org"), SLICE("a")));
}

static void hashes_are_of_argon2id_with_the_limits_of_today(void **state) {
    struct passwords *old = passwords_create(&(struct passwords_options){.bytes = 8192, .passes = 1}), *today = passwords_create(&(struct passwords_options){.bytes = 16384, .passes = 2});
    char hash[PASSWORD_HASH_MAX];
    bool is_right, is_weak;
    assert_ok(password_hash(old, SLICE("secret secret"), hash));
    assert_true(slice_starts_with(slice_cstr(hash), SLICE("$argon2id$v=19$m=8,t=1,p=1$")));
    assert_ok(password_verify(old, slice_cstr(hash), SLICE("secret secret"), &is_right, &is_weak));
    assert_true(is_right && !is_weak);
    assert_ok(password_verify(today, slice_cstr(hash), SLICE("secret secret"), &is_right, &is_weak));
    assert_true(is_right && is_weak); /* made anew at the next sign-in */
    assert_ok(password_verify(today, slice_cstr(hash), SLICE("secret secreT"), &is_right, &is_weak));
    assert_true(!is_right && !is_weak);
    assert_ok(password_verify(today, SLICE_NONE, SLICE(""), &is_right, &is_weak));
    assert_false(is_right);
    assert_ok(password_verify(today, SLICE("nonsense"), SLICE("x"), &is_right, &is_weak));
    assert_false(is_right);
    assert_int_equal(passwords_count(today), 4); /* nobody is answered without the work */
    passwords_destroy(&old);
    passwords_destroy(&today);
}

/* RFC 6238 appendix B, SHA-1; the last six of its eight digits. */
static void codes_are_those_of_the_standard(void **state) {
    static const struct {
        int64_t at_s;
        uint32_t code;
    } vectors[] = {{59, 287082}, {1111111109, 81804}, {1111111111, 50471}, {1234567890, 5924}, {2000000000, 279037}, {20000000000, 353130}};
    const uint8_t *secret = (const uint8_t *)"12345678901234567890";
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) assert_int_equal(totp_code(secret, vectors[i].at_s / TOTP_STEP_S), vectors[i].code);
    char text[TOTP_SECRET_CHARS + 1];
    totp_secret_text(secret, text);
    assert_string_equal(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    int64_t step = 0;
    assert_true(totp_check(secret, SLICE("287 082"), 59, 0, &step) && step == 1);
    assert_true(totp_check(secret, SLICE("287082"), 89, 0, &step));  /* one step late */
    assert_false(totp_check(secret, SLICE("287082"), 120, 0, &step)); /* two */
    assert_true(totp_check(secret, SLICE("287082"), 29, 0, &step));  /* one early */
    assert_false(totp_check(secret, SLICE("287082"), 59, 1, &step)); /* used */
    assert_false(totp_check(secret, SLICE("28708"), 59, 0, &step) || totp_check(secret, SLICE("2870821"), 59, 0, &step) || totp_check(secret, SLICE("28708a"), 59, 0, &step) ||
                 totp_check(secret, SLICE(""), 59, 0, &step));
}

static void measures_fill_up_again(void **state) {
    struct limits *l = limits_create();
    const struct limit_rule rule = {.kind = 1, .burst = 3, .refill_s = 10}, other = {.kind = 2, .burst = 1, .refill_s = 10};
    struct mono_time now = {1000 * NS_PER_S};
    for (int i = 0; i < 3; i++) assert_true(limit_take(l, &rule, SLICE("a"), now));
    assert_false(limit_take(l, &rule, SLICE("a"), now));
    assert_true(limit_take(l, &rule, SLICE("b"), now));
    assert_true(limit_take(l, &other, SLICE("a"), now)); /* of another kind */
    limit_give(l, &rule, SLICE("a"), now);
    assert_true(limit_take(l, &rule, SLICE("a"), now));
    assert_false(limit_take(l, &rule, SLICE("a"), mono_add_ns(now, 10 * NS_PER_S - 1)));
    assert_true(limit_take(l, &rule, SLICE("a"), mono_add_ns(now, 10 * NS_PER_S)));
    assert_false(limit_take(l, &rule, SLICE("a"), mono_add_ns(now, 10 * NS_PER_S)));
    for (int i = 0; i < 3; i++) assert_true(limit_take(l, &rule, SLICE("a"), mono_add_ns(now, 1000 * NS_PER_S)));
    assert_false(limit_take(l, &rule, SLICE("a"), mono_add_ns(now, 1000 * NS_PER_S)));
    /* a hundred thousand others: the table is full, and nobody is refused for it */
    char name[32];
    for (int i = 0; i < 100000; i++) {
        int len = snprintf(name, sizeof name, "n%d", i);
        assert_true(limit_take(l, &rule, slice_of(name, (size_t)len), mono_add_ns(now, 1000 * NS_PER_S)));
    }
    limits_destroy(&l);
}

struct flood {
    struct passwords *passwords;
    _Atomic int served, busy;
};
static void flood_run(void *arg) {
    struct flood *f = arg;
    for (int i = 0; i < 20; i++) {
        bool is_right, is_weak;
        struct err e = password_verify(f->passwords, SLICE_NONE, SLICE("x"), &is_right, &is_weak);
        if (!e.kind) atomic_fetch_add(&f->served, 1);
        else if (!strcmp(e.code, "sign_in.busy")) atomic_fetch_add(&f->busy, 1);
    }
}

/* However many come, no more than two work and one waits; each call is either served or told so. */
static void a_flood_is_told_to_come_back(void **state) {
    struct flood f = {.passwords = passwords_create(&(struct passwords_options){.bytes = 1 << 20, .passes = 1, .waiting_max = 1})};
    struct thread *threads[12] = {0};
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) assert_ok(thread_start(&threads[i], "flood", flood_run, &f));
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) thread_join(&threads[i]);
    assert_int_equal(f.served + f.busy, 12 * 20);
    assert_true(f.served > 0);
    assert_int_equal(passwords_count(f.passwords), f.served);
    passwords_destroy(&f.passwords); /* asserts that nobody is left inside */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_all_scripts), cmocka_unit_test(names_that_mislead_are_refused), cmocka_unit_test(countries_are_those_of_iso),
        cmocka_unit_test(passwords_that_everybody_knows_are_refused), cmocka_unit_test(hashes_are_of_argon2id_with_the_limits_of_today), cmocka_unit_test(codes_are_those_of_the_standard),
        cmocka_unit_test(measures_fill_up_again), cmocka_unit_test(a_flood_is_told_to_come_back),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("account parts", tests, NULL, NULL);
}
