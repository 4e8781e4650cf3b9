/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * publisher.c: the sending side. One socket that never blocks, one buffer for what is to be sent, and poll in short turns, so that a caller
 * who wants to stop is heard. */
#include "media/rtmp/rtmp.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "media/rtmp/amf.h"
#include "media/rtmp/chunk.h"
#include "media/rtmp/flv.h"
#include "media/rtmp/handshake.h"
#include "media/rtmp/params.h"

enum {
    TURN_MS = 100,
    OUT_BYTES_MAX = FEED_SAMPLE_BYTES_MAX + (2 << 20),
    IN_BYTES = 4096,
    WORDS_BYTES_MAX = 256,
    NAME_BYTES_MAX = 1024,
    ANSWER_BYTES_MAX = 64 << 10
};
enum { ON_CONTROL = 2, ON_COMMANDS = 3, ON_AUDIO = 4, ON_DATA = 5, ON_VIDEO = 6 }; /* chunk streams */
enum { CALL_CONNECT = 1, CALL_RELEASE, CALL_ANNOUNCE, CALL_CREATE, CALL_PUBLISH };

struct lane {
    struct cmaf_track track;
    uint8_t number; /* among tracks of its kind */
};

struct rtmp_publisher {
    struct rtmp_publisher_options options;
    char host[256], port[6], application[NAME_BYTES_MAX], key[NAME_BYTES_MAX], address[NAME_BYTES_MAX + 300]; /* address: tcUrl */
    int fd;
    struct chunk_reader reader;
    struct buf out, in, scratch;
    uint32_t stream;
    int answered; /* the newest call that has its answer */
    bool is_publishing;
    struct err failure; /* what the server said or did, once */
    char words[WORDS_BYTES_MAX];
    struct lane lanes[FEED_TRACKS_MAX];
    size_t lane_count;
    bool has_told_time;
    int64_t time_told_ms, sent_ms; /* sent: of the last sample */
    uint64_t bytes;
};

static struct err timed_out(void) {
    return err_make(ERR_IO, "rtmp.timeout", "The server does not answer, or takes nothing more. Check the network, then try again.");
}
static struct err closed(void) { return err_make(ERR_IO, "rtmp.closed", "The server closed the connection."); }
static struct err refused(void) {
    return err_make(ERR_DENIED, "rtmp.refused", "The server refused the stream. Check the address and the stream key.");
}
static struct err malformed(void) { return err_make(ERR_INPUT, "rtmp.malformed", "What answers at this address does not speak RTMP."); }
static struct err bad_url(void) { return err_make(ERR_INPUT, "rtmp.url", "An address to publish to looks like rtmp://HOST/live/KEY."); }

/* ---- address ---- */

static bool put(char *out, size_t size, struct slice s) {
    if (!s.len || s.len >= size || memchr(s.ptr, 0, s.len)) return false;
    memcpy(out, s.ptr, s.len);
    out[s.len] = 0;
    return true;
}

static bool parse_url(struct rtmp_publisher *p, struct slice url) {
    if (!slice_starts_with(url, SLICE("rtmp://"))) return false;
    url = slice_sub(url, 7, url.len);
    size_t slash = slice_find_byte(url, '/');
    if (slash == SLICE_NPOS) return false;
    struct slice place = slice_sub(url, 0, slash), path = slice_sub(url, slash + 1, url.len), host = place, port = SLICE("1935");
    bool is_v6 = place.len && place.ptr[0] == '[';
    size_t colon = is_v6 ? slice_find(place, SLICE("]:")) : slice_find_byte(place, ':');
    if (colon != SLICE_NPOS) {
        host = slice_sub(place, 0, colon + is_v6);
        port = slice_sub(place, colon + is_v6 + 1, place.len);
    }
    if (is_v6) {
        if (host.len < 3 || host.ptr[host.len - 1] != ']') return false;
        host = slice_sub(host, 1, host.len - 1);
    }
    uint64_t number;
    if (!slice_to_u64(port, &number) || !number || number > 65535) return false;
    /* The last part is the key; a query belongs to it, slashes and all. */
    size_t query = slice_find_byte(path, '?'), end = query == SLICE_NPOS ? path.len : query, last = end;
    while (last && path.ptr[last - 1] != '/') last--;
    if (last < 2 || last == end) return false;
    if (!put(p->host, sizeof p->host, host) || !put(p->port, sizeof p->port, port) ||
        !put(p->application, sizeof p->application, slice_sub(path, 0, last - 1)) ||
        !put(p->key, sizeof p->key, slice_sub(path, last, path.len)))
        return false;
    snprintf(p->address, sizeof p->address, is_v6 ? "rtmp://[%s]:%s/%s" : "rtmp://%s:%s/%s", p->host, p->port, p->application);
    return true;
}

