/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * File names of a presentation and what they are. */
#include "media/manifest/manifest.h"

/* "v0", "a12", "t3": a letter and a number without leading zeros. */
static bool is_track_name(struct slice s, const char *letters) {
    if (s.len < 2 || s.len > 3 || !strchr(letters, s.ptr[0]) || !s.ptr[0]) return false;
    uint64_t number;
    return slice_to_u64(slice_sub(s, 1, s.len), &number) && !(s.len > 2 && s.ptr[1] == '0');
}

const char *manifest_content_type(struct slice name) {
    size_t dot = slice_find_byte(name, '.');
    if (dot == SLICE_NPOS) return NULL;
    struct slice stem = slice_sub(name, 0, dot), extension = slice_sub(name, dot + 1, name.len);
    if (slice_eq(extension, SLICE("m3u8"))) {
        if (slice_ends_with(stem, SLICE("-iframes"))) stem = slice_sub(stem, 0, stem.len - SLICE("-iframes").len);
        else if (slice_eq(stem, SLICE("master")) || is_track_name(stem, "at")) return "application/vnd.apple.mpegurl";
        return is_track_name(stem, "v") ? "application/vnd.apple.mpegurl" : NULL;
    }
    if (slice_eq(extension, SLICE("mp4"))) return is_track_name(stem, "v") ? "video/mp4" : is_track_name(stem, "a") ? "audio/mp4" : NULL;
    if (slice_eq(extension, SLICE("vtt"))) return is_track_name(stem, "t") || slice_eq(stem, SLICE("thumbs")) ? "text/vtt" : NULL;
    if (slice_eq(name, SLICE("manifest.mpd"))) return "application/dash+xml";
    if (slice_eq(name, SLICE("poster.jpg"))) return "image/jpeg";
    if (slice_eq(extension, SLICE("jpg")) && slice_starts_with(stem, SLICE("thumbs-"))) {
        struct slice digits = slice_sub(stem, 7, stem.len);
        uint64_t number;
        return digits.len <= 5 && slice_to_u64(digits, &number) && !(digits.len > 1 && digits.ptr[0] == '0') ? "image/jpeg" : NULL;
    }
    return NULL;
}
