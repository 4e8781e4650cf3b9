// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The player in a browser, over HLS and over DASH.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { closeAll, launch, open, visit } from './lib/browser.mjs';
import { StandIn } from './lib/stand_in.mjs';

let browser;
let site;
before(async () => {
    site = await new StandIn().start();
    browser = await launch();
});
afterEach(async () => {
    await closeAll(browser);
    Object.assign(site, { revoked: false, renewsNothing: false, renew_after_ms: 60_000, refusals: 0 });
});
after(async () => {
    await browser?.close();
    await site?.stop();
});

const title = 'film000000000001';
const playingFrom = (page, seconds) => page.waitForFunction((at) => {
    const video = document.querySelector('video');
    return video && !video.paused && video.currentTime > at && video.readyState >= 3;
}, seconds);
async function watch(context, address) {
    const page = await visit(context, site.url + address);
    await page.waitForSelector('[data-phase=playing]');
    await playingFrom(page, 0);
    return page;
}

for (const protocol of ['hls', 'dash']) {
    test(`${protocol}: captions, second audio, quality and speed change while it plays`, async () => {
        const context = await open(browser);
        const page = await watch(context, `/watch/${title}?protocol=${protocol}`);
        await page.keyboard.press('c');
        await page.waitForFunction(() => [...document.querySelector('video').textTracks].some((track) =>
            track.mode === 'showing' && track.activeCues?.length && /A line of captions/.test(track.activeCues[0].text)));
        await page.click('[aria-controls=player-settings]');
        await page.selectOption('#set-captions', { label: 'Thai' });
        await page.waitForFunction(() => [...document.querySelector('video').textTracks].some((track) =>
            track.mode === 'showing' && track.language === 'th' && track.activeCues?.length && /คำบรรยาย/.test(track.activeCues[0].text)));
        for (const [label, height] of [['180p', 180], ['360p', 360]]) {
            await page.selectOption('#set-quality', { label });
            await page.waitForFunction((wanted) => document.querySelector('video').videoHeight === wanted, height);
        }
        const audio = page.waitForRequest(/manifest-stream3\.mp4/);
        await page.selectOption('#set-audio', { label: 'German' });
        await audio;
        await page.selectOption('#set-speed', '1.5');
        await page.waitForFunction(() => document.querySelector('video').playbackRate === 1.5);
        await playingFrom(page, await page.evaluate(() => document.querySelector('video').currentTime));
        // An engine that puts back the speed it knew, in the moment in which another is chosen, does not have its way.
        await page.evaluate(() => {
            const select = document.querySelector('#set-speed');
            select.value = '1.25';
            select.dispatchEvent(new Event('change', { bubbles: true }));
            document.querySelector('video').playbackRate = 1;
        });
        await page.waitForFunction(() => document.querySelector('video').playbackRate === 1.25);
        assert.deepEqual(await page.faults(), []);
        assert.equal(site.refusals, 0);
    });

    test(`${protocol}: seeks, and resumes where one stopped`, async () => {
        const context = await open(browser);
        const page = await watch(context, `/watch/${title}?protocol=${protocol}`);
        await page.keyboard.press('5');
        await playingFrom(page, 20.5);
        await page.keyboard.press('k');
        await page.waitForFunction(() => document.querySelector('video').paused);
        const stopped = await page.evaluate(() => document.querySelector('video').currentTime);
        await page.goto(`${site.url}/`);
        await page.waitForSelector(`.card[href="/watch/${title}"] .card-progress`);
        await page.click(`.card[href="/watch/${title}"]`);
        await page.waitForSelector('[data-phase=playing]');
        await playingFrom(page, stopped - 1);
        const began = await page.evaluate(() => document.querySelector('video').played.start(0));
        assert.ok(Math.abs(began - stopped) < 1, `stopped at ${stopped}, began at ${began}`);
    });

    test(`${protocol}: a revoked session stops although all is buffered, and no frame shows any more`, async () => {
        const context = await open(browser);
        const page = await watch(context, `/watch/${title}?protocol=${protocol}`);
        await page.keyboard.press('6');
        await page.waitForFunction(() => {
            const { buffered, duration, currentTime } = document.querySelector('video');
            return currentTime >= 24 && buffered.length > 0 && buffered.end(buffered.length - 1) > duration - 0.5;
        });
        site.revoked = true;
        await page.waitForSelector('[data-phase=refused] [role=alert]');
        assert.match(await page.innerText('[role=alert]'), /token\.revoked/);
        const before = await page.evaluate(() => document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames);
        await page.keyboard.press('k');
        await page.keyboard.press('ArrowRight');
        const video = await page.evaluate(async () => {
            const element = document.querySelector('video');
            const played = await element.play().then(() => true, () => false);
            return { played, ready: element.readyState, paused: element.paused, buffered: element.buffered.length, frames: element.getVideoPlaybackQuality().totalVideoFrames };
        });
        assert.deepEqual({ ...video, frames: Math.max(0, video.frames - before) }, { played: false, ready: 0, paused: true, buffered: 0, frames: 0 });
        // Once it is allowed again, one press goes on where it stopped.
        site.revoked = false;
        await page.click('[role=alert] .button');
        await page.waitForSelector('[data-phase=playing]');
        await playingFrom(page, 0);
    });

    test(`${protocol}: the token is renewed again and again without a glitch`, async () => {
        site.renew_after_ms = 400;
        const context = await open(browser);
        const page = await watch(context, `/watch/${title}?protocol=${protocol}`);
        // What a renewal that is not seamless would do to the element; that it waits may be the machine's doing.
        await page.evaluate(() => {
            globalThis.glitches = [];
            for (const name of ['emptied', 'abort', 'seeking', 'pause', 'error']) document.querySelector('video').addEventListener(name, () => globalThis.glitches.push(name));
        });
        await page.waitForFunction(() => Number(document.querySelector('.player').dataset.renewals) >= 4);
        await playingFrom(page, 1);
        assert.deepEqual(await page.evaluate(() => globalThis.glitches), []);
        assert.equal(site.refusals, 0);
    });
}

