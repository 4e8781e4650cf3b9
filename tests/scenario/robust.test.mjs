// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What goes wrong in a server's life: kills, full disks, locked databases, broken files, cut uploads, hostile text. Each gives a
// clear answer, nothing half-made is ever shown, and the server goes on.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { film, folder, program, run, start } from './lib/server.mjs';

/** The server's own clock, which tests turn by hand. */
const clockSeconds = async (server) => Date.parse((await server.get('/healthz')).headers.get('date')) / 1000;

const shownTitles = async (server) => (await server.get('/api/v1/titles?rows=1')).json.rows.flatMap((row) => row.items);

/** Every title that is shown plays to its last segment. */
async function assertShownIsWhole(server) {
    for (const title of await shownTitles(server)) {
        assert.equal(title.status, 'ready');
        const pass = await server.play(title.id);
        for (const view of ['master.m3u8', 'manifest.mpd', 'v0.m3u8', 'a0.m3u8']) assert.equal((await pass.media(view)).status, 200, view);
        const ranges = [...(await pass.media('v0.m3u8')).text.matchAll(/#EXT-X-BYTERANGE:(\d+)@(\d+)/g)];
        const [, length, from] = ranges.at(-1).map(Number);
        const last = await pass.media('v0.mp4', { range: `bytes=${from}-${from + length - 1}` });
        assert.equal(last.bytes.length, length);
    }
}

test('a server killed at any moment of an import goes on with it, and shows nothing half-made', async (t) => {
    const source = film(t, { seconds: 4 });
    const server = await start(t, { args: ['--no-ladder'] });
    let operator = await server.enter();
    const ids = [];
    for (let round = 0; round < 8; round++) {
        const upload = await operator.upload(readFileSync(source), 'film.mp4');
        const begun = await operator.call('POST', `/uploads/${upload}/import`, { names: { en: `Round ${round}` } });
        assert.equal(begun.status, 201, begun.text);
        ids.push(begun.json);
        // The moment of the kill moves from round to round: after so many events of this job, or at once.
        const events = await fetch(`${server.url}/api/v1/events`, { headers: { cookie: operator.cookie } });
        const reader = events.body.getReader();
        for (let i = 0; i < round; i++) {
            const { json } = await operator.get('/jobs');
            if (!['queued', 'running'].includes(json.items.find((one) => one.id === begun.json.job).state)) break;
            await reader.read();
        }
        await server.kill();
        await reader.cancel().catch(() => {});
        await server.start();
        await assertShownIsWhole(server);
    }
    for (const { job, title } of ids) {
        const ended = await operator.jobEnd(job);
        assert.equal(ended.state, 'done', JSON.stringify(ended));
        assert.equal((await server.get(`/api/v1/titles/${title}`)).json.status, 'ready');
    }
    await assertShownIsWhole(server);
    assert.equal((await shownTitles(server)).filter((one, i, all) => all.findIndex((x) => x.id === one.id) === i).length, ids.length);
    assert.deepEqual(readdirSync(join(server.data, 'uploads')), [], 'imported uploads are gone');
});

test('an upload goes on where it was, also after a kill, and refuses what does not fit', async (t) => {
    const server = await start(t, { args: ['--no-ladder'] });
    const operator = await server.enter();
    const bytes = readFileSync(film(t, { seconds: 3, size: '1280x720' }));
    assert.ok(bytes.length > 1_000_000, 'large enough to be cut');
    const { id } = (await operator.call('POST', '/uploads', { name: 'film.mp4', bytes: bytes.length })).json;
    const half = 500_000;
    assert.equal((await operator.piece(id, 0, bytes.subarray(0, half))).json.offset, half);
    await server.kill();
    await server.start();
    assert.equal((await operator.get(`/uploads/${id}`)).json.offset, half);
    assert.equal((await operator.piece(id, 0, bytes)).json.error.code, 'upload.offset');

    // A client that goes away in the middle of a piece leaves what arrived (but for the last of the 256 KB that are written at once).
    const socket = connect(server.port, '127.0.0.1');
    socket.write(`PATCH /api/v1/uploads/${id} HTTP/1.1\r\nHost: x\r\nCookie: ${operator.cookie}\r\nX-Grandstand: 1\r\nUpload-Offset: ${half}\r\nContent-Length: ${bytes.length - half}\r\n\r\n`);
    socket.write(bytes.subarray(half, half + 400_000));
    let offset = half;
    while (offset === half) offset = (await operator.get(`/uploads/${id}`)).json.offset;
    assert.ok(offset > half && offset <= half + 400_000);
    socket.destroy();
    let rest;
    do rest = await operator.piece(id, (offset = (await operator.get(`/uploads/${id}`)).json.offset), bytes.subarray(offset));
    while (rest.status === 409); // until the server has seen that the other is gone
    assert.equal(rest.json.offset, bytes.length, rest.text);
    const begun = await operator.call('POST', `/uploads/${id}/import`, {});
    assert.equal((await operator.jobEnd(begun.json.job)).state, 'done');
    assert.equal((await server.get(`/api/v1/titles/${begun.json.title}`)).json.name, 'film');
});

test('files that are no films are refused with a sentence, and the server goes on', async (t) => {
    const server = await start(t, { args: ['--no-ladder'] });
    const operator = await server.enter();
    const good = readFileSync(film(t, { seconds: 1 }));
    const files = {
        'noise.mp4': Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) & 255)),
        'text.mkv': Buffer.from('This is not a film.\n'.repeat(100)),
        'truncated.mp4': good.subarray(0, 300),
    };
    for (const [name, bytes] of Object.entries(files)) {
        const id = await operator.upload(bytes, name);
        const begun = await operator.call('POST', `/uploads/${id}/import`, {});
        const job = await operator.jobEnd(begun.json.job);
        assert.equal(job.state, 'failed', name);
        assert.match(job.error.code, /^media\./, name);
        assert.ok(job.error.message.length > 20, name);
        const titles = (await operator.get('/operator/titles')).json.items;
        let own = titles.find((one) => one.id === begun.json.title);
        while (own.status === 'importing') own = (await operator.get(`/operator/titles/${own.id}`)).json; // told by another thread
        assert.equal(own.status, 'failed');
    }
    assert.deepEqual(await shownTitles(server), []);
    assert.equal((await server.get('/healthz')).status, 200);
});

