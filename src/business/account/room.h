/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Within account only: what its files share. */
#ifndef BUSINESS_ACCOUNT_ROOM_H
#define BUSINESS_ACCOUNT_ROOM_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/thread.h"
#include "business/account/account.h"
#include "text/text.h"
#include "business/account/account_sql.h"
#include "business/account/limit.h"
#include "business/account/password.h"
#include "business/account/table.h"

enum { HASH_BYTES = 32, ARENA_BYTES_MAX = 16 << 20, HOLDERS_MAX = 16, TOUCHES_MAX = 4096 };

struct host {
    struct host *next;
    int64_t org_id;
    size_t len;
    char name[];
};
struct org {
    struct org *next;
    int64_t id;
    struct account_org_facts facts;
    bool has_host;
    char name[ACCOUNT_NAME_MAX * 4 + 1];
};
struct touch { /* somebody was seen */
    int64_t session_id, token_id, user_id, at_s;
};

struct account {
    struct db *db;
    const struct clock *clock;
    struct id_maker *ids;
    struct keys *keys;
    struct mail *mail;
    char *site_url; /* NULL: none */
    int64_t first_org;
    struct key index_key, house_key; /* of the blind index of addresses; of what belongs to nobody yet */
    struct tables *tables;
    struct limits *limits;
    struct passwords *passwords;
    struct account_holder holders[HOLDERS_MAX];
    size_t holder_count;
    void (*on_change)(void *, int64_t, int64_t);
    void *on_change_user;
    _Atomic uint64_t generation, sign_in_refusals;
    _Atomic int64_t followed_ns, claimed_ns; /* when the change sequence was last read, and who is at it since when; monotonic */
    _Atomic int64_t sequence;                /* up to where */
    struct lock lock; /* of what follows */
    struct host *hosts; /* only ever added to, at the front: readers hold the lock to walk it */
    struct org *orgs;
    struct touch touches[TOUCHES_MAX];
    size_t touch_count;
};

static inline int64_t seconds_now(const struct account *a) { return utc_seconds(clock_utc(a->clock)); }
static inline struct mono_time mono_now(const struct account *a) { return clock_mono(a->clock); }
static inline struct slice hash_slice(const uint8_t *hash) { return slice_of(hash, HASH_BYTES); }
#define DENIED(code, what) err_make(ERR_DENIED, (code), (what))

/* --- account.c --- */
struct account_secret secret_make(void);
/* The secrets are 256 random bits: a plain hash is enough, there is nothing to guess. */
void secret_hash(struct slice secret, uint8_t out[HASH_BYTES]);
bool org_name(struct account *, int64_t org_id, struct arena *, struct slice *name, bool *has_host);
/* Within the transaction of a change: other processes will hear that what depends on `target_id` (a session, token, user or household) is worthless.
 * household_id: whose facts changed; 0 none. After the commit: changes_tell. */
MUST_USE struct err change_note(struct account *, struct db_tx *, int64_t org_id, int64_t target_id, int64_t household_id);
void changes_tell(struct account *, int64_t org_id, const int64_t *targets, size_t count, int64_t household_id);
/* Takes in what other processes changed, if that was not done for ACCOUNT_FOLLOW_S. */
MUST_USE struct err changes_follow(struct account *);
/* Wrong codes by address. ERR_LIMIT session.wrong_codes. */
MUST_USE struct err code_try(struct account *, struct slice peer);
void code_was_right(struct account *, struct slice peer);
/* An address as it is counted: of IPv6 the first 64 bits. `out` holds 64 bytes. */
struct slice peer_name(struct slice peer, char out[64]);

/* --- seal.c: rows and their keys --- */
/* One row's key, open. */
struct sealed {
    int64_t id;
    struct key key;
};
MUST_USE struct err sealed_of(struct account *, int64_t id, int64_t slot, struct sealed *out); /* keys.destroyed */
/* A row's key goes with the row: noted in the transaction that deletes it, destroyed after that. What stops the second, or ends the program before it, stops nothing of what was
 * asked for; account_tick goes on with it. */
MUST_USE struct err key_spent_in(struct db_tx *, int64_t id, int64_t slot);
MUST_USE struct err keys_spent_destroy(struct account *);
void keys_spent_told(struct account *); /* after the commit */
void key_unused(struct account *, int64_t id, int64_t slot); /* that no row ever named */
/* `column` binds the box to its place. */
MUST_USE struct err sealed_put(const struct sealed *, struct arena *, const char *column, struct slice plain, struct slice *box);
MUST_USE struct err sealed_get(const struct sealed *, struct arena *, const char *column, struct slice box, struct slice *plain);
/* Whom a letter is about that goes to an address without an account: below zero, where no id is. mail_pass hands it over when the account comes. */
int64_t about_address(const uint8_t index[HASH_BYTES]);
void email_index(const struct account *, int64_t org_id, struct slice email, uint8_t out[HASH_BYTES]);
void pin_mac(const struct sealed *, struct slice pin, uint8_t out[HASH_BYTES]);
/* What a code's row holds is sealed by the code itself: only who has it can read. */
void code_key(struct slice code, struct sealed *out);
void house_seal(const struct account *, int64_t id, struct sealed *out);
/* A browser that a user has signed in with: 12 random bytes and a MAC over them and the user. */
void device_make(const struct account *, int64_t user_id, struct account_secret *out);
bool device_check(const struct account *, int64_t user_id, struct slice device);

