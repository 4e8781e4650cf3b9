/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What machines ask: /healthz (does it work?) and /metrics (Prometheus text format 0.0.4). */
#include <stdio.h>

#include "api/room.h"

static void metric(struct buf *out, const char *name, const char *labels, const char *help, uint64_t value) {
    bool is_gauge = !slice_ends_with(slice_cstr(name), SLICE("_total"));
    if (help) buf_printf(out, "# HELP grandstand_%s %s\n# TYPE grandstand_%s %s\n", name, help, name, is_gauge ? "gauge" : "counter");
    buf_printf(out, "grandstand_%s%s ", name, labels);
    buf_u64_text(out, value);
    buf_cstr(out, "\n");
}

static void metrics_get(struct http_request *r, void *arg) {
    struct api *a = arg;
    struct buf out = BUF(1 << 20);
    struct http_counters http;
    struct delivery_stats delivery;
    http_server_counters(a->o.server, &http);
    delivery_stats(a->o.delivery, &delivery);
#define HTTP_COUNTER(name, help) metric(&out, "http_" #name, "", help, http.name);
#include "system/http/counters.tbl.h"
#undef HTTP_COUNTER
    for (int v = 0; v < TOKEN_VERDICTS; v++) {
        struct err e = token_verdict_error((enum token_verdict)v);
        char label[64];
        snprintf(label, sizeof label, "{verdict=\"%s\"}", e.kind ? e.code : "token.valid");
        metric(&out, "media_requests_total", label, v == 0 ? "Requests for media by what became of their token" : NULL, delivery.verdicts[v]);
    }
    metric(&out, "token_cache_hits_total", "", "Tokens that had been verified before", delivery.token_cache_hits);
    metric(&out, "shelf_hits_total", "", "Requests for media answered from what was open already", delivery.shelf_hits);
    metric(&out, "shelf_misses_total", "", "Requests for media for which a file was opened or a playlist made", delivery.shelf_misses);
    metric(&out, "shelf_entries", "", "Open files and finished playlists", delivery.shelf_entries);
    metric(&out, "revocations", "", "Sessions ended whose tokens have not expired yet", delivery.revocations_live);
    struct broadcast_stats on_air;
    broadcast_stats(a->o.broadcast, &on_air);
    metric(&out, "live_channels", "{state=\"waiting\"}", "Channels that are open, by state", on_air.waiting);
    metric(&out, "live_channels", "{state=\"live\"}", NULL, on_air.live);
    metric(&out, "live_publishers", "", "Encoders that are sending", on_air.publishers);
    metric(&out, "live_publishers_total", "", "Encoders that were let in", on_air.publishers_total);
    metric(&out, "live_publishers_refused_total", "", "Encoders that were turned away", on_air.refused_total);
    metric(&out, "live_viewers", "", "Sessions watching titles on air", delivery.viewers);
    metric(&out, "live_waiters", "", "Requests that wait for a part or a playlist", on_air.waiters);
    metric(&out, "live_requests_total", "", "Requests for titles on air", delivery.live_requests);
    metric(&out, "live_waits_total", "", "Requests that had to wait", delivery.live_waits);
    metric(&out, "live_streams_total", "", "Answers that went on while their segment grew", delivery.live_streams);
    metric(&out, "live_cut_total", "", "Of those: ended early, since the token ended or the client was too slow", delivery.live_cut);
    metric(&out, "live_parts", "", "Parts made by the channels that are open", on_air.parts);
    metric(&out, "live_parts_late", "", "Of those: closed more than 50 ms after their last frame", on_air.parts_late);
    metric(&out, "live_parts_recorded", "", "Of those: on the disk", on_air.recorded_parts);
    metric(&out, "live_parts_lost", "", "Of those: not recorded, the disk was full or slow", on_air.lost_parts);
    metric(&out, "live_samples_dropped", "", "Frames that came and could not be used", on_air.samples_dropped);
    metric(&out, "live_recorded_bytes", "", "Recorded by the channels that are open", on_air.recorded_bytes);
    metric(&out, "live_ring_bytes", "", "Parts in memory", on_air.ring_bytes);
    struct access_stats access;
    access_stats(a->o.access, &access);
    metric(&out, "access_decisions_total", "", "Times it was asked whether somebody may watch something", access.decisions);
    metric(&out, "access_refusals_total", "", "Of those: no", access.refusals);
    metric(&out, "access_streams", "", "Streams that run", access.streams);
    metric(&out, "access_grants", "", "Titles granted to households by hand", access.grants);
    metric(&out, "access_sweeps_total", "", "Times all running streams were decided again", access.sweeps);
    metric(&out, "access_streams_ended_total", "", "Streams that ended because they lost their right", access.ended);
    struct account_stats accounts = account_stats(a->o.account);
    struct mail_stats mails = mail_stats(a->o.mail);
    metric(&out, "account_password_hashes_total", "", "Passwords worked out (argon2id)", accounts.password_hashes);
    metric(&out, "account_sign_in_refusals_total", "", "Times that signing in was refused", accounts.sign_in_refusals);
    metric(&out, "mails_sent_total", "", "Letters that the mail server took", mails.sent);
    metric(&out, "mails_failed_total", "", "Letters that were given up", mails.failed);
    metric(&out, "mails_retried_total", "", "Letters that are tried again later", mails.retried);
    struct pay_stats pay = pay_stats(a->o.pay);
    struct pay_waiting waiting;
    metric(&out, "payments_captured_total", "", "Payments whose money has come", pay.captured);
    metric(&out, "payments_failed_total", "", "Payments that failed or were cancelled", pay.failed);
    metric(&out, "payments_refunded_total", "", "Refunds that providers have confirmed", pay.refunds_done);
    metric(&out, "payments_charged_back_total", "", "Charge-backs that were opened", pay.chargebacks);
    metric(&out, "payments_corrected_total", "", "Answers of providers, when asked, that changed what no webhook had told", pay.corrected);
    metric(&out, "payments_parked_total", "", "Words of providers that fitted nothing", pay.parked);
    metric(&out, "pay_calls_total", "", "Calls to payment providers", pay.calls);
    metric(&out, "pay_calls_failed_total", "", "Of those: given up", pay.calls_failed);
    metric(&out, "pay_calls_retried_total", "", "Of those: made again later", pay.calls_retried);
    metric(&out, "pay_webhooks_total", "{judgement=\"applied\"}", "Webhooks by what became of them", pay.webhooks_applied);
    metric(&out, "pay_webhooks_total", "{judgement=\"duplicate\"}", NULL, pay.webhooks_duplicate);
    metric(&out, "pay_webhooks_total", "{judgement=\"forged\"}", NULL, pay.webhooks_forged);
    if (!pay_waiting(a->o.pay, 0, &waiting).kind) { /* without a database the rest is told all the same */
        metric(&out, "payments", "{state=\"created\"}", "Payments under way, by state", (uint64_t)waiting.created);
        metric(&out, "payments", "{state=\"requires_action\"}", NULL, (uint64_t)waiting.requires_action);
        metric(&out, "payments", "{state=\"processing\"}", NULL, (uint64_t)waiting.processing);
        metric(&out, "payments_parked", "", "Words of providers that fit nothing and wait for somebody to look", (uint64_t)waiting.parked);
        metric(&out, "chargebacks_open", "", "Charge-backs that are neither won nor lost", (uint64_t)waiting.chargebacks);
        metric(&out, "pay_outbox", "", "Calls to payment providers that are still to be made", (uint64_t)waiting.outbox);
        metric(&out, "pay_outbox_age_seconds", "", "For how long the oldest of them has waited", (uint64_t)waiting.outbox_age_s);
        metric(&out, "pay_webhooks_waiting", "", "Webhooks stored and not judged yet", (uint64_t)waiting.webhooks);
    }
    struct db_stats db = db_stats(a->o.db);
    metric(&out, "db_writes_total", "", "Changes asked of the database", db.writes);
    metric(&out, "db_writes_failed_total", "", "Changes that failed", db.writes_failed);
    metric(&out, "db_groups_total", "", "Transactions that carried them", db.groups);
    metric(&out, "db_reads_total", "", "Reads asked of the database", db.reads);
    metric(&out, "db_queued", "", "Changes that wait for the writer", db.queued);
    struct job_stats jobs = job_stats(a->o.jobs);
    metric(&out, "jobs_running", "", "Jobs that run", jobs.running);
    metric(&out, "jobs_done_total", "", "Jobs done", jobs.done);
    metric(&out, "jobs_failed_total", "", "Jobs failed", jobs.failed);
    metric(&out, "jobs_retried_total", "", "Jobs put back to be tried again", jobs.retried);
    if (out.has_failed) answer_error(r, SLICE("en"), err_memory());
    else http_respond(r, &(struct http_response){.content_type = SLICE("text/plain; version=0.0.4; charset=utf-8"), .cache_control = SLICE("no-store"), .body = http_body_copy(buf_slice(&out))});
    buf_free(&out);
}

static const struct db_statement ask = {"api.health", "SELECT 1"};
static struct err ask_fn(struct db_tx *tx, void *arg) {
    *(int64_t *)arg = DB_GET_INT(tx, 0, &ask);
    return db_tx_error(tx);
}

/* Healthy: the database answers. Media goes on being served without it for as long as tokens live. */
static void health_get(struct http_request *r, void *arg) {
    struct api *a = arg;
    int64_t one = 0;
    struct err e = db_read(a->o.db, ask_fn, &one);
    if (e.kind) answer_error(r, SLICE("en"), err_make(ERR_BUSY, "store.unavailable", "The server's database does not answer. Try again in a moment."));
    else http_respond(r, &(struct http_response){.content_type = SLICE("application/json"), .cache_control = SLICE("no-store"), .body = http_body_static(SLICE("{\"status\":\"ok\"}"))});
}

struct err metrics_add_routes(struct api *a, struct http_server *server) {
    struct http_route route = {.method = HTTP_GET, .pattern = "/metrics", .handle = metrics_get, .arg = a, .where = HTTP_ON_WORKER};
    struct err e = http_server_route(server, &route);
    if (e.kind) return e;
    route.pattern = "/healthz";
    route.handle = health_get;
    return http_server_route(server, &route);
}
