/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * sound.h: what sound configurations and frames say: rate, channels, how long a frame plays; and the configurations that our tracks need.
 * False: malformed. */
#ifndef MEDIA_RTMP_SOUND_H
#define MEDIA_RTMP_SOUND_H

#include "base/buf.h"
#include "media/cmaf/cmaf.h"

bool sound_of_opus(struct cmaf_track *, struct slice head, struct buf *out);   /* "OpusHead" -> dOps */
bool sound_of_flac(struct cmaf_track *, struct slice blocks, struct buf *out); /* "fLaC" and STREAMINFO -> dfLa */
bool sound_of_ac3(struct cmaf_track *, struct slice frame, struct buf *out);   /* also E-AC-3, by track.codec -> dac3, dec3 */
bool sound_of_mp3(struct cmaf_track *, struct slice frame);
/* How long one frame plays, in the track's timescale, which is its sampling rate; 0: not known. */
uint32_t sound_duration(const struct cmaf_track *, struct slice frame);

#endif
