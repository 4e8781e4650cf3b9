/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * api.h: the server's answers: the JSON API under /api/v1 (openapi.yaml), the first HTML of the pages, artwork, and what
 * machines ask (/healthz, /metrics). HTTP in, calls of the business in between, JSON out; one file per resource.
 *
 * An error of a call below becomes a status in one table (answer.c) and a sentence in the language of the request
 * (text/errors.json).
 *
 * The organisation of a request is that of its host name; every call binds it. An operator's session belongs to one. */
#ifndef API_API_H
#define API_API_H

#include "api/import.h"
#include "business/access/access.h"
#include "business/account/account.h"
#include "business/catalog/catalog.h"
#include "business/ledger/ledger.h"
#include "business/offer/offer.h"
#include "business/order/order.h"
#include "business/pay/pay.h"
#include "delivery/delivery.h"
#include "event/broadcast/broadcast.h"
#include "system/http/http.h"
#include "system/job/job.h"
#include "system/keys/keys.h"

extern const struct db_schema api_schema; /* uploads */

struct api;

/* Where encoders reach us, for the addresses that the operator copies. */
struct api_ingest {
    uint16_t rtmp_port, srt_port; /* 0: not listening */
    const char *srt_passphrase;   /* NULL: none */
};

struct api_options {
    struct db *db;
    const struct clock *clock;
    struct id_maker *ids;
    struct keys *keys;           /* of the house: what rows without public ids are called */
    struct account *account;
    struct mail *mail;           /* the outbox, for the operator's page */
    struct catalog *catalog;
    struct rights *rights;
    struct ledger *ledger;
    struct pay *pay;
    struct offers *offers;       /* what is sold */
    struct order_room *order;    /* what was bought */
    struct access *access;       /* who may watch what */
    struct geo *geo;             /* where addresses lie */
    const char *home_territory;  /* of addresses that have no place: "DE" or "US-CA"; NULL: that of the organisation */
    struct delivery *delivery;
    struct object_store *objects;
    struct job_runner *jobs;
    struct broadcast *broadcast;
    const struct api_ingest *ingest; /* may be filled in until the server is started */
    struct http_server *server;
    const char *uploads_path;    /* folder */
    const char *pages_path;      /* folder of the built pages; NULL: none, then a plain page stands in */
    const char *name;            /* of the site; NULL: "Grandstand" */
    const char *version;
    uint64_t upload_bytes_max;   /* of one file; 0: 1 TB */
};

/* Adds all routes to the server, which is not started yet; starts "api-events". Errors: of the rooms below, ERR_NOT_FOUND
 * (pages), memory. */
MUST_USE struct err api_open(struct api **out, const struct api_options *);
/* After the server has stopped. */
void api_close(struct api **);

/* For the job runner's on_change: hands the news to "api-events". Quick; any thread. */
void api_on_job_change(void *api_at, const struct job_change *);

/* For broadcast's on_change: the same. */
void api_on_channel_change(void *api_at, int64_t org_id, const struct public_id *title);

/* From time to time: removes uploads that nobody finished for a day, and forgets work that ended a month ago. May block. */
MUST_USE struct err api_tick(struct api *);

#ifdef GRANDSTAND_TEST_DOORS
/* POST /test/clock {"advance_ms": n} turns a manual clock by hand; POST /test/fault {"arm": "write:1+"} arms base/fault.h; POST /test/tick
 * does what is done from time to time. */
MUST_USE struct err api_add_test_doors(struct api *, struct clock *manual);
#endif

#endif
