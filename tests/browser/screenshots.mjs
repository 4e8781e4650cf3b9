// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Pictures of every page for people to look at: desk and phone, day and night, in each script. Written to
// build/screenshots. Usage: node tests/browser/screenshots.mjs [ORIGIN [CODE]]
// Without an origin, against the stand-in; the code is the operator's one-time code, for pictures of the control room.
import fs from 'node:fs';
import path from 'node:path';
import { launch, open, visit } from './lib/browser.mjs';
import { root } from './lib/media.mjs';
import { goodHealth, StandIn } from './lib/stand_in.mjs';

const out = path.join(root, 'build/screenshots');
fs.mkdirSync(out, { recursive: true });
const site = process.argv[2] ? null : await new StandIn().start();
let family;
if (site) {
    site.isOperator = true;
    family = site.people.addFamily();
    site.people.addDevice(family, 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148 Safari/604.1', { address: '203.0.113.24', seen_at: new Date(Date.now() - 4e6).toISOString() });
    site.people.addDevice(family, 'Mozilla/5.0 (SMART-TV; Linux; Tizen 8.0) AppleWebKit/537.36 Chrome/120 Safari/537.36', { address: '198.51.100.7', seen_at: '2026-11-18T20:10:00Z' });
    family.others = [{ id: 'user000000000077', name: 'Jonas Brandt', email: 'jonas.brandt@example.org' }];
    family.invitations = [{ id: 'code000000000001', email: 'karl.brandt@example.org', created_at: '2026-11-19T09:00:00Z', expires_at: '2026-11-26T09:00:00Z' }];
    showRights(site.titles);
    openShop(family);
    site.finance.isExample = true;
    site.finance.fill(site.titles.slice(0, 4).map((title) => title.id));
    site.finance.titlesSold = site.titles.slice(0, 5).map((title) => [title.id, site.finance.titleName(title.id)]);
    site.startLive({ history_s: 3000 });
    site.schedule('soon000000000001', 7500);
    site.addChannel('live000000000001', { status: 'live', started_at: new Date(Date.now() - 3e6).toISOString(), viewers: 1284, health: goodHealth() });
}
/** Titles of each kind of answer: free, locked, rated, not here, later. */
function showRights(titles) {
    const people = [['Mara Lindqvist', 'cast', 'Ida'], ['Chen Yu', 'cast', 'the harbour master'], ['Somchai Rattana', 'cast', 'Niran'], ['Tomás Ferreira', 'director', ''], ['Ayumi Sato', 'writer', ''], ['Elif Demir', 'music', '']]
        .map(([name, part, character], i) => ({ id: `person000000000${i}`, name, part, character }));
    const rated = (age) => ({ age, rating: { system: 'FSK', value: String(age), country: 'DE', is_own: true } });
    Object.assign(titles[0], { people, ...rated(6), original_lang: 'sv', countries: ['SE', 'DE'], eidr: '10.5240/7791-8534-2C23-9030-8610-5',
        versions: [{ id: titles[0].id, name: 'Cinema version' }, { id: 'film000000000003', name: 'Director’s cut' }] });
    Object.assign(titles[1], { is_free: false, isGranted: true, ...rated(12), people: people.slice(1, 4) });
    Object.assign(titles[2], { is_free: false, ...rated(16) });
    Object.assign(titles[3], rated(18));
    Object.assign(titles[4], { right: { reason: 'rights.blackout', message: 'Night Train is not shown in Germany until 24 December 2026: it runs in cinemas there first.', until: '2026-12-24T00:00:00Z' } });
    Object.assign(titles[5], { is_free: false, right: { reason: 'rights.not_yet', message: 'Tide Tables can be watched in Germany from 1 December 2026.', from: '2026-12-01T00:00:00Z' } });
}
/** What is sold, what the family has of it, and what it ordered. */
function openShop(user) {
    const { shop, titles } = site;
    const [, , third, fourth, , sixth] = titles;
    Object.assign(fourth, { is_free: false, age: 16, rating: { system: 'MPA', value: 'R', country: 'US', is_own: false } });
    const series = titles.find((title) => title.kind === 'series');
    series.is_free = false;
    shop.open({ titles: [third.id, fourth.id, sixth.id, titles[1].id, series.id], season: series.id });
    shop.others = [{ id: 'alipay', name: 'Alipay', kind: 'redirect' }];
    const house = shop.houseOf(user);
    const ends_at = new Date(Date.now() + 37 * 3_600_000).toISOString();
    Object.assign(house, { vouchers: 2, credit: 1250 });
    house.entitlements.push({ kind: 'rental', title: { id: fourth.id, name: 'Kilometre 42' }, offer: { id: 'rental0000000001', name: '48-hour rental' }, medium: 'rental', starts_at: '2026-11-20T19:00:00Z', ends_at, is_started: true, order: null },
        { kind: 'purchase', title: { id: titles[1].id, name: 'The Long Straight' }, offer: { id: 'x', name: 'Purchase' }, medium: 'purchase', starts_at: '2026-10-02T19:00:00Z', ends_at: null, is_started: true, order: null });
}
const origin = process.argv[2] ?? site.url;

const { rows } = await (await fetch(`${origin}/api/v1/titles?rows=1`)).json();
const items = rows.flatMap((row) => row.items);
const idOf = (is) => items.find(is)?.id;
const film = idOf((title) => title.kind === 'film');
const series = idOf((title) => title.kind === 'series');
const live = idOf((title) => title.status === 'live');
const soon = idOf((title) => title.status === 'scheduled');
const pages = { home: '/', films: '/?kind=film', film: `/title/${film}`, series: `/title/${series ?? film}`, watch: `/watch/${film}`, search: '/?q=e', operator: '/operator', desk: '/operator/live',
    editor: `/operator/titles/${film}`, missing: '/no/such/page', ...(live ? { event: `/title/${live}`, live: `/watch/${live}`, channel: `/operator/live/${live}` } : {}),
    'sign-up': '/sign-up', 'sign-in': '/sign-in?to=/title/film000000000003', locked: `/title/film000000000002`, elsewhere: '/title/film000000000004',
    ...(site ? { money: '/operator/finance', offers: '/operator/finance/offers', offer: `/operator/finance/offers/${site.finance.offers[2].id}`, 'money-orders': '/operator/finance/orders',
        'money-order': `/operator/finance/orders/${site.finance.orders.findLast((order) => order.state === 'part_refunded').id}`, statement: `/operator/finance/ledger/${site.finance.accounts.find((account) => account.code === 100 && account.ledger === 'EUR').id}` } : {}),
    ...(family ? { who: '/who', account: '/account/profiles', security: '/account/security', devices: '/account/devices', household: '/account/household', 'household-invite': '/account/household', privacy: '/account/privacy',
        pin: '/who', profile: '/account/profiles', erase: '/account/privacy', factor: '/account/security', menu: '/', suggest: '/', child: '/', refused: '/watch/film000000000004' } : {}),
    ...(family ? { wall: '/buy/film000000000002', plans: '/plans', 'checkout-new': '/checkout?offer=planplusmonth000&watch=film000000000002', 'checkout-trial': '/checkout?offer=planplusmonth000&watch=film000000000002', checkout: '/checkout?offer=rental0000000000&title=film000000000002',
        declined: '/checkout?offer=purchase00000000&title=film000000000002', step: '/checkout?offer=rental0000000000&title=film000000000002', bank: '/checkout?offer=planplusyear0000', paid: '/checkout?offer=rental0000000000&title=film000000000002',
        rented: '/title/film000000000003', forsale: '/title/film000000000002', plan: '/account/plan', cancel: '/account/plan', switch: '/account/plan', grace: '/account/plan', orders: '/account/orders' } : {}),
    ...(soon ? { soon: `/title/${soon}`, countdown: `/watch/${soon}` } : {}) };
/** What has to be done on a page before it is worth a picture. */
const acts = {
    pin: (page) => page.click('.people button:has-text("Anna")').then(() => page.keyboard.type('47')),
    profile: (page) => page.click('.profiles li:nth-child(3) button'),
    erase: (page) => page.click('section.danger button'),
    factor: (page) => page.click('section:last-of-type button').then(() => page.waitForSelector('.qr')).then(() => page.locator('.qr').scrollIntoViewIfNeeded()),
    'household-invite': (page) => page.click('section[aria-labelledby=adults] .end button').then(() => page.waitForSelector('dialog[open]')),
    menu: (page) => page.click('.face'),
    suggest: (page) => page.focus('input[type=search]').then(() => page.keyboard.type('a')).then(() => page.waitForSelector('[role=option] mark').catch(() => undefined)),
    refused: (page) => page.waitForSelector('[data-phase=refused]'),
    declined: (page) => pay(page, '4000000000000002').then(() => page.waitForSelector('.failure')),
    step: (page) => pay(page, '4000000000003220').then(() => page.waitForSelector('.step dl')),
    bank: (page) => ((site.shop.isBankSlow = true), (site.shop.houseOf(family).hadTrial = true), page.reload().then(() => pay(page, '4242424242424242')).then(() => page.waitForSelector('[data-state=waiting]'))),
    paid: (page) => ((site.shop.isBankSlow = false), pay(page, '4242424242424242').then(() => page.waitForSelector('[data-state=paid]'))),
    cancel: (page) => page.click('.now .is-danger'),
    switch: (page) => page.click('.now [aria-expanded]').then(() => page.click('[data-plan=planplusmonth000] button')).then(() => page.waitForSelector('dialog .sum')),
    checkout: (page) => page.click('[data-card="4242424242424242"]'),
};
const looks = {
    desk: { viewport: { width: 1440, height: 900 }, colorScheme: 'light', lang: 'en' },
    'desk-dark': { viewport: { width: 1440, height: 900 }, colorScheme: 'dark', lang: 'de' },
    phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: 'light', lang: 'en', hasTouch: true },
    'phone-zh': { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: 'dark', lang: 'zh', hasTouch: true },
    'phone-th': { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: 'light', lang: 'th', hasTouch: true },
};
async function pay(page, number) {
    await page.click(`[data-card="${number}"]`);
    await page.click('button[type=submit].is-large');
}
/** Who has which plan when the picture is taken. */
function arrange(name) {
    const house = site.shop.houseOf(family);
    const plan = site.shop.offers.find((offer) => offer.id === (name === 'switch' ? 'planbasicmonth00' : 'planplusmonth000'));
    const has = ['plan', 'cancel', 'switch', 'grace'].includes(name);
    house.credit = ['plan', 'cancel', 'switch', 'grace'].includes(name) ? 1250 : 0;
    house.hadTrial = has;
    house.subscription = has && { id: 'sub0000000000001', offer: plan, state: name === 'grace' ? 'grace' : 'active', period: { from: '2026-11-05T09:00:00Z', to: '2026-12-05T09:00:00Z' }, renews_at: '2026-12-05T09:00:00Z', price: plan.price, method: 'Visa 4242', next_offer: null,
        started_at: '2026-03-05T09:00:00Z', ...(name === 'grace' ? { grace_until: '2026-12-12T09:00:00Z', order: 'order00000000001' } : {}) };
    house.entitlements = house.entitlements.filter((one) => one.title?.id !== 'film000000000002');
}
/** The family is signed in; the first profile watches. */
async function enter(context, who) {
    const known = (await context.cookies())[0]?.value;
    if (known) {
        site.people.sessions.get(known).profile = family.profiles[who];
        return;
    }
    for (const [cookie, one] of site.people.sessions) if (/Firefox/.test(one.agent)) site.people.sessions.delete(cookie);
    const { headers } = await fetch(`${origin}/api/v1/sign-in`, { method: 'POST', body: JSON.stringify({ email: family.email, password: family.password }) });
    const value = /stand_in=(\w+)/.exec(headers.get('set-cookie'))[1];
    site.people.sessions.get(value).profile = family.profiles[who];
    site.people.sessions.get(value).agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0';
    await context.addCookies([{ name: 'stand_in', value, url: origin }]);
}
const browser = await launch();
let state; // the operator's cookie: a code works once
if (process.argv[3]) {
    const context = await open(browser);
    const page = await visit(context, `${origin}/operator/enter#code=${process.argv[3]}`);
    await page.waitForURL('**/operator');
    state = await context.storageState();
    await context.close();
}
for (const [look, { lang, ...options }] of Object.entries(looks)) {
    const context = await open(browser, { ...options, ...(state ? { storageState: state } : {}) });
    const strangers = new Set(['sign-up', 'sign-in', 'locked', 'wall', 'checkout-new']);
    for (const [name, address] of Object.entries(pages)) {
        if (process.env.ONLY && !process.env.ONLY.split(',').includes(name)) continue;
        if (family) arrange(name);
        if (family) await (strangers.has(name) ? context.clearCookies() : enter(context, name === 'child' || name === 'pin' ? 2 : 0));
        const page = await visit(context, `${origin}${address}${address.includes('?') ? '&' : '?'}lang=${lang}`);
        if (name === 'watch' || name === 'live') await page.waitForFunction(() => document.querySelector('video')?.readyState > 2 && document.querySelector('video').currentTime > 1);
        await page.waitForLoadState('networkidle', { timeout: 2500 }).catch(() => undefined);
        if (acts[name]) await acts[name](page);
        if (name === 'live') {
            // The controls, and a moment of before over the bar.
            const box = await page.locator('.live-bar').boundingBox();
            for (const part of [0.4, 0.6]) await page.mouse.move(box.x + box.width * part, box.y + box.height / 2);
            await page.waitForSelector('.live-bar .picture', { timeout: 3000 }).catch(() => undefined);
        } else if (name === 'watch') await page.mouse.move(300, 300);
        const isWhole = ['channel', 'wall', 'plans', 'checkout', 'checkout-new', 'checkout-trial', 'declined', 'paid', 'plan', 'grace', 'orders', 'household'].includes(name);
        if (isWhole) await page.evaluate(() => (document.activeElement.blur(), scrollTo(0, 0)));
        await page.screenshot({ path: path.join(out, `${name}-${look}.png`), fullPage: isWhole });
        await page.close();
    }
    await context.close();
}
await browser.close();
await site?.stop();
console.log(out);
