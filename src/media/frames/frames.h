/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * frames.h: pictures and videos of anybody's making as gray pictures, for those who measure in them.
 *
 * The caller's process never parses the file: it starts itself again as a child (media/child) that gets the file read-only and a socket, gives up every
 * other right, decodes, and sends the pictures over. What it says of them (size, number, length) is checked.
 *
 * A call blocks until it is done; several may run at once in different threads. Callbacks come on the calling thread. */
#ifndef MEDIA_FRAMES_H
#define MEDIA_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "media/child/child.h"

/* For the table in main. */
extern const struct child_kind frames_child;

struct frames_picture {
    int width, height;
    const uint8_t *gray; /* rows without gaps, brightness as the file has it (most videos: black 16, white 235); valid during the call */
    int64_t time_us;     /* from the first picture of a video; 0 for a still */
    int64_t number;      /* of the picture in the file, from 0 */
};

struct frames_options {
    int64_t every;         /* each so many pictures of a video one is given; 0 or 1: all */
    int64_t pictures_max;  /* at most so many are given; 0: all */
    const char *program;   /* to start as the child; NULL: /proc/self/exe */
    bool is_alone;         /* see child.h */
};

/* Decodes a JPEG, a PNG or the first video stream of any file that media/codec opens. `fd` stays the caller's. `picture` returns an error to stop; that is
 * then the answer. Errors: those of codec_source_open; ERR_INPUT media.no_tracks (no video in it), media.unsupported, media.damaged (nothing could be
 * decoded); child.hostile, child.crashed, child.time, child.ended, "memory". */
MUST_USE struct err frames_read(int fd, const struct frames_options *, struct err (*picture)(void *user, const struct frames_picture *), void *user);

#endif
