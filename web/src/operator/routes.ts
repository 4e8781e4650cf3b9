// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The addresses of the control room. Each page stands in its frame: the way to all others beside it.
import type { Component } from 'svelte';

type Page = Component<{ id: string }>;
type Loaded = { default: Page };

async function framed(loading: Promise<Loaded>): Promise<Loaded> {
    const [{ default: page }, { default: Frame }] = await Promise.all([loading, import('./frame.svelte')]);
    const inFrame = ((anchor: never, props: { id: string }) =>
        (Frame as unknown as (at: never, of: { id: string; page: Page }) => object)(anchor, { id: props.id, page })) as unknown as Page;
    return { default: inFrame };
}

export const operatorRoutes: { pattern: RegExp; load: () => Promise<Loaded> }[] = [
    { pattern: /^\/operator$/, load: () => framed(import('./dashboard.svelte')) },
    { pattern: /^\/operator\/live$/, load: () => framed(import('./live.svelte')) },
    { pattern: /^\/operator\/live\/([\w-]+)$/, load: () => framed(import('./channel.svelte')) },
    { pattern: /^\/operator\/enter$/, load: () => import('./enter.svelte') },
    { pattern: /^\/operator\/titles\/([\w-]+)$/, load: () => framed(import('./editor.svelte')) },
    { pattern: /^\/operator\/rows$/, load: () => framed(import('./rows.svelte')) },
    { pattern: /^\/operator\/people$/, load: () => framed(import('./people.svelte')) },
    { pattern: /^\/operator\/catalogue$/, load: () => framed(import('./catalogue.svelte')) },
    { pattern: /^\/operator\/households$/, load: () => framed(import('./households.svelte')) },
    { pattern: /^\/operator\/households\/([\w-]+)$/, load: () => framed(import('./household.svelte')) },
    { pattern: /^\/operator\/members$/, load: () => framed(import('./members.svelte')) },
    { pattern: /^\/operator\/tokens$/, load: () => framed(import('./tokens.svelte')) },
    { pattern: /^\/operator\/mails$/, load: () => framed(import('./mails.svelte')) },
    { pattern: /^\/operator\/rights$/, load: () => framed(import('../rights/deals.svelte')) },
    { pattern: /^\/operator\/rights\/deals\/([\w-]+)$/, load: () => framed(import('../rights/deal.svelte')) },
    { pattern: /^\/operator\/rights\/titles\/([\w-]+)$/, load: () => framed(import('../rights/title.svelte')) },
    { pattern: /^\/operator\/rights\/avails$/, load: () => framed(import('../rights/avails.svelte')) },
    { pattern: /^\/operator\/finance$/, load: () => framed(import('../finance/overview.svelte')) },
    { pattern: /^\/operator\/finance\/offers$/, load: () => framed(import('../finance/offers.svelte')) },
    { pattern: /^\/operator\/finance\/offers\/([\w-]+)$/, load: () => framed(import('../finance/offer.svelte')) },
    { pattern: /^\/operator\/finance\/coupons$/, load: () => framed(import('../finance/coupons.svelte')) },
    { pattern: /^\/operator\/finance\/gift-cards$/, load: () => framed(import('../finance/gift-cards.svelte')) },
    { pattern: /^\/operator\/finance\/orders$/, load: () => framed(import('../finance/orders.svelte')) },
    { pattern: /^\/operator\/finance\/orders\/([\w-]+)$/, load: () => framed(import('../finance/order.svelte')) },
    { pattern: /^\/operator\/finance\/payments$/, load: () => framed(import('../finance/payments.svelte')) },
    { pattern: /^\/operator\/finance\/payments\/([\w-]+)$/, load: () => framed(import('../finance/payment.svelte')) },
    { pattern: /^\/operator\/finance\/refunds$/, load: () => framed(import('../finance/refunds.svelte')) },
    { pattern: /^\/operator\/finance\/chargebacks$/, load: () => framed(import('../finance/chargebacks.svelte')) },
    { pattern: /^\/operator\/finance\/parked$/, load: () => framed(import('../finance/parked.svelte')) },
    { pattern: /^\/operator\/finance\/ledger$/, load: () => framed(import('../finance/ledger.svelte')) },
    { pattern: /^\/operator\/finance\/ledger\/([\w-]+)$/, load: () => framed(import('../finance/statement.svelte')) },
    { pattern: /^\/operator\/finance\/settings$/, load: () => framed(import('../finance/settings.svelte')) },
    { pattern: /^\/operator\/rights\/why$/, load: () => framed(import('../rights/why.svelte')) },
];
