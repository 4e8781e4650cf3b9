/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Names of anybody's making: what passes is text, short, without blanks around it and without marks that turn or hide text, and passes again as it is. Passwords beside it. */
#include <assert.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "business/account/account.h"
#include "business/account/password.h"
#include "business/account/totp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    struct slice text = slice_of(exact, size), name, again;
    if (account_name(text, 60, &name)) {
        assert(name.len > 0 && name.ptr >= text.ptr && name.ptr + name.len <= text.ptr + text.len);
        assert(utf8_is_display_text(name, 60)); /* all that the house's own rule for text refuses, and more */
        assert(slice_trim(name).len == name.len);
        assert(account_name(name, 60, &again) && slice_eq(name, again));
    }
    struct err e = password_check(text, SLICE("anna@example.org"), SLICE("Anna"));
    assert(e.kind || (size >= ACCOUNT_PASSWORD_MIN && size <= ACCOUNT_PASSWORD_MAX && utf8_is_valid(text)));
    int64_t step;
    static const uint8_t secret[TOTP_SECRET_BYTES] = {1};
    if (totp_check(secret, text, 1800000000, 0, &step)) assert(size >= 6 && step >= 1800000000 / 30 - 1 && step <= 1800000000 / 30 + 1);
    assert(!account_country(text) || size == 2);
    free(exact);
    return 0;
}
