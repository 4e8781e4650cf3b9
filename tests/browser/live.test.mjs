// SPDX-License-Identifier: AGPL-3.0-or-later
//
// An event in a browser, from the countdown to its recording: against a channel that the test drops, brings back and ends.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { audit, closeAll, launch, open, visit } from './lib/browser.mjs';
import { StandIn } from './lib/stand_in.mjs';

let browser;
let site;
before(async () => {
    site = await new StandIn().start();
    browser = await launch();
});
beforeEach(() => {
    site.live?.close();
    site.startLive({ history_s: 600 });
});
afterEach(() => closeAll(browser));
after(async () => {
    await browser?.close();
    await site?.stop();
});

const live = '/watch/live000000000001';
const playing = (page) => page.waitForFunction(() => {
    const video = document.querySelector('video');
    return video && !video.paused && video.readyState >= 3;
}).then(() => page.evaluate(() => document.querySelector('video').currentTime)).then((at) => page.waitForFunction((from) => document.querySelector('video').currentTime > from + 0.5, at));
async function watch(context, address) {
    const page = await visit(context, site.url + address);
    await page.waitForSelector('[data-phase=playing]');
    await playing(page);
    return page;
}
const atEdge = (page, is) => page.waitForSelector(`[data-edge=${is}]`);
const at = (page) => page.evaluate(() => document.querySelector('video').currentTime);

test('what is live stands first on the home page, what comes says when', async () => {
    site.schedule('soon000000000001', 5400);
    const context = await open(browser, { timezoneId: 'Asia/Bangkok' });
    const page = await visit(context, site.url);
    assert.equal(await page.innerText('.hero .live-badge'), 'LIVE');
    assert.equal(await page.getAttribute('.hero .is-primary', 'href'), live);
    assert.deepEqual(await page.locator('.row h2').allInnerTexts().then((all) => all.slice(0, 2)), ['Live now', 'Coming up']);
    assert.match(await page.innerText(`.row .card[href="${live}"]`), /1,284/);
    assert.match(await page.innerText('.card[href="/title/soon000000000001"] .facts'), /(today|tomorrow), \d\d:\d\d/);
    assert.deepEqual([...(await audit(page)), ...(await page.faults())], []);
});

test('the countdown page counts, gives a calendar file, and becomes the picture by itself', async () => {
    site.titles = site.titles.filter((title) => title.id !== 'live000000000001');
    site.schedule('live000000000001', 3600);
    const context = await open(browser, { timezoneId: 'Europe/Berlin', acceptDownloads: true });
    const page = await visit(context, site.url + live);
    assert.match(await page.innerText('.waiting .time'), /Central European/);
    await page.waitForSelector('[role=timer]');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('.waiting .button')]);
    const chunks = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const title = site.titles.find((one) => one.id === 'live000000000001');
    const { starts_at } = title;
    assert.match(download.suggestedFilename(), /^Evening-Derby\.ics$/);
    assert.ok(text.includes(`DTSTART:${starts_at.replace(/[-:]|\.\d+/g, '')}\r\n`), text);
    assert.ok(text.split('\r\n').every((line) => Buffer.byteLength(line) <= 75));
    // Its time comes: whether the page is there a moment before or after, it says so, and then waits for the picture.
    title.starts_at = new Date(Date.now() + 1500).toISOString();
    await page.reload();
    await page.waitForSelector('.waiting .soon');
    assert.deepEqual([...(await audit(page)), ...(await page.faults())], []);
    Object.assign(title, { status: 'live', started_at: new Date().toISOString() });
    await page.waitForSelector('[data-phase=playing]');
    await playing(page);
    assert.equal(await page.locator('.waiting').count(), 0);
});

for (const [protocol, name] of [['hls', /LL-HLS/], ['plain', /HLS/], ['dash', /DASH/]]) {
    test(`${protocol}: plays at the edge, goes back an arbitrary way, and live again`, async () => {
        const context = await open(browser);
        const page = await watch(context, `${live}?protocol=${protocol}`);
        await atEdge(page, true);
        const edge = await at(page);
        await page.keyboard.press('i');
        await page.waitForFunction(() => /\d s/.test(document.querySelector('[data-stat=glass] dd')?.textContent ?? ''));
        assert.match(await page.innerText('[data-stat=protocol] dd'), name);
        await page.keyboard.press('5');
        await atEdge(page, false);
        await playing(page);
        const middle = await at(page);
        assert.ok(edge - middle > 200 && edge - middle < 400, `${edge} to ${middle}`);
        assert.match(await page.getAttribute('.live-bar input', 'aria-valuetext'), /^[45]:\d\d behind live$/);
        // The bar by keyboard and by pointer, with the picture of the moment over it.
        await page.focus('.live-bar input');
        await page.keyboard.press('PageDown');
        await page.waitForFunction((was) => document.querySelector('video').currentTime < was - 30, middle);
        const box = await page.locator('.live-bar').boundingBox();
        await page.mouse.move(box.x + box.width * 0.25, box.y + box.height / 2);
        await page.waitForSelector('.live-bar .picture');
        await page.mouse.click(box.x + box.width * 0.25, box.y + box.height / 2);
        await page.waitForFunction((was) => document.querySelector('video').currentTime < was - 120, middle);
        await playing(page);
        await page.click('[data-edge=false]');
        await atEdge(page, true);
        await playing(page);
        assert.ok((await at(page)) >= edge);
        // Who pauses wants to be behind, and stays there.
        await page.keyboard.press('k');
        await atEdge(page, false);
        assert.deepEqual(await page.faults(), []);
    });
}

