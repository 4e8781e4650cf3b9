// SPDX-License-Identifier: AGPL-3.0-or-later
//
// J1, first half: a film comes in by upload, is shown, and is watched; each request for media is checked.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { film, sharedData, start } from './lib/server.mjs';

test('a film is uploaded, imported and watched', async (t) => {
    const server = await start(t, { args: ['--no-ladder'] });
    const operator = await server.enter();
    const { title, job } = await operator.import(film(t), { names: { en: 'Three Seconds', de: 'Drei Sekunden' } });
    assert.equal(job.state, 'done', JSON.stringify(job));
    assert.equal(job.progress, 1);

    await t.test('it is on the home page, in the viewer\'s language', async () => {
        const { json } = await server.get('/api/v1/titles?rows=1&lang=de');
        const item = json.rows[0].items[0];
        assert.deepEqual([item.id, item.name, item.status, item.kind], [title, 'Drei Sekunden', 'ready', 'film']);
        assert.deepEqual(item.heights, [180]);
        assert.equal(item.audio.length, 1);
        assert.equal(item.audio[0].lang, 'en');
        assert.ok(item.duration_ms >= 3000 && item.duration_ms < 3100, String(item.duration_ms));
        const page = await server.get('/', { 'accept-language': 'de' });
        assert.match(page.text, /<html lang="de">/);
        assert.match(page.text, /Drei Sekunden/);
        const poster = await server.get(item.poster);
        assert.equal(poster.status, 200);
        assert.equal(poster.headers.get('content-type'), 'image/jpeg');
    });

    await t.test('it is found by a part of its name in any language', async () => {
        for (const query of ['sekun', 'DREI', 'three seconds', 'seconds three']) {
            const { json } = await server.get(`/api/v1/titles?q=${encodeURIComponent(query)}`);
            assert.equal(json.rows[0]?.items[0].id, title, query);
        }
        const { json } = await server.get('/api/v1/titles?q=four');
        assert.deepEqual(json.rows, []);
    });

    await t.test('its playlists lead to bytes', async () => {
        const pass = await server.play(title);
        const master = await pass.media('master.m3u8');
        assert.equal(master.status, 200, master.text);
        assert.equal(master.headers.get('content-type'), 'application/vnd.apple.mpegurl');
        assert.match(master.text, /v0\.m3u8/);
        const mpd = await pass.media('manifest.mpd');
        assert.equal(mpd.headers.get('content-type'), 'application/dash+xml');
        const video = await pass.media('v0.m3u8');
        const ranges = [...video.text.matchAll(/#EXT-X-BYTERANGE:(\d+)@(\d+)/g)].map((m) => [Number(m[1]), Number(m[2])]);
        assert.ok(ranges.length >= 1, video.text);
        for (const [length, from] of ranges) {
            const segment = await pass.media('v0.mp4', { range: `bytes=${from}-${from + length - 1}` });
            assert.equal(segment.status, 206);
            assert.equal(segment.bytes.length, length);
            assert.ok(segment.bytes.includes('moof'), 'a segment has its own header');
        }
    });

    await t.test('the token may stand in the path, a header or a cookie', async () => {
        const pass = await server.play(title);
        assert.equal((await server.get(pass.path_hls)).status, 200);
        assert.equal((await server.get(pass.hls, { cookie: `CTA-Common-Access-Token=${pass.token}` })).status, 200);
        assert.equal((await server.get(pass.hls, { 'CTA-Common-Access-Token': pass.token })).status, 200);
        assert.equal((await server.call('HEAD', pass.hls, { headers: { 'CTA-Common-Access-Token': pass.token } })).status, 200);
    });
});

test('media is refused, with the reason, to whoever may not have it', async (t) => {
    const server = await start(t, { args: ['--no-ladder'] });
    const operator = await server.enter();
    const source = film(t, { seconds: 1 });
    const { title } = await operator.import(source);
    const { title: other } = await operator.import(source);
    const refused = async (answer, code) => {
        const { status, json, text } = await answer;
        assert.equal(status, 403, text);
        assert.equal(json.error.code, code);
        assert.ok(json.error.message.length > 20);
    };
    const pass = await server.play(title);
    const withToken = (token, id = title) => server.get(`/media/${id}/master.m3u8`, { 'cta-common-access-token': token });

    await refused(server.get(`/media/${title}/master.m3u8`), 'token.missing');
    await refused(withToken('nonsense'), 'token.malformed');
    await refused(withToken(pass.token.slice(0, -4) + (pass.token.endsWith('AAAA') ? 'BBBB' : 'AAAA')), 'token.forged');
    await refused(withToken(pass.token, other), 'token.title');
    await refused(withToken(pass.token, '0000000000000000'), 'token.title');
    assert.equal((await withToken(pass.token)).status, 200);

    await t.test('what a title does not have is 404 to those who may watch it', async () => {
        for (const file of ['v9.mp4', 'v0.idx', 'ingest.json', 'v0.m3u8.bak']) assert.equal((await pass.media(file)).status, 404, file);
    });

    await t.test('a token ends after five minutes, and is renewed half-way', async () => {
        assert.equal(pass.renew_after_ms, 150_000);
        await server.advance(150_000);
        const renewed = await server.call('POST', `/api/v1/playback/${pass.session}/renew`);
        assert.equal(renewed.status, 200, renewed.text);
        await server.advance(150_000);
        await refused(withToken(pass.token), 'token.expired');
        assert.equal((await withToken(renewed.json.token)).status, 200);
        pass.token = renewed.json.token;
    });

    await t.test('an ended session is refused at once, cannot be renewed, and stays ended over a restart', async () => {
        assert.equal((await server.call('DELETE', `/api/v1/playback/${pass.session}`)).status, 204);
        await refused(withToken(pass.token), 'token.revoked');
        await refused(server.call('HEAD', `/media/${title}/master.m3u8`, { headers: { 'cta-common-access-token': pass.token } }).then(() => withToken(pass.token)), 'token.revoked');
        await refused(server.call('POST', `/api/v1/playback/${pass.session}/renew`), 'token.revoked');
        await server.stop();
        await server.start();
        await refused(withToken(pass.token), 'token.revoked');
        assert.equal((await withToken((await server.play(title)).token)).status, 200);
    });

    await t.test('a token of before a restart is good after it', async () => {
        const before = await server.play(title);
        await server.stop();
        await server.start();
        assert.equal((await withToken(before.token)).status, 200);
    });

    assert.ok((await server.metric('media_requests_total{verdict="token.expired"}')) !== undefined);
});

test('shared sample files import and play', async (t) => {
    const files = ['bbb_prog_10s.mp4', 'car-detection.mp4'].map((name) => `${sharedData}/media/${name}`);
    if (!files.every((file) => existsSync(file))) return t.skip(`no ${sharedData}/media`);
    const server = await start(t, { args: ['--no-ladder'] });
    const operator = await server.enter();
    for (const file of files) {
        const { title, job } = await operator.import(file);
        assert.equal(job.state, 'done', JSON.stringify(job));
        const pass = await server.play(title);
        for (const view of ['master.m3u8', 'manifest.mpd', 'v0.m3u8', 'a0.m3u8', 'v0-iframes.m3u8', 'thumbs.vtt']) {
            const answer = await pass.media(view);
            assert.equal(answer.status, 200, `${file} ${view}: ${answer.text}`);
        }
    }
});
