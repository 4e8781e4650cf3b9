/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * pay.h: payments by providers: the sandbox (play money, built in), Stripe (cards) and Alipay.
 *
 * The model
 *   payment      one attempt to be paid for one order, by one provider. A row before the provider hears of it. An order has as many as it takes.
 *   outbox       what is still to be said to a provider (create, cancel, refund, query), a row of the transaction that wants it. The thread "pay" says it, again after
 *                1, 2, 4 ... 600 s when nobody answered, always with the same idempotency key; nothing is said inside a db_fn.
 *   webhook      what a provider says to us: its bytes are stored first, under an id of ours, whatever they are; then they are judged. Who forged is told nothing.
 *   word         what a provider says of a payment, refund or charge-back, by its answer, by webhook or when asked: all three take one way into a payment. Words come
 *                twice, late, in any order, before our own call was answered: each is compared with what stands, and changes it at most once.
 *   refund       some or all of a captured payment on its way back. Its id is the caller's, and is the key under which the provider does it once.
 *   charge-back  the bank has taken the money back; it may be won.
 *   method       how a household pays again without being there (renewals): the provider's token and a label such as "Visa 4242". A card's number is never stored.
 *   parked       a word that fits nothing: another amount or currency than ours, a payment or refund that we know nothing of. It moves no money here. Finance sees it.
 *
 *   created --> requires_action <--> processing --> captured --> part_refunded --> refunded
 *      |               |                 |             |               |
 *      +---------------+-----------------+             +-- charged_back (opened or lost; won: back to what it was)
 *      +--> failed, cancelled --(the money came after all)--> captured
 *
 *   After the capture the state says what has become of the money and follows from three amounts: captured, refunded, charged back.
 *   The last arrow is no mistake: what a provider has taken is taken. Who listens decides whether it still buys something or is refunded.
 *
 * Who moves what in the ledger (one currency: one ledger; transfers of one word in one transaction with the change and with what the listener does)
 *      captured              100 clearing of the provider (debit)  ->  300 order in progress (credit; owner: the order)   here, before the listener is called
 *      pay_refund_in         300 -> 100, pending                                              here; the caller has moved 410 and 500 -> 300 in the same transaction
 *      refund done           the pending one is posted                                        here, before the listener
 *      refund failed         the pending one is voided; if it was done: 100 -> 300            here, before the listener, who takes 300 back to 410 and 500
 *      charge-back opened    420 -> 100, what the bank took                                   here, before the listener
 *      charge-back won       100 -> 420                                                       here, before the listener
 *   All else (300 -> 400 and 500, household credit, vouchers) is the listener's. The ids of transfers are made beforehand and stored in the row of the step.
 *   Transfers carry order_id (the order), about_id (the payment) and a code of enum pay_move.
 *
 * Time is microseconds of UTC from the clock given. Threads: any, but for what takes a db_tx, which runs in the caller's db_fn. Everything is bound to an organisation.
 * Errors of all: of the database, of the ledger, memory. */
#ifndef BUSINESS_PAY_PAY_H
#define BUSINESS_PAY_PAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "business/money/money.h"
#include "system/db/db.h"
#include "system/keys/keys.h"

struct ledger;

extern const struct db_schema pay_schema;

struct pay;
struct pay_options {
    struct db *db; /* migrated with pay_schema and the ledger's */
    const struct clock *clock;
    struct id_maker *ids;
    struct keys *keys;     /* the house's key "pay" seals what providers want kept secret */
    struct ledger *ledger;
    const char *site_url;  /* "https://example.org", for the address to which Alipay sends its words; NULL: it sends none, and is asked instead */
    unsigned calls_max;    /* calls on their way at once; 0: 16 */
};
MUST_USE struct err pay_open(struct pay **out, const struct pay_options *);
/* The thread "pay". After pay_listen. */
MUST_USE struct err pay_start(struct pay *);
/* Calls on their way are given up, and are made again after the next start under the same key. NULL is fine. */
void pay_close(struct pay **);
/* After a commit with something for the outbox. Does not block. */
void pay_wake(struct pay *);
/* Does all that is due by the clock, until nothing is; on this thread if pay_start was not called, else it waits for the thread's doing so. For tests and for a
 * clock that was turned by hand. Not inside a db_fn. */
