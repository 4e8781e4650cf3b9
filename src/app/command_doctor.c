/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * `grandstand doctor`: looks at the machine and the data folder, and says of each finding how to mend it. Changes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "app/house.h"
#include "base/fs.h"
#include "base/json.h"
#include "media/srt/srt.h"

const struct option command_doctor_options[] = {
    HOUSE_OPTIONS,
    {"pages", OPTION_TEXT, "DIR", NULL, "the built pages; without it `pages` beside the program"},
    OPTION_JSON,
    OPTION_END,
};

enum finding_state { FINDING_GOOD, FINDING_WARNING, FINDING_BAD };
struct finding {
    const char *check;
    enum finding_state state;
    char what[400];
    const char *mend; /* NULL: nothing to do */
};
enum { FINDINGS_MAX = 16 };
struct report {
    struct finding findings[FINDINGS_MAX];
    size_t count;
};

PRINTF_LIKE(5, 6) static void find(struct report *r, const char *check, enum finding_state state, const char *mend, const char *format, ...) {
    if (r->count == FINDINGS_MAX) return;
    struct finding *f = &r->findings[r->count++];
    *f = (struct finding){.check = check, .state = state, .mend = state == FINDING_GOOD ? NULL : mend};
    va_list args;
    va_start(args, format);
    vsnprintf(f->what, sizeof f->what, format, args);
    va_end(args);
}

/* --- the machine --- */

static void check_kernel(struct report *r) {
    struct utsname name;
    int major = 0, minor = 0;
    if (uname(&name) == 0) sscanf(name.release, "%d.%d", &major, &minor);
    bool is_old = major < 5 || (major == 5 && minor < 10);
    find(r, "kernel", is_old ? FINDING_BAD : FINDING_GOOD, "Install Debian 12, or a kernel of at least 5.10.", "Linux %d.%d", major, minor);

    long landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    bool has_seccomp = prctl(PR_GET_SECCOMP) >= 0 || errno != EINVAL;
    const char *mend = "Boot a kernel with seccomp and with landlock in its list of security modules (lsm=landlock,...).";
    if (!has_seccomp) find(r, "sandbox", FINDING_BAD, mend, "The kernel has no seccomp: strangers' files would be read without a sandbox.");
    else if (landlock < 0) find(r, "sandbox", FINDING_WARNING, mend, "seccomp is there, Landlock is not: one of two walls around strangers' files is missing.");
    else find(r, "sandbox", FINDING_GOOD, NULL, "seccomp and Landlock (version %ld)", landlock);
}

static void check_limits(struct report *r) {
    struct rlimit files = {0};
    getrlimit(RLIMIT_NOFILE, &files);
    bool is_low = files.rlim_max < 4096;
    find(r, "open files", is_low ? FINDING_WARNING : FINDING_GOOD, "Raise LimitNOFILE= in the service's unit (65536 is a good value).",
         "up to %llu at once", (unsigned long long)files.rlim_max);
    long processors = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t megabytes = (uint64_t)pages * (uint64_t)page >> 20;
    find(r, "machine", megabytes < 1000 ? FINDING_WARNING : FINDING_GOOD, "Imports that have to transcode need about 1 GB of memory. Add some, or import elsewhere.",
         "%ld processors, %llu MB of memory", processors, (unsigned long long)megabytes);
}

/* What comes in by SRT: the library, and room for what arrives while nobody has had time to look. */
static void check_srt(struct report *r) {
    char version[16], room_text[32] = "";
    struct err e = srt_library_version(version);
    if (e.kind) {
        find(r, "srt", FINDING_WARNING, "Install Debian's libsrt1.5-gnutls, or do without `serve --srt`.", "%s", e.what);
        return;
    }
    struct buf bytes = BUF(64);
    uint64_t room = 0;
    if (!fs_read_file(AT_FDCWD, "/proc/sys/net/core/rmem_max", &bytes).kind) slice_to_u64(slice_trim(buf_slice(&bytes)), &room);
    buf_free(&bytes);
    bool is_small = room && room < 1 << 20;
    if (is_small) snprintf(room_text, sizeof room_text, ", %llu KB for arrivals", (unsigned long long)(room >> 10));
    find(r, "srt", is_small ? FINDING_WARNING : FINDING_GOOD, "With many SRT encoders: sysctl -w net.core.rmem_max=8388608, and in /etc/sysctl.d to keep it.", "libsrt %s%s", version, room_text);
}

