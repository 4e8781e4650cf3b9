/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * tree.h: for this room only. Calibration files in TOML, YAML and JSON become one kind of tree, so that what a camera
 * needs is read, checked and complained about in one place. A tree lives in its arena and borrows from the text. */
#ifndef HUMAN_CAMERA_TREE_H
#define HUMAN_CAMERA_TREE_H

#include "human/camera/camera.h"

enum tree_kind { TREE_TABLE, TREE_ARRAY, TREE_STRING, TREE_NUMBER, TREE_BOOL };

struct tree {
    enum tree_kind kind;
    int line;
    struct slice key;  /* in a table */
    struct slice text; /* of a string */
    double number;     /* of a number; 0 or 1 for a bool */
    size_t count;                     /* of children */
    struct tree *first, *last, *next; /* children of a table or array; the next sibling */
};

enum { TREE_DEPTH_MAX = 16, TREE_NODES_MAX = 2000000, TREE_NAMES_MAX = 4096 /* in one table, since they are searched in a row */ };

/* A new child at the end of `parent` (which may be NULL for a root). NULL when the arena is full. */
struct tree *tree_add(struct arena *, struct tree *parent, enum tree_kind, struct slice key, int line);
struct tree *tree_get(const struct tree *table, struct slice key); /* NULL when missing */
/* Flattens (nested) arrays of numbers into `out`; false if there are other things in it or more than `limit`. */
bool tree_numbers(const struct tree *, double *out, size_t limit, size_t *count);

/* Decimal or exponent notation, inf and nan; the whole slice or false. */
bool tree_parse_number(struct slice, double *out);

void camera_note_set(struct camera_note *, int line, const char *format, ...) PRINTF_LIKE(3, 4);

/* The parsers. Errors: ERR_INPUT camera.syntax with the note set, ERR_LIMIT. */
MUST_USE struct err tree_parse_toml(struct arena *, struct slice text, struct tree **out, struct camera_note *);
MUST_USE struct err tree_parse_yaml(struct arena *, struct slice text, struct tree **out, struct camera_note *);
MUST_USE struct err tree_parse_json(struct arena *, struct slice text, struct tree **out, struct camera_note *);

/* The readers. */
MUST_USE struct err camera_read_tables(struct arena *, const struct tree *root, struct camera_rig *, struct camera_note *);
MUST_USE struct err camera_read_opencv(struct arena *, const struct tree *root, struct camera_rig *, struct camera_note *);
MUST_USE struct err camera_read_json(struct arena *, const struct tree *root, struct camera_rig *, struct camera_note *);
MUST_USE struct err camera_read_qualisys(struct arena *, struct slice text, struct camera_rig *, struct camera_note *);

/* Puts a rotation (3 numbers: a vector; 9: a matrix) and a translation into a pose. */
MUST_USE struct err camera_pose_from(const double *rotation, size_t rotation_count, const double translation[3], struct camera_pose *,
                                     struct camera_note *, int line, const char *name);

#endif
