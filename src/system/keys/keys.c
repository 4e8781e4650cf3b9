/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * DATA/keys/persons is a row of 64-byte slots. The first is a heading; each other one is
 *
 *      0        8                        40      48                       64
 *      | owner  | key                    | state | check                  |      little-endian
 *
 * where check is BLAKE2b-128 over the slot's number and what stands before. A destroyed slot keeps its owner and state, and zeros for
 * the key. The file only grows; a slot whose write was interrupted is either not whole (the file's length is no multiple of 64: the next
 * one takes its place) or names a key that no row will ever name. */
#include "system/keys/keys.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/thread.h"

enum { SLOT_BYTES = 64, CHECK_AT = 48, STATE_AT = 40, CHECK_BYTES = 16, MAKE_MAX = 16, NAME_MAX_LEN = 32 };
enum { STATE_KEY = 1, STATE_DESTROYED = 2 };
enum { BOX_VERSION = 1, NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES };
_Static_assert(KEY_BOX_EXTRA == 1 + NONCE_BYTES + TAG_BYTES && KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "the box of the header");

static const char heading[SLOT_BYTES] = "grandstand keys of persons, version 1\n";

struct keys {
    int folder_fd, fd;
    struct lock lock; /* one thread of this process at a time holds the file's lock */
};

static struct err damaged(void) { return err_make(ERR_IO, "keys.damaged", "The file of keys is damaged here. Restore DATA/keys from its backup."); }

static void put_u64(uint8_t *at, uint64_t v) {
    for (int i = 0; i < 8; i++) at[i] = (uint8_t)(v >> 8 * i);
}
static uint64_t get_u64(const uint8_t *at) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v |= (uint64_t)at[i] << 8 * i;
    return v;
}

static void slot_check(int64_t slot, const uint8_t record[SLOT_BYTES], uint8_t out[CHECK_BYTES]) {
    uint8_t number[8];
    crypto_generichash_state state;
    put_u64(number, (uint64_t)slot);
    crypto_generichash_init(&state, NULL, 0, CHECK_BYTES);
    crypto_generichash_update(&state, number, sizeof number);
    crypto_generichash_update(&state, record, CHECK_AT);
    crypto_generichash_final(&state, out, CHECK_BYTES);
}

static void slot_make(int64_t slot, int64_t owner, int state, uint8_t record[SLOT_BYTES]) {
    memset(record, 0, SLOT_BYTES);
    put_u64(record, (uint64_t)owner);
    if (state == STATE_KEY) rng_secure(record + 8, KEY_BYTES);
    put_u64(record + STATE_AT, (uint64_t)state);
    slot_check(slot, record, record + CHECK_AT);
}

/* Among threads by the lock, among processes by a lock on the file, which an end of the process gives back. */
static struct err file_lock(struct keys *k) {
    lock_take(&k->lock);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int failed;
    do failed = fcntl(k->fd, F_OFD_SETLKW, &whole);
    while (failed && errno == EINTR);
    if (!failed) return ERR_OK;
    lock_give(&k->lock);
    return err_from_errno(errno, "keys.lock", "The file of keys cannot be locked.");
}

static void file_unlock(struct keys *k) {
    struct flock whole = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    fcntl(k->fd, F_OFD_SETLK, &whole);
    lock_give(&k->lock);
}

static struct err heading_ensure(struct keys *k) {
    uint64_t bytes = 0;
    char there[SLOT_BYTES];
    struct err e = file_lock(k);
    if (e.kind) return e;
    e = fs_size(k->fd, &bytes);
    if (!e.kind && bytes < SLOT_BYTES) {
        e = fs_pwrite_all(k->fd, slice_of(heading, SLOT_BYTES), 0);
        if (!e.kind) e = fs_sync(k->fd);
        if (!e.kind) e = fs_sync_dir(k->folder_fd, ".");
    } else if (!e.kind) {
        e = fs_pread_all(k->fd, there, sizeof there, 0);
        if (!e.kind && memcmp(there, heading, SLOT_BYTES)) e = err_make(ERR_INPUT, "keys.foreign", "This is no file of keys. Restore DATA/keys from its backup.");
    }
    file_unlock(k);
    return e;
}

