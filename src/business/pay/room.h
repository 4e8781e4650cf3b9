/* SPDX-License-Identifier: AGPL-3.0-or-later
 * What the files of pay share. Within pay only. */
#ifndef BUSINESS_PAY_ROOM_H
#define BUSINESS_PAY_ROOM_H

#include <stdatomic.h>

#include "base/thread.h"
#include "business/ledger/ledger.h"
#include "business/pay/pay.h"
#include "business/pay/provider.h"

enum {
    RETRY_MAX_S = 600,
    CLAIM_S = 120,            /* longer than a call may take */
    ASK_MAX_S = 3600,
    ASKS_MAX = 60,            /* after which it is parked, and asked about daily */
    BATCH_MAX = 256,          /* webhooks, words or calls of the sandbox to one transaction */
    ROUND_ARENA_BYTES = 64 << 20,
    EXPIRES_DEFAULT_S = 24 * 3600,
    KEY_VALID_S = 20 * 3600,  /* for so long a provider remembers idempotency keys (Stripe: at least 24 h); afterwards it is asked first */
};

struct config_entry; /* settings.c */
struct call;         /* call.c: one on its way */
struct calls;

struct pay {
    struct pay_options o;
    struct key key;
    struct pay_listener listener;
    struct thread *thread;
    struct lock lock;
    struct condition changed;
    bool must_stop, is_started, is_woken; /* these four under the lock */
    uint64_t runs_wanted, runs_done;
    struct err run_error;
    struct lock settings_lock;
    struct config_entry *configs; /* under settings_lock */
    struct calls *calls;          /* of whoever does the rounds */
    int64_t sweep_due_us;
    _Atomic uint64_t counts[16];
};
enum { COUNT_CALLS, COUNT_CALLS_FAILED, COUNT_CALLS_RETRIED, COUNT_WEBHOOKS, COUNT_FORGED, COUNT_DUPLICATE, COUNT_APPLIED, COUNT_CAPTURED, COUNT_FAILED, COUNT_REFUNDED, COUNT_CHARGEBACKS, COUNT_PARKED, COUNT_CORRECTED };
static inline void count_add(struct pay *p, int which) { atomic_fetch_add_explicit(&p->counts[which], 1, memory_order_relaxed); }

static inline int64_t now_us(const struct pay *p) { return clock_utc(p->o.clock).ns / NS_PER_US; }
/* How long to wait after the n-th attempt (from 1): 1, 2, 4 ... RETRY_MAX_S seconds. */
int64_t retry_us(int64_t attempts);

/* --- settings.c --- */
/* From memory, read again after two seconds (another process may have changed them). ERR_NOT_FOUND pay.provider: no such. */
struct err config_of(struct pay *, struct db_tx *, struct arena *, int64_t org_id, enum pay_provider, struct provider_config *out); /* tx NULL: reads by itself */
void configs_free(struct pay *);

/* --- payment.c --- */
struct payment {
    struct pay_info info;
    struct slice token, what, return_url;
    bool keeps_method, wants_cancel;
    int64_t expires_us, capture_transfer_id, ask_us, asks;
};
/* `where`: a statement that selects PAYMENT_COLUMNS. False: no such. */
bool payment_at(const struct db_rows *, size_t row, struct payment *out);
void info_fill(struct pay *, struct db_tx *, struct arena *, struct pay_info *); /* the publishable key, where one is wanted */
struct err outbox_add(struct pay *, struct db_tx *, int64_t org_id, enum pay_provider, enum op_kind, int64_t payment_id, int64_t refund_id);
enum event_source { SOURCE_US = 1, SOURCE_ANSWER, SOURCE_WEBHOOK, SOURCE_QUERY };
enum judgement { JUDGED_APPLIED = 1, JUDGED_DUPLICATE, JUDGED_LATE, JUDGED_PARKED, JUDGED_REFUSED, JUDGED_IGNORED, JUDGED_WAIT };
struct err event_add(struct pay *, struct db_tx *, int64_t org_id, int64_t payment_id, enum event_source, enum judgement, struct slice kind, struct slice message, int64_t webhook_id);

/* --- word.c --- */
struct word_context {
    int64_t org_id;
    enum pay_provider provider;
    enum event_source source;
    int64_t webhook_id; /* 0: none */
    struct slice kind;  /* the provider's name of the event; empty: ours */
};
struct word_effects { /* what to count after the commit */
    unsigned captured, failed, refunded, chargebacks, parked, corrected;
    bool told;
};
/* Judges and applies. *payment_id (may be NULL): whom it was about. JUDGED_WAIT: what it speaks of is not known yet, later perhaps. */
struct err word_apply(struct pay *, struct db_tx *, struct arena *, const struct word_context *, const struct word *, struct word_effects *, enum judgement *, int64_t *payment_id);
void effects_count(struct pay *, const struct word_effects *);
/* The payment failed before any provider took it. */
struct err payment_fail(struct pay *, struct db_tx *, struct arena *, int64_t org_id, int64_t payment_id, const char *code, struct slice message, struct word_effects *);
struct err refund_fail(struct pay *, struct db_tx *, struct arena *, int64_t org_id, int64_t refund_id, const char *code, struct slice message, struct word_effects *);
struct err park(struct pay *, struct db_tx *, const struct word_context *, int64_t payment_id, const char *code, struct slice ref, struct money ours, struct money theirs, struct word_effects *);
bool state_may_become(enum pay_state from, enum pay_state to); /* the picture in pay.h, as a table */

