/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/offer/offer_sql.h"

#include "business/offer/offer.h"

/* Titles are named without a foreign key: one that is removed from the catalogue leaves a gap in what an offer contains, and its history. */
static const struct db_migration migrations[] = {
    {.sql = "CREATE TABLE offer_book(org_id $ID, sequence $INT NOT NULL) $TABLE;"
            "CREATE TABLE offer(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, kind $INT NOT NULL, version $INT NOT NULL, created_s $INT NOT NULL) $TABLE;"
            "CREATE INDEX offer_by_org ON offer(org_id, id);"
            "CREATE TABLE offer_version(offer_id $INT NOT NULL REFERENCES offer(id), version $INT NOT NULL, org_id $INT NOT NULL, changed_s $INT NOT NULL, "
            "is_on_sale $INT NOT NULL, starts_s $INT NOT NULL, ends_s $INT NOT NULL, contents $INT NOT NULL, holder_id $INT NOT NULL, unit $INT NOT NULL, period $INT NOT NULL, "
            "trial_days $INT NOT NULL, grace_days $INT NOT NULL, vouchers $INT NOT NULL, start_within_days $INT NOT NULL, watch_hours $INT NOT NULL, "
            "PRIMARY KEY(offer_id, version)) $KEYED;"
            "CREATE TABLE offer_text(offer_id $INT NOT NULL, version $INT NOT NULL, lang $INT NOT NULL, org_id $INT NOT NULL, name $TEXT NOT NULL, description $TEXT NOT NULL, "
            "PRIMARY KEY(offer_id, version, lang), FOREIGN KEY(offer_id, version) REFERENCES offer_version(offer_id, version)) $KEYED;"
            "CREATE TABLE offer_price(offer_id $INT NOT NULL, version $INT NOT NULL, position $INT NOT NULL, org_id $INT NOT NULL, minor $INT NOT NULL CHECK(minor > 0), "
            "currency $INT NOT NULL, territories $TEXT NOT NULL, PRIMARY KEY(offer_id, version, position), "
            "FOREIGN KEY(offer_id, version) REFERENCES offer_version(offer_id, version)) $KEYED;"
            "CREATE TABLE offer_title(offer_id $INT NOT NULL, version $INT NOT NULL, position $INT NOT NULL, org_id $INT NOT NULL, title_id $INT NOT NULL, "
            "PRIMARY KEY(offer_id, version, position), FOREIGN KEY(offer_id, version) REFERENCES offer_version(offer_id, version)) $KEYED;"
            "CREATE TABLE offer_coupon(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, code $TEXT NOT NULL, folded $TEXT NOT NULL, percent $INT NOT NULL, "
            "minor $INT NOT NULL, currency $INT NOT NULL, starts_s $INT NOT NULL, ends_s $INT NOT NULL, uses_max $INT NOT NULL, per_household_max $INT NOT NULL, "
            "is_active $INT NOT NULL, created_s $INT NOT NULL, UNIQUE(org_id, folded)) $TABLE;"
            "CREATE INDEX offer_coupon_by_org ON offer_coupon(org_id, id);"
            "CREATE TABLE offer_coupon_offer(coupon_id $INT NOT NULL REFERENCES offer_coupon(id), offer_id $INT NOT NULL REFERENCES offer(id), org_id $INT NOT NULL, "
            "PRIMARY KEY(coupon_id, offer_id)) $KEYED;"
            "CREATE TABLE offer_setting(org_id $ID, version $INT NOT NULL, seller_name $TEXT NOT NULL, seller_address $TEXT NOT NULL, seller_tax_id $TEXT NOT NULL, "
            "seller_country $TEXT NOT NULL, invoice_prefix $TEXT NOT NULL, is_tax_included $INT NOT NULL) $TABLE;"
            "CREATE TABLE offer_tax(org_id $INT NOT NULL, country $TEXT NOT NULL, rate_ppm $INT NOT NULL CHECK(rate_ppm >= 0), PRIMARY KEY(org_id, country)) $KEYED;"
            "CREATE TABLE offer_gift_card(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, code_hash $BLOB NOT NULL UNIQUE, last4 $TEXT NOT NULL, "
            "minor $INT NOT NULL CHECK(minor > 0), currency $INT NOT NULL, state $INT NOT NULL, order_id $INT NOT NULL, household_id $INT NOT NULL, created_s $INT NOT NULL, "
            "redeemed_s $INT NOT NULL) $TABLE;"
            "CREATE INDEX offer_gift_card_by_org ON offer_gift_card(org_id, id);"
            "CREATE INDEX offer_gift_card_by_order ON offer_gift_card(order_id) WHERE order_id <> 0;"},
};
const struct db_schema offer_schema = {.room = "offer", .migrations = migrations, .versions = ARRAY_LEN(migrations)};

