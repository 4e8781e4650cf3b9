/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/order/room.h"

struct err letter_send(struct order_room *r, struct db_tx *tx, struct arena *arena, const struct letter *l) {
    if (!l->order.ptr) return err_memory();
    struct buf amount = BUF(256);
    if (l->amount.currency) money_print(&amount, l->amount, l->lang);
    const struct text_param params[] = {{SLICE("what"), l->what}, {SLICE("order"), l->order}, {SLICE("amount"), buf_slice(&amount)}};
    struct err e = buf_error(&amount);
    if (!e.kind)
        e = account_post_in(r->o.account, tx, arena, &(struct account_post){.code = l->code, .org_id = l->org_id, .household_id = l->household_id, .user_id = l->user_id, .lang = l->lang,
                                                                            .path = l->path, .until_s = l->until_s, .params = params, .param_count = ARRAY_LEN(params)});
    buf_free(&amount);
    return e;
}
