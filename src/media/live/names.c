/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/live/channel.h"

static bool digits(struct slice s, uint64_t max, uint64_t *out) {
    return s.len && s.len <= 15 && !(s.len > 1 && s.ptr[0] == '0') && slice_to_u64(s, out) && *out <= max;
}

bool live_name_parse(struct slice file, struct live_name *out) {
    static const struct {
        struct slice name;
        enum live_file kind;
    } fixed[] = {{{"master.m3u8", 11}, FILE_MASTER}, {{"manifest.mpd", 12}, FILE_MPD}, {{"thumbs.vtt", 10}, FILE_THUMBS}, {{"poster.jpg", 10}, FILE_POSTER}};
    *out = (struct live_name){0};
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        if (slice_eq(file, fixed[i].name)) out->kind = fixed[i].kind;
    if (out->kind) return true;
    if (slice_starts_with(file, SLICE("thumbs-")) && slice_ends_with(file, SLICE(".jpg"))) {
        if (digits(slice_sub(file, 7, file.len - 4), UINT32_MAX, &out->number)) out->kind = FILE_STILL;
        return out->kind != FILE_NONE;
    }
    out->rendition = slice_sub(file, 0, 2);
    struct slice rest = slice_sub(file, 2, file.len);
    if (!story_is_name(out->rendition)) return false;
    if (slice_eq(rest, SLICE(".m3u8"))) out->kind = FILE_PLAYLIST;
    else if (slice_eq(rest, SLICE("-iframes.m3u8")) && file.ptr[0] == 'v') out->kind = FILE_IFRAMES;
    else if (slice_starts_with(rest, SLICE("-i")) && slice_ends_with(rest, SLICE(".mp4")) && rest.len > 6) {
        if (digits(slice_sub(rest, 2, rest.len - 4), UINT16_MAX, &out->number)) out->kind = FILE_INIT;
    } else if (slice_starts_with(rest, SLICE("-")) && slice_ends_with(rest, SLICE(".m4s")) && rest.len > 5) {
        if (digits(slice_sub(rest, 1, rest.len - 4), UINT64_MAX / 2, &out->number)) out->kind = FILE_SEGMENT;
    }
    return out->kind != FILE_NONE;
}

const char *live_content_type(struct slice file) {
    struct live_name n;
    if (!live_name_parse(file, &n)) return NULL;
    switch (n.kind) {
    case FILE_MASTER:
    case FILE_PLAYLIST:
    case FILE_IFRAMES: return "application/vnd.apple.mpegurl";
    case FILE_MPD: return "application/dash+xml";
    case FILE_THUMBS: return "text/vtt";
    case FILE_POSTER:
    case FILE_STILL: return "image/jpeg";
    default: return n.rendition.ptr[0] == 'v' ? "video/mp4" : "audio/mp4";
    }
}
