// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The shop in the hands of a test: what finance puts on sale, and people who buy it with the sandbox's cards.
//
//   const finance = await keeper(server, operator);
//   const plan = await sell(finance, { kind: 'subscription', ... });
//   const order = await buy(erika, [{ offer: plan.id }]);          // paid
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ending } from './ending.mjs';
import { invite } from './people.mjs';
import { root } from './server.mjs';

/** The sandbox's cards, by what comes of them. */
export const cards = Object.fromEntries(Object.entries({ good: '4242424242424242', declined: '4000000000000002', step: '4000000000003220', chargedBack: '4000000000000259', renewalFails: '4000000000000341' })
    .map(([name, number]) => [name, { number, expires: '12/39', cvc: '123', name: 'Erika Muster' }]));

export const money = (amount, currency = 'EUR') => ({ amount: String(amount), currency });

/** Somebody with the role finance, and who sells. */
export async function keeper(server, operator) {
    const fin = await invite(server, operator, { email: 'fin@example.org', name: 'Fin', roles: ['finance'] });
    await fin.ok('PUT', '/finance/settings', {
        seller: { name: 'Grandstand Films GmbH', address: 'Hauptstr. 1\n10115 Berlin', tax_id: 'DE123456789', country: 'DE' }, invoice_prefix: 'GS-', is_tax_included: true,
        taxes: [{ country: 'DE', rate_ppm: 190000 }, { country: 'AT', rate_ppm: 200000 }],
    });
    return fin;
}

/** An offer on sale everywhere at one price in euros, unless `wish` says otherwise. */
export async function sell(finance, { price, territories = 'WORLD', currency = 'EUR', name, ...wish }) {
    return finance.ok('POST', '/finance/offers', { is_on_sale: true, names: { en: name }, prices: [{ amount: String(price), currency, territories }], ...wish }, 201);
}

/** Asks until the order is settled: the provider's word comes by itself. */
export async function settled(person, id) {
    for (;;) {
        const order = await person.ok('GET', `/orders/${id}`);
        const state = order.payment?.state;
        if (order.state !== 'awaiting_payment' || state === 'failed' || state === 'requires_action') return order;
    }
}

let keys = 0;
export const key = () => `test-${process.pid}-${++keys}`;

/** Orders and pays; the order as it then stands. */
export async function buy(person, lines, { card = cards.good, ...wish } = {}) {
    const made = await person.call('POST', '/orders', { lines, ...wish }, { headers: { 'idempotency-key': key() } });
    assert.equal(made.status, 201, made.text);
    if (made.json.state !== 'awaiting_payment') return made.json;
    const paid = await person.call('POST', `/orders/${made.json.id}/payments`, { provider: 'sandbox', card }, { headers: { 'idempotency-key': key() } });
    assert.equal(paid.status, 201, paid.text);
    return settled(person, made.json.id);
}

/** All transfers of the ledger add up: for each unit, what was debited was credited, and the check that replays them finds nothing. */
export async function balanced(finance) {
    const sums = {};
    let next = '';
    do {
        const page = await finance.ok('GET', `/finance/accounts?owned=1&limit=500${next && `&after=${next}`}`);
        for (const one of page.items) {
            sums[one.ledger] ??= 0n;
            sums[one.ledger] += BigInt(one.credits_posted) - BigInt(one.debits_posted);
        }
        next = page.next;
    } while (next);
    for (const [unit, sum] of Object.entries(sums)) assert.equal(sum, 0n, `${unit} does not add up`);
    const check = await finance.ok('POST', '/finance/verify', {});
    assert.deepEqual(check.differences, []);
    return check;
}

/** Runs the test once over each database: body(t, {env}), where env leads the server to it. */
export function eachDatabase(test, name, body) {
    const tool = join(root, 'tests/lib/postgres'), peer = 'scenario-shop';
    test(`${name} (SQLite)`, (t) => body(t, {}));
    test(`${name} (PostgreSQL)`, async (t) => {
        spawnSync(tool, ['remove', peer]);
        const begun = spawnSync(tool, ['start', peer], { encoding: 'utf8' });
        if (begun.status !== 0) return t.skip('no PostgreSQL can be unpacked here');
        ending(t, () => spawnSync(tool, ['remove', peer]));
        return body(t, { GRANDSTAND_DATABASE: begun.stdout.trim() });
    });
}
