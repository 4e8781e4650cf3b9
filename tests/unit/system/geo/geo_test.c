/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "system/geo/geo.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/rng.h"
#include "base/thread.h"
#include "mmdb_maker.h"

#define assert_ok(call)                                              \
    do {                                                             \
        struct err e_ = (call);                                      \
        if (e_.kind) fail_msg("%s: %s", e_.code, e_.what);           \
    } while (0)

static char folder[64], path[96];

static int folder_make(void **state) {
    snprintf(folder, sizeof folder, "/tmp/geo_test.XXXXXX");
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/countries.mmdb", folder);
    return 0;
}
static int folder_remove(void **state) { return (int)fs_remove_tree(AT_FDCWD, folder).kind; }

static const struct mmdb_net nets[] = {
    {"203.0.113.0", 24, "TH", NULL},   {"198.51.100.0", 25, "US", "CA"}, {"198.51.100.128", 25, "US", "NY"},
    {"2001:db8:1::", 48, "DE", "BY"}, {"192.0.2.0", 24, NULL, NULL},    {"100.64.0.0", 10, "de", "TOOLONG"},
};

/* A new file under the name, without waiting for the disk as fs_write_file_atomic does: hundreds are made. */
static void bytes_write(struct slice bytes) {
    char beside[128];
    int fd;
    snprintf(beside, sizeof beside, "%s.new", path);
    assert_ok(fs_open(AT_FDCWD, beside, O_WRONLY | O_CREAT | O_TRUNC, 0600, &fd));
    assert_ok(fs_write_all(fd, bytes));
    fs_close(&fd);
    assert_int_equal(rename(beside, path), 0);
}

static void file_write(const struct mmdb_net *list, size_t count) {
    struct buf file = BUF(1 << 20);
    mmdb_make(&file, list, count);
    assert_false(file.has_failed);
    bytes_write(buf_slice(&file));
    buf_free(&file);
}

static void expect(struct geo *geo, const char *address, const char *country, const char *area) {
    struct geo_place place;
    assert_int_equal(geo_find(geo, slice_cstr(address), &place), country[0] != 0);
    assert_string_equal(place.country, country);
    assert_string_equal(place.area, area);
}

static void addresses_have_their_country_and_area(void **state) {
    struct geo *geo;
    file_write(nets, ARRAY_LEN(nets));
    assert_ok(geo_open(&geo, path));
    expect(geo, "203.0.113.77", "TH", "");
    expect(geo, "198.51.100.1", "US", "US-CA");
    expect(geo, "198.51.100.129", "US", "US-NY");
    expect(geo, "2001:db8:1::5", "DE", "DE-BY");
    expect(geo, "::ffff:203.0.113.77", "TH", ""); /* the same client on a socket of IPv6 */
    expect(geo, "100.64.1.1", "DE", "");          /* an area that is none is left out */
    expect(geo, "192.0.2.1", "", "");             /* a record without a country */
    expect(geo, "127.0.0.1", "", "");
    expect(geo, "2001:db8:2::5", "", "");
    static const char *const none[] = {"", "DE", "203.0.113", "203.0.113.77:80", "203.0.113.0/24", " 203.0.113.77", "2001:db8:1::5%eth0",
                                       "a text that is much longer than any address could ever be, and then some"};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) expect(geo, none[i], "", "");
    geo_close(&geo);
    assert_null(geo);
}

static void without_a_file_nobody_has_a_place(void **state) {
    struct geo *geo;
    assert_ok(geo_open(&geo, NULL));
    expect(geo, "203.0.113.77", "", "");
    geo_tick(geo);
    geo_close(&geo);
}

static void what_is_no_database_is_refused(void **state) {
    struct geo *geo = NULL;
    struct err e = geo_open(&geo, "/nowhere/at/all.mmdb");
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    struct buf file = BUF(1 << 20);
    mmdb_make(&file, nets, ARRAY_LEN(nets));
    /* Cut at every length: never a crash; opened or refused, and then a look-up that finds something or nothing. */
    for (size_t len = 0; len < file.len; len += len < 64 || file.len - len < 512 ? 1 : 97) {
        bytes_write(slice_of(file.ptr, len));
        e = geo_open(&geo, path);
        if (e.kind) {
            assert_string_equal(e.code, "geo.file");
            assert_null(geo);
            continue;
        }
        struct geo_place place;
        geo_find(geo, SLICE("203.0.113.77"), &place);
        geo_close(&geo);
    }
    /* Bytes changed at random. */
    struct rng rng = rng_seeded(7);
    for (int i = 0; i < 400; i++) {
        size_t at = rng_below(&rng, file.len);
        char was = file.ptr[at];
        file.ptr[at] = (char)rng_u64(&rng);
        bytes_write(buf_slice(&file));
        if (!geo_open(&geo, path).kind) {
            struct geo_place place;
            geo_find(geo, SLICE("203.0.113.77"), &place);
            geo_find(geo, SLICE("2001:db8:1::5"), &place);
            geo_close(&geo);
        }
        file.ptr[at] = was;
    }
    buf_free(&file);
}

