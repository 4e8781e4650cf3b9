/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The old SHA256_* calls of OpenSSL, on purpose: their state is a plain struct, so that a keyed state is copied by
 * assignment. EVP_MAC_dup and EVP_MD_CTX_copy reach the same compression function through two allocations and a
 * provider look-up each, which cost more than the hashing of a token does. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "delivery/mac.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

static_assert(sizeof(SHA256_CTX) <= MAC_STATE_BYTES, "a state has room");
static_assert(SHA256_DIGEST_LENGTH == MAC_BYTES, "");

static void pad_block(uint8_t *state, const uint8_t *secret, size_t len, uint8_t pad) {
    uint8_t block[SHA256_CBLOCK];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < len; i++) block[i] ^= secret[i];
    SHA256_CTX ctx;
    SHA256_Init(&ctx);
    SHA256_Update(&ctx, block, sizeof block);
    memcpy(state, &ctx, sizeof ctx);
    OPENSSL_cleanse(block, sizeof block);
    OPENSSL_cleanse(&ctx, sizeof ctx);
}

void mac_key_init(struct mac_key *key, const uint8_t *secret, size_t len) {
    assert(len <= SHA256_CBLOCK);
    memset(key, 0, sizeof *key);
    pad_block(key->inner, secret, len, 0x36);
    pad_block(key->outer, secret, len, 0x5c);
}

void mac_compute(const struct mac_key *key, struct slice head, struct slice body, uint8_t out[MAC_BYTES]) {
    SHA256_CTX ctx;
    memcpy(&ctx, key->inner, sizeof ctx);
    if (head.len) SHA256_Update(&ctx, head.ptr, head.len);
    if (body.len) SHA256_Update(&ctx, body.ptr, body.len);
    uint8_t digest[MAC_BYTES];
    SHA256_Final(digest, &ctx);
    memcpy(&ctx, key->outer, sizeof ctx);
    SHA256_Update(&ctx, digest, sizeof digest);
    SHA256_Final(out, &ctx);
}
