// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The money pages in a browser: what comes in, offers and their prices, codes, orders and refunds, payments, the ledger, settings.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { audit, closeAll, launch, open, visit } from './lib/browser.mjs';
import { StandIn } from './lib/stand_in.mjs';

const films = ['film000000000000', 'film000000000001', 'film000000000002', 'film000000000003'];
let browser;
let site;
let finance;
before(async () => {
    site = await new StandIn().start();
    site.isOperator = true;
    finance = site.finance.fill(films);
    finance.titlesSold = films.map((id) => [id, finance.titleName(id)]);
    browser = await launch();
});
afterEach(() => closeAll(browser));
after(async () => {
    await browser?.close();
    await site?.stop();
});
const home = { id: 'household0000009', name: 'Familie Lorenz' };
const sold = (more = {}) => finance.addOrder({ household: home, country: 'DE', offer: finance.offers[0], at: Date.now() - 7_200_000, ...more });
const at = (path) => `${site.url}/operator/finance${path}`;
/** "1299" of cents as it stands on an English page. */
const euro = (cents) => new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' }).format(Number(cents) / 100);
/** What the stand-in answers to a question, for comparison with what a page shows of it. */
const ask = (path) => finance.answer('GET', new URL(`http://stand.in/finance${path}`), `/finance${path.split('?')[0]}`, {}, {})[1];

test('what came in: sums, the plot by keyboard, one currency at a time, and what needs a look', async () => {
    const context = await open(browser, { acceptDownloads: true });
    const page = await visit(context, at(''));
    await page.waitForSelector('.plot canvas');
    const day = new Date().toISOString().slice(0, 10);
    const items = ask('/revenue?by=day&currency=EUR').items;
    const net = (list) => list.reduce((sum, item) => sum + BigInt(item.net.amount), 0n);
    const cards = await page.locator('.card strong').allInnerTexts();
    assert.deepEqual(cards, [items.slice(-1), items.slice(-30), items.slice(-365)].map((list) => euro(net(list))), `three sums, up to ${day}`);
    assert.equal(await page.locator('[data-example]').count(), 0);

    // Each bar is read out; the table has the same figures.
    await page.locator('[role=slider]').focus();
    await page.keyboard.press('End');
    assert.match(await page.getAttribute('[role=slider]', 'aria-valuetext'), new RegExp(euro(net(items.slice(-1))).replace(/[.$]/g, '\\$&')));
    await page.keyboard.press('ArrowLeft');
    assert.ok((await page.getAttribute('[role=slider]', 'aria-valuetext')).includes(euro(net(items.slice(-2, -1)))));
    assert.ok((await page.innerText('.readout')).includes(euro(net(items.slice(-2, -1)))), 'what is read out is seen too');
    await page.keyboard.press('Home');
    assert.equal(await page.getAttribute('[role=slider]', 'aria-valuenow'), '0');
    await page.click('.values summary');
    assert.equal(await page.locator('.values tbody tr').count(), 30);

    await page.click('.segments button:has-text("THB")');
    await page.waitForFunction(() => /^THB|^฿/.test(document.querySelector('.card strong')?.textContent ?? ''));
    assert.match(page.url(), /currency=THB/);
    assert.ok((await page.locator('.card strong').allInnerTexts()).every((text) => !text.includes('€')), 'nothing of another currency is left');
    await page.click('.segments button:has-text("Country")');
    await page.waitForSelector('[data-slice=TH]');
    assert.equal(await page.locator('[data-slice]').count(), 1);
    await page.click('.segments button:has-text("EUR")');
    await page.waitForSelector('[data-slice=FR]');
    const file = page.waitForEvent('download');
    await page.click('button:has-text("CSV")');
    const rows = fs.readFileSync(await (await file).path(), 'utf8').replace('\uFEFF', '').trim().split('\r\n');
    assert.deepEqual([rows[0], rows.length], ['territory,name,currency,orders,gross,tax,refunded,lost,net', 8]);

    const links = await page.$$eval('[data-attention]', (all) => Object.fromEntries(all.map((one) => [one.dataset.attention, one.querySelector('a').getAttribute('href')])));
    assert.equal(links['payments.parked'], '/operator/finance/parked');
    assert.equal(links['chargebacks.open'], '/operator/finance/chargebacks');
    finance.isExample = true;
    await page.reload();
    await page.waitForSelector('[data-example]');
    assert.ok((await page.shift()) < 0.05, `layout shift: ${await page.evaluate(() => globalThis.shifted)}`);
    finance.isExample = false;
    assert.deepEqual(await page.faults(), []);
});

