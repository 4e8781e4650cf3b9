/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * encoder.h: what every encoder of our own pictures and sound has in common. Within codec only. */
#ifndef MEDIA_CODEC_ENCODER_H
#define MEDIA_CODEC_ENCODER_H

#include "media/codec/av.h"

/* ERR_BUG codec.missing. */
struct err encoder_missing(void);
/* H.264 of square pixels, 4:2:0, BT.709, limited range; not opened yet. The context is the caller's, also after an error. Errors: codec.missing, memory. */
MUST_USE struct err encoder_h264_make(int width, int height, int rate_num, int rate_den, AVCodecContext **out);
/* AAC of 1, 2 or 6 channels from floats; bits_per_s 0: 64,000 a channel. Not opened yet. As above. */
MUST_USE struct err encoder_aac_make(int rate, int channels, int64_t bits_per_s, AVCodecContext **out);
/* Buffers as the opened encoder wants them: a picture of its size, its number of samples. Errors: memory. */
MUST_USE struct err encoder_picture_alloc(const AVCodecContext *, AVFrame *);
MUST_USE struct err encoder_sound_alloc(const AVCodecContext *, AVFrame *);

#endif
