/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The requests for media. On the loop thread: find the token, judge it, take the entry from the shelf, answer. What is
 * not on the shelf is fetched by a worker, which puts it there. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "delivery/request.h"
#include "media/cmaf/cmaf.h"
#include "media/manifest/manifest.h"
#include "text/text.h"

enum {
    PLAYLIST_BYTES_MAX = 64 << 20,
    PRESENTATION_BYTES_MAX = 256 << 20, /* 32 tracks of 100 hours */
};

#define TOKEN_NAME "cta-common-access-token"

size_t cors_fields(const struct delivery *d, struct http_field fields[2]) {
    if (!d->allow_origin) return 0;
    fields[0] = (struct http_field){SLICE("access-control-allow-origin"), slice_cstr(d->allow_origin)};
    fields[1] = (struct http_field){SLICE("access-control-expose-headers"), SLICE("content-length, content-range")};
    return 2;
}

/* The sentence of "rights.ended" is the text "why.ended", or "why.ended_end" where that is worded for somebody who is watching. */
static struct slice because_of(struct slice lang, const char *reason) {
    const char *dot = strchr(reason, '.');
    char code[DELIVERY_REASON_MAX + 16];
    snprintf(code, sizeof code, "why.%s_end", dot ? dot + 1 : reason);
    struct slice text = text_lookup(lang, slice_cstr(code));
    code[strlen(code) - 4] = 0;
    return text.len ? text : text_lookup(lang, slice_cstr(code));
}

/* `reason`: why the session was ended, "": not said. */
static void refusal_make(const struct delivery *d, struct err e, int status, const char *reason, struct slice lang, struct http_field fields[3],
                         struct buf *body, struct http_response *out) {
    struct slice because = *reason ? because_of(lang, reason) : SLICE_NONE;
    struct json_writer w = json_writer_of(body);
    json_begin_object(&w);
    json_key(&w, "error");
    json_begin_object(&w);
    json_put_cstr(&w, "code", e.code);
    json_put_string(&w, "message", because.len ? because : slice_cstr(e.what));
    if (*reason) json_put_cstr(&w, "reason", reason);
    json_end(&w);
    json_end(&w);
    size_t count = cors_fields(d, fields);
    if (status == 503) fields[count++] = (struct http_field){SLICE("retry-after"), SLICE("1")};
    *out = (struct http_response){.status = status, .content_type = SLICE("application/json"), .cache_control = SLICE("no-store"),
                                  .fields = fields, .field_count = count, .body = http_body_copy(buf_slice(body))};
}

void media_refuse(struct delivery *d, struct http_request *r, struct err e, int status) {
    struct http_field fields[3];
    struct buf body = BUF(4096);
    struct http_response response;
    refusal_make(d, e, status, "", SLICE_NONE, fields, &body, &response);
    http_respond(r, &response);
    buf_free(&body);
}

void media_refuse_token(struct delivery *d, struct http_request *r, enum token_verdict verdict, const struct token_bearer *bearer) {
    char reason[DELIVERY_REASON_MAX + 1] = "";
    struct slice languages = SLICE_NONE;
    if (verdict == TOKEN_REVOKED && ends_find(d->ends, public_id_slice(&bearer->session), reason) &&
        !http_request_header(r, SLICE("accept-language"), &languages))
        languages = SLICE_NONE;
    struct http_field fields[3];
    struct buf body = BUF(4096);
    struct http_response response;
    refusal_make(d, token_verdict_error(verdict), 403, reason, text_language_accepted(languages), fields, &body, &response);
    http_respond(r, &response);
    buf_free(&body);
}

void media_refuse_held(struct delivery *d, struct http_held **held, struct err e, int status, const struct token_bearer *ended) {
    char reason[DELIVERY_REASON_MAX + 1] = "";
    if (ended && !ends_find(d->ends, public_id_slice(&ended->session), reason)) *reason = 0;
    struct http_field fields[3];
    struct buf body = BUF(4096);
    struct http_response response;
    refusal_make(d, e, status, reason, text_languages[0].code, fields, &body, &response);
    http_held_respond(held, &response);
    buf_free(&body);
}

static void respond_entry(struct delivery *d, struct http_request *r, const struct shelf_entry *entry) {
    struct http_field fields[2];
    struct http_response response = {
        .content_type = entry->content_type,
        .cache_control = entry->cache_control,
        .etag = slice_cstr(entry->etag),
        .has_ranges = true,
        .fields = fields,
        .field_count = cors_fields(d, fields),
        .body = entry->file ? http_body_file(entry->file) : http_body_blob(entry->blob),
    };
    http_respond(r, &response);
}

