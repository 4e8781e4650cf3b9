/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "business/order/order_sql.h"

#include "business/order/order.h"

/* What stands where
 *   order_head         an order; its state, sums and what it has set aside. state 0 waits, 1 paid; what was refunded or charged back follows from amounts
 *   order_line         what was bought, with names, prices and terms as they were
 *   order_held         entitlements; never removed: taken back (revoked_s) or ended. Each change has the next number of one sequence (order_change), so that
 *                      every process over the same store can follow what the others did
 *   order_sub          subscriptions; due_s is the next moment at which something is to be done about one
 *   order_lot          vouchers that were given together and end together; the sum of what is left is the household's account 610
 *   order_refund       money (and vouchers) on the way back; kind 0 by finance, 1 the unused part of a plan that gave way, 2 money that came for nothing
 *   order_revenue      sums by day, for figures: a fold of orders and refunds, kept in their transactions
 *   order_sum          of months that are over: a fold of order_revenue by day (dim 0), title, country or offer and month (dim 1 to 3); order_summed: up to when (sums.c)
 * A household's id is all that is known here about people.
 * What is found by its own key has `org_id + 0` beside it: PostgreSQL plans with what it knows of a table, which is nothing while the table is young, and may then walk
 * through an index that begins with the organisation. */
static const struct db_migration migrations[] = {
    {.sql = "CREATE TABLE order_head(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, household_id $INT NOT NULL, user_id $INT NOT NULL, number $INT NOT NULL, "
            "state $INT NOT NULL, flags $INT NOT NULL, created_s $INT NOT NULL, expires_s $INT NOT NULL, paid_s $INT, lang $TEXT NOT NULL, country $TEXT NOT NULL, area $TEXT NOT NULL, "
            "currency $INT NOT NULL, subtotal $INT NOT NULL, discount $INT NOT NULL, tax $INT NOT NULL, total $INT NOT NULL, unused $INT NOT NULL, credit $INT NOT NULL, "
            "due $INT NOT NULL, vouchers $INT NOT NULL, refunded $INT NOT NULL, refunded_credit $INT NOT NULL, lost $INT NOT NULL, coupon_id $INT NOT NULL, coupon $TEXT NOT NULL, "
            "sub_id $INT, switch_of $INT NOT NULL, period_no $INT NOT NULL, payment_id $INT NOT NULL, hold_id $INT NOT NULL, invoice $TEXT, renews_s $INT NOT NULL, renews_price $INT NOT NULL, "
            "CHECK(credit + due = total), CHECK(refunded >= 0 AND refunded <= total)) $TABLE;"
            "CREATE INDEX order_head_by_time ON order_head(org_id, created_s, id);"
            "CREATE INDEX order_head_by_household ON order_head(household_id, id);"
            "CREATE UNIQUE INDEX order_head_by_number ON order_head(org_id, number);"
            "CREATE UNIQUE INDEX order_head_by_invoice ON order_head(org_id, invoice) WHERE invoice IS NOT NULL;"
            "CREATE INDEX order_head_other ON order_head(org_id, state, created_s, id) WHERE state <> 1;"
            "CREATE INDEX order_head_returned ON order_head(org_id, created_s, id) WHERE refunded > 0 OR lost > 0;"
            "CREATE INDEX order_head_waiting ON order_head(expires_s) WHERE state = 0;"
            "CREATE UNIQUE INDEX order_head_by_period ON order_head(sub_id, period_no) WHERE sub_id IS NOT NULL;"
            "CREATE TABLE order_line(order_id $INT NOT NULL, n $INT NOT NULL, org_id $INT NOT NULL, offer_id $INT NOT NULL, offer $TEXT NOT NULL, kind $INT NOT NULL, "
            "title_id $INT NOT NULL, title $TEXT NOT NULL, names $TEXT NOT NULL, title_names $TEXT NOT NULL, quantity $INT NOT NULL, unit_price $INT NOT NULL, "
            "discount $INT NOT NULL, tax $INT NOT NULL, rate_ppm $INT NOT NULL, is_included $INT NOT NULL, total $INT NOT NULL, vouchers $INT NOT NULL, "
            "refunded $INT NOT NULL, refunded_tax $INT NOT NULL, refunded_vouchers $INT NOT NULL, terms $TEXT NOT NULL, PRIMARY KEY(order_id, n), "
            "CHECK(quantity > 0), CHECK(total >= 0), CHECK(tax >= 0 AND tax <= total), CHECK(refunded >= 0 AND refunded <= total), "
            "CHECK(refunded_tax >= 0 AND refunded_tax <= tax)) $KEYED;"
            "CREATE INDEX order_line_by_offer ON order_line(offer_id);"
            "CREATE TABLE order_held(id $ID, org_id $INT NOT NULL, household_id $INT NOT NULL, order_id $INT NOT NULL, line $INT NOT NULL, offer_id $INT NOT NULL, kind $INT NOT NULL, "
            "medium $INT NOT NULL, title_id $INT NOT NULL, starts_s $INT NOT NULL, ends_s $INT NOT NULL, watch_s $INT NOT NULL, started_s $INT NOT NULL, renews $INT NOT NULL, revoked_s $INT) $TABLE;"
            "CREATE INDEX order_held_by_household ON order_held(household_id, id);"
            "CREATE INDEX order_held_by_order ON order_held(order_id);"
            "CREATE TABLE order_change(seq $ID, held_id $INT NOT NULL) $TABLE;"
            "CREATE TABLE order_sub(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, household_id $INT NOT NULL, user_id $INT NOT NULL, state $INT "
            "NOT NULL, before_state $INT NOT NULL, offer_id $INT NOT NULL, offer $TEXT NOT NULL, names $TEXT NOT NULL, lang $TEXT NOT NULL, country $TEXT NOT "
            "NULL, area $TEXT NOT NULL, currency $INT NOT NULL, price $INT NOT NULL, shown_price $INT NOT NULL, told_price $INT NOT NULL, told_from_s $INT NOT "
            "NULL, checked_no $INT NOT NULL, unit $INT NOT NULL, period $INT NOT NULL, grace_s $INT NOT NULL, anchor_s $INT NOT NULL, months $INT NOT NULL, "
            "period_no $INT NOT NULL, from_s $INT NOT NULL, to_s $INT NOT NULL, due_s $INT NOT NULL, tries $INT NOT NULL, next_from_s $INT NOT NULL, order_id $INT "
            "NOT NULL, held_id $INT NOT NULL, next_order_id $INT NOT NULL, open_order_id $INT NOT NULL, provider $INT NOT NULL, method_id $INT NOT NULL, method "
            "$TEXT NOT NULL, next_offer_id $INT NOT NULL, next_offer $TEXT NOT NULL, started_s $INT NOT NULL, ended_s $INT, ended_why $INT NOT NULL) $TABLE;"
            "CREATE UNIQUE INDEX order_sub_one ON order_sub(household_id, org_id) WHERE state <> 4;"
            "CREATE INDEX order_sub_due ON order_sub(due_s) WHERE state <> 4;"
            "CREATE INDEX order_sub_by_household ON order_sub(household_id, id);"
            "CREATE TABLE order_trial(household_id $INT NOT NULL, offer_id $INT NOT NULL, org_id $INT NOT NULL, order_id $INT NOT NULL, PRIMARY KEY(household_id, offer_id)) $KEYED;"
            "CREATE TABLE order_lot(id $ID, org_id $INT NOT NULL, household_id $INT NOT NULL, sub_id $INT NOT NULL, order_id $INT NOT NULL, given $INT NOT NULL, unused $INT NOT NULL, "
            "taken $INT NOT NULL, ends_s $INT NOT NULL, CHECK(unused >= 0 AND unused <= given)) $TABLE;"
            "CREATE INDEX order_lot_usable ON order_lot(household_id, ends_s, id) WHERE unused > 0;"
            "CREATE INDEX order_lot_due ON order_lot(ends_s) WHERE unused > 0;"
            "CREATE INDEX order_lot_by_order ON order_lot(order_id);"
            "CREATE TABLE order_use(order_id $INT NOT NULL, n $INT NOT NULL, lot_id $INT NOT NULL, count $INT NOT NULL, hold_id $INT NOT NULL, PRIMARY KEY(order_id, n, lot_id)) $KEYED;"
            "CREATE TABLE order_refund(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, order_id $INT NOT NULL, payment_id $INT NOT NULL, kind $INT NOT NULL, state $INT NOT NULL, "
            "amount $INT NOT NULL, tax $INT NOT NULL, to_credit $INT NOT NULL, vouchers $INT NOT NULL, currency $INT NOT NULL, reason $TEXT NOT NULL, note $TEXT, by_user_id $INT NOT NULL, "
            "created_s $INT NOT NULL, settled_s $INT) $TABLE;"
            "CREATE INDEX order_refund_by_order ON order_refund(order_id, id);"
            "CREATE UNIQUE INDEX order_refund_by_note ON order_refund(org_id, note) WHERE note IS NOT NULL;"
            "CREATE TABLE order_refund_line(refund_id $INT NOT NULL, n $INT NOT NULL, amount $INT NOT NULL, tax $INT NOT NULL, vouchers $INT NOT NULL, revoked $INT NOT NULL, "
            "PRIMARY KEY(refund_id, n)) $KEYED;"
            "CREATE TABLE order_coupon(coupon_id $ID, org_id $INT NOT NULL, uses $INT NOT NULL) $TABLE;"
            "CREATE TABLE order_coupon_use(order_id $ID, org_id $INT NOT NULL, coupon_id $INT NOT NULL, household_id $INT NOT NULL) $TABLE;"
            "CREATE INDEX order_coupon_use_by_household ON order_coupon_use(household_id, coupon_id);"
            "CREATE TABLE order_key(owner_id $INT NOT NULL, key $TEXT NOT NULL, org_id $INT NOT NULL, body $BLOB NOT NULL, result_id $INT NOT NULL, at_s $INT NOT NULL, "
            "PRIMARY KEY(owner_id, key)) $KEYED;"
            "CREATE INDEX order_key_by_age ON order_key(at_s);"
            "CREATE TABLE order_number(org_id $ID, orders $INT NOT NULL, year $INT NOT NULL, invoices $INT NOT NULL, notes $INT NOT NULL) $TABLE;"
            "CREATE TABLE order_revenue(org_id $INT NOT NULL, day_s $INT NOT NULL, currency $INT NOT NULL, offer_id $INT NOT NULL, title_id $INT NOT NULL, country $TEXT NOT NULL, "
            "gross $INT NOT NULL, tax $INT NOT NULL, refunded $INT NOT NULL, lost $INT NOT NULL, orders $INT NOT NULL, "
            "PRIMARY KEY(org_id, day_s, currency, offer_id, title_id, country)) $KEYED;"},
    {.sql = "CREATE INDEX order_refund_by_org ON order_refund(org_id, id);"
            "CREATE INDEX order_refund_unsettled ON order_refund(org_id, state, id) WHERE state <> 1;"},
    {.sql = "DROP INDEX order_line_by_offer;" /* nobody asks by it */
            "CREATE INDEX order_sub_by_offer ON order_sub(org_id, offer_id, state, started_s, ended_s);"
            "CREATE TABLE order_sum(org_id $INT NOT NULL, dim $INT NOT NULL, from_s $INT NOT NULL, currency $INT NOT NULL, key_id $INT NOT NULL, country $TEXT NOT NULL, gross $INT NOT NULL, "
            "tax $INT NOT NULL, refunded $INT NOT NULL, lost $INT NOT NULL, orders $INT NOT NULL, PRIMARY KEY(org_id, dim, from_s, currency, key_id, country)) $KEYED;"
            "CREATE TABLE order_summed(org_id $ID, until_s $INT NOT NULL) $TABLE;"},
};
const struct db_schema order_schema = {.room = "order", .migrations = migrations, .versions = ARRAY_LEN(migrations)};

