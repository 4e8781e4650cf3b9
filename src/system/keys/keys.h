/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * keys.h: keys that live apart from the database, and sealing with them.
 *
 * The model
 *   person's key   32 random bytes in a slot of DATA/keys/persons. A row that holds something personal names the slot and is sealed with
 *                  its key. Destroying the key makes each copy of that row unreadable for ever, also those in backups of the database:
 *                  this is how people are erased. Keys are kept in slots of one file, not a file each: a million persons are 64 MB.
 *   named key      32 random bytes in DATA/keys/NAME, made at first use: for what belongs to the house and not to a person.
 *   name           what an id of the inside is called outside, where a row has no public id of its own (transfers, events: a column and an index of
 *                  random names would cost each insert). The same id is always called the same; nothing can be counted, guessed or made up.
 *   box            what sealing makes: version, nonce, ciphertext, tag (XChaCha20-Poly1305, draft-irtf-cfrg-xchacha section 2). A box is
 *                  bound to a context, a text such as "user.email:ID": one that was moved to another row or column does not open.
 *
 * The folder is 0700 and its files 0600. Several processes may use one folder at once (a lock on the file while it grows). Back it up
 * apart from the database, and keep those backups for a short time only: what they still hold is not erased.
 *
 * Any thread; all but sealing and opening touch the disk. Errors of all: of base/fs, memory. */
#ifndef SYSTEM_KEYS_H
#define SYSTEM_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

enum { KEY_BYTES = 32, KEY_BOX_EXTRA = 1 + 24 + 16 };
struct key {
    uint8_t bytes[KEY_BYTES];
};

struct keys;
/* Makes the folder if it is not there. Errors: ERR_INPUT keys.foreign (a file in it is none of ours). */
MUST_USE struct err keys_open(struct keys **out, const char *folder);
void keys_close(struct keys **);

/* New keys for these owners (ids of base/id.h), durable before the call returns: a row that names a slot never stands without its key. */
MUST_USE struct err keys_make(struct keys *, const int64_t *owners, size_t count, int64_t *slots);
/* Errors: ERR_NOT_FOUND keys.destroyed; ERR_IO keys.missing (no key was ever made here for this owner: the folder is not the one that belongs to the
 * database), keys.damaged. */
MUST_USE struct err keys_read(struct keys *, int64_t owner, int64_t slot, struct key *out);
/* Durable before the call returns; fine if it is destroyed already. */
MUST_USE struct err keys_destroy(struct keys *, int64_t owner, int64_t slot);

/* `name`: small letters. */
MUST_USE struct err keys_named(struct keys *, const char *name, struct key *out);

/* The box lives in the arena. Errors: memory. */
MUST_USE struct err key_seal(const struct key *, struct arena *, struct slice context, struct slice plain, struct slice *box);
/* Errors: ERR_IO keys.box (damaged, of another context, or of another key), memory. */
MUST_USE struct err key_open(const struct key *, struct arena *, struct slice context, struct slice box, struct slice *plain);

/* 26 characters of Crockford's base 32: the id sealed with a synthetic IV (the construction of RFC 5297, over SipHash-2-4 of libsodium): 64 bits of
 * SipHash over context and id, then the id under a stream made from these. `context`: what is named, and whose, "transfer:ORG"; a name read in another
 * context is none. The key: keys_named. Any thread, memory only. */
enum { KEY_NAME_LEN = 26 };
struct key_name {
    char text[KEY_NAME_LEN + 1];
};
struct key_name key_name_of(const struct key *, struct slice context, int64_t id);
/* False, and *id untouched, for what no key_name_of of this key and context has made. */
bool key_name_read(const struct key *, struct slice context, struct slice name, int64_t *id);

#endif