static struct slice request_token(struct http_request *r) {
    struct slice token = http_request_param(r, SLICE("token"));
    if (token.len) return token;
    if (http_request_header(r, SLICE(TOKEN_NAME), &token)) return token;
    if (http_request_cookie(r, SLICE("CTA-Common-Access-Token"), &token)) return token;
    return SLICE_NONE;
}

/* --- on a worker: what is not on the shelf yet --- */

static struct err file_load(struct delivery *d, struct shelf_entry *entry, struct arena *arena) {
    struct slice key = arena_printf(arena, "titles/%s/%s", entry->title.text, entry->name);
    struct object *object = NULL;
    struct err e = object_open(d->objects, key, &object);
    if (e.kind) return e;
    /* The store's descriptor goes with the object; the shelf's own lives as long as the entry. */
    int fd = fcntl(object_fd(object), F_DUPFD_CLOEXEC, 3);
    object_close(&object);
    if (fd < 0) return err_make(ERR_LIMIT, "media.descriptors", "The server has too many files open. Raise LimitNOFILE.");
    e = http_file_adopt(&entry->file, fd);
    if (e.kind) {
        close(fd);
        return e;
    }
    struct slice etag = http_file_etag(entry->file);
    if (etag.len < sizeof entry->etag) memcpy(entry->etag, etag.ptr, etag.len);
    /* These bytes never change under this name. Private: shared caches must not hand them to people without a token. */
    entry->cache_control = SLICE("private, max-age=3600");
    return ERR_OK;
}

static struct err view_load(struct delivery *d, struct shelf_entry *entry, struct arena *arena) {
    struct slice prefix = arena_printf(arena, "titles/%s", entry->title.text);
    int dir_fd = -1;
    struct err e = object_open_folder(d->objects, prefix, &dir_fd);
    if (e.kind) return e;
    struct arena *tracks = arena_create(PRESENTATION_BYTES_MAX);
    struct buf text = BUF(PLAYLIST_BYTES_MAX);
    struct cmaf_presentation presentation;
    e = tracks ? cmaf_presentation_load(dir_fd, tracks, &presentation) : err_memory();
    if (!e.kind) e = manifest_make(&presentation, slice_cstr(entry->name), &text);
    if (!e.kind) e = buf_error(&text);
    if (!e.kind) {
        entry->blob = http_blob_copy(buf_slice(&text));
        if (!entry->blob) e = err_memory();
        snprintf(entry->etag, sizeof entry->etag, "\"%016llx\"", (unsigned long long)slice_hash(buf_slice(&text)));
        entry->cache_control = SLICE("private, no-cache"); /* renditions are added while it can be watched */
    }
    buf_free(&text);
    arena_destroy(&tracks);
    fs_close(&dir_fd);
    return e;
}

static bool is_view(struct slice name) { return slice_ends_with(name, SLICE(".m3u8")) || slice_ends_with(name, SLICE(".mpd")); }

static int status_of(struct err e) {
    switch (e.kind) {
    case ERR_NOT_FOUND:
    case ERR_INPUT: return 404; /* no such view, no such key */
    case ERR_LIMIT:
    case ERR_BUSY: return 503;
    default: return 500;
    }
}

/* A title that was live: its recording answers. */
static struct err recorded_load(struct shelf_entry *entry, const struct shelf_entry *recording) {
    struct err e = recording_view(recording, slice_cstr(entry->name), &entry->blob);
    if (e.kind) return e;
    entry->content_type = slice_cstr(live_content_type(slice_cstr(entry->name)));
    entry->cache_control = SLICE("private, no-cache");
    snprintf(entry->etag, sizeof entry->etag, "\"%016llx\"", (unsigned long long)slice_hash(http_blob_slice(entry->blob)));
    return ERR_OK;
}

