// SPDX-License-Identifier: AGPL-3.0-or-later
//
// J2: a feed comes in, viewers see it, and it is a film when it is over. An encoder in our hands sends frames when the test says so, so
// that nothing here waits for time.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { connect } from 'node:http2';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { ending } from './lib/ending.mjs';
import { channelUntil, checkPlaylist, makeChannel, pictures, readPlaylist, require, source, startLive, titleUntil, until, Viewer, Wire } from './lib/live.mjs';
import { publish, soon } from './lib/rtmp.mjs';

/** A channel on air: its encoder has sent the first `ms` of the file. */
async function onAir(t, { file = source(t), ms = 1500, body, ...options } = {}) {
    const { server, operator } = await startLive(t, options);
    const channel = await makeChannel(operator, body);
    const encoder = await publish(channel.rtmp_url, file.flv);
    ending(t, () => encoder.drop());
    await encoder.send(ms);
    await titleUntil(server, channel.id, (title) => title.status === 'live');
    return { server, operator, channel, encoder, file };
}

async function freePorts(count) {
    const held = await Promise.all(Array.from({ length: count }, () => new Promise((done) => {
        const one = createServer().listen(0, '127.0.0.1', () => done(one));
    })));
    const ports = held.map((one) => one.address().port);
    await Promise.all(held.map((one) => new Promise((done) => { one.close(done); })));
    return ports;
}

const end = async (operator, server, id) => {
    assert.equal((await operator.call('POST', `/operator/channels/${id}/end`)).status, 200);
    return titleUntil(server, id, (title) => title.status === 'ready');
};

