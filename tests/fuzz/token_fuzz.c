/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Two ways in: the text as a stranger sends it, and (first byte odd) claims under a proper signature, to reach the part
 * behind the tag. Nothing may be valid that our own key did not sign for this title. */
#include <assert.h>
#include <stdlib.h>

#include "delivery/base64url.h"
#include "delivery/mac.h"
#include "delivery/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct token_authority *authority;
static const uint8_t secret[TOKEN_KEY_BYTES] = {1};

static void signed_claims(struct slice claims) {
    struct buf head = BUF(256), whole = BUF(4096);
    buf_bytes(&head, "\x84\x64MAC0\x47\xa2\x01\x05\x04\x42k1\x40\x59", 16);
    buf_u16be(&head, (uint16_t)claims.len);
    struct mac_key key;
    mac_key_init(&key, secret, sizeof secret);
    uint8_t mac[MAC_BYTES];
    mac_compute(&key, buf_slice(&head), claims, mac);
    buf_bytes(&whole, "\xd1\x84\x47\xa2\x01\x05\x04\x42k1\xa0\x59", 12);
    buf_u16be(&whole, (uint16_t)claims.len);
    buf_append(&whole, claims);
    buf_bytes(&whole, "\x58\x20", 2);
    buf_bytes(&whole, mac, sizeof mac);
    char *text = malloc(BASE64URL_TEXT(whole.len));
    size_t len = base64url_encode((const uint8_t *)whole.ptr, whole.len, text);
    enum token_verdict v = token_verify(authority, NULL, slice_of(text, len), SLICE("7zr3v9k2m8qd41xh"), TOKEN_METHOD_GET, NULL);
    assert(v != TOKEN_FORGED);
    assert(v != TOKEN_MALFORMED || claims.len < 256 || len > TOKEN_TEXT_MAX);
    free(text);
    buf_free(&head);
    buf_free(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!authority) {
        authority = token_authority_create(clock_system(), "grandstand");
        struct err e = token_key_add(authority, SLICE("k1"), secret);
        assert(!e.kind);
    }
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    if (size > 1 && size < 700 && (data[0] & 1)) {
        signed_claims(slice_of(exact + 1, size - 1));
    } else {
        enum token_verdict v = token_verify(authority, NULL, slice_of(exact, size), SLICE("7zr3v9k2m8qd41xh"), TOKEN_METHOD_GET, NULL);
        assert(v == TOKEN_MALFORMED || v == TOKEN_FORGED || (v == TOKEN_MISSING && size == 0));
    }
    free(exact);
    return 0;
}