test('a renewal that is refused stops the picture', async () => {
    site.renew_after_ms = 800;
    const context = await open(browser);
    const page = await watch(context, `/watch/${title}`);
    site.renewsNothing = true;
    await page.waitForSelector('[data-phase=refused]');
    assert.equal(await page.evaluate(() => document.querySelector('video').readyState), 0);
});

test('pictures over the seek bar, statistics, shortcuts and their switch', async () => {
    const context = await open(browser);
    const page = await watch(context, `/watch/${title}`);
    await page.hover('media-time-range');
    await page.waitForFunction(() => [...document.querySelector('video').textTracks].some((track) => track.label === 'thumbnails' && track.cues?.length === 20));
    await page.hover('media-time-range', { position: { x: 300, y: 10 } });
    await page.waitForFunction(() => document.querySelector('media-preview-thumbnail').getAttribute('mediapreviewimage')?.startsWith('blob:'));
    await page.keyboard.press('i');
    await page.waitForSelector('[data-stat=protocol]');
    assert.match(await page.innerText('[data-stat=protocol] dd'), /hls\.js/);
    assert.match(await page.innerText('[data-stat=picture] dd'), /640 × 360|320 × 180/);
    await page.keyboard.press('Shift+?');
    await page.waitForSelector('dialog[open].keys');
    await page.uncheck('dialog input[type=checkbox]');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog.keys', { state: 'detached' });
    await page.keyboard.press('m');
    assert.equal(await page.evaluate(() => document.querySelector('video').muted), false);
    assert.deepEqual(await page.faults(), []);
});

test('the next episode follows', async () => {
    const context = await open(browser);
    const page = await watch(context, '/watch/episode0000000001');
    await page.waitForSelector('button[aria-label*=Snowfall]'); // the list of episodes may come after the picture
    await page.keyboard.press('n');
    await page.waitForURL('**/watch/episode0000000002');
    await page.waitForSelector('[data-phase=playing]');
    await playingFrom(page, 0);
    assert.match(await page.innerText('.heading h1'), /Snowfall/);
});

test('two tabs play at once', async () => {
    const context = await open(browser);
    const pages = [await watch(context, `/watch/${title}`), await watch(context, `/watch/film000000000002?protocol=dash`)];
    for (const page of pages) {
        await page.bringToFront();
        await playingFrom(page, 1);
    }
});
