/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * watch.h: is the picture black, does it stand still, is the sound silent? Plain numbers in, alarms out. For this room only. */
#ifndef TRANSCODER_WATCH_H
#define TRANSCODER_WATCH_H

#include <stdbool.h>
#include <stdint.h>

enum { WATCH_COLUMNS = 32, WATCH_ROWS = 18, WATCH_CELLS = WATCH_COLUMNS * WATCH_ROWS };

/* A zeroed struct is a valid start. */
struct watch {
    bool is_black, is_frozen, is_silent; /* what is told */
    int silent_seconds;
    bool has_dark, has_still, has_cells; /* since when, in nanoseconds of the source */
    int64_t dark_since, still_since;
    float cells[WATCH_CELLS];            /* the key picture before, mean luma of each cell */
};

/* Each returns whether the answer of is_silent or of the other two has changed. */
bool watch_second(struct watch *, double rms_dbfs);
/* A key picture: 3 bytes a pixel, rows without gaps, shown at `at_ns`. */
bool watch_picture(struct watch *, const uint8_t *rgb, uint32_t width, uint32_t height, int64_t at_ns);

#endif