test('before anything was sold the page says what to do', async () => {
    const { answer } = finance;
    finance.answer = (method, url, path, ...rest) => (path === '/finance/revenue' ? [200, { currencies: [], items: [] }] : answer.call(finance, method, url, path, ...rest));
    try {
        const page = await visit(await open(browser), at(''));
        await page.waitForSelector('a[href="/operator/finance/offers/new"]');
        assert.equal(await page.locator('.card').count(), 0);
        assert.deepEqual(await page.faults(), []);
    } finally {
        delete finance.answer; // that of its class is back
    }
});

test('an offer is written: each fault stands at its field, the preview follows, and it is saved', async () => {
    const context = await open(browser);
    const page = await visit(context, at('/offers/new'));
    await page.check('input[name=kind][value=rental]');
    await page.fill('input[name=name-en]', 'Midnight film');
    await page.fill('input[name=name-de]', 'Mitternachtsfilm');
    await page.click('button:has-text("Chosen titles")');
    await page.fill('input[name=contents]', 'harbour');
    await page.waitForSelector('.picker .list li.is-at');
    await page.keyboard.press('Enter');
    const price = (i) => page.locator(`[data-price="${i}"]`);
    await price(0).locator('input[name=amount]').fill('2.999');
    assert.match(await price(0).innerText(), /EUR has 2 decimal places/);
    await price(0).locator('input[name=amount]').fill('2,99');
    await price(0).locator('input[name=territories]').fill('DACH, France');
    await page.keyboard.press('Enter');
    await page.click('button:has-text("Add a price")');
    await price(1).locator('input[name=currency]').fill('jpy');
    await price(1).locator('input[name=amount]').fill('300');
    await price(1).locator('input[name=territories]').fill('JP, DE');
    await page.keyboard.press('Enter');
    // The server's word, at the field it is about.
    await page.waitForFunction(() => /DE has a price already/.test(document.querySelector('[data-price="1"]').textContent));
    assert.equal(finance.offers.length, 7, 'asking saves nothing');
    await price(1).locator('button[aria-label*="Germany"]').click();
    await page.waitForSelector('.save [data-checked=clear]');
    assert.equal(await page.innerText('[data-preview-price]'), '€2.99');
    await page.selectOption('select[name=preview-country]', 'JP');
    assert.equal(await page.innerText('[data-preview-price]'), '¥300', 'a currency without minor units');
    await page.fill('input[name=hours]', '72');
    await page.keyboard.press('Control+Enter');
    await page.waitForURL('**/offers/offer*');
    const made = finance.offers.at(-1);
    assert.deepEqual([made.kind, made.names, made.contains, made.rental, made.is_on_sale], ['rental', { en: 'Midnight film', de: 'Mitternachtsfilm' }, { kind: 'titles', titles: [films[0]] }, { start_within_days: 30, watch_hours: 72 }, false]);
    assert.deepEqual(made.prices, [{ amount: '299', currency: 'EUR', territories: 'AT,CH,DE,FR' }, { amount: '300', currency: 'JPY', territories: 'JP' }]);
    assert.deepEqual(await page.faults(), []);
});

