// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Live pictures in by RTMP, from encoders of others and from `grandstand publish`: every sample arrives as it was sent.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { readPaintedClock } from '../lib/painted_clock.mjs';
import { ending } from './lib/ending.mjs';
import { folder, program } from './lib/server.mjs';

const recorder = join(dirname(program), 'tests/lib/rtmp_recorder');
const key = 'k3y-that-nobody-may-see';

/** Our server, which tells what it is given. */
async function record(t) {
    const child = spawn(recorder, [key], { stdio: ['pipe', 'pipe', 'pipe'] });
    const events = [], waiting = [];
    let log = '';
    child.stderr.on('data', (text) => {
        log += text;
        for (const look of [...waiting]) look();
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
        events.push(JSON.parse(line));
        for (const look of [...waiting]) look();
    });
    const until = (condition) => new Promise((done) => {
        const look = () => {
            if (!condition()) return;
            waiting.splice(waiting.indexOf(look), 1);
            done();
        };
        waiting.push(look);
        look();
    });
    ending(t, async () => {
        child.stdin.end();
        if (child.exitCode === null) await once(child, 'exit');
        assert.equal(child.exitCode, 0, log);
        assert.ok(!log.includes('k3y'), log); // neither the right key nor the wrong one
    });
    await until(() => events.length);
    const count = (name) => events.filter((e) => e.event === name).length;
    return { url: `rtmp://127.0.0.1:${events[0].port}/live/`, events, ended: (n) => until(() => count('end') >= n), logged: (words) => until(() => words.test(log)) };
}

const make = (path, ...args) => execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30000/1001:duration=2',
    '-f', 'lavfi', '-i', 'sine=duration=2:sample_rate=48000', ...args, path]);

/** What the file has, packet by packet. */
function packets(path, kind) {
    const out = execFileSync('ffprobe', ['-v', 'error', '-select_streams', kind[0], '-show_packets', '-show_data_hash', 'sha256', '-of', 'json', path], { encoding: 'utf8', maxBuffer: 1 << 26 });
    return JSON.parse(out).packets.map((p) => ({ dts: Number(p.dts_time), pts: Number(p.pts_time), sync: p.flags.startsWith('K'), sha256: p.data_hash.split(':')[1] }));
}

function compare(events, path) {
    const tracks = events.findLast((e) => e.event === 'tracks').tracks;
    let shift = null;
    for (const [track, { kind, timescale }] of tracks.entries()) {
        const wanted = packets(path, kind), got = events.filter((e) => e.event === 'sample' && e.track === track);
        assert.deepEqual(got.map((s) => s.sha256), wanted.map((p) => p.sha256), `${kind}: ${got.length} of ${wanted.length}`);
        if (kind === 'video') assert.deepEqual(got.map((s) => s.sync), wanted.map((p) => p.sync));
        shift ??= got[0].dts / timescale - wanted[0].dts; // one for both: sound and picture stay together
        for (const [i, s] of got.entries()) {
            assert.ok(Math.abs(s.dts / timescale - shift - wanted[i].dts) <= 0.0011, `${kind} ${i}: dts ${s.dts / timescale} ${wanted[i].dts}`);
            assert.ok(Math.abs(s.pts / timescale - shift - wanted[i].pts) <= 0.0016, `${kind} ${i}: pts ${s.pts / timescale} ${wanted[i].pts}`);
        }
        if (kind === 'audio') assert.ok(got.every((s) => s.duration === 1024 || s.duration === 960));
    }
    return tracks;
}

test('ffmpeg publishes a file with B-frames, and every sample arrives', async (t) => {
    const path = join(folder(t), 'film.mp4'), server = await record(t);
    make(path, '-c:v', 'libx264', '-preset', 'veryfast', '-bf', '3', '-g', '30', '-pix_fmt', 'yuv420p', '-c:a', 'aac');
    execFileSync('ffmpeg', ['-v', 'fatal', '-nostdin', '-i', path, '-c', 'copy', '-f', 'flv', server.url + key]);
    await server.ended(1);
    const tracks = compare(server.events, path);
    assert.deepEqual(tracks.map((x) => [x.kind, x.codec.slice(0, 4), x.width, x.rate_num, x.sample_rate]), [['video', 'avc1', 320, 30000, 0], ['audio', 'mp4a', 0, 0, 48000]]);
    assert.ok(server.events.some((e) => e.event === 'sample' && e.pts > e.dts));
    assert.equal(server.events.at(-1).code, '');
});

