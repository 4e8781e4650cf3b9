// SPDX-License-Identifier: AGPL-3.0-or-later
//
// The same journey by SRT: the ffmpeg command is the encoder.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ending } from './lib/ending.mjs';
import { channelUntil, makeChannel, pictures, run, source, startLive, titleUntil, until, Viewer } from './lib/live.mjs';

/** The encoder: sends the file at `speed` times its own and ends; resolves to its exit code and what it said. */
function encode(t, input, url, { speed = 3, isLoop = false, options = ['-c', 'copy'] } = {}) {
    const child = spawn('ffmpeg', ['-nostdin', '-v', 'error', '-readrate', String(speed), ...(isLoop ? ['-stream_loop', '-1'] : []), '-i', input, ...options, '-f', 'mpegts', `${url}&linger=5`], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (data) => { said += data; });
    ending(t, () => child.kill('SIGKILL'));
    const done = new Promise((resolve) => child.on('close', (code) => resolve({ code, said })));
    return { child, done };
}

async function onAir(t, { file, body, options, args = [] }) {
    const { server, operator } = await startLive(t, { clock: 'system', args: ['--srt', '127.0.0.1:0', ...args] });
    const channel = await makeChannel(operator, body);
    const encoder = encode(t, file, channel.srt_url, options);
    await titleUntil(server, channel.id, (title) => title.status === 'live');
    return { server, operator, channel, encoder };
}

test('a feed by SRT is on screen, and each of its pictures is in the recording', async (t) => {
    const file = source(t, { seconds: 5, bframes: 2, gop: 25 });
    // two seconds before the 33 bits of the clock are used up (2^33 / 90000 s)
    const { server, operator, channel, encoder } = await onAir(t, { file: file.mp4, options: { speed: 1, options: ['-c', 'copy', '-output_ts_offset', '95440.3'] } });
    const pass = await server.play(channel.id);
    const viewer = new Viewer(server, pass, channel.id);
    ending(t, () => viewer.close());
    await until(() => viewer.load(), (p) => p.segments.length >= 1 || p.parts.length >= 2);
    const live = await channelUntil(operator, channel.id, (one) => one.health?.video?.codec && one.health.round_trip_ms !== null);
    assert.equal(live.health.protocol, 'srt');
    assert.match(live.health.agent, /^SRT 1\./);
    assert.deepEqual([live.health.video.width, live.health.video.height, live.health.audio.sample_rate], [320, 180, 48000]);

    assert.deepEqual(await encoder.done, { code: 0, said: '' });
    await channelUntil(operator, channel.id, (one) => one.health === null);
    assert.equal((await operator.call('POST', `/operator/channels/${channel.id}/end`)).status, 200);
    await titleUntil(server, channel.id, (title) => title.status === 'ready');
    const after = await server.play(channel.id);
    assert.deepEqual(pictures(`${server.url}${after.path_hls}`, ['-allowed_extensions', 'ALL']), pictures(file.mp4));
    assert.doesNotMatch((await after.media('v0.m3u8')).text, /DISCONTINUITY\n/, 'the clock that wraps is one clock');
    assert.doesNotMatch(server.log(), new RegExp(channel.key), 'no line has the key');
});

test('HEVC and sound that browsers do not play: the picture as it is, the sound as AAC', async (t) => {
    const file = source(t, { seconds: 3 });
    const ts = join(dirname(file.mp4), 'broadcast.ts');
    run('ffmpeg', ['-v', 'error', '-i', file.mp4, '-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error:keyint=25:info=0', '-c:a', 'mp2', '-ac', '2', '-y', ts]);
    const { server, operator, channel, encoder } = await onAir(t, { file: ts });
    assert.equal((await encoder.done).code, 0);
    await channelUntil(operator, channel.id, (one) => one.health === null);
    assert.equal((await operator.call('POST', `/operator/channels/${channel.id}/end`)).status, 200);
    await titleUntil(server, channel.id, (title) => title.status === 'ready');
    const after = await server.play(channel.id);
    const master = (await after.media('master.m3u8')).text;
    assert.match(master, /CODECS="hvc1\.[^"]*,mp4a\.40\.2"/);
    assert.deepEqual(pictures(`${server.url}${after.path_hls}`, ['-allowed_extensions', 'ALL']), pictures(ts));
});

