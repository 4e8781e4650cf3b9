/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <string.h>

#include "media/srt/record.h"

struct err srt_err(const char *code) {
    static const struct err ERRORS[] = {
        {.kind = ERR_INPUT, .code = "srt.damaged", .what = "The transport stream cannot be read. Check that the encoder sends MPEG-TS."},
        {.kind = ERR_INPUT, .code = "srt.programmes", .what = "The transport stream carries more than one programme. Send one programme for each stream key."},
        {.kind = ERR_INPUT, .code = "srt.profile", .what = "Browsers do not play this picture. Set the encoder to 8 bit 4:2:0 H.264, or to HEVC Main or Main 10."},
        {.kind = ERR_INPUT, .code = "srt.nothing", .what = "There is neither picture nor sound of a kind that is known here in the transport stream."},
        {.kind = ERR_INPUT, .code = "srt.scrambled", .what = "The transport stream is scrambled. Send it in the clear, and encrypt the way with an SRT passphrase."},
        {.kind = ERR_INPUT, .code = "srt.hostile", .what = "The transport stream made its reader break the rules, so the reader was stopped. It may be made to do harm."},
        {.kind = ERR_IO, .code = "srt.child", .what = "The process that reads the transport stream ended unexpectedly. The encoder may connect again at once."},
        {.kind = ERR_IO, .code = "srt.stalled", .what = "The encoder sent nothing for a while, so it was hung up on. It may connect again at once."},
        {.kind = ERR_IO, .code = "srt.lost", .what = "The connection to the encoder was lost."},
        {.kind = ERR_LIMIT, .code = "srt.memory", .what = "There was not enough memory to read the transport stream."},
        {.kind = ERR_INPUT, .code = "srt.version", .what = "The encoder speaks an SRT older than 1.3, which knows no stream ids. Update it."},
        {.kind = ERR_BUSY, .code = "srt.needs_codec", .what = "The sound has to be decoded, and the decoder is not loaded."},
    };
    for (size_t i = 0; i < ARRAY_LEN(ERRORS); i++)
        if (!strcmp(ERRORS[i].code, code)) return ERRORS[i];
    return ERRORS[0];
}
