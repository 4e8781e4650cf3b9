/* SPDX-License-Identifier: AGPL-3.0-or-later
 * TLS through OpenSSL. The library never sees the socket: it reads through recv on the connection's socket and writes
 * into the loop's cipher_out, so that the records of one turn leave in one system call, and what the socket does not take
 * is kept like all other unsent bytes. An idle connection gives its record buffers back (SSL_MODE_RELEASE_BUFFERS). */
#include <assert.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "system/http/core.h"

struct tls_context {
    atomic_uint refs;
    SSL_CTX *ssl;
};
struct tls_conn {
    SSL *ssl;
    struct tls_context *context;
};

enum { RECORD_BYTES = 16384 };

/* --- the socket, as OpenSSL sees it --- */

static int bio_write(BIO *bio, const char *bytes, size_t len, size_t *written) {
    struct conn *c = BIO_get_data(bio);
    struct loop *l = c->loop;
    BIO_clear_retry_flags(bio);
    if (len > CIPHER_OUT_BYTES - l->cipher_len) return 0; /* never: we write at most SCRATCH_OUT_BYTES between flushes */
    memcpy(l->cipher_out + l->cipher_len, bytes, len);
    l->cipher_len += len;
    *written = len;
    return 1;
}

static int bio_read(BIO *bio, char *out, size_t len, size_t *got) {
    struct conn *c = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t n;
    do n = recv(c->fd, out, len, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        COUNT(c->loop, received_bytes_total, n);
        *got = (size_t)n;
        return 1;
    }
    c->may_read = false;
    if (n < 0 && errno == EAGAIN) BIO_set_retry_read(bio);
    else c->has_peer_closed = true;
    return 0;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) { return command == BIO_CTRL_FLUSH; }

static BIO_METHOD *bio_method(void) {
    static BIO_METHOD *_Atomic method; /* one for the process, made by the first context, kept for ever */
    BIO_METHOD *m = atomic_load(&method);
    if (m) return m;
    m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "loop");
    if (!m) return NULL;
    BIO_meth_set_write_ex(m, bio_write);
    BIO_meth_set_read_ex(m, bio_read);
    BIO_meth_set_ctrl(m, bio_control);
    BIO_METHOD *none = NULL;
    if (!atomic_compare_exchange_strong(&method, &none, m)) {
        BIO_meth_free(m);
        return none;
    }
    return m;
}

/* --- contexts --- */