/* --- keys and numbers --- */

const struct db_statement order_key_find = {"order.key_find", "SELECT body, result_id, at_s FROM order_key WHERE owner_id = :owner_id AND key = :key AND org_id = :org_id"};
const struct db_statement order_key_insert = {"order.key_insert", "INSERT INTO order_key(owner_id, key, org_id, body, result_id, at_s) VALUES(:owner_id, :key, :org_id, :body, :result_id, :at_s) "
                                                            "ON CONFLICT(owner_id, key) DO UPDATE SET body = excluded.body, result_id = excluded.result_id, at_s = excluded.at_s"};
const struct db_statement order_key_prune = {"order.key_prune", "DELETE FROM order_key WHERE at_s < :before_s"};

const struct db_statement order_number_find = {"order.number_find", "SELECT orders, year, invoices, notes FROM order_number WHERE org_id = :org_id"};
const struct db_statement order_number_insert = {"order.number_insert", "INSERT INTO order_number(org_id, orders, year, invoices, notes) VALUES(:org_id, 0, :year, 0, 0) ON CONFLICT(org_id) DO NOTHING"};
const struct db_statement order_number_orders = {"order.number_orders", "UPDATE order_number SET orders = orders + 1 WHERE org_id = :org_id RETURNING orders AS n, year"};
/* A new year begins its series anew; a clock that went back does not bring the old one back. */
const struct db_statement order_number_invoices = {
    "order.number_invoices",
    "UPDATE order_number SET invoices = CASE WHEN year < :year THEN 1 ELSE invoices + 1 END, notes = CASE WHEN year < :year THEN 0 ELSE notes END, "
    "year = CASE WHEN year < :year THEN :year ELSE year END WHERE org_id = :org_id RETURNING invoices AS n, year"};
