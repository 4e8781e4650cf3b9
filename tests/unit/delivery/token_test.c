/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <cbor.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "delivery/base64url.h"
#include "delivery/mac.h"
#include "delivery/revocation.h"
#include "delivery/token.h"

#define TITLE SLICE("7zr3v9k2m8qd41xh")
#define OTHER SLICE("0123456789abcdef")
static const int64_t now_s = 1800000000;

static const uint8_t key_one[TOKEN_KEY_BYTES] = {0x40, 0x36, 0x97, 0xde, 0x87, 0xaf, 0x64, 0x61, 0x1c, 0x1d, 0x32, 0xa0, 0x5d, 0xab, 0x0f, 0xe1,
                                                 0xfc, 0xb7, 0x15, 0xa8, 0x6a, 0xb4, 0x35, 0xf1, 0xec, 0x99, 0x19, 0x2d, 0x79, 0x56, 0x93, 0x88};
static const uint8_t key_two[TOKEN_KEY_BYTES] = {2, 2, 2};

struct fixture {
    struct clock *clock;
    struct token_authority *authority;
    struct token_cache *cache;
    struct token token;
    struct token_grant grant;
};

static void ok(struct err e) {
    if (e.kind) fail_msg("%s: %s", e.code, e.what);
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->clock = clock_manual_create(utc_from_seconds(now_s));
    f->authority = token_authority_create(f->clock, "grandstand");
    f->cache = token_cache_create();
    ok(token_key_add(f->authority, SLICE("k1"), key_one));
    assert_true(public_id_parse(TITLE, &f->grant.title));
    f->grant.session = public_id_random();
    ok(token_issue(f->authority, &f->grant, &f->token));
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    token_cache_destroy(&f->cache);
    token_authority_destroy(&f->authority);
    clock_manual_destroy(&f->clock);
    free(f);
    return 0;
}

static enum token_verdict verify(struct fixture *f, struct slice text) {
    return token_verify(f->authority, NULL, text, TITLE, TOKEN_METHOD_GET, NULL);
}

static void what_was_issued_is_valid_for_its_title_alone(void **state) {
    struct fixture *f = *state;
    struct token_bearer bearer;
    assert_int_equal(token_verify(f->authority, NULL, token_slice(&f->token), TITLE, TOKEN_METHOD_GET, &bearer), TOKEN_VALID);
    assert_string_equal(bearer.session.text, f->grant.session.text);
    assert_int_equal(bearer.expires_s, f->token.expires_s);
    assert_int_equal(token_verify(f->authority, NULL, token_slice(&f->token), TITLE, TOKEN_METHOD_HEAD, NULL), TOKEN_VALID);
    assert_int_equal(token_verify(f->authority, NULL, token_slice(&f->token), TITLE, TOKEN_METHOD_OTHER, NULL), TOKEN_METHOD);
    assert_int_equal(token_verify(f->authority, NULL, token_slice(&f->token), OTHER, TOKEN_METHOD_GET, NULL), TOKEN_OTHER_TITLE);
    assert_int_equal(verify(f, SLICE_NONE), TOKEN_MISSING);
    assert_int_equal(f->token.expires_s, now_s + 300);
    assert_int_equal(f->token.renew_s, now_s + 150);
}

static void it_ends_in_time(void **state) {
    struct fixture *f = *state;
    clock_manual_advance(f->clock, 299 * NS_PER_S);
    assert_int_equal(verify(f, token_slice(&f->token)), TOKEN_VALID);
    clock_manual_advance(f->clock, 1 * NS_PER_S);
    assert_int_equal(verify(f, token_slice(&f->token)), TOKEN_EXPIRED);
    clock_manual_set_utc(f->clock, utc_from_seconds(now_s - 10));
    assert_int_equal(verify(f, token_slice(&f->token)), TOKEN_NOT_YET);
}

