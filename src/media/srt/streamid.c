/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * streamid.c: what a caller says it wants (SRT Access Control, "Standard syntax" of the streamid). */
#include "media/srt/srt.h"

enum { STREAMID_BYTES_MAX = 512 }; /* SRT's own bound */

static struct err malformed(void) {
    return err_make(ERR_INPUT, "srt.streamid", "The stream id names no stream key. Write it as publish:KEY, or as #!::r=KEY,m=publish.");
}
static struct err not_publishing(void) {
    return err_make(ERR_DENIED, "srt.mode", "This address takes pictures in; it gives none out. Choose the mode publish.");
}

/* Keys are made by us: letters, digits and a few marks. Anything else would only be there to confuse somebody's log or shell. */
static bool is_key(struct slice key) {
    if (!key.len || key.len > FEED_KEY_BYTES_MAX) return false;
    for (size_t i = 0; i < key.len; i++)
        if (key.ptr[i] <= 0x20 || key.ptr[i] >= 0x7f || key.ptr[i] == ',' || key.ptr[i] == '=') return false;
    return true;
}

struct err srt_streamid_parse(struct slice id, struct slice *key) {
    if (id.len > STREAMID_BYTES_MAX) return malformed();
    struct slice found = id;
    if (slice_starts_with(id, SLICE("#!"))) {
        if (!slice_starts_with(id, SLICE("#!::"))) return malformed(); /* the nested form, #!:{...}, which nobody writes */
        struct slice rest = slice_sub(id, 4, id.len), pair;
        found = SLICE_NONE;
        while (slice_next(&rest, ',', &pair)) {
            size_t at = slice_find_byte(pair, '=');
            if (at == SLICE_NPOS) return malformed();
            struct slice name = slice_sub(pair, 0, at), value = slice_sub(pair, at + 1, pair.len);
            if (slice_eq(name, SLICE("r"))) {
                if (found.len) return malformed(); /* two keys: which one would be checked, and which one used? */
                found = value;
            } else if (slice_eq(name, SLICE("m"))) { /* the default, request, is what half of the encoders forget to change: let it pass */
                if (!slice_eq(value, SLICE("publish"))) return not_publishing();
            } else if (slice_eq(name, SLICE("t"))) {
                if (!slice_eq(value, SLICE("stream"))) return not_publishing();
            } /* u, h, s and what others add */
        }
    } else if (slice_starts_with(id, SLICE("publish:"))) {
        found = slice_sub(id, 8, id.len);
    } else if (slice_starts_with(id, SLICE("read:")) || slice_starts_with(id, SLICE("request:")) || slice_starts_with(id, SLICE("play:"))) {
        return not_publishing();
    }
    if (slice_starts_with(found, SLICE("live/"))) found = slice_sub(found, 5, found.len); /* as it stands in the RTMP address */
    if (!is_key(found)) return malformed();
    *key = found;
    return ERR_OK;
}