test('a feed is on screen part by part, and the same bytes are a title afterwards', async (t) => {
    const file = source(t, { seconds: 9, bframes: 2, gop: 50 });
    const { server, operator } = await startLive(t);
    const channel = await makeChannel(operator, { names: { en: 'Cup Final', de: 'Pokalfinale' } });
    assert.equal(channel.status, 'waiting');
    assert.equal((await server.get(`/api/v1/titles/${channel.id}`)).json.status, 'scheduled');
    const early = await server.call('POST', `/api/v1/titles/${channel.id}/playback`);
    assert.deepEqual([early.status, early.json.error.code, early.json.error.starts_at], [409, 'title.not_live', null]);

    await assert.rejects(publish(channel.rtmp_url.replace(channel.key, 'nobodys-key-0123'), file.flv), /BadName/);
    await until(() => server.metric('live_publishers_refused_total'), (n) => n === 1);
    const encoder = await publish(channel.rtmp_url, file.flv);
    ending(t, () => encoder.drop());
    await encoder.send(700);
    const title = await titleUntil(server, channel.id, (one) => one.status === 'live');
    assert.ok(title.started_at);
    assert.equal((await server.get('/api/v1/titles?rows=1')).json.rows[0].id, 'live');

    const pass = await server.play(channel.id);
    assert.deepEqual([pass.live.part_ms, pass.live.segment_ms, pass.live.hold_back_ms, pass.live.dvr_ms], [334, 2000, 1002, 7200000]);
    const picture = new Viewer(server, pass, channel.id), sound = new Viewer(server, pass, channel.id, 'a0');
    ending(t, () => [picture, sound].forEach((one) => one.close()));
    const master = await picture.get('master.m3u8');
    assert.equal(master.status, 200, master.body.toString());
    checkPlaylist(master.body.toString());
    assert.match(master.body.toString(), /CODECS="avc1\.[0-9a-f]+,mp4a\.40\.2"/i);

    await picture.load();
    await sound.load();
    assert.equal(picture.playlist.target, 2);
    assert.equal(picture.playlist.control['CAN-BLOCK-RELOAD'], 'YES');
    const parts = new Map(); // "uri offset" -> bytes, as each was announced
    const heard = { hints: 0, deltas: 0, reloads: 0, hintsKept: 0 };
    let hint; // the growing segment, read through an open range
    const seen = new Set();
    const collect = async (viewer) => {
        const all = [...viewer.playlist.segments.flatMap((s) => s.parts), ...viewer.playlist.parts];
        for (const part of all) {
            const name = `${part.uri} ${part.offset}`;
            if (!parts.has(name)) parts.set(name, await viewer.bytes(part.uri, part.offset, part.length));
        }
    };
    await collect(picture);
    for (let ms = 1000; ms <= 9400; ms += 200) {
        const before = picture.playlist;
        if (!hint && before.hint && !seen.has(before.hint.uri)) { // asked for before it exists, answered while it grows
            seen.add(before.hint.uri);
            heard.hints++;
            hint = { ...before.hint, done: false };
            hint.answer = picture.get(hint.uri, { wire: picture.hintWire, headers: { range: `bytes=${hint.start}-` } }).then((answer) => { hint.done = true; return answer; });
            hint.answer.catch(() => {}); // whoever waits for it hears of it
        }
        const reload = picture.follow(); // held until the part is there
        let isThere = false;
        reload.then(() => { isThere = true; }, () => { isThere = true; });
        for (; !isThere && ms <= 9400; ms += 100) {
            await encoder.send(ms);
            await server.metric('live_parts'); // a round trip: what was sent has had the time to come in
        }
        if (encoder.next >= encoder.tags.length && !isThere) {
            await encoder.end(); // what is open is closed as a shorter part
            await reload;
            break;
        }
        const now = await reload;
        heard.reloads++;
        assert.ok(now.next > before.next || now.parts.length > before.parts.length || now.segments.length > before.segments.length, 'a blocking reload brings something new');
        await collect(picture);
        const report = now.reports.find((one) => one.uri === 'a0.m3u8');
        assert.ok(report, 'the sound is reported');
        await sound.load({ msn: report.msn, part: report.part }); // answered at once: it is there
        await collect(sound);
        if (now.segments.length > 6) { // what is skipped is what we know
            const known = picture.text;
            const delta = await picture.load({ skip: 'YES', msn: now.next, part: Math.max(0, now.parts.length - 1) });
            if (delta.skipped) {
                heard.deltas++;
                const full = readPlaylist(known);
                assert.equal(delta.first, full.first);
                assert.equal(delta.next, full.next);
                assert.deepEqual(delta.segments.map((s) => s.uri), full.segments.slice(delta.skipped).map((s) => s.uri));
            }
            picture.playlist = now;
        }
        if (hint?.done) {
            const answer = await hint.answer;
            if (answer.status === 206) {
                assert.match(answer.headers['content-range'], new RegExp(`^bytes ${hint.start}-`));
                const whole = await picture.bytes(hint.uri);
                assert.ok(answer.body.equals(whole.subarray(hint.start)), 'the hint held: the same bytes, to the end of the segment');
                if (answer.isChunked) heard.hintsKept++;
            }
            hint = undefined;
        }
    }
    assert.ok(heard.reloads >= 8 && heard.hints >= 2 && heard.hintsKept >= 1, JSON.stringify(heard));
    if (!encoder.isClosed) await encoder.end();

    // Each segment is its parts, one behind the other.
    await picture.load();
    for (const segment of picture.playlist.segments) {
        const mine = [...parts].filter(([name]) => name.startsWith(`${segment.uri} `)).sort((a, b) => Number(a[0].split(' ')[1]) - Number(b[0].split(' ')[1]));
        const whole = await picture.bytes(segment.uri);
        const joined = Buffer.concat(mine.map(([, bytes]) => bytes));
        if (segment.parts.length) assert.ok(whole.subarray(0, joined.length).equals(joined), `${segment.uri}: ${joined.length} of ${whole.length}`);
    }
    const held = picture.load({ msn: picture.playlist.next, part: picture.playlist.parts.length });
    const before = new Map();
    for (const segment of picture.playlist.segments) before.set(segment.uri, (await sound.get(segment.uri)).body);
    const over = await end(operator, server, channel.id);
    assert.ok((await held).hasEnd, 'who waited is told of the end');
    assert.deepEqual([over.kind, over.heights, over.audio.length], ['event', [180], 1]);
    assert.ok(Math.abs(over.duration_ms - 9000) < 150, String(over.duration_ms));
    assert.ok(over.ended_at >= over.started_at);

    await t.test('the recording: the same names and bytes, every picture, in order', async () => {
        const after = await server.play(channel.id);
        assert.equal(after.live, null);
        const again = new Viewer(server, after, channel.id);
        ending(t, () => again.close());
        await again.load();
        assert.ok(again.playlist.hasEnd);
        for (const [uri, bytes] of before) assert.ok((await again.bytes(uri)).equals(bytes), uri);
        const shown = pictures(`${server.url}${after.path_hls}`, ['-allowed_extensions', 'ALL']);
        assert.deepEqual(shown, pictures(file.mp4));
        const mpd = require('mpd-parser').parse((await after.media('manifest.mpd')).text, { manifestUri: `${server.url}/media/${channel.id}/manifest.mpd` });
        assert.ok(mpd.endList);
        const row = (await operator.get(`/operator/channels/${channel.id}`)).json;
        assert.deepEqual([row.status, row.health], ['ended', null]);
        assert.ok(readdirSync(join(server.data, 'objects')).length >= 1);
    });
    assert.doesNotMatch(server.log(), new RegExp(channel.key), 'no line has the key');
});

