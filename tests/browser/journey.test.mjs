// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The whole way, in a browser and on the real server: the operator enters by the one-time link, drops a film with two audio
// tracks, captions and a ladder, and it is watched by HLS and by DASH, until the clock or the operator ends it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { folder, root, start } from '../scenario/lib/server.mjs';
import { audit, launch, moving, open, visit } from './lib/browser.mjs';

/** Twenty seconds of picture, sound in two languages, captions in two. */
function source(t) {
    const out = folder(t);
    const captions = { eng: 'A line of captions', deu: 'Eine Zeile Untertitel' };
    for (const [language, text] of Object.entries(captions)) {
        const cues = Array.from({ length: 10 }, (_, i) => `${i + 1}\n00:00:${String(i * 2).padStart(2, '0')},000 --> 00:00:${String(i * 2 + 1).padStart(2, '0')},900\n${text} ${i}\n`);
        fs.writeFileSync(path.join(out, `${language}.srt`), cues.join('\n'));
    }
    const file = path.join(out, 'film.mkv');
    const made = spawnSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=s=640x360:r=25:d=20', '-f', 'lavfi', '-i', 'sine=f=330:d=20',
        '-f', 'lavfi', '-i', 'sine=f=550:d=20', '-i', path.join(out, 'eng.srt'), '-i', path.join(out, 'deu.srt'),
        '-map', '0:v', '-map', '1:a', '-map', '2:a', '-map', '3:s', '-map', '4:s', '-c:v', 'libx264', '-preset', 'ultrafast', '-b:v', '500k',
        '-g', '50', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-b:a', '64k', '-c:s', 'srt', '-metadata:s:a:0', 'language=eng', '-metadata:s:a:1', 'language=deu',
        '-metadata:s:s:0', 'language=eng', '-metadata:s:s:1', 'language=deu', file], { encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    return fs.readFileSync(file);
}

async function drop(page, name, bytes) {
    const data = await page.evaluateHandle(([called, text]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], called));
        return transfer;
    }, [name, bytes.toString('base64')]);
    await page.dispatchEvent('.drop', 'dragenter', { dataTransfer: data });
    await page.dispatchEvent('.drop', 'drop', { dataTransfer: data });
}

const playingFrom = (page, seconds) => page.waitForFunction((at) => {
    const video = document.querySelector('video');
    return video && !video.paused && video.currentTime > at && video.readyState >= 3;
}, seconds);
/** A viewer is somebody else than the operator: each has a fresh browser profile. */
async function viewer(t, browser) {
    const context = await open(browser, moving);
    t.after(() => context.close());
    return context;
}
async function watch(context, server, title, protocol) {
    const page = await visit(context, `${server.url}/watch/${title}?protocol=${protocol}&from=0`);
    await page.waitForSelector('[data-phase=playing]');
    await playingFrom(page, 0);
    return page;
}

