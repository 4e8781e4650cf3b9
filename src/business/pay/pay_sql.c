/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is due stands in partial indexes, so that looking for it costs nothing when there is nothing. event_id of a webhook is filled in only once it has been
 * verified: a forgery that names an event first does not keep the real one out.
 * What is found by its own key has `org_id + 0` beside it: PostgreSQL plans with what it knows of a table, which is nothing while the table is young, and may then walk
 * through an index that begins with the organisation. */
#include "business/pay/room.h"

static const struct db_migration migrations[] = {
    {.sql =
         "CREATE TABLE pay_payment(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, household_id $INT NOT NULL, order_id $INT NOT NULL, provider $INT NOT NULL, "
         "state $INT NOT NULL CHECK(state BETWEEN 1 AND 9), currency $INT NOT NULL, amount $INT NOT NULL CHECK(amount > 0), refunded $INT NOT NULL CHECK(refunded >= 0), "
         "refund_pending $INT NOT NULL CHECK(refund_pending >= 0), charged_back $INT NOT NULL CHECK(charged_back >= 0), provider_ref $TEXT NOT NULL, action $INT NOT NULL, url $TEXT, "
         "client_secret $TEXT, code $TEXT, label $TEXT, token $TEXT, method_id $INT NOT NULL, is_off_session $INT NOT NULL, keeps_method $INT NOT NULL, wants_cancel $INT NOT NULL, "
         "is_parked $INT NOT NULL, created_us $INT NOT NULL, captured_us $INT NOT NULL, expires_us $INT NOT NULL, what $TEXT NOT NULL, return_url $TEXT, capture_transfer_id $INT NOT NULL, "
         "ask_us $INT, asks $INT NOT NULL) $TABLE;"
         "CREATE INDEX pay_payment_by_order ON pay_payment(org_id, order_id);"
         "CREATE INDEX pay_payment_by_org ON pay_payment(org_id, id);"
         "CREATE INDEX pay_payment_by_ref ON pay_payment(org_id, provider, provider_ref) WHERE provider_ref <> '';"
         "CREATE INDEX pay_payment_by_ask ON pay_payment(ask_us) WHERE ask_us IS NOT NULL;"
         "CREATE TABLE pay_refund(id $ID, org_id $INT NOT NULL, payment_id $INT NOT NULL REFERENCES pay_payment(id), order_id $INT NOT NULL, currency $INT NOT NULL, "
         "amount $INT NOT NULL CHECK(amount > 0), state $INT NOT NULL CHECK(state BETWEEN 1 AND 3), provider_ref $TEXT NOT NULL, code $TEXT, hold_transfer_id $INT NOT NULL, "
         "settle_transfer_id $INT NOT NULL, back_transfer_id $INT NOT NULL, created_us $INT NOT NULL, settled_us $INT NOT NULL, ask_us $INT, asks $INT NOT NULL) $TABLE;"
         "CREATE INDEX pay_refund_by_order ON pay_refund(org_id, order_id);"
         "CREATE INDEX pay_refund_by_org ON pay_refund(org_id, id);"
         "CREATE INDEX pay_refund_by_ref ON pay_refund(payment_id, provider_ref);"
         "CREATE INDEX pay_refund_by_ask ON pay_refund(ask_us) WHERE ask_us IS NOT NULL;"
         "CREATE TABLE pay_chargeback(id $ID, org_id $INT NOT NULL, payment_id $INT NOT NULL REFERENCES pay_payment(id), provider $INT NOT NULL, provider_ref $TEXT NOT NULL, currency $INT NOT NULL, "
         "amount $INT NOT NULL CHECK(amount > 0), state $INT NOT NULL CHECK(state BETWEEN 1 AND 3), reason $TEXT NOT NULL, at_us $INT NOT NULL, settled_us $INT NOT NULL, due_us $INT NOT NULL, "
         "transfer_id $INT NOT NULL, back_transfer_id $INT NOT NULL, UNIQUE(org_id, provider, provider_ref)) $TABLE;"
         "CREATE INDEX pay_chargeback_by_org ON pay_chargeback(org_id, id);"
         "CREATE INDEX pay_chargeback_open ON pay_chargeback(org_id, provider, at_us) WHERE state = 1;"
         "CREATE TABLE pay_method(id $ID, org_id $INT NOT NULL, household_id $INT NOT NULL, provider $INT NOT NULL, token $TEXT NOT NULL, label $TEXT NOT NULL, created_us $INT NOT NULL) $TABLE;"
         "CREATE INDEX pay_method_by_household ON pay_method(org_id, household_id);"
         "CREATE TABLE pay_outbox(id $ID, org_id $INT NOT NULL, provider $INT NOT NULL, kind $INT NOT NULL, payment_id $INT NOT NULL, refund_id $INT NOT NULL, due_us $INT NOT NULL, "
         "attempts $INT NOT NULL, first_us $INT NOT NULL, claim $INT NOT NULL) $TABLE;"
         "CREATE INDEX pay_outbox_by_due ON pay_outbox(due_us);"
         "CREATE INDEX pay_outbox_by_payment ON pay_outbox(payment_id, id);"
         "CREATE TABLE pay_webhook(id $ID, org_id $INT NOT NULL, provider $INT NOT NULL, received_us $INT NOT NULL, headers $TEXT NOT NULL, body $BLOB NOT NULL, judgement $INT NOT NULL, "
         "event_id $TEXT, kind $TEXT, trouble $TEXT, payment_id $INT NOT NULL, due_us $INT, attempts $INT NOT NULL, UNIQUE(org_id, provider, event_id)) $TABLE;"
         "CREATE INDEX pay_webhook_by_due ON pay_webhook(due_us) WHERE due_us IS NOT NULL;"
         "CREATE INDEX pay_webhook_refused ON pay_webhook(id) WHERE judgement = 5;"
         "CREATE TABLE pay_event(id $ID, org_id $INT NOT NULL, payment_id $INT NOT NULL, at_us $INT NOT NULL, source $INT NOT NULL, judgement $INT NOT NULL, kind $TEXT NOT NULL, message $TEXT NOT NULL, "
         "webhook_id $INT NOT NULL) $TABLE;"
         "CREATE INDEX pay_event_by_payment ON pay_event(payment_id, id);"
         "CREATE TABLE pay_parked(id $ID, org_id $INT NOT NULL, at_us $INT NOT NULL, provider $INT NOT NULL, payment_id $INT NOT NULL, webhook_id $INT NOT NULL, code $TEXT NOT NULL, ref $TEXT NOT NULL, "
         "currency $INT NOT NULL, amount $INT NOT NULL, their_currency $INT NOT NULL, their_amount $INT NOT NULL, settled_us $INT NOT NULL, settled_by $INT NOT NULL, note $TEXT NOT NULL) $TABLE;"
         "CREATE INDEX pay_parked_by_org ON pay_parked(org_id, id);"
         "CREATE INDEX pay_parked_open ON pay_parked(org_id, payment_id) WHERE settled_us = 0;"
         "CREATE TABLE pay_setting(org_id $INT NOT NULL, provider $INT NOT NULL, is_enabled $INT NOT NULL, box $BLOB NOT NULL, PRIMARY KEY(org_id, provider)) $KEYED;"
         /* the sandbox's own book */
         "CREATE TABLE sandbox_payment(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL, card $TEXT NOT NULL, state $INT NOT NULL, currency $INT NOT NULL, amount $INT NOT NULL, "
         "refunded $INT NOT NULL, UNIQUE(org_id, public_id)) $TABLE;"
         "CREATE TABLE sandbox_refund(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL, amount $INT NOT NULL, state $INT NOT NULL) $TABLE;"
         "CREATE TABLE sandbox_dispute(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL, amount $INT NOT NULL, state $INT NOT NULL, UNIQUE(org_id, public_id)) $TABLE;"
         "CREATE TABLE sandbox_send(id $ID, org_id $INT NOT NULL, due_us $INT NOT NULL, step $INT NOT NULL, public_id $TEXT NOT NULL, body $TEXT) $TABLE;"
         "CREATE INDEX sandbox_send_by_due ON sandbox_send(due_us, id);"},
    /* Lists of finance, at no cost for a payment that goes well: by provider takes the place of by organisation (each list asks each provider), and in the second one
     * is only what neither was captured nor will be asked after. */
    {.sql = "DROP INDEX pay_payment_by_org;"
            "CREATE INDEX pay_payment_by_provider ON pay_payment(org_id, provider, id);"
            "CREATE INDEX pay_payment_other ON pay_payment(org_id, provider, state, id) WHERE state <> 4 AND ask_us IS NULL;"
            "CREATE INDEX pay_payment_parked ON pay_payment(org_id, provider, id) WHERE is_parked = 1;"},
};
const struct db_schema pay_schema = {.room = "pay", .migrations = migrations, .versions = ARRAY_LEN(migrations)};

