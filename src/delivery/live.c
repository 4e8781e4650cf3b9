/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Requests for titles on air. The channel is asked on the loop thread and answers at once: bytes, a span of a file, or not yet. Then
 *
 *      request --hold--> waiting --ready, note--> asked again --> answered
 *                           |                        |
 *                           |                        '-- the segment grows --> streaming --ready / room--> asked again --> ... end
 *                           '-- client gone, time up, token ended --> let go
 *
 * All of it happens on the request's own loop thread: `ready` comes on any thread and only sends a note. A viewer is let go in one place
 * (viewer_end), when nothing can call it any more: the waiter is not queued, no note is under way, and the handle is given back. */
#include <stdio.h>

#include "base/json.h"
#include "base/mem.h"
#include "delivery/request.h"

#define RANGE_UNKNOWN 9007199254740991ULL /* 2^53 - 1 */
enum { QUEUE_BYTES_MAX = 8 << 20 }; /* of references to parts that the channel has anyhow */

struct viewer {
    struct live_waiter waiter;
    struct http_note note;
    struct delivery *d;
    struct token_bearer bearer;
    struct public_id title;
    char file[LIVE_FILE_NAME_MAX + 1];
    struct live_ask ask;
    struct http_held *held;     /* one of these two */
    struct http_stream *stream;
    bool is_waiting; /* the waiter is queued, or its note is on its way */
    bool is_gone;    /* the client is */
};

/* --- what was asked for --- */

/* "bytes=5-9" and "bytes=5-": what players send for parts and hints. */
bool live_range_read(struct slice field, uint64_t *first, uint64_t *last) {
    if (!slice_starts_with(field, SLICE("bytes="))) return false;
    struct slice rest = slice_trim(slice_sub(field, 6, field.len)), from, to;
    *last = UINT64_MAX;
    if (!slice_next(&rest, '-', &from) || !slice_to_u64(from, first)) return false;
    to = rest;
    if (!rest.ptr) return false;
    if (to.len && (!slice_to_u64(to, last) || *last < *first)) return false;
    return true;
}

/* A directive of the playlist request (draft-pantos-hls-rfc8216bis section 6.2.5.2): 0 not there, 1 read, -1 no number. */
static int directive(struct http_request *r, const char *name, uint64_t *out) {
    struct slice value;
    if (!http_request_query(r, slice_cstr(name), &value)) return 0;
    return slice_to_u64(value, out) ? 1 : -1;
}

static struct err ask_read(struct http_request *r, struct slice file, struct live_ask *ask) {
    static const struct err wrong = {.kind = ERR_INPUT, .code = "live.directive",
                                     .what = "The playlist's directives are _HLS_msn=N, with it _HLS_part=N, and _HLS_skip."};
    uint64_t part = 0;
    *ask = (struct live_ask){.file = file};
    bool is_segment = slice_ends_with(file, SLICE(".m4s"));
    struct slice value;
    if (is_segment) {
        bool has_condition = http_request_header(r, SLICE("if-range"), &value);
        ask->has_range = !has_condition && http_request_header(r, SLICE("range"), &value) && live_range_read(value, &ask->range_first, &ask->range_last);
        return ERR_OK;
    }
    if (!http_request_query_text(r).len) return ERR_OK;
    int has_msn = directive(r, "_HLS_msn", &ask->msn), has_part = directive(r, "_HLS_part", &part);
    if (has_msn < 0 || has_part < 0 || (has_part && !has_msn) || part > UINT32_MAX) return wrong;
    ask->has_msn = has_msn;
    ask->has_part = has_part;
    ask->part = (uint32_t)part;
    if (http_request_query(r, SLICE("_HLS_skip"), &value))
        ask->skip = slice_eq(value, SLICE("v2")) ? LIVE_SKIP_V2 : slice_eq(value, SLICE("YES")) ? LIVE_SKIP_YES : LIVE_SKIP_NO;
    return ERR_OK;
}

int live_error_status(struct err e) {
    if (!strcmp(e.code, "live.range")) return 416;
    if (!strcmp(e.code, "live.channel")) return 503; /* it is on air, and closed for a moment: the server stops or starts */
    switch (e.kind) {
    case ERR_NOT_FOUND: return 404;
    case ERR_INPUT: return 400;
    case ERR_BUSY:
    case ERR_LIMIT: return 503;
    default: return 500;
    }
}