/* --- following --- */

const struct db_statement offer_sequences = {"offer.sequences", "SELECT org_id, sequence FROM offer_book ORDER BY org_id"};
const struct db_statement offer_sequence_up = {
    "offer.sequence_up", "INSERT INTO offer_book(org_id, sequence) VALUES(:org_id, 1) ON CONFLICT(org_id) DO UPDATE SET sequence = offer_book.sequence + 1"};

/* --- loading: everything of an organisation --- */

#define OFFER_COLUMNS                                                                                                                          \
    "SELECT o.id, o.public_id, o.kind, v.version, v.is_on_sale, v.starts_s, v.ends_s, v.contents, v.holder_id, v.unit, v.period, v.trial_days, " \
    "v.grace_days, v.vouchers, v.start_within_days, v.watch_hours FROM offer o JOIN offer_version v ON v.offer_id = o.id "
#define OF_NOW "JOIN offer o ON o.id = x.offer_id AND o.version = x.version WHERE x.org_id = :org_id "

const struct db_statement offer_all = {"offer.all", OFFER_COLUMNS "AND v.version = o.version WHERE o.org_id = :org_id ORDER BY o.id LIMIT :limit"};
const struct db_statement offer_text_all = {"offer.text_all", "SELECT x.offer_id, x.lang, x.name, x.description FROM offer_text x " OF_NOW "ORDER BY x.offer_id, x.lang"};
const struct db_statement offer_price_all = {
    "offer.price_all", "SELECT x.offer_id, x.minor, x.currency, x.territories FROM offer_price x " OF_NOW "ORDER BY x.offer_id, x.position"};
const struct db_statement offer_title_all = {"offer.title_all", "SELECT x.offer_id, x.title_id FROM offer_title x " OF_NOW "ORDER BY x.offer_id, x.position"};
const struct db_statement offer_coupon_all = {
    "offer.coupon_all", "SELECT id, public_id, code, percent, minor, currency, starts_s, ends_s, uses_max, per_household_max, is_active, created_s FROM offer_coupon "
                        "WHERE org_id = :org_id ORDER BY id LIMIT :limit"};
const struct db_statement offer_coupon_offer_all = {
    "offer.coupon_offer_all", "SELECT coupon_id, offer_id FROM offer_coupon_offer WHERE org_id = :org_id ORDER BY coupon_id, offer_id"};
const struct db_statement offer_setting_one = {
    "offer.setting_one", "SELECT version, seller_name, seller_address, seller_tax_id, seller_country, invoice_prefix, is_tax_included FROM offer_setting WHERE org_id = :org_id"};
const struct db_statement offer_tax_all = {"offer.tax_all", "SELECT country, rate_ppm FROM offer_tax WHERE org_id = :org_id ORDER BY country"};

#define OF_VERSION " WHERE org_id = :org_id AND offer_id = :id AND version = :version ORDER BY "
const struct db_statement offer_one_version = {"offer.one_version", OFFER_COLUMNS "WHERE o.org_id = :org_id AND o.id = :id AND v.version = :version"};
const struct db_statement offer_text_version = {"offer.text_version", "SELECT offer_id, lang, name, description FROM offer_text" OF_VERSION "lang"};
const struct db_statement offer_price_version = {"offer.price_version", "SELECT offer_id, minor, currency, territories FROM offer_price" OF_VERSION "position"};
const struct db_statement offer_title_version = {"offer.title_version", "SELECT offer_id, title_id FROM offer_title" OF_VERSION "position"};

/* --- changing --- */

const struct db_statement offer_count = {"offer.count", "SELECT COUNT(*) FROM offer WHERE org_id = :org_id"};
const struct db_statement offer_insert = {
    "offer.insert", "INSERT INTO offer(id, org_id, public_id, kind, version, created_s) VALUES(:id, :org_id, :public_id, :kind, 1, :now_s)"};
const struct db_statement offer_advance = {
    "offer.advance", "UPDATE offer SET version = version + 1 WHERE org_id = :org_id AND id = :id AND version = :version"};
const struct db_statement offer_version_insert = {
    "offer.version_insert",
    "INSERT INTO offer_version(offer_id, version, org_id, changed_s, is_on_sale, starts_s, ends_s, contents, holder_id, unit, period, trial_days, grace_days, vouchers, "
    "start_within_days, watch_hours) VALUES(:id, :version, :org_id, :now_s, :is_on_sale, :starts_s, :ends_s, :contents, :holder_id, :unit, :period, :trial_days, "
    ":grace_days, :vouchers, :start_within_days, :watch_hours)"};
