/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fault.h"
#include "base/fs.h"
#include "base/rng.h"
#include "store.h"
#include "system/object/object.h"

struct fixture {
    char folder[64], root[80];
    struct object_store *store;
    struct arena *arena;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "/tmp/grandstand-test-XXXXXX");
    if (!mkdtemp(f->folder)) return -1;
    snprintf(f->root, sizeof f->root, "%s/media/objects", f->folder);
    f->arena = arena_create(1 << 20);
    *state = f;
    return object_store_open_folder(&f->store, f->root).kind != ERR_NONE;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    fault_disarm_all();
    object_store_close(&f->store);
    arena_destroy(&f->arena);
    struct err e = fs_remove_tree(AT_FDCWD, f->folder);
    free(f);
    return e.kind != ERR_NONE;
}

static void reopen(struct fixture *f) {
    object_store_close(&f->store);
    assert_ok(object_store_open_folder(&f->store, f->root));
}

/* The object's bytes in the arena; SLICE_NONE when there is none. */
static struct slice content(struct fixture *f, const char *key) {
    struct object *o;
    struct err e = object_open(f->store, slice_cstr(key), &o);
    if (e.kind == ERR_NOT_FOUND) return SLICE_NONE;
    assert_ok(e);
    char *bytes = arena_alloc(f->arena, object_bytes(o) + 1);
    assert_ok(object_read(o, bytes, object_bytes(o), 0));
    assert_error(object_read(o, bytes, 1, object_bytes(o)), "file.truncated");
    struct slice s = slice_of(bytes, object_bytes(o));
    object_close(&o);
    return s;
}

static size_t entries_in(struct fixture *f, const char *folder) {
    char command[160];
    snprintf(command, sizeof command, "ls -A %s/%s | wc -l", f->root, folder);
    FILE *p = popen(command, "r");
    size_t count = SIZE_MAX;
    assert_int_equal(fscanf(p, "%zu", &count), 1);
    pclose(p);
    return count;
}

static void keys_cannot_leave_the_store(void **state) {
    struct fixture *f = *state;
    static const char *const bad[] = {"",     "/",     "/a",     "a/",        "a//b", ".",    "..",   "../a",     "a/../b",
                                      "a/..", ".lock", ".tmp/1", "a/.hidden", "a b",  "a\\b", "a\nb", "\xc3\xa9", "a/b/c/d/e/f/g/h/i",
                                      "a*",   "~",     "a:b",    "%2e%2e"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct slice key = slice_cstr(bad[i]);
        struct object *o;
        struct object_writer *w;
        assert_false(object_key_is_valid(key));
        assert_error(object_open(f->store, key, &o), "object.key");
        assert_error(object_write_begin(f->store, key, &w), "object.key");
        assert_error(object_put(f->store, key, SLICE("x")), "object.key");
        assert_error(object_delete(f->store, key), "object.key");
    }
    char longest[257];
    memset(longest, 'a', sizeof longest);
    assert_false(object_key_is_valid(slice_of(longest, 256)));
    assert_false(object_key_is_valid(slice_of("a\0b", 3)));
    assert_true(object_key_is_valid(slice_of(longest, 255)));
    assert_true(object_key_is_valid(SLICE("titles/7zr3v9k2m8qd41xh/v0.mp4")));
    assert_true(object_key_is_valid(SLICE("a/b/c/d/e/f/g/h")));
}