/* --- answers --- */

/* Room for what a response borrows. */
struct made {
    struct http_field fields[2];
    char range[80];
};

/* Everything but the body. Partial answers say which part they are; of an open range of what still grows nobody knows the end: RFC 8673
 * section 2.2 has the largest number that all can read stand for it. */
static void response_make(const struct delivery *d, const struct live_ask *ask, const struct live_answer *a, struct made *made, struct http_response *r) {
    *r = (struct http_response){
        .content_type = slice_cstr(a->content_type),
        .cache_control = a->is_final ? SLICE("private, max-age=3600, immutable") : SLICE("private, no-cache"),
        .fields = made->fields,
        .field_count = cors_fields(d, made->fields),
    };
    bool is_growing = a->kind == LIVE_ANSWER_GROWING && a->piece_count;
    if (!ask->has_range) return;
    r->status = 206;
    unsigned long long first = a->first, last = is_growing ? RANGE_UNKNOWN : a->first + a->bytes - 1, total = a->total;
    if (total) snprintf(made->range, sizeof made->range, "bytes %llu-%llu/%llu", first, last, total);
    else snprintf(made->range, sizeof made->range, "bytes %llu-%llu/*", first, last);
    r->content_range = slice_cstr(made->range);
}

static struct http_body piece_body(const struct live_piece *p) { return (struct http_body){.kind = HTTP_BODY_BLOB, .blob = p->blob, .bytes = p->bytes}; }

static void blob_let_go(void *arg) {
    struct http_blob *b = arg;
    http_blob_release(&b);
}

/* A part of a blob as a blob of its own, without copying. */
static struct err send_piece(struct http_stream *s, const struct live_piece *p) {
    struct slice whole = http_blob_slice(p->blob);
    if (whole.ptr == p->bytes.ptr && whole.len == p->bytes.len) return http_stream_send(s, p->blob);
    struct http_blob *part = http_blob_wrap(p->bytes, blob_let_go, http_blob_acquire(p->blob));
    if (!part) {
        blob_let_go(p->blob);
        return err_memory();
    }
    struct err e = http_stream_send(s, part);
    http_blob_release(&part);
    return e;
}

/* Sends them all and moves *next behind those that were taken. */
static struct err send_pieces(struct http_stream *s, const struct live_answer *a, uint64_t *next) {
    for (size_t i = 0; i < a->piece_count; i++) {
        struct err e = send_piece(s, &a->pieces[i]);
        if (e.kind) return e;
        *next += a->pieces[i].bytes.len;
    }
    return ERR_OK;
}

/* Whole answers, on the handler's request or on one that was held: whichever is not NULL. False: memory ran out, and nothing was answered. */
static bool answer_whole(struct delivery *d, struct http_request *r, struct http_held **held, const struct live_ask *ask, const struct live_answer *a) {
    struct made made;
    struct http_response response;
    response_make(d, ask, a, &made, &response);
    bool is_one = a->kind != LIVE_ANSWER_BLOBS || a->piece_count <= 1;
    if (is_one) {
        if (a->piece_count) response.body = piece_body(&a->pieces[0]);
        else if (a->file) response.body = http_body_file_span(a->file, a->file_offset, a->bytes);
        response.has_ranges = !ask->has_range && a->is_final;
        if (r) http_respond(r, &response);
        else http_held_respond(held, &response);
        return true;
    }
    struct http_stream_options options = {.content_length = a->bytes, .queue_bytes_max = SIZE_MAX};
    struct http_stream *s = r ? http_respond_stream(r, &response, &options) : http_held_stream(held, &response, &options);
    if (!s) return false;
    uint64_t next = 0;
    struct err e = send_pieces(s, a, &next);
    http_stream_end(&s, e.kind != ERR_NONE);
    return true;
}

/* --- viewers who wait or read what grows --- */

static void viewer_turn(struct viewer *);

static void viewer_end(struct viewer *v) {
    if (v->held) http_held_drop(&v->held);
    if (v->stream) http_stream_end(&v->stream, true);
    mem_free(v);
}

static void on_note(struct http_note *note) {
    struct viewer *v = (struct viewer *)((char *)note - offsetof(struct viewer, note));
    v->is_waiting = false;
    if (v->is_gone) viewer_end(v);
    else viewer_turn(v);
}

