/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/srt/publisher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "media/scte35/scte35.h"

enum {
    PACKET_BYTES_MAX = 1500,
    TO_CHILD_BYTES_MAX = 1 << 20,
    HEAD_BYTES_MAX = 8 << 20,      /* more than anybody sends before the tracks are known */
    LOOK_MS = 200,                 /* how often either thread looks whether it must stop */
    CHILD_STALL_MS = 10000,        /* a child that takes nothing for so long is stuck */
    GOODBYE_MS_MAX = 3000,         /* a connection that breaks so soon after a packet was closed by the encoder: SRT tells no difference */
    AGE_S_MAX = 10,
    CLOCK_OFF_S_MAX = 10,
    STOP_LOOKS_MAX = 5,
    DRAIN_MS = 50,
    DRAIN_STEP_MS = 5,
    BATCH_MAX = 64,
};

static int64_t now_ns(void) { return clock_mono(clock_system()).ns; }

/* ---- srt-read ---- */

struct head_entry {
    int64_t stamp;
    size_t bytes;
};

static void keep_head(struct publisher *p, int64_t stamp, struct slice packet) {
    if (atomic_load(&p->is_settled)) {
        buf_free(&p->head);
        return;
    }
    struct head_entry entry = {.stamp = stamp, .bytes = packet.len};
    if (p->head.len + sizeof entry + packet.len > p->head.bytes_max) buf_clear(&p->head); /* then a new child begins later in the stream */
    buf_bytes(&p->head, &entry, sizeof entry);
    buf_append(&p->head, packet);
    if (p->head.has_failed) buf_clear(&p->head);
}

static bool put_data(struct publisher *p, int64_t stamp, struct slice packet) {
    struct slice parts[] = {slice_of(&stamp, sizeof stamp), packet};
    return child_writer_put(&p->to_child, RECORD_DATA, parts, 2);
}

/* To a child that was begun anew. */
static struct err replay_head(struct publisher *p) {
    for (size_t at = 0; at < p->head.len;) {
        struct head_entry entry;
        memcpy(&entry, p->head.ptr + at, sizeof entry);
        if (!put_data(p, entry.stamp, slice_of(p->head.ptr + at + sizeof entry, entry.bytes))) return err_memory();
        struct err e = child_writer_flush(&p->to_child, CHILD_STALL_MS, NULL);
        if (e.kind) return e;
        at += sizeof entry + entry.bytes;
    }
    return ERR_OK;
}

/* When the encoder sent the packet, on our monotonic clock: libsrt tells the moment at which it is due here, which is the latency later. */
static int64_t sent_at(const SRT_MSGCTRL *control, int latency_ms) {
    int64_t now = now_ns(), age = (srt_time_now() - control->srctime) * NS_PER_US + latency_ms * NS_PER_MS;
    return control->srctime <= 0 || age < 0 ? now : now - (age < AGE_S_MAX * NS_PER_S ? age : AGE_S_MAX * NS_PER_S);
}

/* Why reading failed -> whether it is over. */
enum reading { READING_EMPTY, READING_BROKEN };
static enum reading why_not(void) { return srt_getlasterror(NULL) == SRT_EASYNCRCV ? READING_EMPTY : READING_BROKEN; }

/* All packets that are due, into the child's queue. Blocking reads with a timeout would be simpler, but libsrt 1.5.1 loses a packet that becomes due
 * in the moment of the timeout. */
static bool take_packets(struct publisher *p, int latency_ms, int64_t *heard, enum reading *why) {
    char packet[PACKET_BYTES_MAX];
    for (int i = 0; i < BATCH_MAX; i++) {
        SRT_MSGCTRL control;
        srt_msgctrl_init(&control);
        int got = srt_recvmsg2(p->socket, packet, sizeof packet, &control);
        *why = got < 0 ? why_not() : READING_EMPTY;
        if (got <= 0) break;
        *heard = now_ns();
        int64_t stamp = sent_at(&control, latency_ms);
        keep_head(p, stamp, slice_of(packet, (size_t)got));
        if (!put_data(p, stamp, slice_of(packet, (size_t)got))) return false;
    }
    return !child_writer_flush(&p->to_child, CHILD_STALL_MS, NULL).kind;
}

static void wait_a_step(void) { nanosleep(&(struct timespec){.tv_nsec = DRAIN_STEP_MS * NS_PER_MS}, NULL); }

