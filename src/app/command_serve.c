/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * `grandstand serve`: opens the house, starts the server, waits for signals, closes in reverse. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "api/api.h"
#include "app/house.h"
#include "app/notify.h"
#include "app/playout.h"
#include "base/json.h"
#include "base/log.h"
#include "media/rtmp/rtmp.h"
#include "media/srt/srt.h"
#include "system/http/http.h"

enum { TICK_S = 60, STOP_MS_MAX = 10000, PROXIES_MAX = 64, WORKERS = 8 /* of which six may be busy with passwords: house.c */ };

const struct option command_serve_options[] = {
    HOUSE_OPTIONS,
    {"http", OPTION_TEXT, "ADDRESS:PORT", "127.0.0.1:8080", "where to listen; port 0 takes any free one"},
    {"https", OPTION_TEXT, "ADDRESS:PORT", NULL, "where to listen with TLS"},
    {"rtmp", OPTION_TEXT, "ADDRESS:PORT", NULL, "where encoders send live pictures by RTMP, for example 127.0.0.1:1935"},
    {"srt", OPTION_TEXT, "ADDRESS:PORT", NULL, "where encoders send live pictures by SRT, for example 127.0.0.1:9000"},
    {"srt-passphrase", OPTION_TEXT, "TEXT", NULL, "what SRT encoders encrypt with, 10 to 79 characters"},
    {"tls", OPTION_TEXT, "auto|FILE", NULL, "certificate chain (PEM), or `auto` for a local one made here"},
    {"tls-key", OPTION_TEXT, "FILE", NULL, "the certificate's key (PEM)"},
    {"url", OPTION_TEXT, "URL", NULL, "how people reach this site, for links in letters: https://example.org"},
    {"smtp", OPTION_TEXT, "URL", NULL, "a mail server: smtp://HOST:587 or smtps://HOST:465; without it letters stay in the operator's pages"},
    {"smtp-ca", OPTION_TEXT, "FILE", NULL, "certificates (PEM) that the mail server's must be signed by; without it those that this machine trusts"},
    {"smtp-user", OPTION_TEXT, "NAME", NULL, "who signs in to the mail server"},
    {"smtp-password", OPTION_TEXT, "TEXT", NULL, "with which password; better in the environment or the INI file than on the command line"},
    {"mail-from", OPTION_TEXT, "ADDRESS", NULL, "who letters come from: name@host, or \"Name <name@host>\""},
    {"name", OPTION_TEXT, "NAME", "Grandstand", "how the site calls itself"},
    {"pages", OPTION_TEXT, "DIR", NULL, "the built pages; without it `pages` beside the program"},
    {"cors", OPTION_TEXT, "ORIGIN", NULL, "let players on this origin (or `*`) fetch media"},
    {"trusted-proxy", OPTION_TEXT, "CIDR,..", NULL, "proxies in front whose X-Forwarded-For, Forwarded and X-Forwarded-Proto count, for example 10.0.0.0/8,::1"},
    {"proxy", OPTION_TEXT, "ADDRESS", NULL, "an earlier name of --trusted-proxy"},
    {"geo", OPTION_TEXT, "FILE", NULL, "a MaxMind DB file that says in which country an address lies; read again when it changes"},
    {"home-territory", OPTION_TEXT, "PLACE", NULL, "where viewers are whose address has no known place: DE or US-CA; without it the organisation's country"},
    {"threads", OPTION_NUMBER, "N", "0", "threads that serve; 0: one per processor"},
    {"encode-threads", OPTION_NUMBER, "N", "0", "threads of one encoder; 0: as many as processors, at most 4"},
    {"no-stills", OPTION_FLAG, NULL, NULL, "do not decode live channels: no previews, alarms of silence or black, nor smaller pictures"},
    {"no-example-channel", OPTION_FLAG, NULL, NULL, "do not keep the example organisation's own channel on air"},
    {"no-ladder", OPTION_FLAG, NULL, NULL, "do not add smaller renditions to what is imported"},
    {"upload-max-gb", OPTION_NUMBER, "N", "1000", "the largest file that may be uploaded"},
    {"log", OPTION_TEXT, "LEVEL", "info", "debug, info, warn or error"},
    {"log-json", OPTION_FLAG, NULL, NULL, "log lines as JSON"},
    {"access-log", OPTION_FLAG, NULL, NULL, "a log line for each request"},
    OPTION_JSON,
    OPTION_END,
};

struct serving {
    struct house house;
    struct http_server *server;
    struct geo *geo;
    struct rtmp_server *rtmp;
    struct srt_listener *srt;
    struct playout *playout;
    struct api *api;
    struct api_ingest ingest;
    struct arena *arena;
    char about[512];
};

