/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/utf8.h"
#include "business/account/account.h"

enum { MARKS_MAX = 4, BYTES_A_CHARACTER = 4 };

static bool is_blank(uint32_t c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

/* Takes no place and shows nothing by itself. The joiners are part of the spelling of several scripts, and of emoji. */
static bool is_unseen(uint32_t c) {
    return c == 0x200b || c == 0x200c || c == 0x200d || c == 0x2060 || c == 0xfeff || c == 0xad || c == 0x34f || c == 0x115f || c == 0x1160 || c == 0x3164 || c == 0xffa0 || c == 0x2800 ||
           (c >= 0x180b && c <= 0x180e) || (c >= 0xfe00 && c <= 0xfe0f);
}

static bool is_refused(uint32_t c) {
    if (c < 0x20 || (c >= 0x7f && c < 0xa0)) return true;                                                        /* control */
    if (c == 0x2028 || c == 0x2029) return true;                                                                 /* lines, paragraphs */
    if (c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2061 && c <= 0x206f)) return true; /* direction, invisible operators */
    if (c == 0x200b || c == 0x2060 || c == 0xfeff || c == 0x115f || c == 0x1160 || c == 0x3164 || c == 0xffa0) return true; /* would make two names look alike */
    if ((c >= 0xe000 && c <= 0xf8ff) || c >= 0xf0000) return true;                                               /* private */
    if ((c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe || (c >= 0xfff0 && c <= 0xfffb) || c == 0xfffc || c == 0xfffd) return true; /* no characters */
    return (c >= 0xe0000 && c <= 0xe007f) || (c >= 0x1d173 && c <= 0x1d17a);                                     /* tags, musical format */
}

/* Marks over and under letters: the blocks in which nothing else stands, and those of Thai, Lao, Hebrew, Arabic and the Indic scripts that carry them. */
static bool is_mark(uint32_t c) {
    return (c >= 0x300 && c <= 0x36f) || (c >= 0x483 && c <= 0x489) || (c >= 0x591 && c <= 0x5bd) || (c >= 0x610 && c <= 0x61a) || (c >= 0x64b && c <= 0x65f) || (c >= 0x6d6 && c <= 0x6dc) ||
           c == 0xe31 || (c >= 0xe34 && c <= 0xe3a) || (c >= 0xe47 && c <= 0xe4e) || (c >= 0xeb4 && c <= 0xebc) || (c >= 0xec8 && c <= 0xecd) || (c >= 0x93a && c <= 0x94f && c != 0x93d) ||
           (c >= 0x1ab0 && c <= 0x1aff) || (c >= 0x1dc0 && c <= 0x1dff) || (c >= 0x20d0 && c <= 0x20ff) || (c >= 0xfe20 && c <= 0xfe2f) || (c >= 0x302a && c <= 0x302f) || c == 0x3099 || c == 0x309a;
}

bool account_name(struct slice text, size_t chars_max, struct slice *trimmed) {
    size_t chars = 0, marks = 0, first = SIZE_MAX, end = 0;
    bool has_ink = false;
    if (text.len > (chars_max + 64) * BYTES_A_CHARACTER) return false; /* what is trimmed is bounded, too */
    for (size_t at = 0; at < text.len;) {
        uint32_t c;
        size_t step = utf8_decode(slice_sub(text, at, text.len), &c);
        if (!step) return false;
        bool blank = is_blank(c);
        if (!blank) {
            if (is_refused(c)) return false;
            marks = is_mark(c) ? marks + 1 : 0;
            if (marks > MARKS_MAX || (is_mark(c) && first == SIZE_MAX)) return false; /* a mark needs a letter to stand on */
            if (first == SIZE_MAX) first = at;
            end = at + step;
            has_ink = has_ink || !is_unseen(c);
        } else {
            marks = 0;
            if (c != ' ' && c != 0x3000 && c != 0xa0 && first != SIZE_MAX) { /* inside a name only what people type */
                size_t rest = at + step;
                while (rest < text.len) { /* fine if nothing follows: it is trimmed */
                    uint32_t later;
                    size_t later_step = utf8_decode(slice_sub(text, rest, text.len), &later);
                    if (!later_step || !is_blank(later)) return false;
                    rest += later_step;
                }
            }
        }
        at += step;
    }
    if (!has_ink) return false;
    struct slice inner = slice_sub(text, first, end);
    for (size_t at = 0; at < inner.len; at += utf8_step(slice_sub(inner, at, inner.len))) chars++;
    if (chars > chars_max) return false;
    *trimmed = inner;
    return true;
}

/* ISO 3166-1, alphabetically. */
static const char countries[] =
    "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGY"
    "HKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERO"
    "RSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSYEYTZAZMZW";
_Static_assert(sizeof countries - 1 == 249 * 2, "249 countries");

bool account_country(struct slice text) {
    if (text.len != 2) return false;
    for (size_t i = 0; i + 1 < sizeof countries; i += 2)
        if (countries[i] == text.ptr[0] && countries[i + 1] == text.ptr[1]) return true;
    return false;
}