static enum publisher_end read_until_over(struct publisher *p, int poll) {
    int latency_ms = 0, size = sizeof latency_ms;
    if (srt_getsockflag(p->socket, SRTO_RCVLATENCY, &latency_ms, &size)) latency_ms = 0;
    int64_t broken_at = 0, heard = now_ns(), stall_ns = (p->options->stall_ms_max ? p->options->stall_ms_max : 10000) * NS_PER_MS;
    while (!atomic_load(&p->must_stop)) {
        if (atomic_load(&p->must_pause)) return PUBLISHER_PAUSED;
        enum reading why = READING_EMPTY;
        int64_t before = heard;
        if (!take_packets(p, latency_ms, &heard, &why)) return atomic_load(&p->must_pause) ? PUBLISHER_PAUSED : PUBLISHER_CHILD_STALLED;
        if (why == READING_EMPTY) {
            if (now_ns() - heard > stall_ns) return PUBLISHER_STALLED;
            SRT_EPOLL_EVENT event;
            if (heard == before && srt_epoll_uwait(poll, &event, 1, LOOK_MS) < 0) wait_a_step(); /* not watched: looked at again and again */
            continue;
        }
        if (!broken_at) broken_at = now_ns();
        if (now_ns() - broken_at > (latency_ms + DRAIN_MS) * NS_PER_MS) return broken_at - heard < GOODBYE_MS_MAX * NS_PER_MS ? PUBLISHER_GONE : PUBLISHER_LOST;
        wait_a_step(); /* packets that are here and not due yet can still be had */
    }
    return PUBLISHER_STOPPED;
}

static enum publisher_end read_packets(struct publisher *p) {
    int poll = srt_epoll_create(), events = SRT_EPOLL_IN | SRT_EPOLL_ERR;
    if (poll >= 0) (void)!srt_epoll_add_usock(poll, p->socket, &events); /* fails where the connection is gone, which reading tells */
    enum publisher_end how = read_until_over(p, poll);
    if (poll >= 0) srt_epoll_release(poll);
    return how;
}

/* A reader that took over from one that saw the end has nothing to read, and that one's verdict stands. */
static void read_run(void *arg) {
    struct publisher *p = arg;
    enum publisher_end how = (enum publisher_end)atomic_load(&p->how_it_ended);
    bool is_over = how == PUBLISHER_GONE || how == PUBLISHER_LOST || how == PUBLISHER_STALLED;
    if (replay_head(p).kind) how = PUBLISHER_CHILD_STALLED;
    else if (!is_over) how = read_packets(p);
    atomic_store(&p->how_it_ended, how);
    shutdown(p->child.socket, SHUT_WR); /* the child works off what it has, and ends */
}

/* ---- srt-feed ---- */

#define NEEDS_CODEC "srt.needs_codec"

static struct utc_time utc_of(const struct publisher *p, int64_t stamp) {
    int64_t now = now_ns();
    if (stamp > now || stamp < p->began - AGE_S_MAX * NS_PER_S) stamp = now; /* the child gave it back, or made it up */
    return (struct utc_time){clock_utc(p->options->clock).ns - (now - stamp)};
}

/* A clock that is off by more than this is not set: arrival is the better guess. */
static void set_times(const struct publisher *p, const struct record *r, struct feed_sample *s) {
    s->arrived = s->captured = utc_of(p, r->stamp);
    s->clock_source = FEED_CLOCK_ARRIVAL;
    int64_t told = r->utc_us > 0 && r->utc_us < INT64_MAX / NS_PER_US ? r->utc_us * NS_PER_US : 0;
    if (!told || told < s->arrived.ns - CLOCK_OFF_S_MAX * NS_PER_S || told > s->arrived.ns + CLOCK_OFF_S_MAX * NS_PER_S) return;
    s->captured.ns = told;
    s->clock_source = FEED_CLOCK_REFERENCE;
}

static void give_cue(struct publisher *p, const struct record *r) {
    if (!p->options->receiver.cue) return;
    struct scte35_cue cue;
    if (scte35_parse(r->section, &cue).kind) return; /* heartbeats of other kinds, encrypted ones, damage */
    int64_t pts = cue.has_time ? feed_unwrap(r->clock, cue.time_90k, 33) : r->clock;
    p->options->receiver.cue(p->feed, r->section, pts, 90000);
}

static struct err refused(struct publisher *p, const struct record_refused *r) {
    if (!strcmp(r->code, NEEDS_CODEC)) return srt_err(NEEDS_CODEC);
    char programmes[8 * TS_PROGRAMMES_MAX] = "";
    size_t at = 0;
    for (uint32_t i = 0; i < r->programme_count; i++) at += (size_t)snprintf(programmes + at, sizeof programmes - at, "%s%u", i ? "," : "", r->programmes[i]);
    struct err e = srt_err(r->code);
    log_warn("srt", "refused", LOG_TEXT("peer", p->peer), LOG_TEXT("code", e.code), LOG_TEXT("programmes", programmes), LOG_TEXT("what", e.what));
    return e;
}

