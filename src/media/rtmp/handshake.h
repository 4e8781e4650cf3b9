/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * handshake.h: the first 3,073 bytes in each direction (RTMP 1.0 section 5.2).
 *
 *      client  C0 C1 ............ C2
 *      server        S0 S1 S2 ......
 *
 * The simple one echoes random bytes. The other, which is written down nowhere but spoken by Flash and those after it, hides an HMAC-SHA256
 * digest in C1 at a place that four of its bytes tell, and wants an answer made from it in S2. We answer in the form that we were asked in. */
#ifndef MEDIA_RTMP_HANDSHAKE_H
#define MEDIA_RTMP_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { HANDSHAKE_BLOCK_BYTES = 1536, HANDSHAKE_HELLO_BYTES = 1 + HANDSHAKE_BLOCK_BYTES, HANDSHAKE_ANSWER_BYTES = 1 + 2 * HANDSHAKE_BLOCK_BYTES };

/* S0, S1 and S2 for C0 and C1 (HANDSHAKE_HELLO_BYTES). `random` fills S1 (and what of S2 is no echo). False: C0 is not version 3. */
bool handshake_answer(const uint8_t *hello, const uint8_t random[HANDSHAKE_BLOCK_BYTES], uint8_t out[HANDSHAKE_ANSWER_BYTES]);
/* Does C1 (or with `is_server` S1) carry a digest? Where: its offset in the block. */
bool handshake_find_digest(const uint8_t block[HANDSHAKE_BLOCK_BYTES], bool is_server, unsigned *offset);
/* C0 and C1 of a simple handshake. */
void handshake_hello(const uint8_t random[HANDSHAKE_BLOCK_BYTES], uint8_t out[HANDSHAKE_HELLO_BYTES]);
/* A C1 with a digest, for tests of the server: schema 0 or 1. */
void handshake_hello_with_digest(const uint8_t random[HANDSHAKE_BLOCK_BYTES], unsigned schema, uint8_t out[HANDSHAKE_HELLO_BYTES]);
/* Is S2 (the last block of an answer) the right one for C1 with its digest at `offset`? */
bool handshake_check_answer(const uint8_t c1[HANDSHAKE_BLOCK_BYTES], unsigned offset, const uint8_t s2[HANDSHAKE_BLOCK_BYTES]);

#endif