const struct db_statement offer_text_insert = {
    "offer.text_insert", "INSERT INTO offer_text(offer_id, version, lang, org_id, name, description) VALUES(:id, :version, :lang, :org_id, :name, :description)"};
const struct db_statement offer_price_insert = {
    "offer.price_insert",
    "INSERT INTO offer_price(offer_id, version, position, org_id, minor, currency, territories) VALUES(:id, :version, :position, :org_id, :minor, :currency, :territories)"};
const struct db_statement offer_title_insert = {
    "offer.title_insert", "INSERT INTO offer_title(offer_id, version, position, org_id, title_id) VALUES(:id, :version, :position, :org_id, :title_id)"};

const struct db_statement coupon_count = {"offer.coupon_count", "SELECT COUNT(*) FROM offer_coupon WHERE org_id = :org_id"};
const struct db_statement coupon_insert = {
    "offer.coupon_insert",
    "INSERT INTO offer_coupon(id, org_id, public_id, code, folded, percent, minor, currency, starts_s, ends_s, uses_max, per_household_max, is_active, created_s) "
    "VALUES(:id, :org_id, :public_id, :code, :folded, :percent, :minor, :currency, :starts_s, :ends_s, :uses_max, :per_household_max, 1, :now_s) ON CONFLICT DO NOTHING"};
const struct db_statement coupon_offer_insert = {
    "offer.coupon_offer_insert", "INSERT INTO offer_coupon_offer(coupon_id, offer_id, org_id) VALUES(:id, :offer_id, :org_id) ON CONFLICT DO NOTHING"};
const struct db_statement coupon_update = {
    "offer.coupon_update",
    "UPDATE offer_coupon SET is_active = COALESCE(:is_active, is_active), ends_s = COALESCE(:ends_s, ends_s), uses_max = COALESCE(:uses_max, uses_max), "
    "per_household_max = COALESCE(:per_household_max, per_household_max) WHERE org_id = :org_id AND public_id = :public_id AND starts_s < COALESCE(:ends_s, ends_s)"};

const struct db_statement setting_put = {
    "offer.setting_put",
    "INSERT INTO offer_setting(org_id, version, seller_name, seller_address, seller_tax_id, seller_country, invoice_prefix, is_tax_included) "
    "VALUES(:org_id, 1, :name, :address, :tax_id, :country, :prefix, :is_tax_included) ON CONFLICT(org_id) DO UPDATE SET version = offer_setting.version + 1, "
    "seller_name = excluded.seller_name, seller_address = excluded.seller_address, seller_tax_id = excluded.seller_tax_id, seller_country = excluded.seller_country, "
    "invoice_prefix = excluded.invoice_prefix, is_tax_included = excluded.is_tax_included"};
const struct db_statement tax_clear = {"offer.tax_clear", "DELETE FROM offer_tax WHERE org_id = :org_id"};
const struct db_statement tax_insert = {"offer.tax_insert", "INSERT INTO offer_tax(org_id, country, rate_ppm) VALUES(:org_id, :country, :rate_ppm)"};

/* --- gift cards --- */

#define GIFT_COLUMNS "SELECT id, public_id, last4, minor, currency, state, order_id, household_id, created_s, redeemed_s FROM offer_gift_card WHERE org_id = :org_id "
const struct db_statement gift_insert = {
    "offer.gift_insert", "INSERT INTO offer_gift_card(id, org_id, public_id, code_hash, last4, minor, currency, state, order_id, household_id, created_s, redeemed_s) "
                         "VALUES(:id, :org_id, :public_id, :code_hash, :last4, :minor, :currency, 0, :order_id, 0, :now_s, 0)"};
const struct db_statement gift_of_hash = {"offer.gift_of_hash", GIFT_COLUMNS "AND code_hash = :code_hash"};
const struct db_statement gift_redeem = {
    "offer.gift_redeem", "UPDATE offer_gift_card SET state = 1, household_id = :household_id, redeemed_s = :now_s WHERE org_id = :org_id AND id = :id AND state = 0"};
const struct db_statement gift_state = {"offer.gift_state", "SELECT state FROM offer_gift_card WHERE org_id = :org_id AND id = :id"};
const struct db_statement gift_cancel = {"offer.gift_cancel", "UPDATE offer_gift_card SET state = 2 WHERE org_id = :org_id AND id = :id AND state = 0"};
const struct db_statement gift_of_order = {"offer.gift_of_order", GIFT_COLUMNS "AND order_id = :order_id AND order_id <> 0 ORDER BY id"};
const struct db_statement gift_page = {"offer.gift_page", GIFT_COLUMNS "AND id < :before_id ORDER BY id DESC LIMIT :limit"};
