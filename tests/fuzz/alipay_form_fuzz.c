/* SPDX-License-Identifier: AGPL-3.0-or-later
 * What Alipay posts, and what it answers. Without its key nothing is genuine, and no answer is believed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "business/pay/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A public key whose private half nobody kept. */
static const char key[] = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApeCxBHLgHaQJ+hcxq2DYD55CPKlc6qJkvd4cJlc3KTl/3w5Ixm2Gingc2GxXh6N7+EHKOo91aArdHr5tXXvn4zmKFu7DutjWR+3Reo9gayF0MPItSNgzmZU96FuciMtqK7pKTfb2vlNMYXJ05byCNxP2KQJhEenhUd7xI/+fxp0TBmuyiaw4dz4fUpUmlknAmzw56Uy17w/hnXqmtavhSpz2P2U8/MfkqnOXr4vHvJxEoudFmzciBL0DxFSD057lPMsLUTsNQbx91Kwy2o+Ia23ZvQ/ccMZA65TYd/saDFSsGICEwFFL5CW6f5LN/2dBpOxvbHBQsjAHdr7ce0TNvwIDAQAB";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const enum op_kind kinds[] = {OP_CANCEL, OP_REFUND, OP_ASK, OP_ASK_REFUND};
    if (size < 1 || size > 65536) return 0;
    char *own = malloc(size);
    struct arena *arena = arena_create(32 << 20);
    if (!own || !arena) abort();
    memcpy(own, data, size);
    struct slice body = slice_of(own + 1, size - 1), rest = body, name, value;
    struct provider_config config = {.org_id = 1, .provider = PAY_ALIPAY, .values = {SLICE("2021001"), SLICE("2088001"), SLICE(""), slice_cstr(key), SLICE("http://127.0.0.1:1")}};
    struct provider_event event = {0};
    if (alipay_provider.webhook(&config, 0, NULL, 0, body, arena, &event).kind || event.verdict != EVENT_FORGED || !event.why) abort();
    struct op op = {.kind = kinds[(uint8_t)own[0] % ARRAY_LEN(kinds)], .provider = PAY_ALIPAY, .public_id = {"7zr3v9k2m8qd41xh"}, .refund_id = 42, .amount = MONEY(1299, CURRENCY_CNY)};
    struct provider_answer *answer = answer_make(arena, WORDS_MAX);
    if (!answer || alipay_provider.answer(&config, &op, arena, 200, body, answer).kind || answer->outcome != ANSWER_LATER || answer->count) abort();
    bool is_bad = false;
    size_t parts = 0;
    while (form_next(&rest, arena, &name, &value, &is_bad)) {
        if (name.len > body.len || value.len > body.len || ++parts > body.len + 1) abort();
    }
    arena_destroy(&arena);
    free(own);
    return 0;
}
