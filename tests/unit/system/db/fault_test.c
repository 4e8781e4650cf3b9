/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Every allocation, read, write and sync of SQLite fails in turn: through a layer under it that asks base/fault. Whatever fails, it is
 * reported, what was answered stands, what was refused is not there, and the server goes on when the disk is well again. */
#include <malloc.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/fault.h"
#include "base/mem.h"
#include "store.h"

/* --- the layer --- */

struct shim_file {
    sqlite3_file base;
    sqlite3_file *real; /* behind us in the same memory */
};
static sqlite3_vfs *real_vfs;
static sqlite3_file *real(sqlite3_file *f) { return ((struct shim_file *)f)->real; }

static int shim_close(sqlite3_file *f) { return real(f)->pMethods->xClose(real(f)); }
static int shim_read(sqlite3_file *f, void *out, int len, sqlite3_int64 at) {
    return fault_hits(FAULT_READ) ? SQLITE_IOERR_READ : real(f)->pMethods->xRead(real(f), out, len, at);
}
static int shim_write(sqlite3_file *f, const void *in, int len, sqlite3_int64 at) {
    return fault_hits(FAULT_WRITE) ? SQLITE_FULL : real(f)->pMethods->xWrite(real(f), in, len, at);
}
static int shim_truncate(sqlite3_file *f, sqlite3_int64 len) { return real(f)->pMethods->xTruncate(real(f), len); }
static int shim_sync(sqlite3_file *f, int flags) {
    return fault_hits(FAULT_SYNC) ? SQLITE_IOERR_FSYNC : real(f)->pMethods->xSync(real(f), flags);
}
static int shim_size(sqlite3_file *f, sqlite3_int64 *len) { return real(f)->pMethods->xFileSize(real(f), len); }
static int shim_lock(sqlite3_file *f, int level) { return real(f)->pMethods->xLock(real(f), level); }
static int shim_unlock(sqlite3_file *f, int level) { return real(f)->pMethods->xUnlock(real(f), level); }
static int shim_reserved(sqlite3_file *f, int *out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); }
static int shim_control(sqlite3_file *f, int op, void *arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); }
static int shim_sector(sqlite3_file *f) { return real(f)->pMethods->xSectorSize(real(f)); }
static int shim_device(sqlite3_file *f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); }
static int shim_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out) {
    return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
}
static int shim_shm_lock(sqlite3_file *f, int at, int n, int flags) { return real(f)->pMethods->xShmLock(real(f), at, n, flags); }
static void shim_shm_barrier(sqlite3_file *f) { real(f)->pMethods->xShmBarrier(real(f)); }
static int shim_shm_unmap(sqlite3_file *f, int del) { return real(f)->pMethods->xShmUnmap(real(f), del); }

static const sqlite3_io_methods shim_methods = {2,           shim_close,   shim_read,     shim_write,       shim_truncate,  shim_sync,
                                                shim_size,   shim_lock,    shim_unlock,   shim_reserved,    shim_control,   shim_sector,
                                                shim_device, shim_shm_map, shim_shm_lock, shim_shm_barrier, shim_shm_unmap, NULL,
                                                NULL};

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *flags_out) {
    struct shim_file *s = (struct shim_file *)f;
    s->real = (sqlite3_file *)(s + 1);
    int code = real_vfs->xOpen(real_vfs, name, s->real, flags, flags_out);
    s->base.pMethods = s->real->pMethods ? &shim_methods : NULL;
    return code;
}

static void *shim_malloc(int bytes) { return mem_alloc((size_t)bytes); }
static void *shim_realloc(void *ptr, int bytes) { return mem_realloc(ptr, (size_t)bytes); }
static int shim_msize(void *ptr) { return ptr ? (int)malloc_usable_size(ptr) : 0; }
static int shim_roundup(int bytes) { return (bytes + 7) & ~7; }
static int shim_init(void *unused) { return SQLITE_OK; }
static void shim_shutdown(void *unused) {}

static int layer_put_in(void **state) {
    static const sqlite3_mem_methods memory = {shim_malloc,  mem_free,  shim_realloc,  shim_msize,
                                               shim_roundup, shim_init, shim_shutdown, NULL};
    static sqlite3_vfs shim;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &memory) != SQLITE_OK) return -1;
    real_vfs = sqlite3_vfs_find(NULL);
    shim = *real_vfs;
    shim.zName = "fault";
    shim.szOsFile = (int)sizeof(struct shim_file) + real_vfs->szOsFile;
    shim.xOpen = shim_open;
    return sqlite3_vfs_register(&shim, 1);
}

/* --- what is tried --- */

static const struct db_migration migrations[] = {{"CREATE TABLE note(id $ID, text $TEXT NOT NULL) $TABLE;"}};
static const struct db_schema notes = {"notes", migrations, 1};
static const struct db_schema *const schemas[] = {&notes};
static const struct db_statement insert = {"test.insert", "INSERT INTO note(id, text) VALUES (:id, :text)"};
static const struct db_statement count_id = {"test.count", "SELECT count(*) FROM note WHERE id IN (:id, :id + 1)"};
static const struct db_statement all = {"test.all", "SELECT id, text FROM note ORDER BY id DESC LIMIT 20"};