test('a changed price says whom it touches; a right that was lost is named, with the countries', async () => {
    const context = await open(browser);
    const page = await visit(context, at('/offers?only=warnings'));
    await page.waitForSelector('[data-offer=rental]');
    assert.match(await page.innerText('[data-offer=rental]'), /The Long Straight.*FR, LU/);
    assert.ok((await page.locator('[data-offer]').evaluateAll((all) => all.map((one) => one.dataset.offer))).every((kind) => ['rental', 'purchase'].includes(kind)));
    await page.goto(at(`/offers/${finance.offers[0].id}`));
    await page.waitForSelector('[data-price="0"]');
    const field = page.locator('[data-price="0"] input[name=amount]');
    assert.equal(await field.inputValue(), '9.99');
    await field.fill('11.99');
    await page.waitForSelector('[data-effect="offer.price_renewals"]');
    assert.match(await page.innerText('[data-effect]'), /1284 running subscriptions/);
    assert.match(await page.innerText('.moved'), /€9\.99 → €11\.99/);
    assert.equal(finance.offers[0].prices[0].amount, '999', 'nothing is changed before it is saved');
    // Who leaves is asked.
    let asked = 0;
    page.once('dialog', (dialog) => { asked++; void dialog.dismiss(); });
    await page.click('.side a[href="/operator/finance/orders"]');
    assert.equal(asked, 1);
    assert.match(page.url(), /offers\/offer/);
    await page.click('.save .is-primary');
    await page.waitForFunction(() => document.querySelector('.save [role=status]').textContent === 'Saved.');
    assert.equal(finance.offers[0].prices[0].amount, '1199');
});

test('codes: a coupon is made and ended; gift cards are shown once, copied and taken home', async () => {
    const context = await open(browser, { acceptDownloads: true });
    const page = await visit(context, at('/coupons'));
    await page.click('.room-head .is-primary');
    await page.fill('dialog input[name=code]', 'harbour25');
    await page.click('dialog button[type=submit]');
    await page.waitForFunction(() => /exists already/.test(document.querySelector('dialog').textContent));
    await page.click('button:has-text("Make one up")');
    assert.match(await page.inputValue('dialog input[name=code]'), /^[A-HJ-NP-RT-Z2-46-9]{8}$/);
    await page.fill('dialog input[name=percent]', '120');
    await page.click('dialog button[type=submit]');
    assert.match(await page.innerText('dialog'), /Between 1 and 100/);
    await page.click('dialog .segments button:has-text("An amount")');
    await page.selectOption('select[name=coupon-currency]', 'THB');
    await page.fill('input[name=coupon-amount]', '50');
    await page.click('dialog button[type=submit]');
    await page.waitForSelector('dialog[open]', { state: 'detached' });
    assert.deepEqual([finance.coupons[0].amount, finance.coupons[0].percent, finance.coupons[0].per_household_max], [{ amount: '5000', currency: 'THB' }, null, 1]);
    await page.waitForFunction(() => document.querySelectorAll('[data-coupon]').length === 4);
    await page.click('[data-coupon=active] >> nth=0 >> button');
    await page.click('dialog[open] .is-danger-full');
    await page.waitForFunction(() => document.querySelectorAll('[data-coupon=off]').length === 2);
    assert.equal(finance.coupons[0].is_active, false);

    await page.click('.tabs a[href$="gift-cards"]');
    await page.waitForSelector('[data-card]');
    await page.fill('input[name=gift-amount]', '25');
    await page.fill('input[name=gift-count]', '3');
    await page.click('form .is-primary');
    await page.waitForSelector('[data-fresh="3"]');
    const codes = await page.locator('.fresh li').allInnerTexts();
    const file = page.waitForEvent('download');
    await page.click('.fresh button:has-text("CSV")');
    assert.deepEqual(fs.readFileSync(await (await file).path(), 'utf8').trim().split('\r\n'), ['code,amount,currency', ...codes.map((code) => `${code},25.00,EUR`)]);
    await page.reload();
    await page.waitForSelector('[data-card]');
    const after = await page.innerText('.room');
    assert.ok(codes.every((code) => !after.includes(code)), 'shown once');
    assert.ok(after.includes(`…${codes[0].slice(-4)}`));
    assert.deepEqual(await page.faults(), []);
});

