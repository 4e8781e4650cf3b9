/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * record.h: what the media child and its parent say to each other, over a SOCK_SEQPACKET pair: one record a packet.
 *
 * The parent sends one job (with the source and, for some, an index as descriptors), then answers each RECORD_OPEN
 * with a descriptor. The child sends everything else. All records have one size, all numbers are the machine's, since
 * both ends are one program. The parent checks each record before it looks at it (record_check): form, range, and
 * whether it may come at this point of the conversation. */
#ifndef INGEST_RECORD_H
#define INGEST_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "media/cmaf/cmaf.h"
#include "media/ingest/ingest.h"

enum task { TASK_NONE, TASK_COPY, TASK_TRANSCODE, TASK_PICTURES, TASK_RENDITION, TASKS };

enum { JOB_MAGIC = 0x47534a31, SHEETS_MAX = 64 };

struct job {
    uint32_t magic;
    uint32_t task;            /* enum task */
    uint32_t threads;
    uint32_t track;           /* TRANSCODE: which track of the plan */
    uint32_t is_by_tables;    /* COPY: without FFmpeg; a file that needs it ends in media.needs_codec */
    uint32_t height;          /* RENDITION: lines of the new one */
    uint32_t segment_ms;
    uint32_t stream;          /* TRANSCODE: its number in the source */
    uint64_t skip_tracks;     /* COPY: a bit per track of the plan that is finished already, or was refused */
    uint64_t index_bytes;     /* an index that came along as second descriptor; 0: none */
    int64_t duration_ms;      /* as COPY told; 0: not known */
    uint32_t is_for_picture;  /* TRANSCODE of sound: the index is the picture's; without one, cut on the grid */
    int64_t memory_bytes_max; /* limits that the child sets on itself */
    int64_t output_bytes_max;
    int64_t cpu_s_max;
    char fault[64];           /* test doors: for fault_arm_from_text */
};

enum record_type {
    RECORD_NONE,
    RECORD_TRACK,    /* COPY: a track of the source, in order from 0 */
    RECORD_MEDIA,    /* COPY: all tracks were told; duration */
    RECORD_OPEN,     /* asks for an output file */
    RECORD_PROGRESS,
    RECORD_REFUSED,  /* COPY: this track cannot be passed through after all */
    RECORD_DONE,     /* this track's file is whole and synced */
    RECORD_PICTURES, /* PICTURES: sheets and poster are whole */
    RECORD_FINISHED, /* the last one of a job that went well */
    RECORD_ERROR,    /* the last one of a job that did not */
    RECORD_TYPES
};

enum output { OUTPUT_TRACK, OUTPUT_POSTER, OUTPUT_TILES, OUTPUT_SHEET, OUTPUTS };

struct record {
    uint32_t type; /* enum record_type */
    uint32_t track;
    union {
        struct {
            uint32_t kind, fate; /* enum ingest_kind, enum ingest_fate */
            uint32_t flags;      /* enum cmaf_flags */
            uint32_t width, height;
            uint32_t stream;     /* its number in the source */
            char codec[32], language[CMAF_LANGUAGE_MAX], label[CMAF_LABEL_MAX], why[40];
        } track_found;
        struct {
            int64_t duration_ms; /* 0: not known */
        } media;
        struct {
            uint32_t output; /* enum output */
            uint32_t number; /* of the sheet */
        } open;
        struct {
            uint32_t millionths;
        } progress;
        struct {
            char why[40];
        } refused;
        struct {
            uint64_t bytes;
            uint64_t dropped; /* text: cues that were refused */
        } done;
        struct {
            struct cmaf_thumbnails thumbnails;
            uint32_t sheets, colour;
            uint8_t has_poster; /* 0 or 1; not a bool, whose other values may not even be looked at */
        } pictures;
        struct {
            int32_t sys;
            char code[40];
        } error;
    };
};
_Static_assert(sizeof(struct record) <= 512, "a record stays small");

/* Where a conversation stands, as far as the parent is concerned. */
struct conversation {
    uint32_t task;
    uint32_t job_track;      /* TRANSCODE: the only track it may speak of */
    uint32_t tracks;         /* told so far, or known from before */
    bool has_media, has_ended, has_pictures;
    uint32_t millionths;
    uint64_t opened, closed; /* a bit per track */
    uint64_t may_open;       /* tracks that have something to write */
    uint32_t sheets_opened;
    bool has_opened_poster, has_opened_tiles;
};
/* `tracks` and `may_open` are known beforehand for every task but COPY. */
struct conversation conversation_of(const struct job *, uint32_t tracks);

/* Is this packet a well-formed record that may come now? Follows the conversation if so. Everything textual in it is
 * then terminated, UTF-8 and free of control characters. False: the child is not to be trusted any further. */
bool record_check(struct conversation *, struct slice packet, struct record *out);

/* A code from outside -> an error of ours (media/codec/errors.tbl.h); unknown ones become media.child. */
struct err record_error(const struct record *);

#endif
