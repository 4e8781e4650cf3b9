/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Any bytes as a connection, behind a good handshake or without; the first byte says which, and where the bytes are cut. A key is accepted when
 * it begins with 'k'. What leaves us must be readable by our own reader. */
#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "media/rtmp/intake.h"
#include "media/rtmp/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct err on_tracks(void *feed, const struct cmaf_track *tracks, size_t count) { return ERR_OK; }
static struct err on_sample(void *feed, const struct feed_sample *s) { return ERR_OK; }

static void check_answers(struct slice out) {
    if (out.len < HANDSHAKE_ANSWER_BYTES) return;
    out = slice_sub(out, HANDSHAKE_ANSWER_BYTES, out.len);
    struct chunk_reader r;
    chunk_reader_init(&r, 1 << 20, 1 << 20);
    for (bool has = true; has;) {
        struct chunk_message m;
        struct err e = chunk_read(&r, &out, &m, &has);
        assert(!e.kind);
    }
    assert(!out.len);
    chunk_reader_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    log_configure(LOG_ERROR, LOG_FORMAT_LOGFMT, 2);
    size_t step = (data[0] & 63) * 7 + 1;
    struct buf bytes = BUF(1 << 20), waiting = BUF(1 << 20), said = BUF(4 << 20);
    if (data[0] & 128) {
        static const uint8_t zeros[HANDSHAKE_BLOCK_BYTES * 2];
        buf_u8(&bytes, 3);
        buf_bytes(&bytes, zeros, sizeof zeros);
    }
    buf_bytes(&bytes, data + 1, size - 1);
    struct session s;
    session_init(&s, "live");
    struct feed_receiver receiver = {.tracks = on_tracks, .sample = on_sample};
    struct intake *k = NULL;
    struct err e = intake_create(&k, &receiver, NULL);
    for (size_t at = 0; at < bytes.len && !e.kind && s.state != SESSION_DONE; at += step) {
        buf_append(&waiting, slice_sub(buf_slice(&bytes), at, at + step < bytes.len ? at + step : bytes.len));
        char *exact = malloc(waiting.len ? waiting.len : 1);
        if (waiting.len) memcpy(exact, waiting.ptr, waiting.len);
        struct slice in = slice_of(exact, waiting.len);
        enum session_event event = SESSION_NOTHING;
        do {
            e = session_step(&s, &in, &event);
            if (e.kind) break;
            if (event == SESSION_PUBLISH) {
                assert(s.key_bytes >= 1 && s.key_bytes <= FEED_KEY_BYTES_MAX && s.agent_bytes <= SESSION_AGENT_BYTES_MAX);
                if (s.key[0] == 'k') session_accept(&s);
                else session_refuse(&s, err_make(ERR_DENIED, "feed.key", "There is no channel with this key."));
            }
            if (event == SESSION_MESSAGE) e = intake_message(k, &s.message, (struct utc_time){INT64_C(1800000000) * NS_PER_S});
        } while (!e.kind && event != SESSION_NOTHING && s.state != SESSION_DONE);
        buf_append(&said, buf_slice(&s.out));
        buf_clear(&s.out);
        assert(e.kind || event != SESSION_NOTHING || s.state == SESSION_DONE || in.len < HANDSHAKE_HELLO_BYTES);
        buf_consume(&waiting, waiting.len - in.len);
        free(exact);
    }
    if (!said.has_failed) check_answers(buf_slice(&said));
    assert(s.reader.held_bytes <= s.reader.held_bytes_max);
    intake_destroy(&k);
    session_free(&s);
    buf_free(&bytes);
    buf_free(&waiting);
    buf_free(&said);
    return 0;
}
