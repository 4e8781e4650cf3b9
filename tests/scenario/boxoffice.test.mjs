// SPDX-License-Identifier: AGPL-3.0-or-later
//
// J1, the other half: a family meets the paywall, subscribes with the sandbox, watches, uses a film voucher on a rental, cancels; a bank takes money back; and those
// who keep the books see each step in the ledger. Then what must not be possible. On both databases.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { password, signIn, signUp } from './lib/people.mjs';
import { epoch, film, start } from './lib/server.mjs';
import { balanced, buy, cards, eachDatabase, keeper, key, money, sell, settled } from './lib/shop.mjs';

const DAY = 86_400_000, HOUR = 3_600_000;

/** A server with two films that cost something, one of them in the plan and one to rent or buy. */
async function house(t, env = {}) {
    const server = await start(t, { args: ['--no-ladder', '--no-stills', '--no-example-channel', '--home-territory', 'DE'], env });
    const operator = await server.enter();
    const file = film(t, { seconds: 1 });
    const titles = [];
    for (const name of ['The Long Run', 'Premiere']) {
        const { title, job } = await operator.import(file, { names: { en: name } });
        assert.equal(job.state, 'done', JSON.stringify(job));
        assert.equal((await operator.call('PATCH', `/operator/titles/${title}`, { is_free: false })).status, 200);
        titles.push(title);
    }
    const [run, premiere] = titles;
    const fin = await keeper(server, operator);
    const plan = await sell(fin, { kind: 'subscription', name: 'Family', price: 999, period: { unit: 'month', count: 1 }, grace_days: 3, vouchers: 2, contains: { kind: 'titles', titles: [run] } });
    const rental = await sell(fin, { kind: 'rental', name: 'Rental', price: 399, rental: { start_within_days: 30, watch_hours: 48 }, contains: { kind: 'titles', titles: [premiere] } });
    const purchase = await sell(fin, { kind: 'purchase', name: 'To keep', price: 1299, contains: { kind: 'titles', titles: [premiere] } });
    const erika = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika' });
    return { server, operator, fin, run, premiere, plan, rental, purchase, erika };
}

const play = (who, title) => who.call('POST', `/titles/${title}/playback`, {});
const media = (server, pass) => server.get(pass.hls, { 'cta-common-access-token': pass.token, 'accept-language': 'en' });
const seen = async (who, title) => {
    const { access, sale } = await who.ok('GET', `/titles/${title}?lang=en`);
    return [access.state, access.reason, sale.badge];
};
const until = async (what) => {
    for (;;) {
        const value = await what();
        if (value) return value;
    }
};