const struct db_statement order_number_notes = {
    "order.number_notes",
    "UPDATE order_number SET notes = CASE WHEN year < :year THEN 1 ELSE notes + 1 END, invoices = CASE WHEN year < :year THEN 0 ELSE invoices END, "
    "year = CASE WHEN year < :year THEN :year ELSE year END WHERE org_id = :org_id RETURNING notes AS n, year"};

/* --- orders --- */

#define HEAD                                                                                                                                                  \
    "h.id, h.org_id, h.public_id, h.household_id, h.user_id, h.number, h.state, h.flags, h.created_s, h.expires_s, h.paid_s, h.lang, h.country, h.area, "        \
    "h.currency, h.subtotal, h.discount, h.tax, h.total, h.unused, h.credit, h.due, h.vouchers, h.refunded, h.refunded_credit, h.lost, h.coupon_id, h.coupon, " \
    "h.sub_id, h.switch_of, h.period_no, h.payment_id, h.hold_id, h.invoice, h.renews_s, h.renews_price"

const struct db_statement order_head_insert = {
    "order.head_insert",
    "INSERT INTO order_head(id, org_id, public_id, household_id, user_id, number, state, flags, created_s, expires_s, paid_s, lang, country, area, currency, subtotal, discount, tax, "
    "total, unused, credit, due, vouchers, refunded, refunded_credit, lost, coupon_id, coupon, sub_id, switch_of, period_no, payment_id, hold_id, invoice, renews_s, renews_price) "
    "VALUES(:id, :org_id, :public_id, :household_id, :user_id, :number, 0, :flags, :created_s, :expires_s, NULL, :lang, :country, :area, :currency, :subtotal, :discount, :tax, "
    ":total, :unused, :credit, :due, :vouchers, 0, 0, 0, :coupon_id, :coupon, :sub_id, :switch_of, :period_no, 0, :hold_id, NULL, :renews_s, :renews_price)"};
