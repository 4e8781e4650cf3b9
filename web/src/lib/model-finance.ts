// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What the server answers to the money pages (openapi.yaml, /finance/*), as types and as the checks that make them true.
import { array, boolean, maybe, number, object, oneOf, or, record, string, type Check, type Checked } from './check';
import { time } from './model';
import { minor, money } from './money';

export const named = object({ id: string, name: or(string, '') });
export type Named = Checked<typeof named>;
/** An order as people call it. */
const numbered = object({ id: string, number: string });
/** Within one order its payments say no more than they say to whoever bought it. */
const orderOf: Check<{ id: string; number: string }> = (value, at) => (typeof value === 'string' ? { id: value, number: '' } : numbered(value, at));
/** Who did something. */
const by = maybe(object({ name: string }));
/** A household, a person, a title: whole, or by its id alone. */
const someone: Check<Named> = (value, at) => (typeof value === 'string' ? { id: value, name: '' } : object({ id: or(string, ''), name: or(string, '') })(value, at));

/** What is wrong with something that is being written: at which field, and in a sentence. */
export const problem = object({ field: or(string, ''), code: or(string, ''), message: or(string, '') });
export type Problem = Checked<typeof problem>;
export const problems = or(array(problem), []);

// --- offers -----------------------------------------------------------------------------------------------------------
export const offerKinds = ['subscription', 'rental', 'purchase', 'season_pass', 'live_pass', 'bundle', 'gift_card'] as const;
export type OfferKind = (typeof offerKinds)[number];
export const containKinds = ['all', 'collection', 'series', 'titles'] as const;
export type ContainKind = (typeof containKinds)[number];
const contains = object({
    kind: or(oneOf(...containKinds), 'all'), id: maybe(string), name: or(string, ''), count: or(number, 0),
    titles: or(array(someone), []),
});
export const warning = object({ code: or(string, ''), message: or(string, ''), title: maybe(someone), territories: maybe(string) });
export type Warning = Checked<typeof warning>;
const warnings = or(array(warning), []);
export const price = object({ amount: minor, currency: string, territories: or(string, 'WORLD') });
export type Price = Checked<typeof price>;
const tax = object({ rate_ppm: or(number, 0), is_included: or(boolean, true) });

export const financeOffer = object({
    id: string,
    kind: oneOf(...offerKinds),
    name: or(string, ''),
    names: or(record(string), {}),
    descriptions: or(record(string), {}),
    is_on_sale: or(boolean, false),
    starts_at: maybe(time),
    ends_at: maybe(time),
    prices: or(array(price), []),
    tax: maybe(tax),
    period: maybe(object({ unit: oneOf('month', 'year'), count: or(number, 1) })),
    trial_days: or(number, 0),
    grace_days: or(number, 0),
    vouchers: or(number, 0),
    rental: maybe(object({ start_within_days: or(number, 0), watch_hours: or(number, 0) })),
    contains: or(contains, { kind: 'all', id: null, name: '', count: 0, titles: [] }),
    sold: or(number, 0),
    subscribers: or(number, 0),
    warnings,
});
export type FinanceOffer = Checked<typeof financeOffer>;
export const financeOffers = object({ items: array(financeOffer) });
/** Whom a change touches, in sentences. */
export const effect = object({ code: or(string, ''), message: or(string, ''), count: or(number, 0) });
export type Effect = Checked<typeof effect>;
export const offerCheck = object({ problems, warnings, effects: or(array(effect), []) });
export type OfferCheck = Checked<typeof offerCheck>;
/** What a refusal tells besides its sentence. */
export const refusedProblems: Check<Problem[]> = (value, at) => object({ problems })(value, at).problems;

// --- codes ------------------------------------------------------------------------------------------------------------
export const coupon = object({
    id: string, code: string, percent: maybe(number), amount: maybe(money), offers: maybe(array(string)), starts_at: maybe(time), ends_at: maybe(time),
    uses_max: maybe(number), uses: or(number, 0), per_household_max: maybe(number), is_active: or(boolean, true),
});
export type Coupon = Checked<typeof coupon>;
export const coupons = object({ items: array(coupon) });
export const giftCard = object({ id: string, last4: or(string, ''), amount: money, state: or(string, 'open'), created_at: maybe(time), redeemed_at: maybe(time) });
export type GiftCard = Checked<typeof giftCard>;
export const giftCards = object({ items: array(giftCard), next: maybe(string) });
export const giftCodes = object({ codes: array(string) });

