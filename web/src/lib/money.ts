// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Money is whole minor units and a currency. It travels as {"amount": "1299", "currency": "EUR"} and is counted as BigInt: no number of
// ours ever holds an amount. Two currencies are never added.
import { object, type Check, type Checked } from './check';
import { language } from './text';

/** Minor units as text: up to 63 bits, perhaps negative. */
export const minor: Check<string> = (value, at) => {
    const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
    if (typeof text === 'string' && /^-?\d{1,19}$/.test(text)) return text;
    throw new TypeError(`${at}: minor units expected`);
};
const currencyCode: Check<string> = (value, at) => {
    if (typeof value === 'string' && /^[A-Z]{3}$/.test(value)) return value;
    throw new TypeError(`${at}: a currency of ISO 4217 expected`);
};
export const money = object({ amount: minor, currency: currencyCode });
export type Money = Checked<typeof money>;

/** ISO 4217. Browsers know how a currency is usually shown (the dinar of Iraq without its 1000 fils), which is not how it is counted. */
const digitsOf: Record<string, number> = {};
for (const [digits, codes] of [[0, 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'], [3, 'BHD IQD JOD KWD LYD OMR TND'], [4, 'CLF UYW']] as const)
    for (const code of codes.split(' ')) digitsOf[code] = digits;
export const exponent = (currency: string): number => digitsOf[currency] ?? 2;

/** 1299 of EUR is "12.99": how people write it without marks, and what number formats take without loss. */
export function decimalOf(amount: string | bigint, currency: string): string {
    const whole = BigInt(amount);
    const digits = exponent(currency);
    const text = String(whole < 0n ? -whole : whole).padStart(digits + 1, '0');
    const sign = whole < 0n ? '-' : '';
    return digits ? `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}` : sign + text;
}

const formats = new Map<string, Intl.NumberFormat>();
function formatOf(currency: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
    const key = `${language()} ${currency} ${JSON.stringify(options)}`;
    let format = formats.get(key);
    if (!format) {
        const digits = exponent(currency);
        format = new Intl.NumberFormat(language(), { style: 'currency', currency, minimumFractionDigits: digits, maximumFractionDigits: digits, ...options });
        formats.set(key, format);
    }
    return format;
}
/** Number formats take decimal text and keep every digit; the types of TypeScript do not know it yet. */
const exact = (text: string): number => text as unknown as number;

/** "€12.99", "12,99 €", "¥39.00", in the reader's language and with all digits of the currency. */
export const moneyText = ({ amount, currency }: Money): string => formatOf(currency, {}).format(exact(decimalOf(amount, currency)));
/** The same with a sign before what is more than nothing: what changed. */
export const moneySigned = ({ amount, currency }: Money): string => formatOf(currency, { signDisplay: 'exceptZero' }).format(exact(decimalOf(amount, currency)));
/** "€13" where only zeros would follow, else as moneyText: for badges and buttons. */
export const moneyTrim = (m: Money): string => (/\.0*[1-9]/.test(decimalOf(m.amount, m.currency)) ? moneyText(m)
    : formatOf(m.currency, { minimumFractionDigits: 0, maximumFractionDigits: 0 }).format(exact(decimalOf(m.amount, m.currency))));
/** "€12.9K": where there is no room, never where it counts. */
export const moneyShort = ({ amount, currency }: Money): string =>
    formatOf(currency, { notation: 'compact', minimumFractionDigits: 0, maximumFractionDigits: 1 }).format(exact(decimalOf(amount, currency)));
/** The figures without the currency, for columns whose head names it. */
export const moneyFigures = ({ amount, currency }: Money): string =>
    new Intl.NumberFormat(language(), { minimumFractionDigits: exponent(currency), maximumFractionDigits: exponent(currency) }).format(exact(decimalOf(amount, currency)));
/** "Euro", "日元". */
export function currencyName(code: string): string {
    try {
        return new Intl.DisplayNames([language()], { type: 'currency' }).of(code) ?? code;
    } catch {
        return code;
    }
}

const most = 2n ** 63n - 1n;
/** What somebody typed, as minor units; null where it is no amount of this currency. "12.99" and "12,99" are the same; marks between
 *  thousands are blanks, because a point there would be a guess. */
export function parseMoney(text: string, currency: string): string | null {
    const digits = exponent(currency);
    const match = /^(\d{1,19})(?:[.,](\d*))?$/.exec(text.replace(/[\s\u00A0\u202F']/g, ''));
    if (!match) return null;
    const part = match[2] ?? '';
    if (part.length > digits) return null;
    const whole = BigInt(match[1] + part.padEnd(digits, '0'));
    return whole > most ? null : String(whole);
}
/** For a field that is filled in: plain digits with a point. */
export const moneyInput = ({ amount, currency }: Money): string => decimalOf(amount, currency);

const same = (a: Money, b: Money): string => {
    if (a.currency !== b.currency) throw new TypeError(`${a.currency} and ${b.currency} cannot be added`);
    return a.currency;
};
export const add = (a: Money, b: Money): Money => ({ amount: String(BigInt(a.amount) + BigInt(b.amount)), currency: same(a, b) });
export const subtract = (a: Money, b: Money): Money => ({ amount: String(BigInt(a.amount) - BigInt(b.amount)), currency: same(a, b) });
export const sum = (list: readonly Money[], currency: string): Money => list.reduce(add, { amount: '0', currency });
export const negative = ({ amount, currency }: Money): Money => ({ amount: String(-BigInt(amount)), currency });
export const isZero = (m: Money): boolean => BigInt(m.amount) === 0n;
export const isNegative = (m: Money): boolean => BigInt(m.amount) < 0n;
/** For drawing only: the length of a bar. */
export const drawn = (m: Money): number => Number(m.amount) / 10 ** exponent(m.currency);

/** What part of `of` this is, in percent with one digit, counted in whole numbers; null of nothing. */
export function share(part: Money, of: Money): number | null {
    const whole = BigInt(of.amount);
    same(part, of);
    return whole === 0n ? null : Number((BigInt(part.amount) * 1000n) / (whole < 0n ? -whole : whole)) / 10;
}
/** 190000 parts of a million are "19%", 77500 "7.75%". */
export const rateText = (ppm: number): string => new Intl.NumberFormat(language(), { style: 'percent', maximumFractionDigits: 4 }).format(ppm / 1_000_000);
/** "19", "7.7", "7,75" are parts of a million; null where it is no rate below 100 %. */
export function parseRate(text: string): number | null {
    const match = /^(\d{1,2})(?:[.,](\d{0,4}))?$/.exec(text.replace(/[\s%]/g, ''));
    return match ? Number((match[1] ?? '') + (match[2] ?? '').padEnd(4, '0')) : null;
}

/** Those that come first where a currency is chosen; any other can be typed. */
export const currencies = ('EUR USD CNY THB GBP CHF JPY AED ARS AUD BGN BHD BRL CAD CLP COP CZK DKK EGP HKD HUF IDR ILS INR ISK JOD KES KRW KWD MAD MXN MYR NGN NOK NZD OMR PEN PHP PKR PLN '
    + 'QAR RON RSD RUB SAR SEK SGD TND TRY TWD UAH VND ZAR').split(' ');