/* --- payments --- */

const struct db_statement pay_insert = {
    "pay.insert", "INSERT INTO pay_payment(" PAYMENT_COLUMNS ") VALUES(:id, :org_id, :public_id, :household_id, :order_id, :provider, 1, :currency, :amount, 0, 0, 0, '', 0, NULL, NULL, NULL, :label, :token, "
                  ":method_id, :is_off_session, :keeps_method, 0, 0, :now_us, 0, :expires_us, :what, :return_url, :capture_transfer_id, :ask_us, 0)"};
const struct db_statement pay_by_id = {"pay.by_id", "SELECT " PAYMENT_COLUMNS " FROM pay_payment WHERE id = :id AND org_id + 0 = :org_id"};
const struct db_statement pay_by_public_id = {"pay.by_public_id", "SELECT " PAYMENT_COLUMNS " FROM pay_payment WHERE public_id = :public_id AND org_id + 0 = :org_id"};
const struct db_statement pay_by_ref = {
    "pay.by_ref", "SELECT " PAYMENT_COLUMNS " FROM pay_payment WHERE org_id = :org_id AND provider = :provider AND provider_ref = :ref AND provider_ref <> '' ORDER BY id LIMIT 1"};
const struct db_statement pay_by_order = {"pay.by_order", "SELECT " PAYMENT_COLUMNS " FROM pay_payment WHERE org_id = :org_id AND order_id = :order_id ORDER BY id DESC LIMIT 100"};
const struct db_statement pay_update = {
    "pay.update", "UPDATE pay_payment SET state = :state, refunded = :refunded, refund_pending = :refund_pending, charged_back = :charged_back, provider_ref = :ref, action = :action, url = :url, "
                  "client_secret = :client_secret, code = :code, label = :label, token = :token, method_id = :method_id, captured_us = :captured_us, ask_us = :ask_us WHERE id = :id"};
