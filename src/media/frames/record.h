/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * record.h: what the frames child and its parent say to each other: messages whose bodies begin with these. All numbers are the machine's: both ends are
 * one program. */
#ifndef FRAMES_RECORD_H
#define FRAMES_RECORD_H

#include <stdint.h>

enum frames_message { FRAMES_BEGIN = 1, FRAMES_PICTURE, FRAMES_END, FRAMES_FAILED };

enum { FRAMES_SIDE_MAX = 16384, FRAMES_PIXELS_MAX = 8192 * 8192 };

struct frames_begin {
    int64_t every, pictures_max;
};
struct frames_head {
    uint32_t width, height; /* so many bytes follow */
    int64_t time_us, number;
};
struct frames_failed {
    char code[48]; /* of errors.tbl.h, zero-terminated */
};

#endif
