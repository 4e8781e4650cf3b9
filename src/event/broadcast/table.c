/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Channels in memory: the table, who has one in hand, and the rows it is folded from. */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "event/broadcast/room.h"

enum { LOAD_BYTES_MAX = 64 << 20 };

/* --- the table --- */

/* With the lock. */
size_t broadcast_place_of(const struct broadcast *b, int64_t org_id, struct slice title) {
    for (size_t i = 0; i < b->count; i++)
        if ((!org_id || b->channels[i]->org_id == org_id) && slice_eq(public_id_slice(&b->channels[i]->title), title)) return i;
    return SIZE_MAX;
}

struct err broadcast_hold(struct broadcast *b, int64_t org_id, struct slice title, struct channel **out) {
    struct channel *c = NULL;
    lock_take(&b->lock);
    for (;;) {
        size_t at = broadcast_place_of(b, org_id, title); /* again each time: it may be removed meanwhile */
        c = at == SIZE_MAX ? NULL : b->channels[at];
        if (!c || !c->is_held) break;
        condition_wait(&b->idle, &b->lock);
    }
    if (c) c->is_held = true;
    lock_give(&b->lock);
    if (!c) return broadcast_missing();
    *out = c;
    return ERR_OK;
}

void broadcast_let_go(struct broadcast *b, struct channel *c) {
    lock_take(&b->lock);
    c->is_held = false;
    condition_wake_all(&b->idle);
    lock_give(&b->lock);
}

/* Puts it into the table, which owns it then. */
struct err broadcast_table_add(struct broadcast *b, struct channel *c) {
    struct err e = ERR_OK;
    lock_take(&b->lock);
    if (b->count == b->capacity) {
        size_t capacity = b->capacity ? b->capacity * 2 : 16;
        struct channel **grown = mem_realloc_array(b->channels, capacity, sizeof *grown);
        if (grown) b->channels = grown, b->capacity = capacity;
        else e = err_memory();
    }
    if (!e.kind) b->channels[b->count++] = c;
    lock_give(&b->lock);
    return e;
}

void broadcast_table_remove(struct broadcast *b, struct channel *c) {
    lock_take(&b->lock);
    size_t at = broadcast_place_of(b, c->org_id, public_id_slice(&c->title));
    if (at != SIZE_MAX) {
        memmove(&b->channels[at], &b->channels[at + 1], (b->count - at - 1) * sizeof *b->channels);
        b->count--;
    }
    condition_wake_all(&b->idle);
    lock_give(&b->lock);
    mem_free(c);
}

/* --- rows --- */

void broadcast_key_make(char out[BROADCAST_KEY_LEN + 1]) {
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    uint8_t random[BROADCAST_KEY_LEN];
    rng_secure(random, sizeof random);
    for (size_t i = 0; i < BROADCAST_KEY_LEN; i++) out[i] = digits[random[i] & 31];
    out[BROADCAST_KEY_LEN] = '\0';
}

void broadcast_ladder_write(const struct broadcast_settings *s, char out[32]) {
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < BROADCAST_LADDER_MAX && s->ladder[i]; i++) at += (size_t)snprintf(out + at, 32 - at, i ? " %u" : "%u", s->ladder[i]);
}

static void ladder_read(struct slice text, struct broadcast_settings *s) {
    struct slice one;
    uint64_t height;
    for (size_t i = 0; i < BROADCAST_LADDER_MAX && text.len && slice_next(&text, ' ', &one);)
        if (slice_to_u64(one, &height) && height && height <= UINT16_MAX) s->ladder[i++] = (uint16_t)height;
}

struct load {
    struct broadcast *b;
    struct arena *arena;
    struct db_rows rows;
};
static struct err load_fn(struct db_tx *tx, void *arg) {
    struct load *l = arg;
    return DB_QUERY(tx, l->arena, &l->rows, &broadcast_row_all, DB_INT("limit", BROADCAST_CHANNELS_MAX));
}

static struct err row_fold(struct broadcast *b, const struct db_rows *rows, size_t i) {
    struct slice key = db_text(rows, i, "stream_key");
    struct channel *c = mem_zalloc(sizeof *c);
    if (!c) return err_memory();
    *c = (struct channel){.id = db_int(rows, i, "id"), .org_id = db_int(rows, i, "org_id"), .state = (enum broadcast_state)db_int(rows, i, "state"),
                          .is_finished = db_int(rows, i, "is_finished"), .started_ms = db_int(rows, i, "started_ms"), .ended_ms = db_int(rows, i, "ended_ms"),
                          .settings = {.starts_ms = db_int(rows, i, "starts_ms"), .dvr_ms = db_int(rows, i, "dvr_ms"),
                                       .backup = db_int(rows, i, "backup") ? BROADCAST_TAKE_OVER : BROADCAST_REFUSE,
                                       .is_recorded = db_int(rows, i, "is_recorded"), .is_endless = db_int(rows, i, "is_endless")}};
    ladder_read(db_text(rows, i, "ladder"), &c->settings);
    if (!public_id_parse(db_text(rows, i, "title"), &c->title) || key.len != BROADCAST_KEY_LEN) {
        mem_free(c);
        log_error("broadcast", "row not understood", LOG_INT("id", db_int(rows, i, "id")));
        return ERR_OK; /* the others go on */
    }
    memcpy(c->key, key.ptr, key.len);
    struct err e = broadcast_table_add(b, c);
    if (e.kind) mem_free(c);
    return e;
}

struct err broadcast_rows_load(struct broadcast *b) {
    struct load l = {.b = b, .arena = arena_create(LOAD_BYTES_MAX)};
    struct err e = l.arena ? db_read(b->o.db, load_fn, &l) : err_memory();
    for (size_t i = 0; !e.kind && i < l.rows.count; i++) e = row_fold(b, &l.rows, i);
    arena_destroy(&l.arena);
    return e;
}
