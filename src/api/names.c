/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What rows are called outside that have no public id. */
#include <stdio.h>

#include "api/room.h"

static struct slice context_of(const struct call *c, enum call_naming kind, char out[48]) {
    static const char *const kinds[] = {"transfer", "event", "chargeback", "parked", "gift-card", "statement", "household"}; /* part of the names: never changed */
    return slice_of(out, (size_t)snprintf(out, 48, "%s:%lld", kinds[kind], (long long)c->org_id));
}

struct slice call_name(struct call *c, enum call_naming kind, int64_t id) {
    char context[48];
    struct key_name name = key_name_of(&c->api->names, context_of(c, kind, context), id);
    return arena_copy(c->arena, slice_of(name.text, KEY_NAME_LEN));
}

void call_put_name(struct call *c, const char *member, enum call_naming kind, int64_t id) {
    json_key(&c->w, member);
    if (id) json_add_string(&c->w, call_name(c, kind, id));
    else json_add_null(&c->w);
}

bool call_name_read(const struct call *c, enum call_naming kind, struct slice name, int64_t *id) {
    char context[48];
    return key_name_read(&c->api->names, context_of(c, kind, context), name, id);
}

struct err call_after(struct call *c, enum call_naming kind, int64_t *id) {
    struct slice after = call_query(c, "after");
    if (after.len && !call_name_read(c, kind, after, id)) return err_make(ERR_INPUT, "request.malformed", "What follows is asked for by the `next` of the page before.");
    return ERR_OK;
}
