/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * language.h: language tags. MP4 has three letters in mdhd and BCP 47 in elng; manifests want BCP 47. For this room only. */
#ifndef MEDIA_CMAF_LANGUAGE_H
#define MEDIA_CMAF_LANGUAGE_H

#include "media/cmaf/cmaf.h"

/* Brings a tag into its usual form: "ENG" and "eng" become "en", "zh-hans-cn" "zh-Hans-CN" (RFC 5646 sections 2.1.1 and 4.5);
 * "" stays "" and "und" becomes "". False, and untouched, if it is no well-formed tag. */
bool language_normalise(struct slice tag, char out[CMAF_LANGUAGE_MAX]);

/* The three letters for mdhd: of the primary subtag, "und" where there are none. */
void language_alpha3(const char *tag, char out[4]);

#endif
