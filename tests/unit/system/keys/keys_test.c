/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <sodium.h>

#include "base/fault.h"
#include "base/fs.h"
#include "base/rng.h"
#include "base/thread.h"
#include "store.h"
#include "system/keys/keys.h"

struct place {
    char folder[64], keys[80];
    struct arena *arena;
};
static struct place begin(void) {
    struct place p = {.folder = "/tmp/grandstand-test-XXXXXX", .arena = arena_create(1 << 20)};
    assert_non_null(mkdtemp(p.folder));
    snprintf(p.keys, sizeof p.keys, "%s/keys", p.folder);
    return p;
}
static void end(struct place *p) {
    assert_ok(fs_remove_tree(AT_FDCWD, p->folder));
    arena_destroy(&p->arena);
}
static unsigned mode_of(const struct place *p, const char *name) {
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", p->keys, name);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void keys_are_made_read_and_destroyed(void **state) {
    struct place p = begin();
    struct keys *keys;
    struct key a, b;
    int64_t owners[3] = {11, 12, 13}, slots[3], more;
    assert_ok(keys_open(&keys, p.keys));
    assert_ok(keys_make(keys, owners, 3, slots));
    assert_ok(keys_read(keys, 11, slots[0], &a));
    assert_ok(keys_read(keys, 12, slots[1], &b));
    assert_memory_not_equal(a.bytes, b.bytes, KEY_BYTES);
    assert_error(keys_read(keys, 12, slots[0], &b), "keys.missing"); /* somebody else's slot */
    assert_error(keys_read(keys, 11, 0, &b), "keys.missing");        /* the heading is no slot */
    assert_error(keys_read(keys, 11, 99, &b), "keys.missing");
    assert_error(keys_read(keys, 11, -1, &b), "keys.missing");
    assert_error(keys_read(keys, 11, INT64_MAX, &b), "keys.missing");
    keys_close(&keys);
    assert_ok(keys_open(&keys, p.keys)); /* after a restart */
    assert_ok(keys_read(keys, 11, slots[0], &b));
    assert_memory_equal(a.bytes, b.bytes, KEY_BYTES);
    assert_ok(keys_destroy(keys, 12, slots[0])); /* not his: nothing happens */
    assert_ok(keys_read(keys, 11, slots[0], &b));
    assert_ok(keys_destroy(keys, 11, slots[0]));
    assert_ok(keys_destroy(keys, 11, slots[0]));
    assert_ok(keys_destroy(keys, 11, 99));
    assert_error(keys_read(keys, 11, slots[0], &b), "keys.destroyed");
    assert_ok(keys_make(keys, owners, 1, &more));
    assert_true(more > slots[2]); /* no slot is used twice */
    char path[128];
    struct buf content = BUF(1 << 20);
    snprintf(path, sizeof path, "%s/persons", p.keys);
    assert_ok(fs_read_file(AT_FDCWD, path, &content));
    assert_true(slice_find(buf_slice(&content), slice_of(a.bytes, KEY_BYTES)) == SLICE_NPOS); /* not a byte of it is left in the file */
    buf_free(&content);
    assert_int_equal(mode_of(&p, "persons"), 0600);
    assert_int_equal(mode_of(&p, ""), 0700);
    keys_close(&keys);
    end(&p);
}

static void named_keys_stay_the_same(void **state) {
    struct place p = begin();
    struct keys *keys, *other;
    struct key a, b, c;
    assert_ok(keys_open(&keys, p.keys));
    assert_ok(keys_open(&other, p.keys));
    assert_ok(keys_named(keys, "mail", &a));
    assert_ok(keys_named(other, "mail", &b));
    assert_ok(keys_named(keys, "index", &c));
    assert_memory_equal(a.bytes, b.bytes, KEY_BYTES);
    assert_memory_not_equal(a.bytes, c.bytes, KEY_BYTES);
    assert_int_equal(mode_of(&p, "mail"), 0600);
    keys_close(&keys);
    keys_close(&other);
    end(&p);
}

static void a_box_opens_where_it_belongs(void **state) {
    struct place p = begin();
    struct key key = {{1}}, other = {{2}};
    struct slice box, plain;
    assert_ok(key_seal(&key, p.arena, SLICE("user.email:1"), SLICE("anna@example.org"), &box));
    assert_int_equal(box.len, 16 + KEY_BOX_EXTRA);
    assert_ok(key_open(&key, p.arena, SLICE("user.email:1"), box, &plain));
    assert_true(slice_eq(plain, SLICE("anna@example.org")));
    assert_error(key_open(&key, p.arena, SLICE("user.email:2"), box, &plain), "keys.box"); /* another row */
    assert_error(key_open(&key, p.arena, SLICE("user.name:1"), box, &plain), "keys.box");  /* another column */
    assert_error(key_open(&other, p.arena, SLICE("user.email:1"), box, &plain), "keys.box");
    char bytes[100];
    for (size_t i = 0; i < box.len; i++) { /* each bit counts */
        memcpy(bytes, box.ptr, box.len);
        bytes[i] ^= 4;
        assert_error(key_open(&key, p.arena, SLICE("user.email:1"), slice_of(bytes, box.len), &plain), "keys.box");
    }
    for (size_t len = 0; len < box.len; len++) assert_error(key_open(&key, p.arena, SLICE("user.email:1"), slice_sub(box, 0, len), &plain), "keys.box");
    struct slice again;
    assert_ok(key_seal(&key, p.arena, SLICE("user.email:1"), SLICE("anna@example.org"), &again));
    assert_false(slice_eq(box, again)); /* two boxes of the same text do not look the same */
    assert_ok(key_seal(&key, p.arena, SLICE("x"), SLICE(""), &box));
    assert_ok(key_open(&key, p.arena, SLICE("x"), box, &plain));
    assert_int_equal(plain.len, 0);
    end(&p);
}

