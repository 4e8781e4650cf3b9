/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/id.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "base/rng.h"

enum { NODE_BITS = 6, SEQUENCE_BITS = 16 };
static const int64_t epoch_ms = INT64_C(1704067200000); /* 2024-01-01 */

/* `last` counts (milliseconds, sequence) as one number: its successor carries into the milliseconds by itself. */
struct id_maker {
    const struct clock *clock;
    unsigned node;
    atomic_int_fast64_t last;
};

struct id_maker *id_maker_create(const struct clock *clock, unsigned node) {
    assert(node < 1u << NODE_BITS);
    struct id_maker *m = mem_zalloc(sizeof *m);
    if (!m) return NULL;
    m->clock = clock;
    m->node = node;
    return m;
}

void id_maker_destroy(struct id_maker **address) { MEM_FREE(address); }

int64_t id_next(struct id_maker *m) {
    int64_t ms = clock_utc(m->clock).ns / NS_PER_MS - epoch_ms;
    if (ms < 0) ms = 0;
    int64_t now = ms << SEQUENCE_BITS;
    int64_t last = atomic_load(&m->last), next;
    do next = now > last ? now : last + 1;
    while (!atomic_compare_exchange_weak(&m->last, &last, next));
    int64_t sequence = next & ((1 << SEQUENCE_BITS) - 1);
    return (next >> SEQUENCE_BITS) << (NODE_BITS + SEQUENCE_BITS) | (int64_t)m->node << SEQUENCE_BITS | sequence;
}

int64_t id_seconds(int64_t id) { return ((id >> (NODE_BITS + SEQUENCE_BITS)) + epoch_ms) / 1000; }

void id_maker_begin_after(struct id_maker *m, int64_t id) {
    if (id <= 0) return;
    int64_t after = ((id >> (NODE_BITS + SEQUENCE_BITS)) + 1) << SEQUENCE_BITS, last = atomic_load(&m->last);
    while (last < after && !atomic_compare_exchange_weak(&m->last, &last, after)) continue;
}

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

enum { PUBLIC_ID_BYTES = 10 };

static struct public_id public_id_of(const uint8_t bytes[PUBLIC_ID_BYTES]) {
    struct public_id id = {{0}};
    uint32_t bits = 0;
    int held = 0, at = 0;
    for (int i = 0; i < PUBLIC_ID_LEN; i++) {
        if (held < 5) bits = bits << 8 | bytes[at++], held += 8;
        held -= 5;
        id.text[i] = alphabet[bits >> held & 31];
    }
    return id;
}

struct public_id public_id_random(void) {
    uint8_t bytes[PUBLIC_ID_BYTES];
    rng_secure(bytes, sizeof bytes);
    return public_id_of(bytes);
}

struct public_id public_id_near(int64_t id) {
    enum { STEP_BITS = 4 };
    uint8_t bytes[PUBLIC_ID_BYTES];
    uint32_t moment = (uint32_t)(id >> (NODE_BITS + SEQUENCE_BITS + STEP_BITS)) << 2;
    rng_secure(bytes, sizeof bytes);
    for (int i = 0; i < 3; i++) bytes[i] = (uint8_t)(moment >> (24 - 8 * i));
    bytes[3] = (uint8_t)((moment & 0xfc) | (bytes[3] & 3));
    return public_id_of(bytes);
}

bool public_id_parse(struct slice s, struct public_id *out) {
    if (s.len != PUBLIC_ID_LEN) return false;
    for (size_t i = 0; i < s.len; i++)
        if (!s.ptr[i] || !strchr(alphabet, s.ptr[i])) return false;
    memcpy(out->text, s.ptr, s.len);
    out->text[PUBLIC_ID_LEN] = 0;
    return true;
}
