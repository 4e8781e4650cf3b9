/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * sqlite_faults.h: a layer under SQLite that asks base/fault, so that its allocations, reads, writes and syncs fail as ours do.
 * `layer_put_in` is the group setup of a test program of its own: before anything else of SQLite, and for good.
 * What a connection has read once it keeps, and would not read again: `sqlite_caches_drop` makes all of them forget it, so that reads can fail. */
#ifndef TESTS_LIB_SQLITE_FAULTS_H
#define TESTS_LIB_SQLITE_FAULTS_H

#include <malloc.h>
#include <pthread.h>
#include <sqlite3.h>

#include "base/fault.h"
#include "base/mem.h"

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
/* Nobody cuts the power here: what was written is there, and no disk need be waited for. */
static int shim_sync(sqlite3_file *f, int flags) { return fault_hits(FAULT_SYNC) ? SQLITE_IOERR_FSYNC : SQLITE_OK; }
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

/* The connections that are open: SQLite says of each that it opens, and that it closes by letting go of a function that it was given. */
enum { SHIM_CONNECTIONS_MAX = 64 };
static struct {
    pthread_mutex_t lock;
    sqlite3 *open[SHIM_CONNECTIONS_MAX];
    size_t count;
} shim_connections = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void shim_unused(sqlite3_context *context, int count, sqlite3_value **values) {}
static void shim_closes(void *handle) {
    pthread_mutex_lock(&shim_connections.lock);
    for (size_t i = 0; i < shim_connections.count; i++)
        if (shim_connections.open[i] == handle) shim_connections.open[i] = shim_connections.open[--shim_connections.count];
    pthread_mutex_unlock(&shim_connections.lock);
}
static int shim_opens(sqlite3 *handle, char **error, const struct sqlite3_api_routines *api) {
    pthread_mutex_lock(&shim_connections.lock);
    bool has_room = shim_connections.count < SHIM_CONNECTIONS_MAX;
    if (has_room) shim_connections.open[shim_connections.count++] = handle;
    pthread_mutex_unlock(&shim_connections.lock);
    return has_room ? sqlite3_create_function_v2(handle, "shim_unused", 0, SQLITE_UTF8, handle, shim_unused, NULL, NULL, shim_closes) : SQLITE_FULL;
}

/* While nobody asks any of them anything. */
static inline void sqlite_caches_drop(void) {
    pthread_mutex_lock(&shim_connections.lock);
    for (size_t i = 0; i < shim_connections.count; i++) sqlite3_db_release_memory(shim_connections.open[i]);
    pthread_mutex_unlock(&shim_connections.lock);
}

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
    if (sqlite3_vfs_register(&shim, 1) != SQLITE_OK) return -1;
    return sqlite3_auto_extension((void (*)(void))shim_opens);
}

#endif