struct err rtmp_publisher_create(struct rtmp_publisher **out, const struct rtmp_publisher_options *o) {
    if (slice_starts_with(slice_cstr(o->url), SLICE("rtmps://")))
        return err_make(ERR_INPUT, "rtmp.url",
                        "RTMP over TLS (rtmps://) is not spoken here. Use an rtmp:// address, through a tunnel if it must be private.");
    struct rtmp_publisher *p = mem_zalloc(sizeof *p);
    if (!p) return err_memory();
    p->options = *o;
    p->fd = -1;
    if (!p->options.agent) p->options.agent = "FMLE/3.0 (compatible; Grandstand)";
    if (!p->options.wait_ms_max) p->options.wait_ms_max = 10000;
    if (p->options.chunk_bytes < 128 || p->options.chunk_bytes > 65536) p->options.chunk_bytes = 65536;
    p->out = BUF(OUT_BYTES_MAX);
    p->scratch = BUF(ANSWER_BYTES_MAX);
    p->in = BUF(IN_BYTES);
    chunk_reader_init(&p->reader, ANSWER_BYTES_MAX, ANSWER_BYTES_MAX * 4);
    if (!parse_url(p, slice_cstr(o->url))) {
        rtmp_publisher_destroy(&p);
        return bad_url();
    }
    *out = p;
    return ERR_OK;
}

static void disconnect(struct rtmp_publisher *p) {
    if (p->fd >= 0) close(p->fd);
    p->fd = -1;
    p->is_publishing = false;
    buf_clear(&p->out);
    buf_clear(&p->in);
    chunk_reader_free(&p->reader);
}

void rtmp_publisher_destroy(struct rtmp_publisher **address) {
    struct rtmp_publisher *p = *address;
    if (!p) return;
    *address = NULL;
    rtmp_publisher_end(p);
    disconnect(p);
    buf_free(&p->out);
    buf_free(&p->in);
    buf_free(&p->scratch);
    mem_free(p);
}

const char *rtmp_publisher_words(const struct rtmp_publisher *p) { return p->words; }
uint64_t rtmp_publisher_bytes(const struct rtmp_publisher *p) { return p->bytes; }

