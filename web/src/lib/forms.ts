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

/** A code that came behind the # of a link: it leaves the address, and with it the history, before anything else happens. */
export function takeCode(): string {
    const code = new URLSearchParams(location.hash.slice(1)).get('code') ?? '';
    if (location.hash) history.replaceState(history.state, '', location.pathname + location.search);
    return code.trim();
}
