/* SPDX-License-Identifier: AGPL-3.0-or-later
 * A catalogue of anybody's making is looked at, as CSV and as JSON, beside titles that there are; what has no fault is brought in, and then what
 * goes out comes in again and changes nothing. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "business/catalog/catalog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct catalog *catalog;
static struct arena *arena;
static int64_t org = 1;
static char folder[] = "/tmp/grandstand-fuzz-XXXXXX";

static void clean(void) {
    char path[128];
    static const char *const files[] = {"/c.db", "/c.db-wal", "/c.db-shm", ""};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof path, "%s%s", folder, files[i]);
        if (files[i][0]) unlink(path);
        else rmdir(path);
    }
}
static void begin(void) {
    static struct db *db;
    static const struct db_schema *const schemas[] = {&catalog_schema};
    char path[128];
    if (!mkdtemp(folder)) abort();
    atexit(clean);
    snprintf(path, sizeof path, "%s/c.db", folder);
    arena = arena_create(256 << 20);
    struct err e = db_open(&db, &(struct db_options){.url = path});
    if (!e.kind) e = db_migrate(db, schemas, 1);
    if (!e.kind) e = catalog_open(&catalog, db, id_maker_create(clock_system(), 0));
    assert(!e.kind && arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > 8192) return 0;
    if (!catalog) begin();
    enum catalog_format format = data[0] == '{' || data[0] == '[' ? CATALOG_JSON : CATALOG_CSV;
    char *exact = malloc(size);
    memcpy(exact, data, size);
    struct catalog_import_report report;
    arena_reset(arena);
    struct err e = catalog_import(catalog, arena, org, format, slice_of(exact, size), true, &report);
    assert(!e.kind || e.kind == ERR_INPUT);
    assert((report.fault_count > 0) == (e.kind == ERR_INPUT));
    for (size_t i = 0; i < report.fault_count && i < CATALOG_FAULTS_MAX; i++) assert(report.faults[i].line > 0 && report.faults[i].column > 0 && report.faults[i].code);
    if (!e.kind && report.created) {
        arena_reset(arena);
        e = catalog_import(catalog, arena, org, format, slice_of(exact, size), false, &report);
        assert(!e.kind || e.kind == ERR_INPUT);
        struct catalog_view *v;
        struct buf out = BUF(1 << 24);
        e = catalog_view_take(catalog, org, &v);
        assert(!e.kind);
        for (int f = 0; f < 2; f++) {
            buf_clear(&out);
            e = catalog_export(v, (enum catalog_format)f, &out);
            assert(!e.kind);
            arena_reset(arena);
            e = catalog_import(catalog, arena, org, (enum catalog_format)f, buf_slice(&out), true, &report);
            assert(!e.kind && !report.created && !report.changed && !report.people);
        }
        if (v->count > 200) org++; /* a fresh catalogue: so it stays quick */
        catalog_view_give(&v);
        buf_free(&out);
    }
    free(exact);
    return 0;
}