const struct db_statement order_head_by_public_id = {"order.head_by_public_id", "SELECT " HEAD " FROM order_head h WHERE h.public_id = :public_id AND h.org_id + 0 = :org_id"};
const struct db_statement order_head_by_id = {"order.head_by_id", "SELECT " HEAD " FROM order_head h WHERE h.id = :id AND h.org_id + 0 = :org_id"};
const struct db_statement order_head_settle = {"order.head_settle", "UPDATE order_head SET state = :state WHERE id = :id AND org_id + 0 = :org_id"};
const struct db_statement order_head_paid = {"order.head_paid",
                                       "UPDATE order_head SET state = 1, paid_s = :paid_s, payment_id = :payment_id, hold_id = :hold_id, invoice = :invoice, sub_id = :sub_id, period_no = :period_no "
                                       "WHERE id = :id AND org_id + 0 = :org_id"};
const struct db_statement order_head_refunds = {"order.head_refunds",
                                          "UPDATE order_head SET refunded = :refunded, refunded_credit = :refunded_credit, lost = :lost WHERE id = :id AND org_id + 0 = :org_id"};
const struct db_statement order_head_payment = {"order.head_payment", "UPDATE order_head SET payment_id = :payment_id WHERE id = :id AND org_id + 0 = :org_id"};
const struct db_statement order_head_name = {"order.head_name", "SELECT public_id, number, household_id, user_id FROM order_head WHERE id = :id AND org_id + 0 = :org_id"};
const struct db_statement order_head_unpaid_count = {"order.head_unpaid_count",
                                               "SELECT COUNT(*) FROM (SELECT state FROM order_head WHERE household_id = :household_id ORDER BY id DESC LIMIT 50) newest WHERE state = 0"};
const struct db_statement order_head_expiring = {"order.head_expiring", "SELECT id, org_id FROM order_head WHERE state = 0 AND expires_s <= :now_s AND (flags & 1) = 0 ORDER BY expires_s LIMIT :limit"};
const struct db_statement order_head_of_period = {"order.head_of_period", "SELECT " HEAD " FROM order_head h WHERE h.sub_id = :sub_id AND h.period_no = :period_no AND h.org_id = :org_id"};

/* Lists are by the time of making, the id being a tie's end: with the clock going back, ids alone would not be in the order of time. Where a page begins is said as one place in
 * that order, which an index can seek; without a cursor it is the end of the time asked for. */
const struct db_statement order_head_when = {"order.head_when", "SELECT created_s FROM order_head WHERE id = :id AND org_id + 0 = :org_id"};
#define WHEN "AND h.created_s >= :from_s AND (h.created_s, h.id) < (:before_s, :before_id) ORDER BY h.created_s DESC, h.id DESC LIMIT :limit"
/* As enum order_state. */
#define STATE                                                                                                                                                             \
    "CASE WHEN h.state = 0 THEN 0 WHEN h.state > 1 THEN h.state WHEN h.lost > 0 THEN 6 WHEN h.refunded = 0 THEN 1 WHEN h.refunded = h.total THEN 5 ELSE 4 END"
const struct db_statement order_head_of_household = {
    "order.head_of_household",
    "SELECT " HEAD " FROM order_head h WHERE h.household_id = :household_id AND h.org_id = :org_id AND (:state < 0 OR " STATE " = :state) " WHEN};
const struct db_statement order_head_of_org = {"order.head_of_org", "SELECT " HEAD " FROM order_head h WHERE h.org_id = :org_id " WHEN};
/* These follow partial indexes: what is neither paid, nor whole. */
const struct db_statement order_head_of_state = {"order.head_of_state", "SELECT " HEAD " FROM order_head h WHERE h.org_id = :org_id AND h.state = :state AND h.state <> 1 " WHEN};
const struct db_statement order_head_of_paid = {"order.head_of_paid", "SELECT " HEAD " FROM order_head h WHERE h.org_id = :org_id AND h.state = 1 AND h.refunded = 0 AND h.lost = 0 " WHEN};
const struct db_statement order_head_of_returned = {
    "order.head_of_returned", "SELECT " HEAD " FROM order_head h WHERE h.org_id = :org_id AND (h.refunded > 0 OR h.lost > 0) AND " STATE " = :state " WHEN};
const struct db_statement order_head_by_number = {"order.head_by_number", "SELECT " HEAD " FROM order_head h WHERE h.org_id = :org_id AND h.number = :number"};
const struct db_statement order_head_by_invoice = {"order.head_by_invoice", "SELECT " HEAD " FROM order_head h WHERE h.org_id = :org_id AND h.invoice = :invoice"};

#define LINE                                                                                                                                          \
    "l.order_id, l.n, l.offer_id, l.offer, l.kind, l.title_id, l.title, l.names, l.title_names, l.quantity, l.unit_price, l.discount, l.tax, l.rate_ppm, " \
    "l.is_included, l.total, l.vouchers, l.refunded, l.refunded_tax, l.refunded_vouchers, l.terms"
const struct db_statement order_line_insert = {
    "order.line_insert",
    "INSERT INTO order_line(order_id, n, org_id, offer_id, offer, kind, title_id, title, names, title_names, quantity, unit_price, discount, tax, rate_ppm, is_included, total, vouchers, "
    "refunded, refunded_tax, refunded_vouchers, terms) VALUES(:order_id, :n, :org_id, :offer_id, :offer, :kind, :title_id, :title, :names, :title_names, :quantity, :unit_price, :discount, "
    ":tax, :rate_ppm, :is_included, :total, :vouchers, 0, 0, 0, :terms)"};
