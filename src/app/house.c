/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "app/house.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

#ifdef GRANDSTAND_TEST_DOORS
struct clock *house_test_clock(void) {
    static struct clock *manual; /* lives as long as the process */
    const char *start = getenv("GRANDSTAND_TEST_CLOCK");
    if (!manual && start) manual = clock_manual_create(utc_from_seconds(atoll(start)));
    return manual;
}
#endif

struct house_options house_options_of(const struct command_context *context) {
    struct house_options options = {.data_path = option_text(context, "data"), .database = option_text(context, "database")};
#ifdef GRANDSTAND_TEST_DOORS
    options.clock = house_test_clock();
#endif
    return options;
}

static char *path_in(const struct house *h, const char *name) {
    struct buf path = BUF(4096);
    buf_printf(&path, "%s/%s", h->options.data_path, name);
    char *copy = path.has_failed ? NULL : mem_strndup(path.ptr, path.len);
    buf_free(&path);
    return copy;
}

/* A POSIX lock, since the kernel tells who holds one; this process opens the file nowhere else, so no close drops it early. */
static struct flock whole_file(short type) { return (struct flock){.l_type = type, .l_whence = SEEK_SET}; }

static struct err house_lock(struct house *h, char about[512]) {
    char *path = path_in(h, "server.lock");
    if (!path) return err_memory();
    snprintf(about, 512, "%s", path);
    struct err e = fs_open(AT_FDCWD, path, O_RDWR | O_CREAT, 0600, &h->lock_fd);
    mem_free(path);
    struct flock lock = whole_file(F_WRLCK);
    if (!e.kind && fcntl(h->lock_fd, F_SETLK, &lock) != 0)
        e = errno == EAGAIN || errno == EACCES
                ? err_make(ERR_BUSY, "house.locked", "A server is already running on this data folder. Stop it first, or give --data another folder.")
                : err_from_errno(errno, "house.lock", "The data folder cannot be locked.");
    return e;
}

pid_t house_holder(const char *data_path) {
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/server.lock", data_path) >= sizeof path) return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    struct flock lock = whole_file(F_WRLCK);
    bool is_known = fcntl(fd, F_GETLK, &lock) == 0;
    close(fd);
    return !is_known || lock.l_type == F_UNLCK ? 0 : lock.l_pid > 0 ? lock.l_pid : -1;
}

void house_tell(const char *data_path) {
    pid_t holder = house_holder(data_path);
    if (holder > 0) kill(holder, SIGUSR1);
}

static struct err database_open(struct house *h, char about[512]) {
    char *path = h->options.database ? mem_strdup(h->options.database) : path_in(h, "grandstand.db");
    if (!path) return err_memory();
    if (h->options.must_exist && !h->options.database && access(path, F_OK) != 0) {
        mem_free(path);
        return err_make(ERR_INPUT, "house.none", "There is no house in this folder: it holds no grandstand.db. Say with --data which folder it is.");
    }
    snprintf(about, 512, "%s", h->options.database ? "the database" : path); /* a URL may hold a password */
    struct err e = db_open(&h->db, &(struct db_options){.url = path});
    mem_free(path);
    static const struct db_schema *const schemas[] = {&job_schema, &mail_schema, &account_schema, &catalog_schema, &rights_schema, &ledger_schema, &pay_schema, &offer_schema, &order_schema, &broadcast_schema, &delivery_schema, &access_schema, &api_schema};
    if (!e.kind) e = db_migrate(h->db, schemas, ARRAY_LEN(schemas));
    return e;
}

static void house_begin(struct house *h, const struct house_options *options) {
    *h = (struct house){.options = *options, .clock = options->clock ? options->clock : clock_system(), .lock_fd = -1};
}

