// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Clients that are slow, wrong, greedy or gone, against the real server. Each gets the status or the end that the standards ask for
// (RFC 9110, 9112, 9113), and after each the server serves another client as if nothing had been.
//
// One loop thread: what one connection has sent is then read before what another sends later is answered, so that a round trip on
// a second connection tells that the first has been read. Time is the test's.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { film, start } from './lib/server.mjs';
import { dial, h2 } from './lib/wire.mjs';

const BIG = 24 << 20; // more than all buffers on the way
const OK = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
const statusesIn = (text) => [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map((m) => Number(m[1]));

/** Random, but the same on each run. */
function dice(seed) {
    return (below) => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        return Math.floor((seed / 2 ** 32) * below);
    };
}

test('hostile clients', async (t) => {
    const server = await start(t, { args: ['--no-ladder', '--threads', '1'] });
    const operator = await server.enter();
    const { title, job } = await operator.import(film(t, { seconds: 1 }));
    assert.equal(job.state, 'done', JSON.stringify(job));
    const media = join(server.data, 'objects/titles', title);
    const big = randomBytes(BIG), small = randomBytes(1000);
    writeFileSync(join(media, 'v9.mp4'), big);
    writeFileSync(join(media, 'v8.mp4'), small);
    // Time goes on and tokens end: each test that needs one begins to watch anew.
    const token = async () => (await server.play(title)).token;
    const getMedia = (file, pass, more = '') => `GET /media/${title}/${file} HTTP/1.1\r\nHost: localhost\r\nCTA-Common-Access-Token: ${pass}\r\n${more}\r\n`;
    const isWell = async () => {
        const { status } = await server.get('/healthz');
        assert.equal(status, 200);
    };
    /** Asks for the metric until it is as wanted; each question is a turn of the server's loop. */
    const metricIs = async (name, is) => {
        for (;;) {
            const value = await server.metric(name);
            assert.notEqual(value, undefined, `no metric ${name}`);
            if (is(value)) return value;
        }
    };
    const trial = (name, run) => t.test(name, async (t) => {
        await run(t);
        await isWell();
    });
    /** Sends all and returns what came until the server closed. */
    const tell = async (bytes) => {
        const wire = await dial(server.port);
        await wire.send(bytes);
        return wire.rest();
    };

    await trial('a head that comes too slowly ends with 408, however often a byte comes', async () => {
        const before = await server.metric('http_timeouts_total');
        const stuck = await dial(server.port), drips = await dial(server.port);
        for (const wire of [stuck, drips]) {
            await wire.send(OK);
            assert.equal((await wire.response()).status, 200);
            await wire.send('GET /healthz HTTP/1.1\r\nHost: loc');
        }
        for (const byte of 'alho') {
            await server.advance(2400);
            await drips.send(byte);
        }
        await server.advance(2400);
        for (const wire of [stuck, drips]) {
            assert.equal((await wire.response())?.status, 408);
            assert.equal(await wire.rest(), '');
        }
        assert.equal(await server.metric('http_timeouts_total'), before + 2);
    });

    await trial('a body that comes too slowly ends with 408', async () => {
        const wire = await dial(server.port);
        await wire.send('POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nX-Grandstand: 1\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"co');
        await isWell();
        await server.advance(10_001);
        assert.equal((await wire.response())?.status, 408);
        assert.equal(await wire.rest(), '');
    });

    await trial('a client that takes nothing of a big file is let go', async () => {
        const wire = await dial(server.port);
        wire.socket.pause();
        await wire.send(getMedia('v9.mp4', await token()));
        await metricIs('http_requests_now', (now) => now >= 2); // it and the question
        await server.advance(60_001);
        await metricIs('http_requests_now', (now) => now === 1);
        wire.socket.resume();
        assert.ok((await wire.rest()).length < BIG);
    });

    await trial('1,000 connections that say nothing while another is served; later they are closed without a word', async () => {
        const before = await server.metric('http_connections_now');
        const silent = await Promise.all(Array.from({ length: 1000 }, () => dial(server.port)));
        await metricIs('http_connections_now', (now) => now >= before + 1000);
        for (let i = 0; i < 20; i++) await isWell();
        const answer = await server.get(`/media/${title}/v8.mp4`, { 'cta-common-access-token': await token() });
        assert.ok(answer.bytes.equals(small));
        await server.advance(60_001);
        for (const wire of silent) assert.equal(await wire.rest(), '');
        await metricIs('http_connections_now', (now) => now <= before);
    });

    await trial('heads that are too large', async () => {
        const many = Array.from({ length: 2000 }, (_, i) => `X-${i}: 1\r\n`).join('');
        for (const [what, bytes, statuses] of [
            ['one long field', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(100_000)}\r\n\r\n`, [431]],
            ['many fields', `GET / HTTP/1.1\r\nHost: localhost\r\n${many}\r\n`, [431]],
            ['a long address', `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, [414, 431]],
            ['a long method', 'A'.repeat(100_000), [400, 431, 501]],
            ['a long name', `GET / HTTP/1.1\r\n${'a'.repeat(100_000)}`, [431]],
        ]) {
            const [status, ...others] = statusesIn(await tell(bytes));
            assert.ok(statuses.includes(status), `${what}: ${status}`);
            assert.deepEqual(others, [], what);
        }
    });

    await trial('bodies that are too large are refused before they are read', async () => {
        const head = 'POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nX-Grandstand: 1\r\nContent-Type: application/json\r\n';
        assert.deepEqual(statusesIn(await tell(`${head}Content-Length: 10000000\r\n\r\n`)), [413]);
        for (const length of ['9223372036854775807', '9223372036854775808', '18446744073709551616', '9'.repeat(100)]) {
            const [status, ...others] = statusesIn(await tell(`${head}Content-Length: ${length}\r\n\r\n`));
            assert.ok(status === 400 || status === 413, `${length}: ${status}`);
            assert.deepEqual(others, []);
        }
        // Without an announced length it is noticed on the way.
        const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`;
        assert.deepEqual(statusesIn(await tell(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(100)}`)), [413]);
        // Where nothing is expected, nothing is taken.
        assert.deepEqual(statusesIn(await tell('GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello')), [413]);
    });

    await trial('a request cut in two at every byte is the same request', async () => {
        const witness = await dial(server.port);
        const wasRead = async () => {
            await witness.send(OK);
            assert.equal((await witness.response()).status, 200);
        };
        const body = JSON.stringify({ year: 1999 });
        const head = `PATCH /api/v1/operator/titles/${title} HTTP/1.1\r\nHost: localhost\r\nCookie: ${operator.cookie}\r\nX-Grandstand: 1\r\nContent-Type: application/json\r\n`;
        const requests = [
            'GET /healthz?a=1 HTTP/1.1\r\nHost: localhost\r\nX-Empty:\r\n\r\n',
            `${head}Content-Length: ${body.length}\r\n\r\n${body}`,
            `${head}Transfer-Encoding: chunked\r\n\r\n4;ext="a"\r\n${body.slice(0, 4)}\r\n${(body.length - 4).toString(16)}\r\n${body.slice(4)}\r\n0\r\nX-Trailer: 1\r\n\r\n`,
        ];
        for (const request of requests) {
            const wire = await dial(server.port);
            await wire.send(request);
            const whole = await wire.response();
            assert.equal(whole.status, 200, `${whole.status} ${whole.body}`);
            if (request !== requests[0]) assert.equal(JSON.parse(whole.body).year, 1999);
            for (let at = 1; at < request.length; at++) {
                await wire.send(request.slice(0, at));
                await wasRead();
                await wire.send(request.slice(at));
                const split = await wire.response();
                assert.deepEqual([split?.status, String(split?.body)], [whole.status, String(whole.body)], `cut at ${at}`);
            }
            for (const byte of request) { // and all the cuts at once
                await wire.send(byte);
                await wasRead();
            }
            assert.equal((await wire.response()).status, whole.status);
            wire.socket.destroy();
        }
        witness.socket.destroy();
    });

    await trial('pipelined requests are answered in their order', async () => {
        const wire = await dial(server.port), pass = await token(), roll = dice(7);
        const asked = Array.from({ length: 200 }, () => [roll(4), roll(small.length)]);
        await wire.send(asked.map(([kind, at]) => [
            getMedia('v8.mp4', pass, `Range: bytes=${at}-${at}\r\n`),
            `HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n`,
            `GET /api/v1/nothing-${at} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
            '\r\n' + OK, // an empty line in front is allowed (RFC 9112 section 2.2)
        ][kind]).join(''));
        for (const [kind, at] of asked) {
            const { status, body } = await wire.response({ isHead: kind === 1 });
            assert.equal(status, [206, 200, 404, 200][kind]);
            if (kind === 0) assert.equal(body[0], small[at]);
        }
        wire.socket.destroy();
    });

    await trial('requests that two parsers could read in two ways are refused, and what is hidden in them is not answered', async () => {
        const hidden = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
        const post = (fields, body = hidden) => `POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nX-Grandstand: 1\r\nContent-Type: application/json\r\n${fields}\r\n${body}`;
        const get = (fields) => `GET /healthz HTTP/1.1\r\n${fields}\r\n`;
        const chunked = `Transfer-Encoding: chunked\r\n`;
        for (const [what, bytes, ...statuses] of [
            ['a length and chunks', post(`Content-Length: 4\r\n${chunked}`, `0\r\n\r\n${hidden}`), 400],
            ['chunks and a length', post(`${chunked}Content-Length: 4\r\n`, `0\r\n\r\n${hidden}`), 400],
            ['two lengths', post('Content-Length: 0\r\nContent-Length: 43\r\n'), 400],
            ['two equal lengths', post('Content-Length: 2\r\nContent-Length: 2\r\n', `{}${hidden}`), 400],
            ['a list of lengths', post('Content-Length: 0, 43\r\n'), 400],
            ['a length with a sign', post('Content-Length: +2\r\n', `{}${hidden}`), 400],
            ['a negative length', post('Content-Length: -1\r\n'), 400],
            ['a length in hexadecimal', post('Content-Length: 0x2\r\n', `{}${hidden}`), 400],
            ['a length with a blank inside', post('Content-Length: 1 0\r\n'), 400],
            ['an empty length', post('Content-Length:\r\n'), 400],
            ['a length beyond 64 bits', post('Content-Length: 18446744073709551618\r\n', `{}${hidden}`), 400, 413],
            ['a coding that is not known', post('Transfer-Encoding: xchunked\r\n', `0\r\n\r\n${hidden}`), 400, 501],
            ['chunked, then something else', post('Transfer-Encoding: chunked, identity\r\n', `0\r\n\r\n${hidden}`), 400, 501],
            ['chunked twice', post('Transfer-Encoding: chunked, chunked\r\n', `0\r\n\r\n${hidden}`), 400, 501],
            ['chunked in two fields', post(`${chunked}${chunked}`, `0\r\n\r\n${hidden}`), 400, 501],
            ['chunked with a control character', post('Transfer-Encoding: \x0bchunked\r\n', `0\r\n\r\n${hidden}`), 400, 501],
            ['chunks in HTTP/1.0', post(chunked, `0\r\n\r\n${hidden}`).replace('HTTP/1.1', 'HTTP/1.0'), 400],
            ['a chunk size with 0x', post(chunked, `0x2\r\n{}\r\n0\r\n\r\n${hidden}`), 400],
            ['a chunk size beyond 64 bits', post(chunked, `10000000000000002\r\n{}\r\n0\r\n\r\n${hidden}`), 400, 413],
            ['a chunk size that is negative', post(chunked, `-2\r\n{}\r\n0\r\n\r\n${hidden}`), 400],
            ['a chunk longer than its size', post(chunked, `2\r\n{}}\r\n0\r\n\r\n${hidden}`), 400],
            ['a chunk line with a bare LF', post(chunked, `2\n{}\r\n0\r\n\r\n${hidden}`), 400],
            ['a chunk extension with a bare LF', post(chunked, `2;a\n{}\r\n0\r\n\r\n${hidden}`), 400],
            ['a bare LF between fields', get('Host: localhost\nX: 1\r\n'), 400],
            ['a bare LF as the end', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\n', 400],
            ['a bare CR in a value', get('Host: localhost\r\nX: a\rContent-Length: 5\r\n'), 400],
            ['NUL in a value', get('Host: localhost\r\nX: a\0b\r\n'), 400],
            ['a folded field', get('Host: localhost\r\nX: a\r\n Content-Length: 5\r\n'), 400],
            ['a blank before the first field', get(' Host: localhost\r\n'), 400],
            ['a blank before the colon', post('Content-Length : 2\r\n', `{}${hidden}`), 400],
            ['a tab before the colon', post('Transfer-Encoding\t: chunked\r\n', `0\r\n\r\n${hidden}`), 400],
            ['a field without a colon', get('Host: localhost\r\nContent-Length\r\n'), 400],
            ['a field without a name', get('Host: localhost\r\n: 5\r\n'), 400],
            ['no host', get(''), 400],
            ['two hosts', get('Host: localhost\r\nHost: other\r\n'), 400],
            ['a host with a blank', get('Host: local host\r\n'), 400],
            ['three blanks in the first line', 'GET  /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
            ['no version', 'GET /healthz\r\nHost: localhost\r\n\r\n', 400],
            ['a version of the future', 'GET /healthz HTTP/3.0\r\nHost: localhost\r\n\r\n', 400, 505],
            ['a version in lower case', 'GET /healthz http/1.1\r\nHost: localhost\r\n\r\n', 400],
            ['a method in lower case', 'get /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n', 400, 501],
            ['a way through: CONNECT', 'CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n', 400, 405, 501],
            ['TLS on the port without', Buffer.from('16030100050100000100', 'hex') + OK, 400, 501],
        ]) {
            const text = await tell(Buffer.from(bytes, 'latin1'));
            const [status, ...others] = statusesIn(text);
            assert.ok(statuses.includes(status), `${what}: ${text.slice(0, 200)}`);
            assert.deepEqual(others, [], `${what}: ${text}`);
        }
    });

    await trial('no way of writing a path leads out of what is served', async () => {
        const pass = await token();
        const up = ['..', '%2e%2e', '.%2e', '%2E.', '..%2f', '%2e%2e%2f', '..%5c', '..\\', '%252e%252e', '%c0%ae%c0%ae', '%e0%80%ae%e0%80%ae', '..%00', '....//', '..;', '%uff0e%uff0e'];
        for (const way of up)
            for (const path of [
                `/${`${way}/`.repeat(8)}etc/passwd`,
                `/assets/${`${way}/`.repeat(8)}etc/passwd`,
                `/art/${title}/${`${way}/`.repeat(10)}etc/passwd`,
                `/media/${title}/${`${way}/`.repeat(3)}grandstand.db`,
                `/media/${title}/${way}%2f${way}%2f${way}%2fgrandstand.db`,
                `/media/${pass}/${title}/${way}`,
                `/media/${way}/${title}/v8.mp4`,
                `/media/${title}/v8.mp4/${way}/v8.mp4`,
            ]) {
                const text = await tell(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCTA-Common-Access-Token: ${pass}\r\n\r\n`);
                const [status] = statusesIn(text);
                assert.ok([400, 403, 404].includes(status), `${path}: ${text.slice(0, 300)}`);
            }
        for (const path of ['/media/%', '/media/%4', '/media/%zz', '/%00', '/healthz%00', '/%ff', '/a\u0001', '/\u007f', '*', 'healthz', '//', '/%2f', '/%5c']) {
            const text = await tell(Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`, 'latin1'));
            assert.ok([400, 404].includes(statusesIn(text)[0]), `${JSON.stringify(path)}: ${text.slice(0, 100)}`);
        }
        assert.equal((await server.get(`/media/${title}/v8.mp4`, { 'cta-common-access-token': pass })).status, 200);
    });

    await trial('ranges, good, bad and odd, against an oracle', async () => {
        const wire = await dial(server.port), pass = await token(), roll = dice(42);
        const total = small.length;
        /** RFC 9110 section 14: [status, first, last]; what is not one range of bytes is ignored. */
        const oracle = (text) => {
            const m = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(text);
            if (!m || (m[1] === '' && m[2] === '')) return [200, 0, total - 1];
            const size = BigInt(total);
            if (m[1] === '') {
                const suffix = BigInt(m[2]);
                if (suffix === 0n) return [416];
                return [206, suffix > size ? 0 : Number(size - suffix), total - 1];
            }
            const first = BigInt(m[1]), last = m[2] === '' ? size : BigInt(m[2]);
            if (last < first && m[2] !== '') return [200, 0, total - 1];
            if (first >= size) return [416];
            return [206, Number(first), last >= size ? total - 1 : Number(last)];
        };
        const number = () => [() => '', () => String(roll(total + 3)), () => String(roll(5)), () => String(total - 2 + roll(4)), () => '0'.repeat(roll(30)) + roll(2000),
            () => ['9223372036854775807', '9223372036854775808', '18446744073709551615', '18446744073709551616', '9'.repeat(200)][roll(5)],
            () => ['-1', '+1', '1.0', '0x10', '1e2', ' ', 'a', '１'][roll(8)]][Math.min(roll(12), 6)]();
        const unit = () => ['bytes', 'bytes', 'bytes', 'bytes', 'bytes', 'bytes', 'Bytes', 'BYTES', 'items', 'byte', ''][roll(11)];
        const odd = ['bytes', 'bytes=', '=0-1', 'bytes 0-1', 'bytes=0', 'bytes=-', 'bytes=--1', 'bytes=0-1-2', 'bytes=0-1,', 'bytes=0-0,2-3', `bytes=${'0-,'.repeat(2000)}`, 'bytes=1-0', 'bytes= 5-6 ', 'none', ''];
        for (let i = 0; i < 600; i++) {
            const text = i < odd.length ? odd[i] : `${unit()}=${number()}-${number()}`;
            const sent = Buffer.from(text).toString('latin1');
            await wire.send(Buffer.from(getMedia('v8.mp4', pass, `Range: ${sent}\r\n`), 'latin1'));
            const answer = await wire.response();
            const [status, first, last] = oracle(sent);
            assert.equal(answer?.status, status, `${JSON.stringify(text)}: ${answer?.head}`);
            if (status === 416) assert.match(answer.head, new RegExp(`^content-range: bytes \\*/${total}\\r?$`, 'im'), text);
            else assert.ok(answer.body.equals(small.subarray(first, last + 1)), `${text}: ${answer.body.length} bytes`);
            if (status === 206) assert.match(answer.head, new RegExp(`^content-range: bytes ${first}-${last}/${total}\\r?$`, 'im'), text);
        }
        wire.socket.destroy();
    });

    // HTTP/2 with prior knowledge, so that frames can be written by hand.
    const dialH2 = async (...settings) => {
        const wire = await dial(server.port);
        await wire.send(Buffer.concat([h2.preface, h2.frame(h2.SETTINGS, 0, 0, Buffer.concat(settings))]));
        return wire;
    };

    await trial('HTTP/2: streams opened and reset as fast as they come end the connection', async () => {
        const before = await server.metric('http_flood_closes_total');
        const wire = await dialH2();
        const cancel = Buffer.from([0, 0, 0, 8]);
        const pairs = (from, count) => Buffer.concat(Array.from({ length: count }, (_, i) => [
            h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, from + 2 * i, h2.get('/metrics')), h2.frame(h2.RST_STREAM, 0, from + 2 * i, cancel)]).flat());
        await wire.send(pairs(1, 5000));
        let goaway;
        for (let frame; (frame = await wire.frame());) if (frame.type === h2.GOAWAY) goaway = frame;
        assert.equal(goaway?.payload.readUInt32BE(4), 11, 'ENHANCE_YOUR_CALM');
        assert.equal(await server.metric('http_flood_closes_total'), before + 1);
        await metricIs('http_requests_now', (now) => now === 1);
    });

    await trial('HTTP/2: frames without use end the connection', async () => {
        for (const frame of [h2.frame(h2.PING, 0, 0, Buffer.alloc(8)), h2.frame(h2.SETTINGS, 0, 0, h2.setting(4, 65535))]) {
            const wire = await dialH2();
            await wire.send(Buffer.concat(Array.from({ length: 20_000 }, () => frame)));
            let last;
            for (let one; (one = await wire.frame());) last = one.type === h2.GOAWAY ? one : last;
            assert.ok(last === undefined || last.payload.readUInt32BE(4) !== 0, 'not a polite goodbye');
            assert.ok(wire.hasEnded);
        }
    });

    await trial('HTTP/2: a small head that unpacks to megabytes is not unpacked', async () => {
        const wire = await dialH2();
        const bomb = Buffer.concat([h2.get('/healthz'), h2.field('x', 'a'.repeat(3900), true), Buffer.alloc(11_000, 0xbe)]); // 0xbe: the newest entry of the table
        assert.ok(bomb.length < 16384);
        await wire.send(h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 1, bomb));
        for (;;) {
            const frame = await wire.frame();
            if (!frame || frame.type === h2.GOAWAY || (frame.type === h2.RST_STREAM && frame.stream === 1)) break;
            if (frame.type === h2.HEADERS && frame.stream === 1) {
                assert.notEqual(frame.payload[0], 0x88, 'the answer must not be 200');
                break;
            }
        }
        wire.socket.destroy();
    });

    await trial('HTTP/2: a head that never ends ends the connection', async () => {
        const wire = await dialH2();
        await wire.send(h2.frame(h2.HEADERS, h2.END_STREAM, 1, h2.get('/healthz')));
        const piece = h2.frame(h2.CONTINUATION, 0, 1, h2.field('x', 'a'.repeat(1000)));
        for (let i = 0; i < 5000 && !wire.hasEnded; i++) await wire.send(piece);
        while (await wire.frame());
        assert.ok(wire.hasEnded);
    });

    await trial('HTTP/2: a window that stays shut does not hold a file for ever', async () => {
        const wire = await dialH2(h2.setting(4, 0)); // SETTINGS_INITIAL_WINDOW_SIZE
        await wire.send(h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 1, h2.get(`/media/${title}/v9.mp4`, h2.field('cta-common-access-token', await token()))));
        for (let frame; (frame = await wire.frame()).type !== h2.HEADERS;);
        await server.advance(60_001);
        let bytes = 0;
        for (let frame; (frame = await wire.frame());) bytes += frame.type === h2.DATA ? frame.payload.length : 0;
        assert.equal(bytes, 0);
        await metricIs('http_requests_now', (now) => now === 1);
    });

    await trial('HTTP/2: frames that break the protocol', async () => {
        for (const [what, bytes] of [
            ['a frame longer than allowed', h2.frame(h2.HEADERS, h2.END_HEADERS, 1, Buffer.alloc(20_000))],
            ['a stream with an even number', h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 2, h2.get('/healthz'))],
            ['data on a stream that is not open', h2.frame(h2.DATA, 0, 1, Buffer.alloc(10))],
            ['a head that does not decode', h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))],
            ['a continuation of nothing', h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, Buffer.from([0x82]))],
            ['settings of a wrong size', h2.frame(h2.SETTINGS, 0, 0, Buffer.alloc(5))],
        ]) {
            const wire = await dialH2();
            await wire.send(bytes);
            let goaway;
            for (let frame; (frame = await wire.frame());) if (frame.type === h2.GOAWAY) goaway = frame;
            assert.ok(goaway && goaway.payload.readUInt32BE(4) !== 0, what);
        }
        // What only a request gets wrong costs only its stream (RFC 9113 section 8.1.1).
        for (const [what, head] of [
            ['no path', h2.field(':method', 'GET')],
            ['a name in upper case', h2.get('/healthz', h2.field('X-Upper', '1'))],
            ['a field of the connection', h2.get('/healthz', h2.field('connection', 'close'))],
            ['CR LF in a value', h2.get('/healthz', h2.field('x', 'a\r\nb: c'))],
            ['a path without a slash', h2.get('healthz')],
        ]) {
            const wire = await dialH2();
            await wire.send(h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 1, head));
            for (;;) {
                const frame = await wire.frame();
                assert.ok(frame, what);
                if (frame.stream !== 1) continue;
                assert.ok(frame.type === h2.RST_STREAM || (frame.type === h2.HEADERS && frame.payload[0] !== 0x88), what);
                break;
            }
            wire.socket.destroy();
        }
    });

    await trial('a client that goes away in the middle of a big file leaves nothing behind', async () => {
        const pass = await token();
        const descriptors = () => readdirSync(`/proc/${server.child.pid}/fd`).length;
        await server.get(`/media/${title}/v9.mp4`, { 'cta-common-access-token': pass, range: 'bytes=0-0' }); // now it is open
        const before = descriptors(), aborted = await server.metric('http_aborted_total');
        for (let i = 0; i < 20; i++) {
            const wire = await dial(server.port);
            await wire.send(getMedia('v9.mp4', pass));
            await wire.has(1000);
            wire.socket.resetAndDestroy();
        }
        await metricIs('http_requests_now', (now) => now === 1);
        assert.equal(await server.metric('http_aborted_total'), aborted + 20);
        while (descriptors() > before) await isWell();
    });

    // The last one: the server ends.
    await t.test('asked to end, the server finishes what it has begun and begins nothing', async () => {
        const idle = await dial(server.port);
        await idle.send(OK);
        assert.equal((await idle.response()).status, 200);
        const wire = await dial(server.port);
        await wire.send(getMedia('v9.mp4', await token()) + OK); // the second has come, but is not begun
        await wire.has(1000);
        wire.socket.pause();
        const ended = server.stop();
        assert.equal(await idle.rest(), '');
        while (await new Promise((done) => connect(server.port, '127.0.0.1').once('connect', function () { this.destroy(); done(true); }).once('error', () => done(false))));
        assert.equal(server.child.exitCode, null, 'it still has something to do');
        wire.socket.resume();
        const { status, body } = await wire.response();
        assert.equal(status, 200);
        assert.ok(body.equals(big));
        assert.equal(await wire.rest(), '');
        assert.deepEqual(await ended, { code: 0, signal: null });
    });
});
