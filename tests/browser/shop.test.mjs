// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The box office in the browser: what tiles and titles say of their price, the paywall, the checkout by keyboard, what happens when a card
// is declined, a button pressed twice, a page loaded again; a plan and its end. Against the stand-in, which keeps the API's contract.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { audit, closeAll, launch, open, visit } from './lib/browser.mjs';
import { cards } from './lib/shop.mjs';
import { StandIn } from './lib/stand_in.mjs';

let browser;
let site;
let family;
let shop;
const [good, declined, second] = cards.map((card) => card.number);
const password = 'a quiet harbour';
before(async () => {
    site = await new StandIn().start();
    shop = site.shop;
    browser = await launch();
});
after(async () => {
    await browser?.close();
    await site?.stop();
});
afterEach(async () => {
    await closeAll(browser);
    shop.close();
    Object.assign(site, { revoked: false, reason: null });
    for (const title of site.titles) for (const key of ['age', 'is_free', 'isByPlanOnly']) delete title[key];
});

/** The shop is open: Snowfall by plan, to rent and to buy; Kilometre 42 by plan alone; Night Train not at all. */
function fresh(options = {}) {
    site.people.users = [];
    site.people.sessions.clear();
    site.people.mails = [];
    family = site.people.addFamily();
    for (const i of [2, 3, 4]) site.titles[i].is_free = false;
    site.titles[3].isByPlanOnly = true;
    shop.open({ titles: [site.titles[2].id, site.titles[3].id], ...options });
}
const snowfall = 'film000000000002';
async function enter(context, address, who = 'Anna') {
    const { headers } = await fetch(`${site.url}/api/v1/sign-in`, { method: 'POST', body: JSON.stringify({ email: family.email, password }) });
    const value = /stand_in=(\w+)/.exec(headers.get('set-cookie'))[1];
    site.people.sessions.get(value).profile = family.profiles.find((profile) => profile.name === who) ?? null;
    await context.addCookies([{ name: 'stand_in', value, url: site.url }]);
    return visit(context, site.url + address);
}
const at = (page, path) => page.waitForFunction((wanted) => location.pathname + location.search === wanted, path);
async function sound(page) {
    assert.deepEqual([...(await audit(page)), ...(await page.faults())], [], page.url());
    const shift = await page.shift();
    assert.ok(shift < 0.02, `${page.url()}: layout shift ${shift}: ${await page.evaluate(() => globalThis.shifted)}`);
}
const type = async (page, fields) => {
    for (const [name, value] of Object.entries(fields)) await page.fill(`[name="${name}"]`, value);
};
const pay = 'form button.is-large[type=submit]';
const count = (what) => shop.requests.filter((request) => request === what).length;

test('tiles say what is free, in the plan, to rent, rented and bought; lists can be narrowed to it', async () => {
    fresh();
    const house = shop.houseOf(family);
    const context = await open(browser);
    const page = await visit(context, site.url);
    const badge = async (id) => (await page.innerText(`.row .card[href="/title/${id}"] .card-badge`)).trim();
    assert.equal(await badge(site.titles[0].id), 'Free');
    assert.equal(await badge(snowfall), 'Rent from €3.99');
    assert.equal(await badge(site.titles[3].id), 'With a plan');
    assert.equal(await badge(site.titles[4].id), 'Sign in to watch', 'what is not on sale');
    await sound(page);
    await page.close();
    house.entitlements.push({ kind: 'rental', title: { id: snowfall, name: 'Snowfall' }, offer: null, medium: 'rental', starts_at: new Date().toISOString(), ends_at: new Date(Date.now() + 37.5 * 3_600_000).toISOString(), is_started: true, order: null });
    house.subscription = { offer: shop.offers[1], state: 'active', period: { from: new Date().toISOString(), to: new Date().toISOString() } };
    const member = await enter(context, '/?kind=film');
    const found = async (id) => (await member.innerText(`.grid-items .card[href="/title/${id}"] .card-badge`)).trim();
    assert.equal(await found(snowfall), 'Rented: 37 hours left');
    assert.equal(await found(site.titles[3].id), 'In your plan');
    assert.equal(await found(site.titles[4].id), 'Locked');
    await member.click('.filters a:has-text("In my plan")');
    await at(member, '/?kind=film&way=included');
    await member.waitForFunction(() => document.querySelectorAll('.grid-items .card').length === 5);
    assert.equal(await member.locator(`.grid-items .card[href="/title/${site.titles[4].id}"]`).count(), 0);
    await sound(member);
    await member.click('.filters a:has-text("Free")');
    await at(member, '/?kind=film&way=free');
    await member.waitForFunction(() => document.querySelectorAll('.grid-items .card').length === 3);
    // Searching says it too.
    await member.fill('input[type=search]', 'snow');
    await member.waitForSelector('[role=option]:has-text("Rented: 37 hours left")');
});

