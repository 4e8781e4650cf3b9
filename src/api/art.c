/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Public artwork: /art/{title}/poster.jpg, poster-{lang}.jpg and portrait.jpg. What was brought by hand wins over the frame that the import chose.
 * The URL carries the version (?v=), so it may be cached for a year. */
#include <fcntl.h>
#include <unistd.h>

#include "api/operator.h"

enum { ART_BYTES_MAX = 8 << 20 };

/* The name of a picture that a title may have, without its ".jpg". */
static bool art_kind(struct slice file, struct slice *kind) {
    if (!slice_ends_with(file, SLICE(".jpg"))) return false;
    *kind = slice_sub(file, 0, file.len - 4);
    if (slice_eq(*kind, SLICE("poster")) || slice_eq(*kind, SLICE("portrait"))) return true;
    return slice_starts_with(*kind, SLICE("poster-")) && text_language_is_known(slice_sub(*kind, 7, kind->len));
}

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
    struct slice title = call_param(&c, "title"), name = call_param(&c, "file"), kind;
    static const struct err missing = {.kind = ERR_NOT_FOUND, .code = "art.not_found", .what = "This title has no such picture."};
    struct public_id id;
    struct object *object = NULL;
    struct err e = public_id_parse(title, &id) && art_kind(name, &kind) ? ERR_OK : missing;
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

/* --- an editor brings a picture, or takes it away --- */

static struct err title_answer(struct call *c, struct slice id) {
    struct catalog_view *view;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    const struct catalog_title *t = catalog_find(view, id);
    if (t) title_put_operator(&c->w, view, t, c->lang);
    else e = err_make(ERR_NOT_FOUND, "title.not_found", "There is no such title. It may have been removed.");
    catalog_view_give(&view);
    return e;
}

static struct err art_change(struct call *c, bool is_put, struct slice jpeg) {
    struct slice id = call_param(c, "id"), kind;
    struct public_id title;
    struct catalog_view *view;
    if (!art_kind(call_param(c, "file"), &kind)) return err_make(ERR_INPUT, "art.kind", "Artwork is a poster, a portrait, or a poster in one of our languages.");
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    bool is_there = public_id_parse(id, &title) && catalog_find(view, id); /* before anything is written: another organisation's is none of ours */
    catalog_view_give(&view);
    if (!is_there) return err_make(ERR_NOT_FOUND, "title.not_found", "There is no such title. It may have been removed.");
    e = is_put ? import_artwork(&c->api->importer, c->org_id, &title, kind, jpeg) : import_artwork_remove(&c->api->importer, c->org_id, &title, kind);
    return e.kind ? e : title_answer(c, id);
}

static struct err art_delete(struct call *c) { return art_change(c, false, SLICE_NONE); }
const struct route art_routes[] = {{HTTP_DELETE, "/api/v1/operator/titles/{id}/art/{file}", art_delete, CALL_EDITOR | CALL_CHANGES}, {0}};

static void put_begin(struct http_request *r, void *api) { raw_body_begin(r, api, CALL_EDITOR | CALL_CHANGES, ART_BYTES_MAX); }
static void put_end(struct http_request *r, void *api) {
    struct call c;
    call_begin(&c, api, r);
    call_end(&c, art_change(&c, true, raw_body_of(r)));
}

struct err art_add_routes(struct api *a, struct http_server *server) {
    struct http_route route = {.method = HTTP_GET, .pattern = "/art/{title}/{file}", .handle = art_get, .arg = a, .where = HTTP_ON_WORKER};
    struct http_route put = {.method = HTTP_PUT, .pattern = "/api/v1/operator/titles/{id}/art/{file}", .handle = put_end, .arg = a, .where = HTTP_ON_WORKER,
                             .body_bytes_max = ART_BYTES_MAX, .on_begin = put_begin, .on_chunk = raw_body_chunk};
    struct err e = http_server_route(server, &put);
    return e.kind ? e : http_server_route(server, &route);
}
