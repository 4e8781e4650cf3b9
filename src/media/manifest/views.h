/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * views.h: the single views, and what they share. For this room only. */
#ifndef MEDIA_MANIFEST_VIEWS_H
#define MEDIA_MANIFEST_VIEWS_H

#include "media/manifest/manifest.h"

void hls_master(const struct cmaf_presentation *, struct buf *out);
void hls_media(const struct cmaf_rendition *, struct buf *out);
void hls_iframes(const struct cmaf_rendition *, struct buf *out);
void hls_text(const struct cmaf_presentation *, const struct cmaf_text *, struct buf *out);
void dash_mpd(const struct cmaf_presentation *, struct buf *out);

/* Has it a picture to jump to? */
bool view_has_iframes(const struct cmaf_rendition *);
/* Does every segment begin with a sync sample? */
bool view_is_independent(const struct cmaf_index *);
/* Of a segment, on the presentation timeline, in microseconds; what lies before 0 is not presented. Differences of these add
 * up without drift. `index` may be the count: the end of the track. */
int64_t view_start_us(const struct cmaf_index *, size_t index);
/* What to call a track when it has no name: never empty. */
void view_name(const char *label, const char *language, const char *fallback, size_t number, char out[CMAF_LABEL_MAX + 8]);

/* ---- HLS ---- */
void hls_put_quoted(struct buf *out, const char *text);
void hls_put_seconds(struct buf *out, int64_t us); /* "12.345678" */
const char *hls_group_name(enum cmaf_codec codec);
void hls_put_video_attributes(struct buf *out, const struct cmaf_track *);
void hls_put_frame_rate(struct buf *out, const struct cmaf_track *);

/* ---- DASH ---- */
void dash_put_escaped(struct buf *out, const char *text);
/* ISO/IEC 23091-3: the usual layout of so many channels; 0: there is none. */
unsigned dash_channel_configuration(unsigned channels);

#endif
