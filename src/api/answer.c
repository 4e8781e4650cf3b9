/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The frame around a call, and the one table that maps errors to statuses. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "api/room.h"
#include "base/fault.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

/* By code where the kind says too little; else by kind. */
static const struct {
    const char *code;
    int status;
} by_code[] = {
    {"session.required", 401},  {"token.required", 401},   {"session.wrong_codes", 429}, {"sign_in.many", 429}, {"sign_up.many", 429},
    {"profile.pin_many", 429},  {"upload.too_large", 413}, {"json.large", 413},          {"title.not_ready", 409}, {"feed.over", 409},
    {"channel.many", 409},      {"upload.incomplete", 409}, {"store.full", 507},         {"title.many", 409},
    {"profile.count", 409},     {"household.adults", 409}, {"household.invitations", 429}, {"tries.many", 429},       {"order.many", 409},         {"offer.many", 409},         {"coupon.many", 409},
        {"token.count", 409},      {"member.many", 409},         {"account.name", 400},        {"me.erasing", 500},
};
static const int by_kind[] = {
    [ERR_NONE] = 200, [ERR_INPUT] = 400, [ERR_NOT_FOUND] = 404, [ERR_DENIED] = 403, [ERR_CONFLICT] = 409,
    [ERR_BUSY] = 503, [ERR_LIMIT] = 503, [ERR_CANCELLED] = 503, [ERR_IO] = 500,     [ERR_BUG] = 500,
};

int answer_status(struct err e) {
    for (size_t i = 0; i < ARRAY_LEN(by_code); i++)
        if (!strcmp(by_code[i].code, e.code)) return by_code[i].status;
    return by_kind[e.kind];
}

/* Errors of the rooms below that mean the same to whoever asks get one code, for which there is a sentence in each language. */
static struct err for_outside(struct err e) {
    if (e.kind == ERR_LIMIT && (e.sys == ENOSPC || e.sys == EDQUOT || e.sys == EFBIG || !strcmp(e.code, "db.full")))
        return err_make(ERR_LIMIT, "store.full", "The server's disk is full. Nothing was lost; free some space and try again.");
    if ((e.kind == ERR_BUSY && strcmp(e.code, "sign_in.busy")) || (e.kind == ERR_LIMIT && e.sys))
        return err_make(ERR_BUSY, "request.busy", "The server is busy. Try again in a moment.");
    if (!strcmp(e.code, "db.in_doubt")) /* the one error after which it may stand: who just tries again might have it twice */
        return err_make(ERR_IO, "store.in_doubt", "The disk or the database did not confirm this. Look whether it is there before you try again.");
    if (e.kind == ERR_IO && slice_starts_with(slice_cstr(e.code), SLICE("db.")))
        return err_make(ERR_BUSY, "store.unavailable", "The server's database does not answer. Try again in a moment.");
    if (e.kind == ERR_IO || e.kind == ERR_BUG) return err_make(e.kind, "server.fault", "Something went wrong in the server. It has been logged.");
    return e;
}

/* What is said of a body: its sentence names the member. Empty: as of any other error. */
static struct slice flaw_sentence(struct buf *out, struct slice lang, const struct body_flaw *flaw) {
    const char *code = flaw->meant.len ? "body.unknown_near" : flaw->error.code;
    struct text_param params[] = {{SLICE("member"), flaw->about}, {SLICE("meant"), flaw->meant}};
    return text_format(out, lang, slice_cstr(code), params, ARRAY_LEN(params)) ? buf_slice(out) : SLICE_NONE;
}

static void put_flaw(struct json_writer *w, const struct body_flaw *flaw) {
    json_put_string(w, "about", flaw->about);
    if (strcmp(flaw->error.code, "body.unknown") != 0) return;
    if (flaw->meant.len) json_put_string(w, "meant", flaw->meant);
    json_key(w, "known");
    json_begin_array(w);
    for (size_t i = 0; i < flaw->shape->count; i++) json_add_cstr(w, flaw->shape->names[i]);
    json_end(w);
}

