// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Which page stands at which address. Only the first page is in the first bundle; all else comes when it is opened, and until then
// the server's first HTML stands.
import type { Component } from 'svelte';
import { operatorRoutes } from '../operator/routes';
import { useTexts, type TextGroup } from '../lib/text';
import Home from './home.svelte';
import Missing from './missing.svelte';

export interface Page {
    component: Component<{ id: string }>;
    id: string;
    /** The player has the screen for itself: no header, no footer. */
    isBare: boolean;
    /** Changes when the page must be built anew. */
    key: string;
}

type Loader = () => Promise<{ default: Component<{ id: string }> }>;
const now = (component: Component<{ id: string }>): Loader => () => Promise.resolve({ default: component });
/** A page and the texts that come with its kind, asked for at the same time. */
const saying = (load: Loader, ...groups: TextGroup[]): Loader => async () => (await Promise.all([load(), ...groups.map(useTexts)]))[0];
const account = (load: Loader): Loader => saying(load, 'account');
/** Who buys may have to sign up on the way. */
const shop = (load: Loader): Loader => saying(load, 'account', 'shop');
const operator = (load: Loader): Loader => saying(load, 'operator');

const routes: { pattern: RegExp; load: Loader; isBare?: boolean; key?: string }[] = [
    { pattern: /^\/$/, load: now(Home) },
    { pattern: /^\/title\/([\w-]+)$/, load: () => import('./title.svelte') },
    { pattern: /^\/watch\/([\w-]+)$/, load: () => import('./watch.svelte'), isBare: true },
    { pattern: /^\/sign-up$/, load: account(() => import('./sign-up.svelte')) },
    { pattern: /^\/sign-in$/, load: account(() => import('./sign-in.svelte')) },
    { pattern: /^\/confirm$/, load: account(() => import('./confirm.svelte')) },
    { pattern: /^\/forgot$/, load: account(() => import('./forgot.svelte')) },
    { pattern: /^\/reset$/, load: account(() => import('./reset.svelte')) },
    { pattern: /^\/invitation$/, load: account(() => import('./invitation.svelte')) },
    { pattern: /^\/goodbye$/, load: account(() => import('./goodbye.svelte')) },
    { pattern: /^\/who$/, load: account(() => import('./who.svelte')), isBare: true },
    { pattern: /^\/account(?:\/([a-z]+))?$/, load: shop(() => import('./account.svelte')) },
    { pattern: /^\/plans$/, load: shop(() => import('./buy.svelte')) },
    { pattern: /^\/buy\/([\w-]+)$/, load: shop(() => import('./buy.svelte')) },
    { pattern: /^\/checkout(?:\/([\w-]+))?$/, load: shop(() => import('./checkout.svelte')), key: 'checkout' },
    { pattern: /^\/pay\/step\/([\w-]+)$/, load: shop(() => import('./pay-step.svelte')) },
    ...operatorRoutes.map(({ pattern, load }) => ({ pattern, load: operator(load) })),
];

export async function loadPage(path: string): Promise<Page> {
    for (const { pattern, load, isBare, key } of routes) {
        const match = pattern.exec(path);
        if (match) return { component: (await load()).default, id: match[1] ?? '', isBare: isBare ?? false, key: key ?? path };
    }
    return { component: Missing, id: '', isBare: false, key: path };
}
