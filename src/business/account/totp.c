/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/account/totp.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

enum { SHA1_BYTES = 20, WINDOW = 1, DIGITS = 6, MODULUS = 1000000 };

void totp_secret_text(const uint8_t secret[TOTP_SECRET_BYTES], char out[TOTP_SECRET_CHARS + 1]) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    for (int i = 0; i < TOTP_SECRET_CHARS; i++) {
        int bit = i * 5;
        unsigned pair = (unsigned)secret[bit / 8] << 8 | (bit / 8 + 1 < TOTP_SECRET_BYTES ? secret[bit / 8 + 1] : 0);
        out[i] = digits[pair >> (11 - bit % 8) & 31];
    }
    out[TOTP_SECRET_CHARS] = 0;
}

uint32_t totp_code(const uint8_t secret[TOTP_SECRET_BYTES], int64_t step) {
    uint8_t counter[8], mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    for (int i = 0; i < 8; i++) counter[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
    const void *done = HMAC(EVP_sha1(), secret, TOTP_SECRET_BYTES, counter, sizeof counter, mac, &len);
    assert(done && len == SHA1_BYTES);
    unsigned at = mac[SHA1_BYTES - 1] & 15; /* RFC 4226 section 5.3 */
    uint32_t number = (uint32_t)(mac[at] & 0x7f) << 24 | (uint32_t)mac[at + 1] << 16 | (uint32_t)mac[at + 2] << 8 | mac[at + 3];
    return number % MODULUS;
}

bool totp_check(const uint8_t secret[TOTP_SECRET_BYTES], struct slice code, int64_t now_s, int64_t last, int64_t *step) {
    uint32_t given = 0;
    int digits = 0;
    for (size_t i = 0; i < code.len; i++) {
        if (code.ptr[i] == ' ') continue;
        if (code.ptr[i] < '0' || code.ptr[i] > '9' || ++digits > DIGITS) return false;
        given = given * 10 + (uint32_t)(code.ptr[i] - '0');
    }
    if (digits != DIGITS) return false;
    int64_t now = now_s / TOTP_STEP_S, found = -1;
    for (int64_t s = now - WINDOW; s <= now + WINDOW; s++) { /* all of them, whatever fits: the time tells nothing */
        uint32_t right = totp_code(secret, s);
        if (sodium_memcmp(&right, &given, sizeof right) == 0 && s > last && found < 0) found = s;
    }
    if (found < 0) return false;
    *step = found;
    return true;
}
