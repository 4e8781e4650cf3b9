/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Public artwork: /art/{title}/poster.jpg and portrait.jpg. What was brought by hand wins over the frame that the import chose.
 * The URL carries the version (?v=), so it may be cached for a year. */
#include <fcntl.h>
#include <unistd.h>

#include "api/room.h"

static struct err art_open(struct api *a, struct arena *arena, struct slice title, struct slice name, struct object **out) {
    struct err e = object_open(a->o.objects, arena_printf(arena, "art/%.*s/%.*s", SLICE_ARG(title), SLICE_ARG(name)), out);
    if (e.kind == ERR_NOT_FOUND && slice_eq(name, SLICE("poster.jpg")))
        e = object_open(a->o.objects, arena_printf(arena, "titles/%.*s/poster.jpg", SLICE_ARG(title)), out);
    return e;
}

static struct err art_respond(struct call *c, struct object *object) {
    int fd = fcntl(object_fd(object), F_DUPFD_CLOEXEC, 3);
    if (fd < 0) return err_make(ERR_BUSY, "request.busy", "The server has too many files open. Try again in a moment.");
    struct http_file *file = NULL;
    struct err e = http_file_adopt(&file, fd);
    if (e.kind) {
        close(fd);
        return e;
    }
    struct slice version;
    bool is_versioned = http_request_query(c->r, SLICE("v"), &version);
    struct http_response response = {.content_type = SLICE("image/jpeg"),
                                     .cache_control = is_versioned ? SLICE("public, max-age=31536000, immutable") : SLICE("public, max-age=300"),
                                     .etag = http_file_etag(file),
                                     .body = http_body_file(file)};
    http_respond(c->r, &response);
    http_file_release(&file);
    c->is_answered = true;
    return ERR_OK;
}

/* A title on air shows what is on it now. */
static struct err art_live(struct call *c, struct slice title) {
    struct http_blob *jpeg = NULL;
    if (broadcast_preview(c->api->o.broadcast, c->org_id, title, &jpeg).kind) return err_make(ERR_NOT_FOUND, "art.not_found", "This title has no such picture.");
    http_respond(c->r, &(struct http_response){.content_type = SLICE("image/jpeg"), .cache_control = SLICE("public, max-age=30"), .body = http_body_blob(jpeg)});
    http_blob_release(&jpeg);
    c->is_answered = true;
    return ERR_OK;
}

static void art_get(struct http_request *r, void *arg) {
    struct call c;
    call_begin(&c, arg, r);
    struct slice title = call_param(&c, "title"), name = call_param(&c, "file");
    static const struct err missing = {.kind = ERR_NOT_FOUND, .code = "art.not_found", .what = "This title has no such picture."};
    struct public_id id;
    struct object *object = NULL;
    struct err e = public_id_parse(title, &id) && (slice_eq(name, SLICE("poster.jpg")) || slice_eq(name, SLICE("portrait.jpg"))) ? ERR_OK : missing;
    struct catalog_view *view = NULL;
    if (!e.kind) e = catalog_view_take(c.api->o.catalog, c.org_id, &view);
    if (!e.kind && !catalog_find(view, title)) e = missing; /* also another organisation's */
    catalog_view_give(&view);
    if (!e.kind) e = art_open(c.api, c.arena, title, name, &object);
    if (e.kind == ERR_NOT_FOUND) e = slice_eq(name, SLICE("poster.jpg")) ? art_live(&c, title) : missing;
    else if (!e.kind) e = art_respond(&c, object);
    object_close(&object);
    call_end(&c, e);
}

struct err art_add_routes(struct api *a, struct http_server *server) {
    struct http_route route = {.method = HTTP_GET, .pattern = "/art/{title}/{file}", .handle = art_get, .arg = a, .where = HTTP_ON_WORKER};
    return http_server_route(server, &route);
}