static void damage_is_noticed(void **state) {
    struct place p = begin();
    struct keys *keys;
    struct key key;
    int64_t owner = 11, slot;
    char path[128];
    int fd;
    assert_ok(keys_open(&keys, p.keys));
    assert_ok(keys_make(keys, &owner, 1, &slot));
    snprintf(path, sizeof path, "%s/persons", p.keys);
    assert_ok(fs_open(AT_FDCWD, path, O_RDWR, 0, &fd));
    assert_ok(fs_pwrite_all(fd, SLICE("x"), (uint64_t)slot * 64 + 20));
    assert_error(keys_read(keys, owner, slot, &key), "keys.damaged");
    /* a write that was cut off: the next key takes its place */
    assert_int_equal(ftruncate(fd, 64 * 2 + 13), 0);
    assert_ok(keys_make(keys, &owner, 1, &slot));
    assert_int_equal(slot, 2);
    assert_ok(keys_read(keys, owner, slot, &key));
    keys_close(&keys);
    assert_ok(fs_pwrite_all(fd, SLICE("something else"), 0));
    assert_error(keys_open(&keys, p.keys), "keys.foreign");
    fs_close(&fd);
    end(&p);
}

static void each_write_may_fail(void **state) {
    struct place p = begin();
    struct keys *keys;
    struct key key, before;
    int64_t owner = 11, slot, other = 12, fresh;
    assert_ok(keys_open(&keys, p.keys));
    assert_ok(keys_make(keys, &owner, 1, &slot));
    assert_ok(keys_read(keys, owner, slot, &before));
    const enum fault_point points[] = {FAULT_WRITE, FAULT_SYNC};
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        fault_arm(points[i], 1, false);
        struct err e = keys_make(keys, &other, 1, &fresh);
        fault_disarm_all();
        assert_true(e.kind == ERR_IO || e.kind == ERR_LIMIT);
        fault_arm(points[i], 1, false);
        e = keys_named(keys, i ? "b" : "a", &key);
        fault_disarm_all();
        assert_true(e.kind != ERR_NONE);
    }
    fault_arm(FAULT_WRITE, 1, false);
    struct err e = keys_destroy(keys, owner, slot);
    fault_disarm_all();
    assert_true(e.kind != ERR_NONE);
    assert_ok(keys_read(keys, owner, slot, &key)); /* it was not destroyed, and is not said to be */
    assert_memory_equal(key.bytes, before.bytes, KEY_BYTES);
    fault_arm(FAULT_SYNC, 1, false);
    e = keys_destroy(keys, owner, slot);
    fault_disarm_all();
    assert_true(e.kind != ERR_NONE);
    assert_ok(keys_destroy(keys, owner, slot)); /* a second try makes it durable */
    assert_ok(keys_make(keys, &other, 1, &fresh));
    assert_ok(keys_read(keys, other, fresh, &key));
    keys_close(&keys);
    end(&p);
}

enum { THREADS = 4, EACH = 50 };
struct maker {
    struct keys *keys;
    int64_t first, slots[EACH];
};
static void maker_run(void *arg) {
    struct maker *m = arg;
    for (int i = 0; i < EACH; i++) {
        int64_t owner = m->first + i;
        struct err e = keys_make(m->keys, &owner, 1, &m->slots[i]);
        if (e.kind) m->slots[i] = 0;
    }
}

/* Threads of this process, and another process: each owner gets a slot of his own. */
static void many_make_keys_at_once(void **state) {
    struct place p = begin();
    struct maker makers[THREADS];
    struct thread *threads[THREADS] = {0};
    struct keys *keys;
    assert_ok(keys_open(&keys, p.keys));
    pid_t child = fork();
    if (child == 0) {
        struct maker *m = calloc(1, sizeof *m);
        m->first = 100000;
        struct err e = keys_open(&m->keys, p.keys);
        if (!e.kind) maker_run(m);
        _exit(e.kind ? 1 : 0);
    }
    for (int i = 0; i < THREADS; i++) {
        makers[i] = (struct maker){.keys = keys, .first = 1000 * (i + 1)};
        assert_ok(thread_start(&threads[i], "maker", maker_run, &makers[i]));
    }
    for (int i = 0; i < THREADS; i++) thread_join(&threads[i]);
    int status;
    assert_true(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    struct key key;
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < EACH; j++) assert_ok(keys_read(keys, makers[i].first + j, makers[i].slots[j], &key));
    int found = 0;
    for (int64_t slot = 1; slot <= (THREADS + 1) * EACH; slot++)
        for (int j = 0; j < EACH; j++) found += keys_read(keys, 100000 + j, slot, &key).kind == ERR_NONE;
    assert_int_equal(found, EACH);
    keys_close(&keys);
    end(&p);
}