uint32_t rtmp_publisher_round_trip_us(const struct rtmp_publisher *p) {
    struct tcp_info info;
    socklen_t len = sizeof info;
    return p->fd >= 0 && !getsockopt(p->fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? info.tcpi_rtt : 0;
}

/* ---- what the server says ---- */

static void keep_words(struct rtmp_publisher *p, struct slice words) {
    size_t len = 0;
    while (words.len) {
        size_t step = utf8_step(words);
        bool is_fine = step && (uint8_t)words.ptr[0] >= 32 && words.ptr[0] != 127;
        size_t take = is_fine ? step : 1;
        if (len + take >= sizeof p->words) break;
        if (is_fine) memcpy(p->words + len, words.ptr, take);
        else p->words[len] = ' ';
        len += take;
        words = slice_sub(words, take, words.len);
    }
    p->words[len] = 0;
}

static void on_refusal(struct rtmp_publisher *p, const struct amf_value *info) {
    struct slice words = amf_find_text(info, SLICE("description"));
    if (!words.len) words = amf_find_text(info, SLICE("code"));
    keep_words(p, words);
    p->failure = refused();
}

static void on_command(struct rtmp_publisher *p, struct slice body) {
    struct byte_reader r = byte_reader_of(body);
    struct amf_value name, call, object, value = {0};
    if (!amf_read(&r, &name) || name.kind != AMF_TEXT || !amf_read(&r, &call) || call.kind != AMF_NUMBER) return;
    bool has_value = amf_read(&r, &object) && amf_read(&r, &value);
    if (slice_eq(name.text, SLICE("_result"))) {
        if (call.number == CALL_CREATE && has_value && value.kind == AMF_NUMBER && value.number >= 0 && value.number < UINT32_MAX)
            p->stream = (uint32_t)value.number;
        if (call.number == CALL_CONNECT || call.number == CALL_CREATE) p->answered = (int)call.number;
    } else if (slice_eq(name.text, SLICE("_error"))) {
        if (call.number == CALL_CONNECT || call.number == CALL_CREATE || call.number == CALL_PUBLISH) on_refusal(p, &value);
    } else if (slice_eq(name.text, SLICE("onStatus")) && has_value) {
        struct slice code = amf_find_text(&value, SLICE("code")), level = amf_find_text(&value, SLICE("level"));
        if (slice_eq(code, SLICE("NetStream.Publish.Start"))) p->answered = CALL_PUBLISH;
        else if (slice_eq(level, SLICE("error")) || slice_eq(code, SLICE("NetStream.Unpublish.Success"))) on_refusal(p, &value);
    }
}

static void on_message(struct rtmp_publisher *p, const struct chunk_message *m) {
    if (m->type == MESSAGE_COMMAND) on_command(p, m->body);
    if (m->type == MESSAGE_COMMAND_AMF3 && m->body.len) on_command(p, slice_sub(m->body, 1, m->body.len));
    if (m->type == MESSAGE_USER_CONTROL && m->body.len >= 6 && m->body.ptr[0] == 0 && m->body.ptr[1] == 6) { /* a ping */
        char pong[6] = {0, 7};
        memcpy(pong + 2, m->body.ptr + 2, 4);
        chunk_write(&p->out, ON_CONTROL, p->options.chunk_bytes, MESSAGE_USER_CONTROL, 0, 0, SLICE_NONE, slice_of(pong, sizeof pong));
    }
}

/* Reads what is there. *got: how many bytes. */
static struct err take_some(struct rtmp_publisher *p, size_t *got) {
    *got = 0;
    char *room = buf_reserve(&p->in, IN_BYTES - p->in.len);
    if (!room) return err_memory();
    ssize_t bytes = recv(p->fd, room, IN_BYTES - p->in.len, MSG_DONTWAIT);
    if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return ERR_OK;
    if (bytes <= 0) return p->failure.kind ? p->failure : closed();
    buf_commit(&p->in, (size_t)bytes);
    *got = (size_t)bytes;
    return ERR_OK;
}

static struct err listen_to_server(struct rtmp_publisher *p) {
    size_t got;
    struct err e = take_some(p, &got);
    if (e.kind || !got) return e;
    struct slice in = buf_slice(&p->in);
    for (bool has = true; has;) {
        struct chunk_message m;
        if (chunk_read(&p->reader, &in, &m, &has).kind) return malformed();
        if (has) on_message(p, &m);
    }
    buf_consume(&p->in, p->in.len - in.len);
    return p->failure;
}

/* Waits a turn for `events`. */
static struct err wait_turn(struct rtmp_publisher *p, short events, short *happened, struct mono_time since) {
    if (p->options.is_cancelled && p->options.is_cancelled(p->options.user)) return err_make(ERR_CANCELLED, "rtmp.cancelled", "Stopped.");
    if (mono_diff_ns(clock_mono(clock_system()), since) > p->options.wait_ms_max * NS_PER_MS) return timed_out();
    struct pollfd poller = {.fd = p->fd, .events = events};
    int count = poll(&poller, 1, TURN_MS);
    *happened = count > 0 ? poller.revents : 0;
    return ERR_OK;
}

/* Sends all of `out`, and hears what the server says meanwhile. */
static struct err send_all(struct rtmp_publisher *p) {
    if (p->out.has_failed) {
        buf_clear(&p->out);
        return err_memory();
    }
    struct mono_time since = clock_mono(clock_system());
    size_t at = 0;
    while (at < p->out.len) {
        ssize_t sent = send(p->fd, p->out.ptr + at, p->out.len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            at += (size_t)sent;
            p->bytes += (uint64_t)sent;
            since = clock_mono(clock_system());
            continue;
        }
        if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            struct err said = listen_to_server(p); /* it may have said why */
            return said.kind ? said : closed();
        }
        short happened;
        struct err e = wait_turn(p, POLLIN | POLLOUT, &happened, since);
        if (!e.kind && (happened & POLLIN)) e = listen_to_server(p); /* may put a pong behind what is sent */
        if (e.kind) return e;
    }
    buf_clear(&p->out);
    return ERR_OK;
}

