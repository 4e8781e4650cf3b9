/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * shelf.h: what is ready to be sent, by (title, file name): open files and finished playlists. Bounded; the least
 * recently used entry falls off. Any thread; a look-up holds one of 16 locks for a few instructions. An entry taken
 * stays whole until it is given back, whatever happens to the shelf meanwhile. Within delivery only. */
#ifndef DELIVERY_SHELF_H
#define DELIVERY_SHELF_H

#include "base/arena.h"
#include "base/id.h"
#include "base/slice.h"
#include "system/http/http.h"

enum { SHELF_NAME_MAX = 32, SHELF_ETAG_MAX = 64 };

struct shelf_entry {
    struct public_id title;
    char name[SHELF_NAME_MAX + 1];
    struct slice content_type;  /* static text */
    struct slice cache_control; /* static text */
    char etag[SHELF_ETAG_MAX];
    struct http_file *file; /* one of these three; the entry's own reference */
    struct http_blob *blob;
    const struct live_recording *recording; /* of a title that was live, in the arena */
    struct arena *arena;

    struct shelf_entry *chain, *newer, *older; /* the shelf's */
    _Atomic uint32_t references;
};

struct shelf;
struct shelf *shelf_create(size_t entries_max);
void shelf_destroy(struct shelf **); /* all entries have been given back */

/* An entry with one reference, not on the shelf yet. NULL when memory ran out. */
struct shelf_entry *shelf_entry_create(struct slice title, struct slice name);
void shelf_give(struct shelf_entry **); /* NULL is fine */

struct shelf_entry *shelf_take(struct shelf *, struct slice title, struct slice name); /* NULL: not there */
/* Puts the entry up, in place of one of the same name, unless something of the title was forgotten since `generation`
 * was read: then what was loaded may be old. The caller keeps its reference. */
uint64_t shelf_generation(const struct shelf *);
void shelf_put(struct shelf *, struct shelf_entry *, uint64_t generation);
void shelf_forget(struct shelf *, struct slice title);
uint64_t shelf_count(struct shelf *);

#endif
