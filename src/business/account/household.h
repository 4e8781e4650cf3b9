/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Part of the door account.h: households and their profiles.
 *
 * Each user belongs to a household, made with him; a household has 1 to 8 profiles. A profile of age_max 12 or less is a child's. What would
 * give a child more than it has needs proof that a grown-up is there: the user's password, or the PIN of a profile of the household with age_max 18:
 *   raising age_max; anything at all about profiles while a child's profile is chosen; leaving a child's profile for one that may see more;
 *   changing or removing a PIN (or that profile); making a profile that may see more than the one chosen, or giving such a one its first PIN. Where no
 *   profile is chosen yet and a grown-up's has a PIN, the same as for a profile of age 0.
 * PINs are four digits; guessing is slowed down to 5, then one in five minutes, a profile.
 *
 * `facts` are answered from memory by any thread, also loops: they are loaded with the session (account_session_find) of anybody of the household. */
#ifndef BUSINESS_ACCOUNT_HOUSEHOLD_H
#define BUSINESS_ACCOUNT_HOUSEHOLD_H

#include "business/account/user.h"

enum { ACCOUNT_PROFILES_MAX = 8, ACCOUNT_PIN_LEN = 4, ACCOUNT_CHILD_AGE_MAX = 12, ACCOUNT_STREAMS_DEFAULT = 3, ACCOUNT_PICTURES = 12 };

/* --- facts, for decisions --- */

struct account_profile_facts {
    int64_t profile_id;
    int16_t birth_year; /* 0: not said */
    uint8_t age_max;    /* 0, 6, 12, 16, 18 */
    bool has_pin, is_child;
};
struct account_household_facts {
    int64_t org_id, household_id;
    char country[3];    /* "DE" */
    int streams_max;
    size_t profile_count;
    struct account_profile_facts profiles[ACCOUNT_PROFILES_MAX];
};
/* False: not in memory (or gone); account_household_load then tells on a worker. */
bool account_household_facts(struct account *, int64_t org_id, int64_t household_id, struct account_household_facts *out);
/* ERR_NOT_FOUND household.missing. */
MUST_USE struct err account_household_load(struct account *, int64_t org_id, int64_t household_id, struct account_household_facts *out);
/* From memory: false if the household is not there, or has no such profile. */
bool account_profile_facts(struct account *, int64_t org_id, int64_t household_id, int64_t profile_id, struct account_profile_facts *out);

/* Is this the PIN of the profile, or of a profile of the household with age_max 18? Errors: ERR_DENIED profile.pin (missing or wrong),
 * ERR_LIMIT profile.pin_many, ERR_NOT_FOUND profile.missing. Workers. */
MUST_USE struct err account_pin_check(struct account *, int64_t org_id, int64_t household_id, int64_t profile_id, struct slice pin);
MUST_USE struct err account_profile_name(struct account *, struct arena *, int64_t org_id, int64_t household_id, int64_t profile_id, struct slice *name);
/* The profile of this household behind a public id. ERR_NOT_FOUND profile.missing. Workers. */
MUST_USE struct err account_profile_find(struct account *, int64_t org_id, int64_t household_id, struct slice public_id, int64_t *profile_id);

/* --- me --- */

struct account_profile {
    int64_t id;
    struct public_id public_id;
    struct slice name;
    char picture[4]; /* "a1" to "a12": drawings that the pages have */
    int birth_year;  /* 0: not said */
    int age_max;
    bool has_pin, is_child;
};
struct account_household {
    int64_t id;
    struct public_id public_id;
    struct slice name;
    char country[3];
    int streams_max;
    struct utc_time created_at;
};
struct account_me {
    bool has_user, has_household;
    struct account_user user;
    struct account_household household;
    struct account_profile *profiles;
    size_t profile_count;
    const struct account_profile *profile; /* the one chosen; NULL */
};
/* Everything about whoever calls, in the arena. Also for a session without a user (then nothing is there). */
MUST_USE struct err account_me_read(struct account *, struct arena *, const struct account_who *, struct account_me *out);

struct account_household_change { /* .ptr NULL: stays */
    struct slice name, country;
};
/* The country decides which ratings hold. Errors: ERR_INPUT account.name, account.country; ERR_DENIED profile.child, household.country (another country, by a session
 * that may not see everything: its profile's age is below 18, or none is chosen where a grown-up's has a PIN). */