static void a_grant_may_end_it_earlier_but_not_later(void **state) {
    struct fixture *f = *state;
    f->grant.expires_s = now_s + 60;
    ok(token_issue(f->authority, &f->grant, &f->token));
    assert_int_equal(f->token.expires_s, now_s + 60);
    assert_int_equal(f->token.renew_s, now_s + 30);
    f->grant.expires_s = now_s + 4000;
    ok(token_issue(f->authority, &f->grant, &f->token));
    assert_int_equal(f->token.expires_s, now_s + 300);
    f->grant.expires_s = now_s;
    assert_int_equal(token_issue(f->authority, &f->grant, &f->token).kind, ERR_INPUT);
}

/* The decoder and the arithmetic of others: libcbor parses what we made, OpenSSL's HMAC checks its tag. */
static void others_read_what_we_made(void **state) {
    struct fixture *f = *state;
    uint8_t bytes[1024];
    size_t len;
    assert_true(base64url_decode(token_slice(&f->token), bytes, &len));
    struct cbor_load_result result;
    assert_memory_equal(bytes, "\xd8\x3d\xd1", 3); /* 61(17(: libcbor 0.8 refuses the short tags 6 to 20 as unassigned */
    cbor_item_t *parts = cbor_load(bytes + 3, len - 3, &result);
    assert_non_null(parts);
    assert_int_equal(result.read, len - 3);
    assert_int_equal(cbor_array_size(parts), 4);
    cbor_item_t *protected = cbor_array_get(parts, 0), *unprotected = cbor_array_get(parts, 1), *payload = cbor_array_get(parts, 2),
                *tag = cbor_array_get(parts, 3);
    assert_int_equal(cbor_map_size(unprotected), 0);
    cbor_item_t *claims = cbor_load(cbor_bytestring_handle(payload), cbor_bytestring_length(payload), &result);
    assert_int_equal(cbor_map_size(claims), 9);
    static const uint64_t labels[] = {1, 2, 4, 5, 6, 7, 310, 312, 313};
    for (size_t i = 0; i < 9; i++) assert_true(cbor_get_int(cbor_map_handle(claims)[i].key) == labels[i]);
    assert_true(cbor_get_int(cbor_map_handle(claims)[2].value) == (uint64_t)now_s + 300);

    cbor_item_t *structure = cbor_new_definite_array(4);
    assert_true(cbor_array_push(structure, cbor_move(cbor_build_string("MAC0"))));
    assert_true(cbor_array_push(structure, protected));
    assert_true(cbor_array_push(structure, cbor_move(cbor_build_bytestring(bytes, 0))));
    assert_true(cbor_array_push(structure, payload));
    uint8_t text[1024], mac[32];
    size_t text_len = cbor_serialize(structure, text, sizeof text);
    unsigned mac_len = sizeof mac;
    assert_non_null(HMAC(EVP_sha256(), key_one, sizeof key_one, text, text_len, mac, &mac_len));
    assert_int_equal(cbor_bytestring_length(tag), 32);
    assert_memory_equal(cbor_bytestring_handle(tag), mac, 32);

    cbor_decref(&structure);
    cbor_decref(&claims);
    cbor_decref(&protected), cbor_decref(&unprotected), cbor_decref(&payload), cbor_decref(&tag);
    cbor_decref(&parts);
}

/* Made by another implementation of CTA-5007 (Node.js, over cbor-x and cose-js) with the same key: the key's id in the
 * unprotected header, claims in another order. */
