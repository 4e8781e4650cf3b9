/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * For tests/scenario/ledger.test.mjs: puts a small book into a data folder that exists, or spoils it as no program of ours would.
 *   ledger_maker DATABASE make     two accounts and five transfers in EUR for the first organisation
 *   ledger_maker DATABASE spoil    changes an amount by hand */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "business/ledger/ledger.h"

static void must(struct err e) {
    if (!e.kind) return;
    fprintf(stderr, "%s: %s\n", e.code, e.what);
    exit(1);
}
static const struct db_statement first_org = {"maker.org", "SELECT MIN(id) FROM organisation"};
static const struct db_statement spoil = {"maker.spoil", "UPDATE ledger_transfer SET amount = amount + 1 WHERE id = (SELECT MIN(id) FROM ledger_transfer)"};

struct maker {
    struct ledger *ledger;
    struct id_maker *ids;
};
static struct err make(struct db_tx *tx, void *arg) {
    const struct maker *m = arg;
    int64_t org = DB_GET_INT(tx, 0, &first_org), revenue, clearing;
    struct err e = ledger_account_for(m->ledger, tx, org, 978, LEDGER_CODE_REVENUE, 0, 0, &revenue);
    if (!e.kind) e = ledger_account_for(m->ledger, tx, org, 978, LEDGER_CODE_CLEARING, 1, 0, &clearing);
    for (int i = 1; i <= 5 && !e.kind; i++) {
        const struct ledger_transfer t = {.id = id_next(m->ids), .debit_id = clearing, .credit_id = revenue, .amount = 1000 + i, .order_id = i, .ledger = 978, .code = 7};
        e = ledger_move(m->ledger, tx, &t, 1);
    }
    return e;
}
static struct err ruin(struct db_tx *tx, void *arg) { return DB_RUN(tx, &spoil); }

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    static const struct db_schema *const schemas[] = {&ledger_schema};
    struct db *db;
    struct maker m = {.ids = id_maker_create(clock_system(), 40)};
    must(db_open(&db, &(struct db_options){.url = argv[1]}));
    must(db_migrate(db, schemas, 1));
    must(ledger_open(&m.ledger, &(struct ledger_options){.db = db, .clock = clock_system(), .ids = m.ids}));
    must(db_write(db, strcmp(argv[2], "make") ? ruin : make, &m));
    ledger_close(&m.ledger);
    db_close(&db);
    id_maker_destroy(&m.ids);
    return 0;
}