const struct db_statement order_line_of_order = {"order.line_of_order", "SELECT " LINE " FROM order_line l WHERE l.order_id = :order_id ORDER BY l.n LIMIT 20"};
const struct db_statement order_line_refunds = {"order.line_refunds",
                                          "UPDATE order_line SET refunded = :refunded, refunded_tax = :refunded_tax, refunded_vouchers = :refunded_vouchers WHERE order_id = :order_id AND n = :n"};

/* --- entitlements --- */

#define HELD "e.id, e.org_id, e.household_id, e.order_id, e.line, e.offer_id, e.kind, e.medium, e.title_id, e.starts_s, e.ends_s, e.watch_s, e.started_s, e.renews, e.revoked_s"
const struct db_statement order_held_insert = {
    "order.held_insert",
    "INSERT INTO order_held(id, org_id, household_id, order_id, line, offer_id, kind, medium, title_id, starts_s, ends_s, watch_s, started_s, renews, revoked_s) "
    "VALUES(:id, :org_id, :household_id, :order_id, :line, :offer_id, :kind, :medium, :title_id, :starts_s, :ends_s, :watch_s, 0, :renews, NULL)"};
const struct db_statement order_held_by_id = {"order.held_by_id", "SELECT " HELD " FROM order_held e WHERE e.id = :id AND e.org_id + 0 = :org_id"};
const struct db_statement order_held_of_order = {"order.held_of_order", "SELECT " HELD " FROM order_held e WHERE e.order_id = :order_id ORDER BY e.id LIMIT 20000"};
const struct db_statement order_held_load = {"order.held_load",
                                       "SELECT " HELD " FROM order_held e WHERE e.id > :after_id AND e.revoked_s IS NULL AND e.ends_s > :now_s ORDER BY e.id LIMIT :limit"};
const struct db_statement order_held_followed = {
    "order.held_followed", "SELECT c.seq, " HELD " FROM order_change c JOIN order_held e ON e.id = c.held_id WHERE c.seq > :seq ORDER BY c.seq LIMIT :limit"};
const struct db_statement order_held_revoke = {"order.held_revoke", "UPDATE order_held SET revoked_s = :now_s WHERE id = :id AND revoked_s IS NULL"};
const struct db_statement order_held_restore = {"order.held_restore", "UPDATE order_held SET revoked_s = NULL WHERE id = :id AND revoked_s IS NOT NULL"};
const struct db_statement order_held_start = {"order.held_start", "UPDATE order_held SET started_s = :started_s, ends_s = :ends_s WHERE id = :id AND started_s = 0"};
const struct db_statement order_held_extend = {"order.held_extend",
                                         "UPDATE order_held SET order_id = :order_id, line = :line, ends_s = :ends_s, renews = :renews, revoked_s = NULL WHERE id = :id"};
const struct db_statement order_held_end = {"order.held_end", "UPDATE order_held SET ends_s = :ends_s, renews = :renews WHERE id = :id"};
/* With the names of the line it came from. */
const struct db_statement order_held_list = {
    "order.held_list",
    "SELECT " HELD ", l.offer, l.names, l.title_names, h.public_id AS order_public_id FROM order_held e LEFT JOIN order_line l ON l.order_id = e.order_id AND l.n = e.line "
    "LEFT JOIN order_head h ON h.id = e.order_id WHERE e.household_id = :household_id AND e.org_id = :org_id AND e.revoked_s IS NULL AND e.ends_s > :now_s ORDER BY e.id DESC LIMIT :limit"};

const struct db_statement order_change_newest = {"order.change_newest", "SELECT MAX(seq) FROM order_change"};
const struct db_statement order_change_insert = {"order.change_insert", "INSERT INTO order_change(seq, held_id) SELECT COALESCE(MAX(seq), 0) + 1, CAST(:held_id AS BIGINT) FROM order_change"};
const struct db_statement order_change_prune = {"order.change_prune", "DELETE FROM order_change WHERE seq <= (SELECT MAX(seq) FROM order_change) - :kept"};

/* --- subscriptions --- */

#define SUB \
    "s.id, s.org_id, s.public_id, s.household_id, s.user_id, s.state, s.before_state, s.offer_id, s.offer, s.names, s.lang, s.country, s.area, " \
    "s.currency, s.price, s.shown_price, s.told_price, s.told_from_s, s.checked_no, s.unit, s.period, s.grace_s, s.anchor_s, s.months, " \
    "s.period_no, s.from_s, s.to_s, s.due_s, s.tries, s.next_from_s, s.order_id, s.held_id, s.next_order_id, s.open_order_id, s.provider, " \
    "s.method_id, s.method, s.next_offer_id, s.next_offer, s.started_s, s.ended_s, s.ended_why"
const struct db_statement order_sub_insert = {
    "order.sub_insert",
    "INSERT INTO order_sub(id, org_id, public_id, household_id, user_id, state, before_state, offer_id, offer, names, lang, country, area, currency, "
    "price, shown_price, told_price, told_from_s, checked_no, unit, period, grace_s, anchor_s, months, period_no, from_s, to_s, due_s, tries, next_from_s, "
    "order_id, held_id, next_order_id, open_order_id, provider, method_id, method, next_offer_id, next_offer, started_s, ended_s, ended_why) VALUES(:id, "
    ":org_id, :public_id, :household_id, :user_id, :state, :before_state, :offer_id, :offer, :names, :lang, :country, :area, :currency, :price, "
    ":shown_price, :told_price, :told_from_s, :checked_no, :unit, :period, :grace_s, :anchor_s, :months, :period_no, :from_s, :to_s, :due_s, :tries, "
    ":next_from_s, :order_id, :held_id, :next_order_id, :open_order_id, :provider, :method_id, :method, :next_offer_id, :next_offer, :started_s, :ended_s, "
    ":ended_why)"};
