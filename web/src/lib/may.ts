// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What the pages say of the server's decision on a title, where there is no room for its sentence.
import { serverNow } from './api';
import type { IconName } from '../parts/icon.svelte';
import type { Access, Title } from './model';
import { moneyTrim } from './money';
import { t } from './text';
import { date, left } from './time.svelte';

export const isPlayable = (title: { access: Access }): boolean => title.access.state === 'playable';

/** Refused because nobody paid, and for no other reason: then the price says more than the lock. */
export const isUnpaid = ({ access }: { access: Access }): boolean => (access.state === 'locked' || access.state === 'sign_in') && access.reason !== 'access.rating';

/** The badge of a tile; empty where nothing has to be said. */
export function badgeOf(title: Title, saysFree: boolean): string {
    const { state, from } = title.access;
    const { badge, price, until } = title.sale;
    if (state === 'playable') {
        if (badge === 'rented') return until !== null && until > serverNow() ? t('sale.rented_left', { time: left(until - serverNow()) }) : t('sale.rented');
        if (badge === 'owned') return t('sale.owned');
        if (badge === 'included') return t('sale.included');
        return saysFree && (badge === 'free' || title.is_free) ? t('may.free') : '';
    }
    if (isUnpaid(title)) {
        if (badge === 'subscribe') return t('sale.subscribe');
        if (badge === 'rent' && price) return t('sale.rent', { price: moneyTrim(price) });
        if (badge === 'buy' && price) return t('sale.buy', { price: moneyTrim(price) });
    }
    if (state === 'unavailable' && from !== null && from > Date.now()) return t('may.from', { date: date(from) });
    return t(`may.${state}`);
}
/** The sign before the badge; null: its words are enough. */
export function badgeIcon(title: Title): IconName | null {
    const { access: { state }, sale: { badge } } = title;
    if (state === 'playable') return badge === 'rented' ? 'recent' : badge === 'owned' || badge === 'included' ? 'check' : null;
    return isUnpaid(title) && badge !== 'none' ? null : iconOf(state);
}
export const iconOf = (state: Access['state']): 'lock' | 'enter' | 'hide' | 'nowhere' | 'play' =>
    ({ playable: 'play', sign_in: 'enter', locked: 'lock', rating: 'hide', unavailable: 'nowhere' } as const)[state];