MUST_USE struct err pay_run(struct pay *);
/* From time to time: forgets raw webhooks (applied ones after 90 days, the rest after 7; of forged ones the newest 1,000 are kept). May block. */
MUST_USE struct err pay_tick(struct pay *);

/* Codes of transfers made here. */
enum pay_move { PAY_MOVE_CAPTURED = 1001, PAY_MOVE_REFUNDED, PAY_MOVE_REFUND_RETURNED, PAY_MOVE_CHARGED_BACK, PAY_MOVE_CHARGEBACK_WON };

/* --- a payment --- */

enum pay_provider { PAY_SANDBOX = 1, PAY_STRIPE, PAY_ALIPAY };
const char *pay_provider_id(enum pay_provider);                     /* "sandbox", "stripe", "alipay" */
bool pay_provider_of(struct slice id, enum pay_provider *out);

enum pay_state { PAY_CREATED = 1, PAY_REQUIRES_ACTION, PAY_PROCESSING, PAY_CAPTURED, PAY_FAILED, PAY_CANCELLED, PAY_REFUNDED, PAY_PART_REFUNDED, PAY_CHARGED_BACK };
const char *pay_state_name(enum pay_state);                         /* "created", "requires_action" ... */
bool pay_state_of(struct slice name, enum pay_state *out);
static inline bool pay_state_is_open(enum pay_state s) { return s == PAY_CREATED || s == PAY_REQUIRES_ACTION || s == PAY_PROCESSING; }
static inline bool pay_state_has_money(enum pay_state s) { return s == PAY_CAPTURED || s == PAY_PART_REFUNDED; }

enum pay_action { PAY_ACTION_NONE, PAY_ACTION_REDIRECT, PAY_ACTION_CONFIRM, PAY_ACTION_STRIPE };
struct pay_info {
    int64_t id, org_id, household_id, order_id;
    struct public_id public_id;
    enum pay_provider provider;
    enum pay_state state;
    struct money amount, refunded, refund_pending, charged_back; /* one currency; refunded: what the provider has confirmed */
    enum pay_action action;                   /* only in PAY_REQUIRES_ACTION */
    struct slice url, client_secret, publishable_key;
    struct slice code;                        /* of PAY_FAILED: "card.declined", "card.funds", "card.expires", "card.cvc", "card.number", "card.step" (second step refused),
                                                 "pay.unreachable", "pay.refused", "pay.settings"; else empty */
    struct slice label;                       /* "Visa 4242"; empty: not known */
    struct slice provider_ref;                /* the provider's name for it; empty before it answered */
    int64_t method_id;                        /* kept, or paid by; 0: none */
    bool is_off_session, is_parked;           /* is_parked: an unsettled parked word is about it */
    int64_t created_us, captured_us;          /* 0: not captured */
};
struct pay_list {
    struct pay_info *items;
    size_t count;
    int64_t next; /* `after` of the next page; 0: that was all */
};

/* A card for the sandbox. Only its test numbers are taken: a real card's is refused and nothing of it is kept. */
struct pay_card {
    struct slice number, expires, cvc, name; /* digits, blanks allowed; "MM/YY"; 3 or 4 digits; may be empty */
};
struct pay_new {
    int64_t id; /* 0: made here. Else the caller's (from the house's id_maker or derived): the same id again gives the first one's payment */
    int64_t org_id, household_id, order_id;
    enum pay_provider provider;
    struct money amount;             /* > 0 */
    struct slice what;               /* what the provider shows: "Order 1042" */
    struct slice return_url;         /* where a redirect comes back to: https, of this site, or of this machine; may be empty. The sandbox does not look at it */
    const struct pay_card *card;     /* sandbox only */
    int64_t method_id;               /* 0: none; with is_off_session it is needed */
    bool is_off_session;             /* nobody is there who could take a second step */
    bool keeps_method;               /* a method is kept if it succeeds, for renewals */
    int64_t expires_us;              /* the order's: what is not paid by then is cancelled at the provider; 0: after a day */
};
/* The payment and its outbox row; nothing is said yet: pay_wake after the commit. Errors: ERR_INPUT pay.provider (not enabled here), pay.amount, pay.currency (not one of
 * this provider's), pay.return_url, card.number, card.expires, card.cvc; ERR_NOT_FOUND pay.method; ERR_CONFLICT pay.id (the id is another order's). */