/* Everything that can change; the rest of a subscription never does. */
const struct db_statement order_sub_write = {
    "order.sub_write",
    "UPDATE order_sub SET state = :state, before_state = :before_state, offer_id = :offer_id, offer = :offer, names = :names, country = :country, area = "
    ":area, price = :price, shown_price = :shown_price, told_price = :told_price, told_from_s = :told_from_s, checked_no = :checked_no, unit = :unit, "
    "period = :period, grace_s = :grace_s, anchor_s = :anchor_s, months = :months, period_no = :period_no, from_s = :from_s, to_s = :to_s, due_s = :due_s, "
    "tries = :tries, next_from_s = :next_from_s, order_id = :order_id, held_id = :held_id, next_order_id = :next_order_id, open_order_id = :open_order_id, "
    "provider = :provider, method_id = :method_id, method = :method, next_offer_id = :next_offer_id, next_offer = :next_offer, ended_s = :ended_s, "
    "ended_why = :ended_why WHERE id = :id AND org_id + 0 = :org_id"};
const struct db_statement order_household_keeps = {"order.household_keeps",
    "SELECT (SELECT COUNT(*) FROM order_head WHERE household_id = :household_id AND org_id = :org_id AND state NOT IN(2, 3)) + "
    "(SELECT COUNT(*) FROM order_held WHERE household_id = :household_id AND org_id = :org_id AND revoked_s IS NULL AND ends_s > :now_s) + "
    "(SELECT COUNT(*) FROM order_lot WHERE household_id = :household_id AND org_id = :org_id AND unused > 0 AND ends_s > :now_s)"};
const struct db_statement order_sub_live = {"order.sub_live", "SELECT " SUB " FROM order_sub s WHERE s.household_id = :household_id AND s.org_id = :org_id AND s.state <> 4"};
const struct db_statement order_sub_newest = {"order.sub_newest",
                                        "SELECT " SUB " FROM order_sub s WHERE s.household_id = :household_id AND s.org_id = :org_id ORDER BY s.id DESC LIMIT 1"};
const struct db_statement order_sub_by_id = {"order.sub_by_id", "SELECT " SUB " FROM order_sub s WHERE s.id = :id AND s.org_id + 0 = :org_id"};
const struct db_statement order_sub_due = {"order.sub_due", "SELECT id, org_id FROM order_sub WHERE state <> 4 AND due_s <= :now_s ORDER BY due_s LIMIT :limit"};
const struct db_statement order_sub_tally = {"order.sub_tally",
                                        "SELECT state, COUNT(*) AS n, SUM(CASE WHEN started_s >= :since_s THEN 1 ELSE 0 END) AS fresh, "
                                        "SUM(CASE WHEN ended_s >= :since_s THEN 1 ELSE 0 END) AS gone FROM order_sub WHERE org_id = :org_id AND (:offer_id = 0 OR offer_id = :offer_id) GROUP BY state"};
const struct db_statement order_sub_promised = {"order.sub_promised", "SELECT MAX(next_order_id) FROM order_sub"};
const struct db_statement order_trial_find = {"order.trial_find", "SELECT order_id FROM order_trial WHERE household_id = :household_id AND offer_id = :offer_id"};
const struct db_statement order_trial_insert = {"order.trial_insert",
                                          "INSERT INTO order_trial(household_id, offer_id, org_id, order_id) VALUES(:household_id, :offer_id, :org_id, :order_id) ON CONFLICT DO NOTHING"};

/* --- vouchers --- */

const struct db_statement order_lot_insert = {
    "order.lot_insert",
    "INSERT INTO order_lot(id, org_id, household_id, sub_id, order_id, given, unused, taken, ends_s) VALUES(:id, :org_id, :household_id, :sub_id, :order_id, :given, :given, 0, :ends_s)"};
const struct db_statement order_lot_usable = {"order.lot_usable",
                                        "SELECT id, unused, ends_s FROM order_lot WHERE household_id = :household_id AND org_id = :org_id AND unused > 0 AND ends_s > :now_s ORDER BY ends_s, id LIMIT 100"};
const struct db_statement order_lot_take = {"order.lot_take", "UPDATE order_lot SET unused = unused - :count WHERE id = :id AND unused >= :count"};
const struct db_statement order_lot_give = {"order.lot_give", "UPDATE order_lot SET unused = unused + :count WHERE id = :id"};
const struct db_statement order_lot_due = {"order.lot_due", "SELECT id, org_id, household_id, unused FROM order_lot WHERE unused > 0 AND ends_s <= :now_s ORDER BY ends_s LIMIT :limit"};
const struct db_statement order_lot_close = {"order.lot_close", "UPDATE order_lot SET taken = :taken, unused = 0 WHERE id = :id AND unused = :unused"};
const struct db_statement order_lot_reopen = {"order.lot_reopen", "UPDATE order_lot SET unused = taken, taken = 0 WHERE id = :id"};
const struct db_statement order_lot_balance = {"order.lot_balance",
                                         "SELECT CAST(COALESCE(SUM(unused), 0) AS BIGINT) AS balance, MIN(ends_s) AS ends_s FROM order_lot "
                                         "WHERE household_id = :household_id AND org_id = :org_id AND unused > 0 AND ends_s > :now_s"};
