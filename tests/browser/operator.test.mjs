// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The operator's pages in a browser.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { closeAll, launch, open, until, visit } from './lib/browser.mjs';
import { goodHealth, StandIn } from './lib/stand_in.mjs';

let browser;
let site;
before(async () => {
    site = await new StandIn().start();
    browser = await launch();
});
afterEach(async () => {
    await closeAll(browser);
    await until(() => site.held.size === 0, 'the end of each stream');
});
after(async () => {
    await browser?.close();
    await site?.stop();
});

/** Drops a file of that many bytes onto the import field, as a person would from a folder. */
async function drop(page, name, bytes) {
    const data = await page.evaluateHandle(([called, size]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(size)], called, { lastModified: 1 }));
        return transfer;
    }, [name, bytes]);
    await page.dispatchEvent('.drop', 'dragenter', { dataTransfer: data });
    await page.waitForSelector('.drop.is-over');
    await page.dispatchEvent('.drop', 'drop', { dataTransfer: data });
}

test('visitors stay outside; the one-time link opens the door once its code is right, and leaves no trace', async () => {
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator`);
    await page.waitForSelector('.notice a[href="/operator/enter"]');
    await page.goto(`${site.url}/operator/enter#code=wrong`);
    await page.reload();
    await page.waitForSelector('form.enter');
    await page.fill('input[name=code]', 'wrong');
    await page.click('button[type=submit]');
    await page.waitForFunction(() => /session\.code/.test(document.querySelector('[role=status]').textContent));
    const entered = await visit(context, `${site.url}/operator/enter#code=open`);
    await entered.waitForURL('**/operator');
    await entered.waitForSelector('.drop');
    assert.equal(await entered.evaluate(() => location.hash), '');
});

test('a film is dropped, paused by a reload, carried on with the same file, and its import is seen', async () => {
    site.isOperator = true;
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator`);
    await page.waitForSelector('.drop');
    let release;
    site.holdPiece = new Promise((resolve) => (release = resolve));
    const bytes = 10 * 1024 * 1024;
    await drop(page, 'film.mkv', bytes);
    await page.waitForFunction(() => document.querySelector('[data-upload=uploading] progress')?.value > 4 * 1024 * 1024);
    await page.reload();
    release();
    site.holdPiece = null;
    await page.waitForSelector('[data-upload=needs-file]');
    await drop(page, 'film.mkv', bytes);
    await page.waitForSelector('[data-job=running]');
    const [upload] = [...site.uploads.values()];
    assert.equal(site.uploads.size, 1);
    assert.equal(upload.offset, bytes);
    assert.equal(site.pieces[0], 0);
    assert.equal(new Set(site.pieces).size, site.pieces.length, 'no piece was taken twice');

    site.tell({ ...site.jobs[0], progress: 0.5, step: 'ladder' });
    await page.waitForFunction(() => document.querySelector('[data-job=running] progress').value === 0.5);
    site.titles.find((title) => title.id === 'imported00000000').status = 'ready';
    site.tell({ ...site.jobs[0], progress: 1, state: 'done' });
    await page.waitForSelector('[data-job=running]', { state: 'detached' });
    await page.waitForFunction(() => document.querySelector('a[href="/operator/titles/imported00000000"] .is-ready'));
    assert.deepEqual(await page.faults(), []);
});

test('a film whose end was missed is ready all the same, and a list that comes late brings nothing back', async () => {
    site.isOperator = true;
    const film = site.titles.find((title) => title.id === 'film000000000002');
    film.status = 'importing';
    const job = { id: 'missed', kind: 'import', title: film.id, state: 'running', step: 'ladder', progress: 0.25, error: null, created_at: '2026-01-01T00:00:00Z' };
    site.jobs = [job];
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator`);
    await page.waitForSelector('[data-job=running]');
    let release;
    site.holdJobs = new Promise((resolve) => (release = resolve));
    const asked = page.waitForRequest(/\/api\/v1\/jobs/);
    site.hangUp();
    const late = (await asked).response();
    film.status = 'ready';
    site.jobs = [{ ...job, state: 'done', progress: 1 }];
    site.hangUp();
    await page.waitForSelector('a[href="/operator/titles/film000000000002"] .is-ready');
    assert.equal(await page.$('[data-job=running]'), null);
    release();
    await (await late).finished();
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    assert.equal(await page.$('[data-job=running]'), null);
});

