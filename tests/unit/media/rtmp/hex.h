/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * hex.h: bytes of real encoders, written as hexadecimal digits. */
#ifndef TESTS_RTMP_HEX_H
#define TESTS_RTMP_HEX_H

#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

/* In a block of exactly its size, so that the sanitizer sees a byte too far. The caller frees `ptr`. */
static inline struct slice hex(const char *digits) {
    size_t len = strlen(digits) / 2;
    char *bytes = malloc(len ? len : 1);
    for (size_t i = 0; i < len; i++) {
        char pair[3] = {digits[2 * i], digits[2 * i + 1]};
        bytes[i] = (char)strtol(pair, NULL, 16);
    }
    return slice_of(bytes, len);
}

/* Configurations made by x264, x265, libaom and FFmpeg's AAC encoder. */
#define AVCC_1080 "0142c028ffe1001b6742c028da01e0089f97016a020202800001f480007530078c195001000468ce0fc8"          /* 1920x1080, 30000/1001, BT.709 */
#define AVCC_576I "014d401effe1001c674d401ef405a126ffc010000b44000003000400000300c87c50aa8001000468de0fc8"        /* 720x576, interlaced, 16:9 */
#define HVCC_HDR \
    "01022000000090000000000078f000fcfdfafa00000f01a10001002e420101022000000300900000030000030078a00280802d1d536595952930bc05a8488048" \
    "20000003002000000641" /* 1278x718 of 10 bits, 50/1, BT.2020 PQ */
#define AV1C_360 "81010c000a0e0000000cc4ff6736be4404040410"
#define ASC_44100 "120856e500" /* AAC-LC, 44,100 Hz, mono */
#define ASC_48000 "1190"       /* stereo */

#endif