static void we_read_what_others_made(void **state) {
    struct fixture *f = *state;
    struct slice token = SLICE(
        "2D3RhEOhAQWhBEJrMVhnqQFqZ3JhbmRzdGFuZAJwN3pyM3Y5azJtOHFkNDF4aAQadzWUAAUaZVPxAAYaZVPxAAdCC3EZATYBGQE4oQOhAXgYL21lZGlhLzAxMjM0NTY3ODlh"
        "YmNkZWYvGQE5gmNHRVRkSEVBRFggrER66fCkFEiX83zTCiupDmA29__osj5v0qb97_AH7OU");
    struct token_bearer bearer;
    assert_int_equal(token_verify(f->authority, NULL, token, OTHER, TOKEN_METHOD_GET, &bearer), TOKEN_VALID);
    assert_string_equal(bearer.session.text, "7zr3v9k2m8qd41xh");
    assert_int_equal(token_verify(f->authority, NULL, token, TITLE, TOKEN_METHOD_GET, NULL), TOKEN_OTHER_TITLE);
    clock_manual_set_utc(f->clock, utc_from_seconds(2000000000));
    assert_int_equal(token_verify(f->authority, NULL, token, OTHER, TOKEN_METHOD_GET, NULL), TOKEN_EXPIRED);
}

static void no_bit_can_be_flipped(void **state) {
    struct fixture *f = *state;
    uint8_t bytes[1024];
    size_t len;
    assert_true(base64url_decode(token_slice(&f->token), bytes, &len));
    for (size_t bit = 0; bit < len * 8; bit++) {
        char text[TOKEN_TEXT_MAX];
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum token_verdict v = verify(f, slice_of(text, base64url_encode(bytes, len, text)));
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (v != TOKEN_FORGED && v != TOKEN_MALFORMED) fail_msg("bit %zu of the bytes: verdict %d", bit, v);
    }
    for (size_t bit = 0; bit < f->token.len * 8; bit++) {
        struct token changed = f->token;
        changed.text[bit / 8] ^= (char)(1 << bit % 8);
        enum token_verdict v = verify(f, token_slice(&changed));
        if (v != TOKEN_FORGED && v != TOKEN_MALFORMED) fail_msg("bit %zu of the text: verdict %d", bit, v);
        assert_int_equal(token_verify(f->authority, f->cache, token_slice(&f->token), TITLE, TOKEN_METHOD_GET, NULL), TOKEN_VALID);
        v = token_verify(f->authority, f->cache, token_slice(&changed), TITLE, TOKEN_METHOD_GET, NULL);
        if (v != TOKEN_FORGED && v != TOKEN_MALFORMED) fail_msg("bit %zu of the text, beside the cached one: verdict %d", bit, v);
    }
}

static void no_byte_can_be_cut_or_added(void **state) {
    struct fixture *f = *state;
    for (size_t len = 1; len < f->token.len; len++) assert_int_equal(verify(f, slice_of(f->token.text, len)), TOKEN_MALFORMED);
    struct token longer = f->token;
    static const char more[] = "A=. -_\n";
    for (size_t i = 0; i < sizeof more; i++) {
        longer.text[longer.len] = more[i];
        assert_int_equal(verify(f, slice_of(longer.text, longer.len + 1)), TOKEN_MALFORMED);
    }
    char large[TOKEN_TEXT_MAX + 1];
    memset(large, 'A', sizeof large);
    assert_int_equal(verify(f, slice_of(large, sizeof large)), TOKEN_MALFORMED);
}

/* A token signed with our key over claims of the test's choosing. */
static enum token_verdict verdict_of_claims(struct fixture *f, struct slice claims) {
    uint8_t mac[32];
    static const uint8_t protected[] = {0xa2, 1, 5, 4, 0x42, 'k', '1'};
    struct buf structure = BUF(1024), whole = BUF(1024);
    buf_bytes(&structure, "\x84\x64MAC0\x47", 7);
    buf_bytes(&structure, protected, sizeof protected);
    buf_bytes(&structure, "\x40\x58", 2);
    buf_u8(&structure, (uint8_t)claims.len);
    buf_append(&structure, claims);
    unsigned mac_len = sizeof mac;
    HMAC(EVP_sha256(), key_one, sizeof key_one, (uint8_t *)structure.ptr, structure.len, mac, &mac_len);
    buf_bytes(&whole, "\xd8\x3d\xd1\x84\x47", 5);
    buf_bytes(&whole, protected, sizeof protected);
    buf_bytes(&whole, "\xa0\x58", 2);
    buf_u8(&whole, (uint8_t)claims.len);
    buf_append(&whole, claims);
    buf_bytes(&whole, "\x58\x20", 2);
    buf_bytes(&whole, mac, sizeof mac);
    char text[1024];
    size_t len = base64url_encode((uint8_t *)whole.ptr, whole.len, text);
    buf_free(&structure);
    buf_free(&whole);
    return verify(f, slice_of(text, len));
}
#define ISS "\x01\x6agrandstand"
#define SUB "\x02\x70" "7zr3v9k2m8qd41xh"
#define EXP "\x04\x1a\x77\x35\x94\x00"
#define CTI "\x07\x41\x01"
#define CATV "\x19\x01\x36\x01"
#define CATU "\x19\x01\x38\xa1\x03\xa1\x01\x78\x18/media/7zr3v9k2m8qd41xh/"

