/* SPDX-License-Identifier: AGPL-3.0-or-later
 * What providers' files share: keyed hashes, RSA signatures, forms. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "business/pay/provider.h"

void hmac_sha256_hex(struct slice key, struct slice a, struct slice b, struct slice c, char out[65]) {
    static const char digits[] = "0123456789abcdef";
    uint8_t mac[32];
    size_t len = 0;
    memset(out, 0, 65); /* empty where it could not be made: equal to no signature */
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", (char[]){"SHA256"}, 0), OSSL_PARAM_construct_end()};
    bool is_done = context && EVP_MAC_init(context, (const uint8_t *)key.ptr, key.len, params) == 1 && EVP_MAC_update(context, (const uint8_t *)a.ptr, a.len) == 1 &&
                   EVP_MAC_update(context, (const uint8_t *)b.ptr, b.len) == 1 && EVP_MAC_update(context, (const uint8_t *)c.ptr, c.len) == 1 &&
                   EVP_MAC_final(context, mac, &len, sizeof mac) == 1 && len == sizeof mac;
    for (size_t i = 0; is_done && i < sizeof mac; i++) out[2 * i] = digits[mac[i] >> 4], out[2 * i + 1] = digits[mac[i] & 15];
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(hmac);
}

/* --- RSA --- */

static const struct err not_a_key = {.kind = ERR_INPUT, .code = "pay.key", .what = "This is no RSA key: give it as PEM, or as the base64 text that the provider shows."};
enum { KEY_TEXT_MAX = 8192 };

static size_t base64_decode(struct slice text, uint8_t *out, size_t size) {
    EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
    int len = 0, rest = 0;
    bool is_fine = context && text.len / 4 * 3 + 3 <= size;
    if (is_fine) {
        EVP_DecodeInit(context);
        is_fine = EVP_DecodeUpdate(context, out, &len, (const uint8_t *)text.ptr, (int)text.len) >= 0 && EVP_DecodeFinal(context, out + len, &rest) == 1;
    }
    EVP_ENCODE_CTX_free(context);
    return is_fine ? (size_t)(len + rest) : 0;
}

