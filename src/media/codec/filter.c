/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/codec/filter.h"

#include <stdio.h>

#include "media/codec/codec_stranger.h"

bool filter_is_hdr(const AVFrame *f) { return f->color_trc == AVCOL_TRC_SMPTE2084 || f->color_trc == AVCOL_TRC_ARIB_STD_B67; }

void filter_free(struct filter *f) {
    avfilter_graph_free(&f->graph);
    *f = (struct filter){0};
}

static int build(struct filter *f, const AVFrame *like, const struct filter_target *to) {
    char source[256], chain[512];
    AVRational aspect = like->sample_aspect_ratio.num > 0 ? like->sample_aspect_ratio : (AVRational){1, 1};
    snprintf(source, sizeof source, "video_size=%dx%d:pix_fmt=%d:time_base=%d/%d:pixel_aspect=%d/%d", like->width, like->height, like->format,
             to->time_base.num, to->time_base.den, aspect.num, aspect.den);
    int at = 0;
    if (f->is_interlaced) at += snprintf(chain + at, sizeof chain - (size_t)at, "yadif=mode=send_frame:deint=interlaced,");
    if (filter_is_hdr(like))
        /* to linear light, mapped to what a 203 cd/m2 white is on an SDR screen, back through BT.709 */
        at += snprintf(chain + at, sizeof chain - (size_t)at,
                       "zscale=w=%d:h=%d:f=bilinear,zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=tonemap=mobius:desat=2,"
                       "zscale=t=bt709:m=bt709:r=tv,", to->width, to->height);
    at += snprintf(chain + at, sizeof chain - (size_t)at, "scale=%d:%d:flags=bicubic%s,format=%s", to->width, to->height,
                   !strcmp(to->format, "rgb24") ? "+accurate_rnd+full_chroma_int" : ":out_range=tv", to->format);
    if (at >= (int)sizeof chain) return AVERROR(EINVAL);
    f->graph = avfilter_graph_alloc();
    if (!f->graph) return AVERROR(ENOMEM);
    f->graph->nb_threads = 1;
    int av = avfilter_graph_create_filter(&f->in, avfilter_get_by_name("buffer"), "in", source, NULL, f->graph);
    if (av >= 0) av = avfilter_graph_create_filter(&f->out, avfilter_get_by_name("buffersink"), "out", NULL, NULL, f->graph);
    if (av < 0) return av;
    AVFilterInOut *outputs = avfilter_inout_alloc(), *inputs = avfilter_inout_alloc();
    if (!outputs || !inputs) {
        avfilter_inout_free(&outputs);
        avfilter_inout_free(&inputs);
        return AVERROR(ENOMEM);
    }
    *outputs = (AVFilterInOut){.name = av_strdup("in"), .filter_ctx = f->in};
    *inputs = (AVFilterInOut){.name = av_strdup("out"), .filter_ctx = f->out};
    av = avfilter_graph_parse_ptr(f->graph, chain, &inputs, &outputs, NULL);
    avfilter_inout_free(&outputs);
    avfilter_inout_free(&inputs);
    return av < 0 ? av : avfilter_graph_config(f->graph, NULL);
}

struct err filter_prepare(struct filter *f, const AVFrame *like, const struct filter_target *to) {
    bool is_interlaced = f->is_interlaced || like->interlaced_frame; /* once seen, stays: flags flicker in broadcasts */
    if (f->graph && f->width == like->width && f->height == like->height && f->format == like->format && f->transfer == like->color_trc &&
        f->is_interlaced == is_interlaced)
        return ERR_OK;
    filter_free(f);
    f->width = like->width;
    f->height = like->height;
    f->format = like->format;
    f->transfer = like->color_trc;
    f->is_interlaced = is_interlaced;
    f->time_base = to->time_base;
    int av = build(f, like, to);
    if (av < 0) filter_free(f);
    if (av == AVERROR(ENOMEM)) return err_memory();
    return av < 0 ? codec_media_err("media.unsupported") : ERR_OK;
}

struct err filter_push(struct filter *f, AVFrame *frame) {
    if (!f->graph) return ERR_OK;
    int av = av_buffersrc_add_frame_flags(f->in, frame, 0);
    if (av == AVERROR(ENOMEM)) return err_memory();
    return av < 0 && av != AVERROR_EOF ? codec_media_err("media.unsupported") : ERR_OK;
}

bool filter_pull(struct filter *f, AVFrame *out) {
    if (!f->graph || av_buffersink_get_frame(f->out, out) < 0) return false;
    /* Filters choose their own unit of time: a deinterlacer counts half pictures. */
    if (out->pts != AV_NOPTS_VALUE) out->pts = av_rescale_q(out->pts, f->out->inputs[0]->time_base, f->time_base);
    return true;
}
