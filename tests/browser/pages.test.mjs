// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The pages in a browser: what they show, in each language and look, for keyboard and screen reader, without a jump and
// without a violation of the content security policy.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { audit, closeAll, launch, moving, open, visit } from './lib/browser.mjs';
import { languages, root } from './lib/media.mjs';
import { goodHealth, StandIn } from './lib/stand_in.mjs';

let browser;
let site;
before(async () => {
    site = await new StandIn().start();
    site.isOperator = true;
    site.startLive({ history_s: 120 });
    site.schedule('soon000000000001', 5400);
    site.addChannel('chan000000000001', { status: 'live', started_at: '2026-11-21T19:30:00Z', viewers: 1284, health: goodHealth(), srt_url: 'srt://127.0.0.1:9000?streamid=publish:KKKKKKKK0001' });
    site.addChannel('chan000000000002', { status: 'scheduled', starts_at: '2026-12-24T19:30:00Z', alarms: [{ code: 'silence', since: '2026-11-21T19:40:00Z' }] });
    browser = await launch();
});
afterEach(() => closeAll(browser));
after(async () => {
    await browser?.close();
    await site?.stop();
});

const addresses = ['/', '/?q=nothing-like-it', '/?kind=film', '/title/film000000000001', '/title/series0000000001', '/watch/film000000000001',
    '/?kind=event', '/title/live000000000001', '/title/soon000000000001', '/watch/soon000000000001', '/operator/live', '/operator/live/chan000000000001',
    '/operator/live/chan000000000002', '/operator', '/operator/enter', '/operator/titles/film000000000001', '/no/such/page'];

/** What is there when a page has come to rest. */
const settled = { '/?kind=film': '.grid-items .card', '/title/series0000000001': '.row:nth-of-type(2) .card', '/watch/film000000000001': '[data-phase=playing]',
    '/?kind=event': '.grid-items .card', '/watch/soon000000000001': '.waiting [role=timer]', '/operator/live': '.channels li', '/operator/live/chan000000000001': '.tiles dd',
    '/operator/live/chan000000000002': '.alarms li', '/operator': '.titles li', '/operator/titles/film000000000001': 'input[name=year]' };

/** What jumped, and what is wider than the screen. */
async function unrest(page) {
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    const found = [];
    const shift = await page.shift();
    if (shift >= 0.02) found.push(`layout shift ${shift}: ${await page.evaluate(() => globalThis.shifted)}`);
    const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    if (wide > seen) found.push(`${wide} wide`);
    return found;
}

test('each page passes the accessibility audit, by day and by night, and nothing jumps', async () => {
    const context = await open(browser, { colorScheme: 'light', reducedMotion: 'reduce' });
    const page = await visit(context, site.url);
    const found = [];
    for (const address of addresses) {
        await page.emulateMedia({ colorScheme: 'light' });
        await page.turn(site.url + address);
        await page.waitForSelector('h1');
        await page.waitForSelector(settled[address] ?? 'h1');
        for (const fault of await unrest(page)) found.push(`${address}: ${fault}`);
        for (const colorScheme of ['light', 'dark']) {
            await page.emulateMedia({ colorScheme });
            for (const fault of [...(await audit(page)), ...(await page.faults())]) found.push(`${address}, ${colorScheme}: ${fault}`);
        }
    }
    assert.deepEqual(found, []);
});

test('nothing jumps on a phone, and it never scrolls sideways', async () => {
    const found = [];
    for (const viewport of [{ width: 390, height: 844 }, { width: 320, height: 568 }]) {
        const context = await open(browser, { ...moving, viewport });
        const page = await visit(context, site.url);
        for (const address of addresses) {
            await page.turn(site.url + address);
            await page.waitForSelector('h1');
            await page.waitForSelector(settled[address] ?? 'h1');
            for (const fault of await unrest(page)) found.push(`${address} at ${viewport.width}: ${fault}`);
        }
        await context.close();
    }
    assert.deepEqual(found, []);
});

