/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What was live and is over: its folder answers under the same names (media/live's recordings). The opened recording stands on the shelf
 * beside the playlists made from it; its segments are spans of files that are open already, so they are answered on the loop thread. */
#include <stdio.h>

#include "base/fs.h"
#include "delivery/request.h"

enum { RECORDING_BYTES_MAX = 256 << 20, VIEW_PIECES_BYTES_MAX = 64 << 20 };

struct err recording_load(struct delivery *d, struct slice title, struct shelf_entry **entry) {
    *entry = shelf_take(d->shelf, title, RECORDING_NAME);
    if (*entry) return ERR_OK;
    uint64_t generation = shelf_generation(d->shelf);
    char prefix[64];
    snprintf(prefix, sizeof prefix, "titles/%.*s", SLICE_ARG(title));
    int dir_fd = -1;
    struct err e = object_open_folder(d->objects, slice_cstr(prefix), &dir_fd);
    if (e.kind) return e;
    if (!live_recording_is(dir_fd)) {
        fs_close(&dir_fd);
        return ERR_OK;
    }
    struct shelf_entry *fresh = shelf_entry_create(title, RECORDING_NAME);
    if (!fresh || !(fresh->arena = arena_create(RECORDING_BYTES_MAX))) e = err_memory();
    if (!e.kind) e = live_recording_open(dir_fd, fresh->arena, &fresh->recording);
    fs_close(&dir_fd);
    if (e.kind) {
        shelf_give(&fresh);
        return e;
    }
    shelf_put(d->shelf, fresh, generation);
    *entry = fresh;
    return ERR_OK;
}

struct err recording_view(const struct shelf_entry *recording, struct slice name, struct http_blob **out) {
    struct live_answer a = {0};
    live_recording_ask(recording->recording, &(struct live_ask){.file = name}, &a);
    struct err e = a.kind == LIVE_ANSWER_ERROR ? a.error : ERR_OK;
    if (a.kind == LIVE_ANSWER_BLOBS) {
        struct buf whole = BUF(VIEW_PIECES_BYTES_MAX);
        for (size_t i = 0; i < a.piece_count; i++) buf_append(&whole, a.pieces[i].bytes);
        e = buf_error(&whole);
        if (!e.kind && !(*out = http_blob_copy(buf_slice(&whole)))) e = err_memory();
        buf_free(&whole);
    } else if (!e.kind) {
        e = err_make(ERR_NOT_FOUND, "media.missing", "This title has no such file.");
    }
    live_answer_release(&a);
    return e;
}

/* A playlist takes its time to be written, and is kept. */
static bool is_view(struct slice name) {
    return slice_ends_with(name, SLICE(".m3u8")) || slice_ends_with(name, SLICE(".mpd")) || slice_ends_with(name, SLICE(".vtt"));
}

bool recording_get(struct delivery *d, struct shelf_entry *recording, struct http_request *r, struct slice name) {
    if (is_view(name)) return false;
    struct live_answer a = {0};
    live_recording_ask(recording->recording, &(struct live_ask){.file = name}, &a);
    bool is_span = a.kind == LIVE_ANSWER_FILE, is_blob = a.kind == LIVE_ANSWER_BLOBS && a.piece_count == 1;
    if (is_span || is_blob) {
        struct http_field fields[2];
        struct http_response response = {
            .content_type = slice_cstr(a.content_type),
            .cache_control = SLICE("private, max-age=3600"), /* these bytes never change under this name */
            .has_ranges = true,
            .fields = fields,
            .field_count = cors_fields(d, fields),
            .body = is_span ? http_body_file_span(a.file, a.file_offset, a.bytes)
                            : (struct http_body){.kind = HTTP_BODY_BLOB, .blob = a.pieces[0].blob, .bytes = a.pieces[0].bytes},
        };
        http_respond(r, &response);
    } else if (a.kind == LIVE_ANSWER_ERROR) {
        int status = live_error_status(a.error);
        media_refuse(d, r, status == 404 ? err_make(ERR_NOT_FOUND, "media.missing", "This title has no such file.") : a.error, status);
    }
    live_answer_release(&a);
    return a.kind == LIVE_ANSWER_FILE || is_blob || a.kind == LIVE_ANSWER_ERROR;
}
