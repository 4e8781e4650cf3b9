/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * room.h: what the files of api share. Within api only.
 *
 * Most handlers are an api_call: it gets the request's organisation and language worked out, writes JSON into `w`, and
 * returns an error or ERR_OK; the frame around it (answer.c) checks who may call, answers, maps errors and sets the
 * headers. A call that answers by itself sets `is_answered`. */
#ifndef API_ROOM_H
#define API_ROOM_H

#include "api/api.h"
#include "api/body.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/thread.h"
#include "text/text.h"

enum { JSON_BYTES_MAX = 16 << 20, BODY_BYTES_MAX = 256 << 10, JOBS_SHOWN_MAX = 100, ROW_ITEMS_MAX = 20, SEARCH_ITEMS_MAX = 60 };

struct org_topic { /* the events of one organisation's operators */
    struct org_topic *next;
    int64_t org_id;
    struct http_topic *topic;
    char host[256]; /* what its operators call us, for the addresses of channels in events */
};
struct news { /* what the job runner or broadcast told, on its way to "api-events" */
    struct inbox_item item;
    enum { NEWS_JOB, NEWS_CHANNEL, NEWS_END } kind;
    struct job_change change;
    int64_t org_id;
    struct public_id channel;
};

/* Tries of what can be guessed, by whoever tries: a measure of ten that fills up again by one a minute. */
enum { TRIES_PLACES = 4096 };
struct tries {
    struct try_place {
        uint64_t who;        /* a hash; 0: free */
        struct mono_time full_at;
    } places[TRIES_PLACES];
};

struct api {
    struct api_options o;
    struct importer importer;
    struct http_static *pages;
    struct slice index_html; /* of the pages; empty without */
    struct key names;        /* of what is called outside by a name that its id makes: see call_name */
    int uploads_fd;
    struct lock lock; /* of what stands below */
    struct org_topic *topics;
    struct upload_open *uploads_open;
    struct tries gift_card_tries;
    struct inbox news;
    struct news end;
    struct thread *events;
    struct route_bound *bound;
};

/* Who calls. */
enum caller { CALLER_UNASKED, CALLER_NOBODY, CALLER_SESSION, CALLER_TOKEN };

struct call {
    struct api *api;
    struct http_request *r;
    struct arena *arena;
    int64_t org_id;
    struct slice lang; /* one of text_languages */
    struct body body;  /* of routes with CALL_JSON: read it whole, end it, then do something */
    struct json_writer w;
    struct buf out;
    int status;        /* 200 unless set */
    struct http_field fields[8];
    size_t field_count;
    bool is_answered;
    bool is_personal;  /* the answer is for this caller alone: it is stored nowhere, and has no ETag */
    bool is_on_loop;   /* of a route with CALL_ON_LOOP: nothing may block now */
    bool wants_worker; /* set by a call that found it has to: its answer is thrown away and it runs again on a worker */
    /* of call_who */
    enum caller caller;
    struct account_who who;
    struct err caller_error;
    struct geo_place place; /* of call_place */
    struct access_viewer viewer; /* of call_viewer */
    bool has_place, has_viewer;
};
typedef struct err api_call(struct call *);

/* Who may call: of the flags from CALL_USER to CALL_HOUSEHOLDS any one that is met will do; without one of them, everybody may. An operator
 * meets them all but CALL_USER. Nobody at all gets 401 session.required, a role too low 403 role.required, a token without the
 * scope 403 token.scope; a flag without scopes is closed to all tokens. */
enum call_flags {
    CALL_PUBLIC = 0,
    CALL_USER = 1 << 0,       /* somebody with an account here */
    CALL_OPERATOR = 1 << 1,   /* the control room */
    CALL_EDITOR = 1 << 2,     /* the catalogue; tokens catalog:read, catalog:write */
    CALL_RIGHTS = 1 << 3,     /* contracts; tokens rights:read, rights:write */
    CALL_FINANCE = 1 << 4,    /* money; tokens finance:read, finance:write */
    CALL_LIVE = 1 << 5,       /* operators; tokens live:write */
    CALL_HOUSEHOLDS = 1 << 6, /* operators; tokens households:read, households:write */
    CALL_WHO = CALL_USER | CALL_OPERATOR | CALL_EDITOR | CALL_RIGHTS | CALL_FINANCE | CALL_LIVE | CALL_HOUSEHOLDS,

