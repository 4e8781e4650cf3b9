/* SPDX-License-Identifier: AGPL-3.0-or-later
 * /rights/: parties, deals and their lines. What follows from them is answered in rights_why.c. */
#include "api/rights_json.h"
#include "base/utf8.h"

enum { IMPORT_BYTES_MAX = 256 << 20, IMPORT_FAULTS_MAX = 1000, REASON_MAX = 500 };

static struct rights *rights_of(const struct call *c) { return c->api->o.rights; }

/* --- parties --- */

static struct err party_change_read(struct call *c, struct rights_party_change *out) {
    struct body_object b = body_root(&c->body);
    struct slice name = body_text(b, "name"), country = body_text(b, "country"), kind = body_text(b, "kind");
    *out = (struct rights_party_change){.has_name = name.ptr, .name = name, .has_country = body_has(b, "country"), .country = country, .has_kind = kind.ptr};
    struct err e = body_end(&c->body);
    if (e.kind) return e;
    if (kind.ptr && !rights_party_kind_parse(kind, &out->kind))
        return err_make(ERR_INPUT, "rights.party_kind", "A party is an organisation, a person or a platform.");
    return ERR_OK;
}

static struct err party_put_one(struct call *c, struct slice id) {
    struct rights_party_list list;
    struct err e = rights_parties(rights_of(c), c->arena, c->org_id, &list);
    for (size_t i = 0; !e.kind && i < list.count; i++)
        if (slice_eq(public_id_slice(&list.items[i].public_id), id)) {
            rights_put_party(&c->w, &list.items[i]);
            return ERR_OK;
        }
    return e.kind ? e : err_make(ERR_NOT_FOUND, "rights.party_missing", "There is no such party.");
}

static struct err parties_list(struct call *c) {
    struct rights_party_list list;
    struct err e = rights_parties(rights_of(c), c->arena, c->org_id, &list);
    if (e.kind) return e;
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    for (size_t i = 0; i < list.count; i++) rights_put_party(&c->w, &list.items[i]);
    json_end(&c->w);
    json_end(&c->w);
    return ERR_OK;
}

static struct err party_create(struct call *c) {
    struct rights_party_change change;
    struct public_id id;
    struct err e = party_change_read(c, &change);
    if (!e.kind) e = rights_party_create(rights_of(c), c->org_id, &change, &id);
    if (e.kind) return e;
    c->status = 201;
    return party_put_one(c, public_id_slice(&id));
}

static struct err party_patch(struct call *c) {
    struct rights_party_change change;
    struct err e = party_change_read(c, &change);
    if (!e.kind) e = rights_party_change(rights_of(c), c->org_id, call_param(c, "id"), &change);
    return e.kind ? e : party_put_one(c, call_param(c, "id"));
}

/* --- deals --- */

static struct err put_conflicts(struct call *c, const char *name, const struct rights_conflict_list *list, const struct catalog_view *view) {
    struct err e = ERR_OK;
    json_key(&c->w, name);
    json_begin_array(&c->w);
    for (size_t i = 0; !e.kind && i < list->count; i++) e = rights_put_conflict(c, &list->items[i], view);
    json_end(&c->w);
    return e;
}

/* The refusal of a change of a deal: what its lines contradict. */
static struct err put_refused(struct call *c, struct err error, const struct rights_standing_conflict_list *found) {
    struct catalog_view *view = NULL;
    struct rights_conflict *items = arena_alloc_array(c->arena, found->count, sizeof *items);
    struct err e = items ? catalog_view_take(c->api->o.catalog, c->org_id, &view) : err_memory();
    if (e.kind) return e;
    for (size_t i = 0; i < found->count; i++) items[i] = found->items[i].conflict;
    rights_begin_refusal(c, (struct rights_flaw){.error = error}, -1);
    e = put_conflicts(c, "conflicts", &(struct rights_conflict_list){items, found->count}, view);
    json_end(&c->w);
    catalog_view_give(&view);
    return e;
}


