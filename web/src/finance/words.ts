// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What the money pages call things that come as codes, and what several of them count.
import { countryName } from '../lib/format';
import { offerKinds, orderStates, paymentStates, type Account, type FinanceOffer, type OfferKind, type Problem } from '../lib/model-finance';
import { moneyText } from '../lib/money';
import { language, t, textOr } from '../lib/text';

export const kindText = (kind: OfferKind): string => t(`fin.kind_${kind}`);
export const orderStateText = (state: string): string => {
    const known = orderStates.find((one) => one === state);
    return known ? t(`fin.order_${known}`) : state;
};
export const paymentStateText = (state: string): string => {
    const known = paymentStates.find((one) => one === state);
    return known ? t(`fin.pay_${known}`) : state;
};
export const refundStateText = (state: string): string => textOr(`fin.refund_is_${state}`, state);
export const isOfferKind = (text: string): text is OfferKind => offerKinds.includes(text as OfferKind);
export const providerText = (id: string): string => textOr(`fin.provider_${id}`, id.charAt(0).toLocaleUpperCase() + id.slice(1));

/** How a state looks besides its colour: each has a sign of its own. */
export type Tone = 'good' | 'wait' | 'bad' | 'plain';
export const toneOf = (state: string): Tone => {
    if (['paid', 'captured', 'done', 'won', 'posted', 'applied', 'active'].includes(state)) return 'good';
    if (['awaiting_payment', 'created', 'requires_action', 'processing', 'pending', 'open', 'parked', 'late'].includes(state)) return 'wait';
    if (['failed', 'charged_back', 'lost', 'refused'].includes(state)) return 'bad';
    return 'plain';
};

/** Ledgers of currencies are written as money, all others as a count. */
export const isCurrency = (ledger: string): boolean => /^[A-Z]{3}$/.test(ledger);
export const ledgerText = (ledger: string): string => (isCurrency(ledger) ? ledger : textOr(`fin.ledger_${ledger}`, ledger));
export const countedText = (amount: string, ledger: string): string =>
    (isCurrency(ledger) ? moneyText({ amount, currency: ledger }) : `${new Intl.NumberFormat(language()).format(BigInt(amount))} ${ledgerText(ledger)}`);
/** What an account is called; of clearing, with which provider. */
export function accountText(account: Pick<Account, 'code' | 'name' | 'owner'>): string {
    const name = account.name || textOr(`fin.account_${account.code}`, String(account.code));
    return account.code === 100 && account.owner ? `${name} ${providerText(account.owner.id)}` : name;
}

export const percentText = (value: number, isSigned = false): string =>
    new Intl.NumberFormat(language(), { style: 'percent', maximumFractionDigits: 1, ...(isSigned ? { signDisplay: 'exceptZero' as const } : {}) }).format(value / 100);
export const countText = (value: number): string => new Intl.NumberFormat(language()).format(value);

/** "prices[1].amount" among the problems. */
export const problemAt = (problems: readonly Problem[], field: string): string => problems.find((one) => one.field === field)?.message ?? '';
export const countryText = (code: string): string => (/^[A-Z]{2}$/.test(code) ? countryName(code) : code);

/** "month" of a plan: "each month", "every 3 months". */
export function periodText(offer: Pick<FinanceOffer, 'period'>): string {
    if (!offer.period) return '';
    const { unit, count } = offer.period;
    return count === 1 ? t(`fin.per_${unit}`) : t(`fin.every_${unit}`, { count });
}

/** A key that is used for one request and its repetitions: the server does it once. */
export function idempotencyKey(): string {
    return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A text as a file. */
export function saveFile(name: string, type: string, ...parts: string[]): void {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob(parts, { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
/** One field of a CSV; what a spreadsheet would take for a formula is kept a text. */
export const csvField = (text: string): string => (/[",\n\r;]/.test(text) || /^[=+\-@\t]/.test(text) ? `"${/^[=+\-@\t]/.test(text) ? "'" : ''}${text.replaceAll('"', '""')}"` : text);
