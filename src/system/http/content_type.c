/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "system/http/http.h"

#define TYPE(ending, type) {{ending, sizeof(ending) - 1}, {type, sizeof(type) - 1}}
static const struct {
    struct slice ending, type;
} types[] = {
    TYPE(".mp4", "video/mp4"), TYPE(".m4s", "video/mp4"), TYPE(".m4a", "audio/mp4"), TYPE(".m3u8", "application/vnd.apple.mpegurl"),
    TYPE(".mpd", "application/dash+xml"), TYPE(".vtt", "text/vtt; charset=utf-8"), TYPE(".jpg", "image/jpeg"), TYPE(".jpeg", "image/jpeg"),
    TYPE(".png", "image/png"), TYPE(".webp", "image/webp"), TYPE(".avif", "image/avif"), TYPE(".svg", "image/svg+xml"),
    TYPE(".ico", "image/x-icon"), TYPE(".gif", "image/gif"), TYPE(".html", "text/html; charset=utf-8"), TYPE(".js", "text/javascript; charset=utf-8"),
    TYPE(".mjs", "text/javascript; charset=utf-8"), TYPE(".css", "text/css; charset=utf-8"), TYPE(".json", "application/json"),
    TYPE(".map", "application/json"), TYPE(".webmanifest", "application/manifest+json"), TYPE(".txt", "text/plain; charset=utf-8"),
    TYPE(".xml", "application/xml"), TYPE(".pdf", "application/pdf"), TYPE(".woff2", "font/woff2"), TYPE(".woff", "font/woff"),
    TYPE(".ttf", "font/ttf"), TYPE(".wasm", "application/wasm"), TYPE(".webm", "video/webm"), TYPE(".mp3", "audio/mpeg"),
    TYPE(".csv", "text/csv; charset=utf-8"), TYPE(".yaml", "application/yaml"), TYPE(".glb", "model/gltf-binary"),
};

struct slice http_content_type(struct slice file_name) {
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct slice e = types[i].ending;
        if (file_name.len > e.len && slice_eq_nocase(slice_sub(file_name, file_name.len - e.len, file_name.len), e)) return types[i].type;
    }
    return SLICE("application/octet-stream");
}