static struct err wait_answer(struct rtmp_publisher *p, int call) {
    struct mono_time since = clock_mono(clock_system());
    struct err e = send_all(p);
    while (!e.kind && p->answered < call) {
        short happened;
        e = wait_turn(p, POLLIN, &happened, since);
        if (!e.kind && happened) e = listen_to_server(p);
        if (!e.kind) e = send_all(p);
    }
    return e;
}

/* ---- connecting ---- */

static struct err connect_to(struct rtmp_publisher *p, const struct addrinfo *a) {
    p->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd < 0) return err_from_errno(errno, "rtmp.connect", "No connection to the server could be made.");
    int on = 1;
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!connect(p->fd, a->ai_addr, a->ai_addrlen)) return ERR_OK;
    struct mono_time since = clock_mono(clock_system());
    while (errno == EINPROGRESS || errno == EINTR) {
        short happened;
        struct err e = wait_turn(p, POLLOUT, &happened, since);
        if (e.kind) return e;
        if (!happened) {
            errno = EINPROGRESS;
            continue;
        }
        int failed = 0;
        socklen_t len = sizeof failed;
        getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &failed, &len);
        if (!failed) return ERR_OK;
        errno = failed;
        break;
    }
    return (struct err){.kind = ERR_IO,
                        .sys = errno,
                        .code = "rtmp.connect",
                        .what = "Nobody answers at this address. Look whether the server is running and the port is open."};
}

static struct err open_connection(struct rtmp_publisher *p) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    if (getaddrinfo(p->host, p->port, &hints, &list))
        return err_make(ERR_IO, "rtmp.connect", "There is no such host. Check the address.");
    struct err e = err_make(ERR_IO, "rtmp.connect", "There is no such host. Check the address.");
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        if (p->fd >= 0) close(p->fd);
        p->fd = -1;
        e = connect_to(p, a);
        if (!e.kind || e.kind == ERR_CANCELLED) break;
    }
    freeaddrinfo(list);
    return e;
}

static struct err shake_hands(struct rtmp_publisher *p) {
    uint8_t random[HANDSHAKE_BLOCK_BYTES], hello[HANDSHAKE_HELLO_BYTES];
    rng_secure(random, sizeof random);
    handshake_hello(random, hello);
    buf_bytes(&p->out, hello, sizeof hello);
    struct err e = send_all(p);
    struct mono_time since = clock_mono(clock_system());
    while (!e.kind && p->in.len < HANDSHAKE_ANSWER_BYTES) {
        short happened;
        size_t got;
        e = wait_turn(p, POLLIN, &happened, since);
        if (!e.kind && happened) e = take_some(p, &got);
        if (!e.kind && p->in.len && p->in.ptr[0] != 3) e = malformed();
    }
    if (e.kind) return e;
    buf_bytes(&p->out, p->in.ptr + 1, HANDSHAKE_BLOCK_BYTES);
    buf_consume(&p->in, HANDSHAKE_ANSWER_BYTES);
    return ERR_OK;
}

static void begin_call(struct rtmp_publisher *p, const char *name, double call) {
    buf_clear(&p->scratch);
    amf_put_text(&p->scratch, slice_cstr(name));
    amf_put_number(&p->scratch, call);
}

static void end_call(struct rtmp_publisher *p, uint32_t stream) {
    if (p->scratch.has_failed) p->out.has_failed = true;
    else chunk_write(&p->out, ON_COMMANDS, p->options.chunk_bytes, MESSAGE_COMMAND, 0, stream, SLICE_NONE, buf_slice(&p->scratch));
}

static void call_with_key(struct rtmp_publisher *p, const char *name, double call) {
    begin_call(p, name, call);
    amf_put_null(&p->scratch);
    amf_put_text(&p->scratch, slice_cstr(p->key));
    end_call(p, 0);
}

