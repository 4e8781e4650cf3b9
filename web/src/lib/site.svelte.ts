// SPDX-License-Identifier: AGPL-3.0-or-later
import { get, peek } from './api';
import { site as check, type Site } from './model';

class SiteState {
    value = $state.raw<Site>({ name: 'Grandstand', version: '', operator: false });
    /** The heading of the page, for the window's title and for screen readers when the page changes. */
    heading = $state('');

    start(): void {
        const known = peek('/site', check);
        if (known) this.value = known;
        else this.reload();
    }
    reload(): void {
        get('/site', check).then((value) => (this.value = value), () => undefined);
    }
}
export const site = new SiteState();