// --- orders and payments ----------------------------------------------------------------------------------------------
export const orderStates = ['awaiting_payment', 'paid', 'part_refunded', 'refunded', 'charged_back', 'cancelled', 'expired'] as const;
export type OrderState = (typeof orderStates)[number];
export const paymentStates = ['created', 'requires_action', 'processing', 'captured', 'failed', 'cancelled', 'part_refunded', 'refunded', 'charged_back', 'parked'] as const;
export type PaymentState = (typeof paymentStates)[number];
export const judgements = ['applied', 'duplicate', 'late', 'parked', 'refused', 'ignored'] as const;

const event = object({ id: string, at: maybe(time), source: or(string, 'webhook'), kind: or(string, ''), judgement: or(string, 'applied'), message: or(string, ''), has_raw: or(boolean, false) });
export type PaymentEvent = Checked<typeof event>;
const failure = object({ code: or(string, ''), message: or(string, '') });
export const payment = object({
    id: string, provider: or(string, ''), provider_ref: or(string, ''), state: or(string, 'created'), amount: money, method: maybe(string), is_parked: or(boolean, false), error: maybe(failure), created_at: maybe(time),
    order: maybe(orderOf), household: maybe(someone), by, is_by_itself: or(boolean, false), events: or(array(event), []),
});
export type Payment = Checked<typeof payment>;
export const payments = object({ items: array(payment), next: maybe(string) });

export const refundStates = ['pending', 'done', 'failed'] as const;
export const refund = object({
    id: string, state: or(string, 'pending'), amount: money, kind: or(string, 'finance'), reason: or(string, ''), note: maybe(string), message: or(string, ''), created_at: maybe(time), by,
    order: maybe(numbered), household: maybe(someone),
});
export type Refund = Checked<typeof refund>;
export const refunds = object({ items: array(refund), next: maybe(string) });
export const refundPreview = object({ amount: money, tax: maybe(money), left: maybe(money), ends: or(array(object({ name: or(string, '') })), []) });
export type RefundPreview = Checked<typeof refundPreview>;

export const chargeback = object({
    id: string, at: maybe(time), state: or(string, 'open'), amount: money, reason: or(string, ''), due_at: maybe(time),
    order: maybe(numbered), household: maybe(someone), payment: maybe(object({ id: string, provider: or(string, '') })),
});
export const parkedWord = object({
    id: string, at: maybe(time), provider: or(string, ''), provider_ref: or(string, ''), code: or(string, ''), message: or(string, ''), ours: maybe(money), theirs: maybe(money), payment: maybe(string),
    has_raw: or(boolean, false), settled_at: maybe(time), note: or(string, ''),
});
export type Parked = Checked<typeof parkedWord>;
export const parked = object({ items: array(parkedWord), next: maybe(string) });
export const chargebacks = object({ items: array(chargeback), next: maybe(string) });
export type Chargeback = Checked<typeof chargeback>;

const orderLine = object({ offer: maybe(string), name: or(string, ''), title: maybe(named), quantity: or(number, 1), unit_price: money, discount: maybe(money), tax: money, total: money });
const orderShape = {
    id: string, number: or(string, ''), state: oneOf(...orderStates), created_at: maybe(time), lines: or(array(orderLine), []),
    subtotal: maybe(money), discount: maybe(money), tax: maybe(money), total: money, credit: maybe(money), due: maybe(money), refunded: maybe(money),
    vouchers: or(number, 0), country: maybe(string), coupon: maybe(object({ code: or(string, '') })), invoice: maybe(object({ number: or(string, ''), url: maybe(string) })),
    household: maybe(someone), payment: maybe(payment),
};
export const orderShort = object(orderShape);
export type OrderShort = Checked<typeof orderShort>;
export const orders = object({ items: array(orderShort), next: maybe(string) });