static void links_are_not_followed(void **state) {
    struct fixture *f = *state;
    char secret[128], link[128];
    snprintf(secret, sizeof secret, "%s/secret", f->folder);
    assert_ok(fs_write_file_atomic(AT_FDCWD, secret, SLICE("secret"), 0600));
    assert_ok(object_put(f->store, SLICE("titles/a/v0.mp4"), SLICE("mine")));
    snprintf(link, sizeof link, "%s/titles/link", f->root);
    assert_int_equal(symlink(secret, link), 0);
    snprintf(link, sizeof link, "%s/titles/up", f->root);
    assert_int_equal(symlink(f->folder, link), 0);
    snprintf(link, sizeof link, "%s/titles/pipe", f->root);
    assert_int_equal(mkfifo(link, 0600), 0);

    assert_null(content(f, "titles/link").ptr);
    assert_null(content(f, "titles/up/secret").ptr);
    assert_null(content(f, "titles/pipe").ptr);
    assert_null(content(f, "titles/a").ptr); /* a folder is no object */
    assert_null(content(f, "titles/a/v0.mp4/x").ptr);
    int fd;
    assert_error(object_open_folder(f->store, SLICE("titles/up"), &fd), "object.missing");
    assert_error(object_put(f->store, SLICE("titles/up/new"), SLICE("x")), "object.exists");
    struct object_list list;
    assert_ok(object_list(f->store, f->arena, SLICE(""), 100, &list));
    assert_int_equal(list.count, 1);

    assert_ok(object_put(f->store, SLICE("titles/link"), SLICE("over the link"))); /* replaces the link itself */
    assert_ok(object_delete(f->store, SLICE("titles/up")));
    struct buf bytes = BUF(100);
    assert_ok(fs_read_file(AT_FDCWD, secret, &bytes));
    assert_true(slice_eq(buf_slice(&bytes), SLICE("secret")));
    buf_free(&bytes);
}

static void objects_appear_whole_and_stay_readable(void **state) {
    struct fixture *f = *state;
    struct object_writer *w;
    assert_ok(object_write_begin(f->store, SLICE("a/b/one"), &w));
    assert_ok(object_write(w, SLICE("hello ")));
    assert_null(content(f, "a/b/one").ptr);
    assert_ok(object_write(w, SLICE("world")));
    assert_ok(object_write_commit(&w));
    assert_null(w);
    assert_true(slice_eq(content(f, "a/b/one"), SLICE("hello world")));

    struct object *before;
    assert_ok(object_open(f->store, SLICE("a/b/one"), &before));
    assert_true(object_fd(before) >= 0);
    assert_ok(object_put(f->store, SLICE("a/b/one"), SLICE("new")));
    assert_true(slice_eq(content(f, "a/b/one"), SLICE("new")));
    assert_ok(object_delete(f->store, SLICE("a")));
    assert_ok(object_delete(f->store, SLICE("a")));
    char old[11];
    assert_int_equal(object_bytes(before), 11);
    assert_ok(object_read(before, old, 11, 0));
    assert_memory_equal(old, "hello world", 11);
    object_close(&before);
    assert_null(before);
    assert_null(content(f, "a/b/one").ptr);
    assert_int_equal(entries_in(f, ".trash"), 0);

    assert_ok(object_write_begin(f->store, SLICE("x"), &w));
    object_write_abort(&w);
    assert_int_equal(entries_in(f, ".tmp"), 0);
}

static void an_object_is_not_a_folder_too(void **state) {
    struct fixture *f = *state;
    assert_ok(object_put(f->store, SLICE("a/b"), SLICE("x")));
    assert_error(object_put(f->store, SLICE("a"), SLICE("x")), "object.exists");
    assert_error(object_put(f->store, SLICE("a/b/c"), SLICE("x")), "object.exists");
    assert_true(slice_eq(content(f, "a/b"), SLICE("x")));
    assert_int_equal(entries_in(f, ".tmp"), 0);
}

static void lists_are_in_order_and_bounded(void **state) {
    struct fixture *f = *state;
    static const char *const keys[] = {"t/b/2", "t/a/1", "t/a/1-x", "t/c", "u", "t/a/b/c/d/e/f/g"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) assert_ok(object_put(f->store, slice_cstr(keys[i]), slice_cstr(keys[i])));
    struct object_list list;
    assert_ok(object_list(f->store, f->arena, SLICE("t"), 10, &list));
    static const char *const expected[] = {"t/a/1", "t/a/1-x", "t/a/b/c/d/e/f/g", "t/b/2", "t/c"};
    assert_int_equal(list.count, ARRAY_LEN(expected));
    for (size_t i = 0; i < list.count; i++) {
        assert_true(slice_eq(list.items[i].key, slice_cstr(expected[i])));
        assert_int_equal(list.items[i].bytes, strlen(expected[i]));
        assert_true(list.items[i].modified.ns > 0);
    }
    assert_ok(object_list(f->store, f->arena, SLICE(""), 6, &list));
    assert_int_equal(list.count, 6);
    assert_error(object_list(f->store, f->arena, SLICE(""), 5, &list), "object.many");
    assert_ok(object_list(f->store, f->arena, SLICE("nothing/here"), 5, &list));
    assert_int_equal(list.count, 0);
    assert_ok(object_list(f->store, f->arena, SLICE("u"), 5, &list)); /* an object, not a prefix */
    assert_int_equal(list.count, 0);
    uint64_t space = 0;
    assert_ok(object_store_space(f->store, &space));
    assert_true(space > 0);
}