static void call_connect(struct rtmp_publisher *p) {
    const uint32_t chunk = p->options.chunk_bytes;
    const char size[4] = {(char)(chunk >> 24), (char)(chunk >> 16), (char)(chunk >> 8), (char)chunk};
    chunk_write(&p->out, ON_CONTROL, chunk, MESSAGE_CHUNK_SIZE, 0, 0, SLICE_NONE, slice_of(size, sizeof size));
    begin_call(p, "connect", CALL_CONNECT);
    struct buf *b = &p->scratch;
    amf_begin_object(b);
    amf_member_text(b, SLICE("app"), slice_cstr(p->application));
    amf_member_text(b, SLICE("type"), SLICE("nonprivate"));
    amf_member_text(b, SLICE("flashVer"), slice_cstr(p->options.agent));
    amf_member_text(b, SLICE("tcUrl"), slice_cstr(p->address));
    static const char *const CODES[] = {"avc1", "hvc1", "av01", "vp09", "mp4a", "Opus", ".mp3", "ac-3", "ec-3", "fLaC"};
    amf_name(b, SLICE("fourCcList"));
    buf_u8(b, 10); /* a strict array */
    buf_u32be(b, ARRAY_LEN(CODES));
    for (size_t i = 0; i < ARRAY_LEN(CODES); i++) amf_put_text(b, slice_cstr(CODES[i]));
    amf_member_number(b, SLICE("capsEx"), 2); /* several tracks */
    amf_end(b);
    end_call(p, 0);
}

struct err rtmp_publisher_connect(struct rtmp_publisher *p) {
    disconnect(p);
    p->words[0] = 0;
    p->failure = ERR_OK;
    p->answered = 0;
    p->lane_count = 0;
    p->has_told_time = false;
    p->sent_ms = 0;
    struct err e = open_connection(p);
    if (!e.kind) e = shake_hands(p);
    if (!e.kind) {
        call_connect(p);
        e = wait_answer(p, CALL_CONNECT);
    }
    if (!e.kind) {
        call_with_key(p, "releaseStream", CALL_RELEASE);
        call_with_key(p, "FCPublish", CALL_ANNOUNCE);
        begin_call(p, "createStream", CALL_CREATE);
        amf_put_null(&p->scratch);
        end_call(p, 0);
        e = wait_answer(p, CALL_CREATE);
    }
    if (!e.kind) {
        begin_call(p, "publish", CALL_PUBLISH);
        amf_put_null(&p->scratch);
        amf_put_text(&p->scratch, slice_cstr(p->key));
        amf_put_text(&p->scratch, slice_cstr("live"));
        end_call(p, p->stream);
        e = wait_answer(p, CALL_PUBLISH);
    }
    if (e.kind) disconnect(p);
    else p->is_publishing = true;
    return e;
}

/* ---- sending ---- */

static struct err fail(struct rtmp_publisher *p, struct err e) {
    if (e.kind) disconnect(p);
    return e;
}
static struct err not_connected(void) { return err_make(ERR_IO, "rtmp.closed", "There is no connection to the server."); }

static void put_metadata(struct rtmp_publisher *p) {
    struct buf *b = &p->scratch;
    buf_clear(b);
    amf_put_text(b, SLICE("@setDataFrame"));
    amf_put_text(b, SLICE("onMetaData"));
    amf_begin_ecma(b, 0); /* the count is a hint, and 0 an honest one */
    for (size_t i = 0; i < p->lane_count; i++) {
        const struct cmaf_track *t = &p->lanes[i].track;
        if (p->lanes[i].number) continue;
        if (t->kind == CMAF_VIDEO) {
            amf_member_number(b, SLICE("width"), t->width);
            amf_member_number(b, SLICE("height"), t->height);
            if (t->rate_den) amf_member_number(b, SLICE("framerate"), (double)t->rate_num / t->rate_den);
            amf_member_number(b, SLICE("videocodecid"), t->codec == CMAF_H264 ? 7 : flv_fourcc(t->codec));
        } else {
            amf_member_number(b, SLICE("audiocodecid"), t->codec == CMAF_AAC ? 10 : t->codec == CMAF_MP3 ? 2 : flv_fourcc(t->codec));
            amf_member_number(b, SLICE("audiosamplerate"), t->sample_rate);
            amf_member_boolean(b, SLICE("stereo"), t->channels > 1);
        }
    }
    amf_member_text(b, SLICE("encoder"), SLICE("Grandstand"));
    amf_end(b);
    chunk_write(&p->out, ON_DATA, p->options.chunk_bytes, MESSAGE_DATA, (uint32_t)p->sent_ms, p->stream, SLICE_NONE, buf_slice(b));
}

