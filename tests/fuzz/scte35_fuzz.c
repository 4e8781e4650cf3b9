/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Sections of SCTE 35, as they are and with the CRC that they should have. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "media/scte35/scte35.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(struct slice section) {
    struct scte35_cue c;
    if (scte35_parse(section, &c).kind) return;
    assert(c.segment_count <= SCTE35_SEGMENTS_MAX && c.time_90k < UINT64_C(1) << SCTE35_TIME_BITS && (c.has_time || !c.time_90k));
    for (size_t i = 0; i < c.segment_count; i++) {
        struct slice upid = c.segments[i].upid;
        assert(!upid.len || (upid.ptr >= section.ptr && upid.ptr + upid.len <= section.ptr + section.len));
        assert(scte35_type_name(c.segments[i].type));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    parse(slice_of(exact, size));
    if (size >= 20 && size <= SCTE35_SECTION_BYTES_MAX) { /* what a stranger would do, and mutation hardly ever does */
        exact[1] = (char)(0x30 | (size - 3) >> 8);
        exact[2] = (char)(size - 3);
        uint32_t crc = bytes_crc32_mpeg(slice_of(exact, size - 4));
        for (size_t i = 0; i < 4; i++) exact[size - 4 + i] = (char)(crc >> (24 - 8 * i));
        parse(slice_of(exact, size));
    }
    free(exact);
    return 0;
}
