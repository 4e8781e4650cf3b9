// SPDX-License-Identifier: AGPL-3.0-or-later
//
// J1 in a browser and on the real server: a family meets the paywall, signs up on the way, subscribes with a card of the sandbox, watches, uses
// a voucher on a rental, which ends while it runs; cancels; and a bank takes a payment back while the film is on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkTo, password, signIn } from '../scenario/lib/people.mjs';
import { film, root, start } from '../scenario/lib/server.mjs';
import { balanced, cards, keeper, sell } from '../scenario/lib/shop.mjs';
import { audit, launch, moving, open, visit } from './lib/browser.mjs';

const day_ms = 86_400_000;
const hour_ms = 3_600_000;
const pay = 'form button.is-large[type=submit]';
const playing = (page) => page.waitForFunction(() => {
    const video = document.querySelector('video');
    return video && !video.paused && video.currentTime > 0.2;
});
async function sound(page) {
    assert.deepEqual([...(await audit(page)), ...(await page.faults())], [], page.url());
    const shift = await page.shift();
    assert.ok(shift < 0.02, `${page.url()}: layout shift ${shift}: ${await page.evaluate(() => globalThis.shifted)}`);
}

test('a family and the box office', async (t) => {
    const server = await start(t, { args: ['--pages', `${root}/build/pages`, '--no-ladder', '--no-stills', '--no-example-channel', '--home-territory', 'DE'] });
    const operator = await server.enter();
    const file = film(t, { seconds: 20 });
    const titles = {};
    for (const name of ['The Long Run', 'Premiere']) {
        const { title, job } = await operator.import(file, { names: { en: name } });
        assert.equal(job.state, 'done', JSON.stringify(job));
        assert.equal((await operator.call('PATCH', `/operator/titles/${title}`, { is_free: false })).status, 200);
        titles[name] = title;
    }
    const finance = await keeper(server, operator);
    const contains = (title) => ({ kind: 'titles', titles: [title] });
    const plan = await sell(finance, { kind: 'subscription', name: 'Family', price: 999, period: { unit: 'month', count: 1 }, grace_days: 3, vouchers: 2, contains: contains(titles['The Long Run']) });
    await sell(finance, { kind: 'rental', name: 'Rental', price: 399, rental: { start_within_days: 30, watch_hours: 48 }, contains: contains(titles.Premiere) });
    await sell(finance, { kind: 'purchase', name: 'To keep', price: 1299, contains: contains(titles.Premiere) });

    const browser = await launch();
    t.after(() => browser.close());
    const home = await open(browser, moving);
    let page;
    /** Each step stands on those before it. */
    let hasFailed = false;
    const step = (name, body) => t.test(name, async (each) => {
        if (hasFailed) return each.skip('a step before it failed');
        hasFailed = true;
        await body();
        hasFailed = false;
    });

    await step('a stranger meets the paywall, signs up on the way, and subscribes', async () => {
        page = await visit(home, `${server.url}/title/${titles['The Long Run']}`);
        await page.waitForSelector('.ways .button:has-text("Subscribe from €9.99")');
        await sound(page);
        await page.click('.ways .button >> nth=0');
        await page.waitForSelector(`[data-plan="${plan.id}"]:has-text("2 film vouchers each month")`);
        await sound(page);
        await page.click(`[data-plan="${plan.id}"] a`);
        await page.waitForSelector('form [name=email]');
        for (const [name, value] of Object.entries({ name: 'Anna Brandt', email: 'anna@example.org', password })) await page.fill(`[name="${name}"]`, value);
        await page.click('form button[type=submit]');
        await page.waitForSelector('[role=status]:has-text("anna@example.org")');
        const { page: address, code } = await linkTo(operator, 'anna@example.org');
        const letter = await visit(home, `${server.url}${address}#code=${code}`);
        await letter.waitForSelector('[name=cardnumber]');
        await letter.close();
        // The tab in which she chose has noticed, and goes on with the same basket.
        await page.waitForSelector('[name=cardnumber]');
        await page.waitForSelector('[data-due="999"]');
        await sound(page);
        await page.click(`[data-card="${cards.declined.number}"]`);
        await page.click(pay);
        await page.waitForSelector('.failure:has-text("Nothing was charged")');
        await page.click(`[data-card="${cards.good.number}"]`);
        await page.dblclick(pay);
        await page.waitForSelector('[data-state=paid] a:has-text("Play now")');
        await sound(page);
        const { items } = (await finance.get('/finance/orders')).json;
        assert.deepEqual(items.map((one) => [one.state, one.total.amount]), [['paid', '999']]);
    });

    await step('one key press plays; the tile says so', async () => {
        await page.waitForFunction((to) => document.activeElement?.getAttribute('href') === to, `/watch/${titles['The Long Run']}`);
        await page.keyboard.press('Enter');
        await page.waitForSelector('[data-phase=playing]');
        await playing(page);
        await page.goto(`${server.url}/?kind=film`);
        await page.waitForSelector(`.card[href="/title/${titles['The Long Run']}"] [data-badge=included]:has-text("In your plan")`);
        await page.waitForSelector(`.card[href="/title/${titles.Premiere}"] [data-badge=rent]:has-text("Rent from €3.99")`);
        await sound(page);
    });

    await step('a voucher rents the other; the hours begin with the first press of Play, and end while it runs', async () => {
        await page.goto(`${server.url}/title/${titles.Premiere}`);
        await page.click('.ways a:has-text("Use a film voucher"):has-text("2 left")');
        await page.click('button:has-text("Watch with a voucher")');
        await page.waitForSelector('[data-state=paid]');
        await page.goto(`${server.url}/title/${titles.Premiere}`);
        await page.waitForSelector('.have:has-text("your hours begin then")');
        await sound(page);
        await page.click(`.hero a[href="/watch/${titles.Premiere}"]`);
        await page.waitForSelector('[data-phase=playing]');
        await playing(page);
        await server.advance(48 * hour_ms);
        await page.waitForSelector('[data-phase=refused] [data-code="access.entitlement"]');
        assert.equal(await page.evaluate(() => document.querySelector('video').readyState), 0);
        assert.deepEqual([...(await audit(page)), ...(await page.faults())], []);
        await page.click('[data-code="access.entitlement"] .is-primary');
        await page.waitForSelector('[data-single=rental]');
    });

    await step('my plan: an invoice, cancelling, and the end of what is paid', async () => {
        await page.goto(`${server.url}/account/plan`);
        await page.waitForSelector('[data-plan-state=active]');
        await page.waitForSelector('[data-vouchers="1"]');
        await sound(page);
        await page.click('.now .is-danger');
        await page.click('dialog[open] .is-danger-full');
        await page.waitForSelector('[data-plan-state=cancelled]');
        assert.match(await page.innerText('.next'), /Nothing more will be charged/);
        await page.click('nav a[href="/account/orders"]');
        await page.waitForSelector('[data-order-state=paid] a[href$="/invoice.pdf"]');
        const invoice = await page.evaluate(async () => {
            const answer = await fetch(document.querySelector('a[href$="/invoice.pdf"]').href);
            return [answer.status, answer.headers.get('content-type')];
        });
        assert.deepEqual(invoice, [200, 'application/pdf']);
        await sound(page);
        await page.goto(`${server.url}/title/${titles['The Long Run']}`);
        await page.waitForSelector(`.hero a[href="/watch/${titles['The Long Run']}"]`);
        await server.advance(31 * day_ms);
        await page.reload();
        await page.waitForSelector('.ways .button:has-text("Subscribe")');
        assert.equal(await page.locator(`.hero a[href^="/watch/"]`).count(), 0);
    });

    await step('a bank takes the money back: the film stops, and says why', async () => {
        await page.goto(`${server.url}/title/${titles.Premiere}`);
        await page.click('.ways a:has-text("Buy for")');
        await page.click(`[data-card="${cards.chargedBack.number}"]`);
        await page.click(pay);
        await page.waitForSelector('[data-state=paid]');
        await page.click('a:has-text("Play now")');
        await page.waitForSelector('[data-phase=playing]');
        await playing(page);
        await server.advance(5 * 60_000);
        await page.waitForSelector('[data-phase=refused] [data-code="access.entitlement"] h2:has-text("taken back")');
        await page.goto(`${server.url}/account/orders`);
        await page.waitForSelector('[data-order-state=charged_back]');
        await balanced(await signIn(server, 'fin@example.org')); // a role's own session has ended meanwhile
        await page.close();
    });
});