static void media_load(struct http_request *r, void *arg) {
    struct delivery *d = arg;
    struct slice title = http_request_param(r, SLICE("title")), name = http_request_param(r, SLICE("file"));
    uint64_t generation = shelf_generation(d->shelf);
    struct shelf_entry *entry = shelf_entry_create(title, name), *recording = NULL;
    if (!entry) {
        media_refuse(d, r, err_memory(), 503);
        return;
    }
    struct err e = live_content_type(name) ? recording_load(d, title, &recording) : ERR_OK;
    if (!e.kind && recording && recording_get(d, recording, r, name)) {
        shelf_give(&recording);
        shelf_give(&entry);
        return;
    }
    const char *content_type = manifest_content_type(name);
    if (!e.kind && recording) {
        e = recorded_load(entry, recording);
    } else if (!e.kind && !content_type) {
        e = err_make(ERR_NOT_FOUND, "media.missing", "This title has no such file.");
    } else if (!e.kind) {
        entry->content_type = slice_cstr(content_type);
        e = is_view(name) ? view_load(d, entry, http_request_arena(r)) : file_load(d, entry, http_request_arena(r));
    }
    shelf_give(&recording);
    if (e.kind) {
        int status = status_of(e);
        if (status == 404) e = err_make(ERR_NOT_FOUND, "media.missing", "This title has no such file.");
        if (status == 500) log_error("delivery", "cannot load", LOG_SLICE("title", title), LOG_SLICE("file", name), LOG_ERR(e));
        media_refuse(d, r, e, status);
    } else {
        shelf_put(d->shelf, entry, generation);
        respond_entry(d, r, entry);
    }
    shelf_give(&entry);
}

/* --- on the loop --- */

static void media_get(struct http_request *r, void *arg) {
    struct delivery *d = arg;
    struct lane *lane = lane_mine(d);
    if (!lane) {
        media_refuse(d, r, err_memory(), 503);
        return;
    }
    struct slice title = http_request_param(r, SLICE("title")), name = http_request_param(r, SLICE("file"));
    enum token_method method = http_request_method(r) == HTTP_HEAD ? TOKEN_METHOD_HEAD : TOKEN_METHOD_GET;
    struct token_bearer bearer;
    enum token_verdict verdict = token_verify(d->authority, lane->cache, request_token(r), title, method, &bearer);
    lane_count(&lane->verdicts[verdict]);
    if (lane->cache) atomic_store_explicit(&lane->cache_hits, token_cache_hits(lane->cache), memory_order_relaxed);
    if (verdict != TOKEN_VALID) {
        media_refuse_token(d, r, verdict, &bearer);
        return;
    }
    struct on_air *on_air = on_air_take(d->on_air, title);
    bool is_live = on_air && on_air->is_open;
    if (is_live) live_get(d, lane, on_air, r, &bearer);
    on_air_give(&on_air);
    if (is_live) return;

    bool has_name = name.len <= SHELF_NAME_MAX && name.ptr[0] != '.';
    struct shelf_entry *entry = has_name ? shelf_take(d->shelf, title, name) : NULL;
    if (entry) {
        lane_count(&lane->shelf_hits);
        respond_entry(d, r, entry);
        shelf_give(&entry);
        return;
    }
    const char *recorded = has_name ? live_content_type(name) : NULL;
    struct shelf_entry *recording = recorded ? shelf_take(d->shelf, title, RECORDING_NAME) : NULL;
    bool is_answered = recording && recording_get(d, recording, r, name);
    shelf_give(&recording);
    lane_count(is_answered ? &lane->shelf_hits : &lane->shelf_misses);
    if (is_answered) return;
    if (!has_name || (!recorded && !manifest_content_type(name))) {
        media_refuse(d, r, err_make(ERR_NOT_FOUND, "media.missing", "This title has no such file."), 404);
        return;
    }
    http_request_to_worker(r, media_load, d);
}

/* What a browser asks before it sends the token's header to another site (Fetch, CORS-preflight). */
static void media_options(struct http_request *r, void *arg) {
    struct delivery *d = arg;
    struct http_field fields[] = {
        {SLICE("access-control-allow-origin"), slice_cstr(d->allow_origin)},
        {SLICE("access-control-allow-methods"), SLICE("GET, HEAD")},
        {SLICE("access-control-allow-headers"), SLICE(TOKEN_NAME ", range, cmcd-object, cmcd-request, cmcd-session, cmcd-status")},
        {SLICE("access-control-max-age"), SLICE("86400")},
    };
    http_respond(r, &(struct http_response){.status = 204, .fields = fields, .field_count = ARRAY_LEN(fields)});
}

struct err delivery_add_routes(struct delivery *d, struct http_server *server) {
    static const char *const patterns[] = {"/media/{token}/{title}/{file}", "/media/{title}/{file}"};
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        struct http_route route = {.method = HTTP_GET, .pattern = patterns[i], .handle = media_get, .arg = d, .where = HTTP_ON_LOOP};
        struct err e = http_server_route(server, &route);
        if (e.kind) return e;
        if (!d->allow_origin) continue;
        route.method = HTTP_OPTIONS;
        route.handle = media_options;
        e = http_server_route(server, &route);
        if (e.kind) return e;
    }
    return ERR_OK;
}