/* The newest id in any table. Each table's is the end of its primary key. */
static const struct db_statement newest_id = {
    "house.newest_id",
    "SELECT MAX(id) FROM (SELECT MAX(id) AS id FROM job UNION ALL SELECT MAX(id) FROM title UNION ALL SELECT MAX(id) FROM playback "
    "UNION ALL SELECT MAX(id) FROM upload UNION ALL SELECT MAX(id) FROM organisation UNION ALL SELECT MAX(id) FROM operator_link "
    "UNION ALL SELECT MAX(id) FROM user_session UNION ALL SELECT MAX(id) FROM account_user UNION ALL SELECT MAX(id) FROM household "
    "UNION ALL SELECT MAX(id) FROM profile UNION ALL SELECT MAX(id) FROM account_code UNION ALL SELECT MAX(id) FROM account_consent "
    "UNION ALL SELECT MAX(id) FROM api_token UNION ALL SELECT MAX(id) FROM mail UNION ALL SELECT MAX(id) FROM delivery_key UNION ALL SELECT MAX(id) FROM access_grant "
    "UNION ALL SELECT MAX(id) FROM rights_party UNION ALL SELECT MAX(id) FROM rights_deal UNION ALL SELECT MAX(id) FROM rights_set "
    "UNION ALL SELECT MAX(id) FROM rights_line UNION ALL SELECT MAX(id) FROM person "
    "UNION ALL SELECT MAX(id) FROM ledger_account UNION ALL SELECT MAX(id) FROM ledger_transfer "
    "UNION ALL SELECT MAX(id) FROM pay_payment UNION ALL SELECT MAX(id) FROM pay_outbox UNION ALL SELECT MAX(id) FROM pay_refund "
    "UNION ALL SELECT MAX(id) FROM pay_chargeback UNION ALL SELECT MAX(id) FROM pay_method "
    "UNION ALL SELECT MAX(id) FROM pay_webhook UNION ALL SELECT MAX(id) FROM pay_event UNION ALL SELECT MAX(id) FROM pay_parked "
    "UNION ALL SELECT MAX(id) FROM sandbox_payment UNION ALL SELECT MAX(id) FROM sandbox_refund "
    "UNION ALL SELECT MAX(id) FROM sandbox_dispute UNION ALL SELECT MAX(id) FROM sandbox_send UNION ALL SELECT MAX(id) FROM offer "
    "UNION ALL SELECT MAX(id) FROM offer_coupon UNION ALL SELECT MAX(id) FROM offer_gift_card "
    "UNION ALL SELECT MAX(id) FROM order_head UNION ALL SELECT MAX(id) FROM order_held UNION ALL SELECT MAX(id) FROM order_lot "
    "UNION ALL SELECT MAX(id) FROM order_refund UNION ALL SELECT MAX(id) FROM order_sub) AS newest"};
static struct err newest_id_fn(struct db_tx *tx, void *arg) {
    *(int64_t *)arg = DB_GET_INT(tx, 0, &newest_id);
    return db_tx_error(tx);
}

/* DATA/keys, the outbox, and those who are known by them. */
static struct err account_rooms_open(struct house *h) {
    const struct house_options *o = &h->options;
    if (o->smtp && !o->site_url)
        return err_make(ERR_INPUT, "mail.url", "With a mail server, say with --url how people reach this site: links in letters lead there.");
    if (o->site_url && strncmp(o->site_url, "https://", 8) && strncmp(o->site_url, "http://", 7))
        return err_make(ERR_INPUT, "option.url", "The address of a site begins with https:// or http://.");
    char *path = path_in(h, "keys");
    struct err e = path ? keys_open(&h->keys, path) : err_memory();
    mem_free(path);
    if (!e.kind)
        e = mail_open(&h->mail, &(struct mail_options){.db = h->db, .clock = h->clock, .ids = h->ids, .keys = h->keys, .smtp = o->smtp, .user = o->smtp_user,
                                                       .password = o->smtp_password, .smtp_ca = o->smtp_ca, .from = o->mail_from});
    struct account_options account = {.db = h->db, .clock = h->clock, .ids = h->ids, .keys = h->keys, .mail = h->mail, .site_url = o->site_url, .password_waiting = 4};
#ifdef GRANDSTAND_TEST_DOORS
    const char *argon = getenv("GRANDSTAND_TEST_ARGON");
    if (argon && !strcmp(argon, "cheap")) account.password_bytes = 8192, account.password_passes = 1;
#endif
    return e.kind ? e : account_open(&h->account, &account);
}