/* Ids of any size come back; nothing else does: not under another key or context, nor with any character changed. */
static void names_are_read_where_they_belong(void **state) {
    struct key key, other;
    const int64_t ids[] = {1, 2, 3, 65536, INT64_C(238104713900130304), INT64_C(238104713900130305), INT64_MAX, 0, -1};
    struct key_name names[ARRAY_LEN(ids)];
    const struct slice context = SLICE("transfer:7");
    rng_secure(&key, sizeof key);
    rng_secure(&other, sizeof other);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        int64_t id = 99;
        names[i] = key_name_of(&key, context, ids[i]);
        assert_int_equal(strlen(names[i].text), KEY_NAME_LEN);
        assert_int_equal(strspn(names[i].text, "0123456789abcdefghjkmnpqrstvwxyz"), KEY_NAME_LEN);
        assert_true(key_name_read(&key, context, slice_cstr(names[i].text), &id) && id == ids[i]);
        struct key_name again = key_name_of(&key, context, ids[i]), elsewhere = key_name_of(&key, SLICE("transfer:8"), ids[i]);
        assert_string_equal(names[i].text, again.text);
        assert_string_not_equal(names[i].text, elsewhere.text);
        for (size_t k = 0; k < i; k++) assert_string_not_equal(names[i].text, names[k].text);
        id = 99;
        assert_false(key_name_read(&other, context, slice_cstr(names[i].text), &id));
        assert_false(key_name_read(&key, SLICE("transfer:8"), slice_cstr(names[i].text), &id));
        assert_false(key_name_read(&key, SLICE("event:7"), slice_cstr(names[i].text), &id));
        assert_false(key_name_read(&key, context, slice_of(names[i].text, KEY_NAME_LEN - 1), &id));
        for (size_t at = 0; at < KEY_NAME_LEN; at++)
            for (const char *c = "0123456789abcdefghjkmnpqrstvwxyzilouA /"; *c; c++) {
                struct key_name changed = names[i];
                if (changed.text[at] == *c) continue;
                changed.text[at] = *c;
                assert_false(key_name_read(&key, context, slice_cstr(changed.text), &id));
            }
        assert_int_equal(id, 99);
    }
    int64_t id = 99; /* what people might try */
    for (const char *const *guess = (const char *const[]){"", "1", "238104713900130304", "00000000000000000000000000", "zzzzzzzzzzzzzzzzzzzzzzzzzz", NULL}; *guess; guess++)
        assert_false(key_name_read(&key, context, slice_cstr(*guess), &id));
    assert_int_equal(id, 99);
}

/* A plain way to the same, by its description: SipHash over the id's eight bytes and the context, then the id under SipHash of that. */
static void a_name_is_what_is_described(void **state) {
    struct key key;
    for (int i = 0; i < KEY_BYTES; i++) key.bytes[i] = (uint8_t)(i * 7 + 1);
    uint8_t text[18] = {0x15, 0xcd, 0x5b, 0x07, 0, 0, 0, 0, 't', 'r', 'a', 'n', 's', 'f', 'e', 'r', ':', '7'}, iv[8], stream[8], bytes[17] = {0};
    crypto_shorthash(iv, text, sizeof text, key.bytes);
    crypto_shorthash(stream, iv, sizeof iv, key.bytes + 16);
    memcpy(bytes, iv, 8);
    for (int i = 0; i < 8; i++) bytes[8 + i] = text[i] ^ stream[i];
    char expected[27] = "";
    for (int i = 0; i < 26; i++) {
        unsigned value = 0;
        for (int bit = 0; bit < 5; bit++) value = value << 1 | (bytes[(5 * i + bit) / 8] >> (7 - (5 * i + bit) % 8) & 1);
        expected[i] = "0123456789abcdefghjkmnpqrstvwxyz"[value];
    }
    assert_string_equal(key_name_of(&key, SLICE("transfer:7"), 123456789).text, expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_made_read_and_destroyed), cmocka_unit_test(named_keys_stay_the_same), cmocka_unit_test(a_box_opens_where_it_belongs),
        cmocka_unit_test(damage_is_noticed), cmocka_unit_test(names_are_read_where_they_belong), cmocka_unit_test(a_name_is_what_is_described), cmocka_unit_test(each_write_may_fail), cmocka_unit_test(many_make_keys_at_once),
    };
    return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
