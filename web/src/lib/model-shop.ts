// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What the box office answers (openapi.yaml): offers, quotes, orders, payments, and what a household has.
import { array, boolean, maybe, number, object, oneOf, or, string, type Check, type Checked } from './check';
import { time } from './model';
import { money } from './money';

const named = object({ id: string, name: or(string, '') });

const offerKinds = ['subscription', 'rental', 'purchase', 'season_pass', 'live_pass', 'bundle', 'gift_card'] as const;
export const offer = object({
    id: string,
    kind: oneOf(...offerKinds),
    name: or(string, ''),
    description: or(string, ''),
    price: money,
    tax: maybe(object({ rate_ppm: number, is_included: or(boolean, true) })),
    period: maybe(object({ unit: oneOf('month', 'year'), count: or(number, 1) })),
    trial_days: or(number, 0),
    vouchers: or(number, 0),
    rental: maybe(object({ start_within_days: number, watch_hours: number })),
    title: maybe(named),
    contains: maybe(object({ kind: or(string, ''), name: or(string, ''), count: or(number, 0) })),
    was_trial_used: or(boolean, false),
    ends_at: maybe(time),
});
export type Offer = Checked<typeof offer>;
/** What is of a kind that these pages do not know yet is left out. */
const known: Check<Offer[]> = (value, at) =>
    array((one) => one)(value ?? [], at).filter((one) => offerKinds.some((kind) => kind === (one as { kind?: unknown } | null)?.kind)).map((one, i) => offer(one, `${at}[${i}]`));
export const offers = object({ items: known });

export const entitlement = object({
    kind: or(string, 'grant'),
    title: maybe(named),
    offer: maybe(named),
    medium: or(string, ''),
    starts_at: maybe(time),
    ends_at: maybe(time),
    is_started: or(boolean, false),
    order: maybe(string),
});
export type Entitlement = Checked<typeof entitlement>;
export const titleOffers = object({ items: known, entitlement: maybe(entitlement), vouchers: or(object({ balance: or(number, 0), is_usable: or(boolean, false) }), { balance: 0, is_usable: false }) });
export type TitleOffers = Checked<typeof titleOffers>;

const quoteShape = {
    lines: array(object({ offer: maybe(string), kind: or(string, ''), name: or(string, ''), title: maybe(named), quantity: or(number, 1), unit_price: money, discount: money, tax: money, total: money, is_trial: or(boolean, false) })),
    subtotal: money,
    discount: money,
    tax: money,
    total: money,
    /** What is left of the plan that this one replaces; a part of `credit`. */
    proration: maybe(money),
    credit: money,
    due: money,
    vouchers: or(number, 0),
    renews: maybe(object({ at: time, price: money })),
    coupon: maybe(object({ code: string, message: or(string, '') })),
    country: or(string, ''),
};
export const quote = object(quoteShape);
export type Quote = Checked<typeof quote>;

export const paymentStates = ['created', 'requires_action', 'processing', 'captured', 'failed', 'cancelled', 'refunded', 'part_refunded', 'charged_back'] as const;
export const payment = object({
    id: string,
    order: maybe(string),
    provider: or(string, ''),
    state: oneOf(...paymentStates),
    amount: money,
    action: maybe(object({ kind: oneOf('redirect', 'confirm', 'stripe'), url: maybe(string), client_secret: maybe(string), publishable_key: maybe(string) })),
    error: maybe(object({ code: or(string, ''), message: or(string, '') })),
    method: maybe(string),
    created_at: maybe(time),
});
export type Payment = Checked<typeof payment>;

export const orderStates = ['awaiting_payment', 'paid', 'cancelled', 'expired', 'part_refunded', 'refunded', 'charged_back'] as const;
export const order = object({
    id: string,
    number: or(string, ''),
    state: oneOf(...orderStates),
    created_at: maybe(time),
    expires_at: maybe(time),
    ...quoteShape,
    refunded: maybe(money),
    payment: maybe(payment),
    invoice: maybe(object({ number: or(string, ''), url: string })),
    codes: or(array(string), []),
});
export type Order = Checked<typeof order>;
export const orders = object({ items: array(order) });

export const providers = object({
    items: array(object({ id: string, name: string, kind: oneOf('card', 'redirect'), is_play_money: or(boolean, false), cards: or(array(object({ number: string, what: or(string, '') })), []) })),
});
export type Provider = Checked<typeof providers>['items'][number];

export const subscription = object({
    id: string,
    /** Gone, or without a price where the viewer is: null. The plan runs on all the same. */
    offer: maybe(offer),
    state: oneOf('trial', 'active', 'grace', 'cancelled', 'ended'),
    period: object({ from: time, to: time }),
    renews_at: maybe(time),
    price: money,
    method: maybe(string),
    next_offer: maybe(offer),
    started_at: maybe(time),
    /** In grace: the renewal that waits for money, and until when it may be watched meanwhile. */
    order: maybe(string),
    grace_until: maybe(time),
});
export type Subscription = Checked<typeof subscription>;
export const plan = object({
    subscription: maybe(subscription),
    vouchers: or(object({ balance: or(number, 0), expires_at: maybe(time) }), { balance: 0, expires_at: null }),
    credit: or(array(money), []),
    entitlements: or(array(entitlement), []),
});
export type Plan = Checked<typeof plan>;
export const planSwitch = object({ quote, at: oneOf('now', 'period_end'), order: maybe(((value, at) => (typeof value === 'string' ? value : order(value, at).id)) as Check<string>) });
export type PlanSwitch = Checked<typeof planSwitch>;
export const redeemed = object({ credit: or(array(money), []), redeemed: money });
