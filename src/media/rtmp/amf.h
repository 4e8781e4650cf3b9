/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * amf.h: the values that RTMP commands and metadata are made of (Action Message Format, AMF 0; of AMF 3 the plain values that a
 * publisher puts behind an avmplus marker).
 *
 * A reader goes over the bytes where they lie and allocates nothing. A container is first gone over as a whole, which proves that it
 * ends inside the message and is no deeper than AMF_DEPTH_MAX; its members are then read from `content`. */
#ifndef MEDIA_RTMP_AMF_H
#define MEDIA_RTMP_AMF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"

enum { AMF_DEPTH_MAX = 16, AMF_NODES_MAX = 4096 };

enum amf_kind {
    AMF_NULL, /* also undefined, unsupported and references, which nobody has used in a command */
    AMF_NUMBER,
    AMF_BOOLEAN,
    AMF_TEXT, /* string, long string, XML */
    AMF_DATE, /* `number`: ms since 1970 */
    AMF_OBJECT, /* named members: object, typed object, ECMA array */
    AMF_ARRAY
};

struct amf_value {
    enum amf_kind kind;
    double number;
    bool boolean;
    struct slice text;    /* borrowed from the message */
    struct slice content; /* of AMF_OBJECT: the members up to the end mark; of AMF_ARRAY: the elements */
    uint32_t count;       /* elements of an AMF_ARRAY */
};

/* The next value. False at the end of the input and on malformed or too deep bytes, which also set r->has_failed. */
bool amf_read(struct byte_reader *r, struct amf_value *out);
/* The next member of an object. Begin with a reader of `content`. False at its end. */
bool amf_member(struct byte_reader *members, struct slice *name, struct amf_value *out);
/* A member by name; false if there is none. The first of several counts. */
bool amf_find(const struct amf_value *object, struct slice name, struct amf_value *out);
/* Members of a kind; false and untouched if missing or of another kind. */
bool amf_find_number(const struct amf_value *object, struct slice name, double *out);
struct slice amf_find_text(const struct amf_value *object, struct slice name);

/* Writing. An object is amf_begin, any number of amf_name and value, amf_end. */
void amf_put_number(struct buf *, double);
void amf_put_boolean(struct buf *, bool);
void amf_put_text(struct buf *, struct slice); /* beyond 65,535 bytes as a long string */
void amf_put_null(struct buf *);
void amf_begin_object(struct buf *);
void amf_begin_ecma(struct buf *, uint32_t count);
void amf_name(struct buf *, struct slice);
void amf_end(struct buf *);
/* Name and value in one. */
void amf_member_number(struct buf *, struct slice name, double);
void amf_member_text(struct buf *, struct slice name, struct slice value);
void amf_member_boolean(struct buf *, struct slice name, bool);

#endif
