// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What forms check before they ask the server, which checks again. The rules are the server's (src/business/account).
import { t } from './text';

export const password_min = 10;
export const pin_length = 4;

export const emailFault = (email: string): string => {
    const at = email.trim();
    if (!at) return t('form.required');
    return /^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(at) ? '' : t('form.email_wrong');
};
export const passwordFault = (password: string): string => {
    if (!password) return t('form.required');
    return [...password].length < password_min ? t('form.password_short', { count: password_min }) : '';
};
export const filledFault = (text: string): string => (text.trim() ? '' : t('form.required'));

/** What proves that a grown-up is there: four figures are a PIN, sent as `pin` or what it is called there; else a password. */
export const proofOf = (text: string, pin: 'pin' | 'confirm_pin'): Record<string, string> =>
    new RegExp(`^\\d{${pin_length}}$`).test(text) ? { [pin]: text } : { password: text };

/** A code that can be used only after signing in waits here, not in an address. */
let waiting = '';
export function keepCode(code: string): void {
    waiting = code;
}
/** A code that came behind the # of a link: it leaves the address, and with it the history, before anything else happens. */
export function takeCode(): string {
    const code = new URLSearchParams(location.hash.slice(1)).get('code') ?? waiting;
    waiting = '';
    if (location.hash) history.replaceState(history.state, '', location.pathname + location.search);
    return code.trim();
}