test('plain HLS and DASH read the same channel', async (t) => {
    const { server, channel, encoder } = await onAir(t, { ms: 5000 });
    const pass = await server.play(channel.id);
    const viewer = new Viewer(server, pass, channel.id);
    ending(t, () => viewer.close());
    await viewer.loadAll(5000);
    assert.ok(viewer.playlist.segments.length >= 2 && viewer.playlist.parts.length >= 2);
    for (const segment of viewer.playlist.segments) {
        const init = await viewer.bytes(segment.map);
        assert.equal(init.toString('latin1', 4, 8), 'ftyp');
        assert.ok((await viewer.bytes(segment.uri)).includes('moof'));
    }
    const text = (await viewer.get('manifest.mpd')).body.toString();
    assert.match(text, /type="dynamic"/);
    const mpd = require('mpd-parser').parse(text, { manifestUri: `${server.url}/media/${channel.id}/manifest.mpd`, NOW: Date.now() });
    assert.equal(mpd.playlists.length, 1);
    assert.ok(mpd.minimumUpdatePeriod >= 0 && mpd.playlists[0].segments.length >= 2, text);

    // A growing segment without a range comes in pieces, from its beginning to its end.
    const { uri } = viewer.playlist.hint;
    const pieces = [];
    let begun;
    const beginning = new Promise((done) => { begun = done; });
    const growing = viewer.get(uri, { wire: viewer.hintWire, onPiece: (piece) => { pieces.push(piece); begun(); } });
    await soon(beginning, "the first piece of a growing segment");
    await encoder.send(8000);
    await encoder.end();
    const answer = await growing;
    assert.equal(answer.status, 200);
    assert.ok(answer.isChunked && pieces.length >= 2, `${pieces.length} pieces`);
    assert.ok(answer.body.equals(await viewer.bytes(uri)));
});

test('an encoder that drops comes back into the same channel', async (t) => {
    const file = source(t, { seconds: 6 });
    const { server, operator, channel, encoder } = await onAir(t, { file, ms: 3000 });
    await encoder.drop();
    const stalled = await channelUntil(operator, channel.id, (one) => one.health === null);
    assert.equal(stalled.status, 'live');
    const pass = await server.play(channel.id);
    const viewer = new Viewer(server, pass, channel.id);
    ending(t, () => viewer.close());
    await viewer.load();
    const before = viewer.playlist;
    const waiting = viewer.load({ msn: before.next + 1 });
    const again = await publish(channel.rtmp_url, file.flv); // from its beginning: other timestamps
    ending(t, () => again.drop());
    await again.send();
    await waiting;
    await again.end();
    await until(() => viewer.load(), (p) => p.segments.length > before.segments.length + 1);
    const joints = viewer.playlist.segments.filter((s) => s.isDiscontinuous);
    assert.equal(joints.length, 1);
    await end(operator, server, channel.id);
    const sent = pictures(file.mp4);
    const shown = pictures(`${server.url}${(await server.play(channel.id)).path_hls}`, ['-allowed_extensions', 'ALL']);
    assert.deepEqual(shown.slice(-sent.length), sent, 'what came after the drop is whole');
    assert.deepEqual(shown.slice(0, shown.length - sent.length), sent.slice(0, shown.length - sent.length), 'what came before it too');
    assert.ok(shown.length > sent.length + 60);
});

test('a second encoder is refused, or takes over; a new key lets the old one go', async (t) => {
    const file = source(t, { seconds: 4 });
    const { server, operator, channel, encoder } = await onAir(t, { file });
    await assert.rejects(publish(channel.rtmp_url, file.flv), /BadName/);
    assert.equal((await operator.call('PATCH', `/operator/channels/${channel.id}`, { backup: 'take_over' })).json.backup, 'take_over');
    const second = await publish(channel.rtmp_url, file.flv);
    ending(t, () => second.drop());
    await second.send(1000);
    await encoder.send(); // the first hears of it with what it sends next
    await encoder.closed;
    const rotated = (await operator.call('POST', `/operator/channels/${channel.id}/key`)).json;
    assert.notEqual(rotated.key, channel.key);
    assert.ok(rotated.rtmp_url.endsWith(rotated.key));
    await second.send(2000);
    await second.send();
    await second.closed;
    await assert.rejects(publish(channel.rtmp_url, file.flv), /BadName/);
    const third = await publish(rotated.rtmp_url, file.flv);
    ending(t, () => third.drop());
    await third.send();
    await channelUntil(operator, channel.id, (one) => one.health?.video?.width === 320);
    assert.equal((await server.metric('live_publishers_total')), 3);
});