static void restrictions_that_we_cannot_check_are_not_ignored(void **state) {
    struct fixture *f = *state;
    assert_int_equal(verdict_of_claims(f, SLICE("\xa6" ISS SUB EXP CTI CATV CATU)), TOKEN_VALID); /* without catm: any method */
    /* each claim missing in turn */
    assert_int_equal(verdict_of_claims(f, SLICE("\xa5" SUB EXP CTI CATV CATU)), TOKEN_UNSUPPORTED);
    assert_int_equal(verdict_of_claims(f, SLICE("\xa5" ISS EXP CTI CATV CATU)), TOKEN_UNSUPPORTED);
    assert_int_equal(verdict_of_claims(f, SLICE("\xa5" ISS SUB CTI CATV CATU)), TOKEN_UNSUPPORTED);
    assert_int_equal(verdict_of_claims(f, SLICE("\xa5" ISS SUB EXP CATV CATU)), TOKEN_UNSUPPORTED);
    assert_int_equal(verdict_of_claims(f, SLICE("\xa5" ISS SUB EXP CTI CATU)), TOKEN_UNSUPPORTED);
    assert_int_equal(verdict_of_claims(f, SLICE("\xa5" ISS SUB EXP CTI CATV)), TOKEN_UNSUPPORTED);
    /* another issuer; a claim twice; unknown ones: catnip (an address), catgeoiso3166 (a territory), an audience */
    assert_int_equal(verdict_of_claims(f, SLICE("\xa6\x01\x63you" SUB EXP CTI CATV CATU)), TOKEN_UNSUPPORTED);
    assert_int_equal(verdict_of_claims(f, SLICE("\xa7" ISS SUB EXP EXP CTI CATV CATU)), TOKEN_UNSUPPORTED);
    assert_int_equal(verdict_of_claims(f, SLICE("\xa7" ISS SUB EXP CTI CATV CATU "\x19\x01\x37\x80")), TOKEN_UNSUPPORTED);
    assert_int_equal(verdict_of_claims(f, SLICE("\xa7" ISS SUB EXP CTI CATV CATU "\x19\x01\x3c\x81\x62TH")), TOKEN_UNSUPPORTED);
    assert_int_equal(verdict_of_claims(f, SLICE("\xa7" ISS SUB EXP CTI CATV CATU "\x03\x61x")), TOKEN_UNSUPPORTED);
    /* version 2; exact match instead of prefix; bytes behind the map; not the shortest form of a number */
    assert_int_equal(verdict_of_claims(f, SLICE("\xa6" ISS SUB EXP CTI "\x19\x01\x36\x02" CATU)), TOKEN_UNSUPPORTED);
    assert_int_equal(verdict_of_claims(f, SLICE("\xa6" ISS SUB EXP CTI CATV "\x19\x01\x38\xa1\x03\xa1\x00\x78\x18/media/7zr3v9k2m8qd41xh/")), TOKEN_UNSUPPORTED);
    assert_int_equal(verdict_of_claims(f, SLICE("\xa6" ISS SUB EXP CTI CATV CATU "\x00")), TOKEN_UNSUPPORTED);
    assert_int_equal(verdict_of_claims(f, SLICE("\xa6" ISS SUB EXP CTI "\x19\x01\x36\x18\x01" CATU)), TOKEN_UNSUPPORTED);
    /* a prefix that would open more than one title */
    assert_int_equal(verdict_of_claims(f, SLICE("\xa6" ISS SUB EXP CTI CATV "\x19\x01\x38\xa1\x03\xa1\x01\x67/media/")), TOKEN_UNSUPPORTED);
}