test('orders are found by words, state and day, and come in pieces', async () => {
    const context = await open(browser);
    const page = await visit(context, at('/orders'));
    await page.waitForFunction(() => document.querySelectorAll('[data-order]').length === 25);
    await page.click('.fin-more button');
    await page.waitForFunction(() => document.querySelectorAll('[data-order]').length === 50);
    const numbers = await page.locator('[data-order] th a').allInnerTexts();
    assert.equal(new Set(numbers).size, 50, 'none comes twice');
    await page.selectOption('select[name=state]', 'charged_back');
    await page.waitForFunction(() => [...document.querySelectorAll('[data-order]')].every((row) => row.dataset.order === 'charged_back'));
    assert.match(page.url(), /state=charged_back/);
    await page.selectOption('select[name=state]', '');
    await page.fill('main input[name=q]', 'GS-2026-10007');
    await page.waitForFunction(() => document.querySelectorAll('[data-order]').length === 1);
    await page.click('[data-order] a');
    await page.waitForSelector('[data-transfer], [data-payment]');
    await page.goBack();
    await page.waitForFunction(() => document.querySelectorAll('[data-order]').length === 1);
    await page.fill('main input[name=q]', 'nobody at all');
    await page.waitForSelector('p:has-text("No order matches")');
    assert.deepEqual(await page.faults(), []);
});

test('one order tells everything: lines, each event with its judgement, what came as it came, and the ledger in words', async () => {
    const order = sold({ coupon: finance.coupons.find((one) => one.code === 'HARBOUR25') });
    const context = await open(browser);
    const page = await visit(context, at(`/orders/${order.id}`));
    await page.waitForSelector('[data-transfer]');
    const total = euro(order.total.amount);
    assert.match(await page.innerText('[data-line="0"]'), new RegExp(`Season ticket, monthly[\\s\\S]*${total.replace('.', '\\.')}`));
    assert.deepEqual(await page.locator('[data-transfer]').allInnerTexts().then((all) => all.map((text) => text.replace(/\s+/g, ' ').replace(/ · .*/, ''))), [
        `${total} from Clearing: sandbox to Order in progress: ${order.number} Payment captured`, `${euro(BigInt(order.total.amount) - BigInt(order.tax.amount))} from Order in progress: ${order.number} to Revenue Revenue of the order`,
        `${euro(order.tax.amount)} from Order in progress: ${order.number} to Tax owed Tax of the order`]);
    assert.deepEqual(await page.locator('[data-event]').evaluateAll((all) => all.map((one) => one.dataset.event)), ['applied', 'applied', 'applied', 'duplicate']);
    await page.click('[data-event=duplicate] .raw');
    await page.waitForSelector('[data-raw=here]');
    assert.equal(await page.innerText('pre'), finance.raws.get(finance.payments.find((one) => one.order?.id === order.id).events[2].id));
    await page.keyboard.press('Escape');
    assert.match(await page.getAttribute('.room-head a[download]', 'href'), /invoice\.pdf/);
    assert.deepEqual(await page.faults(), []);
});