/* Any thread. */
static void on_ready(struct live_waiter *w) {
    struct viewer *v = (struct viewer *)w;
    if (v->held) http_held_note(v->held, &v->note);
    else http_stream_note(v->stream, &v->note);
}

static void on_gone(void *arg) {
    struct viewer *v = arg;
    v->is_gone = true;
    if (!v->is_waiting || live_waiter_cancel(v->d->live, &v->waiter)) viewer_end(v); /* else its note is on its way */
}

static void on_room(void *arg) {
    struct viewer *v = arg;
    if (!v->is_waiting && !v->is_gone) viewer_turn(v);
}

static void refuse(struct viewer *v, struct err e, int status) {
    if (v->held) media_refuse_held(v->d, &v->held, e, status, NULL);
    viewer_end(v); /* what has begun is cut short, so that nobody takes it for whole */
}

/* Begins the stream that a held viewer gets; false: memory. */
static bool stream_begin(struct viewer *v, struct http_request *r, const struct live_answer *a) {
    struct made made;
    struct http_response response;
    response_make(v->d, &v->ask, a, &made, &response);
    struct http_stream_options options = {.on_room = on_room, .on_cancel = on_gone, .arg = v, .queue_bytes_max = QUEUE_BYTES_MAX};
    v->stream = r ? http_respond_stream(r, &response, &options) : http_held_stream(&v->held, &response, &options);
    if (v->stream) {
        struct lane *lane = lane_mine(v->d);
        if (lane) lane_count(&lane->live_streams);
    }
    return v->stream != NULL;
}

static void cut(struct viewer *v) {
    struct lane *lane = lane_mine(v->d);
    if (lane) lane_count(&lane->live_cut);
    viewer_end(v);
}

/* Sends what has come; the next question is for what lies behind it. True: more may be asked for at once. */
static bool viewer_send(struct viewer *v, const struct live_answer *a) {
    uint64_t next = a->first;
    struct err e = send_pieces(v->stream, a, &next);
    v->ask.has_range = true; /* also of a request for the whole: from here on it is about the rest */
    v->ask.range_first = next;
    v->ask.range_last = UINT64_MAX;
    if (e.kind == ERR_BUSY) return false; /* on_room comes */
    if (e.kind && e.kind != ERR_CANCELLED) v->is_gone = true;
    return e.kind == ERR_NONE;
}

/* An answer to a viewer; it may be gone afterwards. */
static void viewer_answer(struct viewer *v, const struct live_answer *a) {
    switch (a->kind) {
    case LIVE_ANSWER_WAIT: return;
    case LIVE_ANSWER_GROWING:
        if (!a->piece_count) { /* it lies in a file: as much as is there, and the player asks again */
            if (v->held && v->ask.has_range && answer_whole(v->d, NULL, &v->held, &v->ask, a)) viewer_end(v);
            else if (v->held) refuse(v, err_make(ERR_BUSY, "live.waiting", "This segment is not whole yet. Ask again in a moment."), 503);
            else cut(v);
            return;
        }
        if (!v->stream && !stream_begin(v, NULL, a)) {
            refuse(v, err_memory(), 503);
            return;
        }
        if (viewer_send(v, a)) viewer_turn(v);
        else if (v->is_gone) cut(v);
        return;
    case LIVE_ANSWER_BLOBS:
        if (v->held) {
            if (answer_whole(v->d, NULL, &v->held, &v->ask, a)) viewer_end(v);
            else refuse(v, err_memory(), 503);
        } else if (viewer_send(v, a)) {
            http_stream_end(&v->stream, false);
            viewer_end(v);
        } else if (v->is_gone) {
            cut(v);
        }
        return;
    case LIVE_ANSWER_FILE:
        if (v->held) {
            if (answer_whole(v->d, NULL, &v->held, &v->ask, a)) viewer_end(v);
        } else {
            cut(v); /* so slow that memory has let the segment go */
        }
        return;
    default:
        if (v->stream && !strcmp(a->error.code, "live.range")) { /* there was no more: the segment has been closed */
            http_stream_end(&v->stream, false);
            viewer_end(v);
        } else if (v->stream) {
            cut(v);
        } else {
            refuse(v, a->error, live_error_status(a->error));
        }
    }
}

