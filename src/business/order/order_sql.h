/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within order only: its statements. Times are seconds since 1970, amounts minor units. */
#ifndef BUSINESS_ORDER_ORDER_SQL_H
#define BUSINESS_ORDER_ORDER_SQL_H

#include "system/db/db.h"

extern const struct db_statement key_find, key_insert, key_prune;
extern const struct db_statement number_find, number_insert, number_orders, number_invoices, number_notes, number_year;
extern const struct db_statement head_insert, head_by_public_id, head_by_id, head_settle, head_paid, head_refunds, head_unpaid_count, head_payment, head_name,
    head_expiring, head_of_household, head_of_org, head_of_state, head_of_paid, head_of_returned, head_by_number, head_by_invoice, head_of_period;
extern const struct db_statement line_insert, line_of_order, line_of_orders, line_refunds, line_sold;
extern const struct db_statement held_insert, held_by_id, held_of_order, held_of_line, held_load, held_followed, held_revoke, held_restore, held_start, held_extend,
    held_end, held_list, held_unstart;
extern const struct db_statement change_newest, change_insert, change_prune;
extern const struct db_statement sub_insert, sub_live, sub_by_id, sub_due, sub_write, sub_newest, sub_counts;
extern const struct db_statement trial_find, trial_insert;
extern const struct db_statement lot_insert, lot_usable, lot_take, lot_give, lot_due, lot_close, lot_balance, lot_of_period, lot_reopen, use_insert, use_of_line, use_forget;
extern const struct db_statement refund_insert, refund_by_id, refund_of_order, refund_settle, refund_line_insert, refund_line_of, refund_by_note;
extern const struct db_statement coupon_count, coupon_add, coupon_of_household, coupon_use_insert, coupon_use_forget, coupon_use_find;
extern const struct db_statement revenue_add, revenue_by_day, revenue_by_title, revenue_by_country, revenue_by_offer, revenue_currencies;

#endif