test('a list that is given up half-way is no fault: the page listens on', async () => {
    site.isOperator = true;
    site.jobs = [];
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator`);
    await page.waitForSelector('.titles li');
    await page.waitForFunction(async () => (await navigator.locks.query()).held.length === 1);
    let release;
    site.holdTitles = new Promise((resolve) => (release = resolve));
    const job = { id: 'halves', kind: 'import', title: 'film000000000001', state: 'running', step: 'ladder', progress: 0.25, error: null, created_at: '2026-01-01T00:00:00Z' };
    const half = page.waitForResponse(/operator\/titles/);
    await site.listened();
    site.tell(job);
    await half;
    const given_up = page.waitForEvent('requestfailed', (request) => request.url().includes('operator/titles'));
    site.tell({ ...job, state: 'queued' });
    await given_up;
    release();
    site.tell({ ...job, progress: 0.75 });
    await page.waitForFunction(() => document.querySelector('[data-job=running] progress')?.value === 0.75);
    assert.equal((await page.evaluate(() => navigator.locks.query())).held.length, 1);
    assert.deepEqual(await page.faults(), []);
});

test('tabs share one held request, and another listens on when the first closes', async () => {
    site.isOperator = true;
    const context = await open(browser);
    const first = await visit(context, `${site.url}/operator`);
    await first.waitForSelector('.drop');
    const second = await visit(context, `${site.url}/operator`);
    await second.waitForSelector('.drop');
    await site.listened();
    site.tell({ id: 'shared', kind: 'import', title: 'film000000000001', state: 'running', step: 'ladder', progress: 0.25, error: null, created_at: '2026-01-01T00:00:00Z' });
    for (const page of [first, second]) await page.waitForFunction(() => document.querySelector('[data-job=running] progress')?.value === 0.25);
    assert.equal(site.held.size, 1);
    // The other tab asks for all jobs when it begins to listen: what changed in between is not lost.
    const listens = second.waitForResponse(/\/api\/v1\/events/);
    await first.close();
    await listens;
    await second.waitForFunction(() => document.querySelector('[data-job=running]'));
    site.tell({ ...site.jobs.find((job) => job.id === 'shared'), progress: 0.75 });
    await second.waitForFunction(() => document.querySelector('[data-job=running] progress')?.value === 0.75);
});

test('names in four languages, genres and the year are saved; a title is deleted after one is asked', async () => {
    site.isOperator = true;
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator/titles/film000000000004`);
    await page.fill('input[name=name-th]', 'รถไฟเที่ยวสุดท้าย');
    await page.fill('textarea[name=synopsis-zh]', '末班车。');
    await page.fill('input[name=year]', '1999');
    await page.check('input[value=thriller]', { force: true });
    await page.click('button[type=submit]');
    await page.waitForFunction(() => document.querySelector('.save [role=status]').textContent === 'Saved.');
    const saved = site.titles.find((title) => title.id === 'film000000000004');
    assert.equal(saved.names.th, 'รถไฟเที่ยวสุดท้าย');
    assert.equal(saved.names.en, 'Night Train');
    assert.equal(saved.synopses.zh, '末班车。');
    assert.equal(saved.year, 1999);
    assert.ok(saved.genres.includes('thriller'));
    await page.click('.button.is-danger');
    await page.click('dialog[open] .button:not(.is-danger-full)');
    assert.ok(site.titles.some((title) => title.id === 'film000000000004'));
    await page.click('.button.is-danger');
    await page.click('dialog[open] .is-danger-full');
    await page.waitForURL('**/operator');
    assert.ok(!site.titles.some((title) => title.id === 'film000000000004'));
});