test('what is held gets a proper answer: the end, a token that ends, a part that never comes', async (t) => {
    const { server, operator, channel, encoder } = await onAir(t, { ms: 2600 });
    const pass = await server.play(channel.id);
    const viewer = new Viewer(server, pass, channel.id);
    ending(t, () => viewer.close());
    await viewer.load();
    const { next, parts, hint } = viewer.playlist;
    for (const query of [`_HLS_msn=${next + 20}`, '_HLS_part=1', '_HLS_msn=x', `_HLS_msn=${next}&_HLS_part=-1`, `_HLS_msn=${next}&_HLS_part=99999999999`]) {
        const answer = await viewer.get(`v0.m3u8?${query}`);
        assert.equal(answer.status, 400, query);
    }
    for (const name of ['v7.m3u8', 'v0-99999.m4s', 'nothing', '.recording', '..', 'v0-i9.mp4']) {
        const status = (await viewer.get(name)).status;
        assert.ok([400, 404].includes(status), `${name}: ${status}`);
    }
    assert.equal((await viewer.get('v0.m3u8', { method: 'HEAD' })).status, 200);

    const ask = (file, headers = {}) => {
        const wire = new Wire(server.port);
        ending(t, () => wire.close());
        return viewer.get(file, { wire, headers });
    };
    const reload = `v0.m3u8?_HLS_msn=${next}&_HLS_part=${parts.length}`;
    const held = (count) => until(() => server.metric('http_held_now'), (n) => n === count);

    const late = [ask(reload), ask(hint.uri, { range: `bytes=${hint.start}-` })];
    await held(2);
    await server.advance(5_900);
    await held(2);
    await server.advance(200);
    for (const answer of await Promise.all(late)) {
        assert.equal(answer.status, 503, 'three targets are the limit');
        assert.equal(JSON.parse(answer.body).error.code, 'http.held_too_long');
    }

    const pieces = [];
    let cutShort;
    const wire = new Wire(server.port);
    ending(t, () => wire.close());
    const reading = viewer.get(hint.uri, { wire, headers: { range: 'bytes=0-' }, onPiece: (piece) => pieces.push(piece) }).catch((error) => { cutShort = error; });
    await until(() => server.metric('http_streams_now'), (n) => n === 1);
    await until(() => server.metric('http_held_now'), () => pieces.length > 0);
    const before = Buffer.concat(pieces).length;

    const revoked = [ask(reload), ask(hint.uri, { range: `bytes=${hint.start}-` })];
    await held(2);
    assert.equal((await server.call('DELETE', `/api/v1/playback/${pass.session}`)).status, 204);
    await encoder.send(3400);
    for (const answer of await Promise.all(revoked)) {
        assert.equal(answer.status, 403, 'no byte after the session has ended');
        assert.equal(JSON.parse(answer.body).error.code, 'token.revoked');
    }
    assert.equal((await ask('v0.m3u8')).status, 403);
    await soon(reading, 'the end of what was being read');
    assert.match(cutShort?.message ?? '', /closed the connection in the middle/, 'what grew is cut short, so that nobody takes it for whole');
    assert.equal(Buffer.concat(pieces).length, before, 'and not a byte came after the session had ended');

    viewer.pass = await server.play(channel.id);
    await encoder.end(); // what was open is closed as a shorter part
    await channelUntil(operator, channel.id, (one) => one.health === null);
    await viewer.load();
    const last = viewer.playlist;
    const over = [ask(`v0.m3u8?_HLS_msn=${last.next}&_HLS_part=${last.parts.length}`), ask(`v0-${last.next + 1}.m4s`, { range: 'bytes=0-' })];
    await held(2);
    await operator.call('POST', `/operator/channels/${channel.id}/end`);
    const [playlist, segment] = await Promise.all(over);
    assert.equal(playlist.status, 200);
    assert.ok(readPlaylist(playlist.body.toString()).hasEnd);
    assert.ok([404, 416].includes(segment.status), `a hint that never came: ${segment.status}`);
    await titleUntil(server, channel.id, (title) => title.status === 'ready');
});

test('killed while several channels record: all of it plays, and the window goes on', async (t) => {
    const file = source(t, { seconds: 6 });
    const { server, operator } = await startLive(t);
    const channels = [], encoders = [];
    for (let i = 0; i < 10; i++) {
        channels.push(await makeChannel(operator, { names: { en: `Channel ${i}` } }));
        encoders.push(await publish(channels[i].rtmp_url, file.flv));
        await encoders[i].send();
    }
    const known = [];
    for (const channel of channels) {
        await titleUntil(server, channel.id, (title) => title.status === 'live');
        const viewer = new Viewer(server, await server.play(channel.id), channel.id);
        known.push(await until(() => viewer.load(), (p) => p.segments.length >= 2));
        viewer.close();
    }
    await until(async () => [await server.metric('live_parts'), await server.metric('live_parts_recorded')], ([made, recorded]) => made === recorded);
    await server.kill();
    encoders.forEach((one) => one.drop());
    await server.start();
    operator.server = server;
    for (const [i, channel] of channels.entries()) {
        const fresh = (await operator.get(`/operator/channels/${channel.id}`)).json;
        assert.equal(fresh.status, 'live');
        const viewer = new Viewer(server, await server.play(channel.id), channel.id);
        ending(t, () => viewer.close());
        const before = await viewer.load();
        assert.ok(before.segments.length >= known[i].segments.length - 1, `${before.segments.length} of ${known[i].segments.length} segments are still there`);
        for (const segment of before.segments) assert.ok((await viewer.bytes(segment.uri)).includes('moof'));
        const encoder = await publish(fresh.rtmp_url, file.flv);
        ending(t, () => encoder.drop());
        await encoder.send();
        await encoder.end();
        const after = await until(() => viewer.load(), (p) => p.segments.length >= before.segments.length + 2);
        assert.equal(after.first, before.first);
        assert.deepEqual(after.segments.slice(0, before.segments.length).map((s) => s.uri), before.segments.map((s) => s.uri));
        assert.equal(after.segments.filter((s) => s.isDiscontinuous).length, 1);
    }
    // And killed in the middle of an end: the next start finishes it.
    await operator.call('POST', `/operator/channels/${channels[0].id}/end`);
    await server.kill();
    await server.start();
    const over = await titleUntil(server, channels[0].id, (title) => title.status === 'ready');
    assert.ok(over.duration_ms > 11_000, String(over.duration_ms));
    const sent = pictures(file.mp4);
    const shown = pictures(`${server.url}${(await server.play(channels[0].id)).path_hls}`, ['-allowed_extensions', 'ALL']);
    assert.deepEqual(shown.slice(-sent.length), sent);
});