/* `flaw`: what of the body the error is about, or NULL. */
static void answer(struct http_request *r, struct slice lang, struct err inside, const struct body_flaw *flaw) {
    struct err e = for_outside(inside);
    int status = answer_status(e);
    if (status >= 500)
        log_error("api", "failed", LOG_SLICE("path", http_request_path(r)), LOG_INT("request", (int64_t)(http_request_id(r) >> 1)), LOG_ERR(inside));
    struct buf out = BUF(16384), sentence = BUF(4096);
    struct slice message = flaw ? flaw_sentence(&sentence, lang, flaw) : SLICE_NONE;
    if (!message.len) message = text_lookup(lang, slice_cstr(e.code));
    struct json_writer w = json_writer_of(&out);
    json_begin_object(&w);
    json_key(&w, "error");
    json_begin_object(&w);
    json_put_cstr(&w, "code", e.code);
    json_put_string(&w, "message", message.len ? message : slice_cstr(e.what));
    if (flaw) put_flaw(&w, flaw);
    json_end(&w);
    json_end(&w);
    struct http_field field = {SLICE("retry-after"), status != 429 ? SLICE("1") : !strcmp(e.code, "sign_in.many") ? SLICE("15") : SLICE("60")};
    if (status == 401) field = (struct http_field){SLICE("www-authenticate"), !strcmp(e.code, "token.required") ? SLICE("Bearer error=\"invalid_token\"") : SLICE("Bearer")};
    struct http_response response = {.status = status, .content_type = SLICE("application/json"), .cache_control = SLICE("no-store"),
                                     .fields = &field, .field_count = status == 503 || status == 429 || status == 401, .body = http_body_copy(buf_slice(&out))};
    http_respond(r, &response);
    buf_free(&sentence);
    buf_free(&out);
}

void answer_error(struct http_request *r, struct slice lang, struct err e) { answer(r, lang, e, NULL); }

/* ?lang=, then the cookie, then what the browser prefers. */
struct slice request_language(struct http_request *r) {
    struct slice wish;
    if (http_request_query(r, SLICE("lang"), &wish) && wish.len) return text_language_of(wish);
    if (http_request_cookie(r, SLICE("lang"), &wish) && text_language_is_known(wish)) return text_language_of(wish);
    if (http_request_header(r, SLICE("accept-language"), &wish)) return text_language_accepted(wish);
    return text_languages[0].code;
}

struct slice request_origin(struct http_request *r, struct arena *arena) {
    struct slice host = http_request_host(r);
    if (!host.len) host = SLICE("localhost");
    return arena_printf(arena, "%s://%.*s", http_request_is_https(r) ? "https" : "http", SLICE_ARG(host));
}

void call_begin(struct call *c, struct api *api, struct http_request *r) {
    *c = (struct call){.api = api, .r = r, .arena = http_request_arena(r), .status = 200, .out = BUF(JSON_BYTES_MAX)};
    c->w = json_writer_of(&c->out);
    c->org_id = account_org_of_host(api->o.account, http_request_host(r));
    c->lang = request_language(r);
}

static struct err body_read(struct call *c) {
    struct err e = body_open(&c->body, c->arena, http_request_body(c->r), BODY_BYTES_MAX);
    return e.kind == ERR_INPUT ? err_make(ERR_INPUT, "request.malformed", "The body of this request is not JSON of the expected form.") : e;
}

void call_end(struct call *c, struct err e) {
    if (!e.kind && !c->is_answered && c->out.has_failed) e = err_memory();
    if (!e.kind && arena_overflowed(c->arena)) e = err_memory();
    if (!e.kind) e = c->caller_error;
    if (e.kind && !c->is_answered) {
        bool is_of_body = c->body.flaw.error.code && e.code == c->body.flaw.error.code;
        answer(c->r, c->lang, e, is_of_body ? &c->body.flaw : NULL);
    } else if (!c->is_answered) {
        bool is_get = http_request_method(c->r) == HTTP_GET || http_request_method(c->r) == HTTP_HEAD;
        bool is_kept = is_get && !c->is_personal; /* by the browser, which asks each time whether it still holds */
        if (is_kept) c->fields[c->field_count++] = (struct http_field){SLICE("vary"), SLICE("accept-language, cookie")};
        char etag[24];
        snprintf(etag, sizeof etag, "\"%016llx\"", (unsigned long long)slice_hash(buf_slice(&c->out)));
        struct http_response response = {
            .status = c->status,
            .content_type = c->out.len ? SLICE("application/json") : SLICE_NONE,
            .cache_control = is_kept ? SLICE("private, no-cache") : SLICE("no-store"),
            .etag = is_kept && c->status == 200 ? slice_cstr(etag) : SLICE_NONE,
            .fields = c->fields,
            .field_count = c->field_count,
            .body = c->out.len ? http_body_copy(buf_slice(&c->out)) : (struct http_body){0},
        };
        http_respond(c->r, &response);
    }
    body_close(&c->body);
    buf_free(&c->out);
}