static struct err put_config(struct rtmp_publisher *p, const struct lane *l) {
    const struct cmaf_track *t = &l->track;
    if (t->codec == CMAF_MP3 || t->codec == CMAF_AC3 || t->codec == CMAF_EAC3) return ERR_OK; /* their frames say all */
    struct buf *b = &p->scratch;
    buf_clear(b);
    flv_put_head(b, t, FLV_CONFIG, l->number, true, 0);
    if (!params_to_flv(t, b) || b->has_failed) return err_make(ERR_INPUT, "rtmp.tracks", "A track lacks the set-up data of its coding.");
    bool is_video = t->kind == CMAF_VIDEO;
    chunk_write(&p->out, is_video ? ON_VIDEO : ON_AUDIO, p->options.chunk_bytes, is_video ? MESSAGE_VIDEO : MESSAGE_AUDIO,
                (uint32_t)p->sent_ms, p->stream, SLICE_NONE, buf_slice(b));
    return ERR_OK;
}

struct err rtmp_publisher_tracks(struct rtmp_publisher *p, const struct cmaf_track *tracks, size_t count) {
    unsigned videos = 0, audios = 0;
    bool is_fine = count && count <= FEED_TRACKS_MAX;
    for (size_t i = 0; is_fine && i < count; i++)
        is_fine = flv_fourcc(tracks[i].codec) && tracks[i].timescale && (tracks[i].kind != CMAF_VIDEO || !videos++);
    if (!is_fine)
        return err_make(ERR_INPUT, "rtmp.tracks",
                        "RTMP carries one picture and up to seven sound tracks, in codings that it has names for.");
    if (!p->is_publishing) return not_connected();
    videos = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_video = tracks[i].kind == CMAF_VIDEO;
        p->lanes[i] = (struct lane){.track = tracks[i], .number = (uint8_t)(is_video ? videos++ : audios++)};
    }
    p->lane_count = count;
    put_metadata(p);
    for (size_t i = 0; i < count; i++) {
        struct err e = put_config(p, &p->lanes[i]);
        p->lanes[i].track.config = SLICE_NONE; /* borrowed for the call only */
        if (e.kind) return e;
    }
    return fail(p, send_all(p));
}

static int64_t to_ms(int64_t time, uint32_t timescale) {
    __int128 twice = (__int128)time * 2000 / timescale; /* rounded to the nearest */
    return (int64_t)(twice >= 0 ? (twice + 1) / 2 : twice / 2);
}

/* The time of day in the form of Flash's live encoder: date and time to the millisecond, here in UTC. */
static void put_time(struct rtmp_publisher *p, struct utc_time utc, int64_t ms) {
    struct buf *b = &p->scratch, text = BUF(64);
    utc_format(&text, utc, 3); /* 2026-11-20T20:41:00.123Z */
    buf_clear(b);
    if (text.len == 24) {
        char date[11];
        snprintf(date, sizeof date, "%.2s-%.2s-%.4s", text.ptr + 8, text.ptr + 5, text.ptr);
        amf_put_text(b, SLICE("onFI"));
        amf_begin_object(b);
        amf_member_text(b, SLICE("sd"), slice_cstr(date));
        amf_member_text(b, SLICE("st"), slice_of(text.ptr + 11, 12));
        amf_end(b);
        chunk_write(&p->out, ON_DATA, p->options.chunk_bytes, MESSAGE_DATA, (uint32_t)ms, p->stream, SLICE_NONE, buf_slice(b));
    }
    buf_free(&text);
}