const struct db_statement pay_set_cancel = {"pay.set_cancel", "UPDATE pay_payment SET wants_cancel = 1 WHERE id = :id"};
const struct db_statement pay_set_parked = {"pay.set_parked", "UPDATE pay_payment SET is_parked = 1 WHERE id = :id"};
const struct db_statement pay_clear_parked = {"pay.clear_parked", "UPDATE pay_payment SET is_parked = 0 WHERE id = :id"};
/* Pages of one provider's payments, the newest first. Those of a state other than captured (4) are few and stand in two places: who is still asked after, and the rest. */
#define PAGE_OF "WHERE org_id = :org_id AND provider = :provider AND id < :before_id "
#define PAGE_END "ORDER BY id DESC LIMIT :limit"
const struct db_statement pay_page = {"pay.page", "SELECT " PAYMENT_COLUMNS " FROM pay_payment " PAGE_OF PAGE_END};
const struct db_statement pay_page_captured = {"pay.page_captured", "SELECT " PAYMENT_COLUMNS " FROM pay_payment " PAGE_OF "AND state = 4 " PAGE_END};
const struct db_statement pay_page_parked = {"pay.page_parked", "SELECT " PAYMENT_COLUMNS " FROM pay_payment " PAGE_OF "AND is_parked = 1 " PAGE_END};
/* A plus before a column keeps the planner from following it: those who are asked after are found by their own index, which is nearly empty. */
const struct db_statement pay_page_other = {
    "pay.page_other", "SELECT " PAYMENT_COLUMNS " FROM pay_payment WHERE +org_id = :org_id AND id IN ("
                      "SELECT id FROM (SELECT id FROM pay_payment " PAGE_OF "AND state = :state AND state <> 4 AND ask_us IS NULL " PAGE_END ") AS settled UNION "
                      "SELECT id FROM pay_payment WHERE ask_us IS NOT NULL AND +org_id = :org_id AND +provider = :provider AND +state = :state AND +id < :before_id) " PAGE_END};