static bool log_setup(const struct command_context *c) {
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!strcmp(option_text(c, "log"), names[i])) {
            log_configure((enum log_level)i, option_flag(c, "log-json") ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT, STDERR_FILENO);
            return true;
        }
    return false;
}

/* "10.0.0.0/8, ::1", of both options. */
static struct err proxies_read(struct command_context *c, struct arena *arena, const char *out[PROXIES_MAX], size_t *count) {
    static const char *const names[] = {"trusted-proxy", "proxy"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct slice rest = slice_cstr(option_text(c, names[i])), one;
        while (rest.ptr && slice_next(&rest, ',', &one)) {
            if (*count == PROXIES_MAX) return err_make(ERR_INPUT, "http.proxy", "At most 64 proxies can be named. Name the networks they are in.");
            if (!(out[(*count)++] = arena_cstr(arena, slice_trim(one)))) return err_memory();
        }
    }
    return ERR_OK;
}

static struct err server_create(struct command_context *c, struct serving *s, struct http_listen listens[2], size_t *listen_count) {
    struct http_options options = {.clock = s->house.clock, .loops = (unsigned)option_number(c, "threads"), .workers = WORKERS, .has_access_log = option_flag(c, "access-log")};
    static const struct http_field common[] = {
        {SLICE("x-content-type-options"), SLICE("nosniff")},
        {SLICE("referrer-policy"), SLICE("same-origin")},
    };
    const char *proxies[PROXIES_MAX], *tls = option_text(c, "tls");
    listens[(*listen_count)++] = (struct http_listen){.address = option_text(c, "http")};
    if (option_text(c, "https")) listens[(*listen_count)++] = (struct http_listen){.address = option_text(c, "https"), .has_tls = true};
    options.tls_certificate = tls;
    options.tls_key = option_text(c, "tls-key");
    if (*listen_count == 2 && (!tls || !strcmp(tls, "auto"))) {
        struct slice folder = arena_printf(s->arena, "%s/tls", option_text(c, "data"));
        if (!folder.ptr) return err_memory();
        struct err e = http_tls_make_local(folder.ptr, s->house.clock, s->arena, &options.tls_certificate, &options.tls_key);
        if (e.kind) return e;
    }
    options.listens = listens;
    options.listen_count = *listen_count;
    options.proxies = proxies;
    struct err e = proxies_read(c, s->arena, proxies, &options.proxy_count);
    if (e.kind) return e;
    options.common = common;
    options.common_count = ARRAY_LEN(common);
    return http_server_create(&s->server, &options);
}

/* Beside the program, if nothing else is said and something is there. */
static const char *pages_path(struct command_context *c, struct arena *arena) {
    if (option_text(c, "pages")) return option_text(c, "pages");
    struct slice beside = arena_printf(arena, "%s/pages", c->program_dir);
    return beside.ptr && access(beside.ptr, R_OK) == 0 ? beside.ptr : NULL;
}

static struct err listeners_open(struct command_context *c, struct serving *s) {
    struct feed_receiver receiver = broadcast_receiver(s->house.broadcast);
    struct err e = ERR_OK;
    const char *rtmp = option_text(c, "rtmp");
    if (rtmp) {
        snprintf(s->about, sizeof s->about, "%s", rtmp);
        e = rtmp_server_create(&s->rtmp, &(struct rtmp_server_options){.address = rtmp, .clock = s->house.clock, .receiver = receiver});
        if (!e.kind) e = rtmp_server_start(s->rtmp);
        if (!e.kind) s->ingest.rtmp_port = rtmp_server_port(s->rtmp);
    }
    const char *srt = option_text(c, "srt");
    if (!e.kind && srt) {
        snprintf(s->about, sizeof s->about, "%s", srt);
        struct srt_options options = {.address = srt, .passphrase = option_text(c, "srt-passphrase"), .admit = broadcast_admit,
                                      .admit_user = s->house.broadcast, .receiver = receiver, .clock = s->house.clock};
        e = srt_listener_create(&options, &s->srt);
        if (!e.kind) e = srt_listener_start(s->srt);
        if (!e.kind) s->ingest = (struct api_ingest){s->ingest.rtmp_port, (uint16_t)srt_listener_port(s->srt), options.passphrase};
    }
    return e;
}