struct err rtmp_publisher_sample(struct rtmp_publisher *p, const struct feed_sample *s) {
    assert(s->track < p->lane_count || !p->is_publishing);
    if (!p->is_publishing) return not_connected();
    if (s->data.len + 16 > 0xffffff) return err_make(ERR_LIMIT, "rtmp.sample", "One picture is larger than RTMP can carry (16 MB).");
    const struct lane *l = &p->lanes[s->track];
    const struct cmaf_track *t = &l->track;
    int64_t dts = to_ms(s->dts, t->timescale), pts = to_ms(s->pts, t->timescale);
    if (dts < 0) dts = 0;
    int64_t composition = pts - dts < -0x800000 ? -0x800000 : pts - dts > 0x7fffff ? 0x7fffff : pts - dts;
    if (s->clock_source > FEED_CLOCK_ARRIVAL && (!p->has_told_time || dts - p->time_told_ms >= 1000 || dts < p->time_told_ms)) {
        p->has_told_time = true;
        p->time_told_ms = dts;
        put_time(p, (struct utc_time){s->captured.ns - (pts - dts) * NS_PER_MS}, dts);
    }
    p->sent_ms = dts;
    struct buf *head = &p->scratch;
    buf_clear(head);
    flv_put_head(head, t, FLV_FRAME, l->number, s->is_sync, (int32_t)composition);
    bool is_video = t->kind == CMAF_VIDEO;
    chunk_write(&p->out, is_video ? ON_VIDEO : ON_AUDIO, p->options.chunk_bytes, is_video ? MESSAGE_VIDEO : MESSAGE_AUDIO, (uint32_t)dts,
                p->stream, buf_slice(head), s->data);
    struct err e = send_all(p);
    if (!e.kind) e = listen_to_server(p);
    return fail(p, e);
}

struct err rtmp_publisher_sleep(struct rtmp_publisher *p, struct mono_time due) {
    for (;;) {
        struct mono_time now = clock_mono(clock_system());
        int64_t left = mono_diff_ns(due, now);
        if (p->options.is_cancelled && p->options.is_cancelled(p->options.user)) return err_make(ERR_CANCELLED, "rtmp.cancelled", "Stopped.");
        if (left <= 0) return ERR_OK;
        struct mono_time until = left > TURN_MS * NS_PER_MS ? mono_add_ns(now, TURN_MS * NS_PER_MS) : due;
        struct timespec ts = {.tv_sec = until.ns / NS_PER_S, .tv_nsec = until.ns % NS_PER_S};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
    }
}

/* What can pass: a broken network, a server that restarts, a key that another encoder holds at present. */
static bool can_pass(struct err e) {
    return e.kind == ERR_IO || e.kind == ERR_DENIED || e.kind == ERR_BUSY || slice_eq(slice_cstr(e.code), SLICE("rtmp.malformed"));
}

struct err rtmp_publisher_retry(struct rtmp_publisher *p, struct rtmp_retry *retry, struct err why) {
    if (!can_pass(why)) return why;
    struct mono_time now = clock_mono(clock_system());
    bool did_hold = retry->pause_ms && mono_diff_ns(now, retry->last) > 60 * NS_PER_S;
    retry->pause_ms = !retry->pause_ms || did_hold ? 1000 : retry->pause_ms >= 15000 ? 30000 : retry->pause_ms * 2;
    struct err e = rtmp_publisher_sleep(p, mono_add_ns(now, retry->pause_ms * NS_PER_MS));
    retry->last = clock_mono(clock_system());
    return e;
}

void rtmp_publisher_end(struct rtmp_publisher *p) {
    if (!p->is_publishing) return;
    struct rtmp_publisher_options before = p->options; /* also who was told to stop takes leave, only faster */
    unsigned patience_ms =
        p->options.is_cancelled && p->options.is_cancelled(p->options.user) ? 1000 : 3000; /* there are servers that never close */
    if (p->options.wait_ms_max > patience_ms) p->options.wait_ms_max = patience_ms;
    p->options.is_cancelled = NULL;
    call_with_key(p, "FCUnpublish", CALL_PUBLISH + 1);
    begin_call(p, "deleteStream", CALL_PUBLISH + 2);
    amf_put_null(&p->scratch);
    amf_put_number(&p->scratch, p->stream);
    end_call(p, 0);
    struct err e = send_all(p);
    shutdown(p->fd, SHUT_WR);
    struct mono_time since = clock_mono(clock_system());
    while (!e.kind) { /* until the server closes: then it has read all */
        short happened;
        size_t got;
        e = wait_turn(p, POLLIN, &happened, since);
        buf_clear(&p->in);
        if (!e.kind && happened) e = take_some(p, &got);
    }
    p->options = before;
    disconnect(p);
}