static int alpn_choose(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in, unsigned in_len, void *arg) {
    static const unsigned char ours[] = "\x02h2\x08http/1.1";
    if (SSL_select_next_proto((unsigned char **)out, out_len, ours, sizeof ours - 1, in, in_len) == OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_OK;
    return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 section 3.2 */
}

struct err tls_context_load(struct tls_context **out, const char *certificate, const char *key) {
    struct tls_context *t = mem_zalloc(sizeof *t);
    if (!t) return err_memory();
    atomic_init(&t->refs, 1);
    t->ssl = bio_method() ? SSL_CTX_new(TLS_server_method()) : NULL;
    if (!t->ssl) {
        mem_free(t);
        return err_memory();
    }
    SSL_CTX_set_min_proto_version(t->ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(t->ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(t->ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(t->ssl, 1); /* a record in one recv instead of two */
    SSL_CTX_set_session_cache_mode(t->ssl, SSL_SESS_CACHE_OFF); /* tickets need no memory of ours */
    SSL_CTX_set_num_tickets(t->ssl, 1);
    SSL_CTX_set_cipher_list(t->ssl, "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_alpn_select_cb(t->ssl, alpn_choose, NULL);
    bool is_fine = SSL_CTX_use_certificate_chain_file(t->ssl, certificate) == 1 &&
                   SSL_CTX_use_PrivateKey_file(t->ssl, key, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(t->ssl) == 1;
    if (!is_fine) {
        char text[160];
        ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
        log_error("http", "certificate or key unusable", LOG_TEXT("certificate", certificate), LOG_TEXT("key", key), LOG_TEXT("reason", text));
        ERR_clear_error();
        tls_context_release(&t);
        return err_make(ERR_INPUT, "http.tls", "The certificate or its key cannot be used: both must be PEM files, readable, and belong together.");
    }
    *out = t;
    return ERR_OK;
}

void tls_context_release(struct tls_context **address) {
    struct tls_context *t = *address;
    if (!t) return;
    *address = NULL;
    if (atomic_fetch_sub(&t->refs, 1) > 1) return;
    SSL_CTX_free(t->ssl);
    mem_free(t);
}

/* --- connections --- */

bool tls_open(struct conn *c, struct tls_context *context) {
    struct tls_conn *t = mem_zalloc(sizeof *t);
    if (!t) return false;
    t->ssl = SSL_new(context->ssl);
    BIO *bio = t->ssl ? BIO_new(bio_method()) : NULL;
    if (!bio) {
        SSL_free(t->ssl);
        mem_free(t);
        ERR_clear_error();
        return false;
    }
    BIO_set_data(bio, c);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_accept_state(t->ssl);
    atomic_fetch_add(&context->refs, 1);
    t->context = context;
    c->tls = t;
    return true;
}

void tls_close(struct conn *c) {
    struct tls_conn *t = c->tls;
    c->tls = NULL;
    SSL_free(t->ssl);
    tls_context_release(&t->context);
    mem_free(t);
    ERR_clear_error();
}

/* Sends what OpenSSL has written during this call. */
static enum io cipher_flush(struct conn *c) {
    struct loop *l = c->loop;
    size_t len = l->cipher_len, sent = 0;
    l->cipher_len = 0;
    if (!len) return c->unsent_len ? conn_flush(c) : IO_DONE;
    enum io io = c->unsent_len ? conn_flush(c) : IO_DONE;
    struct iovec v = {.iov_base = l->cipher_out, .iov_len = len};
    if (io == IO_DONE) io = c->may_write ? conn_send_some(c, &v, 1, 0, &sent) : IO_BLOCKED;
    if (io == IO_BLOCKED) return conn_keep(c, l->cipher_out + sent, len - sent) == IO_GONE ? IO_GONE : IO_BLOCKED;
    return io;
}

enum io tls_handshake(struct conn *c) {
    if (!c->may_read && !c->unsent_len) return IO_BLOCKED;
    if (c->unsent_len && conn_flush(c) == IO_GONE) return IO_GONE;
    ERR_clear_error();
    int done = SSL_do_handshake(c->tls->ssl);
    int why = done == 1 ? SSL_ERROR_NONE : SSL_get_error(c->tls->ssl, done);
    enum io io = cipher_flush(c);
    if (io == IO_GONE) return IO_GONE;
    if (done == 1) {
        c->is_tls_done = true;
        COUNT(c->loop, tls_handshakes_total, 1);
        timer_start(c->loop, &c->timer, TIMER_IDLE);
        return IO_DONE;
    }
    if (why == SSL_ERROR_WANT_READ && !c->has_peer_closed) return IO_BLOCKED;
    COUNT(c->loop, tls_failures_total, 1);
    ERR_clear_error();
    return IO_GONE;
}

bool tls_is_h2(const struct conn *c) {
    const unsigned char *name;
    unsigned len;
    SSL_get0_alpn_selected(c->tls->ssl, &name, &len);
    return len == 2 && !memcmp(name, "h2", 2);
}

ptrdiff_t tls_receive(struct conn *c, char *out, size_t capacity) {
    /* may_read stays set until the socket is dry: OpenSSL may hold decrypted bytes when the socket has none. */
    c->may_read = true;
    ERR_clear_error();
    size_t got;
    int ok = SSL_read_ex(c->tls->ssl, out, capacity, &got);
    int why = ok ? SSL_ERROR_NONE : SSL_get_error(c->tls->ssl, ok);
    if (c->loop->cipher_len && cipher_flush(c) == IO_GONE) return -2; /* an alert, or an answer to a key update */
    if (ok) {
        c->may_read = true;
        return (ptrdiff_t)got;
    }
    c->may_read = false;
    if (why == SSL_ERROR_WANT_READ && !c->has_peer_closed) return -1;
    if (why == SSL_ERROR_ZERO_RETURN || c->has_peer_closed) {
        c->has_peer_closed = true;
        ERR_clear_error();
        return 0;
    }
    ERR_clear_error();
    return -2;
}

enum io tls_send(struct conn *c, const struct iovec *vectors, int count) {
    ERR_clear_error();
    /* Head and body share records: small vectors are gathered first. */
    static _Thread_local char record[RECORD_BYTES];
    size_t filled = 0;
    for (int i = 0; i < count; i++) {
        const char *at = vectors[i].iov_base;
        size_t left = vectors[i].iov_len;
        bool is_last = i == count - 1;
        while (left) {
            size_t written, take = left < RECORD_BYTES - filled ? left : RECORD_BYTES - filled;
            const char *from = at;
            if (filled || (take < RECORD_BYTES && !is_last)) {
                memcpy(record + filled, at, take);
                filled += take;
                at += take;
                left -= take;
                if (filled < RECORD_BYTES && (left || !is_last)) continue;
                from = record;
                take = filled;
                filled = 0;
            } else {
                at += take;
                left -= take;
            }
            if (!SSL_write_ex(c->tls->ssl, from, take, &written) || written != take) {
                conn_kill(c);
                c->loop->cipher_len = 0;
                return IO_GONE;
            }
        }
    }
    if (filled) {
        size_t written;
        if (!SSL_write_ex(c->tls->ssl, record, filled, &written)) {
            conn_kill(c);
            c->loop->cipher_len = 0;
            return IO_GONE;
        }
    }
    return cipher_flush(c);
}

void tls_goodbye(struct conn *c) {
    if (!c->is_tls_done) return;
    ERR_clear_error();
    SSL_shutdown(c->tls->ssl);
    cipher_flush(c);
    ERR_clear_error();
}
