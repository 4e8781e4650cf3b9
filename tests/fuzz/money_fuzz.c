/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Amounts of anybody's making. The first byte chooses a currency, the rest is an amount as text: what is read is written and read again as the same. Then the same bytes are weights: the
 * parts of any amount add up to it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "business/money/money.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    uint16_t currency = currency_at(data[0] % currency_count())->numeric;
    char *exact = malloc(size);
    if (size > 1) memcpy(exact, data + 1, size - 1);
    struct slice text = slice_of(exact, size - 1);
    struct buf written = BUF(200);
    struct money amount, again;
    if (!money_parse(text, currency, &amount).kind) {
        money_append(&written, amount);
        assert(!money_parse(buf_slice(&written), currency, &again).kind && money_eq(amount, again));
        static const char *const languages[] = {"en", "de", "zh", "th", "xx"};
        for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) money_print(&written, amount, slice_cstr(languages[i]));
        assert(!written.has_failed);
    } else amount = MONEY((int64_t)slice_hash(text), currency);
    buf_free(&written);

    int64_t weights[64], parts[64];
    size_t count = (size - 1) / sizeof *weights < 64 ? (size - 1) / sizeof *weights : 64;
    if (count) memcpy(weights, exact, count * sizeof *weights);
    if (!money_split(amount, weights, count, parts).kind) {
        __extension__ __int128 sum = 0;
        for (size_t i = 0; i < count; i++) sum += parts[i];
        assert(sum == amount.minor);
    }
    struct money_taxed taxed;
    if (count && !money_tax(amount, (uint32_t)weights[0] % (MONEY_RATE_PPM_MAX + 1), weights[0] & 1, MONEY_HALF_UP, &taxed).kind)
        assert(taxed.net.minor + taxed.tax.minor == taxed.gross.minor);
    free(exact);
    return 0;
}