test('a refund is shown before it is made; repeating it gives nothing twice; of two people one is told the truth', async () => {
    const order = sold();
    const total = BigInt(order.total.amount);
    const context = await open(browser);
    const page = await visit(context, at(`/orders/${order.id}`));
    await page.click('.room-head .is-danger');
    await page.click('dialog[open] .segments button:has-text("An amount")');
    await page.fill('input[name=refund-amount]', '99.99');
    assert.match(await page.innerText('dialog[open]'), /No more than/);
    await page.fill('input[name=refund-amount]', '2.00');
    await page.waitForSelector('[data-preview=here]');
    assert.match(await page.innerText('.outcome'), /€2\.00[\s\S]*keeps what it bought/);
    assert.equal(finance.refunds.filter((one) => one.order.id === order.id).length, 0, 'looking moves nothing');
    await page.click('dialog[open] button[type=submit]');
    assert.match(await page.innerText('dialog[open] [role=alert]'), /Say why/);
    await page.fill('input[name=reason]', 'The sound was gone for a while');
    // The answer to the first try is lost on its way; the second is the same request.
    let tries = 0;
    await page.route('**/refunds?*', async (route) => {
        if (route.request().url().includes('preview')) return route.continue();
        if (++tries > 1) return route.continue();
        await route.fetch();
        return route.abort();
    });
    await page.click('dialog[open] button[type=submit]');
    await page.waitForSelector('dialog[open] [role=alert]');
    await page.click('dialog[open] button[type=submit]');
    await page.waitForSelector('[data-said=yes]');
    await page.unroute('**/refunds?*');
    assert.equal(tries, 2);
    assert.deepEqual(finance.refunds.filter((one) => one.order.id === order.id).map((one) => [one.amount.amount, one.reason]), [['200', 'The sound was gone for a while']]);
    await page.waitForSelector('[data-refund=pending]');
    assert.equal(await page.locator('[data-transfer=pending]').count(), 1, 'held until the provider confirms');

    // Somebody else gives back half while this one is about to give back all that was left.
    finance.beforeRefund = (which) => {
        finance.beforeRefund = null;
        finance.answer('POST', new URL('http://stand.in/'), `/finance/orders/${which.id}/refunds`, { amount: { amount: '300', currency: 'EUR' }, reason: 'the other desk' }, { 'idempotency-key': 'other' });
    };
    await page.click('.room-head .is-danger');
    await page.fill('input[name=reason]', 'All of it');
    await page.click('dialog[open] button[type=submit]');
    await page.waitForSelector('dialog[open] [role=alert]');
    assert.match(await page.innerText('dialog[open] [role=alert]'), /somebody else/);
    // The dialog has the truth now, and what is left can still be given back.
    const left = euro(total - 500n);
    await page.waitForFunction((text) => document.querySelector('dialog[open] p').textContent.includes(text), left);
    assert.match(await page.innerText('dialog[open] button[type=submit]'), new RegExp(left.replace('.', '\\.')));
    await page.click('dialog[open] button[type=submit]');
    await page.waitForSelector('[data-said=yes]');
    assert.equal(finance.refunds.filter((one) => one.order.id === order.id).reduce((sum, one) => sum + BigInt(one.amount.amount), 0n), total, 'never more than was paid');
    await page.waitForFunction(() => document.querySelector('.room-head .is-danger') === null);
    assert.deepEqual(await page.faults(), []);
});

test('payments that fit no order wait here; refunds and charge-backs have lists of their own', async () => {
    const context = await open(browser);
    const page = await visit(context, at('/payments?state=parked'));
    await page.waitForSelector('[data-payment=parked]');
    assert.equal(await page.locator('[data-payment]').count(), 1);
    await page.click('[data-payment] a');
    await page.waitForSelector('[data-event=parked]');
    assert.match(await page.innerText('.room'), /fits no order/);
    await page.click('[data-event] .raw');
    await page.waitForSelector('[data-raw=here]');
    assert.match(await page.innerText('pre'), /pi_3QZx81/);
    // What fits nothing is settled by hand, with a word on how.
    await page.goto(at('/parked'));
    await page.click('[data-parked=open] .raw');
    await page.waitForSelector('[data-raw=here]');
    await page.keyboard.press('Escape');
    await page.click('[data-parked=open] .button:not(.raw)');
    await page.click('dialog[open] .is-primary');
    assert.match(await page.innerText('dialog[open] [role=alert]'), /how it was settled/);
    await page.fill('input[name=note]', 'Refunded by hand at the provider');
    await page.click('dialog[open] .is-primary');
    await page.waitForSelector('p:has-text("Nothing is parked")');
    assert.equal(finance.parked[0].note, 'Refunded by hand at the provider');
    await page.goto(at('/refunds?state=done'));
    await page.waitForSelector('[data-refund]');
    assert.ok((await page.locator('[data-refund]').evaluateAll((all) => all.map((one) => one.dataset.refund))).every((state) => state === 'done'));
    await page.click('.tabs a[href$=chargebacks]');
    await page.waitForSelector('[data-chargeback=open]');
    assert.equal(await page.getAttribute('.side a[aria-current]', 'href'), '/operator/finance/payments');
});

