/* SPDX-License-Identifier: AGPL-3.0-or-later
 * An RTMP server for tests that tells what it is given.
 *   rtmp_recorder KEY
 * Prints one line of JSON per event: {"port":N} first, then begin, tracks, sample (with the SHA-256 of its bytes), cue, end. A publisher with
 * another key is refused. Ends when its standard input is closed. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "media/rtmp/rtmp.h"

static const char *key;
static bool has_hashes = true;

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
    if (has_hashes) {
        unsigned char digest[32];
        char hex[65];
        EVP_Digest(s->data.ptr, s->data.len, digest, NULL, EVP_sha256(), NULL);
        for (unsigned i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
        json_put_cstr(&w, "sha256", hex);
    }
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
    if (argc != 2) return 2;
    key = argv[1];
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
    while (read(0, &byte, 1) > 0) continue;
    rtmp_server_destroy(&server);
    return 0;
}