struct err keys_open(struct keys **out, const char *folder) {
    if (sodium_init() < 0) return err_make(ERR_BUG, "keys.crypto", "The cryptographic library does not start.");
    struct keys *k = mem_zalloc(sizeof *k);
    if (!k) return err_memory();
    k->folder_fd = k->fd = -1;
    lock_init(&k->lock, LOCK_keys);
    struct err e = fs_make_dirs(AT_FDCWD, folder, 0700);
    if (!e.kind) e = fs_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0, &k->folder_fd);
    if (!e.kind) e = fs_open(k->folder_fd, "persons", O_RDWR | O_CREAT, 0600, &k->fd);
    if (!e.kind) e = heading_ensure(k);
    if (e.kind) keys_close(&k);
    else *out = k;
    return e;
}

void keys_close(struct keys **keys) {
    struct keys *k = *keys;
    if (!k) return;
    fs_close(&k->fd);
    fs_close(&k->folder_fd);
    lock_destroy(&k->lock);
    MEM_FREE(keys);
}

struct err keys_make(struct keys *k, const int64_t *owners, size_t count, int64_t *slots) {
    assert(count > 0 && count <= MAKE_MAX);
    uint8_t records[MAKE_MAX * SLOT_BYTES];
    uint64_t bytes = 0;
    struct err e = file_lock(k);
    if (e.kind) return e;
    e = fs_size(k->fd, &bytes);
    int64_t first = (int64_t)(bytes / SLOT_BYTES);
    if (!e.kind && first < 1) e = damaged();
    for (size_t i = 0; i < count; i++) slot_make(first + (int64_t)i, owners[i], STATE_KEY, records + i * SLOT_BYTES);
    if (!e.kind) e = fs_pwrite_all(k->fd, slice_of(records, count * SLOT_BYTES), (uint64_t)first * SLOT_BYTES);
    if (!e.kind) e = fs_sync(k->fd);
    file_unlock(k);
    sodium_memzero(records, sizeof records);
    for (size_t i = 0; !e.kind && i < count; i++) slots[i] = first + (int64_t)i;
    return e;
}

static struct err missing(void) {
    return err_make(ERR_IO, "keys.missing", "A key is not there that the database names. DATA/keys is not the folder that belongs to it: restore both of the same time.");
}

static struct err slot_read(struct keys *k, int64_t slot, uint8_t record[SLOT_BYTES]) {
    if (slot < 1 || slot > INT64_MAX / SLOT_BYTES) return missing();
    struct err e = fs_pread_all(k->fd, record, SLOT_BYTES, (uint64_t)slot * SLOT_BYTES);
    if (e.kind == ERR_INPUT) return missing(); /* the file ends before: a slot that this folder never had */
    if (e.kind) return e;
    uint8_t check[CHECK_BYTES];
    slot_check(slot, record, check);
    return sodium_memcmp(check, record + CHECK_AT, CHECK_BYTES) == 0 ? ERR_OK : damaged();
}

struct err keys_read(struct keys *k, int64_t owner, int64_t slot, struct key *out) {
    uint8_t record[SLOT_BYTES];
    struct err e = slot_read(k, slot, record);
    if (e.kind) return e;
    if (get_u64(record) != (uint64_t)owner) e = missing();
    else if (get_u64(record + STATE_AT) != STATE_KEY)
        e = err_make(ERR_NOT_FOUND, "keys.destroyed", "What this key opened has been erased.");
    else memcpy(out->bytes, record + 8, KEY_BYTES);
    sodium_memzero(record, sizeof record);
    return e;
}

