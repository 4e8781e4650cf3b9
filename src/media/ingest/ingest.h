/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * ingest.h: turns a media file of anybody's making into a CMAF presentation, a folder of track files that HLS and
 * DASH are views of (media/cmaf, media/manifest).
 *
 * How it works: the caller's process never parses the file. It starts itself again as a child (media/child)
 * that gets the source read-only and a socket, gives up every other right (no files, no network, no programs, bounded
 * memory, time and output) and only then looks at the file. Output files are opened by the parent under names the
 * parent chose, and passed over. The child speaks in fixed-size records; the parent believes none of them: each index
 * is read back and verified before its track gets its final name.
 *
 * Steps (enum ingest_step) follow one another; what is finished stays finished. Calling ingest_file again on the same
 * source, options and folder after a crash, kill -9 or cancel continues behind the last finished track. A folder holds
 * under final names only what is whole; work in progress ends in ".part".
 *
 * What ends up in the folder: v0.mp4 v0.idx a0.mp4 a0.idx ... t0.vtt ..., poster.jpg, thumbs.vtt, thumbs-N.jpg, and
 * ingest.json, which records what was made from what. Views (playlists) are not written here.
 *
 * Threads: a call blocks until it is done; several may run at once in different threads on different folders. Never on
 * a loop thread. Callbacks come on the calling thread. */
#ifndef MEDIA_INGEST_H
#define MEDIA_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "media/child/child.h"

enum ingest_step {
    INGEST_STEP_PROBE,     /* what is in the file */
    INGEST_STEP_COPY,      /* tracks that browsers play, passed through untouched; text tracks */
    INGEST_STEP_TRANSCODE, /* tracks that they do not play */
    INGEST_STEP_PICTURES,  /* poster and seek-bar pictures */
    INGEST_STEP_LADDER,    /* smaller renditions */
    INGEST_STEPS
};
/* "probe", "copy", "transcode", "pictures", "ladder": stable, for machines. */
const char *ingest_step_code(enum ingest_step);

/* All zero is a good choice. */
struct ingest_options {
    bool skip_pictures;       /* no poster, no thumbnails */
    int threads;              /* for encoders and decoders; 0: as many as processors, at most 4 */
    int64_t memory_bytes_max; /* address space of a child; 0: 4 GB */
    int64_t output_bytes_max; /* of each file written; 0: what the source's size and length suggest */
    int64_t stall_ms_max;     /* a child that reports nothing for so long is ended; 0: 120 s */
    const char *program;      /* to start as the child; NULL: /proc/self/exe */
    bool is_alone;            /* this process has one thread and no secrets: the child is forked without loading the program
                               * anew, which saves half of the cost of a small file. Never in a server */
};

struct ingest_watcher {
    void *user;
    /* Work done so far, 0..1 over all steps of this call; never goes back. About ten times a second at most. */
    void (*progress)(void *user, enum ingest_step step, double done);
    /* Asked several times a second; true stops the work: the call returns ERR_CANCELLED "media.cancelled". */
    bool (*is_cancelled)(void *user);
    /* A track (or the pictures) now stands under its final name. May be NULL, as may the others. */
    void (*published)(void *user, struct slice file_name);
};

enum ingest_kind { INGEST_VIDEO, INGEST_AUDIO, INGEST_TEXT, INGEST_OTHER };
enum ingest_fate {
    INGEST_PASSED,     /* bytes untouched */
    INGEST_TRANSCODED, /* decoded and encoded again */
    INGEST_CONVERTED,  /* text turned into WebVTT */
    INGEST_LEFT_OUT,   /* see `why` */
};

/* One track of the source and what became of it. */
struct ingest_track {
    enum ingest_kind kind;
    enum ingest_fate fate;
    char file[16];       /* "v0.mp4", "t0.vtt"; "" when left out */
    char codec[32];      /* name of the source's codec: "h264", "ac3", "hdmv_pgs_subtitle" */
    char language[40];   /* BCP 47, e.g. "en"; "" when the source does not say */
    char label[128];     /* title of the track in the source, UTF-8; may be "" */
    bool is_default, is_forced;
    int width, height;   /* as shown, after rotation and pixel aspect; 0 for others */
    const char *why;     /* code why it was left out or transcoded: "ingest.picture_subtitles", ...; NULL if passed */
};

enum { INGEST_TRACKS_MAX = 64 };

struct ingest_report {
    struct ingest_track tracks[INGEST_TRACKS_MAX];
    size_t track_count;
    int64_t duration_ms;
    uint32_t colour; /* 0xRRGGBB, the poster's dominant colour; 0x808080 without a picture */
    bool has_poster, has_thumbs;
    bool did_resume; /* something finished earlier was kept */
};

/* Imports `source_fd` (a regular file opened for reading; the offset is not used) into the folder `dir_fd`. Both stay
 * the caller's. On success *out is filled and the folder is complete; on failure the folder holds what was finished,
 * for a later call to go on with, or to be removed by the caller.
 *
 * Errors, beside those of base/fs and ERR_LIMIT "memory":
 *   ERR_INPUT media.empty          the file has no bytes
 *             media.unknown        no media format is recognised
 *             media.no_tracks      there is neither picture nor sound in it
 *             media.truncated      it ends too early to be used
 *             media.damaged        it cannot be read further and nothing could be made of it
 *             media.encrypted      its tracks are encrypted
 *             media.unsupported    no decoder for its picture or sound
 *             media.changes        picture size or codec change within the file in a way that cannot be carried over
 *             media.too_large      more pixels, tracks or hours than are accepted
 *   ERR_LIMIT media.disk_full, media.time, media.memory   a bound was reached
 *   ERR_CANCELLED media.cancelled
 *   ERR_IO    media.child          the child ended without saying why (also kill -9): trying again continues
 *   ERR_INPUT media.hostile        the child broke its rules or its records make no sense: the file is an attack, or we
 *                                  have a bug */
MUST_USE struct err ingest_file(int source_fd, int dir_fd, const struct ingest_options *, const struct ingest_watcher *,
                                struct ingest_report *out);

/* Adds smaller renditions (of 1080, 720, 480, 240 lines those below the source's) to a folder that ingest_file has
 * completed, as v1, v2, ...: biggest first. Their segments begin where v0's do. Each becomes visible when it is whole,
 * so that the presentation can be watched meanwhile; finished ones are kept when called again. The source is v0.mp4
 * itself. *added gets how many stand in the end; nothing to do is no error. Errors as above. */
MUST_USE struct err ingest_ladder(int dir_fd, const struct ingest_options *, const struct ingest_watcher *, size_t *added);

/* Reads ingest.json of a finished folder. Errors: ERR_NOT_FOUND "ingest.unfinished", ERR_INPUT "ingest.json". */
MUST_USE struct err ingest_report_load(int dir_fd, struct ingest_report *out);

/* The kind of its children, for the table in main. */
extern const struct child_kind ingest_child;

#endif
