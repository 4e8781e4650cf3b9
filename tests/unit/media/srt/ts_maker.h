/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * ts_maker.h: packets of a transport stream, for tests that need some that no multiplexer writes. */
#ifndef TESTS_TS_MAKER_H
#define TESTS_TS_MAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* One packet: `payload` fits into 184 bytes; what is left is stuffing, in the adaptation field, or 0xff behind a section. */
void ts_put_packet(struct buf *out, uint16_t pid, bool is_start, uint8_t counter, struct slice payload, bool is_section);
/* A section in one packet; its CRC is put behind. */
void ts_put_section(struct buf *out, uint16_t pid, uint8_t counter, struct slice body);
/* PAT and PMT (PID 0x1000) of one programme with these elementary streams: type and PID, without descriptors; it says that it has cues. */
void ts_put_tables(struct buf *out, uint8_t counter, uint8_t version, const uint16_t (*streams)[2], size_t count);
uint16_t ts_pid(const char *packet);
/* The splice_insert of SCTE 35's section 14.2, without CRC. Its time is 0x7369c02e. */
struct slice ts_cue(void);

#endif