void call_answer_file(struct call *c, struct slice content_type, struct slice name, bool is_shown, struct slice bytes) {
    struct slice disposition = arena_printf(c->arena, "%s; filename=\"%.*s\"", is_shown ? "inline" : "attachment", SLICE_ARG(name));
    struct http_field field = {SLICE("content-disposition"), disposition};
    struct http_response response = {.content_type = content_type, .cache_control = SLICE("no-store"), .fields = &field, .field_count = 1, .body = http_body_copy(bytes)};
    http_respond(c->r, &response);
    c->is_answered = true;
}

struct slice call_param(const struct call *c, const char *name) { return http_request_param(c->r, slice_cstr(name)); }

struct slice call_query(struct call *c, const char *name) {
    struct slice value;
    return http_request_query(c->r, slice_cstr(name), &value) ? value : SLICE_NONE;
}

/* A route with its api behind it: what a handler gets as its argument. */
struct route_bound {
    struct api *api;
    const struct route *route;
    struct route_bound *next;
};

static struct err route_run(struct call *c, const struct route *route) {
    struct err e = call_allow(c, route->flags);
    bool takes_body = route->flags & (CALL_JSON | CALL_EMPTY);
    if (!e.kind && !c->wants_worker && takes_body) e = body_read(c);
    if (!e.kind && route->flags & CALL_EMPTY) e = body_end(&c->body);
    if (e.kind || c->wants_worker) return e;
    e = route->call(c);
    assert(e.kind || c->status >= 400 || c->wants_worker || !takes_body || c->body.has_ended); /* else unknown members were passed over */
    return e;
}

static void route_handle(struct http_request *r, void *arg) {
    struct route_bound *bound = arg;
    struct call c;
    call_begin(&c, bound->api, r);
    call_end(&c, route_run(&c, bound->route));
}

/* What was written so far is thrown away when it turns out that a worker has to do it. */
static void route_handle_on_loop(struct http_request *r, void *arg) {
    struct route_bound *bound = arg;
    struct call c;
    call_begin(&c, bound->api, r);
    c.is_on_loop = true;
    struct err e = route_run(&c, bound->route);
    if (!c.wants_worker) {
        call_end(&c, e);
        return;
    }
    body_close(&c.body);
    buf_free(&c.out);
    http_request_to_worker(r, route_handle, bound);
}

static struct err routes_add(struct api *api, const struct route *routes) {
    for (const struct route *route = routes; route->pattern; route++) {
        struct route_bound *bound = mem_zalloc(sizeof *bound);
        if (!bound) return err_memory();
        *bound = (struct route_bound){api, route, api->bound};
        api->bound = bound;
        struct http_route http = {.method = route->method, .pattern = route->pattern, .handle = route_handle, .arg = bound, .where = HTTP_ON_WORKER,
                                  .body_bytes_max = route->flags & (CALL_JSON | CALL_EMPTY) ? BODY_BYTES_MAX : 0};
        if (route->flags & CALL_ON_LOOP) {
            http.handle = route_handle_on_loop;
            http.where = HTTP_ON_LOOP;
        }
        struct err e = http_server_route(api->o.server, &http);
        if (e.kind) return e;
    }
    return ERR_OK;
}

struct err api_open(struct api **out, const struct api_options *options) {
    struct api *a = mem_zalloc(sizeof *a);
    if (!a) return err_memory();
    a->o = *options;
    if (!a->o.name) a->o.name = "Grandstand";
    if (!a->o.upload_bytes_max) a->o.upload_bytes_max = UINT64_C(1) << 40;
    a->uploads_fd = -1;
    a->news.event_fd = -1;
    lock_init(&a->lock, LOCK_api);
    a->importer = (struct importer){.db = a->o.db, .ids = a->o.ids, .catalog = a->o.catalog, .rights = a->o.rights, .objects = a->o.objects, .delivery = a->o.delivery,
                                    .jobs = a->o.jobs, .uploads_path = a->o.uploads_path};
    struct err e = keys_named(a->o.keys, "names", &a->names);
    if (!e.kind) e = fs_open(AT_FDCWD, a->o.uploads_path, O_RDONLY | O_DIRECTORY, 0, &a->uploads_fd);
    if (!e.kind) e = uploads_sweep(a, INT64_MAX); /* nothing is arriving yet */
    if (!e.kind) e = pages_open(a);
    static const struct route *const all[] = {
        site_routes, title_routes, playback_routes, session_routes, operator_routes, row_routes, search_routes, person_routes, catalogue_routes, art_routes,
        rights_routes, rights_why_routes, upload_routes, job_routes, channel_routes,
        me_routes, adult_routes, sign_routes, profile_routes, member_routes, household_routes, organisation_routes, grant_routes, mail_routes,
        offer_routes, order_routes, plan_routes, finance_order_routes, finance_offer_routes, finance_ledger_routes, finance_parked_routes, finance_payment_routes, finance_revenue_routes, finance_settings_routes, pay_routes,
    };
    for (size_t i = 0; !e.kind && i < ARRAY_LEN(all); i++) e = routes_add(a, all[i]);
    if (!e.kind) e = uploads_add_routes(a, a->o.server);
    if (!e.kind) e = catalogue_add_routes(a, a->o.server);
    if (!e.kind) e = art_add_routes(a, a->o.server);
    if (!e.kind) e = rights_add_routes(a, a->o.server);
    if (!e.kind) e = pay_add_routes(a, a->o.server);
    if (!e.kind) e = metrics_add_routes(a, a->o.server);
    if (!e.kind) e = pages_add_routes(a, a->o.server);
    if (!e.kind) e = events_open(a);
    if (e.kind) api_close(&a);
    else *out = a;
    return e;
}

