// SPDX-License-Identifier: AGPL-3.0-or-later
//
// What comes to an RTMP port that is open to the world, and what real encoders do that no standard foresees: the server goes on, and
// whoever is on air does not notice.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { ending } from './lib/ending.mjs';
import { channelUntil, makeChannel, pictures, source, startLive, titleUntil, until, Viewer } from './lib/live.mjs';
import { publish, readFlv, soon } from './lib/rtmp.mjs';
import { folder } from './lib/server.mjs';

const hello = Buffer.concat([Buffer.from([3]), Buffer.alloc(1536, 9), Buffer.alloc(1536, 9)]);
const message = (type, body, id = 3) => {
    const head = Buffer.from([id, 0, 0, 0, body.length >> 16, body.length >> 8 & 255, body.length & 255, type, 0, 0, 0, 0]), parts = [head];
    for (let at = 0; at < body.length; at += 128) {
        if (at) parts.push(Buffer.from([0xc0 | id]));
        parts.push(body.subarray(at, at + 128));
    }
    return Buffer.concat(parts);
};
const text = (s) => Buffer.concat([Buffer.from([2, s.length >> 8, s.length & 255]), Buffer.from(s)]);
const number = (n) => {
    const out = Buffer.alloc(9);
    out.writeDoubleBE(n, 1);
    return out;
};
const call = (name, transaction, ...more) => message(20, Buffer.concat([text(name), number(transaction), ...more]));
const connected = call('connect', 1, Buffer.from([3]), text('app').subarray(1), text('live'), Buffer.from([0, 0, 9]));
const refused = [connected, call('createStream', 2, Buffer.from([5])), call('publish', 3, Buffer.from([5]), text('no-such-k3y'), text('live'))];

/** The same noise in every run. */
function noise(seed, bytes) {
    const out = Buffer.alloc(bytes);
    for (let i = 0, x = seed; i < bytes; i++) out[i] = (x = (x * 1103515245 + 12345) >>> 0) >>> 16;
    return out;
}

const deep = (levels) => Buffer.concat([...Array.from({ length: levels }, () => Buffer.from([3, 0, 1, 97])), Buffer.from([5])]);
const chunkSize = (n) => message(1, Buffer.from([n >> 24 & 255, n >> 16 & 255, n >> 8 & 255, n & 255]), 2);
const attacks = {
    'another protocol': [Buffer.from('GET /live HTTP/1.1\r\nHost: x\r\n\r\n')],
    'TLS': [Buffer.from('16030102000100', 'hex'), noise(1, 512)],
    'the encrypted form': [Buffer.from([6]), noise(2, 1536)],
    'noise from the start': [Buffer.from([3]), noise(3, 20000)],
    'noise behind the handshake': [hello, noise(4, 50000)],
    'noise behind connect': [hello, connected, noise(5, 50000)],
    'objects a thousand deep': [hello, message(20, Buffer.concat([text('connect'), number(1), deep(1000)]))],
    'an array of four thousand million': [hello, message(20, Buffer.concat([text('connect'), number(1), Buffer.from([10, 255, 255, 255, 255])]))],
    'a message of 16 MB': [hello, Buffer.from([3, 0, 0, 0, 255, 255, 255, 20, 0, 0, 0, 0]), noise(6, 100000)],
    'a chunk size of nothing': [hello, chunkSize(0)],
    'a negative chunk size': [hello, chunkSize(-1)],
    'too many chunk streams': [hello, ...Array.from({ length: 60 }, (_, i) => Buffer.from([3 + i, 0, 0, 0, 0, 1, 0, 18, 0, 0, 0, 0]).subarray(0, 12))],
    'a header that refers to nothing': [hello, Buffer.from([0xc5, 1, 2, 3])],
    'commands for ever': [hello, connected, ...Array.from({ length: 300 }, (_, i) => call('_checkbw', i + 2, Buffer.from([5])))],
    'publish before connect': [hello, refused[2]],
    'pictures before publish': [hello, connected, message(9, noise(7, 5000), 6), message(9, noise(8, 5000), 6)],
    'somebody who wants to watch': [hello, connected, call('createStream', 2, Buffer.from([5])), call('play', 3, Buffer.from([5]), text('x'))],
    'a wrong key': [hello, ...refused],
};

/** Sends and waits until the server has hung up (or, for those that it may keep for a while, hangs up itself). */
async function attack(port, pieces) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    const closed = once(socket, 'close');
    socket.resume();
    await once(socket, 'connect');
    for (const piece of pieces) socket.write(piece);
    socket.end();
    await soon(closed, 'the server to hang up');
}