/* --- the data folder --- */

static bool check_folder(struct report *r, const char *path) {
    struct stat st;
    if (stat(path, &st) != 0) {
        if (errno == ENOENT) find(r, "data folder", FINDING_WARNING, "`grandstand serve` makes it on its first start. Is --data right?", "%s is not there yet.", path);
        else find(r, "data folder", FINDING_BAD, "Give this user the right to enter it.", "%s cannot be looked at: %s.", path, strerror(errno));
        return false;
    }
    if (!S_ISDIR(st.st_mode)) find(r, "data folder", FINDING_BAD, "Give --data a folder.", "%s is not a folder.", path);
    else if (access(path, R_OK | W_OK | X_OK) != 0) find(r, "data folder", FINDING_BAD, "chown -R it to the user the server runs as.", "%s may not be written by this user.", path);
    else if (st.st_mode & 0077) find(r, "data folder", FINDING_WARNING, "chmod 700 it: other users of this machine can read what is inside.", "%s is open to others (mode %03o).", path, st.st_mode & 0777);
    else find(r, "data folder", FINDING_GOOD, NULL, "%s", path);
    return S_ISDIR(st.st_mode);
}

static void check_disk(struct report *r, const char *path) {
    struct statvfs disk;
    if (statvfs(path, &disk) != 0) return;
    uint64_t megabytes = (uint64_t)disk.f_bavail * disk.f_frsize >> 20;
    uint64_t inodes = disk.f_favail;
    bool is_full = megabytes < 1024 || (disk.f_files > 0 && inodes < 10000);
    find(r, "disk", megabytes < 100 ? FINDING_BAD : is_full ? FINDING_WARNING : FINDING_GOOD, "Free some space, or move the data folder to a larger disk.",
         "%llu MB free", (unsigned long long)megabytes);
}

static void check_server(struct report *r, const char *data) {
    find(r, "server", FINDING_GOOD, NULL, house_holder(data) ? "running on this data folder" : "not running");
}

static void check_database(struct report *r, struct house *h, struct arena *arena) {
    struct db_health health;
    struct err e = db_check(h->db, arena, &health);
    if (e.kind) find(r, "database", FINDING_BAD, "Restore it from a backup if this stays.", "%s", e.what);
    else if (!health.is_sound) find(r, "database", FINDING_BAD, "Stop the server and restore grandstand.db from a backup.", "%.*s: %.*s", SLICE_ARG(health.version), SLICE_ARG(health.finding));
    else find(r, "database", FINDING_GOOD, NULL, "%.*s, %lld KB, sound", SLICE_ARG(health.version), (long long)(health.bytes >> 10));
}