test('a stranger meets the paywall, signs up on the way, and the basket is still there', async () => {
    fresh();
    const context = await open(browser);
    const page = await visit(context, `${site.url}/title/${snowfall}`);
    await page.waitForSelector('.ways .button >> nth=2');
    assert.deepEqual(await page.locator('.ways .button').allInnerTexts(), ['Try 14 days for free', 'Rent for €3.99', 'Buy for €11.99']);
    assert.match(await page.innerText('.terms'), /30 days.*48 hours/s);
    await sound(page);
    await page.click('.ways .button >> nth=0');
    await at(page, `/buy/${snowfall}`);
    await page.waitForSelector('[data-plan=planplusmonth000]');
    assert.match(await page.innerText('[data-plan=planplusmonth000]'), /€9\.99.*2 film vouchers each month.*Free until .*, then €9\.99 a month/s);
    await page.click('.switch button >> nth=1');
    await page.waitForSelector('[data-plan=planplusyear0000]:has-text("Saves €29.98 (25%)")');
    assert.match(await page.innerText('[data-plan=planplusyear0000]'), /48 film vouchers each year/);
    assert.match(await page.innerText('.terms'), /You pay nothing, and no card is asked for/);
    await sound(page);
    await page.click('[data-plan=planplusyear0000] a');
    const basket = `/checkout?offer=planplusyear0000&watch=${snowfall}`;
    await at(page, basket);
    await page.waitForSelector('aside:has-text("€89.90 a year")');
    await page.click('form button[type=submit]');
    assert.equal(await page.locator('[aria-invalid]').count(), 3);
    await type(page, { name: 'Kim', email: 'kim@example.org', password: 'long enough for me' });
    await page.click('form button[type=submit]');
    await page.waitForSelector('[role=status]:has-text("kim@example.org")');
    await sound(page);
    // The letter's link opens another tab: it goes on there, and the first one notices by itself.
    const { code } = site.people.mails[0];
    const other = await visit(context, `${site.url}/confirm#code=${code}`);
    await at(other, basket);
    await other.waitForSelector('h2:has-text("Nothing to pay today")');
    await page.waitForSelector('h2:has-text("Nothing to pay today")');
    assert.match(await page.innerText('.form'), /Nothing today\. From .*: €89\.90 a year, until you cancel/);
    await sound(page);
    await page.click('button:has-text("Try 14 days for free")');
    await page.waitForSelector('[data-state=paid] a:has-text("Play now")');
    assert.match(await page.innerText('[data-state=paid]'), /Free until .*, then €89\.90/);
    // One key press plays.
    await page.waitForFunction((to) => document.activeElement?.getAttribute('href') === to, `/watch/${snowfall}`);
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-phase=playing]');
});