    CALL_CHANGES = 1 << 8,  /* needs X-Grandstand: 1 and an Origin that is ours, if one is sent; not from a token, which no browser adds by itself */
    CALL_GUARDED = 1 << 9,  /* the same, but only of those who bring a session's cookie: for what players without pages do too */
    CALL_JSON = 1 << 10,    /* takes a JSON body, whose reading the call ends before it does anything: see body.h */
    CALL_ON_LOOP = 1 << 11, /* never blocks when its caller is known in memory: runs on the loop thread then, else on a worker */
    CALL_PERSONAL = 1 << 12, /* sets is_personal, as each flag of CALL_WHO does */
    CALL_EMPTY = 1 << 13,    /* takes a JSON body without members, or none */
};
struct route {
    enum http_method method;
    const char *pattern;
    api_call *call;
    int flags;
};
/* Within one file each; gathered in api.c. */
extern const struct route site_routes[], title_routes[], playback_routes[], session_routes[], operator_routes[], row_routes[], search_routes[], person_routes[], catalogue_routes[], art_routes[], upload_routes[], job_routes[], channel_routes[];
extern const struct route rights_routes[], rights_why_routes[], grant_routes[], me_routes[], adult_routes[], sign_routes[], profile_routes[], member_routes[], household_routes[], organisation_routes[], mail_routes[];
extern const struct route order_routes[], offer_routes[], plan_routes[], finance_order_routes[], finance_offer_routes[], finance_ledger_routes[], finance_parked_routes[], finance_payment_routes[], finance_revenue_routes[], finance_settings_routes[], pay_routes[];

/* The frame, for handlers that are none of the above (uploads in pieces, pages). */
void call_begin(struct call *, struct api *, struct http_request *);
/* Answers 200 with these bytes, to be kept under this name; `is_shown`: in the browser, rather than saved at once. Copies. */
void call_answer_file(struct call *, struct slice content_type, struct slice name, bool is_shown, struct slice bytes);
struct err call_allow(struct call *, int flags); /* session.required, role.required, token.scope, request.origin */
void call_end(struct call *, struct err);        /* answers; frees */

/* Who is calling, by the token in Authorization or by the session's cookie: found once per request, from memory where it is known there. Never
 * NULL; all zero for nobody, which a cookie that is no session (any more) is too. If it could not be found out (a token that is none, a store
 * that does not answer, a loop thread that would have to wait) this is nobody as well, and the frame answers with the error, whatever the call says. */
const struct account_who *call_who(struct call *);
bool call_is(struct call *, int who); /* would call_allow(who) let the caller in? Says nothing about tokens' scopes for changes */
/* The session's cookie: a new one after signing in, none after signing out. */
struct slice call_session(const struct call *); /* empty: none was sent */
void call_session_set(struct call *, struct slice secret, int64_t seconds);
/* Where the caller is, for what may be shown there. Both live as long as the call. */
const struct geo_place *call_place(struct call *);
struct slice call_territory(struct call *); /* the country: ISO 3166-1 alpha-2 */
/* The caller as access asks for him. On a loop thread it may set wants_worker. */
const struct access_viewer *call_viewer(struct call *);
/* May the caller watch it now? Without counting streams; of a series, a season, a collection: anything in it. With its outlook. */
struct access_answer call_decide(struct call *, const struct catalog_view *, const struct catalog_title *);
/* May anybody watch it here for nothing? Never of what holds others: those may differ. */
bool call_is_free(struct call *, const struct catalog_view *, const struct catalog_title *);
/* The members `access` and `sale` of a title. */
void access_put(struct call *, struct json_writer *, const struct catalog_view *, const struct catalog_title *);
/* Members `message` and `dated`. */
void access_put_sentence(struct call *, struct json_writer *, const struct access_answer *, const struct geo_place *, int64_t now_s);
/* The zone of the device, as its pages have left it in the cookie `zone`; UTC of who brings none, as scripts do. */
struct text_zone call_readers_zone(struct call *);
/* In which zone moments are said in the first HTML. */
struct text_zone call_zone(struct call *);
/* The sentence alone, in that zone, in the call's arena; empty: there is none to say. */
struct slice call_access_message(struct call *, const struct access_answer *);
/* Makes the call's answer a 403 with the reason, its sentence, and what runs elsewhere if that is it. */
struct err access_put_refusal(struct call *, const struct catalog_view *, const struct access_answer *, bool was_watching);
/* Members `grants` and `streams` of a household, for operators. */
struct err access_put_grants(struct call *, int64_t household_id);
/* Takes one of this household's and of this address's tries. ERR_LIMIT tries.many. */
struct err tries_take(struct call *, struct tries *);
void answer_error(struct http_request *, struct slice lang, struct err);
int answer_status(struct err);