/* What is made without saying otherwise may be shown everywhere: it plays at once. */
static struct err on_title_made(void *rights, struct db_tx *tx, int64_t org_id, int64_t title_id, const struct catalog_change *change) {
    return change->is_without_rights ? ERR_OK : rights_house_line_in(rights, tx, org_id, title_id);
}

/* The money: each stands on those before it. */
static struct err money_rooms_open(struct house *h) {
    struct err e = ledger_open(&h->ledger, &(struct ledger_options){.db = h->db, .clock = h->clock, .ids = h->ids});
    if (!e.kind)
        e = pay_open(&h->pay, &(struct pay_options){.db = h->db, .clock = h->clock, .ids = h->ids, .keys = h->keys, .ledger = h->ledger, .site_url = h->options.site_url});
    if (!e.kind)
        e = offers_open(&h->offers, &(struct offers_options){.db = h->db, .clock = h->clock, .ids = h->ids, .keys = h->keys, .catalog = h->catalog, .rights = h->rights,
                                                             .follows = h->options.is_server});
    if (e.kind) return e;
    rights_runs_from(h->rights, offer_runs, h->offers);
    return order_open(&h->order, &(struct order_options){.db = h->db, .clock = h->clock, .ids = h->ids, .account = h->account, .catalog = h->catalog, .mail = h->mail,
                                                         .ledger = h->ledger, .pay = h->pay, .offers = h->offers, .site_url = h->options.site_url});
}

/* Ids of this house's makers, and the rooms that stand on the database alone. */
static struct err business_open(struct house *h, unsigned node) {
    h->ids = id_maker_create(h->clock, node);
    if (!h->ids) return err_memory();
    int64_t newest = 0;
    struct err e = db_read(h->db, newest_id_fn, &newest);
    if (!e.kind) id_maker_begin_after(h->ids, newest);
    if (!e.kind) e = account_rooms_open(h);
    if (!e.kind) e = catalog_open(&h->catalog, h->db, h->ids);
    if (!e.kind) e = rights_open(&h->rights, &(struct rights_options){.db = h->db, .clock = h->clock, .ids = h->ids, .catalog = h->catalog, .follows = h->options.is_server});
    if (!e.kind) catalog_on_made(h->catalog, on_title_made, h->rights);
    if (!e.kind) e = money_rooms_open(h);
    if (!e.kind) h->org_id = account_org_of_host(h->account, SLICE_NONE);
    return e;
}

static bool is_staging_claimed(void *user, struct slice name) {
    struct house *h = user;
    int64_t id;
    bool is_unfinished = true; /* in doubt it stays */
    if (slice_starts_with(name, SLICE("live-"))) return broadcast_claims_staging(h->broadcast, name);
    if (!slice_to_i64(name, &id)) return !h->options.is_server || slice_starts_with(name, SLICE("demo-")) || slice_starts_with(name, SLICE("import-"));
    struct err e = job_is_unfinished(h->jobs, id, &is_unfinished);
    return e.kind || is_unfinished;
}