static struct err status_bad(void) { return err_make(ERR_INPUT, "rights.status", "The status of a deal is draft, active, suspended or terminated."); }

static struct err deals_list(struct call *c) {
    struct rights_deal_ask ask = {.party = call_query(c, "party")};
    struct slice status = call_query(c, "status");
    ask.has_status = status.len > 0;
    if (status.len && !rights_status_parse(status, &ask.status)) return status_bad();
    struct rights_deal_list list;
    struct err e = rights_deals(rights_of(c), c->arena, c->org_id, &ask, &list);
    if (e.kind) return e;
    json_begin_object(&c->w);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    for (size_t i = 0; i < list.count; i++) rights_put_deal(&c->w, &list.items[i], true);
    json_end(&c->w);
    json_end(&c->w);
    return ERR_OK;
}

static struct err deal_put_whole(struct call *c, struct slice id) {
    struct rights_deal deal;
    struct rights_line_row_list lines;
    struct rights_deal_version_list versions;
    int64_t limit;
    struct rights_lines_ask ask = {.deal = id, .known_s = RIGHTS_KNOWN_NOW, .with_withdrawn = true};
    if (slice_to_i64(call_query(c, "limit"), &limit) && limit > 0) ask.limit = (size_t)limit;
    struct err e = rights_deal_get(rights_of(c), c->arena, c->org_id, id, &deal);
    if (!e.kind) e = rights_lines(rights_of(c), c->arena, c->org_id, &ask, &lines);
    if (!e.kind) e = rights_deal_versions(rights_of(c), c->arena, c->org_id, id, &versions);
    struct catalog_view *view = NULL;
    if (!e.kind) e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    json_begin_object(w);
    rights_put_deal_members(w, &deal);
    json_key(w, "lines");
    json_begin_array(w);
    for (size_t i = 0; i < lines.count; i++) rights_put_line(w, &lines.items[i], view, c->lang);
    json_end(w);
    json_key(w, "versions");
    json_begin_array(w);
    for (size_t i = 0; i < versions.count; i++) {
        const struct rights_deal_version *v = &versions.items[i];
        json_begin_object(w);
        json_put_number(w, "version", v->version);
        rights_put_time(w, "at", v->known_s);
        json_put_string(w, "reference", v->reference);
        json_put_cstr(w, "status", rights_status_name(v->status));
        json_put_bool(w, "may_sublicense", v->may_sublicense);
        json_end(w);
    }
    json_end(w);
    json_end(w);
    catalog_view_give(&view);
    return ERR_OK;
}

static struct err deal_get(struct call *c) { return deal_put_whole(c, call_param(c, "id")); }

static struct err deal_create(struct call *c) {
    struct body_object b = body_root(&c->body);
    struct rights_deal_new d = {.reference = body_text(b, "reference"), .party = body_text(b, "party"), .parent = body_text(b, "parent")};
    struct slice direction = body_text(b, "direction"), status = body_text(b, "status");
    body_flag(b, "may_sublicense", &d.may_sublicense);
    struct err e = body_end(&c->body);
    if (e.kind) return e;
    if (!rights_direction_parse(direction, &d.direction)) return err_make(ERR_INPUT, "rights.direction", "The direction of a deal is in, out or own.");
    if (status.len && !rights_status_parse(status, &d.status)) return status_bad();
    if (d.direction != RIGHTS_OWN && !d.party.len) return err_make(ERR_NOT_FOUND, "rights.party_missing", "There is no such party.");
    struct public_id id;
    e = rights_deal_create(rights_of(c), c->org_id, &d, call_who(c)->user_id, &id);
    if (e.kind) return e;
    c->status = 201;
    return deal_put_whole(c, public_id_slice(&id));
}

