/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <sodium.h>
#include <string.h>

#include "base/log.h"
#include "base/rng.h"
#include "business/account/room.h"

enum { DEVICE_NONCE = 12, DEVICE_MAC = 20, DEVICE_BYTES = DEVICE_NONCE + DEVICE_MAC };

struct err sealed_of(struct account *a, int64_t id, int64_t slot, struct sealed *out) {
    out->id = id;
    return keys_read(a->keys, id, slot, &out->key);
}

static struct err context_of(const struct sealed *s, struct arena *arena, const char *column, struct slice *out) {
    *out = arena_printf(arena, "account.%s:%lld", column, (long long)s->id);
    return out->ptr ? ERR_OK : err_memory();
}

struct err sealed_put(const struct sealed *s, struct arena *arena, const char *column, struct slice plain, struct slice *box) {
    struct slice context;
    struct err e = context_of(s, arena, column, &context);
    return e.kind ? e : key_seal(&s->key, arena, context, plain, box);
}

struct err sealed_get(const struct sealed *s, struct arena *arena, const char *column, struct slice box, struct slice *plain) {
    struct slice context;
    struct err e = context_of(s, arena, column, &context);
    return e.kind ? e : key_open(&s->key, arena, context, box, plain);
}

/* --- keys of rows that are gone --- */

struct spent_work {
    struct arena *arena;
    struct db_rows rows;
    int64_t *gone; /* slots */
    size_t gone_count;
};
static struct err spent_all_fn(struct db_tx *tx, void *arg) {
    struct spent_work *w = arg;
    return DB_QUERY(tx, w->arena, &w->rows, &spent_key_all);
}
static struct err spent_delete_fn(struct db_tx *tx, void *arg) {
    struct spent_work *w = arg;
    struct err e = ERR_OK;
    for (size_t i = 0; !e.kind && i < w->gone_count; i++) e = DB_RUN(tx, &spent_key_delete, DB_INT("slot", w->gone[i]));
    return e;
}

struct err key_spent_in(struct db_tx *tx, int64_t id, int64_t slot) { return DB_RUN(tx, &spent_key_insert, DB_INT("slot", slot), DB_INT("owner_id", id)); }

struct err keys_spent_destroy(struct account *a) {
    struct spent_work w = {.arena = arena_create(ARENA_BYTES_MAX)};
    struct err e = w.arena ? db_read(a->db, spent_all_fn, &w) : err_memory();
    if (!e.kind && !(w.gone = arena_alloc_array(w.arena, w.rows.count + 1, sizeof *w.gone))) e = err_memory();
    struct err first = e;
    for (size_t i = 0; !e.kind && i < w.rows.count; i++) { /* one that cannot be destroyed holds up no other */
        struct err one = keys_destroy(a->keys, db_int(&w.rows, i, "owner_id"), db_int(&w.rows, i, "slot"));
        if (!one.kind) w.gone[w.gone_count++] = db_int(&w.rows, i, "slot");
        else if (!first.kind) first = one;
    }
    if (w.gone_count) e = db_write(a->db, spent_delete_fn, &w);
    arena_destroy(&w.arena);
    return first.kind ? first : e;
}

void keys_spent_told(struct account *a) {
    struct err e = keys_spent_destroy(a);
    if (e.kind) log_warn("account", "keys_not_destroyed", LOG_ERR(e)); /* account_tick tries again */
}

void key_unused(struct account *a, int64_t id, int64_t slot) {
    struct err e = keys_destroy(a->keys, id, slot);
    if (e.kind) log_warn("account", "key_not_destroyed", LOG_ERR(e)); /* it opens nothing */
}

static void keyed_hash(const uint8_t key[KEY_BYTES], const char *use, int64_t number, struct slice text, uint8_t *out, size_t len) {
    crypto_generichash_state state;
    crypto_generichash_init(&state, key, KEY_BYTES, len);
    crypto_generichash_update(&state, (const uint8_t *)use, strlen(use) + 1);
    crypto_generichash_update(&state, (const uint8_t *)&number, sizeof number);
    crypto_generichash_update(&state, (const uint8_t *)text.ptr, text.len);
    crypto_generichash_final(&state, out, len);
}

int64_t about_address(const uint8_t index[HASH_BYTES]) {
    uint64_t number;
    memcpy(&number, index, sizeof number);
    return -(int64_t)(number >> 2) - 1;
}

void email_index(const struct account *a, int64_t org_id, struct slice email, uint8_t out[HASH_BYTES]) { keyed_hash(a->index_key.bytes, "email", org_id, email, out, HASH_BYTES); }
void pin_mac(const struct sealed *s, struct slice pin, uint8_t out[HASH_BYTES]) { keyed_hash(s->key.bytes, "pin", s->id, pin, out, HASH_BYTES); }

void code_key(struct slice code, struct sealed *out) {
    out->id = 0;
    crypto_generichash(out->key.bytes, KEY_BYTES, (const uint8_t *)code.ptr, code.len, (const uint8_t *)"grandstand.code.box", 19);
}

void house_seal(const struct account *a, int64_t id, struct sealed *out) {
    out->id = id;
    out->key = a->house_key;
}

static void device_mac(const struct account *a, int64_t user_id, const uint8_t nonce[DEVICE_NONCE], uint8_t out[DEVICE_MAC]) {
    keyed_hash(a->index_key.bytes, "device", user_id, slice_of(nonce, DEVICE_NONCE), out, DEVICE_MAC);
}

void device_make(const struct account *a, int64_t user_id, struct account_secret *out) {
    uint8_t bytes[DEVICE_BYTES];
    rng_secure(bytes, DEVICE_NONCE);
    device_mac(a, user_id, bytes, bytes + DEVICE_NONCE);
    sodium_bin2base64(out->text, sizeof out->text, bytes, sizeof bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool device_check(const struct account *a, int64_t user_id, struct slice device) {
    uint8_t bytes[DEVICE_BYTES], mac[DEVICE_MAC];
    size_t len = 0;
    if (device.len != ACCOUNT_SECRET_LEN ||
        sodium_base642bin(bytes, sizeof bytes, device.ptr, device.len, NULL, &len, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 || len != sizeof bytes)
        return false;
    device_mac(a, user_id, bytes, mac);
    return sodium_memcmp(mac, bytes + DEVICE_NONCE, DEVICE_MAC) == 0;
}
