/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Resumable uploads. A file grows in the uploads folder under its upload's id; its length is the offset that the next piece must
 * name, so nothing about progress is stored twice. A piece that breaks off in the middle leaves what arrived. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "api/operator.h"
#include "api/uploads_sql.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"

enum { PIECE_BYTES_MAX = 8 << 20, UPLOAD_AGE_MAX_S = 24 * 3600, CLEAN_ARENA_BYTES_MAX = 4 << 20 };
static const uint64_t disk_reserve_bytes = 256 << 20; /* the database must still be able to write when uploads fill the disk */

struct upload_open { /* one that a piece is being written to: only one at a time */
    struct upload_open *next;
    struct public_id id;
};

struct upload_work {
    struct arena *arena;
    int64_t org_id, id, now_s, bytes;
    struct public_id public_id;
    struct slice name;
    struct db_rows rows;
};

static struct err not_found(void) { return err_make(ERR_NOT_FOUND, "upload.not_found", "There is no such upload. It may have been removed after a day."); }

static struct err insert_fn(struct db_tx *tx, void *arg) {
    struct upload_work *w = arg;
    return DB_RUN(tx, &upload_insert, DB_INT("id", w->id), DB_INT("org_id", w->org_id), DB_TEXT("public_id", public_id_slice(&w->public_id)),
                  DB_TEXT("name", w->name), DB_INT("bytes", w->bytes), DB_INT("now_s", w->now_s));
}
static struct err find_fn(struct db_tx *tx, void *arg) {
    struct upload_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &upload_find, DB_INT("org_id", w->org_id), DB_TEXT("public_id", public_id_slice(&w->public_id)));
}
static struct err remove_fn(struct db_tx *tx, void *arg) {
    struct upload_work *w = arg;
    return DB_RUN(tx, &upload_remove, DB_INT("org_id", w->org_id), DB_TEXT("public_id", public_id_slice(&w->public_id)));
}
static struct err old_fn(struct db_tx *tx, void *arg) {
    struct upload_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &uploads_old, DB_INT("before_s", w->now_s - UPLOAD_AGE_MAX_S));
}

static struct err disk_check(const struct api *a, uint64_t bytes) {
    struct statvfs disk;
    if (fstatvfs(a->uploads_fd, &disk) != 0) return err_from_errno(errno, "upload.disk", "The uploads folder cannot be asked for its free space.");
    uint64_t bytes_free = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (bytes_free < disk_reserve_bytes || bytes_free - disk_reserve_bytes < bytes)
        return err_make(ERR_LIMIT, "store.full", "The server's disk is full. Nothing was lost; free some space and try again.");
    return ERR_OK;
}

/* The upload of this request's {id}: its row, and how much of it is there. */
static struct err upload_get(struct call *c, struct upload_work *w, uint64_t *offset) {
    *w = (struct upload_work){.arena = c->arena, .org_id = c->org_id};
    if (!public_id_parse(call_param(c, "id"), &w->public_id)) return not_found();
    struct err e = db_read(c->api->o.db, find_fn, w);
    if (e.kind) return e;
    if (!w->rows.count) return not_found();
    w->name = db_text(&w->rows, 0, "name");
    w->bytes = db_int(&w->rows, 0, "bytes");
    int fd = -1;
    e = fs_open(c->api->uploads_fd, w->public_id.text, O_RDONLY, 0, &fd);
    if (e.kind == ERR_NOT_FOUND) return not_found(); /* it was imported */
    if (!e.kind) e = fs_size(fd, offset);
    fs_close(&fd);
    return e;
}

static struct err put_offset(struct call *c, uint64_t offset, int64_t bytes) {
    json_begin_object(&c->w);
    json_put_number(&c->w, "offset", (int64_t)offset);
    if (bytes >= 0) json_put_number(&c->w, "bytes", bytes);
    json_end(&c->w);
    return ERR_OK;
}

