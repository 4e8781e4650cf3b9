// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What the pages say of the server's decision on a title, where there is no room for its sentence.
import type { Access, Title } from './model';
import { t } from './text';
import { date } from './time.svelte';

export const isPlayable = (title: { access: Access }): boolean => title.access.state === 'playable';

/** The badge of a tile; empty where nothing has to be said. */
export function badgeOf(title: Title, saysFree: boolean): string {
    const { state, from } = title.access;
    if (state === 'playable') return saysFree && title.is_free ? t('may.free') : '';
    if (state === 'unavailable' && from !== null && from > Date.now()) return t('may.from', { date: date(from) });
    return t(`may.${state}`);
}
export const iconOf = (state: Access['state']): 'lock' | 'enter' | 'hide' | 'nowhere' | 'play' =>
    ({ playable: 'play', sign_in: 'enter', locked: 'lock', rating: 'hide', unavailable: 'nowhere' } as const)[state];
