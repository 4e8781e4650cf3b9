/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * crc.h: CRC-32C (Castagnoli, RFC 3720 appendix B.4). For this room and its tests. */
#ifndef MEDIA_CMAF_CRC_H
#define MEDIA_CMAF_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Of `len` bytes, going on from `crc` (0 at the start). */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