test('the ledger: both sides are equal, a statement runs, goes home as CSV and PDF; verifying says what it found', async () => {
    const context = await open(browser);
    const page = await visit(context, at('/ledger?ledger=EUR'));
    await page.waitForSelector('[data-account="400"]');
    assert.match(await page.innerText('tfoot'), /Both sides are equal/);
    assert.ok((await page.locator('[data-account] .figures').allInnerTexts()).every((text) => text === '–' || text.startsWith('€')), 'one ledger at a time');
    await page.click('.room-head .is-primary');
    await page.waitForSelector('[data-verify="0"]');
    assert.ok((await page.innerText('[data-verify]')).includes(new Intl.NumberFormat('en').format(finance.transfers.length)));
    finance.differences = [{ kind: 'counter', field: 'credits_posted', ledger: 'EUR', transfer: null, stored: '100', replayed: '99' }];
    await page.click('.room-head .is-primary');
    await page.waitForSelector('[data-verify="1"]');
    assert.match(await page.innerText('[data-verify]'), /credits_posted · EUR: stored 100, added up 99/);
    finance.differences = [];

    await page.click('[data-account="100"] a');
    await page.waitForSelector('[data-entry]');
    const account = finance.accounts.find((one) => one.code === 100 && one.ledger === 'EUR');
    const { items, closing } = ask(`/accounts/${account.id}/statement?limit=200`);
    assert.equal(await page.innerText('[data-closing]'), euro(closing));
    while (await page.locator('.fin-more button').count()) {
        const before = await page.locator('[data-entry]').count();
        await page.click('.fin-more button');
        await page.waitForFunction((count) => document.querySelectorAll('[data-entry]').length > count, before);
    }
    assert.deepEqual(await page.$$eval('[data-entry]', (all) => all.map((row) => row.lastElementChild.textContent.trim())), items.map((item) => euro(item.balance)), 'each balance is the one before and what moved');
    const day = items[3].at.slice(0, 10);
    await page.fill('input[name=from]', day);
    await page.fill('input[name=to]', day);
    await page.waitForFunction((count) => document.querySelectorAll('[data-entry]').length === count, items.filter((item) => item.at.startsWith(day)).length);
    const first = items.findIndex((item) => item.at.startsWith(day));
    assert.equal(await page.innerText('[data-opening]'), euro(items[first - 1].balance), 'it opens with what was there before');
    const hrefs = await page.$$eval('[data-file]', (all) => all.map((one) => one.getAttribute('href')));
    for (const [i, format] of ['csv', 'pdf'].entries()) assert.match(hrefs[i], new RegExp(`statement\\?from=${day}T00.*&to=.*&format=${format}`));
    assert.deepEqual(await page.faults(), []);
});

