// SPDX-License-Identifier: AGPL-3.0-or-later
//
// How the server is run: TLS, reloading, other sites' players, settings, and what a seek costs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { film, folder, run, start } from './lib/server.mjs';

const overTls = (port, path) => new Promise((done, fail) => {
    const asked = request({ host: '127.0.0.1', port, path, rejectUnauthorized: false, agent: false }, (response) => {
        const certificate = response.socket.getPeerCertificate().fingerprint256;
        response.resume().on('end', () => done({ status: response.statusCode, certificate, headers: response.headers }));
    });
    asked.on('error', fail);
    asked.end();
});

test('TLS with a local certificate; SIGHUP brings in a new one without an end', async (t) => {
    const server = await start(t, { args: ['--https', '127.0.0.1:0', '--tls', 'auto'] });
    const first = await overTls(server.httpsPort, '/healthz');
    assert.equal(first.status, 200);
    const key = readFileSync(join(server.data, 'tls', 'local.key'));
    assert.ok(key.length > 0);
    rmSync(join(server.data, 'tls', 'local.crt'));
    rmSync(join(server.data, 'tls', 'local.key'));
    const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', '/CN=localhost',
        '-keyout', join(server.data, 'tls', 'local.key'), '-out', join(server.data, 'tls', 'local.crt')]);
    assert.equal(made.status, 0, String(made.stderr));
    server.child.kill('SIGHUP');
    let next = first;
    while (next.certificate === first.certificate) next = await overTls(server.httpsPort, '/healthz');
    assert.equal(next.status, 200);
    assert.equal((await server.stop()).code, 0);
});

test('the session cookie is marked Secure over TLS', async (t) => {
    const server = await start(t, { args: ['--https', '127.0.0.1:0', '--tls', 'auto'] });
    const cookie = await new Promise((done, fail) => {
        const body = JSON.stringify({ code: server.code });
        const asked = request({ host: '127.0.0.1', port: server.httpsPort, path: '/api/v1/session', method: 'POST', rejectUnauthorized: false, agent: false,
            headers: { 'x-grandstand': '1', 'content-type': 'application/json', 'content-length': body.length } }, (response) => {
            response.resume().on('end', () => done(String(response.headers['set-cookie'])));
        });
        asked.on('error', fail);
        asked.end(body);
    });
    for (const mark of ['HttpOnly', 'SameSite=Lax', 'Secure', 'Path=/']) assert.match(cookie, new RegExp(mark));
});

test('players of other sites may fetch media only where the operator allows it', async (t) => {
    const closed = await start(t);
    assert.equal((await closed.get('/media/0000000000000000/master.m3u8')).headers.get('access-control-allow-origin'), null);
    const open = await start(t, { args: ['--cors', 'https://player.example'] });
    const refused = await open.get('/media/0000000000000000/master.m3u8');
    assert.equal(refused.status, 403);
    assert.equal(refused.headers.get('access-control-allow-origin'), 'https://player.example'); // so that it can read why
    const asked = await open.call('OPTIONS', '/media/0000000000000000/master.m3u8');
    assert.equal(asked.status, 204);
    assert.match(asked.headers.get('access-control-allow-headers'), /cta-common-access-token/);
    assert.equal((await open.get('/api/v1/site')).headers.get('access-control-allow-origin'), null);
});

test('settings come from flag, environment and file, and mistakes are named', (t) => {
    const data = folder(t);
    writeFileSync(join(data, 'grandstand.ini'), 'htpp = 127.0.0.1:0\n');
    const misspelt = run(['serve', '--data', data]);
    assert.equal(misspelt.status, 2);
    assert.match(misspelt.stderr, /grandstand\.ini, line 1/);
    const wrong = run(['serve', '--data', folder(t), '--http', 'nowhere']);
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /http\.address/);
    assert.equal(run(['serve', '--log', 'loud', '--data', folder(t)]).status, 1);
    for (const command of ['serve', 'import', 'package', 'doctor', 'operator-link']) {
        const help = run([command, '--help']);
        assert.equal(help.status, 0);
        assert.match(help.stdout, /Options:/);
    }
});

test('a seek to anywhere in a film of two hours is one request for media', async (t) => {
    const seconds = 7200;
    const source = film(t, { seconds, size: '96x54', rate: 1, extra: ['-g', '2', '-c:a', 'aac', '-b:a', '24k', '-ac', '1', '-ar', '8000'] });
    const server = await start(t, { args: ['--no-ladder'] });
    const operator = await server.enter();
    const { title, job } = await operator.import(source);
    assert.equal(job.state, 'done', JSON.stringify(job));
    const pass = await server.play(title);
    // What a player has loaded before any seek: the playlist and the init segment.
    const playlist = (await pass.media('v0.m3u8')).text;
    const [, initLength, initFrom] = /#EXT-X-MAP:.*BYTERANGE="(\d+)@(\d+)"/.exec(playlist).map(Number);
    const init = (await pass.media('v0.mp4', { range: `bytes=${initFrom}-${initFrom + initLength - 1}` })).bytes;
    const segments = [];
    let at = 0, duration = 0;
    for (const line of playlist.split('\n')) {
        let m;
        if ((m = /^#EXTINF:([\d.]+)/.exec(line))) duration = Number(m[1]);
        if ((m = /^#EXT-X-BYTERANGE:(\d+)@(\d+)/.exec(line))) segments.push({ start: at, end: (at += duration), length: Number(m[1]), from: Number(m[2]) });
    }
    assert.ok(at > seconds - 5, `the playlist is ${at} s long`);
    const path = join(folder(t), 'piece.mp4');
    for (const target of [7195, 3, 4621.5, 60]) {
        const before = await server.metric('media_requests_total');
        const segment = segments.find((one) => one.start <= target && target < one.end);
        const got = await pass.media('v0.mp4', { range: `bytes=${segment.from}-${segment.from + segment.length - 1}` });
        assert.equal(got.status, 206);
        assert.equal(await server.metric('media_requests_total'), before + 1);
        writeFileSync(path, Buffer.concat([init, got.bytes]));
        const frames = spawnSync('ffprobe', ['-v', 'error', '-select_streams', 'v', '-show_entries', 'frame=pts_time,key_frame', '-of', 'json', path], { encoding: 'utf8' });
        const decoded = JSON.parse(frames.stdout).frames;
        assert.equal(decoded[0].key_frame, 1, 'it begins with a picture that stands alone');
        assert.ok(Number(decoded[0].pts_time) <= target + 0.001 && target < Number(decoded.at(-1).pts_time) + 1.001, `${target} lies in ${JSON.stringify(decoded)}`);
    }
});