MUST_USE struct err pay_create_in(struct pay *, struct db_tx *, struct arena *, const struct pay_new *, struct pay_info *out);
/* The order is not wanted any more. An attempt that the provider never heard of is cancelled at once, else the provider is asked to; should the money come
 * all the same, it is captured and the listener hears of it. Fine for one that is no longer open. */
MUST_USE struct err pay_cancel_in(struct pay *, struct db_tx *, int64_t org_id, int64_t payment_id);

/* ERR_NOT_FOUND pay.payment. */
MUST_USE struct err pay_find_in(struct pay *, struct db_tx *, struct arena *, int64_t org_id, int64_t payment_id, struct pay_info *out);
MUST_USE struct err pay_find(struct pay *, struct arena *, int64_t org_id, struct slice public_id, struct pay_info *out);
/* Of an order, newest first. At most 100. */
MUST_USE struct err pay_of_order_in(struct pay *, struct db_tx *, struct arena *, int64_t org_id, int64_t order_id, struct pay_list *out);

/* The sandbox's second step, by the page /pay/step/{payment}. As at a bank: its word comes by webhook; *out is the payment as it then stands.
 * Errors: ERR_NOT_FOUND pay.payment (also: of another household), ERR_CONFLICT pay.step (it waits for none). Workers. */
MUST_USE struct err pay_sandbox_confirm(struct pay *, struct arena *, int64_t org_id, int64_t household_id, struct slice public_id, bool is_confirmed, struct pay_info *out);

/* --- refunds --- */

enum pay_refund_state { PAY_REFUND_PENDING = 1, PAY_REFUND_DONE, PAY_REFUND_FAILED };
const char *pay_refund_state_name(enum pay_refund_state); /* "pending", "done", "failed" */
struct pay_refund {
    int64_t id, org_id, payment_id, order_id;
    struct money amount;
    enum pay_refund_state state;
    struct slice code; /* why it failed */
    int64_t created_us, settled_us;
};
struct pay_refund_list {
    struct pay_refund *items; /* newest first */
    size_t count;
};
/* `refund_id`: the caller's; the same again with the same amount changes nothing. Allowed inside a listener. Errors: ERR_NOT_FOUND pay.payment; ERR_CONFLICT refund.too_much (more
 * than was captured and is neither refunded, on its way back nor charged back), refund.state (nothing was captured), refund.id (of another payment or amount). */
MUST_USE struct err pay_refund_in(struct pay *, struct db_tx *, int64_t org_id, int64_t payment_id, int64_t refund_id, struct money amount);
MUST_USE struct err pay_refund_find_in(struct pay *, struct db_tx *, struct arena *, int64_t org_id, int64_t refund_id, struct pay_refund *out); /* ERR_NOT_FOUND pay.refund */
MUST_USE struct err pay_refunds_of_order_in(struct pay *, struct db_tx *, struct arena *, int64_t org_id, int64_t order_id, struct pay_refund_list *out);

/* --- charge-backs --- */

enum pay_chargeback_state { PAY_CHARGEBACK_OPEN = 1, PAY_CHARGEBACK_WON, PAY_CHARGEBACK_LOST };
const char *pay_chargeback_state_name(enum pay_chargeback_state); /* "open", "won", "lost" */
struct pay_chargeback {
    int64_t id, org_id, payment_id, order_id, household_id;
    enum pay_provider provider;
    struct public_id payment;
    struct money amount;
    enum pay_chargeback_state state;
    struct slice reason; /* the provider's word: "fraudulent" */
    int64_t at_us, settled_us, due_us; /* due_us: by when evidence is wanted; 0: not said */
};
struct pay_chargeback_list {
    struct pay_chargeback *items; /* newest first */
    size_t count;
    int64_t next;
};
MUST_USE struct err pay_chargebacks(struct pay *, struct arena *, int64_t org_id, int64_t after, size_t limit, struct pay_chargeback_list *out);