test('a server that stops tells those who wait to come again, and goes on where it was', async (t) => {
    const file = source(t, { seconds: 5 });
    const { server, operator, channel, encoder } = await onAir(t, { file, ms: 2600 });
    const viewer = new Viewer(server, await server.play(channel.id), channel.id);
    ending(t, () => viewer.close());
    const { next, parts, hint, segments } = await viewer.loadAll(2600);
    assert.ok(segments.length >= 1);
    const waiting = [viewer.get(`v0.m3u8?_HLS_msn=${next}&_HLS_part=${parts.length}`), viewer.get(hint.uri, { wire: viewer.hintWire, headers: { range: `bytes=${hint.start}-` } })];
    await until(() => server.metric('http_held_now'), (n) => n === 2);
    const ended = await server.stop();
    assert.equal(ended.code, 0, server.log());
    const answers = await Promise.all(waiting);
    // The encoder was let go first, so the part that was open is closed: who waits gets it, or is told to come again.
    for (const answer of answers) assert.ok([200, 206, 416, 503].includes(answer.status), String(answer.status));
    await encoder.closed;
    await server.start();
    assert.equal((await operator.get(`/operator/channels/${channel.id}`)).json.status, 'live');
    const again = new Viewer(server, await server.play(channel.id), channel.id);
    ending(t, () => again.close());
    assert.equal((await again.load()).segments[0].uri, segments[0].uri);
});

test('a full disk costs the recording, not the picture', async (t) => {
    const { server, operator, channel, encoder } = await onAir(t, { ms: 2100 });
    const viewer = new Viewer(server, await server.play(channel.id), channel.id);
    ending(t, () => viewer.close());
    await viewer.load();
    assert.equal((await server.call('POST', '/test/fault', { body: { arm: 'write:1+' } })).status, 200);
    const waiting = viewer.load({ msn: viewer.playlist.next + 1 });
    await encoder.send(6000);
    await waiting;
    assert.ok((await viewer.bytes(viewer.playlist.segments.at(-1).uri)).length > 1000, 'the picture goes on from memory');
    const alarmed = await channelUntil(operator, channel.id, (one) => one.alarms.some((alarm) => alarm.code === 'disk'));
    assert.ok(Date.parse(alarmed.alarms.find((alarm) => alarm.code === 'disk').since));
    await server.call('POST', '/test/fault', { body: { arm: '' } });
    await encoder.send();
    await encoder.end();
    const over = await end(operator, server, channel.id);
    assert.ok(over.duration_ms > 1000);
    const after = new Viewer(server, await server.play(channel.id), channel.id);
    ending(t, () => after.close());
    await after.load();
    for (const segment of after.playlist.segments.filter((s) => !s.isGap)) assert.ok((await after.bytes(segment.uri)).includes('moof'));
});

test('500 viewers that never read hold nobody up', async (t) => {
    const { server, channel, encoder } = await onAir(t, { ms: 2600 });
    const pass = await server.play(channel.id);
    const viewer = new Viewer(server, pass, channel.id);
    ending(t, () => viewer.close());
    await viewer.load();
    const deaf = await Promise.all(Array.from({ length: 500 }, () => new Promise((done) => {
        const wire = new Wire(server.port);
        wire.request(`/media/${channel.id}/${viewer.playlist.hint.uri}`, { headers: { ...viewer.fields, range: 'bytes=0-' } }).catch(() => {});
        wire.socket.once('connect', () => {
            wire.socket.pause();
            done(wire);
        });
    })));
    await until(() => server.metric('live_requests_total'), (n) => n >= 500);
    const reload = viewer.follow();
    await encoder.send(4500);
    await reload;
    await until(() => viewer.load(), (p) => p.segments.length >= 2);
    assert.ok(await server.metric('live_ring_bytes') < 20_000_000);
    deaf.forEach((wire) => wire.close());
    await until(() => server.metric('http_connections_now'), (n) => n < 10);
    await until(() => server.metric('http_streams_now'), (n) => n === 0);
    assert.equal(await server.metric('http_held_now'), 0);
});

