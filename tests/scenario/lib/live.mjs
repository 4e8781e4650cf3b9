// SPDX-License-Identifier: AGPL-3.0-or-later
//
// A viewer in the hands of a test: HTTP/1.1 on a raw socket, and an LL-HLS client on top of it that uses all of the protocol: blocking
// reloads, preload hints by an open range, delta updates, rendition reports. Each playlist that it sees goes through hls-parser (strict)
// and m3u8-parser.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { join } from 'node:path';
import { soon } from './rtmp.mjs';
import { folder, root, start } from './server.mjs';

const require = createRequire(join(root, 'web/package.json'));

/** H.264 and AAC, made once, as MP4 and as FLV. */
export function source(t, { seconds = 8, size = '320x180', rate = 25, gop = 25, bframes = 0, video = true, audio = true, extra = [], tone = 440 } = {}) {
    const at = folder(t), mp4 = join(at, 'source.mp4'), flv = join(at, 'source.flv');
    const inputs = [
        ...(video ? ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}:duration=${seconds}`] : []),
        ...(audio ? ['-f', 'lavfi', '-i', `sine=frequency=${tone}:sample_rate=48000:duration=${seconds}`] : []),
    ];
    const coding = [
        ...(video ? ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', gop, '-keyint_min', gop, '-sc_threshold', 0, '-bf', bframes, '-pix_fmt', 'yuv420p', ...extra] : []),
        ...(audio ? ['-c:a', 'aac'] : []),
    ].map(String);
    run('ffmpeg', ['-v', 'error', ...inputs, ...coding, '-y', mp4]);
    run('ffmpeg', ['-v', 'error', '-i', mp4, '-c', 'copy', '-flvflags', 'no_duration_filesize', '-y', flv]);
    return { mp4, flv };
}

export function run(program, args, options = {}) {
    const done = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 << 20, ...options });
    assert.equal(done.status, 0, `${program} ${args.join(' ')}\n${done.stderr}`);
    return done.stdout;
}

/** MD5 of each decoded picture, in the order in which they are shown. */
export function pictures(input, options = []) {
    const text = run('ffmpeg', ['-v', 'error', ...options, '-i', input, '-map', '0:v', '-fps_mode', 'passthrough', '-f', 'framemd5', '-']);
    return text.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.split(',').pop().trim());
}

/** A server that takes RTMP (and SRT, if asked), with its operator. */
export async function startLive(t, { args = [], hasStills = false, ...options } = {}) {
    const server = await start(t, { args: ['--no-ladder', '--rtmp', '127.0.0.1:0', ...(hasStills ? [] : ['--no-stills']), ...args], ...options });
    const operator = await server.enter();
    return { server, operator };
}

export async function makeChannel(operator, body = {}) {
    const made = await operator.call('POST', '/operator/channels', { names: { en: 'On air' }, ...body });
    assert.equal(made.status, 201, made.text);
    return made.json;
}

/** Asks until it is so; each question is a round trip to the server, whose threads do the waiting. */
export async function until(ask, isSo, patienceMs = 60_000) {
    for (const since = Date.now(); Date.now() - since < patienceMs;) {
        const answer = await ask();
        if (await isSo(answer)) return answer;
    }
    assert.fail(`it never became so: ${isSo}`);
}

export const channelUntil = (operator, id, isSo) => until(async () => (await operator.get(`/operator/channels/${id}`)).json, isSo);
export const titleUntil = (server, id, isSo) => until(async () => (await server.get(`/api/v1/titles/${id}`)).json, isSo);

/* --- HTTP/1.1 by hand --- */

/** One connection; requests one after the other. */
export class Wire {
    constructor(port) {
        this.port = port;
    }

    #open() {
        const socket = connect(this.port, '127.0.0.1');
        this.socket = socket;
        socket.setNoDelay(true);
        this.buffer = Buffer.alloc(0);
        this.isClosed = false;
        socket.on('error', () => {});
        socket.on('data', (data) => {
            if (this.socket !== socket) return; // an earlier one
            this.buffer = Buffer.concat([this.buffer, data]);
            this.wake?.();
        });
        socket.on('close', () => {
            if (this.socket !== socket) return;
            this.isClosed = true;
            this.wake?.();
        });
    }

    async #need(isEnough) {
        while (!isEnough()) {
            assert.ok(!this.isClosed, 'the server closed the connection in the middle of an answer');
            await soon(new Promise((done) => { this.wake = done; }), `the rest of the answer to ${this.asked}`);
        }
    }

    async #line() {
        await this.#need(() => this.buffer.includes('\r\n'));
        const end = this.buffer.indexOf('\r\n');
        const line = this.buffer.toString('latin1', 0, end);
        this.buffer = this.buffer.subarray(end + 2);
        return line;
    }

    async #bytes(count) {
        await this.#need(() => this.buffer.length >= count);
        const bytes = this.buffer.subarray(0, count);
        this.buffer = this.buffer.subarray(count);
        return bytes;
    }

    /** {status, headers, body, isChunked}. `onPiece(bytes)` is told of each chunk as it comes, `onHead(status, headers)` of the beginning. */
    async request(path, { headers = {}, method = 'GET', onPiece, onHead } = {}) {
        if (!this.socket || this.isClosed) this.#open();
        this.asked = path;
        const fields = Object.entries({ host: `127.0.0.1:${this.port}`, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`).join('');
        this.socket.write(`${method} ${path} HTTP/1.1\r\n${fields}\r\n`);
        const status = Number((await this.#line()).split(' ')[1]);
        const got = {};
        for (let line = await this.#line(); line; line = await this.#line()) {
            const colon = line.indexOf(':');
            got[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
        }
        onHead?.(status, got);
        const pieces = [], isChunked = got['transfer-encoding'] === 'chunked';
        if (method === 'HEAD' || status === 204 || status === 304) return { status, headers: got, body: Buffer.alloc(0), isChunked };
        if (isChunked) {
            for (;;) {
                const size = parseInt(await this.#line(), 16);
                const piece = await this.#bytes(size);
                await this.#line();
                if (!size) break;
                pieces.push(piece);
                onPiece?.(piece);
            }
        } else {
            pieces.push(await this.#bytes(Number(got['content-length'] ?? 0)));
        }
        if (got.connection === 'close') this.close();
        return { status, headers: got, body: Buffer.concat(pieces), isChunked };
    }

    close() {
        this.socket?.destroy();
        this.isClosed = true;
    }
}

/* --- playlists --- */

const attributes = (text) => Object.fromEntries([...text.matchAll(/([A-Z0-9-]+)=("[^"]*"|[^,]*)/g)].map(([, name, value]) => [name, value.replace(/^"|"$/g, '')]));

/** What an LL-HLS playlist says, by our own reading of the standard. */
export function readPlaylist(text) {
    const lines = text.split('\n').filter(Boolean);
    assert.equal(lines[0], '#EXTM3U');
    const p = { segments: [], parts: [], reports: [], ranges: [], tags: {}, skipped: 0, hasEnd: false, discontinuitySequence: 0 };
    let msn = 0, map, parts = [], duration, time, isDiscontinuous = false, isGap = false;
    for (const line of lines) {
        const [, tag, rest] = /^#([A-Z0-9-]+)(?::(.*))?$/.exec(line) ?? [];
        const a = rest === undefined ? {} : attributes(rest);
        if (!line.startsWith('#')) {
            p.segments.push({ msn: msn++, uri: line, duration, map, parts, time, isDiscontinuous, isGap });
            parts = [];
            time = undefined;
            isDiscontinuous = isGap = false;
        } else if (tag === 'EXT-X-MEDIA-SEQUENCE') p.first = msn = Number(rest);
        else if (tag === 'EXT-X-SKIP') msn += p.skipped = Number(a['SKIPPED-SEGMENTS']);
        else if (tag === 'EXT-X-MAP') map = a.URI;
        else if (tag === 'EXTINF') duration = parseFloat(rest);
        else if (tag === 'EXT-X-PROGRAM-DATE-TIME') time = Date.parse(rest);
        else if (tag === 'EXT-X-DISCONTINUITY') isDiscontinuous = true;
        else if (tag === 'EXT-X-DISCONTINUITY-SEQUENCE') p.discontinuitySequence = Number(rest);
        else if (tag === 'EXT-X-GAP') isGap = true;
        else if (tag === 'EXT-X-PART') {
            const [length, offset] = a.BYTERANGE.split('@').map(Number);
            parts.push({ uri: a.URI, duration: Number(a.DURATION), length, offset, isIndependent: a.INDEPENDENT === 'YES' });
        } else if (tag === 'EXT-X-PRELOAD-HINT') p.hint = { uri: a.URI, start: Number(a['BYTERANGE-START'] ?? 0) };
        else if (tag === 'EXT-X-RENDITION-REPORT') p.reports.push({ uri: a.URI, msn: Number(a['LAST-MSN']), part: Number(a['LAST-PART']) });
        else if (tag === 'EXT-X-DATERANGE') p.ranges.push(a);
        else if (tag === 'EXT-X-TARGETDURATION') p.target = Number(rest);
        else if (tag === 'EXT-X-PART-INF') p.partTarget = Number(a['PART-TARGET']);
        else if (tag === 'EXT-X-SERVER-CONTROL') p.control = a;
        else if (tag === 'EXT-X-ENDLIST') p.hasEnd = true;
    }
    p.parts = parts; // of the segment that still grows
    p.next = msn;
    return p;
}

/** Between the last part of a segment and its EXTINF the hint may name the next segment already. hls-parser counts the hint as a part of the one
 *  before; for it that one is closed. */
function withClosedEnd(text) {
    if (!text.includes('#EXT-X-PRELOAD-HINT')) return text;
    const { parts, hint } = readPlaylist(text);
    if (!parts.length || hint.uri === parts[0].uri) return text;
    const duration = parts.reduce((sum, part) => sum + part.duration, 0);
    return text.replace('#EXT-X-PRELOAD-HINT', `#EXTINF:${duration.toFixed(6)},\n${parts[0].uri}\n#EXT-X-PRELOAD-HINT`);
}

/** Other people's parsers must take it too. */
export function checkPlaylist(text) {
    const hls = require('hls-parser');
    const { Parser } = require('m3u8-parser');
    hls.setOptions({ strictMode: true });
    let parsed;
    try {
        parsed = hls.parse(withClosedEnd(text));
    } catch (error) {
        assert.fail(`${error.message}\n${text}`);
    }
    const parser = new Parser();
    const warnings = [];
    parser.on('warn', (event) => warnings.push(event.message));
    parser.push(text);
    parser.end();
    assert.deepEqual(warnings, [], text);
    if (!parsed.isMasterPlaylist) {
        const p = readPlaylist(text);
        const closed = readPlaylist(withClosedEnd(text)).segments.length;
        assert.equal(parsed.segments.filter((s) => s.uri).length, closed, 'hls-parser counts the same segments');
        assert.equal(parser.manifest.segments.filter((s) => s.uri).length, p.segments.length, 'm3u8-parser counts the same segments');
        for (const s of p.segments) {
            assert.ok(Math.round(s.duration) <= p.target, `segment ${s.msn} lasts ${s.duration} s`);
            for (const part of s.parts) assert.ok(part.duration <= p.partTarget + 0.0005, `a part lasts ${part.duration} s`);
        }
    }
    return parsed;
}

/** An LL-HLS client for one rendition. */
export class Viewer {
    constructor(server, pass, title, name = 'v0') {
        this.pass = pass;
        this.prefix = `/media/${title}/`;
        this.name = name;
        this.wire = new Wire(server.port);
        this.hintWire = new Wire(server.port);
    }

    get fields() {
        return { 'cta-common-access-token': this.pass.token };
    }

    get(file, options = {}) {
        return (options.wire ?? this.wire).request(this.prefix + file, { ...options, headers: { ...this.fields, ...options.headers } });
    }

    /** The playlist, now or when that part is in it. */
    async load({ msn, part, skip } = {}) {
        const query = [msn !== undefined && `_HLS_msn=${msn}`, part !== undefined && `_HLS_part=${part}`, skip && `_HLS_skip=${skip}`].filter(Boolean).join('&');
        const answer = await this.get(`${this.name}.m3u8${query && '?'}${query}`);
        assert.equal(answer.status, 200, answer.body.toString());
        const text = answer.body.toString();
        if (!skip) checkPlaylist(text);
        this.text = text;
        const playlist = readPlaylist(text);
        if (!skip) this.playlist = playlist;
        return playlist;
    }

    /** Until each part is there that is whole in the `ms` that the encoder has sent: from then on, what comes next is held. */
    async loadAll(ms) {
        return until(() => this.load(), (p) => ms / 1000 - [...p.segments, ...p.parts].reduce((sum, one) => sum + one.duration, 0) < p.partTarget);
    }

    /** Waits for the next part. */
    async follow() {
        const { next, parts } = this.playlist;
        return this.load({ msn: next, part: parts.length });
    }

    async bytes(uri, from, length) {
        const range = length === undefined ? {} : { range: `bytes=${from}-${from + length - 1}` };
        const answer = await this.get(uri, { headers: range });
        assert.equal(answer.status, length === undefined ? 200 : 206, `${uri} ${from} ${length}: ${answer.status} ${answer.body.toString('latin1').slice(0, 200)}`);
        if (length !== undefined) assert.equal(answer.body.length, length);
        return answer.body;
    }

    close() {
        this.wire.close();
        this.hintWire.close();
    }
}

export { require };