static struct err server_open(struct house *h) {
    struct err e = live_create(&(struct live_options){.clock = h->clock, .notice = broadcast_notice, .tap_tracks = broadcast_tap_tracks,
                                                  .tap_sample = broadcast_tap_sample, .user = &h->broadcast}, &h->live);
    if (e.kind) return e;
    e = delivery_open(&h->delivery, &(struct delivery_options){.db = h->db, .clock = h->clock, .ids = h->ids, .objects = h->objects, .live = h->live,
                                                                .allow_origin = h->options.allow_origin});
    if (!e.kind) e = access_open(&h->access, &(struct access_options){.db = h->db, .clock = h->clock, .ids = h->ids, .account = h->account, .catalog = h->catalog,
                                                                      .rights = h->rights, .offers = h->offers, .order = h->order, .delivery = h->delivery});
    if (e.kind) return e;
    e = broadcast_open(&h->broadcast, &(struct broadcast_options){.db = h->db, .clock = h->clock, .ids = h->ids, .objects = h->objects, .catalog = h->catalog,
                                                                  .rights = h->rights, .delivery = h->delivery, .live = h->live, .looks_at = !h->options.no_stills, .on_change = h->options.on_channel_change,
                                                                  .on_change_user = h->options.on_channel_change_user});
    if (e.kind) return e;
    h->importer.delivery = h->delivery;
    import_kinds(&h->importer, h->kinds);
    h->night = (struct ledger_night){.db = h->db, .clock = h->clock, .ledger = h->ledger, .org_id = h->org_id};
    h->kinds[IMPORT_KIND_COUNT] = ledger_night_kind(&h->night);
    e = job_runner_open(&h->jobs, &(struct job_options){.db = h->db, .clock = h->clock, .ids = h->ids, .kinds = h->kinds, .kind_count = ARRAY_LEN(h->kinds),
                                                        .on_change = h->options.on_job_change, .on_change_user = h->options.on_job_change_user});
    if (e.kind) return e;
    h->importer.jobs = h->night.jobs = h->jobs;
    size_t removed;
    return object_stagings_clean(h->objects, is_staging_claimed, h, &removed);
}

struct err house_open(struct house *h, const struct house_options *options, char about[512]) {
    house_begin(h, options);
    snprintf(about, 512, "%s", options->data_path);
    struct err e = fs_make_dirs(AT_FDCWD, options->data_path, 0700);
    if (!e.kind) e = house_lock(h, about);
    if (!e.kind) e = database_open(h, about);
    if (!e.kind) snprintf(about, 512, "%s", options->data_path);
    char *objects_path = path_in(h, "objects");
    h->uploads_path = path_in(h, "uploads");
    if (!objects_path || !h->uploads_path) e = e.kind ? e : err_memory();
    if (!e.kind) e = fs_make_dirs(AT_FDCWD, h->uploads_path, 0700);
    if (!e.kind) e = object_store_open_folder(&h->objects, objects_path);
    mem_free(objects_path);
    if (!e.kind) e = business_open(h, 0);
    if (!e.kind) {
        h->importer = (struct importer){.db = h->db, .ids = h->ids, .catalog = h->catalog, .rights = h->rights, .objects = h->objects, .uploads_path = h->uploads_path,
                                        .has_ladder = options->has_ladder, .threads = options->threads};
        if (options->is_server) e = server_open(h);
    }
    if (e.kind) house_close(h);
    return e;
}

struct err house_open_database(struct house *h, const struct house_options *options, char about[512]) {
    house_begin(h, options);
    snprintf(about, 512, "%s", options->data_path);
    struct err e = options->must_exist ? ERR_OK : fs_make_dirs(AT_FDCWD, options->data_path, 0700);
    if (!e.kind) e = database_open(h, about);
    /* Another maker of ids than a running server's, and most likely than that of another command at this moment. */
    if (!e.kind) e = business_open(h, 32 + (unsigned)getpid() % 32);
    if (!e.kind) h->importer = (struct importer){.db = h->db, .ids = h->ids, .catalog = h->catalog, .rights = h->rights};
    if (e.kind) house_close(h);
    return e;
}

void house_close(struct house *h) {
    job_runner_close(&h->jobs);
    broadcast_close(&h->broadcast);
    if (h->access) access_stop(h->access);
    if (h->order) order_stop(h->order);
    pay_close(&h->pay); /* it tells order what providers say, until it is closed */
    order_close(&h->order);
    offers_close(&h->offers);
    ledger_close(&h->ledger);
    delivery_close(&h->delivery);
    live_destroy(&h->live);
    rights_close(&h->rights); /* these three, and order, tell access of changes until they are closed */
    catalog_close(&h->catalog);
    account_close(&h->account);
    mail_close(&h->mail);
    keys_close(&h->keys);
    access_close(&h->access);
    object_store_close(&h->objects);
    db_close(&h->db);
    id_maker_destroy(&h->ids);
    MEM_FREE(&h->uploads_path);
    fs_close(&h->lock_fd);
}
