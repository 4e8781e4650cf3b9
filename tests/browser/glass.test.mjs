// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Glass to glass: a minute of the built-in test picture, from the publisher over the real server to the browser's screen, read frame by
// frame from the clock that is painted into it. Alone in its file, for it mostly waits: others run beside it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atEdge, playing, publish, startBroadcast } from './lib/broadcast.mjs';
import { launch, open, visit } from './lib/browser.mjs';
import { spreadOf, startGlass, takeGlass } from './lib/glass.mjs';

const watched_s = process.env.GRANDSTAND_TEST_LONG ? 600 : 60;
const fps = 30;

test('a minute of a broadcast, read from the painted clock: every frame in order', async (t) => {
    const server = await startBroadcast(t);
    const operator = await server.enter();
    const made = await operator.call('POST', '/operator/channels', { names: { en: 'Painted clock' } });
    assert.equal(made.status, 201, made.text);
    publish(t, made.json.rtmp_url);
    const browser = await launch();
    t.after(() => browser.close());
    const page = await visit(await open(browser, { viewport: { width: 640, height: 400 } }), `${server.url}/watch/${made.json.id}?protocol=hls`);
    await page.waitForSelector('[data-phase=playing]');
    await playing(page);
    await atEdge(page, true);
    await page.waitForFunction(() => document.querySelector('video').playbackRate === 1); // it has come to its place
    await startGlass(page);
    // By the clock in the picture: a machine that is busy shows fewer frames of a minute, not fewer seconds.
    await page.waitForFunction((watched_ms) => globalThis.glass.last - globalThis.glass.first > watched_ms, watched_s * 1000, { timeout: watched_s * 3000, polling: 500 });
    const { frames, read, backwards, stalls, delays_ms } = await takeGlass(page);
    assert.equal(backwards, 0);
    // Where publisher and player are starved, pictures are left out, and a cell of one that remains may be grey.
    assert.ok(read > frames / 2, `${frames - read} of ${frames} cannot be read`);
    // A second's delay leaves no room for a machine that is busy with something else for that long: told, and held to in bench/glass.
    const { median, p95 } = spreadOf(delays_ms);
    t.diagnostic(`${frames} of ${watched_s * fps} frames shown, ${frames - read} not read, ${stalls} stalls; delay ${Math.round(median)} ms, 95 % within ${Math.round(p95)} ms`);
    await page.keyboard.press('i');
    await page.waitForFunction(() => /^\d+\.\d\d s$/.test(document.querySelector('[data-stat=glass] dd')?.textContent ?? ''));
    assert.deepEqual(await page.faults(), []);
});
