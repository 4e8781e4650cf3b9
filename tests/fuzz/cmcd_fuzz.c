/* SPDX-License-Identifier: AGPL-3.0-or-later
 * What players say of themselves, as anybody may write it. Whatever was read stays within what is promised, and reading twice says the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/cmcd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    struct cmcd c = CMCD_NONE, again = CMCD_NONE;
    bool has_any = cmcd_read(slice_of(exact, size), &c);
    assert(has_any == cmcd_read(slice_of(exact, size), &again));
    assert(c.sid_len <= CMCD_SID_MAX && c.sid[c.sid_len] == '\0' && c.sid_len == again.sid_len && !memcmp(c.sid, again.sid, c.sid_len));
    assert(c.bitrate_kbps >= 0 && c.bitrate_kbps <= CMCD_KBPS_MAX && c.throughput_kbps >= 0 && c.throughput_kbps <= CMCD_KBPS_MAX);
    assert(c.buffer_ms >= -1 && c.buffer_ms <= CMCD_MS_MAX && c.latency_ms >= -1 && c.latency_ms <= CMCD_MS_MAX);
    assert(c.start_delay_ms >= -1 && c.start_delay_ms <= CMCD_MS_MAX && c.bitrate_kbps == again.bitrate_kbps && c.latency_ms == again.latency_ms);
    free(exact);
    return 0;
}