static void keys_are_changed_without_a_gap(void **state) {
    struct fixture *f = *state;
    ok(token_key_add(f->authority, SLICE("k2"), key_two));
    struct token newer;
    ok(token_issue(f->authority, &f->grant, &newer));
    assert_int_equal(verify(f, token_slice(&f->token)), TOKEN_VALID);
    assert_int_equal(token_verify(f->authority, f->cache, token_slice(&f->token), TITLE, TOKEN_METHOD_GET, NULL), TOKEN_VALID);
    assert_int_equal(verify(f, token_slice(&newer)), TOKEN_VALID);
    assert_int_equal(token_key_retire(f->authority, SLICE("k2")).kind, ERR_CONFLICT);
    assert_int_equal(token_key_retire(f->authority, SLICE("k3")).kind, ERR_NOT_FOUND);
    ok(token_key_retire(f->authority, SLICE("k1")));
    assert_int_equal(verify(f, token_slice(&f->token)), TOKEN_FORGED);
    assert_int_equal(token_verify(f->authority, f->cache, token_slice(&f->token), TITLE, TOKEN_METHOD_GET, NULL), TOKEN_FORGED);
    assert_int_equal(verify(f, token_slice(&newer)), TOKEN_VALID);
    assert_int_equal(token_key_add(f->authority, SLICE("k2"), key_one).kind, ERR_INPUT);
    for (int i = 0; i < 30; i++) {
        char name[8];
        snprintf(name, sizeof name, "n%d", i);
        struct err e = token_key_add(f->authority, slice_cstr(name), key_two);
        if (i < 14) ok(e);
        else assert_int_equal(e.kind, ERR_LIMIT); /* also k1's place: somebody may still be reading it */
    }
    clock_manual_advance(f->clock, 3601 * NS_PER_S);
    ok(token_key_add(f->authority, SLICE("late"), key_two));
}

static void revoking_ends_a_session_at_once(void **state) {
    struct fixture *f = *state;
    struct token_bearer bearer;
    assert_int_equal(token_verify(f->authority, f->cache, token_slice(&f->token), TITLE, TOKEN_METHOD_GET, &bearer), TOKEN_VALID);
    assert_int_equal(token_still(f->authority, &bearer), TOKEN_VALID);
    ok(token_revoke_session(f->authority, public_id_slice(&f->grant.session), now_s + 300));
    assert_int_equal(token_still(f->authority, &bearer), TOKEN_REVOKED);
    assert_int_equal(verify(f, token_slice(&f->token)), TOKEN_REVOKED);
    assert_int_equal(token_verify(f->authority, f->cache, token_slice(&f->token), TITLE, TOKEN_METHOD_GET, NULL), TOKEN_REVOKED);
    assert_int_equal(token_cache_hits(f->cache), 1);
    assert_int_equal(token_revocations_live(f->authority), 1);
    clock_manual_advance(f->clock, 300 * NS_PER_S);
    assert_int_equal(verify(f, token_slice(&f->token)), TOKEN_EXPIRED);
    assert_int_equal(token_revocations_live(f->authority), 0);
}

static void one_token_can_be_revoked_alone(void **state) {
    struct fixture *f = *state;
    uint8_t bytes[1024];
    size_t len;
    assert_true(base64url_decode(token_slice(&f->token), bytes, &len));
    size_t at = slice_find(slice_of(bytes, len), SLICE("\x07\x50"));
    assert_true(at != SLICE_NPOS);
    struct token second;
    ok(token_issue(f->authority, &f->grant, &second));
    ok(token_revoke_id(f->authority, slice_of(bytes + at + 2, 16), now_s + 300));
    assert_int_equal(verify(f, token_slice(&f->token)), TOKEN_REVOKED);
    assert_int_equal(verify(f, token_slice(&second)), TOKEN_VALID);
}