static void one_process_at_a_time(void **state) {
    struct fixture *f = *state;
    struct object_store *second;
    assert_error(object_store_open_folder(&second, f->root), "object.locked");
}

/* --- staging --- */

static void put_file(int dir_fd, const char *name, const char *text) {
    assert_ok(fs_write_file_atomic(dir_fd, name, slice_cstr(text), 0600));
}

static struct object_staging *stage(struct fixture *f, const char *name, const char *text) {
    struct object_staging *g;
    bool existed;
    assert_ok(object_staging_open(f->store, slice_cstr(name), &g, &existed));
    assert_false(existed);
    put_file(object_staging_fd(g), "v0.mp4", text);
    assert_ok(fs_make_dirs(object_staging_fd(g), "thumbs", 0700));
    put_file(object_staging_fd(g), "thumbs/0.jpg", text);
    return g;
}

static void a_staging_is_published_at_once(void **state) {
    struct fixture *f = *state;
    struct object_staging *g = stage(f, "job-1", "first");
    struct object_list list;
    assert_ok(object_list(f->store, f->arena, SLICE(""), 10, &list));
    assert_int_equal(list.count, 0);
    assert_ok(object_staging_publish(&g, SLICE("titles/one"), OBJECT_PUBLISH_NEW));
    assert_null(g);
    assert_true(slice_eq(content(f, "titles/one/v0.mp4"), SLICE("first")));
    assert_true(slice_eq(content(f, "titles/one/thumbs/0.jpg"), SLICE("first")));

    g = stage(f, "job-1", "second");
    assert_error(object_staging_publish(&g, SLICE("titles/one"), OBJECT_PUBLISH_NEW), "object.exists");
    assert_true(slice_eq(content(f, "titles/one/v0.mp4"), SLICE("first")));
    assert_ok(object_staging_publish(&g, SLICE("titles/one"), OBJECT_PUBLISH_REPLACE));
    assert_true(slice_eq(content(f, "titles/one/v0.mp4"), SLICE("second")));
    assert_int_equal(entries_in(f, ".staging"), 0);
    assert_int_equal(entries_in(f, ".trash"), 0);

    g = stage(f, "job-2", "third");
    assert_ok(object_staging_publish_file(g, SLICE("v0.mp4"), SLICE("titles/one/v1.mp4")));
    assert_error(object_staging_publish_file(g, SLICE("v0.mp4"), SLICE("titles/one/v2.mp4")), "object.missing");
    assert_true(slice_eq(content(f, "titles/one/v1.mp4"), SLICE("third")));
    assert_true(slice_eq(content(f, "titles/one/v0.mp4"), SLICE("second")));
    assert_ok(object_staging_discard(&g));
    assert_int_equal(entries_in(f, ".staging"), 0);
}