test('each language has its own words on each page, and titles in it', async () => {
    const [said, live] = ['pages', 'live'].map((name) => JSON.parse(fs.readFileSync(`${root}/text/${name}.json`, 'utf8')));
    const context = await open(browser, moving);
    for (const language of languages) {
        const page = await visit(context, `${site.url}/?lang=${language}`);
        await page.waitForSelector('.hero h1');
        assert.equal(await page.getAttribute('html', 'lang'), language);
        assert.equal(await page.innerText('.hero .button.is-primary'), live['live.watch'][language]);
        assert.equal(await page.innerText('.hero h1'), { en: 'Harbour Criterium, Final Lap', de: 'Hafenkriterium, letzte Runde', zh: '港口绕圈赛决胜圈', th: 'ไครทีเรียมท่าเรือ รอบสุดท้าย' }[language]);
        await page.goto(`${site.url}/title/film000000000000?lang=${language}`);
        await page.waitForSelector('html[data-ready] .hero h1');
        assert.equal(await page.innerText('.hero .button.is-primary'), said['show.play'][language]);
        assert.equal(await page.innerText('.hero h1'), { en: 'Harbour at Dawn', de: 'Hafen im Morgengrauen', zh: '黎明的港口', th: 'ท่าเรือยามรุ่งสาง' }[language]);
        await page.close();
    }
});

test('language and look are chosen on the page and stay', async () => {
    const context = await open(browser, { colorScheme: 'light' });
    const page = await visit(context, site.url);
    await page.click('[popovertarget=preferences]');
    await page.check('input[name=theme][value=dark]');
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'dark');
    await Promise.all([page.waitForEvent('load'), page.click('input[name=language][value=th]')]);
    await page.waitForSelector('html[data-ready][lang=th][data-theme=dark]');
    await page.close();
    const again = await visit(context, `${site.url}/title/film000000000001`);
    assert.equal(await again.getAttribute('html', 'lang'), 'th');
    assert.equal(await again.getAttribute('html', 'data-theme'), 'dark');
});

test('by keyboard alone: skip link, search, title, play', async () => {
    const context = await open(browser);
    const page = await visit(context, site.url);
    await page.keyboard.press('Tab');
    assert.match(await page.evaluate(() => document.activeElement.className), /skip/);
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
    await page.focus('input[type=search]');
    await page.keyboard.type('snow');
    await page.waitForSelector('[role=option] mark');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => location.search === '?q=snow');
    await page.waitForFunction(() => document.querySelectorAll('.grid-items .card').length === 2); // the film, and an episode of the same name
    await page.focus('.grid-items .card');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/title/film000000000002');
    await page.waitForSelector('.hero.is-title h1');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
    assert.match(await page.title(), /^Snowfall · /);
    await page.focus('.hero .button.is-primary');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-phase=playing]');
});

test('an address that does not exist says so and leads home', async () => {
    const context = await open(browser);
    for (const address of ['/no/such/page', '/title/nothing000000000', '/watch/nothing000000000']) {
        const page = await visit(context, site.url + address);
        await page.waitForSelector('.notice a[href="/"]');
        await page.close();
    }
});

test('offline is said, and the end of it', async () => {
    const context = await open(browser);
    const page = await visit(context, site.url);
    await context.setOffline(true);
    await page.waitForSelector('.connection p');
    await context.setOffline(false);
    await page.waitForFunction(() => /online/i.test(document.querySelector('.connection p')?.textContent ?? ''));
});

test('the home page is small, and neither player is loaded before it is needed', async () => {
    const context = await open(browser);
    const page = await visit(context, site.url);
    await page.waitForLoadState('networkidle');
    const scripts = await page.evaluate(() => performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname).filter((name) => name.endsWith('.js')));
    const bytes = scripts.reduce((sum, name) => sum + fs.statSync(`${root}/build/pages${name}.gz`).size, 0);
    assert.ok(bytes < 60_000, `${bytes} bytes of script, compressed: ${scripts}`);
    await page.goto(`${site.url}/watch/film000000000001?protocol=dash`);
    await page.waitForSelector('[data-phase=playing][data-protocol=dash]');
    const loaded = await page.evaluate(() => performance.getEntriesByType('resource').map((entry) => entry.name).join(' '));
    assert.match(loaded, /engine-dash/);
    assert.doesNotMatch(loaded, /engine-hls/);
});
