/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * programme.h: the streams of one programme as tracks and samples. Runs in the sandboxed child.
 *
 * When are tracks told? As soon as all streams have shown what they are; sound is waited for at most half a second longer than for the picture, a
 * picture at most five seconds (it begins with a key frame). What comes before is kept, and follows at once. */
#ifndef SRT_PROGRAMME_H
#define SRT_PROGRAMME_H

#include "media/srt/record.h"

/* Sound that browsers do not play has to be decoded by FFmpeg, whose loading costs more than all the rest of a child, and which few streams need. */
enum programme_codec {
    PROGRAMME_ASKS,   /* it is not loaded: such sound ends in srt.needs_codec */
    PROGRAMME_LACKS,  /* it is not installed: such sound is left out */
    PROGRAMME_HAS_IT,
};

struct programme_handler {
    void *user;
    enum programme_codec codec;
    struct err (*tracks)(void *user, const struct cmaf_track *, size_t count);
    struct err (*sample)(void *user, const struct record_sample *, struct slice data);
    struct err (*cue)(void *user, int64_t clock, struct slice section);
    struct err (*programmes)(void *user, const uint16_t *numbers, size_t count);
};

struct programme;
MUST_USE struct err programme_open(const struct programme_handler *, struct programme **out);
void programme_close(struct programme **);
/* Errors: those of the handler; srt.nothing, srt.profile, srt.damaged, srt.scrambled, srt.needs_codec; "memory". */
MUST_USE struct err programme_push(struct programme *, struct slice bytes, int64_t stamp);
MUST_USE struct err programme_finish(struct programme *);
struct ts_counts programme_counts(const struct programme *);

#endif