const struct db_statement pay_ask_due = {
    "pay.ask_due", "SELECT " PAYMENT_COLUMNS " FROM pay_payment WHERE ask_us IS NOT NULL AND (ask_us <= :now_us OR ask_us > :far_us) ORDER BY ask_us LIMIT :limit"};
const struct db_statement pay_set_ask = {"pay.set_ask", "UPDATE pay_payment SET ask_us = :ask_us, asks = asks + 1 WHERE id = :id"};

/* --- outbox --- */

const struct db_statement pay_outbox_insert = {
    "pay.outbox_insert", "INSERT INTO pay_outbox(id, org_id, provider, kind, payment_id, refund_id, due_us, attempts, first_us, claim) VALUES(:id, :org_id, :provider, :kind, :payment_id, :refund_id, :now_us, 0, 0, 0)"};
/* What is about one payment is said in order, one thing at a time. A claim ends by itself, should its holder die. */
const struct db_statement pay_outbox_claim = {
    "pay.outbox_claim", "UPDATE pay_outbox SET due_us = :until_us, claim = :claim, attempts = attempts + 1, first_us = CASE WHEN first_us = 0 THEN :now_us ELSE first_us END WHERE id IN "
                        "(SELECT a.id FROM pay_outbox a WHERE (a.due_us <= :now_us OR a.due_us > :far_us) AND (a.provider = 1) = (:is_local = 1) AND (a.payment_id = 0 OR NOT EXISTS "
                        "(SELECT 1 FROM pay_outbox b WHERE b.payment_id = a.payment_id AND b.id < a.id)) ORDER BY a.due_us, a.id LIMIT :limit)"};
const struct db_statement pay_outbox_claimed = {
    "pay.outbox_claimed",
    "SELECT o.id, o.org_id, o.provider, o.kind, o.payment_id, o.refund_id, o.attempts, o.first_us, p.public_id, p.household_id, p.currency, p.amount, p.provider_ref, p.token, p.what, p.return_url, p.created_us, "
    "p.expires_us, p.is_off_session, p.keeps_method, r.amount AS refund_amount, r.provider_ref AS refund_ref FROM pay_outbox o LEFT JOIN pay_payment p ON p.id = o.payment_id "
    "LEFT JOIN pay_refund r ON r.id = o.refund_id WHERE o.due_us = :until_us AND o.claim = :claim ORDER BY o.id"};
const struct db_statement pay_outbox_delete = {"pay.outbox_delete", "DELETE FROM pay_outbox WHERE id = :id"};
const struct db_statement pay_outbox_later = {"pay.outbox_later", "UPDATE pay_outbox SET due_us = :due_us, claim = 0 WHERE id = :id"};
const struct db_statement pay_outbox_of_payment = {"pay.outbox_of_payment", "SELECT COUNT(*) FROM pay_outbox WHERE payment_id = :payment_id AND (:kind = 0 OR kind = :kind)"};
const struct db_statement pay_outbox_of_refund = {"pay.outbox_of_refund", "SELECT COUNT(*) FROM pay_outbox WHERE payment_id = :payment_id AND refund_id = :refund_id"};
/* Only while nobody has begun to say it. */
const struct db_statement pay_outbox_drop_create = {"pay.outbox_drop_create", "DELETE FROM pay_outbox WHERE payment_id = :payment_id AND kind = 1 AND attempts = 0"};
const struct db_statement pay_outbox_sweeping = {"pay.outbox_sweeping", "SELECT COUNT(*) FROM pay_outbox WHERE payment_id = 0 AND org_id = :org_id AND provider = :provider"};