test('a film is dropped on the page and watched', async (t) => {
    const server = await start(t, { args: ['--pages', path.join(root, 'build/pages')] });
    const browser = await launch();
    t.after(() => browser.close());
    const context = await open(browser, moving);
    let title;

    await t.test('the operator enters by the one-time link and drops it', async () => {
        const page = await visit(context, `${server.url}/operator/enter#code=${server.code}`);
        await page.waitForSelector('.drop');
        await drop(page, 'film.mkv', source(t));
        await page.waitForSelector('.titles .is-ready', { timeout: 90_000 });
        await page.waitForFunction(() => !document.querySelector('[data-job=queued], [data-job=running], [data-upload]'), null, { timeout: 90_000 });
        assert.equal(await page.locator('[data-job=failed]').count(), 0);
        title = (await page.getAttribute('.titles a', 'href')).split('/').pop();
        assert.deepEqual([...(await audit(page)), ...(await page.faults())], []);

        await page.click('.titles a');
        await page.fill('input[name=name-en]', 'The Test Card');
        await page.fill('input[name=name-th]', 'แผ่นทดสอบ');
        await page.check('input[value=short]', { force: true });
        await page.click('button[type=submit]');
        await page.waitForFunction(() => document.querySelector('.save [role=status]').textContent === 'Saved.');
        assert.deepEqual(await page.faults(), []);
        await page.close();
    });

    await t.test('the first HTML shows it, and taking over moves nothing', async () => {
        const { text, headers } = await server.get(`/?lang=th`);
        assert.match(text, /<html lang="th"/);
        assert.match(text, /<h1[^>]*>แผ่นทดสอบ</);
        assert.match(headers.get('content-security-policy'), /script-src 'self'/);
        for (const address of ['/', `/title/${title}`]) {
            const page = await visit(context, `${server.url}${address}?lang=en`);
            assert.equal(await page.innerText('.hero h1'), 'The Test Card');
            const shift = await page.shift();
            assert.ok(shift < 0.02, `${address}: layout shift ${shift}: ${await page.evaluate(() => globalThis.shifted)}`);
            assert.deepEqual([...(await audit(page)), ...(await page.faults())], [], address);
            await page.close();
        }
    });

    for (const protocol of ['hls', 'dash']) {
        await t.test(`${protocol}: captions, second audio, quality, seek, preview pictures, resume`, async (t) => {
            const page = await watch(await viewer(t, browser), server, title, protocol);
            await page.click('[aria-controls=player-settings]');
            await page.selectOption('#set-captions', { label: 'German' });
            await page.waitForFunction(() => [...document.querySelector('video').textTracks].some((track) =>
                track.mode === 'showing' && track.activeCues?.length && /Eine Zeile Untertitel/.test(track.activeCues[0].text)));
            // Shaka takes a size off the list for half a minute when a request for it came too late, as on a machine that is busy.
            await page.waitForFunction(() => ['360p', '240p'].every((wanted) => [...document.querySelectorAll('#set-quality option')].some((option) => option.textContent.trim() === wanted)));
            for (const height of [240, 360]) {
                await page.selectOption('#set-quality', { label: `${height}p` });
                await page.waitForFunction((wanted) => {
                    const video = document.querySelector('video');
                    if (video.currentTime > 12) video.currentTime = 0; // twenty seconds may be over before a busy machine has changed the size
                    return video.videoHeight === wanted;
                }, height);
            }
            const audio = page.waitForRequest(/\/a1\.mp4/);
            await page.selectOption('#set-audio', { label: 'German' });
            await audio;
            await page.keyboard.press('Escape');
            await page.hover('media-time-range');
            await page.waitForFunction(() => [...document.querySelector('video').textTracks].some((track) => track.label === 'thumbnails' && track.cues?.length > 1));
            await page.keyboard.press('6');
            await playingFrom(page, 12.1);
            await page.keyboard.press('k');
            await page.waitForFunction(() => document.querySelector('video').paused);
            const stopped = await page.evaluate(() => document.querySelector('video').currentTime);
            assert.deepEqual(await page.faults(), []);
            await page.goto(`${server.url}/`);
            await page.click(`.card[href="/watch/${title}"]`);
            await page.waitForSelector('[data-phase=playing]');
            await playingFrom(page, stopped - 1);
            await page.close();
        });

        await t.test(`${protocol}: with a token that ran out and cannot be renewed no new frame shows`, async (t) => {
            const page = await watch(await viewer(t, browser), server, title, protocol);
            await page.route('**/renew*', (route) => route.fulfill({ status: 403, contentType: 'application/json',
                body: JSON.stringify({ error: { code: 'token.expired', message: 'It ran out.' } }) }));
            await server.advance(301_000);
            await page.waitForSelector('[data-phase=refused] [role=alert]');
            const video = await page.evaluate(async () => {
                const element = document.querySelector('video');
                const played = await element.play().then(() => true, () => false);
                return { played, ready: element.readyState, paused: element.paused, buffered: element.buffered.length };
            });
            assert.deepEqual(video, { played: false, ready: 0, paused: true, buffered: 0 });
            await page.close();
        });

        await t.test(`${protocol}: a session that is ended elsewhere stops within seconds`, async (t) => {
            const [page, begun] = [await (await viewer(t, browser)).newPage(), []];
            page.on('response', async (response) => {
                if (/\/playback\?/.test(response.url())) begun.push((await response.json()).session);
            });
            await page.goto(`${server.url}/watch/${title}?protocol=${protocol}&from=0`);
            await page.waitForSelector('[data-phase=playing]');
            await playingFrom(page, 0);
            assert.equal((await server.call('DELETE', `/api/v1/playback/${begun[0]}`)).status, 204);
            await page.waitForSelector('[data-phase=refused] [role=alert]');
            assert.equal(await page.evaluate(() => document.querySelector('video').readyState), 0);
            await page.close();
        });
    }

    await t.test('two tabs play and the control room listens, over HTTP/1.1', async () => {
        const pages = [await watch(context, server, title, 'hls'), await visit(context, `${server.url}/operator`), await watch(context, server, title, 'dash')];
        await pages[1].waitForSelector('.titles a');
        for (const page of [pages[0], pages[2]]) {
            await page.bringToFront();
            await playingFrom(page, 1);
        }
        for (const page of pages) await page.close();
    });
});