static struct err upload_create(struct call *c) {
    struct upload_work w = {.org_id = c->org_id, .id = id_next(c->api->o.ids), .public_id = public_id_random(), .now_s = utc_seconds(clock_utc(c->api->o.clock))};
    struct body_object b = body_root(&c->body);
    w.name = body_text(b, "name");
    bool is_said = body_number(b, "bytes", &w.bytes);
    struct err e = body_end(&c->body);
    if (e.kind) return e;
    if (!utf8_is_display_text(w.name, 255)) return err_make(ERR_INPUT, "upload.name", "A file name has 1 to 255 characters that can be shown.");
    if (!is_said || w.bytes < 1) return err_make(ERR_INPUT, "request.malformed", "An upload says how many bytes it will have.");
    if ((uint64_t)w.bytes > c->api->o.upload_bytes_max) return err_make(ERR_INPUT, "upload.too_large", "This file is larger than this server accepts.");
    e = disk_check(c->api, (uint64_t)w.bytes);
    if (e.kind) return e;
    int fd = -1;
    e = fs_open(c->api->uploads_fd, w.public_id.text, O_WRONLY | O_CREAT | O_EXCL, 0600, &fd);
    if (e.kind) return e;
    fs_close(&fd);
    e = db_write(c->api->o.db, insert_fn, &w);
    if (e.kind) {
        unlinkat(c->api->uploads_fd, w.public_id.text, 0);
        return e;
    }
    c->status = 201;
    json_begin_object(&c->w);
    json_put_cstr(&c->w, "id", w.public_id.text);
    json_put_number(&c->w, "offset", 0);
    json_end(&c->w);
    return ERR_OK;
}

static struct err upload_show(struct call *c) {
    struct upload_work w;
    uint64_t offset;
    struct err e = upload_get(c, &w, &offset);
    return e.kind ? e : put_offset(c, offset, w.bytes);
}

static struct err upload_discard(struct call *c) {
    struct upload_work w;
    uint64_t offset;
    struct err e = upload_get(c, &w, &offset);
    if (e.kind) return e;
    if (unlinkat(c->api->uploads_fd, w.public_id.text, 0) != 0 && errno != ENOENT) return err_from_errno(errno, "upload.remove", "The upload cannot be removed.");
    c->status = 204;
    return db_write(c->api->o.db, remove_fn, &w);
}

static struct err upload_import(struct call *c) {
    struct upload_work w;
    struct catalog_change change;
    uint64_t offset;
    struct body_object b = body_root(&c->body);
    struct slice again = body_text(b, "title");
    struct err e = body_end_after(&c->body, again.len ? ERR_OK : title_and_kind_read(b, &change)); /* a title that there is keeps its words */
    if (!e.kind) e = upload_get(c, &w, &offset);
    if (e.kind) return e;
    if (offset != (uint64_t)w.bytes) return err_make(ERR_CONFLICT, "upload.incomplete", "This upload is not complete yet. Send the rest first.");
    struct import_source source = {.upload = public_id_slice(&w.public_id)};
    struct public_id title = {0};
    int64_t job_id = 0;
    if (again.len) {
        struct catalog_view *view;
        e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
        if (e.kind) return e;
        const struct catalog_title *t = catalog_find(view, again);
        if (t) title = t->public_id;
        bool is_on_air = t && t->kind == CATALOG_EVENT && t->status != CATALOG_READY; /* its own recording will stand there */
        catalog_view_give(&view);
        if (!title.text[0]) return err_make(ERR_NOT_FOUND, "title.not_found", "There is no such title. It may have been removed.");
        if (is_on_air) return err_make(ERR_CONFLICT, "channel.live", "This event is on air, announced or being finished. End it first.");
        e = import_again(&c->api->importer, c->org_id, &source, &title, &job_id);
    } else {
        bool has_name = false;
        for (int i = 0; i < TEXT_LANGUAGE_COUNT; i++) has_name |= change.texts[i].name.len > 0;
        if (!has_name) {
            change.texts[0].has_name = true;
            change.texts[0].name = import_name_from_file(c->arena, w.name);
        }
        e = import_new_title(&c->api->importer, c->org_id, &source, &change, &title, &job_id);
    }
    if (e.kind) return e;
    struct job_info job;
    e = job_get(c->api->o.jobs, c->arena, c->org_id, job_id, &job);
    if (e.kind) return e;
    c->status = 201;
    json_begin_object(&c->w);
    json_put_string(&c->w, "job", job.public_id);
    json_put_cstr(&c->w, "title", title.text);
    json_end(&c->w);
    return ERR_OK;
}

