// SPDX-License-Identifier: AGPL-3.0-or-later
//
// A broadcast on the real server: the operator makes a channel and copies its address, the built-in test picture is published there, it
// is watched by LL-HLS, plain HLS and DASH, survives its publisher's drop, and is a recording when it has ended. That it is the picture of
// now is read from the picture itself; a whole minute of it in glass.test.mjs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atEdge, playing, publish, startBroadcast } from './lib/broadcast.mjs';
import { audit, launch, open, visit } from './lib/browser.mjs';
import { startGlass, takeGlass } from './lib/glass.mjs';

test('a broadcast, from the empty desk to the recording', async (t) => {
    const server = await startBroadcast(t);
    const browser = await launch();
    t.after(() => browser.close());
    const room = await open(browser);
    const desk = await visit(room, `${server.url}/operator/enter#code=${server.code}`);
    await desk.waitForURL('**/operator');
    let url;
    let id;
    let stop;
    const viewer = async (address) => {
        const context = await open(browser);
        t.after(() => context.close());
        return visit(context, server.url + address);
    };
    const watch = async (protocol) => {
        const page = await viewer(`/watch/${id}?protocol=${protocol}`);
        await page.waitForSelector('[data-phase=playing]');
        await playing(page);
        return page;
    };

    await t.test('the operator makes a channel and copies its address', async () => {
        await desk.click('a[href="/operator/live"]');
        await desk.click('.notice .button.is-primary');
        await desk.fill('dialog input[name=name-en]', 'Harbour Criterium');
        await desk.click('dialog button[type=submit]');
        await desk.waitForURL('**/operator/live/*');
        id = desk.url().split('/').pop();
        await desk.click('button[aria-label="Show Stream key"]');
        url = `${await desk.innerText('[data-secret="Server"]')}/${await desk.innerText('[data-secret="Stream key"]')}`;
        assert.match(url, /^rtmp:\/\/127\.0\.0\.1:\d+\/live\/\w{16,}$/);
        await desk.waitForSelector('[data-status=waiting]');
    });

    await t.test('who waits on its page sees the picture begin by itself', async () => {
        const page = await viewer(`/watch/${id}`);
        await page.waitForSelector('.waiting');
        stop = publish(t, url);
        await page.waitForSelector('[data-phase=playing]');
        await playing(page);
        await page.context().close();
    });

    await t.test('the desk shows the signal', async () => {
        await desk.waitForSelector('[data-status=live]');
        await desk.waitForFunction(() => /Mbit|kbit/.test(document.querySelector('[data-health=bitrate] dd')?.textContent ?? ''));
        await desk.waitForFunction(() => /every 1\.0 s/.test(document.querySelector('[data-health=keyframes] dd')?.textContent ?? ''));
        await desk.waitForFunction(() => document.querySelector('[data-health=bitrate] polyline')?.getAttribute('points').split(' ').length > 2);
        assert.match(await desk.innerText('[data-health=bitrate] .note'), /H\.264 640 × 360.*AAC 48/s);
        await desk.waitForSelector('.preview img'); // the newest still, and on demand the picture as viewers have it
        await desk.click('button:has-text("Play the picture")');
        await desk.waitForSelector('.screen [data-phase=playing]');
        await playing(desk);
        await desk.click('button:has-text("Back to the still")');
        await desk.waitForSelector('.preview img');
        assert.deepEqual([...(await audit(desk)), ...(await desk.faults())], []);
        await desk.goto(`${server.url}/operator/live`); // one page less that holds a connection and draws
    });

    await t.test('home and title page show it, and the page that takes over from the first HTML moves nothing', async () => {
        const { text } = await server.get(`/title/${id}?lang=de`);
        assert.match(text, /<h1[^>]*>Harbour Criterium</);
        for (const address of ['/', `/title/${id}`]) {
            const page = await viewer(address);
            assert.equal(await page.innerText('.hero .live-badge'), 'LIVE');
            assert.equal(await page.getAttribute('.hero .is-primary', 'href'), `/watch/${id}`);
            const shift = await page.shift();
            assert.ok(shift < 0.02, `${address}: layout shift ${shift}: ${await page.evaluate(() => globalThis.shifted)}`);
            assert.deepEqual([...(await audit(page)), ...(await page.faults())], [], address);
            await page.context().close();
        }
    });

    await t.test('two live tabs and the desk of one browser play over HTTP/1.1', async () => {
        const pages = [await visit(room, `${server.url}/watch/${id}`), await visit(room, `${server.url}/watch/${id}`)];
        for (const page of [...pages, pages[0]]) {
            await page.bringToFront();
            await playing(page);
            await atEdge(page, true);
        }
        for (const page of pages) await page.close();
    });

    for (const protocol of ['hls', 'plain', 'dash']) {
        await t.test(`${protocol}: back in the window, with pictures, and live again`, async () => {
            const page = await watch(protocol);
            await atEdge(page, true);
            await page.waitForFunction(() => Number(document.querySelector('.live-bar input').max) > 22); // so much has been sent by now
            const edge = await page.evaluate(() => document.querySelector('video').currentTime);
            await page.keyboard.press('0');
            await page.waitForFunction((was) => document.querySelector('video').currentTime < was - 10, edge);
            await atEdge(page, false);
            await playing(page);
            await startGlass(page);
            await page.waitForFunction(() => globalThis.glass.read > 5);
            assert.ok((await takeGlass(page)).delays_ms.every((delay) => delay > 10_000), 'the picture is one of before');
            await page.click('[data-edge=false]');
            await atEdge(page, true);
            await playing(page);
            await page.waitForFunction(() => globalThis.glass.read > 5 && globalThis.glass.delays_ms.at(-1) < 10_000);
            assert.deepEqual(await page.faults(), []);
            await page.context().close();
        });
    }

    let last;
    await t.test('a publisher that is killed and comes back: the page waits and goes on', async () => {
        last = await watch('hls');
        await stop('SIGKILL');
        await last.waitForSelector('[data-signal=lost] .lost');
        stop = publish(t, url);
        await last.waitForSelector('[data-signal=ok]');
        await playing(last);
        await atEdge(last, true);
        await startGlass(last);
        await last.waitForFunction(() => globalThis.glass.read > 10 && globalThis.glass.delays_ms.at(-1) < 10_000);
    });

    await t.test('what viewers get is on the desk', async () => {
        await desk.goto(`${server.url}/operator/live/${id}`);
        await desk.waitForSelector('[data-quality=startup] dd');
        assert.match(await desk.innerText('[data-quality=startup] dd'), /\d s/);
        assert.match(await desk.innerText('[data-quality=latency] dd'), /\d s/);
    });

    await t.test('the operator ends it; who watches is led to the recording, at the same address', async () => {
        await desk.click('button:has-text("End the event")');
        await desk.click('dialog[open] .is-danger-full');
        await desk.waitForSelector('[data-status=ended]');
        await last.waitForSelector('[data-phase=ended] .message .is-primary');
        const shown = await last.evaluate(() => performance.timeOrigin);
        await last.click('.message .is-primary');
        await last.waitForSelector('[data-phase=playing] media-time-range');
        await playing(last);
        assert.equal(await last.evaluate(() => performance.timeOrigin), shown, 'the page was not loaded anew');
        await startGlass(last);
        await last.waitForFunction(() => globalThis.glass.read > 20);
        const { delays_ms, backwards } = await takeGlass(last);
        assert.ok(delays_ms[0] > 10_000, 'a picture of then');
        assert.ok((await last.evaluate(() => document.querySelector('video').played.start(0))) < 1, 'from its beginning');
        assert.equal(backwards, 0);
        assert.deepEqual(await last.faults(), []);
        for (const protocol of ['hls', 'dash']) {
            const page = await watch(protocol);
            assert.ok(Number.isFinite(await page.evaluate(() => document.querySelector('video').duration)));
            await page.context().close();
        }
    });
});