static struct err deal_patch(struct call *c) {
    struct rights_deal_change ch = {0};
    struct body_object b = body_root(&c->body);
    struct slice status = body_text(b, "status");
    bool accepts = false;
    ch.reference = body_text(b, "reference");
    ch.has_reference = ch.reference.ptr;
    ch.has_status = status.ptr;
    ch.has_may_sublicense = body_flag(b, "may_sublicense", &ch.may_sublicense);
    body_flag(b, "accept_conflicts", &accepts);
    struct err e = body_end(&c->body);
    if (e.kind) return e;
    if (ch.has_status && !rights_status_parse(status, &ch.status)) return status_bad();
    struct slice id = call_param(c, "id");
    struct rights_standing_conflict_list found = {0};
    if ((ch.has_reference || ch.has_status || ch.has_may_sublicense) && accepts) e = rights_deal_change(rights_of(c), c->org_id, id, &ch, call_who(c)->user_id);
    else if (ch.has_reference || ch.has_status || ch.has_may_sublicense)
        e = rights_deal_change_checked(rights_of(c), c->arena, c->org_id, id, &ch, call_who(c)->user_id, &found);
    if (!e.kind) return deal_put_whole(c, id);
    return e.kind == ERR_CONFLICT && found.count ? put_refused(c, e, &found) : e;
}

/* --- lines --- */

/* Why contradictions were accepted stays with the lines. */
static struct err reason_add(struct call *c, struct rights_line_new *lines, size_t count, struct slice reason) {
    if (!reason.len) return ERR_OK;
    if (!utf8_is_display_text(reason, REASON_MAX))
        return err_make(ERR_INPUT, "rights.conflict_reason", "Say in at most 500 characters why the contradictions are accepted.");
    for (size_t i = 0; i < count; i++) {
        struct rights_terms *t = &lines[i].terms;
        t->note = arena_printf(c->arena, "%.*s%s%.*s", SLICE_ARG(t->note), t->note.len ? "\n" : "", SLICE_ARG(reason));
        if (!t->note.ptr) return err_memory();
    }
    return ERR_OK;
}

/* The lines as they now stand in the book, in the order of `made`. */
static struct err put_made(struct call *c, struct slice deal, const struct rights_line_list *made, const struct catalog_view *view) {
    struct rights_line_row row = {0};
    struct err e = rights_deal_get(rights_of(c), c->arena, c->org_id, deal, &row.deal);
    json_key(&c->w, "lines");
    json_begin_array(&c->w);
    for (size_t i = 0; !e.kind && i < made->count; i++) {
        row.line = made->items[i];
        rights_put_line(&c->w, &row, view, c->lang);
    }
    json_end(&c->w);
    return e;
}

/* {lines, dry_run, accept_conflicts, accept_reason}. */
struct lines_wish {
    struct rights_line_new *lines;
    size_t count;
    bool is_dry_run, accepts;
    struct rights_flaw flaw; /* of the line `at`, the first in which something is wrong */
    size_t at;
};

static struct err lines_read(struct call *c, const struct catalog_view *view, struct lines_wish *out) {
    struct body_object b = body_root(&c->body);
    size_t count = body_list(b, "lines"), read = count <= RIGHTS_APPEND_MAX ? count : 0;
    struct slice reason = body_text(b, "accept_reason");
    *out = (struct lines_wish){.lines = arena_alloc_array(c->arena, read + 1, sizeof *out->lines), .count = count};
    if (!out->lines) return err_memory();
    body_flag(b, "dry_run", &out->is_dry_run);
    body_flag(b, "accept_conflicts", &out->accepts);
    for (size_t i = 0; !out->flaw.error.kind && (i < read || !i); i++) {
        out->flaw = rights_line_read(c, body_item(b, "lines", i), view, &out->lines[i]);
        out->at = i;
    }
    struct err e = body_end(&c->body);
    if (!e.kind && (!count || count > RIGHTS_APPEND_MAX))
        e = err_make(ERR_INPUT, "rights.lines", "Give between one and a thousand lines at a time. More are imported from a file.");
    if (!e.kind && !out->flaw.error.kind) out->flaw.error = reason_add(c, out->lines, count, out->accepts ? reason : SLICE_NONE);
    return e;
}