test('the players say how it goes: session, delay and start-up with each request', async () => {
    const context = await open(browser);
    const page = await watch(context, `${live}?protocol=hls`);
    await site.live.asked(/m4s.*ltc=\d+.*msd=\d+/);
    const said = decodeURIComponent(site.live.requests.filter((one) => /m4s/.test(one)).pop());
    for (const key of [/sid="s\d+"/, /cid="live000000000001"/, /ltc=\d+/, /msd=\d+/, /sf=h/]) assert.match(said, key);
});

test('a drop of the publisher is said calmly and waited out', async () => {
    const context = await open(browser);
    const page = await watch(context, live);
    site.live.drop();
    await page.waitForSelector('[data-signal=lost] .lost');
    assert.match(await page.innerText('.lost'), /Signal lost/);
    assert.deepEqual([...(await audit(page)), ...(await page.faults())], []);
    site.live.comeBack();
    await page.waitForSelector('[data-signal=ok]');
    await playing(page);
    await atEdge(page, true);
});

test('the end leads to the recording, under the same address and without a reload', async () => {
    const context = await open(browser);
    const page = await watch(context, live);
    await page.evaluate(() => (globalThis.isSame = true));
    site.endLive();
    await page.waitForSelector('[data-phase=ended] .message .is-primary');
    await page.click('.message .is-primary');
    await page.waitForSelector('[data-phase=playing] media-time-range');
    await page.waitForFunction(() => {
        const video = document.querySelector('video');
        return Number.isFinite(video.duration) && video.duration > 590 && video.currentTime > 0.5 && video.currentTime < 30;
    });
    assert.equal(await page.evaluate(() => globalThis.isSame), true);
    await page.keyboard.press('9');
    await page.waitForFunction(() => document.querySelector('video').currentTime > 500);
    await playing(page);
    assert.deepEqual(await page.faults(), []);
});

test('sound alone: no picture is fetched, and it comes back', async () => {
    const context = await open(browser);
    const page = await watch(context, live);
    await page.click('[aria-controls=player-settings]');
    await page.selectOption('#set-quality', { label: 'Sound only' });
    await page.waitForSelector('.sound');
    await page.waitForSelector('[data-phase=playing]');
    await playing(page);
    site.live.requests.length = 0;
    await site.live.asked(/^a0-\d+\.m4s/, 6); // two seconds of sound
    await playing(page);
    assert.deepEqual(site.live.requests.filter((one) => one.startsWith('v0')), []);
    await page.selectOption('#set-quality', { label: 'Automatic' });
    await page.waitForFunction(() => document.querySelector('video').videoHeight === 180);
    await playing(page);
});

test('two live tabs of one browser play over plain HTTP/1.1, each holding two requests at most', async () => {
    site.isOperator = true;
    const context = await open(browser);
    const first = await watch(context, live);
    site.live.heldMost = 0;
    const second = await watch(context, live);
    const desk = await visit(context, `${site.url}/operator/live`); // and one that listens
    await desk.waitForSelector('.room');
    for (const page of [first, second, first]) {
        await page.bringToFront();
        await playing(page);
        await atEdge(page, true);
    }
    assert.ok(site.live.heldMost <= 4, `${site.live.heldMost} held`);
    await context.close();
    site.isOperator = false;
});

test('the player of a live event passes the audit and moves nothing', async () => {
    for (const options of [{ colorScheme: 'light' }, { viewport: { width: 390, height: 844 }, locale: 'th' }]) {
        const context = await open(browser, options);
        const page = await watch(context, live);
        await page.hover('.live-bar input');
        await page.waitForFunction(() => getComputedStyle(document.querySelector('.bottom')).opacity === '1'); // not half faded
        assert.deepEqual([...(await audit(page)), ...(await page.faults())], []);
        const shift = await page.shift();
        assert.ok(shift < 0.02, `layout shift ${shift}: ${await page.evaluate(() => globalThis.shifted)}`);
        await context.close();
    }
});