test('who may not publish is told so in SRT\'s way', async (t) => {
    const file = source(t, { seconds: 1 });
    const { server, operator } = await startLive(t, { clock: 'system', args: ['--srt', '127.0.0.1:0', '--srt-passphrase', 'a-long-enough-secret'] });
    const channel = await makeChannel(operator);
    const base = channel.srt_url.split('?')[0], good = `${base}?streamid=publish:${channel.key}`, phrase = '&passphrase=a-long-enough-secret';
    for (const [url, pattern] of [[`${base}?streamid=publish:nobodys-key-0123${phrase}`, /code=feed\.key/],
        [`${base}?streamid=read:${channel.key}${phrase}`, /code=srt\.mode/],
        [good, null], [`${good}&passphrase=another-secret-altogether`, null]]) {
        const { code } = await encode(t, file.mp4, url).done;
        assert.notEqual(code, 0, url);
        if (pattern) await until(() => server.log(), (log) => pattern.test(log));
    }
    assert.equal((await operator.get(`/operator/channels/${channel.id}`)).json.health, null);
    const first = encode(t, file.mp4, channel.srt_url, { speed: 1, isLoop: true }); // the address to copy has all that is needed
    await titleUntil(server, channel.id, (title) => title.status === 'live');
    assert.notEqual((await encode(t, file.mp4, channel.srt_url).done).code, 0, 'one at a time');
    await until(() => server.log(), (log) => /srt refused .*code=feed\.taken/.test(log));
    assert.equal((await operator.get(`/operator/channels/${channel.id}`)).json.health?.protocol, 'srt', 'the first goes on');
    first.child.kill('SIGKILL');
    assert.doesNotMatch(server.log(), new RegExp(`${channel.key}|nobodys-key`), 'no line has a key');
});

test('a stream that cannot be used is refused in words, and the server goes on', async (t) => {
    const file = source(t, { seconds: 2 });
    const at = dirname(file.mp4), two = join(at, 'two.ts'), junk = join(at, 'junk.ts');
    run('ffmpeg', ['-v', 'error', '-i', file.mp4, '-map', '0:v', '-map', '0:v', '-c', 'copy', '-program', 'program_num=3:st=0', '-program', 'program_num=5:st=1', '-y', two]);
    const { server, operator } = await startLive(t, { clock: 'system', args: ['--srt', '127.0.0.1:0'] });
    const channel = await makeChannel(operator);
    await encode(t, two, channel.srt_url, { options: ['-map', '0', '-c', 'copy', '-program', 'program_num=3:st=0', '-program', 'program_num=5:st=1'] }).done;
    await until(() => server.log(), (log) => /code=srt\.programmes programmes=3,5/.test(log));
    await until(() => server.metric('live_publishers'), (n) => n === 0);
    // a transport stream with a tenth of its bytes turned round
    run('ffmpeg', ['-v', 'error', '-i', file.mp4, '-c', 'copy', '-y', junk]);
    const bytes = readFileSync(junk);
    for (let i = 0; i < bytes.length; i += 10) bytes[i] ^= (i * 7) & 0xff;
    writeFileSync(junk, bytes);
    const port = new URL(channel.srt_url.replace('srt:', 'http:')).port;
    spawnSync('ffmpeg', ['-nostdin', '-v', 'quiet', '-f', 'data', '-i', junk, '-map', '0', '-c', 'copy', '-f', 'data', `srt://127.0.0.1:${port}?streamid=publish:${channel.key}&linger=5`]);
    await until(() => server.metric('live_publishers_total'), (n) => n === 2); // it was let in, and is gone again
    await until(() => server.metric('live_publishers'), (n) => n === 0);
    const { code } = await encode(t, file.mp4, channel.srt_url).done;
    assert.equal(code, 0);
    await titleUntil(server, channel.id, (title) => title.status === 'live');
});

