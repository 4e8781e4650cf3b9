/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * crc.h: CRC-32C (Castagnoli, RFC 3720 appendix B.4): are these the bytes that were written? Against accidents, not against people. */
#ifndef BASE_CRC_H
#define BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Of `len` bytes, going on from `crc` (0 at the start). Any thread. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);
/* The same without the processor's instruction: what the fast one must equal. */
uint32_t crc32c_plain(uint32_t crc, const void *bytes, size_t len);

#endif
