/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * picture.h: parameter sets: how large a picture is, its pixels' shape, its colours, its rate. Each fills what it finds into the track, and
 * gives false where the bytes are malformed or do not tell the size. */
#ifndef MEDIA_RTMP_PICTURE_H
#define MEDIA_RTMP_PICTURE_H

#include "media/cmaf/cmaf.h"

bool picture_of_avcc(struct cmaf_track *, struct slice record); /* AVCDecoderConfigurationRecord */
bool picture_of_hvcc(struct cmaf_track *, struct slice record); /* HEVCDecoderConfigurationRecord */
bool picture_of_av1(struct slice units, struct cmaf_track *);   /* open bitstream units: behind av1C's four bytes, or a key frame */
bool picture_of_vp9(struct slice frame, struct cmaf_track *);   /* only key frames say their size */

#endif
