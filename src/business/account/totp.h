/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within account only: the second factor. Time-based codes (RFC 6238 over RFC 4226: SHA-1, six digits, 30 s) and base 32 (RFC 4648 section 6). Pure. */
#ifndef BUSINESS_ACCOUNT_TOTP_H
#define BUSINESS_ACCOUNT_TOTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { TOTP_SECRET_BYTES = 20, TOTP_SECRET_CHARS = 32, TOTP_STEP_S = 30 };

void totp_secret_text(const uint8_t secret[TOTP_SECRET_BYTES], char out[TOTP_SECRET_CHARS + 1]);
uint32_t totp_code(const uint8_t secret[TOTP_SECRET_BYTES], int64_t step); /* 0 to 999,999 */
/* Is this the code of now, or of one step before or after (clocks differ), and of a step after `last`? *step: which. Blanks in it are ignored. */
bool totp_check(const uint8_t secret[TOTP_SECRET_BYTES], struct slice code, int64_t now_s, int64_t last, int64_t *step);
#endif
