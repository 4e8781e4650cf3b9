/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/rtmp/handshake.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

enum { DIGEST_BYTES = 32, SIGNED_BYTES = HANDSHAKE_BLOCK_BYTES - DIGEST_BYTES, SERVER_WORDS = 36, PLAYER_WORDS = 30 };

/* What both ends sign with: words, and behind them 32 bytes that everybody knows. */
static const uint8_t TAIL[32] = {0xf0, 0xee, 0xc2, 0x4a, 0x80, 0x68, 0xbe, 0xe8, 0x2e, 0x00, 0xd0, 0xd1, 0x02, 0x9e, 0x7e, 0x57,
                                 0x6e, 0xec, 0x5d, 0x2d, 0x29, 0x80, 0x6f, 0xab, 0x93, 0xb8, 0xe6, 0x36, 0xcf, 0xeb, 0x31, 0xae};
static const char SERVER[] = "Genuine Adobe Flash Media Server 001", PLAYER[] = "Genuine Adobe Flash Player 001";

static void sign(const void *key, size_t key_bytes, const uint8_t *data, size_t bytes, uint8_t out[DIGEST_BYTES]) {
    unsigned len = DIGEST_BYTES;
    HMAC(EVP_sha256(), key, (int)key_bytes, data, bytes, out, &len);
}

/* The digest signs the block without itself. */
static void digest_at(const uint8_t *block, unsigned offset, bool is_server, uint8_t out[DIGEST_BYTES]) {
    uint8_t rest[SIGNED_BYTES];
    memcpy(rest, block, offset);
    memcpy(rest + offset, block + offset + DIGEST_BYTES, HANDSHAKE_BLOCK_BYTES - offset - DIGEST_BYTES);
    sign(is_server ? SERVER : PLAYER, is_server ? SERVER_WORDS : PLAYER_WORDS, rest, sizeof rest, out);
}

/* Two layouts: the digest's half of the block comes first (schema 0) or second. Its first four bytes add up to the place. */
static unsigned place_of(const uint8_t *block, unsigned schema) {
    unsigned base = schema ? 772 : 8;
    return (block[base] + block[base + 1] + block[base + 2] + block[base + 3]) % 728 + base + 4;
}

bool handshake_find_digest(const uint8_t block[HANDSHAKE_BLOCK_BYTES], bool is_server, unsigned *offset) {
    if (!(block[4] | block[5] | block[6] | block[7])) return false; /* version 0: a simple handshake */
    for (unsigned schema = 0; schema < 2; schema++) {
        unsigned at = place_of(block, schema);
        uint8_t digest[DIGEST_BYTES];
        digest_at(block, at, is_server, digest);
        if (memcmp(digest, block + at, DIGEST_BYTES)) continue;
        *offset = at;
        return true;
    }
    return false;
}

/* The last 32 bytes of S2 sign those before with a key made from the digest in C1. */
static void sign_answer(const uint8_t *c1_digest, const uint8_t *s2, uint8_t out[DIGEST_BYTES]) {
    uint8_t words[SERVER_WORDS + sizeof TAIL], key[DIGEST_BYTES];
    memcpy(words, SERVER, SERVER_WORDS);
    memcpy(words + SERVER_WORDS, TAIL, sizeof TAIL);
    sign(words, sizeof words, c1_digest, DIGEST_BYTES, key);
    sign(key, sizeof key, s2, SIGNED_BYTES, out);
}

static void put_digest(uint8_t *block, unsigned schema, bool is_server) {
    unsigned at = place_of(block, schema);
    uint8_t digest[DIGEST_BYTES];
    digest_at(block, at, is_server, digest);
    memcpy(block + at, digest, sizeof digest);
}

bool handshake_answer(const uint8_t *hello, const uint8_t random[HANDSHAKE_BLOCK_BYTES], uint8_t out[HANDSHAKE_ANSWER_BYTES]) {
    const uint8_t *c1 = hello + 1;
    uint8_t *s1 = out + 1, *s2 = s1 + HANDSHAKE_BLOCK_BYTES;
    if (hello[0] != 3) return false;
    out[0] = 3;
    memcpy(s1, random, HANDSHAKE_BLOCK_BYTES);
    memset(s1, 0, 8); /* our time begins at 0; version 0 */
    unsigned at;
    if (!handshake_find_digest(c1, false, &at)) {
        memcpy(s2, c1, HANDSHAKE_BLOCK_BYTES);
        return true;
    }
    static const uint8_t VERSION[4] = {4, 5, 0, 1};
    memcpy(s1 + 4, VERSION, sizeof VERSION);
    put_digest(s1, at < 772 ? 0 : 1, true);
    for (unsigned i = 0; i < HANDSHAKE_BLOCK_BYTES; i++) s2[i] = random[HANDSHAKE_BLOCK_BYTES - 1 - i];
    sign_answer(c1 + at, s2, s2 + SIGNED_BYTES);
    return true;
}

bool handshake_check_answer(const uint8_t c1[HANDSHAKE_BLOCK_BYTES], unsigned offset, const uint8_t s2[HANDSHAKE_BLOCK_BYTES]) {
    uint8_t signature[DIGEST_BYTES];
    sign_answer(c1 + offset, s2, signature);
    return !memcmp(signature, s2 + SIGNED_BYTES, sizeof signature);
}

void handshake_hello(const uint8_t random[HANDSHAKE_BLOCK_BYTES], uint8_t out[HANDSHAKE_HELLO_BYTES]) {
    out[0] = 3;
    memcpy(out + 1, random, HANDSHAKE_BLOCK_BYTES);
    memset(out + 1, 0, 8);
}

void handshake_hello_with_digest(const uint8_t random[HANDSHAKE_BLOCK_BYTES], unsigned schema, uint8_t out[HANDSHAKE_HELLO_BYTES]) {
    static const uint8_t VERSION[4] = {9, 0, 124, 2};
    handshake_hello(random, out);
    memcpy(out + 5, VERSION, sizeof VERSION);
    put_digest(out + 1, schema, false);
}