static struct err lines_add(struct call *c) {
    struct catalog_view *view = NULL;
    struct lines_wish wish;
    struct rights_deal deal; /* whose deal it is not learns nothing else */
    struct err e = rights_deal_get(rights_of(c), c->arena, c->org_id, call_param(c, "id"), &deal);
    if (!e.kind) e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (!e.kind) e = lines_read(c, view, &wish);
    if (e.kind) {
        catalog_view_give(&view);
        return e;
    }
    struct rights_flaw flaw = wish.flaw;
    size_t at = wish.at;
    struct rights_appended made = {0};
    struct rights_lines_new ask = {.deal = call_param(c, "id"), .items = wish.lines, .count = wish.count, .is_dry_run = wish.is_dry_run, .accepts_conflicts = wish.accepts};
    if (!flaw.error.kind) flaw.error = rights_lines_append(rights_of(c), c->arena, c->org_id, &ask, &made, &at);
    bool is_conflict = flaw.error.kind == ERR_CONFLICT && !strcmp(flaw.error.code, "rights.conflict");
    if (flaw.error.kind == ERR_INPUT || is_conflict) {
        rights_begin_refusal(c, flaw, is_conflict ? -1 : (int64_t)at);
        if (is_conflict) e = put_conflicts(c, "conflicts", &made.conflicts, view);
        json_end(&c->w);
    } else if (flaw.error.kind) {
        e = flaw.error;
    } else {
        c->status = wish.is_dry_run ? 200 : 201;
        json_begin_object(&c->w);
        e = put_made(c, ask.deal, wish.is_dry_run ? &(struct rights_line_list){0} : &made.lines, view);
        if (!e.kind) e = put_conflicts(c, "conflicts", &made.conflicts, view);
        json_end(&c->w);
    }
    catalog_view_give(&view);
    return e;
}

static struct err line_withdraw(struct call *c) {
    c->status = 204;
    return rights_line_withdraw(rights_of(c), c->org_id, call_param(c, "id"));
}

/* {deal, line, replaces?}: as one types. */
static struct err conflicts_ask(struct call *c) {
    struct rights_line_new line;
    struct catalog_view *view = NULL;
    size_t at = 0;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    struct body_object b = body_root(&c->body);
    struct slice replaces = body_text(b, "replaces"), deal = body_text(b, "deal");
    struct rights_flaw flaw = rights_line_read(c, body_object(b, "line"), view, &line);
    e = body_end(&c->body);
    if (e.kind) {
        catalog_view_give(&view);
        return e;
    }
    if (!flaw.error.kind && replaces.len && !public_id_parse(replaces, &line.replaces))
        flaw.error = err_make(ERR_NOT_FOUND, "rights.line_missing", "There is no such line, or it was withdrawn.");
    struct rights_conflict_list found = {0};
    struct rights_lines_new ask = {.deal = deal, .items = &line, .count = 1};
    if (!flaw.error.kind) flaw.error = rights_conflicts(rights_of(c), c->arena, c->org_id, &ask, &found, &at);
    if (flaw.error.kind == ERR_INPUT) {
        rights_begin_refusal(c, flaw, -1);
        json_end(&c->w);
    } else if (flaw.error.kind) {
        e = flaw.error;
    } else {
        json_begin_object(&c->w);
        e = put_conflicts(c, "items", &found, view);
        json_end(&c->w);
    }
    catalog_view_give(&view);
    return e;
}

enum { STANDING_MAX = 1000 };