/* --- rows.c: users, households and profiles as they are read --- */
struct user_row {
    int64_t id, household_id, key_slot, totp_state, totp_step, created_s, joined_s, seen_s;
    struct public_id public_id;
    struct slice email_box, name_box, zone_box, lang, password, totp_box;
    uint32_t roles;
    bool has; /* there is one */
};
struct profile_row {
    int64_t id, household_id, key_slot, created_s, user_id; /* user_id: with whom it was made and goes; 0: it is the household's */
    struct public_id public_id;
    struct slice name_box, birth_box, pin_mac;
    int picture, age_max;
};
struct household_row {
    int64_t id, key_slot, created_s;
    struct public_id public_id;
    struct slice name_box;
    char country[3];
    int streams_max;
    bool has;
};
void user_row_take(const struct db_rows *, size_t row, struct user_row *out);
void profile_row_take(const struct db_rows *, size_t row, struct profile_row *out);
void household_row_take(const struct db_rows *, size_t row, struct household_row *out);
/* Errors: none where there is none (out->has false). */
MUST_USE struct err user_read(struct account *, struct arena *, int64_t org_id, int64_t user_id, struct user_row *out);
MUST_USE struct err user_read_by_email(struct account *, struct arena *, int64_t org_id, struct slice email, struct user_row *out);
MUST_USE struct err household_read(struct account *, struct arena *, int64_t org_id, int64_t household_id, struct household_row *out, struct profile_row **profiles, size_t *count);
/* Opened; what was erased in between is empty. */
MUST_USE struct err user_open(struct account *, struct arena *, const struct user_row *, struct account_user *out);
MUST_USE struct err profile_open(struct account *, struct arena *, const struct profile_row *, struct account_profile *out);
MUST_USE struct err household_open(struct account *, struct arena *, const struct household_row *, struct account_household *out);
/* A user and a profile with his name, and a household unless he joins one; all boxes sealed, all keys made. For newcomer_insert. */
struct newcomer {
    int64_t org_id, user_id, household_id, profile_id, now_s, slots[3]; /* slots: of user, profile, household */
    bool joins; /* the household is there */
    struct public_id user_public, household_public, profile_public;
    uint8_t email_index[HASH_BYTES];
    struct slice email_box, user_name_box, household_name_box, profile_name_box, lang, country, password;
    uint32_t roles;
};
/* joins_id: the household that he joins; 0: his own, made for him. */
MUST_USE struct err newcomer_make(struct account *, struct arena *, int64_t org_id, int64_t joins_id, struct slice email, struct slice name, struct slice country, struct slice lang,
                                  struct slice password, uint32_t roles, struct newcomer *out);
/* *has_profile: false where the household that he joins has no room for another profile. */
MUST_USE struct err newcomer_insert(struct account *, struct db_tx *, const struct newcomer *, bool *has_profile);

/* --- session.c --- */
struct session_new { /* a session about to be made: prepared outside, inserted within the transaction */
    struct account_entry entry;
    struct public_id public_id;
    uint8_t hash[HASH_BYTES], old_hash[HASH_BYTES];
    bool has_old;
    int64_t old_id, trimmed; /* set by session_insert_in */
    struct slice from_box, zone_box; /* zone_box empty: not known, what was known before stays */
    int64_t now_s;
};
/* `user`: whose; his key is opened for the box. keep_device: what the browser shows stays. */
MUST_USE struct err session_prepare(struct account *, struct arena *, int64_t org_id, int64_t user_id, int64_t key_slot, int64_t household_id, uint32_t roles, int64_t profile_id,
                                    const struct account_from *, struct session_new *out);
MUST_USE struct err session_insert_in(struct account *, struct db_tx *, struct session_new *);
void session_told(struct account *, struct session_new *); /* after the commit */
/* session.user, profile.child. */
MUST_USE struct err who_check(const struct account_who *, bool changes);
MUST_USE struct err who_operator(const struct account_who *);

/* --- sign.c --- */
/* The password of whoever is signed in, slowed down as signing in is. me.password, sign_in.many. */
MUST_USE struct err own_password_check(struct account *, const struct account_who *, const struct user_row *, struct slice password);
/* A six-digit code or a recovery code. It is used up by the transaction of what it lets in, so that who is told of an error still has it.
 * All zeros: none is asked for. */
