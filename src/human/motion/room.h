/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * room.h: what the files of this room share. */
#ifndef HUMAN_MOTION_ROOM_H
#define HUMAN_MOTION_ROOM_H

#include "human/motion/motion.h"

/* Sets the note and returns ERR_INPUT motion.syntax. */
struct err motion_bad(struct motion_note *, int line, const char *what);
/* A cell as a number; blanks around it are fine, empty and "nan" give NAN, other text false. */
bool motion_cell(struct slice cell, double *out);
/* Shortest text that reads back as the same double; NAN is "NaN". */
void motion_number(struct buf *, double);
/* A name from a file into a place of MOTION_NAME_MAX. */
void motion_name(char out[MOTION_NAME_MAX], struct slice name);

#endif
