/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * annexb.c: access units of a live source as samples of a CMAF track, with the parameter sets moved from the stream into the track. */
#include <string.h>

#include "base/mem.h"
#include "media/codec/codec_stranger.h"
#include "media/codec/nal.h"

enum { UNIT_BYTES_MAX = 33 << 20 };

struct codec_annexb {
    bool is_hevc, has_track;
    struct nal_sets sets;
    struct buf config, next_config, sample;
    struct cmaf_track track;
};

struct err codec_annexb_open(enum cmaf_codec codec, struct codec_annexb **out) {
    if (codec != CMAF_H264 && codec != CMAF_HEVC) return codec_media_err("media.unsupported");
    struct codec_annexb *a = mem_zalloc(sizeof *a);
    if (!a) return err_memory();
    a->is_hevc = codec == CMAF_HEVC;
    a->config = a->next_config = BUF(CMAF_CONFIG_BYTES_MAX);
    a->sample = BUF(UNIT_BYTES_MAX);
    *out = a;
    return ERR_OK;
}

void codec_annexb_close(struct codec_annexb **annexb) {
    struct codec_annexb *a = *annexb;
    if (!a) return;
    *annexb = NULL;
    nal_sets_free(&a->sets);
    buf_free(&a->config);
    buf_free(&a->next_config);
    buf_free(&a->sample);
    mem_free(a);
}

const struct cmaf_track *codec_annexb_track(const struct codec_annexb *a) { return a->has_track ? &a->track : NULL; }

/* The sets of this unit replace the old ones where it brings an SPS of its own; else they are added. */
static struct err take_sets(struct codec_annexb *a, struct slice unit, bool has_sps, bool *has_changed) {
    struct nal_sets fresh = {0};
    *has_changed = false;
    if (has_sps) {
        bool is_whole = nal_sets_collect(&fresh, a->is_hevc, unit) && (buf_clear(&a->next_config), nal_make_config(&fresh, a->is_hevc, &a->next_config));
        if (is_whole) {
            nal_sets_free(&a->sets);
            a->sets = fresh;
        } else {
            nal_sets_free(&fresh);
            has_sps = false;
        }
    }
    if (!has_sps) {
        if (!nal_sets_collect(&a->sets, a->is_hevc, unit)) { /* too many of them: begin anew with the next that are whole */
            nal_sets_free(&a->sets);
            return ERR_OK;
        }
        buf_clear(&a->next_config);
        if (!nal_make_config(&a->sets, a->is_hevc, &a->next_config)) return ERR_OK; /* not all are here yet */
    }
    if (a->has_track && slice_eq(buf_slice(&a->config), buf_slice(&a->next_config))) return ERR_OK;
    struct cmaf_track t = {.kind = CMAF_VIDEO, .codec = a->is_hevc ? CMAF_HEVC : CMAF_H264, .timescale = 90000, .config = buf_slice(&a->next_config)};
    if (!(a->is_hevc ? cmaf_picture_of_hvcc(&t, t.config) : cmaf_picture_of_avcc(&t, t.config))) return ERR_OK;
    if (!nal_config_is_playable(t.config, a->is_hevc)) return codec_media_err("media.unsupported");
    if (a->is_hevc) nal_read_hdr(unit, true, 4, &t.hdr);
    if (cmaf_track_complete(&t).kind) return ERR_OK;
    struct buf old = a->config;
    a->config = a->next_config;
    a->next_config = old;
    a->track = t;
    a->has_track = *has_changed = true;
    return ERR_OK;
}

struct err codec_annexb_push(struct codec_annexb *a, struct slice unit, struct codec_annexb_picture *out) {
    struct codec_annexb_picture picture = {0};
    bool has_sps = false, has_sets = false, has_picture = false;
    struct slice rest = unit, nal;
    while (nal_next(&rest, &nal)) {
        enum nal_role role = nal_role(nal, a->is_hevc);
        unsigned type = a->is_hevc ? (uint8_t)nal.ptr[0] >> 1 & 63 : (uint8_t)nal.ptr[0] & 31;
        if (role == NAL_ROLE_SET) has_sets = true, has_sps |= type == (a->is_hevc ? 33u : 7u);
        if (role == NAL_ROLE_SYNC) picture.is_sync = true;
        if (!picture.utc_us) picture.utc_us = nal_read_time_us(nal, a->is_hevc);
        if (role == NAL_ROLE_PICTURE || (role == NAL_ROLE_SYNC && (a->is_hevc || type == 5))) has_picture = true;
    }
    if (has_sets) {
        struct err e = take_sets(a, unit, has_sps, &picture.has_new_track);
        if (e.kind) return e;
    }
    if (has_picture && a->has_track) {
        bool has_new_sets;
        buf_clear(&a->sample);
        if (!nal_to_lengths(&a->sets, a->is_hevc, unit, &a->sample, &has_new_sets)) return err_memory();
        picture.data = buf_slice(&a->sample);
    }
    *out = picture;
    return ERR_OK;
}