test('a scheduled event opens at its time, or when the operator says so', async (t) => {
    const file = source(t, { seconds: 3 });
    const { server, operator } = await startLive(t);
    const at = (seconds) => new Date((1_800_000_000 + seconds) * 1000).toISOString();
    const channel = await makeChannel(operator, { starts_at: at(60) });
    const other = await makeChannel(operator, { names: { en: 'Later' }, starts_at: at(3600) });
    assert.deepEqual([channel.status, channel.starts_at], ['scheduled', at(60)]);
    const rows = (await server.get('/api/v1/titles?rows=1')).json.rows;
    assert.deepEqual(rows.map((row) => [row.id, row.items.map((item) => item.id)]), [['upcoming', [channel.id, other.id]]]);
    const early = await server.call('POST', `/api/v1/titles/${channel.id}/playback`);
    assert.deepEqual([early.json.error.code, early.json.error.starts_at], ['title.not_live', at(60)]);
    await assert.rejects(publish(channel.rtmp_url, file.flv), /NetStream/);
    await server.advance(61_000);
    assert.equal((await operator.get(`/operator/channels/${channel.id}`)).json.status, 'waiting');
    const encoder = await publish(channel.rtmp_url, file.flv);
    ending(t, () => encoder.drop());
    await encoder.send();
    const live = await titleUntil(server, channel.id, (title) => title.status === 'live');
    assert.equal(live.started_at, at(61));
    assert.equal((await operator.call('POST', `/operator/channels/${other.id}/start`)).json.status, 'waiting');
    assert.equal((await operator.call('DELETE', `/operator/channels/${channel.id}`)).json.error.code, 'channel.live');

    const page = (await server.get(`/title/${channel.id}`)).text;
    const json = JSON.parse(/<script type="application\/ld\+json">(.*?)<\/script>/.exec(page)[1]);
    assert.deepEqual([json['@type'], json.isLiveBroadcast, json.startDate], ['BroadcastEvent', true, at(61)]);

    await encoder.end();
    await end(operator, server, channel.id);
    assert.equal((await operator.call('POST', `/operator/channels/${channel.id}/start`)).json.error.code, 'feed.over');
    await assert.rejects(publish(channel.rtmp_url, file.flv), /NetStream/);
    // An event that nobody recorded is over, and there is nothing to watch.
    const quiet = await makeChannel(operator, { is_recorded: false });
    await operator.call('POST', `/operator/channels/${quiet.id}/end`);
    await until(() => server.call('POST', `/api/v1/titles/${quiet.id}/playback`), (answer) => answer.json.error?.code === 'title.over');
    for (const id of [channel.id, other.id, quiet.id]) assert.equal((await operator.call('DELETE', `/operator/channels/${id}`)).status, 204, id);
    assert.deepEqual((await operator.get('/operator/channels')).json.items, []);
    assert.equal((await server.get(`/api/v1/titles/${channel.id}`)).status, 404);
});