static struct err pair_add(struct db_tx *tx, void *arg) {
    char text[3000];
    memset(text, 'a' + (char)(*(int64_t *)arg % 26), sizeof text);
    struct err e = DB_RUN(tx, &insert, DB_INT("id", *(int64_t *)arg), DB_TEXT("text", slice_of(text, sizeof text)));
    return e.kind ? e : DB_RUN(tx, &insert, DB_INT("id", *(int64_t *)arg + 1), DB_TEXT("text", slice_of(text, 10)));
}
static struct err pairs_read(struct db_tx *tx, void *arg) {
    struct arena *arena = arena_create(1 << 20);
    struct db_rows rows;
    struct err e = arena ? DB_QUERY(tx, arena, &rows, &all) : err_memory();
    arena_destroy(&arena);
    return e;
}
struct look {
    int64_t id, count;
};
static struct err pair_count(struct db_tx *tx, void *arg) {
    struct look *l = arg;
    l->count = DB_GET_INT(tx, -1, &count_id, DB_INT("id", l->id));
    return ERR_OK;
}

enum { PAIRS = 3 };
struct trial {
    struct err opened, written[PAIRS], read;
};

/* Opens, writes, reads, as the server would, with the fault armed; closing is quiet. */
static struct trial try_all(const struct test_store *s, enum fault_point point, uint64_t nth, bool sticky, int64_t first, bool *fired) {
    struct trial t = {0};
    struct db *db = NULL;
    fault_arm(point, nth, sticky);
    t.opened = db_open(&db, &(struct db_options){.url = s->url, .busy_wait_ms = 20});
    for (int i = 0; i < PAIRS && !t.opened.kind; i++) {
        int64_t id = first + 2 * i;
        t.written[i] = db_write(db, pair_add, &id);
    }
    if (!t.opened.kind) t.read = db_read(db, pairs_read, NULL);
    *fired = fault_fired(point);
    fault_disarm_all();
    if (db) { /* the server goes on */
        int64_t id = first + 2 * PAIRS;
        assert_ok(db_write(db, pair_add, &id));
        assert_ok(db_read(db, pairs_read, NULL));
    }
    db_close(&db);
    return t;
}

static void after_any_failure_answers_are_true(void **state) {
    struct test_store *s = test_store_of(state);
    static const uint64_t met_min[FAULT_POINTS] = {[FAULT_ALLOC] = 100, [FAULT_WRITE] = 10, [FAULT_READ] = 3, [FAULT_SYNC] = 3};
    struct db *db = test_store_open(s, schemas, 1);
    db_close(&db);
    int64_t first = 1;
    for (int sticky = 0; sticky < 2; sticky++) {
        for (enum fault_point point = 0; point < FAULT_POINTS; point++) {
            /* Allocations are many: all of them only where there is time for it. */
            uint64_t stride = point != FAULT_ALLOC || getenv("GRANDSTAND_TEST_LONG") ? 1 : 13;
            for (uint64_t n = 1;; n += stride, first += 2 * PAIRS + 2) {
                assert_true(n < 100000);
                bool fired;
                struct trial t = try_all(s, point, n, sticky, first, &fired);
                if (!fired) {
                    assert_ok(t.opened);
                    assert_ok(t.read);
                    for (int i = 0; i < PAIRS; i++) assert_ok(t.written[i]);
                    assert_true(n > met_min[point]);
                    first += 2 * PAIRS + 2;
                    break;
                }
                db = test_store_open(s, schemas, 1);
                for (int i = 0; i < PAIRS; i++) {
                    struct look l = {.id = first + 2 * i};
                    assert_ok(db_read(db, pair_count, &l));
                    bool was_refused = t.opened.kind || t.written[i].kind;
                    bool is_in_doubt = t.written[i].kind && !strcmp(t.written[i].code, "db.in_doubt");
                    if (l.count == 1) fail_msg("half a pair after fault %d:%d", (int)point, (int)n);
                    if (!was_refused && l.count != 2) fail_msg("answered and lost after fault %d:%d", (int)point, (int)n);
                    if (was_refused && !is_in_doubt && l.count) fail_msg("refused and there after fault %d:%d", (int)point, (int)n);
                }
                db_close(&db);
            }
        }
    }
    struct arena *arena = arena_create(1 << 16);
    struct db_health h;
    db = test_store_open(s, schemas, 1);
    assert_ok(db_check(db, arena, &h));
    assert_true(h.is_sound);
    arena_destroy(&arena);
    db_close(&db);
}

static void a_full_disk_is_said_and_survived(void **state) {
    struct test_store *s = test_store_of(state);
    struct db *db = test_store_open(s, schemas, 1);
    fault_arm(FAULT_WRITE, 1, true);
    int64_t id = 1;
    assert_error(db_write(db, pair_add, &id), "db.full");
    assert_error(db_write(db, pair_add, &id), "db.full");
    assert_ok(db_read(db, pairs_read, NULL));
    fault_disarm_all();
    assert_ok(db_write(db, pair_add, &id));
    db_close(&db);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_SQLITE(after_any_failure_answers_are_true),
        ON_SQLITE(a_full_disk_is_said_and_survived),
    };
    return cmocka_run_group_tests_name("db_fault", tests, layer_put_in, NULL);
}