static void a_staging_with_strange_things_is_not_published(void **state) {
    struct fixture *f = *state;
    struct object_staging *g = stage(f, "job", "x");
    int fd = object_staging_fd(g);
    assert_int_equal(symlinkat("/etc/passwd", fd, "v1.mp4"), 0);
    assert_error(object_staging_publish(&g, SLICE("titles/x"), OBJECT_PUBLISH_NEW), "object.staging");
    assert_error(object_staging_publish_file(g, SLICE("v1.mp4"), SLICE("titles/x/v1.mp4")), "object.staging");
    assert_int_equal(unlinkat(fd, "v1.mp4", 0), 0);
    assert_int_equal(mkfifoat(fd, "pipe", 0600), 0);
    assert_error(object_staging_publish(&g, SLICE("titles/x"), OBJECT_PUBLISH_NEW), "object.staging");
    assert_int_equal(unlinkat(fd, "pipe", 0), 0);
    put_file(fd, "a b", "x");
    assert_error(object_staging_publish(&g, SLICE("titles/x"), OBJECT_PUBLISH_NEW), "object.staging");
    assert_int_equal(unlinkat(fd, "a b", 0), 0);
    assert_error(object_staging_publish(&g, SLICE("a/b/c/d/e/f/g"), OBJECT_PUBLISH_NEW), "object.staging"); /* too deep with thumbs/0.jpg */
    assert_null(content(f, "titles/x/v0.mp4").ptr);
    assert_ok(object_staging_publish(&g, SLICE("titles/x"), OBJECT_PUBLISH_NEW));
    assert_true(slice_eq(content(f, "titles/x/v0.mp4"), SLICE("x")));
}

static bool claims_kept(void *user, struct slice name) { return slice_eq(name, SLICE("kept")); }

static void stagings_survive_until_nobody_claims_them(void **state) {
    struct fixture *f = *state;
    struct object_staging *kept = stage(f, "kept", "half done"), *left = stage(f, "left", "x"), *open = stage(f, "open", "x");
    struct object_staging *second;
    bool existed;
    assert_error(object_staging_open(f->store, SLICE("kept"), &second, &existed), "object.staged");
    object_staging_close(&kept);
    object_staging_close(&left);
    object_staging_close(&open);
    reopen(f);
    assert_ok(object_staging_open(f->store, SLICE("open"), &open, &existed));
    assert_true(existed);
    size_t removed = 99;
    assert_ok(object_stagings_clean(f->store, claims_kept, NULL, &removed));
    assert_int_equal(removed, 1);
    assert_ok(object_staging_open(f->store, SLICE("kept"), &kept, &existed));
    assert_true(existed);
    assert_true(fs_exists(object_staging_fd(kept), "v0.mp4"));
    assert_ok(object_staging_open(f->store, SLICE("left"), &left, &existed));
    assert_false(existed);
    object_staging_close(&kept);
    object_staging_close(&left);
    object_staging_close(&open);
}

/* --- faults --- */

static struct err change_everything(struct fixture *f) {
    struct err e = object_put(f->store, SLICE("titles/one/a"), SLICE("new"));
    if (!e.kind) e = object_put(f->store, SLICE("other/deep/b"), SLICE("new"));
    struct object_staging *g = NULL;
    bool existed;
    if (!e.kind) e = object_staging_open(f->store, SLICE("job"), &g, &existed);
    if (!e.kind) e = fs_write_file_atomic(object_staging_fd(g), "v0", SLICE("new"), 0600);
    if (!e.kind) e = object_staging_publish(&g, SLICE("titles/two"), OBJECT_PUBLISH_REPLACE);
    object_staging_close(&g);
    if (!e.kind) e = object_delete(f->store, SLICE("gone"));
    return e;
}

