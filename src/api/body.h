/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * body.h: JSON bodies of requests, in which nothing stands that nobody reads. Within api only.
 *
 * A member that is not known is refused, never passed over: "max_age" written for "age_max" would make a grown-up's profile where a
 * child's was meant. There is no list of the members that a route takes: whoever reads a member makes it known by asking for it, there or
 * not, and when the reading has ended everything that nobody asked for is unknown. So reading comes first, all of it, then body_end, and
 * only then is anything done:
 *
 *     struct body_object b = body_root(&c->body);
 *     struct slice name = body_text(b, "name");
 *     struct err e = body_end(&c->body);
 *     if (!e.kind) e = thing_make(..., name);
 *
 * A reader that asks for "titles" only if "kind" says so has made it unknown otherwise: ask for it in any case. What is asked is kept by
 * place, not by object: what was asked of one item of a list is known in all of them; and of an empty list, ask its first item, which is
 * missing. A reader that finds something wrong goes on asking, and body_end_after tells it.
 *
 * A member of a wrong type (a PIN that is a number) is refused too, where the readers with a type below meet it: they give what they would
 * for a missing one, and body_end tells. Members that are null are missing to them. */
#ifndef API_BODY_H
#define API_BODY_H

#include "base/arena.h"
#include "base/json.h"

enum { BODY_NAMES_MAX = 40, BODY_ABOUT_CHARS_MAX = 60 };

/* What was asked of the objects at one place of the body. */
struct body_shape {
    const char *names[BODY_NAMES_MAX];
    size_t count;
    const char *name;                /* the member of the shape above it whose object, or list of objects, this is */
    struct body_shape *first, *next; /* places within it; beside it */
};

/* What is wrong: for an answer that says more than a sentence. */
struct body_flaw {
    struct err error;               /* ERR_INPUT body.unknown, body.type */
    struct slice about;             /* "lines[2].teritory", in the arena; no longer than people can read */
    struct slice meant;             /* the known member that it is near to; empty: none */
    const struct body_shape *shape; /* of the object that it stands in, for the names known there */
};

struct body {
    struct arena *arena;
    json_t *json; /* an object; NULL: none was sent, which is as good as an empty one */
    struct body_shape shape;
    struct body_flaw flaw;
    const json_t *flaw_in;  /* the object of `flaw`, while its place is not known */
    struct err error;       /* memory ran out while reading */
    struct body_shape lost; /* what is asked where there was no memory for a place */
    bool has_ended;
};

/* An object of the body; `json` is NULL where there is none: its members are all missing, and known none the less. */
struct body_object {
    struct body *body;
    struct body_shape *shape;
    const json_t *json;
};

/* Nothing but an empty text is an empty body. ERR_INPUT json.syntax, body.object; ERR_LIMIT json.large. */
MUST_USE struct err body_open(struct body *, struct arena *, struct slice text, size_t bytes_max);
void body_close(struct body *); /* what the readers gave is borrowed, and gone then */

struct body_object body_root(struct body *);

/* The member as it came, null too; NULL: missing. Whoever takes an object or a list of objects this way judges its members himself. */
const json_t *body_value(struct body_object, const char *name);
bool body_has(struct body_object, const char *name); /* null too */
struct slice body_text(struct body_object, const char *name); /* SLICE_NONE: missing; an empty one is not the same */
/* False, and *out untouched: missing. */
bool body_number(struct body_object, const char *name, int64_t *out);
bool body_flag(struct body_object, const char *name, bool *out);
struct body_object body_object(struct body_object, const char *name);
/* A list of objects: how many, and one of them (of which `json` is NULL if it is none: body.type). */
size_t body_list(struct body_object, const char *name);
struct body_object body_item(struct body_object, const char *name, size_t at);

/* The end of reading: everything was asked for. ERR_INPUT body.unknown, then body.type; `flaw` says what. Memory. */
MUST_USE struct err body_end(struct body *);
/* The same for readers that judge while they read: `found` is what they found, told where there is nothing of the above. (What a member of a
 * wrong type leads to is that it seems to be missing.) */
MUST_USE struct err body_end_after(struct body *, struct err found);

/* Of `count` names the one that `name` was probably meant to be: a slip of the finger, other capitals, the words the other way round.
 * NULL: none is near. */
const char *body_near(struct slice name, const char *const *names, size_t count);

#endif
