/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Letters leave by libcurl. A password or a letter goes in the clear to this machine only, or where the operator says so. */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "system/mail/room.h"

enum { CONNECT_MS_MAX = 10000, SEND_MS_MAX = 30000, ANSWER_BYTES_MAX = 180 };

struct smtp {
    CURL *curl;
    char *url;
    bool may_be_plain;
};

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_result;
static void global_begin(void) { global_result = curl_global_init(CURL_GLOBAL_DEFAULT); }

/* The host of "smtp://host:port/..." is this machine. */
static bool is_loopback(struct slice url) {
    size_t start = slice_find(url, SLICE("://"));
    struct slice host = slice_sub(url, start + 3, url.len);
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] == '/' || host.ptr[i] == '?' || (host.ptr[i] == ':' && host.ptr[0] != '[') || host.ptr[i] == ']') {
            host = slice_sub(host, 0, i);
            break;
        }
    return slice_eq(host, SLICE("localhost")) || slice_starts_with(host, SLICE("127.")) || slice_eq(host, SLICE("[::1"));
}

struct err smtp_open(struct smtp **out, const char *text, const char *user, const char *password, const char *ca) {
    static const struct err wrong = {.kind = ERR_INPUT, .code = "mail.smtp", .what = "A mail server is given as smtp://HOST:PORT or smtps://HOST:PORT."};
    struct slice url = slice_cstr(text);
    bool says_plain = slice_ends_with(url, SLICE("?plain")), says_tls = slice_ends_with(url, SLICE("?tls"));
    if (says_plain) url = slice_sub(url, 0, url.len - 6);
    if (says_tls) url = slice_sub(url, 0, url.len - 4);
    bool is_known = slice_starts_with(url, SLICE("smtp://")) || slice_starts_with(url, SLICE("smtps://"));
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] <= ' ' || (unsigned char)url.ptr[i] >= 0x7f || url.ptr[i] == '?' || url.ptr[i] == '@') is_known = false; /* a password has options of its own */
    if (!is_known || slice_find(url, SLICE("://")) + 3 >= url.len) return wrong;
    pthread_once(&global_once, global_begin);
    struct smtp *s = global_result == CURLE_OK ? mem_zalloc(sizeof *s) : NULL;
    if (!s) return err_memory();
    s->may_be_plain = !says_tls && (says_plain || is_loopback(url));
    s->url = mem_strndup(url.ptr, url.len);
    s->curl = s->url ? curl_easy_init() : NULL;
    CURL *c = s->curl;
    CURLcode code = c ? CURLE_OK : CURLE_OUT_OF_MEMORY;
    if (!code) code = curl_easy_setopt(c, CURLOPT_URL, s->url);
    if (!code) code = curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    if (!code) code = curl_easy_setopt(c, CURLOPT_PROXY, ""); /* whatever the environment says of the web */
    if (!code) code = curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    if (!code) code = curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS_MAX);
    if (!code) code = curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)SEND_MS_MAX);
    if (!code) code = curl_easy_setopt(c, CURLOPT_USE_SSL, (long)(s->may_be_plain ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    if (!code && ca) code = curl_easy_setopt(c, CURLOPT_CAINFO, ca);
    if (!code && user) code = curl_easy_setopt(c, CURLOPT_USERNAME, user);
    if (!code && password) code = curl_easy_setopt(c, CURLOPT_PASSWORD, password);
    if (code) {
        smtp_close(&s);
        return code == CURLE_OUT_OF_MEMORY ? err_memory() : wrong;
    }
    *out = s;
    return ERR_OK;
}

void smtp_close(struct smtp **smtp) {
    struct smtp *s = *smtp;
    if (!s) return;
    if (s->curl) curl_easy_cleanup(s->curl);
    mem_free(s->url);
    MEM_FREE(smtp);
}

static size_t give(char *to, size_t size, size_t count, void *user) {
    struct slice *rest = user;
    size_t len = size * count < rest->len ? size * count : rest->len;
    if (len) memcpy(to, rest->ptr, len);
    *rest = slice_sub(*rest, len, rest->len);
    return len;
}

/* The server's last line: of a refusal, its reason. */
static size_t answer_take(char *line, size_t size, size_t count, void *user) {
    char *answer = user;
    struct slice s = slice_trim(slice_of(line, size * count));
    if (s.len >= 4 && s.ptr[0] >= '4' && s.ptr[0] <= '5') {
        size_t len = s.len < ANSWER_BYTES_MAX ? s.len : ANSWER_BYTES_MAX, at = 0;
        for (size_t i = 0; i < len; i++) answer[at++] = s.ptr[i] >= ' ' && s.ptr[i] < 0x7f ? s.ptr[i] : '?';
        answer[at] = 0;
    }
    return size * count;
}

/* What went wrong before a letter was spoken of, for the operator; NULL: what the library or the server says is clear enough. */
static const char *tls_trouble(CURLcode code) {
    if (code == CURLE_USE_SSL_FAILED) return "The mail server offers no TLS (STARTTLS), and nothing is sent without";
    if (code == CURLE_PEER_FAILED_VERIFICATION) return "The mail server's certificate is not trusted, or is another server's; nothing was sent";
    if (code == CURLE_SSL_CACERT_BADFILE) return "The file of --smtp-ca cannot be read as certificates; nothing was sent";
    if (code == CURLE_SSL_CONNECT_ERROR) return "TLS with the mail server could not be agreed on; nothing was sent";
    return NULL;
}

enum smtp_outcome smtp_send(struct smtp *s, struct slice from, struct slice to, struct slice message, char trouble[200]) {
    char sender[MAIL_ADDRESS_MAX + 3], receiver[MAIL_ADDRESS_MAX + 3], answer[ANSWER_BYTES_MAX + 1] = "";
    snprintf(sender, sizeof sender, "<%.*s>", SLICE_ARG(from));
    snprintf(receiver, sizeof receiver, "<%.*s>", SLICE_ARG(to));
    char detail[CURL_ERROR_SIZE] = "";
    struct curl_slist *receivers = curl_slist_append(NULL, receiver);
    struct slice rest = message;
    CURL *c = s->curl;
    CURLcode code = receivers ? CURLE_OK : CURLE_OUT_OF_MEMORY;
    if (!code) code = curl_easy_setopt(c, CURLOPT_MAIL_FROM, sender);
    if (!code) code = curl_easy_setopt(c, CURLOPT_MAIL_RCPT, receivers);
    if (!code) code = curl_easy_setopt(c, CURLOPT_READFUNCTION, give);
    if (!code) code = curl_easy_setopt(c, CURLOPT_READDATA, &rest);
    if (!code) code = curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, answer_take);
    if (!code) code = curl_easy_setopt(c, CURLOPT_HEADERDATA, answer);
    if (!code) code = curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
    if (!code) code = curl_easy_setopt(c, CURLOPT_ERRORBUFFER, detail);
    if (!code) code = curl_easy_perform(c);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, NULL);
    long status = 0;
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_setopt(c, CURLOPT_MAIL_RCPT, NULL);
    curl_slist_free_all(receivers);
    if (!code) return SMTP_SENT;
    const char *said = tls_trouble(code), *more = answer[0] ? answer : code == CURLE_USE_SSL_FAILED ? "" : detail;
    if (said) snprintf(trouble, 200, "%s%s%s%s", said, *more ? " (" : "", more, *more ? ")" : "");
    else snprintf(trouble, 200, "%s", answer[0] ? answer : curl_easy_strerror(code));
    /* What concerns this letter: refused for good. A wrong password or a missing certificate is the operator's to mend: later. */
    bool is_about_letter = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_WEIRD_SERVER_REPLY;
    return is_about_letter && status >= 550 && status <= 559 ? SMTP_REFUSED : SMTP_LATER;
}