/* {total, items}: saved lines and what they contradict. */
static struct err put_standing(struct call *c, const struct rights_standing_conflict_list *list, size_t total) {
    struct catalog_view *view = NULL;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    json_begin_object(&c->w);
    json_put_number(&c->w, "total", (int64_t)total);
    json_key(&c->w, "items");
    json_begin_array(&c->w);
    for (size_t i = 0; !e.kind && i < list->count; i++) {
        const struct rights_line_row *first;
        e = rights_line_of(c, list->items[i].first_id, &first);
        json_begin_object(&c->w);
        rights_put_title(&c->w, "title", view, list->items[i].title_id, c->lang);
        json_key(&c->w, "first");
        if (!e.kind && first) rights_put_line(&c->w, first, view, c->lang);
        else json_add_null(&c->w);
        json_key(&c->w, "conflict");
        if (!e.kind) e = rights_put_conflict(c, &list->items[i].conflict, view);
        if (e.kind) json_add_null(&c->w);
        json_end(&c->w);
    }
    json_end(&c->w);
    json_end(&c->w);
    catalog_view_give(&view);
    return e;
}

/* All contradictions that stand. */
static struct err conflicts_list(struct call *c) {
    struct rights_standing_conflict_list list;
    size_t total;
    struct err e = rights_conflicts_standing(rights_of(c), c->arena, c->org_id, STANDING_MAX, &list, &total);
    return e.kind ? e : put_standing(c, &list, total);
}

/* Those of one deal's lines. */
static struct err deal_conflicts(struct call *c) {
    struct rights_standing_conflict_list list;
    size_t total;
    struct err e = rights_deal_conflicts(rights_of(c), c->arena, c->org_id, call_param(c, "id"), STANDING_MAX, &list, &total);
    return e.kind ? e : put_standing(c, &list, total);
}

const struct route rights_routes[] = {
    {HTTP_GET, "/api/v1/rights/parties", parties_list, CALL_RIGHTS},
    {HTTP_POST, "/api/v1/rights/parties", party_create, CALL_RIGHTS | CALL_CHANGES | CALL_JSON},
    {HTTP_PATCH, "/api/v1/rights/parties/{id}", party_patch, CALL_RIGHTS | CALL_CHANGES | CALL_JSON},
    {HTTP_GET, "/api/v1/rights/deals", deals_list, CALL_RIGHTS},
    {HTTP_POST, "/api/v1/rights/deals", deal_create, CALL_RIGHTS | CALL_CHANGES | CALL_JSON},
    {HTTP_GET, "/api/v1/rights/deals/{id}", deal_get, CALL_RIGHTS},
    {HTTP_PATCH, "/api/v1/rights/deals/{id}", deal_patch, CALL_RIGHTS | CALL_CHANGES | CALL_JSON},
    {HTTP_POST, "/api/v1/rights/deals/{id}/lines", lines_add, CALL_RIGHTS | CALL_CHANGES | CALL_JSON},
    {HTTP_DELETE, "/api/v1/rights/lines/{id}", line_withdraw, CALL_RIGHTS | CALL_CHANGES},
    {HTTP_GET, "/api/v1/rights/deals/{id}/conflicts", deal_conflicts, CALL_RIGHTS},
    {HTTP_GET, "/api/v1/rights/conflicts", conflicts_list, CALL_RIGHTS},
    {HTTP_POST, "/api/v1/rights/conflicts", conflicts_ask, CALL_RIGHTS | CALL_CHANGES | CALL_JSON},
    {0},
};

/* --- import: a body of its own kind and size --- */

struct body_reading {
    struct slice rest;
};
static struct err body_give(void *user, struct buf *out) {
    struct body_reading *b = user;
    enum { STEP = 1 << 20 };
    buf_append(out, slice_sub(b->rest, 0, STEP));
    b->rest = slice_sub(b->rest, STEP, b->rest.len);
    return ERR_OK;
}