test('somebody looks and listens: preview, poster, pictures for the seek bar, level, a smaller picture', async (t) => {
    const file = source(t, { seconds: 8, size: '640x360', tone: 1000 });
    const { server, operator, channel, encoder } = await onAir(t, { file, ms: 700, hasStills: true, body: { ladder: [180] } });
    assert.equal((await operator.get(`/operator/channels/${channel.id}`)).json.ladder[0], 180);
    const shown = await until(() => operator.get(`/operator/channels/${channel.id}/preview.jpg`), (answer) => answer.status === 200);
    assert.equal(shown.headers.get('content-type'), 'image/jpeg');
    assert.equal(shown.bytes.readUInt16BE(0), 0xffd8);
    const { poster } = await titleUntil(server, channel.id, (title) => title.poster !== null);
    assert.equal((await server.get(poster)).bytes.readUInt16BE(0), 0xffd8);
    const viewer = new Viewer(server, await server.play(channel.id), channel.id, 'v1');
    ending(t, () => viewer.close());
    const seconds = (p) => [...p.segments, ...p.parts].reduce((sum, one) => sum + one.duration, 0);
    for (let ms = 900; ms <= 8200; ms += 200) { // no faster than it can be looked at
        await encoder.send(ms);
        if (ms > 2000) await until(() => viewer.get('v1.m3u8'), (answer) => answer.status === 200 && seconds(readPlaylist(answer.body.toString())) * 1000 > ms - 1600);
    }
    const heard = await channelUntil(operator, channel.id, (one) => typeof one.health?.audio?.level_dbfs === 'number');
    assert.ok(heard.health.audio.level_dbfs < -10 && heard.health.audio.level_dbfs > -40, String(heard.health.audio.level_dbfs));
    await until(() => viewer.load(), (p) => p.segments.filter((s) => !s.isGap).length >= 2);
    const smaller = viewer.playlist;
    viewer.name = 'v0';
    await viewer.load();
    const source0 = viewer.playlist;
    for (const one of smaller.segments.filter((s) => !s.isGap)) {
        const same = source0.segments.find((s) => s.msn === one.msn);
        assert.equal(one.duration, same.duration, `segment ${one.msn} is cut at the same place`);
        assert.ok((await viewer.bytes(one.uri)).includes('moof'));
    }
    assert.match((await viewer.get('master.m3u8')).body.toString(), /RESOLUTION=320x180/);
    const thumbs = await until(() => viewer.get('thumbs.vtt'), (answer) => answer.status === 200 && answer.body.includes('thumbs-'));
    const [, name] = /(thumbs-\d+\.jpg)/.exec(thumbs.body.toString());
    assert.equal((await viewer.get(name)).body.readUInt16BE(0), 0xffd8);
    await encoder.end();
    const over = await end(operator, server, channel.id);
    assert.deepEqual(over.heights, [360, 180]);
    assert.ok(over.poster);
    assert.equal((await server.get(over.poster)).status, 200);
});

test('by SRT, with a passphrase: the same channel, every picture', async (t) => {
    const passphrase = 'correct-horse-battery';
    const file = source(t, { seconds: 5, bframes: 2 });
    const { server, operator } = await startLive(t, { clock: 'system', args: ['--srt', '127.0.0.1:0', '--srt-passphrase', passphrase] });
    const channel = await makeChannel(operator);
    const send = (url) => new Promise((done) => {
        const encoder = spawn('ffmpeg', ['-v', 'error', '-readrate', '4', '-i', file.mp4, '-c', 'copy', '-f', 'mpegts', `${url}&linger=5`], { stdio: ['ignore', 'ignore', 'pipe'] });
        ending(t, () => encoder.kill('SIGKILL'));
        let said = '';
        encoder.stderr.on('data', (data) => { said += data; });
        encoder.on('exit', (code) => done({ code, said }));
    });
    const url = channel.srt_url;
    assert.notEqual((await send(url.replace(channel.key, 'nobodys-key-0123'))).code, 0);
    assert.notEqual((await send(url.replace(/&passphrase=.*/, '&passphrase=wrong-horse-battery'))).code, 0);
    const sent = send(url);
    const health = (await channelUntil(operator, channel.id, (one) => one.health?.video && one.status === 'live')).health;
    assert.deepEqual([health.protocol, health.video.width, health.audio.sample_rate], ['srt', 320, 48000]);
    const { code, said } = await sent;
    assert.equal(code, 0, said);
    await channelUntil(operator, channel.id, (one) => one.health === null);
    await end(operator, server, channel.id);
    assert.deepEqual(pictures(`${server.url}${(await server.play(channel.id)).path_hls}`, ['-allowed_extensions', 'ALL']), pictures(file.mp4));
    assert.doesNotMatch(server.log(), new RegExp(`${channel.key}|${passphrase}`));
});

test('over HTTP/2 as over HTTP/1.1: held, and streamed as it grows', async (t) => {
    const [port] = await freePorts(1);
    const { server, channel, encoder } = await onAir(t, { ms: 2600, args: ['--https', `127.0.0.1:${port}`] });
    const pass = await server.play(channel.id);
    const viewer = new Viewer(server, pass, channel.id);
    ending(t, () => viewer.close());
    await viewer.loadAll(2600);
    assert.ok(viewer.playlist.next === 1 && viewer.playlist.parts.length >= 1);
    const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    ending(t, () => session.destroy());
    const ask = (file, headers = {}) => new Promise((done, fail) => {
        const request = session.request({ ':path': `/media/${channel.id}/${file}`, ...viewer.fields, ...headers });
        const pieces = [];
        let fields;
        request.on('response', (all) => { fields = all; }).on('data', (piece) => pieces.push(piece)).on('error', fail);
        request.on('end', () => done({ status: fields[':status'], fields, body: Buffer.concat(pieces), pieces })).end();
    });
    const { next, parts, hint } = viewer.playlist;
    const waiting = [ask(`v0.m3u8?_HLS_msn=${next}&_HLS_part=${parts.length}`), ask(hint.uri, { range: `bytes=${hint.start}-` }), ask('a0.m3u8')];
    assert.equal((await waiting[2]).status, 200);
    await until(() => server.metric('http_held_now'), (n) => n === 2);
    await encoder.send(5000);
    const [playlist, segment] = await Promise.all(waiting);
    assert.equal(playlist.status, 200);
    checkPlaylist(playlist.body.toString());
    assert.equal(segment.status, 206);
    assert.match(segment.fields['content-range'], new RegExp(`^bytes ${hint.start}-`));
    assert.ok(segment.body.equals((await viewer.bytes(hint.uri)).subarray(hint.start)));
});