/* --- who is told --- */

/* Each runs inside the transaction that changes the payment, on the database's writer thread, and may call everything here that takes a db_tx. An error takes the
 * whole word back; it is tried again later (1, 2, 4 ... 600 s), so money never moves without its effect. NULL members are skipped. As every db_fn
 * it may be run again from its start. Each word is told once. */
struct pay_listener {
    void *user;
    struct err (*captured)(void *user, struct db_tx *, const struct pay_info *);  /* the ledger has it; also after failed or cancelled, and a second time for one order */
    struct err (*failed)(void *user, struct db_tx *, const struct pay_info *);    /* failed or cancelled; no money has moved */
    struct err (*refund_done)(void *user, struct db_tx *, const struct pay_info *, const struct pay_refund *);
    struct err (*refund_failed)(void *user, struct db_tx *, const struct pay_info *, const struct pay_refund *, bool was_done); /* was_done: the bank sent it back */
    struct err (*charged_back)(void *user, struct db_tx *, const struct pay_info *, const struct pay_chargeback *);
    struct err (*chargeback_won)(void *user, struct db_tx *, const struct pay_info *, const struct pay_chargeback *);
    void (*committed)(void *user); /* after the commit of some of them, on the thread "pay" or in pay_run: bring what is in memory up to date */
};
void pay_listen(struct pay *, const struct pay_listener *); /* before pay_start; once */

/* --- saved methods --- */

struct pay_method {
    int64_t id, household_id;
    enum pay_provider provider;
    struct slice label;
    int64_t created_us;
};
struct pay_method_list {
    struct pay_method *items; /* newest first */
    size_t count;
};
MUST_USE struct err pay_methods_in(struct pay *, struct db_tx *, struct arena *, int64_t org_id, int64_t household_id, struct pay_method_list *out);
/* One, or all of a household that leaves (method_id 0). Fine if there is none. */
MUST_USE struct err pay_method_forget_in(struct pay *, struct db_tx *, int64_t org_id, int64_t household_id, int64_t method_id);

/* --- what providers say --- */

enum { PAY_WEBHOOK_BYTES_MAX = 256 * 1024 };
struct pay_header {
    struct slice name, value; /* name in small letters */
};
/* Headers that are needed to judge: "stripe-signature", "grandstand-sandbox-signature". The others need not be given. */
extern const char *const pay_webhook_headers[];
extern const size_t pay_webhook_header_count;
/* Stores the bytes and returns: they are judged by the thread. *answer is what the provider wants to read ("success" for Alipay, else "{}"): static.
 * Errors: ERR_NOT_FOUND pay.provider (none of that name), ERR_LIMIT pay.webhook_large. Workers. */
MUST_USE struct err pay_webhook_in(struct pay *, int64_t org_id, struct slice provider, const struct pay_header *, size_t count, struct slice body, struct slice *answer);

/* --- for finance --- */

struct pay_filter {
    enum pay_state state;         /* 0: all */
    bool is_parked;               /* only such */
    enum pay_provider provider;   /* 0: all */
    int64_t after;                /* `next` of the page before; 0: from the newest */
    size_t limit;                 /* at most 200 */
};
MUST_USE struct err pay_payments(struct pay *, struct arena *, int64_t org_id, const struct pay_filter *, struct pay_list *out);

/* What happened to a payment, oldest first. */
struct pay_event {
    int64_t id, at_us;
    const char *source;    /* "us", "answer", "webhook", "query" */
    const char *judgement; /* "applied", "duplicate", "late", "parked", "refused", "ignored" */
    struct slice kind;     /* "payment.captured", "refund.done", "charge.dispute.created" ... */
    struct slice message;  /* a code or the provider's words; may be empty */
    int64_t webhook_id;    /* 0: none */
};
struct pay_event_list {
    struct pay_event *items;
    size_t count;
};
MUST_USE struct err pay_events_in(struct pay *, struct db_tx *, struct arena *, int64_t org_id, int64_t payment_id, struct pay_event_list *out);
/* The bytes of a webhook, as they came. ERR_NOT_FOUND pay.webhook. */
MUST_USE struct err pay_webhook_raw(struct pay *, struct arena *, int64_t org_id, int64_t webhook_id, struct slice *body);

