/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/account/password.h"

#include <assert.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "base/utf8.h"
#include "business/account/user.h"

_Static_assert((int)PASSWORD_HASH_MAX == (int)crypto_pwhash_STRBYTES, "libsodium's form");

struct passwords {
    size_t bytes;
    unsigned long long passes;
    unsigned running_max, waiting_max, running, waiting; /* the latter two under the lock */
    _Atomic uint64_t count;
    struct lock lock;
    struct condition freed;
    char nobody[PASSWORD_HASH_MAX]; /* what an unknown user's password is compared with: well-formed, of today's limits, and of no password */
};

struct passwords *passwords_create(const struct passwords_options *options) {
    struct passwords *p = mem_zalloc(sizeof *p);
    if (!p) return NULL;
    p->bytes = options->bytes ? options->bytes : crypto_pwhash_MEMLIMIT_INTERACTIVE;
    p->passes = options->passes ? options->passes : crypto_pwhash_OPSLIMIT_INTERACTIVE;
    p->running_max = options->running_max ? options->running_max : 2;
    p->waiting_max = options->waiting_max ? options->waiting_max : 2;
    lock_init(&p->lock, LOCK_account_gate);
    condition_init(&p->freed);
    snprintf(p->nobody, sizeof p->nobody, "$argon2id$v=19$m=%zu,t=%llu,p=1$Z3JhbmRzdGFuZG5vYm9keQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", p->bytes / 1024,
             p->passes);
    return p;
}

void passwords_destroy(struct passwords **passwords) {
    struct passwords *p = *passwords;
    if (!p) return;
    assert(!p->running && !p->waiting);
    condition_destroy(&p->freed);
    lock_destroy(&p->lock);
    MEM_FREE(passwords);
}

uint64_t passwords_count(const struct passwords *p) { return atomic_load(&p->count); }

static struct err gate_enter(struct passwords *p) {
    lock_take(&p->lock);
    bool is_full = p->running >= p->running_max && p->waiting >= p->waiting_max;
    if (!is_full) {
        p->waiting++;
        while (p->running >= p->running_max) condition_wait(&p->freed, &p->lock);
        p->waiting--;
        p->running++;
    }
    lock_give(&p->lock);
    return is_full ? err_make(ERR_BUSY, "sign_in.busy", "Many people are signing in at this moment. Try again in a second.") : ERR_OK;
}

static void gate_leave(struct passwords *p) {
    atomic_fetch_add(&p->count, 1);
    lock_take(&p->lock);
    p->running--;
    condition_wake_one(&p->freed);
    lock_give(&p->lock);
}

struct err password_hash(struct passwords *p, struct slice password, char out[PASSWORD_HASH_MAX]) {
    struct err e = gate_enter(p);
    if (e.kind) return e;
    int failed = crypto_pwhash_str_alg(out, password.ptr ? password.ptr : "", password.len, p->passes, p->bytes, crypto_pwhash_ALG_ARGON2ID13);
    gate_leave(p);
    return failed ? err_memory() : ERR_OK;
}

struct err password_verify(struct passwords *p, struct slice hash, struct slice password, bool *is_right, bool *is_weak) {
    char text[PASSWORD_HASH_MAX] = {0};
    bool has_hash = hash.len > 0 && hash.len < sizeof text && password.len <= ACCOUNT_PASSWORD_MAX;
    if (has_hash) memcpy(text, hash.ptr, hash.len);
    else memcpy(text, p->nobody, sizeof text);
    struct err e = gate_enter(p);
    if (e.kind) return e;
    int differs = crypto_pwhash_str_verify(text, password.ptr ? password.ptr : "", password.len <= ACCOUNT_PASSWORD_MAX ? password.len : ACCOUNT_PASSWORD_MAX);
    gate_leave(p);
    *is_right = has_hash && !differs;
    *is_weak = *is_right && crypto_pwhash_str_needs_rehash(text, p->passes, p->bytes) != 0;
    sodium_memzero(text, sizeof text);
    return ERR_OK;
}

/* Of ten characters or more, as people choose them; in small letters. */
static const char *const known[] = {
    "1234567890", "0123456789", "12345678910", "123456789012", "1234567891", "0987654321", "9876543210", "1122334455", "1231231231", "123123123123",
    "123456123456", "1q2w3e4r5t", "1q2w3e4r5t6y", "1qaz2wsx3edc", "qwertyuiop", "qwertzuiop", "qwerty123456", "qwerty12345", "qwertyuiop123", "asdfghjkl1",
    "asdfghjkl;", "zxcvbnm123", "abcdefghij", "abcdefghijk", "abcd123456", "abc1234567", "password12", "password123", "password1234", "password12345", "password123456",
    "passw0rd123", "p@ssw0rd123", "p@ssword123", "p@ssword1234", "passwordpassword", "mypassword", "mypassword1", "letmein123", "letmein1234", "welcome123", "welcome1234", "changeme123",
    "administrator", "admin12345", "admin123456", "iloveyou12", "iloveyou123", "iloveyou1234", "sunshine123", "princess123", "football123", "football1234", "baseball123",
    "superman123", "dragon12345", "monkey12345", "michael123", "trustno1trustno1", "passwort123", "passwort1234", "hallo12345", "hallo123456", "geheim12345", "sommer2024", "sommer2025",
    "sommer2026", "winter2024", "winter2025", "winter2026", "schalke04!", "woaini1314", "woaini1314520", "woaini520520", "5201314520", "1314520520", "aini1314520",
    "qq123456789", "a123456789", "a1234567890", "aa123456789", "asd123456789", "zxc123456789", "q123456789", "z123456789", "grandstand", "grandstand1", "grandstand123",
};

static bool is_same_nocase(struct slice a, const char *b) { return slice_eq_nocase(a, slice_cstr(b)); }

/* One character over and over, or a row such as "abcdefghijkl" or "9876543210". */
static bool is_a_row(struct slice s) {
    int step = s.len > 1 ? s.ptr[1] - s.ptr[0] : 0;
    if (step < -1 || step > 1) return false;
    for (size_t i = 1; i < s.len; i++)
        if (s.ptr[i] - s.ptr[i - 1] != step) return false;
    return true;
}

struct err password_check(struct slice password, struct slice email, struct slice name) {
    static const struct err wrong = {.kind = ERR_INPUT, .code = "account.password", .what = "A password has at least 10 characters and at most 256 bytes, and is none that everybody knows."};
    size_t chars = 0;
    if (password.len > ACCOUNT_PASSWORD_MAX) return wrong;
    for (struct slice rest = password; rest.len; chars++) {
        uint32_t c;
        size_t step = utf8_decode(rest, &c);
        if (!step || c < 0x20 || c == 0x7f) return wrong;
        rest = slice_sub(rest, step, rest.len);
    }
    if (chars < ACCOUNT_PASSWORD_MIN || is_a_row(password) || slice_trim(password).len == 0) return wrong;
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (is_same_nocase(password, known[i])) return wrong;
    size_t at = slice_find_byte(email, '@');
    if (slice_eq_nocase(password, email) || (at != SLICE_NPOS && slice_eq_nocase(password, slice_sub(email, 0, at))) || slice_eq_nocase(password, name)) return wrong;
    return ERR_OK;
}