const struct route upload_routes[] = {
    {HTTP_POST, "/api/v1/uploads", upload_create, CALL_EDITOR | CALL_CHANGES | CALL_JSON},
    {HTTP_GET, "/api/v1/uploads/{id}", upload_show, CALL_EDITOR},
    {HTTP_DELETE, "/api/v1/uploads/{id}", upload_discard, CALL_EDITOR | CALL_CHANGES},
    {HTTP_POST, "/api/v1/uploads/{id}/import", upload_import, CALL_EDITOR | CALL_CHANGES | CALL_JSON},
    {0},
};

/* --- a piece --- */

struct piece {
    struct api *api;
    struct upload_open open;
    int fd;
    uint64_t offset, bytes;
    bool is_listed;
};

static bool open_list(struct api *a, struct upload_open *o) {
    bool is_free = true;
    lock_take(&a->lock);
    for (const struct upload_open *other = a->uploads_open; other; other = other->next)
        if (!strcmp(other->id.text, o->id.text)) is_free = false;
    if (is_free) {
        o->next = a->uploads_open;
        a->uploads_open = o;
    }
    lock_give(&a->lock);
    return is_free;
}

/* Also when the client goes away in the middle. */
static void piece_end(void *arg) {
    struct piece *p = arg;
    if (p->is_listed) {
        lock_take(&p->api->lock);
        struct upload_open **at = &p->api->uploads_open;
        while (*at != &p->open) at = &(*at)->next;
        *at = p->open.next;
        lock_give(&p->api->lock);
    }
    fs_close(&p->fd);
}

static struct err piece_open(struct call *c, struct piece *p) {
    struct upload_work w;
    uint64_t wanted;
    struct slice header;
    struct err e = call_allow(c, CALL_EDITOR | CALL_CHANGES);
    if (!e.kind) e = upload_get(c, &w, &p->offset);
    if (e.kind) return e;
    p->open.id = w.public_id;
    p->bytes = (uint64_t)w.bytes;
    if (!open_list(c->api, &p->open)) return err_make(ERR_CONFLICT, "upload.offset", "Another piece of this upload is still arriving.");
    p->is_listed = true;
    e = fs_open(c->api->uploads_fd, w.public_id.text, O_WRONLY, 0, &p->fd);
    if (!e.kind) e = fs_size(p->fd, &p->offset); /* now that nobody else writes */
    if (e.kind) return e;
    if (!http_request_header(c->r, SLICE("upload-offset"), &header) || !slice_to_u64(header, &wanted) || wanted != p->offset)
        return err_make(ERR_CONFLICT, "upload.offset", "The upload continues at another place. Ask where, and send from there.");
    return ERR_OK;
}

static void piece_begin(struct http_request *r, void *arg) {
    struct call c;
    call_begin(&c, arg, r);
    struct piece *p = ARENA_NEW(c.arena, struct piece);
    struct err e = p ? ERR_OK : err_memory();
    if (!e.kind) {
        *p = (struct piece){.api = arg, .fd = -1};
        if (!arena_on_end(c.arena, piece_end, p)) e = err_memory();
    }
    if (!e.kind) e = piece_open(&c, p);
    http_request_set_user(r, p);
    if (e.kind) {
        call_end(&c, e);
        return;
    }
    buf_free(&c.out);
}