/* --- books.c: the clearing side in the ledger --- */
struct err book_capture(struct pay *, struct db_tx *, const struct payment *);
struct err book_refund_hold(struct pay *, struct db_tx *, const struct pay_info *, int64_t refund_id, int64_t hold_id, int64_t amount);
struct err book_refund_settle(struct pay *, struct db_tx *, const struct pay_info *, int64_t refund_id, int64_t hold_id, int64_t settle_id, bool is_done);
struct err book_refund_back(struct pay *, struct db_tx *, const struct pay_info *, int64_t refund_id, int64_t back_id, int64_t amount);
struct err book_chargeback(struct pay *, struct db_tx *, const struct pay_info *, int64_t transfer_id, int64_t amount, bool is_won);

/* --- webhook.c --- */
/* Judges what is due. *did: how many. */
struct err webhooks_judge(struct pay *, size_t *did);
struct webhook_new {
    int64_t org_id;
    enum pay_provider provider;
    struct slice headers; /* "name: value\n" */
    struct slice body;
};
struct err webhooks_store(struct pay *, struct db_tx *, const struct webhook_new *, size_t count);

/* --- outbox.c --- */
/* Says what is due: the sandbox's at once, the others' by starting calls, as many as may be on their way. */
struct err outbox_work(struct pay *, struct arena *, size_t *did);
/* Takes in the calls that were answered. */
struct err outbox_answers(struct pay *, struct arena *, size_t *did);
struct err outbox_begin(struct pay *); /* at the start: frees the claims of who was killed; ids go on after those that are promised */
struct err answer_apply(struct pay *, const struct op *, const struct provider_answer *, struct arena *);

/* --- reconcile.c --- */
struct err reconcile_due(struct pay *, struct arena *, size_t *did);

/* --- call.c: HTTP to providers, several at once, on one thread --- */
struct err calls_open(struct calls **, unsigned max);
void calls_close(struct calls **, void (*drop)(void *user)); /* gives up what is on its way: `drop` for each */
void outbox_pending_free(void *pending);
size_t calls_free_slots(const struct calls *);
size_t calls_running(const struct calls *);
/* Copies the request and keeps `user`. */
struct err calls_start(struct calls *, const struct provider_request *, void *user);
/* Sleeps until something came, somebody called calls_wake, or ns have passed. */
void calls_wait(struct calls *, int64_t ns);
void calls_wake(struct calls *); /* any thread */
/* One that is finished: its `user`, status (0: nobody answered; *trouble says why) and body, which live until calls_give, or the next call of this. False: none. */
void calls_give(struct calls *); /* its place is free for another */
bool calls_take(struct calls *, void **user, int *status, struct slice *body, const char **trouble);

/* --- sandbox.c and sandbox_book.c --- */
/* Performs ops on its own book. */
struct err sandbox_perform(struct pay *, struct db_tx *, struct arena *, const struct op *, struct provider_answer *out);
struct err sandbox_send_due(struct pay *, struct arena *, size_t *did);
/* Reads a card: a token that stands for it and a label. Errors: card.number, card.expires, card.cvc. */
struct err sandbox_card(const struct pay_card *, int64_t now_us, struct slice *token, struct slice *label);
extern const struct pay_test_card sandbox_cards[];
extern const size_t sandbox_card_count;

/* --- pay_sql.c --- */
#define PAYMENT_COLUMNS \
    "id, org_id, public_id, household_id, order_id, provider, state, currency, amount, refunded, refund_pending, charged_back, provider_ref, action, url, client_secret, code, label, token, " \
    "method_id, is_off_session, keeps_method, wants_cancel, is_parked, created_us, captured_us, expires_us, what, return_url, capture_transfer_id, ask_us, asks"
extern const struct db_statement pay_insert, pay_by_id, pay_by_public_id, pay_by_ref, pay_by_order, pay_update, pay_set_cancel, pay_page, pay_page_captured, pay_page_parked, pay_page_other, pay_set_parked, pay_ask_due, pay_set_ask, pay_clear_parked;
extern const struct db_statement pay_outbox_insert, pay_outbox_claim, pay_outbox_claimed, pay_outbox_delete, pay_outbox_later, pay_outbox_of_payment, pay_outbox_drop_create, pay_outbox_sweeping, pay_outbox_of_refund;
extern const struct db_statement pay_refund_insert, pay_refund_by_id, pay_refund_by_ref, pay_refund_update, pay_refund_by_order, pay_refund_ask_due, pay_refund_set_ask;
extern const struct db_statement pay_chargeback_insert, pay_chargeback_by_ref, pay_chargeback_update, pay_chargeback_list, pay_chargeback_oldest_open;
extern const struct db_statement pay_method_insert, pay_method_by_id, pay_method_by_token, pay_method_list, pay_method_label, pay_method_remove;
extern const struct db_statement pay_webhook_insert, pay_webhook_due, pay_webhook_judged, pay_webhook_later, pay_webhook_of_event, pay_webhook_body, pay_webhook_prune, pay_webhook_prune_forged;
extern const struct db_statement pay_event_insert, pay_event_list;
extern const struct db_statement pay_parked_insert, pay_parked_same, pay_parked_list, pay_parked_open, pay_parked_settle_one, pay_parked_find, pay_parked_open_of, pay_parked_waiting, pay_open_states, pay_outbox_waiting, pay_webhook_waiting, pay_chargebacks_open;
extern const struct db_statement pay_settings_all, pay_settings_put, pay_settings_orgs;
extern const struct db_statement pay_due;
extern const struct db_statement sandbox_insert, sandbox_find, sandbox_update, sandbox_send_insert, sandbox_send_list, sandbox_send_delete, sandbox_refund_insert, sandbox_refund_find,
    sandbox_dispute_insert, sandbox_dispute_find;

#endif
