/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Part of the door account.h: what people agree to, what they may take with them, and how they are forgotten. Workers.
 *
 * Personal data (names, addresses, birth years, second factors) is sealed under the key of the person it is about (system/keys); an e-mail is found by
 * a keyed hash. Erasing somebody
 *   1. notes it in the store: from that commit on there is no way in, and no crash forgets what was begun (account_open goes on with it);
 *   2. destroys the keys, durably: from here on nobody can read the rows, nor their copies in backups;
 *   3. empties the rows. What the law or a ledger needs stays, under ids that nobody can resolve.
 * A profile that is removed, and a household that its last user leaves behind, lose their keys as well.
 * The last user of a household takes its household and profiles along; one of several only the profile that came with him. Where the owner goes, who has lived there longest
 * of the others owns it from step 1 on and is told by letter (adult.h): no household of somebody is ever without an owner. */
#ifndef BUSINESS_ACCOUNT_PRIVACY_H
#define BUSINESS_ACCOUNT_PRIVACY_H

#include "base/json.h"
#include "business/account/who.h"
#include "system/db/db.h"

/* Purposes of which somebody may say yes or no. What a contract or the law asks for is no question and not here. */
enum account_purpose {
    ACCOUNT_PURPOSE_NEWS = 1,        /* mails about what is new */
    ACCOUNT_PURPOSE_SUGGESTIONS = 2, /* what was watched decides what is suggested */
    ACCOUNT_PURPOSE_STATISTICS = 4,  /* counted in audience figures for rights holders and sponsors, never by name */
};
const char *account_purpose_name(uint32_t bit); /* "news", "suggestions", "statistics"; NULL */
struct account_consent {
    struct slice purpose;
    int text_version;
    bool is_granted;      /* false also where nobody was asked */
    struct utc_time at;   /* of the last answer; ns 0: never asked */
};
struct account_consent_list {
    struct account_consent *items; /* one a purpose */
    size_t count;
};
MUST_USE struct err account_consent_list(struct account *, struct arena *, const struct account_who *, struct account_consent_list *out);
/* Adds to the log; nothing is ever changed there. Errors: ERR_INPUT consent.purpose, ERR_DENIED profile.child. */
MUST_USE struct err account_consent_set(struct account *, const struct account_who *, struct slice purpose, bool is_granted);
/* At use, where there is no session (mails, statistics); else look at account_who.consents. */
MUST_USE struct err account_consent_has(struct account *, int64_t org_id, int64_t user_id, enum account_purpose, bool *out);

/* Whoever keeps something about people adds itself before anybody is served, so that exports are whole and erasing forgets all. */
struct account_subject {
    int64_t org_id, user_id, household_id;
    bool is_whole_household; /* erasing: the household ends with this user */
    const int64_t *profile_ids; /* of the household */
    size_t profile_count;
};
struct account_holder {
    const char *name; /* its member in the export */
    /* Writes one JSON value. May be NULL. */
    struct err (*write)(void *user, struct db_tx *, struct arena *, const struct account_subject *, struct json_writer *);
    /* Inside the transaction of step 3; may run more than once. May be NULL. */
    struct err (*erase)(void *user, struct db_tx *, const struct account_subject *);
    /* Is there something of value in this household (bought, granted, paid in) that would be lost if its only user moved into another? May be NULL. */
    struct err (*keeps)(void *user, struct db_tx *, struct arena *, const struct account_subject *, bool *out);
    void *user;
};
/* ERR_LIMIT after 16. */
MUST_USE struct err account_add_holder(struct account *, const struct account_holder *);

/* One JSON object of everything that we hold of the user, his household and its profiles. Errors: ERR_DENIED profile.child. */
MUST_USE struct err account_export(struct account *, struct arena *, const struct account_who *, struct buf *out);
/* Errors: ERR_DENIED me.password, profile.child, ERR_LIMIT sign_in.many; ERR_LIMIT me.erasing: step 1 is done and cannot be undone, what follows could not be done now (a full
 * disk) and is left to account_tick. With all others nothing has happened. */
MUST_USE struct err account_erase(struct account *, const struct account_who *, struct slice password);

#endif
