/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within offer only: its statements. Each binds the organisation. */
#ifndef BUSINESS_OFFER_SQL_H
#define BUSINESS_OFFER_SQL_H

#include "system/db/db.h"

extern const struct db_statement offer_sequences, offer_sequence_up;
extern const struct db_statement offer_all, offer_text_all, offer_price_all, offer_title_all, offer_coupon_all, offer_coupon_offer_all, offer_setting_one, offer_tax_all;
extern const struct db_statement offer_one_version, offer_text_version, offer_price_version, offer_title_version;
extern const struct db_statement offer_count, offer_insert, offer_advance, offer_version_insert, offer_text_insert, offer_price_insert, offer_title_insert;
extern const struct db_statement coupon_count, coupon_insert, coupon_offer_insert, coupon_update;
extern const struct db_statement setting_put, tax_clear, tax_insert;
extern const struct db_statement gift_insert, gift_of_hash, gift_redeem, gift_state, gift_cancel, gift_of_order, gift_page;

#endif