static struct err take_message(struct publisher *p, const struct child_message *m) {
    const struct feed_receiver *to = &p->options->receiver;
    struct record r;
    if (!talk_check(&p->talk, m, &r)) return srt_err("srt.hostile");
    switch (r.type) {
    case RECORD_TRACKS:
        atomic_store(&p->is_settled, true);
        for (size_t i = 0; i < p->talk.count; i++)
            log_info("srt", "track", LOG_TEXT("peer", p->peer), LOG_TEXT("codec", p->talk.tracks[i].codec_string), LOG_INT("width", p->talk.tracks[i].width),
                     LOG_INT("height", p->talk.tracks[i].height), LOG_INT("rate", p->talk.tracks[i].sample_rate));
        return to->tracks(p->feed, p->talk.tracks, p->talk.count);
    case RECORD_SAMPLE:
        set_times(p, &r, &r.sample);
        return to->sample(p->feed, &r.sample);
    case RECORD_CUE: give_cue(p, &r); return ERR_OK;
    case RECORD_REFUSED: return refused(p, &r.refused);
    default: return ERR_OK;
    }
}

static void tell_health(struct publisher *p, bool is_last) {
    struct mono_time now = clock_mono(clock_system());
    if (!p->options->receiver.health || (!is_last && mono_diff_ns(now, p->health_told) < NS_PER_S)) return;
    p->health_told = now;
    SRT_TRACEBSTATS s;
    if (srt_bistats(p->socket, &s, 0, 1)) return;
    struct feed_health h = {.bytes = s.byteRecvTotal, .packets = (uint64_t)s.pktRecvTotal,
                            .packets_lost = (uint64_t)s.pktRcvLossTotal + p->talk.counts.lost, .packets_retransmitted = (uint64_t)s.pktRcvRetrans,
                            .packets_dropped = (uint64_t)s.pktRcvDropTotal, .round_trip_us = s.msRTT > 0 ? (uint32_t)(s.msRTT * 1000) : 0};
    p->options->receiver.health(p->feed, &h);
}

/* Until the child has said all. Who says stop stops the reader, whereupon the child ends in a moment; should it not, we go without it. */
static struct err listen_to_child(struct publisher *p, struct child_reader *in) {
    int stopping = 0;
    for (;;) {
        struct child_message m;
        bool has_message;
        struct err e = child_reader_next(in, &m, &has_message);
        if (e.kind) return srt_err("srt.hostile");
        if (has_message) {
            e = take_message(p, &m);
            if (e.kind) return e;
            continue;
        }
        tell_health(p, in->has_ended);
        if (in->has_ended) return ERR_OK;
        bool is_stopping = atomic_load(&p->must_stop);
        if (is_stopping && stopping++ > STOP_LOOKS_MAX) return ERR_OK;
        e = child_reader_fill(in, LOOK_MS);
        if (e.kind) return e;
    }
}

static struct err why_it_ended(const struct publisher *p) {
    switch ((enum publisher_end)atomic_load(&p->how_it_ended)) {
    case PUBLISHER_LOST: return srt_err("srt.lost");
    case PUBLISHER_STALLED: return srt_err("srt.stalled");
    case PUBLISHER_STOPPED: return err_make(ERR_BUSY, "feed.stopping", "The server is stopping. The encoder may connect again in a moment.");
    case PUBLISHER_CHILD_STALLED: return srt_err("srt.child");
    default: return ERR_OK;
    }
}

static bool put_start(struct publisher *p, bool loads_codec) {
    struct record_start start = {.loads_codec = loads_codec};
#ifdef GRANDSTAND_TEST_DOORS
    const char *fault = getenv("GRANDSTAND_TEST_SRT_FAULT");
    if (fault) snprintf(start.fault, sizeof start.fault, "%s", fault);
#endif
    struct slice body = slice_of(&start, sizeof start);
    return child_writer_put(&p->to_child, RECORD_START, &body, 1);
}

