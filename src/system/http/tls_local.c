/* SPDX-License-Identifier: AGPL-3.0-or-later
 * A certificate for this machine, signed by itself: for trying things out, and for a house behind its own door. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/rng.h"
#include "system/http/http.h"

enum { VALID_DAYS = 365, RENEW_DAYS = 30, PEM_BYTES_MAX = 65536 };

/* Do the two files belong together, and will they for RENEW_DAYS? */
static bool pair_is_good(int folder, const struct clock *clock) {
    struct buf cert_text = BUF(PEM_BYTES_MAX), key_text = BUF(PEM_BYTES_MAX);
    X509 *cert = NULL;
    EVP_PKEY *key = NULL;
    bool is_good = false;
    struct err e = fs_read_file(folder, "local.crt", &cert_text);
    if (!e.kind) e = fs_read_file(folder, "local.key", &key_text);
    if (!e.kind) {
        BIO *bio = BIO_new_mem_buf(cert_text.ptr, (int)cert_text.len);
        if (bio) cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        BIO_free(bio);
        bio = BIO_new_mem_buf(key_text.ptr, (int)key_text.len);
        if (bio) key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        BIO_free(bio);
        time_t limit = (time_t)(utc_seconds(clock_utc(clock)) + (int64_t)RENEW_DAYS * 86400);
        is_good = cert && key && X509_check_private_key(cert, key) == 1 && X509_cmp_time(X509_get0_notAfter(cert), &limit) > 0;
    }
    X509_free(cert);
    EVP_PKEY_free(key);
    buf_free(&cert_text);
    OPENSSL_cleanse(key_text.ptr, key_text.len);
    buf_free(&key_text);
    ERR_clear_error();
    return is_good;
}

static bool extension_add(X509 *cert, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool is_added = x && X509_add_ext(cert, x, -1) == 1;
    X509_EXTENSION_free(x);
    return is_added;
}

/* A name that may stand in a certificate's list of names as it is. */
static bool is_host_name(const char *name) {
    size_t len = strlen(name);
    return len > 0 && len < 64 && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == len;
}

static bool cert_fill(X509 *cert, EVP_PKEY *key, const struct clock *clock) {
    uint64_t serial;
    rng_secure(&serial, sizeof serial);
    time_t from = (time_t)utc_seconds(clock_utc(clock)) - 3600; /* clocks of clients differ */
    time_t to = from + (time_t)VALID_DAYS * 86400;
    char host[256] = "", names[512];
    if (gethostname(host, sizeof host - 1) || !is_host_name(host)) snprintf(host, sizeof host, "localhost");
    snprintf(names, sizeof names, "DNS:localhost,DNS:%s,IP:127.0.0.1,IP:::1", host);
    X509_NAME *subject = X509_get_subject_name(cert);
    return X509_set_version(cert, 2) && ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) &&
           ASN1_TIME_set(X509_getm_notBefore(cert), from) && ASN1_TIME_set(X509_getm_notAfter(cert), to) && X509_set_pubkey(cert, key) &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)"Grandstand on this machine", -1, -1, 0) &&
           X509_set_issuer_name(cert, subject) && extension_add(cert, NID_subject_alt_name, names) &&
           extension_add(cert, NID_basic_constraints, "critical,CA:FALSE") && extension_add(cert, NID_ext_key_usage, "serverAuth") &&
           X509_sign(cert, key, EVP_sha256()) > 0;
}

static struct err bio_write(BIO *bio, int folder, const char *name, mode_t mode) {
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    return fs_write_file_atomic(folder, name, slice_of(text, (size_t)len), mode);
}

static struct err pair_make(int folder, const struct clock *clock) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    BIO *key_text = BIO_new(BIO_s_secmem()), *cert_text = BIO_new(BIO_s_mem());
    struct err e = err_memory();
    bool is_made = key && cert && key_text && cert_text && cert_fill(cert, key, clock) &&
                   PEM_write_bio_PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL) && PEM_write_bio_X509(cert_text, cert);
    if (is_made) e = bio_write(key_text, folder, "local.key", 0600);
    if (!e.kind) e = bio_write(cert_text, folder, "local.crt", 0644);
    BIO_free(cert_text);
    BIO_free(key_text);
    X509_free(cert);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return e;
}

struct err http_tls_make_local(const char *folder, const struct clock *clock, struct arena *arena, const char **certificate, const char **key) {
    struct slice crt = arena_printf(arena, "%s/local.crt", folder), pem = arena_printf(arena, "%s/local.key", folder);
    if (!crt.ptr || !pem.ptr) return err_memory();
    int fd;
    struct err e = fs_make_dirs(AT_FDCWD, folder, 0700);
    if (!e.kind) e = fs_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0, &fd);
    if (e.kind) return e;
    if (!pair_is_good(fd, clock)) e = pair_make(fd, clock);
    fs_close(&fd);
    if (e.kind) return e;
    *certificate = crt.ptr;
    *key = pem.ptr;
    return ERR_OK;
}