eachDatabase(test, 'a family and the box office', async (t, env) => {
    const { server, run, premiere, plan, rental, erika, ...rest } = await house(t, env);
    let { fin } = rest;

    await t.test('meets the paywall', async () => {
        const refused = await play(erika, run);
        assert.deepEqual([refused.status, refused.json.error.code], [403, 'access.entitlement']);
        assert.equal((await erika.call('POST', `/titles/${run}/playback?lang=en`, {})).json.error.message, 'Watch this title with a subscription.');
        assert.deepEqual(await seen(erika, run), ['locked', 'access.entitlement', 'subscribe']);
        assert.deepEqual((await erika.ok('GET', `/titles/${run}`)).sale, { badge: 'subscribe', price: money(999), until: null });
        assert.deepEqual((await erika.ok('GET', `/titles/${premiere}?lang=en`)).sale, { badge: 'rent', price: money(399), until: null });
        assert.equal((await erika.ok('GET', `/titles/${premiere}?lang=en`)).access.message, 'Rent or buy this title to watch it.');
        const stranger = await server.get(`/api/v1/titles/${run}/offers?lang=en`);
        assert.deepEqual(stranger.json.items.map((one) => [one.name, one.price]), [['Family', money(999)]]);
        assert.deepEqual([stranger.json.entitlement, stranger.json.vouchers], [null, { balance: 0, is_usable: false }]);
        assert.deepEqual((await server.get('/api/v1/plans')).json.items.map((one) => [one.id, one.vouchers, one.period]), [[plan.id, 2, { unit: 'month', count: 1 }]]);
    });

    let order;
    await t.test('subscribes: a card that is declined, then one that is not', async () => {
        const lines = [{ offer: plan.id }];
        const quote = await erika.ok('POST', '/orders/quote', { lines });
        assert.deepEqual([quote.total, quote.due, quote.tax, quote.country], [money(999), money(999), money(160), 'DE']);
        assert.deepEqual(quote.renews?.price, money(999));
        const idempotency = { headers: { 'idempotency-key': key() } };
        const made = await erika.call('POST', '/orders', { lines }, idempotency);
        assert.equal(made.status, 201, made.text);
        assert.equal(made.json.state, 'awaiting_payment');
        assert.equal((await erika.call('POST', '/orders', { lines }, idempotency)).json.id, made.json.id, 'the same key makes nothing twice');
        const declined = await erika.call('POST', `/orders/${made.json.id}/payments`, { provider: 'sandbox', card: cards.declined });
        assert.equal(declined.status, 201, declined.text);
        const failed = await settled(erika, made.json.id);
        assert.deepEqual([failed.state, failed.payment.state, failed.payment.error.code], ['awaiting_payment', 'failed', 'card.declined']);
        assert.deepEqual(await seen(erika, run), ['locked', 'access.entitlement', 'subscribe']);
        await erika.ok('POST', `/orders/${made.json.id}/payments`, { provider: 'sandbox', card: cards.good }, 201);
        order = await settled(erika, made.json.id);
        assert.deepEqual([order.state, order.payment.state, order.payment.method], ['paid', 'captured', 'Visa 4242']);
        assert.ok(order.invoice.number.startsWith('GS-'), order.invoice.number);
        const pdf = await server.get(order.invoice.url, { cookie: erika.cookie });
        assert.equal(pdf.headers.get('content-type'), 'application/pdf');
        assert.ok(pdf.bytes.subarray(0, 5).equals(Buffer.from('%PDF-')));
    });

    let watching;
    await t.test('watches', async () => {
        assert.deepEqual(await seen(erika, run), ['playable', 'access.subscribed', 'included']);
        assert.equal((await erika.ok('GET', `/titles/${run}`)).access.message, null, 'a plan that renews itself has no end to be told');
        const begun = await play(erika, run);
        assert.equal(begun.status, 201, begun.text);
        watching = begun.json;
        assert.equal((await media(server, watching)).status, 200);
        const { subscription, vouchers } = await erika.ok('GET', '/me/plan');
        assert.deepEqual([subscription.state, subscription.offer.id, subscription.method, vouchers.balance], ['active', plan.id, 'Visa 4242', 2]);
        assert.equal(subscription.period.to, subscription.renews_at);
    });

    await t.test('uses a voucher on a rental, which starts when it is first watched', async () => {
        const offers = await erika.ok('GET', `/titles/${premiere}/offers`);
        assert.deepEqual(offers.vouchers, { balance: 2, is_usable: true });
        const rented = await erika.ok('POST', '/orders', { lines: [{ offer: rental.id, title: premiere }], use_voucher: true }, 201);
        assert.deepEqual([rented.state, rented.due, rented.vouchers], ['paid', money(0), 1]);
        assert.equal((await erika.ok('GET', '/me/plan')).vouchers.balance, 1);
        assert.deepEqual(await seen(erika, premiere), ['playable', 'access.rented', 'rented']);
        const before = (await erika.ok('GET', `/titles/${premiere}/offers`)).entitlement;
        assert.deepEqual([before.kind, before.is_started, before.order], ['rental', false, rented.id]);
        await server.advance(10 * DAY);
        const begun = await play(erika, premiere);
        assert.equal(begun.status, 201, begun.text);
        const after = (await erika.ok('GET', `/titles/${premiere}/offers`)).entitlement;
        assert.equal(after.is_started, true);
        assert.equal(Date.parse(after.ends_at), (epoch + 0) * 1000 + server.advancedMs + 48 * HOUR);
        await server.advance(48 * HOUR - 60_000);
        const last = await play(erika, premiere);
        assert.equal(last.status, 201, last.text);
        assert.equal(Date.parse(last.json.expires_at), Date.parse(after.ends_at), 'no token outlives the rental');
        await server.advance(60_000);
        assert.equal((await media(server, last.json)).status, 403);
        const over = await erika.call('POST', `/playback/${last.json.session}/renew`, {});
        assert.deepEqual([over.status, over.json.error.code], [403, 'access.entitlement']);
        assert.deepEqual(await seen(erika, premiere), ['locked', 'access.entitlement', 'rent']);
    });

    await t.test('cancels, and watches to the end of what is paid', async () => {
        const cancelled = await erika.ok('POST', '/me/plan/cancel', {});
        assert.deepEqual([cancelled.state, cancelled.renews_at], ['cancelled', null]);
        assert.equal((await play(erika, run)).status, 201);
        const { access, sale } = await erika.ok('GET', `/titles/${run}?lang=en`);
        assert.equal(sale.badge, 'included');
        assert.equal(Date.parse(sale.until), Date.parse(cancelled.period.to));
        assert.match(access.message, /^Available until /);
        const left = Date.parse(cancelled.period.to) - epoch * 1000 - server.advancedMs;
        await server.advance(left - 1000);
        const last = await play(erika, run);
        assert.equal(last.status, 201, last.text);
        assert.equal(Date.parse(last.json.expires_at), Date.parse(cancelled.period.to), 'no token outlives the plan');
        await server.advance(1000);
        assert.equal((await media(server, last.json)).status, 403);
        assert.deepEqual(await seen(erika, run), ['locked', 'access.entitlement', 'subscribe']);
        assert.equal((await erika.ok('GET', '/me/plan')).subscription?.state ?? 'ended', 'ended');
    });

    await t.test('a bank takes the money back: what plays ends with a sentence', async () => {
        const bought = await buy(erika, [{ offer: (await erika.ok('GET', `/titles/${premiere}/offers`)).items.find((one) => one.kind === 'purchase').id, title: premiere }], { card: cards.chargedBack });
        assert.equal(bought.state, 'paid');
        assert.deepEqual(await seen(erika, premiere), ['playable', 'access.bought', 'owned']);
        const pass = (await play(erika, premiere)).json;
        assert.equal((await media(server, pass)).status, 200);
        const taken = await until(async () => {
            await server.advance(60_000);
            const now = await erika.ok('GET', `/orders/${bought.id}`);
            return now.state === 'charged_back' && now;
        });
        assert.equal(taken.payment.state, 'charged_back');
        assert.deepEqual(await seen(erika, premiere), ['locked', 'access.entitlement', 'rent']);
        const renewed = await erika.call('POST', `/playback/${pass.session}/renew?lang=en`, {});
        assert.deepEqual([renewed.status, renewed.json.error.code], [403, 'access.entitlement']);
        assert.match(renewed.json.error.message, /^Your household may no longer watch this title/);
        fin = await signIn(server, 'fin@example.org'); // weeks have passed
        const { items } = await fin.ok('GET', '/finance/chargebacks');
        assert.deepEqual([items.length, items[0].amount, items[0].order], [1, money(1299), { id: bought.id, number: bought.number }]);
    });

    await t.test('those who keep the books see each step', async () => {
        const found = await fin.ok('GET', '/finance/orders');
        assert.equal(found.items.length, 3);
        assert.deepEqual(found.items.map((one) => one.state), ['charged_back', 'paid', 'paid']);
        assert.ok(found.items.every((one) => one.household?.id));
        const whole = await fin.ok('GET', `/finance/orders/${order.id}?lang=en`);
        assert.deepEqual(whole.payments.map((one) => one.state).sort(), ['captured', 'failed']);
        assert.ok(whole.payments[0].events.length > 0);
        const moved = whole.transfers.filter((one) => one.amount.ledger === 'EUR').map((one) => [one.debit.name.split(':')[0], one.credit.name.split(':')[0], one.amount.amount]);
        assert.deepEqual([...moved].sort(), [['Clearing', 'Order in progress', '999'], ['Order in progress', 'Revenue', '839'], ['Order in progress', 'Tax owed', '160']]);
        const accounts = (await fin.ok('GET', '/finance/accounts?lang=en')).items;
        const revenue = accounts.find((one) => one.code === 400 && one.ledger === 'EUR');
        assert.equal(revenue.balance, String(839 + 1092));
        const statement = await fin.ok('GET', `/finance/accounts/${revenue.id}/statement`);
        assert.deepEqual([statement.opening, statement.closing, statement.items.length], ['0', revenue.balance, 2]);
        assert.deepEqual(statement.items[0].order, { id: order.id, number: order.number });
        const csv = await fin.call('GET', `/finance/accounts/${revenue.id}/statement?format=csv`);
        assert.match(csv.headers.get('content-type'), /^text\/csv/);
        assert.deepEqual(csv.text.trim().split('\r\n').slice(1).map((line) => line.split(',')[6]), ['8.39', '10.92']);
        assert.deepEqual(csv.text.trim().split('\r\n').slice(1).map((line) => [line.split(',')[1], line.split(',').at(-1)]), statement.items.map((one) => [one.id, `"${one.order.number}"`]));
        const pdf = await fin.call('GET', `/finance/accounts/${revenue.id}/statement?format=pdf`);
        assert.ok(pdf.bytes.subarray(0, 5).equals(Buffer.from('%PDF-')), pdf.text.slice(0, 200));
        const byOffer = await fin.ok('GET', '/finance/revenue?by=offer&from=2027-01-01&to=2028-01-01');
        assert.deepEqual(byOffer.items.find((one) => one.name === 'Family')?.gross, money(999));
        const check = await balanced(fin);
        assert.ok(check.transfers >= 10, `${check.transfers} transfers`);
    });
});