/* --- refunds --- */

#define REFUND_COLUMNS "id, org_id, payment_id, order_id, currency, amount, state, provider_ref, code, hold_transfer_id, settle_transfer_id, back_transfer_id, created_us, settled_us, ask_us, asks"
const struct db_statement pay_refund_insert = {
    "pay.refund_insert", "INSERT INTO pay_refund(" REFUND_COLUMNS ") VALUES(:id, :org_id, :payment_id, :order_id, :currency, :amount, 1, '', NULL, :hold_id, :settle_id, :back_id, :now_us, 0, :ask_us, 0)"};
const struct db_statement pay_refund_by_id = {"pay.refund_by_id", "SELECT " REFUND_COLUMNS " FROM pay_refund WHERE id = :id AND org_id + 0 = :org_id"};
const struct db_statement pay_refund_by_ref = {"pay.refund_by_ref", "SELECT " REFUND_COLUMNS " FROM pay_refund WHERE payment_id = :payment_id AND provider_ref = :ref ORDER BY id LIMIT 1"};
const struct db_statement pay_refund_update = {
    "pay.refund_update", "UPDATE pay_refund SET state = :state, provider_ref = :ref, code = :code, settled_us = :settled_us, ask_us = :ask_us WHERE id = :id"};
const struct db_statement pay_refund_by_order = {"pay.refund_by_order", "SELECT " REFUND_COLUMNS " FROM pay_refund WHERE org_id = :org_id AND order_id = :order_id ORDER BY id DESC LIMIT 200"};
const struct db_statement pay_refund_ask_due = {
    "pay.refund_ask_due", "SELECT r.id, r.org_id, r.payment_id, r.asks, r.currency, r.amount, p.provider, p.is_parked FROM pay_refund r JOIN pay_payment p ON p.id = r.payment_id "
                          "WHERE r.ask_us IS NOT NULL AND (r.ask_us <= :now_us OR r.ask_us > :far_us) ORDER BY r.ask_us LIMIT :limit"};
const struct db_statement pay_refund_set_ask = {"pay.refund_set_ask", "UPDATE pay_refund SET ask_us = :ask_us, asks = asks + 1 WHERE id = :id"};

/* --- charge-backs --- */

#define CHARGEBACK_COLUMNS "c.id, c.org_id, c.payment_id, c.provider, c.provider_ref, c.currency, c.amount, c.state, c.reason, c.at_us, c.settled_us, c.due_us, c.transfer_id, c.back_transfer_id"
const struct db_statement pay_chargeback_insert = {
    "pay.chargeback_insert", "INSERT INTO pay_chargeback(id, org_id, payment_id, provider, provider_ref, currency, amount, state, reason, at_us, settled_us, due_us, transfer_id, back_transfer_id) "
                             "VALUES(:id, :org_id, :payment_id, :provider, :ref, :currency, :amount, :state, :reason, :now_us, :settled_us, :due_us, :transfer_id, :back_transfer_id)"};
const struct db_statement pay_chargeback_by_ref = {
    "pay.chargeback_by_ref", "SELECT " CHARGEBACK_COLUMNS " FROM pay_chargeback c WHERE c.org_id = :org_id AND c.provider = :provider AND c.provider_ref = :ref"};