test('a rental by keyboard alone; faults stand beside their lines; a declined card costs nothing and another one pays', async () => {
    fresh();
    const context = await open(browser);
    const page = await enter(context, `/title/${snowfall}`);
    await page.focus(`.ways .button:has-text("Rent")`);
    await page.keyboard.press('Enter');
    await page.waitForSelector('[name=cardnumber]');
    assert.match(await page.innerText('.play'), /Play money/);
    assert.deepEqual(await page.$$eval('form [autocomplete^=cc-]', (lines) => lines.map((line) => [line.autocomplete, line.inputMode, document.querySelector(`label[for="${line.id}"]`)?.textContent])), [['cc-number', 'numeric', 'Card number'], ['cc-exp', 'numeric', 'Valid until'],
        ['cc-csc', 'numeric', 'Security code'], ['cc-name', '', 'Name on the card']]);
    await sound(page);
    await page.focus('[name=cardnumber]');
    await page.keyboard.type('4242424242424241');
    assert.equal(await page.inputValue('[name=cardnumber]'), '4242 4242 4242 4241');
    await page.keyboard.press('Tab');
    await page.keyboard.type('1320');
    await page.keyboard.press('Enter');
    assert.deepEqual(await page.$$eval('[aria-invalid]', (lines) => lines.map((line) => line.name)), ['cardnumber', 'cc-exp', 'cvc']);
    assert.equal(await page.evaluate(() => document.activeElement.name), 'cardnumber');
    assert.equal(count('POST /orders'), 0, 'nothing was asked for');
    await sound(page);
    await page.fill('[name=cardnumber]', '');
    await page.keyboard.type(declined);
    await page.fill('[name=cc-exp]', '');
    await page.focus('[name=cc-exp]');
    await page.keyboard.type('1234');
    await page.keyboard.press('Tab');
    await page.keyboard.type('123');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.failure:has-text("declined"):has-text("Nothing was charged")');
    await page.waitForFunction(() => /^\/checkout\/order/.test(location.pathname));
    await sound(page);
    // Loading again says the same, and the order is the same.
    await page.reload();
    await page.waitForSelector('.failure:has-text("declined")');
    await page.click(`[data-card="${good}"]`);
    await page.click(pay);
    await page.waitForSelector('[data-state=paid] a:has-text("Play now")');
    assert.deepEqual([shop.orders.size, shop.payments.size], [1, 2]);
    await sound(page);
    // Going back leads to what is there now, not to a form that would buy it again.
    await page.goBack();
    await at(page, `/title/${snowfall}`);
    await page.waitForSelector(`.hero a[href="/watch/${snowfall}"]`);
    assert.match(await page.innerText('.have'), /Press Play by .*your hours begin then/);
});

test('pressed twice, the answer lost, loaded again: one order, one payment', async () => {
    fresh();
    const context = await open(browser);
    const page = await enter(context, `/checkout?offer=rental0000000000&title=${snowfall}`);
    await page.click(`[data-card="${good}"]`);
    // The first order is made, but its answer never arrives.
    let isLost = false;
    await page.route('**/api/v1/orders?*', async (route) => {
        if (isLost) return route.continue();
        isLost = true;
        await route.fetch();
        return route.abort();
    });
    await page.click(pay);
    await page.waitForSelector('.failure');
    assert.equal(shop.orders.size, 1);
    await page.reload();
    await page.click(`[data-card="${good}"]`);
    await page.dblclick(pay);
    await page.waitForSelector('[data-state=paid]');
    assert.deepEqual([shop.orders.size, shop.payments.size], [1, 1]);
    // The next rental of the same is another wish, and is told from this one.
    const key = await page.evaluate(() => Object.keys(sessionStorage).filter((name) => name.startsWith('gs.key.')));
    assert.deepEqual(key, []);
});

test('the bank’s second step: asked, gone back from, refused, confirmed; waiting is said', async () => {
    fresh();
    shop.isBankSlow = true;
    const context = await open(browser);
    const page = await enter(context, `/checkout?offer=purchase00000000&title=${snowfall}`);
    await page.click(`[data-card="${second}"]`);
    await page.click(pay);
    await page.waitForSelector('.step .amount:has-text("€11.99")');
    await sound(page);
    await page.goBack();
    await page.waitForSelector('[data-state=waiting]:has-text("Your bank has a question")');
    await page.click('[data-state=waiting] .is-primary');
    await page.waitForSelector('.step .amount');
    await page.click('.step button:has-text("No, refuse it")');
    await page.waitForSelector('.failure:has-text("refused")');
    await page.click(`[data-card="${second}"]`);
    await page.click(pay);
    await page.click('.step button:has-text("Yes, that is me")');
    await page.waitForSelector('[data-state=waiting]:has-text("Your payment is on its way")');
    await sound(page);
    shop.isBankSlow = false;
    await page.waitForSelector('[data-state=paid]');
    assert.deepEqual([shop.orders.size, shop.payments.size], [1, 2]);
    await page.goto(`${site.url}/title/${snowfall}`);
    await page.waitForSelector('.have:has-text("as often as you like")');
});