test('what must not be possible', async (t) => {
    const { server, operator, fin, run, premiere, plan, rental, purchase, erika } = await house(t);
    const bodo = await signUp(server, operator, { email: 'bodo@example.org', name: 'Bodo' });
    const wish = (offer, title, quantity = 1) => ({ lines: [{ offer, ...(title ? { title } : {}), quantity }] });

    await t.test('another household\'s order, invoice, payment, plan', async () => {
        const order = await buy(erika, [{ offer: plan.id }]);
        for (const [method, path, body] of [['GET', `/orders/${order.id}`], ['POST', `/orders/${order.id}/payments`, { provider: 'sandbox', card: cards.good }], ['POST', `/orders/${order.id}/cancel`, {}],
            ['GET', `/me/orders/${order.id}/invoice.pdf`], ['GET', `/pay/sandbox/${order.payment.id}`], ['POST', `/pay/sandbox/${order.payment.id}/confirm`, { is_confirmed: true }]]) {
            const answer = await bodo.call(method, path, body);
            assert.equal(answer.status, 404, `${method} ${path}: ${answer.text}`);
        }
        assert.deepEqual((await bodo.ok('GET', '/me/orders')).items, []);
        assert.equal((await bodo.ok('GET', '/me/plan')).subscription, null);
        await bodo.refused('POST', '/me/plan/cancel', {}, 404, 'subscription.none');
        const rented = await bodo.call('POST', '/orders', { ...wish(rental.id, premiere), use_voucher: true });
        assert.ok([400, 409].includes(rented.status), `another household's vouchers: ${rented.text}`);
        assert.equal((await play(bodo, run)).status, 403);
        assert.equal((await fin.call('GET', `/orders/${order.id}`)).status, 404, 'finance looks at orders on its own pages');
    });

    await t.test('quantities and offers out of the air', async () => {
        for (const quantity of [0, -1, 2, 1.5, '1', 2 ** 53, 1e300, null, true, [1]]) {
            const answer = await bodo.call('POST', '/orders', wish(rental.id, premiere, quantity));
            assert.equal(answer.status, 400, `${quantity}: ${answer.text}`);
        }
        for (const [offer, title] of [['0000000000000000', premiere], [rental.id, '0000000000000000'], [rental.id, run], ['', ''], [premiere, rental.id], ["'; DROP TABLE", premiere]]) {
            const answer = await bodo.call('POST', '/orders', wish(offer, title));
            assert.ok([400, 404].includes(answer.status), `${offer} ${title}: ${answer.text}`);
        }
        for (const lines of [[], Array(21).fill({ offer: rental.id, title: premiere }), 'all', [7], [{}]]) assert.equal((await bodo.call('POST', '/orders', { lines })).status, 400, JSON.stringify(lines));
        assert.deepEqual((await bodo.ok('GET', '/me/orders')).items, []);
    });

    await t.test('nobody is sold what is free', async () => {
        const kinds = async () => (await bodo.ok('GET', `/titles/${premiere}/offers`)).items.map((one) => one.kind);
        assert.ok((await kinds()).includes('rental'));
        await operator.call('PATCH', `/operator/titles/${premiere}`, { is_free: true });
        assert.equal((await bodo.ok('GET', `/titles/${premiere}`)).sale.badge, 'free');
        assert.deepEqual(await kinds(), []);
        await operator.call('PATCH', `/operator/titles/${premiere}`, { is_free: false });
        assert.ok((await kinds()).includes('rental'));
    });

    await t.test('one key for two bodies', async () => {
        const headers = { 'idempotency-key': 'the-same' };
        const first = await bodo.call('POST', '/orders', wish(rental.id, premiere), { headers });
        assert.equal(first.status, 201, first.text);
        assert.equal((await bodo.call('POST', '/orders', wish(rental.id, premiere), { headers })).json.id, first.json.id);
        await bodo.refused('POST', '/orders', wish(purchase.id, premiere), 409, 'idempotency.mismatch', { headers });
        const theirs = await erika.call('POST', '/orders', wish(purchase.id, premiere), { headers });
        assert.equal(theirs.status, 201, 'another household\'s key is its own');
        for (const bad of ['', 'x'.repeat(65), 'with blank', 'ü']) {
            const answer = await bodo.call('POST', '/orders', wish(rental.id, premiere), { headers: { 'idempotency-key': Buffer.from(bad).toString('latin1') } });
            assert.equal(answer.status, 400, `"${bad}": ${answer.text}`);
        }
        for (const id of [first.json.id]) await bodo.ok('POST', `/orders/${id}/cancel`, {});
        await erika.ok('POST', `/orders/${theirs.json.id}/cancel`, {});
    });

    await t.test('a price that changes during checkout stays as quoted', async () => {
        const order = await bodo.ok('POST', '/orders', wish(rental.id, premiere), 201);
        await fin.ok('PATCH', `/finance/offers/${rental.id}`, { prices: [{ amount: '499', currency: 'EUR', territories: 'WORLD' }] });
        assert.deepEqual((await bodo.ok('POST', '/orders/quote', wish(rental.id, premiere))).total, money(499));
        await bodo.ok('POST', `/orders/${order.id}/payments`, { provider: 'sandbox', card: cards.good }, 201);
        const paid = await settled(bodo, order.id);
        assert.deepEqual([paid.state, paid.total, paid.payment.amount], ['paid', money(399), money(399)]);
        const late = await bodo.ok('POST', '/orders', wish(purchase.id, premiere), 201);
        await server.advance(31 * 60_000);
        assert.equal((await bodo.ok('GET', `/orders/${late.id}`)).state, 'expired');
        await bodo.refused('POST', `/orders/${late.id}/payments`, { provider: 'sandbox', card: cards.good }, 409, 'order.settled');
    });

    await t.test('two at once: paying, cancelling, giving back', async () => {
        const order = await bodo.ok('POST', '/orders', wish(purchase.id, premiere), 201);
        const answers = await Promise.all([...Array(4)].map((_, i) => bodo.call('POST', `/orders/${order.id}/${i % 2 ? 'cancel' : 'payments'}`, i % 2 ? {} : { provider: 'sandbox', card: cards.good })));
        assert.ok(answers.every(({ status }) => [200, 201, 409].includes(status)), answers.map((one) => one.text).join('\n'));
        const now = await until(async () => {
            const one = await bodo.ok('GET', `/orders/${order.id}`);
            return !['created', 'processing'].includes(one.payment?.state) && one;
        });
        assert.ok(['paid', 'cancelled'].includes(now.state), now.state);
        const kept = now.state === 'paid' ? now : await buy(bodo, wish(purchase.id, premiere).lines);
        assert.deepEqual(await seen(bodo, premiere), ['playable', 'access.bought', 'owned']);
        const refunds = await Promise.all([...Array(4)].map(() => fin.call('POST', `/finance/orders/${kept.id}/refunds`, { reason: 'twice' }, { headers: { 'idempotency-key': key() } })));
        assert.deepEqual(refunds.map(({ status }) => status).sort(), [201, 409, 409, 409], refunds.map((one) => one.text).join('\n'));
        const back = await until(async () => {
            const one = await fin.ok('GET', `/finance/orders/${kept.id}`);
            return one.refunds[0]?.state === 'done' && one;
        });
        assert.deepEqual([back.state, back.refunded, back.refunds.length], ['refunded', money(1299), 1]);
        assert.deepEqual(await seen(bodo, premiere), ['playable', 'access.rented', 'rented'], 'the rental is still his');
        await balanced(fin);
    });

    await t.test('a child buys nothing', async () => {
        const max = (await bodo.ok('POST', '/profiles', { name: 'Max', age_max: 6 }, 201)).profiles.find((one) => one.name === 'Max');
        await bodo.ok('POST', `/profiles/${max.id}/choose`, {});
        for (const [path, body] of [['/orders', wish(purchase.id, premiere)], ['/orders/quote', wish(purchase.id, premiere)], ['/me/plan/cancel', {}], ['/me/gift-cards', { code: 'X' }]]) await bodo.refused('POST', path, body, 403, 'profile.child');
        const grownUp = await signIn(server, 'bodo@example.org', password);
        assert.equal((await grownUp.call('POST', '/orders/quote', wish(purchase.id, premiere))).status, 200);
    });

    await t.test('gift cards are redeemed once, and guessing is slowed down', async () => {
        const { codes } = await fin.ok('POST', '/finance/gift-cards', { amount: money(2000), count: 2 }, 201);
        assert.equal(new Set(codes).size, 2);
        const redeemed = await Promise.all([erika, erika].map((who) => who.call('POST', '/me/gift-cards', { code: codes[0] }, { headers: { 'idempotency-key': key() } })));
        assert.deepEqual(redeemed.map(({ status }) => status).sort(), [200, 409]);
        assert.deepEqual((await erika.ok('GET', '/me/plan')).credit, [money(2000)]);
        const paid = await erika.ok('POST', '/orders', { ...wish(purchase.id, premiere), use_credit: true }, 201);
        assert.deepEqual([paid.state, paid.credit, paid.due], ['paid', money(1299), money(0)]);
        assert.deepEqual((await erika.ok('GET', '/me/plan')).credit, [money(701)]);
        let answer;
        for (let i = 0; i < 12 && answer?.status !== 429; i++) answer = await erika.call('POST', '/me/gift-cards', { code: `AAAA-AAAA-AAAA-AA${i}` });
        assert.deepEqual([answer.status, answer.json.error.code], [429, 'tries.many']);
        await server.advance(60_000);
        assert.notEqual((await erika.call('POST', '/me/gift-cards', { code: 'AAAA-AAAA-AAAA-AAAA' })).status, 429);
        await balanced(fin);
    });
});
