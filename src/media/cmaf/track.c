/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Track descriptions: checks, and what can be derived from codec configurations. */
#include "media/cmaf/cmaf.h"

void cmaf_track_display_size(const struct cmaf_track *track, uint32_t *width, uint32_t *height) {
    uint64_t w = track->width, h = track->height;
    uint64_t x = track->aspect_x, y = track->aspect_y;
    /* Stretch, never shrink, as 14496-12 section 12.1.4 suggests; an aspect beyond 1:16 is taken for a mistake. */
    if (x && y && x <= 16 * y && y <= 16 * x) {
        if (x > y) w = (w * x + y / 2) / y;
        else h = (h * y + x / 2) / x;
    }
    bool is_turned = track->rotation == 90 || track->rotation == 270;
    *width = (uint32_t)(is_turned ? h : w);
    *height = (uint32_t)(is_turned ? w : h);
}