static void piece_chunk(struct http_request *r, struct slice chunk, void *arg) {
    struct piece *p = http_request_user(r);
    struct err e = chunk.len > p->bytes - p->offset ? err_make(ERR_INPUT, "upload.too_large", "More bytes came than this upload was to have.")
                                                    : fs_pwrite_all(p->fd, chunk, p->offset);
    if (!e.kind) {
        p->offset += chunk.len;
        return;
    }
    answer_error(r, request_language(r), e);
}

static void piece_done(struct http_request *r, void *arg) {
    struct call c;
    call_begin(&c, arg, r);
    struct piece *p = http_request_user(r);
    struct err e = p->offset == p->bytes ? fs_sync(p->fd) : ERR_OK;
    if (!e.kind) e = put_offset(&c, p->offset, -1);
    call_end(&c, e);
}

struct err uploads_add_routes(struct api *a, struct http_server *server) {
    struct http_route route = {.method = HTTP_PATCH, .pattern = "/api/v1/uploads/{id}", .handle = piece_done, .arg = a, .where = HTTP_ON_WORKER,
                               .body_bytes_max = PIECE_BYTES_MAX, .on_begin = piece_begin, .on_chunk = piece_chunk};
    return http_server_route(server, &route);
}

/* Uploads that nobody imported within a day. (One that is being imported has no row any more.) */
static struct err known_fn(struct db_tx *tx, void *arg) {
    struct upload_work *w = arg;
    w->bytes = DB_GET_INT(tx, 0, &upload_known, DB_TEXT("public_id", public_id_slice(&w->public_id)));
    return db_tx_error(tx);
}

struct err uploads_sweep(struct api *a, int64_t before_s) {
    int fd = openat(a->uploads_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (!folder) {
        struct err e = err_from_errno(errno, "upload.folder", "The uploads folder cannot be read.");
        fs_close(&fd);
        return e;
    }
    struct err e = ERR_OK;
    for (struct dirent *entry; !e.kind && (entry = readdir(folder));) {
        struct upload_work w = {0};
        struct stat about;
        bool is_used = false;
        if (!public_id_parse(slice_cstr(entry->d_name), &w.public_id) || fstatat(fd, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
            about.st_mtim.tv_sec > before_s)
            continue;
        e = db_read(a->o.db, known_fn, &w);
        if (!e.kind) e = job_key_is_unfinished(a->o.jobs, public_id_slice(&w.public_id), &is_used);
        if (!e.kind && !w.bytes && !is_used && unlinkat(fd, entry->d_name, 0) != 0 && errno != ENOENT)
            e = err_from_errno(errno, "upload.remove", "An old upload cannot be removed.");
    }
    closedir(folder);
    return e;
}

struct err uploads_clean(struct api *a) {
    struct upload_work w = {.arena = arena_create(CLEAN_ARENA_BYTES_MAX), .now_s = utc_seconds(clock_utc(a->o.clock))};
    if (!w.arena) return err_memory();
    struct err e = db_read(a->o.db, old_fn, &w);
    struct db_rows old = w.rows;
    for (size_t i = 0; !e.kind && i < old.count; i++) {
        if (!public_id_parse(db_text(&old, i, "public_id"), &w.public_id)) continue;
        w.org_id = db_int(&old, i, "org_id");
        if (unlinkat(a->uploads_fd, w.public_id.text, 0) != 0 && errno != ENOENT) e = err_from_errno(errno, "upload.remove", "An old upload cannot be removed.");
        if (!e.kind) e = db_write(a->o.db, remove_fn, &w);
    }
    arena_destroy(&w.arena);
    return e.kind ? e : uploads_sweep(a, w.now_s - UPLOAD_AGE_MAX_S);
}
