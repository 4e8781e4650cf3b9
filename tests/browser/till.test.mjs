// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The money pages on the real server: an offer is written in the browser, a family buys it with the sandbox's card, and whoever keeps the
// books sees the order, gives part of it back, and finds each movement in the ledger, which adds up.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { signUp } from '../scenario/lib/people.mjs';
import { film, root, start } from '../scenario/lib/server.mjs';
import { balanced, buy, cards, keeper } from '../scenario/lib/shop.mjs';
import { launch, moving, open, visit } from './lib/browser.mjs';

test('an offer is written, bought and half refunded, and the ledger shows each step', async (t) => {
    const server = await start(t, { clock: 'system', args: ['--pages', path.join(root, 'build/pages'), '--no-ladder', '--no-stills', '--no-example-channel', '--home-territory', 'DE'] });
    const operator = await server.enter();
    const { title } = await operator.import(film(t, { seconds: 1 }), { names: { en: 'The Long Run' } });
    assert.equal((await operator.call('PATCH', `/operator/titles/${title}`, { is_free: false })).status, 200);
    const books = await keeper(server, operator);
    const erika = await signUp(server, operator, { email: 'erika@example.org', name: 'Erika Muster' });
    const browser = await launch();
    t.after(() => browser.close());
    const context = await open(browser, moving);
    const [name, value] = books.cookie.split('=');
    await context.addCookies([{ name, value, url: server.url }]);
    const at = (address) => `${server.url}/operator/finance${address}`;

    const page = await visit(context, at(''));
    await page.waitForSelector('a[href="/operator/finance/offers/new"]');
    await page.click('.room a[href="/operator/finance/offers/new"]');
    await page.fill('input[name=name-en]', 'Season ticket');
    await page.fill('input[name=name-th]', 'ตั๋วซีซัน');
    await page.fill('[data-price="0"] input[name=amount]', '9.99');
    await page.locator('[data-price="0"] input[name=territories]').fill('DACH');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.save [data-checked=clear]');
    // A country has one price: the server says so at the field, before anything is saved.
    await page.click('button:has-text("Add a price")');
    await page.fill('[data-price="1"] input[name=amount]', '10');
    await page.locator('[data-price="1"] input[name=territories]').fill('AT');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-price="1"] .bad:not(:empty)');
    await page.click('[data-price="1"] button[aria-label^="Remove price"]');
    await page.waitForSelector('.save [data-checked=clear]');
    await page.check('input[name=on-sale]');
    await page.click('.save .is-primary');
    await page.waitForURL(/offers\/(?!new)/);
    const [offer] = (await books.ok('GET', '/finance/offers')).items;
    assert.deepEqual([offer.kind, offer.names, offer.prices, offer.is_on_sale], ['subscription', { en: 'Season ticket', th: 'ตั๋วซีซัน' }, [{ amount: '999', currency: 'EUR', territories: 'AT,CH,DE' }], true]);

    const bought = await buy(erika, [{ offer: offer.id }], { card: cards.good });
    assert.equal(bought.state, 'paid');
    await page.goto(at('/orders'));
    await page.click('[data-order=paid] a');
    await page.waitForSelector('[data-transfer]');
    assert.match(await page.innerText('.room-head'), new RegExp(bought.number));
    assert.match(await page.innerText('[data-line="0"]'), /Season ticket[\s\S]*€1\.60[\s\S]*€9\.99/);
    assert.ok((await page.locator('[data-event=applied]').count()) >= 1, 'what the provider said is there');
    await page.click('[data-event] .raw >> nth=0');
    await page.waitForSelector('[data-raw=here]');
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('[data-transfer=posted]').count(), 3);

    await page.click('.room-head .is-danger');
    await page.click('dialog[open] .segments button:has-text("An amount")');
    await page.fill('input[name=refund-amount]', '5.00');
    await page.waitForSelector('[data-preview=here]');
    await page.fill('input[name=reason]', 'The picture stood still');
    await page.click('dialog[open] button[type=submit]');
    await page.waitForSelector('[data-said=yes]');
    await page.waitForSelector('[data-refund]');
    // The provider confirms by itself; until then the money is held.
    for (;;) {
        const { refunds } = await books.ok('GET', `/finance/orders/${bought.id}`);
        if (refunds[0].state === 'done') break;
    }
    const invoice = await context.request.get(new URL(await page.getAttribute('.room-head a[download]', 'href'), server.url).href);
    assert.deepEqual([invoice.status(), (await invoice.body()).subarray(0, 5).toString()], [200, '%PDF-']);
    await page.goto(at(`/offers/${offer.id}`));
    await page.fill('[data-price="0"] input[name=amount]', '11.99');
    await page.waitForSelector('[data-effect="offer.price_renewals"]');
    assert.match(await page.innerText('[data-effect]'), /One running subscription/);
    page.once('dialog', (dialog) => dialog.accept());
    await page.goto(at('/ledger?ledger=EUR'));
    await page.click('[data-account="100"] a');
    await page.waitForSelector('[data-entry]');
    assert.equal(await page.innerText('[data-closing]'), '€4.99', 'what the provider still has for us');
    assert.equal(await page.locator('[data-entry]').count(), 2);
    for (const format of ['csv', 'pdf']) {
        const answer = await context.request.get(new URL(await page.getAttribute(`[data-file=${format}]`, 'href'), server.url).href);
        assert.equal(answer.status(), 200, format);
    }
    await page.goto(at('/ledger'));
    await page.click('.room-head .is-primary');
    await page.waitForSelector('[data-verify="0"]');
    await balanced(books);

    for (const [address, selector] of [['', '.card strong'], ['/coupons', '.tabs'], ['/gift-cards', '.tabs'], ['/payments', '[data-payment]'], ['/refunds', '[data-refund]'], ['/chargebacks', '.tabs'], ['/parked', '.tabs'], ['/settings', '[data-provider=sandbox]']]) {
        await page.goto(at(address));
        await page.waitForSelector(selector);
    }
    await page.goto(at(''));
    await page.waitForSelector('.plot canvas');
    assert.ok((await page.locator('.card strong').allInnerTexts()).every((text) => text === '€4.19'), 'what is left after tax and the refund');
    await page.waitForSelector('[data-verified="0"]');
    assert.match(await page.innerText('.big'), /^1\b/, 'one subscription runs');
    assert.deepEqual(await page.faults(), []);
});
