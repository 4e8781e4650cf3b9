/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/transcoder/watch.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

enum { SILENT_SECONDS = 10, DARK_LUMA = 32, DARK_PERCENT = 98 };
#define SILENT_DBFS (-60.0)
#define DARK_NS (5 * NS_PER_S)
#define STILL_NS (10 * NS_PER_S)
/* The same picture encoded twice differs by noise of quantising: less than this in every cell. */
#define CELL_NOISE 0.75f

bool watch_second(struct watch *w, double rms_dbfs) {
    w->silent_seconds = rms_dbfs < SILENT_DBFS ? w->silent_seconds + 1 : 0;
    bool was = w->is_silent;
    w->is_silent = w->silent_seconds >= SILENT_SECONDS;
    if (w->silent_seconds > SILENT_SECONDS) w->silent_seconds = SILENT_SECONDS;
    return w->is_silent != was;
}

bool watch_picture(struct watch *w, const uint8_t *rgb, uint32_t width, uint32_t height, int64_t at_ns) {
    float cells[WATCH_CELLS] = {0};
    uint32_t counts[WATCH_CELLS] = {0};
    uint64_t dark = 0;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++, rgb += 3) {
            uint32_t luma = (54u * rgb[0] + 183u * rgb[1] + 19u * rgb[2]) >> 8; /* BT.709 */
            size_t cell = (size_t)y * WATCH_ROWS / height * WATCH_COLUMNS + (size_t)x * WATCH_COLUMNS / width;
            dark += luma < DARK_LUMA;
            cells[cell] += (float)luma;
            counts[cell]++;
        }
    bool is_still = w->has_cells, is_dark = dark * 100 >= (uint64_t)width * height * DARK_PERCENT;
    for (size_t i = 0; i < WATCH_CELLS; i++) {
        if (counts[i]) cells[i] /= (float)counts[i];
        if (w->has_cells && fabsf(cells[i] - w->cells[i]) >= CELL_NOISE) is_still = false;
    }
    memcpy(w->cells, cells, sizeof cells);
    if (!w->has_dark) w->dark_since = at_ns;
    if (!w->has_still) w->still_since = at_ns;
    w->has_cells = true;
    w->has_dark = is_dark;
    w->has_still = is_still;
    bool was_black = w->is_black, was_frozen = w->is_frozen;
    w->is_black = is_dark && at_ns - w->dark_since >= DARK_NS;
    w->is_frozen = is_still && !w->is_black && at_ns - w->still_since >= STILL_NS; /* black stands still, too: one alarm is enough */
    return w->is_black != was_black || w->is_frozen != was_frozen;
}
