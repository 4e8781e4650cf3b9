/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <string.h>

#include "media/codec/codec_stranger.h"

struct err codec_media_err(const char *code) {
    static const struct err ERRORS[] = {
#define MEDIA_ERROR(kind_, code_, what_) {.kind = kind_, .code = code_, .what = what_},
#include "media/codec/errors.tbl.h"
#undef MEDIA_ERROR
    };
    for (size_t i = 0; i < ARRAY_LEN(ERRORS); i++)
        if (!strcmp(ERRORS[i].code, code)) return ERRORS[i];
    return ERR_OK;
}