static void the_cache_remembers_and_forgets(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(token_verify(f->authority, f->cache, token_slice(&f->token), TITLE, TOKEN_METHOD_GET, NULL), TOKEN_VALID);
    assert_int_equal(token_cache_hits(f->cache), 2);
    assert_int_equal(token_verify(f->authority, f->cache, token_slice(&f->token), OTHER, TOKEN_METHOD_GET, NULL), TOKEN_OTHER_TITLE);
    for (int i = 0; i < 5000; i++) { /* many more than it holds */
        struct token t;
        ok(token_issue(f->authority, &f->grant, &t));
        assert_int_equal(token_verify(f->authority, f->cache, token_slice(&t), TITLE, TOKEN_METHOD_GET, NULL), TOKEN_VALID);
    }
    assert_int_equal(token_verify(f->authority, f->cache, token_slice(&f->token), TITLE, TOKEN_METHOD_GET, NULL), TOKEN_VALID);
    struct token_bearer bearer;
    assert_int_equal(token_verify(f->authority, f->cache, token_slice(&f->token), TITLE, TOKEN_METHOD_GET, &bearer), TOKEN_VALID);
    clock_manual_advance(f->clock, 301 * NS_PER_S);
    assert_int_equal(token_verify(f->authority, f->cache, token_slice(&f->token), TITLE, TOKEN_METHOD_GET, NULL), TOKEN_EXPIRED);
    assert_int_equal(token_still(f->authority, &bearer), TOKEN_EXPIRED);
}

/* RFC 4231, cases 1 and 2, and the same as HMAC() for random input of every length around the block size. */
static void the_keyed_state_equals_hmac(void **state) {
    struct mac_key key;
    uint8_t mac[32], expected[32], data[200], secret[20];
    memset(secret, 0x0b, sizeof secret);
    mac_key_init(&key, secret, sizeof secret);
    mac_compute(&key, SLICE("Hi "), SLICE("There"), mac);
    assert_memory_equal(mac, "\xb0\x34\x4c\x61\xd8\xdb\x38\x53\x5c\xa8\xaf\xce\xaf\x0b\xf1\x2b\x88\x1d\xc2\x00\xc9\x83\x3d\xa7\x26\xe9\x37\x6c\x2e\x32\xcf\xf7", 32);
    mac_key_init(&key, (const uint8_t *)"Jefe", 4);
    mac_compute(&key, SLICE("what do ya want "), SLICE("for nothing?"), mac);
    assert_memory_equal(mac, "\x5b\xdc\xc1\x46\xbf\x60\x75\x4e\x6a\x04\x24\x26\x08\x95\x75\xc7\x5a\x00\x3f\x08\x9d\x27\x39\x83\x9d\xec\x58\xb9\x64\xec\x38\x43", 32);
    rng_secure(data, sizeof data);
    for (size_t len = 0; len <= sizeof data; len++) {
        mac_key_init(&key, key_one, sizeof key_one);
        mac_compute(&key, slice_of(data, len / 3), slice_of(data + len / 3, len - len / 3), mac);
        unsigned size = sizeof expected;
        HMAC(EVP_sha256(), key_one, sizeof key_one, data, len, expected, &size);
        assert_memory_equal(mac, expected, 32);
    }
}