static struct err place_open(struct command_context *c, struct serving *s) {
    struct geo_place place;
    const char *home = option_text(c, "home-territory"), *file = option_text(c, "geo");
    if (home) snprintf(s->about, sizeof s->about, "%s", home);
    if (home && !geo_place_parse(slice_cstr(home), &place)) return err_make(ERR_INPUT, "place.unknown", "This is not a country, nor an area of one. Write DE or US-CA.");
    if (file) snprintf(s->about, sizeof s->about, "%s", file);
    return geo_open(&s->geo, file);
}

static struct err serving_open(struct command_context *c, struct serving *s, struct http_listen listens[2], size_t *listen_count) {
    struct house_options options = house_options_of(c);
    options.is_server = true;
    options.no_stills = option_flag(c, "no-stills");
    options.has_ladder = !option_flag(c, "no-ladder");
    options.threads = (int)option_number(c, "encode-threads");
    options.site_url = option_text(c, "url");
    options.smtp = option_text(c, "smtp");
    options.smtp_ca = option_text(c, "smtp-ca");
    options.smtp_user = option_text(c, "smtp-user");
    options.smtp_password = option_text(c, "smtp-password");
    options.mail_from = option_text(c, "mail-from");
    options.allow_origin = option_text(c, "cors");
    options.on_job_change = api_on_job_change;
    options.on_job_change_user = &s->api;
    options.on_channel_change = api_on_channel_change;
    options.on_channel_change_user = &s->api;
    struct err e = house_open(&s->house, &options, s->about);
    if (e.kind) return e;
    e = server_create(c, s, listens, listen_count);
    if (!e.kind) e = delivery_add_routes(s->house.delivery, s->server);
    if (!e.kind) e = place_open(c, s);
    struct api_options api = {.db = s->house.db, .clock = s->house.clock, .ids = s->house.ids, .keys = s->house.keys, .account = s->house.account, .mail = s->house.mail, .catalog = s->house.catalog,
                              .rights = s->house.rights, .ledger = s->house.ledger, .pay = s->house.pay, .offers = s->house.offers, .order = s->house.order, .access = s->house.access, .geo = s->geo, .home_territory = option_text(c, "home-territory"),
                              .delivery = s->house.delivery, .objects = s->house.objects, .jobs = s->house.jobs, .broadcast = s->house.broadcast, .ingest = &s->ingest, .server = s->server,
                              .uploads_path = s->house.uploads_path, .pages_path = pages_path(c, s->arena), .name = option_text(c, "name"),
                              .version = GRANDSTAND_VERSION, .upload_bytes_max = (uint64_t)option_number(c, "upload-max-gb") << 30};
    if (!e.kind) e = api_open(&s->api, &api);
    if (!e.kind) e = account_tick(s->house.account); /* all who hold data about people are known by now */
    if (!e.kind) e = mail_start(s->house.mail);
#ifdef GRANDSTAND_TEST_DOORS
    if (!e.kind && house_test_clock()) e = api_add_test_doors(s->api, house_test_clock());
#endif
    /* Channels before viewers and encoders: who comes back after a restart finds his channel open. */
    if (!e.kind) e = broadcast_start(s->house.broadcast);
    /* Access listens to order before money moves; what was under way when the server ended goes on now. */
    if (!e.kind) e = access_start(s->house.access);
    if (!e.kind) e = ledger_start(s->house.ledger);
    if (!e.kind) e = pay_start(s->house.pay);
    if (!e.kind) e = order_start(s->house.order);
    if (!e.kind) {
        snprintf(s->about, sizeof s->about, "%s", option_text(c, "http"));
        e = http_server_start(s->server);
    }
    if (!e.kind) e = job_runner_start(s->house.jobs);
    if (!e.kind) e = listeners_open(c, s);
    return e.kind || option_flag(c, "no-example-channel") ? e : playout_start(&s->playout, &s->house);
}

/* Encoders first, then the channels, so that viewers who wait get an answer while there still is a server to give it. */
static void serving_close(struct serving *s) {
    if (s->rtmp) rtmp_server_stop(s->rtmp);
    if (s->srt) srt_listener_stop(s->srt);
    playout_stop(&s->playout);
    broadcast_stop(s->house.broadcast);
    if (s->server) http_server_stop(s->server, STOP_MS_MAX);
    job_runner_stop(s->house.jobs); /* its last news go to the API, which asks it for more */
    api_close(&s->api);
    http_server_destroy(&s->server);
    geo_close(&s->geo);
    rtmp_server_destroy(&s->rtmp);
    srt_listener_destroy(&s->srt);
    house_close(&s->house);
}

