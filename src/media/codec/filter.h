/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * filter.h: decoded pictures as plain SDR: deinterlaced, tone-mapped and scaled as they need. */
#ifndef CODEC_FILTER_H
#define CODEC_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "media/codec/av_api.h"

struct filter {
    AVFilterGraph *graph;
    AVFilterContext *in, *out;
    /* what it was made for */
    int width, height, format;
    enum AVColorTransferCharacteristic transfer;
    bool is_interlaced;
    AVRational aspect, time_base;
};

struct filter_target {
    int width, height;
    const char *format;  /* "yuv420p", "rgb24" */
    AVRational time_base;
};

/* Makes the graph for pictures like this one, unless it is made already. After a change, what the old graph still holds is lost
 * (at most one picture of a deinterlacer). */
MUST_USE struct err filter_prepare(struct filter *, const AVFrame *like, const struct filter_target *);
/* Takes the frame's content (the frame is empty afterwards); NULL: no more. */
MUST_USE struct err filter_push(struct filter *, AVFrame *);
/* A picture with its time in the target's time base. False: nothing yet. */
bool filter_pull(struct filter *, AVFrame *out);
void filter_free(struct filter *);

bool filter_is_hdr(const AVFrame *);

#endif
