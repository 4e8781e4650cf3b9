/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * HTTP to providers by libcurl's multi interface: several calls on their way, one thread. HTTPS with the system's certificates, or HTTP to this machine (base_url_check); no
 * redirects, no proxy of the environment, no cookies; an answer is bounded in size and time. */
#include <curl/curl.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "business/pay/room.h"

enum { CONNECT_MS_MAX = 10000, CALL_MS_MAX = 60000 };

struct call {
    CURL *curl;
    struct curl_slist *headers;
    char *url, *body;
    struct buf answer;
    void *user;
    bool is_used, is_done;
    CURLcode result;
};
struct calls {
    CURLM *multi;
    unsigned max;
    struct call *taken; /* the one whose body was lent */
    struct call slots[];
};

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_result;
static void global_begin(void) { global_result = curl_global_init(CURL_GLOBAL_DEFAULT); }

struct err calls_open(struct calls **out, unsigned max) {
    pthread_once(&global_once, global_begin);
    struct calls *c = global_result == CURLE_OK ? mem_zalloc(sizeof *c + max * sizeof c->slots[0]) : NULL;
    if (!c) return err_memory();
    c->max = max;
    c->multi = curl_multi_init();
    if (!c->multi) {
        mem_free(c);
        return err_memory();
    }
    *out = c;
    return ERR_OK;
}

static void call_end(struct calls *c, struct call *call) {
    if (call->curl) {
        curl_multi_remove_handle(c->multi, call->curl);
        curl_easy_cleanup(call->curl);
    }
    curl_slist_free_all(call->headers);
    mem_free(call->url);
    mem_free(call->body);
    buf_free(&call->answer);
    *call = (struct call){0};
}

void calls_close(struct calls **calls, void (*drop)(void *user)) {
    struct calls *c = *calls;
    if (!c) return;
    for (unsigned i = 0; i < c->max; i++) {
        if (!c->slots[i].is_used) continue;
        if (&c->slots[i] != c->taken) drop(c->slots[i].user);
        call_end(c, &c->slots[i]);
    }
    curl_multi_cleanup(c->multi);
    MEM_FREE(calls);
}

size_t calls_running(const struct calls *c) {
    size_t n = 0;
    for (unsigned i = 0; i < c->max; i++) n += c->slots[i].is_used && &c->slots[i] != c->taken;
    return n;
}
size_t calls_free_slots(const struct calls *c) { return c->max - calls_running(c) - (c->taken ? 1 : 0); }

static size_t answer_take(char *bytes, size_t size, size_t count, void *user) {
    struct buf *answer = user;
    buf_bytes(answer, bytes, size * count);
    return answer->has_failed ? 0 : size * count;
}

struct err calls_start(struct calls *c, const struct provider_request *request, void *user) {
    struct call *call = NULL;
    for (unsigned i = 0; i < c->max && !call; i++)
        if (!c->slots[i].is_used) call = &c->slots[i];
    if (!call) return err_make(ERR_BUSY, "pay.calls", "Too many calls are on their way.");
    *call = (struct call){.is_used = true, .user = user, .answer = BUF(ANSWER_BYTES_MAX)};
    call->url = mem_strndup(request->url.ptr, request->url.len);
    call->body = mem_strndup(request->body.len ? request->body.ptr : "", request->body.len);
    CURL *h = call->curl = curl_easy_init();
    bool is_whole = call->url && call->body && h;
    for (size_t i = 0; is_whole && i < request->header_count; i++) {
        struct curl_slist *more = curl_slist_append(call->headers, request->headers[i]);
        is_whole = more != NULL;
        if (more) call->headers = more;
    }
    CURLcode code = is_whole ? CURLE_OK : CURLE_OUT_OF_MEMORY;
    if (!code) code = curl_easy_setopt(h, CURLOPT_URL, call->url);
    if (!code) code = curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!code) code = curl_easy_setopt(h, CURLOPT_PROXY, "");
    if (!code) code = curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    if (!code) code = curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    if (!code) code = curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS_MAX);
    if (!code) code = curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)CALL_MS_MAX);
    if (!code) code = curl_easy_setopt(h, CURLOPT_HTTPHEADER, call->headers);
    if (!code) code = curl_easy_setopt(h, CURLOPT_USERAGENT, "Grandstand");
    if (!code && request->is_post) code = curl_easy_setopt(h, CURLOPT_POST, 1L);
    if (!code && request->is_post) code = curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    if (!code && request->is_post) code = curl_easy_setopt(h, CURLOPT_POSTFIELDS, call->body);
    if (!code) code = curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, answer_take);
    if (!code) code = curl_easy_setopt(h, CURLOPT_WRITEDATA, &call->answer);
    if (!code) code = curl_easy_setopt(h, CURLOPT_PRIVATE, call);
    if (!code && curl_multi_add_handle(c->multi, h) != CURLM_OK) code = CURLE_OUT_OF_MEMORY;
    if (!code) return ERR_OK;
    call_end(c, call);
    return err_memory();
}

static void calls_turn(struct calls *c) {
    int running, left;
    curl_multi_perform(c->multi, &running);
    for (CURLMsg *m; (m = curl_multi_info_read(c->multi, &left));) {
        if (m->msg != CURLMSG_DONE) continue;
        struct call *call = NULL;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        call->is_done = true;
        call->result = m->data.result;
    }
}

void calls_wait(struct calls *c, int64_t ns) {
    calls_turn(c);
    for (unsigned i = 0; i < c->max; i++)
        if (c->slots[i].is_done) return;
    curl_multi_poll(c->multi, NULL, 0, (int)(ns / NS_PER_MS), NULL);
    calls_turn(c);
}
void calls_wake(struct calls *c) { curl_multi_wakeup(c->multi); }

void calls_give(struct calls *c) {
    if (c->taken) call_end(c, c->taken);
    c->taken = NULL;
}

bool calls_take(struct calls *c, void **user, int *status, struct slice *body, const char **trouble) {
    calls_give(c);
    for (unsigned i = 0; i < c->max; i++) {
        struct call *call = &c->slots[i];
        if (!call->is_done) continue;
        long code = 0;
        curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &code);
        *user = call->user;
        *status = call->result == CURLE_OK ? (int)code : 0;
        *body = call->answer.len ? buf_slice(&call->answer) : SLICE("");
        *trouble = call->result == CURLE_OK ? NULL : curl_easy_strerror(call->result);
        call->is_done = false;
        c->taken = call;
        return true;
    }
    return false;
}