test('the live desk: a channel is made, its key is hidden and changed, its signal is seen, it ends after one is asked', async () => {
    site.isOperator = true;
    const context = await open(browser, { permissions: ['clipboard-read', 'clipboard-write'] });
    const page = await visit(context, `${site.url}/operator/live`);
    await page.click('.notice .button.is-primary');
    await page.fill('dialog input[name=name-en]', 'Harbour Criterium');
    await page.click('dialog summary');
    await page.fill('dialog input[name=name-th]', 'ไครทีเรียมท่าเรือ');
    await page.selectOption('dialog select[name=dvr]', { label: '4 hours' });
    await page.check('dialog input[name=ladder][value="480"]');
    await page.click('dialog button[type=submit]');
    await page.waitForURL('**/operator/live/made*');
    const channel = site.channels.find((one) => one.id.startsWith('made'));
    assert.deepEqual([channel.names, channel.dvr_ms, channel.ladder, channel.is_recorded, channel.starts_at],
        [{ en: 'Harbour Criterium', th: 'ไครทีเรียมท่าเรือ' }, 14_400_000, [480], true, null]);

    // The key is not on the screen until it is asked for; copying needs no showing.
    await page.waitForSelector('[data-secret="Stream key"]');
    assert.ok(!(await page.innerText('.room')).includes(channel.key));
    const copied = (text) => page.waitForFunction(async (wanted) => (await navigator.clipboard.readText()) === wanted, text);
    await page.click('button[aria-label="Copy Stream key"]');
    await copied(channel.key);
    await page.click('button[aria-label="Copy Server"]');
    await copied('rtmp://127.0.0.1:1935/live');
    await page.click('button[aria-label="Show Stream key"]');
    assert.equal(await page.innerText('[data-secret="Stream key"]'), channel.key);
    await page.click('button:has-text("New key")');
    await page.click('dialog[open] .is-danger-full');
    await page.waitForFunction(() => document.querySelector('[data-secret="Stream key"]').innerText === 'NEWKEY123456');

    // The signal as it is told once a second; what goes wrong is seen and spoken.
    const good = goodHealth();
    await site.listened();
    for (let i = 0; i < 3; i++) site.tellChannel(channel.id, { status: 'live', started_at: '2026-11-21T19:30:00Z', viewers: 7 + i, health: goodHealth(i) });
    await page.waitForSelector('[data-status=live]');
    assert.match(await page.innerText('[data-health=bitrate] dd'), /4\.\d Mbit\/s/);
    await page.waitForFunction(() => document.querySelector('[data-health=bitrate] polyline')?.getAttribute('points').split(' ').length === 3);
    assert.match(await page.innerText('[data-health=keyframes] dd'), /every 2\.0 s/);
    await page.waitForSelector('[data-quality=latency]');
    site.tellChannel(channel.id, { health: { ...good, video: { ...good.video, keyframe_interval_ms: 9600 } }, alarms: [{ code: 'silence', since: '2026-11-21T19:40:00Z' }] });
    await page.waitForSelector('[data-health=keyframes].is-bad');
    await page.waitForSelector('[data-alarm=silence]');
    assert.match(await page.innerText('.visually-hidden[role=alert]'), /Harbour Criterium: No sound/);
    site.tellChannel(channel.id, { alarms: [] });
    await page.waitForFunction(() => /Over: No sound/.test(document.querySelector('.visually-hidden[role=status]').textContent));

    await page.click('button:has-text("End the event")');
    await page.click('dialog[open] .button:not(.is-danger-full)');
    assert.equal(channel.status, 'live');
    await page.click('button:has-text("End the event")');
    await page.click('dialog[open] .is-danger-full');
    await page.waitForSelector('[data-status=ended]');
    assert.deepEqual(await page.faults(), []);
});

test('what is told of a channel stands, although a list from before it comes late', async () => {
    site.isOperator = true;
    site.addChannel('chanlate00000001');
    const context = await open(browser);
    const page = await visit(context, `${site.url}/operator/live/chanlate00000001`);
    await page.waitForSelector('[data-status=waiting]');
    await site.listened();
    let release;
    site.holdChannels = new Promise((resolve) => (release = resolve));
    const asked = page.waitForRequest(/operator\/channels(\?|$)/);
    site.hangUp(); // it listens anew, and asks for what it may have missed
    const late = (await asked).response();
    await until(() => site.held.size === 1 && site.holdChannels === null, 'the list that is held');
    site.tellChannel('chanlate00000001', { status: 'live', started_at: '2026-11-21T19:30:00Z', health: goodHealth() });
    await page.waitForSelector('[data-status=live]');
    release();
    await (await late).finished();
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    assert.equal(await page.locator('[data-status=live]').count(), 1);
    assert.deepEqual(await page.faults(), []);
});
