// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Which page stands at which address. Only what most visitors see is in the first bundle; the player and the operator's
// pages come when they are opened.
import type { Component } from 'svelte';
import Home from './home.svelte';
import Missing from './missing.svelte';
import Title from './title.svelte';

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

const routes: { pattern: RegExp; load: Loader; isBare?: boolean }[] = [
    { pattern: /^\/$/, load: now(Home) },
    { pattern: /^\/title\/([\w-]+)$/, load: now(Title) },
    { pattern: /^\/watch\/([\w-]+)$/, load: () => import('./watch.svelte'), isBare: true },
    { pattern: /^\/operator$/, load: () => import('../operator/dashboard.svelte') },
    { pattern: /^\/operator\/live$/, load: () => import('../operator/live.svelte') },
    { pattern: /^\/operator\/live\/([\w-]+)$/, load: () => import('../operator/channel.svelte') },
    { pattern: /^\/operator\/enter$/, load: () => import('../operator/enter.svelte') },
    { pattern: /^\/operator\/titles\/([\w-]+)$/, load: () => import('../operator/editor.svelte') },
];

export async function loadPage(path: string): Promise<Page> {
    for (const { pattern, load, isBare } of routes) {
        const match = pattern.exec(path);
        if (match) return { component: (await load()).default, id: match[1] ?? '', isBare: isBare ?? false, key: path };
    }
    return { component: Missing, id: '', isBare: false, key: path };
}