test('a locked database is said to be unavailable, media goes on, and all is well afterwards', async (t) => {
    const server = await start(t, { args: ['--no-ladder'] });
    const operator = await server.enter();
    const { title } = await operator.import(film(t, { seconds: 1 }));
    const pass = await server.play(title);
    assert.equal((await pass.media('v0.m3u8')).status, 200);
    const other = spawn('sqlite3', [join(server.data, 'grandstand.db')], { stdio: ['pipe', 'pipe', 'inherit'] });
    other.stdin.write('BEGIN IMMEDIATE; SELECT 1;\n');
    await once(other.stdout, 'data');
    const answer = await operator.call('POST', '/operator/titles', { names: { en: 'Locked out' } });
    assert.equal(answer.status, 503, answer.text);
    assert.equal((await pass.media('v0.m3u8')).status, 200);
    assert.equal((await pass.media('v0.mp4', { range: 'bytes=0-99' })).status, 206);
    other.stdin.end();
    await once(other, 'exit');
    assert.equal((await operator.call('POST', '/operator/titles', { names: { en: 'In again' } })).status, 201);
});

test('a full disk is said to be full, loses nothing, and is survived', async (t) => {
    const server = await start(t, { args: ['--no-ladder'] });
    const operator = await server.enter();
    const bytes = readFileSync(film(t, { seconds: 1 }));
    const { id } = (await operator.call('POST', '/uploads', { name: 'film.mp4', bytes: bytes.length })).json;
    const full = await server.call('POST', '/test/fault', { body: { arm: 'write:1+' } });
    assert.equal(full.status, 200, full.text);
    const refused = await operator.piece(id, 0, bytes);
    assert.equal(refused.status, 507, refused.text);
    assert.equal(refused.json.error.code, 'store.full');
    await server.call('POST', '/test/fault', { body: { arm: '' } });
    const { offset } = (await operator.get(`/uploads/${id}`)).json;
    assert.equal((await operator.piece(id, offset, bytes.subarray(offset))).json.offset, bytes.length);
    const begun = await operator.call('POST', `/uploads/${id}/import`, {});
    assert.equal((await operator.jobEnd(begun.json.job)).state, 'done');
    await assertShownIsWhole(server);
});