test('players say how they fare, and the operator sees it', async (t) => {
    const { server, operator, channel, encoder } = await onAir(t, { args: ['--cors', 'https://player.example'] });
    const pass = await server.play(channel.id);
    const cmcd = (text) => `?CMCD=${encodeURIComponent(text)}`;
    assert.equal((await pass.media(`v0.m3u8${cmcd('ot=m,su,sid="a"')}`)).status, 200);
    assert.equal((await pass.media(`v0.m3u8${cmcd('br=2000,ot=v,ltc=900,msd=410,sid="a",v=2')}`)).status, 200);
    const other = await server.play(channel.id);
    assert.equal((await other.media('a0.m3u8', { 'cmcd-session': 'sid="b"', 'cmcd-object': 'br=1000,ot=v', 'cmcd-status': 'bs' })).status, 200);
    const { json } = await operator.get(`/operator/channels/${channel.id}/quality`);
    assert.equal(json.sessions, 2);
    assert.deepEqual(json.startup_ms, { median: 410, p95: 410 });
    assert.deepEqual(json.latency_ms, { median: 900, p95: 900 });
    assert.ok(json.bitrate_bps > 0);
    assert.equal((await operator.get(`/operator/channels/${channel.id}`)).json.viewers, 2);
    assert.equal((await server.get(`/api/v1/titles/${channel.id}`)).json.viewers, 2);
    assert.equal(await server.metric('live_viewers'), 2);

    // Players on other sites may read the answers, refusals too.
    for (const file of ['v0.m3u8', 'v0-i1.mp4', 'v0-77.m4s', 'v0.m3u8?_HLS_msn=x'])
        assert.equal((await pass.media(file)).headers.get('access-control-allow-origin'), 'https://player.example', file);
    const asked = await server.call('OPTIONS', `/media/${channel.id}/v0.m3u8`);
    assert.equal(asked.status, 204);
    assert.match(asked.headers.get('access-control-allow-headers'), /range.*cmcd-session/);

    // The desk hears of it without asking.
    const listening = new AbortController();
    const events = await fetch(`${server.url}/api/v1/events`, { headers: { cookie: operator.cookie }, signal: listening.signal });
    const reader = events.body.getReader();
    let text = '';
    const heard = (pattern) => soon((async () => {
        for (let found; ; text += Buffer.from((await reader.read()).value).toString()) if ((found = pattern.exec(text))) return found;
    })(), `an event like ${pattern}`);
    const [, data] = await heard(/event: channel\ndata: (.*)\n\n/);
    assert.deepEqual([JSON.parse(data).id, JSON.parse(data).status, JSON.parse(data).viewers], [channel.id, 'live', 2]);
    await encoder.end();
    await heard(/"health":null/);
    await operator.call('POST', `/operator/channels/${channel.id}/end`);
    await heard(/"status":"ended"/);
    listening.abort();
});

test('each allocation of a request for what is live may fail', async (t) => {
    const file = source(t, { seconds: 12 });
    const { server, channel, encoder } = await onAir(t, { file, ms: 1200 });
    const viewer = new Viewer(server, await server.play(channel.id), channel.id);
    ending(t, () => viewer.close());
    await viewer.load();
    for (let nth = 1; nth <= 40; nth++) {
        const wires = [1, 2, 3].map(() => new Wire(server.port));
        const { next, parts, hint } = viewer.playlist;
        await server.call('POST', '/test/fault', { body: { arm: `alloc:${nth}` } });
        const answers = [
            viewer.get(`v0.m3u8?_HLS_msn=${next}&_HLS_part=${parts.length}`, { wire: wires[0] }),
            viewer.get(hint.uri, { wire: wires[1], headers: { range: `bytes=${hint.start}-` } }),
            viewer.get(hint.uri, { wire: wires[2] }),
        ].map((one) => one.catch((error) => error)); // an answer cut short is one too
        await encoder.send(1200 + nth * 250);
        await server.call('POST', '/test/fault', { body: { arm: '' } });
        await encoder.send(1700 + nth * 250);
        for (const wire of wires) setTimeout(() => wire.close(), 60).unref();
        await Promise.all(answers);
        wires.forEach((wire) => wire.close());
        await viewer.load();
    }
    await until(() => server.metric('http_streams_now'), (n) => n === 0);
    await until(() => server.metric('http_held_now'), (n) => n === 0);
});