static void base64url_has_one_spelling(void **state) {
    struct rng rng = rng_seeded(7);
    uint8_t bytes[64], back[64 + 2];
    char text[128];
    for (int i = 0; i < 2000; i++) {
        size_t len = rng_below(&rng, sizeof bytes), back_len = 0;
        for (size_t b = 0; b < len; b++) bytes[b] = (uint8_t)rng_u64(&rng);
        size_t text_len = base64url_encode(bytes, len, text);
        assert_true(base64url_decode(slice_of(text, text_len), back, &back_len));
        assert_int_equal(back_len, len);
        if (len) assert_memory_equal(back, bytes, len);
    }
    size_t len = 99;
    static const char *const wrong[] = {"A", "AB", "AAB", "AA==", "AA A", "A+AA", "A/AA", "AAAAA", "\x80___"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) assert_false(base64url_decode(slice_cstr(wrong[i]), back, &len));
    assert_int_equal(len, 99);
}

static void revocations_grow_and_expire(void **state) {
    struct revocation_set *set = revocation_set_create();
    struct rng rng = rng_seeded(11);
    enum { COUNT = 20000 };
    uint64_t *names = malloc(COUNT * sizeof *names);
    for (int i = 0; i < COUNT; i++) {
        names[i] = rng_u64(&rng) | 1;
        ok(revocation_add(set, names[i], 1000 + i % 2, 0));
    }
    for (int i = 0; i < COUNT; i++) assert_true(revocation_has(set, names[i], 999));
    for (int i = 0; i < COUNT; i++) assert_false(revocation_has(set, rng_u64(&rng) | 1, 999));
    assert_int_equal(revocation_live(set, 999), COUNT);
    for (int i = 0; i < COUNT; i++) assert_true(revocation_has(set, names[i], 1000) == (i % 2 == 1));
    ok(revocation_add(set, names[0], 1500, 1200));
    ok(revocation_add(set, names[0], 1300, 1200)); /* never shortened */
    assert_true(revocation_has(set, names[0], 1400));
    free(names);
    revocation_set_destroy(&set);
}

struct reader {
    struct revocation_set *set;
    _Atomic bool stop;
    uint64_t name;
    _Atomic int missed;
};
static void *read_on(void *arg) {
    struct reader *r = arg;
    while (!r->stop) {
        if (!revocation_has(r->set, r->name, 10)) r->missed++;
    }
    return NULL;
}

/* While the table grows under it, a reader never loses what was there. */
static void a_reader_never_misses_what_stands(void **state) {
    struct reader r = {.set = revocation_set_create(), .name = 0x1234567};
    ok(revocation_add(r.set, r.name, 1000, 0));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, read_on, &r), 0);
    struct rng rng = rng_seeded(3);
    for (int i = 0; i < 30000; i++) ok(revocation_add(r.set, rng_u64(&rng) | 1, 1000, 0));
    r.stop = true;
    pthread_join(thread, NULL);
    assert_int_equal(r.missed, 0);
    revocation_set_destroy(&r.set);
}

static void every_verdict_has_a_code_and_a_sentence(void **state) {
    assert_int_equal(token_verdict_error(TOKEN_VALID).kind, ERR_NONE);
    for (int v = TOKEN_MISSING; v < TOKEN_VERDICTS; v++) {
        struct err e = token_verdict_error((enum token_verdict)v);
        assert_int_equal(e.kind, ERR_DENIED);
        assert_true(slice_starts_with(slice_cstr(e.code), SLICE("token.")));
        assert_true(strlen(e.what) > 20);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(what_was_issued_is_valid_for_its_title_alone), T(it_ends_in_time), T(a_grant_may_end_it_earlier_but_not_later),
        T(others_read_what_we_made), T(we_read_what_others_made), T(no_bit_can_be_flipped), T(no_byte_can_be_cut_or_added),
        T(restrictions_that_we_cannot_check_are_not_ignored), T(keys_are_changed_without_a_gap), T(revoking_ends_a_session_at_once),
        T(one_token_can_be_revoked_alone), T(the_cache_remembers_and_forgets), cmocka_unit_test(the_keyed_state_equals_hmac),
        cmocka_unit_test(base64url_has_one_spelling), cmocka_unit_test(revocations_grow_and_expire),
        cmocka_unit_test(a_reader_never_misses_what_stands), cmocka_unit_test(every_verdict_has_a_code_and_a_sentence),
    };
    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