test('who is on air does not notice strangers', async (t) => {
    const file = source(t, { seconds: 6, bframes: 2 });
    const { server, operator } = await startLive(t, { clock: 'system' });
    const channel = await makeChannel(operator);
    const port = Number(new URL(channel.rtmp_url).port), key = channel.key;
    const encoder = await publish(channel.rtmp_url, file.flv);
    ending(t, () => encoder.drop());
    await encoder.send(1000);
    await titleUntil(server, channel.id, (title) => title.status === 'live');

    const idle = Array.from({ length: 300 }, (_, i) => { // more than may wait; half of them have begun a handshake
        const socket = connect(port, '127.0.0.1').on('error', () => {});
        if (i % 2) socket.write(hello.subarray(0, i * 10));
        return socket;
    });
    ending(t, () => idle.forEach((socket) => socket.destroy()));
    let ms = 1000;
    for (const [name, pieces] of Object.entries(attacks)) {
        await t.test(name, () => attack(port, pieces));
        await encoder.send(ms += 200);
        assert.ok(!encoder.isClosed, name);
    }
    await t.test('every byte by itself', async () => {
        const socket = connect(port, '127.0.0.1').on('error', () => {});
        const closed = once(socket, 'close'), answers = [];
        socket.setNoDelay(true).on('data', (data) => answers.push(data));
        await once(socket, 'connect');
        for (const byte of Buffer.concat([hello, ...refused])) if (!socket.write(Buffer.from([byte]))) await once(socket, 'drain');
        await soon(closed, 'the refusal');
        assert.match(Buffer.concat(answers).toString('latin1'), /NetStream\.Publish\.BadName/);
    });
    await assert.rejects(publish(channel.rtmp_url, file.flv), /BadName/); // the port still answers who comes properly
    await encoder.send();
    await encoder.end();
    assert.equal((await operator.call('POST', `/operator/channels/${channel.id}/end`)).status, 200);
    await titleUntil(server, channel.id, (title) => title.status === 'ready');
    const { path_hls } = await server.play(channel.id);
    assert.deepEqual(pictures(`${server.url}${path_hls}`, ['-allowed_extensions', 'ALL']), pictures(file.mp4));
    assert.ok(!server.log().includes('no-such-k3y') && !server.log().includes(key), 'no line has a key');
});

/** The pictures of a recording, init segment by init segment: each with the segments that belong to it. */
async function picturesByInit(t, viewer) {
    const runs = [];
    for (const segment of viewer.playlist.segments) {
        if (segment.isGap) continue;
        if (runs.at(-1)?.map !== segment.map) runs.push({ map: segment.map, parts: [await viewer.bytes(segment.map)] });
        runs.at(-1).parts.push(await viewer.bytes(segment.uri));
    }
    return runs.flatMap(({ parts }, i) => {
        const path = join(folder(t), `run-${i}.mp4`);
        writeFileSync(path, Buffer.concat(parts));
        return pictures(path);
    });
}

test('an encoder that changes its size, jumps in time and goes over the 32-bit wrap is recorded whole', async (t) => {
    const small = source(t, { seconds: 4 }), large = source(t, { seconds: 3, size: '640x360', rate: 30, gop: 30 });
    const { server, operator } = await startLive(t, { clock: 'system' });
    const channel = await makeChannel(operator);
    const encoder = await publish(channel.rtmp_url, small.flv);
    ending(t, () => encoder.drop());
    const wrap = 2 ** 32;
    encoder.rewind(wrap - 2000); // wraps after two seconds
    await encoder.send();
    const change = async (file, offset) => {
        encoder.tags = readFlv(file.flv);
        encoder.rewind(offset);
        await encoder.send();
    };
    await change(large, wrap - 2000 + 4000); // another size, times go on
    await channelUntil(operator, channel.id, (one) => one.health?.video?.height === 360);
    await change(large, wrap + 3_600_000); // an hour ahead
    await change(small, wrap + 10_000); // an hour back, and small again
    await channelUntil(operator, channel.id, (one) => one.health?.video?.height === 180);
    await encoder.end();
    await channelUntil(operator, channel.id, (one) => one.health === null);
    assert.equal((await operator.call('POST', `/operator/channels/${channel.id}/end`)).status, 200);
    await titleUntil(server, channel.id, (title) => title.status === 'ready');
    const viewer = new Viewer(server, await server.play(channel.id), channel.id);
    ending(t, () => viewer.close());
    await until(() => viewer.load(), (p) => p.hasEnd);
    const wanted = [small, large, large, small].flatMap((file) => pictures(file.mp4));
    assert.deepEqual(await picturesByInit(t, viewer), wanted);
});