struct pay_parked {
    int64_t id, at_us, payment_id, webhook_id; /* 0: none */
    enum pay_provider provider;
    struct slice code;   /* "parked.amount", "parked.currency", "parked.payment", "parked.refund", "parked.chargeback", "parked.silent" (never answered) */
    struct slice ref;    /* the provider's name for it */
    struct money ours, theirs; /* currency 0: none */
    int64_t settled_us;  /* 0: open */
    struct slice note;   /* of who settled it */
};
struct pay_parked_list {
    struct pay_parked *items; /* newest first */
    size_t count;
    int64_t next;
};
MUST_USE struct err pay_parked(struct pay *, struct arena *, int64_t org_id, bool only_open, int64_t after, size_t limit, struct pay_parked_list *out);
/* Somebody has looked after it at the provider. Moves nothing. ERR_NOT_FOUND pay.parked. */
MUST_USE struct err pay_parked_settle(struct pay *, int64_t org_id, int64_t parked_id, int64_t user_id, struct slice note);

/* --- settings --- */

struct pay_field {
    const char *name;   /* "secret_key" */
    const char *label;  /* English; the pages have their own by name */
    bool is_secret, is_set;
    struct slice value; /* of a secret: always empty */
};
struct pay_settings {
    enum pay_provider provider;
    const char *name; /* "Stripe" */
    bool is_enabled, is_play_money, is_ready; /* is_ready: all that it needs is set */
    struct slice webhook_path; /* "/api/v1/pay/webhooks/stripe" */
    const struct pay_field *fields;
    size_t field_count;
};
struct pay_settings_list {
    struct pay_settings *items; /* one for each provider */
    size_t count;
};
MUST_USE struct err pay_settings(struct pay *, struct arena *, int64_t org_id, struct pay_settings_list *out);
struct pay_field_change {
    struct slice name, value; /* an empty value clears it */
};
/* Fields that are not named stay. Errors: ERR_NOT_FOUND pay.provider; ERR_INPUT pay.field (no such), pay.key (neither PEM nor base64 of a key), pay.base_url (neither https nor this machine),
 * pay.incomplete (enabled without what it needs). Workers. */
MUST_USE struct err pay_settings_change(struct pay *, int64_t org_id, enum pay_provider, bool is_enabled, const struct pay_field_change *, size_t count);

/* What a buyer may choose from. */
struct pay_test_card {
    const char *number, *what; /* "4000000000000002", "declined" */
};
struct pay_choice {
    enum pay_provider provider;
    const char *name;
    bool is_redirect, is_play_money; /* is_redirect: the buyer leaves for the provider's page; else he types a card */
    const struct pay_test_card *cards; /* of the sandbox */
    size_t card_count;
};
struct pay_choice_list {
    struct pay_choice items[3];
    size_t count;
};
/* From memory after the first time. */
MUST_USE struct err pay_choices(struct pay *, int64_t org_id, struct pay_choice_list *out);

/* --- watching it --- */

struct pay_stats { /* since it was opened */
    uint64_t calls, calls_failed, calls_retried;
    uint64_t webhooks, webhooks_forged, webhooks_duplicate, webhooks_applied;
    uint64_t captured, failed, refunds_done, chargebacks, parked;
    uint64_t corrected; /* of what a provider said when it was asked: changed something that no webhook had told */
};
struct pay_stats pay_stats(const struct pay *);
struct pay_waiting { /* now, in the store */
    int64_t created, requires_action, processing; /* payments that are asked after */
    int64_t outbox, outbox_age_s;                 /* calls to be made; since when the oldest has waited */
    int64_t webhooks;                             /* stored and not judged */
    int64_t parked, chargebacks;                  /* open: for somebody to look at */
};
/* Of one organisation only parked and chargebacks are told; org_id 0: of all. Workers. */
MUST_USE struct err pay_waiting(struct pay *, int64_t org_id, struct pay_waiting *out);

#endif
