/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/rights/names.h"

#include "base/mem.h"

struct rights_name {
    uint64_t hash; /* 0: empty */
    size_t at;
    uint32_t len;
    int64_t value;
};

static struct rights_name *slot_of(const struct rights_names *n, struct slice text, uint64_t hash) {
    size_t i = hash & (n->room - 1);
    while (n->slots[i].hash && !(n->slots[i].hash == hash && slice_eq(slice_of(n->texts.ptr + n->slots[i].at, n->slots[i].len), text))) i = (i + 1) & (n->room - 1);
    return &n->slots[i];
}

uint64_t rights_name_hash(struct slice text) {
    uint64_t h = slice_hash(text);
    return h ? h : 1;
}

bool rights_name_find(const struct rights_names *n, struct slice text, int64_t *out) {
    if (!n->count) return false;
    const struct rights_name *slot = slot_of(n, text, rights_name_hash(text));
    if (!slot->hash) return false;
    *out = slot->value;
    return true;
}

bool rights_name_put(struct rights_names *n, struct slice text, int64_t value) {
    if ((n->count + 1) * 2 > n->room) {
        size_t room = n->room ? n->room * 2 : 64;
        struct rights_name *slots = mem_zalloc_array(room, sizeof *slots);
        if (!slots) return false;
        for (size_t i = 0; i < n->room; i++) {
            if (!n->slots[i].hash) continue;
            size_t k = n->slots[i].hash & (room - 1);
            while (slots[k].hash) k = (k + 1) & (room - 1);
            slots[k] = n->slots[i];
        }
        mem_free(n->slots);
        n->slots = slots;
        n->room = room;
    }
    struct rights_name *slot = slot_of(n, text, rights_name_hash(text));
    if (slot->hash) return true;
    size_t at = n->texts.len;
    buf_append(&n->texts, text);
    if (n->texts.has_failed) return false;
    *slot = (struct rights_name){rights_name_hash(text), at, (uint32_t)text.len, value};
    n->count++;
    return true;
}

void rights_names_free(struct rights_names *n) {
    mem_free(n->slots);
    buf_free(&n->texts);
}
