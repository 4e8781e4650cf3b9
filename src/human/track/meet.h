/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * meet.h: for this room: how well what two cameras saw fits together. */
#ifndef TRACK_MEET_H
#define TRACK_MEET_H

#include "human/track/track.h"

static inline double rate_of(const struct camera *c, double rate) { return c->clock.rate > 0 ? c->clock.rate : rate; }

/* When row v of frame `index` of the take was exposed. */
static inline double exposure(const struct camera *c, const struct pose_take *t, double rate, double index, double v) {
    return ((double)t->frame_first + index) / rate_of(c, rate) * (1 + c->clock.drift) + c->clock.offset_s + v * c->clock.row_s;
}
static inline double middle_row(const struct camera *c) { return c->clock.row_s != 0 ? 0.5 * c->height : 0; }

struct meeting {
    double apart; /* for some instants, of each person's best partner: median over the joints of what two rays miss each other by, in deviations of 6 pixels, cut
                   * off at 10; the mean of that. NAN: nobody to compare */
    double size;  /* of the people so found: median distance of two joints furthest apart, in the rig's units; NAN */
};
/* As if b had started `lag` frames (of `rate`) later than its clock without offset says. */
struct meeting meeting_of(const struct camera *a, const struct pose_take *of_a, const struct camera *b, const struct pose_take *of_b, double rate, double lag);

#endif
