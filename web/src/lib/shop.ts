// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What is about to be bought stands in the address, so that going back, loading again and signing in on the way keep it. The keys by
// which the server knows a request again stand beside it: pressing twice, or loading again while the answer is under way, buys once.
import type { Offer } from './model-shop';
import { isNegative, subtract, type Money } from './money';
import { t } from './text';

export interface Basket {
    offer: string;
    title: string;
    coupon: string;
    usesVoucher: boolean;
    usesCredit: boolean;
    /** The title that is watched afterwards, where it is not the one that is bought: a plan is. */
    watch: string;
}
/** The address of the checkout of one offer. */
export function checkoutAt({ offer, title = '', coupon = '', usesVoucher = false, usesCredit = true, watch = '' }: Partial<Basket> & { offer: string }): string {
    const params = new URLSearchParams({ offer });
    if (title) params.set('title', title);
    if (watch && watch !== title) params.set('watch', watch);
    if (coupon) params.set('coupon', coupon);
    if (usesVoucher) params.set('voucher', '1');
    if (!usesCredit) params.set('credit', '0');
    return `/checkout?${params}`;
}
export function basketOf(search: string): Basket {
    const params = new URLSearchParams(search);
    const text = (name: string): string => params.get(name)?.trim() ?? '';
    return { offer: text('offer'), title: text('title'), coupon: text('coupon'), watch: text('watch') || text('title'), usesVoucher: text('voucher') === '1', usesCredit: text('credit') !== '0' };
}
/** What the server is asked to quote and to sell. */
export const bodyOf = (basket: Basket): Record<string, unknown> => ({
    lines: [{ offer: basket.offer, ...(basket.title ? { title: basket.title } : {}), quantity: 1 }],
    ...(basket.coupon ? { coupon: basket.coupon } : {}), use_credit: basket.usesCredit, use_voucher: basket.usesVoucher,
});

const prefix = 'gs.key.';
/** Where storage is closed (private windows), for as long as the page stands. */
const held = new Map<string, string>();
/** 128 bits; crypto.randomUUID is there over TLS only. */
const fresh = (): string => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
/** The Idempotency-Key of this request: the same for the same body until `forgetKeys`, in this tab. */
export function keyOf(path: string, body: unknown): string {
    const name = `${prefix}${path} ${JSON.stringify(body)}`;
    let key = held.get(name);
    try {
        key ??= sessionStorage.getItem(name) ?? fresh();
        sessionStorage.setItem(name, key);
    } catch {
        key ??= fresh();
    }
    held.set(name, key);
    return key;
}
/** What was asked for is settled: the same wish from now on is a new one. */
export function forgetKeys(): void {
    held.clear();
    try {
        for (const name of Object.keys(sessionStorage)) if (name.startsWith(prefix)) sessionStorage.removeItem(name);
    } catch {
        /* closed: nothing was kept */
    }
}

/** What is watched when this order is paid, in this tab: the order of a plan does not know for which title it was wanted. */
export function keepWatch(order: string, title: string): void {
    try {
        if (title) sessionStorage.setItem(`gs.watch.${order}`, title);
    } catch {
        /* closed: then the success page leads to the first page */
    }
}
export function watchAfter(order: string): string {
    try {
        return (order && sessionStorage.getItem(`gs.watch.${order}`)) || '';
    } catch {
        return '';
    }
}

const waiting_ms = 24 * 3_600_000;
/** Where signing up on the way to a checkout goes on: the letter's link opens a new tab, which knows no address to come back to. */
export function keepWay(to: string): void {
    try {
        localStorage.setItem('gs.way', JSON.stringify({ to, until: Date.now() + waiting_ms }));
    } catch {
        /* closed: one begins anew */
    }
}
export function takeWay(): string | null {
    try {
        const kept = JSON.parse(localStorage.getItem('gs.way') ?? 'null') as { to?: unknown; until?: unknown } | null;
        localStorage.removeItem('gs.way');
        return typeof kept?.to === 'string' && /^\/(?![/\\])/.test(kept.to) && Number(kept.until) > Date.now() ? kept.to : null;
    } catch {
        return null;
    }
}

export const hasTrial = (offer: Offer): boolean => offer.kind === 'subscription' && offer.trial_days > 0 && !offer.was_trial_used;
const perPeriod = { month: ['plan.per_month', 'plan.per_months'], year: ['plan.per_year', 'plan.per_years'] } as const;
/** "€9.99 a month". */
export function priceWithPeriod(price: string, period: Offer['period']): string {
    if (!period) return price;
    const [one, many] = perPeriod[period.unit];
    return period.count === 1 ? t(one, { price }) : t(many, { price, count: period.count });
}
export const rentalTerms = (rental: NonNullable<Offer['rental']>): string => t('get.rental_terms', { days: rental.start_within_days, hours: rental.watch_hours });
/** A plan by the month and the same by the year: what they contain is the same, and among several of a kind their place by price. */
export function twins(plans: Offer[]): { month: Offer | null; year: Offer | null }[] {
    const content = (plan: Offer): string => `${plan.contains?.kind ?? ''} ${plan.contains?.name ?? ''}`;
    const of = (unit: 'month' | 'year', key: string): Offer[] => plans.filter((plan) => plan.period?.unit === unit && plan.period.count === 1 && content(plan) === key)
        .toSorted((a, b) => (BigInt(a.price.amount) < BigInt(b.price.amount) ? -1 : 1));
    return [...new Set(plans.map(content))].flatMap((key) => {
        const [months, years] = [of('month', key), of('year', key)];
        return Array.from({ length: Math.max(months.length, years.length) }, (_, i) => ({ month: months[i] ?? null, year: years[i] ?? null }));
    });
}

/** What twelve months by the year save, as money and in whole per cent, never rounded up; null: nothing. */
export function savedByYear(month: Offer | null, year: Offer | null): { money: Money; percent: number } | null {
    if (!month || !year || month.price.currency !== year.price.currency) return null;
    const twelve = { amount: String(BigInt(month.price.amount) * 12n), currency: month.price.currency };
    const money = subtract(twelve, year.price);
    if (isNegative(money) || BigInt(money.amount) === 0n) return null;
    return { money, percent: Number((BigInt(money.amount) * 100n) / BigInt(twelve.amount)) };
}

/** Of rentals and of purchases of the same title on the same terms only the cheapest: nobody is offered the same for more. */
export function worthOffering(items: Offer[]): Offer[] {
    const terms = (one: Offer): string => (one.kind === 'rental' || one.kind === 'purchase' ? `${one.kind} ${one.rental?.watch_hours ?? ''} ${one.price.currency}` : one.id);
    return items.filter((one) => !items.some((other) => other !== one && terms(other) === terms(one)
        && (BigInt(other.price.amount) < BigInt(one.price.amount) || (other.price.amount === one.price.amount && items.indexOf(other) < items.indexOf(one)))));
}
