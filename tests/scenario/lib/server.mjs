// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Starts the real server on a free port in a data folder of its own, with a clock that only the test turns.
//
//   const server = await start(t);           // ends with the test `t`
//   const operator = await server.enter();   // signed in with the one-time link
//   await operator.post('/titles', {...});
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ending } from './ending.mjs';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
export const program = process.env.GRANDSTAND_PROGRAM ?? join(root, 'build/asan/grandstand');
export const sharedData = process.env.GRANDSTAND_SHARED_DATA ?? resolve(root, '../shared/data');
export const epoch = 1_800_000_000; // where the test's clock begins, in seconds since 1970

/** Runs a command of the program to its end, at the time at which the test's clock begins. */
export function run(args, options = {}) {
    const done = spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, GRANDSTAND_TEST_CLOCK: String(epoch) }, ...options });
    if (done.error) throw done.error;
    return done;
}

export function folder(t) {
    const path = mkdtempSync(join(tmpdir(), 'grandstand-'));
    ending(t, () => rmSync(path, { recursive: true, force: true }));
    return path;
}

/** One media file for tests: three seconds of picture and sound, made once by ffmpeg. */
export function film(t, { seconds = 3, size = '320x180', rate = 25, name = 'film.mp4', extra = [] } = {}) {
    const path = join(folder(t), name);
    const made = spawnSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}:duration=${seconds}`,
        '-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=48000:duration=${seconds}`, '-c:v', 'libx264', '-preset', 'ultrafast',
        '-g', '25', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-metadata:s:a:0', 'language=eng', ...extra, '-y', path], { encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    return path;
}

const flat = (headers) => Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));

class Server {
    constructor(data, options) {
        this.data = data;
        this.options = options;
        this.logPath = join(data, '..', `${data.split('/').pop()}.log`);
    }

    async start() {
        const log = openSync(this.logPath, 'a');
        const env = { GRANDSTAND_TEST_ARGON: 'cheap', ...process.env, ...this.options.env };
        if (this.options.clock !== 'system') env.GRANDSTAND_TEST_CLOCK = String(Math.floor(epoch + (this.advancedMs ?? 0) / 1000));
        this.child = spawn(program, ['serve', '--data', this.data, '--http', '127.0.0.1:0', '--json', ...(this.options.args ?? [])],
            { stdio: ['ignore', 'pipe', log], env });
        closeSync(log);
        this.ended = new Promise((done) => this.child.once('exit', (code, signal) => done({ code, signal })));
        const line = await new Promise((done, fail) => {
            let text = '';
            this.child.stdout.on('data', (chunk) => {
                text += chunk;
                if (text.includes('\n')) done(text);
            });
            this.ended.then(({ code, signal }) => fail(new Error(`the server ended (${code ?? signal}) before it was ready:\n${text}${this.log()}`)));
        });
        const said = JSON.parse(line);
        assert.ok(said.port, `the server did not begin to serve: ${line}${this.log()}`);
        this.port = said.port;
        this.url = `http://127.0.0.1:${said.port}`;
        this.httpsPort = said.https_port;
        this.code = said.operator ?? this.code;
        return this;
    }

    log() {
        return existsSync(this.logPath) ? readFileSync(this.logPath, 'utf8') : '';
    }

