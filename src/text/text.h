/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * text.h: every sentence the program says to people, in the four languages it speaks. A sentence is known by a stable
 * code ("token.expired"); the files of text/ hold the catalogue, and give the pages their texts.
 *
 * A text may hold parameters in braces ("{name}") and, where it counts something, one form for one and one for the
 * rest, chosen by the parameter "count" as the plural rules of the language say (CLDR: English and German tell one from
 * the rest, Chinese and Thai do not). tools/check refuses a catalogue in which a translation is missing or its
 * parameters differ, so what is found here is whole in each language.
 *
 * All functions may be called from any thread; they hold no state, and what they return lives as long as the program. */
#ifndef TEXT_TEXT_H
#define TEXT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"
#include "text/moment.h"

/* The languages by their BCP 47 codes, the first being the one fallen back to: "en", "de", "zh", "th". */
enum { TEXT_LANGUAGE_COUNT = 4 };
struct text_language {
    struct slice code; /* "zh" */
    struct slice name; /* as its speakers call it: "中文" */
};
extern const struct text_language text_languages[TEXT_LANGUAGE_COUNT];

/* The language that fits a wish: "de", "de-AT" and "DE" are German; what we do not speak, and nothing, is English.
 * Use it on ?lang= and on the cookie. */
struct slice text_language_of(struct slice wish);
/* Is this exactly one of the four codes? */
bool text_language_is_known(struct slice code);
/* The best language for an Accept-Language header (RFC 9110 section 12.5.4): the highest q we speak, the first among
 * equals; English if there is none. Any bytes may be passed. */
struct slice text_language_accepted(struct slice accept_language);

/* The text of a code, its parameters still in braces; of a text that counts, the form for "the rest". A code that is
 * not in the catalogue gives the empty slice: the caller then shows what it has (the English sentence of its error). */
struct slice text_lookup(struct slice language, struct slice code);

/* A value for a parameter. For "count" the value is read as a decimal number and chooses the form. */
struct text_param {
    struct slice name, value;
};
/* Appends the text with its parameters filled in; a parameter without a value stays in braces. False, with nothing
 * appended, if the code is not in the catalogue. Whether the buffer took it all, buf_error tells. */
bool text_format(struct buf *out, struct slice language, struct slice code, const struct text_param *params,
                 size_t param_count);

/* The whole catalogue in order of code, for tests that walk it. */
size_t text_count(void);
struct slice text_code_at(size_t index);

#endif
