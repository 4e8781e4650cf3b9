// SPDX-License-Identifier: AGPL-3.0-or-later
// The HTTP server against clients that are slow, hostile, gone or simply many. Bytes go in by hand; time is turned by hand.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ending } from './lib/ending.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const program = join(root, 'build/asan/tests/lib/http_server');
const folder = mkdtempSync(join(tmpdir(), 'grandstand-http-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const small = randomBytes(16384), big = randomBytes(2 << 20);
writeFileSync(join(folder, '16k.bin'), small);
writeFileSync(join(folder, '2m.bin'), big);

async function start(t, ...options) {
  const child = spawn(program, [folder, ...options], { env: { ...process.env, TEST_FILES: '16k.bin,2m.bin' }, stdio: ['pipe', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.on('data', (data) => { log += data; });
  const waiting = [];
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(line));
  const next = () => new Promise((done) => waiting.push(done));
  const [, plain, tls] = (await next()).split(' ').map(Number);
  const exited = new Promise((done) => child.on('exit', (code, signal) => done(code ?? signal)));
  const server = {
    plain, tls, child, exited,
    log: () => log,
    say: (line) => { const answer = next(); child.stdin.write(`${line}\n`); return answer; },
    stop: async () => { child.stdin.end(); assert.equal(await exited, 0, log); }, // the sanitizers speak here
  };
  ending(t, () => { if (child.exitCode === null) child.kill('SIGKILL'); });
  return server;
}

// Sends the pieces one after the other and gathers all until the server closes, or until `enough(text)`.
function talk(server, pieces, enough) {
  return new Promise((done, fail) => {
    const socket = connect(server.plain, '127.0.0.1');
    socket.setNoDelay(true);
    const got = [];
    const finish = () => { socket.destroy(); done(Buffer.concat(got).toString('latin1')); };
    socket.on('data', (data) => { got.push(data); if (enough?.(Buffer.concat(got).toString('latin1'))) finish(); });
    socket.on('close', finish);
    socket.on('error', (error) => (error.code === 'ECONNRESET' || error.code === 'EPIPE' ? finish() : fail(error)));
    const send = (i) => { if (i < pieces.length) socket.write(pieces[i], () => setImmediate(send, i + 1)); };
    socket.on('connect', () => send(0));
  });
}
const ask = (server, text) => talk(server, [text]);
const get = (path, ...fields) => ['GET ' + path + ' HTTP/1.1', 'Host: test', 'Connection: close', ...fields, '', ''].join('\r\n');
const status = (text) => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
const statuses = (text) => [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map((m) => Number(m[1]));
const body = (text) => text.slice(text.indexOf('\r\n\r\n') + 4);
const field = (text, name) => new RegExp(`^${name}: (.*?)\r$`, 'im').exec(text.slice(0, text.indexOf('\r\n\r\n') + 2))?.[1];

async function counters(server) {
  const text = body(await ask(server, get('/counters')));
  return Object.fromEntries(text.trim().split('\n').map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]));
}
async function until(server, condition) { // waits for counters, never for time
  for (;;) {
    const now = await counters(server);
    if (condition(now)) return now;
  }
}

test('a request is the same wherever it is cut, and pipelined requests are answered in order', async (t) => {
  const server = await start(t);
  const request = 'POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n';
  for (let cut = 1; cut < request.length; cut++) {
    const answer = await talk(server, [request.slice(0, cut), request.slice(cut)]);
    assert.equal(status(answer), 200, `cut at ${cut}`);
    assert.equal(body(answer), 'abcde');
  }
  assert.equal(body(await talk(server, [...request])), 'abcde');
  const many = Array.from({ length: 100 }, (_, i) => `GET /peer/${i} HTTP/1.1\r\nHost: test\r\n${i === 99 ? 'Connection: close\r\n' : ''}\r\n`);
  const answer = await ask(server, many.join(''));
  assert.deepEqual([...answer.matchAll(/127\.0\.0\.1 \/peer\/(\d+)/g)].map((m) => Number(m[1])), many.map((_, i) => i));
  await server.stop();
});

test('what could be read in two ways is refused and the connection closed', async (t) => {
  const server = await start(t);
  const second = 'GET /text HTTP/1.1\r\nHost: test\r\n\r\n';
  const attempts = [
    `POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${second}`,
    `POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${second}`,
    `POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${second}`,
    `POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\nContent-Length: ${second.length}\r\n\r\n${second}`,
    `POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\n\n${second}`,
    `POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx0\r\n\r\n${second}`,
    `GET /text HTTP/1.1\r\nHost: t\r\n X: folded\r\n\r\n${second}`,
    `GET /text HTTP/1.1\nHost: t\n\n${second}`,
    `GET /text HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n${second}`,
    `GET /text HTTP/1.1\r\n\r\n${second}`,
    `GET /file/../../etc/passwd HTTP/1.1\r\nHost: t\r\n\r\n${second}`,
    `GET /file/%2e%2e%2fetc%2fpasswd HTTP/1.1\r\nHost: t\r\n\r\n${second}`,
    `GET /file/16k.bin%00.mp4 HTTP/1.1\r\nHost: t\r\n\r\n${second}`,
    `GET /text HTTP/1.1\r\nHost: t\r\nContent-Length: 40\r\n\r\n${second}`, // a body where none is taken
  ];
  for (const attempt of attempts) {
    const answer = await ask(server, attempt);
    assert.equal(statuses(answer).length, 1, attempt);
    assert.ok([400, 413, 501].includes(status(answer)), `${attempt}\n${answer}`);
    assert.match(answer, /connection: close/);
  }
  assert.equal(status(await ask(server, get('/text'))), 200);
  await server.stop();
});

test('what is too large is refused', async (t) => {
  const server = await start(t);
  assert.equal(status(await ask(server, get('/text', `X: ${'x'.repeat(17000)}`))), 431);
  assert.equal(status(await ask(server, get('/text', ...Array.from({ length: 101 }, () => 'a: b')))), 431);
  assert.equal(status(await ask(server, `GET /${'x'.repeat(100000)} HTTP/1.1\r\n`)), 431);
  assert.equal(status(await ask(server, `POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999\r\n\r\n`)), 413);
  assert.equal(status(await ask(server, `POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n${'x'.repeat(0x200000)}`)), 413);
  const answer = await talk(server, ['PUT /upload?refuse HTTP/1.1\r\nHost: t\r\nContent-Length: 8000000\r\nExpect: 100-continue\r\n\r\n']);
  assert.deepEqual(statuses(answer), [403], 'refused before the body was asked for');
  assert.match(body(answer), /"code":"test\.refused"/);
  await server.stop();
});

test('methods, ranges and conditions', async (t) => {
  const server = await start(t);
  assert.equal(status(await ask(server, get('/nowhere'))), 404);
  const refused = await ask(server, get('/echo'));
  assert.equal(status(refused), 405);
  assert.equal(field(refused, 'allow'), 'POST, OPTIONS');
  assert.equal(status(await ask(server, get('/echo').replace('GET', 'OPTIONS'))), 204);
  const whole = await ask(server, get('/file/16k.bin'));
  assert.ok(Buffer.from(body(whole), 'latin1').equals(small));
  const head = await ask(server, get('/file/16k.bin').replace('GET', 'HEAD'));
  assert.equal(body(head), '');
  assert.equal(field(head, 'content-length'), '16384');
  const tag = field(whole, 'etag'), date = field(whole, 'last-modified');
  for (const [fields, wanted, range, length] of [
    [['Range: bytes=0-0'], 206, 'bytes 0-0/16384', 1],
    [['Range: bytes=-100'], 206, 'bytes 16284-16383/16384', 100],
    [['Range: bytes=16000-'], 206, 'bytes 16000-16383/16384', 384],
    [['Range: bytes=16384-'], 416, 'bytes */16384', 0],
    [['Range: bytes=-0'], 416, 'bytes */16384', 0],
    [['Range: bytes=5-1'], 200, undefined, 16384],
    [['Range: bytes=0-1,3-4'], 200, undefined, 16384],
    [['Range: bytes=99999999999999999999-'], 416, 'bytes */16384', 0],
    [['Range: bytes=1-2', `If-Range: ${tag}`], 206, 'bytes 1-2/16384', 2],
    [['Range: bytes=1-2', 'If-Range: "other"'], 200, undefined, 16384],
    [[`If-None-Match: W/${tag}, "x"`], 304, undefined, 0],
    [[`If-None-Match: "x"`, `If-Modified-Since: ${date}`], 200, undefined, 16384],
    [[`If-Modified-Since: ${date}`], 304, undefined, 0],
    [['If-Match: "x"'], 412, undefined, 0],
    [['If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT'], 412, undefined, 0],
  ]) {
    const answer = await ask(server, get('/file/16k.bin', ...fields));
    assert.equal(status(answer), wanted, fields.join());
    assert.equal(field(answer, 'content-range'), range, fields.join());
    assert.equal(Buffer.from(body(answer), 'latin1').length, length, fields.join());
    if (wanted === 206) {
      const from = Number(/ (\d+)-/.exec(range)[1]);
      assert.ok(Buffer.from(body(answer), 'latin1').equals(small.subarray(from, from + length)));
    }
  }
  assert.equal(status(await ask(server, get('/none'))), 500, 'a handler that forgets to answer');
  await server.stop();
});

test('a folder of pages', async (t) => {
  const pages = join(folder, 'pages');
  mkdirSync(join(pages, 'assets/deep'), { recursive: true });
  writeFileSync(join(pages, 'index.html'), '<p>hello');
  writeFileSync(join(pages, '.hidden'), 'secret');
  writeFileSync(join(pages, 'empty.txt'), '');
  writeFileSync(join(pages, 'assets/app-1f2e.js'), 'plain text');
  writeFileSync(join(pages, 'assets/app-1f2e.js.gz'), 'pretends to be gzip');
  writeFileSync(join(pages, 'assets/deep/ü.css'), 'p {}');
  const server = await start(t, '--pages', pages);
  const index = await ask(server, get('/pages/index.html', 'Accept-Encoding: gzip'));
  assert.equal(body(index), '<p>hello');
  assert.equal(field(index, 'content-type'), 'text/html; charset=utf-8');
  assert.equal(field(index, 'cache-control'), 'no-cache');
  assert.equal(field(index, 'x-content-type-options'), 'nosniff');
  assert.equal(field(index, 'vary'), undefined);
  const script = await ask(server, get('/pages/assets/app-1f2e.js'));
  assert.equal(body(script), 'plain text');
  assert.match(field(script, 'cache-control'), /immutable/);
  assert.equal(field(script, 'vary'), 'accept-encoding');
  for (const [accept, wanted] of [['gzip, br', 'gzip'], ['br;q=1, GZIP;q=0.5', 'gzip'], ['gzip;q=0', undefined], ['gzip;q=0.000', undefined], ['identity', undefined]]) {
    const answer = await ask(server, get('/pages/assets/app-1f2e.js', `Accept-Encoding: ${accept}`));
    assert.equal(field(answer, 'content-encoding'), wanted, accept);
    assert.equal(body(answer), wanted ? 'pretends to be gzip' : 'plain text');
    assert.equal(field(answer, 'content-type'), 'text/javascript; charset=utf-8');
  }
  assert.equal(body(await ask(server, get('/pages/assets/deep/%C3%BC.css'))), 'p {}');
  assert.equal(field(await ask(server, get('/pages/empty.txt')), 'content-length'), '0');
  for (const path of ['.hidden', 'assets', 'assets/', 'assets/deep', '', 'none', 'INDEX.HTML', 'index.html/'])
    assert.equal(status(await ask(server, get(`/pages/${path}`))), 404, path);
  for (const path of ['../16k.bin', 'assets/../index.html', '%2e%2e/16k.bin', 'assets%2fapp-1f2e.js', 'assets\\app-1f2e.js'])
    assert.equal(status(await ask(server, get(`/pages/${path}`))), 400, path);
  const tag = field(index, 'etag');
  assert.equal(status(await ask(server, get('/pages/index.html', `If-None-Match: ${tag}`))), 304);
  await server.stop();
});

test('HTTP/1.0, proxies and queries', async (t) => {
  const server = await start(t);
  const old = await ask(server, 'GET /text HTTP/1.0\r\n\r\n');
  assert.equal(status(old), 200);
  assert.equal(field(old, 'connection'), 'close');
  const kept = await talk(server, ['GET /text HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', 'GET /text HTTP/1.0\r\n\r\n']);
  assert.deepEqual(statuses(kept), [200, 200]);
  const stream = await ask(server, 'GET /stream HTTP/1.0\r\n\r\n');
  assert.equal(field(stream, 'transfer-encoding'), undefined);
  assert.equal(body(stream), Array.from({ length: 1000 }, (_, i) => `line ${i}\n`).join(''));
  const peer = async (...fields) => body(await ask(server, get('/peer/a%20b?q=%C3%BC+x', ...fields))).trim();
  assert.equal(await peer(), Buffer.from('127.0.0.1 /peer/a b ü x 0 11').toString('latin1'));
  assert.match(await peer('X-Forwarded-For: 9.9.9.9, 203.0.113.7', 'X-Forwarded-Proto: https'), /^203\.0\.113\.7 .* 1 11$/);
  assert.match(await peer('X-Forwarded-For: 9.9.9.9', 'X-Forwarded-For: 2001:db8::1, 127.0.0.1'), /^2001:db8::1 /);
  assert.match(await peer('X-Forwarded-For: nonsense'), /^127\.0\.0\.1 /);
  // A chain of proxies of which each adds a field of its own; what the client wrote stands first, and counts for nothing.
  assert.match(await peer('X-Forwarded-For: 9.9.9.9', 'X-Forwarded-For: 203.0.113.7', 'X-Forwarded-For: 127.0.0.1'), /^203\.0\.113\.7 /);
  assert.match(await peer('Forwarded: for=9.9.9.9, for=203.0.113.7;proto=https;by=127.0.0.1'), /^203\.0\.113\.7 /);
  assert.match(await peer('Forwarded: by=x; For="[2001:db8::1]:4711"', 'forwarded: for=127.0.0.1'), /^2001:db8::1 /);
  assert.match(await peer('Forwarded: for=unknown'), /^127\.0\.0\.1 /);
  assert.match(await peer('Forwarded: for=203.0.113.7, for=_hidden, for=127.0.0.1'), /^127\.0\.0\.1 /);
  assert.match(await peer('Forwarded: proto=https'), /^127\.0\.0\.1 /);
  // The proxy writes one of the two, and hands the other on as the client wrote it.
  assert.match(await peer('Forwarded: for=9.9.9.9', 'X-Forwarded-For: 203.0.113.7'), /^203\.0\.113\.7 /);
  assert.match(await peer('Forwarded: for=9.9.9.9', 'X-Forwarded-For: '), /^127\.0\.0\.1 /);
  await server.stop();
});

test('whoever ends a request writes one line, without secrets', async (t) => {
  const server = await start(t, '--access-log');
  await ask(server, get('/media/SECRET/title1/16k.bin?token=SECRET'));
  await ask(server, get('/media/SECRET/title2/none', 'X-Forwarded-For: 203.0.113.9'));
  await ask(server, get('/nowhere?SECRET'));
  await ask(server, 'NONSENSE\r\n\r\n');
  await talk(server, ['GET /file/2m.bin HTTP/1.1\r\nHost: t\r\n\r\n'], () => true);
  await until(server, (c) => c.requests_now === 1);
  await server.stop();
  const lines = server.log().split('\n').filter((line) => / http request /.test(line) && !/counters/.test(line));
  assert.equal(lines.length, 5, server.log());
  assert.doesNotMatch(server.log(), /SECRET/);
  assert.match(lines[0], /id=[0-9a-f]{16} request="GET \/media\/\*\*\*\/title1\/16k\.bin" status=200 bytes=16384 us=\d+ version=11 peer=127\.0\.0\.1 whole=true/);
  assert.match(lines[1], /title2\/none" status=404 .* peer=203\.0\.113\.9/);
  assert.match(lines[2], /request="GET \/nowhere" status=404/);
  assert.match(lines[3], /request=- status=400/);
  assert.match(lines[4], /request="GET \/file\/2m\.bin" status=200 .*whole=false/);
});

test('slow, silent and stalled clients run into their time limits', async (t) => {
  const server = await start(t, '--manual-clock', '--loops', '2');
  const slowHead = talk(server, ['GET /text HTTP/1.1\r\nHos']);
  const slowBody = talk(server, ['POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nabc']);
  const held = ask(server, get('/hold')), briefly = ask(server, get('/hold-stream'));
  const stalled = connect(server.plain, '127.0.0.1'); // asks for more than all buffers hold, and reads nothing
  stalled.pause();
  stalled.on('error', () => {});
  stalled.write('GET /file/2m.bin HTTP/1.1\r\nHost: t\r\n\r\n'.repeat(20));
  const silent = await Promise.all(Array.from({ length: 1000 }, () => new Promise((done) => {
    const socket = connect(server.plain, '127.0.0.1', () => done(socket));
    socket.on('error', () => {});
  })));
  await until(server, (c) => c.connections_now >= 1006 && c.held_now === 2 && c.requests_now >= 5);
  await server.say('advance 6001');
  assert.equal(status(await briefly), 503);
  await server.say('advance 4000');
  assert.equal(status(await slowHead), 408);
  assert.equal(status(await slowBody), 408);
  assert.equal(status(await ask(server, get('/text'))), 200);
  await server.say('advance 50000');
  const after = await until(server, (c) => c.connections_now <= 4);
  assert.ok(after.timeouts_total >= 1002);
  await server.say('advance 10001'); // the stalled one took bytes for a while after it had asked
  await server.say('advance 60001');
  assert.equal(status(await held), 503);
  const end = await until(server, (c) => c.connections_now <= 1);
  assert.equal(end.held_now, 0);
  silent.forEach((socket) => socket.destroy());
  stalled.destroy();
  await server.stop();
});

test('more connections than allowed are told so', async (t) => {
  const server = await start(t, '--connections', '20');
  const sockets = await Promise.all(Array.from({ length: 20 }, () => new Promise((done) => {
    const socket = connect(server.plain, '127.0.0.1', () => done(socket));
    socket.on('error', () => {});
  })));
  let answer;
  do answer = await ask(server, get('/text')); while (status(answer) === 200); // until the kernel's queue has been taken
  assert.equal(status(answer), 503);
  sockets.forEach((socket) => socket.destroy());
  do answer = await ask(server, get('/text')); while (status(answer) !== 200);
  await server.stop();
});

test('clients that leave in the middle of a file, a body, a hold or a stream leave nothing behind', async (t) => {
  const server = await start(t, '--loops', '2');
  const leave = (text) => new Promise((done) => {
    const socket = connect(server.plain, '127.0.0.1', () => socket.write(text, () => {
      socket.once('data', () => { socket.resetAndDestroy(); done(); });
      if (/hold|upload|echo/.test(text)) setImmediate(() => { socket.destroy(); done(); });
    }));
    socket.on('error', () => done());
  });
  for (let i = 0; i < 20; i++) {
    await Promise.all([
      leave('GET /file/2m.bin HTTP/1.1\r\nHost: t\r\n\r\n'), leave('GET /stream HTTP/1.1\r\nHost: t\r\n\r\n'), leave('GET /events HTTP/1.1\r\nHost: t\r\n\r\n'),
      leave('GET /hold HTTP/1.1\r\nHost: t\r\n\r\n'), leave('PUT /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 900000\r\n\r\n' + 'x'.repeat(500000)),
      leave('POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 90000\r\n\r\n' + 'x'.repeat(500)), leave('GET /work HTTP/1.1\r\nHost: t\r\n\r\n'),
    ]);
  }
  await ask(server, 'POST /release HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n');
  await until(server, (c) => c.connections_now === 1 && c.requests_now === 1 && c.streams_now === 0 && c.held_now === 0);
  await server.stop();
});

test('a held request is answered by a stream, with a range that its handler has worked out', async (t) => {
  const server = await start(t, '--tls', join(folder, 'tls'));
  const release = () => ask(server, 'POST /release HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n');
  const plain = ask(server, get('/hold-stream'));
  const head = ask(server, get('/hold-stream').replace('GET', 'HEAD'));
  const gone = connect(server.plain, '127.0.0.1', () => gone.write(get('/hold-stream')));
  const session = http2.connect(`https://127.0.0.1:${server.tls}`, { rejectUnauthorized: false });
  const h2 = new Promise((done, fail) => {
    const request = session.request({ ':path': '/hold-stream' });
    let text = '', fields;
    request.on('response', (all) => { fields = all; }).on('data', (data) => { text += data; }).on('end', () => done({ fields, text })).on('error', fail).end();
  });
  await until(server, (c) => c.held_now === 4);
  gone.destroy();
  await until(server, (c) => c.held_now === 3);
  await release();
  const text = await plain;
  assert.equal(status(text), 206);
  assert.equal(field(text, 'content-range'), 'bytes 5-9007199254740991/*');
  assert.equal(field(text, 'transfer-encoding'), 'chunked');
  assert.equal(body(text).match(/piece\n/g).length, 3);
  assert.ok(body(text).endsWith('\r\n0\r\n\r\n'));
  assert.equal(status(await head), 206);
  assert.equal(body(await head), '');
  const { fields, text: pieces } = await h2;
  assert.equal(fields[':status'], 206);
  assert.equal(fields['content-range'], 'bytes 5-9007199254740991/*');
  assert.equal(pieces, 'piece\npiece\npiece\n');
  session.close();
  await until(server, (c) => c.streams_now === 0 && c.held_now === 0);
  await server.stop();
});

test('files that are not in the page cache go by way of a reader, over all protocols', async (t) => {
  const server = await start(t, '--loops', '1', '--tls', join(folder, 'tls'));
  const before = await counters(server);
  await server.say('distrust 1');
  for (const path of ['/file/16k.bin', '/file/2m.bin']) {
    const wanted = path.includes('16k') ? small : big;
    const plain = await ask(server, get(path));
    assert.ok(Buffer.from(body(plain), 'latin1').equals(wanted));
    const secure = await new Promise((done, fail) => https.get({ port: server.tls, path, rejectUnauthorized: false, agent: false }, (response) => {
      const got = [];
      response.on('data', (data) => got.push(data)).on('end', () => done(Buffer.concat(got)));
    }).on('error', fail));
    assert.ok(secure.equals(wanted));
    const session = http2.connect(`https://127.0.0.1:${server.tls}`, { rejectUnauthorized: false });
    const second = await new Promise((done, fail) => {
      const got = [];
      session.request({ ':path': path }).on('data', (data) => got.push(data)).on('end', () => done(Buffer.concat(got))).on('error', fail);
    });
    assert.ok(second.equals(wanted));
    session.destroy();
  }
  await server.say('distrust 0');
  const end = await counters(server);
  assert.ok(end.file_missed_total - before.file_missed_total >= 6);
  assert.equal(end.loop_file_waits_total, 0);
  await server.stop();
});

test('events reach all listeners, over both versions', async (t) => {
  const server = await start(t, '--loops', '2');
  const wanted = (text) => /event: note\r?\ndata: one\ndata: two\n\n/.test(text);
  const listeners = Array.from({ length: 30 }, () => talk(server, ['GET /events HTTP/1.1\r\nHost: t\r\n\r\n'], wanted));
  const session = http2.connect(`http://127.0.0.1:${server.plain}`);
  const second = new Promise((done) => {
    let text = '';
    const stream = session.request({ ':path': '/events' });
    stream.on('data', (data) => { text += data; if (wanted(text)) { stream.close(); done(text); } });
  });
  await until(server, (c) => c.requests_now === 32);
  await ask(server, 'POST /publish HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 7\r\n\r\none\ntwo');
  for (const text of await Promise.all(listeners)) assert.match(text, /event: hello/);
  assert.match(await second, /event: hello/);
  session.destroy();
  await server.stop();
});

test('a connection can be handed over to another protocol', async (t) => {
  const server = await start(t, '--loops', '1');
  assert.equal(status(await ask(server, get('/parrot'))), 426);
  const upgrade = 'GET /parrot HTTP/1.1\r\nHost: t\r\nConnection: keep-alive, Upgrade\r\nUpgrade: parrot\r\n\r\n';
  const answer = await talk(server, [`${upgrade}first`, '\0\xff second\r\n', ' bye']);
  assert.equal(status(answer), 101);
  assert.equal(field(answer, 'x-parrot'), 'yes');
  assert.doesNotMatch(answer, /transfer-encoding|content-length|connection: close/);
  assert.equal(body(answer), Buffer.from('first\0\xff second\r\n bye').toString('latin1'));
  await talk(server, [`${upgrade}hello`], (text) => text.endsWith('hello')); // and leaves
  await until(server, (c) => c.connections_now === 1 && c.streams_now === 0);
  await server.stop();
});

// --- HTTP/2 by hand ---
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
function frame(type, flags, stream, payload = Buffer.alloc(0)) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
const hello = [preface, frame(4, 0, 0)];
const request = Buffer.from([0x82, 0x86, 0x84, 0x41, 1, 0x74]); // GET http / and authority "t"
function frames(text) {
  const bytes = Buffer.from(text, 'latin1'), list = [];
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3))
    list.push({ type: bytes[at + 3], stream: bytes.readUInt32BE(at + 5), payload: bytes.subarray(at + 9, at + 9 + bytes.readUIntBE(at, 3)) });
  return list;
}
const goaway = (list) => list.find((f) => f.type === 7)?.payload.readUInt32BE(4);

test('HTTP/2: rapid reset and floods end the connection, not the server', async (t) => {
  const server = await start(t, '--loops', '1');
  const resets = [];
  for (let i = 0; i < 1000; i++) resets.push(frame(1, 5, 2 * i + 1, request), frame(3, 0, 2 * i + 1, Buffer.from([0, 0, 0, 8])));
  assert.equal(goaway(frames(await talk(server, [Buffer.concat([...hello, ...resets])]))), 11, 'ENHANCE_YOUR_CALM');
  const pings = Array.from({ length: 5000 }, () => frame(6, 0, 0, Buffer.alloc(8)));
  assert.ok(goaway(frames(await talk(server, [Buffer.concat([...hello, ...pings])]))) > 0);
  const settings = Array.from({ length: 5000 }, () => frame(4, 0, 0));
  assert.ok(goaway(frames(await talk(server, [Buffer.concat([...hello, ...settings])]))) > 0);
  const now = await until(server, (c) => c.connections_now === 1 && c.requests_now === 1);
  assert.ok(now.flood_closes_total >= 1);
  assert.equal(status(await ask(server, get('/text'))), 200);
  await server.stop();
});

test('HTTP/2: a head that unfolds into megabytes is refused', async (t) => {
  const server = await start(t);
  const value = Buffer.alloc(3000, 0x78);
  const literal = Buffer.concat([Buffer.from([0x40, 1, 0x61, 0x7f, (3000 - 127) & 127 | 128, (3000 - 127) >> 7]), value]);
  const block = Buffer.concat([request, literal, Buffer.alloc(10000, 0xbe)]); // 10,000 times the same 3 KB
  const answer = frames(await talk(server, [Buffer.concat([...hello, frame(1, 5, 1, block), frame(7, 0, 0, Buffer.alloc(8))])]));
  assert.ok(answer.some((f) => (f.type === 3 && f.stream === 1) || goaway(answer)), 'the stream or the connection was ended');
  assert.equal(answer.filter((f) => f.type === 1).length, 0);
  const session = http2.connect(`http://127.0.0.1:${server.plain}`);
  const refused = await new Promise((done) => session.request({ ':path': '/text', x: 'y'.repeat(17000) }).on('response', (h) => done(h[':status'])));
  assert.equal(refused, 431);
  session.destroy();
  assert.equal(goaway(frames(await talk(server, [Buffer.concat([...hello, frame(1, 4, 2, request)])]))), 1, 'an even stream');
  assert.equal(status(await ask(server, get('/text'))), 200);
  await server.stop();
});

test('HTTP/2: uploads are slowed to the worker and arrive whole', async (t) => {
  const server = await start(t);
  const session = http2.connect(`http://127.0.0.1:${server.plain}`);
  const upload = (path, bytes) => new Promise((done, fail) => {
    const stream = session.request({ ':method': 'PUT', ':path': path });
    let text = '';
    stream.on('data', (data) => { text += data; }).on('end', () => done(text)).on('error', fail);
    for (let at = 0; at < bytes.length; at += 100000) stream.write(bytes.subarray(at, at + 100000));
    stream.end();
  });
  const sum = (bytes) => { let s = 0n; for (const b of bytes) s = (s * 31n + BigInt(b)) & 0xffffffffffffffffn; return s; };
  const wanted = `${big.length} ${sum(big)}\n`;
  for (const text of await Promise.all([upload('/upload', big), upload('/upload', big), upload('/upload', big)])) assert.equal(text, wanted);
  assert.equal(await upload('/upload', Buffer.alloc(0)), '0 0\n');
  session.destroy();
  const plain = await ask(server, Buffer.concat([Buffer.from(`PUT /upload HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: ${big.length}\r\n\r\n`), big]));
  assert.equal(body(plain), wanted);
  await server.stop();
});

test('a stop lets responses finish, closes what is idle and refuses what is new', async (t) => {
  const server = await start(t, '--loops', '2');
  const idle = connect(server.plain, '127.0.0.1');
  const idleClosed = new Promise((done) => idle.on('close', done));
  idle.on('error', () => {}).resume();
  const slow = connect(server.plain, '127.0.0.1');
  const got = [];
  slow.write('GET /file/2m.bin HTTP/1.1\r\nHost: t\r\n\r\n');
  await new Promise((done) => slow.once('readable', done));
  const session = http2.connect(`http://127.0.0.1:${server.plain}`);
  const closing = new Promise((done) => session.on('goaway', done).on('close', done));
  session.on('error', () => {});
  await new Promise((done) => session.once('remoteSettings', done));
  await until(server, (c) => c.connections_now >= 4);
  server.child.stdin.end();
  await idleClosed;
  await closing;
  slow.on('data', (data) => got.push(data));
  await new Promise((done) => slow.on('close', done));
  assert.equal(Buffer.concat(got).length - Buffer.concat(got).indexOf('\r\n\r\n') - 4, big.length);
  assert.equal(await server.exited, 0);
  await assert.rejects(new Promise((done, fail) => connect(server.plain, '127.0.0.1', done).on('error', fail)));
});

test('every allocation may fail: the request is lost, the server is not', async (t) => {
  const server = await start(t, '--loops', '1');
  const attempts = {
    loop: () => ask(server, get('/text')),
    file: () => ask(server, get('/file/2m.bin')),
    worker: () => ask(server, get('/work')),
    moved: () => ask(server, get('/moved')),
    upload: () => ask(server, 'PUT /upload HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello'),
    echo: () => ask(server, 'POST /echo-work HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello'),
    stream: () => ask(server, get('/stream')),
    h2: () => talk(server, [Buffer.concat([...hello, frame(1, 5, 1, request), frame(7, 0, 0, Buffer.alloc(8))])]),
  };
  for (const [name, attempt] of Object.entries(attempts)) {
    let nth = 0, fired;
    do {
      nth++;
      await server.say(`fault ${nth}`);
      await attempt();
      fired = await server.say('fault 0');
    } while (fired === 'fired' && nth < 3000);
    assert.equal(fired, 'quiet', name);
    assert.ok(nth > 1 || name === 'loop' || name === 'file', `${name} met no allocation`); // those two make none
    assert.equal(status(await ask(server, get('/text'))), 200, name);
  }
  await until(server, (c) => c.connections_now === 1 && c.requests_now === 1 && c.streams_now === 0);
  await server.stop();
});
