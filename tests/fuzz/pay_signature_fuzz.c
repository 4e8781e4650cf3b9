/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Signature headers of Stripe and of the sandbox. None that was not made with the secret is ever genuine. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "business/pay/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t house_key[KEY_BYTES] = {1, 2, 3};
    if (size > 4096) return 0;
    char *own = malloc(size + !size);
    struct arena *arena = arena_create(1 << 20);
    if (!own || !arena) abort();
    memcpy(own, data, size);
    struct provider_config config = {.org_id = 1, .provider = PAY_STRIPE, .values = {SLICE("pk"), SLICE("sk"), SLICE("whsec_unguessable"), SLICE("whsec_old"), SLICE("")}, .house_key = house_key};
    struct pay_header headers[] = {{SLICE("stripe-signature"), slice_of(own, size)}, {SLICE("grandstand-sandbox-signature"), slice_of(own, size)}};
    struct provider_event event = {0};
    if (stripe_provider.webhook(&config, 1700000000000000, headers, 2, SLICE("{\"id\":\"evt_1\"}"), arena, &event).kind || event.verdict != EVENT_FORGED || !event.why) abort();
    event = (struct provider_event){0};
    if (sandbox_provider.webhook(&config, 1700000000000000, headers, 2, SLICE("{\"id\":\"evt_1\"}"), arena, &event).kind || event.verdict != EVENT_FORGED || !event.why) abort();
    arena_destroy(&arena);
    free(own);
    return 0;
}