test('a wrong key is refused in words that the encoder shows', async (t) => {
    const path = join(folder(t), 'film.mp4'), server = await record(t);
    make(path, '-c:v', 'libx264', '-preset', 'ultrafast', '-an');
    const done = spawnSync('ffmpeg', ['-v', 'error', '-nostdin', '-i', path, '-c', 'copy', '-f', 'flv', `${server.url}wrong-k3y`], { encoding: 'utf8' });
    assert.notEqual(done.status, 0);
    assert.match(done.stderr, /There is no channel with this key/);
    const ours = spawnSync(program, ['publish', path, `${server.url}wrong-k3y`, '--json'], { encoding: 'utf8' });
    assert.equal(ours.status, 3);
    const said = ours.stdout.trim().split('\n').map((line) => JSON.parse(line));
    assert.match(said.find((e) => e.event === 'ended').words, /There is no channel with this key/);
    assert.equal(said.at(-1).error.code, 'rtmp.refused');
    assert.ok(!(ours.stdout + ours.stderr).includes('k3y'));
    await server.logged(/refused/);
});

test('our publisher sends files as they are: HEVC and Opus, sound alone, pictures alone', async (t) => {
    const dir = folder(t);
    const files = [
        ['hevc.mp4', ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:bframes=2', '-tag:v', 'hvc1', '-pix_fmt', 'yuv420p', '-c:a', 'libopus'], ['hvc1', 'opus']],
        ['sound.mp4', ['-vn', '-c:a', 'aac'], ['mp4a.40.2']],
        ['picture.mp4', ['-an', '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'], ['avc1']],
    ];
    await Promise.all(files.map(async ([name, args, codecs]) => {
        const path = join(dir, name);
        make(path, ...args);
        const own = await record(t); // at the same time
        const child = spawn(program, ['publish', path, own.url + key, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
        let text = '';
        child.stdout.on('data', (chunk) => (text += chunk));
        const [status] = await once(child, 'close');
        assert.equal(status, 0, text);
        await own.ended(1);
        const tracks = compare(own.events, path);
        assert.deepEqual(tracks.map((x, i) => x.codec.slice(0, codecs[i].length)), codecs);
        const ended = JSON.parse(text.trim().split('\n').at(-1));
        assert.equal(ended.samples, own.events.filter((e) => e.event === 'sample').length);
    }));
});

test('a file in a loop goes on in time', async (t) => {
    const path = join(folder(t), 'film.mp4'), server = await record(t);
    execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=25:duration=0.6', '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '5', path]);
    const child = spawn(program, ['publish', path, server.url + key, '--loop', '--seconds', '2'], { stdio: 'ignore' });
    const [status] = await once(child, 'close');
    assert.equal(status, 0);
    await server.ended(1);
    const samples = server.events.filter((e) => e.event === 'sample');
    assert.ok(samples.length > 30, `${samples.length}`);
    for (let i = 1; i < samples.length; i++) assert.ok(Math.abs(samples[i].dts - samples[i - 1].dts - 3600) <= 90, `${i}: ${samples[i].dts}`);
});

test('a connection that breaks is made again, and goes on with a key frame', async (t) => {
    const path = join(folder(t), 'film.mp4'), server = await record(t);
    execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=25:duration=1', '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '10', path]);
    let connections = 0;
    const proxy = createServer((down) => { // breaks the first connection after some pictures
        const up = connect(Number(new URL(server.url).port), '127.0.0.1'), is_first = connections++ === 0;
        let bytes = 0;
        down.on('data', (chunk) => {
            bytes += chunk.length;
            if (is_first && bytes > 30000) down.destroy(), up.destroy();
        });
        down.pipe(up).pipe(down);
        for (const end of [down, up]) end.on('error', () => {}).on('close', () => (down.destroy(), up.destroy()));
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    ending(t, () => proxy.close());
    const child = spawn(program, ['publish', path, `rtmp://127.0.0.1:${proxy.address().port}/live/${key}`, '--loop', '--keep', '--seconds', '4', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    assert.equal((await once(child, 'close'))[0], 0, text);
    await server.ended(2);
    const second = server.events.slice(server.events.findLastIndex((e) => e.event === 'begin')), first = server.events.filter((e) => !second.includes(e));
    assert.equal(first.findLast((e) => e.event === 'end').code, 'rtmp.closed');
    const before = first.filter((e) => e.event === 'sample').at(-1), after = second.find((e) => e.event === 'sample');
    assert.ok(after.sync && after.dts > before.dts, `${before.dts} ${after.dts}`);
    assert.equal(JSON.parse(text.trim().split('\n').at(-1)).reconnections, 1);
});

/** ffmpeg as a server that takes one publisher: {url, ended}. Its port is free a moment before, since it cannot choose one; and it is listening. */
async function listen(path) {
    const port = await freePort(), url = `rtmp://127.0.0.1:${port}/live/${key}`;
    const child = spawn('ffmpeg', ['-v', 'fatal', '-nostdin', '-listen', '1', '-i', url, '-c', 'copy', '-y', path], { stdio: 'ignore' });
    const isListening = async () => (await readFile('/proc/net/tcp', 'utf8')).includes(`0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`);
    while (child.exitCode === null && !await isListening());
    return { url, ended: once(child, 'exit') };
}

/** A free port. */
async function freePort() {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address();
    probe.close();
    await once(probe, 'close');
    return port;
}

test('the time on the test picture is read back after encoding, another server, decoding and scaling to 240 lines', async (t) => {
    const path = join(folder(t), 'card.mkv'), { url, ended: listened } = await listen(path), before = Date.now();
    let text = '';
    const child = spawn(program, ['publish', '--test', '--size', '640x360', '--seconds', '2', '--json', url], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.on('data', (chunk) => (text += chunk));
    const [status] = await once(child, 'close');
    const after = Date.now();
    assert.equal(status, 0, text);
    await listened;
    const raw = execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-i', path, '-an', '-vf', 'scale=426:240', '-pix_fmt', 'rgba', '-fps_mode', 'passthrough', '-f', 'rawvideo', '-'], { maxBuffer: 1 << 29 });
    const frameBytes = 426 * 240 * 4, times = [];
    for (let at = 0; at + frameBytes <= raw.length; at += frameBytes) times.push(readPaintedClock({ data: raw.subarray(at, at + frameBytes), width: 426, height: 240 }));
    assert.ok(times.length >= 10, `${times.length} pictures: ${text}`);
    const ended = JSON.parse(text.trim().split('\n').at(-1));
    assert.ok(times.length <= ended.frames);
    for (const [i, time] of times.entries()) {
        assert.ok(time !== null, `picture ${i} cannot be read`);
        assert.ok(time >= before && time <= after, `picture ${i}: ${time} is not between ${before} and ${after}`);
        if (i) assert.ok(time > times[i - 1]);
    }
    const sound = execFileSync('ffprobe', ['-v', 'error', '-select_streams', 'a', '-show_entries', 'stream=codec_name,channels,sample_rate', '-of', 'csv=p=0', path], { encoding: 'utf8' });
    assert.equal(sound.trim(), 'aac,48000,2');
});

test('troubles to try the alarms with: silence, black, freeze', async (t) => {
    const dir = folder(t);
    const measured = await Promise.all(['silence', 'black', 'freeze'].map(async (trouble) => {
        const path = join(dir, `${trouble}.mkv`), { url, ended: listened } = await listen(path);
        const child = spawn(program, ['publish', '--test', '--size', '320x180', '--rate', '10', '--seconds', '2', '--trouble', trouble, url], { stdio: 'ignore' });
        assert.equal((await once(child, 'close'))[0], 0);
        await listened;
        const said = spawnSync('ffmpeg', ['-v', 'info', '-nostdin', '-i', path, '-af', 'volumedetect', '-vf', 'scale=64:36,blackframe=99:20,freezedetect=n=0.002:d=0.5', '-f', 'null', '-'], { encoding: 'utf8' }).stderr;
        return { isSilent: Number(/mean_volume: (-?[\d.]+|-inf)/.exec(said)[1].replace('-inf', '-200')) < -80, isBlack: /pblack:100/.test(said), isFrozen: /freeze_start/.test(said) };
    }));
    assert.deepEqual(measured, [{ isSilent: true, isBlack: false, isFrozen: false }, { isSilent: false, isBlack: true, isFrozen: true }, { isSilent: false, isBlack: false, isFrozen: true }]);
});

test('what cannot be published is said, with a code and an exit code', (t) => {
    const cases = [
        [['publish', '--test', 'http://x/live/k'], 1, 'rtmp.url'],
        [['publish', '--test', 'rtmp://127.0.0.1:1/live/k'], 1, 'rtmp.connect'],
        [['publish', '/nowhere/film.mp4', 'rtmp://127.0.0.1:1/live/k'], 3, 'publish.no_file'],
        [['publish', '--test', '--size', '1281x720', 'rtmp://127.0.0.1:1/live/k'], 1, 'testcard.size'],
        [['publish', '--test', '--size', 'big', 'rtmp://127.0.0.1:1/live/k'], 2, 'publish.options'],
        [['publish', '--test', '--rate', '0', 'rtmp://127.0.0.1:1/live/k'], 2, 'publish.options'],
        [['publish', '--test', '--trouble', 'rain', 'rtmp://127.0.0.1:1/live/k'], 2, 'publish.options'],
        [['publish', 'rtmp://127.0.0.1:1/live/k'], 2, 'publish.options'],
        [['publish', '--test', 'film.mp4', 'rtmp://127.0.0.1:1/live/k'], 2, 'publish.options'],
    ];
    for (const [args, status, code] of cases) {
        const done = spawnSync(program, [...args, '--json'], { encoding: 'utf8' });
        assert.equal(done.status, status, `${args.join(' ')}: ${done.stdout}${done.stderr}`);
        const { error } = JSON.parse(done.stdout.trim().split('\n').at(-1));
        assert.equal(error.code, code);
        assert.match(error.message, /^.{15,}\.$/);
    }
});