/* What a person wants to know first. */
static struct err greet(struct command_context *c, struct serving *s, size_t listen_count) {
    bool has_operator = true;
    struct account_secret code;
    struct err e = account_has_operator(s->house.account, s->house.org_id, &has_operator);
    if (!e.kind && !has_operator) e = account_link_make(s->house.account, s->house.org_id, &code);
    if (e.kind) return e;
    char base[64];
    snprintf(base, sizeof base, "http://localhost:%u", http_server_port(s->server, 0));
    if (option_flag(c, "json")) {
        struct buf out = BUF(4096);
        struct json_writer w = json_writer_of(&out);
        json_begin_object(&w);
        json_put_cstr(&w, "http", base);
        json_put_number(&w, "port", http_server_port(s->server, 0));
        if (listen_count > 1) json_put_number(&w, "https_port", http_server_port(s->server, 1));
        if (s->ingest.rtmp_port) json_put_number(&w, "rtmp_port", s->ingest.rtmp_port);
        if (s->ingest.srt_port) json_put_number(&w, "srt_port", s->ingest.srt_port);
        if (!has_operator) json_put_cstr(&w, "operator", code.text);
        json_end(&w);
        printf("%.*s\n", (int)out.len, out.ptr);
        buf_free(&out);
    } else {
        printf("\n  Grandstand %s is up.\n\n    Watch      %s/\n", GRANDSTAND_VERSION, base);
        if (listen_count > 1) printf("    With TLS   https://localhost:%u/\n", http_server_port(s->server, 1));
        if (has_operator) printf("    Operate    %s/operator   (`grandstand operator-link` makes a new way in)\n", base);
        else printf("    Operate    %s/operator/enter#code=%s\n               (works once, for a day)\n", base, code.text);
        if (s->ingest.rtmp_port) printf("    Live in    rtmp://localhost:%u/live/KEY   (make a channel on the operator's page, it has the key)\n", s->ingest.rtmp_port);
        if (s->ingest.srt_port) printf("    Live in    srt://localhost:%u?streamid=publish:KEY%s\n", s->ingest.srt_port, s->ingest.srt_passphrase ? "   (with the passphrase)" : "");
        printf("\n  Try: drop a film on the operator's page; it can be watched as soon as it is in. Ctrl+C stops.\n\n");
    }
    fflush(stdout);
    return ERR_OK;
}

static void tick(struct serving *s) {
    struct err e = delivery_tick(s->house.delivery);
    if (!e.kind) e = api_tick(s->api);
    if (!e.kind) e = account_tick(s->house.account);
    if (!e.kind) e = mail_tick(s->house.mail);
    if (!e.kind) e = ledger_night_tick(&s->house.night);
    if (!e.kind) e = pay_tick(s->house.pay);
    if (e.kind) log_warn("serve", "upkeep failed", LOG_ERR(e));
}

/* Signals are taken here and nowhere else. Returns when it is time to stop. */
static void wait_for_end(struct serving *s, const sigset_t *signals) {
    for (;;) {
        int signal = sigtimedwait(signals, NULL, &(struct timespec){.tv_sec = TICK_S});
        if (signal == SIGTERM || signal == SIGINT) {
            log_info("serve", "stopping");
            notify_systemd("STOPPING=1");
            return;
        }
        if (signal == SIGHUP) {
            struct err e = http_server_reload_tls(s->server);
            geo_tick(s->geo);
            if (e.kind) log_error("serve", "certificate not reloaded", LOG_ERR(e));
            else log_info("serve", "certificate reloaded");
        }
        if (signal == SIGUSR1) { /* another command has queued a job or made an organisation */
            job_runner_wake(s->house.jobs);
            struct err e = account_hosts_reload(s->house.account);
            if (e.kind) log_warn("serve", "organisations not read", LOG_ERR(e));
        }
        if (signal < 0 && errno == EAGAIN) tick(s);
    }
}

int command_serve(struct command_context *c) {
    if (!log_setup(c)) return command_fail(c, err_make(ERR_INPUT, "option.log", "The log level is debug, info, warn or error."), option_text(c, "log"));
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before any thread, so that all inherit it */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is answered like a full disk */
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }

    struct serving s = {.arena = arena_create(1 << 20)};
    struct http_listen listens[2];
    size_t listen_count = 0;
    struct err e = s.arena ? serving_open(c, &s, listens, &listen_count) : err_memory();
    if (!e.kind) e = greet(c, &s, listen_count);
    if (!e.kind) {
        log_info("serve", "ready", LOG_TEXT("address", listens[0].address), LOG_INT("port", http_server_port(s.server, 0)));
        notify_systemd("READY=1");
        wait_for_end(&s, &signals);
    }
    serving_close(&s);
    arena_destroy(&s.arena);
    return e.kind ? command_fail(c, e, s.about) : EXIT_CODE_DONE;
}