static struct err put_import_conflicts(struct call *c, const struct rights_import *job) {
    struct catalog_view *view = NULL;
    struct err e = catalog_view_take(c->api->o.catalog, c->org_id, &view);
    if (e.kind) return e;
    struct json_writer *w = &c->w;
    json_put_number(w, "conflict_count", (int64_t)job->conflict_count);
    json_put_number(w, "conflict_lines", (int64_t)job->conflict_line_count);
    json_put_bool(w, "has_more_conflicts", job->has_more_conflicts);
    json_key(w, "conflicts");
    json_begin_array(w);
    for (size_t i = 0; i < job->conflicts.count; i++) {
        const struct rights_import_conflict *x = &job->conflicts.items[i];
        json_begin_object(w);
        json_put_number(w, "line", (int64_t)x->line);
        json_put_number(w, "column", (int64_t)x->column);
        rights_put_title(w, "title", view, x->title_id, c->lang);
        rights_put_clash(c, &x->conflict, x->other);
        json_key(w, "other");
        if (x->other && !x->other_line) rights_put_line(w, x->other, view, c->lang);
        else json_add_null(w);
        json_key(w, "other_line");
        if (x->other_line) json_add_number(w, (int64_t)x->other_line);
        else json_add_null(w);
        json_end(w);
    }
    json_end(w);
    catalog_view_give(&view);
    return ERR_OK;
}

static struct err import_run(struct call *c) {
    struct body_reading reading = {http_request_body(c->r)};
    struct rights_import job = {.org_id = c->org_id, .user_id = call_who(c)->user_id, .status = RIGHTS_ACTIVE, .is_dry_run = slice_eq(call_query(c, "dry_run"), SLICE("1")),
                                .accepts_conflicts = slice_eq(call_query(c, "accept_conflicts"), SLICE("1")), .accept_reason = call_query(c, "accept_reason"), .read = body_give, .user = &reading, .faults_max = IMPORT_FAULTS_MAX};
    struct slice status = call_query(c, "status");
    if (status.len && !rights_status_parse(status, &job.status)) return status_bad();
    struct arena *arena = arena_create(64 << 20);
    if (!arena) return err_memory();
    struct err e = rights_import(rights_of(c), arena, &job);
    bool is_refused = e.kind == ERR_INPUT || (e.kind == ERR_CONFLICT && job.conflict_count);
    if (!e.kind || is_refused) {
        if (is_refused) rights_begin_refusal(c, (struct rights_flaw){.error = e}, -1);
        else json_begin_object(&c->w);
        e = ERR_OK;
        json_put_number(&c->w, "lines", (int64_t)job.line_count);
        json_put_number(&c->w, "deals", (int64_t)job.deal_count);
        json_put_number(&c->w, "parties", (int64_t)job.party_count);
        json_put_number(&c->w, "error_count", (int64_t)job.fault_count);
        json_key(&c->w, "errors");
        json_begin_array(&c->w);
        for (size_t i = 0; i < job.faults.count; i++) {
            const struct rights_import_fault *f = &job.faults.items[i];
            struct slice message = text_lookup(c->lang, slice_cstr(f->fault.code));
            json_begin_object(&c->w);
            json_put_number(&c->w, "line", (int64_t)f->line);
            json_put_number(&c->w, "column", (int64_t)f->column);
            json_put_cstr(&c->w, "code", f->fault.code);
            json_put_string(&c->w, "message", message.len ? message : slice_cstr(f->fault.what));
            json_put_string(&c->w, "about", f->about);
            json_end(&c->w);
        }
        json_end(&c->w);
        e = put_import_conflicts(c, &job);
        json_end(&c->w);
    }
    arena_destroy(&arena);
    return e;
}

static void import_handle(struct http_request *r, void *arg) {
    struct call c;
    call_begin(&c, arg, r);
    struct err e = call_allow(&c, CALL_RIGHTS | CALL_CHANGES);
    if (!e.kind) e = import_run(&c);
    call_end(&c, e);
}

struct err rights_add_routes(struct api *a, struct http_server *server) {
    struct http_route route = {.method = HTTP_POST, .pattern = "/api/v1/rights/import", .handle = import_handle, .arg = a, .where = HTTP_ON_WORKER,
                               .body_bytes_max = IMPORT_BYTES_MAX};
    return http_server_route(server, &route);
}