struct err keys_destroy(struct keys *k, int64_t owner, int64_t slot) {
    uint8_t record[SLOT_BYTES];
    struct err e = file_lock(k);
    if (e.kind) return e;
    e = slot_read(k, slot, record);
    bool is_ours = !e.kind && get_u64(record) == (uint64_t)owner;
    if (!e.kind && is_ours && get_u64(record + STATE_AT) == STATE_KEY) {
        slot_make(slot, owner, STATE_DESTROYED, record);
        e = fs_pwrite_all(k->fd, slice_of(record, SLOT_BYTES), (uint64_t)slot * SLOT_BYTES);
    }
    if (!e.kind && is_ours) e = fs_sync(k->fd); /* also of what another try left in the cache */
    file_unlock(k);
    sodium_memzero(record, sizeof record);
    return e.kind && !strcmp(e.code, "keys.missing") ? ERR_OK : e;
}

static struct err named_read(struct keys *k, const char *name, struct key *out) {
    struct buf content = BUF(4096);
    struct err e = fs_read_file(k->folder_fd, name, &content);
    if (!e.kind && content.len != KEY_BYTES) e = damaged();
    if (!e.kind) memcpy(out->bytes, content.ptr, KEY_BYTES);
    if (content.ptr) sodium_memzero(content.ptr, content.len);
    buf_free(&content);
    return e;
}

struct err keys_named(struct keys *k, const char *name, struct key *out) {
    size_t len = strlen(name);
    assert(len > 0 && len <= NAME_MAX_LEN && strcmp(name, "persons"));
    for (size_t i = 0; i < len; i++) assert(name[i] >= 'a' && name[i] <= 'z');
    struct err e = file_lock(k); /* so that two processes that begin make one */
    if (e.kind) return e;
    e = named_read(k, name, out);
    if (e.kind == ERR_NOT_FOUND) {
        struct key fresh;
        rng_secure(fresh.bytes, KEY_BYTES);
        e = fs_write_file_atomic(k->folder_fd, name, slice_of(fresh.bytes, KEY_BYTES), 0600);
        if (!e.kind) *out = fresh;
        sodium_memzero(&fresh, sizeof fresh);
    }
    file_unlock(k);
    return e;
}

/* --- sealing --- */

struct err key_seal(const struct key *key, struct arena *arena, struct slice context, struct slice plain, struct slice *box) {
    uint8_t *out = arena_alloc(arena, KEY_BOX_EXTRA + plain.len);
    if (!out) return err_memory();
    out[0] = BOX_VERSION;
    rng_secure(out + 1, NONCE_BYTES); /* 192 random bits: never twice */
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + 1 + NONCE_BYTES, NULL, (const uint8_t *)plain.ptr, plain.len, (const uint8_t *)context.ptr, context.len,
                                               NULL, out + 1, key->bytes);
    *box = slice_of(out, KEY_BOX_EXTRA + plain.len);
    return ERR_OK;
}

struct err key_open(const struct key *key, struct arena *arena, struct slice context, struct slice box, struct slice *plain) {
    static const struct err wrong = {.kind = ERR_IO, .code = "keys.box", .what = "Something sealed cannot be opened: it is damaged, or DATA/keys is not the folder that belongs to this database."};
    const uint8_t *in = (const uint8_t *)box.ptr;
    if (box.len < KEY_BOX_EXTRA || in[0] != BOX_VERSION) return wrong;
    uint8_t *out = arena_alloc(arena, box.len - KEY_BOX_EXTRA + 1); /* with a zero behind it */
    if (!out) return err_memory();
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, in + 1 + NONCE_BYTES, box.len - 1 - NONCE_BYTES, (const uint8_t *)context.ptr, context.len,
                                                   in + 1, key->bytes) != 0)
        return wrong;
    *plain = slice_of(out, box.len - KEY_BOX_EXTRA);
    return ERR_OK;
}
