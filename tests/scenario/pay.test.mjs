// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Stripe and Alipay through the whole server: finance sets them up, somebody buys, the provider (tests/fake_provider) answers over HTTP, and the order is paid. And what strangers send to the same door.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signUp } from './lib/people.mjs';
import { epoch, start } from './lib/server.mjs';
import { fakeProvider } from './lib/fake_provider.mjs';
import { balanced, keeper, key, money, sell, settled } from './lib/shop.mjs';

test('buying by Stripe and by Alipay', async (t) => {
    const server = await start(t, { args: ['--no-ladder', '--no-stills', '--no-example-channel', '--home-territory', 'DE'] });
    const operator = await server.enter(), fin = await keeper(server, operator);
    const fake = await fakeProvider(t, { seed: 3, badness: 0 });
    await fake.control('clock', { now_s: epoch });
    await fake.control('webhooks', { base: `${server.url}/api/v1/pay/webhooks` });
    const erika = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    const gift = { kind: 'gift_card', name: 'Gift card', price: 2500 };
    const euros = await sell(fin, gift), yuan = await sell(fin, { ...gift, name: 'Gift in yuan', currency: 'CNY' });

    await t.test('set up, and never read back', async () => {
        assert.deepEqual((await server.get('/api/v1/pay/providers')).json.items.map((one) => [one.id, one.kind, one.is_play_money]), [['sandbox', 'card', true]]);
        const early = await fin.call('PUT', '/finance/settings', { providers: [{ id: 'stripe', is_enabled: true, fields: { publishable_key: 'pk' } }] });
        assert.deepEqual([early.status, early.json.error.code], [400, 'pay.incomplete']);
        await fin.ok('PUT', '/finance/settings', { providers: Object.entries(fake.settings).map(([id, fields]) => ({ id, is_enabled: true, fields })) });
        const { text, json } = await fin.call('GET', '/finance/settings');
        for (const secret of [fake.settings.stripe.secret_key, fake.settings.stripe.webhook_secret, fake.settings.alipay.private_key.split('\n')[3]]) assert.ok(!text.includes(secret) && !server.log().includes(secret));
        const stripe = json.providers.find((one) => one.id === 'stripe');
        assert.deepEqual(stripe.fields.filter((one) => one.is_secret).map((one) => [one.name, one.is_set, one.value]), [['secret_key', true, null], ['webhook_secret', true, null], ['webhook_secret_old', false, null]]);
        assert.deepEqual((await server.get('/api/v1/pay/providers')).json.items.map((one) => one.id), ['stripe', 'alipay', 'sandbox']);
    });

    /** An order that waits for the buyer at the provider. */
    const begin = async (offer, provider) => {
        const made = await erika.call('POST', '/orders', { lines: [{ offer: offer.id }] }, { headers: { 'idempotency-key': key() } });
        assert.equal(made.status, 201, made.text);
        const paid = await erika.call('POST', `/orders/${made.json.id}/payments`, { provider, return_url: '/checkout/back' }, { headers: { 'idempotency-key': key() } });
        assert.equal(paid.status, 201, paid.text);
        return settled(erika, made.json.id);
    };
    const finished = async (order) => {
        for (;;) {
            const { json } = await erika.call('GET', `/orders/${order.id}`);
            if (json.state !== 'awaiting_payment' || json.payment.state === 'failed') return json;
        }
    };

    await t.test('Stripe', async () => {
        let paid;
        for (let i = 0; paid?.state !== 'paid'; i++) { // its buyers do one thing after another: pay, be declined ...
            assert.ok(i < 12);
            const order = await begin(euros, 'stripe');
            assert.deepEqual([order.payment.action.kind, order.payment.action.publishable_key], ['stripe', 'pk']);
            assert.ok(order.payment.action.client_secret.startsWith('pi_'));
            await fake.control('buyers');
            await fake.control('deliver', { all: true });
            const { stripe } = await fake.book(), theirs = stripe.find((one) => one.payment === order.payment.id);
            if (theirs.received === theirs.amount) paid = await finished(order);
        }
        assert.deepEqual([paid.total, paid.payment.state], [money(2500), 'captured']);
    });

    await t.test('Alipay', async () => {
        let paid;
        for (let i = 0; paid?.state !== 'paid'; i++) {
            assert.ok(i < 12);
            const order = await begin(yuan, 'alipay');
            assert.equal(order.payment.action.kind, 'redirect');
            await fake.control('buyers', { urls: [order.payment.action.url] });
            await fake.control('deliver', { all: true });
            const { alipay } = await fake.book(), theirs = alipay.find((one) => one.payment === order.payment.id);
            if (theirs.received === theirs.amount) paid = await finished(order);
        }
        assert.deepEqual([paid.total, paid.payment.method], [money(2500, 'CNY'), 'Alipay']);
    });

    await t.test('what strangers send', async () => {
        const say = (provider, body, headers = {}) => server.call('POST', `/api/v1/pay/webhooks/${provider}`, { raw: Buffer.from(body), headers });
        assert.equal((await say('nobody', '{}')).status, 404);
        const forged = await say('stripe', JSON.stringify({ id: 'evt_1', type: 'payment_intent.succeeded' }), { 'stripe-signature': `t=${epoch},v1=${'0'.repeat(64)}` });
        assert.deepEqual([forged.status, forged.text], [200, '{}']);
        const notify = await say('alipay', 'out_trade_no=x&sign=AAAA', { 'content-type': 'application/x-www-form-urlencoded' });
        assert.deepEqual([notify.status, notify.text], [200, 'success']);
        assert.equal((await say('stripe', 'a'.repeat(256 * 1024 + 1))).status, 413);
        await server.advance(1000);
        assert.ok(server.log().includes('signature.wrong'));
    });
    await balanced(fin);
});