/* Every title that is ready has its media; uploads that lie about belong to somebody. */
static void check_titles(struct report *r, struct house *h, const char *data) {
    struct catalog_view *view;
    struct err e = catalog_view_take(h->catalog, h->org_id, &view);
    if (e.kind) {
        find(r, "titles", FINDING_BAD, "See the database's finding.", "%s", e.what);
        return;
    }
    size_t ready = 0, missing = 0, failed = 0, live = 0, scheduled = 0;
    char first[PUBLIC_ID_LEN + 1] = "", path[4096];
    for (size_t i = 0; i < view->count; i++) {
        const struct catalog_title *t = view->titles[i];
        failed += t->status == CATALOG_FAILED;
        live += t->status == CATALOG_LIVE || t->status == CATALOG_ENDED;
        scheduled += t->status == CATALOG_SCHEDULED;
        if (t->status != CATALOG_READY || catalog_kind_holds(t->kind)) continue;
        ready++;
        snprintf(path, sizeof path, "%s/objects/titles/%s", data, t->public_id.text);
        if (access(path, F_OK) == 0) continue;
        if (!missing++) memcpy(first, t->public_id.text, sizeof first);
    }
    catalog_view_give(&view);
    if (missing) find(r, "titles", FINDING_BAD, "Restore the objects folder from a backup, or delete these titles on the operator's page.", "%zu of %zu ready titles have no media, the first is %s.", missing, ready, first);
    else find(r, "titles", failed ? FINDING_WARNING : FINDING_GOOD, "The operator's page says why; delete them there, or import again.", "%zu ready, %zu failed imports, %zu on air, %zu upcoming", ready, failed, live, scheduled);
}

static void check_pages(struct report *r, struct command_context *c) {
    char path[4096];
    const char *pages = option_text(c, "pages");
    if (pages) snprintf(path, sizeof path, "%s/index.html", pages);
    else snprintf(path, sizeof path, "%s/pages/index.html", c->program_dir);
    bool is_there = access(path, R_OK) == 0;
    find(r, "pages", is_there ? FINDING_GOOD : FINDING_WARNING, "Build them with `make build`, or name them with --pages.", is_there ? "%s" : "%s is not there: visitors get plain pages without a player.", path);
}

static void print(const struct command_context *c, const struct report *r) {
    static const char *const states[] = {"good", "warning", "bad"};
    static const char *const marks[] = {"  ok  ", " warn ", " BAD  "};
    if (option_flag(c, "json")) {
        struct buf out = BUF(65536);
        struct json_writer w = json_writer_of(&out);
        json_begin_object(&w);
        json_key(&w, "findings");
        json_begin_array(&w);
        for (size_t i = 0; i < r->count; i++) {
            json_begin_object(&w);
            json_put_cstr(&w, "check", r->findings[i].check);
            json_put_cstr(&w, "state", states[r->findings[i].state]);
            json_put_cstr(&w, "what", r->findings[i].what);
            json_put_cstr(&w, "mend", r->findings[i].mend);
            json_end(&w);
        }
        json_end(&w);
        json_end(&w);
        printf("%.*s\n", (int)out.len, out.ptr);
        buf_free(&out);
        return;
    }
    for (size_t i = 0; i < r->count; i++) {
        printf("%s %-12s %s\n", marks[r->findings[i].state], r->findings[i].check, r->findings[i].what);
        if (r->findings[i].mend) printf("                    -> %s\n", r->findings[i].mend);
    }
}

int command_doctor(struct command_context *c) {
    struct report r = {0};
    struct house_options options = house_options_of(c);
    const char *data = options.data_path;
    char database[4096], about[512];
    check_kernel(&r);
    check_limits(&r);
    check_srt(&r);
    if (check_folder(&r, data)) {
        check_disk(&r, data);
        check_server(&r, data);
        snprintf(database, sizeof database, "%s/grandstand.db", data);
        struct house h;
        struct arena *arena = arena_create(16 << 20);
        if (options.database || access(database, F_OK) == 0) {
            struct err e = arena ? house_open_database(&h, &options, about) : err_memory();
            if (e.kind) {
                find(&r, "database", FINDING_BAD, "If the file is damaged, restore it from a backup.", "%s (%s)", e.what, e.code);
            } else {
                check_database(&r, &h, arena);
                check_titles(&r, &h, data);
                house_close(&h);
            }
        } else {
            find(&r, "database", FINDING_GOOD, NULL, "not made yet");
        }
        arena_destroy(&arena);
    }
    check_pages(&r, c);
    print(c, &r);
    for (size_t i = 0; i < r.count; i++)
        if (r.findings[i].state == FINDING_BAD) return EXIT_CODE_FAILED;
    return EXIT_CODE_DONE;
}