/* Asks, or asks again. */
static void viewer_turn(struct viewer *v) {
    enum token_verdict verdict = token_still(v->d->authority, &v->bearer);
    if (verdict != TOKEN_VALID) { /* no byte more */
        if (v->stream) {
            cut(v);
            return;
        }
        if (v->held) media_refuse_held(v->d, &v->held, token_verdict_error(verdict), 403, verdict == TOKEN_REVOKED ? &v->bearer : NULL);
        viewer_end(v);
        return;
    }
    struct live_answer a = {0};
    v->is_waiting = true; /* before it is: `ready` may come before live_ask has returned */
    live_ask(v->d->live, &v->title, &v->ask, &v->waiter, &a);
    if (a.kind != LIVE_ANSWER_WAIT) v->is_waiting = false;
    viewer_answer(v, &a);
    live_answer_release(&a);
}

static struct viewer *viewer_create(struct delivery *d, const struct token_bearer *bearer, const struct public_id *title, const struct live_ask *ask) {
    struct viewer *v = mem_zalloc(sizeof *v);
    if (!v) return NULL;
    *v = (struct viewer){.waiter.ready = on_ready, .note.run = on_note, .d = d, .bearer = *bearer, .title = *title, .ask = *ask};
    memcpy(v->file, ask->file.ptr, ask->file.len); /* no longer than a name of ours: live_get has looked */
    v->ask.file = slice_of(v->file, ask->file.len);
    v->ask.wants_pieces = true;
    return v;
}

/* --- the request --- */

/* CMCD comes as a query parameter or as up to four fields (CTA-5004 section 2). */
static void quality_hear(struct delivery *d, struct on_air *o, struct http_request *r, const struct token_bearer *bearer) {
    static const struct slice names[] = {{"cmcd-session", 12}, {"cmcd-object", 11}, {"cmcd-request", 12}, {"cmcd-status", 11}};
    struct cmcd said = CMCD_NONE;
    struct slice text;
    if (http_request_query_text(r).len && http_request_query(r, SLICE("CMCD"), &text)) cmcd_read(text, &said);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (http_request_header(r, names[i], &text)) cmcd_read(text, &said);
    quality_take(o->quality, public_id_slice(&bearer->session), &said, clock_mono(d->clock));
}

void live_get(struct delivery *d, struct lane *lane, struct on_air *o, struct http_request *r, const struct token_bearer *bearer) {
    struct slice file = http_request_param(r, SLICE("file"));
    struct live_ask ask;
    lane_count(&lane->live_requests);
    if (file.len > LIVE_FILE_NAME_MAX || !live_content_type(file)) {
        media_refuse(d, r, err_make(ERR_NOT_FOUND, "media.missing", "This title has no such file."), 404);
        return;
    }
    quality_hear(d, o, r, bearer);
    struct err e = ask_read(r, file, &ask);
    if (e.kind) {
        media_refuse(d, r, e, 400);
        return;
    }
    /* First without a waiter: most of what is asked for is there. */
    struct live_answer a = {0};
    live_ask(d->live, &o->title, &ask, NULL, &a);
    if (a.kind == LIVE_ANSWER_GROWING && !a.piece_count) { /* it has been recorded this far; a stream wants it from memory */
        live_answer_release(&a);
        ask.wants_pieces = true;
        live_ask(d->live, &o->title, &ask, NULL, &a);
    }
    bool goes_on = a.kind == LIVE_ANSWER_WAIT || (a.kind == LIVE_ANSWER_GROWING && (a.piece_count || !ask.has_range));
    if (a.kind == LIVE_ANSWER_ERROR) {
        media_refuse(d, r, a.error, live_error_status(a.error));
    } else if (!goes_on) {
        if (!answer_whole(d, r, NULL, &ask, &a)) media_refuse(d, r, err_memory(), 503);
    } else {
        struct viewer *v = viewer_create(d, bearer, &o->title, &ask);
        if (v && a.kind == LIVE_ANSWER_WAIT && (v->held = http_request_hold_briefly(r, on_gone, v))) {
            lane_count(&lane->live_waits);
            viewer_turn(v);
        } else if (v && a.kind == LIVE_ANSWER_GROWING && a.piece_count && stream_begin(v, r, &a)) {
            viewer_answer(v, &a);
        } else {
            mem_free(v);
            media_refuse(d, r, err_make(ERR_BUSY, "live.waiting", "This segment is not whole yet. Ask again in a moment."), 503);
        }
    }
    live_answer_release(&a);
}