test('settings: rates to the fraction, keys written and never read, play money said plainly', async () => {
    const context = await open(browser);
    const page = await visit(context, at('/settings'));
    await page.waitForSelector('[data-provider=stripe]');
    assert.match(await page.innerText('[data-provider=sandbox]'), /play money/i);
    await page.click('button:has-text("Add a country")');
    const added = page.locator('[data-tax]').last();
    await added.locator('select').selectOption('DE');
    await added.locator('input').fill('7');
    await page.click('.save .is-primary');
    assert.match(await page.innerText('.save [role=alert]'), /one rate/);
    await added.locator('select').selectOption('CH');
    await added.locator('input').fill('8,1');
    assert.match(await page.innerText('[data-provider=stripe]'), /not set[\s\S]*not complete/);
    await page.fill('input[name=stripe-webhook_secret]', 'whsec_k3y');
    await page.check('input[name=stripe-enabled]');
    assert.match(await page.innerText('[data-provider=stripe] code'), /webhooks\/stripe/);
    await page.click('.save .is-primary');
    await page.waitForFunction(() => document.querySelector('.save [role=status]').textContent === 'Saved.');
    assert.deepEqual(finance.settings.taxes.at(-1), { country: 'CH', rate_ppm: 81_000 });
    assert.deepEqual(finance.secrets, { webhook_secret: 'whsec_k3y' }, 'only what was typed is sent');
    assert.equal(await page.inputValue('input[name=stripe-webhook_secret]'), '');
    assert.equal(finance.settings.providers[1].is_enabled, true);
    assert.deepEqual(await page.faults(), []);
});

test('the role finance opens these places and no others', async () => {
    const context = await open(browser);
    site.isOperator = false;
    try {
        await context.request.post(`${site.url}/api/v1/invitation/accept`, { headers: { 'X-Grandstand': '1' }, data: { code: 'invited', name: 'Kim', password: 'a long password' } });
        site.people.users.at(-1).roles = ['finance'];
        const page = await visit(context, at('/orders'));
        await page.waitForSelector('[data-order]');
        assert.deepEqual(await page.locator('.side a').evaluateAll((all) => all.map((one) => one.getAttribute('href').replace('/operator/finance', ''))), ['', '/offers', '/coupons', '/orders', '/payments', '/ledger', '/settings']);
        await page.goto(`${site.url}/operator/rights`);
        await page.waitForSelector('.notice:has-text("This room is for others")');
    } finally {
        site.isOperator = true;
    }
});

const looks = { day: { colorScheme: 'light' }, night: { colorScheme: 'dark' }, phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true } };
test('WCAG AA by day and by night, and nothing wider than a phone', async () => {
    const order = finance.orders.find((one) => one.state === 'part_refunded');
    const account = finance.accounts.find((one) => one.code === 100 && one.ledger === 'EUR');
    const shown = {
        '': '.plot canvas', '/offers': '[data-offer]', [`/offers/${finance.offers[2].id}`]: '[data-warning]', '/offers/new': '.kinds', '/coupons': '[data-coupon]', '/gift-cards': '[data-card]', '/orders': '[data-order]', [`/orders/${order.id}`]: '[data-transfer]',
        '/payments': '[data-payment]', '/refunds': '[data-refund]', '/chargebacks': '[data-chargeback]', '/ledger': '[data-account]', [`/ledger/${account.id}`]: '[data-entry]', '/settings': '[data-provider]',
    };
    const all = Object.keys(shown);
    const audits = { day: ['', all[2], '/coupons', '/orders', all[7], all[12], '/settings'], night: ['', all[7]], phone: [] };
    for (const [look, options] of Object.entries(looks)) {
        const context = await open(browser, options);
        const page = await visit(context, `${site.url}/operator/enter`);
        for (const [address, selector] of Object.entries(shown)) {
            if (look !== 'phone' && !audits[look].includes(address)) continue;
            await page.goto(at(address), { waitUntil: 'commit' });
            await page.waitForSelector(selector);
            if (audits[look].includes(address)) assert.deepEqual(await audit(page), [], `${address} by ${look}`);
            assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${address} is wider than the screen`);
        }
        assert.deepEqual(await page.faults(), []);
        await context.close();
    }
});