test('coupon, credit, voucher; a gift card gives its code; an order that ran out, and another’s', async () => {
    fresh();
    const house = shop.houseOf(family);
    Object.assign(house, { credit: 1000, vouchers: 2 });
    const context = await open(browser);
    const page = await enter(context, `/checkout?offer=purchase00000000&title=${snowfall}`);
    await page.waitForSelector('[data-due="199"]');
    await page.click('aside button:has-text("coupon")');
    await page.fill('[name=coupon]', 'NOSUCH');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#coupon-says:has-text("not known")');
    await page.fill('[name=coupon]', 'SUMMER');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-due="0"]');
    assert.match(await page.innerText('aside'), /Coupon SUMMER\s+-€2\.39.*Credit\s+-€9\.60/s);
    await page.click('aside label:has-text("credit")');
    await page.waitForSelector('[data-due="960"]');
    assert.match(await page.evaluate(() => location.search), /coupon=SUMMER/);
    await sound(page);
    await page.reload();
    await page.waitForSelector('[data-due="960"]');
    // One voucher is one rental.
    await page.goto(`${site.url}/title/${snowfall}`);
    await page.click('.ways a:has-text("Use a film voucher"):has-text("2 left")');
    await page.waitForSelector('h2:has-text("Paid with a film voucher")');
    await page.click('button:has-text("Watch with a voucher")');
    await page.waitForSelector('[data-state=paid]');
    assert.equal(house.vouchers, 1);
    // A gift card for somebody.
    await page.goto(`${site.url}/plans`);
    await page.click('[data-single=gift_card] a');
    await page.click('aside label:has-text("credit")');
    await page.waitForSelector('[data-due="2500"]');
    await page.click(`[data-card="${good}"]`);
    await page.click(pay);
    await page.waitForSelector('[data-state=paid] code:has-text("GRND-")');
    await sound(page);
    const [first] = shop.orders.values();
    first.state = 'expired';
    await page.goto(`${site.url}/checkout/${first.id}`);
    await page.waitForSelector('h1:has-text("run out")');
    await page.click('button:has-text("Start again")');
    await page.waitForSelector('h2:has-text("Paid with a film voucher")');
    await page.goto(`${site.url}/checkout/order00000009999`);
    await page.waitForSelector('.notice a[href="/"]');
});

test('my plan: what comes next, switching with its sum first, cancelling and coming back, a missing payment, gift cards, orders', async () => {
    fresh();
    const house = shop.houseOf(family);
    house.hadTrial = true;
    shop.credits = { 'GRND-1111': 1500 };
    house.subscription = { id: 'sub0000000000001', offer: shop.offers[0], state: 'active', period: { from: '2026-11-05T09:00:00Z', to: '2026-12-05T09:00:00Z' }, renews_at: '2026-12-05T09:00:00Z', price: shop.offers[0].price, method: 'Visa 4242', next_offer: null, started_at: '2026-03-05T09:00:00Z' };
    const context = await open(browser);
    const page = await enter(context, '/account/plan');
    await page.waitForSelector('.next:has-text("Renews on 5 December 2026 for €4.99")');
    await sound(page);
    await page.click('.now [aria-expanded]');
    await page.click('[data-plan=planplusmonth000] button');
    await page.waitForSelector('[data-switch=now] [data-due="700"]');
    assert.match(await page.innerText('dialog[open]'), /€9\.99.*Rest of the present plan\s+-€2\.99.*Due today\s+€7\.00/s);
    await sound(page);
    await page.keyboard.press('Escape');
    await page.click('[data-plan=planplusmonth000] button');
    await page.waitForSelector('[data-switch=now]');
    await page.click('dialog[open] .is-primary');
    await page.waitForSelector('.said:has-text("You have Plus now")');
    await page.waitForSelector('.now h2:has-text("Plus")');
    await page.click('.now .is-danger');
    await page.waitForSelector('dialog[open]:has-text("You can watch until 5 December 2026")');
    await page.click('dialog[open] .is-danger-full');
    await page.waitForSelector('[data-plan-state=cancelled]');
    assert.match(await page.innerText('.next'), /Runs until 5 December 2026\. Nothing more will be charged/);
    await page.click('.now .is-primary');
    await page.waitForSelector('[data-plan-state=active]');
    await page.fill('[name=gift]', 'WRONG');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[name=gift][aria-invalid]');
    await page.fill('[name=gift]', 'GRND-1111');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.count:has-text("€15.00")');
    Object.assign(house.subscription, { state: 'grace', grace_until: '2026-12-12T09:00:00Z', order: 'order00000000001' });
    await page.reload();
    await page.waitForSelector('[data-state=grace]:has-text("Visa 4242"):has-text("12 December 2026")');
    assert.equal(await page.getAttribute('[data-state=grace] a', 'href'), '/checkout/order00000000001');
    await sound(page);
    // An order with its invoice.
    await page.goto(`${site.url}/checkout?offer=purchase00000000&title=${snowfall}&credit=0`);
    await page.click(`[data-card="${good}"]`);
    await page.click(pay);
    await page.waitForSelector('[data-state=paid]');
    await page.goto(`${site.url}/account/orders`);
    await page.waitForSelector('[data-order-state=paid] a[href$="/invoice.pdf"]');
    await page.click('summary');
    await sound(page);
});