/** An amount of a ledger: of a currency, or counted (vouchers, coins). */
const counted: Check<{ amount: string; unit: string }> = (value, at) => {
    const it = object({ amount: minor, currency: maybe(string), ledger: maybe(string) })(value, at);
    return { amount: it.amount, unit: it.currency ?? it.ledger ?? '' };
};
export type Counted = Checked<typeof counted>;
const transfer = object({ id: string, at: maybe(time), code: or(number, 0), text: or(string, ''), debit: named, credit: named, amount: counted, state: or(string, 'posted') });
export type Transfer = Checked<typeof transfer>;
export const order = object({ ...orderShape, payments: or(array(payment), []), refunds: or(array(refund), []), transfers: or(array(transfer), []), refundable: maybe(money) });
export type Order = Checked<typeof order>;

// --- revenue ----------------------------------------------------------------------------------------------------------
export const revenueItem = object({ key: or(string, ''), name: or(string, ''), gross: money, tax: money, refunded: money, /** To charge-backs. */ lost: maybe(money), net: money, orders: or(number, 0) });
export type RevenueItem = Checked<typeof revenueItem>;
export const revenue = object({ currencies: or(array(string), []), items: array(revenueItem) });
export type Revenue = Checked<typeof revenue>;
export const overview = object({
    is_example: or(boolean, false), currencies: or(array(string), []),
    subscriptions: maybe(object({ active: or(number, 0), trial: or(number, 0), grace: or(number, 0), new: or(number, 0), ended: or(number, 0) })),
    attention: or(array(object({ code: or(string, ''), message: or(string, ''), count: or(number, 0) })), []),
    verified: maybe(object({ at: maybe(time), transfers: or(number, 0), accounts: or(number, 0), differences: or(number, 0) })),
});
export type Overview = Checked<typeof overview>;

// --- ledger -----------------------------------------------------------------------------------------------------------
export const account = object({
    id: string, code: or(number, 0), name: or(string, ''), owner: maybe(someone), ledger: or(string, ''),
    side: maybe(string), debits_pending: or(minor, '0'), debits_posted: or(minor, '0'), credits_pending: or(minor, '0'), credits_posted: or(minor, '0'), balance: or(minor, '0'),
});
export type Account = Checked<typeof account>;
export const accounts = object({ items: array(account), next: maybe(string) });
export const statement = object({
    account, opening: or(minor, '0'), closing: or(minor, '0'), next: maybe(string),
    items: array(object({ id: string, at: maybe(time), code: or(number, 0), text: or(string, ''), counter: maybe(named), debit: maybe(minor), credit: maybe(minor), balance: minor,
        order: maybe(numbered) })),
});
export type Statement = Checked<typeof statement>;
const difference = object({ kind: or(string, ''), field: maybe(string), ledger: maybe(string), transfer: maybe(string), stored: or(minor, '0'), replayed: or(minor, '0') });
export type Difference = Checked<typeof difference>;
export const verified = object({ transfers: or(number, 0), accounts: or(number, 0), differences_total: maybe(number), differences: or(array(difference), []) });
export type Verified = Checked<typeof verified>;

// --- settings ---------------------------------------------------------------------------------------------------------
const providerField = object({ name: string, label: or(string, ''), is_secret: or(boolean, false), is_set: or(boolean, false), value: maybe(string) });
export type ProviderField = Checked<typeof providerField>;
const provider = object({ id: string, name: or(string, ''), is_enabled: or(boolean, false), /** All that it needs is set. */ is_ready: or(boolean, true), is_play_money: or(boolean, false), webhook_url: or(string, ''), fields: or(array(providerField), []) });
export type Provider = Checked<typeof provider>;
export const settings = object({
    seller: or(object({ name: or(string, ''), address: or(string, ''), tax_id: or(string, ''), country: or(string, '') }), { name: '', address: '', tax_id: '', country: '' }),
    invoice_prefix: or(string, ''), is_tax_included: or(boolean, true), taxes: or(array(object({ country: string, rate_ppm: or(number, 0) })), []), providers: or(array(provider), []),
});
export type FinanceSettings = Checked<typeof settings>;
