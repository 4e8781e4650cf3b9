/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "system/mail/room.h"

static const struct db_migration migrations[] = {
    {.sql = "CREATE TABLE mail(id $ID, org_id $INT NOT NULL, public_id $TEXT NOT NULL UNIQUE, about_id $INT, state $INT NOT NULL CHECK(state BETWEEN 0 AND 3), "
            "box $BLOB NOT NULL, created_s $INT NOT NULL, due_s $INT NOT NULL, sent_s $INT NOT NULL, attempts $INT NOT NULL, trouble $TEXT NOT NULL) $TABLE;"
            "CREATE INDEX mail_by_org ON mail(org_id, id);"
            "CREATE INDEX mail_by_due ON mail(due_s) WHERE state = 1;"
            "CREATE INDEX mail_by_about ON mail(org_id, about_id) WHERE about_id IS NOT NULL;"},
};
const struct db_schema mail_schema = {.room = "mail", .migrations = migrations, .versions = ARRAY_LEN(migrations)};

const struct db_statement mail_insert = {
    "mail.insert", "INSERT INTO mail(id, org_id, public_id, about_id, state, box, created_s, due_s, sent_s, attempts, trouble) "
                   "VALUES(:id, :org_id, :public_id, :about_id, :state, :box, :now_s, :now_s, 0, 0, '')"};

/* The sender is for all organisations. */
const struct db_statement mail_next = {
    "mail.next", "SELECT id, org_id, public_id, box, created_s, due_s, attempts FROM mail WHERE state = 1 ORDER BY due_s, id LIMIT 1"};
/* Another sender on the same store may have been quicker. Should this one die now, it is due again in a while. */
const struct db_statement mail_claim = {
    "mail.claim", "UPDATE mail SET due_s = :until_s, attempts = attempts + 1 WHERE id = :id AND state = 1 AND due_s = :due_s"};
const struct db_statement mail_finish = {
    "mail.finish", "UPDATE mail SET state = :state, box = :box, due_s = :due_s, sent_s = :sent_s, trouble = :trouble WHERE id = :id AND state = 1"};

#define COLUMNS "SELECT id, public_id, about_id, state, box, created_s, sent_s, attempts, trouble FROM mail WHERE org_id = :org_id "
const struct db_statement mail_newest = {"mail.newest", COLUMNS "ORDER BY id DESC LIMIT :limit"};
const struct db_statement mail_of = {"mail.of", COLUMNS "AND id < :before_id ORDER BY id DESC LIMIT :limit"};
const struct db_statement mail_of_all = {"mail.of_all", COLUMNS "AND about_id = :about_id ORDER BY id DESC LIMIT :limit"};
const struct db_statement mail_pass_about = {"mail.pass_about", "UPDATE mail SET about_id = :to_id WHERE org_id = :org_id AND about_id = :from_id"};
const struct db_statement mail_delete_about = {"mail.delete_about", "DELETE FROM mail WHERE org_id = :org_id AND about_id = :about_id"};
const struct db_statement mail_delete_old = {"mail.delete_old", "DELETE FROM mail WHERE created_s < :before_s"};
