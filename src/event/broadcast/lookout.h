/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * lookout.h: who looks at a channel and listens to it: a transcoder (media/transcoder) beside each open channel. From it come stills, the
 * sound's level, the alarms of silence, black and freeze, and the smaller pictures of the ladder. A channel goes on without it. Within broadcast
 * only. */
#ifndef EVENT_BROADCAST_LOOKOUT_H
#define EVENT_BROADCAST_LOOKOUT_H

#include "event/broadcast/broadcast.h"

struct lookout;
/* NULL when memory ran out. Nothing is started before tracks are told. */
struct lookout *lookout_create(struct broadcast *, const struct public_id *channel, const struct broadcast_settings *);
void lookout_retain(struct lookout *);
/* The last one ends the child and closes the smaller pictures. May wait for it. */
void lookout_release(struct lookout **);

void lookout_tracks(struct lookout *, const struct cmaf_track *tracks, size_t count);
void lookout_sample(struct lookout *, size_t track, const struct cmaf_sample *);

#endif
