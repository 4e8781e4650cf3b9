/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * scte35.h: splice_info_section of SCTE 35 (ANSI/SCTE 35 2023), which says in a transport stream where a programme is left for something else and
 * where it comes back, and what live playlists need of it. Reads hostile bytes: any thread, no allocation, no state.
 *
 *   splice_insert   one event: out of the network now or at a time, for a duration, or back into it
 *   time_signal     a moment, and segmentation descriptors that say what begins or ends there
 *   others          splice_null (a heartbeat), splice_schedule, bandwidth_reservation, private_command: checked and named, not read */
#ifndef MEDIA_SCTE35_H
#define MEDIA_SCTE35_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum {
    SCTE35_SECTION_BYTES_MAX = 4096,
    SCTE35_SEGMENTS_MAX = 16,
    SCTE35_TIME_BITS = 33,
};

enum scte35_command { /* table 7 */
    SCTE35_NULL = 0x00,
    SCTE35_SCHEDULE = 0x04,
    SCTE35_INSERT = 0x05,
    SCTE35_TIME_SIGNAL = 0x06,
    SCTE35_BANDWIDTH = 0x07,
    SCTE35_PRIVATE = 0xff,
};

/* What a playlist makes of it: SCTE35-OUT, SCTE35-IN or SCTE35-CMD of EXT-X-DATERANGE. */
enum scte35_role {
    SCTE35_ROLE_NONE,   /* nothing happens: heartbeats, reservations */
    SCTE35_ROLE_OUT,    /* a break, an advertisement, a placement opportunity begins */
    SCTE35_ROLE_IN,     /* it ends */
    SCTE35_ROLE_CANCEL, /* the event with this id will not take place */
    SCTE35_ROLE_MARK,   /* a programme, a chapter or the like begins or ends; nobody is to leave for it */
};

struct scte35_segment { /* segmentation_descriptor, section 10.3.3 */
    uint32_t event_id;
    bool is_cancelled;
    bool has_duration;
    uint64_t duration_90k;  /* 40 bits */
    uint8_t type;           /* segmentation_type_id, table 23 */
    uint8_t upid_type;
    struct slice upid;      /* into the section */
    uint8_t number, expected;
    bool is_restricted;     /* delivery_not_restricted_flag is 0: the four below hold */
    bool may_deliver_on_web, is_blackout_free, may_archive;
    uint8_t device_restrictions; /* 3: none */
    enum scte35_role role;
};

struct scte35_cue {
    enum scte35_command command;
    enum scte35_role role;     /* of the event, or of the first segment that has one; OUT and IN before MARK */
    uint32_t event_id;         /* of that */
    bool has_time;             /* false: now */
    uint64_t time_90k;         /* 33 bits, pts_adjustment added: on the clock of the programme's PTS */
    bool has_duration;         /* of the break */
    uint64_t duration_90k;
    bool returns_by_itself;    /* auto_return: back after the duration without being told */
    uint16_t programme_id;     /* unique_program_id */
    uint8_t avail, avails_expected;
    struct scte35_segment segments[SCTE35_SEGMENTS_MAX];
    size_t segment_count;
};

/* `section`: from table_id to CRC, nothing behind it. On success slices in *out point into it.
 * Errors: ERR_INPUT scte35.section (no such section, or malformed), scte35.crc, scte35.encrypted (nobody gave us a key). */
MUST_USE struct err scte35_parse(struct slice section, struct scte35_cue *out);

/* Appends the section as EXT-X-DATERANGE wants it: 0xFC30... */
void scte35_hex(struct slice section, struct buf *out);
/* Appends it as a DASH EventStream (urn:scte:scte35:2014:xml+bin) wants it: base64. */
void scte35_base64(struct slice section, struct buf *out);

/* "Provider Advertisement Start": the name of a segmentation type, for logs and people; "Segment" if it has none. */
const char *scte35_type_name(uint8_t type);

#endif
