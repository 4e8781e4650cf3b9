/* SPDX-License-Identifier: AGPL-3.0-or-later
 * What Stripe says, as an answer to each kind of call and as a webhook whose signature fits. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "business/pay/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void words_check(const struct word *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (words[i].has_money && (words[i].amount < 0 || !currency_find(words[i].currency))) abort(); /* money is always an amount of a currency that there is */
        if (words[i].about == WORD_REFUND && words[i].refund_id < 0) abort();
        if (words[i].about == WORD_CHARGEBACK && !words[i].chargeback_ref.len) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const enum op_kind kinds[] = {OP_CREATE, OP_CAPTURE, OP_CANCEL, OP_REFUND, OP_ASK, OP_ASK_REFUND, OP_SWEEP};
    static const int statuses[] = {200, 402, 400, 404};
    if (size < 1 || size > 65536) return 0;
    uint8_t *own = malloc(size); /* of the exact size: what reads beyond it is seen */
    struct arena *arena = arena_create(32 << 20);
    if (!own || !arena) abort();
    memcpy(own, data, size);
    struct slice body = slice_of(own + 1, size - 1);
    struct provider_config config = {.org_id = 1, .provider = PAY_STRIPE, .values = {SLICE("pk"), SLICE("sk"), SLICE("whsec"), SLICE(""), SLICE("http://127.0.0.1:1")}};
    struct op op = {.kind = kinds[own[0] % ARRAY_LEN(kinds)], .provider = PAY_STRIPE, .public_id = {"7zr3v9k2m8qd41xh"}, .refund_id = 42, .amount = MONEY(1299, CURRENCY_EUR), .token = SLICE(""),
                    .is_off_session = own[0] & 128};
    struct provider_answer *answer = answer_make(arena, WORDS_MAX);
    if (!answer || stripe_provider.answer(&config, &op, arena, statuses[own[0] / 7 % 4], body, answer).kind) abort();
    if (answer->count > WORDS_MAX) abort();
    words_check(answer->words, answer->count);
    char mac[65], header[100];
    hmac_sha256_hex(SLICE("whsec"), SLICE("1700000000"), SLICE("."), body, mac);
    snprintf(header, sizeof header, "t=1700000000,v1=%s", mac);
    struct pay_header h = {SLICE("stripe-signature"), slice_cstr(header)};
    struct provider_event event = {0};
    if (stripe_provider.webhook(&config, 1700000000000000, &h, 1, body, arena, &event).kind) abort();
    if (event.verdict == EVENT_WORDS && (!event.id.len || event.count != 1)) abort();
    words_check(event.words, event.count);
    arena_destroy(&arena);
    free(own);
    return 0;
}