static void a_new_file_is_taken_up_and_a_broken_one_is_not(void **state) {
    struct geo *geo;
    file_write(nets, ARRAY_LEN(nets));
    assert_ok(geo_open(&geo, path));
    expect(geo, "203.0.113.77", "TH", "");
    struct mmdb_net moved[] = {{"203.0.113.0", 24, "AT", "9"}};
    file_write(moved, 1);
    expect(geo, "203.0.113.77", "TH", ""); /* not before it was looked at */
    geo_tick(geo);
    expect(geo, "203.0.113.77", "AT", "AT-9");
    bytes_write(SLICE("not a database"));
    geo_tick(geo);
    geo_tick(geo);
    expect(geo, "203.0.113.77", "AT", "AT-9");
    /* Written over in place, as cp does: what is open does not change under anybody's feet. */
    file_write(moved, 1);
    geo_tick(geo);
    int fd = open(path, O_WRONLY | O_TRUNC);
    expect(geo, "203.0.113.77", "AT", "AT-9");
    close(fd);
    geo_tick(geo);
    expect(geo, "203.0.113.77", "AT", "AT-9");
    unlink(path);
    geo_tick(geo);
    expect(geo, "203.0.113.77", "AT", "AT-9");
    file_write(nets, ARRAY_LEN(nets));
    geo_tick(geo);
    expect(geo, "203.0.113.77", "TH", "");
    geo_close(&geo);
}

static void *_Atomic shared_geo;
static _Atomic bool stops;
static void look(void *arg) {
    struct geo_place place;
    uint64_t *count = arg;
    while (!atomic_load(&stops)) {
        assert_true(geo_find(atomic_load(&shared_geo), SLICE("203.0.113.77"), &place));
        assert_true(!strcmp(place.country, "TH") || !strcmp(place.country, "AT"));
        ++*count;
    }
}

static void lookers_are_not_disturbed_by_new_files(void **state) {
    struct geo *geo;
    struct thread *threads[2];
    uint64_t counts[2] = {0};
    struct mmdb_net moved[] = {{"203.0.113.0", 24, "AT", "9"}};
    file_write(nets, ARRAY_LEN(nets));
    assert_ok(geo_open(&geo, path));
    atomic_store(&shared_geo, geo);
    for (size_t i = 0; i < 2; i++) assert_ok(thread_start(&threads[i], "look", look, &counts[i]));
    for (int i = 0; i < 50; i++) {
        if (i % 2) file_write(nets, ARRAY_LEN(nets));
        else file_write(moved, 1);
        geo_tick(geo);
    }
    atomic_store(&stops, true);
    for (size_t i = 0; i < 2; i++) thread_join(&threads[i]);
    assert_true(counts[0] + counts[1] > 0);
    geo_close(&geo);
}

static void places_are_read(void **state) {
    static const struct {
        const char *text, *country, *area;
    } good[] = {{"DE", "DE", ""}, {"de", "DE", ""}, {"US-CA", "US", "US-CA"}, {"us-ca", "US", "US-CA"}, {"AT-9", "AT", "AT-9"}, {"GB-ENG", "GB", "GB-ENG"}};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct geo_place place;
        assert_true(geo_place_parse(slice_cstr(good[i].text), &place));
        assert_string_equal(place.country, good[i].country);
        assert_string_equal(place.area, good[i].area);
    }
    static const char *const bad[] = {"", "D", "DEU", "D1", "DE-", "DE-ABCD", "DE BY", "DE_BY", "\xc3\x84\xc3\x96", "DE-B\xff"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct geo_place place = {.country = "XX"};
        assert_false(geo_place_parse(slice_cstr(bad[i]), &place));
        assert_string_equal(place.country, "XX");
    }
    assert_true(geo_is_eu("DE") && geo_is_eu("SK") && geo_is_eu("AT") && geo_is_eu("HR"));
    assert_false(geo_is_eu("GB") || geo_is_eu("CH") || geo_is_eu("NO") || geo_is_eu("TH") || geo_is_eu("") || geo_is_eu("T "));
}

/* A file of somebody else's making, where it is there. */
static void the_published_test_database_is_read(void **state) {
    const char *data = getenv("GRANDSTAND_SHARED_DATA");
    char file[512];
    snprintf(file, sizeof file, "%s/geoip/GeoIP2-Country-Test.mmdb", data ? data : ".");
    if (access(file, R_OK) != 0) {
        print_message("# skipped: %s is not there (set GRANDSTAND_SHARED_DATA)\n", file);
        skip();
    }
    struct geo *geo;
    assert_ok(geo_open(&geo, file));
    expect(geo, "81.2.69.160", "GB", "");
    expect(geo, "2001:218::1", "JP", "");
    expect(geo, "89.160.20.112", "SE", "");
    geo_close(&geo);
    static const char *const broken[] = {"MaxMind-DB-test-broken-pointers-24", "MaxMind-DB-test-broken-search-tree-24"};
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        snprintf(file, sizeof file, "%s/geoip/%s.mmdb", data ? data : ".", broken[i]);
        if (geo_open(&geo, file).kind) continue;
        for (int n = 0; n < 256; n++) {
            char address[32];
            struct geo_place place;
            snprintf(address, sizeof address, "1.1.1.%d", n);
            geo_find(geo, slice_cstr(address), &place);
        }
        geo_close(&geo);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_read),
        cmocka_unit_test(addresses_have_their_country_and_area),
        cmocka_unit_test(without_a_file_nobody_has_a_place),
        cmocka_unit_test(what_is_no_database_is_refused),
        cmocka_unit_test(a_new_file_is_taken_up_and_a_broken_one_is_not),
        cmocka_unit_test(lookers_are_not_disturbed_by_new_files),
        cmocka_unit_test(the_published_test_database_is_read),
    };
    return cmocka_run_group_tests_name("geo", tests, folder_make, folder_remove);
}
