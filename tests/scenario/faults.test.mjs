// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What goes wrong around a server: it is killed in the middle of an import, its disk fills up, another program holds its database,
// files are not what they seem. Each time the answer says what happened, nothing half-made is shown, and the server goes on.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { film, folder, root, start } from './lib/server.mjs';

/** A film that must be encoded anew, so that its import takes a while: picture and sound that no browser plays. */
const slowFilm = (t, seconds = 4) =>
    film(t, { seconds, size: '640x360', name: 'old.mkv', extra: ['-c:v', 'mpeg4', '-q:v', '6', '-c:a', 'pcm_s16le'] });

const refused = (answer, status, code) => {
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.json.error.code, code);
    assert.match(answer.json.error.message, /^\p{Lu}.{15,}\.$/u, 'a sentence');
};

const failed = (job, code) => {
    assert.equal(job.state, 'failed', JSON.stringify(job));
    assert.equal(job.error.code, code);
    assert.match(job.error.message, /^\p{Lu}.{15,}\.$/u, 'a sentence');
};

/** All that the playlists of a title name can be had, and what they call a segment is one. Resolves to the files of media. */
async function playWhole(server, title) {
    const pass = await server.play(title);
    const good = async (file, headers) => {
        const answer = await pass.media(file, headers);
        assert.equal(answer.status, headers?.range ? 206 : 200, `${file}: ${answer.text.slice(0, 300)}`);
        return answer;
    };
    await good('manifest.mpd');
    const master = (await good('master.m3u8')).text;
    const playlists = [...master.matchAll(/URI="([^"]+)"|^([^#\n]\S*)$/gm)].map((m) => m[1] ?? m[2]);
    assert.ok(playlists.length >= 1, master);
    const files = new Map();
    for (const playlist of new Set(playlists)) {
        const { text } = await good(playlist);
        assert.match(text, /#EXT-X-ENDLIST/, playlist);
        const media = /#EXT-X-MAP:URI="([^"]+)"/.exec(text)?.[1];
        if (!media) continue;
        for (const [, length, at] of text.matchAll(/#EXT-X-BYTERANGE:(\d+)@(\d+)/g)) {
            const { bytes } = await good(media, { range: `bytes=${at}-${Number(at) + Number(length) - 1}` });
            assert.equal(bytes.length, Number(length));
            assert.match(bytes.toString('latin1', 4, 8), /^(styp|moof)$/, `${playlist} ${at}`);
        }
        if (!files.has(media)) files.set(media, (await good(media)).bytes);
    }
    return files;
}

/** How many pictures a decoder finds in a file, with not one complaint. */
function picturesIn(t, bytes) {
    const path = join(folder(t), 'fetched.mp4');
    writeFileSync(path, bytes);
    const seen = spawnSync('ffprobe', ['-v', 'error', '-count_frames', '-select_streams', 'v', '-show_entries', 'stream=nb_read_frames', '-of', 'csv=p=0', path], { encoding: 'utf8' });
    assert.equal(seen.stderr, '');
    return Number.parseInt(seen.stdout, 10);
}

/** Dead at once, and up again a second later by the test's clock. */
async function killAndStart(server) {
    await server.kill();
    server.advancedMs = (server.advancedMs ?? 0) + 1000;
    await server.start();
}

/** Whatever the title's state, it is told truly: what is not ready is neither listed nor played, what is ready plays. */
async function isToldTruly(server, title) {
    const listed = (await server.get('/api/v1/titles')).json.rows.flatMap((row) => row.items).some((item) => item.id === title);
    const begun = await server.call('POST', `/api/v1/titles/${title}/playback`);
    if (begun.status !== 201) {
        refused(begun, 409, 'title.not_ready');
        assert.ok(!listed, 'listed before it could be played');
    } else {
        await playWhole(server, title);
    }
    return begun.status === 201;
}

test('a kill in the middle of an import costs nothing but time', async (t) => {
    const options = { data: folder(t), args: ['--no-ladder'] };
    const server = await start(t, options);
    const operator = await server.enter();
    const path = slowFilm(t);
    let interrupted = 0;
    for (const kills of [['probe'], ['import'], ['thumbnails'], ['publish'], ['probe', 'import', 'import', 'thumbnails']]) {
        await t.test(`at ${kills.join(', then at ')}`, async () => {
            const upload = await operator.upload(readFileSync(path), 'old.mkv');
            const begun = await operator.call('POST', `/uploads/${upload}/import`, { names: { en: kills.join(' ') } });
            assert.equal(begun.status, 201, begun.text);
            const { job, title } = begun.json;
            for (const step of kills) {
                const at = await operator.jobUntil(job, (one) => one.step === step);
                assert.ok(['running', 'done'].includes(at.state), JSON.stringify(at));
                await killAndStart(server);
                interrupted += !(await isToldTruly(server, title));
            }
            const end = await operator.jobUntil(job, async () => (await isToldTruly(server, title), false));
            assert.equal(end.state, 'done', JSON.stringify(end));
            assert.equal((await operator.get('/jobs')).json.items.filter((one) => one.title === title).length, 1);
            const files = await playWhole(server, title);
            assert.equal(picturesIn(t, files.get('v0.mp4')), 100, 'each picture once');
        });
    }
    assert.ok(interrupted > 0, 'no kill met an unfinished import');
    assert.deepEqual(readdirSync(join(server.data, 'uploads')), [], 'no upload is left behind');
});

test('a kill while smaller renditions are made leaves the title ready', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const { title, job } = await operator.import(film(t, { seconds: 4, size: '1280x720' }));
    assert.equal(job.state, 'done', JSON.stringify(job));
    const ladder = (await operator.get('/jobs')).json.items.find((one) => one.kind === 'ladder').id;
    for (const fraction of [0, 0.3]) {
        await operator.jobUntil(ladder, (one) => one.state === 'running' && one.progress >= fraction);
        await killAndStart(server);
        assert.ok(await isToldTruly(server, title));
    }
    const end = await operator.jobUntil(ladder, async () => assert.ok(await isToldTruly(server, title)));
    assert.equal(end.state, 'done', JSON.stringify(end));
    const { heights } = (await server.get(`/api/v1/titles/${title}`)).json;
    assert.ok(heights.length >= 2 && heights.includes(720), String(heights));
    const files = await playWhole(server, title);
    const pictures = [...files].filter(([name]) => name.startsWith('v'));
    assert.equal(pictures.length, heights.length);
    for (const [name, bytes] of pictures) assert.equal(picturesIn(t, bytes), 100, name);
});

test('files that cannot be watched fail with a reason', async (t) => {
    const server = await start(t, { args: ['--no-ladder'] });
    const operator = await server.enter();
    const path = film(t), good = readFileSync(path);
    const mdat = good.indexOf('mdat');
    const files = {
        'one byte.mp4': [Buffer.from('x'), 'media.unknown'],
        'zeroes.mp4': [Buffer.alloc(100_000), 'media.unknown'],
        'text, mislabelled.mp4': [Buffer.from('This is not a film. '.repeat(1000)), 'media.unknown'],
        'page.html': [Buffer.from('<!doctype html><title>No film</title>'), 'media.unknown'],
        'program.mp4': [readFileSync(process.execPath).subarray(0, 300_000), 'media.unknown'],
        'subtitles.mp4': [Buffer.from('1\n00:00:00,000 --> 00:00:01,000\nHello\n'), 'media.no_tracks'],
        'playlist of a file of the server.mp4': [Buffer.from('#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n'), 'media.unknown'],
        'list of a file of the server.mp4': [Buffer.from(`ffconcat version 1.0\nfile '${path}'\n`), 'media.unknown'],
        'first box only.mp4': [good.subarray(0, good.readUInt32BE(0)), 'media.truncated'],
        'head only.mp4': [good.subarray(0, mdat + 1000), /^media\.(truncated|damaged)$/],
        'cut short.mp4': [good.subarray(0, good.length - 100), /^media\.(truncated|damaged)$/],
    };
    refused(await operator.call('POST', '/uploads', { name: 'empty.mp4', bytes: 0 }), 400, 'request.malformed');
    for (const [name, [bytes, code]] of Object.entries(files)) {
        await t.test(name, async () => {
            const upload = await operator.upload(bytes, name);
            const begun = await operator.call('POST', `/uploads/${upload}/import`, {});
            assert.equal(begun.status, 201, begun.text);
            const job = await operator.jobEnd(begun.json.job);
            if (code instanceof RegExp) {
                assert.match(job.error?.code ?? job.state, code);
                failed(job, job.error.code);
            } else {
                failed(job, code);
            }
            assert.equal(await isToldTruly(server, begun.json.title), false);
        });
    }
    await t.test('a film by another name is a film', async () => {
        const upload = await operator.upload(good, 'notes.txt');
        const begun = await operator.call('POST', `/uploads/${upload}/import`, {});
        assert.equal((await operator.jobEnd(begun.json.job)).state, 'done');
        await playWhole(server, begun.json.title);
    });
    await t.test('sound without a picture is played', async () => {
        const sound = join(folder(t), 'sound.wav');
        assert.equal(spawnSync('ffmpeg', ['-v', 'error', '-i', path, '-vn', sound]).status, 0);
        const { job, title } = await operator.import(sound);
        assert.equal(job.state, 'done', JSON.stringify(job));
        assert.deepEqual([...(await playWhole(server, title)).keys()], ['a0.mp4']);
    });
    await t.test('imports that are cancelled, one at work and one waiting', async () => {
        const slow = readFileSync(slowFilm(t, 20)), begun = [];
        for (const name of ['working.mkv', 'waiting.mkv']) {
            const upload = await operator.upload(slow, name);
            begun.push((await operator.call('POST', `/uploads/${upload}/import`, {})).json);
        }
        for (const { job } of begun.reverse()) assert.equal((await operator.call('DELETE', `/jobs/${job}`)).status, 204);
        for (const { job, title } of begun) {
            assert.equal((await operator.jobEnd(job)).state, 'cancelled');
            assert.equal(await isToldTruly(server, title), false);
        }
    });
    await server.stop(); // all news has been followed then
    assert.deepEqual(readdirSync(join(server.data, 'uploads')), [], 'what can never be imported is not kept');
});

test('a full disk is told, and room made later is enough', async (t) => {
    await t.test('while a file is uploaded', async () => {
        const server = await start(t, { args: ['--no-ladder'] });
        const operator = await server.enter();
        const bytes = readFileSync(film(t, { extra: ['-crf', '1'] }));
        assert.ok(bytes.length > 600_000, String(bytes.length));
        const { id } = (await operator.call('POST', '/uploads', { name: 'large.mp4', bytes: bytes.length })).json;
        const limit = (most) => {
            const set = spawnSync('prlimit', ['--pid', String(server.child.pid), `--fsize=${most}:unlimited`], { encoding: 'utf8' });
            assert.equal(set.status, 0, set.stderr);
        };
        assert.equal((await operator.piece(id, 0, bytes.subarray(0, 400_000))).status, 200);
        limit(400_000);
        refused(await operator.piece(id, 400_000, bytes.subarray(400_000)), 507, 'store.full');
        assert.equal((await server.get('/healthz')).status, 200);
        limit('unlimited');
        const { offset } = (await operator.get(`/uploads/${id}`)).json;
        assert.equal(offset, 400_000, 'what had arrived is kept');
        assert.equal((await operator.piece(id, offset, bytes.subarray(offset))).status, 200);
        const begun = await operator.call('POST', `/uploads/${id}/import`, {});
        assert.equal((await operator.jobEnd(begun.json.job)).state, 'done');
        await playWhole(server, begun.json.title);
    });

    await t.test('while a file is imported', async () => {
        const server = await start(t, { args: ['--no-ladder'], env: { GRANDSTAND_TEST_FAULT: 'write:3+' } });
        const operator = await server.enter();
        const path = film(t);
        const { title, job } = await operator.import(path);
        failed(job, 'media.disk_full');
        assert.equal(await isToldTruly(server, title), false);
        server.options.env = {};
        await server.stop();
        await server.start();
        assert.equal((await operator.get(`/operator/titles/${title}`)).json.status, 'failed');
        assert.equal(await isToldTruly(server, title), false);
        const again = await operator.import(path);
        assert.equal(again.job.state, 'done', JSON.stringify(again.job));
        await playWhole(server, again.title);
    });
});

test('who writes while another program holds the database waits, who reads does not', async (t) => {
    const server = await start(t, { args: ['--no-ladder'] });
    const operator = await server.enter();
    const { title } = await operator.import(film(t, { seconds: 1 }), { names: { en: 'Held' } });
    const other = spawn('sqlite3', [join(server.data, 'grandstand.db')], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = new Promise((done) => other.once('exit', done));
    const held = new Promise((done) => other.stdout.once('data', done));
    other.stdin.write("BEGIN EXCLUSIVE;\nSELECT 'held';\n");
    assert.equal(String(await held), 'held\n');
    const waiting = operator.call('PATCH', `/operator/titles/${title}`, { names: { en: 'Waited' } });
    for (const path of ['/api/v1/titles', '/', '/healthz', `/title/${title}`]) assert.equal((await server.get(path)).status, 200, path);
    assert.equal((await server.get(`/api/v1/titles/${title}`)).json.name, 'Held');
    other.stdin.end('ROLLBACK;\n');
    await ended;
    assert.equal((await waiting).status, 200);
    assert.equal((await server.get(`/api/v1/titles/${title}`)).json.name, 'Waited');
});

const hostileNames = {
    'control characters': 'Film\u0007.mp4',
    'a line feed': 'Film\nSecond line',
    'a right-to-left override': 'Film \u202e4pm.exe',
    'an isolate that is not closed': 'Film \u2067 x',
    'nothing that can be seen': '\u200b \u00a0',
    'too many characters': 'x'.repeat(256),
};

test('names that would deceive are refused', async (t) => {
    const server = await start(t);
    const operator = await server.enter();
    const series = (names) => operator.call('POST', '/operator/titles', { kind: 'series', names });
    const { id } = (await series({ en: 'Good', th: 'ดี', zh: '好' })).json;
    for (const [what, name] of Object.entries(hostileNames)) {
        await t.test(what, async () => {
            refused(await operator.call('POST', '/uploads', { name, bytes: 10 }), 400, 'upload.name');
            refused(await series({ en: name }), 400, 'title.name');
            refused(await operator.call('PATCH', `/operator/titles/${id}`, { names: { de: name } }), 400, 'title.name');
        });
    }
    await t.test('bytes that are not UTF-8', async () => {
        const parts = { uploads: ['{"bytes":10,"name":"', '"}'], 'operator/titles': ['{"kind":"series","names":{"en":"', '"}}'] };
        for (const bad of [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]])
            for (const [path, [head, tail]] of Object.entries(parts)) {
                const raw = Buffer.concat([Buffer.from(`${head}Film`), Buffer.from(bad), Buffer.from(tail)]);
                refused(await operator.call('POST', `/${path}`, undefined, { raw, headers: { 'content-type': 'application/json' } }), 400, 'request.malformed');
            }
    });
    await t.test('a NUL', async () => {
        const answer = await series({ en: 'Film\0.mp4' });
        assert.equal(answer.status, 400, answer.text);
    });
    const { items } = (await operator.get('/operator/titles')).json;
    assert.deepEqual(items.map((one) => one.names), [{ en: 'Good', th: 'ดี', zh: '好' }], 'nothing came of any of it');
    assert.deepEqual(readdirSync(join(server.data, 'uploads')), []);
});

test('pieces of an upload go where they belong or nowhere', async (t) => {
    const server = await start(t, { args: ['--no-ladder'] });
    const operator = await server.enter();
    const bytes = readFileSync(film(t, { seconds: 1 }));
    const { id } = (await operator.call('POST', '/uploads', { name: 'film.mp4', bytes: bytes.length })).json;
    const send = (offset, from, to) => operator.piece(id, offset, bytes.subarray(from, to));
    assert.equal((await send(0, 0, 1000)).json.offset, 1000);
    for (const offset of ['0', '999', '1001', String(bytes.length), '-1', '+1000', '1e3', '0x3e8', '1000.0', '18446744073709551616', ' ', 'NaN'])
        refused(await send(offset, 1000, 2000), 409, 'upload.offset');
    refused(await operator.call('PATCH', `/uploads/${id}`, undefined, { raw: bytes.subarray(1000, 2000) }), 409, 'upload.offset');
    refused(await operator.piece(id, 1000, Buffer.concat([bytes.subarray(1000), Buffer.from('more')])), 413, 'upload.too_large');
    const { offset } = (await operator.get(`/uploads/${id}`)).json;
    assert.ok(offset >= 1000 && offset <= bytes.length, String(offset));
    if (offset < bytes.length) {
        refused(await operator.call('POST', `/uploads/${id}/import`, {}), 409, 'upload.incomplete');
        // Two at the same place at once: one is written, the other learns where to go on.
        const both = await Promise.all([send(offset, offset, bytes.length), send(offset, offset, bytes.length)]);
        assert.ok(both.some((one) => one.status === 200), both.map((one) => one.text).join());
        for (const one of both) if (one.status !== 200) refused(one, 409, 'upload.offset');
    }
    assert.deepEqual((await operator.get(`/uploads/${id}`)).json, { offset: bytes.length, bytes: bytes.length });
    const begun = await operator.call('POST', `/uploads/${id}/import`, {});
    assert.equal((await operator.jobEnd(begun.json.job)).state, 'done');
    const files = await playWhole(server, begun.json.title);
    assert.equal(picturesIn(t, files.get('v0.mp4')), 25);
});

test('each reason why an import fails has its sentence in the text catalogue', () => {
    const texts = JSON.parse(readFileSync(join(root, 'text/errors.json'), 'utf8'));
    const table = readFileSync(join(root, 'src/media/codec/errors.tbl.h'), 'utf8');
    const codes = [...table.matchAll(/^MEDIA_ERROR\(\w+, "([^"]+)"/gm)].map((m) => m[1]);
    assert.ok(codes.length >= 20, String(codes.length));
    assert.deepEqual(codes.filter((code) => !(code in texts)), []);
});