const struct db_statement pay_chargeback_update = {"pay.chargeback_update", "UPDATE pay_chargeback SET state = :state, settled_us = :now_us WHERE id = :id"};
const struct db_statement pay_chargeback_list = {
    "pay.chargeback_list", "SELECT " CHARGEBACK_COLUMNS ", p.order_id, p.household_id, p.public_id FROM pay_chargeback c JOIN pay_payment p ON p.id = c.payment_id WHERE c.org_id = :org_id "
                           "AND c.id < :before_id ORDER BY c.id DESC LIMIT :limit"};
const struct db_statement pay_chargeback_oldest_open = {
    "pay.chargeback_oldest_open", "SELECT MIN(at_us) FROM pay_chargeback WHERE org_id = :org_id AND provider = :provider AND state = 1"};

/* --- methods --- */

const struct db_statement pay_method_insert = {
    "pay.method_insert", "INSERT INTO pay_method(id, org_id, household_id, provider, token, label, created_us) VALUES(:id, :org_id, :household_id, :provider, :token, :label, :now_us)"};
const struct db_statement pay_method_by_id = {"pay.method_by_id", "SELECT provider, token, label FROM pay_method WHERE id = :id AND org_id + 0 = :org_id AND household_id = :household_id"};
const struct db_statement pay_method_by_token = {
    "pay.method_by_token", "SELECT id FROM pay_method WHERE org_id = :org_id AND household_id = :household_id AND provider = :provider AND token = :token ORDER BY id LIMIT 1"};
const struct db_statement pay_method_list = {
    "pay.method_list", "SELECT id, provider, label, created_us FROM pay_method WHERE org_id = :org_id AND household_id = :household_id ORDER BY id DESC LIMIT 50"};
const struct db_statement pay_method_label = {"pay.method_label", "UPDATE pay_method SET label = :label WHERE id = :id AND label = ''"};
const struct db_statement pay_method_remove = {
    "pay.method_remove", "DELETE FROM pay_method WHERE org_id = :org_id AND household_id = :household_id AND (:id = 0 OR id = :id)"};

/* --- webhooks --- */

const struct db_statement pay_webhook_insert = {
    "pay.webhook_insert", "INSERT INTO pay_webhook(id, org_id, provider, received_us, headers, body, judgement, event_id, kind, trouble, payment_id, due_us, attempts) "
                          "VALUES(:id, :org_id, :provider, :now_us, :headers, :body, 0, NULL, NULL, NULL, 0, :now_us, 0)"};
const struct db_statement pay_webhook_due = {
    "pay.webhook_due", "SELECT id, org_id, provider, received_us, headers, body, attempts FROM pay_webhook WHERE due_us IS NOT NULL AND (due_us <= :now_us OR due_us > :far_us) ORDER BY due_us, id LIMIT :limit"};
const struct db_statement pay_webhook_judged = {
    "pay.webhook_judged", "UPDATE pay_webhook SET judgement = :judgement, event_id = :event_id, kind = :kind, trouble = :trouble, payment_id = :payment_id, due_us = NULL WHERE id = :id AND due_us IS NOT NULL"};
const struct db_statement pay_webhook_later = {"pay.webhook_later", "UPDATE pay_webhook SET due_us = :due_us, attempts = attempts + 1, trouble = :trouble WHERE id = :id AND due_us IS NOT NULL"};
const struct db_statement pay_webhook_of_event = {
    "pay.webhook_of_event", "SELECT id FROM pay_webhook WHERE org_id = :org_id AND provider = :provider AND event_id = :event_id"};
const struct db_statement pay_webhook_body = {"pay.webhook_body", "SELECT body FROM pay_webhook WHERE id = :id AND org_id + 0 = :org_id"};
const struct db_statement pay_webhook_prune = {
    "pay.webhook_prune", "DELETE FROM pay_webhook WHERE id IN (SELECT id FROM pay_webhook WHERE due_us IS NULL AND ((judgement = 1 AND received_us < :applied_before_us) OR "
                         "(judgement <> 1 AND received_us < :others_before_us)) ORDER BY id LIMIT :limit)"};
