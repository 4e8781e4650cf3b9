/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/live/packer.h"

#include <assert.h>

#include "base/clock.h"
#include "base/mem.h"

void packer_free(struct packer *p) {
    mem_free(p->samples);
    buf_free(&p->payload);
    buf_free(&p->head);
    *p = (struct packer){.sequence = p->sequence};
}

bool packer_is_full(const struct packer *p, size_t more_bytes) {
    return p->count >= PACKER_SAMPLES_MAX || (p->count && p->payload.len + more_bytes > PACKER_BYTES_MAX);
}

struct err packer_add(struct packer *p, const struct cmaf_sample *s) {
    if (p->count == p->capacity) {
        size_t capacity = p->capacity ? p->capacity * 2 : 32;
        struct cmaf_sample *grown = mem_realloc_array(p->samples, capacity, sizeof *grown);
        if (!grown) return err_memory();
        p->samples = grown;
        p->capacity = capacity;
    }
    p->payload.bytes_max = PACKER_BYTES_MAX;
    char *to = buf_reserve(&p->payload, s->bytes);
    if (!to && s->bytes) {
        p->payload.has_failed = false; /* the rest of the part is as good as before */
        return err_memory();
    }
    if (s->bytes) memcpy(to, s->data, s->bytes);
    buf_commit(&p->payload, s->bytes);
    p->samples[p->count] = *s;
    p->samples[p->count].data = NULL;
    p->count++;
    return ERR_OK;
}

/* 14496-12 section 8.16.5; flags 24: the moment of capture. */
static void put_prft(struct buf *out, struct utc_time captured, int64_t media_time) {
    static const int64_t ntp_epoch_s = INT64_C(2208988800); /* 1900 to 1970 */
    int64_t s = utc_seconds(captured), ns = captured.ns - s * NS_PER_S;
    buf_u32be(out, 32);
    buf_cstr(out, "prft");
    buf_u8(out, 1);
    buf_u24be(out, 24);
    buf_u32be(out, 1);
    buf_u32be(out, (uint32_t)(s + ntp_epoch_s));
    buf_u32be(out, (uint32_t)(((uint64_t)ns << 32) / NS_PER_S));
    buf_u64be(out, (uint64_t)media_time);
}

static void forget(struct packer *p, size_t count, size_t bytes) {
    memmove(p->samples, p->samples + count, (p->count - count) * sizeof *p->samples);
    p->count -= count;
    buf_consume(&p->payload, bytes);
}

struct err packer_take(struct packer *p, size_t count, struct utc_time captured, struct packed *out) {
    assert(count > 0 && count <= p->count);
    struct packed made = {.dts = p->samples[0].dts, .is_sync = p->samples[0].is_sync, .samples = count};
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) bytes += p->samples[i].bytes, made.duration += p->samples[i].duration;
    p->head.bytes_max = 1 << 20;
    buf_clear(&p->head);
    if (captured.ns) put_prft(&p->head, captured, p->samples[0].pts);
    struct err e = cmaf_part_build(p->samples, count, ++p->sequence, 0, 0, SLICE_NONE, &p->head);
    if (!e.kind) e = buf_error(&p->head);
    if (!e.kind && !(made.blob = http_blob_create(p->head.len + bytes))) e = err_memory();
    if (!e.kind) {
        char *to = http_blob_bytes(made.blob);
        memcpy(to, p->head.ptr, p->head.len);
        if (bytes) memcpy(to + p->head.len, p->payload.ptr, bytes);
        made.first_bytes = (uint32_t)(p->head.len + p->samples[0].bytes);
        *out = made;
    }
    forget(p, count, bytes);
    return e;
}