test('a child’s profile buys nothing; a right that ends while it runs says which, and the way on', async () => {
    fresh();
    const context = await open(browser);
    const child = await enter(context, `/title/${snowfall}`, 'Lina');
    await child.waitForSelector('.access-note:has-text("grown-up")');
    assert.equal(await child.locator('.ways').count(), 0);
    await child.goto(`${site.url}/checkout?offer=rental0000000000&title=${snowfall}`);
    await child.waitForSelector('.notice:has-text("Lina")');
    await sound(child);
    await child.close();
    shop.houseOf(family).entitlements.push({ kind: 'purchase', title: { id: snowfall, name: 'Snowfall' }, offer: null, medium: 'purchase', starts_at: new Date().toISOString(), ends_at: null, is_started: true, order: null });
    const page = await enter(context, `/watch/${snowfall}`);
    await page.waitForSelector('[data-phase=playing]');
    await page.waitForFunction(() => document.querySelector('video').currentTime > 0);
    site.revoked = true;
    site.reason = { code: 'access.entitlement', message: 'The payment was charged back, so this purchase has ended.' };
    await page.waitForSelector('[data-code="access.entitlement"] h2:has-text("taken back")');
    assert.equal(await page.getAttribute('[data-code="access.entitlement"] .is-primary', 'href'), `/buy/${snowfall}`);
    assert.deepEqual(await audit(page), []);
    // Nothing bought: the player's address leads to the paywall too.
    Object.assign(site, { revoked: false, reason: null });
    shop.houseOf(family).entitlements = [];
    await page.goto(`${site.url}/watch/${snowfall}`);
    await page.waitForSelector('[data-phase=refused] a:has-text("How to watch it")');
});

test('each page of the box office speaks each language, counts each currency in its own digits, and fits a small phone by night too', async () => {
    const found = [];
    for (const [lang, colorScheme, currency, prices, wanted] of [['de', 'dark', 'EUR', undefined, '9,99\u00a0€'], ['zh', 'light', 'JPY', [480, 980, 4800, 9800, 400, 1200], 'JP¥980'], ['th', 'dark', 'KWD', [1500, 2750, 15_000, 27_500, 1250, 3900], '2.750']]) {
        shop.close();
        fresh({ currency, prices });
        shop.houseOf(family).hadTrial = true;
        const context = await open(browser, { viewport: { width: 320, height: 640 }, colorScheme, reducedMotion: 'reduce' });
        const checkout = `/checkout?offer=planplusmonth000&watch=${snowfall}`;
        for (const address of { de: [`/title/${snowfall}`, `/buy/${snowfall}`, checkout, '/account/plan', '/account/orders'], zh: [checkout], th: [`/buy/${snowfall}`, checkout] }[lang]) {
            const page = await enter(context, `${address}${address.includes('?') ? '&' : '?'}lang=${lang}`);
            await page.waitForSelector('h1');
            await page.waitForSelector('main [aria-busy=true]', { state: 'detached' });
            if (address.startsWith('/checkout')) assert.match(await page.innerText('.due dd'), new RegExp(wanted.replaceAll('.', '\\.')));
            for (const fault of [...(await audit(page)), ...(await page.faults())]) found.push(`${address}, ${lang}: ${fault}`);
            const [wide, seen, shift] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth, globalThis.shift]);
            if (wide > seen) found.push(`${address}, ${lang}: ${wide} wide`);
            if (shift >= 0.02) found.push(`${address}, ${lang}: layout shift ${shift}: ${await page.evaluate(() => globalThis.shifted)}`);
            await page.close();
        }
        await context.close();
    }
    assert.deepEqual(found, []);
});