const struct db_statement pay_webhook_prune_forged = {
    "pay.webhook_prune_forged", "DELETE FROM pay_webhook WHERE judgement = 5 AND id <= COALESCE((SELECT id FROM pay_webhook WHERE judgement = 5 ORDER BY id DESC LIMIT 1 OFFSET :kept), 0)"};

/* --- events --- */

const struct db_statement pay_event_insert = {
    "pay.event_insert", "INSERT INTO pay_event(id, org_id, payment_id, at_us, source, judgement, kind, message, webhook_id) VALUES(:id, :org_id, :payment_id, :now_us, :source, :judgement, :kind, :message, :webhook_id)"};
const struct db_statement pay_event_list = {
    "pay.event_list", "SELECT id, at_us, source, judgement, kind, message, webhook_id FROM pay_event WHERE payment_id = :payment_id AND org_id = :org_id ORDER BY id LIMIT 500"};

/* --- parked --- */

#define PARKED_COLUMNS "id, at_us, provider, payment_id, webhook_id, code, ref, currency, amount, their_currency, their_amount, settled_us, note"
const struct db_statement pay_parked_insert = {
    "pay.parked_insert", "INSERT INTO pay_parked(id, org_id, at_us, provider, payment_id, webhook_id, code, ref, currency, amount, their_currency, their_amount, settled_us, settled_by, note) "
                         "VALUES(:id, :org_id, :now_us, :provider, :payment_id, :webhook_id, :code, :ref, :currency, :amount, :their_currency, :their_amount, 0, 0, '')"};
/* Asked again and again, a provider says the same again and again. */
const struct db_statement pay_parked_same = {
    "pay.parked_same", "SELECT COUNT(*) FROM pay_parked WHERE org_id = :org_id AND settled_us = 0 AND payment_id = :payment_id AND code = :code AND ref = :ref AND their_amount = :their_amount "
                       "AND their_currency = :their_currency"};
const struct db_statement pay_parked_list = {
    "pay.parked_list", "SELECT " PARKED_COLUMNS " FROM pay_parked WHERE org_id = :org_id AND id < :before_id ORDER BY id DESC LIMIT :limit"};
const struct db_statement pay_parked_open = {
    "pay.parked_open", "SELECT " PARKED_COLUMNS " FROM pay_parked WHERE org_id = :org_id AND id < :before_id AND settled_us = 0 ORDER BY id DESC LIMIT :limit"};
const struct db_statement pay_parked_find = {"pay.parked_find", "SELECT payment_id FROM pay_parked WHERE id = :id AND org_id + 0 = :org_id"};
const struct db_statement pay_parked_settle_one = {
    "pay.parked_settle", "UPDATE pay_parked SET settled_us = :now_us, settled_by = :user_id, note = :note WHERE id = :id AND org_id + 0 = :org_id AND settled_us = 0"};
const struct db_statement pay_parked_open_of = {"pay.parked_open_of", "SELECT COUNT(*) FROM pay_parked WHERE org_id = :org_id AND payment_id = :payment_id AND settled_us = 0"};

/* --- settings --- */

const struct db_statement pay_settings_all = {"pay.settings_all", "SELECT provider, is_enabled, box FROM pay_setting WHERE org_id = :org_id"};
const struct db_statement pay_settings_put = {
    "pay.settings_put", "INSERT INTO pay_setting(org_id, provider, is_enabled, box) VALUES(:org_id, :provider, :is_enabled, :box) "
                        "ON CONFLICT(org_id, provider) DO UPDATE SET is_enabled = excluded.is_enabled, box = excluded.box"};
const struct db_statement pay_settings_orgs = {"pay.settings_orgs", "SELECT org_id FROM pay_setting WHERE provider = :provider AND is_enabled = 1 ORDER BY org_id"};

/* --- the thread --- */