/* The life of one child. srt.needs_codec: another one is to go on. Otherwise the connection is closed when this returns. */
static struct err publish_by(struct publisher *p, bool loads_codec) {
    struct child_options start = {.program = p->options->program};
    struct err e = child_start(&srt_child, &start, &p->child);
    if (e.kind) return e;
    memset(&p->talk, 0, sizeof p->talk);
    p->to_child = child_writer_of(p->child.socket, TO_CHILD_BYTES_MAX);
    struct child_reader in = child_reader_of(p->child.socket, RECORD_MESSAGE_BYTES_MAX);
    e = put_start(p, loads_codec) ? child_writer_flush(&p->to_child, CHILD_STALL_MS, NULL) : err_memory();
    if (!e.kind) e = thread_start(&p->read_thread, "srt-read", read_run, p);
    if (!e.kind) e = listen_to_child(p, &in);
    bool goes_on = e.kind && !strcmp(e.code, NEEDS_CODEC) && !loads_codec, was_asked = false;
    if (goes_on) {
        atomic_store(&p->must_pause, true);
        child_kill(&p->child); /* it has said its last word */
    } else {
        was_asked = atomic_exchange(&p->must_stop, true);
        if (!in.has_ended) child_kill(&p->child); /* it has nothing more to say that anybody would listen to */
        srt_close(p->socket);
    }
    thread_join(&p->read_thread);
    atomic_store(&p->must_pause, false);
    struct err ended = child_end(&p->child);
    bool was_killed = !in.has_ended;
    child_writer_free(&p->to_child);
    child_reader_free(&in);
    if (e.kind) return e;
    enum publisher_end how = (enum publisher_end)atomic_load(&p->how_it_ended);
    if (was_asked || (was_killed && how != PUBLISHER_STOPPED)) return why_it_ended(p);
    if (ended.kind) return srt_err(strcmp(ended.code, "child.ended") ? "srt.hostile" : "srt.child");
    return how == PUBLISHER_STOPPED ? srt_err("srt.child") : why_it_ended(p); /* it ended before the connection did, unasked */
}

/* With a feed that has begun. */
static struct err publish(struct publisher *p) {
    struct err e = publish_by(p, false);
    if (e.kind && !strcmp(e.code, NEEDS_CODEC)) e = publish_by(p, true);
    buf_free(&p->head);
    return e;
}

static void feed_run(void *arg) {
    struct publisher *p = arg;
    const struct feed_receiver *to = &p->options->receiver;
    struct feed_hello hello = {.protocol = "srt", .key = slice_cstr(p->key), .peer = slice_cstr(p->peer), .agent = slice_cstr(p->agent)};
    struct err e = to->begin(to->user, &hello, &p->feed);
    if (e.kind) {
        log_warn("srt", "refused", LOG_TEXT("peer", p->peer), LOG_TEXT("code", e.code), LOG_TEXT("what", e.what));
        srt_close(p->socket);
    } else {
        log_info("srt", "publishing", LOG_TEXT("peer", p->peer), LOG_TEXT("agent", p->agent));
        e = publish(p);
        srt_close(p->socket); /* also where it could not begin; twice does nothing */
        log_info("srt", "ended", LOG_TEXT("peer", p->peer), LOG_TEXT("code", e.kind ? e.code : ""), LOG_TEXT("what", e.kind ? e.what : ""),
                 LOG_INT("packets", (int64_t)p->talk.counts.packets), LOG_INT("lost", (int64_t)p->talk.counts.lost), LOG_INT("damaged", (int64_t)p->talk.counts.damaged));
        to->end(p->feed, e);
    }
    atomic_store(&p->is_done, true);
}

/* ---- for the listener ---- */

struct err publisher_start(const struct srt_options *options, SRTSOCKET socket, struct slice key, const char *peer, struct publisher **out) {
    struct publisher *p = mem_zalloc(sizeof *p);
    if (!p) {
        srt_close(socket);
        return err_memory();
    }
    p->options = options;
    p->socket = socket;
    p->began = now_ns();
    p->head = BUF(HEAD_BYTES_MAX);
    p->health_told = clock_mono(clock_system());
    memcpy(p->key, key.ptr, key.len < FEED_KEY_BYTES_MAX ? key.len : FEED_KEY_BYTES_MAX);
    snprintf(p->peer, sizeof p->peer, "%s", peer);
    int version = 0, size = sizeof version;
    if (!srt_getsockflag(socket, SRTO_PEERVERSION, &version, &size) && version > 0)
        snprintf(p->agent, sizeof p->agent, "SRT %d.%d.%d", version >> 16 & 255, version >> 8 & 255, version & 255);
    struct err e = thread_start(&p->feed_thread, "srt-feed", feed_run, p);
    if (e.kind) {
        srt_close(socket);
        mem_free(p);
        return e;
    }
    *out = p;
    return ERR_OK;
}

void publisher_stop(struct publisher *p) { atomic_store(&p->must_stop, true); }
bool publisher_is_done(const struct publisher *p) { return atomic_load(&p->is_done); }

void publisher_join(struct publisher **publisher) {
    struct publisher *p = *publisher;
    if (!p) return;
    *publisher = NULL;
    thread_join(&p->feed_thread);
    mem_free(p);
}