test('text that is not text is refused', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const bad = Buffer.concat([Buffer.from('{"names":{"en":"bad '), Buffer.from([0xff, 0xfe]), Buffer.from('"}}')]);
    const answer = await operator.call('POST', '/operator/titles', undefined, { raw: bad });
    assert.equal(answer.status, 400, answer.text);
    for (const name of ['nul \u0000', 'turned \u202e around', ' ', 'x'.repeat(201)])
        assert.equal((await operator.call('POST', '/operator/titles', { names: { en: name } })).status, 400, JSON.stringify(name));
    assert.equal((await operator.call('POST', '/uploads', { name: 'a\nb', bytes: 1 })).status, 400);
    assert.equal((await server.get('/title/%ff%fe')).status, 400);
    const name = '</script><script>alert(1)</script>"\'&';
    const { json } = await operator.call('POST', '/operator/titles', { names: { en: name } });
    const page = await server.get(`/title/${json.id}`);
    assert.equal(page.status, 200);
    assert.doesNotMatch(page.text, /<script>alert/);
    const island = JSON.parse(/id="gs-data">(.*?)<\/script>/s.exec(page.text)[1]);
    assert.equal(island.answers[`/titles/${json.id}`].name, name);
    const ld = JSON.parse(/application\/ld\+json">(.*?)<\/script>/s.exec(page.text)[1]);
    assert.equal(ld.name, name);
    assert.equal(ld['@type'], 'TVSeries');
});

test('one server on a data folder; a second is told so', async (t) => {
    const server = await start(t);
    const second = run(['serve', '--data', server.data, '--http', '127.0.0.1:0']);
    assert.equal(second.status, 1);
    assert.match(second.stderr, /already running/);
    const other = run(['serve', '--data', folder(t), '--http', `127.0.0.1:${server.port}`]);
    assert.equal(other.status, 1);
    assert.match(other.stderr, /http\.bind/);
    assert.equal((await server.get('/healthz')).status, 200);
});

test('import works beside a server and without one; doctor sees what is wrong', async (t) => {
    const source = film(t, { seconds: 1, name: 'beside_it.mp4' });
    const data = folder(t);
    const alone = run(['import', source, '--data', data, '--no-ladder', '--json']);
    assert.equal(alone.status, 0, alone.stderr);
    const server = await start(t, { data, args: ['--no-ladder'], clock: 'system' });
    assert.deepEqual((await shownTitles(server)).map((one) => one.name), ['beside it', 'beside it']); // in the rows "new" and "films"
    const child = spawn(program, ['import', source, '--data', data, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (chunk) => (said += chunk));
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
    const beside = JSON.parse(said).title;
    assert.equal((await server.get(`/api/v1/titles/${beside}`)).json.status, 'ready');

    const missing = run(['import', join(data, 'nothing.mp4'), '--data', data]);
    assert.equal(missing.status, 3);
    const operator = await server.enter();
    for (const kind of ['collection', 'series']) assert.equal((await operator.call('POST', '/operator/titles', { kind, names: { en: kind } })).status, 201); // these hold others, and no media
    await server.stop();
    const well = run(['doctor', '--data', data, '--json']);
    assert.equal(well.status, 0, well.stdout);
    const findings = (out) => Object.fromEntries(JSON.parse(out).findings.map((one) => [one.check, one]));
    assert.equal(findings(well.stdout).titles.state, 'good');
    assert.equal(findings(well.stdout).database.state, 'good');
    const damaged = readFileSync(join(data, 'grandstand.db'));
    damaged.fill(0x55, 4096, Math.min(damaged.length, 40960));
    writeFileSync(join(data, 'grandstand.db'), damaged);
    const ill = run(['doctor', '--data', data, '--json']);
    assert.equal(ill.status, 1);
    assert.equal(findings(ill.stdout).database.state, 'bad');
    assert.ok(findings(ill.stdout).database.mend.length > 10);
});

test('files that nobody knows any more are swept out of the uploads, everything else stays', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const begun = await operator.upload(Buffer.alloc(100, 7), 'begun.mp4');
    const folderPath = join(server.data, 'uploads');
    const old = new Date((await clockSeconds(server)) * 1000 - 25 * 3600 * 1000);
    const left = ['7zr3v9k2m8qd41xh', 'not-an-upload'];
    for (const name of left) writeFileSync(join(folderPath, name), 'x');
    for (const name of [...left, begun]) utimesSync(join(folderPath, name), old, old);
    assert.equal((await server.call('POST', '/test/tick')).text, 'done');
    assert.deepEqual(readdirSync(folderPath).sort(), [begun, 'not-an-upload'].sort());
    await server.advance(25 * 3600 * 1000); // nobody went on with it for a day
    assert.equal((await server.call('POST', '/test/tick')).text, 'done');
    assert.deepEqual(readdirSync(folderPath), ['not-an-upload']);
});