struct second_factor {
    int64_t org_id, user_id, state, step; /* step 0: a recovery code */
    uint8_t hash[HASH_BYTES];
};
/* Looks whether the code may be right. sign_in.code, sign_in.many. Who has it from here tells how it ended: second_factor_told. */
MUST_USE struct err second_factor_check(struct account *, struct arena *, int64_t org_id, const struct user_row *, struct slice code, struct second_factor *out);
MUST_USE struct err second_factor_use_in(struct db_tx *, const struct second_factor *); /* sign_in.code */
/* A code that was not wrong is no try. */
void second_factor_told(struct account *, const struct second_factor *, struct err);

enum code_kind { CODE_CONFIRM = 1, CODE_RESET = 2, CODE_EMAIL = 3, CODE_INVITATION = 4, CODE_JOINING = 5 }; /* to work here; to live with somebody */
struct code_row {
    int64_t id, user_id, household_id; /* household_id: of a joining; its user_id is who invites */
    enum code_kind kind;
    struct public_id public_id;
    struct slice email_index, box;
    uint32_t roles;
};
/* A code that still holds, of one of these kinds (bits 1 << kind). code.wrong, session.wrong_codes. */
MUST_USE struct err code_read(struct account *, struct arena *, int64_t org_id, struct slice code, unsigned kinds, struct slice peer, struct code_row *out);
struct code_new {
    enum code_kind kind;
    int64_t id, org_id, user_id, household_id, expires_s, now_s;
    struct public_id public_id;
    uint8_t hash[HASH_BYTES], email_index[HASH_BYTES];
    bool has_email;
    struct slice box;
    uint32_t roles;
    struct account_secret secret;
};
void code_prepare(struct account *, int64_t org_id, enum code_kind, int64_t lives_s, struct code_new *out);
MUST_USE struct err code_insert_in(struct db_tx *, const struct code_new *);

/* May one more mail be sent for this? *is_silent: to this address not; whoever asks from outside is told nothing. sign_up.many. */
MUST_USE struct err mail_allow(struct account *, int64_t org_id, struct slice email, struct slice peer, bool *is_silent);
/* It was allowed, and then there was none: it does not count. */
void mail_allow_undo(struct account *, int64_t org_id, struct slice email, struct slice peer);

/* --- member.c --- */
/* The address in an invitation's row is sealed with the house's key: nobody has one of his own yet, and the list must show it. */
MUST_USE struct err invited_put(struct account *, struct arena *, int64_t id, struct slice email, struct slice *box);
MUST_USE struct err invited_get(struct account *, struct arena *, int64_t id, struct slice box, struct slice *email);

/* --- adult.c --- */
/* Somebody whom a code invites into a household. Within the transaction in which he accepts: household.adults, code.wrong (nobody lives there any more). */
MUST_USE struct err joining_check_in(struct account *, struct db_tx *, int64_t org_id, int64_t household_id);
/* Somebody who has an account moves in, with his profiles; what he leaves behind is forgotten. Prepared outside, done within the transaction, told after it. */
struct move {
    struct account *a;
    struct arena *arena;
    int64_t org_id, user_id, from_id, from_slot, to_id, now_s;
};
MUST_USE struct err move_in(struct move *, struct db_tx *); /* household.others, household.purchases, household.profiles */
void move_told(const struct move *);
/* The letter to whoever invited. out->to empty: he is not there any more. */
MUST_USE struct err joined_letter(struct account *, struct arena *, int64_t org_id, int64_t user_id, struct slice email, const struct account_from *, struct mail_new *out);
/* Within the transaction that lets somebody go: the household that he owns and others live in, 0 if there is none; and once he is out, the letter to whoever owns it now. */
MUST_USE struct err owner_goes_in(struct account *, struct db_tx *, struct arena *, int64_t org_id, int64_t user_id, int64_t *household_id);
MUST_USE struct err heir_tell_in(struct account *, struct db_tx *, struct arena *, int64_t org_id, int64_t household_id);

/* --- privacy.c --- */
/* What was kept for a household that nobody lives in any more is forgotten, as erasing does it. */
MUST_USE struct err household_forget_in(struct account *, struct db_tx *, const struct account_subject *, int64_t now_s);
/* Notes that somebody is to be erased, and does it. An error: nothing was noted. *is_done false: the rest is left to account_tick. */
MUST_USE struct err erasing_begin(struct account *, int64_t org_id, int64_t user_id, bool *is_done);
/* Erasing that was begun and not finished, of anybody. */
MUST_USE struct err erasing_go_on(struct account *);

/* --- letter.c: mails --- */
struct letter {
    const char *code;     /* "mail.confirm": subject "mail.confirm_subject", text "mail.confirm" of text/mail.json */
    struct slice lang, to, name, link, email;
    int64_t org_id, about_id;
    const struct text_param *extra; /* besides {site}, {name}, {link}, {email} */
    size_t extra_count;
};
/* The whole link: origin (where it may be believed) + path + "#code=" + code. */
MUST_USE struct err letter_link(struct account *, struct arena *, int64_t org_id, const struct account_from *, const char *path, const struct account_secret *code, struct slice *link);
MUST_USE struct err letter_prepare(struct account *, struct arena *, const struct letter *, struct mail_new *out);

#endif
