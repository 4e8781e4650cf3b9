/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * params.h: what codec configurations and frame headers say about a track: size, aspect, colours, rate, channels, durations. Everything here
 * reads strangers' bytes; what it cannot make out stays 0 and the caller decides. */
#ifndef MEDIA_RTMP_PARAMS_H
#define MEDIA_RTMP_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "media/cmaf/cmaf.h"

/* From FLV's form of a configuration (FLV_CONFIG) to the one of cmaf.h, appended to `out`, with what it says filled into the track (not its
 * `config`): H.264, HEVC, AV1, VP9, AAC, Opus, FLAC. False: malformed. */
bool params_of_config(struct cmaf_track *, struct slice body, struct buf *out);
/* The same from a frame, for what has no configuration message: MP3, AC-3, E-AC-3; and the size of VP9 and AV1 (from a key frame)
 * where the configuration lacks it. False: malformed, or this frame does not tell. */
bool params_of_frame(struct cmaf_track *, struct slice frame, struct buf *out);
/* Is a sample well-formed, and can decoding start here by its own words? H.264 and HEVC: walks the NAL units. */
enum params_verdict { PARAMS_BROKEN, PARAMS_FINE, PARAMS_SYNC };
enum params_verdict params_of_sample(const struct cmaf_track *, struct slice sample);

/* From our configuration to FLV's form, for the publisher. */
bool params_to_flv(const struct cmaf_track *, struct buf *out);

/* "29.97" and the like as a fraction; false for what is no frame rate. */
bool params_rate(double frames_per_s, uint32_t *num, uint32_t *den);

#endif