/* Each write, sync and allocation fails in turn: it is reported, and each object is the old or the new one, never another. */
static void after_any_failure_all_is_old_or_new(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *key, *old;
    } objects[] = {{"titles/one/a", "old"}, {"other/deep/b", NULL}, {"titles/two/v0", "old"}, {"gone/c", "old"}};
    static const char *const new[] = {"new", "new", "new", NULL};
    for (enum fault_point point = 0; point < FAULT_POINTS; point++) {
        for (uint64_t n = 1;; n++) {
            assert_true(n < 200);
            assert_ok(object_delete(f->store, SLICE("other")));
            for (size_t i = 0; i < ARRAY_LEN(objects); i++)
                if (objects[i].old) assert_ok(object_put(f->store, slice_cstr(objects[i].key), SLICE("old")));
            fault_arm(point, n, n % 2 == 0);
            struct err e = change_everything(f);
            bool fired = fault_fired(point);
            fault_disarm_all();
            if (!fired) {
                assert_ok(e);
                static const uint64_t met_min[FAULT_POINTS] = {[FAULT_ALLOC] = 3, [FAULT_WRITE] = 8, [FAULT_SYNC] = 10};
                assert_true(n > met_min[point]); /* the loop has met what it should */
                break;
            }
            reopen(f);
            arena_reset(f->arena);
            for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
                struct slice now = content(f, objects[i].key), old = slice_cstr(objects[i].old), fresh = slice_cstr(new[i]);
                bool is_old = slice_eq(now, old) && !now.ptr == !objects[i].old, is_new = slice_eq(now, fresh) && !now.ptr == !new[i];
                if (!is_old && !is_new) fail_msg("%s is neither old nor new after fault %d:%d", objects[i].key, (int)point, (int)n);
                if (!e.kind && !is_new) fail_msg("%s: a failure was not reported", objects[i].key);
            }
            assert_int_equal(entries_in(f, ".tmp"), 0);
            assert_int_equal(entries_in(f, ".trash"), 0);
        }
    }
}

/* --- a property: the store and a plain table agree after any sequence of operations --- */

enum { MODEL_KEYS = 12 };
static void random_operations_agree_with_a_table(void **state) {
    struct fixture *f = *state;
    static const char *const keys[MODEL_KEYS] = {"a/1",     "a/2",     "a/b/1", "a/b/2", "c/1", "c/2",
                                                 "c/d/e/1", "c/d/e/2", "f",     "g",     "h/1", "h/2"};
    static const char *const folders[] = {"a", "a/b", "c", "c/d", "h", "nothing"};
    int value[MODEL_KEYS] = {0}; /* 0: none */
    uint64_t seed = (uint64_t)getpid() * 2654435761u;
    print_message("# seed %llu\n", (unsigned long long)seed);
    struct rng rng = rng_seeded(seed);
    for (int step = 1; step <= 400; step++) {
        char text[16];
        snprintf(text, sizeof text, "%d", step);
        size_t i = rng_below(&rng, MODEL_KEYS);
        switch (rng_below(&rng, 5)) {
        case 0:
        case 1:
            assert_ok(object_put(f->store, slice_cstr(keys[i]), slice_cstr(text)));
            value[i] = step;
            break;
        case 2:
            assert_ok(object_delete(f->store, slice_cstr(keys[i])));
            value[i] = 0;
            break;
        case 3: {
            const char *folder = folders[rng_below(&rng, ARRAY_LEN(folders))];
            size_t len = strlen(folder);
            assert_ok(object_delete(f->store, slice_cstr(folder)));
            for (size_t k = 0; k < MODEL_KEYS; k++)
                if (!strncmp(keys[k], folder, len) && keys[k][len] == '/') value[k] = 0;
            break;
        }
        default:
            if (rng_below(&rng, 8) == 0) reopen(f);
        }
        arena_reset(f->arena);
        struct object_list list;
        assert_ok(object_list(f->store, f->arena, SLICE(""), MODEL_KEYS, &list));
        size_t expected = 0;
        for (size_t k = 0; k < MODEL_KEYS; k++) {
            if (!value[k]) {
                assert_null(content(f, keys[k]).ptr);
                continue;
            }
            snprintf(text, sizeof text, "%d", value[k]);
            assert_true(slice_eq(content(f, keys[k]), slice_cstr(text)));
            expected++;
        }
        assert_int_equal(list.count, expected);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(keys_cannot_leave_the_store),
        TEST(links_are_not_followed),
        TEST(objects_appear_whole_and_stay_readable),
        TEST(an_object_is_not_a_folder_too),
        TEST(lists_are_in_order_and_bounded),
        TEST(one_process_at_a_time),
        TEST(a_staging_is_published_at_once),
        TEST(a_staging_with_strange_things_is_not_published),
        TEST(stagings_survive_until_nobody_claims_them),
        TEST(after_any_failure_all_is_old_or_new),
        TEST(random_operations_agree_with_a_table),
    };
    return cmocka_run_group_tests_name("object", tests, NULL, NULL);
}
