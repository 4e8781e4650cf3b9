// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What a card's form checks before anybody is asked. The card's number leaves the page once, for the provider, and is kept nowhere.
import { t } from './text';

export interface Card {
    number: string;
    expires: string;
    cvc: string;
    name: string;
}
export type CardField = keyof Card;
export const cardFields = ['number', 'expires', 'cvc', 'name'] as const;

export const figures = (text: string): string => text.replace(/\D/g, '');
const isAmex = (number: string): boolean => /^3[47]/.test(number);
/** As it stands on the card: 4-4-4-4, and 4-6-5 where it begins with 34 or 37. */
export function grouped(text: string): string {
    const number = figures(text).slice(0, 19);
    const groups = isAmex(number) ? [number.slice(0, 4), number.slice(4, 10), number.slice(10, 15)] : (number.match(/.{1,4}/g) ?? []);
    return groups.filter(Boolean).join(' ');
}
/** "1230" is "12/30", "3/30" is "03/30". */
export function expiry(text: string): string {
    const loose = /^\s*(\d)\s*\/\s*(.*)$/.exec(text);
    const digits = loose ? `0${loose[1]}${figures(loose[2] ?? '')}` : figures(text).replace(/^([2-9])/, '0$1');
    const short = digits.length === 6 ? digits.slice(0, 2) + digits.slice(4) : digits.slice(0, 4); // 122030, as browsers fill it in
    return short.length > 2 || (short.length === 2 && text.endsWith('/')) ? `${short.slice(0, 2)}/${short.slice(2)}` : short;
}

/** ISO/IEC 7812-1, annex B. */
function isLuhn(number: string): boolean {
    let sum = 0;
    for (let i = 0; i < number.length; i++) {
        const digit = Number(number[number.length - 1 - i]) * (i % 2 ? 2 : 1);
        sum += digit > 9 ? digit - 9 : digit;
    }
    return sum % 10 === 0;
}
export function cardFaults(card: Card, now = new Date()): Partial<Record<CardField, string>> {
    const number = figures(card.number);
    const [month = 0, year = 0] = card.expires.split('/').map(Number);
    const isPast = year + 2000 < now.getFullYear() || (year + 2000 === now.getFullYear() && month < now.getMonth() + 1);
    const isDate = /^\d\d\/\d\d$/.test(card.expires) && month >= 1 && month <= 12;
    return {
        ...(!number ? { number: t('form.required') } : number.length < 12 || !isLuhn(number) ? { number: t('card.number_wrong') } : {}),
        ...(!card.expires ? { expires: t('form.required') } : !isDate ? { expires: t('card.expires_wrong') } : isPast ? { expires: t('card.expires_past') } : {}),
        ...(!card.cvc ? { cvc: t('form.required') } : figures(card.cvc).length !== (isAmex(number) ? 4 : 3) ? { cvc: t('card.cvc_wrong', { count: isAmex(number) ? 4 : 3 }) } : {}),
        ...(!card.name.trim() ? { name: t('form.required') } : {}),
    };
}