/* When something is due next: 0 nothing is. Far: what was put off before the clock went back. */
const struct db_statement pay_due = {
    "pay.due", "SELECT MIN(due) FROM (SELECT MIN(due_us) AS due FROM pay_webhook WHERE due_us IS NOT NULL UNION ALL SELECT MIN(due_us) FROM pay_outbox UNION ALL SELECT MIN(due_us) FROM sandbox_send "
               "UNION ALL SELECT MIN(ask_us) FROM pay_payment WHERE ask_us IS NOT NULL UNION ALL SELECT MIN(ask_us) FROM pay_refund WHERE ask_us IS NOT NULL) AS all_due"};

/* --- the sandbox --- */

const struct db_statement sandbox_insert = {
    "sandbox.insert", "INSERT INTO sandbox_payment(id, org_id, public_id, card, state, currency, amount, refunded) VALUES(:id, :org_id, :public_id, :card, :state, :currency, :amount, 0) "
                      "ON CONFLICT(org_id, public_id) DO NOTHING"};
const struct db_statement sandbox_find = {"sandbox.find", "SELECT card, state, currency, amount, refunded FROM sandbox_payment WHERE org_id = :org_id AND public_id = :public_id"};
const struct db_statement sandbox_update = {"sandbox.update", "UPDATE sandbox_payment SET state = :state, refunded = :refunded WHERE org_id = :org_id AND public_id = :public_id"};
const struct db_statement sandbox_refund_insert = {
    "sandbox.refund_insert", "INSERT INTO sandbox_refund(id, org_id, public_id, amount, state) VALUES(:id, :org_id, :public_id, :amount, :state)"};
const struct db_statement sandbox_refund_find = {"sandbox.refund_find", "SELECT amount, state FROM sandbox_refund WHERE id = :id AND org_id + 0 = :org_id"};
const struct db_statement sandbox_dispute_insert = {
    "sandbox.dispute_insert", "INSERT INTO sandbox_dispute(id, org_id, public_id, amount, state) VALUES(:id, :org_id, :public_id, :amount, :state) "
                              "ON CONFLICT(org_id, public_id) DO UPDATE SET state = excluded.state"};
const struct db_statement sandbox_dispute_find = {"sandbox.dispute_find", "SELECT id, amount, state FROM sandbox_dispute WHERE org_id = :org_id AND public_id = :public_id"};
const struct db_statement sandbox_send_insert = {
    "sandbox.send_insert", "INSERT INTO sandbox_send(id, org_id, due_us, step, public_id, body) VALUES(:id, :org_id, :due_us, :step, :public_id, :body)"};
const struct db_statement sandbox_send_list = {
    "sandbox.send_list", "SELECT id, org_id, step, public_id, body FROM sandbox_send WHERE due_us <= :now_us ORDER BY due_us, id LIMIT :limit"};
const struct db_statement sandbox_send_delete = {"sandbox.send_delete", "DELETE FROM sandbox_send WHERE id = :id",
                                                   "DELETE FROM sandbox_send s USING unnest(:id) AS taken(id) WHERE s.id = taken.id"};

/* --- what waits: each by a partial index that has little in it --- */

const struct db_statement pay_open_states = {"pay.open_states", "SELECT state, COUNT(*) AS n FROM pay_payment WHERE ask_us IS NOT NULL GROUP BY state"};
const struct db_statement pay_outbox_waiting = {"pay.outbox_waiting", "SELECT COUNT(*) AS n, MIN(id) AS oldest FROM pay_outbox"};
const struct db_statement pay_webhook_waiting = {"pay.webhook_waiting", "SELECT COUNT(*) FROM pay_webhook WHERE due_us IS NOT NULL"};
/* org_id 0: of all. */
const struct db_statement pay_parked_waiting = {"pay.parked_waiting", "SELECT COUNT(*) FROM pay_parked WHERE settled_us = 0 AND (:org_id = 0 OR org_id = :org_id)"};
const struct db_statement pay_chargebacks_open = {"pay.chargebacks_open", "SELECT COUNT(*) FROM pay_chargeback WHERE state = 1 AND (:org_id = 0 OR org_id = :org_id)"};