static EVP_PKEY *key_read(struct slice text, bool is_private) {
    text = slice_trim(text);
    if (!text.len || text.len > KEY_TEXT_MAX) return NULL;
    EVP_PKEY *key = NULL;
    if (slice_starts_with(text, SLICE("-----BEGIN"))) {
        BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
        /* With a password callback that has none: never asks at the terminal. */
        if (bio) key = is_private ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (char[]){""}) : PEM_read_bio_PUBKEY(bio, NULL, NULL, (char[]){""});
        BIO_free(bio);
    } else {
        uint8_t der[KEY_TEXT_MAX];
        size_t len = base64_decode(text, der, sizeof der);
        const uint8_t *at = der;
        if (len) key = is_private ? d2i_AutoPrivateKey(NULL, &at, (long)len) : d2i_PUBKEY(NULL, &at, (long)len);
        OPENSSL_cleanse(der, sizeof der);
    }
    if (key && (EVP_PKEY_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_bits(key) < 2048)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

struct err rsa_private_check(struct slice text) {
    EVP_PKEY *key = key_read(text, true);
    EVP_PKEY_free(key);
    return key ? ERR_OK : not_a_key;
}
struct err rsa_public_check(struct slice text) {
    EVP_PKEY *key = key_read(text, false);
    EVP_PKEY_free(key);
    return key ? ERR_OK : not_a_key;
}

struct err rsa_sign(struct slice key_text, struct slice text, struct arena *arena, struct slice *base64) {
    EVP_PKEY *key = key_read(key_text, true);
    if (!key) return not_a_key;
    uint8_t signature[1024];
    size_t len = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_done = context && EVP_PKEY_size(key) <= (int)sizeof signature && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                   EVP_DigestSign(context, signature, &len, (const uint8_t *)text.ptr, text.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    char *out = is_done ? arena_alloc(arena, 4 * ((len + 2) / 3) + 1) : NULL;
    if (!out) return is_done ? err_memory() : not_a_key;
    int out_len = EVP_EncodeBlock((uint8_t *)out, signature, (int)len);
    *base64 = slice_of(out, (size_t)out_len);
    return ERR_OK;
}

bool rsa_verify(struct slice key_text, struct slice text, struct slice base64) {
    uint8_t signature[1024];
    size_t len = base64.len && base64.len <= 1364 ? base64_decode(base64, signature, sizeof signature) : 0;
    EVP_PKEY *key = len ? key_read(key_text, false) : NULL;
    EVP_MD_CTX *context = key ? EVP_MD_CTX_new() : NULL;
    bool is_genuine = context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                      EVP_DigestVerify(context, signature, len, (const uint8_t *)(text.ptr ? text.ptr : ""), text.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return is_genuine;
}

/* --- addresses and forms --- */

struct err base_url_check(struct slice url) {
    static const struct err wrong = {.kind = ERR_INPUT, .code = "pay.base_url", .what = "An address of a provider begins with https://; http:// is for this machine only."};
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] <= ' ' || (unsigned char)url.ptr[i] >= 0x7f || url.ptr[i] == '@' || url.ptr[i] == '\\') return wrong;
    if (slice_starts_with(url, SLICE("https://"))) return url.len > 8 ? ERR_OK : wrong;
    if (!slice_starts_with(url, SLICE("http://"))) return wrong;
    struct slice host = slice_sub(url, 7, url.len);
    size_t end = 0;
    while (end < host.len && host.ptr[end] != '/' && host.ptr[end] != ':' && host.ptr[end] != '?' && host.ptr[end] != '#') end++;
    for (size_t i = end + 1; end < host.len && host.ptr[end] == ':' && i < host.len && host.ptr[i] != '/' && host.ptr[i] != '?' && host.ptr[i] != '#'; i++)
        if (host.ptr[i] < '0' || host.ptr[i] > '9') return wrong; /* a port is a number */
    host = slice_sub(host, 0, end);
    bool is_loopback = slice_eq(host, SLICE("localhost"));
    if (slice_starts_with(host, SLICE("127."))) { /* four numbers: 127.evil.example is none of this machine */
        is_loopback = true;
        for (size_t i = 0; i < host.len; i++) is_loopback = is_loopback && (host.ptr[i] == '.' || (host.ptr[i] >= '0' && host.ptr[i] <= '9'));
    }
    return is_loopback ? ERR_OK : wrong;
}

void form_put(struct buf *out, const char *name, struct slice value) {
    static const char hex[] = "0123456789ABCDEF";
    if (out->len) buf_u8(out, '&');
    buf_cstr(out, name);
    buf_u8(out, '=');
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '~';
        if (is_plain) buf_u8(out, c);
        else buf_bytes(out, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
    }
}

static int hex_digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

static bool form_decode(struct arena *arena, struct slice text, struct slice *out) {
    char *to = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    if (!to) return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '+') c = ' ';
        if (c == '%') {
            if (text.len - i < 3) return false;
            int high = hex_digit(text.ptr[i + 1]), low = hex_digit(text.ptr[i + 2]);
            if (high < 0 || low < 0) return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        to[len++] = c;
    }
    *out = slice_of(to, len);
    return true;
}

bool form_next(struct slice *rest, struct arena *arena, struct slice *name, struct slice *value, bool *is_bad) {
    struct slice part;
    if (!rest->len || !slice_next(rest, '&', &part)) return false;
    size_t equals = slice_find_byte(part, '=');
    *is_bad = equals == SLICE_NPOS || !form_decode(arena, slice_sub(part, 0, equals), name) || !form_decode(arena, slice_sub(part, equals + 1, part.len), value);
    return !*is_bad;
}

struct provider_answer *answer_make(struct arena *arena, size_t words_max) {
    struct provider_answer *a = ARENA_NEW(arena, struct provider_answer);
    if (a) a->words = arena_alloc_array(arena, words_max, sizeof *a->words);
    if (!a || !a->words) return NULL;
    a->words_max = words_max;
    return a;
}

struct slice capitals(struct arena *arena, struct slice s) {
    char *to = arena_cstr(arena, s);
    for (size_t i = 0; to && i < s.len; i++)
        if (to[i] >= 'a' && to[i] <= 'z') to[i] = (char)(to[i] - 'a' + 'A');
    return to ? slice_of(to, s.len) : SLICE("");
}