const struct db_statement order_lot_of_period = {"order.lot_of_period", "SELECT id, unused, taken, ends_s FROM order_lot WHERE order_id = :order_id ORDER BY id LIMIT 20"};
const struct db_statement order_use_insert = {"order.use_insert", "INSERT INTO order_use(order_id, n, lot_id, count, hold_id) VALUES(:order_id, :n, :lot_id, :count, :hold_id)"};
const struct db_statement order_use_of_line = {"order.use_of_line",
                                         "SELECT u.n, u.lot_id, u.count, u.hold_id, l.ends_s FROM order_use u JOIN order_lot l ON l.id = u.lot_id WHERE u.order_id = :order_id ORDER BY u.n, u.lot_id LIMIT 500"};

const struct db_statement order_use_forget = {"order.use_forget", "DELETE FROM order_use WHERE order_id = :order_id"};

/* --- refunds --- */

#define REFUND "r.id, r.org_id, r.public_id, r.order_id, r.payment_id, r.kind, r.state, r.amount, r.tax, r.to_credit, r.vouchers, r.currency, r.reason, r.note, r.by_user_id, r.created_s, r.settled_s"
const struct db_statement order_refund_insert = {
    "order.refund_insert",
    "INSERT INTO order_refund(id, org_id, public_id, order_id, payment_id, kind, state, amount, tax, to_credit, vouchers, currency, reason, note, by_user_id, created_s, settled_s) "
    "VALUES(:id, :org_id, :public_id, :order_id, :payment_id, :kind, :state, :amount, :tax, :to_credit, :vouchers, :currency, :reason, :note, :by_user_id, :created_s, :settled_s)"};
const struct db_statement order_refund_by_id = {"order.refund_by_id", "SELECT " REFUND " FROM order_refund r WHERE r.id = :id AND r.org_id + 0 = :org_id"};
const struct db_statement order_refund_by_note = {"order.refund_by_note", "SELECT " REFUND " FROM order_refund r WHERE r.org_id = :org_id AND r.note = :note AND r.order_id = :order_id"};
const struct db_statement order_refund_of_order = {"order.refund_of_order",
                                             "SELECT " REFUND " FROM order_refund r WHERE r.order_id = :order_id AND r.org_id = :org_id ORDER BY r.id LIMIT 1000"};
const struct db_statement order_refund_by_public_id = {"order.refund_by_public_id", "SELECT id FROM order_refund WHERE public_id = :public_id AND org_id + 0 = :org_id"};
#define REFUND_PAGE(which) "SELECT " REFUND " FROM order_refund r WHERE r.org_id = :org_id AND r.id < :before_id " which "ORDER BY r.id DESC LIMIT :limit"
const struct db_statement order_refund_newest = {"order.refund_newest", REFUND_PAGE("")};
const struct db_statement order_refund_newest_done = {"order.refund_newest_done", REFUND_PAGE("AND r.state = 1 ")};
/* The few that wait or failed stand in an index of their own; its condition is said, so that it is used whatever the state. */
const struct db_statement order_refund_newest_other = {"order.refund_newest_other", REFUND_PAGE("AND r.state = :state AND r.state <> 1 ")};
const struct db_statement order_refund_settle = {"order.refund_settle", "UPDATE order_refund SET state = :state, settled_s = :settled_s, to_credit = :to_credit WHERE id = :id AND org_id + 0 = :org_id"};
const struct db_statement order_refund_line_insert = {"order.refund_line_insert",
                                                "INSERT INTO order_refund_line(refund_id, n, amount, tax, vouchers, revoked) VALUES(:refund_id, :n, :amount, :tax, :vouchers, :revoked)"};
const struct db_statement order_refund_line_of = {"order.refund_line_of", "SELECT n, amount, tax, vouchers, revoked FROM order_refund_line WHERE refund_id = :refund_id ORDER BY n LIMIT 20"};

/* --- coupons, gift cards --- */

const struct db_statement order_coupon_count = {"order.coupon_count", "SELECT uses FROM order_coupon WHERE coupon_id = :coupon_id AND org_id = :org_id"};
const struct db_statement order_coupon_add = {"order.coupon_add",
                                        "INSERT INTO order_coupon(coupon_id, org_id, uses) VALUES(:coupon_id, :org_id, :count) "
                                        "ON CONFLICT(coupon_id) DO UPDATE SET uses = order_coupon.uses + excluded.uses"};
const struct db_statement order_coupon_of_household = {"order.coupon_of_household",
                                                 "SELECT COUNT(*) FROM order_coupon_use WHERE household_id = :household_id AND coupon_id = :coupon_id"};
const struct db_statement order_coupon_use_insert = {"order.coupon_use_insert",
                                               "INSERT INTO order_coupon_use(order_id, org_id, coupon_id, household_id) VALUES(:order_id, :org_id, :coupon_id, :household_id)"};
const struct db_statement order_coupon_use_forget = {"order.coupon_use_forget", "DELETE FROM order_coupon_use WHERE order_id = :order_id"};

/* --- figures --- */

