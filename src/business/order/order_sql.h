/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within order only: its statements. Times are seconds since 1970, amounts minor units. */
#ifndef BUSINESS_ORDER_ORDER_SQL_H
#define BUSINESS_ORDER_ORDER_SQL_H

#include "system/db/db.h"

extern const struct db_statement order_key_find, order_key_insert, order_key_prune;
extern const struct db_statement order_number_find, order_number_insert, order_number_orders, order_number_invoices, order_number_notes;
extern const struct db_statement order_head_insert, order_head_by_public_id, order_head_by_id, order_head_settle, order_head_paid, order_head_refunds, order_head_unpaid_count, order_head_payment, order_head_name, order_head_when,
    order_head_expiring, order_head_of_household, order_head_of_org, order_head_of_state, order_head_of_paid, order_head_of_returned, order_head_by_number, order_head_by_invoice, order_head_of_period;
extern const struct db_statement order_line_insert, order_line_of_order, order_line_of_orders, order_line_refunds;
extern const struct db_statement order_held_insert, order_held_by_id, order_held_of_order, order_held_of_line, order_held_load, order_held_followed, order_held_revoke, order_held_restore, order_held_start, order_held_extend,
    order_held_end, order_held_list, order_held_unstart;
extern const struct db_statement order_change_newest, order_change_insert, order_change_prune;
extern const struct db_statement order_sub_insert, order_sub_live, order_sub_by_id, order_sub_due, order_sub_write, order_sub_newest, order_sub_tally, order_sub_promised,
    order_household_keeps;
extern const struct db_statement order_trial_find, order_trial_insert;
extern const struct db_statement order_lot_insert, order_lot_usable, order_lot_take, order_lot_give, order_lot_due, order_lot_close, order_lot_balance, order_lot_of_period, order_lot_reopen, order_use_insert, order_use_of_line, order_use_forget;
extern const struct db_statement order_refund_insert, order_refund_by_id, order_refund_of_order, order_refund_settle, order_refund_line_insert, order_refund_line_of, order_refund_by_note, order_refund_by_public_id, order_refund_newest, order_refund_newest_done, order_refund_newest_other;
extern const struct db_statement order_coupon_count, order_coupon_add, order_coupon_of_household, order_coupon_use_insert, order_coupon_use_forget, order_coupon_use_find;
extern const struct db_statement order_revenue_add, order_revenue_by_day, order_revenue_by_title, order_revenue_by_country, order_revenue_by_offer, order_revenue_currencies, order_revenue_first, order_number_orgs, order_sold_offers;
extern const struct db_statement order_sum_days, order_sum_titles, order_sum_countries, order_sum_offers, order_sum_forget, order_summed, order_summed_newest, order_summed_put;

#endif