/** CRC-32 of MPEG-2. */
function crc32(bytes) {
    let crc = 0xffffffff;
    for (const byte of bytes) {
        crc ^= byte << 24;
        for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
    }
    return crc >>> 0;
}
const sealed = (body) => {
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crc32(body));
    return Buffer.concat([body, crc]);
};
/** A packet with one section. */
function sectionPacket(pid, counter, section) {
    const packet = Buffer.alloc(188, 0xff);
    packet.set([0x47, 0x40 | pid >> 8, pid & 255, 0x10 | (counter & 15), 0]);
    section.copy(packet, 5);
    return packet;
}
/** splice_insert: out of the network at `pts` for `duration` (90 kHz), back by itself (SCTE 35 section 9.7.3). */
function spliceInsert(event, pts, duration) {
    const body = Buffer.from('fc302500000000000000fff0140500000000 7feffe00000000fe0000000000000000 0000'.replaceAll(' ', ''), 'hex');
    body.writeUInt32BE(event, 14);
    body.writeUInt32BE(pts, 21);
    body.writeUInt32BE(duration, 26);
    return sealed(body);
}

test('a break that the transport stream announces stands in the playlist and in the manifest', async (t) => {
    const file = source(t, { seconds: 6, audio: false });
    const plain = join(dirname(file.mp4), 'plain.ts'), marked = join(dirname(file.mp4), 'marked.ts');
    run('ffmpeg', ['-v', 'error', '-i', file.mp4, '-c', 'copy', '-mpegts_start_pid', '0x101', '-y', plain]);
    const bytes = readFileSync(plain), packets = [];
    const breakAt = 126000 + 4 * 90000; // where ffmpeg begins, and four seconds
    const section = spliceInsert(0x48000090, breakAt, 1.5 * 90000);
    assert.equal(section.length, 40);
    // our own table in the place of ffmpeg's: the picture, and a stream of cues beside it
    const pmt = sealed(Buffer.from('02b02300 01c10000 e101f006 0504435545491be101f00086e1f0f006050443554549'.replaceAll(' ', ''), 'hex').subarray(0, 34));
    let tables = 0, pictures = 0;
    for (let at = 0; at + 188 <= bytes.length; at += 188) {
        const packet = bytes.subarray(at, at + 188), pid = (packet[1] & 31) << 8 | packet[2];
        if (pid === 0x1000) packets.push(sectionPacket(0x1000, tables++, pmt));
        else packets.push(packet);
        if (pid === 0x101 && packet[1] & 0x40 && ++pictures === 50) packets.push(sectionPacket(0x1f0, 0, section)); // two seconds ahead
    }
    writeFileSync(marked, Buffer.concat(packets));
    const { server, operator } = await startLive(t, { clock: 'system', args: ['--srt', '127.0.0.1:0'] });
    const channel = await makeChannel(operator);
    run('ffmpeg', ['-nostdin', '-v', 'error', '-f', 'data', '-i', marked, '-map', '0', '-c', 'copy', '-f', 'data', `${channel.srt_url}&linger=5`]);
    await channelUntil(operator, channel.id, (one) => one.health === null && one.status === 'live');
    assert.equal((await operator.call('POST', `/operator/channels/${channel.id}/end`)).status, 200);
    await titleUntil(server, channel.id, (title) => title.status === 'ready');
    const after = await server.play(channel.id);
    const playlist = (await after.media('v0.m3u8')).text;
    const range = /#EXT-X-DATERANGE:([^\n]*)/.exec(playlist)?.[1] ?? assert.fail(playlist);
    assert.match(range, new RegExp(`SCTE35-OUT=0x${section.toString('hex')}`, 'i'));
    const began = Date.parse(/#EXT-X-PROGRAM-DATE-TIME:(\S+)/.exec(playlist)[1]), from = Date.parse(/START-DATE="([^"]*)"/.exec(range)[1]);
    assert.ok(Math.abs(from - began - 4000) <= 300, `${from - began} ms after the first picture`); // all came at once: the clock of arrival is being slewed
    assert.match((await after.media('manifest.mpd')).text, /schemeIdUri="urn:scte:scte35:/);
});
