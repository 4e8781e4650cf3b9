/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/cmaf/language.h"

#include <ctype.h>

static const struct {
    char alpha2[3], alpha3[4], bibliographic[4];
} languages[] = {
#define LANGUAGE(two, three, older) {two, three, older},
#include "media/cmaf/language.tbl.h"
#undef LANGUAGE
};

bool language_normalise(struct slice tag, char out[CMAF_LANGUAGE_MAX]) {
    if (tag.len >= CMAF_LANGUAGE_MAX) return false;
    char text[CMAF_LANGUAGE_MAX];
    size_t len = 0;
    struct slice rest = tag, part;
    for (size_t index = 0; tag.len && slice_next(&rest, '-', &part); index++) {
        if (!part.len || part.len > 8 || (index == 0 && part.len < 2)) return false;
        if (index) text[len++] = '-';
        size_t at = len;
        for (size_t i = 0; i < part.len; i++) {
            unsigned char c = (unsigned char)part.ptr[i];
            if (c > 127 || !isalnum(c) || (index == 0 && !isalpha(c))) return false;
            text[len++] = (char)tolower(c);
        }
        if (index == 0 && part.len == 3) {
            for (size_t i = 0; i < ARRAY_LEN(languages); i++)
                if (!memcmp(text, languages[i].alpha3, 3) || !memcmp(text, languages[i].bibliographic, 3)) {
                    memcpy(text, languages[i].alpha2, 2);
                    len = 2;
                    break;
                }
        }
        if (index && part.len == 4 && isalpha((unsigned char)text[at])) text[at] = (char)toupper((unsigned char)text[at]); /* script */
        if (index && part.len == 2)                                                                                       /* region */
            for (size_t i = at; i < len; i++) text[i] = (char)toupper((unsigned char)text[i]);
    }
    text[len] = 0;
    if (!strcmp(text, "und")) len = 0;
    memset(out, 0, CMAF_LANGUAGE_MAX);
    memcpy(out, text, len);
    return true;
}

void language_alpha3(const char *tag, char out[4]) {
    memcpy(out, "und", 4);
    size_t len = strcspn(tag, "-");
    if (len == 3) memcpy(out, tag, 3);
    for (size_t i = 0; len == 2 && i < ARRAY_LEN(languages); i++)
        if (!memcmp(tag, languages[i].alpha2, 2)) memcpy(out, languages[i].alpha3, 4);
}

void cmaf_language_normalise(char *tag, size_t size) {
    char usual[CMAF_LANGUAGE_MAX];
    bool is_tag = language_normalise(slice_of(tag, strnlen(tag, size)), usual) && strlen(usual) < size;
    memset(tag, 0, size);
    if (is_tag) memcpy(tag, usual, strlen(usual));
}
