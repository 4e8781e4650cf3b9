/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * cmcd.h: what a player says of itself with a request for media: Common Media Client Data, version 1 (CTA-5004) and the keys of version 2
 * (CTA-5004-A) that players send. It comes as the query parameter CMCD or as up to four header fields, all of one form: the dictionary of
 * structured fields (RFC 8941 section 3.2) with numbers, tokens, strings, booleans and, in version 2, inner lists.
 *
 *     CMCD=br=3200,bs,ltc=1240,mtp=25400,ot=v,sid="6e2fb550-c457-11e9-bb97-0800200c9a66"
 *
 * Strangers write it: unknown keys are passed over, what cannot be read ends the reading, and what was read before it counts. Nothing is
 * allocated. Within delivery only. */
#ifndef DELIVERY_CMCD_H
#define DELIVERY_CMCD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { CMCD_BYTES_MAX = 4096, CMCD_KEYS_MAX = 64, CMCD_SID_MAX = 64, CMCD_MS_MAX = 24 * 3600 * 1000, CMCD_KBPS_MAX = 10 * 1000 * 1000 };

enum cmcd_object { CMCD_OBJECT_OTHER, CMCD_OBJECT_VIDEO, CMCD_OBJECT_AUDIO, CMCD_OBJECT_MANIFEST, CMCD_OBJECT_INIT };

struct cmcd {
    char sid[CMCD_SID_MAX + 1]; /* session; "" if none, cut if longer */
    size_t sid_len;
    enum cmcd_object object;  /* ot; av counts as video */
    bool has_starved;         /* bs: the buffer ran empty since the last request */
    bool is_startup;          /* su */
    int64_t bitrate_kbps;     /* br; of a list the largest; 0: not said, here and below */
    int64_t throughput_kbps;  /* mtp */
    int64_t buffer_ms;        /* bl; -1: not said */
    int64_t latency_ms;       /* ltc, from capture to screen; -1: not said */
    int64_t start_delay_ms;   /* msd, from the wish to play to the first picture; -1: not said */
};
#define CMCD_NONE ((struct cmcd){.buffer_ms = -1, .latency_ms = -1, .start_delay_ms = -1})

/* Adds what stands in `text` (already percent-decoded) to *out; call it for each field that carries some. False: there was nothing in it
 * that we know. */
bool cmcd_read(struct slice text, struct cmcd *out);

#endif