    async stop() {
        if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null) return this.ended;
        this.child.kill('SIGTERM');
        const { code, signal } = await this.ended;
        if (!this.options.mayCrash) assert.ok(code === 0, `the server ended with ${code ?? signal}:\n${this.log()}`);
        return { code, signal };
    }

    async kill() {
        this.child.kill('SIGKILL');
        return this.ended;
    }

    /** {status, headers, json, text, bytes}. Each on a connection of its own: when the test turns the clock, the server rightly
     *  closes connections that were idle. */
    async call(method, path, { body, headers = {}, raw } = {}) {
        const sent = raw ?? (body !== undefined ? Buffer.from(JSON.stringify(body)) : undefined);
        const fields = { ...(body !== undefined ? { 'content-type': 'application/json' } : {}), ...(sent ? { 'content-length': sent.length } : {}), ...headers };
        const response = await new Promise((done, fail) => {
            const asked = request(this.url + path, { method, headers: fields, agent: false }, done);
            asked.on('error', fail);
            asked.end(sent);
        });
        const chunks = [];
        for await (const chunk of response) chunks.push(chunk);
        const bytes = Buffer.concat(chunks), text = bytes.toString('utf8');
        const isJson = (response.headers['content-type'] ?? '').startsWith('application/json');
        return { status: response.statusCode, headers: new Headers(flat(response.headers)), bytes, text, json: isJson && text ? JSON.parse(text) : undefined };
    }

    get(path, headers) {
        return this.call('GET', path, { headers });
    }

    async advance(ms) {
        this.advancedMs = (this.advancedMs ?? 0) + ms;
        const { status } = await this.call('POST', '/test/clock', { body: { advance_ms: ms } });
        assert.equal(status, 200);
    }

    async enter(code = this.code, host) {
        const operator = new Operator(this, host);
        const answer = await operator.call('POST', '/session', { code });
        assert.equal(answer.status, 204, answer.text);
        operator.cookie = answer.headers.get('set-cookie').split(';')[0];
        return operator;
    }

    async metric(name) {
        const { text } = await this.get('/metrics');
        const line = text.split('\n').find((one) => one.startsWith(`grandstand_${name} `) || one.startsWith(`grandstand_${name}{`));
        return line && Number(line.split(' ').pop());
    }

    /** Begins to watch: {session, token, hls ...}, and `media(file)` that fetches with the token. */
    async play(title) {
        const begun = await this.call('POST', `/api/v1/titles/${title}/playback`);
        assert.equal(begun.status, 201, begun.text);
        const pass = begun.json;
        pass.media = (file, headers = {}) => this.get(`/media/${title}/${file}`, { 'cta-common-access-token': pass.token, ...headers });
        return pass;
    }
}

class Operator {
    constructor(server, host) {
        this.server = server;
        this.host = host;
    }

    call(method, path, body, more = {}) {
        const headers = { 'x-grandstand': '1', ...(this.cookie ? { cookie: this.cookie } : {}), ...more.headers };
        return this.server.call(method, `/api/v1${path}`, { body, ...more, headers });
    }

    get(path) {
        return this.call('GET', path);
    }

    /** Uploads in pieces; resolves to the upload's id. */
    async upload(bytes, name, piece = 1 << 20) {
        const made = await this.call('POST', '/uploads', { name, bytes: bytes.length });
        assert.equal(made.status, 201, made.text);
        let { id, offset } = made.json;
        while (offset < bytes.length) {
            const sent = await this.piece(id, offset, bytes.subarray(offset, offset + piece));
            assert.equal(sent.status, 200, sent.text);
            offset = sent.json.offset;
        }
        return id;
    }

    piece(id, offset, bytes) {
        return this.call('PATCH', `/uploads/${id}`, undefined, { raw: bytes, headers: { 'upload-offset': String(offset), 'content-type': 'application/octet-stream' } });
    }

    /** Uploads and imports a file and waits for the end of its import: {title, job}. */
    async import(path, body = {}) {
        const id = await this.upload(readFileSync(path), path.split('/').pop());
        const begun = await this.call('POST', `/uploads/${id}/import`, body);
        assert.equal(begun.status, 201, begun.text);
        const job = await this.jobEnd(begun.json.job);
        return { title: begun.json.title, job };
    }

    /** Waits for the end of the job. */
    jobEnd(id) {
        return this.jobUntil(id, () => false);
    }

    /** Listens to the events until the job has ended, or `isReached(job)`; looks at the list first, and again after each event. */
    async jobUntil(id, isReached) {
        const listening = new AbortController();
        try {
            const events = await fetch(`${this.server.url}/api/v1/events`, { headers: { cookie: this.cookie }, signal: listening.signal });
            assert.equal(events.status, 200);
            const reader = events.body.getReader();
            for (;;) {
                const { json } = await this.get('/jobs');
                const job = json.items.find((one) => one.id === id);
                if (job && (!['queued', 'running'].includes(job.state) || (await isReached(job)))) return job;
                const { done } = await reader.read();
                assert.ok(!done, 'the events ended');
            }
        } finally {
            listening.abort();
        }
    }
}

export async function start(t, options = {}) {
    const data = options.data ?? folder(t);
    const server = new Server(data, options);
    ending(t, async () => {
        const { code, signal } = await server.stop();
        rmSync(server.logPath, { force: true });
        if (!options.mayCrash) assert.ok(signal === 'SIGKILL' || code === 0, `the server ended with ${code ?? signal}:\n${server.log()}`);
    });
    return server.start();
}
