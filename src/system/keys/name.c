/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Names of ids. Two names of one context have the same IV once in 2^64 pairs of ids; all that would tell is how the two ids differ. */
#include <sodium.h>
#include <string.h>

#include "system/keys/keys.h"

enum { NAME_BYTES = 16, HASH_BYTES = crypto_shorthash_BYTES, HASH_KEY_BYTES = crypto_shorthash_KEYBYTES, CONTEXT_BYTES_MAX = 64 };
_Static_assert(2 * HASH_KEY_BYTES == KEY_BYTES && 2 * HASH_BYTES == NAME_BYTES && HASH_BYTES == sizeof(int64_t), "a key is two of SipHash's; a name is IV and id");

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* Little-endian, whatever the machine. */
static void put_id(uint8_t *at, uint64_t id) {
    for (int i = 0; i < 8; i++) at[i] = (uint8_t)(id >> 8 * i);
}
static uint64_t get_id(const uint8_t *at) {
    uint64_t id = 0;
    for (int i = 0; i < 8; i++) id |= (uint64_t)at[i] << 8 * i;
    return id;
}

/* The id stands first and has a fixed length, so that no context runs into it. */
static void iv_of(const struct key *key, struct slice context, const uint8_t id[HASH_BYTES], uint8_t iv[HASH_BYTES]) {
    uint8_t text[HASH_BYTES + CONTEXT_BYTES_MAX];
    size_t len = context.len < CONTEXT_BYTES_MAX ? context.len : CONTEXT_BYTES_MAX;
    memcpy(text, id, HASH_BYTES);
    memcpy(text + HASH_BYTES, context.ptr, len);
    crypto_shorthash(iv, text, HASH_BYTES + len, key->bytes);
}

static void stream_add(const struct key *key, const uint8_t iv[HASH_BYTES], uint8_t bytes[HASH_BYTES]) {
    uint8_t stream[HASH_BYTES];
    crypto_shorthash(stream, iv, HASH_BYTES, key->bytes + HASH_KEY_BYTES);
    for (int i = 0; i < HASH_BYTES; i++) bytes[i] ^= stream[i];
}

struct key_name key_name_of(const struct key *key, struct slice context, int64_t id) {
    uint8_t bytes[NAME_BYTES + 1] = {0}; /* 130 bits of text hold 128: the last two are zero */
    put_id(bytes + HASH_BYTES, (uint64_t)id);
    iv_of(key, context, bytes + HASH_BYTES, bytes);
    stream_add(key, bytes, bytes + HASH_BYTES);
    struct key_name name = {{0}};
    uint32_t bits = 0;
    int held = 0, at = 0;
    for (int i = 0; i < KEY_NAME_LEN; i++) {
        if (held < 5) bits = bits << 8 | bytes[at++], held += 8;
        held -= 5;
        name.text[i] = alphabet[bits >> held & 31];
    }
    return name;
}

bool key_name_read(const struct key *key, struct slice context, struct slice name, int64_t *id) {
    uint8_t bytes[NAME_BYTES + 1] = {0}, iv[HASH_BYTES];
    uint32_t bits = 0;
    int held = 0, at = 0;
    if (name.len != KEY_NAME_LEN) return false;
    for (size_t i = 0; i < KEY_NAME_LEN; i++) {
        const char *found = name.ptr[i] ? strchr(alphabet, name.ptr[i]) : NULL;
        if (!found) return false;
        bits = bits << 5 | (uint32_t)(found - alphabet);
        held += 5;
        if (held >= 8) held -= 8, bytes[at++] = (uint8_t)(bits >> held);
    }
    if (bits & 3) return false; /* one id has one name */
    stream_add(key, bytes, bytes + HASH_BYTES);
    iv_of(key, context, bytes + HASH_BYTES, iv);
    if (sodium_memcmp(iv, bytes, HASH_BYTES)) return false;
    *id = (int64_t)get_id(bytes + HASH_BYTES);
    return true;
}