struct slice call_param(const struct call *, const char *name);
struct slice call_query(struct call *, const char *name); /* empty if missing */
struct slice request_language(struct http_request *);
/* Rows without a public id of their own (transfers, events, charge-backs, parked words; also where a page ends) are called by their sealed id: stable for as long as
 * the house has its keys, good in this organisation and for this kind alone. */
enum call_naming { NAME_TRANSFER, NAME_EVENT, NAME_CHARGEBACK, NAME_PARKED, NAME_GIFT_CARD, NAME_STATEMENT, NAME_HOUSEHOLD };
void call_put_name(struct call *, const char *member, enum call_naming, int64_t id); /* 0: null */
struct slice call_name(struct call *, enum call_naming, int64_t id);                 /* in its arena */
bool call_name_read(const struct call *, enum call_naming, struct slice name, int64_t *id);
/* The cursor `after` of a list; *id stays without one. ERR_INPUT request.malformed. */
MUST_USE struct err call_after(struct call *, enum call_naming, int64_t *id);
/* "https://example.org", as the client calls us. */
struct slice request_origin(struct http_request *, struct arena *);

/* Payment, and of which order it is. The members alone, without the order, go into an object that is open. */
struct pay_info;
void payment_put(struct call *, struct json_writer *, const struct pay_info *, struct slice order);
void payment_put_members(struct call *, struct json_writer *, const struct pay_info *);

/* The rows of the home page: those that an editor arranged and that are due, else the usual ones. */
enum { HOME_ROWS_MAX = 40 };
struct home_row {
    struct slice id, label;
    enum catalog_source source;
    const struct catalog_title *const *items;
    size_t count; /* at least 1, but for CATALOG_CONTINUE, which the page fills with what its viewer has begun */
};
struct home_rows {
    struct home_row rows[HOME_ROWS_MAX];
    size_t count;
};
struct err titles_home_rows(struct call *, const struct catalog_view *, struct home_rows *);
struct err titles_put_rows(struct call *, struct json_writer *, const struct catalog_view *, bool is_home, struct slice kind, struct slice query);

/* Writing titles for the caller: his language, his territory's rating. */
void put_time_or_null(struct json_writer *, const char *name, int64_t ms); /* since 1970; 0: null */
void title_put(struct call *, struct json_writer *, const struct catalog_view *, const struct catalog_title *);
void title_put_members(struct call *, struct json_writer *, const struct catalog_view *, const struct catalog_title *); /* without the braces */
void title_put_whole(struct call *, struct json_writer *, const struct catalog_view *, const struct catalog_title *);
void site_put(struct json_writer *, const struct api *, bool is_operator);
const struct catalog_title **title_episodes(struct arena *, const struct catalog_view *, const struct catalog_title *series, size_t *count);
struct slice title_poster_url(struct arena *, const struct catalog_title *, struct slice lang);

struct err uploads_clean(struct api *);
/* Removes files, written to last before then, that neither an upload nor an unfinished import knows: the program was killed between the
 * end of an import and the removal of its file, or between the file and its row. While the server runs, young ones may have their row on the way. */
struct err uploads_sweep(struct api *, int64_t before_s);
struct err pages_open(struct api *);
void pages_close(struct api *);
struct err pages_add_routes(struct api *, struct http_server *);
struct err uploads_add_routes(struct api *, struct http_server *);
/* For routes that take a file: on_begin calls the first, with CALL_* flags; on_chunk is the second, with the api as its argument; the handler asks
 * the third. */
void raw_body_begin(struct http_request *, struct api *, int flags, size_t bytes_max);
void raw_body_chunk(struct http_request *, struct slice chunk, void *api);
struct slice raw_body_of(struct http_request *);
struct err catalogue_add_routes(struct api *, struct http_server *);
struct err art_add_routes(struct api *, struct http_server *);
struct err rights_add_routes(struct api *, struct http_server *);
struct err pay_add_routes(struct api *, struct http_server *);
struct err metrics_add_routes(struct api *, struct http_server *);
struct err events_open(struct api *);
void events_close(struct api *);
struct http_topic *events_topic(struct api *, int64_t org_id); /* NULL: memory */
void job_put(struct json_writer *, const struct job_info *);
void events_host_set(struct api *, int64_t org_id, struct slice host);
/* The event `channel` of one channel; NULL: memory. */
struct http_blob *channel_event(struct api *, int64_t org_id, struct slice title, struct slice host);

#endif
