/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * house.h: the rooms of the server, opened in order over one data folder and closed in reverse. Whoever holds the house holds
 * the folder: a second process is refused.
 *
 *   DATA/grandstand.db   the database, unless --database names another
 *   DATA/objects/        media and artwork
 *   DATA/uploads/        files that are arriving
 *   DATA/keys/           keys of persons, apart from the database and its backups
 *   DATA/tls/            a local certificate (--tls auto)
 *   DATA/server.lock     held while somebody has the house
 *
 * `grandstand serve` adds the HTTP server and the job runner to it; `demo` and `import` work in it alone. */
#ifndef APP_HOUSE_H
#define APP_HOUSE_H

#include <sys/types.h>

#include "api/api.h"
#include "app/command.h"
#include "app/ledger_night.h"
#include "business/account/account.h"

struct house_options {
    const char *data_path;
    const char *database;   /* URL; NULL: DATA/grandstand.db */
    struct clock *clock;    /* NULL: the system's */
    const char *site_url;   /* how people reach this site, for links in letters; NULL: not said */
    const char *smtp, *smtp_user, *smtp_password, *smtp_ca, *mail_from; /* NULL: letters stay in the house */
    const char *allow_origin;
    bool has_ladder;
    bool no_stills;         /* live channels are not decoded */
    int threads;
    bool must_exist;        /* a folder without a house is refused, where house_open_database would begin one */
    bool is_server;         /* with job runner and delivery */
    void (*on_job_change)(void *user, const struct job_change *);
    void *on_job_change_user;
    void (*on_channel_change)(void *user, int64_t org_id, const struct public_id *title);
    void *on_channel_change_user;
};

struct house { /* open to its owner: reads only */
    struct house_options options;
    const struct clock *clock;
    struct id_maker *ids;
    struct db *db;
    struct object_store *objects;
    struct keys *keys;
    struct mail *mail;         /* its sender is not started */
    struct account *account;
    struct catalog *catalog;
    struct rights *rights;
    struct ledger *ledger;       /* these four: their threads are not started */
    struct pay *pay;
    struct offers *offers;
    struct order_room *order;
    struct live *live;           /* these five: is_server */
    struct delivery *delivery;
    struct access *access;       /* opened, and not started */
    struct broadcast *broadcast; /* opened, and not started */
    struct job_runner *jobs;
    struct importer importer;
    int64_t org_id;            /* the first organisation */
    char *uploads_path;
    struct ledger_night night;   /* the books are checked once a day */
    struct job_kind kinds[IMPORT_KIND_COUNT + 1];
    int lock_fd;
};

/* Makes the folder if it is not there. Errors: ERR_BUSY house.locked (somebody has it), those of the rooms. On an error *about
 * (of 512 bytes) names the path it is about. */
MUST_USE struct err house_open(struct house *, const struct house_options *, char about[512]);
void house_close(struct house *);

/* Who holds the house of this folder: 0 nobody, else a process id, or -1 where it cannot be seen from here. */
pid_t house_holder(const char *data_path);
/* Tells a running server that there is news in the database; where it cannot be reached it looks by itself within half a minute. */
void house_tell(const char *data_path);

/* Only the database, for commands that also work beside a running server: `*db` and what stands on it. */
MUST_USE struct err house_open_database(struct house *, const struct house_options *, char about[512]);

/* The options every command has that opens a house. */
#define HOUSE_OPTIONS \
    OPTION_DATA, {"database", OPTION_TEXT, "URL", NULL, "postgres://... or a path; without it grandstand.db in the data folder"}
struct house_options house_options_of(const struct command_context *);

#ifdef GRANDSTAND_TEST_DOORS
/* The clock that GRANDSTAND_TEST_CLOCK (seconds since 1970) sets for this process and a test turns by hand; NULL without it. */
struct clock *house_test_clock(void);
#endif

#endif
