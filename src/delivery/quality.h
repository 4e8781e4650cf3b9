/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * quality.h: how watching one channel feels, from what its players say (cmcd.h), and how many watch. In memory only, bounded: the newest
 * 2,048 sessions. Any thread; one lock for a few instructions for each request that says something, none for counting viewers.
 * Within delivery only. */
#ifndef DELIVERY_QUALITY_H
#define DELIVERY_QUALITY_H

#include "base/clock.h"
#include "delivery/cmcd.h"
#include "delivery/delivery.h"

enum { QUALITY_SESSIONS_MAX = 2048, QUALITY_VIEWER_SLOTS = 16384, QUALITY_VIEWER_S = 12 };

struct quality;
struct quality *quality_create(void); /* NULL when memory ran out */
void quality_destroy(struct quality **);

/* A request of this playback session that may say something (CMCD_NONE: nothing). */
void quality_take(struct quality *, struct slice session, const struct cmcd *, struct mono_time now);
/* Sessions from which a request came in the last QUALITY_VIEWER_S seconds: exact while there are few, within a few per cent up to a
 * hundred thousand (linear counting: Whang, Vander-Zanden and Taylor 1990). */
uint32_t quality_viewers(const struct quality *, struct mono_time now);
void quality_summary(struct quality *, struct mono_time now, struct delivery_quality *out);

#endif
