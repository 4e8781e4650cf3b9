/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * /operator/catalogue: the whole catalogue as a file, out and in. */
#include "api/operator.h"

enum { FILE_BYTES_MAX = 128 << 20, IMPORT_ARENA_BYTES_MAX = 1 << 30, EXPORT_BYTES_MAX = 512 << 20 };

static struct err format_of(struct call *c, enum catalog_format *out) {
    struct slice format = call_query(c, "format"), type;
    if (!format.len && http_request_header(c->r, SLICE("content-type"), &type)) {
        if (slice_starts_with(type, SLICE("text/csv"))) format = SLICE("csv");
        if (slice_starts_with(type, SLICE("application/json"))) format = SLICE("json");
    }
    if (!slice_eq(format, SLICE("csv")) && !slice_eq(format, SLICE("json")))
        return err_make(ERR_INPUT, "catalogue.format", "The format of a catalogue is csv or json: say so by ?format= or by the type of the content.");
    *out = slice_eq(format, SLICE("csv")) ? CATALOG_CSV : CATALOG_JSON;
    return ERR_OK;
}

static struct err catalogue_get(struct call *c) {
    enum catalog_format format;
    struct catalog_view *view;
    struct err e = format_of(c, &format);
    if (!e.kind) e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    struct buf out = BUF(EXPORT_BYTES_MAX);
    if (!(e = catalog_export(view, format, &out)).kind) {
        bool is_csv = format == CATALOG_CSV;
        struct http_field name = {SLICE("content-disposition"), is_csv ? SLICE("attachment; filename=\"catalogue.csv\"") : SLICE("attachment; filename=\"catalogue.json\"")};
        http_respond(c->r, &(struct http_response){.content_type = is_csv ? SLICE("text/csv; charset=utf-8") : SLICE("application/json"),
                                                   .cache_control = SLICE("private, no-store"), .fields = &name, .field_count = 1, .body = http_body_copy(buf_slice(&out))});
        c->is_answered = true;
    }
    buf_free(&out);
    catalog_view_give(&view);
    return e;
}

static void report_put(struct call *c, const struct catalog_import_report *report, struct err e) {
    json_begin_object(&c->w);
    if (e.kind) {
        struct slice message = text_lookup(c->lang, slice_cstr(e.code));
        json_key(&c->w, "error");
        json_begin_object(&c->w);
        json_put_cstr(&c->w, "code", e.code);
        json_put_string(&c->w, "message", message.len ? message : slice_cstr(e.what));
        json_end(&c->w);
        c->status = 400;
    }
    json_put_number(&c->w, "created", (int64_t)report->created);
    json_put_number(&c->w, "changed", (int64_t)report->changed);
    json_put_number(&c->w, "people", (int64_t)report->people);
    json_put_number(&c->w, "error_count", (int64_t)report->fault_count);
    json_key(&c->w, "errors");
    json_begin_array(&c->w);
    for (size_t i = 0; i < report->fault_count && i < CATALOG_FAULTS_MAX; i++) {
        const struct catalog_fault *f = &report->faults[i];
        struct slice message = text_lookup(c->lang, slice_cstr(f->code));
        json_begin_object(&c->w);
        json_put_number(&c->w, "line", (int64_t)f->line);
        json_put_number(&c->w, "column", (int64_t)f->column);
        json_put_string(&c->w, "field", f->field);
        json_put_cstr(&c->w, "code", f->code);
        json_put_string(&c->w, "message", message.len ? message : slice_cstr(f->what));
        json_end(&c->w);
    }
    json_end(&c->w);
    json_end(&c->w);
}

static struct err catalogue_post(struct call *c, struct slice file) {
    enum catalog_format format;
    struct err e = format_of(c, &format);
    if (e.kind) return e;
    struct arena *arena = arena_create(IMPORT_ARENA_BYTES_MAX);
    struct catalog_import_report report;
    if (!arena) return err_memory();
    e = catalog_import(c->api->o.catalog, arena, c->org_id, format, file, slice_eq(call_query(c, "dry_run"), SLICE("1")), &report);
    if (!e.kind || e.kind == ERR_INPUT) {
        report_put(c, &report, e);
        e = ERR_OK;
    }
    arena_destroy(&arena);
    return e;
}

static void file_begin(struct http_request *r, void *api) { raw_body_begin(r, api, CALL_EDITOR | CALL_CHANGES, FILE_BYTES_MAX); }
static void file_end(struct http_request *r, void *api) {
    struct call c;
    call_begin(&c, api, r);
    call_end(&c, catalogue_post(&c, raw_body_of(r)));
}

const struct route catalogue_routes[] = {{HTTP_GET, "/api/v1/operator/catalogue", catalogue_get, CALL_EDITOR}, {0}};

struct err catalogue_add_routes(struct api *a, struct http_server *server) {
    struct http_route route = {.method = HTTP_POST, .pattern = "/api/v1/operator/catalogue", .handle = file_end, .arg = a, .where = HTTP_ON_WORKER,
                               .body_bytes_max = FILE_BYTES_MAX, .on_begin = file_begin, .on_chunk = raw_body_chunk};
    return http_server_route(server, &route);
}