MUST_USE struct err account_household_change(struct account *, const struct account_who *, const struct account_household_change *);

struct account_proof { /* that a grown-up is there: one of them; may be empty */
    struct slice password, pin;
};
struct account_profile_change { /* for a new one: what is not said is picture a1, age_max 18 */
    struct slice name, picture;   /* .ptr NULL: stays */
    bool has_birth_year, has_age_max, has_pin;
    int birth_year;   /* 0: not said any more; else 1900 up to this year */
    int age_max;      /* 0, 6, 12, 16, 18 */
    struct slice pin; /* four digits; empty: none any more */
};
/* Errors of these: ERR_DENIED profile.pin (proof is needed, or the PIN is wrong; a PIN would do), profile.password (nobody has a PIN: the password
 * is needed, or it is wrong), ERR_LIMIT profile.pin_many, sign_in.many; ERR_INPUT account.name, profile.picture, profile.birth_year, profile.age_max,
 * profile.pin_form; ERR_LIMIT profile.count; ERR_NOT_FOUND profile.missing; ERR_CONFLICT profile.last (a household keeps one). */
MUST_USE struct err account_profile_add(struct account *, const struct account_who *, const struct account_profile_change *, const struct account_proof *,
                                        struct public_id *public_id);
MUST_USE struct err account_profile_change(struct account *, const struct account_who *, struct slice public_id, const struct account_profile_change *,
                                           const struct account_proof *);
MUST_USE struct err account_profile_remove(struct account *, const struct account_who *, struct slice public_id, const struct account_proof *);
/* For this session. The proof may be the PIN of the profile that is chosen. */
MUST_USE struct err account_profile_choose(struct account *, const struct account_who *, struct slice public_id, const struct account_proof *);

/* --- for operators --- */

struct account_household_item {
    struct account_household household;
    size_t profile_count;
    struct account_user *users;
    size_t user_count;
};
struct account_household_list {
    struct account_household_item *items; /* newest first */
    size_t count;
    bool is_whole;    /* nobody was left out: neither for the limit nor for how far the search went */
    int64_t next_id;  /* go on after this one; 0: that was the end */
    size_t searched;  /* households that were looked at, of those there are */
    int64_t total;
};
/* `query`: a whole address or a public id, which are found at once; or part of the household's name. Names are sealed, each
 * by its own key, so they are opened one by one, the newest first: one call opens ACCOUNT_SEARCH_MAX households and then says how far it came
 * (searched, total) and where to go on (`after_id` of the next call; 0: from the newest). Empty: all, by pages of `limit` (at most 200). */
enum { ACCOUNT_SEARCH_MAX = 5000 };
MUST_USE struct err account_household_list_after(struct account *, struct arena *, int64_t org_id, struct slice query, size_t limit, int64_t after_id,
                                                 struct account_household_list *out);
/* From the newest. */
MUST_USE struct err account_household_list(struct account *, struct arena *, int64_t org_id, struct slice query, size_t limit, struct account_household_list *out);
/* ERR_NOT_FOUND household.missing. */
MUST_USE struct err account_household_get(struct account *, struct arena *, int64_t org_id, struct slice public_id, struct account_household_item *out,
                                          struct account_profile **profiles, size_t *profile_count);
/* Households without anybody in them, as example data has: nobody signs in to them and no letter reaches them. All or none; at most 1,000. `ids` are the caller's, made before. */
struct account_household_new {
    struct slice name;
    char country[3];
    int64_t created_s;
};
MUST_USE struct err account_households_make(struct account *, int64_t org_id, const struct account_household_new *, size_t count, const int64_t *ids);
/* What households are called, by the ids inside, for lists of what they bought: out[i] of ids[i]; public_id.text "" where it is gone. */
struct account_named {
    struct public_id public_id;
    struct slice name; /* in the arena */
};
MUST_USE struct err account_household_names(struct account *, struct arena *, int64_t org_id, const int64_t *ids, size_t count, struct account_named *out);
MUST_USE struct err account_household_set_streams(struct account *, int64_t org_id, struct slice public_id, int streams_max); /* 1 to 20: household.streams */

#endif
