/* SPDX-License-Identifier: AGPL-3.0-or-later
 * An RTMP server for tests that tells what it is given.
 *   rtmp_recorder [--count] KEY
 * Prints one line of JSON per event: {"port":N} first, then begin, tracks, sample (with the SHA-256 of its bytes), cue, end. A publisher with
 * another key is refused. Ends when its standard input is closed. With --count it only counts samples, and each line on standard input is
 * answered by {"samples":N,"bytes":N,"cpu_us":N}: for benchmarks. */
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "media/rtmp/rtmp.h"

static const char *key;
static bool is_counting;
static atomic_uint_fast64_t samples, sample_bytes;

static void print(struct buf *line) {
    buf_u8(line, '\n');
    fwrite(line->ptr, 1, line->len, stdout); /* whole lines, also with several publishers: stdio locks */
    fflush(stdout);
    buf_free(line);
}

static struct json_writer begin_line(struct buf *line, const char *event) {
    *line = BUF((size_t)1 << 20);
    struct json_writer w = json_writer_of(line);
    json_begin_object(&w);
    json_put_cstr(&w, "event", event);
    return w;
}

static void end_line(struct json_writer *w) {
    json_end(w);
    print(w->out);
}

static struct err on_begin(void *user, const struct feed_hello *hello, void **feed) {
    if (!slice_eq(hello->key, slice_cstr(key))) return err_make(ERR_DENIED, "feed.key", "There is no channel with this key. Copy it again from the channel's page.");
    struct buf line;
    struct json_writer w = begin_line(&line, "begin");
    json_put_cstr(&w, "protocol", hello->protocol);
    json_put_string(&w, "agent", hello->agent);
    end_line(&w);
    *feed = user;
    return ERR_OK;
}

static struct err on_tracks(void *feed, const struct cmaf_track *tracks, size_t count) {
    struct buf line;
    struct json_writer w = begin_line(&line, "tracks");
    json_key(&w, "tracks");
    json_begin_array(&w);
    for (size_t i = 0; i < count; i++) {
        const struct cmaf_track *t = &tracks[i];
        json_begin_object(&w);
        json_put_cstr(&w, "kind", t->kind == CMAF_VIDEO ? "video" : "audio");
        json_put_cstr(&w, "codec", t->codec_string);
        json_put_number(&w, "timescale", t->timescale);
        json_put_number(&w, "width", t->width);
        json_put_number(&w, "height", t->height);
        json_put_number(&w, "rate_num", t->rate_num);
        json_put_number(&w, "rate_den", t->rate_den);
        json_put_number(&w, "sample_rate", t->sample_rate);
        json_put_number(&w, "channels", t->channels);
        json_end(&w);
    }
    json_end(&w);
    end_line(&w);
    return ERR_OK;
}

static struct err on_sample(void *feed, const struct feed_sample *s) {
    if (is_counting) {
        atomic_fetch_add_explicit(&samples, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&sample_bytes, s->data.len, memory_order_relaxed);
        return ERR_OK;
    }
    struct buf line;
    struct json_writer w = begin_line(&line, "sample");
    json_put_number(&w, "track", (int64_t)s->track);
    json_put_number(&w, "dts", s->dts);
    json_put_number(&w, "pts", s->pts);
    json_put_number(&w, "duration", s->duration);
    json_put_bool(&w, "sync", s->is_sync);
    json_put_number(&w, "bytes", (int64_t)s->data.len);
    json_put_id(&w, "captured", s->captured.ns);
    json_put_number(&w, "clock", s->clock_source);
    unsigned char digest[32];
    char hex[65];
    EVP_Digest(s->data.ptr, s->data.len, digest, NULL, EVP_sha256(), NULL);
    for (unsigned i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    json_put_cstr(&w, "sha256", hex);
    end_line(&w);
    return ERR_OK;
}

static void on_cue(void *feed, struct slice section, int64_t pts, uint32_t timescale) {
    struct buf line;
    struct json_writer w = begin_line(&line, "cue");
    json_put_number(&w, "pts", pts);
    json_put_number(&w, "bytes", (int64_t)section.len);
    end_line(&w);
}

static void on_end(void *feed, struct err why) {
    struct buf line;
    struct json_writer w = begin_line(&line, "end");
    json_put_cstr(&w, "code", why.kind ? why.code : "");
    end_line(&w);
}

int main(int argc, char **argv) {
    is_counting = argc == 3 && !strcmp(argv[1], "--count");
    if (argc != 2 + is_counting) return 2;
    key = argv[argc - 1];
    struct rtmp_server_options options = {
        .address = "127.0.0.1:0",
        .receiver = {.user = &options, .begin = on_begin, .tracks = on_tracks, .sample = on_sample, .cue = on_cue, .end = on_end},
    };
    struct rtmp_server *server;
    struct err e = rtmp_server_create(&server, &options);
    if (!e.kind) e = rtmp_server_start(server);
    if (e.kind) {
        log_error("test", "start", LOG_ERR(e));
        return 1;
    }
    printf("{\"port\":%u}\n", rtmp_server_port(server));
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0) {
        struct rusage used;
        if (byte != '\n' || !is_counting || getrusage(RUSAGE_SELF, &used)) continue;
        long us = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
        printf("{\"samples\":%llu,\"bytes\":%llu,\"cpu_us\":%ld}\n", (unsigned long long)atomic_load(&samples), (unsigned long long)atomic_load(&sample_bytes), us);
        fflush(stdout);
    }
    rtmp_server_destroy(&server);
    return 0;
}