const struct db_statement order_revenue_add = {
    "order.revenue_add",
    "INSERT INTO order_revenue(org_id, day_s, currency, offer_id, title_id, country, gross, tax, refunded, lost, orders) "
    "VALUES(:org_id, :day_s, :currency, :offer_id, :title_id, :country, :gross, :tax, :refunded, :lost, :orders) "
    "ON CONFLICT(org_id, day_s, currency, offer_id, title_id, country) DO UPDATE SET gross = order_revenue.gross + excluded.gross, tax = order_revenue.tax + excluded.tax, "
    "refunded = order_revenue.refunded + excluded.refunded, lost = order_revenue.lost + excluded.lost, orders = order_revenue.orders + excluded.orders"};
#define SUMS                                                                                                                           \
    "CAST(SUM(gross) AS BIGINT) AS gross, CAST(SUM(tax) AS BIGINT) AS tax, CAST(SUM(refunded) AS BIGINT) AS refunded, CAST(SUM(lost) AS BIGINT) AS lost, " \
    "CAST(SUM(orders) AS BIGINT) AS orders"
/* Whole months that were added up, and the days before and behind them (struct sums_span). */
#define FIGURES "gross, tax, refunded, lost, orders "
#define OF "WHERE org_id = :org_id AND (:currency = 0 OR currency = :currency) "
#define SPAN(dim, sum_key, key)                                                                                                                                   \
    "FROM (SELECT currency, " sum_key " AS key, " FIGURES "FROM order_sum " OF "AND dim = " dim " AND from_s >= :sums_from_s AND from_s < :sums_to_s UNION ALL "    \
    "SELECT currency, " key " AS key, " FIGURES "FROM order_revenue " OF "AND day_s >= :from_s AND day_s < :sums_from_s UNION ALL "                                \
    "SELECT currency, " key " AS key, " FIGURES "FROM order_revenue " OF "AND day_s >= :sums_to_s AND day_s < :to_s) AS parts "
#define BY(dim, sum_key, key, order) "SELECT currency, key, " SUMS " " SPAN(dim, sum_key, key) "GROUP BY currency, key ORDER BY " order " LIMIT :limit"
#define NET "SUM(gross) - SUM(refunded) - SUM(tax) - SUM(lost) DESC, currency, key"
const struct db_statement order_revenue_by_day = {"order.revenue_by_day", BY("0", "from_s", "day_s", "key, currency")};
const struct db_statement order_revenue_by_title = {"order.revenue_by_title", BY("1", "key_id", "title_id", NET)};
const struct db_statement order_revenue_by_country = {"order.revenue_by_country", BY("2", "country", "country", NET)};
const struct db_statement order_revenue_by_offer = {"order.revenue_by_offer", BY("3", "key_id", "offer_id", NET)};
const struct db_statement order_revenue_currencies = {
    "order.revenue_currencies", "SELECT currency, " SUMS " " SPAN("0", "from_s", "day_s") "GROUP BY currency ORDER BY currency LIMIT 200"};

#define SUM_INTO(dim, at, key_id, country, by)                                                                                                              \
    "INSERT INTO order_sum(org_id, dim, from_s, currency, key_id, country, gross, tax, refunded, lost, orders) SELECT org_id, " dim ", " at ", currency, " key_id ", " country ", " SUMS \
    " FROM order_revenue WHERE org_id = :org_id AND day_s >= :from_s AND day_s < :to_s GROUP BY org_id, currency, " by
#define MONTH "CAST(:from_s AS BIGINT)"
const struct db_statement order_sum_days = {"order.sum_days", SUM_INTO("0", "day_s", "0", "''", "day_s")};
const struct db_statement order_sum_titles = {"order.sum_titles", SUM_INTO("1", MONTH, "title_id", "''", "title_id")};
const struct db_statement order_sum_countries = {"order.sum_countries", SUM_INTO("2", MONTH, "0", "country", "country")};
const struct db_statement order_sum_offers = {"order.sum_offers", SUM_INTO("3", MONTH, "offer_id", "''", "offer_id")};
const struct db_statement order_sum_forget = {"order.sum_forget", "DELETE FROM order_sum WHERE org_id = :org_id AND from_s >= :from_s"};
const struct db_statement order_summed = {"order.summed", "SELECT until_s FROM order_summed WHERE org_id = :org_id"};
const struct db_statement order_summed_newest = {"order.summed_newest", "SELECT MAX(until_s) FROM order_summed"};
const struct db_statement order_summed_put = {
    "order.summed_put", "INSERT INTO order_summed(org_id, until_s) VALUES(:org_id, :until_s) ON CONFLICT(org_id) DO UPDATE SET until_s = excluded.until_s"};
const struct db_statement order_revenue_first = {"order.revenue_first", "SELECT MIN(day_s) FROM order_revenue WHERE org_id = :org_id AND day_s >= :from_s"};
const struct db_statement order_number_orgs = {"order.number_orgs", "SELECT org_id FROM order_number ORDER BY org_id"};
const struct db_statement order_sold_offers = {
    "order.sold_offers", "SELECT key, CAST(SUM(orders) AS BIGINT) AS orders FROM (SELECT key_id AS key, orders FROM order_sum WHERE org_id = :org_id AND dim = 3 UNION ALL "
                         "SELECT offer_id AS key, orders FROM order_revenue WHERE org_id = :org_id AND day_s >= :until_s) AS parts GROUP BY key"};