void api_close(struct api **api) {
    struct api *a = *api;
    if (!a) return;
    events_close(a);
    pages_close(a);
    for (struct route_bound *b = a->bound, *next; b; b = next) {
        next = b->next;
        mem_free(b);
    }
    fs_close(&a->uploads_fd);
    lock_destroy(&a->lock);
    MEM_FREE(api);
}

enum { JOB_DAYS_KEPT = 30 };

struct err api_tick(struct api *a) {
    struct utc_time before = {clock_utc(a->o.clock).ns - JOB_DAYS_KEPT * 24 * 3600 * NS_PER_S};
    struct err e = job_prune(a->o.jobs, before);
    geo_tick(a->o.geo);
    return e.kind ? e : uploads_clean(a);
}

#ifdef GRANDSTAND_TEST_DOORS
struct test_doors {
    struct api *api;
    struct clock *clock;
};
static struct test_doors doors;

static void test_clock(struct http_request *r, void *arg) {
    struct test_doors *bound = arg;
    json_t *body = NULL;
    int64_t ms = 0;
    struct err e = json_parse(http_request_body(r), 1000, &body);
    if (!e.kind && json_get_integer(body, "advance_ms", &ms) && ms >= 0) clock_manual_advance(bound->clock, ms * NS_PER_MS);
    http_server_poke(bound->api->o.server);
    broadcast_test_tick(bound->api->o.broadcast);
    ledger_wake(bound->api->o.ledger);
    for (int i = 0; !e.kind && i < 3; i++) { /* a renewal asks a provider, whose word renews, which may be due again */
        e = order_tick(bound->api->o.order);
        if (!e.kind) e = pay_run(bound->api->o.pay);
    }
    access_sweep(bound->api->o.access);
    if (body) json_decref(body);
    http_respond_bytes(r, e.kind ? 400 : 200, SLICE("application/json"), SLICE("{}"));
}

/* {"arm": "write:1+"} lets writes fail from the next one on, as on a full disk; "" ends it. */
static void test_fault(struct http_request *r, void *arg) {
    json_t *body = NULL;
    struct err e = json_parse(http_request_body(r), 1000, &body);
    struct slice arm = e.kind ? SLICE_NONE : json_get_string(body, "arm");
    bool is_armed = !e.kind;
    fault_disarm_all();
    if (arm.len) is_armed = fault_arm_from_text(arm.ptr);
    if (body) json_decref(body);
    http_respond_bytes(r, is_armed ? 200 : 400, SLICE("application/json"), SLICE("{}"));
}

static void test_tick(struct http_request *r, void *arg) {
    struct api *a = arg;
    struct err e = api_tick(a);
    if (!e.kind) e = account_tick(a->o.account);
    http_respond_bytes(r, e.kind ? 500 : 200, SLICE("text/plain"), slice_cstr(e.kind ? e.code : "done"));
}

struct err api_add_test_doors(struct api *a, struct clock *manual) {
    doors = (struct test_doors){a, manual};
    struct http_route route = {.method = HTTP_POST, .pattern = "/test/clock", .handle = test_clock, .arg = &doors, .where = HTTP_ON_WORKER, .body_bytes_max = 1000};
    struct err e = http_server_route(a->o.server, &route);
    if (e.kind) return e;
    route.pattern = "/test/fault";
    route.handle = test_fault;
    e = http_server_route(a->o.server, &route);
    if (e.kind) return e;
    route.pattern = "/test/tick";
    route.handle = test_tick;
    route.arg = a;
    return http_server_route(a->o.server, &route);
}
#endif
