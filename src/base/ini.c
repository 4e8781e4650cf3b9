/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/ini.h"

#include <stdio.h>

#include "base/utf8.h"

enum { KEY_BYTES_MAX = 128 };

static bool is_name(struct slice s) {
    if (!s.len) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
        if (!is_ok) return false;
    }
    return true;
}

static struct slice unquote(struct slice s) {
    bool is_quoted = s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"';
    return is_quoted ? slice_sub(s, 1, s.len - 1) : s;
}

struct err ini_read(struct slice text, struct err (*on_value)(void *, struct slice, struct slice), void *user,
                    struct ini_position *where) {
    const struct err syntax = err_make(ERR_INPUT, "ini.syntax", "A line of the configuration file is neither a comment, a [section] nor key = value.");
    struct slice rest = text, line, section = SLICE_NONE;
    if (slice_starts_with(rest, SLICE("\xef\xbb\xbf"))) rest = slice_sub(rest, 3, rest.len); /* an editor's mark */
    where->line = 0;
    while (slice_next(&rest, '\n', &line)) {
        where->line++;
        if (!utf8_is_valid(line) || slice_find_byte(line, 0) != SLICE_NPOS) return syntax;
        line = slice_trim(line);
        if (!line.len || line.ptr[0] == '#' || line.ptr[0] == ';') continue;
        if (line.ptr[0] == '[') {
            if (line.ptr[line.len - 1] != ']') return syntax;
            section = slice_trim(slice_sub(line, 1, line.len - 1));
            if (!is_name(section)) return syntax;
            continue;
        }
        size_t equals = slice_find_byte(line, '=');
        if (equals == SLICE_NPOS) return syntax;
        struct slice name = slice_trim(slice_sub(line, 0, equals));
        if (!is_name(name) || section.len + name.len + 1 > KEY_BYTES_MAX) return syntax;
        char key[KEY_BYTES_MAX + 1];
        int len = section.len ? snprintf(key, sizeof key, "%.*s.%.*s", SLICE_ARG(section), SLICE_ARG(name))
                              : snprintf(key, sizeof key, "%.*s", SLICE_ARG(name));
        struct err e = on_value(user, slice_of(key, (size_t)len), unquote(slice_trim(slice_sub(line, equals + 1, line.len))));
        if (e.kind) return e;
    }
    return ERR_OK;
}
